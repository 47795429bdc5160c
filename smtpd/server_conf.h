/*
 * The whole configuration of the program: every section's struct, loaded from one file, the environment and
 * the settings in the database.
 *
 * Built whole or not at all; a reload builds a new one and swaps it in. Loop or main thread.
 */
#ifndef SERVELO_SMTPD_SERVER_CONF_H
#define SERVELO_SMTPD_SERVER_CONF_H

#include "base/conf.h"
#include "base/log.h"
#include "certs/certs.h"
#include "ingest/ingest.h"
#include "outbound/outbound_conf.h"
#include "smtpd/smtp_server.h"
#include "storage/store.h"
#include "tenant/tenant_conf.h"

/* Section "log". */
struct log_conf {
	int level, format; /* enums log_level, log_format */
};

/* Section "process". */
struct process_conf {
	const char *user, *group; /* to become after binding, when started as root; "" to stay */
	const char *control;      /* path of the control socket; "" for <storage.data_dir>/control.sock */
	int64_t workers;          /* threads */
	int64_t drain_timeout_ms; /* on SIGTERM */
	bool confine;             /* to our own files */
};

struct server_conf {
	struct conf *conf;
	const char *path; /* of the file, or "(defaults)" */
	const struct mail_conf *mail;
	const struct forwards_conf *forwards;
	const struct tenant_conf *tenants;
	const struct smtp_conf *smtp;
	const struct limits_conf *limits;
	const struct certs_conf *tls;
	const struct storage_conf *storage;
	const struct ingest_conf *ingest;
	const struct relay_conf *relay; /* host "": there is none, and mail waits */
	const struct outbound_conf *outbound;
	const struct secrets_conf *secrets;
	const struct log_conf *log;
	const struct process_conf *process;
	char *control_path; /* resolved */
};

/* All tables, for conf_check_setting(), `setting list` and the test that compares config.yaml.example with
 * them. */
const struct conf_table *const *server_conf_tables(size_t *ret_n);

/*
 * path NULL: $SERVELO_CONFIG, else /etc/servelo/config.yaml. with_settings: also what the database holds
 * (when there is one yet). Besides the tables' checks this makes cross-checks (a domain is there, timeouts
 * fit, slugs are valid, files that are named exist, and those with secrets are private; what is in them is looked at by
 * who reads them). 0 or negative errno with reterr. Warnings (may be
 * NULL): one per line.
 */
int server_conf_load(struct server_conf **ret, const char *path, bool with_settings,
		     struct strbuf *ret_warnings, struct conf_error *reterr);
/*
 * For looking at what is stored while the file has a mistake in it: only where things are (storage.data_dir,
 * process.control) and mail.domain count, from the environment, else from what the file says, everything else is the
 * default. Nothing is cross-checked; no server may run on it. 0 or negative errno.
 */
int server_conf_load_places(struct server_conf **ret, const char *path, struct conf_error *reterr);
struct server_conf *server_conf_free(struct server_conf *conf);

/*
 * Before `setting set` stores anything: would the whole configuration, with what the database holds and with
 * this one setting on top (value NULL: without it), still load and pass the cross-checks? path as above. 0,
 * -ENOENT (no such key; reterr names the nearest), -EPERM (not changeable at run time) or -EINVAL with
 * reterr.
 */
int server_conf_try_setting(const char *path, const char *key, const char *value, struct conf_error *reterr);

#endif
