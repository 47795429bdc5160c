/*
 * Lines and separators. Each line is folded once (its first FOLD_MAX octets); a separator is looked for in a
 * window of a few lines around, so the work is linear.
 *
 * What counts as evidence that a line tells who wrote when: an address, a time of day, many digits. A verb
 * alone ("as Bob wrote:") is none. Pure.
 */
#include "ingest/quote_lines.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ingest/quote_tables.h"
#include "ingest/text_fold.h"

#define FOLD_MAX          512
#define ATTRIBUTION_LINES 5   /* lines an attribution may be wrapped over, empty ones counted */
#define NAME_LINE_MAX     100 /* octets of a name that stands alone above its address */
#define HEADER_LINES      16  /* of a header block, with continuations */

static bool ends_in(struct str s, const char *set)
{
	return s.len && char_in(set, s.ptr[s.len - 1]);
}

/* The octets of a dash or the like that s begins with; 0: with none. */
static size_t dash_length(struct str s)
{
	static const struct str wide[] = {STR_INIT("—"), STR_INIT("–"), STR_INIT("─"), STR_INIT("―")};
	if (s.len == 0)
		return 0;
	if (s.ptr[0] != wide[0].ptr[0])
		return char_in("-_=*#>| ", s.ptr[0]) ? 1 : 0;
	for (size_t i = 0; i < ARRAY_SIZE(wide); i++)
		if (str_starts(s, wide[i]))
			return wide[i].len;
	return 0;
}

/* The same at the end; ">" belongs to an address there. */
static size_t dash_length_end(struct str s)
{
	if (s.len && (unsigned char)s.ptr[s.len - 1] < 0x80)
		return char_in("-_=*#| ", s.ptr[s.len - 1]) ? 1 : 0;
	return s.len >= 3 && dash_length(str_sub(s, s.len - 3, s.len)) == 3 ? 3 : 0;
}

/* Dashes and the like at both ends of "----- Original Message -----". */
static struct str strip_dashes(struct str folded, size_t *ret_dashes)
{
	size_t dashes = 0;
	for (size_t n; (n = dash_length(folded)) > 0; folded = str_sub(folded, n, folded.len))
		dashes += folded.ptr[0] != ' ';
	for (size_t n; (n = dash_length_end(folded)) > 0;)
		folded.len -= n;
	*ret_dashes = dashes;
	return folded;
}

static struct str fold_line(const struct quote_lines *lines, size_t i, char *buf, size_t size)
{
	struct str line = quote_line_text(lines, i);
	return (struct str){buf, text_fold(str_sub(line, 0, size), buf, size)};
}

/* ---- evidence ---- */

struct evidence {
	bool address, time, date; /* "x@y", "12:30", five digits or more */
};

static struct evidence look_for_evidence(struct str s)
{
	struct evidence found = {false, false, false};
	unsigned digits = 0;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i], next = i + 1 < s.len ? s.ptr[i + 1] : ' ';
		if (ascii_digit(c))
			digits++;
		else if (c == '@' && i > 0 && s.ptr[i - 1] != ' ' && next != ' ')
			found.address = true;
		else if ((c == ':' || c == '.' || c == 'h') && i > 0 && ascii_digit(s.ptr[i - 1]) &&
			 ascii_digit(next))
			found.time = true;
	}
	found.date = digits >= 5;
	return found;
}

static unsigned evidence_count(struct evidence found)
{
	return (unsigned)found.address + found.time + found.date;
}

static bool has_all_evidence(struct str s)
{
	return str_find(s, '@') < s.len && evidence_count(look_for_evidence(s)) == 3;
}

static bool next_is_quoted(const struct quote_lines *lines, size_t i)
{
	i = quote_lines_skip_empty(lines, i);
	return i < lines->n && (lines->items[i].kind == LINE_QUOTED || lines->items[i].marks);
}

/* "2014-10-17 11:28", "04/19/2011", "11:00 AM, November 17, 2021", "2020年1月": a short number, what parts dates,
 * and more digits soon. */
