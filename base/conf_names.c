/*
 * Near misses: how far one word is from another, and which of many is meant. And the one place where a
 * conf_error's text is written.
 *
 * The distance is Damerau-Levenshtein with adjacent transpositions (optimal string alignment), computed with
 * three rows; a row whose smallest entry is above the maximum ends it. Pure; any thread.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/conf_private.h"

#define WORD_MAX 64

int conf_error_set(struct conf_error *reterr, const char *fmt, ...)
{
	if (!reterr)
		return -EINVAL;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(reterr->text, sizeof(reterr->text), fmt, ap);
	va_end(ap);
	for (char *p = reterr->text; *p; p++) {
		if ((uint8_t)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	return -EINVAL;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;
	return ab < c ? ab : c;
}

/* Row i of the matrix from the two before it; returns its smallest entry. */
static unsigned fill_row(struct str a, struct str b, size_t i, const unsigned *before, const unsigned *last,
			 unsigned *row)
{
	unsigned smallest = row[0] = (unsigned)i;
	for (size_t j = 1; j <= b.len; j++) {
		unsigned cost = a.ptr[i - 1] != b.ptr[j - 1];
		row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost);
		if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
			row[j] = min3(row[j], before[j - 2] + 1, row[j]);
		if (row[j] < smallest)
			smallest = row[j];
	}
	return smallest;
}

unsigned edit_distance(struct str a, struct str b, unsigned max)
{
	unsigned rows[3][WORD_MAX + 1] = {{0}};
	size_t apart = a.len > b.len ? a.len - b.len : b.len - a.len;
	if (a.len > WORD_MAX || b.len > WORD_MAX || apart > max)
		return max + 1;
	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a.len; i++) {
		if (fill_row(a, b, i, rows[(i + 1) % 3], rows[(i + 2) % 3], rows[i % 3]) > max)
			return max + 1;
	}
	unsigned distance = rows[a.len % 3][b.len];
	return distance > max ? max + 1 : distance;
}

const char *nearest_name(struct str word, const char *const *names, size_t n)
{
	const char *nearest = NULL;
	unsigned best = 3;
	for (size_t i = 0; i < n; i++) {
		unsigned distance = edit_distance(word, str_from(names[i]), 2);
		/* Two edits make anything of a word of two letters. */
		if (distance < best && distance < word.len) {
			best = distance;
			nearest = names[i];
		}
	}
	return nearest;
}
