/* Which automatic mail it is, in one word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/mail_kind.h"

static void kinds(void **state UNUSED)
{
	static const struct {
		enum mail_class class;
		const char *rule, *subject, *text;
		bool answers;
		const char *kind;
	} cases[] = {
		{MAIL_NORMAL, "", "Automatic reply", "", false, ""},
		{MAIL_NORMAL, "x-loop", "hello", "", false, ""},
		{MAIL_NORMAL, "list-id", "[users] hello", "", false, "list"},
		{MAIL_NORMAL, "mailing-list", "hello", "", false, "list"},
		{MAIL_NORMAL, "list-unsubscribe", "hello", "", false, "bulk"},
		{MAIL_NORMAL, "precedence", "hello", "", false, "bulk"},
		{MAIL_NORMAL, "calendar-reply", "Declined: x", "no", false, "calendar"},
		{MAIL_AUTO, "calendar-reply", "Declined: x", "", false, "calendar"},
		{MAIL_AUTO, "reaction", "Re: x", "", false, "reaction"},
		{MAIL_AUTO, "report:disposition-notification", "Read: x", "", false, "receipt"},
		{MAIL_AUTO, "content-class:mdn", "Gelesen: x", "", false, "receipt"},
		{MAIL_AUTO, "text:read-receipt", "Gelesen: x", "", false, "receipt"},
		{MAIL_AUTO, "report:tlsrpt", "Report domain: x", "", false, "report"},
		{MAIL_AUTO, "forward-confirmation", "Confirm", "", false, "forwarding"},
		{MAIL_AUTO, "subject:out-of-office:de", "Abwesenheitsnotiz", "", false, "vacation"},
		{MAIL_AUTO, "text:out-of-office", "x", "", false, "vacation"},
		{MAIL_AUTO, "auto-submitted", "Out of office: x", "", false, "vacation"},
		{MAIL_AUTO, "auto-submitted", "Jane is out of the office", "", false, "vacation"},
		{MAIL_AUTO, "auto-submitted", "Re: x", "I'm on vacation.", false, "vacation"},
		{MAIL_AUTO, "auto-submitted", "x", "Ich bin im Urlaub.", true, "vacation"},
		{MAIL_AUTO, "subject:confirmation:en", "Automatic confirmation", "", false, "confirmation"},
		{MAIL_AUTO, "auto-submitted", "Ticket 1", "We have received your request.", false,
		 "confirmation"},
		{MAIL_AUTO, "x-autoreply", "Automatic reply: x", "", false, "reply"},
		{MAIL_AUTO, "auto-submitted", "x", "", true, "reply"},
		{MAIL_AUTO, "auto-submitted", "Backup done", "42 GB", false, "notification"},
		{MAIL_AUTO, "loop-mark", "Out of office", "", false, "notification"},
		{MAIL_BOUNCE, "bounce:daemon", "Out of office", "", false, "bounce"},
		{MAIL_FEEDBACK, "report:feedback-report", "x", "", false, "feedback"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct parsed_mail mail = {.class = cases[i].class,
						 .class_rule = str_from(cases[i].rule),
						 .subject = str_from(cases[i].subject),
						 .text = str_from(cases[i].text),
						 .in_reply_to = str_from(cases[i].answers ? "a@x" : "")};
		if (!str_eq(str_from(mail_kind_name(&mail)), str_from(cases[i].kind)))
			fail_msg("case %zu: %s, wanted %s", i, mail_kind_name(&mail), cases[i].kind);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(kinds)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
