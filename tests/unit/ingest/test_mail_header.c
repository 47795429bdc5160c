/*
 * Header sections and what is read out of their values: encoded words, parameters, addresses, dates,
 * identifiers, in the shapes that mailers give them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/mail_address.h"
#include "ingest/mail_charset.h"
#include "ingest/mail_date.h"
#include "ingest/mail_header.h"
#include "ingest/mail_param.h"
#include "ingest/mail_word.h"

static void expect(size_t i, struct str got, const char *want)
{
	if (!str_eq(got, str_from(want)))
		fail_msg("case %zu: got \"%.*s\", want \"%s\"", i, STR_ARG(got), want);
}

static void encoded_words(void **state)
{
	(void)state;
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"plain text", "plain text"},
		{"=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"},
		{"=?UTF-8?b?R3LDvMOfZQ==?=", "Grüße"},
		{"=?utf-8?B?aGVsbG8=?= =?utf-8?B?d29ybGQ=?=", "helloworld"},
		{"=?utf-8?B?aGVsbG8=?=  \t =?utf-8?Q?_world?= end", "hello world end"},
		{"=?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC=C3=9Fe?=", "Grüße"}, /* a character in two words */
		{"=?iso-8859-1?Q?=E4?= =?koi8-r?Q?=C1?=", "äа"},
		{"=?iso-2022-jp?B?GyRCRnwbKEI=?= =?iso-2022-jp?B?GyRCS1wbKEI=?=", "日本"},
		{"a=?utf-8?Q?b?=c", "abc"},             /* blanks missing */
		{"=?utf-8?Q?two words?=", "two words"}, /* blanks inside */
		{"=?utf-8?Q?a=3D?=", "a="},
		{"=?utf-8?Q?=?= x", "x"},
		{"=?utf-8?Q?"
		 "?= x",
		 "x"},
		{"=?utf-8*en?Q?a?=", "a"},
		{"=?iso-8859-1?Q?=80?=", "€"},
		{"=?utf-8?Q?open =?utf-8?Q?b?=", "=?utf-8?Q?open b"}, /* one that does not end */
		{"=?utf-8?B?w6Q", "ä"},                               /* cut at the end of the field */
		{"=?utf-8?X?abc?=", "=?utf-8?X?abc?="},
		{"=?utf-8?Q?a", "a"},
		{"=?", "=?"},
		{"=?utf-8?", "=?utf-8?"},
		{"1 =? 2 ?= 3", "1 =? 2 ?= 3"},
		{"=?unknown?Q?a=C3=A4?=", "aä"},
		{"raw \xc3\xa4 octets", "raw ä octets"},
		{"line\x01 control\x7f", "line control"},
		{"=?utf-8?Q?a=0D=0ABcc:_x?=", "a  Bcc: x"},
	};
	struct arena arena;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str got;
		arena_init(&arena, 10000);
		assert_int_equal(mail_word_text(&arena, str_from(cases[i].in), STR(""), &got), 0);
		expect(i, got, cases[i].want);
		arena_done(&arena);
	}
}

