/*
 * Transfer decoding: the encodings as the RFCs say, and as mailers break them. Each case is decoded whole,
 * in the smallest buffer, and counted; all must agree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/mail_decode.h"

#define B MAIL_ENCODING_BASE64
#define Q MAIL_ENCODING_QP
#define U MAIL_ENCODING_UU
#define Y MAIL_ENCODING_YENC
#define I MAIL_ENCODING_IDENTITY

static const struct {
	enum mail_encoding encoding;
	struct str in, want;
} cases[] = {
	{B, STR_INIT("aGVsbG8gd29ybGQ="), STR_INIT("hello world")},
	{B, STR_INIT("aGVs\r\nbG8="), STR_INIT("hello")},
	{B,
	 STR_INIT("aGVsbG8="
		  "d29ybGQ="),
	 STR_INIT("helloworld")},                          /* inner padding */
	{B, STR_INIT("aGVsbG8"), STR_INIT("hello")},       /* missing padding */
	{B, STR_INIT("a!G*V s\tbG8="), STR_INIT("hello")}, /* garbage */
	{B, STR_INIT("aGVsbG8=\r\n____\r\nlist footer\r\n"), STR_INIT("hello")},
	{B, STR_INIT("aGVsbG8= ignored?\r\n"), STR_INIT("hello")},
	{B, STR_INIT("aGVsbG8= ignored\r\n"), STR_INIT("hello")},
	{B, STR_INIT("aGVsbG8=\r\nd29ybGQ="), STR_INIT("helloworld")},
	{B, STR_INIT("aGVsbG8=\r\n\r\nd29ybGQ=\r\n"), STR_INIT("helloworld")},
	{B, STR_INIT("===="), STR_INIT("")},
	{B, STR_INIT("a"), STR_INIT("")},
	{B, STR_INIT("AAAA"), STR_INIT("\0\0\0")},
	{B, STR_INIT(""), STR_INIT("")},
	{Q, STR_INIT("Gr=C3=BC=c3=9fe"),
	 STR_INIT("Gr\xc3\xbc\xc3\x9f"
		  "e")},
	{Q, STR_INIT("a=\r\nb=\nc= \t\r\nd"), STR_INIT("abcd")},
	{Q, STR_INIT("1=2 a=b ="), STR_INIT("1=2 a=b ")},
	{Q, STR_INIT("a=4"), STR_INIT("a=4")},
	{Q, STR_INIT("a=XYb=3D"), STR_INIT("a=XYb=")},
	{U, STR_INIT("begin 644 cat.txt\n#0V%T\n`\nend\n"), STR_INIT("Cat")},
	{U, STR_INIT("junk\r\nbegin 644 cat.txt\r\n#0V%T\r\n#0V%T"), STR_INIT("CatCat")},
	{U, STR_INIT("begin 644 x\nM0V%T\nend\n"), STR_INIT("Cat")}, /* a line cut short */
	{U, STR_INIT("no begin\n#0V%T\n"), STR_INIT("")},
	{Y,
	 STR_INIT(
		 "=ybegin line=128 size=3 name=cat.txt\r\n\x6d\x8b\r\n\x9e\r\n=yend size=3 crc32=0\r\nafter"),
	 STR_INIT("Cat")},
	{Y, STR_INIT("text\n=ybegin part=1 line=128 size=4 name=x\n=ypart begin=1 end=4\n=@=J=M=}\n=yend"),
	 STR_INIT("\xd6\xe0\xe3\x13")},
	{Y, STR_INIT("=ybegin name=x\n\x6d=nn="),
	 STR_INIT("C\x04"
		  "D\x13")}, /* an escape cut short */
	{Y, STR_INIT("no data\n=yend\n"), STR_INIT("")},
	{I, STR_INIT("a\0=41"), STR_INIT("a\0=41")},
};

static void tolerant_decoding(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct strbuf out;
		strbuf_init(&out, 1000);
		assert_true(mail_decode(cases[i].encoding, cases[i].in, &out));
		assert_int_equal(out.len, cases[i].want.len);
		if (out.len)
			assert_memory_equal(out.ptr, cases[i].want.ptr, out.len);
		assert_int_equal(mail_decode_size(cases[i].encoding, cases[i].in), out.len);
		strbuf_done(&out);
	}
}

static void small_buffers_change_nothing(void **state)
{
	(void)state;
	struct strbuf raw, whole, pieces;
	strbuf_init(&raw, 100000);
	for (int i = 0; i < 500; i++)
		strbuf_adds(&raw, i % 7 ? "QUJDREVGR0hJSktM\r\n" : "QUJDRA==\r\n");
	strbuf_init(&whole, 100000);
	assert_true(mail_decode(B, strbuf_str(&raw), &whole));
	strbuf_init(&pieces, 100000);
	struct mail_decoder decoder;
	char buf[MAIL_DECODER_MIN];
	size_t n;
	mail_decoder_init(&decoder, B, strbuf_str(&raw));
	while ((n = mail_decoder_next(&decoder, buf, sizeof(buf))) > 0)
		strbuf_add(&pieces, (struct str){buf, n});
	assert_int_equal(pieces.len, whole.len);
	assert_memory_equal(pieces.ptr, whole.ptr, whole.len);
	assert_int_equal(whole.len, 72 * 4 + 428 * 12);
	strbuf_done(&raw);
	strbuf_done(&whole);
	strbuf_done(&pieces);
}

static void a_full_buffer_cuts(void **state)
{
	(void)state;
	struct strbuf out;
	strbuf_init(&out, 3);
	assert_false(mail_decode(B, STR("aGVsbG8="), &out));
	assert_string_equal(out.ptr, "hel");
	strbuf_done(&out);
}

static void names_of_encodings(void **state)
{
	(void)state;
	assert_int_equal(mail_encoding_of(STR(" BASE64 ")), B);
	assert_int_equal(mail_encoding_of(STR("\"base64\"")), B);
	assert_int_equal(mail_encoding_of(STR("base64; x=y")), B);
	assert_int_equal(mail_encoding_of(STR("Quoted-Printable")), Q);
	assert_int_equal(mail_encoding_of(STR("x-uuencode")), U);
	assert_int_equal(mail_encoding_of(STR("8bit")), I);
	assert_int_equal(mail_encoding_of(STR("")), I);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tolerant_decoding),
		cmocka_unit_test(small_buffers_change_nothing),
		cmocka_unit_test(a_full_buffer_cuts),
		cmocka_unit_test(names_of_encodings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
