/*
 * Key files: what is a key, what is refused, and that a message about a bad file never shows what is in it.
 */
#include <dirent.h>
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
#include "base/mac.h"
#include "tenant/key_ring.h"

#define HEX32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static char dir[] = "/tmp/servelo-keys-XXXXXX";

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

/* To be freed. */
static char *write_file(const char *name, struct str text, mode_t mode)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text.ptr, 1, text.len, file), text.len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static int load_one(struct key_ring **ret, const char *path, struct conf_error *reterr)
{
	const char *const items[] = {path};
	const struct conf_strings files = {items, 1};
	return key_ring_load(ret, &files, reterr);
}

static void test_spellings(void **state)
{
	(void)state;
	static const struct {
		struct str text;
		int want;   /* of the load */
		size_t n;   /* keys */
		size_t len; /* of the first */
	} cases[] = {
		{STR_INIT(HEX32 "\n"), 0, 1, 32},
		{STR_INIT(HEX32), 0, 1, 32},
		{STR_INIT("\r\n# the current one\r\n\t " HEX32 " \r\n\n# older\n"
			  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIQ==\n"),
		 0, 2, 32},
		{STR_INIT("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20\n"), 0, 1, 33},
		{STR_INIT("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"), 0, 1, 32},
		{STR_INIT("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n"), 0, 1, 32},
		{STR_INIT("+/+/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\n"), 0, 1, 33},
		{STR_INIT("-_-_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\n"), 0, 1, 33},
		{STR_INIT(HEX32 HEX32 HEX32 HEX32 "\n"), 0, 1, 128},
		{STR_INIT(HEX32 HEX32 HEX32 HEX32 "00\n"), -EINVAL, 0, 0},
		{STR_INIT("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e\n"), -EINVAL, 0, 0},
		{STR_INIT("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg\n"), -EINVAL, 0, 0},
		{STR_INIT("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n"), -EINVAL, 0, 0},
		{STR_INIT("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8===\n"), -EINVAL, 0, 0},
		{STR_INIT("swordfish\n"), -EINVAL, 0, 0},
		{STR_INIT("this is my very secret key, which is long enough\n"), -EINVAL, 0, 0},
		{STR_INIT("0000000000000000000000000000000000000000000000000000000000000000\n"), -EINVAL, 0,
		 0},
		{STR_INIT(HEX32 "\n" HEX32 "\n"), -EINVAL, 0, 0},
		{STR_INIT(HEX32 "\nswordfish\n"), -EINVAL, 0, 0},
		{STR_INIT(HEX32 "\0\n"), -EINVAL, 0, 0},
		{STR_INIT("# nothing\n\n"), -EINVAL, 0, 0},
		{STR_INIT(""), -EINVAL, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf_error error = {""};
		struct key_ring *ring = NULL;
		char *path = write_file("spelling", cases[i].text, 0600);
		int r = load_one(&ring, path, &error);
		if (r != cases[i].want)
			fail_msg("case %zu: %d (%s)", i, r, error.text);
		if (r == 0) {
			assert_int_equal(key_ring_size(ring), cases[i].n);
			assert_int_equal(key_ring_key(ring, 0).len, cases[i].len);
			assert_true(key_ring_id(ring, 0) < 64);
		} else {
			assert_null(ring);
			assert_non_null(strstr(error.text, "spelling"));
			assert_null(strstr(error.text, "swordfish"));
			assert_null(strstr(error.text, "AAEC"));
			assert_null(strstr(error.text, "0001"));
		}
		assert_null(key_ring_unref(ring));
		free(path);
	}
}

static void test_octets(void **state)
{
	(void)state;
	static const char *const spellings[] = {HEX32, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="};
	for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
		struct key_ring *ring = NULL;
		char *path = write_file("octets", str_from(spellings[i]), 0400);
		assert_int_equal(load_one(&ring, path, NULL), 0);
		for (size_t octet = 0; octet < 32; octet++)
			assert_int_equal(key_ring_key(ring, 0).ptr[octet], octet);
		key_ring_unref(ring);
		free(path);
	}
}

static void test_mode(void **state)
{
	(void)state;
	static const struct {
		mode_t mode;
		int want;
	} cases[] = {{0600, 0},       {0400, 0},       {0700, 0},       {0640, -EACCES}, {0604, -EACCES},
		     {0620, -EACCES}, {0601, -EACCES}, {0666, -EACCES}, {0610, -EACCES}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf_error error = {""};
		struct key_ring *ring = NULL;
		char *path = write_file("mode", STR(HEX32), cases[i].mode);
		assert_int_equal(load_one(&ring, path, &error), cases[i].want);
		if (cases[i].want < 0)
			assert_non_null(strstr(error.text, "chmod 600"));
		key_ring_unref(ring);
		unlink(path);
		free(path);
	}
}

static void test_not_a_file(void **state)
{
	(void)state;
	struct conf_error error = {""};
	struct key_ring *ring = NULL;
	assert_int_equal(load_one(&ring, dir, &error), -EINVAL);
	char *fifo = xasprintf("%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(load_one(&ring, fifo, &error), -EINVAL);
	char *absent = xasprintf("%s/absent", dir);
	assert_int_equal(load_one(&ring, absent, &error), -ENOENT);
	assert_non_null(strstr(error.text, "absent"));
	static char big[65537];
	memset(big, '\n', sizeof(big));
	char *path = write_file("big", (struct str){big, sizeof(big)}, 0600);
	assert_int_equal(load_one(&ring, path, &error), -EINVAL);
	assert_null(ring);
	free(fifo);
	free(absent);
	free(path);
}

static void test_several_files(void **state)
{
	(void)state;
	char *current =
		write_file("current", STR("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIQ==\n"), 0600);
	char *older = write_file("older", STR(HEX32 "\n"), 0600);
	const char *const items[] = {current, older};
	const struct conf_strings files = {items, 2}, none = {NULL, 0};
	const char *const twice_items[] = {older, older};
	const struct conf_strings twice = {twice_items, 2};
	struct conf_error error = {""};
	struct key_ring *ring = NULL;
	assert_int_equal(key_ring_load(&ring, &none, &error), -EINVAL);
	assert_int_equal(key_ring_load(&ring, &twice, &error), -EINVAL);
	assert_non_null(strstr(error.text, "twice"));
	assert_int_equal(key_ring_load(&ring, &files, &error), 0);
	assert_int_equal(key_ring_size(ring), 2);
	assert_int_equal(key_ring_key(ring, 0).len, 34);
	assert_int_equal(key_ring_key(ring, 1).len, 32);
	key_ring_unref(ring);
	free(current);
	free(older);
}

static void test_limits(void **state)
{
	(void)state;
	static char octets[KEY_RING_MAX + 1][KEY_SIZE_MAX + 1];
	struct str keys[KEY_RING_MAX + 1];
	struct key_ring *ring = NULL;
	for (size_t i = 0; i <= KEY_RING_MAX; i++) {
		random_bytes(octets[i], sizeof(octets[i]));
		keys[i] = (struct str){octets[i], KEY_SIZE_MIN};
	}
	assert_int_equal(key_ring_new(&ring, keys, KEY_RING_MAX + 1), -EINVAL);
	assert_int_equal(key_ring_new(&ring, keys, 0), -EINVAL);
	assert_int_equal(key_ring_new(&ring, &(struct str){octets[0], KEY_SIZE_MIN - 1}, 1), -EINVAL);
	assert_int_equal(key_ring_new(&ring, &(struct str){octets[0], KEY_SIZE_MAX + 1}, 1), -EINVAL);
	assert_null(ring);
	assert_int_equal(key_ring_new(&ring, keys, KEY_RING_MAX), 0);
	assert_int_equal(key_ring_size(ring), KEY_RING_MAX);
	key_ring_unref(ring);
}

/* Who holds a reference keeps the keys; NULL needs none. */
static void test_references(void **state)
{
	(void)state;
	struct key_ring *ring = NULL;
	assert_int_equal(key_ring_new(&ring, &STR("0123456789abcdef0123456789abcdef"), 1), 0);
	struct key_ring *kept = key_ring_ref(ring);
	assert_null(key_ring_unref(ring));
	assert_int_equal(key_ring_key(kept, 0).len, 32);
	assert_memory_equal(key_ring_key(kept, 0).ptr, "0123456789abcdef0123456789abcdef", 32);
	assert_null(key_ring_unref(kept));
	assert_null(key_ring_unref(NULL));
}

static void test_made(void **state)
{
	(void)state;
	struct key_ring *ring = NULL, *other = NULL;
	struct conf_error error = {.text = ""};
	struct stat st;
	char *path = xasprintf("%s/made", dir), *path_2 = xasprintf("%s/made-2", dir);
	assert_int_equal(key_ring_make(path, &error), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(load_one(&ring, path, &error), 0);
	assert_int_equal(key_ring_size(ring), 1);
	assert_int_equal(key_ring_key(ring, 0).len, 32);
	/* another time, another key */
	assert_int_equal(key_ring_make(path_2, NULL), 0);
	assert_int_equal(load_one(&other, path_2, &error), 0);
	assert_false(str_eq(key_ring_key(ring, 0), key_ring_key(other, 0)));
	key_ring_unref(ring);
	key_ring_unref(other);
	free(path);
	free(path_2);
}

static size_t files_beginning_with(const char *name)
{
	size_t n = 0;
	DIR *folder = opendir(dir);
	assert_non_null(folder);
	for (const struct dirent *entry; (entry = readdir(folder));)
		n += str_starts(str_from(entry->d_name), str_from(name));
	closedir(folder);
	return n;
}

/* What is there stays, whatever it is, and no draft of a key is left behind. */
static void test_made_never_in_the_place_of_another(void **state)
{
	(void)state;
	struct conf_error error = {.text = ""};
	struct key_ring *ring = NULL;
	char *path = write_file("there", STR(HEX32 "\n"), 0600), *link_path = xasprintf("%s/there-link", dir);
	assert_int_equal(key_ring_make(path, &error), -EEXIST);
	assert_non_null(strstr(error.text, path));
	assert_int_equal(load_one(&ring, path, &error), 0);
	assert_memory_equal(key_ring_key(ring, 0).ptr, "\0\1\2\3", 4);
	key_ring_unref(ring);
	/* a link that leads nowhere is something too */
	char *nowhere = xasprintf("%s/nowhere", dir);
	assert_int_equal(symlink(nowhere, link_path), 0);
	assert_int_equal(key_ring_make(link_path, NULL), -EEXIST);
	assert_int_equal(access(nowhere, F_OK), -1);
	assert_int_equal(files_beginning_with("there"), 2);
	char *no_folder = xasprintf("%s/none/key", dir);
	assert_int_equal(key_ring_make(no_folder, &error), -ENOENT);
	assert_non_null(strstr(error.text, no_folder));
	free(no_folder);
	free(nowhere);
	free(link_path);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_mode),
		cmocka_unit_test(test_not_a_file),
		cmocka_unit_test(test_several_files),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_made_never_in_the_place_of_another),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
