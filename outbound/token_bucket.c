/* See token_bucket.h. Whole numbers only, so nothing is lost to rounding. Pure. */
#include "outbound/token_bucket.h"

#define TOKEN INT64_C(60000)

static int64_t level_max(const struct token_bucket *bucket)
{
	int64_t second = bucket->per_minute * 1000;
	return second > TOKEN ? second : TOKEN;
}

static void fill(struct token_bucket *bucket, int64_t now_ms)
{
	int64_t max = level_max(bucket);
	int64_t elapsed_ms = now_ms > bucket->at_ms ? now_ms - bucket->at_ms : 0;
	/* full after a minute at the slowest: no product overflows */
	int64_t added = (elapsed_ms < TOKEN ? elapsed_ms : TOKEN) * bucket->per_minute;
	bucket->at_ms = now_ms;
	bucket->level = added > max - bucket->level ? max : bucket->level + added;
}

void token_bucket_init(struct token_bucket *bucket, int64_t per_minute, int64_t now_ms)
{
	*bucket = (struct token_bucket){.per_minute = per_minute, .at_ms = now_ms};
	bucket->level = level_max(bucket);
}

void token_bucket_set(struct token_bucket *bucket, int64_t per_minute, int64_t now_ms)
{
	fill(bucket, now_ms);
	bucket->per_minute = per_minute;
	if (bucket->level > level_max(bucket))
		bucket->level = level_max(bucket);
}

bool token_bucket_take(struct token_bucket *bucket, int64_t now_ms)
{
	if (bucket->per_minute == 0)
		return true;
	fill(bucket, now_ms);
	if (bucket->level < TOKEN)
		return false;
	bucket->level -= TOKEN;
	return true;
}

int64_t token_bucket_next_ms(struct token_bucket *bucket, int64_t now_ms)
{
	if (bucket->per_minute == 0)
		return now_ms;
	fill(bucket, now_ms);
	if (bucket->level >= TOKEN)
		return now_ms;
	return now_ms + (TOKEN - bucket->level + bucket->per_minute - 1) / bucket->per_minute;
}
