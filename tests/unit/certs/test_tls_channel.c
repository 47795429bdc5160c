/*
 * Both ends of a TLS connection in one process, joined by bytes that are cut anywhere: versions, kinds of
 * certificate, verification, ends, garbage, floods, and what an idle channel costs.
 */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "certs/ticket_keys.h"
#include "tests/unit/certs/fixture.h"

static char *dir;
static struct test_ca ca, foreign_ca;
static struct certs *certs;

static const struct leaf_spec leaves[] = {
	{"ec", KEY_ECDSA, "DNS:mx.example,DNS:*.wild.example,IP:127.0.0.1", -3600, 86400},
	{"rsa", KEY_RSA, "DNS:mx.example", -3600, 86400},
	{"other", KEY_ECDSA, "DNS:other.example", -3600, 86400},
	{"expired", KEY_ECDSA, "DNS:mx.example", -7200, -3600},
	{"future", KEY_ECDSA, "DNS:mx.example", 3600, 7200},
};

static int set_up(void **state)
{
	(void)state;
	dir = make_dir();
	ca_init(&ca, "Test CA");
	ca_init(&foreign_ca, "Foreign CA");
	char *path = file_in(dir, "ca", "pem");
	write_cert(path, ca.cert);
	free(path);
	path = file_in(dir, "foreign", "pem");
	write_cert(path, foreign_ca.cert);
	free(path);
	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
		write_leaf(dir, &ca, &leaves[i]);
	struct conf_fixture conf;
	conf_init(&conf);
	conf_add(&conf, dir, "mx.example", "ec");
	conf_add(&conf, dir, "mx.example", "rsa");
	conf_add(&conf, dir, "other.example", "other");
	struct conf_error error;
	MUST(certs_load(&certs, &conf.conf, &error) == 0);
	conf_done(&conf);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	certs_unref(certs);
	ca_done(&ca);
	ca_done(&foreign_ca);
	remove_dir(dir);
	return 0;
}

/* A server and a client, and what is between them. */
struct pair {
	struct tls_channel *server, *client;
	struct pipe_bytes to_server, to_client;
	enum tls_event server_event, client_event;
	size_t cut; /* feed this many octets at a time; 0: random; SIZE_MAX: all there is */
	uint32_t random;
};

static struct tls_client *client_of(const char *ca_name, int min_version)
{
	char *ca_file = file_in(dir, ca_name, "pem");
	struct tls_client_conf conf = {ca_file, true, min_version};
	struct tls_client *client;
	struct conf_error error;
	assert_int_equal(tls_client_open(&client, &conf, &error), 0);
	free(ca_file);
	return client;
}

static void pair_init(struct pair *pair, struct certs *server, const char *ca_name, int min_version,
		      const char *host)
{
	*pair = (struct pair){.cut = SIZE_MAX, .random = 1};
	struct tls_client *client = client_of(ca_name, min_version);
	pair->server = tls_channel_accept(server);
	pair->client = tls_channel_connect(client, host);
	assert_non_null(pair->server);
	assert_non_null(pair->client);
	tls_client_close(client);
}

static void pair_done(struct pair *pair)
{
	tls_channel_free(pair->server);
	tls_channel_free(pair->client);
	free(pair->to_server.ptr);
	free(pair->to_client.ptr);
}

static size_t next_cut(struct pair *pair, size_t have)
{
	size_t n = pair->cut;
	if (n == 0) {
		pair->random = pair->random * 1664525u + 1013904223u;
		n = 1 + (pair->random >> 16) % 700;
	}
	return n < have ? n : have;
}

/* Move bytes until both ends are silent. */
static void pair_move(struct pair *pair)
{
	for (;;) {
		pipe_take_output(&pair->to_server, pair->client);
		pipe_take_output(&pair->to_client, pair->server);
		if (pair->to_server.len == 0 && pair->to_client.len == 0)
			return;
		if (pair->to_server.len)
			pair->server_event = pipe_feed(&pair->to_server, pair->server,
						       next_cut(pair, pair->to_server.len));
		if (pair->to_client.len)
			pair->client_event = pipe_feed(&pair->to_client, pair->client,
						       next_cut(pair, pair->to_client.len));
	}
}

static void pair_open(struct pair *pair)
{
	pair_move(pair);
	assert_int_equal(pair->server_event, TLS_OPEN);
	assert_int_equal(pair->client_event, TLS_OPEN);
}

