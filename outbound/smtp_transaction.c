/*
 * One mail over one connection: MAIL, RCPT..., DATA, mail data, and who gets which result.
 *
 * Always true:
 *  1. Commands go out in one order, replies come back in it: `sent` and `got` count both, and a reply that
 *     would make got larger than sent is early.
 *  2. With PIPELINING (RFC 2920) as many commands go together as CLIENT_WINDOW allows, DATA the last of them;
 *     without it one at a time. None is sent any more once it is known that nothing can come of it.
 *  3. A recipient's result stands once (decided); the mail is done when all of them are.
 *  4. Mail data begins at the end of the turn in which the 354 was read, so what stands behind the 354 is
 *     early too.
 *  5. Before the system has taken the final dot a lost connection means deferred, after it unknown.
 *
 * Loop thread.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "outbound/smtp_client_private.h"

#define MAIL_LINE_MAX 1024

static bool address_print(const struct mailaddr *address, struct strbuf *out);
static bool decline(struct smtp_client *client);
static void decide(struct smtp_client *client, size_t rcpt, const struct smtp_result *result);
static void decide_rest(struct smtp_client *client, const struct smtp_result *result);
static void conclude(struct smtp_client *client);
static void pump_commands(struct smtp_client *client);
static void pump_body(struct smtp_client *client);
static void body_end_reply(struct smtp_client *client, const struct relay_reply *reply);
static void early_reply(struct smtp_client *client, const struct relay_reply *reply);

/* ---- addresses and needs */

static bool ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((uint8_t)s.ptr[i] >= 0x80)
			return false;
	}
	return true;
}

static bool address_utf8(const struct mailaddr *address)
{
	return !ascii(address->local) || !ascii(address->domain);
}

/* Nothing that could end a path, a line, or a string; quoted or not, and wherever the address came from. */
static bool octets_harmless(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = (uint8_t)s.ptr[i];
		if (c < 0x20 || c == 0x7f || c == '<' || c == '>')
			return false;
	}
	return utf8_valid(s);
}

/* False for what must not leave. Nothing is printed for the null path. */
static bool address_print(const struct mailaddr *address, struct strbuf *out)
{
	if (mailaddr_is_null(address))
		return true;
	if (address->local.len == 0 || address->local.len > MAILADDR_LOCAL_MAX ||
	    address->domain.len > MAILADDR_DOMAIN_MAX)
		return false;
	if (!octets_harmless(address->local) ||
	    (!mailaddr_domain_valid(address->domain, MAILADDR_ALLOW_UTF8) &&
	     !mailaddr_literal_valid(address->domain)))
		return false;
	return mailaddr_print(address, out) == 0;
}

static bool rcpt_valid(const struct smtp_rcpt *rcpt)
{
	struct strbuf text;
	strbuf_init(&text, MAIL_LINE_MAX);
	bool valid = !mailaddr_is_null(&rcpt->address) && address_print(&rcpt->address, &text);
	strbuf_done(&text);
	return valid;
}

static bool needs_utf8(const struct smtp_mail *mail)
{
	bool needs = mail->utf8 || address_utf8(&mail->reverse_path);
	for (size_t i = 0; i < mail->rcpts_n; i++)
		needs |= address_utf8(&mail->rcpts[i].address);
	return needs;
}

/* ---- begin and end */

void transaction_begin(struct smtp_client *client)
{
	struct transaction *tx = &client->tx;
	struct smtp_mail *mail = client->mail;
	*tx = (struct transaction){0};
	tx->live = xcalloc(mail->rcpts_n, sizeof(*tx->live));
	tx->decided = xcalloc(mail->rcpts_n, sizeof(*tx->decided));
	strbuf_init(&tx->mail_line, MAIL_LINE_MAX);
	client_expect(client, CLIENT_TRANSACTION, client->conf.timeouts.command);
	if (decline(client)) {
		conclude(client);
		client_now_ready(client);
	}
}

