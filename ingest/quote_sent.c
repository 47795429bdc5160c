/*
 * Our own text in a reply. The reply's shingles (shingle.h) are put into a set, each sent text is streamed over it once,
 * and then every line of the reply knows how many of its words are ours.
 *
 *	a line is ours       all its words are; quoted with ">": half of them
 *	a run                lines of ours, with nothing but blank lines and wordless quote marks between
 *	a run is a quote     it is long, or quoted with ">", or announced by a line that says who wrote when
 *	what goes            runs that are quotes, and what announces them
 *
 *	text  run            the text                run  text           the text
 *	run  text  run       the text and the run it answers: what comes after the last answer goes
 *
 * Invariants: each line and each word is visited a constant number of times; what is appended are lines of the reply, in
 * order; nothing is taken when nothing visible would be left. Pure.
 */
#include "ingest/quote_sent.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "ingest/quote_lines.h"
#include "ingest/shingle.h"
#include "ingest/text_fold.h"

/* Weights (shingle.h) that make a run a quote: bare, it is more than a sentence that somebody repeats on purpose. */
#define RUN_BARE_MIN      (14 * WORD_WEIGHT)
#define RUN_QUOTED_MIN    SHINGLE_WEIGHT
#define RUN_ANNOUNCED_MIN SHINGLE_WEIGHT

#define ANNOUNCE_WORDS_MAX 40 /* of a line that ends in a colon and announces a quote */

struct word {
	uint32_t line;
	uint8_t shingle_words;
	bool ours;
	uint64_t shingle;
	unsigned weight;
};

struct line {
	uint32_t words, ours_words, ours_weight;
	bool ours; /* it is set aside, or belongs to what is */
};

struct comparison {
	struct quote_lines lines;
	struct line *items; /* one a line */
	struct word *words;
	size_t words_n;
	size_t separator_end; /* the line behind the last separator that was seen going down ... */
	size_t separator;     /* ... and where it began; lines.n: none */
};

/* ---- whose words ---- */

static void read_words(struct comparison *c)
{
	struct str text = c->lines.text;
	struct shingle shingle = {.pushed = 0};
	struct text_word word;
	size_t line = 0;
	c->words = xcalloc(text.len / 2 + 2, sizeof(*c->words));
	for (size_t pos = 0; text_word_next(text, &pos, &word);) {
		struct word *item = &c->words[c->words_n++];
		while (line + 1 < c->lines.n && c->lines.items[line + 1].from <= word.from)
			line++;
		item->line = (uint32_t)line;
		item->weight = word.weight;
		item->shingle_words = (uint8_t)shingle_push(&shingle, &word, &item->shingle);
		c->items[line].words++;
	}
}

static void find_in(struct shingles *set, struct str sent)
{
	struct shingle shingle = {.pushed = 0};
	struct text_word word;
	uint64_t hash;
	sent = str_sub(sent, 0, QUOTE_SENT_TEXT_MAX);
	for (size_t pos = 0; text_word_next(sent, &pos, &word);)
		if (shingle_push(&shingle, &word, &hash))
			shingles_find(set, hash);
}

static void count_ours(struct comparison *c, const struct str *sent, size_t sent_n)
{
	struct shingles set;
	shingles_init(&set, c->words_n);
	for (size_t i = 0; i < c->words_n; i++)
		if (c->words[i].shingle_words)
			shingles_note(&set, c->words[i].shingle);
	for (size_t i = 0; i < sent_n && i < QUOTE_SENT_MAX; i++)
		find_in(&set, sent[i]);
	for (size_t i = 0; i < c->words_n; i++)
		if (c->words[i].shingle_words && shingles_found(&set, c->words[i].shingle))
			for (size_t k = 0; k < c->words[i].shingle_words; k++)
				c->words[i - k].ours = true;
	shingles_done(&set);
	for (size_t i = 0; i < c->words_n; i++) {
		struct line *line = &c->items[c->words[i].line];
		line->ours_words += c->words[i].ours;
		line->ours_weight += c->words[i].ours ? c->words[i].weight : 0;
	}
}

/* ---- lines ---- */

static bool is_quoted(const struct comparison *c, size_t i)
{
	return c->lines.items[i].kind == LINE_QUOTED;
}

