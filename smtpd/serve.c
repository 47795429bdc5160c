/*
 * The composition root. Everything here happens on the main thread, which is the loop's.
 *
 * Start, in this order, because each step needs the one before and nothing is answered before the last:
 *
 *	configuration -> log -> certificates (as root: keys are private) -> [as the user] store, spool, workers, declared
 *	tenants, view of all tenants -> [as root] listen -> drop privileges -> parser children -> control socket -> ready
 *
 * Stop (SIGTERM, SIGINT): no new connections, 421 to idle sessions, transactions under way may finish within
 * process.drain_timeout; then deliveries under way are stored, children end, the store is closed. A second signal cuts
 * the waiting short. SIGHUP: configuration and certificates are loaded again and checked as a whole; when they are bad the old
 * ones stay in force and the log says why.
 *
 * A configuration that was replaced lives until the next one is: sessions, the control socket and the intake look at
 * it at the latest during the turn of the loop in which it was replaced, or copy what they need.
 */
#include "smtpd/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/workers.h"
#include "ingest/ingest.h"
#include "smtpd/control.h"
#include "smtpd/privileges.h"
#include "smtpd/server_conf.h"
#include "smtpd/smtp_server.h"
#include "storage/reader.h"
#include "tenant/tenants.h"

#define PARSER_PROGRAM "/proc/self/exe"
#define WORK_QUEUE_MAX 1024

struct serve {
	uv_loop_t loop;
	const char *conf_path;
	struct server_conf *conf, *conf_before;
	struct certs *certs;
	struct store *store;
	struct spool *spool;
	struct workers *workers;
	struct reader *reader;
	struct tenants *tenants;
	struct ingest *ingest;
	struct smtp_server *smtp;
	struct control *control;
	uv_prepare_t flusher;
	uv_signal_t signals[3];
	struct work sweep;
	size_t swept;
	int sweep_status;
	int64_t started_ms;
	bool draining, drained, control_closed, sweeping, redeclaring;
};

/* In order of the server's life. */
static int start(struct serve *serve, struct conf_error *err);
static int start_as_user(struct serve *serve, struct conf_error *err);
static int apply_declared(struct serve *serve, const struct tenant_conf *conf, struct conf_error *err);
static int start_serving(struct serve *serve, const struct privileges *privileges, struct conf_error *err);
static void start_sweep(struct serve *serve);
static int reload(struct serve *serve, struct conf_error *err);
static void on_signal(uv_signal_t *signal, int number);
static void drain(struct serve *serve);
static void stop(struct serve *serve);

/* ---- what the engine asks */

static struct delivery *on_begin(void *ctx)
{
	return ingest_begin(((struct serve *)ctx)->ingest);
}

static enum rcpt_status on_rcpt(void *ctx, struct delivery *delivery, const struct mailaddr *forward_path,
				struct rcpt_answer *ret)
{
	return ingest_check_rcpt(((struct serve *)ctx)->ingest, delivery, forward_path, ret);
}

static void on_refused(void *ctx, const struct delivery *delivery, struct str recipient, struct str reply)
{
	ingest_refused(((struct serve *)ctx)->ingest, delivery, recipient, reply);
}

static void on_deliver(void *ctx, struct delivery *delivery)
{
	ingest_submit(((struct serve *)ctx)->ingest, delivery);
}

static const struct smtp_handler smtp_handler = {
	.begin = on_begin,
	.rcpt = on_rcpt,
	.refused = on_refused,
	.deliver = on_deliver,
};

/* ---- what the intake tells */

static void on_delivered(void *ctx, struct delivery *delivery)
{
	struct serve *serve = ctx;
	if (serve->smtp)
		smtp_server_delivered(serve->smtp, delivery);
	else
		delivery_free(delivery); /* stopping: its session has gone */
}

static const struct ingest_handlers ingest_handlers = {.done = on_delivered};

/* ---- what the control socket asks */

static const struct server_conf *on_control_conf(void *ctx)
{
	return ((struct serve *)ctx)->conf;
}

static int use_tenants(struct serve *serve)
{
	struct tenants *fresh;
	int r = tenants_build(&fresh, serve->reader, serve->conf->tenants);
	if (r < 0)
		return r;
	tenants_unref(serve->tenants);
	serve->tenants = fresh;
	if (serve->ingest)
		ingest_reconfigure(serve->ingest, serve->conf->ingest, serve->conf->mail,
				   serve->conf->forwards, fresh);
	return 0;
}

