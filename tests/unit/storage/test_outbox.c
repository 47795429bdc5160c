/*
 * Jobs and their states: which operation moves what, claims in order, a crash, a pause, addresses that complained; and
 * what readers see of it.
 */
#include "fixture.h"
#include "storage/outbox_private.h"
#include "storage/reader.h"

#define NOW 1000000

struct world {
	struct fixture f;
	struct arena arena;
	struct outbox_claim *claims;
	size_t n;
	int64_t next_due_ms;
};

static int setup(void **state)
{
	struct world *w = XNEW(struct world);
	fixture_init(&w->f);
	fixture_open(&w->f, NULL);
	fixture_tenant(&w->f);
	arena_init(&w->arena, 1024 * 1024);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	arena_done(&w->arena);
	fixture_done(&w->f);
	free(w);
	return 0;
}

/* ---- operations, as jobs of the store ---- */

struct addition {
	struct outbox_row row;
	struct outbox_id id;
};

static int add_fn(void *ctx, struct store_txn *txn)
{
	struct addition *addition = ctx;
	return outbox_add(txn, &addition->row, &addition->id);
}

static struct outbox_id add_to(struct world *w, struct tenant_id tenant, const char *recipient,
			       int64_t due_ms)
{
	struct addition addition = {.row = {.kind = OUTBOX_CONFIRM,
					    .tenant = tenant,
					    .participant = 1,
					    .recipient = str_from(recipient),
					    .header_message_id = STR("m@example.com"),
					    .created_ms = 500,
					    .due_ms = due_ms}};
	assert_int_equal(run(&w->f, add_fn, &addition), 0);
	return addition.id;
}

static struct outbox_id add(struct world *w, int64_t due_ms)
{
	return add_to(w, w->f.tenant, "jane@example.com", due_ms);
}

struct claim_job {
	struct world *w;
	size_t max;
	int64_t now_ms;
	int result; /* of the job, after the claim */
};

static int claim_fn(void *ctx, struct store_txn *txn)
{
	struct claim_job *job = ctx;
	struct world *w = job->w;
	arena_clear(&w->arena);
	int r = outbox_claim(txn, job->now_ms, job->max, &w->arena, &w->claims, &w->n, &w->next_due_ms);
	return r < 0 ? r : job->result;
}

static int claim(struct world *w, int64_t now_ms, size_t max)
{
	struct claim_job job = {.w = w, .max = max, .now_ms = now_ms};
	return run(&w->f, claim_fn, &job);
}

enum operation {
	SETTLE_SENT,
	SETTLE_DUE,
	SETTLE_FAILED,
	MARK_BOUNCED,
	RETRY,
	RETRY_FAILED,
	CANCEL,
	RELEASE,
	OPERATIONS
};

struct operation_job {
	enum operation operation;
	struct outbox_id id;
	struct str why;
};

static int operation_fn(void *ctx, struct store_txn *txn)
{
	const struct operation_job *job = ctx;
	static const enum outbox_state settled[] = {OUTBOX_SENT, OUTBOX_DUE, OUTBOX_FAILED};
	size_t n = 0;
	int r;
	switch (job->operation) {
	case SETTLE_SENT:
	case SETTLE_DUE:
	case SETTLE_FAILED: {
		const struct outbox_settlement settlement = {.state = settled[job->operation],
							     .due_ms = NOW + 7,
							     .tried = true,
							     .why = job->why,
							     .now_ms = NOW};
		return outbox_settle(txn, job->id, &settlement);
	}
	case MARK_BOUNCED:
		/* 1 becomes what a job of the store can give back */
		r = outbox_mark_bounced(txn, job->id, job->why, NOW);
		return r == 0 ? -EALREADY : r == 1 ? 0 : r;
	case RETRY:
		return outbox_retry(txn, job->id, NOW);
	case RETRY_FAILED:
		return outbox_retry_failed(txn, NOW, &n);
	case CANCEL:
		return outbox_cancel(txn, job->id, job->why, NOW);
	case RELEASE:
	default:
		return outbox_release(txn, &n);
	}
}

static int operate(struct world *w, enum operation operation, struct outbox_id id, struct str why)
{
	struct operation_job job = {operation, id, why};
	return run(&w->f, operation_fn, &job);
}

