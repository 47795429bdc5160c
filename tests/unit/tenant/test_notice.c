/*
 * Jobs: to addresses only, each under a Message-ID of its own that we know again; and what follows when one fails, once
 * for each kind of mail.
 */
#include "tests/unit/storage/fixture.h"

#include "base/mailaddr.h"
#include "storage/participant.h"
#include "tenant/notice.h"
#include "tenant/reply_token.h"

#define DOMAIN STR("serveloapp.com")
#define NOW_MS INT64_C(1790000000000)

static struct key_ring *keys;
static struct notice_maker maker;

static int setup(void **state)
{
	struct fixture *f = XNEW(struct fixture);
	fixture_init(f);
	fixture_open(f, NULL);
	fixture_tenant(f);
	assert_int_equal(key_ring_new(&keys, &STR("0123456789abcdef0123456789abcdeA"), 1), 0);
	maker = (struct notice_maker){keys, DOMAIN};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fixture_done(*state);
	free(*state);
	keys = key_ring_unref(keys);
	return 0;
}

/* A notice, and the row that came of it; its texts are copies. */
struct made {
	struct notice notice;
	struct outbox_id id;
	struct outbox_row row;
	char recipient[600], message_id[600], text[600];
};

static void keep(char *ret, size_t ret_size, struct str *text)
{
	snprintf(ret, ret_size, "%.*s", STR_ARG(*text));
	*text = str_from(ret);
}

static int read_row(struct made *made, struct store_txn *txn)
{
	int r = outbox_get(txn, made->id, &made->row);
	if (r < 0)
		return r;
	keep(made->recipient, sizeof(made->recipient), &made->row.recipient);
	keep(made->message_id, sizeof(made->message_id), &made->row.header_message_id);
	keep(made->text, sizeof(made->text), &made->row.text);
	return 0;
}

static int make_fn(void *ctx, struct store_txn *txn)
{
	struct made *made = ctx;
	int r = notice_add(txn, &maker, &made->notice, &made->id);
	return r < 0 ? r : read_row(made, txn);
}

static int get_fn(void *ctx, struct store_txn *txn)
{
	return read_row(ctx, txn);
}

static struct notice notice_of(const struct mail_rows *mail, enum outbox_kind kind, const char *recipient)
{
	return (struct notice){
		.kind = kind,
		.tenant = mail->tenant,
		.slug = STR("acme"),
		.ticket = mail->ticket,
		.ticket_number = mail->number,
		.comment = mail->comment,
		.message = mail->message,
		.participant = PARTICIPANT_REQUESTER,
		.recipient = str_from(recipient),
		.mailbox = STR(""),
		.text = STR(""),
		.now_ms = NOW_MS,
	};
}

static void a_job_is_made(void **state)
{
	struct fixture *f = *state;
	struct mail_rows mail = add_mail(f, 100);
	struct made made = {.notice = notice_of(&mail, OUTBOX_CONFIRM, "Jane.Doe@Example.COM")};
	made.notice.text = STR("a text");
	assert_int_equal(run(f, make_fn, &made), 0);
	assert_int_equal(made.row.kind, OUTBOX_CONFIRM);
	assert_int_equal(made.row.state, OUTBOX_DUE);
	assert_int_equal(made.row.tenant.v, mail.tenant.v);
	assert_int_equal(made.row.ticket.v, mail.ticket.v);
	assert_int_equal(made.row.comment.v, mail.comment.v);
	assert_int_equal(made.row.message.v, mail.message.v);
	assert_int_equal(made.row.participant, PARTICIPANT_REQUESTER);
	assert_int_equal(made.row.created_ms, NOW_MS);
	assert_int_equal(made.row.due_ms, NOW_MS);
	assert_string_equal(made.recipient, "Jane.Doe@example.com");
	assert_string_equal(made.text, "a text");
	struct own_message_id id;
	assert_int_equal(own_message_id_check(keys, made.row.header_message_id, DOMAIN, &id), 0);
	assert_string_equal(id.slug, "acme");
	assert_int_equal(id.ticket, mail.number);
	/* the same again is another mail */
	struct made again = {.notice = made.notice};
	assert_int_equal(run(f, make_fn, &again), 0);
	assert_string_not_equal(again.message_id, made.message_id);
	assert_int_not_equal(again.id.v, made.id.v);
}

