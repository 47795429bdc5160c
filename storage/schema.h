/*
 * The tables, as an ordered list of migrations. A database knows its version (PRAGMA user_version); opening
 * one runs what is missing, each step in a transaction of its own. Writer thread, at open.
 */
#ifndef SERVELO_STORAGE_SCHEMA_H
#define SERVELO_STORAGE_SCHEMA_H

#include "base/conf.h"
#include "storage/stmt.h"

/* The version that this program writes and reads. */
int64_t schema_version(void);
/* -EINVAL with a text when the file is of another program or of a newer version; other errors as they come. */
int schema_migrate(struct db *db, const char *path, struct conf_error *reterr);
/* For readers: only looks. */
int schema_check(struct db *db, const char *path, struct conf_error *reterr);

#endif
