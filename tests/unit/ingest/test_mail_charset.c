/*
 * Charsets: labels in all spellings, supersets, labels that lie, detection, escapes, cuts. All output is
 * checked for valid UTF-8.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mailaddr.h"
#include "ingest/mail_charset.h"

static const struct {
	const char *label, *hint;
	struct str in, want;
} cases[] = {
	/* a Western label on what can't be Western; and on what can */
	{"iso-8859-1", "",
	 STR_INIT("\xc7\xe4\xf0\xe0\xe2\xf1\xf2\xe2\xf3\xe9\xf2\xe5\x2c\x20\xec\xee\xe9\x20\xe7\xe0\xea\xe0"
		  "\xe7\x20\xed\xe5\x20\xef\xf0\xe8\xf8\xb8\xeb\x2c\x20\xef\xee\xec\xee\xe3\xe8\xf2\xe5\x20"
		  "\xf0\xe0\xe7\xee\xe1\xf0\xe0\xf2\xfc\xf1\xff"),
	 STR_INIT("Здравствуйте, мой заказ не пришёл, помогите разобраться")},
	{"iso-8859-1", "", STR_INIT("\xc4\xd6\xdc \xe4\xf6\xfc\xdf"), STR_INIT("ÄÖÜ äöüß")},
	{"utf-32", "", STR_INIT("\xff\xfe\0\0G\0\0\0\xfc\0\0\0"), STR_INIT("Gü")},
	{"utf-32", "", STR_INIT("\0\0\xfe\xff\0\0\0G\0\0\0\xfc"), STR_INIT("Gü")},
	{"utf-32", "", STR_INIT("G\0\0\0\xfc\0\0\0"), STR_INIT("Gü")},
	{"utf-8", "", STR_INIT("Gr\xc3\xbc\xc3\x9f"), STR_INIT("Grüß")},
	{"utf-8", "", STR_INIT("\xef\xbb\xbfhi"), STR_INIT("hi")},
	{"utf-8", "", STR_INIT("\xc3\xa4\xc3\xb6\xc3\xbc \xff \xe2\x82"),
	 STR_INIT("äöü \xef\xbf\xbd \xef\xbf\xbd")},
	/* damaged UTF-8 stays UTF-8, EUC-JP under its name does not */
	{"utf-8", "", STR_INIT("y\xc3\xb6t\xc3\xa4 vaan \x8a\xe8\x81 \xad"),
	 STR_INIT("yötä vaan \xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd")},
	{"utf-8", "",
	 STR_INIT("\xa4\xb3\xa4\xce\xa4\xcf\xa4\xb3\xa4\xce\xa4\xcf\xa4\xb9\xa4\xdf\xa4\xde\xa4\xbb\xa4\xf3"),
	 STR_INIT("このはこのはすみません")},
	/* the label says UTF-8, the octets are windows-1252 */
	{"utf-8", "",
	 STR_INIT("Sch\xf6ne Gr\xfc\xdf"
		  "e aus M\xfcnchen"),
	 STR_INIT("Schöne Grüße aus München")},
	{"iso-8859-1", "", STR_INIT("\x93quoted\x94 \x80"), STR_INIT("“quoted” €")},
	{"us-ascii", "", STR_INIT("na\xefve"), STR_INIT("naïve")},
	{"latin1", "", STR_INIT("Gr\xc3\xbc\xc3\x9f"), STR_INIT("Grüß")}, /* bytes win */
	{"ISO8859_15", "", STR_INIT("\xa4"), STR_INIT("€")},
	{"cp-1251", "", STR_INIT("\xcf\xf0\xe8\xe2\xe5\xf2"), STR_INIT("Привет")},
	{"Windows-1251", "", STR_INIT("\xcf\xf0\xe8\xe2\xe5\xf2"), STR_INIT("Привет")},
	{"KOI8-R", "", STR_INIT("\xf0\xd2\xc9\xd7\xc5\xd4"), STR_INIT("Привет")},
	{"iso-8859-9", "", STR_INIT("\xfe\xfd\x80"), STR_INIT("şı€")},
	{"tis-620", "", STR_INIT("\xca\xc7\xd1\xca\xb4\xd5"), STR_INIT("สวัสดี")},
	{"ks_c_5601-1987", "", STR_INIT("\xbe\xc8\xb3\xe7 \x8c\x63"), STR_INIT("안녕 똠")}, /* CP949 only */
	{"shift_jis", "", STR_INIT("\x93\xfa\x96{ \x87\x40"), STR_INIT("日本 ①")},
	{"euc-jp", "", STR_INIT("\xc6\xfc\xcb\xdc \xad\xa1"), STR_INIT("日本 ①")},
	{"iso-2022-jp", "", STR_INIT("\033$BF|K\\\033(B ok"), STR_INIT("日本 ok")},
	{"iso-2022-jp", "", STR_INIT("\033$BF|K\\\nok"), STR_INIT("日本\nok")}, /* no way back */
	{"iso-2022-jp", "", STR_INIT("\033$B-!\033(I1\033(B"), STR_INIT("①ｱ")},
	{"", "", STR_INIT("\033$BF|K\\\033(B"), STR_INIT("日本")},
	{"gb2312", "", STR_INIT("\xc4\xe3\xba\xc3 \x81\x30\x81\x30"), STR_INIT("你好 \xc2\x80")},
	{"hz-gb-2312", "", STR_INIT("~{<:Ky2;~} a~~b"), STR_INIT("己所不 a~b")},
	{"big5", "", STR_INIT("\xa7\x41\xa6\x6e"), STR_INIT("你好")},
	{"utf-7", "", STR_INIT("Hi +AOQ-!"), STR_INIT("Hi ä!")},
	{"utf-16", "", STR_INIT("\xff\xfeh\0i\0"), STR_INIT("hi")},
	{"utf-16", "", STR_INIT("\xfe\xff\0h\0i"), STR_INIT("hi")},
	{"utf-16be", "", STR_INIT("\0h\0i"), STR_INIT("hi")},
	{"utf-16", "", STR_INIT("plain text"), STR_INIT("plain text")},
	{"utf-8*en", "", STR_INIT("\xc3\xa4"), STR_INIT("ä")},
	{"x-unheard-of", "", STR_INIT("Gr\xc3\xbc\xc3\x9f"), STR_INIT("Grüß")},
	{"", "koi8-r", STR_INIT("\xf0\xd2\xc9\xd7\xc5\xd4"), STR_INIT("Привет")}, /* the hint */
	{"", "", STR_INIT("a\0b"), STR_INIT("ab")},
	{"", "", STR_INIT(""), STR_INIT("")},
};