/* What this relay can't be asked, known before anything is said. True when no recipient is left. */
static bool decline(struct smtp_client *client)
{
	const struct smtp_caps *caps = &client->caps;
	struct transaction *tx = &client->tx;
	struct smtp_mail *mail = client->mail;
	struct smtp_result no = {.text = ""};
	bool utf8 = needs_utf8(mail);
	strbuf_adds(&tx->mail_line, "MAIL FROM:<");
	if (!address_print(&mail->reverse_path, &tx->mail_line))
		result_of_ours(&no, SMTP_STAGE_MAIL, 553, 1, 7,
			       "the reverse-path is no address that can be sent");
	else if (utf8 && !caps->utf8)
		result_of_ours(&no, SMTP_STAGE_MAIL, 553, 6, 7,
			       "the relay does not offer SMTPUTF8, which this mail needs");
	else if (mail->eight_bit && !caps->eight_bit)
		result_of_ours(&no, SMTP_STAGE_MAIL, 554, 6, 3,
			       "the relay does not offer 8BITMIME, which this mail needs");
	else if (caps->size_max > 0 && mail->size > caps->size_max)
		result_of_ours(&no, SMTP_STAGE_MAIL, 552, 3, 4, "the mail is larger than the relay's limit");
	if (no.code) {
		decide_rest(client, &no);
		return true;
	}
	strbuf_addc(&tx->mail_line, '>');
	if (caps->size && mail->size > 0)
		strbuf_printf(&tx->mail_line, " SIZE=%lld", (long long)mail->size);
	if (caps->eight_bit && (mail->eight_bit || utf8))
		strbuf_adds(&tx->mail_line, " BODY=8BITMIME");
	if (utf8)
		strbuf_adds(&tx->mail_line, " SMTPUTF8");
	result_of_ours(&no, SMTP_STAGE_RCPT, 553, 1, 3, "the recipient is no address that can be sent");
	for (size_t i = 0; i < mail->rcpts_n; i++) {
		if (rcpt_valid(&mail->rcpts[i]))
			tx->live[tx->live_n++] = i;
		else
			decide(client, i, &no);
	}
	return tx->live_n == 0;
}

static void decide(struct smtp_client *client, size_t rcpt, const struct smtp_result *result)
{
	if (client->tx.decided[rcpt])
		return;
	client->tx.decided[rcpt] = true;
	client->mail->rcpts[rcpt].result = *result;
}

static void decide_rest(struct smtp_client *client, const struct smtp_result *result)
{
	for (size_t i = 0; i < client->mail->rcpts_n; i++)
		decide(client, i, result);
}

/* How much is left to do. */
static unsigned weight(const struct smtp_result *result)
{
	static const unsigned weights[] = {
		[SMTP_DELIVERED] = 0, [SMTP_FAILED] = 1, [SMTP_DEFERRED] = 2, [SMTP_UNKNOWN] = 3};
	return weights[result->outcome];
}

/* All are decided: done() at the end of the turn. The state is the caller's to set. */
static void conclude(struct smtp_client *client)
{
	struct smtp_mail *mail = client->mail;
	const struct smtp_result *whole = &mail->rcpts[0].result;
	for (size_t i = 0; i < mail->rcpts_n; i++) {
		assert(client->tx.decided[i]);
		if (weight(&mail->rcpts[i].result) > weight(whole))
			whole = &mail->rcpts[i].result;
	}
	assert(!client->done_mail);
	client->done_mail = mail;
	client->done_result = *whole;
	client->mail = NULL;
	free(client->tx.live);
	free(client->tx.decided);
	strbuf_done(&client->tx.mail_line);
	client->tx = (struct transaction){0};
}

/* ---- commands */

static size_t data_command(const struct transaction *tx)
{
	return tx->live_n + 1;
}

