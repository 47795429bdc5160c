/* Repeats: recognised by recipient, identity and body, each tenant for itself, and forgotten by age. */
#include "fixture.h"
#include "storage/keys.h"

static struct repeat_key key_of(int64_t tenant, uint8_t recipient, uint8_t identity, uint8_t body)
{
	struct repeat_key key = {.tenant = {tenant}};
	memset(key.recipient, recipient, sizeof(key.recipient));
	memset(key.identity, identity, sizeof(key.identity));
	memset(key.body, body, sizeof(key.body));
	return key;
}

struct repeat_step {
	struct repeat_key key;
	int64_t ticket, now_ms;
	struct mail_id mail_id;
	struct repeat found;
	int result;
};

static int add_fn(void *ctx, struct store_txn *txn)
{
	struct repeat_step *s = ctx;
	return repeat_add(txn, &s->key, (struct ticket_id){s->ticket}, &s->mail_id, s->now_ms);
}

static int find_fn(void *ctx, struct store_txn *txn)
{
	struct repeat_step *s = ctx;
	s->result = repeat_find(txn, &s->key, &s->found);
	return 0;
}

static struct mail_id add(struct fixture *f, struct repeat_key key, int64_t ticket, int64_t now_ms)
{
	struct repeat_step s = {.key = key, .ticket = ticket, .now_ms = now_ms, .mail_id = mail_id_make()};
	assert_int_equal(run(f, add_fn, &s), 0);
	return s.mail_id;
}

static void a_repeat_is_told_by_recipient_identity_and_body(void **state)
{
	struct fixture *f = *state;
	struct mail_id first = add(f, key_of(1, 1, 1, 1), 10, 1);
	add(f, key_of(1, 1, 1, 2), 11, 2);
	add(f, key_of(0, 9, 9, 9), 0, 3);
	const struct {
		struct repeat_key key;
		int result;
		bool same_body;
		int64_t ticket;
	} cases[] = {
		{key_of(1, 1, 1, 1), 0, true, 10},       {key_of(1, 1, 1, 2), 0, true, 11},
		{key_of(1, 1, 1, 3), 0, false, 10},      {key_of(2, 1, 1, 1), -ENOENT, false, 0},
		{key_of(1, 2, 1, 1), -ENOENT, false, 0}, {key_of(1, 1, 2, 1), -ENOENT, false, 0},
		{key_of(0, 9, 9, 9), 0, true, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct repeat_step s = {.key = cases[i].key};
		assert_int_equal(run(f, find_fn, &s), 0);
		assert_int_equal(s.result, cases[i].result);
		if (s.result < 0)
			continue;
		assert_int_equal(s.found.same_body, cases[i].same_body);
		assert_int_equal(s.found.ticket.v, cases[i].ticket);
		if (cases[i].ticket == 10)
			assert_string_equal(s.found.mail_id.text, first.text);
	}
}

/* With many bodies under one Message-ID the other body that is named is the first mail's. */
static void another_body_belongs_to_the_first_ticket(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 200; i++)
		add(f, key_of(1, 1, 1, (uint8_t)(250 - i)), 100 + i, i);
	struct repeat_step s = {.key = key_of(1, 1, 1, 255)};
	assert_int_equal(run(f, find_fn, &s), 0);
	assert_int_equal(s.result, 0);
	assert_false(s.found.same_body);
	assert_int_equal(s.found.ticket.v, 100);
}

struct prune {
	int64_t before_ms;
	int max, want;
};

static int prune_fn(void *ctx, struct store_txn *txn)
{
	struct prune *p = ctx;
	return repeat_prune(txn, p->before_ms, p->max) == p->want ? 0 : -EPROTO;
}

static void old_repeats_are_forgotten_a_few_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct prune cases[] = {
		{1000, 10, 0},                 /* nothing stored */
		{5, 10, 4},                    /* 1..4 */
		{5, 10, 0},      {1000, 3, 3}, /* 5..7 */
		{1000, 100, 13},               /* 8..20 */
		{1000, 100, 0},
	};
	assert_int_equal(run(f, prune_fn, &cases[0]), 0);
	for (int i = 1; i <= 20; i++)
		add(f, key_of(1, (uint8_t)i, 1, 1), i, i);
	for (size_t i = 1; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(run(f, prune_fn, &cases[i]), 0);
	assert_int_equal(ask(f, "SELECT count(*) FROM repeat"), 0);
}

/* Keys are stored: what they are made of may never change. */
static void keys_are_what_they_always_were(void **state)
{
	(void)state;
	static const uint8_t digest[8] = {1, 2, 3, 4, 5, 6, 7, 0x88};
	assert_int_equal(key_of_digest(digest), (int64_t)0x8807060504030201u);
	/* first octets of SHA-256("jane@example.com"), little-endian */
	uint8_t sha[SHA256_SIZE];
	sha256_once(STR("jane@example.com"), sha);
	assert_int_equal(key_of_address(STR("JANE@Example.com")), key_of_digest(sha));
	char longer[600], upper[600];
	memset(longer, 'a', sizeof(longer));
	memset(upper, 'A', sizeof(upper));
	sha256_once((struct str){longer, sizeof(longer)}, sha);
	assert_int_equal(key_of_address((struct str){upper, sizeof(upper)}), key_of_digest(sha));
	sha256_once((struct str){"\x02\x00\x00\x00\x00\x00\x00\x00m@x", 11}, sha);
	assert_int_equal(key_of_thread((struct tenant_id){2}, STR("m@x")), key_of_digest(sha));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_repeat_is_told_by_recipient_identity_and_body,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(another_body_belongs_to_the_first_ticket, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(old_repeats_are_forgotten_a_few_at_a_time, fixture_setup,
						fixture_teardown),
		cmocka_unit_test(keys_are_what_they_always_were),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
