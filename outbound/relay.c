/*
 * See relay.h.
 *
 *	submit -> waiting -> (a ready connection, a token) -> smtp_client_send() -> done()
 *	                  -> (the relay is dead, drain, close) -> done(), deferred
 *
 * Always true:
 *  1. Nothing is decided inside a call or a callback: they note what they know and ask for a turn (wake);
 *     relay_tick() does all the work, in this order: mails to give back, mails to send, connections to retire
 *     and to open, what the connections have to do, what to tell. So done() may submit, and nothing is called
 *     within itself.
 *  2. The timer is armed for the earliest of all deadlines, at once when a turn was asked for.
 *  3. A connection is in `conns` from its first look-up of the host's name until it is closed.
 *
 * Names are looked up for each connection (uv_getaddrinfo), so a relay that moves is found. Loop thread.
 */
#include "outbound/relay.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mac.h"
#include "outbound/backoff.h"
#include "outbound/token_bucket.h"

#define ADDRESSES_MAX          8
#define IDLE_MIN_MS            1000
#define WAITING_PER_CONNECTION 2

struct relay_conn {
	struct list_node link;
	struct relay *relay; /* NULL: gone while the name was looked up */
	uv_getaddrinfo_t resolve;
	bool resolving;
	struct smtp_client *client; /* NULL while resolving */
	bool busy;                  /* has a mail */
	bool quitting;
	size_t mails, carried; /* begun; come to an end with the connection intact */
	int64_t idle_since_ms;
};

struct relay {
	struct relay_settings settings;
	struct relay_events events;
	void *ctx;
	uv_loop_t *loop;
	uv_timer_t timer;
	bool awake; /* a turn was asked for */
	bool ticking, closing, paused, draining, drained_told;
	bool full; /* room was 0: on_room is owed */
	bool give_back;
	struct tls_client *tls_client;
	struct list conns, waiting;
	size_t conns_n, waiting_n;
	struct token_bucket bucket;
	unsigned failures;
	bool resting; /* until then nothing is opened; false again in the first turn after it */
	int64_t rest_until_ms;
	struct smtp_result last_failure;
	uint64_t mails, connects;
};

static void on_timer(uv_timer_t *timer);
static void arm(struct relay *relay);
static bool works(const struct relay *relay);
static void give_back_waiting(struct relay *relay);
static void send_waiting(struct relay *relay);
static void open_connections(struct relay *relay);
static void retire_idle(struct relay *relay);
static void conn_open(struct relay *relay);
static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *list);
static void conn_connect(struct relay_conn *conn, const struct sockaddr_storage *addresses, size_t n);
static void on_ready(struct smtp_client *client, void *ctx);
static void on_closed(struct smtp_client *client, const struct smtp_result *why, void *ctx);
static bool on_untouched(struct smtp_client *client, struct smtp_mail *mail, void *ctx);
static void conn_failed(struct relay_conn *conn, const struct smtp_result *why);
static void conn_free(struct relay_conn *conn);

/* ---- life */

static int open_tls(struct relay *relay, struct conf_error *reterr)
{
	const struct tls_client_conf conf = {.ca_file = relay->settings.ca_file, .verify = true};
	if (relay->settings.tls == SMTP_TLS_NONE)
		return 0;
	return tls_client_open(&relay->tls_client, &conf, reterr);
}

static void copy_strings(struct relay_settings *settings)
{
	const char **const strings[] = {&settings->host, &settings->ca_file, &settings->ehlo_name,
					&settings->user, &settings->password};
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		*strings[i] = xstrdup(*strings[i] ? *strings[i] : "");
}

static void free_strings(struct relay_settings *settings)
{
	const char *const strings[] = {settings->host, settings->ca_file, settings->ehlo_name, settings->user,
				       settings->password};
	explicit_bzero((char *)(uintptr_t)settings->password, strlen(settings->password));
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free((char *)(uintptr_t)strings[i]);
}

