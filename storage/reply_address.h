/*
 * Reply addresses that left in our mails, by their case-folded form: for gateways that lower-case local-parts
 * (SPEC section 5). What is found is a hint: whoever asks mints the address anew and compares.
 */
#ifndef SERVELO_STORAGE_REPLY_ADDRESS_H
#define SERVELO_STORAGE_REPLY_ADDRESS_H

#include "storage/ids.h"
#include "storage/reader.h"
#include "storage/store.h"

/* folded: reply_token_fold() of the minted token. Again is fine. Writer thread. */
int reply_address_add(struct store_txn *txn, struct str folded, struct ticket_id ticket, int64_t participant);

/* slug, ticket's number, participant; return false to stop. */
typedef bool reply_address_fn(void *ctx, struct str slug, int64_t ticket_number, int64_t participant);
int reader_reply_addresses(struct reader *reader, struct str folded, reply_address_fn *fn, void *ctx);

#endif
