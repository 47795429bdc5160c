/*
 * What systemd, or another service manager of its protocol, gives and wants: sockets that it opened for us, and word
 * of how we are. Without one each of these does nothing. Main thread.
 */
#ifndef SERVELO_SMTPD_SERVICE_MANAGER_H
#define SERVELO_SMTPD_SERVICE_MANAGER_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1"; several with LF between. Never blocks; word that is lost is lost. */
void service_notify(const char *state);
/* Before an end that another start would repeat at once: waits ms, or until a signal, when a service manager runs us. Its own
 * pause between starts does not count when a connection waits at a socket that it holds. */
void service_rest(int ms);
/* How often it wants to hear WATCHDOG=1, or kills us; 0: never. Half of it is the usual beat. */
int64_t service_watchdog_ms(void);
/*
 * How many listening sockets it handed us: descriptors SERVICE_FIRST_FD and up, made close-on-exec. Only the first call
 * tells: they are taken then, and children do not hear of them. -EINVAL: one of them is no listening stream socket.
 */
#define SERVICE_FIRST_FD 3
int service_listen_fds(void);

#endif