int relay_open(struct relay **ret, uv_loop_t *loop, const struct relay_settings *settings,
	       const struct relay_events *events, void *ctx, struct conf_error *reterr)
{
	struct relay *relay = XNEW(struct relay);
	relay->settings = *settings;
	relay->events = *events;
	relay->ctx = ctx;
	relay->loop = loop;
	copy_strings(&relay->settings);
	list_init(&relay->conns);
	list_init(&relay->waiting);
	token_bucket_init(&relay->bucket, settings->per_minute, clock_mono_ms());
	int r = open_tls(relay, reterr);
	if (r == 0)
		r = uv_timer_init(loop, &relay->timer);
	if (r < 0) {
		tls_client_close(relay->tls_client);
		free_strings(&relay->settings);
		free(relay);
		return r;
	}
	*ret = relay;
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct relay *relay = CONTAINER_OF(handle, struct relay, timer);
	LIST_FOREACH_SAFE(node, tmp, &relay->conns) {
		struct relay_conn *conn = CONTAINER_OF(node, struct relay_conn, link);
		conn->relay = NULL;
		if (!conn->resolving) /* else on_resolved() frees it */
			free(conn);
	}
	tls_client_close(relay->tls_client);
	free_strings(&relay->settings);
	free(relay);
}

struct relay *relay_close(struct relay *relay)
{
	if (!relay || relay->closing)
		return NULL;
	relay->closing = true;
	give_back_waiting(relay);
	LIST_FOREACH_SAFE(node, tmp, &relay->conns) {
		struct relay_conn *conn = CONTAINER_OF(node, struct relay_conn, link);
		conn->client = smtp_client_free(conn->client);
	}
	uv_close((uv_handle_t *)&relay->timer, on_timer_closed);
	return NULL;
}

/* ---- turns */

static void wake(struct relay *relay)
{
	relay->awake = true;
	if (!relay->ticking && !relay->closing)
		arm(relay);
}

static int64_t earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Would a mail go now but for this? */
static bool can_send(const struct relay *relay)
{
	return relay->waiting_n > 0 && !relay->paused && !relay->draining;
}

static bool any_ready(const struct relay *relay)
{
	LIST_FOREACH(node, &relay->conns) {
		struct relay_conn *conn = CONTAINER_OF(node, struct relay_conn, link);
		if (conn->client && smtp_client_ready(conn->client))
			return true;
	}
	return false;
}

int64_t relay_deadline(const struct relay *relay)
{
	int64_t now_ms = clock_mono_ms(), deadline_ms = INT64_MAX;
	struct token_bucket bucket = relay->bucket;
	if (relay->awake)
		return 0;
	LIST_FOREACH(node, &relay->conns) {
		struct relay_conn *conn = CONTAINER_OF(node, struct relay_conn, link);
		if (conn->client)
			deadline_ms = earliest(deadline_ms, smtp_client_deadline(conn->client));
		if (conn->client && smtp_client_ready(conn->client))
			deadline_ms =
				earliest(deadline_ms, conn->idle_since_ms + relay->settings.idle_timeout_ms);
	}
	if (can_send(relay) && any_ready(relay))
		deadline_ms = earliest(deadline_ms, token_bucket_next_ms(&bucket, now_ms));
	if (relay->resting)
		deadline_ms = earliest(deadline_ms, relay->rest_until_ms);
	return deadline_ms;
}

static void arm(struct relay *relay)
{
	int64_t deadline_ms = relay_deadline(relay), now_ms = clock_mono_ms();
	if (deadline_ms == INT64_MAX)
		uv_timer_stop(&relay->timer);
	else
		uv_timer_start(&relay->timer, on_timer,
			       deadline_ms > now_ms ? (uint64_t)(deadline_ms - now_ms) : 0, 0);
}

static void on_timer(uv_timer_t *timer)
{
	relay_tick(CONTAINER_OF(timer, struct relay, timer));
}

static void tick_connections(struct relay *relay)
{
	int64_t now_ms = clock_mono_ms();
	LIST_FOREACH_SAFE(node, tmp, &relay->conns) {
		struct relay_conn *conn = CONTAINER_OF(node, struct relay_conn, link);
		if (conn->client && smtp_client_deadline(conn->client) <= now_ms)
			smtp_client_tick(conn->client);
	}
}

