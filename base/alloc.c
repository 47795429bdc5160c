/*
 * Allocation that succeeds or ends the process.
 *
 * What ends here is a process whose machine has no memory left for a few octets. Trying to go on would need
 * an error path in every small function, never tested; ending is safe because 250 is only said after COMMIT.
 * The message is written without allocating anything. A size of 0 gives one octet, so that the result is
 * never NULL. Any thread.
 */
#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static void out_of_memory(void) __attribute__((noreturn));

static void out_of_memory(void)
{
	static const char text[] = "servelo: out of memory\n";
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) {
		/* there is nobody left to tell */
	}
	_exit(EX_OSERR);
}

void *xmalloc(size_t size)
{
	void *ptr = malloc(size ? size : 1);
	if (!ptr)
		out_of_memory();
	return ptr;
}

void *xcalloc(size_t n, size_t size)
{
	void *ptr = n && size ? calloc(n, size) : calloc(1, 1);
	if (!ptr)
		out_of_memory();
	return ptr;
}

void *xrealloc(void *ptr, size_t size)
{
	void *moved = realloc(ptr, size ? size : 1);
	if (!moved)
		out_of_memory();
	return moved;
}

void *xreallocarray(void *ptr, size_t n, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(n, size, &total))
		out_of_memory();
	return xrealloc(ptr, total);
}

char *xstrdup(const char *s)
{
	return xstrndup(str_from(s));
}

char *xstrndup(struct str s)
{
	char *copy = xmalloc(s.len + 1);
	if (s.len)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *text;
	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory();
	return text;
}
