/*
 * Parameters. A field value is walked once per question: "name=value" pieces separated by ";"; the pieces of
 * the wanted parameter (name, name*, name*0, name*0*, name*1 ...) are collected, put in order, percent-decoded
 * where marked, joined as octets and converted once. Pure.
 */
#include "ingest/mail_param.h"

#include <errno.h>
#include <stdlib.h>

#include "base/strbuf.h"
#include "ingest/mail_charset.h"
#include "ingest/mail_word.h"

struct piece {
	unsigned number;
	bool extended; /* percent-encoded */
	struct str value;
	size_t order; /* as met, for a stable sort */
};

struct pair {
	struct str name;  /* with its stars */
	struct str value; /* quotes removed, not unescaped */
	bool quoted;
};

static size_t skip_blanks_and_semicolons(struct str s, size_t i)
{
	while (i < s.len && (ascii_space(s.ptr[i]) || s.ptr[i] == ';'))
		i++;
	return i;
}

/* The next pair at *at; false at the end. A word without "=" is passed over. */
static bool next_pair(struct str s, size_t *at, struct pair *ret)
{
	size_t i = *at;

	for (;;) {
		i = skip_blanks_and_semicolons(s, i);
		if (i >= s.len)
			return false;
		size_t from = i;
		while (i < s.len && s.ptr[i] != '=' && s.ptr[i] != ';' && s.ptr[i] != '"' &&
		       !ascii_space(s.ptr[i]))
			i++;
		struct str name = str_sub(s, from, i);
		while (i < s.len && ascii_space(s.ptr[i]))
			i++;
		if (i >= s.len || s.ptr[i] != '=') {
			if (i < s.len && s.ptr[i] == '"')
				i++;
			continue;
		}
		i++;
		while (i < s.len && ascii_space(s.ptr[i]))
			i++;
		from = i;
		ret->name = name;
		ret->quoted = i < s.len && s.ptr[i] == '"';
		if (ret->quoted) {
			from = ++i;
			while (i < s.len && s.ptr[i] != '"')
				i += s.ptr[i] == '\\' && i + 1 < s.len &&
						     (s.ptr[i + 1] == '"' || s.ptr[i + 1] == '\\')
					     ? 2
					     : 1;
			ret->value = str_sub(s, from, i);
			*at = i < s.len ? i + 1 : s.len;
		} else {
			while (i < s.len && s.ptr[i] != ';')
				i++;
			ret->value = str_trim(str_sub(s, from, i));
			*at = i;
		}
		return true;
	}
}

/* Does the pair belong to the parameter? Its number: -1 for the plain form. */
static bool matches(const struct pair *pair, struct str name, int *ret_number, bool *ret_extended)
{
	if (!str_istarts(pair->name, name))
		return false;
	struct str rest = str_sub(pair->name, name.len, pair->name.len);
	*ret_number = -1;
	*ret_extended = false;
	if (!rest.len)
		return true;
	if (rest.ptr[0] != '*')
		return false;
	rest = str_sub(rest, 1, rest.len);
	if (!rest.len) {
		*ret_number = 0;
		*ret_extended = true;
		return true;
	}
	int number = 0;
	size_t i = 0;
	while (i < rest.len && i < 4 && ascii_digit(rest.ptr[i]))
		number = number * 10 + (rest.ptr[i++] - '0');
	if (!i)
		return false;
	*ret_number = number;
	*ret_extended = i < rest.len && rest.ptr[i] == '*';
	return true;
}

static int compare_pieces(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Backslashes of a quoted string: only before a quote or a backslash, the rest are Windows paths. */
static void add_unescaped(struct str value, struct strbuf *out)
{
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] == '\\' && i + 1 < value.len &&
		    (value.ptr[i + 1] == '"' || value.ptr[i + 1] == '\\'))
			i++;
		strbuf_addc(out, value.ptr[i]);
	}
}

