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
	static const struct smtp_client_events events = {on_ready, on_closed, NULL};
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

/* ---- several of them */

static void check_world(struct world *world)
{
	if (fake_relay_wrong(world->relay))
		fail_msg("%s", fake_relay_wrong(world->relay));
	assert_int_equal(world->closed, 1);
	for (size_t i = 0; i < world->mails_n; i++)
		assert_int_equal(world->mails[i].dones, i < world->sent ? 1 : 0);
}

/* All of it: the relay says its part, the client sends these mails and goes, and nothing was said out of turn. */
static void world_send(struct world *world, const char *const *script, struct test_mail *mails, size_t n)
{
	fake_relay_script(world->relay, script);
	world->mails = mails;
	world->mails_n = n;
	world_connect(world);
	world_run(world);
	check_world(world);
}

static void test_many_mails(void **state)
{
	(void)state;
	static const char *const script[] = {HELLO, ENVELOPE, OK, OK, GO, "D", "S 250 first",
					     /* refused ones need a RSET between, and stop nothing */
					     ENVELOPE, OK, "S 550 5.1.1 unknown", "S 554 no", "C RSET", OK,
					     ENVELOPE, "S 451 later", "S 503 no", "S 503 no", "C RSET", OK,
					     ENVELOPE, OK, OK, GO, "D", "S 554 spam", ENVELOPE, OK, OK, GO,
					     "D", "S 250 last", QUIT, NULL};
	static const enum smtp_outcome want[] = {SMTP_DELIVERED, SMTP_FAILED, SMTP_DEFERRED, SMTP_FAILED,
						 SMTP_DELIVERED};
	struct test_mail mails[5];
	struct world world;
	for (size_t i = 0; i < 5; i++)
		mail_init(&mails[i], "a");
	world_open(&world, NULL);
	world_send(&world, script, mails, 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(mails[i].result.outcome, want[i]);
	assert_string_equal(mails[0].result.text, "first");
	assert_string_equal(mails[4].result.text, "last");
	assert_int_equal(fake_relay_counts(world.relay).accepted, 1);
	world_close(&world);
}

/* Each recipient has its own reply, the mail the one with most left to do. */
static void test_several_recipients(void **state)
{
	(void)state;
	static const char *const pipelined[] = {HELLO,
						FROM,
						TO,
						"C RCPT TO:<b@c.example>",
						"C RCPT TO:<c@c.example>",
						"C RCPT TO:<d@c.example>",
						"C DATA",
						OK,
						"S 250 yes",
						"S 550 5.1.1 b",
						"S 450 4.2.1 c",
						"S 552 5.5.3 too many",
						GO,
						"D",
						"S 250 2.0.0 taken",
						QUIT,
						NULL};
	static const char *const one_by_one[] = {PLAIN_HELLO,
						 FROM,
						 OK,
						 TO,
						 "S 250 yes",
						 "C RCPT TO:<b@c.example>",
						 "S 550 5.1.1 b",
						 "E",
						 "C RCPT TO:<c@c.example>",
						 "S 450 4.2.1 c",
						 "C RCPT TO:<d@c.example>",
						 "S 552 5.5.3 too many",
						 "C DATA",
						 GO,
						 "D",
						 "S 250 2.0.0 taken",
						 QUIT,
						 NULL};
	static const char *const *const scripts[] = {pipelined, one_by_one};
	static const struct {
		enum smtp_outcome outcome;
		enum smtp_stage stage;
		int code, subject, detail;
	} want[] = {{SMTP_DELIVERED, SMTP_STAGE_END, 250, 0, 0},
		    {SMTP_FAILED, SMTP_STAGE_RCPT, 550, 1, 1},
		    {SMTP_DEFERRED, SMTP_STAGE_RCPT, 450, 2, 1},
		    {SMTP_DEFERRED, SMTP_STAGE_RCPT, 552, 5, 3}};
	for (size_t s = 0; s < ARRAY_SIZE(scripts); s++) {
		struct test_mail mail;
		struct world world;
		mail_init(&mail, "a");
		mail_add_rcpt(&mail, "b");
		mail_add_rcpt(&mail, "c");
		mail_add_rcpt(&mail, "d");
		world_open(&world, NULL);
		world_send(&world, scripts[s], &mail, 1);
		for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
			const struct smtp_result *got = &mail.rcpts[i].result;
			assert_int_equal(got->outcome, want[i].outcome);
			assert_int_equal(got->stage, want[i].stage);
			assert_int_equal(got->code, want[i].code);
			assert_int_equal(got->subject, want[i].subject);
			assert_int_equal(got->detail, want[i].detail);
		}
		assert_int_equal(mail.result.outcome, SMTP_DEFERRED);
		assert_int_equal(mail.result.code, 450);
		world_close(&world);
	}
}

/* What was decided stays decided when the connection goes afterwards. */
static void test_lost_with_some_refused(void **state)
{
	(void)state;
	static const char *const script[] = {HELLO,    FROM, TO,  "C RCPT TO:<b@c.example>",
					     "C DATA", OK,   OK,  "S 550 5.1.1 b",
					     GO,       "D",  "X", NULL};
	struct test_mail mail;
	struct world world;
	mail_init(&mail, "a");
	mail_add_rcpt(&mail, "b");
	world_open(&world, NULL);
	world_send(&world, script, &mail, 1);
	assert_int_equal(mail.rcpts[0].result.outcome, SMTP_UNKNOWN);
	assert_int_equal(mail.rcpts[1].result.outcome, SMTP_FAILED);
	assert_int_equal(mail.result.outcome, SMTP_UNKNOWN);
	world_close(&world);
}

