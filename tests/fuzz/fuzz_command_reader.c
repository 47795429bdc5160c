/* Command lines: whole and octet by octet must say the same, and what a line says must be inside of it. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};
	struct command_reader whole, cut;
	struct strbuf a, b;
	if (size > COMMAND_ENDLESS_MAX) /* when that is noticed depends on the cuts */
		return 0;
	command_reader_init(&whole, LINE_MAX_FUZZ);
	command_reader_init(&cut, LINE_MAX_FUZZ);
	strbuf_init(&a, 1 << 22);
	strbuf_init(&b, 1 << 22);
	run(&whole, in, &a);
	for (size_t i = 0; i < size; i++)
		run(&cut, str_sub(in, i, i + 1), &b);
	assert(str_eq(strbuf_str(&a), strbuf_str(&b)));
	strbuf_done(&a);
	strbuf_done(&b);
	command_reader_done(&whole);
	command_reader_done(&cut);
	return 0;
}
