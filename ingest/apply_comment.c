/*
 * A mail becomes a comment on a ticket that is there. Always true: who speaks is what speaker_of() said, and a mark
 * that it set is told in the note; what a machine wrote is an event, internal, that tells nobody and changes no
 * status; what of the text is ours, coming back as a quote, is not shown as the author's words.
 */
#include "ingest/apply_private.h"

#include <errno.h>

#include "ingest/quote_sent.h"
#include "ingest/text_fold.h"

#define SENT_TEXTS    8 /* of the ticket, that a reply is compared with */
#define SENT_TEXT_MAX ((size_t)64 * 1024)

int apply_know(struct apply *apply, const struct tenant *tenant, struct ticket_id id,
	       struct known_ticket *ret)
{
	struct conversation conversation = {
		.txn = apply->txn, .maker = &apply->task->maker, .tenant = tenant, .now_ms = apply->now_ms};
	struct str none = STR("");
	int r = ticket_get(apply->txn, id, &ret->row);
	if (r < 0)
		return r;
	if (ret->row.tenant.v != tenant->id.v)
		return -ENOENT;
	/* its views end with the next statement */
	ret->row.reference = ret->row.subject = ret->row.tag = ret->row.addressed_to = ret->row.assignee =
		none;
	return conversation_people(&conversation, &ret->row, &apply->scratch, &ret->people);
}

