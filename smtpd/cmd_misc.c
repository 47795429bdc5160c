/*
 * The commands that deliver nothing: RSET, NOOP, HELP, VRFY, QUIT, and those that we don't have.
 *
 * VRFY says the same about everybody (RFC 5321 3.5.3), so that nobody learns who is here. Loop thread.
 */
#include "smtpd/session_private.h"

void cmd_rset(struct smtp_session *session, struct str argument UNUSED)
{
	session_drop_transaction(session);
	session_reply(session, REPLY_OK, STR(""));
}

void cmd_noop(struct smtp_session *session, struct str argument UNUSED)
{
	session_reply(session, REPLY_OK, STR(""));
}

void cmd_help(struct smtp_session *session, struct str argument UNUSED)
{
	session_reply(session, REPLY_HELP, commands_help());
}

void cmd_vrfy(struct smtp_session *session, struct str argument UNUSED)
{
	session_reply(session, REPLY_VRFY, STR(""));
}

void cmd_quit(struct smtp_session *session, struct str argument UNUSED)
{
	session->quit = true;
	session_end(session, REPLY_QUIT, false, "quit");
}

void cmd_not_implemented(struct smtp_session *session, struct str argument UNUSED)
{
	session_reply_error(session, REPLY_NOT_IMPLEMENTED, STR(""));
}

void cmd_not_smtp(struct smtp_session *session, struct str argument UNUSED)
{
	session_end(session, REPLY_NOT_SMTP, true, "not-smtp");
}
