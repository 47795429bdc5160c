/* What is allowed goes, everything else does not; in a process of its own, since it is for good. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "smtpd/file_access.h"

#define NO_LANDLOCK 0xff

static char folder[] = "/tmp/servelo-access-XXXXXX";

enum deed { READS, WRITES, MAKES, MOVES, REMOVES, BINDS, LISTS };

static int result(long r)
{
	return r < 0 ? errno : 0;
}

static int open_and_close(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	int error = result(fd);
	if (fd >= 0)
		close(fd);
	return error;
}

static int bind_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(strlen(path) < sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path));
	int error = result(bind(fd, (const struct sockaddr *)&address, sizeof(address)));
	close(fd);
	return error;
}

static int do_deed(enum deed deed, const char *path, const char *to)
{
	switch (deed) {
	case READS:
		return open_and_close(path, O_RDONLY);
	case WRITES:
		return open_and_close(path, O_WRONLY);
	case MAKES:
		return open_and_close(path, O_WRONLY | O_CREAT);
	case MOVES:
		return result(rename(path, to));
	case REMOVES:
		return result(unlink(path));
	case BINDS:
		return bind_socket(path);
	case LISTS:
		return open_and_close(path, O_RDONLY | O_DIRECTORY);
	}
	return EINVAL;
}

/* In this order, in folder: keep/ may be kept, read/ may be read, the rest is nobody's. */
static const struct {
	enum deed deed;
	const char *path, *to;
	int want;
} cases[] = {
	{READS, "read/file", NULL, 0},
	{LISTS, "read", NULL, 0},
	{WRITES, "read/file", NULL, EACCES},
	{MAKES, "read/new", NULL, EACCES},
	{REMOVES, "read/file", NULL, EACCES},
	{BINDS, "read/socket", NULL, EACCES},
	{READS, "other/file", NULL, EACCES},
	{LISTS, "other", NULL, EACCES},
	{LISTS, ".", NULL, EACCES},
	{READS, "keep/../other/file", NULL, EACCES},
	{READS, "keep/link", NULL, EACCES}, /* leads to other/file */
	{MAKES, "keep/new", NULL, 0},
	{WRITES, "keep/new", NULL, 0},
	{MOVES, "keep/new", "keep/below/new", 0},
	{REMOVES, "keep/below/new", NULL, 0},
	{BINDS, "keep/socket", NULL, 0},
	{READS, "single", NULL, 0},
	{WRITES, "single", NULL, 0},
	{REMOVES, "single", NULL, EACCES},
};

static const char *in_folder(const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%s/%s", folder, name);
	return buf;
}

/* The number of the case that went wrong, from 1. */
static int confined_child(void)
{
	struct file_access *access;
	char path[200], to[200];
	if (file_access_new(&access) < 0)
		return NO_LANDLOCK;
	file_access_allow(access, in_folder("keep", path, sizeof(path)), FILE_MAY_KEEP);
	file_access_allow(access, in_folder("single", path, sizeof(path)), FILE_MAY_KEEP);
	file_access_allow(access, in_folder("absent", path, sizeof(path)), FILE_MAY_KEEP);
	file_access_allow_folder_of(access, in_folder("read/file", path, sizeof(path)), FILE_MAY_READ);
	if (file_access_enforce(access) < 0)
		return 0xfe;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int got = do_deed(cases[i].deed, in_folder(cases[i].path, path, sizeof(path)),
				  in_folder(cases[i].to ? cases[i].to : "", to, sizeof(to)));
		if (got != cases[i].want)
			return (int)i + 1;
	}
	/* nothing is run that was not named */
	execl("/bin/true", "true", (char *)NULL);
	return errno == EACCES ? 0 : 0xfd;
}

static void only_what_is_allowed_goes(void **state)
{
	(void)state;
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(confined_child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_LANDLOCK) {
		print_message("this kernel has no Landlock\n");
		skip();
	}
	if (WEXITSTATUS(status))
		fail_msg("case %d", WEXITSTATUS(status));
	/* and the process that did not enforce it is free */
	char path[200];
	assert_int_equal(do_deed(READS, in_folder("other/file", path, sizeof(path)), NULL), 0);
}

int main(void)
{
	static const char *const folders[] = {"keep", "keep/below", "read", "other"};
	static const char *const files[] = {"read/file", "other/file", "single"};
	char path[200], command[200];
	if (!mkdtemp(folder))
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		mkdir(in_folder(folders[i], path, sizeof(path)), 0700);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		open_and_close(in_folder(files[i], path, sizeof(path)), O_WRONLY | O_CREAT);
	if (symlink("../other/file", in_folder("keep/link", path, sizeof(path))) < 0)
		return 1;
	const struct CMUnitTest tests[] = {cmocka_unit_test(only_what_is_allowed_goes)};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command) != 0 || failed;
}
