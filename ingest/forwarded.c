/*
 * See forwarded.h. The lines are told apart by quote_lines.c; this file finds the first separator, reads the header block
 * behind it, and takes an address out of what stands behind "From:".
 *
 * Invariants: only the first separator of the text is looked at, and at most BLOCK_LINES lines behind it; an address holds
 * one "@", a dot behind it and no blank; all that is told is one line of valid UTF-8. Pure.
 */
#include "ingest/forwarded.h"

#include <errno.h>

#include "base/mailaddr.h"
#include "base/strbuf.h"
#include "ingest/mail_address.h"
#include "ingest/mail_charset.h"
#include "ingest/mail_header.h"
#include "ingest/mail_word.h"
#include "ingest/quote_lines.h"
#include "ingest/quote_tables.h"
#include "ingest/text_fold.h"

#define BLOCK_LINES    24
#define STRAYS_MAX     4    /* lines of a block that are no header: values that go on */
#define OWN_TEXT_MAX   1000 /* octets: more is a mail of its own, with an attachment */
#define TAG_MAX        40   /* "[EXTERNAL] Fwd: ..." */
#define ADDRESS_MAX    320
#define LOCAL_PART_MAX 128
#define FOLD_MAX       256
#define SCRATCH_SIZE   ((size_t)1024 * 1024)

/* ---- keeping ---- */

/* The beginning, cut between characters. */
static struct str cut(struct str s, size_t size_max)
{
	if (s.len <= size_max)
		return s;
	s.len = size_max;
	while (s.len && ((unsigned char)s.ptr[s.len] & 0xc0) == 0x80)
		s.len--;
	return s;
}

static int keep_line(struct arena *arena, struct str s, size_t size_max, struct str *ret)
{
	struct strbuf line;
	strbuf_init(&line, size_max);
	strbuf_add(&line, cut(s, size_max));
	utf8_one_line(&line);
	int r = arena_copy(arena, strbuf_str(&line), ret);
	strbuf_done(&line);
	return r;
}

static int keep_address(struct arena *arena, struct str address, struct str *ret)
{
	char *copy = arena_alloc(arena, address.len);
	if (!copy)
		return -ENOBUFS;
	size_t at = str_find(address, '@');
	for (size_t i = 0; i < address.len; i++)
		copy[i] = i > at ? ascii_lower(address.ptr[i]) : address.ptr[i];
	*ret = (struct str){copy, address.len};
	return 0;
}

/* ---- an address in words ---- */

static bool is_address_octet(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && !char_in("<>()[]\",;:\\*|@", c);
}

static bool is_address(struct str s)
{
	size_t at = str_find(s, '@');
	struct str domain = str_sub(s, at + 1, s.len);
	size_t dot = str_find(domain, '.');
	return at > 0 && at <= LOCAL_PART_MAX && s.len <= ADDRESS_MAX && dot > 0 && dot + 1 < domain.len &&
	       !str_ends(domain, STR(".")) && !str_has(domain, STR("..")) && utf8_valid(s);
}

/* The first address in s: "Jane <jane@x.org>", "Jane [mailto:jane@x.org]", "jane@x.org (Jane)"; *ret_from is where it
 * begins. Each "@" costs ADDRESS_MAX octets at most, and s is a line. */
static struct str find_address(struct str s, size_t *ret_from)
{
	for (size_t at = 0; (at += str_find(str_sub(s, at, s.len), '@')) < s.len; at++) {
		size_t from = at, to = at + 1;
		while (from > 0 && at - from < ADDRESS_MAX && is_address_octet(s.ptr[from - 1]))
			from--;
		while (to < s.len && to - at < ADDRESS_MAX && is_address_octet(s.ptr[to]))
			to++;
		while (to > at && char_in(".'!?=", s.ptr[to - 1]))
			to--;
		while (from < at && char_in("'.=", s.ptr[from]))
			from++;
		struct str address = str_sub(s, from, to);
		if (!is_address(address))
			continue;
		*ret_from = from;
		return address;
	}
	return STR("");
}

/* The octets of a blank or of what people and programs put around names; from the front, or from the end. */
static size_t decoration(struct str s, bool front)
{
	static const struct str wide[] = {STR_INIT("\xc2\xa0"),     STR_INIT("\xe2\x80\x8b"),
					  STR_INIT("\xe2\x80\x9c"), STR_INIT("\xe2\x80\x9d"),
					  STR_INIT("\xe2\x80\x9e"), STR_INIT("\xe3\x80\x80")};
	if (s.len && char_in(" \t\r\"'*_<([|", s.ptr[front ? 0 : s.len - 1]))
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(wide); i++)
		if (front ? str_starts(s, wide[i]) : str_ends(s, wide[i]))
			return wide[i].len;
	return 0;
}

static struct str undecorate(struct str s)
{
	for (size_t n; s.len && (n = decoration(s, true)) > 0;)
		s = str_sub(s, n, s.len);
	for (size_t n; s.len && (n = decoration(s, false)) > 0;)
		s.len -= n;
	return s;
}

