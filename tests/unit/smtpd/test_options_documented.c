/*
 * Every option of the tables stands in config.yaml.example, docs/configuration.md and the man page, with the
 * default and the very words of the table; and the example has no others. What is missing is printed as it
 * should stand there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "smtpd/server_conf.h"

#define TEXT_MAX ((size_t)1024 * 1024)

/* ---- how an option reads ---- */

static const char *type_name(const struct conf_option *option)
{
	static const char *const names[] = {
		[CONF_BOOL] = "true or false",  [CONF_INT] = "number",   [CONF_SIZE] = "size",
		[CONF_DURATION] = "duration",   [CONF_STRING] = "text",  [CONF_PATH] = "path",
		[CONF_ENUM] = "word",           [CONF_STRINGS] = "list", [CONF_MAP] = "names and addresses",
		[CONF_LIST] = "list of groups",
	};
	return names[option->type];
}

static const char *when_it_changes(const struct conf_option *option)
{
	if (option->flags & CONF_RUNTIME)
		return "setting";
	return option->flags & CONF_RESTART ? "restart" : "reload";
}

/* A default that YAML would take for something else is quoted. */
static void add_scalar(struct strbuf *out, struct str text)
{
	bool quote = text.len == 0 || text.ptr[0] == '[' || str_starts(text, STR("::"));
	strbuf_printf(out, quote ? "\"%.*s\"" : "%.*s", STR_ARG(text));
}

static void add_default(struct strbuf *out, const struct conf_option *option)
{
	struct str rest = str_from(option->def ? option->def : "");
	if (option->type == CONF_LIST || option->type == CONF_MAP) {
		strbuf_adds(out, option->type == CONF_LIST ? "[]" : "{}");
		return;
	}
	if (option->type != CONF_STRINGS) {
		add_scalar(out, rest);
		return;
	}
	strbuf_addc(out, '[');
	for (bool first = true; rest.len; first = false) {
		size_t comma = str_find(rest, ',');
		strbuf_adds(out, first ? "" : ", ");
		add_scalar(out, str_trim(str_sub(rest, 0, comma)));
		rest = str_sub(rest, comma + 1, rest.len);
	}
	strbuf_addc(out, ']');
}

/* Words of text, in lines of at most width octets, each behind prefix. */
static void add_wrapped(struct strbuf *out, struct str text, const char *prefix, size_t width)
{
	size_t column = 0;
	while (text.len) {
		size_t word = str_find(text, ' ');
		bool new_line = column > 0 && column + word + 1 > width;
		strbuf_printf(out, "%s%s%.*s", new_line ? "\n" : "", column == 0 || new_line ? prefix : " ",
			      (int)word, text.ptr);
		column = new_line ? word : column + word + 1;
		text = str_sub(text, word + 1, text.len);
	}
	strbuf_addc(out, '\n');
}

/* "  # help\n  #name: default\n" */
static void example_block(struct strbuf *out, const struct conf_option *option)
{
	struct strbuf help;
	strbuf_init(&help, 4096);
	strbuf_printf(&help, "%s (%s)", option->help, when_it_changes(option));
	strbuf_clear(out);
	add_wrapped(out, strbuf_str(&help), "  # ", 100);
	strbuf_printf(out, "  #%s: ", option->name);
	add_default(out, option);
	strbuf_addc(out, '\n');
	strbuf_done(&help);
}

static void full_name(struct strbuf *out, const struct conf_table *table, const struct conf_option *option)
{
	if (strcmp(option->name, "*") == 0)
		strbuf_adds(out, table->section);
	else
		strbuf_printf(out, "%s.%s", table->section, option->name);
}

static void markdown_row(struct strbuf *out, const struct conf_table *table, const struct conf_option *option)
{
	strbuf_clear(out);
	strbuf_adds(out, "| `");
	full_name(out, table, option);
	strbuf_printf(out, "` | %s | ", type_name(option));
	if (option->flags & CONF_REQUIRED) {
		strbuf_adds(out, "(must be given)");
	} else {
		strbuf_addc(out, '`');
		add_default(out, option);
		strbuf_addc(out, '`');
	}
	strbuf_printf(out, " | %s | %s |\n", when_it_changes(option), option->help);
}

/* The default as roff text: a long list may be broken behind its commas. */
static void man_default(struct strbuf *out, const struct conf_option *option)
{
	struct strbuf value;
	strbuf_init(&value, 4096);
	add_default(&value, option);
	bool empty = strcmp(value.ptr, "\"\"") == 0;
	strbuf_adds(out, empty ? "Default: empty" : "Default: ");
	for (size_t i = 0; !empty && i < value.len; i++)
		strbuf_printf(out, value.ptr[i] == ',' ? "%c\\:" : "%c", value.ptr[i]);
	strbuf_addc(out, '\n');
	strbuf_done(&value);
}

static void man_item(struct strbuf *out, const struct conf_table *table, const struct conf_option *option)
{
	strbuf_clear(out);
	strbuf_adds(out, ".It Cm ");
	full_name(out, table, option);
	strbuf_printf(out, "\n.Pq %s ; %s\n", type_name(option), when_it_changes(option));
	add_wrapped(out, str_from(option->help), "", 78);
	strbuf_adds(out, ".br\n");
	if (option->flags & CONF_REQUIRED)
		strbuf_adds(out, "It must be given.\n");
	else
		man_default(out, option);
}

/* ---- the files ---- */

