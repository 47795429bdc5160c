/*
 * The intake as a whole, without SMTP: real store, real parser children (this program run as `parser`), deliveries made by
 * hand. Each test gets a folder of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "ingest/ingest.h"
#include "ingest/parser_child.h"
#include "ingest/route.h"
#include "storage/participant.h"
#include "storage/reader.h"
#include "storage/reply_address.h"
#include "tenant/reply_token.h"

#define TRACE "Received: from test by test; Sat, 21 Nov 2026 09:30:00 +0000\r\n"

struct house {
	char folder[64];
	uv_loop_t loop;
	struct storage_conf storage;
	struct mail_conf mail;
	struct conf_pair forward;
	struct forwards_conf forwards;
	struct tenant_conf tenant_defaults;
	struct ingest_conf ingest_conf;
	struct store *store;
	struct spool *spool;
	struct workers *workers;
	struct reader *reader;
	struct tenants *tenants;
	struct key_ring *keys;
	struct ingest *ingest;
	struct delivery *back; /* the last one that came back */
	size_t backs;
	size_t busy; /* of those, DELIVERY_BUSY */
	size_t wakes;
	/* recipients that were answered later */
	size_t answers;
	uint64_t answered_session;
	enum rcpt_status answered;
};

static void on_done(void *ctx, struct delivery *delivery)
{
	struct house *house = ctx;
	house->back = delivery_free(house->back);
	house->back = delivery;
	house->backs++;
	house->busy += delivery->status == DELIVERY_BUSY;
}

static void on_outbox(void *ctx)
{
	((struct house *)ctx)->wakes++;
}

static void on_answered(void *ctx, uint64_t session_id, enum rcpt_status status,
			const struct rcpt_answer *answer)
{
	struct house *house = ctx;
	assert_string_equal(answer->hint, "");
	house->answers++;
	house->answered_session = session_id;
	house->answered = status;
}

static void run_until(struct house *house, size_t backs)
{
	while (house->backs < backs)
		uv_run(&house->loop, UV_RUN_ONCE);
}

/* ---- building the house */

static int apply_tenants(struct store_job *job UNUSED, struct store_txn *txn)
{
	static const struct {
		struct str slug, prefix;
	} tenants[] = {{STR_INIT("acme"), STR_INIT("ACME")}, {STR_INIT("beta"), STR_INIT("BETA")}};
	for (size_t i = 0; i < ARRAY_SIZE(tenants); i++) {
		struct tenant_row row = {
			.slug = tenants[i].slug,
			.name = tenants[i].slug,
			.reference_prefix = tenants[i].prefix,
			.admin_email = STR("admin@example.org"),
			.notify_email = STR(""),
			.locale = STR("en"),
			.signature = STR(""),
			.logo_url = STR(""),
			.blocked_extensions = STR(""),
			.confirm = true,
		};
		struct tenant_id id;
		int r = tenant_rows_add(txn, &row, &id);
		if (r < 0)
			return r;
	}
	return 0;
}

struct wait_job {
	struct store_job job;
	bool done;
	int status;
};

static void on_wait_done(struct store_job *job, int status)
{
	struct wait_job *wait = CONTAINER_OF(job, struct wait_job, job);
	wait->done = true;
	wait->status = status;
}

static void run_job(struct house *house, int (*apply)(struct store_job *, struct store_txn *))
{
	struct wait_job wait = {.job = {.apply = apply, .done = on_wait_done}};
	list_node_init(&wait.job.link);
	assert_int_equal(store_submit(house->store, &wait.job), 0);
	while (!wait.done)
		uv_run(&house->loop, UV_RUN_ONCE);
	assert_int_equal(wait.status, 0);
}

