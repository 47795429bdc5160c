/*
 * Texts compared by their words, however they were wrapped and decorated on the way.
 *
 * A word is a run of letters and digits, lower-cased; where a script puts no blanks between words, one character. Blanks
 * of every kind, punctuation, quote marks, typographic quotes, link targets ("<https://...>") and stand-ins for pictures
 * ("[image: ...]", "[cid:...]") are no words, for mail programs change them freely. A shingle is the last few words up
 * to and with one, enough of them that it is seldom anybody's by chance; it is told by its hash.
 *
 *	shingles_note(&set, hash)      which shingles there are (of the reply)
 *	shingles_find(&set, hash)      one of another text: marks it as found
 *	shingles_found(&set, hash)     was it?
 *
 * Time is linear whatever the text: the set looks at SHINGLE_PROBES places at most, and a shingle that has no place
 * there is never found. Pure; one thread.
 */
#ifndef SERVELO_INGEST_SHINGLE_H
#define SERVELO_INGEST_SHINGLE_H

#include "base/base.h"

#define WORD_WEIGHT    2 /* of a word; a character of a script without blanks weighs 1 */
#define SHINGLE_WEIGHT 8
#define SHINGLE_WORDS  8 /* that many words make one at most */
#define SHINGLE_PROBES 64

struct text_word {
	uint64_t hash;
	size_t from; /* octet of the text where it begins */
	unsigned weight;
};

/* The next word of the text from *pos on; false: there is none. */
bool text_word_next(struct str text, size_t *pos, struct text_word *ret);

/* The last words that were pushed. Begins zeroed. */
struct shingle {
	uint64_t hashes[SHINGLE_WORDS];
	unsigned weights[SHINGLE_WORDS];
	size_t pushed;
};
/* How many words the shingle that ends with this one takes, and its hash; 0: too few came yet. */
size_t shingle_push(struct shingle *shingle, const struct text_word *word, uint64_t *ret_hash);

struct shingles {
	uint64_t *hashes; /* 0: free */
	bool *found;
	size_t mask;
};
/* Room for n. Two allocations: shingles_done(). */
void shingles_init(struct shingles *set, size_t n);
void shingles_done(struct shingles *set);
void shingles_note(struct shingles *set, uint64_t hash);
void shingles_find(struct shingles *set, uint64_t hash);
bool shingles_found(const struct shingles *set, uint64_t hash);

#endif
