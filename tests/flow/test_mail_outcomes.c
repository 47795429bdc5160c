/*
 * What becomes of a mail that the relay does not take at once: each answer has its outcome in the outbox, none is lost,
 * and none leaves twice but where nobody can know better.
 */
#include "tests/flow/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "storage/participant.h"
#include "storage/reply_address.h"
#include "tenant/reply_token.h"

struct plan {
	enum sink_at at;
	const char *reply;
	unsigned from, to; /* of the MAILs; 0: no end */
	bool *wanted;      /* NULL: always */
};

static const char *planned(void *ctx, const struct sink_event *event)
{
	const struct plan *plan = ctx;
	bool now = event->at == plan->at && event->mails >= plan->from &&
		   (plan->to == 0 || event->mails <= plan->to);
	return now && (!plan->wanted || *plan->wanted) ? plan->reply : NULL;
}

static void open_with(struct world *world, struct plan *plan, size_t jobs)
{
	world_open(world, planned, plan);
	world->relay.connections = 1;
	world_open_store(world);
	world_jobs(world, jobs);
	world_start(world);
}

/* ---- 4yz */

/* 1, 5, 15, 30 minutes, 1, 2, 4, then each 6 hours: how many tries in three days, each wait a tenth longer or shorter. */
static void tries_between(int64_t for_ms, unsigned *ret_least, unsigned *ret_most)
{
	static const int64_t waits[] = {MINUTES(1), MINUTES(5), MINUTES(15), MINUTES(30),
					HOURS(1),   HOURS(2),   HOURS(4),    HOURS(6)};
	unsigned *const rets[] = {ret_least, ret_most};
	for (unsigned i = 0; i < 2; i++) {
		int64_t at_ms = 0;
		unsigned tries = 0;
		while (at_ms <= for_ms) {
			int64_t wait_ms = waits[tries < ARRAY_SIZE(waits) ? tries : ARRAY_SIZE(waits) - 1];
			at_ms += i == 0 ? wait_ms + wait_ms / 10 : wait_ms - wait_ms / 10;
			tries++;
		}
		*rets[i] = tries;
	}
}

static const struct {
	enum sink_at at;
	const char *reply;
} laters[] = {
	{SINK_MAIL, "451 4.3.0 later"},
	{SINK_RCPT, "450 4.2.1 mailbox busy"},
	{SINK_DATA, "452 4.3.1 no space"},
	{SINK_END, "451 4.7.1 greylisted"},
};

static void test_three_days_of_4yz(void **state)
{
	(void)state;
	unsigned least, most;
	tries_between(DAYS(3), &least, &most);
	for (size_t i = 0; i < ARRAY_SIZE(laters); i++) {
		struct world world;
		bool wanted = true;
		struct plan plan = {laters[i].at, laters[i].reply, 0, 0, &wanted};
		open_with(&world, &plan, 3);
		world_run_for(&world, DAYS(3));
		for (size_t job = 0; job < 3; job++) {
			struct world_row row = world_row(&world, world.jobs[job].id);
			assert_int_equal(row.state, OUTBOX_DUE);
			assert_string_equal(row.why, laters[i].reply);
			assert_in_range(row.tries, least, most);
			assert_true(row.due_ms > world_now_ms());
		}
		assert_int_equal(world_stats(&world).claimed, 0);
		wanted = false;
		world_run_until_sent(&world, 3, HOURS(7));
		assert_each_accepted(&world, 1, 1);
		world_close(&world);
	}
}

static int retry(void *ctx, struct store_txn *txn)
{
	return outbox_retry(txn, *(struct outbox_id *)ctx, world_now_ms());
}

