/*
 * The writer's open transaction, as the files of this folder see it. Made by store.c for one batch; apply()
 * functions of callers only pass it on.
 */
#ifndef SERVELO_STORAGE_TXN_H
#define SERVELO_STORAGE_TXN_H

#include "storage/spool.h"
#include "storage/stmt.h"
#include "storage/store.h"

struct store_txn {
	struct db *db;
	int64_t now_ms; /* when the transaction began: committed_ms of what it writes */
	/* Mails in files that rows of this transaction refer to; shortened again when a job is rolled back. */
	struct spooled_mail **files;
	size_t files_n, files_allocated;
};

/* The file of mail is referred to by a row. */
void store_txn_keep(struct store_txn *txn, struct spooled_mail *mail);

/* Names below data_dir. */
#define STORE_DB_NAME    "servelo.db"
#define STORE_SPOOL_NAME "spool"
#define STORE_LOCK_NAME  "lock"

#endif
