/*
 * The control socket: who may connect, and lines in, lines out. What a line asks for is control_request.c's. Loop thread.
 *
 *	accept -> peer's uid -> READING -(a whole line)-> BUSY -(answer written)-> READING ...
 *
 * 1. A connection has at most one request under way; while it is BUSY nothing is read from it.
 * 2. A connection is idle-timed unless it is BUSY; a peer that does not read its answer is idle too.
 * 3. A control is freed when its handles are closed and its last request came back (`pending` counts both).
 */
#include "smtpd/control_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "smtpd/control_path.h"

#define READ_SIZE 16384

static int bind_socket(const char *path, struct conf_error *reterr);
static void on_connection(uv_stream_t *listener, int status);
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);
static void on_idle(uv_timer_t *timer);
static void next_request(struct control_connection *connection);
static void on_written(uv_write_t *write, int status);
static void connection_close(struct control_connection *connection);
static void on_connection_closed(uv_handle_t *handle);

/* ---- life ---- */

int control_open(struct control **ret, const struct control_deps *deps, void *ctx, struct conf_error *reterr)
{
	const char *path = deps->conf(ctx)->control_path;
	int fd = bind_socket(path, reterr);
	if (fd < 0)
		return fd;
	struct control *control = XNEW(struct control);
	control->deps = *deps;
	control->ctx = ctx;
	control->path = xstrdup(path);
	list_init(&control->connections);
	control->listener.data = control;
	control->pending = 1;
	uv_pipe_init(deps->loop, &control->listener, 0);
	int r = uv_pipe_open(&control->listener, fd);
	if (r < 0)
		close(fd);
	else
		r = uv_listen((uv_stream_t *)&control->listener, CONTROL_CONNECTIONS_MAX, on_connection);
	if (r < 0) {
		snprintf(reterr->text, sizeof(reterr->text), "control socket %s: %s", path, uv_strerror(r));
		control_close(control, NULL, NULL);
		return r;
	}
	*ret = control;
	return 0;
}

void control_forget(struct control *control)
{
	if (--control->pending > 0 || !control->closing)
		return;
	if (control->on_closed)
		control->on_closed(control->closed_ctx);
	free(control->path);
	free(control);
}

static void on_listener_closed(uv_handle_t *handle)
{
	control_forget(handle->data);
}

struct control *control_close(struct control *control, void (*on_closed)(void *ctx), void *ctx)
{
	if (!control) {
		if (on_closed)
			on_closed(ctx);
		return NULL;
	}
	control->closing = true;
	control->on_closed = on_closed;
	control->closed_ctx = ctx;
	unlink(control->path);
	LIST_FOREACH_SAFE(node, tmp, &control->connections) {
		connection_close(CONTAINER_OF(node, struct control_connection, link));
	}
	if (!control->reprocess_busy)
		control_release_reprocess(control, control->reprocess_owner);
	uv_close((uv_handle_t *)&control->listener, on_listener_closed);
	return NULL;
}

/* A socket file that nobody answers on is left from a crash; anything else there is not ours to remove. */
static int clear_stale(const char *path, const struct sockaddr_un *address, struct conf_error *reterr)
{
	struct stat st;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(reterr->text, sizeof(reterr->text), "%s: is there and is not a socket", path);
		return -EEXIST;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int r = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	int err = errno;
	close(fd);
	if (r == 0 || err == EAGAIN) {
		snprintf(reterr->text, sizeof(reterr->text), "%s: another server answers on it", path);
		return -EADDRINUSE;
	}
	if (err != ECONNREFUSED)
		return -err;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int bind_socket(const char *path, struct conf_error *reterr)
{
	struct sockaddr_un address;
	int fd = -1;
	reterr->text[0] = 0;
	int r = control_address(path, &address);
	if (r == 0)
		r = clear_stale(path, &address, reterr);
	if (r < 0)
		goto fail;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		r = -errno;
		goto fail;
	}
	/* The mode must be right from the first instant; chmod afterwards would leave a gap. */
	mode_t mask = umask(0177);
	r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	if (r == 0)
		return fd;
fail:
	if (fd >= 0)
		close(fd);
	if (!reterr->text[0])
		snprintf(reterr->text, sizeof(reterr->text), "control socket %s: %s", path, uv_strerror(r));
	return r;
}

/* ---- connections ---- */

