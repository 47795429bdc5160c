/*
 * The life of one connection to the relay. The state is the reply that is due next.
 *
 *	CONNECTING -> [HANDSHAKE ->] GREETING -> EHLO (-> HELO)
 *	           -> [STARTTLS -> HANDSHAKE -> EHLO] -> [AUTH] -> READY
 *	READY -> TRANSACTION -> BODY -> END -> READY    one mail: smtp_transaction.c
 *	         TRANSACTION -> RSET -> READY           ... that did not get as far as its data
 *	READY -> QUIT -> CLOSED
 *	any -> CLOSED                                   no reply, a deadline, the socket's end
 *
 * Always true:
 *  1. Replies are read first, commands written after (client_leave): a reply is for a command that had been
 *     sent when it was read, or it ends the connection.
 *  2. The owner's callbacks are called at the end of a turn only, one after the other in a loop, never one
 *     inside another: a row of mails that fail at once does not grow the stack.
 *  3. In CLOSED there is no socket, and no mail that is not done.
 *
 * Loop thread.
 */
#include "outbound/smtp_client.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "outbound/smtp_client_private.h"

#define OUT_MAX 65536 /* commands of one turn: CLIENT_WINDOW of the longest fit */

static void connect_next(struct smtp_client *client);
static void on_reply(struct smtp_client *client, const struct relay_reply *reply);
static void say_ehlo(struct smtp_client *client);
static void reply_to_ehlo(struct smtp_client *client, const struct relay_reply *reply);
static void after_ehlo(struct smtp_client *client);
static void say_auth(struct smtp_client *client);
static void reply_to_auth(struct smtp_client *client, const struct relay_reply *reply);
static void become_closed(struct smtp_client *client);
static void destroy(struct smtp_client *client);

/* ---- opening */

static bool is_loopback(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)address;
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	}
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

static bool is_ip(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET || address->ss_family == AF_INET6;
}

static bool ehlo_name_valid(const char *name)
{
	return mailaddr_domain_valid(str_from(name), 0) || mailaddr_literal_valid(str_from(name));
}

int smtp_client_open(struct smtp_client **ret, uv_loop_t *loop, const struct smtp_client_conf *conf,
		     const struct sockaddr_storage *addresses, size_t addresses_n,
		     const struct smtp_client_events *events, void *ctx)
{
	if (addresses_n == 0 || !ehlo_name_valid(conf->ehlo_name))
		return -EINVAL;
	struct smtp_client *client = XNEW(struct smtp_client);
	for (size_t i = 0; i < addresses_n && client->addresses_n < CLIENT_ADDRESSES_MAX; i++) {
		if (is_ip(&addresses[i]) && (conf->tls != SMTP_TLS_NONE || is_loopback(&addresses[i])))
			client->addresses[client->addresses_n++] = addresses[i];
	}
	if (client->addresses_n == 0) {
		free(client);
		return -EPERM;
	}
	client->conf = *conf;
	client->events = *events;
	client->ctx = ctx;
	client->loop = loop;
	client->state = CLIENT_CONNECTING;
	client->deadline_ms = INT64_MAX;
	client->kicked = true;
	reply_reader_init(&client->reader);
	strbuf_init(&client->out, OUT_MAX);
	*ret = client;
	return 0;
}

static void describe_peer(struct smtp_client *client, const struct sockaddr_storage *address)
{
	char ip[INET6_ADDRSTRLEN] = "";
	bool v6 = address->ss_family == AF_INET6;
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	if (v6)
		uv_ip6_name(in6, ip, sizeof(ip));
	else
		uv_ip4_name(in, ip, sizeof(ip));
	snprintf(client->peer, sizeof(client->peer), v6 ? "[%s]:%u" : "%s:%u", ip,
		 ntohs(v6 ? in6->sin6_port : in->sin_port));
}

static void connect_next(struct smtp_client *client)
{
	const struct sockaddr_storage *address = &client->addresses[client->address_next++];
	describe_peer(client, address);
	client_expect(client, CLIENT_CONNECTING, client->conf.timeouts.connect);
	int r = client_io_connect(client, (const struct sockaddr *)address);
	if (r < 0)
		client_connect_failed(client, r);
}

