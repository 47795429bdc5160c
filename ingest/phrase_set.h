/*
 * Many phrases looked for at once: which of them does a text begin with, which is it, which stand in it.
 *
 *	static struct phrase items[N];
 *	static struct phrase_set set;
 *	items[i].text = ...;                    (kept by the set; none is empty)
 *	phrase_set_index(&set, items, N);       (once)
 *	for (size_t i = phrase_set_at(&set, s, 0); i; i = set.items[i - 1].next)
 *		if (str_starts(s, set.items[i - 1].text)) ...
 *
 * A chain holds the phrases that share the hash of their first octets, in the order of the table, so the first
 * that fits is the table's first. To search a text, ask phrase_set_skip() how far the next place is where one
 * may begin (as Wu and Manber do it): most of a text is never looked at. No memory is allocated; time is linear
 * in the text times the longest chain. Indexing is not for several threads; asking is.
 */
#ifndef SERVELO_INGEST_PHRASE_SET_H
#define SERVELO_INGEST_PHRASE_SET_H

#include "base/base.h"

#define PHRASE_HEADS  256
#define PHRASE_SHIFTS 2048

struct phrase {
	struct str text;
	uint16_t next; /* 1 + index of the next one in the chain; 0: none */
};

struct phrase_set {
	struct phrase *items;
	size_t n;
	size_t shortest;              /* octets */
	size_t key;                   /* octets that are hashed: 3, fewer if a phrase is shorter */
	uint16_t heads[PHRASE_HEADS]; /* 1 + index */
	uint8_t shifts[PHRASE_SHIFTS];
};

void phrase_set_index(struct phrase_set *set, struct phrase *items, size_t n);

static inline uint32_t phrase_hash(const char *p, size_t key)
{
	uint32_t value = (unsigned char)p[0];
	if (key > 1)
		value |= (uint32_t)(unsigned char)p[1] << 8;
	if (key > 2)
		value |= (uint32_t)(unsigned char)p[2] << 16;
	return value * 2654435761u;
}

/* The chain of what may begin at pos: 1 + index, 0: nothing. */
static inline size_t phrase_set_at(const struct phrase_set *set, struct str s, size_t pos)
{
	if (pos >= s.len || s.len - pos < set->key)
		return 0;
	return set->heads[phrase_hash(s.ptr + pos, set->key) >> 24];
}

/* The first place from pos on where a phrase may begin; s.len: there is none. */
static inline size_t phrase_set_skip(const struct phrase_set *set, struct str s, size_t pos)
{
	while (pos < s.len && s.len - pos >= set->shortest) {
		const char *end = s.ptr + pos + set->shortest - set->key;
		size_t shift = set->shifts[phrase_hash(end, set->key) >> 21];
		if (shift == 0)
			return pos;
		pos += shift;
	}
	return s.len;
}

/* 1 + index of the first phrase in the table that s begins with, that is s, or that stands in s; 0: none. */
size_t phrase_set_starts(const struct phrase_set *set, struct str s);
size_t phrase_set_equals(const struct phrase_set *set, struct str s);
size_t phrase_set_inside(const struct phrase_set *set, struct str s);

#endif
