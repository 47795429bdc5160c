/*
 * All connections to the relay: how many, for how long, how fast; and a relay that is dead, or comes back.
 * However it goes, each mail is done exactly once.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/outbound/fixture.h"

#include "outbound/backoff.h"
#include "outbound/relay.h"

#define MAILS_MAX  600
#define T_IDLE     45000
#define T_GREETING 300000

struct world {
	uv_loop_t loop;
	struct fake_relay *fake;
	struct relay *relay;
	struct relay_settings settings;
	struct test_mail *mails;
	size_t mails_n, submitted, done;
	unsigned rooms, drained;
	bool feed; /* submit what there is, whenever there is room */
};

static void feed(struct world *world)
{
	while (world->feed && world->submitted < world->mails_n && relay_room(world->relay) > 0)
		assert_int_equal(relay_submit(world->relay, &world->mails[world->submitted++].mail), 0);
}

static void on_room(struct relay *relay, void *ctx)
{
	struct world *world = ctx;
	world->rooms++;
	assert_true(relay_room(relay) > 0);
	feed(world);
}

static void on_drained(struct relay *relay UNUSED, void *ctx)
{
	struct world *world = ctx;
	world->drained++;
}

static void on_done(struct test_mail *mail UNUSED, void *ctx)
{
	struct world *world = ctx;
	world->done++;
}

static void world_open(struct world *world, size_t mails_n)
{
	memset(world, 0, sizeof(*world));
	MUST(uv_loop_init(&world->loop) == 0);
	world->fake = fake_relay_open(&world->loop, relay_certs);
	struct sockaddr_storage address = fake_relay_address(world->fake);
	world->settings = (struct relay_settings){
		.host = "127.0.0.1",
		.port = ntohs(((struct sockaddr_in *)&address)->sin_port),
		.tls = SMTP_TLS_NONE,
		.ehlo_name = "client.example",
		.connections = 4,
		.mails_per_connection = 1000,
		.idle_timeout_ms = T_IDLE,
		.timeouts = {30000, 31000, T_GREETING, 301000, 120000, 180000, 600000, 5000},
	};
	world->mails = xcalloc(mails_n ? mails_n : 1, sizeof(*world->mails));
	world->mails_n = mails_n;
	world->feed = true;
	for (size_t i = 0; i < mails_n; i++) {
		mail_init(&world->mails[i], "a");
		world->mails[i].on_done = on_done;
		world->mails[i].ctx = world;
	}
}

static void world_start(struct world *world)
{
	static const struct relay_events events = {on_room, on_drained};
	struct conf_error error = {""};
	if (relay_open(&world->relay, &world->loop, &world->settings, &events, world, &error) < 0)
		fail_msg("%s", error.text);
	feed(world);
}

static void turn(struct world *world)
{
	uv_run(&world->loop, UV_RUN_NOWAIT);
	if (world->relay && relay_deadline(world->relay) <= fake_now_ms)
		relay_tick(world->relay);
}

/* Turns until nothing moves: no connection, no mail, no step of the fake relay. */
static void settle(struct world *world)
{
	uint64_t started = uv_hrtime();
	for (unsigned quiet = 0; quiet < QUIET_TURNS; quiet++) {
		struct fake_relay_counts before = fake_relay_counts(world->fake);
		size_t done = world->done;
		turn(world);
		struct fake_relay_counts after = fake_relay_counts(world->fake);
		if (memcmp(&before, &after, sizeof(before)) != 0 || done != world->done)
			quiet = 0;
		must_not_hang(started);
	}
}

/* To the next deadline. */
static void jump(struct world *world)
{
	int64_t deadline = relay_deadline(world->relay);
	assert_true(deadline != INT64_MAX);
	if (deadline > fake_now_ms)
		fake_now_ms = deadline;
}

static void run_until_done(struct world *world, size_t done)
{
	uint64_t started = uv_hrtime();
	settle(world);
	while (world->done < done) {
		must_not_hang(started);
		jump(world);
		settle(world);
	}
}

static void world_close(struct world *world)
{
	world->relay = relay_close(world->relay);
	for (size_t i = 0; i < world->mails_n; i++)
		assert_int_equal(world->mails[i].dones, i < world->submitted ? 1 : 0);
	fake_relay_close(world->fake);
	close_loop(&world->loop);
	free(world->mails);
}

