/*
 * One connection: its life, its states, its transaction.
 *
 *	                      STARTTLS
 *	accept -> READY <------------------> HANDSHAKE
 *	          |  ^ ^---------------------------------------------+
 *	     MAIL |  | RSET, EHLO, STARTTLS, refused mail data       |
 *	          v  |                                               | the application's answer
 *	         MAIL --RCPT--> RCPT --DATA--> DATA --CRLF.CRLF--> COMMIT
 *	                         |  \--BDAT--> CHUNK --LAST----------^
 *	                         |              | ^
 *	                         |              v | BDAT
 *	                         |            CHUNKS
 *	any --QUIT, error, timeout, drain--> CLOSING --flushed--> closed
 *
 * Always true:
 * 1. delivery is not NULL exactly in MAIL, RCPT, DATA, CHUNKS and CHUNK. In COMMIT it belongs to the
 *    application, which brings it back to smtp_server_delivered() whatever became of the session.
 * 2. In COMMIT, and while waits is not 0, no input is looked at; what comes is kept in pending (one read at
 *    most: reading stops then).
 * 3. The memory of a session lives until its handle is closed and no answer about a recipient is due.
 * 4. A session has one deadline, by what it waits for; in COMMIT and WAIT_RCPT it has none, for then we are
 *    the ones who are late.
 *
 * Loop thread.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "smtpd/session_private.h"

static void log_connect(const struct smtp_session *session);
static void log_close(const struct smtp_session *session, const char *why);
static void restart_timer(struct smtp_session *session, enum timer_class timer_class);

int session_open(struct smtp_server *server, int fd, const struct policy_address *address, bool counted)
{
	struct smtp_session *session = XNEW(struct smtp_session);
	session->server = server;
	session->id = ++server->last_id;
	session->state = SESSION_READY;
	session->address = *address;
	session->counted = counted;
	command_reader_init(&session->reader, (size_t)server->settings.limits->line_length - 2);
	strbuf_init(&session->pending, READ_SIZE + PLAIN_SIZE);
	list_node_init(&session->timer_link);
	list_node_init(&session->line_link);
	int r = session_io_open(session, fd);
	if (r < 0) {
		free(session);
		return r;
	}
	server_add_session(server, session);
	log_connect(session);
	struct strbuf text;
	strbuf_init(&text, REPLY_LINE_MAX);
	strbuf_printf(&text, "%s ESMTP %s", server->settings.hostname, server->settings.smtp->banner);
	session_reply(session, REPLY_GREETING, str_trim(strbuf_str(&text)));
	strbuf_done(&text);
	session_turn_end(session, true);
	return 0;
}

void session_free(struct smtp_session *session)
{
	command_reader_done(&session->reader);
	strbuf_done(&session->pending);
	tls_channel_free(session->tls);
	delivery_free(session->delivery);
	free(session->helo);
	free(session->rcpt_waiting);
	free(session);
}

/* ---- words */

const char *session_id_text(const struct smtp_session *session, char buf[20])
{
	snprintf(buf, 20, "%llx", (unsigned long long)session->id);
	return buf;
}

static void log_connect(const struct smtp_session *session)
{
	char id[20], ip[POLICY_TEXT_SIZE];
	if (log_wants(LOG_LEVEL_DEBUG))
		LOG(LOG_LEVEL_DEBUG, "connect", lf_id("session", session_id_text(session, id)),
		    lf_cstr("client", policy_address_text(&session->address, ip)));
}

static void log_close(const struct smtp_session *session, const char *why)
{
	char id[20];
	if (!log_wants(LOG_LEVEL_DEBUG))
		return;
	const struct log_field fields[] = {
		lf_id("session", session_id_text(session, id)),
		lf_cstr("why", why),
		lf_int("messages", session->messages),
		lf_int("errors", session->budget.errors),
		lf_err(session->error),
	};
	log_fields(LOG_LEVEL_DEBUG, "close", fields, ARRAY_SIZE(fields) - (session->error ? 0 : 1));
}

void session_reply(struct smtp_session *session, enum reply_id id, struct str more)
{
	struct smtp_server *server = session->server;
	char line[REPLY_SIZE];
	server->out_owner = session;
	strbuf_add(&server->out, (struct str){line, reply_format(line, id, more)});
}

void session_reply_error(struct smtp_session *session, enum reply_id id, struct str more)
{
	const struct limits_conf *limits = session->server->settings.limits;
	enum reply_id last = policy_count_error(&session->budget, limits);
	if (last != REPLY_NONE) {
		session_end(session, last, true, "errors");
		return;
	}
	session_reply(session, id, more);
	if (policy_delay_ms(&session->budget, limits) > 0)
		session_wait(session, WAIT_DELAY);
}

/* ---- states */