static bool starts_with_date(struct str folded)
{
	size_t first = 0, digits = 0;
	while (first < folded.len && ascii_digit(folded.ptr[first]))
		first++;
	if (first == 0 || first > 4 || first == folded.len ||
	    !(char_in("-./:, ", folded.ptr[first]) || (unsigned char)folded.ptr[first] >= 0xe0))
		return false;
	for (size_t i = 0; i < folded.len && i < 28; i++)
		digits += ascii_digit(folded.ptr[i]);
	return digits >= 5;
}

/* ---- attributions ---- */

static void set_separator(struct quote_lines *lines, size_t i, enum quote_separator separator, size_t n)
{
	lines->items[i].separator = (uint8_t)separator;
	lines->items[i].lines = (uint8_t)(n > 255 ? 255 : n);
}

/* "thanks On Wed, Apr 4, 2012, bob@x wrote:": the quote begins in the middle of the line. */
static bool attribution_inside(struct quote_lines *lines, size_t i)
{
	static const struct str starts[] = {STR_INIT("On "), STR_INIT("Am "), STR_INIT("Le "),
					    STR_INIT("El "), STR_INIT("Il "), STR_INIT("Op "),
					    STR_INIT("Em "), STR_INIT("Den ")};
	struct str line = str_sub(quote_line_text(lines, i), 0, FOLD_MAX);
	char buf[FOLD_MAX];
	for (size_t at = 1; at + 16 < line.len; at++) {
		if (line.ptr[at - 1] != ' ' && line.ptr[at - 1] != '-')
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(starts); k++) {
			struct str rest = str_sub(line, at, line.len);
			if (!str_starts(rest, starts[k]))
				continue;
			struct str folded = {buf, text_fold(rest, buf, sizeof(buf))};
			if (evidence_count(look_for_evidence(folded)) < 2 || !quote_has_wrote(folded))
				continue;
			while (at > 0 && char_in("-_ ", line.ptr[at - 1]))
				at--;
			if (at == 0)
				return false;
			lines->items[i].cut = (uint16_t)at;
			return true;
		}
	}
	return false;
}

/* Quoted by a <blockquote> only: its attribution may be the first line in it. */
static bool is_indented(const struct quote_line *line)
{
	return line->marks & (1u << MARK_BLOCKQUOTE | 1u << MARK_INDENT) && !(line->marks & 1u << MARK_REPLY);
}

/* How sure is it that an attribution that ends here begins with this line? whole: from this line to the end. */
enum certainty { UNLIKELY, POSSIBLE, CERTAIN };

static enum certainty begins_here(struct str folded, struct str whole, bool one_line, bool next_quoted,
				  size_t dashes)
{
	struct evidence found = look_for_evidence(whole), here = look_for_evidence(folded);
	bool colon = ends_in(whole, ":");
	bool dated = starts_with_date(folded);
	/* "Wednesday, 17 November 2021, 3:32 PM +0300 from john@x <john@x>:" needs no verb */
	if (evidence_count(found) == 3 && str_ends(whole, STR(">:")) && evidence_count(here) > 1)
		return CERTAIN;
	if (dated && found.address && colon && str_has(whole, STR("<")))
		return CERTAIN;
	/* the search for the verb is the dear part */
	if (evidence_count(found) == 0 && !(one_line && dashes >= 3))
		return UNLIKELY;
	if (!quote_has_wrote(whole))
		return UNLIKELY;
	if ((quote_starts_attribution(folded) || dated) && evidence_count(here) > 0)
		return CERTAIN;
	if (one_line && (evidence_count(found) > 1 || (evidence_count(found) == 1 && next_quoted)))
		return POSSIBLE;
	return one_line && dashes >= 3 ? POSSIBLE : UNLIKELY;
}

/* "Bob Miller", and on the next line, where the attribution seems to begin, "<bob@acme.example> wrote:": a short line
 * below an empty one, which is no sentence. */
