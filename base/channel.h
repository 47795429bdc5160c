/*
 * Hands objects from any thread to the loop, in order (after h2o's multithread queue).
 *
 * channel_send() moves the item: the sender does not touch it again. on_items runs on the loop with
 * everything that has come (a wake-up means "look in the queue", never "one thing came"); it takes the items
 * out of the list it is given. The wake-up is sent after unlocking, and only when the queue was empty, so a
 * busy sender costs no system calls.
 */
#ifndef SERVELO_BASE_CHANNEL_H
#define SERVELO_BASE_CHANNEL_H

#include <uv.h>

#include "base/list.h"

struct channel;
typedef void channel_fn(void *ctx, struct list *items);

/* Loop thread. Negative errno. */
int channel_open(struct channel **ret, uv_loop_t *loop, channel_fn *on_items, void *ctx);
/* Any thread. */
void channel_send(struct channel *channel, struct list_node *item);
/* Any thread: all of items in one go; items is empty afterwards. */
void channel_send_all(struct channel *channel, struct list *items);
/* Loop thread; no sender may be left. What was queued is delivered first. NULL is fine; returns NULL. */
struct channel *channel_close(struct channel *channel);

#endif
