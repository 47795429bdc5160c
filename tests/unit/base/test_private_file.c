/* Files of keys: who may get at them, what is no file, how long one may be. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/private_file.h"

static char folder[] = "/tmp/servelo-private-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static const char *write_file(const char *name, const char *text, mode_t mode)
{
	const char *path = path_of(name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static void only_its_owner_may_get_at_a_private_file(void **state)
{
	(void)state;
	static const struct {
		mode_t mode;
		int private, public;
	} cases[] = {
		{0600, 0, 0},       {0400, 0, 0},       {0700, 0, 0},       {0640, -EACCES, 0},
		{0604, -EACCES, 0}, {0620, -EACCES, 0}, {0610, -EACCES, 0}, {0644, -EACCES, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *path = write_file("key", "secret", cases[i].mode);
		const int want[] = {[FILE_PUBLIC] = cases[i].public, [FILE_PRIVATE] = cases[i].private};
		for (int privacy = FILE_PUBLIC; privacy <= FILE_PRIVATE; privacy++) {
			struct conf_error error = {""};
			struct str content = {0};
			int r = private_file_read(path, (enum file_privacy)privacy, 100, &content, &error);
			assert_int_equal(r, want[privacy]);
			assert_true(r < 0 ? strstr(error.text, path) && strstr(error.text, "chmod 600")
					  : str_eq(content, STR("secret")));
			private_file_free(content);
		}
	}
}

static void what_is_no_file_is_refused_at_once(void **state)
{
	(void)state;
	struct conf_error error = {""};
	struct str content;
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	assert_int_equal(private_file_read(path_of("fifo"), FILE_PRIVATE, 9, &content, &error), -EINVAL);
	assert_non_null(strstr(error.text, "not a regular file"));
	assert_int_equal(private_file_read(folder, FILE_PUBLIC, 9, &content, NULL), -EINVAL);
	assert_int_equal(private_file_read("/dev/null", FILE_PUBLIC, 9, &content, NULL), -EINVAL);
	assert_int_equal(private_file_read(path_of("none"), FILE_PRIVATE, 9, &content, &error), -ENOENT);
}

static void a_file_may_be_as_long_as_said_and_empty(void **state)
{
	(void)state;
	struct str content;
	write_file("long", "123456789", 0600);
	assert_int_equal(private_file_read(path_of("long"), FILE_PRIVATE, 8, &content, NULL), -EINVAL);
	assert_int_equal(private_file_read(path_of("long"), FILE_PRIVATE, 9, &content, NULL), 0);
	assert_true(str_eq(content, STR("123456789")));
	private_file_free(content);
	write_file("empty", "", 0600);
	assert_int_equal(private_file_read(path_of("empty"), FILE_PRIVATE, 9, &content, NULL), 0);
	assert_int_equal(content.len, 0);
	private_file_free(content);
}

static void a_link_counts_as_what_it_leads_to(void **state)
{
	(void)state;
	struct str content;
	write_file("target", "x", 0600);
	assert_int_equal(symlink("target", path_of("link")), 0);
	assert_int_equal(private_file_read(path_of("link"), FILE_PRIVATE, 9, &content, NULL), 0);
	private_file_free(content);
	write_file("target", "x", 0644);
	assert_int_equal(private_file_read(path_of("link"), FILE_PRIVATE, 9, &content, NULL), -EACCES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_its_owner_may_get_at_a_private_file),
		cmocka_unit_test(what_is_no_file_is_refused_at_once),
		cmocka_unit_test(a_file_may_be_as_long_as_said_and_empty),
		cmocka_unit_test(a_link_counts_as_what_it_leads_to),
	};
	static const char *const names[] = {"key", "fifo", "long", "empty", "target", "link"};
	if (!mkdtemp(folder))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(path_of(names[i]));
	rmdir(folder);
	return failed;
}
