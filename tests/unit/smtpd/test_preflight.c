/* What would go wrong at the first reload, under load, or in circles, is said before. */
#include <errno.h>
#include <ftw.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "smtpd/preflight.h"

struct house {
	char dir[64], path[96];
	struct strbuf out, loops;
};

static int remove_entry(const char *path, const struct stat *info UNUSED, int type UNUSED,
			struct FTW *ftw UNUSED)
{
	return remove(path);
}

static int setup(void **state)
{
	struct house *house = calloc(1, sizeof(*house));
	snprintf(house->dir, sizeof(house->dir), "/tmp/servelo-preflight-XXXXXX");
	assert_non_null(mkdtemp(house->dir));
	assert_int_equal(chmod(house->dir, 0755), 0);
	snprintf(house->path, sizeof(house->path), "%s/c.yaml", house->dir);
	strbuf_init(&house->out, 65536);
	strbuf_init(&house->loops, 65536);
	*state = house;
	return 0;
}

static int teardown(void **state)
{
	struct house *house = *state;
	nftw(house->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	strbuf_done(&house->out);
	strbuf_done(&house->loops);
	free(house);
	return 0;
}

static struct server_conf *load_at(const struct house *house, const char *data_dir, const char *yaml,
				   mode_t mode)
{
	struct server_conf *conf;
	struct conf_error error = {""};
	FILE *file = fopen(house->path, "w");
	assert_non_null(file);
	fprintf(file, "storage: {data_dir: %s}\n%s\n", data_dir, yaml);
	fclose(file);
	if (server_conf_load(&conf, house->path, false, NULL, &error) < 0)
		fail_msg("%s: %s", yaml, error.text);
	assert_int_equal(chmod(house->path, mode), 0);
	return conf;
}

static struct server_conf *load(const struct house *house, const char *yaml, mode_t mode)
{
	return load_at(house, "data", yaml, mode);
}

static bool holds(const struct strbuf *out, const char *part)
{
	return part ? out->len && strstr(out->ptr, part) : out->len == 0;
}

static void names_are_looked_at(void **state)
{
	static const struct {
		const char *yaml, *warning, *loop; /* a part; NULL: nothing is said */
	} cases[] = {
		{"mail: {domain: foo.net, operator_address: ops@bar.net}", NULL, NULL},
		{"mail: {domain: foo.net, operator_address: ops@example.org}",
		 "mail.operator_address: example.org is", NULL},
		{"mail: {domain: x.example, operator_address: ops@bar.net}", "mail.domain: x.example is",
		 NULL},
		{"mail: {domain: myexample.com, operator_address: ops@bar.net}", NULL, NULL},
		{"mail: {domain: foo.net, operator_address: postmaster@FOO.net}", NULL, "in circles"},
		{"mail: {domain: foo.net, operator_address: abuse+x@foo.net}", NULL, "in circles"},
		{"mail: {domain: foo.net, operator_address: ops@foo.net}", "only if \"ops\" is a tenant",
		 NULL},
		{"mail: {domain: foo.net, operator_address: o@bar.net}\nforwards: {desk: desk@foo.net}", NULL,
		 "forwards.desk: desk@foo.net"},
	};
	struct house *house = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct server_conf *conf = load(house, cases[i].yaml, 0600);
		strbuf_clear(&house->out);
		strbuf_clear(&house->loops);
		preflight_names(conf, &house->out, &house->loops);
		if (!holds(&house->out, cases[i].warning) || !holds(&house->loops, cases[i].loop))
			fail_msg("%s: %.*s / %.*s", cases[i].yaml, STR_ARG(strbuf_str(&house->out)),
				 STR_ARG(strbuf_str(&house->loops)));
		server_conf_free(conf);
	}
}

/* Root can read everything; whom it becomes can't. Only root can try. */
static void what_the_server_can_not_read_again_is_named(void **state)
{
	static const char yaml[] =
		"mail: {domain: foo.net, operator_address: ops@bar.net}\nprocess: {user: nobody}\n";
	struct house *house = *state;
	struct conf_error error;
	struct privileges privileges;
	if (geteuid() != 0 || !getpwnam("nobody"))
		skip();
	struct server_conf *conf = load(house, yaml, 0600);
	assert_int_equal(privileges_find(&privileges, "nobody", "", &error), 0);
	assert_int_equal(preflight_access(conf, &privileges, &house->out), 0);
	assert_int_equal(geteuid(), 0);
	assert_true(holds(&house->out, "c.yaml: nobody can't read it: Permission denied"));
	assert_int_equal(chmod(house->path, 0644), 0);
	strbuf_clear(&house->out);
	assert_int_equal(preflight_access(conf, &privileges, &house->out), 0);
	assert_true(holds(&house->out, NULL)); /* the data folder will be made */
	assert_int_equal(mkdir(conf->storage->data_dir, 0755), 0);
	assert_int_equal(preflight_access(conf, &privileges, &house->out), 0);
	assert_true(holds(&house->out, "data: nobody can't write to it"));
	server_conf_free(conf);
}

