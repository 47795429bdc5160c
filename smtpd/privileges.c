/*
 * User and group changes. glibc applies set*id() to every thread of the process, so it does not matter that the store's
 * writer runs already.
 */
#include "smtpd/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int unknown(const char *what, const char *name, struct conf_error *reterr)
{
	snprintf(reterr->text, sizeof(reterr->text), "process.%s: there is no %s \"%s\" on this system", what,
		 what, name);
	return -ENOENT;
}

int privileges_find(struct privileges *ret, const char *user, const char *group, struct conf_error *reterr)
{
	struct privileges found = {0};
	if (user[0] && geteuid() == 0) {
		const struct passwd *passwd = getpwnam(user);
		if (!passwd)
			return unknown("user", user, reterr);
		found = (struct privileges){true, passwd->pw_uid, passwd->pw_gid};
	}
	if (group[0] && found.change) {
		const struct group *entry = getgrnam(group);
		if (!entry)
			return unknown("group", group, reterr);
		found.gid = entry->gr_gid;
	}
	*ret = found;
	return 0;
}

int privileges_own_folder(const struct privileges *privileges, const char *folder)
{
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (!privileges->change)
		return 0;
	return chown(folder, privileges->uid, privileges->gid) < 0 ? -errno : 0;
}

void privileges_bound(const struct privileges *privileges)
{
	/* the kernel says which one is the last: it knows no other */
	for (unsigned long cap = 0; privileges->change && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

int privileges_lower(const struct privileges *privileges)
{
	if (!privileges->change)
		return 0;
	if (setgroups(0, NULL) < 0 || setegid(privileges->gid) < 0 || seteuid(privileges->uid) < 0)
		return -errno;
	return 0;
}

int privileges_raise(const struct privileges *privileges)
{
	if (!privileges->change)
		return 0;
	return seteuid(0) < 0 || setegid(0) < 0 ? -errno : 0;
}

int privileges_drop(const struct privileges *privileges)
{
	if (privileges->change) {
		if (setgroups(0, NULL) < 0 ||
		    setresgid(privileges->gid, privileges->gid, privileges->gid) < 0 ||
		    setresuid(privileges->uid, privileges->uid, privileges->uid) < 0)
			return -errno;
		if (privileges->uid != 0 && setuid(0) == 0) /* can't happen; if it does, nothing may run */
			return -EPERM;
	}
	const struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}
