/*
 * The intake. Loop thread, but for the three functions that say otherwise.
 *
 *	begin -> check_rcpt* -> submit -+-> (file) seal and digest on a worker -+-> parser child -> writer ->
 *done
 *	                                +-> (memory) digest here, in parallel --+
 *
 * A recipient may need a look-up (token_lookup.h): RCPT_LATER, and handlers.rcpt_answered once for each.
 *
 * Always true:
 * 1. A delivery that was submitted comes back by handlers.done exactly once, from the loop and never from inside
 *    submit; also one that can't be stored, whose failure is accounted for first when the store can.
 * 2. Between the steps the task (ingest_task.h) is the only thing that moves; nobody else holds the delivery.
 * 3. The answer is DELIVERY_ACCEPTED only after COMMIT returned (store_job.done with status 0).
 * 4. What a mail says can't fail a delivery: unparsable mail goes on with what its header section gave.
 */
#include "ingest/ingest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/channel.h"
#include "base/clock.h"
#include "base/log.h"
#include "ingest/apply.h"
#include "ingest/ingest_task.h"
#include "ingest/parser.h"
#include "ingest/prune.h"
#include "ingest/rcpt.h"
#include "ingest/refusals.h"
#include "ingest/token_lookup.h"
#include "tenant/tenants.h"

#define DIGEST_PIECE       ((size_t)64 * 1024) /* octets that a worker reads at once */
#define FAILURE_AUDITS_MAX 100                 /* under way */
#define BREAKER_DEATHS     10                  /* of parser children ... */
#define BREAKER_WINDOW_MS  10000               /* ... in so long: mails wait for none */

struct ingest {
	struct ingest_conf conf;
	struct ingest_deps deps;
	struct ingest_handlers handlers;
	void *ctx;
	struct directory directory;
	struct tenants *tenants;
	struct key_ring *keys;
	struct token_lookups *lookups;
	struct parser_pool *parsers;
	struct list parsed; /* tasks; they go to the writer together, at the end of the loop's turn */
	uv_prepare_t turn_end;
	struct channel *returns; /* deliveries answered at once, out of submit's call stack */
	size_t under_way;
	struct refusals refusals;
	size_t failures_queued;
	size_t closing; /* parser pools and handles */
	struct pruner *pruner;
};

/* In order of a delivery's life. */
static void start_parse(struct ingest_task *task);
static void on_seal_run(struct work *work);
static void on_seal_done(struct work *work);
static void on_parsed(struct parse_job *job);
static int on_apply(struct store_job *job, struct store_txn *txn);
static void on_stored(struct store_job *job, int status);
static void account_failure(struct ingest_task *task, int error);
static int on_apply_failure(struct store_job *job, struct store_txn *txn);
static void on_failure_accounted(struct store_job *job, int status);
static void give_back(struct ingest_task *task, enum delivery_status status);
static void on_returns(void *ctx, struct list *items);
static void on_looked_up(void *ctx, struct token_lookup *lookup);

/* ---- tasks */

struct ingest_task *ingest_task_new(struct ingest *ingest, struct delivery *delivery)
{
	struct ingest_task *task = XNEW(struct ingest_task);
	task->ingest = ingest;
	task->delivery = delivery;
	task->keys = key_ring_ref(ingest->keys);
	snprintf(task->domain, sizeof(task->domain), "%s", ingest->directory.mail->domain);
	task->maker = (struct notice_maker){task->keys, str_from(task->domain)};
	task->quota = (struct quota_limits){
		.window_ms = ingest->conf.confirm_window_ms,
		.client_max = ingest->conf.confirm_per_client,
		.subject_max = ingest->conf.confirm_per_subject,
		.tenant_max = ingest->conf.confirm_per_tenant,
	};
	list_node_init(&task->work.link);
	list_node_init(&task->parse.link);
	list_node_init(&task->store.link);
	return task;
}

struct ingest_task *ingest_task_free(struct ingest_task *task)
{
	if (!task)
		return NULL;
	if (task->parsed)
		parse_job_done(&task->parse);
	key_ring_unref(task->keys);
	free(task);
	return NULL;
}

