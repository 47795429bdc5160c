/*
 * What the relay said becomes state, time and one line: tables of results.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "outbound/backoff.h"
#include "outbound/outcome.h"

#define NOW    INT64_C(1700000000000)
#define MINUTE INT64_C(60000)
#define WHERE  "127.0.0.1:2525"

static const struct {
	struct smtp_result result;
	const char *why;
} whys[] = {
	{{.outcome = SMTP_DELIVERED, .stage = SMTP_STAGE_END, .code = 250, .text = "ok"}, "250 ok"},
	/* the enhanced code of a reply stands in its text; of what we say ourselves it does not */
	{{.stage = SMTP_STAGE_RCPT, .code = 450, .klass = 4, .subject = 2, .detail = 1, .text = "4.2.1 busy"},
	 "450 4.2.1 busy"},
	{{.stage = SMTP_STAGE_MAIL, .code = 553, .klass = 5, .subject = 1, .detail = 7, .text = "no address"},
	 "553 5.1.7 no address"},
	{{.stage = SMTP_STAGE_RCPT, .code = 550, .text = "no\\nsuch\\n\\nuser"}, "550 no\\nsuch\\n\\nuser"},
	{{.stage = SMTP_STAGE_RCPT, .code = 550, .text = "no\nsuch\r\n\n\t user\x7f\n"}, "550 no such user"},
	{{.stage = SMTP_STAGE_RCPT, .code = 550, .text = ""}, "550"},
	/* connections */
	{{.stage = SMTP_STAGE_CONNECT, .error = -ECONNREFUSED, .text = "connection refused"},
	 "relay " WHERE ": connection refused"},
	{{.stage = SMTP_STAGE_CONNECT, .error = -ECONNREFUSED}, "relay " WHERE ": connection refused"},
	{{.stage = SMTP_STAGE_TLS, .error = -EPROTO, .text = "hostname mismatch"},
	 "relay " WHERE ": TLS: hostname mismatch"},
	{{.stage = SMTP_STAGE_STARTTLS,
	  .error = -EPROTONOSUPPORT,
	  .text = "the relay does not offer STARTTLS"},
	 "relay " WHERE ": the relay does not offer STARTTLS"},
	{{.stage = SMTP_STAGE_GREETING, .code = 554, .text = "go away"},
	 "relay " WHERE ": 554 go away (at its greeting)"},
	{{.stage = SMTP_STAGE_BODY, .error = -ECONNRESET, .text = "connection reset by peer"},
	 "relay " WHERE ": connection reset by peer (in the mail data)"},
	{{.outcome = SMTP_UNKNOWN,
	  .stage = SMTP_STAGE_END,
	  .error = -ETIMEDOUT,
	  .text = "the relay took too long"},
	 "relay " WHERE ": the relay took too long (no answer to the final dot: it may have arrived)"},
};

static void test_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(whys); i++) {
		char why[OUTCOME_WHY_SIZE];
		outcome_why(&whys[i].result, WHERE, why);
		assert_string_equal(why, whys[i].why);
	}
}

/* Cut where a character ends, and never longer than the outbox takes. */
static void test_long_why(void **state)
{
	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		struct smtp_result result = {.stage = SMTP_STAGE_RCPT, .code = 550};
		char where[200], why[OUTCOME_WHY_SIZE];
		memset(where, 'h', sizeof(where) - 1);
		where[sizeof(where) - 1] = '\0';
		memset(result.text, 'x', shift);
		for (size_t i = shift; i + 3 < sizeof(result.text) - 1; i += 3)
			memcpy(result.text + i, "\xe2\x82\xac", 3);
		outcome_why(&result, where, why);
		assert_true(strlen(why) <= OUTBOX_WHY_MAX && strlen(why) > OUTBOX_WHY_MAX - 8);
		assert_true(utf8_valid(str_from(why)));
		result.code = 0;
		outcome_why(&result, where, why);
		assert_true(strlen(why) <= OUTBOX_WHY_MAX);
		assert_true(utf8_valid(str_from(why)));
	}
}

static const struct {
	const char *name;
	enum smtp_outcome outcome;
	enum smtp_stage stage;
	int64_t age_ms; /* of the five days */
	unsigned failures;
	enum outbox_state state;
	bool tried;
	int64_t wait_ms; /* of DUE, from now; -1: due as it was, an unknown one because we went */
} outcomes[] = {
	{"sent", SMTP_DELIVERED, SMTP_STAGE_END, 0, 0, OUTBOX_SENT, true, 0},
	{"refused", SMTP_FAILED, SMTP_STAGE_RCPT, 0, 0, OUTBOX_FAILED, true, 0},
	{"deferred", SMTP_DEFERRED, SMTP_STAGE_RCPT, 0, 0, OUTBOX_DUE, true, MINUTE},
	{"perhaps", SMTP_UNKNOWN, SMTP_STAGE_END, 0, 0, OUTBOX_DUE, true, MINUTE},
	{"perhaps, and we went", SMTP_UNKNOWN, SMTP_STAGE_END, 0, 0, OUTBOX_DUE, true, -1},
	{"deferred, just in time", SMTP_DEFERRED, SMTP_STAGE_END, BACKOFF_MAIL_MS - 1, 0, OUTBOX_DUE, true,
	 1},
	{"deferred, too late", SMTP_DEFERRED, SMTP_STAGE_END, BACKOFF_MAIL_MS, 0, OUTBOX_FAILED, true, 0},
	{"perhaps, too late", SMTP_UNKNOWN, SMTP_STAGE_END, BACKOFF_MAIL_MS, 0, OUTBOX_FAILED, true, 0},
	{"sent, too late", SMTP_DELIVERED, SMTP_STAGE_END, 2 * BACKOFF_MAIL_MS, 0, OUTBOX_SENT, true, 0},
	{"no relay", SMTP_DEFERRED, SMTP_STAGE_CONNECT, 0, 1, OUTBOX_DUE, false, -1},
	{"no relay, for long", SMTP_DEFERRED, SMTP_STAGE_CONNECT, 0, 100, OUTBOX_DUE, false, -1},
	{"no relay, too late", SMTP_DEFERRED, SMTP_STAGE_AUTH, BACKOFF_MAIL_MS, OUTCOME_RELAY_DOWN,
	 OUTBOX_FAILED, false, 0},
	{"too late, but it only starts", SMTP_DEFERRED, SMTP_STAGE_CONNECT, BACKOFF_MAIL_MS,
	 OUTCOME_RELAY_DOWN - 1, OUTBOX_DUE, false, -1},
	/* what a relay says for good about itself is not for good about a mail */
	{"greets with 554", SMTP_FAILED, SMTP_STAGE_GREETING, 0, 1, OUTBOX_DUE, false, -1},
};

