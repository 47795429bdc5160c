/*
 * Lines of octets, wherever they come from: ended by LF, CR before it is no part of the line. Pure; any thread.
 */
#ifndef SERVELO_INGEST_TEXT_LINE_H
#define SERVELO_INGEST_TEXT_LINE_H

#include "base/base.h"

/* The next line without its end; *rest moves behind it. Empty, as is *rest, at the end. */
static inline struct str text_line_take(struct str *rest)
{
	size_t n = str_find(*rest, '\n');
	struct str line = str_sub(*rest, 0, n);

	*rest = str_sub(*rest, n < rest->len ? n + 1 : n, rest->len);
	while (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* Where the next line that begins with the words is, at or behind `from`; text.len: nowhere. */
static inline size_t text_line_find(struct str text, size_t from, struct str words)
{
	while (from < text.len) {
		const char *found = memmem(text.ptr + from, text.len - from, words.ptr, words.len);
		if (!found)
			break;
		size_t at = (size_t)(found - text.ptr);
		if (at == 0 || text.ptr[at - 1] == '\n')
			return at;
		from = at + 1;
	}
	return text.len;
}

#endif
