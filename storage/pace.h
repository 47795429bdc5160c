/*
 * Is it a storm? Asked of the rows themselves, so that a restart forgets nothing. Only the n-th newest row of an index is
 * looked at: a storm costs a mail no more than quiet days do. Writer thread.
 */
#ifndef SERVELO_STORAGE_PACE_H
#define SERVELO_STORAGE_PACE_H

#include "storage/ids.h"
#include "storage/store.h"

#define PACE_MAX 500 /* of n */

/* Have mails made at least n comments on this ticket since then, those of machines not counted? */
int pace_comments(struct store_txn *txn, struct ticket_id ticket, int64_t n, int64_t since_ms, bool *ret);
/* Have this client's mails made at least n tickets since then? */
int pace_tickets(struct store_txn *txn, struct client_id client, int64_t n, int64_t since_ms, bool *ret);

#endif
