/*
 * The stub application. One thread. Whatever it is given it brings back once: at once, a little later by a
 * timer, or when told.
 */
#include "tests/lib/smtp_stub.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/certs/fixture.h"

#define DOMAIN   "serveloapp.com"
#define LATER_MS 5

struct later {
	uv_timer_t timer;
	struct smtp_stub *stub;
	uint64_t session_id;
	enum rcpt_status status;
	struct delivery *delivery;
};

static const struct {
	const char *name;
	enum rcpt_status rcpt, later; /* later: when rcpt is RCPT_LATER */
	enum delivery_status delivery;
	const char *hint;
} locals[] = {
	{"acme", RCPT_ACCEPTED, 0, DELIVERY_ACCEPTED, ""},
	{"abuse", RCPT_ACCEPTED, 0, DELIVERY_ACCEPTED, ""},
	{"support", RCPT_ACCEPTED, 0, DELIVERY_ACCEPTED, ""},
	{"legal", RCPT_ACCEPTED, 0, DELIVERY_ACCEPTED, ""},
	{"postmaster", RCPT_ACCEPTED, 0, DELIVERY_ACCEPTED, ""},
	{"late", RCPT_ACCEPTED, 0, DELIVERY_ACCEPTED, ""},
	{"kept", RCPT_ACCEPTED, 0, DELIVERY_ACCEPTED, ""},
	{"temp", RCPT_ACCEPTED, 0, DELIVERY_TEMPFAIL, ""},
	{"busy", RCPT_ACCEPTED, 0, DELIVERY_BUSY, ""},
	{"full", RCPT_ACCEPTED, 0, DELIVERY_NO_SPACE, ""},
	{"never", RCPT_ACCEPTED, 0, DELIVERY_REFUSED, ""},
	{"slow", RCPT_LATER, RCPT_ACCEPTED, DELIVERY_ACCEPTED, ""},
	{"slowno", RCPT_LATER, RCPT_UNKNOWN, DELIVERY_ACCEPTED, ""},
	{"held", RCPT_LATER, RCPT_ACCEPTED, DELIVERY_ACCEPTED, ""},
	{"suspended", RCPT_SUSPENDED, 0, DELIVERY_ACCEPTED, ""},
	{"tempfail", RCPT_TEMPFAIL, 0, DELIVERY_ACCEPTED, ""},
	{"acne", RCPT_UNKNOWN, 0, DELIVERY_ACCEPTED, "did you mean <acme@" DOMAIN ">?"},
};

/* Index into locals, or -1. */
static int find_local(const struct mailaddr *address)
{
	struct str name = str_sub(address->local, 0, str_find(address->local, '+'));
	for (size_t i = 0; i < ARRAY_SIZE(locals); i++)
		if (str_ieq(name, str_from(locals[i].name)))
			return (int)i;
	return -1;
}

static char *print(const struct mailaddr *address)
{
	struct strbuf text;
	strbuf_init(&text, 1024);
	mailaddr_print(address, &text);
	return strbuf_detach(&text);
}

/* ---- later */

static void on_later_closed(uv_handle_t *handle)
{
	free(CONTAINER_OF(handle, struct later, timer));
}

static void on_later(uv_timer_t *timer)
{
	struct later *later = CONTAINER_OF(timer, struct later, timer);
	const struct rcpt_answer answer = {""};
	later->stub->under_way--;
	if (later->delivery)
		smtp_server_delivered(later->stub->server, later->delivery);
	else
		smtp_server_rcpt_answered(later->stub->server, later->session_id, later->status, &answer);
	uv_close((uv_handle_t *)timer, on_later_closed);
}

static void do_later(struct smtp_stub *stub, uint64_t session_id, enum rcpt_status status,
		     struct delivery *delivery)
{
	struct later *later = XNEW(struct later);
	later->stub = stub;
	later->session_id = session_id;
	later->status = status;
	later->delivery = delivery;
	stub->under_way++;
	uv_timer_init(stub->loop, &later->timer);
	uv_timer_start(&later->timer, on_later, stub->later_ms ? stub->later_ms : LATER_MS, 0);
}

/* ---- what the engine asks */

static struct delivery *on_begin(void *ctx)
{
	((struct smtp_stub *)ctx)->begun++;
	return delivery_new();
}

