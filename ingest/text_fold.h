/*
 * Characters of UTF-8 text: decode, encode, lower-case; and folding, which makes a line comparable with the
 * entries of a table.
 *
 * Folding lower-cases (Latin, Greek, Cyrillic, Armenian, full-width), makes one blank of every run of blanks
 * (non-breaking and ideographic ones too), drops what has no width, makes full-width punctuation and
 * typographic apostrophes plain, and trims. It never makes valid UTF-8 longer. Accents are kept. Pure; any thread.
 */
#ifndef SERVELO_INGEST_TEXT_FOLD_H
#define SERVELO_INGEST_TEXT_FOLD_H

#include "base/base.h"

uint32_t utf8_next_wide(struct str s, size_t *pos); /* of utf8_next: what is not ASCII */
/* The character at *pos, which moves behind it. A broken octet is U+FFFD and one octet long. *pos < s.len. */
static inline uint32_t utf8_next(struct str s, size_t *pos)
{
	unsigned char octet = (unsigned char)s.ptr[*pos];
	if (octet >= 0x80)
		return utf8_next_wide(s, pos);
	*pos += 1;
	return octet;
}
/* Octets written to out (1 to 4); c that is no scalar value becomes U+FFFD. */
size_t utf8_put(uint32_t c, char out[4]);

uint32_t char_lower(uint32_t c);
bool char_blank(uint32_t c);      /* shown as empty space of some width */
bool char_zero_width(uint32_t c); /* not shown at all */
/* Part of a word: letters, digits, and everything else outside ASCII that is no blank or punctuation. */
bool char_word(uint32_t c);

/* The folded beginning of s that fits in out_max octets (whole characters); returns its length. */
size_t text_fold(struct str s, char *out, size_t out_max);

/* strchr(3) for octets of a view and short sets: NUL is in no set. */
static inline bool char_in(const char *set, char c)
{
	while (*set && *set != c)
		set++;
	return *set;
}

/* Position of needle in hay, or hay.len. Time is linear for the short needles of our tables. */
size_t str_search(struct str hay, struct str needle);
static inline bool str_has(struct str hay, struct str needle)
{
	return needle.len == 0 || str_search(hay, needle) < hay.len;
}
static inline bool str_ends(struct str s, struct str end)
{
	return s.len >= end.len && (end.len == 0 || memcmp(s.ptr + s.len - end.len, end.ptr, end.len) == 0);
}

#endif
