/*
 * The writer (store.h).
 *
 *	loop --submit--> queue --batch--> BEGIN, apply*, COMMIT --done list--> channel --> done() on the loop
 *
 *	healthy --(COMMIT or checkpoint failed, or I/O trouble in apply)--> broken
 *	broken  --(a probe row was committed, the database reopened, another probe committed)--> healthy
 *
 * Always true:
 * 1. One connection writes and checkpoints: store->db, used by the writer thread alone (without a loop: by
 *    whoever calls store_run).
 * 2. A job is in exactly one of: the queue, the writer's batch, the channel. It gets its status once.
 * 3. status 0 is given after COMMIT returned; every other status when nothing of the job can be stored.
 * 4. While broken, jobs are answered at once with what broke it, not kept waiting; reopening is tried with
 *    growing pauses.
 * 5. Trouble (I/O error, disk full, damaged file) inside one apply() fails the whole batch, even if the job
 *    shrugged it off: SQLite may have rolled everything back already.
 * 6. What a failed COMMIT left in the log is made void before the connection that knows of it is closed: its next
 *    commit, the first probe, writes over it. Only a crash before that can bring such a transaction back; its
 *    sender was told 4xx then, sends again, and is recognised.
 * 7. A file that a row may refer to is never removed here: after COMMIT it is kept, after a COMMIT that failed
 *    it is kept as well (the row could still turn up when the log is recovered), and the sweep of a later
 *    start, which sees what became of the row, decides.
 * 8. What the transaction holds in memory instead of in its table (counter.h) is written before its job's savepoint
 *    is released, or before COMMIT, and forgotten when anything is rolled back.
 * 9. While another program holds the write lock, each batch fails once it has waited; nothing is broken by that. An idle
 *    writer then looks whether it is free again, so that stats.locked does not outlive the lock.
 *
 * The log is bounded: after CHECKPOINT_FRAMES the writer copies it back between two batches, and an idle
 * writer empties it.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/channel.h"
#include "base/clock.h"
#include "base/log.h"
#include "storage/schema.h"
#include "storage/sweep.h"
#include "storage/txn.h"

#define CHECKPOINT_FRAMES 4096 /* 16 MiB of log */
#define IDLE_MS           1000
#define BACKOFF_FIRST_MS  50
#define BACKOFF_MAX_MS    5000
#define WRITER_STACK      (8 * 1024 * 1024)
#define START_OVER        1

struct store {
	struct storage_conf conf;
	char *data_dir, *db_path, *lock_path, *spool_dir;
	int lock_fd;
	int64_t run;

	/* the writer's */
	struct db *db;
	struct store_txn txn;
	int64_t checkpoint_at; /* frames in the log */
	int broken;            /* what broke it: the status of jobs meanwhile; 0: healthy */
	int64_t retry_at_ms, backoff_ms;

	/* under mutex */
	uv_mutex_t mutex;
	uv_cond_t wake;
	struct list queue;
	size_t queued;
	bool stopping;
	struct store_stats stats;
	int64_t at_work_since_ms; /* monotonic; 0: no batch under way */

	/* with a loop only */
	uv_thread_t thread;
	struct channel *done;
};

static int store_folder(struct store *store, struct conf_error *reterr);
static int store_lock(struct store *store, struct conf_error *reterr);
static int store_database(struct store *store, struct conf_error *reterr);
static int store_start(struct store *store, uv_loop_t *loop);
static struct store *store_free(struct store *store);

static void writer_main(void *arg);
static void writer_wait(struct store *store);
static void writer_idle(struct store *store);
static void batch_run(struct store *store, struct list *jobs, size_t n);
static int batch_apply(struct store *store, struct list *jobs, size_t n);
static bool all_repeatable(const struct list *jobs);
static int jobs_apply(struct store *store, struct list *jobs, bool savepoints);
static int job_apply(struct store *store, struct store_job *job, bool savepoint);
static int batch_commit(struct store *store);
static void batch_fail(struct list *jobs, int status);
static void store_checkpoint(struct store *store, enum db_checkpoint kind);
static void store_break(struct store *store, int error, const char *event);
static void store_revive(struct store *store);
static void try_lock(struct store *store);
static void on_done(void *ctx, struct list *items);

