/*
 * See reply_reader.h. One octet at a time, so it makes no difference how the network cut the stream:
 *
 *	at 0..2: a digit of the code   at 3: ' ' last line, '-' more lines, CR or LF: last line without text
 *	at 4...: text, until LF; a CR is kept back until it is known not to belong to the line's end
 *
 * Nothing is stored but the text, up to its limit. Pure.
 */
#include "outbound/reply_reader.h"

#include "base/mailaddr.h"

static bool take(struct reply_reader *reader, char c);
static bool line_end(struct reply_reader *reader);
static void put_text(struct reply_reader *reader, char c);
static void put(struct reply_reader *reader, char c);
static void finish(struct reply_reader *reader, struct relay_reply *ret);

void reply_reader_init(struct reply_reader *reader)
{
	reader->broken = false;
	reply_reader_clear(reader);
}

void reply_reader_clear(struct reply_reader *reader)
{
	reader->ready = reader->last_line = reader->cr = reader->cut = false;
	reader->code = reader->line_code = 0;
	reader->size = reader->lines = reader->at = reader->text_len = 0;
}

bool reply_reader_inside(const struct reply_reader *reader)
{
	return !reader->ready && reader->size > 0;
}

enum reader_status reply_reader_next(struct reply_reader *reader, struct str *in, struct relay_reply *ret)
{
	if (reader->ready)
		reply_reader_clear(reader);
	for (size_t i = 0; !reader->broken && i < in->len; i++) {
		if (!take(reader, in->ptr[i])) {
			reader->broken = true;
		} else if (reader->ready) {
			*in = str_sub(*in, i + 1, in->len);
			finish(reader, ret);
			return READER_REPLY;
		}
	}
	*in = (struct str){NULL, 0};
	return reader->broken ? READER_BROKEN : READER_MORE;
}

/* False when it belongs to no reply. */
static bool take(struct reply_reader *reader, char c)
{
	if (++reader->size > RELAY_REPLY_SIZE_MAX)
		return false;
	size_t at = reader->at++;
	if (at < 3) {
		reader->line_code = reader->line_code * 10 + (c - '0');
		return ascii_digit(c) && (at > 0 || (c >= '2' && c <= '5'));
	}
	if (c == '\n')
		return line_end(reader);
	if (at > 3) {
		put_text(reader, c);
		return true;
	}
	reader->last_line = c != '-';
	if (reader->lines > 0)
		put(reader, '\n');
	reader->cr = c == '\r';
	return c == ' ' || c == '-' || c == '\r';
}

static bool line_end(struct reply_reader *reader)
{
	if (reader->at == 4) {
		reader->last_line = true;
		if (reader->lines > 0)
			put(reader, '\n');
	}
	reader->cr = false;
	if (reader->lines > 0 && reader->line_code != reader->code)
		return false;
	if (++reader->lines > RELAY_REPLY_LINES_MAX)
		return false;
	reader->code = reader->line_code;
	reader->line_code = 0;
	reader->at = 0;
	reader->ready = reader->last_line;
	return true;
}

/* A CR may belong to the line's end: it is put when something else than LF follows. */
static void put_text(struct reply_reader *reader, char c)
{
	if (reader->cr)
		put(reader, '\r');
	reader->cr = c == '\r';
	if (!reader->cr)
		put(reader, c);
}

static void put(struct reply_reader *reader, char c)
{
	if (reader->text_len < RELAY_REPLY_TEXT_MAX)
		reader->text[reader->text_len++] = c;
	else
		reader->cut = true;
}

/* ---- the whole reply ---- */

static void make_printable(struct reply_reader *reader)
{
	bool ascii_only = !utf8_valid((struct str){reader->text, reader->text_len});
	for (size_t i = 0; i < reader->text_len; i++) {
		uint8_t c = (uint8_t)reader->text[i];
		if ((c < 0x20 && c != '\n') || c == 0x7f || (c >= 0x80 && ascii_only))
			reader->text[i] = '?';
	}
}

/* 1 to 3 digits; -1 when there are none. */
static int take_number(struct str *in)
{
	int number = 0;
	size_t n = 0;
	for (; n < 3 && n < in->len && ascii_digit(in->ptr[n]); n++)
		number = number * 10 + (in->ptr[n] - '0');
	*in = str_sub(*in, n, in->len);
	return n ? number : -1;
}

static bool take_dot(struct str *in)
{
	bool dot = in->len && in->ptr[0] == '.';
	*in = str_sub(*in, dot, in->len);
	return dot;
}

/* RFC 2034 section 4: at the beginning of the text, of the same class as the code. */
static void find_enhanced_code(struct relay_reply *reply)
{
	struct str in = reply->text;
	int klass = take_number(&in);
	if (klass != reply->code / 100 || !take_dot(&in))
		return;
	int subject = take_number(&in);
	if (subject < 0 || !take_dot(&in))
		return;
	int detail = take_number(&in);
	if (detail < 0 || (in.len && in.ptr[0] != ' ' && in.ptr[0] != '\n'))
		return;
	reply->klass = klass;
	reply->subject = subject;
	reply->detail = detail;
}

static void finish(struct reply_reader *reader, struct relay_reply *ret)
{
	make_printable(reader);
	*ret = (struct relay_reply){
		.code = reader->code, .text = {reader->text, reader->text_len}, .cut = reader->cut};
	find_enhanced_code(ret);
}
