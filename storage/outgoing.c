/*
 * See outgoing.h: one job's whole story, in one snapshot.
 *
 * The thread is made of two short walks, over the newest comments and the newest jobs of the ticket (THREAD_WALK of
 * each, so a ticket with very many costs no more per mail than any other), put in order of time. It leaves out what came
 * after the job was made: a job that is repeated days later is still the same mail. Any thread.
 */
#include <errno.h>

#include "storage/outbox_private.h"
#include "storage/outgoing.h"
#include "storage/participant.h"
#include "storage/reader_private.h"

#define THREAD_WALK "200"
#define ID_MAX      "900" /* characters of a Message-ID; a longer one has no room in a line of a header field */

static int read_job(struct reader *reader, struct outbox_id job, struct arena *arena, struct outgoing *ret);
static int read_tenant(struct reader *reader, struct arena *arena, struct outgoing *ret);
static int read_ticket(struct reader *reader, struct arena *arena, struct outgoing *ret);
static int read_comment(struct reader *reader, struct arena *arena, struct outgoing *ret);
static int read_attachments(struct reader *reader, struct arena *arena, struct outgoing *ret);
static int read_thread(struct reader *reader, struct arena *arena, struct outgoing *ret);
static int read_original(struct reader *reader, struct arena *arena, struct outgoing *ret);

static int read_all(struct reader *reader, struct outbox_id job, struct arena *arena, struct outgoing *ret)
{
	int r = read_job(reader, job, arena, ret);
	if (r == 0 && ret->job.tenant.v > 0)
		r = read_tenant(reader, arena, ret);
	if (r == 0 && ret->job.ticket.v > 0)
		r = read_ticket(reader, arena, ret);
	if (r == 0 && ret->job.comment.v > 0)
		r = read_comment(reader, arena, ret);
	if (r == 0 && ret->comment.id.v > 0)
		r = read_attachments(reader, arena, ret);
	if (r == 0 && ret->ticket.id.v > 0 && ret->job.participant > 0)
		r = read_thread(reader, arena, ret);
	if (r == 0 && ret->job.message.v > 0)
		r = read_original(reader, arena, ret);
	return r;
}

int reader_outgoing(struct reader *reader, struct outbox_id job, struct arena *arena, struct outgoing *ret)
{
	struct outgoing outgoing;
	memset(&outgoing, 0, sizeof(outgoing));
	int r = db_exec(reader->db, "BEGIN");
	if (r < 0)
		return r;
	r = read_all(reader, job, arena, &outgoing);
	int end = db_exec(reader->db, "COMMIT");
	if (r == 0)
		r = end;
	if (r == 0)
		*ret = outgoing;
	return r;
}

static int keep_all(struct str *const *texts, size_t n, struct arena *arena)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = text_keep(texts[i], arena);
	return r;
}

/* ---- rows ---- */

static const char sql_job[] = "SELECT " OUTBOX_COLUMNS " FROM outbox o WHERE o.id = ?1";
static const char sql_tenant[] =
	"SELECT " TENANT_COLUMNS " FROM tenant t JOIN ticket_counter c ON c.tenant = t.id WHERE t.id = ?1";
static const char sql_ticket[] =
	"SELECT " TICKET_VIEW_COLUMNS " FROM ticket k CROSS JOIN tenant t ON t.id = k.tenant"
	" LEFT JOIN client c ON c.id = k.requester WHERE k.id = ?1";
static const char sql_comment[] =
	"SELECT " COMMENT_VIEW_COLUMNS " FROM comment k" COMMENT_VIEW_JOINS " WHERE k.id = ?1";
static const char sql_message[] = MESSAGE_COLUMNS " WHERE id = ?1";

/* Steps to the row with this id: 0 with *ret to be reset, -ENOENT. */
static int row_of(struct reader *reader, const char *sql, int64_t id, struct stmt **ret)
{
	struct stmt *s = stmt_use(reader->db, sql);
	stmt_int(s, 1, id);
	int r = stmt_step(s);
	*ret = s;
	if (r > 0)
		return 0;
	stmt_reset(s);
	return r < 0 ? r : -ENOENT;
}

static int read_job(struct reader *reader, struct outbox_id job, struct arena *arena, struct outgoing *ret)
{
	struct stmt *s;
	int r = row_of(reader, sql_job, job.v, &s);
	if (r < 0)
		return r;
	outbox_row_read(s, &ret->job);
	r = outbox_row_keep(&ret->job, arena);
	stmt_reset(s);
	return r;
}

