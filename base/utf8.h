/*
 * UTF-8 in octets (RFC 3629): is it any, where do its characters end, and a line of it out of what somebody else wrote.
 *
 * Overlong forms, surrogates and what is beyond U+10FFFF are no characters. Lengths are octets, never characters. All of
 * it is pure and takes time that is linear in what it looks at; any thread.
 */
#ifndef SERVELO_BASE_UTF8_H
#define SERVELO_BASE_UTF8_H

#include "base/base.h"

bool utf8_valid(struct str s);
/* Octets (1 to 4) of the character at the start of s; 0: s is empty, or no character begins there. */
size_t utf8_sequence(struct str s);

/* s, not longer than max octets, cut between characters. s is valid UTF-8; of what is not, no more than max octets. */
struct str utf8_cut(struct str s, size_t max);

/*
 * What others said (a relay's reply, a report's reason), as one line for a row, a comment, a log: blanks and controls
 * (C0, DEL, C1, the separators U+2028 and U+2029) in a row are one blank, none at the ends; an octet that is no part of a
 * character is "?". ret gets at most max whole characters' octets and no NUL; their number is returned. It is never
 * more than in.len, and ret may be where in begins:
 *
 *	char why[WHY_MAX];
 *	struct str line = {why, utf8_line(said, why, sizeof(why))};
 */
size_t utf8_line(struct str in, char *ret, size_t max);

#endif
