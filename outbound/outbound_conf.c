/*
 * Options of the sections "relay", "secrets" and "outbound". The timeouts' defaults are those of RFC 5321 4.5.3.2, which
 * are also their least sensible values; tests need shorter ones, so the minimum is lower.
 */
#include "outbound/outbound_conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/mailaddr.h"
#include "base/private_file.h"
#include "outbound/smtp_auth.h"

#define SECOND      1000
#define HOUR        (3600 * SECOND)
#define TIMEOUT_MIN 100
#define QUIT_MS     (5 * SECOND)

/* ---- checks of single options */

/* The notation of literals: "[192.0.2.1]", "[IPv6:::1]". */
static bool address_valid(struct str text)
{
	char literal[80];
	int v4 = snprintf(literal, sizeof(literal), "[%.*s]", (int)(text.len < 60 ? text.len : 60), text.ptr);
	if (text.len < 60 && mailaddr_literal_valid((struct str){literal, (size_t)v4}))
		return true;
	int v6 = snprintf(literal, sizeof(literal), "[IPv6:%.*s]", (int)(text.len < 60 ? text.len : 60),
			  text.ptr);
	return text.len < 60 && mailaddr_literal_valid((struct str){literal, (size_t)v6});
}

static const char *check_host(struct str text)
{
	if (text.len == 0 || mailaddr_domain_valid(text, 0) || address_valid(text))
		return NULL;
	return "a host name or an address is expected, like smtp.example.com or 127.0.0.1";
}

static const char *check_secret(struct str text)
{
	return text.len > AUTH_SECRET_MAX ? "8192 octets at most" : NULL;
}

static const char *check_key_file(struct str text)
{
	return text.len && text.ptr[0] == '/' ? NULL : "an absolute path is expected";
}

/* ---- the tables */

static const char *const tls_choices[] = {"starttls", "implicit", "none", NULL}; /* enum smtp_tls */
static const char *const auth_choices[] = {"auto", "plain", "login", "xoauth2", NULL};

#define RELAY(field) offsetof(struct relay_conf, field)
#define TIMEOUT(name, field, default_, what)                                                         \
	{                                                                                            \
		name, CONF_DURATION, RELAY(field), .def = default_, .min = TIMEOUT_MIN, .max = HOUR, \
						   .flags = CONF_RUNTIME, .help = what               \
	}

static const struct conf_option relay_options[] = {
	{"host", CONF_STRING, RELAY(host), .def = "", .check = check_host,
	 .help = "the server that all our mail leaves through; empty: none, and mail waits"},
	{"port", CONF_INT, RELAY(port), .def = "0", .min = 0, .max = 65535,
	 .help = "its port; 0: 587 with starttls, 465 with implicit, 25 with none"},
	{"tls", CONF_ENUM, RELAY(tls), .def = "starttls", .choices = tls_choices,
	 .help = "starttls (required), implicit, or none (only to this machine)"},
	{"ca_file", CONF_PATH, RELAY(ca_file), .help = "PEM file of the CAs to trust; empty: the system's"},
	{"user", CONF_STRING, RELAY(user), .def = "", .check = check_secret,
	 .help = "who to log in as; empty: no login"},
	{"password", CONF_STRING, RELAY(password), .def = "", .check = check_secret, .flags = CONF_SECRET,
	 .help = "its password, or the access token for xoauth2; better in password_file"},
	{"password_file", CONF_PATH, RELAY(password_file),
	 .help = "file whose first line is the password; only its owner may read it"},
	{"auth", CONF_ENUM, RELAY(auth), .def = "auto", .choices = auth_choices,
	 .help = "how to log in: auto (PLAIN, else LOGIN), plain, login, xoauth2"},
	{"connections", CONF_INT, RELAY(connections), .def = "4", .min = 1, .max = 100, .flags = CONF_RUNTIME,
	 .help = "connections at once, at most"},
	{"mails_per_connection", CONF_INT, RELAY(mails_per_connection), .def = "100", .min = 1, .max = 100000,
	 .flags = CONF_RUNTIME, .help = "mails after which a connection is replaced by a new one"},
	{"rate", CONF_INT, RELAY(rate), .def = "0", .min = 0, .max = 1000000, .flags = CONF_RUNTIME,
	 .help = "mails in a minute, at most; 0: as fast as it goes"},
	TIMEOUT("idle_timeout", idle_timeout_ms, "60s", "how long a connection is kept without a mail"),
	TIMEOUT("connect_timeout", connect_timeout_ms, "30s", "for each address of the relay"),
	TIMEOUT("tls_timeout", tls_timeout_ms, "30s", "for the TLS handshake"),
	TIMEOUT("greeting_timeout", greeting_timeout_ms, "5m", "for the relay's first words"),
	TIMEOUT("command_timeout", command_timeout_ms, "5m", "for the reply to a command"),
	TIMEOUT("data_timeout", data_timeout_ms, "2m", "for the go-ahead to DATA"),
	TIMEOUT("block_timeout", block_timeout_ms, "3m", "for each part of a mail to be taken"),
	TIMEOUT("end_timeout", end_timeout_ms, "10m",
		"for the reply to a whole mail; too short makes mails double"),
};
const struct conf_table relay_conf_table = {"relay", sizeof(struct relay_conf), relay_options,
					    ARRAY_SIZE(relay_options)};

