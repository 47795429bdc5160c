/*
 * The socket and TLS side of a session: octets in, replies out, back-pressure.
 *
 *	socket -> [tls] -> session_consume() -> commands, mail data      (views of the server's one read buffer)
 *	replies of a turn (server->out) -> [tls] -> uv_try_write() -> what is left: uv_write()
 *
 * Always true:
 * 1. Nothing is copied on the way in but what must wait: a line that is not complete (command_reader) and
 *    what comes while the session waits (pending). Reading goes on for one read while a session waits, since
 *    an honest client sends nothing then, and stops when something came: so pending is bounded.
 * 2. All replies of a turn go out in one write, the reply to QUIT in one packet with the end. When more than
 *    WRITE_QUEUE_MAX octets are queued because the client does not read, the session waits: its input is not
 *    looked at until half of it is gone.
 * 3. What was said in clear before STARTTLS is thrown away, and after TLS was asked for nothing is ever read or
 *    written in clear again: TLS that ends ends the connection.
 * 4. uv_close() is called once (closed), and frees the session in its callback.
 *
 * Our last words: closing a socket while input is unread makes the kernel reset the connection, and the
 * client may lose our reply. So, where the client may be sending, we say what we have to say, shut our side
 * down, and throw away what comes for LINGER_MS at most.
 *
 * Loop thread.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "smtpd/session_private.h"

struct write {
	uv_write_t req;
	struct smtp_session *session;
	size_t len;
	char octets[];
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf);
static bool input(struct smtp_session *session, struct str octets);
static bool handshake_input(struct smtp_session *session, struct str octets);
static bool tls_input(struct smtp_session *session, struct str octets);
static bool read_tls(struct smtp_session *session);
static bool consume_and_keep(struct smtp_session *session, struct str in);
static bool consume(struct smtp_session *session, struct str *in);
static void input_ended(struct smtp_session *session, int error);
static void write_tls_output(struct smtp_session *session);
static void write_octets(struct smtp_session *session, struct str octets);
static void on_written(uv_write_t *req, int status);
static void finish(struct smtp_session *session);
static void on_closed(uv_handle_t *handle);

static struct smtp_session *session_of(void *handle)
{
	return CONTAINER_OF(handle, struct smtp_session, tcp);
}

static uv_stream_t *stream_of(struct smtp_session *session)
{
	return (uv_stream_t *)&session->tcp;
}

static bool waiting(const struct smtp_session *session)
{
	return session->waits || session->state == SESSION_COMMIT;
}

static bool in_body(const struct smtp_session *session)
{
	return (session->state & (SESSION_DATA | SESSION_CHUNK)) || session->swallow_left;
}

int session_io_open(struct smtp_session *session, int fd)
{
	int r = uv_tcp_init(session->server->loop, &session->tcp);
	if (r < 0)
		return r;
	r = uv_tcp_open(&session->tcp, fd);
	assert(r == 0); /* it can only refuse a descriptor that is in use */
	return r;
}

/* ---- in */

static void on_alloc(uv_handle_t *handle, size_t suggested UNUSED, uv_buf_t *buf)
{
	struct smtp_session *session = session_of(handle);
	bool big = (in_body(session) && !waiting(session)) || session->state == SESSION_CLOSING;
	*buf = uv_buf_init(session->server->read_buf, big ? READ_SIZE : READ_SIZE_COMMAND);
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
	struct smtp_session *session = session_of(stream);
	struct smtp_server *server = session->server;
	if (nread == 0)
		return;
	server_enter(server);
	bool progress = false;
	if (nread > 0)
		progress = input(session, (struct str){buf->base, (size_t)nread});
	else
		input_ended(session, (int)nread);
	session_turn_end(session, progress);
	server_leave(server);
}

static void stop_reading(struct smtp_session *session)
{
	if (session->reading)
		uv_read_stop(stream_of(session));
	session->reading = false;
}