static enum delivery_status status_of(int error)
{
	switch (error) {
	case -ENOSPC:
	case -EDQUOT:
		return DELIVERY_NO_SPACE;
	case -EAGAIN:
	case -EBUSY: /* a report of a mail whose own outcome is not known yet */
		return DELIVERY_BUSY;
	default:
		return DELIVERY_TEMPFAIL;
	}
}

/* ---- the door's side: MAIL and RCPT */

struct delivery *ingest_begin(struct ingest *ingest)
{
	struct delivery *delivery = delivery_new();
	delivery->tenants = tenants_ref(ingest->tenants);
	return delivery;
}

static void need_reverse_path_text(struct delivery *delivery)
{
	struct envelope *envelope = &delivery->envelope;
	if (envelope->reverse_path_text.len || mailaddr_is_null(&envelope->reverse_path))
		return;
	struct strbuf text;
	strbuf_init(&text, 2 * MAILADDR_PATH_MAX + 64);
	mailaddr_print(&envelope->reverse_path, &text);
	if (arena_copy(&delivery->arena, strbuf_str(&text), &envelope->reverse_path_text) < 0)
		envelope->reverse_path_text = STR("");
	strbuf_done(&text);
}

enum rcpt_status ingest_check_rcpt(struct ingest *ingest, struct delivery *delivery,
				   const struct mailaddr *forward_path, struct rcpt_answer *ret)
{
	char folded[REPLY_TOKEN_MAX + 1];
	enum rcpt_status status =
		rcpt_check(&ingest->directory, ingest->keys, delivery, forward_path, ret, folded);
	if (status != RCPT_LATER)
		return status;
	int r = token_lookup_start(ingest->lookups, delivery, ingest->keys, forward_path, folded);
	return r == 0 ? RCPT_LATER : r == -EINVAL ? RCPT_UNKNOWN : RCPT_TEMPFAIL;
}

/* The session may have gone, and its delivery with it: then nobody is found by the id. */
static void on_looked_up(void *ctx, struct token_lookup *lookup)
{
	struct ingest *ingest = ctx;
	struct delivery *delivery = lookup->delivery;
	const struct mailaddr forward_path = {str_from(lookup->local), str_from(lookup->domain)};
	const struct rcpt_answer answer = {""};
	enum rcpt_status status = lookup->error == -ENOENT ? RCPT_UNKNOWN : RCPT_TEMPFAIL;
	token_lookup_cancel(lookup); /* the delivery may ask for another one at once */
	if (lookup->error == 0 && delivery)
		status = rcpt_token(delivery, &forward_path, &lookup->token);
	ingest->handlers.rcpt_answered(ingest->ctx, lookup->session_id, status, &answer);
}

void ingest_refused(struct ingest *ingest, const struct delivery *delivery, struct str recipient,
		    struct str reply)
{
	refusals_add(&ingest->refusals, delivery, recipient, reply);
}

/* ---- the way of a mail */

void ingest_submit(struct ingest *ingest, struct delivery *delivery)
{
	struct ingest_task *task = ingest_task_new(ingest, delivery);
	delivery->task = task;
	ingest->under_way++;
	need_reverse_path_text(delivery);
	if (!spooled_mail_in_file(delivery->mail)) {
		task->seal_status = spooled_mail_seal(delivery->mail);
		if (task->seal_status < 0)
			account_failure(task, task->seal_status);
		else
			start_parse(task);
		return;
	}
	task->work.run = on_seal_run;
	task->work.done = on_seal_done;
	int r = workers_submit(ingest->deps.workers, &task->work);
	if (r < 0)
		account_failure(task, r);
}