static int setup(void **state)
{
	struct house *house = calloc(1, sizeof(*house));
	struct conf_error err = {0};
	snprintf(house->folder, sizeof(house->folder), "/tmp/servelo-ingest-XXXXXX");
	assert_non_null(mkdtemp(house->folder));
	house->storage = (struct storage_conf){house->folder, 4096, 1 << 20, 100, 1000, 1 << 20};
	house->mail = (struct mail_conf){"serveloapp.com", "mx.serveloapp.com", "operator@example.org"};
	house->forward = (struct conf_pair){"support", "inbox@example.org"};
	house->forwards.map = (struct conf_map){&house->forward, 1};
	house->tenant_defaults = (struct tenant_conf){.attachments_max = 2,
						      .attachment_size_max = 1000,
						      .blocked_extensions = "exe",
						      .locale = "en"};
	house->ingest_conf = (struct ingest_conf){
		.parsers = 1,
		.parse_deadline_ms = 20000,
		.parse_queue_max = 100,
		.text_max = 1 << 20,
		.mime_parts_max = 1000,
		.mime_depth_max = 30,
		.header_fields_max = 2000,
		.header_field_max = 65536,
		.header_max = 512 * 1024,
		.repeat_window_ms = 86400000,
		.confirm_window_ms = 10800000,
		.confirm_per_client = 10,
		.confirm_per_subject = 3,
		.confirm_per_tenant = 1000,
	};
	assert_int_equal(uv_loop_init(&house->loop), 0);
	assert_int_equal(store_open(&house->store, &house->loop, &house->storage, &err), 0);
	assert_int_equal(store_spool_open(house->store, &house->spool), 0);
	assert_int_equal(workers_open(&house->workers, &house->loop, 2, 100), 0);
	run_job(house, apply_tenants);
	assert_int_equal(reader_open(&house->reader, &house->storage, &err), 0);
	assert_int_equal(tenants_build(&house->tenants, house->reader, &house->tenant_defaults), 0);
	const struct str key = STR("0123456789abcdef0123456789abcdef");
	assert_int_equal(key_ring_new(&house->keys, &key, 1), 0);
	const struct ingest_deps deps = {.loop = &house->loop,
					 .storage = &house->storage,
					 .store = house->store,
					 .workers = house->workers,
					 .parser_argv0 = "/proc/self/exe"};
	const struct ingest_handlers handlers = {on_done, on_outbox, on_answered};
	assert_int_equal(ingest_open(&house->ingest, &house->ingest_conf, &house->mail, &house->forwards,
				     house->tenants, house->keys, &deps, &handlers, house),
			 0);
	*state = house;
	return 0;
}

static int remove_entry(const char *path, const struct stat *info UNUSED, int type UNUSED,
			struct FTW *ftw UNUSED)
{
	return remove(path);
}

