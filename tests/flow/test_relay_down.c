/*
 * A relay that cannot be used costs no mail a try: each way to be unusable, what the outbox says meanwhile, and that all
 * mails leave, once each, when it works again.
 */
#include "tests/flow/world.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "outbound/outcome.h"
#include "tests/lib/fake_relay.h"
#include "tests/unit/certs/fixture.h"

#define JOBS 20

/* Nothing was tried, everything waits, and the reason stands at those that were asked for. */
static void assert_all_wait(const struct world *world, const char *why)
{
	assert_int_equal(world_count(world, OUTBOX_DUE), world->jobs_n);
	assert_int_equal(world_stats(world).claimed, 0);
	assert_why(world, world->jobs[0].id, why);
	for (size_t i = 0; i < world->jobs_n; i++)
		assert_int_equal(world_row(world, world->jobs[i].id).tries, 0);
}

static void test_stopped(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, NULL, NULL);
	world_open_store(&world);
	world_jobs(&world, JOBS);
	sink_stop(world.sink);
	world_start(&world);
	world_run_for(&world, HOURS(2));
	assert_all_wait(&world, "connection refused");
	assert_why(&world, world.jobs[0].id, "relay 127.0.0.1:");
	/* asked along its ladder: not in a loop */
	assert_in_range(world_stats(&world).relay.connects, 20, 60);
	sink_start(world.sink);
	world_run_until_sent(&world, JOBS, MINUTES(6));
	assert_each_accepted(&world, 1, 1);
	world_close(&world);
}

/* What does not pass for five days is parked, and comes back by hand. */
static int retry_failed(void *ctx, struct store_txn *txn)
{
	size_t n = 0;
	int r = outbox_retry_failed(txn, world_now_ms(), &n);
	*(size_t *)ctx = n;
	return r;
}

static void test_stopped_for_five_days(void **state)
{
	(void)state;
	struct world world;
	size_t n = 0;
	world_open(&world, NULL, NULL);
	world_open_store(&world);
	world_jobs(&world, 2);
	sink_stop(world.sink);
	world_start(&world);
	world_run_for(&world, DAYS(5) - MINUTES(10));
	assert_all_wait(&world, "connection refused");
	world_run_for(&world, MINUTES(20));
	assert_int_equal(world_row(&world, world.jobs[0].id).state, OUTBOX_FAILED);
	assert_int_equal(world_row(&world, world.jobs[1].id).state, OUTBOX_FAILED);
	assert_int_equal(world_stats(&world).failed, 2);
	assert_int_equal(world_notes(&world, world.jobs[0].ticket), 1);
	assert_int_equal(world_count_kind(&world, OUTBOX_NOTIFY_FAILURE), 2);

	sink_start(world.sink);
	world_run_for(&world, MINUTES(10));
	assert_int_equal(sink_accepted(world.sink, world.jobs[0].message_id), 0);
	assert_int_equal(world_do(&world, retry_failed, &n), 0);
	assert_int_equal(n, 2);
	outbound_wake(world.outbound);
	world_run_for(&world, MINUTES(1));
	assert_int_equal(sink_accepted(world.sink, world.jobs[0].message_id), 1);
	assert_int_equal(sink_accepted(world.sink, world.jobs[1].message_id), 1);
	assert_int_equal(world_count(&world, OUTBOX_SENT), 4);
	world_close(&world);
}

/* A server that starts before its relay does parks no old mail for that. */
static void test_old_mail_and_a_relay_that_starts(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, NULL, NULL);
	world_open_store(&world);
	world_jobs(&world, 3);
	world_set_now(world_now_ms() + DAYS(6));
	sink_stop(world.sink);
	world_start(&world);
	world_run_for(&world, MINUTES(1));
	assert_all_wait(&world, "connection refused");
	sink_start(world.sink);
	world_run_until_sent(&world, 3, MINUTES(6));
	assert_each_accepted(&world, 1, 1);
	world_close(&world);
}

/* ---- relays that answer, but not as they should */

struct mood {
	enum sink_at at;
	const char *reply; /* NULL: it works */
};

static const char *moody(void *ctx, const struct sink_event *event)
{
	const struct mood *mood = ctx;
	return event->at == mood->at ? mood->reply : NULL;
}