static struct relay_stats stats_of(const struct world *world)
{
	struct relay_stats stats;
	relay_stats(world->relay, &stats);
	return stats;
}

static void assert_all(const struct world *world, enum smtp_outcome outcome)
{
	for (size_t i = 0; i < world->mails_n; i++)
		assert_int_equal(world->mails[i].result.outcome, outcome);
}

#define HELLO   "S 220 relay", "C EHLO client.example", "S 250-relay", "S 250 PIPELINING"
#define MAIL_IN "C MAIL *", "C RCPT *", "C DATA", "S 250 ok", "S 250 ok", "S 354 go", "D", "S 250 queued"

static const char *const good[300] = {HELLO,   MAIL_IN, MAIL_IN, MAIL_IN, MAIL_IN, MAIL_IN, MAIL_IN,
				      MAIL_IN, MAIL_IN, MAIL_IN, MAIL_IN, MAIL_IN, MAIL_IN, MAIL_IN,
				      MAIL_IN, MAIL_IN, MAIL_IN, MAIL_IN, MAIL_IN, MAIL_IN, MAIL_IN,
				      MAIL_IN, MAIL_IN, MAIL_IN, MAIL_IN, MAIL_IN, "C QUIT"};
#define GOOD_MAILS 25
static const char *const ten[] = {HELLO,   MAIL_IN, MAIL_IN, MAIL_IN,  MAIL_IN,     MAIL_IN, MAIL_IN, MAIL_IN,
				  MAIL_IN, MAIL_IN, MAIL_IN, "C QUIT", "S 221 bye", "X",     NULL};

/* ---- a relay that works */

static void test_one_connection_is_used_again(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, GOOD_MAILS);
	world.settings.connections = 1;
	fake_relay_script(world.fake, good);
	world_start(&world);
	run_until_done(&world, GOOD_MAILS);
	assert_all(&world, SMTP_DELIVERED);
	assert_null(fake_relay_wrong(world.fake));
	struct relay_stats stats = stats_of(&world);
	assert_int_equal(stats.connects, 1);
	assert_int_equal(stats.mails, GOOD_MAILS);
	assert_int_equal(stats.connections, 1);
	assert_int_equal(stats.busy, 0);
	assert_int_equal(stats.failures, 0);
	world_close(&world);
}

static void test_several_connections(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, 60);
	fake_relay_script(world.fake, good);
	world_start(&world);
	run_until_done(&world, 60);
	assert_all(&world, SMTP_DELIVERED);
	assert_null(fake_relay_wrong(world.fake));
	assert_int_equal(fake_relay_counts(world.fake).open_max, 4);
	assert_int_equal(fake_relay_counts(world.fake).accepted, 4);
	world_close(&world);
}

/* One mail needs one connection. */
static void test_no_more_connections_than_work(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, 1);
	fake_relay_script(world.fake, good);
	world_start(&world);
	run_until_done(&world, 1);
	assert_int_equal(fake_relay_counts(world.fake).accepted, 1);
	world_close(&world);
}

static void test_mails_per_connection(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, 50);
	world.settings.connections = 1;
	world.settings.mails_per_connection = 10;
	fake_relay_script(world.fake, ten);
	world_start(&world);
	run_until_done(&world, 50);
	settle(&world);
	assert_all(&world, SMTP_DELIVERED);
	assert_null(fake_relay_wrong(world.fake));
	assert_int_equal(fake_relay_counts(world.fake).accepted, 5);
	assert_int_equal(fake_relay_counts(world.fake).open_max, 1);
	assert_int_equal(stats_of(&world).failures, 0);
	world_close(&world);
}

static void test_idle_connections_go(void **state)
{
	(void)state;
	static const char *const one[] = {HELLO, MAIL_IN, "C QUIT", "S 221 bye", "X", NULL};
	struct world world;
	world_open(&world, 2);
	world.feed = false;
	fake_relay_script(world.fake, one);
	world_start(&world);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(relay_submit(world.relay, &world.mails[world.submitted++].mail), 0);
		run_until_done(&world, i + 1);
		assert_int_equal(stats_of(&world).connections, 1);
		int64_t idle_from = fake_now_ms;
		jump(&world);
		assert_int_equal(fake_now_ms, idle_from + T_IDLE);
		settle(&world);
		assert_int_equal(stats_of(&world).connections, 0);
		assert_int_equal(fake_relay_counts(world.fake).open, 0);
		assert_true(relay_deadline(world.relay) == INT64_MAX);
	}
	assert_null(fake_relay_wrong(world.fake));
	assert_int_equal(fake_relay_counts(world.fake).accepted, 2);
	world_close(&world);
}

