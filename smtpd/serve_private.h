/*
 * struct serve, for the files of the program: serve.c (start, stop, signals), serve_reload.c (what of the
 * configuration comes into force, at start and later), serve_stats.c (what monitors are told), serve_confine.c (which
 * files are ours), serve_beat.c (signs of
 * life, samples). Main thread.
 */
#ifndef SERVELO_SMTPD_SERVE_PRIVATE_H
#define SERVELO_SMTPD_SERVE_PRIVATE_H

#include <uv.h>

#include "base/workers.h"
#include "ingest/ingest.h"
#include "outbound/outbound.h"
#include "smtpd/attachment_source.h"
#include "smtpd/control.h"
#include "smtpd/server_conf.h"
#include "smtpd/smtp_server.h"
#include "storage/reader.h"
#include "tenant/tenants.h"

/* One a beat: more than a minute of them. */
struct serve_sample {
	int64_t at_ms; /* of uv_now */
	struct smtp_stats smtp;
};
#define SAMPLES_MAX 16

struct serve {
	uv_loop_t loop;
	const char *conf_path;
	struct server_conf *conf, *conf_before;
	struct server_conf
		*conf_started; /* what cannot change without a restart is in force as it stands here */
	struct certs *certs;
	struct store *store;
	struct spool *spool;
	struct workers *workers;
	struct reader *reader;
	struct tenants *tenants;
	struct key_ring *keys;
	struct ingest *ingest;
	struct attachment_source *attachments; /* for outbound's workers */
	struct outbound *outbound;
	struct smtp_server *smtp;
	struct control *control;
	uv_prepare_t flusher;
	uv_timer_t flush_due;
	int64_t flushed_ms;
	uv_signal_t signals[3];
	uv_timer_t beat, grace;
	bool watched;                /* by the service manager */
	int64_t relay_failing_since; /* wall time; 0: it isn't, as far as we know */
	struct serve_sample samples[SAMPLES_MAX];
	size_t samples_n;
	struct work sweep;
	size_t swept;
	int sweep_status;
	int64_t started_ms, started_wall_ms;
	bool draining, drained, control_closed, outbound_drained; /* the last three: and may be closed */
	bool sweeping, redeclaring, stop_asked;
};

/* serve.c */
/* Fills err unless something more exact stands there; returns r. */
int serve_fail(struct conf_error *err, const char *what, int r);

/* serve_reload.c */
void serve_use_log(const struct server_conf *conf);
void serve_log_warnings(const struct strbuf *warnings);
/* *ret is NULL when no certificate is configured. */
int serve_load_certs(struct certs **ret, const struct server_conf *conf, struct conf_error *err);
struct smtp_settings serve_smtp_settings(const struct serve *serve);
struct outbound_settings serve_outbound_settings(const struct server_conf *conf, struct key_ring *keys);
/* The view of all tenants anew, from the database; in force at once. -errno. */
int serve_use_tenants(struct serve *serve);
/* The tenants of the configuration into the database. Waits: nothing listens yet when this runs, at start. */
int serve_declare_tenants(struct serve *serve, struct conf_error *err);
/* Configuration, certificates, keys, relay and tenants, checked as a whole; the old ones stay when something is wrong. */
int serve_reload(struct serve *serve, struct conf_error *err);
/* Frees a configuration that was replaced; that of the start stays. NULL is fine. */
void serve_forget_conf(const struct serve *serve, struct server_conf *conf);
/* For control_deps. */
int serve_tenants_changed(void *ctx);
int serve_settings_changed(void *ctx, struct conf_error *reterr);

/* serve_stats.c; for control_deps. */
void serve_stats(void *ctx, control_stat_fn *fn, void *fn_ctx);
void serve_stat_texts(void *ctx, control_text_fn *fn, void *fn_ctx);
/* Since when the relay can't be used: looked at every now and then, for it tells only how often in a row. */
void serve_note_relay(struct serve *serve);

/* serve_confine.c */
/* No files from now on but those that the configuration names. The log says when the kernel can't. */
void serve_confine(const struct serve *serve);

/* serve_beat.c */
void serve_start_beat(struct serve *serve);
/* The counters as they were at most a minute ago; now, when we have not run for long. */
struct serve_sample serve_minute_ago(const struct serve *serve);

#endif
