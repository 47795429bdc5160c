/*
 * The new part of a reply. quote_lines.c says what each line seems to be; this file decides which lines are
 * somebody else's, looks at the shape of what is left, and takes the signature off.
 *
 *	text ... separator ... quote          top-posted: the text above
 *	separator ... quote ... text          bottom-posted: the text below
 *	quote text quote text                 answers between: all of it
 *	text ... forward separator ...        a forward: all of it
 *
 * Lines are new (N), quoted (Q) or empty. Invariants: each line is visited a constant number of times; out gets
 * only lines of the text, in order; if the text holds anything visible, so does the result. Pure.
 */
#include "ingest/quote.h"

#include <errno.h>

#include "ingest/quote_lines.h"
#include "ingest/quote_tables.h"
#include "ingest/text_fold.h"

#define FOLD_MAX 512

struct part { /* of lines: [from, to) */
	size_t from, to;
};

struct shape {
	bool quoted;  /* there is a quote */
	bool between; /* answers between quoted lines */
	bool forward;
	bool text_above; /* new lines were seen */
	bool attributed; /* the quoted lines that come belong to the separator above */
	bool reply_subject;
	size_t last_quote; /* the last line that surely begins or belongs to a quote */
};

static bool marked(const struct quote_line *line, enum text_mark_kind kind)
{
	return line->marks & 1u << kind;
}

static bool is_reply_subject(struct str subject)
{
	char buf[64];
	struct str folded = {buf, text_fold(str_sub(subject, 0, sizeof(buf)), buf, sizeof(buf))};
	static const struct str prefixes[] = {
		STR_INIT("re"),    STR_INIT("aw"),   STR_INIT("sv"),   STR_INIT("antw"),  STR_INIT("odp"),
		STR_INIT("vs"),    STR_INIT("ynt"),  STR_INIT("res"),  STR_INIT("r"),     STR_INIT("rv"),
		STR_INIT("tr"),    STR_INIT("ref"),  STR_INIT("réf"),  STR_INIT("回复"),  STR_INIT("答复"),
		STR_INIT("回覆"),  STR_INIT("返信"), STR_INIT("회신"), STR_INIT("отв"),   STR_INIT("на"),
		STR_INIT("απ"),    STR_INIT("vá"),   STR_INIT("odg"),  STR_INIT("bls"),   STR_INIT("atb"),
		STR_INIT("תגובה"), STR_INIT("رد"),   STR_INIT("ynt"),  STR_INIT("ответ"), STR_INIT("відп")};
	size_t end = 0;
	while (end < folded.len && !char_in(":[(^ ", folded.ptr[end]))
		end++;
	for (size_t i = 0; end < folded.len && i < ARRAY_SIZE(prefixes); i++)
		if (str_eq(str_sub(folded, 0, end), prefixes[i]) && str_find(folded, ':') < end + 6)
			return true;
	return false;
}

bool quote_is_forward_subject(struct str subject)
{
	static const struct str prefixes[] = {
		STR_INIT("fwd:"),  STR_INIT("fw:"),      STR_INIT("wg:"),      STR_INIT("tr:"),
		STR_INIT("rv:"),   STR_INIT("enc:"),     STR_INIT("i:"),       STR_INIT("vs:"),
		STR_INIT("vb:"),   STR_INIT("pd:"),      STR_INIT("fwd :"),    STR_INIT("tr :"),
		STR_INIT("vl:"),   STR_INIT("转发:"),    STR_INIT("轉寄:"),    STR_INIT("转寄:"),
		STR_INIT("転送:"), STR_INIT("전달:"),    STR_INIT("перес"),    STR_INIT("doorst:"),
		STR_INIT("[fwd:"), STR_INIT("doorgest"), STR_INIT("weiterge"), STR_INIT("ilt:"),
		STR_INIT("πρθ:"),  STR_INIT("tovább"),   STR_INIT("přepos"),   STR_INIT("inoltr")};
	char buf[128];
	struct str folded = {buf, text_fold(str_sub(subject, 0, 100), buf, sizeof(buf))};
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts(folded, prefixes[i]))
			return true;
	return false;
}

