/*
 * A disk that fails when told: a SQLite VFS around the real one, made the default, that counts writes and
 * syncs of the database and of its log and lets the n-th fail. It also knows whether anything that was
 * written to the log has not been synced yet.
 */
#ifndef SERVELO_TESTS_STORAGE_FAULTY_VFS_H
#define SERVELO_TESTS_STORAGE_FAULTY_VFS_H

#include <sqlite3.h>

enum fault_file { FAULT_LOG, FAULT_DB };
enum fault_op { FAULT_WRITE, FAULT_SYNC };

static struct {
	/* the fault */
	bool armed;
	enum fault_file file;
	enum fault_op op;
	int skip;  /* operations of that kind that still succeed */
	int times; /* then so many fail; -1: all */
	int code;
	/* what happened */
	int failed;
	bool log_dirty; /* the log was written since its last sync */
	int log_syncs;
} disk;

struct faulty_file {
	sqlite3_file base;
	bool log;
	sqlite3_file *real; /* right behind this struct */
};

static sqlite3_vfs *real_vfs, faulty_vfs;
static sqlite3_io_methods faulty_methods;

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct faulty_file *)(void *)file)->real;
}

/* SQLITE_OK, or the code to fail with. */
static int faulty(struct faulty_file *file, enum fault_op op)
{
	if (!disk.armed || (disk.file == FAULT_LOG) != file->log || disk.op != op)
		return SQLITE_OK;
	if (disk.skip > 0) {
		disk.skip--;
		return SQLITE_OK;
	}
	if (disk.times == 0)
		return SQLITE_OK;
	if (disk.times > 0)
		disk.times--;
	disk.failed++;
	return disk.code;
}

static int f_close(sqlite3_file *file)
{
	return real_of(file)->pMethods->xClose(real_of(file));
}
static int f_read(sqlite3_file *file, void *buf, int n, sqlite3_int64 at)
{
	return real_of(file)->pMethods->xRead(real_of(file), buf, n, at);
}
static int f_write(sqlite3_file *file, const void *buf, int n, sqlite3_int64 at)
{
	struct faulty_file *f = (struct faulty_file *)(void *)file;
	int rc = faulty(f, FAULT_WRITE);
	if (f->log)
		disk.log_dirty = true;
	if (rc != SQLITE_OK && n > 1) { /* a failing disk may well have written a part */
		f->real->pMethods->xWrite(f->real, buf, n / 2, at);
		return rc;
	}
	return rc != SQLITE_OK ? rc : f->real->pMethods->xWrite(f->real, buf, n, at);
}
static int f_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return real_of(file)->pMethods->xTruncate(real_of(file), size);
}
static int f_sync(sqlite3_file *file, int flags)
{
	struct faulty_file *f = (struct faulty_file *)(void *)file;
	int rc = faulty(f, FAULT_SYNC);
	if (rc != SQLITE_OK)
		return rc;
	if (f->log) {
		disk.log_dirty = false;
		disk.log_syncs++;
	}
	return f->real->pMethods->xSync(f->real, flags);
}
static int f_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), ret);
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
static int f_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, ret);
}
static int f_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}
static void f_shm_barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}
static int f_shm_unmap(sqlite3_file *file, int remove_it)
{
	return real_of(file)->pMethods->xShmUnmap(real_of(file), remove_it);
}

static int f_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	(void)vfs;
	struct faulty_file *f = (struct faulty_file *)(void *)file;
	f->log = (flags & SQLITE_OPEN_WAL) != 0;
	f->real = (sqlite3_file *)(void *)(f + 1);
	int rc = real_vfs->xOpen(real_vfs, name, f->real, flags, ret_flags);
	f->base.pMethods = f->real->pMethods ? &faulty_methods : NULL;
	return rc;
}

/* Once per process, before the first connection. */
static void faulty_vfs_install(void)
{
	real_vfs = sqlite3_vfs_find(NULL);
	faulty_vfs = *real_vfs;
	faulty_vfs.zName = "faulty";
	faulty_vfs.szOsFile = (int)sizeof(struct faulty_file) + real_vfs->szOsFile;
	faulty_vfs.xOpen = f_open;
	faulty_methods = (sqlite3_io_methods){
		.iVersion = 2,
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
		.xShmMap = f_shm_map,
		.xShmLock = f_shm_lock,
		.xShmBarrier = f_shm_barrier,
		.xShmUnmap = f_shm_unmap,
	};
	sqlite3_vfs_register(&faulty_vfs, 1);
}

static void disk_fails(enum fault_file file, enum fault_op op, int skip, int times, int code)
{
	disk.armed = true;
	disk.file = file;
	disk.op = op;
	disk.skip = skip;
	disk.times = times;
	disk.code = code;
	disk.failed = 0;
}

static void disk_works(void)
{
	disk.armed = false;
}

#endif
