/*
 * Changes by the running server, or alone.
 *
 * The store's lock decides who may write: while a server runs it holds the lock, so a change done here can never
 * race with it. A server that is starting or stopping holds the lock without answering on its socket; then there is
 * nothing to do but to come again (EX_TEMPFAIL).
 *
 * What makes mail is signed with the server's keys, here as there.
 */
#include "smtpd/cli/change.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smtpd/admin_ops.h"
#include "smtpd/cli/control_client.h"
#include "smtpd/cli/json_out.h"
#include "smtpd/control.h"
#include "smtpd/privileges.h"
#include "smtpd/secrets.h"

static int code_exit(enum admin_code code)
{
	static const int codes[] = {
		[ADMIN_OK] = EX_OK,
		[ADMIN_USAGE] = EX_USAGE,
		[ADMIN_INVALID] = EX_DATAERR,
		[ADMIN_NOT_FOUND] = EX_NOINPUT,
		[ADMIN_EXISTS] = EX_CANTCREAT,
		[ADMIN_CONFIG] = EX_CONFIG,
		[ADMIN_BUSY] = EX_TEMPFAIL,
		[ADMIN_UNAVAILABLE] = EX_UNAVAILABLE,
		[ADMIN_STORAGE] = EX_IOERR,
		[ADMIN_INTERNAL] = EX_SOFTWARE,
	};
	return codes[code];
}

/* {"ok":true,"result":...} -> 0 and the result; else the exit code of "code". */
static int read_answer(struct str answer, json_t **ret_result)
{
	json_t *object = json_loadb(answer.ptr, answer.len, 0, NULL);
	json_t *result = json_object_get(object, "result");
	const char *code = json_string_value(json_object_get(object, "code"));
	const char *error = json_string_value(json_object_get(object, "error"));
	enum admin_code parsed = ADMIN_INTERNAL;
	int r = 0;
	if (json_is_true(json_object_get(object, "ok")) && result) {
		if (ret_result)
			*ret_result = json_incref(result);
	} else {
		if (code)
			(void)admin_code_parse(str_from(code), &parsed);
		r = cli_fail(code_exit(parsed), "%s", error ? error : "the server's answer makes no sense");
	}
	json_decref(object);
	return r;
}

int cli_connect(struct cli *cli, struct control_client **ret)
{
	int r = cli_places(cli);
	if (r)
		return r;
	r = control_client_open(ret, cli->conf->control_path);
	if (r == -ENOENT || r == -ECONNREFUSED) {
		*ret = NULL;
		return 0;
	}
	if (r == -EACCES || r == -EPERM)
		return cli_fail(EX_NOPERM,
				"%s: only root and the server's own user may ask the server for changes",
				cli->conf->control_path);
	return r < 0 ? cli_fail(EX_UNAVAILABLE, "%s: %s", cli->conf->control_path, strerror(-r)) : 0;
}

int cli_ask(struct control_client *client, json_t *request, json_t **ret_result)
{
	struct strbuf answer;
	char *text = json_dumps(request, JSON_COMPACT);
	strbuf_init(&answer, CONTROL_ANSWER_MAX + 65536);
	json_decref(request);
	int r = text ? control_client_ask(client, str_from(text), &answer) : -EINVAL;
	free(text);
	if (r == -ECONNRESET)
		r = cli_fail(EX_UNAVAILABLE, "the server closed the connection (it is stopping, has too many "
					     "such connections, or you are not root or its user)");
	else if (r < 0)
		r = cli_fail(EX_UNAVAILABLE, "asking the server: %s", strerror(-r));
	else
		r = read_answer(strbuf_str(&answer), ret_result);
	strbuf_done(&answer);
	return r;
}

int cli_store_alone(struct cli *cli, struct store **ret)
{
	struct conf_error error = {""};
	struct privileges privileges = {0};
	const struct process_conf *process = cli->conf->process;
	if (cli->mistaken) /* who would own what is made, and what is forbidden, is not known */
		return cli_fail(EX_CONFIG,
				"no server runs: without one a change needs a configuration that is right");
	int r = privileges_find(&privileges, process->user, process->group, &error);
	if (r < 0)
		return cli_fail(EX_CONFIG, "%s", error.text);
	/* what root makes here the server could not write later */
	r = privileges_own_folder(&privileges, cli->conf->storage->data_dir);
	if (r == 0)
		r = privileges_drop(&privileges);
	if (r < 0)
		return cli_fail(cli_exit_code(r), "%s: %s", cli->conf->storage->data_dir, strerror(-r));
	r = store_open(ret, NULL, cli->conf->storage, &error);
	if (r == -EBUSY)
		return cli_fail(EX_TEMPFAIL,
				"a server is starting or stopping, or another program holds the database; "
				"try again (%s)",
				error.text);
	return r < 0 ? cli_fail(cli_exit_code(r), "%s", error.text[0] ? error.text : strerror(-r)) : 0;
}

