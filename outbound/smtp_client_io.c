/*
 * Sockets and TLS of the relay client: octets in, octets out.
 *
 *	socket -> on_read -> [tls] -> client_input()
 *	client_io_write() -> [tls] -> uv_try_write(), what is left: uv_write() of a copy
 *
 * Always true:
 *  1. A client has one connection at most. One that is let go (client_io_close) belongs to libuv until
 *     on_closed frees it, and its callbacks find no client.
 *  2. Once TLS was begun nothing is read or written in clear: TLS that ends or fails ends the connection.
 *  3. Every entry from libuv is one turn of the client.
 *
 * Loop thread.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "outbound/smtp_client_private.h"

struct client_write {
	uv_write_t req;
	struct client_conn *conn;
	size_t len;
	char octets[];
};

static void on_connected(uv_connect_t *req, int status);
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf);
static void tls_input(struct smtp_client *client, struct str octets);
static void write_tls_output(struct smtp_client *client);
static void write_octets(struct smtp_client *client, struct str octets);
static void on_written(uv_write_t *req, int status);
static void on_closed(uv_handle_t *handle);

static uv_stream_t *stream_of(const struct smtp_client *client)
{
	return (uv_stream_t *)&client->conn->tcp;
}

/* ---- life */

int client_io_connect(struct smtp_client *client, const struct sockaddr *address)
{
	struct client_conn *conn = XNEW(struct client_conn);
	int r = uv_tcp_init(client->loop, &conn->tcp);
	if (r < 0) {
		free(conn);
		return r;
	}
	conn->client = client;
	client->conn = conn;
	uv_tcp_nodelay(&conn->tcp, 1);
	r = uv_tcp_connect(&conn->connect, &conn->tcp, address, on_connected);
	if (r < 0)
		client_io_close(client);
	return r;
}

static void on_connected(uv_connect_t *req, int status)
{
	struct client_conn *conn = CONTAINER_OF(req, struct client_conn, connect);
	struct smtp_client *client = conn->client;
	if (!client)
		return;
	client_enter(client);
	if (status == 0)
		status = uv_read_start(stream_of(client), on_alloc, on_read);
	if (status < 0)
		client_connect_failed(client, status);
	else
		client_connected(client);
	client_leave(client);
}

void client_io_close(struct smtp_client *client)
{
	client->tls = tls_channel_free(client->tls);
	client->tls_open = false;
	client->queued = 0;
	if (!client->conn)
		return;
	client->conn->client = NULL;
	uv_close((uv_handle_t *)&client->conn->tcp, on_closed);
	client->conn = NULL;
}

static void on_closed(uv_handle_t *handle)
{
	free(CONTAINER_OF(handle, struct client_conn, tcp));
}

int client_io_start_tls(struct smtp_client *client)
{
	client->tls = tls_channel_connect(client->conf.tls_client, client->conf.host);
	if (!client->tls)
		return -EINVAL;
	write_tls_output(client);
	return 0;
}

/* ---- in */

static void on_alloc(uv_handle_t *handle, size_t suggested UNUSED, uv_buf_t *buf)
{
	struct client_conn *conn = CONTAINER_OF(handle, struct client_conn, tcp);
	*buf = uv_buf_init(conn->read_buf, sizeof(conn->read_buf));
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
	struct client_conn *conn = CONTAINER_OF(stream, struct client_conn, tcp);
	struct smtp_client *client = conn->client;
	if (!client || nread == 0)
		return;
	client_enter(client);
	if (nread == UV_EOF)
		client_lost(client, -ECONNRESET, "the relay closed the connection");
	else if (nread < 0)
		client_lost(client, (int)nread, NULL);
	else if (client->tls)
		tls_input(client, (struct str){buf->base, (size_t)nread});
	else
		client_input(client, (struct str){buf->base, (size_t)nread});
	client_leave(client);
}

static void read_tls(struct smtp_client *client)
{
	char plain[CLIENT_READ_SIZE];
	while (client->tls) {
		ssize_t n = tls_channel_read(client->tls, plain, sizeof(plain));
		if (n == 0)
			return;
		if (n > 0)
			client_input(client, (struct str){plain, (size_t)n});
		else if (n == -EPIPE)
			client_lost(client, -ECONNRESET, "the relay ended TLS");
		else
			client_lost(client, -EPROTO, tls_channel_error(client->tls));
	}
}

static void tls_input(struct smtp_client *client, struct str octets)
{
	enum tls_event event = tls_channel_feed(client->tls, octets);
	write_tls_output(client);
	if (!client->tls || event == TLS_HANDSHAKING)
		return;
	if (event == TLS_FAILED) {
		client_lost(client, -EPROTO, tls_channel_error(client->tls));
		return;
	}
	if (event == TLS_CLOSED) {
		client_lost(client, -ECONNRESET, "the relay ended TLS");
		return;
	}
	if (!client->tls_open) {
		client->tls_open = true;
		client_tls_opened(client);
	}
	read_tls(client);
}

/* ---- out */

void client_io_write(struct smtp_client *client, struct str octets)
{
	if (!client->conn || octets.len == 0)
		return;
	if (!client->tls)
		write_octets(client, octets);
	else if (tls_channel_write(client->tls, octets) == 0)
		write_tls_output(client);
	else
		client_lost(client, -EPROTO, tls_channel_error(client->tls));
}

static void write_tls_output(struct smtp_client *client)
{
	struct str out;
	while (client->tls && tls_channel_output(client->tls, &out))
		write_octets(client, out);
}

static void write_octets(struct smtp_client *client, struct str octets)
{
	if (client->queued == 0) {
		uv_buf_t buf = uv_buf_init((char *)(uintptr_t)octets.ptr, (unsigned)octets.len);
		int n = uv_try_write(stream_of(client), &buf, 1);
		if (n < 0 && n != UV_EAGAIN) {
			client_lost(client, n, NULL);
			return;
		}
		octets = str_sub(octets, n > 0 ? (size_t)n : 0, octets.len);
	}
	if (octets.len == 0)
		return;
	struct client_write *write = xmalloc(sizeof(*write) + octets.len);
	write->conn = client->conn;
	write->len = octets.len;
	memcpy(write->octets, octets.ptr, octets.len);
	uv_buf_t buf = uv_buf_init(write->octets, (unsigned)octets.len);
	client->queued += octets.len;
	int r = uv_write(&write->req, stream_of(client), &buf, 1, on_written);
	if (r < 0) {
		free(write);
		client_lost(client, r, NULL);
	}
}

static void on_written(uv_write_t *req, int status)
{
	struct client_write *write = CONTAINER_OF(req, struct client_write, req);
	struct smtp_client *client = write->conn->client;
	size_t len = write->len;
	explicit_bzero(write->octets, len); /* it may have been AUTH, in clear to loopback */
	free(write);
	if (!client)
		return;
	client_enter(client);
	client->queued -= len;
	if (status < 0)
		client_lost(client, status, NULL);
	else if (client->state == CLIENT_BODY)
		client_expect(client, CLIENT_BODY, client->conf.timeouts.block);
	client_leave(client);
}

bool client_io_all_out(const struct smtp_client *client)
{
	return client->conn && uv_stream_get_write_queue_size(stream_of(client)) == 0;
}
