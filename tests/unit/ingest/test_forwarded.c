/* Whose mail was forwarded by hand: blocks as mail programs write them in many languages, attached mails, and what is no
 * forward. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "ingest/forwarded.h"

struct example {
	const char *what, *subject, *text;
	const char *name, *address, *forwarded_subject; /* address NULL: it is no forward */
	const char *attached;
	bool attached_is_all;
};

static void check(const struct example *examples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct example *example = &examples[i];
		struct forwarded_facts facts = {.subject = str_from(example->subject),
						.text = str_from(example->text ? example->text : ""),
						.block = true,
						.attached = str_from(example->attached),
						.attached_is_all = example->attached_is_all};
		struct forwarded got;
		struct arena arena;
		arena_init(&arena, 4096);
		assert_int_equal(forwarded_read(&arena, &facts, &mail_limits_default, &got), 0);
		if (!str_eq(got.author.address, str_from(example->address)) ||
		    !str_eq(got.author.name, str_from(example->name)) ||
		    !str_eq(got.subject, str_from(example->forwarded_subject)))
			fail_msg("%s: \"%.*s\" <%.*s> \"%.*s\"", example->what, STR_ARG(got.author.name),
				 STR_ARG(got.author.address), STR_ARG(got.subject));
		arena_done(&arena);
	}
}

#define IS "Jane Doe", "jane@customer.example"

