/*
 * Loop marks by property: what was minted is ours, and nothing else is; whatever has the shape of a mark is at least
 * foreign, so that a damaged one of ours makes us quieter and never louder.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tenant/loop_mark.h"
#include "tenant/reply_token.h"

static const char key_a[] = "0123456789abcdef0123456789abcdeA";
static const char key_b[] = "0123456789abcdef0123456789abcdeB";

static const int64_t jobs[] = {1, 127, 128, 4711, INT64_C(1) << 40, INT64_MAX};
static const enum loop_kind all_kinds[] = {LOOP_ANSWER, LOOP_NOTICE, LOOP_FORWARD};

static struct key_ring *ring_of(const char *first, const char *second)
{
	struct str views[] = {str_from(first), str_from(second)};
	struct key_ring *ring = NULL;
	assert_int_equal(key_ring_new(&ring, views, second ? 2 : 1), 0);
	return ring;
}

static enum loop_origin check(const struct key_ring *keys, const char *text)
{
	enum loop_kind kind;
	return loop_mark_check(keys, str_from(text), &kind);
}

static void test_minted_is_ours(void **state)
{
	(void)state;
	static const char *const words[] = {"answer.", "notice.", "forward."};
	struct key_ring *keys = ring_of(key_a, NULL);
	for (size_t k = 0; k < ARRAY_SIZE(all_kinds); k++) {
		for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
			char text[LOOP_MARK_TEXT_MAX + 1], blanks[LOOP_MARK_TEXT_MAX + 8];
			enum loop_kind kind = all_kinds[(k + 1) % 3];
			assert_int_equal(
				loop_mark_mint(keys, all_kinds[k], (struct outbox_id){jobs[i]}, text), 0);
			assert_true(strlen(text) <= LOOP_MARK_TEXT_MAX);
			assert_memory_equal(text, words[k], strlen(words[k]));
			assert_int_equal(loop_mark_check(keys, str_from(text), &kind), LOOP_OURS);
			assert_int_equal(kind, all_kinds[k]);
			snprintf(blanks, sizeof(blanks), " %s\r\n\t", text);
			assert_int_equal(check(keys, blanks), LOOP_OURS);
		}
	}
	char text[LOOP_MARK_TEXT_MAX + 1] = "untouched";
	assert_int_equal(loop_mark_mint(keys, LOOP_ANSWER, (struct outbox_id){0}, text), -ERANGE);
	assert_int_equal(loop_mark_mint(keys, LOOP_ANSWER, (struct outbox_id){-1}, text), -ERANGE);
	assert_string_equal(text, "untouched");
	key_ring_unref(keys);
}

/* Of the text and of the octets behind it: never ours again; in the token always foreign. */
static void test_every_flipped_bit(void **state)
{
	(void)state;
	struct key_ring *keys = ring_of(key_a, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
		char text[LOOP_MARK_TEXT_MAX + 1];
		uint8_t octets[64];
		enum loop_kind kind;
		assert_int_equal(loop_mark_mint(keys, LOOP_NOTICE, (struct outbox_id){jobs[i]}, text), 0);
		size_t len = strlen(text), token = strlen("notice.");
		for (size_t bit = 0; bit < len * 8; bit++) {
			text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
			assert_int_not_equal(loop_mark_check(keys, (struct str){text, len}, &kind),
					     LOOP_OURS);
			text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
		}
		int n = base64url_decode(str_from(text + token), octets, sizeof(octets));
		for (int bit = 0; bit < n * 8; bit++) {
			char flipped[128] = "notice.";
			octets[bit / 8] = (uint8_t)(octets[bit / 8] ^ (1 << bit % 8));
			base64url_encode(octets, (size_t)n, flipped + token);
			assert_int_equal(check(keys, flipped), LOOP_FOREIGN);
			octets[bit / 8] = (uint8_t)(octets[bit / 8] ^ (1 << bit % 8));
		}
	}
	key_ring_unref(keys);
}

static void test_truncated_and_extended(void **state)
{
	(void)state;
	struct key_ring *keys = ring_of(key_a, NULL);
	char text[2 * LOOP_MARK_TEXT_MAX + 1];
	enum loop_kind kind;
	assert_int_equal(loop_mark_mint(keys, LOOP_ANSWER, (struct outbox_id){4711}, text), 0);
	size_t len = strlen(text);
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_not_equal(loop_mark_check(keys, (struct str){text, cut}, &kind), LOOP_OURS);
		assert_int_not_equal(loop_mark_check(keys, (struct str){text + len - cut, cut}, &kind),
				     LOOP_OURS);
	}
	memset(text + len, 'A', LOOP_MARK_TEXT_MAX);
	for (size_t more = 1; more <= 32; more++)
		assert_int_equal(loop_mark_check(keys, (struct str){text, len + more}, &kind), LOOP_FOREIGN);
	text[len] = '\0';
	assert_int_equal(loop_mark_check(keys, (struct str){text, len + 1}, &kind), LOOP_NONE);
	key_ring_unref(keys);
}

