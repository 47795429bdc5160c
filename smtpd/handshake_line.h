/*
 * Handshakes stand in line. What comes for a session in SESSION_HANDSHAKE waits (session->pending, WAIT_HANDSHAKE) until
 * the line lets it through, at the end of a turn of the loop:
 *
 *  - who owes little (handshake_debt.h): in the order of coming; one each turn, and more as long as all of them together
 *    took no longer than the other work of the turn;
 *  - who owes much: one each turn while nobody of those stands in line and no mail is under way (waits for its 250, or did
 *    a moment ago), else in one part of 32 of the time; whose handshake is begun goes before who comes.
 *
 * So nobody is slowed down while nothing else is to be done, and a flood of handshakes costs those who bring mail little,
 * wherever it comes from. A session's deadline (tls.handshake_timeout) runs while it stands in line.
 *
 * The line is a part of struct smtp_server. Loop thread.
 */
#ifndef SERVELO_SMTPD_HANDSHAKE_LINE_H
#define SERVELO_SMTPD_HANDSHAKE_LINE_H

#include <uv.h>

#include "base/list.h"
#include "smtpd/handshake_debt.h"

struct smtp_server;
struct smtp_session;

struct handshake_line {
	struct list first, later; /* of sessions, by line_link */
	struct handshake_debt *debt;
	uv_prepare_t before;                  /* the turn's other work begins */
	uv_check_t after;                     /* ... has ended */
	uv_idle_t awake;                      /* keeps the loop from sleeping while somebody may go at once */
	uv_timer_t credit;                    /* wakes it when those who owe much may go on */
	int64_t turn_began_ns, turn_ended_ns; /* of uv_hrtime */
	int64_t mail_seen_ns;
	int64_t credit_ns, credit_at_ns;
	bool open; /* the handles run */
};

void handshake_line_init(struct smtp_server *server);
/* Its handles are closed; each calls server_handle_gone(). */
void handshake_line_close(struct smtp_server *server);
/* With the server's memory. */
void handshake_line_done(struct smtp_server *server);

/* Something came, or was left in pending. */
void handshake_line_enter(struct smtp_session *session);
/* It goes without, if it is in line at all. */
void handshake_line_leave(struct smtp_session *session);
/* The session has delivered its first mail. */
void handshake_line_paid(struct smtp_session *session);

#endif
