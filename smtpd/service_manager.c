/*
 * sd_notify(3), sd_listen_fds(3) and sd_watchdog_enabled(3), as their manual pages describe the protocol: three
 * environment variables and a datagram socket. That is less than a dependency.
 */
#include "smtpd/service_manager.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FDS_MAX 64

/* A number in the environment; 0 when there is none, or none that makes sense. */
static int64_t number_of(const char *name)
{
	const char *text = getenv(name);
	char *end;
	if (!text)
		return 0;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	return errno || *end || end == text || n < 0 ? 0 : n;
}

/* The variables of a service manager are for the process that they name; without a name they are for us. */
static int for_us(const char *name)
{
	return !getenv(name) || number_of(name) == getpid();
}

void service_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	if (len < 2 || len >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* the abstract namespace */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	(void)sent;
	close(fd);
}

void service_rest(int ms)
{
	if (getenv("NOTIFY_SOCKET"))
		(void)poll(NULL, 0, ms);
}

int64_t service_watchdog_ms(void)
{
	return for_us("WATCHDOG_PID") ? number_of("WATCHDOG_USEC") / 1000 : 0;
}

static int listens(int fd)
{
	int type = 0, listening = 0;
	socklen_t len = sizeof(type);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return 0;
	len = sizeof(listening);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening &&
	       type == SOCK_STREAM;
}

int service_listen_fds(void)
{
	int64_t n = getenv("LISTEN_PID") && for_us("LISTEN_PID") ? number_of("LISTEN_FDS") : 0;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (n > FDS_MAX)
		return -EINVAL;
	for (int i = 0; i < n; i++) {
		if (!listens(SERVICE_FIRST_FD + i) || fcntl(SERVICE_FIRST_FD + i, F_SETFD, FD_CLOEXEC) < 0)
			return -EINVAL;
	}
	return (int)n;
}
