/*
 * See rtf_text.h. Unpacking is a ring of 4 KiB that begins with words of many documents; the reader is one pass with a
 * stack of groups of fixed depth: what nests deeper shares the deepest place.
 *
 * A group is not for readers when it begins with a destination of the table, or with "\*" and any destination. Control
 * words take no part in the text but those that end paragraphs, cells and lines, and those that are characters. Octets
 * (\'e4, and raw ones) are gathered and read by the document's code page. Pure.
 */
#include "ingest/rtf_text.h"

#include <errno.h>
#include <stdio.h>

#include "ingest/mail_charset.h"
#include "ingest/text_fold.h"

#define RING_SIZE  4096
#define HEAD_SIZE  16
#define DEPTH_MAX  128
#define OCTETS_MAX 512
#define WORD_MAX   32

/* [MS-OXRTFCP] 2.1.2.1: what the ring holds at the start. */
static const char ring_start[] =
	"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
	"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
	"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

#define PACKED   "LZFu"
#define UNPACKED "MELA"

static size_t little32(struct str s, size_t at)
{
	size_t value = 0;

	for (size_t i = 4; i-- > 0;)
		value = value << 8 | (unsigned char)s.ptr[at + i];
	return value;
}

struct ring {
	char octets[RING_SIZE];
	size_t at;
};

static void put(struct ring *ring, struct strbuf *out, char c)
{
	ring->octets[ring->at] = c;
	ring->at = (ring->at + 1) % RING_SIZE;
	strbuf_addc(out, c);
}

int rtf_unpack(struct str packed, struct strbuf *out)
{
	struct ring ring = {.at = sizeof(ring_start) - 1};

	if (packed.len < HEAD_SIZE)
		return -EBADMSG;
	struct str kind = str_sub(packed, 8, 12);
	size_t left = little32(packed, 4), i = HEAD_SIZE;
	if (str_eq(kind, STR(UNPACKED))) {
		struct str raw = str_sub(packed, HEAD_SIZE, packed.len);
		strbuf_add(out,
			   str_sub(raw, 0, left < out->len_max - out->len ? left : out->len_max - out->len));
		return 0;
	}
	if (!str_eq(kind, STR(PACKED)))
		return -EBADMSG;
	memset(ring.octets, ' ', sizeof(ring.octets));
	memcpy(ring.octets, ring_start, sizeof(ring_start) - 1);
	/* the size that is told is not believed beyond what comes and what fits */
	while (i < packed.len && !out->overflow) {
		unsigned control = (unsigned char)packed.ptr[i++];
		for (unsigned bit = 0; bit < 8 && i < packed.len && !out->overflow; bit++) {
			if (!(control & 1u << bit)) {
				put(&ring, out, packed.ptr[i++]);
				continue;
			}
			if (i + 1 >= packed.len)
				return 0;
			size_t pair =
				(size_t)(unsigned char)packed.ptr[i] << 8 | (unsigned char)packed.ptr[i + 1];
			i += 2;
			size_t from = pair >> 4, n = (pair & 15) + 2;
			if (from == ring.at)
				return 0; /* the end */
			for (; n > 0; n--, from = (from + 1) % RING_SIZE)
				put(&ring, out, ring.octets[from]);
		}
	}
	out->overflow = false;
	return 0;
}

/* ---- reading ---- */

struct group {
	bool hidden;   /* not for readers */
	unsigned skip; /* \uc: octets that stand for a \u character */
};

struct rtf {
	struct str rest;
	struct strbuf *out;
	struct group stack[DEPTH_MAX];
	size_t depth;       /* may pass DEPTH_MAX */
	bool starred;       /* "\*" came, and a destination follows */
	bool wraps_html;    /* \fromhtml */
	bool for_rtf;       /* \htmlrtf: what stands for readers of RTF only */
	unsigned to_skip;   /* octets that the last \u makes superfluous */
	uint32_t surrogate; /* the first half of a pair, or 0 */
	unsigned codepage;
	char octets[OCTETS_MAX]; /* not read by their code page yet */
	size_t octets_n;
};

struct control {
	char word[WORD_MAX];
	bool numbered;
	long number;
};

static struct group *top(struct rtf *rtf)
{
	return &rtf->stack[rtf->depth < DEPTH_MAX ? rtf->depth : DEPTH_MAX - 1];
}

static bool is_hidden(struct rtf *rtf)
{
	return top(rtf)->hidden || rtf->for_rtf;
}

static void flush(struct rtf *rtf)
{
	char label[24];

	if (!rtf->octets_n)
		return;
	snprintf(label, sizeof(label), rtf->codepage == 65001 ? "utf-8" : "windows-%u",
		 rtf->codepage ? rtf->codepage : 1252);
	mail_charset_to_utf8(str_from(label), STR(""), (struct str){rtf->octets, rtf->octets_n}, rtf->out);
	rtf->octets_n = 0;
}

static void add_octet(struct rtf *rtf, char c)
{
	if (rtf->to_skip) {
		rtf->to_skip--;
		return;
	}
	if (is_hidden(rtf))
		return;
	if (rtf->octets_n == sizeof(rtf->octets))
		flush(rtf);
	rtf->octets[rtf->octets_n++] = c;
}

static void add_char(struct rtf *rtf, uint32_t c)
{
	char utf8[4];

	if (is_hidden(rtf))
		return;
	flush(rtf);
	utf8_append(rtf->out, (struct str){utf8, utf8_put(c, utf8)});
}

