/*
 * So many a minute, and no more than a second's worth at once (but always one). Pure: time comes from
 * outside.
 */
#ifndef SERVELO_OUTBOUND_TOKEN_BUCKET_H
#define SERVELO_OUTBOUND_TOKEN_BUCKET_H

#include "base/base.h"

struct token_bucket {
	int64_t per_minute; /* 0: no limit */
	int64_t level;      /* a token is 60000: each millisecond adds per_minute */
	int64_t at_ms;
};

void token_bucket_init(struct token_bucket *bucket, int64_t per_minute, int64_t now_ms);
/* Another rate from now on; what is in the bucket stays, as far as it fits. */
void token_bucket_set(struct token_bucket *bucket, int64_t per_minute, int64_t now_ms);
/* True and a token less, or false. */
bool token_bucket_take(struct token_bucket *bucket, int64_t now_ms);
/* When the next token will be there; now_ms when it is. */
int64_t token_bucket_next_ms(struct token_bucket *bucket, int64_t now_ms);

#endif
