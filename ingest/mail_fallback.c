/*
 * A reader of header sections for mails that nothing else could read. See mail_fallback.h.
 *
 * A field goes from a line that does not begin with a blank to before the next such line (RFC 5322 2.2.3); a
 * line ends with LF, with or without CR before it; the section ends at the first empty line. Names are
 * compared without case, the first field of a name counts. Every octet of the section is looked at a constant
 * number of times. Pure.
 */
#include <errno.h>

#include "base/mailaddr.h"
#include "ingest/mail_fallback.h"
#include "tenant/loop_mark.h"

#define VALUE_MAX   1024 /* octets of one result */
#define ADDRESS_MAX 320  /* RFC 5321 4.5.3.1: 64 + 1 + 255 */

enum wanted { WANT_SUBJECT, WANT_FROM, WANT_MESSAGE_ID, WANT_IN_REPLY_TO, WANT_LOOP_MARK, WANT_N };

static const struct str wanted_names[WANT_N] = {
	[WANT_SUBJECT] = STR_INIT("subject"),         [WANT_FROM] = STR_INIT("from"),
	[WANT_MESSAGE_ID] = STR_INIT("message-id"),   [WANT_IN_REPLY_TO] = STR_INIT("in-reply-to"),
	[WANT_LOOP_MARK] = STR_INIT(LOOP_MARK_FIELD),
};

struct header_facts {
	struct str value[WANT_N]; /* raw views; ptr NULL: not seen */
	unsigned received_n;
};

/* Reading the section */