static int try_setting(void *ctx, const char *key, const char *value, struct conf_error *reterr)
{
	const struct cli *cli = ctx;
	return server_conf_try_setting(cli->config, key, value, reterr);
}

static struct admin_rules rules_of(struct cli *cli, struct key_ring *keys)
{
	return (struct admin_rules){
		.forwards = &cli->conf->forwards->map,
		.domain = cli->mistaken ? NULL : cli->conf->mail->domain,
		.keys = keys,
		.try_setting = try_setting,
		.ctx = cli,
	};
}

/* The store and the keys: files that somebody named are read as who we are; a key of our own is the server's user's, who
 * must be able to read what is made here. */
static int open_to_sign(struct cli *cli, struct store **ret_store, struct key_ring **ret_keys)
{
	struct conf_error error = {""};
	bool named = cli->conf->secrets->reply_token.n > 0;
	int r = named ? secrets_load(ret_keys, cli->conf, SECRETS_READ, NULL, &error) : 0;
	if (r == 0) {
		int code = cli_store_alone(cli, ret_store);
		if (code)
			return code;
		if (!named)
			r = secrets_load(ret_keys, cli->conf, SECRETS_MAKE, NULL, &error);
	}
	return r < 0 ? cli_fail(cli_exit_code(r), "%s", error.text[0] ? error.text : strerror(-r)) : 0;
}

static int apply_alone(struct cli *cli, struct str request, struct key_ring *keys, struct store **store,
		       json_t **ret_result)
{
	const struct admin_rules rules = rules_of(cli, keys);
	struct admin_op *op = NULL;
	struct strbuf answer;
	strbuf_init(&answer, CONTROL_ANSWER_MAX);
	int r = admin_op_new(&op, request, &rules, &answer);
	if (r == 0 && !*store) {
		r = cli_store_alone(cli, store);
		if (r)
			goto out;
	}
	if (op)
		admin_op_answer(op, store_run(*store, admin_op_job(op)), &answer);
	r = read_answer(strbuf_str(&answer), ret_result);
	if (r == 0)
		fprintf(stderr, "no server is running; changed the database directly\n");
out:
	admin_op_free(op);
	strbuf_done(&answer);
	return r;
}

/* A request that makes no sense should not make a database; only one that needs keys has to open it first. */
static int change_alone(struct cli *cli, json_t *request, json_t **ret_result)
{
	struct store *store = NULL;
	struct key_ring *keys = NULL;
	char *text = json_dumps(request, JSON_COMPACT);
	int r = 0;
	if (admin_op_makes_mail(json_string_value(json_object_get(request, "op"))))
		r = open_to_sign(cli, &store, &keys);
	json_decref(request);
	if (r == 0)
		r = apply_alone(cli, str_from(text ? text : ""), keys, &store, ret_result);
	store_close(store);
	key_ring_unref(keys);
	free(text);
	return r;
}

int cli_change(struct cli *cli, json_t *request, json_t **ret_result)
{
	struct control_client *client;
	int r = cli_connect(cli, &client);
	if (r)
		return r;
	if (!client)
		return change_alone(cli, request, ret_result);
	r = cli_ask(client, request, ret_result);
	control_client_close(client);
	return r;
}

int cli_change_told(struct cli *cli, json_t *request, json_t **ret_result)
{
	json_t *result = NULL;
	int r = cli_change(cli, request, &result);
	*ret_result = NULL;
	if (r)
		return r;
	if (cli->json)
		json_out(result, stdout);
	else
		*ret_result = result;
	return 0;
}

int cli_change_said(struct cli *cli, json_t *request, const char *field, const char *done)
{
	json_t *result;
	int r = cli_change_told(cli, request, &result);
	if (!result)
		return r;
	printf("%s %s\n", json_string_value(json_object_get(result, field)), done);
	json_decref(result);
	return 0;
}
