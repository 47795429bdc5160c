/*
 * servelo check: would `serve` start, and run well? One line per thing that was looked at. The first thing is the
 * configuration as a whole: when that does not load there is nothing else to look at, and the message names file,
 * line and column.
 *
 * Nothing is changed, no folder made, no database opened for writing.
 */
#include <errno.h>
#include <grp.h>
#include <jansson.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "certs/certs.h"
#include "outbound/outbound.h"
#include "smtpd/cli/cli.h"
#include "smtpd/cli/control_client.h"
#include "smtpd/cli/display.h"
#include "smtpd/cli/json_out.h"
#include "smtpd/control.h"
#include "smtpd/listen_address.h"
#include "smtpd/lone_parser.h"
#include "smtpd/preflight.h"
#include "smtpd/secrets.h"

#define DAY_MS          INT64_C(86400000)
#define ANSWER_MS       5000
#define CERT_DAYS_WARN  21
#define PORT_PRIVILEGED 1024

/* FAIL_DISK: it would not start, but the configuration is not to blame, and it will when there is room. */
enum verdict { OK, WARN, FAIL, FAIL_DISK };

struct check {
	struct cli *cli;
	struct json_list json;
	bool server_runs;
	bool hostname_named; /* by a certificate */
	unsigned warnings, failures, disk_failures;
};

static int run_check(struct cli *cli);
static int check_configuration(struct check *check);
static void check_certificates(struct check *check);
static void check_keys(struct check *check);
static void check_outgoing(struct check *check);
static void check_folder(struct check *check);
static void check_room(struct check *check);
static void check_database(struct check *check);
static void check_access(struct check *check);
static void check_user(struct check *check);
static void check_names(struct check *check);
static void check_server(struct check *check);
static void check_listen(struct check *check);
static void check_parser(struct check *check);

static const struct cli_verb verbs[] = {
	{"check", NULL, 0, 0,
	 "Check configuration, certificates, permissions and the parser; changes nothing",
	 "Exit code 78 when the server would not start like this, 74 when only the disk keeps it from "
	 "starting.\n\n"
	 "  servelo check --config /etc/servelo/config.yaml\n",
	 NULL, 0, run_check},
};
const struct cli_noun cli_check = {NULL, NULL, verbs, ARRAY_SIZE(verbs)};