static void add_recipient(struct delivery *delivery, const struct mailaddr *forward_path)
{
	LIST_FOREACH(node, &delivery->envelope.recipients) {
		const struct recipient *known = CONTAINER_OF(node, struct recipient, link);
		if (str_ieq(known->forward_path.local, forward_path->local))
			return;
	}
	struct recipient *recipient = arena_zalloc(&delivery->arena, sizeof(*recipient));
	MUST(recipient &&
	     arena_copy(&delivery->arena, forward_path->local, &recipient->forward_path.local) == 0);
	MUST(arena_copy(&delivery->arena, forward_path->domain, &recipient->forward_path.domain) == 0);
	list_push_back(&delivery->envelope.recipients, &recipient->link);
	delivery->envelope.recipients_n++;
}

static enum rcpt_status on_rcpt(void *ctx, struct delivery *delivery, const struct mailaddr *forward_path,
				struct rcpt_answer *ret)
{
	struct smtp_stub *stub = ctx;
	int i = find_local(forward_path);
	if (forward_path->domain.len && !str_eq(forward_path->domain, STR(DOMAIN)))
		return RCPT_FOREIGN;
	if (i < 0)
		return RCPT_UNKNOWN;
	snprintf(ret->hint, sizeof(ret->hint), "%s", locals[i].hint);
	if (locals[i].rcpt == RCPT_ACCEPTED ||
	    (locals[i].rcpt == RCPT_LATER && locals[i].later == RCPT_ACCEPTED))
		add_recipient(delivery, forward_path);
	if (strcmp(locals[i].name, "held") == 0)
		stub->held_session = delivery->session_id;
	else if (locals[i].rcpt == RCPT_LATER)
		do_later(stub, delivery->session_id, locals[i].later, NULL);
	return locals[i].rcpt;
}

static void on_refused(void *ctx, const struct delivery *delivery UNUSED, struct str recipient,
		       struct str reply)
{
	struct smtp_stub *stub = ctx;
	stub->refused_n++;
	snprintf(stub->refused, sizeof(stub->refused), "%.*s|%.*s", STR_ARG(recipient), STR_ARG(reply));
}

static void keep(struct smtp_stub *stub, struct delivery *delivery)
{
	struct stub_mail mail = {.from = print(&delivery->envelope.reverse_path),
				 .protocol = xstrndup(delivery->envelope.protocol),
				 .body = delivery->envelope.body};
	struct strbuf to;
	struct str view;
	strbuf_init(&to, 65536);
	LIST_FOREACH(node, &delivery->envelope.recipients) {
		char *path = print(&CONTAINER_OF(node, struct recipient, link)->forward_path);
		strbuf_printf(&to, "%s%s", to.len ? "," : "", path);
		free(path);
	}
	mail.to = strbuf_detach(&to);
	MUST(spooled_mail_seal(delivery->mail) == 0 && spooled_mail_view(delivery->mail, &view) == 0);
	mail.trace = xstrndup(str_sub(view, 0, delivery->trace_size));
	mail.size = view.len - delivery->trace_size;
	mail.data = xstrndup(str_sub(view, delivery->trace_size, view.len));
	spooled_mail_view_end(delivery->mail, view);
	stub->mails = xreallocarray(stub->mails, stub->mails_n + 1, sizeof(*stub->mails));
	stub->mails[stub->mails_n++] = mail;
}

static void on_deliver(void *ctx, struct delivery *delivery)
{
	struct smtp_stub *stub = ctx;
	const struct recipient *first =
		CONTAINER_OF(delivery->envelope.recipients.head.next, struct recipient, link);
	int i = find_local(&first->forward_path);
	MUST(i >= 0);
	delivery->status = locals[i].delivery;
	if (delivery->status == DELIVERY_ACCEPTED) {
		if (!stub->forget)
			keep(stub, delivery);
		delivery->reply_text = STR("created ticket=ACME-00001");
	} else if (delivery->status == DELIVERY_REFUSED) {
		delivery->reply_text = STR("because");
	}
	if (strcmp(locals[i].name, "kept") == 0)
		stub->kept = delivery;
	else if (strcmp(locals[i].name, "late") == 0)
		do_later(stub, 0, RCPT_ACCEPTED, delivery);
	else
		smtp_server_delivered(stub->server, delivery);
}

static const struct smtp_handler stub_handler = {on_begin, on_rcpt, on_refused, on_deliver};

/* ---- life */

