/*
 * What a header section says without a MIME library.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mailaddr.h"
#include "ingest/mail_fallback.h"

static const struct mail_limits limits = {.header_max = 2000, .header_fields_max = 20};

struct fallback_case {
	const char *mail_data;
	const char *subject, *name, *address; /* address NULL: no author */
	const char *message_id, *in_reply_to;
	unsigned received_n;
};

static const struct fallback_case cases[] = {
	{"Received: a\r\nReceived: b\r\n\tc\r\nFrom: Jane Doe <Jane@Example.ORG>\r\nSubject: Hello\r\n "
	 "there\r\n"
	 "Message-ID: <1@x>\r\nIn-Reply-To: <2@x> (her mail)\r\n\r\nSubject: body\r\n",
	 "Hello there", "Jane Doe", "Jane@example.org", "1@x", "2@x", 2},
	{"subject:no blank\nfrom: j@x\n\nbody", "no blank", "", "j@x", "", "", 0},
	{"SUBJECT : blank before colon\r\n\r\n", "blank before colon", "", NULL, "", "", 0},
	{"Subject: first\r\nSubject: second\r\n\r\n", "first", "", NULL, "", "", 0},
	{"Subject: tabs\t and \x01 controls\x7f \r\n\t\tcollapse \r\n\r\n", "tabs and controls collapse", "",
	 NULL, "", "", 0},
	{"Subject: \xc3\xbc \xff \xe2\x82 \xed\xa0\x80\r\n\r\n",
	 "\xc3\xbc \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "", NULL, "",
	 "", 0},
	{"From: \"Doe, Jane\" <j@x>\r\n\r\n", "", "Doe, Jane", "j@x", "", "", 0},
	{"From: two <a@b> <c@d>\r\n\r\n", "", "two", "a@b", "", "", 0},
	{"From: a@b, c@d\r\n\r\n", "", "", NULL, "", "", 0},
	{"From: <no-domain>\r\n\r\n", "", "", NULL, "", "", 0},
	{"From: <@b>\r\n\r\n", "", "", NULL, "", "", 0},
	{"From: <a b@c>\r\n\r\n", "", "", NULL, "", "", 0},
	{"From: <a@b\r\n\r\n", "", "", "a@b", "", "", 0},
	{"From: x <a@\xff>\r\n\r\n", "", "", NULL, "", "", 0},
	{"no header section at all", "", "", NULL, "", "", 0},
	{"\r\nSubject: below\r\n", "", "", NULL, "", "", 0},
	{"Subject", "", "", NULL, "", "", 0},
	{"Subject: cut", "cut", "", NULL, "", "", 0},
	{"Message-ID: <a b>\r\nSubject:\r\n\r\n", "", "", NULL, "a", "", 0},
	{" folded first line\r\nSubject: s\r\n\r\n", "s", "", NULL, "", "", 0},
	{"", "", "", NULL, "", "", 0},
};

static void expect(struct str got, const char *want)
{
	if (!str_eq(got, str_from(want)))
		fail_msg("got \"%.*s\", want \"%s\"", STR_ARG(got), want);
}

static void reads_header_sections(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena;
		struct parsed_mail *mail;
		arena_init(&arena, MAIL_FALLBACK_SIZE);
		size_t len = strlen(cases[i].mail_data);
		char *copy = malloc(len ? len : 1);
		memcpy(copy, cases[i].mail_data, len);
		assert_int_equal(mail_fallback(&arena, (struct str){copy, len}, &limits, &mail), 0);
		/* Nothing in the result refers to the mail data. */
		free(copy);
		expect(mail->subject, cases[i].subject);
		expect(mail->message_id, cases[i].message_id);
		expect(mail->in_reply_to, cases[i].in_reply_to);
		assert_int_equal(mail->received_n, cases[i].received_n);
		assert_int_equal(mail->from.n, cases[i].address ? 1 : 0);
		if (cases[i].address) {
			expect(mail->from.items[0].name, cases[i].name);
			expect(mail->from.items[0].address, cases[i].address);
		}
		assert_int_equal(mail->text.len + mail->reply.len + mail->html_text.len, 0);
		assert_false(mail->answerable);
		arena_done(&arena);
	}
}