static void a_forward_is_nobody_s_ticket(void **state)
{
	struct fixture *f = *state;
	struct mail_rows mail = add_mail(f, 100);
	struct made made = {.notice = {
				    .kind = OUTBOX_FORWARD,
				    .message = mail.message,
				    .recipient = STR("operator@example.net"),
				    .mailbox = STR("postmaster@serveloapp.com"),
				    .now_ms = NOW_MS,
			    }};
	assert_int_equal(run(f, make_fn, &made), 0);
	struct own_message_id id;
	assert_int_equal(own_message_id_check(keys, made.row.header_message_id, DOMAIN, &id), 0);
	assert_string_equal(id.slug, "mx");
	assert_int_equal(id.ticket, 0);
	assert_int_equal(made.row.tenant.v, 0);
}

static void recipients(void **state)
{
	static const struct {
		struct str recipient;
		const char *want; /* NULL: no job */
	} cases[] = {
		{STR_INIT("jane@example.com"), "jane@example.com"},
		{STR_INIT("j\xc3\xb6rg@ex\xc3\xa4mple.com"), "j\xc3\xb6rg@ex\xc3\xa4mple.com"},
		{STR_INIT("\"jane\"@example.com"), "jane@example.com"},
		{STR_INIT("\"jane doe\"@example.com"), "\"jane doe\"@example.com"},
		{STR_INIT("jane..doe.@docomo.example"), "\"jane..doe.\"@docomo.example"},
		{STR_INIT("jane@[192.0.2.1]"), "jane@[192.0.2.1]"},
		{STR_INIT(""), NULL},
		{STR_INIT("jane"), NULL},
		{STR_INIT("jane@"), NULL},
		{STR_INIT("@example.com"), NULL},
		{STR_INIT("jane@example.com, bob@example.com"), NULL},
		{STR_INIT("jane@example.com bob@example.com"), NULL},
		{STR_INIT("<jane@example.com>"), NULL},
		{STR_INIT("jane@example.com>\r\nRCPT TO:<bob@example.com"), NULL},
		{STR_INIT("jane\r\nBcc: bob@example.com"), NULL},
		{STR_INIT("jane\n@example.com"), NULL},
		{STR_INIT("jane\0@example.com"), NULL},
		{STR_INIT("\"jane\r\n\"@example.com"), NULL},
		{STR_INIT("jane\xff@example.com"), NULL},
		{STR_INIT("jane@exam_ple.com"), NULL},
		{STR_INIT("a-local-part-of-more-than-sixty-four-octets-which-is-more-than-there-may-be@x."
			  "example"),
		 NULL},
	};
	struct fixture *f = *state;
	struct mail_rows mail = add_mail(f, 100);
	int64_t jobs = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct made made = {.notice = notice_of(&mail, OUTBOX_ANSWER, "")};
		made.notice.recipient = cases[i].recipient;
		int r = run(f, make_fn, &made);
		if (r != (cases[i].want ? 0 : -EINVAL))
			fail_msg("%.*s: %d", STR_ARG(cases[i].recipient), r);
		if (cases[i].want)
			assert_string_equal(made.recipient, cases[i].want);
		jobs += cases[i].want != NULL;
		assert_int_equal(ask(f, "SELECT count(*) FROM outbox"), jobs);
	}
}

static int make_unasked_fn(void *ctx, struct store_txn *txn)
{
	return notice_add(txn, &maker, ctx, NULL);
}

static void the_id_need_not_be_asked_for(void **state)
{
	struct fixture *f = *state;
	struct mail_rows mail = add_mail(f, 100);
	struct notice notice = notice_of(&mail, OUTBOX_ANSWER, "jane@example.com");
	assert_int_equal(run(f, make_unasked_fn, &notice), 0);
	assert_int_equal(ask(f, "SELECT count(*) FROM outbox"), 1);
}

