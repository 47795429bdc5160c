/*
 * Characters and folding. The case tables cover the scripts of the languages in our tables by ranges; a full
 * Unicode table is not needed to recognise "Betreff" and "ТЕМА". Invariant: every character's folded form has
 * at most as many octets as the character (a broken octet becomes U+FFFD, which has three). Pure.
 */
#include "ingest/text_fold.h"

uint32_t utf8_next_wide(struct str s, size_t *pos)
{
	const unsigned char *p = (const unsigned char *)s.ptr + *pos;
	size_t left = s.len - *pos;
	unsigned n = p[0] < 0x80                   ? 1
		     : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
		     : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
		     : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
						   : 0;
	uint32_t c = 0;
	if (n == 1) {
		*pos += 1;
		return p[0];
	}
	if (n == 0 || n > left)
		goto broken;
	c = p[0] & (0xffu >> (n + 1));
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			goto broken;
		c = c << 6 | (p[i] & 0x3f);
	}
	if ((n == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
	    (n == 4 && (c < 0x10000 || c > 0x10ffff)))
		goto broken;
	*pos += n;
	return c;
broken:
	*pos += 1;
	return 0xfffd;
}

size_t utf8_put(uint32_t c, char out[4])
{
	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		c = 0xfffd;
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

uint32_t char_lower(uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	if (c >= 0xc0 && c <= 0xde && c != 0xd7)
		return c + 32;
	if (c == 0x130) /* Turkish capital I with dot */
		return 'i';
	if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177) || (c >= 0x1de && c <= 0x1ef) ||
	    (c >= 0x200 && c <= 0x21f) || (c >= 0x1e00 && c <= 0x1e95) || (c >= 0x1ea0 && c <= 0x1eff))
		return c | 1;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e) || (c >= 0x1cd && c <= 0x1dc))
		return c & 1 ? c + 1 : c;
	if (c == 0x178)
		return 0xff;
	if (c == 0x1a0 || c == 0x1af) /* Vietnamese O and U with horn */
		return c + 1;
	if (c >= 0x391 && c <= 0x3ab && c != 0x3a2)
		return c + 32;
	if (c == 0x386)
		return 0x3ac;
	if (c >= 0x388 && c <= 0x38a)
		return c + 37;
	if (c == 0x38c)
		return 0x3cc;
	if (c == 0x38e || c == 0x38f)
		return c + 63;
	if (c >= 0x410 && c <= 0x42f)
		return c + 32;
	if (c >= 0x400 && c <= 0x40f)
		return c + 80;
	if (c >= 0x460 && c <= 0x481)
		return c | 1;
	if (c >= 0x48a && c <= 0x4bf)
		return c | 1;
	if (c >= 0x531 && c <= 0x556)
		return c + 48;
	if (c >= 0xff21 && c <= 0xff3a)
		return c + 32;
	return c;
}

bool char_blank(uint32_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xa0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
	       c == 0x3000 || c == 0x2800;
}

bool char_zero_width(uint32_t c)
{
	return c == 0xad || c == 0x34f || c == 0x61c || c == 0x180e || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

bool char_word(uint32_t c)
{
	if (c < 0x80)
		return ascii_alpha((char)c) || ascii_digit((char)c);
	return !char_blank(c) && !char_zero_width(c) && !(c >= 0xa1 && c <= 0xbf && c != 0xaa && c != 0xba) &&
	       !(c >= 0x2010 && c <= 0x205e) && !(c >= 0x2190 && c <= 0x27bf) &&
	       !(c >= 0x3001 && c <= 0x303f && c != 0x3005) && !(c >= 0xff01 && c <= 0xff0f) &&
	       !(c >= 0xff1a && c <= 0xff20) && c != 0xfffd;
}

static uint32_t fold_char(uint32_t c)
{
	switch (c) {
	case 0x2018:
	case 0x2019:
	case 0x02bc:
	case 0x00b4:
	case 0x0060:
		return '\'';
	case 0xff1a:
	case 0xfe55:
	case 0xa789:
		return ':';
	}
	if (c >= 0xff01 && c <= 0xff5e)
		c -= 0xfee0;
	return char_lower(c);
}

/* What an ASCII octet becomes; NUL: nothing. */
static const char ascii_fold[128 + 1] = "\0\0\0\0\0\0\0\0\0     \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
					" !\"#$%&'()*+,-./0123456789:;<=>?"
					"@abcdefghijklmnopqrstuvwxyz[\\]^_"
					"'abcdefghijklmnopqrstuvwxyz{|}~";

/* The visible ASCII that s begins with, most of most texts. Returns how many octets it has. */
static size_t fold_ascii_word(struct str s, char *restrict out)
{
	const char *restrict in = s.ptr;
	size_t i = 0;
	for (; i < s.len && (unsigned char)in[i] < 0x80; i++) {
		char folded = ascii_fold[(unsigned char)in[i]];
		if (folded <= ' ')
			break;
		out[i] = folded;
	}
	return i;
}

size_t text_fold(struct str s, char *out, size_t out_max)
{
	size_t len = 0;
	bool blank = false;
	for (size_t pos = 0; pos < s.len;) {
		char octets[4];
		size_t n = 1;
		uint32_t c = utf8_next(s, &pos);
		octets[0] = c < 0x80 ? ascii_fold[c] : '?';
		if (octets[0] == ' ' || (c >= 0x80 && char_blank(c))) {
			blank = len > 0;
			continue;
		}
		if (octets[0] == 0 || (c >= 0x80 && char_zero_width(c)))
			continue;
		if (c >= 0x80)
			n = utf8_put(fold_char(c), octets);
		if (len + n + blank > out_max)
			break;
		if (blank)
			out[len++] = ' ';
		blank = false;
		if (n == 1)
			out[len] = octets[0];
		else
			memcpy(out + len, octets, n);
		len += n;
		n = fold_ascii_word(str_sub(s, pos, pos + out_max - len), out + len);
		pos += n;
		len += n;
	}
	return len;
}

size_t str_search(struct str hay, struct str needle)
{
	if (needle.len == 0)
		return 0;
	if (needle.len > hay.len)
		return hay.len;
	const char *p = memmem(hay.ptr, hay.len, needle.ptr, needle.len);
	return p ? (size_t)(p - hay.ptr) : hay.len;
}
