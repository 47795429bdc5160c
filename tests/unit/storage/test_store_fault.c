/*
 * Durability under a failing disk: the n-th write or sync fails, for every n; what got status 0 is there after
 * a restart, what got an error is not, and nothing is acknowledged before the store has proven itself again.
 */
#include "fixture.h"

#include "base/clock.h"
#include "base/log.h"
#include "faulty_vfs.h"
#include "storage/reader.h"

static int64_t fake_mono_ms;

static int64_t fake_mono(void)
{
	return fake_mono_ms;
}

static int64_t fake_now(void)
{
	return 1800000000000 + fake_mono_ms;
}

static int setup(void **state)
{
	struct fixture *f = XNEW(struct fixture);
	disk_works();
	clock_replace(fake_now, fake_mono);
	fixture_init(f);
	fixture_open(f, NULL);
	fixture_tenant(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	disk_works();
	fixture_done(*state);
	clock_replace(NULL, NULL);
	free(*state);
	return 0;
}

static int set_fn(void *ctx, struct store_txn *txn)
{
	return setting_set(txn, str_from(ctx), STR("x"), 1);
}

static int count_fn(void *ctx, struct store_txn *txn)
{
	return db_query_int(txn->db, "SELECT count(*) FROM setting", ctx);
}

static int64_t settings(struct fixture *f)
{
	int64_t n = -1;
	assert_int_equal(run(f, count_fn, &n), 0);
	return n;
}

static void later(void)
{
	fake_mono_ms += 60000;
}

static bool file_there(struct fixture *f, const char *file)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/spool/%s", f->data_dir, file);
	return access(path, F_OK) == 0;
}

/* ---- the order ---- */

static void nothing_is_acknowledged_before_the_log_is_synced(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 20; i++) {
		int syncs = disk.log_syncs;
		add_mail(f, 5000);
		assert_false(disk.log_dirty);
		assert_true(disk.log_syncs > syncs);
	}
}

/* ---- the n-th operation fails ---- */

struct fault_case {
	enum fault_file file;
	enum fault_op op;
	int code;
	int status;
};

/* One mail whose n-th operation fails; true when the fault came. */
static bool try_one(struct fixture *f, const struct fault_case *c, int n, int64_t *stored)
{
	struct mail_rows rows = {.tenant = f->tenant, .id = mail_id_make(), .header_message_id = STR("m@x")};
	rows.mail = make_mail(f->spool, &rows.id, 9000);
	disk_fails(c->file, c->op, n, 1, c->code);
	int r = run(f, add_mail_rows, &rows);
	bool came = disk.failed > 0;
	disk_works();
	spooled_mail_discard(rows.mail);
	if (!came) {
		assert_int_equal(r, 0);
	} else {
		assert_int_equal(r, c->status);
		assert_false(store_stats(f->store).healthy);
		/* before it was reopened and probed nothing is taken, however well the disk does again */
		struct mail_rows next = {.tenant = f->tenant, .id = mail_id_make()};
		next.mail = make_mail(f->spool, &next.id, 100);
		assert_int_equal(run(f, add_mail_rows, &next), c->status);
		spooled_mail_discard(next.mail);
	}
	*stored += r == 0;
	later();
	assert_int_equal(ask(f, "SELECT count(*) FROM ticket"), *stored);
	assert_true(store_stats(f->store).healthy);
	return came;
}

static void what_is_acknowledged_is_there_and_what_failed_is_not(void **state)
{
	struct fixture *f = *state;
	static const struct fault_case cases[] = {
		{FAULT_LOG, FAULT_WRITE, SQLITE_IOERR_WRITE, -EIO},
		{FAULT_LOG, FAULT_WRITE, SQLITE_FULL, -ENOSPC},
		{FAULT_LOG, FAULT_SYNC, SQLITE_IOERR_FSYNC, -EIO},
	};
	int64_t stored = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int n = 0;
		while (try_one(f, &cases[i], n, &stored))
			n++;
		assert_true(n > 0);
	}
	fixture_close(f);
	fixture_open(f, NULL);
	assert_int_equal(ask(f, "SELECT count(*) FROM ticket"), stored);
	assert_int_equal(ask(f, "SELECT count(*) FROM audit"), stored);
	assert_int_equal(ask(f, "SELECT count(*) FROM original"), stored);
	assert_int_equal(ask(f, "SELECT next - 1 FROM ticket_counter"), stored);
	assert_int_equal(ask(f, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
			 0);
}

