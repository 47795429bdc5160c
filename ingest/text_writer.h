/*
 * Lays words out in lines: collapses blanks, counts empty lines, puts quote marks and indents in front.
 *
 * A break is only asked for here; it is written when a character follows, so nothing is left at the end, no
 * line ends in blanks, and breaks of nested elements do not add up. Time and memory per call are bounded.
 * Pure.
 */
#ifndef SERVELO_INGEST_TEXT_WRITER_H
#define SERVELO_INGEST_TEXT_WRITER_H

#include "base/strbuf.h"

#define WRITER_MARKER_MAX 16

struct text_writer {
	struct strbuf *out;
	size_t base;         /* where the text begins in out */
	size_t lines;        /* line ends written */
	unsigned breaks;     /* asked for: 1 new line, 2 and an empty one between */
	unsigned blanks;     /* asked for before the next character */
	bool content;        /* the line under way holds something */
	bool blank_line;     /* a non-breaking blank stands alone on its line: somebody wanted an empty one */
	bool tab;            /* a cell ended: part it from the next */
	bool cell_fresh;     /* nothing in this cell yet: breaks are not for us */
	unsigned quote;      /* depth now */
	unsigned line_quote; /* depth of the last line written */
	unsigned indent;     /* of lists */
	char marker[WRITER_MARKER_MAX]; /* "- " before the next character */
	size_t marker_len;
	size_t line_start; /* octet of out where the line under way began */
};

void text_writer_init(struct text_writer *writer, struct strbuf *out);
/* A visible character, or part of a word (no blanks, no line ends; at most a few hundred octets). */
void text_writer_word(struct text_writer *writer, struct str word);
/* Like a blank in HTML: at most one between words. */
void text_writer_blank(struct text_writer *writer);
/* A blank that counts (&nbsp;, <pre>). */
void text_writer_hard_blank(struct text_writer *writer, unsigned n);
/* The next character begins a new line (n = 1), behind an empty one (n = 2). */
void text_writer_break(struct text_writer *writer, unsigned n);
/* <br>: twice in a row makes an empty line. */
void text_writer_line_end(struct text_writer *writer);
/* Put before the next character, at its line's start. */
void text_writer_marker(struct text_writer *writer, struct str marker);
/* A table cell begins; returns the number of its first line, which is given back when it ends. */
size_t text_writer_cell(struct text_writer *writer);
void text_writer_cell_end(struct text_writer *writer, size_t line);

#endif
