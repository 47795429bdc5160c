/* See clean_text.h: one pass over characters, each of which is kept, dropped, a blank or the end of a line. */
#include "outbound/clean_text.h"

#include <errno.h>

enum treatment { KEEP, DROP, BLANK, LINE_END };

static const struct treatment_range {
	uint32_t from, to;
	enum treatment treatment;
} ranges[] = {
	{0x00, 0x08, DROP},         {0x09, 0x09, BLANK},    {0x0a, 0x0d, LINE_END}, {0x0e, 0x1f, DROP},
	{0x20, 0x20, BLANK},        {0x7f, 0x84, DROP},     {0x85, 0x85, LINE_END}, {0x86, 0x9f, DROP},
	{0x2028, 0x2029, LINE_END}, {0x202a, 0x202e, DROP}, {0x2066, 0x2069, DROP}, {0xfeff, 0xfeff, DROP},
	{0xfff9, 0xfffb, DROP},     {0xfffe, 0xffff, DROP},
};

static enum treatment treatment_of(uint32_t c)
{
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		if (c < ranges[i].from)
			return KEEP;
		if (c <= ranges[i].to)
			return ranges[i].treatment;
	}
	return KEEP;
}

static bool continuations(struct str in, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (i >= in.len || ((unsigned char)in.ptr[i] & 0xc0) != 0x80)
			return false;
	}
	return true;
}

size_t utf8_character(struct str in, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)in.ptr[0];
	size_t n = first < 0x80   ? 1
		   : first < 0xc2 ? 0
		   : first < 0xe0 ? 2
		   : first < 0xf0 ? 3
		   : first < 0xf5 ? 4
				  : 0;
	*ret = 0xfffd;
	if (n == 0 || !continuations(in, n))
		return 1;
	uint32_t c = n == 1 ? first : first & (0x7fU >> n);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)in.ptr[i] & 0x3f);
	if (n > 1 && (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)))
		return 1;
	*ret = c;
	return n;
}

/* A piece of the result, if it fits into what may be added. */
static bool put(struct strbuf *out, size_t *left, struct str piece)
{
	if (piece.len > *left)
		return false;
	*left -= piece.len;
	return strbuf_add(out, piece) == 0;
}

int clean_line(struct str in, size_t max, struct strbuf *out)
{
	bool blank = false, begun = false;
	while (in.len) {
		uint32_t c;
		size_t n = utf8_character(in, &c);
		enum treatment treatment = treatment_of(c);
		struct str piece = c == 0xfffd ? STR("\xef\xbf\xbd") : str_sub(in, 0, n);
		in = str_sub(in, n, in.len);
		if (treatment == BLANK || treatment == LINE_END)
			blank = true;
		if (treatment != KEEP)
			continue;
		if (piece.len + (blank && begun) > max)
			break;
		if (blank && begun)
			put(out, &max, STR(" "));
		put(out, &max, piece);
		blank = false;
		begun = true;
	}
	return out->overflow ? -ENOBUFS : 0;
}

static void put_line_ends(struct strbuf *out, size_t *left, size_t *n)
{
	for (; *n > 0; --*n)
		put(out, left, STR("\n"));
}

int clean_text(struct str in, size_t max, struct strbuf *out)
{
	size_t line_ends = 0;
	bool begun = false;
	while (in.len) {
		uint32_t c;
		size_t n = str_starts(in, STR("\r\n")) ? 2 : utf8_character(in, &c);
		enum treatment treatment = n == 2 && in.ptr[0] == '\r' ? LINE_END : treatment_of(c);
		struct str piece =
			treatment != LINE_END && c == 0xfffd ? STR("\xef\xbf\xbd") : str_sub(in, 0, n);
		in = str_sub(in, n, in.len);
		if (treatment == LINE_END)
			line_ends++;
		if (treatment == LINE_END || treatment == DROP)
			continue;
		if (piece.len + (begun ? line_ends : 0) > max)
			break;
		if (begun)
			put_line_ends(out, &max, &line_ends);
		line_ends = 0;
		put(out, &max, piece);
		begun = true;
	}
	return out->overflow ? -ENOBUFS : 0;
}
