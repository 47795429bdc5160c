/*
 * Command lines: whole, octet by octet, and as a slow reader sees them must be the same, and what a line says must be
 * inside of it.
 */
#include <assert.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "smtpd/command_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINE_MAX_FUZZ 256

static void look_at(struct str line)
{
	struct command command = command_parse(line);
	struct command_param param;
	struct mailaddr address;
	struct arena arena;
	struct str rest;
	int64_t number;
	arena_init(&arena, 4096);
	if (command_path(&arena, command.argument, STR("FROM:"), MAILADDR_ALLOW_NULL | MAILADDR_ALLOW_UTF8,
			 &address, &rest) == 0) {
		assert(rest.len <= command.argument.len);
		while (command_parameter(&rest, &param) > 0)
			assert(param.keyword.len + param.value.len <= line.len);
	}
	if (command_number(command.argument, &number) == 0)
		assert(number >= 0);
	arena_done(&arena);
}

static void run(struct command_reader *reader, struct str in, struct strbuf *log)
{
	struct str line;
	enum command_result result;
	while ((result = command_reader_next(reader, &in, &line)) != COMMAND_MORE) {
		strbuf_printf(log, "%d ", (int)result);
		if (result == COMMAND_ENDLESS)
			return;
		if (result != COMMAND_TOO_LONG)
			strbuf_add(log, line);
		look_at(line);
	}
}

/* The result that each line must have, and the lines that may be looked at. */
static void read_slowly(struct str in, struct strbuf *log)
{
	while (in.len) {
		size_t end = str_find(in, '\n');
		struct str line = str_sub(in, 0, end);
		bool ended = end < in.len, crlf = line.len && line.ptr[line.len - 1] == '\r', control = false;
		in = str_sub(in, end + 1, in.len);
		if (line.len - (ended && crlf) > LINE_MAX_FUZZ + (size_t)!ended) {
			strbuf_printf(log, "%d ", (int)COMMAND_TOO_LONG);
			continue;
		}
		if (!ended)
			break;
		line.len -= crlf;
		for (size_t i = 0; i < line.len; i++)
			control |= ((unsigned char)line.ptr[i] < ' ' && line.ptr[i] != '\t') ||
				   line.ptr[i] == 0x7f;
		strbuf_printf(log, "%d ",
			      (int)(!crlf     ? COMMAND_BARE_LF
				    : control ? COMMAND_CONTROL
					      : COMMAND_LINE));
		strbuf_add(log, line);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};
	struct command_reader whole, cut;
	struct strbuf a, b, want;
	if (size > COMMAND_ENDLESS_MAX) /* when that is noticed depends on the cuts */
		return 0;
	command_reader_init(&whole, LINE_MAX_FUZZ);
	command_reader_init(&cut, LINE_MAX_FUZZ);
	strbuf_init(&a, 1 << 22);
	strbuf_init(&b, 1 << 22);
	strbuf_init(&want, 1 << 22);
	read_slowly(in, &want);
	run(&whole, in, &a);
	for (size_t i = 0; i < size; i++)
		run(&cut, str_sub(in, i, i + 1), &b);
	assert(str_eq(strbuf_str(&a), strbuf_str(&b)));
	assert(str_eq(strbuf_str(&a), strbuf_str(&want)));
	strbuf_done(&want);
	strbuf_done(&a);
	strbuf_done(&b);
	command_reader_done(&whole);
	command_reader_done(&cut);
	return 0;
}