/* A fault of ours is not mistaken for a recipient who is none. */
static void a_message_id_that_cannot_be(void **state)
{
	struct fixture *f = *state;
	struct mail_rows mail = add_mail(f, 100);
	struct made made = {.notice = notice_of(&mail, OUTBOX_ANSWER, "jane@example.com")};
	made.notice.ticket_number = TOKEN_NUMBER_MAX + 1;
	assert_int_equal(run(f, make_fn, &made), -ERANGE);
	made.notice.ticket_number = 1;
	made.notice.slug = STR("no_slug");
	assert_int_equal(run(f, make_fn, &made), -ERANGE);
	made.notice.slug = STR("a-slug-of-thirty-three-characters");
	assert_int_equal(run(f, make_fn, &made), -ERANGE);
	made.notice.slug = STR("acme");
	maker.domain = STR("no domain>\r\n");
	assert_int_equal(run(f, make_fn, &made), -ERANGE);
	maker.domain = DOMAIN;
	assert_int_equal(run(f, make_fn, &made), 0);
}

static void the_team_s_address(void **state)
{
	(void)state;
	assert_true(str_eq(notice_team_address(STR("team@x"), STR("admin@x")), STR("team@x")));
	assert_true(str_eq(notice_team_address(STR(""), STR("admin@x")), STR("admin@x")));
	assert_int_equal(notice_team_address(STR(""), STR("")).len, 0);
}

/* ---- failures ---- */

struct failed {
	struct outbox_id id;
	struct str why;
	bool told;
};

/* With the views of a row that the next statement ends, as callers have them. */
static int fail_fn(void *ctx, struct store_txn *txn)
{
	struct failed *failed = ctx;
	struct outbox_row row;
	int r = outbox_get(txn, failed->id, &row);
	if (r < 0)
		return r;
	return notice_failed(txn, &maker, &row, failed->why, NOW_MS + 1, &failed->told);
}

struct comment_text {
	int64_t comment;
	char text[2048];
};

static int comment_text_fn(void *ctx, struct store_txn *txn)
{
	struct comment_text *asked = ctx;
	struct stmt *s = stmt_use(txn->db, "SELECT text FROM comment WHERE id = ?1");
	stmt_int(s, 1, asked->comment);
	int r = stmt_step(s);
	struct str text = r > 0 ? stmt_col_text(s, 0) : STR("");
	snprintf(asked->text, sizeof(asked->text), "%.*s", STR_ARG(text));
	stmt_reset(s);
	return r > 0 ? 0 : -ENOENT;
}

static const struct {
	enum outbox_kind kind;
	const char *text;
	bool told;
} failures[] = {
	{OUTBOX_CONFIRM,
	 "The confirmation to jane@example.net could not be delivered: 550 5.1.1 no such user", true},
	{OUTBOX_ANSWER, "The answer to jane@example.net could not be delivered: 550 5.1.1 no such user",
	 true},
	{OUTBOX_NOTIFY_TICKET,
	 "The notification of this ticket to jane@example.net could not be delivered: 550 5.1.1 no such user",
	 false},
	{OUTBOX_NOTIFY_COMMENT,
	 "The notification of a comment to jane@example.net could not be delivered: 550 5.1.1 no such user",
	 false},
	{OUTBOX_NOTIFY_FAILURE,
	 "The notice of a failed delivery to jane@example.net could not be delivered: 550 5.1.1 no such user",
	 false},
	{OUTBOX_NOTIFY_ASSIGNED,
	 "The notice that this ticket was assigned, to jane@example.net could not be delivered: 550 5.1.1 no "
	 "such user",
	 false},
};

