/*
 * One timer, one store job at a time, both owned here.
 */
#include "ingest/prune.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "storage/message.h"

#define PRUNE_INTERVAL_MS (10 * 60 * 1000)
#define PRUNE_ROWS        5000

struct pruner {
	struct store *store;
	struct store_job job;
	uv_timer_t timer;
	int64_t window_ms;
	int64_t before_ms; /* of the job under way */
	bool running, timer_open;
};

static int on_apply_prune(struct store_job *job, struct store_txn *txn)
{
	int r = repeat_prune(txn, CONTAINER_OF(job, struct pruner, job)->before_ms, PRUNE_ROWS);
	return r < 0 ? r : 0;
}

static void on_pruned(struct store_job *job, int status UNUSED)
{
	CONTAINER_OF(job, struct pruner, job)->running = false;
}

static void on_timer(uv_timer_t *timer)
{
	struct pruner *pruner = timer->data;
	if (pruner->running)
		return;
	pruner->before_ms = clock_now_ms() - pruner->window_ms;
	pruner->job = (struct store_job){.apply = on_apply_prune, .done = on_pruned};
	list_node_init(&pruner->job.link);
	pruner->running = store_submit(pruner->store, &pruner->job) == 0;
}

struct pruner *pruner_open(uv_loop_t *loop, struct store *store, int64_t window_ms)
{
	struct pruner *pruner = XNEW(struct pruner);
	pruner->store = store;
	pruner->window_ms = window_ms;
	uv_timer_init(loop, &pruner->timer);
	pruner->timer.data = pruner;
	pruner->timer_open = true;
	uv_timer_start(&pruner->timer, on_timer, PRUNE_INTERVAL_MS, PRUNE_INTERVAL_MS);
	return pruner;
}

void pruner_window(struct pruner *pruner, int64_t window_ms)
{
	if (pruner)
		pruner->window_ms = window_ms;
}

static void on_timer_closed(uv_handle_t *handle)
{
	((struct pruner *)handle->data)->timer_open = false;
}

struct pruner *pruner_close(struct pruner *pruner)
{
	if (!pruner)
		return NULL;
	uv_loop_t *loop = pruner->timer.loop;
	uv_close((uv_handle_t *)&pruner->timer, on_timer_closed);
	while (pruner->running || pruner->timer_open)
		uv_run(loop, UV_RUN_ONCE);
	free(pruner);
	return NULL;
}
