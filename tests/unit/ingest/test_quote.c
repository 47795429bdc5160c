/* What is new in a reply, as a table: separators in many languages, signatures, forwards, answers between. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "ingest/html_text.h"
#include "ingest/quote_tables.h"
#include "ingest/text_fold.h"

static void expect_new(const char *what, struct str text, const struct text_marks *marks, const char *subject,
		       const char *want)
{
	struct quote_facts facts = {.text = text, .subject = str_from(subject), .marks = marks};
	struct strbuf out;
	strbuf_init(&out, 1 << 20);
	assert_int_equal(quote_new_part(&facts, &out, NULL), 0);
	if (!str_eq(strbuf_str(&out), str_from(want)))
		fail_msg("%s\ngot:    \"%.*s\"\nwanted: \"%s\"", what, STR_ARG(strbuf_str(&out)), want);
	strbuf_done(&out);
}

static void separators_of_many_languages(void **state UNUSED)
{
	static const char *const separators[] = {
		"On Mon, 3 Nov 2025 at 10:15, Ann Example <ann@shop.example> wrote:",
		"On Mon, 3 Nov 2025 at 10:15, Ann Example\n<ann@shop.example> wrote:",
		"On Nov 3, 2025, at 10:15 AM, Ann <\nann@shop.example>\nwrote:",
		"On 11/3/2025 10:15 AM, Ann Example wrote:",
		"Am 03.11.2025 um 10:15 schrieb Ann Example:",
		"Am Mo., 3. Nov. 2025 um 10:15 Uhr schrieb Ann Example <\nann@shop.example>:",
		"Ann Example <ann@shop.example> schrieb am Mo., 3. Nov. 2025, 10:15:",
		"Le lun. 3 nov. 2025 à 10:15, Ann Example <ann@shop.example> a écrit :",
		"Le 03/11/2025 à 10:15, Ann Example a écrit\xc2\xa0:",
		"El lun, 3 nov 2025 a las 10:15, Ann Example (<ann@shop.example>) escribió:",
		"Il giorno lun 3 nov 2025 alle ore 10:15 Ann Example <ann@shop.example> ha scritto:",
		"Em seg., 3 de nov. de 2025 às 10:15, Ann Example <ann@shop.example> escreveu:",
		"Op ma 3 nov 2025 om 10:15 schreef Ann Example <ann@shop.example>:",
		"Op 3 nov. 2025, om 10:15 heeft Ann Example <ann@shop.example> het volgende geschreven:",
		"Den mån 3 nov. 2025 kl 10:15 skrev Ann Example <ann@shop.example>:",
		"Den man. 3. nov. 2025 kl. 10.15 skrev Ann Example <ann@shop.example>:",
		"man. 3. nov. 2025 kl. 10:15 skrev Ann Example <ann@shop.example>:",
		"ma 3. marrask. 2025 klo 10.15 Ann Example (ann@shop.example) kirjoitti:",
		"pon., 3 lis 2025 o 10:15 Ann Example <ann@shop.example> napisał(a):",
		"W dniu 3.11.2025 o 10:15, Ann Example pisze:",
		"po 3. 11. 2025 v 10:15 odesílatel Ann Example <ann@shop.example> napsal:",
		"po 3. 11. 2025 o 10:15 Ann Example <ann@shop.example> napísal(a):",
		"Ann Example <ann@shop.example> ezt írta (időpont: 2025. nov. 3., H, 10:15):",
		"уто, 3. нов 2025. у 10:15 Ана Петровић <ann@shop.example> је написао/ла:",
		"सोम, 3 नव॰ 2025 को 10:15 am बजे को Ann Kumar <ann@shop.example> ने लिखा:",
		"Missatge de Ann Puig <ann@shop.example> del dia dl., 3 de nov. 2025 a les 10:15:",
		"În lun., 3 nov. 2025 la 10:15, Ann Example <ann@shop.example> a scris:",
		"pon, 3. stu 2025. u 10:15 Ann Example <ann@shop.example> napisao je:",
		"пн, 3 нояб. 2025 г. в 10:15, Ann Example <ann@shop.example>:",
		"03.11.2025 10:15, Ann Example пишет:",
		"3 ноября 2025 г., 10:15:20, Ann Example <ann@shop.example> написал:",
		"пн, 3 лист. 2025 р. о 10:15 Ann Example <ann@shop.example> пише:",
		"На пн, 3.11.2025 г. в 10:15 Ann Example <ann@shop.example> написа:",
		"Στις Δευ 3 Νοε 2025 στις 10:15 π.μ., ο χρήστης Ann <ann@shop.example> έγραψε:",
		"Ann Example <ann@shop.example>, 3 Kas 2025 Pzt, 10:15 tarihinde şunu yazdı:",
		"בתאריך יום ב׳, 3 בנוב׳ 2025 ב-10:15 מאת Ann "
		"<ann@shop.example>:",
		"في الاثنين، 3 نوفمبر 2025 في 10:15 ص كتب Ann <ann@shop.example>:",
		"Vào Th 2, 3 thg 11, 2025 vào lúc 10:15 Ann <ann@shop.example> đã viết:",
		"Pada Sen, 3 Nov 2025 pukul 10.15 Ann Example <ann@shop.example> menulis:",
		"ในวันที่ จ. 3 พ.ย. 2025 เวลา 10:15 Ann <ann@shop.example> เขียนว่า:",
		"在 2025年11月3日 10:15，Ann <ann@shop.example> 写道：",
		"Ann Example <ann@shop.example> 於 2025年11月3日 週一 上午10:15寫道：",
		"2025年11月3日(月) 10:15 Ann Example <ann@shop.example>:",
		"2025년 11월 3일 (월) 오전 10:15, Ann <ann@shop.example>님이 작성:",
		"-----Original Message-----\nFrom: Ann\nSent: Monday\nTo: Bob\nSubject: x",
		"-----Ursprüngliche Nachricht-----",
		"----- Message d'origine -----",
		"-----Mensaje original-----",
		"-----Messaggio originale-----",
		"-----Mensagem original-----",
		"-----Oorspronkelijk bericht-----",
		"-----Oprindelig meddelelse-----",
		"-----Ursprungligt meddelande-----",
		"-----Alkuperäinen viesti-----",
		"-----Oryginalna wiadomość-----",
		"-----Původní zpráva-----",
		"-------- Исходное сообщение --------",
		"------------------ 原始邮件 ------------------",
		"-----Orijinal Mesaj-----",
		"________________________________\nFrom: Ann <ann@shop.example>\nSent: Monday\nTo: "
		"Bob\nSubject: x",
		"Von: Ann <ann@shop.example>\nGesendet: Montag\nAn: Bob\nBetreff: x",
		"De : Ann <ann@shop.example>\nEnvoyé : lundi\nÀ : Bob\nObjet : x",
		"De: Ann <ann@shop.example>\nEnviado el: lunes\nPara: Bob\nAsunto: x",
		"Da: Ann <ann@shop.example>\nInviato: lunedì\nA: Bob\nOggetto: x",
		"Van: Ann <ann@shop.example>\nVerzonden: maandag\nAan: Bob\nOnderwerp: x",
		"Från: Ann <ann@shop.example>\nSkickat: den 3\nTill: Bob\nÄmne: x",
		"Od: Ann <ann@shop.example>\nWysłano: poniedziałek\nDo: Bob\nTemat: x",
		"От: Ann <ann@shop.example>\nОтправлено: понедельник\nКому: Bob\nТема: x",
		"发件人: Ann <ann@shop.example>\n发送时间: 2025年11月3日\n收件人: Bob\n主题: x",
		"差出人: Ann <ann@shop.example>\n送信日時: 2025年11月3日\n宛先: Bob\n件名: x",
		"*From:* Ann <ann@shop.example>\n*Sent:* Monday\n*To:* Bob\n*Subject:* x",
		"##- Please type your reply above this line -##",
	};
	for (size_t i = 0; i < ARRAY_SIZE(separators); i++) {
		char *text =
			xasprintf("Thank you, it works.\n\n%s\n\nOld text.\nMore of it.\n", separators[i]);
		expect_new(separators[i], str_from(text), NULL, "Re: x", "Thank you, it works.");
		free(text);
		text = xasprintf("Thank you, it works.\r\n%s\r\n\r\n> Old text.\r\n> More of it.\r\n",
				 separators[i]);
		expect_new(separators[i], str_from(text), NULL, "Re: x", "Thank you, it works.");
		free(text);
	}
}

struct pair {
	const char *text, *want;
};

static void check(const struct pair *pairs, size_t n, const char *subject)
{
	for (size_t i = 0; i < n; i++)
		expect_new(pairs[i].text, str_from(pairs[i].text), NULL, subject, pairs[i].want);
}

#define WROTE "On Mon, 3 Nov 2025 at 10:15, Ann <ann@shop.example> wrote:\n"

static void shapes_of_replies(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{"", ""},
		{" \n\t\n", ""},
		{"just text", "just text"},
		{"a\n\n\n\nb\n\n", "a\n\nb"},
		/* below the quote */
		{WROTE "> old\n> older\n\nnew words", "new words"},
		/* nothing announces it, and it is answered */
		{"> old\n\nnew words", "> old\n\nnew words"},
		{"above\n> old\nbelow", "above\n> old\nbelow"},
		{"above\n> old", "above"},
		{"above\n" WROTE "> old\n\nbelow", "above\n\nbelow"},
		/* between: everything stays */
		{WROTE "> is it red?\n\nYes.\n\n> is it big?\n\nNo.\n",
		 "On Mon, 3 Nov 2025 at 10:15, Ann <ann@shop.example> wrote:\n> is it red?\n\nYes.\n\n> is "
		 "it big?\n\nNo."},
		/* a line that was wrapped out of the quote is no answer */
		{"ok\n" WROTE "> a line that is so long that some gateway on the way broke it and\nlost the "
		 "mark\n> more\n",
		 "ok"},
		/* only a quote: better all than nothing */
		{WROTE "> old", "On Mon, 3 Nov 2025 at 10:15, Ann <ann@shop.example> wrote:\n> old"},
		{"> all\n> quoted", "all\nquoted"},
		/* no separators, though they look a little like one */
		{"On my machine it fails.\nOn yours too?", "On my machine it fails.\nOn yours too?"},
		{"As the manual wrote:\npress the button", "As the manual wrote:\npress the button"},
		{"Meeting:\nDate: Monday\nTime: 10\nPlace: here",
		 "Meeting:\nDate: Monday\nTime: 10\nPlace: here"},
		{"I travel\nFrom: Berlin\nTo: Paris\nDate: 3 May",
		 "I travel\nFrom: Berlin\nTo: Paris\nDate: 3 May"},
		{"see\n>>> https://x.example <<<\nhere", "see\n>>> https://x.example <<<\nhere"},
		{"On the line it says x.\n\n" WROTE "> old", "On the line it says x."},
		/* the quote begins in the middle of a line */
		{"thanks On Mon, 3 Nov 2025 at 10:15, Ann <ann@shop.example> wrote:\n> old", "thanks"},
	};
	check(pairs, ARRAY_SIZE(pairs), "Re: x");
}

