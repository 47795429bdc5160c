/* Command lines from octets, and what they say. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/strbuf.h"
#include "smtpd/command_reader.h"

#define LINE_MAX_TEST 16

/* What came out of the reader, as text: "L[NOOP] F[x]" ... */
static void run(struct strbuf *log, struct command_reader *reader, struct str in)
{
	static const char names[] = "-LFCTE";
	enum command_result result;
	struct str line;
	while ((result = command_reader_next(reader, &in, &line)) != COMMAND_MORE) {
		strbuf_addc(log, names[result]);
		if (result == COMMAND_ENDLESS)
			return;
		strbuf_addc(log, '[');
		if (result != COMMAND_TOO_LONG)
			strbuf_add(log, line);
		strbuf_adds(log, "] ");
	}
}

static const struct {
	struct str in;
	const char *want;
} line_cases[] = {
	{STR_INIT(""), ""},
	{STR_INIT("NOOP\r\n"), "L[NOOP] "},
	{STR_INIT("NOOP"), ""},
	{STR_INIT("\r\n"), "L[] "},
	{STR_INIT("a\r\nb\r\nc"), "L[a] L[b] "},
	{STR_INIT("NOOP\n"), "F[NOOP] "},
	{STR_INIT("\n\r\n"), "F[] L[] "},
	{STR_INIT("NOOP\rNOOP\r\n"), "C[NOOP\rNOOP] "},
	{STR_INIT("a\r\r\n"), "C[a\r] "},
	{STR_INIT("a\tb\r\n"), "L[a\tb] "},
	{STR_INIT("a\x7f\r\n"), "C[a\x7f] "},
	{STR_INIT("\xc3\xbc\r\n"), "L[\xc3\xbc] "},
	{STR_INIT("1234567890123456\r\n"), "L[1234567890123456] "},
	{STR_INIT("12345678901234567\r\nNOOP\r\n"), "T[] L[NOOP] "},
	{STR_INIT("12345678901234567\nNOOP\r\n"), "T[] L[NOOP] "},
	{STR_INIT("1234567890123456789012345678901234567890NOOP\r\nQUIT\r\n"), "T[] L[QUIT] "},
	{STR_INIT("1234567890123456\n"), "F[1234567890123456] "},
};

/* Each case whole, octet by octet, and cut in two at every place: always the same. */
static void lines_are_cut_at_crlf_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(line_cases); i++) {
		struct str in = line_cases[i].in;
		for (size_t cut = 0; cut <= in.len + 1; cut++) {
			struct command_reader reader;
			struct strbuf log;
			command_reader_init(&reader, LINE_MAX_TEST);
			strbuf_init(&log, 4096);
			strbuf_adds(&log, "");
			if (cut <= in.len) {
				run(&log, &reader, str_sub(in, 0, cut));
				run(&log, &reader, str_sub(in, cut, in.len));
			} else {
				for (size_t k = 0; k < in.len; k++)
					run(&log, &reader, str_sub(in, k, k + 1));
			}
			assert_string_equal(log.ptr ? log.ptr : "", line_cases[i].want);
			strbuf_done(&log);
			command_reader_done(&reader);
		}
	}
}

static void a_nul_is_a_control(void **state)
{
	(void)state;
	struct command_reader reader;
	struct str in = STR("RCPT TO:<a@b\0@c>\r\n"), line;
	command_reader_init(&reader, 512);
	assert_int_equal(command_reader_next(&reader, &in, &line), COMMAND_CONTROL);
	assert_int_equal(line.len, 16);
	command_reader_done(&reader);
}

static void a_line_without_end_is_reported_once_and_then_hung_up_on(void **state)
{
	(void)state;
	char block[1000];
	struct command_reader reader;
	struct str line;
	unsigned too_long = 0, endless = 0;
	memset(block, 'A', sizeof(block));
	command_reader_init(&reader, 512);
	for (size_t sent = 0; sent < COMMAND_ENDLESS_MAX + 3000 && !endless; sent += sizeof(block)) {
		struct str in = {block, sizeof(block)};
		enum command_result result = command_reader_next(&reader, &in, &line);
		too_long += result == COMMAND_TOO_LONG;
		endless += result == COMMAND_ENDLESS;
		assert_int_equal(in.len, 0);
		assert_true(reader.partial_size <= 1024);
	}
	assert_int_equal(too_long, 1);
	assert_int_equal(endless, 1);
	command_reader_done(&reader);
}

static void an_idle_reader_holds_no_memory(void **state)
{
	(void)state;
	struct command_reader reader;
	struct strbuf log;
	command_reader_init(&reader, 512);
	strbuf_init(&log, 4096);
	run(&log, &reader, STR("NO"));
	assert_non_null(reader.partial);
	run(&log, &reader, STR("OP\r\n"));
	assert_null(reader.partial);
	assert_string_equal(log.ptr, "L[NOOP] ");
	strbuf_done(&log);
}