/* No recursion that the addresses don't bound. */
void client_connect_failed(struct smtp_client *client, int error)
{
	client_io_close(client);
	if (client->address_next < client->addresses_n)
		connect_next(client);
	else
		client_lost(client, error, NULL);
}

static void start_tls(struct smtp_client *client)
{
	client_expect(client, CLIENT_HANDSHAKE, client->conf.timeouts.tls);
	if (client_io_start_tls(client) < 0)
		client_lost(client, -EINVAL, "there is no host name to verify the relay by");
}

void client_connected(struct smtp_client *client)
{
	if (client->conf.tls == SMTP_TLS_IMPLICIT)
		start_tls(client);
	else
		client_expect(client, CLIENT_GREETING, client->conf.timeouts.greeting);
}

void client_tls_opened(struct smtp_client *client)
{
	if (client->conf.tls == SMTP_TLS_IMPLICIT)
		client_expect(client, CLIENT_GREETING, client->conf.timeouts.greeting);
	else
		say_ehlo(client);
}

/* ---- replies */

void client_input(struct smtp_client *client, struct str octets)
{
	struct relay_reply reply;
	while (octets.len && client->state != CLIENT_CLOSED) {
		enum reader_status status = reply_reader_next(&client->reader, &octets, &reply);
		if (status == READER_BROKEN)
			client_lost(client, -EPROTO, "what the relay said is no reply");
		if (status != READER_REPLY)
			return;
		on_reply(client, &reply);
		if (client->state == CLIENT_HANDSHAKE) {
			/* RFC 3207 section 6: what came in clear behind the 220 is not from whom TLS speaks
			 * for */
			reply_reader_clear(&client->reader);
			return;
		}
	}
}

static void on_reply(struct smtp_client *client, const struct relay_reply *reply)
{
	switch (client->state) {
	case CLIENT_GREETING:
		if (reply->code / 100 == 2)
			say_ehlo(client);
		else
			client_refused(client, reply);
		return;
	case CLIENT_EHLO:
	case CLIENT_HELO:
		reply_to_ehlo(client, reply);
		return;
	case CLIENT_STARTTLS:
		if (reply->code == 220)
			start_tls(client);
		else
			client_refused(client, reply);
		return;
	case CLIENT_AUTH:
		reply_to_auth(client, reply);
		return;
	case CLIENT_TRANSACTION:
	case CLIENT_BODY:
	case CLIENT_END:
		transaction_reply(client, reply);
		return;
	case CLIENT_RSET:
		if (reply->code / 100 == 2)
			client_now_ready(client);
		else
			client_refused(client, reply);
		return;
	case CLIENT_QUIT:
		client_lost(client, 0, NULL);
		return;
	default:
		/* READY: "421 too long idle" is usual; anything else here is not for us, but ends it as well
		 * */
		client_refused(client, reply);
	}
}

static void say_ehlo(struct smtp_client *client)
{
	char line[8 + MAILADDR_DOMAIN_MAX];
	client->caps = (struct smtp_caps){0};
	snprintf(line, sizeof(line), "EHLO %s", client->conf.ehlo_name);
	client_say(client, str_from(line));
	client_expect(client, CLIENT_EHLO, client->conf.timeouts.command);
}

static bool needs_extensions(const struct smtp_client *client)
{
	return (client->conf.tls == SMTP_TLS_STARTTLS && !client->tls_open) || client->conf.user[0] != '\0';
}

static void reply_to_ehlo(struct smtp_client *client, const struct relay_reply *reply)
{
	char line[8 + MAILADDR_DOMAIN_MAX];
	if (reply->code / 100 == 2) {
		if (client->state == CLIENT_EHLO)
			client->caps = smtp_caps_parse(reply->text);
		after_ehlo(client);
	} else if (client->state == CLIENT_EHLO && reply->code / 100 == 5 && !needs_extensions(client)) {
		/* RFC 5321 3.2: a server that doesn't know EHLO may know HELO */
		snprintf(line, sizeof(line), "HELO %s", client->conf.ehlo_name);
		client_say(client, str_from(line));
		client_expect(client, CLIENT_HELO, client->conf.timeouts.command);
	} else {
		client_refused(client, reply);
	}
}

