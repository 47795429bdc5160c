/*
 * See message.h.
 *
 * The summary goes into message, the bytes into original; a mail in a file gets the number of this run instead
 * (its name is "<run>/<mail id>") and is noted in the transaction, so that the file is kept.
 *
 * A repeat's row is found by (key, body): the key is 64 bits of a digest over tenant, recipient and identity,
 * body 64 bits of the body's digest. Somebody who sends the same Message-ID with a thousand bodies makes a
 * thousand rows but no look-up longer: the same body is one seek, any other is one, and it names the first. Rows are in the
 * order of time, so forgetting walks from the oldest and stops at the first that stays. Writer thread.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "storage/keys.h"
#include "storage/message.h"
#include "storage/txn.h"

static const char sql_message_add[] = "INSERT INTO message (mail_id, run, received_ms, size, trace_size, "
				      "digest, reverse_path, client_ip, helo,"
				      " tls, protocol, header_from, header_subject, header_message_id)"
				      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
static const char sql_original_add[] = "INSERT INTO original (message, bytes) VALUES (?1, ?2)";

static int original_add(struct store_txn *txn, struct message_id id, struct spooled_mail *mail)
{
	struct str bytes = spooled_mail_bytes(mail);
	struct stmt *s = stmt_use(txn->db, sql_original_add);
	stmt_int(s, 1, id.v);
	stmt_blob(s, 2, bytes.ptr, bytes.len);
	return stmt_run(s);
}

int message_add(struct store_txn *txn, const struct message_row *row, struct spooled_mail *mail,
		struct message_id *ret)
{
	assert(row->size == (int64_t)spooled_mail_size(mail));
	bool in_file = spooled_mail_in_file(mail);
	struct stmt *s = stmt_use(txn->db, sql_message_add);
	stmt_text(s, 1, str_from(row->mail_id.text));
	stmt_int(s, 2, in_file ? strtoll(spooled_mail_file(mail), NULL, 10) : 0);
	stmt_int(s, 3, row->received_ms);
	stmt_int(s, 4, row->size);
	stmt_int(s, 5, row->trace_size);
	stmt_blob(s, 6, row->digest, sizeof(row->digest));
	stmt_text(s, 7, row->reverse_path);
	stmt_text(s, 8, row->client_ip);
	stmt_text(s, 9, row->helo);
	stmt_text(s, 10, row->tls);
	stmt_text(s, 11, row->protocol);
	stmt_text(s, 12, row->header_from);
	stmt_text(s, 13, row->header_subject);
	stmt_text(s, 14, row->header_message_id);
	int r = stmt_run(s);
	if (r < 0)
		return r;
	struct message_id id = {db_last_id(txn->db)};
	if (in_file)
		store_txn_keep(txn, mail);
	else
		r = original_add(txn, id, mail);
	if (r == 0)
		*ret = id;
	return r;
}

static const char sql_message_find[] = "SELECT id FROM message WHERE mail_id = ?1";

int message_find(struct store_txn *txn, const struct mail_id *mail_id, struct message_id *ret)
{
	struct stmt *s = stmt_use(txn->db, sql_message_find);
	stmt_text(s, 1, str_from(mail_id->text));
	int r = stmt_step(s);
	if (r > 0)
		ret->v = stmt_col_int(s, 0);
	stmt_reset(s);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

/* ---- repeats ---- */

static const char sql_repeat_same[] =
	"SELECT ticket, mail_id FROM repeat WHERE key = ?1 AND body = ?2 ORDER BY id LIMIT 1";
static const char sql_repeat_any[] =
	"SELECT ticket, mail_id, coalesce(first, id) FROM repeat WHERE key = ?1 LIMIT 1";
static const char sql_repeat_first[] = "SELECT ticket, mail_id FROM repeat WHERE id = ?1 AND key = ?2";
static const char sql_repeat_add[] = "INSERT INTO repeat (key, body, first, ticket, created_ms, mail_id)"
				     " VALUES (?1, ?2, nullif(?3, 0), nullif(?4, 0), ?5, ?6)";
static const char sql_repeat_prune[] =
	"DELETE FROM repeat WHERE id < coalesce("
	" (SELECT id FROM (SELECT id, created_ms FROM repeat ORDER BY id LIMIT ?2) WHERE created_ms >= ?1 "
	"LIMIT 1),"
	" (SELECT max(id) + 1 FROM (SELECT id FROM repeat ORDER BY id LIMIT ?2)))";

