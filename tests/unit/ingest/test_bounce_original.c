/*
 * The mail that came back: its Message-ID, and the reverse-path it was sent under.
 */
#include "bounces.h"

static void the_mail_that_came_back(void **state UNUSED)
{
	static const struct {
		const char *status, *feedback, *original, *text, *id, *path;
	} cases[] = {
		{"", "",
		 "Return-Path: <bounce+x@tickets.example>\r\nMessage-ID: <1@tickets.example>\r\n\r\nHi", "",
		 "1@tickets.example", "bounce+x@tickets.example"},
		{"", "", "\r\nMessage-Id:\r\n <2@tickets.example> (a comment)\r\n", "", "2@tickets.example",
		 ""},
		{"Reporting-MTA: dns; mx.example\nX-Postfix-Sender: rfc822; bounce+x@tickets.example\n\n"
		 "Final-Recipient: rfc822; a@b.example\n",
		 "", "Message-ID: <3@tickets.example>\n", "", "3@tickets.example",
		 "bounce+x@tickets.example"},
		{"", "Feedback-Type: abuse\r\nOriginal-Mail-From: <bounce+y@tickets.example>\r\n",
		 "Return-Path: <other@isp.example>\r\nMessage-ID: <4@tickets.example>\r\n", "",
		 "4@tickets.example", "bounce+y@tickets.example"},
		{"", "Original-Mail-From: <>\n", "Return-Path: <>\nSubject: x\n", "", "", ""},
		{"", "", "",
		 "Sorry.\n\n--- Below this line is a copy of the message.\n\nReturn-Path: "
		 "<bounce+x@tickets.example>\nReceived: by x\nMessage-ID: <5@tickets.example>\n\nHi\n",
		 "5@tickets.example", "bounce+x@tickets.example"},
		{"", "", "", "Sorry.\n\nReceived: from x by y\nMessage-ID: <6@tickets.example>\n\nHi\n",
		 "6@tickets.example", ""},
		{"", "", "", "Message-ID: <7@tickets.example> was refused.\n", "", ""},
		{"", "", "", "", "", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bounce_facts facts = {.status = str_from(cases[i].status),
					     .feedback = str_from(cases[i].feedback),
					     .original = str_from(cases[i].original),
					     .text = str_from(cases[i].text)};
		struct bounce_original got;
		struct arena arena;
		arena_init(&arena, 65536);
		assert_int_equal(bounce_original_read(&arena, &facts, &mail_limits_default, &got), 0);
		if (!str_eq(got.message_id, str_from(cases[i].id)) ||
		    !str_eq(got.reverse_path, str_from(cases[i].path)))
			fail_msg("case %zu: \"%.*s\" \"%.*s\"", i, STR_ARG(got.message_id),
				 STR_ARG(got.reverse_path));
		arena_done(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_mail_that_came_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
