/*
 * Listening and accepting.
 *
 * Always true:
 * 1. Accepting is our own accept4() behind a poll handle and not uv_listen(), because without descriptors libuv would
 *    accept and drop connections; we leave them in the backlog and look again a little later (pause).
 * 2. At most ACCEPT_AT_ONCE connections per turn of the loop: a flood does not starve the sessions that live.
 * 3. The memory lives until all handles are closed (handles); a listener that is stopped keeps its address.
 *
 * Loop thread.
 */
#include "smtpd/smtp_listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "smtpd/listen_address.h"

#define ACCEPT_AT_ONCE  64
#define ACCEPT_PAUSE_MS 200
#define PAUSE_LOG_MS    1000

struct listener {
	uv_poll_t poll;
	struct smtp_listeners *owner;
	int fd;
	bool stopped;
	char address[LISTEN_ADDRESS_SIZE];
};

struct smtp_listeners {
	uv_loop_t *loop;
	smtp_listener_cb *on_connection;
	void (*on_closed)(void *ctx);
	void *ctx;
	struct listener **items;
	size_t n;
	uv_timer_t pause; /* while there are no descriptors */
	bool pause_logged;
	int64_t pause_logged_ms;
	size_t handles; /* uv handles that still need this memory */
};

static void on_acceptable(uv_poll_t *poll, int status, int events);
static void pause_accepting(struct smtp_listeners *listeners, int error);
static void on_pause_over(uv_timer_t *timer);
static void stop_listener(struct listener *listener);
static void on_listener_closed(uv_handle_t *handle);
static void handle_gone(struct smtp_listeners *listeners);

struct smtp_listeners *smtp_listeners_new(uv_loop_t *loop, smtp_listener_cb *on_connection, void *ctx)
{
	struct smtp_listeners *listeners = XNEW(struct smtp_listeners);
	listeners->loop = loop;
	listeners->on_connection = on_connection;
	listeners->ctx = ctx;
	uv_timer_init(loop, &listeners->pause);
	listeners->pause.data = listeners;
	listeners->handles = 1;
	return listeners;
}

/* A socket, or -errno. */
static int open_socket(const struct sockaddr_storage *address, socklen_t len, int backlog, bool reuse_port)
{
	const int on = 1;
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0) ||
	    (address->ss_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    bind(fd, (const struct sockaddr *)address, len) < 0 || listen(fd, backlog) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int smtp_listeners_bind(struct smtp_listeners *listeners, const struct sockaddr_storage *address,
			socklen_t len, int backlog, bool reuse_port)
{
	int fd = open_socket(address, len, backlog, reuse_port);
	if (fd < 0)
		return fd;
	int r = smtp_listeners_adopt(listeners, fd);
	if (r < 0)
		close(fd);
	return r;
}

int smtp_listeners_adopt(struct smtp_listeners *listeners, int fd)
{
	const int on = 1;
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);
	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return -errno;
	struct listener *listener = XNEW(struct listener);
	int r = uv_poll_init(listeners->loop, &listener->poll, fd);
	if (r < 0) {
		free(listener);
		return r;
	}
	/* Linux hands these on to accepted sockets: no system call for each connection. Replies are a few octets, so the
	 * cheapest control of congestion does; one that paces what is sent sets timers for nothing. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", strlen("reno"));
	listener->owner = listeners;
	listener->fd = fd;
	listen_address_text(&address, listener->address);
	listeners->items = xreallocarray(listeners->items, listeners->n + 1, sizeof(*listeners->items));
	listeners->items[listeners->n++] = listener;
	listeners->handles++;
	uv_poll_start(&listener->poll, UV_READABLE, on_acceptable);
	return 0;
}

const char *smtp_listeners_address(const struct smtp_listeners *listeners, size_t n)
{
	return n < listeners->n ? listeners->items[n]->address : NULL;
}

/* ---- accepting */

static bool out_of_resources(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_acceptable(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct listener *listener = CONTAINER_OF(poll, struct listener, poll);
	struct smtp_listeners *listeners = listener->owner;
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		struct sockaddr_storage client = {0};
		socklen_t len = sizeof(client);
		int fd =
			accept4(listener->fd, (struct sockaddr *)&client, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			listeners->on_connection(listeners->ctx, fd, (const struct sockaddr *)&client);
			continue;
		}
		if (out_of_resources(errno)) {
			pause_accepting(listeners, errno);
			return;
		}
		if (errno == EAGAIN)
			return;
		/* the connection that waited has gone (ECONNABORTED, ...): the next one */
	}
}

static void pause_accepting(struct smtp_listeners *listeners, int error)
{
	int64_t now_ms = (int64_t)uv_now(listeners->loop);
	for (size_t i = 0; i < listeners->n; i++)
		if (!listeners->items[i]->stopped)
			uv_poll_stop(&listeners->items[i]->poll);
	if (!uv_is_active((uv_handle_t *)&listeners->pause))
		uv_timer_start(&listeners->pause, on_pause_over, ACCEPT_PAUSE_MS, 0);
	if (listeners->pause_logged && now_ms - listeners->pause_logged_ms < PAUSE_LOG_MS)
		return;
	listeners->pause_logged = true;
	listeners->pause_logged_ms = now_ms;
	LOG(LOG_LEVEL_WARN, "accept", lf_id("server", "smtp"), lf_err(-error));
}

static void on_pause_over(uv_timer_t *timer)
{
	struct smtp_listeners *listeners = timer->data;
	for (size_t i = 0; i < listeners->n; i++)
		if (!listeners->items[i]->stopped)
			uv_poll_start(&listeners->items[i]->poll, UV_READABLE, on_acceptable);
}

/* ---- the end */

void smtp_listeners_stop(struct smtp_listeners *listeners)
{
	uv_timer_stop(&listeners->pause);
	for (size_t i = 0; i < listeners->n; i++)
		stop_listener(listeners->items[i]);
}

static void stop_listener(struct listener *listener)
{
	if (listener->stopped)
		return;
	listener->stopped = true;
	uv_poll_stop(&listener->poll);
	uv_close((uv_handle_t *)&listener->poll, on_listener_closed);
	close(listener->fd);
}

static void on_listener_closed(uv_handle_t *handle)
{
	handle_gone(CONTAINER_OF(handle, struct listener, poll)->owner);
}

static void on_pause_closed(uv_handle_t *handle)
{
	handle_gone(((uv_timer_t *)handle)->data);
}

void smtp_listeners_close(struct smtp_listeners *listeners, void (*on_closed)(void *ctx))
{
	listeners->on_closed = on_closed;
	smtp_listeners_stop(listeners);
	uv_close((uv_handle_t *)&listeners->pause, on_pause_closed);
}

static void handle_gone(struct smtp_listeners *listeners)
{
	void (*on_closed)(void *ctx) = listeners->on_closed;
	void *ctx = listeners->ctx;
	if (--listeners->handles > 0)
		return;
	for (size_t i = 0; i < listeners->n; i++)
		free(listeners->items[i]);
	free(listeners->items);
	free(listeners);
	on_closed(ctx);
}