static void blocks_in_the_text(void **state UNUSED)
{
	static const struct example examples[] = {
		{"Gmail, en", "Fwd: Broken printer",
		 "Please take this one.\n\n---------- Forwarded message ---------\nFrom: Jane Doe "
		 "<jane@Customer.example>\nDate: Mon, 3 Nov 2025 at 10:15\nSubject: Broken printer\nTo: "
		 "<bob@acme.example>\n\n\nHello, it is broken.\n",
		 IS, "Broken printer", NULL, false},
		{"Gmail, en, subject rewritten", "Broken printer",
		 "---------- Forwarded message ----------\nFrom: Jane Doe <jane@customer.example>\nDate: "
		 "2025-11-03 10:15\nSubject: Broken printer\nTo: bob@acme.example\n\nHello\n",
		 IS, "Broken printer", NULL, false},
		{"Gmail, de", "Fwd: Drucker",
		 "---------- Forwarded message ---------\nVon: Jane Doe <jane@customer.example>\nDate: Mo., "
		 "3. "
		 "Nov. 2025 um 10:15 Uhr\nSubject: Drucker kaputt\nTo: <bob@acme.example>\n\nHallo\n",
		 IS, "Drucker kaputt", NULL, false},
		{"Gmail, fr", "Fwd: Imprimante",
		 "---------- Forwarded message ---------\nDe : Jane Doe <jane@customer.example>\nDate: lun. "
		 "3 "
		 "nov. 2025 à 10:15\nSubject: Imprimante\nTo: <bob@acme.example>\n\nBonjour\n",
		 IS, "Imprimante", NULL, false},
		{"Gmail, es", "Fwd: Impresora",
		 "---------- Forwarded message ---------\nDe: Jane Doe <jane@customer.example>\nDate: lun, 3 "
		 "nov "
		 "2025 a las 10:15\nSubject: Impresora\nTo: <bob@acme.example>\n\nHola\n",
		 IS, "Impresora", NULL, false},
		{"Gmail, it", "Fwd: Stampante",
		 "---------- Forwarded message ---------\nDa: Jane Doe <jane@customer.example>\nDate: lun 3 "
		 "nov "
		 "2025 alle ore 10:15\nSubject: Stampante\nTo: <bob@acme.example>\n\nCiao\n",
		 IS, "Stampante", NULL, false},
		{"Gmail, nl", "Fwd: Printer",
		 "---------- Forwarded message ---------\nVan: Jane Doe <jane@customer.example>\nDate: ma 3 "
		 "nov "
		 "2025 om 10:15\nSubject: Printer\nTo: <bob@acme.example>\n\nHallo\n",
		 IS, "Printer", NULL, false},
		{"Gmail, pt", "Fwd: Impressora",
		 "---------- Forwarded message ---------\nDe: *Jane Doe* <jane@customer.example>\nDate: "
		 "seg., 3 "
		 "de nov. de 2025 às 10:15\nSubject: Impressora\nTo: <bob@acme.example>\n\nOlá\n",
		 IS, "Impressora", NULL, false},
		{"Gmail, sv", "Fwd: Skrivare",
		 "---------- Forwarded message ---------\nFrån: Jane Doe <jane@customer.example>\nDate: mån "
		 "3 "
		 "nov. 2025 kl 10:15\nSubject: Skrivare\nTo: <bob@acme.example>\n\nHej\n",
		 IS, "Skrivare", NULL, false},
		{"Gmail, zh", "Fwd: 打印机",
		 "---------- Forwarded message ---------\n发件人： Jane Doe <jane@customer.example>\nDate: "
		 "2025年11月3日周一 10:15\nSubject: 打印机坏了\nTo: <bob@acme.example>\n\n您好\n",
		 IS, "打印机坏了", NULL, false},
		{"Outlook, en", "FW: Broken printer",
		 "Yours, I think.\n\nFrom: Jane Doe <jane@customer.example>\nSent: Monday, November 3, 2025 "
		 "10:15 "
		 "AM\nTo: Bob <bob@acme.example>\nSubject: Broken printer\n\nHello\n",
		 IS, "Broken printer", NULL, false},
		{"Outlook, en, old, mailto in brackets", "FW: Broken printer",
		 "-----Original Message-----\nFrom: Jane Doe [mailto:jane@customer.example]\nSent: Monday, "
		 "November 3, 2025 10:15 AM\nTo: Bob\nSubject: Broken printer\n\nHello\n",
		 IS, "Broken printer", NULL, false},
		{"Outlook, en, the text of its HTML", "Fw: Broken printer",
		 "________________________________\n*From:* Jane Doe "
		 "<jane@customer.example<mailto:jane@customer.example>>\n*Sent:* Monday, November 3, "
		 "2025\n*To:* "
		 "Bob <bob@acme.example>\n*Subject:* Broken printer\n\nHello\n",
		 IS, "Broken printer", NULL, false},
		{"Outlook, de", "WG: Drucker kaputt",
		 "Bitte übernehmen.\n\nVon: Jane Doe <jane@customer.example>\nGesendet: Montag, 3. November "
		 "2025 "
		 "10:15\nAn: Bob <bob@acme.example>\nBetreff: Drucker kaputt\n\nHallo\n",
		 IS, "Drucker kaputt", NULL, false},
		{"Outlook, fr", "TR: Imprimante",
		 "De : Jane Doe <jane@customer.example>\nEnvoyé : lundi 3 novembre 2025 10:15\nÀ : Bob "
		 "<bob@acme.example>\nObjet : Imprimante en panne\n\nBonjour\n",
		 IS, "Imprimante en panne", NULL, false},
		{"Outlook, es", "RV: Impresora",
		 "De: Jane Doe <jane@customer.example>\nEnviado el: lunes, 3 de noviembre de 2025 "
		 "10:15\nPara: "
		 "Bob <bob@acme.example>\nAsunto: Impresora rota\n\nHola\n",
		 IS, "Impresora rota", NULL, false},
		{"Outlook, it", "I: Stampante",
		 "Da: Jane Doe <jane@customer.example>\nInviato: lunedì 3 novembre 2025 10:15\nA: Bob "
		 "<bob@acme.example>\nOggetto: Stampante rotta\n\nBuongiorno\n",
		 IS, "Stampante rotta", NULL, false},
		{"Outlook, nl", "FW: Printer",
		 "Van: Jane Doe <jane@customer.example>\nVerzonden: maandag 3 november 2025 10:15\nAan: Bob "
		 "<bob@acme.example>\nOnderwerp: Printer stuk\n\nHallo\n",
		 IS, "Printer stuk", NULL, false},
		{"Outlook, pt", "ENC: Impressora",
		 "De: Jane Doe <jane@customer.example>\nEnviada em: segunda-feira, 3 de novembro de 2025 "
		 "10:15\nPara: Bob <bob@acme.example>\nAssunto: Impressora quebrada\n\nOlá\n",
		 IS, "Impressora quebrada", NULL, false},
		{"Outlook, sv", "VB: Skrivare",
		 "Från: Jane Doe <jane@customer.example>\nSkickat: den 3 november 2025 10:15\nTill: Bob "
		 "<bob@acme.example>\nÄmne: Skrivaren är trasig\n\nHej\n",
		 IS, "Skrivaren är trasig", NULL, false},
		{"Outlook, da", "VS: Printer",
		 "Fra: Jane Doe <jane@customer.example>\nSendt: 3. november 2025 10:15\nTil: Bob "
		 "<bob@acme.example>\nEmne: Printer i stykker\n\nHej\n",
		 IS, "Printer i stykker", NULL, false},
		{"Outlook, zh", "转发: 打印机",
		 "发件人: Jane Doe <jane@customer.example>\n发送时间: 2025年11月3日 10:15\n收件人: Bob "
		 "<bob@acme.example>\n主题: 打印机坏了\n\n您好\n",
		 IS, "打印机坏了", NULL, false},
		{"QQ Mail", "转发：打印机",
		 "------------------ 原始邮件 ------------------\n发件人: \"张三\" "
		 "<zhang@customer.example>;\n发送时间: "
		 "2025年11月3日(星期一) 上午10:15\n收件人: \"Bob\"<bob@acme.example>;\n主题: "
		 "打印机坏了\n\n您好\n",
		 "张三", "zhang@customer.example", "打印机坏了", NULL, false},
		{"Apple Mail, en", "Fwd: Broken printer",
		 "Begin forwarded message:\n\nFrom: Jane Doe <jane@customer.example>\nSubject: Broken "
		 "printer\nDate: 3 November 2025 at 10:15:00 CET\nTo: bob@acme.example\n\nHello\n",
		 IS, "Broken printer", NULL, false},
		{"Apple Mail, en, plain text", "Fwd: Broken printer",
		 "See below\n\n> Begin forwarded message:\n> \n> From: Jane Doe <jane@customer.example>\n",
		 NULL, NULL, NULL, NULL, false},
		{"Apple Mail, en, the block quoted", "Fwd: Broken printer",
		 "See below\n\nBegin forwarded message:\n\n> From: Jane Doe <jane@customer.example>\n> "
		 "Subject: "
		 "Broken printer\n> Date: 3 November 2025 at 10:15:00 CET\n> To: bob@acme.example\n> \n> "
		 "Hello\n",
		 IS, "Broken printer", NULL, false},
		{"Apple Mail, de", "Fwd: Drucker",
		 "Anfang der weitergeleiteten Nachricht:\n\nVon: Jane Doe <jane@customer.example>\nBetreff: "
		 "Drucker kaputt\nDatum: 3. November 2025 um 10:15:00 MEZ\nAn: bob@acme.example\n\nHallo\n",
		 IS, "Drucker kaputt", NULL, false},
		{"Apple Mail, fr", "Fwd: Imprimante",
		 "Début du message réexpédié :\n\nDe: Jane Doe <jane@customer.example>\nObjet: "
		 "Imprimante\nDate: 3 "
		 "novembre 2025 à 10:15:00 UTC+1\nÀ: bob@acme.example\n\nBonjour\n",
		 IS, "Imprimante", NULL, false},
		{"Thunderbird, en", "Fwd: Broken printer",
		 "-------- Forwarded Message --------\nSubject: \tBroken printer\nDate: \tMon, 3 Nov 2025 "
		 "10:15:00 "
		 "+0100\nFrom: \tJane Doe <jane@customer.example>\nTo: \tbob@acme.example\n\n\n\nHello\n",
		 IS, "Broken printer", NULL, false},
		{"Thunderbird, de", "Fwd: Drucker",
		 "-------- Weitergeleitete Nachricht --------\nBetreff: \tDrucker kaputt\nDatum: \tMon, 3 "
		 "Nov 2025 "
		 "10:15:00 +0100\nVon: \tJane Doe <jane@customer.example>\nAn: \tbob@acme.example\n\nHallo\n",
		 IS, "Drucker kaputt", NULL, false},
		{"Thunderbird, fr", "Fwd: Imprimante",
		 "-------- Message transféré --------\nSujet : \tImprimante\nDate : \tMon, 3 Nov 2025 "
		 "10:15:00\nDe : \tJane Doe <jane@customer.example>\nPour : \tbob@acme.example\n\nBonjour\n",
		 IS, "Imprimante", NULL, false},
		{"Thunderbird, es", "Fwd: Impresora",
		 "-------- Mensaje reenviado --------\nAsunto: \tImpresora\nFecha: \tMon, 3 Nov 2025\nDe: "
		 "\tJane "
		 "Doe <jane@customer.example>\nPara: \tbob@acme.example\n\nHola\n",
		 IS, "Impresora", NULL, false},
		{"Yahoo", "Fw: Broken printer",
		 "   ----- Forwarded Message ----- From: Jane Doe <jane@customer.example>To: Bob\n----- "
		 "Forwarded "
		 "Message -----\nFrom: Jane Doe <jane@customer.example>\nTo: \"bob@acme.example\" "
		 "<bob@acme.example>\nSent: Monday, November 3, 2025, 10:15 AM\nSubject: Broken "
		 "printer\n\nHello\n",
		 IS, "Broken printer", NULL, false},
		{"Lotus Notes", "Fw: Broken printer",
		 "----- Forwarded by Bob Agent/ACME on 03.11.2025 10:20 -----\n\nFrom:\tJane Doe "
		 "<jane@customer.example>\nTo:\tbob@acme.example\nDate:\t03.11.2025 10:15\nSubject:\tBroken "
		 "printer\n\nHello\n",
		 IS, "Broken printer", NULL, false},
		{"the address wrapped", "Fwd: Broken printer",
		 "---------- Forwarded message ---------\nFrom: Jane Doe\n<jane@customer.example>\nDate: "
		 "Mon, 3 Nov "
		 "2025\nSubject: Broken printer\n\nHello\n",
		 IS, "Broken printer", NULL, false},
		{"the name quoted, with a comma", "Fwd: Broken printer",
		 "---------- Forwarded message ---------\nFrom: \"Doe, Jane\" "
		 "<jane@customer.example>\nSubject: "
		 "Broken printer\n\nHello\n",
		 "Doe, Jane", "jane@customer.example", "Broken printer", NULL, false},
		{"an address alone", "Fwd: Broken printer",
		 "---------- Forwarded message ---------\nFrom: <jane@customer.example>\nSubject: "
		 "\n\nHello\n",
		 "", "jane@customer.example", "", NULL, false},
		{"behind a tag of the company's", "[EXTERNAL] FW: Broken printer",
		 "From: Jane Doe <jane@customer.example>\nSent: Monday\nTo: Bob\nSubject: Broken "
		 "printer\n\nHello\n",
		 IS, "Broken printer", NULL, false},
		{"forwarded twice: the outer one", "Fwd: Fwd: Broken printer",
		 "---------- Forwarded message ---------\nFrom: Carol <carol@acme.example>\nSubject: Fwd: "
		 "Broken "
		 "printer\n\n---------- Forwarded message ---------\nFrom: Jane Doe "
		 "<jane@customer.example>\nSubject: Broken printer\n\nHello\n",
		 "Carol", "carol@acme.example", "Fwd: Broken printer", NULL, false},
		{"with an attribution", "Fwd: Broken printer",
		 "Please help\n\nOn Mon, 3 Nov 2025 at 10:15, Jane Doe <jane@customer.example> wrote:\n\n> "
		 "Hello\n",
		 "", "jane@customer.example", "", NULL, false},
	};
	check(examples, ARRAY_SIZE(examples));
}

