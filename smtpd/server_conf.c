/*
 * The whole configuration: all tables, loaded together, checked together.
 *
 * The settings of an administrator are in the database, and where that is the file says: so a load with
 * settings is two, one to find the database and one with what it holds. A database that is not there yet has
 * no settings; one that can't be read is a warning, for it is no reason not to show a configuration (and a
 * server that starts will fail at opening it, with a better message).
 *
 * Loop or main thread.
 */
#include "smtpd/server_conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "outbound/templates.h"
#include "smtpd/control_path.h"
#include "storage/reader.h"

#define DEFAULT_PATH "/etc/servelo/config.yaml"
#define SETTINGS_MAX 1000
#define TEXTS_MAX    (4 * 1024 * 1024)

/* What is behind a server_conf. */
struct loaded {
	struct server_conf conf;
	char *path; /* NULL: no file */
};

struct settings {
	struct arena arena;
	struct conf_setting *items;
	size_t n, allocated;
};

/* ---- sections of the program itself ---- */

static const char *const level_choices[] = {"error", "warn", "info", "debug", NULL};
static const char *const format_choices[] = {"text", "json", NULL};

static const struct conf_option log_options[] = {
	{"level", CONF_ENUM, offsetof(struct log_conf, level), .def = "info", .choices = level_choices,
	 .flags = CONF_RUNTIME, .help = "how much is logged: error, warn, info or debug"},
	{"format", CONF_ENUM, offsetof(struct log_conf, format), .def = "text", .choices = format_choices,
	 .flags = CONF_RUNTIME, .help = "text for people (key=value), json for programs"},
};
static const struct conf_table log_conf_table = {"log", sizeof(struct log_conf), log_options,
						 ARRAY_SIZE(log_options)};

static const struct conf_option process_options[] = {
	{"user", CONF_STRING, offsetof(struct process_conf, user), .def = "", .flags = CONF_RESTART,
	 .help = "the user to become when started as root, after binding; empty: stay"},
	{"group", CONF_STRING, offsetof(struct process_conf, group), .def = "", .flags = CONF_RESTART,
	 .help = "the group to become; empty: the user's own"},
	{"control", CONF_PATH, offsetof(struct process_conf, control), .def = "", .flags = CONF_RESTART,
	 .help = "path of the control socket; empty: control.sock in storage.data_dir"},
	{"workers", CONF_INT, offsetof(struct process_conf, workers), .def = "4", .min = 1, .max = 256,
	 .flags = CONF_RESTART, .help = "threads for what may block, like syncing big mails to disk"},
	{"drain_timeout", CONF_DURATION, offsetof(struct process_conf, drain_timeout_ms), .def = "30s",
	 .min = 0, .max = 3600000,
	 .help = "how long mails under way may still take after SIGTERM; then their clients get 421"},
	{"confine", CONF_BOOL, offsetof(struct process_conf, confine), .def = "true", .flags = CONF_RESTART,
	 .help = "have the kernel (Landlock) keep the server from changing any files but its own, and from "
		 "running anything but itself"},
};
static const struct conf_table process_conf_table = {"process", sizeof(struct process_conf), process_options,
						     ARRAY_SIZE(process_options)};

static const struct conf_table *const tables[] = {
	&mail_conf_table,    &forwards_conf_table, &tenant_conf_table,  &smtp_conf_table,
	&limits_conf_table,  &certs_conf_table,    &storage_conf_table, &ingest_conf_table,
	&relay_conf_table,   &outbound_conf_table, &secrets_conf_table, &log_conf_table,
	&process_conf_table,
};

/* Variables of ours that are no options. */
static const char *const other_variables[] = {"SERVELO_CONFIG",
					      "SERVELO_CORPORA",
					      "SERVELO_RELEASE",
					      "SERVELO_VERSION",
					      "SERVELO_TEST_WORKERS",
					      "SERVELO_TEST_DEADLINE",
					      NULL};

const struct conf_table *const *server_conf_tables(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(tables);
	return tables;
}

/* ---- loading ---- */

static int check_together(const struct server_conf *conf, struct strbuf *warnings, struct conf_error *reterr);

static int fail(struct conf_error *reterr, const char *fmt, ...) PRINTF_LIKE(2, 3);

