/* What is written into header fields and bodies: exact octets for good values, and what is made of bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outbound/clean_text.h"
#include "outbound/mime_writer.h"

#define E_ACUTE "\xc3\xa9"
#define TEN     "0123456789"
#define FIFTY   TEN TEN TEN TEN TEN

static struct strbuf out;

static void want(const char *text)
{
	assert_false(out.overflow);
	assert_string_equal(strbuf_str(&out).ptr, text);
	strbuf_clear(&out);
}

static int setup(void **state)
{
	(void)state;
	strbuf_init(&out, 1024 * 1024);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	strbuf_done(&out);
	return 0;
}

static void test_clean(void **state)
{
	(void)state;
	static const struct {
		struct str in;
		const char *line, *text;
	} cases[] = {
		{STR_INIT(""), "", ""},
		{STR_INIT("  a \t b  "), "a b", "  a \t b  "},
		{STR_INIT("a\r\nBcc: x\rb\nc"), "a Bcc: x b c", "a\nBcc: x\nb\nc"},
		{STR_INIT("\n\na\r\n\r\nb\n"), "a b", "a\n\nb"},
		{STR_INIT("a\0b\x01\x1b[0mc\x7f"), "ab[0mc", "ab[0mc"},
		{STR_INIT("a\xc2\x85"
			  "b\xe2\x80\xa8"
			  "c\xe2\x80\xa9"
			  "d\x0b"
			  "e"),
		 "a b c d e", "a\nb\nc\nd\ne"},
		{STR_INIT("gpj.\xe2\x80\xae"
			  "exe\xe2\x81\xa6x\xef\xbb\xbf"),
		 "gpj.exex", "gpj.exex"},
		{STR_INIT("\xff"
			  "a\xc3"),
		 "\xef\xbf\xbd"
		 "a\xef\xbf\xbd",
		 "\xef\xbf\xbd"
		 "a\xef\xbf\xbd"},
		{STR_INIT("\xed\xa0\x80\xc0\xaf"),
		 "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
		 "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{STR_INIT("\xf0\x9f\x9a\xb2 \xe4\xbd\xa0"), "\xf0\x9f\x9a\xb2 \xe4\xbd\xa0",
		 "\xf0\x9f\x9a\xb2 \xe4\xbd\xa0"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(clean_line(cases[i].in, 1000, &out), 0);
		want(cases[i].line);
		assert_int_equal(clean_text(cases[i].in, 1000, &out), 0);
		want(cases[i].text);
	}
	clean_line(STR("ab" E_ACUTE "c"), 3, &out);
	want("ab");
	assert_int_equal(utf8_cut(STR("ab" E_ACUTE "c"), 3).len, 2);
	assert_int_equal(utf8_cut(STR("ab" E_ACUTE "c"), 4).len, 4);
}

static void test_subjects(void **state)
{
	(void)state;
	static const struct {
		struct str text;
		const char *want;
	} cases[] = {
		{STR_INIT("Re: [ACME-00042] Bent wheel"), "Subject: Re: [ACME-00042] Bent wheel\r\n"},
		{STR_INIT(""), "Subject:\r\n"},
		{STR_INIT("[ACME-00042] Caf" E_ACUTE " closed"),
		 "Subject: [ACME-00042] =?utf-8?Q?Caf=C3=A9?= closed\r\n"},
		/* the blank between two encoded words would be lost (RFC 2047 6.2), so it is inside of one */
		{STR_INIT(E_ACUTE " a " E_ACUTE), "Subject: =?utf-8?Q?=C3=A9_a_=C3=A9?=\r\n"},
		{STR_INIT("a =?utf-8?Q?=0D=0ABcc:?= b"),
		 "Subject: a =?utf-8?Q?=3D=3Futf-8=3FQ=3F=3D0D=3D0ABcc=3A=3F=3D?= b\r\n"},
		{STR_INIT("a\r\nBcc: x@y"), "Subject: a Bcc: x@y\r\n"},
		{STR_INIT("\xe5\x89\x8d\xe8\xbd\xae\xe5\xbc\xaf\xe6\x9b\xb2"),
		 "Subject: =?utf-8?B?5YmN6L2u5byv5puy?=\r\n"},
		{STR_INIT(FIFTY " " FIFTY), "Subject: " FIFTY "\r\n " FIFTY "\r\n"},
		{STR_INIT(FIFTY TEN TEN), "Subject: =?utf-8?Q?"
					  "0123456789012345678901234567890123456789012345678901234"
					  "?=\r\n =?utf-8?Q?567890123456789?=\r\n"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		mime_field_text(&out, "Subject", cases[i].text);
		want(cases[i].want);
	}
}

