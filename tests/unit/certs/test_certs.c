/*
 * Loading certificate sets: what is refused and why, which set a name gets, what is told about them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/certs/fixture.h"

static char *dir;
static struct test_ca ca;

static const struct leaf_spec leaves[] = {
	{"ec", KEY_ECDSA, "DNS:mx.example,DNS:example,IP:127.0.0.1", -3600, 86400},
	{"ec2", KEY_ECDSA, "DNS:mx.example", -3600, 86400},
	{"rsa", KEY_RSA, "DNS:mx.example", -3600, 86400},
	{"wild", KEY_ECDSA, "DNS:*.tenants.example", -3600, 86400},
	{"deep", KEY_ECDSA, "DNS:one.tenants.example", -3600, 86400},
	{"expired", KEY_ECDSA, "DNS:mx.example", -7200, -3600},
};

static void copy_file(const char *from, const char *to, const char *suffix)
{
	char *command = xasprintf("cp -p '%s/%s.%s' '%s/%s.%s'", dir, from, suffix, dir, to, suffix);
	MUST(system(command) == 0);
	free(command);
}

static void write_text(const char *name, const char *suffix, const char *text)
{
	char *path = file_in(dir, name, suffix);
	FILE *file = fopen(path, "w");
	MUST(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0 && chmod(path, 0600) == 0);
	free(path);
}

static void set_mode(const char *name, mode_t mode)
{
	char *path = file_in(dir, name, "key");
	MUST(chmod(path, mode) == 0);
	free(path);
}

/* Copies of "ec" that something is wrong with. */
static void spoil(void)
{
	static const char *const copies[] = {"group",     "world", "exec", "encrypted", "swapped", "nocert",
					     "halfchain", "nokey", "fifo", "folder",    "big",     "linked"};
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
		copy_file("ec", copies[i], "pem");
		copy_file("ec", copies[i], "key");
	}
	set_mode("group", 0640);
	set_mode("world", 0604);
	set_mode("exec", 0610);
	copy_file("rsa", "swapped", "key");
	write_text("nocert", "pem", "no certificate here\n");
	write_text("nokey", "key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");

	char *path = file_in(dir, "halfchain", "pem");
	FILE *file = fopen(path, "a");
	MUST(file != NULL &&
	     fputs("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", file) >= 0);
	fclose(file);
	free(path);

	path = file_in(dir, "encrypted", "key");
	EVP_PKEY *key = make_key(KEY_ECDSA);
	write_key(path, key, "secret");
	EVP_PKEY_free(key);
	free(path);

	path = file_in(dir, "fifo", "key");
	MUST(unlink(path) == 0 && mkfifo(path, 0600) == 0);
	free(path);
	path = file_in(dir, "folder", "key");
	MUST(unlink(path) == 0 && mkdir(path, 0700) == 0);
	free(path);
	path = file_in(dir, "big", "key");
	MUST(truncate(path, 2 * 1024 * 1024) == 0);
	free(path);
	/* Behind a symbolic link the file's own mode counts. */
	path = file_in(dir, "linked", "key");
	char *target = file_in(dir, "group", "key");
	MUST(unlink(path) == 0 && symlink(target, path) == 0);
	free(target);
	free(path);
}

static int set_up(void **state)
{
	(void)state;
	dir = make_dir();
	ca_init(&ca, "Test CA");
	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
		write_leaf(dir, &ca, &leaves[i]);
	spoil();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ca_done(&ca);
	remove_dir(dir);
	return 0;
}

static void bad_files_are_refused_by_name(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int err;
		const char *file, *why;
	} cases[] = {
		{"group", -EACCES, "group.key", "0640"},
		{"world", -EACCES, "world.key", "0604"},
		{"exec", -EACCES, "exec.key", "0610"},
		{"linked", -EACCES, "linked.key", "0640"},
		{"fifo", -EINVAL, "fifo.key", "not a regular file"},
		{"folder", -EINVAL, "folder.key", "not a regular file"},
		{"encrypted", -EINVAL, "encrypted.key", "passphrase"},
		{"swapped", -EINVAL, "swapped.key", "not the key of the certificate"},
		{"nocert", -EINVAL, "nocert.pem", ""},
		{"halfchain", -EINVAL, "halfchain.pem", ""},
		{"nokey", -EINVAL, "nokey.key", ""},
		{"big", -EINVAL, "big.key", "too big"},
		{"missing", -ENOENT, "missing.pem", "No such file"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf_fixture conf;
		struct conf_error error = {""};
		struct certs *certs = NULL;
		conf_init(&conf);
		/* A good one before it does not save it. */
		conf_add(&conf, dir, "mx.example", "rsa");
		conf_add(&conf, dir, "mx.example", cases[i].name);
		assert_int_equal(certs_load(&certs, &conf.conf, &error), cases[i].err);
		assert_null(certs);
		assert_non_null(strstr(error.text, cases[i].file));
		assert_non_null(strstr(error.text, cases[i].why));
		conf_done(&conf);
	}
}

