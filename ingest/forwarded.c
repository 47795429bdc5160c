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
#include "ingest/address_in_words.h"
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

static int keep_line(struct arena *arena, struct str s, size_t size_max, struct str *ret)
{
	struct strbuf line;
	strbuf_init(&line, size_max);
	strbuf_add(&line, utf8_cut(s, size_max));
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

static bool is_address(struct str s)
{
	size_t at = str_find(s, '@');
	struct str domain = str_sub(s, at + 1, s.len);
	size_t dot = str_find(domain, '.');
	return at > 0 && at <= LOCAL_PART_MAX && s.len <= ADDRESS_MAX && dot > 0 && dot + 1 < domain.len &&
	       !str_ends(domain, STR(".")) && !str_has(domain, STR("..")) && utf8_valid(s);
}

/* The same of what another reader found: nothing but an address, and no longer than one can be. */
static bool is_whole_address(struct str s)
{
	size_t at = str_find(s, '@');
	for (size_t i = 0; i < s.len; i++)
		if (i != at && !address_octet(s.ptr[i]))
			return false;
	return is_address(s);
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
	unsigned seen;                       /* 1 << enum quote_header */
	bool any, has_from, finnish;
};

static bool is_blank(struct str line)
{
	char buf[FOLD_MAX];
	return text_fold(str_sub(line, 0, FOLD_MAX), buf, sizeof(buf)) == 0;
}

/* One line of the block; false: it is not one of it. Blocks are set with empty lines between theirs, but say nothing twice:
 * behind an empty line a second "Date: ..." is of the text. */
static bool read_line(struct block *block, struct str line, bool below_from, bool below_blank)
{
	char buf[FOLD_MAX];
	struct str name, value;
	enum quote_header header = header_of(line, buf, sizeof(buf), &name, &value);
	if (header == HEADER_NONE) {
		if (below_from)
			block->from_more = line;
		return below_from;
	}
	if (below_blank && header != HEADER_OTHER && (block->seen & 1u << header))
		return false;
	block->seen |= 1u << header;
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

/* Does a value go on below this line? A list of recipients does; who else may be in the text already. */
static bool goes_on(struct str line)
{
	line = str_trim(line);
	return line.len && char_in(",;", line.ptr[line.len - 1]);
}

/* Returns the first line behind the block. Lines that may be the text's are: a value shown once more is no harm. */
static size_t read_block(const struct quote_lines *lines, size_t i, struct block *block)
{
	bool blank = false, more = false;
	size_t strays = 0;
	*block = (struct block){.any = false};
	size_t after = i;
	for (size_t end = i + BLOCK_LINES; i < lines->n && i < end; i++) {
		struct str line = bare_line(lines, i);
		if (is_blank(line)) {
			if (blank && block->any)
				break;
			blank = true;
			more = false;
			continue;
		}
		bool below_from = block->has_from && !block->from_more.len && !blank &&
				  str_find(block->from, '@') == block->from.len;
		bool header = read_line(block, line, below_from, blank);
		if (!header && ((blank && block->any) || strays++ == STRAYS_MAX))
			break;
		if (header || more)
			after = i + 1;
		more = (header || more) && goes_on(line);
		blank = false;
	}
	return after;
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
	size_t pos = 0;
	struct str address = address_in_words(value, &pos, is_address);
	if (!address.len)
		return 0;
	struct str name = name_before(value, (size_t)(address.ptr - value.ptr));
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
	    arena_printf(arena, &joined, "%.*s %.*s", STR_ARG(utf8_cut(block->from, FOLD_MAX)),
			 STR_ARG(utf8_cut(block->from_more, ADDRESS_MAX))) < 0)
		return -ENOBUFS;
	return tell(arena, joined.len ? joined : utf8_cut(value, 4 * ADDRESS_MAX), block->subject, ret);
}

/* "On 3 Nov 2025, at 10:15, Jane Doe <jane@x.org> wrote:", perhaps wrapped. The name is what nobody can tell from the
 * date in all languages; it is left out. */
static int tell_attribution(struct arena *arena, const struct quote_lines *lines, size_t i,
			    struct forwarded *ret)
{
	for (size_t end = i + lines->items[i].lines; i < lines->n && i < end; i++) {
		size_t pos = 0;
		struct str line = str_sub(quote_line_text(lines, i), 0, 4 * ADDRESS_MAX);
		struct str address = address_in_words(line, &pos, is_address);
		if (address.len)
			return tell(arena, address, STR(""), ret);
	}
	return 0;
}

/* ---- the two texts ---- */

/* Text that begins with a signature says nothing: "-- ", and who it is. */
static struct str without_lone_signature(struct str words)
{
	struct str first = str_sub(words, 0, str_find(words, '\n'));
	bool signature = str_eq(str_trim(first), STR("--")) || str_istarts(first, STR("sent from my "));
	return signature ? STR("") : words;
}

/* Is every line from i on quoted, that is not empty? */
static bool all_quoted(const struct quote_lines *lines, size_t i)
{
	for (; i < lines->n; i++)
		if (lines->items[i].kind != LINE_EMPTY &&
		    !str_starts(str_trim(quote_line_text(lines, i)), STR(">")))
			return false;
	return true;
}

/* Without one ">" at the start of each line. */
static int keep_unquoted(struct arena *arena, struct str text, struct str *ret)
{
	char *copy = arena_alloc(arena, text.len);
	size_t n = 0;
	if (!copy)
		return -ENOBUFS;
	while (text.len) {
		size_t end = str_find(text, '\n'), from = 0;
		while (from < end && char_in(" \t", text.ptr[from]))
			from++;
		if (from < end && text.ptr[from] == '>')
			from++;
		else
			from = 0;
		if (from && from < end && text.ptr[from] == ' ')
			from++;
		size_t to = end < text.len ? end + 1 : end;
		memcpy(copy + n, text.ptr + from, to - from);
		n += to - from;
		text = str_sub(text, to, text.len);
	}
	*ret = str_trim((struct str){copy, n});
	return 0;
}

/* The block begins at line i, and the forwarded text at line after. */
static int keep_texts(struct arena *arena, const struct quote_lines *lines, struct str text, size_t i,
		      size_t after, struct forwarded *ret)
{
	after = quote_lines_skip_empty(lines, after);
	if (!ret->author.address.len || after >= lines->n)
		return 0;
	const struct quote_line *first = &lines->items[i];
	struct str words = str_trim(str_sub(text, 0, first->from + first->cut));
	struct str below = str_sub(text, lines->items[after].from, text.len);
	ret->words = without_lone_signature(words);
	ret->text = str_trim(below);
	return all_quoted(lines, after) ? keep_unquoted(arena, below, &ret->text) : 0;
}

static int read_text(struct arena *arena, const struct forwarded_facts *facts, bool forward_subject,
		     struct forwarded *ret)
{
	struct quote_lines lines;
	struct block block;
	int r = 0;
	quote_lines_init(&lines, utf8_cut(facts->text, FORWARDED_TEXT_MAX), NULL);
	size_t i = first_separator(&lines);
	uint8_t separator = i < lines.n ? lines.items[i].separator : SEPARATOR_NONE;
	if (separator == SEPARATOR_FORWARD || (forward_subject && is_copied(separator))) {
		bool named = separator == SEPARATOR_FORWARD || separator == SEPARATOR_ORIGINAL;
		size_t after = read_block(&lines, i + named, &block);
		/* "VS:" forwards in Danish and Norwegian, and answers in Finnish. */
		bool answer = separator != SEPARATOR_FORWARD && block.finnish &&
			      str_istarts(without_tag(facts->subject), STR("vs"));
		if (!answer)
			r = tell_block(arena, &block, ret);
		if (r == 0)
			r = keep_texts(arena, &lines, facts->text, i, after, ret);
	} else if (forward_subject && separator == SEPARATOR_ATTRIBUTION && !lines.items[i].cut) {
		r = tell_attribution(arena, &lines, i, ret);
		if (r == 0)
			r = keep_texts(arena, &lines, facts->text, i, i + lines.items[i].lines, ret);
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
	if (!authors.n || !is_whole_address(authors.items[0].address))
		return 0;
	if (mail_word_text(scratch, mail_header_value(&header, STR("Subject")), STR(""), &subject) < 0)
		subject = STR("");
	int r = keep_line(arena, authors.items[0].name, FORWARDED_NAME_MAX, &ret->author.name);
	if (r == 0)
		r = keep_line(arena, subject, FORWARDED_SUBJECT_MAX, &ret->subject);
	if (r == 0)
		r = keep_address(arena, authors.items[0].address, &ret->author.address);
	ret->words = without_lone_signature(str_trim(facts->text));
	ret->attached = true;
	return r;
}

int forwarded_read(struct arena *arena, const struct forwarded_facts *facts, const struct mail_limits *limits,
		   struct forwarded *ret)
{
	static const struct forwarded none = {
		.author = {STR_INIT(""), STR_INIT("")},
		.subject = STR_INIT(""),
		.text = STR_INIT(""),
		.words = STR_INIT(""),
	};
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
