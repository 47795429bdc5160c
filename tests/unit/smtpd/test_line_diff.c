/* Line diffs: what went, what came, bounded work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "smtpd/line_diff.h"

static void lines_that_went_and_came(void **state UNUSED)
{
	static const struct {
		const char *before, *after, *diff;
	} cases[] = {
		{"", "", ""},
		{"same\n", "same\n", ""},
		{"", "new", "+new\n"},
		{"old", "", "-old\n"},
		{"a\nb\nc", "a\nX\nc", " a\n-b\n+X\n c\n"},
		{"1\n2\n3\n4\n5", "1\n2\n3\n4", " 3\n 4\n-5\n"},
		{"a\nb\nc\nd", "b\nc\nd\ne", "-a\n b\n c\n d\n+e\n"},
		{"k\na\nb\nc\nk", "k\nb\nx\nc\ny\nk", " k\n-a\n b\n+x\n c\n+y\n k\n"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct strbuf out;
		strbuf_init(&out, 4096);
		line_diff(str_from(cases[i].before), str_from(cases[i].after), &out);
		assert_string_equal(out.ptr ? out.ptr : "", cases[i].diff);
		strbuf_done(&out);
	}
}

static char *many(const char *word, int n)
{
	struct strbuf text;
	strbuf_init(&text, 16 * 1024 * 1024);
	for (int i = 0; i < n; i++)
		strbuf_printf(&text, "%s %d\n", word, i);
	return strbuf_detach(&text);
}

/* 50,000 lines each way would be 2.5 thousand million cells: they are not aligned, and the output is cut. */
static void hostile_texts_cost_little(void **state UNUSED)
{
	char *a = many("a", 50000), *b = many("b", 50000);
	struct strbuf out;
	strbuf_init(&out, 64 * 1024);
	line_diff(str_from(a), str_from(b), &out);
	assert_true(out.overflow);
	assert_true(out.len > 60 * 1024);
	assert_memory_equal(out.ptr, "-a 0\n-a 1\n", 10);
	strbuf_done(&out);
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_went_and_came),
		cmocka_unit_test(hostile_texts_cost_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
