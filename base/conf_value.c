/*
 * Values of options as text, in both directions, one row of a table per type.
 *
 * Numbers are checked for overflow at each step and against the option's range at the end; strings must be
 * UTF-8 without controls, because they end up in replies, header fields and logs. A field is written only when
 * its text was right. Pure.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/conf_private.h"
#include "base/mailaddr.h"

struct unit {
	struct str name;
	int64_t factor;
};

/* Largest first: the first that divides a value is how it prints. Units of 1000 are read, never printed. */
static const struct unit size_units[] = {
	{STR_INIT("TiB"), INT64_C(1) << 40},
	{STR_INIT("GiB"), INT64_C(1) << 30},
	{STR_INIT("MiB"), INT64_C(1) << 20},
	{STR_INIT("KiB"), INT64_C(1) << 10},
	{STR_INIT("TB"), INT64_C(1000000000000)},
	{STR_INIT("GB"), 1000000000},
	{STR_INIT("MB"), 1000000},
	{STR_INIT("kB"), 1000},
	{STR_INIT("B"), 1},
	{STR_INIT(""), 1},
};
#define SIZE_UNITS_PRINTED 4

static const struct unit duration_units[] = {
	{STR_INIT("d"), 86400000}, {STR_INIT("h"), 3600000}, {STR_INIT("m"), 60000},
	{STR_INIT("s"), 1000},     {STR_INIT("ms"), 1},
};

typedef int parse_fn(const struct conf_values *values, const struct conf_option *option, struct str text,
		     void *field, struct conf_error *why);
typedef void print_fn(const struct conf_option *option, const void *field, struct strbuf *out);

/* ---- numbers ---- */

/* The digits at the start of *text, which are taken off. */
static int take_number(struct str *text, int64_t *ret)
{
	int64_t value = 0;
	size_t i = 0;
	for (; i < text->len && ascii_digit(text->ptr[i]); i++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, text->ptr[i] - '0', &value))
			return -ERANGE;
	}
	if (i == 0)
		return -EINVAL;
	*text = str_sub(*text, i, text->len);
	*ret = value;
	return 0;
}

static int take_unit(struct str text, const struct unit *units, size_t n, int64_t *value)
{
	struct str name = str_trim(text);
	for (size_t i = 0; i < n; i++) {
		if (str_ieq(name, units[i].name))
			return __builtin_mul_overflow(*value, units[i].factor, value) ? -ERANGE : 0;
	}
	return -EINVAL;
}

static void print_units(int64_t value, const struct unit *units, size_t n, const char *rest,
			struct strbuf *out)
{
	for (size_t i = 0; i < n; i++) {
		if (value != 0 && value % units[i].factor == 0) {
			strbuf_printf(out, "%" PRId64 "%.*s", value / units[i].factor,
				      STR_ARG(units[i].name));
			return;
		}
	}
	strbuf_printf(out, "%" PRId64 "%s", value, rest);
}

static void print_int(const struct conf_option *option UNUSED, const void *field, struct strbuf *out)
{
	strbuf_printf(out, "%" PRId64, *(const int64_t *)field);
}

static void print_size(const struct conf_option *option UNUSED, const void *field, struct strbuf *out)
{
	print_units(*(const int64_t *)field, size_units, SIZE_UNITS_PRINTED, "", out);
}

static void print_duration(const struct conf_option *option UNUSED, const void *field, struct strbuf *out)
{
	print_units(*(const int64_t *)field, duration_units, ARRAY_SIZE(duration_units), "s", out);
}

static int refuse_range(const struct conf_option *option, print_fn *print, int64_t limit, const char *what,
			struct conf_error *why)
{
	struct strbuf text;
	strbuf_init(&text, 64);
	print(option, &limit, &text);
	conf_error_set(why, "must be %s %s", what, text.ptr);
	strbuf_done(&text);
	return -EINVAL;
}

static int store_number(const struct conf_option *option, print_fn *print, int64_t value, void *field,
			struct conf_error *why)
{
	bool any = option->min == 0 && option->max == 0;
	if (value < option->min)
		return refuse_range(option, print, option->min, "at least", why);
	if (!any && value > option->max)
		return refuse_range(option, print, option->max, "at most", why);
	*(int64_t *)field = value;
	return 0;
}

