/*
 * Signatures, footers of programs, disclaimers: where in a stretch of new lines they begin, and where somebody speaks
 * again below them (a postscript). The last part of quote.c's work.
 *
 *	size_t cut = quote_signature_find(lines, part, all_may_go);
 *	for (part.to is not reached)
 *		... [part.from, cut) is said; from = quote_signature_end(lines, cut, part.to) on, again ...
 *
 * Linear in the part's lines. Pure; any thread.
 */
#ifndef SERVELO_INGEST_QUOTE_SIGNATURE_H
#define SERVELO_INGEST_QUOTE_SIGNATURE_H

#include "ingest/quote_lines.h"

struct quote_part { /* of lines: [from, to) */
	size_t from, to;
};

/* Where the signature or footer begins; part.to: there is none. all_may_go: something is left elsewhere, else the
 * part's first text line stays. In a mail that answers none only what is a signature to its end, or to a
 * postscript: names, how to reach somebody, footers; people put order numbers and logs below their name there. */
size_t quote_signature_find(const struct quote_lines *lines, struct quote_part part, bool all_may_go);

/* The first line below the signature at `cut` that is said again; to: there is none. */
size_t quote_signature_end(const struct quote_lines *lines, size_t cut, size_t to);

/* Does this line alone look like the beginning of a signature, a footer or a disclaimer? */
bool quote_signature_line(const struct quote_lines *lines, size_t i);

#endif
