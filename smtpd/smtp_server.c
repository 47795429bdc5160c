/*
 * The table of sessions, admission, what the application brings back, drain. Listening and accepting are in
 * smtp_listener.c, deadlines in session_timers.c.
 *
 * Always true:
 * 1. Every session is in the hash by its id until it is freed, and in `sessions` until its socket is closed.
 *    The application knows ids only; an id that is not found belongs to a session that has gone.
 * 2. Turns do not nest: what comes back from the application during a turn (busy > 0) waits in `returned` or
 *    `answers` until the turn is over. So the buffers that sessions share belong to one session at a time.
 * 3. The server's memory lives until all its handles are closed (handles).
 *
 * Loop thread.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "smtpd/listen_address.h"
#include "smtpd/session_private.h"

#define HASH_MIN       1024
#define REFUSAL_LOG_MS 1000

struct late_answer {
	struct list_node link;
	uint64_t session_id;
	enum rcpt_status status;
	struct rcpt_answer answer;
};

static void on_connection(void *ctx, int fd, const struct sockaddr *sa);
static void on_listeners_closed(void *ctx);
static void refuse(struct smtp_server *server, int fd, enum reply_id id, const char *client);
static void on_grace_over(uv_timer_t *timer);
static void check_drained(struct smtp_server *server);
static void deliver_back(struct smtp_server *server, struct delivery *delivery);
static void answer_back(struct smtp_server *server, uint64_t session_id, enum rcpt_status status,
			const struct rcpt_answer *answer);

/* ---- settings */

static int parse_exempt(const struct limits_conf *limits, struct policy_network **ret, size_t *ret_n)
{
	struct policy_network *networks = xcalloc(limits->exempt.n + 1, sizeof(*networks));
	for (size_t i = 0; i < limits->exempt.n; i++) {
		int r = policy_network_parse(str_from(limits->exempt.items[i]), &networks[i]);
		if (r < 0) {
			free(networks);
			return r;
		}
	}
	*ret = networks;
	*ret_n = limits->exempt.n;
	return 0;
}

static size_t hash_size_for(int64_t connections)
{
	size_t n = HASH_MIN;
	while (n < (size_t)connections && n < (1u << 20))
		n *= 2;
	return n;
}

static void init_timer(struct smtp_server *server, uv_timer_t *timer)
{
	uv_timer_init(server->loop, timer);
	timer->data = server;
	server->handles++;
}

int smtp_server_open(struct smtp_server **ret, uv_loop_t *loop, const struct smtp_settings *settings,
		     const struct smtp_handler *handler, void *ctx)
{
	struct smtp_server *server = XNEW(struct smtp_server);
	int r = parse_exempt(settings->limits, &server->exempt, &server->exempt_n);
	if (r < 0) {
		free(server);
		return r;
	}
	server->loop = loop;
	server->settings = *settings;
	if (settings->certs)
		certs_ref(settings->certs);
	server->handler = handler;
	server->ctx = ctx;
	server->hash_n = hash_size_for(settings->limits->connections);
	server->hash = xcalloc(server->hash_n, sizeof(*server->hash));
	server->clients = policy_clients_new();
	server->listeners = smtp_listeners_new(loop, on_connection, server);
	server->handles++;
	list_init(&server->sessions);
	list_init(&server->returned);
	list_init(&server->answers);
	strbuf_init(&server->out, OUT_MAX);
	init_timer(server, &server->timer);
	init_timer(server, &server->drain_timer);
	session_timers_init(server);
	handshake_line_init(server);
	*ret = server;
	return 0;
}

void smtp_server_reconfigure(struct smtp_server *server, const struct smtp_settings *settings)
{
	struct policy_network *exempt;
	size_t exempt_n;
	if (parse_exempt(settings->limits, &exempt, &exempt_n) == 0) {
		free(server->exempt);
		server->exempt = exempt;
		server->exempt_n = exempt_n;
	}
	if (settings->certs)
		certs_ref(settings->certs);
	certs_unref(server->settings.certs);
	server->settings = *settings;
	server_timer_rearm(server, (int64_t)uv_now(server->loop)); /* timeouts may be shorter now */
}

bool server_offers_starttls(const struct smtp_server *server)
{
	const struct smtp_settings *settings = &server->settings;
	return settings->certs && (!settings->tls || settings->tls->starttls);
}

