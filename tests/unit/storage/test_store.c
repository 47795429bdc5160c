/* The writer: batches, savepoints, every job done once, the queue's bound, opening, the sweep, kill -9. */
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "storage/reader.h"
#include "storage/schema.h"

static int setup(void **state)
{
	struct fixture *f = XNEW(struct fixture);
	fixture_init(f);
	*state = f;
	return 0;
}

/* ---- jobs on a loop ---- */

#define JOBS 300

struct numbered {
	struct store_job job;
	int number;
	int result; /* what apply answers after it wrote its row */
	int applied, done, status;
	struct batch *batch;
};

struct batch {
	uv_loop_t loop;
	struct fixture *f;
	struct numbered jobs[JOBS];
	uv_mutex_t gate; /* held by the test until everything is queued */
	int done, order;
	bool in_order;
};

static int numbered_apply(struct store_job *job, struct store_txn *txn)
{
	struct numbered *n = CONTAINER_OF(job, struct numbered, job);
	uv_mutex_lock(&n->batch->gate);
	uv_mutex_unlock(&n->batch->gate);
	char key[16];
	n->applied++;
	snprintf(key, sizeof(key), "%06d", n->number);
	int r = setting_set(txn, str_from(key), STR("x"), n->number);
	return r < 0 ? r : n->result;
}

static void numbered_done(struct store_job *job, int status)
{
	struct numbered *n = CONTAINER_OF(job, struct numbered, job);
	n->done++;
	n->status = status;
	n->batch->in_order &= n->number == n->batch->order++;
	n->batch->done++;
}

static void submit_numbered(struct batch *b, int n)
{
	for (int i = 0; i < n; i++) {
		struct numbered *job = &b->jobs[i];
		job->job.apply = numbered_apply;
		job->job.done = numbered_done;
		job->number = i;
		job->batch = b;
		assert_int_equal(store_submit(b->f->store, &job->job), 0);
	}
}

static struct batch *batch_open(struct fixture *f)
{
	struct batch *b = XNEW(struct batch);
	uv_loop_init(&b->loop);
	uv_mutex_init(&b->gate);
	b->f = f;
	b->in_order = true;
	fixture_open(f, &b->loop);
	return b;
}

static void batch_close(struct batch *b)
{
	fixture_close(b->f);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&b->loop), 0);
	uv_mutex_destroy(&b->gate);
	free(b);
}

static int64_t settings_stored(struct fixture *f)
{
	fixture_open(f, NULL);
	int64_t n = ask(f, "SELECT count(*) FROM setting");
	fixture_close(f);
	return n;
}

static void what_queues_during_a_commit_is_one_commit(void **state)
{
	struct fixture *f = *state;
	f->conf.batch_max = 1000;
	struct batch *b = batch_open(f);
	uv_mutex_lock(&b->gate); /* the writer waits in the first job while the others queue */
	submit_numbered(b, JOBS);
	uv_mutex_unlock(&b->gate);
	while (b->done < JOBS)
		uv_run(&b->loop, UV_RUN_ONCE);
	assert_true(store_stats(f->store).commits <= 2);
	assert_int_equal(store_stats(f->store).jobs, JOBS);
	assert_true(b->in_order);
	for (int i = 0; i < JOBS; i++) {
		assert_int_equal(b->jobs[i].done, 1);
		assert_int_equal(b->jobs[i].status, 0);
	}
	batch_close(b);
	assert_int_equal(settings_stored(f), JOBS);
}

static void a_batch_has_at_most_batch_max_jobs(void **state)
{
	struct fixture *f = *state;
	f->conf.batch_max = 10;
	struct batch *b = batch_open(f);
	uv_mutex_lock(&b->gate);
	submit_numbered(b, 101);
	uv_mutex_unlock(&b->gate);
	while (b->done < 101)
		uv_run(&b->loop, UV_RUN_ONCE);
	assert_true(store_stats(f->store).commits >= 11);
	batch_close(b);
}

