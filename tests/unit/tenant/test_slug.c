/* Slugs, reserved names, prefixes of references. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tenant/slug.h"

static void test_what_can_be_a_slug(void **state)
{
	(void)state;
	static const struct conf_pair pairs[] = {{"sales", "x@y"}};
	static const struct conf_map forwards = {pairs, 1};
	static const struct {
		struct str slug;
		bool want;
	} cases[] = {
		{STR_INIT("acme"), true},
		{STR_INIT("ACME"), true},
		{STR_INIT("0-9"), true},
		{STR_INIT("a"), true},
		{STR_INIT("a-"), true},
		{STR_INIT("abcdefghijklmnopqrstuvwxyz012345"), true},
		{STR_INIT("abcdefghijklmnopqrstuvwxyz0123456"), false},
		{STR_INIT(""), false},
		{STR_INIT("-a"), false},
		{STR_INIT("a.b"), false},
		{STR_INIT("a+b"), false},
		{STR_INIT("a b"), false},
		{STR_INIT("a\0b"), false},
		{STR_INIT("\xc3\xa4"), false},
		{STR_INIT("postmaster"), false},
		{STR_INIT("Reply"), false},
		{STR_INIT("MAILER-DAEMON"), false},
		{STR_INIT("Sales"), false},
		{STR_INIT("sales2"), true},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if ((slug_check(cases[i].slug, &forwards) == NULL) != cases[i].want)
			fail_msg("%.*s", STR_ARG(cases[i].slug));
	}
	assert_null(slug_check(STR("sales"), NULL));
}

static void test_prefixes(void **state)
{
	(void)state;
	static const struct {
		struct str slug;
		const char *prefix;
	} cases[] = {
		{STR_INIT("acme"), "ACME"},
		{STR_INIT("Acme-Corp"), "ACMECORP"},
		{STR_INIT("a1-b2-c3-d4-e5-f6"), "A1B2C3D4E5"},
		{STR_INIT("0"), "0"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char prefix[REFERENCE_PREFIX_MAX + 1];
		slug_default_prefix(cases[i].slug, prefix);
		assert_string_equal(prefix, cases[i].prefix);
		assert_true(reference_prefix_valid(str_from(prefix)));
	}
	assert_false(reference_prefix_valid(STR("")));
	assert_false(reference_prefix_valid(STR("acme")));
	assert_false(reference_prefix_valid(STR("AC-ME")));
	assert_true(reference_prefix_valid(STR("ABCDEFGHIJ")));
	assert_false(reference_prefix_valid(STR("ABCDEFGHIJK")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_can_be_a_slug),
		cmocka_unit_test(test_prefixes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
