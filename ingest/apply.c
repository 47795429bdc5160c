/*
 * Rows of one delivery. Writer thread; inside a savepoint that is rolled back when anything here fails, so
 *that a delivery's recipients are stored all or not at all.
 *
 * For each recipient:
 *
 *	seen before, same body            -> duplicate: accepted, nothing new
 *	same author and Message-ID, other -> a comment on the first one's ticket (SPEC section 3)
 *	a tenant's mailbox                -> client, ticket, comment, attachment records
 *	an operator's mailbox             -> an outbox job
 *
 * and in every case one audit row. The original is stored once, when the first recipient needs it. A mail
 *that could not be parsed is a ticket like any other, with the original as its attachment and a note that
 *says so.
 */
#include "ingest/apply.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "ingest/attachments.h"
#include "ingest/comment_note.h"
#include "ingest/route.h"
#include "storage/audit.h"
#include "storage/message.h"
#include "storage/outbox.h"
#include "storage/tenant_rows.h"
#include "storage/ticket.h"

/* The reply line holds 510 octets: code, enhanced code and id are the engine's. */
#define REPLY_TEXT_MAX    380
#define SUMMARY_MAX       512 /* octets of a header field in lists and in the audit */
#define OUTCOME_TEXT_SIZE 64
#define SCRATCH_MAX       (64 * 1024)

/* One delivery being stored. */
struct apply {
	struct ingest_task *task;
	struct delivery *delivery;
	const struct parsed_mail *mail;
	struct store_txn *txn;
	int64_t now_ms;
	struct message_id message; /* 0 until the original is stored */
	struct strbuf reply;
	struct arena scratch; /* texts for one recipient's rows: the delivery's own arena would fill up */
	size_t told;          /* recipients that the reply text names */
};

/* What became of one recipient. */
struct outcome {
	enum audit_outcome kind;
	struct ticket_id ticket;
	struct comment_id comment;
	struct message_id message;
	char reference[TICKET_REFERENCE_SIZE];
};

static int apply_recipient(struct apply *apply, const struct ingest_recipient *recipient);
static int apply_tenant(struct apply *apply, const struct ingest_recipient *recipient,
			const struct decision *decision, struct outcome *outcome);
static int apply_forward(struct apply *apply, const struct ingest_recipient *recipient,
			 struct outcome *outcome);
static int add_audit(struct apply *apply, const struct ingest_recipient *recipient,
		     const struct outcome *outcome, const char *reply, const char *error);

static struct str cut(struct str text, size_t max)
{
	if (text.len <= max)
		return text;
	while (max > 0 && ((unsigned char)text.ptr[max] & 0xc0) == 0x80)
		max--;
	return str_sub(text, 0, max);
}

static struct str first_author(const struct parsed_mail *mail)
{
	return mail->from.n ? mail->from.items[0].address : STR("");
}

/* The original, once per delivery. */
static int need_message(struct apply *apply)
{
	if (apply->message.v)
		return 0;
	const struct delivery *delivery = apply->delivery;
	const struct envelope *envelope = &delivery->envelope;
	struct message_row row = {
		.mail_id = delivery->id,
		.received_ms = envelope->received_ms,
		.reverse_path = envelope->reverse_path_text,
		.client_ip = envelope->client_ip,
		.helo = cut(envelope->helo, SUMMARY_MAX),
		.tls = envelope->tls,
		.protocol = envelope->protocol,
		.size = (int64_t)spooled_mail_size(delivery->mail),
		.trace_size = (int64_t)delivery->trace_size,
		.header_from = cut(first_author(apply->mail), SUMMARY_MAX),
		.header_subject = cut(apply->mail->subject, SUMMARY_MAX),
		.header_message_id = cut(apply->mail->message_id, SUMMARY_MAX),
	};
	memcpy(row.digest, apply->task->digests.content, sizeof(row.digest));
	return message_add(apply->txn, &row, delivery->mail, &apply->message);
}