static int teardown(void **state)
{
	struct house *house = *state;
	delivery_free(house->back);
	ingest_close(house->ingest);
	workers_close(house->workers);
	reader_close(house->reader);
	spool_close(house->spool);
	store_close(house->store);
	tenants_unref(house->tenants);
	key_ring_unref(house->keys);
	uv_run(&house->loop, UV_RUN_DEFAULT); /* closed handles are let go */
	assert_int_equal(uv_loop_close(&house->loop), 0);
	nftw(house->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(house);
	return 0;
}

/* ---- deliveries */

static enum rcpt_status add_rcpt(struct house *house, struct delivery *delivery, const char *local)
{
	struct mailaddr path = {str_from(local), STR("serveloapp.com")};
	struct rcpt_answer answer;
	return ingest_check_rcpt(house->ingest, delivery, &path, &answer);
}

static struct delivery *make(struct house *house, const char *const *rcpts, struct str sent)
{
	struct delivery *delivery = ingest_begin(house->ingest);
	struct envelope *envelope = &delivery->envelope;
	envelope->reverse_path = (struct mailaddr){STR("jane"), STR("example.org")};
	envelope->client_ip = STR("192.0.2.1");
	envelope->helo = STR("client.example.org");
	envelope->protocol = STR("ESMTP");
	envelope->tls = STR("");
	envelope->received_ms = clock_now_ms();
	for (; *rcpts; rcpts++)
		assert_int_equal(add_rcpt(house, delivery, *rcpts), RCPT_ACCEPTED);
	assert_int_equal(spool_create(house->spool, &delivery->id, &delivery->mail), 0);
	assert_int_equal(spooled_mail_append(delivery->mail, STR(TRACE)), 0);
	delivery->trace_size = sizeof(TRACE) - 1;
	assert_int_equal(spooled_mail_append(delivery->mail, sent), 0);
	return delivery;
}

static void deliver(struct house *house, const char *rcpt, const char *mail, const char *want)
{
	const char *rcpts[] = {rcpt, NULL};
	size_t backs = house->backs;
	ingest_submit(house->ingest, make(house, rcpts, str_from(mail)));
	assert_int_equal(house->backs, backs); /* never from inside submit */
	run_until(house, backs + 1);
	assert_int_equal(house->back->status, DELIVERY_ACCEPTED);
	assert_int_equal(house->back->reply_text.len, strlen(want));
	assert_memory_equal(house->back->reply_text.ptr, want, strlen(want));
}

static struct audit_balance balance(struct house *house)
{
	struct audit_balance result;
	assert_int_equal(reader_balance(house->reader, true, &result, NULL, NULL), 0);
	return result;
}

#define MAIL(id, body)                                                                  \
	"From: Jane Doe <jane@example.org>\r\nSubject: Re: Printer\r\nMessage-ID: <" id \
	"@example.org>\r\n\r\n" body "\r\n"

/* ---- tests */

static void a_mail_is_a_ticket_and_its_repeat_is_not(void **state)
{
	struct house *house = *state;
	deliver(house, "acme", MAIL("1", "It smokes."), "created ticket=ACME-00001");
	deliver(house, "acme", MAIL("1", "It smokes."), "duplicate ticket=ACME-00001");
	deliver(house, "ACME", MAIL("1", "It smokes."), "duplicate ticket=ACME-00001");
	deliver(house, "acme", MAIL("1", "It burns."), "commented ticket=ACME-00001");
	deliver(house, "acme", MAIL("1", "It burns."), "duplicate ticket=ACME-00001");
	deliver(house, "acme+printers", MAIL("1", "It smokes."), "created ticket=ACME-00002");
	deliver(house, "beta", MAIL("1", "It smokes."), "created ticket=BETA-00001");
	deliver(house, "acme", "From: jane@example.org\r\n\r\nno id\r\n", "created ticket=ACME-00003");
	deliver(house, "acme", "From: jane@example.org\r\n\r\nno id\r\n", "duplicate ticket=ACME-00003");
	struct audit_balance sum = balance(house);
	assert_int_equal(sum.unaccounted, 0);
	assert_int_equal(sum.tickets, 4);
	assert_int_equal(sum.comments, 5);
	assert_int_equal(sum.by_outcome[AUDIT_DUPLICATE], 4);
}

static bool keep_mail_id(void *ctx, const struct message_row *row)
{
	*(struct mail_id *)ctx = row->mail_id;
	return true;
}

static void an_answer_finds_its_ticket(void **state)
{
	struct house *house = *state;
	deliver(house, "acme", MAIL("1", "It smokes."), "created ticket=ACME-00001");
	deliver(house, "acme",
		"From: jane@example.org\r\nIn-Reply-To: <1@example.org>\r\n\r\nIt still does.\r\n",
		"commented ticket=ACME-00001");
	deliver(house, "acme",
		"From: jane@example.org\r\nSubject: [ACME-00001] away\r\nAuto-Submitted: auto-replied\r\n\r\n"
		"I am away.\r\n",
		"event ticket=ACME-00001");
	deliver(house, "acme",
		"From: mallory@example.net\r\nReferences: <1@example.org>\r\n\r\nLet me in.\r\n",
		"created ticket=ACME-00002");
	assert_int_equal(balance(house).unaccounted, 0);
}

static void a_repeat_leads_to_the_first_original(void **state)
{
	struct house *house = *state;
	struct mail_id first, found;
	deliver(house, "acme", MAIL("7", "Once."), "created ticket=ACME-00001");
	first = house->back->id;
	deliver(house, "acme", MAIL("7", "Once."), "duplicate ticket=ACME-00001");
	assert_string_not_equal(house->back->id.text, first.text);
	assert_int_equal(reader_message(house->reader, &house->back->id, keep_mail_id, &found), 0);
	assert_string_equal(found.text, first.text);
	assert_int_equal(balance(house).unaccounted, 0);
}

static void recipients_are_stored_together(void **state)
{
	struct house *house = *state;
	const char *rcpts[] = {"acme", "beta", "ACME", "postmaster", NULL};
	struct delivery *delivery = make(house, rcpts, STR(MAIL("2", "Both of you.")));
	assert_int_equal(delivery->envelope.recipients_n, 3);
	ingest_submit(house->ingest, delivery);
	run_until(house, 1);
	static const char want[] =
		"created ticket=ACME-00001, created ticket=BETA-00001, forwarded mailbox=postmaster";
	assert_int_equal(house->back->reply_text.len, sizeof(want) - 1);
	assert_memory_equal(house->back->reply_text.ptr, want, sizeof(want) - 1);
	assert_int_equal(house->wakes, 1);
	struct audit_balance sum = balance(house);
	assert_int_equal(sum.unaccounted, 0);
	assert_int_equal(sum.messages, 1);
	assert_int_equal(sum.tickets, 2);
}

static void when_one_recipient_fails_none_is_stored(void **state)
{
	struct house *house = *state;
	const char *rcpts[] = {"acme", "beta", NULL};
	struct delivery *delivery = make(house, rcpts, STR(MAIL("3", "Half.")));
	struct tenant nobody = {.id = {4711}, .slug = STR("nobody"), .reference_prefix = STR("NOBODY")};
	struct list_node *last = delivery->envelope.recipients.head.prev;
	CONTAINER_OF(last, struct ingest_recipient, recipient.link)->mailbox.tenant = &nobody;
	ingest_submit(house->ingest, delivery);
	run_until(house, 1);
	assert_int_equal(house->back->status, DELIVERY_TEMPFAIL);
	struct audit_balance sum = balance(house);
	assert_int_equal(sum.tickets, 0);
	assert_int_equal(sum.messages, 0);
	assert_int_equal(sum.unaccounted, 0);
	assert_int_equal(sum.by_outcome[AUDIT_FAILED], 2); /* accounted for, though nothing is stored */
	deliver(house, "acme", MAIL("3", "Half."), "created ticket=ACME-00001");
}

static void big_mail_goes_through_a_file(void **state)
{
	struct house *house = *state;
	const char *rcpts[] = {"acme", NULL};
	size_t size = 300000;
	char *mail = malloc(size);
	memset(mail, 'x', size);
	for (size_t i = 76; i + 2 < size; i += 78)
		memcpy(mail + i, "\r\n", 2);
	static const char head[] = "From: jane@example.org\r\nSubject: big\r\n\r\n";
	memcpy(mail, head, sizeof(head) - 1);
	struct delivery *delivery = make(house, rcpts, (struct str){mail, size});
	assert_true(spooled_mail_in_file(delivery->mail));
	ingest_submit(house->ingest, delivery);
	run_until(house, 1);
	free(mail);
	assert_int_equal(house->back->status, DELIVERY_ACCEPTED);
	struct audit_balance sum = balance(house);
	assert_int_equal(sum.unaccounted, 0);
	assert_int_equal(sum.files, 1);
	house->back = delivery_free(house->back);
	assert_int_equal(balance(house).unaccounted, 0); /* the file outlives the delivery */
}

static void anything_that_got_in_is_a_ticket(void **state)
{
	static const char *const mails[] = {
		"",
		"\r\n",
		"no header at all",
		"From: \xff\xfe\r\nSubject: =?x?Q?=FF?=\r\n\r\n\x80\x81",
		"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n--a\r\n--a--",
		"\n\n\n",
	};
	struct house *house = *state;
	for (size_t i = 0; i < ARRAY_SIZE(mails); i++) {
		char want[64];
		snprintf(want, sizeof(want), "created ticket=ACME-%05zu", i + 1);
		deliver(house, "acme", mails[i], want);
	}
	assert_int_equal(balance(house).unaccounted, 0);
}

static void mailboxes_are_judged_at_rcpt(void **state)
{
	static const struct {
		const char *local;
		enum rcpt_status status;
		const char *hint;
	} cases[] = {
		{"acme", RCPT_ACCEPTED, ""},
		{"Acme+tag", RCPT_ACCEPTED, ""},
		{"support", RCPT_ACCEPTED, ""},
		{"abuse", RCPT_ACCEPTED, ""},
		{"acne", RCPT_UNKNOWN, "did you mean <acme@serveloapp.com>?"},
		{"nobody", RCPT_UNKNOWN, ""},
		{"reply+", RCPT_UNKNOWN, ""},
		{"reply+short", RCPT_UNKNOWN, ""},
		{"reply+AAAAAAAAAAAAAAAAAAAAAAAA", RCPT_UNKNOWN, ""},
		{"reply+AAAAAAAAAAAA AAAAAAAAAAA", RCPT_UNKNOWN, ""},
		{"bounce+AAAAAAAAAAAAAAAAAAAAAAAA", RCPT_UNKNOWN, ""}, /* not from the null reverse-path */
	};
	struct house *house = *state;
	struct delivery *delivery = ingest_begin(house->ingest);
	delivery->envelope.reverse_path = (struct mailaddr){STR("jane"), STR("example.org")};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mailaddr path = {str_from(cases[i].local), STR("serveloapp.com")};
		struct rcpt_answer answer;
		enum rcpt_status status = ingest_check_rcpt(house->ingest, delivery, &path, &answer);
		if (status != cases[i].status)
			fail_msg("%s: %d", cases[i].local, status);
		assert_string_equal(answer.hint, cases[i].hint);
	}
	struct mailaddr foreign = {STR("acme"), STR("example.org")};
	struct rcpt_answer answer;
	assert_int_equal(ingest_check_rcpt(house->ingest, delivery, &foreign, &answer), RCPT_FOREIGN);
	delivery_free(delivery);
}

