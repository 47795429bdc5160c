/*
 * The pool of parser children, seen from the server.
 *
 *	submit -> queue --(a child at ease)-----> slots[] --(socket)--> child
 *	             retry --(a child of its own)-^            done <-- answer, in order
 *
 * Always true:
 *  1. A job is in exactly one place: queue, retry, or one child's slots; done() is called once, never from
 *     submit.
 *  2. Mails go to READY children only: one that dies while it starts is no mail's fault.
 *  3. What a dead child had not answered is retried alone: a job with `alone` set has its child for itself, so
 *     if that dies too, we know who did it. A child that hangs with one mail needs no second proof.
 *  4. While the breaker is open no job waits: all but the probe are done at the end of the turn.
 *
 * Submitting only wakes an idle handle: all mails of one turn of the loop are sent together at its end.
 * Loop thread.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "ingest/mail_wire.h"
#include "ingest/parser_private.h"

#define EASY_MAILS    16u                  /* under way at a child that answers within a moment */
#define EASY_LOAD     ((size_t)128 * 1024) /* octets of them */
#define EASY_US       2000                 /* what its oldest mail may have taken so far */
#define STILLBORN_MAX 5 /* starts in a row that failed, of every child: about a third of a second */

static void on_idle(uv_idle_t *idle);
static void pool_distribute(struct parser_pool *pool);
static void pool_check_done(struct parser_pool *pool);

int parser_pool_open(struct parser_pool **ret, uv_loop_t *loop, const struct parser_conf *conf)
{
	assert(conf->children > 0);
	if (access(conf->argv0, X_OK) < 0)
		return -errno;
	struct parser_pool *pool = xcalloc(1, sizeof(*pool) + conf->children * sizeof(struct parser_process));
	pool->loop = loop;
	pool->conf = *conf;
	pool->argv0 = xstrdup(conf->argv0);
	pool->children_n = conf->children;
	parser_breaker_init(&pool->breaker, conf->breaker_deaths, conf->breaker_window_ms);
	pool->crashed = crashed_mails_new();
	list_init(&pool->queue);
	list_init(&pool->retry);
	uv_idle_init(loop, &pool->idle);
	pool->idle.data = pool;
	pool->handles = 1;
	for (unsigned i = 0; i < pool->children_n; i++) {
		struct parser_process *child = &pool->children[i];
		child->pool = pool;
		child->fd = -1;
		strbuf_init(&child->in,
			    sizeof(struct frame) + mail_wire_size_max(&conf->limits) + PARSER_READ_SIZE);
		uv_timer_init(loop, &child->timer);
		child->timer.data = child;
		pool->handles++;
		parser_process_start(child);
	}
	*ret = pool;
	return 0;
}

int parser_pool_submit(struct parser_pool *pool, struct parse_job *job)
{
	assert(!pool->closing);
	if (pool->queue_n >= pool->conf.queue_max)
		return -EAGAIN;
	job->alone = job->probe = false;
	job->parsed = NULL;
	job->block = NULL;
	job->parse_us = 0;
	list_push_back(&pool->queue, &job->link);
	pool->queue_n++;
	parser_pool_wake(pool);
	return 0;
}

struct parser_stats parser_pool_stats(const struct parser_pool *pool)
{
	struct parser_stats stats = pool->stats;
	stats.waiting = pool->queue_n + pool->retry_n;
	stats.under_way = pool->under_way;
	stats.breaker_opened = pool->breaker.opened;
	stats.breaker_open = pool->breaker.open;
	stats.children = 0;
	for (unsigned i = 0; i < pool->children_n; i++)
		stats.children += pool->children[i].state == CHILD_READY;
	return stats;
}

struct parser_pool *parser_pool_close(struct parser_pool *pool, void (*on_closed)(void *ctx), void *ctx)
{
	if (pool == NULL)
		return NULL;
	pool->closing = true;
	pool->on_closed = on_closed;
	pool->closed_ctx = ctx;
	parser_pool_wake(pool);
	return NULL;
}