/* Every state, by the one way that does not depend on the operations under test. */
static const char *const into_state[] = {
	"UPDATE outbox SET state = 0, tries = 3, settled_ms = 9", "UPDATE outbox SET state = 1, tries = 3",
	"UPDATE outbox SET state = 2, tries = 3, settled_ms = 9", "UPDATE outbox SET state = 3, tries = 3",
	"UPDATE outbox SET state = 4, tries = 3, settled_ms = 9", "UPDATE outbox SET state = 5, tries = 3",
};

static void every_operation_moves_only_what_it_may(void **state)
{
	struct world *w = *state;
	enum {
		D = OUTBOX_DUE,
		C = OUTBOX_CLAIMED,
		F = OUTBOX_FAILED,
		X = OUTBOX_CANCELLED,
		S = OUTBOX_SENT,
		B = OUTBOX_BOUNCED
	};
	static const struct {
		struct {
			int result, state;
		} of[6]; /* by the state before */
	} table[OPERATIONS] = {
		[SETTLE_SENT] = {{{0, D}, {0, S}, {0, F}, {0, X}, {0, S}, {0, B}}},
		[SETTLE_DUE] = {{{0, D}, {0, D}, {0, F}, {0, X}, {0, S}, {0, B}}},
		[SETTLE_FAILED] = {{{0, D}, {0, F}, {0, F}, {0, X}, {0, S}, {0, B}}},
		[MARK_BOUNCED] = {{{0, B}, {-EBUSY, C}, {0, B}, {0, B}, {0, B}, {-EALREADY, B}}},
		[RETRY] = {{{0, D}, {-EBUSY, C}, {0, D}, {-EALREADY, X}, {-EALREADY, S}, {-EALREADY, B}}},
		[RETRY_FAILED] = {{{0, D}, {0, C}, {0, D}, {0, X}, {0, S}, {0, B}}},
		[CANCEL] = {{{0, X}, {-EBUSY, C}, {0, X}, {-EALREADY, X}, {-EALREADY, S}, {-EALREADY, B}}},
		[RELEASE] = {{{0, D}, {0, D}, {0, F}, {0, X}, {0, S}, {0, B}}},
	};
	struct outbox_id id = add(w, 10);
	for (int operation = 0; operation < OPERATIONS; operation++)
		for (size_t before = 0; before < ARRAY_SIZE(into_state); before++) {
			tamper(&w->f, into_state[before]);
			int result = operate(w, (enum operation)operation, id, STR("why"));
			int64_t after = ask(&w->f, "SELECT state FROM outbox");
			if (result != table[operation].of[before].result ||
			    after != table[operation].of[before].state)
				fail_msg("operation %d in state %zu: %d, state %d", operation, before, result,
					 (int)after);
		}
	struct outbox_id nobody = {id.v + 1};
	static const enum operation of_one[] = {MARK_BOUNCED, RETRY, CANCEL};
	for (size_t i = 0; i < ARRAY_SIZE(of_one); i++)
		assert_int_equal(operate(w, of_one[i], nobody, STR("")), -ENOENT);
	assert_int_equal(operate(w, SETTLE_SENT, nobody, STR("")), 0);
}

static void only_what_is_due_is_claimed(void **state)
{
	struct world *w = *state;
	add(w, 10);
	for (size_t before = 0; before < ARRAY_SIZE(into_state); before++) {
		tamper(&w->f, into_state[before]);
		assert_int_equal(claim(w, 9, 5), 0);
		assert_int_equal(w->n, 0);
		assert_true(w->next_due_ms == (before == OUTBOX_DUE ? 10 : INT64_MAX));
		assert_int_equal(claim(w, 10, 5), 0);
		assert_int_equal(w->n, before == OUTBOX_DUE);
		assert_true(w->next_due_ms == INT64_MAX);
	}
}

/* ---- what a row says ---- */

struct got {
	struct outbox_id id;
	struct outbox_row row;
	char why[OUTBOX_WHY_MAX + 1];
	char text[64];
};

