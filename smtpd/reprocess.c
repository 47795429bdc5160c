/*
 * Reading stored originals anew.
 *
 *	original -> spool -> parser child -> parsed mail --.
 *	audit rows of the mail -> comments that came of it --> compare -> report, and a job for the writer
 *
 * 1. What a comment says today is compared with what it would say if the mail came today, with its tenant's limits
 *    of today. Equal comments are left alone: their rows are not written.
 * 2. The job holds the whole new content (texts are views of the parsed mail, which it owns), so it may be
 *    applied after the reprocess object has gone.
 * 3. Sizes in a report are octets; a diff is cut at DIFF_MAX, so that an answer stays bounded.
 */
#include "smtpd/reprocess.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "ingest/attachments.h"
#include "ingest/comment_note.h"
#include "ingest/quote_sent.h"
#include "smtpd/line_diff.h"
#include "smtpd/lone_parser.h"
#include "storage/reader.h"
#include "storage/ticket.h"
#include "tenant/tenants.h"

#define DIFF_MAX     (64 * 1024)
#define COMMENTS_MAX 1000 /* of one original: as many as a transaction has recipients */
#define REPLY_MAX    (16 * 1024 * 1024)
#define OLD_MAX      (64 * 1024 * 1024)
/* What a reply is held against, as when it came (ingest/apply_comment.c). */
#define SENT_TEXTS    8
#define SENT_TEXT_MAX ((size_t)64 * 1024)

struct reprocess {
	/* copies: the configuration may be replaced meanwhile */
	struct storage_conf storage;
	struct tenant_conf tenant_conf;
	struct parser_conf parser_conf;
	char *data_dir, *blocked, *locale, *argv0;
	/* opened when first needed */
	struct reader *reader;
	struct tenants *tenants;
	struct lone_parser *parser;
};

/* One comment that came of the original. */
struct reparsed_comment {
	struct comment_id id;
	char reference[TICKET_REFERENCE_SIZE];
	struct attachment_policy
		policy; /* its list is blocked: the tenants it came from may go before the job runs */
	char *blocked;
	bool changed;
	char note[COMMENT_NOTE_MAX];
	char whole_note[COMMENT_ABOUT_MAX + COMMENT_NOTE_MAX]; /* with the line that says how it came to be */
	struct str new_note;                                   /* a view of one of them */
	struct strbuf reply;  /* the new part, when our own text was set aside in it */
	struct str new_text;  /* a view of the parsed mail */
	struct str new_reply; /* as the row keeps it: ptr NULL when it is all of the text */
};

struct reparsed {
	struct store_job job;
	void *ctx;
	struct mail_id id;
	int64_t size, sent_from;
	struct parse_job parse;
	struct reparsed_comment *comments;
	size_t n;
	bool changed, diff;
	json_t *report; /* list of comments */
};

/* What is compared at the moment. */
struct comparison {
	struct reprocess *reprocess;
	struct reparsed *reparsed;
	struct reparsed_comment *comment;
	json_t *changes;
	struct strbuf old; /* the records of attachments as one text each */
	size_t old_n;
	struct str sent[SENT_TEXTS]; /* of public comments before it, in a ring; the ptrs are ours */
	size_t sent_n;
	bool found;
};

static int open_all(struct reprocess *reprocess, struct conf_error *reterr);
static int parse_original(struct reprocess *reprocess, struct reparsed *reparsed);
static int find_comments(struct reprocess *reprocess, struct reparsed *reparsed);
static int compare_comment(struct reprocess *reprocess, struct reparsed *reparsed,
			   struct reparsed_comment *comment);
static int apply_reparsed(struct store_job *job, struct store_txn *txn);

/* ---- life ---- */