static void refusals_are_accounted_for(void **state)
{
	struct house *house = *state;
	struct delivery *delivery = ingest_begin(house->ingest);
	delivery->envelope.client_ip = STR("192.0.2.1");
	ingest_refused(house->ingest, delivery, STR("<nobody@serveloapp.com>"),
		       STR("550 5.1.1 no such mailbox"));
	delivery_free(delivery); /* what the row needs was copied */
	deliver(house, "acme", MAIL("9", "after"), "created ticket=ACME-00001");
	struct audit_balance sum = balance(house);
	assert_int_equal(sum.by_outcome[AUDIT_REFUSED], 1);
	assert_int_equal(sum.unaccounted, 0);
}

static void many_at_once_all_come_back(void **state)
{
	struct house *house = *state;
	const char *rcpts[] = {"acme", NULL};
	for (int i = 0; i < 60; i++) {
		char mail[256];
		int n = snprintf(mail, sizeof(mail),
				 "From: j@example.org\r\nMessage-ID: <%d@x>\r\n\r\nhello %d\r\n", i, i);
		ingest_submit(house->ingest, make(house, rcpts, (struct str){mail, (size_t)n}));
	}
	run_until(house, 60);
	struct audit_balance sum = balance(house);
	assert_int_equal(sum.tickets, 60);
	assert_int_equal(sum.unaccounted, 0);
}

