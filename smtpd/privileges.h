/*
 * From root, who may bind port 25, to an ordinary user, who may do nothing else. Main thread, before sessions exist.
 *
 *	privileges_find(&p, user, group, &err);
 *	privileges_bound(&p);	before threads are started: what is run from now on gains no capability, ever
 *	privileges_lower(&p);	open what must belong to the user: data folder, database
 *	privileges_raise(&p);	bind
 *	privileges_drop(&p);	for good: groups, gid, uid; core dumps off; no new privileges
 *
 * When not started as root, or without a user, bound, lower and raise do nothing, and drop does the rest.
 */
#ifndef SERVELO_SMTPD_PRIVILEGES_H
#define SERVELO_SMTPD_PRIVILEGES_H

#include <sys/types.h>

#include "base/conf.h"

struct privileges {
	bool change; /* root now, and a user to become */
	uid_t uid;
	gid_t gid;
};
/* user "" stays; group "" is the user's own. -ENOENT names who is unknown. */
int privileges_find(struct privileges *ret, const char *user, const char *group, struct conf_error *reterr);
/* Makes folder (and only it) when absent, mode 0700, and gives it to the user. -errno. */
int privileges_own_folder(const struct privileges *privileges, const char *folder);
/* Empties the capability bounding set of this thread, which those that it starts inherit. What it holds already it keeps
 * until privileges_drop(). Where the system does not let us (some containers) the rest holds without it. */
void privileges_bound(const struct privileges *privileges);
int privileges_lower(const struct privileges *privileges);
int privileges_raise(const struct privileges *privileges);
int privileges_drop(const struct privileges *privileges);

#endif
