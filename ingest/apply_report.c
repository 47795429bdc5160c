/*
 * Reports about mail that we sent (SPEC section 6): bounces (RFC 3464 and free-form) to bounce+TOKEN, and complaints
 * (RFC 5965) wherever they come to. Always true: a report is believed for the very job whose address it came back to or
 * shows, since nobody else has that address; nothing answers a report; the team is told of a failure once. A complaint
 * stops what a customer gets, never the team's own notices: who was shown one of those (somebody forwarded it) could
 * silence a helpdesk.
 */
#include "ingest/apply_private.h"

#include <errno.h>
#include <stdio.h>

#include "ingest/text_fold.h"
#include "storage/tenant_rows.h"
#include "tenant/reply_token.h"

#define WHY_MAX 400 /* octets of what a report says */

/* The views of a row end with the next statement. */
static int get_job(struct apply *apply, struct outbox_id id, struct outbox_row *ret)
{
	int r = outbox_get(apply->txn, id, ret);
	return r < 0 ? r : outbox_row_keep(ret, &apply->scratch);
}

/* ---- complaints */

/* "bounce+TOKEN@domain" of ours */
static int job_of_reverse_path(const struct apply *apply, struct outbox_id *ret)
{
	static const struct str prefix = STR_INIT("bounce+");
	const struct notice_maker *maker = &apply->task->maker;
	struct str address = apply->mail->returned_reverse_path;
	size_t at = str_find(address, '@');
	struct str local = str_sub(address, 0, at);
	if (!str_istarts(local, prefix) || !str_ieq(str_sub(address, at + 1, address.len), maker->domain))
		return -ENOENT;
	return bounce_token_check(maker->keys, str_sub(local, prefix.len, local.len), ret);
}

/* By the Message-ID of the mail that came back: ours has a MAC and names the ticket. */
static int job_of_message_id(struct apply *apply, struct outbox_row *ret)
{
	const struct notice_maker *maker = &apply->task->maker;
	struct own_message_id id;
	struct ticket_id ticket;
	struct str text = apply->mail->returned_message_id;
	int r = own_message_id_check(maker->keys, text, maker->domain, &id);
	const struct tenant *tenant =
		r == 0 && id.ticket ? tenants_find(apply->delivery->tenants, str_from(id.slug)) : NULL;
	if (!tenant)
		return -ENOENT;
	r = ticket_find(apply->txn, tenant->id, id.ticket, &ticket);
	if (r == 0)
		r = outbox_find(apply->txn, ticket, text, ret);
	return r < 0 ? r : outbox_row_keep(ret, &apply->scratch);
}

static void print_why(const struct mail_report *report, char ret[WHY_MAX + 8])
{
	struct str status = report ? utf8_cut(report->status, 16) : STR("");
	struct str reason = report ? utf8_cut(report->reason, WHY_MAX - 20) : STR("");
	/* "550 5.1.1 no such user" says it already */
	if (str_has(str_sub(reason, 0, 24), status))
		status = STR("");
	snprintf(ret, WHY_MAX + 8, "%.*s%s%.*s", STR_ARG(status), status.len && reason.len ? " " : "",
		 STR_ARG(reason));
	ret[utf8_line(str_from(ret), ret, WHY_MAX)] = '\0';
}

static bool is_stoppable(const struct outbox_row *job)
{
	return job->kind == OUTBOX_CONFIRM || job->kind == OUTBOX_ANSWER;
}

static int note_complaint(struct apply *apply, const struct outbox_row *job)
{
	struct str text;
	if (job->ticket.v == 0)
		return 0;
	const char *what = is_stoppable(job) ? "No more mail goes to" : "The team's mail still goes to";
	int r = arena_printf(&apply->scratch, &text,
			     "%s %.*s: a complaint about a mail of ours came back from there.", what,
			     STR_ARG(job->recipient));
	if (r < 0)
		return r;
	const struct comment_row row = {
		.ticket = job->ticket,
		.tenant = job->tenant,
		.message = apply->message,
		.author_kind = COMMENT_BY_SYSTEM,
		.author_address = STR(""),
		.visibility = COMMENT_INTERNAL,
		.text = text,
		.note = STR(""),
		.header_message_id = STR(""),
		.automatic = true,
		.created_ms = apply->now_ms,
	};
	return comment_add(apply->txn, &row, &apply->complaint);
}

