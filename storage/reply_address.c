/* See reply_address.h. The row has the key alone: whoever asks mints what it finds anew, so a wrong match is none. */
#include "storage/reply_address.h"
#include "storage/keys.h"
#include "storage/reader_private.h"
#include "storage/txn.h"

static const char sql_reply_address_add[] =
	"INSERT INTO reply_address (key, ticket, participant) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
static const char sql_reply_addresses[] =
	"SELECT t.slug, k.number, a.participant FROM reply_address a CROSS JOIN ticket k ON k.id = a.ticket"
	" CROSS JOIN tenant t ON t.id = k.tenant WHERE a.key = ?1";

int reply_address_add(struct store_txn *txn, struct str folded, struct ticket_id ticket, int64_t participant)
{
	struct stmt *s = stmt_use(txn->db, sql_reply_address_add);
	stmt_int(s, 1, key_of_folded_token(folded));
	stmt_int(s, 2, ticket.v);
	stmt_int(s, 3, participant);
	return stmt_run(s);
}

int reader_reply_addresses(struct reader *reader, struct str folded, reply_address_fn *fn, void *ctx)
{
	struct stmt *s = stmt_use(reader->db, sql_reply_addresses);
	stmt_int(s, 1, key_of_folded_token(folded));
	int r;
	while ((r = stmt_step(s)) > 0)
		if (!fn(ctx, stmt_col_text(s, 0), stmt_col_int(s, 1), stmt_col_int(s, 2)))
			break;
	stmt_reset(s);
	return r < 0 ? r : 0;
}