static void signatures_and_footers(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{"text\n\n-- \nJane Doe\nExample Ltd", "text"},
		{"text\n--\nJane", "text"},
		{"-- \nonly a signature", "--\nonly a signature"},
		{"text -- with dashes\nmore", "text -- with dashes\nmore"},
		{"a\n---\nb", "a\n---\nb"},
		/* wrapped so that the name stands alone above its address */
		{"text\n\nAnn Example\n<ann@shop.example> ezt írta (időpont: 2025. nov. 3., H, 10:15):\n> "
		 "old",
		 "text"},
		{"text\n\n王伟\n<ann@shop.example> 于2025年11月3日周一 10:15写道：\n\nold", "text"},
		{"text\n\nSent from my iPhone", "text"},
		{"text\n\nSent from my iPhone\n\n" WROTE "> old", "text"},
		{"text\n\nSent from my desk, which is brown.", "text\n\nSent from my desk, which is brown."},
		{"text\n\nGet Outlook for iOS<https://aka.example/o0ukef>", "text"},
		{"text\n\nVon meinem iPhone gesendet", "text"},
		{"text\n\nEnvoyé de mon iPhone", "text"},
		{"text\n\nEnviado desde mi iPhone", "text"},
		{"text\n\nInviato da iPhone", "text"},
		{"text\n\nVerstuurd vanaf mijn iPhone", "text"},
		{"text\n\nSkickat från min iPhone", "text"},
		{"text\n\nОтправлено с iPhone", "text"},
		{"text\n\nWysłane z iPhone'a", "text"},
		{"text\n\n发自我的iPhone", "text"},
		{"text\n\niPhoneから送信", "text"},
		{"text\n\n나의 iPhone에서 보냄", "text"},
		{"text\n\niPhone'umdan gönderildi", "text"},
		{"text\n\nThis e-mail and any attachments are confidential.\nDo not read it.", "text"},
		{"text\n\nKind regards,\nJane Doe\nExample Ltd", "text"},
		{"text\n\nThanks,\nJane", "text\n\nThanks,\nJane"},
		{"text\n\n-Jane Doe", "text"},
		{"list:\n\n-one", "list:\n\n-one"},
		{"text\n\n____________________\nusers mailing list\nusers@lists.example", "text"},
	};
	check(pairs, ARRAY_SIZE(pairs), "Re: x");
}

