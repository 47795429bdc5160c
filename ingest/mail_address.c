/*
 * Address lists: one scan over the octets that collects, for the mailbox under way, its phrase (quotes
 * removed, for the name), its bare text (quotes kept, for an address without brackets), its angle-addr and
 * its comment. A comma, a semicolon or the end finishes it. A colon outside an address begins a group: what
 * was collected is its name and is dropped, so nesting needs no stack.
 *
 * Linear: a quote, a comment or an encoded word that never ends is found out once (the no_more flags). Pure.
 */
#include "ingest/mail_address.h"

#include <errno.h>

#include "ingest/mail_charset.h"
#include "ingest/mail_word.h"

#define COLLECTED_MAX 4096 /* octets of one mailbox */

struct scanner {
	struct arena *arena;
	struct str in, hint;
	size_t at;
	struct mail_words words;
	bool no_more_quotes, no_more_comments;
	/* the mailbox under way */
	struct strbuf phrase, bare, angle, comment;
	bool has_angle;
	bool again; /* the text came out of an encoded word: decode it no further */
	/* what to fall back on: the first name that came without an address */
	struct mail_mailbox nameonly;
	size_t nameonly_n;
	bool group;
	/* result */
	struct mail_mailboxes *ret;
	size_t allocated, max;
	int error;
};

static void scan(struct scanner *scanner);

static void clear(struct scanner *scanner)
{
	strbuf_clear(&scanner->phrase);
	strbuf_clear(&scanner->bare);
	strbuf_clear(&scanner->angle);
	strbuf_clear(&scanner->comment);
	scanner->has_angle = false;
}

/* ---- taking pieces ---- */

/* Past the end of a quoted string that begins at from (behind the quote); 0: it never ends. */
static size_t quote_end(struct str s, size_t from)
{
	for (size_t i = from; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '"')
			return i + 1;
	}
	return 0;
}

static void add_without_escapes(struct str s, struct strbuf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\\' && i + 1 < s.len)
			i++;
		strbuf_addc(out, s.ptr[i]);
	}
}

static void take_quoted(struct scanner *scanner)
{
	size_t end = scanner->no_more_quotes ? 0 : quote_end(scanner->in, scanner->at + 1);

	if (!end) {
		scanner->no_more_quotes = true;
		scanner->at++;
		return;
	}
	strbuf_add(&scanner->bare, str_sub(scanner->in, scanner->at, end));
	add_without_escapes(str_sub(scanner->in, scanner->at + 1, end - 1), &scanner->phrase);
	scanner->at = end;
}

