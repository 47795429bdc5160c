/*
 * The index of a table of phrases. Invariants: every phrase is in exactly one chain, chains go up in the table's
 * order; a shift is never larger than the distance to the next place where a phrase could begin. Pure.
 */
#include "ingest/phrase_set.h"

#include <assert.h>

static void index_chains(struct phrase_set *set)
{
	for (size_t i = set->n; i > 0; i--) { /* from the end, so that the chains go up */
		struct phrase *item = &set->items[i - 1];
		uint16_t *head = &set->heads[phrase_hash(item->text.ptr, set->key) >> 24];
		item->next = *head;
		*head = (uint16_t)i;
	}
}

/* How far may a window of `shortest` octets move whose last octets have this hash? */
static void index_shifts(struct phrase_set *set)
{
	size_t most = set->shortest - set->key + 1;
	memset(set->shifts, (int)(most < UINT8_MAX ? most : UINT8_MAX), sizeof(set->shifts));
	for (size_t i = 0; i < set->n; i++) {
		for (size_t at = 0; at + set->key <= set->shortest; at++) {
			uint8_t *shift =
				&set->shifts[phrase_hash(set->items[i].text.ptr + at, set->key) >> 21];
			size_t distance = set->shortest - set->key - at;
			if (distance < *shift)
				*shift = (uint8_t)distance;
		}
	}
}

void phrase_set_index(struct phrase_set *set, struct phrase *items, size_t n)
{
	assert(n > 0 && n < UINT16_MAX);
	*set = (struct phrase_set){.items = items, .n = n, .shortest = SIZE_MAX};
	for (size_t i = 0; i < n; i++)
		if (items[i].text.len < set->shortest)
			set->shortest = items[i].text.len;
	assert(set->shortest > 0);
	set->key = set->shortest < 3 ? set->shortest : 3;
	index_chains(set);
	index_shifts(set);
}

size_t phrase_set_starts(const struct phrase_set *set, struct str s)
{
	size_t i = phrase_set_at(set, s, 0);
	while (i && !str_starts(s, set->items[i - 1].text))
		i = set->items[i - 1].next;
	return i;
}

size_t phrase_set_equals(const struct phrase_set *set, struct str s)
{
	size_t i = phrase_set_at(set, s, 0);
	while (i && !str_eq(s, set->items[i - 1].text))
		i = set->items[i - 1].next;
	return i;
}

size_t phrase_set_inside(const struct phrase_set *set, struct str s)
{
	size_t first = 0;
	for (size_t pos = 0; (pos = phrase_set_skip(set, s, pos)) < s.len; pos++) {
		struct str rest = str_sub(s, pos, s.len);
		for (size_t i = phrase_set_at(set, s, pos); i && (!first || i < first);
		     i = set->items[i - 1].next)
			if (str_starts(rest, set->items[i - 1].text))
				first = i;
	}
	return first;
}