/* A mail that kills the parser may be our own that came home. */
static void our_mark_is_seen(void **state)
{
	(void)state;
	struct arena arena;
	struct parsed_mail *mail;
	arena_init(&arena, MAIL_FALLBACK_SIZE);
	assert_int_equal(
		mail_fallback(&arena,
			      STR("Subject: x\r\nx-servelo-loop: notice.QwEH\r\nX-Servelo-Loop: second\r\n"),
			      &limits, &mail),
		0);
	expect(mail->loop_mark, "notice.QwEH");
	expect(mail->forwarded_author.address, "");
	expect(mail->returned_message_id, "");
	arena_done(&arena);
}

static void limits_hold(void **state)
{
	(void)state;
	static char data[100000];
	struct arena arena;
	struct parsed_mail *mail;
	/* A subject without end is cut, between characters. */
	memcpy(data, "Subject: ", 9);
	for (size_t i = 9; i + 3 <= sizeof(data); i += 3)
		memcpy(data + i, "\xe2\x82\xac", 3);
	arena_init(&arena, MAIL_FALLBACK_SIZE);
	assert_int_equal(mail_fallback(&arena, (struct str){data, sizeof(data)}, &limits, &mail), 0);
	assert_true(mail->subject.len > 1000 && mail->subject.len <= 1024 && utf8_valid(mail->subject));
	arena_done(&arena);
	/* What is behind header_max or header_fields_max is not looked at. */
	memset(data, 'x', 2500);
	memcpy(data, "X: ", 3);
	memcpy(data + 2500, "\nSubject: far\n\n", 15);
	arena_init(&arena, MAIL_FALLBACK_SIZE);
	assert_int_equal(mail_fallback(&arena, (struct str){data, 2515}, &limits, &mail), 0);
	assert_int_equal(mail->subject.len, 0);
	arena_done(&arena);
	for (size_t i = 0; i < 30; i++)
		memcpy(data + 5 * i, "A: b\n", 5);
	memcpy(data + 150, "Subject: late\n\n", 15);
	arena_init(&arena, MAIL_FALLBACK_SIZE);
	assert_int_equal(mail_fallback(&arena, (struct str){data, 165}, &limits, &mail), 0);
	assert_int_equal(mail->subject.len, 0);
	arena_done(&arena);
}

static void the_biggest_results_fit_the_promised_arena(void **state)
{
	(void)state;
	static const char *const fields[] = {"Subject: ", "Message-ID: <", "In-Reply-To: <",
					     "From: ", "X-Servelo-Loop: "};
	static char data[20000];
	struct mail_limits wide = {.header_max = sizeof(data), .header_fields_max = 100};
	size_t len = 0;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		len += (size_t)sprintf(data + len, "%s", fields[i]);
		memset(data + len, '\xff', 3000);
		len += 3000;
		len += (size_t)sprintf(data + len, "%s\r\n", i == 3 ? "<a@b>" : ">");
	}
	struct arena arena;
	struct parsed_mail *mail;
	arena_init(&arena, MAIL_FALLBACK_SIZE);
	assert_int_equal(mail_fallback(&arena, (struct str){data, len}, &wide, &mail), 0);
	assert_true(mail->subject.len > 1000 && mail->message_id.len > 1000 && mail->from.n == 1);
	arena_done(&arena);
	arena_init(&arena, 100);
	assert_int_equal(mail_fallback(&arena, (struct str){data, len}, &wide, &mail), -ENOBUFS);
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_header_sections),
		cmocka_unit_test(our_mark_is_seen),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(the_biggest_results_fit_the_promised_arena),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