static void say(struct check *check, enum verdict verdict, const char *what, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
static void say(struct check *check, enum verdict verdict, const char *what, const char *fmt, ...)
{
	static const char *const words[] = {"ok", "warn", "FAIL", "FAIL"};
	struct strbuf text, safe;
	va_list ap;
	strbuf_init(&text, 8192);
	strbuf_init(&safe, 64 * 1024);
	va_start(ap, fmt);
	strbuf_vprintf(&text, fmt, ap);
	va_end(ap);
	check->warnings += verdict == WARN;
	check->failures += verdict == FAIL;
	check->disk_failures += verdict == FAIL_DISK;
	if (check->cli->json) {
		json_list_add(&check->json, json_pack("{s:s,s:s,s:o}", "check", what, "verdict",
						      words[verdict], "text", json_str(strbuf_str(&text))));
	} else {
		display_text(&safe, strbuf_str(&text), true);
		printf("%-4s  %-14s %s\n", words[verdict], what, safe.ptr ? safe.ptr : "");
	}
	strbuf_done(&text);
	strbuf_done(&safe);
}

static enum verdict verdict_of(int r)
{
	return r == -ENOSPC || r == -EDQUOT || r == -EROFS || r == -EIO ? FAIL_DISK : FAIL;
}

static int run_check(struct cli *cli)
{
	struct check check = {.cli = cli};
	if (cli->json)
		json_list_begin(&check.json, stdout);
	if (check_configuration(&check) == 0) {
		check_certificates(&check);
		check_keys(&check);
		check_outgoing(&check);
		check_folder(&check);
		check_room(&check);
		check_database(&check);
		check_user(&check);
		check_access(&check);
		check_names(&check);
		check_server(&check);
		check_listen(&check);
		check_parser(&check);
	}
	if (cli->json)
		json_list_end(&check.json);
	return check.failures ? EX_CONFIG : check.disk_failures ? EX_IOERR : 0;
}

static int check_configuration(struct check *check)
{
	struct cli *cli = check->cli;
	struct conf_error error = {""};
	struct strbuf warnings;
	strbuf_init(&warnings, 64 * 1024);
	int r = server_conf_load(&cli->conf, cli->config, true, &warnings, &error);
	if (r < 0 && !cli->json) { /* as `serve` says it: file:line:column at the front, on standard error */
		cli_fail(EX_CONFIG, "%s", error.text[0] ? error.text : strerror(-r));
		check->failures++;
	} else if (r < 0) {
		say(check, FAIL, "configuration", "%s", error.text[0] ? error.text : strerror(-r));
	} else {
		say(check, OK, "configuration", "%s, domain %s", cli->conf->path, cli->conf->mail->domain);
	}
	struct str rest = strbuf_str(&warnings);
	while (rest.len) {
		size_t end = str_find(rest, '\n');
		say(check, WARN, "configuration", "%.*s", STR_ARG(str_sub(rest, 0, end)));
		rest = str_sub(rest, end + 1, rest.len);
	}
	strbuf_done(&warnings);
	return r;
}

/* ---- certificates ---- */

static const char *hostname(const struct check *check)
{
	const struct mail_conf *mail = check->cli->conf->mail;
	return mail->hostname[0] ? mail->hostname : mail->domain;
}

/* Is host among the names of a certificate ("mx.example.com, *.example.org")? A star is one label (RFC 6125 6.4.3). */
static bool names_host(struct str names, struct str host)
{
	while (names.len) {
		size_t end = 0;
		while (end < names.len && names.ptr[end] != ',' && names.ptr[end] != ' ')
			end++;
		struct str name = str_sub(names, 0, end);
		if (str_ieq(name, host))
			return true;
		if (str_starts(name, STR("*.")) &&
		    str_ieq(str_sub(name, 1, name.len), str_sub(host, str_find(host, '.'), host.len)))
			return true;
		names = str_sub(names, end + 1, names.len);
	}
	return false;
}

static void on_certificate(void *ctx, const struct cert_info *info)
{
	struct check *check = ctx;
	char until[DISPLAY_TIME_MAX];
	int64_t days = (info->not_after_ms - clock_now_ms()) / DAY_MS;
	const char *host = hostname(check);
	check->hostname_named |= names_host(str_from(info->names), str_from(host));
	bool over = info->not_after_ms <= clock_now_ms();
	say(check, over || days < CERT_DAYS_WARN ? WARN : OK, "certificate", "%s: %s, %s, for %s, %s %s",
	    info->host[0] ? info->host : "(default)", info->chain_file, info->key_kind, info->names,
	    over ? "EXPIRED" : "valid until", display_time(info->not_after_ms, until));
	if (!info->key_matches_host)
		say(check, WARN, "certificate", "%s: the certificate does not name the host %s",
		    info->chain_file, info->host);
}

static void check_certificates(struct check *check)
{
	const struct certs_conf *conf = check->cli->conf->tls;
	struct conf_error error = {""};
	struct certs *certs;
	if (conf->certificates.n == 0) {
		if (!conf->starttls)
			say(check, OK, "certificates", "none, and tls.starttls is off");
		return; /* the configuration's own warning says the rest */
	}
	int r = certs_load(&certs, conf, &error);
	if (r < 0) {
		say(check, FAIL, "certificates", "%s", error.text[0] ? error.text : strerror(-r));
		return;
	}
	certs_describe(certs, on_certificate, check);
	if (!check->hostname_named)
		say(check, WARN, "certificates", "none names %s, which is what senders connect to",
		    hostname(check));
	certs_unref(certs);
}

/* ---- outgoing mail ---- */

/* Files of somebody else can't be judged from here. */
static void say_wrong(struct check *check, const char *what, int r, const struct conf_error *error)
{
	bool not_ours = r == -EACCES && geteuid() != 0 && check->cli->conf->process->user[0];
	say(check, not_ours ? WARN : verdict_of(r), what, "%s", error->text[0] ? error->text : strerror(-r));
}

static void check_keys(struct check *check)
{
	const struct server_conf *conf = check->cli->conf;
	struct conf_error error = {""};
	char *own = secrets_default_path(conf);
	struct key_ring *keys = NULL;
	int r = own && access(own, F_OK) < 0 && errno == ENOENT
			? -ENOENT
			: secrets_load(&keys, conf, SECRETS_READ, NULL, &error);
	if (r == 0)
		say(check, OK, "reply keys", "%zu in %s", key_ring_size(keys),
		    own ? own : "secrets.reply_token");
	else if (own && r == -ENOENT)
		say(check, OK, "reply keys", "%s will be made at the first start", own);
	else
		say_wrong(check, "reply keys", r, &error);
	key_ring_unref(keys);
	free(own);
}

static void check_outgoing(struct check *check)
{
	const struct server_conf *conf = check->cli->conf;
	const struct outbound_settings settings = {.relay = conf->relay,
						   .conf = conf->outbound,
						   .domain = conf->mail->domain,
						   .hostname = hostname(check)};
	struct conf_error error = {""};
	struct strbuf why;
	strbuf_init(&why, 4096);
	int r = outbound_check(&settings, &error), relay = r < 0 ? 0 : preflight_relay(conf, &why);
	if (r < 0)
		say_wrong(check, "outgoing mail", r, &error);
	else if (relay != 0)
		say(check, relay < 0 ? FAIL : WARN, "outgoing mail", "%.*s", STR_ARG(strbuf_str(&why)));
	else if (!conf->relay->host[0])
		say(check, WARN, "outgoing mail",
		    "relay.host is empty: no mail leaves, it waits in `servelo queue list`");
	else
		say(check, OK, "outgoing mail", "through %s", conf->relay->host);
	strbuf_done(&why);
}

/* ---- files ---- */

/* The user that the server will be: its uid, or -1 when it is not known. */
static int64_t server_uid(const struct check *check)
{
	const char *user = check->cli->conf->process->user;
	const struct passwd *passwd = user[0] ? getpwnam(user) : NULL;
	if (!user[0])
		return (int64_t)geteuid();
	return passwd ? (int64_t)passwd->pw_uid : -1;
}

/* Made by who starts the server: root, or the user that it stays. */
static void check_new_folder(struct check *check)
{
	const char *folder = check->cli->conf->storage->data_dir;
	bool judge = geteuid() == 0 || server_uid(check) == (int64_t)geteuid();
	struct strbuf why;
	strbuf_init(&why, 4096 * 2);
	int r = preflight_parent(check->cli->conf, &why);
	if (r == 0)
		say(check, OK, "data folder", "%s: will be made at the first start", folder);
	else
		say(check, judge || r == -ENOENT ? verdict_of(r) : WARN, "data folder", "%.*s",
		    STR_ARG(strbuf_str(&why)));
	strbuf_done(&why);
}

static void check_room(struct check *check)
{
	struct strbuf room;
	strbuf_init(&room, 4096);
	int r = preflight_room(check->cli->conf, &room);
	if (room.len)
		say(check, r < 0 ? FAIL_DISK : r > 0 ? WARN : OK, "disk", "%.*s", STR_ARG(strbuf_str(&room)));
	strbuf_done(&room);
}

static void check_folder(struct check *check)
{
	const char *folder = check->cli->conf->storage->data_dir;
	struct stat st;
	if (stat(folder, &st) < 0) {
		if (errno == ENOENT)
			check_new_folder(check);
		else
			say(check, verdict_of(-errno), "data folder", "%s: %s", folder, strerror(errno));
		return;
	}
	if (!S_ISDIR(st.st_mode))
		say(check, FAIL, "data folder", "%s: is not a folder", folder);
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		say(check, WARN, "data folder", "%s: others can look into it; chmod 700 it", folder);
	else if (server_uid(check) >= 0 && st.st_uid != (uid_t)server_uid(check) && geteuid() != 0)
		say(check, FAIL, "data folder", "%s: belongs to another user (uid %u)", folder, st.st_uid);
	else
		say(check, OK, "data folder", "%s", folder);
}

static void check_database(struct check *check)
{
	struct cli *cli = check->cli;
	struct conf_error error = {""};
	int r = reader_open(&cli->reader, cli->conf->storage, &error);
	char *path = xasprintf("%s/servelo.db", cli->conf->storage->data_dir);
	struct stat st;
	if (stat(path, &st) == 0 && st.st_mode & (S_IRWXG | S_IRWXO))
		say(check, WARN, "database", "%s: others can look into it; chmod 600 it", path);
	free(path);
	if (r == -ENOENT)
		say(check, OK, "database", "will be made at the first start");
	else if (r < 0)
		say(check, r == -EACCES ? WARN : verdict_of(r), "database", "%s",
		    error.text[0] ? error.text : strerror(-r));
	else
		say(check, OK, "database", "can be read");
}

static void check_user(struct check *check)
{
	const struct process_conf *conf = check->cli->conf->process;
	if (conf->user[0] && !getpwnam(conf->user))
		say(check, FAIL, "user", "process.user: there is no user \"%s\" on this system", conf->user);
	else if (conf->group[0] && !getgrnam(conf->group))
		say(check, FAIL, "user", "process.group: there is no group \"%s\" on this system",
		    conf->group);
	else if (conf->user[0])
		say(check, OK, "user", "%s%s%s", conf->user, conf->group[0] ? ", group " : "", conf->group);
	else if (geteuid() == 0)
		say(check, WARN, "user", "started as root the server would stay root; set process.user");
	else
		say(check, OK, "user", "whoever starts it");
}

static void say_lines(struct check *check, enum verdict verdict, const char *what, struct str lines)
{
	for (; lines.len; lines = str_sub(lines, str_find(lines, '\n') + 1, lines.len))
		say(check, verdict, what, "%.*s", STR_ARG(str_sub(lines, 0, str_find(lines, '\n'))));
}

/* With the eyes of the user that the server becomes. Only root can borrow them. */
static void check_access(struct check *check)
{
	const struct server_conf *conf = check->cli->conf;
	struct privileges privileges;
	struct conf_error error;
	struct strbuf lines;
	strbuf_init(&lines, 64 * 1024);
	if (geteuid() != 0 && server_uid(check) != (int64_t)geteuid()) {
		say(check, WARN, "access", "run this as root to see what %s may read", conf->process->user);
	} else if (privileges_find(&privileges, conf->process->user, conf->process->group, &error) == 0) {
		int r = preflight_access(conf, &privileges, &lines);
		if (r < 0)
			say(check, FAIL, "access", "becoming %s: %s", conf->process->user, strerror(-r));
		say_lines(check, FAIL, "access", strbuf_str(&lines));
		if (r == 0 && lines.len == 0)
			say(check, OK, "access", "configuration, certificates and data can be read again");
	}
	strbuf_clear(&lines);
	preflight_descriptors(conf, &lines);
	say_lines(check, WARN, "descriptors", strbuf_str(&lines));
	strbuf_done(&lines);
}

static void check_names(struct check *check)
{
	struct strbuf warnings, loops;
	strbuf_init(&warnings, 64 * 1024);
	strbuf_init(&loops, 64 * 1024);
	preflight_names(check->cli->conf, &warnings, &loops);
	say_lines(check, FAIL, "names", strbuf_str(&loops));
	say_lines(check, WARN, "names", strbuf_str(&warnings));
	strbuf_done(&warnings);
	strbuf_done(&loops);
}

/* ---- network ---- */

/* The result of a request without arguments, NULL when there was none. */
static json_t *ask(struct control_client *client, const char *request)
{
	struct strbuf answer;
	json_t *result = NULL;
	strbuf_init(&answer, CONTROL_ANSWER_MAX + 65536);
	if (control_client_ask(client, str_from(request), &answer) == 0) {
		json_t *object = json_loadb(answer.ptr, answer.len, 0, NULL);
		result = json_incref(json_object_get(object, "result"));
		json_decref(object);
	}
	strbuf_done(&answer);
	return result;
}

static void check_running(struct check *check, struct control_client *client)
{
	json_t *ping = ask(client, "{\"op\":\"ping\"}");
	json_t *stats = ask(client, "{\"op\":\"stats\"}");
	const char *version = json_string_value(json_object_get(ping, "version"));
	if (!version)
		say(check, WARN, "server", "one runs, but does not answer on its control socket");
	else if (strcmp(version, SERVELO_VERSION) != 0)
		say(check, WARN, "server", "version %s runs, this is %s: restart it", version,
		    SERVELO_VERSION);
	else
		say(check, OK, "server", "runs, pid %lld",
		    (long long)json_integer_value(json_object_get(ping, "pid")));
	json_t *healthy = json_object_get(stats, "store.healthy");
	if (json_integer_value(json_object_get(stats, "store.failing_since_ms")) > 0 ||
	    (healthy && json_integer_value(healthy) == 0))
		say(check, FAIL_DISK, "server",
		    "its database takes no writes: senders are told to try again later");
	json_decref(ping);
	json_decref(stats);
}

static void check_server(struct check *check)
{
	const char *path = check->cli->conf->control_path;
	struct control_client *client = NULL;
	int r = control_client_open_within(&client, path, ANSWER_MS);
	check->server_runs = r == 0 || r == -EACCES || r == -EPERM || r == -ETIMEDOUT;
	if (r == 0)
		check_running(check, client);
	else if (r == -ETIMEDOUT)
		say(check, WARN, "server", "one runs, but does not answer on its control socket");
	else if (check->server_runs)
		say(check, OK, "server", "%s is not ours to ask", path);
	else
		say(check, OK, "server", "none runs");
	control_client_close(client);
}

static int try_bind(const struct sockaddr_storage *address, socklen_t len)
{
	const int on = 1;
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	int r = bind(fd, (const struct sockaddr *)address, len) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static void check_listen(struct check *check)
{
	const struct conf_strings *listen = &check->cli->conf->smtp->listen;
	for (size_t i = 0; i < listen->n; i++) {
		struct sockaddr_storage address;
		socklen_t len;
		const char *text = listen->items[i];
		const char *wrong = listen_address_parse(str_from(text), &address, &len);
		if (wrong) {
			say(check, FAIL, "listen", "%s: %s", text, wrong);
			continue;
		}
		int r = check->server_runs ? 0 : try_bind(&address, len);
		if (r == -EACCES && listen_address_port(&address) < PORT_PRIVILEGED)
			say(check, WARN, "listen", "%s: needs root (or CAP_NET_BIND_SERVICE) at the start",
			    text);
		else if (r < 0)
			say(check, WARN, "listen", "%s: %s", text, strerror(-r));
		else
			say(check, OK, "listen", "%s", text);
	}
}

/* ---- the parser child ---- */

static void check_parser(struct check *check)
{
	static const char tiny[] = "From: a@example.org\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n\r\nhello\r\n";
	const struct parser_conf conf = lone_parser_conf(check->cli->conf->ingest, "/proc/self/exe");
	struct lone_parser *lone = NULL;
	struct spooled_mail *mail;
	struct parse_job job;
	int64_t began_us = clock_mono_us();
	int r = lone_parser_open(&lone, &conf);
	if (r == 0)
		r = lone_parser_mail(lone, &mail);
	if (r == 0) {
		r = spooled_mail_append(mail, (struct str){tiny, sizeof(tiny) - 1});
		if (r < 0)
			spooled_mail_discard(mail);
		else
			r = lone_parser_parse(lone, mail, 0, &job);
	}
	if (r < 0) {
		say(check, verdict_of(r), "parser child", "%s", strerror(-r));
	} else {
		bool right = job.status == PARSE_OK && str_eq(job.parsed->subject, STR("caf\xc3\xa9"));
		say(check, right ? OK : FAIL, "parser child",
		    right ? "starts and reads a mail (%s, %lld ms)" : "does not read a mail (%s, %lld ms)",
		    parse_status_name(job.status), (long long)(clock_mono_us() - began_us) / 1000);
		parse_job_done(&job);
	}
	lone_parser_close(lone);
}
