/* Our own text coming back in replies, as a table of the ways in which mail programs change it; and hostile sizes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "ingest/quote_sent.h"

#define ANSWER_1                                                                                             \
	"Hello Jane,\n\nthank you for telling us about the broken printer. We looked at the log that you "   \
	"sent, and it shows that the paper tray was opened while a page was printed.\n\nPlease switch the "  \
	"printer off, take the tray out and put it back. Don't press the \"reset\" button before the light " \
	"is green.\n\nKind regards\nBob"
#define ANSWER_2                                                                                            \
	"Did you get the spare part that we sent on Monday? It should have come with a red label on top.\n" \
	"Which version of the driver is installed on the computer in your office?\n"                        \
	"Would Thursday morning at nine suit you for a visit of our technician?"
#define CHINESE                                                                                                                                            \
	"您好，感谢您联系我们的客户支持团队。我们已经检查了您发来的日志文件，发现打印机在打印过程中纸盒被" \
	"打开了。请关闭打印机电源，取出纸盒后重新装入，然后再次尝试打印。"

static const struct str sent[] = {
	STR_INIT(ANSWER_1), STR_INIT(ANSWER_2), STR_INIT(CHINESE), STR_INIT("Thank you for your help."),
	STR_INIT("Voilà la facture n° 4711 : merci de la régler avant le 3 décembre, s'il "
		 "vous plaît, et de nous prévenir quand c'est fait.")};

struct reply {
	const char *what, *text, *want; /* want NULL: nothing is set aside */
};

static void check(const struct reply *replies, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct strbuf out;
		strbuf_init(&out, 1 << 20);
		int r = quote_sent_set_aside(str_from(replies[i].text), sent, ARRAY_SIZE(sent), &out);
		if (r != (replies[i].want ? 1 : 0) || !str_eq(strbuf_str(&out), str_from(replies[i].want)))
			fail_msg("%s: %d\ngot:    \"%.*s\"\nwanted: \"%s\"", replies[i].what, r,
				 STR_ARG(strbuf_str(&out)), replies[i].want ? replies[i].want : "(nothing)");
		strbuf_done(&out);
	}
}

