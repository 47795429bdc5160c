/*
 * See stmt.h.
 *
 * 1. The cache of statements is keyed by the address of the SQL text (they are all static), so a look-up is a
 *    few instructions and no text is compared. A slot is never taken away before the connection is closed.
 * 2. A statement that is not being stepped is reset: nothing keeps a read transaction open by accident.
 * 3. Each connection is used by one thread at a time, hence SQLITE_OPEN_NOMUTEX.
 * 4. SQLite codes stay in this file. Errors that leave a connection in doubt are remembered as `trouble`, even
 *    when a caller shrugs them off.
 *
 * The writer's connection has synchronous=FULL (a COMMIT returns after the log is on the disk) and never
 * checkpoints by itself: store.c says when. Readers are opened read-only and leave the log alone when they
 * close.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/alloc.h"
#include "storage/log_vfs.h"
#include "storage/stmt.h"

#define STMT_SLOTS        256 /* a power of two, well above the number of texts */
#define BUSY_TIMEOUT_MS   2000
#define WAL_SIZE_LIMIT    "67108864" /* what a log that has grown is cut to when it starts anew */
#define PAGE_SIZE_DEFAULT "4096"

struct stmt {
	struct db *db;
	const char *sql;
	sqlite3_stmt *handle;
	int error; /* a negative errno that the next step returns */
};

struct db {
	sqlite3 *handle;
	int trouble;
	int64_t wal_frames;
	size_t used;
	struct stmt slots[STMT_SLOTS];
};

static void sqlite_setup(void);
static int db_errno(struct db *db, int rc);
static int db_configure(struct db *db, unsigned flags, int64_t cache_size);
static int on_wal_commit(void *ctx, sqlite3 *handle, const char *name, int frames);

/* ---- connection ---- */

/* Process-wide, before the first connection: no counting of allocations (it costs a lock each). */
static void sqlite_setup(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
	sqlite3_initialize();
	log_vfs_register();
}

static void set_error(struct conf_error *reterr, const char *path, const char *what)
{
	if (reterr)
		snprintf(reterr->text, sizeof(reterr->text), "%s: %s", path, what);
}

int db_open(struct db **ret, const char *path, unsigned flags, int64_t cache_size, struct conf_error *reterr)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, sqlite_setup);

	int sqlite_flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE;
	if (flags & DB_READ_ONLY) {
		sqlite_flags |= SQLITE_OPEN_READONLY;
	} else {
		sqlite_flags |= SQLITE_OPEN_READWRITE;
		/* Made by us, so that its mode (which the log inherits) is ours too. */
		int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd >= 0) {
			close(fd);
		} else if (errno != EEXIST) {
			int r = -errno;
			set_error(reterr, path, strerror(-r));
			return r;
		}
	}
	struct db *db = XNEW(struct db);
	const char *vfs = flags & DB_READ_ONLY ? NULL : LOG_VFS_NAME;
	int rc = sqlite3_open_v2(path, &db->handle, sqlite_flags, vfs);
	int r = rc == SQLITE_OK ? db_configure(db, flags, cache_size) : db_errno(db, rc);
	if (r < 0) {
		set_error(reterr, path, db_error_text(db));
		db_close(db);
		return r;
	}
	db->trouble = 0;
	*ret = db;
	return 0;
}