/* Some of a batch fail; bad: every how many. Whether by savepoints or by a second run, the rest is stored. */
static void fail_some(struct fixture *f, bool repeatable, int bad)
{
	struct batch *b = batch_open(f);
	uv_mutex_lock(&b->gate);
	for (int i = 0; i < JOBS; i++) {
		b->jobs[i].result = i % bad == 1 ? -EEXIST : 0;
		b->jobs[i].job.repeatable = repeatable;
	}
	submit_numbered(b, JOBS);
	uv_mutex_unlock(&b->gate);
	while (b->done < JOBS)
		uv_run(&b->loop, UV_RUN_ONCE);
	int64_t good = 0;
	for (int i = 0; i < JOBS; i++) {
		assert_int_equal(b->jobs[i].done, 1);
		assert_int_equal(b->jobs[i].status, b->jobs[i].result);
		assert_in_range(b->jobs[i].applied, 1, repeatable ? 2 : 1);
		good += b->jobs[i].result == 0;
	}
	assert_true(store_stats(f->store).healthy);
	batch_close(b);
	assert_int_equal(settings_stored(f), good);
}

/* Somebody has opened the database beside us and writes: jobs fail, with a status of their own, nothing is broken, and the
 * writer notices by itself that it is over. */
static void a_lock_of_another_program_is_seen_while_it_lasts(void **state)
{
	struct batch *b = batch_open(*state);
	struct fixture *f = b->f;
	char path[256];
	sqlite3 *other;
	snprintf(path, sizeof(path), "%s/servelo.db", f->data_dir);
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	submit_numbered(b, 1);
	while (b->done < 1)
		uv_run(&b->loop, UV_RUN_ONCE);
	assert_int_equal(b->jobs[0].status, STORE_LOCKED);
	assert_int_equal(b->jobs[0].applied, 0);
	struct store_stats stats = store_stats(f->store);
	assert_true(stats.healthy && stats.locked && stats.failing_since_ms > 0 && stats.failures == 1);
	assert_string_equal(store_error_text(STORE_LOCKED), "the database is locked by another program");
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	while (store_stats(f->store).locked)
		usleep(1000);
	stats = store_stats(f->store);
	assert_true(stats.failing_since_ms == 0 && stats.at_work_ms == 0);
	batch_close(b);
}

static void a_writer_that_waits_can_be_seen(void **state)
{
	struct batch *b = batch_open(*state);
	uv_mutex_lock(&b->gate);
	submit_numbered(b, 1);
	while (store_stats(b->f->store).at_work_ms == 0)
		usleep(1000);
	uv_mutex_unlock(&b->gate);
	while (b->done < 1)
		uv_run(&b->loop, UV_RUN_ONCE);
	assert_int_equal(store_stats(b->f->store).at_work_ms, 0);
	batch_close(b);
}

static void a_job_that_fails_leaves_the_others(void **state)
{
	static const struct {
		bool repeatable;
		int bad;
	} cases[] = {{false, 3}, {false, 100}, {true, 3}, {true, 100}, {true, 1000}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fail_some(*state, cases[i].repeatable, cases[i].bad);
		fixture_done(*state);
		fixture_init(*state);
	}
}

static void closing_finishes_what_is_queued(void **state)
{
	struct fixture *f = *state;
	struct batch *b = batch_open(f);
	submit_numbered(b, JOBS);
	f->spool = spool_close(f->spool);
	f->store = store_close(f->store);
	assert_int_equal(b->done, JOBS);
	batch_close(b);
	assert_int_equal(settings_stored(f), JOBS);
}

static void a_full_queue_says_eagain_and_moves_nothing(void **state)
{
	struct fixture *f = *state;
	f->conf.queue_max = 5;
	f->conf.batch_max = 1;
	struct batch *b = batch_open(f);
	uv_mutex_lock(&b->gate);
	int accepted = 0;
	for (int i = 0; i < 20; i++) {
		struct numbered *job = &b->jobs[i];
		*job = (struct numbered){
			.job = {.apply = numbered_apply, .done = numbered_done}, .number = i, .batch = b};
		int r = store_submit(f->store, &job->job);
		if (r == 0)
			accepted++;
		else
			assert_int_equal(r, -EAGAIN);
	}
	assert_in_range(accepted, 5, 6); /* one may have left the queue for the writer */
	uv_mutex_unlock(&b->gate);
	while (b->done < accepted)
		uv_run(&b->loop, UV_RUN_ONCE);
	for (int i = 0; i < 20; i++)
		assert_true(b->jobs[i].done <= 1);
	batch_close(b);
	assert_int_equal(settings_stored(f), accepted);
}

/* ---- opening ---- */