void smtp_stub_init(struct smtp_stub *stub, uv_loop_t *loop)
{
	*stub = (struct smtp_stub){
		.loop = loop,
		.hostname = "mx." DOMAIN,
		.smtp = {.backlog = 1024, .banner = "Stub"},
		.limits = {.message_size = 1 << 20,
			   .connections = 20000,
			   .connections_per_client = 20000,
			   .connections_per_network = 20000,
			   .connections_per_block = 20000,
			   .recipients = 100,
			   .commands = 100,
			   .errors = 20,
			   .unknown_recipients = 20,
			   .errors_delay_after = 1000,
			   .error_delay_ms = 1,
			   .transactions = 1000,
			   .line_length = 2048,
			   .data_line_length = 1 << 20,
			   .received_fields = 50,
			   .greeting_timeout_ms = 60000,
			   .command_timeout_ms = 60000,
			   .data_timeout_ms = 60000,
			   .data_total_timeout_ms = 600000,
			   .write_timeout_ms = 60000,
			   .stress_timeout_ms = 10000,
			   .stress_percent = 90,
			   .data_rate_min = 0},
		.tls = {.starttls = true, .ciphers = "", .handshake_timeout_ms = 30000},
	};
}

static struct smtp_settings settings_of(const struct smtp_stub *stub)
{
	return (struct smtp_settings){.smtp = &stub->smtp,
				      .limits = &stub->limits,
				      .tls = &stub->tls,
				      .hostname = stub->hostname,
				      .certs = stub->certs,
				      .spool = stub->spool};
}

static void make_certs(struct smtp_stub *stub)
{
	const struct leaf_spec leaf = {"mx", KEY_ECDSA, "DNS:mx." DOMAIN, -3600, 86400};
	struct conf_error err = {""};
	struct conf_fixture fixture;
	struct test_ca ca;
	ca_init(&ca, "Stub CA");
	write_leaf(stub->dir, &ca, &leaf);
	conf_init(&fixture);
	conf_add(&fixture, stub->dir, "", "mx");
	MUST(certs_load(&stub->certs, &fixture.conf, &err) == 0);
	conf_done(&fixture);
	ca_done(&ca);
}

void smtp_stub_open(struct smtp_stub *stub, const char *address, bool with_tls)
{
	struct conf_error err = {""};
	stub->dir = make_dir();
	char *spool_dir = xasprintf("%s/spool", stub->dir);
	size_t memory_max = stub->spool_files ? (size_t)stub->spool_files : 65536;
	const struct spool_conf conf = {spool_dir, 1, memory_max, 64 << 20};
	MUST(spool_open(&stub->spool, &conf) == 0);
	free(spool_dir);
	if (with_tls)
		make_certs(stub);
	stub->address = address;
	stub->smtp.listen = (struct conf_strings){&stub->address, address ? 1 : 0};
	const struct smtp_settings settings = settings_of(stub);
	MUST(smtp_server_open(&stub->server, stub->loop, &settings, &stub_handler, stub) == 0);
	if (smtp_server_listen(stub->server, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
}

void smtp_stub_reconfigure(struct smtp_stub *stub)
{
	const struct smtp_settings settings = settings_of(stub);
	smtp_server_reconfigure(stub->server, &settings);
}

int smtp_stub_port(const struct smtp_stub *stub)
{
	return atoi(strrchr(smtp_server_address(stub->server, 0), ':') + 1);
}

bool smtp_stub_release(struct smtp_stub *stub)
{
	const struct rcpt_answer answer = {""};
	uint64_t session_id = stub->held_session;
	struct delivery *delivery = stub->kept;
	stub->held_session = 0;
	stub->kept = NULL;
	if (session_id)
		smtp_server_rcpt_answered(stub->server, session_id, RCPT_ACCEPTED, &answer);
	if (delivery)
		smtp_server_delivered(stub->server, delivery);
	return session_id || delivery;
}

void smtp_stub_forget(struct smtp_stub *stub)
{
	for (size_t i = 0; i < stub->mails_n; i++) {
		free(stub->mails[i].from);
		free(stub->mails[i].to);
		free(stub->mails[i].trace);
		free(stub->mails[i].data);
		free(stub->mails[i].protocol);
	}
	free(stub->mails);
	stub->mails = NULL;
	stub->mails_n = stub->refused_n = 0;
	stub->refused[0] = '\0';
}

void smtp_stub_close(struct smtp_stub *stub)
{
	smtp_stub_release(stub);
	while (stub->under_way)
		uv_run(stub->loop, UV_RUN_ONCE);
	stub->server = smtp_server_close(stub->server);
	while (uv_run(stub->loop, UV_RUN_ONCE))
		;
	smtp_stub_forget(stub);
	certs_unref(stub->certs);
	const struct spool_stats stats = spool_stats(stub->spool);
	MUST(stats.mails == 0 && stats.memory == 0); /* whatever happened, nothing is left */
	spool_close(stub->spool);
	remove_dir(stub->dir);
}