static bool is_name_above(const struct quote_lines *lines, size_t begin)
{
	if (begin < 2 || !str_starts(str_trim(quote_line_text(lines, begin)), STR("<")))
		return false;
	const struct quote_line *above = &lines->items[begin - 1];
	struct str name = str_trim(quote_line_text(lines, begin - 1));
	return name.len && name.len <= NAME_LINE_MAX && !ends_in(name, ".!?:;") &&
	       above->kind != LINE_QUOTED && above->separator == SEPARATOR_NONE &&
	       !str_trim(quote_line_text(lines, begin - 2)).len;
}

/* Line `last` ends in a colon or in the verb: where did the attribution begin? The nearest line above that
 * certainly begins one; else this line, if it may be a whole one. */
static void find_attribution(struct quote_lines *lines, size_t last, struct str last_folded)
{
	char joined[FOLD_MAX * 2], line[FOLD_MAX];
	size_t dashes, begin = lines->n;
	struct str end = strip_dashes(last_folded, &dashes);
	bool quoted_next = next_is_quoted(lines, last + 1);
	if (end.len == 0 || (!ends_in(end, ":") && !quoted_next && dashes < 3 && !has_all_evidence(end)))
		return;
	size_t at = sizeof(joined); /* `joined` grows to the front */
	for (size_t i = last, looked = 0; looked < ATTRIBUTION_LINES; looked++, i--) {
		size_t dashes_here;
		struct str folded = strip_dashes(fold_line(lines, i, line, sizeof(line)), &dashes_here);
		bool quoted = lines->items[i].kind == LINE_QUOTED && !is_indented(&lines->items[i]);
		if (folded.len + 1 > at || (quoted && i != last) || (i != last && lines->items[i].separator))
			break;
		at -= folded.len + 1;
		memcpy(joined + at, folded.ptr, folded.len);
		joined[at + folded.len] = ' ';
		struct str whole = str_trim((struct str){joined + at, sizeof(joined) - at});
		enum certainty certainty = begins_here(folded, whole, i == last, quoted_next, dashes);
		/* "> wrote:" was wrapped so that the bracket stands first: it begins higher up */
		if (quoted)
			certainty = UNLIKELY;
		if (certainty != UNLIKELY)
			begin = i;
		if (certainty == CERTAIN || i == 0)
			break;
	}
	if (begin < lines->n && is_name_above(lines, begin))
		begin--;
	if (begin < lines->n && lines->items[begin].separator == SEPARATOR_NONE)
		set_separator(lines, begin, SEPARATOR_ATTRIBUTION, last - begin + 1);
}

/* "2011/4/7 Nathan <support@example.com>" before quoted lines: no verb, no colon. */
static bool dated_address(const struct quote_lines *lines, size_t i, struct str folded)
{
	return starts_with_date(folded) && look_for_evidence(folded).address && ends_in(folded, ">:") &&
	       next_is_quoted(lines, i + 1);
}

/* ---- header blocks ---- */

/* "*From:* x", "| Sent : y": the kind of header, and where its value begins. */
static enum quote_header header_at(struct str folded, struct str *ret_value)
{
	while (folded.len && char_in("*_|[ ", folded.ptr[0]))
		folded = str_sub(folded, 1, folded.len);
	size_t colon = str_find(str_sub(folded, 0, 48), ':');
	if (colon >= 48 || colon >= folded.len)
		return HEADER_NONE;
	struct str name = str_sub(folded, 0, colon);
	while (name.len && char_in("* _", name.ptr[name.len - 1]))
		name.len--;
	*ret_value = str_trim(str_sub(folded, colon + 1, folded.len));
	return quote_header_of(name);
}

/* "From: bob@x Date: Thu, 24 Mar": kinds of headers that stand behind the first on the same line, as bits. */
static unsigned headers_inside(struct str value)
{
	unsigned seen = 0;
	size_t word = 0;
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] == ' ')
			word = i + 1;
		if (value.ptr[i] == ':' && i > word && i - word < 24)
			seen |= 1u << quote_header_of(str_sub(value, word, i));
	}
	return seen & (1u << HEADER_DATE | 1u << HEADER_TO | 1u << HEADER_SUBJECT);
}

static unsigned count_bits(unsigned bits)
{
	unsigned n = 0;
	for (; bits; bits &= bits - 1)
		n++;
	return n;
}

