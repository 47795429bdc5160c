/*
 * base64 as it comes in mails: what stands outside the alphabet is skipped (RFC 2045 6.8), "=" ends a quantum and not the
 * data (mailers concatenate padded pieces). Mailing lists append their footer as plain text, and its letters would be
 * taken for data: a rule ("-- ", "____") or a line of words ends the data, unless a full line of data comes soon behind
 * it. After a "=" the next line must look like base64 to be taken. Each octet is looked at a constant number of times.
 * Pure.
 */
#include "ingest/mail_base64.h"

#define LINE_LOOK 1024 /* octets of a line that show what it is */
#define LEAD_LOOK 2048 /* octets in which data may come behind words */
#define FULL_LINE 40   /* octets of a line that can be nothing but data: no word is as long */

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

/* ---- what a line is ---- */

enum base64_line {
	BASE64_BLANK,
	BASE64_DATA,   /* nothing but base64 */
	BASE64_SPOILT, /* base64 with garbage in it */
	BASE64_RULE,   /* "-- ", "_____": what begins a footer */
	BASE64_WORDS,  /* a text for people */
};

/* "-- ", "____", "=====", "*****" */
static bool is_rule(struct str line)
{
	size_t n = 0;

	while (n < line.len && line.ptr[n] == line.ptr[0])
		n++;
	if (n < line.len || n < 2)
		return false;
	return line.ptr[0] == '-' || line.ptr[0] == '_' ||
	       (n > 4 &&
		(line.ptr[0] == '=' || line.ptr[0] == '*' || line.ptr[0] == '~' || line.ptr[0] == '#'));
}

/* "users@example.org", "https://example.org/" */
static bool names_place(struct str line)
{
	return str_find(line, '@') < line.len ||
	       (str_find(line, ':') < line.len &&
		str_starts(str_sub(line, str_find(line, ':'), line.len), STR("://")));
}

static enum base64_line base64_line(struct str line)
{
	size_t foreign = 0, blanks = 0, pads = 0;

	line = str_trim(str_sub(line, 0, LINE_LOOK));
	for (size_t i = 0; i < line.len; i++) {
		bool blank = ascii_space(line.ptr[i]), pad = line.ptr[i] == '=';
		blanks += blank;
		pads += pad;
		foreign += !blank && !pad && !base64_value[(unsigned char)line.ptr[i]];
	}
	size_t data = line.len - foreign - blanks;
	if (line.len == 0)
		return BASE64_BLANK;
	if (is_rule(line))
		return BASE64_RULE;
	if (foreign + blanks == 0)
		return BASE64_DATA;
	if (foreign > 1 && names_place(line))
		return BASE64_WORDS;
	/* words stand apart, and have points and the like between them; garbage in whole quanta does not */
	if (blanks * 12 > line.len || (foreign + blanks) * 4 > line.len)
		return data == pads || (blanks == 0 && data % 4 == 0) ? BASE64_SPOILT : BASE64_WORDS;
	return (foreign + blanks) * 8 > line.len && (blanks || data % 4) ? BASE64_WORDS : BASE64_SPOILT;
}

static struct str first_line(struct str raw)
{
	return str_sub(raw, 0, str_find(raw, '\n'));
}

/* Where the next full line of data begins; 0: there is none within LEAD_LOOK octets. */
static size_t base64_next_data(struct str raw)
{
	size_t look = raw.len < LEAD_LOOK ? raw.len : LEAD_LOOK;

	for (size_t at = 0; at < look;) {
		struct str line = first_line(str_sub(raw, at, raw.len));
		if (at && str_trim(line).len >= FULL_LINE && base64_line(line) == BASE64_DATA)
			return at;
		at += line.len + 1;
	}
	return 0;
}

/* The first line that is not blank; *ret_from: where it is. */
static struct str first_text_line(struct str raw, size_t *ret_from)
{
	size_t from = 0;

	while (from < raw.len && ascii_space(raw.ptr[from]))
		from++;
	*ret_from = from;
	return first_line(str_sub(raw, from, raw.len));
}

static bool is_words(enum base64_line line)
{
	return line == BASE64_WORDS || line == BASE64_RULE;
}

bool mail_base64_is_plain(struct str raw)
{
	size_t from, sextets = 0;
	struct str line = first_text_line(raw, &from);
	enum base64_line kind = base64_line(line);

	if (is_words(kind))
		return base64_next_data(str_sub(raw, from, raw.len)) == 0;
	/* a word alone: no base64 ends with six bits */
	if (kind != BASE64_DATA || str_find(line, '=') < line.len || str_trim(raw).len > FULL_LINE ||
	    str_trim(raw).len > str_trim(line).len)
		return false;
	for (size_t i = 0; i < line.len; i++)
		sextets += base64_value[(unsigned char)line.ptr[i]] != 0;
	return sextets % 4 == 1;
}

/* ---- decoding ---- */

/* Words may stand before the data. */
void mail_base64_begin(struct mail_decoder *decoder)
{
	struct str raw = decoder->raw;
	size_t from;
	if (is_words(base64_line(first_text_line(raw, &from)))) {
		size_t skip = base64_next_data(str_sub(raw, from, raw.len));
		decoder->raw = str_sub(raw, skip ? from + skip : 0, raw.len);
		decoder->flaws |= MAIL_FLAW_FOREIGN;
	}
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

/*
 * A line of data ended at raw: how many octets of raw to skip before the next one. Lines of the length of the one before
 * are not looked at: data is written so, and it would be read twice.
 */
static size_t base64_between(struct mail_decoder *decoder, struct str raw)
{
	struct str line = first_line(raw);
	size_t before = decoder->line_len;

	decoder->line_len = line.len;
	if (line.len == before || raw.len == 0)
		return 0;
	if (!is_words(base64_line(line)))
		return 0;
	size_t skip = decoder->padded ? 0 : base64_next_data(raw);
	decoder->flaws |= skip ? MAIL_FLAW_FOREIGN : MAIL_FLAW_TRAILING;
	decoder->line_len = 0;
	return skip ? skip : raw.len;
}

size_t mail_base64_next(struct mail_decoder *decoder, char *buf, size_t cap)
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
				if (str_trim((struct str){(const char *)p, (size_t)(end - p)}).len)
					decoder->flaws |= MAIL_FLAW_TRAILING;
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
		} else if (*p == '\n') {
			p += base64_between(decoder,
					    (struct str){(const char *)p + 1, (size_t)(end - p - 1)});
		} else if (!ascii_space((char)*p)) {
			decoder->flaws |= MAIL_FLAW_FOREIGN;
		}
		p++;
	}
	decoder->raw = (struct str){(const char *)p, (size_t)(end - p)};
	decoder->sound = sound > p ? (size_t)(sound - p) : 0;
	if (p == end && n + 3 <= cap) {
		if (decoder->n)
			decoder->flaws |= MAIL_FLAW_CUT;
		n += base64_flush(decoder, buf + n); /* missing padding */
	}
	return n;
}