/* 120 a minute: two at once, then one each half second. */
static void test_rate(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, 20);
	world.settings.per_minute = 120;
	world.settings.connections = 2;
	fake_relay_script(world.fake, good);
	int64_t from = fake_now_ms;
	world_start(&world);
	settle(&world);
	assert_int_equal(world.done, 2);
	run_until_done(&world, 20);
	assert_int_equal(fake_now_ms - from, 18 * 500);
	assert_all(&world, SMTP_DELIVERED);
	world_close(&world);
}

static void test_back_pressure(void **state)
{
	(void)state;
	static const char *const slow[] = {HELLO, "H", NULL};
	struct world world;
	world_open(&world, 20);
	world.feed = false;
	fake_relay_script(world.fake, slow);
	world_start(&world);
	assert_int_equal(relay_room(world.relay), 8);
	int r;
	while ((r = relay_submit(world.relay, &world.mails[world.submitted].mail)) == 0)
		world.submitted++;
	assert_int_equal(r, -EAGAIN);
	assert_int_equal(world.submitted, 8);
	assert_int_equal(relay_room(world.relay), 0);
	settle(&world);
	struct relay_stats stats = stats_of(&world);
	assert_int_equal(stats.busy, 4);
	assert_int_equal(stats.waiting, 4);
	assert_int_equal(relay_room(world.relay), 0);
	assert_int_equal(world.rooms, 0);
	world_close(&world);

	world_open(&world, 100);
	fake_relay_script(world.fake, good);
	world_start(&world);
	assert_int_equal(world.submitted, 8);
	run_until_done(&world, 100);
	assert_true(world.rooms > 0);
	assert_all(&world, SMTP_DELIVERED);
	world_close(&world);
}

/* What waits comes back, what is on a connection ends there, nothing is taken until it goes on. */
static void test_pause(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, 6);
	world.feed = false;
	world.settings.connections = 1;
	fake_relay_script(world.fake, good);
	world_start(&world);
	assert_int_equal(relay_submit(world.relay, &world.mails[0].mail), 0);
	assert_int_equal(relay_submit(world.relay, &world.mails[1].mail), 0);
	relay_pause(world.relay, true);
	assert_int_equal(relay_room(world.relay), 0);
	assert_int_equal(relay_submit(world.relay, &world.mails[2].mail), -EAGAIN);
	settle(&world);
	assert_int_equal(world.done, 2);
	assert_int_equal(stats_of(&world).waiting, 0);
	assert_int_equal(fake_relay_counts(world.fake).accepted, 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(world.mails[i].result.outcome, SMTP_DEFERRED);
		assert_int_equal(world.mails[i].result.error, -ECANCELED);
	}
	unsigned rooms = world.rooms;
	relay_pause(world.relay, false);
	settle(&world);
	assert_true(world.rooms > rooms);
	world.submitted = 2;
	world.feed = true;
	feed(&world);
	run_until_done(&world, 6);
	for (size_t i = 2; i < 6; i++)
		assert_int_equal(world.mails[i].result.outcome, SMTP_DELIVERED);
	world_close(&world);
}

/* ---- a relay that is dead */

