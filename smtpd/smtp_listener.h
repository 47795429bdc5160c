/*
 * The listening sockets of a server, as one thing: bind or adopt some, then each connection comes by on_connection(),
 * until they are stopped. Loop thread.
 *
 *	listeners = smtp_listeners_new(loop, on_connection, ctx);
 *	smtp_listeners_bind(listeners, ...)	or smtp_listeners_adopt(listeners, fd), as often as needed
 *	smtp_listeners_stop(listeners);		no more connections; addresses can still be asked for
 *	smtp_listeners_close(listeners, on_closed);	frees, and calls on_closed(ctx) when the loop has let go
 */
#ifndef SERVELO_SMTPD_SMTP_LISTENER_H
#define SERVELO_SMTPD_SMTP_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <uv.h>

struct smtp_listeners;

/* The socket does not block and is the callee's to close. */
typedef void smtp_listener_cb(void *ctx, int fd, const struct sockaddr *client);

struct smtp_listeners *smtp_listeners_new(uv_loop_t *loop, smtp_listener_cb *on_connection, void *ctx);
/* -errno. */
int smtp_listeners_bind(struct smtp_listeners *listeners, const struct sockaddr_storage *address,
			socklen_t len, int backlog, bool reuse_port);
/* Takes a socket that listens already. On failure it is still the caller's. -errno. */
int smtp_listeners_adopt(struct smtp_listeners *listeners, int fd);
/* Address n as "127.0.0.1:2525" with the real port; NULL past the end. */
const char *smtp_listeners_address(const struct smtp_listeners *listeners, size_t n);
void smtp_listeners_stop(struct smtp_listeners *listeners);
void smtp_listeners_close(struct smtp_listeners *listeners, void (*on_closed)(void *ctx));

#endif
