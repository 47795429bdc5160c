/*
 * Replies, good and bad. Each case is read whole and octet by octet, and must come out the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "outbound/reply_reader.h"

struct wanted {
	int code, klass, subject, detail;
	const char *text;
};

/* In pieces of `step` octets, each an allocation of its own. */
static void check(const char *what, struct str octets, size_t step, const struct wanted *want, size_t want_n,
		  enum reader_status want_end)
{
	struct reply_reader *reader = xmalloc(sizeof(*reader));
	struct relay_reply reply;
	size_t n = 0;
	enum reader_status status = READER_MORE;
	reply_reader_init(reader);
	for (size_t at = 0; at < octets.len; at += step) {
		size_t len = octets.len - at < step ? octets.len - at : step;
		char *piece = xmalloc(len);
		memcpy(piece, octets.ptr + at, len);
		struct str in = {piece, len};
		while ((status = reply_reader_next(reader, &in, &reply)) == READER_REPLY) {
			if (n == want_n)
				fail_msg("%s: a reply too many: %d %.*s", what, reply.code,
					 STR_ARG(reply.text));
			if (reply.code != want[n].code || reply.klass != want[n].klass ||
			    reply.subject != want[n].subject || reply.detail != want[n].detail ||
			    !str_eq(reply.text, str_from(want[n].text)) || reply.cut)
				fail_msg("%s: reply %zu is %d %d.%d.%d \"%.*s\"", what, n, reply.code,
					 reply.klass, reply.subject, reply.detail, STR_ARG(reply.text));
			n++;
		}
		assert_int_equal(in.len, 0);
		free(piece);
	}
	if (n != want_n || status != want_end)
		fail_msg("%s: %zu replies, then %d", what, n, status);
	free(reader);
}

