/*
 * See crashed_mails.h. A digest's first octets say in which bucket it stands: SHA-256 spreads by itself.
 *
 * Always true: the first n places of a bucket are used; once all are, next is the oldest.
 */
#include "ingest/crashed_mails.h"

#include <stdlib.h>

#include "base/alloc.h"

#define PLACES  4
#define BUCKETS (CRASHED_MAILS_MAX / PLACES)

struct bucket {
	uint8_t digests[PLACES][SHA256_SIZE];
	unsigned n, next;
};

struct crashed_mails {
	struct bucket buckets[BUCKETS];
};

struct crashed_mails *crashed_mails_new(void)
{
	return XNEW(struct crashed_mails);
}

struct crashed_mails *crashed_mails_free(struct crashed_mails *set)
{
	free(set);
	return NULL;
}

static size_t bucket_of(const uint8_t digest[SHA256_SIZE])
{
	return ((size_t)digest[0] << 8 | digest[1]) % BUCKETS;
}

bool crashed_mails_has(const struct crashed_mails *set, const uint8_t digest[SHA256_SIZE])
{
	const struct bucket *bucket = &set->buckets[bucket_of(digest)];
	for (unsigned i = 0; i < bucket->n; i++)
		if (memcmp(bucket->digests[i], digest, SHA256_SIZE) == 0)
			return true;
	return false;
}

void crashed_mails_add(struct crashed_mails *set, const uint8_t digest[SHA256_SIZE])
{
	if (crashed_mails_has(set, digest))
		return;
	struct bucket *bucket = &set->buckets[bucket_of(digest)];
	memcpy(bucket->digests[bucket->next], digest, SHA256_SIZE);
	bucket->next = (bucket->next + 1) % PLACES;
	bucket->n += bucket->n < PLACES;
}