/* True when a whole command or some mail data was in it. */
static bool input(struct smtp_session *session, struct str octets)
{
	session->server->stats.bytes_in += (int64_t)octets.len;
	if (session->state == SESSION_CLOSING)
		return false;
	if (session->state == SESSION_HANDSHAKE)
		return handshake_input(session, octets);
	if (session->tls)
		return tls_input(session, octets);
	if (!waiting(session))
		return consume_and_keep(session, octets);
	strbuf_add(&session->pending, octets);
	stop_reading(session);
	return false;
}

/* Reading goes on for a while, so that who has gone does not stand in line. */
static bool handshake_input(struct smtp_session *session, struct str octets)
{
	strbuf_add(&session->pending, octets);
	if (session->pending.len >= LINE_PENDING_MAX)
		stop_reading(session);
	handshake_line_enter(session);
	return false;
}

void session_shake_hands(struct smtp_session *session)
{
	struct strbuf held = session->pending;
	strbuf_init(&session->pending, held.len_max);
	bool progress = tls_input(session, strbuf_str(&held));
	strbuf_done(&held);
	session_turn_end(session, progress);
}

static void tls_opened(struct smtp_session *session)
{
	char id[20];
	session_set_state(session, SESSION_READY);
	session->tls_open = true;
	session->server->stats.in_tls++;
	if (log_wants(LOG_LEVEL_DEBUG))
		LOG(LOG_LEVEL_DEBUG, "tls", lf_id("session", session_id_text(session, id)),
		    lf_cstr("version", tls_channel_version(session->tls)),
		    lf_cstr("cipher", tls_channel_cipher(session->tls)),
		    lf_cstr("sni", tls_channel_sni(session->tls)));
}

static void tls_failed(struct smtp_session *session)
{
	char id[20], ip[POLICY_TEXT_SIZE];
	LOG(LOG_LEVEL_INFO, "tls", lf_id("session", session_id_text(session, id)),
	    lf_cstr("client", policy_address_text(&session->address, ip)), lf_cstr("status", "failed"),
	    lf_cstr("error", tls_channel_error(session->tls)));
	session_abort(session, "tls", 0);
}

static bool tls_input(struct smtp_session *session, struct str octets)
{
	enum tls_event event = tls_channel_feed(session->tls, octets);
	write_tls_output(session);
	if (session->closed || event == TLS_HANDSHAKING)
		return false;
	if (event == TLS_FAILED) {
		tls_failed(session);
		return false;
	}
	if (event == TLS_CLOSED) {
		session_end(session, REPLY_NONE, false, "tls-closed");
		return false;
	}
	if (session->state == SESSION_HANDSHAKE)
		tls_opened(session);
	if (waiting(session)) {
		stop_reading(session);
		return false;
	}
	return read_tls(session);
}

static bool read_tls(struct smtp_session *session)
{
	struct smtp_server *server = session->server;
	bool progress = false;
	while (!waiting(session) && session->state != SESSION_CLOSING) {
		ssize_t n = tls_channel_read(session->tls, server->plain_buf, sizeof(server->plain_buf));
		if (n < 0 && session->state != SESSION_CLOSING)
			session_end(session, REPLY_NONE, false, "tls-closed");
		if (n <= 0)
			break;
		progress |= consume_and_keep(session, (struct str){server->plain_buf, (size_t)n});
	}
	return progress;
}

static bool consume_and_keep(struct smtp_session *session, struct str in)
{
	bool progress = consume(session, &in);
	strbuf_add(&session->pending, in);
	return progress;
}

