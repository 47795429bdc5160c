/*
 * The control socket. Loop thread, but for what a request does on a worker (reading a stored original anew).
 *
 *	accept -> peer's uid -> READING -(a whole line)-> BUSY -(answer written)-> READING ...
 *
 * 1. A connection has at most one request under way; while it is BUSY nothing is read from it.
 * 2. A request outlives its connection: it carries the connection's id, and the answer looks it up and may find
 *    nobody.
 * 3. A control is freed when its handles are closed and its last request came back (`pending` counts both).
 * 4. A connection is idle-timed unless it is BUSY; a peer that does not read its answer is idle too.
 * 5. Originals are read anew one at a time (`reprocess` is for one thread); another request for it is told to
 *    come again. The parser child that this needs ends with the connection that asked for it.
 */
#include "smtpd/control.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "smtpd/admin_ops.h"
#include "smtpd/control_path.h"
#include "smtpd/reprocess.h"

#define READ_SIZE 16384

struct control {
	struct control_deps deps;
	void *ctx;
	char *path;
	uv_pipe_t listener;
	struct list connections;
	size_t connections_n;
	uint64_t last_id;
	size_t pending; /* handles not yet closed and requests not yet back */
	bool closing;
	void (*on_closed)(void *ctx);
	void *closed_ctx;
	struct reprocess *reprocess;
	uint64_t reprocess_owner; /* connection */
	bool reprocess_busy;
};

struct connection {
	struct list_node link;
	struct control *control;
	uint64_t id;
	uv_pipe_t pipe;
	uv_timer_t idle;
	uv_write_t write;
	struct strbuf in, out;
	size_t searched;  /* so much of in holds no LF */
	unsigned handles; /* open ones of the two */
	bool busy, closing;
};

/* One request under way on the writer or on a worker. */
struct request {
	struct control *control;
	uint64_t connection;
	struct admin_op *op;
	bool undoing; /* op puts a setting back */
	char *refusal;
	/* message.reprocess */
	struct work work;
	struct mail_id mail_id;
	bool dry_run, diff;
	struct reparsed *reparsed;
	int status;
	struct conf_error error;
};

static int bind_socket(const char *path, struct conf_error *reterr);
static void on_connection(uv_stream_t *listener, int status);
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);
static void on_idle(uv_timer_t *timer);
static void next_request(struct connection *connection);
static void take_request(struct connection *connection, struct str line);
static void answer(struct connection *connection);
static void on_written(uv_write_t *write, int status);
static void connection_close(struct connection *connection);
static void on_connection_closed(uv_handle_t *handle);
static void start_change(struct connection *connection, struct str line);
static void on_change_done(struct store_job *job, int status);
static void start_reprocess(struct connection *connection, const json_t *object);
static void reprocess_run(struct work *work);
static void reprocess_done(struct work *work);
static void on_reparsed_stored(struct store_job *job, int status);
static void release_reprocess(struct control *control, uint64_t connection_id);

static void answer_result(struct strbuf *out, json_t *result)
{
	json_t *object = json_pack("{s:b,s:o}", "ok", 1, "result", result);
	char *text = json_dumps(object, JSON_COMPACT);
	strbuf_adds(out, text ? text : "{\"ok\":false,\"code\":\"internal\",\"error\":\"no result\"}");
	free(text);
	json_decref(object);
}

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

static void forget_one(struct control *control)
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
	forget_one(handle->data);
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
		connection_close(CONTAINER_OF(node, struct connection, link));
	}
	if (!control->reprocess_busy)
		release_reprocess(control, control->reprocess_owner);
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
	struct connection *connection = XNEW(struct connection);
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

static struct connection *connection_find(struct control *control, uint64_t id)
{
	LIST_FOREACH(node, &control->connections) {
		struct connection *connection = CONTAINER_OF(node, struct connection, link);
		if (connection->id == id && !connection->closing)
			return connection;
	}
	return NULL;
}

static void on_alloc(uv_handle_t *handle, size_t suggested UNUSED, uv_buf_t *buf)
{
	struct connection *connection = handle->data;
	buf->base = strbuf_reserve(&connection->in, READ_SIZE);
	buf->len = buf->base ? READ_SIZE : 0;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf UNUSED)
{
	struct connection *connection = stream->data;
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
static void next_request(struct connection *connection)
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
		answer(connection);
		connection_close(connection);
		return;
	}
	uv_timer_stop(&connection->idle);
	char *line = xstrndup(str_sub(in, 0, len));
	strbuf_consume(&connection->in, len + 1);
	take_request(connection, (struct str){line, len});
	free(line);
}