void session_set_state(struct smtp_session *session, enum session_state state)
{
	const unsigned in_data = SESSION_DATA | SESSION_CHUNK | SESSION_CHUNKS;
	struct smtp_stats *stats = &session->server->stats;
	stats->in_data += (state & in_data) != 0;
	stats->in_data -= (session->state & in_data) != 0;
	stats->in_commit += state == SESSION_COMMIT;
	stats->in_commit -= session->state == SESSION_COMMIT;
	session->state = state;
}

void session_wait(struct smtp_session *session, enum session_wait wait)
{
	session->waits |= wait;
}

void session_drop_transaction(struct smtp_session *session)
{
	session->delivery = delivery_free(session->delivery);
	session->rcpt_n = session->rcpt_tried = 0;
	session->verdict = REPLY_NONE;
	if (session->state & (SESSION_MAIL | SESSION_RCPT | SESSION_DATA | SESSION_CHUNKS | SESSION_CHUNK))
		session_set_state(session, SESSION_READY);
}

void session_end(struct smtp_session *session, enum reply_id id, bool linger, const char *why)
{
	if (session->state == SESSION_CLOSING)
		return;
	if (id != REPLY_NONE)
		session_reply(session, id, STR(""));
	/* An answer about a recipient may still be due, and whoever gives it may look at the delivery. */
	if (!(session->waits & WAIT_RCPT))
		session_drop_transaction(session);
	session_set_state(session, SESSION_CLOSING);
	/* an erring client is not slowed down any more: while we linger, what it sends is read and thrown away */
	session->waits &= ~(unsigned)WAIT_DELAY;
	session->linger = linger;
	log_close(session, why);
}

void session_shutdown(struct smtp_session *session, bool now)
{
	if (session->state == SESSION_HANDSHAKE)
		session_abort(session, "shutdown", 0);
	else if (session->state == SESSION_READY || now)
		session_end(session, REPLY_SHUTDOWN, false, "shutdown");
}

/* ---- deadlines */

static enum timer_class timer_class_of(const struct smtp_session *session)
{
	if (session->closed)
		return TIMER_NONE;
	if (session->write_queued)
		return TIMER_WRITE;
	if (session->state == SESSION_CLOSING)
		return TIMER_LINGER;
	if (session->waits & WAIT_DELAY)
		return TIMER_DELAY;
	if (session->state == SESSION_HANDSHAKE)
		return TIMER_HANDSHAKE;
	if (session->state == SESSION_COMMIT || session->waits)
		return TIMER_NONE;
	if (session->state & (SESSION_DATA | SESSION_CHUNK) || session->swallow_left)
		return TIMER_DATA;
	return session->helo ? TIMER_COMMAND : TIMER_GREETING;
}

/* progress: a whole command, more mail data, or a write. Octets of a command that isn't whole yet do not
 * count, nor do commands before EHLO, so that a slow drip doesn't keep a session. */
void session_timer(struct smtp_session *session, bool progress)
{
	static const bool restarts[TIMER_CLASSES] = {
		[TIMER_COMMAND] = true, [TIMER_DATA] = true, [TIMER_WRITE] = true};
	enum timer_class timer_class = timer_class_of(session);
	if (timer_class != session->timer_class || (progress && restarts[timer_class]))
		restart_timer(session, timer_class);
}

static void restart_timer(struct smtp_session *session, enum timer_class timer_class)
{
	struct smtp_server *server = session->server;
	list_remove(&session->timer_link);
	session->timer_class = timer_class;
	int64_t timeout_ms = server_timeout_ms(server, timer_class);
	if (timer_class == TIMER_NONE || timeout_ms <= 0)
		return;
	session->timer_since_ms = (int64_t)uv_now(server->loop);
	list_push_back(&server->timers[timer_class], &session->timer_link);
	server_timer_rearm(server, session->timer_since_ms + timeout_ms);
}

void session_timed_out(struct smtp_session *session, enum timer_class timer_class)
{
	session->timer_class = TIMER_NONE;
	switch (timer_class) {
	case TIMER_DELAY:
		session_resume(session, WAIT_DELAY);
		return;
	case TIMER_HANDSHAKE:
	case TIMER_WRITE:
	case TIMER_LINGER:
		session_abort(session, timer_class == TIMER_LINGER ? "done" : "timeout", 0);
		return;
	default:
		session_end(session, REPLY_TIMEOUT, false, "timeout");
		session_turn_end(session, true);
	}
}

/* ---- what the application brings back */

void session_delivered(struct smtp_session *session, enum reply_id id, struct str more)
{
	session->messages += id == REPLY_DELIVERED;
	if (id == REPLY_DELIVERED)
		handshake_line_paid(session);
	session_drop_transaction(session);
	session_set_state(session, SESSION_READY);
	session_reply(session, id, more);
	session_resume(session, 0);
}