/* More recipients than commands may be under way: the rest follows as replies come. */
static void test_window(void **state)
{
	(void)state;
	static char lines[400][40];
	static const char *script[500];
	struct test_mail mail;
	struct world world;
	size_t n = 0, line = 0;
	const char *const hello[] = {HELLO, FROM};
	for (size_t i = 0; i < ARRAY_SIZE(hello); i++)
		script[n++] = hello[i];
	mail_init(&mail, "r000");
	for (size_t i = 0; i < ARRAY_SIZE(mail.rcpts); i++) {
		snprintf(lines[line], sizeof(lines[line]), "C RCPT TO:<r%03zu@c.example>", i);
		if (i > 0)
			mail_add_rcpt(&mail, "");
		mail.rcpts[i].address.local = (struct str){lines[line] + 11, 4};
		if (i == 99) /* MAIL and 99 recipients are out, and not one more */
			script[n++] = "E";
		if (i >= 99)
			script[n++] = OK;
		script[n++] = lines[line++];
	}
	for (size_t i = 0; i < 101; i++)
		script[n++] = i == 1 ? "C DATA" : OK;
	const char *const rest[] = {GO, "D", OK, QUIT};
	for (size_t i = 0; i < ARRAY_SIZE(rest); i++)
		script[n++] = rest[i];
	world_open(&world, NULL);
	world_send(&world, script, &mail, 1);
	assert_int_equal(mail.result.outcome, SMTP_DELIVERED);
	world_close(&world);
}

/* ---- what the relay can do, and what the mail needs */

static void test_needs(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		const char *script[24];
		bool eight_bit, utf8, utf8_rcpt, null_path;
		int64_t size;
		enum smtp_outcome outcome;
		int code, subject, detail;
	} table[] = {
		{"SIZE is said",
		 {GREET, EHLO, "S 250-r", "S 250 SIZE 1000", "C MAIL FROM:<bounce+x@serveloapp.com> SIZE=29",
		  OK, TO, OK, "C DATA", GO, "D", OK, QUIT},
		 .size = 29,
		 .outcome = SMTP_DELIVERED,
		 .code = 250},
		{"SIZE is not offered",
		 {PLAIN_HELLO, FROM, OK, TO, OK, "C DATA", GO, "D", OK, QUIT},
		 .size = 29,
		 .outcome = SMTP_DELIVERED,
		 .code = 250},
		{"just as large as it may be",
		 {GREET, EHLO, "S 250-r", "S 250 SIZE 29", "C MAIL FROM:<bounce+x@serveloapp.com> SIZE=29",
		  OK, TO, OK, "C DATA", GO, "D", OK, QUIT},
		 .size = 29,
		 .outcome = SMTP_DELIVERED,
		 .code = 250},
		{"too large",
		 {GREET, EHLO, "S 250-r", "S 250 SIZE 28", QUIT},
		 .size = 29,
		 .outcome = SMTP_FAILED,
		 .code = 552,
		 .subject = 3,
		 .detail = 4},
		{"8BITMIME is said",
		 {GREET, EHLO, "S 250-r", "S 250 8BITMIME",
		  "C MAIL FROM:<bounce+x@serveloapp.com> BODY=8BITMIME", OK, TO, OK, "C DATA", GO, "D", OK,
		  QUIT},
		 .eight_bit = true,
		 .outcome = SMTP_DELIVERED,
		 .code = 250},
		{"8BITMIME only when needed",
		 {GREET, EHLO, "S 250-r", "S 250 8BITMIME", FROM, OK, TO, OK, "C DATA", GO, "D", OK, QUIT},
		 .outcome = SMTP_DELIVERED,
		 .code = 250},
		{"8BITMIME is not offered",
		 {PLAIN_HELLO, QUIT},
		 .eight_bit = true,
		 .outcome = SMTP_FAILED,
		 .code = 554,
		 .subject = 6,
		 .detail = 3},
		{"SMTPUTF8 is said",
		 {GREET, EHLO, "S 250-r", "S 250-8BITMIME", "S 250 SMTPUTF8",
		  "C MAIL FROM:<bounce+x@serveloapp.com> BODY=8BITMIME SMTPUTF8", OK, TO, OK, "C DATA", GO,
		  "D", OK, QUIT},
		 .utf8 = true,
		 .outcome = SMTP_DELIVERED,
		 .code = 250},
		{"SMTPUTF8 for an address",
		 {GREET, EHLO, "S 250-r", "S 250 SMTPUTF8", "C MAIL FROM:<bounce+x@serveloapp.com> SMTPUTF8",
		  OK, "C RCPT TO:<j\xc3\xb6rg@c.example>", OK, "C DATA", GO, "D", OK, QUIT},
		 .utf8_rcpt = true,
		 .outcome = SMTP_DELIVERED,
		 .code = 250},
		{"SMTPUTF8 is not offered",
		 {PLAIN_HELLO, QUIT},
		 .utf8_rcpt = true,
		 .outcome = SMTP_FAILED,
		 .code = 553,
		 .subject = 6,
		 .detail = 7},
		{"a null reverse-path",
		 {PLAIN_HELLO, "C MAIL FROM:<>", OK, TO, OK, "C DATA", GO, "D", OK, QUIT},
		 .null_path = true,
		 .outcome = SMTP_DELIVERED,
		 .code = 250},
	};
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct test_mail mail;
		struct world world;
		mail_init(&mail, table[i].utf8_rcpt ? "j\xc3\xb6rg" : "a");
		mail.mail.eight_bit = table[i].eight_bit;
		mail.mail.utf8 = table[i].utf8;
		mail.mail.size = table[i].size;
		if (table[i].null_path)
			mail.mail.reverse_path = (struct mailaddr){STR(""), STR("")};
		world_open(&world, NULL);
		fake_relay_script(world.relay, table[i].script);
		world.mails = &mail;
		world.mails_n = 1;
		world_connect(&world);
		world_run(&world);
		if (fake_relay_wrong(world.relay))
			fail_msg("%s: %s", table[i].what, fake_relay_wrong(world.relay));
		check_world(&world);
		if (mail.result.outcome != table[i].outcome || mail.result.code != table[i].code ||
		    (table[i].subject &&
		     (mail.result.subject != table[i].subject || mail.result.detail != table[i].detail)))
			fail_msg("%s: %s %d \"%s\"", table[i].what, smtp_outcome_name(mail.result.outcome),
				 mail.result.code, mail.result.text);
		world_close(&world);
	}
}