static void after_ehlo(struct smtp_client *client)
{
	if (client->conf.tls == SMTP_TLS_STARTTLS && !client->tls_open) {
		client_expect(client, CLIENT_STARTTLS, client->conf.timeouts.command);
		if (client->caps.starttls)
			client_say(client, STR("STARTTLS"));
		else
			client_lost(client, -EPROTONOSUPPORT, "the relay does not offer STARTTLS");
	} else if (client->conf.user[0] != '\0') {
		say_auth(client);
	} else {
		client_now_ready(client);
	}
}

/* The line of smtp_auth, and its secret, through a buffer that is wiped. */
static void send_auth_line(struct smtp_client *client, struct strbuf *line)
{
	client_expect(client, CLIENT_AUTH, client->conf.timeouts.command);
	client_io_write(client, strbuf_str(line));
}

static void auth_line_done(struct strbuf *line)
{
	if (line->ptr)
		explicit_bzero(line->ptr, line->allocated);
	strbuf_done(line);
}

static void say_auth(struct smtp_client *client)
{
	struct strbuf line;
	unsigned mechanism = smtp_auth_choose(client->caps.auth, client->conf.auth);
	client_expect(client, CLIENT_AUTH, client->conf.timeouts.command);
	if (!client->tls_open && !is_loopback(&client->addresses[client->address_next - 1])) {
		client_lost(client, -EPERM, "AUTH would be in clear");
		return;
	}
	if (mechanism == 0) {
		client_lost(client, -EPROTONOSUPPORT, "the relay offers no AUTH that we are to use");
		return;
	}
	strbuf_init(&line, AUTH_LINE_MAX);
	/* as large as it can get, so that it is never moved, and no copy of a secret stays behind */
	strbuf_reserve(&line, AUTH_LINE_MAX - 1);
	if (smtp_auth_begin(&client->auth, mechanism, client->conf.user, client->conf.password, &line) < 0)
		client_lost(client, -EMSGSIZE, "user name or password is too long");
	else
		send_auth_line(client, &line);
	auth_line_done(&line);
}

static void reply_to_auth(struct smtp_client *client, const struct relay_reply *reply)
{
	struct strbuf line;
	if (reply->code / 100 == 2) {
		client_now_ready(client);
		return;
	}
	if (reply->code != 334) {
		client_refused(client, reply);
		return;
	}
	strbuf_init(&line, AUTH_LINE_MAX);
	strbuf_reserve(&line, AUTH_LINE_MAX - 1);
	if (smtp_auth_next(&client->auth, &line) < 0)
		client_lost(client, -EPROTO, "the relay asks for more than AUTH has");
	else
		send_auth_line(client, &line);
	auth_line_done(&line);
}

/* ---- ready, and after */

void client_now_ready(struct smtp_client *client)
{
	client->state = CLIENT_READY;
	client->deadline_ms = INT64_MAX;
	client->was_ready = client->tell_ready = true;
}

void client_reset(struct smtp_client *client)
{
	client_say(client, STR("RSET"));
	client_expect(client, CLIENT_RSET, client->conf.timeouts.command);
}

static void become_closed(struct smtp_client *client)
{
	if (client->mail)
		transaction_lost(client, &client->why);
	client_io_close(client);
	client->state = CLIENT_CLOSED;
	client->deadline_ms = INT64_MAX;
	client->tell_ready = false;
}

