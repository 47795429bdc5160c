/*
 * Made mails go to the relay while it takes them, and come back with a result. When the relay itself fails, the mails
 * that wait here go back to the outbox, where everyone sees why. Loop thread.
 */
#include <assert.h>
#include <errno.h>

#include "base/clock.h"
#include "base/mac.h"
#include "outbound/outbound_private.h"

static void on_done(struct smtp_mail *mail, const struct smtp_result *result);

void outbound_send(struct outbound *outbound)
{
	struct outbound_setup *setup = outbound->setup;
	while (!outbound_holding(outbound) && !list_empty(&outbound->ready)) {
		struct outbound_job *job = CONTAINER_OF(outbound->ready.head.next, struct outbound_job, link);
		job->mail.done = on_done;
		if (relay_submit(setup->relay, &job->mail) < 0)
			return;
		list_remove(&job->link);
		outbound->unsent_n--;
		outbound_job_set_setup(job, setup); /* it may have been made under older ones */
	}
}

static void give_back(struct outbound_job *job, const char *why)
{
	outcome_give_back(&job->row, clock_now_ms(), why, job->why, &job->settlement);
	outbound_settle_later(job);
}

void outbound_give_back(struct outbound *outbound, const char *why)
{
	struct list *const lists[] = {&outbound->ready, &outbound->claimed};
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		for (struct list_node *node; (node = list_pop_front(lists[i]));) {
			outbound->unsent_n--;
			give_back(CONTAINER_OF(node, struct outbound_job, link), why);
		}
	}
}

void outbound_give_back_while_resting(struct outbound *outbound)
{
	struct relay_stats stats;
	char why[OUTCOME_WHY_SIZE];
	if (outbound->unsent_n == 0)
		return;
	relay_stats(outbound->setup->relay, &stats);
	if (stats.resting_ms == 0 || stats.works)
		return;
	outcome_why(&stats.last_failure, outbound->setup->where, why);
	outbound_give_back(outbound, why);
}

/* The relay that it was given to is no longer ours, or we stop: not its fault, and nobody's. */
static bool cancelled(const struct smtp_result *result)
{
	return result->error == -ECANCELED && result->outcome != SMTP_UNKNOWN;
}

static void decide(struct outbound_job *job, const struct smtp_result *result)
{
	struct outcome_env env = {.where = job->setup->where, .now_ms = clock_now_ms()};
	struct relay_stats stats;
	relay_stats(job->setup->relay, &stats);
	env.relay_failures = stats.failures;
	random_bytes(&env.random, sizeof(env.random));
	outcome_decide(&job->row, result, &env, job->why, &job->settlement);
	outbound_settle_later(job);
}

/* What the relay's failure means for the others is the next turn's to see. */
static void on_done(struct smtp_mail *mail, const struct smtp_result *result)
{
	struct outbound_job *job = CONTAINER_OF(mail, struct outbound_job, mail);
	if (cancelled(result))
		give_back(job, "");
	else
		decide(job, result);
}