static void test_replies(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct str octets;
		struct wanted want[4];
		size_t n;
		enum reader_status end;
	} cases[] = {
		{"one line", STR_INIT("250 ok\r\n"), {{250, 0, 0, 0, "ok"}}, 1, READER_MORE},
		{"code only", STR_INIT("250\r\n"), {{250, 0, 0, 0, ""}}, 1, READER_MORE},
		{"code only, LF", STR_INIT("250\n"), {{250, 0, 0, 0, ""}}, 1, READER_MORE},
		{"code and blank", STR_INIT("354 \r\n"), {{354, 0, 0, 0, ""}}, 1, READER_MORE},
		{"LF alone", STR_INIT("250 ok\n"), {{250, 0, 0, 0, "ok"}}, 1, READER_MORE},
		{"several lines",
		 STR_INIT("250-relay.example\r\n250-SIZE 1000\r\n250 HELP\r\n"),
		 {{250, 0, 0, 0, "relay.example\nSIZE 1000\nHELP"}},
		 1,
		 READER_MORE},
		{"lines without text",
		 STR_INIT("250-\r\n250-\r\n250\r\n"),
		 {{250, 0, 0, 0, "\n\n"}},
		 1,
		 READER_MORE},
		{"several replies",
		 STR_INIT("250 a\r\n450 4.2.1 b\r\n550 5.1.1 c\r\n354 go\r\n"),
		 {{250, 0, 0, 0, "a"},
		  {450, 4, 2, 1, "4.2.1 b"},
		  {550, 5, 1, 1, "5.1.1 c"},
		  {354, 0, 0, 0, "go"}},
		 4,
		 READER_MORE},
		{"enhanced, only", STR_INIT("250 2.0.0\r\n"), {{250, 2, 0, 0, "2.0.0"}}, 1, READER_MORE},
		{"enhanced, long",
		 STR_INIT("550 5.123.456 x\r\n"),
		 {{550, 5, 123, 456, "5.123.456 x"}},
		 1,
		 READER_MORE},
		{"enhanced, on each line",
		 STR_INIT("550-5.7.1 a\r\n550 5.7.1 b\r\n"),
		 {{550, 5, 7, 1, "5.7.1 a\n5.7.1 b"}},
		 1,
		 READER_MORE},
		{"enhanced, alone on its line",
		 STR_INIT("550-5.7.1\r\n550 b\r\n"),
		 {{550, 5, 7, 1, "5.7.1\nb"}},
		 1,
		 READER_MORE},
		{"of another class",
		 STR_INIT("550 4.7.1 a\r\n"),
		 {{550, 0, 0, 0, "4.7.1 a"}},
		 1,
		 READER_MORE},
		{"not quite enhanced", STR_INIT("550 5.1 a\r\n"), {{550, 0, 0, 0, "5.1 a"}}, 1, READER_MORE},
		{"an address, not a code",
		 STR_INIT("550 5.1.1.1 a\r\n"),
		 {{550, 0, 0, 0, "5.1.1.1 a"}},
		 1,
		 READER_MORE},
		{"too many digits",
		 STR_INIT("550 5.1000.1 a\r\n"),
		 {{550, 0, 0, 0, "5.1000.1 a"}},
		 1,
		 READER_MORE},
		{"no digits", STR_INIT("550 5..1 a\r\n"), {{550, 0, 0, 0, "5..1 a"}}, 1, READER_MORE},
		{"NUL and controls",
		 STR_INIT("250 a\0b\x1b[2J\x7f\r\n"),
		 {{250, 0, 0, 0, "a?b?[2J?"}},
		 1,
		 READER_MORE},
		{"CR inside", STR_INIT("250 a\rb\r\r\n"), {{250, 0, 0, 0, "a?b?"}}, 1, READER_MORE},
		{"UTF-8",
		 STR_INIT("250 gr\xc3\xbc\xc3\x9f\r\n"),
		 {{250, 0, 0, 0, "gr\xc3\xbc\xc3\x9f"}},
		 1,
		 READER_MORE},
		{"not UTF-8", STR_INIT("250 gr\xfc\xdf\r\n"), {{250, 0, 0, 0, "gr??"}}, 1, READER_MORE},
		{"unknown code", STR_INIT("299 x\r\n"), {{299, 0, 0, 0, "x"}}, 1, READER_MORE},
		{"part of a line", STR_INIT("250 a\r\n25"), {{250, 0, 0, 0, "a"}}, 1, READER_MORE},
		{"part of a reply", STR_INIT("250-a\r\n250-b\r\n"), {{0}}, 0, READER_MORE},
		{"a line like a code",
		 STR_INIT("250-250 a\r\n250 550 b\r\n"),
		 {{250, 0, 0, 0, "250 a\n550 b"}},
		 1,
		 READER_MORE},
		{"garbage", STR_INIT("hello\r\n"), {{0}}, 0, READER_BROKEN},
		{"garbage later", STR_INIT("250 a\r\nhello\r\n"), {{250, 0, 0, 0, "a"}}, 1, READER_BROKEN},
		{"HTTP", STR_INIT("HTTP/1.1 400 Bad Request\r\n"), {{0}}, 0, READER_BROKEN},
		{"NUL first", STR_INIT("\0\0\0\0"), {{0}}, 0, READER_BROKEN},
		{"TLS alert", STR_INIT("\x15\x03\x01\0\x02\x02\x0a"), {{0}}, 0, READER_BROKEN},
		{"an empty line", STR_INIT("\r\n250 a\r\n"), {{0}}, 0, READER_BROKEN},
		{"a blank first", STR_INIT(" 250 a\r\n"), {{0}}, 0, READER_BROKEN},
		{"1yz", STR_INIT("150 a\r\n"), {{0}}, 0, READER_BROKEN},
		{"6yz", STR_INIT("650 a\r\n"), {{0}}, 0, READER_BROKEN},
		{"two digits", STR_INIT("25 a\r\n"), {{0}}, 0, READER_BROKEN},
		{"four digits", STR_INIT("2500 a\r\n"), {{0}}, 0, READER_BROKEN},
		{"a tab", STR_INIT("250\ta\r\n"), {{0}}, 0, READER_BROKEN},
		{"the code changes", STR_INIT("250-a\r\n550 b\r\n"), {{0}}, 0, READER_BROKEN},
		{"nothing after broken", STR_INIT("x\r\n250 a\r\n"), {{0}}, 0, READER_BROKEN},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t step = 1; step <= 3; step++)
			check(cases[i].what, cases[i].octets, step, cases[i].want, cases[i].n, cases[i].end);
		check(cases[i].what, cases[i].octets, cases[i].octets.len, cases[i].want, cases[i].n,
		      cases[i].end);
	}
}

