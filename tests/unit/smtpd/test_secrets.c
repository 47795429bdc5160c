/* Which key files a configuration means, what is made of them, and what is said when they won't do. */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "smtpd/secrets.h"

#define KEY_A "5d11e0a3b4c5968778695a4b3c2d1e0f112233445566778899aabbccddeeff01"
#define KEY_B "0d11e0a3b4c5968778695a4b3c2d1e0f112233445566778899aabbccddeeff02"

struct house {
	char dir[64];
	struct server_conf *conf;
};

static int remove_entry(const char *path, const struct stat *info UNUSED, int type UNUSED,
			struct FTW *ftw UNUSED)
{
	return remove(path);
}

static int setup(void **state)
{
	struct house *house = calloc(1, sizeof(*house));
	snprintf(house->dir, sizeof(house->dir), "/tmp/servelo-secrets-XXXXXX");
	assert_non_null(mkdtemp(house->dir));
	*state = house;
	return 0;
}

static int teardown(void **state)
{
	struct house *house = *state;
	server_conf_free(house->conf);
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

/* With these key files, or (a NULL) without a word about keys. */
static void load(struct house *house, const char *a, const char *b)
{
	char yaml[1024], path[128];
	struct conf_error error = {""};
	int n = snprintf(yaml, sizeof(yaml),
			 "mail: {domain: example.org, operator_address: a@b.net}\nstorage: {data_dir: %s}\n",
			 house->dir);
	if (a)
		n += snprintf(yaml + n, sizeof(yaml) - (size_t)n, "secrets: {reply_token: [%s/%s%s%s%s%s]}\n",
			      house->dir, a, b ? ", " : "", b ? house->dir : "", b ? "/" : "", b ? b : "");
	assert_true(n > 0);
	write_file(house, "c.yaml", yaml, 0600);
	snprintf(path, sizeof(path), "%s/c.yaml", house->dir);
	house->conf = server_conf_free(house->conf);
	if (server_conf_load(&house->conf, path, false, NULL, &error) < 0)
		fail_msg("%s", error.text);
}

static char *path_in(const struct house *house, const char *name)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/%s", house->dir, name);
	return path;
}

static void a_key_of_its_own_is_made_once(void **state)
{
	struct house *house = *state;
	struct key_ring *first = NULL, *second = NULL;
	struct conf_error error = {""};
	struct stat st;
	bool made = false;
	load(house, NULL, NULL);
	char *path = secrets_default_path(house->conf);
	assert_string_equal(path, path_in(house, SECRETS_DEFAULT_FILE));
	free(path);
	/* reading makes none */
	assert_int_equal(secrets_load(&first, house->conf, SECRETS_READ, &made, &error), -ENOENT);
	assert_null(first);
	assert_non_null(strstr(error.text, SECRETS_DEFAULT_FILE));
	assert_int_equal(secrets_load(&first, house->conf, SECRETS_MAKE, &made, &error), 0);
	assert_true(made);
	assert_int_equal(stat(path_in(house, SECRETS_DEFAULT_FILE), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* it stays the same, however often it is asked for */
	assert_int_equal(secrets_load(&second, house->conf, SECRETS_MAKE, &made, &error), 0);
	assert_false(made);
	assert_int_equal(key_ring_size(first), 1);
	assert_true(str_eq(key_ring_key(first, 0), key_ring_key(second, 0)));
	key_ring_unref(first);
	key_ring_unref(second);
}

static void named_files_are_read_in_their_order(void **state)
{
	struct house *house = *state;
	struct key_ring *keys = NULL, *turned = NULL;
	struct conf_error error = {""};
	bool made = true;
	write_file(house, "a.key", KEY_A "\n", 0600);
	write_file(house, "b.key", KEY_B "\n", 0400);
	load(house, "a.key", "b.key");
	assert_null(secrets_default_path(house->conf));
	assert_int_equal(secrets_load(&keys, house->conf, SECRETS_MAKE, &made, &error), 0);
	assert_false(made);
	assert_int_equal(access(path_in(house, SECRETS_DEFAULT_FILE), F_OK), -1);
	load(house, "b.key", "a.key");
	assert_int_equal(secrets_load(&turned, house->conf, SECRETS_READ, NULL, &error), 0);
	assert_int_equal(key_ring_size(keys), 2);
	assert_true(str_eq(key_ring_key(keys, 0), key_ring_key(turned, 1)));
	assert_true(str_eq(key_ring_key(keys, 1), key_ring_key(turned, 0)));
	key_ring_unref(keys);
	key_ring_unref(turned);
}

static void what_is_wrong_is_said_and_never_shown(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		int want;
		const char *says;
	} cases[] = {
		{KEY_A "\n", 0640, -EACCES, "mode 0640"},
		{KEY_A "\n", 0604, -EACCES, "mode 0604"},
		{"sesame-open-sesame\n", 0600, -EINVAL, "not a key"},
		{"\n# only a remark\n", 0600, -EINVAL, "no key in it"},
		{KEY_A "\n" KEY_A "\n", 0600, -EINVAL, "twice"},
	};
	struct house *house = *state;
	load(house, NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct key_ring *keys = NULL;
		struct conf_error error = {""};
		write_file(house, SECRETS_DEFAULT_FILE, cases[i].text, cases[i].mode);
		int r = secrets_load(&keys, house->conf, SECRETS_MAKE, NULL, &error);
		if (r != cases[i].want || !strstr(error.text, cases[i].says) ||
		    !strstr(error.text, SECRETS_DEFAULT_FILE))
			fail_msg("case %zu: %d %s", i, r, error.text);
		assert_null(keys);
		assert_null(strstr(error.text, "sesame"));
		assert_null(strstr(error.text, "5d11e0a3"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_key_of_its_own_is_made_once, setup, teardown),
		cmocka_unit_test_setup_teardown(named_files_are_read_in_their_order, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_said_and_never_shown, setup, teardown),
	};
	unsetenv("SERVELO_CONFIG");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
