/*
 * Lines and separators: what each line is by itself, and the order in which separators are looked for. Each line is folded
 * once (its first QUOTE_FOLD_MAX octets); a separator is looked for in a window of a few lines around, so the work is
 * linear. Pure.
 */
#include "ingest/quote_lines_private.h"

#include <stdlib.h>

#include "base/alloc.h"

#define ABOVE_LINE_MAX 64 /* octets of "please reply above this line" without dashes */

/* A line of dashes, underscores or equal signs and nothing else. */
bool quote_line_is_rule(struct str line, size_t length_min)
{
	size_t n = 0;
	line = str_trim(line);
	for (size_t pos = 0; pos < line.len;) {
		uint32_t c = utf8_next(line, &pos);
		if (!(c == '-' || c == '_' || c == '=' || c == '*' || c == '~' || c == ' ' ||
		      (c >= 0x2010 && c <= 0x2015) || c == 0x2500))
			return false;
		n += c != ' ';
	}
	return n >= length_min;
}

bool quote_line_is_dashed(struct str line)
{
	char buf[128];
	size_t dashes;
	struct str folded = {buf, text_fold(str_sub(line, 0, sizeof(buf)), buf, sizeof(buf))};
	struct str words = quote_strip_dashes(folded, &dashes);
	return dashes >= 4 && words.len && words.len + 2 * dashes <= folded.len + 2;
}

/* ---- phrases between dashes ---- */

static bool stands_alone(const struct quote_lines *lines, size_t i)
{
	return (i == 0 || lines->items[i - 1].kind != LINE_TEXT) &&
	       (i + 1 == lines->n || lines->items[i + 1].kind != LINE_TEXT);
}

static void find_phrase(struct quote_lines *lines, size_t i, struct str folded)
{
	size_t dashes;
	struct str inner = quote_strip_dashes(folded, &dashes);
	enum quote_phrase phrase = inner.len > 3 ? quote_phrase_of(inner) : PHRASE_NONE;
	if (phrase == PHRASE_NONE)
		return;
	if (phrase == PHRASE_REPLY_ABOVE) {
		if (dashes >= 2 || (inner.len <= ABOVE_LINE_MAX && stands_alone(lines, i)))
			quote_set_separator(lines, i, SEPARATOR_ABOVE, 1);
		return;
	}
	/* Without dashes the words must be all there is, and a header block, or an empty line must follow. */
	size_t next = quote_lines_skip_empty(lines, i + 1);
	if (next < lines->n)
		quote_read_header_line(lines, next);
	bool block = next < lines->n && lines->items[next].header != HEADER_NONE;
	bool alone =
		quote_ends_in(inner, ":") && (stands_alone(lines, i) || quote_next_is_quoted(lines, i + 1));
	if (dashes < 2 && (inner.len > 60 || !(alone || block)))
		return;
	bool few;
	size_t n = 1 + (block ? next - i - 1 + quote_header_block(lines, next, &few) : 0);
	quote_set_separator(lines, i, phrase == PHRASE_FORWARD ? SEPARATOR_FORWARD : SEPARATOR_ORIGINAL, n);
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
	return last <= ' ' || last == 0x7f || last == ':' || line.len > QUOTE_FOLD_MAX;
}

void quote_lines_init(struct quote_lines *lines, struct str text, const struct text_marks *marks)
{
	char buf[QUOTE_FOLD_MAX];
	*lines = (struct quote_lines){.text = str_sub(text, 0, UINT32_MAX - 1)};
	split_lines(lines);
	if (marks)
		apply_marks(lines, marks);
	for (size_t i = 0; i < lines->n; i++) {
		struct quote_line *line = &lines->items[i];
		if (line->kind == LINE_EMPTY ||
		    (line->kind == LINE_QUOTED && !may_end_in_colon(quote_line_text(lines, i))))
			continue;
		struct str folded = quote_fold_line(lines, i, buf, sizeof(buf));
		if (line->kind == LINE_TEXT) {
			find_phrase(lines, i, folded);
			bool few;
			bool header =
				line->separator == SEPARATOR_NONE && quote_is_header_line(lines, i, folded);
			size_t block = header && !quote_is_field_above(lines, i)
					       ? quote_header_block(lines, i, &few)
					       : 0;
			if (block)
				quote_set_separator(lines, i, few ? SEPARATOR_FEW_HEADERS : SEPARATOR_HEADERS,
						    block);
			if (line->separator == SEPARATOR_NONE && quote_dated_address(lines, i, folded))
				quote_set_separator(lines, i, SEPARATOR_ATTRIBUTION, 1);
		}
		if (line->separator != SEPARATOR_NONE)
			continue;
		if (line->kind == LINE_TEXT && quote_ends_in(folded, ":-") &&
		    quote_next_is_quoted(lines, i + 1) && quote_attribution_inside(lines, i))
			quote_set_separator(lines, i, SEPARATOR_ATTRIBUTION, 1);
		else if (line->kind == LINE_TEXT || quote_ends_in(folded, ":"))
			quote_find_attribution(lines, i, folded);
	}
}

void quote_lines_done(struct quote_lines *lines)
{
	free(lines->items);
	lines->items = NULL;
	lines->n = 0;
}