/* ---- a disk that stays broken ---- */

static void a_broken_disk_is_told_at_once_and_left_when_it_works_again(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(run(f, set_fn, "before"), 0);
	disk_fails(FAULT_LOG, FAULT_SYNC, 0, -1, SQLITE_IOERR_FSYNC);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(run(f, set_fn, "during"), -EIO);
		assert_false(store_stats(f->store).healthy);
		if (i % 2)
			later(); /* reopening is tried, and its probe fails */
	}
	disk_works();
	later();
	assert_int_equal(run(f, set_fn, "after"), 0);
	assert_true(store_stats(f->store).healthy);
	assert_int_equal(settings(f), 2);
}

static void a_full_disk_is_told_as_such_until_there_is_space(void **state)
{
	struct fixture *f = *state;
	disk_fails(FAULT_LOG, FAULT_WRITE, 0, -1, SQLITE_FULL);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(run(f, set_fn, "during"), -ENOSPC);
		later();
	}
	disk_works();
	assert_int_equal(run(f, set_fn, "after"), 0);
	assert_int_equal(settings(f), 1);
}

/* ---- the spool's files and a COMMIT that failed ---- */

static void a_file_outlives_a_failed_commit_and_the_sweep_decides(void **state)
{
	struct fixture *f = *state;
	char file[64];
	size_t removed;
	struct mail_rows rows = {.tenant = f->tenant, .id = mail_id_make()};
	snprintf(file, sizeof(file), "1/%s", rows.id.text);
	rows.mail = make_mail(f->spool, &rows.id, 300000);
	disk_fails(FAULT_LOG, FAULT_SYNC, 0, 1, SQLITE_IOERR_FSYNC);
	assert_int_equal(run(f, add_mail_rows, &rows), -EIO);
	disk_works();
	spooled_mail_discard(rows.mail);
	assert_true(file_there(f, file));
	later();
	assert_int_equal(ask(f, "SELECT count(*) FROM message"), 0);
	fixture_close(f);
	fixture_open(f, NULL);
	assert_int_equal(store_sweep(f->store, &removed), 0);
	assert_int_equal(removed, 1);
	assert_false(file_there(f, file));
}

/* ---- a job that shrugs off trouble ---- */

/* Far more than the page cache holds: pages go to the log, which fails, and the job looks away. */
static int big_fn(void *ctx, struct store_txn *txn)
{
	(void)ctx;
	static const char one[] = "INSERT INTO original (message, bytes) VALUES (?1, zeroblob(1000000))";
	for (int i = 1; i <= 40; i++) {
		struct stmt *s = stmt_use(txn->db, one);
		stmt_int(s, 1, 1000 + i);
		int r UNUSED = stmt_run(s);
	}
	return 0;
}

static void trouble_that_a_job_shrugs_off_still_fails_it(void **state)
{
	struct fixture *f = *state;
	disk_fails(FAULT_LOG, FAULT_WRITE, 100, -1, SQLITE_FULL);
	assert_int_equal(run(f, big_fn, NULL), -ENOSPC);
	assert_true(disk.failed > 0);
	disk_works();
	later();
	assert_int_equal(ask(f, "SELECT count(*) FROM original"), 0);
}

/* ---- batches ---- */

struct loop_job {
	struct store_job job;
	char key[16];
	int done, status;
};
static int loop_jobs_done;

static int loop_apply(struct store_job *job, struct store_txn *txn)
{
	return setting_set(txn, str_from(CONTAINER_OF(job, struct loop_job, job)->key), STR("x"), 1);
}

static void loop_done(struct store_job *job, int status)
{
	struct loop_job *l = CONTAINER_OF(job, struct loop_job, job);
	l->done++;
	l->status = status;
	loop_jobs_done++;
}

