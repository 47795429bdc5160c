/*
 * Caps by property, against a second implementation that remembers everything: never more than the limit in any window,
 * never silent for longer than the format's slots explain, and the records are all that is remembered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tenant/quota.h"

#define WINDOW INT64_C(10800000) /* three hours */
#define START  INT64_C(1790000000000)
#define MANY   INT64_C(1000000)

static const struct quota_limits limits = {WINDOW, 10, 3, 500};

static uint64_t random_state = 88172645463325252U;

static uint32_t random_below(uint32_t max)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % max;
}

static enum quota_verdict take(const struct quota_limits *l, struct quota_record *client,
			       struct quota_record *tenant, uint32_t key, int64_t now_ms)
{
	struct quota_record client_before = *client, tenant_before = *tenant;
	enum quota_verdict verdict = quota_take(l, client, tenant, key, now_ms);
	assert_true(client->len <= QUOTA_RECORD_MAX && tenant->len <= QUOTA_RECORD_MAX);
	if (verdict != QUOTA_FREE) {
		assert_memory_equal(client, &client_before, sizeof(*client));
		assert_memory_equal(tenant, &tenant_before, sizeof(*tenant));
	}
	return verdict;
}

static void test_caps(void **state)
{
	(void)state;
	struct quota_record client = {.len = 0}, other = {.len = 0}, tenant = {.len = 0};
	for (int i = 0; i < 3; i++)
		assert_int_equal(take(&limits, &client, &tenant, 1, START), QUOTA_FREE);
	assert_int_equal(take(&limits, &client, &tenant, 1, START), QUOTA_SUBJECT_SPENT);
	for (uint32_t key = 2; key < 9; key++)
		assert_int_equal(take(&limits, &client, &tenant, key, START), QUOTA_FREE);
	assert_int_equal(take(&limits, &client, &tenant, 99, START), QUOTA_CLIENT_SPENT);
	assert_int_equal(take(&limits, &client, &tenant, 1, START), QUOTA_CLIENT_SPENT);
	/* somebody else's is untouched */
	assert_int_equal(take(&limits, &other, &tenant, 1, START), QUOTA_FREE);
	/* the window's last millisecond, and the one behind it */
	assert_int_equal(take(&limits, &client, &tenant, 99, START + WINDOW - 1), QUOTA_CLIENT_SPENT);
	assert_int_equal(take(&limits, &client, &tenant, 99, START + WINDOW), QUOTA_FREE);
}

static void test_limits_of_nothing(void **state)
{
	(void)state;
	static const struct {
		struct quota_limits limits;
		enum quota_verdict want;
	} cases[] = {
		{{WINDOW, 0, 3, 500}, QUOTA_CLIENT_SPENT}, {{WINDOW, 10, 0, 500}, QUOTA_SUBJECT_SPENT},
		{{WINDOW, 10, 3, 0}, QUOTA_TENANT_SPENT},  {{WINDOW, -1, 3, 500}, QUOTA_CLIENT_SPENT},
		{{WINDOW, 10, 3, -1}, QUOTA_TENANT_SPENT}, {{0, 1, 1, 1}, QUOTA_FREE},
		{{INT64_MAX, 2, 2, 2}, QUOTA_FREE},        {{1, 1, 1, 1}, QUOTA_FREE},
		{{WINDOW, MANY, MANY, MANY}, QUOTA_FREE},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct quota_record client = {.len = 0}, tenant = {.len = 0};
		assert_int_equal(take(&cases[i].limits, &client, &tenant, 1, START), cases[i].want);
		assert_int_equal(take(&cases[i].limits, &client, &tenant, 1, INT64_MAX), cases[i].want);
	}
	/* more than the record can hold is what it can hold */
	struct quota_record client = {.len = 0}, tenant = {.len = 0};
	static const struct quota_limits wide = {WINDOW, MANY, MANY, MANY};
	for (int i = 0; i < QUOTA_CLIENT_MAX; i++)
		assert_int_equal(take(&wide, &client, &tenant, 1, START), QUOTA_FREE);
	assert_int_equal(take(&wide, &client, &tenant, 1, START), QUOTA_CLIENT_SPENT);
}