/* What line i is as a header line; read once. */
static void read_header_line(struct quote_lines *lines, size_t i)
{
	struct quote_line *line = &lines->items[i];
	char buf[FOLD_MAX];
	if (line->header_read)
		return;
	struct str folded = fold_line(lines, i, buf, sizeof(buf)), value = folded;
	enum quote_header header = header_at(folded, &value);
	line->header_read = true;
	line->header = (uint8_t)header;
	line->more_headers = (uint8_t)(header == HEADER_FROM ? headers_inside(value) : 0);
	line->address = look_for_evidence(header == HEADER_NONE ? folded : value).address;
}

/* Most lines have no colon and need no reading. */
static bool is_header_line(struct quote_lines *lines, size_t i, struct str folded)
{
	if (str_find(folded, ':') == folded.len)
		return false;
	read_header_line(lines, i);
	return lines->items[i].header != HEADER_NONE;
}

/* A block of header lines at i; how many lines it takes, 0: none. ret_few: there are no more than two kinds. */
static size_t header_block(struct quote_lines *lines, size_t i, bool *ret_few)
{
	const unsigned main_kinds =
		1u << HEADER_FROM | 1u << HEADER_DATE | 1u << HEADER_TO | 1u << HEADER_SUBJECT;
	unsigned seen = 0;
	bool address = false;
	size_t last = i, strays = 0;
	for (size_t j = i; j < lines->n && j < i + HEADER_LINES; j++) {
		const struct quote_line *line = &lines->items[j];
		if (line->kind == LINE_EMPTY) {
			if (count_bits(seen & main_kinds) >= 2 || strays++ > 0)
				break;
			continue;
		}
		read_header_line(lines, j);
		if (line->header == HEADER_NONE) { /* a value that goes on */
			if (strays++ > 2)
				break;
			address |= line->address;
			continue;
		}
		seen |= 1u << line->header | line->more_headers;
		address |= line->address;
		strays = 0;
		last = j;
	}
	unsigned kinds = count_bits(seen & main_kinds);
	bool from = seen & 1u << HEADER_FROM, date = seen & 1u << HEADER_DATE, to = seen & 1u << HEADER_TO;
	bool subject = seen & 1u << HEADER_SUBJECT;
	*ret_few = kinds < 3;
	if ((from && kinds >= 2 && (address || subject || kinds >= 4)) || (from && date && to && subject) ||
	    (date && to && (address || subject)) || (to && subject && date))
		return last - i + 1;
	return 0;
}

/* ---- phrases between dashes ---- */

static void find_phrase(struct quote_lines *lines, size_t i, struct str folded)
{
	size_t dashes;
	struct str inner = strip_dashes(folded, &dashes);
	enum quote_phrase phrase = inner.len > 3 ? quote_phrase_of(inner) : PHRASE_NONE;
	if (phrase == PHRASE_NONE)
		return;
	if (phrase == PHRASE_REPLY_ABOVE) {
		set_separator(lines, i, SEPARATOR_ABOVE, 1);
		return;
	}
	/* Without dashes the words must be all there is, and a colon or a header block must follow. */
	size_t next = quote_lines_skip_empty(lines, i + 1);
	if (next < lines->n)
		read_header_line(lines, next);
	bool block = next < lines->n && lines->items[next].header != HEADER_NONE;
	if (dashes < 2 && (inner.len > 60 || !(ends_in(inner, ":") || block)))
		return;
	bool few;
	size_t n = 1 + (block ? next - i - 1 + header_block(lines, next, &few) : 0);
	set_separator(lines, i, phrase == PHRASE_FORWARD ? SEPARATOR_FORWARD : SEPARATOR_ORIGINAL, n);
}

/* ---- lines ---- */

static enum quote_line_kind line_kind(struct str line)
{
	size_t i = 0;
	while (i < line.len && i < 4 && line.ptr[i] == ' ')
		i++;
	if (i < line.len && line.ptr[i] == '>')
		/* ">>> look here <<<" is decoration */
		return str_find(line, '<') < line.len && str_has(line, STR("<<<")) ? LINE_TEXT : LINE_QUOTED;
	while (i < line.len) {
		uint32_t c = utf8_next(line, &i);
		if ((c > ' ' && c < 0x80) || (!char_blank(c) && !char_zero_width(c)))
			return LINE_TEXT;
	}
	return LINE_EMPTY;
}

