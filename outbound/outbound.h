/*
 * What is due leaves: jobs are claimed through the writer, composed on a worker, sent by the relay client on the loop,
 * settled through the writer.
 *
 *	outbound_open(&outbound, &settings, &deps, &error);
 *	outbound_wake(outbound);                    there may be work; cheap, idempotent
 *	outbound_reconfigure(outbound, &settings, &error);
 *	outbound_drain(outbound, on_drained, ctx); ... outbound_close(outbound);
 *
 * Promises:
 *  1. A job is claimed only when the relay has room for it, and no more than a few dozen are in memory.
 *  2. Every claimed job is settled, or (crash) due again at the next start, with the same Message-ID.
 *  3. Outcomes: 250 after the final dot: SENT. 4yz, a timeout or a lost connection: DUE again along the ladder of
 *     backoff.h, FAILED when its five days are over. 5yz, or a mail that cannot be made: FAILED at once; what follows
 *     for ticket and team is notice_failed()'s. No answer to the final dot: as deferred, the same mail again.
 *     A relay that can't be used at all (no connection, no TLS, no login) costs no mail a try: all wait, and the relay
 *     client says when it is asked again.
 *  4. Each failure is logged once, with the job's id; nothing that failed disappears.
 *  5. Without a relay in the configuration, jobs wait, and that is said once at start.
 *
 * Time is clock_now_ms() and clock_mono_ms(); tests replace them and call outbound_tick(). Loop thread.
 */
#ifndef SERVELO_OUTBOUND_OUTBOUND_H
#define SERVELO_OUTBOUND_OUTBOUND_H

#include <uv.h>

#include "base/workers.h"
#include "outbound/compose.h"
#include "outbound/outbound_conf.h"
#include "outbound/relay.h"
#include "storage/store.h"

struct outbound;

struct outbound_deps {
	uv_loop_t *loop;
	struct store *store;
	struct workers *workers;
	const struct storage_conf *storage; /* for a reader of its own */
	attachment_source_fn *attachment;   /* compose.h */
	void *attachment_ctx;
};

/* Everything is copied or counted. */
struct outbound_settings {
	const struct relay_conf *relay; /* host "": none */
	const struct outbound_conf *conf;
	const char *domain, *hostname;
	struct key_ring *keys;
};

/* -EINVAL, -EACCES and the like with reterr: relay, password file, CA file, templates. At once: claims of an earlier run
 * become due again, then what is due is sent. */
int outbound_open(struct outbound **ret, const struct outbound_settings *settings,
		  const struct outbound_deps *deps, struct conf_error *reterr);
/* All or nothing: on failure the old settings stay. Mails under way come to their end over the old connections. */
int outbound_reconfigure(struct outbound *outbound, const struct outbound_settings *settings,
			 struct conf_error *reterr);
/* Would these settings do? Opens nothing. For `servelo check` and before a reload. */
int outbound_check(const struct outbound_settings *settings, struct conf_error *reterr);
void outbound_wake(struct outbound *outbound);
/* After outbox_set_paused() is committed. Paused: what the relay has not heard of yet is given back, due as before; what
 * is on a connection comes to its end. That nothing is claimed is the outbox's own to see to, so the start after a pause
 * needs no call. Not paused: as outbound_wake(). */
void outbound_set_paused(struct outbound *outbound, bool paused);
/* What is claimed comes to its end within the relay's own deadlines, or is given back (due at once) at close. on_drained
 * once. */
void outbound_drain(struct outbound *outbound, void (*on_drained)(void *ctx), void *ctx);
/* Outside of the loop's callbacks: gives back what is claimed, runs the loop until its own jobs and works are done. NULL
 * is fine; returns NULL. */
struct outbound *outbound_close(struct outbound *outbound);

/* Looks at the clock (also when its timer runs out). outbound_deadline(): when that is due, on clock_mono_ms(), as far
 * as it is known; INT64_MAX: not at all. */
void outbound_tick(struct outbound *outbound);
int64_t outbound_deadline(const struct outbound *outbound);

struct outbound_stats {
	bool configured;                /* there is a relay */
	size_t claimed;                 /* in memory now */
	int64_t sent, deferred, failed; /* since start */
	struct relay_stats relay;
	int64_t next_due_ms; /* wall time; INT64_MAX: nothing waits */
};
void outbound_stats(const struct outbound *outbound, struct outbound_stats *ret);

#endif