/* Takes everything, or stops because the session has to wait. */
static bool consume(struct smtp_session *session, struct str *in)
{
	bool progress = false;
	session->input = in;
	while (!waiting(session)) {
		if (session->state & (SESSION_CLOSING | SESSION_HANDSHAKE)) {
			*in = (struct str){NULL, 0};
			break;
		}
		if (!in_body(session)) {
			if (!session_command(session, in))
				break;
		} else if (in->len == 0) {
			break;
		} else if (session->swallow_left) {
			session_swallow(session, in);
		} else if (session->state == SESSION_DATA) {
			session_data(session, in);
		} else {
			session_chunk(session, in);
		}
		progress = true;
		if (session->server->out.len >= OUT_FLUSH)
			session_flush(session);
	}
	session->input = NULL;
	return progress;
}

static void input_ended(struct smtp_session *session, int error)
{
	stop_reading(session);
	session->eof = true;
	/* "... QUIT" and a closed sending side: whoever waits for our answer shall have it */
	if (error != UV_EOF || !waiting(session) || session->state == SESSION_HANDSHAKE)
		session_abort(session, error == UV_EOF ? "eof" : "read", error == UV_EOF ? 0 : error);
}

bool session_input_follows(struct smtp_session *session)
{
	struct smtp_server *server = session->server;
	uv_os_fd_t fd;
	int unread = 0;
	if (session->input && session->input->len)
		return true;
	if (session->tls && tls_channel_read(session->tls, server->plain_buf, sizeof(server->plain_buf)) > 0)
		return true;
	if (uv_fileno((uv_handle_t *)&session->tcp, &fd) < 0 || ioctl(fd, FIONREAD, &unread) < 0)
		return false;
	return unread > 0;
}

void session_resume(struct smtp_session *session, enum session_wait wait)
{
	session->waits &= ~(unsigned)wait;
	if (waiting(session) || session->state == SESSION_CLOSING) {
		session_turn_end(session, false);
		return;
	}
	struct strbuf held = session->pending;
	strbuf_init(&session->pending, held.len_max);
	if (held.len)
		consume_and_keep(session, strbuf_str(&held));
	strbuf_done(&held);
	if (session->tls && session->state != SESSION_HANDSHAKE)
		read_tls(session);
	if (session->eof && !waiting(session))
		session_end(session, REPLY_NONE, false, "eof");
	session_turn_end(session, true);
}

void session_start_tls(struct smtp_session *session)
{
	session_flush(session);
	if (session->closed)
		return;
	session->tls = tls_channel_accept(session->server->settings.certs);
	if (!session->tls) {
		session_abort(session, "tls", 0);
		return;
	}
	/* RFC 3207 4.2 and CVE-2011-0411: nothing that came in clear is looked at after the handshake */
	if (session->input)
		*session->input = (struct str){NULL, 0};
	strbuf_done(&session->pending);
	command_reader_clear(&session->reader);
	session_set_state(session, SESSION_HANDSHAKE);
}

/* ---- out */

/* The last words, and those of TLS, go out together. */
static bool will_finish(const struct smtp_session *session)
{
	return session->state == SESSION_CLOSING && !session->finished;
}

void session_flush(struct smtp_session *session)
{
	struct smtp_server *server = session->server;
	if (server->out_owner == session) {
		struct str out = strbuf_str(&server->out);
		if (out.len && !session->tls)
			write_octets(session, out);
		else if (out.len && tls_channel_write(session->tls, out) == 0 && !will_finish(session))
			write_tls_output(session);
		strbuf_clear(&server->out);
		server->out_owner = NULL;
	}
	if (session->state == SESSION_CLOSING && !session->closed)
		finish(session);
	else if (session->write_queued > WRITE_QUEUE_MAX)
		session_wait(session, WAIT_WRITE);
}

static void write_tls_output(struct smtp_session *session)
{
	struct str out;
	while (!session->closed && tls_channel_output(session->tls, &out))
		write_octets(session, out);
}

/* Octets that the socket took, or a negative error. The last words wait for the close that follows at once: the kernel
 * sends both in one packet. */
