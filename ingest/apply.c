/*
 * Rows of one delivery. Writer thread; inside a savepoint that is rolled back when anything here fails, so that a
 * delivery's recipients are stored all or not at all.
 *
 * For each recipient:
 *
 *	seen before, same body     -> duplicate: accepted, nothing new
 *	a tenant's mailbox         -> a ticket, a comment, an event, a notice      apply_tenant.c
 *	a reply address            -> a comment or an event on its ticket          apply_reply.c
 *	a bounce address           -> the job that could not be delivered          apply_report.c
 *	an operator's mailbox      -> an outbox job that sends it on               apply_forward.c
 *
 * and in every case one audit row. The original is stored once, when the first recipient needs it. A mail that could
 * not be parsed is treated as any other, with the original as its attachment and a note that says so. Nothing is kept
 * from an earlier call: the writer may run the same delivery twice.
 */
#include "ingest/apply.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "ingest/apply_private.h"

/* The reply line holds 510 octets: code, enhanced code and id are the engine's. */
#define REPLY_TEXT_MAX    380
#define OUTCOME_TEXT_SIZE 64
/* For one recipient: texts that a reply is compared with, who is on its ticket. */
#define SCRATCH_MAX (2 * 1024 * 1024)

/* From names one author, or nobody that anything could follow from. */
static struct str one_author(const struct parsed_mail *mail)
{
	struct str author = STR("");
	size_t n = 0;
	for (size_t i = 0; i < mail->from.n; i++) {
		struct str address = mail->from.items[i].address;
		if (address.len > MAILADDR_PATH_MAX || str_find(address, '@') == address.len)
			continue;
		author = address;
		n++;
	}
	return n == 1 ? author : STR("");
}

/* The original, once per delivery. */
static int need_message(struct apply *apply)
{
	if (apply->message.v)
		return 0;
	const struct delivery *delivery = apply->delivery;
	const struct envelope *envelope = &delivery->envelope;
	const struct parsed_mail *mail = apply->mail;
	struct message_row row = {
		.mail_id = delivery->id,
		.received_ms = envelope->received_ms,
		.reverse_path = envelope->reverse_path_text,
		.client_ip = envelope->client_ip,
		.helo = utf8_cut(envelope->helo, SUMMARY_MAX),
		.tls = envelope->tls,
		.protocol = envelope->protocol,
		.size = (int64_t)spooled_mail_size(delivery->mail),
		.trace_size = (int64_t)delivery->trace_size,
		.header_from = mail->from.n ? utf8_cut(mail->from.items[0].address, SUMMARY_MAX) : STR(""),
		.header_subject = utf8_cut(mail->subject, SUMMARY_MAX),
		.header_message_id = utf8_cut(mail->message_id, SUMMARY_MAX),
	};
	memcpy(row.digest, apply->task->digests.content, sizeof(row.digest));
	return message_add(apply->txn, &row, delivery->mail, &apply->message);
}

/* ---- one recipient */

/* A repeat is not stored again: its account points at the original of the first one. */
static int duplicate(struct apply *apply, const struct repeat *first, struct outcome *outcome)
{
	outcome->kind = AUDIT_DUPLICATE;
	outcome->ticket = first->ticket;
	int r = message_find(apply->txn, &first->mail_id, &outcome->message);
	if (r < 0 && r != -ENOENT)
		return r;
	return first->ticket.v ? ticket_reference(apply->txn, first->ticket, outcome->reference) : 0;
}

static int carry_out(struct apply *apply, const struct ingest_recipient *recipient, struct ticket_id first,
		     const struct decision *decision, struct outcome *outcome)
{
	outcome->message = apply->message;
	switch (recipient->mailbox.role) {
	case MAILBOX_TENANT:
		return apply_tenant(apply, recipient, decision, first, outcome);
	case MAILBOX_REPLY:
		return apply_reply(apply, recipient, decision, outcome);
	case MAILBOX_BOUNCE:
		return apply_bounce(apply, recipient, decision, outcome);
	case MAILBOX_OPERATOR:
		return apply_forward(apply, recipient, outcome);
	}
	return -EINVAL;
}

static int take(struct apply *apply, const struct ingest_recipient *recipient,
		const struct decision *decision, struct outcome *outcome)
{
	const struct tenant *tenant = recipient->mailbox.tenant;
	struct repeat_key key;
	struct repeat first = {.same_body = false};
	mail_repeat_key(tenant ? tenant->id : (struct tenant_id){0}, recipient->canonical, decision->author,
			apply->mail->message_id, &apply->task->digests, &key);
	int r = repeat_find(apply->txn, &key, &first);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && first.same_body)
		return duplicate(apply, &first, outcome);
	struct ticket_id first_ticket = r == 0 ? first.ticket : (struct ticket_id){0};
	r = need_message(apply);
	if (r == 0)
		r = carry_out(apply, recipient, first_ticket, decision, outcome);
	return r < 0 ? r : repeat_add(apply->txn, &key, outcome->ticket, &apply->delivery->id, apply->now_ms);
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
			 STR_ARG(utf8_cut(recipient->mailbox.name, 40)));
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

static int apply_recipient(struct apply *apply, const struct ingest_recipient *recipient)
{
	const struct envelope *envelope = &apply->delivery->envelope;
	struct decision decision;
	struct outcome outcome = {.ticket = {0}};
	char text[OUTCOME_TEXT_SIZE];
	route_decide(envelope, recipient, apply->mail, &decision);
	quiet_decide(envelope, apply->mail, decision.author, &apply->task->maker, &apply->quiet);
	int r = take(apply, recipient, &decision, &outcome);
	if (r < 0)
		return r;
	describe(recipient, &outcome, text);
	tell(apply, text);
	return apply_audit(apply, recipient, &outcome, text, "");
}

/* ---- one delivery */

int ingest_apply(struct ingest_task *task, struct store_txn *txn)
{
	struct delivery *delivery = task->delivery;
	struct apply apply = {
		.task = task,
		.delivery = delivery,
		.mail = task->parse.parsed,
		.txn = txn,
		.now_ms = clock_now_ms(),
		.from = one_author(task->parse.parsed),
	};
	int r = 0;
	task->jobs_due = false;
	task->forward_loops = 0;
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
		r = apply_audit(&apply, CONTAINER_OF(node, struct ingest_recipient, recipient.link), &outcome,
				"", error);
		if (r < 0)
			break;
	}
	return r;
}
