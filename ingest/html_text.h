/*
 * HTML -> readable text: a tokenizer after the WHATWG states (simplified: no tree is built), and a writer
 *that lays words out in lines.
 *
 *	struct strbuf text;
 *	struct text_marks marks;
 *	strbuf_init(&text, limits->text_max);
 *	int r = html_to_text(html, &text, &marks);
 *	... quote_new_part(strbuf_str(&text), &marks, ...) ...
 *
 * Paragraphs are separated by an empty line, lists get "- " and "1. ", table rows are lines with a tab
 * between cells, links become "text <url>", images their alternative text, quotes "> "
 * lines; <pre> keeps its blanks. What a reader would not see is left out: head, script, style, template,
 * comments, hidden elements, tracking images. When nothing is left of a document that way, and out is empty, it is read
 * once more: without hiding, and with comments and styles that never end taken for text. Lines end with LF, none has blanks at its end, no more than one
 * empty line follows another, none stands at the start or the end.
 *
 * Time is linear in the input's length whatever the input; memory is out plus a few KiB (elements are
 * remembered up to a depth of HTML_DEPTH_MAX, attributes are read and dropped). No recursion. Pure; any
 * thread.
 */
#ifndef SERVELO_INGEST_HTML_TEXT_H
#define SERVELO_INGEST_HTML_TEXT_H

#include "base/strbuf.h"
#include "ingest/quote.h"

#define HTML_DEPTH_MAX 256

/*
 * Append the readable text of html to out. html is valid UTF-8 (NUL is dropped); what is appended is valid
 * UTF-8 too. ret_marks (may be NULL) says which stretches of the result the markup calls quoted; the
 * positions are counted from the octet where this call began to append. 0, or -ENOBUFS when out was full:
 * then out holds the text's beginning and the marks belong to that.
 */
int html_to_text(struct str html, struct strbuf *out, struct text_marks *ret_marks);

#endif
