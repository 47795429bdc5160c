/*
 * Encoded words (RFC 2047) in unstructured text and phrases, as they come: adjacent ones are joined before
 * the charset is decoded (characters are split across words), blanks inside them and missing blanks around
 * them are tolerated, unterminated ones are plain text. Raw 8-bit octets become UTF-8 (mail_charset.h).
 * Linear. Pure.
 */
#ifndef SERVELO_INGEST_MAIL_WORD_H
#define SERVELO_INGEST_MAIL_WORD_H

#include "base/arena.h"
#include "base/strbuf.h"

/* Walks over a value; remembers where the next "?=" is, so that many unfinished words cost one scan. */
struct mail_words {
	struct str value;
	size_t end; /* of the next "?=" at or behind the last question asked; value.len: none */
	bool asked;
};
struct mail_word {
	struct str charset, text;
	bool base64;
	size_t size; /* octets of the whole word */
};
/* Is there an encoded word at value[at]? Ask with growing positions. */
bool mail_word_at(struct mail_words *words, size_t at, struct mail_word *ret);

/* Append the decoded value: valid UTF-8, one line, no controls. charset_hint: charset of raw 8-bit octets as
 * declared elsewhere, or empty. Cut at a character when out is full. */
void mail_word_decode(struct str value, struct str charset_hint, struct strbuf *out);
/* The same into an arena, trimmed. -ENOBUFS. */
int mail_word_text(struct arena *arena, struct str value, struct str charset_hint, struct str *ret);

#endif
