/*
 * winmail.dat: files with their names and octets, the text from where it is, and nothing from what is broken. The
 * streams are put together here, field by field.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/rtf_text.h"
#include "ingest/tnef.h"

static void le16(struct strbuf *out, unsigned value)
{
	strbuf_addc(out, (char)(value & 0xff));
	strbuf_addc(out, (char)(value >> 8 & 0xff));
}

static void le32(struct strbuf *out, uint32_t value)
{
	le16(out, value & 0xffff);
	le16(out, value >> 16);
}

static void begin(struct strbuf *out)
{
	strbuf_init(out, 64 * 1024);
	le32(out, 0x223e9f78);
	le16(out, 1);
}

static void attribute(struct strbuf *out, int level, unsigned id, struct str octets)
{
	strbuf_addc(out, (char)level);
	le16(out, id);
	le16(out, 6);
	le32(out, (uint32_t)octets.len);
	strbuf_add(out, octets);
	le16(out, 0);
}

static void property(struct strbuf *out, unsigned type, unsigned id, struct str octets)
{
	le16(out, type);
	le16(out, id);
	le32(out, 1);
	le32(out, (uint32_t)octets.len);
	strbuf_add(out, octets);
	for (size_t i = octets.len; i % 4; i++)
		strbuf_addc(out, '\0');
}

static void file(struct strbuf *out, struct str title, struct str octets, struct str long_name,
		 struct str type)
{
	struct strbuf props;

	attribute(out, 2, 0x9002, STR("\1\0\0\0\0\0\0\0\0\0\0\0\0\0"));
	attribute(out, 2, 0x8010, title);
	attribute(out, 2, 0x800f, octets);
	strbuf_init(&props, 4096);
	le32(&props, 2);
	if (long_name.len)
		property(&props, 0x1e, 0x3707, long_name);
	if (type.len)
		property(&props, 0x1e, 0x370e, type);
	attribute(out, 2, 0x9005, strbuf_str(&props));
	strbuf_done(&props);
}

static void assert_str(struct str got, const char *want)
{
	char text[256] = {0};

	assert_in_range(got.len, 0, sizeof(text) - 1);
	memcpy(text, got.ptr, got.len);
	assert_string_equal(text, want);
}

static void files(void **state)
{
	struct strbuf out;
	struct arena arena;
	struct tnef tnef;

	(void)state;
	begin(&out);
	attribute(&out, 1, 0x9007, STR("\xe4\4\0\0\0\0\0\0")); /* 1252 */
	file(&out, STR("UEBER~1.TXT\0"), STR("inside\n"),
	     STR("\xdc"
		 "ber uns.txt\0"),
	     STR("Text/Plain\0"));
	file(&out, STR("b.bin\0"), STR("\0\1\2\xff"), STR(""), STR("no type; at all\0"));
	arena_init(&arena, 64 * 1024);
	assert_int_equal(tnef_read(&arena, strbuf_str(&out), &tnef), 0);
	assert_int_equal(tnef.n, 2);
	assert_false(tnef.cut);
	assert_str(tnef.files[0].name, "\xc3\x9c"
				       "ber uns.txt");
	assert_str(tnef.files[0].media_type, "text/plain");
	assert_str(tnef.files[0].octets, "inside\n");
	assert_str(tnef.files[1].name, "b.bin");
	assert_int_equal(tnef.files[1].media_type.len, 0);
	assert_memory_equal(tnef.files[1].octets.ptr, "\0\1\2\xff", 4);
	arena_done(&arena);
	/* every front of it: less, but never more, and nothing out of bounds */
	for (size_t n = 0; n < out.len; n++) {
		char *copy = malloc(n + 1);
		memcpy(copy, out.ptr, n);
		arena_init(&arena, 64 * 1024);
		int r = tnef_read(&arena, (struct str){copy, n}, &tnef);
		assert_int_equal(r, n < 4 ? -EBADMSG : 0);
		assert_true(r < 0 || tnef.n <= 2);
		arena_done(&arena);
		free(copy);
	}
	strbuf_done(&out);
}

static void too_many_files(void **state)
{
	struct strbuf out;
	struct arena arena;
	struct tnef tnef;

	(void)state;
	begin(&out);
	for (int i = 0; i < TNEF_FILES_MAX + 5; i++)
		file(&out, STR("a\0"), STR("x"), STR(""), STR(""));
	arena_init(&arena, 64 * 1024);
	assert_int_equal(tnef_read(&arena, strbuf_str(&out), &tnef), 0);
	assert_int_equal(tnef.n, TNEF_FILES_MAX);
	assert_true(tnef.cut);
	arena_done(&arena);
	strbuf_done(&out);
}

#define PACKED_HEAD "\0\0\0\0\0\2\0\0LZFu\0\0\0\0"

