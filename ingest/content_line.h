/*
 * Content lines of iCalendar (RFC 5545 3.1) and vCard (RFC 6350 3.3, RFC 2426): unfolded, split into name,
 * parameters and value; parameters unquoted, texts unescaped.
 *
 *	struct content_lines lines;
 *	struct content_line line;
 *	content_lines_init(&lines, text);
 *	while (content_lines_next(&lines, &line))
 *		... str_ieq(line.name, STR("SUMMARY")) ...
 *
 * The octets may be anything: characters are looked at after unfolding, for a fold may stand within one. Of a line
 * CONTENT_LINE_MAX octets are kept. One pass, no allocation. Pure.
 */
#ifndef SERVELO_INGEST_CONTENT_LINE_H
#define SERVELO_INGEST_CONTENT_LINE_H

#include "base/strbuf.h"

#define CONTENT_LINE_MAX 4096

struct content_lines {
	struct str rest;
	char line[CONTENT_LINE_MAX];
};

struct content_line {      /* views live until the next call */
	struct str name;   /* without a group ("item1.EMAIL" is EMAIL) */
	struct str params; /* ";TZID=Europe/Berlin;X=y", or empty */
	struct str value;  /* still escaped */
};

void content_lines_init(struct content_lines *lines, struct str text);
/* The next line that has a name and a value; false at the end. */
bool content_lines_next(struct content_lines *lines, struct content_line *ret);

/* The value of a parameter without its quotes, or empty. */
struct str content_param(const struct content_line *line, struct str name);
/* Does a parameter, or its short form without "=" (vCard 2.1: ";CELL"), hold the word? */
bool content_param_has(const struct content_line *line, struct str name, struct str word);

/* Append an escaped text as valid UTF-8 on one line; cut at a character when out is full. */
void content_text(struct str value, struct strbuf *out);

#endif