static int get_fn(void *ctx, struct store_txn *txn)
{
	struct got *got = ctx;
	int r = outbox_get(txn, got->id, &got->row);
	if (r < 0)
		return r;
	assert_true(got->row.why.len <= OUTBOX_WHY_MAX);
	snprintf(got->why, sizeof(got->why), "%.*s", STR_ARG(got->row.why));
	snprintf(got->text, sizeof(got->text), "%.*s|%.*s|%.*s|%.*s", STR_ARG(got->row.recipient),
		 STR_ARG(got->row.mailbox), STR_ARG(got->row.header_message_id), STR_ARG(got->row.text));
	return 0;
}

static struct got get(struct world *w, struct outbox_id id)
{
	struct got got = {.id = id};
	assert_int_equal(run(&w->f, get_fn, &got), 0);
	return got;
}

static void a_row_comes_back_as_it_was_added(void **state)
{
	struct world *w = *state;
	struct mail_rows mail = add_mail(&w->f, 100);
	struct addition addition = {.row = {.kind = OUTBOX_NOTIFY_FAILURE,
					    .state = OUTBOX_SENT, /* ignored */
					    .tenant = w->f.tenant,
					    .ticket = mail.ticket,
					    .comment = mail.comment,
					    .message = mail.message,
					    .participant = 2,
					    .recipient = STR("a@x"),
					    .mailbox = STR("support"),
					    .header_message_id = STR("m@x"),
					    .text = STR("a story"),
					    .created_ms = 11,
					    .due_ms = 12,
					    .since_ms = 99,
					    .tries = 99,
					    .settled_ms = 99,
					    .why = STR("ignored")}};
	assert_int_equal(run(&w->f, add_fn, &addition), 0);
	struct got got = get(w, addition.id);
	assert_string_equal(got.text, "a@x|support|m@x|a story");
	assert_string_equal(got.why, "");
	assert_int_equal(got.row.kind, OUTBOX_NOTIFY_FAILURE);
	assert_int_equal(got.row.state, OUTBOX_DUE);
	assert_int_equal(got.row.tenant.v, w->f.tenant.v);
	assert_int_equal(got.row.ticket.v, mail.ticket.v);
	assert_int_equal(got.row.comment.v, mail.comment.v);
	assert_int_equal(got.row.message.v, mail.message.v);
	assert_int_equal(got.row.participant, 2);
	assert_int_equal(got.row.created_ms, 11);
	assert_int_equal(got.row.since_ms, 11);
	assert_int_equal(got.row.due_ms, 12);
	assert_int_equal(got.row.tries, 0);
	assert_int_equal(got.row.settled_ms, 0);
	assert_int_equal(ask(&w->f, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	struct got nobody = {.id = {4711}};
	assert_int_equal(run(&w->f, get_fn, &nobody), -ENOENT);
}

static void a_settlement_counts_tries_and_retry_begins_anew(void **state)
{
	struct world *w = *state;
	struct outbox_id id = add(w, 10);
	for (int tries = 1; tries <= 2; tries++) {
		assert_int_equal(claim(w, NOW + 7, 1), 0);
		assert_int_equal(w->n, 1);
		assert_int_equal(w->claims[0].row.tries, tries - 1);
		assert_int_equal(operate(w, SETTLE_DUE, id, STR("450 4.2.1 later")), 0);
		struct got got = get(w, id);
		assert_int_equal(got.row.tries, tries);
		assert_int_equal(got.row.due_ms, NOW + 7);
		assert_int_equal(got.row.settled_ms, NOW);
		assert_string_equal(got.why, "450 4.2.1 later");
	}
	assert_int_equal(claim(w, NOW + 7, 1), 0);
	assert_int_equal(operate(w, SETTLE_FAILED, id, STR("550 5.1.1 no")), 0);
	struct got got = get(w, id);
	assert_int_equal(got.row.tries, 3);
	assert_int_equal(got.row.due_ms, NOW + 7); /* of no meaning now, and not touched */
	assert_int_equal(got.row.since_ms, 500);
	assert_int_equal(operate(w, RETRY, id, STR("")), 0);
	got = get(w, id);
	assert_int_equal(got.row.tries, 0);
	assert_int_equal(got.row.settled_ms, 0);
	assert_int_equal(got.row.due_ms, NOW);
	assert_int_equal(got.row.since_ms, NOW);
	assert_int_equal(got.row.created_ms, 500); /* still the same mail */
}

static void a_reason_is_one_short_line_of_utf8(void **state)
{
	struct world *w = *state;
	struct outbox_id id = add(w, 10);
	char lots[2000], cut[OUTBOX_WHY_MAX + 1], umlauts[2000], cut_umlauts[OUTBOX_WHY_MAX];
	memset(lots, 'x', sizeof(lots));
	memset(cut, 'x', sizeof(cut));
	cut[OUTBOX_WHY_MAX] = '\0';
	umlauts[0] = 'x';
	for (size_t i = 1; i + 1 < sizeof(umlauts); i += 2)
		memcpy(umlauts + i, "\xc3\xa9", 2);
	memcpy(cut_umlauts, umlauts, OUTBOX_WHY_MAX - 1);
	cut_umlauts[OUTBOX_WHY_MAX - 1] = '\0';
	const struct {
		struct str why;
		const char *kept;
	} cases[] = {
		{STR("550 no such user"), "550 no such user"},
		{STR("550\r\nX-Evil: yes\tand\x1b[31m"), "550 X-Evil: yes and [31m"},
		{STR("caf\xc3\xa9"), "caf\xc3\xa9"},
		{STR("caf\xe9 \xff"), "caf? ?"},
		{{NULL, 0}, ""},
		{{lots, sizeof(lots)}, cut},
		{{umlauts, sizeof(umlauts) - 1}, cut_umlauts},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tamper(&w->f, "UPDATE outbox SET state = 1");
		assert_int_equal(operate(w, SETTLE_FAILED, id, cases[i].why), 0);
		assert_string_equal(get(w, id).why, cases[i].kept);
		tamper(&w->f, "UPDATE outbox SET state = 4");
		assert_int_equal(operate(w, MARK_BOUNCED, id, cases[i].why), 0);
		assert_string_equal(get(w, id).why, cases[i].kept);
	}
}

static void names_are_read_back(void **state)
{
	(void)state;
	for (int s = OUTBOX_DUE; s <= OUTBOX_BOUNCED; s++) {
		enum outbox_state parsed;
		assert_int_equal(
			outbox_state_parse(str_from(outbox_state_name((enum outbox_state)s)), &parsed), 0);
		assert_int_equal(parsed, s);
	}
	enum outbox_state parsed;
	assert_int_equal(outbox_state_parse(STR("claimed"), &parsed), -EINVAL);
	assert_string_equal(outbox_kind_name(OUTBOX_FORWARD), "forward");
	assert_string_equal(outbox_kind_name(OUTBOX_FORWARDING), "forwarding");
}

/* ---- claims ---- */

static void claims_come_in_order_of_due_and_not_more_than_asked_for(void **state)
{
	struct world *w = *state;
	static const int64_t due[] = {50, 10, 40, 20, 30, 60};
	for (size_t i = 0; i < ARRAY_SIZE(due); i++)
		add(w, due[i]);
	assert_int_equal(claim(w, 50, 2), 0);
	assert_int_equal(w->n, 2);
	assert_int_equal(w->claims[0].row.id.v, 2);
	assert_int_equal(w->claims[1].row.id.v, 4);
	assert_int_equal(w->claims[0].row.state, OUTBOX_CLAIMED);
	assert_true(w->next_due_ms == 30);
	assert_int_equal(claim(w, 50, 10), 0);
	assert_int_equal(w->n, 3);
	assert_int_equal(w->claims[2].row.id.v, 1);
	assert_true(w->next_due_ms == 60);
	assert_int_equal(claim(w, 50, 0), 0);
	assert_int_equal(w->n, 0);
}

/* What a clock that was days ahead made due is due now; the longest wait there is stands. */
static void a_claim_mends_what_is_due_too_late(void **state)
{
	struct world *w = *state;
	add(w, NOW + OUTBOX_WAIT_MAX_MS);
	add(w, NOW + OUTBOX_WAIT_MAX_MS + 1);
	add(w, NOW + INT64_C(30) * 86400000);
	tamper(&w->f, "UPDATE outbox SET state = 2 WHERE id = 3");
	assert_int_equal(claim(w, NOW, 5), 0);
	assert_int_equal(w->n, 1);
	assert_int_equal(w->claims[0].row.id.v, 2);
	assert_true(w->next_due_ms == NOW + OUTBOX_WAIT_MAX_MS);
	assert_int_equal(ask(&w->f, "SELECT due_ms FROM outbox WHERE id = 2"), NOW);
	assert_int_equal(ask(&w->f, "SELECT state FROM outbox WHERE id = 3"), OUTBOX_FAILED);
}

static void a_claim_brings_what_its_reply_address_needs(void **state)
{
	struct world *w = *state;
	struct mail_rows first = add_mail(&w->f, 10), mail = add_mail(&w->f, 10);
	(void)first;
	struct addition addition = {
		.row = {.tenant = w->f.tenant, .ticket = mail.ticket, .recipient = STR("a@x")}};
	assert_int_equal(run(&w->f, add_fn, &addition), 0);
	addition = (struct addition){.row = {.recipient = STR("op@x"), .mailbox = STR("support")}};
	assert_int_equal(run(&w->f, add_fn, &addition), 0);
	assert_int_equal(claim(w, NOW, 5), 0);
	assert_int_equal(w->n, 2);
	assert_true(str_eq(w->claims[0].slug, STR("acme")));
	assert_int_equal(w->claims[0].ticket_number, 2);
	assert_true(str_eq(w->claims[0].row.recipient, STR("a@x")));
	assert_int_equal(w->claims[1].slug.len, 0);
	assert_int_equal(w->claims[1].ticket_number, 0);
	assert_true(str_eq(w->claims[1].row.mailbox, STR("support")));
}

/* The writer runs a batch again when a neighbour failed. */
static void a_claim_that_was_rolled_back_begins_anew(void **state)
{
	struct world *w = *state;
	add(w, 10);
	add(w, 20);
	struct claim_job job = {.w = w, .max = 5, .now_ms = NOW, .result = -EPIPE};
	assert_int_equal(run(&w->f, claim_fn, &job), -EPIPE);
	assert_int_equal(ask(&w->f, "SELECT count(*) FROM outbox WHERE state = 0"), 2);
	job.result = 0;
	assert_int_equal(run(&w->f, claim_fn, &job), 0);
	assert_int_equal(w->n, 2);
}

static void a_full_arena_claims_what_fits(void **state)
{
	struct world *w = *state;
	static char story[3000];
	memset(story, 's', sizeof(story));
	for (int i = 0; i < 3; i++) {
		struct addition addition = {.row = {.recipient = STR("a@x"), .text = {story, sizeof(story)}}};
		assert_int_equal(run(&w->f, add_fn, &addition), 0);
	}
	static const struct {
		size_t size;
		int result;
		size_t n;
	} cases[] = {{100, -ENOBUFS, 0}, {3000, -ENOBUFS, 0}, {8000, 0, 2}, {20000, 0, 1}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		arena_done(&w->arena);
		arena_init(&w->arena, cases[i].size);
		int64_t before = ask(&w->f, "SELECT count(*) FROM outbox WHERE state = 1");
		w->n = 0;
		assert_int_equal(claim(w, NOW, 3), cases[i].result);
		assert_int_equal(w->n, cases[i].n);
		assert_int_equal(ask(&w->f, "SELECT count(*) FROM outbox WHERE state = 1") - before,
				 cases[i].n);
	}
}

static void a_crash_makes_claims_due_again(void **state)
{
	struct world *w = *state;
	add(w, 10);
	add(w, 20);
	add(w, 30);
	assert_int_equal(claim(w, 20, 5), 0);
	assert_int_equal(w->n, 2);
	fixture_close(&w->f);
	fixture_open(&w->f, NULL);
	assert_int_equal(claim(w, 20, 5), 0);
	assert_int_equal(w->n, 0); /* nobody but release() says so */
	assert_int_equal(operate(w, RELEASE, (struct outbox_id){0}, STR("")), 0);
	assert_int_equal(claim(w, 20, 5), 0);
	assert_int_equal(w->n, 2);
	assert_int_equal(w->claims[0].row.tries, 0);
	assert_true(str_eq(w->claims[0].row.header_message_id, STR("m@example.com")));
}

static int pause_fn(void *ctx, struct store_txn *txn)
{
	return outbox_set_paused(txn, *(bool *)ctx);
}

static void a_pause_is_kept_over_restarts(void **state)
{
	struct world *w = *state;
	bool paused = true;
	add(w, 10);
	assert_int_equal(run(&w->f, pause_fn, &paused), 0);
	assert_int_equal(run(&w->f, pause_fn, &paused), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(claim(w, NOW, 5), 0);
		assert_int_equal(w->n, 0);
		assert_true(w->next_due_ms == INT64_MAX);
		fixture_close(&w->f);
		fixture_open(&w->f, NULL);
	}
	paused = false;
	assert_int_equal(run(&w->f, pause_fn, &paused), 0);
	assert_int_equal(claim(w, NOW, 5), 0);
	assert_int_equal(w->n, 1);
}

/* ---- stopped addresses ---- */

struct stop {
	struct tenant_id tenant;
	struct str address, why;
};

static int stop_fn(void *ctx, struct store_txn *txn)
{
	struct stop *stop = ctx;
	return stopped_add(txn, stop->tenant, stop->address, stop->why, 77);
}

static int unstop_fn(void *ctx, struct store_txn *txn)
{
	struct stop *stop = ctx;
	return stopped_remove(txn, stop->tenant, stop->address);
}

static int other_tenant_fn(void *ctx, struct store_txn *txn)
{
	struct tenant_row row = {.slug = STR("b-tech"), .name = STR("B"), .reference_prefix = STR("BTECH")};
	return tenant_rows_add(txn, &row, ctx);
}

static void a_stopped_address_gets_no_more_mail_of_that_tenant(void **state)
{
	struct world *w = *state;
	struct tenant_id other;
	assert_int_equal(run(&w->f, other_tenant_fn, &other), 0);
	struct stop stop = {w->f.tenant, STR("Joe@Example.com"), STR("complaint")};
	assert_int_equal(run(&w->f, unstop_fn, &stop), -ENOENT);
	assert_int_equal(run(&w->f, stop_fn, &stop), 0);
	struct stop again = {w->f.tenant, STR("joe@example.com"), STR("another")};
	assert_int_equal(run(&w->f, stop_fn, &again), 0);
	assert_int_equal(ask(&w->f, "SELECT count(*) FROM stopped"), 1);

	struct outbox_id stopped = add_to(w, w->f.tenant, "joe@example.COM", 1);
	struct outbox_id jane = add_to(w, w->f.tenant, "jane@example.com", 2);
	struct outbox_id of_other = add_to(w, other, "joe@example.com", 3);
	struct outbox_id of_none = add_to(w, (struct tenant_id){0}, "joe@example.com", 4);
	assert_int_equal(claim(w, NOW, 3), 0);
	assert_int_equal(w->n, 3);
	assert_int_equal(w->claims[0].row.id.v, jane.v);
	assert_int_equal(w->claims[1].row.id.v, of_other.v);
	assert_int_equal(w->claims[2].row.id.v, of_none.v);
	struct got got = get(w, stopped);
	assert_int_equal(got.row.state, OUTBOX_FAILED);
	assert_string_equal(got.why, "stopped: complaint");
	assert_int_equal(got.row.tries, 0);

	assert_int_equal(run(&w->f, unstop_fn, &again), 0);
	assert_int_equal(operate(w, RETRY_FAILED, stopped, STR("")), 0);
	assert_int_equal(claim(w, NOW, 3), 0);
	assert_int_equal(w->n, 1);
	assert_int_equal(w->claims[0].row.id.v, stopped.v);
}

static void many_jobs_to_a_stopped_address_hold_nobody_up(void **state)
{
	struct world *w = *state;
	struct stop stop = {w->f.tenant, STR("joe@example.com"), STR("complaint")};
	assert_int_equal(run(&w->f, stop_fn, &stop), 0);
	add_to(w, w->f.tenant, "joe@example.com", 1);
	tamper(&w->f, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)"
		      " INSERT INTO outbox SELECT id + i, kind, state, tenant, ticket, comment, message, "
		      "participant,"
		      " created_ms, due_ms, since_ms, tries, settled_ms, recipient, mailbox, "
		      "header_message_id, text, why"
		      " FROM outbox, n");
	struct outbox_id jane = add_to(w, w->f.tenant, "jane@example.com", 2);
	assert_int_equal(claim(w, NOW, 2), 0); /* one transaction parks so many and no more */
	assert_int_equal(w->n, 0);
	assert_true(w->next_due_ms <= NOW);
	assert_int_equal(claim(w, NOW, 2), 0);
	assert_int_equal(w->n, 1);
	assert_int_equal(w->claims[0].row.id.v, jane.v);
	assert_int_equal(ask(&w->f, "SELECT count(*) FROM outbox WHERE state = 2"), 1501);
}

/* ---- plans ---- */

struct plan {
	const char *sql;
	char text[1024];
};

static int plan_fn(void *ctx, struct store_txn *txn)
{
	struct plan *plan = ctx;
	struct stmt *s = stmt_use(txn->db, plan->sql);
	size_t used = 0;
	int r;
	while ((r = stmt_step(s)) > 0)
		used += (size_t)snprintf(plan->text + used, sizeof(plan->text) - used, "%.*s\n",
					 STR_ARG(stmt_col_text(s, 3)));
	stmt_reset(s);
	return r;
}

/* A claim seeks into what waits and sorts nothing, so what was sent costs it nothing. */
static void a_claim_walks_its_index(void **state)
{
	struct world *w = *state;
	static char due[2048], next[512], back[512];
	snprintf(due, sizeof(due), "EXPLAIN QUERY PLAN %s", outbox_sql_due);
	snprintf(next, sizeof(next), "EXPLAIN QUERY PLAN %s", outbox_sql_next_due);
	snprintf(back, sizeof(back), "EXPLAIN QUERY PLAN %s", outbox_sql_clock_back);
	const struct {
		const char *sql, *wanted;
	} cases[] = {
		{due, "SEARCH o USING INDEX outbox_waiting (state=? AND due_ms<?)"},
		{next, "SEARCH outbox USING COVERING INDEX outbox_waiting (state=?)"},
		{back, "SEARCH outbox USING INDEX outbox_waiting (state=? AND due_ms>?)"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct plan plan = {.sql = cases[i].sql};
		assert_int_equal(run(&w->f, plan_fn, &plan), 0);
		if (!strstr(plan.text, cases[i].wanted) || strstr(plan.text, "TEMP B-TREE") ||
		    strstr(plan.text, "SCAN"))
			fail_msg("%s", plan.text);
	}
}

/* ---- readers ---- */

struct seen {
	size_t n;
	int64_t ids[64];
};

static bool see_job(void *ctx, const struct outbox_view *view)
{
	struct seen *seen = ctx;
	assert_true(seen->n < 64);
	seen->ids[seen->n++] = view->row.id.v;
	assert_true(str_eq(view->tenant_slug, view->row.id.v % 3 == 0 ? STR("b-tech") : STR("acme")));
	assert_true(str_eq(view->ticket_reference,
			   view->row.ticket.v == 2 ? STR("ACME-00002") : (struct str){"", 0}));
	return true;
}

static bool wanted(const struct outbox_filter *filter, int64_t id)
{
	int job_state = (int)(id % 6);
	if (filter->tenant_slug.ptr && str_eq(filter->tenant_slug, STR("b-tech")) != (id % 3 == 0))
		return false;
	if (filter->ticket.v > 0 && (id % 3 == 0 || id % 4 != 0))
		return false;
	return filter->state == -2 || filter->state == job_state ||
	       (filter->state == -1 && job_state < OUTBOX_CANCELLED);
}

/* 48 jobs: id % 6 is the state, every third is the other tenant's, every fourth of acme's is of its second ticket. */
static void fill(struct world *w)
{
	struct tenant_id other;
	assert_int_equal(run(&w->f, other_tenant_fn, &other), 0);
	add_mail(&w->f, 10);
	add_mail(&w->f, 10);
	for (int i = 1; i <= 48; i++)
		add_to(w, i % 3 == 0 ? other : w->f.tenant, "jane@example.com", 100 - i);
	tamper(&w->f, "UPDATE outbox SET state = id % 6;"
		      "UPDATE outbox SET ticket = 2 WHERE id % 3 <> 0 AND id % 4 = 0");
}

static void jobs_are_listed_by_filter_and_page(void **state)
{
	struct world *w = *state;
	struct conf_error error = {.text = ""};
	struct reader *reader = NULL;
	fill(w);
	assert_int_equal(reader_open(&reader, &w->f.conf, &error), 0);
	static const char *const slugs[] = {NULL, "acme", "b-tech"};
	static const int64_t limits[] = {0, 1, 5};
	for (int i = 0; i < 8 * 3 * 2 * 3; i++) {
		struct outbox_filter filter = {.state = i % 8 - 2,
					       .tenant_slug = str_from(slugs[i / 8 % 3]),
					       .ticket = {i / 24 % 2 ? 2 : 0},
					       .limit = limits[i / 48]};
		struct seen seen = {.n = 0};
		for (size_t before = 1; before != seen.n;) {
			before = seen.n;
			filter.before_id = seen.n ? seen.ids[seen.n - 1] : 0;
			assert_int_equal(reader_outbox(reader, &filter, see_job, &seen), 0);
			assert_true(filter.limit == 0 || (int64_t)(seen.n - before) <= filter.limit);
			if (filter.limit == 0)
				break;
		}
		size_t n = 0;
		for (int64_t id = 48; id >= 1; id--)
			if (wanted(&filter, id)) {
				assert_true(n < seen.n);
				assert_int_equal(seen.ids[n++], id);
			}
		assert_int_equal(seen.n, n);
	}
	struct seen seen = {.n = 0};
	struct outbox_filter nobody = {.state = -1, .tenant_slug = STR("nobody")};
	assert_int_equal(reader_outbox(reader, &nobody, see_job, &seen), -ENOENT);
	reader_close(reader);
}

static bool see_stopped(void *ctx, struct str slug, struct str address, struct str why, int64_t since_ms)
{
	assert_true(str_eq(slug, STR("acme")));
	assert_true(str_eq(address, STR("joe@example.com")));
	assert_true(str_eq(why, STR("complaint")));
	assert_int_equal(since_ms, 77);
	++*(int *)ctx;
	return true;
}

static void counts_and_stopped_addresses_are_shown(void **state)
{
	struct world *w = *state;
	struct conf_error error = {.text = ""};
	struct reader *reader = NULL;
	struct outbox_counts counts;
	bool paused = true;
	int n = 0;
	assert_int_equal(reader_open(&reader, &w->f.conf, &error), 0);
	assert_int_equal(reader_outbox_counts(reader, &counts), 0);
	assert_true(counts.due == 0 && counts.claimed == 0 && counts.failed == 0 && !counts.paused);
	assert_int_equal(counts.oldest_due_ms, 0);
	fill(w);
	tamper(&w->f, "UPDATE outbox SET state = 4 WHERE id = 7");
	assert_int_equal(run(&w->f, pause_fn, &paused), 0);
	assert_int_equal(reader_outbox_counts(reader, &counts), 0);
	assert_int_equal(counts.due, 8);
	assert_int_equal(counts.claimed, 7);
	assert_int_equal(counts.failed, 8);
	assert_int_equal(counts.oldest_due_ms, 52); /* of job 48 */
	assert_true(counts.paused);
	struct stop stop = {w->f.tenant, STR("joe@example.com"), STR("complaint")};
	assert_int_equal(run(&w->f, stop_fn, &stop), 0);
	assert_int_equal(reader_stopped(reader, see_stopped, &n), 0);
	assert_int_equal(n, 1);
	reader_close(reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_operation_moves_only_what_it_may),
		TEST(only_what_is_due_is_claimed),
		TEST(a_row_comes_back_as_it_was_added),
		TEST(a_settlement_counts_tries_and_retry_begins_anew),
		TEST(a_reason_is_one_short_line_of_utf8),
		cmocka_unit_test(names_are_read_back),
		TEST(claims_come_in_order_of_due_and_not_more_than_asked_for),
		TEST(a_claim_mends_what_is_due_too_late),
		TEST(a_claim_brings_what_its_reply_address_needs),
		TEST(a_claim_that_was_rolled_back_begins_anew),
		TEST(a_full_arena_claims_what_fits),
		TEST(a_crash_makes_claims_due_again),
		TEST(a_pause_is_kept_over_restarts),
		TEST(a_stopped_address_gets_no_more_mail_of_that_tenant),
		TEST(many_jobs_to_a_stopped_address_hold_nobody_up),
		TEST(a_claim_walks_its_index),
		TEST(jobs_are_listed_by_filter_and_page),
		TEST(counts_and_stopped_addresses_are_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
