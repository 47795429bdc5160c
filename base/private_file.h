/*
 * Small files that hold keys, read whole and with care. Blocking; any thread.
 *
 * Symbolic links are followed (ACME clients keep their live certificates behind links); what counts is the file they
 * lead to, seen through its open descriptor: what was checked is what is read. It is opened non-blocking, so that a
 * FIFO in its place cannot hang the start.
 */
#ifndef SERVELO_BASE_PRIVATE_FILE_H
#define SERVELO_BASE_PRIVATE_FILE_H

#include "base/base.h"
#include "base/conf.h"

enum file_privacy {
	FILE_PUBLIC,
	FILE_PRIVATE, /* nobody but its owner may get at it: modes with bits for group or others are refused */
};

/*
 * The whole file; the caller gives it back with private_file_free(), which wipes it. reterr (may be NULL) names the
 * file and what is wrong, never what stands in it. -EACCES: others can get at it, or we can't; -EINVAL: not a regular
 * file, or longer than size_max; -errno.
 */
int private_file_read(const char *path, enum file_privacy privacy, size_t size_max, struct str *ret,
		      struct conf_error *reterr);
void private_file_free(struct str content);

#endif
