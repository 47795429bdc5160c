/*
 * What programs wrote for programs: the delivery-status part of RFC 3464 and its successor RFC 6533, a group of fields per
 * recipient, and X-Failed-Recipients. Always true: what is added is an address; fields are read once, at most GROUPS_MAX
 * groups of them. Runs in the parser child.
 */
#include "ingest/bounce_private.h"

#include "base/utf8.h"
#include "ingest/address_in_words.h"
#include "ingest/bounce_reason.h"
#include "ingest/mail_address.h"
#include "ingest/text_fold.h"

#define ADDRESS_MAX 320
#define GROUPS_MAX  256 /* of a delivery-status part */

bool bounce_is_address(struct str s)
{
	size_t at = str_find(s, '@');
	if (s.len > ADDRESS_MAX || at == 0 || at + 1 >= s.len)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (i != at && s.ptr[i] != '|' && !address_octet(s.ptr[i]))
			return false;
	return char_word((unsigned char)s.ptr[at + 1]) && s.ptr[s.len - 1] != '.' && utf8_valid(s);
}

/* RFC 6533 3: "\x{E9}" in an address of type utf-8. In place of the view, a decoded copy. */
static struct str decode_utf8_address(struct bounce_reader *reader, struct str s)
{
	char *out = arena_alloc(&reader->scratch, s.len + 1);
	size_t len = 0;
	for (size_t i = 0; out && i < s.len;) {
		/* at most six digits: looking further would be quadratic */
		size_t end = i + 3 + str_find(str_sub(s, i + 3, i + 10), '}');
		uint32_t c = 0;
		bool coded = str_starts(str_sub(s, i, s.len), STR("\\x{")) && end < s.len && end - i <= 9;
		for (size_t k = i + 3; coded && k < end; k++) {
			char digit = ascii_lower(s.ptr[k]);
			coded = ascii_digit(digit) || (digit >= 'a' && digit <= 'f');
			c = c * 16 + (uint32_t)(ascii_digit(digit) ? digit - '0' : digit - 'a' + 10);
		}
		if (coded && c >= 0x20) {
			len += utf8_put(c, out + len); /* never longer than what it was written as */
			i = end + 1;
		} else {
			out[len++] = s.ptr[i++];
		}
	}
	return out ? (struct str){out, len} : STR("");
}

/* "rfc822; <a@b>" (RFC 3464 2.3.2): the address, or empty. */
struct str bounce_typed_address(struct bounce_reader *reader, struct str value)
{
	size_t semicolon = str_find(value, ';');
	struct str type = STR(""), address = value;
	if (semicolon < value.len) {
		type = str_trim(str_sub(value, 0, semicolon));
		address = str_trim(str_sub(value, semicolon + 1, value.len));
	}
	size_t open = str_find(address, '<');
	if (open < address.len) {
		address = str_sub(address, open + 1, address.len);
		address = str_sub(address, 0, str_find(address, '>'));
	}
	size_t blank = 0;
	while (blank < address.len && !ascii_space(address.ptr[blank]))
		blank++;
	address = str_sub(address, 0, blank);
	if (str_ieq(type, STR("utf-8")))
		address = decode_utf8_address(reader, address);
	return bounce_is_address(address) ? address : STR("");
}

void bounce_split_fields(struct bounce_reader *reader, struct str octets, struct mail_header *ret)
{
	*ret = (struct mail_header){.n = 0};
	while (octets.len && ascii_space(octets.ptr[0]))
		octets = str_sub(octets, 1, octets.len);
	if (octets.len)
		mail_header_split(&reader->scratch, octets, '\n', reader->limits, ret);
}

/* ---- groups ---- */

/* RFC 3464 2.3: the fields of one recipient. A group that speaks of another recipient without the empty line
 * before it is two. */
struct group {
	struct str final, original, action, status, diagnostic, reason;
};