static int add_attachments(struct apply *apply, struct comment_id comment, const struct tenant *tenant)
{
	const struct attachment_policy policy = attachment_policy_of(tenant);
	struct attachment_row row;
	int64_t offered = 0;
	int64_t position = 0;
	int r = 0;
	if (apply->task->parse.status != PARSE_OK) {
		attachment_record_original((int64_t)spooled_mail_size(apply->delivery->mail), &row);
		r = attachment_add(apply->txn, comment, &row);
		position++;
	}
	for (size_t i = 0; r == 0 && i < apply->mail->attachments_n; i++) {
		attachment_record(&policy, &apply->mail->attachments[i], ++position, &offered, &row);
		r = attachment_add(apply->txn, comment, &row);
	}
	return r;
}

static int add_comment(struct apply *apply, const struct tenant *tenant, struct ticket_id ticket,
		       struct client_id author, const struct decision *decision, struct outcome *outcome)
{
	const struct parsed_mail *mail = apply->mail;
	const struct attachment_policy policy = attachment_policy_of(tenant);
	char note[COMMENT_NOTE_MAX];
	struct comment_row row = {
		.ticket = ticket,
		.tenant = tenant->id,
		.message = apply->message,
		.author_kind = COMMENT_BY_CLIENT,
		.author = author,
		.author_address = decision->author,
		.visibility = COMMENT_PUBLIC,
		.text = mail->text,
		.reply = str_eq(mail->reply, mail->text) ? (struct str){NULL, 0} : mail->reply,
		.note = comment_note(mail, apply->task->parse.status, &policy, note),
		.header_message_id = cut(mail->message_id, SUMMARY_MAX),
		.automatic = decision->automatic,
		.created_ms = apply->now_ms,
	};
	int r = comment_add(apply->txn, &row, &outcome->comment);
	return r < 0 ? r : add_attachments(apply, outcome->comment, tenant);
}

static int upsert_author(struct apply *apply, const struct tenant *tenant, const struct decision *decision,
			 struct client_id *ret)
{
	struct str name = decision->author_name;
	if (name.len == 0) {
		struct str local = str_sub(decision->author, 0, str_find(decision->author, '@'));
		int r = mail_name_from_local(&apply->scratch, local, &name);
		if (r < 0)
			return r;
	}
	return client_upsert(apply->txn, tenant->id, decision->author, cut(name, SUMMARY_MAX), apply->now_ms,
			     ret);
}

static int new_ticket(struct apply *apply, const struct ingest_recipient *recipient,
		      const struct decision *decision, struct outcome *outcome)
{
	const struct tenant *tenant = recipient->mailbox.tenant;
	struct ticket_row row = {
		.tenant = tenant->id,
		.status = TICKET_OPEN,
		.tag = recipient->mailbox.detail,
		.addressed_to = cut(decision->addressed_to, SUMMARY_MAX),
		.automatic = decision->automatic,
		.assignee = STR(""),
		.created_ms = apply->now_ms,
	};
	int r = mail_ticket_subject(&apply->scratch, cut(apply->mail->subject, 4096),
				    tenant->reference_prefix, &row.subject);
	if (r < 0)
		return r;
	r = upsert_author(apply, tenant, decision, &row.requester);
	if (r < 0)
		return r;
	int64_t number;
	r = ticket_add(apply->txn, &row, &outcome->ticket, &number, outcome->reference);
	if (r < 0)
		return r;
	outcome->kind = AUDIT_CREATED;
	return add_comment(apply, tenant, outcome->ticket, row.requester, decision, outcome);
}

/* SPEC section 5, effects: a customer's comment waits for an agent, and opens again what was done. */
static int touch_ticket(struct apply *apply, struct ticket_id ticket)
{
	struct ticket_row row;
	int r = ticket_get(apply->txn, ticket, &row);
	if (r < 0)
		return r;
	bool done = row.status == TICKET_RESOLVED || row.status == TICKET_CLOSED;
	struct ticket_change change = {.status = done ? TICKET_REOPENED : TICKET_WAITING_ON_AGENT};
	return ticket_update(apply->txn, ticket, &change, apply->now_ms);
}

static int comment_on_first(struct apply *apply, const struct tenant *tenant, struct ticket_id ticket,
			    const struct decision *decision, struct outcome *outcome)
{
	struct client_id author;
	outcome->ticket = ticket;
	outcome->kind = AUDIT_COMMENTED;
	int r = ticket_reference(apply->txn, ticket, outcome->reference);
	if (r == 0)
		r = upsert_author(apply, tenant, decision, &author);
	if (r == 0)
		r = add_comment(apply, tenant, ticket, author, decision, outcome);
	if (r == 0 && !decision->automatic)
		r = touch_ticket(apply, ticket);
	return r;
}