static void a_hundred_recipients_of_a_long_subject(void **state)
{
	enum { N = 100 };
	struct house *house = *state;
	static char names[N][64], mail[6000];
	const char *rcpts[N + 1] = {NULL};
	for (int i = 0; i < N; i++) {
		snprintf(names[i], sizeof(names[i]),
			 "acme+%02d-a-detail-as-long-as-a-local-part-can-be-0123456789abc", i);
		rcpts[i] = names[i];
	}
	int n = snprintf(mail, sizeof(mail), "From: j.doe@example.org\r\nSubject:");
	for (int i = 0; i < 70; i++)
		n += snprintf(mail + n, sizeof(mail) - (size_t)n,
			      " a subject of many words, folded as it should be by its sender\r\n");
	snprintf(mail + n, sizeof(mail) - (size_t)n, "\r\nhello\r\n");
	ingest_submit(house->ingest, make(house, rcpts, str_from(mail)));
	run_until(house, 1);
	assert_int_equal(house->back->status, DELIVERY_ACCEPTED);
	struct audit_balance sum = balance(house);
	assert_int_equal(sum.tickets, N);
	assert_int_equal(sum.unaccounted, 0);
}

static void what_is_too_much_is_told_and_accounted_for(void **state)
{
	struct house *house = *state;
	const char *rcpts[] = {"acme", NULL};
	for (int i = 0; i < 110; i++) { /* parse_queue_max is 100, and the loop does not turn meanwhile */
		char mail[128];
		int n = snprintf(mail, sizeof(mail),
				 "From: j@example.org\r\nMessage-ID: <%d@x>\r\n\r\nhello\r\n", i);
		ingest_submit(house->ingest, make(house, rcpts, (struct str){mail, (size_t)n}));
	}
	run_until(house, 110);
	assert_int_equal(house->busy, 10);
	struct audit_balance sum = balance(house);
	assert_int_equal(sum.tickets, 100);
	assert_int_equal(sum.by_outcome[AUDIT_FAILED], 10);
	assert_int_equal(sum.unaccounted, 0);
}

