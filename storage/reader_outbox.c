/*
 * The outbox and the stopped addresses, as readers see them (reader.h).
 *
 * What has not left is found through its own index, by ids alone, and only the rows of one page are read then; a
 * ticket's jobs through their index; everything else by walking back from the newest. Any thread.
 */
#include <errno.h>

#include "storage/outbox_private.h"
#include "storage/reader_private.h"

#define JOB_COLUMNS "SELECT " OUTBOX_COLUMNS ", t.slug, t.reference_prefix, k.number"
#define JOB_JOINS   " LEFT JOIN tenant t ON t.id = o.tenant LEFT JOIN ticket k ON k.id = o.ticket"

/* ?1 before, ?2 limit, ?3 tenant or 0, ?4 state, -1 or -2, ?5 ticket */
static const char sql_jobs[] =
	JOB_COLUMNS " FROM outbox o" JOB_JOINS " WHERE o.id < ?1 AND (?3 = 0 OR o.tenant = ?3)"
		    " AND (?4 < 0 OR o.state = ?4) ORDER BY o.id DESC LIMIT ?2";
static const char sql_jobs_ticket[] =
	JOB_COLUMNS " FROM outbox o INDEXED BY outbox_by_ticket" JOB_JOINS
		    " WHERE o.ticket = ?5 AND o.id < ?1 AND (?3 = 0 OR o.tenant = ?3)"
		    " AND (?4 = -2 OR o.state = ?4 OR (?4 = -1 AND o.state < 3)) ORDER BY o.id DESC LIMIT ?2";
#define JOBS_WAITING(more)                                                                       \
	JOB_COLUMNS " FROM (SELECT id FROM outbox INDEXED BY outbox_waiting"                     \
		    " WHERE state < 3 AND (?4 < 0 OR state = ?4) AND id < ?1" more               \
		    " ORDER BY id DESC LIMIT ?2) n CROSS JOIN outbox o ON o.id = n.id" JOB_JOINS \
		    " ORDER BY n.id DESC"
static const char sql_jobs_waiting[] = JOBS_WAITING("");
static const char sql_jobs_waiting_tenant[] = JOBS_WAITING(" AND tenant = ?3");
static const char sql_counts[] = "SELECT state, count(*), min(due_ms) FROM outbox INDEXED BY outbox_waiting"
				 " WHERE state < 3 GROUP BY state";
static const char sql_stopped[] =
	"SELECT t.slug, s.address, s.why, s.created_ms FROM stopped s"
	" CROSS JOIN tenant t ON t.id = s.tenant ORDER BY s.created_ms DESC, t.slug";

static const char *jobs_sql(const struct outbox_filter *filter)
{
	if (filter->ticket.v > 0)
		return sql_jobs_ticket;
	if (filter->state == -2 || filter->state >= OUTBOX_CANCELLED)
		return sql_jobs;
	return filter->tenant_slug.ptr ? sql_jobs_waiting_tenant : sql_jobs_waiting;
}

int reader_outbox(struct reader *reader, const struct outbox_filter *filter, outbox_fn *fn, void *ctx)
{
	int64_t tenant = 0;
	int r = filter->tenant_slug.ptr ? reader_tenant_id(reader, filter->tenant_slug, &tenant) : 0;
	if (r < 0)
		return r;
	const char *sql = jobs_sql(filter);
	struct stmt *s = stmt_use(reader->db, sql);
	stmt_int(s, 1, reader_before(filter->before_id));
	stmt_int(s, 2, reader_limit(filter->limit));
	if (sql != sql_jobs_waiting)
		stmt_int(s, 3, tenant);
	stmt_int(s, 4, filter->state);
	if (sql == sql_jobs_ticket)
		stmt_int(s, 5, filter->ticket.v);
	while ((r = stmt_step(s)) > 0) {
		struct outbox_view view;
		char reference[TICKET_REFERENCE_SIZE] = "";
		outbox_row_read(s, &view.row);
		view.tenant_slug = stmt_col_text(s, OUTBOX_COLUMNS_N);
		struct str prefix = stmt_col_text(s, OUTBOX_COLUMNS_N + 1);
		if (prefix.ptr && view.row.ticket.v > 0)
			ticket_print_reference(reference, prefix, stmt_col_int(s, OUTBOX_COLUMNS_N + 2));
		view.ticket_reference = str_from(reference);
		if (!fn(ctx, &view))
			break;
	}
	stmt_reset(s);
	return r < 0 ? r : 0;
}

int reader_outbox_counts(struct reader *reader, struct outbox_counts *ret)
{
	struct outbox_counts counts = {0};
	int64_t paused = 0;
	struct stmt *s = stmt_use(reader->db, sql_counts);
	int r;
	while ((r = stmt_step(s)) > 0) {
		int64_t n = stmt_col_int(s, 1);
		switch (stmt_col_int(s, 0)) {
		case OUTBOX_DUE:
			counts.due = n;
			counts.oldest_due_ms = stmt_col_int(s, 2);
			break;
		case OUTBOX_CLAIMED:
			counts.claimed = n;
			break;
		default:
			counts.failed = n;
		}
	}
	stmt_reset(s);
	if (r == 0)
		r = db_query_int(reader->db, outbox_sql_paused, &paused);
	if (r < 0 && r != -ENOENT)
		return r;
	counts.paused = paused != 0;
	*ret = counts;
	return 0;
}

int reader_stopped(struct reader *reader, stopped_fn *fn, void *ctx)
{
	struct stmt *s = stmt_use(reader->db, sql_stopped);
	int r;
	while ((r = stmt_step(s)) > 0)
		if (!fn(ctx, stmt_col_text(s, 0), stmt_col_text(s, 1), stmt_col_text(s, 2),
			stmt_col_int(s, 3)))
			break;
	stmt_reset(s);
	return r < 0 ? r : 0;
}
