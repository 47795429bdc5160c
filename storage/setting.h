/* Settings that an administrator made at run time: "limits.message_size" = "10MiB". Writer thread. */
#ifndef SERVELO_STORAGE_SETTING_H
#define SERVELO_STORAGE_SETTING_H

#include "base/base.h"
#include "storage/store.h"

int setting_set(struct store_txn *txn, struct str key, struct str value, int64_t now_ms);
int setting_unset(struct store_txn *txn, struct str key); /* -ENOENT */

#endif
