/*
 * What a peer can feed to the server's side of TLS. The first octet chooses: bit 0, from the start or after a
 * real handshake; bit 1, the client's own next records come before the input; the rest, how the input is cut.
 */
#include "tests/unit/certs/fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct certs *certs;
static struct tls_client *client;

static void prepare(void)
{
	char *dir = make_dir();
	struct conf_fixture conf;
	struct conf_error error;
	struct test_ca ca;
	ca_init(&ca, "Fuzz CA");
	write_leaf(dir, &ca, &(struct leaf_spec){"ec", KEY_ECDSA, "DNS:mx.example", -3600, 86400});
	conf_init(&conf);
	conf_add(&conf, dir, "mx.example", "ec");
	MUST(certs_load(&certs, &conf.conf, &error) == 0);
	MUST(tls_client_open(&client, &(struct tls_client_conf){"", false, 0}, &error) == 0);
	conf_done(&conf);
	ca_done(&ca);
	remove_dir(dir);
}

static void drain(struct tls_channel *tls)
{
	char buf[500];
	struct str out;
	while (tls_channel_read(tls, buf, sizeof(buf)) > 0)
		;
	while (tls_channel_output(tls, &out))
		;
}

static void shake_hands(struct tls_channel *server, struct tls_channel *peer)
{
	struct pipe_bytes to_server = {NULL, 0}, to_peer = {NULL, 0};
	for (;;) {
		pipe_take_output(&to_server, peer);
		pipe_take_output(&to_peer, server);
		if (to_server.len + to_peer.len == 0)
			break;
		if (to_server.len)
			MUST(pipe_feed(&to_server, server, to_server.len) != TLS_FAILED);
		if (to_peer.len)
			MUST(pipe_feed(&to_peer, peer, to_peer.len) != TLS_FAILED);
	}
	free(to_server.ptr);
	free(to_peer.ptr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (certs == NULL)
		prepare();
	if (size < 1)
		return 0;
	struct tls_channel *server = tls_channel_accept(certs);
	struct tls_channel *peer = tls_channel_connect(client, "mx.example");
	MUST(server != NULL && peer != NULL);
	if (data[0] & 1)
		shake_hands(server, peer);
	if (data[0] & 2) {
		struct pipe_bytes bytes = {NULL, 0};
		tls_channel_write(peer, STR("EHLO fuzz.example\r\n"));
		pipe_take_output(&bytes, peer);
		if (bytes.len)
			pipe_feed(&bytes, server, bytes.len - bytes.len % 7);
		free(bytes.ptr);
	}
	size_t cut = 1 + (size_t)(data[0] >> 2) * 5;
	enum tls_event event = TLS_HANDSHAKING;
	for (size_t i = 1; i < size; i += cut) {
		size_t n = size - i < cut ? size - i : cut;
		enum tls_event next = tls_channel_feed(server, (struct str){(const char *)data + i, n});
		/* States only move forward. */
		MUST(next >= event || event == TLS_FAILED);
		event = next;
		drain(server);
	}
	tls_channel_write(server, STR("250 2.0.0 ok\r\n"));
	tls_channel_shutdown(server);
	drain(server);
	tls_channel_free(server);
	tls_channel_free(peer);
	return 0;
}
