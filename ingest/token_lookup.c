/*
 * One reader, so one batch of look-ups at a time on a worker; what comes meanwhile waits for the next. Always true:
 *
 * 1. A look-up is in `waiting` (the loop's) or in `batch` (the worker's, while `running`), and is freed after its
 *    done().
 * 2. The worker touches the batch's look-ups but neither their deliveries nor their links.
 * 3. delivery->lookup and lookup->delivery point at each other or are both NULL.
 */
#include "ingest/token_lookup.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "storage/reply_address.h"

struct token_lookups {
	struct storage_conf storage;
	char *data_dir;
	struct workers *workers;
	token_lookup_fn *done;
	void *ctx;
	struct reader *reader; /* the worker's */
	struct work work;
	bool running;
	struct list waiting, batch;
	size_t under_way;
};

static int run_batch(struct token_lookups *lookups);
static void on_run(struct work *work);
static void on_done(struct work *work);

struct token_lookups *token_lookups_open(const struct storage_conf *storage, struct workers *workers,
					 token_lookup_fn *done, void *ctx)
{
	struct token_lookups *lookups = XNEW(struct token_lookups);
	lookups->data_dir = xstrdup(storage->data_dir);
	lookups->storage = *storage;
	lookups->storage.data_dir = lookups->data_dir;
	lookups->workers = workers;
	lookups->done = done;
	lookups->ctx = ctx;
	lookups->work = (struct work){.run = on_run, .done = on_done};
	list_node_init(&lookups->work.link);
	list_init(&lookups->waiting);
	list_init(&lookups->batch);
	return lookups;
}

struct token_lookups *token_lookups_close(struct token_lookups *lookups)
{
	if (!lookups)
		return NULL;
	reader_close(lookups->reader);
	free(lookups->data_dir);
	free(lookups);
	return NULL;
}

size_t token_lookups_under_way(const struct token_lookups *lookups)
{
	return lookups->under_way;
}

/* ---- asking */

static void copy_to(char *to, struct str from)
{
	if (from.len)
		memcpy(to, from.ptr, from.len);
	to[from.len] = 0;
}

static struct token_lookup *lookup_free(struct token_lookup *lookup)
{
	token_lookup_cancel(lookup);
	key_ring_unref(lookup->keys);
	free(lookup);
	return NULL;
}

int token_lookup_start(struct token_lookups *lookups, struct delivery *delivery, struct key_ring *keys,
		       const struct mailaddr *forward_path, const char *folded)
{
	if (forward_path->local.len > MAILADDR_LOCAL_MAX || forward_path->domain.len > MAILADDR_DOMAIN_MAX)
		return -EINVAL;
	if (lookups->under_way >= TOKEN_LOOKUPS_MAX || delivery->lookup)
		return -EAGAIN;
	struct token_lookup *lookup = XNEW(struct token_lookup);
	list_node_init(&lookup->link);
	lookup->session_id = delivery->session_id;
	lookup->keys = key_ring_ref(keys);
	copy_to(lookup->local, forward_path->local);
	copy_to(lookup->domain, forward_path->domain);
	copy_to(lookup->folded, str_sub(str_from(folded), 0, REPLY_TOKEN_MAX));
	list_push_back(&lookups->waiting, &lookup->link);
	int r = run_batch(lookups);
	if (r < 0) {
		list_remove(&lookup->link);
		lookup_free(lookup);
		return r;
	}
	lookup->delivery = delivery;
	delivery->lookup = lookup;
	lookups->under_way++;
	return 0;
}

struct token_lookup *token_lookup_cancel(struct token_lookup *lookup)
{
	if (lookup && lookup->delivery) {
		lookup->delivery->lookup = NULL;
		lookup->delivery = NULL;
	}
	return NULL;
}

/* ---- the worker's side */

static int run_batch(struct token_lookups *lookups)
{
	if (lookups->running || list_empty(&lookups->waiting))
		return 0;
	list_splice_back(&lookups->batch, &lookups->waiting);
	int r = workers_submit(lookups->workers, &lookups->work);
	if (r < 0) {
		list_splice_back(&lookups->waiting, &lookups->batch);
		return r;
	}
	lookups->running = true;
	return 0;
}

/* Two tokens may have one folded form; each that was handed out is looked at until one fits. */
static bool on_address(void *ctx, struct str slug, int64_t ticket_number, int64_t participant)
{
	struct token_lookup *lookup = ctx;
	struct reply_token token = {.ticket = ticket_number, .participant = participant};
	if (slug.len > SLUG_MAX)
		return true;
	copy_to(token.slug, slug);
	if (!reply_token_is_folded(lookup->keys, str_from(lookup->folded), &token))
		return true;
	lookup->token = token;
	lookup->error = 0;
	return false;
}

static void look_up(struct token_lookups *lookups, struct token_lookup *lookup)
{
	struct conf_error err = {""};
	int r = lookups->reader ? 0 : reader_open(&lookups->reader, &lookups->storage, &err);
	lookup->error = -ENOENT;
	if (r == 0)
		r = reader_reply_addresses(lookups->reader, str_from(lookup->folded), on_address, lookup);
	if (r < 0 && r != -ENOENT) {
		LOG(LOG_LEVEL_ERROR, "token-lookup-failed", lf_id("ingest", "rcpt"), lf_err(r));
		lookup->error = r;
		lookups->reader = reader_close(lookups->reader); /* the next one begins anew */
	}
}

static void on_run(struct work *work)
{
	struct token_lookups *lookups = CONTAINER_OF(work, struct token_lookups, work);
	LIST_FOREACH(node, &lookups->batch)
		look_up(lookups, CONTAINER_OF(node, struct token_lookup, link));
}

/* ---- bringing back */

static void bring_back(struct token_lookups *lookups, struct list *found)
{
	struct list_node *node;
	while ((node = list_pop_front(found))) {
		struct token_lookup *lookup = CONTAINER_OF(node, struct token_lookup, link);
		lookups->under_way--;
		lookups->done(lookups->ctx, lookup);
		lookup_free(lookup);
	}
}

static void on_done(struct work *work)
{
	struct token_lookups *lookups = CONTAINER_OF(work, struct token_lookups, work);
	struct list found;
	list_init(&found);
	list_splice_back(&found, &lookups->batch);
	lookups->running = false;
	int r = run_batch(lookups);
	if (r < 0) {
		LIST_FOREACH(node, &lookups->waiting)
			CONTAINER_OF(node, struct token_lookup, link)->error = r;
		list_splice_back(&found, &lookups->waiting);
	}
	bring_back(lookups, &found);
}
