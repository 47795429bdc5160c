/* The words of a command line: options anywhere, hints, numbers and times. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "smtpd/cli/args.h"

static const struct arg_option options[] = {
	{"limit", "N", ""}, {"since", "TIME", ""}, {"json", NULL, ""}, {"tenant", "SLUG", ""}};

static int parse(struct args *args, const char **argv, struct conf_error *error)
{
	int argc = 0;
	while (argv[argc])
		argc++;
	return args_parse(args, options, ARRAY_SIZE(options), argc, argv, error);
}

static void options_may_stand_anywhere(void **state UNUSED)
{
	const char *argv[] = {"one", "--limit", "5", "-", "--json", "--tenant=a=b", "--", "--limit", NULL};
	struct args args;
	struct conf_error error;
	assert_int_equal(parse(&args, argv, &error), 0);
	assert_int_equal(args.words_n, 3);
	assert_string_equal(args.words[0], "one");
	assert_string_equal(args.words[1], "-");
	assert_string_equal(args.words[2], "--limit");
	assert_string_equal(args_value(&args, "limit"), "5");
	assert_string_equal(args_value(&args, "tenant"), "a=b");
	assert_true(args_flag(&args, "json"));
	assert_null(args_value(&args, "since"));
}

static void what_is_wrong_is_named(void **state UNUSED)
{
	static const struct {
		const char *argv[4];
		const char *error;
	} cases[] = {
		{{"--lmit", "5"}, "unknown option --lmit; did you mean --limit?"},
		{{"--zzzzzz"}, "unknown option --zzzzzz"},
		{{"--limit"}, "--limit needs a value (N)"},
		{{"--json=yes"}, "--json takes no value"},
		{{"--json", "--json"}, "--json is given twice"},
		{{"-o", "x"}, "unknown option -o; options are written in full, like --help"},
		{{"-j"}, "unknown option -j; options are written in full, like --help"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *argv[5] = {cases[i].argv[0], cases[i].argv[1], cases[i].argv[2], NULL};
		struct args args;
		struct conf_error error;
		assert_int_equal(parse(&args, argv, &error), -EINVAL);
		assert_string_equal(error.text, cases[i].error);
	}
}

static void the_one_short_form(void **state UNUSED)
{
	static const struct arg_option output[] = {{"output", "FILE", ""}};
	const char *argv[] = {"a", "-o", "-", "b"}, *twice[] = {"-o", "a", "--output=b"};
	struct args args;
	struct conf_error error;
	assert_int_equal(args_parse(&args, output, 1, 4, argv, &error), 0);
	assert_string_equal(args_value(&args, "output"), "-");
	assert_int_equal(args.words_n, 2);
	assert_int_equal(args_parse(&args, output, 1, 3, twice, &error), -EINVAL);
	assert_string_equal(error.text, "--output is given twice");
}

static void numbers_have_bounds(void **state UNUSED)
{
	static const struct {
		const char *text;
		int r;
		int64_t n;
	} cases[] = {
		{"0", 0, 0},
		{"100", 0, 100},
		{"101", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"1x", -EINVAL, 0},
		{"99999999999999999999", -EINVAL, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *argv[] = {"--limit", cases[i].text, NULL};
		struct args args;
		struct conf_error error;
		int64_t n = 0;
		assert_int_equal(parse(&args, argv, &error), 0);
		assert_int_equal(args_int(&args, "limit", 0, 100, &n, &error), cases[i].r);
		assert_int_equal(n, cases[i].n);
	}
}

static void times_are_dates_or_ages(void **state UNUSED)
{
	const int64_t now = 1795302764581;
	static const struct {
		const char *text;
		int r;
		int64_t ms; /* below 0: before now */
	} cases[] = {
		{"1970-01-02", 0, 86400000},
		{"2026-11-21", 0, 1795219200000},
		{"2026-11-21T09:30:00Z", 0, 1795253400000},
		{"2026-11-21 09:30", 0, 1795253400000},
		{"2h", 0, -7200000},
		{"7d", 0, -604800000},
		{"0s", 0, 1795302764581},
		{"2026-13-01", -EINVAL, 0},
		{"2026-1-1", -EINVAL, 0},
		{"2026-11-21T25:00", -EINVAL, 0},
		{"2026-11-21T09:30:00+01:00", -EINVAL, 0},
		{"yesterday", -EINVAL, 0},
		{"9999999999d", -EINVAL, 0},
		{"h", -EINVAL, 0},
		{"", -EINVAL, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t ms = 0;
		assert_int_equal(parse_time(str_from(cases[i].text), now, &ms), cases[i].r);
		assert_int_equal(ms, cases[i].ms < 0 ? now + cases[i].ms : cases[i].ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_may_stand_anywhere), cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(the_one_short_form),         cmocka_unit_test(numbers_have_bounds),
		cmocka_unit_test(times_are_dates_or_ages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