/* Command injection: such an address fails here, alone, and not an octet of it leaves. */
static void test_addresses_that_never_leave(void **state)
{
	(void)state;
	static const struct mailaddr bad[] = {
		{STR_INIT("a\r\nRCPT TO:<evil"), STR_INIT("c.example")},
		{STR_INIT("a\n"), STR_INIT("c.example")},
		{STR_INIT("a\r"), STR_INIT("c.example")},
		{STR_INIT("a\0b"), STR_INIT("c.example")},
		{STR_INIT("a\x7f"), STR_INIT("c.example")},
		{STR_INIT("a\x01"), STR_INIT("c.example")},
		{STR_INIT("a>"), STR_INIT("c.example")},
		{STR_INIT("<a"), STR_INIT("c.example")},
		{STR_INIT("a"), STR_INIT("c.example>\r\nDATA")},
		{STR_INIT("a"), STR_INIT("c.example> SIZE=1")},
		{STR_INIT("a"), STR_INIT("c example")},
		{STR_INIT("a"), STR_INIT("c\0example")},
		{STR_INIT("a"), STR_INIT("[127.0.0.1]>")},
		{STR_INIT("a"), STR_INIT("")},
		{STR_INIT(""), STR_INIT("c.example")},
		{STR_INIT(""), STR_INIT("")},
		{STR_INIT("a\xff"), STR_INIT("c.example")},
		{STR_INIT("0123456789012345678901234567890123456789012345678901234567890123x"),
		 STR_INIT("c.example")},
	};
	static const char *const script[] = {PLAIN_HELLO, "C MAIL *", OK, TO,       OK,  "C DATA",
					     GO,          "D",        OK, "C QUIT", NULL};
	static const char *const silent[] = {GREET, EHLO, "S 250-r", "S 250 SMTPUTF8", "C QUIT", NULL};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		/* as one recipient of two, as the only one, as the reverse-path */
		for (unsigned place = 0; place < 3; place++) {
			struct test_mail mail;
			struct world world;
			if (place == 2 && mailaddr_is_null(&bad[i]))
				continue;
			mail_init(&mail, "a");
			if (place == 0)
				mail_add_rcpt(&mail, "");
			if (place == 2)
				mail.mail.reverse_path = bad[i];
			else
				mail.rcpts[place == 0].address = bad[i];
			bool eight_bit = bad[i].local.len == 2 && bad[i].local.ptr[1] == '\xff';
			if (place == 0 && eight_bit)
				continue; /* the whole mail would need SMTPUTF8 */
			world_open(&world, NULL);
			world_send(&world, place == 0 ? script : silent, &mail, 1);
			const struct smtp_result *result = &mail.rcpts[place == 0].result;
			if (result->outcome != SMTP_FAILED || result->code != 553 || result->subject != 1)
				fail_msg("address %zu at %u: %d \"%s\"", i, place, result->code,
					 result->text);
			if (place == 0)
				assert_int_equal(mail.rcpts[0].result.outcome, SMTP_DELIVERED);
			world_close(&world);
		}
	}
}

/* A local-part that needs quotes gets them. */
static void test_quoted_local_part(void **state)
{
	(void)state;
	static const char *const script[] = {PLAIN_HELLO, FROM,     OK,  "C RCPT TO:<\"a b\"@c.example>",
					     OK,          "C DATA", GO,  "D",
					     OK,          QUIT,     NULL};
	struct test_mail mail;
	struct world world;
	mail_init(&mail, "a b");
	world_open(&world, NULL);
	world_send(&world, script, &mail, 1);
	assert_int_equal(mail.result.outcome, SMTP_DELIVERED);
	world_close(&world);
}

/* ---- mail data */

static void test_big_mail(void **state)
{
	(void)state;
	static const char *const script[] = {HELLO, ENVELOPE, OK, OK, GO, "D", OK, QUIT, NULL};
	static const size_t pieces[] = {0, 1000, 65536};
	size_t size = (size_t)4 * 1024 * 1024;
	char *data = xmalloc(size);
	for (size_t i = 0; i < size; i++)
		data[i] = i % 78 == 77 ? '\n' : i % 78 == 0 ? '.' : (char)('a' + i % 26);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		struct test_mail mail;
		struct world world;
		mail_init(&mail, "a");
		mail.data = (struct str){data, size};
		mail.piece = pieces[i];
		world_open(&world, NULL);
		world_send(&world, script, &mail, 1);
		assert_int_equal(mail.result.outcome, SMTP_DELIVERED);
		size_t lines = size / 78 + 1; /* each has a dot and a CR more */
		assert_int_equal(fake_relay_data_len(world.relay), size + 2 * lines + 1 + 3);
		world_close(&world);
	}
	free(data);
}

