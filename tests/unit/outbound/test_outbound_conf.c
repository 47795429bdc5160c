/* Options of the relay: defaults, what is refused alone, and what is refused together. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "outbound/outbound_conf.h"
#include "outbound/smtp_auth.h"

static const struct conf_table *const tables[] = {&relay_conf_table, &secrets_conf_table,
						  &outbound_conf_table};
static char dir[] = "/tmp/servelo-relay-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	char *command = xasprintf("rm -rf '%s'", dir);
	int r = system(command);
	free(command);
	return r;
}

static int load(struct conf **ret, const char *yaml, struct conf_error *reterr)
{
	return conf_load_memory(ret, str_from(yaml), "config.yaml", tables, ARRAY_SIZE(tables), NULL, NULL,
				NULL, 0, NULL, reterr);
}

static struct conf *load_good(const char *yaml)
{
	struct conf *conf = NULL;
	struct conf_error error = {""};
	if (load(&conf, yaml, &error) < 0)
		fail_msg("%s: %s", yaml, error.text);
	return conf;
}

static void test_defaults(void **state)
{
	(void)state;
	struct conf *conf = load_good("");
	const struct relay_conf *relay = conf_section(conf, "relay");
	const struct secrets_conf *secrets = conf_section(conf, "secrets");
	const struct outbound_conf *outbound = conf_section(conf, "outbound");
	assert_string_equal(outbound->templates, "");
	assert_int_equal(outbound->attachments_max, 18 * 1024 * 1024);
	assert_string_equal(relay->host, "");
	assert_int_equal(relay->tls, SMTP_TLS_STARTTLS);
	assert_string_equal(relay->ca_file, "");
	assert_string_equal(relay->password, "");
	assert_string_equal(relay->password_file, "");
	assert_int_equal(relay->connections, 4);
	/* RFC 5321 4.5.3.2 */
	assert_int_equal(relay->greeting_timeout_ms, 5 * 60000);
	assert_int_equal(relay->command_timeout_ms, 5 * 60000);
	assert_int_equal(relay->data_timeout_ms, 2 * 60000);
	assert_int_equal(relay->block_timeout_ms, 3 * 60000);
	assert_int_equal(relay->end_timeout_ms, 10 * 60000);
	assert_int_equal(secrets->reply_token.n, 0);
	conf_free(conf);
}