static const struct {
	const char *name;
	struct mood mood;
	const char *why;
} moods[] = {
	{"greets with 554", {SINK_CONNECT, "554 5.3.2 not today"}, "554 5.3.2 not today"},
	{"greets with 421", {SINK_CONNECT, "421 4.3.2 too busy"}, "421 4.3.2 too busy"},
	{"hangs before it greets", {SINK_CONNECT, "H"}, "took too long"},
	{"closes at once", {SINK_CONNECT, "X"}, "closed the connection"},
	{"does not know EHLO for now", {SINK_EHLO, "451 4.3.0 later"}, "451 4.3.0 later"},
	{"hangs at EHLO", {SINK_EHLO, "H"}, "took too long"},
	{"wants a login that we don't have", {SINK_MAIL, "530 5.7.0 authentication required"}, "530 5.7.0"},
	{"says what is no reply", {SINK_CONNECT, "HTTP/1.1 400 Bad Request"}, "no reply"},
};

static void test_moods(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(moods); i++) {
		struct world world;
		struct mood mood = moods[i].mood;
		print_message("    %s\n", moods[i].name);
		world_open(&world, moody, &mood);
		world_begin(&world, JOBS);
		world_run_for(&world, HOURS(1));
		assert_why(&world, world.jobs[0].id, moods[i].why);
		if (strcmp(mood.reply, "H") != 0) /* else some are on their way just now */
			assert_all_wait(&world, moods[i].why);
		assert_int_equal(world_stats(&world).failed, 0);
		mood.reply = NULL;
		sink_drop(world.sink);
		world_run_until_sent(&world, JOBS, MINUTES(12));
		assert_each_accepted(&world, 1, 1);
		for (size_t job = 0; job < JOBS; job++)
			assert_int_equal(world_row(&world, world.jobs[job].id).tries, 1);
		world_close(&world);
	}
}

/* ---- a login that fails */

static const char *offers_auth(void *ctx, const struct sink_event *event)
{
	return event->at == SINK_EHLO && *(bool *)ctx ? "250-sink.example\r\n250 AUTH PLAIN" : NULL;
}

static void test_login(void **state)
{
	(void)state;
	static const char *const whys[] = {"offers no AUTH", "503 5.5.1 not now (at its auth)"};
	for (size_t i = 0; i < ARRAY_SIZE(whys); i++) {
		struct world world;
		bool offers = i == 1;
		world_open(&world, offers_auth, &offers);
		world.relay.user = "me";
		world.relay.password = "secret";
		world_begin(&world, 3);
		world_run_for(&world, MINUTES(10));
		assert_all_wait(&world, whys[i]);
		world_close(&world);
	}
}

/* ---- TLS */

static char *certs_dir;

static int make_certs(void **state)
{
	static const struct leaf_spec right = {"right", KEY_ECDSA, "IP:127.0.0.1", -3600, 86400};
	static const struct leaf_spec wrong = {"wrong", KEY_ECDSA, "DNS:other.example", -3600, 86400};
	struct test_ca ca;
	(void)state;
	certs_dir = make_dir();
	ca_init(&ca, "ca");
	char *path = file_in(certs_dir, "ca", "pem");
	write_cert(path, ca.cert);
	free(path);
	write_leaf(certs_dir, &ca, &right);
	write_leaf(certs_dir, &ca, &wrong);
	ca_done(&ca);
	return 0;
}

static int drop_certs(void **state)
{
	(void)state;
	remove_dir(certs_dir);
	return 0;
}

static struct certs *load_certs(const char *name)
{
	struct conf_fixture conf;
	struct conf_error error;
	struct certs *certs = NULL;
	conf_init(&conf);
	conf_add(&conf, certs_dir, "", name);
	assert_int_equal(certs_load(&certs, &conf.conf, &error), 0);
	conf_done(&conf);
	return certs;
}

/* Real time, where certificates are looked at. */
#define OF_TODAY() world_set_now((int64_t)time(NULL) * 1000)

#define HELLO_TLS                                                                                  \
	"S 220 relay", "C EHLO *", "S 250-relay", "S 250 STARTTLS", "C STARTTLS", "S 220 go", "T", \
		"C EHLO *", "S 250 relay"
#define MAIL_IN "C MAIL *", "S 250 ok", "C RCPT *", "S 250 ok", "C DATA", "S 354 go", "D", "S 250 queued"
static const char *const no_starttls[] = {"S 220 relay", "C EHLO *", "S 250-relay", "S 250 PIPELINING", NULL};
static const char *const handshake[] = {"S 220 relay", "C EHLO *", "S 250-relay", "S 250 STARTTLS",
					"C STARTTLS",  "S 220 go", "T",           NULL};