/* Each way of being dead: the mails come back once, nothing more is tried until the wait is over. */
static void test_dead_relay(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		const char *script[8];
		bool refused, tls, no_host;
		enum smtp_stage stage;
		int code, error;
		int64_t waited_ms;
	} cases[] = {
		{"nobody listens",
		 {NULL},
		 .refused = true,
		 .stage = SMTP_STAGE_CONNECT,
		 .error = -ECONNREFUSED},
		{"a name that is none", {NULL}, .no_host = true, .stage = SMTP_STAGE_CONNECT, .error = 1},
		{"greets with 554", {"S 554 no"}, .stage = SMTP_STAGE_GREETING, .code = 554},
		{"hangs", {"H"}, .stage = SMTP_STAGE_GREETING, .error = -ETIMEDOUT, .waited_ms = T_GREETING},
		{"closes at once", {"X"}, .stage = SMTP_STAGE_GREETING, .error = -ECONNRESET},
		{"no STARTTLS",
		 {"S 220 r", "C EHLO *", "S 250 r"},
		 .tls = true,
		 .stage = SMTP_STAGE_STARTTLS,
		 .error = -EPROTONOSUPPORT},
		{"wrong certificate",
		 {"S 220 r", "C EHLO *", "S 250-r", "S 250 STARTTLS", "C STARTTLS", "S 220 go", "T"},
		 .tls = true,
		 .stage = SMTP_STAGE_TLS,
		 .error = -EPROTO},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world world;
		char *ca_file = file_in(certs_dir, "other-ca", "pem");
		char long_name[301];
		world_open(&world, 8);
		world.feed = false;
		if (cases[i].refused) { /* a port that was just in use, and is free now */
			struct fake_relay *gone = fake_relay_open(&world.loop, NULL);
			struct sockaddr_storage address = fake_relay_address(gone);
			world.settings.port = ntohs(((struct sockaddr_in *)&address)->sin_port);
			fake_relay_close(gone);
			for (unsigned n = 0; n < 5; n++)
				uv_run(&world.loop, UV_RUN_NOWAIT);
		} else {
			fake_relay_script(world.fake, cases[i].script);
		}
		if (cases[i].no_host) {
			memset(long_name, 'a', 300);
			long_name[300] = '\0';
			world.settings.host = long_name;
		}
		world.settings.tls = cases[i].tls ? SMTP_TLS_STARTTLS : SMTP_TLS_NONE;
		world.settings.ca_file = ca_file;
		world_start(&world);
		while (relay_room(world.relay) > 0)
			relay_submit(world.relay, &world.mails[world.submitted++].mail);
		assert_int_equal(world.submitted, 8);
		int64_t from = fake_now_ms;
		run_until_done(&world, 8);
		assert_int_equal(fake_now_ms - from, cases[i].waited_ms);
		for (size_t m = 0; m < 8; m++) {
			const struct smtp_result *result = &world.mails[m].result;
			bool fits = cases[i].error > 0 ? result->error < 0 : result->error == cases[i].error;
			if (result->outcome != SMTP_DEFERRED || result->stage != cases[i].stage || !fits ||
			    result->code != cases[i].code)
				fail_msg("%s: mail %zu: %s %s %d %d", cases[i].what, m,
					 smtp_outcome_name(result->outcome), smtp_stage_name(result->stage),
					 result->code, result->error);
			assert_int_equal(world.mails[m].rcpts[0].result.outcome, SMTP_DEFERRED);
			assert_int_equal(world.mails[m].starts, 0);
		}
		struct relay_stats stats = stats_of(&world);
		assert_int_equal(stats.failures, 1);
		assert_int_equal(stats.connections, 0);
		assert_in_range(stats.resting_ms, 900, 1100);
		assert_int_equal(stats.last_failure.stage, cases[i].stage);
		assert_int_equal(relay_room(world.relay), 0);
		assert_int_equal(world.rooms, 0);
		/* then there is room again, for one connection's worth */
		jump(&world);
		settle(&world);
		assert_int_equal(world.rooms, 1);
		assert_int_equal(relay_room(world.relay), 2);
		world_close(&world);
		free(ca_file);
	}
}

/* Dead for three simulated days, with mail waiting all the time; then it works. */
static void test_dead_for_days(void **state)
{
	(void)state;
	static const char *const no[] = {"S 421 4.3.2 not now", "X", NULL};
	struct world world;
	world_open(&world, MAILS_MAX);
	for (unsigned i = 0; i < 40; i++)
		fake_relay_script(world.fake, no);
	int64_t from = fake_now_ms;
	world_start(&world);
	uint64_t started = uv_hrtime();
	unsigned last_failures = 0;
	while (fake_relay_counts(world.fake).accepted < 40) {
		must_not_hang(started);
		settle(&world);
		struct relay_stats stats = stats_of(&world);
		assert_true(stats.failures >= last_failures);
		last_failures = stats.failures;
		jump(&world);
	}
	/* a connection each five minutes, and not more, however much mail there was */
	assert_in_range(fake_now_ms - from, 30 * 270000, 40 * 330000);
	settle(&world);
	size_t given_back = world.done;
	assert_in_range(given_back, 40, 8 + 39 * 2 + 2);
	fake_relay_script(world.fake, good);
	for (unsigned i = 0; i < 20; i++)
		fake_relay_script(world.fake, good);
	run_until_done(&world, given_back + GOOD_MAILS + 20);
	assert_int_equal(stats_of(&world).failures, 0);
	assert_int_equal(world.mails[given_back + GOOD_MAILS].result.outcome, SMTP_DELIVERED);
	assert_true(fake_relay_counts(world.fake).open_max > 1); /* back to all its connections */
	world_close(&world);
}