static size_t read_all_of(struct tls_channel *tls, struct strbuf *into, ssize_t *ret_last)
{
	char buf[4096];
	size_t total = 0;
	ssize_t n;
	while ((n = tls_channel_read(tls, buf, sizeof(buf))) > 0) {
		strbuf_add(into, (struct str){buf, (size_t)n});
		total += (size_t)n;
	}
	*ret_last = n;
	return total;
}

/* Send from one end, expect the same at the other. */
static void carry(struct pair *pair, struct tls_channel *from, struct tls_channel *to,
		  struct pipe_bytes *pipe, struct str text)
{
	struct strbuf got;
	strbuf_init(&got, text.len + 1);
	assert_int_equal(tls_channel_write(from, text), 0);
	pipe_take_output(pipe, from);
	while (pipe->len) {
		ssize_t last;
		assert_int_equal(pipe_feed(pipe, to, next_cut(pair, pipe->len)), TLS_OPEN);
		read_all_of(to, &got, &last);
		assert_int_equal(last, 0);
	}
	assert_true(str_eq(strbuf_str(&got), text));
	strbuf_done(&got);
}

static void talks_in_any_version_and_any_split(void **state)
{
	(void)state;
	static const size_t cuts[] = {1, 0, SIZE_MAX};
	static char big[100000];
	memset(big, 'x', sizeof(big));
	for (int min = 0; min < 2; min++) {
		for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
			struct pair pair;
			pair_init(&pair, certs, "ca", min, "mx.example");
			pair.cut = cuts[i];
			pair_open(&pair);
			assert_string_equal(tls_channel_version(pair.server), "TLSv1.3");
			assert_string_equal(tls_channel_version(pair.client), "TLSv1.3");
			assert_string_equal(tls_channel_sni(pair.server), "mx.example");
			assert_string_equal(tls_channel_error(pair.server), "");
			carry(&pair, pair.client, pair.server, &pair.to_server, STR("EHLO there\r\n"));
			carry(&pair, pair.server, pair.client, &pair.to_client, STR("250 here\r\n"));
			carry(&pair, pair.client, pair.server, &pair.to_server,
			      (struct str){big, sizeof(big)});
			pair_done(&pair);
		}
	}
}

/* A client of our own making: what tls_channel's client would not do. */
struct raw_client {
	SSL_CTX *context;
	SSL *ssl;
	BIO *in, *out;
};

static void raw_init(struct raw_client *raw, int version, const char *sigalgs, const char *host)
{
	raw->context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(raw->context, version);
	SSL_CTX_set_max_proto_version(raw->context, version);
	if (sigalgs)
		assert_int_equal(SSL_CTX_set1_sigalgs_list(raw->context, sigalgs), 1);
	raw->ssl = SSL_new(raw->context);
	raw->in = BIO_new(BIO_s_mem());
	raw->out = BIO_new(BIO_s_mem());
	SSL_set_bio(raw->ssl, raw->in, raw->out);
	SSL_set_connect_state(raw->ssl);
	if (host)
		SSL_set_tlsext_host_name(raw->ssl, host);
}

static void raw_done(struct raw_client *raw)
{
	SSL_free(raw->ssl);
	SSL_CTX_free(raw->context);
}

/* What the client says now, as one feed; and the server's answer back. */
static enum tls_event raw_exchange(struct raw_client *raw, struct tls_channel *server)
{
	char *bytes;
	long len = BIO_get_mem_data(raw->out, &bytes);
	char *copy = xmalloc((size_t)len + 1);
	memcpy(copy, bytes, (size_t)len);
	(void)BIO_reset(raw->out);
	enum tls_event event = tls_channel_feed(server, (struct str){copy, (size_t)len});
	free(copy);
	struct str out;
	while (tls_channel_output(server, &out))
		BIO_write(raw->in, out.ptr, (int)out.len);
	return event;
}

static enum tls_event raw_handshake(struct raw_client *raw, struct tls_channel *server)
{
	enum tls_event event = TLS_HANDSHAKING;
	for (int i = 0; i < 6 && event != TLS_FAILED; i++) {
		ERR_clear_error();
		SSL_do_handshake(raw->ssl);
		event = raw_exchange(raw, server);
	}
	/* Whatever the server sent last (tickets). */
	char c;
	SSL_read(raw->ssl, &c, 0);
	ERR_clear_error();
	return event;
}