struct comment_row apply_comment_row(const struct apply *apply, const struct tenant *tenant,
				     enum comment_about about, struct str who, char *note_buf)
{
	const struct parsed_mail *mail = apply->mail;
	const struct attachment_policy policy = attachment_policy_of(tenant);
	char note[COMMENT_NOTE_MAX];
	struct str read = comment_note(mail, apply->task->parse.status, &policy, note);
	return (struct comment_row){
		.tenant = tenant->id,
		.message = apply->message,
		.text = mail->text,
		.reply = str_eq(mail->reply, mail->text) ? (struct str){NULL, 0} : mail->reply,
		.note = comment_note_about(about, who, read, note_buf),
		.header_message_id = utf8_cut(mail->message_id, SUMMARY_MAX),
		.created_ms = apply->now_ms,
	};
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

int apply_add_comment(struct apply *apply, const struct tenant *tenant, const struct comment_row *row,
		      struct comment_id *ret)
{
	int r = comment_add(apply->txn, row, ret);
	return r < 0 ? r : add_attachments(apply, *ret, tenant);
}

/* ---- who wrote it */

static struct str other_client(const struct people *people, struct str address)
{
	for (size_t i = 0; i < people->others_n; i++)
		if (people->others[i].kind == PARTICIPANT_CLIENT &&
		    str_ieq(people->others[i].address, address))
			return people->others[i].address;
	return STR("");
}

/* A stranger's has no client: nobody becomes one by writing to somebody else's ticket. */
static int set_author(struct apply *apply, const struct known_ticket *known, const struct decision *decision,
		      const struct speaker *speaker, struct comment_row *row)
{
	struct str other = other_client(&known->people, decision->author);
	row->author_address = decision->author;
	row->author_kind = speaker->kind == SPEAKER_AGENT ? COMMENT_BY_AGENT : COMMENT_BY_CLIENT;
	if (speaker->kind != SPEAKER_CLIENT)
		return 0;
	row->author = known->row.requester;
	if (other.len == 0 || str_ieq(other, known->people.requester))
		return 0;
	return client_upsert(apply->txn, known->row.tenant, other, decision->author_name, apply->now_ms,
			     &row->author);
}

/* Who has no address in From, or several, may be somebody on the ticket all the same. */
static enum comment_about about_stranger(const struct apply *apply)
{
	size_t n = 0;
	for (size_t i = 0; i < apply->mail->from.n; i++)
		n += str_has(apply->mail->from.items[i].address, STR("@"));
	return apply->from.len ? ABOUT_STRANGER : n ? ABOUT_SEVERAL_AUTHORS : ABOUT_NO_AUTHOR;
}

static enum comment_about about_of(const struct apply *apply, const struct speaker *speaker)
{
	static const struct {
		const char *mark;
		enum comment_about about;
	} abouts[] = {
		{"no-text", ABOUT_NO_TEXT},
		{"stranger", ABOUT_STRANGER},
		{"agent-under-client-token", ABOUT_AGENT_AS_CLIENT},
		{"agent-without-token", ABOUT_AGENT_UNPROVEN},
	};
	for (size_t i = 0; i < ARRAY_SIZE(abouts); i++)
		if (strcmp(speaker->mark, abouts[i].mark) == 0)
			return abouts[i].about == ABOUT_STRANGER ? about_stranger(apply) : abouts[i].about;
	return ABOUT_NOTHING;
}

/* ---- what is new in it */

/* In out when something of ours was set aside; else the row's stays. */
static int set_new_part(struct apply *apply, struct ticket_id ticket, struct strbuf *out,
			struct comment_row *row)
{
	struct str *texts;
	size_t n;
	if (apply->mail->reply.len == 0)
		return 0;
	int r = comment_texts(apply->txn, ticket, SENT_TEXTS, SENT_TEXT_MAX, &apply->scratch, &texts, &n);
	if (r < 0 || n == 0)
		return r;
	/* a reply that is too long for the buffer is shown as it is */
	if (quote_sent_set_aside(apply->mail->reply, texts, n, out) == 1)
		row->reply = strbuf_str(out);
	return 0;
}

/* ---- the two kinds */

int apply_event(struct apply *apply, const struct tenant *tenant, const struct known_ticket *known,
		const struct decision *decision, struct outcome *outcome)
{
	char note[APPLY_NOTE_MAX];
	struct speaker speaker = speaker_of(&known->people, 0, apply->from);
	struct comment_row row = apply_comment_row(apply, tenant, ABOUT_EVENT, decision->author, note);
	row.ticket = outcome->ticket = known->row.id;
	row.automatic = true;
	row.visibility = COMMENT_INTERNAL;
	outcome->kind = AUDIT_EVENT;
	int r = set_author(apply, known, decision, &speaker, &row);
	if (r == 0)
		r = ticket_reference(apply->txn, known->row.id, outcome->reference);
	return r < 0 ? r : apply_add_comment(apply, tenant, &row, &outcome->comment);
}

static int follow_up(struct apply *apply, const struct tenant *tenant, const struct known_ticket *known,
		     const struct speaker *speaker, const struct outcome *outcome)
{
	struct conversation conversation = {
		.txn = apply->txn, .maker = &apply->task->maker, .tenant = tenant, .now_ms = apply->now_ms};
	const struct conversation_comment made = {
		.ticket = &known->row,
		.comment = outcome->comment,
		.speaker = *speaker,
		.author_address = apply->from,
		.people = &known->people,
		.storm = outcome->storm,
	};
	int r = conversation_commented(&conversation, &made);
	apply->task->jobs_due |= conversation.jobs_due;
	return r;
}

static int look_for_storm(struct apply *apply, const struct tenant *tenant, const struct known_ticket *known,
			  struct outcome *outcome)
{
	struct conversation conversation = {
		.txn = apply->txn, .maker = &apply->task->maker, .tenant = tenant, .now_ms = apply->now_ms};
	int r = conversation_storm_on(&conversation, known->row.id, &outcome->storm);
	if (r == 0 && outcome->storm)
		outcome->quota = quota_verdict_name(QUOTA_STORM);
	return r;
}

/* For the note: one of several names in From is not to look like the one who wrote it (THREATS H8). */
static struct str all_authors(struct apply *apply, const struct decision *decision)
{
	struct str text;
	size_t n = apply->mail->from.n;
	if (n < 2 || apply->from.len ||
	    arena_printf(&apply->scratch, &text, "several addresses at once (the first of %zu is %.*s)", n,
			 STR_ARG(utf8_cut(decision->author, MAILADDR_PATH_MAX))) < 0)
		return decision->author;
	return text;
}

/* An agent's slip of the finger, or a mail that could not be read, is no answer to send to the customer. */
static struct speaker with_something_to_say(const struct parsed_mail *mail, struct speaker speaker)
{
	bool answers = speaker.kind == SPEAKER_AGENT && speaker.visibility == COMMENT_PUBLIC;
	if (answers && str_trim(mail->text).len == 0 && mail->attachments_n == 0) {
		speaker.visibility = COMMENT_INTERNAL;
		speaker.mark = "no-text";
	}
	return speaker;
}

int apply_comment(struct apply *apply, const struct tenant *tenant, const struct known_ticket *known,
		  const struct decision *decision, const struct speaker *of_token, struct outcome *outcome)
{
	const struct speaker said = with_something_to_say(apply->mail, *of_token), *speaker = &said;
	char note[APPLY_NOTE_MAX];
	struct strbuf fresh;
	if (apply->quiet.automatic || apply->quiet.nobody)
		return apply_event(apply, tenant, known, decision, outcome);
	int r = look_for_storm(apply, tenant, known, outcome);
	if (r < 0)
		return r;
	enum comment_about about = about_of(apply, speaker);
	if (about == ABOUT_NOTHING && outcome->storm)
		about = ABOUT_STORM;
	struct comment_row row = apply_comment_row(apply, tenant, about, all_authors(apply, decision), note);
	row.ticket = outcome->ticket = known->row.id;
	row.visibility = speaker->visibility;
	outcome->kind = AUDIT_COMMENTED;
	outcome->speaker = speaker->mark;
	strbuf_init(&fresh, QUOTE_SENT_TEXT_MAX + 16);
	r = set_author(apply, known, decision, speaker, &row);
	if (r == 0)
		r = ticket_reference(apply->txn, known->row.id, outcome->reference);
	if (r == 0)
		r = set_new_part(apply, known->row.id, &fresh, &row);
	if (r == 0)
		r = apply_add_comment(apply, tenant, &row, &outcome->comment);
	strbuf_done(&fresh);
	return r < 0 ? r : follow_up(apply, tenant, known, speaker, outcome);
}
