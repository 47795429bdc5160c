/*
 * Many jobs, and everything that can happen to the engine itself: order, bounded memory, a relay that defers every third,
 * a store that is full, a pause, a reload, a drain, a crash.
 */
#include "tests/flow/world.h"

#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "outbound/outbound_private.h"
#include "storage/txn.h"

static void test_order(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, NULL, NULL);
	world.relay.connections = 1;
	world_begin(&world, 100);
	world_run_until_sent(&world, 100, SECONDS(1));
	assert_each_accepted(&world, 1, 1);
	for (size_t i = 0; i < 100; i++)
		assert_string_equal(sink_mail(world.sink, i)->message_id, world.jobs[i].message_id);
	assert_int_equal(sink_conns(world.sink), 1);
	world_close(&world);
}

static const char *every_third(void *ctx, const struct sink_event *event)
{
	static const enum sink_at ats[] = {SINK_MAIL, SINK_RCPT, SINK_END};
	(void)ctx;
	return event->mails % 3 == 0 && event->at == ats[event->mails / 3 % 3] ? "451 4.3.0 later" : NULL;
}

static void test_every_third_is_deferred(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, every_third, NULL);
	world_begin(&world, 200);
	world_run_until_sent(&world, 200, DAYS(1));
	assert_each_accepted(&world, 1, 1);
	assert_true(world_stats(&world).deferred >= 60);
	assert_int_equal(world_stats(&world).sent, 200);
	assert_in_range(sink_conns(world.sink), 4, 60);
	world_close(&world);
}

static const char *one_at_a_time(void *ctx, const struct sink_event *event)
{
	(void)ctx;
	return event->at == SINK_CONNECT && event->conn > 1 ? "421 4.7.0 too many connections" : NULL;
}

/* A relay that takes fewer connections than it may have: the one that works is kept busy. */
static void test_connection_limit(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, one_at_a_time, NULL);
	world_begin(&world, 1);
	world_run_until_sent(&world, 1, SECONDS(1));
	world_jobs(&world, 89);
	world_run_until_sent(&world, 90, SECONDS(2));
	assert_each_accepted(&world, 1, 1);
	world_close(&world);
}

/* 4 connections, 2 mails for each, and the prefetch. */
#define CLAIMED_MAX (8 + OUTBOUND_PREFETCH)

static const char *hangs(void *ctx, const struct sink_event *event)
{
	return event->at == SINK_END && *(bool *)ctx ? "H" : NULL;
}

static void test_memory_is_bounded(void **state)
{
	(void)state;
	struct world world;
	bool hang = true;
	world_open(&world, hangs, &hang);
	world_begin(&world, 5000);
	world_settle(&world);
	assert_int_equal(world_stats(&world).claimed, CLAIMED_MAX);
	assert_int_equal(world_count(&world, OUTBOX_CLAIMED), CLAIMED_MAX);
	world_run_for(&world, MINUTES(9));
	assert_int_equal(world_stats(&world).claimed, CLAIMED_MAX);
	hang = false;
	sink_drop(world.sink);
	world_run_until_sent(&world, 5000, HOURS(1));
	assert_each_accepted(&world, 1, 1);
	assert_in_range(world.claimed_most, 8, CLAIMED_MAX);
	world_close(&world);
}

static size_t held_most(struct world *world)
{
	size_t most = 0;
	uint64_t started = uv_hrtime();
	for (unsigned quiet = 0; quiet < 2000; quiet++) {
		uv_run(&world->loop, UV_RUN_NOWAIT);
		if (world->outbound->held > most)
			most = world->outbound->held;
		if (sink_mails(world->sink) == 0 || world->outbound->making.under_way ||
		    world->outbound->claiming.under_way)
			quiet = 0;
		assert_true(uv_hrtime() - started < UINT64_C(100000000000));
	}
	return most;
}

