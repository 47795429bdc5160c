/*
 * What the two halves of quote.c's decision share: quote_mark.c says which lines are somebody else's, quote.c looks at
 * what is left and puts it together. Nobody else includes this. Pure.
 */
#ifndef SERVELO_INGEST_QUOTE_PRIVATE_H
#define SERVELO_INGEST_QUOTE_PRIVATE_H

#include "ingest/quote_lines.h"

struct quote_shape {
	bool quoted;  /* there is a quote */
	bool between; /* answers between quoted lines */
	bool forward;
	bool text_above;   /* new lines were seen */
	bool said_above;   /* more of them than a greeting */
	bool attributed;   /* the quoted lines that come belong to the separator above */
	bool excerpts;     /* quoted lines that are part of what is said were seen */
	bool reply;        /* the mail answers one */
	bool open_ended;   /* something was taken for a quote because it stands below a separator */
	size_t last_quote; /* the last line that surely begins or belongs to a quote */
};

/*
 * Set the kind of every line that is somebody else's to LINE_QUOTED, of what only looks so to LINE_TEXT. shape->reply is
 * set before; the rest is filled, but for `between`. forward_subject: the subject says that something is forwarded.
 */
void quote_mark(struct quote_lines *lines, struct quote_shape *shape, bool forward_subject);

/* A line that was broken off a quoted one by somebody's wrapping: alone between quoted lines, and either the one above is
 * as long as lines get, or it begins like no sentence does. */
bool quote_is_wrapped(const struct quote_lines *lines, size_t i);

/* The line is text after all, and is shown without its "> ". */
void quote_unquote(const struct quote_lines *lines, struct quote_line *line);

#endif
