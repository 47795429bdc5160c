/*
 * What servers wrote for people: qmail, exim, Postfix, Exchange, Gmail in their own words, and warnings.
 */
#include "bounces.h"

static const struct example examples[] = {
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
};

static void words_tell_who_failed_and_why(void **state UNUSED)
{
	check_examples(examples, ARRAY_SIZE(examples));
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
		check_one(&facts, "jane@example.org", NULL, cases[i].kind);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_tell_who_failed_and_why),
		cmocka_unit_test(a_warning_in_words_is_no_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
