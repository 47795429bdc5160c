/* Participants and their numbers; reply addresses by their folded form. */
#include "fixture.h"
#include "storage/participant.h"
#include "storage/reply_address.h"

struct addition {
	struct ticket_id ticket;
	struct str address;
	int64_t number;
};

static int add_fn(void *ctx, struct store_txn *txn)
{
	struct addition *a = ctx;
	return participant_add(txn, a->ticket, PARTICIPANT_AGENT, a->address, 7, &a->number);
}

struct people {
	struct ticket_id ticket;
	struct arena arena;
	struct participant *people;
	size_t n;
};

static int list_fn(void *ctx, struct store_txn *txn)
{
	struct people *list = ctx;
	return participants_get(txn, list->ticket, &list->arena, &list->people, &list->n);
}

static void numbers_count_within_a_ticket_and_stay(void **state)
{
	struct fixture *f = *state;
	struct ticket_id one = add_mail(f, 10).ticket, two = add_mail(f, 10).ticket;
	const struct {
		struct ticket_id ticket;
		const char *address;
		int64_t number;
	} cases[] = {
		{one, "ann@acme.example", 3}, {one, "bob@acme.example", 4}, {two, "bob@acme.example", 3},
		{one, "Ann@ACME.example", 3}, {one, "cy@acme.example", 5},  {two, "ann@acme.example", 4},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct addition a = {cases[i].ticket, str_from(cases[i].address), 0};
		assert_int_equal(run(f, add_fn, &a), 0);
		assert_int_equal(a.number, cases[i].number);
	}
	struct people list = {.ticket = one};
	arena_init(&list.arena, 4096);
	assert_int_equal(run(f, list_fn, &list), 0);
	assert_int_equal(list.n, 3);
	for (size_t i = 0; i < list.n; i++) {
		assert_int_equal(list.people[i].number, (int64_t)i + 3);
		assert_int_equal(list.people[i].kind, PARTICIPANT_AGENT);
	}
	assert_true(str_eq(list.people[0].address, STR("ann@acme.example")));
	assert_true(str_eq(list.people[2].address, STR("cy@acme.example")));
	list.ticket.v = 4711;
	assert_int_equal(run(f, list_fn, &list), 0);
	assert_int_equal(list.n, 0);
	arena_done(&list.arena);
	list.ticket = one;
	arena_init(&list.arena, 100);
	assert_int_equal(run(f, list_fn, &list), -ENOBUFS);
	arena_done(&list.arena);
}

/* ---- reply addresses ---- */

struct reply_addition {
	struct str folded;
	struct ticket_id ticket;
	int64_t participant;
};

static int add_reply_fn(void *ctx, struct store_txn *txn)
{
	struct reply_addition *a = ctx;
	return reply_address_add(txn, a->folded, a->ticket, a->participant);
}

struct seen {
	int n;
	int64_t sum; /* of ticket's number * 100 + participant */
	int max;
};

static bool see(void *ctx, struct str slug, int64_t number, int64_t participant)
{
	struct seen *seen = ctx;
	assert_true(str_eq(slug, STR("acme")));
	seen->n++;
	seen->sum += number * 100 + participant;
	return seen->n < seen->max;
}

static void reply_addresses_are_found_by_their_folded_form(void **state)
{
	struct fixture *f = *state;
	struct ticket_id one = add_mail(f, 10).ticket, two = add_mail(f, 10).ticket;
	struct conf_error error = {.text = ""};
	struct reader *reader = NULL;
	struct reply_addition rows[] = {
		{STR("abc"), one, 1}, {STR("abc"), two, 2}, {STR("xyz"), two, 3}, {STR("abc"), one, 1}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(run(f, add_reply_fn, &rows[i]), 0);
	assert_int_equal(reader_open(&reader, &f->conf, &error), 0);
	static const struct {
		const char *folded;
		int max, n;
		int64_t sum;
	} cases[] = {
		{"abc", 9, 2, 101 + 202}, {"xyz", 9, 1, 203}, {"ABC", 9, 0, 0}, {"", 9, 0, 0},
		{"abc", 1, 1, 101},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seen seen = {.max = cases[i].max};
		assert_int_equal(reader_reply_addresses(reader, str_from(cases[i].folded), see, &seen), 0);
		assert_int_equal(seen.n, cases[i].n);
		assert_int_equal(seen.sum, cases[i].sum);
	}
	reader_close(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_count_within_a_ticket_and_stay, fixture_setup_tenant,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(reply_addresses_are_found_by_their_folded_form,
						fixture_setup_tenant, fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
