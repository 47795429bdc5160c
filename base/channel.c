/*
 * Hands objects from any thread to the loop (after h2o's multithread queue).
 *
 *	sender:  lock, push, was it empty?, unlock, uv_async_send if it was
 *	loop:    lock, take all, unlock, on_items
 *
 * Always true:
 *  1. The queue is touched under the lock only; on_items runs without it, so it may send again.
 *  2. Whoever makes the queue non-empty wakes the loop, after unlocking; libuv may merge wake-ups, which
 *     loses nothing because one takes everything that is there.
 *  3. The uv handle lives in the channel; memory is freed when libuv has let go of the handle.
 */
#include "base/channel.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"

struct channel {
	uv_async_t async;
	pthread_mutex_t lock;
	struct list queue;
	channel_fn *on_items;
	void *ctx;
};

static void on_wakeup(uv_async_t *async);
static void on_closed(uv_handle_t *handle);

int channel_open(struct channel **ret, uv_loop_t *loop, channel_fn *on_items, void *ctx)
{
	struct channel *channel = XNEW(struct channel);
	int r = uv_async_init(loop, &channel->async, on_wakeup);
	if (r < 0) {
		free(channel);
		return r;
	}
	pthread_mutex_init(&channel->lock, NULL);
	list_init(&channel->queue);
	channel->on_items = on_items;
	channel->ctx = ctx;
	*ret = channel;
	return 0;
}

void channel_send(struct channel *channel, struct list_node *item)
{
	pthread_mutex_lock(&channel->lock);
	bool was_empty = list_empty(&channel->queue);
	list_push_back(&channel->queue, item);
	pthread_mutex_unlock(&channel->lock);
	if (was_empty)
		uv_async_send(&channel->async);
}

void channel_send_all(struct channel *channel, struct list *items)
{
	if (list_empty(items))
		return;
	pthread_mutex_lock(&channel->lock);
	bool was_empty = list_empty(&channel->queue);
	list_splice_back(&channel->queue, items);
	pthread_mutex_unlock(&channel->lock);
	if (was_empty)
		uv_async_send(&channel->async);
}

static void channel_deliver(struct channel *channel)
{
	struct list items;
	list_init(&items);
	pthread_mutex_lock(&channel->lock);
	list_splice_back(&items, &channel->queue);
	pthread_mutex_unlock(&channel->lock);
	if (!list_empty(&items))
		channel->on_items(channel->ctx, &items);
}

static void on_wakeup(uv_async_t *async)
{
	channel_deliver(CONTAINER_OF(async, struct channel, async));
}

static void on_closed(uv_handle_t *handle)
{
	struct channel *channel = CONTAINER_OF((uv_async_t *)(void *)handle, struct channel, async);
	pthread_mutex_destroy(&channel->lock);
	free(channel);
}

struct channel *channel_close(struct channel *channel)
{
	if (!channel)
		return NULL;
	channel_deliver(channel);
	uv_close((uv_handle_t *)&channel->async, on_closed);
	return NULL;
}
