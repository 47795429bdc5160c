/*
 * Fills a data folder, so that a server can be started on it: tenants and tickets as if mail had made them.
 *
 *	fill_store FOLDER TENANTS TICKETS
 *
 * Tenants are acme and 1acme, 2acme, ... (what smtp-source -N and loadgen -N write to). Tickets go to them in
 * turn: each with its message, original (4 KiB), client, comment, repeat and audit row, as the intake writes
 * them, a thousand per transaction. It may be run again on the same folder; only tickets are added then.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mac.h"
#include "storage/audit.h"
#include "storage/message.h"
#include "storage/store.h"
#include "storage/tenant_rows.h"
#include "storage/ticket.h"

#define MAIL_SIZE  4300
#define TRACE_SIZE 200
#define TEXT_SIZE  2900
#define BATCH      1000
#define AUTHORS    500000

struct fill {
	struct store_job job;
	struct spool *spool;
	struct tenant_id *tenants;
	int64_t tenants_n, tickets_n, next;
	uint64_t random;
};

static char mail_bytes[MAIL_SIZE], text_bytes[TEXT_SIZE];
static uint8_t mail_digest[SHA256_SIZE]; /* of what was sent: behind our trace field */

static void must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "fill_store: %s: %s\n", what, strerror(-r));
		exit(1);
	}
}

static uint64_t next_random(struct fill *f)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return f->random;
}

static void random_octets(struct fill *f, uint8_t *ret, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = (uint8_t)(next_random(f) >> 24);
}

/* ---- tenants */

static int add_tenant(struct store_txn *txn, int64_t number, struct tenant_id *ret)
{
	char slug[32] = "acme", prefix[32] = "ACME";
	if (number > 0) {
		snprintf(slug, sizeof(slug), "%lldacme", (long long)number);
		snprintf(prefix, sizeof(prefix), "%lldA", (long long)number);
	}
	const struct tenant_row row = {
		.slug = str_from(slug),
		.name = STR("A company with a name"),
		.reference_prefix = str_from(prefix),
		.admin_email = STR("admin@acme.example"),
		.locale = STR("en"),
	};
	int r = tenant_rows_add(txn, &row, ret);
	if (r != -EEXIST)
		return r;
	struct tenant_row found;
	r = tenant_rows_find(txn, row.slug, &found);
	if (r == 0)
		*ret = found.id;
	return r;
}

