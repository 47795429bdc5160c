/*
 * What happens to jobs that are under way while somebody does something: holds all mail, changes a job behind the
 * engine's back, stops the server, puts the clock.
 */
#include "tests/flow/world.h"

#include <stdio.h>

#include "outbound/outbound_private.h"
#include "storage/txn.h"

static int exec(void *ctx, struct store_txn *txn)
{
	return db_exec(txn->db, ctx);
}

static void do_sql(struct world *world, const char *sql)
{
	assert_int_equal(world_do(world, exec, (void *)(uintptr_t)sql), 0);
}

static const char *hangs(void *ctx, const struct sink_event *event)
{
	return event->at == SINK_END && *(bool *)ctx ? "H" : NULL;
}

static int64_t tries_of_all(const struct world *world)
{
	int64_t tries = 0;
	for (size_t i = 0; i < world->jobs_n; i++)
		tries += world_row(world, world->jobs[i].id).tries;
	return tries;
}

/* ---- all mail is held */

static int set_paused(void *ctx, struct store_txn *txn)
{
	return outbox_set_paused(txn, *(bool *)ctx);
}

static void pause_all(struct world *world, bool paused)
{
	assert_int_equal(world_do(world, set_paused, &paused), 0);
	outbound_set_paused(world->outbound, paused);
}

/* What the relay has heard of comes to its end; everything else is DUE again, where it can be cancelled. */
static void test_pause_while_under_way(void **state)
{
	(void)state;
	struct world world;
	bool hang = true;
	world_open(&world, hangs, &hang);
	world_begin(&world, 100);
	world_settle(&world);
	assert_int_equal(sink_mails(world.sink), 4);
	pause_all(&world, true);
	world_settle(&world);
	assert_int_equal(world_count(&world, OUTBOX_CLAIMED), 4);
	assert_int_equal(world_count(&world, OUTBOX_DUE), 96);
	assert_int_equal(world_stats(&world).claimed, 4);
	hang = false;
	sink_drop(world.sink);
	world_run_for(&world, HOURS(3));
	assert_int_equal(sink_mails(world.sink), 4);
	assert_int_equal(world_count(&world, OUTBOX_DUE), 100);
	assert_int_equal(tries_of_all(&world), 4);
	pause_all(&world, false);
	world_run_until_sent(&world, 100, MINUTES(2));
	assert_each_accepted(&world, 1, 1);
	world_close(&world);
}

/* At any moment of claiming, making and sending; nothing is lost, nothing leaves twice. */
static void test_pause_at_any_moment(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, NULL, NULL);
	world_begin(&world, 200);
	for (unsigned n = 0; n < 30; n++) {
		for (unsigned i = 0; i < n; i++)
			uv_run(&world.loop, UV_RUN_NOWAIT);
		pause_all(&world, true);
		world_settle(&world);
		size_t sent = sink_mails(world.sink);
		assert_int_equal(world_count(&world, OUTBOX_CLAIMED), 0);
		world_run_for(&world, MINUTES(10));
		assert_int_equal(sink_mails(world.sink), sent);
		pause_all(&world, false);
	}
	world_run_until_sent(&world, 200, SECONDS(5));
	assert_each_accepted(&world, 1, 1);
	assert_int_equal(sink_mails(world.sink), 200);
	world_close(&world);
}

/* The relay that a reload brings holds still too. */
static void test_reload_while_paused(void **state)
{
	(void)state;
	struct world world;
	struct conf_error error = {""};
	world_open(&world, NULL, NULL);
	world_open_store(&world);
	world_start(&world);
	pause_all(&world, true);
	world_jobs(&world, 10);
	struct outbound_settings settings = world_settings(&world);
	assert_int_equal(outbound_reconfigure(world.outbound, &settings, &error), 0);
	world_run_for(&world, HOURS(1));
	assert_int_equal(sink_mails(world.sink), 0);
	pause_all(&world, false);
	world_run_until_sent(&world, 10, SECONDS(1));
	assert_each_accepted(&world, 1, 1);
	world_close(&world);
}

/* ---- the row is not what it was */

/* A job that is not CLAIMED any more when its failure comes: it is left alone, and nobody is told of it. */
static void test_changed_meanwhile(void **state)
{
	(void)state;
	struct world world;
	bool hang = true;
	world_open(&world, hangs, &hang);
	world_open_store(&world);
	world_jobs(&world, 1);
	world_set_now(world_now_ms() + DAYS(5) - MINUTES(5));
	world_start(&world);
	world_settle(&world);
	assert_int_equal(sink_mails(world.sink), 1);
	do_sql(&world, "UPDATE outbox SET state = 3 WHERE id = 1");
	world_run_for(&world, HOURS(1));
	assert_int_equal(world_stats(&world).claimed, 0);
	assert_int_equal(world_row(&world, world.jobs[0].id).state, OUTBOX_CANCELLED);
	assert_int_equal(world_notes(&world, world.jobs[0].ticket), 0);
	assert_int_equal(world_count_kind(&world, OUTBOX_NOTIFY_FAILURE), 0);
	assert_int_equal(world_stats(&world).failed, 0);
	world_close(&world);
}