static void tell(struct relay *relay)
{
	if (relay->draining && !relay->drained_told && relay->conns_n == 0 && relay->waiting_n == 0) {
		relay->drained_told = true;
		relay->events.on_drained(relay, relay->ctx);
	} else if (relay->full && relay_room(relay) > 0) {
		relay->full = false;
		relay->events.on_room(relay, relay->ctx);
	}
}

/* A callback may close us: then there is nothing more to do, but we and our connections (without clients) are
 * still there until the timer is closed. */
void relay_tick(struct relay *relay)
{
	if (relay->ticking || relay->closing)
		return;
	relay->ticking = true;
	relay->awake = false;
	if (relay->rest_until_ms <= clock_mono_ms())
		relay->resting = false;
	if (relay->give_back || relay->draining || relay->paused)
		give_back_waiting(relay);
	if (!relay->closing)
		send_waiting(relay);
	if (!relay->closing)
		retire_idle(relay);
	if (!relay->closing)
		open_connections(relay);
	if (!relay->closing)
		tick_connections(relay);
	if (!relay->closing)
		tell(relay);
	relay->ticking = false;
	if (!relay->closing)
		arm(relay);
}

/* ---- mails */

size_t relay_room(const struct relay *relay)
{
	size_t max = relay->settings.connections * WAITING_PER_CONNECTION, held = relay->waiting_n;
	bool doubtful = (relay->resting || relay->failures) && !works(relay);
	if (relay->closing || relay->draining || relay->paused || relay->give_back ||
	    (relay->resting && doubtful))
		return 0;
	LIST_FOREACH(node, &relay->conns)
		held += CONTAINER_OF(node, struct relay_conn, link)->busy;
	if (doubtful) /* one connection tries: little is put at risk */
		max = WAITING_PER_CONNECTION;
	return held < max ? max - held : 0;
}

int relay_submit(struct relay *relay, struct smtp_mail *mail)
{
	if (relay_room(relay) == 0) {
		relay->full = true;
		return -EAGAIN;
	}
	list_push_back(&relay->waiting, &mail->link);
	relay->waiting_n++;
	relay->full = relay_room(relay) == 0;
	wake(relay);
	return 0;
}

static void give_back_waiting(struct relay *relay)
{
	struct smtp_result result = {
		.outcome = SMTP_DEFERRED, .stage = SMTP_STAGE_CONNECT, .error = -ECANCELED};
	struct list given_back;
	if (relay->give_back) {
		result = relay->last_failure;
		result.outcome = SMTP_DEFERRED;
		if (result.stage >= SMTP_STAGE_MAIL) /* that was another mail's */
			result.stage = SMTP_STAGE_IDLE;
	}
	relay->give_back = false;
	list_init(&given_back);
	list_splice_back(&given_back, &relay->waiting);
	relay->waiting_n = 0;
	for (struct list_node *node; (node = list_pop_front(&given_back));) {
		struct smtp_mail *mail = CONTAINER_OF(node, struct smtp_mail, link);
		for (size_t i = 0; i < mail->rcpts_n; i++)
			mail->rcpts[i].result = result;
		mail->done(mail, &result);
	}
}

static void conn_quit(struct relay_conn *conn)
{
	conn->quitting = true;
	smtp_client_quit(conn->client);
}

static void conn_send(struct relay_conn *conn)
{
	struct relay *relay = conn->relay;
	struct list_node *node = list_pop_front(&relay->waiting);
	relay->waiting_n--;
	relay->mails++;
	conn->busy = true;
	conn->mails++;
	smtp_client_send(conn->client, CONTAINER_OF(node, struct smtp_mail, link));
}

/* The connections that were opened first do the work, so that those that are not needed become idle. */
static void send_waiting(struct relay *relay)
{
	int64_t now_ms = clock_mono_ms();
	LIST_FOREACH_SAFE(node, tmp, &relay->conns) {
		struct relay_conn *conn = CONTAINER_OF(node, struct relay_conn, link);
		if (!conn->client || !smtp_client_ready(conn->client))
			continue;
		if (conn->mails >= relay->settings.mails_per_connection)
			conn_quit(conn);
		else if (can_send(relay) && token_bucket_take(&relay->bucket, now_ms))
			conn_send(conn);
	}
}

