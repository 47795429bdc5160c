/*
 * The account of one recipient (SPEC section 9): envelope, header summary, what we thought of the mail and what became
 * of it. The verdict is words: class and rule, what was wrong with parsing it, whose words a comment was taken for,
 * how its ticket was found, why nobody was answered.
 *
 *	normal speaker:stranger
 *	auto:auto-submitted thread:message-id
 *	normal quiet:client-cap
 */
#include "ingest/apply_private.h"

static void add_word(struct strbuf *out, const char *key, const char *word)
{
	if (word && word[0])
		strbuf_printf(out, " %s:%s", key, word);
}

/* What the class and its rule say already is not said again. */
static const char *quiet_word(const struct apply *apply, const struct outcome *outcome)
{
	if (outcome->quota && outcome->quota[0])
		return outcome->quota;
	if (outcome->kind == AUDIT_FORWARDED || apply->mail->class != MAIL_NORMAL || !apply->mail->answerable)
		return apply->quiet.loop == LOOP_NONE ? "" : apply->quiet.why;
	return apply->quiet.why;
}

static void print_verdict(const struct apply *apply, const struct outcome *outcome, struct strbuf *out)
{
	const struct parsed_mail *mail = apply->mail;
	if (mail)
		strbuf_printf(out, "%s%s%.*s", mail_class_name(mail->class), mail->class_rule.len ? ":" : "",
			      STR_ARG(utf8_cut(mail->class_rule, 128)));
	if (apply->task->parse.status != PARSE_OK)
		strbuf_printf(out, " %s", parse_status_name(apply->task->parse.status));
	add_word(out, "thread", outcome->thread);
	add_word(out, "speaker", outcome->speaker);
	if (mail && outcome->kind != AUDIT_FAILED)
		add_word(out, "quiet", quiet_word(apply, outcome));
}

static struct tenant_id tenant_of(const struct ingest_recipient *recipient, const struct outcome *outcome)
{
	if (recipient->mailbox.tenant)
		return recipient->mailbox.tenant->id;
	return outcome->tenant;
}

int apply_audit(struct apply *apply, const struct ingest_recipient *recipient, const struct outcome *outcome,
		const char *reply, const char *error)
{
	const struct delivery *delivery = apply->delivery;
	const struct envelope *envelope = &delivery->envelope;
	const struct parsed_mail *mail = apply->mail;
	struct strbuf to, verdict;
	strbuf_init(&to, MAILADDR_PATH_MAX + 64);
	strbuf_init(&verdict, SUMMARY_MAX);
	mailaddr_print(&recipient->recipient.forward_path, &to);
	print_verdict(apply, outcome, &verdict);
	struct audit_row row = {
		.mail_id = delivery->id,
		.received_ms = envelope->received_ms,
		.tenant = tenant_of(recipient, outcome),
		.reverse_path = envelope->reverse_path_text,
		.recipient = strbuf_str(&to),
		.client_ip = envelope->client_ip,
		.helo = utf8_cut(envelope->helo, SUMMARY_MAX),
		.tls = envelope->tls,
		.protocol = envelope->protocol,
		.size = (int64_t)spooled_mail_size(delivery->mail),
		.header_from =
			mail && mail->from.n ? utf8_cut(mail->from.items[0].address, SUMMARY_MAX) : STR(""),
		.header_subject = mail ? utf8_cut(mail->subject, SUMMARY_MAX) : STR(""),
		.header_message_id = mail ? utf8_cut(mail->message_id, SUMMARY_MAX) : STR(""),
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
