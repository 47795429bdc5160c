/* Networks, connections per client, budgets. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "smtpd/policy.h"

static struct policy_address address(const char *text)
{
	struct policy_network network;
	assert_int_equal(policy_network_parse(str_from(text), &network), 0);
	return network.address;
}

static void networks(void **state)
{
	(void)state;
	static const struct {
		const char *network, *address;
		bool has;
	} cases[] = {
		{"127.0.0.0/8", "127.1.2.3", true},
		{"127.0.0.0/8", "128.0.0.1", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.128/25", "192.0.2.129", true},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"0.0.0.0/0", "203.0.113.9", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"::/0", "2001:db8::1", true},
		{"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::/33", "2001:db8:8000::1", false},
		{"::1", "::1", true},
		{"192.0.2.0/24", "::ffff:192.0.2.7", true},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy_network network;
		struct policy_address a = address(cases[i].address);
		assert_int_equal(policy_network_parse(str_from(cases[i].network), &network), 0);
		assert_int_equal(policy_network_has(&network, &a), cases[i].has);
	}
	static const char *const bad[] = {"",           "x",       "1.2.3",        "1.2.3.4/", "1.2.3.4/33",
					  "1.2.3.4/-1", "::1/129", "1.2.3.4/1234", "::/a",     "localhost"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct policy_network network;
		assert_int_equal(policy_network_parse(str_from(bad[i]), &network), -EINVAL);
	}
}

static void addresses_print_as_they_are_written(void **state)
{
	(void)state;
	static const char *const texts[] = {"192.0.2.1", "2001:db8::1", "::1"};
	char buf[POLICY_TEXT_SIZE];
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct policy_address a = address(texts[i]);
		assert_string_equal(policy_address_text(&a, buf), texts[i]);
	}
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(0x7f000001)}};
	struct policy_address a = policy_address_of((const struct sockaddr *)&sa);
	assert_string_equal(policy_address_text(&a, buf), "127.0.0.1");
	/* on a socket of both families IPv4 clients come mapped, and are the same */
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
	assert_int_equal(inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr), 1);
	struct policy_address b = policy_address_of((const struct sockaddr *)&mapped);
	assert_memory_equal(&a, &b, sizeof(a));
}

static bool enter(struct policy_clients *clients, const char *text, int64_t client, int64_t network,
		  int64_t block)
{
	const struct limits_conf limits = {.connections_per_client = client,
					   .connections_per_network = network,
					   .connections_per_block = block};
	struct policy_address a = address(text);
	return policy_clients_enter(clients, &a, &limits);
}

static void leave(struct policy_clients *clients, const char *text)
{
	struct policy_address a = address(text);
	policy_clients_leave(clients, &a);
}

static void clients_are_counted_by_address_and_by_64(void **state)
{
	(void)state;
	struct policy_clients *clients = policy_clients_new();
	assert_true(enter(clients, "192.0.2.1", 2, 0, 0));
	assert_true(enter(clients, "192.0.2.1", 2, 0, 0));
	assert_false(enter(clients, "192.0.2.1", 2, 0, 0));
	assert_true(enter(clients, "192.0.2.2", 2, 0, 0));
	leave(clients, "192.0.2.1");
	assert_true(enter(clients, "192.0.2.1", 2, 0, 0));
	assert_true(enter(clients, "2001:db8::1", 1, 0, 0));
	assert_false(enter(clients, "2001:db8::2", 1, 0, 0));
	assert_true(enter(clients, "2001:db8:0:1::1", 1, 0, 0));
	leave(clients, "2001:db8::2");
	assert_true(enter(clients, "2001:db8::1", 1, 0, 0));
	assert_true(enter(clients, "2001:db8::1", 0, 0, 0)); /* 0: no limit */
	policy_clients_free(clients);
}