void parser_pool_wake(struct parser_pool *pool)
{
	if (!pool->retiring)
		uv_idle_start(&pool->idle, on_idle);
}

static void on_idle(uv_idle_t *idle)
{
	struct parser_pool *pool = idle->data;
	uv_idle_stop(idle);
	pool_distribute(pool);
	for (unsigned i = 0; i < pool->children_n; i++) {
		struct parser_process *child = &pool->children[i];
		if (child->state == CHILD_READY && child->sent_n < child->n && !child->waits_for_room)
			parser_process_write(child);
	}
	pool_check_done(pool);
}

static bool child_has_room(const struct parser_process *child, size_t size)
{
	if (child->state != CHILD_READY || child->n == FRAMES_UNDER_WAY)
		return false;
	if (child->n > 0 && child->slots[child->first].job->alone)
		return false;
	return child->n == 0 || child->load + size <= PARSER_LOAD_MAX;
}

static struct parser_process *least_loaded(struct parser_pool *pool, const struct parser_process *not_this)
{
	struct parser_process *best = NULL;
	for (unsigned i = 0; i < pool->children_n; i++) {
		struct parser_process *child = &pool->children[i];
		if (child == not_this || child->state != CHILD_READY)
			continue;
		if (best == NULL || child->load < best->load ||
		    (child->load == best->load && child->n < best->n))
			best = child;
	}
	return best;
}

/* Answers at once, as far as can be told: what it is given now is answered within a moment. */
static bool child_at_ease(const struct parser_process *child, size_t size, int64_t now_us)
{
	if (child->n == 0)
		return true;
	return child->n < EASY_MAILS && child->load + size <= EASY_LOAD &&
	       now_us - child->oldest_since_us < EASY_US;
}

/* The first child that is at ease, else the least loaded one. A child that is awake takes one more mail for nothing,
 * while waking another costs more than a small mail's parse; so it is the load that brings in the others. */
static struct parser_process *best_child(struct parser_pool *pool, const struct parser_process *not_this,
					 size_t size)
{
	int64_t now_us = clock_mono_us();
	for (unsigned i = 0; i < pool->children_n; i++) {
		struct parser_process *child = &pool->children[i];
		if (child != not_this && child_has_room(child, size) && child_at_ease(child, size, now_us))
			return child;
	}
	return least_loaded(pool, not_this);
}

/* The same mail killed a child before: it is not given another. True: it is done. */
static bool done_as_known(struct parser_pool *pool, struct parse_job *job)
{
	if (job->digest == NULL || !crashed_mails_has(pool->crashed, job->digest))
		return false;
	pool->stats.remembered++;
	parser_job_unparsed(pool, job, PARSE_CRASHED);
	return true;
}

/* Retries first: each needs an empty child, so while some wait, the emptiest child gets nothing else. */
static void distribute(struct parser_pool *pool)
{
	const struct parser_process *reserved = NULL;
	while (!list_empty(&pool->retry)) {
		struct parser_process *child = least_loaded(pool, NULL);
		reserved = child;
		if (child == NULL || child->n > 0)
			break;
		struct parse_job *job = CONTAINER_OF(list_pop_front(&pool->retry), struct parse_job, link);
		pool->retry_n--;
		reserved = NULL;
		if (!done_as_known(pool, job))
			parser_process_take(child, job);
	}
	while (!list_empty(&pool->queue)) {
		struct parse_job *job = CONTAINER_OF(pool->queue.head.next, struct parse_job, link);
		struct parser_process *child = best_child(pool, reserved, parser_job_size(job));
		if (child == NULL || !child_has_room(child, parser_job_size(job)))
			break;
		list_remove(&job->link);
		pool->queue_n--;
		if (!done_as_known(pool, job))
			parser_process_take(child, job);
	}
}

/* What waits, all of it; the new ones first. */
static void take_waiting(struct parser_pool *pool, struct list *ret)
{
	list_init(ret);
	list_splice_back(ret, &pool->queue);
	list_splice_back(ret, &pool->retry);
	pool->queue_n = pool->retry_n = 0;
}