static void sets_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	struct conf_fixture conf;
	struct conf_error error = {""};
	struct certs *certs = NULL;
	/* Two of a kind for one host: one of them would never be used. */
	conf_init(&conf);
	conf_add(&conf, dir, "mx.example", "ec");
	conf_add(&conf, dir, "MX.example", "ec2");
	assert_int_equal(certs_load(&certs, &conf.conf, &error), -EINVAL);
	assert_non_null(strstr(error.text, "ec2.pem"));
	conf_done(&conf);

	conf_init(&conf);
	conf_add(&conf, dir, "mx.example", "ec");
	conf.conf.ciphers = "NO-SUCH-CIPHER";
	assert_int_equal(certs_load(&certs, &conf.conf, &error), -EINVAL);
	assert_non_null(strstr(error.text, "tls.ciphers"));
	conf_done(&conf);

	conf_init(&conf);
	assert_int_equal(certs_load(&certs, &conf.conf, &error), -EINVAL);
	assert_non_null(strstr(error.text, "tls.certificates"));
	assert_null(certs);
}

static void without_starttls_no_certificate_is_needed(void **state)
{
	(void)state;
	struct conf_fixture conf;
	struct conf_error error;
	struct certs *certs;
	conf_init(&conf);
	conf.conf.starttls = false;
	assert_int_equal(certs_load(&certs, &conf.conf, &error), 0);
	assert_null(tls_channel_accept(certs));
	certs_unref(certs);
}

/* The names of the certificate that a client gets who asks for host. */
static bool is_served(struct certs *certs, const char *host, const char *name)
{
	char *ca_file = file_in(dir, "ca", "pem");
	write_cert(ca_file, ca.cert);
	struct tls_client_conf conf = {ca_file, true, 0};
	struct tls_client *client;
	struct conf_error error;
	MUST(tls_client_open(&client, &conf, &error) == 0);
	free(ca_file);
	/* Asks for host by SNI and expects the same name: so name is what must be in the certificate. */
	struct tls_channel *asking = tls_channel_connect(client, host);
	struct tls_channel *server = tls_channel_accept(certs);
	struct pipe_bytes to_server = {NULL, 0}, to_client = {NULL, 0};
	enum tls_event event = TLS_HANDSHAKING;
	for (;;) {
		pipe_take_output(&to_server, asking);
		pipe_take_output(&to_client, server);
		if (to_server.len + to_client.len == 0)
			break;
		if (to_server.len)
			pipe_feed(&to_server, server, to_server.len);
		if (to_client.len)
			event = pipe_feed(&to_client, asking, to_client.len);
	}
	bool mismatch = strstr(tls_channel_error(asking), "mismatch") != NULL;
	free(to_server.ptr);
	free(to_client.ptr);
	tls_channel_free(asking);
	tls_channel_free(server);
	tls_client_close(client);
	return strcmp(host, name) == 0 ? event == TLS_OPEN : event == TLS_FAILED && mismatch;
}

static void exact_names_come_before_wildcards_before_the_default(void **state)
{
	(void)state;
	struct conf_fixture conf;
	struct conf_error error;
	struct certs *certs;
	conf_init(&conf);
	conf_add(&conf, dir, "*.tenants.example", "wild");
	conf_add(&conf, dir, "", "ec");
	conf_add(&conf, dir, "one.tenants.example", "deep");
	conf_add(&conf, dir, "*.tenants.example", "rsa");
	assert_int_equal(certs_load(&certs, &conf.conf, &error), 0);
	conf_done(&conf);
	assert_true(is_served(certs, "mx.example", "mx.example"));
	assert_true(is_served(certs, "one.tenants.example", "one.tenants.example"));
	assert_true(is_served(certs, "ONE.Tenants.Example", "ONE.Tenants.Example"));
	assert_true(is_served(certs, "two.tenants.example", "two.tenants.example"));
	/* Two labels are not one; these get the default, which is not theirs. */
	assert_true(is_served(certs, "a.two.tenants.example", "mx.example"));
	assert_true(is_served(certs, "tenants.example", "mx.example"));
	certs_unref(certs);
}

