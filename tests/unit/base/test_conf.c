/* Configuration: values by type and source, and an error that says where it is and what was meant. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/conf.h"

struct pair_conf {
	const char *host, *file;
	int64_t weight;
};
struct door_conf {
	bool open;
	int64_t number, size, timeout_ms;
	const char *banner, *file, *password;
	int mode;
	struct conf_strings listen;
	struct conf_list pairs;
};
struct names_conf {
	struct conf_map map;
};

static const char *check_banner(struct str text)
{
	return str_eq(text, STR("bad")) ? "that is a bad one" : NULL;
}

static const char *const modes[] = {"accept", "reject", NULL};
static const struct conf_option pair_options[] = {
	{"host", CONF_STRING, offsetof(struct pair_conf, host), .flags = CONF_REQUIRED},
	{"file", CONF_PATH, offsetof(struct pair_conf, file), .def = NULL},
	{"weight", CONF_INT, offsetof(struct pair_conf, weight), .def = "7"},
};
static const struct conf_table pair_table = {"door.pairs", sizeof(struct pair_conf), pair_options,
					     ARRAY_SIZE(pair_options)};
static const struct conf_option door_options[] = {
	{"open", CONF_BOOL, offsetof(struct door_conf, open), .def = "true"},
	{"number", CONF_INT, offsetof(struct door_conf, number), .def = "100", .min = 10, .max = 1000,
	 .flags = CONF_RUNTIME},
	{"size", CONF_SIZE, offsetof(struct door_conf, size), .def = "35MiB",
	 .flags = CONF_RESTART | CONF_RUNTIME},
	{"timeout", CONF_DURATION, offsetof(struct door_conf, timeout_ms), .def = "300s", .min = 1000,
	 .max = 86400000, .flags = CONF_RUNTIME},
	{"banner", CONF_STRING, offsetof(struct door_conf, banner), .def = "hello", .check = check_banner},
	{"file", CONF_PATH, offsetof(struct door_conf, file), .def = NULL},
	{"password", CONF_STRING, offsetof(struct door_conf, password), .flags = CONF_SECRET | CONF_RUNTIME},
	{"mode", CONF_ENUM, offsetof(struct door_conf, mode), .def = "accept", .choices = modes,
	 .flags = CONF_RUNTIME},
	{"listen", CONF_STRINGS, offsetof(struct door_conf, listen), .def = "127.0.0.1:25, [::1]:25",
	 .flags = CONF_RESTART},
	{"pairs", CONF_LIST, offsetof(struct door_conf, pairs), .sub = &pair_table, .flags = CONF_RESTART},
};
static const struct conf_table door_table = {"door", sizeof(struct door_conf), door_options,
					     ARRAY_SIZE(door_options)};
static const struct conf_option names_options[] = {
	{"*", CONF_MAP, offsetof(struct names_conf, map), .def = NULL},
};
static const struct conf_table names_table = {"names", sizeof(struct names_conf), names_options, 1};
static const struct conf_table *const tables[] = {&door_table, &names_table};

static struct conf *load_with(const char *yaml, char *const *env, const struct conf_setting *settings,
			      size_t n_settings, struct strbuf *warnings, struct conf_error *error)
{
	static const char *const ignored[] = {"SERVELO_CONFIG", NULL};
	struct conf *conf = NULL;
	int r = conf_load_memory(&conf, str_from(yaml), "etc/c.yaml", tables, 2, env, ignored, settings,
				 n_settings, warnings, error);
	assert_true(r == 0 ? conf != NULL : r == -EINVAL && error->text[0] && !conf);
	return conf;
}

static struct conf *load(const char *yaml)
{
	struct conf_error error = {""};
	struct conf *conf = load_with(yaml, NULL, NULL, 0, NULL, &error);
	if (!conf)
		fail_msg("%s", error.text);
	return conf;
}

static void test_defaults(void **state)
{
	(void)state;
	static const char *const empty[] = {"",        "# nothing\n",           "---\n",
					    "door:\n", "door: {}\nnames: {}\n", "~"};
	for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
		struct conf *conf = load(empty[i]);
		const struct door_conf *door = conf_section(conf, "door");
		const struct names_conf *names = conf_section(conf, "names");
		assert_true(door->open);
		assert_int_equal(door->number, 100);
		assert_int_equal(door->size, 35 << 20);
		assert_int_equal(door->timeout_ms, 300000);
		assert_string_equal(door->banner, "hello");
		assert_string_equal(door->file, "");
		assert_int_equal(door->mode, 0);
		assert_int_equal(door->listen.n, 2);
		assert_string_equal(door->listen.items[1], "[::1]:25");
		assert_int_equal(door->pairs.n, 0);
		assert_int_equal(names->map.n, 0);
		assert_null(conf_section(conf, "window"));
		conf_free(conf);
	}
}

static void test_file(void **state)
{
	(void)state;
	struct conf *conf = load("door:\n"
				 "  open: no\n"
				 "  number: 250\n"
				 "  size: 128 KiB\n"
				 "  timeout: 5m\n"
				 "  banner:\n"
				 "  file: x.pem\n"
				 "  mode: reject\n"
				 "  listen: \"[::]:2525\"\n"
				 "  pairs:\n"
				 "    - {host: a, file: /abs}\n"
				 "    - host: b\n"
				 "      file: rel\n"
				 "      weight: 0\n"
				 "names:\n"
				 "  support: ops@example.org\n"
				 "  \"legal\": law@example.org\n");
	const struct door_conf *door = conf_section(conf, "door");
	const struct names_conf *names = conf_section(conf, "names");
	const struct pair_conf *pairs = door->pairs.items;
	assert_false(door->open);
	assert_int_equal(door->number, 250);
	assert_int_equal(door->size, 131072);
	assert_int_equal(door->timeout_ms, 300000);
	assert_string_equal(door->banner, "");
	assert_string_equal(door->file, "etc/x.pem");
	assert_int_equal(door->mode, 1);
	assert_int_equal(door->listen.n, 1);
	assert_string_equal(door->listen.items[0], "[::]:2525");
	assert_int_equal(door->pairs.n, 2);
	assert_string_equal(pairs[0].file, "/abs");
	assert_int_equal(pairs[0].weight, 7);
	assert_string_equal(pairs[1].host, "b");
	assert_string_equal(pairs[1].file, "etc/rel");
	assert_int_equal(pairs[1].weight, 0);
	assert_int_equal(names->map.n, 2);
	assert_string_equal(names->map.items[0].key, "support");
	assert_string_equal(names->map.items[1].value, "law@example.org");
	conf_free(conf);
	conf = load("door: {listen: [a, \"b,c\"]}");
	door = conf_section(conf, "door");
	assert_int_equal(door->listen.n, 2);
	assert_string_equal(door->listen.items[1], "b,c");
	conf_free(conf);
	conf = load("door: {listen: []}");
	assert_int_equal(((const struct door_conf *)conf_section(conf, "door"))->listen.n, 0);
	conf_free(conf);
}

static void test_errors_name_the_place_and_the_cause(void **state)
{
	(void)state;
	static const struct {
		const char *yaml, *want;
	} cases[] = {
		{"dor:\n", "etc/c.yaml:1:1: unknown section \"dor\", did you mean \"door\"?"},
		{"timeout: 5s\n", "etc/c.yaml:1:1: \"timeout\" is an option of section \"door\""},
		{"zzzzzzzz: 1\n", "etc/c.yaml:1:1: unknown section \"zzzzzzzz\""},
		{"- a\n", "etc/c.yaml:1:1: sections (\"mail:\", \"smtp:\", ...) are expected"},
		{"door: 5\n", "etc/c.yaml:1:7: door: keys and values are expected"},
		{"door:\n  nubmer: 1\n",
		 "etc/c.yaml:2:3: unknown key \"nubmer\" in \"door\", did you mean \"number\"?"},
		{"door:\n  xyzzy: 1\n", "etc/c.yaml:2:3: unknown key \"xyzzy\" in \"door\""},
		{"door:\n  number: ten\n",
		 "etc/c.yaml:2:11: door.number: a whole number is expected, like 100"},
		{"door:\n  number: 5\n", "etc/c.yaml:2:11: door.number: must be at least 10"},
		{"door:\n  number: -5\n", "etc/c.yaml:2:11: door.number: must be at least 10"},
		{"door:\n  number: 1001\n", "etc/c.yaml:2:11: door.number: must be at most 1000"},
		{"door:\n  number: 99999999999999999999\n",
		 "etc/c.yaml:2:11: door.number: the number is too big"},
		{"door:\n  number: 5 5\n",
		 "etc/c.yaml:2:11: door.number: a whole number is expected, like 100"},
		{"door:\n  number:\n", "etc/c.yaml:2:10: door.number: a value is missing"},
		{"door:\n  number: [1]\n", "etc/c.yaml:2:11: door.number: one value is expected"},
		{"door:\n  size: 5 apples\n",
		 "etc/c.yaml:2:9: door.size: a size is expected, like 35MiB, 128KiB or 4096"},
		{"door:\n  size: 9000000TiB\n", "etc/c.yaml:2:9: door.size: the size is too big"},
		{"door:\n  size: -1\n",
		 "etc/c.yaml:2:9: door.size: a size is expected, like 35MiB, 128KiB or 4096"},
		{"door:\n  timeout: 300\n",
		 "etc/c.yaml:2:12: door.timeout: a duration with its unit is expected, "
		 "like 300s, 5m, 1h, 7d or 250ms"},
		{"door:\n  timeout: 999ms\n", "etc/c.yaml:2:12: door.timeout: must be at least 1s"},
		{"door:\n  timeout: 2d\n", "etc/c.yaml:2:12: door.timeout: must be at most 1d"},
		{"door:\n  timeout: 9223372036854775807d\n",
		 "etc/c.yaml:2:12: door.timeout: the duration is too long"},
		{"door:\n  open: maybe\n", "etc/c.yaml:2:9: door.open: true or false is expected"},
		{"door:\n  mode: never\n",
		 "etc/c.yaml:2:9: door.mode: one of these is expected: accept, reject"},
		{"door:\n  banner: bad\n", "etc/c.yaml:2:11: door.banner: that is a bad one"},
		{"door:\n  banner: \"a\\nb\"\n",
		 "etc/c.yaml:2:11: door.banner: one line of UTF-8 text without "
		 "control characters is expected"},
		{"door:\n  banner: \"a\\0b\"\n",
		 "etc/c.yaml:2:11: door.banner: one line of UTF-8 text without "
		 "control characters is expected"},
		{"door:\n  listen: {a: b}\n", "etc/c.yaml:2:11: door.listen: a list is expected"},
		{"door:\n  listen: [[a]]\n", "etc/c.yaml:2:12: door.listen: a plain value is expected"},
		{"door:\n  pairs: x\n",
		 "etc/c.yaml:2:10: door.pairs: a list is expected (lines that begin with \"-\")"},
		{"door:\n  pairs: [x]\n", "etc/c.yaml:2:11: door.pairs: keys and values are expected"},
		{"door:\n  pairs:\n    - file: x\n", "etc/c.yaml:3:7: door.pairs.host: is missing"},
		{"door:\n  pairs:\n    - hots: x\n",
		 "etc/c.yaml:3:7: unknown key \"hots\" in \"door.pairs\", did you mean \"host\"?"},
		{"door:\n  number: 10\n  open: no\n  number: 20\n",
		 "etc/c.yaml:4:3: \"number\" is given twice, first in line 2"},
		{"names:\n  a: b\n  a: c\n", "etc/c.yaml:3:3: \"a\" is given twice, first in line 2"},
		{"names:\n  a: [b]\n", "etc/c.yaml:2:6: names: a plain value is expected"},
		{"names: x\n", "etc/c.yaml:1:8: names: names and values are expected"},
		{"door: &anchor {}\n", "etc/c.yaml:1:7: anchors (&name) are not supported"},
		{"door: *anchor\n", "etc/c.yaml:1:7: aliases (*name) are not supported"},
		{"door: !!map {}\n", "etc/c.yaml:1:7: tags (!name) are not supported"},
		{"door: {banner: !x y}\n", "etc/c.yaml:1:16: tags (!name) are not supported"},
		{"? [a]\n: b\n", "etc/c.yaml:1:3: a key must be a word"},
		{"door: {}\n---\ndoor: {}\n", "etc/c.yaml:2:1: a second document (\"---\") is not used"},
		{"[[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]]", "etc/c.yaml:1:17: nested too deep"},
		{"door:\n\tnumber: 10\n", "etc/c.yaml:2:1: found character that cannot start any token"},
		{"door: {number: 10\n", "etc/c.yaml:2:1: did not find expected ',' or '}'"},
		{"door: \xff\n", "etc/c.yaml: octet 6: invalid leading UTF-8 octet"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf_error error = {""};
		assert_null(load_with(cases[i].yaml, NULL, NULL, 0, NULL, &error));
		assert_string_equal(error.text, cases[i].want);
	}
}

static void test_environment_and_settings_win_in_their_order(void **state)
{
	(void)state;
	static char *const env[] = {"HOME=/",
				    "SERVELO_CONFIG=x",
				    "SERVELO_DOOR_NUMBER=300",
				    "SERVELO_DOOR_LISTEN= a ,b",
				    "SERVELO_DOOR_BANNER=",
				    "SERVELO_DOOR_TIMEOUT=1h",
				    NULL};
	static const struct conf_setting settings[] = {{"door.number", "400"},
						       {"door.timeout", "forever"},
						       {"door.banner", "x"},
						       {"door.gone", "1"}};
	struct conf_error error = {""};
	struct strbuf warnings;
	strbuf_init(&warnings, 4096);
	struct conf *conf = load_with("door: {number: 200, size: 1KiB, banner: file}", env, settings,
				      ARRAY_SIZE(settings), &warnings, &error);
	assert_non_null(conf);
	const struct door_conf *door = conf_section(conf, "door");
	assert_int_equal(door->number, 400);
	assert_int_equal(door->size, 1024);
	assert_string_equal(door->banner, "");
	assert_int_equal(door->timeout_ms, 3600000);
	assert_int_equal(door->listen.n, 2);
	assert_string_equal(door->listen.items[0], "a");
	assert_string_equal(
		warnings.ptr,
		"setting door.timeout is skipped: a duration with its unit is expected, like 300s, "
		"5m, 1h, 7d or 250ms\n"
		"setting door.banner is skipped: it can't be set while running\n"
		"setting door.gone is skipped: there is no such option\n");
	strbuf_done(&warnings);
	conf_free(conf);
}

static void test_environment_errors(void **state)
{
	(void)state;
	static const struct {
		char *variable;
		const char *want;
	} cases[] = {
		{"SERVELO_DOOR_NUBMER=5",
		 "environment: unknown variable SERVELO_DOOR_NUBMER, did you mean SERVELO_DOOR_NUMBER?"},
		{"SERVELO_WHATEVER", "environment: unknown variable SERVELO_WHATEVER"},
		{"SERVELO_DOOR_NUMBER=5", "environment: SERVELO_DOOR_NUMBER: must be at least 10"},
		{"SERVELO_DOOR_PAIRS=5", "environment: SERVELO_DOOR_PAIRS can be given in the file only"},
		{"SERVELO_DOOR_BANNER=\xff",
		 "environment: SERVELO_DOOR_BANNER: one line of UTF-8 text without "
		 "control characters is expected"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *const env[] = {cases[i].variable, NULL};
		struct conf_error error = {""};
		assert_null(load_with("", env, NULL, 0, NULL, &error));
		assert_string_equal(error.text, cases[i].want);
	}
}

static void test_settings_are_checked_before_they_are_stored(void **state)
{
	(void)state;
	static const struct {
		const char *key, *value;
		int want;
		const char *text;
	} cases[] = {
		{"door.number", "20", 0, ""},
		{"door.number", "2", -EINVAL, "door.number: must be at least 10"},
		{"door.nunber", "20", -ENOENT,
		 "unknown option \"door.nunber\", did you mean \"door.number\"?"},
		{"number", "20", -ENOENT, "unknown option \"number\""},
		{"door.banner", "x", -EPERM,
		 "door.banner can't be set while running; it is an option of config.yaml"},
		{"door.pairs", "x", -EPERM,
		 "door.pairs can't be set while running; it is an option of config.yaml"},
		{"door.mode", "reject", 0, ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf_error error = {""};
		assert_int_equal(conf_check_setting(tables, 2, cases[i].key, cases[i].value, &error),
				 cases[i].want);
		assert_string_equal(error.text, cases[i].text);
	}
}

static void collect(void *ctx, const char *key, const struct conf_option *option, const char *value,
		    const char *origin)
{
	(void)option;
	strbuf_printf(ctx, "%s=%s (%s)\n", key, value, origin);
}

static void test_walk_shows_values_and_origins_but_no_secret(void **state)
{
	(void)state;
	static char *const env[] = {"SERVELO_DOOR_MODE=reject", NULL};
	static const struct conf_setting settings[] = {{"door.timeout", "90s"}};
	struct conf_error error = {""};
	struct strbuf out;
	strbuf_init(&out, 4096);
	struct conf *conf = load_with("door: {password: hidden, size: 1536}", env, settings, 1, NULL, &error);
	conf_walk(conf, collect, &out);
	assert_string_equal(out.ptr, "door.open=true (default)\n"
				     "door.number=100 (default)\n"
				     "door.size=1536 (file)\n"
				     "door.timeout=90s (setting)\n"
				     "door.banner=hello (default)\n"
				     "door.file= (default)\n"
				     "door.password=(secret) (file)\n"
				     "door.mode=reject (environment)\n"
				     "door.listen=127.0.0.1:25,[::1]:25 (default)\n");
	strbuf_done(&out);
	conf_free(conf);
}

static void test_where_a_value_stands(void **state)
{
	(void)state;
	static char *const env[] = {"SERVELO_DOOR_MODE=reject", NULL};
	static const struct {
		const char *key;
		unsigned line, column; /* 0: nowhere */
	} cases[] = {
		{"door.size", 2, 9}, {"door.listen", 4, 5}, {"door.mode", 0, 0}, {"door.number", 0, 0},
		{"names", 7, 3},     {"door", 0, 0},        {"door.nope", 0, 0}, {"", 0, 0},
	};
	struct conf_error error = {""};
	struct conf *conf =
		load_with("door:\n  size: 1536\n  listen:\n    [a, b]\n  mode: accept\nnames:\n  x: y\n", env,
			  NULL, 0, NULL, &error);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned line = 0, column = 0;
		assert_int_equal(conf_position(conf, str_from(cases[i].key), &line, &column),
				 cases[i].line != 0);
		assert_int_equal(line, cases[i].line);
		assert_int_equal(column, cases[i].column);
	}
	conf_free(conf);
}