/* An empty child, and a mail that nothing is known of: they may try. */
static bool try_probe(struct parser_pool *pool, struct parse_job *job)
{
	struct parser_process *child = least_loaded(pool, NULL);
	if (child == NULL || child->n > 0 || !parser_breaker_may_probe(&pool->breaker, clock_mono_ms()))
		return false;
	parser_breaker_probe(&pool->breaker);
	job->alone = job->probe = true;
	parser_process_take(child, job);
	return true;
}

/* Nobody waits for children that die by the dozen. */
static void distribute_nothing(struct parser_pool *pool)
{
	struct list waiting;
	struct list_node *node;
	take_waiting(pool, &waiting);
	while ((node = list_pop_front(&waiting)) != NULL) {
		struct parse_job *job = CONTAINER_OF(node, struct parse_job, link);
		if (done_as_known(pool, job) || try_probe(pool, job))
			continue;
		pool->stats.untried++;
		parser_job_unparsed(pool, job, PARSE_FAILED);
	}
}

static void pool_distribute(struct parser_pool *pool)
{
	if (pool->breaker.open)
		distribute_nothing(pool);
	else
		distribute(pool);
}

void parser_pool_death(struct parser_pool *pool)
{
	if (parser_breaker_death(&pool->breaker, clock_mono_ms()))
		LOG(LOG_LEVEL_ERROR, "parsers-rest", lf_id("ingest", "parsers"),
		    lf_int("died", pool->stats.died), lf_int("within_ms", pool->conf.breaker_window_ms));
}

void parser_pool_probed(struct parser_pool *pool, struct parse_job *job, bool answered)
{
	if (!job->probe)
		return;
	job->probe = false;
	if (parser_breaker_probed(&pool->breaker, answered, clock_mono_ms()))
		LOG(LOG_LEVEL_WARN, "parsers-work-again", lf_id("ingest", "parsers"),
		    lf_int("untried", pool->stats.untried));
}

static void pool_check_done(struct parser_pool *pool)
{
	if (!pool->closing || pool->retiring || pool->queue_n + pool->retry_n + pool->under_way > 0)
		return;
	pool->retiring = true;
	uv_close((uv_handle_t *)&pool->idle, parser_pool_handle_closed);
	for (unsigned i = 0; i < pool->children_n; i++) {
		struct parser_process *child = &pool->children[i];
		if (child->state == CHILD_STARTING || child->state == CHILD_READY)
			parser_process_end(child);
		else if (child->state == CHILD_PAUSED)
			parser_process_gone(child);
	}
}

/* No child is READY, and none is likely to be. */
static bool pool_hopeless(const struct parser_pool *pool)
{
	for (unsigned i = 0; i < pool->children_n; i++) {
		const struct parser_process *child = &pool->children[i];
		if (child->state == CHILD_READY || (!pool->closing && child->stillborn < STILLBORN_MAX))
			return false;
	}
	return true;
}

void parser_pool_child_missing(struct parser_pool *pool)
{
	if (!pool_hopeless(pool))
		return;
	struct list waiting;
	struct list_node *node;
	take_waiting(pool, &waiting);
	while ((node = list_pop_front(&waiting)) != NULL)
		parser_job_unparsed(pool, CONTAINER_OF(node, struct parse_job, link), PARSE_FAILED);
	parser_pool_wake(pool);
}

void parser_pool_handle_closed(uv_handle_t *handle)
{
	struct parser_pool *pool =
		handle->type == UV_IDLE ? handle->data : ((struct parser_process *)handle->data)->pool;
	if (--pool->handles > 0)
		return;
	void (*on_closed)(void *ctx) = pool->on_closed;
	void *ctx = pool->closed_ctx;
	for (unsigned i = 0; i < pool->children_n; i++)
		strbuf_done(&pool->children[i].in);
	crashed_mails_free(pool->crashed);
	free(pool->argv0);
	free(pool);
	if (on_closed)
		on_closed(ctx);
}
