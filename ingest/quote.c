/*
 * The new part of a reply. quote_lines.c says what each line seems to be, quote_mark.c which are somebody else's; this
 * file looks at the shape of what is left, and takes the signature off (quote_signature.c).
 *
 *	text ... separator ... quote          top-posted: the text above
 *	separator ... quote ... text          bottom-posted: the text below
 *	quote text quote text                 answers between: all of it
 *	quote text, without a separator       somebody picked out what is answered: all of it
 *	text ... forward separator ...        a forward: all of it
 *
 * In a mail that answers none, a quote was put there by hand, and is part of what is said: only what is surely
 * delimited (">" lines below their separator, an element of the markup) and stands at the end is taken off. A block
 * of headers that somebody pasted has no end that could be known.
 *
 * Lines are new (N), quoted (Q) or empty. Invariants: each line is visited a constant number of times; out gets
 * only lines of the text, in order; if the text holds anything visible, so does the result. Pure.
 */
#include "ingest/quote.h"

#include <errno.h>

#include "ingest/quote_private.h"
#include "ingest/quote_signature.h"
#include "ingest/quote_subject.h"
#include "ingest/quote_tables.h"
#include "ingest/text_fold.h"

#define HINT_LINES_MAX 8 /* of a text that only says where its answers are */

/* ---- the shape of what is left ---- */

static void join_wrapped(struct quote_lines *lines)
{
	for (size_t i = 1; i + 1 < lines->n; i++)
		if (lines->items[i].kind == LINE_TEXT && quote_is_wrapped(lines, i))
			lines->items[i].kind = LINE_QUOTED;
}

/* Answers between: a new line with quoted ones before and after it, the later ones without a separator of their
 * own (that would be the thread below a top-posted reply). */
static void look_at_shape(const struct quote_lines *lines, struct quote_shape *shape)
{
	bool quoted = false, answer = false;
	for (size_t i = 0; i < lines->n; i++) {
		const struct quote_line *line = &lines->items[i];
		if (line->kind == LINE_QUOTED) {
			if (answer && line->separator == SEPARATOR_NONE)
				shape->between = true;
			quoted = true;
			answer = false;
		} else if (line->kind == LINE_TEXT && quoted) {
			answer = true;
		}
	}
}

/* ---- putting it together ---- */

static void add_lines(const struct quote_lines *lines, struct quote_part part, bool only_new,
		      struct strbuf *out, size_t base)
{
	unsigned empty = 0;
	for (size_t i = part.from; i < part.to; i++) {
		const struct quote_line *line = &lines->items[i];
		if (line->kind == LINE_EMPTY || (only_new && line->kind == LINE_QUOTED && !line->cut)) {
			empty++;
			continue;
		}
		struct str text = quote_line_text(lines, i);
		if (line->cut && only_new)
			text = str_sub(text, 0, line->cut);
		text = str_sub(text, line->strip, text.len);
		while (text.len && char_in(" \t", text.ptr[text.len - 1]))
			text.len--;
		if (out->len > base)
			strbuf_addc(out, '\n');
		if (out->len > base && empty)
			strbuf_addc(out, '\n');
		empty = 0;
		strbuf_add(out, text);
	}
}

static struct str range_text(const struct quote_lines *lines, size_t from, size_t to)
{
	if (from >= to)
		return (struct str){NULL, 0};
	return str_trim(str_sub(lines->text, lines->items[from].from, lines->items[to - 1].to));
}

#define POSTSCRIPTS_MAX 4

/* The new lines of one part without its signature; what is said below that is kept. */
static void add_part(const struct quote_lines *lines, struct quote_part part, bool only_new,
		     struct strbuf *out, size_t base, struct quote_verdict *verdict)
{
	for (int round = 0; round < POSTSCRIPTS_MAX && part.from < part.to; round++) {
		size_t cut = quote_signature_find(lines, part, out->len > base);
		size_t end = round + 1 < POSTSCRIPTS_MAX ? quote_signature_end(lines, cut, part.to) : part.to;
		if (cut < part.to && verdict->signature.len == 0)
			verdict->signature = range_text(lines, cut, end);
		if (round > 0 && cut > part.from)
			strbuf_addc(out, '\n');
		add_lines(lines, (struct quote_part){part.from, cut}, only_new, out, base);
		part.from = end;
	}
}

