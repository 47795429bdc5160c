/*
 * The balance (reader.h): what was acknowledged against what exists, in one snapshot.
 *
 * Two walks, each linear: over the audit rows (is everything there that a row tells of?), then over originals
 * and tickets (does some row tell of them?). Between them two bitmaps over ids, an eighth of an octet per row:
 * ids are dense, so a million tickets cost 125 KiB and no sorting.
 *
 * Any thread, read-only. The snapshot keeps the log from being cut meanwhile, which is why nothing here waits
 * for anybody.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "storage/reader_private.h"

#define IDS_MAX ((int64_t)1 << 32)

struct bitmap {
	uint8_t *bits;
	int64_t max; /* ids 1..max */
};

struct balance {
	struct reader *reader;
	struct audit_balance sum;
	problem_fn *fn;
	void *ctx;
	struct bitmap tickets, messages; /* told of by an audit row */
};

static int balance_all(struct balance *balance, bool deep);
static int balance_counts(struct balance *balance);
static int balance_audit(struct balance *balance);
static int balance_messages(struct balance *balance, bool deep);
static int balance_tickets(struct balance *balance);

int reader_balance(struct reader *reader, bool deep, struct audit_balance *ret, problem_fn *fn, void *ctx)
{
	struct balance balance = {.reader = reader, .fn = fn, .ctx = ctx};
	int r = db_exec(reader->db, "BEGIN");
	if (r < 0)
		return r;
	r = balance_all(&balance, deep);
	int end = db_exec(reader->db, "COMMIT");
	free(balance.tickets.bits);
	free(balance.messages.bits);
	if (r == 0)
		r = end;
	if (r < 0)
		return r;
	struct audit_balance *sum = &balance.sum;
	sum->unaccounted = sum->missing_tickets + sum->missing_originals + sum->missing_jobs +
			   sum->orphan_messages + sum->orphan_tickets + sum->damaged;
	*ret = *sum;
	return 0;
}

static int balance_all(struct balance *balance, bool deep)
{
	int r = balance_counts(balance);
	if (r == 0)
		r = balance_audit(balance);
	if (r == 0)
		r = balance_messages(balance, deep);
	if (r == 0)
		r = balance_tickets(balance);
	return r;
}

static void problem(struct balance *balance, int64_t *count, const char *kind, struct str what)
{
	++*count;
	if (balance->fn)
		balance->fn(balance->ctx, kind, what);
}

/* ---- bitmaps ---- */

static int bitmap_make(struct bitmap *map, int64_t max)
{
	if (max < 0 || max > IDS_MAX)
		return -EOVERFLOW;
	map->max = max;
	map->bits = xcalloc((size_t)max / 8 + 1, 1);
	return 0;
}

static void bitmap_set(struct bitmap *map, int64_t id)
{
	if (id > 0 && id <= map->max)
		map->bits[id / 8] = (uint8_t)(map->bits[id / 8] | 1u << (id % 8));
}

static bool bitmap_has(const struct bitmap *map, int64_t id)
{
	return id > 0 && id <= map->max && (map->bits[id / 8] >> (id % 8) & 1);
}

static int balance_counts(struct balance *balance)
{
	struct db *db = balance->reader->db;
	int64_t tickets_max = 0, messages_max = 0;
	const struct {
		const char *sql;
		int64_t *ret;
	} counts[] = {
		{"SELECT count(*) FROM message", &balance->sum.messages},
		{"SELECT count(*) FROM ticket", &balance->sum.tickets},
		{"SELECT count(*) FROM comment", &balance->sum.comments},
		{"SELECT coalesce(max(id), 0) FROM ticket", &tickets_max},
		{"SELECT coalesce(max(id), 0) FROM message", &messages_max},
	};
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		int r = db_query_int(db, counts[i].sql, counts[i].ret);
		if (r < 0)
			return r;
	}
	int r = bitmap_make(&balance->tickets, tickets_max);
	return r < 0 ? r : bitmap_make(&balance->messages, messages_max);
}

/* ---- what audit rows tell of ---- */