/* Nothing to read in it: blank, ">", a rule. */
static bool is_wordless(const struct comparison *c, size_t i)
{
	if (c->items[i].words)
		return false;
	struct str line = quote_line_text(&c->lines, i);
	for (size_t pos = 0; pos < line.len;) {
		uint32_t ch = utf8_next(line, &pos);
		bool mark = ch < 0x80 && char_in(">|-_=*#+ \t\r", (char)ch);
		if (!mark && !char_blank(ch) && !char_zero_width(ch))
			return false;
	}
	return true;
}

static bool is_ours(const struct comparison *c, size_t i)
{
	const struct line *line = &c->items[i];
	if (!line->words)
		return false;
	return is_quoted(c, i) ? line->ours_words * 2 >= line->words : line->ours_words == line->words;
}

/* "X wrote:" in a language that no table knows: a short line that ends in a colon. */
static bool ends_in_colon(const struct comparison *c, size_t i)
{
	char buf[512];
	struct str line = str_trim(quote_line_text(&c->lines, i));
	size_t from = line.len > 32 ? line.len - 32 : 0;
	while (from < line.len && ((unsigned char)line.ptr[from] & 0xc0) == 0x80)
		from++;
	struct str end = {buf, text_fold(str_sub(line, from, line.len), buf, sizeof(buf))};
	return c->items[i].words && c->items[i].words <= ANNOUNCE_WORDS_MAX && end.len &&
	       end.ptr[end.len - 1] == ':';
}

static unsigned digits_in(struct str s)
{
	unsigned n = 0;
	for (size_t i = 0; i < s.len && i < 512; i++)
		n += ascii_digit(s.ptr[i]);
	return n;
}

/* The attribution was wrapped: its line above holds the date, and this one no more than the rest of the address. */
static bool is_wrapped_tail(const struct comparison *c, size_t i)
{
	struct str line = str_trim(quote_line_text(&c->lines, i));
	if (i == 0 || is_wordless(c, i - 1) || c->items[i - 1].ours)
		return false;
	struct str above = quote_line_text(&c->lines, i - 1);
	return digits_in(above) >= 4 && (str_find(line, '<') < line.len || str_find(line, '>') < line.len ||
					 str_find(above, '<') < above.len);
}

/* The line that announces the run at `run`, or run itself when none does. */
static size_t announced_from(const struct comparison *c, size_t run)
{
	size_t i = run;
	while (i > 0 && is_wordless(c, i - 1))
		i--;
	if (c->separator < c->lines.n && c->separator_end >= i && c->separator < run) {
		i = c->separator;
		size_t rule = i; /* a line of underscores above a header block */
		while (rule > 0 && is_wordless(c, rule - 1))
			rule--;
		return rule;
	}
	if (i == 0 || !ends_in_colon(c, i - 1))
		return run;
	return i - 1 - is_wrapped_tail(c, i - 1);
}

/* ---- runs ---- */

struct run {
	size_t from, to; /* lines; from with what announces it */
	bool quote, announced;
};

static void note_separator(struct comparison *c, size_t i)
{
	const struct quote_line *line = &c->lines.items[i];
	if (line->separator == SEPARATOR_NONE || line->separator == SEPARATOR_ABOVE || line->cut)
		return;
	/* "-----Original Message-----" with a header block below it is one */
	bool goes_on = c->separator < c->lines.n && c->separator_end >= i;
	if (!goes_on)
		c->separator = i;
	size_t end = i + (line->lines ? line->lines : 1);
	c->separator_end = end > c->separator_end ? end : c->separator_end;
}

/* Beside lines of ours, quoted lines with hardly a word ("> Hi"), or with some of ours (damaged ones), are ours too. */
static bool goes_along(const struct comparison *c, size_t i)
{
	const struct line *line = &c->items[i];
	return is_wordless(c, i) || (is_quoted(c, i) && (line->words <= 2 || line->ours_words > 0));
}