static int read_tenant(struct reader *reader, struct arena *arena, struct outgoing *ret)
{
	struct stmt *s;
	int r = row_of(reader, sql_tenant, ret->job.tenant.v, &s);
	if (r < 0)
		return r;
	struct tenant_row *row = &ret->tenant;
	tenant_row_read(s, row);
	struct str *const texts[] = {&row->slug,        &row->name,         &row->reference_prefix,
				     &row->admin_email, &row->notify_email, &row->locale,
				     &row->signature,   &row->logo_url,     &row->blocked_extensions};
	r = keep_all(texts, ARRAY_SIZE(texts), arena);
	stmt_reset(s);
	return r;
}

static int read_ticket(struct reader *reader, struct arena *arena, struct outgoing *ret)
{
	struct stmt *s;
	int r = row_of(reader, sql_ticket, ret->job.ticket.v, &s);
	if (r < 0)
		return r;
	struct ticket_view view;
	char reference[TICKET_REFERENCE_SIZE];
	ticket_view_read(s, &view, reference);
	ret->ticket = view.row;
	ret->requester_address = view.requester_address;
	ret->requester_name = view.requester_name;
	struct ticket_row *row = &ret->ticket;
	struct str *const texts[] = {&row->reference,     &row->subject,  &row->tag,
				     &row->addressed_to,  &row->assignee, &ret->requester_address,
				     &ret->requester_name};
	r = keep_all(texts, ARRAY_SIZE(texts), arena);
	stmt_reset(s);
	return r;
}

static int read_comment(struct reader *reader, struct arena *arena, struct outgoing *ret)
{
	struct stmt *s;
	int r = row_of(reader, sql_comment, ret->job.comment.v, &s);
	if (r < 0)
		return r;
	struct comment_view view;
	comment_view_read(s, &view);
	ret->comment = view.row;
	ret->comment_author_name = view.author_name;
	ret->comment_mail = view.mail_id;
	struct comment_row *row = &ret->comment;
	struct str *const texts[] = {
		&row->author_address,     &row->text, &row->reply, &row->note, &row->header_message_id,
		&ret->comment_author_name};
	r = keep_all(texts, ARRAY_SIZE(texts), arena);
	stmt_reset(s);
	return r;
}

static int read_original(struct reader *reader, struct arena *arena, struct outgoing *ret)
{
	struct stmt *s;
	int r = row_of(reader, sql_message, ret->job.message.v, &s);
	if (r < 0)
		return r;
	char file[SPOOL_FILE_SIZE];
	struct message_row *row = &ret->original;
	message_row_read(s, row, file);
	struct str *const texts[] = {
		&row->reverse_path, &row->client_ip,   &row->helo,           &row->tls,
		&row->protocol,     &row->header_from, &row->header_subject, &row->header_message_id,
		&row->file};
	r = keep_all(texts, ARRAY_SIZE(texts), arena);
	stmt_reset(s);
	return r;
}

/* ---- attachments ---- */

static const char sql_attachments_count[] = "SELECT count(*) FROM attachment WHERE comment = ?1";

struct attachments {
	struct arena *arena;
	struct attachment_row *rows;
	size_t n, max;
	int error;
};

static bool on_attachment(void *ctx, const struct attachment_row *attachment)
{
	struct attachments *list = ctx;
	if (list->n == list->max)
		return false;
	struct attachment_row *row = &list->rows[list->n];
	*row = *attachment;
	struct str *const texts[] = {&row->part,         &row->filename,   &row->media_type,
				     &row->sniffed_type, &row->content_id, &row->left_out};
	list->error = keep_all(texts, ARRAY_SIZE(texts), list->arena);
	if (list->error < 0)
		return false;
	list->n++;
	return true;
}

static int read_attachments(struct reader *reader, struct arena *arena, struct outgoing *ret)
{
	struct stmt *s;
	int r = row_of(reader, sql_attachments_count, ret->comment.id.v, &s);
	if (r < 0)
		return r;
	struct attachments list = {.arena = arena, .max = (size_t)stmt_col_int(s, 0)};
	stmt_reset(s);
	if (list.max == 0)
		return 0;
	list.rows = arena_zalloc(arena, list.max * sizeof(*list.rows));
	if (!list.rows)
		return -ENOBUFS;
	r = reader_attachments(reader, ret->comment.id, on_attachment, &list);
	if (r == 0)
		r = list.error;
	ret->attachments = list.rows;
	ret->attachments_n = list.n;
	return r;
}

/* ---- the thread ---- */

/* ?1 ticket, ?2 the last comment that counts, ?3 when it was written at the latest, ?4 kind of author, ?5 job, ?6
 * participant, ?7 limit. Newest first; a comment and the job it made have the same time. Of a client's comments the
 * internal ones came from others than the requester. */