static void test_what_needs_a_restart(void **state)
{
	(void)state;
	struct strbuf out;
	strbuf_init(&out, 4096);
	struct conf *a = load("door: {size: 1KiB, number: 10, pairs: [{host: a}]}");
	struct conf *b = load("door: {size: 1024, number: 20, pairs: [{host: a, weight: 7}]}");
	struct conf *c = load("door: {size: 2KiB, listen: [a], pairs: [{host: b}]}");
	conf_diff_restart(a, b, &out);
	assert_int_equal(out.len, 0);
	conf_diff_restart(b, c, &out);
	assert_string_equal(out.ptr, "door.size\ndoor.listen\ndoor.pairs\n");
	strbuf_done(&out);
	conf_free(a);
	conf_free(b);
	conf_free(c);
	assert_null(conf_free(NULL));
}

static void test_files_on_disk(void **state)
{
	(void)state;
	char dir[] = "/tmp/servelo-conf-XXXXXX", path[64], want[256];
	struct conf *conf = NULL;
	struct conf_error error;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/c.yaml", dir);
	snprintf(want, sizeof(want), "%s: No such file or directory", path);
	assert_int_equal(conf_load(&conf, path, tables, 2, NULL, NULL, NULL, 0, NULL, &error), -ENOENT);
	assert_string_equal(error.text, want);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs("door: {file: key}\n", file);
	fclose(file);
	assert_int_equal(conf_load(&conf, path, tables, 2, NULL, NULL, NULL, 0, NULL, &error), 0);
	snprintf(want, sizeof(want), "%s/key", dir);
	assert_string_equal(((const struct door_conf *)conf_section(conf, "door"))->file, want);
	conf = conf_free(conf);
	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 20000; i++)
		fputs("# a comment that is as long as this one, again and again\n", file);
	fclose(file);
	snprintf(want, sizeof(want), "%s: more than 1048576 octets", path);
	assert_int_equal(conf_load(&conf, path, tables, 2, NULL, NULL, NULL, 0, NULL, &error), -EINVAL);
	assert_string_equal(error.text, want);
	assert_int_equal(conf_load(&conf, NULL, tables, 2, NULL, NULL, NULL, 0, NULL, &error), 0);
	conf_free(conf);
	unlink(path);
	rmdir(dir);
}

