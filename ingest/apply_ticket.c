/*
 * A new ticket (SPEC section 4): the client's record if there is none, the ticket, its first comment, who is told. A
 * machine's mail makes a ticket that is marked so. Only the address that the ticket's requester has is ever confirmed to.
 */
#include "ingest/apply_private.h"

#define SUBJECT_READ_MAX 4096 /* octets of a subject that are looked at */

/* One mail may name very many recipients, and what follows from it by itself must not grow with them: confirmations to
 * its author, who may be forged, over all tenants; and a tenant's notices of its tickets, as acme+1, acme+2, ... */
#define DELIVERY_CONFIRMS 3
#define DELIVERY_NOTICES  5

struct ticket_wish apply_wish(const struct apply *apply, const struct decision *decision)
{
	return (struct ticket_wish){
		.author = decision->author,
		.author_name = decision->author_name,
		.subject = apply->mail->subject,
		.may_confirm = apply->quiet.may_confirm,
	};
}

static int upsert_author(struct apply *apply, const struct tenant *tenant, const struct ticket_wish *wish,
			 struct client_id *ret)
{
	struct str name = wish->author_name;
	if (name.len == 0) {
		struct str local = str_sub(wish->author, 0, str_find(wish->author, '@'));
		int r = mail_name_from_local(&apply->scratch, local, &name);
		if (r < 0)
			return r;
	}
	return client_upsert(apply->txn, tenant->id, wish->author, utf8_cut(name, SUMMARY_MAX), apply->now_ms,
			     ret);
}

static int add_first_comment(struct apply *apply, const struct tenant *tenant,
			     const struct ticket_row *ticket, const struct ticket_wish *wish,
			     struct outcome *outcome)
{
	char note[APPLY_NOTE_MAX];
	struct comment_row row = apply_comment_row(apply, tenant, wish->about, wish->who, note);
	if (wish->about == ABOUT_FORWARDED_BY && apply->mail->forwarded_text.len) {
		row.text = apply->mail->forwarded_text;
		row.reply = (struct str){NULL, 0};
	}
	row.ticket = ticket->id;
	row.author_kind = COMMENT_BY_CLIENT;
	row.author = ticket->requester;
	row.author_address = wish->author;
	row.visibility = COMMENT_PUBLIC;
	row.automatic = ticket->automatic;
	return apply_add_comment(apply, tenant, &row, &outcome->comment);
}

/* What an agent wrote above the mail that is forwarded: to colleagues. */
static int add_forwarding_words(struct apply *apply, const struct ticket_row *ticket,
				const struct ticket_wish *wish)
{
	struct comment_id ignored;
	char note[APPLY_NOTE_MAX];
	const struct comment_row row = {
		.ticket = ticket->id,
		.tenant = ticket->tenant,
		.message = apply->message,
		.author_kind = COMMENT_BY_AGENT,
		.author_address = wish->who,
		.visibility = COMMENT_INTERNAL,
		.text = apply->mail->forwarding_words,
		.note = comment_note_about(ABOUT_FORWARDING_WORDS, wish->who, STR(""), note),
		.header_message_id = STR(""),
		.created_ms = apply->now_ms,
	};
	if (wish->about != ABOUT_FORWARDED_BY || row.text.len == 0)
		return 0;
	return comment_add(apply->txn, &row, &ignored);
}

/* A confirmation goes to the one author that From names, or to where the mail says that it came from (RFC 3834 4); never
 * to one of several, nor to who only stands in Sender or Reply-To (THREATS A7). */
static void keep_to_one_author(struct apply *apply, const struct decision *decision, struct ticket_wish *wish)
{
	struct str reverse_path = apply->delivery->envelope.reverse_path_text;
	if (!wish->may_confirm || str_eq(decision->author, apply->from) ||
	    (apply->mail->from.n < 2 && str_eq(decision->author, reverse_path)))
		return;
	wish->may_confirm = false;
	apply->quiet.why = "no-one-author";
}

