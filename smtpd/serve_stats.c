/*
 * What monitors are told: one counter per row, in the order of a mail's way. Everything is read on the loop, in one
 * turn, so that the numbers fit together.
 */
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "smtpd/serve_private.h"

struct disk {
	int64_t free, percent;
};

/* What is left for us where the data is; -1 when nobody knows. */
static struct disk disk_of(const char *folder)
{
	struct statvfs st;
	if (statvfs(folder, &st) < 0 || st.f_blocks == 0)
		return (struct disk){-1, -1};
	return (struct disk){(int64_t)(st.f_bavail * st.f_frsize),
			     (int64_t)(st.f_bavail * 100 / st.f_blocks)};
}

void serve_note_relay(struct serve *serve)
{
	struct outbound_stats stats;
	outbound_stats(serve->outbound, &stats);
	if (stats.relay.failures == 0)
		serve->relay_failing_since = 0;
	else if (serve->relay_failing_since == 0)
		serve->relay_failing_since = clock_now_ms();
}

void serve_stats(void *ctx, control_stat_fn *fn, void *fn_ctx)
{
	struct serve *serve = ctx;
	struct smtp_stats smtp = smtp_server_stats(serve->smtp);
	struct ingest_stats ingest = ingest_stats(serve->ingest);
	struct store_stats store = store_stats(serve->store);
	struct spool_stats spool = spool_stats(serve->spool);
	struct serve_sample before = serve_minute_ago(serve);
	struct outbound_stats outbound;
	outbound_stats(serve->outbound, &outbound);
	serve_note_relay(serve);
	struct disk disk = disk_of(serve->conf->storage->data_dir);
	const struct {
		const char *key;
		int64_t value;
	} counters[] = {
		{"server.pid", getpid()},
		{"server.up_ms", clock_mono_ms() - serve->started_ms},
		{"server.started_ms", serve->started_wall_ms},
		{"server.tenants", (int64_t)tenants_count(serve->tenants)},
		{"smtp.connections", (int64_t)smtp.connections},
		{"smtp.connections_max", serve->conf->limits->connections},
		{"smtp.in_tls", (int64_t)smtp.in_tls},
		{"smtp.in_data", (int64_t)smtp.in_data},
		{"smtp.in_commit", (int64_t)smtp.in_commit},
		{"smtp.accepted", smtp.accepted},
		{"smtp.refused_overload", smtp.refused_overload},
		{"smtp.messages_accepted", smtp.messages_accepted},
		{"smtp.messages_refused", smtp.messages_refused},
		{"smtp.recipients_refused", smtp.recipients_refused},
		{"smtp.octets_in", smtp.bytes_in},
		{"smtp.handshakes", smtp.handshakes},
		{"smtp.handshakes_later", smtp.handshakes_later},
		{"minute.ms", (int64_t)uv_now(&serve->loop) - before.at_ms},
		{"minute.connections", smtp.accepted - before.smtp.accepted},
		{"minute.refused_overload", smtp.refused_overload - before.smtp.refused_overload},
		{"minute.messages_accepted", smtp.messages_accepted - before.smtp.messages_accepted},
		{"minute.messages_refused", smtp.messages_refused - before.smtp.messages_refused},
		{"minute.recipients_refused", smtp.recipients_refused - before.smtp.recipients_refused},
		{"ingest.under_way", (int64_t)ingest.under_way},
		{"ingest.waiting", (int64_t)ingest.waiting},
		{"ingest.parsed", ingest.parsed},
		{"ingest.unparsable", ingest.unparsable},
		{"ingest.over_deadline", ingest.over_deadline},
		{"ingest.parse_us_max", ingest.parse_us_max},
		{"ingest.children", ingest.children},
		{"ingest.children_died", ingest.children_died},
		{"ingest.remembered", ingest.remembered},
		{"ingest.untried", ingest.untried},
		{"ingest.breaker_opened", ingest.breaker_opened},
		{"ingest.breaker_open", ingest.breaker_open},
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
		{"store.failing_since_ms", store.failing_since_ms},
		{"store.at_work_ms", store.at_work_ms},
		{"store.locked", store.locked},
		{"outbound.configured", outbound.configured},
		{"outbound.claimed", (int64_t)outbound.claimed},
		{"outbound.sent", outbound.sent},
		{"outbound.deferred", outbound.deferred},
		{"outbound.failed", outbound.failed},
		{"outbound.next_due_ms", outbound.next_due_ms == INT64_MAX ? 0 : outbound.next_due_ms},
		{"relay.connections", (int64_t)outbound.relay.connections},
		{"relay.busy", (int64_t)outbound.relay.busy},
		{"relay.failures", outbound.relay.failures},
		{"relay.failing_since_ms", serve->relay_failing_since},
		{"relay.resting_ms", outbound.relay.resting_ms},
		{"disk.free", disk.free},
		{"disk.free_percent", disk.percent},
	};
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		fn(fn_ctx, counters[i].key, counters[i].value);
}

/* Why the relay was left alone the last time, in one line: "tls: certificate has expired". */
void serve_stat_texts(void *ctx, control_text_fn *fn, void *fn_ctx)
{
	const struct serve *serve = ctx;
	const struct smtp_result *why;
	struct outbound_stats outbound;
	struct strbuf text;
	outbound_stats(serve->outbound, &outbound);
	why = &outbound.relay.last_failure;
	if (outbound.relay.failures == 0)
		return;
	strbuf_init(&text, 4 * SMTP_RESULT_TEXT_SIZE);
	strbuf_printf(&text, "%s:", smtp_stage_name(why->stage));
	if (why->code)
		strbuf_printf(&text, " %d", why->code);
	strbuf_printf(&text, " %s", why->text[0] ? why->text : strerror(-why->error));
	for (size_t i = 0; i < text.len; i++)
		text.ptr[i] = text.ptr[i] == '\n' ? ' ' : text.ptr[i];
	fn(fn_ctx, "relay.failure", strbuf_str(&text));
	strbuf_done(&text);
}
