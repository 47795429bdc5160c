/*
 * Files of the spool that an earlier run left and that no row refers to: what was received and not stored when it ended
 * badly. Blocks on the disk; any thread, beside the writer.
 */
#ifndef SERVELO_STORAGE_SWEEP_H
#define SERVELO_STORAGE_SWEEP_H

#include "base/base.h"

/* Removes them from the folders of runs before run. *ret_removed counts; -errno at the first that can't be. */
int sweep_spool(const char *db_path, const char *spool_dir, int64_t run, size_t *ret_removed);

#endif