/* The word is signed: an answer's token is no notice's. */
static void test_kinds_are_apart(void **state)
{
	(void)state;
	struct key_ring *keys = ring_of(key_a, NULL);
	static const char *const words[] = {"answer", "notice", "forward", "Answer", "NOTICE", "else"};
	for (size_t k = 0; k < ARRAY_SIZE(all_kinds); k++) {
		char text[LOOP_MARK_TEXT_MAX + 1];
		assert_int_equal(loop_mark_mint(keys, all_kinds[k], (struct outbox_id){7}, text), 0);
		for (size_t w = 0; w < ARRAY_SIZE(words); w++) {
			char other[2 * LOOP_MARK_TEXT_MAX];
			enum loop_kind kind;
			snprintf(other, sizeof(other), "%s%s", words[w], strchr(text, '.'));
			assert_int_equal(loop_mark_check(keys, str_from(other), &kind),
					 w == k ? LOOP_OURS : LOOP_FOREIGN);
			/* a word we don't know says nothing: the quietest */
			assert_int_equal(kind, w < 3 ? all_kinds[w] : LOOP_NOTICE);
		}
	}
	/* a bounce token has the same fields, and another context */
	char bounce[BOUNCE_TOKEN_MAX + 1], mark[2 * LOOP_MARK_TEXT_MAX];
	assert_int_equal(bounce_token_mint(keys, (struct outbox_id){7}, bounce), 0);
	snprintf(mark, sizeof(mark), "answer.%s", bounce);
	assert_int_equal(check(keys, mark), LOOP_FOREIGN);
	struct outbox_id job;
	assert_int_equal(loop_mark_mint(keys, LOOP_ANSWER, (struct outbox_id){7}, mark), 0);
	assert_int_equal(bounce_token_check(keys, str_from(strchr(mark, '.') + 1), &job), -ENOENT);
	key_ring_unref(keys);
}

static void test_keys_rotate(void **state)
{
	(void)state;
	struct key_ring *before = ring_of(key_a, NULL), *during = ring_of(key_b, key_a);
	struct key_ring *after = ring_of(key_b, NULL);
	char old_text[LOOP_MARK_TEXT_MAX + 1], new_text[LOOP_MARK_TEXT_MAX + 1];
	assert_int_equal(loop_mark_mint(before, LOOP_FORWARD, (struct outbox_id){7}, old_text), 0);
	assert_int_equal(loop_mark_mint(during, LOOP_FORWARD, (struct outbox_id){7}, new_text), 0);
	assert_string_not_equal(old_text, new_text);
	assert_int_equal(check(during, old_text), LOOP_OURS);
	assert_int_equal(check(during, new_text), LOOP_OURS);
	assert_int_equal(check(after, new_text), LOOP_OURS);
	assert_int_equal(check(after, old_text), LOOP_FOREIGN);
	assert_int_equal(check(before, new_text), LOOP_FOREIGN);
	key_ring_unref(before);
	key_ring_unref(during);
	key_ring_unref(after);
}

static void test_shapes(void **state)
{
	(void)state;
	static const struct {
		struct str value;
		enum loop_origin want;
	} cases[] = {
		{STR_INIT(""), LOOP_NONE},
		{STR_INIT("   "), LOOP_NONE},
		{STR_INIT("."), LOOP_NONE},
		{STR_INIT("answer"), LOOP_NONE},
		{STR_INIT("answer."), LOOP_NONE},
		{STR_INIT("answer.short"), LOOP_NONE},
		{STR_INIT("yes"), LOOP_NONE},
		{STR_INIT("jane@example.com"), LOOP_NONE},
		{STR_INIT(".AAAAAAAAAAAAAAAAAAAAAAAA"), LOOP_NONE},
		{STR_INIT("an swer.AAAAAAAAAAAAAAAAAAAAAAAA"), LOOP_NONE},
		{STR_INIT("answer.AAAAAAAAAAAA AAAAAAAAAAAA"), LOOP_NONE},
		{STR_INIT("answer.AAAAAAAAAAAA.AAAAAAAAAAAA"), LOOP_NONE},
		{STR_INIT("answer.AAAAAAAAAAAAAAAAAAAAAA=="), LOOP_NONE},
		{STR_INIT("answer.AAAAAAAAAAAAAAAAAAAAAA\0A"), LOOP_NONE},
		{STR_INIT("answ\xc3\xa4r.AAAAAAAAAAAAAAAAAAAAAAAA"), LOOP_NONE},
		{STR_INIT("a-word-of-more-than-16.AAAAAAAAAAAAAAAAAAAAAAAA"), LOOP_NONE},
		{STR_INIT("answer.AAAAAAAAAAAAAAAAAAAAAAAA"), LOOP_FOREIGN},
		{STR_INIT("digest.AAAAAAAAAAAAAAAAAAAAAAAA"), LOOP_FOREIGN},
		{STR_INIT("v2-answer.gAAAAAAAAAAAAAAAAAAAAAAA_-0"), LOOP_FOREIGN},
	};
	struct key_ring *keys = ring_of(key_a, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum loop_kind kind = LOOP_FORWARD;
		enum loop_origin got = loop_mark_check(keys, cases[i].value, &kind);
		if (got != cases[i].want)
			fail_msg("%.*s: %d, want %d", STR_ARG(cases[i].value), (int)got, (int)cases[i].want);
		if (got == LOOP_NONE)
			assert_int_equal(kind, LOOP_FORWARD);
	}
	key_ring_unref(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_minted_is_ours),
		cmocka_unit_test(test_every_flipped_bit),
		cmocka_unit_test(test_truncated_and_extended),
		cmocka_unit_test(test_kinds_are_apart),
		cmocka_unit_test(test_keys_rotate),
		cmocka_unit_test(test_shapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