static void a_failure_is_shown_and_told(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		struct mail_rows mail = add_mail(f, 100);
		struct made made = {.notice = notice_of(&mail, failures[i].kind, "jane@example.net")};
		assert_int_equal(run(f, make_fn, &made), 0);
		int64_t jobs = ask(f, "SELECT count(*) FROM outbox");
		struct failed failed = {made.id, STR("550 5.1.1 no such user"), !failures[i].told};
		assert_int_equal(run(f, fail_fn, &failed), 0);
		assert_int_equal(failed.told, failures[i].told);
		assert_int_equal(ask(f, "SELECT count(*) FROM outbox"), jobs + failures[i].told);
		struct comment_text comment = {.comment = ask(f, "SELECT max(id) FROM comment")};
		assert_int_equal(run(f, comment_text_fn, &comment), 0);
		assert_string_equal(comment.text, failures[i].text);
		assert_int_equal(ask(f, "SELECT ticket FROM comment ORDER BY id DESC LIMIT 1"),
				 mail.ticket.v);
		assert_int_equal(ask(f, "SELECT visibility FROM comment ORDER BY id DESC LIMIT 1"),
				 COMMENT_INTERNAL);
		assert_int_equal(ask(f, "SELECT author_kind FROM comment ORDER BY id DESC LIMIT 1"),
				 COMMENT_BY_SYSTEM);
		if (!failures[i].told)
			continue;
		struct made told = {.id = {ask(f, "SELECT max(id) FROM outbox")}};
		assert_int_equal(run(f, get_fn, &told), 0);
		assert_int_equal(told.row.kind, OUTBOX_NOTIFY_FAILURE);
		assert_int_equal(told.row.ticket.v, mail.ticket.v);
		assert_int_equal(told.row.comment.v, comment.comment);
		assert_int_equal(told.row.participant, PARTICIPANT_TEAM);
		assert_string_equal(told.recipient, "admin@acme.example");
		assert_string_equal(told.text, "550 5.1.1 no such user");
		struct own_message_id id;
		assert_int_equal(own_message_id_check(keys, told.row.header_message_id, DOMAIN, &id), 0);
		assert_string_equal(id.slug, "acme");
		assert_int_equal(id.ticket, mail.number);
	}
}

static void a_failure_without_a_ticket_is_nobody_s(void **state)
{
	struct fixture *f = *state;
	struct mail_rows mail = add_mail(f, 100);
	static const enum outbox_kind kinds[] = {OUTBOX_FORWARD, OUTBOX_FORWARDING};
	int64_t comments = ask(f, "SELECT count(*) FROM comment");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct made made = {.notice = notice_of(&mail, kinds[i], "operator@example.net")};
		made.notice.ticket.v = made.notice.comment.v = made.notice.ticket_number = 0;
		assert_int_equal(run(f, make_fn, &made), 0);
		struct failed failed = {made.id, STR("550 no"), true};
		assert_int_equal(run(f, fail_fn, &failed), 0);
		assert_false(failed.told);
	}
	assert_int_equal(ask(f, "SELECT count(*) FROM comment"), comments);
	assert_int_equal(ask(f, "SELECT count(*) FROM outbox"), 2);
}

static void notify_email_comes_first(void **state)
{
	struct fixture *f = *state;
	struct mail_rows mail = add_mail(f, 100);
	struct made made = {.notice = notice_of(&mail, OUTBOX_ANSWER, "jane@example.net")};
	tamper(f, "UPDATE tenant SET notify_email = 'Team@Acme.example'");
	assert_int_equal(run(f, make_fn, &made), 0);
	struct failed failed = {made.id, STR("no"), false};
	assert_int_equal(run(f, fail_fn, &failed), 0);
	struct made told = {.id = {ask(f, "SELECT max(id) FROM outbox")}};
	assert_int_equal(run(f, get_fn, &told), 0);
	assert_string_equal(told.recipient, "Team@acme.example");
}

/* A tenant whose address is none has the ticket to look at. */
static void a_team_without_an_address(void **state)
{
	struct fixture *f = *state;
	struct mail_rows mail = add_mail(f, 100);
	struct made made = {.notice = notice_of(&mail, OUTBOX_ANSWER, "jane@example.net")};
	tamper(f, "UPDATE tenant SET notify_email = '', admin_email = 'nobody'");
	assert_int_equal(run(f, make_fn, &made), 0);
	struct failed failed = {made.id, STR("no"), true};
	assert_int_equal(run(f, fail_fn, &failed), 0);
	assert_false(failed.told);
	assert_int_equal(ask(f, "SELECT count(*) FROM outbox"), 1);
	assert_int_equal(ask(f, "SELECT count(*) FROM comment"), 2);
}