/* \u with a 16-bit number, which may be written negative, and may be half of a character. */
static void add_unicode(struct rtf *rtf, long number)
{
	uint32_t c = (uint32_t)number & 0xffff;

	if (c >= 0xd800 && c < 0xdc00) {
		rtf->surrogate = c;
	} else if (c >= 0xdc00 && c < 0xe000) {
		add_char(rtf,
			 rtf->surrogate ? 0x10000 + ((rtf->surrogate & 0x3ff) << 10 | (c & 0x3ff)) : 0xfffd);
		rtf->surrogate = 0;
	} else if (c) {
		add_char(rtf, c);
	}
	rtf->to_skip = top(rtf)->skip;
}

static void open_group(struct rtf *rtf)
{
	struct group outer = *top(rtf);

	rtf->depth++;
	*top(rtf) = outer;
}

static void close_group(struct rtf *rtf)
{
	flush(rtf);
	rtf->depth -= rtf->depth > 0;
}

/* "\word-12 ": letters, a number, one blank. */
static void take_control(struct rtf *rtf, struct control *ret)
{
	struct str s = rtf->rest;
	size_t n = 0, letters = 0;
	bool negative = false;

	*ret = (struct control){.numbered = false};
	for (; n < s.len && ascii_alpha(s.ptr[n]); n++)
		if (letters + 1 < sizeof(ret->word))
			ret->word[letters++] = s.ptr[n];
	if (n < s.len && s.ptr[n] == '-') {
		negative = true;
		n++;
	}
	for (; n < s.len && ascii_digit(s.ptr[n]); n++) {
		ret->numbered = true;
		if (ret->number < 1000000)
			ret->number = ret->number * 10 + (s.ptr[n] - '0');
	}
	ret->number = negative ? -ret->number : ret->number;
	n += n < s.len && s.ptr[n] == ' ';
	rtf->rest = str_sub(s, n, s.len);
}

static bool is_unread_destination(const char *word)
{
	static const char *const words[] = {
		"fonttbl",   "colortbl",          "stylesheet", "info",      "pict",    "object",
		"header",    "headerl",           "headerr",    "footer",    "footerl", "footerr",
		"listtable", "listoverridetable", "revtbl",     "themedata", "xmlnstbl"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static uint32_t character_of(const char *word)
{
	static const struct {
		const char *word;
		uint32_t c;
	} characters[] = {
		{"par", '\n'},         {"line", '\n'},        {"row", '\n'},      {"sect", '\n'},
		{"page", '\n'},        {"tab", '\t'},         {"cell", '\t'},     {"emdash", 0x2014},
		{"endash", 0x2013},    {"bullet", 0x2022},    {"lquote", 0x2018}, {"rquote", 0x2019},
		{"ldblquote", 0x201c}, {"rdblquote", 0x201d},
	};

	for (size_t i = 0; i < ARRAY_SIZE(characters); i++)
		if (strcmp(word, characters[i].word) == 0)
			return characters[i].c;
	return 0;
}

static void apply(struct rtf *rtf, const struct control *control)
{
	const char *word = control->word;
	uint32_t c = character_of(word);
	bool starred = rtf->starred;

	rtf->starred = false;
	if (starred || is_unread_destination(word))
		top(rtf)->hidden = true;
	else if (c)
		add_char(rtf, c);
	else if (strcmp(word, "u") == 0 && control->numbered)
		add_unicode(rtf, control->number);
	else if (strcmp(word, "uc") == 0 && control->number >= 0 && control->number <= 16)
		top(rtf)->skip = (unsigned)control->number;
	else if (strcmp(word, "ansicpg") == 0 && control->number > 0)
		rtf->codepage = (unsigned)control->number;
	else if (strcmp(word, "fromhtml") == 0)
		rtf->wraps_html = true;
	else if (strcmp(word, "htmlrtf") == 0) {
		flush(rtf);
		rtf->for_rtf = rtf->wraps_html && !(control->numbered && control->number == 0);
	} else if (strcmp(word, "v") == 0) {
		flush(rtf);
		top(rtf)->hidden |= !control->numbered;
	}
}

static int hex(char c)
{
	if (ascii_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind a backslash. */
static void take_escape(struct rtf *rtf)
{
	struct control control;
	char c = rtf->rest.len ? rtf->rest.ptr[0] : '\0';

	if (ascii_alpha(c)) {
		take_control(rtf, &control);
		apply(rtf, &control);
		return;
	}
	rtf->rest = str_sub(rtf->rest, 1, rtf->rest.len);
	if (c == '*') {
		rtf->starred = true;
	} else if (c == '\'' && rtf->rest.len >= 2) {
		int high = hex(rtf->rest.ptr[0]), low = hex(rtf->rest.ptr[1]);
		rtf->rest = str_sub(rtf->rest, 2, rtf->rest.len);
		if (high >= 0 && low >= 0)
			add_octet(rtf, (char)(high << 4 | low));
	} else if (c == '~') {
		add_char(rtf, ' ');
	} else if (c == '\n' || c == '\r') {
		add_char(rtf, '\n');
	} else if (c == '\\' || c == '{' || c == '}') {
		add_octet(rtf, c);
	} else if (c == '_') {
		add_octet(rtf, '-');
	}
}

int rtf_to_text(struct str source, struct strbuf *out)
{
	struct rtf rtf = {.rest = source, .out = out};
	size_t before = out->len;

	if (!str_starts(source, STR("{\\rtf")))
		return -EBADMSG;
	rtf.stack[0].skip = 1;
	while (rtf.rest.len) {
		char c = rtf.rest.ptr[0];
		rtf.rest = str_sub(rtf.rest, 1, rtf.rest.len);
		if (c == '\\')
			take_escape(&rtf);
		else if (c == '{')
			open_group(&rtf);
		else if (c == '}')
			close_group(&rtf);
		else if (c != '\r' && c != '\n' && c != '\0')
			add_octet(&rtf, c);
	}
	flush(&rtf);
	/* converters leave controls alone */
	if (out->len > before)
		utf8_clean_text(out);
	return 0;
}
