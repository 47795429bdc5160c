/*
 * The whole way from raw mail data to struct parsed_mail: structure (mime_split), header fields, content,
 * attachments, kind of mail, new part of a reply.
 *
 *  1. Time is linear in the size of the mail, memory is bounded by the limits; the mail itself is never
 *     copied, attachments are decoded through a small buffer to count them.
 *  2. What is scratch lives in an arena of our own; only the result goes into the caller's.
 *  3. Whatever the octets are, *ret is a mail: what can't be read is missing, and `defects` says so.
 *
 * Runs in the parser child, on one thread (charset converters are cached per process).
 */
#include "ingest/mail.h"

#include <stdlib.h>

#include "base/strbuf.h"
#include "ingest/autoreply.h"
#include "ingest/autoreply_tables.h"
#include "ingest/bounce_reason.h"
#include "ingest/bounce_report.h"
#include "ingest/forwarded.h"
#include "ingest/mail_address.h"
#include "ingest/mail_charset.h"
#include "ingest/mail_content.h"
#include "ingest/mail_date.h"
#include "ingest/mail_files.h"
#include "ingest/mail_header.h"
#include "ingest/mail_param.h"
#include "ingest/mail_word.h"
#include "ingest/mime_split.h"
#include "ingest/quote.h"
#include "ingest/quote_tables.h"
#include "tenant/loop_mark.h"

#define SCRATCH_MAX       ((size_t)64 * 1024 * 1024)
#define NESTED_MAX        4   /* mails in mails that are looked into for a text */
#define PART_TYPES_MAX    200 /* media types shown to the classifier */
#define DEFECTS_SIZE      512
#define LOOP_MARK_SIZE    1024
#define SUMMARIES_SIZE    4096
#define RECEIPT_MAX       ((size_t)16 * 1024)
#define NESTED_DECODE_MAX ((size_t)4 * 1024 * 1024)

struct parse {
	struct arena *arena; /* the result's */
	struct arena scratch;
	const struct mail_limits *limits;
	struct str data;
	struct mime_tree tree;
	struct mail_content content;
	struct parsed_mail *mail;
	struct strbuf defects;
	struct str hint;      /* charset of raw 8-bit header fields */
	bool forward_block;   /* the text holds what somebody forwarded (quote.h) */
	bool nested_text;     /* the text is that of a mail in the mail */
	bool calendar_answer; /* somebody's calendar answers an invitation */
};

void mail_parse_init(void)
{
	mail_charset_init();
	quote_tables_init();
	autoreply_tables_init();
	bounce_reason_init();
}

static void defect(struct parse *parse, bool is, const char *word)
{
	if (is)
		strbuf_printf(&parse->defects, "%s%s", parse->defects.len ? " " : "", word);
}

static struct str keep(struct parse *parse, struct str s)
{
	struct str copy;
	return s.len && arena_copy(parse->arena, s, &copy) == 0 ? copy : STR("");
}

/* ---- header fields ---- */

static bool names_mailbox(const struct mail_mailboxes *list)
{
	return list->n && str_find(list->items[0].address, '@') < list->items[0].address.len;
}

static void read_mailboxes(struct parse *parse, struct str name, struct mail_mailboxes *ret)
{
	const struct mail_header *header = &parse->tree.header;

	for (size_t i = 0; i < header->n; i++)
		if (str_ieq(header->fields[i].name, name) &&
		    mail_address_list(parse->arena, header->fields[i].value, parse->hint,
				      parse->limits->addresses_max, ret) < 0)
			break;
}

static struct str first_id(struct parse *parse, struct str name)
{
	struct mail_strs ids = {0};

	mail_header_ids(parse->arena, mail_header_value(&parse->tree.header, name), 1, &ids);
	return ids.n ? ids.items[0] : STR("");
}

static struct str decoded_value(struct parse *parse, struct str name)
{
	struct str text;

	if (mail_word_text(parse->arena, mail_header_value(&parse->tree.header, name), parse->hint, &text) <
	    0)
		return STR("");
	return text;
}