/* Large mails: what is made ahead is counted in octets too. */
static void test_large_mails(void **state)
{
	(void)state;
	enum { SIZE = 600 * 1024, JOBS = 150 };
	struct world world;
	bool hang = true;
	char *text = malloc(SIZE);
	assert_non_null(text);
	for (size_t i = 0; i < SIZE; i++)
		text[i] = i % 70 == 69 ? '\n' : 'x';
	world_open(&world, hangs, &hang);
	world.relay.connections = 100;
	world.kind = OUTBOX_NOTIFY_TICKET;
	world.text = (struct str){text, SIZE};
	world_begin(&world, JOBS);
	size_t most = held_most(&world);
	print_message("    held %zu KiB at most, a mail has %zu KiB\n", most / 1024,
		      sink_mail(world.sink, 0)->len / 1024);
	/* the limit was met: by number alone there would be more of them */
	assert_in_range(most, OUTBOUND_HELD_MAX / 2, OUTBOUND_HELD_MAX + COMPOSED_MAX);
	assert_true(world.outbound->unsent_n > 0);
	hang = false;
	sink_drop(world.sink);
	world_run_until_sent(&world, JOBS, HOURS(1));
	assert_each_accepted(&world, 1, 1);
	world_close(&world);
	free(text);
}

/* No more of them are claimed than can leave soon. */
static void test_rate(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, NULL, NULL);
	world.relay.rate = 60;
	world_begin(&world, 100);
	world_run_for(&world, SECONDS(30));
	assert_in_range(world_count(&world, OUTBOX_SENT), 28, 32);
	assert_in_range(world.claimed_most, 1, 9);
	world_run_until_sent(&world, 100, SECONDS(75));
	assert_each_accepted(&world, 1, 1);
	world_close(&world);
}

/* ---- a store that takes nothing for a while */

struct stop {
	struct store_job job;
	sem_t go;
	bool done;
};

static int stop_apply(struct store_job *job, struct store_txn *txn)
{
	struct stop *stop = CONTAINER_OF(job, struct stop, job);
	(void)txn;
	while (sem_wait(&stop->go) < 0)
		;
	return 0;
}

static void stop_done(struct store_job *job, int status)
{
	assert_int_equal(status, 0);
	CONTAINER_OF(job, struct stop, job)->done = true;
}

static void turns(struct world *world, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uv_run(&world->loop, UV_RUN_NOWAIT);
		world_set_now(world_now_ms() + 10);
		outbound_tick(world->outbound);
	}
}

/* One job blocks the writer, another one fills the queue. */
static void test_full_store(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, NULL, NULL);
	world.storage.queue_max = 1;
	world_begin(&world, 60);
	for (unsigned round = 0; round < 20; round++) {
		struct stop stops[2] = {{.job = {.apply = stop_apply, .done = stop_done}},
					{.job = {.apply = stop_apply, .done = stop_done}}};
		turns(&world, round);
		for (size_t i = 0; i < 2; i++) {
			sem_init(&stops[i].go, 0, 0);
			while (store_submit(world.store, &stops[i].job) < 0)
				uv_run(&world.loop, UV_RUN_NOWAIT);
		}
		turns(&world, 30);
		sem_post(&stops[0].go);
		sem_post(&stops[1].go);
		while (!stops[0].done || !stops[1].done)
			uv_run(&world.loop, UV_RUN_NOWAIT);
		sem_destroy(&stops[0].go);
		sem_destroy(&stops[1].go);
	}
	world_run_until_sent(&world, 60, MINUTES(1));
	assert_each_accepted(&world, 1, 1);
	world_close(&world);
}

/* ---- a database that refuses one row */

static int damage(void *ctx, struct store_txn *txn)
{
	return db_exec(txn->db, ctx);
}

static int do_sql(struct world *world, const char *sql)
{
	return world_do(world, damage, (void *)(uintptr_t)sql);
}

/* What can't be written stops no others, and is written when it can be. */
static void test_settlement_that_fails(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, NULL, NULL);
	log_setup(open("/dev/null", O_WRONLY), LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, false);
	world_open_store(&world);
	world_jobs(&world, 60);
	assert_int_equal(do_sql(&world,
				"CREATE TRIGGER no BEFORE UPDATE ON outbox WHEN new.state = 4 AND new.id = 20"
				" BEGIN SELECT raise(ABORT, 'no'); END"),
			 0);
	world_start(&world);
	world_run_for(&world, MINUTES(2));
	assert_int_equal(world_count(&world, OUTBOX_SENT), 59);
	assert_int_equal(world_row(&world, world.jobs[19].id).state, OUTBOX_CLAIMED);
	assert_int_equal(world_stats(&world).claimed, 1);
	assert_int_equal(do_sql(&world, "DROP TRIGGER no"), 0);
	world_run_until_sent(&world, 60, SECONDS(5));
	assert_each_accepted(&world, 1, 1);
	world_close(&world);
}

