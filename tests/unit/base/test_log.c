/* Lines of the log: a client's bytes can neither end a line nor forge a field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"

#define TIME "1970-01-01T00:00:00.000Z"

static int pipe_fds[2];
static char got[65536];

static int64_t epoch(void)
{
	return 0;
}

static int setup(void **state)
{
	(void)state;
	clock_replace(epoch, NULL);
	return pipe(pipe_fds);
}

static int teardown(void **state)
{
	(void)state;
	log_setup(STDERR_FILENO, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, false);
	clock_replace(NULL, NULL);
	close(pipe_fds[0]);
	return close(pipe_fds[1]);
}

static const char *written(void)
{
	ssize_t n = read(pipe_fds[0], got, sizeof(got) - 1);
	assert_true(n >= 0);
	got[n] = '\0';
	return got;
}

static void test_text_line(void **state)
{
	(void)state;
	log_setup(pipe_fds[1], LOG_FORMAT_TEXT, LOG_LEVEL_INFO, false);
	LOG(LOG_LEVEL_DEBUG, "unwanted", lf_id("session", "1"));
	LOG(LOG_LEVEL_INFO, "rcpt", lf_id("session", "7f3a"), lf_cstr("to", "<acme@x>"), lf_int("n", -5),
	    lf_bool("tls", true), lf_err(-2));
	assert_string_equal(written(), TIME " info session=7f3a rcpt to=<acme@x> n=-5 tls=true "
					    "error=\"no such file or directory\"\n");
}

static void test_json_line(void **state)
{
	(void)state;
	log_setup(pipe_fds[1], LOG_FORMAT_JSON, LOG_LEVEL_DEBUG, false);
	LOG(LOG_LEVEL_DEBUG, "rcpt", lf_id("session", "7f3a"), lf_str("to", STR("a\"\\\n\x01\xff\0z")),
	    lf_int("n", 5), lf_bool("tls", false));
	assert_string_equal(
		written(), "{\"time\":\"" TIME "\",\"level\":\"debug\",\"event\":\"rcpt\",\"session\":"
			   "\"7f3a\",\"to\":\"a\\\"\\\\\\n\\u0001\\\\xff\\u0000z\",\"n\":5,\"tls\":false}\n");
}

static void test_values_are_escaped(void **state)
{
	(void)state;
	static const struct {
		struct str value;
		const char *want;
	} cases[] = {
		{STR_INIT("plain"), "plain"},
		{STR_INIT(""), "\"\""},
		{STR_INIT("two words"), "\"two words\""},
		{STR_INIT("x\r\n2026 info session=1 forged"), "\"x\\r\\n2026 info session=1 forged\""},
		{STR_INIT("\"q\" \\"), "\"\\\"q\\\" \\\\\""},
		{STR_INIT("\x1b[31m"), "\"\\x1b[31m\""},
		{STR_INIT("j\xc3\xbcrgen"), "j\xc3\xbcrgen"},
		{STR_INIT("\xc3"), "\"\\xc3\""},
		{STR_INIT("\xff\xfe"), "\"\\xff\\xfe\""},
		{STR_INIT("\xc2\x9b"
			  "31m"),
		 "\"\\xc2\\x9b31m\""}, /* C1: CSI */
		{STR_INIT("\xe2\x80\xae"
			  "txt"),
		 "\"\\xe2\\x80\\xaetxt\""},                        /* right-to-left override */
		{STR_INIT("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\""}, /* surrogate */
		{STR_INIT("a\0b"), "\"a\\x00b\""},
	};
	log_setup(pipe_fds[1], LOG_FORMAT_TEXT, LOG_LEVEL_INFO, false);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char want[256];
		LOG(LOG_LEVEL_INFO, "e", lf_id("id", "1"), lf_str("v", cases[i].value));
		snprintf(want, sizeof(want), TIME " info id=1 e v=%s\n", cases[i].want);
		assert_string_equal(written(), want);
	}
}

static void test_long_values_are_cut_between_characters(void **state)
{
	(void)state;
	char value[600];
	memset(value, 'a', sizeof(value));
	memcpy(value + 511, "\xc3\xbc", 2);
	log_setup(pipe_fds[1], LOG_FORMAT_TEXT, LOG_LEVEL_INFO, false);
	LOG(LOG_LEVEL_INFO, "e", lf_id("id", "1"), lf_str("v", (struct str){value, sizeof(value)}));
	const char *line = written();
	size_t start = strlen(TIME " info id=1 e v=\"");
	assert_int_equal(strspn(line + start, "a"), 511);
	assert_string_equal(line + start + 511, "...\"\n");
}

static void test_buffered_lines_wait_for_a_flush_or_a_warning(void **state)
{
	(void)state;
	log_setup(pipe_fds[1], LOG_FORMAT_TEXT, LOG_LEVEL_INFO, true);
	assert_false(log_waits());
	LOG(LOG_LEVEL_INFO, "one", lf_id("id", "1"));
	assert_true(log_waits());
	assert_int_equal(write(pipe_fds[1], "-", 1), 1);
	assert_string_equal(written(), "-");
	LOG(LOG_LEVEL_WARN, "two", lf_id("id", "1"));
	assert_string_equal(written(), TIME " info id=1 one\n" TIME " warn id=1 two\n");
	LOG(LOG_LEVEL_INFO, "three", lf_id("id", "1"));
	log_flush();
	assert_false(log_waits());
	assert_string_equal(written(), TIME " info id=1 three\n");
}

static void test_names_are_parsed(void **state)
{
	(void)state;
	enum log_level level = LOG_LEVEL_ERROR;
	enum log_format format = LOG_FORMAT_TEXT;
	assert_int_equal(log_level_parse(STR("debug"), &level), 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_true(log_level_parse(STR("loud"), &level) < 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_format_parse(STR("json"), &format), 0);
	assert_int_equal(format, LOG_FORMAT_JSON);
	assert_true(log_format_parse(STR("xml"), &format) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_text_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_values_are_escaped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_values_are_cut_between_characters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_buffered_lines_wait_for_a_flush_or_a_warning, setup,
						teardown),
		cmocka_unit_test(test_names_are_parsed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