/* A relay that takes no mail data: memory stays, time goes, and the mail is deferred, for its end never left.
 * */
static void test_relay_that_does_not_read(void **state)
{
	(void)state;
	static const char *const script[] = {HELLO, ENVELOPE, OK, OK, GO, "P", "H", NULL};
	size_t size = (size_t)32 * 1024 * 1024;
	char *data = xcalloc(size, 1);
	struct test_mail mail;
	struct world world;
	mail_init(&mail, "a");
	mail.data = (struct str){data, size};
	mail.piece = 100000;
	world_open(&world, NULL);
	world_send(&world, script, &mail, 1);
	assert_int_equal(mail.result.outcome, SMTP_DEFERRED);
	assert_int_equal(mail.result.stage, SMTP_STAGE_BODY);
	assert_int_equal(mail.result.error, -ETIMEDOUT);
	assert_int_equal(world.waited_ms, T_BLOCK);
	assert_true(mail.at < size / 2); /* the rest was not even asked for */
	world_close(&world);
	free(data);
}

/* It says no, and closes, in the midst of mail data. */
static void test_no_in_the_midst_of_data(void **state)
{
	(void)state;
	static const struct {
		const char *script[24];
		enum smtp_outcome outcome;
		int code, error;
	} table[] = {
		{{HELLO, ENVELOPE, OK, OK, GO, "C Subject: x", "S 552 5.3.4 too big", "H"},
		 SMTP_FAILED,
		 552,
		 0},
		{{HELLO, ENVELOPE, OK, OK, GO, "C Subject: x", "S 452 4.3.1 disk", "H"},
		 SMTP_DEFERRED,
		 452,
		 0},
		{{HELLO, ENVELOPE, OK, OK, GO, "C Subject: x", "S 421 bye", "H"}, SMTP_DEFERRED, 421, 0},
		{{HELLO, ENVELOPE, OK, OK, GO, "C Subject: x", "S 250 queued", "H"},
		 SMTP_DEFERRED,
		 0,
		 -EPROTO},
		{{HELLO, ENVELOPE, OK, OK, GO, "C Subject: x", "X"}, SMTP_DEFERRED, 0, -ECONNRESET},
	};
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct test_mail mail;
		struct world world;
		mail_init(&mail, "a");
		mail.piece = 14;
		mail.read_error = -EAGAIN; /* so that it does not end */
		world_open(&world, NULL);
		world_send(&world, table[i].script, &mail, 1);
		assert_int_equal(mail.result.outcome, table[i].outcome);
		assert_int_equal(mail.result.stage, SMTP_STAGE_BODY);
		assert_int_equal(mail.result.code, table[i].code);
		assert_int_equal(mail.result.error, table[i].error);
		world_close(&world);
	}
}

/* A DATA can be taken back by closing only: the relay must not see an end. */
static void test_source_that_fails(void **state)
{
	(void)state;
	static const char *const script[] = {HELLO, ENVELOPE, OK, OK, GO, "D", OK, "H", NULL};
	struct test_mail mail;
	struct world world;
	mail_init(&mail, "a");
	mail.piece = 5;
	mail.read_error = -EIO;
	world_open(&world, NULL);
	world_send(&world, script, &mail, 1);
	assert_int_equal(mail.result.outcome, SMTP_DEFERRED);
	assert_int_equal(mail.result.error, -EIO);
	assert_int_equal(fake_relay_counts(world.relay).mails, 0);
	world_close(&world);
}

static void test_source_that_pauses(void **state)
{
	(void)state;
	static const char *const script[] = {HELLO, ENVELOPE, OK, OK, GO, "D", OK, QUIT, NULL};
	struct test_mail mail;
	struct world world;
	mail_init(&mail, "a");
	mail.piece = 5;
	mail.read_error = -EAGAIN;
	world_open(&world, NULL);
	fake_relay_script(world.relay, script);
	world.mails = &mail;
	world.mails_n = 1;
	world_connect(&world);
	for (unsigned i = 0; i < 200; i++)
		turn(&world);
	assert_int_equal(mail.at, 5);
	assert_int_equal(mail.dones, 0);
	mail.read_error = 0;
	smtp_client_data_ready(world.client);
	world_run(&world);
	check_world(&world);
	assert_int_equal(mail.result.outcome, SMTP_DELIVERED);
	assert_string_equal(fake_relay_data(world.relay), MAIL_WIRE);
	world_close(&world);
}

/* ---- TLS */

#define TLS_OFFER   GREET, EHLO, "S 250-r", "S 250 STARTTLS", "C STARTTLS"
#define IN_TLS_MAIL FROM, OK, TO, OK, "C DATA", GO, "D", OK, QUIT

