/*
 * See fake_relay.h. A connection plays its script as far as it can (play), each time something came: what it
 * says is written at once, or octet by octet from an idle handle. What the client said and the script has not
 * asked for yet waits in `in`.
 */
#include "tests/lib/fake_relay.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/strbuf.h"
#include "certs/tls_channel.h"

#define SCRIPTS_MAX 64
#define IN_MAX      ((size_t)64 * 1024 * 1024)
#define V_TIMES     20000

struct fake_relay {
	uv_tcp_t listener;
	uv_idle_t idle;
	uv_loop_t *loop;
	struct certs *certs;
	const char *const *scripts[SCRIPTS_MAX];
	size_t scripts_n, scripts_used;
	struct list conns;
	struct fake_relay_counts counts;
	bool drip, closing;
	unsigned handles; /* that must be closed before we are freed */
	char *wrong;
	struct strbuf data;
};

struct relay_conn {
	struct list_node link;
	struct fake_relay *relay;
	uv_tcp_t tcp;
	const char *const *script;
	size_t step;
	bool closed, stopped, hanging, tls_open;
	struct tls_channel *tls;
	struct strbuf in;
	struct strbuf drip; /* to be said */
	char buf[65536];
};

struct relay_write {
	uv_write_t req;
	char octets[];
};

static void play(struct relay_conn *conn);

/* ---- out */

static void on_written(uv_write_t *req, int status UNUSED)
{
	free(CONTAINER_OF(req, struct relay_write, req));
}

static void write_socket(struct relay_conn *conn, struct str octets)
{
	struct relay_write *write = xmalloc(sizeof(*write) + octets.len);
	memcpy(write->octets, octets.ptr, octets.len);
	uv_buf_t buf = uv_buf_init(write->octets, (unsigned)octets.len);
	if (uv_write(&write->req, (uv_stream_t *)&conn->tcp, &buf, 1, on_written) < 0)
		free(write);
}

static void write_tls_output(struct relay_conn *conn)
{
	struct str out;
	while (tls_channel_output(conn->tls, &out))
		write_socket(conn, out);
}

static void put(struct relay_conn *conn, struct str octets)
{
	if (conn->tls && tls_channel_write(conn->tls, octets) == 0)
		write_tls_output(conn);
	else if (!conn->tls)
		write_socket(conn, octets);
}

static void say(struct relay_conn *conn, struct str octets)
{
	if (conn->relay->drip)
		strbuf_add(&conn->drip, octets);
	else
		put(conn, octets);
}

static void on_idle(uv_idle_t *idle)
{
	struct fake_relay *relay = CONTAINER_OF(idle, struct fake_relay, idle);
	LIST_FOREACH_SAFE(node, tmp, &relay->conns) {
		struct relay_conn *conn = CONTAINER_OF(node, struct relay_conn, link);
		if (conn->closed || conn->drip.len == 0)
			continue;
		put(conn, (struct str){conn->drip.ptr, 1});
		strbuf_consume(&conn->drip, 1);
		if (conn->drip.len == 0)
			play(conn);
	}
}

/* ---- life of a connection */

static void maybe_free(struct fake_relay *relay)
{
	if (--relay->handles > 0)
		return;
	free(relay->wrong);
	strbuf_done(&relay->data);
	free(relay);
}

static void on_conn_closed(uv_handle_t *handle)
{
	struct relay_conn *conn = CONTAINER_OF(handle, struct relay_conn, tcp);
	tls_channel_free(conn->tls);
	strbuf_done(&conn->in);
	strbuf_done(&conn->drip);
	maybe_free(conn->relay);
	free(conn);
}

static void close_conn(struct relay_conn *conn, bool reset)
{
	if (conn->closed)
		return;
	conn->closed = true;
	conn->relay->counts.open--;
	conn->relay->counts.hanging -= conn->hanging;
	list_remove(&conn->link);
	if (!reset || uv_tcp_close_reset(&conn->tcp, on_conn_closed) < 0)
		uv_close((uv_handle_t *)&conn->tcp, on_conn_closed);
}

/* ---- the script */

static void set_wrong(struct relay_conn *conn, const char *want, struct str got)
{
	if (!conn->relay->wrong)
		conn->relay->wrong =
			xasprintf("step %zu: want \"%s\", got \"%.*s\"", conn->step, want, STR_ARG(got));
	close_conn(conn, false);
}