/* What stands before the address, if it is a name. */
static struct str name_before(struct str value, size_t address_from)
{
	struct str name = str_sub(value, 0, address_from);
	static const struct str lead = STR_INIT("mailto:");
	if (name.len >= lead.len && str_ieq(str_sub(name, name.len - lead.len, name.len), lead))
		name.len -= lead.len;
	name = undecorate(name);
	return str_find(name, '@') < name.len ? STR("") : name;
}

/* ---- the header block ---- */

/* Without marks of quoting and emphasis in front. */
static struct str bare_line(const struct quote_lines *lines, size_t i)
{
	struct str line = quote_line_text(lines, i);
	while (line.len && char_in("> \t*_|[", line.ptr[0]))
		line = str_sub(line, 1, line.len);
	return line;
}

/* The name before the colon, folded into buf, and the value behind it. */
static enum quote_header header_of(struct str line, char *buf, size_t size, struct str *ret_name,
				   struct str *ret_value)
{
	struct str head = str_sub(line, 0, 64);
	size_t colon = str_find(head, ':'), wide = str_search(head, STR("：")), n = 1;
	if (wide < colon) {
		colon = wide;
		n = STR("：").len;
	}
	if (colon >= head.len)
		return HEADER_NONE;
	struct str name = {buf, text_fold(str_sub(line, 0, colon), buf, size)};
	while (name.len && char_in("* _", name.ptr[name.len - 1]))
		name.len--;
	struct str value = str_trim(str_sub(line, colon + n, line.len));
	while (value.len && char_in("* \t", value.ptr[0]))
		value = str_sub(value, 1, value.len);
	*ret_name = name;
	*ret_value = value;
	return quote_header_of(name);
}

struct block {
	struct str from, from_more, subject; /* from_more: the line below From */
	bool any, has_from, finnish;
};

static bool is_blank(struct str line)
{
	char buf[FOLD_MAX];
	return text_fold(str_sub(line, 0, FOLD_MAX), buf, sizeof(buf)) == 0;
}

/* One line of the block; false: it is not one of it. */
static bool read_line(struct block *block, struct str line, bool below_from)
{
	char buf[FOLD_MAX];
	struct str name, value;
	enum quote_header header = header_of(line, buf, sizeof(buf), &name, &value);
	if (header == HEADER_NONE) {
		if (below_from)
			block->from_more = line;
		return below_from;
	}
	block->any = true;
	if (header == HEADER_FROM && !block->has_from) {
		block->from = value;
		block->has_from = true;
		block->finnish = str_eq(name, STR("lähettäjä"));
	} else if (header == HEADER_SUBJECT && !block->subject.len) {
		block->subject = value;
	}
	return true;
}

static void read_block(const struct quote_lines *lines, size_t i, struct block *block)
{
	bool blank = false;
	size_t strays = 0;
	*block = (struct block){.any = false};
	for (size_t end = i + BLOCK_LINES; i < lines->n && i < end; i++) {
		struct str line = bare_line(lines, i);
		if (is_blank(line)) {
			if (blank && block->any)
				break;
			blank = true;
			continue;
		}
		bool below_from = block->has_from && !block->from_more.len && !blank &&
				  str_find(block->from, '@') == block->from.len;
		if (!read_line(block, line, below_from) && ((blank && block->any) || strays++ == STRAYS_MAX))
			break;
		blank = false;
	}
}

/* ---- in the text ---- */

static bool is_copied(uint8_t separator)
{
	return separator == SEPARATOR_ORIGINAL || separator == SEPARATOR_HEADERS ||
	       separator == SEPARATOR_FEW_HEADERS;
}

/* The first separator; quoted lines before it are history. lines->n: there is none. */
static size_t first_separator(const struct quote_lines *lines)
{
	for (size_t i = 0; i < lines->n; i++) {
		const struct quote_line *line = &lines->items[i];
		if (line->kind == LINE_QUOTED && line->separator == SEPARATOR_NONE)
			return lines->n;
		if (line->separator != SEPARATOR_NONE && line->separator != SEPARATOR_ABOVE)
			return i;
	}
	return lines->n;
}

static struct str without_tag(struct str subject)
{
	subject = str_trim(subject);
	size_t end = str_find(str_sub(subject, 0, TAG_MAX), ']');
	bool tag = subject.len && subject.ptr[0] == '[' && end < TAG_MAX && end < subject.len &&
		   !str_istarts(subject, STR("[fw"));
	return tag ? str_trim(str_sub(subject, end + 1, subject.len)) : subject;
}

