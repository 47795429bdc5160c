/* What is read for a mail that leaves: everything of its job, and the conversation as its recipient has it. */
#include "fixture.h"
#include "storage/outgoing.h"

struct world {
	struct fixture f;
	struct reader *reader;
	struct arena arena;
	struct mail_rows mail; /* the ticket's first */
};

static int setup(void **state)
{
	struct world *w = XNEW(struct world);
	struct conf_error error = {.text = ""};
	fixture_init(&w->f);
	fixture_open(&w->f, NULL);
	fixture_tenant(&w->f);
	arena_init(&w->arena, 1024 * 1024);
	w->mail = add_mail(&w->f, 300);
	tamper(&w->f, "UPDATE comment SET header_message_id = 'first@x', created_ms = 1");
	if (reader_open(&w->reader, &w->f.conf, &error) < 0)
		fail_msg("%s", error.text);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	reader_close(w->reader);
	arena_done(&w->arena);
	fixture_done(&w->f);
	free(w);
	return 0;
}

struct job_addition {
	struct outbox_row row;
	struct outbox_id id;
};

static int add_job_fn(void *ctx, struct store_txn *txn)
{
	struct job_addition *addition = ctx;
	return outbox_add(txn, &addition->row, &addition->id);
}

static struct outbox_id add_job(struct world *w, const struct outbox_row *row)
{
	struct job_addition addition = {.row = *row};
	assert_int_equal(run(&w->f, add_job_fn, &addition), 0);
	return addition.id;
}

static int attachments_fn(void *ctx, struct store_txn *txn)
{
	struct world *w = ctx;
	for (int64_t i = 1; i <= 3; i++) {
		struct attachment_row row = {.position = i,
					     .part = STR("2.1"),
					     .filename = i == 2 ? STR("b.pdf") : STR("a.exe"),
					     .media_type = STR("application/pdf"),
					     .size = i * 10,
					     .left_out = i == 2 ? STR("") : STR("blocked type")};
		int r = attachment_add(txn, w->mail.comment, &row);
		if (r < 0)
			return r;
	}
	return 0;
}

static void everything_of_a_job_is_there(void **state)
{
	struct world *w = *state;
	struct outgoing out;
	assert_int_equal(run(&w->f, attachments_fn, w), 0);
	const struct outbox_row row = {.kind = OUTBOX_NOTIFY_TICKET,
				       .tenant = w->f.tenant,
				       .ticket = w->mail.ticket,
				       .comment = w->mail.comment,
				       .participant = 2,
				       .recipient = STR("admin@acme.example"),
				       .header_message_id = STR("ours@x")};
	struct outbox_id id = add_job(w, &row);
	assert_int_equal(reader_outgoing(w->reader, id, &w->arena, &out), 0);
	w->reader = reader_close(w->reader); /* nothing in it is the reader's */
	fixture_close(&w->f);
	assert_int_equal(out.job.id.v, id.v);
	assert_true(str_eq(out.job.recipient, STR("admin@acme.example")));
	assert_true(str_eq(out.tenant.slug, STR("acme")));
	assert_true(str_eq(out.tenant.admin_email, STR("admin@acme.example")));
	assert_true(str_eq(out.ticket.reference, STR("ACME-00001")));
	assert_true(str_eq(out.ticket.subject, STR("It does not work")));
	assert_true(str_eq(out.ticket.addressed_to, STR("acme@serveloapp.com")));
	assert_true(str_eq(out.requester_address, STR("jane@example.com")));
	assert_true(str_eq(out.requester_name, STR("Jane")));
	assert_true(str_eq(out.comment.text, STR("Hello,\n\nit does not work.\n")));
	assert_null(out.comment.reply.ptr); /* it is all of text */
	assert_true(str_eq(out.comment_author_name, STR("Jane")));
	assert_string_equal(out.comment_mail.text, w->mail.id.text);
	assert_int_equal(out.attachments_n, 3);
	assert_true(str_eq(out.attachments[1].filename, STR("b.pdf")));
	assert_true(str_eq(out.attachments[2].left_out, STR("blocked type")));
	assert_int_equal(out.attachments[2].position, 3);
	assert_int_equal(out.thread_n, 1);
	assert_true(str_eq(out.thread[0], STR("first@x")));
	assert_int_equal(out.original.id.v, 0);
}