static bool peer_allowed(struct control *control, uv_pipe_t *pipe)
{
	uv_os_fd_t fd;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	if (uv_fileno((uv_handle_t *)pipe, &fd) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	LOG(LOG_LEVEL_WARN, "control-refused", lf_id("control", control->path), lf_int("uid", peer.uid),
	    lf_int("pid", peer.pid));
	return false;
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct control *control = CONTAINER_OF(listener, struct control, listener);
	if (status < 0 || control->closing)
		return;
	struct control_connection *connection = XNEW(struct control_connection);
	connection->control = control;
	connection->id = ++control->last_id;
	strbuf_init(&connection->in, CONTROL_REQUEST_MAX + READ_SIZE);
	strbuf_init(&connection->out, CONTROL_ANSWER_MAX);
	list_push_back(&control->connections, &connection->link);
	control->connections_n++;
	control->pending++;
	uv_pipe_init(control->deps.loop, &connection->pipe, 0);
	uv_timer_init(control->deps.loop, &connection->idle);
	connection->handles = 2;
	connection->pipe.data = connection->idle.data = connection;
	if (uv_accept(listener, (uv_stream_t *)&connection->pipe) < 0 ||
	    control->connections_n > CONTROL_CONNECTIONS_MAX || !peer_allowed(control, &connection->pipe)) {
		connection_close(connection);
		return;
	}
	next_request(connection);
}

struct control_connection *control_find(struct control *control, uint64_t id)
{
	LIST_FOREACH(node, &control->connections) {
		struct control_connection *connection = CONTAINER_OF(node, struct control_connection, link);
		if (connection->id == id && !connection->closing)
			return connection;
	}
	return NULL;
}

static void on_alloc(uv_handle_t *handle, size_t suggested UNUSED, uv_buf_t *buf)
{
	struct control_connection *connection = handle->data;
	buf->base = strbuf_reserve(&connection->in, READ_SIZE);
	buf->len = buf->base ? READ_SIZE : 0;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf UNUSED)
{
	struct control_connection *connection = stream->data;
	if (n == 0)
		return;
	if (n < 0) {
		connection_close(connection);
		return;
	}
	connection->in.len += (size_t)n;
	next_request(connection);
}

static void on_idle(uv_timer_t *timer)
{
	connection_close(timer->data);
}

/* READING: the next whole line, if it is there; else read on. */
static void next_request(struct control_connection *connection)
{
	struct str in = strbuf_str(&connection->in);
	size_t len = connection->searched + str_find(str_sub(in, connection->searched, in.len), '\n');
	uv_timer_start(&connection->idle, on_idle, CONTROL_IDLE_MS, 0);
	connection->searched = 0;
	if (len == in.len && len <= CONTROL_REQUEST_MAX) {
		connection->searched = len;
		int r = uv_read_start((uv_stream_t *)&connection->pipe, on_alloc, on_read);
		if (r < 0 && r != UV_EALREADY) /* a part of a line came: it is being read */
			connection_close(connection);
		return;
	}
	uv_read_stop((uv_stream_t *)&connection->pipe);
	connection->busy = true;
	strbuf_clear(&connection->out);
	if (len > CONTROL_REQUEST_MAX) {
		strbuf_clear(&connection->in); /* the rest of the line can't be told from a request */
		admin_answer_error(&connection->out, ADMIN_USAGE, "a request has at most %d octets",
				   CONTROL_REQUEST_MAX);
		control_answer(connection);
		connection_close(connection);
		return;
	}
	uv_timer_stop(&connection->idle);
	char *line = xstrndup(str_sub(in, 0, len));
	strbuf_consume(&connection->in, len + 1);
	control_request(connection, (struct str){line, len});
	free(line);
}

void control_answer(struct control_connection *connection)
{
	if (connection->out.overflow) {
		strbuf_clear(&connection->out);
		admin_answer_error(&connection->out, ADMIN_INTERNAL, "the answer is too long");
	}
	strbuf_addc(&connection->out, '\n');
	uv_buf_t buf = uv_buf_init(connection->out.ptr, (unsigned)connection->out.len);
	uv_timer_start(&connection->idle, on_idle, CONTROL_IDLE_MS, 0);
	if (uv_write(&connection->write, (uv_stream_t *)&connection->pipe, &buf, 1, on_written) < 0)
		connection_close(connection);
}

static void on_written(uv_write_t *write, int status)
{
	struct control_connection *connection = CONTAINER_OF(write, struct control_connection, write);
	if (connection->closing)
		return;
	if (status < 0) {
		connection_close(connection);
		return;
	}
	connection->busy = false;
	next_request(connection);
}

static void connection_close(struct control_connection *connection)
{
	if (connection->closing)
		return;
	connection->closing = true;
	uv_close((uv_handle_t *)&connection->pipe, on_connection_closed);
	uv_close((uv_handle_t *)&connection->idle, on_connection_closed);
}

static void on_connection_closed(uv_handle_t *handle)
{
	struct control_connection *connection = handle->data;
	struct control *control = connection->control;
	if (--connection->handles > 0)
		return;
	list_remove(&connection->link);
	control->connections_n--;
	if (!control->reprocess_busy)
		control_release_reprocess(control, connection->id);
	strbuf_done(&connection->in);
	strbuf_done(&connection->out);
	free(connection);
	control_forget(control);
}
