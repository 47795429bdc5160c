/*
 * The longest common subsequence of lines, by the table of dynamic programming, after the equal lines at both
 * ends were set aside. The table has at most TABLE_MAX cells; texts that would need more are not aligned.
 */
#include "smtpd/line_diff.h"

#include <stdlib.h>

#include "base/alloc.h"

#define TABLE_MAX ((size_t)1 << 20)
#define CONTEXT   2

struct lines {
	struct str *items;
	size_t n;
};

static struct lines split(struct str text)
{
	struct lines lines = {0};
	size_t allocated = 0;
	while (text.len) {
		size_t end = str_find(text, '\n');
		if (lines.n == allocated) {
			allocated = allocated ? allocated * 2 : 64;
			lines.items = xreallocarray(lines.items, allocated, sizeof(*lines.items));
		}
		lines.items[lines.n++] = str_sub(text, 0, end);
		text = str_sub(text, end + 1, text.len);
	}
	return lines;
}

static void add(struct strbuf *out, char mark, struct str line)
{
	strbuf_addc(out, mark);
	strbuf_add(out, line);
	strbuf_addc(out, '\n');
}

static void add_all(struct strbuf *out, char mark, const struct str *lines, size_t n)
{
	for (size_t i = 0; i < n && !out->overflow; i++)
		add(out, mark, lines[i]);
}

/* common[i][j]: length of the longest common subsequence of a[i..] and b[j..]. */
static void align(const struct str *a, size_t a_n, const struct str *b, size_t b_n, struct strbuf *out)
{
	size_t width = b_n + 1;
	uint32_t *common = xcalloc((a_n + 1) * width, sizeof(*common));
	for (size_t i = a_n; i-- > 0;) {
		for (size_t j = b_n; j-- > 0;) {
			uint32_t down = common[(i + 1) * width + j], right = common[i * width + j + 1];
			common[i * width + j] = str_eq(a[i], b[j]) ? common[(i + 1) * width + j + 1] + 1
						: down > right     ? down
								   : right;
		}
	}
	size_t i = 0, j = 0;
	while (i < a_n && j < b_n && !out->overflow) {
		if (str_eq(a[i], b[j])) {
			add(out, ' ', a[i++]);
			j++;
		} else if (common[(i + 1) * width + j] >= common[i * width + j + 1])
			add(out, '-', a[i++]);
		else
			add(out, '+', b[j++]);
	}
	add_all(out, '-', a + i, a_n - i);
	add_all(out, '+', b + j, b_n - j);
	free(common);
}

void line_diff(struct str before, struct str after, struct strbuf *out)
{
	struct lines a = split(before), b = split(after);
	size_t head = 0, tail = 0;
	if (str_eq(before, after))
		goto out;
	while (head < a.n && head < b.n && str_eq(a.items[head], b.items[head]))
		head++;
	while (tail < a.n - head && tail < b.n - head &&
	       str_eq(a.items[a.n - tail - 1], b.items[b.n - tail - 1]))
		tail++;
	size_t shown = head < CONTEXT ? head : CONTEXT;
	size_t a_n = a.n - head - tail, b_n = b.n - head - tail;
	if (a.n)
		add_all(out, ' ', a.items + head - shown, shown);
	if (a_n == 0 || b_n == 0 || a_n >= TABLE_MAX / (b_n + 1)) {
		add_all(out, '-', a_n ? a.items + head : NULL, a_n);
		add_all(out, '+', b_n ? b.items + head : NULL, b_n);
	} else {
		align(a.items + head, a_n, b.items + head, b_n, out);
	}
	shown = tail < CONTEXT ? tail : CONTEXT;
	if (shown)
		add_all(out, ' ', a.items + a.n - tail, shown);
out:
	free(a.items);
	free(b.items);
}