/* ... nor does it keep us from ending. */
static void test_close_with_a_settlement_that_fails(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, NULL, NULL);
	log_setup(open("/dev/null", O_WRONLY), LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, false);
	world_open_store(&world);
	world_jobs(&world, 20);
	assert_int_equal(do_sql(&world, "CREATE TRIGGER no BEFORE UPDATE ON outbox WHEN new.state = 4"
					" BEGIN SELECT raise(ABORT, 'no'); END"),
			 0);
	world_start(&world);
	world_run_for(&world, SECONDS(10));
	assert_int_equal(world_count(&world, OUTBOX_CLAIMED), 20);
	world.outbound = outbound_close(world.outbound);
	assert_int_equal(world_count(&world, OUTBOX_CLAIMED), 20);
	assert_int_equal(do_sql(&world, "DROP TRIGGER no"), 0);
	world_start(&world);
	world_run_until_sent(&world, 20, SECONDS(5));
	assert_each_accepted(&world, 2, 2);
	world_close(&world);
}

/* A job that can be no mail is parked, with a reason; the others leave. */
static void test_not_a_mail(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, NULL, NULL);
	world_open_store(&world);
	world_jobs(&world, 3);
	assert_int_equal(
		do_sql(&world, "UPDATE outbox SET recipient = 'a' || char(13, 10) || 'DATA' WHERE id = 2"),
		0);
	world_start(&world);
	world_run_for(&world, MINUTES(1));
	struct world_row row = world_row(&world, world.jobs[1].id);
	assert_int_equal(row.state, OUTBOX_FAILED);
	assert_int_equal(row.tries, 0);
	assert_string_equal(row.why, "the mail could not be made: the recipient is no address");
	assert_int_equal(world_notes(&world, world.jobs[1].ticket), 1);
	assert_int_equal(sink_accepted(world.sink, world.jobs[0].message_id), 1);
	assert_int_equal(sink_accepted(world.sink, world.jobs[2].message_id), 1);
	world_close(&world);
}

/* ---- by hand */

static int set_paused(void *ctx, struct store_txn *txn)
{
	return outbox_set_paused(txn, *(bool *)ctx);
}

static void test_pause(void **state)
{
	(void)state;
	struct world world;
	bool paused = true;
	world_open(&world, NULL, NULL);
	world_open_store(&world);
	assert_int_equal(world_do(&world, set_paused, &paused), 0);
	world_start(&world);
	world_jobs(&world, 50);
	world_run_for(&world, HOURS(5));
	assert_int_equal(world_count(&world, OUTBOX_DUE), 50);
	assert_int_equal(sink_conns(world.sink), 0);
	paused = false;
	assert_int_equal(world_do(&world, set_paused, &paused), 0);
	outbound_wake(world.outbound);
	world_run_until_sent(&world, 50, SECONDS(1));
	assert_each_accepted(&world, 1, 1);
	world_close(&world);
}

/* Another relay while mails are under way over the first: they end there, the others go to the new one. */
static void test_another_relay(void **state)
{
	(void)state;
	struct world world;
	struct conf_error error = {""};
	bool hang = true;
	world_open(&world, hangs, &hang);
	world_begin(&world, 100);
	world_settle(&world);
	assert_int_equal(sink_mails(world.sink), 4);
	struct sink *other = sink_open(&world.loop, NULL, NULL);
	struct outbound_settings settings = world_settings(&world);
	world.relay.port = sink_port(other);
	assert_int_equal(outbound_reconfigure(world.outbound, &settings, &error), 0);
	world_settle(&world);
	assert_int_equal(sink_mails(other), 96);
	assert_int_equal(world_count(&world, OUTBOX_SENT), 96);
	assert_int_equal(world_count(&world, OUTBOX_CLAIMED), 4);
	/* the old one never says a word: its mails are the new one's after its deadline */
	world_run_until_sent(&world, 100, MINUTES(15));
	for (size_t i = 0; i < world.jobs_n; i++)
		assert_int_equal(sink_accepted(other, world.jobs[i].message_id), 1);
	sink_close(other);
	world_close(&world);
}

static void on_drained(void *ctx)
{
	++*(unsigned *)ctx;
}

