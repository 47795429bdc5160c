/*
 * What is UTF-8, where it may be cut, and one line of what others wrote: a case table each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/utf8.h"

static void what_is_utf8(void **state UNUSED)
{
	static const struct {
		struct str in;
		bool want;
	} cases[] = {
		{STR_INIT(""), true},
		{STR_INIT("plain ASCII, longer than eight"), true},
		{STR_INIT("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
		 true},
		{STR_INIT("\xed\x9f\xbf\xee\x80\x80"), true},
		{STR_INIT("12345678\x80"), false},
		{STR_INIT("\xc1\xbf"), false},
		{STR_INIT("\xe0\x9f\xbf"), false},
		{STR_INIT("\xed\xa0\x80"), false},
		{STR_INIT("\xf0\x8f\xbf\xbf"), false},
		{STR_INIT("\xf4\x90\x80\x80"), false},
		{STR_INIT("\xc3"), false},
		{STR_INIT("\xe2\x82"), false},
		{STR_INIT("\xf0\x9f\x92"), false},
		{STR_INIT("\xff"), false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(utf8_valid(cases[i].in), cases[i].want);
}

static void a_character_is_as_long_as_its_first_octet_says(void **state UNUSED)
{
	static const struct {
		struct str in;
		size_t want;
	} cases[] = {
		{STR_INIT(""), 0},
		{STR_INIT("a\xff"), 1},
		{STR_INIT("\0a"), 1},
		{STR_INIT("\xc3\xa9x"), 2},
		{STR_INIT("\xe2\x82\xac"), 3},
		{STR_INIT("\xf0\x9f\x98\x80z"), 4},
		{STR_INIT("\xc3"), 0},             /* cut */
		{STR_INIT("\xe2\x82"), 0},         /* cut */
		{STR_INIT("\xa9"), 0},             /* a continuation */
		{STR_INIT("\xc0\x80"), 0},         /* overlong */
		{STR_INIT("\xe0\x80\x80"), 0},     /* overlong */
		{STR_INIT("\xed\xa0\x80"), 0},     /* a surrogate */
		{STR_INIT("\xf4\x90\x80\x80"), 0}, /* beyond U+10FFFF */
		{STR_INIT("\xf5\x80\x80\x80"), 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n = utf8_sequence(cases[i].in);
		if (n != cases[i].want)
			fail_msg("case %zu: %zu octets", i, n);
	}
}

static void a_cut_is_between_characters(void **state UNUSED)
{
	struct str text = STR("ab\xc3\xa9\xe2\x82\xac"
			      "c");
	static const size_t want[] = {0, 1, 2, 2, 4, 4, 4, 7, 8, 8, 8};
	for (size_t max = 0; max < ARRAY_SIZE(want); max++)
		assert_int_equal(utf8_cut(text, max).len, want[max]);
	assert_int_equal(utf8_cut((struct str){NULL, 0}, 5).len, 0);
	assert_true(utf8_cut(STR("\xa9\xa9\xa9\xa9\xa9"), 3).len <= 3);
}

static void a_line_is_what_is_left_of_anything(void **state UNUSED)
{
	static const struct {
		struct str in;
		size_t max;
		const char *want;
	} cases[] = {
		{STR_INIT(""), 9, ""},
		{STR_INIT(" \r\n\t\x7f"), 9, ""},
		{STR_INIT("550 no such user"), 99, "550 no such user"},
		{STR_INIT("  550\r\n\tno  such\n"), 99, "550 no such"},
		{STR_INIT("550 no\r\n\r\nBcc: all\x1b[2J\x7f"), 99, "550 no Bcc: all [2J"},
		{STR_INIT("a\0b"), 9, "a b"},
		{STR_INIT("a\xc2\x85"
			  "b\xc2\x9b"
			  "31m\xe2\x80\xa8"
			  "c\xe2\x80\xa9"),
		 99, "a b 31m c"},
		{STR_INIT("a\xc2\xa0"
			  "b"),
		 9,
		 "a\xc2\xa0"
		 "b"},
		{STR_INIT("caf\xc3\xa9"), 9, "caf\xc3\xa9"},
		{STR_INIT("caf\xe9 \xff"), 9, "caf? ?"},
		{STR_INIT("\xe2\x82"), 9, "??"},
		{STR_INIT("%s%n"), 9, "%s%n"},
		/* limits */
		{STR_INIT("abc"), 0, ""},
		{STR_INIT("abc"), 2, "ab"},
		{STR_INIT("ab  "), 2, "ab"},
		{STR_INIT("ab cd"), 3, "ab"},
		{STR_INIT("ab cd"), 4, "ab c"},
		{STR_INIT("a\xe2\x82\xac"), 3, "a"},
		{STR_INIT("a\xe2\x82\xac"), 4, "a\xe2\x82\xac"},
		{STR_INIT("a \xe2\x82\xac"), 4, "a"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[100], same[100];
		size_t n = utf8_line(cases[i].in, line, cases[i].max);
		struct str got = {line, n};
		assert_true(n <= cases[i].max && n <= cases[i].in.len && utf8_valid(got));
		if (!str_eq(got, str_from(cases[i].want)))
			fail_msg("case %zu: \"%.*s\"", i, STR_ARG(got));
		memcpy(same, cases[i].in.ptr, cases[i].in.len);
		assert_int_equal(utf8_line((struct str){same, cases[i].in.len}, same, cases[i].max), n);
		assert_memory_equal(same, line, n);
	}
	assert_int_equal(utf8_line((struct str){NULL, 0}, NULL, 0), 0);
}

/* Any two octets anywhere: short, clean, and the same again when it is done twice. */
static void every_pair_of_octets(void **state UNUSED)
{
	for (unsigned pair = 0; pair < 0x10000; pair++) {
		char in[4] = {'a', (char)(pair >> 8), (char)pair, 'z'}, line[4], again[4];
		struct str got = {line, utf8_line((struct str){in, sizeof(in)}, line, sizeof(line))};
		assert_true(got.len >= 2 && utf8_valid(got));
		for (size_t i = 0; i < got.len; i++)
			assert_true((unsigned char)line[i] >= 0x20 && line[i] != 0x7f);
		assert_int_equal(utf8_line(got, again, sizeof(again)), got.len);
		assert_memory_equal(again, line, got.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_utf8),
		cmocka_unit_test(a_character_is_as_long_as_its_first_octet_says),
		cmocka_unit_test(a_cut_is_between_characters),
		cmocka_unit_test(a_line_is_what_is_left_of_anything),
		cmocka_unit_test(every_pair_of_octets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
