/*
 * Tenants as rows. Writer thread for what takes a txn. A tenant is never deleted while mail of it is kept:
 * remove marks it.
 */
#ifndef SERVELO_STORAGE_TENANT_ROWS_H
#define SERVELO_STORAGE_TENANT_ROWS_H

#include "base/base.h"
#include "storage/ids.h"
#include "storage/store.h"

enum tenant_status { TENANT_ACTIVE, TENANT_SUSPENDED, TENANT_REMOVED };
const char *tenant_status_name(enum tenant_status status);

/* Views live as long as what they came from. Limits of 0 mean "the server's default". */
struct tenant_row {
	struct tenant_id id;
	struct str slug; /* lower case */
	struct str name;
	struct str reference_prefix; /* "ACME" of ACME-00042 */
	struct str admin_email;
	struct str notify_email; /* empty: admin_email */
	struct str locale;       /* "en"; empty: the server's default */
	struct str signature;
	struct str logo_url;
	struct str blocked_extensions; /* comma-separated; empty: the default list; "none": block none */
	int64_t attachments_max;
	int64_t attachment_size_max;
	bool confirm; /* customers get a confirmation */
	enum tenant_status status;
	bool declared; /* made from config.yaml, not by an administrator */
	int64_t next_ticket;
	int64_t created_ms, updated_ms;
};

/* -EEXIST when the slug is taken (removed tenants keep theirs). id, next_ticket, times are set by storage. */
int tenant_rows_add(struct store_txn *txn, const struct tenant_row *row, struct tenant_id *ret);
/* Everything but id, slug, declared, next_ticket, created. -ENOENT. Fields that get another value count as
 * set at run time from now on. */
int tenant_rows_update(struct store_txn *txn, const struct tenant_row *row);
/*
 * The same for what config.yaml declares. A field whose view's ptr is NULL, a limit of 0 and `confirm` stay;
 * so does every field that an administrator set (by tenant_rows_update, or by tenant_rows_add of a row that
 * is not `declared`): what was set at run time wins. The row is found by its slug. 1 when something changed,
 * 0 when nothing had to, -ENOENT.
 */
int tenant_rows_update_declared(struct store_txn *txn, const struct tenant_row *row);
/* The number that the tenant's next ticket gets; it only goes up, for a number that was given stays given. -EINVAL when it
 * is not above what it was, -ENOENT. */
int tenant_rows_raise_next_ticket(struct store_txn *txn, struct tenant_id id, int64_t next_ticket);
int tenant_rows_set_status(struct store_txn *txn, struct tenant_id id, enum tenant_status status);
/* Views are valid until the next call with the same txn. -ENOENT. */
int tenant_rows_find(struct store_txn *txn, struct str slug, struct tenant_row *ret);
/* The same by id. */
int tenant_rows_get(struct store_txn *txn, struct tenant_id id, struct tenant_row *ret);
/* The tenant whose references begin with prefix (capitals; removed tenants keep theirs). Same lifetime.
 * -ENOENT. */
int tenant_rows_find_prefix(struct store_txn *txn, struct str prefix, struct tenant_row *ret);

#endif
