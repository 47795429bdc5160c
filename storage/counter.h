/*
 * A tenant's counters (its row of ticket_counter: the next number, the record of its confirmations), held by the
 * transaction: read once, written once. A new ticket changes them two times, and the next ticket of the batch is often
 * the same tenant's.
 *
 *	int r = counter_hold(txn, tenant);		-ENOENT: there is no such tenant
 *	number = txn->counter.next++;
 *	txn->counter.changed = true;
 *
 * The transaction holds one tenant's at a time. store.c writes what has changed before the job's savepoint ends, or
 * before COMMIT, and forgets it when anything is rolled back. Who looks at the table, or at the tenant's prefix, in any
 * other way calls counter_put_back() first. Writer thread.
 */
#ifndef SERVELO_STORAGE_COUNTER_H
#define SERVELO_STORAGE_COUNTER_H

#include "storage/ticket.h"

#define COUNTER_PREFIX_MAX 11 /* octets of a reference's prefix that are printed */

struct counter {
	struct tenant_id tenant; /* 0: nothing is held */
	int64_t next;            /* number of its next ticket */
	uint8_t quota[QUOTA_RECORD_MAX];
	size_t quota_len;
	char prefix[COUNTER_PREFIX_MAX]; /* of its references; reading only */
	size_t prefix_len;
	bool changed; /* next or quota are not in the table yet */
};

int counter_hold(struct store_txn *txn, struct tenant_id tenant) MUST_CHECK;
/* Writes what has changed; it stays held. */
int counter_flush(struct store_txn *txn) MUST_CHECK;
/* Writes what has changed, and lets go. */
int counter_put_back(struct store_txn *txn) MUST_CHECK;
/* Lets go without writing: the table has been rolled back, or is about to be. */
void counter_forget(struct store_txn *txn);

#endif