bool server_stressed(const struct smtp_server *server)
{
	const struct limits_conf *limits = server->settings.limits;
	if (limits->stress_percent <= 0 || limits->connections <= 0)
		return false;
	return (int64_t)server->stats.connections * 100 > limits->connections * limits->stress_percent;
}

struct smtp_stats smtp_server_stats(const struct smtp_server *server)
{
	return server->stats;
}

/* ---- listening */

int smtp_server_listen(struct smtp_server *server, struct conf_error *reterr)
{
	const struct smtp_conf *conf = server->settings.smtp;
	for (size_t i = 0; i < conf->listen.n; i++) {
		struct sockaddr_storage address;
		socklen_t len;
		const char *wrong = listen_address_parse(str_from(conf->listen.items[i]), &address, &len);
		int r = wrong ? -EINVAL
			      : smtp_listeners_bind(server->listeners, &address, len, (int)conf->backlog,
						    conf->reuse_port);
		if (r < 0) {
			snprintf(reterr->text, sizeof(reterr->text), "smtp.listen: %s: %s",
				 conf->listen.items[i], wrong ? wrong : strerror(-r));
			return r;
		}
	}
	return 0;
}

int smtp_server_adopt(struct smtp_server *server, int fd)
{
	return smtp_listeners_adopt(server->listeners, fd);
}

const char *smtp_server_address(const struct smtp_server *server, size_t n)
{
	return smtp_listeners_address(server->listeners, n);
}

/* ---- admission */

static bool is_exempt(const struct smtp_server *server, const struct policy_address *address)
{
	for (size_t i = 0; i < server->exempt_n; i++)
		if (policy_network_has(&server->exempt[i], address))
			return true;
	return false;
}

static void on_connection(void *ctx, int fd, const struct sockaddr *sa)
{
	struct smtp_server *server = ctx;
	const struct limits_conf *limits = server->settings.limits;
	struct policy_address address = policy_address_of(sa);
	char ip[POLICY_TEXT_SIZE];
	bool exempt = is_exempt(server, &address);
	if (limits->connections > 0 && (int64_t)server->stats.connections >= limits->connections) {
		refuse(server, fd, REPLY_TOO_MANY_CONNECTIONS, policy_address_text(&address, ip));
		return;
	}
	if (!exempt && !policy_clients_enter(server->clients, &address, limits)) {
		refuse(server, fd, REPLY_TOO_MANY_FROM_CLIENT, policy_address_text(&address, ip));
		return;
	}
	server_enter(server);
	if (session_open(server, fd, &address, !exempt) < 0) {
		if (!exempt)
			policy_clients_leave(server->clients, &address);
		close(fd);
	}
	server_leave(server);
}

/* One line, and away: no session, no memory. Under a flood, one line of log a second. */
static void refuse(struct smtp_server *server, int fd, enum reply_id id, const char *client)
{
	int64_t now_ms = (int64_t)uv_now(server->loop);
	char line[REPLY_SIZE];
	size_t len = reply_format(line, id, STR(""));
	ssize_t sent = send(fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)sent; /* it was a courtesy */
	close(fd);
	server->stats.refused_overload++;
	server->refusals_unlogged++;
	if (server->refusals_logged_ms && now_ms - server->refusals_logged_ms < REFUSAL_LOG_MS)
		return;
	LOG(LOG_LEVEL_WARN, "connection", lf_id("server", "smtp"), lf_cstr("client", client),
	    lf_cstr("status", "refused"), lf_int("code", reply_code(id)),
	    lf_str("reply", (struct str){line, len - 2}), lf_int("refused", server->refusals_unlogged));
	server->refusals_logged_ms = now_ms;
	server->refusals_unlogged = 0;
}

/* ---- the table of sessions */

static struct smtp_session **hash_slot(const struct smtp_server *server, uint64_t id)
{
	return &server->hash[id & (server->hash_n - 1)];
}

static struct smtp_session *find_session(const struct smtp_server *server, uint64_t id)
{
	struct smtp_session *session = *hash_slot(server, id);
	while (session && session->id != id)
		session = session->hash_next;
	return session;
}