/* The run that begins with line i, which is ours. */
static struct run read_run(const struct comparison *c, size_t i)
{
	struct run run = {.from = i, .to = i + 1};
	size_t weight = 0, quoted_weight = 0;
	for (size_t k = i; k < c->lines.n && (is_ours(c, k) || goes_along(c, k)); k++) {
		if (is_ours(c, k)) {
			weight += c->items[k].ours_weight;
			quoted_weight += is_quoted(c, k) ? c->items[k].ours_weight : 0;
		}
		if (is_ours(c, k) || is_quoted(c, k))
			run.to = k + 1;
	}
	while (run.from > 0 && !c->items[run.from - 1].ours && is_quoted(c, run.from - 1) &&
	       goes_along(c, run.from - 1))
		run.from--;
	size_t announced = announced_from(c, run.from);
	run.announced = announced < run.from;
	run.quote = weight >= RUN_BARE_MIN || quoted_weight >= RUN_QUOTED_MIN ||
		    (run.announced && weight >= RUN_ANNOUNCED_MIN);
	run.from = announced;
	return run;
}

struct shape {
	bool any;       /* something can be set aside */
	bool between;   /* there are answers between runs ... */
	size_t keep_to; /* ... and lines before this one stay with them */
};

/* Marks the lines of runs that are quotes, and looks at what stands between them. */
static void mark_runs(struct comparison *c, struct shape *shape)
{
	bool text = false; /* since the last run */
	size_t run_end = 0;
	c->separator = c->lines.n;
	for (size_t i = 0; i < c->lines.n;) {
		note_separator(c, i);
		struct run run = {.quote = false};
		if (is_ours(c, i))
			run = read_run(c, i);
		if (!run.quote) {
			text = text || !is_wordless(c, i);
			i++;
			continue;
		}
		if (run.from < run_end)
			run.from = run_end;
		if (shape->any && !run.announced && text) {
			shape->between = true;
			shape->keep_to = run.from;
		}
		for (size_t k = run.from; k < run.to; k++)
			c->items[k].ours = true;
		shape->any = true;
		text = false;
		run_end = i = run.to;
	}
	/* the run above the last answer stays with it, whatever stands below */
	if (shape->between && text)
		shape->any = false;
}

/* ---- putting it together ---- */

static bool stays(const struct comparison *c, const struct shape *shape, size_t i)
{
	return !c->items[i].ours || (shape->between && i < shape->keep_to);
}

static bool says_something(const struct comparison *c, const struct shape *shape, struct str beyond)
{
	for (size_t i = 0; i < c->lines.n; i++)
		if (stays(c, shape, i) && !is_wordless(c, i))
			return true;
	return str_trim(beyond).len > 0;
}

static void add_lines(const struct comparison *c, const struct shape *shape, struct str beyond,
		      struct strbuf *out)
{
	size_t base = out->len;
	bool empty = false;
	for (size_t i = 0; i < c->lines.n; i++) {
		struct str line = quote_line_text(&c->lines, i);
		if (!stays(c, shape, i) || c->lines.items[i].kind == LINE_EMPTY) {
			empty = true;
			continue;
		}
		while (line.len && char_in(" \t", line.ptr[line.len - 1]))
			line.len--;
		if (out->len > base)
			strbuf_adds(out, empty ? "\n\n" : "\n");
		empty = false;
		strbuf_add(out, line);
	}
	beyond = str_trim(beyond);
	if (out->len > base && beyond.len)
		strbuf_addc(out, '\n');
	strbuf_add(out, beyond);
}

/* Whole lines only are compared. */
static struct str looked_at(struct str reply)
{
	if (reply.len <= QUOTE_SENT_TEXT_MAX)
		return reply;
	struct str head = str_sub(reply, 0, QUOTE_SENT_TEXT_MAX);
	while (head.len && head.ptr[head.len - 1] != '\n')
		head.len--;
	return head;
}

int quote_sent_set_aside(struct str reply, const struct str *sent, size_t sent_n, struct strbuf *out)
{
	struct comparison c = {.words_n = 0};
	struct shape shape = {.any = false};
	struct str head = looked_at(reply), beyond = str_sub(reply, head.len, reply.len);
	if (head.len == 0 || sent_n == 0)
		return 0;
	quote_lines_init(&c.lines, head, NULL);
	c.items = xcalloc(c.lines.n, sizeof(*c.items));
	read_words(&c);
	count_ours(&c, sent, sent_n);
	mark_runs(&c, &shape);
	bool aside = shape.any && says_something(&c, &shape, beyond);
	if (aside)
		add_lines(&c, &shape, beyond, out);
	free(c.words);
	free(c.items);
	quote_lines_done(&c.lines);
	return out->overflow ? -ENOBUFS : aside;
}