static int on_tenants_changed(void *ctx)
{
	int r = use_tenants(ctx);
	if (r < 0)
		LOG(LOG_LEVEL_ERROR, "tenants-not-loaded", lf_id("server", "tenants"), lf_err(r));
	return r;
}

static int on_settings_changed(void *ctx, struct conf_error *reterr)
{
	return reload(ctx, reterr);
}

static void on_stats(void *ctx, control_stat_fn *fn, void *fn_ctx)
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

/* ---- start */

static void log_warnings(const struct strbuf *warnings)
{
	struct str rest = strbuf_str(warnings);
	while (rest.len) {
		size_t end = str_find(rest, '\n');
		LOG(LOG_LEVEL_WARN, "configuration", lf_id("server", "config"),
		    lf_str("warning", str_sub(rest, 0, end)));
		rest = str_sub(rest, end + 1, rest.len);
	}
}

/* Many connections need many descriptors; core dumps could hold keys and mail. */
static void prepare_process(void)
{
	struct rlimit files;
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static int load_certs(struct certs **ret, const struct server_conf *conf, struct conf_error *err)
{
	if (conf->tls->certificates.n == 0) {
		*ret = NULL;
		return 0;
	}
	return certs_load(ret, conf->tls, err);
}

static struct smtp_settings smtp_settings_of(const struct serve *serve)
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

static void on_flush(uv_prepare_t *prepare UNUSED)
{
	log_flush();
}

static void use_log(const struct server_conf *conf)
{
	log_setup(STDERR_FILENO, (enum log_format)conf->log->format, (enum log_level)conf->log->level, true);
}

static int fail(struct conf_error *err, const char *what, int r)
{
	if (!err->text[0])
		snprintf(err->text, sizeof(err->text), "%s: %s", what, strerror(-r));
	return r;
}

static int start(struct serve *serve, struct conf_error *err)
{
	struct strbuf warnings;
	struct privileges privileges = {0};
	strbuf_init(&warnings, 16 * 1024);
	int r = server_conf_load(&serve->conf, serve->conf_path, true, &warnings, err);
	if (r < 0)
		goto out;
	use_log(serve->conf);
	log_warnings(&warnings);
	r = load_certs(&serve->certs, serve->conf, err);
	if (r == 0)
		r = privileges_find(&privileges, serve->conf->process->user, serve->conf->process->group,
				    err);
	if (r < 0)
		goto out;
	if (geteuid() == 0 && !privileges.change)
		LOG(LOG_LEVEL_WARN, "running-as-root", lf_id("server", "process"),
		    lf_cstr("advice", "set process.user to an account of its own"));
	r = privileges_own_folder(&privileges, serve->conf->storage->data_dir);
	if (r < 0) {
		fail(err, serve->conf->storage->data_dir, r);
		goto out;
	}
	r = privileges_lower(&privileges);
	if (r == 0)
		r = start_as_user(serve, err);
	if (r == 0)
		r = start_serving(serve, &privileges, err);
out:
	strbuf_done(&warnings);
	return r;
}

static int start_as_user(struct serve *serve, struct conf_error *err)
{
	const struct server_conf *conf = serve->conf;
	int r = store_open(&serve->store, &serve->loop, conf->storage, err);
	if (r < 0)
		return fail(err, conf->storage->data_dir, r);
	r = store_spool_open(serve->store, &serve->spool);
	if (r < 0)
		return fail(err, "spool", r);
	r = workers_open(&serve->workers, &serve->loop, (unsigned)conf->process->workers, WORK_QUEUE_MAX);
	if (r < 0)
		return fail(err, "worker threads", r);
	r = apply_declared(serve, conf->tenants, err);
	if (r < 0)
		return r;
	r = reader_open(&serve->reader, conf->storage, err);
	if (r < 0)
		return fail(err, "reading the database", r);
	r = use_tenants(serve);
	return r < 0 ? fail(err, "loading tenants", r) : 0;
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
static int apply_declared(struct serve *serve, const struct tenant_conf *conf, struct conf_error *err)
{
	struct declare_job declare = {.store = {.apply = on_apply_declared, .done = on_declared},
				      .conf = conf};
	if (conf->declare.n == 0)
		return 0;
	list_node_init(&declare.store.link);
	int r = store_submit(serve->store, &declare.store);
	if (r < 0)
		return fail(err, "declared tenants", r);
	while (!declare.done)
		uv_run(&serve->loop, UV_RUN_ONCE);
	if (declare.status < 0)
		return fail(err, "declared tenants", declare.status);
	if (declare.changed)
		LOG(LOG_LEVEL_INFO, "tenants-declared", lf_id("server", "tenants"),
		    lf_int("changed", (int64_t)declare.changed));
	return 0;
}

static void log_listening(struct serve *serve)
{
	const char *address;
	for (size_t i = 0; (address = smtp_server_address(serve->smtp, i)); i++)
		LOG(LOG_LEVEL_INFO, "listening", lf_id("server", "smtp"), lf_cstr("address", address));
}

static int start_serving(struct serve *serve, const struct privileges *privileges, struct conf_error *err)
{
	const struct server_conf *conf = serve->conf;
	struct smtp_settings settings = smtp_settings_of(serve);
	int r = smtp_server_open(&serve->smtp, &serve->loop, &settings, &smtp_handler, serve);
	if (r < 0)
		return fail(err, "SMTP server", r);
	r = privileges_raise(privileges);
	if (r == 0)
		r = smtp_server_listen(serve->smtp, err);
	if (r < 0)
		return fail(err, "listening", r);
	r = privileges_drop(privileges);
	if (r < 0)
		return fail(err, "dropping privileges", r);
	const struct ingest_deps deps = {
		.loop = &serve->loop,
		.store = serve->store,
		.spool = serve->spool,
		.workers = serve->workers,
		.parser_argv0 = PARSER_PROGRAM,
	};
	r = ingest_open(&serve->ingest, conf->ingest, conf->mail, conf->forwards, serve->tenants, &deps,
			&ingest_handlers, serve);
	if (r < 0)
		return fail(err, "starting parser children", r);
	const struct control_deps control_deps = {
		.loop = &serve->loop,
		.store = serve->store,
		.workers = serve->workers,
		.conf_path = serve->conf_path,
		.argv0 = PARSER_PROGRAM,
		.conf = on_control_conf,
		.tenants_changed = on_tenants_changed,
		.settings_changed = on_settings_changed,
		.stats = on_stats,
	};
	r = control_open(&serve->control, &control_deps, serve, err);
	if (r < 0)
		return fail(err, conf->control_path, r);
	start_sweep(serve);
	return 0;
}

/* ---- files that no row refers to, left by the run before */

static void on_sweep_run(struct work *work)
{
	struct serve *serve = CONTAINER_OF(work, struct serve, sweep);
	serve->sweep_status = store_sweep(serve->store, &serve->swept);
}

static void on_sweep_done(struct work *work)
{
	struct serve *serve = CONTAINER_OF(work, struct serve, sweep);
	serve->sweeping = false;
	if (serve->sweep_status < 0)
		LOG(LOG_LEVEL_ERROR, "sweep-failed", lf_id("server", "spool"), lf_err(serve->sweep_status));
	else
		LOG(LOG_LEVEL_INFO, "swept", lf_id("server", "spool"),
		    lf_int("removed", (int64_t)serve->swept));
}

static void start_sweep(struct serve *serve)
{
	serve->sweep = (struct work){.run = on_sweep_run, .done = on_sweep_done};
	list_node_init(&serve->sweep.link);
	serve->sweeping = workers_submit(serve->workers, &serve->sweep) == 0;
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
		on_tenants_changed(redeclare->serve);
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

static int reload(struct serve *serve, struct conf_error *err)
{
	struct server_conf *conf = NULL;
	struct certs *certs = NULL;
	struct tenants *tenants = NULL;
	struct strbuf warnings;
	strbuf_init(&warnings, 16 * 1024);
	err->text[0] = 0;
	/* the writer still reads the configuration of the reload before */
	int r = serve->redeclaring ? fail(err, "the reload before is not done", -EAGAIN) : 0;
	if (r == 0)
		r = server_conf_load(&conf, serve->conf_path, true, &warnings, err);
	if (r == 0)
		r = load_certs(&certs, conf, err);
	if (r == 0) {
		r = tenants_build(&tenants, serve->reader, conf->tenants);
		if (r < 0)
			fail(err, "loading tenants", r);
	}
	if (r < 0) {
		server_conf_free(conf);
		certs_unref(certs);
		goto out;
	}
	log_warnings(&warnings);
	log_restart_needed(serve->conf, conf);
	server_conf_free(serve->conf_before);
	serve->conf_before = serve->conf;
	serve->conf = conf;
	certs_unref(serve->certs);
	serve->certs = certs;
	tenants_unref(serve->tenants);
	serve->tenants = tenants;
	use_log(conf);
	const struct smtp_settings settings = smtp_settings_of(serve);
	smtp_server_reconfigure(serve->smtp, &settings);
	ingest_reconfigure(serve->ingest, conf->ingest, conf->mail, conf->forwards, tenants);
	reload_declared(serve);
out:
	strbuf_done(&warnings);
	return r;
}

static void on_hangup(struct serve *serve)
{
	struct conf_error err = {0};
	int r = reload(serve, &err);
	if (r < 0)
		LOG(LOG_LEVEL_ERROR, "reload-refused", lf_id("server", "config"), lf_cstr("why", err.text),
		    lf_cstr("kept", "the configuration before"));
	else
		LOG(LOG_LEVEL_INFO, "reloaded", lf_id("server", "config"),
		    lf_cstr("file", serve->conf->path));
}

/* ---- signals and stop */

static void on_drained(void *ctx)
{
	struct serve *serve = ctx;
	serve->drained = true;
	if (serve->control_closed)
		uv_stop(&serve->loop);
}

static void on_control_closed(void *ctx)
{
	struct serve *serve = ctx;
	serve->control_closed = true;
	if (serve->drained)
		uv_stop(&serve->loop);
}

static void drain(struct serve *serve)
{
	int64_t grace_ms = serve->draining ? 0 : serve->conf->process->drain_timeout_ms;
	LOG(LOG_LEVEL_INFO, "draining", lf_id("server", "smtp"), lf_int("grace_ms", grace_ms));
	smtp_server_drain(serve->smtp, grace_ms, on_drained, serve);
	if (!serve->draining)
		serve->control = control_close(serve->control, on_control_closed, serve);
	serve->draining = true;
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct serve *serve = signal->data;
	if (number != SIGHUP)
		drain(serve);
	else if (!serve->draining)
		on_hangup(serve);
}

static void close_if_open(uv_handle_t *handle, void *ctx UNUSED)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* Whatever was opened, in reverse. Also after a start that failed half-way. */
static void stop(struct serve *serve)
{
	while (serve->sweeping)
		uv_run(&serve->loop, UV_RUN_ONCE);
	serve->smtp = smtp_server_close(serve->smtp);
	serve->ingest = ingest_close(serve->ingest);
	serve->workers = workers_close(serve->workers);
	serve->reader = reader_close(serve->reader);
	serve->spool = spool_close(serve->spool);
	serve->store = store_close(serve->store);
	tenants_unref(serve->tenants);
	certs_unref(serve->certs);
	/* what is left are this file's own: the flusher and the signals */
	uv_walk(&serve->loop, close_if_open, NULL);
	uv_run(&serve->loop, UV_RUN_DEFAULT);
	uv_loop_close(&serve->loop);
	server_conf_free(serve->conf);
	server_conf_free(serve->conf_before);
}

static void watch_signals(struct serve *serve)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uv_signal_init(&serve->loop, &serve->signals[i]);
		serve->signals[i].data = serve;
		uv_signal_start(&serve->signals[i], on_signal, numbers[i]);
	}
}

static int exit_code_of(int r)
{
	switch (r) {
	case -EINVAL:
	case -ENOENT:
	case -EACCES:
		return EX_CONFIG;
	case -EBUSY:
	case -EADDRINUSE:
	case -EAGAIN:
		return EX_TEMPFAIL;
	case -EPERM:
		return EX_NOPERM;
	case -ENOSPC:
	case -EROFS:
	case -EIO:
		return EX_IOERR;
	default:
		return EX_OSERR;
	}
}

int serve_run(const char *conf_path)
{
	struct serve serve = {.conf_path = conf_path, .started_ms = clock_mono_ms()};
	struct conf_error err = {0};
	prepare_process();
	int r = uv_loop_init(&serve.loop);
	if (r < 0)
		return EX_OSERR;
	uv_prepare_init(&serve.loop, &serve.flusher);
	uv_prepare_start(&serve.flusher, on_flush);
	watch_signals(&serve);
	r = start(&serve, &err);
	if (r < 0) {
		log_flush();
		fprintf(stderr, "servelo: %s\n", err.text[0] ? err.text : strerror(-r));
		stop(&serve);
		return exit_code_of(r);
	}
	log_listening(&serve);
	LOG(LOG_LEVEL_INFO, "ready", lf_id("server", "smtp"), lf_cstr("version", SERVELO_VERSION),
	    lf_int("pid", getpid()), lf_int("tenants", (int64_t)tenants_count(serve.tenants)),
	    lf_cstr("tls", serve.certs ? "yes" : "no"));
	uv_run(&serve.loop, UV_RUN_DEFAULT);
	LOG(LOG_LEVEL_INFO, "stopped", lf_id("server", "smtp"), lf_int("pid", getpid()));
	stop(&serve);
	log_flush();
	return EX_OK;
}
