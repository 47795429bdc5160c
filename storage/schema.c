/*
 * See schema.h. A published migration is never edited: a change is a new one at the end.
 *
 * What the tables are made for:
 * 1. The writer pays for each index on each mail, and an index whose keys come in random order costs it a page
 *    of the log. So keys are short: a 64-bit digest (keys.h) stands for an address or a Message-ID, the row
 *    itself is compared afterwards; and an index that grows at its end (ids, delivery ids, which begin with
 *    the time) is preferred.
 * 2. ticket_by_status serves three questions: the ticket of a number (seven seeks, one per status), a tenant's
 *    tickets of one status, and a tenant's tickets (seven ranges merged); all newest first by number.
 * 3. The next number of a tenant is kept apart from its long row: ten thousand counters fit in a few pages.
 * 4. The original is apart from its summary, so that lists don't read it.
 * 5. Numbers of enums are stored, and are part of the format: their order in the headers is fixed.
 */
#include <errno.h>
#include <stdio.h>

#include "storage/schema.h"

#define APPLICATION_ID 0x53564d58 /* "SVMX" */

/* One text per table; NULL ends the list. */
static const char *const migration_1[] = {
	"CREATE TABLE meta ("
	"	key TEXT PRIMARY KEY,"
	"	value INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;",

	"CREATE TABLE setting ("
	"	key TEXT PRIMARY KEY,"
	"	value TEXT NOT NULL,"
	"	updated_ms INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;",

	"CREATE TABLE tenant ("
	"	id INTEGER PRIMARY KEY,"
	"	slug TEXT NOT NULL UNIQUE,"
	"	name TEXT NOT NULL,"
	"	reference_prefix TEXT NOT NULL,"
	"	admin_email TEXT NOT NULL,"
	"	notify_email TEXT NOT NULL,"
	"	locale TEXT NOT NULL,"
	"	signature TEXT NOT NULL,"
	"	logo_url TEXT NOT NULL,"
	"	blocked_extensions TEXT NOT NULL,"
	"	attachments_max INTEGER NOT NULL,"
	"	attachment_size_max INTEGER NOT NULL,"
	"	confirm INTEGER NOT NULL,"
	"	status INTEGER NOT NULL,"
	"	declared INTEGER NOT NULL,"
	"	set_fields INTEGER NOT NULL," /* bit mask of tenant_rows.c: set at run time */
	"	created_ms INTEGER NOT NULL,"
	"	updated_ms INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX tenant_by_prefix ON tenant (reference_prefix);",

	"CREATE TABLE ticket_counter ("
	"	tenant INTEGER PRIMARY KEY REFERENCES tenant (id),"
	"	next INTEGER NOT NULL,"
	"	quota BLOB" /* tenant/quota.h */
	") STRICT;",

	"CREATE TABLE client ("
	"	id INTEGER PRIMARY KEY,"
	"	tenant INTEGER NOT NULL REFERENCES tenant (id),"
	"	address_key INTEGER NOT NULL," /* of the address in lower case */
	"	address TEXT NOT NULL,"
	"	name TEXT NOT NULL,"
	"	created_ms INTEGER NOT NULL,"
	"	quota BLOB" /* tenant/quota.h */
	") STRICT;"
	"CREATE INDEX client_by_address ON client (address_key, tenant);",

	"CREATE TABLE ticket ("
	"	id INTEGER PRIMARY KEY,"
	"	tenant INTEGER NOT NULL REFERENCES tenant (id),"
	"	number INTEGER NOT NULL,"
	"	status INTEGER NOT NULL,"
	"	requester INTEGER NOT NULL REFERENCES client (id),"
	"	automatic INTEGER NOT NULL,"
	"	linked INTEGER REFERENCES ticket (id),"
	"	created_ms INTEGER NOT NULL,"
	"	updated_ms INTEGER NOT NULL,"
	"	subject TEXT NOT NULL,"
	"	tag TEXT NOT NULL,"
	"	addressed_to TEXT NOT NULL,"
	"	assignee TEXT NOT NULL"
	") STRICT;"
	"CREATE INDEX ticket_by_status ON ticket (tenant, status, number);"
	"CREATE INDEX ticket_by_requester ON ticket (requester);"
	"CREATE INDEX ticket_by_status_only ON ticket (status);",

	"CREATE TABLE message ("
	"	id INTEGER PRIMARY KEY,"
	"	mail_id TEXT NOT NULL,"
	"	run INTEGER NOT NULL," /* 0: the bytes are in original; else in the spool file <run>/<mail_id> */
	"	received_ms INTEGER NOT NULL,"
	"	size INTEGER NOT NULL,"
	"	trace_size INTEGER NOT NULL,"
	"	digest BLOB NOT NULL,"
	"	reverse_path TEXT NOT NULL,"
	"	client_ip TEXT NOT NULL,"
	"	helo TEXT NOT NULL,"
	"	tls TEXT NOT NULL,"
	"	protocol TEXT NOT NULL,"
	"	header_from TEXT NOT NULL,"
	"	header_subject TEXT NOT NULL,"
	"	header_message_id TEXT NOT NULL"
	") STRICT;"
	"CREATE UNIQUE INDEX message_by_mail_id ON message (mail_id);",

	"CREATE TABLE original ("
	"	message INTEGER PRIMARY KEY REFERENCES message (id),"
	"	bytes BLOB NOT NULL"
	") STRICT;",

	"CREATE TABLE comment ("
	"	id INTEGER PRIMARY KEY,"
	"	ticket INTEGER NOT NULL REFERENCES ticket (id),"
	"	tenant INTEGER NOT NULL REFERENCES tenant (id),"
	"	message INTEGER REFERENCES message (id),"
	"	author_kind INTEGER NOT NULL,"
	"	author INTEGER REFERENCES client (id),"
	"	visibility INTEGER NOT NULL,"
	"	automatic INTEGER NOT NULL,"
	"	created_ms INTEGER NOT NULL,"
	"	thread_key INTEGER," /* of tenant and header_message_id; NULL without one */
	"	author_address TEXT NOT NULL,"
	"	header_message_id TEXT NOT NULL,"
	"	note TEXT NOT NULL,"
	"	reply TEXT,"
	"	text TEXT NOT NULL"
	") STRICT;"
	"CREATE INDEX comment_by_ticket ON comment (ticket);"
	"CREATE INDEX comment_by_thread ON comment (thread_key) WHERE thread_key IS NOT NULL;",

	"CREATE TABLE attachment ("
	"	comment INTEGER NOT NULL REFERENCES comment (id),"
	"	position INTEGER NOT NULL,"
	"	part TEXT NOT NULL,"
	"	filename TEXT NOT NULL,"
	"	media_type TEXT NOT NULL,"
	"	sniffed_type TEXT NOT NULL,"
	"	content_id TEXT NOT NULL,"
	"	size INTEGER NOT NULL,"
	"	inline_image INTEGER NOT NULL,"
	"	left_out TEXT NOT NULL,"
	"	PRIMARY KEY (comment, position)"
	") STRICT, WITHOUT ROWID;",

	"CREATE TABLE audit ("
	"	id INTEGER PRIMARY KEY,"
	"	mail_id TEXT NOT NULL,"
	"	received_ms INTEGER NOT NULL,"
	"	committed_ms INTEGER NOT NULL,"
	"	tenant INTEGER REFERENCES tenant (id),"
	"	outcome INTEGER NOT NULL,"
	"	ticket INTEGER REFERENCES ticket (id),"
	"	comment INTEGER REFERENCES comment (id),"
	"	message INTEGER REFERENCES message (id),"
	"	size INTEGER NOT NULL,"
	"	parse_us INTEGER NOT NULL,"
	"	reverse_path TEXT NOT NULL,"
	"	recipient TEXT NOT NULL,"
	"	client_ip TEXT NOT NULL,"
	"	helo TEXT NOT NULL,"
	"	tls TEXT NOT NULL,"
	"	protocol TEXT NOT NULL,"
	"	header_from TEXT NOT NULL,"
	"	header_subject TEXT NOT NULL,"
	"	header_message_id TEXT NOT NULL,"
	"	verdict TEXT NOT NULL,"
	"	reply TEXT NOT NULL,"
	"	error TEXT NOT NULL"
	") STRICT;"
	"CREATE INDEX audit_by_mail_id ON audit (mail_id);"
	/* 0, created, is what most rows are: they are found by walking back from the newest. */
	"CREATE INDEX audit_by_outcome ON audit (outcome) WHERE outcome > 0;",

	"CREATE TABLE repeat ("
	"	id INTEGER PRIMARY KEY,"
	"	key INTEGER NOT NULL,"  /* of tenant, recipient, identity */
	"	body INTEGER NOT NULL," /* of the body's digest */
	"	first INTEGER,"         /* the first row with this key; NULL: this one is */
	"	ticket INTEGER,"
	"	created_ms INTEGER NOT NULL,"
	"	mail_id TEXT NOT NULL"
	") STRICT;"
	"CREATE INDEX repeat_by_key ON repeat (key, body);",

	"CREATE TABLE participant ("
	"	ticket INTEGER NOT NULL REFERENCES ticket (id),"
	"	number INTEGER NOT NULL," /* 3 and up: 1 and 2 are on every ticket */
	"	kind INTEGER NOT NULL,"
	"	address TEXT NOT NULL,"
	"	created_ms INTEGER NOT NULL,"
	"	PRIMARY KEY (ticket, number)"
	") STRICT, WITHOUT ROWID;",

	"CREATE TABLE outbox ("
	"	id INTEGER PRIMARY KEY,"
	"	kind INTEGER NOT NULL,"
	"	state INTEGER NOT NULL,"
	"	tenant INTEGER REFERENCES tenant (id),"
	"	ticket INTEGER REFERENCES ticket (id),"
	"	comment INTEGER REFERENCES comment (id),"
	"	message INTEGER REFERENCES message (id),"
	"	participant INTEGER NOT NULL,"
	"	created_ms INTEGER NOT NULL,"
	"	due_ms INTEGER NOT NULL,"
	"	since_ms INTEGER NOT NULL,"
	"	tries INTEGER NOT NULL,"
	"	settled_ms INTEGER NOT NULL,"
	"	recipient TEXT NOT NULL,"
	"	mailbox TEXT NOT NULL,"
	"	header_message_id TEXT NOT NULL,"
	"	text TEXT NOT NULL,"
	"	why TEXT NOT NULL"
	") STRICT;"
	/* What has not left; outbox.h. */
	"CREATE INDEX outbox_waiting ON outbox (state, due_ms) WHERE state < 3;"
	"CREATE INDEX outbox_by_ticket ON outbox (ticket) WHERE ticket IS NOT NULL;"
	/* Is each forwarded mail's job there? */
	"CREATE INDEX outbox_by_message ON outbox (message) WHERE message IS NOT NULL;",

	"CREATE TABLE reply_address ("
	"	key INTEGER NOT NULL," /* of the case-folded token */
	"	ticket INTEGER NOT NULL REFERENCES ticket (id),"
	"	participant INTEGER NOT NULL,"
	"	PRIMARY KEY (key, ticket, participant)"
	") STRICT, WITHOUT ROWID;",

	"CREATE TABLE stopped ("
	"	address_key INTEGER NOT NULL,"
	"	tenant INTEGER NOT NULL REFERENCES tenant (id),"
	"	address TEXT NOT NULL,"
	"	why TEXT NOT NULL,"
	"	created_ms INTEGER NOT NULL,"
	"	PRIMARY KEY (address_key, tenant, address)"
	") STRICT, WITHOUT ROWID",
	NULL,
};

