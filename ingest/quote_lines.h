/*
 * A text as lines, each with what it seems to be. The first half of quote.c's work. Pure.
 */
#ifndef SERVELO_INGEST_QUOTE_LINES_H
#define SERVELO_INGEST_QUOTE_LINES_H

#include "ingest/quote.h"

#define QUOTE_FOLD_MAX 512 /* octets of a line that are read to tell what it is */

enum quote_line_kind { LINE_EMPTY, LINE_TEXT, LINE_QUOTED };

enum quote_separator {
	SEPARATOR_NONE,
	SEPARATOR_ATTRIBUTION, /* "On ..., X wrote:" */
	SEPARATOR_ORIGINAL,    /* "-----Original Message-----" */
	SEPARATOR_HEADERS,     /* From, Sent, To, Subject */
	SEPARATOR_FEW_HEADERS, /* only two of these: in a mail that is no reply, somebody's form */
	SEPARATOR_FORWARD,     /* "---------- Forwarded message ----------" */
	SEPARATOR_ABOVE,       /* "reply above this line" */
	SEPARATOR_MARKUP,      /* the markup says so */
};

struct quote_line {
	uint32_t from, to; /* octets of the text; without the line end */
	uint8_t kind;      /* enum quote_line_kind */
	uint8_t separator; /* enum quote_separator: one begins here ... */
	uint8_t lines;     /* ... and takes so many lines */
	uint8_t marks;     /* bit per enum text_mark_kind that holds for the line */
	uint8_t strip;     /* octets at the line's start that are not shown: "> " of an indent */
	/* quote_headers.c's own, when the line was read as a header line: */
	uint8_t header;       /* enum quote_header */
	uint8_t more_headers; /* bit per enum quote_header that stands behind a From on the same line */
	bool header_read, address;
	uint16_t cut; /* octets of this line that stand before a separator on the same line; 0: none */
};

struct quote_lines {
	struct str text;
	struct quote_line *items;
	size_t n;
	bool answers_none; /* the mail: no "Re:", no In-Reply-To, no References; quote.c sets it */
};

/* items is malloc'd: quote_lines_done(). Texts over 4 GiB are cut. */
void quote_lines_init(struct quote_lines *lines, struct str text, const struct text_marks *marks);
void quote_lines_done(struct quote_lines *lines);

static inline struct str quote_line_text(const struct quote_lines *lines, size_t i)
{
	return str_sub(lines->text, lines->items[i].from, lines->items[i].to);
}
/* The next line that is not empty, from i on; lines->n: none. */
size_t quote_lines_skip_empty(const struct quote_lines *lines, size_t i);

/* A line of at least so many dashes, underscores, equal signs, stars, and nothing else but blanks. */
bool quote_line_is_rule(struct str line, size_t length_min);

/* "-------- Words --------": a program's line above headers, whatever the words. */
bool quote_line_is_dashed(struct str line);

/* The quoted lines from i on begin with who wrote when, or with headers ("> On ..., Ann wrote:", "> From: Ann"): a
 * program put them there. */
bool quote_lines_attributed_inside(const struct quote_lines *lines, size_t i);

#endif