/* ---- connections: how many */

static void retire_idle(struct relay *relay)
{
	int64_t now_ms = clock_mono_ms();
	LIST_FOREACH_SAFE(node, tmp, &relay->conns) {
		struct relay_conn *conn = CONTAINER_OF(node, struct relay_conn, link);
		if (conn->quitting || !conn->client)
			continue;
		bool idle = smtp_client_ready(conn->client) &&
			    now_ms - conn->idle_since_ms >= relay->settings.idle_timeout_ms;
		if (idle || relay->draining)
			conn_quit(conn);
	}
}

/* On their way to being ready. */
static size_t opening(const struct relay *relay)
{
	size_t n = 0;
	LIST_FOREACH(node, &relay->conns) {
		struct relay_conn *conn = CONTAINER_OF(node, struct relay_conn, link);
		n += !conn->quitting && (!conn->client || !smtp_client_was_ready(conn->client));
	}
	return n;
}

static bool works(const struct relay *relay)
{
	LIST_FOREACH(node, &relay->conns) {
		struct relay_conn *conn = CONTAINER_OF(node, struct relay_conn, link);
		if (conn->carried > 0 && !conn->quitting)
			return true;
	}
	return false;
}

static void open_connections(struct relay *relay)
{
	struct token_bucket bucket = relay->bucket;
	int64_t now_ms = clock_mono_ms();
	if (!can_send(relay) || relay->resting)
		return;
	/* a connection that waits for its turn is of no use */
	if (relay->conns_n > 0 && token_bucket_next_ms(&bucket, now_ms) > now_ms)
		return;
	size_t max = relay->failures ? 1 : relay->settings.connections;
	size_t wanted = relay->waiting_n, coming = opening(relay);
	while (relay->conns_n < max && coming < wanted && !relay->resting) {
		conn_open(relay);
		coming++;
	}
}

/* ---- one connection */

static bool numeric_address(const char *host, uint16_t port, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	return uv_ip4_addr(host, port, (struct sockaddr_in *)ret) == 0 ||
	       uv_ip6_addr(host, port, (struct sockaddr_in6 *)ret) == 0;
}

static void fail_early(struct relay_conn *conn, int error, const char *text)
{
	struct smtp_result why = {.outcome = SMTP_DEFERRED, .stage = SMTP_STAGE_CONNECT, .error = error};
	snprintf(why.text, sizeof(why.text), "%s", text);
	conn_failed(conn, &why);
	conn_free(conn);
}

static void conn_open(struct relay *relay)
{
	static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct relay_conn *conn = XNEW(struct relay_conn);
	struct sockaddr_storage address;
	char port[8];
	conn->relay = relay;
	list_push_back(&relay->conns, &conn->link);
	relay->conns_n++;
	relay->connects++;
	if (numeric_address(relay->settings.host, relay->settings.port, &address)) {
		conn_connect(conn, &address, 1);
		return;
	}
	snprintf(port, sizeof(port), "%u", relay->settings.port);
	conn->resolving = true;
	int r = uv_getaddrinfo(relay->loop, &conn->resolve, on_resolved, relay->settings.host, port, &hints);
	if (r < 0) {
		conn->resolving = false;
		fail_early(conn, r, uv_strerror(r));
	}
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
	struct relay_conn *conn = CONTAINER_OF(req, struct relay_conn, resolve);
	struct sockaddr_storage addresses[ADDRESSES_MAX];
	size_t n = 0;
	conn->resolving = false;
	for (const struct addrinfo *info = list; info && n < ADDRESSES_MAX; info = info->ai_next) {
		memset(&addresses[n], 0, sizeof(addresses[n]));
		memcpy(&addresses[n++], info->ai_addr, info->ai_addrlen);
	}
	uv_freeaddrinfo(list);
	if (!conn->relay)
		free(conn);
	else if (conn->relay->closing)
		return; /* freed with the timer */
	else if (status < 0)
		fail_early(conn, status, uv_strerror(status));
	else
		conn_connect(conn, addresses, n);
}

