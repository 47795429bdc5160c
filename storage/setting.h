/* Settings that an administrator made at run time: "limits.message_size" = "10MiB". Writer thread. */
#ifndef SERVELO_STORAGE_SETTING_H
#define SERVELO_STORAGE_SETTING_H

#include "base/base.h"
#include "storage/store.h"

int setting_set(struct store_txn *txn, struct str key, struct str value, int64_t now_ms);
int setting_unset(struct store_txn *txn, struct str key); /* -ENOENT */
/* The value as it is in this transaction; valid until the next call with the same txn. -ENOENT. */
int setting_get(struct store_txn *txn, struct str key, struct str *ret);

#endif