/* ---- reply tokens that a gateway lower-cased */

struct folded {
	char good[REPLY_TOKEN_MAX + 16], text[REPLY_TOKEN_MAX + 16]; /* local-parts: as minted, and folded */
};

static bool keep_ticket_id(void *ctx, const struct ticket_view *ticket)
{
	*(struct ticket_id *)ctx = ticket->row.id;
	return false;
}

static struct {
	char folded[REPLY_TOKEN_MAX + 1];
	struct ticket_id ticket;
} sent;

static int apply_sent(struct store_job *job UNUSED, struct store_txn *txn)
{
	return reply_address_add(txn, str_from(sent.folded), sent.ticket, PARTICIPANT_REQUESTER);
}

/* The address left in a mail of ours about ACME-00001; another one of the same form means something else. */
static struct folded send_address(struct house *house)
{
	const struct reply_token token = {.slug = "acme", .ticket = 1, .participant = PARTICIPANT_REQUESTER};
	char text[REPLY_TOKEN_MAX + 1];
	struct folded ret;
	deliver(house, "acme", MAIL("1", "It smokes."), "created ticket=ACME-00001");
	assert_int_equal(reply_token_mint(house->keys, &token, text), 0);
	assert_int_equal(reply_token_fold(str_from(text), sent.folded), 0);
	assert_int_equal(reader_ticket(house->reader, STR("ACME-00001"), keep_ticket_id, &sent.ticket), 0);
	run_job(house, apply_sent);
	snprintf(ret.good, sizeof(ret.good), "reply+%s", text);
	snprintf(ret.text, sizeof(ret.text), "reply+%s", sent.folded);
	return ret;
}

static void wait_for_answers(struct house *house, size_t answers)
{
	while (house->answers < answers)
		uv_run(&house->loop, UV_RUN_ONCE);
}