static int tell(struct arena *arena, struct str value, struct str subject, struct forwarded *ret)
{
	size_t from = 0;
	struct str address = find_address(value, &from);
	if (!address.len)
		return 0;
	struct str name = name_before(value, from);
	int r = keep_line(arena, name, FORWARDED_NAME_MAX, &ret->author.name);
	if (r == 0)
		r = keep_line(arena, subject, FORWARDED_SUBJECT_MAX, &ret->subject);
	if (r == 0)
		r = keep_address(arena, address, &ret->author.address);
	return r;
}

/* "From: Jane Doe" and "<jane@x.org>" in the line below. */
static int tell_block(struct arena *arena, const struct block *block, struct forwarded *ret)
{
	struct str value = block->from, joined = STR("");
	if (block->from_more.len &&
	    arena_printf(arena, &joined, "%.*s %.*s", STR_ARG(cut(block->from, FOLD_MAX)),
			 STR_ARG(cut(block->from_more, ADDRESS_MAX))) < 0)
		return -ENOBUFS;
	return tell(arena, joined.len ? joined : cut(value, 4 * ADDRESS_MAX), block->subject, ret);
}

/* "On 3 Nov 2025, at 10:15, Jane Doe <jane@x.org> wrote:", perhaps wrapped. The name is what nobody can tell from the
 * date in all languages; it is left out. */
static int tell_attribution(struct arena *arena, const struct quote_lines *lines, size_t i,
			    struct forwarded *ret)
{
	size_t from;
	for (size_t end = i + lines->items[i].lines; i < lines->n && i < end; i++) {
		struct str address =
			find_address(str_sub(quote_line_text(lines, i), 0, 4 * ADDRESS_MAX), &from);
		if (address.len)
			return tell(arena, address, STR(""), ret);
	}
	return 0;
}

static int read_text(struct arena *arena, const struct forwarded_facts *facts, bool forward_subject,
		     struct forwarded *ret)
{
	struct quote_lines lines;
	struct block block;
	int r = 0;
	quote_lines_init(&lines, cut(facts->text, FORWARDED_TEXT_MAX), NULL);
	size_t i = first_separator(&lines);
	uint8_t separator = i < lines.n ? lines.items[i].separator : SEPARATOR_NONE;
	if (separator == SEPARATOR_FORWARD || (forward_subject && is_copied(separator))) {
		bool named = separator == SEPARATOR_FORWARD || separator == SEPARATOR_ORIGINAL;
		read_block(&lines, i + named, &block);
		/* "VS:" forwards in Danish and Norwegian, and answers in Finnish. */
		bool answer = separator != SEPARATOR_FORWARD && block.finnish &&
			      str_istarts(without_tag(facts->subject), STR("vs"));
		if (!answer)
			r = tell_block(arena, &block, ret);
	} else if (forward_subject && separator == SEPARATOR_ATTRIBUTION && !lines.items[i].cut) {
		r = tell_attribution(arena, &lines, i, ret);
	}
	quote_lines_done(&lines);
	return r;
}

/* ---- in an attached mail ---- */

static int read_attached(struct arena *arena, struct arena *scratch, const struct forwarded_facts *facts,
			 const struct mail_limits *limits, struct forwarded *ret)
{
	struct mail_header header;
	struct mail_mailboxes authors = {0};
	struct str octets = facts->attached, subject = STR("");
	while (octets.len && ascii_space(octets.ptr[0]))
		octets = str_sub(octets, 1, octets.len);
	if (!octets.len)
		return 0;
	mail_header_split(scratch, octets, '\n', limits, &header);
	mail_address_list(scratch, mail_header_value(&header, STR("From")), STR(""), 1, &authors);
	if (!authors.n || str_find(authors.items[0].address, '@') == authors.items[0].address.len)
		return 0;
	if (mail_word_text(scratch, mail_header_value(&header, STR("Subject")), STR(""), &subject) < 0)
		subject = STR("");
	int r = keep_line(arena, authors.items[0].name, FORWARDED_NAME_MAX, &ret->author.name);
	if (r == 0)
		r = keep_line(arena, subject, FORWARDED_SUBJECT_MAX, &ret->subject);
	if (r == 0)
		r = keep_address(arena, authors.items[0].address, &ret->author.address);
	return r;
}

int forwarded_read(struct arena *arena, const struct forwarded_facts *facts, const struct mail_limits *limits,
		   struct forwarded *ret)
{
	static const struct forwarded none = {{STR_INIT(""), STR_INIT("")}, STR_INIT("")};
	bool forward_subject = quote_is_forward_subject(without_tag(facts->subject));
	struct arena scratch;
	struct forwarded found = none;
	arena_init(&scratch, SCRATCH_SIZE);
	int r = 0;
	if (facts->block || forward_subject)
		r = read_text(arena, facts, forward_subject, &found);
	if (r == 0 && !found.author.address.len && str_trim(facts->text).len <= OWN_TEXT_MAX &&
	    (forward_subject || facts->attached_is_all))
		r = read_attached(arena, &scratch, facts, limits, &found);
	arena_done(&scratch);
	*ret = r == 0 && found.author.address.len ? found : none;
	return r;
}