static int stop(struct apply *apply, const struct outbox_row *job)
{
	char why[WHY_MAX + 8], text[WHY_MAX + 32];
	if (job->tenant.v == 0 || apply->complaint_taken)
		return 0;
	print_why(apply->mail->reports_n ? &apply->mail->reports[0] : NULL, why);
	snprintf(text, sizeof(text), "complaint%s%s", why[0] ? ": " : "", why);
	apply->complaint_taken = true;
	int r = is_stoppable(job)
			? stopped_add(apply->txn, job->tenant, job->recipient, str_from(text), apply->now_ms)
			: 0;
	return r < 0 ? r : note_complaint(apply, job);
}

int apply_complaint(struct apply *apply, struct outbox_row *ret_job)
{
	struct outbox_id id;
	if (apply->mail->class != MAIL_FEEDBACK)
		return 0;
	int r = job_of_reverse_path(apply, &id);
	r = r == 0 ? get_job(apply, id, ret_job) : job_of_message_id(apply, ret_job);
	if (r == 0)
		r = stop(apply, ret_job);
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

/* ---- bounces */

/* The one that tells of our recipient, else a hard one, else any that is a failure; NULL: it is none. */
static const struct mail_report *failure_of(const struct parsed_mail *mail, struct str recipient)
{
	const struct mail_report *best = NULL;
	for (size_t i = 0; i < mail->reports_n; i++) {
		const struct mail_report *report = &mail->reports[i];
		if (report->kind != MAIL_REPORT_HARD && report->kind != MAIL_REPORT_SOFT)
			continue;
		if (str_ieq(report->recipient, recipient))
			return report;
		if (!best || (best->kind == MAIL_REPORT_SOFT && report->kind == MAIL_REPORT_HARD))
			best = report;
	}
	return best;
}

static int mark_bounced(struct apply *apply, const struct outbox_row *job, const struct mail_report *report)
{
	char why[WHY_MAX + 8];
	bool told = false;
	print_why(report, why);
	struct str text = why[0] ? str_from(why) : STR("it came back");
	int r = outbox_mark_bounced(apply->txn, job->id, text, apply->now_ms);
	if (r <= 0)
		return r;
	r = notice_failed(apply->txn, &apply->task->maker, job, text, apply->now_ms, &told);
	apply->task->jobs_due |= told;
	return r;
}

/* What is no report of a failure, but came back to a mail of ours: an event on its ticket, where there is one. */
static int add_event(struct apply *apply, const struct outbox_row *job, const struct decision *decision,
		     struct outcome *outcome)
{
	struct tenant_row row;
	struct known_ticket known;
	if (job->ticket.v == 0)
		return 0;
	int r = tenant_rows_get(apply->txn, job->tenant, &row);
	const struct tenant *tenant = r == 0 ? tenants_find(apply->delivery->tenants, row.slug) : NULL;
	if (r < 0 || !tenant)
		return r == -ENOENT ? 0 : r;
	r = apply_know(apply, tenant, job->ticket, &known);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return apply_event(apply, tenant, &known, decision, outcome);
}

static int take_report(struct apply *apply, const struct outbox_row *job, const struct decision *decision,
		       struct outcome *outcome)
{
	const struct parsed_mail *mail = apply->mail;
	const struct mail_report *failure = failure_of(mail, job->recipient);
	if (mail->class == MAIL_FEEDBACK)
		return stop(apply, job);
	if (mail->class == MAIL_BOUNCE && failure)
		return mark_bounced(apply, job, failure);
	if (mail->class == MAIL_BOUNCE && mail->reports_n) /* delayed: not given up yet */
		return 0;
	return add_event(apply, job, decision, outcome);
}

int apply_bounce(struct apply *apply, const struct ingest_recipient *recipient,
		 const struct decision *decision, struct outcome *outcome)
{
	struct outbox_row job;
	outcome->kind = AUDIT_BOUNCE_REPORT;
	int r = get_job(apply, recipient->job, &job);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	outcome->tenant = job.tenant;
	outcome->ticket = job.ticket;
	if (job.ticket.v)
		r = ticket_reference(apply->txn, job.ticket, outcome->reference);
	return r < 0 ? r : take_report(apply, &job, decision, outcome);
}
