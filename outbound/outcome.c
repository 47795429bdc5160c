/*
 * See outcome.h. Always true: a job whose five days are not over is FAILED only by a 5yz or because it can never be a
 * mail; what is not the mail's fault costs it no try. Pure.
 */
#include "outbound/outcome.h"

#include <errno.h>
#include <stdio.h>
#include <uv.h>

#include "base/utf8.h"
#include "outbound/backoff.h"

#define NOT_MADE_WAIT_MS (INT64_C(5) * 60 * 1000)

/* ---- why */

static void one_line(const char *text, char ret[OUTCOME_WHY_SIZE])
{
	ret[utf8_line(str_from(text), ret, OUTBOX_WHY_MAX)] = '\0';
}

/* Where in the mail the connection ended; before MAIL the relay's own words say it. */
static const char *place(const struct smtp_result *result)
{
	static const char *const places[] = {[SMTP_STAGE_MAIL] = " (at MAIL)",
					     [SMTP_STAGE_RCPT] = " (at RCPT)",
					     [SMTP_STAGE_DATA] = " (at DATA)",
					     [SMTP_STAGE_BODY] = " (in the mail data)",
					     [SMTP_STAGE_END] = " (after the mail data)"};
	if (result->outcome == SMTP_UNKNOWN)
		return " (no answer to the final dot: it may have arrived)";
	return result->stage < ARRAY_SIZE(places) && places[result->stage] ? places[result->stage] : "";
}

/* "450 4.2.1 "; the enhanced code of a real reply is in its text already. */
static void print_code(const struct smtp_result *result, char *ret, size_t ret_size)
{
	char enhanced[32] = "";
	if (result->klass)
		snprintf(enhanced, sizeof(enhanced), "%d.%d.%d ", result->klass, result->subject,
			 result->detail);
	if (str_starts(str_from(result->text), str_from(enhanced)))
		enhanced[0] = '\0';
	snprintf(ret, ret_size, "%d %s", result->code, enhanced);
}

void outcome_why(const struct smtp_result *result, const char *where, char ret[OUTCOME_WHY_SIZE])
{
	char text[2 * OUTCOME_WHY_SIZE + 128], code[64] = "";
	const char *words = result->text[0] || !result->error ? result->text : uv_strerror(result->error);
	if (result->code)
		print_code(result, code, sizeof(code));
	/* what is said about a mail stands alone; what is said about a connection is about the relay */
	if (result->code && result->stage >= SMTP_STAGE_MAIL)
		snprintf(text, sizeof(text), "%s%s", code, words);
	else if (result->code)
		snprintf(text, sizeof(text), "relay %s: %s%s (at its %s)", where, code, words,
			 smtp_stage_name(result->stage));
	else
		snprintf(text, sizeof(text), "relay %s: %s%s%s", where,
			 result->stage == SMTP_STAGE_TLS ? "TLS: " : "", words, place(result));
	one_line(text, ret);
}

/* ---- what becomes of it */

static bool expired(const struct outbox_row *row, int64_t now_ms)
{
	return now_ms - row->since_ms >= BACKOFF_MAIL_MS;
}

static void try_again(const struct outbox_row *row, const struct outcome_env *env,
		      struct outbox_settlement *ret)
{
	unsigned tries = row->tries < INT32_MAX ? (unsigned)row->tries + 1 : INT32_MAX;
	ret->state = OUTBOX_DUE;
	if (backoff_mail(row->since_ms, env->now_ms, tries, env->random, &ret->due_ms) < 0)
		ret->state = OUTBOX_FAILED;
}

void outcome_decide(const struct outbox_row *row, const struct smtp_result *result,
		    const struct outcome_env *env, char why[OUTCOME_WHY_SIZE], struct outbox_settlement *ret)
{
	struct outbox_settlement settlement = {.tried = true, .now_ms = env->now_ms};
	outcome_why(result, env->where, why);
	settlement.why = str_from(why);
	if (result->stage < SMTP_STAGE_MAIL) {
		bool down = env->relay_failures >= OUTCOME_RELAY_DOWN;
		settlement.tried = false;
		settlement.state = down && expired(row, env->now_ms) ? OUTBOX_FAILED : OUTBOX_DUE;
		settlement.due_ms = row->due_ms;
	} else if (result->outcome == SMTP_DELIVERED) {
		settlement.state = OUTBOX_SENT;
	} else if (result->outcome == SMTP_FAILED) {
		settlement.state = OUTBOX_FAILED;
	} else if (result->outcome == SMTP_UNKNOWN && result->error == -ECANCELED) {
		settlement.state = OUTBOX_DUE; /* it was us who went */
		settlement.due_ms = row->due_ms;
	} else {
		try_again(row, env, &settlement);
	}
	*ret = settlement;
}

void outcome_give_back(const struct outbox_row *row, int64_t now_ms, const char *why,
		       char ret_why[OUTCOME_WHY_SIZE], struct outbox_settlement *ret)
{
	one_line(why, ret_why);
	*ret = (struct outbox_settlement){.state = OUTBOX_DUE,
					  .due_ms = row->due_ms,
					  .why = ret_why[0] ? str_from(ret_why) : row->why,
					  .now_ms = now_ms};
}

void outcome_not_made(const struct outbox_row *row, int error, const char *text, int64_t now_ms,
		      char why[OUTCOME_WHY_SIZE], struct outbox_settlement *ret)
{
	char line[OUTCOME_WHY_SIZE];
	bool never = error == -EINVAL || expired(row, now_ms);
	snprintf(line, sizeof(line), "the mail could not be made: %s",
		 text && text[0] ? text : uv_strerror(error));
	one_line(line, why);
	*ret = (struct outbox_settlement){.state = never ? OUTBOX_FAILED : OUTBOX_DUE,
					  .due_ms = now_ms + NOT_MADE_WAIT_MS,
					  .why = str_from(why),
					  .now_ms = now_ms};
}
