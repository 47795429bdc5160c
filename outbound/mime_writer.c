/*
 * See mime_writer.h: fields. A field is written by a small line writer that knows its column; a word goes on the same line
 * if it fits, else on the next. Bodies are in mime_body.c.
 */
#include "outbound/mime_writer.h"

#include "outbound/clean_text.h"

struct line {
	struct strbuf *out;
	size_t column;
	bool begun; /* a word stands on this line, so the next may go to a line of its own */
};

static struct line line_begin(struct strbuf *out, const char *name)
{
	strbuf_adds(out, name);
	strbuf_addc(out, ':');
	return (struct line){out, strlen(name) + 1, false};
}

static void line_end(struct line *line)
{
	strbuf_add(line->out, STR("\r\n"));
}

/* A word with a blank before it, which is where the line may be folded (RFC 5322 2.2.3). */
static void line_word(struct line *line, struct str word)
{
	if (line->begun && line->column + 1 + word.len > MIME_LINE_MAX) {
		strbuf_add(line->out, STR("\r\n"));
		line->column = 0;
	}
	strbuf_addc(line->out, ' ');
	strbuf_add(line->out, word);
	line->column += 1 + word.len;
	line->begun = true;
}

/* The next word of text, which is cut off it. */
static struct str next_word(struct str *text)
{
	size_t end = str_find(*text, ' ');
	struct str word = str_sub(*text, 0, end);
	*text = str_sub(*text, end + 1, text->len);
	return word;
}

static bool printable(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e)
			return false;
	}
	return true;
}

/* ---- encoded words ---- */

#define ENCODED_PREFIX   "=?utf-8?B?"
#define ENCODED_WORD_MAX 75

/* RFC 2047 5 (3): what may stand in a phrase. */
static bool q_plain(unsigned char c)
{
	return ascii_alpha((char)c) || ascii_digit((char)c) || (c != 0 && strchr("!*+-/", c));
}

static size_t q_len(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += s.ptr[i] == ' ' || q_plain((unsigned char)s.ptr[i]) ? 1 : 3;
	return n;
}

static size_t b_len(struct str s)
{
	return (s.len + 2) / 3 * 4;
}

static void add_base64(struct strbuf *out, struct str s)
{
	mime_base64(out, s);
	out->len -= out->len >= 2 ? 2 : 0; /* a word is one line, without its end */
}

static void add_q(struct strbuf *out, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c == ' ')
			strbuf_addc(out, '_');
		else if (q_plain(c))
			strbuf_addc(out, (char)c);
		else
			strbuf_printf(out, "=%02X", c);
	}
}

/* How much of text one encoded word of room characters holds: whole characters. */
static struct str encoded_piece(struct str text, bool q, size_t room)
{
	size_t taken = 0;
	while (taken < text.len) {
		uint32_t c;
		size_t n = taken + utf8_character(str_sub(text, taken, text.len), &c);
		struct str piece = str_sub(text, 0, n);
		if ((q ? q_len(piece) : b_len(piece)) > room)
			break;
		taken = n;
	}
	return str_sub(text, 0, taken);
}

static void line_encoded(struct line *line, struct str text)
{
	const size_t around = sizeof(ENCODED_PREFIX) - 1 + 2;
	/* Q can be read as it is, in most European languages; for others it is three times as long */
	bool q = q_len(text) <= b_len(text) + b_len(text) / 2;
	while (text.len) {
		/* what is left of the line, when that is worth a word */
		size_t used = line->column + 1 + around;
		size_t room = used + 24 <= MIME_LINE_MAX ? MIME_LINE_MAX - used : ENCODED_WORD_MAX - around;
		if (room > ENCODED_WORD_MAX - around)
			room = ENCODED_WORD_MAX - around;
		struct str piece = encoded_piece(text, q, room);
		struct strbuf word;
		strbuf_init(&word, ENCODED_WORD_MAX + 8);
		strbuf_adds(&word, q ? "=?utf-8?Q?" : ENCODED_PREFIX);
		if (q)
			add_q(&word, piece);
		else
			add_base64(&word, piece);
		strbuf_add(&word, STR("?="));
		line_word(line, strbuf_str(&word));
		strbuf_done(&word);
		text = str_sub(text, piece.len, text.len);
	}
}

