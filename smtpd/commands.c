/*
 * The command table, and the one dispatcher.
 *
 * The table says what a command needs: states, EHLO, an argument. The dispatcher checks that and answers
 * 500, 501 and 503 by itself, so that a handler sees valid calls only. Adding a command is adding a row.
 *
 * Two things that are not commands get rows too: verbs of HTTP, because a browser can be made to talk to us
 * (the connection ends there), and the mail data behind a DATA or BDAT that was refused. A client that
 * pipelines its mail data without waiting for our 354 must not have it run as commands: when octets follow a
 * refused DATA, the connection ends (THREATS F10 in short: the body of a refused mail is chosen by its
 * author).
 *
 * Loop thread.
 */
#include "smtpd/session_private.h"

enum command_flags {
	ARG_REQUIRED = 1,
	NO_ARG = 2,
	NEEDS_EHLO = 4,
	DATA_FOLLOWS = 8, /* what comes behind it may be mail data */
	COUNTED = 16,     /* against the budget of commands that deliver nothing */
};

#define IN_TRANSACTION (SESSION_MAIL | SESSION_RCPT | SESSION_CHUNKS)
#define ANY_STATE      (SESSION_READY | IN_TRANSACTION)

struct command_row {
	struct str verb;
	void (*run)(struct smtp_session *session, struct str argument);
	unsigned states;
	unsigned flags;
};

static const struct command_row rows[] = {
	{STR_INIT("MAIL"), cmd_mail, SESSION_READY, NEEDS_EHLO | ARG_REQUIRED},
	{STR_INIT("RCPT"), cmd_rcpt, SESSION_MAIL | SESSION_RCPT, ARG_REQUIRED},
	{STR_INIT("DATA"), cmd_data, SESSION_MAIL | SESSION_RCPT, NO_ARG | DATA_FOLLOWS},
	{STR_INIT("BDAT"), cmd_bdat, ANY_STATE, ARG_REQUIRED | DATA_FOLLOWS},
	{STR_INIT("EHLO"), cmd_ehlo, ANY_STATE, ARG_REQUIRED | COUNTED},
	{STR_INIT("HELO"), cmd_helo, ANY_STATE, ARG_REQUIRED | COUNTED},
	{STR_INIT("STARTTLS"), cmd_starttls, ANY_STATE, NO_ARG},
	{STR_INIT("RSET"), cmd_rset, ANY_STATE, NO_ARG | COUNTED},
	{STR_INIT("NOOP"), cmd_noop, ANY_STATE, COUNTED},
	{STR_INIT("QUIT"), cmd_quit, ANY_STATE, NO_ARG},
	{STR_INIT("HELP"), cmd_help, ANY_STATE, COUNTED},
	{STR_INIT("VRFY"), cmd_vrfy, ANY_STATE, ARG_REQUIRED | COUNTED},
	{STR_INIT("EXPN"), cmd_not_implemented, ANY_STATE, 0},
	{STR_INIT("AUTH"), cmd_not_implemented, ANY_STATE, 0},
	{STR_INIT("ETRN"), cmd_not_implemented, ANY_STATE, 0},
	{STR_INIT("TURN"), cmd_not_implemented, ANY_STATE, 0},
	{STR_INIT("SEND"), cmd_not_implemented, ANY_STATE, 0},
	{STR_INIT("SOML"), cmd_not_implemented, ANY_STATE, 0},
	{STR_INIT("SAML"), cmd_not_implemented, ANY_STATE, 0},
	{STR_INIT("GET"), cmd_not_smtp, ANY_STATE, 0},
	{STR_INIT("POST"), cmd_not_smtp, ANY_STATE, 0},
	{STR_INIT("PUT"), cmd_not_smtp, ANY_STATE, 0},
	{STR_INIT("HEAD"), cmd_not_smtp, ANY_STATE, 0},
	{STR_INIT("PATCH"), cmd_not_smtp, ANY_STATE, 0},
	{STR_INIT("TRACE"), cmd_not_smtp, ANY_STATE, 0},
	{STR_INIT("DELETE"), cmd_not_smtp, ANY_STATE, 0},
	{STR_INIT("CONNECT"), cmd_not_smtp, ANY_STATE, 0},
	{STR_INIT("OPTIONS"), cmd_not_smtp, ANY_STATE, 0},
};

static const struct command_row *find_row(struct str verb)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (str_ieq(rows[i].verb, verb))
			return &rows[i];
	return NULL;
}

struct str commands_help(void)
{
	return STR("EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT STARTTLS VRFY HELP");
}

/* What the client should have said before. */
static struct str missing(const struct smtp_session *session, const struct command_row *row)
{
	if (!session->helo)
		return STR("EHLO comes first");
	if (session->state == SESSION_CHUNKS)
		return STR("BDAT LAST or RSET comes first");
	if (session->state == SESSION_READY)
		return STR("MAIL comes first");
	return row->states & SESSION_READY ? STR("a transaction is open") : STR("RCPT comes first");
}

static void run_row(struct smtp_session *session, const struct command_row *row, struct str argument)
{
	if (!(row->states & session->state) || ((row->flags & NEEDS_EHLO) && !session->helo)) {
		session_reply_error(session, REPLY_BAD_SEQUENCE, missing(session, row));
		return;
	}
	if ((row->flags & NO_ARG) && argument.len) {
		session_reply_error(session, REPLY_NO_ARG, STR(""));
		return;
	}
	if ((row->flags & ARG_REQUIRED) && !argument.len) {
		session_reply_error(session, REPLY_ARG_REQUIRED, STR(""));
		return;
	}
	if (row->flags & COUNTED) {
		enum reply_id last = policy_count_command(&session->budget, session->server->settings.limits);
		if (last != REPLY_NONE) {
			session_end(session, last, true, "commands");
			return;
		}
	}
	row->run(session, argument);
}

static void run_line(struct smtp_session *session, struct str line)
{
	struct command command = command_parse(line);
	const struct command_row *row = find_row(command.verb);
	if (!row) {
		bool empty = command.verb.len == 0;
		session_reply_error(session, empty ? REPLY_EMPTY_LINE : REPLY_UNKNOWN_COMMAND, STR(""));
		return;
	}
	run_row(session, row, command.argument);
}

/* Could the client believe that mail data is due behind this line? */
static bool announces_data(struct str line)
{
	const struct command_row *row = find_row(command_parse(line).verb);
	return row && (row->flags & DATA_FOLLOWS);
}

bool session_command(struct smtp_session *session, struct str *in)
{
	static const enum reply_id refusals[] = {
		[COMMAND_BARE_LF] = REPLY_BARE_LF,
		[COMMAND_CONTROL] = REPLY_CONTROL,
		[COMMAND_TOO_LONG] = REPLY_LINE_TOO_LONG,
	};
	struct str line;
	enum command_result result = command_reader_next(&session->reader, in, &line);
	if (result == COMMAND_MORE)
		return false;
	if (result == COMMAND_ENDLESS) {
		session_end(session, REPLY_ENDLESS_LINE, true, "endless-line");
		return true;
	}
	bool data_follows = announces_data(line); /* line is gone when STARTTLS has run */
	session->body_expected = false;
	if (result == COMMAND_LINE)
		run_line(session, line);
	else
		session_reply_error(session, refusals[result], STR(""));
	if (data_follows && !session->body_expected && session->state != SESSION_CLOSING &&
	    session_input_follows(session))
		session_end(session, REPLY_NONE, true, "data-after-refusal");
	return true;
}
