/*
 * See outbox.h.
 *
 * 1. The state is the truth; each operation is an UPDATE that moves a row along one arrow of the drawing there. Which
 *    arrows an operation by hand has is asked of the row first, so that its answer can say why not.
 * 2. What has not left (state < 3) is in an index of its own, in order of due_ms within a state. A query uses it only
 *    when it says so in these words: SQLite matches a partial index by its text. So a claim costs what it claims,
 *    whatever was sent before.
 * 3. A claim reads first, moves then: a full arena leaves nothing half claimed. Jobs to stopped addresses are parked on
 *    the way: that moves them out of the range that is being read.
 * 4. Nothing is in memory between two calls. Writer thread.
 */
#include <errno.h>

#include "base/utf8.h"
#include "storage/outbox_private.h"
#include "storage/txn.h"

#define PARKED_MAX 1000 /* per claim: jobs to stopped addresses; the rest are found by the next one */

_Static_assert(OUTBOX_DUE == 0 && OUTBOX_CLAIMED == 1 && OUTBOX_FAILED == 2 && OUTBOX_CANCELLED == 3 &&
		       OUTBOX_SENT == 4 && OUTBOX_BOUNCED == 5,
	       "numbers in SQL texts and in the index");

static const char sql_outbox_add[] =
	"INSERT INTO outbox (kind, state, tenant, ticket, comment, message, participant, created_ms, due_ms,"
	" since_ms, tries, settled_ms, recipient, mailbox, header_message_id, text, why)"
	" VALUES (?1, 0, nullif(?2, 0), nullif(?3, 0), nullif(?4, 0), nullif(?5, 0), ?6, ?7, ?8, ?7, 0, 0,"
	" ?9, ?10, ?11, ?12, '')";
static const char sql_outbox_get[] = "SELECT " OUTBOX_COLUMNS " FROM outbox o WHERE o.id = ?1";
static const char sql_outbox_find[] = "SELECT " OUTBOX_COLUMNS " FROM outbox o INDEXED BY outbox_by_ticket"
				      " WHERE o.ticket = ?1 AND o.header_message_id = ?2 LIMIT 1";
static const char sql_outbox_state[] = "SELECT state FROM outbox WHERE id = ?1";
const char outbox_sql_due[] =
	"SELECT " OUTBOX_COLUMNS ", t.slug, k.number FROM outbox o INDEXED BY outbox_waiting"
	" LEFT JOIN tenant t ON t.id = o.tenant LEFT JOIN ticket k ON k.id = o.ticket"
	" WHERE o.state = 0 AND o.state < 3 AND o.due_ms <= ?1 ORDER BY o.due_ms, o.id";
const char outbox_sql_next_due[] = "SELECT due_ms FROM outbox INDEXED BY outbox_waiting"
				   " WHERE state = 0 AND state < 3 ORDER BY due_ms LIMIT 1";
const char outbox_sql_clock_back[] = "UPDATE outbox INDEXED BY outbox_waiting SET due_ms = ?1"
				     " WHERE state = 0 AND state < 3 AND due_ms > ?2";
const char outbox_sql_paused[] = "SELECT value FROM meta WHERE key = 'outbox_paused'";
static const char sql_outbox_pause[] = "INSERT INTO meta (key, value) VALUES ('outbox_paused', ?1)"
				       " ON CONFLICT (key) DO UPDATE SET value = excluded.value";
static const char sql_outbox_take[] = "UPDATE outbox SET state = 1 WHERE id = ?1 AND state = 0";
static const char sql_outbox_end[] = "UPDATE outbox SET state = ?2, settled_ms = ?3, why = ?4 WHERE id = ?1";
static const char sql_outbox_release[] =
	"UPDATE outbox INDEXED BY outbox_waiting SET state = 0 WHERE state = 1 AND state < 3";
static const char sql_outbox_settle[] =
	"UPDATE outbox SET state = ?2, due_ms = coalesce(?3, due_ms), tries = tries + ?4, settled_ms = ?5,"
	" why = ?6 WHERE id = ?1 AND state = 1";
#define BROUGHT_BACK " SET state = 0, due_ms = ?1, since_ms = ?1, tries = 0, settled_ms = 0"
static const char sql_outbox_retry[] = "UPDATE outbox" BROUGHT_BACK " WHERE id = ?2";
static const char sql_outbox_retry_failed[] =
	"UPDATE outbox INDEXED BY outbox_waiting" BROUGHT_BACK " WHERE state = 2 AND state < 3";