/* One mail and a relay that says 4yz for three days: the ladder's tries, no more, and then it is delivered.
 * */
static void test_deferred_for_three_days(void **state)
{
	(void)state;
	static const char *const later[] = {
		HELLO,      "C MAIL *", "C RCPT *", "C DATA", "S 250 ok",  "S 450 4.2.1 later",
		"S 554 no", "C RSET",   "S 250 ok", "C QUIT", "S 221 bye", "X",
		NULL};
	int64_t created = fake_now_ms, due = created;
	unsigned tries = 0;
	enum smtp_outcome outcome = SMTP_DEFERRED;
	while (outcome == SMTP_DEFERRED) {
		struct world world;
		bool three_days = due - created >= INT64_C(3) * 24 * 3600 * 1000;
		world_open(&world, 1);
		fake_now_ms = due;
		fake_relay_script(world.fake, three_days ? good : later);
		world_start(&world);
		run_until_done(&world, 1);
		outcome = world.mails[0].result.outcome;
		tries++;
		if (outcome == SMTP_DEFERRED) {
			assert_int_equal(world.mails[0].result.code, 450);
			assert_int_equal(backoff_mail(created, fake_now_ms, tries, 0x80000000, &due), 0);
		}
		world_close(&world);
	}
	assert_int_equal(outcome, SMTP_DELIVERED);
	assert_in_range(tries, 15, 22);
}

/* A second connection that is refused takes nothing from the first, which does all the work. */
static void test_one_connection_is_enough(void **state)
{
	(void)state;
	static const char *const no[] = {"S 421 too many connections", "X", NULL};
	struct world world;
	world_open(&world, 20);
	world.feed = false;
	fake_relay_script(world.fake, good);
	fake_relay_script(world.fake, no);
	world_start(&world);
	relay_submit(world.relay, &world.mails[world.submitted++].mail);
	run_until_done(&world, 1);
	world.feed = true;
	feed(&world);
	run_until_done(&world, 20);
	assert_all(&world, SMTP_DELIVERED);
	assert_true(fake_relay_counts(world.fake).accepted > 1);
	world_close(&world);
}

/* Ready, and closed at once, while the rate lets nothing through: each costs a rest, it does not spin. */
static void test_closed_when_ready(void **state)
{
	(void)state;
	static const char *const shut[] = {HELLO, "X", NULL};
	struct world world;
	world_open(&world, 4);
	world.settings.connections = 1;
	fake_relay_script(world.fake, shut);
	world_start(&world);
	relay_pause(world.relay, false);
	for (unsigned i = 0; i < 20; i++) {
		settle(&world);
		if (relay_deadline(world.relay) != INT64_MAX)
			jump(&world);
	}
	assert_in_range(fake_relay_counts(world.fake).accepted, 1, 20);
	assert_true(stats_of(&world).failures > 0);
	world_close(&world);
}

/* The relay ends a connection that has carried mail just as the next is begun: that mail goes over another
 * one, and is not deferred for it. */
