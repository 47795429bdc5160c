/* Handshakes without mail: who owes too much, who has paid, what is forgiven. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "smtpd/handshake_debt.h"

static struct policy_address address(const char *text)
{
	struct policy_network network;
	assert_int_equal(policy_network_parse(str_from(text), &network), 0);
	return network.address;
}

static void add(struct handshake_debt *debt, const char *text, unsigned n, int64_t now_ms)
{
	struct policy_address a = address(text);
	for (unsigned i = 0; i < n; i++)
		handshake_debt_add(debt, &a, now_ms);
}

static void pay(struct handshake_debt *debt, const char *text, unsigned n, int64_t now_ms)
{
	struct policy_address a = address(text);
	for (unsigned i = 0; i < n; i++)
		handshake_debt_pay(debt, &a, now_ms);
}

static bool high(struct handshake_debt *debt, const char *text, int64_t now_ms)
{
	struct policy_address a = address(text);
	return handshake_debt_high(debt, &a, now_ms);
}

/* So many handshakes are too many, one less is not; whoever is outside of the network has nothing to do with it. */
static void a_client_and_the_networks_around_it(void **state)
{
	(void)state;
	static const struct {
		const char *first, *inside, *outside;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1", "192.0.2.2"},
		{"192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1"},
		{"2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct handshake_debt *debt = handshake_debt_new();
		add(debt, cases[i].first, 32, 1000);
		assert_false(high(debt, cases[i].inside, 1000));
		add(debt, cases[i].first, 1, 1000);
		assert_true(high(debt, cases[i].inside, 1000));
		assert_false(high(debt, cases[i].outside, 1000));
		handshake_debt_free(debt);
	}
}

/* Many addresses, few handshakes each. */
static void spread(struct handshake_debt *debt, const char *before, const char *behind, unsigned clients,
		   unsigned each)
{
	char text[64];
	for (unsigned i = 0; i < clients; i++) {
		snprintf(text, sizeof(text), "%s%u%s", before, i, behind);
		add(debt, text, each, 1000);
	}
}

static void who_has_many_addresses_owes_with_all_of_them(void **state)
{
	(void)state;
	static const struct {
		const char *before, *behind, *inside, *outside;
		unsigned clients, each;
	} cases[] = {
		{"192.0.2.", "", "192.0.2.63", "192.0.2.64", 10, 13},
		{"198.51.", ".1", "198.51.6.200", "198.51.8.1", 8, 80},
		{"2001:db8:1:", "::1", "2001:db8:1:ffff::", "2001:db8:2::", 10, 13},
		{"2001:db8:", "::1", "2001:db8:ffff::", "2001:db9::", 50, 13},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct handshake_debt *debt = handshake_debt_new();
		assert_false(high(debt, cases[i].inside, 1000));
		spread(debt, cases[i].before, cases[i].behind, cases[i].clients, cases[i].each);
		assert_true(high(debt, cases[i].inside, 1000));
		assert_false(high(debt, cases[i].outside, 1000));
		handshake_debt_free(debt);
	}
}

static void who_delivers_owes_nothing(void **state)
{
	(void)state;
	struct handshake_debt *debt = handshake_debt_new();
	for (unsigned i = 0; i < 100000; i++) {
		add(debt, "192.0.2.1", 10, 1000);
		pay(debt, "192.0.2.1", 10, 1000);
	}
	assert_false(high(debt, "192.0.2.1", 1000));
	pay(debt, "192.0.2.1", 5, 1000); /* there is no credit to be had */
	add(debt, "192.0.2.1", 33, 1000);
	assert_true(high(debt, "192.0.2.1", 1000));
	handshake_debt_free(debt);
}

static void debts_are_forgiven(void **state)
{
	(void)state;
	struct handshake_debt *debt = handshake_debt_new();
	add(debt, "192.0.2.1", 64, 1000000);
	assert_true(high(debt, "192.0.2.1", 1000000));
	assert_false(high(debt, "192.0.2.1", 1010000)); /* 32 are left */
	add(debt, "192.0.2.1", 1, 1010001);
	assert_true(high(debt, "192.0.2.1", 1010001));
	add(debt, "192.0.2.1", 1000000, 1010001); /* the counter has an end, and does not wrap */
	assert_true(high(debt, "192.0.2.1", 1010001));
	assert_false(high(debt, "192.0.2.1", 1000000 + 3600000));
	handshake_debt_free(debt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_and_the_networks_around_it),
		cmocka_unit_test(who_has_many_addresses_owes_with_all_of_them),
		cmocka_unit_test(who_delivers_owes_nothing),
		cmocka_unit_test(debts_are_forgiven),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
