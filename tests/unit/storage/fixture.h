/*
 * What the tests of this folder share: a data folder that goes away afterwards, a store without a loop, jobs
 * that are a function with a context, and rows of one mail.
 */
#ifndef SERVELO_TESTS_STORAGE_FIXTURE_H
#define SERVELO_TESTS_STORAGE_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "storage/audit.h"
#include "storage/message.h"
#include "storage/outbox.h"
#include "storage/setting.h"
#include "storage/store.h"
#include "storage/tenant_rows.h"
#include "storage/ticket.h"
#include "storage/txn.h"

struct fixture {
	char dir[64];
	char data_dir[80];
	struct storage_conf conf;
	struct store *store;
	struct spool *spool;
	struct tenant_id tenant;
};

static UNUSED int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static UNUSED void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/tmp/servelo-storage-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->data_dir, sizeof(f->data_dir), "%s/data", f->dir);
	f->conf = (struct storage_conf){
		.data_dir = f->data_dir,
		.memory_max = 128 * 1024,
		.memory_total_max = 4 * 1024 * 1024,
		.batch_max = 64,
		.queue_max = 1024,
		.cache_size = 4 * 1024 * 1024,
	};
}

static UNUSED void fixture_open(struct fixture *f, uv_loop_t *loop)
{
	struct conf_error error = {.text = ""};
	int r = store_open(&f->store, loop, &f->conf, &error);
	if (r < 0)
		fail_msg("store_open: %s", error.text);
	assert_int_equal(store_spool_open(f->store, &f->spool), 0);
}

static UNUSED void fixture_close(struct fixture *f)
{
	f->spool = spool_close(f->spool);
	f->store = store_close(f->store);
}

