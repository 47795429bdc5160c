/*
 * Comments and their attachments (ticket.h). A comment is found by its Message-ID through a 64-bit key of tenant and
 * Message-ID; the text decides. Writer thread.
 */
#include <assert.h>
#include <errno.h>

#include "base/mailaddr.h"
#include "storage/keys.h"
#include "storage/ticket.h"
#include "storage/txn.h"

static const char sql_comment_add[] =
	"INSERT INTO comment (ticket, tenant, message, author_kind, author, visibility, automatic, "
	"created_ms,"
	" thread_key, author_address, header_message_id, note, reply, text)"
	" VALUES (?1, ?2, nullif(?3, 0), ?4, nullif(?5, 0), ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
static const char sql_attachment_add[] =
	"INSERT INTO attachment (comment, position, part, filename, "
	"media_type, content_id, size, inline_image,"
	" left_out, sniffed_type) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

int comment_add(struct store_txn *txn, const struct comment_row *row, struct comment_id *ret)
{
	assert(utf8_valid(row->text) && utf8_valid(row->reply) && utf8_valid(row->note));
	struct stmt *s = stmt_use(txn->db, sql_comment_add);
	stmt_int(s, 1, row->ticket.v);
	stmt_int(s, 2, row->tenant.v);
	stmt_int(s, 3, row->message.v);
	stmt_int(s, 4, row->author_kind);
	stmt_int(s, 5, row->author.v);
	stmt_int(s, 6, row->visibility);
	stmt_int(s, 7, row->automatic);
	stmt_int(s, 8, row->created_ms);
	if (row->header_message_id.len > 0)
		stmt_int(s, 9, key_of_thread(row->tenant, row->header_message_id));
	stmt_text(s, 10, row->author_address);
	stmt_text(s, 11, row->header_message_id);
	stmt_text(s, 12, row->note);
	stmt_text_or_null(s, 13, row->reply);
	stmt_text(s, 14, row->text);
	int r = stmt_run(s);
	if (r == 0)
		ret->v = db_last_id(txn->db);
	return r;
}

int attachment_add(struct store_txn *txn, struct comment_id comment, const struct attachment_row *row)
{
	assert(utf8_valid(row->filename) && utf8_valid(row->media_type));
	struct stmt *s = stmt_use(txn->db, sql_attachment_add);
	stmt_int(s, 1, comment.v);
	stmt_int(s, 2, row->position);
	stmt_text(s, 3, row->part);
	stmt_text(s, 4, row->filename);
	stmt_text(s, 5, row->media_type);
	stmt_text(s, 6, row->content_id);
	stmt_int(s, 7, row->size);
	stmt_int(s, 8, row->inline_image);
	stmt_text(s, 9, row->left_out);
	stmt_text(s, 10, row->sniffed_type);
	return stmt_run(s);
}

/* ---- what was said before ---- */

/* With several of one Message-ID the first is it: the order of the index. */
static const char sql_comment_find_thread[] =
	"SELECT ticket, header_message_id FROM comment INDEXED BY comment_by_thread"
	" WHERE thread_key = ?1 AND tenant = ?2 ORDER BY id";
/* Among the newest TEXTS_WALK comments: however many internal ones strangers made, a mail costs the same. */
#define TEXTS_WALK "200"
static const char sql_comment_texts[] =
	"SELECT text FROM comment INDEXED BY comment_by_ticket WHERE ticket = ?1 AND visibility = 0"
	" AND id > coalesce((SELECT id FROM comment INDEXED BY comment_by_ticket WHERE ticket = ?1"
	"  ORDER BY id DESC LIMIT 1 OFFSET " TEXTS_WALK "), 0) ORDER BY id DESC LIMIT ?2";
_Static_assert(COMMENT_PUBLIC == 0, "sql_comment_texts");

int comment_find_thread(struct store_txn *txn, struct tenant_id tenant, struct str header_message_id,
			struct ticket_id *ret)
{
	if (header_message_id.len == 0)
		return -ENOENT;
	struct stmt *s = stmt_use(txn->db, sql_comment_find_thread);
	stmt_int(s, 1, key_of_thread(tenant, header_message_id));
	stmt_int(s, 2, tenant.v);
	int r;
	while ((r = stmt_step(s)) > 0)
		if (str_eq(stmt_col_text(s, 1), header_message_id)) {
			ret->v = stmt_col_int(s, 0);
			break;
		}
	stmt_reset(s);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

/* At most max octets, ending between two characters. */
static struct str cut(struct str text, size_t max)
{
	size_t len = text.len < max ? text.len : max;
	while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
		len--;
	return str_sub(text, 0, len);
}

int comment_texts(struct store_txn *txn, struct ticket_id ticket, size_t max, size_t text_max,
		  struct arena *arena, struct str **ret, size_t *ret_n)
{
	struct str *texts = arena_zalloc(arena, (max ? max : 1) * sizeof(*texts));
	size_t n = 0;
	if (!texts)
		return -ENOBUFS;
	struct stmt *s = stmt_use(txn->db, sql_comment_texts);
	stmt_int(s, 1, ticket.v);
	stmt_int(s, 2, (int64_t)max);
	int r;
	while ((r = stmt_step(s)) > 0 && n < max) {
		if (arena_copy(arena, cut(stmt_col_text(s, 0), text_max), &texts[n]) < 0)
			break; /* the newest have room */
		n++;
	}
	stmt_reset(s);
	if (r < 0)
		return r;
	*ret = texts;
	*ret_n = n;
	return 0;
}
