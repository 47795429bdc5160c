/*
 * A mail of our own: values for the templates, fields, text and HTML, and the files of an answer. What is always true:
 *
 *  1. Only what is in the table `kinds` reaches a template: nothing of the customer's reaches a confirmation, even if an
 *     operator's template asks for it (SPEC section 4).
 *  2. Everything in the mail is 7-bit but an internationalised address; the octets between boundaries are quoted-printable
 *     or base64, so no boundary is in them.
 *  3. Files are read first: what can't be had is named in the text.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "outbound/clean_text.h"
#include "outbound/compose_private.h"
#include "outbound/mime_writer.h"
#include "outbound/templates_words.h"
#include "storage/participant.h"
#include "tenant/reply_token.h"

#define TEXT_MAX       ((size_t)256 * 1024)      /* octets of a comment's text that a mail repeats */
#define RENDERED_MAX   ((size_t)4 * 1024 * 1024) /* octets of the text or the HTML */
#define THREAD_MAX     3000                      /* octets of References */
#define FILES_MAX      100                       /* that are looked at; comments have fewer */
#define FILES_SPARED   ((size_t)6 * 1024 * 1024) /* octets of COMPOSED_MAX that are not for files */
#define REPLY_ADDR_MAX 400

/* What of the ticket a mail shows: nothing that is not named here reaches a template. */
enum {
	SHOWS_TICKET = 1,
	SHOWS_TEXT = 2,
	SHOWS_AUTHOR = 4,
	SHOWS_STATUS = 8,
	SHOWS_FAILURE = 16,
	SHOWS_JOB = 32
};

static const struct kind {
	const char *auto_submitted; /* RFC 3834 5 */
	enum loop_kind loop;
	int64_t participant; /* when the job names none; 0: it is about no ticket, and there is no reply address */
	unsigned shows;
} kinds[] = {
	[OUTBOX_NOTIFY_TICKET] = {"auto-generated", LOOP_NOTICE, PARTICIPANT_TEAM,
				  SHOWS_TICKET | SHOWS_TEXT | SHOWS_AUTHOR},
	[OUTBOX_CONFIRM] = {"auto-replied", LOOP_NOTICE, PARTICIPANT_REQUESTER, 0},
	[OUTBOX_NOTIFY_COMMENT] = {"auto-generated", LOOP_NOTICE, PARTICIPANT_TEAM,
				   SHOWS_TICKET | SHOWS_TEXT | SHOWS_AUTHOR | SHOWS_STATUS},
	[OUTBOX_ANSWER] = {"auto-generated", LOOP_ANSWER, PARTICIPANT_REQUESTER, SHOWS_TICKET | SHOWS_TEXT},
	[OUTBOX_NOTIFY_FAILURE] = {"auto-generated", LOOP_NOTICE, PARTICIPANT_TEAM,
				   SHOWS_TICKET | SHOWS_FAILURE},
	[OUTBOX_NOTIFY_ASSIGNED] = {"auto-generated", LOOP_NOTICE, PARTICIPANT_TEAM,
				    SHOWS_TICKET | SHOWS_TEXT | SHOWS_AUTHOR | SHOWS_STATUS},
	[OUTBOX_FORWARDING] = {"auto-generated", LOOP_NOTICE, 0, SHOWS_JOB},
};

/* A file that goes with an answer: octets of `files`. */
struct sent_file {
	const struct attachment_row *row;
	size_t from, to;
};

struct own_mail {
	struct composing *composing;
	const struct kind *kind;
	struct str locale;
	struct template_values values;
	struct strbuf text_buf;
	struct template_attachment *attachments;
	char (*sizes)[32];
	struct strbuf files;
	struct sent_file sent[FILES_MAX];
	size_t sent_n;
};

/* ---- files */

static void print_size(int64_t octets, char ret[32])
{
	struct strbuf buf;
	static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
	double size = octets > 0 ? (double)octets : 0;
	size_t unit = 0;
	for (; size >= 1000 && unit + 1 < ARRAY_SIZE(units); unit++)
		size /= 1024;
	strbuf_init(&buf, 32);
	strbuf_printf(&buf, unit == 0 || size >= 10 ? "%.0f %s" : "%.1f %s", size, units[unit]);
	memcpy(ret, strbuf_str(&buf).ptr, buf.len);
	ret[buf.len] = '\0';
	strbuf_done(&buf);
}

