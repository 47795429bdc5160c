/*
 * Whose comment it is: every row of speaker.h's table, with addresses that only look alike, and by property: From never
 * gives anybody more than the token did.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ingest/speaker.h"

#define ROW_AGENT  PARTICIPANT_FIRST_ROW
#define ROW_CLIENT (PARTICIPANT_FIRST_ROW + 1)
#define ROW_BOTH   (PARTICIPANT_FIRST_ROW + 2)

static const struct participant others[] = {
	{ROW_AGENT, PARTICIPANT_AGENT, STR_INIT("bob@agents.example")},
	{ROW_CLIENT, PARTICIPANT_CLIENT, STR_INIT("joe@customer.example")},
	{ROW_BOTH, PARTICIPANT_AGENT, STR_INIT("both@customer.example")},
	{ROW_BOTH + 1, PARTICIPANT_CLIENT, STR_INIT("both@customer.example")},
};
static const struct people people = {
	.requester = STR_INIT("Jane@Customer.example"),
	.admin_email = STR_INIT("admin@acme.example"),
	.notify_email = STR_INIT("team@help.acme.example"),
	.others = others,
	.others_n = ARRAY_SIZE(others),
};

enum want { CLIENT, CLIENT_MARKED, AGENT, AGENT_NOTE, STRANGER, ELSEWHERE };
static const struct speaker wanted[] = {
	[CLIENT] = {true, SPEAKER_CLIENT, COMMENT_PUBLIC, ""},
	[CLIENT_MARKED] = {true, SPEAKER_CLIENT, COMMENT_PUBLIC, "agent-under-client-token"},
	[AGENT] = {true, SPEAKER_AGENT, COMMENT_PUBLIC, ""},
	[AGENT_NOTE] = {true, SPEAKER_AGENT, COMMENT_INTERNAL, "agent-without-token"},
	[STRANGER] = {true, SPEAKER_STRANGER, COMMENT_INTERNAL, "stranger"},
	[ELSEWHERE] = {false, SPEAKER_STRANGER, COMMENT_INTERNAL, "stranger"},
};

/* By From: what comes of it under a client's token, an agent's, and none. */
static const struct {
	struct str author;
	enum want client, agent, none;
} cases[] = {
	/* the client, in any case */
	{STR_INIT("jane@customer.example"), CLIENT, CLIENT, CLIENT},
	{STR_INIT("JANE@CUSTOMER.EXAMPLE"), CLIENT, CLIENT, CLIENT},
	{STR_INIT("joe@customer.example"), CLIENT, CLIENT, CLIENT},
	/* client and agent at once: a client */
	{STR_INIT("both@customer.example"), CLIENT, CLIENT, CLIENT},
	/* agents, by their very address */
	{STR_INIT("admin@acme.example"), CLIENT_MARKED, AGENT, AGENT_NOTE},
	{STR_INIT("Admin@ACME.example"), CLIENT_MARKED, AGENT, AGENT_NOTE},
	{STR_INIT("team@help.acme.example"), CLIENT_MARKED, AGENT, AGENT_NOTE},
	{STR_INIT("bob@agents.example"), CLIENT_MARKED, AGENT, AGENT_NOTE},
	/* their domains: colleagues, who hold an agent's token */
	{STR_INIT("mary@acme.example"), STRANGER, AGENT, ELSEWHERE},
	{STR_INIT("mary@Help.Acme.Example"), STRANGER, AGENT, ELSEWHERE},
	{STR_INIT("mary@AGENTS.example"), STRANGER, AGENT, ELSEWHERE},
	{STR_INIT("\"a@evil.example\"@acme.example"), STRANGER, AGENT, ELSEWHERE},
	/* the client's domain is an agent's domain here, for one agent is there */
	{STR_INIT("jim@customer.example"), STRANGER, AGENT, ELSEWHERE},
	/* everybody else */
	{STR_INIT("mallory@evil.example"), STRANGER, STRANGER, ELSEWHERE},
	{STR_INIT("mary@sub.acme.example"), STRANGER, STRANGER, ELSEWHERE},
	{STR_INIT("mary@example"), STRANGER, STRANGER, ELSEWHERE},
	{STR_INIT("mary@xacme.example"), STRANGER, STRANGER, ELSEWHERE},
	{STR_INIT("mary@acme.example."), STRANGER, STRANGER, ELSEWHERE},
	{STR_INIT("mary@acme.example.evil.example"), STRANGER, STRANGER, ELSEWHERE},
	{STR_INIT("admin@acme.example@evil.example"), STRANGER, STRANGER, ELSEWHERE},
	{STR_INIT("mary@acme.example "), STRANGER, STRANGER, ELSEWHERE},
	{STR_INIT("mary@acme.example\0"), STRANGER, STRANGER, ELSEWHERE},
	{STR_INIT("mary@acm\xc3\xa9.example"), STRANGER, STRANGER, ELSEWHERE},
	{STR_INIT("jane@customer.example."), STRANGER, STRANGER, ELSEWHERE},
	{STR_INIT("jane@customer.exampl"), STRANGER, STRANGER, ELSEWHERE},
	{STR_INIT("jane"), STRANGER, STRANGER, ELSEWHERE},
	{STR_INIT("acme.example"), STRANGER, STRANGER, ELSEWHERE},
	{STR_INIT("@"), STRANGER, STRANGER, ELSEWHERE},
	{STR_INIT("admin@"), STRANGER, STRANGER, ELSEWHERE},
	{STR_INIT(""), STRANGER, STRANGER, ELSEWHERE},
};

