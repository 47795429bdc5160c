/*
 * Decisions become rows: what one delivery does to the database, inside the writer's savepoint. All of its
 * recipients or none (RFC 5321 4.1.1.4 knows one reply after the data).
 */
#ifndef SERVELO_INGEST_APPLY_H
#define SERVELO_INGEST_APPLY_H

#include "ingest/ingest_task.h"

/* Fills task->delivery->reply_text and task->jobs_due. 0 or a negative errno: then nothing of it is stored.
 * Writer thread. */
int ingest_apply(struct ingest_task *task, struct store_txn *txn);
/* One audit row "failed" per recipient, for a delivery of which nothing could be stored. Writer thread. */
int ingest_apply_failure(struct ingest_task *task, struct store_txn *txn, const char *error);

#endif