static void certificate_follows_signature_algorithms(void **state)
{
	(void)state;
	static const struct {
		int version;
		const char *sigalgs;
		int key;
	} cases[] = {
		{TLS1_2_VERSION, "ECDSA+SHA256", EVP_PKEY_EC},
		{TLS1_2_VERSION, "RSA+SHA256", EVP_PKEY_RSA},
		{TLS1_2_VERSION, "ECDSA+SHA256:RSA+SHA256", EVP_PKEY_EC},
		{TLS1_3_VERSION, "ECDSA+SHA256", EVP_PKEY_EC},
		{TLS1_3_VERSION, "rsa_pss_rsae_sha256", EVP_PKEY_RSA},
		{TLS1_3_VERSION, NULL, EVP_PKEY_EC},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct raw_client raw;
		struct tls_channel *server = tls_channel_accept(certs);
		raw_init(&raw, cases[i].version, cases[i].sigalgs, "mx.example");
		assert_int_equal(raw_handshake(&raw, server), TLS_OPEN);
		X509 *leaf = SSL_get0_peer_certificate(raw.ssl);
		assert_non_null(leaf);
		assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(leaf)), cases[i].key);
		raw_done(&raw);
		tls_channel_free(server);
	}
}

static void old_versions_and_weak_suites_are_refused(void **state)
{
	(void)state;
	struct tls_channel *server = tls_channel_accept(certs);
	struct raw_client raw;
	raw_init(&raw, TLS1_1_VERSION, NULL, NULL);
	SSL_set_security_level(raw.ssl, 0);
	assert_int_equal(raw_handshake(&raw, server), TLS_FAILED);
	raw_done(&raw);
	tls_channel_free(server);
	static const char *const suites[] = {"aNULL", "AES128-SHA", "AES128-GCM-SHA256", "eNULL"};
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		server = tls_channel_accept(certs);
		raw_init(&raw, TLS1_2_VERSION, NULL, NULL);
		SSL_set_security_level(raw.ssl, 0);
		assert_int_equal(SSL_set_cipher_list(raw.ssl, suites[i]), 1);
		assert_int_equal(raw_handshake(&raw, server), TLS_FAILED);
		assert_string_not_equal(tls_channel_error(server), "");
		raw_done(&raw);
		tls_channel_free(server);
	}
}

static void sni_chooses_the_set(void **state)
{
	(void)state;
	static const struct {
		const char *asked, *name;
	} cases[] = {
		{"mx.example", "mx.example"},
		{"MX.Example", "mx.example"},
		{"other.example", "other.example"},
		{"unknown.example", "mx.example"},
		{NULL, "mx.example"},
	};
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			struct raw_client raw;
			struct tls_channel *server = tls_channel_accept(certs);
			raw_init(&raw, version, NULL, cases[i].asked);
			assert_int_equal(raw_handshake(&raw, server), TLS_OPEN);
			X509 *leaf = SSL_get0_peer_certificate(raw.ssl);
			assert_int_equal(X509_check_host(leaf, cases[i].name, 0, 0, NULL), 1);
			assert_string_equal(tls_channel_sni(server), cases[i].asked ? cases[i].asked : "");
			raw_done(&raw);
			tls_channel_free(server);
		}
}

static struct certs *certs_with(const char *name, int min_version)
{
	struct conf_fixture conf;
	struct conf_error error;
	struct certs *loaded;
	conf_init(&conf);
	conf.conf.min_version = min_version;
	conf_add(&conf, dir, "", name);
	assert_int_equal(certs_load(&loaded, &conf.conf, &error), 0);
	conf_done(&conf);
	return loaded;
}

