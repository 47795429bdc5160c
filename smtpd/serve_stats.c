/*
 * What monitors are told: one counter per row, in the order of a mail's way. Everything is read on the loop, in one
 * turn, so that the numbers fit together.
 */
#include <unistd.h>

#include "base/clock.h"
#include "smtpd/serve_private.h"

void serve_stats(void *ctx, control_stat_fn *fn, void *fn_ctx)
{
	struct serve *serve = ctx;
	struct smtp_stats smtp = smtp_server_stats(serve->smtp);
	struct ingest_stats ingest = ingest_stats(serve->ingest);
	struct store_stats store = store_stats(serve->store);
	struct spool_stats spool = spool_stats(serve->spool);
	const struct {
		const char *key;
		int64_t value;
	} counters[] = {
		{"server.pid", getpid()},
		{"server.up_ms", clock_mono_ms() - serve->started_ms},
		{"server.tenants", (int64_t)tenants_count(serve->tenants)},
		{"smtp.connections", (int64_t)smtp.connections},
		{"smtp.in_tls", (int64_t)smtp.in_tls},
		{"smtp.in_data", (int64_t)smtp.in_data},
		{"smtp.in_commit", (int64_t)smtp.in_commit},
		{"smtp.accepted", smtp.accepted},
		{"smtp.refused_overload", smtp.refused_overload},
		{"smtp.messages_accepted", smtp.messages_accepted},
		{"smtp.messages_refused", smtp.messages_refused},
		{"smtp.recipients_refused", smtp.recipients_refused},
		{"smtp.octets_in", smtp.bytes_in},
		{"ingest.under_way", (int64_t)ingest.under_way},
		{"ingest.waiting", (int64_t)ingest.waiting},
		{"ingest.parsed", ingest.parsed},
		{"ingest.unparsable", ingest.unparsable},
		{"ingest.over_deadline", ingest.over_deadline},
		{"ingest.parse_us_max", ingest.parse_us_max},
		{"ingest.children", ingest.children},
		{"ingest.children_died", ingest.children_died},
		{"ingest.refusals_not_recorded", ingest.refusals_not_recorded},
		{"spool.memory", (int64_t)spool.memory},
		{"spool.mails", (int64_t)spool.mails},
		{"spool.files", (int64_t)spool.files},
		{"store.commits", store.commits},
		{"store.jobs", store.jobs},
		{"store.failures", store.failures},
		{"store.queued", (int64_t)store.queued},
		{"store.last_commit_ms", store.last_commit_ms},
		{"store.last_commit_us", store.last_commit_us},
		{"store.healthy", store.healthy},
	};
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		fn(fn_ctx, counters[i].key, counters[i].value);
}