/* ---- which lines are quoted ---- */

/* A line of dashes, underscores or equal signs and nothing else. */
static bool is_rule(struct str line, size_t length_min)
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

static bool block_quoted_below(const struct quote_lines *lines, size_t i)
{
	i = quote_lines_skip_empty(lines, i);
	return i < lines->n && lines->items[i].kind == LINE_QUOTED;
}

/* A line that was broken off a quoted one by somebody's wrapping: alone between quoted lines, and either the one
 * above is as long as lines get, or it begins like no sentence does. */
static bool is_wrapped(const struct quote_lines *lines, size_t i)
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
	char buf[FOLD_MAX];
	size_t first = i;
	for (size_t looked = 0; i > 0 && looked < 4; looked++) {
		struct str line = quote_line_text(lines, --i);
		if (lines->items[i].kind == LINE_EMPTY)
			continue;
		struct str folded = {buf, text_fold(str_sub(line, 0, sizeof(buf)), buf, sizeof(buf))};
		size_t colon = str_find(folded, ':');
		bool lead_in = colon < folded.len && colon < 48 &&
			       quote_header_of(str_trim(str_sub(folded, 0, colon)));
		if (!is_rule(line, 3) && !lead_in)
			break;
		first = i;
	}
	return first;
}

/* Lines that the markup says are quoted, from i on. Returns the first line behind them. */
static size_t mark_markup(struct quote_lines *lines, size_t i, struct shape *shape)
{
	size_t end = i;
	while (end < lines->n &&
	       (marked(&lines->items[end], MARK_REPLY) || lines->items[end].kind == LINE_EMPTY))
		end++;
	if (!shape->quoted && lines->items[i].separator == SEPARATOR_FORWARD) {
		shape->forward = true;
		return end;
	}
	shape->quoted = true;
	if (!mark_has_blockquote(lines, i)) {
		quote_range(lines, i, end);
		return end;
	}
	while (lines->items[i].kind != LINE_QUOTED)
		quote_range(lines, i, i + 1), i++;
	return end;
}

/* A separator at i. Returns the first line behind what it says is quoted. */
static size_t mark_separated(struct quote_lines *lines, size_t i, struct shape *shape, bool forward_subject)
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
	if (copied)
		quote_range(lines, include_rule_above(lines, i), i);
	if (!line->cut)
		quote_range(lines, i, after);
	if (line->separator != SEPARATOR_ABOVE && block_quoted_below(lines, after))
		return after;
	quote_range(lines, after, lines->n);
	return lines->n;
}

/* A <blockquote> that no attribution introduces, below somebody's own words: is it an indent (people indent addresses
 * and error messages), not a quote? In a mail that is no reply, where the real quote comes later, or where the
 * program is known to indent so. */
static bool is_indent(const struct quote_lines *lines, size_t i, const struct shape *shape)
{
	const struct quote_line *line = &lines->items[i];
	if (marked(line, MARK_REPLY) || !(marked(line, MARK_BLOCKQUOTE) || marked(line, MARK_INDENT)) ||
	    !shape->text_above || shape->attributed)
		return false;
	for (size_t seen = 0; seen < 3 && i < lines->n && lines->items[i].kind == LINE_QUOTED; i++, seen++)
		if (lines->items[i].separator != SEPARATOR_NONE)
			return false;
	return marked(line, MARK_INDENT) || !shape->reply_subject || i < shape->last_quote;
}

static void unquote(const struct quote_lines *lines, struct quote_line *line)
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

