/*
 * Options by table. Words are packed to the front of argv in their order, so nothing is allocated and the number
 * of words has no limit but argv's.
 */
#include "smtpd/cli/args.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static int option_index(const struct args *args, struct str name)
{
	for (size_t i = 0; i < args->options_n; i++) {
		if (str_eq(name, str_from(args->options[i].name)))
			return (int)i;
	}
	return -ENOENT;
}

static int unknown_option(const struct args *args, struct str name, struct conf_error *reterr)
{
	const char *names[ARGS_OPTIONS_MAX];
	for (size_t i = 0; i < args->options_n; i++)
		names[i] = args->options[i].name;
	const char *near = nearest_name(name, names, args->options_n);
	snprintf(reterr->text, sizeof(reterr->text), "unknown option --%.*s%s%s%s",
		 STR_ARG(str_sub(name, 0, 64)), near ? "; did you mean --" : "", near ? near : "",
		 near ? "?" : "");
	return -EINVAL;
}

/* One argument that begins with "--"; *i moves on when the value is the next one. */
static int take_option(struct args *args, int argc, const char **argv, int *i, struct conf_error *reterr)
{
	struct str name = str_sub(str_from(argv[*i]), 2, SIZE_MAX);
	size_t equals = str_find(name, '=');
	const char *value = equals < name.len ? name.ptr + equals + 1 : NULL;
	name = str_sub(name, 0, equals);
	int index = option_index(args, name);
	if (index < 0)
		return unknown_option(args, name, reterr);
	const struct arg_option *option = &args->options[index];
	if (args->values[index]) {
		snprintf(reterr->text, sizeof(reterr->text), "--%s is given twice", option->name);
		return -EINVAL;
	}
	if (!option->value && value) {
		snprintf(reterr->text, sizeof(reterr->text), "--%s takes no value", option->name);
		return -EINVAL;
	}
	if (option->value && !value) {
		if (*i + 1 >= argc) {
			snprintf(reterr->text, sizeof(reterr->text), "--%s needs a value (%s)", option->name,
				 option->value);
			return -EINVAL;
		}
		value = argv[++*i];
	}
	args->values[index] = value ? value : "";
	return 0;
}

int args_parse(struct args *args, const struct arg_option *options, size_t n, int argc, const char **argv,
	       struct conf_error *reterr)
{
	bool only_words = false;
	assert(n <= ARGS_OPTIONS_MAX);
	*args = (struct args){.options = options, .options_n = n, .words = argv};
	for (int i = 0; i < argc; i++) {
		struct str arg = str_from(argv[i]);
		if (only_words || arg.len < 2 || arg.ptr[0] != '-') {
			args->words[args->words_n++] = argv[i];
		} else if (str_eq(arg, STR("--"))) {
			only_words = true;
		} else if (str_eq(arg, STR("-o")) && option_index(args, STR("output")) >= 0) {
			/* the one short form: everybody's fingers know it */
			argv[i] = "--output";
			int r = take_option(args, argc, argv, &i, reterr);
			if (r < 0)
				return r;
		} else if (arg.ptr[1] != '-') {
			snprintf(reterr->text, sizeof(reterr->text),
				 "unknown option %.64s; options are written in full, like --help", argv[i]);
			return -EINVAL;
		} else {
			int r = take_option(args, argc, argv, &i, reterr);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

const char *args_value(const struct args *args, const char *name)
{
	int index = option_index(args, str_from(name));
	assert(index >= 0);
	return args->values[index];
}

bool args_flag(const struct args *args, const char *name)
{
	return args_value(args, name) != NULL;
}

int args_int(const struct args *args, const char *name, int64_t min, int64_t max, int64_t *ret,
	     struct conf_error *reterr)
{
	struct str text = str_from(args_value(args, name));
	int64_t n = 0;
	if (!text.ptr)
		return 0;
	bool good = text.len > 0 && text.len <= 18;
	for (size_t i = 0; good && i < text.len; i++) {
		good = ascii_digit(text.ptr[i]);
		n = n * 10 + (text.ptr[i] - '0');
	}
	if (!good || n < min || n > max) {
		snprintf(reterr->text, sizeof(reterr->text),
			 "--%s: \"%.64s\" is not a number from %" PRId64 " to %" PRId64, name, text.ptr, min,
			 max);
		return -EINVAL;
	}
	*ret = n;
	return 0;
}

/* n digits at the front. */
static int digits(struct str *text, size_t n, int *ret)
{
	int value = 0;
	if (text->len < n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (!ascii_digit(text->ptr[i]))
			return -EINVAL;
		value = value * 10 + (text->ptr[i] - '0');
	}
	*text = str_sub(*text, n, text->len);
	*ret = value;
	return 0;
}

static bool skip(struct str *text, const char *one_of)
{
	if (text->len == 0 || !strchr(one_of, text->ptr[0]) || text->ptr[0] == 0)
		return false;
	*text = str_sub(*text, 1, text->len);
	return true;
}

static int parse_date(struct str text, int64_t *ret)
{
	struct tm tm = {0};
	if (digits(&text, 4, &tm.tm_year) < 0 || !skip(&text, "-") || digits(&text, 2, &tm.tm_mon) < 0 ||
	    !skip(&text, "-") || digits(&text, 2, &tm.tm_mday) < 0)
		return -EINVAL;
	if (skip(&text, "T ") &&
	    (digits(&text, 2, &tm.tm_hour) < 0 || !skip(&text, ":") || digits(&text, 2, &tm.tm_min) < 0 ||
	     (skip(&text, ":") && digits(&text, 2, &tm.tm_sec) < 0)))
		return -EINVAL;
	skip(&text, "Zz");
	if (text.len || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ret = (int64_t)timegm(&tm) * 1000;
	return 0;
}

static int parse_ago(struct str text, int64_t *ret_ms)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 7 * 86400000}};
	int64_t n = 0;
	size_t i = 0;
	while (i < text.len && i < 9 && ascii_digit(text.ptr[i]))
		n = n * 10 + (text.ptr[i++] - '0');
	if (i == 0 || i + 1 != text.len)
		return -EINVAL;
	for (size_t u = 0; u < ARRAY_SIZE(units); u++) {
		if (text.ptr[i] == units[u].unit) {
			*ret_ms = n * units[u].ms;
			return 0;
		}
	}
	return -EINVAL;
}

int parse_time(struct str text, int64_t now_ms, int64_t *ret)
{
	int64_t ago;
	if (parse_ago(text, &ago) == 0) {
		*ret = now_ms - ago;
		return 0;
	}
	return parse_date(text, ret);
}

int args_time(const struct args *args, const char *name, int64_t now_ms, int64_t *ret,
	      struct conf_error *reterr)
{
	const char *text = args_value(args, name);
	if (!text || parse_time(str_from(text), now_ms, ret) == 0)
		return 0;
	snprintf(reterr->text, sizeof(reterr->text),
		 "--%s: \"%.64s\" is not a time like 2026-11-21, 2026-11-21T09:30:00Z, 2h or 7d", name, text);
	return -EINVAL;
}