/* A repeat is not stored again: its account points at the original of the first one. */
static int first_message(struct apply *apply, const struct repeat *first, struct outcome *outcome)
{
	int r = message_find(apply->txn, &first->mail_id, &outcome->message);
	return r == -ENOENT ? 0 : r;
}

static int apply_tenant(struct apply *apply, const struct ingest_recipient *recipient,
			const struct decision *decision, struct outcome *outcome)
{
	const struct tenant *tenant = recipient->mailbox.tenant;
	struct repeat_key key;
	struct repeat first;
	mail_repeat_key(tenant->id, recipient->canonical, decision->author, apply->mail->message_id,
			&apply->task->digests, &key);
	int r = repeat_find(apply->txn, &key, &first);
	if (r < 0 && r != -ENOENT)
		return r;
	bool seen = r == 0;
	if (seen && first.same_body) {
		outcome->kind = AUDIT_DUPLICATE;
		outcome->ticket = first.ticket;
		r = first_message(apply, &first, outcome);
		return r < 0 ? r : ticket_reference(apply->txn, first.ticket, outcome->reference);
	}
	r = need_message(apply);
	if (r < 0)
		return r;
	if (seen)
		r = comment_on_first(apply, tenant, first.ticket, decision, outcome);
	else
		r = new_ticket(apply, recipient, decision, outcome);
	outcome->message = apply->message;
	return r < 0 ? r : repeat_add(apply->txn, &key, outcome->ticket, &apply->delivery->id, apply->now_ms);
}

static int apply_forward(struct apply *apply, const struct ingest_recipient *recipient,
			 struct outcome *outcome)
{
	struct repeat_key key;
	struct repeat first;
	mail_repeat_key((struct tenant_id){0}, recipient->canonical, first_author(apply->mail),
			apply->mail->message_id, &apply->task->digests, &key);
	int r = repeat_find(apply->txn, &key, &first);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && first.same_body) {
		outcome->kind = AUDIT_DUPLICATE;
		return first_message(apply, &first, outcome);
	}
	r = need_message(apply);
	if (r < 0)
		return r;
	struct outbox_row job = {
		.kind = OUTBOX_FORWARD,
		.message = apply->message,
		.recipient = recipient->mailbox.forward_to,
		.mailbox = recipient->mailbox.name,
		.header_message_id = cut(apply->mail->message_id, SUMMARY_MAX),
		.created_ms = apply->now_ms,
		.due_ms = apply->now_ms,
	};
	struct outbox_id id;
	r = outbox_add(apply->txn, &job, &id);
	if (r < 0)
		return r;
	apply->task->jobs_due = true;
	outcome->kind = AUDIT_FORWARDED;
	outcome->message = apply->message;
	return repeat_add(apply->txn, &key, (struct ticket_id){0}, &apply->delivery->id, apply->now_ms);
}

/* "created ticket=ACME-00042" */
static void describe(const struct ingest_recipient *recipient, const struct outcome *outcome,
		     char ret[OUTCOME_TEXT_SIZE])
{
	const char *name = audit_outcome_name(outcome->kind);
	if (outcome->reference[0])
		snprintf(ret, OUTCOME_TEXT_SIZE, "%s ticket=%s", name, outcome->reference);
	else
		snprintf(ret, OUTCOME_TEXT_SIZE, "%s mailbox=%.*s", name,
			 STR_ARG(cut(recipient->mailbox.name, 40)));
}

/* What does not fit any more into the one reply is counted. */
static void tell(struct apply *apply, const char *text)
{
	struct strbuf *reply = &apply->reply;
	if (reply->len > REPLY_TEXT_MAX - OUTCOME_TEXT_SIZE - 2)
		return;
	if (reply->len)
		strbuf_adds(reply, ", ");
	strbuf_adds(reply, text);
	apply->told++;
}