/* ---- names ---- */

const char *outbox_kind_name(enum outbox_kind kind)
{
#define KIND_NAME(id, name) [id] = name,
	static const char *const names[] = {OUTBOX_KINDS(KIND_NAME)};
	return names[kind];
}

static const char *const state_names[] = {
	[OUTBOX_DUE] = "due",       [OUTBOX_CLAIMED] = "sending",
	[OUTBOX_FAILED] = "failed", [OUTBOX_CANCELLED] = "cancelled",
	[OUTBOX_SENT] = "sent",     [OUTBOX_BOUNCED] = "bounced",
};

const char *outbox_state_name(enum outbox_state state)
{
	return state_names[state];
}

int outbox_state_parse(struct str text, enum outbox_state *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(state_names); i++)
		if (str_eq(text, str_from(state_names[i]))) {
			*ret = (enum outbox_state)i;
			return 0;
		}
	return -EINVAL;
}

/* ---- rows ---- */

int outbox_add(struct store_txn *txn, const struct outbox_row *row, struct outbox_id *ret)
{
	struct stmt *s = stmt_use(txn->db, sql_outbox_add);
	stmt_int(s, 1, row->kind);
	stmt_int(s, 2, row->tenant.v);
	stmt_int(s, 3, row->ticket.v);
	stmt_int(s, 4, row->comment.v);
	stmt_int(s, 5, row->message.v);
	stmt_int(s, 6, row->participant);
	stmt_int(s, 7, row->created_ms);
	stmt_int(s, 8, row->due_ms);
	stmt_text(s, 9, row->recipient);
	stmt_text(s, 10, row->mailbox);
	stmt_text(s, 11, row->header_message_id);
	stmt_text(s, 12, row->text);
	int r = stmt_run(s);
	if (r == 0)
		ret->v = db_last_id(txn->db);
	return r;
}

void outbox_row_read(struct stmt *s, struct outbox_row *ret)
{
	*ret = (struct outbox_row){
		.id = {stmt_col_int(s, 0)},
		.kind = (enum outbox_kind)stmt_col_int(s, 1),
		.state = (enum outbox_state)stmt_col_int(s, 2),
		.tenant = {stmt_col_int(s, 3)},
		.ticket = {stmt_col_int(s, 4)},
		.comment = {stmt_col_int(s, 5)},
		.message = {stmt_col_int(s, 6)},
		.participant = stmt_col_int(s, 7),
		.created_ms = stmt_col_int(s, 8),
		.due_ms = stmt_col_int(s, 9),
		.since_ms = stmt_col_int(s, 10),
		.tries = stmt_col_int(s, 11),
		.settled_ms = stmt_col_int(s, 12),
		.recipient = stmt_col_text(s, 13),
		.mailbox = stmt_col_text(s, 14),
		.header_message_id = stmt_col_text(s, 15),
		.text = stmt_col_text(s, 16),
		.why = stmt_col_text(s, 17),
	};
}

int outbox_row_keep(struct outbox_row *row, struct arena *arena)
{
	struct str *const texts[] = {&row->recipient, &row->mailbox, &row->header_message_id, &row->text,
				     &row->why};
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++)
		r = text_keep(texts[i], arena);
	return r;
}

static int read_one(struct stmt *s, struct outbox_row *ret)
{
	int r = stmt_step(s);
	if (r <= 0) {
		stmt_reset(s);
		return r < 0 ? r : -ENOENT;
	}
	outbox_row_read(s, ret);
	return 0; /* not reset yet: the views live in it */
}

int outbox_get(struct store_txn *txn, struct outbox_id id, struct outbox_row *ret)
{
	struct stmt *s = stmt_use(txn->db, sql_outbox_get);
	stmt_int(s, 1, id.v);
	return read_one(s, ret);
}

int outbox_find(struct store_txn *txn, struct ticket_id ticket, struct str header_message_id,
		struct outbox_row *ret)
{
	struct stmt *s = stmt_use(txn->db, sql_outbox_find);
	stmt_int(s, 1, ticket.v);
	stmt_text(s, 2, header_message_id);
	return read_one(s, ret);
}