static void mark_quoted(struct quote_lines *lines, struct shape *shape, bool forward_subject)
{
	shape->last_quote = find_last_quote(lines);
	for (size_t i = 0; i < lines->n && !shape->forward;) {
		struct quote_line *line = &lines->items[i];
		if (line->kind == LINE_EMPTY) {
			i++;
		} else if (marked(line, MARK_FORWARD) && !shape->quoted) {
			shape->forward = true;
		} else if (marked(line, MARK_REST)) {
			shape->forward = forward_subject && !shape->quoted;
			shape->quoted = true;
			if (!shape->forward)
				quote_range(lines, i, lines->n);
			i = lines->n;
		} else if (marked(line, MARK_REPLY)) {
			i = mark_markup(lines, i, shape);
		} else if (line->kind == LINE_QUOTED && is_indent(lines, i, shape)) {
			unquote(lines, line);
			i++;
		} else if (line->kind == LINE_QUOTED) {
			shape->quoted = shape->attributed = true; /* and so is the rest of the run */
			i++;
		} else if (line->separator == SEPARATOR_NONE || (line->separator == SEPARATOR_FEW_HEADERS &&
								 !shape->reply_subject && !shape->quoted)) {
			shape->text_above = true;
			shape->attributed = false;
			i++;
		} else {
			shape->attributed = true;
			i = mark_separated(lines, i, shape, forward_subject);
		}
	}
}

/* ---- the shape of what is left ---- */

static void join_wrapped(struct quote_lines *lines)
{
	for (size_t i = 1; i + 1 < lines->n; i++)
		if (lines->items[i].kind == LINE_TEXT && is_wrapped(lines, i))
			lines->items[i].kind = LINE_QUOTED;
}

/* Answers between: a new line with quoted ones before and after it, the later ones without a separator of their
 * own (that would be the thread below a top-posted reply). */
static void look_at_shape(const struct quote_lines *lines, struct shape *shape)
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

/* ---- signatures and footers ---- */

static bool is_delimiter(struct str line)
{
	line = str_trim(line);
	return str_eq(line, STR("--")) || str_eq(line, STR("--\xc2\xa0"));
}

/* "-Jane Doe", "- Jane", alone at the end: one to four capitalised words. */
static bool is_dash_name(struct str line)
{
	line = str_trim(line);
	if (line.len < 3 || line.len > 60 || line.ptr[0] != '-' || line.ptr[1] == '-' || line.ptr[1] == ' ')
		return false;
	unsigned words = 0;
	bool start = true;
	for (size_t pos = 1; pos < line.len;) {
		uint32_t c = utf8_next(line, &pos);
		if (c == ' ') {
			start = true;
			continue;
		}
		if (start && (char_lower(c) == c || !char_word(c)))
			return false;
		words += start;
		start = false;
		if (!char_word(c) && c != '.' && c != '-' && c != '\'')
			return false;
		if (c < 0x80 && ascii_digit((char)c))
			return false;
	}
	return words >= 1 && words <= 4;
}

/* A footer line of a program; a link behind it ("<http://...>", "(http://...)") is part of it. */
static bool is_footer(struct str line)
{
	char buf[FOLD_MAX];
	struct str folded = {buf, text_fold(str_sub(line, 0, FOLD_MAX), buf, sizeof(buf))};
	size_t link = str_find(folded, '<');
	size_t bracket = str_search(folded, STR("(http"));
	if (bracket < link)
		link = bracket;
	struct str words = str_trim(str_sub(folded, 0, link));
	while (words.len && char_in("*_ [", words.ptr[0]))
		words = str_sub(words, 1, words.len);
	while (words.len && char_in("*_ .!]", words.ptr[words.len - 1]))
		words.len--;
	return words.len > 5 && quote_is_footer(words);
}

static bool is_closing(struct str line)
{
	char buf[128];
	struct str folded = {buf, text_fold(str_sub(line, 0, 128), buf, sizeof(buf))};
	return quote_is_closing(folded);
}

static bool is_disclaimer(struct str line)
{
	char buf[128];
	while (line.len && char_in("* _\t", line.ptr[0]))
		line = str_sub(line, 1, line.len);
	struct str folded = {buf, text_fold(str_sub(line, 0, 128), buf, sizeof(buf))};
	return quote_starts_disclaimer(folded);
}

static size_t count_text(const struct quote_lines *lines, struct part part)
{
	size_t n = 0;
	for (size_t i = part.from; i < part.to; i++)
		n += lines->items[i].kind == LINE_TEXT;
	return n;
}