static void test_tls(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		const char *script[24];
		enum smtp_tls tls;
		const char *host;
		bool other_ca, self_signed;
		bool delivered;
		enum smtp_stage stage; /* how it ended */
		int code, error;
		int64_t waited_ms;
	} table[] = {
		{"STARTTLS",
		 {TLS_OFFER, "S 220 go", "T", EHLO, "S 250 r", IN_TLS_MAIL},
		 SMTP_TLS_STARTTLS,
		 "relay.example",
		 .delivered = true,
		 .stage = AT(QUIT)},
		{"implicit",
		 {"T", GREET, EHLO, "S 250 r", IN_TLS_MAIL},
		 SMTP_TLS_IMPLICIT,
		 "relay.example",
		 .delivered = true,
		 .stage = AT(QUIT)},
		{"by address",
		 {"T", GREET, EHLO, "S 250 r", IN_TLS_MAIL},
		 SMTP_TLS_IMPLICIT,
		 "127.0.0.1",
		 .delivered = true,
		 .stage = AT(QUIT)},
		{"implicit, and HELO",
		 {"T", GREET, EHLO, "S 502 what?", "C HELO client.example", "S 250 r", IN_TLS_MAIL},
		 SMTP_TLS_IMPLICIT,
		 "relay.example",
		 .delivered = true,
		 .stage = AT(QUIT)},
		{"capabilities are asked anew",
		 {GREET, EHLO, "S 250-r", "S 250-PIPELINING", "S 250-SIZE 1", "S 250 STARTTLS", "C STARTTLS",
		  "S 220 go", "T", EHLO, "S 250 r", IN_TLS_MAIL},
		 SMTP_TLS_STARTTLS,
		 "relay.example",
		 .delivered = true,
		 .stage = AT(QUIT)},
		/* T2: what stands behind the 220 in clear is dropped, and not taken for the reply to EHLO */
		{"replies injected behind the 220",
		 {TLS_OFFER, "B 220 go\r\n250-evil\r\n250 PIPELINING\r\n250 ok\r\n", "T", EHLO, "S 250 r",
		  IN_TLS_MAIL},
		 SMTP_TLS_STARTTLS,
		 "relay.example",
		 .delivered = true,
		 .stage = AT(QUIT)},
		{"half a reply injected behind the 220",
		 {TLS_OFFER, "B 220 go\r\n250-ev", "T", EHLO, "S 250 r", IN_TLS_MAIL},
		 SMTP_TLS_STARTTLS,
		 "relay.example",
		 .delivered = true,
		 .stage = AT(QUIT)},
		{"goes on in clear",
		 {TLS_OFFER, "S 220 go", "W", "S 250 r"},
		 SMTP_TLS_STARTTLS,
		 "relay.example",
		 .stage = AT(TLS),
		 .error = -EPROTO},
		{"STARTTLS is not offered",
		 {PLAIN_HELLO},
		 SMTP_TLS_STARTTLS,
		 "relay.example",
		 .stage = AT(STARTTLS),
		 .error = -EPROTONOSUPPORT},
		{"STARTTLS needs EHLO",
		 {GREET, EHLO, "S 502 what?"},
		 SMTP_TLS_STARTTLS,
		 "relay.example",
		 .stage = AT(EHLO),
		 .code = 502},
		{"STARTTLS is refused",
		 {TLS_OFFER, "S 454 4.7.0 not now"},
		 SMTP_TLS_STARTTLS,
		 "relay.example",
		 .stage = AT(STARTTLS),
		 .code = 454},
		{"250 for STARTTLS",
		 {TLS_OFFER, "S 250 ok"},
		 SMTP_TLS_STARTTLS,
		 "relay.example",
		 .stage = AT(STARTTLS),
		 .code = 250,
		 .error = -EPROTO},
		{"hangs in the handshake",
		 {TLS_OFFER, "S 220 go", "H"},
		 SMTP_TLS_STARTTLS,
		 "relay.example",
		 .stage = AT(TLS),
		 .error = -ETIMEDOUT,
		 .waited_ms = T_TLS},
		{"closed in the handshake",
		 {TLS_OFFER, "S 220 go", "X"},
		 SMTP_TLS_STARTTLS,
		 "relay.example",
		 .stage = AT(TLS),
		 .error = -ECONNRESET},
		{"wrong host name",
		 {"T", GREET},
		 SMTP_TLS_IMPLICIT,
		 "other.example",
		 .stage = AT(TLS),
		 .error = -EPROTO},
		{"wrong host name, STARTTLS",
		 {TLS_OFFER, "S 220 go", "T"},
		 SMTP_TLS_STARTTLS,
		 "other.example",
		 .stage = AT(TLS),
		 .error = -EPROTO},
		{"another CA",
		 {"T", GREET},
		 SMTP_TLS_IMPLICIT,
		 "relay.example",
		 .other_ca = true,
		 .stage = AT(TLS),
		 .error = -EPROTO},
		{"self-signed",
		 {"T", GREET},
		 SMTP_TLS_IMPLICIT,
		 "relay.example",
		 .self_signed = true,
		 .stage = AT(TLS),
		 .error = -EPROTO},
		{"speaks in clear on the TLS port",
		 {GREET},
		 SMTP_TLS_IMPLICIT,
		 "relay.example",
		 .stage = AT(TLS),
		 .error = -EPROTO},
		{"no host to verify",
		 {"T", GREET},
		 SMTP_TLS_IMPLICIT,
		 "",
		 .stage = AT(TLS),
		 .error = -EINVAL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct test_mail mail;
		struct world world;
		mail_init(&mail, "a");
		world_open(&world, table[i].self_signed ? self_signed_certs : relay_certs);
		fake_relay_script(world.relay, table[i].script);
		world.conf.tls = table[i].tls;
		world.conf.host = table[i].host;
		world.conf.tls_client = table[i].other_ca ? tls_of_another_ca : tls_trusting;
		world.mails = &mail;
		world.mails_n = 1;
		world_connect(&world);
		world_run(&world);
		if (fake_relay_wrong(world.relay) || world.why.stage != table[i].stage ||
		    world.why.code != table[i].code || world.why.error != table[i].error ||
		    world.waited_ms != table[i].waited_ms)
			fail_msg("%s: %s: %s code=%d error=%d \"%s\"", table[i].what,
				 fake_relay_wrong(world.relay), smtp_stage_name(world.why.stage),
				 world.why.code, world.why.error, world.why.text);
		assert_int_equal(mail.dones, table[i].delivered);
		if (table[i].delivered) {
			assert_int_equal(mail.result.outcome, SMTP_DELIVERED);
			assert_string_equal(fake_relay_data(world.relay), MAIL_WIRE);
		}
		world_close(&world);
	}
}

