/*
 * Which lines are somebody else's: from top to bottom, by the marks of the markup, by separators, by ">". A line that only
 * looks quoted (an indent, a sentence picked out to be answered) becomes text again. Each line is visited a constant
 * number of times. Pure.
 */
#include "ingest/quote_private.h"

#include "ingest/quote_signature.h"
#include "ingest/quote_subject.h"
#include "ingest/quote_tables.h"
#include "ingest/text_fold.h"

#define GREETING_MAX      40 /* octets */
#define EXCERPT_LINES_MAX 8  /* that somebody picks out of a mail by hand; longer ones are whole mails */

static bool marked(const struct quote_line *line, enum text_mark_kind kind)
{
	return line->marks & 1u << kind;
}

static bool block_quoted_below(const struct quote_lines *lines, size_t i)
{
	i = quote_lines_skip_empty(lines, i);
	return i < lines->n && lines->items[i].kind == LINE_QUOTED;
}

bool quote_is_wrapped(const struct quote_lines *lines, size_t i)
{
	if (i == 0 || i + 1 >= lines->n || lines->items[i - 1].kind != LINE_QUOTED ||
	    lines->items[i + 1].kind != LINE_QUOTED)
		return false;
	struct str line = str_trim(quote_line_text(lines, i));
	size_t above = lines->items[i - 1].to - lines->items[i - 1].from;
	size_t pos = 0;
	uint32_t first = utf8_next(line, &pos);
	return (above >= 60 && first == char_lower(first)) || !char_word(first);
}

/* Set the kind of [from, to) to quoted, empty lines excepted. */
static void quote_range(struct quote_lines *lines, size_t from, size_t to)
{
	for (size_t i = from; i < to && i < lines->n; i++)
		if (lines->items[i].kind != LINE_EMPTY)
			lines->items[i].kind = LINE_QUOTED;
}

/* Markup that holds a reply's quote: does the quoting inside begin with ">" lines soon (Gmail's attribution and
 * blockquote), so that other lines may be answers? */
static bool mark_has_blockquote(const struct quote_lines *lines, size_t i)
{
	for (size_t seen = 0; i < lines->n && seen < 6 && marked(&lines->items[i], MARK_REPLY); i++) {
		if (lines->items[i].kind == LINE_QUOTED)
			return true;
		seen += lines->items[i].kind == LINE_TEXT;
	}
	return false;
}

/* Lines of an underscore rule or a blank-and-dashes line that stand right above a header block belong to it. */
static size_t include_rule_above(struct quote_lines *lines, size_t i)
{
	char buf[QUOTE_FOLD_MAX];
	size_t first = i;
	for (size_t looked = 0; i > 0 && looked < 4; looked++) {
		struct str line = quote_line_text(lines, --i);
		if (lines->items[i].kind == LINE_EMPTY)
			continue;
		struct str folded = {buf, text_fold(str_sub(line, 0, sizeof(buf)), buf, sizeof(buf))};
		size_t colon = str_find(folded, ':');
		bool lead_in = colon < folded.len && colon < 48 &&
			       quote_header_of(str_trim(str_sub(folded, 0, colon)));
		if (!quote_line_is_rule(line, 3) && !lead_in && !quote_line_is_dashed(line))
			break;
		first = i;
	}
	return first;
}

/* The line that a program draws above what it quotes (<hr>), where the markup does not hold it. */
static void quote_rule_above(struct quote_lines *lines, size_t i)
{
	while (i > 0 && lines->items[i - 1].kind == LINE_EMPTY)
		i--;
	if (i > 0 && lines->items[i - 1].kind == LINE_TEXT &&
	    quote_line_is_rule(quote_line_text(lines, i - 1), 3))
		lines->items[i - 1].kind = LINE_QUOTED;
}

