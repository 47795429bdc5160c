/*
 * The pool of parser children, seen from the server.
 *
 *	submit -> queue --(least loaded child)--> slots[] --(socket)--> child
 *	             retry --(a child of its own)-^            done <-- answer, in order
 *
 * Always true:
 *  1. A job is in exactly one place: queue, retry, or one child's slots; done() is called once, never from
 *     submit.
 *  2. Mails go to READY children only: one that dies while it starts is no mail's fault.
 *  3. What a dead child had not answered is retried alone: a job with `alone` set has its child for itself, so
 *     if that dies too, we know who did it. A child that hangs with one mail needs no second proof.
 *
 * Submitting only wakes an idle handle: all mails of one turn of the loop are sent together at its end.
 * Loop thread.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "ingest/mail_wire.h"
#include "ingest/parser_private.h"

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
	job->alone = false;
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

/* Retries first: each needs an empty child, so while some wait, the emptiest child gets nothing else. */
static void pool_distribute(struct parser_pool *pool)
{
	const struct parser_process *reserved = NULL;
	while (!list_empty(&pool->retry)) {
		struct parser_process *child = least_loaded(pool, NULL);
		reserved = child;
		if (child == NULL || child->n > 0)
			break;
		struct list_node *node = list_pop_front(&pool->retry);
		pool->retry_n--;
		parser_process_take(child, CONTAINER_OF(node, struct parse_job, link));
		reserved = NULL;
	}
	while (!list_empty(&pool->queue)) {
		struct parse_job *job = CONTAINER_OF(pool->queue.head.next, struct parse_job, link);
		struct parser_process *child = least_loaded(pool, reserved);
		if (child == NULL || !child_has_room(child, parser_job_size(job)))
			break;
		list_remove(&job->link);
		pool->queue_n--;
		parser_process_take(child, job);
	}
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
	list_init(&waiting);
	list_splice_back(&waiting, &pool->retry);
	list_splice_back(&waiting, &pool->queue);
	pool->retry_n = pool->queue_n = 0;
	struct list_node *node;
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
	free(pool->argv0);
	free(pool);
	if (on_closed)
		on_closed(ctx);
}
