/*
 * See counter.h. What is held and has not changed is what the table has: only the functions here write the row while it
 * is held, and everybody else makes us let go first. Writer thread.
 */
#include "storage/counter.h"

#include <errno.h>

#include "storage/txn.h"

static const char sql_counter_get[] = "SELECT c.next, c.quota, t.reference_prefix FROM ticket_counter c"
				      " JOIN tenant t ON t.id = c.tenant WHERE c.tenant = ?1";
static const char sql_counter_set[] = "UPDATE ticket_counter SET next = ?2, quota = ?3 WHERE tenant = ?1";

static void counter_read(struct stmt *s, struct tenant_id tenant, struct counter *ret)
{
	struct str quota = stmt_col_blob(s, 1), prefix = str_sub(stmt_col_text(s, 2), 0, COUNTER_PREFIX_MAX);
	ret->tenant = tenant;
	ret->next = stmt_col_int(s, 0);
	ret->quota_len = quota.len <= QUOTA_RECORD_MAX ? quota.len : 0; /* none of ours is longer */
	memcpy(ret->quota, quota.ptr, ret->quota_len);
	ret->prefix_len = prefix.len;
	if (prefix.len > 0)
		memcpy(ret->prefix, prefix.ptr, prefix.len);
	ret->changed = false;
}

int counter_hold(struct store_txn *txn, struct tenant_id tenant)
{
	if (tenant.v != 0 && txn->counter.tenant.v == tenant.v)
		return 0;
	int r = counter_put_back(txn);
	if (r < 0)
		return r;
	struct stmt *s = stmt_use(txn->db, sql_counter_get);
	stmt_int(s, 1, tenant.v);
	r = stmt_step(s);
	if (r > 0)
		counter_read(s, tenant, &txn->counter);
	stmt_reset(s);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int counter_flush(struct store_txn *txn)
{
	struct counter *counter = &txn->counter;
	if (counter->tenant.v == 0 || !counter->changed)
		return 0;
	struct stmt *s = stmt_use(txn->db, sql_counter_set);
	stmt_int(s, 1, counter->tenant.v);
	stmt_int(s, 2, counter->next);
	if (counter->quota_len > 0)
		stmt_blob(s, 3, counter->quota, counter->quota_len);
	int r = stmt_run(s);
	if (r == 0)
		counter->changed = false;
	return r;
}

int counter_put_back(struct store_txn *txn)
{
	int r = counter_flush(txn);
	if (r == 0)
		counter_forget(txn);
	return r;
}

void counter_forget(struct store_txn *txn)
{
	txn->counter.tenant.v = 0;
	txn->counter.changed = false;
}