static const char *const *const migrations[] = {migration_1};

int64_t schema_version(void)
{
	return (int64_t)ARRAY_SIZE(migrations);
}

static int refuse(struct conf_error *reterr, const char *path, const char *what)
{
	if (reterr)
		snprintf(reterr->text, sizeof(reterr->text), "%s: %s", path, what);
	return -EINVAL;
}

/* The version of the file; 0: nothing in it yet. */
static int schema_read(struct db *db, const char *path, int64_t *ret, struct conf_error *reterr)
{
	int64_t tables, application, version;
	int r = db_query_int(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r == 0)
		r = db_query_int(db, "PRAGMA application_id", &application);
	if (r == 0)
		r = db_query_int(db, "PRAGMA user_version", &version);
	if (r < 0) {
		refuse(reterr, path, db_error_text(db));
		return r;
	}
	if (tables == 0) {
		*ret = 0;
		return 0;
	}
	if (application != APPLICATION_ID)
		return refuse(reterr, path, "is a database of another program");
	if (version > schema_version())
		return refuse(
			reterr, path,
			"was written by a newer version of servelo; install that version or restore a backup "
			"made before the upgrade");
	*ret = version;
	return 0;
}

static int migrate_step(struct db *db, int64_t to)
{
	char mark[96];
	snprintf(mark, sizeof(mark), "PRAGMA application_id=%d; PRAGMA user_version=%lld; COMMIT",
		 APPLICATION_ID, (long long)to);
	int r = db_exec(db, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	for (const char *const *sql = migrations[to - 1]; r == 0 && *sql; sql++)
		r = db_exec(db, *sql);
	if (r == 0)
		r = db_exec(db, mark);
	if (r < 0 && db_in_transaction(db))
		(void)db_exec(db, "ROLLBACK"); /* the first error is the one to tell */
	return r;
}

int schema_migrate(struct db *db, const char *path, struct conf_error *reterr)
{
	int64_t version;
	int r = schema_read(db, path, &version, reterr);
	if (r < 0)
		return r;
	while (version < schema_version()) {
		r = migrate_step(db, version + 1);
		if (r < 0) {
			if (reterr)
				snprintf(reterr->text, sizeof(reterr->text),
					 "%s: migration to version %lld: %s", path, (long long)version + 1,
					 strerror(-r));
			return r;
		}
		version++;
	}
	return 0;
}

int schema_check(struct db *db, const char *path, struct conf_error *reterr)
{
	int64_t version;
	int r = schema_read(db, path, &version, reterr);
	if (r < 0)
		return r;
	if (version < schema_version())
		return refuse(
			reterr, path,
			"was written by an older version of servelo; start the server once to bring it up to "
			"date");
	return 0;
}