static int hex_digit(char c)
{
	if (ascii_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void add_percent_decoded(struct str value, struct strbuf *out)
{
	for (size_t i = 0; i < value.len; i++) {
		int high = -1, low = -1;
		if (value.ptr[i] == '%' && i + 2 < value.len) {
			high = hex_digit(value.ptr[i + 1]);
			low = hex_digit(value.ptr[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			strbuf_addc(out, (char)(high << 4 | low));
			i += 2;
		} else {
			strbuf_addc(out, value.ptr[i]);
		}
	}
}

/* charset'language'text: takes the charset off; some forget the quotes. */
static struct str take_charset(struct str *value)
{
	size_t first = str_find(*value, '\'');

	if (first == value->len)
		return STR("");
	struct str rest = str_sub(*value, first + 1, value->len);
	size_t second = str_find(rest, '\'');
	struct str charset = str_sub(*value, 0, first);
	if (second == rest.len || (charset.len && !mail_charset_known(charset)))
		return STR("");
	*value = str_sub(rest, second + 1, rest.len);
	return charset;
}

static size_t collect(struct str value, struct str name, struct piece pieces[], struct pair *ret_plain)
{
	struct pair pair;
	size_t at = 0, n = 0;

	/* a blank will do: some forget the semicolon behind the type */
	while (at < value.len && value.ptr[at] != ';' && !ascii_space(value.ptr[at]))
		at++;

	while (next_pair(value, &at, &pair)) {
		int number;
		bool extended;
		if (!matches(&pair, name, &number, &extended))
			continue;
		if (number < 0) {
			if (!ret_plain->name.len)
				*ret_plain = pair;
		} else if (n < MAIL_PARAM_PIECES_MAX) {
			pieces[n] = (struct piece){(unsigned)number, extended, pair.value, n};
			n++;
		}
	}
	return n;
}

static bool decode_pieces(struct piece pieces[], size_t n, struct str hint, struct strbuf *out)
{
	struct strbuf octets;
	struct str charset = STR("");
	bool any_extended = false;

	qsort(pieces, n, sizeof(pieces[0]), compare_pieces);
	strbuf_init(&octets, MAIL_PARAM_MAX);
	for (size_t i = 0; i < n && !octets.overflow; i++) {
		if (i && pieces[i].number == pieces[i - 1].number)
			continue;
		struct str value = pieces[i].value;
		if (pieces[i].extended) {
			if (!any_extended)
				charset = take_charset(&value);
			any_extended = true;
			add_percent_decoded(value, &octets);
		} else {
			add_unescaped(value, &octets);
		}
	}
	struct str joined = strbuf_str(&octets);
	if (charset.len && joined.len) {
		mail_charset_to_utf8(charset, hint, joined, out);
		utf8_one_line(out);
	} else if (joined.len) {
		mail_word_decode(joined, hint, out); /* encoded words are found here too */
	}
	strbuf_done(&octets);
	return out->len > 0;
}

int mail_param(struct arena *arena, struct str value, struct str name, struct str charset_hint,
	       struct str *ret)
{
	struct piece pieces[MAIL_PARAM_PIECES_MAX];
	struct pair plain = {.name = STR("")};
	struct strbuf text;
	int r = -ENOENT;

	size_t n = collect(value, name, pieces, &plain);
	if (!n && !plain.name.len)
		return -ENOENT;
	strbuf_init(&text, MAIL_PARAM_MAX);
	bool found = n && decode_pieces(pieces, n, charset_hint, &text);
	if (!found && plain.value.len) {
		struct strbuf octets;
		strbuf_init(&octets, MAIL_PARAM_MAX);
		add_unescaped(str_sub(plain.value, 0, MAIL_PARAM_MAX), &octets);
		mail_word_decode(strbuf_str(&octets), charset_hint, &text);
		strbuf_done(&octets);
	}
	if (text.len)
		r = arena_copy(arena, strbuf_str(&text), ret);
	strbuf_done(&text);
	return r;
}

int mail_param_raw(struct arena *arena, struct str value, struct str name, struct str *ret)
{
	struct piece pieces[MAIL_PARAM_PIECES_MAX];
	struct pair plain = {.name = STR("")};
	struct strbuf octets;

	size_t n = collect(value, name, pieces, &plain);
	strbuf_init(&octets, MAIL_PARAM_MAX);
	if (plain.name.len) {
		if (plain.quoted) {
			add_unescaped(str_sub(plain.value, 0, MAIL_PARAM_MAX), &octets);
		} else {
			size_t end = 0; /* an unquoted token ends at a blank: a semicolon may be missing */
			while (end < plain.value.len && !ascii_space(plain.value.ptr[end]))
				end++;
			strbuf_add(&octets, str_sub(plain.value, 0, end));
		}
	}
	qsort(pieces, n, sizeof(pieces[0]), compare_pieces);
	for (size_t i = 0; i < n && !plain.name.len; i++) {
		struct str piece = pieces[i].value;
		if (pieces[i].extended && i == 0)
			take_charset(&piece);
		if (pieces[i].extended)
			add_percent_decoded(piece, &octets);
		else
			add_unescaped(piece, &octets);
	}
	int r = octets.len && !octets.overflow ? arena_copy(arena, strbuf_str(&octets), ret) : -ENOENT;
	strbuf_done(&octets);
	return r;
}