static void assert_speaker(struct speaker got, enum want want, struct str author)
{
	const struct speaker *right = &wanted[want];
	if (got.on_ticket != right->on_ticket || got.kind != right->kind ||
	    got.visibility != right->visibility || strcmp(got.mark, right->mark) != 0)
		fail_msg("%.*s: on_ticket=%d kind=%d visibility=%d mark=%s", STR_ARG(author), got.on_ticket,
			 (int)got.kind, (int)got.visibility, got.mark);
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str author = cases[i].author;
		assert_speaker(speaker_of(&people, PARTICIPANT_REQUESTER, author), cases[i].client, author);
		assert_speaker(speaker_of(&people, ROW_CLIENT, author), cases[i].client, author);
		assert_speaker(speaker_of(&people, PARTICIPANT_TEAM, author), cases[i].agent, author);
		assert_speaker(speaker_of(&people, ROW_AGENT, author), cases[i].agent, author);
		assert_speaker(speaker_of(&people, ROW_BOTH, author), cases[i].agent, author);
		assert_speaker(speaker_of(&people, 0, author), cases[i].none, author);
	}
}

static void test_a_participant_that_is_none(void **state)
{
	(void)state;
	static const int64_t numbers[] = {ROW_BOTH + 2, 1000, -1, INT64_MAX, INT64_MIN};
	for (size_t n = 0; n < ARRAY_SIZE(numbers); n++) {
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
			assert_speaker(speaker_of(&people, numbers[n], cases[i].author), STRANGER,
				       cases[i].author);
	}
}

/* Nobody there: no address is anybody's, the empty one least of all. */
static void test_a_ticket_without_people(void **state)
{
	(void)state;
	static const struct participant blank[] = {{ROW_AGENT, PARTICIPANT_AGENT, {NULL, 0}},
						   {ROW_CLIENT, PARTICIPANT_CLIENT, STR_INIT("")},
						   {ROW_BOTH, PARTICIPANT_AGENT, STR_INIT("agent@")}};
	const struct people nobody = {.others = blank, .others_n = ARRAY_SIZE(blank)};
	static const struct str authors[] = {{NULL, 0}, STR_INIT(""), STR_INIT("x@y"), STR_INIT("x@")};
	for (size_t i = 0; i < ARRAY_SIZE(authors); i++) {
		for (int64_t participant = 1; participant <= ROW_BOTH; participant++)
			assert_speaker(speaker_of(&nobody, participant, authors[i]), STRANGER, authors[i]);
		assert_speaker(speaker_of(&nobody, 0, authors[i]), ELSEWHERE, authors[i]);
		assert_false(people_has_agent(&nobody, authors[i]));
	}
}

/* A client's colleagues are nobody on the team's side. */
static void test_a_client_s_domain_is_no_agent_s(void **state)
{
	(void)state;
	struct people clients = people;
	clients.others_n = 2; /* bob, an agent, and joe, a client */
	static const struct str colleague = STR_INIT("jim@customer.example");
	assert_speaker(speaker_of(&clients, PARTICIPANT_TEAM, colleague), STRANGER, colleague);
	assert_speaker(speaker_of(&clients, ROW_AGENT, colleague), STRANGER, colleague);
	assert_speaker(speaker_of(&clients, ROW_CLIENT, colleague), STRANGER, colleague);
	assert_speaker(speaker_of(&clients, 0, colleague), ELSEWHERE, colleague);
	/* nor the other way round: an agent is no client */
	static const struct str agent = STR_INIT("bob@agents.example");
	assert_speaker(speaker_of(&clients, ROW_AGENT, agent), AGENT, agent);
}

/* From alone makes nobody speak for the team; only an agent's token does, and never for who is a client. */
static void test_from_adds_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int64_t participant = 0; participant < ROW_BOTH + 3; participant++) {
			struct speaker got = speaker_of(&people, participant, cases[i].author);
			bool agents_token = participant == PARTICIPANT_TEAM || participant == ROW_AGENT ||
					    participant == ROW_BOTH;
			if (got.kind == SPEAKER_AGENT && got.visibility == COMMENT_PUBLIC)
				assert_true(agents_token && cases[i].client != CLIENT);
			if (got.kind == SPEAKER_STRANGER)
				assert_int_equal(got.visibility, COMMENT_INTERNAL);
			if (participant != 0)
				assert_true(got.on_ticket);
		}
	}
}

static void test_people_has_agent(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool want = cases[i].client == CLIENT_MARKED ||
			    str_ieq(cases[i].author, STR("both@customer.example"));
		assert_int_equal(people_has_agent(&people, cases[i].author), want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_a_participant_that_is_none),
		cmocka_unit_test(test_a_ticket_without_people),
		cmocka_unit_test(test_a_client_s_domain_is_no_agent_s),
		cmocka_unit_test(test_from_adds_nothing),
		cmocka_unit_test(test_people_has_agent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
