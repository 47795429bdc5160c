/*
 * Who failed and why, who complained: reports as programs and people write them, a table each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mailaddr.h"
#include "base/strbuf.h"
#include "ingest/bounce_reason.h"
#include "ingest/bounce_report.h"

#define RECIPIENTS_MAX 4

struct told {
	const char *recipient, *status;
	enum mail_report_kind kind;
	const char *reason; /* stands in it */
};

struct example {
	const char *name, *status, *failed, *text, *original;
	struct told told[RECIPIENTS_MAX]; /* up to the first without a status */
};

static const struct mail_mailbox us = {STR_INIT("Support"), STR_INIT("support@example.com")};
static const struct mail_mailboxes to_us = {&us, 1};

static const struct example examples[] = {
	{"delivery-status: one failed, one relayed, one delayed",
	 "Reporting-MTA: dns; mx.example.net\r\n\r\n"
	 "Final-Recipient: rfc822; jane@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n"
	 "Diagnostic-Code: smtp; 550 5.1.1 <jane@example.org>:\r\n  User unknown\r\n\r\n"
	 "Final-Recipient: rfc822; joe@example.org\r\nAction: relayed\r\nStatus: 2.0.0\r\n\r\n"
	 "Original-Recipient: rfc822;jim@example.org\r\nFinal-Recipient: local; jim\r\n"
	 "Action: delayed\r\nStatus: 4.4.1\r\n",
	 "",
	 "Some words.",
	 "",
	 {{"jane@example.org", "5.1.1", MAIL_REPORT_HARD, "User unknown"},
	  {"joe@example.org", "2.0.0", MAIL_REPORT_DELAYED, ""},
	  {"jim@example.org", "4.4.1", MAIL_REPORT_DELAYED, "Some words"}}},
	{"delivery-status without empty lines, the server's own code is more exact",
	 "Final-Recipient: rfc822; <jane@example.org>\nAction: failed\nStatus: 5.0.0\n"
	 "Diagnostic-Code: smtp; 552 5.2.2 Mailbox full\n"
	 "Final-Recipient: rfc822; joe@example.org\nAction: failed\nStatus: 4.4.7\n"
	 "Diagnostic-Code: smtp; 450 4.7.1 greylisted\n",
	 "",
	 "",
	 "",
	 {{"jane@example.org", "5.2.2", MAIL_REPORT_SOFT, "Mailbox full"},
	  {"joe@example.org", "4.7.1", MAIL_REPORT_SOFT, "greylisted"}}},
	{"global delivery-status (RFC 6533)",
	 "Final-Recipient: utf-8; j\\x{FC}rgen@example.org\nAction: failed\nStatus: 5.1.2\n",
	 "",
	 "",
	 "",
	 {{"j\xc3\xbcrgen@example.org", "5.1.2", MAIL_REPORT_HARD, ""}}},
	{"delivery-status whose recipient is no address, words that name one",
	 "Final-Recipient: RFC822; @mx.example.org\nAction: failed\nStatus: 5.1.2\n",
	 "",
	 "The following addresses had permanent fatal errors\n<jane@example.org>\n    (reason: 550 Host "
	 "unknown)\n",
	 "",
	 {{"jane@example.org", "5.1.2", MAIL_REPORT_HARD, "Host unknown"}}},
	{"qmail",
	 "",
	 "",
	 "Hi. This is the qmail-send program at mx.example.net.\nI'm afraid I wasn't able to deliver your "
	 "message "
	 "to the following addresses.\n\n<jane@example.org>:\n192.0.2.7 does not like recipient.\n"
	 "Remote host said: 550 5.1.1 no such user\nGiving up on 192.0.2.7.\n\n<joe@example.org>:\n"
	 "Sorry, I couldn't find any host named example.org. (#5.1.2)\n\n"
	 "--- Below this line is a copy of the message.\n\nTo: nobody@example.net\n\n<other@example.net>: "
	 "550\n",
	 "",
	 {{"jane@example.org", "5.1.1", MAIL_REPORT_HARD, "no such user"},
	  {"joe@example.org", "5.1.2", MAIL_REPORT_HARD, "couldn't find any host"}}},
	{"exim, the address in a field",
	 "",
	 "jane@example.org",
	 "This message was created automatically by mail delivery software.\n\nA message that you sent could "
	 "not "
	 "be delivered to one or more of its recipients. The following address(es) failed:\n\n"
	 "  jane@example.org\n    SMTP error from remote mail server after RCPT TO:<jane@example.org>:\n"
	 "    host mx.example.org [192.0.2.7]: 552 mailbox full\n\n------ This is a copy of the message "
	 "------\n",
	 "",
	 {{"jane@example.org", "5.2.2", MAIL_REPORT_SOFT, "mailbox full"}}},
	{"postfix without its parts",
	 "",
	 "",
	 "This is the mail system at host mx.example.net.\n\n<jane@example.org>: host "
	 "mx.example.org[192.0.2.7] "
	 "said: 450\n    4.2.1 <jane@example.org>: Recipient is over quota (in reply\n    to RCPT TO "
	 "command)\n",
	 "",
	 {{"jane@example.org", "4.2.1", MAIL_REPORT_SOFT, "over quota"}}},
	{"Exchange, words only; whom it is for did not fail",
	 "",
	 "",
	 "Your message\n\n  To:      support@example.com\n  Subject: Printer\n\ndid not reach the following "
	 "recipient(s):\n\njane@example.org on Thu, 29 Apr 2010 00:00:00 -0000\n    The recipient name is "
	 "not "
	 "recognized\n    MSEXCH:IMS:NNN\n",
	 "",
	 {{"jane@example.org", "5.1.1", MAIL_REPORT_HARD, "not recognized"}}},
	{"Gmail: the reason is some lines below",
	 "",
	 "",
	 "Delivery to the following recipient failed permanently:\n\n     jane@example.org\n\nTechnical "
	 "details of "
	 "permanent failure:\nThe error that the other server returned was: 550 550 5.7.1 Access denied "
	 "(state 13).\n"
	 "\n----- Original message -----\n\nTo: other@example.net\n",
	 "",
	 {{"jane@example.org", "5.7.1", MAIL_REPORT_SOFT, "Access denied"}}},
	{"an address in a sentence",
	 "",
	 "",
	 "User mailbox exceeds allowed size: jane@example.org\n\nOriginal message follows.\n",
	 "",
	 {{"jane@example.org", "5.2.2", MAIL_REPORT_SOFT, "exceeds allowed size"}}},
	{"words that we do not know, beside the address",
	 "",
	 "",
	 "Sorry, we were unable to deliver your message to the following address.\n\n<jane@example.org>:\n"
	 "The cat sat on it\n",
	 "",
	 {{"jane@example.org", "5.0.0", MAIL_REPORT_SOFT, "The cat sat on it"}}},
	{"no address but the original's",
	 "",
	 "",
	 "Your mail could not be delivered: connection timed out.\n",
	 "From: support@example.com\r\nTo: Jane <jane@example.org>\r\nSubject: Printer\r\n\r\nHello\r\n",
	 {{"jane@example.org", "4.4.1", MAIL_REPORT_SOFT, "timed out"}}},
	{"nobody is named",
	 "",
	 "",
	 "Your mail could not be delivered. We are sorry about that.\n",
	 "",
	 {{"", "5.0.0", MAIL_REPORT_SOFT, "We are sorry"}}},
	{"the author is refused, not the recipient",
	 "Final-Recipient: rfc822; jane@example.org\nAction: failed\nStatus: 5.1.0\n"
	 "Diagnostic-Code: smtp; 550 5.1.0 <support@example.com> sender rejected: unknown user\n",
	 "",
	 "",
	 "",
	 {{"jane@example.org", "5.1.0", MAIL_REPORT_SOFT, "sender rejected"}}},
};

