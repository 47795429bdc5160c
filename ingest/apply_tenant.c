/*
 * Mail to {slug}@ (SPEC sections 4 and 5). The first that holds:
 *
 *	a complaint about a mail of ours          that address is stopped; an event on its ticket
 *	a provider's forwarding confirmation      a notice to the tenant's admin; no ticket
 *	a bounce of a mail of ours, or that mail  an event on its ticket
 *	belongs to a ticket, and From is on it    a comment, or an event when a machine wrote it
 *	an agent forwarded a customer's mail      a new ticket of that customer
 *	anything else                             a new ticket, linked to the one it names, if it names one
 *
 * Nothing here believes From: it only ever finds who is on a ticket already, and an agent who is known from it alone
 * writes an internal comment.
 */
#include "ingest/apply_private.h"

#include <errno.h>

#include "ingest/thread.h"
#include "tenant/reply_token.h"

#define FORWARDING_TEXT_MAX ((size_t)16 * 1024)

/* Which ticket is meant, as far as it was found. */
struct found {
	struct known_ticket known;
	struct speaker speaker;
	const char *rule;
	bool on_ticket;
	struct ticket_id named; /* the first that is there, and From is not on it */
};

/* ---- a provider asks whether mail may be forwarded to us */

static int tell_forwarding(struct apply *apply, const struct tenant *tenant, struct outcome *outcome)
{
	const struct notice notice = {
		.kind = OUTBOX_FORWARDING,
		.tenant = tenant->id,
		.slug = tenant->slug,
		.message = apply->message,
		.recipient = tenant->admin_email,
		.mailbox = utf8_cut(apply->mail->forward_confirmation, SUMMARY_MAX),
		.text = utf8_cut(apply->mail->text, FORWARDING_TEXT_MAX),
		.now_ms = apply->now_ms,
	};
	int r = notice_add(apply->txn, &apply->task->maker, &notice, NULL);
	if (r < 0)
		return r;
	apply->task->jobs_due = true;
	outcome->kind = AUDIT_FORWARDED;
	return 0;
}

/* ---- a mail of ours that came to the From address: in a bounce, or itself by somebody's forward rule */

static struct str returned_id(const struct apply *apply)
{
	if (apply->mail->class == MAIL_BOUNCE)
		return apply->mail->returned_message_id;
	return apply->quiet.loop == LOOP_OURS ? apply->mail->message_id : STR("");
}

static int find_returned(struct apply *apply, const struct tenant *tenant, struct known_ticket *ret)
{
	const struct notice_maker *maker = &apply->task->maker;
	struct str returned = returned_id(apply);
	struct own_message_id own;
	struct ticket_id id;
	if (returned.len == 0 || own_message_id_check(maker->keys, returned, maker->domain, &own) < 0 ||
	    own.ticket == 0 || !str_eq(str_from(own.slug), tenant->slug))
		return -ENOENT;
	int r = ticket_find(apply->txn, tenant->id, own.ticket, &id);
	return r < 0 ? r : apply_know(apply, tenant, id, ret);
}

/* ---- a ticket that the mail names */

/* 0, or -ENOENT when there is no such ticket. */
static int look_at(struct apply *apply, const struct tenant *tenant, struct ticket_id id, const char *rule,
		   struct found *found)
{
	int r = apply_know(apply, tenant, id, &found->known);
	if (r < 0)
		return r;
	found->speaker = speaker_of(&found->known.people, 0, apply->from);
	found->on_ticket = found->speaker.on_ticket;
	found->rule = rule;
	if (!found->on_ticket && !found->named.v)
		found->named = id;
	return 0;
}

static int look_at_candidate(struct apply *apply, const struct tenant *tenant,
			     const struct thread_candidate *candidate, struct found *found)
{
	struct ticket_id id;
	int r = candidate->ticket_number
			? ticket_find(apply->txn, tenant->id, candidate->ticket_number, &id)
			: comment_find_thread(apply->txn, tenant->id, candidate->header_message_id, &id);
	if (r < 0 || id.v == found->named.v)
		return r;
	return look_at(apply, tenant, id, candidate->rule, found);
}

