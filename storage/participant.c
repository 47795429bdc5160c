/*
 * See participant.h. A ticket has few of them, one after the other in the table: an address is looked for by reading
 * them all. Writer thread.
 */
#include <errno.h>

#include "storage/outbox_private.h"
#include "storage/participant.h"
#include "storage/txn.h"

static const char sql_participants[] =
	"SELECT number, kind, address FROM participant WHERE ticket = ?1 ORDER BY number";
static const char sql_participants_count[] = "SELECT count(*) FROM participant WHERE ticket = ?1";
static const char sql_participant_add[] =
	"INSERT INTO participant (ticket, number, kind, address, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)";

/* 1 with the number of the one with this address; 0 with the next free number. */
static int number_of(struct store_txn *txn, struct ticket_id ticket, struct str address, int64_t *ret)
{
	int64_t number = PARTICIPANT_FIRST_ROW;
	struct stmt *s = stmt_use(txn->db, sql_participants);
	stmt_int(s, 1, ticket.v);
	int r;
	while ((r = stmt_step(s)) > 0) {
		number = stmt_col_int(s, 0);
		if (str_ieq(stmt_col_text(s, 2), address))
			break;
		number++;
	}
	stmt_reset(s);
	*ret = number;
	return r;
}

int participant_add(struct store_txn *txn, struct ticket_id ticket, enum participant_kind kind,
		    struct str address, int64_t now_ms, int64_t *ret_number)
{
	int64_t number;
	int r = number_of(txn, ticket, address, &number);
	if (r == 0) {
		struct stmt *s = stmt_use(txn->db, sql_participant_add);
		stmt_int(s, 1, ticket.v);
		stmt_int(s, 2, number);
		stmt_int(s, 3, kind);
		stmt_text(s, 4, address);
		stmt_int(s, 5, now_ms);
		r = stmt_run(s);
	}
	if (r < 0)
		return r;
	*ret_number = number;
	return 0;
}

/* s is run with the ticket; room for n. */
static int participants_read(struct stmt *s, struct arena *arena, struct participant *list, size_t n)
{
	int r;
	for (size_t i = 0; (r = stmt_step(s)) > 0 && i < n; i++) {
		list[i] = (struct participant){
			.number = stmt_col_int(s, 0),
			.kind = (enum participant_kind)stmt_col_int(s, 1),
			.address = stmt_col_text(s, 2),
		};
		r = text_keep(&list[i].address, arena);
		if (r < 0)
			break;
	}
	stmt_reset(s);
	return r < 0 ? r : 0;
}

int participants_get(struct store_txn *txn, struct ticket_id ticket, struct arena *arena,
		     struct participant **ret, size_t *ret_n)
{
	struct stmt *s = stmt_use(txn->db, sql_participants_count);
	stmt_int(s, 1, ticket.v);
	int r = stmt_step(s);
	size_t n = r > 0 ? (size_t)stmt_col_int(s, 0) : 0;
	stmt_reset(s);
	if (r < 0)
		return r;
	struct participant *list = arena_zalloc(arena, (n ? n : 1) * sizeof(*list));
	if (!list)
		return -ENOBUFS;
	s = stmt_use(txn->db, sql_participants);
	stmt_int(s, 1, ticket.v);
	r = participants_read(s, arena, list, n);
	if (r < 0)
		return r;
	*ret = list;
	*ret_n = n;
	return 0;
}
