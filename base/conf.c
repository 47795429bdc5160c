/*
 * Configuration, composed: defaults, file, environment, settings, in this order, into one struct per section.
 *
 *	conf_yaml.c   text -> tree		conf_fill.c   tree -> structs
 *	conf_value.c  one value <-> text	conf_names.c  near misses, error texts
 *
 * Always true:
 *  1. A conf is handed out when everything was right, and never changes afterwards.
 *  2. All that it holds lives in its one arena; the tree is gone when loading ends.
 *  3. origins[t][i] says where the value of option i of table t came from; positions[t][i], where in the file.
 * Loop or main thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/conf_private.h"

#define CONF_ARENA_MAX ((size_t)64 * 1024 * 1024)
#define KEY_MAX        160 /* "section.option", "SERVELO_SECTION_OPTION" */
#define VALUE_TEXT_MAX ((size_t)4 * 1024 * 1024)

enum origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT, ORIGIN_SETTING };
static const char *const origin_names[] = {"default", "file", "environment", "setting"};

struct conf {
	struct arena arena;
	const struct conf_table **tables;
	size_t n_tables;
	void **sections;
	uint8_t **origins;
	struct position **positions;
};

/* In the file; line 0: not there. */
struct position {
	unsigned line, column;
};

/* An option and where it is. */
struct place {
	size_t table;
	const struct conf_option *option;
};

static struct conf *conf_new(const struct conf_table *const *tables, size_t n_tables,
			     const struct conf_values *values);
static int load_tree(struct conf *conf, const struct conf_fill *fill, struct str yaml);
static int load_environment(struct conf *conf, const struct conf_values *values, char *const *environ_list,
			    const char *const *ignored_env, struct conf_error *reterr);
static void load_settings(struct conf *conf, const struct conf_values *values,
			  const struct conf_setting *settings, size_t n_settings,
			  struct strbuf *ret_warnings);
static int check_required(const struct conf *conf, const char *name, struct conf_error *reterr);

/* ---- loading ---- */

static struct str folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return STR("");
	return slash == path ? STR("/.") : (struct str){path, (size_t)(slash - path)};
}

static int load(struct conf **ret, const struct str *yaml, const char *name,
		const struct conf_table *const *tables, size_t n_tables, char *const *environ_list,
		const char *const *ignored_env, const struct conf_setting *settings, size_t n_settings,
		struct strbuf *ret_warnings, struct conf_error *reterr)
{
	struct conf_values values = {NULL, folder_of(name)};
	struct conf *conf = conf_new(tables, n_tables, &values);
	values.arena = &conf->arena;
	struct conf_fill fill = {values, name, reterr};
	int r = yaml ? load_tree(conf, &fill, *yaml) : 0;
	if (r == 0)
		r = load_environment(conf, &values, environ_list, ignored_env, reterr);
	if (r == 0)
		load_settings(conf, &values, settings, n_settings, ret_warnings);
	if (r == 0)
		r = check_required(conf, name, reterr);
	if (r < 0) {
		conf_free(conf);
		return r;
	}
	*ret = conf;
	return 0;
}

int conf_load_memory(struct conf **ret, struct str yaml, const char *name,
		     const struct conf_table *const *tables, size_t n_tables, char *const *environ_list,
		     const char *const *ignored_env, const struct conf_setting *settings, size_t n_settings,
		     struct strbuf *ret_warnings, struct conf_error *reterr)
{
	return load(ret, &yaml, name, tables, n_tables, environ_list, ignored_env, settings, n_settings,
		    ret_warnings, reterr);
}

static int read_file(const char *path, struct strbuf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = 1;
	/* What is over the limit is noticed by the reader of the tree. */
	while (r > 0 && out->len <= CONF_FILE_MAX) {
		char *end = strbuf_reserve(out, 4096);
		ssize_t n = read(fd, end, 4096);
		if (n > 0)
			out->len += (size_t)n;
		else if (n == 0 || errno != EINTR)
			r = n == 0 ? 0 : -errno;
	}
	if (r > 0)
		r = 0;
	close(fd);
	return r;
}

