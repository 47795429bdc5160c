/*
 * The control socket: how `servelo` on the command line asks the running server for changes. Loop thread.
 *
 *	struct control_deps deps = { .loop = loop, .store = store, .workers = workers, .conf = ..., ... };
 *	control_open(&control, &deps, ctx, &err);	after privileges were dropped, so that the socket is
 *ours
 *	...
 *	control = control_close(control, on_closed, ctx);	before workers_close() and store_close()
 *
 * A unix stream socket of mode 0600 at conf->control_path; a stale one is replaced only when nobody answers
 *on it. The peer must be root or of our own uid (SO_PEERCRED). One JSON request per line, one JSON answer per
 * line, in order, one at a time per connection:
 *
 *	{"op": "tenant.suspend", "slug": "acme"}
 *	{"ok": true, "result": {...}}	or	{"ok": false, "code": "not_found", "error": "there is no ..."}
 *
 * Changes are store jobs and are answered after COMMIT (see admin_ops.h for the list); "ping", "stats" and
 * "settings" (every option as it is in force) are answered at once; "message.reprocess" reads and parses on a worker, with a parser child of its own.
 * Limits: a request of 3 MiB (a comment of 1 MiB, every octet of it escaped), 16 connections, 30 s of idleness.
 */
#ifndef SERVELO_SMTPD_CONTROL_H
#define SERVELO_SMTPD_CONTROL_H

#include <uv.h>

#include "base/conf.h"
#include "base/workers.h"
#include "smtpd/server_conf.h"
#include "storage/store.h"
#include "tenant/key_ring.h"

struct control;

#define CONTROL_REQUEST_MAX     (3 * 1024 * 1024)
#define CONTROL_ANSWER_MAX      (4 * 1024 * 1024)
#define CONTROL_CONNECTIONS_MAX 16
#define CONTROL_IDLE_MS         30000

/* One counter for "stats": key is a plain word, "smtp.connections". Valid during the stats() callback. */
typedef void control_stat_fn(void *fn_ctx, const char *key, int64_t value);
/* And what stands there in words; valid UTF-8. */
typedef void control_text_fn(void *fn_ctx, const char *key, struct str text);

struct control_deps {
	uv_loop_t *loop;
	struct store *store;
	struct workers *workers;
	const char *conf_path; /* what server_conf_load() was given; may be NULL */
	const char *argv0;     /* program to run as the parser child: "/proc/self/exe" */

	/* All of these are called on the loop, with the ctx of control_open(). */

	/* The configuration in force; must live until the next turn of the loop. */
	const struct server_conf *(*conf)(void *ctx);
	/* That of the start: options that need a restart are in force as it has them. May be NULL. */
	const struct server_conf *(*conf_started)(void *ctx);
	/* Tenants changed in the database (committed): build and swap in a new view. Negative errno: the
	 * change is stored but not in force, and the answer says so. */
	int (*tenants_changed)(void *ctx);
	/* A run-time setting changed (committed; it was tried with server_conf_try_setting() before): load
	 * the configuration again and apply it. Negative errno with reterr: the old one stays in force; the
	 * setting is put back as it was and the answer says why. */
	int (*settings_changed)(void *ctx, struct conf_error *reterr);
	/* The keys in force, for mail that a change makes; a reference of its own is taken at once. May be NULL: such
	 * changes are declined. The domain is that of conf(). */
	struct key_ring *(*keys)(void *ctx);
	/* Outbox jobs were made or became due (committed). May be NULL. */
	void (*jobs_due)(void *ctx);
	/* The outbox was paused or resumed (committed). May be NULL. */
	void (*paused)(void *ctx, bool paused);
	/* Calls fn once per counter. May be NULL. */
	void (*stats)(void *ctx, control_stat_fn *fn, void *fn_ctx);
	void (*stat_texts)(void *ctx, control_text_fn *fn, void *fn_ctx); /* may be NULL */
};

/* deps is copied. -EADDRINUSE when another server answers on the socket, or -errno; reterr says more. */
int control_open(struct control **ret, const struct control_deps *deps, void *ctx, struct conf_error *reterr);
/* No new connections and requests; what was asked before is finished. on_closed (may be NULL) comes once, on
 * the loop, after the last job of ours came back; the loop, workers and store must run until then. NULL is
 * fine (on_closed is called at once); returns NULL. */
struct control *control_close(struct control *control, void (*on_closed)(void *ctx), void *ctx);

#endif