static void answer(struct connection *connection)
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
	struct connection *connection = CONTAINER_OF(write, struct connection, write);
	if (connection->closing)
		return;
	if (status < 0) {
		connection_close(connection);
		return;
	}
	connection->busy = false;
	next_request(connection);
}

static void connection_close(struct connection *connection)
{
	if (connection->closing)
		return;
	connection->closing = true;
	uv_close((uv_handle_t *)&connection->pipe, on_connection_closed);
	uv_close((uv_handle_t *)&connection->idle, on_connection_closed);
}

static void on_connection_closed(uv_handle_t *handle)
{
	struct connection *connection = handle->data;
	struct control *control = connection->control;
	if (--connection->handles > 0)
		return;
	list_remove(&connection->link);
	control->connections_n--;
	if (!control->reprocess_busy)
		release_reprocess(control, connection->id);
	strbuf_done(&connection->in);
	strbuf_done(&connection->out);
	free(connection);
	forget_one(control);
}

/* ---- requests that need no job ---- */

static void request_ping(struct connection *connection, const json_t *object UNUSED)
{
	answer_result(&connection->out,
		      json_pack("{s:s,s:I}", "version", SERVELO_VERSION, "pid", (json_int_t)getpid()));
	answer(connection);
}

static void add_stat(void *fn_ctx, const char *key, int64_t value)
{
	json_object_set_new(fn_ctx, key, json_integer(value));
}

static void add_stat_text(void *fn_ctx, const char *key, struct str text)
{
	json_object_set_new(fn_ctx, key, json_stringn(text.ptr, text.len));
}

static void request_stats(struct connection *connection, const json_t *object UNUSED)
{
	struct control *control = connection->control;
	json_t *result = json_object();
	if (control->deps.stats)
		control->deps.stats(control->ctx, add_stat, result);
	if (control->deps.stat_texts)
		control->deps.stat_texts(control->ctx, add_stat_text, result);
	answer_result(&connection->out, result);
	answer(connection);
}

struct in_force {
	json_t *values;
	bool started; /* that of the start: what needs a restart is taken from it */
};

static void add_in_force(void *ctx, const char *key, const struct conf_option *option, const char *value,
			 const char *origin)
{
	struct in_force *in_force = ctx;
	if (in_force->started && !(option->flags & CONF_RESTART))
		return;
	json_object_set_new(in_force->values, key,
			    json_pack("{s:s,s:s}", "value", value ? value : "", "origin", origin));
}

static void request_settings(struct connection *connection, const json_t *object UNUSED)
{
	struct control *control = connection->control;
	struct in_force in_force = {.values = json_object()};
	conf_walk(control->deps.conf(control->ctx)->conf, add_in_force, &in_force);
	in_force.started = true;
	if (control->deps.conf_started)
		conf_walk(control->deps.conf_started(control->ctx)->conf, add_in_force, &in_force);
	answer_result(&connection->out, in_force.values);
	answer(connection);
}

static const struct {
	const char *op;
	void (*fn)(struct connection *connection, const json_t *object);
} requests[] = {
	{"ping", request_ping},
	{"stats", request_stats},
	{"settings", request_settings},
	{"message.reprocess", start_reprocess},
};

static void take_request(struct connection *connection, struct str line)
{
	json_t *object = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, NULL);
	const char *op = json_string_value(json_object_get(object, "op"));
	for (size_t i = 0; op && i < ARRAY_SIZE(requests); i++) {
		if (strcmp(op, requests[i].op) == 0) {
			requests[i].fn(connection, object);
			json_decref(object);
			return;
		}
	}
	json_decref(object);
	start_change(connection, line);
}

/* ---- changes ---- */

static int try_setting(void *ctx, const char *key, const char *value, struct conf_error *reterr)
{
	const struct control *control = ctx;
	return server_conf_try_setting(control->deps.conf_path, key, value, reterr);
}

static struct request *request_new(struct connection *connection)
{
	struct request *request = XNEW(struct request);
	request->control = connection->control;
	request->connection = connection->id;
	connection->control->pending++;
	return request;
}

static void request_free(struct request *request)
{
	struct control *control = request->control;
	admin_op_free(request->op);
	reparsed_free(request->reparsed);
	free(request->refusal);
	free(request);
	forget_one(control);
}

