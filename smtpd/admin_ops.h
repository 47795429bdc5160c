/*
 * What an administrator can change: one request (JSON), one store job, one answer (JSON). The control socket of a
 * running server and the command line without one do the same by these functions.
 *
 *	r = admin_op_new(&op, request, &rules, &answer);	checks all that needs no database; answer on failure
 *	job = admin_op_job(op);  job->done = ...;  store_submit(store, job)	or	store_run(store, job)
 *	admin_op_answer(op, status, &answer);			status as done() or store_run() gave it
 *	admin_op_free(op);
 *
 * Requests, all values being texts as they are typed (numbers and booleans are taken too):
 *
 *	tenant.add	slug, admin_email, [name, notify_email, locale, reference_prefix, signature, logo_url,
 *			confirm, attachments_max, attachment_size_max, blocked_extensions,
 *			next_ticket (only goes up)]
 *	tenant.set	slug, any of these fields
 *	tenant.suspend  tenant.resume  tenant.remove	slug
 *	ticket.set	reference, any of status, subject, tag, assignee; nobody is told
 *	ticket.comment	reference, text, [internal, as (the agent's address; else the team's)]
 *	ticket.close  ticket.resolve  ticket.reopen	reference, [text (an answer, before the status is set), as]
 *	ticket.assign	reference, agent (an address; "" for nobody)
 *	queue.retry	id (of a job, or "failed" for each that failed)
 *	queue.cancel	id
 *	queue.pause  queue.resume
 *	queue.allow	slug, address (that complained: mail to it may leave again)
 *	setting.set	key, value
 *	setting.unset	key
 *
 * An op belongs to who made it; its job is moved to the store and comes back. new, answer, undo and free run on the
 * thread of the caller, the job's apply on the writer.
 */
#ifndef SERVELO_SMTPD_ADMIN_OPS_H
#define SERVELO_SMTPD_ADMIN_OPS_H

#include "base/conf.h"
#include "base/strbuf.h"
#include "storage/store.h"
#include "tenant/key_ring.h"

#define ADMIN_COMMENT_MAX ((size_t)1024 * 1024) /* octets of a comment */

struct admin_op;

/* How a request ended: the "code" of an answer. */
enum admin_code {
	ADMIN_OK,
	ADMIN_USAGE,       /* the request makes no sense */
	ADMIN_INVALID,     /* a value is not acceptable */
	ADMIN_NOT_FOUND,   /* no such tenant, ticket, setting */
	ADMIN_EXISTS,      /* the slug or prefix is somebody else's */
	ADMIN_CONFIG,      /* the configuration would not load with it */
	ADMIN_BUSY,        /* what it is about is under way; again later */
	ADMIN_UNAVAILABLE, /* too busy, or going down */
	ADMIN_STORAGE,     /* the database failed; nothing was changed */
	ADMIN_INTERNAL,
};
const char *admin_code_name(enum admin_code code); /* "not_found" */
/* -EINVAL. */
int admin_code_parse(struct str text, enum admin_code *ret);

enum admin_effect {
	ADMIN_CHANGES_NOTHING_ELSE,
	ADMIN_CHANGES_TENANTS,
	ADMIN_CHANGES_SETTINGS,
	ADMIN_MAKES_JOBS, /* or makes some due: the outbox may have work */
	ADMIN_PAUSES_OUTBOX,
	ADMIN_RESUMES_OUTBOX,
};

struct admin_rules {
	const struct conf_map *forwards; /* names that can't be slugs; may be NULL */
	/* mail.domain, copied; NULL: what needs it is not checked, and what makes mail is declined */
	const char *domain;
	/* What signs our mail; a reference is taken. NULL: what makes mail is declined. */
	struct key_ring *keys;
	/* Would the configuration load with this setting (value NULL: without)? As server_conf_try_setting().
	 */
	int (*try_setting)(void *ctx, const char *key, const char *value, struct conf_error *reterr);
	void *ctx;
};

/* Is this the name of an op that makes mail, and so needs keys? */
bool admin_op_makes_mail(const char *name);
/* 0, or a negative errno with the answer to send. */
int admin_op_new(struct admin_op **ret, struct str request, const struct admin_rules *rules,
		 struct strbuf *answer);
struct store_job *admin_op_job(struct admin_op *op);
struct admin_op *admin_op_of(struct store_job *job);
/* The asker's own pointer, to find it again in the job's done(). */
void admin_op_set_ctx(struct admin_op *op, void *ctx);
void *admin_op_ctx(const struct admin_op *op);
/* For the log: "tenant.set", and the slug, reference or key that it is about. */
const char *admin_op_name(const struct admin_op *op);
struct str admin_op_subject(const struct admin_op *op);
/* The value of a setting, "(secret)" for one; ptr NULL when the change has none. */
struct str admin_op_logged_value(const struct admin_op *op);
enum admin_effect admin_op_effect(const struct admin_op *op);
/* One line without its LF. status: 0 after COMMIT, else what the store said. */
void admin_op_answer(const struct admin_op *op, int status, struct strbuf *answer);
/* The op that puts a setting back as it was before op was applied; NULL when there is nothing to put back. */
struct admin_op *admin_op_undo(const struct admin_op *op);
struct admin_op *admin_op_free(struct admin_op *op);

/* "25MiB", "512 KiB", "4096": octets; -EINVAL. */
int admin_parse_size(struct str text, int64_t *ret);
/* "ACME-00042" -> "ACME", 42. Case is ignored, prefix points into reference. -EINVAL. */
int admin_parse_reference(struct str reference, struct str *ret_prefix, int64_t *ret_number);

/* {"ok":false,"code":...,"error":...}: for answers that no op made. */
void admin_answer_error(struct strbuf *answer, enum admin_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
