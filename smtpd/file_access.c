/*
 * Landlock, by its three system calls, since glibc has no functions for them. See landlock(7).
 *
 * What the kernel can refuse grew with its versions; we ask for all that it knows of. Version 1 could not allow to move
 * a file from one folder to another, which the spool does, so there is nothing below version 2.
 */
#include "smtpd/file_access.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"

#define VERSION_MIN 2

/* Newer than the headers that we are built with may be. */
#define FS_REFER    (UINT64_C(1) << 13)
#define FS_TRUNCATE (UINT64_C(1) << 14) /* version 3 */

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_KEEP                                                                                       \
	(FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                    \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | FS_REFER | FS_TRUNCATE)
#define FS_ALL                                                                 \
	(FS_KEEP | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
/* Of those, what makes sense for something that is no folder. */
#define FS_FILE                                                                                      \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | \
	 FS_TRUNCATE)

struct file_access {
	int fd, version;
	uint64_t handled;
};

int file_access_new(struct file_access **ret)
{
	struct landlock_ruleset_attr attr = {0};
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version < VERSION_MIN)
		return -EOPNOTSUPP;
	attr.handled_access_fs = version >= 3 ? FS_ALL : FS_ALL & ~FS_TRUNCATE;
	long fd = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd < 0)
		return -errno;
	*ret = XNEW(struct file_access);
	**ret = (struct file_access){(int)fd, (int)version, attr.handled_access_fs};
	return 0;
}

void file_access_allow(struct file_access *access, const char *path, enum file_right right)
{
	static const uint64_t rights[] = {
		[FILE_MAY_READ] = FS_READ,
		[FILE_MAY_RUN] = FS_READ | LANDLOCK_ACCESS_FS_EXECUTE,
		[FILE_MAY_KEEP] = FS_KEEP,
	};
	struct stat st;
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0) {
		const struct landlock_path_beneath_attr rule = {
			.allowed_access =
				rights[right] & access->handled & (S_ISDIR(st.st_mode) ? FS_ALL : FS_FILE),
			.parent_fd = fd,
		};
		syscall(SYS_landlock_add_rule, access->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	}
	close(fd);
}

void file_access_allow_folder_of(struct file_access *access, const char *path, enum file_right right)
{
	char *copy = xstrdup(path), *real = realpath(path, NULL);
	file_access_allow(access, dirname(copy), right);
	if (real)
		file_access_allow(access, dirname(real), right);
	free(copy);
	free(real);
}

int file_access_enforce(struct file_access *access)
{
	int r = access->version;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, access->fd, 0) < 0)
		r = -errno;
	close(access->fd);
	free(access);
	return r;
}