static void conn_connect(struct relay_conn *conn, const struct sockaddr_storage *addresses, size_t n)
{
	static const struct smtp_client_events events = {on_ready, on_closed, on_untouched};
	const struct relay_settings *settings = &conn->relay->settings;
	const struct smtp_client_conf conf = {
		.host = settings->host,
		.tls = settings->tls,
		.tls_client = conn->relay->tls_client,
		.ehlo_name = settings->ehlo_name,
		.user = settings->user,
		.password = settings->password,
		.auth = settings->auth,
		.timeouts = settings->timeouts,
	};
	int r = smtp_client_open(&conn->client, conn->relay->loop, &conf, addresses, n, &events, conn);
	if (r == -EPERM)
		fail_early(conn, r, "without TLS mail may only go to this machine");
	else if (r < 0)
		fail_early(conn, r, uv_strerror(r));
	else
		wake(conn->relay);
}

static void on_ready(struct smtp_client *client UNUSED, void *ctx)
{
	struct relay_conn *conn = ctx;
	conn->idle_since_ms = clock_mono_ms();
	if (conn->busy) {
		conn->busy = false;
		conn->carried++;
		conn->relay->failures = 0;
	}
	wake(conn->relay);
}

static void on_closed(struct smtp_client *client, const struct smtp_result *why, void *ctx)
{
	struct relay_conn *conn = ctx;
	bool by_us = why->stage == SMTP_STAGE_QUIT;
	/* not needed, so the relay ended it; but one that ends each at once has failed */
	bool was_idle = why->stage == SMTP_STAGE_IDLE && clock_mono_ms() - conn->idle_since_ms >= IDLE_MIN_MS;
	conn->busy = false;
	if (!by_us && !was_idle && conn->carried == 0)
		conn_failed(conn, why);
	conn->client = smtp_client_free(client);
	conn_free(conn);
}

/* The relay ended a connection that it had used for long enough, or that was idle when we were not quick
 * enough: the mail is the next on another one. One that never carried any is no reason to try again at once.
 * */
static bool on_untouched(struct smtp_client *client UNUSED, struct smtp_mail *mail, void *ctx)
{
	struct relay_conn *conn = ctx;
	struct relay *relay = conn->relay;
	if (conn->carried == 0 || relay->closing || relay->draining)
		return false;
	list_push_front(&relay->waiting, &mail->link);
	relay->waiting_n++;
	wake(relay);
	return true;
}

/* It carried nothing: the relay is left alone for a while, and, if no other connection works, has failed for
 * all. */
static void conn_failed(struct relay_conn *conn, const struct smtp_result *why)
{
	struct relay *relay = conn->relay;
	uint32_t random;
	random_bytes(&random, sizeof(random));
	if (!relay->resting) { /* those that fail together count once */
		relay->resting = true;
		relay->failures++;
		relay->rest_until_ms = clock_mono_ms() + backoff_relay_ms(relay->failures, random);
	}
	relay->last_failure = *why;
	relay->give_back |= !works(relay);
	relay->full = true;
	wake(relay);
}

static void conn_free(struct relay_conn *conn)
{
	struct relay *relay = conn->relay;
	list_remove(&conn->link);
	relay->conns_n--;
	conn->relay = NULL;
	wake(relay);
	if (!conn->resolving)
		free(conn);
}

/* ---- the owner's calls */

void relay_pause(struct relay *relay, bool paused)
{
	relay->paused = paused;
	relay->full = true; /* there may be room again */
	wake(relay);
}

void relay_drain(struct relay *relay)
{
	relay->draining = true;
	wake(relay);
}

void relay_stats(const struct relay *relay, struct relay_stats *ret)
{
	int64_t now_ms = clock_mono_ms();
	*ret = (struct relay_stats){
		.connections = relay->conns_n,
		.waiting = relay->waiting_n,
		.mails = relay->mails,
		.connects = relay->connects,
		.failures = relay->failures,
		.resting_ms =
			relay->resting && relay->rest_until_ms > now_ms ? relay->rest_until_ms - now_ms : 0,
		.works = works(relay),
		.last_failure = relay->last_failure,
	};
	LIST_FOREACH(node, &relay->conns)
		ret->busy += CONTAINER_OF(node, struct relay_conn, link)->busy;
}
