/* Waits and rates, on the clock of the test. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outbound/backoff.h"
#include "outbound/token_bucket.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

static void test_steps(void **state)
{
	(void)state;
	static const int64_t want_ms[] = {1 * MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 1 * HOUR,
					  2 * HOUR,   4 * HOUR,   6 * HOUR,    6 * HOUR,    6 * HOUR};
	for (unsigned tries = 1; tries <= ARRAY_SIZE(want_ms); tries++) {
		int64_t want = want_ms[tries - 1], low, middle, high;
		assert_int_equal(backoff_mail(1000, 5000, tries, 0, &low), 0);
		assert_int_equal(backoff_mail(1000, 5000, tries, UINT32_C(0x80000000), &middle), 0);
		assert_int_equal(backoff_mail(1000, 5000, tries, UINT32_MAX, &high), 0);
		assert_int_equal(low, 5000 + want - want / 10);
		assert_int_equal(middle, 5000 + want);
		assert_true(high < 5000 + want + want / 10 && high >= 5000 + want + want / 10 - 2);
	}
	int64_t due;
	assert_int_equal(backoff_mail(0, 0, 0, 0, &due), 0);
	assert_int_equal(backoff_mail(0, 0, UINT32_MAX, 0, &due), 0);
}

/* A mail that is always deferred: how often it is tried in its 5 days, and when the last time is. */
static void test_five_days(void **state)
{
	(void)state;
	static const uint32_t randoms[] = {0, 0x80000000, UINT32_MAX, 12345};
	for (size_t i = 0; i < ARRAY_SIZE(randoms); i++) {
		int64_t created = 1700000000000, now = created, due = 0, wait_before = 0;
		unsigned tries = 1;
		while (backoff_mail(created, now, tries, randoms[i], &due) == 0) {
			assert_true(due > now);
			assert_true(due - now >= wait_before || due == created + BACKOFF_MAIL_MS);
			wait_before = due - now;
			now = due;
			tries++;
		}
		assert_int_equal(now, created + BACKOFF_MAIL_MS);
		assert_in_range(tries, 24, 32);
	}
	int64_t due = 7;
	assert_int_equal(backoff_mail(0, BACKOFF_MAIL_MS, 3, 0, &due), -ETIMEDOUT);
	assert_int_equal(backoff_mail(0, BACKOFF_MAIL_MS + 1, 3, 0, &due), -ETIMEDOUT);
	assert_int_equal(due, 7);
	assert_int_equal(backoff_mail(0, BACKOFF_MAIL_MS - 1, 3, 0, &due), 0);
	assert_int_equal(due, BACKOFF_MAIL_MS);
}

static void test_relay(void **state)
{
	(void)state;
	static const int64_t want_ms[] = {1000, 5000, 15000, 30000, 60000, 120000, 300000, 300000};
	for (unsigned failures = 1; failures <= ARRAY_SIZE(want_ms); failures++) {
		assert_int_equal(backoff_relay_ms(failures, UINT32_C(0x80000000)), want_ms[failures - 1]);
		assert_int_equal(backoff_relay_ms(failures, 0), want_ms[failures - 1] * 9 / 10);
	}
}

/* How many of `n` tries, one each `step_ms`, get a token. */
static unsigned taken(struct token_bucket *bucket, int64_t from_ms, int64_t step_ms, unsigned n)
{
	unsigned count = 0;
	for (unsigned i = 0; i < n; i++)
		count += token_bucket_take(bucket, from_ms + (int64_t)i * step_ms);
	return count;
}

static void test_bucket(void **state)
{
	(void)state;
	static const struct {
		int64_t per_minute;
		unsigned at_once, in_ten_seconds; /* tries each millisecond */
	} cases[] = {
		{1, 1, 1}, {6, 1, 2}, {60, 1, 11}, {120, 2, 22}, {600, 10, 110}, {60000, 1000, 10001},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct token_bucket bucket;
		token_bucket_init(&bucket, cases[i].per_minute, 5000);
		assert_int_equal(taken(&bucket, 5000, 0, 5000), cases[i].at_once);
		token_bucket_init(&bucket, cases[i].per_minute, 5000);
		unsigned n = taken(&bucket, 5000, 1, 10001);
		assert_true(n <= cases[i].in_ten_seconds && n + 1 >= cases[i].in_ten_seconds);
		/* an hour of silence saves up no more than a second's worth */
		assert_int_equal(taken(&bucket, 5000 + 3600000, 0, 5000), cases[i].at_once);
	}
}

static void test_bucket_next(void **state)
{
	(void)state;
	struct token_bucket bucket;
	token_bucket_init(&bucket, 7, 1000);
	assert_int_equal(token_bucket_next_ms(&bucket, 1000), 1000);
	assert_true(token_bucket_take(&bucket, 1000));
	int64_t next = token_bucket_next_ms(&bucket, 1000);
	assert_int_equal(next, 1000 + 8572); /* 60000 / 7, rounded up */
	assert_false(token_bucket_take(&bucket, next - 1));
	assert_int_equal(token_bucket_next_ms(&bucket, next - 1), next);
	assert_true(token_bucket_take(&bucket, next));
	/* a clock that goes back gives nothing, and takes nothing */
	assert_false(token_bucket_take(&bucket, 0));
	token_bucket_set(&bucket, 0, next);
	assert_int_equal(taken(&bucket, next, 0, 100), 100);
	assert_int_equal(token_bucket_next_ms(&bucket, next), next);
	token_bucket_init(&bucket, 60000, 0);
	token_bucket_set(&bucket, 60, 0);
	assert_int_equal(taken(&bucket, 0, 0, 5000), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),       cmocka_unit_test(test_five_days),
		cmocka_unit_test(test_relay),       cmocka_unit_test(test_bucket),
		cmocka_unit_test(test_bucket_next),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