/* The next line without its end; advances *rest. */
static struct str next_line(struct str *rest)
{
	size_t len = str_find(*rest, '\n');
	struct str line = str_sub(*rest, 0, len);
	*rest = str_sub(*rest, len + 1, rest->len);
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

static bool continues(struct str rest)
{
	return rest.len && (rest.ptr[0] == ' ' || rest.ptr[0] == '\t');
}

static void note_field(struct header_facts *facts, struct str field)
{
	size_t colon = str_find(field, ':');
	if (colon == field.len)
		return;
	struct str name = str_trim(str_sub(field, 0, colon));
	struct str value = str_sub(field, colon + 1, field.len);
	if (str_ieq(name, STR("received")))
		facts->received_n++;
	for (size_t i = 0; i < WANT_N; i++)
		if (facts->value[i].ptr == NULL && str_ieq(name, wanted_names[i]))
			facts->value[i] = value;
}

static void read_section(struct header_facts *facts, struct str mail_data, const struct mail_limits *limits)
{
	struct str rest = str_sub(mail_data, 0, limits->header_max);
	for (size_t n = 0; n < limits->header_fields_max && rest.len; n++) {
		const char *start = rest.ptr;
		struct str line = next_line(&rest);
		if (line.len == 0)
			return;
		while (continues(rest))
			line = next_line(&rest);
		note_field(facts, (struct str){start, (size_t)(line.ptr + line.len - start)});
	}
}

/* Making it presentable */

/* Octets of the valid UTF-8 character at the start of s (RFC 3629), 0 when there is none. */
static size_t utf8_len(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	size_t n;
	unsigned low = 0x80, high = 0xbf;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		n = 2;
	} else if ((p[0] & 0xf0) == 0xe0) {
		n = 3;
		low = p[0] == 0xe0 ? 0xa0 : 0x80;
		high = p[0] == 0xed ? 0x9f : 0xbf;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		n = 4;
		low = p[0] == 0xf0 ? 0x90 : 0x80;
		high = p[0] == 0xf4 ? 0x8f : 0xbf;
	} else {
		return 0;
	}
	if (s.len < n || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* One line of valid UTF-8 without controls: runs of blanks and controls become one blank, a wrong octet
 * becomes U+FFFD. Cut between characters at VALUE_MAX. */
static int presentable(struct arena *arena, struct str raw, struct str *ret)
{
	static const struct str replacement = STR_INIT("\xef\xbf\xbd");
	char buf[VALUE_MAX];
	size_t len = 0;
	bool blank = false;
	for (raw = str_trim(raw); raw.len;) {
		size_t n = utf8_len(raw);
		struct str piece = n ? str_sub(raw, 0, n) : replacement;
		unsigned char c = (unsigned char)raw.ptr[0];
		raw = str_sub(raw, n ? n : 1, raw.len);
		if (c <= ' ' || c == 0x7f) {
			blank = true;
			continue;
		}
		if (len + (blank && len) + piece.len > sizeof(buf))
			break;
		if (blank && len)
			buf[len++] = ' ';
		blank = false;
		memcpy(buf + len, piece.ptr, piece.len);
		len += piece.len;
	}
	return arena_copy(arena, (struct str){buf, len}, ret);
}

/* What stands between the first '<' and the next '>'; all of it when there is no '<'. */
static struct str inside_brackets(struct str value)
{
	size_t open = str_find(value, '<');
	if (open == value.len)
		return value;
	struct str rest = str_sub(value, open + 1, value.len);
	return str_sub(rest, 0, str_find(rest, '>'));
}

static int message_id(struct arena *arena, struct str value, struct str *ret)
{
	struct str id = str_trim(inside_brackets(value));
	for (size_t i = 0; i < id.len; i++)
		if (ascii_space(id.ptr[i]))
			id.len = i;
	return presentable(arena, id, ret);
}

static bool address_plausible(struct str address)
{
	size_t at = str_find(address, '@');
	if (at == 0 || at + 1 >= address.len || address.len > ADDRESS_MAX)
		return false;
	for (size_t i = 0; i < address.len; i++)
		if ((unsigned char)address.ptr[i] <= ' ' || strchr("\"(),:;<>\\\x7f", address.ptr[i]))
			return false;
	return true;
}

/* `Name <local@domain>` or `local@domain`; whatever is harder than that stays without an author. */
static int author(struct arena *arena, struct str value, struct mail_mailboxes *ret)
{
	struct str address = str_trim(inside_brackets(value));
	if (!address_plausible(address) || !utf8_valid(address))
		return 0;
	size_t open = str_find(value, '<');
	struct str name = open < value.len ? str_trim(str_sub(value, 0, open)) : STR("");
	if (name.len >= 2 && name.ptr[0] == '"' && name.ptr[name.len - 1] == '"')
		name = str_sub(name, 1, name.len - 1);
	struct mail_mailbox *mailbox = arena_zalloc(arena, sizeof(*mailbox));
	char *copy = arena_alloc(arena, address.len);
	if (mailbox == NULL || copy == NULL)
		return -ENOBUFS;
	size_t at = str_find(address, '@');
	for (size_t i = 0; i < address.len; i++)
		copy[i] = i > at ? ascii_lower(address.ptr[i]) : address.ptr[i];
	mailbox->address = (struct str){copy, address.len};
	int r = presentable(arena, name, &mailbox->name);
	if (r == 0)
		*ret = (struct mail_mailboxes){mailbox, 1};
	return r;
}

int mail_fallback(struct arena *arena, struct str mail_data, const struct mail_limits *limits,
		  struct parsed_mail **ret)
{
	struct header_facts facts = {.received_n = 0};
	read_section(&facts, mail_data, limits);
	struct parsed_mail *mail = arena_zalloc(arena, sizeof(*mail));
	if (mail == NULL)
		return -ENOBUFS;
	mail->text = mail->html_text = mail->reply = mail->class_rule = STR("");
	mail->summary = mail->addressed_to = mail->forward_confirmation = STR("");
	mail->returned_message_id = mail->returned_reverse_path = mail->forwarded_subject = STR("");
	mail->forwarded_author = (struct mail_mailbox){STR(""), STR("")};
	mail->class = MAIL_NORMAL;
	mail->answerable = false;
	mail->received_n = facts.received_n;
	mail->defects = STR("unparsed");
	int r = presentable(arena, facts.value[WANT_SUBJECT], &mail->subject);
	if (r == 0)
		r = author(arena, facts.value[WANT_FROM], &mail->from);
	if (r == 0)
		r = message_id(arena, facts.value[WANT_MESSAGE_ID], &mail->message_id);
	if (r == 0)
		r = message_id(arena, facts.value[WANT_IN_REPLY_TO], &mail->in_reply_to);
	if (r == 0)
		r = presentable(arena, facts.value[WANT_LOOP_MARK], &mail->loop_mark);
	if (r == 0)
		*ret = mail;
	return r;
}