static struct bounce_facts facts_of(const struct example *example)
{
	return (struct bounce_facts){
		.status = str_from(example->status),
		.feedback = STR(""),
		.failed = str_from(example->failed),
		.text = str_from(example->text),
		.original = str_from(example->original),
		.to = &to_us,
	};
}

static bool same(const struct mail_report *report, const struct told *told)
{
	struct str reason = str_from(told->reason);
	return str_eq(report->recipient, str_from(told->recipient)) &&
	       str_eq(report->status, str_from(told->status)) && report->kind == told->kind &&
	       (reason.len == 0 || memmem(report->reason.ptr, report->reason.len, reason.ptr, reason.len));
}

static void bounces_tell_who_failed_and_why(void **state UNUSED)
{
	unsigned wrong = 0;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		struct bounce_facts facts = facts_of(&examples[i]);
		const struct mail_report *reports;
		struct arena arena;
		size_t n, wanted = 0;
		arena_init(&arena, 65536);
		assert_int_equal(bounce_report_read(&arena, &facts, &mail_limits_default, &reports, &n), 0);
		while (wanted < RECIPIENTS_MAX && examples[i].told[wanted].status)
			wanted++;
		bool good = n == wanted;
		for (size_t k = 0; k < n && k < wanted; k++)
			good = good && same(&reports[k], &examples[i].told[k]);
		for (size_t k = 0; !good && k < n; k++)
			print_error("%s: <%.*s> %.*s %s: %.*s\n", examples[i].name,
				    STR_ARG(reports[k].recipient), STR_ARG(reports[k].status),
				    mail_report_kind_name(reports[k].kind), STR_ARG(reports[k].reason));
		wrong += !good;
		arena_done(&arena);
	}
	assert_int_equal(wrong, 0);
}

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