static void any_charset_becomes_utf8(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct strbuf out;
		strbuf_init(&out, 1000);
		mail_charset_to_utf8(str_from(cases[i].label), str_from(cases[i].hint), cases[i].in, &out);
		struct str got = strbuf_str(&out);
		if (!str_eq(got, cases[i].want))
			fail_msg("case %zu (%s): got \"%.*s\"", i, cases[i].label, STR_ARG(got));
		strbuf_done(&out);
	}
}

/* Longer texts without a label are told apart by their letters. */
static void unlabelled_text_is_detected(void **state)
{
	(void)state;
	static const char russian[] =
		"\xc7\xe4\xf0\xe0\xe2\xf1\xf2\xe2\xf3\xe9\xf2\xe5, \xec\xee\xe9 \xef\xf0\xe8\xed\xf2\xe5\xf0 "
		"\xe1\xee\xeb\xfc\xf8\xe5 \xed\xe5 \xef\xe5\xf7\xe0\xf2\xe0\xe5\xf2. "
		"\xcf\xee\xec\xee\xe3\xe8\xf2\xe5.";
	struct strbuf out;

	strbuf_init(&out, 1000);
	mail_charset_to_utf8(STR(""), STR(""), str_from(russian), &out);
	assert_string_equal(out.ptr, "Здравствуйте, мой принтер больше не печатает. Помогите.");
	strbuf_done(&out);
}

