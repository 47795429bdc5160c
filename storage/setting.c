/* See setting.h. Whether a key is known and its value fits is base/conf's business, before it comes here. */
#include <errno.h>

#include "storage/setting.h"
#include "storage/txn.h"

static const char sql_set[] =
	"INSERT INTO setting (key, value, updated_ms) VALUES (?1, ?2, ?3)"
	" ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_ms = excluded.updated_ms";
static const char sql_unset[] = "DELETE FROM setting WHERE key = ?1";
static const char sql_get[] = "SELECT value FROM setting WHERE key = ?1";

int setting_set(struct store_txn *txn, struct str key, struct str value, int64_t now_ms)
{
	struct stmt *s = stmt_use(txn->db, sql_set);
	stmt_text(s, 1, key);
	stmt_text(s, 2, value);
	stmt_int(s, 3, now_ms);
	return stmt_run(s);
}

int setting_unset(struct store_txn *txn, struct str key)
{
	struct stmt *s = stmt_use(txn->db, sql_unset);
	stmt_text(s, 1, key);
	int r = stmt_run(s);
	if (r == 0 && db_changes(txn->db) == 0)
		r = -ENOENT;
	return r;
}

int setting_get(struct store_txn *txn, struct str key, struct str *ret)
{
	struct stmt *s = stmt_use(txn->db, sql_get);
	stmt_text(s, 1, key);
	int r = stmt_step(s);
	if (r == 1) {
		*ret = stmt_col_text(s, 0); /* s stays where it is: the view is of it */
		return 0;
	}
	stmt_reset(s);
	return r < 0 ? r : -ENOENT;
}
