/*
 * Results into the outbox: what came since the last one is written in one transaction (no timer: while the writer is at
 * one, the next gathers). A mail that failed for good tells so in the same transaction (tenant/notice.h).
 *
 * Always true: a job leaves our memory after its settlement is committed, or at close, when the store takes nothing any
 * more: then it is still claimed in the database, and the next start makes it due. Loop thread; apply() on the writer's.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "outbound/outbound_private.h"
#include "tenant/notice.h"

#define SETTLE_MAX 256 /* jobs in one transaction: the writer has others to serve */

static int settle_apply(struct store_job *base, struct store_txn *txn);
static void settle_done(struct store_job *base, int status);
static void settle_failed(struct outbound *outbound, int status);

void outbound_settle_later(struct outbound_job *job)
{
	outbound_job_unmake(job);
	list_push_back(&job->outbound->settled, &job->link);
	outbound_kick(job->outbound);
}

static void put_back(struct outbound *outbound)
{
	struct outbound_settling *settling = &outbound->settling;
	list_splice_back(&settling->jobs, &outbound->settled);
	list_splice_back(&outbound->settled, &settling->jobs);
}

void outbound_settle(struct outbound *outbound)
{
	struct outbound_settling *settling = &outbound->settling;
	size_t n = 0, max = settling->singly ? 1 : SETTLE_MAX;
	if (settling->under_way || list_empty(&outbound->settled) ||
	    (!outbound->closing && clock_mono_ms() < settling->not_before_ms))
		return;
	list_init(&settling->jobs);
	for (struct list_node *node; n < max && (node = list_pop_front(&outbound->settled)); n++)
		list_push_back(&settling->jobs, node);
	settling->job = (struct store_job){.apply = settle_apply, .done = settle_done, .repeatable = true};
	settling->now_ms = clock_now_ms();
	settling->setup = outbound_setup_ref(outbound->setup);
	int r = store_submit(outbound->deps.store, &settling->job);
	if (r == 0) {
		settling->under_way = true;
		return;
	}
	settling->setup = outbound_setup_unref(settling->setup);
	settling->not_before_ms = clock_mono_ms() + OUTBOUND_BUSY_MS;
	if (r == -EAGAIN)
		put_back(outbound);
	else
		settle_failed(outbound, r);
}

/* ---- on the writer */

static int settle_one(struct outbound_settling *settling, struct outbound_job *job, struct store_txn *txn)
{
	const struct notice_maker maker = {settling->setup->keys, str_from(settling->setup->domain)};
	struct outbox_row row = {.state = OUTBOX_CANCELLED};
	int r = outbox_get(txn, job->row.id, &row);
	if (r < 0 && r != -ENOENT)
		return r;
	job->moot = row.state != OUTBOX_CLAIMED;
	if (job->moot)
		return 0;
	r = outbox_settle(txn, job->row.id, &job->settlement);
	if (r < 0 || job->settlement.state != OUTBOX_FAILED)
		return r;
	r = notice_failed(txn, &maker, &job->row, job->settlement.why, settling->now_ms, NULL);
	return r == -EINVAL ? 0 : r; /* nobody can be told: nothing was made */
}

static int settle_apply(struct store_job *base, struct store_txn *txn)
{
	struct outbound_settling *settling = CONTAINER_OF(base, struct outbound_settling, job);
	LIST_FOREACH(node, &settling->jobs) {
		int r = settle_one(settling, CONTAINER_OF(node, struct outbound_job, link), txn);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- back on the loop */

static void account(struct outbound_job *job)
{
	struct outbound *outbound = job->outbound;
	const struct outbox_settlement *settlement = &job->settlement;
	struct log_field id = lf_int("job", job->row.id.v);
	struct log_field kind = lf_cstr("kind", outbox_kind_name(job->row.kind));
	struct log_field why = lf_str("why", settlement->why);
	if (job->moot) {
		LOG(LOG_LEVEL_INFO, "mail-changed-meanwhile", id, kind, why);
	} else if (settlement->state == OUTBOX_SENT) {
		outbound->sent++;
		LOG(LOG_LEVEL_INFO, "mail-sent", id, kind, why);
	} else if (settlement->state == OUTBOX_FAILED) {
		outbound->failed++;
		outbound->look = true; /* who is told of it is a job of its own */
		LOG(LOG_LEVEL_WARN, "mail-failed", id, kind, why);
	} else {
		if (settlement->due_ms < outbound->next_due_ms)
			outbound->next_due_ms = settlement->due_ms;
		outbound->deferred += settlement->tried;
		if (settlement->tried)
			LOG(LOG_LEVEL_INFO, "mail-deferred", id, kind, why,
			    lf_int("again_in_ms", settlement->due_ms - settlement->now_ms));
	}
}

/* What could not be written is written again: each alone, and the one at fault after the others. */
static void settle_failed(struct outbound *outbound, int status)
{
	struct outbound_settling *settling = &outbound->settling;
	if (!settling->complained)
		LOG(LOG_LEVEL_ERROR, "settle-failed", lf_id("outbound", "outbox"), lf_err(status));
	settling->complained = true;
	settling->not_before_ms = clock_mono_ms() + OUTBOUND_PAUSE_MS;
	if (outbound->closing) {
		for (struct list_node *node; (node = list_pop_front(&settling->jobs));)
			outbound_job_free(CONTAINER_OF(node, struct outbound_job, link));
		return;
	}
	if (settling->singly)
		list_splice_back(&outbound->settled, &settling->jobs);
	else
		put_back(outbound);
	settling->singly = true;
}

static void settle_done(struct store_job *base, int status)
{
	struct outbound_settling *settling = CONTAINER_OF(base, struct outbound_settling, job);
	struct outbound *outbound = settling->outbound;
	settling->under_way = false;
	settling->setup = outbound_setup_unref(settling->setup);
	outbound_kick(outbound);
	if (status < 0) {
		settle_failed(outbound, status);
		return;
	}
	if (list_empty(&outbound->settled))
		settling->singly = settling->complained = false;
	for (struct list_node *node; (node = list_pop_front(&settling->jobs));) {
		struct outbound_job *job = CONTAINER_OF(node, struct outbound_job, link);
		account(job);
		outbound_job_free(job);
	}
}