static void client_refuses_whom_it_does_not_know(void **state)
{
	(void)state;
	static const struct {
		const char *leaf, *ca, *host, *error; /* NULL: accepted */
	} cases[] = {
		{"ec", "ca", "mx.example", NULL},
		{"ec", "ca", "mx.example.", NULL},
		{"ec", "ca", "a.wild.example", NULL},
		{"ec", "ca", "127.0.0.1", NULL},
		{"ec", "ca", "a.b.wild.example", "hostname mismatch"},
		{"ec", "ca", "evil.example", "hostname mismatch"},
		{"ec", "ca", "127.0.0.2", "IP address mismatch"},
		{"ec", "foreign", "mx.example", "unable to get local issuer certificate"},
		{"expired", "ca", "mx.example", "certificate has expired"},
		{"future", "ca", "mx.example", "certificate is not yet valid"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct certs *one = certs_with(cases[i].leaf, 0);
		struct pair pair;
		pair_init(&pair, one, cases[i].ca, 0, cases[i].host);
		pair_move(&pair);
		if (cases[i].error) {
			assert_int_equal(pair.client_event, TLS_FAILED);
			assert_string_equal(tls_channel_error(pair.client), cases[i].error);
			assert_int_equal(pair.server_event, TLS_FAILED);
			assert_int_equal(tls_channel_write(pair.client, STR("secret")), -EPIPE);
			char c;
			assert_int_equal(tls_channel_read(pair.client, &c, 1), -EPROTO);
		} else {
			assert_int_equal(pair.client_event, TLS_OPEN);
		}
		pair_done(&pair);
		certs_unref(one);
	}
}

static void client_without_verification_takes_anyone(void **state)
{
	(void)state;
	struct certs *expired = certs_with("expired", 0);
	struct tls_client_conf conf = {"", false, 0};
	struct tls_client *client;
	struct conf_error error;
	assert_int_equal(tls_client_open(&client, &conf, &error), 0);
	struct pair pair = {.cut = SIZE_MAX};
	pair.server = tls_channel_accept(expired);
	pair.client = tls_channel_connect(client, "");
	pair_open(&pair);
	pair_done(&pair);
	tls_client_close(client);
	certs_unref(expired);
	/* But with verification there has to be something to verify. */
	client = client_of("ca", 0);
	assert_null(tls_channel_connect(client, ""));
	tls_client_close(client);
	conf = (struct tls_client_conf){"/nonexistent/ca.pem", true, 0};
	assert_int_equal(tls_client_open(&client, &conf, &error), -EINVAL);
}

static void minimum_version_holds_on_both_sides(void **state)
{
	(void)state;
	struct certs *strict = certs_with("ec", 1);
	struct raw_client raw;
	struct tls_channel *server = tls_channel_accept(strict);
	raw_init(&raw, TLS1_2_VERSION, NULL, NULL);
	assert_int_equal(raw_handshake(&raw, server), TLS_FAILED);
	raw_done(&raw);
	tls_channel_free(server);
	certs_unref(strict);
}

static void close_notify_is_told_from_the_end(void **state)
{
	(void)state;
	struct pair pair;
	pair_init(&pair, certs, "ca", 0, "mx.example");
	pair_open(&pair);
	/* Data and close_notify in one feed: first the data, then the end. */
	assert_int_equal(tls_channel_write(pair.client, STR("QUIT\r\n")), 0);
	tls_channel_shutdown(pair.client);
	assert_int_equal(tls_channel_write(pair.client, STR("more")), -EPIPE);
	pipe_take_output(&pair.to_server, pair.client);
	assert_int_equal(pipe_feed(&pair.to_server, pair.server, pair.to_server.len), TLS_OPEN);
	struct strbuf got;
	strbuf_init(&got, 100);
	ssize_t last;
	assert_int_equal(tls_channel_write(pair.server, STR("221 bye\r\n")), 0);
	assert_int_equal(read_all_of(pair.server, &got, &last), 6);
	assert_int_equal(last, -EPIPE);
	/* Our own close_notify is due; nothing that comes now is looked at. */
	struct str out;
	assert_true(tls_channel_output(pair.server, &out));
	assert_int_equal(tls_channel_feed(pair.server, STR("MAIL FROM:<a@b>\r\n")), TLS_CLOSED);
	assert_int_equal(read_all_of(pair.server, &got, &last), 0);
	assert_int_equal(tls_channel_write(pair.server, STR("x")), -EPIPE);
	strbuf_done(&got);
	pair_done(&pair);

	/* Alone in its feed it is an event. */
	pair_init(&pair, certs, "ca", 0, "mx.example");
	pair_open(&pair);
	tls_channel_shutdown(pair.client);
	pipe_take_output(&pair.to_server, pair.client);
	assert_int_equal(pipe_feed(&pair.to_server, pair.server, pair.to_server.len), TLS_CLOSED);
	pair_done(&pair);

	/* A cut stream is neither an end nor an error: the channel waits, the socket's owner knows. */
	pair_init(&pair, certs, "ca", 0, "mx.example");
	pair_open(&pair);
	assert_int_equal(tls_channel_write(pair.client, STR("DATA\r\n")), 0);
	pipe_take_output(&pair.to_server, pair.client);
	assert_int_equal(pipe_feed(&pair.to_server, pair.server, pair.to_server.len - 1), TLS_OPEN);
	char c;
	assert_int_equal(tls_channel_read(pair.server, &c, 1), 0);
	pair_done(&pair);
}

static void garbage_fails_once_and_for_all(void **state)
{
	(void)state;
	static const struct str garbage[] = {
		STR_INIT("EHLO smuggler.example\r\nMAIL FROM:<a@b>\r\n"),
		STR_INIT("GET / HTTP/1.0\r\n\r\n"),
		STR_INIT("\x16\x03\x01\xff\xff\x01"),
		STR_INIT("\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00"),
		STR_INIT("\x15\x03\x01\x00\x02\x02\x28"),
		/* an SSLv2 hello that offers nothing newer */
		STR_INIT("\x80\x0c\x01\x00\x02\x00\x03\x00\x00\x00\x10\x01\x00\x80"
			 "0123456789abcdef"),
		STR_INIT("\0\0\0\0\0\0\0\0\0\0\0\0"),
	};
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++) {
		struct tls_channel *server = tls_channel_accept(certs);
		enum tls_event event = TLS_HANDSHAKING;
		for (size_t j = 0; j < garbage[i].len && event == TLS_HANDSHAKING; j++)
			event = tls_channel_feed(server, str_sub(garbage[i], j, j + 1));
		assert_int_equal(event, TLS_FAILED);
		assert_string_not_equal(tls_channel_error(server), "");
		char c;
		assert_int_equal(tls_channel_read(server, &c, 1), -EPROTO);
		assert_int_equal(tls_channel_write(server, STR("220 hi\r\n")), -EPIPE);
		tls_channel_free(server);
	}
}