void server_add_session(struct smtp_server *server, struct smtp_session *session)
{
	struct smtp_session **slot = hash_slot(server, session->id);
	bool stressed = server_stressed(server);
	session->hash_next = *slot;
	*slot = session;
	list_push_back(&server->sessions, &session->link);
	server->stats.connections++;
	server->stats.accepted++;
	if (!stressed && server_stressed(server)) /* idle sessions have less time from now on */
		server_timer_rearm(server, (int64_t)uv_now(server->loop));
}

static void forget_session(struct smtp_server *server, struct smtp_session *session)
{
	struct smtp_session **at = hash_slot(server, session->id);
	while (*at != session)
		at = &(*at)->hash_next;
	*at = session->hash_next;
	session_free(session);
}

void server_remove_session(struct smtp_server *server, struct smtp_session *session)
{
	list_remove(&session->link);
	server->stats.connections--;
	server->stats.in_tls -= session->tls_open;
	if (session->counted)
		policy_clients_leave(server->clients, &session->address);
	if (!(session->waits & WAIT_RCPT))
		forget_session(server, session);
}

/* ---- turns, and what the application brings back */

void server_enter(struct smtp_server *server)
{
	server->busy++;
}

void server_leave(struct smtp_server *server)
{
	struct list_node *node;
	assert(server->busy == 1 && server->out.len == 0);
	do {
		while ((node = list_pop_front(&server->returned)))
			deliver_back(server, CONTAINER_OF(node, struct delivery, link));
		if ((node = list_pop_front(&server->answers))) {
			struct late_answer *late = CONTAINER_OF(node, struct late_answer, link);
			answer_back(server, late->session_id, late->status, &late->answer);
			free(late);
		}
	} while (node || !list_empty(&server->returned));
	server->busy--;
}

static const struct {
	const char *name; /* in the log */
	enum reply_id reply;
} outcomes[] = {
	[DELIVERY_ACCEPTED] = {"accepted", REPLY_DELIVERED},
	[DELIVERY_TEMPFAIL] = {"tempfail", REPLY_TEMPFAIL},
	[DELIVERY_BUSY] = {"busy", REPLY_BUSY},
	[DELIVERY_NO_SPACE] = {"no-space", REPLY_NO_SPACE},
	[DELIVERY_REFUSED] = {"refused", REPLY_REFUSED},
};

static void log_outcome(const struct delivery *delivery, bool present)
{
	const struct envelope *envelope = &delivery->envelope;
	struct strbuf path;
	char id[20];
	if (!log_wants(LOG_LEVEL_INFO))
		return;
	snprintf(id, sizeof(id), "%llx", (unsigned long long)delivery->session_id);
	strbuf_init(&path, 2 * MAILADDR_PATH_MAX);
	mailaddr_print(&envelope->reverse_path, &path);
	LOG(LOG_LEVEL_INFO, "message", lf_id("session", id), lf_cstr("id", delivery->id.text),
	    lf_str("client", envelope->client_ip), lf_str("from", strbuf_str(&path)),
	    lf_int("recipients", (int64_t)envelope->recipients_n),
	    lf_int("size", delivery->mail ? (int64_t)spooled_mail_size(delivery->mail) : 0),
	    lf_str("protocol", envelope->protocol), lf_cstr("status", outcomes[delivery->status].name),
	    lf_int("code", reply_code(outcomes[delivery->status].reply)),
	    lf_str("reply", delivery->reply_text), lf_bool("client_gone", !present));
	strbuf_done(&path);
}

/* "created ticket=ACME-00042 id=0akx..." */
static void outcome_text(const struct delivery *delivery, struct strbuf *out)
{
	if (delivery->status != DELIVERY_ACCEPTED && delivery->status != DELIVERY_REFUSED) {
		strbuf_printf(out, "id=%s", delivery->id.text);
		return;
	}
	strbuf_add(out, delivery->reply_text);
	strbuf_printf(out, "%sid=%s", delivery->reply_text.len ? " " : "", delivery->id.text);
}

