/* Invitations, answers and contact cards in words; what is broken or hostile gives less, never more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/content_line.h"
#include "ingest/mail_summary.h"

#define EVENT(method, lines)                                                                               \
	"BEGIN:VCALENDAR\r\nMETHOD:" method "\r\nBEGIN:VTIMEZONE\r\nTZID:X\r\nDTSTART:19700101T000000\r\n" \
	"END:VTIMEZONE\r\nBEGIN:VEVENT\r\n" lines "END:VEVENT\r\nEND:VCALENDAR\r\n"

static const struct {
	const char *octets;
	const char *words; /* NULL: no calendar */
	bool answer;
} calendars[] = {
	{EVENT("REQUEST",
	       "SUMMARY:Project review\r\nDTSTART;TZID=Europe/Berlin:20261124T100000\r\n"
	       "DTEND;TZID=Europe/Berlin:20261124T110000\r\nLOCATION:Room 5\\, 2nd floor\r\n"
	       "ORGANIZER;CN=Jane Doe:mailto:jane@example.com\r\n"
	       "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:a@example.com\r\nATTENDEE:mailto:b@example.com\r\n"),
	 "Invitation: Project review, 2026-11-24 10:00 to 11:00 (Europe/Berlin), at Room 5, 2nd floor, from "
	 "Jane Doe "
	 "<jane@example.com>, 2 invited.",
	 false},
	{EVENT("REPLY", "SUMMARY:Project review\r\nDTSTART:20261124T090000Z\r\nDTEND:20261124T100000Z\r\n"
			"ATTENDEE;PARTSTAT=ACCEPTED;CN=\"Roe, Bob\":MAILTO:bob@example.com\r\n"),
	 "Calendar answer: Roe, Bob <bob@example.com> accepted Project review, 2026-11-24 09:00 to 10:00 "
	 "UTC.",
	 true},
	{EVENT("REPLY", "ATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.com\r\n"),
	 "Calendar answer: bob@example.com declined (no title).", true},
	{EVENT("REPLY", "SUMMARY:x\r\n"), "Calendar answer: somebody answers to x.", true},
	{EVENT("CANCEL", "SUMMARY:Party\r\nDTSTART;VALUE=DATE:20261231\r\nDTEND;VALUE=DATE:20270101\r\n"),
	 "Cancelled: Party, 2026-12-31 (all day).", false},
	{EVENT("PUBLISH", "SUMMARY:Fair\r\nDTSTART;VALUE=DATE:20280227\r\nDTEND;VALUE=DATE:20280301\r\n"
			  "RRULE:FREQ=YEARLY\r\n"),
	 "Calendar event: Fair, 2028-02-27 to 2028-02-29 (all day), repeated.", false},
	{EVENT("COUNTER", "SUMMARY:Lunch\r\nDTSTART:20261231T233000\r\nDTEND:20270101T003000\r\n"),
	 "Another time is proposed: Lunch, 2026-12-31 23:30 to 2027-01-01 00:30.", false},
	/* folded within a word, within a character, within an escape */
	{EVENT("REQUEST", "SUMM\r\n ARY:Gr\xc3\r\n \xbc\xc3\x9f\r\n\t e\\\r\n n now\r\n"),
	 "Invitation: Gr\xc3\xbc\xc3\x9f e now.", false},
	/* an alarm's words are not the event's; a second event is counted */
	{EVENT("REQUEST", "SUMMARY:One\r\nBEGIN:VALARM\r\nSUMMARY:Alarm\r\nEND:VALARM\r\nEND:VEVENT\r\n"
			  "BEGIN:VEVENT\r\nSUMMARY:Two\r\n"),
	 "Invitation: One; and 1 more.", false},
	{EVENT("REQUEST", "SUMMARY;LANGUAGE=\"a:b\":Quoted\r\nDTSTART:20261399T100000\r\nDTEND:later\r\n"),
	 "Invitation: Quoted.", false},
	{EVENT("REQUEST", "SUMMARY:a\x1b[31m\xe9\r\n"), "Invitation: a [31m\xc3\xa9.", false},
	{"BEGIN:VCALENDAR\nBEGIN:VTODO\nSUMMARY:Call back\nDUE:20261124T100000Z\nDTSTART:20261123T100000Z\n",
	 "Calendar event: Call back, 2026-11-23 10:00 to 2026-11-24 10:00 UTC.", false},
	{"BEGIN:VCALENDAR\nMETHOD:REPLY\nEND:VCALENDAR\n", NULL, false},
	{"END:VEVENT\nEND:VEVENT\nSUMMARY:x\n", NULL, false},
	{"", NULL, false},
};

static const struct {
	const char *octets;
	const char *words;
} cards[] = {
	{"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Jane Doe\r\nORG:Example\\, Ltd;Sales\r\nTITLE:Head\r\n"
	 "EMAIL;TYPE=work:jane@example.com\r\nTEL;VALUE=uri:tel:+44-20-7946-0000\r\nEND:VCARD\r\n",
	 "Contact card: Jane Doe, Head, Example, Ltd, jane@example.com, +44-20-7946-0000."},
	{"BEGIN:VCARD\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg;;\n"
	 "item1.EMAIL;INTERNET:j@example.com\nEND:VCARD\nBEGIN:VCARD\nFN:Other\nEND:VCARD\n",
	 "Contact card: J\xc3\xb6rg M\xc3\xbcller, j@example.com; and 1 more."},
	{"BEGIN:VCARD\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller\nEND:VCARD\n",
	 "Contact card: M\xc3\xbcller."},
	{"BEGIN:VCARD\nEND:VCARD\nFN:outside\n", "Contact card: (no name)."},
	{"FN:Nobody\n", NULL},
	{"", NULL},
};

static void check(struct strbuf *out, bool found, const char *words)
{
	assert_int_equal(found, words != NULL);
	assert_string_equal(out->ptr ? out->ptr : "", words ? words : "");
	strbuf_done(out);
}

static void calendars_in_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(calendars); i++) {
		struct strbuf out;
		bool answer = false;
		strbuf_init(&out, SUMMARY_MAX);
		bool found = calendar_summary(str_from(calendars[i].octets), &out, &answer);
		check(&out, found, calendars[i].words);
		assert_int_equal(answer, calendars[i].answer);
	}
}

static void cards_in_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cards); i++) {
		struct strbuf out;
		strbuf_init(&out, SUMMARY_MAX);
		bool found = contact_summary(str_from(cards[i].octets), &out);
		check(&out, found, cards[i].words);
	}
}

/* A megabyte in one line, a hundred thousand folds: short words, at once. */
static void hostile_lines(void **state)
{
	static const char head[] = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:";
	size_t size = 1 << 20;
	char *text = malloc(size);
	struct strbuf out;
	bool answer;

	(void)state;
	for (int folded = 0; folded < 2; folded++) {
		memset(text, 'x', size);
		memcpy(text, head, sizeof(head) - 1);
		for (size_t i = sizeof(head); folded && i + 1 < size; i += 8) {
			text[i] = '\n';
			text[i + 1] = ' ';
		}
		strbuf_init(&out, SUMMARY_MAX);
		assert_true(calendar_summary((struct str){text, size}, &out, &answer));
		assert_true(out.len > 200 && out.len < 300 && !out.overflow);
		strbuf_done(&out);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calendars_in_words),
		cmocka_unit_test(cards_in_words),
		cmocka_unit_test(hostile_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
