/* The program's configuration as a whole: what is refused, what is warned about, and settings on top. */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "smtpd/server_conf.h"
#include "storage/setting.h"

#define BASIC "mail: {domain: example.org, operator_address: ops@example.org}\n"

struct house {
	char dir[64], path[96];
};

static int remove_entry(const char *path, const struct stat *info UNUSED, int type UNUSED,
			struct FTW *ftw UNUSED)
{
	return remove(path);
}

static int setup(void **state)
{
	struct house *house = calloc(1, sizeof(*house));
	snprintf(house->dir, sizeof(house->dir), "/tmp/servelo-conf-XXXXXX");
	assert_non_null(mkdtemp(house->dir));
	snprintf(house->path, sizeof(house->path), "%s/c.yaml", house->dir);
	*state = house;
	return 0;
}

static int teardown(void **state)
{
	struct house *house = *state;
	nftw(house->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(house);
	return 0;
}

static void write_file(const struct house *house, const char *name, const char *text, mode_t mode)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", house->dir, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static void write_conf(const struct house *house, const char *yaml)
{
	char text[4096];
	snprintf(text, sizeof(text), "%sstorage: {data_dir: data}\n%s", BASIC, yaml);
	write_file(house, "c.yaml", text, 0600);
}

static void test_sections_are_filled(void **state)
{
	struct house *house = *state;
	struct server_conf *conf;
	struct conf_error error = {""};
	char want[128];
	write_conf(house, "tls: {starttls: false}\n");
	assert_int_equal(server_conf_load(&conf, house->path, true, NULL, &error), 0);
	assert_string_equal(conf->path, house->path);
	assert_string_equal(conf->mail->domain, "example.org");
	assert_int_equal(conf->limits->message_size, 35 << 20);
	assert_int_equal(conf->limits->exempt.n, 2);
	assert_int_equal(conf->smtp->listen.n, 2);
	assert_int_equal(conf->log->level, LOG_LEVEL_INFO);
	assert_int_equal(conf->log->format, LOG_FORMAT_TEXT);
	assert_int_equal(conf->process->drain_timeout_ms, 30000);
	assert_int_equal(conf->ingest->repeat_window_ms, INT64_C(14) * 86400000);
	assert_string_equal(conf->relay->host, "");
	assert_int_equal(conf->relay->connections, 4);
	assert_int_equal(conf->secrets->reply_token.n, 0);
	assert_string_equal(conf->outbound->templates, "");
	snprintf(want, sizeof(want), "%s/data", house->dir);
	assert_string_equal(conf->storage->data_dir, want);
	snprintf(want, sizeof(want), "%s/data/control.sock", house->dir);
	assert_string_equal(conf->control_path, want);
	assert_null(server_conf_free(conf));
	assert_null(server_conf_free(NULL));
}

static void test_what_does_not_fit_together_is_refused(void **state)
{
	static const struct {
		const char *yaml, *want;
	} cases[] = {
		{"limits: {data_timeout: 5m, data_total_timeout: 1m}", "data_total_timeout is shorter"},
		{"limits: {stress_timeout: 10m}", "stress_timeout is longer"},
		{"limits: {message_size: 1000}", "limits.message_size: must be at least 64KiB"},
		{"limits: {recipients: 99}", "limits.recipients: must be at least 100"},
		{"limits: {exempt: [10.0.0.0/33]}", "limits.exempt: an address or a network is expected"},
		{"smtp: {listen: []}", "smtp.listen is empty"},
		{"smtp: {listen: [localhost:25]}", "smtp.listen: an address and a port are expected"},
		{"smtp: {listen: [\"127.0.0.1\"]}", "smtp.listen: an address and a port are expected"},
		{"smtp: {listen: [\"127.0.0.1:65536\"]}", "smtp.listen: an address and a port are expected"},
		{"smtp: {listen: [\"::1:25\"]}", "smtp.listen: an address and a port are expected"},
		{"smtp: {banner: \"caf\xc3\xa9\"}", "smtp.banner: only ASCII"},
		{"tls: {certificates: [{chain: gone.pem, key: gone.key}]}",
		 "gone.pem: No such file or directory"},
		{"tls: {certificates: [{chain: open.key, key: open.key}]}", "open.key can be read by others"},
		{"tls: {certificates: [{chain: c.yaml}]}", "tls.certificates.key: is missing"},
		{"tls: {certificates: [{host: \"*\", chain: a, key: b}]}",
		 "tls.certificates.host: a host name"},
		{"ingest: {header_field_max: 1MiB}", "header_field_max is above"},
		{"relay: {host: 192.0.2.1, tls: none}", "relay.tls is none"},
		{"relay: {host: \"-\"}", "relay.host: a host name or an address"},
		{"relay: {host: smtp.example.org, user: me}", "relay.user has no password"},
		{"relay: {host: smtp.example.org, password: secret}", "relay.password is there"},
		{"relay: {host: smtp.example.org, user: me, password_file: open.key}",
		 "open.key can be read by others"},
		{"relay: {host: smtp.example.org, ca_file: gone.pem}", "gone.pem: No such file"},
		{"outbound: {templates: gone}", "gone: No such file"},
		{"outbound: {templates: c.yaml}", "c.yaml is not a folder"},
		{"outbound: {attachments_max: 20MiB}", "outbound.attachments_max: must be at most"},
		{"secrets: {reply_token: relative.key}", "secrets.reply_token: an absolute path"},
		{"secrets: {reply_token: [/nonexistent/key]}", "/nonexistent/key: No such file"},
		{"secrets: {reply_token: [/dev/null]}", "/dev/null is not a file"},
		{"process: {group: mail}", "process.group is given without"},
		{"process: {control: /"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaaaaaaaaa"
		 "}",
		 "control socket is too long"},
		{"forwards: {reply: a@b}", "\"reply\" has a meaning of its own"},
		{"forwards: {desk: nobody}", "forwards: an address is expected"},
		{"tenants: {declare: [{slug: abuse, admin_email: a@b}]}",
		 "tenants.declare.slug: the name is reserved"},
		{"tenants: {declare: [{slug: acme, admin_email: a@EXAMPLE.org}]}",
		 "\"acme\": admin_email: mail to \"a@EXAMPLE.org\" would come back"},
		{"tenants: {declare: [{slug: acme, admin_email: a@b.example,"
		 " notify_email: desk@example.org}]}",
		 "notify_email: mail to"},
		{"tenants: {locale: tlh}", "tenants.locale: there are no templates in \"tlh\""},
		{"tenants: {declare: [{slug: acme, admin_email: a@b.example, locale: tlh}]}",
		 "\"acme\": locale: there are no templates in \"tlh\""},
	};
	struct house *house = *state;
	write_file(house, "open.key", "", 0644);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct server_conf *conf;
		struct conf_error error = {""};
		write_conf(house, cases[i].yaml);
		assert_int_equal(server_conf_load(&conf, house->path, true, NULL, &error), -EINVAL);
		char place[128]; /* the third line, also for what is only known when all sections are there */
		snprintf(place, sizeof(place), "%s:3:", house->path);
		if (!strstr(error.text, cases[i].want) || !str_starts(str_from(error.text), str_from(place)))
			fail_msg("%s: %s", cases[i].yaml, error.text);
	}
}

