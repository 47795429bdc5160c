/* See outbox.h: jobs are made here, in the transaction of what they belong to. Writer thread. */
#include "storage/outbox.h"
#include "storage/txn.h"

static const char sql_outbox_add[] =
	"INSERT INTO outbox (kind, tenant, ticket, comment, message, created_ms, due_ms, recipient, mailbox,"
	" header_message_id)"
	" VALUES (?1, nullif(?2, 0), nullif(?3, 0), nullif(?4, 0), nullif(?5, 0), ?6, ?7, ?8, ?9, ?10)";

const char *outbox_kind_name(enum outbox_kind kind)
{
	static const char *const names[] = {"forward", "notify_admin", "confirm"};
	return names[kind];
}

int outbox_add(struct store_txn *txn, const struct outbox_row *row, struct outbox_id *ret)
{
	struct stmt *s = stmt_use(txn->db, sql_outbox_add);
	stmt_int(s, 1, row->kind);
	stmt_int(s, 2, row->tenant.v);
	stmt_int(s, 3, row->ticket.v);
	stmt_int(s, 4, row->comment.v);
	stmt_int(s, 5, row->message.v);
	stmt_int(s, 6, row->created_ms);
	stmt_int(s, 7, row->due_ms);
	stmt_text(s, 8, row->recipient);
	stmt_text(s, 9, row->mailbox);
	stmt_text(s, 10, row->header_message_id);
	int r = stmt_run(s);
	if (r == 0)
		ret->v = db_last_id(txn->db);
	return r;
}
