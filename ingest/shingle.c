/*
 * See shingle.h. Invariants: every octet of a text is looked at a constant number of times (a skipped link or stand-in is
 * skipped once, and looking for the end of a stand-in is bounded); a hash is never 0, which means a free place. Pure.
 */
#include "ingest/shingle.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ingest/text_fold.h"

#define STAND_IN_MAX 256 /* octets of "[image: ...]" */

/* ---- words ---- */

/* Scripts that part no words: a character is as good as a word. */
static bool stands_alone(uint32_t c)
{
	return (c >= 0x2e80 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff) ||
	       (c >= 0x20000 && c <= 0x3ffff) || (c >= 0x0e00 && c <= 0x0eff) ||
	       (c >= 0x1000 && c <= 0x109f) || (c >= 0x1780 && c <= 0x17ff);
}

/* Octets of a link that begins here, up to what can't be in one; 0: none does. */
static size_t link_length(struct str s)
{
	static const struct str schemes[] = {STR_INIT("http://"), STR_INIT("https://"), STR_INIT("mailto:"),
					     STR_INIT("tel:")};
	bool link = false;
	for (size_t i = 0; i < ARRAY_SIZE(schemes) && !link; i++)
		link = str_istarts(s, schemes[i]);
	size_t len = 0;
	while (link && len < s.len && (unsigned char)s.ptr[len] > ' ' && !char_in("<>()[]\"", s.ptr[len]))
		len++;
	return len;
}

/* Octets of "[image: x]", "[cid:x]", "[inline image 1]"; 0: there is none. */
static size_t stand_in_length(struct str s)
{
	static const struct str starts[] = {STR_INIT("[image"), STR_INIT("[cid:"), STR_INIT("[inline image"),
					    STR_INIT("[http")};
	bool starting = false;
	for (size_t i = 0; i < ARRAY_SIZE(starts) && !starting; i++)
		starting = str_istarts(s, starts[i]);
	if (!starting)
		return 0;
	s = str_sub(s, 0, STAND_IN_MAX);
	size_t end = str_find(s, ']'), line = str_find(s, '\n');
	return end < line ? end + 1 : 0;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

static size_t skip_length(struct str rest)
{
	switch (rest.ptr[0]) {
	case '[':
		return stand_in_length(rest);
	case 'h':
	case 'H':
	case 'm':
	case 'M':
	case 't':
	case 'T':
		return link_length(rest);
	}
	return 0;
}

bool text_word_next(struct str text, size_t *pos, struct text_word *ret)
{
	uint64_t hash = 0;
	bool word = false;
	size_t at = *pos;
	while (at < text.len) {
		size_t skip = word ? 0 : skip_length(str_sub(text, at, text.len)), before = at;
		if (skip) {
			at += skip;
			continue;
		}
		uint32_t c = utf8_next(text, &at);
		if (char_zero_width(c))
			continue;
		bool alone = stands_alone(c), part = char_word(c);
		if (word && (!part || alone)) {
			at = alone && part ? before : at;
			break;
		}
		if (!part)
			continue;
		if (!word)
			*ret = (struct text_word){.from = before, .weight = alone ? 1 : WORD_WEIGHT};
		word = true;
		hash = mix(hash + 1, char_lower(c));
		if (alone)
			break;
	}
	*pos = at;
	ret->hash = word ? hash : 0;
	return word;
}

size_t shingle_push(struct shingle *shingle, const struct text_word *word, uint64_t *ret_hash)
{
	size_t last = shingle->pushed++ % SHINGLE_WORDS;
	shingle->hashes[last] = word->hash;
	shingle->weights[last] = word->weight;
	unsigned weight = 0;
	uint64_t hash = 1;
	for (size_t n = 1; n <= SHINGLE_WORDS && n <= shingle->pushed; n++) {
		size_t i = (shingle->pushed - n) % SHINGLE_WORDS;
		hash = mix(hash, shingle->hashes[i]);
		weight += shingle->weights[i];
		if (weight >= SHINGLE_WEIGHT) {
			*ret_hash = hash ? hash : 1;
			return n;
		}
	}
	return 0;
}

/* ---- sets ---- */

void shingles_init(struct shingles *set, size_t n)
{
	size_t places = 64;
	while (places < 2 * n)
		places *= 2;
	*set = (struct shingles){
		.hashes = xcalloc(places, sizeof(*set->hashes)),
		.found = xcalloc(places, sizeof(*set->found)),
		.mask = places - 1,
	};
}

void shingles_done(struct shingles *set)
{
	free(set->hashes);
	free(set->found);
	*set = (struct shingles){.mask = 0};
}

/* Its place, or the free one that it may have; SIZE_MAX: neither is near. */
static size_t place_of(const struct shingles *set, uint64_t hash)
{
	size_t at = (size_t)(hash >> 17);
	for (size_t i = 0; i < SHINGLE_PROBES; i++, at++)
		if (set->hashes[at & set->mask] == hash || set->hashes[at & set->mask] == 0)
			return at & set->mask;
	return SIZE_MAX;
}

void shingles_note(struct shingles *set, uint64_t hash)
{
	size_t at = place_of(set, hash);
	if (at != SIZE_MAX)
		set->hashes[at] = hash;
}

void shingles_find(struct shingles *set, uint64_t hash)
{
	size_t at = place_of(set, hash);
	if (at != SIZE_MAX && set->hashes[at] == hash)
		set->found[at] = true;
}

bool shingles_found(const struct shingles *set, uint64_t hash)
{
	size_t at = place_of(set, hash);
	return at != SIZE_MAX && set->hashes[at] == hash && set->found[at];
}
