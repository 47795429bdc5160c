/*
 * The writer's open transaction, as the files of this folder see it. Made by store.c for one batch; apply()
 * functions of callers only pass it on.
 */
#ifndef SERVELO_STORAGE_TXN_H
#define SERVELO_STORAGE_TXN_H

#include "storage/counter.h"
#include "storage/message.h"
#include "storage/spool.h"
#include "storage/stmt.h"
#include "storage/store.h"

/*
 * What the job under way has just learned and would ask again in a moment. Forgotten when a job begins; a job that is
 * undone takes it along.
 */
struct job_memory {
	/* A client whose row this job made: without tickets, without a record of confirmations. 0: none. */
	struct client_id without_tickets, without_quota;
	/* The key that was looked for last, its hash, and the first row with it (0: there was none). */
	bool repeat_known;
	struct repeat_key repeat;
	int64_t repeat_hash, repeat_first;
};

struct store_txn {
	struct db *db;
	int64_t now_ms; /* when the transaction began: committed_ms of what it writes */
	/* Mails in files that rows of this transaction refer to; shortened again when a job is rolled back. */
	struct spooled_mail **files;
	size_t files_n, files_allocated;
	struct counter counter;
	struct job_memory memory;
};

/* The file of mail is referred to by a row. */
void store_txn_keep(struct store_txn *txn, struct spooled_mail *mail);

/* Names below data_dir. */
#define STORE_DB_NAME    "servelo.db"
#define STORE_SPOOL_NAME "spool"
#define STORE_LOCK_NAME  "lock"

#endif
