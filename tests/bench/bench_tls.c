/*
 * Handshakes per second and throughput of a server's channel, without sockets: server and client take turns in
 * this one thread, so half of the time is the client's; the server's own share is printed too.
 *
 *	bench_tls [SECONDS]
 */
#include "base/clock.h"
#include "tests/unit/certs/fixture.h"

struct side {
	struct tls_channel *tls;
	struct pipe_bytes to; /* octets on their way to it */
	int64_t ns;
};

static int64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static enum tls_event turn(struct side *side, struct side *other)
{
	int64_t start = now_ns();
	enum tls_event event = pipe_feed(&side->to, side->tls, side->to.len);
	char buf[16384];
	while (tls_channel_read(side->tls, buf, sizeof(buf)) > 0)
		;
	pipe_take_output(&other->to, side->tls);
	side->ns += now_ns() - start;
	return event;
}

static void handshake(struct side *server, struct side *client)
{
	pipe_take_output(&server->to, client->tls);
	while (server->to.len + client->to.len > 0) {
		if (server->to.len)
			MUST(turn(server, client) != TLS_FAILED);
		if (client->to.len)
			MUST(turn(client, server) != TLS_FAILED);
	}
}

static void bench_one(const char *dir, const char *kind, int64_t seconds)
{
	struct conf_fixture conf;
	struct conf_error error;
	struct certs *certs;
	struct tls_client *opener;
	conf_init(&conf);
	conf_add(&conf, dir, "mx.example", kind);
	MUST(certs_load(&certs, &conf.conf, &error) == 0);
	MUST(tls_client_open(&opener, &(struct tls_client_conf){"", false, 0}, &error) == 0);
	struct side server = {NULL, {NULL, 0}, 0}, client = {NULL, {NULL, 0}, 0};
	int64_t end_ms = clock_mono_ms() + seconds * 1000;
	int n = 0;
	while (clock_mono_ms() < end_ms) {
		server.tls = tls_channel_accept(certs);
		client.tls = tls_channel_connect(opener, "mx.example");
		handshake(&server, &client);
		tls_channel_free(server.tls);
		tls_channel_free(client.tls);
		n++;
	}
	printf("%-6s %6.0f full TLS 1.3 handshakes/s of the server's time (%.0f us)\n", kind,
	       n * 1e9 / (double)server.ns, (double)server.ns / 1e3 / n);

	server.tls = tls_channel_accept(certs);
	client.tls = tls_channel_connect(opener, "mx.example");
	handshake(&server, &client);
	static char data[65536];
	double octets = 0;
	server.ns = 0;
	end_ms = clock_mono_ms() + seconds * 1000;
	while (clock_mono_ms() < end_ms) {
		MUST(tls_channel_write(client.tls, (struct str){data, sizeof(data)}) == 0);
		pipe_take_output(&server.to, client.tls);
		turn(&server, &client);
		octets += sizeof(data);
	}
	printf("%-6s %6.0f MiB/s received (%s)\n", kind, octets / 1048576 / ((double)server.ns / 1e9),
	       tls_channel_cipher(server.tls));
	tls_channel_free(server.tls);
	tls_channel_free(client.tls);
	free(server.to.ptr);
	free(client.to.ptr);
	tls_client_close(opener);
	certs_unref(certs);
	conf_done(&conf);
}

int main(int argc, char **argv)
{
	int64_t seconds = argc > 1 ? atoi(argv[1]) : 2;
	char *dir = make_dir();
	struct test_ca ca;
	ca_init(&ca, "Bench CA");
	write_leaf(dir, &ca, &(struct leaf_spec){"ecdsa", KEY_ECDSA, "DNS:mx.example", -3600, 86400});
	write_leaf(dir, &ca, &(struct leaf_spec){"rsa", KEY_RSA, "DNS:mx.example", -3600, 86400});
	bench_one(dir, "ecdsa", seconds);
	bench_one(dir, "rsa", seconds);
	ca_done(&ca);
	remove_dir(dir);
	return 0;
}
