/*
 * What agents do by hand: what they say and do becomes comments, states and mail, as if it had come by mail. And what
 * administrators do about mail that is to leave.
 */
#include "admin_fixture.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "storage/participant.h"

struct fixture {
	struct admin_store desk;
	struct reader *reader;
	struct key_ring *keys;
	int64_t last_job;
};

static int setup(void **state)
{
	static const char key[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	const struct str keys[] = {str_from(key)};
	struct fixture *f = calloc(1, sizeof(*f));
	struct conf_error error;
	admin_store_open(&f->desk);
	assert_int_equal(reader_open(&f->reader, &f->desk.conf, &error), 0);
	assert_int_equal(key_ring_new(&f->keys, keys, 1), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	key_ring_unref(f->keys);
	reader_close(f->reader);
	admin_store_close(&f->desk);
	free(f);
	return 0;
}

static struct admin_rules rules_of(const struct fixture *f, bool with_keys)
{
	return (struct admin_rules){.domain = "desk.example", .keys = with_keys ? f->keys : NULL};
}

static void ask(struct fixture *f, struct str request, bool with_keys, struct strbuf *answer)
{
	const struct admin_rules rules = rules_of(f, with_keys);
	admin_store_ask(&f->desk, request, &rules, answer);
}

static void expect(struct fixture *f, const char *request, const char *part)
{
	const struct admin_rules rules = rules_of(f, true);
	admin_store_expect(&f->desk, request, &rules, part);
}

/* ---- a ticket of c@example.org ---- */

struct ticket_job {
	struct store_job job;
	const char *slug;
	struct ticket_id ticket;
};

static int add_ticket(struct store_job *job, struct store_txn *txn)
{
	struct ticket_job *ticket = CONTAINER_OF(job, struct ticket_job, job);
	char reference[TICKET_REFERENCE_SIZE];
	struct tenant_row tenant;
	struct ticket_row row = {
		.subject = STR("old"), .tag = STR(""), .addressed_to = STR(""), .assignee = STR("")};
	struct comment_id comment;
	int64_t number;
	int r = tenant_rows_find(txn, str_from(ticket->slug), &tenant);
	if (r < 0)
		return r;
	row.tenant = tenant.id;
	r = client_upsert(txn, row.tenant, STR("c@example.org"), STR("C"), 1, &row.requester);
	if (r == 0)
		r = ticket_add(txn, &row, &ticket->ticket, &number, reference);
	const struct comment_row said = {.ticket = ticket->ticket,
					 .tenant = row.tenant,
					 .author_kind = COMMENT_BY_CLIENT,
					 .author = row.requester,
					 .author_address = STR("c@example.org"),
					 .text = STR("The fridge is warm."),
					 .note = STR(""),
					 .header_message_id = STR(""),
					 .created_ms = 1};
	return r < 0 ? r : comment_add(txn, &said, &comment);
}

static struct ticket_id make_ticket(struct fixture *f, const char *slug)
{
	struct ticket_job job = {.job = {.apply = add_ticket}, .slug = slug};
	char request[256];
	list_node_init(&job.job.link);
	snprintf(request, sizeof(request),
		 "{\"op\":\"tenant.add\",\"slug\":\"%s\",\"admin_email\":\"team@b.example\"}", slug);
	expect(f, request, "\"ok\":true");
	assert_int_equal(store_run(f->desk.store, &job.job), 0);
	return job.ticket;
}

/* ---- what came of it ---- */

struct new_jobs {
	int64_t after, last;
	char text[512];
};

static bool on_job(void *ctx, const struct outbox_view *view)
{
	struct new_jobs *jobs = ctx;
	size_t len = strlen(jobs->text);
	if (view->row.id.v <= jobs->after)
		return false;
	if (view->row.id.v > jobs->last)
		jobs->last = view->row.id.v;
	assert_true(view->row.header_message_id.len > 0);
	snprintf(jobs->text + len, sizeof(jobs->text) - len, "%s>%.*s/%" PRId64 " ",
		 outbox_kind_name(view->row.kind), STR_ARG(view->row.recipient), view->row.participant);
	return true;
}

/* Jobs that were made since the last look: "answer>c@example.org/1 ". */
static struct new_jobs new_jobs(struct fixture *f)
{
	const struct outbox_filter filter = {.state = -2, .limit = 100};
	struct new_jobs jobs = {.after = f->last_job, .last = f->last_job};
	assert_int_equal(reader_outbox(f->reader, &filter, on_job, &jobs), 0);
	f->last_job = jobs.last;
	return jobs;
}

struct last_comment {
	char text[256], author[64];
	bool internal;
	int n;
};

static bool on_comment(void *ctx, const struct comment_view *view)
{
	struct last_comment *last = ctx;
	last->n++;
	last->internal = view->row.visibility == COMMENT_INTERNAL;
	snprintf(last->text, sizeof(last->text), "%.*s", STR_ARG(view->row.text));
	snprintf(last->author, sizeof(last->author), "%.*s", STR_ARG(view->row.author_address));
	return true;
}

#define REF(noun, rest) "{\"op\":\"ticket." noun "\",\"reference\":\"talk-1\"" rest "}"

static void words_and_deeds_do_what_a_mail_would(void **state)
{
	static const struct {
		const char *request, *part, *jobs;
		const char *text, *author; /* of the newest comment, when there is a new one */
	} steps[] = {
		{REF("comment", ",\"text\":\"On its way.\""), "\"status\":\"waiting_on_customer\"",
		 "answer>c@example.org/1 ", "On its way.", "team@b.example"},
		{REF("comment", ",\"text\":\"a\\r\\n  b\\r\\n\\r\\n\",\"as\":\"Anna@b.example\""),
		 "\"told\":true", "answer>c@example.org/1 ", "a\n  b", "Anna@b.example"},
		/* a note: the customer hears nothing; the team does, unless it wrote it */
		{REF("comment", ",\"text\":\"hm\",\"internal\":true"), "\"told\":false", "", "hm",
		 "team@b.example"},
		{REF("comment", ",\"text\":\"hm!\",\"internal\":\"yes\",\"as\":\"anna@b.example\""),
		 "\"status\":\"waiting_on_customer\"", "notify_comment>team@b.example/2 ", "hm!",
		 "anna@b.example"},
		{REF("close", ""), "\"status\":\"closed\"", "", NULL, NULL},
		{REF("close", ""), "\"status_before\":\"closed\"", "", NULL, NULL},
		{REF("comment", ",\"text\":\"One more thing.\""), "\"status\":\"reopened\"",
		 "answer>c@example.org/1 ", "One more thing.", "team@b.example"},
		/* words first, then the status */
		{REF("resolve", ",\"text\":\"The fuse.\",\"as\":\"anna@b.example\""),
		 "\"status\":\"resolved\"", "answer>c@example.org/1 ", "The fuse.", "anna@b.example"},
		{REF("reopen", ""), "\"status\":\"reopened\"", "", NULL, NULL},
		{REF("reopen", ""), "only what was resolved or closed", "", NULL, NULL},
		{REF("assign", ",\"agent\":\"anna@b.example\""), "\"assignee\":\"anna@b.example\"",
		 "notify_assigned>anna@b.example/3 ", NULL, NULL},
		{REF("assign", ",\"agent\":\"ANNA@b.example\""), "\"told\":false", "", NULL, NULL},
		{REF("assign", ",\"agent\":\"bob@b.example\""), "\"told\":true",
		 "notify_assigned>bob@b.example/4 ", NULL, NULL},
		{REF("assign", ",\"agent\":\"\""), "\"assignee\":\"\"", "", NULL, NULL},
		{REF("assign", ",\"agent\":\"anna@b.example\""), "\"told\":true",
		 "notify_assigned>anna@b.example/3 ", NULL, NULL},
	};
	struct fixture *f = *state;
	struct ticket_id ticket = make_ticket(f, "talk");
	struct last_comment before = {.n = 1};
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct last_comment now = {0};
		expect(f, steps[i].request, steps[i].part);
		struct new_jobs jobs = new_jobs(f);
		if (strcmp(jobs.text, steps[i].jobs) != 0)
			fail_msg("%s made %s, not %s", steps[i].request, jobs.text, steps[i].jobs);
		assert_int_equal(reader_comments(f->reader, ticket, on_comment, &now), 0);
		assert_int_equal(now.n, before.n + (steps[i].text != NULL));
		if (steps[i].text) {
			assert_string_equal(now.text, steps[i].text);
			assert_string_equal(now.author, steps[i].author);
			assert_int_equal(now.internal, strstr(steps[i].request, "internal") != NULL);
		}
		before = now;
	}
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const struct {
		const char *request, *part;
	} cases[] = {
		{"{\"op\":\"ticket.comment\",\"reference\":\"nope-1\",\"text\":\"x\"}",
		 "\"code\":\"not_found\""},
		{"{\"op\":\"ticket.comment\",\"reference\":\"talk\",\"text\":\"x\"}", "is not a reference"},
		{REF("comment", ""), "needs \\\"text\\\""},
		{REF("comment", ",\"text\":\" \\r\\n \""), "empty"},
		{REF("comment", ",\"text\":\"a\\u001b[2J\""), "control characters"},
		{REF("comment", ",\"text\":\"x\",\"internal\":\"maybe\""), "yes or no"},
		{REF("comment", ",\"text\":\"x\",\"as\":\"anna\""), "is not a mail address"},
		{REF("comment", ",\"text\":\"x\",\"as\":\"\""), "is not a mail address"},
		{REF("comment", ",\"text\":\"x\",\"as\":\"talk@desk.example\""), "come back to this server"},
		{REF("comment", ",\"text\":\"x\",\"as\":\"C@example.org\""),
		 "is the customer of this ticket"},
		{REF("close", ",\"text\":\"\""), "empty"},
		{REF("close", ",\"status\":\"open\""), "does not take"},
		{REF("assign", ""), "needs \\\"agent\\\""},
		{REF("assign", ",\"agent\":\"c@example.org\""), "is the customer of this ticket"},
		{REF("assign", ",\"agent\":\"x@DESK.example\""), "come back to this server"},
		{REF("assign", ",\"agent\":\"a@b.example\\r\\nBcc: z@y\""), "is not a mail address"},
		{"{\"op\":\"ticket.close\",\"reference\":\"gone-1\"}", "resume it first"},
	};
	struct fixture *f = *state;
	make_ticket(f, "gone");
	expect(f, "{\"op\":\"tenant.remove\",\"slug\":\"gone\"}", "\"ok\":true");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect(f, cases[i].request, cases[i].part);
	assert_string_equal(new_jobs(f).text, "");
}

static void a_long_comment_has_a_limit(void **state)
{
	static const char front[] = "{\"op\":\"ticket.comment\",\"reference\":\"talk-1\",\"text\":\"";
	struct fixture *f = *state;
	for (size_t over = 0; over < 2; over++) {
		struct strbuf request, answer;
		strbuf_init(&request, 2 * ADMIN_COMMENT_MAX);
		strbuf_init(&answer, 65536);
		strbuf_adds(&request, front);
		for (size_t i = 0; i < ADMIN_COMMENT_MAX + over; i++)
			strbuf_addc(&request, 'x');
		strbuf_adds(&request, "\"}");
		ask(f, strbuf_str(&request), true, &answer);
		assert_non_null(strstr(answer.ptr, over ? "at most" : "\"ok\":true"));
		strbuf_done(&request);
		strbuf_done(&answer);
	}
	new_jobs(f);
}

static void without_a_key_nothing_is_said(void **state)
{
	struct fixture *f = *state;
	struct strbuf answer;
	strbuf_init(&answer, 65536);
	ask(f, STR(REF("comment", ",\"text\":\"x\"")), false, &answer);
	assert_non_null(strstr(answer.ptr, "\"code\":\"config\""));
	assert_non_null(strstr(answer.ptr, "secrets.reply_token"));
	assert_string_equal(new_jobs(f).text, "");
	strbuf_done(&answer);
	assert_true(admin_op_makes_mail("ticket.assign"));
	assert_false(admin_op_makes_mail("ticket.set"));
	assert_false(admin_op_makes_mail(NULL));
}

/* ---- the outbox ---- */

enum hand { HAND_CLAIM, HAND_FAIL, HAND_SEND, HAND_STOP };

struct hand_job {
	struct store_job job;
	enum hand hand;
	const char *slug;
};

/* What the relay's side does to the jobs that are due. */
static int by_hand(struct store_job *job, struct store_txn *txn)
{
	const struct hand_job *hand = CONTAINER_OF(job, struct hand_job, job);
	struct arena arena;
	struct outbox_claim *claims;
	struct tenant_row tenant;
	size_t n;
	int64_t next;
	if (hand->hand == HAND_STOP) {
		int r = tenant_rows_find(txn, str_from(hand->slug), &tenant);
		return r < 0 ? r : stopped_add(txn, tenant.id, STR("c@example.org"), STR("abuse"), 7);
	}
	arena_init(&arena, 1024 * 1024);
	int r = outbox_claim(txn, INT64_MAX / 2, 1, &arena, &claims, &n, &next);
	if (r == 0 && n == 1 && hand->hand != HAND_CLAIM) {
		const struct outbox_settlement settlement = {.state = hand->hand == HAND_FAIL ? OUTBOX_FAILED
											      : OUTBOX_SENT,
							     .tried = true,
							     .why = STR("said so"),
							     .now_ms = 9};
		r = outbox_settle(txn, claims[0].row.id, &settlement);
	}
	arena_done(&arena);
	return r == 0 && n != 1 ? -ENOENT : r;
}

static int do_by_hand(struct fixture *f, enum hand hand)
{
	struct hand_job job = {.job = {.apply = by_hand}, .hand = hand, .slug = "post"};
	list_node_init(&job.job.link);
	return store_run(f->desk.store, &job.job);
}

/* Makes one job and says its number; all others are out of the way. */
static int64_t one_job(struct fixture *f)
{
	while (do_by_hand(f, HAND_SEND) == 0)
		;
	expect(f, "{\"op\":\"ticket.comment\",\"reference\":\"post-1\",\"text\":\"x\"}", "\"told\":true");
	new_jobs(f);
	return f->last_job;
}

static void expect_job(struct fixture *f, const char *op, int64_t id, const char *part)
{
	char request[128];
	snprintf(request, sizeof(request), "{\"op\":\"%s\",\"id\":%" PRId64 "}", op, id);
	expect(f, request, part);
}

static void a_job_is_changed_as_long_as_it_can_be(void **state)
{
	struct fixture *f = *state;
	make_ticket(f, "post");
	int64_t id = one_job(f);
	expect_job(f, "queue.retry", id, "\"state\":\"due\"");
	expect_job(f, "queue.cancel", id, "\"state\":\"cancelled\"");
	expect_job(f, "queue.cancel", id, "was cancelled");
	expect_job(f, "queue.retry", id, "was cancelled");

	id = one_job(f);
	assert_int_equal(do_by_hand(f, HAND_CLAIM), 0);
	expect_job(f, "queue.cancel", id, "\"code\":\"busy\"");
	expect_job(f, "queue.retry", id, "is being sent at this moment");

	id = one_job(f);
	assert_int_equal(do_by_hand(f, HAND_FAIL), 0);
	expect(f, "{\"op\":\"queue.retry\",\"id\":\"failed\"}", "\"retried\":1");
	expect(f, "{\"op\":\"queue.retry\",\"id\":\"failed\"}", "\"retried\":0");
	assert_int_equal(do_by_hand(f, HAND_SEND), 0);
	expect_job(f, "queue.retry", id, "has left already");
	expect_job(f, "queue.cancel", id, "has left already");

	expect_job(f, "queue.retry", 999999, "there is no job 999999");
	expect_job(f, "queue.cancel", 0, "is not the number of a job");
	expect(f, "{\"op\":\"queue.cancel\",\"id\":\"failed\"}", "is not the number of a job");
	expect(f, "{\"op\":\"queue.retry\"}", "needs \\\"id\\\"");
}

static void the_outbox_is_paused_and_resumed(void **state)
{
	struct fixture *f = *state;
	struct outbox_counts counts;
	one_job(f);
	expect(f, "{\"op\":\"queue.pause\"}", "\"paused\":true");
	assert_int_equal(reader_outbox_counts(f->reader, &counts), 0);
	assert_true(counts.paused);
	assert_int_equal(do_by_hand(f, HAND_SEND), -ENOENT);
	expect(f, "{\"op\":\"queue.resume\"}", "\"paused\":false");
	assert_int_equal(do_by_hand(f, HAND_SEND), 0);
	expect(f, "{\"op\":\"queue.pause\",\"id\":1}", "does not take");
}

static bool on_stopped(void *ctx, struct str slug UNUSED, struct str address UNUSED, struct str why UNUSED,
		       int64_t since_ms UNUSED)
{
	(*(int *)ctx)++;
	return true;
}

static void who_complained_can_be_written_to_again(void **state)
{
	static const char allow[] =
		"{\"op\":\"queue.allow\",\"slug\":\"Post\",\"address\":\"C@example.org\"}";
	struct fixture *f = *state;
	int n = 0;
	expect(f, allow, "is not stopped");
	assert_int_equal(do_by_hand(f, HAND_STOP), 0);
	assert_int_equal(reader_stopped(f->reader, on_stopped, &n), 0);
	assert_int_equal(n, 1);
	expect(f, allow, "\"slug\":\"post\"");
	expect(f, allow, "is not stopped");
	expect(f, "{\"op\":\"queue.allow\",\"slug\":\"post\"}", "needs \\\"address\\\"");
	expect(f, "{\"op\":\"queue.allow\",\"slug\":\"nobody\",\"address\":\"c@example.org\"}",
	       "there is no tenant");
	expect(f, "{\"op\":\"queue.allow\",\"slug\":\"post\",\"address\":\"c\"}", "is not a mail address");
}

static void what_may_be_due_is_said(void **state)
{
	static const struct {
		const char *request;
		enum admin_effect effect;
	} cases[] = {
		{REF("comment", ",\"text\":\"x\""), ADMIN_MAKES_JOBS},
		{REF("assign", ",\"agent\":\"a@b.example\""), ADMIN_MAKES_JOBS},
		{REF("set", ",\"tag\":\"x\""), ADMIN_CHANGES_NOTHING_ELSE},
		{"{\"op\":\"queue.retry\",\"id\":1}", ADMIN_MAKES_JOBS},
		{"{\"op\":\"queue.resume\"}", ADMIN_RESUMES_OUTBOX},
		{"{\"op\":\"queue.pause\"}", ADMIN_PAUSES_OUTBOX},
	};
	struct fixture *f = *state;
	const struct admin_rules rules = {.domain = "desk.example", .keys = f->keys};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct strbuf answer;
		struct admin_op *op = NULL;
		strbuf_init(&answer, 4096);
		assert_int_equal(admin_op_new(&op, str_from(cases[i].request), &rules, &answer), 0);
		assert_int_equal(admin_op_effect(op), cases[i].effect);
		assert_non_null(admin_op_subject(op).ptr);
		admin_op_free(op);
		strbuf_done(&answer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_and_deeds_do_what_a_mail_would),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(a_long_comment_has_a_limit),
		cmocka_unit_test(without_a_key_nothing_is_said),
		cmocka_unit_test(a_job_is_changed_as_long_as_it_can_be),
		cmocka_unit_test(the_outbox_is_paused_and_resumed),
		cmocka_unit_test(who_complained_can_be_written_to_again),
		cmocka_unit_test(what_may_be_due_is_said),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
