/*
 * Allocation that succeeds or ends the process (exit code 71, EX_OSERR, after one line on standard error).
 * For small objects of our own only: whatever a client can make grow comes from an arena, a strbuf or a
 * spool, which have a limit from birth and say no. Any thread.
 */
#ifndef SERVELO_BASE_ALLOC_H
#define SERVELO_BASE_ALLOC_H

#include "base/base.h"

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *ptr, size_t size) __attribute__((returns_nonnull));
/* n * size with an overflow check. */
void *xreallocarray(void *ptr, size_t n, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
/* A NUL-terminated copy of a view. */
char *xstrndup(struct str s) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);

#define XNEW(type) ((type *)xcalloc(1, sizeof(type)))

#endif