/* Hands the op's job over; when the store can't take it, says so. */
static int submit_op(struct request *request)
{
	struct store_job *job = admin_op_job(request->op);
	admin_op_set_ctx(request->op, request);
	job->done = on_change_done;
	return store_submit(request->control->deps.store, job);
}

static void start_change(struct connection *connection, struct str line)
{
	struct control *control = connection->control;
	const struct admin_rules rules = {
		.forwards = &control->deps.conf(control->ctx)->forwards->map,
		.domain = control->deps.conf(control->ctx)->mail->domain,
		.keys = control->deps.keys ? control->deps.keys(control->ctx) : NULL,
		.try_setting = try_setting,
		.ctx = control,
	};
	struct admin_op *op;
	if (admin_op_new(&op, line, &rules, &connection->out) < 0) {
		answer(connection);
		return;
	}
	struct request *request = request_new(connection);
	request->op = op;
	if (submit_op(request) < 0) {
		admin_answer_error(&connection->out, ADMIN_UNAVAILABLE,
				   "the server is busy; nothing was changed");
		answer(connection);
		request_free(request);
	}
}

/* What a committed change means for the running server. 1: it is being undone, and the answer comes later. */
static int put_in_force(struct request *request, struct strbuf *out)
{
	struct control *control = request->control;
	struct conf_error error = {""};
	int r;
	switch (admin_op_effect(request->op)) {
	case ADMIN_CHANGES_TENANTS:
		r = control->deps.tenants_changed(control->ctx);
		if (r < 0)
			admin_answer_error(
				out, ADMIN_STORAGE,
				"stored, but not in force: the tenants could not be read again (%s)",
				uv_strerror(r));
		return r;
	case ADMIN_CHANGES_SETTINGS:
		r = control->deps.settings_changed(control->ctx, &error);
		if (r == 0)
			return 0;
		request->refusal = xasprintf("put back as it was: %s", error.text);
		struct admin_op *undo = admin_op_undo(request->op);
		admin_op_free(request->op);
		request->op = undo;
		request->undoing = true;
		if (submit_op(request) == 0)
			return 1;
		admin_answer_error(out, ADMIN_CONFIG, "stored, but not in force: %s", error.text);
		return r;
	case ADMIN_MAKES_JOBS:
		if (control->deps.jobs_due)
			control->deps.jobs_due(control->ctx);
		return 0;
	case ADMIN_PAUSES_OUTBOX:
	case ADMIN_RESUMES_OUTBOX:
		if (control->deps.paused)
			control->deps.paused(control->ctx,
					     admin_op_effect(request->op) == ADMIN_PAUSES_OUTBOX);
		return 0;
	case ADMIN_CHANGES_NOTHING_ELSE:
		return 0;
	}
	return 0;
}

static void log_change(const struct request *request)
{
	const char *event = request->undoing ? "change-undone" : "changed";
	struct str value = admin_op_logged_value(request->op);
	if (value.ptr)
		LOG(LOG_LEVEL_INFO, event, lf_id("control", admin_op_name(request->op)),
		    lf_str("what", admin_op_subject(request->op)), lf_str("value", value));
	else
		LOG(LOG_LEVEL_INFO, event, lf_id("control", admin_op_name(request->op)),
		    lf_str("what", admin_op_subject(request->op)));
}

static void on_change_done(struct store_job *job, int status)
{
	struct request *request = admin_op_ctx(admin_op_of(job));
	struct control *control = request->control;
	struct strbuf out;
	strbuf_init(&out, CONTROL_ANSWER_MAX);
	if (status == 0)
		log_change(request);
	if (request->undoing)
		admin_answer_error(&out, ADMIN_CONFIG, "%s%s", status < 0 ? "NOT " : "", request->refusal);
	else if (status < 0 || control->closing)
		admin_op_answer(request->op, status, &out);
	else {
		int r = put_in_force(request, &out);
		if (r > 0) {
			strbuf_done(&out);
			return;
		}
		if (r == 0)
			admin_op_answer(request->op, 0, &out);
	}
	struct connection *connection = connection_find(control, request->connection);
	if (connection) {
		strbuf_add(&connection->out, strbuf_str(&out));
		answer(connection);
	}
	strbuf_done(&out);
	request_free(request);
}

/* ---- message.reprocess ---- */