static void each_job_of_a_failed_batch_is_told_once(void **state)
{
	struct fixture *f = *state;
	uv_loop_t loop;
	struct loop_job jobs[50];
	fixture_close(f);
	clock_replace(NULL, NULL);
	uv_loop_init(&loop);
	fixture_open(f, &loop);
	disk_fails(FAULT_LOG, FAULT_SYNC, 0, 1, SQLITE_IOERR_FSYNC);
	memset(jobs, 0, sizeof(jobs));
	loop_jobs_done = 0;
	for (int i = 0; i < 50; i++) {
		snprintf(jobs[i].key, sizeof(jobs[i].key), "key%d", i);
		jobs[i].job.apply = loop_apply;
		jobs[i].job.done = loop_done;
		assert_int_equal(store_submit(f->store, &jobs[i].job), 0);
	}
	while (loop_jobs_done < 50)
		uv_run(&loop, UV_RUN_ONCE);
	int64_t good = 0;
	for (int i = 0; i < 50; i++) {
		assert_int_equal(jobs[i].done, 1);
		assert_true(jobs[i].status == 0 || jobs[i].status == -EIO);
		good += jobs[i].status == 0;
	}
	assert_int_equal(jobs[0].status, -EIO);
	fixture_close(f);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	disk_works();
	fixture_open(f, NULL);
	assert_int_equal(settings(f), good);
}

/* ---- somebody else's lock ---- */

static void a_lock_of_somebody_else_fails_jobs_and_breaks_nothing(void **state)
{
	struct fixture *f = *state;
	sqlite3 *other = NULL;
	char path[128];
	snprintf(path, sizeof(path), "%s/servelo.db", f->data_dir);
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(run(f, set_fn, "during"), STORE_LOCKED);
	assert_true(store_stats(f->store).healthy);
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(run(f, set_fn, "after"), 0);
	assert_int_equal(settings(f), 1);
	sqlite3_close(other);
}

/* ---- the checkpoint ---- */

/* A second of quiet, and the log is copied back and empty. */
static void an_idle_writer_empties_the_log(void **state)
{
	struct fixture *f = *state;
	uv_loop_t loop;
	struct stat st = {.st_size = 0};
	char path[128];
	snprintf(path, sizeof(path), "%s/servelo.db-wal", f->data_dir);
	for (int i = 0; i < 10; i++)
		add_mail(f, 5000);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > 0);
	fixture_close(f);
	clock_replace(NULL, NULL);
	uv_loop_init(&loop);
	fixture_open(f, &loop); /* raising the run number wrote to the log */
	for (int i = 0; i < 3000 && (stat(path, &st) < 0 || st.st_size > 0); i++)
		usleep(10000);
	assert_int_equal(st.st_size, 0);
	fixture_close(f);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	fixture_open(f, NULL);
	assert_int_equal(ask(f, "SELECT count(*) FROM ticket"), 10);
}

static void a_checkpoint_that_fails_loses_nothing(void **state)
{
	struct fixture *f = *state;
	static const enum fault_op ops[] = {FAULT_WRITE, FAULT_SYNC};
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		for (int m = 0; m < 10; m++)
			add_mail(f, 9000);
		/* closing checkpoints; the disk does not take it */
		disk_fails(FAULT_DB, ops[i], 1, -1, SQLITE_IOERR_WRITE);
		fixture_close(f);
		disk_works();
		fixture_open(f, NULL);
		assert_int_equal(ask(f, "SELECT count(*) FROM ticket"), 10 * (int64_t)(i + 1));
	}
	struct reader *reader;
	struct conf_error error = {.text = ""};
	struct audit_balance balance;
	assert_int_equal(reader_open(&reader, &f->conf, &error), 0);
	assert_int_equal(reader_balance(reader, true, &balance, NULL, NULL), 0);
	assert_int_equal(balance.unaccounted, 0);
	assert_int_equal(balance.tickets, 20);
	reader_close(reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_acknowledged_before_the_log_is_synced),
		TEST(what_is_acknowledged_is_there_and_what_failed_is_not),
		TEST(a_broken_disk_is_told_at_once_and_left_when_it_works_again),
		TEST(a_full_disk_is_told_as_such_until_there_is_space),
		TEST(a_file_outlives_a_failed_commit_and_the_sweep_decides),
		TEST(trouble_that_a_job_shrugs_off_still_fails_it),
		TEST(each_job_of_a_failed_batch_is_told_once),
		TEST(a_lock_of_somebody_else_fails_jobs_and_breaks_nothing),
		TEST(an_idle_writer_empties_the_log),
		TEST(a_checkpoint_that_fails_loses_nothing),
	};
	int null_fd = open("/dev/null", O_WRONLY);
	log_setup(null_fd, LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, false);
	faulty_vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