static void codes_are_told_from_numbers(void **state UNUSED)
{
	static const struct {
		const char *text, *status;
		unsigned code;
	} cases[] = {
		{"550 5.1.1 no", "5.1.1", 550},
		{"said: 450-4.2.2 x", "4.2.2", 450},
		{"(#5.5.0)", "5.5.0", 0},
		{"status=5.1.10", "5.1.10", 0},
		{"host mx [5.1.1.1] said 521", "", 521},
		{"version 15.1.1", "", 0},
		{"v5.1.1", "", 0},
		{"5.1.1.2.3", "", 0},
		{"SIZE=5501", "", 0},
		{"5500 550x a550", "", 0},
		{"250 2.0.0 ok", "", 0},
		{"550", "", 550},
		{"5.1", "", 0},
		{"", "", 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str text = str_from(cases[i].text);
		assert_true(str_eq(bounce_status_in(text), str_from(cases[i].status)));
		assert_int_equal(bounce_code_in(text), cases[i].code);
	}
}

/* The parts are found in a whole mail, decoded when they are encoded; other mails have no reports. */
static void what_has_not_failed_is_no_failure(void **state UNUSED)
{
	static const struct {
		const char *action, *status, *text;
		enum mail_report_kind kind;
		const char *told;
	} cases[] = {
		{"delayed", "4.4.1", "connect to mx.example.org[192.0.2.1]:25: Connection timed out",
		 MAIL_REPORT_DELAYED, "4.4.1"},
		{"delayed", "", "no words", MAIL_REPORT_DELAYED, "4.0.0"},
		{"Delayed (will be tried again)", "5.1.1", "550 5.1.1 user unknown", MAIL_REPORT_DELAYED,
		 "5.1.1"},
		{"delivered", "2.1.5", "", MAIL_REPORT_DELAYED, "2.0.0"},
		{"relayed", "", "550 5.1.1 jane@example.org: user unknown", MAIL_REPORT_DELAYED, "2.0.0"},
		{"expanded", "2.0.0", "", MAIL_REPORT_DELAYED, "2.0.0"},
		{"failed", "4.4.7", "delivery time expired", MAIL_REPORT_SOFT, "4.4.7"},
		{"failed", "5.1.1", "user unknown", MAIL_REPORT_HARD, "5.1.1"},
		{"", "5.1.1", "user unknown", MAIL_REPORT_HARD, "5.1.1"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char status[300];
		snprintf(status, sizeof(status),
			 "Final-Recipient: rfc822; jane@example.org\nAction: %s\nStatus: %s\n",
			 cases[i].action, cases[i].status);
		struct bounce_facts facts = {.status = str_from(status),
					     .failed = STR("jane@example.org"),
					     .text = str_from(cases[i].text)};
		const struct mail_report *reports;
		size_t n;
		struct arena arena;
		arena_init(&arena, 65536);
		assert_int_equal(bounce_report_read(&arena, &facts, &mail_limits_default, &reports, &n), 0);
		assert_int_equal(n, 1);
		if (reports[0].kind != cases[i].kind || !str_eq(reports[0].status, str_from(cases[i].told)))
			fail_msg("case %zu: %s %.*s", i, mail_report_kind_name(reports[0].kind),
				 STR_ARG(reports[0].status));
		arena_done(&arena);
	}
}

static void a_warning_in_words_is_no_failure(void **state UNUSED)
{
	static const struct {
		const char *status, *text;
		enum mail_report_kind kind;
	} cases[] = {
		{"",
		 "This message was created automatically by mail delivery software.\nA message that you sent "
		 "has "
		 "not yet been delivered to one or more of its\nrecipients after more than 24 hours on the "
		 "queue "
		 "on mx.example.\n\nThe address to which the message has not yet been delivered is:\n\n  "
		 "jane@example.org\n\nNo action is required on your part. Delivery attempts will continue "
		 "for\n"
		 "some time.\n",
		 MAIL_REPORT_DELAYED},
		{"",
		 "    **********************************************\n    **      THIS IS A WARNING MESSAGE "
		 "ONLY      "
		 "**\n    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **\n\n<jane@example.org>... Deferred: "
		 "Connection timed out with mx.example.org.\n",
		 MAIL_REPORT_DELAYED},
		{"Final-Recipient: rfc822; jane@example.org\nAction: failed\nStatus: 5.1.1\n"
		 "Diagnostic-Code: smtp; 550 user unknown\n",
		 "A warning said that it has not yet been delivered. Now it failed.\n", MAIL_REPORT_HARD},
		{"", "<jane@example.org>: 550 5.1.1 user unknown\n", MAIL_REPORT_HARD},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bounce_facts facts = {.status = str_from(cases[i].status),
					     .text = str_from(cases[i].text)};
		const struct mail_report *reports;
		size_t n;
		struct arena arena;
		arena_init(&arena, 65536);
		assert_int_equal(bounce_report_read(&arena, &facts, &mail_limits_default, &reports, &n), 0);
		assert_int_equal(n, 1);
		assert_true(str_eq(reports[0].recipient, STR("jane@example.org")));
		assert_int_equal(reports[0].kind, cases[i].kind);
		arena_done(&arena);
	}
}

/* Of two groups about one recipient, the failure holds, whichever comes first. */
static void a_failure_outweighs_a_delay(void **state UNUSED)
{
#define GROUP(action) "Final-Recipient: rfc822; jane@example.org\nAction: " action "\nStatus: 5.1.1\n\n"
	static const char *const parts[] = {GROUP("failed") GROUP("delayed"),
					    GROUP("delayed") GROUP("failed")};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		struct bounce_facts facts = {.status = str_from(parts[i])};
		const struct mail_report *reports;
		size_t n;
		struct arena arena;
		arena_init(&arena, 65536);
		assert_int_equal(bounce_report_read(&arena, &facts, &mail_limits_default, &reports, &n), 0);
		assert_int_equal(n, 1);
		assert_int_equal(reports[0].kind, MAIL_REPORT_HARD);
		arena_done(&arena);
	}
}

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
		cmocka_unit_test(bounces_tell_who_failed_and_why),
		cmocka_unit_test(feedback_tells_who_complained),
		cmocka_unit_test(lists_are_bounded_and_no_address_comes_twice),
		cmocka_unit_test(codes_are_told_from_numbers),
		cmocka_unit_test(what_has_not_failed_is_no_failure),
		cmocka_unit_test(a_warning_in_words_is_no_failure),
		cmocka_unit_test(a_failure_outweighs_a_delay),
		cmocka_unit_test(the_mail_that_came_back),
		cmocka_unit_test(whole_mails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