#define ATTACHED                                                                                    \
	"Return-Path: <x@y.example>\r\nFrom: =?utf-8?q?J=C3=A4ne_Doe?= <jane@customer.example>\r\n" \
	"Subject: Broken\r\n =?utf-8?q?pr=C3=AFnter?=\r\nTo: bob@acme.example\r\n\r\nHello\r\n"

static void attached_mails(void **state UNUSED)
{
	static char long_text[1200];
	memset(long_text, 'a', sizeof(long_text) - 1);
	const struct example examples[] = {
		{"forwarded as an attachment", "Fwd: Broken printer", "", "Jäne Doe", "jane@customer.example",
		 "Broken prïnter", ATTACHED, false},
		{"with a word to us", "WG: Drucker", "Bitte übernehmen.\n\nGruß, Bob", "Jäne Doe",
		 "jane@customer.example", "Broken prïnter", ATTACHED, false},
		{"the only attachment", "a ticket for you", "", "Jäne Doe", "jane@customer.example",
		 "Broken prïnter", ATTACHED, true},
		{"one of several, no forward", "see the attached mails", "Look", NULL, NULL, NULL, ATTACHED,
		 false},
		{"a text of their own", "Fwd: Broken printer", long_text, NULL, NULL, NULL, ATTACHED, true},
		{"without an author", "Fwd: x", "", NULL, NULL, NULL,
		 "Subject: x\r\n\r\nFrom: a@b.example\r\n", true},
		{"an author without an address", "Fwd: x", "", NULL, NULL, NULL, "From: nobody\r\n\r\n",
		 true},
		{"no header", "Fwd: x", "", NULL, NULL, NULL, "\r\n\r\n", true},
		{"the text comes first", "Fwd: x",
		 "---------- Forwarded message ---------\nFrom: Joe <joe@customer.example>\nSubject: y\n\nz",
		 "Joe", "joe@customer.example", "y", ATTACHED, true},
	};
	check(examples, ARRAY_SIZE(examples));
}

