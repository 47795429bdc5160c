/* See sink.h. Each line is answered when it came; mail data is a state of the connection. */
#include "tests/flow/sink.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/strbuf.h"

#define IN_MAX ((size_t)64 * 1024 * 1024)

struct sink {
	uv_loop_t *loop;
	uv_tcp_t listener;
	bool listening, closing;
	uint16_t port;
	sink_policy *policy;
	void *ctx;
	struct list conns;
	struct sink_mail *mails;
	size_t mails_n, mails_allocated;
	unsigned conns_n, open_n, mails_begun, moves, handles;
};

struct sink_conn {
	struct list_node link;
	struct sink *sink;
	uv_tcp_t tcp;
	unsigned number;
	bool closed, hanging, in_data, in_mail;
	struct strbuf in;
	struct sink_mail mail;
	char buf[65536];
};

struct sink_write {
	uv_write_t req;
	char octets[];
};

static void maybe_free(struct sink *sink)
{
	if (--sink->handles > 0 || !sink->closing)
		return;
	for (size_t i = 0; i < sink->mails_n; i++)
		free(sink->mails[i].data);
	free(sink->mails);
	free(sink);
}

static void on_conn_closed(uv_handle_t *handle)
{
	struct sink_conn *conn = CONTAINER_OF(handle, struct sink_conn, tcp);
	strbuf_done(&conn->in);
	maybe_free(conn->sink);
	free(conn);
}

static void conn_close(struct sink_conn *conn)
{
	if (conn->closed)
		return;
	conn->closed = true;
	conn->sink->open_n--;
	list_remove(&conn->link);
	uv_close((uv_handle_t *)&conn->tcp, on_conn_closed);
}

/* ---- saying */

static void on_written(uv_write_t *req, int status UNUSED)
{
	free(CONTAINER_OF(req, struct sink_write, req));
}

static void say(struct sink_conn *conn, const char *line)
{
	size_t len = strlen(line);
	struct sink_write *write = xmalloc(sizeof(*write) + len + 2);
	memcpy(write->octets, line, len);
	memcpy(write->octets + len, "\r\n", 2);
	uv_buf_t buf = uv_buf_init(write->octets, (unsigned)len + 2);
	if (uv_write(&write->req, (uv_stream_t *)&conn->tcp, &buf, 1, on_written) < 0)
		free(write);
}

/* True when what was said is a yes. */
static bool answer(struct sink_conn *conn, enum sink_at at)
{
	static const char *const good[] = {
		[SINK_CONNECT] = "220 sink.example ESMTP",
		[SINK_EHLO] =
			"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 0",
		[SINK_MAIL] = "250 2.1.0 ok",
		[SINK_RCPT] = "250 2.1.5 ok",
		[SINK_DATA] = "354 go ahead",
		[SINK_END] = "250 2.0.0 queued",
		[SINK_RSET] = "250 2.0.0 ok",
		[SINK_QUIT] = "221 2.0.0 bye"};
	struct sink *sink = conn->sink;
	const struct sink_event event = {at, conn->number, sink->mails_begun};
	const char *reply = sink->policy ? sink->policy(sink->ctx, &event) : NULL;
	sink->moves++;
	reply = reply ? reply : good[at];
	if (strcmp(reply, "X") == 0) {
		conn_close(conn);
	} else if (strcmp(reply, "H") == 0 || strcmp(reply, "P") == 0) {
		conn->hanging = true;
		if (reply[0] == 'P')
			uv_read_stop((uv_stream_t *)&conn->tcp);
	} else {
		say(conn, reply);
		if (strncmp(reply, "421", 3) == 0)
			conn_close(conn);
	}
	return reply[0] == '2' || reply[0] == '3';
}

/* ---- what came */