/* Tickets that this mail made in the tenant already. */
static size_t made_before(const struct apply *apply, const struct ingest_recipient *recipient)
{
	size_t n = 0;
	LIST_FOREACH(node, &apply->delivery->envelope.recipients) {
		const struct ingest_recipient *other =
			CONTAINER_OF(node, struct ingest_recipient, recipient.link);
		if (other == recipient)
			break;
		n += other->mailbox.role == MAILBOX_TENANT &&
		     other->mailbox.tenant == recipient->mailbox.tenant;
	}
	return n;
}

static int look_for_storm(struct apply *apply, const struct ingest_recipient *recipient,
			  struct client_id requester, struct outcome *outcome)
{
	struct conversation conversation = {
		.txn = apply->txn, .tenant = recipient->mailbox.tenant, .now_ms = apply->now_ms};
	int r = conversation_storm_by(&conversation, requester, &outcome->storm);
	outcome->storm = outcome->storm || made_before(apply, recipient) >= DELIVERY_NOTICES;
	return r;
}

static int tell(struct apply *apply, const struct tenant *tenant, const struct ticket_row *ticket,
		const struct ticket_wish *wish, struct outcome *outcome)
{
	bool may_confirm = wish->may_confirm && apply->confirmed < DELIVERY_CONFIRMS;
	struct conversation conversation = {
		.txn = apply->txn, .maker = &apply->task->maker, .tenant = tenant, .now_ms = apply->now_ms};
	const struct conversation_start start = {
		.ticket = ticket->id,
		.number = ticket->number,
		.comment = outcome->comment,
		.requester = ticket->requester,
		.requester_address = wish->author,
		.subject = ticket->subject,
		.quiet = apply->quiet.nobody,
		.may_confirm = may_confirm,
		.storm = outcome->storm,
		.limits = &apply->task->quota,
	};
	enum quota_verdict verdict;
	int r = conversation_started(&conversation, &start, &verdict);
	if (r < 0)
		return r;
	apply->confirmed += may_confirm && verdict == QUOTA_FREE;
	apply->task->jobs_due |= conversation.jobs_due;
	outcome->quota = quota_verdict_name(verdict);
	return 0;
}

int apply_new_ticket(struct apply *apply, const struct ingest_recipient *recipient,
		     const struct decision *decision, const struct ticket_wish *wish, struct outcome *outcome)
{
	struct ticket_wish noted = *wish;
	const struct tenant *tenant = recipient->mailbox.tenant;
	struct ticket_row row = {
		.tenant = tenant->id,
		.status = TICKET_OPEN,
		.tag = recipient->mailbox.detail,
		.addressed_to = utf8_cut(decision->addressed_to, SUMMARY_MAX),
		.automatic = apply->quiet.automatic,
		.linked = wish->linked,
		.assignee = STR(""),
		.created_ms = apply->now_ms,
	};
	int r = mail_ticket_subject(&apply->scratch, utf8_cut(wish->subject, SUBJECT_READ_MAX),
				    tenant->reference_prefix, &row.subject);
	if (r == 0)
		r = upsert_author(apply, tenant, wish, &row.requester);
	if (r == 0)
		r = look_for_storm(apply, recipient, row.requester, outcome);
	if (r == 0)
		r = ticket_add(apply->txn, &row, &row.id, &row.number, outcome->reference);
	if (r < 0)
		return r;
	keep_to_one_author(apply, decision, &noted);
	outcome->kind = AUDIT_CREATED;
	outcome->ticket = row.id;
	if (outcome->storm && noted.about == ABOUT_NOTHING) {
		noted.about = ABOUT_STORM;
		noted.who = wish->author;
	}
	r = add_first_comment(apply, tenant, &row, &noted, outcome);
	if (r == 0)
		r = add_forwarding_words(apply, &row, &noted);
	return r < 0 ? r : tell(apply, tenant, &row, &noted, outcome);
}