static void deliver_back(struct smtp_server *server, struct delivery *delivery)
{
	struct smtp_session *session = find_session(server, delivery->session_id);
	bool present = session && session->state == SESSION_COMMIT;
	struct strbuf text;
	if (delivery->status == DELIVERY_ACCEPTED)
		server->stats.messages_accepted++;
	else
		server->stats.messages_refused++;
	log_outcome(delivery, present);
	if (present) {
		strbuf_init(&text, REPLY_LINE_MAX);
		outcome_text(delivery, &text);
		session_delivered(session, outcomes[delivery->status].reply, strbuf_str(&text));
		strbuf_done(&text);
	}
	delivery_free(delivery);
}

void smtp_server_delivered(struct smtp_server *server, struct delivery *delivery)
{
	list_push_back(&server->returned, &delivery->link);
	if (server->busy)
		return;
	server_enter(server);
	server_leave(server);
}

static void answer_back(struct smtp_server *server, uint64_t session_id, enum rcpt_status status,
			const struct rcpt_answer *answer)
{
	struct smtp_session *session = find_session(server, session_id);
	if (!session || !(session->waits & WAIT_RCPT))
		return;
	session_rcpt_answered(session, status, answer);
	if (session->gone)
		forget_session(server, session);
	else if (!session->closed)
		session_resume(session, 0);
}

void smtp_server_rcpt_answered(struct smtp_server *server, uint64_t session_id, enum rcpt_status status,
			       const struct rcpt_answer *answer)
{
	struct late_answer *late = XNEW(struct late_answer);
	late->session_id = session_id;
	late->status = status;
	late->answer = *answer;
	list_push_back(&server->answers, &late->link);
	if (server->busy)
		return;
	server_enter(server);
	server_leave(server);
}

/* ---- drain and close */

static void shut_sessions(struct smtp_server *server, bool now)
{
	LIST_FOREACH(node, &server->sessions) {
		struct smtp_session *session = CONTAINER_OF(node, struct smtp_session, link);
		server_enter(server);
		session_shutdown(session, now);
		session_turn_end(session, false);
		server_leave(server);
	}
}

void smtp_server_drain(struct smtp_server *server, int64_t grace_ms, void (*on_drained)(void *ctx), void *ctx)
{
	server->on_drained = on_drained;
	server->drained_ctx = ctx;
	server->draining = true;
	smtp_listeners_stop(server->listeners);
	shut_sessions(server, grace_ms <= 0);
	if (grace_ms > 0)
		uv_timer_start(&server->drain_timer, on_grace_over, (uint64_t)grace_ms, 0);
	check_drained(server);
}

static void on_grace_over(uv_timer_t *timer)
{
	shut_sessions(timer->data, true);
}

static void check_drained(struct smtp_server *server)
{
	void (*on_drained)(void *ctx) = server->on_drained;
	if (!server->draining || !list_empty(&server->sessions) || !on_drained)
		return;
	server->on_drained = NULL;
	uv_timer_stop(&server->drain_timer);
	on_drained(server->drained_ctx);
}

void server_session_gone(struct smtp_server *server)
{
	if (server->closing)
		server_handle_gone(server);
	else
		check_drained(server);
}

static void free_server(struct smtp_server *server)
{
	for (size_t i = 0; i < server->hash_n; i++)
		while (server->hash[i]) /* sessions that waited for an answer that never came */
			forget_session(server, server->hash[i]);
	free(server->hash);
	free(server->exempt);
	policy_clients_free(server->clients);
	handshake_line_done(server);
	certs_unref(server->settings.certs);
	strbuf_done(&server->out);
	free(server);
}

void server_handle_gone(struct smtp_server *server)
{
	if (--server->handles == 0)
		free_server(server);
}

static void on_listeners_closed(void *ctx)
{
	server_handle_gone(ctx);
}

static void on_timer_closed(uv_handle_t *handle)
{
	server_handle_gone(((uv_timer_t *)handle)->data);
}

struct smtp_server *smtp_server_close(struct smtp_server *server)
{
	if (!server)
		return NULL;
	server->closing = true;
	smtp_listeners_close(server->listeners, on_listeners_closed);
	LIST_FOREACH(node, &server->sessions) {
		server->handles++;
		session_abort(CONTAINER_OF(node, struct smtp_session, link), "shutdown", 0);
	}
	handshake_line_close(server);
	uv_close((uv_handle_t *)&server->timer, on_timer_closed);
	uv_close((uv_handle_t *)&server->drain_timer, on_timer_closed);
	return NULL;
}