/* Nothing can come of it: MAIL was refused, or every recipient. */
static bool hopeless(const struct transaction *tx)
{
	return tx->mail_refused || (tx->got > tx->live_n && tx->accepted == 0);
}

static void say_command(struct smtp_client *client, size_t command)
{
	struct transaction *tx = &client->tx;
	struct strbuf line;
	if (command == 0) {
		client_say(client, strbuf_str(&tx->mail_line));
		return;
	}
	if (command == data_command(tx)) {
		client_say(client, STR("DATA"));
		return;
	}
	strbuf_init(&line, MAIL_LINE_MAX);
	strbuf_adds(&line, "RCPT TO:<");
	address_print(&client->mail->rcpts[tx->live[command - 1]].address, &line);
	strbuf_addc(&line, '>');
	client_say(client, strbuf_str(&line));
	strbuf_done(&line);
}

static void expect_next(struct smtp_client *client)
{
	bool data = client->tx.got == data_command(&client->tx);
	client_expect(client, CLIENT_TRANSACTION,
		      data ? client->conf.timeouts.data : client->conf.timeouts.command);
}

static void pump_commands(struct smtp_client *client)
{
	struct transaction *tx = &client->tx;
	size_t window = client->caps.pipelining ? CLIENT_WINDOW : 1;
	while (!hopeless(tx) && tx->sent <= data_command(tx) && tx->sent - tx->got < window)
		say_command(client, tx->sent++);
	if (hopeless(tx) && tx->got == tx->sent && !tx->go) {
		conclude(client);
		client_reset(client);
	}
}

void transaction_pump(struct smtp_client *client)
{
	if (client->state == CLIENT_TRANSACTION && client->tx.go) {
		client_expect(client, CLIENT_BODY, client->conf.timeouts.block);
		data_encoder_init(&client->tx.encoder);
		if (client->tx.accepted)
			client->mail->start(client->mail);
	} else if (client->state == CLIENT_TRANSACTION) {
		pump_commands(client);
	}
	if (client->state == CLIENT_BODY)
		pump_body(client);
}

/* ---- replies */

static enum smtp_stage stage_of_reply(const struct transaction *tx)
{
	if (tx->got == 0)
		return SMTP_STAGE_MAIL;
	return tx->got <= tx->live_n ? SMTP_STAGE_RCPT : SMTP_STAGE_DATA;
}

/* RFC 5321 4.5.3.1.10: a 552 to RCPT may mean too many recipients, and then these can be asked for later */
static bool too_many(const struct transaction *tx, const struct relay_reply *reply)
{
	return reply->code == 552 && tx->accepted > 0 &&
	       (reply->klass == 0 || (reply->subject == 5 && reply->detail == 3));
}

static void take_no(struct smtp_client *client, enum smtp_stage stage, const struct relay_reply *reply)
{
	struct transaction *tx = &client->tx;
	struct smtp_result result;
	result_of_reply(&result, stage, reply);
	if (stage == SMTP_STAGE_RCPT && too_many(tx, reply))
		result.outcome = SMTP_DEFERRED;
	if (stage == SMTP_STAGE_RCPT) {
		decide(client, tx->live[tx->got - 1], &result);
		return;
	}
	tx->mail_refused = true;
	decide_rest(client, &result);
}

static bool fits_command(enum smtp_stage stage, const struct relay_reply *reply)
{
	int yes = stage == SMTP_STAGE_DATA ? 3 : 2;
	return reply->code / 100 == yes || reply->code >= 400;
}