static void a_folder_to_be_made_needs_a_place(void **state)
{
	static const struct {
		const char *data_dir, *why; /* NULL: it can be made */
		int r;
	} cases[] = {
		{"data", NULL, 0},
		{"nowhere/data", "nowhere: No such file or directory", -ENOENT},
		{"c.yaml/data", "c.yaml: Not a directory", -ENOTDIR},
		{"/proc/nope", "/proc keeps no files", -EPERM},
	};
	struct house *house = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct server_conf *conf =
			load_at(house, cases[i].data_dir,
				"mail: {domain: foo.net, operator_address: o@bar.net}", 0600);
		strbuf_clear(&house->out);
		int r = preflight_parent(conf, &house->out);
		if (r != cases[i].r && !(r == -EACCES && geteuid() != 0))
			fail_msg("%s: %d", cases[i].data_dir, r);
		if (r == cases[i].r && !holds(&house->out, cases[i].why))
			fail_msg("%s: %.*s", cases[i].data_dir, STR_ARG(strbuf_str(&house->out)));
		server_conf_free(conf);
	}
}

static void room_is_that_of_the_folder_or_of_the_one_above(void **state)
{
	struct house *house = *state;
	struct server_conf *conf = load(house, "mail: {domain: foo.net, operator_address: o@bar.net}", 0600);
	assert_true(preflight_room(conf, &house->out) >= 0 || holds(&house->out, "not enough"));
	assert_true(holds(&house->out, "MiB free"));
	server_conf_free(conf);
	conf = load_at(house, "nowhere/data", "mail: {domain: foo.net, operator_address: o@bar.net}", 0600);
	assert_int_equal(preflight_room(conf, &house->out), -ENOENT);
	server_conf_free(conf);
}

static void without_tls_the_relay_is_this_machine(void **state)
{
	static const struct {
		const char *relay;
		int r;
	} cases[] = {
		{"{host: 127.0.0.1, tls: none}", 0},
		{"{host: localhost, tls: none}", 0},
		{"{host: \"::1\", tls: none}", 0},
		{"{host: \"\", tls: none}", 0},
		{"{host: 192.0.519, tls: none}", -EPERM},
		/* a name to us; the resolver reads it as an address */
		{"{host: 192.0.2.7, tls: starttls}", 0},
	};
	struct house *house = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char yaml[256];
		snprintf(yaml, sizeof(yaml),
			 "mail: {domain: foo.net, operator_address: o@bar.net}\nrelay: %s", cases[i].relay);
		struct server_conf *conf = load(house, yaml, 0600);
		strbuf_clear(&house->out);
		int r = preflight_relay(conf, &house->out);
		if (r != cases[i].r || (r == 0) != (house->out.len == 0))
			fail_msg("%s: %d %.*s", cases[i].relay, r, STR_ARG(strbuf_str(&house->out)));
		server_conf_free(conf);
	}
}

static void descriptors_are_counted(void **state)
{
	struct house *house = *state;
	struct rlimit files;
	char yaml[256];
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	struct server_conf *conf =
		load(house, "mail: {domain: foo.net, operator_address: o@bar.net}\nlimits: {connections: 10}",
		     0600);
	preflight_descriptors(conf, &house->out);
	assert_true(files.rlim_max < 270 || house->out.len == 0);
	server_conf_free(conf);
	if (files.rlim_max >= 1000000)
		skip();
	snprintf(yaml, sizeof(yaml),
		 "mail: {domain: foo.net, operator_address: o@bar.net}\nlimits: {connections: %llu}",
		 (unsigned long long)files.rlim_max);
	conf = load(house, yaml, 0600);
	strbuf_clear(&house->out);
	preflight_descriptors(conf, &house->out);
	assert_true(holds(&house->out, "raise LimitNOFILE"));
	server_conf_free(conf);
}

/* Read as root at the start, and by the user never again. */
static void secrets_of_root_are_seen(void **state)
{
	static const char *const names[] = {"reply.key", "relay.password"};
	struct house *house = *state;
	struct conf_error error;
	struct privileges privileges;
	char yaml[512], path[128];
	if (geteuid() != 0 || !getpwnam("nobody"))
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", house->dir, names[i]);
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		fclose(file);
		assert_int_equal(chmod(path, 0600), 0);
	}
	snprintf(yaml, sizeof(yaml),
		 "mail: {domain: foo.net, operator_address: ops@bar.net}\nprocess: {user: nobody}\n"
		 "relay: {host: smtp.bar.net, user: me, password_file: relay.password}\n"
		 "secrets: {reply_token: [%s/reply.key]}\n",
		 house->dir);
	struct server_conf *conf = load(house, yaml, 0644);
	assert_int_equal(privileges_find(&privileges, "nobody", "", &error), 0);
	assert_int_equal(preflight_access(conf, &privileges, &house->out), 0);
	assert_true(holds(&house->out, "reply.key: nobody can't read it: Permission denied"));
	assert_true(holds(&house->out, "relay.password: nobody can't read it: Permission denied"));
	server_conf_free(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_are_looked_at, setup, teardown),
		cmocka_unit_test_setup_teardown(what_the_server_can_not_read_again_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(a_folder_to_be_made_needs_a_place, setup, teardown),
		cmocka_unit_test_setup_teardown(room_is_that_of_the_folder_or_of_the_one_above, setup,
						teardown),
		cmocka_unit_test_setup_teardown(without_tls_the_relay_is_this_machine, setup, teardown),
		cmocka_unit_test_setup_teardown(descriptors_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(secrets_of_root_are_seen, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