static void test_near_names(void **state)
{
	(void)state;
	static const char *const names[] = {"list", "show", "suspend", "set"};
	assert_int_equal(edit_distance(STR("acme"), STR("acme"), 2), 0);
	assert_int_equal(edit_distance(STR("acme"), STR("amce"), 2), 1);
	assert_int_equal(edit_distance(STR("acme"), STR("acmee"), 2), 1);
	assert_int_equal(edit_distance(STR("kitten"), STR("sitting"), 5), 3);
	assert_int_equal(edit_distance(STR("kitten"), STR("sitting"), 2), 3);
	assert_int_equal(edit_distance(STR(""), STR("ab"), 2), 2);
	assert_int_equal(edit_distance(STR("abcdef"), STR(""), 2), 3);
	assert_string_equal(nearest_name(STR("lsit"), names, 4), "list");
	assert_string_equal(nearest_name(STR("supsendd"), names, 4), "suspend");
	assert_null(nearest_name(STR("xy"), names, 4));
	assert_null(nearest_name(STR("remove"), names, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_errors_name_the_place_and_the_cause),
		cmocka_unit_test(test_environment_and_settings_win_in_their_order),
		cmocka_unit_test(test_environment_errors),
		cmocka_unit_test(test_settings_are_checked_before_they_are_stored),
		cmocka_unit_test(test_walk_shows_values_and_origins_but_no_secret),
		cmocka_unit_test(test_where_a_value_stands),
		cmocka_unit_test(test_what_needs_a_restart),
		cmocka_unit_test(test_files_on_disk),
		cmocka_unit_test(test_near_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
