/*
 * What the storage costs. Tables:
 *
 *	bench_store batches		4 KiB mails by number of jobs under way: rate, writer's CPU per mail
 *	bench_store growth MAX TENANTS	the same and look-ups, at 10^3, 10^4, ... MAX tickets
 *
 *	bench_store one CLIENTS MAILS TENANTS	a single line of the first, to be watched by other tools
 *
 * A mail is what the intake writes for one: message, original (4.3 KiB), client (one of 50,000 per tenant at
 * random), ticket, comment (1.2 KiB of text), caps of confirmations, two outbox jobs, repeat looked up and added,
 * audit row. CPU is that of the writer thread alone, system time and its share of COMMIT included. The folder is made under TMPDIR or /tmp and
 * removed afterwards; durability is what it is in production (synchronous=FULL).
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "storage/audit.h"
#include "storage/message.h"
#include "storage/outbox.h"
#include "storage/pace.h"
#include "storage/participant.h"
#include "storage/reader.h"
#include "storage/store.h"
#include "storage/tenant_rows.h"
#include "storage/ticket.h"
#include "tenant/key_ring.h"
#include "tenant/notice.h"
#include "tenant/quota.h"

#define MAIL_SIZE 4300
#define TEXT_SIZE 1200
#define AUTHORS   50000

struct bench {
	uv_loop_t loop;
	struct storage_conf conf;
	char dir[256];
	struct store *store;
	struct spool *spool;
	struct key_ring *keys;
	struct tenant_id *tenants;
	int64_t tenants_n;
	uint64_t random;
	int64_t stored; /* mails in all */
	size_t under_way;
	int64_t to_submit;
	double writer_cpu; /* of its thread, seconds; as the last job saw it */
};

struct bench_mail {
	struct store_job job;
	struct bench *bench;
	struct spooled_mail *mail;
	struct mail_id id;
	int64_t tenant;
	char slug[32], author[64], header_message_id[80];
	struct repeat_key repeat;
};

static char mail_bytes[MAIL_SIZE], text_bytes[TEXT_SIZE];

static uint64_t next_random(struct bench *b)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return b->random;
}

static double thread_cpu(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "bench_store: %s: %s\n", what, strerror(-r));
		exit(1);
	}
}

/* ---- one mail ---- */

static struct message_row message_of(const struct bench_mail *m, int64_t now_ms)
{
	return (struct message_row){
		.mail_id = m->id,
		.received_ms = now_ms,
		.reverse_path = str_from(m->author),
		.client_ip = STR("192.0.2.17"),
		.helo = STR("mail-out-17.example.com"),
		.tls = STR("TLSv1.3 TLS_AES_256_GCM_SHA384"),
		.protocol = STR("ESMTPS"),
		.size = MAIL_SIZE,
		.trace_size = 200,
		.header_from = str_from(m->author),
		.header_subject = STR("The printer on the second floor prints everything twice"),
		.header_message_id = str_from(m->header_message_id),
	};
}

static int add_ticket(struct store_txn *txn, const struct message_row *message, struct ticket_row *ticket,
		      char *ret_reference)
{
	bool storm;
	*ticket = (struct ticket_row){
		.tenant = ticket->tenant,
		.subject = message->header_subject,
		.addressed_to = STR("support@acme.example"),
		.created_ms = message->received_ms,
	};
	int r = client_upsert(txn, ticket->tenant, message->header_from, STR("Jane Doe"),
			      message->received_ms, &ticket->requester);
	if (r == 0)
		r = pace_tickets(txn, ticket->requester, 60, message->received_ms - 3600000, &storm);
	return r < 0 ? r : ticket_add(txn, ticket, &ticket->id, &ticket->number, ret_reference);
}

