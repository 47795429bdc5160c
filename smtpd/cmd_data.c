/*
 * Mail data: DATA (RFC 5321 4.1.1.4) and BDAT (RFC 3030), from the first octet to the delivery.
 *
 *	first: create the spool, put our Received field in       (open_mail)
 *	then: decoder -> store(), which counts against the limits
 *	end: nothing against it -> the delivery is given away; else one refusal, and the transaction is over
 *
 * Always true:
 * 1. The verdict over mail data is set once, by the first thing that speaks against it. From then on nothing is
 *    stored and what was stored is freed, but the octets run through the same decoder to the same end: no
 *    second, sloppier scanner (THREATS 0.3).
 * 2. Octets that belong to a chunk never reach the command reader, whatever became of the BDAT: a refused chunk
 *    is swallowed, or the connection ends.
 * 3. A client that goes on sending far beyond the limit, or too slowly, is hung up on.
 *
 * Loop thread.
 */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "smtpd/session_private.h"
#include "smtpd/trace.h"

#define DRAIN_MORE     (16 * 1024 * 1024) /* octets that are read and thrown away beyond twice the limit */
#define RATE_WINDOW_MS 60000

static int open_mail(struct smtp_session *session);
static void store(struct smtp_session *session, struct str octets);
static void judge(struct smtp_session *session);
static bool overstays(struct smtp_session *session, size_t octets);
static void end_of_mail_data(struct smtp_session *session);
static void refuse_mail(struct smtp_session *session, enum reply_id id);

/* ---- the commands */

static enum reply_id spool_refusal(int r)
{
	return r == -ENOSPC || r == -EDQUOT ? REPLY_NO_SPACE : REPLY_TEMPFAIL;
}

static void say_no_rcpt(struct smtp_session *session)
{
	if (session->rcpt_tried)
		session_reply_error(session, REPLY_NO_RCPT, STR(""));
	else
		session_reply_error(session, REPLY_BAD_SEQUENCE, STR("RCPT comes first"));
}

void cmd_data(struct smtp_session *session, struct str argument UNUSED)
{
	if (session->state != SESSION_RCPT) {
		say_no_rcpt(session);
		return;
	}
	int r = open_mail(session);
	if (r < 0) {
		refuse_mail(session, spool_refusal(r));
		return;
	}
	session->body_expected = true;
	session_set_state(session, SESSION_DATA);
	session_reply(session, REPLY_DATA_GO_AHEAD, STR(""));
}

static int parse_chunk(struct str argument, int64_t *ret_size, bool *ret_last)
{
	size_t at = str_find(argument, ' ');
	struct str word = str_trim(str_sub(argument, at, argument.len));
	if (word.len && !str_ieq(word, STR("LAST")))
		return -EINVAL;
	*ret_last = word.len > 0;
	return command_number(str_sub(argument, 0, at), ret_size);
}

static int64_t drain_max(const struct smtp_session *session)
{
	return 2 * session->server->settings.limits->message_size + DRAIN_MORE;
}

/* The reply was given; the chunk is still data (RFC 3030 section 2). */
static void swallow_chunk(struct smtp_session *session, int64_t size)
{
	if (session->state == SESSION_CLOSING)
		return;
	if (size > drain_max(session))
		session_end(session, REPLY_NONE, true, "chunk-too-big");
	else
		session->swallow_left = size;
}

static bool chunk_fits(const struct smtp_session *session, int64_t size)
{
	int64_t limit = session->server->settings.limits->message_size;
	return size <= limit && (int64_t)session->decoder.size <= limit - size;
}

void cmd_bdat(struct smtp_session *session, struct str argument)
{
	int64_t size;
	bool last;
	int r;
	if (parse_chunk(argument, &size, &last) < 0) {
		session_reply_error(session, REPLY_BAD_CHUNK, STR(""));
		return;
	}
	session->body_expected = true;
	if (session->state == SESSION_READY)
		session_reply_error(session, REPLY_BAD_SEQUENCE, STR("MAIL comes first"));
	else if (session->state == SESSION_MAIL)
		say_no_rcpt(session);
	else if (session->state == SESSION_RCPT && (r = open_mail(session)) < 0)
		refuse_mail(session, spool_refusal(r));
	else if (!chunk_fits(session, size))
		refuse_mail(session, REPLY_TOO_BIG);
	else {
		session->chunk_left = size;
		session->chunk_last = last;
		session_set_state(session, SESSION_CHUNK);
		if (size == 0)
			session_chunk(session, &(struct str){NULL, 0});
		return;
	}
	swallow_chunk(session, size);
}

