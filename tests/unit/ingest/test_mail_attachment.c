/*
 * Attachment names: harmless ones stay, dangerous ones lose their danger, missing ones are made up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mailaddr.h"
#include "base/strbuf.h"
#include "ingest/mail_attachment.h"

static const struct {
	const char *in, *want;
} cases[] = {
	{"report.pdf", "report.pdf"},
	{"Größe & Co (1) #2, 100%.pdf", "Größe & Co (1) #2, 100%.pdf"},
	{"no extension", "no extension"},
	{"日本語.txt", "日本語.txt"},
	{"../../etc/passwd", "passwd"},
	{"C:\\Users\\me\\file.txt", "file.txt"},
	{"dir/", "dir"},
	{"/", ""},
	{"..", ""},
	{"...hidden", "hidden"},
	{".htaccess", "htaccess"},
	{"\xe2\x80\x8b.htaccess", "htaccess"}, /* hidden behind a zero width space */
	{"x.txt. . ", "x.txt"},
	{"a\x01\x1f\x7f"
	 "b\nc.txt",
	 "abc.txt"},
	{"invoice\xe2\x80\xaegpj.exe", "invoicegpj.exe"}, /* right-to-left override */
	{"a<b>c:d\"e|f?g*h.txt", "a_b_c_d_e_f_g_h.txt"},
	{"con", "_con"},
	{"NUL.txt", "_NUL.txt"},
	{"com1.tar.gz", "_com1.tar.gz"},
	{"console.txt", "console.txt"},
	{"bad \xff octet.txt", "bad \xef\xbf\xbd octet.txt"},
	{"", ""},
};

static void names_are_made_safe(void **state)
{
	(void)state;
	struct arena arena;

	arena_init(&arena, 10000);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str got;
		assert_int_equal(mail_attachment_safe_name(&arena, str_from(cases[i].in), &got), 0);
		if (!str_eq(got, str_from(cases[i].want)))
			fail_msg("case %zu: got \"%.*s\"", i, STR_ARG(got));
	}
	arena_done(&arena);
}

static void long_names_keep_their_extension(void **state)
{
	(void)state;
	struct arena arena;
	struct strbuf name;
	struct str got;

	arena_init(&arena, 100000);
	strbuf_init(&name, 10000);
	for (int i = 0; i < 1000; i++)
		strbuf_adds(&name, "ä");
	strbuf_adds(&name, ".pdf");
	assert_int_equal(mail_attachment_safe_name(&arena, strbuf_str(&name), &got), 0);
	assert_true(got.len <= ATTACHMENT_NAME_MAX && got.len >= ATTACHMENT_NAME_MAX - 1);
	assert_true(utf8_valid(got));
	assert_memory_equal(got.ptr + got.len - 4, ".pdf", 4);
	strbuf_clear(&name);
	strbuf_adds(&name, "x.");
	for (int i = 0; i < 1000; i++)
		strbuf_adds(&name, "e"); /* no extension, only a dot */
	assert_int_equal(mail_attachment_safe_name(&arena, strbuf_str(&name), &got), 0);
	assert_int_equal(got.len, ATTACHMENT_NAME_MAX);
	strbuf_done(&name);
	arena_done(&arena);
}

static void missing_names_are_made_up(void **state)
{
	(void)state;
	struct arena arena;
	struct str got;

	arena_init(&arena, 1000);
	assert_int_equal(mail_attachment_made_up_name(&arena, STR("application/pdf"), 2, &got), 0);
	assert_string_equal(got.ptr, "attachment-2.pdf");
	mail_attachment_made_up_name(&arena, STR("message/rfc822"), 1, &got);
	assert_string_equal(got.ptr, "message-1.eml");
	mail_attachment_made_up_name(&arena, STR("x/../../y"), 3, &got);
	assert_string_equal(got.ptr, "attachment-3.bin");
	arena_done(&arena);
}

static void names_given_in_either_field(void **state)
{
	(void)state;
	struct arena arena;
	struct mime_entity entity = {.content_type = STR("a/b; name=\"type.txt\""),
				     .content_disposition = STR("attachment; filename=\"disposition.txt\"")};

	arena_init(&arena, 100000);
	assert_true(str_eq(mail_attachment_given_name(&arena, &entity, STR("")), STR("disposition.txt")));
	entity.content_disposition = STR("attachment");
	assert_true(str_eq(mail_attachment_given_name(&arena, &entity, STR("")), STR("type.txt")));
	entity.content_type = STR("a/b");
	assert_int_equal(mail_attachment_given_name(&arena, &entity, STR("")).len, 0);
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_made_safe),
		cmocka_unit_test(long_names_keep_their_extension),
		cmocka_unit_test(missing_names_are_made_up),
		cmocka_unit_test(names_given_in_either_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
