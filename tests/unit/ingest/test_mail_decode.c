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
	/* a footer behind data without padding */
	{B, STR_INIT("aGVs\r\n-- \r\nusers list\r\n"), STR_INIT("hel")},
	{B, STR_INIT("aGVs\n_______\nusers\n"), STR_INIT("hel")},
	{B, STR_INIT("aGVs\n\nYou get this mail because you are on a list\nusers\n"), STR_INIT("hel")},
	{B, STR_INIT("aGVs\nusers@lists.example.org\nusers\n"), STR_INIT("hel")},
	/* garbage on lines of its own, and words before and between full lines */
	{B, STR_INIT("!!\naGVs\n!!!!\nbG8=\n"), STR_INIT("hello")},
	{B, STR_INIT("aGVs!!bG8="), STR_INIT("hello")},
	{B, STR_INIT("Here is the file:\nYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh\n"),
	 STR_INIT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")},
	{B, STR_INIT("aGVs\nscanned by a gateway\nYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh\n"),
	 STR_INIT("helaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")},
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

static void what_was_wrong(void **state)
{
	(void)state;
	static const struct {
		enum mail_encoding encoding;
		struct str in;
		unsigned want;
	} flaws[] = {
		{B, STR_INIT("aGVsbG8=\r\n"), 0},
		{B, STR_INIT("aGVs\r\nbG8h\r\n\r\n"), 0},
		{B, STR_INIT("aGVsbG8=\nd29ybGQ=\n"), 0},
		{B, STR_INIT("aGVs!!bG8="), MAIL_FLAW_FOREIGN},
		{B, STR_INIT("aGVsbG8"), MAIL_FLAW_CUT},
		{B, STR_INIT("aGVsb"), MAIL_FLAW_CUT},
		{B, STR_INIT("aGVsbG8=\n-- \nlist"), MAIL_FLAW_TRAILING},
		{B, STR_INIT("aGVs\n-- \nlist"), MAIL_FLAW_TRAILING},
		{B, STR_INIT("aGVsbG8= ignored?\r\n"), MAIL_FLAW_TRAILING},
		{Q, STR_INIT("a=3Db=\nc=20"), 0},
		{Q, STR_INIT("a="), 0}, /* a soft break */
		{Q, STR_INIT("a=4"), MAIL_FLAW_CUT},
		{Q, STR_INIT("a=4\r\n"), MAIL_FLAW_CUT},
		{Q, STR_INIT("a=XYb"), MAIL_FLAW_FOREIGN},
		{I, STR_INIT("a=4\0"), 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(flaws); i++) {
		struct strbuf out;
		unsigned got = 0;
		strbuf_init(&out, 1000);
		assert_true(mail_decode_told(flaws[i].encoding, flaws[i].in, &out, &got));
		if (got != flaws[i].want)
			fail_msg("case %zu: %u, not %u", i, got, flaws[i].want);
		strbuf_done(&out);
	}
}

static void plain_texts_that_say_base64(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		bool plain;
	} texts[] = {
		{"Hello, this is plain.\nYes.\n", true},
		{"Hello\n", true},
		{"Hello world\n", true},
		{"-- \nBob\n", true},
		{"aGVsbG8=\n", false},
		{"aGVs!!bG8=\n", false},
		{"aGVsbG8= ignored\n", false},
		{"!!!!\naGVsbG8=\n", false},
		{"aGVsbG8=\n-- \nusers list\n", false},
		{"A word before:\nYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh\n", false},
		{"", false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (mail_base64_is_plain(str_from(texts[i].in)) != texts[i].plain)
			fail_msg("case %zu", i);
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
	assert_int_equal(mail_encoding_of(STR("quoted_printable")), Q);
	assert_int_equal(mail_encoding_of(STR("quoted printable")), Q);
	assert_true(mail_encoding_known(STR("8Bit")));
	assert_true(mail_encoding_known(STR("\"binary\"; x")));
	assert_false(mail_encoding_known(STR("x-foo64")));
	assert_false(mail_encoding_known(STR("utf-8")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tolerant_decoding),           cmocka_unit_test(what_was_wrong),
		cmocka_unit_test(plain_texts_that_say_base64), cmocka_unit_test(small_buffers_change_nothing),
		cmocka_unit_test(a_full_buffer_cuts),          cmocka_unit_test(names_of_encodings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