int conf_load(struct conf **ret, const char *path, const struct conf_table *const *tables, size_t n_tables,
	      char *const *environ_list, const char *const *ignored_env, const struct conf_setting *settings,
	      size_t n_settings, struct strbuf *ret_warnings, struct conf_error *reterr)
{
	struct strbuf text;
	if (!path)
		return load(ret, NULL, "configuration", tables, n_tables, environ_list, ignored_env, settings,
			    n_settings, ret_warnings, reterr);
	strbuf_init(&text, CONF_FILE_MAX + 8192);
	int r = read_file(path, &text);
	if (r < 0) {
		conf_error_set(reterr, "%s: %s", path, strerror(-r));
	} else {
		struct str yaml = strbuf_str(&text);
		r = load(ret, &yaml, path, tables, n_tables, environ_list, ignored_env, settings, n_settings,
			 ret_warnings, reterr);
	}
	strbuf_done(&text);
	return r;
}

static const struct conf_node *child_find(const struct conf_node *mapping, struct str key)
{
	if (!mapping || mapping->kind != CONF_MAPPING)
		return NULL;
	for (const struct conf_node *node = mapping->first; node; node = node->next) {
		if (str_eq(node->key, key))
			return node;
	}
	return NULL;
}

int conf_peek(const char *path, const char *const *keys, size_t n, char **ret_values)
{
	struct strbuf text;
	struct arena arena;
	struct conf_node *root = NULL;
	struct conf_error error;
	strbuf_init(&text, CONF_FILE_MAX + 8192);
	arena_init(&arena, CONF_TREE_MAX);
	int r = read_file(path, &text);
	if (r == 0)
		r = conf_tree_parse(&arena, strbuf_str(&text), path, &root, &error);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct str key = str_from(keys[i]);
		size_t dot = str_find(key, '.');
		const struct conf_node *node =
			child_find(child_find(root, str_sub(key, 0, dot)), str_sub(key, dot + 1, key.len));
		ret_values[i] =
			node && node->kind == CONF_SCALAR && !node->null ? xstrndup(node->text) : NULL;
	}
	arena_done(&arena);
	strbuf_done(&text);
	return r;
}

static void *must_alloc(struct arena *arena, size_t size)
{
	void *ptr = arena_zalloc(arena, size);
	if (!ptr)
		abort(); /* CONF_ARENA_MAX is far above what our own tables need */
	return ptr;
}

static struct conf *conf_new(const struct conf_table *const *tables, size_t n_tables,
			     const struct conf_values *values)
{
	struct conf *conf = XNEW(struct conf);
	arena_init(&conf->arena, CONF_ARENA_MAX);
	struct conf_values own = {&conf->arena, values->folder};
	conf->tables = must_alloc(&conf->arena, n_tables * sizeof(*conf->tables));
	conf->sections = must_alloc(&conf->arena, n_tables * sizeof(*conf->sections));
	conf->origins = must_alloc(&conf->arena, n_tables * sizeof(*conf->origins));
	conf->positions = must_alloc(&conf->arena, n_tables * sizeof(*conf->positions));
	conf->n_tables = n_tables;
	for (size_t t = 0; t < n_tables; t++) {
		conf->tables[t] = tables[t];
		conf->sections[t] = must_alloc(&conf->arena, tables[t]->size);
		conf->origins[t] = must_alloc(&conf->arena, tables[t]->n);
		conf->positions[t] = must_alloc(&conf->arena, tables[t]->n * sizeof(**conf->positions));
		conf_fill_defaults(&own, tables[t], conf->sections[t]);
	}
	return conf;
}

struct conf *conf_free(struct conf *conf)
{
	if (!conf)
		return NULL;
	arena_done(&conf->arena);
	free(conf);
	return NULL;
}

/* ---- the file ---- */