/* Feeds a line of n 'x' behind `start`, then `end`; the status after it all. */
static enum reader_status feed_long(struct reply_reader *reader, const char *start, size_t n, const char *end,
				    struct relay_reply *reply)
{
	char *line = xmalloc(n + 1);
	struct str in = str_from(start);
	memset(line, 'x', n);
	assert_int_equal(reply_reader_next(reader, &in, reply), READER_MORE);
	in = (struct str){line, n};
	enum reader_status status = reply_reader_next(reader, &in, reply);
	free(line);
	if (status != READER_MORE)
		return status;
	in = str_from(end);
	return reply_reader_next(reader, &in, reply);
}

static void test_long_lines(void **state)
{
	(void)state;
	static const struct {
		size_t n;
		enum reader_status want;
		size_t kept;
	} cases[] = {
		{508, READER_REPLY, 508},
		{4000, READER_REPLY, 4000},
		{RELAY_REPLY_TEXT_MAX, READER_REPLY, RELAY_REPLY_TEXT_MAX},
		{RELAY_REPLY_TEXT_MAX + 1, READER_REPLY, RELAY_REPLY_TEXT_MAX},
		{RELAY_REPLY_SIZE_MAX - 6, READER_REPLY, RELAY_REPLY_TEXT_MAX},
		{RELAY_REPLY_SIZE_MAX - 5, READER_BROKEN, 0},
		{1024 * 1024, READER_BROKEN, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reply_reader *reader = xmalloc(sizeof(*reader));
		struct relay_reply reply;
		reply_reader_init(reader);
		assert_int_equal(feed_long(reader, "250 ", cases[i].n, "\r\n", &reply), cases[i].want);
		if (cases[i].want == READER_REPLY) {
			assert_int_equal(reply.text.len, cases[i].kept);
			assert_int_equal(reply.cut, cases[i].n > RELAY_REPLY_TEXT_MAX);
			struct str in = STR("221 bye\r\n"); /* the next one begins afresh */
			assert_int_equal(reply_reader_next(reader, &in, &reply), READER_REPLY);
			assert_true(str_eq(reply.text, STR("bye")) && !reply.cut);
		}
		free(reader);
	}
}

static void test_endless_reply(void **state)
{
	(void)state;
	struct reply_reader *reader = xmalloc(sizeof(*reader));
	struct relay_reply reply;
	reply_reader_init(reader);
	size_t lines = 0;
	enum reader_status status;
	do {
		struct str in = STR("250-more\r\n");
		status = reply_reader_next(reader, &in, &reply);
		lines++;
	} while (status == READER_MORE && lines < 100000);
	assert_int_equal(status, READER_BROKEN);
	assert_int_equal(lines, RELAY_REPLY_LINES_MAX + 1);
	free(reader);
}

/* What is behind a reply stays where it is; clear drops a beginning. */
static void test_rest_is_the_callers(void **state)
{
	(void)state;
	struct reply_reader *reader = xmalloc(sizeof(*reader));
	struct relay_reply reply;
	struct str in = STR("220 go ahead\r\n250 injected\r\n");
	reply_reader_init(reader);
	assert_false(reply_reader_inside(reader));
	assert_int_equal(reply_reader_next(reader, &in, &reply), READER_REPLY);
	assert_true(str_eq(in, STR("250 injected\r\n")));
	assert_false(reply_reader_inside(reader));
	in = STR("250-inject");
	assert_int_equal(reply_reader_next(reader, &in, &reply), READER_MORE);
	assert_true(reply_reader_inside(reader));
	reply_reader_clear(reader);
	assert_false(reply_reader_inside(reader));
	in = STR("454 no\r\n");
	assert_int_equal(reply_reader_next(reader, &in, &reply), READER_REPLY);
	assert_int_equal(reply.code, 454);
	free(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_endless_reply),
		cmocka_unit_test(test_rest_is_the_callers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