static void whole_quotes(void **state UNUSED)
{
	static const struct reply replies[] = {
		{"top-posting, no prefix, no attribution", "It works now, thanks!\n\n" ANSWER_1,
		 "It works now, thanks!"},
		{"bottom-posting, no prefix", ANSWER_1 "\n\nIt works now, thanks!", "It works now, thanks!"},
		{"prefixed and wrapped otherwise",
		 "Works.\n\n> Hello Jane,\n>\n> thank you for telling us about the broken\n> printer. We "
		 "looked at the log that you sent, and\n> it shows that the paper tray was opened while a\n> "
		 "page was printed.\n>\n> Please switch the printer off, take the tray out and put it back.\n"
		 "> Don't press the \"reset\" button before the light is green.\n>\n> Kind regards\n> Bob\n",
		 "Works."},
		{"indented, typographic quotes, no-break blanks",
		 "Works.\n\n    Hello Jane,\n\n    thank you for telling us about the broken "
		 "printer. We looked at the log that you sent, and it shows that the paper tray was opened\n"
		 "\t while a page was printed.\n\n    Please switch the printer off, take the tray out and "
		 "put it back. Don\xe2\x80\x99t press the \xe2\x80\x9creset\xe2\x80\x9d button before the "
		 "light is green.\n\n    Kind regards\n    Bob",
		 "Works."},
		{"attribution of a known language",
		 "Works.\n\nOn Mon, 3 Nov 2025 at 10:15, Bob <bob@acme.example> wrote:\n\n" ANSWER_1,
		 "Works."},
		{"attribution of a known language, wrapped",
		 "Works.\n\nAm 03.11.2025 um 10:15 schrieb Bob\n<bob@acme.example>:\n\n" ANSWER_1, "Works."},
		{"attribution of no language that we know",
		 "Works.\n\nQaStaHvIS 2025-11-03 10:15 Bob <bob@acme.example> ghItlh:\n\n" ANSWER_1,
		 "Works."},
		{"the same, wrapped",
		 "Works.\n\nQaStaHvIS 2025-11-03 10:15 Bob Example\n<bob@acme.example> ghItlh:\n\n" ANSWER_1,
		 "Works."},
		{"header block",
		 "Works.\n\n________________________________\nFrom: Bob <bob@acme.example>\nSent: Monday, 3 "
		 "November 2025 10:15\nTo: Jane Doe\nSubject: Re: printer\n\n" ANSWER_1,
		 "Works."},
		{"original message",
		 "Works.\n\n-----Original Message-----\nFrom: Bob\nSent: Monday\nTo: Jane\nSubject: "
		 "x\n\n" ANSWER_1,
		 "Works."},
		{"quoted twice, the older one deeper",
		 "Works.\n\nOn 4 Nov 2025 at 9:00, Bob <bob@acme.example> wrote:\n> Did you get the spare "
		 "part that we sent on Monday? It should have come with a red label on top.\n> Which version "
		 "of the driver is installed on the computer in your office?\n>\n> On 3 Nov 2025 at 9:00, "
		 "Bob <bob@acme.example> wrote:\n>> thank you for telling us about the broken printer. We "
		 "looked at\n>> the log that you sent, and it shows that the paper tray was opened\n>> while "
		 "a page was printed.\n",
		 "Works."},
		{"only a part of it",
		 "And now?\n\nPlease switch the printer off, take the tray out and put it back. Don't press "
		 "the \"reset\" button before the light is green.",
		 "And now?"},
		{"a short part, announced", "No.\n\nBob wrote on 3 Nov:\nDid you get the spare part", "No."},
		{"a short part, quoted", "No.\n\n> Did you get the spare part\n>\n", "No."},
		{"text, quote, signature", "Works.\n\n" ANSWER_1 "\n\n-- \nJane Doe, Acme",
		 "Works.\n\n--\nJane Doe, Acme"},
		{"links and pictures that HTML has",
		 "Works.\n\nDid you get the spare part <https://acme.example/x?y=1> that we sent on Monday? "
		 "[image: label.png] It should have come with a red label on top.\nWhich version of the "
		 "driver is installed on the computer in your office?",
		 "Works."},
		{"Chinese, wrapped anywhere",
		 "好的，已经修好了。\n\n您好，感谢您联系我们的客户支持团队。我们已经检查了您\n发来的日志文件"
		 "，"
		 "发现打印机在打印过程中纸盒被打开了。\n请关闭打印机电源，取出纸盒后重新装入，然后再次尝试打"
		 "印。",
		 "好的，已经修好了。"},
		{"Chinese, quoted",
		 "谢谢！\n\n在 2025年11月3日，客服 写道：\n> 请关闭打印机电源，取出纸盒后\n> "
		 "重新装入，然后再次尝试打印。",
		 "谢谢！"},
		{"French blanks before punctuation",
		 "C'est fait.\n\nVoilà la facture n°\xc2\xa0"
		 "4711\xc2\xa0: merci de la régler avant le 3 "
		 "décembre, s’il vous plaît,\net de nous prévenir quand c’est fait.",
		 "C'est fait."},
		{"a word that was damaged, quoted",
		 "Fait.\n\n> Voil? la facture n? 4711 : merci de la r?gler avant le 3\n> d?cembre, s'il vous "
		 "pla?t, et de nous pr?venir quand c'est fait.",
		 "Fait."},
		{"CRLF", "Works.\r\n\r\n> Did you get the spare part that we sent on Monday?\r\n", "Works."},
	};
	check(replies, ARRAY_SIZE(replies));
}

static void answers_between(void **state UNUSED)
{
	static const struct reply replies[] = {
		{"answers stay with what they answer; what comes after the last goes",
		 "> Did you get the spare part that we sent on Monday? It should have come with a red label "
		 "on top.\n\nYes, on Tuesday.\n\n> Which version of the driver is installed on the computer "
		 "in your office?\n> Would Thursday morning at nine suit you for a visit of our "
		 "technician?\n",
		 "> Did you get the spare part that we sent on Monday? It should have come with a red label "
		 "on top.\n\nYes, on Tuesday."},
		{"all of it when the last is answered too",
		 "> Did you get the spare part that we sent on Monday?\nYes.\n> Which version of the driver "
		 "is installed on the computer?\n1.2\n",
		 NULL},
		{"without any prefix",
		 "Did you get the spare part that we sent on Monday? It should have come with a red label on "
		 "top.\nYES\nWhich version of the driver is installed on the computer in your office?\nWould "
		 "Thursday morning at nine suit you for a visit of our technician?",
		 "Did you get the spare part that we sent on Monday? It should have come with a red label on "
		 "top.\nYES"},
		{"an answer in the line itself is never lost",
		 "Did you get the spare part that we sent on Monday? It should have come with a red label on "
		 "top. YES WE DID",
		 NULL},
		{"the thread below a reply is no answer between",
		 "Works.\n\nOn 4 Nov 2025 at 9:00, Bob <bob@acme.example> wrote:\n> Did you get the spare "
		 "part that we sent on Monday?\n\nOn 3 Nov 2025 at 9:00, Bob <bob@acme.example> wrote:\n> "
		 "thank you for telling us about the broken printer.\n",
		 "Works."},
	};
	check(replies, ARRAY_SIZE(replies));
}