static void a_changed_octet_is_noticed(void **state)
{
	(void)state;
	struct pair pair;
	pair_init(&pair, certs, "ca", 0, "mx.example");
	pair_open(&pair);
	assert_int_equal(tls_channel_write(pair.client, STR("MAIL FROM:<a@b>\r\n")), 0);
	pipe_take_output(&pair.to_server, pair.client);
	pair.to_server.ptr[pair.to_server.len - 1] ^= 1;
	assert_int_equal(pipe_feed(&pair.to_server, pair.server, pair.to_server.len), TLS_FAILED);
	/* The peer is told by an alert. */
	struct str out;
	assert_true(tls_channel_output(pair.server, &out));
	assert_false(tls_channel_output(pair.server, &out));
	pair_done(&pair);
}

/* A failure of one channel, or of anything else that uses OpenSSL on this thread, is no other's failure. */
static void error_queue_of_others_is_ignored(void **state)
{
	(void)state;
	struct pair pair;
	pair_init(&pair, certs, "ca", 0, "mx.example");
	pair_open(&pair);
	ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
	carry(&pair, pair.client, pair.server, &pair.to_server, STR("NOOP\r\n"));
	ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
	char c;
	assert_int_equal(tls_channel_read(pair.server, &c, 1), 0);
	pair_done(&pair);
}