/* ---- AUTH */

static void test_auth(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		const char *script[20];
		unsigned wanted;
		bool ready;
		enum smtp_stage stage;
		int code, error;
	} table[] = {
		{"PLAIN",
		 {"S 250-r", "S 250 AUTH LOGIN PLAIN", "C AUTH PLAIN AGpvZQBzZWNyZXQ=", "S 235 ok", QUIT},
		 AUTH_PLAIN | AUTH_LOGIN,
		 true,
		 AT(QUIT),
		 0,
		 0},
		{"LOGIN",
		 {"S 250-r", "S 250 AUTH LOGIN", "C AUTH LOGIN", "S 334 VXNlcm5hbWU6", "C am9l",
		  "S 334 UGFzc3dvcmQ6", "C c2VjcmV0", "S 235 ok", QUIT},
		 AUTH_PLAIN | AUTH_LOGIN,
		 true,
		 AT(QUIT),
		 0,
		 0},
		{"XOAUTH2",
		 {"S 250-r", "S 250 AUTH PLAIN XOAUTH2",
		  "C AUTH XOAUTH2 dXNlcj1qb2UBYXV0aD1CZWFyZXIgc2VjcmV0AQE=", "S 235 ok", QUIT},
		 AUTH_XOAUTH2,
		 true,
		 AT(QUIT),
		 0,
		 0},
		{"XOAUTH2, refused",
		 {"S 250-r", "S 250 AUTH XOAUTH2", "C AUTH XOAUTH2 *", "S 334 eyJzdGF0dXMiOiI0MDEifQ==", "C ",
		  "S 535 5.7.8 no"},
		 AUTH_XOAUTH2,
		 false,
		 AT(AUTH),
		 535,
		 0},
		{"wrong password",
		 {"S 250-r", "S 250 AUTH PLAIN", "C AUTH PLAIN *", "S 535 5.7.8 no"},
		 AUTH_PLAIN,
		 false,
		 AT(AUTH),
		 535,
		 0},
		{"not now",
		 {"S 250-r", "S 250 AUTH PLAIN", "C AUTH PLAIN *", "S 454 4.7.0 later"},
		 AUTH_PLAIN,
		 false,
		 AT(AUTH),
		 454,
		 0},
		{"not offered", {"S 250-r", "S 250 SIZE"}, AUTH_PLAIN, false, AT(AUTH), 0, -EPROTONOSUPPORT},
		{"only another",
		 {"S 250-r", "S 250 AUTH CRAM-MD5 XOAUTH2"},
		 AUTH_PLAIN | AUTH_LOGIN,
		 false,
		 AT(AUTH),
		 0,
		 -EPROTONOSUPPORT},
		{"no EHLO", {"S 502 what?"}, AUTH_PLAIN, false, AT(EHLO), 502, 0},
		{"asks and asks",
		 {"S 250-r", "S 250 AUTH LOGIN", "C AUTH LOGIN", "S 334 ", "C *", "S 334 ", "C *", "S 334 "},
		 AUTH_LOGIN,
		 false,
		 AT(AUTH),
		 0,
		 -EPROTO},
		{"354 to AUTH",
		 {"S 250-r", "S 250 AUTH PLAIN", "C AUTH PLAIN *", "S 354 go"},
		 AUTH_PLAIN,
		 false,
		 AT(AUTH),
		 354,
		 -EPROTO},
	};
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		/* in clear to loopback; under STARTTLS and implicit TLS, as everywhere else */
		for (enum smtp_tls tls = SMTP_TLS_STARTTLS; tls <= SMTP_TLS_NONE; tls++) {
			static const char *const starts[][8] = {
				[SMTP_TLS_STARTTLS] = {TLS_OFFER, "S 220 go", "T", EHLO},
				[SMTP_TLS_IMPLICIT] = {"T", GREET, EHLO},
				[SMTP_TLS_NONE] = {GREET, EHLO},
			};
			const char *script[40];
			size_t n = 0;
			struct world world;
			for (size_t s = 0; s < 8 && starts[tls][s]; s++)
				script[n++] = starts[tls][s];
			for (size_t s = 0; table[i].script[s]; s++)
				script[n++] = table[i].script[s];
			script[n] = NULL;
			world_open(&world, relay_certs);
			fake_relay_script(world.relay, script);
			world.conf.tls = tls;
			world.conf.user = "joe";
			world.conf.password = "secret";
			world.conf.auth = table[i].wanted;
			if (i == 8 && tls == SMTP_TLS_STARTTLS) { /* EHLO is known there already */
				world_close(&world);
				continue;
			}
			world_connect(&world);
			world_run(&world);
			if (fake_relay_wrong(world.relay) || world.why.stage != table[i].stage ||
			    world.why.code != table[i].code || world.why.error != table[i].error ||
			    (world.ready > 0) != table[i].ready)
				fail_msg("%s, tls %d: %s: %s code=%d error=%d \"%s\"", table[i].what,
					 (int)tls, fake_relay_wrong(world.relay),
					 smtp_stage_name(world.why.stage), world.why.code, world.why.error,
					 world.why.text);
			assert_null(strstr(world.why.text, "secret"));
			world_close(&world);
		}
	}
}

/* ---- addresses of the relay */