static void take_field(struct str data, const char *name, char *ret, size_t ret_size)
{
	struct str rest = data;
	while (rest.len) {
		struct str line = str_sub(rest, 0, str_find(rest, '\n'));
		rest = str_sub(rest, line.len + 1, rest.len);
		if (str_trim(line).len == 0)
			return;
		if (!str_istarts(line, str_from(name)))
			continue;
		/* folded after the name, if it is long */
		struct str text = str_trim(str_sub(line, strlen(name), line.len));
		if (text.len == 0)
			text = str_trim(str_sub(rest, 0, str_find(rest, '\n')));
		if (text.len > 1 && text.ptr[0] == '<')
			text = str_sub(text, 1, str_find(text, '>'));
		snprintf(ret, ret_size, "%.*s", STR_ARG(text));
		return;
	}
}

static void keep_mail(struct sink_conn *conn, struct str data, bool accepted)
{
	struct sink *sink = conn->sink;
	struct sink_mail *mail = &conn->mail;
	take_field(data, "Message-ID:", mail->message_id, sizeof(mail->message_id));
	mail->data = xstrndup(data);
	mail->len = data.len;
	mail->accepted = accepted;
	if (sink->mails_n == sink->mails_allocated) {
		sink->mails_allocated = 2 * sink->mails_allocated + 64;
		sink->mails = xreallocarray(sink->mails, sink->mails_allocated, sizeof(*sink->mails));
	}
	sink->mails[sink->mails_n++] = *mail;
}

static bool take_data(struct sink_conn *conn)
{
	struct str in = strbuf_str(&conn->in);
	const char *end = in.len >= 5 ? memmem(in.ptr, in.len, "\r\n.\r\n", 5) : NULL;
	if (!end)
		return false;
	struct sink *sink = conn->sink;
	size_t at = sink->mails_n, len = (size_t)(end - in.ptr) + 5;
	keep_mail(conn, (struct str){in.ptr, len}, false);
	conn->in_data = conn->in_mail = false;
	bool yes = answer(conn, SINK_END);
	sink->mails[at].accepted = yes;
	if (!conn->closed)
		strbuf_consume(&conn->in, len);
	return true;
}

static void take_path(struct str line, char *ret, size_t ret_size)
{
	struct str path = str_sub(line, str_find(line, '<') + 1, line.len);
	snprintf(ret, ret_size, "%.*s", STR_ARG(str_sub(path, 0, str_find(path, '>'))));
}

static void take_command(struct sink_conn *conn, struct str line)
{
	if (str_istarts(line, STR("EHLO"))) {
		answer(conn, SINK_EHLO);
	} else if (str_istarts(line, STR("MAIL"))) {
		conn->sink->mails_begun++;
		conn->mail = (struct sink_mail){.len = 0};
		take_path(line, conn->mail.reverse_path, sizeof(conn->mail.reverse_path));
		conn->in_mail = answer(conn, SINK_MAIL);
	} else if (str_istarts(line, STR("RCPT")) && conn->in_mail) {
		take_path(line, conn->mail.recipient, sizeof(conn->mail.recipient));
		conn->mail.accepted = answer(conn, SINK_RCPT);
	} else if (str_istarts(line, STR("DATA"))) {
		/* without a recipient there is nothing to take */
		if (!conn->mail.accepted)
			say(conn, "503 5.5.1 no recipient");
		else
			conn->in_data = answer(conn, SINK_DATA);
		conn->mail.accepted = false;
	} else if (str_istarts(line, STR("RSET"))) {
		conn->in_mail = false;
		answer(conn, SINK_RSET);
	} else if (str_istarts(line, STR("QUIT"))) {
		answer(conn, SINK_QUIT);
		conn_close(conn);
	} else {
		say(conn, "503 5.5.1 not now");
	}
}

static bool take_line(struct sink_conn *conn)
{
	struct str in = strbuf_str(&conn->in);
	size_t end = str_find(in, '\n');
	if (end == in.len)
		return false;
	char line[1100];
	snprintf(line, sizeof(line), "%.*s", (int)(end < 1000 ? end : 1000), in.ptr);
	strbuf_consume(&conn->in, end + 1);
	take_command(conn, str_trim(str_from(line)));
	return true;
}

