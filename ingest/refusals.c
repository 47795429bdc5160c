/*
 * Audit rows that nobody waits for. Their number under way is bounded, so a client that is refused again and
 * again costs neither memory nor, beyond what the writer takes, disk: what is over the bound is counted, and
 * logged by the door.
 */
#include "ingest/refusals.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "storage/audit.h"

#define REFUSALS_QUEUE_MAX 1000

struct refused_job {
	struct store_job store;
	struct refusals *refusals;
	struct arena arena;
	struct audit_row row;
};

void refusals_init(struct refusals *refusals, struct store *store)
{
	*refusals = (struct refusals){.store = store};
}

static int on_apply_refused(struct store_job *job, struct store_txn *txn)
{
	return audit_add(txn, &CONTAINER_OF(job, struct refused_job, store)->row);
}

static void refused_free(struct refused_job *refused)
{
	arena_done(&refused->arena);
	free(refused);
}

static void on_refused_stored(struct store_job *job, int status)
{
	struct refused_job *refused = CONTAINER_OF(job, struct refused_job, store);
	struct refusals *refusals = refused->refusals;
	if (status < 0)
		LOG(LOG_LEVEL_WARN, "refusal-not-recorded", lf_id("mail", refused->row.mail_id.text),
		    lf_err(status));
	refusals->queued--;
	refused_free(refused);
}

void refusals_add(struct refusals *refusals, const struct delivery *delivery, struct str recipient,
		  struct str reply)
{
	const struct envelope *envelope = &delivery->envelope;
	if (refusals->queued >= REFUSALS_QUEUE_MAX) {
		refusals->dropped++;
		return;
	}
	struct refused_job *refused = XNEW(struct refused_job);
	struct strbuf from;
	arena_init(&refused->arena, 8192);
	refused->refusals = refusals;
	refused->store =
		(struct store_job){.apply = on_apply_refused, .done = on_refused_stored, .repeatable = true};
	list_node_init(&refused->store.link);
	refused->row = (struct audit_row){
		.mail_id = delivery->id,
		.received_ms = envelope->received_ms,
		.outcome = AUDIT_REFUSED,
	};
	strbuf_init(&from, 2 * MAILADDR_PATH_MAX);
	mailaddr_print(&envelope->reverse_path, &from);
	struct {
		struct str from, *to;
	} copies[] = {
		{strbuf_str(&from), &refused->row.reverse_path},
		{str_sub(recipient, 0, 512), &refused->row.recipient},
		{envelope->client_ip, &refused->row.client_ip},
		{str_sub(envelope->helo, 0, 255), &refused->row.helo},
		{envelope->tls, &refused->row.tls},
		{envelope->protocol, &refused->row.protocol},
		{str_sub(reply, 0, 512), &refused->row.reply},
	};
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
		if (arena_copy(&refused->arena, copies[i].from, copies[i].to) < 0)
			*copies[i].to = STR("");
	}
	strbuf_done(&from);
	if (store_submit(refusals->store, &refused->store) < 0) {
		refusals->dropped++;
		refused_free(refused);
		return;
	}
	refusals->queued++;
}
