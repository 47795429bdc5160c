/* Bounded memory: arena and strbuf keep to their maximum, and say when they could not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/strbuf.h"

static void test_objects_are_aligned_and_apart(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 7, 16, 17, 500, 512, 513, 5000, 16384, 40000, 3};
	char *objects[ARRAY_SIZE(sizes)];
	struct arena arena;
	arena_init(&arena, 100000);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		objects[i] = arena_alloc(&arena, sizes[i]);
		assert_non_null(objects[i]);
		assert_int_equal((uintptr_t)objects[i] % _Alignof(max_align_t), 0);
		memset(objects[i], (int)i + 1, sizes[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(objects[i][k], (int)i + 1);
	}
	arena_done(&arena);
}

static void test_arena_refuses_more_than_its_maximum(void **state)
{
	(void)state;
	struct arena arena;
	struct str copy = STR("before");
	arena_init(&arena, 64);
	assert_null(arena_alloc(&arena, 65));
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_non_null(arena_alloc(&arena, 48));
	assert_int_equal(arena_copy(&arena, STR("sixteen octets.."), &copy), -ENOBUFS);
	assert_true(str_eq(copy, STR("before")));
	assert_int_equal(arena_copy(&arena, STR("fifteen octets."), &copy), 0);
	assert_string_equal(copy.ptr, "fifteen octets.");
	assert_null(arena_alloc(&arena, 0));
	assert_int_equal(arena.used, 64);
	arena_clear(&arena);
	char *again = arena_zalloc(&arena, 64);
	assert_non_null(again);
	assert_int_equal(again[0] | again[63], 0);
	arena_done(&arena);
}

static void test_arena_printf(void **state)
{
	(void)state;
	struct arena arena;
	struct str text;
	arena_init(&arena, 32);
	assert_int_equal(arena_printf(&arena, &text, "%s-%05d", "ACME", 42), 0);
	assert_true(str_eq(text, STR("ACME-00042")));
	assert_int_equal(arena_printf(&arena, &text, "%100d", 1), -ENOBUFS);
	assert_true(str_eq(text, STR("ACME-00042")));
	arena_done(&arena);
}

static void test_strbuf_drops_whole_additions(void **state)
{
	(void)state;
	struct strbuf buf;
	strbuf_init(&buf, 8);
	assert_null(buf.ptr);
	assert_int_equal(strbuf_adds(&buf, "12345"), 0);
	assert_int_equal(strbuf_printf(&buf, "%d", 6789), -ENOBUFS);
	assert_true(buf.overflow);
	assert_int_equal(strbuf_addc(&buf, '6'), -ENOBUFS);
	assert_string_equal(buf.ptr, "12345");
	strbuf_clear(&buf);
	assert_int_equal(strbuf_adds(&buf, "12345678"), 0);
	assert_false(buf.overflow);
	strbuf_consume(&buf, 3);
	assert_true(str_eq(strbuf_str(&buf), STR("45678")));
	assert_int_equal(strbuf_addc(&buf, '9'), 0);
	assert_null(strbuf_reserve(&buf, 3));
	strbuf_done(&buf);
}

static void test_strbuf_grows_and_hands_over(void **state)
{
	(void)state;
	struct strbuf buf;
	strbuf_init(&buf, 100000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(strbuf_addc(&buf, (char)('a' + i % 26)), 0);
	assert_int_equal(strbuf_addc(&buf, 'x'), -ENOBUFS);
	char *text = strbuf_detach(&buf);
	assert_int_equal(strlen(text), 100000);
	free(text);
	assert_int_equal(buf.len, 0);
	text = strbuf_detach(&buf);
	assert_string_equal(text, "");
	free(text);
}

static void test_copies(void **state)
{
	(void)state;
	char *a = xstrndup(str_sub(STR("acme+tag"), 0, 4)), *b = xasprintf("%s@%s", a, "x");
	assert_string_equal(b, "acme@x");
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects_are_aligned_and_apart),
		cmocka_unit_test(test_arena_refuses_more_than_its_maximum),
		cmocka_unit_test(test_arena_printf),
		cmocka_unit_test(test_strbuf_drops_whole_additions),
		cmocka_unit_test(test_strbuf_grows_and_hands_over),
		cmocka_unit_test(test_copies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
