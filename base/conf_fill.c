/*
 * From the tree to the structs, led by the tables.
 *
 * A section is filled in the order of the file; each key is looked up in the table, so an unknown one is found
 * where it stands and can be answered with the nearest that exists. Elements of a list are sections of their
 * own with the sub table, and go no deeper. Pure but for the arena.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/conf_private.h"

static int fill_option(const struct conf_fill *fill, const char *section, const struct conf_option *option,
		       const struct conf_node *node, void *field);

static int fail_at(const struct conf_fill *fill, unsigned line, unsigned column, const char *section,
		   const char *option, const char *what)
{
	return conf_error_set(fill->reterr, "%s:%u:%u: %s%s%s: %s", fill->name, line, column, section,
			      option[0] ? "." : "", option, what);
}

const struct conf_option *conf_table_find(const struct conf_table *table, struct str name)
{
	for (size_t i = 0; i < table->n; i++) {
		if (str_eq(name, str_from(table->options[i].name)))
			return &table->options[i];
	}
	return NULL;
}

bool conf_table_is_map(const struct conf_table *table)
{
	return table->n == 1 && table->options[0].type == CONF_MAP &&
	       strcmp(table->options[0].name, "*") == 0;
}

void conf_fill_defaults(const struct conf_values *values, const struct conf_table *table, void *section)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct conf_option *option = &table->options[i];
		void *field = (char *)section + option->offset;
		struct conf_error why = {""};
		int r = 0;
		if (option->def && option->type != CONF_MAP && option->type != CONF_LIST)
			r = conf_value_parse(values, option, str_from(option->def), field, &why);
		else if (option->type == CONF_STRING || option->type == CONF_PATH)
			*(const char **)field = "";
		assert(r == 0 && "a default that its own option refuses");
		(void)r;
	}
}

static int fail_unknown(const struct conf_fill *fill, const struct conf_table *table,
			const struct conf_node *node)
{
	const char **names = xcalloc(table->n, sizeof(*names));
	for (size_t i = 0; i < table->n; i++)
		names[i] = table->options[i].name;
	const char *near = nearest_name(node->key, names, table->n);
	if (near)
		conf_error_set(fill->reterr,
			       "%s:%u:%u: unknown key \"%.64s\" in \"%s\", did you mean \"%s\"?", fill->name,
			       node->key_line, node->key_column, node->key.ptr, table->section, near);
	else
		conf_error_set(fill->reterr, "%s:%u:%u: unknown key \"%.64s\" in \"%s\"", fill->name,
			       node->key_line, node->key_column, node->key.ptr, table->section);
	free(names);
	return -EINVAL;
}

int conf_fill_section(const struct conf_fill *fill, const struct conf_table *table,
		      const struct conf_node *mapping, void *section, uint8_t *origins, uint8_t origin)
{
	if (mapping->null)
		return 0;
	if (conf_table_is_map(table)) {
		if (origins)
			origins[0] = origin;
		return fill_option(fill, table->section, &table->options[0], mapping,
				   (char *)section + table->options[0].offset);
	}
	if (mapping->kind != CONF_MAPPING)
		return fail_at(fill, mapping->line, mapping->column, table->section, "",
			       "keys and values are expected");
	for (const struct conf_node *node = mapping->first; node; node = node->next) {
		const struct conf_option *option = conf_table_find(table, node->key);
		if (!option)
			return fail_unknown(fill, table, node);
		int r = fill_option(fill, table->section, option, node, (char *)section + option->offset);
		if (r < 0)
			return r;
		if (origins)
			origins[option - table->options] = origin;
	}
	return 0;
}

/* ---- one option ---- */

static int fail_value(const struct conf_fill *fill, const char *section, const struct conf_option *option,
		      const struct conf_node *node, const char *what)
{
	bool whole = strcmp(option->name, "*") == 0;
	return fail_at(fill, node->line, node->column, section, whole ? "" : option->name, what);
}

static int fill_scalar(const struct conf_fill *fill, const char *section, const struct conf_option *option,
		       const struct conf_node *node, void *field)
{
	struct conf_error why = {""};
	bool text = option->type == CONF_STRING || option->type == CONF_PATH;
	if (node->kind != CONF_SCALAR)
		return fail_value(fill, section, option, node, "one value is expected");
	if (node->null && !text)
		return fail_value(fill, section, option, node, "a value is missing");
	int r = conf_value_parse(&fill->values, option, node->null ? STR("") : node->text, field, &why);
	return r < 0 ? fail_value(fill, section, option, node, why.text) : 0;
}