#define CLIENTS 40
#define TAKES   4000
struct taken {
	int64_t at_ms;
	size_t client;
	uint32_t key;
};

static size_t count(const struct taken *taken, size_t n, int64_t after_ms, size_t client, int64_t key)
{
	size_t found = 0;
	for (size_t i = 0; i < n; i++)
		found += taken[i].at_ms > after_ms && (client == CLIENTS || taken[i].client == client) &&
			 (key < 0 || taken[i].key == (uint32_t)key);
	return found;
}

/* What the verdict must be by everything that was ever taken. The tenant's slots may be late by one. */
static void assert_right(enum quota_verdict verdict, const struct quota_limits *l, const struct taken *taken,
			 size_t n, size_t client, uint32_t key, int64_t now_ms)
{
	int64_t since = now_ms - l->window_ms, late = since - (l->window_ms / 11 + 1);
	bool client_spent = count(taken, n, since, client, -1) >= (size_t)l->client_max;
	bool subject_spent = count(taken, n, since, client, key) >= (size_t)l->subject_max;
	bool tenant_spent = count(taken, n, since, CLIENTS, -1) >= (size_t)l->tenant_max;
	bool tenant_may = count(taken, n, late, CLIENTS, -1) >= (size_t)l->tenant_max;
	if (client_spent) {
		assert_int_equal(verdict, QUOTA_CLIENT_SPENT);
	} else if (subject_spent) {
		assert_int_equal(verdict, QUOTA_SUBJECT_SPENT);
	} else if (tenant_spent) {
		assert_int_equal(verdict, QUOTA_TENANT_SPENT);
	} else if (verdict != QUOTA_FREE) {
		assert_int_equal(verdict, QUOTA_TENANT_SPENT);
		assert_true(tenant_may);
	}
}

static void slide(const struct quota_limits *l, uint32_t step_max)
{
	static struct taken taken[TAKES];
	struct quota_record clients[CLIENTS] = {{.len = 0}}, tenant = {.len = 0};
	size_t n = 0, verdicts[4] = {0};
	int64_t now_ms = START;
	for (int i = 0; i < TAKES; i++) {
		size_t client = random_below(4) ? random_below(3) : random_below(CLIENTS);
		uint32_t key = random_below(6);
		now_ms += random_below(20) ? random_below(step_max) : random_below((uint32_t)l->window_ms);
		enum quota_verdict verdict = take(l, &clients[client], &tenant, key, now_ms);
		assert_right(verdict, l, taken, n, client, key, now_ms);
		verdicts[verdict]++;
		if (verdict == QUOTA_FREE)
			taken[n++] = (struct taken){now_ms, client, key};
	}
	assert_true(verdicts[QUOTA_FREE] > 0);
}

static void test_the_window_slides(void **state)
{
	(void)state;
	static const struct quota_limits all[] = {
		{WINDOW, 10, 3, 500}, {WINDOW, 10, 3, 25}, {WINDOW, 12, 12, 12}, {1000, 2, 1, 7},
		{11, 3, 2, 5},        {10, 3, 2, 5},       {1, 1, 1, 1},
	};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		slide(&all[i], (uint32_t)(all[i].window_ms / 50 + 2));
		slide(&all[i], (uint32_t)(all[i].window_ms / 5 + 2));
	}
}

/* Two of the same length and bytes are the same: nothing is remembered beside them. */
static void test_a_restart_forgets_nothing(void **state)
{
	(void)state;
	struct quota_record client = {.len = 0}, tenant = {.len = 0};
	int64_t now_ms = START;
	for (int i = 0; i < 300; i++) {
		struct quota_record client_2, tenant_2;
		uint32_t key = random_below(5);
		now_ms += random_below(1200000);
		/* what storage gives back: the octets, and garbage behind them */
		memset(&client_2, 0xa5, sizeof(client_2));
		memset(&tenant_2, 0x5a, sizeof(tenant_2));
		memcpy(client_2.bytes, client.bytes, client.len);
		memcpy(tenant_2.bytes, tenant.bytes, tenant.len);
		client_2.len = client.len;
		tenant_2.len = tenant.len;
		enum quota_verdict verdict = quota_take(&limits, &client, &tenant, key, now_ms);
		assert_int_equal(quota_take(&limits, &client_2, &tenant_2, key, now_ms), verdict);
		assert_int_equal(client.len, client_2.len);
		assert_int_equal(tenant.len, tenant_2.len);
		assert_memory_equal(client.bytes, client_2.bytes, client.len);
		assert_memory_equal(tenant.bytes, tenant_2.bytes, tenant.len);
	}
}