static enum smtp_stage stage_of(enum client_state state)
{
	static const enum smtp_stage stages[] = {
		[CLIENT_CONNECTING] = SMTP_STAGE_CONNECT,
		[CLIENT_HANDSHAKE] = SMTP_STAGE_TLS,
		[CLIENT_GREETING] = SMTP_STAGE_GREETING,
		[CLIENT_EHLO] = SMTP_STAGE_EHLO,
		[CLIENT_HELO] = SMTP_STAGE_EHLO,
		[CLIENT_STARTTLS] = SMTP_STAGE_STARTTLS,
		[CLIENT_AUTH] = SMTP_STAGE_AUTH,
		[CLIENT_READY] = SMTP_STAGE_IDLE,
		[CLIENT_TRANSACTION] = SMTP_STAGE_MAIL,
		[CLIENT_BODY] = SMTP_STAGE_BODY,
		[CLIENT_END] = SMTP_STAGE_END,
		[CLIENT_RSET] = SMTP_STAGE_RSET,
		[CLIENT_QUIT] = SMTP_STAGE_QUIT,
		[CLIENT_CLOSED] = SMTP_STAGE_IDLE,
	};
	return stages[state];
}

void client_lost(struct smtp_client *client, int error, const char *text)
{
	if (client->state == CLIENT_CLOSED)
		return;
	client->why = (struct smtp_result){.outcome = SMTP_DEFERRED, .stage = stage_of(client->state)};
	if (client->state == CLIENT_QUIT)
		text = "";
	else
		client->why.error = error;
	snprintf(client->why.text, sizeof(client->why.text), "%s", text ? text : uv_strerror(error));
	become_closed(client);
}

void client_refused(struct smtp_client *client, const struct relay_reply *reply)
{
	if (client->state == CLIENT_CLOSED)
		return;
	result_of_reply(&client->why, stage_of(client->state), reply);
	client->why.error = reply->code < 400 ? -EPROTO : 0;
	if (client->why.outcome == SMTP_DELIVERED)
		client->why.outcome = SMTP_DEFERRED;
	become_closed(client);
}

void client_wants_login(struct smtp_client *client, const struct relay_reply *reply)
{
	client->state = CLIENT_AUTH;
	result_of_reply(&client->why, SMTP_STAGE_AUTH, reply);
	client->why.outcome = SMTP_DEFERRED;
	become_closed(client);
}

/* ---- turns */

void client_expect(struct smtp_client *client, enum client_state state, int64_t timeout_ms)
{
	client->state = state;
	client->deadline_ms = clock_mono_ms() + timeout_ms;
}

void client_say(struct smtp_client *client, struct str line)
{
	strbuf_add(&client->out, line);
	strbuf_add(&client->out, STR("\r\n"));
}

void client_enter(struct smtp_client *client)
{
	client->turns++;
}

static void flush(struct smtp_client *client)
{
	if (client->out.len && client->state != CLIENT_CLOSED)
		client_io_write(client, strbuf_str(&client->out));
	strbuf_clear(&client->out);
}

static void start_what_is_asked(struct smtp_client *client)
{
	bool idle = client->state == CLIENT_READY;
	client->kicked = false;
	if (client->state == CLIENT_CONNECTING && !client->conn && client->address_next == 0 &&
	    !client->want_quit)
		connect_next(client);
	else if (idle && client->mail)
		transaction_begin(client);
	else if (idle && client->want_quit) {
		client_say(client, STR("QUIT"));
		client_expect(client, CLIENT_QUIT, client->conf.timeouts.quit);
	} else if (client->want_quit && client->state < CLIENT_READY) {
		client->state = CLIENT_QUIT;
		client_lost(client, 0, NULL);
	}
}

static bool taken_back(struct smtp_client *client, struct smtp_mail *mail, const struct smtp_result *result)
{
	bool untouched = client->state == CLIENT_CLOSED && result->stage == SMTP_STAGE_MAIL &&
			 result->outcome == SMTP_DEFERRED && (result->error || result->code == 421);
	return untouched && !client->freed && client->events.on_untouched &&
	       client->events.on_untouched(client, mail, client->ctx);
}

