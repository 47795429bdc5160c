/*
 * HTML in tokens: text, start tags, end tags. Comments, doctypes, processing instructions, CDATA and
 *conditional comments are skipped, as a browser does (WHATWG 13.2.5, simplified: no errors are told, no tree
 *is known).
 *
 *	struct html_tokenizer tokens = {.in = html};
 *	struct html_token token;
 *	while (html_tokenizer_next(&tokens, &token))
 *		...
 *
 * Views point into the input. Each octet is looked at a bounded number of times; nothing is allocated. Of a
 *tag's attributes only the known ones are kept (the first of each), however many there are.
 */
#ifndef SERVELO_INGEST_HTML_TOKENIZER_H
#define SERVELO_INGEST_HTML_TOKENIZER_H

#include "base/base.h"

enum html_attribute {
	HTML_CLASS,
	HTML_ID,
	HTML_STYLE,
	HTML_HREF,
	HTML_ALT,
	HTML_TYPE,
	HTML_HIDDEN,
	HTML_START,
	HTML_VALUE,
	HTML_WIDTH,
	HTML_HEIGHT,
	HTML_NAME,
	HTML_DATA_MARKER,
	HTML_ATTRIBUTES,
};

enum html_token_kind { HTML_TEXT, HTML_START_TAG, HTML_END_TAG };

struct html_token {
	enum html_token_kind kind;
	struct str text; /* HTML_TEXT: as written */
	bool references; /* HTML_TEXT: character references are to be decoded */
	struct str name; /* of a tag, as written */
	/* HTML_START_TAG: values as written (references not decoded); ptr NULL: absent */
	struct str attributes[HTML_ATTRIBUTES];
};

struct html_tokenizer {
	struct str in;
	size_t pos;
	struct str raw_name; /* the element whose content is text up to its end tag; empty: none */
	bool raw_references;
	/* Nothing swallows the rest of the document: a comment that never ends is text behind its "<!--", an element
	 * of raw text without an end tag is not there (nor are the first lines of a style or a script) */
	bool lenient;
	unsigned endless;     /* raw elements that were found to have no end tag from here on, a bit each */
	bool endless_comment; /* the same of comments */
};

/* False at the end of the input. */
bool html_tokenizer_next(struct html_tokenizer *tokens, struct html_token *ret);

#endif