static int parse_int(const struct conf_values *values UNUSED, const struct conf_option *option,
		     struct str text, void *field, struct conf_error *why)
{
	bool negative = text.len > 0 && text.ptr[0] == '-';
	int64_t value;
	if (negative)
		text = str_sub(text, 1, text.len);
	int r = take_number(&text, &value);
	if (r == -ERANGE)
		return conf_error_set(why, "the number is too big");
	if (r < 0 || text.len > 0)
		return conf_error_set(why, "a whole number is expected, like 100");
	return store_number(option, print_int, negative ? -value : value, field, why);
}

static int parse_size(const struct conf_values *values UNUSED, const struct conf_option *option,
		      struct str text, void *field, struct conf_error *why)
{
	int64_t value;
	int r = take_number(&text, &value);
	if (r == 0)
		r = take_unit(text, size_units, ARRAY_SIZE(size_units), &value);
	if (r == -ERANGE)
		return conf_error_set(why, "the size is too big");
	if (r < 0)
		return conf_error_set(why, "a size is expected, like 35MiB, 128KiB or 4096");
	return store_number(option, print_size, value, field, why);
}

static int parse_duration(const struct conf_values *values UNUSED, const struct conf_option *option,
			  struct str text, void *field, struct conf_error *why)
{
	int64_t value;
	int r = take_number(&text, &value);
	if (r == 0 && !(value == 0 && str_trim(text).len == 0))
		r = take_unit(text, duration_units, ARRAY_SIZE(duration_units), &value);
	if (r == -ERANGE)
		return conf_error_set(why, "the duration is too long");
	if (r < 0)
		return conf_error_set(why,
				      "a duration with its unit is expected, like 300s, 5m, 1h, 7d or 250ms");
	return store_number(option, print_duration, value, field, why);
}

/* ---- words ---- */

