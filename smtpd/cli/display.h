/*
 * Text from mail, made safe for a terminal and laid out in columns. Mail is written by strangers: an escape
 * sequence in a subject must not move the cursor of who lists tickets, and a bidirectional override must not turn
 * a file name around. Pure.
 */
#ifndef SERVELO_SMTPD_CLI_DISPLAY_H
#define SERVELO_SMTPD_CLI_DISPLAY_H

#include <stdio.h>

#include "base/base.h"
#include "base/strbuf.h"

/*
 * Adds text to out: controls (C0, DEL, C1), bidirectional controls, invisible and unassigned format characters
 * as <U+001B>, octets that are not UTF-8 as <9F>. Everything else as it is. Blanks and line breaks of one_line
 * become single spaces; otherwise LF and TAB stay and CR LF is LF.
 */
void display_text(struct strbuf *out, struct str text, bool one_line);
/* Columns that the text takes on a terminal: wide East Asian characters 2, combining marks 0. */
size_t display_width(struct str text);
/* The longest front of text that takes at most columns. */
struct str display_cut(struct str text, size_t columns);

/* "Key            value" as one safe line; nothing for an empty value. */
void display_line(FILE *file, const char *key, struct str value);

/* "512 B", "3.4 KiB"; buf holds at least DISPLAY_SIZE_MAX. "2026-11-21 09:30:00Z", "-" for 0; DISPLAY_TIME_MAX.
 * Both return buf. */
#define DISPLAY_SIZE_MAX 32
#define DISPLAY_TIME_MAX 32
char *display_size(int64_t octets, char *buf);
char *display_time(int64_t ms, char *buf);

/*
 * A table: rows are kept until it is printed, because a column is as wide as its widest cell (up to its max).
 * Cells are made safe when they are added.
 */
struct table_column {
	const char *title;
	size_t width_max; /* longer cells are cut, "…" marks it; 0: never */
	bool right;       /* numbers */
};
struct table;
struct table *table_new(const struct table_column *columns, size_t n);
/* As many cells as columns. */
void table_row(struct table *table, const struct str *cells);
size_t table_rows(const struct table *table);
void table_print(const struct table *table, FILE *file);
struct table *table_free(struct table *table);

#endif
