/*
 * The few words that every file shares: views of bytes, CONTAINER_OF, attributes.
 *
 * struct str is a view: pointer and length, not NUL-terminated, may hold any octet (also NUL), owned by
 * somebody else. It lives as long as what it was taken from. NUL-terminated strings exist at the edges only.
 */
#ifndef SERVELO_BASE_BASE_H
#define SERVELO_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(fmt, first)         __attribute__((format(printf, fmt, first)))
#define CLEANUP(fn)                     __attribute__((cleanup(fn)))
#define UNUSED                          __attribute__((unused))
#define MUST_CHECK                      __attribute__((warn_unused_result))

struct str {
	const char *ptr;
	size_t len;
};

/* A view of a string literal, usable in initialisers and in expressions. */
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_INIT(literal)                       \
	{                                       \
		"" literal, sizeof(literal) - 1 \
	}
/* For printf's "%.*s"; the view must be shorter than INT_MAX. */
#define STR_ARG(s) (int)(s).len, (s).ptr

static inline struct str str_from(const char *cstr)
{
	return (struct str){cstr, cstr ? strlen(cstr) : 0};
}

static inline struct str str_sub(struct str s, size_t from, size_t to)
{
	if (to > s.len)
		to = s.len;
	if (from > to)
		from = to;
	/* a view of nothing may be NULL, and nothing is not added to NULL */
	return (struct str){from ? s.ptr + from : s.ptr, to - from};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII case is ignored; octets above 0x7f are compared as they are (the process runs in the C locale). */
static inline bool str_ieq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool str_istarts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && (prefix.len == 0 || strncasecmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

/* Position of the first c, or s.len. */
static inline size_t str_find(struct str s, char c)
{
	const char *p = s.len ? memchr(s.ptr, c, s.len) : NULL;
	return p ? (size_t)(p - s.ptr) : s.len;
}

static inline bool ascii_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline struct str str_trim(struct str s)
{
	while (s.len && ascii_space(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len && ascii_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline bool ascii_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool ascii_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

#endif
