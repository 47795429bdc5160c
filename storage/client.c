/*
 * Clients (ticket.h), and the small records about confirmations that they and their tenants have (tenant/quota.h): NULL
 * until the first one, opaque here. A tenant's is held with its counter. Writer thread.
 */
#include <assert.h>
#include <errno.h>

#include "base/mailaddr.h"
#include "storage/keys.h"
#include "storage/ticket.h"
#include "storage/txn.h"

static const char sql_client_find[] = "SELECT id, address FROM client WHERE address_key = ?1 AND tenant = ?2";
static const char sql_client_add[] =
	"INSERT INTO client (tenant, address_key, address, name, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)";

static int client_find(struct store_txn *txn, struct tenant_id tenant, int64_t key, struct str address,
		       struct client_id *ret)
{
	struct stmt *s = stmt_use(txn->db, sql_client_find);
	stmt_int(s, 1, key);
	stmt_int(s, 2, tenant.v);
	int r;
	while ((r = stmt_step(s)) > 0)
		if (str_ieq(stmt_col_text(s, 1), address)) {
			ret->v = stmt_col_int(s, 0);
			break;
		}
	stmt_reset(s);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int client_upsert(struct store_txn *txn, struct tenant_id tenant, struct str address, struct str display_name,
		  int64_t now_ms, struct client_id *ret)
{
	assert(utf8_valid(address) && utf8_valid(display_name));
	int64_t key = key_of_address(address);
	int r = client_find(txn, tenant, key, address, ret);
	if (r != -ENOENT)
		return r;
	struct stmt *s = stmt_use(txn->db, sql_client_add);
	stmt_int(s, 1, tenant.v);
	stmt_int(s, 2, key);
	stmt_text(s, 3, address);
	stmt_text(s, 4, display_name);
	stmt_int(s, 5, now_ms);
	r = stmt_run(s);
	if (r < 0)
		return r;
	ret->v = db_last_id(txn->db);
	txn->memory.without_tickets = txn->memory.without_quota = *ret;
	return 0;
}

static const char sql_client_get[] = "SELECT address, name FROM client WHERE id = ?1";

int client_get(struct store_txn *txn, struct client_id id, struct str *ret_address,
	       struct str *ret_display_name)
{
	struct stmt *s = stmt_use(txn->db, sql_client_get);
	stmt_int(s, 1, id.v);
	int r = stmt_step(s);
	if (r <= 0) {
		stmt_reset(s);
		return r < 0 ? r : -ENOENT;
	}
	*ret_address = stmt_col_text(s, 0);
	*ret_display_name = stmt_col_text(s, 1);
	return 0; /* not reset yet: the views live in it */
}

/* ---- records about confirmations ---- */

static const char sql_client_quota[] = "SELECT quota FROM client WHERE id = ?1";
static const char sql_client_set_quota[] = "UPDATE client SET quota = ?2 WHERE id = ?1";

int client_quota(struct store_txn *txn, struct client_id client, uint8_t ret[QUOTA_RECORD_MAX],
		 size_t *ret_len)
{
	if (client.v != 0 && client.v == txn->memory.without_quota.v) {
		*ret_len = 0;
		return 0;
	}
	struct stmt *s = stmt_use(txn->db, sql_client_quota);
	stmt_int(s, 1, client.v);
	int r = stmt_step(s);
	if (r > 0) {
		struct str record = stmt_col_blob(s, 0);
		*ret_len = record.len <= QUOTA_RECORD_MAX ? record.len : 0; /* none of ours is longer */
		memcpy(ret, record.ptr, *ret_len);
	}
	stmt_reset(s);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int client_set_quota(struct store_txn *txn, struct client_id client, const uint8_t *record, size_t len)
{
	assert(len <= QUOTA_RECORD_MAX);
	txn->memory.without_quota.v = 0;
	struct stmt *s = stmt_use(txn->db, sql_client_set_quota);
	stmt_int(s, 1, client.v);
	if (len > 0)
		stmt_blob(s, 2, record, len);
	int r = stmt_run(s);
	if (r == 0 && db_changes(txn->db) == 0)
		r = -ENOENT;
	return r;
}

int tenant_quota(struct store_txn *txn, struct tenant_id tenant, uint8_t ret[QUOTA_RECORD_MAX],
		 size_t *ret_len)
{
	int r = counter_hold(txn, tenant);
	if (r < 0)
		return r;
	*ret_len = txn->counter.quota_len;
	memcpy(ret, txn->counter.quota, txn->counter.quota_len);
	return 0;
}

int tenant_set_quota(struct store_txn *txn, struct tenant_id tenant, const uint8_t *record, size_t len)
{
	assert(len <= QUOTA_RECORD_MAX);
	int r = counter_hold(txn, tenant);
	if (r < 0)
		return r;
	memcpy(txn->counter.quota, record, len);
	txn->counter.quota_len = len;
	txn->counter.changed = true;
	return 0;
}