/* Lines that the markup says are quoted, from i on. Returns the first line behind them. */
static size_t mark_markup(struct quote_lines *lines, size_t i, struct quote_shape *shape)
{
	size_t end = i;
	while (end < lines->n &&
	       (marked(&lines->items[end], MARK_REPLY) || lines->items[end].kind == LINE_EMPTY))
		end++;
	if (!shape->quoted && lines->items[i].separator == SEPARATOR_FORWARD) {
		shape->forward = true;
		return end;
	}
	shape->quoted = shape->attributed = true;
	quote_rule_above(lines, i);
	if (!mark_has_blockquote(lines, i)) {
		quote_range(lines, i, end);
		return end;
	}
	while (lines->items[i].kind != LINE_QUOTED)
		quote_range(lines, i, i + 1), i++;
	return end;
}

/* "From: Ann [mailto:ann@x.example]": Outlook writes so above what it quotes itself, and nowhere that one could copy it
 * from. */
static bool is_made_by_program(const struct quote_lines *lines, size_t i)
{
	for (size_t seen = 0; i < lines->n && seen < 3; i++, seen++)
		if (lines->items[i].kind == LINE_TEXT &&
		    str_has(str_sub(quote_line_text(lines, i), 0, QUOTE_FOLD_MAX), STR("[mailto:")))
			return true;
	return false;
}

/* A separator at i. Returns the first line behind what it says is quoted. */
static size_t mark_separated(struct quote_lines *lines, size_t i, struct quote_shape *shape,
			     bool forward_subject)
{
	struct quote_line *line = &lines->items[i];
	size_t after = i + (line->cut ? 1 : line->lines);
	bool copied = line->separator == SEPARATOR_HEADERS || line->separator == SEPARATOR_FEW_HEADERS ||
		      line->separator == SEPARATOR_ORIGINAL;
	if (!shape->quoted && (line->separator == SEPARATOR_FORWARD || (copied && forward_subject))) {
		shape->forward = true;
		return lines->n;
	}
	shape->quoted = true;
	shape->reply = shape->reply || (copied && is_made_by_program(lines, i));
	if (copied)
		quote_range(lines, include_rule_above(lines, i), i);
	if (!line->cut)
		quote_range(lines, i, after);
	if (line->separator != SEPARATOR_ABOVE && block_quoted_below(lines, after))
		return after;
	shape->open_ended = true;
	quote_range(lines, after, lines->n);
	return lines->n;
}

/* A <blockquote> that no attribution introduces, below somebody's own words: is it an indent (people indent addresses
 * and error messages), not a quote? In a mail that is no reply, where the real quote comes later, or where the
 * program is known to indent so. */
static bool is_indent(const struct quote_lines *lines, size_t i, const struct quote_shape *shape)
{
	const struct quote_line *line = &lines->items[i];
	if (marked(line, MARK_REPLY) || !(marked(line, MARK_BLOCKQUOTE) || marked(line, MARK_INDENT)) ||
	    !shape->text_above || shape->attributed)
		return false;
	for (size_t seen = 0; seen < 3 && i < lines->n && lines->items[i].kind == LINE_QUOTED; i++, seen++)
		if (lines->items[i].separator != SEPARATOR_NONE)
			return false;
	return marked(line, MARK_INDENT) || !shape->reply || i < shape->last_quote;
}

void quote_unquote(const struct quote_lines *lines, struct quote_line *line)
{
	struct str text = str_sub(lines->text, line->from, line->to);
	line->kind = LINE_TEXT;
	if (text.len && text.ptr[0] == '>')
		line->strip = text.len > 1 && text.ptr[1] == ' ' ? 2 : 1;
}

static size_t find_last_quote(const struct quote_lines *lines)
{
	size_t i = lines->n;
	while (i > 0 && !(lines->items[i - 1].kind == LINE_TEXT && lines->items[i - 1].separator) &&
	       !marked(&lines->items[i - 1], MARK_REPLY) && !marked(&lines->items[i - 1], MARK_REST))
		i--;
	return i;
}

/* "Hi Ann," */
static bool is_greeting(const struct quote_lines *lines, size_t i)
{
	struct str line = str_trim(quote_line_text(lines, i));
	return line.len <= GREETING_MAX && line.len && char_in(",!:", line.ptr[line.len - 1]);
}

