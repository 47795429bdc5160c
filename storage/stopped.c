/*
 * Addresses that get no more mail of a tenant (outbox.h). Found by the key of the address, then compared without case.
 * Writer thread.
 */
#include <errno.h>

#include "storage/keys.h"
#include "storage/outbox_private.h"
#include "storage/txn.h"

#define WHERE_ADDRESS " WHERE address_key = ?1 AND tenant = ?2 AND lower(address) = lower(?3)"

static const char sql_stopped_find[] = "SELECT why FROM stopped" WHERE_ADDRESS;
static const char sql_stopped_remove[] = "DELETE FROM stopped" WHERE_ADDRESS;
static const char sql_stopped_add[] =
	"INSERT INTO stopped (address_key, tenant, address, why, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)";

static struct stmt *about(struct store_txn *txn, const char *sql, struct tenant_id tenant, struct str address)
{
	struct stmt *s = stmt_use(txn->db, sql);
	stmt_int(s, 1, key_of_address(address));
	stmt_int(s, 2, tenant.v);
	stmt_text(s, 3, address);
	return s;
}

int stopped_find(struct store_txn *txn, struct tenant_id tenant, struct str address, struct str *ret_why)
{
	struct stmt *s = about(txn, sql_stopped_find, tenant, address);
	int r = stmt_step(s);
	if (r > 0)
		*ret_why = stmt_col_text(s, 0); /* s stays where it is: the view is of it */
	else
		stmt_reset(s);
	return r;
}

int stopped_add(struct store_txn *txn, struct tenant_id tenant, struct str address, struct str why,
		int64_t now_ms)
{
	struct str before;
	int r = stopped_find(txn, tenant, address, &before);
	if (r != 0)
		return r < 0 ? r : 0; /* the first complaint is the one that is told of */
	struct stmt *s = about(txn, sql_stopped_add, tenant, address);
	stmt_text(s, 4, why);
	stmt_int(s, 5, now_ms);
	return stmt_run(s);
}

int stopped_remove(struct store_txn *txn, struct tenant_id tenant, struct str address)
{
	int r = stmt_run(about(txn, sql_stopped_remove, tenant, address));
	if (r == 0 && db_changes(txn->db) == 0)
		r = -ENOENT;
	return r;
}
