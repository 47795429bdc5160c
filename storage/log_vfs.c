/*
 * See log_vfs.h. SQLite writes each page of a transaction to the log in two calls, 24 octets and a page, one
 * behind the other. Here they gather in a buffer and leave in one pwrite(2) per BUFFER_SIZE: the kernel looks
 * each page up once, not three times.
 *
 * Why that is safe:
 * 1. Nobody reads what is gathered before it is in the file: other connections read only frames below the
 *    last commit that the shared index names, and SQLite names a commit there after it synced the log
 *    (synchronous=FULL); our own connection reads through f_read, which writes first.
 * 2. A sync, a read, a truncation, a question for the size: each writes what is gathered first.
 * 3. An error is given to the call that met it. What was gathered is dropped then: it belongs to a transaction
 *    that is not committed, because every committed one ended with a sync.
 *
 * The rest of the methods are those of the real file.
 */
#include <stdlib.h>

#include <sqlite3.h>

#include "base/alloc.h"
#include "base/base.h"
#include "storage/log_vfs.h"

#define BUFFER_SIZE 0x1ffff /* the real file takes no more at once: the length of a write has 17 bits there */

struct log_file {
	sqlite3_file base;
	sqlite3_file *real; /* right behind this struct */
	char *buffer;       /* NULL until the first write */
	size_t len;
	sqlite3_int64 at; /* where buffer belongs in the file */
};

static sqlite3_vfs *real_vfs;

static struct log_file *log_of(sqlite3_file *file)
{
	return (struct log_file *)(void *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
	return log_of(file)->real;
}

/* Writes what is gathered. */
static int log_flush_buffer(struct log_file *log)
{
	size_t len = log->len;
	log->len = 0;
	if (len == 0)
		return SQLITE_OK;
	return log->real->pMethods->xWrite(log->real, log->buffer, (int)len, log->at);
}

static int f_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
	struct log_file *log = log_of(file);
	bool follows = log->len > 0 && at == log->at + (sqlite3_int64)log->len;
	if (!follows || log->len + (size_t)n > BUFFER_SIZE) {
		int rc = log_flush_buffer(log);
		if (rc != SQLITE_OK)
			return rc;
	}
	if (n > BUFFER_SIZE)
		return log->real->pMethods->xWrite(log->real, bytes, n, at);
	if (!log->buffer)
		log->buffer = xmalloc(BUFFER_SIZE);
	if (log->len == 0)
		log->at = at;
	memcpy(log->buffer + log->len, bytes, (size_t)n);
	log->len += (size_t)n;
	return SQLITE_OK;
}

static int f_read(sqlite3_file *file, void *bytes, int n, sqlite3_int64 at)
{
	int rc = log_flush_buffer(log_of(file));
	return rc != SQLITE_OK ? rc : real_of(file)->pMethods->xRead(real_of(file), bytes, n, at);
}

static int f_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	int rc = log_flush_buffer(log_of(file));
	return rc != SQLITE_OK ? rc : real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int f_sync(sqlite3_file *file, int flags)
{
	int rc = log_flush_buffer(log_of(file));
	return rc != SQLITE_OK ? rc : real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int f_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	int rc = log_flush_buffer(log_of(file));
	return rc != SQLITE_OK ? rc : real_of(file)->pMethods->xFileSize(real_of(file), ret);
}

static int f_close(sqlite3_file *file)
{
	struct log_file *log = log_of(file);
	int flushed = log_flush_buffer(log), closed = log->real->pMethods->xClose(log->real);
	free(log->buffer);
	return flushed != SQLITE_OK ? flushed : closed;
}

static int f_lock(sqlite3_file *file, int kind)
{
	return real_of(file)->pMethods->xLock(real_of(file), kind);
}

static int f_unlock(sqlite3_file *file, int kind)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), kind);
}

static int f_reserved(sqlite3_file *file, int *ret)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret);
}

static int f_control(sqlite3_file *file, int op, void *arg)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int f_sector(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int f_character(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

/* Version 1: no shared memory and no mapping, which only the database file has. */
static const sqlite3_io_methods log_methods = {
	.iVersion = 1,
	.xClose = f_close,
	.xRead = f_read,
	.xWrite = f_write,
	.xTruncate = f_truncate,
	.xSync = f_sync,
	.xFileSize = f_size,
	.xLock = f_lock,
	.xUnlock = f_unlock,
	.xCheckReservedLock = f_reserved,
	.xFileControl = f_control,
	.xSectorSize = f_sector,
	.xDeviceCharacteristics = f_character,
};

static int log_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	(void)vfs;
	if (!(flags & SQLITE_OPEN_WAL))
		return real_vfs->xOpen(real_vfs, name, file, flags, ret_flags);
	struct log_file *log = log_of(file);
	memset(log, 0, sizeof(*log));
	log->real = (sqlite3_file *)(void *)(log + 1);
	int rc = real_vfs->xOpen(real_vfs, name, log->real, flags, ret_flags);
	if (rc == SQLITE_OK)
		log->base.pMethods = &log_methods;
	else if (log->real->pMethods)
		log->real->pMethods->xClose(log->real);
	return rc;
}

void log_vfs_register(void)
{
	static sqlite3_vfs log_vfs;
	real_vfs = sqlite3_vfs_find(NULL);
	log_vfs = *real_vfs; /* files are deleted, paths made full and so on as the real one does it */
	log_vfs.zName = LOG_VFS_NAME;
	log_vfs.pNext = NULL;
	log_vfs.szOsFile = (int)sizeof(struct log_file) + real_vfs->szOsFile;
	log_vfs.xOpen = log_open;
	sqlite3_vfs_register(&log_vfs, 0);
}