static struct sockaddr_storage ip4(const char *ip, int port)
{
	struct sockaddr_storage address = {0};
	MUST(uv_ip4_addr(ip, port, (struct sockaddr_in *)&address) == 0);
	return address;
}

/* A port where nobody listens. */
static struct sockaddr_storage dead_address(void)
{
	struct sockaddr_storage address = ip4("127.0.0.1", 0);
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	MUST(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(struct sockaddr_in)) == 0 &&
	     getsockname(fd, (struct sockaddr *)&address, &len) == 0);
	close(fd);
	return address;
}

static const struct smtp_client_events events = {on_ready, on_closed, NULL};

static void test_addresses_in_turn(void **state)
{
	(void)state;
	static const char *const script[] = {PLAIN_HELLO, QUIT, NULL};
	struct world world;
	world_open(&world, NULL);
	fake_relay_script(world.relay, script);
	const struct sockaddr_storage addresses[] = {dead_address(), dead_address(),
						     fake_relay_address(world.relay)};
	assert_int_equal(
		smtp_client_open(&world.client, &world.loop, &world.conf, addresses, 3, &events, &world), 0);
	world_run(&world);
	check_world(&world);
	assert_int_equal(world.ready, 1);
	world_close(&world);

	world_open(&world, NULL);
	assert_int_equal(
		smtp_client_open(&world.client, &world.loop, &world.conf, addresses, 2, &events, &world), 0);
	world_run(&world);
	assert_int_equal(world.why.stage, SMTP_STAGE_CONNECT);
	assert_int_equal(world.why.error, -ECONNREFUSED);
	assert_int_equal(world.ready, 0);
	world_close(&world);
}

/* A listener whose queue is full answers nothing: the deadline passes, and the next address is tried. */
static void test_address_that_hangs(void **state)
{
	(void)state;
	static const char *const script[] = {PLAIN_HELLO, QUIT, NULL};
	struct world world;
	int fillers[8];
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_storage full = ip4("127.0.0.1", 0);
	socklen_t len = sizeof(full);
	MUST(fd >= 0 && bind(fd, (struct sockaddr *)&full, sizeof(struct sockaddr_in)) == 0 &&
	     listen(fd, 0) == 0 && getsockname(fd, (struct sockaddr *)&full, &len) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(fillers); i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		int r = connect(fillers[i], (struct sockaddr *)&full, sizeof(struct sockaddr_in));
		MUST(fillers[i] >= 0 && (r == 0 || errno == EINPROGRESS));
	}
	world_open(&world, NULL);
	fake_relay_script(world.relay, script);
	const struct sockaddr_storage addresses[] = {full, fake_relay_address(world.relay)};
	assert_int_equal(
		smtp_client_open(&world.client, &world.loop, &world.conf, addresses, 2, &events, &world), 0);
	for (unsigned i = 0; i < 100; i++)
		turn(&world);
	assert_int_equal(smtp_client_deadline(world.client), fake_now_ms + T_CONNECT);
	assert_int_equal(world.ready, 0);
	fake_now_ms += T_CONNECT - 1;
	turn(&world);
	assert_int_equal(fake_relay_counts(world.relay).accepted, 0);
	fake_now_ms += 1;
	world_run(&world);
	check_world(&world);
	assert_int_equal(world.ready, 1);
	world_close(&world);
	for (size_t i = 0; i < ARRAY_SIZE(fillers); i++)
		close(fillers[i]);
	close(fd);
}

/* In clear to this machine only. */
static void test_clear_is_for_loopback(void **state)
{
	(void)state;
	struct world world;
	world_open(&world, NULL);
	const struct sockaddr_storage far[] = {ip4("192.0.2.1", 25), ip4("128.0.0.1", 25),
					       ip4("126.255.255.255", 25)};
	struct sockaddr_storage six[2] = {{0}};
	MUST(uv_ip6_addr("2001:db8::1", 25, (struct sockaddr_in6 *)&six[0]) == 0);
	MUST(uv_ip6_addr("::ffff:192.0.2.1", 25, (struct sockaddr_in6 *)&six[1]) == 0);
	assert_int_equal(smtp_client_open(&world.client, &world.loop, &world.conf, far, 3, &events, &world),
			 -EPERM);
	assert_int_equal(smtp_client_open(&world.client, &world.loop, &world.conf, six, 2, &events, &world),
			 -EPERM);
	assert_int_equal(smtp_client_open(&world.client, &world.loop, &world.conf, far, 0, &events, &world),
			 -EINVAL);
	world.conf.ehlo_name = "a b\r\nMAIL";
	assert_int_equal(smtp_client_open(&world.client, &world.loop, &world.conf, far, 3, &events, &world),
			 -EINVAL);
	assert_null(world.client);
	world_close(&world);
}

/* ---- the owner's calls */