static void what_is_no_forward(void **state UNUSED)
{
	static const struct example examples[] = {
		{.what = "nothing", .subject = ""},
		{.what = "words", .subject = "Broken printer", .text = "It is broken.\n"},
		{.what = "the prefix alone", .subject = "Fwd: Broken printer", .text = "FYI\n"},
		{.what = "a reply with an attribution",
		 .subject = "Re: Broken printer",
		 .text = "Thanks\n\nOn Mon, 3 Nov 2025 at 10:15, Bob <bob@acme.example> wrote:\n> Hello\n"},
		{.what = "the same without a subject",
		 .subject = "",
		 .text = "Thanks\n\nOn Mon, 3 Nov 2025 at 10:15, Bob <bob@acme.example> wrote:\n> Hello\n"},
		{.what = "a reply of Outlook's",
		 .subject = "RE: Broken printer",
		 .text = "Thanks\n\nFrom: Bob <bob@acme.example>\nSent: Monday, November 3, 2025 10:15 "
			 "AM\nTo: Jane\n"
			 "Subject: Broken printer\n\nHello\n"},
		{.what = "a reply of German Outlook's to a forward",
		 .subject = "AW: WG: Drucker",
		 .text = "Danke\n\nVon: Bob <bob@acme.example>\nGesendet: Montag, 3. November 2025 "
			 "10:15\nAn: "
			 "Jane\nBetreff: WG: Drucker\n\nHallo\n"},
		{.what = "a Finnish reply",
		 .subject = "VS: Tulostin",
		 .text = "Kiitos\n\nLähettäjä: Bob <bob@acme.example>\nLähetetty: maanantai 3. marraskuuta "
			 "2025 "
			 "10:15\nVastaanottaja: Jane\nAihe: Tulostin\n\nHei\n"},
		{.what = "a reply that quotes a forward",
		 .subject = "Re: Fwd: Broken printer",
		 .text = "Thanks\n\nOn Mon, 3 Nov 2025 at 10:15, Bob <bob@acme.example> wrote:\n> ---------- "
			 "Forwarded message ---------\n> From: Jane Doe <jane@customer.example>\n> Subject: "
			 "x\n"},
		{.what = "a forward below another quote",
		 .subject = "Re: Fwd: Broken printer",
		 .text = "Thanks\n\n-----Original Message-----\nFrom: Bob <bob@acme.example>\nSent: "
			 "Monday\nTo: "
			 "Jane\nSubject: Fwd: x\n\n---------- Forwarded message ---------\nFrom: Jane Doe "
			 "<jane@customer.example>\nSubject: x\n"},
		{.what = "a form",
		 .subject = "Contact form",
		 .text = "From: jane@customer.example\nSubject: Broken printer\nMessage: it is broken\n"},
		{.what = "a name without an address",
		 .subject = "FW: Broken printer",
		 .text = "From: Jane Doe\nSent: Monday\nTo: Bob\nSubject: Broken printer\n\nHello\n"},
		{.what = "no address",
		 .subject = "FW: Broken printer",
		 .text = "From: Jane Doe <jane@>\nSent: Monday\nTo: Bob\nSubject: Broken printer\n\nHello\n"},
		{.what = "an address without a dot",
		 .subject = "FW: Broken printer",
		 .text = "From: Jane Doe <jane@localhost>\nSent: Monday\nTo: Bob\nSubject: x\n\nHello\n"},
		{.what = "a separator without a block",
		 .subject = "Fwd: x",
		 .text = "---------- Forwarded message ---------\nHello, I am "
			 "jane@customer.example\n\nbye\n"},
	};
	check(examples, ARRAY_SIZE(examples));
}

