/*
 * What was read out of an original is replaced by what today's code reads in it. Writer thread.
 *
 * Only text, new part, note and the records of attachments change: the row keeps its id, author, times and
 * Message-ID, so threads, repeats and the audit stay as they are.
 */
#include <errno.h>

#include "storage/ticket.h"
#include "storage/txn.h"

int comment_reparse(struct store_txn *txn, struct comment_id id, struct str text, struct str reply,
		    struct str note)
{
	struct stmt *s =
		stmt_use(txn->db, "UPDATE comment SET text = ?2, reply = ?3, note = ?4 WHERE id = ?1");
	stmt_int(s, 1, id.v);
	stmt_text(s, 2, text);
	stmt_text_or_null(s, 3, reply);
	stmt_text(s, 4, note);
	int r = stmt_run(s);
	if (r < 0)
		return r;
	if (db_changes(txn->db) == 0)
		return -ENOENT;
	s = stmt_use(txn->db, "DELETE FROM attachment WHERE comment = ?1");
	stmt_int(s, 1, id.v);
	return stmt_run(s);
}
