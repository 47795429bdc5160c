/*
 * Codes in what a server said, told from numbers that only look like them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ingest/bounce_reason.h"

static void codes_are_told_from_numbers(void **state UNUSED)
{
	static const struct {
		const char *text, *status;
		unsigned code;
	} cases[] = {
		{"550 5.1.1 no", "5.1.1", 550},
		{"said: 450-4.2.2 x", "4.2.2", 450},
		{"(#5.5.0)", "5.5.0", 0},
		{"status=5.1.10", "5.1.10", 0},
		{"host mx [5.1.1.1] said 521", "", 521},
		{"version 15.1.1", "", 0},
		{"v5.1.1", "", 0},
		{"5.1.1.2.3", "", 0},
		{"SIZE=5501", "", 0},
		{"5500 550x a550", "", 0},
		{"250 2.0.0 ok", "", 0},
		{"550", "", 550},
		{"5.1", "", 0},
		{"", "", 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str text = str_from(cases[i].text);
		assert_true(str_eq(bounce_status_in(text), str_from(cases[i].status)));
		assert_int_equal(bounce_code_in(text), cases[i].code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_are_told_from_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