/* ---- into the spool */

static int add_trace(struct delivery *delivery, const struct smtp_server *server)
{
	const struct envelope *envelope = &delivery->envelope;
	struct trace_facts facts = {
		.helo = envelope->helo,
		.client_ip = envelope->client_ip,
		.hostname = str_from(server->settings.hostname),
		.protocol = envelope->protocol,
		.tls = envelope->tls,
		.id = str_from(delivery->id.text),
		.now_ms = clock_now_ms(),
	};
	struct strbuf trace;
	if (envelope->recipients_n == 1)
		facts.only_rcpt =
			&CONTAINER_OF(envelope->recipients.head.next, struct recipient, link)->forward_path;
	strbuf_init(&trace, TRACE_MAX);
	int r = trace_format(&facts, &trace);
	if (r == 0)
		r = spooled_mail_append(delivery->mail, strbuf_str(&trace));
	if (r == 0)
		delivery->trace_size = trace.len;
	strbuf_done(&trace);
	return r;
}

static int open_mail(struct smtp_session *session)
{
	struct smtp_server *server = session->server;
	struct delivery *delivery = session->delivery;
	int64_t now_ms = (int64_t)uv_now(server->loop);
	data_decoder_init(&session->decoder, server->settings.smtp->bare_newline != 0);
	session->verdict = REPLY_NONE;
	session->data_octets = session->rate_octets = 0;
	session->data_began_ms = session->rate_since_ms = now_ms;
	int r = spool_create(server->settings.spool, &delivery->id, &delivery->mail);
	return r < 0 ? r : add_trace(delivery, server);
}

static void store(struct smtp_session *session, struct str octets)
{
	struct delivery *delivery = session->delivery;
	if (session->verdict == REPLY_NONE)
		judge(session);
	if (session->verdict == REPLY_NONE) {
		int r = spooled_mail_append(delivery->mail, octets);
		if (r < 0)
			session->verdict = spool_refusal(r);
	}
	if (session->verdict != REPLY_NONE)
		delivery->mail = spooled_mail_discard(delivery->mail);
}

/* What the decoder has counted so far, against the limits. */
static void judge(struct smtp_session *session)
{
	const struct limits_conf *limits = session->server->settings.limits;
	const struct data_decoder *decoder = &session->decoder;
	if (decoder->size > (uint64_t)limits->message_size)
		session->verdict = REPLY_TOO_BIG;
	else if (decoder->longest > (uint64_t)limits->data_line_length)
		session->verdict = REPLY_DATA_LINE_TOO_LONG;
	else if (decoder->received > (uint64_t)limits->received_fields)
		session->verdict = REPLY_LOOP;
}

/* ---- input */

void session_data(struct smtp_session *session, struct str *in)
{
	size_t before = in->len;
	struct str slice;
	enum data_event event;
	while ((event = data_decoder_next(&session->decoder, in, &slice)) == DATA_SLICE)
		store(session, slice);
	if (event == DATA_END)
		end_of_mail_data(session);
	else if (overstays(session, before - in->len))
		*in = (struct str){NULL, 0};
}

static void end_of_chunk(struct smtp_session *session)
{
	if (session->chunk_last)
		data_decoder_finish(&session->decoder);
	if (session->chunk_last || session->verdict != REPLY_NONE) {
		end_of_mail_data(session);
		return;
	}
	session_set_state(session, SESSION_CHUNKS);
	session_reply(session, REPLY_CHUNK_OK, STR(""));
}

void session_chunk(struct smtp_session *session, struct str *in)
{
	struct str octets = str_sub(*in, 0, (size_t)session->chunk_left);
	*in = str_sub(*in, octets.len, in->len);
	session->chunk_left -= (int64_t)octets.len;
	data_decoder_chunk(&session->decoder, octets);
	if (octets.len)
		store(session, octets);
	if (session->chunk_left == 0)
		end_of_chunk(session);
	else if (overstays(session, octets.len))
		*in = (struct str){NULL, 0};
}