static int db_configure(struct db *db, unsigned flags, int64_t cache_size)
{
	static const struct {
		int option, value;
	} options[] = {
		{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
		{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
		{SQLITE_DBCONFIG_DEFENSIVE, 1},
		{SQLITE_DBCONFIG_DQS_DDL, 0},
		{SQLITE_DBCONFIG_DQS_DML, 0},
		/* Declared for readers of the schema and for checks; looking each parent up costs more than the
		 * insert, and ids come from the same transaction. */
		{SQLITE_DBCONFIG_ENABLE_FKEY, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		sqlite3_db_config(db->handle, options[i].option, options[i].value, NULL);
	sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);

	char text[64];
	snprintf(text, sizeof(text), "PRAGMA cache_size=-%lld",
		 (long long)(cache_size / 1024 > 64 ? cache_size / 1024 : 64));
	int r = db_exec(db, text);
	if (r == 0)
		r = db_exec(db, "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA secure_delete=OFF;");
	if (r < 0)
		return r;
	if (flags & DB_READ_ONLY) {
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		/* The first read: says now, and clearly, when the file is none of ours or can't be read. */
		r = db_exec(db, "PRAGMA query_only=ON; PRAGMA wal_autocheckpoint=0;"
				"SELECT count(*) FROM sqlite_schema");
		return r;
	}
	/* The first two count only before the first table is made. */
	r = db_exec(db, "PRAGMA page_size=" PAGE_SIZE_DEFAULT "; PRAGMA auto_vacuum=INCREMENTAL;"
			"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
			"PRAGMA journal_size_limit=" WAL_SIZE_LIMIT ";");
	if (r < 0)
		return r;
	sqlite3_wal_hook(db->handle, on_wal_commit, db);
	return 0;
}

static int on_wal_commit(void *ctx, sqlite3 *handle, const char *name, int frames)
{
	(void)handle;
	(void)name;
	((struct db *)ctx)->wal_frames = frames;
	return SQLITE_OK;
}

struct db *db_close(struct db *db)
{
	if (!db)
		return NULL;
	for (size_t i = 0; i < STMT_SLOTS; i++)
		sqlite3_finalize(db->slots[i].handle);
	int rc UNUSED = sqlite3_close(db->handle);
	assert(rc == SQLITE_OK); /* SQLITE_BUSY would mean a statement outside the cache */
	free(db);
	return NULL;
}

int db_exec(struct db *db, const char *sql)
{
	int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : db_errno(db, rc);
}

int db_query_int(struct db *db, const char *sql, int64_t *ret)
{
	struct stmt *s = stmt_use(db, sql);
	int r = stmt_step(s);
	if (r > 0) {
		*ret = stmt_col_int(s, 0);
		r = 0;
	} else if (r == 0) {
		r = -ENOENT;
	}
	stmt_reset(s);
	return r;
}

int64_t db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

int64_t db_changes(struct db *db)
{
	return sqlite3_changes64(db->handle);
}

bool db_in_transaction(struct db *db)
{
	return sqlite3_get_autocommit(db->handle) == 0;
}

int db_take_trouble(struct db *db)
{
	int trouble = db->trouble;
	db->trouble = 0;
	return trouble;
}

const char *db_error_text(struct db *db)
{
	return db->handle ? sqlite3_errmsg(db->handle) : "out of memory";
}

int64_t db_wal_frames(const struct db *db)
{
	return db->wal_frames;
}

int db_checkpoint(struct db *db, enum db_checkpoint kind)
{
	int in_log = 0, done = 0;
	if (kind == DB_CHECKPOINT_TRUNCATE)
		sqlite3_busy_timeout(db->handle, 0); /* a reader that takes long is not waited for */
	int rc = sqlite3_wal_checkpoint_v2(db->handle, NULL,
					   kind == DB_CHECKPOINT_TRUNCATE ? SQLITE_CHECKPOINT_TRUNCATE
									  : SQLITE_CHECKPOINT_PASSIVE,
					   &in_log, &done);
	if (kind == DB_CHECKPOINT_TRUNCATE)
		sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	if (rc != SQLITE_OK)
		return db_errno(db, rc);
	db->wal_frames = in_log == done ? 0 : in_log;
	return 0;
}

/* ---- result codes ---- */

/* EDQUOT comes as a plain write error; for the one who wrote to us it is the same as a full disk. */
static int io_errno(struct db *db, int rc)
{
	if (rc == SQLITE_IOERR_NOMEM)
		return -ENOMEM;
	int system_error = db->handle ? sqlite3_system_errno(db->handle) : 0;
	if (rc == SQLITE_IOERR_WRITE && (system_error == EDQUOT || system_error == ENOSPC))
		return -ENOSPC;
	return -EIO;
}

static int cantopen_errno(struct db *db)
{
	int system_error = db->handle ? sqlite3_system_errno(db->handle) : 0;
	return system_error > 0 ? -system_error : -EIO;
}

static int code_errno(struct db *db, int rc)
{
	static const struct {
		int code, error;
	} table[] = {
		{SQLITE_FULL, -ENOSPC},    {SQLITE_NOMEM, -ENOMEM},    {SQLITE_BUSY, -EBUSY},
		{SQLITE_LOCKED, -EBUSY},   {SQLITE_READONLY, -EROFS},  {SQLITE_PERM, -EACCES},
		{SQLITE_AUTH, -EACCES},    {SQLITE_CORRUPT, -EBADMSG}, {SQLITE_NOTADB, -EBADMSG},
		{SQLITE_FORMAT, -EBADMSG}, {SQLITE_TOOBIG, -EMSGSIZE}, {SQLITE_INTERRUPT, -EINTR},
		{SQLITE_SCHEMA, -EBADMSG}, {SQLITE_MISMATCH, -EINVAL}, {SQLITE_RANGE, -EINVAL},
		{SQLITE_MISUSE, -EINVAL},  {SQLITE_PROTOCOL, -EBUSY},  {SQLITE_CONSTRAINT, -EINVAL},
		{SQLITE_NOLFS, -EMSGSIZE},
	};
	if (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
	    rc == SQLITE_CONSTRAINT_ROWID)
		return -EEXIST;
	if ((rc & 0xff) == SQLITE_IOERR)
		return io_errno(db, rc);
	if ((rc & 0xff) == SQLITE_CANTOPEN)
		return cantopen_errno(db);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if ((rc & 0xff) == table[i].code)
			return table[i].error;
	return -EIO;
}

static int db_errno(struct db *db, int rc)
{
	int r = code_errno(db, rc);
	switch (rc & 0xff) {
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_NOMEM:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
		if (db->trouble == 0)
			db->trouble = r;
		break;
	default:
		break;
	}
	return r;
}

/* ---- statements ---- */

static struct stmt *stmt_slot(struct db *db, const char *sql)
{
	size_t i = (size_t)(((uint64_t)(uintptr_t)sql * 0x9e3779b97f4a7c15u) >> 32) & (STMT_SLOTS - 1);
	while (db->slots[i].sql && db->slots[i].sql != sql)
		i = (i + 1) & (STMT_SLOTS - 1);
	return &db->slots[i];
}

struct stmt *stmt_use(struct db *db, const char *sql)
{
	struct stmt *stmt = stmt_slot(db, sql);
	if (!stmt->sql) {
		assert(db->used < STMT_SLOTS - 1);
		db->used++;
		stmt->sql = sql;
		stmt->db = db;
	}
	stmt->error = 0;
	if (!stmt->handle) {
		int rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt->handle,
					    NULL);
		if (rc != SQLITE_OK)
			stmt->error = db_errno(db, rc);
		return stmt;
	}
	sqlite3_reset(stmt->handle);
	sqlite3_clear_bindings(stmt->handle);
	return stmt;
}

static void bound(struct stmt *stmt, int rc)
{
	if (rc != SQLITE_OK && stmt->error == 0)
		stmt->error = db_errno(stmt->db, rc);
}

void stmt_int(struct stmt *stmt, int at, int64_t value)
{
	if (stmt->handle)
		bound(stmt, sqlite3_bind_int64(stmt->handle, at, value));
}

void stmt_text(struct stmt *stmt, int at, struct str value)
{
	if (stmt->handle)
		bound(stmt, sqlite3_bind_text64(stmt->handle, at, value.ptr ? value.ptr : "", value.len,
						SQLITE_STATIC, SQLITE_UTF8));
}

void stmt_text_or_null(struct stmt *stmt, int at, struct str value)
{
	if (value.ptr)
		stmt_text(stmt, at, value);
	else
		stmt_null(stmt, at);
}

void stmt_blob(struct stmt *stmt, int at, const void *bytes, size_t len)
{
	if (stmt->handle)
		bound(stmt, sqlite3_bind_blob64(stmt->handle, at, bytes ? bytes : "", len, SQLITE_STATIC));
}

void stmt_null(struct stmt *stmt, int at)
{
	if (stmt->handle)
		bound(stmt, sqlite3_bind_null(stmt->handle, at));
}

int stmt_step(struct stmt *stmt)
{
	if (stmt->error < 0)
		return stmt->error;
	int rc = sqlite3_step(stmt->handle);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	stmt->error = db_errno(stmt->db, rc);
	return stmt->error;
}

int stmt_run(struct stmt *stmt)
{
	int r = stmt_step(stmt);
	while (r > 0)
		r = stmt_step(stmt);
	stmt_reset(stmt);
	return r;
}

void stmt_reset(struct stmt *stmt)
{
	if (stmt->handle)
		sqlite3_reset(stmt->handle);
}

int64_t stmt_col_int(struct stmt *stmt, int column)
{
	return sqlite3_column_int64(stmt->handle, column);
}

struct str stmt_col_text(struct stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt->handle, column);
	if (!text)
		return (struct str){NULL, 0};
	return (struct str){text, (size_t)sqlite3_column_bytes(stmt->handle, column)};
}

struct str stmt_col_blob(struct stmt *stmt, int column)
{
	const char *bytes = sqlite3_column_blob(stmt->handle, column);
	return (struct str){bytes ? bytes : "", (size_t)sqlite3_column_bytes(stmt->handle, column)};
}

void db_reset_open(struct db *db)
{
	for (size_t i = 0; i < STMT_SLOTS; i++) {
		sqlite3_stmt *handle = db->slots[i].handle;
		if (handle && sqlite3_stmt_busy(handle))
			sqlite3_reset(handle);
	}
}
