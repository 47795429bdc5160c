/* The tenant's attachment limits, as a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/attachments.h"

static void limits_and_blocked_types(void **state UNUSED)
{
	static const struct {
		const char *filename;
		uint64_t size;
		int64_t offered;
		const char *blocked, *want;
	} cases[] = {
		{"report.pdf", 10, 0, "exe,js", ""},
		{"setup.exe", 10, 0, "exe,js", "blocked type"},
		{"SETUP.EXE", 10, 0, "exe,js", "blocked type"},
		{"invoice.pdf.js", 10, 0, "exe, js", "blocked type"},
		{"run.exe.txt", 10, 0, "exe,js", ""},
		{"a.exe", 10, 0, ".exe", "blocked type"},
		{"exe", 10, 0, "exe", ""},
		{"trailing.", 10, 0, "exe,", ""},
		{"a.exe", 10, 0, "none", ""},
		{"a.exe", 10, 0, "", ""},
		{"big.bin", 1001, 0, "", "too big"},
		{"full.bin", 1000, 0, "", ""},
		{"third.txt", 1, 2, "", "too many"},
		{"second.txt", 1, 1, "", ""},
		{"third.exe", 1, 2, "exe", "blocked type"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct attachment_policy policy = {2, 1000, str_from(cases[i].blocked)};
		struct mail_attachment attachment = {.filename = str_from(cases[i].filename),
						     .size = cases[i].size};
		struct str got = attachment_left_out(&policy, &attachment, cases[i].offered);
		if (!str_eq(got, str_from(cases[i].want)))
			fail_msg("%s: \"%.*s\", wanted \"%s\"", cases[i].filename, STR_ARG(got),
				 cases[i].want);
	}
}

/* A program is one by its octets too, when programs of its kind are blocked. */
static void programs_by_another_name(void **state UNUSED)
{
	static const struct {
		const char *filename, *sniffed, *blocked, *want;
	} cases[] = {
		{"holiday.jpg", "application/vnd.microsoft.portable-executable", "exe", "blocked type"},
		{"holiday.jpg", "application/x-elf", "exe", "blocked type"},
		{"holiday.jpg", "application/java-archive", "exe", ""},
		{"holiday.jpg", "application/java-archive", "exe,jar", "blocked type"},
		{"holiday.jpg", "application/vnd.microsoft.portable-executable", "none", ""},
		{"holiday.jpg", "image/png", "exe", ""},
		{"build.txt", "text/x-shellscript", "exe,sh", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct attachment_policy policy = {2, 1000, str_from(cases[i].blocked)};
		struct mail_attachment attachment = {.filename = str_from(cases[i].filename),
						     .sniffed_type = str_from(cases[i].sniffed)};
		assert_true(str_eq(attachment_left_out(&policy, &attachment, 0), str_from(cases[i].want)));
	}
}

static void what_is_left_out_takes_no_place(void **state UNUSED)
{
	struct attachment_policy policy = {2, 1000, STR("exe")};
	const struct mail_attachment mails[] = {
		{.filename = STR("a.exe"), .size = 1}, {.filename = STR("b.txt"), .size = 2000},
		{.filename = STR("c.txt"), .size = 1}, {.filename = STR("d.txt"), .size = 1},
		{.filename = STR("e.txt"), .size = 1},
	};
	static const char *const want[] = {"blocked type", "too big", "", "", "too many"};
	int64_t offered = 0;
	for (size_t i = 0; i < ARRAY_SIZE(mails); i++) {
		struct attachment_row row;
		attachment_record(&policy, &mails[i], (int64_t)i + 1, &offered, &row);
		assert_true(str_eq(row.left_out, str_from(want[i])));
		assert_int_equal(row.position, i + 1);
	}
	assert_int_equal(offered, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_and_blocked_types),
		cmocka_unit_test(programs_by_another_name),
		cmocka_unit_test(what_is_left_out_takes_no_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
