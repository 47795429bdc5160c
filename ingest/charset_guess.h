/*
 * What a detector's guess is worth. uchardet compares frequencies of letters, which needs a text; a subject or a name
 * has two or three octets above 0x7f, and there what people write counts for more. Pure, any thread.
 */
#ifndef SERVELO_INGEST_CHARSET_GUESS_H
#define SERVELO_INGEST_CHARSET_GUESS_H

#include "base/base.h"

/* The charset to believe in, when the detector said id (an enum charset_id) of these octets. */
int charset_guess_settled(int id, struct str bytes);

/*
 * Octets that no text in a Western charset has: most of what is above 0x7f stands in runs of four or more, which are no
 * row of one character, and no blanks.
 */
bool charset_is_not_western(struct str bytes);

#endif
