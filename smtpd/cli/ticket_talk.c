/*
 * servelo ticket comment, close, resolve, reopen, assign: what an agent does who has no mail at hand. The work is that
 * of admin_talk.c; here is what people type and read.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/mailaddr.h"
#include "smtpd/admin_ops.h"
#include "smtpd/cli/change.h"
#include "smtpd/cli/display.h"
#include "smtpd/cli/json_out.h"
#include "smtpd/cli/ticket.h"

#define READ_SIZE 65536

const struct arg_option ticket_comment_options[2] = {
	{"internal", NULL, "a note for the team; the customer is not told and the status stays"},
	{"as", "ADDRESS", "the agent who says it (default: the team's address)"},
};
const struct arg_option ticket_status_options[2] = {
	{"comment", "TEXT|-", "an answer to the customer, before the status is set; -: standard input"},
	{"as", "ADDRESS", "the agent who says it (default: the team's address)"},
};
const struct arg_option ticket_assign_options[1] = {
	{"nobody", NULL, "take it from whoever has it"},
};

/* ---- the text ---- */

static int read_input(struct strbuf *text)
{
	while (!feof(stdin) && !ferror(stdin)) {
		char *room = strbuf_reserve(text, READ_SIZE);
		if (!room)
			return cli_fail(EX_DATAERR, "a comment has at most %zu octets", ADMIN_COMMENT_MAX);
		text->len += fread(room, 1, READ_SIZE, stdin);
	}
	return ferror(stdin) ? cli_fail(EX_IOERR, "standard input: %s", strerror(errno)) : 0;
}

/* Puts the text that was typed, or comes on standard input ("-"), into the request. 0, or an exit code. */
static int add_text(json_t *request, const char *typed)
{
	struct strbuf input;
	strbuf_init(&input, ADMIN_COMMENT_MAX + 2 * READ_SIZE);
	int r = 0;
	if (strcmp(typed, "-") == 0)
		r = read_input(&input);
	else
		strbuf_adds(&input, typed);
	struct str text = strbuf_str(&input);
	if (r == 0 && (input.overflow || text.len > ADMIN_COMMENT_MAX))
		r = cli_fail(EX_DATAERR, "a comment has at most %zu octets", ADMIN_COMMENT_MAX);
	else if (r == 0 && (!utf8_valid(text) || str_find(text, 0) < text.len))
		r = cli_fail(EX_DATAERR, "the comment is not UTF-8 text");
	if (r == 0)
		json_object_set_new(request, "text", json_stringn(text.ptr ? text.ptr : "", text.len));
	strbuf_done(&input);
	return r;
}

static json_t *request_new(struct cli *cli, const char *op)
{
	json_t *request =
		json_pack("{s:s,s:o}", "op", op, "reference", json_str(str_from(cli->args.words[0])));
	return request;
}

static void add_as(struct cli *cli, json_t *request)
{
	const char *as = args_value(&cli->args, "as");
	if (as)
		json_object_set_new(request, "as", json_str(str_from(as)));
}

/* ---- what happened ---- */

static const char *field(const json_t *result, const char *key)
{
	const char *text = json_string_value(json_object_get(result, key));
	return text ? text : "";
}

static void print_safe(const char *text)
{
	struct strbuf safe;
	strbuf_init(&safe, 16384);
	display_text(&safe, str_sub(str_from(text), 0, 1024), true);
	fputs(safe.ptr ? safe.ptr : "", stdout);
	strbuf_done(&safe);
}

/* "; jane@example.net is told" */
static void print_told(const json_t *result, const char *who)
{
	if (!json_is_true(json_object_get(result, "told"))) {
		printf("; nobody is told\n");
		return;
	}
	printf("; ");
	print_safe(who);
	printf(" is told\n");
}

/* ---- the verbs ---- */

int ticket_comment(struct cli *cli)
{
	json_t *request = request_new(cli, "ticket.comment"), *result;
	bool internal = args_flag(&cli->args, "internal");
	int r = add_text(request, cli->args.words[1]);
	if (r) {
		json_decref(request);
		return r;
	}
	if (internal)
		json_object_set_new(request, "internal", json_true());
	add_as(cli, request);
	r = cli_change_told(cli, request, &result);
	if (!result)
		return r;
	printf("%s %s, %s", field(result, "reference"), internal ? "noted" : "answered",
	       field(result, "status"));
	print_told(result, internal ? "the team" : field(result, "requester"));
	json_decref(result);
	return 0;
}

static int set_status(struct cli *cli, const char *op)
{
	const char *text = args_value(&cli->args, "comment");
	json_t *request = request_new(cli, op), *result;
	int r = text ? add_text(request, text) : 0;
	if (r) {
		json_decref(request);
		return r;
	}
	add_as(cli, request);
	r = cli_change_told(cli, request, &result);
	if (!result)
		return r;
	const char *before = field(result, "status_before"), *status = field(result, "status");
	if (!text && strcmp(before, status) == 0)
		printf("%s is %s already\n", field(result, "reference"), status);
	else
		printf("%s %s", field(result, "reference"), status);
	if (text)
		print_told(result, field(result, "requester"));
	else if (strcmp(before, status) != 0)
		printf("\n");
	json_decref(result);
	return 0;
}

int ticket_close(struct cli *cli)
{
	return set_status(cli, "ticket.close");
}

int ticket_resolve(struct cli *cli)
{
	return set_status(cli, "ticket.resolve");
}

int ticket_reopen(struct cli *cli)
{
	return set_status(cli, "ticket.reopen");
}

int ticket_assign(struct cli *cli)
{
	bool nobody = args_flag(&cli->args, "nobody");
	json_t *result;
	if (nobody == (cli->args.words_n > 1))
		return cli_fail(EX_USAGE,
				"say whose it is: servelo ticket assign REFERENCE AGENT, or --nobody");
	json_t *request = request_new(cli, "ticket.assign");
	json_object_set_new(request, "agent", json_str(str_from(nobody ? "" : cli->args.words[1])));
	int r = cli_change_told(cli, request, &result);
	if (!result)
		return r;
	printf("%s assigned to ", field(result, "reference"));
	print_safe(nobody ? "nobody" : field(result, "assignee"));
	printf("%s\n", nobody                                          ? ""
		       : json_is_true(json_object_get(result, "told")) ? ", who is told"
								       : " already");
	json_decref(result);
	return 0;
}
