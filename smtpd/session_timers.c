/*
 * Deadlines. One timer serves all sessions: each class of deadline is a list in the order of time, since all in it
 * wait equally long. Setting a deadline is moving to the end of a list (session_timer()), and only heads are looked
 * at. A list holds when the waiting began, not when it ends, so a timeout that changes (load, configuration) is in
 * force at once.
 *
 * Always true: the timer is armed for the earliest head or earlier; too early costs one look, too late never happens.
 *
 * Loop thread.
 */
#include "smtpd/session_private.h"

#define HANDSHAKE_DEFAULT 30000

static void on_timer(uv_timer_t *timer);

void session_timers_init(struct smtp_server *server)
{
	server->timer_at_ms = INT64_MAX;
	for (size_t i = 0; i < TIMER_CLASSES; i++)
		list_init(&server->timers[i]);
}

int64_t server_timeout_ms(const struct smtp_server *server, enum timer_class timer_class)
{
	const struct limits_conf *limits = server->settings.limits;
	const struct certs_conf *tls = server->settings.tls;
	int64_t waiting_ms =
		timer_class == TIMER_GREETING ? limits->greeting_timeout_ms : limits->command_timeout_ms;
	switch (timer_class) {
	case TIMER_GREETING:
	case TIMER_COMMAND:
		return server_stressed(server) && limits->stress_timeout_ms < waiting_ms
			       ? limits->stress_timeout_ms
			       : waiting_ms;
	case TIMER_DATA:
		return limits->data_timeout_ms;
	case TIMER_HANDSHAKE:
		return tls ? tls->handshake_timeout_ms : HANDSHAKE_DEFAULT;
	case TIMER_WRITE:
		return limits->write_timeout_ms;
	case TIMER_DELAY: /* never 0: somebody waits for it */
		return limits->error_delay_ms > 0 ? limits->error_delay_ms : 1;
	case TIMER_LINGER:
		return LINGER_MS;
	default:
		return 0;
	}
}

void server_timer_rearm(struct smtp_server *server, int64_t at_ms)
{
	if (at_ms >= server->timer_at_ms || server->closing)
		return;
	int64_t in_ms = at_ms - (int64_t)uv_now(server->loop);
	server->timer_at_ms = at_ms;
	uv_timer_start(&server->timer, on_timer, in_ms > 0 ? (uint64_t)in_ms : 0, 0);
}

static struct smtp_session *timer_head(struct smtp_server *server, size_t timer_class)
{
	struct list *list = &server->timers[timer_class];
	return list_empty(list) ? NULL : CONTAINER_OF(list->head.next, struct smtp_session, timer_link);
}

static void on_timer(uv_timer_t *timer)
{
	struct smtp_server *server = timer->data;
	int64_t now_ms = (int64_t)uv_now(server->loop);
	server->timer_at_ms = INT64_MAX;
	for (size_t i = TIMER_NONE + 1; i < TIMER_CLASSES; i++) {
		struct smtp_session *session;
		int64_t timeout_ms = server_timeout_ms(server, (enum timer_class)i);
		if (timeout_ms <= 0)
			continue;
		while ((session = timer_head(server, i)) && session->timer_since_ms + timeout_ms <= now_ms) {
			list_remove(&session->timer_link);
			server_enter(server);
			session_timed_out(session, (enum timer_class)i);
			server_leave(server);
		}
		if (session)
			server_timer_rearm(server, session->timer_since_ms + timeout_ms);
	}
}
