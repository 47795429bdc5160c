/* Text of strangers on a terminal, and columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "smtpd/cli/display.h"

static void nothing_harmful_reaches_the_terminal(void **state UNUSED)
{
	static const struct {
		struct str in;
		const char *out, *one_line;
	} cases[] = {
		{STR_INIT("plain"), "plain", "plain"},
		{STR_INIT("Gr\xc3\xbc\xc3\x9f"
			  "e \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x98\x80"),
		 "Gr\xc3\xbc\xc3\x9f"
		 "e \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x98\x80",
		 "Gr\xc3\xbc\xc3\x9f"
		 "e \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x98\x80"},
		{STR_INIT("a\x1b[31mred"), "a<U+001B>[31mred", "a<U+001B>[31mred"},
		{STR_INIT("a\0b"), "a<U+0000>b", "a<U+0000>b"},
		{STR_INIT("a\x7f\xc2\x9b"), "a<U+007F><U+009B>", "a<U+007F><U+009B>"},
		{STR_INIT("jpg\xe2\x80\xae.png"), "jpg<U+202E>.png", "jpg<U+202E>.png"},
		{STR_INIT("\xe2\x81\xa6x\xe2\x80\xa8y"), "<U+2066>x<U+2028>y", "<U+2066>x<U+2028>y"},
		{STR_INIT("\xf3\xa0\x80\x81"), "<U+E0001>", "<U+E0001>"},
		{STR_INIT("\xff\xc0\x80\xed\xa0\x80"), "<FF><C0><80><ED><A0><80>",
		 "<FF><C0><80><ED><A0><80>"},
		{STR_INIT("cut \xe2\x82"), "cut <E2><82>", "cut <E2><82>"},
		{STR_INIT("one\r\ntwo\n\tthree\rfour"), "one\ntwo\n\tthree<U+000D>four",
		 "one two three four"},
		{STR_INIT("  many   blanks "), "  many   blanks ", "many blanks "},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct strbuf out;
		strbuf_init(&out, 1024);
		display_text(&out, cases[i].in, false);
		assert_string_equal(out.ptr, cases[i].out);
		strbuf_clear(&out);
		display_text(&out, cases[i].in, true);
		assert_string_equal(out.ptr, cases[i].one_line);
		strbuf_done(&out);
	}
}

static void width_is_what_a_terminal_takes(void **state UNUSED)
{
	static const struct {
		const char *text;
		size_t width;
		const char *cut4;
	} cases[] = {
		{"", 0, ""},
		{"abc", 3, "abc"},
		{"abcdef", 6, "abcd"},
		{"a\xcc\x81"
		 "bcde",
		 5,
		 "a\xcc\x81"
		 "bcd"},
		{"\xe4\xbd\xa0\xe5\xa5\xbd\xe5\x90\x97", 6, "\xe4\xbd\xa0\xe5\xa5\xbd"},
		{"x\xe4\xbd\xa0\xe5\xa5\xbd", 5, "x\xe4\xbd\xa0"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str text = str_from(cases[i].text);
		assert_int_equal(display_width(text), cases[i].width);
		assert_true(str_eq(display_cut(text, 4), str_from(cases[i].cut4)));
	}
}

static void sizes_and_times(void **state UNUSED)
{
	char buf[DISPLAY_SIZE_MAX];
	assert_string_equal(display_size(0, buf), "0 B");
	assert_string_equal(display_size(1023, buf), "1023 B");
	assert_string_equal(display_size(1536, buf), "1.5 KiB");
	assert_string_equal(display_size(INT64_C(35) << 20, buf), "35.0 MiB");
	assert_string_equal(display_time(0, buf), "-");
	assert_string_equal(display_time(1795253400123, buf), "2026-11-21 09:30:00Z");
}

static char *print(const struct table *table)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	table_print(table, file);
	fclose(file);
	return text;
}

static void columns_are_aligned(void **state UNUSED)
{
	static const struct table_column columns[] = {{"NAME", 6, false}, {"N", 0, true}, {"LAST", 0, false}};
	static const struct str rows[][3] = {
		{STR_INIT("short"), STR_INIT("7"), STR_INIT("x")},
		{STR_INIT("much too long"), STR_INIT("1234"), STR_INIT("a\nb")},
		{STR_INIT("\xe4\xbd\xa0\xe5\xa5\xbd"), STR_INIT(""), STR_INIT("\x1b")},
	};
	struct table *table = table_new(columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		table_row(table, rows[i]);
	assert_int_equal(table_rows(table), 3);
	char *text = print(table);
	assert_string_equal(text, "NAME       N  LAST\n"
				  "short      7  x\n"
				  "much \xe2\x80\xa6  1234  a b\n"
				  "\xe4\xbd\xa0\xe5\xa5\xbd          <U+001B>\n");
	free(text);
	table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_harmful_reaches_the_terminal),
		cmocka_unit_test(width_is_what_a_terminal_takes),
		cmocka_unit_test(sizes_and_times),
		cmocka_unit_test(columns_are_aligned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