static void test_drain(void **state)
{
	(void)state;
	struct world world;
	unsigned drained = 0;
	bool hang = true;
	world_open(&world, hangs, &hang);
	world_begin(&world, 100);
	world_settle(&world);
	assert_int_equal(sink_mails(world.sink), 4);
	outbound_drain(world.outbound, on_drained, &drained);
	world_settle(&world);
	assert_int_equal(drained, 0);
	/* only what the relay has heard of is still under way */
	assert_int_equal(world_stats(&world).claimed, 4);
	assert_int_equal(world_count(&world, OUTBOX_DUE), 96);
	hang = false;
	sink_drop(world.sink);
	world_settle(&world);
	assert_int_equal(drained, 1);
	assert_int_equal(world_stats(&world).claimed, 0);
	assert_int_equal(world_count(&world, OUTBOX_DUE), 100);
	world_stop(&world);

	world_open_store(&world);
	world_start(&world);
	world_run_until_sent(&world, 100, MINUTES(5));
	assert_each_accepted(&world, 1, 1);
	world_close(&world);
}

static void test_drain_at_rest(void **state)
{
	(void)state;
	struct world world;
	unsigned drained = 0;
	world_open(&world, NULL, NULL);
	world_begin(&world, 3);
	world_run_until_sent(&world, 3, SECONDS(1));
	outbound_drain(world.outbound, on_drained, &drained);
	world_settle(&world);
	assert_int_equal(drained, 1);
	assert_int_equal(sink_open_now(world.sink), 0);
	world_close(&world);
}

/* Closed in the middle of anything: what is claimed is given back. */
static void test_close_at_any_moment(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, every_third, NULL);
	world_open_store(&world);
	world_jobs(&world, 150);
	for (unsigned n = 0; n < 40; n++) {
		world_start(&world);
		turns(&world, n * 2);
		world.outbound = outbound_close(world.outbound);
		assert_int_equal(world_count(&world, OUTBOX_CLAIMED), 0);
		assert_int_equal(world_count(&world, OUTBOX_DUE) + world_count(&world, OUTBOX_SENT), 150);
	}
	world_start(&world);
	world_run_until_sent(&world, 150, DAYS(1));
	assert_each_accepted(&world, 1, 2);
	world_close(&world);
}

/* ---- a crash */

/* A process that is killed while the relay has four mails and has answered none. */
static void child_sends(struct world *world)
{
	struct sink *relay = world->sink; /* the parent's; only its port matters here */
	(void)relay;
	world_start(world);
	for (;;)
		uv_run(&world->loop, UV_RUN_ONCE);
}

static void test_crash(void **state)
{
	(void)state;
	struct world world;
	bool hang = true;
	world_open(&world, hangs, &hang);
	world_open_store(&world);
	world_jobs(&world, 100);
	world_start(&world); /* so that the next stop has something to stop */
	world_stop(&world);
	size_t before = sink_mails(world.sink);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct world child = world;
		uv_loop_init(&child.loop); /* nothing of the parent's is touched */
		world_open_store(&child);
		child_sends(&child);
		_exit(1);
	}
	uint64_t started = uv_hrtime();
	while (sink_mails(world.sink) < before + 4 && uv_hrtime() - started < UINT64_C(60000000000))
		uv_run(&world.loop, UV_RUN_NOWAIT);
	kill(pid, SIGKILL);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(sink_mails(world.sink), before + 4);

	world_open_store(&world);
	assert_int_equal(world_count(&world, OUTBOX_CLAIMED), CLAIMED_MAX);
	hang = false;
	world_start(&world);
	world_run_until_sent(&world, 100, MINUTES(1));
	assert_each_accepted(&world, 1, 1);
	size_t twice = 0;
	for (size_t i = 0; i < world.jobs_n; i++) {
		size_t came = sink_came(world.sink, world.jobs[i].message_id);
		assert_in_range(came, 1, 2);
		twice += came == 2;
	}
	assert_int_equal(twice, 4);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_every_third_is_deferred),
		cmocka_unit_test(test_connection_limit),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_large_mails),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_full_store),
		cmocka_unit_test(test_settlement_that_fails),
		cmocka_unit_test(test_close_with_a_settlement_that_fails),
		cmocka_unit_test(test_not_a_mail),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_another_relay),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_drain_at_rest),
		cmocka_unit_test(test_close_at_any_moment),
		cmocka_unit_test(test_crash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