/* A subject or a name has a few octets above 0x7f, which the detector knows little about. */
static void short_text_is_what_people_write(void **state)
{
	(void)state;
	static const struct {
		const char *in, *want;
	} texts[] = {
		{"Se\xf1or", "Señor"},
		{"Jos\xe9", "José"},
		{"A\xf1o nuevo", "Año nuevo"},
		{"\xbfQu\xe9 pasa?", "¿Qué pasa?"},
		{"na\xefve", "naïve"},
		{"\xcele", "Île"},
		{"pi\xf9 o meno cos\xec", "più o meno così"},
		{"Don\x92t", "Don’t"},
		{"Servelo\x99 has a ticket for you", "Servelo™ has a ticket for you"},
		{"R\xfc"
		 "ckfrage zu Auftrag 4711",
		 "Rückfrage zu Auftrag 4711"},
		/* signs inside of words, and letters that the West has not, are another charset's letters */
		{"Reklamacja zam\xf3wienia \x96 b\xb3\xb9"
		 "d",
		 "Reklamacja zamówienia – błąd"},
		{"Sipari\xfe hakk\xfdnda soru", "Sipariş hakkında soru"},
		/* nobody writes controls */
		{"P\xf8\xedli\x9a \x9elu\x9dou\xe8k\xfd k\xf9\xf2", "Příliš žluťoučký kůň"},
		/* the capitals tell Windows from a Macintosh */
		{"\xd1\xf7\xb8\xf2 \xed\xe0 \xee\xef\xeb\xe0\xf2\xf3", "Счёт на оплату"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct strbuf out;
		strbuf_init(&out, 1000);
		mail_charset_to_utf8(STR(""), STR(""), str_from(texts[i].in), &out);
		assert_string_equal(out.ptr, texts[i].want);
		strbuf_done(&out);
	}
}

static void the_whole_mail_is_a_hint(void **state)
{
	(void)state;
	struct strbuf out;
	struct str guess = mail_charset_guess(
		STR("Subject: dotaz \xe8.\n\nDobr\xfd den, p\xf8\xedli\x9a \x9elu\x9dou\xe8k\xfd k\xf9\xf2 "
		    "\xfap\xecl \xef\xe1"
		    "belsk\xe9 \xf3"
		    "dy.\n"));

	assert_true(mail_charset_known(guess));
	strbuf_init(&out, 1000);
	mail_charset_to_utf8(STR(""), guess, STR("dotaz \xe8."), &out);
	assert_string_equal(out.ptr, "dotaz č.");
	strbuf_done(&out);
	assert_int_equal(mail_charset_guess(STR("plain")).len, 0);
	assert_int_equal(mail_charset_guess(STR("\xc3\xa4")).len, 0);
	assert_int_equal(mail_charset_guess(STR("")).len, 0);
}

static void every_label_converts(void **state)
{
	(void)state;
	static const char *const names[] = {
		"866",
		"iso-8859-2",
		"iso-8859-3",
		"iso-8859-4",
		"iso-8859-5",
		"iso-8859-6",
		"iso-8859-7",
		"iso-8859-8",
		"iso-8859-8-i",
		"iso-8859-10",
		"iso-8859-13",
		"iso-8859-14",
		"iso-8859-15",
		"iso-8859-16",
		"koi8-u",
		"macintosh",
		"windows-874",
		"windows-1250",
		"windows-1253",
		"windows-1254",
		"windows-1255",
		"windows-1256",
		"windows-1257",
		"windows-1258",
		"x-mac-cyrillic",
		"gbk",
		"gb18030",
		"big5-hkscs",
		"euc-kr",
		"iso-2022-kr",
		"x-user-defined",
		"unicode-1-1-utf-8",
		"csisolatin1",
		"x-sjis",
		"ibm850",
		"cp437",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct strbuf out;
		strbuf_init(&out, 1000);
		assert_true(mail_charset_known(str_from(names[i])));
		mail_charset_to_utf8(str_from(names[i]), STR(""), STR("plain \xe1\xe2 text"), &out);
		assert_true(utf8_valid(strbuf_str(&out)));
		assert_memory_equal(out.ptr, "plain ", 6);
		strbuf_done(&out);
	}
	assert_false(mail_charset_known(STR("")));
	assert_false(mail_charset_known(STR("utf-8//TRANSLIT")));
	assert_false(mail_charset_known(STR("../../../../tmp/evil")));
}

/* Every octet pair in every family: valid UTF-8, and no more than the limit. */
static void garbage_stays_valid(void **state)
{
	(void)state;
	static const char *const names[] = {"utf-8",     "gb18030",     "big5",        "euc-kr",
					    "shift_jis", "iso-2022-jp", "utf-7",       "utf-16",
					    "hz",        "koi8-r",      "iso-2022-kr", ""};
	char octets[512];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (unsigned first = 0; first < 256; first += 5) {
			for (unsigned k = 0; k < 256; k++) {
				octets[2 * k] = (char)first;
				octets[2 * k + 1] = (char)k;
			}
			struct strbuf out;
			strbuf_init(&out, 301);
			mail_charset_to_utf8(str_from(names[i]), STR(""), (struct str){octets, 512}, &out);
			assert_true(utf8_valid(strbuf_str(&out)));
			assert_true(out.len <= 301 && !memchr(strbuf_str(&out).ptr, 0, out.len));
			strbuf_done(&out);
		}
}

static void flags_say_what_happened(void **state)
{
	(void)state;
	struct strbuf out;

	strbuf_init(&out, 5);
	assert_int_equal(mail_charset_to_utf8(STR("x-none"), STR(""), STR("a"), &out), MAIL_CHARSET_UNKNOWN);
	assert_int_equal(mail_charset_to_utf8(STR("latin1"), STR(""), STR("\xc3\xa4"), &out),
			 MAIL_CHARSET_CONTRADICTED);
	assert_int_equal(mail_charset_to_utf8(STR("utf-8"), STR(""), STR("\xc3\xa4\xc3\xa4"), &out),
			 MAIL_CHARSET_CUT);
	assert_string_equal(out.ptr, "a\xc3\xa4\xc3\xa4");
	strbuf_done(&out);
}

static void lines_and_texts_are_cleaned(void **state)
{
	(void)state;
	struct strbuf buf;

	strbuf_init(&buf, 100);
	strbuf_adds(&buf, "  a\tb\r\nc\x01\xc2\x85\xe2\x80\xa8 ");
	utf8_one_line(&buf);
	assert_string_equal(buf.ptr, "a b  c");
	strbuf_clear(&buf);
	strbuf_adds(&buf, "a\r\nb\rc\r\r\nd\x1b[0m\xc2\x9b\te");
	utf8_clean_text(&buf);
	assert_string_equal(buf.ptr, "a\nb\nc\nd[0m\te");
	strbuf_done(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_charset_becomes_utf8),
		cmocka_unit_test(unlabelled_text_is_detected),
		cmocka_unit_test(short_text_is_what_people_write),
		cmocka_unit_test(the_whole_mail_is_a_hint),
		cmocka_unit_test(every_label_converts),
		cmocka_unit_test(garbage_stays_valid),
		cmocka_unit_test(flags_say_what_happened),
		cmocka_unit_test(lines_and_texts_are_cleaned),
	};
	mail_charset_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