static size_t comment_end(struct str s, size_t from)
{
	size_t depth = 0;

	for (size_t i = from; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '(')
			depth++;
		else if (s.ptr[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

static void take_comment(struct scanner *scanner)
{
	size_t end = scanner->no_more_comments ? 0 : comment_end(scanner->in, scanner->at);

	if (!end) {
		scanner->no_more_comments = true;
		strbuf_addc(&scanner->phrase, '(');
		scanner->at++;
		return;
	}
	if (!scanner->comment.len)
		add_without_escapes(str_sub(scanner->in, scanner->at + 1, end - 1), &scanner->comment);
	/* inside a bare address a comment stands for nothing, between words for a blank */
	strbuf_addc(&scanner->bare, ' ');
	scanner->at = end;
}

/* An address without comments and blanks, without route and scheme. */
static void add_address(struct str s, struct strbuf *out)
{
	size_t comments = 0;
	bool quoted = false;

	s = str_trim(s);
	if (str_istarts(s, STR("mailto:")))
		s = str_sub(s, 7, s.len);
	if (s.len && s.ptr[0] == '@' && str_find(s, ':') < s.len)
		s = str_sub(s, str_find(s, ':') + 1, s.len); /* RFC 5322 4.4: obs-route */
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (c == '\\' && quoted && i + 1 < s.len) {
			strbuf_addc(out, c);
			strbuf_addc(out, s.ptr[++i]);
		} else if (c == '"') {
			quoted = !quoted;
			strbuf_addc(out, c);
		} else if (quoted) {
			strbuf_addc(out, c);
		} else if (c == '(') {
			comments++;
		} else if (c == ')' && comments) {
			comments--;
		} else if (!comments && !ascii_space(c) && c != '<' && c != '>') {
			strbuf_addc(out, c);
		}
	}
}

static void take_angle(struct scanner *scanner)
{
	struct str in = scanner->in;
	size_t from = scanner->at + 1, i = from;

	while (i < in.len && in.ptr[i] == '<')
		i++;
	from = i;
	bool route = from < in.len && in.ptr[from] == '@';
	bool quoted = false;
	size_t comma = 0;
	for (; i < in.len && (quoted || (in.ptr[i] != '>' && in.ptr[i] != '<')); i++) {
		if (in.ptr[i] == '\\' && quoted)
			i++;
		else if (in.ptr[i] == '"')
			quoted = !quoted;
		else if ((in.ptr[i] == ',' || in.ptr[i] == ';') && !quoted && !comma && !route)
			comma = i;
	}
	if (i > in.len)
		i = in.len;
	bool closed = i < in.len && in.ptr[i] == '>';
	size_t end = !closed && comma ? comma : i;
	if (!scanner->has_angle || !memchr(strbuf_str(&scanner->angle).ptr, '@', scanner->angle.len)) {
		strbuf_clear(&scanner->angle);
		add_address(str_sub(in, from, end), &scanner->angle);
		scanner->has_angle = true;
	}
	scanner->at = end + (closed ? 1 : 0);
	while (closed && scanner->at < in.len && in.ptr[scanner->at] == '>')
		scanner->at++;
}

/* ---- finishing a mailbox ---- */

static bool is_address(struct str s)
{
	size_t at = str_find(s, '@');
	return at < s.len && at + 1 < s.len && at > 0;
}

/* The word around the last "@" of a text without brackets; blanks beside "@" and dots belong to it. */
static struct str word_around_at(struct str s, size_t *ret_from, size_t *ret_to)
{
	size_t at = s.len;

	while (at > 0 && s.ptr[at - 1] != '@')
		at--;
	if (at == 0)
		return STR("");
	size_t from = at - 1, to = at;
	while (from > 0 && ascii_space(s.ptr[from - 1]))
		from--;
	if (from > 0 && s.ptr[from - 1] == '"') {
		from--;
		while (from > 0 && s.ptr[from - 1] != '"')
			from--;
		from -= from > 0;
	} else {
		while (from > 0 && !ascii_space(s.ptr[from - 1]) && !strchr("<>\"", s.ptr[from - 1]))
			from--;
	}
	while (to < s.len && ascii_space(s.ptr[to]))
		to++;
	for (;;) {
		while (to < s.len && !ascii_space(s.ptr[to]) && !strchr("<>\"", s.ptr[to]))
			to++;
		size_t next = to;
		while (next < s.len && ascii_space(s.ptr[next]))
			next++;
		if (next >= s.len || !(s.ptr[next] == '.' || s.ptr[to - 1] == '.') || next == to)
			break;
		to = next;
	}
	*ret_from = from;
	*ret_to = to;
	return str_sub(s, from, to);
}

/* A decoded display name, without bidi controls and the quotes that some programs add. */
static int set_name(struct scanner *scanner, struct str raw, struct str *ret)
{
	struct strbuf text, name;

	strbuf_init(&text, COLLECTED_MAX);
	strbuf_init(&name, COLLECTED_MAX);
	if (scanner->again)
		utf8_append(&text, raw);
	else
		mail_word_decode(raw, scanner->hint, &text);
	struct str s = strbuf_str(&text);
	for (size_t i = 0; i < s.len;) {
		struct str rest = str_sub(s, i, s.len);
		size_t n = utf8_sequence(rest);
		n = n ? n : 1;
		/* U+202A..202E and U+2066..2069 turn text around */
		bool bidi =
			n == 3 && ((!memcmp(rest.ptr, "\xe2\x80", 2) && (unsigned char)rest.ptr[2] >= 0xaa &&
				    (unsigned char)rest.ptr[2] <= 0xae) ||
				   (!memcmp(rest.ptr, "\xe2\x81", 2) && (unsigned char)rest.ptr[2] >= 0xa6 &&
				    (unsigned char)rest.ptr[2] <= 0xa9));
		bool double_blank = rest.ptr[0] == ' ' && name.len && name.ptr[name.len - 1] == ' ';
		if (!bidi && !double_blank)
			strbuf_add(&name, str_sub(rest, 0, n));
		i += n;
	}
	s = str_trim(strbuf_str(&name));
	while (s.len >= 2 && s.ptr[0] == s.ptr[s.len - 1] && (s.ptr[0] == '\'' || s.ptr[0] == '"'))
		s = str_trim(str_sub(s, 1, s.len - 1));
	int r = arena_copy(scanner->arena, s, ret);
	strbuf_done(&text);
	strbuf_done(&name);
	return r;
}

static int set_address(struct scanner *scanner, struct str raw, struct str *ret)
{
	struct strbuf text;

	strbuf_init(&text, COLLECTED_MAX);
	mail_word_decode(raw, scanner->hint, &text);
	size_t at = text.len;
	while (at > 0 && text.ptr[at - 1] != '@')
		at--;
	for (size_t i = at; i < text.len; i++)
		text.ptr[i] = ascii_lower(text.ptr[i]);
	int r = arena_copy(scanner->arena, strbuf_str(&text), ret);
	strbuf_done(&text);
	return r;
}

static int append(struct scanner *scanner, struct mail_mailbox mailbox)
{
	struct mail_mailboxes *ret = scanner->ret;

	if (ret->n == scanner->allocated) {
		size_t n = scanner->allocated ? scanner->allocated * 2 : 4;
		struct mail_mailbox *items = arena_alloc(scanner->arena, n * sizeof(*items));
		if (!items)
			return -ENOBUFS;
		if (ret->n)
			memcpy(items, ret->items, ret->n * sizeof(*items));
		ret->items = items;
		scanner->allocated = n;
	}
	((struct mail_mailbox *)(uintptr_t)ret->items)[ret->n++] = mailbox;
	return 0;
}

static void add_mailbox(struct scanner *scanner, struct str address, struct str name)
{
	struct mail_mailbox mailbox = {.name = STR(""), .address = STR("")};

	if (scanner->error || scanner->ret->n >= scanner->max)
		return;
	int r = set_address(scanner, address, &mailbox.address);
	if (r == 0)
		r = set_name(scanner, name, &mailbox.name);
	if (r == 0 && is_address(mailbox.address))
		r = append(scanner, mailbox);
	scanner->error = r;
}

/* A name, or a local-part in brackets: nobody that could be answered, kept in case that the field says no more. */
static void note_name(struct scanner *scanner, struct str name, struct str local_part)
{
	struct mail_mailbox mailbox = {.name = STR(""), .address = STR("")};

	if (scanner->error || (!name.len && !local_part.len))
		return;
	if (scanner->nameonly_n++)
		return;
	int r = local_part.len ? set_address(scanner, local_part, &mailbox.address) : 0;
	if (r == 0)
		r = set_name(scanner, name, &mailbox.name);
	if (r == 0)
		scanner->nameonly = mailbox;
	scanner->error = r;
}

/* A whole mailbox hidden in encoded words: "=?utf-8?Q?Jane_<jane@example.com>?=". Read what it decodes to,
 * once. */
static void scan_decoded(struct scanner *scanner)
{
	struct strbuf text;

	if (scanner->again || !scanner->bare.len)
		return;
	strbuf_init(&text, COLLECTED_MAX);
	mail_word_decode(strbuf_str(&scanner->bare), scanner->hint, &text);
	if (is_address(strbuf_str(&text))) {
		struct scanner inner = {
			.arena = scanner->arena,
			.in = strbuf_str(&text),
			.hint = scanner->hint,
			.words = {.value = strbuf_str(&text)},
			.again = true,
			.ret = scanner->ret,
			.allocated = scanner->allocated,
			.max = scanner->max,
		};
		scan(&inner);
		scanner->allocated = inner.allocated;
		scanner->error = inner.error;
	}
	strbuf_done(&text);
}

/* "a@b.c d@e.f": nothing but addresses, without separators. */
static bool add_each_word(struct scanner *scanner, struct str bare)
{
	size_t words = 0;

	for (int round = 0; round < 2; round++) {
		struct str rest = bare;
		while (rest.len) {
			size_t n = 0;
			while (n < rest.len && !ascii_space(rest.ptr[n]))
				n++;
			struct str word = str_sub(rest, 0, n);
			if (round == 0 && (!is_address(word) || str_find(word, '"') < word.len))
				return false;
			if (round == 1)
				add_mailbox(scanner, word, STR(""));
			words++;
			rest = str_trim(str_sub(rest, n, rest.len));
		}
		if (words < 2)
			return false;
	}
	return true;
}

static void finish(struct scanner *scanner)
{
	struct str phrase = str_trim(strbuf_str(&scanner->phrase)),
		   bare = str_trim(strbuf_str(&scanner->bare));
	struct str angle = strbuf_str(&scanner->angle), comment = strbuf_str(&scanner->comment);
	size_t from = 0, to = 0;

	if (scanner->has_angle && is_address(angle)) {
		add_mailbox(scanner, angle, phrase.len ? phrase : comment);
	} else if (is_address(bare) && !scanner->has_angle && add_each_word(scanner, bare)) {
		;
	} else if (is_address(bare)) {
		struct str word = word_around_at(bare, &from, &to);
		struct strbuf address, rest;
		strbuf_init(&address, COLLECTED_MAX);
		strbuf_init(&rest, COLLECTED_MAX);
		add_address(word, &address);
		strbuf_add(&rest, str_sub(bare, 0, from));
		strbuf_addc(&rest, ' ');
		strbuf_add(&rest, str_sub(bare, to, bare.len));
		struct str name = str_trim(strbuf_str(&rest));
		if (!name.len)
			name = scanner->has_angle ? angle : comment;
		add_mailbox(scanner, strbuf_str(&address), name);
		strbuf_done(&address);
		strbuf_done(&rest);
	} else {
		size_t before = scanner->ret->n;
		scan_decoded(scanner);
		if (scanner->ret->n == before)
			note_name(scanner, phrase.len ? phrase : comment, angle);
	}
	clear(scanner);
}

/* ---- the scan ---- */

/* "Smith, John <j@example.com>": does the comma belong to a name? It does when no address was seen yet and
 * brackets follow before the next separator. Looks ahead a bounded stretch. */
static bool comma_in_name(const struct scanner *scanner)
{
	if (scanner->has_angle || !scanner->phrase.len || is_address(strbuf_str(&scanner->bare)))
		return false;
	for (size_t i = scanner->at + 1; i < scanner->in.len && i < scanner->at + 80; i++) {
		char c = scanner->in.ptr[i];
		if (c == '<')
			return true;
		if (c == ',' || c == ';' || c == '@' || c == ':' || c == '"')
			return false;
	}
	return false;
}

static bool begins_group(const struct scanner *scanner)
{
	struct str bare = strbuf_str(&scanner->bare);
	return !scanner->has_angle && str_find(bare, '@') == bare.len && str_find(bare, '[') == bare.len;
}

static void scan(struct scanner *scanner)
{
	struct mail_word word;

	strbuf_init(&scanner->phrase, COLLECTED_MAX);
	strbuf_init(&scanner->bare, COLLECTED_MAX);
	strbuf_init(&scanner->angle, COLLECTED_MAX);
	strbuf_init(&scanner->comment, COLLECTED_MAX);
	while (scanner->at < scanner->in.len && !scanner->error && scanner->ret->n < scanner->max) {
		char c = scanner->in.ptr[scanner->at];
		if (c == '"') {
			take_quoted(scanner);
		} else if (c == '(') {
			take_comment(scanner);
		} else if (c == '<') {
			take_angle(scanner);
		} else if (c == ';' || (c == ',' && !comma_in_name(scanner))) {
			finish(scanner);
			scanner->at++;
		} else if (c == ':' && begins_group(scanner)) {
			clear(scanner);
			scanner->group = true;
			scanner->at++;
		} else if (c == '=' && mail_word_at(&scanner->words, scanner->at, &word)) {
			struct str raw = str_sub(scanner->in, scanner->at, scanner->at + word.size);
			strbuf_add(&scanner->phrase, raw);
			strbuf_add(&scanner->bare, raw);
			scanner->at += word.size;
		} else {
			if (c == '\\' && scanner->at + 1 < scanner->in.len)
				c = scanner->in.ptr[++scanner->at];
			strbuf_addc(&scanner->phrase, c);
			strbuf_addc(&scanner->bare, c);
			scanner->at++;
		}
	}
	finish(scanner);
	strbuf_done(&scanner->phrase);
	strbuf_done(&scanner->bare);
	strbuf_done(&scanner->angle);
	strbuf_done(&scanner->comment);
}

int mail_address_list(struct arena *arena, struct str value, struct str charset_hint, size_t max,
		      struct mail_mailboxes *ret)
{
	struct scanner scanner = {
		.arena = arena,
		.in = value,
		.hint = charset_hint,
		.words = {.value = value},
		.ret = ret,
		.allocated = ret->n,
		.max = max,
	};

	/* what an earlier field left for want of better gives way */
	bool fallback = ret->n == 1 && !is_address(ret->items[0].address);
	struct mail_mailbox earlier = fallback ? ret->items[0] : (struct mail_mailbox){.name = STR("")};
	ret->n -= fallback;
	scan(&scanner);
	if (ret->n || !max || scanner.error)
		return scanner.error;
	if (fallback)
		return append(&scanner, earlier);
	if (!scanner.nameonly_n || scanner.group)
		return 0;
	/* "Doe, Jane": commas that separate nobody from nobody belong to the name */
	if (scanner.nameonly_n > 1 && str_find(value, '<') == value.len)
		set_name(&scanner, str_sub(value, 0, COLLECTED_MAX), &scanner.nameonly.name);
	return scanner.nameonly.name.len || scanner.nameonly.address.len ? append(&scanner, scanner.nameonly)
									 : 0;
}
