/*
 * A bounded pool of worker threads.
 *
 *	loop: submit -> waiting -> worker: run -> channel -> loop: done
 *
 * Always true:
 *  1. waiting_n is the length of waiting, and never above queue_max; both are touched under the lock only.
 *  2. A work is in exactly one place: waiting, in a worker's hands, in the channel, or handed back.
 *  3. Each submitted work gets run() once, then done() once; also when the pool closes. What a done() would
 *     submit while it closes is refused like work for a full queue.
 */
#include "base/workers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/channel.h"

#define STACK_SIZE ((size_t)8 * 1024 * 1024)

struct workers {
	struct channel *results;
	pthread_mutex_t lock;
	pthread_cond_t work_or_end;
	struct list waiting;
	size_t waiting_n, queue_max;
	bool ending;
	unsigned threads_n;
	pthread_t threads[];
};

static int start_threads(struct workers *workers, unsigned threads);
static void *worker_main(void *arg);
static void on_results(void *ctx, struct list *items);

int workers_open(struct workers **ret, uv_loop_t *loop, unsigned threads, size_t queue_max)
{
	struct workers *workers = xcalloc(1, sizeof(*workers) + threads * sizeof(workers->threads[0]));
	int r = channel_open(&workers->results, loop, on_results, NULL);
	if (r < 0) {
		free(workers);
		return r;
	}
	pthread_mutex_init(&workers->lock, NULL);
	pthread_cond_init(&workers->work_or_end, NULL);
	list_init(&workers->waiting);
	workers->queue_max = queue_max;
	r = start_threads(workers, threads);
	if (r < 0) {
		workers_close(workers);
		return r;
	}
	*ret = workers;
	return 0;
}

/* Signals belong to the loop: workers start with all of them blocked. */
static int start_threads(struct workers *workers, unsigned threads)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int r = 0;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (r == 0 && workers->threads_n < threads) {
		r = pthread_create(&workers->threads[workers->threads_n], &attr, worker_main, workers);
		if (r == 0)
			workers->threads_n++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -r;
}

int workers_submit(struct workers *workers, struct work *work)
{
	pthread_mutex_lock(&workers->lock);
	bool full = workers->ending || workers->waiting_n >= workers->queue_max;
	if (!full) {
		list_push_back(&workers->waiting, &work->link);
		workers->waiting_n++;
		pthread_cond_signal(&workers->work_or_end);
	}
	pthread_mutex_unlock(&workers->lock);
	return full ? -EAGAIN : 0;
}

/* The next work, or NULL when the pool ends and nothing waits any more. */
static struct work *next_work(struct workers *workers)
{
	pthread_mutex_lock(&workers->lock);
	while (list_empty(&workers->waiting) && !workers->ending)
		pthread_cond_wait(&workers->work_or_end, &workers->lock);
	struct list_node *node = list_pop_front(&workers->waiting);
	if (node)
		workers->waiting_n--;
	pthread_mutex_unlock(&workers->lock);
	return node ? CONTAINER_OF(node, struct work, link) : NULL;
}

static void *worker_main(void *arg)
{
	struct workers *workers = arg;
	struct work *work;
	while ((work = next_work(workers))) {
		work->run(work);
		channel_send(workers->results, &work->link);
	}
	return NULL;
}

static void on_results(void *ctx UNUSED, struct list *items)
{
	struct list_node *node;
	while ((node = list_pop_front(items))) {
		struct work *work = CONTAINER_OF(node, struct work, link);
		work->done(work);
	}
}

struct workers *workers_close(struct workers *workers)
{
	if (!workers)
		return NULL;
	pthread_mutex_lock(&workers->lock);
	workers->ending = true;
	pthread_cond_broadcast(&workers->work_or_end);
	pthread_mutex_unlock(&workers->lock);
	for (unsigned i = 0; i < workers->threads_n; i++)
		pthread_join(workers->threads[i], NULL);
	channel_close(workers->results);
	pthread_cond_destroy(&workers->work_or_end);
	pthread_mutex_destroy(&workers->lock);
	free(workers);
	return NULL;
}
