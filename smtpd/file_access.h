/*
 * The files that a process may touch from now on, by Landlock: a list of what is allowed, and everything else is closed,
 * for the process, its future threads and children, for good. Before threads are started.
 *
 *	r = file_access_new(&access);		-EOPNOTSUPP: this kernel can't; go on without
 *	file_access_allow(access, "/etc", FILE_MAY_READ);	...
 *	r = file_access_enforce(access);	frees it, too; also sets no-new-privileges, which the kernel asks for
 *
 * Descriptors that are open stay as they are. A rule is for the file or folder that the path leads to now, and for all
 * below it: a file that will be replaced needs a rule for its folder.
 */
#ifndef SERVELO_SMTPD_FILE_ACCESS_H
#define SERVELO_SMTPD_FILE_ACCESS_H

enum file_right {
	FILE_MAY_READ,
	FILE_MAY_RUN,  /* and read */
	FILE_MAY_KEEP, /* read, write, make, remove; no device nodes, nothing to run */
};

struct file_access;

int file_access_new(struct file_access **ret);
/* What isn't there is left out; that is no error. */
void file_access_allow(struct file_access *access, const char *path, enum file_right right);
/* The folder of path, and, where path is a symbolic link, that of what it leads to. */
void file_access_allow_folder_of(struct file_access *access, const char *path, enum file_right right);
/* The version of the kernel's interface; or -errno, and then nothing is closed. */
int file_access_enforce(struct file_access *access);

#endif
