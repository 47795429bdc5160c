/*
 * A machine that fails on request: loaded with LD_PRELOAD, it makes calls of the program fail, or tells it another time,
 * as long as a shared file says so. Whoever tests maps or writes that file; FAULTS names it.
 *
 *	octets 0-3	which calls fail, a sum of enum fault
 *	octets 8-15	seconds that the wall clock is ahead (negative: behind), in the machine's order
 *	octets 16-23	how many calls have failed so
 *
 * What files are, their paths say: the spool's have "/spool/" in it, the database and its log "servelo.db". A full disk
 * takes half of what it is given, and nothing of the rest. When the database or its log can't be synced, what was written
 * to it since it last was is gone: zeros, as after a power cut, though the program may still believe in its octets (Linux
 * forgets pages that could not be written, and says so once). It must not be loaded into a sanitizer's program.
 *
 * It also keeps a record, if FAULTS_RECORD names a file: what was written where, what was synced, and what was said, one
 * line each, in the order in which it happened:
 *
 *	write FILE MARK...		octets went to the file; marks are the words "mark-..." that were in them
 *	make FOLDER FILE		a file was made in a folder
 *	sync FILE, synced FILE		a sync begins; it has ended well. "unsynced FILE": it has failed
 *	said ID				a reply that begins with 250 and names this id goes to a client
 *
 * FILE and FOLDER are what they are called, from the data folder on. A line of what comes before something is written before
 * that begins, a line of what is over after it has ended; so where one line stands before another, so did the deed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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
	NO_THREAD = 256, /* EAGAIN of pthread_create */
	DB_READ = 512,   /* EIO */
	SPOOL_READ = 1024,
	CLOSE = 2048,     /* EIO of close, of all these; the descriptor is closed all the same */
	NO_MEMORY = 4096, /* one of MEMORY_LUCK allocations gets none */
};

struct control {
	volatile uint32_t faults;
	volatile int64_t ahead_s;
	uint64_t failed;
};

#define MEMORY_LUCK 3000

static struct control quiet, *control = &quiet;
static int record_fd = -1;

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
	path = getenv("FAULTS_RECORD");
	if (path)
		record_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
}

/* POSIX: a data pointer from dlsym() converts to a function's; ISO C has no cast for it. */
#define REAL(result, name, ...)              \
	union {                              \
		void *symbol;                \
		result (*call)(__VA_ARGS__); \
	} real = {.symbol = dlsym(RTLD_NEXT, name)}

#define PATH_SIZE 1024

static const char *path_of(int fd, char path[PATH_SIZE])
{
	char link[48];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, PATH_SIZE - 1);
	path[n < 0 ? 0 : n] = '\0';
	return path;
}

static int is_about(int fd, const char *what)
{
	char path[PATH_SIZE];
	return strstr(path_of(fd, path), what) != NULL;
}

/* ---- the record */

/* What it is called from the data folder on; NULL if it is nothing of ours. */
static const char *name_of(int fd, char path[PATH_SIZE])
{
	path_of(fd, path);
	char *name = strstr(path, "/spool/");
	name = name ? name : strstr(path, "/servelo.db");
	return name ? name + 1 : NULL;
}

static void record(const char *line)
{
	int error = errno;
	if (record_fd >= 0)
		syscall(SYS_write, record_fd, line, strlen(line));
	errno = error;
}

static void record_file(const char *what, int fd)
{
	int error = errno;
	char path[PATH_SIZE], line[PATH_SIZE + 32];
	const char *name = record_fd >= 0 ? name_of(fd, path) : NULL;
	if (name) {
		snprintf(line, sizeof(line), "%s %s\n", what, name);
		record(line);
	}
	errno = error;
}

static size_t word_len(const char *word, const char *end)
{
	size_t n = 0;
	while (word + n < end &&
	       (word[n] == '-' || (word[n] >= '0' && word[n] <= '9') || (word[n] >= 'a' && word[n] <= 'z')))
		n++;
	return n;
}

static void record_write(int fd, const void *bytes, ssize_t n)
{
	int error = errno;
	static __thread char line[65536];
	char path[PATH_SIZE];
	const char *name = record_fd >= 0 && n > 0 ? name_of(fd, path) : NULL;
	if (name) {
		const char *at = bytes, *end = at + n;
		size_t len = (size_t)snprintf(line, sizeof(line), "write %s", name);
		while ((at = memmem(at, (size_t)(end - at), "mark-", 5)) && len < sizeof(line) - 128) {
			size_t word = word_len(at, end);
			word = word < 100 ? word : 100;
			len += (size_t)snprintf(line + len, sizeof(line) - len, " %.*s", (int)word, at);
			at += word;
		}
		line[len] = '\n';
		line[len + 1] = '\0';
		record(line);
	}
	errno = error;
}

/* Replies of a turn go out together: each is a line. */
static void record_said(const char *at, size_t n)
{
	const char *end = at + n;
	while (record_fd >= 0 && (at = memmem(at, (size_t)(end - at), "250 2.0.0 ", 10))) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));
		const char *id = memmem(at, (size_t)((eol ? eol : end) - at), " id=", 4);
		char line[160];
		if (id) {
			snprintf(line, sizeof(line), "said %.*s\n", (int)word_len(id + 4, end), id + 4);
			record(line);
		}
		at = eol ? eol : end;
	}
}

