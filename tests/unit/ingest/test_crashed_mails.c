/* A bounded memory: what was added is there, until newer ones wanted its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/crashed_mails.h"

static void digest_of(unsigned n, uint8_t ret[SHA256_SIZE])
{
	sha256_once((struct str){(const char *)&n, sizeof(n)}, ret);
}

static void what_was_added_is_there_and_nothing_else(void **state)
{
	(void)state;
	uint8_t digest[SHA256_SIZE];
	struct crashed_mails *set = crashed_mails_new();
	for (unsigned i = 0; i < 100; i++) {
		digest_of(i, digest);
		assert_false(crashed_mails_has(set, digest));
		crashed_mails_add(set, digest);
		assert_true(crashed_mails_has(set, digest));
		digest[SHA256_SIZE - 1] ^= 1;
		assert_false(crashed_mails_has(set, digest));
	}
	memset(digest, 0, sizeof(digest));
	assert_false(crashed_mails_has(set, digest));
	assert_null(crashed_mails_free(set));
	assert_null(crashed_mails_free(NULL));
}

/* Five that collide: the oldest one goes. One that is there already moves nobody. */
static void the_oldest_of_a_place_goes(void **state)
{
	(void)state;
	uint8_t digest[SHA256_SIZE] = {7, 7};
	struct crashed_mails *set = crashed_mails_new();
	for (uint8_t i = 0; i < 5; i++)
		for (int twice = 0; twice < 2; twice++) {
			digest[9] = i;
			crashed_mails_add(set, digest);
		}
	for (uint8_t i = 0; i < 5; i++) {
		digest[9] = i;
		assert_int_equal(crashed_mails_has(set, digest), i > 0);
	}
	crashed_mails_free(set);
}

static void a_flood_is_forgotten_not_kept(void **state)
{
	(void)state;
	enum { N = 10 * CRASHED_MAILS_MAX };
	uint8_t digest[SHA256_SIZE];
	unsigned there = 0;
	struct crashed_mails *set = crashed_mails_new();
	for (unsigned i = 0; i < N; i++) {
		digest_of(i, digest);
		crashed_mails_add(set, digest);
		assert_true(crashed_mails_has(set, digest));
	}
	for (unsigned i = 0; i < N; i++) {
		digest_of(i, digest);
		there += crashed_mails_has(set, digest);
	}
	assert_int_equal(there, CRASHED_MAILS_MAX);
	crashed_mails_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_there_and_nothing_else),
		cmocka_unit_test(the_oldest_of_a_place_goes),
		cmocka_unit_test(a_flood_is_forgotten_not_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
