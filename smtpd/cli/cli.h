/*
 * The command line: nouns, verbs, and what every verb does alike: options, help, exit codes, opening the
 * configuration and the database, asking the running server.
 *
 *	servelo [--config FILE] NOUN VERB [options] [words]
 *
 * A verb is one row of its noun's table; run() returns an exit code of sysexits.h:
 *
 *	0 done   64 wrong usage   65 bad data   66 no such thing   69 server busy or gone   70 our bug
 *	73 can't create   74 input/output   75 try again   77 not permitted   78 configuration
 *
 * What people read goes to standard output as tables, what programs read as one JSON document (--json);
 * complaints go to standard error. One thread, one verb per process: memory that lives until the end is not
 * always freed one by one.
 */
#ifndef SERVELO_SMTPD_CLI_CLI_H
#define SERVELO_SMTPD_CLI_CLI_H

#include <stdio.h>
#include <sysexits.h>

#include "base/base.h"
#include "smtpd/cli/args.h"
#include "smtpd/server_conf.h"
#include "storage/reader.h"

struct cli {
	const char *noun; /* as typed; NULL for a verb without one */
	const char *config;
	bool json;
	struct args args;
	struct server_conf *conf; /* cli_conf() or cli_places() */
	bool mistaken;            /* conf holds only where things are */
	struct reader *reader;    /* cli_reader() */
};

struct cli_verb {
	const char *name;
	const char *words; /* "SLUG", "ID...": for the usage line */
	size_t words_min, words_max;
	const char *summary; /* one line */
	const char *details; /* more, and examples, each line with its LF; may be NULL */
	const struct arg_option *options;
	size_t options_n;
	int (*run)(struct cli *cli);
};

struct cli_noun {
	const char *name; /* NULL: its verbs stand at the top: "check" */
	const char *summary;
	const struct cli_verb *verbs;
	size_t n;
};

/* argv[0] is the program. */
int cli_main(int argc, char **argv, const struct cli_noun *const *nouns, size_t n);

/* "servelo: ..." on standard error; returns exit_code. */
int cli_fail(int exit_code, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The exit code for a negative errno. */
int cli_exit_code(int r);

/* These say what is wrong themselves. 0, or an exit code. */
int cli_conf(struct cli *cli); /* cli->conf, with the settings of the database */
/* cli->conf to look at data and to ask the server: when the file has a mistake in it, what it says of where things
 * are is enough, and that is said (cli->mistaken). */
int cli_places(struct cli *cli);
int cli_reader(struct cli *cli); /* cli->conf and cli->reader, by cli_places() */
/* With cli->reader: is there such a tenant, if only a removed one? slug NULL: fine. */
int cli_tenant_known(struct cli *cli, const char *slug);

/* Was the output written? EX_IOERR and a word about it, when not (a full disk behind ">"). */
int cli_flush(void);

extern const struct cli_noun cli_tenant, cli_ticket, cli_message, cli_audit, cli_setting, cli_queue,
	cli_token, cli_check, cli_status;

#endif