static void test_five_days_of_4yz(void **state)
{
	(void)state;
	struct world world;
	bool wanted = true;
	struct plan plan = {SINK_RCPT, "450 4.2.1 mailbox busy", 1, 0, &wanted};
	open_with(&world, &plan, 1);
	struct outbox_id id = world.jobs[0].id;
	world_run_for(&world, DAYS(5) - SECONDS(1));
	assert_int_equal(world_row(&world, id).state, OUTBOX_DUE);
	wanted = false; /* the team shall hear of it */
	world_set_now(world_now_ms() + SECONDS(2));
	wanted = true;
	world_settle(&world);
	struct world_row row = world_row(&world, id);
	assert_int_equal(row.state, OUTBOX_FAILED);
	assert_string_equal(row.why, "450 4.2.1 mailbox busy");
	assert_int_equal(world_stats(&world).failed, 1);
	assert_int_equal(world_notes(&world, world.jobs[0].ticket), 1);
	assert_int_equal(world_count_kind(&world, OUTBOX_NOTIFY_FAILURE), 1);

	/* by hand: at once, and the five days begin anew */
	assert_int_equal(world_do(&world, retry, &id), 0);
	outbound_wake(world.outbound);
	world_run_for(&world, DAYS(4));
	row = world_row(&world, id);
	assert_int_equal(row.state, OUTBOX_DUE);
	wanted = false;
	world_run_until_sent(&world, 2, HOURS(7));
	assert_int_equal(sink_accepted(world.sink, world.jobs[0].message_id), 1);
	assert_string_equal(world_row(&world, id).message_id, world.jobs[0].message_id);
	world_close(&world);
}

/* ---- 5yz */

static const struct {
	enum sink_at at;
	const char *reply;
} nevers[] = {
	{SINK_MAIL, "553 5.1.8 not from you"},
	{SINK_RCPT, "550 5.1.1 no such user"},
	{SINK_DATA, "554 5.5.1 no"},
	{SINK_END, "552 5.3.4 too big"},
};

static void test_5yz(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nevers); i++) {
		struct world world;
		struct plan plan = {nevers[i].at, nevers[i].reply, 1, 1, NULL};
		open_with(&world, &plan, 2);
		world_run_for(&world, DAYS(1));
		struct world_row row = world_row(&world, world.jobs[0].id);
		assert_int_equal(row.state, OUTBOX_FAILED);
		assert_int_equal(row.tries, 1);
		assert_string_equal(row.why, nevers[i].reply);
		assert_int_equal(sink_accepted(world.sink, world.jobs[0].message_id), 0);
		/* the ticket shows it, the team was told once, the others are not touched */
		assert_int_equal(world_notes(&world, world.jobs[0].ticket), 1);
		assert_int_equal(world_notes(&world, world.jobs[1].ticket), 0);
		assert_int_equal(world_count_kind(&world, OUTBOX_NOTIFY_FAILURE), 1);
		assert_int_equal(sink_accepted(world.sink, world.jobs[1].message_id), 1);
		assert_int_equal(world_count(&world, OUTBOX_SENT), 2);
		assert_int_equal(world_stats(&world).failed, 1);
		world_close(&world);
	}
}

/* The notice of a failure that fails itself is told to nobody. */
static void test_5yz_for_all(void **state)
{
	(void)state;
	struct world world;
	struct plan plan = {SINK_RCPT, "550 5.7.1 nobody", 0, 0, NULL};
	open_with(&world, &plan, 1);
	world_run_for(&world, DAYS(1));
	assert_int_equal(world_count(&world, OUTBOX_FAILED), 2);
	assert_int_equal(world_count_kind(&world, OUTBOX_NOTIFY_FAILURE), 1);
	assert_int_equal(world_stats(&world).failed, 2);
	world_close(&world);
}

/* ---- connections that end in the middle */

static const struct {
	const char *name;
	enum sink_at at;
	const char *reply;
	size_t twice; /* of the two jobs, may come whole twice */
	const char *why;
} ends[] = {
	{"421 to the second MAIL", SINK_MAIL, "421 4.3.2 going down", 0, ""},
	{"421 to RCPT", SINK_RCPT, "421 4.3.2 going down", 0, "421 4.3.2 going down"},
	{"421 to the final dot", SINK_END, "421 4.3.2 going down", 1, "421 4.3.2 going down"},
	{"lost at RCPT", SINK_RCPT, "X", 0, "closed the connection"},
	{"lost at DATA", SINK_DATA, "X", 0, "closed the connection"},
	{"lost after the final dot", SINK_END, "X", 1, "no answer to the final dot"},
	{"hangs at MAIL", SINK_MAIL, "H", 0, ""},
	{"hangs at RCPT", SINK_RCPT, "H", 0, "took too long"},
	{"hangs at DATA", SINK_DATA, "H", 0, "took too long"},
	{"hangs after the final dot", SINK_END, "H", 1, "no answer to the final dot"},
};