static int fail_unknown_section(const struct conf *conf, const struct conf_fill *fill,
				const struct conf_node *node)
{
	const char **names = xcalloc(conf->n_tables, sizeof(*names));
	const char *home = NULL;
	for (size_t t = 0; t < conf->n_tables; t++) {
		names[t] = conf->tables[t]->section;
		if (conf_table_find(conf->tables[t], node->key))
			home = names[t];
	}
	const char *near = nearest_name(node->key, names, conf->n_tables);
	if (near)
		conf_error_set(fill->reterr, "%s:%u:%u: unknown section \"%.64s\", did you mean \"%s\"?",
			       fill->name, node->key_line, node->key_column, node->key.ptr, near);
	else if (home)
		conf_error_set(fill->reterr, "%s:%u:%u: \"%.64s\" is an option of section \"%s\"", fill->name,
			       node->key_line, node->key_column, node->key.ptr, home);
	else
		conf_error_set(fill->reterr, "%s:%u:%u: unknown section \"%.64s\"", fill->name,
			       node->key_line, node->key_column, node->key.ptr);
	free(names);
	return -EINVAL;
}

static void remember_positions(struct conf *conf, size_t t, const struct conf_node *section)
{
	const struct conf_table *table = conf->tables[t];
	if (conf_table_is_map(table)) {
		conf->positions[t][0] = (struct position){section->line, section->column};
		return;
	}
	for (const struct conf_node *node = section->first; node; node = node->next) {
		const struct conf_option *option = conf_table_find(table, node->key);
		conf->positions[t][option - table->options] = (struct position){node->line, node->column};
	}
}

static int fill_tree(struct conf *conf, const struct conf_fill *fill, const struct conf_node *root)
{
	if (!root || root->null)
		return 0;
	if (root->kind != CONF_MAPPING)
		return conf_error_set(fill->reterr,
				      "%s:%u:%u: sections (\"mail:\", \"smtp:\", ...) are expected",
				      fill->name, root->line, root->column);
	for (const struct conf_node *node = root->first; node; node = node->next) {
		size_t t = 0;
		while (t < conf->n_tables && !str_eq(node->key, str_from(conf->tables[t]->section)))
			t++;
		if (t == conf->n_tables)
			return fail_unknown_section(conf, fill, node);
		int r = conf_fill_section(fill, conf->tables[t], node, conf->sections[t], conf->origins[t],
					  ORIGIN_FILE);
		if (r < 0)
			return r;
		remember_positions(conf, t, node);
	}
	return 0;
}

static int load_tree(struct conf *conf, const struct conf_fill *fill, struct str yaml)
{
	struct conf_node *root = NULL;
	struct arena arena;
	arena_init(&arena, CONF_TREE_MAX);
	int r = conf_tree_parse(&arena, yaml, fill->name, &root, fill->reterr);
	if (r == 0)
		r = fill_tree(conf, fill, root);
	arena_done(&arena);
	return r;
}

static int check_required(const struct conf *conf, const char *name, struct conf_error *reterr)
{
	for (size_t t = 0; t < conf->n_tables; t++) {
		for (size_t i = 0; i < conf->tables[t]->n; i++) {
			const struct conf_option *option = &conf->tables[t]->options[i];
			if (option->flags & CONF_REQUIRED && conf->origins[t][i] == ORIGIN_DEFAULT)
				return conf_error_set(reterr, "%s: %s.%s is missing", name,
						      conf->tables[t]->section, option->name);
		}
	}
	return 0;
}

/* ---- names of options ---- */

static bool is_single(const struct conf_option *option)
{
	return option->type != CONF_MAP && option->type != CONF_LIST;
}

typedef void key_fn(char key[KEY_MAX], const struct conf_table *table, const struct conf_option *option);

static void dotted_key(char key[KEY_MAX], const struct conf_table *table, const struct conf_option *option)
{
	size_t n = 0;
	for (const char *p = table->section; *p && n < KEY_MAX - 2; p++)
		key[n++] = *p;
	key[n++] = '.';
	for (const char *p = option->name; *p && n < KEY_MAX - 1; p++)
		key[n++] = *p;
	key[n] = '\0';
}

static void environment_key(char key[KEY_MAX], const struct conf_table *table,
			    const struct conf_option *option)
{
	static const char prefix[] = "SERVELO_";
	char dotted[KEY_MAX];
	size_t n = strlen(prefix);
	dotted_key(dotted, table, option);
	memcpy(key, prefix, n);
	for (const char *p = dotted; *p && n < KEY_MAX - 1; p++)
		key[n++] = *p == '.' ? '_' : *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
	key[n] = '\0';
}