struct reprocess *reprocess_new(const struct server_conf *conf, const char *argv0)
{
	struct reprocess *reprocess = XNEW(struct reprocess);
	reprocess->data_dir = xstrdup(conf->storage->data_dir);
	reprocess->blocked = xstrdup(conf->tenants->blocked_extensions);
	reprocess->locale = xstrdup(conf->tenants->locale);
	reprocess->argv0 = xstrdup(argv0);
	reprocess->storage = *conf->storage;
	reprocess->storage.data_dir = reprocess->data_dir;
	reprocess->tenant_conf = (struct tenant_conf){
		.attachments_max = conf->tenants->attachments_max,
		.attachment_size_max = conf->tenants->attachment_size_max,
		.blocked_extensions = reprocess->blocked,
		.locale = reprocess->locale,
	};
	reprocess->parser_conf = lone_parser_conf(conf->ingest, reprocess->argv0);
	return reprocess;
}

struct reprocess *reprocess_free(struct reprocess *reprocess)
{
	if (!reprocess)
		return NULL;
	lone_parser_close(reprocess->parser);
	tenants_unref(reprocess->tenants);
	reader_close(reprocess->reader);
	free(reprocess->data_dir);
	free(reprocess->blocked);
	free(reprocess->locale);
	free(reprocess->argv0);
	free(reprocess);
	return NULL;
}

static int open_all(struct reprocess *reprocess, struct conf_error *reterr)
{
	int r = 0;
	if (!reprocess->reader)
		r = reader_open(&reprocess->reader, &reprocess->storage, reterr);
	if (r == 0 && !reprocess->tenants)
		r = tenants_build(&reprocess->tenants, reprocess->reader, &reprocess->tenant_conf);
	if (r == 0 && !reprocess->parser)
		r = lone_parser_open(&reprocess->parser, &reprocess->parser_conf);
	return r;
}

struct reparsed *reparsed_free(struct reparsed *reparsed)
{
	if (!reparsed)
		return NULL;
	if (reparsed->parse.block)
		parse_job_done(&reparsed->parse);
	json_decref(reparsed->report);
	for (size_t i = 0; i < reparsed->n; i++) {
		free(reparsed->comments[i].blocked);
		strbuf_done(&reparsed->comments[i].reply);
	}
	free(reparsed->comments);
	free(reparsed);
	return NULL;
}

/* ---- reading ---- */

static bool on_message(void *ctx, const struct message_row *row)
{
	struct reparsed *reparsed = ctx;
	reparsed->size = row->size;
	reparsed->sent_from = row->trace_size;
	return false;
}

static int on_original(void *ctx, struct str bytes)
{
	return spooled_mail_append(ctx, bytes);
}

int reprocess_read(struct reprocess *reprocess, const struct mail_id *id, bool diff, struct reparsed **ret,
		   struct conf_error *reterr)
{
	reterr->text[0] = 0;
	int r = open_all(reprocess, reterr);
	if (r < 0)
		return r;
	struct reparsed *reparsed = XNEW(struct reparsed);
	reparsed->id = *id;
	reparsed->diff = diff;
	reparsed->job.apply = apply_reparsed;
	list_node_init(&reparsed->job.link);
	reparsed->report = json_array();
	r = reader_message(reprocess->reader, id, on_message, reparsed);
	if (r == -ENOENT)
		snprintf(reterr->text, sizeof(reterr->text), "there is no such original");
	if (r == 0)
		r = parse_original(reprocess, reparsed);
	if (r == 0)
		r = find_comments(reprocess, reparsed);
	for (size_t i = 0; r == 0 && i < reparsed->n; i++)
		r = compare_comment(reprocess, reparsed, &reparsed->comments[i]);
	if (r < 0) {
		reparsed_free(reparsed);
		return r;
	}
	*ret = reparsed;
	return 0;
}

static int parse_original(struct reprocess *reprocess, struct reparsed *reparsed)
{
	struct spooled_mail *mail;
	int r = lone_parser_mail(reprocess->parser, &mail);
	if (r < 0)
		return r;
	r = reader_original(reprocess->reader, &reparsed->id, on_original, mail);
	if (r < 0) {
		spooled_mail_discard(mail);
		return r;
	}
	return lone_parser_parse(reprocess->parser, mail, (size_t)reparsed->sent_from, &reparsed->parse);
}

