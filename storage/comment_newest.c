/*
 * The newest words of a customer on a ticket. Comments of a ticket lie in the order of their ids in the index, so this
 * reads back over what others said since. See ticket.h. Writer thread.
 */
#include <errno.h>

#include "storage/ticket.h"
#include "storage/txn.h"

static const char sql_newest[] = "SELECT id FROM comment INDEXED BY comment_by_ticket WHERE ticket = ?1"
				 " AND visibility = 0 AND author_kind = 0 ORDER BY id DESC LIMIT 1";
_Static_assert(COMMENT_PUBLIC == 0 && COMMENT_BY_CLIENT == 0, "sql_newest");

int comment_newest_of_client(struct store_txn *txn, struct ticket_id ticket, struct comment_id *ret)
{
	struct stmt *s = stmt_use(txn->db, sql_newest);
	stmt_int(s, 1, ticket.v);
	int r = stmt_step(s);
	if (r > 0)
		ret->v = stmt_col_int(s, 0);
	stmt_reset(s);
	return r < 0 ? r : r > 0 ? 0 : -ENOENT;
}