static int add_comment(struct store_txn *txn, const struct message_row *message, struct message_id id,
		       const struct ticket_row *ticket, struct comment_id *ret)
{
	const struct comment_row row = {
		.ticket = ticket->id,
		.tenant = ticket->tenant,
		.message = id,
		.author = ticket->requester,
		.author_address = message->header_from,
		.text = {text_bytes, TEXT_SIZE},
		.note = STR(""),
		.header_message_id = message->header_message_id,
		.created_ms = message->received_ms,
	};
	return comment_add(txn, &row, ret);
}

/* The caps of confirmations, whatever they say, and the two jobs. */
static int add_jobs(struct bench_mail *m, struct store_txn *txn, const struct ticket_row *ticket,
		    struct comment_id comment)
{
	static const struct quota_limits limits = {3 * 3600000, 10, 3, 1000};
	const struct notice_maker maker = {m->bench->keys, STR("serveloapp.com")};
	struct quota_record client, tenant;
	int r = client_quota(txn, ticket->requester, client.bytes, &client.len);
	if (r == 0)
		r = tenant_quota(txn, ticket->tenant, tenant.bytes, &tenant.len);
	if (r == 0 && quota_take(&limits, &client, &tenant, quota_subject_key(ticket->subject),
				 ticket->created_ms) == QUOTA_FREE) {
		r = client_set_quota(txn, ticket->requester, client.bytes, client.len);
		if (r == 0)
			r = tenant_set_quota(txn, ticket->tenant, tenant.bytes, tenant.len);
	}
	struct notice notice = {
		.kind = OUTBOX_NOTIFY_TICKET,
		.tenant = ticket->tenant,
		.slug = str_from(m->slug),
		.ticket = ticket->id,
		.ticket_number = ticket->number,
		.comment = comment,
		.participant = PARTICIPANT_TEAM,
		.recipient = STR("admin@acme.example"),
		.mailbox = STR(""),
		.text = STR(""),
		.now_ms = ticket->created_ms,
	};
	if (r == 0)
		r = notice_add(txn, &maker, &notice, NULL);
	notice.kind = OUTBOX_CONFIRM;
	notice.comment.v = 0;
	notice.participant = PARTICIPANT_REQUESTER;
	notice.recipient = str_from(m->author);
	return r < 0 ? r : notice_add(txn, &maker, &notice, NULL);
}

static int add_audit(struct store_txn *txn, const struct message_row *message, const struct audit_row *ids)
{
	struct audit_row row = *ids;
	row.mail_id = message->mail_id;
	row.received_ms = message->received_ms;
	row.reverse_path = message->reverse_path;
	row.recipient = STR("acme@serveloapp.com");
	row.client_ip = message->client_ip;
	row.helo = message->helo;
	row.tls = message->tls;
	row.protocol = message->protocol;
	row.size = MAIL_SIZE;
	row.header_from = message->header_from;
	row.header_subject = message->header_subject;
	row.header_message_id = message->header_message_id;
	row.verdict = STR("normal");
	row.error = STR("");
	row.outcome = AUDIT_CREATED;
	return audit_add(txn, &row);
}

static int apply_mail(struct store_job *job, struct store_txn *txn)
{
	struct bench_mail *m = CONTAINER_OF(job, struct bench_mail, job);
	const struct message_row message = message_of(m, clock_now_ms());
	struct ticket_row ticket = {.tenant = m->bench->tenants[m->tenant]};
	struct audit_row ids = {.tenant = ticket.tenant};
	struct repeat repeat;
	char reference[TICKET_REFERENCE_SIZE] = "";

	if (repeat_find(txn, &m->repeat, &repeat) != -ENOENT)
		return -EEXIST;
	int r = message_add(txn, &message, m->mail, &ids.message);
	if (r == 0)
		r = add_ticket(txn, &message, &ticket, reference);
	if (r == 0)
		r = add_comment(txn, &message, ids.message, &ticket, &ids.comment);
	if (r == 0)
		r = add_jobs(m, txn, &ticket, ids.comment);
	if (r == 0)
		r = repeat_add(txn, &m->repeat, ticket.id, &m->id, message.received_ms);
	ids.ticket = ticket.id;
	ids.reply = str_from(reference);
	if (r == 0)
		r = add_audit(txn, &message, &ids);
	m->bench->writer_cpu = thread_cpu();
	return r;
}