static void on_alloc(uv_handle_t *handle, size_t suggested UNUSED, uv_buf_t *buf)
{
	struct sink_conn *conn = CONTAINER_OF(handle, struct sink_conn, tcp);
	*buf = uv_buf_init(conn->buf, sizeof(conn->buf));
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
	struct sink_conn *conn = CONTAINER_OF(stream, struct sink_conn, tcp);
	if (conn->closed || nread == 0)
		return;
	conn->sink->moves++;
	if (nread < 0) {
		conn_close(conn);
		return;
	}
	strbuf_add(&conn->in, (struct str){buf->base, (size_t)nread});
	while (!conn->closed && !conn->hanging && (conn->in_data ? take_data(conn) : take_line(conn)))
		;
}

/* ---- connections */

static void on_connection(uv_stream_t *listener, int status)
{
	struct sink *sink = CONTAINER_OF(listener, struct sink, listener);
	struct sink_conn *conn = XNEW(struct sink_conn);
	if (status < 0 || uv_tcp_init(sink->loop, &conn->tcp) < 0 ||
	    uv_accept(listener, (uv_stream_t *)&conn->tcp) < 0)
		abort();
	uv_tcp_nodelay(&conn->tcp, 1);
	conn->sink = sink;
	conn->number = ++sink->conns_n;
	sink->handles++;
	sink->open_n++;
	strbuf_init(&conn->in, IN_MAX);
	list_push_back(&sink->conns, &conn->link);
	if (uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read) < 0)
		abort();
	answer(conn, SINK_CONNECT);
}

void sink_start(struct sink *sink)
{
	struct sockaddr_in address;
	struct sockaddr_storage bound;
	int len = sizeof(bound);
	uv_ip4_addr("127.0.0.1", sink->port, &address);
	if (uv_tcp_init(sink->loop, &sink->listener) < 0 ||
	    uv_tcp_bind(&sink->listener, (const struct sockaddr *)&address, 0) < 0 ||
	    uv_listen((uv_stream_t *)&sink->listener, 128, on_connection) < 0 ||
	    uv_tcp_getsockname(&sink->listener, (struct sockaddr *)&bound, &len) < 0)
		abort();
	sink->port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
	sink->handles++;
	sink->listening = true;
}

struct sink *sink_open(uv_loop_t *loop, sink_policy *policy, void *ctx)
{
	struct sink *sink = XNEW(struct sink);
	sink->loop = loop;
	sink->policy = policy;
	sink->ctx = ctx;
	list_init(&sink->conns);
	sink_start(sink);
	return sink;
}

static void on_listener_closed(uv_handle_t *handle)
{
	maybe_free(CONTAINER_OF(handle, struct sink, listener));
}

void sink_drop(struct sink *sink)
{
	LIST_FOREACH_SAFE(node, tmp, &sink->conns)
		conn_close(CONTAINER_OF(node, struct sink_conn, link));
}

void sink_stop(struct sink *sink)
{
	sink_drop(sink);
	if (sink->listening)
		uv_close((uv_handle_t *)&sink->listener, on_listener_closed);
	sink->listening = false;
}

void sink_close(struct sink *sink)
{
	sink->handles++; /* until here nothing goes */
	sink->closing = true;
	sink_stop(sink);
	maybe_free(sink);
}

/* ---- what there was */

uint16_t sink_port(const struct sink *sink)
{
	return sink->port;
}

size_t sink_mails(const struct sink *sink)
{
	return sink->mails_n;
}

const struct sink_mail *sink_mail(const struct sink *sink, size_t i)
{
	return &sink->mails[i];
}

static size_t count(const struct sink *sink, const char *message_id, bool accepted)
{
	size_t n = 0;
	for (size_t i = 0; i < sink->mails_n; i++)
		n += (sink->mails[i].accepted || !accepted) &&
		     strcmp(sink->mails[i].message_id, message_id) == 0;
	return n;
}

size_t sink_came(const struct sink *sink, const char *message_id)
{
	return count(sink, message_id, false);
}

size_t sink_accepted(const struct sink *sink, const char *message_id)
{
	return count(sink, message_id, true);
}

unsigned sink_conns(const struct sink *sink)
{
	return sink->conns_n;
}

unsigned sink_open_now(const struct sink *sink)
{
	return sink->open_n;
}

unsigned sink_moves(const struct sink *sink)
{
	return sink->moves;
}