/* -ENOENT */
static int state_of(struct store_txn *txn, struct outbox_id id, enum outbox_state *ret)
{
	struct stmt *s = stmt_use(txn->db, sql_outbox_state);
	stmt_int(s, 1, id.v);
	int r = stmt_step(s);
	if (r > 0)
		*ret = (enum outbox_state)stmt_col_int(s, 0);
	stmt_reset(s);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

/* Others' servers choose these words. */
static struct str why_line(struct str why, char ret[OUTBOX_WHY_MAX])
{
	return (struct str){ret, utf8_line(why, ret, OUTBOX_WHY_MAX)};
}

/* Into a state that is the job's own business no more. */
static int end(struct store_txn *txn, struct outbox_id id, enum outbox_state state, struct str why,
	       int64_t now_ms)
{
	char line[OUTBOX_WHY_MAX];
	struct stmt *s = stmt_use(txn->db, sql_outbox_end);
	stmt_int(s, 1, id.v);
	stmt_int(s, 2, state);
	stmt_int(s, 3, now_ms);
	stmt_text(s, 4, why_line(why, line));
	return stmt_run(s);
}

/* ---- claims ---- */

/* 1: its address is stopped, and it is parked; 0: it may leave. */
static int park_stopped(struct store_txn *txn, const struct outbox_row *row, int64_t now_ms)
{
	struct str reason;
	char line[OUTBOX_WHY_MAX];
	if (row->tenant.v == 0)
		return 0;
	int r = stopped_find(txn, row->tenant, row->recipient, &reason);
	if (r <= 0)
		return r;
	struct str stopped = STR("stopped: ");
	memcpy(line, stopped.ptr, stopped.len);
	stopped.len += utf8_line(reason, line + stopped.len, sizeof(line) - stopped.len);
	stopped.ptr = line;
	r = end(txn, row->id, OUTBOX_FAILED, stopped, now_ms);
	return r < 0 ? r : 1;
}

/* s is on a row of outbox_sql_due. */
static int claim_read(struct stmt *s, const struct outbox_row *row, struct arena *arena,
		      struct outbox_claim *ret)
{
	struct outbox_claim claim = {
		.row = *row,
		.slug = stmt_col_text(s, OUTBOX_COLUMNS_N),
		.ticket_number = stmt_col_int(s, OUTBOX_COLUMNS_N + 1),
	};
	claim.row.state = OUTBOX_CLAIMED;
	int r = outbox_row_keep(&claim.row, arena);
	if (r == 0)
		r = text_keep(&claim.slug, arena);
	if (r == 0)
		*ret = claim;
	return r;
}

/* Due jobs into claims, not moved yet; -ENOBUFS: not even one has room. */
static int claims_read(struct store_txn *txn, int64_t now_ms, size_t max, struct arena *arena,
		       struct outbox_claim *claims, size_t *ret_n)
{
	size_t n = 0, parked = 0;
	struct stmt *s = stmt_use(txn->db, outbox_sql_due);
	stmt_int(s, 1, now_ms);
	int r = 1;
	while (n < max && parked < PARKED_MAX && (r = stmt_step(s)) > 0) {
		struct outbox_row row;
		outbox_row_read(s, &row);
		r = park_stopped(txn, &row, now_ms);
		if (r > 0) {
			parked++;
			continue;
		}
		if (r == 0)
			r = claim_read(s, &row, arena, &claims[n]);
		if (r < 0)
			break;
		n++;
	}
	stmt_reset(s);
	if (r < 0 && !(r == -ENOBUFS && n > 0))
		return r;
	*ret_n = n;
	return 0;
}

static int claims_take(struct store_txn *txn, const struct outbox_claim *claims, size_t n)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct stmt *s = stmt_use(txn->db, sql_outbox_take);
		stmt_int(s, 1, claims[i].row.id.v);
		r = stmt_run(s);
	}
	return r;
}

/* The first column of a query without parameters; otherwise when it has no row. */
static int number_or(struct store_txn *txn, const char *sql, int64_t otherwise, int64_t *ret)
{
	int r = db_query_int(txn->db, sql, ret);
	if (r != -ENOENT)
		return r;
	*ret = otherwise;
	return 0;
}