#define GOOD_ID " length(header_message_id) BETWEEN 1 AND " ID_MAX
static const char sql_thread[] =
	"SELECT header_message_id FROM ("
	" SELECT header_message_id, created_ms, 0 AS ours, id FROM ("
	"  SELECT header_message_id, created_ms, id, author_kind, visibility FROM comment"
	"   INDEXED BY comment_by_ticket WHERE ticket = ?1 AND id <= ?2 ORDER BY id DESC LIMIT " THREAD_WALK
	")"
	" WHERE created_ms <= ?3 AND author_kind = ?4 AND (author_kind <> 0 OR visibility = 0) AND" GOOD_ID
	" UNION ALL"
	" SELECT header_message_id, created_ms, 1 AS ours, id FROM ("
	"  SELECT header_message_id, created_ms, id, participant, state FROM outbox"
	"   INDEXED BY outbox_by_ticket WHERE ticket = ?1 AND id < ?5 ORDER BY id DESC LIMIT " THREAD_WALK ")"
	" WHERE participant = ?6 AND state IN (4, 5) AND" GOOD_ID
	") ORDER BY created_ms DESC, ours DESC, id DESC LIMIT ?7";
/* The ticket's first mail, when this participant has it: the team has all. */
static const char sql_thread_first[] =
	"SELECT header_message_id FROM (SELECT header_message_id, author_kind, visibility FROM comment"
	" INDEXED BY comment_by_ticket WHERE ticket = ?1 ORDER BY id LIMIT 1)"
	" WHERE (?2 <> 0 OR (author_kind = 0 AND visibility = 0)) AND" GOOD_ID;
_Static_assert(COMMENT_BY_CLIENT == 0 && COMMENT_PUBLIC == 0 && OUTBOX_SENT == 4 && OUTBOX_BOUNCED == 5,
	       "numbers in sql_thread");

static bool has(const struct str *list, size_t n, struct str id)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i], id))
			return true;
	return false;
}

/* The first one into ret[0]: 1, or 0 when there is none. */
static int first_of_thread(struct reader *reader, const struct outgoing *outgoing, enum comment_author author,
			   struct arena *arena, struct str *ret)
{
	struct stmt *s = stmt_use(reader->db, sql_thread_first);
	stmt_int(s, 1, outgoing->ticket.id.v);
	stmt_int(s, 2, author);
	int r = stmt_step(s);
	if (r > 0 && arena_copy(arena, stmt_col_text(s, 0), ret) < 0)
		r = -ENOBUFS;
	stmt_reset(s);
	return r;
}

/* The newest, each once, oldest first, behind the n that are there already. */
static int rest_of_thread(struct stmt *s, struct arena *arena, struct str *ids, size_t *n)
{
	struct str newest[OUTGOING_THREAD_MAX];
	size_t newest_n = 0;
	int r;
	while ((r = stmt_step(s)) > 0 && *n + newest_n < OUTGOING_THREAD_MAX) {
		struct str id = stmt_col_text(s, 0);
		if (has(ids, *n, id) || has(newest, newest_n, id))
			continue;
		r = arena_copy(arena, id, &newest[newest_n]);
		if (r < 0)
			break;
		newest_n++;
	}
	stmt_reset(s);
	if (r < 0)
		return r;
	while (newest_n > 0)
		ids[(*n)++] = newest[--newest_n];
	return 0;
}

static int read_thread(struct reader *reader, struct arena *arena, struct outgoing *ret)
{
	const struct outbox_row *job = &ret->job;
	enum comment_author author =
		job->participant == PARTICIPANT_REQUESTER ? COMMENT_BY_CLIENT : COMMENT_BY_AGENT;
	struct str *ids = arena_zalloc(arena, OUTGOING_THREAD_MAX * sizeof(*ids));
	if (!ids)
		return -ENOBUFS;
	int r = first_of_thread(reader, ret, author, arena, &ids[0]);
	if (r < 0)
		return r;
	size_t n = r > 0;
	struct stmt *s = stmt_use(reader->db, sql_thread);
	stmt_int(s, 1, ret->ticket.id.v);
	stmt_int(s, 2, job->comment.v > 0 ? job->comment.v : INT64_MAX);
	stmt_int(s, 3, job->comment.v > 0 ? INT64_MAX : job->created_ms);
	stmt_int(s, 4, author);
	stmt_int(s, 5, job->id.v);
	stmt_int(s, 6, job->participant);
	stmt_int(s, 7, OUTGOING_THREAD_MAX * 2); /* some may be there twice */
	r = rest_of_thread(s, arena, ids, &n);
	if (r < 0)
		return r;
	ret->thread = ids;
	ret->thread_n = n;
	return 0;
}
