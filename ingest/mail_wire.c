/*
 * The flat form of a parsed mail.
 *
 *	wire	= magic:u32 status:u8 class:u8 flags:u16 received:u32 date:u64
 *		  (subject message-id in-reply-to class-rule addressed-to forward-confirmation defects
 *		   returned-message-id returned-reverse-path forwarded-subject loop-mark):string
 *		  forwarded-author:(name address)
 *		  (from sender reply-to to cc):(count:u32 (name address)*)
 *		  references:(count:u32 string*)
 *		  text:string html-text:view reply:view forwarded-text:view forwarding-words:view summary:string
 *		  attachments:(count:u32 (part filename media-type sniffed-type content-id size:u64 flags:u8)*)
 *		  reports:(count:u32 (kind:u8 recipient status reason)*)
 *	string	= length:u32 octet*
 *	view	= length:u32 where:u32 [octet*]	where: offset into text, or ELSEWHERE and then the octets
 *
 * Numbers are in the machine's own order: both ends are the same program. Nothing follows the last field.
 *
 * The reader stops at the first thing that is wrong and stays stopped (struct reader.bad): every getter then
 * gives zero or an empty view, so that a story can be read to its end and judged once. It never reads past
 * `end`, and no list is allocated before its count was held against the limits. Pure.
 */
#include <errno.h>

#include "base/mailaddr.h"
#include "ingest/mail_wire.h"

#define WIRE_MAGIC 0x53574d31u /* "SWM1" */
#define ELSEWHERE  UINT32_MAX

enum mail_flags {
	FLAG_HAS_HTML = 1,
	FLAG_TEXT_FROM_HTML = 2,
	FLAG_TEXT_CUT = 4,
	FLAG_ATTACHMENTS_CUT = 8,
	FLAG_ANSWERABLE = 16,
	FLAGS_KNOWN = 31,
};

enum attachment_flags { ATTACHMENT_INLINE = 1, ATTACHMENT_IMAGE = 2, ATTACHMENT_FLAGS_KNOWN = 3 };

/* What a string may hold besides valid UTF-8 without NUL. */
enum string_kind {
	TEXT,     /* anything */
	ONE_LINE, /* no controls but TAB */
	TOKEN,    /* ONE_LINE, printable ASCII without blanks */
	FILENAME, /* ONE_LINE, no directory separator */
};

size_t mail_wire_size_max(const struct mail_limits *limits)
{
	/* Four texts; everything of the header section, which decoding may triple; names of attachments; reports. */
	return 4 * limits->text_max + 4 * limits->header_max + 4096 * limits->attachments_max +
	       2048 * MAIL_REPORTS_MAX + 64 * 1024;
}

/* Writing */

static void put(struct strbuf *out, const void *bytes, size_t len)
{
	strbuf_add(out, (struct str){bytes, len});
}

static void put_u8(struct strbuf *out, uint8_t value)
{
	put(out, &value, sizeof(value));
}

static void put_u32(struct strbuf *out, uint32_t value)
{
	put(out, &value, sizeof(value));
}

static void put_u64(struct strbuf *out, uint64_t value)
{
	put(out, &value, sizeof(value));
}

static void put_count(struct strbuf *out, size_t n)
{
	if (n >= UINT32_MAX)
		out->overflow = true;
	put_u32(out, (uint32_t)n);
}

static void put_str(struct strbuf *out, struct str s)
{
	put_count(out, s.len);
	if (s.len)
		strbuf_add(out, s);
}

/* text was written already; a part of it is told by its place. */
static void put_view(struct strbuf *out, struct str s, struct str text)
{
	put_count(out, s.len);
	uintptr_t at = (uintptr_t)s.ptr, start = (uintptr_t)text.ptr;
	if (s.len && text.len >= s.len && at >= start && at - start <= text.len - s.len) {
		put_count(out, (size_t)(at - start));
		return;
	}
	put_u32(out, ELSEWHERE);
	if (s.len)
		strbuf_add(out, s);
}

static void put_mailboxes(struct strbuf *out, const struct mail_mailboxes *list)
{
	put_count(out, list->n);
	for (size_t i = 0; i < list->n; i++) {
		put_str(out, list->items[i].name);
		put_str(out, list->items[i].address);
	}
}

