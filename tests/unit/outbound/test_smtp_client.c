/*
 * One connection to a relay that does all that relays do: what is said in which order, and what becomes of
 * the mail. Each mail is done exactly once, and each connection told closed exactly once, in every case.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/outbound/fixture.h"

#include "outbound/smtp_client.h"

/* Distinct, so that the time that passed says which it was. */
#define T_CONNECT  30000
#define T_TLS      31000
#define T_GREETING 300000
#define T_COMMAND  301000
#define T_DATA     120000
#define T_BLOCK    180000
#define T_END      600000
#define T_QUIT     5000

struct world {
	uv_loop_t loop;
	struct fake_relay *relay;
	struct smtp_client *client;
	struct smtp_client_conf conf;
	struct test_mail *mails;
	size_t mails_n, sent;
	unsigned closed, ready;
	struct smtp_result why;
	bool keep; /* no QUIT when there is no mail left */
	int64_t waited_ms;
};

static void on_ready(struct smtp_client *client, void *ctx)
{
	struct world *world = ctx;
	world->ready++;
	assert_true(smtp_client_ready(client));
	if (world->sent < world->mails_n)
		smtp_client_send(client, &world->mails[world->sent++].mail);
	else if (!world->keep)
		smtp_client_quit(client);
}

static void on_closed(struct smtp_client *client, const struct smtp_result *why, void *ctx)
{
	struct world *world = ctx;
	world->closed++;
	world->why = *why;
	assert_ptr_equal(client, world->client);
	world->client = smtp_client_free(client);
}

static void world_open(struct world *world, struct certs *certs)
{
	memset(world, 0, sizeof(*world));
	MUST(uv_loop_init(&world->loop) == 0);
	world->relay = fake_relay_open(&world->loop, certs);
	world->conf = (struct smtp_client_conf){
		.host = "relay.example",
		.tls = SMTP_TLS_NONE,
		.tls_client = tls_trusting,
		.ehlo_name = "client.example",
		.user = "",
		.password = "",
		.auth = AUTH_PLAIN | AUTH_LOGIN,
		.timeouts = {T_CONNECT, T_TLS, T_GREETING, T_COMMAND, T_DATA, T_BLOCK, T_END, T_QUIT},
	};
}

static void world_connect(struct world *world)
{
	static const struct smtp_client_events events = {on_ready, on_closed};
	struct sockaddr_storage address = fake_relay_address(world->relay);
	assert_int_equal(
		smtp_client_open(&world->client, &world->loop, &world->conf, &address, 1, &events, world), 0);
}

static void turn(struct world *world)
{
	uv_run(&world->loop, UV_RUN_NOWAIT);
	if (world->client && smtp_client_deadline(world->client) <= fake_now_ms)
		smtp_client_tick(world->client);
}

/* Until closed; time jumps when the relay hangs. */
static void world_run(struct world *world)
{
	uint64_t started = uv_hrtime();
	unsigned quiet = 0;
	while (!world->closed) {
		struct fake_relay_counts counts = fake_relay_counts(world->relay);
		int64_t deadline = smtp_client_deadline(world->client);
		must_not_hang(started);
		quiet = counts.hanging && counts.hanging == counts.open && deadline != 0 ? quiet + 1 : 0;
		if (quiet > QUIET_TURNS && deadline != INT64_MAX && deadline > fake_now_ms) {
			world->waited_ms += deadline - fake_now_ms;
			fake_now_ms = deadline;
			quiet = 0;
		}
		turn(world);
	}
}

static void world_close(struct world *world)
{
	world->client = smtp_client_free(world->client);
	fake_relay_close(world->relay);
	close_loop(&world->loop);
}

/* ---- scripts */

#define GREET       "S 220 relay.example ESMTP"
#define EHLO        "C EHLO client.example"
#define PLAIN_HELLO GREET, EHLO, "S 250 relay.example"
#define HELLO       GREET, EHLO, "S 250-relay.example", "S 250 PIPELINING"
#define FROM        "C MAIL FROM:<bounce+x@serveloapp.com>"
#define TO          "C RCPT TO:<a@c.example>"
#define ENVELOPE    FROM, TO, "C DATA"
#define OK          "S 250 2.0.0 ok"
#define GO          "S 354 go ahead"
#define QUIT        "C QUIT", "S 221 bye", "X"
#define AT(s)       SMTP_STAGE_##s