static void test_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct world world;
		struct plan plan = {ends[i].at, ends[i].reply, 2, 2, NULL};
		print_message("    %s\n", ends[i].name);
		open_with(&world, &plan, 2);
		const struct world_job *hit = &world.jobs[1];
		world_settle(&world);
		while (world_stats(&world).claimed > 0) {
			assert_int_equal(world_row(&world, hit->id).state, OUTBOX_CLAIMED);
			assert_true(world_jump(&world, world_now_ms() + MINUTES(11)));
			world_settle(&world);
		}
		struct world_row row = world_row(&world, hit->id);
		if (row.state == OUTBOX_DUE) {
			assert_int_equal(row.tries, 1);
			assert_why(&world, hit->id, ends[i].why);
		}
		world_run_until_sent(&world, 2, MINUTES(30));
		assert_each_accepted(&world, 1, 1);
		assert_int_equal(sink_came(world.sink, hit->message_id), 1 + ends[i].twice);
		assert_int_equal(world_stats(&world).failed, 0);
		world_close(&world);
	}
}

/* A mail that is larger than what the system takes at once, to a relay that reads no more. */
static void test_lost_in_data(void **state)
{
	(void)state;
	struct world world;
	struct plan plan = {SINK_DATA, "P", 1, 1, NULL};
	open_with(&world, &plan, 1);
	world_run_until_sent(&world, 1, MINUTES(30));
	assert_each_accepted(&world, 1, 1);
	assert_int_equal(world_row(&world, world.jobs[0].id).tries, 2);
	world_close(&world);
}

/* The relay has it and cannot say so, each time: the same mail each time, and an end after five days. */
static void test_never_an_answer(void **state)
{
	(void)state;
	struct world world;
	struct plan plan = {SINK_END, "X", 0, 0, NULL};
	open_with(&world, &plan, 1);
	world_run_for(&world, HOURS(1));
	assert_true(sink_mails(world.sink) > 2);
	assert_int_equal(sink_came(world.sink, world.jobs[0].message_id), sink_mails(world.sink));
	assert_int_equal(world_row(&world, world.jobs[0].id).state, OUTBOX_DUE);
	world_close(&world);
}

/* ---- what comes back must be known */

static bool note_participant(void *ctx, struct str slug, int64_t ticket_number, int64_t participant)
{
	assert_true(str_eq(slug, STR("acme")));
	assert_int_equal(ticket_number, 2);
	assert_int_equal(participant, PARTICIPANT_REQUESTER);
	++*(unsigned *)ctx;
	return true;
}

/* The token behind the prefix, up to the @. */
static struct str token_of(const char *text, const char *prefix, char *copy, size_t copy_size)
{
	const char *at = strstr(text, prefix);
	assert_non_null(at);
	at += strlen(prefix);
	snprintf(copy, copy_size, "%.*s", (int)strcspn(at, "@"), at);
	return str_from(copy);
}

/* The reply address is written down before the mail leaves, and the reverse-path names the job. */
static void test_addresses(void **state)
{
	(void)state;
	struct world world;
	struct plan plan = {SINK_END, "250 2.0.0 ok", 0, 0, NULL};
	struct reader *reader = NULL;
	struct conf_error error;
	struct outbox_id job = {0};
	struct reply_token token;
	char text[300], folded[REPLY_TOKEN_MAX + 1];
	unsigned found = 0;
	open_with(&world, &plan, 2);
	world_run_until_sent(&world, 2, SECONDS(1));
	const struct sink_mail *mail = sink_mail(world.sink, 1);
	assert_int_equal(bounce_token_check(world.keys,
					    token_of(mail->reverse_path, "bounce+", text, sizeof(text)),
					    &job),
			 0);
	assert_int_equal(job.v, world.jobs[1].id.v);
	struct str reply = token_of(mail->data, "reply+", text, sizeof(text));
	assert_int_equal(reply_token_check(world.keys, reply, &token), 0);
	assert_int_equal(token.ticket, 2);
	assert_int_equal(reply_token_fold(reply, folded), 0);
	assert_int_equal(reader_open(&reader, &world.storage, &error), 0);
	assert_int_equal(reader_reply_addresses(reader, str_from(folded), note_participant, &found), 0);
	assert_int_equal(found, 1);
	reader_close(reader);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_three_days_of_4yz),
		cmocka_unit_test(test_five_days_of_4yz),
		cmocka_unit_test(test_5yz),
		cmocka_unit_test(test_5yz_for_all),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_lost_in_data),
		cmocka_unit_test(test_never_an_answer),
		cmocka_unit_test(test_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