static const struct {
	unsigned type, id;
	struct str octets;
	const char *text; /* NULL: none */
} texts[] = {
	{0x1f, 0x1000, STR_INIT("H\0i\0 \0\xac\x20\r\0\n\0!\0\0\0"), "Hi \xe2\x82\xac\n!"},
	{0x1e, 0x1000,
	 STR_INIT("Gr\xfc\xdf"
		  "e\0"),
	 "Gr\xc3\xbc\xc3\x9f"
	 "e"},
	{0x102, 0x1013, STR_INIT("<p>Hello <b>there</b><script>x</script></p>"), "Hello there"},
	{0x102, 0x1009, STR_INIT(PACKED_HEAD "\0{\\rtf1 A\0\\par B}"), "A\nB"},
	{0x102, 0x1009, STR_INIT("\0\0\0\0\x0b\0\0\0MELA\0\0\0\0{\\rtf1 raw}"), "raw"},
	{0x102, 0x1009, STR_INIT("no rtf at all, none"), NULL},
	{0x102, 0x1009, STR_INIT("short"), NULL},
	{0x1e, 0x1000, STR_INIT(" \r\n\0"), NULL},
	{0x1e, 0x0037, STR_INIT("a subject is no text\0"), NULL},
};

static void texts_of_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct strbuf out, props, text;
		struct arena arena;
		struct tnef tnef;
		begin(&out);
		strbuf_init(&props, 4096);
		le32(&props, 3);
		/* a named property and one of several values, to be passed over */
		le16(&props, 0x1f);
		le16(&props, 0x8001);
		strbuf_add(&props, STR("0123456789abcdef\1\0\0\0\6\0\0\0a\0b\0\0\0\0\0"));
		strbuf_add(&props, STR("\1\0\0\0\4\0\0\0x\0\0\0"));
		le16(&props, 0x1003);
		le16(&props, 0x1234);
		strbuf_add(&props, STR("\2\0\0\0\1\0\0\0\2\0\0\0"));
		property(&props, texts[i].type, texts[i].id, texts[i].octets);
		attribute(&out, 1, 0x9003, strbuf_str(&props));
		arena_init(&arena, 4096);
		strbuf_init(&text, 4096);
		assert_int_equal(tnef_read(&arena, strbuf_str(&out), &tnef), 0);
		assert_int_equal(tnef_text(&tnef, &text), texts[i].text != NULL);
		assert_str(str_trim(strbuf_str(&text)), texts[i].text ? texts[i].text : "");
		strbuf_done(&text);
		arena_done(&arena);
		strbuf_done(&props);
		strbuf_done(&out);
	}
}

static const struct {
	const char *rtf, *text;
} documents[] = {
	{"{\\rtf1\\ansi\\ansicpg1251 \\'cf\\'f0\\'e8}", "\xd0\x9f\xd1\x80\xd0\xb8"},
	{"{\\rtf1 {\\fonttbl{\\f0 Arial;}}{\\*\\generator X;}a\\tab b\\line c\\{d\\}\\\\}", "a\tb\nc{d}\\"},
	{"{\\rtf1\\uc1 \\u8364?\\u-10179?\\u-8704?.}", "\xe2\x82\xac\xf0\x9f\x98\x80."},
	{"{\\rtf1\\uc0 \\u228 x}", "\xc3\xa4x"},
	{"{\\rtf1 {\\v secret}seen{\\pict 0011}}", "seen"},
	{"{\\rtf1\\fromhtml1 {\\*\\htmltag64 <p>}\\htmlrtf {\\b\\htmlrtf0 Hi\\htmlrtf }\\htmlrtf0 "
	 "{\\*\\htmltag "
	 "</p>}\\par there}",
	 "Hi\nthere"},
	{"{\\rtf1 }}}}a", "a"},
	{"{\\rtf1 \\u55357?\\'", ""},
	{"{\\rtf1 \\", ""},
};

static void rich_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		struct strbuf text;
		strbuf_init(&text, 4096);
		assert_int_equal(rtf_to_text(str_from(documents[i].rtf), &text), 0);
		assert_str(strbuf_str(&text), documents[i].text);
		strbuf_done(&text);
	}
}

/* References into the ring, also into what it holds before anything was written; more groups than the stack has. */
static void packed_and_deep(void **state)
{
	struct strbuf out, text;

	(void)state;
	strbuf_init(&out, 4096);
	/* "{\rtf1\ansi" stands at the ring's start; then "ab" again and again by a reference to itself */
	struct str packed = STR(PACKED_HEAD "\x09\0\x09 a\x0d\x50");
	assert_int_equal(rtf_unpack(packed, &out), 0);
	assert_true(str_starts(strbuf_str(&out), STR("{\\rtf1\\ansi a")));
	strbuf_clear(&out);
	assert_int_equal(rtf_unpack(STR("\0\0\0\0\0\0\0\0XXXX\0\0\0\0"), &out), -EBADMSG);
	strbuf_done(&out);
	strbuf_init(&out, 64 * 1024);
	strbuf_adds(&out, "{\\rtf1 ");
	for (int i = 0; i < 10000; i++)
		strbuf_adds(&out, "{");
	strbuf_adds(&out, "deep");
	strbuf_init(&text, 4096);
	assert_int_equal(rtf_to_text(strbuf_str(&out), &text), 0);
	assert_str(strbuf_str(&text), "deep");
	strbuf_done(&text);
	strbuf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(too_many_files),
		cmocka_unit_test(texts_of_messages),
		cmocka_unit_test(rich_text),
		cmocka_unit_test(packed_and_deep),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