/* The format is stored: it may not change unseen. */
static void test_format(void **state)
{
	(void)state;
	struct quota_record client = {.len = 0}, tenant = {.len = 0};
	assert_int_equal(take(&limits, &client, &tenant, 0x01020304, 0x1122334455), QUOTA_FREE);
	assert_int_equal(take(&limits, &client, &tenant, 5, 0x1122334456), QUOTA_FREE);
	static const uint8_t want_client[] = {1, 0, 0, 0,    0x11, 0x22, 0x33, 0x44, 0x55, 1, 2, 3, 4,
					      0, 0, 0, 0x11, 0x22, 0x33, 0x44, 0x56, 0,    0, 0, 5};
	static const uint8_t want_tenant[] = {1, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, 0x56, 0, 0, 0, 2};
	assert_int_equal(client.len, sizeof(want_client));
	assert_memory_equal(client.bytes, want_client, sizeof(want_client));
	assert_int_equal(tenant.len, sizeof(want_tenant));
	assert_memory_equal(tenant.bytes, want_tenant, sizeof(want_tenant));
}

static void test_a_clock_that_was_set_back(void **state)
{
	(void)state;
	struct quota_record client = {.len = 0}, tenant = {.len = 0};
	for (uint32_t key = 0; key < 10; key++)
		assert_int_equal(take(&limits, &client, &tenant, key, START), QUOTA_FREE);
	/* half an hour back: all of it counts as just now, and nothing more is free */
	int64_t back = START - 1800000;
	assert_int_equal(take(&limits, &client, &tenant, 99, back), QUOTA_CLIENT_SPENT);
	assert_int_equal(take(&limits, &client, &tenant, 99, START + WINDOW - 1), QUOTA_CLIENT_SPENT);
	assert_int_equal(take(&limits, &client, &tenant, 99, START + WINDOW), QUOTA_FREE);
	/* what is entered after a step back is in order, and slides out from then on */
	struct quota_record one = {.len = 0};
	static const struct quota_limits two = {WINDOW, 2, 2, MANY};
	assert_int_equal(take(&two, &one, &tenant, 1, START), QUOTA_FREE);
	assert_int_equal(take(&two, &one, &tenant, 1, back), QUOTA_FREE);
	assert_int_equal(take(&two, &one, &tenant, 1, back + WINDOW - 1), QUOTA_CLIENT_SPENT);
	assert_int_equal(take(&two, &one, &tenant, 1, back + WINDOW), QUOTA_FREE);
	assert_int_equal(take(&two, &one, &tenant, 1, back + WINDOW), QUOTA_FREE);
	/* a year ahead was a mistake: it does not silence us for a year */
	struct quota_record wrong = {.len = 0}, wrong_tenant = {.len = 0};
	static const struct quota_limits single = {WINDOW, 1, 1, 1};
	assert_int_equal(take(&single, &wrong, &wrong_tenant, 1, START + INT64_C(31536000000)), QUOTA_FREE);
	assert_int_equal(take(&single, &wrong, &wrong_tenant, 1, START), QUOTA_FREE);
	assert_int_equal(take(&single, &wrong, &wrong_tenant, 1, START), QUOTA_CLIENT_SPENT);
}