static void parameters(void **state)
{
	(void)state;
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"a/b; name=plain.txt", "plain.txt"},
		{"a/b; name=\"quoted name.txt\"", "quoted name.txt"},
		{"a/b; NAME = x", "x"},
		{"a/b; name*=utf-8''%C3%A4.txt", "ä.txt"},
		{"a/b; name*=UTF-8'de'%C3%A4.txt; name=fallback.txt", "ä.txt"},
		{"a/b; name*0*=utf-8''%C3; name*1*=%A4; name*2=\".txt\"", "ä.txt"},
		{"a/b; name*1=b; name*0=a; name*2=c", "abc"},
		{"a/b; name*1=a; name*2=b", "ab"}, /* counted from one */
		{"a/b; name=\"=?utf-8?Q?=C3=A4.txt?=\"", "ä.txt"},
		{"a/b; name==?utf-8?Q?=C3=A4.txt?=", "ä.txt"},
		{"a/b; name*0=\"=?utf-8?Q?=C3\"; name*1=\"=A4.txt?=\"", "ä.txt"},
		{"a/b; name=no quotes but blanks.pdf; size=3", "no quotes but blanks.pdf"},
		{"a/b; name=\"never closed.txt", "never closed.txt"},
		{"a/b; name=\"C:\\docs\\file.txt\"", "C:\\docs\\file.txt"},
		{"a/b; name=\"say \\\"hi\\\".txt\"", "say \"hi\".txt"},
		{"a/b; other=\"x; name=wrong\"; name=right", "right"},
		{"a/b name=a;b", "a"}, /* the semicolon is missing */
		{"a/b; filename=x", NULL},
		{"a/b; name=", NULL},
		{"a/b;;; ; name=x;", "x"},
		{"a/b; name*=bad-charset-without-quotes.txt", "bad-charset-without-quotes.txt"},
		{"a/b; name=\xe4\xf6\xfc.txt", "äöü.txt"},
	};
	struct arena arena;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str got = STR("");
		arena_init(&arena, 20000);
		int r = mail_param(&arena, str_from(cases[i].in), STR("name"), STR("iso-8859-1"), &got);
		if ((r == 0) != (cases[i].want != NULL))
			fail_msg("case %zu: %d, \"%.*s\"", i, r, STR_ARG(got));
		if (cases[i].want)
			expect(i, got, cases[i].want);
		arena_done(&arena);
	}
}

static void raw_parameters(void **state)
{
	(void)state;
	struct arena arena;
	struct str got;

	arena_init(&arena, 20000);
	assert_int_equal(mail_param_raw(&arena, STR("a/b; boundary=\"=_x y\""), STR("boundary"), &got), 0);
	expect(0, got, "=_x y");
	assert_int_equal(mail_param_raw(&arena, STR("a/b; boundary=xy charset=z"), STR("boundary"), &got), 0);
	expect(1, got, "xy");
	assert_int_equal(
		mail_param_raw(&arena, STR("a/b; boundary*0=x; boundary*1=y"), STR("boundary"), &got), 0);
	expect(2, got, "xy");
	assert_true(mail_param_raw(&arena, STR("a/b"), STR("boundary"), &got) < 0);
	arena_done(&arena);
}