static void test_single_options(void **state)
{
	(void)state;
	static const struct {
		const char *yaml;
		int want;
	} cases[] = {
		{"relay: {host: smtp.example.com}", 0},
		{"relay: {host: 127.0.0.1}", 0},
		{"relay: {host: \"::1\"}", 0},
		{"relay: {host: \"a b\"}", -EINVAL},
		{"relay: {host: \"smtp.example.com:587\"}", -EINVAL},
		{"relay: {host: \"[::1]\"}", -EINVAL},
		{"relay: {port: 65535}", 0},
		{"relay: {port: 65536}", -EINVAL},
		{"relay: {tls: implicit}", 0},
		{"relay: {tls: maybe}", -EINVAL},
		{"relay: {auth: xoauth2}", 0},
		{"relay: {auth: cram-md5}", -EINVAL},
		{"relay: {connections: 0}", -EINVAL},
		{"relay: {connections: 100}", 0},
		{"relay: {mails_per_connection: 0}", -EINVAL},
		{"relay: {rate: 0}", 0},
		{"relay: {end_timeout: 1ms}", -EINVAL},
		{"relay: {end_timeout: 20m}", 0},
		{"relay: {pasword: x}", -EINVAL},
		{"secrets: {reply_token: [/etc/servelo/a.key, /etc/servelo/b.key]}", 0},
		{"secrets: {reply_token: /etc/servelo/a.key}", 0},
		{"secrets: {reply_token: [a.key]}", -EINVAL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf *conf = NULL;
		struct conf_error error = {""};
		int r = load(&conf, cases[i].yaml, &error);
		if (r != cases[i].want)
			fail_msg("%s: %d %s", cases[i].yaml, r, error.text);
		conf_free(conf);
	}
}

static void show(void *ctx, const char *key, const struct conf_option *option, const char *value,
		 const char *origin)
{
	(void)option;
	(void)origin;
	if (strcmp(key, "relay.password") == 0)
		assert_string_equal(value, "(secret)");
	assert_null(strstr(value, "hunter2"));
	(*(unsigned *)ctx)++;
}

static void test_password_is_not_shown(void **state)
{
	(void)state;
	unsigned n = 0;
	struct conf *conf = load_good("relay: {password: hunter2}");
	conf_walk(conf, show, &n);
	assert_true(n > 10);
	conf_free(conf);
}

static void test_settings(void **state)
{
	(void)state;
	static const struct {
		const char *yaml;
		uint16_t port;
		enum smtp_tls tls;
		unsigned auth;
		const char *password;
	} cases[] = {
		{"relay: {host: r.example}", 587, SMTP_TLS_STARTTLS, AUTH_PLAIN | AUTH_LOGIN, ""},
		{"relay: {host: r.example, tls: implicit}", 465, SMTP_TLS_IMPLICIT, AUTH_PLAIN | AUTH_LOGIN,
		 ""},
		{"relay: {host: localhost, tls: none}", 25, SMTP_TLS_NONE, AUTH_PLAIN | AUTH_LOGIN, ""},
		{"relay: {host: 127.0.0.5, tls: none, port: 1025}", 1025, SMTP_TLS_NONE,
		 AUTH_PLAIN | AUTH_LOGIN, ""},
		{"relay: {host: \"::1\", tls: none}", 25, SMTP_TLS_NONE, AUTH_PLAIN | AUTH_LOGIN, ""},
		{"relay: {host: r.example, user: joe, password: pw, auth: login}", 587, SMTP_TLS_STARTTLS,
		 AUTH_LOGIN, "pw"},
		{"relay: {host: r.example, user: joe, password: token, auth: xoauth2}", 587,
		 SMTP_TLS_STARTTLS, AUTH_XOAUTH2, "token"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf *conf = load_good(cases[i].yaml);
		struct relay_settings settings;
		struct conf_error error = {""};
		char *password = NULL;
		if (relay_conf_settings(conf_section(conf, "relay"), "mx.example", &settings, &password,
					&error) < 0)
			fail_msg("%s: %s", cases[i].yaml, error.text);
		assert_int_equal(settings.port, cases[i].port);
		assert_int_equal(settings.tls, cases[i].tls);
		assert_int_equal(settings.auth, cases[i].auth);
		assert_string_equal(settings.password, cases[i].password);
		assert_string_equal(settings.ehlo_name, "mx.example");
		assert_int_equal(settings.connections, 4);
		assert_int_equal(settings.timeouts.end, 600000);
		assert_true(settings.timeouts.quit > 0);
		assert_null(relay_password_free(password));
		conf_free(conf);
	}
}

static void test_refused_together(void **state)
{
	(void)state;
	static const struct {
		const char *yaml, *says;
	} cases[] = {
		{"relay: {}", "relay.host"},
		{"relay: {host: r.example, user: joe}", "no password"},
		{"relay: {host: r.example, password: hunter2}", "relay.user"},
		{"relay: {host: r.example, user: joe, password: hunter2, password_file: /x}", "one of them"},
		{"relay: {host: 192.0.2.1, tls: none}", "this machine"},
		{"relay: {host: \"2001:db8::1\", tls: none}", "this machine"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf *conf = load_good(cases[i].yaml);
		struct relay_settings settings;
		struct conf_error error = {""};
		char *password = NULL;
		assert_int_equal(relay_conf_settings(conf_section(conf, "relay"), "mx.example", &settings,
						     &password, &error),
				 -EINVAL);
		if (!strstr(error.text, cases[i].says))
			fail_msg("%s: %s", cases[i].yaml, error.text);
		assert_null(strstr(error.text, "hunter2"));
		assert_null(password);
		conf_free(conf);
	}
}

static void test_password_file(void **state)
{
	(void)state;
	static char too_long[AUTH_SECRET_MAX + 1];
	memset(too_long, 'x', sizeof(too_long));
	const struct {
		struct str text;
		mode_t mode;
		int want;
		const char *password;
	} cases[] = {
		{STR("hunter2\n"), 0600, 0, "hunter2"},
		{STR("hunter2"), 0400, 0, "hunter2"},
		{STR(" hunter 2 \r\nsecond line\n"), 0600, 0, " hunter 2 "},
		{STR("hunter2\n"), 0640, -EACCES, NULL},
		{STR("\nhunter2\n"), 0600, -EINVAL, NULL},
		{STR(""), 0600, -EINVAL, NULL},
		{STR("hun\0ter2\n"), 0600, -EINVAL, NULL},
		{{too_long, sizeof(too_long)}, 0600, -EINVAL, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *path = xasprintf("%s/password", dir);
		char *yaml = xasprintf("relay: {host: r.example, user: joe, password_file: %s}", path);
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		assert_int_equal(fwrite(cases[i].text.ptr, 1, cases[i].text.len, file), cases[i].text.len);
		assert_int_equal(fclose(file), 0);
		assert_int_equal(chmod(path, cases[i].mode), 0);
		struct conf *conf = load_good(yaml);
		struct relay_settings settings;
		struct conf_error error = {""};
		char *password = NULL;
		int r = relay_conf_settings(conf_section(conf, "relay"), "mx.example", &settings, &password,
					    &error);
		if (r != cases[i].want)
			fail_msg("case %zu: %d %s", i, r, error.text);
		if (r == 0)
			assert_string_equal(settings.password, cases[i].password);
		else
			assert_null(strstr(error.text, "hunter2"));
		relay_password_free(password);
		conf_free(conf);
		unlink(path);
		free(path);
		free(yaml);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_single_options),
		cmocka_unit_test(test_password_is_not_shown),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_refused_together),
		cmocka_unit_test(test_password_file),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
