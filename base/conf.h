/*
 * Configuration: a YAML file (libyaml), the environment and run-time settings become C structs, driven by
 *tables.
 *
 * Each folder describes its options in a table (`*_conf.c`); a program lists the sections it knows.
 *Precedence, lowest first: the table's default, config.yaml, the environment (SERVELO_SECTION_OPTION),
 *run-time settings (the database).
 *
 *	static const struct conf_option smtp_options[] = {
 *		{"banner_name", CONF_STRING, offsetof(struct smtp_conf, banner_name), .def = ""},
 *		{"recipients_max", CONF_INT, offsetof(struct smtp_conf, recipients_max), .def = "100",
 *		 .min = 100, .max = 10000, .flags = CONF_RUNTIME, .help = "recipients in one transaction"},
 *	};
 *
 * The field an option fills, by type: CONF_BOOL bool; CONF_INT, CONF_SIZE (octets), CONF_DURATION
 *(milliseconds) int64_t; CONF_STRING, CONF_PATH const char * (never NULL); CONF_ENUM int (index into
 *choices); CONF_STRINGS struct conf_strings; CONF_MAP struct conf_map (string -> string); CONF_LIST struct
 *conf_list (one struct per element, filled by `sub`). Sizes read "35MiB", "128 KiB", "4096"; durations
 *"300s", "5m", "1h", "10ms", "7d". Strings live in the conf object.
 *
 * A table of one CONF_MAP option named "*" takes its whole section as that map ("forwards"). Sub tables hold
 * scalars and CONF_STRINGS only. In the file an option without a value (or "null") is an empty string, list or
 * map; for a number it is an error.
 *
 * An error names the file, line, column, what is wrong and, for an unknown key, the nearest known one. The
 *first error ends the load; nothing half-loaded is handed out. Loop or main thread; the result is read-only
 *and may be shared.
 */
#ifndef SERVELO_BASE_CONF_H
#define SERVELO_BASE_CONF_H

#include "base/base.h"
#include "base/strbuf.h"

enum conf_type {
	CONF_BOOL,
	CONF_INT,
	CONF_SIZE,
	CONF_DURATION,
	CONF_STRING,
	CONF_PATH, /* relative ones are taken from the folder of the configuration file */
	CONF_ENUM,
	CONF_STRINGS, /* a sequence of scalars, or one scalar; in the environment and settings split at commas
		       */
	CONF_MAP,     /* a mapping of scalars to scalars */
	CONF_LIST,    /* a sequence of mappings described by sub */
};

enum conf_flags {
	CONF_RUNTIME = 1, /* can be set while running (`servelo setting set`) */
	CONF_SECRET = 2,  /* never printed, never logged */
	CONF_RESTART = 4, /* a change in the file takes effect at the next start, and a reload says so */
	CONF_REQUIRED = 8,
};

struct conf_strings {
	const char *const *items;
	size_t n;
};
struct conf_pair {
	const char *key, *value;
};
struct conf_map {
	const struct conf_pair *items;
	size_t n;
};
struct conf_list {
	const void *items; /* array of the sub table's struct */
	size_t n;
};

struct conf_table;

struct conf_option {
	const char *name;
	enum conf_type type;
	size_t offset;
	const char *def;              /* as it would stand in YAML; NULL: zero, empty or absent */
	int64_t min, max;             /* for numbers; both 0: any non-negative */
	const char *const *choices;   /* CONF_ENUM: NULL-terminated */
	unsigned flags;               /* enum conf_flags */
	const char *help;             /* one line: what it does and why one would change it */
	const struct conf_table *sub; /* CONF_LIST */
	/* Optional: a further check of a scalar; returns NULL or a static text that says what is wrong. */
	const char *(*check)(struct str value);
};

struct conf_table {
	const char *section; /* top-level key; for a sub table: its name in messages */
	size_t size;         /* of the struct that is filled */
	const struct conf_option *options;
	size_t n;
};

struct conf;

struct conf_error {
	char text[512]; /* "config.yaml:12:3: unknown key \"messsage_size\", did you mean \"message_size\"?"
			 */
};

struct conf_setting { /* a run-time setting: "limits.message_size", "10MiB" */
	const char *key, *value;
};

/*
 * Load. path NULL: defaults, environment and settings only. environ_list is like environ(7), NULL for none.
 * Unknown SERVELO_ variables are errors too (but not those of `ignored_env`, NULL-terminated, may be NULL). A
 * setting that no longer fits its table is skipped and named in *ret_warnings (may be NULL) so that a start
 * never fails by it. Returns 0, -EINVAL or -errno of the file, with *reterr filled.
 */
int conf_load(struct conf **ret, const char *path, const struct conf_table *const *tables, size_t n_tables,
	      char *const *environ_list, const char *const *ignored_env, const struct conf_setting *settings,
	      size_t n_settings, struct strbuf *ret_warnings, struct conf_error *reterr);
/* The same from memory; name stands for the path in messages. For tests and fuzzers. */
int conf_load_memory(struct conf **ret, struct str yaml, const char *name,
		     const struct conf_table *const *tables, size_t n_tables, char *const *environ_list,
		     const char *const *ignored_env, const struct conf_setting *settings, size_t n_settings,
		     struct strbuf *ret_warnings, struct conf_error *reterr);
struct conf *conf_free(struct conf *conf);

/*
 * A few single values out of a file that conf_load() refuses: what stands at each of keys ("storage.data_dir"), as its
 * text and unchecked; NULL where nothing does. What else is in the file does not matter as long as it is YAML. The
 * texts belong to the caller. 0, -EINVAL or -errno of the file; then ret_values is untouched.
 */
int conf_peek(const char *path, const char *const *keys, size_t n, char **ret_values);

/* The struct of a section, filled; lives as long as conf. */
const void *conf_section(const struct conf *conf, const char *section);

/* Where the file gave "section.option" (or a section that is one map) its value: the value's line and column, from 1.
 * False when the value came from somewhere else, or there is no such option. */
bool conf_position(const struct conf *conf, struct str key, unsigned *ret_line, unsigned *ret_column);

/* Is "section.option" known, and would the text be accepted? 0, -ENOENT (reterr names the nearest), -EPERM
 * (not CONF_RUNTIME), -EINVAL (reterr says why). */
int conf_check_setting(const struct conf_table *const *tables, size_t n_tables, const char *key,
		       const char *value, struct conf_error *reterr);

/* Walk every scalar option: its key, its value now as text ("(secret)" for CONF_SECRET), and where that came
 * from
 * ("default", "file", "environment", "setting"). For `setting list`. */
typedef void conf_walk_fn(void *ctx, const char *key, const struct conf_option *option, const char *value,
			  const char *origin);
void conf_walk(const struct conf *conf, conf_walk_fn *fn, void *ctx);

/* The keys whose values differ between two loads and whose change needs a restart, one per line. */
void conf_diff_restart(const struct conf *old, const struct conf *new, struct strbuf *out);

/* The nearest of names to word within two edits (a transposition counts one), or NULL. Used for slugs and
 * verbs too. */
const char *nearest_name(struct str word, const char *const *names, size_t n);
/* Damerau-Levenshtein distance, or max + 1 when it is more. Linear in memory; words over 64 octets are "far".
 */
unsigned edit_distance(struct str a, struct str b, unsigned max);

#endif
