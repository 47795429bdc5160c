/*
 * Claimed jobs become mails: a batch in one work, one work at a time, in order. It stops when enough octets are held;
 * what is left of the batch is the next one's. Loop thread; run() on a worker, where the lists and the reader are its own.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "outbound/outbound_private.h"
#include "storage/reader.h"

#define OUTGOING_MAX ((size_t)96 * 1024 * 1024) /* octets of one job's texts; a mail's size limits them */
#define BATCH_MAX    16                         /* so that the first ones are sent while others are made */

_Static_assert(OUTBOUND_ATTACHMENTS_MAX / 57 * 78 + 6 * 1024 * 1024 < COMPOSED_MAX,
	       "files of the largest size, in lines of base64, and texts fit into a mail");

static void making_run(struct work *work);
static void making_done(struct work *work);
static void take_batch(struct outbound *outbound);

void outbound_make(struct outbound *outbound)
{
	struct outbound_making *making = &outbound->making;
	if (making->under_way || list_empty(&outbound->claimed) || outbound->held >= OUTBOUND_HELD_MAX ||
	    clock_mono_ms() < making->not_before_ms)
		return;
	take_batch(outbound);
	making->work = (struct work){.run = making_run, .done = making_done};
	making->held_max = OUTBOUND_HELD_MAX - outbound->held;
	making->now_ms = clock_now_ms();
	if (workers_submit(outbound->deps.workers, &making->work) == 0) {
		making->under_way = true;
		return;
	}
	list_splice_back(&making->todo, &outbound->claimed);
	list_splice_back(&outbound->claimed, &making->todo);
	making->setup = outbound_setup_unref(making->setup);
	making->not_before_ms = clock_mono_ms() + OUTBOUND_BUSY_MS;
}

/* Those with the same settings. */
static void take_batch(struct outbound *outbound)
{
	struct outbound_making *making = &outbound->making;
	list_init(&making->todo);
	list_init(&making->made);
	size_t n = 0;
	LIST_FOREACH_SAFE(node, tmp, &outbound->claimed) {
		struct outbound_job *job = CONTAINER_OF(node, struct outbound_job, link);
		if (!making->setup)
			making->setup = outbound_setup_ref(job->setup);
		if (job->setup != making->setup || n++ == BATCH_MAX)
			return;
		list_remove(node);
		list_push_back(&making->todo, node);
	}
}

/* ---- on a worker */

static int make_mail(struct outbound_making *making, struct outbound_job *job)
{
	const struct outbound_setup *setup = making->setup;
	const struct outbound_deps *deps = &making->outbound->deps;
	const struct composer composer = {
		.keys = setup->keys,
		.domain = setup->domain,
		.hostname = setup->hostname,
		.templates = setup->templates,
		.attachment = deps->attachment,
		.attachment_ctx = deps->attachment_ctx,
		.attachments_max = setup->attachments_max,
		.now_ms = making->now_ms,
	};
	struct arena arena;
	struct outgoing outgoing;
	arena_init(&arena, OUTGOING_MAX);
	int r = reader_outgoing(making->reader, job->row.id, &arena, &outgoing);
	if (r == 0)
		r = compose(&composer, making->reader, &outgoing, &job->composed, &job->error_text);
	else if (r == -ENOENT) {
		job->error_text = "what it is about is not there";
		r = -EINVAL;
	}
	if (r == 0)
		r = outbound_job_mail(job);
	arena_done(&arena);
	return r;
}

static void making_run(struct work *work)
{
	struct outbound_making *making = CONTAINER_OF(work, struct outbound_making, work);
	struct conf_error error;
	size_t held = 0;
	int r = 0;
	if (!making->reader)
		r = reader_open(&making->reader, &making->outbound->storage, &error);
	while (!list_empty(&making->todo) && held < making->held_max) {
		struct list_node *node = list_pop_front(&making->todo);
		struct outbound_job *job = CONTAINER_OF(node, struct outbound_job, link);
		/* -EINVAL is for the job alone to say */
		job->error = r == 0 ? make_mail(making, job) : r == -EINVAL ? -EIO : r;
		held += job->held;
		list_push_back(&making->made, node);
	}
}

/* ---- back on the loop */

static void not_made(struct outbound_job *job)
{
	outcome_not_made(&job->row, job->error, job->error_text, clock_now_ms(), job->why, &job->settlement);
	if (job->settlement.state == OUTBOX_DUE) /* else "mail-failed" says so */
		LOG(LOG_LEVEL_WARN, "mail-not-made", lf_int("job", job->row.id.v),
		    lf_cstr("kind", outbox_kind_name(job->row.kind)), lf_cstr("why", job->why));
	job->outbound->unsent_n--;
	outbound_settle_later(job);
}

static void making_done(struct work *work)
{
	struct outbound_making *making = CONTAINER_OF(work, struct outbound_making, work);
	struct outbound *outbound = making->outbound;
	making->under_way = false;
	making->setup = outbound_setup_unref(making->setup);
	for (struct list_node *node; (node = list_pop_front(&making->made));) {
		struct outbound_job *job = CONTAINER_OF(node, struct outbound_job, link);
		outbound->held += job->held;
		if (job->error < 0)
			not_made(job);
		else
			list_push_back(&outbound->ready, &job->link);
	}
	list_splice_back(&making->todo, &outbound->claimed);
	list_splice_back(&outbound->claimed, &making->todo);
	outbound_kick(outbound);
}
