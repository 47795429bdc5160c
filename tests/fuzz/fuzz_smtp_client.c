/*
 * The relay client against a relay that says anything: the input is what it says, cut into pieces (a 0xff
 * octet ends a turn), to a client without a socket. Whatever comes, each mail is done once and before the end
 * is told, the end is told once, and a mail is delivered only when its data were read to their end.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "outbound/smtp_client_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAILS 3

struct fuzz_mail {
	struct smtp_mail mail;
	struct smtp_rcpt rcpts[2];
	unsigned starts, ends, dones;
};

static struct fuzz_mail mails[MAILS];
static size_t sent;
static unsigned closed;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static int64_t still_clock(void)
{
	return 1000;
}

static void mail_start(struct smtp_mail *mail)
{
	struct fuzz_mail *fuzz = CONTAINER_OF(mail, struct fuzz_mail, mail);
	must(fuzz->starts++ == 0);
}

static int mail_read(struct smtp_mail *mail, struct str *ret)
{
	struct fuzz_mail *fuzz = CONTAINER_OF(mail, struct fuzz_mail, mail);
	must(fuzz->starts == 1 && fuzz->dones == 0);
	*ret = fuzz->ends++ ? (struct str){NULL, 0} : STR(".\na");
	return 0;
}

static void mail_done(struct smtp_mail *mail, const struct smtp_result *result)
{
	struct fuzz_mail *fuzz = CONTAINER_OF(mail, struct fuzz_mail, mail);
	bool delivered = false;
	must(fuzz->dones++ == 0 && closed == 0);
	must(result->outcome <= SMTP_UNKNOWN && utf8_valid(str_from(result->text)));
	for (size_t i = 0; i < mail->rcpts_n; i++) {
		delivered |= fuzz->rcpts[i].result.outcome == SMTP_DELIVERED;
		if (result->outcome == SMTP_DELIVERED)
			must(fuzz->rcpts[i].result.outcome == SMTP_DELIVERED);
	}
	if (delivered)
		must(fuzz->ends == 2);
}

static void on_ready(struct smtp_client *client, void *ctx UNUSED)
{
	must(closed == 0 && smtp_client_ready(client));
	if (sent < MAILS)
		smtp_client_send(client, &mails[sent++].mail);
	else
		smtp_client_quit(client);
}

static void on_closed(struct smtp_client *client UNUSED, const struct smtp_result *why, void *ctx UNUSED)
{
	must(closed++ == 0);
	must(utf8_valid(str_from(why->text)));
	for (size_t i = 0; i < sent; i++)
		must(mails[i].dones == 1);
}

static void make_mails(void)
{
	memset(mails, 0, sizeof(mails));
	for (size_t i = 0; i < MAILS; i++) {
		struct fuzz_mail *fuzz = &mails[i];
		fuzz->mail = (struct smtp_mail){.rcpts = fuzz->rcpts,
						.rcpts_n = 1 + i % 2,
						.start = mail_start,
						.read = mail_read,
						.done = mail_done,
						.size = 4};
		fuzz->rcpts[0].address = (struct mailaddr){STR("a"), STR("c.example")};
		fuzz->rcpts[1].address = (struct mailaddr){STR("b"), STR("c.example")};
	}
	sent = closed = 0;
}

static struct smtp_client *make_client(uv_loop_t *loop, bool auth)
{
	static const struct smtp_client_events events = {on_ready, on_closed, NULL};
	const struct smtp_client_conf conf = {.host = "",
					      .tls = SMTP_TLS_NONE,
					      .ehlo_name = "client.example",
					      .user = auth ? "joe" : "",
					      .password = "secret",
					      .auth = AUTH_PLAIN | AUTH_LOGIN};
	struct sockaddr_storage address;
	struct smtp_client *client = NULL;
	memset(&address, 0, sizeof(address));
	must(uv_ip4_addr("127.0.0.1", 25, (struct sockaddr_in *)&address) == 0);
	must(smtp_client_open(&client, loop, &conf, &address, 1, &events, NULL) == 0);
	/* as if it were connected */
	client->address_next = 1;
	client_expect(client, CLIENT_GREETING, 1000);
	return client;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};
	clock_replace(still_clock, still_clock);
	make_mails();
	struct smtp_client *client = make_client(NULL, size > 0 && data[0] == 'A');
	in = str_sub(in, size > 0 && data[0] == 'A', size);
	while (in.len) {
		size_t end = str_find(in, '\xff');
		client_enter(client);
		client_input(client, str_sub(in, 0, end));
		client_leave(client);
		must((client->state == CLIENT_CLOSED) == (closed == 1));
		in = str_sub(in, end + 1, in.len);
	}
	smtp_client_free(client);
	for (size_t i = 0; i < MAILS; i++)
		must(mails[i].dones == (i < sent));
	return 0;
}