static char *read_whole(const char *name)
{
	char path[4096];
	struct strbuf text;
	snprintf(path, sizeof(path), "%s/%s", SERVELO_SOURCE_DIR, name);
	FILE *file = fopen(path, "r");
	if (!file)
		fail_msg("%s is missing", path);
	strbuf_init(&text, TEXT_MAX);
	char *end = strbuf_reserve(&text, TEXT_MAX);
	size_t n = fread(end, 1, TEXT_MAX, file);
	end[n] = '\0';
	fclose(file);
	return strbuf_detach(&text);
}

struct missing {
	const char *text;
	int n;
};

static void expect(struct missing *missing, const struct strbuf *block)
{
	if (strstr(missing->text, block->ptr))
		return;
	print_error("missing:\n%s", block->ptr);
	missing->n++;
}

typedef void option_fn(struct strbuf *out, const struct conf_table *table, const struct conf_option *option);

/* Each option, also those of groups in lists. */
static void expect_each(struct missing *missing, option_fn *render)
{
	struct strbuf out;
	size_t n;
	const struct conf_table *const *tables = server_conf_tables(&n);
	strbuf_init(&out, TEXT_MAX);
	for (size_t t = 0; t < n; t++) {
		for (size_t i = 0; i < tables[t]->n; i++) {
			const struct conf_option *option = &tables[t]->options[i];
			render(&out, tables[t], option);
			expect(missing, &out);
			for (size_t k = 0; option->sub && k < option->sub->n; k++) {
				render(&out, option->sub, &option->sub->options[k]);
				expect(missing, &out);
			}
		}
	}
	strbuf_done(&out);
}

static void check_file(const char *name, option_fn *render)
{
	char *text = read_whole(name);
	struct missing missing = {text, 0};
	expect_each(&missing, render);
	free(text);
	assert_int_equal(missing.n, 0);
}

static void test_configuration_md_has_every_option(void **state)
{
	(void)state;
	check_file("docs/configuration.md", markdown_row);
}

static void test_man_page_has_every_option(void **state)
{
	(void)state;
	check_file("docs/man/servelo.yaml.5", man_item);
}

/* ---- the example ---- */

/* The two that have no default stand there with a value. */
static bool is_given(const struct conf_table *table, const struct conf_option *option)
{
	return table == &mail_conf_table &&
	       (strcmp(option->name, "domain") == 0 || strcmp(option->name, "operator_address") == 0);
}

static void test_example_has_every_option_once(void **state)
{
	(void)state;
	char *text = read_whole("config.yaml.example");
	struct missing missing = {text, 0};
	struct strbuf block;
	size_t n;
	const struct conf_table *const *tables = server_conf_tables(&n);
	strbuf_init(&block, TEXT_MAX);
	for (size_t t = 0; t < n; t++) {
		for (size_t i = 0; i < tables[t]->n; i++) {
			const struct conf_option *option = &tables[t]->options[i];
			if (is_given(tables[t], option) || option->type == CONF_MAP)
				continue;
			example_block(&block, option);
			expect(&missing, &block);
		}
	}
	strbuf_done(&block);
	free(text);
	assert_int_equal(missing.n, 0);
}

/* Lines "  #name: value" without their "#". */
static char *uncomment(const char *text)
{
	struct strbuf out;
	strbuf_init(&out, TEXT_MAX);
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");
		bool option = strncmp(line, "  #", 3) == 0 && line[3] >= 'a' && line[3] <= 'z';
		strbuf_printf(&out, "%s%.*s\n", option ? "  " : "", (int)(len - (option ? 3 : 0)),
			      line + (option ? 3 : 0));
		line += len + (line[len] == '\n');
	}
	return strbuf_detach(&out);
}

struct origins {
	int from_file, from_default;
	struct strbuf values;
};

static void note_origin(void *ctx, const char *key, const struct conf_option *option, const char *value,
			const char *origin)
{
	struct origins *origins = ctx;
	(void)option;
	if (strcmp(origin, "file") == 0)
		origins->from_file++;
	else
		origins->from_default++;
	strbuf_printf(&origins->values, "%s=%s\n", key, value);
}

static struct origins load_text(const char *yaml)
{
	struct origins origins = {0, 0, {NULL, 0, 0, 0, false}};
	struct conf_error error = {""};
	struct conf *conf;
	size_t n;
	const struct conf_table *const *tables = server_conf_tables(&n);
	strbuf_init(&origins.values, TEXT_MAX);
	if (conf_load_memory(&conf, str_from(yaml), "config.yaml.example", tables, n, NULL, NULL, NULL, 0,
			     NULL, &error) < 0)
		fail_msg("%s", error.text);
	conf_walk(conf, note_origin, &origins);
	conf_free(conf);
	return origins;
}

static void test_example_loads_and_shows_the_defaults(void **state)
{
	(void)state;
	char *text = read_whole("config.yaml.example");
	char *with_all = uncomment(text);
	/* As it is: the two that must be given, and defaults. Uncommented: the same values, all from the file;
	 * an unknown option would be an error. */
	struct origins as_is = load_text(text), all = load_text(with_all);
	assert_int_equal(as_is.from_file, 2);
	assert_int_equal(all.from_default, 0);
	assert_int_equal(all.from_file, as_is.from_file + as_is.from_default);
	assert_string_equal(as_is.values.ptr, all.values.ptr);
	strbuf_done(&as_is.values);
	strbuf_done(&all.values);
	free(with_all);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example_has_every_option_once),
		cmocka_unit_test(test_example_loads_and_shows_the_defaults),
		cmocka_unit_test(test_configuration_md_has_every_option),
		cmocka_unit_test(test_man_page_has_every_option),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