#define SIGNATURE_LINES_MAX 24 /* behind "-- " */
#define FOOTER_LINES_MAX    12 /* behind a rule */
#define CLOSING_LINES_MAX   6  /* behind "Kind regards," */

/* Does line i, with `left` text lines below it in its part, begin a signature or footer? */
static bool begins_signature(const struct quote_lines *lines, size_t i, size_t left, bool after_empty)
{
	if (left > SIGNATURE_LINES_MAX)
		return false;
	struct str text = quote_line_text(lines, i), trimmed = str_trim(text);
	if (is_delimiter(text) || marked(&lines->items[i], MARK_SIGNATURE))
		return true;
	if (trimmed.ptr[0] == '_' && is_rule(text, 2))
		return left > 0 && left <= FOOTER_LINES_MAX;
	if (left <= 3 && is_footer(text))
		return true;
	if (!after_empty)
		return false;
	return (left == 0 && is_dash_name(text)) ||
	       (left > 0 && left <= CLOSING_LINES_MAX && is_closing(text)) || is_disclaimer(text);
}

/* Where the signature begins in a part of new lines; part.to: there is none. `all_may_go`: something is left
 * elsewhere, else the part's first text line stays. */
static size_t find_signature(const struct quote_lines *lines, struct part part, bool all_may_go)
{
	size_t seen = 0, all = count_text(lines, part);
	bool after_empty = true;
	for (size_t i = part.from; i < part.to; i++) {
		if (lines->items[i].kind != LINE_TEXT) {
			after_empty = true;
			continue;
		}
		if ((seen > 0 || all_may_go) && begins_signature(lines, i, all - seen - 1, after_empty))
			return i;
		seen++;
		after_empty = false;
	}
	return part.to;
}

/* A signature may stand above a list's footer: look again until nothing more is found. */
static size_t cut_signatures(const struct quote_lines *lines, struct part part, bool all_may_go)
{
	for (int round = 0; round < 3; round++) {
		size_t cut = find_signature(lines, part, all_may_go);
		if (cut == part.to)
			break;
		part.to = cut;
	}
	return part.to;
}

/* ---- putting it together ---- */

static void add_lines(const struct quote_lines *lines, struct part part, bool only_new, struct strbuf *out,
		      size_t base)
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

/* The new lines of one part without its signature. */
static void add_part(const struct quote_lines *lines, struct part part, bool only_new, struct strbuf *out,
		     size_t base, struct quote_verdict *verdict)
{
	size_t cut = cut_signatures(lines, part, out->len > base);
	if (cut < part.to && verdict->signature.len == 0)
		verdict->signature = range_text(lines, cut, part.to);
	add_lines(lines, (struct part){part.from, cut}, only_new, out, base);
}

static void add_new(const struct quote_lines *lines, struct strbuf *out, struct quote_verdict *verdict)
{
	size_t base = out->len;
	for (size_t i = 0; i < lines->n;) {
		size_t end = i;
		while (end < lines->n && (lines->items[end].kind != LINE_QUOTED || lines->items[end].cut))
			end++;
		add_part(lines, (struct part){i, end}, true, out, base, verdict);
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
			unquote(lines, &lines->items[i]);
}

int quote_new_part(const struct quote_facts *facts, struct strbuf *out, struct quote_verdict *ret)
{
	struct quote_lines lines;
	struct quote_verdict verdict = {.quote_removed = false};
	struct shape shape = {.reply_subject = facts->subject.len == 0 || is_reply_subject(facts->subject)};
	size_t base = out->len;
	quote_lines_init(&lines, facts->text, facts->marks);
	struct part all = {0, lines.n};
	mark_quoted(&lines, &shape, quote_is_forward_subject(facts->subject));
	join_wrapped(&lines);
	look_at_shape(&lines, &shape);
	verdict.forward = shape.forward;
	verdict.answers_between = shape.between && !shape.forward;
	if (shape.forward)
		add_lines(&lines, all, false, out, base);
	else if (shape.between)
		add_part(&lines, all, false, out, base, &verdict);
	else
		add_new(&lines, out, &verdict);
	verdict.quote_removed = shape.quoted && !shape.forward && !shape.between && out->len > base;
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
