/*
 * What of the configuration comes into force, at start and on SIGHUP or a changed setting.
 *
 * Always true: a reload is checked as a whole (file, certificates, keys, relay, templates) before anything of it is used; when it is bad the old configuration
 * stays in force and the log says why. A configuration that was replaced lives until the next one is: sessions, the
 * control socket and the intake look at it at the latest during the turn of the loop in which it was replaced, or
 * copy what they need. The declared tenants of a reload follow on the writer, and come into force when stored.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "smtpd/secrets.h"
#include "smtpd/serve_private.h"

void serve_use_log(const struct server_conf *conf)
{
	log_setup(STDERR_FILENO, (enum log_format)conf->log->format, (enum log_level)conf->log->level, true);
}

void serve_log_warnings(const struct strbuf *warnings)
{
	struct str rest = strbuf_str(warnings);
	while (rest.len) {
		size_t end = str_find(rest, '\n');
		LOG(LOG_LEVEL_WARN, "configuration", lf_id("server", "config"),
		    lf_str("warning", str_sub(rest, 0, end)));
		rest = str_sub(rest, end + 1, rest.len);
	}
}

int serve_load_certs(struct certs **ret, const struct server_conf *conf, struct conf_error *err)
{
	if (conf->tls->certificates.n == 0) {
		*ret = NULL;
		return 0;
	}
	return certs_load(ret, conf->tls, err);
}

struct smtp_settings serve_smtp_settings(const struct serve *serve)
{
	const struct server_conf *conf = serve->conf;
	return (struct smtp_settings){
		.smtp = conf->smtp,
		.limits = conf->limits,
		.tls = conf->tls,
		.hostname = conf->mail->hostname[0] ? conf->mail->hostname : conf->mail->domain,
		.certs = serve->certs,
		.spool = serve->spool,
	};
}

struct outbound_settings serve_outbound_settings(const struct server_conf *conf, struct key_ring *keys)
{
	return (struct outbound_settings){
		.relay = conf->relay,
		.conf = conf->outbound,
		.domain = conf->mail->domain,
		.hostname = conf->mail->hostname[0] ? conf->mail->hostname : conf->mail->domain,
		.keys = keys,
	};
}

/* ---- tenants */

int serve_use_tenants(struct serve *serve)
{
	struct tenants *fresh;
	int r = tenants_build(&fresh, serve->reader, serve->conf->tenants);
	if (r < 0)
		return r;
	tenants_unref(serve->tenants);
	serve->tenants = fresh;
	if (serve->ingest)
		ingest_reconfigure(serve->ingest, serve->conf->ingest, serve->conf->mail,
				   serve->conf->forwards, fresh, serve->keys);
	return 0;
}

int serve_tenants_changed(void *ctx)
{
	int r = serve_use_tenants(ctx);
	if (r < 0)
		LOG(LOG_LEVEL_ERROR, "tenants-not-loaded", lf_id("server", "tenants"), lf_err(r));
	return r;
}

struct declare_job {
	struct store_job store;
	const struct tenant_conf *conf;
	size_t changed;
	int status;
	bool done;
};

static int on_apply_declared(struct store_job *job, struct store_txn *txn)
{
	struct declare_job *declare = CONTAINER_OF(job, struct declare_job, store);
	return tenant_conf_apply(txn, declare->conf, &declare->changed);
}

static void on_declared(struct store_job *job, int status)
{
	struct declare_job *declare = CONTAINER_OF(job, struct declare_job, store);
	declare->status = status;
	declare->done = true;
}

/* Waits: nothing listens yet when this runs at start, and a reload does without (reload_declared). */
int serve_declare_tenants(struct serve *serve, struct conf_error *err)
{
	struct declare_job declare = {.store = {.apply = on_apply_declared, .done = on_declared},
				      .conf = serve->conf->tenants};
	if (serve->conf->tenants->declare.n == 0)
		return 0;
	list_node_init(&declare.store.link);
	int r = store_submit(serve->store, &declare.store);
	if (r < 0)
		return serve_fail(err, "declared tenants", r);
	while (!declare.done)
		uv_run(&serve->loop, UV_RUN_ONCE);
	if (declare.status < 0)
		return serve_fail(err, "declared tenants", declare.status);
	if (declare.changed)
		LOG(LOG_LEVEL_INFO, "tenants-declared", lf_id("server", "tenants"),
		    lf_int("changed", (int64_t)declare.changed));
	return 0;
}

/* ---- reload */

struct redeclare {
	struct declare_job job;
	struct serve *serve;
};

static void on_redeclared(struct store_job *job, int status)
{
	struct redeclare *redeclare = CONTAINER_OF(job, struct redeclare, job.store);
	if (status < 0)
		LOG(LOG_LEVEL_ERROR, "declared-tenants-failed", lf_id("server", "tenants"), lf_err(status));
	else if (redeclare->job.changed)
		serve_tenants_changed(redeclare->serve);
	redeclare->serve->redeclaring = false;
	free(redeclare);
}

