/*
 * The composition root. Everything here happens on the main thread, which is the loop's.
 *
 * Start, in this order, because each step needs the one before and nothing is answered before the last:
 *
 *	configuration -> log -> certificates, named key files (as root: keys are private) -> no other files
 *	-> [as the user] store, spool, workers, a key of our own if none is named, declared tenants, view of all tenants
 *	-> [as root] listen -> drop privileges -> parser children -> outbox and relay -> control socket -> ready
 *
 * Stop (SIGTERM, SIGINT): no new connections, 421 to idle sessions, transactions under way and mails that are just being
 * sent may finish within process.drain_timeout; then deliveries under way are stored, what is not sent is given back to
 * the outbox, children end, the store is closed. A second signal cuts the waiting short. The loop runs during start and
 * stop too: a signal that comes before there is a server stops it as soon as there is one, one that comes after it was
 * closed changes nothing. SIGHUP: see serve_reload.c.
 */
#include "smtpd/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sanitized.h"
#include "smtpd/preflight.h"
#include "smtpd/privileges.h"
#include "smtpd/secrets.h"
#include "smtpd/serve_private.h"
#include "smtpd/service_manager.h"

#define PARSER_PROGRAM "/proc/self/exe"
#define FLUSH_EVERY_MS 5
#define WORK_QUEUE_MAX 1024
#define FAILED_REST_MS 5000

/* In order of the server's life. */
static int start(struct serve *serve, struct conf_error *err);
static int start_as_user(struct serve *serve, struct conf_error *err);
static int start_serving(struct serve *serve, const struct privileges *privileges, struct conf_error *err);
static void start_sweep(struct serve *serve);
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

static void on_jobs_due(void *ctx)
{
	struct serve *serve = ctx;
	if (serve->outbound)
		outbound_wake(serve->outbound);
}

static void on_paused(void *ctx, bool paused)
{
	struct serve *serve = ctx;
	if (serve->outbound)
		outbound_set_paused(serve->outbound, paused);
}

static void on_rcpt_answered(void *ctx, uint64_t session_id, enum rcpt_status status,
			     const struct rcpt_answer *answer)
{
	struct serve *serve = ctx;
	if (serve->smtp)
		smtp_server_rcpt_answered(serve->smtp, session_id, status, answer);
}

static const struct ingest_handlers ingest_handlers = {
	.done = on_delivered,
	.outbox = on_jobs_due,
	.rcpt_answered = on_rcpt_answered,
};

/* ---- what the control socket asks */

static const struct server_conf *on_control_conf(void *ctx)
{
	return ((struct serve *)ctx)->conf;
}

static const struct server_conf *on_control_conf_started(void *ctx)
{
	return ((struct serve *)ctx)->conf_started;
}

static struct key_ring *on_control_keys(void *ctx)
{
	return ((struct serve *)ctx)->keys;
}

/* ---- start */

/* Many connections need many descriptors. Core dumps could hold keys and mail: none, also where a program takes them
 * whatever the limit says (core_pattern), and no debugger of the same user. */
