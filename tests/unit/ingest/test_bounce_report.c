/*
 * Reports as a whole: who complained, limits, and the parts found in a whole mail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "ingest/bounce_report.h"

static void feedback_tells_who_complained(void **state UNUSED)
{
	static const struct {
		const char *feedback, *original, *recipient, *type;
	} cases[] = {
		{"Feedback-Type: abuse\r\nUser-Agent: X/1\r\nVersion: 1\r\nOriginal-Rcpt-To: "
		 "<jane@example.org>\r\n",
		 "", "jane@example.org", "abuse"},
		{"\nFeedback-Type: not-spam\nOriginal-Rcpt-To: rfc822; jane@example.org\n", "",
		 "jane@example.org", "not-spam"},
		{"Feedback-Type: opt-out\n", "To: jane@example.org\n\n", "jane@example.org", "opt-out"},
		{"Feedback-Type: fraud\nOriginal-Rcpt-To: [redacted]\n", "", "", "fraud"},
		{"", "", "", "abuse"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bounce_facts facts = {.feedback = str_from(cases[i].feedback),
					     .original = str_from(cases[i].original)};
		const struct mail_report *reports;
		struct arena arena;
		size_t n;
		arena_init(&arena, 65536);
		assert_int_equal(feedback_report_read(&arena, &facts, &mail_limits_default, &reports, &n), 0);
		assert_int_equal(n, 1);
		assert_true(str_eq(reports[0].recipient, str_from(cases[i].recipient)));
		assert_true(str_eq(reports[0].reason, str_from(cases[i].type)));
		assert_int_equal(reports[0].kind, MAIL_REPORT_FEEDBACK);
		arena_done(&arena);
	}
}

static void lists_are_bounded_and_no_address_comes_twice(void **state UNUSED)
{
	struct strbuf status, text;
	struct arena arena;
	const struct mail_report *reports;
	size_t n;
	strbuf_init(&status, 1 << 20);
	strbuf_init(&text, 1 << 20);
	for (unsigned i = 0; i < 1000; i++) {
		strbuf_printf(&status,
			      "Final-Recipient: rfc822; u%u@example.org\nAction: failed\nStatus: 5.1.1\n\n",
			      i / 2);
		strbuf_printf(&text, "<U%u@example.org>: 550 5.1.1 user unknown\n", i / 2);
	}
	struct bounce_facts facts = {.status = strbuf_str(&status)};
	arena_init(&arena, 1 << 20);
	assert_int_equal(bounce_report_read(&arena, &facts, &mail_limits_default, &reports, &n), 0);
	assert_int_equal(n, MAIL_REPORTS_MAX);
	assert_true(str_eq(reports[1].recipient, STR("u1@example.org")));
	facts = (struct bounce_facts){.text = strbuf_str(&text)};
	assert_int_equal(bounce_report_read(&arena, &facts, &mail_limits_default, &reports, &n), 0);
	assert_int_equal(n, MAIL_REPORTS_MAX);
	assert_true(str_eq(reports[1].recipient, STR("U1@example.org")));
	arena_done(&arena);
	arena_init(&arena, 64); /* too small for anything */
	assert_true(bounce_report_read(&arena, &facts, &mail_limits_default, &reports, &n) < 0);
	assert_int_equal(n, 0);
	arena_done(&arena);
	strbuf_done(&status);
	strbuf_done(&text);
}

/* The parts are found in a whole mail, decoded when they are encoded; other mails have no reports. */
static void whole_mails(void **state UNUSED)
{
	static const char bounce[] =
		"From: MAILER-DAEMON@mx.example.net\r\nTo: support@example.com\r\nSubject: Undelivered\r\n"
		"MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; "
		"boundary=b\r\n\r\n"
		"--b\r\n\r\nIt failed.\r\n--b\r\nContent-Type: message/delivery-status\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n"
		"RmluYWwtUmVjaXBpZW50OiByZmM4MjI7IGphbmVAZXhhbXBsZS5vcmcKQWN0aW9uOiBmYWlsZWQK\r\n"
		"U3RhdHVzOiA1LjEuMQo=\r\n--b--\r\n";
	static const char complaint[] =
		"From: fbl@isp.example\r\nTo: abuse@example.com\r\nMIME-Version: 1.0\r\n"
		"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
		"--b\r\n\r\nA complaint.\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\n"
		"Feedback-Type: abuse\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
		"To: jane@example.org\r\n\r\n--b--\r\n";
	static const char question[] =
		"From: jane@example.org\r\nSubject: Help\r\n\r\n550 5.1.1 <a@b.example>?\r\n";
	const struct {
		const char *mail, *recipient, *status;
		enum mail_class class;
		enum mail_report_kind kind;
	} cases[] = {
		{bounce, "jane@example.org", "5.1.1", MAIL_BOUNCE, MAIL_REPORT_HARD},
		{complaint, "jane@example.org", "", MAIL_FEEDBACK, MAIL_REPORT_FEEDBACK},
		{question, NULL, NULL, MAIL_NORMAL, MAIL_REPORT_SOFT},
	};
	mail_parse_init();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena;
		struct parsed_mail *mail;
		arena_init(&arena, 1 << 20);
		assert_int_equal(mail_parse(&arena, str_from(cases[i].mail), &mail_limits_default, &mail),
				 PARSE_OK);
		assert_int_equal(mail->class, cases[i].class);
		assert_int_equal(mail->reports_n, cases[i].recipient != NULL);
		if (cases[i].recipient) {
			assert_true(str_eq(mail->reports[0].recipient, str_from(cases[i].recipient)));
			assert_true(str_eq(mail->reports[0].status, str_from(cases[i].status)));
			assert_int_equal(mail->reports[0].kind, cases[i].kind);
		}
		arena_done(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(feedback_tells_who_complained),
		cmocka_unit_test(lists_are_bounded_and_no_address_comes_twice),
		cmocka_unit_test(whole_mails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