/* The declared tenants of a new configuration follow on the writer, and come into force when they are stored. */
static void reload_declared(struct serve *serve)
{
	if (serve->conf->tenants->declare.n == 0)
		return;
	struct redeclare *redeclare = XNEW(struct redeclare);
	redeclare->serve = serve;
	redeclare->job.conf = serve->conf->tenants;
	redeclare->job.store = (struct store_job){.apply = on_apply_declared, .done = on_redeclared};
	list_node_init(&redeclare->job.store.link);
	if (store_submit(serve->store, &redeclare->job.store) < 0) {
		LOG(LOG_LEVEL_ERROR, "declared-tenants-failed", lf_id("server", "tenants"), lf_err(-EAGAIN));
		free(redeclare);
		return;
	}
	serve->redeclaring = true;
}

/* Compared with the start, not with the reload before: the warning stays until the restart. */
static void log_restart_needed(const struct server_conf *old, const struct server_conf *new)
{
	struct strbuf keys;
	strbuf_init(&keys, 4096);
	conf_diff_restart(old->conf, new->conf, &keys);
	struct str rest = strbuf_str(&keys);
	while (rest.len) {
		size_t end = str_find(rest, '\n');
		LOG(LOG_LEVEL_WARN, "restart-needed", lf_id("server", "config"),
		    lf_str("key", str_sub(rest, 0, end)));
		rest = str_sub(rest, end + 1, rest.len);
	}
	strbuf_done(&keys);
}

void serve_forget_conf(const struct serve *serve, struct server_conf *conf)
{
	if (conf != serve->conf_started)
		server_conf_free(conf);
}

/* What a reload loads, before anything of it is used. */
struct fresh {
	struct server_conf *conf;
	struct certs *certs;
	struct key_ring *keys;
	struct tenants *tenants;
};

static void fresh_drop(struct fresh *fresh)
{
	server_conf_free(fresh->conf);
	certs_unref(fresh->certs);
	key_ring_unref(fresh->keys);
	tenants_unref(fresh->tenants);
}

/* Our own key file is made only when there was no need for it before: one that vanished is a mistake to be told of. */
static int fresh_keys(struct serve *serve, struct fresh *fresh, struct conf_error *err)
{
	bool had_own = serve->conf->secrets->reply_token.n == 0;
	int r = secrets_load(&fresh->keys, fresh->conf, had_own ? SECRETS_READ : SECRETS_MAKE, NULL, err);
	return r < 0 ? serve_fail(err, "reading keys", r) : 0;
}

static int fresh_load(struct serve *serve, struct fresh *fresh, struct strbuf *warnings,
		      struct conf_error *err)
{
	int r = server_conf_load(&fresh->conf, serve->conf_path, true, warnings, err);
	if (r == 0)
		r = serve_load_certs(&fresh->certs, fresh->conf, err);
	if (r == 0)
		r = fresh_keys(serve, fresh, err);
	if (r == 0) {
		r = tenants_build(&fresh->tenants, serve->reader, fresh->conf->tenants);
		if (r < 0)
			serve_fail(err, "loading tenants", r);
	}
	if (r < 0)
		return r;
	/* the last one that can fail, and all or nothing by itself */
	const struct outbound_settings settings = serve_outbound_settings(fresh->conf, fresh->keys);
	r = outbound_reconfigure(serve->outbound, &settings, err);
	return r < 0 ? serve_fail(err, "outgoing mail", r) : 0;
}

static void fresh_use(struct serve *serve, const struct fresh *fresh)
{
	serve_forget_conf(serve, serve->conf_before);
	serve->conf_before = serve->conf;
	serve->conf = fresh->conf;
	certs_unref(serve->certs);
	serve->certs = fresh->certs;
	key_ring_unref(serve->keys);
	serve->keys = fresh->keys;
	tenants_unref(serve->tenants);
	serve->tenants = fresh->tenants;
	serve_use_log(serve->conf);
	const struct smtp_settings settings = serve_smtp_settings(serve);
	smtp_server_reconfigure(serve->smtp, &settings);
	ingest_reconfigure(serve->ingest, serve->conf->ingest, serve->conf->mail, serve->conf->forwards,
			   serve->tenants, serve->keys);
	attachment_source_use(serve->attachments, serve->conf->ingest);
	reload_declared(serve);
}

int serve_reload(struct serve *serve, struct conf_error *err)
{
	struct fresh fresh = {.conf = NULL};
	struct strbuf warnings;
	strbuf_init(&warnings, 16 * 1024);
	err->text[0] = 0;
	/* the writer still reads the configuration of the reload before */
	int r = serve->redeclaring ? serve_fail(err, "the reload before is not done", -EAGAIN) : 0;
	if (r == 0)
		r = fresh_load(serve, &fresh, &warnings, err);
	if (r < 0) {
		fresh_drop(&fresh);
	} else {
		serve_log_warnings(&warnings);
		log_restart_needed(serve->conf_started, fresh.conf);
		fresh_use(serve, &fresh);
	}
	strbuf_done(&warnings);
	return r;
}

int serve_settings_changed(void *ctx, struct conf_error *reterr)
{
	return serve_reload(ctx, reterr);
}