static int fill_strings(const struct conf_fill *fill, const char *section, const struct conf_option *option,
			const struct conf_node *node, void *field)
{
	const struct conf_node *first = node->kind == CONF_SCALAR && !node->null ? node : node->first;
	size_t n = 0, n_max = first == node ? 1 : node->n;
	struct conf_error why = {""};
	if (node->kind == CONF_MAPPING)
		return fail_value(fill, section, option, node, "a list is expected");
	const char **items = arena_zalloc(fill->values.arena, n_max * sizeof(*items));
	if (!items)
		return fail_value(fill, section, option, node, "too many items");
	for (const struct conf_node *item = first; n < n_max; item = item->next) {
		if (item->kind != CONF_SCALAR)
			return fail_value(fill, section, option, item, "a plain value is expected");
		if (conf_value_string(&fill->values, option, item->text, &items[n++], &why) < 0)
			return fail_value(fill, section, option, item, why.text);
	}
	*(struct conf_strings *)field = (struct conf_strings){items, n};
	return 0;
}

static int fill_map(const struct conf_fill *fill, const char *section, const struct conf_option *option,
		    const struct conf_node *node, void *field)
{
	struct conf_error why = {""};
	size_t n = 0;
	if (node->null) {
		*(struct conf_map *)field = (struct conf_map){NULL, 0};
		return 0;
	}
	if (node->kind != CONF_MAPPING)
		return fail_value(fill, section, option, node, "names and values are expected");
	struct conf_pair *pairs = arena_zalloc(fill->values.arena, node->n * sizeof(*pairs));
	if (!pairs)
		return fail_value(fill, section, option, node, "too many entries");
	for (const struct conf_node *item = node->first; item; item = item->next, n++) {
		static const struct conf_option any = {.type = CONF_STRING};
		if (item->kind != CONF_SCALAR || item->null)
			return fail_value(fill, section, option, item, "a plain value is expected");
		if (conf_value_string(&fill->values, &any, item->key, &pairs[n].key, &why) < 0 ||
		    conf_value_string(&fill->values, option, item->text, &pairs[n].value, &why) < 0)
			return fail_value(fill, section, option, item, why.text);
	}
	*(struct conf_map *)field = (struct conf_map){pairs, n};
	return 0;
}

static int check_required(const struct conf_fill *fill, const struct conf_table *table,
			  const struct conf_node *element, const uint8_t *given)
{
	for (size_t i = 0; i < table->n; i++) {
		if (table->options[i].flags & CONF_REQUIRED && !given[i])
			return fail_at(fill, element->line, element->column, table->section,
				       table->options[i].name, "is missing");
	}
	return 0;
}

static int fill_element(const struct conf_fill *fill, const struct conf_table *sub,
			const struct conf_node *node, void *element)
{
	uint8_t *given = xcalloc(sub->n, 1);
	conf_fill_defaults(&fill->values, sub, element);
	int r = 0;
	if (node->kind != CONF_MAPPING)
		r = fail_at(fill, node->line, node->column, sub->section, "", "keys and values are expected");
	if (r == 0)
		r = conf_fill_section(fill, sub, node, element, given, 1);
	if (r == 0)
		r = check_required(fill, sub, node, given);
	free(given);
	return r;
}

static int fill_list(const struct conf_fill *fill, const char *section, const struct conf_option *option,
		     const struct conf_node *node, void *field)
{
	const struct conf_table *sub = option->sub;
	size_t n = 0;
	if (node->null) {
		*(struct conf_list *)field = (struct conf_list){NULL, 0};
		return 0;
	}
	if (node->kind != CONF_SEQUENCE)
		return fail_value(fill, section, option, node,
				  "a list is expected (lines that begin with \"-\")");
	char *items = arena_zalloc(fill->values.arena, node->n * sub->size);
	if (!items)
		return fail_value(fill, section, option, node, "too many entries");
	for (const struct conf_node *item = node->first; item; item = item->next) {
		int r = fill_element(fill, sub, item, items + sub->size * n++);
		if (r < 0)
			return r;
	}
	*(struct conf_list *)field = (struct conf_list){items, n};
	return 0;
}

static int fill_option(const struct conf_fill *fill, const char *section, const struct conf_option *option,
		       const struct conf_node *node, void *field)
{
	switch (option->type) {
	case CONF_STRINGS:
		return fill_strings(fill, section, option, node, field);
	case CONF_MAP:
		return fill_map(fill, section, option, node, field);
	case CONF_LIST:
		return fill_list(fill, section, option, node, field);
	default:
		return fill_scalar(fill, section, option, node, field);
	}
}