static void read_addressed_to(struct parse *parse)
{
	static const struct str names[] = {STR_INIT("X-Forwarded-To"), STR_INIT("Delivered-To"),
					   STR_INIT("Resent-To"), STR_INIT("To")};

	for (size_t i = 0; i < ARRAY_SIZE(names) && !parse->mail->addressed_to.len; i++) {
		struct mail_mailboxes found = {0};
		struct str value = mail_header_value(&parse->tree.header, names[i]);
		if (mail_address_list(&parse->scratch, value, parse->hint, 1, &found) == 0 &&
		    names_mailbox(&found))
			parse->mail->addressed_to = keep(parse, found.items[0].address);
	}
}

/* A longer mark is nobody's, but something is to be seen of it. */
static void read_loop_mark(struct parse *parse)
{
	struct str value = mail_header_value(&parse->tree.header, STR(LOOP_MARK_FIELD));
	struct strbuf line;

	strbuf_init(&line, LOOP_MARK_SIZE);
	mail_charset_to_utf8(STR(""), STR(""), str_sub(value, 0, LOOP_MARK_SIZE / 3), &line);
	utf8_one_line(&line);
	parse->mail->loop_mark = keep(parse, strbuf_str(&line));
	strbuf_done(&line);
}

static void read_header(struct parse *parse)
{
	struct parsed_mail *mail = parse->mail;
	const struct mail_header *header = &parse->tree.header;

	mail->subject = decoded_value(parse, STR("Subject"));
	read_mailboxes(parse, STR("From"), &mail->from);
	read_mailboxes(parse, STR("Sender"), &mail->sender);
	read_mailboxes(parse, STR("Reply-To"), &mail->reply_to);
	read_mailboxes(parse, STR("To"), &mail->to);
	read_mailboxes(parse, STR("Cc"), &mail->cc);
	mail->message_id = first_id(parse, STR("Message-ID"));
	mail->in_reply_to = first_id(parse, STR("In-Reply-To"));
	mail_header_ids(parse->arena, mail_header_value(header, STR("References")),
			parse->limits->references_max, &mail->references);
	mail->date_ms = mail_date_parse(mail_header_value(header, STR("Date")));
	mail->received_n = (unsigned)mail_header_count(header, STR("Received"));
	read_addressed_to(parse);
	read_loop_mark(parse);
	defect(parse, !header->n, "no-header");
	defect(parse, header->n && !names_mailbox(&mail->from), "no-author");
	defect(parse, mail_header_count(header, STR("From")) > 1, "several-from-fields");
	defect(parse, header->cut, "long-field");
	defect(parse, str_find(str_sub(parse->data, 0, header->size), '\0') < header->size, "nul-in-header");
	defect(parse, mail->date_ms == 0 && mail_header_value(header, STR("Date")).len, "bad-date");
	defect(parse, header->eight_bit, "8bit-header");
	defect(parse, header->unfinished && header->n && parse->data.len > header->size, "no-empty-line");
}

/* ---- content ---- */

/* The first mail inside the mail, decoded; empty when there is none. octets holds it when it was encoded. */
static struct str nested_mail(const struct mime_tree *tree, struct strbuf *octets)
{
	for (size_t i = 0; i < tree->n; i++) {
		const struct mime_entity *entity = &tree->entities[i];
		if (!str_eq(entity->media_type, STR("message/rfc822")) &&
		    !str_eq(entity->media_type, STR("message/global")))
			continue;
		if (entity->encoding == MAIL_ENCODING_IDENTITY)
			return entity->body;
		strbuf_clear(octets);
		mail_decode(entity->encoding, entity->body, octets);
		return strbuf_str(octets);
	}
	return STR("");
}

static bool is_report(const struct mime_tree *tree)
{
	return tree->n && str_eq(tree->entities[0].media_type, STR("multipart/report"));
}