static int mend_due(struct store_txn *txn, int64_t now_ms)
{
	struct stmt *s = stmt_use(txn->db, outbox_sql_clock_back);
	stmt_int(s, 1, now_ms);
	stmt_int(s, 2, now_ms + OUTBOX_WAIT_MAX_MS);
	return stmt_run(s);
}

int outbox_claim(struct store_txn *txn, int64_t now_ms, size_t max, struct arena *arena,
		 struct outbox_claim **ret, size_t *ret_n, int64_t *ret_next_due_ms)
{
	int64_t paused = 0, next_due_ms = INT64_MAX;
	struct outbox_claim *claims = NULL;
	size_t n = 0;
	int r = number_or(txn, outbox_sql_paused, 0, &paused);
	if (r == 0 && !paused) {
		claims = arena_zalloc(arena, (max ? max : 1) * sizeof(*claims));
		r = claims ? mend_due(txn, now_ms) : -ENOBUFS;
		if (r == 0)
			r = claims_read(txn, now_ms, max, arena, claims, &n);
		if (r == 0)
			r = claims_take(txn, claims, n);
		if (r == 0)
			r = number_or(txn, outbox_sql_next_due, INT64_MAX, &next_due_ms);
	}
	if (r < 0)
		return r;
	*ret = claims;
	*ret_n = n;
	*ret_next_due_ms = next_due_ms;
	return 0;
}

int outbox_release(struct store_txn *txn, size_t *ret_n)
{
	int r = stmt_run(stmt_use(txn->db, sql_outbox_release));
	if (r == 0)
		*ret_n = (size_t)db_changes(txn->db);
	return r;
}

int outbox_settle(struct store_txn *txn, struct outbox_id id, const struct outbox_settlement *settlement)
{
	char line[OUTBOX_WHY_MAX];
	struct stmt *s = stmt_use(txn->db, sql_outbox_settle);
	stmt_int(s, 1, id.v);
	stmt_int(s, 2, settlement->state);
	if (settlement->state == OUTBOX_DUE)
		stmt_int(s, 3, settlement->due_ms);
	stmt_int(s, 4, settlement->tried);
	stmt_int(s, 5, settlement->now_ms);
	stmt_text(s, 6, why_line(settlement->why, line));
	return stmt_run(s);
}

/* ---- reports, and what is done by hand ---- */

int outbox_mark_bounced(struct store_txn *txn, struct outbox_id id, struct str why, int64_t now_ms)
{
	enum outbox_state state;
	int r = state_of(txn, id, &state);
	if (r < 0)
		return r;
	if (state == OUTBOX_BOUNCED)
		return 0;
	if (state == OUTBOX_CLAIMED)
		return -EBUSY;
	r = end(txn, id, OUTBOX_BOUNCED, why, now_ms);
	return r < 0 ? r : 1;
}

/* 0 when it waits or is parked: then a hand may do something to it. */
static int in_hand(struct store_txn *txn, struct outbox_id id)
{
	enum outbox_state state;
	int r = state_of(txn, id, &state);
	if (r < 0)
		return r;
	if (state == OUTBOX_CLAIMED)
		return -EBUSY;
	return state == OUTBOX_DUE || state == OUTBOX_FAILED ? 0 : -EALREADY;
}

int outbox_retry(struct store_txn *txn, struct outbox_id id, int64_t now_ms)
{
	int r = in_hand(txn, id);
	if (r < 0)
		return r;
	struct stmt *s = stmt_use(txn->db, sql_outbox_retry);
	stmt_int(s, 1, now_ms);
	stmt_int(s, 2, id.v);
	return stmt_run(s);
}

int outbox_retry_failed(struct store_txn *txn, int64_t now_ms, size_t *ret_n)
{
	struct stmt *s = stmt_use(txn->db, sql_outbox_retry_failed);
	stmt_int(s, 1, now_ms);
	int r = stmt_run(s);
	if (r == 0)
		*ret_n = (size_t)db_changes(txn->db);
	return r;
}

int outbox_cancel(struct store_txn *txn, struct outbox_id id, struct str why, int64_t now_ms)
{
	int r = in_hand(txn, id);
	return r < 0 ? r : end(txn, id, OUTBOX_CANCELLED, why, now_ms);
}

int outbox_set_paused(struct store_txn *txn, bool paused)
{
	struct stmt *s = stmt_use(txn->db, sql_outbox_pause);
	stmt_int(s, 1, paused);
	return stmt_run(s);
}
