/*
 * Encoded words: decoded octets of adjacent words with the same charset are collected and converted together,
 * for mailers split characters between words. Raw octets between them are converted as they are.
 *
 * Linear: every position is asked once, and the place of the next "?=" is remembered (struct mail_words), so
 * words that never end cost one scan in all. Pure.
 */
#include "ingest/mail_word.h"

#include "ingest/mail_charset.h"
#include "ingest/mail_decode.h"

#define CHARSET_MAX 64
#define TEXT_MAX    (64 * 1024) /* octets that one decoded value may have */

static size_t find2(struct str s, size_t from, char a, char b)
{
	for (size_t i = from; i + 1 < s.len;) {
		const char *p = memchr(s.ptr + i, a, s.len - i - 1);
		if (!p)
			break;
		i = (size_t)(p - s.ptr);
		if (s.ptr[i + 1] == b)
			return i;
		i++;
	}
	return s.len;
}

/* Where the text of a word that begins at from ends; value.len when nowhere. */
static size_t text_end(struct mail_words *words, size_t from)
{
	if (!words->asked || words->end < from) {
		words->end = find2(words->value, from, '?', '=');
		words->asked = true;
	}
	return words->end;
}

bool mail_word_at(struct mail_words *words, size_t at, struct mail_word *ret)
{
	struct str value = words->value;

	if (at + 2 > value.len || value.ptr[at] != '=' || value.ptr[at + 1] != '?')
		return false;
	size_t i = at + 2;
	while (i < value.len && i - at < CHARSET_MAX && value.ptr[i] != '?' && value.ptr[i] > ' ')
		i++;
	if (i + 2 >= value.len || value.ptr[i] != '?' || value.ptr[i + 2] != '?')
		return false;
	char encoding = ascii_lower(value.ptr[i + 1]);
	if (encoding != 'b' && encoding != 'q')
		return false;
	size_t from = i + 3, end = text_end(words, from);
	size_t size = end + 2;
	if (end == value.len) {
		/* a word at the very end that was cut short still says something */
		for (size_t k = from; k < value.len; k++)
			if (value.ptr[k] == ' ' || value.ptr[k] == '?' || value.ptr[k] == '\t')
				return false;
		size = value.len;
	} else {
		/* another word begins before this one ends: this one is unfinished */
		struct str inner = str_sub(value, 0, end);
		size_t next = find2(inner, from, '=', '?');
		if (next < inner.len)
			return false;
	}
	*ret = (struct mail_word){
		.charset = str_sub(value, at + 2, i),
		.text = str_sub(value, from, end),
		.base64 = encoding == 'b',
		.size = size - at,
	};
	return true;
}

static void decode_text(const struct mail_word *word, struct strbuf *out)
{
	if (word->base64) {
		mail_decode(MAIL_ENCODING_BASE64, word->text, out);
		return;
	}
	/* RFC 2047 4.2: "_" is a blank */
	size_t from = out->len;
	mail_decode(MAIL_ENCODING_IDENTITY, word->text, out);
	for (size_t i = from; i < out->len; i++)
		if (out->ptr[i] == '_')
			out->ptr[i] = ' ';
	struct mail_decoder decoder;
	char buf[512];
	size_t n, to = from;
	/* in place: what is decoded is never longer than what it came from */
	mail_decoder_init(&decoder, MAIL_ENCODING_QP, str_sub(strbuf_str(out), from, out->len));
	while ((n = mail_decoder_next(&decoder, buf, sizeof(buf))) > 0) {
		memcpy(out->ptr + to, buf, n);
		to += n;
	}
	out->len = to;
}

static void flush_word(struct str charset, struct strbuf *octets, struct strbuf *out)
{
	if (octets->len)
		mail_charset_to_utf8(charset, STR(""), strbuf_str(octets), out);
	strbuf_clear(octets);
}

/* Decoded but not yet one line. */
static void decode(struct str value, struct str hint, struct strbuf *out)
{
	struct mail_words words = {.value = value};
	struct mail_word word;
	struct strbuf octets;
	struct str charset = STR("");
	bool after_word = false;
	size_t from = 0, i = 0;

	strbuf_init(&octets, value.len + 1);
	while (i < value.len) {
		const char *p = memchr(value.ptr + i, '=', value.len - i);
		if (!p)
			break;
		i = (size_t)(p - value.ptr);
		if (!mail_word_at(&words, i, &word)) {
			i++;
			continue;
		}
		struct str between = str_sub(value, from, i);
		if (!after_word || str_trim(between).len) {
			flush_word(charset, &octets, out);
			if (between.len)
				mail_charset_to_utf8(STR(""), hint, between, out);
		}
		if (!str_ieq(charset, word.charset)) {
			flush_word(charset, &octets, out);
			charset = word.charset;
		}
		decode_text(&word, &octets);
		after_word = true;
		i += word.size;
		from = i;
	}
	flush_word(charset, &octets, out);
	if (from < value.len)
		mail_charset_to_utf8(STR(""), hint, str_sub(value, from, value.len), out);
	strbuf_done(&octets);
}

void mail_word_decode(struct str value, struct str charset_hint, struct strbuf *out)
{
	struct strbuf text;

	strbuf_init(&text, TEXT_MAX);
	decode(value, charset_hint, &text);
	utf8_one_line(&text);
	utf8_append(out, strbuf_str(&text));
	strbuf_done(&text);
}

int mail_word_text(struct arena *arena, struct str value, struct str charset_hint, struct str *ret)
{
	struct strbuf text;

	if (!value.len) {
		*ret = STR("");
		return 0;
	}
	strbuf_init(&text, TEXT_MAX);
	decode(value, charset_hint, &text);
	utf8_one_line(&text);
	int r = arena_copy(arena, strbuf_str(&text), ret);
	strbuf_done(&text);
	return r;
}