/* Freed at any moment: the mail is done once, nobody is told that it is closed, nothing leaks. */
static void test_free_at_any_time(void **state)
{
	(void)state;
	static const char *const script[] = {TLS_OFFER, "S 220 go", "T", EHLO, "S 250 r", FROM,     OK,  TO,
					     OK,        "C DATA",   GO,  "D",  OK,        "C QUIT", NULL};
	unsigned unknown = 0, delivered = 0, deferred = 0, unsent = 0, turns = 0;
	for (bool ended = false; !ended; turns++) {
		struct test_mail mail;
		struct world world;
		mail_init(&mail, "a");
		world_open(&world, relay_certs);
		fake_relay_script(world.relay, script);
		fake_relay_drip(world.relay, true);
		world.conf.tls = SMTP_TLS_STARTTLS;
		world.mails = &mail;
		world.mails_n = 1;
		world_connect(&world);
		for (unsigned i = 0; i < turns && !world.closed; i++)
			turn(&world);
		ended = fake_relay_counts(world.relay).finished > 0;
		world.client = smtp_client_free(world.client);
		assert_int_equal(world.closed, 0);
		assert_int_equal(mail.dones, world.sent);
		unknown += mail.dones && mail.result.outcome == SMTP_UNKNOWN;
		delivered += mail.dones && mail.result.outcome == SMTP_DELIVERED;
		deferred +=
			mail.dones && mail.result.outcome == SMTP_DEFERRED && mail.result.error == -ECANCELED;
		unsent += !mail.dones;
		world_close(&world);
	}
	assert_true(unknown > 0 && delivered > 0 && deferred > 0 && unsent > 0);
	assert_int_equal(unknown + delivered + deferred + unsent, turns);
}

static void free_in_done(struct test_mail *mail, void *ctx)
{
	struct world *world = ctx;
	(void)mail;
	world->client = smtp_client_free(world->client);
}

static void test_free_in_a_callback(void **state)
{
	(void)state;
	static const char *const script[] = {HELLO, ENVELOPE, OK, OK, GO, "D", OK, NULL};
	struct test_mail mail;
	struct world world;
	mail_init(&mail, "a");
	mail.on_done = free_in_done;
	mail.ctx = &world;
	world_open(&world, NULL);
	fake_relay_script(world.relay, script);
	world.mails = &mail;
	world.mails_n = 1;
	world_connect(&world);
	uint64_t started = uv_hrtime();
	while (world.client) {
		must_not_hang(started);
		turn(&world);
	}
	assert_int_equal(mail.dones, 1);
	assert_int_equal(mail.result.outcome, SMTP_DELIVERED);
	assert_int_equal(world.closed, 0);
	world_close(&world);
}

/* An idle connection that the relay ends: told, with its words. */
static void test_idle_connection_ends(void **state)
{
	(void)state;
	static const struct {
		const char *script[8];
		int code, error;
	} table[] = {
		{{PLAIN_HELLO, "S 421 4.4.2 idle too long", "X"}, 421, 0},
		{{PLAIN_HELLO, "X"}, 0, -ECONNRESET},
		{{PLAIN_HELLO, "S 250 ok"}, 250, -EPROTO},
	};
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct world world;
		world_open(&world, NULL);
		world.keep = true;
		fake_relay_script(world.relay, table[i].script);
		fake_relay_drip(world.relay, true); /* so that it was ready before */
		world_connect(&world);
		world_run(&world);
		check_world(&world);
		assert_int_equal(world.ready, 1);
		assert_int_equal(world.why.stage, SMTP_STAGE_IDLE);
		assert_int_equal(world.why.code, table[i].code);
		assert_int_equal(world.why.error, table[i].error);
		assert_int_equal(world.why.outcome, SMTP_DEFERRED);
		world_close(&world);
	}
}

/* QUIT waits for the mail under way, and for nothing else. */
static void test_quit(void **state)
{
	(void)state;
	static const char *const script[] = {HELLO, ENVELOPE, OK, OK, GO, "D", OK, QUIT, NULL};
	struct test_mail mails[2];
	struct world world;
	mail_init(&mails[0], "a");
	mail_init(&mails[1], "a");
	world_open(&world, NULL);
	fake_relay_script(world.relay, script);
	world.mails = mails;
	world.mails_n = 2;
	world_connect(&world);
	uint64_t started = uv_hrtime();
	while (world.sent == 0) {
		must_not_hang(started);
		turn(&world);
	}
	smtp_client_quit(world.client);
	world_run(&world);
	check_world(&world);
	assert_int_equal(mails[0].result.outcome, SMTP_DELIVERED);
	assert_int_equal(world.sent, 1);
	assert_int_equal(world.why.stage, SMTP_STAGE_QUIT);
	world_close(&world);

	/* not ready yet: closed */
	static const char *const hang[] = {"H", NULL};
	world_open(&world, NULL);
	fake_relay_script(world.relay, hang);
	world_connect(&world);
	for (unsigned i = 0; i < 10; i++)
		turn(&world);
	smtp_client_quit(world.client);
	world_run(&world);
	assert_int_equal(world.closed, 1);
	assert_int_equal(world.why.stage, SMTP_STAGE_QUIT);
	assert_int_equal(world.why.error, 0);
	assert_int_equal(world.waited_ms, 0);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_mail),
		cmocka_unit_test(test_one_mail_octet_by_octet),
		cmocka_unit_test(test_many_mails),
		cmocka_unit_test(test_several_recipients),
		cmocka_unit_test(test_lost_with_some_refused),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_addresses_that_never_leave),
		cmocka_unit_test(test_quoted_local_part),
		cmocka_unit_test(test_big_mail),
		cmocka_unit_test(test_relay_that_does_not_read),
		cmocka_unit_test(test_no_in_the_midst_of_data),
		cmocka_unit_test(test_source_that_fails),
		cmocka_unit_test(test_source_that_pauses),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_auth),
		cmocka_unit_test(test_addresses_in_turn),
		cmocka_unit_test(test_address_that_hangs),
		cmocka_unit_test(test_clear_is_for_loopback),
		cmocka_unit_test(test_free_at_any_time),
		cmocka_unit_test(test_free_in_a_callback),
		cmocka_unit_test(test_idle_connection_ends),
		cmocka_unit_test(test_quit),
	};
	return cmocka_run_group_tests(tests, make_certs, drop_certs);
}
