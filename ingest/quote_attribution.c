/*
 * Lines that tell who wrote when: "On Mon, 3 Nov 2025, Ann wrote:", in many languages, wrapped over some lines, also
 * without a verb. What counts as evidence is an address, a time of day, many digits; a verb alone ("as Bob wrote:") is
 * none. At most ATTRIBUTION_LINES lines are looked at for each line that may end one. Pure.
 */
#include "ingest/quote_lines_private.h"

#define ATTRIBUTION_LINES 5   /* lines an attribution may be wrapped over, empty ones counted */
#define NAME_LINE_MAX     100 /* octets of a name that stands alone above its address */

/* ---- dashes ---- */

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
struct str quote_strip_dashes(struct str folded, size_t *ret_dashes)
{
	size_t dashes = 0;
	for (size_t n; (n = dash_length(folded)) > 0; folded = str_sub(folded, n, folded.len))
		dashes += folded.ptr[0] != ' ';
	for (size_t n; (n = dash_length_end(folded)) > 0;)
		folded.len -= n;
	*ret_dashes = dashes;
	return folded;
}

/* ---- evidence ---- */

struct quote_evidence quote_look_for_evidence(struct str s)
{
	struct quote_evidence found = {false, false, false};
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

static unsigned evidence_count(struct quote_evidence found)
{
	return (unsigned)found.address + found.time + found.date;
}

static bool has_all_evidence(struct str s)
{
	return str_find(s, '@') < s.len && evidence_count(quote_look_for_evidence(s)) == 3;
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

/* "thanks On Wed, Apr 4, 2012, bob@x wrote:": the quote begins in the middle of the line. */
bool quote_attribution_inside(struct quote_lines *lines, size_t i)
{
	static const struct str starts[] = {STR_INIT("On "), STR_INIT("Am "), STR_INIT("Le "),
					    STR_INIT("El "), STR_INIT("Il "), STR_INIT("Op "),
					    STR_INIT("Em "), STR_INIT("Den ")};
	struct str line = str_sub(quote_line_text(lines, i), 0, QUOTE_FOLD_MAX);
	char buf[QUOTE_FOLD_MAX];
	for (size_t at = 1; at + 16 < line.len; at++) {
		if (line.ptr[at - 1] != ' ' && line.ptr[at - 1] != '-')
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(starts); k++) {
			struct str rest = str_sub(line, at, line.len);
			if (!str_starts(rest, starts[k]))
				continue;
			struct str folded = {buf, text_fold(rest, buf, sizeof(buf))};
			if (evidence_count(quote_look_for_evidence(folded)) < 2 || !quote_has_wrote(folded))
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
	struct quote_evidence found = quote_look_for_evidence(whole), here = quote_look_for_evidence(folded);
	bool colon = quote_ends_in(whole, ":");
	bool dated = starts_with_date(folded);
	/* "Wednesday, 17 November 2021, 3:32 PM +0300 from john@x <john@x>:" needs no verb */
	if (evidence_count(found) == 3 && str_ends(whole, STR(">:")) && evidence_count(here) > 1)
		return CERTAIN;
	if (dated && found.address && colon && str_has(whole, STR("<")))
		return CERTAIN;
	/* "Quoting Ann <ann@x>:", "* Ann <ann@x> [2025-11-03 10:15]:" */
	if (colon && found.address && quote_starts_quoting(folded))
		return CERTAIN;
	if (one_line && next_quoted && colon && evidence_count(found) == 3 && whole.len <= NAME_LINE_MAX)
		return CERTAIN;
	/* "Ann, 3 Nov 2025, 10:15:" */
	if (one_line && next_quoted && colon && found.date && found.time && whole.len <= NAME_LINE_MAX)
		return POSSIBLE;
	/* the search for the verb is the dear part */
	if (evidence_count(found) == 0 && !(one_line && dashes >= 3))
		return UNLIKELY;
	if (!quote_has_wrote(whole))
		return UNLIKELY;
	/* "... at 10:15 Ann (ann@x) wrote me that" is prose */
	if (!colon && !next_quoted && dashes < 3 && !quote_ends_in_wrote(whole))
		return UNLIKELY;
	if ((quote_starts_attribution(folded) || dated) && evidence_count(here) > 0)
		return CERTAIN;
	/* "Ann <ann@x>, 3 Kas 2025, 10:15 tarihinde" and the verb on the next line */
	if (!one_line && evidence_count(here) == 3 && str_has(folded, STR("<")))
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
	return name.len && name.len <= NAME_LINE_MAX && !quote_ends_in(name, ".!?:;") &&
	       above->kind != LINE_QUOTED && above->separator == SEPARATOR_NONE &&
	       !str_trim(quote_line_text(lines, begin - 2)).len;
}

/* 'Ann wrote: "It is on its way."': people put into quotation marks what they tell; programs don't. */
static bool is_cited_in_prose(const struct quote_lines *lines, size_t i)
{
	static const struct str marks[] = {STR_INIT("\""), STR_INIT("“"),  STR_INIT("„"), STR_INIT("«"),
					   STR_INIT("»"),  STR_INIT("「"), STR_INIT("''")};
	i = quote_lines_skip_empty(lines, i);
	if (i == lines->n || lines->items[i].kind != LINE_TEXT)
		return false;
	struct str line = str_trim(quote_line_text(lines, i));
	for (size_t k = 0; k < ARRAY_SIZE(marks); k++)
		if (str_starts(line, marks[k]))
			return true;
	return false;
}

/* Line `last` ends in a colon or in the verb: where did the attribution begin? The nearest line above that
 * certainly begins one; else this line, if it may be a whole one. */
void quote_find_attribution(struct quote_lines *lines, size_t last, struct str last_folded)
{
	char joined[QUOTE_FOLD_MAX * 2], line[QUOTE_FOLD_MAX];
	size_t dashes, begin = lines->n;
	struct str end = quote_strip_dashes(last_folded, &dashes);
	bool quoted_next = quote_next_is_quoted(lines, last + 1);
	if (end.len == 0 ||
	    (!quote_ends_in(end, ":") && !quoted_next && dashes < 3 && !has_all_evidence(end)))
		return;
	size_t at = sizeof(joined); /* `joined` grows to the front */
	for (size_t i = last, looked = 0; looked < ATTRIBUTION_LINES; looked++, i--) {
		size_t dashes_here;
		struct str folded =
			quote_strip_dashes(quote_fold_line(lines, i, line, sizeof(line)), &dashes_here);
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
	if (begin < lines->n && !quoted_next && is_cited_in_prose(lines, last + 1))
		return;
	if (begin < lines->n && is_name_above(lines, begin))
		begin--;
	if (begin < lines->n && lines->items[begin].separator == SEPARATOR_NONE)
		quote_set_separator(lines, begin, SEPARATOR_ATTRIBUTION, last - begin + 1);
}

/* "2011/4/7 Nathan <support@example.com>" before quoted lines: no verb, no colon. */
bool quote_dated_address(const struct quote_lines *lines, size_t i, struct str folded)
{
	return starts_with_date(folded) && quote_look_for_evidence(folded).address &&
	       quote_ends_in(folded, ">:") && quote_next_is_quoted(lines, i + 1);
}

/* ---- what stands in quoted lines ---- */

bool quote_lines_attributed_inside(const struct quote_lines *lines, size_t i)
{
	char joined[QUOTE_FOLD_MAX * 2], line[QUOTE_FOLD_MAX];
	struct str first = {joined, 0}, value;
	size_t len = 0, headers = 0, dashes;
	for (size_t looked = 0; looked < 4 && i < lines->n && lines->items[i].kind != LINE_TEXT;
	     looked++, i++) {
		struct str folded =
			quote_strip_dashes(quote_fold_line(lines, i, line, sizeof(line)), &dashes);
		if (len + folded.len + 1 > sizeof(joined))
			break;
		memcpy(joined + len, folded.ptr, folded.len);
		len += folded.len;
		first.len = first.len ? first.len : len;
		joined[len++] = ' ';
		headers += quote_header_at(folded, &value) != HEADER_NONE;
	}
	struct str whole = {joined, len};
	return headers >= 2 ||
	       ((quote_starts_attribution(first) || starts_with_date(first)) &&
		evidence_count(quote_look_for_evidence(whole)) > 0 && quote_has_wrote(whole)) ||
	       (evidence_count(quote_look_for_evidence(first)) == 3 && quote_ends_in(first, ":"));
}