/* One callback, if one is due. */
static bool tell(struct smtp_client *client)
{
	struct smtp_mail *mail = client->done_mail;
	if (mail) {
		struct smtp_result result = client->done_result;
		client->done_mail = NULL;
		if (!taken_back(client, mail, &result))
			mail->done(mail, &result);
		return true;
	}
	if (client->freed)
		return false;
	if (client->state == CLIENT_CLOSED && !client->closed_told) {
		client->closed_told = true;
		client->events.on_closed(client, &client->why, client->ctx);
		return true;
	}
	if (client->tell_ready && client->state == CLIENT_READY && !client->mail && !client->want_quit) {
		client->tell_ready = false;
		client->events.on_ready(client, client->ctx);
		return true;
	}
	return false;
}

void client_leave(struct smtp_client *client)
{
	if (client->turns > 1) {
		client->turns--;
		return;
	}
	do {
		if (!client->freed && client->state != CLIENT_CLOSED) {
			start_what_is_asked(client);
			transaction_pump(client);
			flush(client);
		}
	} while (tell(client));
	client->turns--;
	if (client->freed)
		destroy(client);
}

/* ---- the owner's calls */

bool smtp_client_ready(const struct smtp_client *client)
{
	return client->state == CLIENT_READY && !client->mail && !client->want_quit;
}

bool smtp_client_was_ready(const struct smtp_client *client)
{
	return client->was_ready;
}

void smtp_client_send(struct smtp_client *client, struct smtp_mail *mail)
{
	assert(smtp_client_ready(client) && mail->rcpts_n > 0);
	client->mail = mail;
	client->kicked = true;
}

void smtp_client_data_ready(struct smtp_client *client)
{
	client->kicked = true;
}

void smtp_client_quit(struct smtp_client *client)
{
	client->want_quit = client->kicked = true;
}

int64_t smtp_client_deadline(const struct smtp_client *client)
{
	return client->kicked && client->state != CLIENT_CLOSED ? 0 : client->deadline_ms;
}

void smtp_client_tick(struct smtp_client *client)
{
	client_enter(client);
	if (client->state != CLIENT_CLOSED && client->deadline_ms <= clock_mono_ms()) {
		if (client->state == CLIENT_CONNECTING)
			client_connect_failed(client, -ETIMEDOUT);
		else
			client_lost(client, -ETIMEDOUT, "the relay took too long");
	}
	client_leave(client);
}

struct smtp_client *smtp_client_free(struct smtp_client *client)
{
	if (!client || client->freed)
		return NULL;
	client_enter(client);
	client_lost(client, -ECANCELED, NULL);
	client->freed = true;
	client_leave(client);
	return NULL;
}

static void destroy(struct smtp_client *client)
{
	strbuf_done(&client->out);
	free(client);
}

const char *smtp_client_peer(const struct smtp_client *client)
{
	return client->peer;
}

const char *smtp_client_tls_version(const struct smtp_client *client)
{
	return client->tls_open ? tls_channel_version(client->tls) : "";
}

/* ---- results */

/* As much as fits, without half a character at its end. */
static void result_text(struct smtp_result *result, struct str text)
{
	size_t n = utf8_cut(text, sizeof(result->text) - 1).len;
	memcpy(result->text, text.ptr, n);
	result->text[n] = '\0';
}

void result_of_reply(struct smtp_result *ret, enum smtp_stage stage, const struct relay_reply *reply)
{
	enum smtp_outcome outcome = reply->code / 100 == 2   ? SMTP_DELIVERED
				    : reply->code / 100 == 5 ? SMTP_FAILED
							     : SMTP_DEFERRED;
	*ret = (struct smtp_result){.outcome = outcome,
				    .stage = stage,
				    .code = reply->code,
				    .klass = reply->klass,
				    .subject = reply->subject,
				    .detail = reply->detail};
	result_text(ret, reply->text);
}

void result_of_ours(struct smtp_result *ret, enum smtp_stage stage, int code, int subject, int detail,
		    const char *text)
{
	*ret = (struct smtp_result){.outcome = SMTP_FAILED,
				    .stage = stage,
				    .code = code,
				    .klass = code / 100,
				    .subject = subject,
				    .detail = detail};
	result_text(ret, str_from(text));
}
