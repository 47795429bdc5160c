/*
 * See outbound.h. Where a job is:
 *
 *	outbox --claim--> claimed --make--> ready --send--> the relay --done--> settled --settle--> outbox
 *	 (DUE)  (store_job)        (work)                                                (store_job)  (SENT, DUE, FAILED)
 *
 * Always true:
 *  1. Nothing is decided inside a callback: callbacks move what came to its list and ask for a turn (outbound_kick);
 *     the turn asks each step what it can do now. At most one claim, one making and one settlement are under way, so the
 *     transactions grow with the load and there is no timer for them.
 *  2. A job is in one place, and in no more than claimed_max of them; `ready` is empty while the relay rests.
 *  3. What did not go through (a queue that is full, a store in trouble) stays in its list and has a time (not_before_ms)
 *     at which it is tried again.
 *  4. next_due_ms is not later than the first job that is due, unless `look` is set.
 *
 * Loop thread.
 */
#include "outbound/outbound.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "outbound/outbound_private.h"
#include "storage/reader.h"

#define CLOSING_TURN_MS 10 /* a queue that is full empties itself meanwhile */

static void on_timer(uv_timer_t *timer);
static void pause_relay(struct outbound *outbound);
static void turn(struct outbound *outbound);
static void arm(struct outbound *outbound);

/* ---- opening */

static void prepare(struct outbound *outbound, const struct outbound_deps *deps)
{
	outbound->deps = *deps;
	outbound->data_dir = xstrdup(deps->storage->data_dir);
	outbound->storage = *deps->storage;
	outbound->storage.data_dir = outbound->data_dir;
	outbound->deps.storage = &outbound->storage;
	outbound->next_due_ms = INT64_MAX;
	outbound->claim_max = SIZE_MAX;
	outbound->look = true;
	list_init(&outbound->setups);
	list_init(&outbound->claimed);
	list_init(&outbound->ready);
	list_init(&outbound->settled);
	list_init(&outbound->making.todo);
	list_init(&outbound->making.made);
	list_init(&outbound->settling.jobs);
	outbound->claiming.outbound = outbound->making.outbound = outbound->settling.outbound = outbound;
	arena_init(&outbound->claiming.arena, (size_t)4 * 1024 * 1024);
}

static void say_if_none(const struct outbound *outbound)
{
	if (!outbound->setup->relay)
		LOG(LOG_LEVEL_WARN, "no-relay", lf_id("outbound", "relay"),
		    lf_cstr("why", "relay.host is empty: mail waits in the outbox"));
}

int outbound_open(struct outbound **ret, const struct outbound_settings *settings,
		  const struct outbound_deps *deps, struct conf_error *reterr)
{
	struct outbound *outbound = XNEW(struct outbound);
	prepare(outbound, deps);
	int r = uv_timer_init(deps->loop, &outbound->timer);
	assert(r == 0); /* it allocates nothing */
	r = outbound_setup_open(&outbound->setup, outbound, settings, reterr);
	if (r < 0) {
		outbound_close(outbound);
		return r;
	}
	say_if_none(outbound);
	outbound_kick(outbound);
	*ret = outbound;
	return 0;
}

int outbound_reconfigure(struct outbound *outbound, const struct outbound_settings *settings,
			 struct conf_error *reterr)
{
	struct outbound_setup *setup, *old = outbound->setup;
	int r = outbound_setup_open(&setup, outbound, settings, reterr);
	if (r < 0)
		return r;
	outbound->setup = setup;
	outbound_setup_drain(old);
	outbound_setup_unref(old);
	if (old->relay)
		say_if_none(outbound);
	pause_relay(outbound);
	outbound_wake(outbound);
	return 0;
}

/* ---- turns */

void outbound_kick(struct outbound *outbound)
{
	if (!uv_is_closing((uv_handle_t *)&outbound->timer))
		uv_timer_start(&outbound->timer, on_timer, 0, 0);
}

void outbound_wake(struct outbound *outbound)
{
	outbound->look = true;
	outbound_kick(outbound);
}

static void pause_relay(struct outbound *outbound)
{
	if (outbound->setup->relay)
		relay_pause(outbound->setup->relay, outbound->paused);
}

void outbound_set_paused(struct outbound *outbound, bool paused)
{
	outbound->paused = paused;
	pause_relay(outbound);
	outbound_wake(outbound);
}

static void on_timer(uv_timer_t *timer)
{
	turn(CONTAINER_OF(timer, struct outbound, timer));
}

static bool nothing_under_way(const struct outbound *outbound)
{
	return outbound->jobs_n == 0 && !outbound->claiming.under_way && !outbound->making.under_way &&
	       !outbound->settling.under_way;
}

static void tell_drained(struct outbound *outbound)
{
	void (*on_drained)(void *) = outbound->on_drained;
	if (!on_drained || !nothing_under_way(outbound))
		return;
	LIST_FOREACH(node, &outbound->setups) {
		if (!CONTAINER_OF(node, struct outbound_setup, link)->drained)
			return;
	}
	outbound->on_drained = NULL;
	on_drained(outbound->drained_ctx);
}