/* Comments are long: whether one is there is asked of its index alone. */
static const char sql_audit[] =
	"SELECT a.outcome, a.ticket, a.comment, a.message, k.id IS NOT NULL,"
	" EXISTS (SELECT 1 FROM comment INDEXED BY comment_by_ticket WHERE ticket = a.ticket AND id = "
	"a.comment),"
	" m.id IS NOT NULL, a.mail_id"
	" FROM audit a LEFT JOIN ticket k ON k.id = a.ticket LEFT JOIN message m ON m.id = a.message"
	" ORDER BY a.id";
static const char sql_job[] = "SELECT 1 FROM outbox INDEXED BY outbox_by_message WHERE message = ?1 LIMIT 1";

struct told {
	enum audit_outcome outcome;
	int64_t ticket, comment, message;
	bool ticket_there, comment_there, message_there;
	struct str mail_id;
};

static bool keeps_original(enum audit_outcome outcome)
{
	return outcome != AUDIT_DUPLICATE && outcome != AUDIT_REFUSED && outcome != AUDIT_FAILED;
}

static bool makes_comment(enum audit_outcome outcome)
{
	return outcome == AUDIT_CREATED || outcome == AUDIT_COMMENTED || outcome == AUDIT_EVENT;
}

/* What was forwarded has a job with its original. */
static int told_forward(struct balance *balance, const struct told *told)
{
	struct stmt *s = stmt_use(balance->reader->db, sql_job);
	stmt_int(s, 1, told->message);
	int r = stmt_step(s);
	stmt_reset(s);
	if (r == 0)
		problem(balance, &balance->sum.missing_jobs, "missing job", told->mail_id);
	return r < 0 ? r : 0;
}

static int told_check(struct balance *balance, const struct told *told)
{
	if ((unsigned)told->outcome > AUDIT_FAILED)
		return -EBADMSG;
	balance->sum.by_outcome[told->outcome]++;
	bitmap_set(&balance->tickets, told->ticket);
	bitmap_set(&balance->messages, told->message);
	bool need = makes_comment(told->outcome);
	if (((need || told->ticket > 0) && !told->ticket_there) ||
	    ((need || told->comment > 0) && !told->comment_there))
		problem(balance, &balance->sum.missing_tickets, "missing ticket", told->mail_id);
	if ((keeps_original(told->outcome) || told->message > 0) && !told->message_there)
		problem(balance, &balance->sum.missing_originals, "missing original", told->mail_id);
	return told->outcome == AUDIT_FORWARDED ? told_forward(balance, told) : 0;
}

static int balance_audit(struct balance *balance)
{
	struct stmt *s = stmt_use(balance->reader->db, sql_audit);
	int r;
	while ((r = stmt_step(s)) > 0) {
		const struct told told = {
			.outcome = (enum audit_outcome)stmt_col_int(s, 0),
			.ticket = stmt_col_int(s, 1),
			.comment = stmt_col_int(s, 2),
			.message = stmt_col_int(s, 3),
			.ticket_there = stmt_col_int(s, 4) != 0,
			.comment_there = stmt_col_int(s, 5) != 0,
			.message_there = stmt_col_int(s, 6) != 0,
			.mail_id = stmt_col_text(s, 7),
		};
		r = told_check(balance, &told);
		if (r < 0)
			break;
	}
	stmt_reset(s);
	return r;
}

/* ---- originals ---- */

/* length() of a stored blob does not read it. */
static const char sql_messages[] =
	"SELECT m.id, m.mail_id, m.run, m.size, coalesce(length(o.bytes), -1), m.trace_size, m.digest"
	" FROM message m LEFT JOIN original o ON o.message = m.id ORDER BY m.id";