static void a_forward_has_its_original_and_nothing_else(void **state)
{
	struct world *w = *state;
	struct outgoing out;
	struct mail_rows big = add_mail(&w->f, 300000);
	const struct outbox_row row = {.kind = OUTBOX_FORWARD,
				       .message = big.message,
				       .recipient = STR("op@example.com"),
				       .mailbox = STR("support")};
	assert_int_equal(reader_outgoing(w->reader, add_job(w, &row), &w->arena, &out), 0);
	assert_int_equal(out.tenant.id.v, 0);
	assert_int_equal(out.ticket.id.v, 0);
	assert_int_equal(out.comment.id.v, 0);
	assert_int_equal(out.thread_n, 0);
	assert_int_equal(out.attachments_n, 0);
	assert_int_equal(out.comment_mail.text[0], 0);
	assert_int_equal(out.original.id.v, big.message.v);
	assert_int_equal(out.original.size, 300000);
	assert_string_equal(out.original.mail_id.text, big.id.text);
	assert_true(out.original.file.len > MAIL_ID_LEN);
	assert_true(str_eq(out.original.client_ip, STR("192.0.2.1")));
}

static void what_is_missing_is_said(void **state)
{
	struct world *w = *state;
	struct outgoing out;
	const struct outbox_row row = {.tenant = w->f.tenant,
				       .ticket = w->mail.ticket,
				       .comment = w->mail.comment,
				       .participant = 1};
	struct outbox_id id = add_job(w, &row);
	struct arena tiny;
	assert_int_equal(reader_outgoing(w->reader, (struct outbox_id){id.v + 1}, &w->arena, &out), -ENOENT);
	for (size_t size = 1; size < 250; size += 7) {
		arena_init(&tiny, size);
		assert_int_equal(reader_outgoing(w->reader, id, &tiny, &out), -ENOBUFS);
		arena_done(&tiny);
	}
	assert_int_equal(reader_outgoing(w->reader, id, &w->arena, &out), 0);
	tamper(&w->f, "DELETE FROM comment");
	assert_int_equal(reader_outgoing(w->reader, id, &w->arena, &out), -ENOENT);
}

/* ---- threads ---- */

/* Rows of ticket 1: kind (0 client, 1 agent, 2 system), visibility, Message-ID, time. */
#define COMMENT(kind, visibility, id, ms)                                                          \
	"INSERT INTO comment SELECT NULL, 1, tenant, NULL, " kind ", NULL, " visibility ", 0, " ms \
	", NULL, '', '" id "', '', NULL, 't' FROM comment WHERE id = 1;"
#define JOB(participant, state, id, ms)                                                                      \
	"INSERT INTO outbox SELECT NULL, 1, " state ", 1, 1, NULL, NULL, " participant ", " ms ", 0, 0, 0, " \
	"0, 'a', '', '" id "', '', '';"
/* A conversation: the team and the customer, with a stranger, a system's note and mails that never left. */
#define CONVERSATION                                                               \
	JOB("4", "4", "to-agent-4@us", "3") /* for the comment of the same time */ \
	JOB("2", "4", "to-team-1@us", "2")                                         \
	JOB("1", "4", "to-client-1@us", "2")                                       \
	COMMENT("1", "0", "agent-1@x", "3")                                        \
	JOB("1", "5", "to-client-2@us", "3")                                       \
	COMMENT("0", "1", "stranger@x", "4")                                       \
	JOB("2", "3", "cancelled@us", "4")                                         \
	JOB("1", "2", "failed@us", "5")                                            \
	JOB("1", "0", "waiting@us", "5")                                           \
	COMMENT("0", "0", "client-2@x", "6")                                       \
	JOB("2", "4", "to-team-2@us", "6")                                         \
	JOB("3", "4", "to-agent-3@us", "6")                                        \
	COMMENT("2", "0", "system@x", "7")                                         \
	COMMENT("1", "1", "agent-2@x", "8")                                        \
	COMMENT("1", "0", "", "9")

static void print_thread(struct world *w, int64_t participant, int64_t comment, int64_t created_ms, char *ret,
			 size_t size)
{
	struct outgoing out;
	const struct outbox_row row = {.kind = OUTBOX_ANSWER,
				       .tenant = w->f.tenant,
				       .ticket = w->mail.ticket,
				       .comment = {comment},
				       .participant = participant,
				       .created_ms = created_ms};
	size_t used = 0;
	ret[0] = '\0';
	assert_int_equal(reader_outgoing(w->reader, add_job(w, &row), &w->arena, &out), 0);
	assert_true(out.thread_n <= OUTGOING_THREAD_MAX);
	for (size_t i = 0; i < out.thread_n; i++)
		used += (size_t)snprintf(ret + used, size - used, "%.*s ", STR_ARG(out.thread[i]));
}

