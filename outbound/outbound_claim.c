/*
 * Jobs out of the outbox. One claim at a time, for what fits (outbound_claim_room); in the same transaction the reply
 * address that each of them will carry is written down in its case-folded form, so that no mail leaves whose answer a
 * gateway that lower-cases would make unknown. Loop thread; apply() on the writer's.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "outbound/outbound_private.h"
#include "storage/reply_address.h"
#include "tenant/reply_token.h"

#define CLAIM_ARENA_MAX ((size_t)4 * 1024 * 1024)

static int claim_apply(struct store_job *base, struct store_txn *txn);
static void claim_done(struct store_job *base, int status);

/*
 * While the relay works, as many as it holds and a few more, taken by the dozen: a transaction costs the disk the same
 * for one. While it is being tried again, no more than it takes, for the others had better wait where they can be seen.
 */
size_t outbound_claim_room(const struct outbound *outbound)
{
	const struct outbound_setup *setup = outbound->setup;
	struct relay_stats stats;
	if (outbound_holding(outbound) || outbound->held >= OUTBOUND_HELD_MAX)
		return 0;
	relay_stats(setup->relay, &stats);
	size_t max = setup->claimed_max, room = max > outbound->jobs_n ? max - outbound->jobs_n : 0;
	if ((stats.failures > 0 || stats.resting_ms > 0) && !stats.works) {
		size_t takes = relay_room(setup->relay);
		return takes > outbound->unsent_n ? takes - outbound->unsent_n : 0;
	}
	if (room < max / 4 && outbound->unsent_n > 0)
		return 0;
	return room < outbound->claim_max ? room : outbound->claim_max;
}

bool outbound_claim_due(const struct outbound *outbound, int64_t now_ms)
{
	int64_t due_ms = outbound->next_due_ms;
	bool clock_put_back = due_ms != INT64_MAX && due_ms - now_ms > OUTBOX_WAIT_MAX_MS;
	return outbound->look || due_ms <= now_ms || clock_put_back;
}

void outbound_claim(struct outbound *outbound)
{
	struct outbound_claiming *claiming = &outbound->claiming;
	int64_t now_ms = clock_now_ms();
	size_t max = outbound_claim_due(outbound, now_ms) ? outbound_claim_room(outbound) : 0;
	if (claiming->under_way || outbound->closing || (max == 0 && outbound->released) ||
	    clock_mono_ms() < claiming->not_before_ms)
		return;
	claiming->job = (struct store_job){.apply = claim_apply, .done = claim_done, .repeatable = true};
	claiming->release = !outbound->released;
	claiming->max = max;
	claiming->now_ms = now_ms;
	claiming->setup = outbound_setup_ref(outbound->setup);
	if (store_submit(outbound->deps.store, &claiming->job) < 0) {
		claiming->setup = outbound_setup_unref(claiming->setup);
		claiming->not_before_ms = clock_mono_ms() + OUTBOUND_BUSY_MS;
		return;
	}
	claiming->under_way = true;
	if (max > 0)
		outbound->look = false;
}

/* ---- on the writer */

/* A number that no token can hold has no address; then the mail has none either. */
static int write_down_reply_address(struct store_txn *txn, const struct key_ring *keys,
				    const struct outbox_claim *claim)
{
	struct reply_token token = {.ticket = claim->ticket_number, .participant = claim->row.participant};
	char minted[REPLY_TOKEN_MAX + 1], folded[REPLY_TOKEN_MAX + 1];
	if (!keys || claim->row.participant == 0 || claim->ticket_number == 0 || claim->slug.len == 0 ||
	    claim->slug.len > SLUG_MAX)
		return 0;
	snprintf(token.slug, sizeof(token.slug), "%.*s", STR_ARG(claim->slug));
	if (reply_token_mint(keys, &token, minted) < 0 || reply_token_fold(str_from(minted), folded) < 0)
		return 0;
	return reply_address_add(txn, str_from(folded), claim->row.ticket, claim->row.participant);
}

static int claim_apply(struct store_job *base, struct store_txn *txn)
{
	struct outbound_claiming *claiming = CONTAINER_OF(base, struct outbound_claiming, job);
	int r = 0;
	claiming->n = claiming->released_n = 0;
	arena_clear(&claiming->arena);
	if (claiming->release)
		r = outbox_release(txn, &claiming->released_n);
	if (r == 0 && claiming->max > 0)
		r = outbox_claim(txn, claiming->now_ms, claiming->max, &claiming->arena, &claiming->claims,
				 &claiming->n, &claiming->next_due_ms);
	for (size_t i = 0; r == 0 && i < claiming->n; i++)
		r = write_down_reply_address(txn, claiming->setup->keys, &claiming->claims[i]);
	return r;
}

/* ---- back on the loop */

static void claim_failed(struct outbound *outbound, int status)
{
	if (status == -ENOBUFS && outbound->claiming.max > 1) {
		outbound->claim_max = outbound->claiming.max / 2;
	} else {
		outbound->claiming.not_before_ms = clock_mono_ms() + OUTBOUND_PAUSE_MS;
		if (!outbound->claiming.complained)
			LOG(LOG_LEVEL_ERROR, "claim-failed", lf_id("outbound", "outbox"), lf_err(status));
		outbound->claiming.complained = true;
	}
	outbound->look = true;
}

static void claim_done(struct store_job *base, int status)
{
	struct outbound_claiming *claiming = CONTAINER_OF(base, struct outbound_claiming, job);
	struct outbound *outbound = claiming->outbound;
	claiming->under_way = false;
	if (status < 0) {
		claim_failed(outbound, status);
		claiming->n = 0;
	} else {
		if (claiming->release && claiming->released_n > 0)
			LOG(LOG_LEVEL_INFO, "released", lf_id("outbound", "outbox"),
			    lf_int("jobs", (int64_t)claiming->released_n));
		outbound->released = true;
		claiming->complained = false;
		outbound->claim_max = SIZE_MAX;
		if (claiming->max > 0)
			outbound->next_due_ms = claiming->next_due_ms;
	}
	for (size_t i = 0; i < claiming->n; i++) {
		struct outbound_job *job =
			outbound_job_new(outbound, claiming->setup, &claiming->claims[i].row);
		list_push_back(&outbound->claimed, &job->link);
	}
	arena_clear(&claiming->arena);
	claiming->setup = outbound_setup_unref(claiming->setup);
	outbound_kick(outbound);
}
