/*
 * HELO and EHLO (RFC 5321 4.1.1.1), and the list of what we can.
 *
 * The name is kept as said; it is shown in the trace field and the log, escaped, and decides nothing: half of
 * the world's senders don't know their own name. Both commands end a transaction (4.1.4). Loop thread.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "smtpd/session_private.h"

#define HELO_MAX 255

static bool greet(struct smtp_session *session, struct str name, bool ehlo)
{
	if (name.len > HELO_MAX) {
		session_reply_error(session, REPLY_BAD_HELO, STR(""));
		return false;
	}
	session_drop_transaction(session);
	free(session->helo);
	session->helo = xstrndup(name);
	session->ehlo = ehlo;
	return true;
}

void cmd_helo(struct smtp_session *session, struct str argument)
{
	if (greet(session, argument, false))
		session_reply(session, REPLY_HELO, str_from(session->server->settings.hostname));
}

static void say(struct smtp_session *session, struct str text, bool last)
{
	struct smtp_server *server = session->server;
	char line[REPLY_SIZE];
	server->out_owner = session;
	strbuf_add(&server->out, (struct str){line, reply_format_ehlo(line, last, text)});
}

/* RFC 1870. 0 would mean "no limit that I can tell". */
static void say_size(struct smtp_session *session, const struct limits_conf *limits)
{
	char text[40];
	snprintf(text, sizeof(text), "SIZE %lld", (long long)limits->message_size);
	say(session, str_from(text), false);
}

/* RFC 9422 */
static void say_limits(struct smtp_session *session, const struct limits_conf *limits)
{
	char text[80];
	if (limits->transactions > 0)
		snprintf(text, sizeof(text), "LIMITS MAILMAX=%lld RCPTMAX=%lld",
			 (long long)limits->transactions, (long long)limits->recipients);
	else
		snprintf(text, sizeof(text), "LIMITS RCPTMAX=%lld", (long long)limits->recipients);
	say(session, str_from(text), false);
}

void cmd_ehlo(struct smtp_session *session, struct str argument)
{
	const struct smtp_settings *settings = &session->server->settings;
	if (!greet(session, argument, true))
		return;
	say(session, str_from(settings->hostname), false);
	say(session, STR("PIPELINING"), false);
	say_size(session, settings->limits);
	if (!session->tls && server_offers_starttls(session->server))
		say(session, STR("STARTTLS"), false);
	say(session, STR("ENHANCEDSTATUSCODES"), false);
	say(session, STR("8BITMIME"), false);
	say(session, STR("SMTPUTF8"), false);
	say_limits(session, settings->limits);
	say(session, STR("CHUNKING"), true);
}
