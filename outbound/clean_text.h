/*
 * Text of others on its way into a mail of ours (THREATS A8): valid UTF-8 without controls, whatever came in.
 *
 * Octets that are no UTF-8 become U+FFFD. Controls (C0, DEL, C1) and what turns the direction of writing (U+202A to
 * U+202E, U+2066 to U+2069) are taken out, as are byte order marks. Line ends in any dress (CR, LF, CR LF, VT, FF, U+0085,
 * U+2028, U+2029) are line ends in a text and blanks in a line. Pure; any thread.
 */
#ifndef SERVELO_OUTBOUND_CLEAN_TEXT_H
#define SERVELO_OUTBOUND_CLEAN_TEXT_H

#include "base/strbuf.h"
#include "base/utf8.h"

/* One line: blanks in a row are one, none at the ends. At most max octets are added, whole characters. 0 or -ENOBUFS. */
int clean_line(struct str in, size_t max, struct strbuf *out);
/* Lines end with LF; tabs stay. Lines without anything at the ends of the text are left away. */
int clean_text(struct str in, size_t max, struct strbuf *out);

/* The character at the start of in (not empty): how many octets it has; *ret is U+FFFD for an octet that begins none. */
size_t utf8_character(struct str in, uint32_t *ret);

#endif