static void the_folder_is_private_and_locked(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char path[128];
	struct conf_error error = {.text = ""};
	struct store *second = NULL;
	fixture_open(f, NULL);
	assert_int_equal(stat(f->data_dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(path, sizeof(path), "%s/servelo.db", f->data_dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(store_open(&second, NULL, &f->conf, &error), -EBUSY);
	assert_null(second);
	char pid[32];
	snprintf(pid, sizeof(pid), "process %ld ", (long)getpid());
	assert_non_null(strstr(error.text, pid));
	fixture_close(f);
	fixture_open(f, NULL); /* free again */
}

static void each_opening_is_a_run_of_its_own(void **state)
{
	struct fixture *f = *state;
	for (int64_t run_number = 1; run_number <= 3; run_number++) {
		fixture_open(f, NULL);
		assert_int_equal(store_run_number(f->store), run_number);
		fixture_close(f);
	}
}

static void a_file_of_others_or_of_a_newer_version_is_refused(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *sql, *text;
	} cases[] = {
		{"PRAGMA user_version = 1000", "newer version"},
		{"PRAGMA application_id = 17", "another program"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf_error error = {.text = ""};
		fixture_open(f, NULL);
		tamper(f, cases[i].sql);
		fixture_close(f);
		assert_int_equal(store_open(&f->store, NULL, &f->conf, &error), -EINVAL);
		assert_non_null(strstr(error.text, cases[i].text));
		assert_null(f->store);
		fixture_done(f);
		fixture_init(f);
	}
}

static void a_file_that_is_no_database_is_refused_and_left_alone(void **state)
{
	struct fixture *f = *state;
	char path[128], text[4096], after[4096];
	struct conf_error error = {.text = ""};
	memset(text, 'x', sizeof(text));
	assert_int_equal(mkdir(f->data_dir, 0700), 0);
	snprintf(path, sizeof(path), "%s/servelo.db", f->data_dir);
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
	assert_int_equal(store_open(&f->store, NULL, &f->conf, &error), -EBADMSG);
	assert_non_null(strstr(error.text, path));
	assert_int_equal(pread(fd, after, sizeof(after), 0), sizeof(after));
	assert_memory_equal(text, after, sizeof(text));
	close(fd);
}

static void the_schema_is_at_its_version(void **state)
{
	struct fixture *f = *state;
	fixture_open(f, NULL);
	assert_int_equal(ask(f, "PRAGMA user_version"), schema_version());
	assert_int_equal(ask(f, "PRAGMA auto_vacuum"), 2);
	assert_int_equal(ask(f, "PRAGMA synchronous"), 2);
	assert_int_equal(
		ask(f, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
		       " AND sql NOT LIKE '%STRICT%'"),
		0);
	assert_int_equal(ask(f, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
}

/* ---- the sweep ---- */

static bool there(struct fixture *f, const char *file)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/spool/%s", f->data_dir, file);
	return access(path, F_OK) == 0;
}

static void put_file(struct fixture *f, const char *file)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/spool/%s", f->data_dir, file);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void the_sweep_removes_orphans_and_only_orphans(void **state)
{
	struct fixture *f = *state;
	size_t removed = 99;
	char kept[64], orphan[64], orphan_later[64], now[64];
	fixture_open(f, NULL);
	assert_int_equal(store_sweep(f->store, &removed), 0);
	assert_int_equal(removed, 0);
	fixture_tenant(f);
	struct mail_rows rows = add_mail(f, 200000);
	snprintf(kept, sizeof(kept), "1/%s", rows.id.text);
	snprintf(orphan, sizeof(orphan), "1/%s", mail_id_make().text);
	put_file(f, orphan);
	put_file(f, "1/notes"); /* not a mail's name: not ours to remove */
	assert_true(there(f, kept));
	fixture_close(f);

	fixture_open(f, NULL); /* run 2; run 1 is to be swept */
	snprintf(now, sizeof(now), "2/%s", mail_id_make().text);
	put_file(f, now);
	assert_int_equal(store_sweep(f->store, &removed), 0);
	assert_int_equal(removed, 1);
	assert_false(there(f, orphan));
	assert_true(there(f, kept));
	assert_true(there(f, "1/notes"));
	assert_true(there(f, now)); /* of this run: a delivery may be under way */
	fixture_close(f);

	fixture_open(f, NULL); /* run 3: run 2 has an orphan only, run 1 is not looked at again */
	snprintf(orphan_later, sizeof(orphan_later), "1/%s", mail_id_make().text);
	put_file(f, orphan_later);
	assert_int_equal(store_sweep(f->store, &removed), 0);
	assert_int_equal(removed, 1);
	assert_false(there(f, "2"));
	assert_true(there(f, orphan_later));
	assert_true(there(f, kept));
}

static int add_then_fail(void *ctx, struct store_txn *txn)
{
	int r = add_mail_rows(ctx, txn);
	return r < 0 ? r : -EPERM;
}

static void the_file_of_a_rolled_back_job_goes_with_it(void **state)
{
	struct fixture *f = *state;
	char file[64];
	fixture_open(f, NULL);
	fixture_tenant(f);
	struct mail_rows rows = {.tenant = f->tenant, .id = mail_id_make()};
	snprintf(file, sizeof(file), "1/%s", rows.id.text);
	rows.mail = make_mail(f->spool, &rows.id, 200000);
	assert_int_equal(run(f, add_then_fail, &rows), -EPERM);
	assert_true(there(f, file));
	spooled_mail_discard(rows.mail);
	assert_false(there(f, file));
	assert_int_equal(ask(f, "SELECT count(*) FROM message"), 0);
	assert_true(store_stats(f->store).healthy);
}

/* ---- kill -9 ---- */

/* Stores mail after mail; writes each id to the pipe when it was acknowledged. */
static void child_main(struct fixture *f, int ledger)
{
	fixture_open(f, NULL);
	fixture_tenant(f);
	for (int i = 0;; i++) {
		struct mail_rows rows = add_mail(f, i % 5 == 4 ? 150000 : 3000);
		if (write(ledger, rows.id.text, MAIL_ID_LEN) != MAIL_ID_LEN)
			_exit(1);
	}
}

static int ignore_bytes(void *ctx, struct str bytes)
{
	(void)ctx;
	(void)bytes;
	return 0;
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
	struct fixture *f = *state;
	for (int round = 0; round < 6; round++) {
		int ledger[2];
		assert_int_equal(pipe(ledger), 0);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			close(ledger[0]);
			child_main(f, ledger[1]);
		}
		close(ledger[1]);
		/* Killed while it works: after a number of acknowledgements, whatever it is doing then. */
		char id[MAIL_ID_LEN];
		char *ids = NULL;
		size_t n = 0;
		for (ssize_t got; (got = read(ledger[0], id, sizeof(id))) == sizeof(id);) {
			ids = xreallocarray(ids, n + 1, MAIL_ID_LEN);
			memcpy(ids + n++ * MAIL_ID_LEN, id, MAIL_ID_LEN);
			if (n == (size_t)(20 + round * 7))
				kill(pid, SIGKILL);
		}
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		close(ledger[0]);
		assert_true(n >= 20);

		struct conf_error error = {.text = ""};
		struct reader *reader;
		size_t removed;
		struct audit_balance balance;
		fixture_open(f, NULL);
		assert_int_equal(store_sweep(f->store, &removed), 0);
		assert_true(removed <= 1); /* at most the one that was under way */
		assert_int_equal(reader_open(&reader, &f->conf, &error), 0);
		for (size_t i = 0; i < n; i++) {
			struct mail_id mail_id;
			memset(&mail_id, 0, sizeof(mail_id));
			memcpy(mail_id.text, ids + i * MAIL_ID_LEN, MAIL_ID_LEN);
			assert_int_equal(reader_original(reader, &mail_id, ignore_bytes, NULL), 0);
		}
		assert_int_equal(reader_balance(reader, true, &balance, NULL, NULL), 0);
		assert_int_equal(balance.unaccounted, 0);
		assert_true(balance.tickets >= (int64_t)n);
		reader_close(reader);
		free(ids);
		fixture_done(f);
		fixture_init(f);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_acknowledged_survives_kill_9), /* first: it forks */
		TEST(what_queues_during_a_commit_is_one_commit),
		TEST(a_batch_has_at_most_batch_max_jobs),
		TEST(a_lock_of_another_program_is_seen_while_it_lasts),
		TEST(a_writer_that_waits_can_be_seen),
		TEST(a_job_that_fails_leaves_the_others),
		TEST(closing_finishes_what_is_queued),
		TEST(a_full_queue_says_eagain_and_moves_nothing),
		TEST(the_folder_is_private_and_locked),
		TEST(each_opening_is_a_run_of_its_own),
		TEST(a_file_of_others_or_of_a_newer_version_is_refused),
		TEST(a_file_that_is_no_database_is_refused_and_left_alone),
		TEST(the_schema_is_at_its_version),
		TEST(the_sweep_removes_orphans_and_only_orphans),
		TEST(the_file_of_a_rolled_back_job_goes_with_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