/* What the customer wrote, and what who forwards it wrote above. */
static void two_texts(void **state UNUSED)
{
	static const struct {
		const char *what, *text, *forwarded, *words;
	} cases[] = {
		{"Gmail",
		 "Please take this one.\n\n---------- Forwarded message ---------\nFrom: Jane Doe "
		 "<jane@customer.example>\nDate: Mon, 3 Nov 2025 at 10:15\nSubject: Broken\nTo: "
		 "<bob@acme.example>\n\n\nHello,\n\nit is broken.\n\n-- \nJane\n",
		 "Hello,\n\nit is broken.\n\n-- \nJane", "Please take this one."},
		{"Outlook, with a signature",
		 "FYI\n\nBob\n\nFrom: Jane Doe <jane@customer.example>\nSent: Monday, 3 November 2025 "
		 "10:15\nTo: "
		 "Bob <bob@acme.example>\nSubject: Broken\n\nHello\n",
		 "Hello", "FYI\n\nBob"},
		{"quoted by an attribution",
		 "Can you do that?\n\nOn 3 Nov 2025, at 10:15, Jane Doe <jane@customer.example> wrote:\n\n> "
		 "Hello\n"
		 ">\n>> older\n> Jane\n",
		 "Hello\n\n> older\nJane", "Can you do that?"},
		{"Apple, quoted, no words",
		 "Begin forwarded message:\n\n> From: Jane Doe <jane@customer.example>\n> Subject: Broken\n> "
		 "Date: 3 "
		 "November 2025 at 10:15:00 CET\n> To: bob@acme.example\n> \n> Hello\n",
		 "Hello", ""},
		{"a signature alone",
		 "-- \nBob\n\n-------- Weitergeleitete Nachricht --------\nBetreff: Drucker\nVon: Jane Doe "
		 "<jane@customer.example>\nAn: bob@acme.example\n\n\nHallo: kaputt.\n",
		 "Hallo: kaputt.", ""},
		{"the text begins at once",
		 "---------- Forwarded message ---------\nFrom: Jane Doe <jane@customer.example>\nSubject: "
		 "Broken\nTo: <bob@acme.example>,\n <eve@acme.example>\nIt is on fire.\nPlease "
		 "come.\n\nJane\n",
		 "It is on fire.\nPlease come.\n\nJane", ""},
		{"a text that looks like a block",
		 "---------- Forwarded message ---------\nFrom: Jane Doe <jane@customer.example>\nDate: 3 "
		 "November 2025\nSubject: Broken\nTo: <bob@acme.example>\n\nDate: 5 November\nSubject: order "
		 "77\nPlease deliver.\n",
		 "Date: 5 November\nSubject: order 77\nPlease deliver.", ""},
		{"a block with empty lines",
		 "---------- Forwarded message ---------\n\nFrom: Jane Doe <jane@customer.example>\n\nDate: "
		 "3 "
		 "November 2025\n\nSubject: Broken\n\nHello\n",
		 "Hello", ""},
		{"nothing below the block",
		 "Words.\n\n---------- Forwarded message ---------\nFrom: Jane Doe "
		 "<jane@customer.example>\nSubject: "
		 "Broken\n\n",
		 "", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct forwarded_facts facts = {.subject = STR("Fwd: Broken"),
						      .text = str_from(cases[i].text),
						      .block = true,
						      .attached = STR("")};
		struct forwarded got;
		struct arena arena;
		arena_init(&arena, 4096);
		assert_int_equal(forwarded_read(&arena, &facts, &mail_limits_default, &got), 0);
		assert_true(str_eq(got.author.address, STR("jane@customer.example")));
		if (!str_eq(got.text, str_from(cases[i].forwarded)) ||
		    !str_eq(got.words, str_from(cases[i].words)))
			fail_msg("%s: \"%.*s\" below \"%.*s\"", cases[i].what, STR_ARG(got.text),
				 STR_ARG(got.words));
		assert_false(got.attached);
		arena_done(&arena);
	}
}

static void hostile_sizes(void **state UNUSED)
{
	static const char *const pieces[] = {"From: ",
					     "@",
					     "a@b.c ",
					     "---------- Forwarded message ---------\n",
					     "> ",
					     "From:\n",
					     "Von: x\n",
					     "\n",
					     "From: \xe4\xb8\xad"};
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		size_t n = strlen(pieces[i]), size = 300 * 1024;
		char *text = xmalloc(size);
		for (size_t k = 0; k < size; k++)
			text[k] = pieces[i][k % n];
		struct forwarded_facts facts = {.subject = STR("Fwd: x"),
						.block = true,
						.text = {text, size},
						.attached = {text, size}};
		struct arena arena;
		struct forwarded got;
		arena_init(&arena, 4096);
		assert_int_equal(forwarded_read(&arena, &facts, &mail_limits_default, &got), 0);
		assert_true(got.author.name.len <= FORWARDED_NAME_MAX &&
			    got.subject.len <= FORWARDED_SUBJECT_MAX);
		arena_done(&arena);
		free(text);
	}
}

static void a_full_arena_is_said(void **state UNUSED)
{
	struct forwarded_facts facts = {
		.subject = STR("Fwd: x"),
		.text = STR(
			"---------- Forwarded message ---------\nFrom: Jane Doe <jane@customer.example>\n")};
	struct arena arena;
	struct forwarded got;
	arena_init(&arena, 24);
	assert_int_equal(forwarded_read(&arena, &facts, &mail_limits_default, &got), -ENOBUFS);
	assert_int_equal(got.author.address.len, 0);
	assert_non_null(got.author.name.ptr);
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_in_the_text), cmocka_unit_test(attached_mails),
		cmocka_unit_test(what_is_no_forward), cmocka_unit_test(two_texts),
		cmocka_unit_test(hostile_sizes),      cmocka_unit_test(a_full_arena_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
