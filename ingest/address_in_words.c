/* See address_in_words.h. */
#include "ingest/address_in_words.h"

#include "ingest/text_fold.h"

bool address_octet(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && !char_in("<>()[]\",;:\\*|@", c);
}

/* The stretch around the "@" at s.ptr[at], not before `start`; empty when another "@" ends it. */
static struct str stretch(struct str s, size_t start, size_t at)
{
	size_t from = at, to = at + 1;
	while (from > start && at - from < ADDRESS_IN_WORDS_MAX && address_octet(s.ptr[from - 1]))
		from--;
	while (to < s.len && to - at < ADDRESS_IN_WORDS_MAX && address_octet(s.ptr[to]))
		to++;
	if ((from > start && s.ptr[from - 1] == '@') || (to < s.len && s.ptr[to] == '@'))
		return STR("");
	while (to > at && char_in(".'!?=", s.ptr[to - 1]))
		to--;
	while (from < at && char_in("'.=", s.ptr[from]))
		from++;
	return str_sub(s, from, to);
}

struct str address_in_words(struct str s, size_t *pos, bool (*is_one)(struct str address))
{
	for (size_t at = *pos; (at += str_find(str_sub(s, at, s.len), '@')) < s.len; at++) {
		struct str address = stretch(s, *pos, at);
		if (!address.len || !is_one(address))
			continue;
		*pos = (size_t)(address.ptr - s.ptr) + address.len;
		return address;
	}
	*pos = s.len;
	return STR("");
}