static void test_good_addresses_to_listen_on(void **state)
{
	struct house *house = *state;
	struct server_conf *conf;
	struct conf_error error = {""};
	write_conf(house, "smtp: {listen: [\"0.0.0.0:0\", \"[::]:25\", \"[2001:db8::1]:65535\"]}");
	if (server_conf_load(&conf, house->path, false, NULL, &error) < 0)
		fail_msg("%s", error.text);
	server_conf_free(conf);
}

static void test_warnings(void **state)
{
	struct house *house = *state;
	struct server_conf *conf;
	struct conf_error error = {""};
	struct strbuf warnings;
	strbuf_init(&warnings, 4096);
	write_conf(house, "limits: {command_timeout: 1s, stress_timeout: 500ms, data_timeout: 1s}");
	assert_int_equal(server_conf_load(&conf, house->path, true, &warnings, &error), 0);
	assert_string_equal(warnings.ptr,
			    "limits.command_timeout is below the 5 minutes of RFC 5321 4.5.3.2.7\n"
			    "limits.data_timeout is below the 3 minutes of RFC 5321 4.5.3.2.5\n"
			    "tls.certificates is empty: STARTTLS is not offered, mail comes in plain text\n");
	strbuf_done(&warnings);
	server_conf_free(conf);
}

static void test_a_file_that_is_not_there(void **state)
{
	(void)state;
	struct server_conf *conf;
	struct conf_error error = {""};
	assert_int_equal(server_conf_load(&conf, "/nonexistent/c.yaml", true, NULL, &error), -ENOENT);
	assert_string_equal(error.text, "/nonexistent/c.yaml: No such file or directory");
}

static void test_without_any_file(void **state)
{
	(void)state;
	struct server_conf *conf;
	struct conf_error error = {""};
	unsetenv("SERVELO_CONFIG");
	if (access("/etc/servelo/config.yaml", F_OK) == 0)
		skip();
	assert_int_equal(server_conf_load(&conf, NULL, true, NULL, &error), -EINVAL);
	assert_true(
		str_starts(str_from(error.text), STR("there is no /etc/servelo/config.yaml; name one with "
						     "--config or SERVELO_CONFIG")));
	assert_non_null(strstr(error.text, "mail.domain is missing"));
}