struct one_case {
	const char *what;
	const char *script[30];
	enum smtp_outcome outcome;
	enum smtp_stage stage;
	int code, error;
	enum smtp_stage why_stage; /* how the connection ended */
	int why_code, why_error;
	int64_t waited_ms;
};

static const struct one_case cases[] = {
	{"delivered, pipelined",
	 {HELLO, ENVELOPE, OK, OK, GO, "D", "S 250 2.0.0 queued as 1", QUIT},
	 SMTP_DELIVERED,
	 AT(END),
	 250,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 0},
	{"delivered, one by one",
	 {PLAIN_HELLO, FROM, "E", OK, TO, "E", OK, "C DATA", "E", GO, "D", OK, QUIT},
	 SMTP_DELIVERED,
	 AT(END),
	 250,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 0},
	{"delivered, by HELO",
	 {GREET, EHLO, "S 502 what?", "C HELO client.example", "S 250 relay", FROM, "E", OK, TO, OK, "C DATA",
	  GO, "D", OK, QUIT},
	 SMTP_DELIVERED,
	 AT(END),
	 250,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 0},
	{"251 is a yes",
	 {HELLO, ENVELOPE, OK, "S 251 forwarded", GO, "D", OK, QUIT},
	 SMTP_DELIVERED,
	 AT(END),
	 250,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 0},
	{"replies in one segment",
	 {HELLO, ENVELOPE, "B 250 ok\r\n250-a\r\n250 b\r\n354 go\r\n", "D", OK, QUIT},
	 SMTP_DELIVERED,
	 AT(END),
	 250,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 0},

	/* no, at each step */
	{"greets with 554", {"S 554 5.7.1 go away", "H"}, 0, 0, 0, 0, AT(GREETING), 554, 0, 0},
	{"greets with 421", {"S 421 busy", "X"}, 0, 0, 0, 0, AT(GREETING), 421, 0, 0},
	{"refuses EHLO for now", {GREET, EHLO, "S 450 later"}, 0, 0, 0, 0, AT(EHLO), 450, 0, 0},
	{"refuses EHLO and HELO",
	 {GREET, EHLO, "S 550 no", "C HELO client.example", "S 550 no"},
	 0,
	 0,
	 0,
	 0,
	 AT(EHLO),
	 550,
	 0,
	 0},
	{"MAIL 4yz, pipelined",
	 {HELLO, ENVELOPE, "S 451 4.3.0 later", "S 503 no", "S 503 no", "C RSET", OK, QUIT},
	 SMTP_DEFERRED,
	 AT(MAIL),
	 451,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 0},
	{"MAIL 5yz, one by one",
	 {PLAIN_HELLO, FROM, "S 553 5.1.8 no", "C RSET", OK, QUIT},
	 SMTP_FAILED,
	 AT(MAIL),
	 553,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 0},
	{"RCPT 4yz",
	 {HELLO, ENVELOPE, OK, "S 450 4.2.1 full", "S 554 no valid recipients", "C RSET", OK, QUIT},
	 SMTP_DEFERRED,
	 AT(RCPT),
	 450,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 0},
	{"RCPT 5yz, one by one",
	 {PLAIN_HELLO, FROM, OK, TO, "S 550 5.1.1 unknown", "C RSET", OK, QUIT},
	 SMTP_FAILED,
	 AT(RCPT),
	 550,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 0},
	{"RCPT 5yz, DATA 354 all the same",
	 {HELLO, ENVELOPE, OK, "S 550 5.1.1 unknown", GO, "D", "S 554 nobody", QUIT},
	 SMTP_FAILED,
	 AT(RCPT),
	 550,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 0},
	{"RCPT 5yz, and the empty mail is taken",
	 {HELLO, ENVELOPE, OK, "S 550 5.1.1 unknown", GO, "D", "S 250 as you like", QUIT},
	 SMTP_FAILED,
	 AT(RCPT),
	 550,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 0},
	{"552 for the only recipient",
	 {HELLO, ENVELOPE, OK, "S 552 full", "S 554 no", "C RSET", OK, QUIT},
	 SMTP_FAILED,
	 AT(RCPT),
	 552,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 0},
	{"DATA 4yz",
	 {HELLO, ENVELOPE, OK, OK, "S 452 4.3.1 disk", "C RSET", OK, QUIT},
	 SMTP_DEFERRED,
	 AT(DATA),
	 452,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 0},
	{"DATA 5yz, one by one",
	 {PLAIN_HELLO, FROM, OK, TO, OK, "C DATA", "S 554 no", "C RSET", OK, QUIT},
	 SMTP_FAILED,
	 AT(DATA),
	 554,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 0},
	{"end 4yz",
	 {HELLO, ENVELOPE, OK, OK, GO, "D", "S 451 4.7.1 greylisted", QUIT},
	 SMTP_DEFERRED,
	 AT(END),
	 451,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 0},
	{"end 5yz",
	 {HELLO, ENVELOPE, OK, OK, GO, "D", "S 554 5.7.1 spam", QUIT},
	 SMTP_FAILED,
	 AT(END),
	 554,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 0},
	{"RSET is refused",
	 {HELLO, ENVELOPE, OK, OK, "S 452 disk", "C RSET", "S 500 what?"},
	 SMTP_DEFERRED,
	 AT(DATA),
	 452,
	 0,
	 AT(RSET),
	 500,
	 0,
	 0},

	/* 421: the relay goes away */
	{"MAIL 421",
	 {HELLO, ENVELOPE, "S 421 4.3.2 bye", "X"},
	 SMTP_DEFERRED,
	 AT(MAIL),
	 421,
	 0,
	 AT(MAIL),
	 421,
	 0,
	 0},
	{"RCPT 421",
	 {HELLO, ENVELOPE, OK, "S 421 4.3.2 bye", "X"},
	 SMTP_DEFERRED,
	 AT(RCPT),
	 421,
	 0,
	 AT(MAIL),
	 421,
	 0,
	 0},
	{"DATA 421",
	 {HELLO, ENVELOPE, OK, OK, "S 421 4.3.2 bye", "X"},
	 SMTP_DEFERRED,
	 AT(DATA),
	 421,
	 0,
	 AT(MAIL),
	 421,
	 0,
	 0},
	{"end 421",
	 {HELLO, ENVELOPE, OK, OK, GO, "D", "S 421 4.3.2 bye", "X"},
	 SMTP_DEFERRED,
	 AT(END),
	 421,
	 0,
	 AT(END),
	 421,
	 0,
	 0},

	/* the connection is lost, at each step */
	{"closed at once", {"X"}, 0, 0, 0, 0, AT(GREETING), 0, -ECONNRESET, 0},
	{"closed after the greeting", {GREET, EHLO, "X"}, 0, 0, 0, 0, AT(EHLO), 0, -ECONNRESET, 0},
	{"closed within a reply", {GREET, EHLO, "B 250-rela", "X"}, 0, 0, 0, 0, AT(EHLO), 0, -ECONNRESET, 0},
	{"closed at MAIL",
	 {PLAIN_HELLO, FROM, "X"},
	 SMTP_DEFERRED,
	 AT(MAIL),
	 0,
	 -ECONNRESET,
	 AT(MAIL),
	 0,
	 -ECONNRESET,
	 0},
	{"closed at RCPT",
	 {PLAIN_HELLO, FROM, OK, TO, "X"},
	 SMTP_DEFERRED,
	 AT(RCPT),
	 0,
	 -ECONNRESET,
	 AT(MAIL),
	 0,
	 -ECONNRESET,
	 0},
	{"closed at DATA",
	 {PLAIN_HELLO, FROM, OK, TO, OK, "C DATA", "X"},
	 SMTP_DEFERRED,
	 AT(DATA),
	 0,
	 -ECONNRESET,
	 AT(MAIL),
	 0,
	 -ECONNRESET,
	 0},
	{"closed after a refusal",
	 {HELLO, ENVELOPE, OK, "S 550 5.1.1 unknown", "X"},
	 SMTP_FAILED,
	 AT(RCPT),
	 550,
	 0,
	 AT(MAIL),
	 0,
	 -ECONNRESET,
	 0},
	{"closed after the final dot",
	 {HELLO, ENVELOPE, OK, OK, GO, "D", "X"},
	 SMTP_UNKNOWN,
	 AT(END),
	 0,
	 -ECONNRESET,
	 AT(END),
	 0,
	 -ECONNRESET,
	 0},
	{"reset after the final dot",
	 {HELLO, ENVELOPE, OK, OK, GO, "D", "R"},
	 SMTP_UNKNOWN,
	 AT(END),
	 0,
	 -ECONNRESET,
	 AT(END),
	 0,
	 -ECONNRESET,
	 0},
	{"closed within the last reply",
	 {HELLO, ENVELOPE, OK, OK, GO, "D", "B 250 ok", "X"},
	 SMTP_UNKNOWN,
	 AT(END),
	 0,
	 -ECONNRESET,
	 AT(END),
	 0,
	 -ECONNRESET,
	 0},
	{"closed at QUIT",
	 {HELLO, ENVELOPE, OK, OK, GO, "D", OK, "C QUIT", "X"},
	 SMTP_DELIVERED,
	 AT(END),
	 250,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 0},

	/* it hangs, at each step */
	{"hangs before the greeting", {"H"}, 0, 0, 0, 0, AT(GREETING), 0, -ETIMEDOUT, T_GREETING},
	{"hangs within the greeting",
	 {"B 220-one\r\n220-two\r\n22", "H"},
	 0,
	 0,
	 0,
	 0,
	 AT(GREETING),
	 0,
	 -ETIMEDOUT,
	 T_GREETING},
	{"hangs at EHLO", {GREET, EHLO, "H"}, 0, 0, 0, 0, AT(EHLO), 0, -ETIMEDOUT, T_COMMAND},
	{"hangs at MAIL",
	 {HELLO, ENVELOPE, "H"},
	 SMTP_DEFERRED,
	 AT(MAIL),
	 0,
	 -ETIMEDOUT,
	 AT(MAIL),
	 0,
	 -ETIMEDOUT,
	 T_COMMAND},
	{"hangs at RCPT",
	 {HELLO, ENVELOPE, OK, "H"},
	 SMTP_DEFERRED,
	 AT(RCPT),
	 0,
	 -ETIMEDOUT,
	 AT(MAIL),
	 0,
	 -ETIMEDOUT,
	 T_COMMAND},
	{"hangs at DATA",
	 {HELLO, ENVELOPE, OK, OK, "H"},
	 SMTP_DEFERRED,
	 AT(DATA),
	 0,
	 -ETIMEDOUT,
	 AT(MAIL),
	 0,
	 -ETIMEDOUT,
	 T_DATA},
	{"hangs after the final dot",
	 {HELLO, ENVELOPE, OK, OK, GO, "D", "H"},
	 SMTP_UNKNOWN,
	 AT(END),
	 0,
	 -ETIMEDOUT,
	 AT(END),
	 0,
	 -ETIMEDOUT,
	 T_END},
	{"hangs at RSET",
	 {HELLO, ENVELOPE, OK, OK, "S 452 disk", "C RSET", "H"},
	 SMTP_DEFERRED,
	 AT(DATA),
	 452,
	 0,
	 AT(RSET),
	 0,
	 -ETIMEDOUT,
	 T_COMMAND},
	{"hangs at QUIT",
	 {HELLO, ENVELOPE, OK, OK, GO, "D", OK, "C QUIT", "H"},
	 SMTP_DELIVERED,
	 AT(END),
	 250,
	 0,
	 AT(QUIT),
	 0,
	 0,
	 T_QUIT},

	/* it is evil */
	{"garbage for a greeting", {"S HTTP/1.1 400 Bad Request"}, 0, 0, 0, 0, AT(GREETING), 0, -EPROTO, 0},
	{"NULs for a reply", {GREET, EHLO, "V \x01\x02"}, 0, 0, 0, 0, AT(EHLO), 0, -EPROTO, 0},
	{"a line without end",
	 {"B 220 ", "V xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
	 0,
	 0,
	 0,
	 0,
	 AT(GREETING),
	 0,
	 -EPROTO,
	 0},
	{"a reply without end", {"V 220-more\r\n"}, 0, 0, 0, 0, AT(GREETING), 0, -EPROTO, 0},
	{"garbage after the final dot",
	 {HELLO, ENVELOPE, OK, OK, GO, "D", "S hello"},
	 SMTP_UNKNOWN,
	 AT(END),
	 0,
	 -EPROTO,
	 AT(END),
	 0,
	 -EPROTO,
	 0},
	{"354 for the final dot",
	 {HELLO, ENVELOPE, OK, OK, GO, "D", GO},
	 SMTP_UNKNOWN,
	 AT(END),
	 0,
	 -EPROTO,
	 AT(END),
	 0,
	 -EPROTO,
	 0},
	{"250 behind the 354",
	 {HELLO, ENVELOPE, "B 250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n", "H"},
	 SMTP_DEFERRED,
	 AT(DATA),
	 0,
	 -EPROTO,
	 AT(MAIL),
	 0,
	 -EPROTO,
	 0},
	{"replies before their commands",
	 {PLAIN_HELLO, FROM, "B 250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n", "H"},
	 SMTP_DEFERRED,
	 AT(RCPT),
	 0,
	 -EPROTO,
	 AT(MAIL),
	 0,
	 -EPROTO,
	 0},
	{"250 to DATA",
	 {HELLO, ENVELOPE, OK, OK, OK, "H"},
	 SMTP_DEFERRED,
	 AT(DATA),
	 0,
	 -EPROTO,
	 AT(MAIL),
	 0,
	 -EPROTO,
	 0},
	{"354 to MAIL",
	 {HELLO, ENVELOPE, GO, "H"},
	 SMTP_DEFERRED,
	 AT(MAIL),
	 0,
	 -EPROTO,
	 AT(MAIL),
	 0,
	 -EPROTO,
	 0},
	{"354 to RCPT",
	 {HELLO, ENVELOPE, OK, GO, "H"},
	 SMTP_DEFERRED,
	 AT(RCPT),
	 0,
	 -EPROTO,
	 AT(MAIL),
	 0,
	 -EPROTO,
	 0},
	{"a reply too many after the mail",
	 {HELLO, ENVELOPE, OK, OK, GO, "D", "B 250 ok\r\n250 ok\r\n", "H"},
	 SMTP_DELIVERED,
	 AT(END),
	 250,
	 0,
	 AT(IDLE),
	 250,
	 -EPROTO,
	 0},
};

static void check_result(const struct one_case *c, const char *which, const struct smtp_result *got,
			 enum smtp_stage stage, int code, int error)
{
	if (got->stage != stage || got->code != code || got->error != error)
		fail_msg("%s: %s: %s %s code=%d error=%d \"%s\"", c->what, which,
			 smtp_outcome_name(got->outcome), smtp_stage_name(got->stage), got->code, got->error,
			 got->text);
}

static void run_case(const struct one_case *c, bool drip)
{
	struct test_mail mail;
	struct world world;
	bool never_sent = c->code == 0 && c->error == 0;
	mail_init(&mail, "a");
	world_open(&world, relay_certs);
	fake_relay_script(world.relay, c->script);
	fake_relay_drip(world.relay, drip);
	world.mails = &mail;
	world.mails_n = 1;
	world_connect(&world);
	world_run(&world);
	if (fake_relay_wrong(world.relay))
		fail_msg("%s: %s", c->what, fake_relay_wrong(world.relay));
	check_result(c, "connection", &world.why, c->why_stage, c->why_code, c->why_error);
	assert_int_equal(world.closed, 1);
	if (mail.dones != (never_sent ? 0 : 1) || world.waited_ms != c->waited_ms)
		fail_msg("%s: done %u times, after %lld ms", c->what, mail.dones, (long long)world.waited_ms);
	if (!never_sent) {
		check_result(c, "mail", &mail.result, c->stage, c->code, c->error);
		check_result(c, "recipient", &mail.rcpts[0].result, c->stage, c->code, c->error);
		if (mail.result.outcome != c->outcome || mail.rcpts[0].result.outcome != c->outcome)
			fail_msg("%s: %s", c->what, smtp_outcome_name(mail.result.outcome));
	}
	if (mail.starts)
		assert_string_equal(fake_relay_data(world.relay), MAIL_WIRE);
	assert_true(strlen(world.why.text) > 0 || world.why.stage == SMTP_STAGE_QUIT);
	world_close(&world);
	assert_int_equal(mail.dones, never_sent ? 0 : 1);
}

static void test_one_mail(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		run_case(&cases[i], false);
}

/* The same, with every reply octet by octet; not where a reply is early by standing in one segment with
 * another, or is made to be long. */
static void test_one_mail_octet_by_octet(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool big = false;
		for (size_t step = 0; cases[i].script[step]; step++)
			big |= cases[i].script[step][0] == 'V' ||
			       (cases[i].script[step][0] == 'B' && strchr(cases[i].script[step], '\n'));
		if (!big)
			run_case(&cases[i], true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_mail),
		cmocka_unit_test(test_one_mail_octet_by_octet),
	};
	return cmocka_run_group_tests(tests, make_certs, drop_certs);
}
