/*
 * The outbox engine alone, as fast as it goes: so many jobs are made in a fresh store, then sent to a relay on loopback
 * that takes everything (smtp-sink), over so many connections. Claims, composing, sending and settling are those of the
 * server; there is no server around them.
 *
 *	bench_outbox FOLDER PORT [JOBS [CONNECTIONS]]
 *
 * Standard output is one JSON object: jobs, seconds, rate, cpu_us (of this process per job), commits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "outbound/outbound.h"
#include "storage/participant.h"
#include "storage/ticket.h"
#include "tenant/notice.h"

#define DOMAIN  "serveloapp.com"
#define PER_TXN 500
#define LOOK_MS 5
#define MIB     (INT64_C(1024) * 1024)

struct bench {
	uv_loop_t loop;
	struct storage_conf storage;
	struct store *store;
	struct workers *workers;
	struct key_ring *keys;
	struct outbound *outbound;
	uv_timer_t timer;
	int64_t jobs, made;
	struct tenant_id tenant;
};

struct making {
	struct store_job job;
	struct bench *bench;
	bool done;
	int status;
};

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "bench_outbox: %s: %s\n", what, strerror(-r));
	exit(1);
}

static int make_tenant(struct bench *bench, struct store_txn *txn)
{
	const struct tenant_row row = {.slug = STR("acme"),
				       .name = STR("Acme Inc"),
				       .reference_prefix = STR("ACME"),
				       .admin_email = STR("admin@acme.example"),
				       .notify_email = STR(""),
				       .locale = STR("en"),
				       .signature = STR(""),
				       .logo_url = STR(""),
				       .blocked_extensions = STR("")};
	return tenant_rows_add(txn, &row, &bench->tenant);
}

/* A ticket, its first comment, and the notification that its team gets. */
static int make_job(struct bench *bench, struct store_txn *txn)
{
	const struct notice_maker maker = {bench->keys, STR(DOMAIN)};
	char reference[TICKET_REFERENCE_SIZE];
	int64_t now_ms = clock_now_ms();
	struct ticket_row ticket = {.tenant = bench->tenant,
				    .subject = STR("The printer on the second floor does not print"),
				    .tag = STR(""),
				    .addressed_to = STR("acme@" DOMAIN),
				    .assignee = STR(""),
				    .created_ms = now_ms};
	struct comment_row comment = {.tenant = bench->tenant,
				      .author_address = STR("jane@customer.example"),
				      .text = STR("Hello,\n\nyour printer on the second floor has been sent "
						  "to the office and does not print "
						  "since then. What shall we do?\n\nYours,\nJane\n"),
				      .note = STR(""),
				      .header_message_id = STR(""),
				      .created_ms = now_ms};
	struct notice notice = {.kind = OUTBOX_NOTIFY_TICKET,
				.tenant = bench->tenant,
				.slug = STR("acme"),
				.participant = PARTICIPANT_TEAM,
				.recipient = STR("admin@acme.example"),
				.mailbox = STR(""),
				.text = STR(""),
				.now_ms = now_ms};
	int r = client_upsert(txn, bench->tenant, STR("jane@customer.example"), STR("Jane"), now_ms,
			      &ticket.requester);
	if (r == 0)
		r = ticket_add(txn, &ticket, &notice.ticket, &notice.ticket_number, reference);
	comment.ticket = notice.ticket;
	comment.author = ticket.requester;
	if (r == 0)
		r = comment_add(txn, &comment, &notice.comment);
	return r == 0 ? notice_add(txn, &maker, &notice, NULL) : r;
}

static int make_apply(struct store_job *job, struct store_txn *txn)
{
	struct bench *bench = CONTAINER_OF(job, struct making, job)->bench;
	int r = bench->made == 0 ? make_tenant(bench, txn) : 0;
	for (size_t i = 0; r == 0 && i < PER_TXN && bench->made < bench->jobs; i++, bench->made++)
		r = make_job(bench, txn);
	return r;
}

static void make_done(struct store_job *job, int status)
{
	struct making *making = CONTAINER_OF(job, struct making, job);
	making->done = true;
	making->status = status;
}

static void make_jobs(struct bench *bench)
{
	while (bench->made < bench->jobs) {
		struct making making = {.job = {.apply = make_apply, .done = make_done}, .bench = bench};
		must(store_submit(bench->store, &making.job), "store");
		while (!making.done)
			uv_run(&bench->loop, UV_RUN_ONCE);
		must(making.status, "making jobs");
	}
}