/* ---- opening ---- */

static int say(struct conf_error *reterr, const char *path, const char *what, int r)
{
	if (reterr)
		snprintf(reterr->text, sizeof(reterr->text), "%s: %s", path, what);
	return r;
}

int store_open(struct store **ret, uv_loop_t *loop, const struct storage_conf *conf,
	       struct conf_error *reterr)
{
	struct store *store = XNEW(struct store);
	store->conf = *conf;
	store->data_dir = xstrdup(conf->data_dir);
	store->conf.data_dir = store->data_dir;
	store->db_path = xasprintf("%s/%s", conf->data_dir, STORE_DB_NAME);
	store->lock_path = xasprintf("%s/%s", conf->data_dir, STORE_LOCK_NAME);
	store->spool_dir = xasprintf("%s/%s", conf->data_dir, STORE_SPOOL_NAME);
	store->lock_fd = -1;
	list_init(&store->queue);
	uv_mutex_init(&store->mutex);
	uv_cond_init(&store->wake);

	int r = store_folder(store, reterr);
	if (r == 0)
		r = store_lock(store, reterr);
	if (r == 0)
		r = store_database(store, reterr);
	if (r == 0 && loop) {
		r = store_start(store, loop);
		if (r < 0)
			say(reterr, store->data_dir, "the writer thread can't be started", r);
	}
	if (r < 0) {
		store_free(store);
		return r;
	}
	*ret = store;
	return 0;
}

static int store_folder(struct store *store, struct conf_error *reterr)
{
	if (mkdir(store->data_dir, 0700) < 0) {
		if (errno == EEXIST)
			return 0;
		int r = -errno;
		return say(reterr, store->data_dir, strerror(-r), r);
	}
	/* A new folder: its own name is made durable in the one above. */
	char *above = xasprintf("%s/..", store->data_dir);
	int fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(above);
	if (fd >= 0) {
		(void)fsync(fd); /* a file system that can't sync folders is no reason not to start */
		close(fd);
	}
	return 0;
}

static int store_lock(struct store *store, struct conf_error *reterr)
{
	char *path = store->lock_path;
	char text[32] = "";
	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (store->lock_fd < 0) {
		int r = -errno;
		return say(reterr, path, strerror(-r), r);
	}
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		int r = errno == EWOULDBLOCK ? -EBUSY : -errno;
		if (r != -EBUSY)
			return say(reterr, path, strerror(-r), r);
		ssize_t n = pread(store->lock_fd, text, sizeof(text) - 1, 0);
		char what[160];
		snprintf(what, sizeof(what),
			 "process %ld holds this data folder: stop it, or give this one another "
			 "storage.data_dir",
			 n > 0 ? strtol(text, NULL, 10) : 0L);
		return say(reterr, store->data_dir, what, r);
	}
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	/* Only for people who wonder who holds it; the lock itself is the kernel's. */
	if (ftruncate(store->lock_fd, 0) < 0 || pwrite(store->lock_fd, text, (size_t)n, 0) != n) {
		int r = errno > 0 ? -errno : -EIO;
		return say(reterr, path, strerror(-r), r);
	}
	return 0;
}

static const char sql_begin[] = "BEGIN IMMEDIATE";
static const char sql_commit[] = "COMMIT";
static const char sql_rollback[] = "ROLLBACK";
static const char sql_savepoint[] = "SAVEPOINT job";
static const char sql_release[] = "RELEASE job";
static const char sql_rollback_to[] = "ROLLBACK TO job";

/* After a failure; what this one returns adds nothing (SQLite may have rolled back already, or closing does). */
static void rollback(struct db *db)
{
	int r UNUSED = db_in_transaction(db) ? stmt_run(stmt_use(db, sql_rollback)) : 0;
}

