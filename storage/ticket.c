/*
 * See ticket.h; clients are in client.c, comments in comment.c. One insert is one statement; the hot path of a new
 * ticket is client_upsert (a look-up, rarely an insert), the tenant's counter, ticket, comment. Every look-up names the
 * tenant or a row id that was found under it. Writer thread.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/conf.h"
#include "base/mailaddr.h"
#include "storage/reader_private.h"
#include "storage/ticket.h"
#include "storage/txn.h"

#define STATUS_NAME(id, name) [id] = name,
static const char *const status_names[] = {TICKET_STATUSES(STATUS_NAME)};

const char *ticket_status_name(enum ticket_status status)
{
	return status_names[status];
}

int ticket_status_parse(struct str text, enum ticket_status *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(status_names); i++)
		if (str_eq(text, str_from(status_names[i]))) {
			*ret = (enum ticket_status)i;
			return 0;
		}
	return -EINVAL;
}

const char *ticket_status_near(struct str text)
{
	return nearest_name(text, status_names, ARRAY_SIZE(status_names));
}

static const char sql_ticket_add[] =
	"INSERT INTO ticket (tenant, number, status, requester, automatic, linked, created_ms, updated_ms,"
	" subject, tag, addressed_to, assignee)"
	" VALUES (?1, ?2, ?3, ?4, ?5, nullif(?6, 0), ?7, ?8, ?9, ?10, ?11, ?12)";
/* All statuses, so that the index (tenant, status, number) finds it. */
static const char sql_ticket_find[] =
	"SELECT id FROM ticket WHERE tenant = ?1 AND status IN (0, 1, 2, 3, 4, 5, 6) AND number = ?2";
static const char sql_ticket_get[] =
	"SELECT k.tenant, k.number, k.status, k.requester, k.automatic, coalesce(k.linked, 0), k.created_ms,"
	" k.updated_ms, k.subject, k.tag, k.addressed_to, k.assignee FROM ticket k WHERE k.id = ?1";
static const char sql_ticket_reference[] = "SELECT k.number, t.reference_prefix FROM ticket k"
					   " JOIN tenant t ON t.id = k.tenant WHERE k.id = ?1";
/* Unchanged columns are not written by their index: status is compared by SQLite before it moves an entry. */
static const char sql_ticket_update[] = "UPDATE ticket SET status = coalesce(?2, status), subject = "
					"coalesce(?3, subject), tag = coalesce(?4, tag),"
					" assignee = coalesce(?5, assignee), updated_ms = ?6 WHERE id = ?1";

void ticket_print_reference(char *ret, struct str prefix, int64_t number)
{
	snprintf(ret, TICKET_REFERENCE_SIZE, "%.*s-%05" PRId64,
		 (int)(prefix.len < COUNTER_PREFIX_MAX ? prefix.len : COUNTER_PREFIX_MAX), prefix.ptr,
		 number);
}

/* Takes the next number of the tenant; -ENOENT when there is no such tenant. */
static int take_number(struct store_txn *txn, struct tenant_id tenant, int64_t *ret_number,
		       char *ret_reference)
{
	struct counter *counter = &txn->counter;
	int r = counter_hold(txn, tenant);
	if (r < 0)
		return r;
	*ret_number = counter->next++;
	counter->changed = true;
	ticket_print_reference(ret_reference, (struct str){counter->prefix, counter->prefix_len},
			       *ret_number);
	return 0;
}

int ticket_add(struct store_txn *txn, const struct ticket_row *row, struct ticket_id *ret,
	       int64_t *ret_number, char *ret_reference)
{
	assert(utf8_valid(row->subject) && utf8_valid(row->tag) && utf8_valid(row->addressed_to));
	int64_t number = 0;
	int r = take_number(txn, row->tenant, &number, ret_reference);
	if (r < 0)
		return r;
	struct stmt *s = stmt_use(txn->db, sql_ticket_add);
	stmt_int(s, 1, row->tenant.v);
	stmt_int(s, 2, number);
	stmt_int(s, 3, row->status);
	stmt_int(s, 4, row->requester.v);
	stmt_int(s, 5, row->automatic);
	stmt_int(s, 6, row->linked.v);
	stmt_int(s, 7, row->created_ms);
	stmt_int(s, 8, row->updated_ms ? row->updated_ms : row->created_ms);
	stmt_text(s, 9, row->subject);
	stmt_text(s, 10, row->tag);
	stmt_text(s, 11, row->addressed_to);
	stmt_text(s, 12, row->assignee);
	r = stmt_run(s);
	if (r < 0)
		return r;
	ret->v = db_last_id(txn->db);
	*ret_number = number;
	txn->memory.without_tickets.v = 0;
	return 0;
}

int ticket_find(struct store_txn *txn, struct tenant_id tenant, int64_t number, struct ticket_id *ret)
{
	struct stmt *s = stmt_use(txn->db, sql_ticket_find);
	stmt_int(s, 1, tenant.v);
	stmt_int(s, 2, number);
	int r = stmt_step(s);
	if (r > 0)
		ret->v = stmt_col_int(s, 0);
	stmt_reset(s);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int ticket_reference(struct store_txn *txn, struct ticket_id id, char *ret_reference)
{
	struct stmt *s = stmt_use(txn->db, sql_ticket_reference);
	stmt_int(s, 1, id.v);
	int r = stmt_step(s);
	if (r > 0)
		ticket_print_reference(ret_reference, stmt_col_text(s, 1), stmt_col_int(s, 0));
	stmt_reset(s);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int ticket_get(struct store_txn *txn, struct ticket_id id, struct ticket_row *ret)
{
	struct stmt *s = stmt_use(txn->db, sql_ticket_get);
	stmt_int(s, 1, id.v);
	int r = stmt_step(s);
	if (r <= 0) {
		stmt_reset(s);
		return r < 0 ? r : -ENOENT;
	}
	*ret = (struct ticket_row){
		.id = id,
		.tenant = {stmt_col_int(s, 0)},
		.number = stmt_col_int(s, 1),
		.status = (enum ticket_status)stmt_col_int(s, 2),
		.requester = {stmt_col_int(s, 3)},
		.automatic = stmt_col_int(s, 4) != 0,
		.linked = {stmt_col_int(s, 5)},
		.created_ms = stmt_col_int(s, 6),
		.updated_ms = stmt_col_int(s, 7),
		.subject = stmt_col_text(s, 8),
		.tag = stmt_col_text(s, 9),
		.addressed_to = stmt_col_text(s, 10),
		.assignee = stmt_col_text(s, 11),
	};
	return 0; /* not reset yet: the views live in it */
}

int ticket_update(struct store_txn *txn, struct ticket_id id, const struct ticket_change *change,
		  int64_t now_ms)
{
	struct stmt *s = stmt_use(txn->db, sql_ticket_update);
	stmt_int(s, 1, id.v);
	if (change->status >= 0)
		stmt_int(s, 2, change->status);
	stmt_text_or_null(s, 3, change->subject);
	stmt_text_or_null(s, 4, change->tag);
	stmt_text_or_null(s, 5, change->assignee);
	stmt_int(s, 6, now_ms);
	int r = stmt_run(s);
	if (r == 0 && db_changes(txn->db) == 0)
		r = -ENOENT;
	return r;
}
