/*
 * Transfer decoding: one pull function per encoding, each consumes raw octets from the view and writes what
 * they mean.
 *
 *  1. next() never writes more than cap and returns 0 only at the end, so a caller's loop ends.
 *  2. No octet of raw is looked at more than a constant number of times.
 *  3. Decoded octets never outnumber raw ones.
 *
 * base64: everything outside the alphabet is skipped, "=" ends a quantum and not the data (mailers
 * concatenate padded pieces). After a "=" the next line must look like base64 to be taken: mailing lists
 * append their footer as plain text. Pure.
 */
#include "ingest/mail_decode.h"

/* clang-format off */
static const unsigned char base64_value[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8, ['I'] = 9,
	['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
	['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26,
	['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35,
	['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44,
	['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52,
	['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61,
	['9'] = 62, ['+'] = 63, ['/'] = 64,
};
/* clang-format on */

enum mail_encoding mail_encoding_of(struct str value)
{
	static const struct {
		struct str name;
		enum mail_encoding encoding;
	} names[] = {
		{STR_INIT("base64"), MAIL_ENCODING_BASE64},
		{STR_INIT("quoted-printable"), MAIL_ENCODING_QP},
		{STR_INIT("x-uuencode"), MAIL_ENCODING_UU},
		{STR_INIT("x-uue"), MAIL_ENCODING_UU},
		{STR_INIT("uuencode"), MAIL_ENCODING_UU},
		{STR_INIT("x-uu"), MAIL_ENCODING_UU},
		{STR_INIT("quotedprintable"), MAIL_ENCODING_QP},
		{STR_INIT("yenc"), MAIL_ENCODING_YENC},
		{STR_INIT("x-yenc"), MAIL_ENCODING_YENC},
	};

	value = str_trim(value);
	while (value.len && (value.ptr[0] == '"' || value.ptr[0] == '\''))
		value = str_sub(value, 1, value.len);
	size_t n = 0;
	while (n < value.len &&
	       (ascii_alpha(value.ptr[n]) || ascii_digit(value.ptr[n]) || value.ptr[n] == '-'))
		n++;
	value.len = n;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_ieq(value, names[i].name))
			return names[i].encoding;
	return MAIL_ENCODING_IDENTITY;
}

void mail_decoder_init(struct mail_decoder *decoder, enum mail_encoding encoding, struct str raw)
{
	*decoder = (struct mail_decoder){.encoding = encoding, .raw = raw};
}

/* How many octets at the start of raw, up to the end of a line, are made of base64 only. 0: they are not, and
 * the data ended with the padding before. Each octet is asked about once. */
static size_t base64_goes_on(struct str raw)
{
	size_t i = 0, from;

	while (i < raw.len && ascii_space(raw.ptr[i]))
		i++;
	from = i;
	if (i && str_find(str_sub(raw, 0, i), '\n') == i)
		return 0; /* words behind the padding, on its line */
	for (; i < raw.len && raw.ptr[i] != '\n' && raw.ptr[i] != '\r'; i++)
		if (!base64_value[(unsigned char)raw.ptr[i]] && raw.ptr[i] != '=')
			return 0;
	return i > from ? i : 0;
}

/* What the sextets collected so far hold, at the end of a quantum. */
static size_t base64_flush(struct mail_decoder *decoder, char *out)
{
	size_t n = 0;

	if (decoder->n >= 2)
		out[n++] = (char)(decoder->bits >> (decoder->n * 6 - 8));
	if (decoder->n >= 3)
		out[n++] = (char)(decoder->bits >> (decoder->n * 6 - 16));
	decoder->n = 0;
	decoder->bits = 0;
	return n;
}

static size_t base64_next(struct mail_decoder *decoder, char *buf, size_t cap)
{
	const unsigned char *p = (const unsigned char *)decoder->raw.ptr;
	const unsigned char *end = p + decoder->raw.len;
	const unsigned char *sound = p + decoder->sound;
	size_t n = 0;

	while (p < end && n + 3 <= cap) {
		if (decoder->n == 0 && (!decoder->padded || sound - p >= 4) && end - p >= 4) {
			unsigned a = base64_value[p[0]], b = base64_value[p[1]], c = base64_value[p[2]],
				 d = base64_value[p[3]];
			if (a && b && c && d) {
				unsigned bits = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
				buf[n++] = (char)(bits >> 16);
				buf[n++] = (char)(bits >> 8);
				buf[n++] = (char)bits;
				p += 4;
				continue;
			}
		}
		if (decoder->padded && *p != '=' && p >= sound) {
			size_t n_sound = base64_goes_on((struct str){(const char *)p, (size_t)(end - p)});
			if (!n_sound) {
				p = end;
				break;
			}
			sound = p + n_sound;
		}
		unsigned value = base64_value[*p];
		if (value) {
			decoder->bits = decoder->bits << 6 | (value - 1);
			if (++decoder->n == 4) {
				buf[n++] = (char)(decoder->bits >> 16);
				buf[n++] = (char)(decoder->bits >> 8);
				buf[n++] = (char)decoder->bits;
				decoder->n = 0;
				decoder->bits = 0;
			}
		} else if (*p == '=') {
			n += base64_flush(decoder, buf + n);
			decoder->padded = true;
		}
		p++;
	}
	decoder->raw = (struct str){(const char *)p, (size_t)(end - p)};
	decoder->sound = sound > p ? (size_t)(sound - p) : 0;
	if (p == end && n + 3 <= cap)
		n += base64_flush(decoder, buf + n); /* missing padding */
	return n;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Octets of a soft line break at the start of s: "=", blanks, line end. 0: there is none. */
static size_t qp_soft_break(struct str s)
{
	size_t i = 1;

	while (i < s.len && i < 80 && (s.ptr[i] == ' ' || s.ptr[i] == '\t'))
		i++;
	if (i == s.len)
		return i;
	if (s.ptr[i] == '\n')
		return i + 1;
	if (s.ptr[i] == '\r')
		return i + 1 + (i + 1 < s.len && s.ptr[i + 1] == '\n');
	return 0;
}

static size_t qp_next(struct mail_decoder *decoder, char *buf, size_t cap)
{
	struct str raw = decoder->raw;
	size_t n = 0, i = 0;

	while (i < raw.len && n < cap) {
		if (raw.ptr[i] != '=') {
			const char *equals = memchr(raw.ptr + i, '=', raw.len - i);
			size_t run = equals ? (size_t)(equals - raw.ptr) - i : raw.len - i;
			if (run > cap - n)
				run = cap - n;
			memcpy(buf + n, raw.ptr + i, run);
			n += run;
			i += run;
			continue;
		}
		if (i + 2 < raw.len) {
			int high = hex_value(raw.ptr[i + 1]), low = hex_value(raw.ptr[i + 2]);
			if (high >= 0 && low >= 0) {
				buf[n++] = (char)(high << 4 | low);
				i += 3;
				continue;
			}
		}
		size_t skip = qp_soft_break(str_sub(raw, i, raw.len));
		if (skip) {
			i += skip;
			continue;
		}
		buf[n++] = '='; /* a stray one is text */
		i++;
	}
	decoder->raw = str_sub(raw, i, raw.len);
	return n;
}

/* The next line without its end; moves raw behind it. */
static struct str take_line(struct str *raw)
{
	size_t n = str_find(*raw, '\n');
	struct str line = str_sub(*raw, 0, n);

	*raw = str_sub(*raw, n < raw->len ? n + 1 : n, raw->len);
	while (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* One line of uuencoded data: a length, then quanta of four characters; a line cut short gives what it has. */
static size_t uu_line(struct str line, char *out)
{
	size_t want = ((unsigned char)line.ptr[0] - 32) & 63, n = 0;
	size_t have = (line.len - 1) * 3 / 4;

	if (want > have)
		want = have;
	for (size_t i = 1; n < want; i += 4) {
		unsigned sextets[4];
		for (size_t k = 0; k < 4; k++)
			sextets[k] = i + k < line.len ? ((unsigned char)line.ptr[i + k] - 32) & 63 : 0;
		char bytes[3] = {(char)(sextets[0] << 2 | sextets[1] >> 4),
				 (char)(sextets[1] << 4 | sextets[2] >> 2),
				 (char)(sextets[2] << 6 | sextets[3])};
		for (size_t k = 0; k < 3 && n < want; k++)
			out[n++] = bytes[k];
	}
	return n;
}

static size_t uu_next(struct mail_decoder *decoder, char *buf, size_t cap)
{
	size_t n = 0;

	while (decoder->raw.len && n + 64 <= cap) {
		struct str line = take_line(&decoder->raw);
		if (!decoder->begun) {
			decoder->begun = str_starts(line, STR("begin "));
			continue;
		}
		if (str_eq(str_trim(line), STR("end"))) {
			decoder->raw.len = 0;
			break;
		}
		if (line.len && line.ptr[0] > 32 && line.ptr[0] < 96)
			n += uu_line(line, buf + n);
	}
	return n;
}

/* A line of yEnc that is no data. False: it is data. */
static bool yenc_keyword(struct mail_decoder *decoder)
{
	struct str raw = decoder->raw;

	if (str_starts(raw, STR("=yend"))) {
		decoder->raw.len = 0;
		return true;
	}
	bool begin = str_starts(raw, STR("=ybegin "));
	if (decoder->begun && !begin && !str_starts(raw, STR("=ypart ")))
		return false;
	decoder->begun = decoder->begun || begin;
	take_line(&decoder->raw);
	return true;
}

static size_t yenc_next(struct mail_decoder *decoder, char *buf, size_t cap)
{
	size_t n = 0;

	while (decoder->raw.len && n < cap) {
		if (!decoder->in_line && yenc_keyword(decoder))
			continue;
		char c = decoder->raw.ptr[0];
		bool escaped = c == '=' && decoder->raw.len > 1;
		decoder->in_line = c != '\n';
		if (escaped)
			c = (char)(decoder->raw.ptr[1] - 64);
		if (escaped || (c != '\n' && c != '\r'))
			buf[n++] = (char)(c - 42);
		decoder->raw = str_sub(decoder->raw, escaped ? 2 : 1, decoder->raw.len);
	}
	return n;
}

size_t mail_decoder_next(struct mail_decoder *decoder, char *buf, size_t cap)
{
	switch (decoder->encoding) {
	case MAIL_ENCODING_BASE64:
		return base64_next(decoder, buf, cap);
	case MAIL_ENCODING_QP:
		return qp_next(decoder, buf, cap);
	case MAIL_ENCODING_UU:
		return uu_next(decoder, buf, cap);
	case MAIL_ENCODING_YENC:
		return yenc_next(decoder, buf, cap);
	case MAIL_ENCODING_IDENTITY:
		break;
	}
	size_t n = decoder->raw.len < cap ? decoder->raw.len : cap;
	if (n)
		memcpy(buf, decoder->raw.ptr, n);
	decoder->raw = str_sub(decoder->raw, n, decoder->raw.len);
	return n;
}

bool mail_decode(enum mail_encoding encoding, struct str raw, struct strbuf *out)
{
	struct mail_decoder decoder;
	char buf[4096];
	size_t n;

	mail_decoder_init(&decoder, encoding, raw);
	while ((n = mail_decoder_next(&decoder, buf, sizeof(buf))) > 0) {
		size_t room = out->len_max - out->len;
		if (n > room) {
			strbuf_add(out, (struct str){buf, room});
			return false;
		}
		strbuf_add(out, (struct str){buf, n});
	}
	return true;
}

uint64_t mail_decode_size(enum mail_encoding encoding, struct str raw)
{
	struct mail_decoder decoder;
	char buf[4096];
	uint64_t size = 0;
	size_t n;

	if (encoding == MAIL_ENCODING_IDENTITY)
		return raw.len;
	mail_decoder_init(&decoder, encoding, raw);
	while ((n = mail_decoder_next(&decoder, buf, sizeof(buf))) > 0)
		size += n;
	return size;
}
