/* Who a mail is from, and what is wanted for a recipient: tables over plain data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/route.h"

static char long_address[400];

static void the_author_is_the_first_usable_mailbox(void **state UNUSED)
{
	memset(long_address, 'x', sizeof(long_address));
	long_address[10] = '@';
	const struct mail_mailbox jane = {STR("Jane"), STR("jane@example.org")};
	const struct mail_mailbox bare = {STR(""), STR("undisclosed")};
	const struct mail_mailbox endless = {STR("E"), {long_address, sizeof(long_address)}};
	const struct mail_mailbox joe = {STR("Joe"), STR("joe@example.net")};
	const struct mail_mailbox froms[] = {bare, endless, jane};
	const struct {
		struct mail_mailboxes from, sender, reply_to;
		const char *reverse_path, *author, *name;
	} cases[] = {
		{{&jane, 1}, {&joe, 1}, {0}, "mta@x", "jane@example.org", "Jane"},
		{{froms, 3}, {0}, {0}, "mta@x", "jane@example.org", "Jane"},
		{{froms, 2}, {&joe, 1}, {0}, "mta@x", "joe@example.net", "Joe"},
		{{0}, {0}, {&joe, 1}, "mta@x", "joe@example.net", "Joe"},
		{{0}, {0}, {0}, "mta@x", "mta@x", ""},
		{{0}, {0}, {0}, "", "unknown@unknown.invalid", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct envelope envelope = {.reverse_path_text = str_from(cases[i].reverse_path)};
		struct parsed_mail mail = {
			.from = cases[i].from, .sender = cases[i].sender, .reply_to = cases[i].reply_to};
		struct ingest_recipient recipient = {.canonical = STR("acme")};
		struct decision decision;
		route_decide(&envelope, &recipient, &mail, &decision);
		assert_true(str_eq(decision.author, str_from(cases[i].author)));
		assert_true(str_eq(decision.author_name, str_from(cases[i].name)));
	}
}

static void the_address_that_the_author_wrote_to_is_kept(void **state UNUSED)
{
	struct envelope envelope = {0};
	struct parsed_mail mail = {.addressed_to = STR("help@customer.example")};
	struct ingest_recipient recipient = {.canonical = STR("acme")};
	struct decision decision;
	route_decide(&envelope, &recipient, &mail, &decision);
	assert_true(str_eq(decision.addressed_to, STR("help@customer.example")));
	mail.addressed_to = STR("");
	route_decide(&envelope, &recipient, &mail, &decision);
	assert_true(str_eq(decision.addressed_to, STR("acme")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_author_is_the_first_usable_mailbox),
		cmocka_unit_test(the_address_that_the_author_wrote_to_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