static void test_mailboxes(void **state)
{
	(void)state;
	static const struct {
		struct str name, address;
		const char *want;
	} cases[] = {
		{STR_INIT(""), STR_INIT("a@x.example"), "To: <a@x.example>\r\n"},
		{STR_INIT("Acme, Inc."), STR_INIT("a@x.example"), "To: \"Acme, Inc.\" <a@x.example>\r\n"},
		{STR_INIT("a\"b\\c"), STR_INIT("a@x.example"), "To: \"a\\\"b\\\\c\" <a@x.example>\r\n"},
		{STR_INIT("J" E_ACUTE "r<x@y>, \"z\""), STR_INIT("a@x.example"),
		 "To: =?utf-8?Q?J=C3=A9r=3Cx=40y=3E=2C_=22z=22?= <a@x.example>\r\n"},
		{STR_INIT("x\r\nBcc: y@z"), STR_INIT("a@x.example"), "To: \"x Bcc: y@z\" <a@x.example>\r\n"},
		{STR_INIT("x"), STR_INIT("a\r\n@x.example"), "To: \"x\" <a??@x.example>\r\n"},
		{STR_INIT(FIFTY), STR_INIT("a-long-local-part@x.example"),
		 "To: \"" FIFTY "\"\r\n <a-long-local-part@x.example>\r\n"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		mime_field_mailbox(&out, "To", cases[i].name, cases[i].address);
		want(cases[i].want);
	}
}

static void test_ids(void **state)
{
	(void)state;
	static const struct {
		struct str id;
		bool valid;
	} cases[] = {
		{STR_INIT("a@b"), true},
		{STR_INIT("a.b-c_d+e=f/g!h#$%&'*?^`{|}~@[127.0.0.1]"), true},
		{STR_INIT(""), false},
		{STR_INIT("a"), false},
		{STR_INIT("@b"), false},
		{STR_INIT("a@"), false},
		{STR_INIT("a@b@c"), false},
		{STR_INIT("a b@c"), false},
		{STR_INIT("a@b\r\nBcc: x"), false},
		{STR_INIT("a@b>,<c@d"), false},
		{STR_INIT("a\0@b"), false},
		{STR_INIT("a@b\xe2\x80\xa8"), false},
		{STR_INIT("\"a\"@b"), false},
		{STR_INIT(FIFTY FIFTY FIFTY FIFTY FIFTY "@b"), false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (mime_id_valid(cases[i].id) != cases[i].valid)
			fail_msg("case %zu", i);
	}
	const struct str ids[] = {STR(FIFTY "@a"), STR(FIFTY "@b"), STR("c@d")};
	mime_field_ids(&out, "References", ids, 3);
	want("References: <" FIFTY "@a>\r\n <" FIFTY "@b> <c@d>\r\n");
	mime_field_ids(&out, "References", ids, 0);
	assert_int_equal(out.len, 0);
}

static void test_files(void **state)
{
	(void)state;
	static const struct {
		struct str type, name;
		const char *want;
	} cases[] = {
		{STR_INIT("image/png"), STR_INIT("a b.png"),
		 "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n"
		 "Content-Disposition: attachment;\r\n filename=\"a b.png\"\r\n\r\nYWI=\r\n"},
		{STR_INIT("message/rfc822"), STR_INIT("\xe5\x89\x8d.eml"),
		 "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
		 "Content-Disposition: attachment;\r\n filename*=utf-8''%E5%89%8D.eml\r\n\r\nYWI=\r\n"},
		{STR_INIT("text/html; x=\"\r\nBcc: y\""), STR_INIT("a\"\r\nBcc: x\\"),
		 "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
		 "Content-Disposition: attachment;\r\n "
		 "filename*=utf-8''a%22%20Bcc%3A%20x%5C\r\n\r\nYWI=\r\n"},
		{STR_INIT(""), STR_INIT(""),
		 "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
		 "Content-Disposition: attachment\r\n\r\nYWI=\r\n"},
		{STR_INIT("a/b"), STR_INIT(FIFTY FIFTY ".pdf"),
		 "Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: "
		 "attachment;\r\n"
		 " filename*0*=utf-8''" FIFTY "0123;\r\n filename*1*=456789" TEN TEN TEN TEN
		 ".pdf\r\n\r\nYWI=\r\n"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		mime_file(&out, cases[i].type, cases[i].name, STR("ab"));
		want(cases[i].want);
	}
}

static void test_bodies(void **state)
{
	(void)state;
	static const struct {
		struct str in;
		const char *quoted_printable;
	} cases[] = {
		{STR_INIT(""), ""},
		{STR_INIT("a=b\n"), "a=3Db\r\n"},
		{STR_INIT("a \n\tb\t\n\nc"), "a=20\r\n\tb=09\r\n\r\nc\r\n"},
		{STR_INIT(E_ACUTE "\r\x01"), "=C3=A9=0D=01\r\n"},
		{STR_INIT(FIFTY FIFTY), FIFTY TEN TEN "01234=\r\n"
						      "56789" TEN TEN "\r\n"},
		{STR_INIT("=_mixed_1"), "=3D_mixed_1\r\n"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		mime_quoted_printable(&out, cases[i].in);
		want(cases[i].quoted_printable);
	}
	mime_base64(&out, STR("f"));
	want("Zg==\r\n");
	mime_base64(&out, STR("foobar"));
	want("Zm9vYmFy\r\n");
	mime_base64(&out, STR(FIFTY "0123456789"));
	want("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2\r\nNzg5\r\n");
	mime_text(&out, "plain", STR("a\nb"));
	want("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
	     "quoted-printable\r\n\r\na\r\nb\r\n");
	mime_text(&out, "plain", STR("\xe5\x89\x8d\n\xe5\x89\x8d\n"));
	want("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
	     "base64\r\n\r\n5YmNDQrliY0NCg==\r\n");
	mime_field(&out, "X-Test", STR("a\r\nb \xff"));
	want("X-Test: a??b ?\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_clean, setup, teardown),
		cmocka_unit_test_setup_teardown(test_subjects, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mailboxes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bodies, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