static void what_is_forwarded_stays(void **state UNUSED)
{
	static const char forwarded[] =
		"fyi\n\n---------- Forwarded message ---------\nFrom: Ann <ann@shop.example>\nTo: "
		"Bob\n\nbody\n--\nAnn";
	expect_new("forwarded", str_from(forwarded), NULL, "", forwarded);
	static const char copied[] =
		"please help\n\nFrom: Ann <ann@shop.example>\nSent: Monday\nTo: Bob\nSubject: x\n\nbody";
	expect_new("Fwd", str_from(copied), NULL, "Fwd: x", copied);
	expect_new("WG", str_from(copied), NULL, "WG: x", copied);
	expect_new("Re", str_from(copied), NULL, "Re: x", "please help");
	/* a web site's form is no quote */
	static const char form[] =
		"New message\n\nFrom: Ann <ann@shop.example>\nSubject: x\n\nWhere is my order?";
	expect_new("form", str_from(form), NULL, "Contact form", form);
	expect_new("short block", str_from(form), NULL, "Re: x", "New message");
	/* something forwarded inside what is quoted is quoted */
	expect_new("quoted forward",
		   STR("ok\n\n-----Original Message-----\n\nfyi\n\n---------- Forwarded message "
		       "----------\nFrom: x@y.example"),
		   NULL, "Re: x", "ok");
}