static void put_attachment(struct strbuf *out, const struct mail_attachment *attachment)
{
	put_str(out, attachment->part);
	put_str(out, attachment->filename);
	put_str(out, attachment->media_type);
	put_str(out, attachment->sniffed_type);
	put_str(out, attachment->content_id);
	put_u64(out, attachment->size);
	put_u8(out, (uint8_t)((attachment->disposition_inline ? ATTACHMENT_INLINE : 0) |
			      (attachment->inline_image ? ATTACHMENT_IMAGE : 0)));
}

static void put_reports(struct strbuf *out, const struct parsed_mail *mail)
{
	put_count(out, mail->reports_n);
	for (size_t i = 0; i < mail->reports_n; i++) {
		const struct mail_report *report = &mail->reports[i];
		put_u8(out, (uint8_t)report->kind);
		put_str(out, report->recipient);
		put_str(out, report->status);
		put_str(out, report->reason);
	}
}

static uint16_t flags_of(const struct parsed_mail *mail)
{
	return (uint16_t)((mail->has_html ? FLAG_HAS_HTML : 0) |
			  (mail->text_from_html ? FLAG_TEXT_FROM_HTML : 0) |
			  (mail->text_cut ? FLAG_TEXT_CUT : 0) |
			  (mail->attachments_cut ? FLAG_ATTACHMENTS_CUT : 0) |
			  (mail->answerable ? FLAG_ANSWERABLE : 0));
}

int mail_wire_encode(const struct parsed_mail *mail, enum parse_status status, struct strbuf *out)
{
	uint16_t flags = flags_of(mail);
	put_u32(out, WIRE_MAGIC);
	put_u8(out, (uint8_t)status);
	put_u8(out, (uint8_t)mail->class);
	put(out, &flags, sizeof(flags));
	put_u32(out, (uint32_t)mail->received_n);
	put_u64(out, (uint64_t)mail->date_ms);
	const struct str lines[] = {mail->subject,
				    mail->message_id,
				    mail->in_reply_to,
				    mail->class_rule,
				    mail->addressed_to,
				    mail->forward_confirmation,
				    mail->defects,
				    mail->returned_message_id,
				    mail->returned_reverse_path,
				    mail->forwarded_subject,
				    mail->loop_mark};
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		put_str(out, lines[i]);
	put_str(out, mail->forwarded_author.name);
	put_str(out, mail->forwarded_author.address);
	const struct mail_mailboxes *lists[] = {&mail->from, &mail->sender, &mail->reply_to, &mail->to,
						&mail->cc};
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		put_mailboxes(out, lists[i]);
	put_count(out, mail->references.n);
	for (size_t i = 0; i < mail->references.n; i++)
		put_str(out, mail->references.items[i]);
	put_str(out, mail->text);
	put_view(out, mail->html_text, mail->text);
	put_view(out, mail->reply, mail->text);
	put_view(out, mail->forwarded_text, mail->text);
	put_view(out, mail->forwarding_words, mail->text);
	put_str(out, mail->summary);
	put_count(out, mail->attachments_n);
	for (size_t i = 0; i < mail->attachments_n; i++)
		put_attachment(out, &mail->attachments[i]);
	put_reports(out, mail);
	return out->overflow ? -ENOBUFS : 0;
}

/* Reading */

struct reader {
	const char *p, *end;
	struct arena *arena;
	const struct mail_limits *limits;
	bool bad;
};

static const char *take(struct reader *in, size_t len)
{
	if (in->bad || (size_t)(in->end - in->p) < len) {
		in->bad = true;
		return NULL;
	}
	const char *p = in->p;
	in->p += len;
	return p;
}

static void get(struct reader *in, void *ret, size_t len)
{
	const char *p = take(in, len);
	if (p)
		memcpy(ret, p, len);
	else
		memset(ret, 0, len);
}

static uint8_t get_u8(struct reader *in)
{
	uint8_t value;
	get(in, &value, sizeof(value));
	return value;
}

static uint32_t get_u32(struct reader *in)
{
	uint32_t value;
	get(in, &value, sizeof(value));
	return value;
}

static uint64_t get_u64(struct reader *in)
{
	uint64_t value;
	get(in, &value, sizeof(value));
	return value;
}

/* Valid UTF-8 without NUL. Mail is mostly ASCII: eight octets at a time until the first that is not. */
static bool clean_text(struct str s)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
	size_t i = 0;
	for (; i + 8 <= s.len; i += 8) {
		uint64_t word;
		memcpy(&word, s.ptr + i, sizeof(word));
		/* The second half is non-zero when some octet is zero, given that none has its top bit. */
		if ((word & tops) != 0 || ((word - ones) & ~word & tops) != 0)
			break;
	}
	struct str rest = str_sub(s, i, s.len);
	return rest.len == 0 || (memchr(rest.ptr, 0, rest.len) == NULL && utf8_valid(rest));
}