/* Read in pieces, not mapped: what many workers map at once would count as our memory. */
static int digest_file(struct ingest_task *task)
{
	struct delivery *delivery = task->delivery;
	struct mail_digester digester;
	char *piece = xmalloc(DIGEST_PIECE);
	off_t at = (off_t)delivery->trace_size;
	ssize_t n;
	mail_digest_begin(&digester);
	while ((n = pread(spooled_mail_fd(delivery->mail), piece, DIGEST_PIECE, at)) > 0 ||
	       (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		mail_digest_add(&digester, (struct str){piece, (size_t)n});
		at += n;
	}
	int r = n < 0 ? -errno : (size_t)at == spooled_mail_size(delivery->mail) ? 0 : -EIO;
	mail_digest_end(&digester, &task->digests);
	free(piece);
	return r;
}

/* Worker: the file and its folder reach the disk before the row that names them. */
static void on_seal_run(struct work *work)
{
	struct ingest_task *task = CONTAINER_OF(work, struct ingest_task, work);
	task->seal_status = spooled_mail_seal(task->delivery->mail);
	if (task->seal_status == 0)
		task->seal_status = digest_file(task);
}

static void on_seal_done(struct work *work)
{
	struct ingest_task *task = CONTAINER_OF(work, struct ingest_task, work);
	if (task->seal_status < 0) {
		LOG(LOG_LEVEL_ERROR, "seal-failed", lf_id("mail", task->delivery->id.text),
		    lf_err(task->seal_status));
		account_failure(task, task->seal_status);
		return;
	}
	start_parse(task);
}

static void start_parse(struct ingest_task *task)
{
	struct delivery *delivery = task->delivery;
	task->parse.mail = delivery->mail;
	task->parse.offset = delivery->trace_size;
	task->parse.digest = task->digests.content; /* filled in below, or by the worker */
	task->parse.done = on_parsed;
	int r = parser_pool_submit(task->ingest->parsers, &task->parse);
	/* a file was digested by its worker */
	if (r == 0 && !spooled_mail_in_file(delivery->mail)) {
		struct str all = spooled_mail_bytes(delivery->mail);
		mail_digest(str_sub(all, delivery->trace_size, all.len), &task->digests);
	}
	if (r < 0)
		account_failure(task, r);
}

static void on_parsed(struct parse_job *job)
{
	struct ingest_task *task = CONTAINER_OF(job, struct ingest_task, parse);
	task->parsed = true;
	if (job->status != PARSE_OK)
		LOG(LOG_LEVEL_WARN, "unparsable", lf_id("mail", task->delivery->id.text),
		    lf_cstr("status", parse_status_name(job->status)));
	if (task->seal_status < 0)
		account_failure(task, task->seal_status);
	else
		list_push_back(&task->ingest->parsed, &task->store.link);
}

/* A writer that is woken by the first of many commits it alone, and the others wait for that sync. */
static void on_turn_end(uv_prepare_t *turn_end)
{
	struct ingest *ingest = turn_end->data;
	struct list_node *node;
	while ((node = list_pop_front(&ingest->parsed))) {
		struct ingest_task *task = CONTAINER_OF(node, struct ingest_task, store.link);
		task->store.apply = on_apply;
		task->store.done = on_stored;
		task->store.repeatable = true; /* ingest_apply begins anew each time */
		int r = store_submit(ingest->deps.store, &task->store);
		if (r < 0)
			account_failure(task, r);
	}
}

/* Writer. */
static int on_apply(struct store_job *job, struct store_txn *txn)
{
	return ingest_apply(CONTAINER_OF(job, struct ingest_task, store), txn);
}

static void on_stored(struct store_job *job, int status)
{
	struct ingest_task *task = CONTAINER_OF(job, struct ingest_task, store);
	struct ingest *ingest = task->ingest;
	if (status < 0) {
		/* a report that overtook what its mail's own answer says is not a failure: it is sent again */
		if (status != -EBUSY)
			LOG(LOG_LEVEL_ERROR, "store-failed", lf_id("mail", task->delivery->id.text),
			    lf_cstr("error", store_error_text(status)));
		account_failure(task, status);
		return;
	}
	bool jobs_due = task->jobs_due;
	if (task->forward_loops)
		LOG(LOG_LEVEL_WARN, "forward-loop", lf_id("mail", task->delivery->id.text),
		    lf_int("recipients", (int64_t)task->forward_loops));
	give_back(task, DELIVERY_ACCEPTED);
	if (jobs_due && ingest->handlers.outbox)
		ingest->handlers.outbox(ingest->ctx);
}

/* ---- failures are accounted for too, when the store still can; the client hears of it either way */

static void account_failure(struct ingest_task *task, int error)
{
	struct ingest *ingest = task->ingest;
	task->seal_status = error;
	if (ingest->failures_queued < FAILURE_AUDITS_MAX && store_stats(ingest->deps.store).healthy) {
		task->store = (struct store_job){.apply = on_apply_failure, .done = on_failure_accounted};
		list_node_init(&task->store.link);
		if (store_submit(ingest->deps.store, &task->store) == 0) {
			ingest->failures_queued++;
			return;
		}
	}
	give_back(task, status_of(error));
}

/* Writer. */
static int on_apply_failure(struct store_job *job, struct store_txn *txn)
{
	struct ingest_task *task = CONTAINER_OF(job, struct ingest_task, store);
	return ingest_apply_failure(task, txn, strerrorname_np(-task->seal_status));
}

static void on_failure_accounted(struct store_job *job, int status UNUSED)
{
	struct ingest_task *task = CONTAINER_OF(job, struct ingest_task, store);
	task->ingest->failures_queued--;
	give_back(task, status_of(task->seal_status));
}

/* ---- the way back */

static void deliver_back(struct ingest *ingest, struct delivery *delivery)
{
	delivery->task = ingest_task_free(delivery->task);
	ingest->under_way--;
	ingest->handlers.done(ingest->ctx, delivery);
}

/* Success comes from a callback of the loop and is answered there; "no" may come from inside submit, so it
 * goes round. */
static void give_back(struct ingest_task *task, enum delivery_status status)
{
	struct ingest *ingest = task->ingest;
	struct delivery *delivery = task->delivery;
	delivery->status = status;
	if (status == DELIVERY_ACCEPTED)
		deliver_back(ingest, delivery);
	else
		channel_send(ingest->returns, &delivery->link);
}

static void on_returns(void *ctx, struct list *items)
{
	struct list_node *node;
	while ((node = list_pop_front(items)))
		deliver_back(ctx, CONTAINER_OF(node, struct delivery, link));
}

/* ---- open, reconfigure, close */

static unsigned children_of(const struct ingest_conf *conf)
{
	if (conf->parsers > 0)
		return (unsigned)conf->parsers;
	unsigned cores = uv_available_parallelism();
	return cores < 2 ? 2 : cores;
}

static struct parser_conf parser_conf_of(const struct ingest *ingest)
{
	const struct ingest_conf *conf = &ingest->conf;
	struct mail_limits limits = mail_limits_default;
	limits.text_max = (size_t)conf->text_max;
	limits.parts_max = (size_t)conf->mime_parts_max;
	limits.depth_max = (size_t)conf->mime_depth_max;
	limits.header_fields_max = (size_t)conf->header_fields_max;
	limits.header_field_max = (size_t)conf->header_field_max;
	limits.header_max = (size_t)conf->header_max;
	return (struct parser_conf){
		.argv0 = ingest->deps.parser_argv0,
		.children = children_of(conf),
		.queue_max = (size_t)conf->parse_queue_max,
		.deadline_ms = conf->parse_deadline_ms,
		.memory_max = conf->parser_memory,
		.limits = limits,
		.breaker_deaths = BREAKER_DEATHS,
		.breaker_window_ms = BREAKER_WINDOW_MS,
	};
}

static void use(struct ingest *ingest, const struct ingest_conf *conf, const struct mail_conf *mail,
		const struct forwards_conf *forwards, struct tenants *tenants, struct key_ring *keys)
{
	struct tenants *old = ingest->tenants;
	struct key_ring *old_keys = ingest->keys;
	ingest->conf = *conf;
	pruner_window(ingest->pruner, conf->repeat_window_ms);
	ingest->directory = (struct directory){.mail = mail, .forwards = forwards};
	ingest->tenants = tenants_ref(tenants);
	ingest->keys = key_ring_ref(keys);
	tenants_unref(old);
	key_ring_unref(old_keys);
}

int ingest_open(struct ingest **ret, const struct ingest_conf *conf, const struct mail_conf *mail,
		const struct forwards_conf *forwards, struct tenants *tenants, struct key_ring *keys,
		const struct ingest_deps *deps, const struct ingest_handlers *handlers, void *ctx)
{
	struct ingest *ingest = XNEW(struct ingest);
	ingest->deps = *deps;
	ingest->handlers = *handlers;
	ingest->ctx = ctx;
	refusals_init(&ingest->refusals, deps->store);
	list_init(&ingest->parsed);
	uv_prepare_init(deps->loop, &ingest->turn_end);
	ingest->turn_end.data = ingest;
	uv_prepare_start(&ingest->turn_end, on_turn_end);
	uv_unref((uv_handle_t *)&ingest->turn_end);
	ingest->lookups = token_lookups_open(deps->storage, deps->workers, on_looked_up, ingest);
	use(ingest, conf, mail, forwards, tenants, keys);
	struct parser_conf parser_conf = parser_conf_of(ingest);
	int r = parser_pool_open(&ingest->parsers, deps->loop, &parser_conf);
	if (r == 0)
		r = channel_open(&ingest->returns, deps->loop, on_returns, ingest);
	if (r < 0) {
		ingest_close(ingest);
		return r;
	}
	ingest->pruner = pruner_open(deps->loop, deps->store, ingest->conf.repeat_window_ms);
	*ret = ingest;
	return 0;
}

static void on_pool_closed(void *ctx)
{
	((struct ingest *)ctx)->closing--;
}

static void on_turn_end_closed(uv_handle_t *handle)
{
	((struct ingest *)handle->data)->closing--;
}

static void retire_pool(struct ingest *ingest)
{
	if (!ingest->parsers)
		return;
	ingest->closing++;
	ingest->parsers = parser_pool_close(ingest->parsers, on_pool_closed, ingest);
}

static bool parsers_differ(const struct ingest_conf *a, const struct ingest_conf *b)
{
	return a->parsers != b->parsers || a->parse_deadline_ms != b->parse_deadline_ms ||
	       a->parse_queue_max != b->parse_queue_max || a->parser_memory != b->parser_memory ||
	       a->text_max != b->text_max || a->mime_parts_max != b->mime_parts_max ||
	       a->mime_depth_max != b->mime_depth_max || a->header_fields_max != b->header_fields_max ||
	       a->header_field_max != b->header_field_max || a->header_max != b->header_max;
}

void ingest_reconfigure(struct ingest *ingest, const struct ingest_conf *conf, const struct mail_conf *mail,
			const struct forwards_conf *forwards, struct tenants *tenants, struct key_ring *keys)
{
	bool new_pool = parsers_differ(&ingest->conf, conf);
	use(ingest, conf, mail, forwards, tenants, keys);
	if (!new_pool)
		return;
	struct parser_conf parser_conf = parser_conf_of(ingest);
	struct parser_pool *fresh;
	int r = parser_pool_open(&fresh, ingest->deps.loop, &parser_conf);
	if (r < 0) {
		LOG(LOG_LEVEL_ERROR, "parsers-not-replaced", lf_id("ingest", "reconfigure"), lf_err(r));
		return;
	}
	retire_pool(ingest); /* what it has under way is finished first */
	ingest->parsers = fresh;
}

struct ingest_stats ingest_stats(const struct ingest *ingest)
{
	struct parser_stats parsers = parser_pool_stats(ingest->parsers);
	return (struct ingest_stats){
		.under_way = ingest->under_way,
		.parsing = parsers.under_way,
		.waiting = parsers.waiting,
		.parsed = parsers.parsed,
		.unparsable = parsers.unparsable,
		.children = parsers.children,
		.children_died = parsers.died,
		.parse_us_max = parsers.us_max,
		.over_deadline = parsers.over_deadline,
		.remembered = parsers.remembered,
		.untried = parsers.untried,
		.breaker_opened = parsers.breaker_opened,
		.breaker_open = parsers.breaker_open,
		.refusals_not_recorded = ingest->refusals.dropped,
	};
}

struct ingest *ingest_close(struct ingest *ingest)
{
	if (!ingest)
		return NULL;
	uv_loop_t *loop = ingest->deps.loop;
	while (ingest->under_way || ingest->refusals.queued || token_lookups_under_way(ingest->lookups))
		uv_run(loop, UV_RUN_ONCE);
	ingest->pruner = pruner_close(ingest->pruner);
	retire_pool(ingest);
	ingest->closing++;
	uv_close((uv_handle_t *)&ingest->turn_end, on_turn_end_closed);
	while (ingest->closing)
		uv_run(loop, UV_RUN_ONCE);
	channel_close(ingest->returns);
	token_lookups_close(ingest->lookups);
	tenants_unref(ingest->tenants);
	key_ring_unref(ingest->keys);
	free(ingest);
	return NULL;
}