static void html_quotes_by_their_markup(void **state UNUSED)
{
	static const struct {
		const char *html, *subject, *want;
	} cases[] = {
		{"<p>new</p><div class=gmail_quote><div>Xy zzy:</div><blockquote "
		 "class=gmail_quote>old</blockquote></div>",
		 "Re: x", "new"},
		{"<p>new</p><div id=appendonsend></div><hr><div id=divRplyFwdMsg><b>Xyz:</b> "
		 "q</div><div>old<blockquote>o"
		 "</blockquote>older</div>",
		 "Re: x", "new"},
		{"<div>new</div><div class=moz-cite-prefix>whatever</div><blockquote "
		 "type=cite>old</blockquote>",
		 "", "new"},
		{"<div class=moz-cite-prefix>whatever</div><blockquote type=cite>old</blockquote><p>new</p>",
		 "Re: x", "new"},
		{"<p>new</p><div class=gmail_signature>-- <br>Jane<br>Example</div>", "", "new"},
		/* an indent is no quote */
		{"<p>my address:</p><blockquote>Main St 1</blockquote>", "new order",
		 "my address:\n\nMain St 1"},
		{"<p>new</p><blockquote>old</blockquote>", "Re: x", "new"},
		{"<p>new</p><blockquote>On Mon, 3 Nov 2025 at 10:15, Ann &lt;ann@x.example&gt; "
		 "wrote:<br>old</blockquote>",
		 "x", "new"},
		/* Gmail forwards in the same markup that it quotes in */
		{"fyi<div class=gmail_quote>---------- Forwarded message ---------<br>From: Ann "
		 "&lt;a@x.example&gt;<br>Su"
		 "bject: s<br><br>body</div>",
		 "Fwd: s",
		 "fyi\n---------- Forwarded message ---------\nFrom: Ann <a@x.example>\nSubject: s\n\nbody"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct strbuf text;
		struct text_marks marks;
		strbuf_init(&text, 1 << 20);
		assert_int_equal(html_to_text(str_from(cases[i].html), &text, &marks), 0);
		expect_new(cases[i].html, strbuf_str(&text), &marks, cases[i].subject, cases[i].want);
		strbuf_done(&text);
	}
}

static void the_verdict_says_what_was_done(void **state UNUSED)
{
	struct quote_verdict verdict;
	struct strbuf out;
	strbuf_init(&out, 1000);
	struct quote_facts facts = {.subject = STR("Re: x"),
				    .text = STR("text\n\n-- \nJane\n\n" WROTE "> old")};
	assert_int_equal(quote_new_part(&facts, &out, &verdict), 0);
	assert_true(str_eq(verdict.signature, STR("-- \nJane")));
	assert_true(verdict.quote_removed && !verdict.answers_between && !verdict.forward);
	strbuf_clear(&out);
	facts.text = STR(WROTE "> a?\n\nb\n\n> c?\n\nd");
	assert_int_equal(quote_new_part(&facts, &out, &verdict), 0);
	assert_true(verdict.answers_between && !verdict.quote_removed);
	strbuf_done(&out);
	strbuf_init(&out, 3);
	facts.text = STR("a\nlonger text");
	assert_int_equal(quote_new_part(&facts, &out, &verdict), -ENOBUFS);
	strbuf_done(&out);
}

/* No reply loses its words: whatever stands in it, something is shown. */
static void never_empty(void **state UNUSED)
{
	static const char *const lines[] = {"> q",
					    "On Mon, 3 Nov 2025 at 10:15, a@b.example wrote:",
					    "-- ",
					    "",
					    "x",
					    "From: a@b.example",
					    "Subject: x",
					    "-----Original Message-----",
					    "__",
					    "Sent from my iPhone",
					    "Kind regards,",
					    "-Jane"};
	const size_t n = ARRAY_SIZE(lines);
	for (size_t i = 0; i < n * n * n * n; i++) {
		char text[512];
		int len = snprintf(text, sizeof(text), "%s\n%s\n%s\n%s", lines[i % n], lines[i / n % n],
				   lines[i / n / n % n], lines[i / n / n / n]);
		struct str s = {text, (size_t)len};
		struct quote_facts facts = {.text = s};
		struct strbuf out;
		strbuf_init(&out, 4096);
		assert_int_equal(quote_new_part(&facts, &out, NULL), 0);
		if ((out.len == 0) != (str_trim(s).len == 0))
			fail_msg("nothing left of \"%s\"", text);
		strbuf_done(&out);
	}
}

static void folding(void **state UNUSED)
{
	static const struct pair pairs[] = {
		{"  On\tMon  ", "on mon"},
		{"ТЕМА：", "тема:"},
		{"L’Été À", "l'été à"},
		{"Ｒｅ：", "re:"},
		{"a\xe2\x80\x8b"
		 "b",
		 "ab"},
		{"İ", "i"},
		{"ΑΠ Ά", "απ ά"},
		{"\xff", "\xef\xbf\xbd"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		char buf[64];
		struct str got = {buf, text_fold(str_from(pairs[i].text), buf, sizeof(buf))};
		if (!str_eq(got, str_from(pairs[i].want)))
			fail_msg("\"%s\": \"%.*s\"", pairs[i].text, STR_ARG(got));
	}
	char small[3];
	assert_int_equal(text_fold(STR("aé\xc3\xa9"), small, sizeof(small)), 3);
	assert_int_equal(text_fold(STR("abéx"), small, sizeof(small)), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(separators_of_many_languages),
		cmocka_unit_test(shapes_of_replies),
		cmocka_unit_test(signatures_and_footers),
		cmocka_unit_test(what_is_forwarded_stays),
		cmocka_unit_test(html_quotes_by_their_markup),
		cmocka_unit_test(the_verdict_says_what_was_done),
		cmocka_unit_test(never_empty),
		cmocka_unit_test(folding),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