static void test_outcomes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
		const struct outbox_row row = {.since_ms = NOW - outcomes[i].age_ms, .due_ms = NOW - 77};
		bool left = outcomes[i].outcome == SMTP_UNKNOWN && outcomes[i].wait_ms < 0;
		const struct smtp_result result = {.outcome = outcomes[i].outcome,
						   .stage = outcomes[i].stage,
						   .error = left ? -ECANCELED : 0,
						   .text = "so it is"};
		const struct outcome_env env = {WHERE, outcomes[i].failures, NOW, UINT32_C(1) << 31};
		struct outbox_settlement settlement;
		char why[OUTCOME_WHY_SIZE];
		outcome_decide(&row, &result, &env, why, &settlement);
		if (settlement.state != outcomes[i].state || settlement.tried != outcomes[i].tried)
			fail_msg("%s: state %d, tried %d", outcomes[i].name, (int)settlement.state,
				 settlement.tried);
		if (settlement.state == OUTBOX_DUE) {
			int64_t wait_ms = outcomes[i].wait_ms;
			assert_int_equal(settlement.due_ms, wait_ms < 0 ? row.due_ms : NOW + wait_ms);
		}
		assert_int_equal(settlement.now_ms, NOW);
		assert_true(settlement.why.len > 0);
	}
}

/* Each try waits longer, by the number of those before. */
static void test_ladder(void **state)
{
	(void)state;
	static const int64_t minutes[] = {1, 5, 15, 30, 60, 120, 240, 360, 360};
	for (size_t tries = 0; tries < ARRAY_SIZE(minutes); tries++) {
		const struct outbox_row row = {.since_ms = NOW, .tries = (int64_t)tries};
		const struct smtp_result result = {
			.outcome = SMTP_DEFERRED, .stage = SMTP_STAGE_MAIL, .code = 451};
		const struct outcome_env env = {WHERE, 0, NOW, UINT32_C(1) << 31};
		struct outbox_settlement settlement;
		char why[OUTCOME_WHY_SIZE];
		outcome_decide(&row, &result, &env, why, &settlement);
		assert_int_equal(settlement.due_ms - NOW, minutes[tries] * MINUTE);
	}
	/* nothing that we make waits longer than what a claim takes for a clock that was wrong */
	int64_t due_ms;
	assert_int_equal(backoff_mail(NOW, NOW, UINT32_MAX, UINT32_MAX, &due_ms), 0);
	assert_in_range(due_ms - NOW, 360 * MINUTE, OUTBOX_WAIT_MAX_MS - 1);
}

static void test_not_made(void **state)
{
	(void)state;
	struct outbox_row row = {.since_ms = NOW, .due_ms = NOW - 5};
	struct outbox_settlement settlement;
	char why[OUTCOME_WHY_SIZE];
	outcome_not_made(&row, -EINVAL, "the recipient\nis no address", NOW, why, &settlement);
	assert_int_equal(settlement.state, OUTBOX_FAILED);
	assert_false(settlement.tried);
	assert_string_equal(why, "the mail could not be made: the recipient is no address");
	outcome_not_made(&row, -ENOENT, NULL, NOW, why, &settlement);
	assert_int_equal(settlement.state, OUTBOX_DUE);
	assert_int_equal(settlement.due_ms, NOW + 5 * MINUTE);
	assert_string_equal(why, "the mail could not be made: no such file or directory");
	row.since_ms = NOW - BACKOFF_MAIL_MS;
	outcome_not_made(&row, -ENOENT, NULL, NOW, why, &settlement);
	assert_int_equal(settlement.state, OUTBOX_FAILED);
	outcome_give_back(&row, NOW, "", why, &settlement);
	assert_int_equal(settlement.state, OUTBOX_DUE);
	assert_int_equal(settlement.due_ms, row.due_ms);
	assert_false(settlement.tried);
	row.why = STR("450 what was said before");
	outcome_give_back(&row, NOW, "", why, &settlement);
	assert_true(str_eq(settlement.why, row.why));
	outcome_give_back(&row, NOW, "connection refused", why, &settlement);
	assert_true(str_eq(settlement.why, STR("connection refused")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_why),      cmocka_unit_test(test_long_why),
		cmocka_unit_test(test_outcomes), cmocka_unit_test(test_ladder),
		cmocka_unit_test(test_not_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
