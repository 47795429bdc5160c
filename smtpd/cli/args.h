/*
 * The words of a command line, read by a table of options. Options may stand anywhere, as `--name value` or
 * `--name=value`; `--` ends them; `-` alone is a word. Pure; nothing is copied, views and values live as long as
 * argv.
 */
#ifndef SERVELO_SMTPD_CLI_ARGS_H
#define SERVELO_SMTPD_CLI_ARGS_H

#include "base/base.h"
#include "base/conf.h"

#define ARGS_OPTIONS_MAX 24

struct arg_option {
	const char *name;  /* "limit" for --limit */
	const char *value; /* "N": what follows it, for the help; NULL: a flag */
	const char *help;
};

struct args {
	const struct arg_option *options;
	size_t options_n;
	const char *values[ARGS_OPTIONS_MAX]; /* NULL: not given; "" for a flag */
	const char **words;                   /* argv's own array, packed */
	size_t words_n;
};

/* argv: what follows the verb. -EINVAL with reterr: unknown option (with the nearest), no value, given twice. */
int args_parse(struct args *args, const struct arg_option *options, size_t n, int argc, const char **argv,
	       struct conf_error *reterr);

/* The value of an option of the table, NULL when it was not given. */
const char *args_value(const struct args *args, const char *name);
bool args_flag(const struct args *args, const char *name);
/* *ret is untouched when the option was not given. -EINVAL with reterr. */
int args_int(const struct args *args, const char *name, int64_t min, int64_t max, int64_t *ret,
	     struct conf_error *reterr);
/* Milliseconds since 1970: "2026-11-21", "2026-11-21T09:30:00Z" (UTC), or that long ago: "90s", "30m", "2h",
 * "7d". */
int args_time(const struct args *args, const char *name, int64_t now_ms, int64_t *ret,
	      struct conf_error *reterr);
int parse_time(struct str text, int64_t now_ms, int64_t *ret);

#endif
