/*
 * Transfer decoding: one pull function per encoding (base64's is in mail_base64.c), each consumes raw octets from the view
 * and writes what they mean.
 *
 *  1. next() never writes more than cap and returns 0 only at the end, so a caller's loop ends.
 *  2. No octet of raw is looked at more than a constant number of times.
 *  3. Decoded octets never outnumber raw ones.
 *
 * What was wrong is told in flaws. Pure.
 */
#include "ingest/mail_base64.h"
#include "ingest/text_line.h"

static enum mail_encoding encoding_named(struct str value, bool *ret_known)
{
	static const struct {
		struct str name;
		enum mail_encoding encoding;
	} names[] = {
		{STR_INIT("base64"), MAIL_ENCODING_BASE64},
		{STR_INIT("base-64"), MAIL_ENCODING_BASE64},
		{STR_INIT("x-base64"), MAIL_ENCODING_BASE64},
		{STR_INIT("quoted-printable"), MAIL_ENCODING_QP},
		{STR_INIT("x-uuencode"), MAIL_ENCODING_UU},
		{STR_INIT("x-uue"), MAIL_ENCODING_UU},
		{STR_INIT("uuencode"), MAIL_ENCODING_UU},
		{STR_INIT("x-uu"), MAIL_ENCODING_UU},
		{STR_INIT("quotedprintable"), MAIL_ENCODING_QP},
		{STR_INIT("quoted_printable"), MAIL_ENCODING_QP},
		{STR_INIT("yenc"), MAIL_ENCODING_YENC},
		{STR_INIT("x-yenc"), MAIL_ENCODING_YENC},
		{STR_INIT("7bit"), MAIL_ENCODING_IDENTITY},
		{STR_INIT("8bit"), MAIL_ENCODING_IDENTITY},
		{STR_INIT("7-bit"), MAIL_ENCODING_IDENTITY},
		{STR_INIT("8-bit"), MAIL_ENCODING_IDENTITY},
		{STR_INIT("7bits"), MAIL_ENCODING_IDENTITY},
		{STR_INIT("8bits"), MAIL_ENCODING_IDENTITY},
		{STR_INIT("binary"), MAIL_ENCODING_IDENTITY},
	};

	*ret_known = true;
	value = str_trim(value);
	while (value.len && (value.ptr[0] == '"' || value.ptr[0] == '\''))
		value = str_sub(value, 1, value.len);
	if (str_istarts(value, STR("quoted printable")))
		return MAIL_ENCODING_QP;
	size_t n = 0;
	while (n < value.len && (ascii_alpha(value.ptr[n]) || ascii_digit(value.ptr[n]) ||
				 value.ptr[n] == '-' || value.ptr[n] == '_'))
		n++;
	value.len = n;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_ieq(value, names[i].name))
			return names[i].encoding;
	*ret_known = false;
	return MAIL_ENCODING_IDENTITY;
}

enum mail_encoding mail_encoding_of(struct str value)
{
	bool known;
	return encoding_named(value, &known);
}

bool mail_encoding_known(struct str value)
{
	bool known;
	encoding_named(value, &known);
	return known;
}

void mail_decoder_init(struct mail_decoder *decoder, enum mail_encoding encoding, struct str raw)
{
	*decoder = (struct mail_decoder){.encoding = encoding, .raw = raw};
	if (encoding == MAIL_ENCODING_BASE64)
		mail_base64_begin(decoder);
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
		bool at_end = raw.len - i <= 5 && str_trim(str_sub(raw, i, raw.len)).len < 3;
		decoder->flaws |= at_end ? MAIL_FLAW_CUT : MAIL_FLAW_FOREIGN;
		buf[n++] = '='; /* a stray one is text */
		i++;
	}
	decoder->raw = str_sub(raw, i, raw.len);
	return n;
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
		struct str line = text_line_take(&decoder->raw);
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
	text_line_take(&decoder->raw);
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
		return mail_base64_next(decoder, buf, cap);
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

bool mail_decode_told(enum mail_encoding encoding, struct str raw, struct strbuf *out, unsigned *flaws)
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
	*flaws |= decoder.flaws;
	return true;
}

bool mail_decode(enum mail_encoding encoding, struct str raw, struct strbuf *out)
{
	unsigned flaws = 0;
	return mail_decode_told(encoding, raw, out, &flaws);
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
