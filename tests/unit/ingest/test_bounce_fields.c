/*
 * What programs wrote for programs (RFC 3464, 6533): recipients, courses, which of two statuses holds.
 */
#include "bounces.h"

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
	{"the author is refused, not the recipient",
	 "Final-Recipient: rfc822; jane@example.org\nAction: failed\nStatus: 5.1.0\n"
	 "Diagnostic-Code: smtp; 550 5.1.0 <support@example.com> sender rejected: unknown user\n",
	 "",
	 "",
	 "",
	 {{"jane@example.org", "5.1.0", MAIL_REPORT_SOFT, "sender rejected"}}},
};

static void fields_tell_who_failed_and_why(void **state UNUSED)
{
	check_examples(examples, ARRAY_SIZE(examples));
}

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
		check_one(&facts, NULL, cases[i].told, cases[i].kind);
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
		check_one(&facts, "jane@example.org", "5.1.1", MAIL_REPORT_HARD);
	}
}

/* RFC 6533 3: coded characters in a utf-8 address, and what only looks like one. */
static void coded_characters(void **state UNUSED)
{
	static const struct {
		const char *address, *want;
	} cases[] = {
		{"\\x{6A}ane@example.org", "jane@example.org"},
		{"j\\x{1F600}@example.org", "j\xf0\x9f\x98\x80@example.org"},
		{"jane@example.org\\x{0A}", ""}, /* a control stays as it is written, which is no address */
		{"\\x{0000006A}ane@example.org", ""}, /* too many digits */
		{"\\x{zz}@example.org", ""},
		{"\\x{6A", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char status[300];
		snprintf(status, sizeof(status),
			 "Final-Recipient: utf-8; %s\nAction: failed\nStatus: 5.1.1\n", cases[i].address);
		const struct bounce_facts facts = {.status = str_from(status)};
		check_one(&facts, cases[i].want, "5.1.1", MAIL_REPORT_HARD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_tell_who_failed_and_why),
		cmocka_unit_test(what_has_not_failed_is_no_failure),
		cmocka_unit_test(a_failure_outweighs_a_delay),
		cmocka_unit_test(coded_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