/* ---- the comments that came of it ---- */

struct finding {
	struct reprocess *reprocess;
	struct reparsed *reparsed;
};

static struct attachment_policy policy_of(const struct reprocess *reprocess, struct str slug)
{
	const struct tenant *tenant = tenants_find(reprocess->tenants, slug);
	if (tenant)
		return attachment_policy_of(tenant);
	return (struct attachment_policy){reprocess->tenant_conf.attachments_max,
					  reprocess->tenant_conf.attachment_size_max,
					  str_from(reprocess->blocked)};
}

static bool on_audit(void *ctx, const struct audit_view *view)
{
	struct finding *finding = ctx;
	struct reparsed *reparsed = finding->reparsed;
	if (view->row.comment.v == 0 || reparsed->n == COMMENTS_MAX)
		return true;
	if ((reparsed->n & (reparsed->n - 1)) == 0)
		reparsed->comments = xreallocarray(reparsed->comments, reparsed->n ? reparsed->n * 2 : 1,
						   sizeof(*reparsed->comments));
	struct reparsed_comment *comment = &reparsed->comments[reparsed->n++];
	*comment = (struct reparsed_comment){
		.id = view->row.comment,
		.policy = policy_of(finding->reprocess, view->tenant_slug),
	};
	strbuf_init(&comment->reply, REPLY_MAX);
	comment->blocked = xstrndup(comment->policy.blocked_extensions);
	comment->policy.blocked_extensions = str_from(comment->blocked);
	snprintf(comment->reference, sizeof(comment->reference), "%.*s", STR_ARG(view->ticket_reference));
	return true;
}

static int find_comments(struct reprocess *reprocess, struct reparsed *reparsed)
{
	struct finding finding = {reprocess, reparsed};
	const struct audit_filter filter = {
		.mail_id = str_from(reparsed->id.text), .outcome = -1, .limit = INT64_MAX};
	return reader_audit(reprocess->reader, &filter, on_audit, &finding);
}

/* ---- comparing ---- */

static void add_change(struct comparison *c, const char *field, struct str before, struct str after)
{
	if (str_eq(before, after))
		return;
	json_t *change = json_pack("{s:s,s:I,s:I}", "field", field, "before", (json_int_t)before.len, "after",
				   (json_int_t)after.len);
	if (c->reparsed->diff) {
		struct strbuf diff;
		strbuf_init(&diff, DIFF_MAX);
		line_diff(before, after, &diff);
		/* texts are UTF-8, and the buffer drops whole additions only */
		json_t *text = json_stringn(diff.ptr ? diff.ptr : "", diff.len);
		json_object_set_new(change, "diff", text ? text : json_string(""));
		if (diff.overflow)
			json_object_set_new(change, "diff_cut", json_true());
		strbuf_done(&diff);
	}
	json_array_append_new(c->changes, change);
	c->comment->changed = true;
}

/* What the customer wrote, of a mail that an agent forwarded by hand (ingest/apply_ticket.c). A comment that holds the
 * agent's words as well keeps them: nothing else does. */
static struct str text_of(const struct parsed_mail *mail, const struct comment_row *row)
{
	struct str words = mail->forwarding_words;
	bool forwarded = comment_note_says(row->note, ABOUT_FORWARDED_BY) && mail->forwarded_text.len;
	bool both = words.len && str_starts(row->text, words) && !str_eq(row->text, mail->forwarded_text);
	return forwarded && !both ? mail->forwarded_text : mail->text;
}

/* The new part as the row keeps it: ptr NULL when it is all of the text. */
static struct str reply_of(const struct parsed_mail *mail)
{
	return str_eq(mail->reply, mail->text) ? (struct str){NULL, 0} : mail->reply;
}

static void keep_sent(struct comparison *c, const struct comment_row *row)
{
	struct str *place = &c->sent[c->sent_n++ % SENT_TEXTS];
	struct str text = str_sub(row->text, 0, SENT_TEXT_MAX);
	free((char *)(uintptr_t)place->ptr);
	*place = (struct str){xstrndup(text), text.len};
}