static void refuse(struct connection *connection, enum admin_code code, const char *why)
{
	admin_answer_error(&connection->out, code, "%s", why);
	answer(connection);
}

static void start_reprocess(struct connection *connection, const json_t *object)
{
	struct control *control = connection->control;
	struct str id = str_from(json_string_value(json_object_get(object, "id")));
	if (!mail_id_valid(id)) {
		refuse(connection, ADMIN_USAGE, "message.reprocess needs \"id\"");
		return;
	}
	if (control->reprocess_busy || (control->reprocess && control->reprocess_owner != connection->id)) {
		refuse(connection, ADMIN_UNAVAILABLE, "somebody else is reprocessing; try again later");
		return;
	}
	struct request *request = request_new(connection);
	memcpy(request->mail_id.text, id.ptr, MAIL_ID_LEN);
	request->dry_run = json_is_true(json_object_get(object, "dry_run"));
	request->diff = json_is_true(json_object_get(object, "diff"));
	request->work.run = reprocess_run;
	request->work.done = reprocess_done;
	if (!control->reprocess)
		control->reprocess = reprocess_new(control->deps.conf(control->ctx), control->deps.argv0);
	control->reprocess_owner = connection->id;
	control->reprocess_busy = true;
	if (workers_submit(control->deps.workers, &request->work) < 0) {
		control->reprocess_busy = false;
		refuse(connection, ADMIN_UNAVAILABLE, "the server is busy; try again later");
		request_free(request);
	}
}

/* Worker. */
static void reprocess_run(struct work *work)
{
	struct request *request = CONTAINER_OF(work, struct request, work);
	request->status = reprocess_read(request->control->reprocess, &request->mail_id, request->diff,
					 &request->reparsed, &request->error);
}

static void finish_reprocess(struct request *request, int status)
{
	struct control *control = request->control;
	struct connection *connection = connection_find(control, request->connection);
	if (!connection) {
		release_reprocess(control, request->connection);
		request_free(request);
		return;
	}
	if (status == 0) {
		strbuf_adds(&connection->out, "{\"ok\":true,\"result\":");
		reparsed_report(request->reparsed, &connection->out);
		strbuf_addc(&connection->out, '}');
	} else
		admin_answer_error(&connection->out, status == -ENOENT ? ADMIN_NOT_FOUND : ADMIN_STORAGE,
				   "%s: %s", request->mail_id.text,
				   request->error.text[0] ? request->error.text : uv_strerror(status));
	answer(connection);
	request_free(request);
}

static void reprocess_done(struct work *work)
{
	struct request *request = CONTAINER_OF(work, struct request, work);
	struct control *control = request->control;
	control->reprocess_busy = false;
	if (request->status == 0 && !request->dry_run && reparsed_changed(request->reparsed)) {
		struct store_job *job = reparsed_job(request->reparsed);
		reparsed_set_ctx(request->reparsed, request);
		job->done = on_reparsed_stored;
		request->status = store_submit(control->deps.store, job);
		if (request->status == 0)
			return;
	}
	finish_reprocess(request, request->status);
}

static void on_reparsed_stored(struct store_job *job, int status)
{
	const struct request *request = reparsed_ctx(reparsed_of(job));
	if (status == 0)
		LOG(LOG_LEVEL_INFO, "changed", lf_id("control", "message.reprocess"),
		    lf_cstr("what", request->mail_id.text));
	finish_reprocess(reparsed_ctx(reparsed_of(job)), status);
}

struct release {
	struct work work;
	struct control *control;
	struct reprocess *reprocess;
};

static void release_run(struct work *work)
{
	struct release *release = CONTAINER_OF(work, struct release, work);
	release->reprocess = reprocess_free(release->reprocess);
}

static void release_done(struct work *work)
{
	struct release *release = CONTAINER_OF(work, struct release, work);
	forget_one(release->control);
	free(release);
}

/* Ending a child means waiting for it: a worker does. */
static void release_reprocess(struct control *control, uint64_t connection_id)
{
	if (!control->reprocess || control->reprocess_owner != connection_id)
		return;
	struct release *release = XNEW(struct release);
	release->control = control;
	release->reprocess = control->reprocess;
	release->work.run = release_run;
	release->work.done = release_done;
	control->reprocess = NULL;
	control->pending++;
	if (workers_submit(control->deps.workers, &release->work) < 0) {
		release_run(&release->work);
		release_done(&release->work);
	}
}