static struct mail_files_source files_source(struct parse *parse)
{
	return (struct mail_files_source){&parse->scratch, &parse->tree, &parse->content, parse->limits,
					  parse->hint};
}

/* A mail without a text says what its winmail.dat says; one that holds nothing but another mail, what that one says. */
static void read_content(struct parse *parse)
{
	struct mime_tree tree = parse->tree;
	struct strbuf octets[2];

	mail_content_read(&parse->scratch, &tree, parse->limits, &parse->content);
	if (is_report(&tree))
		return;
	if (!parse->content.text.len) {
		struct mail_files_source source = files_source(parse);
		mail_files_text(&source, &parse->content.text);
	}
	strbuf_init(&octets[0], NESTED_DECODE_MAX);
	strbuf_init(&octets[1], NESTED_DECODE_MAX);
	for (unsigned i = 0; i < NESTED_MAX && !parse->content.text.len; i++) {
		struct str inner = nested_mail(&tree, &octets[i % 2]);
		if (!inner.len || mime_split(&parse->scratch, inner, parse->limits, &tree) < 0)
			break;
		mail_content_read(&parse->scratch, &tree, parse->limits, &parse->content);
		parse->nested_text = true;
	}
	strbuf_done(&octets[0]);
	strbuf_done(&octets[1]);
}

/* Without blanks and line ends around it, but with the first line's indent. */
static struct str trim_text(struct str text)
{
	while (text.len && ascii_space(text.ptr[text.len - 1]))
		text.len--;
	size_t line = 0;
	for (size_t i = 0; i < text.len && ascii_space(text.ptr[i]); i++)
		if (text.ptr[i] == '\n')
			line = i + 1;
	return str_sub(text, line, text.len);
}

static void keep_content(struct parse *parse)
{
	struct parsed_mail *mail = parse->mail;
	struct str html = trim_text(strbuf_str(&parse->content.html_text));

	mail->has_html = parse->content.has_html;
	mail->text_from_html = parse->content.text_from_html;
	mail->text = keep(parse, trim_text(strbuf_str(&parse->content.text)));
	mail->text_cut = parse->content.cut;
	if (!html.len || str_eq(html, mail->text))
		mail->html_text = mail->text;
	else
		mail->html_text = keep(parse, html);
	defect(parse, parse->content.bad_charset, "bad-charset");
	defect(parse, parse->content.contradicted, "wrong-charset");
	defect(parse, parse->content.nul, "nul-in-text");
}

static void keep_reply(struct parse *parse)
{
	struct parsed_mail *mail = parse->mail;
	struct quote_facts facts = {
		.text = strbuf_str(&parse->content.text),
		.subject = mail->subject,
		.answers_mail = mail->in_reply_to.len || mail->references.n,
		.marks = parse->content.text_from_html ? &parse->content.marks : NULL,
	};
	struct strbuf reply;

	strbuf_init(&reply, parse->limits->text_max);
	struct quote_verdict verdict = {.forward = false};
	quote_new_part(&facts, &reply, &verdict);
	parse->forward_block = verdict.forward;
	struct str text = trim_text(strbuf_str(&reply));
	mail->reply = str_eq(text, mail->text) ? mail->text : keep(parse, text);
	if (!mail->reply.len)
		mail->reply = mail->text;
	strbuf_done(&reply);
}

/* ---- attachments ---- */

/* A mail without any text says what its calendar or its card says. */
static void keep_summary(struct parse *parse)
{
	struct parsed_mail *mail = parse->mail;
	struct mail_files_source source = files_source(parse);
	struct strbuf words;

	strbuf_init(&words, SUMMARIES_SIZE);
	mail_files_summary(&source, &words, &parse->calendar_answer);
	mail->summary = keep(parse, strbuf_str(&words));
	if (!mail->text.len)
		mail->text = mail->html_text = mail->reply = mail->summary;
	strbuf_done(&words);
}

/* ---- kind ---- */

