/*
 * What in a reply is our own text coming back (SPEC section 5: we know what we sent, so a quote is recognised best by
 * comparing). The reply's words are held against those of the texts that its author was sent, however they were
 * wrapped, indented, prefixed with ">" or had their blanks and typographic quotes changed on the way; lines that are
 * ours are set aside, together with the line that announces them ("On ..., X wrote:") and empty quote marks. Answers
 * between such lines stay where they are, with what they answer. Short runs of words that anybody may write ("thank
 * you for your help") are nobody's. Never empty when the reply holds more than blanks.
 *
 * Runs on what quote.h left, when the comment's ticket is known. Linear in the lengths; reply and each text count up to
 * QUOTE_SENT_TEXT_MAX octets. Pure; any thread.
 */
#ifndef SERVELO_INGEST_QUOTE_SENT_H
#define SERVELO_INGEST_QUOTE_SENT_H

#include "base/strbuf.h"

#define QUOTE_SENT_TEXT_MAX ((size_t)128 * 1024)
#define QUOTE_SENT_MAX      16 /* texts */

/* Appends the new part, lines ended by LF, trimmed. 1: something was set aside; 0: nothing was, and nothing was
 * appended; -ENOBUFS. */
int quote_sent_set_aside(struct str reply, const struct str *sent, size_t sent_n, struct strbuf *out);

#endif