/* ---- the run */

static void on_look(uv_timer_t *timer)
{
	struct bench *bench = CONTAINER_OF(timer, struct bench, timer);
	struct outbound_stats stats;
	outbound_stats(bench->outbound, &stats);
	if (stats.sent + stats.failed >= bench->jobs)
		uv_stop(&bench->loop);
}

static int64_t cpu_us(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) + usage.ru_utime.tv_usec +
	       usage.ru_stime.tv_usec;
}

static void send_all(struct bench *bench, uint16_t port, int64_t connections)
{
	const struct relay_conf relay = {.host = "127.0.0.1",
					 .port = port,
					 .tls = SMTP_TLS_NONE,
					 .ca_file = "",
					 .user = "",
					 .password = "",
					 .password_file = "",
					 .connections = connections,
					 .mails_per_connection = 100,
					 .idle_timeout_ms = 60000,
					 .connect_timeout_ms = 30000,
					 .tls_timeout_ms = 30000,
					 .greeting_timeout_ms = 30000,
					 .command_timeout_ms = 30000,
					 .data_timeout_ms = 30000,
					 .block_timeout_ms = 30000,
					 .end_timeout_ms = 30000};
	const struct outbound_conf conf = {.templates = "", .attachments_max = MIB};
	const struct outbound_settings settings = {&relay, &conf, DOMAIN, "mx." DOMAIN, bench->keys};
	const struct outbound_deps deps = {.loop = &bench->loop,
					   .store = bench->store,
					   .workers = bench->workers,
					   .storage = &bench->storage};
	struct conf_error error = {""};
	if (outbound_open(&bench->outbound, &settings, &deps, &error) < 0) {
		fprintf(stderr, "bench_outbox: %s\n", error.text);
		exit(1);
	}
	uv_timer_init(&bench->loop, &bench->timer);
	uv_timer_start(&bench->timer, on_look, LOOK_MS, LOOK_MS);
	uv_run(&bench->loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&bench->timer, NULL);
}

int main(int argc, char **argv)
{
	static const struct str key = STR_INIT("0123456789abcdef0123456789ABCDEF");
	struct bench bench = {.jobs = argc > 3 ? atol(argv[3]) : 10000};
	int64_t connections = argc > 4 ? atol(argv[4]) : 4;
	struct conf_error error = {""};
	if (argc < 3 || bench.jobs < 1 || connections < 1) {
		fprintf(stderr, "usage: bench_outbox FOLDER PORT [JOBS [CONNECTIONS]]\n");
		return 2;
	}
	log_setup(2, LOG_FORMAT_TEXT, LOG_LEVEL_WARN, true);
	bench.storage = (struct storage_conf){.data_dir = argv[1],
					      .memory_max = MIB,
					      .memory_total_max = 64 * MIB,
					      .batch_max = 500,
					      .queue_max = 10000,
					      .cache_size = 64 * MIB};
	must(uv_loop_init(&bench.loop), "loop");
	must(key_ring_new(&bench.keys, &key, 1), "keys");
	if (store_open(&bench.store, &bench.loop, &bench.storage, &error) < 0) {
		fprintf(stderr, "bench_outbox: %s\n", error.text);
		return 1;
	}
	must(workers_open(&bench.workers, &bench.loop, 2, 100), "workers");
	make_jobs(&bench);

	int64_t commits = store_stats(bench.store).commits, cpu = cpu_us(), started_us = clock_mono_us();
	send_all(&bench, (uint16_t)atoi(argv[2]), connections);
	double seconds = (double)(clock_mono_us() - started_us) / 1e6;
	cpu = cpu_us() - cpu;
	commits = store_stats(bench.store).commits - commits;
	printf("{\"jobs\": %lld, \"seconds\": %.3f, \"rate\": %.0f, \"cpu_us\": %.1f, \"commits\": %lld}\n",
	       (long long)bench.jobs, seconds, (double)bench.jobs / seconds, (double)cpu / (double)bench.jobs,
	       (long long)commits);

	outbound_close(bench.outbound);
	workers_close(bench.workers);
	store_close(bench.store);
	key_ring_unref(bench.keys);
	uv_run(&bench.loop, UV_RUN_DEFAULT);
	return uv_loop_close(&bench.loop) == 0 ? 0 : 1;
}
