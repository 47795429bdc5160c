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
#include "smtpd/cli/control_client.h"
#include "smtpd/cli/display.h"
#include "smtpd/cli/json_out.h"
#include "smtpd/control.h"

#define KEYS_MAX 512

static int run_list(struct cli *cli);
static int run_get(struct cli *cli);
static int run_set(struct cli *cli);
static int run_unset(struct cli *cli);

static const struct arg_option list_options[] = {
	{"changed", NULL, "only what was set at run time"},
};

static const struct cli_verb verbs[] = {
	{"list", NULL, 0, 0, "List all options of one value, what is in force, and where that comes from",
	 "\"RUN TIME\" says whether `servelo setting set` can change it, \"LATER\" what the file or the\n"
	 "database say otherwise than the running server, and when that will count. Lists and groups\n"
	 "(forwards, tls.certificates, tenants.declare) stand in the file only.\n\n"
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
	json_t *in_force; /* of the running server: key -> value, origin; NULL without one */
	/* get */
	const char *wanted;
	bool found;
	char *keys[KEYS_MAX];
	size_t keys_n;
};

/* What the running server has in force; quietly nothing when none runs or we may not ask. */
static json_t *ask_in_force(const struct cli *cli)
{
	struct control_client *client;
	struct strbuf answer;
	json_t *result = NULL;
	if (control_client_open(&client, cli->conf->control_path) < 0)
		return NULL;
	strbuf_init(&answer, CONTROL_ANSWER_MAX + 65536);
	if (control_client_ask(client, STR("{\"op\":\"settings\"}"), &answer) == 0) {
		json_t *object = json_loadb(answer.ptr, answer.len, 0, NULL);
		result = json_incref(json_object_get(object, "result"));
		json_decref(object);
	}
	strbuf_done(&answer);
	control_client_close(client);
	return result;
}

/* An option as it is in force, and what is going to be. */
struct option_state {
	const char *value, *origin;
	const char *later, *when; /* NULL: nothing else is coming */
};

static struct option_state option_state(const struct listing *listing, const char *key,
					const struct conf_option *option, const char *value,
					const char *origin)
{
	json_t *now = json_object_get(listing->in_force, key);
	const char *value_now = json_string_value(json_object_get(now, "value"));
	const char *origin_now = json_string_value(json_object_get(now, "origin"));
	struct option_state state = {value ? value : "", origin, NULL, NULL};
	if (!value_now || !origin_now || strcmp(value_now, state.value) == 0)
		return state;
	state.later = state.value;
	state.when = option->flags & CONF_RESTART ? "restart" : "reload";
	state.value = value_now;
	state.origin = origin_now;
	return state;
}

static json_t *option_json(const char *key, const struct conf_option *option,
			   const struct option_state *state)
{
	json_t *o = json_object();
	json_object_set_new(o, "key", json_string(key));
	json_object_set_new(o, "value", json_str(str_from(state->value)));
	json_object_set_new(o, "origin", json_string(state->origin));
	json_object_set_new(o, "later", json_str(str_from(state->later)));
	json_object_set_new(o, "later_after", json_str(str_from(state->when)));
	json_object_set_new(o, "run_time", json_boolean(option->flags & CONF_RUNTIME));
	json_object_set_new(o, "help", json_str(str_from(option->help ? option->help : "")));
	return o;
}

static void on_option(void *ctx, const char *key, const struct conf_option *option, const char *value,
		      const char *origin)
{
	struct listing *listing = ctx;
	const struct option_state state = option_state(listing, key, option, value, origin);
	struct strbuf later;
	if (listing->changed && strcmp(state.origin, "setting") != 0)
		return;
	if (listing->cli->json) {
		json_list_add(&listing->json, option_json(key, option, &state));
		return;
	}
	strbuf_init(&later, 8192);
	if (state.later)
		strbuf_printf(&later, "%.256s after a %s", state.later[0] ? state.later : "\"\"", state.when);
	const struct str cells[] = {str_from(key), str_from(state.value), str_from(state.origin),
				    option->flags & CONF_RUNTIME ? STR("yes") : STR("no"),
				    strbuf_str(&later)};
	table_row(listing->table, cells);
	strbuf_done(&later);
}

static int run_list(struct cli *cli)
{
	static const struct table_column columns[] = {{"KEY", 0, false},
						      {"VALUE", 60, false},
						      {"FROM", 0, false},
						      {"RUN TIME", 0, false},
						      {"LATER", 60, false}};
	struct listing listing = {.cli = cli, .changed = args_flag(&cli->args, "changed")};
	int r = cli_conf(cli);
	if (r)
		return r;
	listing.in_force = ask_in_force(cli);
	listing.table = table_new(columns, ARRAY_SIZE(columns));
	if (cli->json)
		json_list_begin(&listing.json, stdout);
	conf_walk(cli->conf->conf, on_option, &listing);
	if (cli->json)
		json_list_end(&listing.json);
	else
		table_print(listing.table, stdout);
	table_free(listing.table);
	json_decref(listing.in_force);
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
	const struct option_state state = option_state(listing, key, option, value, origin);
	if (listing->cli->json) {
		json_out(option_json(key, option, &state), stdout);
		return;
	}
	strbuf_init(&safe, 64 * 1024);
	display_text(&safe, str_from(state.value), true);
	printf("%s\n", safe.ptr ? safe.ptr : "");
	strbuf_clear(&safe);
	if (state.later) {
		display_text(&safe, str_from(state.later), true);
		cli_fail(0, "%s is going to be \"%s\" after a %s", key, safe.ptr ? safe.ptr : "", state.when);
	}
	strbuf_done(&safe);
}

static int run_get(struct cli *cli)
{
	struct listing listing = {.cli = cli, .wanted = cli->args.words[0]};
	int r = cli_conf(cli);
	if (r)
		return r;
	listing.in_force = ask_in_force(cli);
	conf_walk(cli->conf->conf, on_wanted, &listing);
	json_decref(listing.in_force);
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