static void classify(struct parse *parse)
{
	struct parsed_mail *mail = parse->mail;
	const struct mime_tree *tree = &parse->tree;
	struct str types[PART_TYPES_MAX], report_type = STR("");
	struct mail_verdict verdict;
	size_t n = 0;

	for (size_t i = 1; i < tree->n && n < PART_TYPES_MAX; i++)
		types[n++] = tree->entities[i].media_type;
	mail_param(&parse->scratch, tree->entities[0].content_type, STR("report-type"), STR(""),
		   &report_type);
	struct mail_facts facts = {
		.fields = tree->header.fields,
		.fields_n = tree->header.n,
		.subject = mail->subject,
		.from = names_mailbox(&mail->from) ? mail->from : (struct mail_mailboxes){.n = 0},
		.media_type = tree->entities[0].typed ? tree->entities[0].media_type : STR(""),
		.report_type = report_type,
		.part_types = types,
		.part_types_n = n,
		.text = mail->text,
		.summary = mail->summary,
		.own_words = str_eq(mail->text, mail->summary) ? STR("") : mail->reply,
		.calendar_answer = parse->calendar_answer,
		.reverse_path = REVERSE_PATH_UNKNOWN,
	};
	mail_classify(&facts, &verdict);
	mail->class = verdict.class;
	mail->class_rule = keep(parse, verdict.rule.len ? verdict.rule : verdict.answer_rule);
	mail->answerable = verdict.answerable;
	mail->forward_confirmation = keep(parse, verdict.forward_confirmation);
}

/* ---- what a bounce or a feedback report tells ---- */

/* The octets of the first part of one of these types; octets holds them when they were encoded. */
static struct str part_octets(const struct mime_tree *tree, struct str type, struct str other,
			      struct strbuf *octets)
{
	for (size_t i = 0; i < tree->n; i++) {
		const struct mime_entity *entity = &tree->entities[i];
		if (!str_eq(entity->media_type, type) && !str_eq(entity->media_type, other))
			continue;
		if (entity->encoding == MAIL_ENCODING_IDENTITY)
			return entity->body;
		mail_decode(entity->encoding, entity->body, octets);
		return strbuf_str(octets);
	}
	return STR("");
}

/* RFC 8098 3.2.5: the mail that was read. */
static void read_receipt(struct parse *parse)
{
	struct mail_header header;
	struct mail_strs ids = {0};
	struct strbuf octets;

	strbuf_init(&octets, RECEIPT_MAX);
	struct str fields =
		part_octets(&parse->tree, STR("message/disposition-notification"), STR(""), &octets);
	while (fields.len && ascii_space(fields.ptr[0]))
		fields = str_sub(fields, 1, fields.len);
	fields = str_sub(fields, 0, RECEIPT_MAX);
	if (fields.len) {
		mail_header_split(&parse->scratch, fields, '\n', parse->limits, &header);
		mail_header_ids(parse->arena, mail_header_value(&header, STR("Original-Message-ID")), 1,
				&ids);
	}
	if (ids.n)
		parse->mail->returned_message_id = ids.items[0];
	strbuf_done(&octets);
}

static void read_reports(struct parse *parse)
{
	struct parsed_mail *mail = parse->mail;
	const struct mime_tree *tree = &parse->tree;
	struct strbuf octets[4];

	if (mail->class == MAIL_AUTO)
		read_receipt(parse);
	if (mail->class != MAIL_BOUNCE && mail->class != MAIL_FEEDBACK)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(octets); i++)
		strbuf_init(&octets[i], NESTED_DECODE_MAX);
	struct bounce_facts facts = {
		.status = part_octets(tree, STR("message/delivery-status"),
				      STR("message/global-delivery-status"), &octets[0]),
		.feedback = part_octets(tree, STR("message/feedback-report"), STR(""), &octets[1]),
		.failed = mail_header_value(&tree->header, STR("X-Failed-Recipients")),
		.text = mail->text,
		.original = part_octets(tree, STR("message/rfc822"), STR("message/global"), &octets[2]),
		.to = &mail->to,
	};
	if (!facts.original.len)
		facts.original = part_octets(tree, STR("text/rfc822-headers"), STR("message/global-headers"),
					     &octets[3]);
	struct bounce_original original = {STR(""), STR("")};
	bounce_original_read(parse->arena, &facts, parse->limits, &original);
	mail->returned_message_id = original.message_id;
	mail->returned_reverse_path = original.reverse_path;
	if (mail->class == MAIL_BOUNCE)
		bounce_report_read(parse->arena, &facts, parse->limits, &mail->reports, &mail->reports_n);
	else
		feedback_report_read(parse->arena, &facts, parse->limits, &mail->reports, &mail->reports_n);
	for (size_t i = 0; i < ARRAY_SIZE(octets); i++)
		strbuf_done(&octets[i]);
}

