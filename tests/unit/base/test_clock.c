/* Dates as they stand in logs and in trace fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void test_dates(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *iso, *rfc5322;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 +0000"},
		{-1, "1969-12-31T23:59:59.999Z", "Wed, 31 Dec 1969 23:59:59 +0000"},
		{951782400000, "2000-02-29T00:00:00.000Z", "Tue, 29 Feb 2000 00:00:00 +0000"},
		{1795253400123, "2026-11-21T09:30:00.123Z", "Sat, 21 Nov 2026 09:30:00 +0000"},
		{4107542400000, "2100-03-01T00:00:00.000Z", "Mon, 01 Mar 2100 00:00:00 +0000"},
		{INT64_MAX, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 +0000"},
		{INT64_MIN, "0000-01-01T00:00:00.000Z", "Sat, 01 Jan 0000 00:00:00 +0000"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char iso[CLOCK_ISO_SIZE], rfc5322[CLOCK_RFC5322_SIZE];
		assert_string_equal(clock_format_iso(cases[i].ms, iso), cases[i].iso);
		assert_string_equal(clock_format_rfc5322(cases[i].ms, rfc5322), cases[i].rfc5322);
	}
}

static int64_t fixed(void)
{
	return 1234;
}

static void test_clocks_can_be_replaced(void **state)
{
	(void)state;
	clock_replace(fixed, fixed);
	assert_int_equal(clock_now_ms(), 1234);
	assert_int_equal(clock_mono_us(), 1234000);
	clock_replace(NULL, NULL);
	assert_true(clock_now_ms() > 1600000000000);
	int64_t before = clock_mono_ms();
	assert_true(clock_mono_ms() >= before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_clocks_can_be_replaced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