/* One statement as a transaction of its own. */
static int transact(struct store *store, struct stmt *s)
{
	struct db *db = store->db;
	int r = stmt_run(stmt_use(db, sql_begin));
	if (r < 0)
		return r;
	r = stmt_run(s);
	if (r == 0)
		r = stmt_run(stmt_use(db, sql_commit));
	if (r < 0)
		rollback(db);
	return r;
}

/* Opens, migrates, and proves by a write that the disk takes one. */
static int store_database(struct store *store, struct conf_error *reterr)
{
	static const char raise_run[] =
		"INSERT INTO meta (key, value) VALUES ('run', 1) ON CONFLICT DO UPDATE SET value = value + 1";
	int r = db_open(&store->db, store->db_path, 0, store->conf.cache_size, reterr);
	if (r < 0)
		return r;
	r = schema_migrate(store->db, store->db_path, reterr);
	if (r < 0)
		return r;
	r = transact(store, stmt_use(store->db, raise_run));
	if (r == 0)
		r = db_query_int(store->db, "SELECT value FROM meta WHERE key = 'run'", &store->run);
	if (r < 0)
		return say(reterr, store->db_path, db_error_text(store->db), r);
	store->checkpoint_at = CHECKPOINT_FRAMES;
	store->stats.healthy = true;
	return 0;
}

static int store_start(struct store *store, uv_loop_t *loop)
{
	const uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = WRITER_STACK};
	int r = channel_open(&store->done, loop, on_done, store);
	if (r < 0)
		return r;
	r = uv_thread_create_ex(&store->thread, &options, writer_main, store);
	if (r < 0)
		store->done = channel_close(store->done);
	return r;
}

struct store *store_close(struct store *store)
{
	if (!store)
		return NULL;
	uv_mutex_lock(&store->mutex);
	store->stopping = true;
	uv_cond_signal(&store->wake);
	uv_mutex_unlock(&store->mutex);
	if (store->done) {
		uv_thread_join(&store->thread);
		store->done = channel_close(store->done); /* delivers what is in it */
	}
	return store_free(store);
}

static struct store *store_free(struct store *store)
{
	db_close(store->db); /* checkpoints */
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	uv_cond_destroy(&store->wake);
	uv_mutex_destroy(&store->mutex);
	free(store->txn.files);
	free(store->spool_dir);
	free(store->lock_path);
	free(store->db_path);
	free(store->data_dir);
	free(store);
	return NULL;
}

int64_t store_run_number(const struct store *store)
{
	return store->run;
}

int store_spool_open(struct store *store, struct spool **ret)
{
	const struct spool_conf conf = {
		.dir = store->spool_dir,
		.run = store->run,
		.memory_max = (size_t)store->conf.memory_max,
		.memory_total_max = (size_t)store->conf.memory_total_max,
	};
	return spool_open(ret, &conf);
}

/* ---- giving and taking jobs ---- */

int store_submit(struct store *store, struct store_job *job)
{
	int r = 0;
	uv_mutex_lock(&store->mutex);
	if (store->stopping) {
		r = -ESHUTDOWN;
	} else if (store->queued >= (size_t)store->conf.queue_max) {
		r = -EAGAIN;
	} else {
		list_push_back(&store->queue, &job->link);
		store->queued++;
	}
	uv_mutex_unlock(&store->mutex);
	if (r == 0)
		uv_cond_signal(&store->wake);
	return r;
}

int store_run(struct store *store, struct store_job *job)
{
	assert(!store->done);
	struct list jobs;
	list_init(&jobs);
	list_push_back(&jobs, &job->link);
	batch_run(store, &jobs, 1);
	list_remove(&job->link);
	return job->status;
}

static void on_done(void *ctx, struct list *items)
{
	(void)ctx;
	struct list_node *node;
	while ((node = list_pop_front(items))) {
		struct store_job *job = CONTAINER_OF(node, struct store_job, link);
		job->done(job, job->status);
	}
}

