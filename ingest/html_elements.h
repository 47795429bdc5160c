/*
 * What is known about HTML's elements and about the habits of mail programs' markup, as tables: layout, hidden
 * text, lists, and which element holds what was quoted. Pure.
 */
#ifndef SERVELO_INGEST_HTML_ELEMENTS_H
#define SERVELO_INGEST_HTML_ELEMENTS_H

#include "ingest/html_tokenizer.h"
#include "ingest/quote.h"

enum html_element_flags {
	HTML_BLOCK = 1 << 0, /* its end tag closes what is open inside it */
	HTML_VOID = 1 << 1,
	HTML_UNSEEN = 1 << 2, /* never shown */
	HTML_PRE = 1 << 3,
	HTML_QUOTE = 1 << 4,
	HTML_LIST = 1 << 5,
	HTML_ORDERED = 1 << 6,
	HTML_ITEM = 1 << 7,
	HTML_CELL = 1 << 8,
	HTML_SCOPE = 1 << 9, /* end tags inside do not reach outside */
	HTML_LINK = 1 << 10,
	HTML_IMAGE = 1 << 11,
	HTML_LINE_END = 1 << 12,
	HTML_RULE = 1 << 13,
	HTML_CLOSES_P = 1 << 14,
	HTML_IGNORED = 1 << 15, /* neither pushed nor closed: html, body, head */
	HTML_QUOTATION_MARKS = 1 << 16,
	HTML_TABLE = 1 << 17,
	HTML_TABLE_PART = 1 << 18, /* row, cell, or group of rows */
};

struct html_element {
	uint32_t hash;           /* of the lower-case name; never 0 */
	unsigned flags;          /* 0: an unknown or inline element */
	uint8_t breaks;          /* before and after: 0 none, 1 a new line, 2 an empty line */
	const char *closes[2];   /* a start tag ends these when they are open ... */
	unsigned closes_barrier; /* ... and nothing with these flags is between */
	unsigned end_barrier;    /* the same for the end tag */
};

uint32_t html_name_hash(struct str name);
void html_element_find(struct str name, struct html_element *ret);

/* Attributes: is the element invisible, are blanks kept, is it a list marker made by Word? */
bool html_hides(const struct html_token *token);
bool html_preformats(const struct html_token *token);
bool html_is_bullet(const struct html_token *token);
/* The breaks of this element: a paragraph without margins is a line. */
uint8_t html_breaks(const struct html_token *token, const struct html_element *element);

enum html_mark_reach { MARK_REACH_ELEMENT, MARK_REACH_REST };
/* Does this element hold what a mail program quotes, or (MARK_REACH_REST) stand before it? */
bool html_marks(const struct html_token *token, const struct html_element *element,
		enum text_mark_kind *ret_kind, enum html_mark_reach *ret_reach);

#endif