static void what_stays(void **state UNUSED)
{
	static const struct reply replies[] = {
		{"nothing of ours", "Hello Bob,\n\nit still doesn't work. What now?", NULL},
		{"empty", "", NULL},
		{"blank", " \n\n\t\n", NULL},
		{"a phrase that anybody writes", "Thank you for your help.\n\nJane", NULL},
		{"the same sentence of ours within a text",
		 "The manual says: please switch the printer off, take the tray out and put it back.\nWe did "
		 "that already.",
		 NULL},
		{"one short sentence of ours, on purpose",
		 "Take the tray out and put it back.\n\nThat is what you wrote, and we did it.", NULL},
		{"nothing but a quote", "> Did you get the spare part that we sent on Monday?\n", NULL},
		{"nothing but a quote, with its attribution",
		 "On 4 Nov 2025 at 9:00, Bob <bob@acme.example> wrote:\n\n" ANSWER_1, NULL},
		{"somebody else's quote", "See below.\n\n> The moon is made of green cheese, they say.\n",
		 NULL},
		{"one sign is an answer", "\xf0\x9f\x91\x8d\n\n" ANSWER_1, "\xf0\x9f\x91\x8d"},
		{"a question mark is an answer", "?\n\n" ANSWER_1, "?"},
		{"a colon above words of their own", "My answer to that:\n\nno.", NULL},
		{"Chinese that anybody writes", "您好，感谢您的回复。\n打印机还是不能用。", NULL},
	};
	check(replies, ARRAY_SIZE(replies));
}

static struct str repeat(const char *piece, size_t size)
{
	char *text = xmalloc(size);
	size_t n = strlen(piece);
	for (size_t i = 0; i < size; i++)
		text[i] = piece[i % n];
	return (struct str){text, size};
}

/* Each is as dear as its length says: a square of it would take hours. */
static void hostile_sizes(void **state UNUSED)
{
	static const char *const pieces[] = {
		"word ",
		"word word word word word word word word\n",
		"a\n",
		"> \n",
		">a b\n",
		"x:\n",
		"\n",
		"中",
		"中\n",
		"[image:",
		"[",
		"http://",
		"On 3 Nov 2025, bob@acme.example wrote:\n",
		"\xff",
		"> word:\n",
		"h",
	};
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(pieces); k += i % 2 ? 5 : ARRAY_SIZE(pieces)) {
			struct str reply = repeat(pieces[i], QUOTE_SENT_TEXT_MAX + 77);
			struct str text = repeat(pieces[(i + k) % ARRAY_SIZE(pieces)], 200 * 1024);
			struct str texts[QUOTE_SENT_MAX + 1];
			for (size_t t = 0; t < ARRAY_SIZE(texts); t++)
				texts[t] = text;
			struct strbuf out;
			strbuf_init(&out, 1 << 20);
			int r = quote_sent_set_aside(reply, texts, ARRAY_SIZE(texts), &out);
			assert_in_range(r, 0, 1);
			assert_true(out.len <= reply.len);
			assert_true((r == 0) == (out.len == 0));
			strbuf_done(&out);
			free((char *)reply.ptr);
			free((char *)text.ptr);
		}
	}
}

/* The start is compared, the rest is theirs. */
static void a_reply_that_is_too_long(void **state UNUSED)
{
	struct str rest = repeat("their own words\n", QUOTE_SENT_TEXT_MAX);
	char *text = xasprintf("> Did you get the spare part that we sent on Monday?\n%.*s", STR_ARG(rest));
	struct strbuf out;
	strbuf_init(&out, 1 << 20);
	assert_int_equal(quote_sent_set_aside(str_from(text), sent, ARRAY_SIZE(sent), &out), 1);
	assert_true(str_eq(strbuf_str(&out), str_trim(rest)));
	strbuf_done(&out);
	strbuf_init(&out, 100);
	assert_int_equal(quote_sent_set_aside(str_from(text), sent, ARRAY_SIZE(sent), &out), -ENOBUFS);
	strbuf_done(&out);
	free(text);
	free((char *)rest.ptr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_quotes),
		cmocka_unit_test(answers_between),
		cmocka_unit_test(what_stays),
		cmocka_unit_test(hostile_sizes),
		cmocka_unit_test(a_reply_that_is_too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