static UNUSED void fixture_done(struct fixture *f)
{
	fixture_close(f);
	nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* A job that is one function. */
typedef int job_fn(void *ctx, struct store_txn *txn);
struct fn_job {
	struct store_job job;
	job_fn *fn;
	void *ctx;
};

static UNUSED int fn_job_apply(struct store_job *job, struct store_txn *txn)
{
	struct fn_job *fn = CONTAINER_OF(job, struct fn_job, job);
	return fn->fn(fn->ctx, txn);
}

static UNUSED int run(struct fixture *f, job_fn *fn, void *ctx)
{
	struct fn_job job = {.job = {.apply = fn_job_apply}, .fn = fn, .ctx = ctx};
	return store_run(f->store, &job.job);
}

static UNUSED int add_tenant_fn(void *ctx, struct store_txn *txn)
{
	struct fixture *f = ctx;
	struct tenant_row row = {
		.slug = STR("acme"),
		.name = STR("Acme"),
		.reference_prefix = STR("ACME"),
		.admin_email = STR("admin@acme.example"),
		.locale = STR("en"),
		.confirm = true,
	};
	return tenant_rows_add(txn, &row, &f->tenant);
}

static UNUSED void fixture_tenant(struct fixture *f)
{
	assert_int_equal(run(f, add_tenant_fn, f), 0);
}

/* For cmocka's tables: a store that is open, and with "acme" in it. */
static UNUSED int fixture_setup(void **state)
{
	struct fixture *f = XNEW(struct fixture);
	fixture_init(f);
	fixture_open(f, NULL);
	*state = f;
	return 0;
}

static UNUSED int fixture_setup_tenant(void **state)
{
	int r = fixture_setup(state);
	fixture_tenant(*state);
	return r;
}

static UNUSED int fixture_teardown(void **state)
{
	fixture_done(*state);
	free(*state);
	return 0;
}

/* A sealed mail of size octets. */
static UNUSED struct spooled_mail *make_mail(struct spool *spool, const struct mail_id *id, size_t size)
{
	struct spooled_mail *mail = NULL;
	assert_int_equal(spool_create(spool, id, &mail), 0);
	char piece[1024];
	for (size_t i = 0; i < sizeof(piece); i++)
		piece[i] = (char)('a' + i % 26);
	for (size_t left = size; left > 0;) {
		size_t n = left < sizeof(piece) ? left : sizeof(piece);
		assert_int_equal(spooled_mail_append(mail, (struct str){piece, n}), 0);
		left -= n;
	}
	assert_int_equal(spooled_mail_seal(mail), 0);
	return mail;
}

/* Everything that one mail to a tenant writes. */
struct mail_rows {
	struct tenant_id tenant;
	struct mail_id id;
	struct spooled_mail *mail;
	struct str author; /* NULL: one for all */
	struct str header_message_id;
	/* what came of it */
	struct message_id message;
	struct client_id client;
	struct ticket_id ticket;
	struct comment_id comment;
	int64_t number;
	char reference[TICKET_REFERENCE_SIZE];
};

static UNUSED int add_mail_rows(void *ctx, struct store_txn *txn)
{
	struct mail_rows *rows = ctx;
	int64_t size = (int64_t)spooled_mail_size(rows->mail);
	struct message_row message = {
		.mail_id = rows->id,
		.received_ms = txn->now_ms,
		.reverse_path = STR("jane@example.com"),
		.client_ip = STR("192.0.2.1"),
		.helo = STR("mail.example.com"),
		.protocol = STR("ESMTP"),
		.size = size,
		.trace_size = 10,
		.header_message_id = rows->header_message_id,
	};
	struct str view;
	int r = spooled_mail_view(rows->mail, &view);
	if (r < 0)
		return r;
	sha256_once(str_sub(view, 10, view.len), message.digest);
	spooled_mail_view_end(rows->mail, view);
	r = message_add(txn, &message, rows->mail, &rows->message);
	if (r < 0)
		return r;
	struct str author = rows->author.ptr ? rows->author : STR("jane@example.com");
	r = client_upsert(txn, rows->tenant, author, STR("Jane"), txn->now_ms, &rows->client);
	if (r < 0)
		return r;
	struct ticket_row ticket = {
		.tenant = rows->tenant,
		.subject = STR("It does not work"),
		.requester = rows->client,
		.tag = STR(""),
		.addressed_to = STR("acme@serveloapp.com"),
		.created_ms = txn->now_ms,
	};
	r = ticket_add(txn, &ticket, &rows->ticket, &rows->number, rows->reference);
	if (r < 0)
		return r;
	struct comment_row comment = {
		.ticket = rows->ticket,
		.tenant = rows->tenant,
		.message = rows->message,
		.author = rows->client,
		.author_address = author,
		.text = STR("Hello,\n\nit does not work.\n"),
		.note = STR(""),
		.header_message_id = rows->header_message_id,
		.created_ms = txn->now_ms,
	};
	r = comment_add(txn, &comment, &rows->comment);
	if (r < 0)
		return r;
	struct audit_row audit = {
		.mail_id = rows->id,
		.received_ms = txn->now_ms,
		.tenant = rows->tenant,
		.reverse_path = STR("jane@example.com"),
		.recipient = STR("acme@serveloapp.com"),
		.size = size,
		.outcome = AUDIT_CREATED,
		.ticket = rows->ticket,
		.comment = rows->comment,
		.message = rows->message,
	};
	return audit_add(txn, &audit);
}

/* Adds a mail of size octets with a ticket of its own, and fails the test when that fails. */
static UNUSED struct mail_rows add_mail(struct fixture *f, size_t size)
{
	struct mail_rows rows = {.tenant = f->tenant, .id = mail_id_make(), .header_message_id = STR("m@x")};
	rows.mail = make_mail(f->spool, &rows.id, size);
	assert_int_equal(run(f, add_mail_rows, &rows), 0);
	rows.mail = spooled_mail_discard(rows.mail);
	return rows;
}

struct query {
	const char *sql;
	int64_t value;
};

static UNUSED int query_fn(void *ctx, struct store_txn *txn)
{
	struct query *query = ctx;
	return db_query_int(txn->db, query->sql, &query->value);
}

/* One number, asked of the writer's own connection. sql is a literal. */
static UNUSED int64_t ask(struct fixture *f, const char *sql)
{
	struct query query = {.sql = sql, .value = -1};
	assert_int_equal(run(f, query_fn, &query), 0);
	return query.value;
}

static UNUSED int exec_fn(void *ctx, struct store_txn *txn)
{
	return db_exec(txn->db, ctx);
}

/* Planted damage. */
static UNUSED void tamper(struct fixture *f, const char *sql)
{
	assert_int_equal(run(f, exec_fn, (void *)(uintptr_t)sql), 0);
}

#endif