static bool line_fits(struct str line, struct str want)
{
	if (want.len && want.ptr[want.len - 1] == '*')
		return str_starts(line, str_sub(want, 0, want.len - 1));
	return str_eq(line, want);
}

/* True when the step is done; the others likewise. */
static bool step_client(struct relay_conn *conn, const char *want)
{
	struct str in = strbuf_str(&conn->in);
	size_t end = str_find(in, '\n');
	if (end == in.len)
		return false;
	struct str line = str_sub(in, 0, end);
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	else
		set_wrong(conn, "CR before LF", line);
	if (!conn->closed && !line_fits(line, str_from(want)))
		set_wrong(conn, want, line);
	if (!conn->closed)
		strbuf_consume(&conn->in, end + 1);
	return !conn->closed;
}

static bool step_data(struct relay_conn *conn)
{
	static const char end[] = "\r\n.\r\n";
	struct str in = strbuf_str(&conn->in);
	size_t n = 0;
	if (str_starts(in, STR(".\r\n")))
		n = 3;
	else if (in.len >= 5) {
		const char *found = memmem(in.ptr, in.len, end, 5);
		n = found ? (size_t)(found - in.ptr) + 5 : 0;
	}
	if (n == 0)
		return false;
	strbuf_clear(&conn->relay->data);
	strbuf_add(&conn->relay->data, str_sub(in, 0, n));
	strbuf_consume(&conn->in, n);
	conn->relay->counts.mails++;
	return true;
}

/* Done when the handshake is. */
static bool step_tls(struct relay_conn *conn)
{
	if (!conn->tls)
		conn->tls = tls_channel_accept(conn->relay->certs);
	if (!conn->tls)
		abort();
	return conn->tls_open;
}

static bool step_wait(struct relay_conn *conn)
{
	bool came = conn->in.len > 0;
	strbuf_clear(&conn->in);
	return came;
}

static void say_often(struct relay_conn *conn, const char *text)
{
	struct strbuf all;
	strbuf_init(&all, IN_MAX);
	for (int i = 0; i < V_TIMES; i++)
		strbuf_adds(&all, text);
	say(conn, strbuf_str(&all));
	strbuf_done(&all);
}

static bool play_step(struct relay_conn *conn, const char *step)
{
	const char *rest = step[1] ? step + 2 : "";
	switch (step[0]) {
	case 'S':
		say(conn, str_from(rest));
		say(conn, STR("\r\n"));
		return true;
	case 'B':
		say(conn, str_from(rest));
		return true;
	case 'V':
		say_often(conn, rest);
		return true;
	case 'C':
		return step_client(conn, rest);
	case 'E':
		if (conn->in.len)
			set_wrong(conn, "nothing", strbuf_str(&conn->in));
		return true;
	case 'D':
		return step_data(conn);
	case 'T':
		return step_tls(conn);
	case 'W':
		return step_wait(conn);
	case 'X':
	case 'R':
		close_conn(conn, step[0] == 'R');
		return true;
	case 'P':
		uv_read_stop((uv_stream_t *)&conn->tcp);
		return true;
	case 'H':
		conn->stopped = true;
		return true;
	default:
		abort();
	}
}

static void play(struct relay_conn *conn)
{
	while (!conn->closed && !conn->stopped && conn->drip.len == 0 && conn->script[conn->step]) {
		const char *step = conn->script[conn->step];
		if (step[0] == '@') {
			conn->step = 0;
			conn->relay->counts.finished++;
			continue;
		}
		if (!play_step(conn, step))
			return;
		conn->step++;
		if (!conn->script[conn->step])
			conn->relay->counts.finished++;
	}
	if (!conn->closed && !conn->hanging && (conn->stopped || !conn->script[conn->step])) {
		conn->hanging = true;
		conn->relay->counts.hanging++;
	}
}

/* ---- in */

static void on_alloc(uv_handle_t *handle, size_t suggested UNUSED, uv_buf_t *buf)
{
	struct relay_conn *conn = CONTAINER_OF(handle, struct relay_conn, tcp);
	*buf = uv_buf_init(conn->buf, sizeof(conn->buf));
}