static bool clean_octet(unsigned char c, enum string_kind kind)
{
	if ((c < ' ' && c != '\t') || c == 0x7f)
		return false;
	if (kind == TOKEN)
		return c > ' ' && c < 0x7f;
	return kind != FILENAME || (c != '/' && c != '\\');
}

static bool clean(struct str s, enum string_kind kind)
{
	if (!clean_text(s))
		return false;
	for (size_t i = 0; kind != TEXT && i < s.len; i++)
		if (!clean_octet((unsigned char)s.ptr[i], kind))
			return false;
	return kind != FILENAME || (!str_eq(s, STR("..")) && !str_eq(s, STR(".")));
}

static struct str get_octets(struct reader *in, size_t len, enum string_kind kind)
{
	struct str s = {take(in, len), len};
	if (s.ptr == NULL || !clean(s, kind)) {
		in->bad = true;
		return STR("");
	}
	return s;
}

static struct str get_str(struct reader *in, enum string_kind kind)
{
	return get_octets(in, get_u32(in), kind);
}

static bool is_address_or_empty(struct str s)
{
	return s.len == 0 || str_find(s, '@') < s.len;
}

/* What is no address stands for nobody. */
static struct str get_address(struct reader *in)
{
	struct str address = get_str(in, ONE_LINE);
	if (!is_address_or_empty(address))
		in->bad = true;
	return address;
}

static struct str get_text(struct reader *in)
{
	struct str text = get_str(in, TEXT);
	if (text.len > in->limits->text_max)
		in->bad = true;
	return text;
}

/* A part of text has been checked with it, but for its ends, which may cut a character. */
static struct str get_view(struct reader *in, struct str text)
{
	size_t len = get_u32(in), where = get_u32(in);
	if (len > in->limits->text_max)
		in->bad = true;
	if (where == ELSEWHERE)
		return get_octets(in, len, TEXT);
	if (in->bad || where > text.len || len > text.len - where) {
		in->bad = true;
		return STR("");
	}
	struct str view = str_sub(text, where, where + len);
	if (len && (((unsigned char)view.ptr[0] & 0xc0) == 0x80 ||
		    (where + len < text.len && ((unsigned char)text.ptr[where + len] & 0xc0) == 0x80)))
		in->bad = true;
	return view;
}

/* Room for a list; a count over max, or over what the octets left could hold, is a lie. */
static void *get_list(struct reader *in, size_t *ret_n, size_t max, size_t item_size, size_t wire_min)
{
	size_t n = get_u32(in);
	*ret_n = 0;
	if (in->bad || n == 0)
		return NULL;
	if (n > max || n > (size_t)(in->end - in->p) / wire_min) {
		in->bad = true;
		return NULL;
	}
	void *items = arena_zalloc(in->arena, n * item_size);
	if (items == NULL)
		in->bad = true;
	else
		*ret_n = n;
	return items;
}

static struct mail_mailboxes get_mailboxes(struct reader *in)
{
	struct mail_mailboxes list;
	struct mail_mailbox *items =
		get_list(in, &list.n, in->limits->addresses_max, sizeof(*items), 2 * sizeof(uint32_t));
	for (size_t i = 0; i < list.n && !in->bad; i++) {
		items[i].name = get_str(in, ONE_LINE);
		items[i].address = get_str(in, ONE_LINE);
		in->bad = in->bad || (!items[i].name.len && !items[i].address.len);
	}
	list.items = items;
	return list;
}

static struct mail_strs get_references(struct reader *in)
{
	struct mail_strs list;
	struct str *items =
		get_list(in, &list.n, in->limits->references_max, sizeof(*items), sizeof(uint32_t));
	for (size_t i = 0; i < list.n && !in->bad; i++)
		items[i] = get_str(in, ONE_LINE);
	list.items = items;
	return list;
}

static void get_attachment(struct reader *in, struct mail_attachment *ret)
{
	ret->part = get_str(in, TOKEN);
	ret->filename = get_str(in, FILENAME);
	ret->media_type = get_str(in, TOKEN);
	ret->sniffed_type = get_str(in, TOKEN);
	ret->content_id = get_str(in, ONE_LINE);
	ret->size = get_u64(in);
	uint8_t flags = get_u8(in);
	if ((flags & ~ATTACHMENT_FLAGS_KNOWN) != 0 || ret->size > INT64_MAX)
		in->bad = true;
	ret->disposition_inline = (flags & ATTACHMENT_INLINE) != 0;
	ret->inline_image = (flags & ATTACHMENT_IMAGE) != 0;
}