static int parse_bool(const struct conf_values *values UNUSED, const struct conf_option *option UNUSED,
		      struct str text, void *field, struct conf_error *why)
{
	static const struct {
		struct str text;
		bool value;
	} words[] = {
		{STR_INIT("true"), true}, {STR_INIT("false"), false}, {STR_INIT("yes"), true},
		{STR_INIT("no"), false},  {STR_INIT("on"), true},     {STR_INIT("off"), false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (str_ieq(text, words[i].text)) {
			*(bool *)field = words[i].value;
			return 0;
		}
	}
	return conf_error_set(why, "true or false is expected");
}

static void print_bool(const struct conf_option *option UNUSED, const void *field, struct strbuf *out)
{
	strbuf_adds(out, *(const bool *)field ? "true" : "false");
}

static int parse_enum(const struct conf_values *values UNUSED, const struct conf_option *option,
		      struct str text, void *field, struct conf_error *why)
{
	struct strbuf list;
	for (int i = 0; option->choices[i]; i++) {
		if (str_eq(text, str_from(option->choices[i]))) {
			*(int *)field = i;
			return 0;
		}
	}
	strbuf_init(&list, 256);
	for (int i = 0; option->choices[i]; i++)
		strbuf_printf(&list, "%s%s", i ? ", " : "", option->choices[i]);
	conf_error_set(why, "one of these is expected: %s", list.ptr);
	strbuf_done(&list);
	return -EINVAL;
}

static void print_enum(const struct conf_option *option, const void *field, struct strbuf *out)
{
	strbuf_adds(out, option->choices[*(const int *)field]);
}

/* ---- strings ---- */

static bool has_controls(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((uint8_t)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			return true;
	}
	return false;
}

int conf_value_string(const struct conf_values *values, const struct conf_option *option, struct str text,
		      const char **ret, struct conf_error *why)
{
	struct str copy;
	if (has_controls(text) || !utf8_valid(text))
		return conf_error_set(why, "one line of UTF-8 text without control characters is expected");
	const char *wrong = option->check ? option->check(text) : NULL;
	if (wrong)
		return conf_error_set(why, "%s", wrong);
	if (arena_copy(values->arena, text, &copy) < 0)
		return conf_error_set(why, "too much text");
	*ret = copy.ptr;
	return 0;
}

static int parse_string(const struct conf_values *values, const struct conf_option *option, struct str text,
			void *field, struct conf_error *why)
{
	return conf_value_string(values, option, text, field, why);
}

static int parse_path(const struct conf_values *values, const struct conf_option *option, struct str text,
		      void *field, struct conf_error *why)
{
	struct str joined;
	int r = conf_value_string(values, option, text, field, why);
	if (r < 0 || text.len == 0 || text.ptr[0] == '/' || values->folder.len == 0)
		return r;
	if (arena_printf(values->arena, &joined, "%.*s/%s", STR_ARG(values->folder), *(const char **)field) <
	    0)
		return conf_error_set(why, "too much text");
	*(const char **)field = joined.ptr;
	return 0;
}

static void print_string(const struct conf_option *option UNUSED, const void *field, struct strbuf *out)
{
	strbuf_adds(out, *(const char *const *)field);
}

/* Items split at commas, blanks around them dropped; no text is no item. */
static int parse_strings(const struct conf_values *values, const struct conf_option *option, struct str text,
			 void *field, struct conf_error *why)
{
	size_t n = 1;
	text = str_trim(text);
	if (text.len == 0) {
		*(struct conf_strings *)field = (struct conf_strings){NULL, 0};
		return 0;
	}
	for (size_t i = 0; i < text.len; i++)
		n += text.ptr[i] == ',';
	const char **items = arena_alloc(values->arena, n * sizeof(*items));
	if (!items)
		return conf_error_set(why, "too many items");
	for (size_t i = 0; i < n; i++) {
		size_t comma = str_find(text, ',');
		int r = conf_value_string(values, option, str_trim(str_sub(text, 0, comma)), &items[i], why);
		if (r < 0)
			return r;
		text = str_sub(text, comma + 1, text.len);
	}
	*(struct conf_strings *)field = (struct conf_strings){items, n};
	return 0;
}

static void print_strings(const struct conf_option *option UNUSED, const void *field, struct strbuf *out)
{
	const struct conf_strings *strings = field;
	for (size_t i = 0; i < strings->n; i++)
		strbuf_printf(out, "%s%s", i ? "," : "", strings->items[i]);
}

/* ---- what holds other values: printed for comparing only ---- */

static void print_map(const struct conf_option *option UNUSED, const void *field, struct strbuf *out)
{
	const struct conf_map *map = field;
	for (size_t i = 0; i < map->n; i++)
		strbuf_printf(out, "%s=%s\n", map->items[i].key, map->items[i].value);
}

static void print_list(const struct conf_option *option, const void *field, struct strbuf *out)
{
	const struct conf_list *list = field;
	const struct conf_table *sub = option->sub;
	for (size_t i = 0; i < list->n; i++) {
		const char *item = (const char *)list->items + i * sub->size;
		for (size_t k = 0; k < sub->n; k++) {
			strbuf_printf(out, "%s=", sub->options[k].name);
			conf_value_print(&sub->options[k], item + sub->options[k].offset, out);
			strbuf_addc(out, '\n');
		}
	}
}

static const struct {
	parse_fn *parse;
	print_fn *print;
} types[] = {
	[CONF_BOOL] = {parse_bool, print_bool},
	[CONF_INT] = {parse_int, print_int},
	[CONF_SIZE] = {parse_size, print_size},
	[CONF_DURATION] = {parse_duration, print_duration},
	[CONF_STRING] = {parse_string, print_string},
	[CONF_PATH] = {parse_path, print_string},
	[CONF_ENUM] = {parse_enum, print_enum},
	[CONF_STRINGS] = {parse_strings, print_strings},
	[CONF_MAP] = {NULL, print_map},
	[CONF_LIST] = {NULL, print_list},
};

int conf_value_parse(const struct conf_values *values, const struct conf_option *option, struct str text,
		     void *field, struct conf_error *why)
{
	return types[option->type].parse(values, option, text, field, why);
}

void conf_value_print(const struct conf_option *option, const void *field, struct strbuf *out)
{
	types[option->type].print(option, field, out);
}