static void a_lower_cased_token_is_found(void **state)
{
	struct house *house = *state;
	struct folded address = send_address(house);
	const char *nobody[] = {NULL};
	struct delivery *delivery =
		make(house, nobody,
		     STR("From: jane@example.org\r\nMessage-ID: <2@example.org>\r\n\r\nStill.\r\n"));
	delivery->session_id = 77;
	assert_int_equal(add_rcpt(house, delivery, address.text), RCPT_LATER);
	assert_int_equal(house->answers, 0); /* never from inside */
	wait_for_answers(house, 1);
	assert_int_equal(house->answered, RCPT_ACCEPTED);
	assert_int_equal(house->answered_session, 77);
	assert_int_equal(delivery->envelope.recipients_n, 1);
	/* as it was minted it is the same mailbox */
	assert_int_equal(add_rcpt(house, delivery, address.good), RCPT_ACCEPTED);
	assert_int_equal(delivery->envelope.recipients_n, 1);
	size_t backs = house->backs;
	ingest_submit(house->ingest, delivery);
	run_until(house, backs + 1);
	assert_true(str_eq(house->back->reply_text, STR("commented ticket=ACME-00001")));
	assert_int_equal(balance(house).unaccounted, 0);
}

static void a_lower_cased_token_that_never_left_is_unknown(void **state)
{
	struct house *house = *state;
	struct folded address = send_address(house);
	struct delivery *delivery = ingest_begin(house->ingest);
	size_t last = strlen(address.text) - 1;
	address.text[last] = address.text[last] == 'a' ? 'b' : 'a';
	assert_int_equal(add_rcpt(house, delivery, address.text), RCPT_LATER);
	wait_for_answers(house, 1);
	assert_int_equal(house->answered, RCPT_UNKNOWN);
	assert_int_equal(delivery->envelope.recipients_n, 0);
	delivery_free(delivery);
}

static void a_session_may_go_while_its_token_is_looked_up(void **state)
{
	struct house *house = *state;
	struct folded address = send_address(house);
	struct delivery *delivery = ingest_begin(house->ingest);
	delivery->session_id = 78;
	assert_int_equal(add_rcpt(house, delivery, address.text), RCPT_LATER);
	delivery_free(delivery);
	wait_for_answers(house, 1); /* answered once all the same; nobody is found by the id */
	assert_int_equal(house->answered_session, 78);
	assert_int_equal(house->answered, RCPT_TEMPFAIL);
	/* one that is under way when the intake closes is waited for: see teardown */
	delivery = ingest_begin(house->ingest);
	assert_int_equal(add_rcpt(house, delivery, address.text), RCPT_LATER);
	delivery_free(delivery);
}

static void lookups_under_way_are_bounded(void **state)
{
	enum { N = 80, MAX = 64 };
	struct house *house = *state;
	struct folded address = send_address(house);
	struct delivery *deliveries[N];
	size_t later = 0;
	for (size_t i = 0; i < N; i++) {
		deliveries[i] = ingest_begin(house->ingest);
		enum rcpt_status status = add_rcpt(house, deliveries[i], address.text);
		assert_int_equal(status, i < MAX ? RCPT_LATER : RCPT_TEMPFAIL);
		later += status == RCPT_LATER;
	}
	wait_for_answers(house, later);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(deliveries[i]->envelope.recipients_n, i < MAX);
		delivery_free(deliveries[i]);
	}
	assert_int_equal(house->answers, MAX);
}

static void a_customer_is_confirmed_to_and_the_team_told(void **state)
{
	struct house *house = *state;
	struct outbox_counts counts;
	deliver(house, "acme", MAIL("1", "It smokes."), "created ticket=ACME-00001");
	assert_int_equal(reader_outbox_counts(house->reader, &counts), 0);
	assert_int_equal(counts.due, 2);
	assert_int_equal(house->wakes, 1);
	deliver(house, "acme", MAIL("1", "It smokes."), "duplicate ticket=ACME-00001");
	assert_int_equal(reader_outbox_counts(house->reader, &counts), 0);
	assert_int_equal(counts.due, 2);
	assert_int_equal(house->wakes, 1);
}