/* ---- settings ---- */

struct set {
	struct store_job job;
	const char *key, *value;
};

static int apply_set(struct store_job *job, struct store_txn *txn)
{
	struct set *set = CONTAINER_OF(job, struct set, job);
	return setting_set(txn, str_from(set->key), str_from(set->value), 1);
}

static void store_setting(const struct house *house, const char *key, const char *value)
{
	struct server_conf *conf;
	struct conf_error error = {""};
	struct store *store;
	struct set set = {.job = {.apply = apply_set}, .key = key, .value = value};
	assert_int_equal(server_conf_load(&conf, house->path, false, NULL, &error), 0);
	assert_int_equal(store_open(&store, NULL, conf->storage, &error), 0);
	assert_int_equal(store_run(store, &set.job), 0);
	store_close(store);
	server_conf_free(conf);
}

static void test_settings_of_the_database_win_over_the_file(void **state)
{
	struct house *house = *state;
	struct server_conf *conf;
	struct conf_error error = {""};
	struct strbuf warnings;
	strbuf_init(&warnings, 4096);
	write_conf(house, "limits: {message_size: 10MiB}\ntls: {starttls: false}");
	store_setting(house, "limits.message_size", "20MiB");
	store_setting(house, "limits.forgotten", "1");
	assert_int_equal(server_conf_load(&conf, house->path, true, &warnings, &error), 0);
	assert_int_equal(conf->limits->message_size, 20 << 20);
	assert_string_equal(warnings.ptr, "setting limits.forgotten is skipped: there is no such option\n");
	strbuf_done(&warnings);
	server_conf_free(conf);
	assert_int_equal(server_conf_load(&conf, house->path, false, NULL, &error), 0);
	assert_int_equal(conf->limits->message_size, 10 << 20);
	server_conf_free(conf);
}

static void test_no_start_fails_by_a_setting(void **state)
{
	struct house *house = *state;
	struct server_conf *conf;
	struct conf_error error = {""};
	struct strbuf warnings;
	strbuf_init(&warnings, 4096);
	write_conf(house, "tls: {starttls: false}");
	store_setting(house, "limits.data_timeout", "20m");
	write_conf(house, "limits: {data_total_timeout: 10m}\ntls: {starttls: false}");
	assert_int_equal(server_conf_load(&conf, house->path, true, &warnings, &error), 0);
	assert_int_equal(conf->limits->data_timeout_ms, 180000);
	assert_non_null(strstr(warnings.ptr, "the settings in the database are ignored: "));
	assert_non_null(strstr(warnings.ptr, "data_total_timeout is shorter"));
	strbuf_done(&warnings);
	server_conf_free(conf);
	/* Without it everything fits again. */
	assert_int_equal(server_conf_try_setting(house->path, "limits.data_timeout", NULL, &error), 0);
}

static void test_a_setting_is_tried_before_it_is_stored(void **state)
{
	static const struct {
		const char *key, *value;
		int want;
		const char *text;
	} cases[] = {
		{"limits.message_size", "20MiB", 0, ""},
		{"limits.message_size", "20", -EINVAL, "must be at least 64KiB"},
		{"limits.mesage_size", "20MiB", -ENOENT, "did you mean \"limits.message_size\"?"},
		{"smtp.listen", "127.0.0.1:25", -EPERM, "smtp.listen can't be set while running"},
		{"limits.data_timeout", "2h", -EINVAL, "data_total_timeout is shorter"},
		{"limits.stress_timeout", "4m", -EINVAL, "stress_timeout is longer"},
		{"log.level", "debug", 0, ""},
		{"relay.rate", "600", 0, ""},
		{"relay.host", "smtp.example.org", -EPERM, "relay.host can't be set while running"},
		{"outbound.attachments_max", "1MiB", 0, ""},
		{"tenants.blocked_extensions", "none", 0, ""},
	};
	struct house *house = *state;
	write_conf(house, "");
	store_setting(house, "limits.command_timeout", "3m");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf_error error = {""};
		int r = server_conf_try_setting(house->path, cases[i].key, cases[i].value, &error);
		if (r != cases[i].want || !strstr(error.text, cases[i].text))
			fail_msg("%s: %d %s", cases[i].key, r, error.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sections_are_filled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_does_not_fit_together_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_good_addresses_to_listen_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_warnings, setup, teardown),
		cmocka_unit_test(test_a_file_that_is_not_there),
		cmocka_unit_test(test_without_any_file),
		cmocka_unit_test_setup_teardown(test_settings_of_the_database_win_over_the_file, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_no_start_fails_by_a_setting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_setting_is_tried_before_it_is_stored, setup, teardown),
	};
	/* What the machine's environment says must not decide. */
	unsetenv("SERVELO_CONFIG");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
