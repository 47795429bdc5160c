/*
 * Lines, verbs, arguments, parameters.
 *
 * Always true:
 * 1. A line that lies whole in the octets just read is a view into them: the normal case copies nothing.
 *    partial holds the beginning of a line between two calls, and is freed by the call after the one that
 *    returned it.
 * 2. Each line is reported exactly once, whatever is wrong with it. While swallowed is not 0 we are inside a
 *    line that was reported already.
 * 3. Work per octet is constant: each is looked at by one memchr() and by one check for controls.
 *
 * The grammar is RFC 5321 4.1.2: esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-"), esmtp-value = 1*(any
 * CHAR excluding "=", SP and controls), which RFC 6531 3.3 extends by octets above 0x7f.
 *
 * Any thread; pure but for the partial line's memory.
 */
#include "smtpd/command_reader.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"

#define BARE_PATH_MAX 512 /* without angle brackets; longer than any path (RFC 5321 4.5.3.1.3) */

void command_reader_init(struct command_reader *reader, size_t line_max)
{
	*reader = (struct command_reader){.line_max = line_max};
}

void command_reader_done(struct command_reader *reader)
{
	free(reader->partial);
	reader->partial = NULL;
	reader->partial_len = reader->partial_size = 0;
	reader->handed_out = false;
}

void command_reader_clear(struct command_reader *reader)
{
	command_reader_done(reader);
	reader->swallowed = 0;
}

static void partial_add(struct command_reader *reader, struct str octets)
{
	if (reader->partial_len + octets.len > reader->partial_size) {
		reader->partial_size = (reader->partial_len + octets.len + 127) & ~(size_t)127;
		reader->partial = xrealloc(reader->partial, reader->partial_size);
	}
	if (octets.len)
		memcpy(reader->partial + reader->partial_len, octets.ptr, octets.len);
	reader->partial_len += octets.len;
}

static bool has_control(struct str line)
{
	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.ptr[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

/* line still has the CR of its CRLF. */
static enum command_result finish_line(struct str line, size_t line_max, struct str *ret_line)
{
	bool crlf = line.len && line.ptr[line.len - 1] == '\r';
	if (crlf)
		line.len--;
	*ret_line = line;
	if (line.len > line_max)
		return COMMAND_TOO_LONG;
	if (!crlf)
		return COMMAND_BARE_LF;
	return has_control(line) ? COMMAND_CONTROL : COMMAND_LINE;
}

/* Inside a line that was too long: go on to its LF. True when that was found. */
static bool swallow(struct command_reader *reader, struct str *in)
{
	size_t at = str_find(*in, '\n');
	bool found = at < in->len;
	reader->swallowed = found ? 0 : reader->swallowed + in->len;
	*in = str_sub(*in, found ? at + 1 : at, in->len);
	return found;
}

enum command_result command_reader_next(struct command_reader *reader, struct str *in, struct str *ret_line)
{
	if (reader->handed_out)
		command_reader_done(reader);
	if (reader->swallowed && !swallow(reader, in))
		return reader->swallowed > COMMAND_ENDLESS_MAX ? COMMAND_ENDLESS : COMMAND_MORE;

	size_t at = str_find(*in, '\n');
	bool complete = at < in->len;
	struct str line = str_sub(*in, 0, at);
	*in = str_sub(*in, complete ? at + 1 : at, in->len);
	if (reader->partial_len + line.len > reader->line_max + 1) { /* + 1: the CR */
		reader->swallowed = complete ? 0 : line.len;
		reader->handed_out = reader->partial != NULL;
		*ret_line = reader->partial ? (struct str){reader->partial, reader->partial_len} : line;
		return COMMAND_TOO_LONG;
	}
	if (reader->partial || !complete) {
		if (line.len)
			partial_add(reader, line);
		if (!complete)
			return COMMAND_MORE;
		line = (struct str){reader->partial, reader->partial_len};
		reader->handed_out = true;
	}
	return finish_line(line, reader->line_max, ret_line);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct str skip_blanks(struct str s)
{
	while (s.len && is_blank(s.ptr[0]))
		s = str_sub(s, 1, s.len);
	return s;
}

static size_t find_blank(struct str s)
{
	size_t i = 0;
	while (i < s.len && !is_blank(s.ptr[i]))
		i++;
	return i;
}

struct command command_parse(struct str line)
{
	size_t at = find_blank(line);
	return (struct command){str_sub(line, 0, at), str_trim(str_sub(line, at, line.len))};
}

/* A path without angle brackets: "MAIL FROM:a@example.org". Many scripts send it, and it can mean one thing
 * only. */
static int bare_path(struct arena *arena, struct str in, unsigned flags, struct mailaddr *ret,
		     size_t *ret_used)
{
	char path[BARE_PATH_MAX + 2];
	size_t len = find_blank(in), used;
	if (len == 0)
		return -EINVAL;
	if (len > BARE_PATH_MAX)
		return -EMSGSIZE;
	path[0] = '<';
	memcpy(path + 1, in.ptr, len);
	path[len + 1] = '>';
	struct mailaddr address;
	int r = mailaddr_parse_path(arena, (struct str){path, len + 2}, flags, &address, &used);
	if (r < 0)
		return r;
	if (used != len + 2)
		return -EINVAL;
	*ret = address;
	*ret_used = len;
	return 0;
}

int command_path(struct arena *arena, struct str argument, struct str keyword, unsigned mailaddr_flags,
		 struct mailaddr *ret, struct str *ret_rest)
{
	if (!str_istarts(argument, keyword))
		return -ENOENT;
	struct str in = skip_blanks(str_sub(argument, keyword.len, argument.len));
	struct mailaddr address;
	size_t used;
	int r = in.len && in.ptr[0] == '<' ? mailaddr_parse_path(arena, in, mailaddr_flags, &address, &used)
					   : bare_path(arena, in, mailaddr_flags, &address, &used);
	if (r < 0)
		return r;
	struct str rest = str_sub(in, used, in.len);
	if (rest.len && !is_blank(rest.ptr[0]))
		return -EINVAL;
	*ret = address;
	*ret_rest = rest;
	return 0;
}

static bool keyword_valid(struct str s)
{
	if (s.len == 0 || s.ptr[0] == '-')
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_alpha(s.ptr[i]) && !ascii_digit(s.ptr[i]) && s.ptr[i] != '-')
			return false;
	return true;
}

int command_parameter(struct str *rest, struct command_param *ret)
{
	struct str in = skip_blanks(*rest);
	if (in.len == 0)
		return 0;
	struct str word = str_sub(in, 0, find_blank(in));
	size_t equals = str_find(word, '=');
	struct command_param param = {.keyword = str_sub(word, 0, equals), .has_value = equals < word.len};
	param.value = str_sub(word, equals + 1, word.len);
	if (!keyword_valid(param.keyword))
		return -EINVAL;
	if (param.has_value && (param.value.len == 0 || str_find(param.value, '=') < param.value.len))
		return -EINVAL;
	*rest = str_sub(in, word.len, in.len);
	*ret = param;
	return 1;
}

int command_number(struct str text, int64_t *ret)
{
	int64_t n = 0;
	if (text.len == 0 || text.len > 20)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		if (!ascii_digit(text.ptr[i]))
			return -EINVAL;
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, text.ptr[i] - '0', &n))
			n = INT64_MAX;
	}
	*ret = n;
	return 0;
}