static void verbs_and_arguments(void **state)
{
	(void)state;
	static const struct {
		const char *line, *verb, *argument;
	} cases[] = {
		{"", "", ""},           {"NOOP", "NOOP", ""},
		{"NOOP  ", "NOOP", ""}, {"ehlo a.example\t ", "ehlo", "a.example"},
		{" NOOP", "", "NOOP"},  {"MAIL\tFROM:<>", "MAIL", "FROM:<>"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct command command = command_parse(str_from(cases[i].line));
		assert_true(str_eq(command.verb, str_from(cases[i].verb)));
		assert_true(str_eq(command.argument, str_from(cases[i].argument)));
	}
}

static void paths(void **state)
{
	(void)state;
	static const struct {
		const char *argument;
		int r;
		const char *address, *rest;
	} cases[] = {
		{"FROM:<a@example.org>", 0, "a@example.org", ""},
		{"from:<a@example.org>", 0, "a@example.org", ""},
		{"FROM: <a@example.org>", 0, "a@example.org", ""},
		{"FROM:a@example.org", 0, "a@example.org", ""},
		{"FROM: a@example.org SIZE=1", 0, "a@example.org", " SIZE=1"},
		{"FROM:<a@example.org> BODY=7BIT", 0, "a@example.org", " BODY=7BIT"},
		{"FROM:<>", 0, "", ""},
		{"FROM:<> SIZE=3", 0, "", " SIZE=3"},
		{"FROM:<@x.example,@y.example:a@example.org>", 0, "a@example.org", ""},
		{"FROM:<\"a b\"@example.org> X", 0, "\"a b\"@example.org", " X"},
		{"FROM:", -EINVAL, NULL, NULL},
		{"FROM: ", -EINVAL, NULL, NULL},
		{"FROM", -ENOENT, NULL, NULL},
		{"TO:<a@example.org>", -ENOENT, NULL, NULL},
		{"", -ENOENT, NULL, NULL},
		{"FROM:<a@example.org", -EINVAL, NULL, NULL},
		{"FROM:<a@example.org>>", -EINVAL, NULL, NULL},
		{"FROM:<a@example.org>x", -EINVAL, NULL, NULL},
		{"FROM:a@example.org>", -EINVAL, NULL, NULL},
		{"FROM:user", -EINVAL, NULL, NULL},
		{"FROM:< @bleh>", -EINVAL, NULL, NULL},
		{"FROM:<a b@example.org>", -EINVAL, NULL, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena;
		struct mailaddr address;
		struct str rest;
		struct strbuf text;
		arena_init(&arena, 4096);
		strbuf_init(&text, 1024);
		int r = command_path(&arena, str_from(cases[i].argument), STR("FROM:"), MAILADDR_ALLOW_NULL,
				     &address, &rest);
		if (r != cases[i].r)
			fail_msg("%s: %d", cases[i].argument, r);
		if (r == 0) {
			mailaddr_print(&address, &text);
			assert_true(str_eq(strbuf_str(&text), str_from(cases[i].address)));
			assert_true(str_eq(rest, str_from(cases[i].rest)));
		}
		strbuf_done(&text);
		arena_done(&arena);
	}
}

static void a_bare_path_that_is_too_long_is_refused(void **state)
{
	(void)state;
	struct arena arena;
	struct mailaddr address;
	struct str rest;
	char argument[2000] = "FROM:";
	memset(argument + 5, 'a', sizeof(argument) - 5);
	arena_init(&arena, 4096);
	assert_int_equal(command_path(&arena, (struct str){argument, sizeof(argument)}, STR("FROM:"), 0,
				      &address, &rest),
			 -EMSGSIZE);
	arena_done(&arena);
}

static void parameters(void **state)
{
	(void)state;
	static const struct {
		const char *in, *want; /* want: "KEY=VALUE;" or "KEY;"; "!" where it ends in an error */
	} cases[] = {
		{"", ""},
		{"  \t", ""},
		{" SIZE=1", "SIZE=1;"},
		{" SIZE=1  BODY=8BITMIME SMTPUTF8", "SIZE=1;BODY=8BITMIME;SMTPUTF8;"},
		{" X-Y-9=\xc3\xbc", "X-Y-9=\xc3\xbc;"},
		{" =", "!"},
		{" =x", "!"},
		{" SIZE=", "!"},
		{" SIZE=1=2", "!"},
		{" -X", "!"},
		{" A=1 <b@example.org>", "A=1;!"},
		{" A_B=1", "!"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str rest = str_from(cases[i].in);
		struct command_param param;
		struct strbuf log;
		int r;
		strbuf_init(&log, 1024);
		while ((r = command_parameter(&rest, &param)) > 0)
			strbuf_printf(&log, "%.*s%s%.*s;", STR_ARG(param.keyword), param.has_value ? "=" : "",
				      STR_ARG(param.value));
		if (r < 0)
			strbuf_addc(&log, '!');
		assert_true(str_eq(strbuf_str(&log), str_from(cases[i].want)));
		strbuf_done(&log);
	}
}

static void numbers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int r;
		int64_t n;
	} cases[] = {
		{"0", 0, 0},
		{"10", 0, 10},
		{"00000000000000000007", 0, 7},
		{"9223372036854775807", 0, INT64_MAX},
		{"9223372036854775808", 0, INT64_MAX},
		{"18446744073709551617", 0, INT64_MAX},
		{"99999999999999999999", 0, INT64_MAX},
		{"999999999999999999999", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"+1", -EINVAL, 0},
		{"0x10", -EINVAL, 0},
		{"1.5", -EINVAL, 0},
		{" 1", -EINVAL, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t n = -7;
		assert_int_equal(command_number(str_from(cases[i].text), &n), cases[i].r);
		assert_true(n == (cases[i].r < 0 ? -7 : cases[i].n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_cut_at_crlf_only),
		cmocka_unit_test(a_nul_is_a_control),
		cmocka_unit_test(a_line_without_end_is_reported_once_and_then_hung_up_on),
		cmocka_unit_test(an_idle_reader_holds_no_memory),
		cmocka_unit_test(verbs_and_arguments),
		cmocka_unit_test(paths),
		cmocka_unit_test(a_bare_path_that_is_too_long_is_refused),
		cmocka_unit_test(parameters),
		cmocka_unit_test(numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
