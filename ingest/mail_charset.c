/*
 * Charsets: the decision what octets really are, and what of them can be text (labels: charset_labels.c).
 *
 *	label known? -> bytes valid in it? -> done
 *	  |                |no
 *	  | no             v
 *	  +----------> valid UTF-8? -> the hint -> ISO-2022 escapes -> uchardet -> windows-1252
 *
 * What uchardet says of a few octets is corrected by charset_guess.c.
 *
 * ISO-2022-JP and HZ are turned into the 8-bit form of the same characters first: their escape sequences are simple, mails
 * break them (a line cut inside a character, a missing return to ASCII), and the 8-bit converters know the
 * vendors' characters. All output goes through put(), which cuts at whole characters and drops NUL.
 *
 * One thread (iconv descriptors are kept per process).
 */
#include "ingest/mail_charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <uchardet/uchardet.h>

#include "ingest/charset_guess.h"
#include "ingest/charset_labels.h"

#define REPLACEMENT STR("\xef\xbf\xbd")
#define DETECT_MAX  (64 * 1024) /* octets shown to the detector */

static iconv_t converters[CHARSETS_N];
static bool opened[CHARSETS_N];

/* ---- UTF-8 ---- */

/* Octets before the first one above 0x7f. */
static size_t ascii_run(struct str s)
{
	size_t i = 0;

	for (; i + 8 <= s.len; i += 8) {
		uint64_t word;
		memcpy(&word, s.ptr + i, 8);
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	while (i < s.len && !((unsigned char)s.ptr[i] & 0x80))
		i++;
	return i;
}

/* Length of the ill-formed stretch at the start of s: a cut sequence goes with its continuation octets. */
static size_t utf8_error(struct str s)
{
	bool leads = (unsigned char)s.ptr[0] >= 0xc2;
	size_t n = 1;

	while (leads && n < s.len && ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
		n++;
	return n;
}

struct utf8_census {
	size_t sequences; /* valid ones of two octets and more */
	size_t errors;    /* ill-formed stretches */
};

static struct utf8_census utf8_census(struct str s)
{
	struct utf8_census census = {0};
	size_t i = 0;

	while (i < s.len) {
		i += ascii_run(str_sub(s, i, s.len));
		if (i == s.len)
			break;
		size_t n = utf8_sequence(str_sub(s, i, s.len));
		if (n)
			census.sequences++;
		else
			census.errors++;
		i += n ? n : utf8_error(str_sub(s, i, s.len));
	}
	return census;
}

bool utf8_append(struct strbuf *out, struct str s)
{
	size_t room = out->len_max - out->len;

	if (s.len <= room)
		return strbuf_add(out, s) == 0;
	while (room && ((unsigned char)s.ptr[room] & 0xc0) == 0x80)
		room--;
	strbuf_add(out, str_sub(s, 0, room));
	return false;
}

/* Append valid UTF-8 without its NULs. */
static bool put(struct strbuf *out, struct str s)
{
	while (s.len) {
		size_t n = str_find(s, '\0');
		if (n && !utf8_append(out, str_sub(s, 0, n)))
			return false;
		s = str_sub(s, n < s.len ? n + 1 : n, s.len);
	}
	return true;
}

/* As UTF-8, with U+FFFD for what isn't: one for each ill-formed stretch that begins a sequence. */
static unsigned put_utf8(struct str s, struct strbuf *out)
{
	unsigned flags = 0;
	size_t from = 0, i = 0;

	while (i < s.len) {
		i += ascii_run(str_sub(s, i, s.len));
		if (i == s.len)
			break;
		size_t n = utf8_sequence(str_sub(s, i, s.len));
		if (n) {
			i += n;
			continue;
		}
		if (!put(out, str_sub(s, from, i)) || !put(out, REPLACEMENT))
			return flags | MAIL_CHARSET_CUT;
		flags |= MAIL_CHARSET_REPLACED;
		i += utf8_error(str_sub(s, i, s.len));
		from = i;
	}
	if (!put(out, str_sub(s, from, s.len)))
		flags |= MAIL_CHARSET_CUT;
	return flags;
}

static uint32_t utf8_codepoint(const unsigned char *p, size_t n)
{
	switch (n) {
	case 2:
		return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
	case 3:
		return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	case 4:
		return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
		       (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
	default:
		return p[0];
	}
}

void utf8_one_line(struct strbuf *buf)
{
	size_t to = 0;

	for (size_t i = 0; i < buf->len;) {
		size_t n = utf8_sequence((struct str){buf->ptr + i, buf->len - i});
		if (!n)
			n = 1;
		uint32_t c = utf8_codepoint((const unsigned char *)buf->ptr + i, n);
		if (c == '\t' || c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029) {
			buf->ptr[to++] = ' ';
		} else if (c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0) && c != 0xfeff) {
			memmove(buf->ptr + to, buf->ptr + i, n);
			to += n;
		}
		i += n;
	}
	size_t from = 0;
	while (from < to && buf->ptr[from] == ' ')
		from++;
	while (to > from && buf->ptr[to - 1] == ' ')
		to--;
	if (from)
		memmove(buf->ptr, buf->ptr + from, to - from);
	buf->len = to - from;
	if (buf->ptr)
		buf->ptr[buf->len] = '\0';
}

void utf8_clean_text(struct strbuf *buf)
{
	unsigned char *p = (unsigned char *)buf->ptr;
	size_t to = 0;

	for (size_t i = 0; i < buf->len; i++) {
		if (p[i] >= 0x20 && p[i] != 0x7f) {
			/* C1 controls: c2 80 .. c2 9f; NEL is a line end */
			if (p[i] == 0xc2 && i + 1 < buf->len && p[i + 1] < 0xa0) {
				if (p[i + 1] == 0x85)
					p[to++] = '\n';
				i++;
				continue;
			}
			p[to++] = p[i];
		} else if (p[i] == '\n' || p[i] == '\t') {
			p[to++] = p[i];
		} else if (p[i] == '\r') {
			/* CRLF, CRCRLF and a bare CR are one line end */
			while (i + 1 < buf->len && p[i + 1] == '\r')
				i++;
			if (i + 1 == buf->len || p[i + 1] != '\n')
				p[to++] = '\n';
		}
	}
	buf->len = to;
	if (buf->ptr)
		buf->ptr[to] = '\0';
}

/* ---- labels and converters ---- */

bool mail_charset_known(struct str label)
{
	return charset_find(label) >= 0;
}

static iconv_t converter(int id)
{
	if (!opened[id]) {
		converters[id] = iconv_open("UTF-8", charsets[id].iconv_name);
		opened[id] = true;
	}
	return converters[id];
}

void mail_charset_init(void)
{
	char in[] = "a", out[8];

	for (int id = 0; id < CHARSETS_N; id++) {
		iconv_t cd = converter(id);
		if (cd == (iconv_t)-1)
			continue;
		char *from = in, *to = out;
		size_t in_left = 1, out_left = sizeof(out);
		(void)iconv(cd, &from, &in_left, &to, &out_left);
	}
}

/* ---- conversion ---- */

struct tally {
	size_t errors; /* octets replaced */
	bool cut;
};

/* What iconv wrote; glibc's GB18030 and UTF-16 know characters that UTF-8 doesn't. */
static void put_converted(struct str s, struct strbuf *out, struct tally *tally)
{
	if (!out) {
		tally->errors += utf8_census(s).errors;
		return;
	}
	unsigned flags = put_utf8(s, out);
	tally->errors += (flags & MAIL_CHARSET_REPLACED) != 0;
	tally->cut = tally->cut || (flags & MAIL_CHARSET_CUT);
}

/* Convert with iconv; ill-formed octets become U+FFFD one by one. out NULL: only count, and stop after
 * errors_max. */
static struct tally convert(int id, struct str bytes, struct strbuf *out, size_t errors_max)
{
	struct tally tally = {0};
	char buf[4096];
	iconv_t cd = converter(id);

	if (cd == (iconv_t)-1) {
		tally.errors = bytes.len;
		return tally;
	}
	(void)iconv(cd, NULL, NULL, NULL, NULL);
	char *from = (char *)(uintptr_t)bytes.ptr;
	size_t left = bytes.len;
	while (left && !tally.cut && tally.errors <= errors_max) {
		char *to = buf;
		size_t room = sizeof(buf);
		size_t r = iconv(cd, &from, &left, &to, &room);
		int error = r == (size_t)-1 ? errno : 0;
		put_converted((struct str){buf, (size_t)(to - buf)}, out, &tally);
		if (error == EILSEQ || error == EINVAL) {
			tally.errors++;
			if (out && !put(out, REPLACEMENT))
				tally.cut = true;
			size_t skip = error == EINVAL ? left : 1;
			from += skip;
			left -= skip;
		}
	}
	if (!left) {
		char *to = buf;
		size_t room = sizeof(buf);
		(void)iconv(cd, NULL, NULL, &to, &room);
		put_converted((struct str){buf, (size_t)(to - buf)}, out, &tally);
	}
	return tally;
}

/*
 * ISO-2022-JP to EUC-JP: escape sequences choose the set, two-octet characters get their high bits set, half
 * width katakana and JIS X 0212 their prefixes. A line end returns to ASCII.
 */
static void jis_to_euc(struct str in, struct strbuf *out)
{
	static const struct {
		struct str escape;
		int set;
	} escapes[] = {
		{STR_INIT("\033$B"), 2},  {STR_INIT("\033$@"), 2},  {STR_INIT("\033$(D"), 3},
		{STR_INIT("\033$(B"), 2}, {STR_INIT("\033$(@"), 2}, {STR_INIT("\033(I"), 1},
		{STR_INIT("\033$(O"), 2}, {STR_INIT("\033(B"), 0},  {STR_INIT("\033(J"), 0},
		{STR_INIT("\033(H"), 0},
	};
	int set = 0;

	for (size_t i = 0; i < in.len;) {
		if (in.ptr[i] == '\033') {
			size_t k = 0;
			while (k < ARRAY_SIZE(escapes) &&
			       !str_starts(str_sub(in, i, in.len), escapes[k].escape))
				k++;
			set = k < ARRAY_SIZE(escapes) ? escapes[k].set : set;
			i += k < ARRAY_SIZE(escapes) ? escapes[k].escape.len : 1;
			continue;
		}
		unsigned char c = (unsigned char)in.ptr[i];
		if (c == '\016' || c == '\017') { /* SO, SI: katakana in the 7-bit form */
			set = c == '\016' ? 1 : 0;
			i++;
			continue;
		}
		if (c == '\n' || c == '\r')
			set = 0;
		if (set == 0 || c < 0x21 || c > 0x7e) {
			strbuf_addc(out, in.ptr[i++]);
		} else if (set == 1) {
			strbuf_addc(out, '\x8e');
			strbuf_addc(out, (char)(in.ptr[i++] | '\x80'));
		} else {
			unsigned char d = i + 1 < in.len ? (unsigned char)in.ptr[i + 1] : 0;
			if (d < 0x21 || d > 0x7e) {
				strbuf_addc(out, (char)(in.ptr[i++] | '\x80'));
				continue;
			}
			if (set == 3)
				strbuf_addc(out, '\x8f');
			strbuf_addc(out, (char)(c | 0x80));
			strbuf_addc(out, (char)(d | 0x80));
			i += 2;
		}
	}
}

/* HZ (RFC 1843) to GB 2312 in 8 bits. */
static void hz_to_gb(struct str in, struct strbuf *out)
{
	bool gb = false;

	for (size_t i = 0; i < in.len;) {
		struct str rest = str_sub(in, i, in.len);
		if (str_starts(rest, STR("~{")) || str_starts(rest, STR("~}"))) {
			gb = rest.ptr[1] == '{';
			i += 2;
		} else if (str_starts(rest, STR("~~"))) {
			strbuf_addc(out, '~');
			i += 2;
		} else if (str_starts(rest, STR("~\n"))) {
			i += 2;
		} else {
			if (rest.ptr[0] == '\n')
				gb = false;
			bool shift = gb && rest.ptr[0] > 0x20 && rest.ptr[0] < 0x7f;
			strbuf_addc(out, (char)(rest.ptr[0] | (shift ? '\x80' : 0)));
			i++;
		}
	}
}

static struct tally put_as(int id, struct str bytes, struct strbuf *out, size_t errors_max)
{
	enum charset_family family = charsets[id].family;

	if (family != FAMILY_JIS && family != FAMILY_HZ)
		return convert(id, bytes, out, errors_max);
	struct strbuf eight_bit;
	strbuf_init(&eight_bit, bytes.len * 2 + 16);
	if (family == FAMILY_JIS)
		jis_to_euc(bytes, &eight_bit);
	else
		hz_to_gb(bytes, &eight_bit);
	struct tally tally = convert(id, strbuf_str(&eight_bit), out, errors_max);
	strbuf_done(&eight_bit);
	return tally;
}

/* UTF-16 and UTF-32 say their order with a byte order mark; without one, the order in which line ends and
 * blanks make sense: the octet that is next to always 0 is the first. */
static int wide_order(int id, struct str *bytes)
{
	bool four = id == CHARSET_UTF32BE || id == CHARSET_UTF32LE;
	int big = four ? CHARSET_UTF32BE : CHARSET_UTF16BE, little = four ? CHARSET_UTF32LE : CHARSET_UTF16LE;
	struct str big_mark = four ? STR("\0\0\xfe\xff") : STR("\xfe\xff");
	struct str little_mark = four ? STR("\xff\xfe\0\0") : STR("\xff\xfe");

	if (str_starts(*bytes, little_mark) || str_starts(*bytes, big_mark)) {
		id = str_starts(*bytes, little_mark) ? little : big;
		*bytes = str_sub(*bytes, little_mark.len, bytes->len);
		return id;
	}
	size_t unit = four ? 4 : 2, first = 0, last = 0;
	for (size_t i = 0; i + unit <= bytes->len && i < 512; i += unit) {
		first += !bytes->ptr[i];
		last += !bytes->ptr[i + unit - 1];
	}
	if (first > last * 2)
		return big;
	return last > first * 2 ? little : id;
}

/* What the detector says, -1 when it says nothing that we know. */
static int detect(struct str bytes)
{
	uchardet_t detector = uchardet_new();

	if (!detector)
		return -1;
	int id = -1;
	if (bytes.len > DETECT_MAX)
		bytes.len = DETECT_MAX;
	if (uchardet_handle_data(detector, bytes.ptr, bytes.len) == 0) {
		uchardet_data_end(detector);
		id = charset_find(str_from(uchardet_get_charset(detector)));
	}
	uchardet_delete(detector);
	return id < 0 ? id : charset_guess_settled(id, bytes);
}

static bool has_jis_escape(struct str s)
{
	while (s.len) {
		size_t at = str_find(s, '\033');
		struct str rest = str_sub(s, at, at + 3);
		if (str_eq(rest, STR("\033$B")) || str_eq(rest, STR("\033$@")) || str_eq(rest, STR("\033(I")))
			return true;
		s = str_sub(s, at + 1, s.len);
	}
	return false;
}

/* Nobody said what it is, or what was said is wrong. */
static unsigned put_detected(struct str hint, struct str bytes, struct strbuf *out)
{
	int id = charset_find(hint);

	if (id >= 0 && charsets[id].family != FAMILY_SINGLE && charsets[id].family != FAMILY_MULTI)
		id = -1;
	if (id < 0 || put_as(id, bytes, NULL, 0).errors)
		id = detect(bytes);
	/* ASCII is read as windows-1252; a guess that can't read its own bytes is none */
	if (id < 0 || charsets[id].family == FAMILY_WIDE ||
	    (id != CHARSET_WINDOWS_1252 && put_as(id, bytes, NULL, 0).errors))
		id = CHARSET_WINDOWS_1252;
	struct tally tally = put_as(id, bytes, out, SIZE_MAX);
	return (tally.errors ? MAIL_CHARSET_REPLACED : 0u) | (tally.cut ? MAIL_CHARSET_CUT : 0u);
}

/*
 * Labelled as UTF-8, and some octets are not: damaged, or something else? Texts in single-byte charsets hold next to no
 * sequence by accident; those of East Asia do, so they are asked about when the errors outweigh.
 */
static bool is_damaged_utf8(struct str bytes, const struct utf8_census *census)
{
	if (census->sequences > census->errors)
		return true;
	if (census->sequences * 2 < census->errors || !census->sequences)
		return false;
	int id = detect(bytes);
	return id < 0 || charsets[id].family != FAMILY_MULTI || put_as(id, bytes, NULL, 0).errors;
}

/* "us-ascii" and "iso-8859-1" are what programs say that know no charsets: does the detector know better? */
static bool is_other_script(int id, struct str bytes)
{
	static const unsigned char scripts[CHARSETS_N] = {
		[CHARSET_IBM866] = 1,       [CHARSET_CYRILLIC] = 1,     [CHARSET_ARABIC] = 1,
		[CHARSET_GREEK] = 1,        [CHARSET_HEBREW] = 1,       [CHARSET_KOI8_R] = 1,
		[CHARSET_KOI8_U] = 1,       [CHARSET_MAC_CYRILLIC] = 1, [CHARSET_WINDOWS_874] = 1,
		[CHARSET_WINDOWS_1251] = 1, [CHARSET_WINDOWS_1253] = 1, [CHARSET_WINDOWS_1255] = 1,
		[CHARSET_WINDOWS_1256] = 1, [CHARSET_GB18030] = 1,      [CHARSET_BIG5] = 1,
		[CHARSET_EUC_TW] = 1,       [CHARSET_EUC_JP] = 1,       [CHARSET_SHIFT_JIS] = 1,
		[CHARSET_EUC_KR] = 1,
	};

	if ((id != CHARSET_WINDOWS_1252 && id != CHARSET_LATIN9) || !charset_is_not_western(bytes))
		return false;
	int detected = detect(bytes);
	return detected >= 0 && scripts[detected] && !put_as(detected, bytes, NULL, 0).errors;
}

static unsigned put_labelled(int id, struct str hint, struct str bytes, struct strbuf *out,
			     const struct utf8_census *census)
{
	enum charset_family family = charsets[id].family;

	if (family == FAMILY_WIDE)
		id = wide_order(id, &bytes);
	/* A text in a single-byte charset is next to never valid UTF-8 by accident. */
	if (family == FAMILY_SINGLE && census->sequences && !census->errors)
		return MAIL_CHARSET_CONTRADICTED | put_utf8(bytes, out);
	size_t eight_bit = census->sequences + census->errors;
	bool wrong = false, other_script = false;
	if (family == FAMILY_MULTI || family == FAMILY_JIS || family == FAMILY_SEVEN_BIT) {
		size_t errors_max = eight_bit / 8;
		size_t errors = put_as(id, bytes, NULL, errors_max).errors;
		wrong = errors > errors_max || (errors && census->sequences && !census->errors);
	} else if (family == FAMILY_SINGLE && eight_bit) {
		size_t errors_max = eight_bit / 4;
		other_script = is_other_script(id, bytes);
		wrong = other_script || put_as(id, bytes, NULL, errors_max).errors > errors_max;
	} else if (family == FAMILY_WIDE) {
		wrong = bytes.len && !memchr(bytes.ptr, 0, bytes.len < 4096 ? bytes.len : 4096) && !eight_bit;
	}
	if (wrong) {
		if (!census->errors)
			return MAIL_CHARSET_CONTRADICTED | put_utf8(bytes, out);
		return MAIL_CHARSET_CONTRADICTED | put_detected(other_script ? STR("") : hint, bytes, out);
	}
	struct tally tally = put_as(id, bytes, out, SIZE_MAX);
	return (tally.errors ? MAIL_CHARSET_REPLACED : 0u) | (tally.cut ? MAIL_CHARSET_CUT : 0u);
}

struct str mail_charset_guess(struct str bytes)
{
	bytes = str_sub(bytes, 0, DETECT_MAX);
	if (!utf8_census(bytes).errors)
		return STR("");
	int id = detect(bytes);
	return id < 0 ? STR("") : str_from(charsets[id].iconv_name);
}

unsigned mail_charset_to_utf8(struct str label, struct str hint, struct str bytes, struct strbuf *out)
{
	int id = charset_find(label);
	unsigned flags = id < 0 && str_trim(label).len ? MAIL_CHARSET_UNKNOWN : 0;
	bool stateful = id >= 0 && charsets[id].family >= FAMILY_WIDE;

	if (!stateful && str_starts(bytes, STR("\xef\xbb\xbf")))
		bytes = str_sub(bytes, 3, bytes.len);
	if (!stateful && ascii_run(bytes) == bytes.len) {
		/* the usual case; an unlabelled ISO-2022-JP text is ASCII to the eye */
		if (has_jis_escape(bytes))
			return flags |
			       (put_as(CHARSET_ISO_2022_JP, bytes, out, SIZE_MAX).cut ? MAIL_CHARSET_CUT
										      : 0u);
		return flags | (put(out, bytes) ? 0u : MAIL_CHARSET_CUT);
	}
	struct utf8_census census = utf8_census(bytes);
	if (id > CHARSET_UTF8)
		return flags | put_labelled(id, hint, bytes, out, &census);
	if (!census.errors || (id == CHARSET_UTF8 && is_damaged_utf8(bytes, &census)))
		return flags | put_utf8(bytes, out);
	if (id < 0 && (str_starts(bytes, STR("\xff\xfe")) || str_starts(bytes, STR("\xfe\xff"))) &&
	    memchr(bytes.ptr, 0, bytes.len))
		return flags | put_labelled(CHARSET_UTF16LE, hint, bytes, out, &census);
	if (id == CHARSET_UTF8)
		flags |= MAIL_CHARSET_CONTRADICTED;
	return flags | put_detected(hint, bytes, out);
}