static void turn(struct outbound *outbound)
{
	uv_timer_stop(&outbound->timer); /* a kick in this turn asks for another one */
	if (outbound_holding(outbound))
		outbound_give_back(outbound, "");
	else
		outbound_give_back_while_resting(outbound);
	outbound_send(outbound);
	outbound_make(outbound);
	outbound_settle(outbound);
	outbound_claim(outbound);
	outbound_setup_log(outbound->setup);
	outbound_setups_sweep(outbound);
	if (!uv_is_active((uv_handle_t *)&outbound->timer))
		arm(outbound);
	tell_drained(outbound);
}

static int64_t earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Of the engine alone; on clock_mono_ms(). */
static int64_t own_deadline(const struct outbound *outbound)
{
	int64_t now_ms = clock_mono_ms(), wait_ms = outbound->next_due_ms - clock_now_ms();
	int64_t deadline_ms = INT64_MAX;
	bool claims = !outbound->released || outbound_claim_room(outbound) > 0;
	if (claims && !outbound->claiming.under_way) {
		if (!outbound->released || outbound_claim_due(outbound, clock_now_ms()))
			wait_ms = 0;
		if (outbound->next_due_ms != INT64_MAX || wait_ms == 0)
			deadline_ms = now_ms + earliest(wait_ms, OUTBOUND_LOOK_MAX_MS);
		if (deadline_ms < outbound->claiming.not_before_ms)
			deadline_ms = outbound->claiming.not_before_ms;
	}
	if (!outbound->making.under_way && !list_empty(&outbound->claimed) &&
	    outbound->held < OUTBOUND_HELD_MAX)
		deadline_ms = earliest(deadline_ms, outbound->making.not_before_ms);
	if (!outbound->settling.under_way && !list_empty(&outbound->settled))
		deadline_ms = earliest(deadline_ms, outbound->settling.not_before_ms);
	return deadline_ms;
}

static void arm(struct outbound *outbound)
{
	int64_t now_ms = clock_mono_ms(), deadline_ms = own_deadline(outbound);
	if (outbound->closing && !nothing_under_way(outbound))
		deadline_ms = now_ms + CLOSING_TURN_MS;
	if (deadline_ms != INT64_MAX)
		uv_timer_start(&outbound->timer, on_timer,
			       deadline_ms > now_ms ? (uint64_t)(deadline_ms - now_ms) : 0, 0);
}

void outbound_tick(struct outbound *outbound)
{
	LIST_FOREACH_SAFE(node, tmp, &outbound->setups) {
		struct outbound_setup *setup = CONTAINER_OF(node, struct outbound_setup, link);
		if (setup->relay)
			relay_tick(setup->relay);
	}
	turn(outbound);
}

int64_t outbound_deadline(const struct outbound *outbound)
{
	int64_t deadline_ms = own_deadline(outbound);
	LIST_FOREACH(node, &outbound->setups) {
		const struct outbound_setup *setup = CONTAINER_OF(node, struct outbound_setup, link);
		if (setup->relay)
			deadline_ms = earliest(deadline_ms, relay_deadline(setup->relay));
	}
	return deadline_ms;
}

/* ---- the end */

void outbound_drain(struct outbound *outbound, void (*on_drained)(void *ctx), void *ctx)
{
	outbound->draining = true;
	outbound->on_drained = on_drained;
	outbound->drained_ctx = ctx;
	LIST_FOREACH(node, &outbound->setups)
		outbound_setup_drain(CONTAINER_OF(node, struct outbound_setup, link));
	outbound_kick(outbound);
}

static void on_timer_closed(uv_handle_t *handle)
{
	CONTAINER_OF(handle, struct outbound, timer)->timer_closed = true;
}

/* Each mail is done before relay_close() returns. */
static void close_relays(struct outbound *outbound)
{
	LIST_FOREACH(node, &outbound->setups) {
		struct outbound_setup *setup = CONTAINER_OF(node, struct outbound_setup, link);
		struct relay *relay = setup->relay;
		relay_close(relay);
		setup->relay = NULL;
		setup->drained = true;
	}
}

struct outbound *outbound_close(struct outbound *outbound)
{
	if (!outbound)
		return NULL;
	outbound->closing = true;
	outbound->on_drained = NULL;
	close_relays(outbound);
	while (!nothing_under_way(outbound)) {
		turn(outbound);
		if (!nothing_under_way(outbound))
			uv_run(outbound->deps.loop, UV_RUN_ONCE);
	}
	uv_close((uv_handle_t *)&outbound->timer, on_timer_closed);
	while (!outbound->timer_closed)
		uv_run(outbound->deps.loop, UV_RUN_ONCE);
	LIST_FOREACH_SAFE(node, tmp, &outbound->setups)
		outbound_setup_free(CONTAINER_OF(node, struct outbound_setup, link));
	reader_close(outbound->making.reader);
	arena_done(&outbound->claiming.arena);
	free(outbound->data_dir);
	free(outbound);
	return NULL;
}

/* ---- what there is */

void outbound_stats(const struct outbound *outbound, struct outbound_stats *ret)
{
	*ret = (struct outbound_stats){
		.configured = outbound->setup->relay != NULL,
		.claimed = outbound->jobs_n,
		.sent = outbound->sent,
		.deferred = outbound->deferred,
		.failed = outbound->failed,
		.next_due_ms = outbound->next_due_ms,
	};
	if (outbound->setup->relay)
		relay_stats(outbound->setup->relay, &ret->relay);
}