/* What a machine wrote is kept as it is. */
static void find_new_part(struct comparison *c, const struct comment_row *row)
{
	const struct parsed_mail *mail = c->reparsed->parse.parsed;
	size_t n = c->sent_n < SENT_TEXTS ? c->sent_n : SENT_TEXTS;
	c->comment->new_reply = reply_of(mail);
	if (!row->automatic && n > 0 && mail->reply.len &&
	    quote_sent_set_aside(mail->reply, c->sent, n, &c->comment->reply) == 1)
		c->comment->new_reply = strbuf_str(&c->comment->reply);
}

/* Oldest first. */
static bool on_comment(void *ctx, const struct comment_view *view)
{
	struct comparison *c = ctx;
	const struct parsed_mail *mail = c->reparsed->parse.parsed;
	const struct comment_row *row = &view->row;
	if (row->id.v != c->comment->id.v) {
		if (row->visibility == COMMENT_PUBLIC)
			keep_sent(c, row);
		return true;
	}
	c->found = true;
	struct str text = c->comment->new_text = text_of(mail, row);
	find_new_part(c, row);
	if (text.ptr != mail->text.ptr || text.len != mail->text.len)
		c->comment->new_reply = (struct str){NULL, 0};
	struct str reply = c->comment->new_reply;
	c->comment->new_note = comment_note_renew(row->note, c->comment->new_note, c->comment->whole_note);
	add_change(c, "text", row->text, text);
	add_change(c, "reply", row->reply.ptr ? row->reply : row->text, reply.ptr ? reply : text);
	add_change(c, "note", row->note, c->comment->new_note);
	return false;
}

/* A record as a line, to compare and to show. */
static void attachment_line(struct strbuf *out, const struct attachment_row *row)
{
	strbuf_printf(out, "%.*s %.*s (%.*s%s%.*s, %lld octets%s%.*s%s%s%.*s)\n", STR_ARG(row->part),
		      STR_ARG(row->filename), STR_ARG(row->media_type),
		      row->sniffed_type.len ? ", looks like " : "", STR_ARG(row->sniffed_type),
		      (long long)row->size, row->content_id.len ? ", id " : "", STR_ARG(row->content_id),
		      row->inline_image ? ", inline" : "", row->left_out.len ? ", left out: " : "",
		      STR_ARG(row->left_out));
}

static bool on_attachment(void *ctx, const struct attachment_row *row)
{
	struct comparison *c = ctx;
	attachment_line(&c->old, row);
	c->old_n++;
	return true;
}

/* Calls fn for each record that the mail gives today, in order; stops at a negative errno. */
static int each_attachment(const struct reparsed *reparsed, const struct reparsed_comment *comment,
			   int (*fn)(void *ctx, const struct attachment_row *row), void *ctx)
{
	const struct parsed_mail *mail = reparsed->parse.parsed;
	struct attachment_row row;
	int64_t position = 0, offered = 0;
	int r = 0;
	if (reparsed->parse.status != PARSE_OK) {
		attachment_record_original(reparsed->size, &row);
		r = fn(ctx, &row);
		position++;
	}
	for (size_t i = 0; r == 0 && i < mail->attachments_n; i++) {
		attachment_record(&comment->policy, &mail->attachments[i], ++position, &offered, &row);
		r = fn(ctx, &row);
	}
	return r;
}

struct new_lines {
	struct strbuf text;
	size_t n;
};

static int add_new_line(void *ctx, const struct attachment_row *row)
{
	struct new_lines *lines = ctx;
	attachment_line(&lines->text, row);
	lines->n++;
	return 0;
}