/* 0: it is in files; 1: it is named, for the reason in *ret_word; -errno. */
static int read_file(struct own_mail *mail, const struct attachment_row *row, size_t room,
		     enum template_word *ret_word)
{
	const struct composer *composer = mail->composing->composer;
	size_t from = mail->files.len;
	*ret_word = WORD_MAIL_FULL;
	if (row->size < 0 || (uint64_t)row->size > room - from || mail->sent_n == FILES_MAX)
		return 1;
	mail->files.len_max = room;
	int r = composer->attachment(composer->attachment_ctx, &mail->composing->outgoing->comment_mail,
				     row->part, &mail->files);
	if (r == 0 && !mail->files.overflow) {
		mail->sent[mail->sent_n++] = (struct sent_file){row, from, mail->files.len};
		return 0;
	}
	mail->files.len = from;
	mail->files.overflow = false;
	if (r < 0 && r != -ENOENT && r != -EMSGSIZE && r != -ENOBUFS)
		return r;
	*ret_word = r == -ENOENT ? WORD_NOT_AVAILABLE : WORD_MAIL_FULL;
	return 1;
}

/* How many octets of files there is room for: base64 makes 78 of 57. */
static size_t files_room(const struct composer *composer)
{
	const size_t most = (COMPOSED_MAX - FILES_SPARED) / 78 * 57;
	if (composer->attachments_max <= 0)
		return 0;
	return (uint64_t)composer->attachments_max < most ? (size_t)composer->attachments_max : most;
}

static int set_attachments(struct own_mail *mail)
{
	const struct outgoing *outgoing = mail->composing->outgoing;
	bool send = outgoing->job.kind == OUTBOX_ANSWER && mail->composing->composer->attachment &&
		    outgoing->comment_mail.text[0];
	size_t n = mail->kind->shows & SHOWS_TEXT ? outgoing->attachments_n : 0;
	size_t room = files_room(mail->composing->composer);
	mail->attachments = xcalloc(n + 1, sizeof(*mail->attachments));
	mail->sizes = xcalloc(n + 1, sizeof(*mail->sizes));
	for (size_t i = 0; i < n; i++) {
		const struct attachment_row *row = &outgoing->attachments[i];
		enum template_word word = WORD_NOT_AVAILABLE;
		print_size(row->size, mail->sizes[i]);
		mail->attachments[i] =
			(struct template_attachment){row->filename, str_from(mail->sizes[i]),
						     template_left_out(mail->locale, row->left_out)};
		int r = row->left_out.len ? 0 : send ? read_file(mail, row, room, &word) : 0;
		if (r < 0)
			return r;
		/* an answer has the file, or says that it hasn't */
		if (r > 0 || (outgoing->job.kind == OUTBOX_ANSWER && !send && !row->left_out.len))
			mail->attachments[i].left_out = template_word(mail->locale, word);
	}
	mail->values.attachments = mail->attachments;
	mail->values.attachments_n = n;
	return 0;
}

/* ---- values */

static void set_text(struct own_mail *mail, struct str text)
{
	struct str cut = utf8_cut(text, TEXT_MAX);
	mail->values.text = cut;
	if (cut.len == text.len)
		return;
	strbuf_add(&mail->text_buf, cut);
	strbuf_adds(&mail->text_buf, "\n\n[");
	strbuf_add(&mail->text_buf, template_word(mail->locale, WORD_TEXT_CUT));
	strbuf_adds(&mail->text_buf, "]");
	mail->values.text = strbuf_str(&mail->text_buf);
}

static void set_author(struct own_mail *mail)
{
	const struct outgoing *outgoing = mail->composing->outgoing;
	const struct comment_row *comment = &outgoing->comment;
	struct template_values *values = &mail->values;
	values->author_address = comment->author_address;
	/* a stranger has no name here: the address is what there is to be seen (THREATS H8) */
	if (comment->author_kind == COMMENT_BY_CLIENT && comment->author.v > 0)
		values->author_name = outgoing->comment_author_name;
	else if (comment->author_kind == COMMENT_BY_SYSTEM || comment->author_address.len == 0)
		values->author_name = outgoing->tenant.name;
	values->internal = comment->visibility == COMMENT_INTERNAL;
	values->automatic = comment->automatic;
	values->note = comment->note;
	values->first = outgoing->thread_n <= 1;
}