static void test_used_connection_ends_at_mail(void **state)
{
	(void)state;
	static const char *const ends[][20] = {
		{HELLO, MAIL_IN, "C MAIL *", "S 421 4.7.0 enough for one session", "X"},
		{HELLO, MAIL_IN, "C MAIL *", "X"},
		{HELLO, MAIL_IN, "C MAIL *", "R"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct world world;
		int64_t from = fake_now_ms;
		world_open(&world, 10);
		world.settings.connections = 1;
		fake_relay_script(world.fake, ends[i]);
		world_start(&world);
		run_until_done(&world, 10);
		assert_all(&world, SMTP_DELIVERED);
		assert_int_equal(fake_relay_counts(world.fake).mails, 10);
		assert_int_equal(fake_relay_counts(world.fake).accepted, 10);
		assert_int_equal(stats_of(&world).failures, 0);
		assert_int_equal(fake_now_ms, from);
		world_close(&world);
	}
}

/* One that has carried none is another matter: its mail is deferred, and the relay left alone. */
static void test_new_connection_ends_at_mail(void **state)
{
	(void)state;
	static const char *const ends[] = {HELLO, "C MAIL *", "S 421 4.3.2 not now", "X", NULL};
	struct world world;
	world_open(&world, 2);
	world.settings.connections = 1;
	fake_relay_script(world.fake, ends);
	world_start(&world);
	run_until_done(&world, 2);
	assert_all(&world, SMTP_DEFERRED);
	assert_int_equal(world.mails[0].result.code, 421);
	assert_int_equal(fake_relay_counts(world.fake).accepted, 1);
	assert_int_equal(stats_of(&world).failures, 1);
	world_close(&world);
}

/* A connection that turned out not to be needed, and that the relay ended after a while, says nothing against
 * it. */
static void test_idle_connection_ends(void **state)
{
	(void)state;
	static const char *const one[] = {HELLO, MAIL_IN, NULL};
	struct world world;
	world_open(&world, 2);
	world.settings.per_minute = 1;
	world.settings.idle_timeout_ms = 600000;
	fake_relay_script(world.fake, one);
	world_start(&world);
	run_until_done(&world, 1);
	settle(&world);
	assert_int_equal(stats_of(&world).connections, 2);
	fake_now_ms += 2000;
	fake_relay_drop(world.fake);
	settle(&world);
	assert_int_equal(stats_of(&world).failures, 0);
	assert_int_equal(stats_of(&world).resting_ms, 0);
	run_until_done(&world, 2);
	assert_all(&world, SMTP_DELIVERED);
	world_close(&world);
}

/* Names are looked up; "localhost" may be ::1 first, where nobody listens. */
static void test_host_by_name(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, 1);
	world.settings.host = "localhost";
	fake_relay_script(world.fake, good);
	world_start(&world);
	uint64_t started = uv_hrtime();
	while (world.done == 0) {
		must_not_hang(started);
		turn(&world);
	}
	assert_int_equal(world.mails[0].result.outcome, SMTP_DELIVERED);
	world_close(&world);

	/* closed while the name is looked up */
	world_open(&world, 1);
	world.settings.host = "localhost";
	fake_relay_script(world.fake, good);
	world_start(&world);
	relay_tick(world.relay);
	world_close(&world);
}

static void test_over_tls(void **state)
{
	(void)state;
	static const char *const script[] = {"T", HELLO, MAIL_IN, MAIL_IN, NULL};
	struct world world;
	char *ca_file = file_in(certs_dir, "ca", "pem");
	world_open(&world, 2);
	world.settings.tls = SMTP_TLS_IMPLICIT;
	world.settings.ca_file = ca_file;
	world.settings.connections = 1;
	fake_relay_script(world.fake, script);
	world_start(&world);
	run_until_done(&world, 2);
	assert_all(&world, SMTP_DELIVERED);
	world_close(&world);
	struct conf_error error = {""};
	struct relay *relay = NULL;
	struct relay_events events = {on_room, on_drained};
	uv_loop_t loop;
	MUST(uv_loop_init(&loop) == 0);
	world.settings.ca_file = "/nowhere/ca.pem";
	assert_int_equal(relay_open(&relay, &loop, &world.settings, &events, NULL, &error), -EINVAL);
	assert_null(relay);
	assert_true(strlen(error.text) > 0);
	close_loop(&loop);
	free(ca_file);
}

/* ---- the end */