struct described {
	size_t n;
	struct cert_info info[8];
	int64_t now_ms;
};

static void on_described(void *ctx, const struct cert_info *info)
{
	struct described *described = ctx;
	described->info[described->n++] = *info;
}

static void describes_what_it_loaded(void **state)
{
	(void)state;
	struct conf_fixture conf;
	struct conf_error error;
	struct certs *certs;
	struct described described = {.now_ms = (int64_t)time(NULL) * 1000};
	conf_init(&conf);
	conf_add(&conf, dir, "mx.example", "ec");
	conf_add(&conf, dir, "mx.example", "rsa");
	conf_add(&conf, dir, "*.tenants.example", "wild");
	conf_add(&conf, dir, "wrong.example", "expired");
	/* Expired is a warning: whoever asks for mail in the night wants it delivered. */
	assert_int_equal(certs_load(&certs, &conf.conf, &error), 0);
	conf_done(&conf);
	certs_describe(certs, on_described, &described);
	assert_int_equal(described.n, 4);
	assert_string_equal(described.info[0].key_kind, "ECDSA");
	assert_string_equal(described.info[0].names, "mx.example example");
	assert_true(described.info[0].key_matches_host);
	assert_true(described.info[0].not_after_ms > described.now_ms + 80000 * 1000L);
	assert_string_equal(described.info[1].key_kind, "RSA");
	assert_non_null(strstr(described.info[1].chain_file, "/rsa.pem"));
	assert_string_equal(described.info[2].host, "*.tenants.example");
	assert_true(described.info[2].key_matches_host);
	assert_false(described.info[3].key_matches_host);
	assert_true(described.info[3].not_after_ms < described.now_ms);
	certs_unref(certs);
}

static int run_script(const char *options, const char *folder)
{
	char *command = xasprintf("'%s/certs/make-dev-certs.sh' %s '%s/%s' mx.dev.example >/dev/null 2>&1",
				  SERVELO_SOURCE_DIR, options, dir, folder);
	int r = system(command);
	free(command);
	return r;
}

static char *contents(const char *name)
{
	char *path = file_in(dir, name, "key");
	char *text = xcalloc(1, 8192);
	FILE *file = fopen(path, "r");
	MUST(file != NULL && fread(text, 1, 8191, file) > 0);
	fclose(file);
	free(path);
	return text;
}

static void development_certificates_load_and_stay(void **state)
{
	(void)state;
	struct conf_fixture conf;
	struct conf_error error;
	struct certs *certs;
	struct described described = {.n = 0};
	assert_int_equal(run_script("", "dev"), 0);
	char *first = contents("dev/rsa");
	conf_init(&conf);
	conf_add(&conf, dir, "mx.dev.example", "dev/ecdsa");
	conf_add(&conf, dir, "mx.dev.example", "dev/rsa");
	assert_int_equal(certs_load(&certs, &conf.conf, &error), 0);
	certs_describe(certs, on_described, &described);
	assert_int_equal(described.n, 2);
	for (size_t i = 0; i < described.n; i++) {
		assert_string_equal(described.info[i].key_kind, i ? "RSA" : "ECDSA");
		assert_string_equal(described.info[i].names, "mx.dev.example dev.example localhost");
		assert_true(described.info[i].key_matches_host);
	}
	certs_unref(certs);
	conf_done(&conf);
	/* Again changes nothing; -f does; a key that is lost is made anew. */
	assert_int_equal(run_script("", "dev"), 0);
	char *second = contents("dev/rsa");
	assert_string_equal(first, second);
	assert_int_equal(run_script("-f", "dev"), 0);
	char *third = contents("dev/rsa");
	assert_string_not_equal(first, third);
	char *path = file_in(dir, "dev/rsa", "key");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(run_script("", "dev"), 0);
	char *fourth = contents("dev/rsa");
	assert_string_not_equal(third, fourth);
	free(path);
	free(first);
	free(second);
	free(third);
	free(fourth);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files_are_refused_by_name),
		cmocka_unit_test(sets_that_make_no_sense_are_refused),
		cmocka_unit_test(without_starttls_no_certificate_is_needed),
		cmocka_unit_test(exact_names_come_before_wildcards_before_the_default),
		cmocka_unit_test(describes_what_it_loaded),
		cmocka_unit_test(development_certificates_load_and_stay),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
