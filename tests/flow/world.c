/*
 * See world.h. Nothing waits for real time: the loop is turned without blocking, threads are given the processor until
 * they are done, and when nothing moves any more the clock is put to the next deadline.
 */
#include "tests/flow/world.h"

#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "outbound/outbound_private.h"
#include "storage/participant.h"
#include "tenant/notice.h"

#define BEGIN_MS     INT64_C(1700000000000)
#define HANG_SECONDS 100 /* real ones: a test that gets there has failed */
#define QUIET_TURNS  30

static _Atomic int64_t now_ms = BEGIN_MS, wall_shift_ms;

int64_t world_now_ms(void)
{
	return now_ms;
}

void world_set_now(int64_t to_ms)
{
	now_ms = to_ms;
}

void world_put_wall_clock(int64_t by_ms)
{
	wall_shift_ms += by_ms;
}

static int64_t wall_now_ms(void)
{
	return now_ms + wall_shift_ms;
}

static void must_not_hang(uint64_t started)
{
	if (uv_hrtime() - started > (uint64_t)HANG_SECONDS * 1000000000)
		fail_msg("nothing comes to an end");
}

/* ---- life */

void world_open(struct world *world, sink_policy *policy, void *ctx)
{
	static const struct str key = STR_INIT("0123456789abcdef0123456789ABCDEF");
	memset(world, 0, sizeof(*world));
	wall_shift_ms = 0;
	clock_replace(wall_now_ms, world_now_ms);
	log_setup(2, LOG_FORMAT_TEXT, getenv("FLOW_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, false);
	snprintf(world->dir, sizeof(world->dir), "/tmp/servelo-flow-XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	snprintf(world->data_dir, sizeof(world->data_dir), "%s/data", world->dir);
	assert_int_equal(uv_loop_init(&world->loop), 0);
	world->storage = (struct storage_conf){.data_dir = world->data_dir,
					       .memory_max = 128 * 1024,
					       .memory_total_max = 4 * 1024 * 1024,
					       .batch_max = 500,
					       .queue_max = 1000,
					       .cache_size = 4 * 1024 * 1024};
	world->sink = sink_open(&world->loop, policy, ctx);
	world->relay = (struct relay_conf){.host = "127.0.0.1",
					   .port = sink_port(world->sink),
					   .tls = SMTP_TLS_NONE,
					   .ca_file = "",
					   .user = "",
					   .password = "",
					   .password_file = "",
					   .connections = 4,
					   .mails_per_connection = 100,
					   .idle_timeout_ms = SECONDS(60),
					   .connect_timeout_ms = SECONDS(30),
					   .tls_timeout_ms = SECONDS(30),
					   .greeting_timeout_ms = MINUTES(5),
					   .command_timeout_ms = MINUTES(5),
					   .data_timeout_ms = MINUTES(2),
					   .block_timeout_ms = MINUTES(3),
					   .end_timeout_ms = MINUTES(10)};
	world->conf = (struct outbound_conf){.templates = "", .attachments_max = 1024 * 1024};
	world->kind = OUTBOX_CONFIRM;
	world->text = STR("Hello,\n\nit does not work.\n");
	assert_int_equal(key_ring_new(&world->keys, &key, 1), 0);
	world->jobs = xcalloc(JOBS_MAX, sizeof(*world->jobs));
}

static int add_tenant(void *ctx, struct store_txn *txn)
{
	struct world *world = ctx;
	struct tenant_row row = {.slug = STR("acme"),
				 .name = STR("Acme"),
				 .reference_prefix = STR("ACME"),
				 .admin_email = STR("admin@acme.example"),
				 .notify_email = STR(""),
				 .locale = STR("en"),
				 .signature = STR(""),
				 .logo_url = STR(""),
				 .blocked_extensions = STR(""),
				 .confirm = true};
	int r = tenant_rows_find(txn, row.slug, &row);
	if (r == 0)
		world->tenant = row.id;
	return r == -ENOENT ? tenant_rows_add(txn, &row, &world->tenant) : r;
}

void world_open_store(struct world *world)
{
	struct conf_error error = {""};
	if (store_open(&world->store, &world->loop, &world->storage, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(workers_open(&world->workers, &world->loop, 2, 100), 0);
	assert_int_equal(world_do(world, add_tenant, world), 0);
}

struct outbound_settings world_settings(const struct world *world)
{
	return (struct outbound_settings){.relay = &world->relay,
					  .conf = &world->conf,
					  .domain = FLOW_DOMAIN,
					  .hostname = "mx." FLOW_DOMAIN,
					  .keys = world->keys};
}

void world_start(struct world *world)
{
	struct conf_error error = {""};
	const struct outbound_deps deps = {.loop = &world->loop,
					   .store = world->store,
					   .workers = world->workers,
					   .storage = &world->storage};
	struct outbound_settings settings = world_settings(world);
	if (outbound_open(&world->outbound, &settings, &deps, &error) < 0)
		fail_msg("%s", error.text);
}

void world_stop(struct world *world)
{
	world->outbound = outbound_close(world->outbound);
	world->workers = workers_close(world->workers);
	world->store = store_close(world->store);
}

static int remove_entry(const char *path, const struct stat *st UNUSED, int type UNUSED,
			struct FTW *ftw UNUSED)
{
	return remove(path);
}

void world_close(struct world *world)
{
	uint64_t started = uv_hrtime();
	world_stop(world);
	sink_close(world->sink);
	while (uv_run(&world->loop, UV_RUN_NOWAIT) != 0)
		must_not_hang(started);
	assert_int_equal(uv_loop_close(&world->loop), 0);
	key_ring_unref(world->keys);
	free(world->jobs);
	nftw(world->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	clock_replace(NULL, NULL);
}

/* ---- transactions */

struct world_txn {
	struct store_job job;
	world_fn *fn;
	void *ctx;
	bool done;
	int status;
};

static int txn_apply(struct store_job *job, struct store_txn *txn)
{
	struct world_txn *what = CONTAINER_OF(job, struct world_txn, job);
	return what->fn(what->ctx, txn);
}

static void txn_done(struct store_job *job, int status)
{
	struct world_txn *what = CONTAINER_OF(job, struct world_txn, job);
	what->done = true;
	what->status = status;
}

int world_do(struct world *world, world_fn *fn, void *ctx)
{
	struct world_txn what = {.job = {.apply = txn_apply, .done = txn_done}, .fn = fn, .ctx = ctx};
	uint64_t started = uv_hrtime();
	assert_int_equal(store_submit(world->store, &what.job), 0);
	while (!what.done) {
		uv_run(&world->loop, UV_RUN_NOWAIT);
		must_not_hang(started);
	}
	return what.status;
}

struct adding {
	struct world *world;
	size_t n;
};

static int add_job(struct world *world, struct store_txn *txn)
{
	const struct notice_maker maker = {world->keys, STR(FLOW_DOMAIN)};
	struct world_job *job = &world->jobs[world->jobs_n];
	char address[64], reference[TICKET_REFERENCE_SIZE];
	snprintf(address, sizeof(address), "customer%zu@example.net", world->jobs_n);
	struct client_id client;
	struct ticket_row ticket = {.tenant = world->tenant,
				    .subject = STR("It does not work"),
				    .tag = STR(""),
				    .addressed_to = STR("acme@" FLOW_DOMAIN),
				    .assignee = STR(""),
				    .created_ms = now_ms};
	struct comment_row comment = {.tenant = world->tenant,
				      .author_address = str_from(address),
				      .text = world->text,
				      .note = STR(""),
				      .header_message_id = STR(""),
				      .created_ms = now_ms};
	struct notice notice = {.kind = world->kind,
				.tenant = world->tenant,
				.slug = STR("acme"),
				.participant = PARTICIPANT_REQUESTER,
				.recipient = str_from(address),
				.mailbox = STR(""),
				.text = STR(""),
				.now_ms = now_ms};
	int r = client_upsert(txn, world->tenant, str_from(address), STR("Jane"), now_ms, &client);
	ticket.requester = comment.author = client;
	if (r == 0)
		r = ticket_add(txn, &ticket, &job->ticket, &notice.ticket_number, reference);
	comment.ticket = notice.ticket = job->ticket;
	if (r == 0)
		r = comment_add(txn, &comment, &notice.comment);
	if (r == 0)
		r = notice_add(txn, &maker, &notice, &job->id);
	struct outbox_row row;
	if (r == 0)
		r = outbox_get(txn, job->id, &row);
	if (r == 0)
		snprintf(job->message_id, sizeof(job->message_id), "%.*s", STR_ARG(row.header_message_id));
	world->jobs_n++;
	return r;
}

static int add_jobs(void *ctx, struct store_txn *txn)
{
	struct adding *adding = ctx;
	int r = 0;
	for (size_t i = 0; r == 0 && i < adding->n; i++)
		r = add_job(adding->world, txn);
	return r;
}

void world_jobs(struct world *world, size_t n)
{
	struct adding adding = {world, n};
	assert_true(world->jobs_n + n <= JOBS_MAX);
	assert_int_equal(world_do(world, add_jobs, &adding), 0);
	if (world->outbound)
		outbound_wake(world->outbound);
}

void world_begin(struct world *world, size_t n)
{
	world_open_store(world);
	world_jobs(world, n);
	world_start(world);
}

/* ---- time */

struct outbound_stats world_stats(const struct world *world)
{
	struct outbound_stats stats;
	outbound_stats(world->outbound, &stats);
	return stats;
}

/* A thread of ours has something of the engine. */
static bool busy(const struct outbound *outbound)
{
	return outbound->claiming.under_way || outbound->making.under_way || outbound->settling.under_way;
}

void world_settle(struct world *world)
{
	uint64_t started = uv_hrtime();
	for (unsigned quiet = 0; quiet < QUIET_TURNS; quiet++) {
		unsigned moves = sink_moves(world->sink);
		struct outbound_stats before = world_stats(world), after;
		uv_run(&world->loop, UV_RUN_NOWAIT);
		bool due = outbound_deadline(world->outbound) <= now_ms;
		if (due)
			outbound_tick(world->outbound);
		after = world_stats(world);
		if (after.claimed > world->claimed_most)
			world->claimed_most = after.claimed;
		if (busy(world->outbound))
			usleep(50); /* let it */
		if (due || busy(world->outbound) || moves != sink_moves(world->sink) ||
		    after.claimed != before.claimed || after.relay.connects != before.relay.connects)
			quiet = 0;
		must_not_hang(started);
	}
}

bool world_jump(struct world *world, int64_t until_ms)
{
	int64_t deadline_ms = outbound_deadline(world->outbound);
	bool within = deadline_ms <= until_ms;
	deadline_ms = within ? deadline_ms : until_ms;
	if (deadline_ms > now_ms)
		now_ms = deadline_ms;
	return within;
}

void world_run_for(struct world *world, int64_t for_ms)
{
	int64_t until_ms = now_ms + for_ms;
	uint64_t started = uv_hrtime();
	world_settle(world);
	while (world_jump(world, until_ms)) {
		world_settle(world);
		must_not_hang(started);
	}
	world_settle(world);
}

void world_run_until_sent(struct world *world, size_t n, int64_t for_ms)
{
	int64_t until_ms = now_ms + for_ms;
	world_settle(world);
	while (world_count(world, OUTBOX_SENT) < n) {
		if (!world_jump(world, until_ms))
			fail_msg("only %zu of %zu were sent", world_count(world, OUTBOX_SENT), n);
		world_settle(world);
	}
}

/* ---- what the database says */

static struct reader *open_reader(const struct world *world)
{
	struct reader *reader = NULL;
	struct conf_error error = {""};
	if (reader_open(&reader, &world->storage, &error) < 0)
		fail_msg("%s", error.text);
	return reader;
}

struct looking {
	struct outbox_id id;
	enum outbox_kind kind;
	struct world_row row;
	size_t n;
	bool found;
};

static bool find_row(void *ctx, const struct outbox_view *view)
{
	struct looking *looking = ctx;
	const struct outbox_row *row = &view->row;
	looking->n++;
	if (row->id.v != looking->id.v)
		return true;
	looking->found = true;
	looking->row = (struct world_row){
		.state = row->state, .due_ms = row->due_ms, .tries = row->tries, .kind = row->kind};
	snprintf(looking->row.why, sizeof(looking->row.why), "%.*s", STR_ARG(row->why));
	snprintf(looking->row.message_id, sizeof(looking->row.message_id), "%.*s",
		 STR_ARG(row->header_message_id));
	snprintf(looking->row.recipient, sizeof(looking->row.recipient), "%.*s", STR_ARG(row->recipient));
	return false;
}

struct world_row world_row(const struct world *world, struct outbox_id id)
{
	const struct outbox_filter filter = {.state = -2, .before_id = id.v + 1, .limit = 1};
	struct looking looking = {.id = id};
	struct reader *reader = open_reader(world);
	assert_int_equal(reader_outbox(reader, &filter, find_row, &looking), 0);
	reader_close(reader);
	assert_true(looking.found);
	return looking.row;
}

size_t world_count(const struct world *world, enum outbox_state state)
{
	const struct outbox_filter filter = {.state = (int)state, .limit = JOBS_MAX * 2};
	struct looking looking = {.id = {-1}};
	struct reader *reader = open_reader(world);
	assert_int_equal(reader_outbox(reader, &filter, find_row, &looking), 0);
	reader_close(reader);
	return looking.n;
}

static bool count_kind(void *ctx, const struct outbox_view *view)
{
	struct looking *looking = ctx;
	looking->n += view->row.kind == looking->kind;
	return true;
}

size_t world_count_kind(const struct world *world, enum outbox_kind kind)
{
	const struct outbox_filter filter = {.state = -2, .limit = JOBS_MAX * 2};
	struct looking looking = {.kind = kind};
	struct reader *reader = open_reader(world);
	assert_int_equal(reader_outbox(reader, &filter, count_kind, &looking), 0);
	reader_close(reader);
	return looking.n;
}

static bool count_notes(void *ctx, const struct comment_view *comment)
{
	*(size_t *)ctx += comment->row.author_kind == COMMENT_BY_SYSTEM;
	return true;
}

size_t world_notes(const struct world *world, struct ticket_id ticket)
{
	size_t n = 0;
	struct reader *reader = open_reader(world);
	assert_int_equal(reader_comments(reader, ticket, count_notes, &n), 0);
	reader_close(reader);
	return n;
}

void assert_each_accepted(const struct world *world, size_t least, size_t most)
{
	for (size_t i = 0; i < world->jobs_n; i++) {
		size_t n = sink_accepted(world->sink, world->jobs[i].message_id);
		if (n < least || n > most)
			fail_msg("job %lld was accepted %zu times", (long long)world->jobs[i].id.v, n);
	}
	assert_int_equal(world_count(world, OUTBOX_SENT), world->jobs_n);
}

void assert_why_at(const struct world *world, struct outbox_id job, const char *part, const char *file,
		   int line)
{
	struct world_row row = world_row(world, job);
	if (!strstr(row.why, part)) {
		print_error("why: \"%s\", not \"%s\"\n", row.why, part);
		_fail(file, line);
	}
}
