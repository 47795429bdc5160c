/*
 * Many phrases at once: the same answers as a walk through the table gives, also where phrases share their
 * beginnings, stand in each other, or are one octet long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/phrase_set.h"

#define ITEMS_MAX 64

static const char *const words[] = {"a", "ab", "abc", "abcd", "b", "bca", "cab", "caba", "d"};
static const char *const long_words[] = {"abcab", "bcabc", "abcabc",    "cabcab",
					 "ccccc", "abcba", "aaaaaaaaaa"};
static const char *const wide_words[] = {"写", "书", "写道", "来信", "회신", "abc"};

static size_t walk(const char *const *table, size_t n, struct str s, char how)
{
	for (size_t i = 0; i < n; i++) {
		struct str word = str_from(table[i]);
		bool fits = how == 's'   ? str_starts(s, word)
			    : how == 'e' ? str_eq(s, word)
					 : memmem(s.ptr, s.len, word.ptr, word.len) != NULL;
		if (fits)
			return i + 1;
	}
	return 0;
}

static void compare(const char *const *table, size_t n, const struct phrase_set *set, struct str s)
{
	assert_int_equal(phrase_set_starts(set, s), walk(table, n, s, 's'));
	assert_int_equal(phrase_set_equals(set, s), walk(table, n, s, 'e'));
	assert_int_equal(phrase_set_inside(set, s), walk(table, n, s, 'i'));
}

/* All strings over four letters up to eight octets, and longer ones made of them. */
static void test_with(const char *const *table, size_t n)
{
	struct phrase items[ITEMS_MAX];
	struct phrase_set set;
	unsigned found = 0;
	for (size_t i = 0; i < n; i++)
		items[i].text = str_from(table[i]);
	phrase_set_index(&set, items, n);
	for (unsigned seed = 0; seed < 1u << 16; seed++) {
		char text[20];
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = "abcd"[(seed >> (i * 2 % 16)) & 3];
		for (size_t len = 0; len <= sizeof(text); len += len < 8 ? 1 : 12) {
			struct str s = {text, len};
			compare(table, n, &set, s);
			found += phrase_set_inside(&set, s) > 0;
		}
	}
	assert_true(found > 0);
}

static void short_phrases(void **state)
{
	(void)state;
	test_with(words, ARRAY_SIZE(words));
}

static void long_phrases(void **state)
{
	(void)state;
	test_with(long_words, ARRAY_SIZE(long_words));
}

static void other_scripts(void **state)
{
	static const char *const texts[] = {"昨天他写道:", "来", "来信", "写", "x写书",
					    "회신합니다",  "ab", "xabc", ""};
	struct phrase items[ITEMS_MAX];
	struct phrase_set set;
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wide_words); i++)
		items[i].text = str_from(wide_words[i]);
	phrase_set_index(&set, items, ARRAY_SIZE(wide_words));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		compare(wide_words, ARRAY_SIZE(wide_words), &set, str_from(texts[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_phrases),
		cmocka_unit_test(long_phrases),
		cmocka_unit_test(other_scripts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
