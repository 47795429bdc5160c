/*
 * Addresses in the words of people: where they begin and end, one after the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "ingest/address_in_words.h"

static bool has_both_sides(struct str address)
{
	size_t at = str_find(address, '@');
	assert_true(at < address.len);
	return at > 0 && at + 1 < address.len;
}

static void every_address_is_found(void **state UNUSED)
{
	static const struct {
		const char *in, *want; /* a blank behind each */
	} cases[] = {
		{"", ""},
		{"no address", ""},
		{"@", ""},
		{"jane@ @x.org", ""},
		{"jane@x.org", "jane@x.org "},
		{"Jane <jane@x.org>", "jane@x.org "},
		{"Jane [mailto:jane@x.org]", "jane@x.org "},
		{"write to jane@x.org.", "jane@x.org "},
		{"'jane@x.org'!", "jane@x.org "},
		{"to=jane@x.org", "to=jane@x.org "},
		{"=jane@x.org?", "jane@x.org "},
		{"| jane@x.org|joe@x.org |", "jane@x.org joe@x.org "},
		{"a@x.org, b@x.org;c@x.org", "a@x.org b@x.org c@x.org "},
		{"a@b@c d@e", "d@e "},
		{"j\xc3\xbcrgen@x.org", "j\xc3\xbcrgen@x.org "},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str in = str_from(cases[i].in), address;
		struct strbuf got;
		size_t pos = 0;
		strbuf_init(&got, 1000);
		while ((address = address_in_words(in, &pos, has_both_sides)).len) {
			strbuf_add(&got, address);
			strbuf_addc(&got, ' ');
		}
		assert_int_equal(pos, in.len);
		if (!str_eq(strbuf_str(&got), str_from(cases[i].want)))
			fail_msg("%s: \"%.*s\"", cases[i].in, STR_ARG(strbuf_str(&got)));
		strbuf_done(&got);
	}
}

/* However long a word is, an address of it is not. */
static void an_address_has_a_length(void **state UNUSED)
{
	static char words[20000];
	size_t pos = 0;
	memset(words, 'a', sizeof(words));
	words[10000] = '@';
	struct str address = address_in_words((struct str){words, sizeof(words)}, &pos, has_both_sides);
	assert_true(address.len > ADDRESS_IN_WORDS_MAX && address.len <= 2 * ADDRESS_IN_WORDS_MAX + 1);
	memset(words, '@', sizeof(words));
	pos = 0;
	assert_int_equal(address_in_words((struct str){words, sizeof(words)}, &pos, has_both_sides).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_address_is_found),
		cmocka_unit_test(an_address_has_a_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
