/*
 * YAML text into a bounded tree: the only file that knows libyaml.
 *
 * libyaml's events are taken one by one; the path of open collections is the chain of parents, so nothing
 * recurses. Of YAML we want what a configuration needs: mappings, sequences, scalars. Anchors, aliases and tags
 * are refused with a message: they make a file that is hard to read, and expansions that are hard to bound.
 *
 * Always true:
 *  1. builder->open is NULL or a collection; its depth is at most CONF_DEPTH_MAX.
 *  2. builder->has_key only while open is a mapping.
 *  3. When a mapping was closed its keys differ. They are compared sorted, so a long mapping costs n log n.
 */
#include <errno.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/alloc.h"
#include "base/conf_private.h"

struct builder {
	struct arena *arena;
	const char *name;
	struct conf_error *reterr;
	struct conf_node *root, *open;
	unsigned depth;
	size_t nodes;
	unsigned documents;
	bool has_key;
	struct str key;
	yaml_mark_t key_mark;
};

static int take_event(struct builder *builder, const yaml_event_t *event);
static int take_scalar(struct builder *builder, const yaml_event_t *event);
static int open_collection(struct builder *builder, const yaml_event_t *event, enum conf_node_kind kind);
static int close_collection(struct builder *builder);
static int check_keys_differ(struct builder *builder, const struct conf_node *mapping);

static int fail_at(struct builder *builder, const yaml_mark_t *mark, const char *what)
{
	return conf_error_set(builder->reterr, "%s:%zu:%zu: %s", builder->name, mark->line + 1,
			      mark->column + 1, what);
}

static int fail_parser(struct builder *builder, const yaml_parser_t *parser)
{
	const char *problem = parser->problem ? parser->problem : "this is not YAML";
	if (parser->error == YAML_READER_ERROR)
		return conf_error_set(builder->reterr, "%s: octet %zu: %s", builder->name,
				      parser->problem_offset, problem);
	return fail_at(builder, &parser->problem_mark, problem);
}

int conf_tree_parse(struct arena *arena, struct str yaml, const char *name, struct conf_node **ret,
		    struct conf_error *reterr)
{
	struct builder builder = {.arena = arena, .name = name, .reterr = reterr};
	yaml_parser_t parser;
	bool ended = false;
	int r = 0;
	if (yaml.len > CONF_FILE_MAX)
		return conf_error_set(reterr, "%s: more than %zu octets", name, CONF_FILE_MAX);
	if (!yaml_parser_initialize(&parser))
		return conf_error_set(reterr, "%s: out of memory", name);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)(yaml.ptr ? yaml.ptr : ""), yaml.len);
	while (r == 0 && !ended) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			r = fail_parser(&builder, &parser);
			break;
		}
		ended = event.type == YAML_STREAM_END_EVENT;
		r = take_event(&builder, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	if (r == 0)
		*ret = builder.root;
	return r;
}

static int take_event(struct builder *builder, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return builder->documents++ == 0 ? 0
						 : fail_at(builder, &event->start_mark,
							   "a second document (\"---\") is not used");
	case YAML_ALIAS_EVENT:
		return fail_at(builder, &event->start_mark, "aliases (*name) are not supported");
	case YAML_SCALAR_EVENT:
		return take_scalar(builder, event);
	case YAML_SEQUENCE_START_EVENT:
		return open_collection(builder, event, CONF_SEQUENCE);
	case YAML_MAPPING_START_EVENT:
		return open_collection(builder, event, CONF_MAPPING);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_collection(builder);
	default:
		return 0;
	}
}

static int check_plain_yaml(struct builder *builder, const yaml_mark_t *mark, const yaml_char_t *anchor,
			    const yaml_char_t *tag)
{
	if (anchor)
		return fail_at(builder, mark, "anchors (&name) are not supported");
	return tag ? fail_at(builder, mark, "tags (!name) are not supported") : 0;
}

