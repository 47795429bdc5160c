/*
 * A helpdesk without doors, for tests of what a mail does: real store, real tenants and keys, mails as plain data.
 *
 *	struct desk *desk = desk_open();
 *	desk_post(desk, &(struct post){.to = {"acme"}, .from = "jane@example.org", .text = "It smokes."});
 *	assert_string_equal(desk->said, "created ticket=ACME-00001");
 *	assert_string_equal(desk_jobs(desk), "notify_ticket>team@acme.example/2 confirm>jane@example.org/1");
 *
 * acme's admin is admin@acme.example and its team reads at team@acme.example; beta's admin is admin@beta.example.
 */
#ifndef SERVELO_TESTS_INGEST_DESK_H
#define SERVELO_TESTS_INGEST_DESK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "ingest/apply.h"
#include "ingest/rcpt.h"
#include "ingest/route.h"
#include "storage/participant.h"
#include "storage/reader.h"
#include "tenant/reply_token.h"

#define DOMAIN "serveloapp.com"

struct desk {
	char folder[64];
	struct storage_conf storage;
	struct mail_conf mail;
	struct conf_pair forward;
	struct forwards_conf forwards;
	struct tenant_conf tenant_defaults;
	struct store *store;
	struct spool *spool;
	struct reader *reader;
	struct tenants *tenants;
	struct key_ring *keys;
	struct quota_limits quota;
	int64_t jobs_seen; /* the newest job that desk_jobs() told of */
	char said[512];    /* of the last mail: the reply */
	char verdict[256]; /* of its last recipient */
	char jobs[2048];
	size_t forward_loops;
	bool jobs_due;
	bool fail_after; /* the next mails' jobs fail when everything is done */
	int status;      /* of the last store job */
};

struct post {
	const char *to[8]; /* local parts */
	const char *from, *name, *subject, *id, *answers, *text;
	const char *also_from;
	const char *loop_mark, *forward_confirmation, *class_rule;
	const char *returned_message_id, *returned_reverse_path;
	const char *forwarded_author, *forwarded_subject, *forwarded_text, *forwarding_words;
	enum mail_class class;
	bool not_answerable, null_path;
	const struct mail_report *reports;
	size_t reports_n;
};

/* ---- the store */

struct desk_job {
	struct store_job job;
	struct desk *desk;
	struct ingest_task *task;
};

static inline int desk_apply_tenants(struct store_job *job UNUSED, struct store_txn *txn)
{
	static const struct {
		struct str slug, prefix, admin, notify;
	} tenants[] = {
		{STR_INIT("acme"), STR_INIT("ACME"), STR_INIT("admin@acme.example"),
		 STR_INIT("team@acme.example")},
		{STR_INIT("beta"), STR_INIT("BETA"), STR_INIT("admin@beta.example"), STR_INIT("")},
		{STR_INIT("mute"), STR_INIT("MUTE"), STR_INIT("admin@mute.example"), STR_INIT("")},
		{STR_INIT("circle"), STR_INIT("CIRCLE"), STR_INIT("circle@" DOMAIN), STR_INIT("")},
		{STR_INIT("odd"), STR_INIT("ODD"), STR_INIT("no address"), STR_INIT("")},
	};
	for (size_t i = 0; i < ARRAY_SIZE(tenants); i++) {
		struct tenant_row row = {
			.slug = tenants[i].slug,
			.name = tenants[i].slug,
			.reference_prefix = tenants[i].prefix,
			.admin_email = tenants[i].admin,
			.notify_email = tenants[i].notify,
			.locale = STR("en"),
			.signature = STR(""),
			.logo_url = STR(""),
			.blocked_extensions = STR(""),
			.confirm = !str_eq(tenants[i].slug, STR("mute")),
		};
		struct tenant_id id;
		int r = tenant_rows_add(txn, &row, &id);
		if (r < 0)
			return r;
	}
	return 0;
}

