/*
 * What a line on the control socket asks for. Requests that need neither the store nor a worker are answered here, at
 * once; any other operation is a change. Loop thread.
 */
#include "smtpd/control_private.h"

#include <stdlib.h>
#include <unistd.h>

/* result is taken. */
static void answer_result(struct control_connection *connection, json_t *result)
{
	json_t *object = json_pack("{s:b,s:o}", "ok", 1, "result", result);
	char *text = json_dumps(object, JSON_COMPACT);
	strbuf_adds(&connection->out,
		    text ? text : "{\"ok\":false,\"code\":\"internal\",\"error\":\"no result\"}");
	free(text);
	json_decref(object);
	control_answer(connection);
}

static void request_ping(struct control_connection *connection, const json_t *object UNUSED)
{
	answer_result(connection,
		      json_pack("{s:s,s:I}", "version", SERVELO_VERSION, "pid", (json_int_t)getpid()));
}

static void add_stat(void *fn_ctx, const char *key, int64_t value)
{
	json_object_set_new(fn_ctx, key, json_integer(value));
}

static void add_stat_text(void *fn_ctx, const char *key, struct str text)
{
	json_object_set_new(fn_ctx, key, json_stringn(text.ptr, text.len));
}

static void request_stats(struct control_connection *connection, const json_t *object UNUSED)
{
	struct control *control = connection->control;
	json_t *result = json_object();
	if (control->deps.stats)
		control->deps.stats(control->ctx, add_stat, result);
	if (control->deps.stat_texts)
		control->deps.stat_texts(control->ctx, add_stat_text, result);
	answer_result(connection, result);
}

struct in_force {
	json_t *values;
	bool started; /* that of the start: what needs a restart is taken from it */
};

static void add_in_force(void *ctx, const char *key, const struct conf_option *option, const char *value,
			 const char *origin)
{
	struct in_force *in_force = ctx;
	if (in_force->started && !(option->flags & CONF_RESTART))
		return;
	json_object_set_new(in_force->values, key,
			    json_pack("{s:s,s:s}", "value", value ? value : "", "origin", origin));
}

static void request_settings(struct control_connection *connection, const json_t *object UNUSED)
{
	struct control *control = connection->control;
	struct in_force in_force = {.values = json_object()};
	conf_walk(control->deps.conf(control->ctx)->conf, add_in_force, &in_force);
	in_force.started = true;
	if (control->deps.conf_started)
		conf_walk(control->deps.conf_started(control->ctx)->conf, add_in_force, &in_force);
	answer_result(connection, in_force.values);
}

static const struct {
	const char *op;
	void (*fn)(struct control_connection *connection, const json_t *object);
} requests[] = {
	{"ping", request_ping},
	{"stats", request_stats},
	{"settings", request_settings},
	{"message.reprocess", control_reprocess},
};

void control_request(struct control_connection *connection, struct str line)
{
	json_t *object = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, NULL);
	const char *op = json_string_value(json_object_get(object, "op"));
	for (size_t i = 0; op && i < ARRAY_SIZE(requests); i++) {
		if (strcmp(op, requests[i].op) == 0) {
			requests[i].fn(connection, object);
			json_decref(object);
			return;
		}
	}
	json_decref(object);
	control_change(connection, line);
}
