/*
 * What the tests of the relay client share: a loop with a fake relay on it, simulated time, certificates, and
 * mails that remember what became of them.
 *
 * Nothing waits for real time: the loop is turned without blocking, and when the relay hangs and nothing
 * moves any more, the clock is put to the next deadline.
 */
#ifndef SERVELO_TESTS_UNIT_OUTBOUND_FIXTURE_H
#define SERVELO_TESTS_UNIT_OUTBOUND_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "outbound/smtp_mail.h"
#include "tests/lib/fake_relay.h"
#include "tests/unit/certs/fixture.h"

#define HANG_SECONDS 5  /* real ones: a test that gets there has failed */
#define QUIET_TURNS  40 /* turns of the loop in which nothing moved */

static int64_t fake_now_ms = 1000000;

static inline int64_t fake_clock(void)
{
	return fake_now_ms;
}

/* ---- mails */

struct test_mail {
	struct smtp_mail mail;
	struct smtp_rcpt rcpts[200];
	struct str data;
	size_t at, piece; /* read() gives pieces of this size; 0: all */
	unsigned starts, dones;
	int read_error; /* read() says so after the first piece */
	struct smtp_result result;
	void (*on_done)(struct test_mail *mail, void *ctx);
	void *ctx;
};

static inline void mail_start(struct smtp_mail *base)
{
	struct test_mail *mail = CONTAINER_OF(base, struct test_mail, mail);
	mail->starts++;
	mail->at = 0;
}

static inline int mail_read(struct smtp_mail *base, struct str *ret)
{
	struct test_mail *mail = CONTAINER_OF(base, struct test_mail, mail);
	MUST(mail->starts > 0 && mail->dones == 0);
	if (mail->read_error && mail->at > 0)
		return mail->read_error;
	*ret = str_sub(mail->data, mail->at, mail->piece ? mail->at + mail->piece : mail->data.len);
	mail->at += ret->len;
	return 0;
}

static inline void mail_done(struct smtp_mail *base, const struct smtp_result *result)
{
	struct test_mail *mail = CONTAINER_OF(base, struct test_mail, mail);
	mail->dones++;
	mail->result = *result;
	if (mail->on_done)
		mail->on_done(mail, mail->ctx);
}

#define MAIL_DATA "Subject: x\r\n\r\n.hello\nbare\rend"
#define MAIL_WIRE "Subject: x\r\n\r\n..hello\r\nbare\r\nend\r\n.\r\n"

static inline void mail_init(struct test_mail *mail, const char *rcpt)
{
	memset(mail, 0, sizeof(*mail));
	list_node_init(&mail->mail.link);
	mail->mail.reverse_path = (struct mailaddr){STR("bounce+x"), STR("serveloapp.com")};
	mail->mail.rcpts = mail->rcpts;
	mail->mail.rcpts_n = 1;
	mail->rcpts[0].address = (struct mailaddr){str_from(rcpt), STR("c.example")};
	mail->mail.start = mail_start;
	mail->mail.read = mail_read;
	mail->mail.done = mail_done;
	mail->data = STR(MAIL_DATA);
}

static inline void mail_add_rcpt(struct test_mail *mail, const char *rcpt)
{
	MUST(mail->mail.rcpts_n < ARRAY_SIZE(mail->rcpts));
	mail->rcpts[mail->mail.rcpts_n++].address = (struct mailaddr){str_from(rcpt), STR("c.example")};
}

/* ---- certificates of relays */

static char *certs_dir;
static struct certs *relay_certs, *self_signed_certs;
static struct tls_client *tls_trusting, *tls_of_another_ca;

static inline struct certs *load_certs(const char *name)
{
	struct conf_fixture conf;
	struct conf_error error;
	struct certs *certs = NULL;
	conf_init(&conf);
	conf_add(&conf, certs_dir, "", name);
	MUST(certs_load(&certs, &conf.conf, &error) == 0);
	conf_done(&conf);
	return certs;
}

static inline struct tls_client *trust(const char *name)
{
	struct tls_client *client = NULL;
	struct conf_error error;
	char *path = file_in(certs_dir, name, "pem");
	MUST(tls_client_open(&client, &(struct tls_client_conf){.ca_file = path, .verify = true}, &error) ==
	     0);
	free(path);
	return client;
}

static inline void make_ca(struct test_ca *ca, const char *name)
{
	ca_init(ca, name);
	char *path = file_in(certs_dir, name, "pem");
	write_cert(path, ca->cert);
	free(path);
}

/* relay.example and 127.0.0.1 by a CA; other.example by the same; a self-signed one by the script of certs/.
 * */
static inline int make_certs(void **state)
{
	static const struct leaf_spec leaf = {"relay", KEY_ECDSA, "DNS:relay.example,IP:127.0.0.1", -3600,
					      86400};
	struct test_ca ca, other;
	(void)state;
	certs_dir = make_dir();
	make_ca(&ca, "ca");
	make_ca(&other, "other-ca");
	write_leaf(certs_dir, &ca, &leaf);
	char *command = xasprintf("sh '%s/certs/make-dev-certs.sh' '%s' relay.example >/dev/null 2>&1",
				  SERVELO_SOURCE_DIR, certs_dir);
	MUST(system(command) == 0);
	free(command);
	relay_certs = load_certs("relay");
	self_signed_certs = load_certs("ecdsa");
	tls_trusting = trust("ca");
	tls_of_another_ca = trust("other-ca");
	ca_done(&ca);
	ca_done(&other);
	clock_replace(fake_clock, fake_clock);
	return 0;
}

static inline int drop_certs(void **state)
{
	(void)state;
	clock_replace(NULL, NULL);
	certs_unref(relay_certs);
	certs_unref(self_signed_certs);
	tls_client_close(tls_trusting);
	tls_client_close(tls_of_another_ca);
	remove_dir(certs_dir);
	return 0;
}

/* ---- the loop */

static inline void must_not_hang(uint64_t started)
{
	if (uv_hrtime() - started > (uint64_t)HANG_SECONDS * 1000000000)
		fail_msg("nothing moves any more");
}

static inline void close_loop(uv_loop_t *loop)
{
	uint64_t started = uv_hrtime();
	while (uv_run(loop, UV_RUN_NOWAIT) != 0)
		must_not_hang(started);
	MUST(uv_loop_close(loop) == 0);
}

#endif