static inline struct desk *desk_open(void)
{
	struct desk *desk = calloc(1, sizeof(*desk));
	struct conf_error err = {0};
	const struct str keys[] = {STR_INIT("0123456789abcdef0123456789abcdef"),
				   STR_INIT("fedcba9876543210fedcba9876543210")};
	snprintf(desk->folder, sizeof(desk->folder), "/tmp/servelo-desk-XXXXXX");
	assert_non_null(mkdtemp(desk->folder));
	desk->storage = (struct storage_conf){desk->folder, 4096, 1 << 20, 100, 1000, 1 << 20};
	desk->mail = (struct mail_conf){DOMAIN, "mx." DOMAIN, "operator@example.org"};
	desk->forward = (struct conf_pair){"support", "inbox@example.org"};
	desk->forwards.map = (struct conf_map){&desk->forward, 1};
	desk->tenant_defaults = (struct tenant_conf){.attachments_max = 2,
						     .attachment_size_max = 1000,
						     .blocked_extensions = "exe",
						     .locale = "en"};
	desk->quota = (struct quota_limits){
		.window_ms = 3 * 3600 * 1000, .client_max = 10, .subject_max = 3, .tenant_max = 1000};
	assert_int_equal(store_open(&desk->store, NULL, &desk->storage, &err), 0);
	assert_int_equal(store_spool_open(desk->store, &desk->spool), 0);
	struct store_job tenants = {.apply = desk_apply_tenants};
	assert_int_equal(store_run(desk->store, &tenants), 0);
	assert_int_equal(reader_open(&desk->reader, &desk->storage, &err), 0);
	assert_int_equal(tenants_build(&desk->tenants, desk->reader, &desk->tenant_defaults), 0);
	assert_int_equal(key_ring_new(&desk->keys, keys, 2), 0);
	return desk;
}

static inline int desk_remove_entry(const char *path, const struct stat *info UNUSED, int type UNUSED,
				    struct FTW *ftw UNUSED)
{
	return remove(path);
}

