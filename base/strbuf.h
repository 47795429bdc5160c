/*
 * A growable string that is told its maximum.
 *
 *	struct strbuf buf;
 *	strbuf_init(&buf, 1024);
 *	strbuf_printf(&buf, "ticket=%s", ref);
 *	if (buf.overflow)
 *		... something did not fit: the buffer holds what came before it ...
 *	strbuf_done(&buf);
 *
 * Once an addition does not fit, overflow is set, that addition is dropped whole and every later one too: a
 *caller that adds many pieces checks once at the end. ptr is NUL-terminated after the first addition (the NUL
 *is not counted), NULL before it. Memory is freed by strbuf_done(), or handed out by strbuf_detach(). One
 *thread at a time.
 */
#ifndef SERVELO_BASE_STRBUF_H
#define SERVELO_BASE_STRBUF_H

#include <stdarg.h>

#include "base/base.h"

struct strbuf {
	char *ptr;
	size_t len;
	size_t allocated;
	size_t len_max;
	bool overflow;
};

void strbuf_init(struct strbuf *buf, size_t len_max);
void strbuf_done(struct strbuf *buf);
/* len = 0, overflow = false; keeps the memory. */
void strbuf_clear(struct strbuf *buf);

/* All return 0, or -ENOBUFS (and set overflow). */
int strbuf_add(struct strbuf *buf, struct str s);
int strbuf_addc(struct strbuf *buf, char c);
int strbuf_adds(struct strbuf *buf, const char *cstr);
int strbuf_printf(struct strbuf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
int strbuf_vprintf(struct strbuf *buf, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
/* Remove n octets from the front (n <= len). */
void strbuf_consume(struct strbuf *buf, size_t n);

/* Room for n more octets at ptr + len, for read(2) and the like; raise len afterwards. NULL when over
 * len_max. */
char *strbuf_reserve(struct strbuf *buf, size_t n);

static inline struct str strbuf_str(const struct strbuf *buf)
{
	return (struct str){buf->ptr ? buf->ptr : "", buf->len};
}

/* The NUL-terminated memory, now the caller's (free(3)); never NULL. The buffer is empty afterwards. */
char *strbuf_detach(struct strbuf *buf);

#endif