static void set_values(struct own_mail *mail, struct str tenant_address)
{
	const struct outgoing *outgoing = mail->composing->outgoing;
	unsigned shows = mail->kind->shows;
	struct template_values *values = &mail->values;
	values->tenant_name = outgoing->tenant.name;
	values->tenant_address = tenant_address;
	values->signature = outgoing->tenant.signature;
	values->logo_url = outgoing->tenant.logo_url;
	values->reference = outgoing->ticket.reference;
	if (shows & SHOWS_TICKET) {
		values->subject = outgoing->ticket.subject;
		values->customer_name = outgoing->requester_name;
		values->customer_address = outgoing->requester_address;
		values->addressed_to = outgoing->ticket.addressed_to;
	}
	if (shows & SHOWS_AUTHOR && outgoing->comment.id.v > 0)
		set_author(mail);
	if (shows & SHOWS_STATUS)
		values->status = template_status(mail->locale, outgoing->ticket.status);
	if (shows & SHOWS_TEXT)
		set_text(mail,
			 outgoing->comment.reply.ptr ? outgoing->comment.reply : outgoing->comment.text);
	if (shows & SHOWS_JOB) {
		set_text(mail, outgoing->job.text);
		values->provider = outgoing->job.mailbox;
	}
	if (shows & SHOWS_FAILURE) {
		/* mail that is not to the team is to the requester (tenant/notice.h) */
		values->recipient = outgoing->requester_address;
		values->why = outgoing->job.text;
	}
}

/* ---- fields */

/* The customer's answer to this is a comment of his: reply+TOKEN. */
static void add_reply_to(struct own_mail *mail)
{
	const struct outgoing *outgoing = mail->composing->outgoing;
	const struct composer *composer = mail->composing->composer;
	struct reply_token token = {.ticket = outgoing->ticket.number,
				    .participant = outgoing->job.participant};
	char text[REPLY_TOKEN_MAX + 1];
	struct strbuf address;
	if (token.participant == 0)
		token.participant = mail->kind->participant;
	if (token.participant == 0 || outgoing->tenant.slug.len > SLUG_MAX)
		return;
	memcpy(token.slug, outgoing->tenant.slug.ptr, outgoing->tenant.slug.len);
	/* a ticket beyond all numbers: mail to {slug}@ finds it by our Message-ID */
	if (reply_token_mint(composer->keys, &token, text) < 0)
		return;
	strbuf_init(&address, REPLY_ADDR_MAX);
	strbuf_printf(&address, "reply+%s@%s", text, composer->domain);
	mime_field_mailbox(&mail->composing->ret->head, "Reply-To", outgoing->tenant.name,
			   strbuf_str(&address));
	strbuf_done(&address);
}

/* The conversation as the recipient has it: the first id and as many of the newest as the field holds. */
static void add_thread(struct own_mail *mail)
{
	const struct outgoing *outgoing = mail->composing->outgoing;
	struct strbuf *head = &mail->composing->ret->head;
	struct str valid[OUTGOING_THREAD_MAX];
	size_t n = 0, octets = 0, first;
	for (size_t i = 0; i < outgoing->thread_n && n < ARRAY_SIZE(valid); i++) {
		if (mime_id_valid(outgoing->thread[i]))
			valid[n++] = outgoing->thread[i];
	}
	if (n == 0)
		return;
	octets = valid[0].len;
	for (first = n; first > 1 && octets + valid[first - 1].len < THREAD_MAX; first--)
		octets += valid[first - 1].len + 3;
	struct str newest = valid[n - 1];
	memmove(&valid[1], &valid[first], (n - first) * sizeof(*valid));
	mime_field_ids(head, "In-Reply-To", &newest, 1);
	mime_field_ids(head, "References", valid, 1 + n - first);
}

static int add_fields(struct own_mail *mail, struct str subject)
{
	struct composing *composing = mail->composing;
	struct strbuf *head = &composing->ret->head;
	int r = compose_message_id(composing, "Message-ID");
	if (r < 0)
		return r;
	compose_date(composing, "Date");
	mime_field_mailbox(head, "From", mail->values.tenant_name, mail->values.tenant_address);
	mime_field_mailbox(head, "To", STR(""), composing->ret->recipient);
	mime_field_text(head, "Subject", subject);
	if (mail->kind->participant) {
		add_reply_to(mail);
		add_thread(mail);
	}
	mime_field(head, "Auto-Submitted", str_from(mail->kind->auto_submitted));
	mime_field(head, "X-Auto-Response-Suppress", STR("All"));
	r = compose_loop_mark(composing, mail->kind->loop);
	mime_field(head, "MIME-Version", STR("1.0"));
	return r;
}

