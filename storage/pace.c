/*
 * See pace.h. Rows of an index are in order of time, so n of them came since then if the n-th newest did. SQLite steps
 * over the others in the index alone; their rows are not read. Comments have to be told apart, so that is done only
 * when there are enough of all kinds.
 */
#include "storage/pace.h"

#include <assert.h>

#include "storage/txn.h"

static const char sql_nth_comment[] = "SELECT created_ms FROM comment INDEXED BY comment_by_ticket"
				      " WHERE ticket = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2";
static const char sql_nth_ticket[] = "SELECT created_ms FROM ticket INDEXED BY ticket_by_requester"
				     " WHERE requester = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2";
static const char sql_mailed_comments[] = "SELECT count(*) FROM (SELECT created_ms, message, automatic FROM "
					  "comment INDEXED BY comment_by_ticket"
					  " WHERE ticket = ?1 ORDER BY id DESC LIMIT 500)"
					  " WHERE created_ms >= ?2 AND message IS NOT NULL AND automatic = 0";
_Static_assert(PACE_MAX == 500, "LIMIT of sql_mailed_comments");

/* The first column of the first row; 0 without one. */
static int ask(struct store_txn *txn, const char *sql, int64_t id, int64_t parameter, int64_t *ret)
{
	struct stmt *s = stmt_use(txn->db, sql);
	stmt_int(s, 1, id);
	stmt_int(s, 2, parameter);
	int r = stmt_step(s);
	*ret = r > 0 ? stmt_col_int(s, 0) : 0;
	stmt_reset(s);
	return r < 0 ? r : 0;
}

int pace_comments(struct store_txn *txn, struct ticket_id ticket, int64_t n, int64_t since_ms, bool *ret)
{
	int64_t found = 0;
	assert(n > 0 && n <= PACE_MAX);
	int r = ask(txn, sql_nth_comment, ticket.v, n - 1, &found);
	*ret = found >= since_ms;
	if (r < 0 || !*ret)
		return r;
	r = ask(txn, sql_mailed_comments, ticket.v, since_ms, &found);
	*ret = found >= n;
	return r;
}

int pace_tickets(struct store_txn *txn, struct client_id client, int64_t n, int64_t since_ms, bool *ret)
{
	int64_t created_ms = 0;
	assert(n > 0 && n <= PACE_MAX);
	*ret = false;
	if (client.v != 0 && client.v == txn->memory.without_tickets.v)
		return 0;
	int r = ask(txn, sql_nth_ticket, client.v, n - 1, &created_ms);
	*ret = created_ms >= since_ms;
	return r;
}