static int add_audit(struct apply *apply, const struct ingest_recipient *recipient,
		     const struct outcome *outcome, const char *reply, const char *error)
{
	const struct delivery *delivery = apply->delivery;
	const struct envelope *envelope = &delivery->envelope;
	const struct parsed_mail *mail = apply->mail;
	struct strbuf to, verdict;
	strbuf_init(&to, MAILADDR_PATH_MAX + 64);
	strbuf_init(&verdict, SUMMARY_MAX);
	mailaddr_print(&recipient->recipient.forward_path, &to);
	if (mail)
		strbuf_printf(&verdict, "%s%s%.*s", mail_class_name(mail->class),
			      mail->class_rule.len ? ":" : "", STR_ARG(cut(mail->class_rule, 128)));
	if (apply->task->parse.status != PARSE_OK)
		strbuf_printf(&verdict, " %s", parse_status_name(apply->task->parse.status));
	struct audit_row row = {
		.mail_id = delivery->id,
		.received_ms = envelope->received_ms,
		.tenant = recipient->mailbox.tenant ? recipient->mailbox.tenant->id : (struct tenant_id){0},
		.reverse_path = envelope->reverse_path_text,
		.recipient = strbuf_str(&to),
		.client_ip = envelope->client_ip,
		.helo = cut(envelope->helo, SUMMARY_MAX),
		.tls = envelope->tls,
		.protocol = envelope->protocol,
		.size = (int64_t)spooled_mail_size(delivery->mail),
		.header_from = mail ? cut(first_author(mail), SUMMARY_MAX) : STR(""),
		.header_subject = mail ? cut(mail->subject, SUMMARY_MAX) : STR(""),
		.header_message_id = mail ? cut(mail->message_id, SUMMARY_MAX) : STR(""),
		.verdict = strbuf_str(&verdict),
		.outcome = outcome->kind,
		.reply = str_from(reply),
		.ticket = outcome->ticket,
		.comment = outcome->comment,
		.message = outcome->message,
		.error = str_from(error),
		.parse_us = apply->task->parse.parse_us,
	};
	int r = audit_add(apply->txn, &row);
	strbuf_done(&to);
	strbuf_done(&verdict);
	return r;
}

static int apply_recipient(struct apply *apply, const struct ingest_recipient *recipient)
{
	struct decision decision;
	struct outcome outcome = {0};
	route_decide(&apply->delivery->envelope, recipient, apply->mail, &decision);
	int r = decision.route == ROUTE_FORWARD ? apply_forward(apply, recipient, &outcome)
						: apply_tenant(apply, recipient, &decision, &outcome);
	if (r < 0)
		return r;
	char text[OUTCOME_TEXT_SIZE];
	describe(recipient, &outcome, text);
	tell(apply, text);
	return add_audit(apply, recipient, &outcome, text, "");
}

int ingest_apply(struct ingest_task *task, struct store_txn *txn)
{
	struct delivery *delivery = task->delivery;
	struct apply apply = {
		.task = task,
		.delivery = delivery,
		.mail = task->parse.parsed,
		.txn = txn,
		.now_ms = clock_now_ms(),
	};
	int r = 0;
	task->jobs_due = false;
	strbuf_init(&apply.reply, REPLY_TEXT_MAX);
	arena_init(&apply.scratch, SCRATCH_MAX);
	LIST_FOREACH(node, &delivery->envelope.recipients) {
		r = apply_recipient(&apply, CONTAINER_OF(node, struct ingest_recipient, recipient.link));
		arena_clear(&apply.scratch);
		if (r < 0)
			goto out;
	}
	size_t untold = delivery->envelope.recipients_n - apply.told;
	if (untold)
		strbuf_printf(&apply.reply, " and %zu more", untold);
	r = arena_copy(&delivery->arena, strbuf_str(&apply.reply), &delivery->reply_text);
out:
	arena_done(&apply.scratch);
	strbuf_done(&apply.reply);
	return r;
}

int ingest_apply_failure(struct ingest_task *task, struct store_txn *txn, const char *error)
{
	struct apply apply = {
		.task = task, .delivery = task->delivery, .mail = task->parse.parsed, .txn = txn};
	struct outcome outcome = {.kind = AUDIT_FAILED};
	int r = 0;
	LIST_FOREACH(node, &task->delivery->envelope.recipients) {
		r = add_audit(&apply, CONTAINER_OF(node, struct ingest_recipient, recipient.link), &outcome,
			      "", error);
		if (r < 0)
			break;
	}
	return r;
}
