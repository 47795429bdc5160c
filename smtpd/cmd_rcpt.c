/*
 * RCPT (RFC 5321 4.1.1.3). The forward-path is parsed here; whose it is, the application says, at once or
 * later. A later answer keeps the order of replies: the session looks at nothing else until it came.
 *
 * Unknown and foreign recipients have a budget of their own, since they are how addresses are harvested.
 * Refused for being too many is no error: RFC 5321 4.5.3.1.10 tells the client to send the rest in another
 * transaction, and a client that pipelined a thousand of them meant no harm. Loop thread.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "smtpd/session_private.h"

#define RCPT_ARENA_MAX 4096
#define RCPT_TRIED_MAX 10 /* times limits.recipients; then it is no honest client */

static void answer(struct smtp_session *session, struct str recipient, enum rcpt_status status,
		   const struct rcpt_answer *rcpt_answer);

static const struct {
	const char *name; /* in the log */
	enum reply_id reply;
	bool counts; /* against the budget of unknown recipients */
} answers[] = {
	[RCPT_ACCEPTED] = {"accepted", REPLY_RCPT_OK, false},
	[RCPT_UNKNOWN] = {"unknown", REPLY_RCPT_UNKNOWN, true},
	[RCPT_FOREIGN] = {"foreign", REPLY_RCPT_FOREIGN, true},
	[RCPT_SUSPENDED] = {"suspended", REPLY_RCPT_SUSPENDED, false},
	[RCPT_TEMPFAIL] = {"tempfail", REPLY_RCPT_TEMPFAIL, false},
	[RCPT_TOO_MANY] = {"too-many", REPLY_RCPT_TOO_MANY, false},
};

/* We know no parameter of RCPT: DSN is not offered. */
static enum reply_id check_params(struct str rest, struct str *ret_about)
{
	struct command_param param;
	int r = command_parameter(&rest, &param);
	*ret_about = r > 0 ? param.keyword : str_trim(rest);
	return r == 0 ? REPLY_NONE : r > 0 ? REPLY_UNKNOWN_PARAM : REPLY_BAD_PARAM;
}

static enum reply_id read_rcpt(const struct smtp_session *session, struct arena *arena, struct str argument,
			       struct mailaddr *ret, struct str *ret_about)
{
	unsigned flags = MAILADDR_ALLOW_POSTMASTER;
	struct str rest;
	if (session->delivery->envelope.smtputf8)
		flags |= MAILADDR_ALLOW_UTF8;
	int r = command_path(arena, argument, STR("TO:"), flags, ret, &rest);
	return r < 0 ? cmd_path_refusal(r, REPLY_RCPT_SYNTAX) : check_params(rest, ret_about);
}

static enum rcpt_status ask(struct smtp_session *session, const struct mailaddr *forward_path,
			    struct rcpt_answer *ret)
{
	struct smtp_server *server = session->server;
	if (session->rcpt_n >= (uint64_t)server->settings.limits->recipients)
		return RCPT_TOO_MANY;
	session_wait(session, WAIT_RCPT);
	enum rcpt_status status = server->handler->rcpt(server->ctx, session->delivery, forward_path, ret);
	if (status != RCPT_LATER)
		session->waits &= ~(unsigned)WAIT_RCPT;
	return status;
}

void cmd_rcpt(struct smtp_session *session, struct str argument)
{
	struct arena arena;
	struct mailaddr forward_path;
	struct rcpt_answer rcpt_answer = {""};
	struct strbuf recipient;
	struct str about = STR("");
	if (++session->rcpt_tried > (uint64_t)session->server->settings.limits->recipients * RCPT_TRIED_MAX) {
		session_end(session, REPLY_TOO_MANY_COMMANDS, true, "recipients");
		return;
	}
	arena_init(&arena, RCPT_ARENA_MAX);
	strbuf_init(&recipient, RCPT_ARENA_MAX);
	enum reply_id refusal = read_rcpt(session, &arena, argument, &forward_path, &about);
	if (refusal != REPLY_NONE) {
		session_reply_error(session, refusal, about);
		goto out;
	}
	mailaddr_print(&forward_path, &recipient);
	enum rcpt_status status = ask(session, &forward_path, &rcpt_answer);
	if (status == RCPT_LATER)
		session->rcpt_waiting = strbuf_detach(&recipient);
	else
		answer(session, strbuf_str(&recipient), status, &rcpt_answer);
out:
	strbuf_done(&recipient);
	arena_done(&arena);
}

static void log_refusal(const struct smtp_session *session, struct str recipient, const char *status,
			enum reply_id reply)
{
	char id[20], ip[POLICY_TEXT_SIZE];
	LOG(LOG_LEVEL_INFO, "rcpt", lf_id("session", session_id_text(session, id)),
	    lf_cstr("client", policy_address_text(&session->address, ip)), lf_str("to", recipient),
	    lf_cstr("status", status), lf_int("code", reply_code(reply)));
}

static void tell_refused(struct smtp_session *session, struct str recipient, enum reply_id id,
			 struct str more)
{
	const struct smtp_server *server = session->server;
	char line[REPLY_SIZE];
	size_t len = reply_format(line, id, more);
	if (server->handler->refused)
		server->handler->refused(server->ctx, session->delivery, recipient,
					 (struct str){line, len - 2});
}

static void refuse(struct smtp_session *session, struct str recipient, enum rcpt_status status,
		   struct str more)
{
	const struct limits_conf *limits = session->server->settings.limits;
	enum reply_id last = REPLY_NONE;
	session->server->stats.recipients_refused++;
	if (answers[status].counts)
		last = policy_count_unknown(&session->budget, limits);
	log_refusal(session, recipient, answers[status].name,
		    last != REPLY_NONE ? last : answers[status].reply);
	tell_refused(session, recipient, last != REPLY_NONE ? last : answers[status].reply, more);
	if (last != REPLY_NONE) {
		session_end(session, last, true, "unknown-recipients");
		return;
	}
	session_reply(session, answers[status].reply, more);
	if (answers[status].counts && policy_delay_ms(&session->budget, limits) > 0)
		session_wait(session, WAIT_DELAY);
}

static void answer(struct smtp_session *session, struct str recipient, enum rcpt_status status,
		   const struct rcpt_answer *rcpt_answer)
{
	struct strbuf hint;
	if (status == RCPT_ACCEPTED) {
		session->rcpt_n++;
		session_set_state(session, SESSION_RCPT);
		session_reply(session, REPLY_RCPT_OK, STR(""));
		return;
	}
	strbuf_init(&hint, sizeof(rcpt_answer->hint) + 8);
	if (rcpt_answer->hint[0])
		strbuf_printf(&hint, "(%.*s)", (int)strnlen(rcpt_answer->hint, sizeof(rcpt_answer->hint)),
			      rcpt_answer->hint);
	refuse(session, recipient, status, strbuf_str(&hint));
	strbuf_done(&hint);
}

void session_rcpt_answered(struct smtp_session *session, enum rcpt_status status,
			   const struct rcpt_answer *rcpt_answer)
{
	char *recipient = session->rcpt_waiting;
	if (!(session->waits & WAIT_RCPT))
		return;
	session->rcpt_waiting = NULL;
	session->waits &= ~(unsigned)WAIT_RCPT;
	if (session->state == SESSION_CLOSING)
		session_drop_transaction(session);
	else
		answer(session, str_from(recipient), status, rcpt_answer);
	free(recipient);
}
