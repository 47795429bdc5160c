/*
 * What the files that read a text's lines share: quote_lines.c (lines, phrases, the order of looking),
 * quote_attribution.c ("On ..., X wrote:"), quote_headers.c (From, Sent, To, Subject). Nobody else includes this. Pure.
 *
 * "folded" is the line by text_fold.h, its first QUOTE_FOLD_MAX octets; i is always an index of a line that is there.
 */
#ifndef SERVELO_INGEST_QUOTE_LINES_PRIVATE_H
#define SERVELO_INGEST_QUOTE_LINES_PRIVATE_H

#include "ingest/quote_lines.h"
#include "ingest/quote_tables.h"
#include "ingest/text_fold.h"

/* ---- lines ---- */

/* Is the last octet one of set? */
static inline bool quote_ends_in(struct str s, const char *set)
{
	return s.len && char_in(set, s.ptr[s.len - 1]);
}
/* The line's first size octets, folded into buf. */
static inline struct str quote_fold_line(const struct quote_lines *lines, size_t i, char *buf, size_t size)
{
	struct str line = quote_line_text(lines, i);
	return (struct str){buf, text_fold(str_sub(line, 0, size), buf, size)};
}
/* Is the next line that is not empty, from i on (i may be lines->n), a quoted one? */
static inline bool quote_next_is_quoted(const struct quote_lines *lines, size_t i)
{
	i = quote_lines_skip_empty(lines, i);
	return i < lines->n && (lines->items[i].kind == LINE_QUOTED || lines->items[i].marks);
}
/* A separator begins at i and takes n lines. */
static inline void quote_set_separator(struct quote_lines *lines, size_t i, enum quote_separator separator,
				       size_t n)
{
	lines->items[i].separator = (uint8_t)separator;
	lines->items[i].lines = (uint8_t)(n > 255 ? 255 : n);
}

/* ---- quote_attribution.c ---- */

/* Without dashes and the like at both ends; *ret_dashes: how many there were at the beginning. */
struct str quote_strip_dashes(struct str folded, size_t *ret_dashes);

struct quote_evidence {
	bool address, time, date; /* "x@y", "12:30", five digits or more */
};
struct quote_evidence quote_look_for_evidence(struct str folded);

/* "thanks On Wed, Apr 4, 2012, bob@x wrote:": does the quote begin in the middle of the line? Then cut is set. */
bool quote_attribution_inside(struct quote_lines *lines, size_t i);
/* Line `last` may end an attribution: sets the separator where it begins, if it is one. */
void quote_find_attribution(struct quote_lines *lines, size_t last, struct str last_folded);
/* "2011/4/7 Nathan <support@example.com>" before quoted lines. */
bool quote_dated_address(const struct quote_lines *lines, size_t i, struct str folded);

/* ---- quote_headers.c ---- */

/* "*From:* x", "| Sent : y": the kind of header; *ret_value only when it is one: a view of folded. */
enum quote_header quote_header_at(struct str folded, struct str *ret_value);
/* Fill line i's header, more_headers and address, once. */
void quote_read_header_line(struct quote_lines *lines, size_t i);
bool quote_is_header_line(struct quote_lines *lines, size_t i, struct str folded);
/* Is the line above a field of another kind, so that the block is part of something that somebody copied? */
bool quote_is_field_above(const struct quote_lines *lines, size_t i);
/* How many lines the block of headers at i takes, 0: there is none. *ret_few: it has no more than two kinds. */
size_t quote_header_block(struct quote_lines *lines, size_t i, bool *ret_few);

#endif