static inline void desk_close(struct desk *desk)
{
	reader_close(desk->reader);
	spool_close(desk->spool);
	store_close(desk->store);
	tenants_unref(desk->tenants);
	key_ring_unref(desk->keys);
	nftw(desk->folder, desk_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(desk);
}

/* ---- posting */

static inline struct str desk_str(const char *text)
{
	return str_from(text ? text : "");
}

static inline enum rcpt_status desk_rcpt(struct desk *desk, struct delivery *delivery, const char *local)
{
	const struct directory directory = {&desk->mail, &desk->forwards};
	const struct mailaddr path = {str_from(local), STR(DOMAIN)};
	struct rcpt_answer answer;
	char folded[REPLY_TOKEN_MAX + 1];
	return rcpt_check(&directory, desk->keys, delivery, &path, &answer, folded);
}

static inline struct delivery *desk_delivery(struct desk *desk, const struct post *post)
{
	struct delivery *delivery = delivery_new();
	struct envelope *envelope = &delivery->envelope;
	delivery->tenants = tenants_ref(desk->tenants);
	if (!post->null_path) {
		envelope->reverse_path = (struct mailaddr){STR("mta"), STR("example.org")};
		envelope->reverse_path_text = STR("mta@example.org");
	} else {
		envelope->reverse_path_text = STR("");
	}
	envelope->client_ip = STR("192.0.2.1");
	envelope->helo = STR("client.example.org");
	envelope->protocol = STR("ESMTP");
	envelope->tls = STR("");
	envelope->received_ms = clock_now_ms();
	for (size_t i = 0; i < ARRAY_SIZE(post->to) && post->to[i]; i++)
		assert_int_equal(desk_rcpt(desk, delivery, post->to[i]), RCPT_ACCEPTED);
	assert_int_equal(spool_create(desk->spool, &delivery->id, &delivery->mail), 0);
	assert_int_equal(spooled_mail_append(delivery->mail, desk_str(post->text)), 0);
	assert_int_equal(spooled_mail_seal(delivery->mail), 0);
	return delivery;
}

static inline int desk_apply(struct store_job *job, struct store_txn *txn)
{
	struct desk_job *wrapped = CONTAINER_OF(job, struct desk_job, job);
	int r = ingest_apply(wrapped->task, txn);
	return r == 0 && wrapped->desk->fail_after ? -EIO : r;
}

static inline bool desk_on_audit(void *ctx, const struct audit_view *view)
{
	struct desk *desk = ctx;
	snprintf(desk->verdict, sizeof(desk->verdict), "%.*s", STR_ARG(view->row.verdict));
	return false;
}

/* The reply's text is in desk->said, or "" when it failed (desk->status). */
static inline const char *desk_post(struct desk *desk, const struct post *post)
{
	const struct mail_mailbox from[] = {{desk_str(post->name), desk_str(post->from)},
					    {STR(""), desk_str(post->also_from)}};
	struct parsed_mail mail = {
		.subject = desk_str(post->subject),
		.from = {from, post->also_from ? 2
			       : post->from    ? 1
					       : 0},
		.message_id = desk_str(post->id),
		.in_reply_to = desk_str(post->answers),
		.text = desk_str(post->text),
		.html_text = desk_str(post->text),
		.reply = desk_str(post->text),
		.summary = STR(""),
		.class = post->class,
		.class_rule = desk_str(post->class_rule),
		.answerable = !post->not_answerable,
		.addressed_to = STR("help@customer.example"),
		.forward_confirmation = desk_str(post->forward_confirmation),
		.reports = post->reports,
		.reports_n = post->reports_n,
		.returned_message_id = desk_str(post->returned_message_id),
		.returned_reverse_path = desk_str(post->returned_reverse_path),
		.forwarded_author = {STR(""), desk_str(post->forwarded_author)},
		.forwarded_subject = desk_str(post->forwarded_subject),
		.forwarded_text = desk_str(post->forwarded_text),
		.forwarding_words = desk_str(post->forwarding_words),
		.loop_mark = desk_str(post->loop_mark),
		.defects = STR(""),
	};
	struct ingest_task task = {
		.delivery = desk_delivery(desk, post),
		.parse = {.parsed = &mail, .status = PARSE_OK},
		.maker = {desk->keys, STR(DOMAIN)},
		.quota = desk->quota,
	};
	struct desk_job job = {.job = {.apply = desk_apply}, .desk = desk, .task = &task};
	const struct audit_filter newest = {.outcome = -1, .limit = 1};
	sha256_once(mail.text, task.digests.body);
	sha256_once(mail.text, task.digests.content);
	desk->status = store_run(desk->store, &job.job);
	struct str said = desk->status == 0 ? task.delivery->reply_text : STR("");
	snprintf(desk->said, sizeof(desk->said), "%.*s", STR_ARG(said));
	desk->jobs_due = task.jobs_due;
	desk->forward_loops = task.forward_loops;
	desk->verdict[0] = 0;
	assert_int_equal(reader_audit(desk->reader, &newest, desk_on_audit, desk), 0);
	delivery_free(task.delivery);
	return desk->said;
}

static inline void desk_reply_to(const struct desk *desk, const char *slug, int64_t ticket,
				 int64_t participant, char *ret, size_t size)
{
	struct reply_token token = {.ticket = ticket, .participant = participant};
	char text[REPLY_TOKEN_MAX + 1];
	snprintf(token.slug, sizeof(token.slug), "%s", slug);
	assert_int_equal(reply_token_mint(desk->keys, &token, text), 0);
	snprintf(ret, size, "reply+%s", text);
}

/* ---- looking */

struct desk_job_seen {
	int64_t id;
	char text[160];
};
struct desk_jobs_seen {
	struct desk *desk;
	struct desk_job_seen items[64];
	size_t n;
};

static inline bool desk_on_job(void *ctx, const struct outbox_view *view)
{
	struct desk_jobs_seen *seen = ctx;
	if (view->row.id.v <= seen->desk->jobs_seen || seen->n == ARRAY_SIZE(seen->items))
		return false;
	struct desk_job_seen *item = &seen->items[seen->n++];
	item->id = view->row.id.v;
	snprintf(item->text, sizeof(item->text), "%s>%.*s/%lld", outbox_kind_name(view->row.kind),
		 STR_ARG(view->row.recipient), (long long)view->row.participant);
	return true;
}

/* The jobs that were made since the last call, oldest first: "kind>recipient/participant ...". */
static inline const char *desk_jobs(struct desk *desk)
{
	struct desk_jobs_seen seen = {.desk = desk};
	const struct outbox_filter all = {.state = -2, .limit = 64};
	assert_int_equal(reader_outbox(desk->reader, &all, desk_on_job, &seen), 0);
	desk->jobs[0] = 0;
	if (seen.n)
		desk->jobs_seen = seen.items[0].id;
	for (size_t i = seen.n, len = 0; i > 0; i--)
		len += (size_t)snprintf(desk->jobs + len, sizeof(desk->jobs) - len, "%s%s", len ? " " : "",
					seen.items[i - 1].text);
	return desk->jobs;
}

static inline bool desk_on_newest_job(void *ctx, const struct outbox_view *view)
{
	struct outbox_row *row = ctx;
	row->id = view->row.id;
	row->state = view->row.state;
	row->ticket = view->row.ticket;
	return false;
}

/* id, state and ticket of the newest job */
static inline bool desk_on_newest_id(void *ctx, const struct outbox_view *view)
{
	struct str *id = ctx;
	assert_true(view->row.header_message_id.len < id->len);
	snprintf((char *)(uintptr_t)id->ptr, id->len, "%.*s", STR_ARG(view->row.header_message_id));
	return false;
}

/* Of the newest job. */
static inline void desk_newest_message_id(struct desk *desk, char *ret, size_t size)
{
	struct str id = {ret, size};
	const struct outbox_filter all = {.state = -2, .limit = 1};
	assert_int_equal(reader_outbox(desk->reader, &all, desk_on_newest_id, &id), 0);
}

static inline struct outbox_row desk_newest_job(struct desk *desk)
{
	struct outbox_row row = {.id = {0}};
	const struct outbox_filter all = {.state = -2, .limit = 1};
	assert_int_equal(reader_outbox(desk->reader, &all, desk_on_newest_job, &row), 0);
	return row;
}

struct desk_ticket {
	struct ticket_id id, linked;
	enum ticket_status status;
	bool automatic;
	char subject[256], requester[256];
	int64_t comments;
};

static inline bool desk_on_ticket(void *ctx, const struct ticket_view *view)
{
	struct desk_ticket *ticket = ctx;
	ticket->id = view->row.id;
	ticket->linked = view->row.linked;
	ticket->status = view->row.status;
	ticket->automatic = view->row.automatic;
	ticket->comments = view->comments;
	snprintf(ticket->subject, sizeof(ticket->subject), "%.*s", STR_ARG(view->row.subject));
	snprintf(ticket->requester, sizeof(ticket->requester), "%.*s", STR_ARG(view->requester_address));
	return false;
}

static inline struct desk_ticket desk_ticket(struct desk *desk, const char *reference)
{
	struct desk_ticket ticket = {.comments = 0};
	assert_int_equal(reader_ticket(desk->reader, str_from(reference), desk_on_ticket, &ticket), 0);
	return ticket;
}

struct desk_comment {
	enum comment_author author_kind;
	enum comment_visibility visibility;
	bool automatic, by_client;
	char note[512], reply[512], author[256];
	size_t n;
};

static inline bool desk_on_comment(void *ctx, const struct comment_view *view)
{
	struct desk_comment *comment = ctx;
	const struct comment_row *row = &view->row;
	comment->author_kind = row->author_kind;
	comment->visibility = row->visibility;
	comment->automatic = row->automatic;
	comment->by_client = row->author.v != 0;
	snprintf(comment->note, sizeof(comment->note), "%.*s", STR_ARG(row->note));
	snprintf(comment->reply, sizeof(comment->reply), "%.*s",
		 STR_ARG(row->reply.ptr ? row->reply : row->text));
	snprintf(comment->author, sizeof(comment->author), "%.*s", STR_ARG(row->author_address));
	comment->n++;
	return true;
}

static inline struct desk_comment desk_last_comment(struct desk *desk, const char *reference)
{
	struct desk_comment comment = {.n = 0};
	struct desk_ticket ticket = desk_ticket(desk, reference);
	assert_int_equal(reader_comments(desk->reader, ticket.id, desk_on_comment, &comment), 0);
	return comment;
}

static inline void desk_balanced(struct desk *desk)
{
	struct audit_balance sum;
	assert_int_equal(reader_balance(desk->reader, true, &sum, NULL, NULL), 0);
	assert_int_equal(sum.unaccounted, 0);
}

/* ---- changing */

struct desk_change {
	struct store_job job;
	struct ticket_id ticket;
	struct ticket_change change;
};

static inline int desk_apply_change(struct store_job *job, struct store_txn *txn)
{
	const struct desk_change *change = CONTAINER_OF(job, struct desk_change, job);
	return ticket_update(txn, change->ticket, &change->change, clock_now_ms());
}

static inline void desk_set_status(struct desk *desk, const char *reference, enum ticket_status status)
{
	struct desk_change change = {.job = {.apply = desk_apply_change},
				     .ticket = desk_ticket(desk, reference).id,
				     .change = {.status = (int)status}};
	assert_int_equal(store_run(desk->store, &change.job), 0);
}

struct desk_joining {
	struct store_job job;
	struct ticket_id ticket;
	enum participant_kind kind;
	struct str address;
	int64_t number;
};

static inline int desk_apply_joining(struct store_job *job, struct store_txn *txn)
{
	struct desk_joining *joining = CONTAINER_OF(job, struct desk_joining, job);
	return participant_add(txn, joining->ticket, joining->kind, joining->address, clock_now_ms(),
			       &joining->number);
}

static inline int64_t desk_join(struct desk *desk, const char *reference, enum participant_kind kind,
				const char *address)
{
	struct desk_joining joining = {.job = {.apply = desk_apply_joining},
				       .ticket = desk_ticket(desk, reference).id,
				       .kind = kind,
				       .address = str_from(address)};
	assert_int_equal(store_run(desk->store, &joining.job), 0);
	return joining.number;
}

#define WITH_DESK(test) cmocka_unit_test_setup_teardown(test, desk_setup, desk_teardown)

static inline int desk_setup(void **state)
{
	*state = desk_open();
	return 0;
}

static inline int desk_teardown(void **state)
{
	desk_close(*state);
	return 0;
}

#endif