static void compare_attachments(struct comparison *c)
{
	struct new_lines now = {.n = 0};
	strbuf_init(&now.text, OLD_MAX);
	each_attachment(c->reparsed, c->comment, add_new_line, &now);
	struct str before = strbuf_str(&c->old), after = strbuf_str(&now.text);
	if (!str_eq(before, after)) {
		add_change(c, "attachments", before, after);
		json_t *change = json_array_get(c->changes, json_array_size(c->changes) - 1);
		json_object_set_new(change, "before", json_integer((json_int_t)c->old_n));
		json_object_set_new(change, "after", json_integer((json_int_t)now.n));
	}
	strbuf_done(&now.text);
}

static bool on_ticket(void *ctx, const struct ticket_view *view)
{
	*(struct ticket_id *)ctx = view->row.id;
	return false;
}

static int compare_comment(struct reprocess *reprocess, struct reparsed *reparsed,
			   struct reparsed_comment *comment)
{
	struct comparison c = {.reprocess = reprocess, .reparsed = reparsed, .comment = comment};
	struct ticket_id ticket;
	comment->new_note =
		comment_note(reparsed->parse.parsed, reparsed->parse.status, &comment->policy, comment->note);
	int r = reader_ticket(reprocess->reader, str_from(comment->reference), on_ticket, &ticket);
	if (r < 0)
		return r;
	c.changes = json_array();
	strbuf_init(&c.old, OLD_MAX);
	r = reader_comments(reprocess->reader, ticket, on_comment, &c);
	if (r == 0 && c.found)
		r = reader_attachments(reprocess->reader, comment->id, on_attachment, &c);
	if (r == 0 && c.found)
		compare_attachments(&c);
	if (r == 0 && comment->changed) {
		reparsed->changed = true;
		json_array_append_new(reparsed->report,
				      json_pack("{s:s,s:I,s:O}", "ticket", comment->reference, "comment",
						(json_int_t)comment->id.v, "changes", c.changes));
	}
	for (size_t i = 0; i < SENT_TEXTS; i++)
		free((char *)(uintptr_t)c.sent[i].ptr);
	strbuf_done(&c.old);
	json_decref(c.changes);
	return r;
}

/* ---- writing ---- */

struct adding {
	struct store_txn *txn;
	struct comment_id comment;
};

static int add_attachment(void *ctx, const struct attachment_row *row)
{
	struct adding *adding = ctx;
	return attachment_add(adding->txn, adding->comment, row);
}

static int apply_reparsed(struct store_job *job, struct store_txn *txn)
{
	struct reparsed *reparsed = reparsed_of(job);
	int r = 0;
	for (size_t i = 0; r == 0 && i < reparsed->n; i++) {
		const struct reparsed_comment *comment = &reparsed->comments[i];
		struct adding adding = {txn, comment->id};
		if (!comment->changed)
			continue;
		r = comment_reparse(txn, comment->id, comment->new_text, comment->new_reply,
				    comment->new_note);
		if (r == 0)
			r = each_attachment(reparsed, comment, add_attachment, &adding);
	}
	return r;
}

/* ---- for who asked ---- */

void reparsed_report(const struct reparsed *reparsed, struct strbuf *json)
{
	json_t *object = json_pack("{s:s,s:s,s:b,s:O}", "id", reparsed->id.text, "status",
				   parse_status_name(reparsed->parse.status), "changed", reparsed->changed,
				   "comments", reparsed->report);
	char *text = json_dumps(object, JSON_COMPACT);
	strbuf_adds(json, text ? text : "null");
	free(text);
	json_decref(object);
}

bool reparsed_changed(const struct reparsed *reparsed)
{
	return reparsed->changed;
}

struct store_job *reparsed_job(struct reparsed *reparsed)
{
	return reparsed->changed ? &reparsed->job : NULL;
}

struct reparsed *reparsed_of(struct store_job *job)
{
	return CONTAINER_OF(job, struct reparsed, job);
}

void reparsed_set_ctx(struct reparsed *reparsed, void *ctx)
{
	reparsed->ctx = ctx;
}

void *reparsed_ctx(const struct reparsed *reparsed)
{
	return reparsed->ctx;
}