static void submit_mail(struct bench *b);

static void mail_done(struct store_job *job, int status)
{
	struct bench_mail *m = CONTAINER_OF(job, struct bench_mail, job);
	struct bench *b = m->bench;
	must(status, "a mail");
	spooled_mail_discard(m->mail);
	free(m);
	b->stored++;
	b->under_way--;
	if (b->to_submit > 0)
		submit_mail(b);
}

static void random_octets(struct bench *b, uint8_t *ret, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = (uint8_t)(next_random(b) >> 24);
}

static void submit_mail(struct bench *b)
{
	struct bench_mail *m = XNEW(struct bench_mail);
	m->job.apply = apply_mail;
	m->job.done = mail_done;
	m->job.repeatable = true;
	m->bench = b;
	m->id = mail_id_make();
	m->tenant = (int64_t)(next_random(b) % (uint64_t)b->tenants_n);
	snprintf(m->slug, sizeof(m->slug), "tenant-%lld", (long long)m->tenant);
	snprintf(m->author, sizeof(m->author), "customer.%d@mail-%d.example.com",
		 (int)(next_random(b) % AUTHORS), (int)(next_random(b) % 3));
	snprintf(m->header_message_id, sizeof(m->header_message_id), "CAF%016llx.%llu@mail.example.com",
		 (unsigned long long)next_random(b), (unsigned long long)b->stored);
	m->repeat.tenant = b->tenants[m->tenant];
	random_octets(b, m->repeat.recipient, sizeof(m->repeat.recipient));
	random_octets(b, m->repeat.identity, sizeof(m->repeat.identity));
	random_octets(b, m->repeat.body, sizeof(m->repeat.body));
	must(spool_create(b->spool, &m->id, &m->mail), "spool");
	must(spooled_mail_append(m->mail, (struct str){mail_bytes, MAIL_SIZE}), "spool");
	must(spooled_mail_seal(m->mail), "spool");
	must(store_submit(b->store, &m->job), "submit");
	b->under_way++;
	b->to_submit--;
}

/* n mails, at most `clients` of them under way. */
static void store_mails(struct bench *b, int64_t n, size_t clients)
{
	b->to_submit = n;
	while (b->under_way < clients && b->to_submit > 0)
		submit_mail(b);
	while (b->under_way > 0)
		uv_run(&b->loop, UV_RUN_ONCE);
}

/* ---- setting up ---- */

struct tenants_job {
	struct store_job job;
	struct bench *bench;
	bool done;
};

