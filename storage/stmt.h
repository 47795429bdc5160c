/*
 * A connection and its prepared statements: the one door to SQLite, inside storage/ only.
 *
 *	struct stmt *s = stmt_use(db, SQL_FIND);	SQL_FIND: a static text; prepared once per connection
 *	stmt_int(s, 1, tenant.v);
 *	stmt_text(s, 2, slug);
 *	int r = stmt_step(s);				1: a row, 0: no (more) rows, negative errno
 *	... stmt_col_text(s, 0) ... valid until the next step, reset or use
 *	stmt_reset(s);
 *
 * stmt_use() and the binds never fail by themselves: what went wrong is kept in the statement and comes out
 * of the next step or run. Texts and blobs are bound by reference, so they must live until the statement was
 * run or reset. SQLite's result codes become negative errno in db_errno() and nowhere else. One thread at a
 * time per connection.
 */
#ifndef SERVELO_STORAGE_STMT_H
#define SERVELO_STORAGE_STMT_H

#include "base/base.h"
#include "base/conf.h"

struct db;
struct stmt;

enum db_flags {
	DB_READ_ONLY = 1, /* never writes, never checkpoints; the file must exist */
};
/* reterr (may be NULL) says what is wrong and what to do. */
int db_open(struct db **ret, const char *path, unsigned flags, int64_t cache_size, struct conf_error *reterr);
/* The writer's last close checkpoints and removes the write-ahead log. NULL is fine; returns NULL. */
struct db *db_close(struct db *db);
/* Statements without results and without parameters, one or more; for schema and pragmas. */
int db_exec(struct db *db, const char *sql);
/* The first column of the first row; -ENOENT without a row. */
int db_query_int(struct db *db, const char *sql, int64_t *ret);
int64_t db_last_id(struct db *db);
int64_t db_changes(struct db *db);
/* True while a transaction is open. SQLite ends one by itself after some errors (disk full, I/O error). */
bool db_in_transaction(struct db *db);
/* The first error since the last call of a kind that makes everything around it doubtful (I/O, disk full, out
 * of memory, damaged file), or 0; forgets it. */
int db_take_trouble(struct db *db);
/* What SQLite says about the last failure; for messages to people. */
const char *db_error_text(struct db *db);

/* Frames in the write-ahead log after the last commit of this connection. */
int64_t db_wal_frames(const struct db *db);
enum db_checkpoint {
	DB_CHECKPOINT_PASSIVE, /* as far as nobody is disturbed */
	DB_CHECKPOINT_TRUNCATE, /* all of it, and the log's file becomes empty; -EBUSY while readers are there */
};
int db_checkpoint(struct db *db, enum db_checkpoint kind);

struct stmt *stmt_use(struct db *db, const char *sql) __attribute__((returns_nonnull));
void stmt_int(struct stmt *stmt, int at, int64_t value);
/* A view without a pointer is the empty text. */
void stmt_text(struct stmt *stmt, int at, struct str value);
/* A view without a pointer is NULL. */
void stmt_text_or_null(struct stmt *stmt, int at, struct str value);
void stmt_blob(struct stmt *stmt, int at, const void *bytes, size_t len);
void stmt_null(struct stmt *stmt, int at);
int stmt_step(struct stmt *stmt) MUST_CHECK;
/* Steps to the end and resets. */
int stmt_run(struct stmt *stmt) MUST_CHECK;
void stmt_reset(struct stmt *stmt);
/* Resets every statement that a row was read from and that was left open for its views: an open one keeps the
 * transaction's snapshot after COMMIT, and with it the log from being emptied. */
void db_reset_open(struct db *db);
int64_t stmt_col_int(struct stmt *stmt, int column);
struct str stmt_col_text(struct stmt *stmt, int column); /* NULL: a view without a pointer */
struct str stmt_col_blob(struct stmt *stmt, int column);

#endif