static void get_attachments(struct reader *in, struct parsed_mail *mail)
{
	struct mail_attachment *items = get_list(in, &mail->attachments_n, in->limits->attachments_max,
						 sizeof(*items), 5 * sizeof(uint32_t) + 9);
	for (size_t i = 0; i < mail->attachments_n && !in->bad; i++)
		get_attachment(in, &items[i]);
	mail->attachments = items;
}

static void get_reports(struct reader *in, struct parsed_mail *mail)
{
	struct mail_report *items =
		get_list(in, &mail->reports_n, MAIL_REPORTS_MAX, sizeof(*items), 3 * sizeof(uint32_t) + 1);
	for (size_t i = 0; i < mail->reports_n && !in->bad; i++) {
		uint8_t kind = get_u8(in);
		if (kind > MAIL_REPORT_DELAYED)
			in->bad = true;
		items[i].kind = (enum mail_report_kind)kind;
		items[i].recipient = get_address(in);
		items[i].status = get_str(in, TOKEN);
		items[i].reason = get_str(in, ONE_LINE);
	}
	mail->reports = items;
}

static void get_flags(struct reader *in, struct parsed_mail *mail)
{
	uint16_t flags;
	get(in, &flags, sizeof(flags));
	if ((flags & ~FLAGS_KNOWN) != 0)
		in->bad = true;
	mail->has_html = (flags & FLAG_HAS_HTML) != 0;
	mail->text_from_html = (flags & FLAG_TEXT_FROM_HTML) != 0;
	mail->text_cut = (flags & FLAG_TEXT_CUT) != 0;
	mail->attachments_cut = (flags & FLAG_ATTACHMENTS_CUT) != 0;
	mail->answerable = (flags & FLAG_ANSWERABLE) != 0;
}

static void get_head(struct reader *in, struct parsed_mail *mail, enum parse_status *ret_status)
{
	uint32_t magic = get_u32(in);
	uint8_t status = get_u8(in), class = get_u8(in);
	/* A crash and a deadline are the server's to find. */
	if (magic != WIRE_MAGIC || status > PARSE_FAILED || class > MAIL_FEEDBACK)
		in->bad = true;
	*ret_status = (enum parse_status)status;
	mail->class = (enum mail_class) class;
	get_flags(in, mail);
	mail->received_n = get_u32(in);
	mail->date_ms = (int64_t)get_u64(in);
}

int mail_wire_decode(struct arena *arena, struct str bytes, const struct mail_limits *limits,
		     struct parsed_mail **ret, enum parse_status *ret_status)
{
	struct reader in = {bytes.ptr, bytes.ptr + bytes.len, arena, limits, false};
	struct parsed_mail *mail = arena_zalloc(arena, sizeof(*mail));
	enum parse_status status = PARSE_FAILED;
	if (mail == NULL || bytes.len == 0)
		return -EBADMSG;
	get_head(&in, mail, &status);
	struct str *lines[] = {&mail->subject,
			       &mail->message_id,
			       &mail->in_reply_to,
			       &mail->class_rule,
			       &mail->addressed_to,
			       &mail->forward_confirmation,
			       &mail->defects,
			       &mail->returned_message_id,
			       &mail->returned_reverse_path,
			       &mail->forwarded_subject,
			       &mail->loop_mark};
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		*lines[i] = get_str(&in, ONE_LINE);
	mail->forwarded_author.name = get_str(&in, ONE_LINE);
	mail->forwarded_author.address = get_address(&in);
	if (!is_address_or_empty(mail->returned_reverse_path))
		in.bad = true;
	struct mail_mailboxes *lists[] = {&mail->from, &mail->sender, &mail->reply_to, &mail->to, &mail->cc};
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		*lists[i] = get_mailboxes(&in);
	mail->references = get_references(&in);
	mail->text = get_text(&in);
	mail->html_text = get_view(&in, mail->text);
	mail->reply = get_view(&in, mail->text);
	mail->forwarded_text = get_view(&in, mail->text);
	mail->forwarding_words = get_view(&in, mail->text);
	mail->summary = get_text(&in);
	get_attachments(&in, mail);
	get_reports(&in, mail);
	if (in.bad || in.p != in.end)
		return -EBADMSG;
	*ret = mail;
	*ret_status = status;
	return 0;
}