static void test_drain(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, 8);
	fake_relay_script(world.fake, good);
	fake_relay_drip(world.fake, true); /* slow enough to be in the midst of it */
	world_start(&world);
	uint64_t started = uv_hrtime();
	while (stats_of(&world).busy < 4) {
		must_not_hang(started);
		turn(&world);
	}
	relay_drain(world.relay);
	assert_int_equal(relay_room(world.relay), 0);
	assert_int_equal(relay_submit(world.relay, &world.mails[7].mail), -EAGAIN);
	fake_relay_drip(world.fake, true);
	while (!world.drained) {
		must_not_hang(started);
		if (world.done == 8 && relay_deadline(world.relay) > fake_now_ms)
			jump(&world); /* the fake relay does not answer QUIT */
		turn(&world);
	}
	settle(&world);
	assert_int_equal(world.drained, 1);
	assert_int_equal(world.done, 8);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(world.mails[i].result.outcome, i < 4 ? SMTP_DELIVERED : SMTP_DEFERRED);
		assert_int_equal(world.mails[i].result.error, i < 4 ? 0 : -ECANCELED);
	}
	world_close(&world);
}

/* Nothing to do: drained in the next turn. */
static void test_drain_when_idle(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, 0);
	world_start(&world);
	relay_drain(world.relay);
	assert_int_equal(world.drained, 0);
	settle(&world);
	assert_int_equal(world.drained, 1);
	world_close(&world);
}

static void test_close_at_any_time(void **state)
{
	(void)state;
	unsigned all = 0, some = 0;
	for (unsigned turns = 0; turns < 1500 && all == 0; turns++) {
		struct world world;
		world_open(&world, 8);
		world.settings.connections = 2;
		fake_relay_script(world.fake, ten);
		fake_relay_drip(world.fake, turns % 2);
		world_start(&world);
		for (unsigned i = 0; i < turns; i++)
			turn(&world);
		all += world.done == 8 && turns % 2;
		some += world.done < 8;
		world_close(&world); /* counts that each is done once */
	}
	assert_true(all > 0 && some > 0);
}

static void close_in_done(struct test_mail *mail, void *ctx)
{
	struct world *world = ctx;
	on_done(mail, ctx);
	world->relay = relay_close(world->relay);
}

static void test_close_in_done(void **state)
{
	(void)state;
	static const char *const no[] = {"S 554 no", NULL};
	static const char *const *const scripts[] = {good, no};
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		struct world world;
		world_open(&world, 8);
		for (size_t m = 0; m < 8; m++)
			world.mails[m].on_done = close_in_done;
		fake_relay_script(world.fake, scripts[i]);
		world_start(&world);
		uint64_t started = uv_hrtime();
		while (world.relay) {
			must_not_hang(started);
			turn(&world);
		}
		assert_int_equal(world.done, 8);
		world_close(&world);
	}
}

static void submit_in_done(struct test_mail *mail, void *ctx)
{
	struct world *world = ctx;
	on_done(mail, ctx);
	if (world->submitted < world->mails_n &&
	    relay_submit(world->relay, &world->mails[world->submitted].mail) == 0)
		world->submitted++;
}

static void test_submit_in_done(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, GOOD_MAILS);
	world.feed = false;
	world.settings.connections = 1;
	for (size_t m = 0; m < world.mails_n; m++)
		world.mails[m].on_done = submit_in_done;
	fake_relay_script(world.fake, good);
	world_start(&world);
	relay_submit(world.relay, &world.mails[world.submitted++].mail);
	run_until_done(&world, GOOD_MAILS);
	assert_all(&world, SMTP_DELIVERED);
	assert_int_equal(fake_relay_counts(world.fake).accepted, 1);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_connection_is_used_again),
		cmocka_unit_test(test_several_connections),
		cmocka_unit_test(test_no_more_connections_than_work),
		cmocka_unit_test(test_mails_per_connection),
		cmocka_unit_test(test_idle_connections_go),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_back_pressure),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_dead_relay),
		cmocka_unit_test(test_dead_for_days),
		cmocka_unit_test(test_deferred_for_three_days),
		cmocka_unit_test(test_one_connection_is_enough),
		cmocka_unit_test(test_closed_when_ready),
		cmocka_unit_test(test_used_connection_ends_at_mail),
		cmocka_unit_test(test_new_connection_ends_at_mail),
		cmocka_unit_test(test_idle_connection_ends),
		cmocka_unit_test(test_host_by_name),
		cmocka_unit_test(test_over_tls),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_drain_when_idle),
		cmocka_unit_test(test_close_at_any_time),
		cmocka_unit_test(test_close_in_done),
		cmocka_unit_test(test_submit_in_done),
	};
	return cmocka_run_group_tests(tests, make_certs, drop_certs);
}
