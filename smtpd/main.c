/*
 * The program: one binary, dispatched by its first words. `servelo serve` is the server, `servelo parser` (hidden)
 * is its parser child, everything else is the command line of an administrator.
 *
 * The parser child is dispatched before anything else is looked at: it reads hostile mail, and should have run
 * as little code as possible before it locks itself in.
 */
#include <signal.h>
#include <string.h>

#include "ingest/parser_child.h"
#include "smtpd/cli/cli.h"
#include "smtpd/serve.h"

#define PARSER_SOCKET 3

static int run_serve(struct cli *cli)
{
	return serve_run(cli->config);
}

static int run_version(struct cli *cli)
{
	if (cli->json)
		printf("{\"name\": \"servelo\", \"version\": \"%s\"}\n", SERVELO_VERSION);
	else
		printf("servelo %s\n", SERVELO_VERSION);
	return EX_OK;
}

/* For the list of verbs; cli_main() answers it itself. */
static int run_help(struct cli *cli UNUSED)
{
	return EX_OK;
}

static const struct cli_verb program_verbs[] = {
	{.name = "serve",
	 .summary = "Run the server in the foreground, logging to standard error",
	 .details = "SIGTERM drains and ends it, SIGHUP reloads configuration and certificates.\n\n"
		    "  servelo serve --config /etc/servelo/config.yaml\n",
	 .run = run_serve},
	{.name = "version", .summary = "Print the version", .run = run_version},
	{.name = "help",
	 .words = "[NOUN [VERB]]",
	 .words_max = 2,
	 .summary = "Print this text, or what a noun or verb does",
	 .run = run_help},
};
static const struct cli_noun program = {NULL, NULL, program_verbs, ARRAY_SIZE(program_verbs)};

static const struct cli_noun *const nouns[] = {&program,    &cli_status,  &cli_check, &cli_tenant,
					       &cli_ticket, &cli_message, &cli_audit, &cli_setting,
					       &cli_queue,  &cli_token};

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "parser") == 0)
		return parser_child_main(PARSER_SOCKET);
	signal(SIGPIPE, SIG_IGN); /* `servelo ticket list | head` ends with a failed write, not by a signal */
	return cli_main(argc, argv, nouns, ARRAY_SIZE(nouns));
}