/* Where the run of quoted lines at i ends, lines that some wrapping broke off included. ret_n: lines in it. */
static size_t quoted_run(const struct quote_lines *lines, size_t i, size_t *ret_n)
{
	size_t end = i;
	for (*ret_n = 0; i < lines->n; i++) {
		if (lines->items[i].kind == LINE_EMPTY)
			continue;
		if (lines->items[i].kind != LINE_QUOTED && !quote_is_wrapped(lines, i))
			break;
		*ret_n += 1;
		end = i + 1;
	}
	return end;
}

/* Quoted lines that no separator announces, and that somebody picked out to say something to: where they end; i: they
 * are none. In a mail that answers none there is nothing else that they could be. In a reply they are few, and an
 * answer stands below them (a program quotes a whole mail, and the answer stands above). */
static size_t excerpt_end(const struct quote_lines *lines, size_t i, const struct quote_shape *shape)
{
	size_t n, end = i;
	if (shape->attributed || shape->quoted || quote_lines_attributed_inside(lines, i))
		return i;
	end = quoted_run(lines, i, &n);
	if (!shape->reply)
		return end;
	/* by a <blockquote> programs quote whole mails too, below what is new */
	if (n > EXCERPT_LINES_MAX || (lines->items[i].marks && shape->said_above))
		return i;
	size_t next = quote_lines_skip_empty(lines, end);
	if (next == lines->n)
		return shape->excerpts ? end : i;
	const struct quote_line *line = &lines->items[next];
	bool answered = line->separator == SEPARATOR_NONE && !marked(line, MARK_REPLY) &&
			!marked(line, MARK_REST) && !quote_signature_line(lines, next);
	return answered || shape->excerpts ? end : i;
}

static size_t keep_excerpt(struct quote_lines *lines, size_t i, size_t end, struct quote_shape *shape)
{
	shape->excerpts = shape->text_above = true;
	for (; i < end; i++)
		if (lines->items[i].kind == LINE_QUOTED)
			lines->items[i].kind = LINE_TEXT;
	return end;
}

/* All that follows is quoted, or forwarded. */
static void mark_rest(struct quote_lines *lines, size_t i, struct quote_shape *shape, bool forward_subject)
{
	shape->forward = forward_subject && !shape->quoted;
	shape->quoted = true;
	if (shape->forward)
		return;
	shape->open_ended = true;
	quote_rule_above(lines, i);
	quote_range(lines, i, lines->n);
}

void quote_mark(struct quote_lines *lines, struct quote_shape *shape, bool forward_subject)
{
	shape->last_quote = find_last_quote(lines);
	for (size_t i = 0; i < lines->n && !shape->forward;) {
		struct quote_line *line = &lines->items[i];
		size_t end;
		if (line->kind == LINE_EMPTY) {
			i++;
		} else if (marked(line, MARK_FORWARD) && !shape->quoted) {
			shape->forward = true;
		} else if (marked(line, MARK_REST)) {
			mark_rest(lines, i, shape, forward_subject);
			i = lines->n;
		} else if (line->kind == LINE_QUOTED && forward_subject && !shape->quoted &&
			   !shape->attributed) {
			shape->forward = true; /* what is forwarded, in the marks of a quote */
		} else if (line->kind == LINE_QUOTED && is_indent(lines, i, shape)) {
			quote_unquote(lines, line);
			i++;
		} else if (line->kind == LINE_QUOTED && (end = excerpt_end(lines, i, shape)) > i) {
			i = keep_excerpt(lines, i, end, shape);
		} else if (marked(line, MARK_REPLY)) {
			i = mark_markup(lines, i, shape);
		} else if (line->kind == LINE_QUOTED) {
			shape->quoted = shape->attributed = true; /* and so is the rest of the run */
			i++;
		} else if (line->separator == SEPARATOR_NONE ||
			   (line->separator == SEPARATOR_FEW_HEADERS && !shape->reply && !shape->quoted)) {
			shape->said_above = shape->said_above || shape->text_above || !is_greeting(lines, i);
			shape->text_above = true;
			shape->attributed = false;
			i++;
		} else {
			shape->attributed = true;
			i = mark_separated(lines, i, shape, forward_subject);
		}
	}
}