/* ---- what somebody forwarded by hand ---- */

/* Is a mail the only thing that is attached? Pictures of a signature are none. */
static bool attaches_one_mail(const struct parsed_mail *mail)
{
	size_t mails = 0;

	for (size_t i = 0; i < mail->attachments_n; i++) {
		const struct mail_attachment *attachment = &mail->attachments[i];
		bool is_mail = str_eq(attachment->media_type, STR("message/rfc822")) ||
			       str_eq(attachment->media_type, STR("message/global"));
		if (!is_mail && !attachment->inline_image)
			return false;
		mails += is_mail;
	}
	return mails == 1;
}

/* What the attached mail says. */
static void keep_attached_text(struct parse *parse, struct str octets)
{
	struct mime_tree tree;
	struct mail_content content;

	if (parse->nested_text) {
		parse->mail->forwarded_text = parse->mail->text;
		return;
	}
	mail_content_init(&content, parse->limits);
	if (mime_split(&parse->scratch, octets, parse->limits, &tree) == 0) {
		mail_content_read(&parse->scratch, &tree, parse->limits, &content);
		parse->mail->forwarded_text = keep(parse, trim_text(strbuf_str(&content.text)));
	}
	mail_content_done(&content);
}

static void read_forwarded(struct parse *parse)
{
	struct parsed_mail *mail = parse->mail;
	struct strbuf octets;
	struct forwarded forwarded;

	if (mail->class != MAIL_NORMAL)
		return;
	strbuf_init(&octets, NESTED_DECODE_MAX);
	struct forwarded_facts facts = {
		.subject = mail->subject,
		.text = parse->nested_text ? STR("") : mail->text,
		.block = parse->forward_block,
		.attached = nested_mail(&parse->tree, &octets),
		.attached_is_all = attaches_one_mail(mail),
	};
	forwarded_read(parse->arena, &facts, parse->limits, &forwarded);
	mail->forwarded_author = forwarded.author;
	mail->forwarded_subject = forwarded.subject;
	if (forwarded.attached)
		keep_attached_text(parse, facts.attached);
	mail->forwarded_text = forwarded.attached ? mail->forwarded_text : forwarded.text;
	if (mail->forwarded_text.len)
		mail->forwarding_words = forwarded.words;
	strbuf_done(&octets);
}

/* ---- the whole ---- */

/* All views point somewhere, also when they are empty. */
static struct parsed_mail *empty_mail(struct arena *arena)
{
	struct parsed_mail *mail = arena_zalloc(arena, sizeof(*mail));

	if (!mail)
		return NULL;
	struct str *strs[] = {&mail->subject,
			      &mail->message_id,
			      &mail->in_reply_to,
			      &mail->text,
			      &mail->html_text,
			      &mail->reply,
			      &mail->class_rule,
			      &mail->addressed_to,
			      &mail->forward_confirmation,
			      &mail->summary,
			      &mail->defects,
			      &mail->returned_message_id,
			      &mail->returned_reverse_path,
			      &mail->forwarded_author.name,
			      &mail->forwarded_author.address,
			      &mail->forwarded_subject,
			      &mail->forwarded_text,
			      &mail->forwarding_words,
			      &mail->loop_mark};
	for (size_t i = 0; i < ARRAY_SIZE(strs); i++)
		*strs[i] = STR("");
	return mail;
}