/* Two connections fit; the third comes from inside the network, then from right outside of it. */
static void networks_and_blocks_are_counted_too(void **state)
{
	(void)state;
	static const struct {
		int64_t network, block;
		const char *first, *second, *inside, *outside;
	} cases[] = {
		{2, 0, "192.0.2.0", "192.0.2.63", "192.0.2.31", "192.0.2.64"},
		{0, 2, "198.51.96.0", "198.51.103.255", "198.51.100.7", "198.51.104.0"},
		{2, 0, "2001:db8:1::1", "2001:db8:1:ffff::", "2001:db8:1:8000::", "2001:db8:2::"},
		{0, 2, "2001:db8::", "2001:db8:ffff::", "2001:db8:8000::", "2001:db9::"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy_clients *clients = policy_clients_new();
		int64_t network = cases[i].network, block = cases[i].block;
		assert_true(enter(clients, cases[i].first, 0, network, block));
		assert_true(enter(clients, cases[i].second, 0, network, block));
		assert_false(enter(clients, cases[i].inside, 0, network, block));
		assert_true(enter(clients, cases[i].outside, 0, network, block));
		/* who was refused was counted nowhere */
		leave(clients, cases[i].first);
		assert_true(enter(clients, cases[i].inside, 1, network, block));
		assert_false(enter(clients, cases[i].first, 0, network, block));
		policy_clients_free(clients);
	}
}

/* Neighbours do not share buckets: of 4096 slots, as many addresses fill nearly two thirds. */
static void neighbours_are_spread(void **state)
{
	(void)state;
	static const uint64_t secret[2] = {0x0123456789abcdefu, 0xfedcba9876543210u};
	static const struct {
		const char *first;
		size_t counted; /* octet of the address that counts, with the one before it */
	} cases[] = {{"192.0.2.0", 15}, {"10.0.0.1", 14}, {"2001:db8::", 7}, {"2001:db8::", 5}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static bool used[4096];
		unsigned slots = 0;
		memset(used, 0, sizeof(used));
		for (unsigned n = 0; n < 4096; n++) {
			struct policy_address a = address(cases[i].first);
			a.octets[cases[i].counted - 1] = (uint8_t)(n >> 8);
			a.octets[cases[i].counted] = (uint8_t)n;
			struct policy_network network = policy_network_around(&a, 0);
			bool *slot = &used[policy_network_hash(&network, secret) % ARRAY_SIZE(used)];
			slots += !*slot;
			*slot = true;
		}
		assert_true(slots > 2400);
	}
}

static void ten_thousand_clients_come_and_go(void **state)
{
	(void)state;
	const struct limits_conf limits = {.connections_per_client = 1};
	struct policy_clients *clients = policy_clients_new();
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 10000; i++) {
			struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(0x0a000000 + i)}};
			struct policy_address a = policy_address_of((const struct sockaddr *)&sa);
			assert_true(policy_clients_enter(clients, &a, &limits));
			assert_false(policy_clients_enter(clients, &a, &limits));
		}
		for (uint32_t i = 0; i < 10000; i++) {
			struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(0x0a000000 + i)}};
			struct policy_address a = policy_address_of((const struct sockaddr *)&sa);
			policy_clients_leave(clients, &a);
		}
	}
	policy_clients_free(clients);
}

static void budgets_end_a_session(void **state)
{
	(void)state;
	const struct limits_conf limits = {.errors = 3,
					   .commands = 2,
					   .unknown_recipients = 1,
					   .errors_delay_after = 2,
					   .error_delay_ms = 500};
	struct policy_budget budget = {0};
	assert_int_equal(policy_count_error(&budget, &limits), REPLY_NONE);
	assert_int_equal(policy_count_error(&budget, &limits), REPLY_NONE);
	assert_int_equal(policy_delay_ms(&budget, &limits), 0);
	assert_int_equal(policy_count_error(&budget, &limits), REPLY_NONE);
	assert_int_equal(policy_delay_ms(&budget, &limits), 500);
	assert_int_equal(policy_count_error(&budget, &limits), REPLY_TOO_MANY_ERRORS);
	assert_int_equal(policy_count_command(&budget, &limits), REPLY_NONE);
	assert_int_equal(policy_count_command(&budget, &limits), REPLY_NONE);
	assert_int_equal(policy_count_command(&budget, &limits), REPLY_TOO_MANY_COMMANDS);
	assert_int_equal(policy_count_unknown(&budget, &limits), REPLY_NONE);
	assert_int_equal(policy_count_unknown(&budget, &limits), REPLY_TOO_MANY_UNKNOWN);
	for (int i = 0; i < 100; i++) /* 0: no limit */
		assert_int_equal(policy_count_transaction(&budget, &limits), REPLY_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks),
		cmocka_unit_test(addresses_print_as_they_are_written),
		cmocka_unit_test(clients_are_counted_by_address_and_by_64),
		cmocka_unit_test(networks_and_blocks_are_counted_too),
		cmocka_unit_test(neighbours_are_spread),
		cmocka_unit_test(ten_thousand_clients_come_and_go),
		cmocka_unit_test(budgets_end_a_session),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