static bool find_place(const struct conf_table *const *tables, size_t n_tables, struct str key, key_fn *name,
		       struct place *ret)
{
	char text[KEY_MAX];
	for (size_t t = 0; t < n_tables; t++) {
		for (size_t i = 0; i < tables[t]->n; i++) {
			const struct conf_option *option = &tables[t]->options[i];
			name(text, tables[t], option);
			if (str_eq(key, str_from(text))) {
				*ret = (struct place){t, option};
				return true;
			}
		}
	}
	return false;
}

/* The nearest key, into near; "" when none is near. */
static void find_near(const struct conf_table *const *tables, size_t n_tables, struct str key, key_fn *name,
		      char near[KEY_MAX])
{
	char text[KEY_MAX];
	unsigned best = 3;
	near[0] = '\0';
	for (size_t t = 0; t < n_tables; t++) {
		for (size_t i = 0; i < tables[t]->n; i++) {
			name(text, tables[t], &tables[t]->options[i]);
			unsigned distance = edit_distance(key, str_from(text), 2);
			if (distance < best) {
				best = distance;
				memcpy(near, text, KEY_MAX);
			}
		}
	}
}

/* ---- environment and settings ---- */

static int assign(struct conf *conf, const struct conf_values *values, struct place place, struct str text,
		  enum origin origin, struct conf_error *why)
{
	char *section = conf->sections[place.table];
	int r = conf_value_parse(values, place.option, text, section + place.option->offset, why);
	if (r == 0)
		conf->origins[place.table][place.option - conf->tables[place.table]->options] =
			(uint8_t)origin;
	return r;
}

static bool is_ignored(struct str name, const char *const *ignored_env)
{
	for (; ignored_env && *ignored_env; ignored_env++) {
		if (str_eq(name, str_from(*ignored_env)))
			return true;
	}
	return false;
}

static int load_variable(struct conf *conf, const struct conf_values *values, struct str name,
			 struct str text, struct conf_error *reterr)
{
	char near[KEY_MAX];
	struct place place;
	struct conf_error why = {""};
	if (!find_place(conf->tables, conf->n_tables, name, environment_key, &place)) {
		find_near(conf->tables, conf->n_tables, name, environment_key, near);
		return conf_error_set(reterr, "environment: unknown variable %.*s%s%s%s",
				      (int)(name.len < KEY_MAX ? name.len : KEY_MAX), name.ptr,
				      near[0] ? ", did you mean " : "", near, near[0] ? "?" : "");
	}
	if (!is_single(place.option))
		return conf_error_set(reterr, "environment: %.*s can be given in the file only",
				      STR_ARG(name));
	if (assign(conf, values, place, text, ORIGIN_ENVIRONMENT, &why) < 0)
		return conf_error_set(reterr, "environment: %.*s: %s", STR_ARG(name), why.text);
	return 0;
}