static void key_update_flood_is_cut_off(void **state)
{
	(void)state;
	struct raw_client raw;
	struct tls_channel *server = tls_channel_accept(certs);
	raw_init(&raw, TLS1_3_VERSION, NULL, NULL);
	assert_int_equal(raw_handshake(&raw, server), TLS_OPEN);
	/* A few are fine. */
	for (int i = 0; i < 8; i++) {
		assert_int_equal(SSL_key_update(raw.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		SSL_do_handshake(raw.ssl);
	}
	SSL_write(raw.ssl, "NOOP\r\n", 6);
	assert_int_equal(raw_exchange(&raw, server), TLS_OPEN);
	char buf[16];
	assert_int_equal(tls_channel_read(server, buf, sizeof(buf)), 6);
	for (int i = 0; i < 100; i++) {
		SSL_key_update(raw.ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
		SSL_do_handshake(raw.ssl);
	}
	assert_int_equal(raw_exchange(&raw, server), TLS_FAILED);
	assert_string_equal(tls_channel_error(server), "too many key updates");
	raw_done(&raw);
	tls_channel_free(server);
}

static void renegotiation_is_refused(void **state)
{
	(void)state;
	struct raw_client raw;
	struct tls_channel *server = tls_channel_accept(certs);
	raw_init(&raw, TLS1_2_VERSION, NULL, NULL);
	assert_int_equal(raw_handshake(&raw, server), TLS_OPEN);
	assert_int_equal(SSL_renegotiate(raw.ssl), 1);
	SSL_do_handshake(raw.ssl);
	raw_exchange(&raw, server);
	/* The server said no_renegotiation; the client gives up. */
	assert_true(SSL_do_handshake(raw.ssl) <= 0);
	raw_done(&raw);
	tls_channel_free(server);
}

static void what_is_not_read_is_kept(void **state)
{
	(void)state;
	struct pair pair;
	pair_init(&pair, certs, "ca", 0, "mx.example");
	pair_open(&pair);
	/* Three records in one feed, more in the next, and nobody reads in between. */
	static const char *const words[] = {"one ", "two ", "three ", "four ", "five"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		assert_int_equal(tls_channel_write(pair.client, str_from(words[i])), 0);
		pipe_take_output(&pair.to_server, pair.client);
		if (i >= 2)
			assert_int_equal(pipe_feed(&pair.to_server, pair.server, pair.to_server.len),
					 TLS_OPEN);
	}
	struct strbuf got;
	strbuf_init(&got, 100);
	ssize_t last;
	read_all_of(pair.server, &got, &last);
	assert_string_equal(got.ptr, "one two three four five");
	strbuf_done(&got);
	/* Many records are one read. */
	char buf[100];
	for (size_t i = 0; i < 40; i++)
		assert_int_equal(tls_channel_write(pair.client, STR("x")), 0);
	pipe_take_output(&pair.to_server, pair.client);
	assert_int_equal(pipe_feed(&pair.to_server, pair.server, pair.to_server.len), TLS_OPEN);
	assert_int_equal(tls_channel_read(pair.server, buf, 30), 30);
	assert_int_equal(tls_channel_read(pair.server, buf, 30), 10);
	assert_int_equal(tls_channel_read(pair.server, buf, 30), 0);
	/* Within reason. */
	static char big[16384];
	enum tls_event event = TLS_OPEN;
	for (int i = 0; i < 100 && event == TLS_OPEN; i++) {
		assert_int_equal(tls_channel_write(pair.client, (struct str){big, sizeof(big)}), 0);
		pipe_take_output(&pair.to_server, pair.client);
		event = pipe_feed(&pair.to_server, pair.server, pair.to_server.len);
	}
	assert_int_equal(event, TLS_FAILED);
	pair_done(&pair);
}

static void sessions_survive_a_reload(void **state)
{
	(void)state;
	struct certs *old = certs_with("ec", 0);
	struct pair pair;
	pair_init(&pair, old, "ca", 0, "mx.example");
	pair_open(&pair);
	certs_unref(old);
	struct certs *fresh = certs_with("other", 0);
	carry(&pair, pair.client, pair.server, &pair.to_server, STR("NOOP\r\n"));
	carry(&pair, pair.server, pair.client, &pair.to_client, STR("250 2.0.0 ok\r\n"));
	pair_done(&pair);
	certs_unref(fresh);
}

static int64_t test_now_ms;

static int64_t test_clock(void)
{
	return test_now_ms;
}

static SSL_SESSION *resumable(struct certs *server_certs, int version, SSL_SESSION *with, bool *ret_resumed)
{
	struct raw_client raw;
	struct tls_channel *server = tls_channel_accept(server_certs);
	raw_init(&raw, version, NULL, "mx.example");
	if (with)
		assert_int_equal(SSL_set_session(raw.ssl, with), 1);
	assert_int_equal(raw_handshake(&raw, server), TLS_OPEN);
	/* In TLS 1.3 the ticket comes as data does. */
	char c;
	SSL_read(raw.ssl, &c, 1);
	ERR_clear_error();
	*ret_resumed = SSL_session_reused(raw.ssl) == 1;
	SSL_SESSION *session = SSL_get1_session(raw.ssl);
	SSL_shutdown(raw.ssl);
	raw_done(&raw);
	tls_channel_free(server);
	return session;
}

static void tickets_resume_across_a_reload_until_their_key_is_gone(void **state)
{
	(void)state;
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		test_now_ms = version * (int64_t)10 * TICKET_KEY_LIFETIME_MS;
		clock_replace(test_clock, test_clock);
		struct certs *before = certs_with("ec", 0), *after = certs_with("rsa", 0);
		bool resumed;
		SSL_SESSION *session = resumable(before, version, NULL, &resumed);
		assert_false(resumed);
		SSL_SESSION *again = resumable(after, version, session, &resumed);
		assert_true(resumed);
		/* The key before the current one still opens... */
		test_now_ms += TICKET_KEY_LIFETIME_MS;
		SSL_SESSION *renewed = resumable(after, version, again, &resumed);
		assert_true(resumed);
		/* ...the one before that does not. */
		test_now_ms += 2 * (int64_t)TICKET_KEY_LIFETIME_MS;
		SSL_SESSION *late = resumable(after, version, again, &resumed);
		assert_false(resumed);
		clock_replace(NULL, NULL);
		SSL_SESSION_free(session);
		SSL_SESSION_free(again);
		SSL_SESSION_free(renewed);
		SSL_SESSION_free(late);
		certs_unref(before);
		certs_unref(after);
	}
}

/* Octets per idle, established server channel. The sanitizers' allocator does not say. */
static void an_idle_channel_costs_little(void **state)
{
	(void)state;
	enum { CHANNELS = 50 };
	for (int version = 0; version < 2; version++) {
		struct tls_channel *servers[CHANNELS];
		struct raw_client raws[CHANNELS];
		size_t sum = 0;
		for (int i = 0; i < CHANNELS; i++) {
			raw_init(&raws[i], version ? TLS1_3_VERSION : TLS1_2_VERSION, NULL, "mx.example");
			SSL_do_handshake(raws[i].ssl);
		}
		for (int i = 0; i < CHANNELS; i++) {
			size_t before = mallinfo2().uordblks;
			servers[i] = tls_channel_accept(certs);
			sum += mallinfo2().uordblks - before;
			for (int step = 0; step < 6; step++) {
				ERR_clear_error();
				SSL_do_handshake(raws[i].ssl);
				char *bytes;
				long len = BIO_get_mem_data(raws[i].out, &bytes);
				before = mallinfo2().uordblks;
				tls_channel_feed(servers[i], (struct str){bytes, (size_t)len});
				sum += mallinfo2().uordblks - before;
				(void)BIO_reset(raws[i].out);
				struct str out;
				while (tls_channel_output(servers[i], &out))
					BIO_write(raws[i].in, out.ptr, (int)out.len);
			}
		}
		if (sum > 0) {
			print_message("idle TLS 1.%d channel: about %zu octets\n", 2 + version,
				      sum / CHANNELS);
			assert_true(sum / CHANNELS < (size_t)40 * 1024);
		}
		for (int i = 0; i < CHANNELS; i++) {
			raw_done(&raws[i]);
			tls_channel_free(servers[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(talks_in_any_version_and_any_split),
		cmocka_unit_test(certificate_follows_signature_algorithms),
		cmocka_unit_test(old_versions_and_weak_suites_are_refused),
		cmocka_unit_test(sni_chooses_the_set),
		cmocka_unit_test(client_refuses_whom_it_does_not_know),
		cmocka_unit_test(client_without_verification_takes_anyone),
		cmocka_unit_test(minimum_version_holds_on_both_sides),
		cmocka_unit_test(close_notify_is_told_from_the_end),
		cmocka_unit_test(garbage_fails_once_and_for_all),
		cmocka_unit_test(a_changed_octet_is_noticed),
		cmocka_unit_test(error_queue_of_others_is_ignored),
		cmocka_unit_test(key_update_flood_is_cut_off),
		cmocka_unit_test(renegotiation_is_refused),
		cmocka_unit_test(what_is_not_read_is_kept),
		cmocka_unit_test(sessions_survive_a_reload),
		cmocka_unit_test(tickets_resume_across_a_reload_until_their_key_is_gone),
		cmocka_unit_test(an_idle_channel_costs_little),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