static int64_t repeat_hash(const struct repeat_key *key)
{
	uint8_t bytes[8 + sizeof(key->recipient) + sizeof(key->identity)], digest[SHA256_SIZE];
	for (size_t i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((uint64_t)key->tenant.v >> (8 * i));
	memcpy(bytes + 8, key->recipient, sizeof(key->recipient));
	memcpy(bytes + 8 + sizeof(key->recipient), key->identity, sizeof(key->identity));
	sha256_once((struct str){(const char *)bytes, sizeof(bytes)}, digest);
	return key_of_digest(digest);
}

static void repeat_read(struct stmt *s, bool same_body, struct repeat *ret)
{
	struct str mail_id = stmt_col_text(s, 1);
	memset(ret, 0, sizeof(*ret));
	ret->same_body = same_body;
	ret->ticket.v = stmt_col_int(s, 0);
	memcpy(ret->mail_id.text, mail_id.ptr, mail_id.len < MAIL_ID_LEN ? mail_id.len : MAIL_ID_LEN);
}

/* One row with the two parameters of sql; -ENOENT. */
static int repeat_look(struct store_txn *txn, const char *sql, int64_t first, int64_t second, bool same_body,
		       struct repeat *ret)
{
	struct stmt *s = stmt_use(txn->db, sql);
	stmt_int(s, 1, first);
	stmt_int(s, 2, second);
	int r = stmt_step(s);
	if (r > 0)
		repeat_read(s, same_body, ret);
	stmt_reset(s);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

/* Remembers the first row with this key, and reads any of them into ret (unless NULL); -ENOENT. */
static int repeat_learn(struct store_txn *txn, const struct repeat_key *key, struct repeat *ret)
{
	struct job_memory *memory = &txn->memory;
	memory->repeat = *key;
	memory->repeat_hash = repeat_hash(key);
	memory->repeat_first = 0;
	struct stmt *s = stmt_use(txn->db, sql_repeat_any);
	stmt_int(s, 1, memory->repeat_hash);
	int r = stmt_step(s);
	if (r > 0) {
		memory->repeat_first = stmt_col_int(s, 2);
		if (ret)
			repeat_read(s, false, ret);
	}
	stmt_reset(s);
	memory->repeat_known = r >= 0;
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

static bool repeat_is_known(const struct job_memory *memory, const struct repeat_key *key)
{
	const struct repeat_key *known = &memory->repeat;
	return memory->repeat_known && known->tenant.v == key->tenant.v &&
	       memcmp(known->recipient, key->recipient, sizeof(key->recipient)) == 0 &&
	       memcmp(known->identity, key->identity, sizeof(key->identity)) == 0;
}

int repeat_find(struct store_txn *txn, const struct repeat_key *key, struct repeat *ret)
{
	struct repeat any;
	int r = repeat_learn(txn, key, &any);
	if (r < 0)
		return r;
	int64_t hash = txn->memory.repeat_hash;
	r = repeat_look(txn, sql_repeat_same, hash, key_of_digest(key->body), true, ret);
	if (r == -ENOENT)
		r = repeat_look(txn, sql_repeat_first, txn->memory.repeat_first, hash, false, ret);
	if (r == -ENOENT) { /* the first is forgotten */
		*ret = any;
		r = 0;
	}
	return r;
}

int repeat_add(struct store_txn *txn, const struct repeat_key *key, struct ticket_id ticket,
	       const struct mail_id *mail_id, int64_t now_ms)
{
	struct job_memory *memory = &txn->memory;
	int r = repeat_is_known(memory, key) ? 0 : repeat_learn(txn, key, NULL);
	if (r < 0 && r != -ENOENT)
		return r;
	memory->repeat_known = false; /* with this row it is another answer */
	struct stmt *s = stmt_use(txn->db, sql_repeat_add);
	stmt_int(s, 1, memory->repeat_hash);
	stmt_int(s, 2, key_of_digest(key->body));
	stmt_int(s, 3, memory->repeat_first);
	stmt_int(s, 4, ticket.v);
	stmt_int(s, 5, now_ms);
	stmt_text(s, 6, str_from(mail_id->text));
	return stmt_run(s);
}

int repeat_prune(struct store_txn *txn, int64_t before_ms, int max)
{
	struct stmt *s = stmt_use(txn->db, sql_repeat_prune);
	stmt_int(s, 1, before_ms);
	stmt_int(s, 2, max);
	int r = stmt_run(s);
	txn->memory.repeat_known = false;
	return r < 0 ? r : (int)db_changes(txn->db);
}