static void tls_input(struct relay_conn *conn, struct str octets)
{
	char plain[16384];
	ssize_t n = 0;
	enum tls_event event = tls_channel_feed(conn->tls, octets);
	write_tls_output(conn);
	conn->tls_open = event == TLS_OPEN;
	while (event == TLS_OPEN && (n = tls_channel_read(conn->tls, plain, sizeof(plain))) > 0)
		strbuf_add(&conn->in, (struct str){plain, (size_t)n});
	if (event == TLS_FAILED || event == TLS_CLOSED)
		close_conn(conn, false);
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
	struct relay_conn *conn = CONTAINER_OF(stream, struct relay_conn, tcp);
	if (conn->closed || nread == 0)
		return;
	if (nread < 0) {
		close_conn(conn, false);
		return;
	}
	if (conn->tls)
		tls_input(conn, (struct str){buf->base, (size_t)nread});
	else
		strbuf_add(&conn->in, (struct str){buf->base, (size_t)nread});
	if (!conn->closed)
		play(conn);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct fake_relay *relay = CONTAINER_OF(listener, struct fake_relay, listener);
	struct relay_conn *conn = XNEW(struct relay_conn);
	if (status < 0 || relay->scripts_n == 0 || uv_tcp_init(relay->loop, &conn->tcp) < 0 ||
	    uv_accept(listener, (uv_stream_t *)&conn->tcp) < 0)
		abort();
	uv_tcp_nodelay(&conn->tcp, 1);
	conn->relay = relay;
	relay->handles++;
	relay->counts.accepted++;
	relay->counts.open++;
	if (relay->counts.open > relay->counts.open_max)
		relay->counts.open_max = relay->counts.open;
	if (relay->scripts_used < relay->scripts_n)
		relay->scripts_used++;
	conn->script = relay->scripts[relay->scripts_used - 1];
	strbuf_init(&conn->in, IN_MAX);
	strbuf_init(&conn->drip, IN_MAX);
	list_push_back(&relay->conns, &conn->link);
	if (uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read) < 0)
		abort();
	play(conn);
}

/* ---- the relay */

struct fake_relay *fake_relay_open(uv_loop_t *loop, struct certs *certs)
{
	struct fake_relay *relay = XNEW(struct fake_relay);
	struct sockaddr_in address;
	relay->loop = loop;
	relay->certs = certs;
	relay->handles = 2;
	list_init(&relay->conns);
	strbuf_init(&relay->data, IN_MAX);
	uv_ip4_addr("127.0.0.1", 0, &address);
	if (uv_tcp_init(loop, &relay->listener) < 0 ||
	    uv_tcp_bind(&relay->listener, (const struct sockaddr *)&address, 0) < 0 ||
	    uv_listen((uv_stream_t *)&relay->listener, 128, on_connection) < 0 ||
	    uv_idle_init(loop, &relay->idle) < 0)
		abort();
	return relay;
}

static void on_closed(uv_handle_t *handle)
{
	maybe_free(handle->data);
}

void fake_relay_close(struct fake_relay *relay)
{
	LIST_FOREACH_SAFE(node, tmp, &relay->conns)
		close_conn(CONTAINER_OF(node, struct relay_conn, link), false);
	relay->listener.data = relay->idle.data = relay;
	uv_close((uv_handle_t *)&relay->listener, on_closed);
	uv_close((uv_handle_t *)&relay->idle, on_closed);
}

void fake_relay_script(struct fake_relay *relay, const char *const *script)
{
	if (relay->scripts_n == SCRIPTS_MAX)
		abort();
	relay->scripts[relay->scripts_n++] = script;
}

void fake_relay_drip(struct fake_relay *relay, bool drip)
{
	relay->drip = drip;
	if (drip)
		uv_idle_start(&relay->idle, on_idle);
	else
		uv_idle_stop(&relay->idle);
}

void fake_relay_drop(struct fake_relay *relay)
{
	LIST_FOREACH_SAFE(node, tmp, &relay->conns) {
		struct relay_conn *conn = CONTAINER_OF(node, struct relay_conn, link);
		if (conn->hanging)
			close_conn(conn, false);
	}
}

struct sockaddr_storage fake_relay_address(const struct fake_relay *relay)
{
	struct sockaddr_storage address = {0};
	int len = sizeof(address);
	if (uv_tcp_getsockname(&relay->listener, (struct sockaddr *)&address, &len) < 0)
		abort();
	return address;
}

const char *fake_relay_wrong(const struct fake_relay *relay)
{
	return relay->wrong;
}

const char *fake_relay_data(const struct fake_relay *relay)
{
	return strbuf_str(&relay->data).ptr;
}

size_t fake_relay_data_len(const struct fake_relay *relay)
{
	return relay->data.len;
}

struct fake_relay_counts fake_relay_counts(const struct fake_relay *relay)
{
	return relay->counts;
}
