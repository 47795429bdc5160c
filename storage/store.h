/*
 * The database, its one writer, and durability.
 *
 * Everything that changes goes through a store_job: apply() runs on the writer thread inside a savepoint of
 * the current transaction; when it returns 0 the savepoint stays, else it is rolled back and the others are
 * not touched. The writer takes every job that is queued into one transaction (natural group commit, no
 * timer) and COMMITs with synchronous=FULL. done() runs on the loop, exactly once, after COMMIT returned
 * (status 0) or when it is known that nothing of the job is stored (negative errno: apply's own, or -EIO,
 * -ENOSPC, STORE_LOCKED, -ESHUTDOWN).
 *
 * Only the writer writes and only the writer checkpoints. After a failed COMMIT nothing is acknowledged until
 * the database was reopened and has taken a probe write. No SQL, no sqlite3 type and no SQLite code leaves
 * this folder.
 *
 * A lock file in the data folder makes sure there is one store_open() at a time; readers (reader.h) are not
 * affected.
 */
#ifndef SERVELO_STORAGE_STORE_H
#define SERVELO_STORAGE_STORE_H

#include <errno.h>

#include <uv.h>

#include "base/conf.h"
#include "base/list.h"
#include "storage/ids.h"

struct spool;
struct store;
struct store_txn; /* the writer's open transaction; see tenant_rows.h, ticket.h, message.h, audit.h, outbox.h,
		     setting.h */

struct storage_conf {
	const char *data_dir;
	int64_t memory_max;       /* a mail up to this size stays in memory and in its row */
	int64_t memory_total_max; /* all mails in memory together */
	int64_t batch_max;        /* jobs in one transaction */
	int64_t queue_max;        /* jobs waiting for the writer */
	int64_t cache_size;       /* the writer's page cache, octets */
};
extern const struct conf_table storage_conf_table; /* section "storage" */

/* Opens or makes data_dir and its database, migrates, raises the run number. loop NULL: no writer thread, for
 * tools that hold the store alone (use store_run). -EBUSY when another process holds it. reterr says what to
 * do. */
int store_open(struct store **ret, uv_loop_t *loop, const struct storage_conf *conf,
	       struct conf_error *reterr);
/* Finishes what is queued, checkpoints, joins. NULL is fine; returns NULL. */
struct store *store_close(struct store *store);
int64_t store_run_number(const struct store *store);
/* The spool of this run, at data_dir/spool with the memory limits of storage_conf; the caller closes it
 * (before the store). Files of mails that were stored are marked kept by the store itself, right after
 * COMMIT; after a COMMIT that failed they stay too, until the next sweep knows better. */
int store_spool_open(struct store *store, struct spool **ret);

/* A job's status when another program holds the database's write lock for longer than we wait for it. An errno that no
 * apply() has for anything of its own, as it has -EBUSY, and that libuv has words for. */
#define STORE_LOCKED (-ETXTBSY)
/* What a job's status means, in words; strerror() but for STORE_LOCKED. */
const char *store_error_text(int status);

struct store_job {
	struct list_node link;
	int (*apply)(struct store_job *job, struct store_txn *txn);
	void (*done)(struct store_job *job, int status);
	int status;
	/* apply() keeps nothing from an earlier call, so it may be run again. A batch of such jobs needs no
	 * savepoints (a tenth of a mail's cost): when one of them fails, the batch is rolled back and run a
	 * second time, with savepoints. */
	bool repeatable;
};
/* Loop thread. Moves the job; -EAGAIN when the queue is full (nothing was moved). */
int store_submit(struct store *store, struct store_job *job) MUST_CHECK;
/* Without a loop: begin, apply, commit, on the calling thread; done is not called. */
int store_run(struct store *store, struct store_job *job);

/* Removes files of earlier runs that no row refers to. Blocks: a worker or a tool calls it. *ret_removed
 * counts. */
int store_sweep(struct store *store, size_t *ret_removed);

struct store_stats {
	int64_t commits, jobs, failures;
	int64_t last_commit_ms; /* wall time; 0: none yet */
	int64_t last_commit_us; /* how long it took */
	int64_t failing_since_ms; /* wall time of the first failure that no success followed; 0: none, all is well */
	int64_t at_work_ms; /* how long the writer has been at one batch, waiting for the disk or a lock; 0: idle */
	bool locked;        /* what fails is the lock: another program holds it */
	size_t queued;
	bool healthy; /* false between a failed COMMIT and the next good probe */
};
struct store_stats store_stats(struct store *store);

#endif