void session_swallow(struct smtp_session *session, struct str *in)
{
	size_t n = in->len < (uint64_t)session->swallow_left ? in->len : (size_t)session->swallow_left;
	*in = str_sub(*in, n, in->len);
	session->swallow_left -= (int64_t)n;
}

/* Too much, too long, or too slow: then the session has ended. */
static bool overstays(struct smtp_session *session, size_t octets)
{
	const struct limits_conf *limits = session->server->settings.limits;
	int64_t now_ms = (int64_t)uv_now(session->server->loop);
	int64_t window_ms = now_ms - session->rate_since_ms;
	session->data_octets += octets;
	session->rate_octets += octets;
	if (session->data_octets > (uint64_t)drain_max(session)) {
		refuse_mail(session, REPLY_TOO_BIG);
		session_end(session, REPLY_NONE, true, "too-much-data");
		return true;
	}
	bool slow = window_ms >= RATE_WINDOW_MS &&
		    (int64_t)session->rate_octets / (window_ms / 1000) < limits->data_rate_min;
	if (slow || (limits->data_total_timeout_ms > 0 &&
		     now_ms - session->data_began_ms > limits->data_total_timeout_ms)) {
		session_end(session, REPLY_TOO_SLOW, true, "too-slow");
		return true;
	}
	if (window_ms >= RATE_WINDOW_MS) {
		session->rate_since_ms = now_ms;
		session->rate_octets = 0;
	}
	return false;
}

/* ---- the end */

static void end_of_mail_data(struct smtp_session *session)
{
	struct smtp_server *server = session->server;
	if (session->verdict == REPLY_NONE)
		judge(session);
	if (session->verdict == REPLY_NONE && session->decoder.bare)
		session->verdict = REPLY_BARE_NEWLINE;
	if (session->verdict != REPLY_NONE) {
		refuse_mail(session, session->verdict);
		return;
	}
	struct delivery *delivery = session->delivery;
	session->delivery = NULL;
	session_set_state(session, SESSION_COMMIT);
	server->handler->deliver(server->ctx, delivery);
}

static void log_refusal(const struct smtp_session *session, enum reply_id id)
{
	const struct delivery *delivery = session->delivery;
	char text[20], ip[POLICY_TEXT_SIZE];
	LOG(LOG_LEVEL_INFO, "message", lf_id("session", session_id_text(session, text)),
	    lf_cstr("id", delivery->id.text), lf_cstr("client", policy_address_text(&session->address, ip)),
	    lf_cstr("status", "refused"), lf_int("code", reply_code(id)),
	    lf_int("size", (int64_t)session->decoder.size),
	    lf_int("recipients", (int64_t)delivery->envelope.recipients_n));
}

/* All its recipients are refused with it (RFC 5321 4.1.1.4: one reply for all). */
static void tell_refused(struct smtp_session *session, struct str reply)
{
	const struct smtp_server *server = session->server;
	if (!server->handler->refused)
		return;
	LIST_FOREACH(node, &session->delivery->envelope.recipients) {
		const struct recipient *recipient = CONTAINER_OF(node, struct recipient, link);
		struct strbuf text;
		strbuf_init(&text, 2 * MAILADDR_LOCAL_MAX + MAILADDR_DOMAIN_MAX + 8);
		mailaddr_print(&recipient->forward_path, &text);
		server->handler->refused(server->ctx, session->delivery, strbuf_str(&text), reply);
		strbuf_done(&text);
	}
}

static void refuse_mail(struct smtp_session *session, enum reply_id id)
{
	char line[REPLY_SIZE], limit[24] = "";
	if (id == REPLY_TOO_BIG)
		snprintf(limit, sizeof(limit), "%lld",
			 (long long)session->server->settings.limits->message_size);
	size_t len = reply_format(line, id, str_from(limit));
	log_refusal(session, id);
	session->server->stats.messages_refused++;
	tell_refused(session, (struct str){line, len - 2});
	session_drop_transaction(session);
	session_reply(session, id, str_from(limit));
}