static int apply_tenants(struct store_job *job, struct store_txn *txn)
{
	struct bench *b = CONTAINER_OF(job, struct tenants_job, job)->bench;
	for (int64_t i = 0; i < b->tenants_n; i++) {
		char slug[32], prefix[32];
		snprintf(slug, sizeof(slug), "tenant-%lld", (long long)i);
		snprintf(prefix, sizeof(prefix), "T%lld", (long long)i);
		const struct tenant_row row = {.slug = str_from(slug),
					       .name = STR("A company with a name"),
					       .reference_prefix = str_from(prefix),
					       .admin_email = STR("admin@acme.example"),
					       .locale = STR("en")};
		int r = tenant_rows_add(txn, &row, &b->tenants[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static void tenants_done(struct store_job *job, int status)
{
	must(status, "tenants");
	CONTAINER_OF(job, struct tenants_job, job)->done = true;
}

static void bench_open(struct bench *b, int64_t tenants)
{
	struct conf_error error = {.text = ""};
	const char *tmp = getenv("TMPDIR");
	memset(b, 0, sizeof(*b));
	snprintf(b->dir, sizeof(b->dir), "%s/servelo-bench-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(b->dir))
		must(-errno, b->dir);
	b->conf = (struct storage_conf){
		.data_dir = b->dir,
		.memory_max = 128 * 1024,
		.memory_total_max = 64 * 1024 * 1024,
		.batch_max = 1000,
		.queue_max = 10000,
		.cache_size = 8 * 1024 * 1024,
	};
	b->random = 0x9e3779b97f4a7c15u;
	b->tenants_n = tenants;
	b->tenants = xcalloc((size_t)tenants, sizeof(*b->tenants));
	uv_loop_init(&b->loop);
	if (store_open(&b->store, &b->loop, &b->conf, &error) < 0) {
		fprintf(stderr, "%s\n", error.text);
		exit(1);
	}
	must(store_spool_open(b->store, &b->spool), "spool");
	const struct str key = STR("0123456789abcdef0123456789ABCDEF");
	must(key_ring_new(&b->keys, &key, 1), "key");
	struct tenants_job job = {.job = {.apply = apply_tenants, .done = tenants_done}, .bench = b};
	must(store_submit(b->store, &job.job), "tenants");
	while (!job.done)
		uv_run(&b->loop, UV_RUN_ONCE);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void bench_close(struct bench *b)
{
	spool_close(b->spool);
	store_close(b->store);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	uv_loop_close(&b->loop);
	key_ring_unref(b->keys);
	free(b->tenants);
	nftw(b->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- the tables ---- */

static void batch_heads(void)
{
	printf("%8s %10s %12s %14s %12s\n", "clients", "mails/s", "jobs/commit", "writer us/mail",
	       "commit us");
}

static void batch_row(struct bench *b, size_t clients, int64_t n)
{
	struct store_stats before = store_stats(b->store);
	double cpu = b->writer_cpu;
	int64_t started_us = clock_mono_us();
	store_mails(b, n, clients);
	double seconds = (double)(clock_mono_us() - started_us) / 1e6;
	struct store_stats after = store_stats(b->store);
	printf("%8zu %10.0f %12.1f %14.1f %12lld\n", clients, (double)n / seconds,
	       (double)n / (double)(after.commits - before.commits), (b->writer_cpu - cpu) * 1e6 / (double)n,
	       (long long)after.last_commit_us);
}

static void batches(void)
{
	static const size_t clients[] = {1, 4, 16, 50, 200, 1000};
	struct bench b;
	bench_open(&b, 10);
	store_mails(&b, 2000, 50);
	batch_heads();
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		batch_row(&b, clients[i], clients[i] == 1 ? 3000 : 20000);
	bench_close(&b);
}

static void one(size_t clients, int64_t mails, int64_t tenants)
{
	struct bench b;
	bench_open(&b, tenants);
	batch_heads();
	batch_row(&b, clients, mails);
	bench_close(&b);
}

static bool count_ticket(void *ctx, const struct ticket_view *ticket)
{
	(void)ticket;
	++*(int64_t *)ctx;
	return true;
}

/* Microseconds per call, of `rounds`. */
static double timed(struct bench *b, struct reader *reader, int rounds,
		    void (*ask)(struct bench *b, struct reader *reader))
{
	int64_t started_us = clock_mono_us();
	for (int i = 0; i < rounds; i++)
		ask(b, reader);
	return (double)(clock_mono_us() - started_us) / rounds;
}

static void ask_reference(struct bench *b, struct reader *reader)
{
	char reference[32];
	int64_t n = 0;
	snprintf(reference, sizeof(reference), "T%lld-00001",
		 (long long)(next_random(b) % (uint64_t)b->tenants_n));
	int r = reader_ticket(reader, str_from(reference), count_ticket, &n);
	must(r == -ENOENT ? 0 : r, "reference");
}

static void ask_page(struct bench *b, struct reader *reader)
{
	char slug[32];
	int64_t n = 0;
	snprintf(slug, sizeof(slug), "tenant-%lld", (long long)(next_random(b) % (uint64_t)b->tenants_n));
	struct ticket_filter filter = {.tenant_slug = str_from(slug), .status = -1, .limit = 20};
	must(reader_tickets(reader, &filter, count_ticket, &n), "page");
}

static void ask_requester(struct bench *b, struct reader *reader)
{
	char author[64];
	int64_t n = 0;
	snprintf(author, sizeof(author), "customer.%d@mail-1.example.com", (int)(next_random(b) % AUTHORS));
	struct ticket_filter filter = {.requester = str_from(author), .status = -1, .limit = 20};
	must(reader_tickets(reader, &filter, count_ticket, &n), "requester");
}

static bool count_audit(void *ctx, const struct audit_view *view)
{
	(void)view;
	++*(int64_t *)ctx;
	return true;
}

static void ask_audit(struct bench *b, struct reader *reader)
{
	(void)b;
	int64_t n = 0;
	struct audit_filter filter = {.outcome = -1, .limit = 20};
	must(reader_audit(reader, &filter, count_audit, &n), "audit");
}

static void growth(int64_t max, int64_t tenants)
{
	struct bench b;
	bench_open(&b, tenants);
	printf("%lld tenants\n%10s %10s %14s %10s %10s %10s %10s %10s %8s\n", (long long)tenants, "tickets",
	       "mails/s", "writer us/mail", "reference", "page of 20", "requester", "audit", "db MiB",
	       "wal MiB");
	for (int64_t target = 1000; target <= max; target *= 10) {
		int64_t sample = target / 4 < 10000 ? target / 4 : 10000;
		store_mails(&b, target - sample - b.stored, 1000); /* filling up, as fast as it goes */
		double cpu = b.writer_cpu;
		int64_t started_us = clock_mono_us();
		store_mails(&b, sample, 50);
		double seconds = (double)(clock_mono_us() - started_us) / 1e6;
		cpu = b.writer_cpu - cpu;

		struct conf_error error;
		struct reader *reader;
		must(reader_open(&reader, &b.conf, &error), "reader");
		double reference = timed(&b, reader, 1000, ask_reference),
		       page = timed(&b, reader, 1000, ask_page),
		       requester = timed(&b, reader, 1000, ask_requester),
		       audit = timed(&b, reader, 200, ask_audit);
		reader_close(reader);
		char path[300];
		struct stat db = {.st_size = 0}, wal = {.st_size = 0};
		snprintf(path, sizeof(path), "%s/servelo.db", b.dir);
		stat(path, &db);
		snprintf(path, sizeof(path), "%s/servelo.db-wal", b.dir);
		stat(path, &wal);
		printf("%10lld %10.0f %14.1f %10.1f %10.1f %10.1f %10.1f %10lld %8lld\n", (long long)target,
		       (double)sample / seconds, cpu * 1e6 / (double)sample, reference, page, requester,
		       audit, (long long)db.st_size >> 20, (long long)wal.st_size >> 20);
		fflush(stdout);
	}
	bench_close(&b);
}

int main(int argc, char **argv)
{
	memset(mail_bytes, 'm', sizeof(mail_bytes));
	memset(text_bytes, 't', sizeof(text_bytes));
	if (argc == 2 && strcmp(argv[1], "batches") == 0) {
		batches();
	} else if (argc == 5 && strcmp(argv[1], "one") == 0) {
		one((size_t)strtoull(argv[2], NULL, 10), strtoll(argv[3], NULL, 10),
		    strtoll(argv[4], NULL, 10));
	} else if (argc == 4 && strcmp(argv[1], "growth") == 0) {
		growth(strtoll(argv[2], NULL, 10), strtoll(argv[3], NULL, 10));
	} else {
		fprintf(stderr, "usage: bench_store batches | one CLIENTS MAILS TENANTS | growth MAX_TICKETS "
				"TENANTS\n");
		return 64;
	}
	return 0;
}