static void prepare_process(void)
{
	struct rlimit files;
	const struct rlimit no_core = {0, 0};
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	setrlimit(RLIMIT_CORE, &no_core); /* also of our children */
	if (!SANITIZED)                   /* the leak checker looks at its own process as a debugger does */
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* Its work is done by the flusher, which is next. */
static void on_flush_due(uv_timer_t *timer UNUSED)
{
}

/* Under load the lines of some milliseconds leave in one write; the first after a pause leaves at once. */
static void on_flush(uv_prepare_t *prepare)
{
	struct serve *serve = CONTAINER_OF(prepare, struct serve, flusher);
	int64_t now_ms = (int64_t)uv_now(&serve->loop), wait_ms = serve->flushed_ms + FLUSH_EVERY_MS - now_ms;
	if (!log_waits())
		return;
	if (wait_ms > 0) {
		if (!uv_is_active((uv_handle_t *)&serve->flush_due))
			uv_timer_start(&serve->flush_due, on_flush_due, (uint64_t)wait_ms, 0);
		return;
	}
	serve->flushed_ms = now_ms;
	log_flush();
}

int serve_fail(struct conf_error *err, const char *what, int r)
{
	if (!err->text[0])
		snprintf(err->text, sizeof(err->text), "%s: %s", what, strerror(-r));
	return r;
}

/* What would go wrong at the first reload, or under load: said now, when somebody looks. */
static void log_preflight(const struct server_conf *conf, const struct privileges *privileges)
{
	struct strbuf lines;
	strbuf_init(&lines, 64 * 1024);
	(void)preflight_access(conf, privileges,
			       &lines); /* if the user can't be taken, the start fails next */
	struct str rest = strbuf_str(&lines);
	for (; rest.len; rest = str_sub(rest, str_find(rest, '\n') + 1, rest.len))
		LOG(LOG_LEVEL_WARN, "reload-would-fail", lf_id("server", "process"),
		    lf_str("why", str_sub(rest, 0, str_find(rest, '\n'))));
	strbuf_clear(&lines);
	preflight_descriptors(conf, &lines);
	if (lines.len)
		LOG(LOG_LEVEL_WARN, "few-descriptors", lf_id("server", "process"),
		    lf_str("why", str_trim(strbuf_str(&lines))));
	strbuf_done(&lines);
}

static int start(struct serve *serve, struct conf_error *err)
{
	struct strbuf warnings;
	struct privileges privileges = {0};
	strbuf_init(&warnings, 16 * 1024);
	int r = server_conf_load(&serve->conf, serve->conf_path, true, &warnings, err);
	if (r < 0)
		goto out;
	serve->conf_started = serve->conf;
	serve_use_log(serve->conf);
	serve_log_warnings(&warnings);
	r = serve_load_certs(&serve->certs, serve->conf, err);
	if (r == 0 && serve->conf->secrets->reply_token.n > 0)
		r = secrets_load(&serve->keys, serve->conf, SECRETS_READ, NULL, err);
	if (r == 0)
		r = privileges_find(&privileges, serve->conf->process->user, serve->conf->process->group,
				    err);
	if (r < 0)
		goto out;
	if (geteuid() == 0 && !privileges.change)
		LOG(LOG_LEVEL_WARN, "running-as-root", lf_id("server", "process"),
		    lf_cstr("advice", "set process.user to an account of its own"));
	log_preflight(serve->conf, &privileges);
	r = privileges_own_folder(&privileges, serve->conf->storage->data_dir);
	if (r < 0) {
		serve_fail(err, serve->conf->storage->data_dir, r);
		goto out;
	}
	privileges_bound(&privileges);
	serve_confine(serve);
	r = privileges_lower(&privileges);
	if (r == 0)
		r = start_as_user(serve, err);
	if (r == 0)
		r = start_serving(serve, &privileges, err);
out:
	strbuf_done(&warnings);
	return r;
}

/* The key that nobody named. A new one is nothing to write home about at the first start; later it means that the one
 * before is gone, and with it every reply address that it signed. */
static int own_key(struct serve *serve, struct conf_error *err)
{
	bool made = false;
	int r = serve->keys ? 0 : secrets_load(&serve->keys, serve->conf, SECRETS_MAKE, &made, err);
	if (r < 0)
		return serve_fail(err, "reading keys", r);
	if (made && store_run_number(serve->store) > 1)
		LOG(LOG_LEVEL_WARN, "key-made", lf_id("server", "secrets"),
		    lf_cstr("file", SECRETS_DEFAULT_FILE),
		    lf_cstr("why", "there was none: replies to mail that left before are not recognised"));
	else if (made)
		LOG(LOG_LEVEL_INFO, "key-made", lf_id("server", "secrets"),
		    lf_cstr("file", SECRETS_DEFAULT_FILE));
	return 0;
}

static void on_nothing(uv_work_t *req UNUSED)
{
}

static void on_nothing_done(uv_work_t *req, int status UNUSED)
{
	free(req);
}

/* libuv starts its threads when the first name is looked up, and ends the process when there are none to be had: so it
 * starts them now, when nothing is promised yet. */
static int start_resolver_threads(struct serve *serve)
{
	uv_work_t *req = XNEW(uv_work_t);
	int r = uv_queue_work(&serve->loop, req, on_nothing, on_nothing_done);
	if (r < 0)
		free(req);
	return r;
}

static int start_as_user(struct serve *serve, struct conf_error *err)
{
	const struct server_conf *conf = serve->conf;
	int r = store_open(&serve->store, &serve->loop, conf->storage, err);
	if (r < 0)
		return serve_fail(err, conf->storage->data_dir, r);
	r = store_spool_open(serve->store, &serve->spool);
	if (r < 0)
		return serve_fail(err, "spool", r);
	r = workers_open(&serve->workers, &serve->loop, (unsigned)conf->process->workers, WORK_QUEUE_MAX);
	if (r == 0)
		r = start_resolver_threads(serve);
	if (r < 0)
		return serve_fail(err, "worker threads", r);
	r = own_key(serve, err);
	if (r == 0)
		r = serve_declare_tenants(serve, err);
	if (r < 0)
		return r;
	r = reader_open(&serve->reader, conf->storage, err);
	if (r < 0)
		return serve_fail(err, "reading the database", r);
	r = serve_use_tenants(serve);
	return r < 0 ? serve_fail(err, "loading tenants", r) : 0;
}

static void log_listening(struct serve *serve)
{
	const char *address;
	for (size_t i = 0; (address = smtp_server_address(serve->smtp, i)); i++)
		LOG(LOG_LEVEL_INFO, "listening", lf_id("server", "smtp"), lf_cstr("address", address));
}

/* On the sockets that the service manager opened for us; when it did not, on the addresses of the configuration. */
static int listen_somewhere(struct serve *serve, struct conf_error *err)
{
	int n = service_listen_fds();
	if (n < 0)
		return serve_fail(err, "sockets of the service manager: not listening stream sockets", n);
	if (n == 0)
		return smtp_server_listen(serve->smtp, err);
	for (int i = 0; i < n; i++) {
		int r = smtp_server_adopt(serve->smtp, SERVICE_FIRST_FD + i);
		if (r < 0)
			return serve_fail(err, "sockets of the service manager", r);
	}
	return 0;
}

static int start_intake(struct serve *serve, struct conf_error *err)
{
	const struct server_conf *conf = serve->conf;
	const struct ingest_deps deps = {
		.loop = &serve->loop,
		.storage = conf->storage,
		.store = serve->store,
		.workers = serve->workers,
		.parser_argv0 = PARSER_PROGRAM,
	};
	int r = ingest_open(&serve->ingest, conf->ingest, conf->mail, conf->forwards, serve->tenants,
			    serve->keys, &deps, &ingest_handlers, serve);
	return r < 0 ? serve_fail(err, "starting parser children", r) : 0;
}

static int start_outbound(struct serve *serve, struct conf_error *err)
{
	const struct server_conf *conf = serve->conf;
	serve->attachments = attachment_source_new(conf, PARSER_PROGRAM);
	const struct outbound_settings settings = serve_outbound_settings(conf, serve->keys);
	const struct outbound_deps deps = {
		.loop = &serve->loop,
		.store = serve->store,
		.workers = serve->workers,
		.storage = conf->storage,
		.attachment = attachment_source_read,
		.attachment_ctx = serve->attachments,
	};
	int r = outbound_open(&serve->outbound, &settings, &deps, err);
	return r < 0 ? serve_fail(err, "outgoing mail", r) : 0;
}

static int start_control(struct serve *serve, struct conf_error *err)
{
	const struct control_deps deps = {
		.loop = &serve->loop,
		.store = serve->store,
		.workers = serve->workers,
		.conf_path = serve->conf_path,
		.argv0 = PARSER_PROGRAM,
		.conf = on_control_conf,
		.conf_started = on_control_conf_started,
		.tenants_changed = serve_tenants_changed,
		.settings_changed = serve_settings_changed,
		.keys = on_control_keys,
		.jobs_due = on_jobs_due,
		.paused = on_paused,
		.stats = serve_stats,
		.stat_texts = serve_stat_texts,
	};
	int r = control_open(&serve->control, &deps, serve, err);
	return r < 0 ? serve_fail(err, serve->conf->control_path, r) : 0;
}

static int start_serving(struct serve *serve, const struct privileges *privileges, struct conf_error *err)
{
	struct smtp_settings settings = serve_smtp_settings(serve);
	int r = smtp_server_open(&serve->smtp, &serve->loop, &settings, &smtp_handler, serve);
	if (r < 0)
		return serve_fail(err, "SMTP server", r);
	r = privileges_raise(privileges);
	if (r == 0)
		r = listen_somewhere(serve, err);
	if (r < 0)
		return serve_fail(err, "listening", r);
	r = privileges_drop(privileges);
	if (r < 0)
		return serve_fail(err, "dropping privileges", r);
	r = start_intake(serve, err);
	if (r == 0)
		r = start_outbound(serve, err);
	if (r == 0)
		r = start_control(serve, err);
	if (r < 0)
		return r;
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

/* ---- signals and stop */

static void on_hangup(struct serve *serve)
{
	struct conf_error err = {0};
	int r = serve_reload(serve, &err);
	if (r < 0)
		LOG(LOG_LEVEL_ERROR, "reload-refused", lf_id("server", "config"), lf_cstr("why", err.text),
		    lf_cstr("kept", "the configuration before"));
	else
		LOG(LOG_LEVEL_INFO, "reloaded", lf_id("server", "config"),
		    lf_cstr("file", serve->conf->path));
}

static void stop_when_drained(struct serve *serve)
{
	if (serve->drained && serve->control_closed && serve->outbound_drained)
		uv_stop(&serve->loop);
}

static void on_drained(void *ctx)
{
	struct serve *serve = ctx;
	serve->drained = true;
	stop_when_drained(serve);
}

static void on_control_closed(void *ctx)
{
	struct serve *serve = ctx;
	serve->control_closed = true;
	stop_when_drained(serve);
}

static void on_outbound_drained(void *ctx)
{
	struct serve *serve = ctx;
	serve->outbound_drained = true;
	stop_when_drained(serve);
}

/* What is still on its way to the relay is given back to the outbox by outbound_close(), and leaves after the next start.
 * The SMTP server looks at the same clock for itself. */
static void on_grace(uv_timer_t *timer)
{
	on_outbound_drained(timer->data);
}

static void drain(struct serve *serve)
{
	int64_t grace_ms = serve->draining ? 0 : serve->conf->process->drain_timeout_ms;
	service_notify("STOPPING=1");
	LOG(LOG_LEVEL_INFO, "draining", lf_id("server", "smtp"), lf_int("grace_ms", grace_ms));
	smtp_server_drain(serve->smtp, grace_ms, on_drained, serve);
	uv_timer_start(&serve->grace, on_grace, (uint64_t)grace_ms, 0);
	if (!serve->draining) {
		outbound_drain(serve->outbound, on_outbound_drained, serve);
		serve->control = control_close(serve->control, on_control_closed, serve);
	}
	serve->draining = true;
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct serve *serve = signal->data;
	if (!serve->smtp)
		serve->stop_asked |= number != SIGHUP;
	else if (number != SIGHUP)
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
	serve->outbound = outbound_close(serve->outbound);
	serve->workers = workers_close(serve->workers);
	serve->reader = reader_close(serve->reader);
	serve->spool = spool_close(serve->spool);
	serve->store = store_close(serve->store);
	tenants_unref(serve->tenants);
	certs_unref(serve->certs);
	key_ring_unref(serve->keys);
	attachment_source_free(serve->attachments);
	/* Closing a signal's handle brings back its default, which would end us: late ones are not taken any more. */
	sigset_t late;
	sigfillset(&late);
	pthread_sigmask(SIG_BLOCK, &late, NULL);
	/* what is left are this file's own: the flusher, the timers and the signals */
	uv_walk(&serve->loop, close_if_open, NULL);
	uv_run(&serve->loop, UV_RUN_DEFAULT);
	uv_loop_close(&serve->loop);
	serve_forget_conf(serve, serve->conf_before);
	serve_forget_conf(serve, serve->conf);
	server_conf_free(serve->conf_started);
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
	case -EDQUOT:
	case -EROFS:
	case -EIO:
		return EX_IOERR;
	default:
		return EX_OSERR;
	}
}

int serve_run(const char *conf_path)
{
	struct serve serve = {
		.conf_path = conf_path, .started_ms = clock_mono_ms(), .started_wall_ms = clock_now_ms()};
	struct conf_error err = {0};
	prepare_process();
	int r = uv_loop_init(&serve.loop);
	if (r < 0)
		return EX_OSERR;
	uv_prepare_init(&serve.loop, &serve.flusher);
	uv_prepare_start(&serve.flusher, on_flush);
	uv_timer_init(&serve.loop, &serve.flush_due);
	uv_timer_init(&serve.loop, &serve.grace);
	serve.grace.data = &serve;
	watch_signals(&serve);
	r = start(&serve, &err);
	if (r < 0) {
		log_flush();
		fprintf(stderr, "servelo: %s\n", err.text[0] ? err.text : strerror(-r));
		stop(&serve);
		/* A full disk: room may come, and we are started again then. */
		if (exit_code_of(r) == EX_IOERR)
			service_rest(FAILED_REST_MS);
		return exit_code_of(r);
	}
	log_listening(&serve);
	LOG(LOG_LEVEL_INFO, "ready", lf_id("server", "smtp"), lf_cstr("version", SERVELO_VERSION),
	    lf_int("pid", getpid()), lf_int("tenants", (int64_t)tenants_count(serve.tenants)),
	    lf_cstr("tls", serve.certs ? "yes" : "no"));
	serve_start_beat(&serve);
	service_notify("READY=1");
	if (serve.stop_asked)
		drain(&serve);
	uv_run(&serve.loop, UV_RUN_DEFAULT);
	LOG(LOG_LEVEL_INFO, "stopped", lf_id("server", "smtp"), lf_int("pid", getpid()));
	stop(&serve);
	log_flush();
	return EX_OK;
}
