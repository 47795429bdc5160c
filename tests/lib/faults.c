/*
 * A machine that fails on request: loaded with LD_PRELOAD, it makes calls of the program fail, or tells it another time,
 * as long as a shared file says so. Whoever tests maps or writes that file; FAULTS names it.
 *
 *	octet 0		which calls fail, a sum of enum fault
 *	octets 8-15	seconds that the wall clock is ahead (negative: behind), in the machine's order
 *	octets 16-23	how many calls have failed so
 *
 * What files are, their paths say: the spool's have "/spool/" in it, the database and its log "servelo.db". A full disk
 * takes half of what it is given, and nothing of the rest. When the database or its log can't be synced, what was written
 * to it since it last was is gone: zeros, as after a power cut, though the program may still believe in its octets (Linux
 * forgets pages that could not be written, and says so once). It must not be loaded into a sanitizer's program.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum fault {
	DB_FULL = 1,    /* ENOSPC when the database or its log is written */
	SPOOL_FULL = 2, /* ENOSPC when a spool file is written */
	DB_WRITE = 4,   /* EIO */
	DB_SYNC = 8,    /* EIO of fsync and fdatasync */
	SPOOL_WRITE = 16,
	SPOOL_SYNC = 32, /* files and folder */
	NO_PROCESS = 64, /* EAGAIN of posix_spawn */
	READ_ONLY = 128, /* EROFS when anything of these is written, or made */
};

struct control {
	volatile uint8_t faults;
	volatile int64_t ahead_s;
	uint64_t failed;
};

static struct control quiet, *control = &quiet;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FAULTS");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	void *map = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		control = map;
	close(fd);
}

/* POSIX: a data pointer from dlsym() converts to a function's; ISO C has no cast for it. */
#define REAL(result, name, ...)              \
	union {                              \
		void *symbol;                \
		result (*call)(__VA_ARGS__); \
	} real = {.symbol = dlsym(RTLD_NEXT, name)}

static int is_about(int fd, const char *what)
{
	char link[48], path[1024];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return 0;
	path[n] = '\0';
	return strstr(path, what) != NULL;
}

static int fails(int error)
{
	__atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
	errno = error;
	return -1;
}

/* 0, or the error of a write to fd. */
static int write_error(int fd)
{
	int faults = control->faults;
	if ((faults & (DB_FULL | DB_WRITE | READ_ONLY)) && is_about(fd, "/servelo.db"))
		return faults & DB_FULL ? ENOSPC : faults & DB_WRITE ? EIO : EROFS;
	if ((faults & (SPOOL_FULL | SPOOL_WRITE | READ_ONLY)) && is_about(fd, "/spool/"))
		return faults & SPOOL_FULL ? ENOSPC : faults & SPOOL_WRITE ? EIO : EROFS;
	return 0;
}

/* Every second write finds room for half. */
static int takes_half(int error, size_t n)
{
	static unsigned calls;
	return error == ENOSPC && n > 1 && __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) % 2;
}

/* ---- what was written to the database and its log, and not yet synced */

#define WRITES_MAX 65536

static struct written {
	ino_t file;
	off_t at;
	size_t n;
} writes[WRITES_MAX];
static size_t writes_n;
static pthread_mutex_t writes_mutex = PTHREAD_MUTEX_INITIALIZER;

static ino_t file_of(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static void note_write(int fd, off_t at, ssize_t n)
{
	int error = errno;
	if (n > 0 && is_about(fd, "/servelo.db")) {
		pthread_mutex_lock(&writes_mutex);
		if (writes_n < WRITES_MAX)
			writes[writes_n++] = (struct written){file_of(fd), at, (size_t)n};
		pthread_mutex_unlock(&writes_mutex);
	}
	errno = error;
}

static void lose(int fd, const struct written *write)
{
	static const char zeros[65536];
	REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
	for (size_t done = 0; done < write->n;) {
		size_t n = write->n - done < sizeof(zeros) ? write->n - done : sizeof(zeros);
		if (real.call(fd, zeros, n, write->at + (off_t)done) < 0)
			return;
		done += n;
	}
}

/* They are on the disk, or lost for good. */
static void settle_writes(int fd, int lost)
{
	int error = errno;
	ino_t file = file_of(fd);
	size_t kept = 0;
	pthread_mutex_lock(&writes_mutex);
	for (size_t i = 0; i < writes_n; i++) {
		if (writes[i].file != file)
			writes[kept++] = writes[i];
		else if (lost)
			lose(fd, &writes[i]);
	}
	writes_n = kept;
	pthread_mutex_unlock(&writes_mutex);
	errno = error;
}

/* ---- the calls */

ssize_t write(int fd, const void *bytes, size_t n)
{
	REAL(ssize_t, "write", int, const void *, size_t);
	int error = write_error(fd);
	if (error && !takes_half(error, n))
		return fails(error);
	return real.call(fd, bytes, error ? n / 2 : n);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
	int error = write_error(fd);
	if (error && !takes_half(error, n))
		return fails(error);
	ssize_t r = real.call(fd, bytes, error ? n / 2 : n, at);
	note_write(fd, at, r);
	return r;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at)
{
	return pwrite(fd, bytes, n, at);
}

ssize_t writev(int fd, const struct iovec *pieces, int n)
{
	REAL(ssize_t, "writev", int, const struct iovec *, int);
	int error = write_error(fd);
	return error ? fails(error) : real.call(fd, pieces, n);
}

ssize_t pwritev(int fd, const struct iovec *pieces, int n, off_t at)
{
	REAL(ssize_t, "pwritev64", int, const struct iovec *, int, off_t);
	int error = write_error(fd);
	return error ? fails(error) : real.call(fd, pieces, n, at);
}

static int sync_error(int fd)
{
	int faults = control->faults;
	return ((faults & DB_SYNC) && is_about(fd, "/servelo.db")) ||
	       ((faults & SPOOL_SYNC) && is_about(fd, "/spool/"));
}

static int sync_with(int fd, int (*call)(int fd))
{
	int r = sync_error(fd) ? fails(EIO) : call(fd);
	settle_writes(fd, r < 0);
	return r;
}

int fsync(int fd)
{
	REAL(int, "fsync", int);
	return sync_with(fd, real.call);
}

int fdatasync(int fd)
{
	REAL(int, "fdatasync", int);
	return sync_with(fd, real.call);
}

int openat(int dir, const char *path, int flags, ...)
{
	REAL(int, "openat64", int, const char *, int, ...);
	__builtin_va_list args;
	__builtin_va_start(args, flags);
	unsigned mode = flags & O_CREAT ? __builtin_va_arg(args, unsigned) : 0;
	__builtin_va_end(args);
	if ((control->faults & READ_ONLY) && (flags & O_CREAT) && is_about(dir, "/spool/"))
		return fails(EROFS);
	return real.call(dir, path, flags, mode);
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		const posix_spawnattr_t *attributes, char *const argv[], char *const environment[])
{
	REAL(int, "posix_spawn", pid_t *, const char *, const posix_spawn_file_actions_t *,
	     const posix_spawnattr_t *, char *const[], char *const[]);
	if (control->faults & NO_PROCESS) {
		fails(EAGAIN);
		return EAGAIN;
	}
	return real.call(pid, path, actions, attributes, argv, environment);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	REAL(int, "clock_gettime", clockid_t, struct timespec *);
	int r = real.call(clock, ret);
	if (r == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		ret->tv_sec += control->ahead_s;
	return r;
}