/* ---- the server stops */

/* No answer to the final dot because we went: the same mail leaves at the next start, and not a minute later. */
static void test_stopped_after_the_final_dot(void **state)
{
	(void)state;
	struct world world;
	bool hang = true;
	world_open(&world, hangs, &hang);
	world_begin(&world, 3);
	world_settle(&world);
	assert_int_equal(sink_mails(world.sink), 3);
	world.outbound = outbound_close(world.outbound);
	for (size_t i = 0; i < 3; i++) {
		struct world_row row = world_row(&world, world.jobs[i].id);
		assert_int_equal(row.state, OUTBOX_DUE);
		assert_true(row.due_ms <= world_now_ms());
		assert_int_equal(row.tries, 1);
		assert_non_null(strstr(row.why, "it may have arrived"));
	}
	hang = false;
	world_start(&world);
	world_run_until_sent(&world, 3, 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(sink_came(world.sink, world.jobs[i].message_id), 2);
	world_close(&world);
}

/* ---- a connection that dies with its first mail */

static const struct {
	enum sink_at at;
	const char *reply;
} deaths[] = {
	{SINK_MAIL, "421 4.3.2 going"},
	{SINK_MAIL, "X"},
	{SINK_RCPT, "421 4.3.2 going"},
	{SINK_DATA, "X"},
	{SINK_END, "X"},
};

static const char *dies(void *ctx, const struct sink_event *event)
{
	size_t i = *(size_t *)ctx;
	return i < ARRAY_SIZE(deaths) && event->at == deaths[i].at ? deaths[i].reply : NULL;
}

/* That mail pays a try; those that wait behind it were never looked at. */
static void test_who_waits_pays_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(deaths); i++) {
		struct world world;
		size_t death = i;
		world_open(&world, dies, &death);
		world.relay.connections = 1;
		world_begin(&world, 20);
		world_run_for(&world, MINUTES(10));
		assert_in_range(tries_of_all(&world), 1, sink_conns(world.sink));
		death = SIZE_MAX;
		world_run_until_sent(&world, 20, HOURS(2));
		assert_each_accepted(&world, 1, 1);
		world_close(&world);
	}
}

/* ---- the clock */

/* A clock that was days ahead and is put right: what was due by it leaves within the hour. */
static void test_wall_clock_goes_back(void **state)
{
	(void)state;
	struct world world;
	bool hang = true;
	world_open(&world, hangs, &hang);
	world.relay.end_timeout_ms = SECONDS(10);
	world_put_wall_clock(DAYS(3));
	world_begin(&world, 3);
	world_run_for(&world, MINUTES(1)); /* some are on their ladder */
	hang = false;
	sink_drop(world.sink);
	world_put_wall_clock(-DAYS(3));
	world_run_until_sent(&world, 3, HOURS(1) + MINUTES(1));
	world_close(&world);

	world_open(&world, NULL, NULL);
	world_put_wall_clock(DAYS(3));
	world_open_store(&world);
	world_jobs(&world, 3);
	world_put_wall_clock(-DAYS(3));
	world_start(&world);
	world_run_until_sent(&world, 3, 0);
	world_close(&world);
}

/* Forwards: what waits is due, and found within the hour although no timer knew. */
static void test_wall_clock_goes_forwards(void **state)
{
	(void)state;
	struct world world;
	bool hang = true;
	world_open(&world, hangs, &hang);
	world.relay.end_timeout_ms = SECONDS(10);
	world_begin(&world, 3);
	world_run_for(&world, HOURS(1));
	hang = false;
	sink_drop(world.sink);
	world_put_wall_clock(DAYS(2));
	world_run_until_sent(&world, 3, HOURS(1) + MINUTES(1));
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pause_while_under_way),
		cmocka_unit_test(test_pause_at_any_moment),
		cmocka_unit_test(test_reload_while_paused),
		cmocka_unit_test(test_changed_meanwhile),
		cmocka_unit_test(test_stopped_after_the_final_dot),
		cmocka_unit_test(test_who_waits_pays_nothing),
		cmocka_unit_test(test_wall_clock_goes_back),
		cmocka_unit_test(test_wall_clock_goes_forwards),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
