/*
 * See reader.h.
 *
 * Each list is a static text per kind of filter, chosen so that it walks an index from the newest row back and
 * stops at its limit: a page costs the same whatever is stored. CROSS JOIN is SQLite's way to say "in this
 * order"; INDEXED BY makes a wrong plan an error instead of a scan.
 *
 * The exceptions, which nothing on the way of a mail asks for: audit rows of one tenant or with something in their
 * texts, and originals whose Message-ID contains something, are looked for by walking back through all of them
 * until there are enough.
 *
 * Where rows are asked for since some time, the walk stops a day before it: rows are in the order of their
 * commits, which is that of `received` but for slow senders and clocks that were set.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "storage/keys.h"
#include "storage/reader_private.h"
#include "storage/schema.h"
#include "storage/txn.h"

#define READER_CACHE   (2 * 1024 * 1024)
#define SINCE_SLACK_MS (24 * 3600 * 1000LL)
#define PIECE_SIZE     (64 * 1024)
#define NEWEST         INT64_MAX

static int reader_open_database(struct reader *reader, const char *data_dir, struct conf_error *reterr);

/* ---- life ---- */

int reader_open(struct reader **ret, const struct storage_conf *conf, struct conf_error *reterr)
{
	struct reader *reader = XNEW(struct reader);
	char *spool = xasprintf("%s/%s", conf->data_dir, STORE_SPOOL_NAME);
	reader->spool_fd = open(spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(spool);
	int r = reader_open_database(reader, conf->data_dir, reterr);
	if (r < 0) {
		reader_close(reader);
		return r;
	}
	*ret = reader;
	return 0;
}

static int reader_open_database(struct reader *reader, const char *data_dir, struct conf_error *reterr)
{
	char *path = xasprintf("%s/%s", data_dir, STORE_DB_NAME);
	int r = 0;
	if (access(path, R_OK) < 0) {
		r = -errno;
		if (reterr)
			snprintf(reterr->text, sizeof(reterr->text), "%s: %s%s", path, strerror(-r),
				 r == -ENOENT ? "; it is made when the server starts for the first time"
					      : "");
	}
	if (r == 0)
		r = db_open(&reader->db, path, DB_READ_ONLY, READER_CACHE, reterr);
	if (r == 0)
		r = schema_check(reader->db, path, reterr);
	free(path);
	return r;
}

struct reader *reader_close(struct reader *reader)
{
	if (!reader)
		return NULL;
	db_close(reader->db);
	if (reader->spool_fd >= 0)
		close(reader->spool_fd);
	free(reader);
	return NULL;
}

/* SQLite: a negative LIMIT is none. */
int64_t reader_limit(int64_t limit)
{
	return limit > 0 ? limit : -1;
}

int64_t reader_before(int64_t before_id)
{
	return before_id > 0 ? before_id : NEWEST;
}

/* For "one thing was asked for". */
static int found(int r, int64_t rows)
{
	return r < 0 ? r : rows == 0 ? -ENOENT : 0;
}

/* ---- tenants ---- */

static const char sql_tenants[] =
	"SELECT " TENANT_COLUMNS
	", CASE WHEN ?2 THEN (SELECT count(*) FROM ticket WHERE tenant = t.id) ELSE -1 END"
	" FROM tenant t CROSS JOIN ticket_counter c ON c.tenant = t.id WHERE ?1 OR t.status <> 2 ORDER BY "
	"t.slug";
static const char sql_tenant[] =
	"SELECT " TENANT_COLUMNS ", (SELECT count(*) FROM ticket WHERE tenant = t.id)"
	" FROM tenant t CROSS JOIN ticket_counter c ON c.tenant = t.id WHERE t.slug = ?1";
static const char sql_tenant_id[] = "SELECT id FROM tenant WHERE slug = ?1";

static int each_tenant(struct stmt *s, tenant_fn *fn, void *ctx, int64_t *ret_rows)
{
	int r;
	while ((r = stmt_step(s)) > 0) {
		struct tenant_row row;
		tenant_row_read(s, &row);
		++*ret_rows;
		if (!fn(ctx, &row, stmt_col_int(s, TENANT_COLUMNS_N)))
			break;
	}
	stmt_reset(s);
	return r < 0 ? r : 0;
}

int reader_tenants(struct reader *reader, bool with_removed, bool count_tickets, tenant_fn *fn, void *ctx)
{
	int64_t rows = 0;
	struct stmt *s = stmt_use(reader->db, sql_tenants);
	stmt_int(s, 1, with_removed);
	stmt_int(s, 2, count_tickets);
	return each_tenant(s, fn, ctx, &rows);
}

int reader_tenant(struct reader *reader, struct str slug, tenant_fn *fn, void *ctx)
{
	int64_t rows = 0;
	struct stmt *s = stmt_use(reader->db, sql_tenant);
	stmt_text(s, 1, slug);
	int r = each_tenant(s, fn, ctx, &rows);
	return found(r, rows);
}

int reader_tenant_id(struct reader *reader, struct str slug, int64_t *ret)
{
	struct stmt *s = stmt_use(reader->db, sql_tenant_id);
	stmt_text(s, 1, slug);
	int r = stmt_step(s);
	if (r > 0)
		*ret = stmt_col_int(s, 0);
	stmt_reset(s);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

/* ---- tickets ---- */

#define TICKET_COLUMNS "SELECT " TICKET_VIEW_COLUMNS ", (SELECT count(*) FROM comment WHERE ticket = k.id)"
#define TICKET_JOINS   " CROSS JOIN tenant t ON t.id = k.tenant LEFT JOIN client c ON c.id = k.requester"

/* ?1 before, ?2 limit, and what the filter needs from ?3 on. */
static const char sql_tickets_all[] =
	TICKET_COLUMNS " FROM ticket k" TICKET_JOINS " WHERE k.id < ?1 ORDER BY k.id DESC LIMIT ?2";
static const char sql_tickets_status[] =
	TICKET_COLUMNS " FROM ticket k INDEXED BY ticket_by_status_only" TICKET_JOINS
		       " WHERE k.status = ?3 AND k.id < ?1 ORDER BY k.id DESC LIMIT ?2";
/* ?4 tenant, ?5 number to stay below. */
static const char sql_tickets_tenant_status[] =
	TICKET_COLUMNS " FROM ticket k INDEXED BY ticket_by_status" TICKET_JOINS
		       " WHERE k.tenant = ?4 AND k.status = ?3 AND k.number < ?5 AND k.id < ?1"
		       " ORDER BY k.number DESC LIMIT ?2";
#define RANGE_OF(status)                                                                                   \
	"SELECT id, number FROM ticket INDEXED BY ticket_by_status WHERE tenant = ?4 AND status = " status \
	" AND number < ?5 AND id < ?1"
static const char sql_tickets_tenant
	[] = TICKET_COLUMNS " FROM (" RANGE_OF("0") " UNION ALL " RANGE_OF("1") " UNION ALL " RANGE_OF("2") " UNION ALL " RANGE_OF(
		"3") " UNION ALL " RANGE_OF("4") " UNION ALL " RANGE_OF("5") " UNION ALL " RANGE_OF("6") //
	" ORDER BY number DESC LIMIT ?2) n CROSS JOIN ticket k ON k.id = n.id" TICKET_JOINS
	" ORDER BY n.number DESC";
/* ?6 key of the address, ?7 the address; status and tenant when asked for (?3 >= 0, ?4 > 0). */
static const char sql_tickets_requester[] =
	TICKET_COLUMNS " FROM ticket k INDEXED BY ticket_by_requester" TICKET_JOINS
		       " WHERE k.requester IN (SELECT id FROM client WHERE address_key = ?6"
		       "  AND lower(address) = lower(?7) AND (?4 = 0 OR tenant = ?4))"
		       " AND k.id < ?1 AND (?3 < 0 OR k.status = ?3) ORDER BY k.id DESC LIMIT ?2";
/* ?8 prefix, ?9 number */
static const char sql_ticket_by_reference[] = TICKET_COLUMNS
	" FROM tenant t INDEXED BY tenant_by_prefix CROSS JOIN ticket k INDEXED BY ticket_by_status"
	" ON k.tenant = t.id AND k.status IN (0, 1, 2, 3, 4, 5, 6) AND k.number = ?9"
	" LEFT JOIN client c ON c.id = k.requester WHERE t.reference_prefix = ?8 ORDER BY t.id";
static const char sql_ticket_number[] = "SELECT number FROM ticket WHERE id = ?1 AND tenant = ?2";

void ticket_view_read(struct stmt *s, struct ticket_view *ret, char *reference)
{
	memset(ret, 0, sizeof(*ret));
	struct ticket_row *row = &ret->row;
	row->id.v = stmt_col_int(s, 0);
	row->tenant.v = stmt_col_int(s, 1);
	row->number = stmt_col_int(s, 2);
	row->status = (enum ticket_status)stmt_col_int(s, 3);
	row->requester.v = stmt_col_int(s, 4);
	row->automatic = stmt_col_int(s, 5) != 0;
	row->linked.v = stmt_col_int(s, 6);
	row->created_ms = stmt_col_int(s, 7);
	row->updated_ms = stmt_col_int(s, 8);
	row->subject = stmt_col_text(s, 9);
	row->tag = stmt_col_text(s, 10);
	row->addressed_to = stmt_col_text(s, 11);
	row->assignee = stmt_col_text(s, 12);
	ret->tenant_slug = stmt_col_text(s, 13);
	ticket_print_reference(reference, stmt_col_text(s, 14), row->number);
	row->reference = str_from(reference);
	ret->requester_address = stmt_col_text(s, 15);
	ret->requester_name = stmt_col_text(s, 16);
}

/* limit 0: the statement has its own. */
static int each_ticket(struct stmt *s, int64_t since_ms, int64_t limit, ticket_fn *fn, void *ctx,
		       int64_t *ret_rows)
{
	int r;
	while ((r = stmt_step(s)) > 0) {
		struct ticket_view view;
		char reference[TICKET_REFERENCE_SIZE];
		ticket_view_read(s, &view, reference);
		view.comments = stmt_col_int(s, TICKET_VIEW_COLUMNS_N);
		if (view.row.created_ms < since_ms - SINCE_SLACK_MS)
			break;
		if (view.row.created_ms < since_ms)
			continue;
		++*ret_rows;
		if (!fn(ctx, &view) || *ret_rows == limit)
			break;
	}
	stmt_reset(s);
	return r < 0 ? r : 0;
}

/* Within a tenant, numbers grow as ids do: the page after ticket before_id is below its number. */
static int number_before(struct reader *reader, int64_t before_id, int64_t tenant, int64_t *ret)
{
	struct stmt *s = stmt_use(reader->db, sql_ticket_number);
	stmt_int(s, 1, before_id);
	stmt_int(s, 2, tenant);
	int r = stmt_step(s);
	*ret = r > 0 ? stmt_col_int(s, 0) : NEWEST;
	stmt_reset(s);
	return r < 0 ? r : 0;
}

static const char *tickets_sql(const struct ticket_filter *filter)
{
	if (filter->requester.ptr)
		return sql_tickets_requester;
	if (filter->tenant_slug.ptr)
		return filter->status >= 0 ? sql_tickets_tenant_status : sql_tickets_tenant;
	return filter->status >= 0 ? sql_tickets_status : sql_tickets_all;
}

int reader_tickets(struct reader *reader, const struct ticket_filter *filter, ticket_fn *fn, void *ctx)
{
	int64_t tenant = 0, number = NEWEST, rows = 0;
	int r = 0;
	if (filter->tenant_slug.ptr)
		r = reader_tenant_id(reader, filter->tenant_slug, &tenant);
	if (r == 0 && tenant > 0 && filter->before_id > 0)
		r = number_before(reader, filter->before_id, tenant, &number);
	if (r < 0)
		return r;
	const char *sql = tickets_sql(filter);
	struct stmt *s = stmt_use(reader->db, sql);
	stmt_int(s, 1, reader_before(filter->before_id));
	/* rows that are too old are not counted, so then the limit is ours */
	stmt_int(s, 2, filter->since_ms > 0 ? reader_limit(0) : reader_limit(filter->limit));
	if (sql != sql_tickets_all)
		stmt_int(s, 3, filter->status);
	if (sql != sql_tickets_all && sql != sql_tickets_status)
		stmt_int(s, 4, tenant);
	if (sql == sql_tickets_tenant || sql == sql_tickets_tenant_status)
		stmt_int(s, 5, number);
	if (sql == sql_tickets_requester) {
		stmt_int(s, 6, key_of_address(filter->requester));
		stmt_text(s, 7, filter->requester);
	}
	return each_ticket(s, filter->since_ms, filter->limit, fn, ctx, &rows);
}

/* "ACME-00042" -> "ACME", 42. */
static int reference_parse(struct str reference, char *ret_prefix, size_t prefix_max, int64_t *ret_number)
{
	size_t dash = reference.len;
	while (dash > 0 && reference.ptr[dash - 1] != '-')
		dash--;
	if (dash < 2 || dash - 1 >= prefix_max || dash == reference.len || reference.len - dash > 18)
		return -ENOENT;
	int64_t number = 0;
	for (size_t i = dash; i < reference.len; i++) {
		if (!ascii_digit(reference.ptr[i]))
			return -ENOENT;
		number = number * 10 + (reference.ptr[i] - '0');
	}
	for (size_t i = 0; i < dash - 1; i++) {
		char c = reference.ptr[i];
		ret_prefix[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
	}
	ret_prefix[dash - 1] = '\0';
	*ret_number = number;
	return 0;
}

int reader_ticket(struct reader *reader, struct str reference, ticket_fn *fn, void *ctx)
{
	char prefix[TICKET_REFERENCE_SIZE];
	int64_t number = 0, rows = 0;
	int r = reference_parse(reference, prefix, sizeof(prefix), &number);
	if (r < 0)
		return r;
	struct stmt *s = stmt_use(reader->db, sql_ticket_by_reference);
	stmt_text(s, 8, str_from(prefix));
	stmt_int(s, 9, number);
	r = each_ticket(s, 0, 0, fn, ctx, &rows);
	return found(r, rows);
}

/* ---- comments and attachments ---- */

static const char sql_comments[] =
	"SELECT " COMMENT_VIEW_COLUMNS " FROM comment k INDEXED BY comment_by_ticket" COMMENT_VIEW_JOINS
	" WHERE k.ticket = ?1 ORDER BY k.id";
static const char sql_attachments[] =
	"SELECT position, part, filename, media_type, content_id, size, inline_image, left_out, sniffed_type"
	" FROM attachment WHERE comment = ?1 ORDER BY position";

static void mail_id_read(struct stmt *s, int column, struct mail_id *ret)
{
	struct str text = stmt_col_text(s, column);
	memset(ret, 0, sizeof(*ret));
	if (text.len > 0)
		memcpy(ret->text, text.ptr, text.len < MAIL_ID_LEN ? text.len : MAIL_ID_LEN);
}

void comment_view_read(struct stmt *s, struct comment_view *ret)
{
	memset(ret, 0, sizeof(*ret));
	struct comment_row *row = &ret->row;
	row->id.v = stmt_col_int(s, 0);
	row->ticket.v = stmt_col_int(s, 1);
	row->tenant.v = stmt_col_int(s, 2);
	row->message.v = stmt_col_int(s, 3);
	row->author_kind = (enum comment_author)stmt_col_int(s, 4);
	row->author.v = stmt_col_int(s, 5);
	row->visibility = (enum comment_visibility)stmt_col_int(s, 6);
	row->automatic = stmt_col_int(s, 7) != 0;
	row->created_ms = stmt_col_int(s, 8);
	row->author_address = stmt_col_text(s, 9);
	row->header_message_id = stmt_col_text(s, 10);
	row->note = stmt_col_text(s, 11);
	row->reply = stmt_col_text(s, 12);
	row->text = stmt_col_text(s, 13);
	ret->author_name = stmt_col_text(s, 14);
	mail_id_read(s, 15, &ret->mail_id);
}

int reader_comments(struct reader *reader, struct ticket_id ticket, comment_fn *fn, void *ctx)
{
	struct stmt *s = stmt_use(reader->db, sql_comments);
	stmt_int(s, 1, ticket.v);
	int r;
	while ((r = stmt_step(s)) > 0) {
		struct comment_view view;
		comment_view_read(s, &view);
		if (!fn(ctx, &view))
			break;
	}
	stmt_reset(s);
	return r < 0 ? r : 0;
}

int reader_attachments(struct reader *reader, struct comment_id comment, attachment_fn *fn, void *ctx)
{
	struct stmt *s = stmt_use(reader->db, sql_attachments);
	stmt_int(s, 1, comment.v);
	int r;
	while ((r = stmt_step(s)) > 0) {
		const struct attachment_row row = {
			.position = stmt_col_int(s, 0),
			.part = stmt_col_text(s, 1),
			.filename = stmt_col_text(s, 2),
			.media_type = stmt_col_text(s, 3),
			.content_id = stmt_col_text(s, 4),
			.size = stmt_col_int(s, 5),
			.inline_image = stmt_col_int(s, 6) != 0,
			.left_out = stmt_col_text(s, 7),
			.sniffed_type = stmt_col_text(s, 8),
		};
		if (!fn(ctx, &row))
			break;
	}
	stmt_reset(s);
	return r < 0 ? r : 0;
}

/* ---- stored originals ---- */

static const char sql_messages[] = MESSAGE_COLUMNS
	" WHERE id < ?1 AND (?2 IS NULL OR instr(header_message_id, ?2) > 0) ORDER BY id DESC";
static const char sql_message[] = MESSAGE_COLUMNS " WHERE mail_id = ?1";
/* A repeat is not stored again: its id leads to the original of the first one. 4 is AUDIT_DUPLICATE. */
static const char sql_message_of_repeat[] =
	MESSAGE_COLUMNS " WHERE id = (SELECT message FROM audit INDEXED BY audit_by_mail_id WHERE mail_id = "
			"?1 AND outcome = 4 AND "
			"message IS NOT NULL LIMIT 1)";
_Static_assert(AUDIT_DUPLICATE == 4, "sql_message_of_repeat");
static const char sql_original[] = "SELECT bytes FROM original WHERE message = ?1";

void spool_file_name(char *ret, int64_t run, struct str mail_id)
{
	snprintf(ret, SPOOL_FILE_SIZE, "%lld/%.*s", (long long)run,
		 (int)(mail_id.len < MAIL_ID_LEN ? mail_id.len : MAIL_ID_LEN),
		 mail_id.ptr ? mail_id.ptr : "");
}

void message_row_read(struct stmt *s, struct message_row *ret, char *file)
{
	memset(ret, 0, sizeof(*ret));
	ret->id.v = stmt_col_int(s, 0);
	mail_id_read(s, 1, &ret->mail_id);
	int64_t run = stmt_col_int(s, 2);
	ret->received_ms = stmt_col_int(s, 3);
	ret->size = stmt_col_int(s, 4);
	ret->trace_size = stmt_col_int(s, 5);
	struct str digest = stmt_col_blob(s, 6);
	if (digest.len == sizeof(ret->digest))
		memcpy(ret->digest, digest.ptr, digest.len);
	ret->reverse_path = stmt_col_text(s, 7);
	ret->client_ip = stmt_col_text(s, 8);
	ret->helo = stmt_col_text(s, 9);
	ret->tls = stmt_col_text(s, 10);
	ret->protocol = stmt_col_text(s, 11);
	ret->header_from = stmt_col_text(s, 12);
	ret->header_subject = stmt_col_text(s, 13);
	ret->header_message_id = stmt_col_text(s, 14);
	file[0] = '\0';
	if (run != 0)
		spool_file_name(file, run, str_from(ret->mail_id.text));
	ret->file = str_from(file);
}

int reader_messages(struct reader *reader, const struct message_filter *filter, message_fn *fn, void *ctx)
{
	struct stmt *s = stmt_use(reader->db, sql_messages);
	stmt_int(s, 1, reader_before(filter->before_id));
	stmt_text_or_null(s, 2, filter->header_message_id);
	int r;
	int64_t rows = 0;
	while ((r = stmt_step(s)) > 0) {
		struct message_row row;
		char file[SPOOL_FILE_SIZE];
		message_row_read(s, &row, file);
		if (row.received_ms < filter->since_ms - SINCE_SLACK_MS)
			break;
		if (row.received_ms < filter->since_ms)
			continue;
		if (!fn(ctx, &row) || ++rows == filter->limit)
			break;
	}
	stmt_reset(s);
	return r < 0 ? r : 0;
}

/* Steps to the message's row: 1, 0 when there is none, negative errno. *ret is to be reset. */
static int message_step(struct reader *reader, const struct mail_id *id, struct stmt **ret)
{
	static const char *const ways[] = {sql_message, sql_message_of_repeat};
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(ways); i++) {
		*ret = stmt_use(reader->db, ways[i]);
		stmt_text(*ret, 1, str_from(id->text));
		r = stmt_step(*ret);
		if (r <= 0)
			stmt_reset(*ret);
	}
	return r;
}

int reader_message(struct reader *reader, const struct mail_id *id, message_fn *fn, void *ctx)
{
	struct stmt *s;
	int r = message_step(reader, id, &s);
	if (r > 0) {
		struct message_row row;
		char file[SPOOL_FILE_SIZE];
		message_row_read(s, &row, file);
		fn(ctx, &row);
	}
	stmt_reset(s);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

static int stream_row(struct reader *reader, int64_t message, int64_t size, bytes_fn *fn, void *ctx)
{
	struct stmt *s = stmt_use(reader->db, sql_original);
	stmt_int(s, 1, message);
	int r = stmt_step(s);
	if (r == 0)
		r = -EIO;
	if (r > 0) {
		struct str bytes = stmt_col_blob(s, 0);
		r = (int64_t)bytes.len == size ? 0 : -EIO;
		for (size_t at = 0; r == 0 && at < bytes.len; at += PIECE_SIZE)
			r = fn(ctx, str_sub(bytes, at, at + PIECE_SIZE));
	}
	stmt_reset(s);
	return r < 0 ? r : 0;
}

static int stream_fd(int fd, int64_t size, bytes_fn *fn, void *ctx)
{
	char *piece = xmalloc(PIECE_SIZE);
	int r = 0;
	while (r >= 0) {
		ssize_t n = read(fd, piece, PIECE_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r = n < 0 ? -errno : size == 0 ? 0 : -EIO;
			break;
		}
		size -= n;
		r = fn(ctx, (struct str){piece, (size_t)n});
	}
	free(piece);
	return r < 0 ? r : 0;
}

int reader_stream(struct reader *reader, int64_t message, int64_t run, struct str mail_id, int64_t size,
		  bytes_fn *fn, void *ctx)
{
	if (run == 0)
		return stream_row(reader, message, size, fn, ctx);
	char file[SPOOL_FILE_SIZE];
	spool_file_name(file, run, mail_id);
	int fd = openat(reader->spool_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT || errno == EBADF ? -EIO : -errno; /* the row is there: not ENOENT */
	int r = stream_fd(fd, size, fn, ctx);
	close(fd);
	return r;
}

int reader_original(struct reader *reader, const struct mail_id *id, bytes_fn *fn, void *ctx)
{
	struct stmt *s;
	struct mail_id stored;
	int r = message_step(reader, id, &s);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	int64_t message = stmt_col_int(s, 0), run = stmt_col_int(s, 2), size = stmt_col_int(s, 4);
	mail_id_read(s, 1, &stored);
	stmt_reset(s);
	return reader_stream(reader, message, run, str_from(stored.text), size, fn, ctx);
}

/* ---- audit ---- */

#define AUDIT_COLUMNS                                                                                      \
	"SELECT a.id, a.mail_id, a.received_ms, a.committed_ms, a.tenant, a.outcome, a.ticket, a.comment," \
	" a.message, a.size, a.parse_us, a.reverse_path, a.recipient, a.client_ip, a.helo, a.tls,"         \
	" a.protocol, a.header_from, a.header_subject, a.header_message_id, a.verdict, a.reply, a.error,"  \
	" t.slug, t.reference_prefix, k.number FROM audit a"
#define AUDIT_JOINS                                                                    \
	" LEFT JOIN tenant t ON t.id = a.tenant LEFT JOIN ticket k ON k.id = a.ticket" \
	" WHERE a.id < ?1 AND (?2 < 0 OR a.outcome = ?2) AND (?3 = 0 OR a.tenant = ?3)"
static const char sql_audit[] = AUDIT_COLUMNS AUDIT_JOINS " ORDER BY a.id DESC";
static const char sql_audit_outcome[] = AUDIT_COLUMNS
	" INDEXED BY audit_by_outcome" AUDIT_JOINS " AND a.outcome > 0 AND a.outcome = ?2 ORDER BY a.id DESC";
static const char sql_audit_mail[] =
	AUDIT_COLUMNS " INDEXED BY audit_by_mail_id" AUDIT_JOINS " AND a.mail_id = ?4 ORDER BY a.id DESC";

static void audit_read(struct stmt *s, struct audit_view *ret, char *reference)
{
	memset(ret, 0, sizeof(*ret));
	struct audit_row *row = &ret->row;
	struct str *const texts[] = {&row->reverse_path,
				     &row->recipient,
				     &row->client_ip,
				     &row->helo,
				     &row->tls,
				     &row->protocol,
				     &row->header_from,
				     &row->header_subject,
				     &row->header_message_id,
				     &row->verdict,
				     &row->reply,
				     &row->error};
	row->id = stmt_col_int(s, 0);
	mail_id_read(s, 1, &row->mail_id);
	row->received_ms = stmt_col_int(s, 2);
	row->committed_ms = stmt_col_int(s, 3);
	row->tenant.v = stmt_col_int(s, 4);
	row->outcome = (enum audit_outcome)stmt_col_int(s, 5);
	row->ticket.v = stmt_col_int(s, 6);
	row->comment.v = stmt_col_int(s, 7);
	row->message.v = stmt_col_int(s, 8);
	row->size = stmt_col_int(s, 9);
	row->parse_us = stmt_col_int(s, 10);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		*texts[i] = stmt_col_text(s, 11 + (int)i);
	ret->tenant_slug = stmt_col_text(s, 23);
	reference[0] = '\0';
	if (stmt_col_int(s, 25) > 0 && stmt_col_text(s, 24).ptr)
		ticket_print_reference(reference, stmt_col_text(s, 24), stmt_col_int(s, 25));
	ret->ticket_reference = str_from(reference);
}

/* Is part in text? ASCII case is ignored; a NULL part is in everything. */
static bool holds(struct str text, struct str part)
{
	if (!part.ptr)
		return true;
	for (size_t i = 0; i + part.len <= text.len; i++)
		if (str_ieq(str_sub(text, i, i + part.len), part))
			return true;
	return false;
}

static bool audit_wanted(const struct audit_row *row, const struct audit_filter *filter)
{
	return row->received_ms >= filter->since_ms &&
	       (filter->until_ms == 0 || row->received_ms < filter->until_ms) &&
	       (holds(row->reverse_path, filter->from) || holds(row->header_from, filter->from)) &&
	       holds(row->recipient, filter->to) && holds(row->header_message_id, filter->header_message_id);
}

static int each_audit(struct stmt *s, const struct audit_filter *filter, audit_fn *fn, void *ctx)
{
	int r;
	int64_t rows = 0;
	while ((r = stmt_step(s)) > 0) {
		struct audit_view view;
		char reference[TICKET_REFERENCE_SIZE];
		audit_read(s, &view, reference);
		if (view.row.committed_ms < filter->since_ms - SINCE_SLACK_MS)
			break;
		if (!audit_wanted(&view.row, filter))
			continue;
		if (!fn(ctx, &view) || ++rows == filter->limit)
			break;
	}
	stmt_reset(s);
	return r < 0 ? r : 0;
}

int reader_audit(struct reader *reader, const struct audit_filter *filter, audit_fn *fn, void *ctx)
{
	int64_t tenant = 0;
	if (filter->tenant_slug.ptr) {
		int r = reader_tenant_id(reader, filter->tenant_slug, &tenant);
		if (r < 0)
			return r;
	}
	const char *sql = filter->mail_id.ptr   ? sql_audit_mail
			  : filter->outcome > 0 ? sql_audit_outcome
						: sql_audit;
	struct stmt *s = stmt_use(reader->db, sql);
	stmt_int(s, 1, reader_before(filter->before_id));
	stmt_int(s, 2, filter->outcome);
	stmt_int(s, 3, tenant);
	if (sql == sql_audit_mail)
		stmt_text(s, 4, filter->mail_id);
	return each_audit(s, filter, fn, ctx);
}

/* ---- settings ---- */

static const char sql_settings[] = "SELECT key, value, updated_ms FROM setting ORDER BY key";
int reader_settings(struct reader *reader, setting_fn *fn, void *ctx)
{
	struct stmt *s = stmt_use(reader->db, sql_settings);
	int r;
	while ((r = stmt_step(s)) > 0)
		if (!fn(ctx, stmt_col_text(s, 0), stmt_col_text(s, 1), stmt_col_int(s, 2)))
			break;
	stmt_reset(s);
	return r < 0 ? r : 0;
}