/* Mailboxes are shown as "name|address" parted by ";". */
static void addresses(void **state)
{
	(void)state;
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"jane@example.com", "|jane@example.com"},
		{"Jane Doe <Jane@EXAMPLE.com>", "Jane Doe|Jane@example.com"},
		{"\"Doe, Jane\" <jane@example.com>, b@c.d", "Doe, Jane|jane@example.com;|b@c.d"},
		{"Doe, Jane <jane@example.com>", "Doe, Jane|jane@example.com"},
		{"jane@example.com (Jane Doe)", "Jane Doe|jane@example.com"},
		{"(a (nested) one) jane@example.com", "a (nested) one|jane@example.com"},
		{"friends: a@b.c, Bob <b@c.d>;, e@f.g", "|a@b.c;Bob|b@c.d;|e@f.g"},
		{"undisclosed-recipients:;", ""},
		{"a: b: c: d@e.f", "|d@e.f"},
		{"<jane@example.com>", "|jane@example.com"},
		{"<<jane@example.com>>", "|jane@example.com"},
		{"Jane <jane@example.com", "Jane|jane@example.com"},
		{"Jane <jane@example.com, Bob <b@c.d>", "Jane|jane@example.com;Bob|b@c.d"},
		{"Jane jane@example.com", "Jane|jane@example.com"},
		{"<@a.b,@c.d:jane@example.com>", "|jane@example.com"},
		{"mailto:jane@example.com", "|jane@example.com"},
		{"<mailto:jane@example.com>", "|jane@example.com"},
		{"jane@example . com", "|jane@example.com"},
		{"pete(his account)@silly.test(his host)", "his account|pete@silly.test"},
		{"\"a b\"@example.com", "|\"a b\"@example.com"},
		{"\"<x@y.z>\" <jane@example.com>", "<x@y.z>|jane@example.com"},
		{"=?utf-8?Q?J=C3=BCrgen?= <j@x.y>", "Jürgen|j@x.y"},
		{"=?utf-8?Q?Doe=2C_Jane?= <j@x.y>, k@x.y", "Doe, Jane|j@x.y;|k@x.y"},
		{"=?utf-8?Q?Doe, Jane?= <j@x.y>", "Doe, Jane|j@x.y"},
		{"\"=?utf-8?Q?J=C3=BCrgen?=\" <j@x.y>", "Jürgen|j@x.y"},
		{"=?utf-8?Q?Jane_=3Cjane=40example.com=3E?=", "Jane|jane@example.com"},
		{"'jane@example.com' <jane@example.com>", "jane@example.com|jane@example.com"},
		{"J\xfcrgen <j@x.y>", "Jürgen|j@x.y"},
		{"a@b.c; d@e.f", "|a@b.c;|d@e.f"},
		{"a@b.c d@e.f", "|a@b.c;|d@e.f"},
		{"root", "root|"}, /* nobody that could be answered, but a name */
		{"Jane <jane>", "Jane|jane"},
		{"Doe, Jane", "Doe, Jane|"},
		{"root, jane@example.com", "|jane@example.com"},
		{"undisclosed recipients", "undisclosed recipients|"},
		{"list: root;", ""},
		{"Mail Delivery System <>", "Mail Delivery System|"},
		{"<>", ""},
		{"\"never closed <jane@example.com>", "never closed|jane@example.com"},
		{"(never closed jane@example.com", "never closed|jane@example.com"},
		{"a@b@c.d", "|a@b@c.d"},
		{"jane@b\xc3\xbc"
		 "cher.example",
		 "|jane@bücher.example"},
		{",,;,", ""},
		{"", ""},
		{"Evil \xe2\x80\xae <a@b.c>", "Evil|a@b.c"},
		{"jane@[192.0.2.1]", "|jane@[192.0.2.1]"},
		{"Jane <jane@[IPv6:2001:db8::1]>", "Jane|jane@[ipv6:2001:db8::1]"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena;
		struct strbuf shown;
		struct mail_mailboxes list = {0};
		arena_init(&arena, 30000);
		strbuf_init(&shown, 1000);
		assert_int_equal(
			mail_address_list(&arena, str_from(cases[i].in), STR("iso-8859-1"), 10, &list), 0);
		for (size_t k = 0; k < list.n; k++)
			strbuf_printf(&shown, "%s%.*s|%.*s", k ? ";" : "", STR_ARG(list.items[k].name),
				      STR_ARG(list.items[k].address));
		expect(i, strbuf_str(&shown), cases[i].want);
		strbuf_done(&shown);
		arena_done(&arena);
	}
}

static void addresses_have_a_limit(void **state)
{
	(void)state;
	struct arena arena;
	struct mail_mailboxes list = {0};

	arena_init(&arena, 30000);
	mail_address_list(&arena, STR("a@b,c@d,e@f"), STR(""), 2, &list);
	mail_address_list(&arena, STR("g@h"), STR(""), 3, &list);
	assert_int_equal(list.n, 3);
	expect(0, list.items[2].address, "g@h");
	arena_done(&arena);
}

