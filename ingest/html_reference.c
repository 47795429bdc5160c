/*
 * Decoding of character references after the WHATWG tokenizer: numeric ones with the windows-1252 meanings of
 * 128 to 159, named ones by binary search, those without a semicolon by the longest known name. Bounded work
 * for each '&'. Pure.
 */
#include "ingest/html_entities.h"

#define NAME_OCTETS_MAX 31 /* "CounterClockwiseContourIntegral" */
#define BARE_OCTETS_MAX 6

/* WHATWG "numeric character reference end state": what 0x80 to 0x9f mean. 0: itself. */
static const uint16_t windows_1252[32] = {
	0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
	0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
	0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178,
};

static int digit_value(char c)
{
	if (ascii_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

static size_t numeric(struct str s, uint32_t chars[2])
{
	size_t i = 2;
	int base = 10;
	if (s.len > 2 && (s.ptr[2] == 'x' || s.ptr[2] == 'X')) {
		base = 16;
		i = 3;
	}
	size_t first = i;
	uint32_t c = 0;
	for (; i < s.len && digit_value(s.ptr[i]) < base; i++)
		c = c > 0x10ffff ? c : c * (uint32_t)base + (uint32_t)digit_value(s.ptr[i]);
	if (i == first)
		return 0;
	if (i < s.len && s.ptr[i] == ';')
		i++;
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		c = 0xfffd;
	else if (c >= 0x80 && c < 0xa0 && windows_1252[c - 0x80])
		c = windows_1252[c - 0x80];
	chars[0] = c;
	chars[1] = 0;
	return i;
}

static const struct html_entity *entity_find(struct str name)
{
	size_t low = 0, high = html_entities_n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strncmp(name.ptr, html_entities[middle].name, name.len);
		if (order == 0 && html_entities[middle].name[name.len])
			order = -1;
		if (order == 0)
			return &html_entities[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static size_t named(struct str s, bool in_attribute, uint32_t chars[2])
{
	size_t end = 1;
	while (end < s.len && end <= NAME_OCTETS_MAX && (ascii_alpha(s.ptr[end]) || ascii_digit(s.ptr[end])))
		end++;
	const struct html_entity *entity = NULL;
	size_t used = 0;
	if (end > 1 && end < s.len && s.ptr[end] == ';') {
		entity = entity_find(str_sub(s, 1, end));
		used = end + 1;
	}
	for (size_t len = end - 1 < BARE_OCTETS_MAX ? end - 1 : BARE_OCTETS_MAX; !entity && len >= 2; len--) {
		entity = entity_find(str_sub(s, 1, 1 + len));
		used = 1 + len;
		if (entity && !entity->bare)
			entity = NULL;
		if (!entity || !in_attribute || used == s.len)
			continue;
		char next = s.ptr[used];
		if (next == '=' || ascii_alpha(next) || ascii_digit(next))
			return 0;
	}
	if (!entity)
		return 0;
	chars[0] = entity->chars[0];
	chars[1] = entity->chars[1];
	return used;
}

size_t html_reference(struct str s, bool in_attribute, uint32_t chars[2])
{
	if (s.len < 3)
		return 0;
	return s.ptr[1] == '#' ? numeric(s, chars) : named(s, in_attribute, chars);
}