static int write_now(struct smtp_session *session, struct str octets)
{
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)octets.ptr, (unsigned)octets.len);
	uv_os_fd_t fd;
	if (!session->quit || uv_fileno((uv_handle_t *)&session->tcp, &fd) < 0)
		return uv_try_write(stream_of(session), &buf, 1);
	ssize_t n = send(fd, octets.ptr, octets.len, MSG_MORE | MSG_NOSIGNAL | MSG_DONTWAIT);
	return n >= 0                              ? (int)n
	       : errno == EAGAIN || errno == EINTR ? UV_EAGAIN
						   : uv_translate_sys_error(errno);
}

static void write_octets(struct smtp_session *session, struct str octets)
{
	if (session->closed)
		return;
	if (session->write_queued == 0) {
		int n = write_now(session, octets);
		if (n < 0 && n != UV_EAGAIN) {
			session_abort(session, "write", n);
			return;
		}
		octets = str_sub(octets, n > 0 ? (size_t)n : 0, octets.len);
	}
	if (octets.len == 0)
		return;
	struct write *write = xmalloc(sizeof(*write) + octets.len);
	write->session = session;
	write->len = octets.len;
	memcpy(write->octets, octets.ptr, octets.len);
	uv_buf_t buf = uv_buf_init(write->octets, (unsigned)octets.len);
	session->write_queued += octets.len;
	int r = uv_write(&write->req, stream_of(session), &buf, 1, on_written);
	if (r < 0) {
		session->write_queued -= octets.len;
		free(write);
		session_abort(session, "write", r);
	}
}

static void on_written(uv_write_t *req, int status)
{
	struct write *write = CONTAINER_OF(req, struct write, req);
	struct smtp_session *session = write->session;
	struct smtp_server *server = session->server;
	session->write_queued -= write->len;
	free(write);
	if (session->closed)
		return;
	server_enter(server);
	if (status < 0)
		session_abort(session, "write", status);
	else if ((session->waits & WAIT_WRITE) && session->write_queued <= WRITE_QUEUE_MAX / 2)
		session_resume(session, WAIT_WRITE);
	else
		session_turn_end(session, true);
	server_leave(server);
}

/* ---- the end of a turn, the end of a session */

void session_turn_end(struct smtp_session *session, bool progress)
{
	if (session->server->draining && session->state == SESSION_READY && !session->waits &&
	    !session->swallow_left)
		session_end(session, REPLY_SHUTDOWN, false, "shutdown");
	session_flush(session);
	session_timer(session, progress);
	if (session->closed || session->reading || session->eof || waiting(session))
		return;
	int r = uv_read_start(stream_of(session), on_alloc, on_read);
	if (r < 0)
		session_abort(session, "read", r);
	else
		session->reading = true;
}

/* CLOSING: what was said is on its way; then the socket goes. */
static void finish(struct smtp_session *session)
{
	uv_os_fd_t fd;
	if (will_finish(session) && session->tls) {
		tls_channel_shutdown(session->tls);
		write_tls_output(session);
	}
	session->finished = true;
	if (session->closed || session->write_queued)
		return;
	if (!session->linger || session->eof) {
		session_abort(session, "done", 0);
		return;
	}
	if (session->timer_class != TIMER_LINGER && uv_fileno((uv_handle_t *)&session->tcp, &fd) == 0)
		shutdown(fd, SHUT_WR);
}

void session_abort(struct smtp_session *session, const char *why, int error)
{
	struct smtp_server *server = session->server;
	if (session->closed)
		return;
	session->error = error;
	session_end(session, REPLY_NONE, false, why);
	if (server->out_owner == session) {
		strbuf_clear(&server->out);
		server->out_owner = NULL;
	}
	session->closed = true;
	session->reading = false;
	handshake_line_leave(session);
	session_timer(session, false);
	uv_close((uv_handle_t *)&session->tcp, on_closed);
}

static void on_closed(uv_handle_t *handle)
{
	struct smtp_session *session = session_of(handle);
	struct smtp_server *server = session->server;
	session->gone = true;
	server_remove_session(server, session);
	server_session_gone(server);
}