static int apply_tenants(struct store_job *job, struct store_txn *txn)
{
	struct fill *f = CONTAINER_OF(job, struct fill, job);
	for (int64_t i = 0; i <= f->tenants_n; i++) {
		int r = add_tenant(txn, i, &f->tenants[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- tickets */

/* The rows around one mail; author and message_id are what tells it from others. */
static int add_rows(struct store_txn *txn, struct tenant_id tenant, struct str author, struct str message_id,
		    struct spooled_mail *mail, const struct mail_id *id, const struct repeat_key *repeat)
{
	int64_t now_ms = clock_now_ms(), number;
	struct message_id message = {0};
	struct client_id client = {0};
	struct ticket_id ticket = {0};
	struct comment_id comment = {0};
	char reference[TICKET_REFERENCE_SIZE] = "";
	struct message_row message_row = {
		.mail_id = *id,
		.received_ms = now_ms,
		.reverse_path = author,
		.client_ip = STR("127.0.0.1"),
		.helo = STR("client.example.net"),
		.protocol = STR("ESMTP"),
		.size = MAIL_SIZE,
		.trace_size = TRACE_SIZE,
		.header_from = author,
		.header_subject = STR("The printer on the second floor prints everything twice"),
		.header_message_id = message_id,
	};
	memcpy(message_row.digest, mail_digest, sizeof(mail_digest));
	int r = message_add(txn, &message_row, mail, &message);
	if (r == 0)
		r = client_upsert(txn, tenant, author, STR("Jane Doe"), now_ms, &client);
	const struct ticket_row ticket_row = {
		.tenant = tenant,
		.subject = message_row.header_subject,
		.requester = client,
		.addressed_to = STR("acme@serveloapp.com"),
		.created_ms = now_ms,
	};
	if (r == 0)
		r = ticket_add(txn, &ticket_row, &ticket, &number, reference);
	const struct comment_row comment_row = {
		.ticket = ticket,
		.tenant = tenant,
		.message = message,
		.author = client,
		.author_address = author,
		.text = {text_bytes, TEXT_SIZE},
		.header_message_id = message_id,
		.created_ms = now_ms,
	};
	if (r == 0)
		r = comment_add(txn, &comment_row, &comment);
	if (r == 0)
		r = repeat_add(txn, repeat, ticket, id, now_ms);
	const struct audit_row audit_row = {
		.mail_id = *id,
		.received_ms = now_ms,
		.tenant = tenant,
		.reverse_path = author,
		.recipient = STR("acme@serveloapp.com"),
		.client_ip = message_row.client_ip,
		.helo = message_row.helo,
		.protocol = message_row.protocol,
		.size = MAIL_SIZE,
		.header_from = author,
		.header_subject = message_row.header_subject,
		.header_message_id = message_id,
		.outcome = AUDIT_CREATED,
		.reply = str_from(reference),
		.ticket = ticket,
		.comment = comment,
		.message = message,
	};
	return r == 0 ? audit_add(txn, &audit_row) : r;
}

static int add_ticket(struct fill *f, struct store_txn *txn)
{
	char author[64], message_id[80];
	struct mail_id id = mail_id_make();
	struct repeat_key repeat = {.tenant = f->tenants[f->next % (f->tenants_n + 1)]};
	struct spooled_mail *mail;
	snprintf(author, sizeof(author), "customer.%llu@mail.example.com",
		 (unsigned long long)(next_random(f) % AUTHORS));
	snprintf(message_id, sizeof(message_id), "CAF%016llx@mail.example.com",
		 (unsigned long long)next_random(f));
	random_octets(f, repeat.recipient, sizeof(repeat.recipient));
	random_octets(f, repeat.identity, sizeof(repeat.identity));
	random_octets(f, repeat.body, sizeof(repeat.body));
	must(spool_create(f->spool, &id, &mail), "spool");
	must(spooled_mail_append(mail, (struct str){mail_bytes, MAIL_SIZE}), "spool");
	must(spooled_mail_seal(mail), "spool");
	int r = add_rows(txn, repeat.tenant, str_from(author), str_from(message_id), mail, &id, &repeat);
	spooled_mail_discard(mail);
	return r;
}

static int apply_tickets(struct store_job *job, struct store_txn *txn)
{
	struct fill *f = CONTAINER_OF(job, struct fill, job);
	for (int i = 0; i < BATCH && f->next < f->tickets_n; i++, f->next++) {
		int r = add_ticket(f, txn);
		if (r < 0)
			return r;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct conf_error error = {.text = ""};
	struct store *store;
	if (argc != 4) {
		fprintf(stderr, "usage: fill_store FOLDER TENANTS TICKETS\n");
		return 64;
	}
	memset(mail_bytes, 'm', sizeof(mail_bytes));
	sha256_once((struct str){mail_bytes + TRACE_SIZE, MAIL_SIZE - TRACE_SIZE}, mail_digest);
	memset(text_bytes, 't', sizeof(text_bytes));
	struct fill f = {
		.job = {.apply = apply_tenants},
		.tenants_n = strtoll(argv[2], NULL, 10),
		.tickets_n = strtoll(argv[3], NULL, 10),
		.random = 0x9e3779b97f4a7c15u ^ (uint64_t)clock_mono_us(),
	};
	const struct storage_conf conf = {
		.data_dir = argv[1],
		.memory_max = 128 * 1024,
		.memory_total_max = 64 * 1024 * 1024,
		.batch_max = 1000,
		.queue_max = 10000,
		.cache_size = 256 * 1024 * 1024,
	};
	f.tenants = xcalloc((size_t)f.tenants_n + 1, sizeof(*f.tenants));
	if (store_open(&store, NULL, &conf, &error) < 0) {
		fprintf(stderr, "fill_store: %s\n", error.text);
		return 1;
	}
	must(store_spool_open(store, &f.spool), "spool");
	must(store_run(store, &f.job), "tenants");
	f.job.apply = apply_tickets;
	while (f.next < f.tickets_n)
		must(store_run(store, &f.job), "tickets");
	spool_close(f.spool);
	store_close(store);
	free(f.tenants);
	return 0;
}
