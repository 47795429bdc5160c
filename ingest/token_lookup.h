/*
 * Looking up case-folded reply tokens: gateways that lower-case local-parts are known (SPEC section 5), and such a
 * token has no MAC that could be checked. It is asked for on a worker among those that left in our mails
 * (storage/reply_address.h), and what is found there is minted anew and compared.
 *
 *	token_lookup_start(lookups, delivery, keys, forward_path, folded)	0, or -EAGAIN: too many
 *	  -> done(ctx, lookup), exactly once, on the loop, never from inside start
 *
 * The delivery keeps its look-up (delivery->lookup) while it is under way. A session that goes takes its delivery with
 * it: delivery_free() cancels, and then done() finds lookup->delivery NULL. Loop thread.
 */
#ifndef SERVELO_INGEST_TOKEN_LOOKUP_H
#define SERVELO_INGEST_TOKEN_LOOKUP_H

#include "base/list.h"
#include "base/mailaddr.h"
#include "base/workers.h"
#include "ingest/delivery.h"
#include "storage/store.h"
#include "tenant/reply_token.h"

#define TOKEN_LOOKUPS_MAX 64 /* under way */

struct token_lookups;

struct token_lookup {
	struct list_node link;
	struct delivery *delivery; /* NULL: it has gone */
	uint64_t session_id;
	struct key_ring *keys; /* a reference */
	char folded[REPLY_TOKEN_MAX + 1];
	char local[MAILADDR_LOCAL_MAX + 1], domain[MAILADDR_DOMAIN_MAX + 1]; /* the forward-path */
	/* what was found */
	int error; /* 0, -ENOENT: no such token, or why nobody knows */
	struct reply_token token;
};
typedef void token_lookup_fn(void *ctx, struct token_lookup *lookup);

/* Opens its reader when it is first needed. */
struct token_lookups *token_lookups_open(const struct storage_conf *storage, struct workers *workers,
					 token_lookup_fn *done, void *ctx);
/* None may be under way. NULL is fine; returns NULL. */
struct token_lookups *token_lookups_close(struct token_lookups *lookups);
size_t token_lookups_under_way(const struct token_lookups *lookups);

/* folded: reply_token_fold() of what came. Copies what it needs. -EAGAIN: there are too many; -EINVAL: the
 * forward-path is too long for any of ours. */
int token_lookup_start(struct token_lookups *lookups, struct delivery *delivery, struct key_ring *keys,
		       const struct mailaddr *forward_path, const char *folded);
/* The delivery goes. NULL is fine; returns NULL. */
struct token_lookup *token_lookup_cancel(struct token_lookup *lookup);

#endif