static int load_environment(struct conf *conf, const struct conf_values *values, char *const *environ_list,
			    const char *const *ignored_env, struct conf_error *reterr)
{
	for (; environ_list && *environ_list; environ_list++) {
		struct str entry = str_from(*environ_list);
		size_t equals = str_find(entry, '=');
		struct str name = str_sub(entry, 0, equals);
		if (!str_starts(name, STR("SERVELO_")) || is_ignored(name, ignored_env))
			continue;
		int r = load_variable(conf, values, name, str_sub(entry, equals + 1, entry.len), reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static void load_settings(struct conf *conf, const struct conf_values *values,
			  const struct conf_setting *settings, size_t n_settings, struct strbuf *ret_warnings)
{
	for (size_t i = 0; i < n_settings; i++) {
		struct place place;
		struct conf_error why = {"there is no such option"};
		bool known = find_place(conf->tables, conf->n_tables, str_from(settings[i].key), dotted_key,
					&place);
		int r = -ENOENT;
		if (known && place.option->flags & CONF_RUNTIME && is_single(place.option))
			r = assign(conf, values, place, str_from(settings[i].value), ORIGIN_SETTING, &why);
		else if (known)
			conf_error_set(&why, "it can't be set while running");
		if (r < 0 && ret_warnings)
			strbuf_printf(ret_warnings, "setting %s is skipped: %s\n", settings[i].key, why.text);
	}
}

int conf_check_setting(const struct conf_table *const *tables, size_t n_tables, const char *key,
		       const char *value, struct conf_error *reterr)
{
	union {
		bool flag;
		int choice;
		int64_t number;
		const char *string;
		struct conf_strings strings;
	} field;
	char near[KEY_MAX];
	struct place place;
	struct arena arena;
	struct conf_error why = {""};
	if (!find_place(tables, n_tables, str_from(key), dotted_key, &place)) {
		find_near(tables, n_tables, str_from(key), dotted_key, near);
		conf_error_set(reterr, "unknown option \"%.128s\"%s%s%s", key,
			       near[0] ? ", did you mean \"" : "", near, near[0] ? "\"?" : "");
		return -ENOENT;
	}
	if (!(place.option->flags & CONF_RUNTIME) || !is_single(place.option)) {
		conf_error_set(reterr, "%s can't be set while running; it is an option of config.yaml", key);
		return -EPERM;
	}
	arena_init(&arena, VALUE_TEXT_MAX);
	struct conf_values values = {&arena, STR("")};
	int r = conf_value_parse(&values, place.option, str_from(value), &field, &why);
	if (r < 0)
		conf_error_set(reterr, "%s: %s", key, why.text);
	arena_done(&arena);
	return r;
}

/* ---- looking ---- */

const void *conf_section(const struct conf *conf, const char *section)
{
	for (size_t t = 0; t < conf->n_tables; t++) {
		if (strcmp(conf->tables[t]->section, section) == 0)
			return conf->sections[t];
	}
	return NULL;
}

bool conf_position(const struct conf *conf, struct str key, unsigned *ret_line, unsigned *ret_column)
{
	for (size_t t = 0; t < conf->n_tables; t++) {
		for (size_t i = 0; i < conf->tables[t]->n; i++) {
			const struct conf_table *table = conf->tables[t];
			char text[KEY_MAX];
			dotted_key(text, table, &table->options[i]);
			if (!str_eq(key, str_from(conf_table_is_map(table) ? table->section : text)))
				continue;
			if (conf->origins[t][i] != ORIGIN_FILE || conf->positions[t][i].line == 0)
				return false;
			*ret_line = conf->positions[t][i].line;
			*ret_column = conf->positions[t][i].column;
			return true;
		}
	}
	return false;
}

void conf_walk(const struct conf *conf, conf_walk_fn *fn, void *ctx)
{
	struct strbuf text;
	strbuf_init(&text, VALUE_TEXT_MAX);
	for (size_t t = 0; t < conf->n_tables; t++) {
		for (size_t i = 0; i < conf->tables[t]->n; i++) {
			const struct conf_option *option = &conf->tables[t]->options[i];
			const char *field = (const char *)conf->sections[t] + option->offset;
			char key[KEY_MAX];
			if (!is_single(option))
				continue;
			dotted_key(key, conf->tables[t], option);
			strbuf_clear(&text);
			conf_value_print(option, field, &text);
			fn(ctx, key, option, option->flags & CONF_SECRET ? "(secret)" : strbuf_str(&text).ptr,
			   origin_names[conf->origins[t][i]]);
		}
	}
	strbuf_done(&text);
}

void conf_diff_restart(const struct conf *old, const struct conf *new, struct strbuf *out)
{
	struct strbuf before, after;
	strbuf_init(&before, VALUE_TEXT_MAX);
	strbuf_init(&after, VALUE_TEXT_MAX);
	for (size_t t = 0; t < new->n_tables; t++) {
		const void *old_section = conf_section(old, new->tables[t]->section);
		for (size_t i = 0; old_section && i < new->tables[t]->n; i++) {
			const struct conf_option *option = &new->tables[t]->options[i];
			char key[KEY_MAX];
			if (!(option->flags & CONF_RESTART))
				continue;
			strbuf_clear(&before);
			strbuf_clear(&after);
			conf_value_print(option, (const char *)old_section + option->offset, &before);
			conf_value_print(option, (const char *)new->sections[t] + option->offset, &after);
			dotted_key(key, new->tables[t], option);
			if (!str_eq(strbuf_str(&before), strbuf_str(&after)))
				strbuf_printf(out, "%s\n", key);
		}
	}
	strbuf_done(&before);
	strbuf_done(&after);
}