/* A node below the open collection, under the key that was read before. */
static int add_node(struct builder *builder, const yaml_mark_t *mark, enum conf_node_kind kind,
		    struct conf_node **ret)
{
	struct conf_node *node = arena_zalloc(builder->arena, sizeof(*node));
	if (!node || ++builder->nodes > CONF_NODES_MAX)
		return fail_at(builder, mark, "too many entries");
	node->kind = kind;
	node->line = (unsigned)mark->line + 1;
	node->column = (unsigned)mark->column + 1;
	node->parent = builder->open;
	if (builder->has_key) {
		node->key = builder->key;
		node->key_line = (unsigned)builder->key_mark.line + 1;
		node->key_column = (unsigned)builder->key_mark.column + 1;
		builder->has_key = false;
	}
	if (!builder->open) {
		builder->root = node;
	} else {
		struct conf_node **end =
			builder->open->last ? &builder->open->last->next : &builder->open->first;
		*end = builder->open->last = node;
		builder->open->n++;
	}
	*ret = node;
	return 0;
}

static bool key_is_due(const struct builder *builder)
{
	return builder->open && builder->open->kind == CONF_MAPPING && !builder->has_key;
}

static bool is_null(const yaml_event_t *event, struct str text)
{
	return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (text.len == 0 || str_eq(text, STR("~")) || str_eq(text, STR("null")));
}

static int take_scalar(struct builder *builder, const yaml_event_t *event)
{
	struct str view = {(const char *)event->data.scalar.value, event->data.scalar.length}, text;
	struct conf_node *node;
	int r = check_plain_yaml(builder, &event->start_mark, event->data.scalar.anchor,
				 event->data.scalar.tag);
	if (r < 0)
		return r;
	if (arena_copy(builder->arena, view, &text) < 0)
		return fail_at(builder, &event->start_mark, "too much text");
	if (key_is_due(builder)) {
		builder->key = text;
		builder->key_mark = event->start_mark;
		builder->has_key = true;
		return 0;
	}
	r = add_node(builder, &event->start_mark, CONF_SCALAR, &node);
	if (r < 0)
		return r;
	node->text = text;
	node->null = is_null(event, text);
	return 0;
}

static int open_collection(struct builder *builder, const yaml_event_t *event, enum conf_node_kind kind)
{
	bool mapping = kind == CONF_MAPPING;
	struct conf_node *node;
	int r = check_plain_yaml(builder, &event->start_mark,
				 mapping ? event->data.mapping_start.anchor
					 : event->data.sequence_start.anchor,
				 mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag);
	if (r < 0)
		return r;
	if (key_is_due(builder))
		return fail_at(builder, &event->start_mark, "a key must be a word");
	if (++builder->depth > CONF_DEPTH_MAX)
		return fail_at(builder, &event->start_mark, "nested too deep");
	r = add_node(builder, &event->start_mark, kind, &node);
	if (r < 0)
		return r;
	builder->open = node;
	return 0;
}

static int close_collection(struct builder *builder)
{
	struct conf_node *closed = builder->open;
	builder->open = closed->parent;
	builder->depth--;
	return closed->kind == CONF_MAPPING ? check_keys_differ(builder, closed) : 0;
}

static int compare_keys(const void *a, const void *b)
{
	const struct conf_node *x = *(const struct conf_node *const *)a,
			       *y = *(const struct conf_node *const *)b;
	size_t len = x->key.len < y->key.len ? x->key.len : y->key.len;
	int order = memcmp(x->key.ptr, y->key.ptr, len);
	if (order == 0 && x->key.len != y->key.len)
		order = x->key.len < y->key.len ? -1 : 1;
	if (order == 0) /* the first one in the file is the first one here */
		order = x->key_line != y->key_line ? (x->key_line < y->key_line ? -1 : 1)
						   : (x->key_column < y->key_column ? -1 : 1);
	return order;
}

static int check_keys_differ(struct builder *builder, const struct conf_node *mapping)
{
	const struct conf_node **nodes = xcalloc(mapping->n, sizeof(*nodes));
	size_t n = 0;
	int r = 0;
	for (const struct conf_node *node = mapping->first; node; node = node->next)
		nodes[n++] = node;
	qsort(nodes, n, sizeof(*nodes), compare_keys);
	for (size_t i = 1; i < n && r == 0; i++) {
		const struct conf_node *first = nodes[i - 1], *again = nodes[i];
		if (str_eq(first->key, again->key))
			r = conf_error_set(builder->reterr,
					   "%s:%u:%u: \"%.64s\" is given twice, first in line %u",
					   builder->name, again->key_line, again->key_column, again->key.ptr,
					   first->key_line);
	}
	free(nodes);
	return r;
}