static enum bounce_course course_of(struct str action)
{
	static const struct {
		struct str word;
		enum bounce_course course;
	} actions[] = {{STR_INIT("delayed"), COURSE_DELAYED},
		       {STR_INIT("delivered"), COURSE_ARRIVED},
		       {STR_INIT("relayed"), COURSE_ARRIVED},
		       {STR_INIT("expanded"), COURSE_ARRIVED}};
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (str_istarts(action, actions[i].word))
			return actions[i].course;
	return COURSE_FAILED;
}

static void add_group(struct bounce_reader *reader, const struct group *group)
{
	struct str final = bounce_typed_address(reader, group->final),
		   original = bounce_typed_address(reader, group->original);
	enum bounce_course course = course_of(group->action);
	reader->by_fields |= group->final.len || group->original.len;
	if ((!group->final.len && !group->original.len) ||
	    (course == COURSE_ARRIVED && !final.len && !original.len))
		return;
	struct str status = bounce_status_in(group->status), text = group->diagnostic;
	size_t semicolon = str_find(text, ';');
	if (semicolon < 16 && semicolon < text.len) /* "smtp; 550 ..." */
		text = str_trim(str_sub(text, semicolon + 1, text.len));
	if (!text.len)
		text = group->reason;
	struct str said = bounce_status_in(text); /* by the server that refused it */
	if (bounce_is_exact(said))
		status = said;
	if (!final.len && !original.len) {
		reader->nameless_status = bounce_keep(reader, status);
		reader->nameless_reason = bounce_keep_line(reader, text);
		return;
	}
	size_t before = reader->n;
	struct mail_report *report = bounce_add(reader, final.len ? final : original);
	if (!report)
		return;
	enum bounce_course *known = &reader->course[report - reader->items];
	if (reader->n > before || course < *known)
		*known = course;
	if (status.len && !bounce_is_exact(report->status))
		report->status = bounce_keep(reader, status);
	if (!report->reason.len)
		report->reason = bounce_keep_line(reader, text);
}

static void read_group(struct bounce_reader *reader, const struct mail_header *header)
{
	struct group group = {.final = STR("")};
	const struct {
		struct str name;
		struct str *value;
	} fields[] = {
		{STR("Final-Recipient"), &group.final},
		{STR("Original-Recipient"), &group.original},
		{STR("X-Actual-Recipient"), &group.original},
		{STR("Action"), &group.action},
		{STR("Status"), &group.status},
		{STR("Diagnostic-Code"), &group.diagnostic},
		{STR("X-Supplementary-Info"), &group.reason},
	};
	for (size_t i = 0; i < header->n; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(fields); k++) {
			if (!str_ieq(header->fields[i].name, fields[k].name))
				continue;
			if (k == 0 && group.final.len) {
				add_group(reader, &group);
				group = (struct group){.final = STR("")};
			}
			if (!fields[k].value->len)
				*fields[k].value = header->fields[i].value;
		}
	}
	add_group(reader, &group);
}

void bounce_read_status(struct bounce_reader *reader)
{
	struct str rest = str_sub(reader->facts->status, 0, 1024 * 1024);
	for (size_t i = 0; i < GROUPS_MAX && rest.len && reader->n < MAIL_REPORTS_MAX; i++) {
		struct mail_header header;
		while (rest.len && ascii_space(rest.ptr[0]))
			rest = str_sub(rest, 1, rest.len);
		mail_header_split(&reader->scratch, rest, '\n', reader->limits, &header);
		if (header.size == 0)
			break;
		read_group(reader, &header);
		rest = str_sub(rest, header.size, rest.len);
	}
}

void bounce_read_failed_field(struct bounce_reader *reader)
{
	struct mail_mailboxes list = {0};
	mail_address_list(&reader->scratch, reader->facts->failed, STR(""), MAIL_REPORTS_MAX, &list);
	for (size_t i = 0; i < list.n; i++)
		if (bounce_is_address(list.items[i].address))
			bounce_add(reader, list.items[i].address);
}
