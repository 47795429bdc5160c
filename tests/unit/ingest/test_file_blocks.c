/*
 * Files in texts: what is found, under which name, what it decodes to, and what is left of the text. Hostile texts:
 * blocks without end, blocks in blocks, first lines only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/file_blocks.h"

#define CAT  "#0V%T\n"
#define YENC "=ybegin line=128 size=3 name=cat.txt\n\x6d\x8b\x9e\n=yend size=3\n"
#define FULL   \
	"M"    \
	"    " \
	"    " \
	"    " \
	"    " \
	"    " \
	"    " \
	"    " \
	"    " \
	"    " \
	"    " \
	"    " \
	"    " \
	"    " \
	"    " \
	"    \n"

static const struct {
	const char *text, *left;
	const char *names;  /* each ended by "|" */
	const char *octets; /* of all, each ended by "|" */
} cases[] = {
	{"", "", "", ""},
	{"no file\n", "no file\n", "", ""},
	{"a\nbegin 644 cat.txt\n" CAT "`\nend\nb\n", "a\nb\n", "cat.txt|", "Cat|"},
	{"a\r\nbegin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\nb\r\n", "a\r\nb\r\n", "cat.txt|", "Cat|"},
	{"begin 0644 a b c.txt\n" CAT " \nend", "", "a b c.txt|", "Cat|"},
	{"begin 644 cat.txt\n" CAT "\nend\n", "", "cat.txt|", "Cat|"},
	{"begin 644 cat.txt\n" CAT "end\n", "", "cat.txt|", "Cat|"}, /* no line of nothing */
	{"begin 644 empty\n`\nend\nx", "x", "empty|", "|"},
	{"begin 644 cat.txt\n#0V%TX\n`\nend\n", "", "cat.txt|", "Cat|"}, /* a checksum */
	{"begin 644 a\n" CAT "`\nend\nand\nbegin 644 b\n" CAT "end\n", "and\n", "a|b|", "Cat|Cat|"},
	{"begin-base64 644 cat.txt\nQ2F0\n====\nx", "x", "cat.txt|", "Cat|"},
	{YENC "x", "x", "cat.txt|", "Cat|"},
	{YENC "and\nbegin 644 a\n" CAT "`\nend\n" YENC, "and\n", "cat.txt|a|cat.txt|", "Cat|Cat|Cat|"},
	/* a mail that was cut short: a full line shows what it is */
	{"x\nbegin 644 zeros\n" FULL, "x\n", "zeros|", NULL},
	{"x\nbegin 644 a\n" CAT, "x\nbegin 644 a\n" CAT, "", ""},
	/* words */
	{"begin at the beginning\nend\n", "begin at the beginning\nend\n", "", ""},
	{"begin 644 times\nwith a sentence\nend\n", "begin 644 times\nwith a sentence\nend\n", "", ""},
	{"begin 644 times.\nend\n", "begin 644 times.\nend\n", "", ""},
	{"begin 644 times.\n\nend\n", "begin 644 times.\n\nend\n", "", ""},
	{"begin 9 a\n" CAT "end\n", "begin 9 a\n" CAT "end\n", "", ""},
	{"begin 644\n" CAT "end\n", "begin 644\n" CAT "end\n", "", ""},
	{"begin 644 \n" CAT "end\n", "begin 644 \n" CAT "end\n", "", ""},
	{"> begin 644 a\n> #0V%T\n> end\n", "> begin 644 a\n> #0V%T\n> end\n", "", ""},
	{"x begin 644 a\n" CAT "end\n", "x begin 644 a\n" CAT "end\n", "", ""},
	{"begin 644 a\n" CAT "`\nmore\nend\n", "begin 644 a\n" CAT "`\nmore\nend\n", "", ""},
	{"begin-base64 644 a\nno base64!\n====\n", "begin-base64 644 a\nno base64!\n====\n", "", ""},
	{"begin-base64 644 a\nQ2F0\n", "begin-base64 644 a\nQ2F0\n", "", ""},
	{"=ybegin line=1 name=a\nx\n", "=ybegin line=1 name=a\nx\n", "", ""},
	/* blocks in blocks: the first counts, what it does not hold is looked at again */
	{"begin 644 a\nbegin 644 b\n" CAT "end\n", "begin 644 a\n", "b|", "Cat|"},
	{"begin 644 a\n" CAT "begin 644 b\n" CAT "end\nend\n", "begin 644 a\n" CAT "end\n", "b|", "Cat|"},
	{"=ybegin line=1 name=a\nbegin 644 b\n" CAT "end\n=yend\nx", "x", "a|", NULL},
	{"begin 644 a\n" YENC "end\n", "begin 644 a\nend\n", "cat.txt|", "Cat|"},
};

static void what_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str text = str_from(cases[i].text);
		struct strbuf names, octets, left;
		struct file_blocks blocks;
		struct file_block block;
		strbuf_init(&names, 1000);
		strbuf_init(&octets, 1000);
		strbuf_init(&left, 1000);
		file_blocks_init(&blocks, text);
		while (file_blocks_next(&blocks, &block)) {
			strbuf_add(&names, block.name);
			strbuf_addc(&names, '|');
			mail_decode(block.encoding, block.raw, &octets);
			strbuf_addc(&octets, '|');
		}
		assert_true(file_blocks_remove(text, &left));
		if (!str_eq(strbuf_str(&names), str_from(cases[i].names)) ||
		    !str_eq(strbuf_str(&left), str_from(cases[i].left)) ||
		    (cases[i].octets && !str_eq(strbuf_str(&octets), str_from(cases[i].octets))))
			fail_msg("case %zu: names \"%.*s\", octets \"%.*s\", left \"%.*s\"", i,
				 STR_ARG(strbuf_str(&names)), STR_ARG(strbuf_str(&octets)),
				 STR_ARG(strbuf_str(&left)));
		if (names.len)
			assert_true(file_blocks_maybe(text));
		strbuf_done(&names);
		strbuf_done(&octets);
		strbuf_done(&left);
	}
}

static void what_is_left_is_bounded(void **state)
{
	struct strbuf left;

	(void)state;
	strbuf_init(&left, 4);
	assert_false(file_blocks_remove(STR("ab\nbegin 644 a\n`\nend\ncdef"), &left));
	assert_true(str_eq(strbuf_str(&left), STR("ab\nc")));
	strbuf_done(&left);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_found),
		cmocka_unit_test(what_is_left_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