struct store_stats store_stats(struct store *store)
{
	uv_mutex_lock(&store->mutex);
	struct store_stats stats = store->stats;
	stats.queued = store->queued;
	if (store->at_work_since_ms)
		stats.at_work_ms = clock_mono_ms() - store->at_work_since_ms;
	uv_mutex_unlock(&store->mutex);
	return stats;
}

/* ---- the writer thread ---- */

/* Moves up to batch_max jobs; under the mutex. */
static size_t queue_take(struct store *store, struct list *jobs)
{
	size_t n = 0;
	struct list_node *node;
	while (n < (size_t)store->conf.batch_max && (node = list_pop_front(&store->queue))) {
		list_push_back(jobs, node);
		n++;
	}
	store->queued -= n;
	return n;
}

static void writer_main(void *arg)
{
	struct store *store = arg;
	uv_mutex_lock(&store->mutex);
	for (;;) {
		struct list jobs;
		list_init(&jobs);
		size_t n = queue_take(store, &jobs);
		if (n == 0 && store->stopping)
			break;
		if (n == 0) {
			writer_wait(store);
			continue;
		}
		uv_mutex_unlock(&store->mutex);
		batch_run(store, &jobs, n);
		channel_send_all(store->done, &jobs);
		if (store->broken == 0 && db_wal_frames(store->db) >= store->checkpoint_at)
			store_checkpoint(store, DB_CHECKPOINT_PASSIVE);
		uv_mutex_lock(&store->mutex);
	}
	uv_mutex_unlock(&store->mutex);
}

/* Under the mutex: until a job comes, or there is something to do without one. */
static void writer_wait(struct store *store)
{
	int64_t wait_ms = 0; /* for ever */
	if (store->broken < 0) {
		wait_ms = store->retry_at_ms - clock_mono_ms();
		wait_ms = wait_ms > 1 ? wait_ms : 1;
	} else if (store->stats.locked || db_wal_frames(store->db) > 0) {
		wait_ms = IDLE_MS;
	}
	if (wait_ms == 0) {
		uv_cond_wait(&store->wake, &store->mutex);
		return;
	}
	if (uv_cond_timedwait(&store->wake, &store->mutex, (uint64_t)wait_ms * 1000000u) != UV_ETIMEDOUT)
		return;
	uv_mutex_unlock(&store->mutex);
	writer_idle(store);
	uv_mutex_lock(&store->mutex);
}

static void writer_idle(struct store *store)
{
	if (store->broken < 0)
		store_revive(store);
	else if (store->stats.locked) /* only this thread changes it */
		try_lock(store);
	else
		store_checkpoint(store, DB_CHECKPOINT_TRUNCATE);
}

/* ---- one batch ---- */

/* What callers are told; they can act on "no space" and "locked", the rest is an I/O failure to them. */
static int public_error(int r)
{
	switch (r) {
	case -ENOSPC:
		return -ENOSPC;
	case -EBUSY:
		return STORE_LOCKED;
	default:
		return -EIO;
	}
}

const char *store_error_text(int status)
{
	return status == STORE_LOCKED ? "the database is locked by another program" : strerror(-status);
}

static void note_begin(struct store *store)
{
	int64_t now_ms = clock_mono_ms();
	uv_mutex_lock(&store->mutex);
	store->at_work_since_ms = now_ms > 0 ? now_ms : 1;
	uv_mutex_unlock(&store->mutex);
}

/* r: 0, or why n jobs failed. */
static void note_end(struct store *store, size_t n, int r)
{
	uv_mutex_lock(&store->mutex);
	bool was_locked = store->stats.locked;
	store->at_work_since_ms = 0;
	store->stats.jobs += (int64_t)n;
	store->stats.locked = r == STORE_LOCKED;
	if (r < 0)
		store->stats.failures++;
	if (r == 0)
		store->stats.failing_since_ms = 0;
	else if (store->stats.failing_since_ms == 0)
		store->stats.failing_since_ms = clock_now_ms();
	uv_mutex_unlock(&store->mutex);
	if (r == 0 && was_locked)
		LOG(LOG_LEVEL_WARN, "store works again", lf_cstr("path", store->db_path));
}