static void a_thread_is_what_the_recipient_has(void **state)
{
	struct world *w = *state;
	tamper(&w->f, CONVERSATION);
	static const struct {
		int64_t participant, comment, created_ms;
		const char *thread;
	} cases[] = {
		{1, 0, 100, "first@x to-client-1@us to-client-2@us client-2@x "},
		{2, 0, 100, "first@x to-team-1@us agent-1@x to-team-2@us agent-2@x "},
		{3, 0, 100, "first@x agent-1@x to-agent-3@us agent-2@x "},
		{4, 0, 100, "first@x agent-1@x to-agent-4@us agent-2@x "},
		{5, 0, 100, "first@x agent-1@x agent-2@x "},
		{0, 0, 100, ""},
		/* a job that is old knows no newer comments */
		{4, 0, 3, "first@x agent-1@x to-agent-4@us "},
		{1, 2, 100, "first@x to-client-1@us to-client-2@us "},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[2048];
		print_thread(w, cases[i].participant, cases[i].comment, cases[i].created_ms, text,
			     sizeof(text));
		assert_string_equal(text, cases[i].thread);
	}
}

static void what_was_sent_after_a_job_is_not_in_its_thread(void **state)
{
	struct world *w = *state;
	struct outgoing out;
	const struct outbox_row row = {.tenant = w->f.tenant,
				       .ticket = w->mail.ticket,
				       .comment = w->mail.comment,
				       .participant = 1};
	struct outbox_id id = add_job(w, &row);
	tamper(&w->f, CONVERSATION);
	assert_int_equal(reader_outgoing(w->reader, id, &w->arena, &out), 0);
	assert_int_equal(out.thread_n, 1);
}

static void a_long_thread_keeps_its_first_and_its_newest(void **state)
{
	struct world *w = *state;
	char text[2048], wanted[2048];
	size_t used = (size_t)snprintf(wanted, sizeof(wanted), "first@x ");
	for (int i = 300 - (OUTGOING_THREAD_MAX - 2); i <= 300; i++)
		used += (size_t)snprintf(wanted + used, sizeof(wanted) - used, "c%d@x ", i);
	tamper(&w->f, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
		      " INSERT INTO comment SELECT NULL, 1, tenant, NULL, 0, NULL, 0, 0, 10 + i, NULL, '',"
		      " 'c' || i || '@x', '', NULL, 't' FROM comment, n WHERE id = 1");
	print_thread(w, 1, 0, 10000, text, sizeof(text));
	assert_string_equal(text, wanted);
	/* one that is there twice takes one place; one that fits in no line takes none */
	tamper(&w->f, "UPDATE comment SET header_message_id = 'c300@x' WHERE created_ms = 309;"
		      "UPDATE comment SET header_message_id = replace(hex(zeroblob(500)), '00', 'aa')"
		      " WHERE created_ms = 308");
	print_thread(w, 1, 0, 10000, text, sizeof(text));
	assert_non_null(strstr(text, "first@x c276@x "));
	assert_non_null(strstr(text, " c297@x c300@x "));
}

static void a_ticket_without_message_ids_has_an_empty_thread(void **state)
{
	struct world *w = *state;
	char text[2048];
	tamper(&w->f, "UPDATE comment SET header_message_id = ''");
	print_thread(w, 1, 0, 100, text, sizeof(text));
	assert_string_equal(text, "");
	tamper(&w->f, JOB("1", "4", "to-client-1@us", "2"));
	print_thread(w, 1, 0, 100, text, sizeof(text));
	assert_string_equal(text, "to-client-1@us ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_of_a_job_is_there),
		TEST(a_forward_has_its_original_and_nothing_else),
		TEST(what_is_missing_is_said),
		TEST(a_thread_is_what_the_recipient_has),
		TEST(what_was_sent_after_a_job_is_not_in_its_thread),
		TEST(a_long_thread_keeps_its_first_and_its_newest),
		TEST(a_ticket_without_message_ids_has_an_empty_thread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