static void split_lines(struct quote_lines *lines)
{
	struct str text = lines->text;
	size_t n = 1;
	for (size_t pos = 0; (pos += str_find(str_sub(text, pos, text.len), '\n')) < text.len; pos++)
		n++;
	lines->items = xcalloc(n, sizeof(*lines->items));
	for (size_t pos = 0; lines->n < n; pos++) {
		size_t end = pos + str_find(str_sub(text, pos, text.len), '\n');
		size_t to = end > pos && text.ptr[end - 1] == '\r' ? end - 1 : end;
		lines->items[lines->n++] = (struct quote_line){
			.from = (uint32_t)pos,
			.to = (uint32_t)to,
			.kind = (uint8_t)line_kind(str_sub(text, pos, to)),
		};
		pos = end;
	}
}

/* The first line that begins at `from` or behind it. */
static size_t first_line_from(const struct quote_lines *lines, size_t from)
{
	size_t low = 0, high = lines->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (lines->items[middle].from < from)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void apply_marks(struct quote_lines *lines, const struct text_marks *marks)
{
	for (size_t m = 0; m < marks->n && m < TEXT_MARKS_MAX; m++) {
		const struct text_mark *mark = &marks->items[m];
		for (size_t i = first_line_from(lines, mark->from); i < lines->n; i++) {
			if (lines->items[i].from >= mark->to)
				break;
			lines->items[i].marks |= (uint8_t)(1u << mark->kind);
		}
	}
}

size_t quote_lines_skip_empty(const struct quote_lines *lines, size_t i)
{
	while (i < lines->n && lines->items[i].kind == LINE_EMPTY)
		i++;
	return i;
}

/* A quoted line is only looked at when its folded form may end in a colon. */
static bool may_end_in_colon(struct str line)
{
	char last = line.len ? line.ptr[line.len - 1] : ' ';
	return last <= ' ' || last == 0x7f || last == ':' || line.len > FOLD_MAX;
}

void quote_lines_init(struct quote_lines *lines, struct str text, const struct text_marks *marks)
{
	char buf[FOLD_MAX];
	*lines = (struct quote_lines){.text = str_sub(text, 0, UINT32_MAX - 1)};
	split_lines(lines);
	if (marks)
		apply_marks(lines, marks);
	for (size_t i = 0; i < lines->n; i++) {
		struct quote_line *line = &lines->items[i];
		if (line->kind == LINE_EMPTY ||
		    (line->kind == LINE_QUOTED && !may_end_in_colon(quote_line_text(lines, i))))
			continue;
		struct str folded = fold_line(lines, i, buf, sizeof(buf));
		if (line->kind == LINE_TEXT) {
			find_phrase(lines, i, folded);
			bool few;
			bool header = line->separator == SEPARATOR_NONE && is_header_line(lines, i, folded);
			size_t block = header ? header_block(lines, i, &few) : 0;
			if (block)
				set_separator(lines, i, few ? SEPARATOR_FEW_HEADERS : SEPARATOR_HEADERS,
					      block);
			if (line->separator == SEPARATOR_NONE && dated_address(lines, i, folded))
				set_separator(lines, i, SEPARATOR_ATTRIBUTION, 1);
		}
		if (line->separator != SEPARATOR_NONE)
			continue;
		if (line->kind == LINE_TEXT && ends_in(folded, ":-") && next_is_quoted(lines, i + 1) &&
		    attribution_inside(lines, i))
			set_separator(lines, i, SEPARATOR_ATTRIBUTION, 1);
		else if (line->kind == LINE_TEXT || ends_in(folded, ":"))
			find_attribution(lines, i, folded);
	}
}

void quote_lines_done(struct quote_lines *lines)
{
	free(lines->items);
	lines->items = NULL;
	lines->n = 0;
}
