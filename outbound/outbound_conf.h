/*
 * Options of the sections "relay", "secrets" and "outbound", and how they become the settings of a relay.
 *
 *	char *password = NULL;
 *	relay_conf_settings(conf, mail->hostname, &settings, &password, &error);
 *	relay_open(&relay, loop, &settings, ...);     copies what it needs
 *	password = relay_password_free(password);
 */
#ifndef SERVELO_OUTBOUND_OUTBOUND_CONF_H
#define SERVELO_OUTBOUND_OUTBOUND_CONF_H

#include "base/conf.h"
#include "outbound/relay.h"

struct relay_conf {
	const char *host; /* "": there is no relay, and mail waits */
	int64_t port;     /* 0: 587, 465, 25, as tls has it */
	int tls;          /* enum smtp_tls */
	const char *ca_file;
	const char *user, *password, *password_file;
	int auth; /* 0 auto, 1 plain, 2 login, 3 xoauth2 */
	int64_t connections, mails_per_connection, rate;
	int64_t idle_timeout_ms, connect_timeout_ms, tls_timeout_ms, greeting_timeout_ms, command_timeout_ms;
	int64_t data_timeout_ms, block_timeout_ms, end_timeout_ms;
};
extern const struct conf_table relay_conf_table;

struct secrets_conf {
	struct conf_strings reply_token; /* key files for key_ring_load() */
};
extern const struct conf_table secrets_conf_table;

/* A mail of ours has room for so many octets of files, in base64, besides its texts (COMPOSED_MAX of compose.h). */
#define OUTBOUND_ATTACHMENTS_MAX (INT64_C(19) * 1024 * 1024)

/* Section "outbound". */
struct outbound_conf {
	const char *templates;   /* folder of the operator's own; "": the built-in ones */
	int64_t attachments_max; /* octets that an answer carries to the customer; OUTBOUND_ATTACHMENTS_MAX */
};
extern const struct conf_table outbound_conf_table;

/* What no single option shows, without a look at any file: a host, at most one password and its user, in clear to this
 * machine only. -EINVAL; reterr begins with the option. */
int relay_conf_check(const struct relay_conf *conf, struct conf_error *reterr);
/* What no single option shows is checked: a user has one password, from one place; in clear to this machine
 * only. The password file is read. -EINVAL, -EACCES, or -errno of the file, with reterr. Strings in ret are
 * those of conf, of ehlo_name, and *ret_password, which is the caller's. */
int relay_conf_settings(const struct relay_conf *conf, const char *ehlo_name, struct relay_settings *ret,
			char **ret_password, struct conf_error *reterr);
/* Wipes it; returns NULL. */
char *relay_password_free(char *password);

#endif