static void test_records_that_are_none_of_ours(void **state)
{
	(void)state;
	struct quota_record good = {.len = 0}, tenant = {.len = 0};
	static const struct quota_limits single = {WINDOW, 1, 1, MANY};
	assert_int_equal(take(&single, &good, &tenant, 1, START), QUOTA_FREE);
	assert_int_equal(take(&single, &good, &tenant, 1, START), QUOTA_CLIENT_SPENT);
	for (unsigned version = 0; version < 256; version++) {
		struct quota_record record = good;
		record.bytes[0] = (uint8_t)version;
		assert_int_equal(quota_take(&single, &record, &tenant, 1, START),
				 version == 1 ? QUOTA_CLIENT_SPENT : QUOTA_FREE);
		assert_int_equal(record.bytes[0], 1);
	}
	for (size_t len = 0; len <= QUOTA_RECORD_MAX; len++) {
		struct quota_record record = {.len = len};
		memset(record.bytes, 0xff, sizeof(record.bytes));
		record.bytes[0] = 1;
		assert_int_equal(take(&single, &record, &tenant, 1, START), QUOTA_FREE);
	}
	for (int i = 0; i < 20000; i++) { /* any octets: no crash, no overflow, and what is written is read */
		struct quota_record client, any;
		for (size_t at = 0; at < QUOTA_RECORD_MAX; at++) {
			client.bytes[at] = (uint8_t)random_below(256);
			any.bytes[at] = random_below(3) ? 0 : (uint8_t)random_below(256);
		}
		client.len = 1 + 12 * random_below(13);
		any.len = 1 + 12 * random_below(13);
		client.bytes[0] = any.bytes[0] = 1;
		take(&limits, &client, &any, 1, (int64_t)random_below(100000));
	}
}

/* The window became longer, or shorter: the record still fits, and counts what it holds. */
static void test_another_window(void **state)
{
	(void)state;
	struct quota_record tenant = {.len = 0};
	struct quota_limits l = {1100, 1, 1, MANY};
	int64_t now_ms = START;
	int taken = 0;
	for (int i = 0; i < 12; i++, now_ms += 100, taken++) {
		struct quota_record client = {.len = 0};
		assert_int_equal(take(&l, &client, &tenant, 1, now_ms), QUOTA_FREE);
	}
	l.window_ms = 11; /* slots of a millisecond */
	struct quota_record client = {.len = 0};
	assert_int_equal(take(&l, &client, &tenant, 1, now_ms), QUOTA_FREE);
	l.window_ms = 1100000;
	for (int i = 0; i < 20; i++, now_ms += 100000) {
		client.len = 0;
		assert_int_equal(take(&l, &client, &tenant, 1, now_ms), QUOTA_FREE);
	}
	l.tenant_max = 5;
	client.len = 0;
	assert_int_equal(take(&l, &client, &tenant, 1, now_ms), QUOTA_TENANT_SPENT);
}

static void test_subject_keys(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{"Disk is full", "disk IS full", true},
		{"Disk is full", "Disk is  full ", true},
		{"Disk is full", "Diskisfull", true},
		{"Alert 17 on host 4", "Alert 18 on host 5", true},
		{"Alert #17", "Alert 17", false},
		{"Disk is full", "Disk was full", false},
		{"\xe7\xa3\x81\xe7\x9b\x98 1", "\xe7\xa3\x81\xe7\x9b\x98 22", true},
		{"\xe7\xa3\x81\xe7\x9b\x98", "\xe7\xa3\x81", false},
		{"", " 123 ", true},
		{"", "a", false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if ((quota_subject_key(str_from(cases[i].a)) == quota_subject_key(str_from(cases[i].b))) !=
		    cases[i].same)
			fail_msg("\"%s\" and \"%s\"", cases[i].a, cases[i].b);
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(quota_verdict_name(QUOTA_FREE), "");
	assert_string_equal(quota_verdict_name(QUOTA_CLIENT_SPENT), "client-cap");
	assert_string_equal(quota_verdict_name(QUOTA_SUBJECT_SPENT), "subject-cap");
	assert_string_equal(quota_verdict_name(QUOTA_TENANT_SPENT), "tenant-cap");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_limits_of_nothing),
		cmocka_unit_test(test_the_window_slides),
		cmocka_unit_test(test_a_restart_forgets_nothing),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_a_clock_that_was_set_back),
		cmocka_unit_test(test_records_that_are_none_of_ours),
		cmocka_unit_test(test_another_window),
		cmocka_unit_test(test_subject_keys),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