/* As a relay writes it: RFC 3464. */
static const char report[] =
	"From: MAILER-DAEMON@relay.example (Mail Delivery System)\r\n"
	"To: bounce@serveloapp.com\r\n"
	"Subject: Undelivered Mail Returned to Sender\r\n"
	"Auto-Submitted: auto-replied\r\n"
	"MIME-Version: 1.0\r\n"
	"Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n"
	"--b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n"
	"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
	"Reporting-MTA: dns; relay.example\r\n\r\n"
	"Final-Recipient: rfc822; jane@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n"
	"Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n--b--\r\n";

struct newest {
	struct outbox_id id, confirmed;
	enum outbox_kind kind;
	enum outbox_state confirmed_state;
};

static bool keep_newest(void *ctx, const struct outbox_view *view)
{
	struct newest *newest = ctx;
	if (!newest->id.v) {
		newest->id = view->row.id;
		newest->kind = view->row.kind;
	}
	if (view->row.kind == OUTBOX_CONFIRM) {
		newest->confirmed = view->row.id;
		newest->confirmed_state = view->row.state;
	}
	return true;
}

static struct newest newest_jobs(struct house *house)
{
	struct newest newest = {.id = {0}};
	const struct outbox_filter all = {.state = -2, .limit = 10};
	assert_int_equal(reader_outbox(house->reader, &all, keep_newest, &newest), 0);
	return newest;
}

static void a_report_from_the_wire_marks_its_job(void **state)
{
	struct house *house = *state;
	char token[BOUNCE_TOKEN_MAX + 1], local[BOUNCE_TOKEN_MAX + 16];
	const char *nobody[] = {NULL};
	deliver(house, "acme", MAIL("1", "It smokes."), "created ticket=ACME-00001");
	assert_int_equal(bounce_token_mint(house->keys, newest_jobs(house).confirmed, token), 0);
	snprintf(local, sizeof(local), "bounce+%s", token);
	struct delivery *delivery = make(house, nobody, str_from(report));
	assert_int_equal(add_rcpt(house, delivery, local), RCPT_UNKNOWN); /* not from the null reverse-path */
	delivery->envelope.reverse_path = (struct mailaddr){STR(""), STR("")};
	assert_int_equal(add_rcpt(house, delivery, local), RCPT_ACCEPTED);
	ingest_submit(house->ingest, delivery);
	run_until(house, 2);
	assert_true(str_eq(house->back->reply_text, STR("bounce_report ticket=ACME-00001")));
	struct newest newest = newest_jobs(house);
	assert_int_equal(newest.confirmed_state, OUTBOX_BOUNCED);
	assert_int_equal(newest.kind, OUTBOX_NOTIFY_FAILURE);
	assert_int_equal(house->wakes, 2);
	assert_int_equal(balance(house).unaccounted, 0);
}

#define WITH_HOUSE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "parser") == 0)
		return parser_child_main(3);
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		WITH_HOUSE(a_mail_is_a_ticket_and_its_repeat_is_not),
		WITH_HOUSE(a_repeat_leads_to_the_first_original),
		WITH_HOUSE(an_answer_finds_its_ticket),
		WITH_HOUSE(recipients_are_stored_together),
		WITH_HOUSE(when_one_recipient_fails_none_is_stored),
		WITH_HOUSE(big_mail_goes_through_a_file),
		WITH_HOUSE(anything_that_got_in_is_a_ticket),
		WITH_HOUSE(mailboxes_are_judged_at_rcpt),
		WITH_HOUSE(refusals_are_accounted_for),
		WITH_HOUSE(many_at_once_all_come_back),
		WITH_HOUSE(a_hundred_recipients_of_a_long_subject),
		WITH_HOUSE(what_is_too_much_is_told_and_accounted_for),
		WITH_HOUSE(a_customer_is_confirmed_to_and_the_team_told),
		WITH_HOUSE(a_report_from_the_wire_marks_its_job),
		WITH_HOUSE(a_lower_cased_token_is_found),
		WITH_HOUSE(a_lower_cased_token_that_never_left_is_unknown),
		WITH_HOUSE(a_session_may_go_while_its_token_is_looked_up),
		WITH_HOUSE(lookups_under_way_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