static int is_file(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && !S_ISSOCK(st.st_mode);
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
	uint32_t faults = control->faults;
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
	if (record_fd >= 0 && !is_file(fd))
		record_said(bytes, n);
	int error = write_error(fd);
	if (error && !takes_half(error, n))
		return fails(error);
	ssize_t r = real.call(fd, bytes, error ? n / 2 : n);
	record_write(fd, bytes, r);
	return r;
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
	int error = write_error(fd);
	if (error && !takes_half(error, n))
		return fails(error);
	ssize_t r = real.call(fd, bytes, error ? n / 2 : n, at);
	note_write(fd, at, r);
	record_write(fd, bytes, r);
	return r;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at)
{
	return pwrite(fd, bytes, n, at);
}

ssize_t writev(int fd, const struct iovec *pieces, int n)
{
	REAL(ssize_t, "writev", int, const struct iovec *, int);
	if (record_fd >= 0 && !is_file(fd))
		for (int i = 0; i < n; i++)
			record_said(pieces[i].iov_base, pieces[i].iov_len);
	int error = write_error(fd);
	if (error)
		return fails(error);
	ssize_t r = real.call(fd, pieces, n);
	for (int i = 0; r > 0 && i < n; i++)
		record_write(fd, pieces[i].iov_base, (ssize_t)pieces[i].iov_len);
	return r;
}

ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
	REAL(ssize_t, "send", int, const void *, size_t, int);
	record_said(bytes, n);
	return real.call(fd, bytes, n, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	REAL(ssize_t, "sendmsg", int, const struct msghdr *, int);
	for (size_t i = 0; i < message->msg_iovlen; i++)
		record_said(message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
	return real.call(fd, message, flags);
}

ssize_t pwritev(int fd, const struct iovec *pieces, int n, off_t at)
{
	REAL(ssize_t, "pwritev64", int, const struct iovec *, int, off_t);
	int error = write_error(fd);
	return error ? fails(error) : real.call(fd, pieces, n, at);
}

static int sync_error(int fd)
{
	uint32_t faults = control->faults;
	return ((faults & DB_SYNC) && is_about(fd, "/servelo.db")) ||
	       ((faults & SPOOL_SYNC) && is_about(fd, "/spool/"));
}

static int sync_with(int fd, int (*call)(int fd))
{
	record_file("sync", fd);
	int r = sync_error(fd) ? fails(EIO) : call(fd);
	settle_writes(fd, r < 0);
	record_file(r < 0 ? "unsynced" : "synced", fd);
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
	int fd = real.call(dir, path, flags, mode);
	if (record_fd >= 0 && fd >= 0 && (flags & O_CREAT)) {
		char folder[PATH_SIZE], line[2 * PATH_SIZE];
		const char *name = name_of(dir, folder);
		snprintf(line, sizeof(line), "make %s %s/%s\n", name ? name : "", name ? name : "", path);
		if (name)
			record(line);
	}
	return fd;
}

static int read_error(int fd)
{
	uint32_t faults = control->faults;
	return ((faults & DB_READ) && is_about(fd, "/servelo.db")) ||
	       ((faults & SPOOL_READ) && is_about(fd, "/spool/"));
}

ssize_t read(int fd, void *ret, size_t n)
{
	REAL(ssize_t, "read", int, void *, size_t);
	return read_error(fd) ? fails(EIO) : real.call(fd, ret, n);
}

ssize_t pread(int fd, void *ret, size_t n, off_t at)
{
	REAL(ssize_t, "pread64", int, void *, size_t, off_t);
	return read_error(fd) ? fails(EIO) : real.call(fd, ret, n, at);
}

ssize_t pread64(int fd, void *ret, size_t n, off_t at)
{
	return pread(fd, ret, n, at);
}

/* POSIX: after EIO nobody knows what became of the descriptor; Linux has closed it. */
int close(int fd)
{
	REAL(int, "close", int);
	int fault = (control->faults & CLOSE) && (is_about(fd, "/servelo.db") || is_about(fd, "/spool/"));
	int r = real.call(fd);
	return fault ? fails(EIO) : r;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *ctx)
{
	REAL(int, "pthread_create", pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	if (control->faults & NO_THREAD) {
		fails(EAGAIN);
		return EAGAIN;
	}
	return real.call(thread, attributes, run, ctx);
}

/* glibc's own names, since dlsym() itself allocates. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

static int no_memory(void)
{
	static atomic_uint calls;
	if (!(control->faults & NO_MEMORY) || atomic_fetch_add(&calls, 1) % MEMORY_LUCK)
		return 0;
	fails(ENOMEM);
	return 1;
}

void *malloc(size_t n)
{
	return no_memory() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return no_memory() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *ptr, size_t n)
{
	return no_memory() ? NULL : __libc_realloc(ptr, n);
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
