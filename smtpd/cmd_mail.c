/*
 * MAIL (RFC 5321 4.1.1.2) and its parameters: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531). The
 * transaction begins here: the application gives an empty delivery, and what we know about the client goes in.
 *
 * A parameter may come once. One that we don't know is 555, a value that we can't read 501: guessing what a
 * sender meant by "SIZE=0x10" helps nobody. Loop thread.
 */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "smtpd/session_private.h"
#include "smtpd/trace.h"

struct mail_params {
	int64_t size; /* -1: not said */
	enum body_type body;
	bool body_said, smtputf8;
};

static int param_size(struct mail_params *params, const struct command_param *param)
{
	if (params->size >= 0 || !param->has_value)
		return -EINVAL;
	return command_number(param->value, &params->size);
}

static int param_body(struct mail_params *params, const struct command_param *param)
{
	if (params->body_said)
		return -EINVAL;
	params->body_said = true;
	params->body = BODY_7BIT;
	if (str_ieq(param->value, STR("8BITMIME")))
		params->body = BODY_8BITMIME;
	else if (!str_ieq(param->value, STR("7BIT")))
		return -EINVAL;
	return 0;
}

static int param_smtputf8(struct mail_params *params, const struct command_param *param)
{
	if (params->smtputf8 || param->has_value)
		return -EINVAL;
	params->smtputf8 = true;
	return 0;
}

static const struct {
	struct str keyword;
	int (*read)(struct mail_params *params, const struct command_param *param);
} known_params[] = {
	{STR_INIT("SIZE"), param_size},
	{STR_INIT("BODY"), param_body},
	{STR_INIT("SMTPUTF8"), param_smtputf8},
};

/* REPLY_NONE, or why not; *ret_about is the parameter it is about. */
static enum reply_id read_params(struct str rest, struct mail_params *ret, struct str *ret_about)
{
	struct command_param param;
	int r;
	while ((r = command_parameter(&rest, &param)) > 0) {
		size_t i = 0;
		*ret_about = param.keyword;
		while (i < ARRAY_SIZE(known_params) && !str_ieq(known_params[i].keyword, param.keyword))
			i++;
		if (i == ARRAY_SIZE(known_params))
			return REPLY_UNKNOWN_PARAM;
		if (known_params[i].read(ret, &param) < 0)
			return REPLY_BAD_PARAM;
	}
	*ret_about = str_trim(rest);
	return r < 0 ? REPLY_BAD_PARAM : REPLY_NONE;
}

enum reply_id cmd_path_refusal(int r, enum reply_id syntax)
{
	switch (r) {
	case -EILSEQ:
		return REPLY_NEEDS_SMTPUTF8;
	case -EMSGSIZE:
	case -ENOBUFS:
		return REPLY_PATH_TOO_LONG;
	default:
		return syntax;
	}
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] > 0x7f)
			return false;
	return true;
}

static struct str copy(struct delivery *delivery, struct str s)
{
	struct str ret = {"", 0};
	return arena_copy(&delivery->arena, s, &ret) < 0 ? STR("") : ret;
}

/* A few short strings in an empty arena: there is room. */
static void fill_facts(const struct smtp_session *session, struct delivery *delivery)
{
	struct envelope *envelope = &delivery->envelope;
	char ip[POLICY_TEXT_SIZE];
	envelope->client_ip = copy(delivery, str_from(policy_address_text(&session->address, ip)));
	envelope->helo = copy(delivery, str_from(session->helo));
	envelope->protocol = trace_protocol(session->ehlo, session->tls != NULL, envelope->smtputf8);
	if (session->tls &&
	    arena_printf(&delivery->arena, &envelope->tls, "%s %s", tls_channel_version(session->tls),
			 tls_channel_cipher(session->tls)) < 0)
		envelope->tls = STR("TLS");
	envelope->received_ms = clock_now_ms();
	delivery->session_id = session->id;
}

static enum reply_id read_mail(struct envelope *envelope, struct arena *arena, struct str argument,
			       struct str *ret_about)
{
	struct mail_params params = {.size = -1};
	struct str rest;
	int r = command_path(arena, argument, STR("FROM:"),
			     MAILADDR_ALLOW_NULL | MAILADDR_ALLOW_UTF8 | MAILADDR_LIBERAL,
			     &envelope->reverse_path, &rest);
	if (r < 0)
		return cmd_path_refusal(r, REPLY_MAIL_SYNTAX);
	enum reply_id refusal = read_params(rest, &params, ret_about);
	if (refusal != REPLY_NONE)
		return refusal;
	*ret_about = STR("");
	/* RFC 6531 3.4: the parameters come behind the path that depends on them */
	if (!params.smtputf8 &&
	    !(is_ascii(envelope->reverse_path.local) && is_ascii(envelope->reverse_path.domain)))
		return REPLY_NEEDS_SMTPUTF8;
	envelope->size_declared = params.size;
	envelope->body = params.body;
	envelope->smtputf8 = params.smtputf8;
	return REPLY_NONE;
}

static void refuse(struct smtp_session *session, struct delivery *delivery, enum reply_id refusal,
		   struct str about)
{
	session_reply_error(session, refusal, about);
	delivery_free(delivery);
}

static void refuse_size(struct smtp_session *session, struct delivery *delivery, int64_t limit)
{
	char id[20], text[24];
	LOG(LOG_LEVEL_INFO, "message", lf_id("session", session_id_text(session, id)),
	    lf_cstr("status", "refused"), lf_int("code", reply_code(REPLY_TOO_BIG)),
	    lf_int("declared", delivery->envelope.size_declared));
	snprintf(text, sizeof(text), "%lld", (long long)limit);
	session_reply(session, REPLY_TOO_BIG, str_from(text));
	session->server->stats.messages_refused++;
	delivery_free(delivery);
}

void cmd_mail(struct smtp_session *session, struct str argument)
{
	struct smtp_server *server = session->server;
	const struct limits_conf *limits = server->settings.limits;
	enum reply_id last = policy_count_transaction(&session->budget, limits);
	if (last != REPLY_NONE) {
		session_end(session, last, true, "transactions");
		return;
	}
	struct delivery *delivery = server->handler->begin(server->ctx);
	if (!delivery) {
		session_reply(session, REPLY_BUSY, STR(""));
		return;
	}
	struct str about = STR("");
	enum reply_id refusal = read_mail(&delivery->envelope, &delivery->arena, argument, &about);
	if (refusal != REPLY_NONE) {
		refuse(session, delivery, refusal, about);
		return;
	}
	if (delivery->envelope.size_declared > limits->message_size) {
		refuse_size(session, delivery, limits->message_size);
		return;
	}
	fill_facts(session, delivery);
	session->delivery = delivery;
	session_set_state(session, SESSION_MAIL);
	session_reply(session, REPLY_MAIL_OK, STR(""));
}
