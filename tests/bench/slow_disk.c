/*
 * A disk that takes its time: loaded with LD_PRELOAD, every fsync and fdatasync of the program takes
 * SLOW_DISK_US microseconds longer. The real call is made first, so nothing is less durable. Threads wait each
 * for themselves, as they do for a device with a deep queue.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void take_time(void)
{
	static long us = -1;
	if (us < 0) {
		const char *text = getenv("SLOW_DISK_US");
		us = text ? atol(text) : 0;
	}
	struct timespec left = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		continue;
}

static int slow(const char *name, int fd)
{
	/* POSIX: a data pointer from dlsym() converts to a function's; ISO C has no cast for it. */
	union {
		void *symbol;
		int (*call)(int fd);
	} real = {.symbol = dlsym(RTLD_NEXT, name)};
	int r = real.call(fd), error = errno;
	take_time();
	errno = error;
	return r;
}

int fsync(int fd)
{
	return slow("fsync", fd);
}

int fdatasync(int fd)
{
	return slow("fdatasync", fd);
}