static void add_body(struct own_mail *mail, struct str text, struct str html)
{
	struct strbuf *head = &mail->composing->ret->head;
	char mixed[MIME_BOUNDARY_MAX], alternative[MIME_BOUNDARY_MAX];
	mime_boundary_make(mixed, "mixed", mail->composing->outgoing->job.id.v);
	mime_boundary_make(alternative, "alternative", mail->composing->outgoing->job.id.v);
	if (mail->sent_n) {
		mime_multipart(head, "mixed", mixed);
		mime_boundary(head, mixed);
	}
	mime_multipart(head, "alternative", alternative);
	mime_boundary(head, alternative);
	mime_text(head, "plain", text);
	mime_boundary(head, alternative);
	mime_text(head, "html", html);
	mime_multipart_end(head, alternative);
	for (size_t i = 0; i < mail->sent_n; i++) {
		const struct sent_file *file = &mail->sent[i];
		mime_boundary(head, mixed);
		mime_file(head, file->row->media_type, file->row->filename,
			  str_sub(strbuf_str(&mail->files), file->from, file->to));
	}
	if (mail->sent_n)
		mime_multipart_end(head, mixed);
}

/* ---- all together */

static int render(struct own_mail *mail)
{
	struct strbuf subject, text, html;
	strbuf_init(&subject, RENDERED_MAX); /* its field cuts it */
	strbuf_init(&text, RENDERED_MAX);
	strbuf_init(&html, RENDERED_MAX);
	int r = templates_render(mail->composing->composer->templates, mail->locale,
				 mail->composing->outgoing->job.kind, &mail->values, &subject, &text, &html);
	if (r == -ENOENT)
		r = compose_never(mail->composing, "there is no template for it");
	else if (r == -ENOBUFS)
		r = compose_never(mail->composing, "it does not fit into a mail");
	if (r == 0)
		r = add_fields(mail, strbuf_str(&subject));
	if (r == 0)
		add_body(mail, strbuf_str(&text), strbuf_str(&html));
	strbuf_done(&subject);
	strbuf_done(&text);
	strbuf_done(&html);
	return r;
}

static int check(struct composing *composing)
{
	const struct outgoing *outgoing = composing->outgoing;
	enum outbox_kind kind = outgoing->job.kind;
	if ((size_t)kind >= ARRAY_SIZE(kinds) || !kinds[kind].auto_submitted)
		return compose_never(composing, "there is no such kind of mail");
	if (outgoing->tenant.id.v == 0)
		return compose_never(composing, "its tenant is not there");
	if (kinds[kind].participant && outgoing->ticket.id.v == 0)
		return compose_never(composing, "its ticket is not there");
	/* whoever made such a job: what is internal does not get out (THREATS H5) */
	if (kind == OUTBOX_ANSWER &&
	    (outgoing->comment.id.v == 0 || outgoing->comment.visibility != COMMENT_PUBLIC))
		return compose_never(composing, "an internal comment is nothing for the customer");
	return 0;
}

int compose_own(struct composing *composing)
{
	const struct outgoing *outgoing = composing->outgoing;
	struct str tenant_address;
	int r = check(composing);
	if (r < 0)
		return r;
	r = arena_printf(&composing->ret->arena, &tenant_address, "%.*s@%s", STR_ARG(outgoing->tenant.slug),
			 composing->composer->domain);
	if (r < 0)
		return r;
	struct own_mail mail = {.composing = composing,
				.kind = &kinds[outgoing->job.kind],
				.locale = outgoing->tenant.locale};
	strbuf_init(&mail.text_buf, TEXT_MAX + 1024);
	strbuf_init(&mail.files, COMPOSED_MAX);
	r = set_attachments(&mail);
	if (r == 0) {
		set_values(&mail, tenant_address);
		r = render(&mail);
	}
	free(mail.attachments);
	free(mail.sizes);
	strbuf_done(&mail.text_buf);
	strbuf_done(&mail.files);
	return r;
}
