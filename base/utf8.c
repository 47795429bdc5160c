/* See utf8.h. Always true: no octet is read beyond a view, and a character is taken whole or not at all. */
#include "base/utf8.h"

static bool is_continuation(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/* RFC 3629 4: which octets may follow the first. */
size_t utf8_sequence(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.ptr;
	if (s.len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return s.len >= 2 && is_continuation(p[1]) ? 2 : 0;
	if (p[0] >= 0xe0 && p[0] <= 0xef) {
		uint8_t first = p[0] == 0xe0 ? 0xa0 : 0x80, last = p[0] == 0xed ? 0x9f : 0xbf;
		return s.len >= 3 && p[1] >= first && p[1] <= last && is_continuation(p[2]) ? 3 : 0;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		uint8_t first = p[0] == 0xf0 ? 0x90 : 0x80, last = p[0] == 0xf4 ? 0x8f : 0xbf;
		return s.len >= 4 && p[1] >= first && p[1] <= last && is_continuation(p[2]) &&
				       is_continuation(p[3])
			       ? 4
			       : 0;
	}
	return 0;
}

bool utf8_valid(struct str s)
{
	size_t i = 0;
	while (i < s.len) {
		uint64_t eight;
		if (s.len - i >= sizeof(eight)) { /* most text is ASCII */
			memcpy(&eight, s.ptr + i, sizeof(eight));
			if ((eight & UINT64_C(0x8080808080808080)) == 0) {
				i += sizeof(eight);
				continue;
			}
		}
		size_t len = utf8_sequence((struct str){s.ptr + i, s.len - i});
		if (len == 0)
			return false;
		i += len;
	}
	return true;
}

struct str utf8_cut(struct str s, size_t max)
{
	if (s.len <= max)
		return s;
	while (max > 0 && is_continuation((uint8_t)s.ptr[max]))
		max--;
	return str_sub(s, 0, max);
}

/* Empty space in a line, or what must not be in one. */
static bool is_blank(struct str character)
{
	uint8_t c = (uint8_t)character.ptr[0];
	return c <= 0x20 || c == 0x7f ||
	       (character.len == 2 && c == 0xc2 && (uint8_t)character.ptr[1] < 0xa0) ||
	       str_eq(character, STR("\xe2\x80\xa8")) || str_eq(character, STR("\xe2\x80\xa9"));
}

size_t utf8_line(struct str in, char *ret, size_t max)
{
	size_t len = 0;
	bool blank = false;
	while (in.len > 0) {
		size_t n = utf8_sequence(in);
		struct str character = n ? str_sub(in, 0, n) : STR("?");
		in = str_sub(in, n ? n : 1, in.len);
		if (is_blank(character)) {
			blank = len > 0;
			continue;
		}
		if (character.len + blank > max - len)
			break;
		if (blank)
			ret[len++] = ' ';
		memmove(ret + len, character.ptr, character.len);
		len += character.len;
		blank = false;
	}
	return len;
}