static void what_stands_before_a_header_section(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		size_t want;
	} cases[] = {
		{"From: a@b.org\n", 0},
		{"\xef\xbb\xbf"
		 "From: a@b.org\n",
		 3},
		{"\n\r\n  \nSubject: x\n", 6},
		{"\xef\xbb\xbf\nReceived: x\n", 4},
		{"\xef\xbb\xbf"
		 "From a@b.org Mon Nov  2 10:00:00 2026\n",
		 3},
		{"\nX-Mailer: x\n", 1},
		/* a text */
		{"\nHello: world\n", 0},
		{"\nDear Jane,\n", 0},
		{"\xef\xbb\xbf\nDear Jane,\n", 3},
		{"\n\n", 0},
		{"", 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (mail_header_lead(str_from(cases[i].in), '\n') != cases[i].want)
			fail_msg("case %zu: %zu", i, mail_header_lead(str_from(cases[i].in), '\n'));
}

static void dates(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		int64_t want;
	} cases[] = {
		{"Mon, 2 Nov 2026 10:00:00 +0100", 1793610000},
		{"2 Nov 2026 10:00 +0100", 1793610000},
		{"Mon, 02 Nov 26 09:00:00 GMT", 1793610000},
		{"Mon, 2 Nov 2026 04:00:00 EST", 1793610000},
		{"Mon, 2 Nov 2026 10:00:00 +01:00", 1793610000},
		{"Mon, 2 Nov 2026 10:00:00 (CET) +0100", 1793610000},
		{"Mon, 2 Nov 2026 11:00:00 GMT+0200", 1793610000},
		{"Mon Nov  2 09:00:00 2026", 1793610000},
		{"2026-11-02T09:00:00Z", 1793610000},
		{"2026-11-02 10:00:00.123 +0100", 1793610000},
		{"02/11/2026 09:00", 1793610000},
		{"Mon, 2 November 2026 9:00:00 AM UTC", 1793610000},
		{"Mon, 2 Nov 2026 09:00:00 PM +1200", 1793610000},
		{"Fri, 21 Nov 1997 09:55:06 -0600", 880127706},
		{"Thu, 13 Feb 1969 23:32 -0330", 0},
		{"Mon, 2 Nov 2026 10:00:00 +9999", 1793613600},
		{"Mon, 31 Dec 2026 24:00:00 +0000", 1798761600},
		/* as systems name months in other languages */
		{"Mo, 2 Dez 2026 10:00:00 +0100", 1796202000},
		{"mar., 3 nov. 2026 10:00:00 +0100", 1793696400},
		{"mar., 3 mars 2026 10:00:00 +0100", 1772528400},
		{"jeu., 5 f\xc3\xa9vr. 2026 10:00:00 +0100", 1770282000},
		{"Di, 3 M\xe4r 2026 10:00:00 +0100", 1772528400},
		{"mi\xc3\xa9, 4 ago 2026 10:00:00 +0200", 1785830400},
		{"Mar 3 2026 09:00:00 GMT", 1772528400},
		/* who writes PM writes the month first */
		{"11/02/2026 09:00 AM", 1793610000},
		{"13/11/2026 09:00 AM", 1794560400},
		{"=?utf-8?Q?Mon,_2_Nov_2026_10:00:00_+0100?=", 1793610000},
		{"=?utf-8?", 0},
		{"soon", 0},
		{"", 0},
		{"2 Nov 99999999999999 10:00", 0},
		{"32 Nov 2026 10:00:00", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (mail_date_parse(str_from(cases[i].in)) != cases[i].want * 1000)
			fail_msg("case %zu: %lld", i,
				 (long long)(mail_date_parse(str_from(cases[i].in)) / 1000));
}

static void identifiers(void **state)
{
	(void)state;
	static const struct {
		const char *in, *want;
		size_t max;
	} cases[] = {
		{"<a@b>", "a@b", 5},
		{"<a@b> <c@d>\t<e@f>", "a@b,c@d,e@f", 5},
		{"<a@b><c@d>", "a@b,c@d", 5},
		{"<a@b> <c@d> <e@f> <g@h>", "a@b,g@h", 2}, /* the first and the nearest */
		{"a@b", "a@b", 5},
		{"a@b, \"c@d\"", "a@b,c@d", 5},
		{"Your message of Monday <a@b>", "a@b", 5},
		{"<broken id@host>", "brokenid@host", 5},
		{"<unclosed@x <a@b>", "unclosed@x,a@b", 5},
		{"<no-at>", "no-at", 5},
		{"<>", "", 5},
		{"garbage", "", 5},
		{"", "", 5},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena;
		struct strbuf shown;
		struct mail_strs ids = {0};
		arena_init(&arena, 10000);
		strbuf_init(&shown, 1000);
		assert_int_equal(mail_header_ids(&arena, str_from(cases[i].in), cases[i].max, &ids), 0);
		for (size_t k = 0; k < ids.n; k++)
			strbuf_printf(&shown, "%s%.*s", k ? "," : "", STR_ARG(ids.items[k]));
		expect(i, strbuf_str(&shown), cases[i].want);
		strbuf_done(&shown);
		arena_done(&arena);
	}
}

/* Fields are shown as "name=value" parted by "|", then what is left as body. */
static void header_sections(void **state)
{
	(void)state;
	static const struct {
		const char *in, *want;
		char eol;
	} cases[] = {
		{"A: b\r\nC:d\r\n\r\nbody", "A=b|C=d|/body", '\n'},
		{"A: b\nC : d\n\nbody", "A=b|C=d|/body", '\n'},
		{"A: b\r\n c\r\n\td\r\n\r\nbody", "A=b c\td|/body", '\n'},
		{"From jane Mon\nA: b\n\nbody", "A=b|/body", '\n'},
		{">From jane Mon\nA: b\n\nbody", "A=b|/body", '\n'},
		{"A: b\njunk\nC: d\n\nbody", "A=b|C=d|/body", '\n'},
		{"A: b\n__\n  more\nC: d\n\nbody", "A=b|C=d|/body", '\n'},
		{"A: b\nHello there,\nall is well.\n", "A=b|/Hello there,\nall is well.\n", '\n'},
		{"A: b\n--x\nC: d\n", "A=b|/--x\nC: d\n", '\n'},
		{"A: b\n \nbody", "A=b|/body", '\n'},
		{"A: b", "A=b|/", '\n'},
		{"\nbody", "/body", '\n'},
		{"no header at all\n", "/no header at all\n", '\n'},
		{"A: b\rC: d\r\rbody", "A=b|C=d|/body", '\r'},
		{"A:\n\nbody", "A=|/body", '\n'},
		{": b\nC: d\n\n", "C=d|/", '\n'},
		{"", "/", '\n'},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena;
		struct mail_header header;
		struct strbuf shown;
		struct str in = str_from(cases[i].in);
		arena_init(&arena, 10000);
		strbuf_init(&shown, 1000);
		mail_header_split(&arena, in, cases[i].eol, &mail_limits_default, &header);
		for (size_t k = 0; k < header.n; k++)
			strbuf_printf(&shown, "%.*s=%.*s|", STR_ARG(header.fields[k].name),
				      STR_ARG(header.fields[k].value));
		strbuf_printf(&shown, "/%.*s", STR_ARG(str_sub(in, header.size, in.len)));
		expect(i, strbuf_str(&shown), cases[i].want);
		strbuf_done(&shown);
		arena_done(&arena);
	}
}

static void header_limits(void **state)
{
	(void)state;
	struct mail_limits limits = mail_limits_default;
	struct arena arena;
	struct mail_header header;

	arena_init(&arena, 100000);
	limits.header_fields_max = 2;
	mail_header_split(&arena, STR("A: 1\nB: 2\nC: 3\n\nbody"), '\n', &limits, &header);
	assert_int_equal(header.n, 2);
	assert_true(header.limited);
	assert_int_equal(header.size, 16); /* the body is still found */
	limits = mail_limits_default;
	limits.header_field_max = 3;
	mail_header_split(&arena, STR("A: 123456\nB: 2\n\n"), '\n', &limits, &header);
	assert_true(header.cut && !header.limited);
	expect(0, header.fields[0].value, "12");
	limits = mail_limits_default;
	limits.header_max = 8;
	mail_header_split(&arena, STR("A: 1\nB: 2\nC: 3\n\n"), '\n', &limits, &header);
	assert_int_equal(header.n, 1);
	assert_true(header.limited);
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encoded_words),
		cmocka_unit_test(parameters),
		cmocka_unit_test(raw_parameters),
		cmocka_unit_test(addresses),
		cmocka_unit_test(addresses_have_a_limit),
		cmocka_unit_test(what_stands_before_a_header_section),
		cmocka_unit_test(dates),
		cmocka_unit_test(identifiers),
		cmocka_unit_test(header_sections),
		cmocka_unit_test(header_limits),
	};
	mail_charset_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