/* Nor does a tenant of whom no Message-ID can be made hold up the others' settling. */
static void a_mail_that_cannot_be_made(void **state)
{
	struct fixture *f = *state;
	struct mail_rows mail = add_mail(f, 100);
	struct made made = {.notice = notice_of(&mail, OUTBOX_ANSWER, "jane@example.net")};
	assert_int_equal(run(f, make_fn, &made), 0);
	tamper(f, "UPDATE ticket SET number = 268435456");
	struct failed failed = {made.id, STR("no"), true};
	assert_int_equal(run(f, fail_fn, &failed), 0);
	assert_false(failed.told);
	assert_int_equal(ask(f, "SELECT count(*) FROM comment"), 2);
}

/* The words are another server's: one line of valid UTF-8, not too long, whatever they were. */
static void what_was_said_is_hostile(void **state)
{
	char huge[4 * OUTBOX_WHY_MAX];
	struct fixture *f = *state;
	memset(huge, 'x', sizeof(huge));
	/* a character across the limit */
	memcpy(huge + OUTBOX_WHY_MAX - 1, "\xc3\xa4", 2);
	const struct {
		struct str why;
		const char *want;
	} cases[] = {
		{STR(""), "The answer to jane@example.net could not be delivered."},
		{STR(" \r\n"), "The answer to jane@example.net could not be delivered."},
		{STR("550 no\r\n\r\nBcc: all\x1b[2J\x7f"),
		 "The answer to jane@example.net could not be delivered: 550 no Bcc: all [2J"},
		{STR("550 j\xf6rg"), "The answer to jane@example.net could not be delivered: 550 j?rg"},
		{STR("550 j\xc3\xb6rg"),
		 "The answer to jane@example.net could not be delivered: 550 j\xc3\xb6rg"},
		{STR("550 %s%n%d"), "The answer to jane@example.net could not be delivered: 550 %s%n%d"},
		{{huge, sizeof(huge)}, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mail_rows mail = add_mail(f, 100);
		struct made made = {.notice = notice_of(&mail, OUTBOX_ANSWER, "jane@example.net")};
		assert_int_equal(run(f, make_fn, &made), 0);
		struct failed failed = {made.id, cases[i].why, false};
		assert_int_equal(run(f, fail_fn, &failed), 0);
		assert_true(failed.told);
		struct comment_text comment = {.comment = ask(f, "SELECT max(id) FROM comment")};
		assert_int_equal(run(f, comment_text_fn, &comment), 0);
		if (cases[i].want)
			assert_string_equal(comment.text, cases[i].want);
		struct made told = {.id = {ask(f, "SELECT max(id) FROM outbox")}};
		assert_int_equal(run(f, get_fn, &told), 0);
		assert_true(strlen(told.text) <= OUTBOX_WHY_MAX && utf8_valid(str_from(told.text)));
		if (!cases[i].want)
			assert_int_equal(strlen(told.text), OUTBOX_WHY_MAX - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_job_is_made, setup, teardown),
		cmocka_unit_test_setup_teardown(a_forward_is_nobody_s_ticket, setup, teardown),
		cmocka_unit_test_setup_teardown(recipients, setup, teardown),
		cmocka_unit_test_setup_teardown(the_id_need_not_be_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(a_message_id_that_cannot_be, setup, teardown),
		cmocka_unit_test(the_team_s_address),
		cmocka_unit_test_setup_teardown(a_failure_is_shown_and_told, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failure_without_a_ticket_is_nobody_s, setup, teardown),
		cmocka_unit_test_setup_teardown(notify_email_comes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(a_team_without_an_address, setup, teardown),
		cmocka_unit_test_setup_teardown(a_mail_that_cannot_be_made, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_said_is_hostile, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