static void batch_run(struct store *store, struct list *jobs, size_t n)
{
	note_begin(store);
	if (store->broken < 0)
		store_revive(store);
	int r = store->broken;
	if (r == 0) {
		r = batch_apply(store, jobs, n);
		if (r == 0)
			r = batch_commit(store);
		if (r < 0)
			r = public_error(r);
	}
	if (r < 0)
		batch_fail(jobs, r);
	note_end(store, n, r);
}

static int batch_begin(struct store *store)
{
	store->txn.db = store->db;
	store->txn.now_ms = clock_now_ms();
	store->txn.files_n = 0;
	counter_forget(&store->txn);
	db_take_trouble(store->db);
	return stmt_run(stmt_use(store->db, sql_begin));
}

static int batch_apply(struct store *store, struct list *jobs, size_t n)
{
	int r = batch_begin(store);
	if (r == -EBUSY) { /* somebody else's lock: not our disk's fault, nothing to reopen */
		LOG(LOG_LEVEL_ERROR, "store database locked by another process", lf_err(r));
		return r;
	}
	bool savepoints = n > 1 && !all_repeatable(jobs);
	if (r == 0)
		r = jobs_apply(store, jobs, savepoints);
	if (r == START_OVER && n > 1) {
		r = batch_begin(store);
		if (r == 0)
			r = jobs_apply(store, jobs, true);
	}
	if (r < 0)
		store_break(store, r, "store transaction failed");
	return r < 0 ? r : 0;
}

static bool all_repeatable(const struct list *jobs)
{
	LIST_FOREACH(node, jobs)
		if (!CONTAINER_OF(node, struct store_job, link)->repeatable)
			return false;
	return true;
}

/* 0; START_OVER when a job failed and everything was rolled back with it; negative errno when the whole
 * transaction is in doubt. */
static int jobs_apply(struct store *store, struct list *jobs, bool savepoints)
{
	LIST_FOREACH(node, jobs) {
		int r = job_apply(store, CONTAINER_OF(node, struct store_job, link), savepoints);
		if (r != 0)
			return r;
	}
	return 0;
}

static int job_apply(struct store *store, struct store_job *job, bool savepoint)
{
	struct db *db = store->db;
	struct store_txn *txn = &store->txn;
	size_t files_before = txn->files_n;
	int r = savepoint ? stmt_run(stmt_use(db, sql_savepoint)) : 0;
	if (r < 0)
		return r;
	txn->memory = (struct job_memory){.repeat_known = false};
	job->status = job->apply(job, txn);
	assert(job->status <= 0);
	int trouble = db_take_trouble(db);
	if (trouble < 0 || !db_in_transaction(db))
		return trouble < 0 ? trouble : -EIO;
	if (job->status < 0) {
		txn->files_n = savepoint ? files_before : 0;
		counter_forget(txn);
		r = stmt_run(stmt_use(db, savepoint ? sql_rollback_to : sql_rollback));
		if (r == 0 && !savepoint)
			return START_OVER;
	}
	if (r == 0 && savepoint)
		r = counter_flush(txn);
	if (r == 0 && savepoint)
		r = stmt_run(stmt_use(db, sql_release));
	return r;
}

static int batch_commit(struct store *store)
{
	struct store_txn *txn = &store->txn;
	int64_t started_us = clock_mono_us();
	int r = 0;
	db_reset_open(store->db);
	/* A job that was alone and failed has rolled everything back already. */
	if (db_in_transaction(store->db))
		r = counter_flush(txn);
	if (r == 0 && db_in_transaction(store->db))
		r = stmt_run(stmt_use(store->db, sql_commit));
	for (size_t i = 0; i < txn->files_n; i++)
		spooled_mail_kept(txn->files[i]); /* invariant 7 */
	if (r < 0) {
		store_break(store, r, "store commit failed");
		return r;
	}
	uv_mutex_lock(&store->mutex);
	store->stats.commits++;
	store->stats.last_commit_ms = clock_now_ms();
	store->stats.last_commit_us = clock_mono_us() - started_us;
	uv_mutex_unlock(&store->mutex);
	return 0;
}

