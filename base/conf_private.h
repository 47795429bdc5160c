/*
 * What the files of the configuration loader share: the tree that the YAML reader makes, and values as text.
 * Nobody else includes this.
 */
#ifndef SERVELO_BASE_CONF_PRIVATE_H
#define SERVELO_BASE_CONF_PRIVATE_H

#include "base/arena.h"
#include "base/conf.h"

#define CONF_FILE_MAX  ((size_t)1024 * 1024) /* octets */
#define CONF_DEPTH_MAX 16
#define CONF_NODES_MAX 65536
#define CONF_TREE_MAX  ((size_t)24 * 1024 * 1024) /* octets of a tree at these limits */

enum conf_node_kind { CONF_SCALAR, CONF_SEQUENCE, CONF_MAPPING };

struct conf_node {
	enum conf_node_kind kind;
	unsigned line, column; /* of the value; from 1 */
	struct str key;        /* in a mapping */
	unsigned key_line, key_column;
	struct str text; /* of a scalar */
	bool null;       /* a plain scalar: nothing, "~" or "null" */
	struct conf_node *parent, *first, *last, *next;
	size_t n; /* children */
};

/* conf_yaml.c: the tree lives in arena; *ret is NULL for an empty document. -EINVAL with reterr. */
int conf_tree_parse(struct arena *arena, struct str yaml, const char *name, struct conf_node **ret,
		    struct conf_error *reterr);

/* conf_value.c: values as text. */
struct conf_values {
	struct arena *arena; /* strings go there */
	struct str folder;   /* relative CONF_PATHs begin here; empty: as they are */
};
/* One scalar, or the items of CONF_STRINGS split at commas. field is where it goes; why is set on -EINVAL. */
int conf_value_parse(const struct conf_values *values, const struct conf_option *option, struct str text,
		     void *field, struct conf_error *why);
/* A string as an item of CONF_STRINGS or a value of CONF_MAP: checked and copied. */
int conf_value_string(const struct conf_values *values, const struct conf_option *option, struct str text,
		      const char **ret, struct conf_error *why);
/* The value now as text, in its shortest form; also lists and maps, for comparing. */
void conf_value_print(const struct conf_option *option, const void *field, struct strbuf *out);

/* conf_fill.c: a mapping into the struct of a table. *origins (one per option, may be NULL) is set to origin
 * for each option that was there. */
struct conf_fill {
	struct conf_values values;
	const char *name; /* of the file */
	struct conf_error *reterr;
};
/* Defaults of every option. They are the program's own: one that is wrong is a bug. */
void conf_fill_defaults(const struct conf_values *values, const struct conf_table *table, void *section);
int conf_fill_section(const struct conf_fill *fill, const struct conf_table *table,
		      const struct conf_node *mapping, void *section, uint8_t *origins, uint8_t origin);
/* The option called name, or NULL. */
const struct conf_option *conf_table_find(const struct conf_table *table, struct str name);
/* A section that is one map. */
bool conf_table_is_map(const struct conf_table *table);

/* conf_names.c: like snprintf into reterr (which may be NULL), with controls made "?". Returns -EINVAL. */
int conf_error_set(struct conf_error *reterr, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
