/*
 * The line of handshakes.
 *
 * Always true:
 * 1. A session is in one of the two lists exactly while it has WAIT_HANDSHAKE.
 * 2. The handles run exactly while somebody is in line. With the idle handle the loop does not sleep, so the time from
 *    `before` to `after` is what the other sessions took in this turn.
 * 3. Somebody in `first` goes in each turn: the one who waits longest waits for those before him only.
 * 4. Those in `later` spend credit while mail is under way or somebody is in `first`; it grows with time, and may be
 *    overdrawn by one handshake. So they are served, whoever else there is.
 *
 * Loop thread.
 */
#include "smtpd/handshake_line.h"

#include "smtpd/session_private.h"

#define CREDIT_DIVISOR 32 /* of the time */
#define CREDIT_MAX_NS  (2 * 1000 * 1000)
#define CREDIT_WAIT_MS 2
#define GAP_NS         (20 * 1000 * 1000)

static void on_turn_begins(uv_prepare_t *before);
static void on_turn_ends(uv_check_t *after);
static void on_awake(uv_idle_t *awake);
static void on_credit(uv_timer_t *timer);

static void on_handle_closed(uv_handle_t *handle)
{
	server_handle_gone(handle->data);
}

void handshake_line_init(struct smtp_server *server)
{
	struct handshake_line *line = &server->line;
	list_init(&line->first);
	list_init(&line->later);
	line->debt = handshake_debt_new();
	uv_prepare_init(server->loop, &line->before);
	uv_check_init(server->loop, &line->after);
	uv_idle_init(server->loop, &line->awake);
	uv_timer_init(server->loop, &line->credit);
	line->before.data = line->after.data = line->awake.data = line->credit.data = server;
	server->handles += 4;
}

void handshake_line_close(struct smtp_server *server)
{
	struct handshake_line *line = &server->line;
	uv_close((uv_handle_t *)&line->before, on_handle_closed);
	uv_close((uv_handle_t *)&line->after, on_handle_closed);
	uv_close((uv_handle_t *)&line->awake, on_handle_closed);
	uv_close((uv_handle_t *)&line->credit, on_handle_closed);
}

void handshake_line_done(struct smtp_server *server)
{
	server->line.debt = handshake_debt_free(server->line.debt);
}

/* ---- coming and going */

static int64_t now_ns(void)
{
	return (int64_t)uv_hrtime();
}

static void open_line(struct handshake_line *line)
{
	if (line->open)
		return;
	line->open = true;
	line->turn_began_ns = now_ns();
	uv_prepare_start(&line->before, on_turn_begins);
	uv_check_start(&line->after, on_turn_ends);
	uv_idle_start(&line->awake, on_awake);
}

static void close_line(struct handshake_line *line)
{
	line->open = false;
	uv_prepare_stop(&line->before);
	uv_check_stop(&line->after);
	uv_idle_stop(&line->awake);
	uv_timer_stop(&line->credit);
}

void handshake_line_enter(struct smtp_session *session)
{
	struct smtp_server *server = session->server;
	struct handshake_line *line = &server->line;
	int64_t now_ms = (int64_t)uv_now(server->loop);
	if (session->waits & WAIT_HANDSHAKE)
		return;
	bool begins = !session->in_debt;
	if (begins)
		handshake_debt_add(line->debt, &session->address, now_ms);
	session->in_debt = true;
	session_wait(session, WAIT_HANDSHAKE);
	bool high = handshake_debt_high(line->debt, &session->address, now_ms);
	server->stats.handshakes += begins;
	server->stats.handshakes_later += begins && high;
	if (high && !begins) /* what was begun is ended first: half a handshake is of use to nobody */
		list_push_front(&line->later, &session->line_link);
	else
		list_push_back(high ? &line->later : &line->first, &session->line_link);
	open_line(line);
}

void handshake_line_leave(struct smtp_session *session)
{
	list_remove(&session->line_link);
	session->waits &= ~(unsigned)WAIT_HANDSHAKE;
}

void handshake_line_paid(struct smtp_session *session)
{
	struct smtp_server *server = session->server;
	if (session->in_debt)
		handshake_debt_pay(server->line.debt, &session->address, (int64_t)uv_now(server->loop));
	session->in_debt = false;
}

/* ---- letting through */

static void let_through(struct smtp_server *server, const struct list *list)
{
	struct smtp_session *session = CONTAINER_OF(list->head.next, struct smtp_session, line_link);
	server_enter(server);
	handshake_line_leave(session);
	session_shake_hands(session);
	server_leave(server);
}

static void let_first_through(struct smtp_server *server, int64_t began_ns, int64_t other_ns)
{
	struct handshake_line *line = &server->line;
	while (!list_empty(&line->first)) {
		let_through(server, &line->first);
		if (now_ns() - began_ns >= other_ns)
			return;
	}
}

static void earn_credit(struct handshake_line *line, int64_t at_ns)
{
	int64_t earned = (at_ns - line->credit_at_ns) / CREDIT_DIVISOR;
	line->credit_at_ns = at_ns;
	line->credit_ns = line->credit_ns + earned < CREDIT_MAX_NS ? line->credit_ns + earned : CREDIT_MAX_NS;
}

/* A stream of mails has gaps between them. */
static bool mail_under_way(const struct handshake_line *line)
{
	return line->turn_ended_ns - line->mail_seen_ns < GAP_NS;
}

static bool others_wait(const struct handshake_line *line)
{
	return mail_under_way(line) || !list_empty(&line->first);
}

static bool later_may_go(const struct handshake_line *line)
{
	return line->credit_ns > 0 || !others_wait(line);
}

static void let_later_through(struct smtp_server *server)
{
	struct handshake_line *line = &server->line;
	bool pays = others_wait(line);
	int64_t began_ns = now_ns();
	let_through(server, &line->later);
	if (pays)
		line->credit_ns -= now_ns() - began_ns;
}

static void on_turn_begins(uv_prepare_t *before)
{
	struct smtp_server *server = before->data;
	server->line.turn_began_ns = now_ns();
}

static void on_turn_ends(uv_check_t *after)
{
	struct smtp_server *server = after->data;
	struct handshake_line *line = &server->line;
	int64_t at_ns = now_ns();
	earn_credit(line, at_ns);
	line->turn_ended_ns = at_ns;
	if (server->stats.in_commit > 0)
		line->mail_seen_ns = at_ns;
	if (!list_empty(&line->first))
		let_first_through(server, at_ns, at_ns - line->turn_began_ns);
	if (!list_empty(&line->later) && later_may_go(line))
		let_later_through(server);
	if (list_empty(&line->first) && list_empty(&line->later)) {
		close_line(line);
		return;
	}
	if (!list_empty(&line->first) || later_may_go(line)) {
		uv_idle_start(&line->awake, on_awake);
		return;
	}
	uv_idle_stop(&line->awake);
	if (!uv_is_active((uv_handle_t *)&line->credit))
		uv_timer_start(&line->credit, on_credit, CREDIT_WAIT_MS, 0);
}

static void on_awake(uv_idle_t *awake UNUSED)
{
}

/* The turn that begins now shall end at once, with a look at the line. */
static void on_credit(uv_timer_t *timer)
{
	struct smtp_server *server = timer->data;
	uv_idle_start(&server->line.awake, on_awake);
}