static void add_new(const struct quote_lines *lines, struct strbuf *out, struct quote_verdict *verdict)
{
	size_t base = out->len;
	for (size_t i = 0; i < lines->n;) {
		size_t end = i;
		while (end < lines->n && (lines->items[end].kind != LINE_QUOTED || lines->items[end].cut))
			end++;
		add_part(lines, (struct quote_part){i, end}, true, out, base, verdict);
		while (end < lines->n && lines->items[end].kind == LINE_QUOTED)
			end++;
		i = end > i ? end : i + 1;
	}
}

/* Where every line is quoted, one level of ">" says nothing (but a lone ">" is all there is). */
static void strip_common_level(struct quote_lines *lines)
{
	bool words = false;
	for (size_t i = 0; i < lines->n; i++) {
		struct str line = quote_line_text(lines, i);
		if (lines->items[i].kind == LINE_EMPTY)
			continue;
		if (!str_starts(line, STR(">")))
			return;
		words = words || str_trim(str_sub(line, 1, line.len)).len > 0;
	}
	for (size_t i = 0; words && i < lines->n; i++)
		if (lines->items[i].kind != LINE_EMPTY)
			quote_unquote(lines, &lines->items[i]);
}

/* Did somebody put the quotes there by hand, in a mail that answers none? */
static bool said_with_quotes(const struct quote_lines *lines, const struct quote_shape *shape)
{
	bool quoted = false;
	if (shape->reply || !shape->quoted)
		return false;
	if (shape->open_ended)
		return true;
	for (size_t i = 0; i < lines->n; i++) {
		if (quoted && lines->items[i].kind == LINE_TEXT)
			return !quote_signature_line(lines, i);
		quoted = quoted || lines->items[i].kind == LINE_QUOTED;
	}
	return false;
}

/* "See my answers below, in red", and little else: the answers stand in what looks like a quote. */
static bool says_answers_below(struct str said)
{
	char buf[QUOTE_FOLD_MAX];
	size_t n = 0;
	bool says = false;
	for (size_t pos = 0; pos < said.len; n++) {
		size_t end = pos + str_find(str_sub(said, pos, said.len), '\n');
		if (n == HINT_LINES_MAX)
			return false;
		struct str folded = {buf, text_fold(str_sub(said, pos, end), buf, sizeof(buf))};
		says = says || quote_says_answers_below(folded);
		pos = end + 1;
	}
	return says;
}

int quote_new_part(const struct quote_facts *facts, struct strbuf *out, struct quote_verdict *ret)
{
	struct quote_lines lines;
	struct quote_verdict verdict = {.quote_removed = false};
	struct quote_shape shape = {.reply = facts->answers_mail || quote_is_reply_subject(facts->subject)};
	size_t base = out->len;
	quote_lines_init(&lines, facts->text, facts->marks);
	lines.answers_none = !shape.reply;
	struct quote_part all = {0, lines.n};
	quote_mark(&lines, &shape, quote_is_forward_subject(facts->subject));
	join_wrapped(&lines);
	look_at_shape(&lines, &shape);
	bool whole = !shape.forward && said_with_quotes(&lines, &shape);
	verdict.forward = shape.forward;
	verdict.answers_between = shape.between && !shape.forward && !whole;
	if (shape.forward || (whole && shape.open_ended))
		add_lines(&lines, all, false, out, base);
	else if (shape.between || whole)
		add_part(&lines, all, false, out, base, &verdict);
	else
		add_new(&lines, out, &verdict);
	verdict.quote_removed = shape.quoted && !shape.forward && !shape.between && !whole && out->len > base;
	if (verdict.quote_removed && says_answers_below(str_sub(strbuf_str(out), base, out->len))) {
		verdict.answers_between = true;
		verdict.quote_removed = false;
		out->len = base;
		add_lines(&lines, all, false, out, base);
	}
	if (out->len == base && !out->overflow) { /* nothing new: better all than nothing */
		verdict.signature = (struct str){NULL, 0};
		strip_common_level(&lines);
		add_lines(&lines, all, false, out, base);
	}
	quote_lines_done(&lines);
	if (ret)
		*ret = verdict;
	return out->overflow ? -ENOBUFS : 0;
}