/* Would this word not be read as it is written? */
static bool word_needs_encoding(struct str word)
{
	for (size_t i = 0; i + 1 < word.len; i++) {
		if (word.ptr[i] == '=' && word.ptr[i + 1] == '?')
			return true;
	}
	return !printable(word) || word.len > MIME_LINE_MAX - 16;
}

/* ---- fields ---- */

void mime_field(struct strbuf *out, const char *name, struct str value)
{
	struct line line = line_begin(out, name);
	while (value.len) {
		struct str word = next_word(&value);
		size_t from = out->len;
		line_word(&line, word);
		for (size_t i = out->len - word.len; !out->overflow && i < out->len && i >= from; i++) {
			if (out->ptr[i] < 0x21 || out->ptr[i] > 0x7e)
				out->ptr[i] = '?';
		}
	}
	line_end(&line);
}

/* Words up to the first that needs encoding as they are, then the rest up to the last that does, then what follows. */
static void line_text(struct line *line, struct str text)
{
	size_t first = text.len, last = 0;
	for (size_t at = 0; at < text.len;) {
		struct str rest = str_sub(text, at, text.len);
		struct str word = next_word(&rest);
		if (word_needs_encoding(word)) {
			first = first < at ? first : at;
			last = at + word.len;
		}
		at += word.len + 1;
	}
	struct str before = str_sub(text, 0, first), after = str_sub(text, last, text.len);
	if (first == text.len)
		after = STR("");
	while (before.len)
		line_word(line, next_word(&before));
	if (first < text.len)
		line_encoded(line, str_sub(text, first, last));
	if (after.len)
		next_word(&after); /* the blank that it begins with */
	while (after.len)
		line_word(line, next_word(&after));
}

void mime_field_text(struct strbuf *out, const char *name, struct str text)
{
	struct strbuf clean;
	strbuf_init(&clean, MIME_TEXT_MAX + 1);
	clean_line(text, MIME_TEXT_MAX, &clean);
	struct line line = line_begin(out, name);
	line_text(&line, strbuf_str(&clean));
	line_end(&line);
	strbuf_done(&clean);
}

static void line_quoted(struct line *line, struct str text)
{
	struct strbuf quoted;
	strbuf_init(&quoted, 2 * text.len + 3);
	strbuf_addc(&quoted, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			strbuf_addc(&quoted, '\\');
		strbuf_addc(&quoted, text.ptr[i]);
	}
	strbuf_addc(&quoted, '"');
	line_word(line, strbuf_str(&quoted));
	strbuf_done(&quoted);
}

void mime_field_mailbox(struct strbuf *out, const char *name, struct str display, struct str address)
{
	struct strbuf clean, angle;
	strbuf_init(&clean, MIME_NAME_MAX + 1);
	strbuf_init(&angle, address.len + 3);
	clean_line(display, MIME_NAME_MAX, &clean);
	strbuf_addc(&angle, '<');
	for (size_t i = 0; i < address.len; i++) {
		unsigned char c = (unsigned char)address.ptr[i];
		strbuf_addc(&angle, c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
	strbuf_addc(&angle, '>');
	struct line line = line_begin(out, name);
	struct str text = strbuf_str(&clean);
	if (text.len && !word_needs_encoding(text))
		line_quoted(&line, text);
	else
		line_encoded(&line, text);
	line_word(&line, strbuf_str(&angle));
	line_end(&line);
	strbuf_done(&clean);
	strbuf_done(&angle);
}

void mime_field_ids(struct strbuf *out, const char *name, const struct str *ids, size_t n)
{
	if (n == 0)
		return;
	struct line line = line_begin(out, name);
	for (size_t i = 0; i < n; i++) {
		char buf[MIME_ID_MAX + 2];
		if (ids[i].len > MIME_ID_MAX)
			continue;
		buf[0] = '<';
		memcpy(buf + 1, ids[i].ptr, ids[i].len);
		buf[ids[i].len + 1] = '>';
		line_word(&line, (struct str){buf, ids[i].len + 2});
	}
	line_end(&line);
}

bool mime_id_valid(struct str id)
{
	size_t at = str_find(id, '@');
	if (id.len > MIME_ID_MAX || at == 0 || at + 1 >= id.len)
		return false;
	for (size_t i = 0; i < id.len; i++) {
		char c = id.ptr[i];
		if (c <= 0x20 || c >= 0x7f || strchr("<>()\"\\,;", c) || (c == '@' && i != at))
			return false;
	}
	return true;
}