void transaction_reply(struct smtp_client *client, const struct relay_reply *reply)
{
	struct transaction *tx = &client->tx;
	if (client->state == CLIENT_END) {
		body_end_reply(client, reply);
		return;
	}
	enum smtp_stage stage = stage_of_reply(tx);
	if (reply->code == 421) {
		/* RFC 5321 3.8: the relay is going away, and may say so at any time */
		client_refused(client, reply);
		return;
	}
	if (reply->code == 530 && stage == SMTP_STAGE_MAIL && tx->got < tx->sent) {
		client_wants_login(client, reply);
		return;
	}
	if (client->state == CLIENT_BODY || tx->got == tx->sent || !fits_command(stage, reply)) {
		early_reply(client, reply);
		return;
	}
	if (reply->code >= 400)
		take_no(client, stage, reply);
	else if (stage == SMTP_STAGE_RCPT)
		tx->accepted++;
	else if (stage == SMTP_STAGE_DATA)
		tx->go = true;
	tx->got++;
	expect_next(client);
}

/* Also what does not fit its command, like a 250 to DATA. Only a "no" in the midst of mail data is believed:
 * some relays don't wait for its end. */
static void early_reply(struct smtp_client *client, const struct relay_reply *reply)
{
	if (client->state == CLIENT_BODY && reply->code >= 400)
		client_refused(client, reply);
	else
		client_lost(client, -EPROTO, "the relay answered what it was not asked");
}

static void body_end_reply(struct smtp_client *client, const struct relay_reply *reply)
{
	struct smtp_result result;
	if (reply->code < 400 && reply->code / 100 != 2) {
		client_lost(client, -EPROTO, "the relay answered what it was not asked");
		return;
	}
	result_of_reply(&result, SMTP_STAGE_END, reply);
	decide_rest(client, &result);
	if (reply->code == 421) {
		client_refused(client, reply);
		return;
	}
	conclude(client);
	client_now_ready(client);
}

/* ---- mail data */

/* Fills block; 0 or the reason to stop. *ret_end: the final dot is in it. */
static int fill_block(struct smtp_client *client, char *block, size_t size, size_t *ret_len, bool *ret_end)
{
	struct transaction *tx = &client->tx;
	struct smtp_mail *mail = client->mail;
	size_t len = 0, room = size - DATA_FINISH_MAX;
	int r = 0;
	while (r == 0 && !*ret_end && room - len >= 2) {
		if (tx->data.len == 0 && tx->accepted)
			r = mail->read(mail, &tx->data);
		if (r == 0 && tx->data.len == 0) {
			len += data_encoder_finish(&tx->encoder, block + len);
			*ret_end = true;
		} else if (r == 0) {
			len += data_encoder_encode(&tx->encoder, &tx->data, block + len, room - len);
		}
	}
	*ret_len = len;
	return r;
}

static void pump_body(struct smtp_client *client)
{
	char block[CLIENT_BLOCK_SIZE];
	bool end = false;
	while (client->state == CLIENT_BODY && !end && client->queued < CLIENT_QUEUED_MAX) {
		size_t len = 0;
		int r = fill_block(client, block, sizeof(block), &len, &end);
		client_io_write(client, (struct str){block, len});
		if (client->state != CLIENT_BODY || r == -EAGAIN)
			return;
		if (r < 0) {
			client_lost(client, r, "the mail data could not be read");
			return;
		}
		client_expect(client, CLIENT_BODY, client->conf.timeouts.block);
	}
	if (!end)
		return;
	client->tx.dot_queued = true;
	client_expect(client, CLIENT_END, client->conf.timeouts.end);
}

void transaction_lost(struct smtp_client *client, const struct smtp_result *why)
{
	struct smtp_result result = *why;
	struct transaction *tx = &client->tx;
	if (!tx->decided) { /* given to us, and not begun */
		transaction_begin(client);
		if (!client->mail)
			return;
	}
	if (client->state == CLIENT_TRANSACTION)
		result.stage = stage_of_reply(tx);
	if (tx->dot_queued && client_io_all_out(client)) {
		result.outcome = SMTP_UNKNOWN;
		result.stage = SMTP_STAGE_END;
	}
	if (why->code && why->error == 0)
		result.outcome = why->outcome;
	decide_rest(client, &result);
	conclude(client);
}