static int find_thread(struct apply *apply, const struct tenant *tenant, struct found *found)
{
	const struct notice_maker *maker = &apply->task->maker;
	struct thread_candidates candidates;
	thread_candidates(apply->mail, tenant, maker->keys, maker->domain, &candidates);
	for (size_t i = 0; i < candidates.n && !found->on_ticket; i++) {
		int r = look_at_candidate(apply, tenant, &candidates.items[i], found);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

/* The same Message-ID and author with another text (SPEC section 3): on the first one's ticket, and when its author
 * isn't known there, internal. */
static int find_first(struct apply *apply, const struct tenant *tenant, struct ticket_id first,
		      struct found *found)
{
	if (first.v == 0)
		return 0;
	int r = look_at(apply, tenant, first, "repeat", found);
	if (r == 0)
		found->on_ticket = true;
	return r == -ENOENT ? 0 : r;
}

/* ---- a new ticket */

/* The author of the mail that an agent forwarded by hand; not one of ours. */
static bool forwarded_by_hand(const struct apply *apply, const struct tenant *tenant)
{
	const struct people team = {.requester = STR(""),
				    .admin_email = tenant->admin_email,
				    .notify_email = tenant->notify_email};
	struct str author = apply->mail->forwarded_author.address;
	size_t at = str_find(author, '@');
	return !apply->quiet.automatic && author.len <= MAILADDR_PATH_MAX && at > 0 && at < author.len &&
	       !str_ieq(str_sub(author, at + 1, author.len), apply->task->maker.domain) &&
	       !people_has_agent(&team, author) && people_has_agent(&team, apply->from);
}

static int new_ticket(struct apply *apply, const struct ingest_recipient *recipient,
		      const struct decision *decision, struct ticket_id named, struct outcome *outcome)
{
	const struct parsed_mail *mail = apply->mail;
	struct ticket_wish wish = apply_wish(apply, decision);
	char reference[TICKET_REFERENCE_SIZE];
	wish.linked = named;
	if (forwarded_by_hand(apply, recipient->mailbox.tenant)) {
		wish.author = mail->forwarded_author.address;
		wish.author_name = mail->forwarded_author.name;
		if (mail->forwarded_subject.len)
			wish.subject = mail->forwarded_subject;
		wish.may_confirm = false;
		wish.about = ABOUT_FORWARDED_BY;
		wish.who = apply->from;
	} else if (named.v) {
		int r = ticket_reference(apply->txn, named, reference);
		if (r < 0)
			return r;
		wish.about = ABOUT_LINKED;
		wish.who = str_from(reference);
	}
	return apply_new_ticket(apply, recipient, decision, &wish, outcome);
}

/* ---- all of it */

static int take_complaint(struct apply *apply, const struct tenant *tenant, struct outcome *outcome)
{
	struct outbox_row job;
	int r = apply_complaint(apply, &job);
	if (r <= 0)
		return r;
	outcome->kind = AUDIT_BOUNCE_REPORT;
	/* another tenant's ticket is nobody's business here */
	if (job.tenant.v != tenant->id.v || !apply->complaint.v)
		return 1;
	outcome->kind = AUDIT_EVENT;
	outcome->ticket = job.ticket;
	outcome->comment = apply->complaint;
	r = ticket_reference(apply->txn, job.ticket, outcome->reference);
	return r < 0 ? r : 1;
}

int apply_tenant(struct apply *apply, const struct ingest_recipient *recipient,
		 const struct decision *decision, struct ticket_id first, struct outcome *outcome)
{
	const struct tenant *tenant = recipient->mailbox.tenant;
	struct found found = {.rule = ""};
	int r = take_complaint(apply, tenant, outcome);
	if (r != 0)
		return r < 0 ? r : 0;
	if (apply->mail->forward_confirmation.len && !apply->quiet.nobody) {
		r = tell_forwarding(apply, tenant, outcome);
		if (r != -EINVAL) /* an admin without an address reads it as a ticket */
			return r;
	}
	r = find_returned(apply, tenant, &found.known);
	if (r == 0)
		return apply_event(apply, tenant, &found.known, decision, outcome);
	if (r != -ENOENT)
		return r;
	r = find_first(apply, tenant, first, &found);
	if (r == 0 && !found.on_ticket)
		r = find_thread(apply, tenant, &found);
	if (r < 0)
		return r;
	outcome->thread = found.rule;
	if (!found.on_ticket)
		return new_ticket(apply, recipient, decision, found.named, outcome);
	return apply_comment(apply, tenant, &found.known, decision, &found.speaker, outcome);
}