static int fail(struct conf_error *reterr, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (reterr)
		vsnprintf(reterr->text, sizeof(reterr->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static void warn(struct strbuf *warnings, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void warn(struct strbuf *warnings, const char *fmt, ...)
{
	va_list ap;
	if (!warnings)
		return;
	va_start(ap, fmt);
	strbuf_vprintf(warnings, fmt, ap);
	va_end(ap);
	strbuf_addc(warnings, '\n');
}

/* What was asked for, else the environment's, else the usual place if there is something. NULL: no file. */
static char *choose_path(const char *path)
{
	const char *variable = getenv("SERVELO_CONFIG");
	if (path)
		return xstrdup(path);
	if (variable && variable[0])
		return xstrdup(variable);
	return access(DEFAULT_PATH, F_OK) == 0 ? xstrdup(DEFAULT_PATH) : NULL;
}

/* Without a file a configuration may still be whole, by the environment. When it is not, the file is what is missing. */
static void no_file(struct conf_error *reterr)
{
	struct conf_error why;
	if (!reterr || str_starts(str_from(reterr->text), STR("environment:")))
		return;
	why = *reterr;
	fail(reterr, "there is no " DEFAULT_PATH "; name one with --config or SERVELO_CONFIG (%.300s)",
	     why.text);
}

static int load_once(struct conf **ret, const char *path, const struct settings *settings,
		     struct strbuf *warnings, struct conf_error *reterr)
{
	return conf_load(ret, path, tables, ARRAY_SIZE(tables), environ, other_variables, settings->items,
			 settings->n, warnings, reterr);
}

static void settings_init(struct settings *settings)
{
	*settings = (struct settings){.items = NULL};
	arena_init(&settings->arena, TEXTS_MAX);
}

static void settings_done(struct settings *settings)
{
	arena_done(&settings->arena);
	free(settings->items);
}

static bool settings_add(void *ctx, struct str key, struct str value, int64_t updated_ms UNUSED)
{
	struct settings *settings = ctx;
	struct str key_copy, value_copy;
	if (settings->n >= SETTINGS_MAX || arena_copy(&settings->arena, key, &key_copy) < 0 ||
	    arena_copy(&settings->arena, value, &value_copy) < 0)
		return false;
	if (settings->n == settings->allocated) {
		settings->allocated = settings->allocated ? settings->allocated * 2 : 16;
		settings->items =
			xreallocarray(settings->items, settings->allocated, sizeof(settings->items[0]));
	}
	settings->items[settings->n++] = (struct conf_setting){key_copy.ptr, value_copy.ptr};
	return true;
}

static void settings_drop(struct settings *settings, const char *key)
{
	size_t kept = 0;
	for (size_t i = 0; i < settings->n; i++) {
		if (strcmp(settings->items[i].key, key) != 0)
			settings->items[kept++] = settings->items[i];
	}
	settings->n = kept;
}

/* What the database holds, when there is one. */
static void settings_read(struct settings *settings, const struct conf *conf, struct strbuf *warnings)
{
	struct reader *reader;
	struct conf_error error = {""};
	int r = reader_open(&reader, conf_section(conf, "storage"), &error);
	if (r == -ENOENT)
		return;
	if (r == 0) {
		r = reader_settings(reader, settings_add, settings);
		reader_close(reader);
	}
	if (r < 0)
		warn(warnings, "settings in the database can't be read: %s",
		     error.text[0] ? error.text : strerror(-r));
}

static void find_sections(struct server_conf *conf, struct conf *loaded)
{
	conf->conf = loaded;
	conf->mail = conf_section(loaded, "mail");
	conf->forwards = conf_section(loaded, "forwards");
	conf->tenants = conf_section(loaded, "tenants");
	conf->smtp = conf_section(loaded, "smtp");
	conf->limits = conf_section(loaded, "limits");
	conf->tls = conf_section(loaded, "tls");
	conf->storage = conf_section(loaded, "storage");
	conf->ingest = conf_section(loaded, "ingest");
	conf->relay = conf_section(loaded, "relay");
	conf->outbound = conf_section(loaded, "outbound");
	conf->secrets = conf_section(loaded, "secrets");
	conf->log = conf_section(loaded, "log");
	conf->process = conf_section(loaded, "process");
	conf->control_path = conf->process->control[0]
				     ? xstrdup(conf->process->control)
				     : xasprintf("%s/control.sock", conf->storage->data_dir);
}

/* Whole or not at all, with these settings. */
static int load(struct server_conf **ret, const char *path, const struct settings *settings,
		struct strbuf *warnings, struct conf_error *reterr)
{
	struct loaded *loaded = XNEW(struct loaded);
	struct conf *conf = NULL;
	loaded->path = choose_path(path);
	loaded->conf.path = loaded->path ? loaded->path : "(defaults)";
	int r = load_once(&conf, loaded->path, settings, warnings, reterr);
	if (r == 0) {
		find_sections(&loaded->conf, conf);
		r = check_together(&loaded->conf, warnings, reterr);
	}
	if (r < 0) {
		if (!loaded->path)
			no_file(reterr);
		server_conf_free(&loaded->conf);
		return r;
	}
	*ret = &loaded->conf;
	return 0;
}

/* The settings that the database of this configuration holds. */
static int settings_find(struct settings *settings, const char *path, struct strbuf *warnings,
			 struct conf_error *reterr)
{
	static const struct settings none;
	struct conf *conf;
	char *chosen = choose_path(path);
	int r = load_once(&conf, chosen, &none, NULL, reterr);
	if (r < 0 && !chosen)
		no_file(reterr);
	free(chosen);
	if (r < 0)
		return r;
	settings_read(settings, conf, warnings);
	conf_free(conf);
	return 0;
}

int server_conf_load(struct server_conf **ret, const char *path, bool with_settings,
		     struct strbuf *ret_warnings, struct conf_error *reterr)
{
	static const struct settings none;
	struct settings settings;
	struct conf_error error = {""};
	settings_init(&settings);
	int r = with_settings ? settings_find(&settings, path, ret_warnings, &error) : 0;
	if (r == 0)
		r = load(ret, path, &settings, ret_warnings, &error);
	/* A file that was changed since may contradict a setting. No start fails by that: the file wins. */
	if (r < 0 && settings.n > 0 && load(ret, path, &none, NULL, NULL) == 0) {
		warn(ret_warnings, "the settings in the database are ignored: %s", error.text);
		r = 0;
	}
	if (r < 0 && reterr)
		*reterr = error;
	settings_done(&settings);
	return r;
}

static void add_quoted(struct strbuf *out, const char *text)
{
	for (strbuf_addc(out, '\''); *text; text++)
		strbuf_adds(out, *text == '\'' ? "''" : (const char[]){*text, 0});
	strbuf_addc(out, '\'');
}

int server_conf_load_places(struct server_conf **ret, const char *path, struct conf_error *reterr)
{
	static const char *const keys[] = {"storage.data_dir", "process.control", "mail.domain"};
	char *values[ARRAY_SIZE(keys)] = {NULL};
	struct conf *conf = NULL;
	struct strbuf yaml;
	char *chosen = choose_path(path);
	strbuf_init(&yaml, 65536);
	int r = chosen ? conf_peek(chosen, keys, ARRAY_SIZE(keys), values) : -ENOENT;
	if (r == 0 && !values[0] && !getenv("SERVELO_STORAGE_DATA_DIR"))
		r = -ENOENT;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(keys); i++) {
		if (!values[i])
			continue;
		strbuf_printf(&yaml, "%.*s: {%s: ", (int)str_find(str_from(keys[i]), '.'), keys[i],
			      strchr(keys[i], '.') + 1);
		add_quoted(&yaml, values[i]);
		strbuf_adds(&yaml, "}\n");
	}
	if (r == 0)
		r = conf_load_memory(&conf, strbuf_str(&yaml), chosen, tables, ARRAY_SIZE(tables), environ,
				     other_variables, NULL, 0, NULL, reterr);
	if (r == 0) {
		struct loaded *loaded = XNEW(struct loaded);
		loaded->path = chosen;
		loaded->conf.path = chosen;
		find_sections(&loaded->conf, conf);
		*ret = &loaded->conf;
	} else {
		free(chosen);
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		free(values[i]);
	strbuf_done(&yaml);
	return r;
}

struct server_conf *server_conf_free(struct server_conf *conf)
{
	if (!conf)
		return NULL;
	struct loaded *loaded = CONTAINER_OF(conf, struct loaded, conf);
	conf_free(conf->conf);
	free(conf->control_path);
	free(loaded->path);
	free(loaded);
	return NULL;
}

/* Today's settings with one changed. */
static int load_changed(const char *path, const char *key, const char *value, struct conf_error *reterr)
{
	struct server_conf *conf = NULL;
	struct settings settings;
	settings_init(&settings);
	int r = settings_find(&settings, path, NULL, reterr);
	if (r == 0) {
		settings_drop(&settings, key);
		if (value && !settings_add(&settings, str_from(key), str_from(value), 0))
			r = fail(reterr, "too many settings");
	}
	if (r == 0)
		r = load(&conf, path, &settings, NULL, reterr);
	server_conf_free(conf);
	settings_done(&settings);
	return r;
}

int server_conf_try_setting(const char *path, const char *key, const char *value, struct conf_error *reterr)
{
	/* Taking a setting away is right whatever it is, as long as the rest fits together without it. */
	int r = value ? conf_check_setting(tables, ARRAY_SIZE(tables), key, value, reterr) : 0;
	return r < 0 ? r : load_changed(path, key, value, reterr);
}

/* ---- what must be true of the sections together ---- */

static int check_limits(const struct limits_conf *limits, struct strbuf *warnings, struct conf_error *reterr)
{
	const int64_t minute = 60000;
	if (limits->data_total_timeout_ms < limits->data_timeout_ms)
		return fail(reterr, "limits.data_total_timeout is shorter than limits.data_timeout");
	if (limits->stress_timeout_ms > limits->command_timeout_ms)
		return fail(reterr, "limits.stress_timeout is longer than limits.command_timeout");
	if (limits->connections_per_client > limits->connections)
		warn(warnings, "limits.connections_per_client is above limits.connections and has no effect");
	if (limits->connections_per_client > limits->connections_per_network ||
	    limits->connections_per_network > limits->connections_per_block)
		warn(warnings,
		     "limits.connections_per_client, _network and _block should grow in this order");
	if (limits->line_length > limits->message_size)
		return fail(reterr, "limits.line_length is above limits.message_size");
	if (limits->command_timeout_ms < 5 * minute)
		warn(warnings, "limits.command_timeout is below the 5 minutes of RFC 5321 4.5.3.2.7");
	if (limits->data_timeout_ms < 3 * minute)
		warn(warnings, "limits.data_timeout is below the 3 minutes of RFC 5321 4.5.3.2.5");
	return 0;
}

/* A file that is there, or of which we can't know because its folder is closed to us. path "": none is named. */
static int check_file(const char *option, const char *path, bool is_private, struct conf_error *reterr)
{
	struct stat info;
	if (!path[0])
		return 0;
	if (stat(path, &info) < 0)
		return errno == EACCES ? 0 : fail(reterr, "%s: %s: %s", option, path, strerror(errno));
	if (!S_ISREG(info.st_mode))
		return fail(reterr, "%s: %s is not a file", option, path);
	if (is_private && info.st_mode & (S_IRWXG | S_IRWXO))
		return fail(reterr, "%s: %s can be read by others than its owner; chmod 600 it", option,
			    path);
	return 0;
}

static int check_folder(const char *option, const char *path, struct conf_error *reterr)
{
	struct stat info;
	if (!path[0])
		return 0;
	if (stat(path, &info) < 0)
		return errno == EACCES ? 0 : fail(reterr, "%s: %s: %s", option, path, strerror(errno));
	return S_ISDIR(info.st_mode) ? 0 : fail(reterr, "%s: %s is not a folder", option, path);
}

static int check_tls(const struct certs_conf *tls, struct strbuf *warnings, struct conf_error *reterr)
{
	const struct cert_conf *certs = tls->certificates.items;
	for (size_t i = 0; i < tls->certificates.n; i++) {
		int r = check_file("tls.certificates", certs[i].chain, false, reterr);
		if (r == 0)
			r = check_file("tls.certificates", certs[i].key, true, reterr);
		if (r < 0)
			return r;
	}
	if (tls->starttls && tls->certificates.n == 0)
		warn(warnings,
		     "tls.certificates is empty: STARTTLS is not offered, mail comes in plain text");
	return 0;
}

static int check_storage(const struct storage_conf *storage, struct conf_error *reterr)
{
	if (storage->data_dir[0] == '\0')
		return fail(reterr, "storage.data_dir is empty");
	if (storage->memory_total_max < storage->memory_max)
		return fail(reterr, "storage.memory_total_max is below storage.memory_max");
	return 0;
}

static int check_ingest(const struct ingest_conf *ingest, struct conf_error *reterr)
{
	if (ingest->header_field_max > ingest->header_max)
		return fail(reterr, "ingest.header_field_max is above ingest.header_max");
	return 0;
}

static int check_secrets(const struct secrets_conf *secrets, struct conf_error *reterr)
{
	for (size_t i = 0; i < secrets->reply_token.n; i++) {
		int r = check_file("secrets.reply_token", secrets->reply_token.items[i], true, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_outbound(const struct server_conf *conf, struct conf_error *reterr)
{
	const struct relay_conf *relay = conf->relay;
	int r = relay->host[0] ? relay_conf_check(relay, reterr) : 0;
	if (r == 0)
		r = check_file("relay.ca_file", relay->ca_file, false, reterr);
	if (r == 0)
		r = check_file("relay.password_file", relay->password_file, true, reterr);
	if (r == 0)
		r = check_folder("outbound.templates", conf->outbound->templates, reterr);
	return r;
}

/* Mail to it would come back to this server. */
static bool in_own_domain(const struct server_conf *conf, const char *address)
{
	const char *at = strrchr(address, '@');
	return at && str_ieq(str_from(at + 1), str_from(conf->mail->domain));
}

/* What `servelo tenant add` would decline of a tenant (admin_tenant_fields.c). */
static int check_declared_tenant(const struct server_conf *conf, const struct declared_tenant *tenant,
				 struct conf_error *reterr)
{
	const char *const addresses[] = {tenant->admin_email, tenant->notify_email};
	static const char *const names[] = {"admin_email", "notify_email"};
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		if (in_own_domain(conf, addresses[i]))
			return fail(reterr,
				    "tenants.declare: \"%s\": %s: mail to \"%.256s\" would come back to this "
				    "server (mail.domain is %s)",
				    tenant->slug, names[i], addresses[i], conf->mail->domain);
	}
	if (tenant->locale[0] && !templates_has_locale(str_from(tenant->locale)))
		return fail(reterr, "tenants.declare: \"%s\": locale: there are no templates in \"%s\"",
			    tenant->slug, tenant->locale);
	return 0;
}

static int check_tenants(const struct server_conf *conf, struct conf_error *reterr)
{
	const struct declared_tenant *tenants = conf->tenants->declare.items;
	int r = tenant_conf_check(conf->mail, conf->forwards, conf->tenants, reterr);
	if (r == 0 && !templates_has_locale(str_from(conf->tenants->locale)))
		r = fail(reterr, "tenants.locale: there are no templates in \"%s\"", conf->tenants->locale);
	for (size_t i = 0; r == 0 && i < conf->tenants->declare.n; i++)
		r = check_declared_tenant(conf, &tenants[i], reterr);
	return r;
}

static int check_process(const struct server_conf *conf, struct conf_error *reterr)
{
	struct sockaddr_un address;
	if (control_address(conf->control_path, &address) < 0)
		return fail(reterr,
			    "%s: the path of the control socket is too long (107 octets are possible): %s",
			    conf->process->control[0] ? "process.control" : "storage.data_dir",
			    conf->control_path);
	if (conf->process->group[0] && !conf->process->user[0])
		return fail(reterr, "process.group is given without process.user");
	return 0;
}

/* The texts of these checks begin with the option that is to blame: where it stands in the file is said too. */
static int fail_at_option(const struct server_conf *conf, const char *text, struct conf_error *reterr)
{
	size_t end = strcspn(text, " :");
	unsigned line, column;
	if (conf_position(conf->conf, (struct str){text, end}, &line, &column))
		return fail(reterr, "%s:%u:%u: %.400s", conf->path, line, column, text);
	if (conf->path[0] == '(') /* no file */
		return fail(reterr, "%.400s", text);
	return fail(reterr, "%s: %.400s", conf->path, text);
}

static int check_together(const struct server_conf *conf, struct strbuf *warnings, struct conf_error *reterr)
{
	struct conf_error error = {""};
	int r = check_tenants(conf, &error);
	if (r == 0 && conf->smtp->listen.n == 0)
		r = fail(&error, "smtp.listen is empty");
	if (r == 0)
		r = check_limits(conf->limits, warnings, &error);
	if (r == 0)
		r = check_tls(conf->tls, warnings, &error);
	if (r == 0)
		r = check_storage(conf->storage, &error);
	if (r == 0)
		r = check_ingest(conf->ingest, &error);
	if (r == 0)
		r = check_secrets(conf->secrets, &error);
	if (r == 0)
		r = check_outbound(conf, &error);
	if (r == 0)
		r = check_process(conf, &error);
	if (r < 0)
		fail_at_option(conf, error.text, reterr);
	return r;
}
