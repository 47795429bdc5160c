/* The address of the control socket, the same for the server and the command line. Pure. */
#ifndef SERVELO_SMTPD_CONTROL_PATH_H
#define SERVELO_SMTPD_CONTROL_PATH_H

#include <errno.h>
#include <sys/un.h>

#include "base/base.h"

/* -ENAMETOOLONG: the system takes 107 octets. */
static inline int control_address(const char *path, struct sockaddr_un *ret)
{
	size_t len = strlen(path);
	if (len == 0 || len >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	memcpy(ret->sun_path, path, len + 1);
	return 0;
}

#endif