/* What there is when the arena is too small for anything. Nobody writes to it. */
static struct parsed_mail *nothing(void)
{
	static struct parsed_mail mail = {
		.subject = STR_INIT(""),
		.message_id = STR_INIT(""),
		.in_reply_to = STR_INIT(""),
		.text = STR_INIT(""),
		.html_text = STR_INIT(""),
		.reply = STR_INIT(""),
		.class_rule = STR_INIT(""),
		.summary = STR_INIT(""),
		.defects = STR_INIT(""),
		.addressed_to = STR_INIT(""),
		.forward_confirmation = STR_INIT(""),
		.returned_message_id = STR_INIT(""),
		.returned_reverse_path = STR_INIT(""),
		.forwarded_author = {STR_INIT(""), STR_INIT("")},
		.forwarded_subject = STR_INIT(""),
		.forwarded_text = STR_INIT(""),
		.forwarding_words = STR_INIT(""),
		.loop_mark = STR_INIT(""),
	};
	return &mail;
}

/* The charset that the mail declares, for header fields in raw 8-bit octets; without one, what its text seems to be. */
static struct str header_charset(struct parse *parse)
{
	struct str charset;

	for (size_t i = 0; i < parse->tree.n && i < 16; i++)
		if (mail_param_raw(&parse->scratch, parse->tree.entities[i].content_type, STR("charset"),
				   &charset) == 0)
			return charset;
	return parse->tree.header.eight_bit ? mail_charset_guess(parse->data) : STR("");
}

static enum parse_status run(struct parse *parse)
{
	const struct mime_tree *tree = &parse->tree;

	if (mime_split(&parse->scratch, parse->data, parse->limits, &parse->tree) < 0)
		return PARSE_LIMIT;
	parse->hint = header_charset(parse);
	read_header(parse);
	read_content(parse);
	keep_content(parse);
	keep_reply(parse);
	keep_summary(parse);
	struct mail_files_source source = files_source(parse);
	unsigned flaws = parse->content.flaws | mail_files_list(parse->arena, &source, parse->mail);
	defect(parse, flaws & MAIL_FLAW_FOREIGN, "garbage-in-encoding");
	defect(parse, flaws & MAIL_FLAW_TRAILING, "text-behind-base64");
	defect(parse, flaws & MAIL_FLAW_CUT, "truncated-encoding");
	classify(parse);
	read_reports(parse);
	read_forwarded(parse);
	defect(parse, tree->missing_boundary, "missing-boundary");
	defect(parse, tree->unclosed, "unclosed-multipart");
	defect(parse, tree->unknown_encoding, "unknown-encoding");
	defect(parse, tree->parts_limited, "too-many-parts");
	defect(parse, tree->depth_limited, "too-deep");
	defect(parse, tree->header_limited, "header-too-large");
	parse->mail->defects = keep(parse, strbuf_str(&parse->defects));
	bool limited = tree->parts_limited || tree->depth_limited || tree->header.limited;
	return limited ? PARSE_LIMIT : PARSE_OK;
}

enum parse_status mail_parse(struct arena *arena, struct str mail_data, const struct mail_limits *limits,
			     struct parsed_mail **ret)
{
	struct parse parse = {.arena = arena, .limits = limits, .data = mail_data, .hint = STR("")};
	enum parse_status status = PARSE_LIMIT;

	parse.mail = empty_mail(arena);
	if (!parse.mail) {
		*ret = nothing();
		return PARSE_LIMIT;
	}
	arena_init(&parse.scratch, SCRATCH_MAX);
	mail_content_init(&parse.content, limits);
	strbuf_init(&parse.defects, DEFECTS_SIZE);
	status = run(&parse);
	strbuf_done(&parse.defects);
	mail_content_done(&parse.content);
	arena_done(&parse.scratch);
	*ret = parse.mail;
	return status;
}
