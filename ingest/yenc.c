/* See yenc.h. A "=ybegin" that no "=yend" follows ends the search: nothing behind it can be a whole block either. */
#include "ingest/yenc.h"

#include "ingest/text_line.h"

static size_t line_end(struct str text, size_t at)
{
	return at + str_find(str_sub(text, at, text.len), '\n');
}

/* The name is the last attribute and may hold blanks. */
static struct str name_of(struct str line)
{
	const struct str key = STR(" name=");
	const char *found = memmem(line.ptr, line.len, key.ptr, key.len);

	if (!found)
		return STR("");
	return str_trim(str_sub(line, (size_t)(found - line.ptr) + key.len, line.len));
}

bool yenc_find(struct str text, size_t from, struct yenc_block *ret)
{
	size_t begin = text_line_find(text, from, STR("=ybegin "));
	size_t data = line_end(text, begin);
	size_t end = text_line_find(text, data, STR("=yend"));

	if (end == text.len)
		return false;
	ret->from = begin;
	ret->to = line_end(text, end);
	ret->to += ret->to < text.len;
	ret->name = name_of(str_sub(text, begin, data));
	return true;
}
