/*
 * A bounded pool of worker threads for what may block or take long: syncing a big spool file, reading a
 * database for the control socket, composing. Its own pool and not uv_queue_work(): libuv's threads are
 * shared with name lookup and file calls, and its queue has no bound.
 *
 * Embed struct work. run() is called on a worker, then done() on the loop, exactly once each. Stacks are 8
 * MiB.
 */
#ifndef SERVELO_BASE_WORKERS_H
#define SERVELO_BASE_WORKERS_H

#include <uv.h>

#include "base/list.h"

struct workers;

struct work {
	struct list_node link;
	void (*run)(struct work *work);
	void (*done)(struct work *work);
};

/* Loop thread. threads >= 1, queue_max bounds what waits (not what runs). Negative errno. */
int workers_open(struct workers **ret, uv_loop_t *loop, unsigned threads, size_t queue_max);
/* Loop thread. Moves the work; -EAGAIN when the queue is full (nothing was moved). */
int workers_submit(struct workers *workers, struct work *work) MUST_CHECK;
/* Loop thread. Finishes what was submitted, delivers every done(), joins. NULL is fine; returns NULL. */
struct workers *workers_close(struct workers *workers);

#endif