/* Octets in the spool's file; -1 when there is none. */
static int64_t file_size(struct reader *reader, int64_t run, struct str mail_id)
{
	char file[SPOOL_FILE_SIZE];
	struct stat st;
	spool_file_name(file, run, mail_id);
	if (fstatat(reader->spool_fd, file, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return -1;
	return st.st_size;
}

struct digesting {
	struct sha256 sha;
	int64_t skip; /* octets of our trace field still to come */
};

static int digest_piece(void *ctx, struct str bytes)
{
	struct digesting *digesting = ctx;
	size_t skip = (int64_t)bytes.len < digesting->skip ? bytes.len : (size_t)digesting->skip;
	digesting->skip -= (int64_t)skip;
	sha256_update(&digesting->sha, str_sub(bytes, skip, bytes.len));
	return 0;
}

/* s is on a row of sql_messages. */
static int check_digest(struct balance *balance, struct stmt *s)
{
	struct digesting digesting = {.skip = stmt_col_int(s, 5)};
	uint8_t digest[SHA256_SIZE];
	struct str stored = stmt_col_blob(s, 6);
	sha256_init(&digesting.sha);
	int r = reader_stream(balance->reader, stmt_col_int(s, 0), stmt_col_int(s, 2), stmt_col_text(s, 1),
			      stmt_col_int(s, 3), digest_piece, &digesting);
	sha256_final(&digesting.sha, digest);
	if (r < 0 || stored.len != sizeof(digest) || memcmp(stored.ptr, digest, sizeof(digest)) != 0)
		problem(balance, &balance->sum.damaged, "damaged original", stmt_col_text(s, 1));
	return r == -ENOMEM ? r : 0; /* one that can't be read is told of; the next may be fine */
}

static int check_message(struct balance *balance, struct stmt *s, bool deep)
{
	struct str mail_id = stmt_col_text(s, 1);
	int64_t run = stmt_col_int(s, 2), there = stmt_col_int(s, 4);
	if (run != 0) {
		balance->sum.files++;
		there = file_size(balance->reader, run, mail_id);
	}
	if (!bitmap_has(&balance->messages, stmt_col_int(s, 0)))
		problem(balance, &balance->sum.orphan_messages, "orphan message", mail_id);
	if (there != stmt_col_int(s, 3)) {
		problem(balance, &balance->sum.missing_originals, "missing original", mail_id);
		return 0;
	}
	return deep ? check_digest(balance, s) : 0;
}

static int balance_messages(struct balance *balance, bool deep)
{
	struct stmt *s = stmt_use(balance->reader->db, sql_messages);
	int r;
	while ((r = stmt_step(s)) > 0) {
		r = check_message(balance, s, deep);
		if (r < 0)
			break;
	}
	stmt_reset(s);
	return r;
}

/* ---- tickets ---- */

static const char sql_tickets[] = "SELECT k.id, k.number, t.reference_prefix FROM ticket k"
				  " LEFT JOIN tenant t ON t.id = k.tenant ORDER BY k.id";
static const char sql_first_comment[] = "SELECT message IS NULL FROM comment INDEXED BY comment_by_ticket"
					" WHERE ticket = ?1 ORDER BY id LIMIT 1";

/* Is it an administrator's, made without a mail? Its first comment says so. */
static int made_by_hand(struct balance *balance, int64_t ticket)
{
	struct stmt *s = stmt_use(balance->reader->db, sql_first_comment);
	stmt_int(s, 1, ticket);
	int r = stmt_step(s);
	if (r > 0)
		r = stmt_col_int(s, 0) != 0;
	stmt_reset(s);
	return r;
}

static int check_ticket(struct balance *balance, struct stmt *s)
{
	int64_t ticket = stmt_col_int(s, 0);
	if (bitmap_has(&balance->tickets, ticket))
		return 0;
	int r = made_by_hand(balance, ticket);
	if (r != 0)
		return r < 0 ? r : 0;
	char reference[TICKET_REFERENCE_SIZE];
	struct str prefix = stmt_col_text(s, 2);
	ticket_print_reference(reference, prefix.ptr ? prefix : STR("?"), stmt_col_int(s, 1));
	problem(balance, &balance->sum.orphan_tickets, "orphan ticket", str_from(reference));
	return 0;
}

static int balance_tickets(struct balance *balance)
{
	struct stmt *s = stmt_use(balance->reader->db, sql_tickets);
	int r;
	while ((r = stmt_step(s)) > 0) {
		r = check_ticket(balance, s);
		if (r < 0)
			break;
	}
	stmt_reset(s);
	return r;
}