static const char *const works[] = {HELLO_TLS, MAIL_IN, MAIL_IN, MAIL_IN, NULL};

static const struct {
	const char *name, *certificate;
	const char *const *script;
	const char *why;
} tls_cases[] = {
	{"offers no STARTTLS", "right", no_starttls, "does not offer STARTTLS"},
	{"shows a certificate of another host", "wrong", handshake, "TLS: IP address mismatch"},
};

static void test_tls(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tls_cases); i++) {
		struct world world;
		struct certs *certs = load_certs(tls_cases[i].certificate), *right = load_certs("right");
		char *ca_file = file_in(certs_dir, "ca", "pem");
		OF_TODAY();
		print_message("    %s\n", tls_cases[i].name);
		world_open(&world, NULL, NULL);
		struct fake_relay *bad = fake_relay_open(&world.loop, certs);
		struct fake_relay *good = fake_relay_open(&world.loop, right);
		struct sockaddr_storage address = fake_relay_address(bad);
		fake_relay_script(bad, tls_cases[i].script);
		fake_relay_script(good, works);
		world.relay.tls = SMTP_TLS_STARTTLS;
		world.relay.ca_file = ca_file;
		world.relay.connections = 1;
		world.relay.port = ntohs(((struct sockaddr_in *)&address)->sin_port);
		world_begin(&world, 3);
		world_run_for(&world, MINUTES(30));
		assert_all_wait(&world, tls_cases[i].why);
		assert_int_equal(fake_relay_counts(bad).mails, 0);

		/* the operator mends his configuration */
		struct conf_error error = {""};
		struct outbound_settings settings = world_settings(&world);
		address = fake_relay_address(good);
		world.relay.port = ntohs(((struct sockaddr_in *)&address)->sin_port);
		assert_int_equal(outbound_reconfigure(world.outbound, &settings, &error), 0);
		world_run_until_sent(&world, 3, SECONDS(1));
		assert_int_equal(fake_relay_counts(good).mails, 3);
		assert_null(fake_relay_wrong(good));
		fake_relay_close(bad);
		fake_relay_close(good);
		world_close(&world);
		free(ca_file);
		certs_unref(certs);
		certs_unref(right);
	}
}

/* ---- no relay */

static void test_no_relay(void **state)
{
	(void)state;
	struct world world;
	struct conf_error error = {""};
	world_open(&world, NULL, NULL);
	world.relay.host = "";
	world_begin(&world, 3);
	world_run_for(&world, DAYS(7));
	assert_int_equal(world_count(&world, OUTBOX_DUE), 3);
	assert_false(world_stats(&world).configured);
	world.relay.host = "127.0.0.1";
	struct outbound_settings settings = world_settings(&world);
	assert_int_equal(outbound_reconfigure(world.outbound, &settings, &error), 0);
	world_run_until_sent(&world, 3, SECONDS(1));
	assert_each_accepted(&world, 1, 1);
	world_close(&world);
}

/* Bad settings change nothing. */
static void test_bad_settings(void **state)
{
	(void)state;
	struct world world;
	struct conf_error error = {""};
	world_open(&world, NULL, NULL);
	world_open_store(&world);
	world_start(&world);
	struct outbound_settings settings = world_settings(&world);
	assert_int_equal(outbound_check(&settings, &error), 0);
	world.relay.user = "me";
	assert_int_equal(outbound_check(&settings, &error), -EINVAL);
	assert_non_null(strstr(error.text, "password"));
	assert_int_equal(outbound_reconfigure(world.outbound, &settings, &error), -EINVAL);
	world.relay.user = "";
	world.relay.tls = SMTP_TLS_STARTTLS;
	world.relay.ca_file = "/nowhere/ca.pem";
	assert_true(outbound_check(&settings, &error) < 0);
	assert_true(outbound_reconfigure(world.outbound, &settings, &error) < 0);
	world_jobs(&world, 2);
	world_run_until_sent(&world, 2, SECONDS(1));
	assert_each_accepted(&world, 1, 1);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_stopped_for_five_days),
		cmocka_unit_test(test_old_mail_and_a_relay_that_starts),
		cmocka_unit_test(test_moods),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_no_relay),
		cmocka_unit_test(test_bad_settings),
	};
	return cmocka_run_group_tests(tests, make_certs, drop_certs);
}
