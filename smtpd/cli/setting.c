/*
 * servelo setting: options of the configuration that an administrator changes at run time. What is set here is kept
 * in the database, wins over file and environment, and is in force at once. Secrets are never shown.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "smtpd/cli/change.h"
#include "smtpd/cli/display.h"
#include "smtpd/cli/json_out.h"

#define KEYS_MAX 512

static int run_list(struct cli *cli);
static int run_get(struct cli *cli);
static int run_set(struct cli *cli);
static int run_unset(struct cli *cli);

static const struct arg_option list_options[] = {
	{"changed", NULL, "only what is not the default"},
};

static const struct cli_verb verbs[] = {
	{"list", NULL, 0, 0, "List all options, their values now, and where those come from",
	 "\"RUN TIME\" says whether `servelo setting set` can change it.\n\n"
	 "  servelo setting list --changed\n",
	 list_options, ARRAY_SIZE(list_options), run_list},
	{"get", "KEY", 1, 1, "Print the value of an option", "  servelo setting get limits.message_size\n",
	 NULL, 0, run_get},
	{"set", "KEY VALUE", 2, 2, "Set an option at run time; in force at once, without a restart",
	 "  servelo setting set limits.message_size 50MiB\n", NULL, 0, run_set},
	{"unset", "KEY", 1, 1, "Forget what was set: file, environment or default count again",
	 "  servelo setting unset limits.message_size\n", NULL, 0, run_unset},
};
const struct cli_noun cli_setting = {"setting", "Options that can be changed at run time", verbs,
				     ARRAY_SIZE(verbs)};

/* ---- reading ---- */

struct listing {
	struct cli *cli;
	struct table *table;
	struct json_list json;
	bool changed;
	/* get */
	const char *wanted;
	bool found;
	char *keys[KEYS_MAX];
	size_t keys_n;
};

static json_t *option_json(const char *key, const struct conf_option *option, const char *value,
			   const char *origin)
{
	json_t *o = json_object();
	json_object_set_new(o, "key", json_string(key));
	json_object_set_new(o, "value", json_str(str_from(value ? value : "")));
	json_object_set_new(o, "origin", json_string(origin));
	json_object_set_new(o, "run_time", json_boolean(option->flags & CONF_RUNTIME));
	json_object_set_new(o, "help", json_str(str_from(option->help ? option->help : "")));
	return o;
}

static void on_option(void *ctx, const char *key, const struct conf_option *option, const char *value,
		      const char *origin)
{
	struct listing *listing = ctx;
	if (listing->changed && strcmp(origin, "default") == 0)
		return;
	if (listing->cli->json) {
		json_list_add(&listing->json, option_json(key, option, value, origin));
		return;
	}
	const struct str cells[] = {str_from(key), str_from(value ? value : ""), str_from(origin),
				    option->flags & CONF_RUNTIME ? STR("yes") : STR("no")};
	table_row(listing->table, cells);
}

static int run_list(struct cli *cli)
{
	static const struct table_column columns[] = {
		{"KEY", 0, false}, {"VALUE", 60, false}, {"FROM", 0, false}, {"RUN TIME", 0, false}};
	struct listing listing = {.cli = cli, .changed = args_flag(&cli->args, "changed")};
	int r = cli_conf(cli);
	if (r)
		return r;
	listing.table = table_new(columns, ARRAY_SIZE(columns));
	if (cli->json)
		json_list_begin(&listing.json, stdout);
	conf_walk(cli->conf->conf, on_option, &listing);
	if (cli->json)
		json_list_end(&listing.json);
	else
		table_print(listing.table, stdout);
	table_free(listing.table);
	return 0;
}

static void on_wanted(void *ctx, const char *key, const struct conf_option *option, const char *value,
		      const char *origin)
{
	struct listing *listing = ctx;
	struct strbuf safe;
	if (strcmp(key, listing->wanted) != 0) {
		if (listing->keys_n < KEYS_MAX)
			listing->keys[listing->keys_n++] = xstrdup(key);
		return;
	}
	listing->found = true;
	if (listing->cli->json) {
		json_out(option_json(key, option, value, origin), stdout);
		return;
	}
	strbuf_init(&safe, 64 * 1024);
	display_text(&safe, str_from(value ? value : ""), true);
	printf("%s\n", safe.ptr ? safe.ptr : "");
	strbuf_done(&safe);
}

static int run_get(struct cli *cli)
{
	struct listing listing = {.cli = cli, .wanted = cli->args.words[0]};
	int r = cli_conf(cli);
	if (r)
		return r;
	conf_walk(cli->conf->conf, on_wanted, &listing);
	if (!listing.found) {
		const char *near = nearest_name(str_from(listing.wanted), (const char *const *)listing.keys,
						listing.keys_n);
		r = cli_fail(EX_NOINPUT, "there is no option \"%.100s\"%s%s%s", listing.wanted,
			     near ? "; did you mean \"" : "; see servelo setting list", near ? near : "",
			     near ? "\"?" : "");
	}
	for (size_t i = 0; i < listing.keys_n; i++)
		free(listing.keys[i]);
	return r;
}

/* ---- changes ---- */

static int run_set(struct cli *cli)
{
	return cli_change_said(cli,
			       json_pack("{s:s,s:o,s:o}", "op", "setting.set", "key",
					 json_str(str_from(cli->args.words[0])), "value",
					 json_str(str_from(cli->args.words[1]))),
			       "key", "set");
}

static int run_unset(struct cli *cli)
{
	return cli_change_said(
		cli,
		json_pack("{s:s,s:o}", "op", "setting.unset", "key", json_str(str_from(cli->args.words[0]))),
		"key", "unset");
}