static void batch_fail(struct list *jobs, int status)
{
	LIST_FOREACH(node, jobs)
		CONTAINER_OF(node, struct store_job, link)->status = status;
}

void store_txn_keep(struct store_txn *txn, struct spooled_mail *mail)
{
	if (txn->files_n == txn->files_allocated) {
		txn->files_allocated = txn->files_allocated ? txn->files_allocated * 2 : 16;
		txn->files = xreallocarray(txn->files, txn->files_allocated, sizeof(*txn->files));
	}
	txn->files[txn->files_n++] = mail;
}

/* ---- the log, and trouble ---- */

static void store_checkpoint(struct store *store, enum db_checkpoint kind)
{
	int r = db_checkpoint(store->db, kind);
	if (r < 0 && r != -EBUSY) {
		store_break(store, r, "store checkpoint failed");
		return;
	}
	/* Readers can hold it up: try again when it has grown by as much once more. */
	store->checkpoint_at = db_wal_frames(store->db) + CHECKPOINT_FRAMES;
}

static void set_healthy(struct store *store, bool healthy)
{
	uv_mutex_lock(&store->mutex);
	store->stats.healthy = healthy;
	if (healthy)
		store->stats.failing_since_ms = 0;
	else if (store->stats.failing_since_ms == 0)
		store->stats.failing_since_ms = clock_now_ms();
	uv_mutex_unlock(&store->mutex);
}

static void store_break(struct store *store, int error, const char *event)
{
	LOG(LOG_LEVEL_ERROR, event, lf_err(error), lf_cstr("detail", db_error_text(store->db)));
	rollback(store->db);
	store->broken = public_error(error);
	store->backoff_ms = BACKOFF_FIRST_MS;
	store->retry_at_ms = clock_mono_ms() + store->backoff_ms;
	set_healthy(store, false);
}

static int store_probe(struct store *store)
{
	static const char probe[] = "INSERT INTO meta (key, value) VALUES ('probe', ?1)"
				    " ON CONFLICT DO UPDATE SET value = excluded.value";
	struct stmt *s = stmt_use(store->db, probe);
	stmt_int(s, 1, clock_now_ms());
	return transact(store, s);
}

/* Invariant 9. */
static void try_lock(struct store *store)
{
	int r = store_probe(store);
	if (r == 0)
		note_end(store, 0, 0);
	else if (r != -EBUSY)
		store_break(store, r, "store transaction failed");
}

/* Invariant 6, then a connection that has seen no trouble, and the proof that it can commit. */
static int store_reopen(struct store *store)
{
	struct conf_error error;
	int r = store->db ? store_probe(store) : 0;
	if (r < 0)
		return r;
	store->db = db_close(store->db);
	r = db_open(&store->db, store->db_path, 0, store->conf.cache_size, &error);
	return r < 0 ? r : store_probe(store);
}

static void store_revive(struct store *store)
{
	if (clock_mono_ms() < store->retry_at_ms)
		return;
	int r = store_reopen(store);
	if (r < 0) {
		store->broken = public_error(r);
		store->backoff_ms =
			store->backoff_ms * 2 < BACKOFF_MAX_MS ? store->backoff_ms * 2 : BACKOFF_MAX_MS;
		store->retry_at_ms = clock_mono_ms() + store->backoff_ms;
		return;
	}
	store->broken = 0;
	store->checkpoint_at = CHECKPOINT_FRAMES;
	set_healthy(store, true);
	LOG(LOG_LEVEL_WARN, "store works again", lf_cstr("path", store->db_path));
}

int store_sweep(struct store *store, size_t *ret_removed)
{
	return sweep_spool(store->db_path, store->spool_dir, store->run, ret_removed);
}