static const struct conf_option secrets_options[] = {
	{"reply_token", CONF_STRINGS, offsetof(struct secrets_conf, reply_token), .check = check_key_file,
	 .help = "files of the keys that sign reply addresses, the current one first; older ones still "
		 "verify"},
};
const struct conf_table secrets_conf_table = {"secrets", sizeof(struct secrets_conf), secrets_options,
					      ARRAY_SIZE(secrets_options)};

static const struct conf_option outbound_options[] = {
	{"templates", CONF_PATH, offsetof(struct outbound_conf, templates),
	 .help = "folder with templates of your own, by locale and kind; empty: the built-in ones"},
	{"attachments_max", CONF_SIZE, offsetof(struct outbound_conf, attachments_max), .def = "18MiB",
	 .min = 0, .max = OUTBOUND_ATTACHMENTS_MAX, .flags = CONF_RUNTIME,
	 .help = "octets of attachments that an agent's answer takes along; what is more is named in it"},
};
const struct conf_table outbound_conf_table = {"outbound", sizeof(struct outbound_conf), outbound_options,
					       ARRAY_SIZE(outbound_options)};

/* ---- all options together */

static int fail(struct conf_error *reterr, const char *what)
{
	if (reterr)
		snprintf(reterr->text, sizeof(reterr->text), "%s", what);
	return -EINVAL;
}

/* Names are decided when they are looked up, and refused then (smtp_client.h). */
static bool is_far_address(const char *host)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	if (uv_ip4_addr(host, 0, &v4) == 0)
		return ((const uint8_t *)&v4.sin_addr)[0] != 127;
	return uv_ip6_addr(host, 0, &v6) == 0 && !IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

int relay_conf_check(const struct relay_conf *conf, struct conf_error *reterr)
{
	bool user = conf->user[0], password = conf->password[0], file = conf->password_file[0];
	if (conf->host[0] == '\0')
		return fail(reterr, "relay.host is empty");
	if (password && file)
		return fail(reterr, "relay.password and relay.password_file are both there: one of them");
	if (user && !password && !file)
		return fail(reterr, "relay.user has no password: relay.password or relay.password_file");
	if (!user && (password || file))
		return fail(reterr, "relay.password is there, relay.user is not");
	if (conf->tls == SMTP_TLS_NONE && is_far_address(conf->host))
		return fail(reterr, "relay.tls is none: that is for relays on this machine only");
	return 0;
}

static int read_password(const struct relay_conf *conf, char **ret, struct conf_error *reterr)
{
	struct str content;
	if (conf->password_file[0] == '\0') {
		*ret = xstrdup(conf->password);
		return 0;
	}
	int r = private_file_read(conf->password_file, FILE_PRIVATE, AUTH_SECRET_MAX + 2, &content, reterr);
	if (r < 0)
		return r;
	struct str line = str_sub(content, 0, str_find(content, '\n'));
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (line.len == 0 || line.len > AUTH_SECRET_MAX || str_find(line, '\0') < line.len)
		r = fail(reterr, "relay.password_file: its first line is no password");
	else
		*ret = xstrndup(line);
	private_file_free(content);
	return r;
}

static uint16_t port_of(const struct relay_conf *conf)
{
	static const uint16_t ports[] = {
		[SMTP_TLS_STARTTLS] = 587, [SMTP_TLS_IMPLICIT] = 465, [SMTP_TLS_NONE] = 25};
	return conf->port ? (uint16_t)conf->port : ports[conf->tls];
}

int relay_conf_settings(const struct relay_conf *conf, const char *ehlo_name, struct relay_settings *ret,
			char **ret_password, struct conf_error *reterr)
{
	static const unsigned mechanisms[] = {AUTH_PLAIN | AUTH_LOGIN, AUTH_PLAIN, AUTH_LOGIN, AUTH_XOAUTH2};
	char *password = NULL;
	int r = relay_conf_check(conf, reterr);
	if (r == 0)
		r = read_password(conf, &password, reterr);
	if (r < 0)
		return r;
	*ret = (struct relay_settings){
		.host = conf->host,
		.port = port_of(conf),
		.tls = (enum smtp_tls)conf->tls,
		.ca_file = conf->ca_file,
		.ehlo_name = ehlo_name,
		.user = conf->user,
		.password = password,
		.auth = mechanisms[conf->auth],
		.connections = (size_t)conf->connections,
		.mails_per_connection = (size_t)conf->mails_per_connection,
		.per_minute = conf->rate,
		.idle_timeout_ms = conf->idle_timeout_ms,
		.timeouts = {.connect = conf->connect_timeout_ms,
			     .tls = conf->tls_timeout_ms,
			     .greeting = conf->greeting_timeout_ms,
			     .command = conf->command_timeout_ms,
			     .data = conf->data_timeout_ms,
			     .block = conf->block_timeout_ms,
			     .end = conf->end_timeout_ms,
			     .quit = QUIT_MS},
	};
	*ret_password = password;
	return 0;
}

char *relay_password_free(char *password)
{
	if (password)
		explicit_bzero(password, strlen(password));
	free(password);
	return NULL;
}
