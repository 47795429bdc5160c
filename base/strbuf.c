/*
 * A growable string with a maximum.
 *
 * Always true:
 *  1. len <= len_max, and allocated > len once anything was allocated (room for the NUL).
 *  2. When overflow is set nothing is added any more: what is there is a prefix of what was wanted, cut
 *     between two additions.
 *
 * Memory doubles, so that adding octet by octet is linear in all. One thread at a time.
 */
#include "base/strbuf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

#define SMALLEST ((size_t)64)

void strbuf_init(struct strbuf *buf, size_t len_max)
{
	*buf = (struct strbuf){.len_max = len_max};
}

void strbuf_done(struct strbuf *buf)
{
	free(buf->ptr);
	strbuf_init(buf, buf->len_max);
}

void strbuf_clear(struct strbuf *buf)
{
	buf->len = 0;
	buf->overflow = false;
	if (buf->ptr)
		buf->ptr[0] = '\0';
}

char *strbuf_reserve(struct strbuf *buf, size_t n)
{
	if (buf->overflow || n > buf->len_max - buf->len) {
		buf->overflow = true;
		return NULL;
	}
	size_t needed = buf->len + n + 1;
	if (needed > buf->allocated) {
		size_t size = buf->allocated > SMALLEST / 2 ? buf->allocated * 2 : SMALLEST;
		if (size < needed)
			size = needed;
		if (size - 1 > buf->len_max)
			size = buf->len_max + 1;
		buf->ptr = xrealloc(buf->ptr, size);
		buf->allocated = size;
	}
	buf->ptr[buf->len] = '\0';
	return buf->ptr + buf->len;
}

int strbuf_add(struct strbuf *buf, struct str s)
{
	char *end = strbuf_reserve(buf, s.len);
	if (!end)
		return -ENOBUFS;
	if (s.len)
		memcpy(end, s.ptr, s.len);
	buf->len += s.len;
	buf->ptr[buf->len] = '\0';
	return 0;
}

int strbuf_addc(struct strbuf *buf, char c)
{
	return strbuf_add(buf, (struct str){&c, 1});
}

int strbuf_adds(struct strbuf *buf, const char *cstr)
{
	return strbuf_add(buf, str_from(cstr));
}

int strbuf_vprintf(struct strbuf *buf, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0) {
		buf->overflow = true;
		return -ENOBUFS;
	}
	char *end = strbuf_reserve(buf, (size_t)n);
	if (!end)
		return -ENOBUFS;
	vsnprintf(end, (size_t)n + 1, fmt, ap);
	buf->len += (size_t)n;
	return 0;
}

int strbuf_printf(struct strbuf *buf, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int r = strbuf_vprintf(buf, fmt, ap);
	va_end(ap);
	return r;
}

void strbuf_consume(struct strbuf *buf, size_t n)
{
	if (n == 0)
		return;
	buf->len -= n;
	memmove(buf->ptr, buf->ptr + n, buf->len);
	buf->ptr[buf->len] = '\0';
}

char *strbuf_detach(struct strbuf *buf)
{
	char *text = buf->ptr ? buf->ptr : xstrdup("");
	buf->ptr = NULL;
	strbuf_init(buf, buf->len_max);
	return text;
}
