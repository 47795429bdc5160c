/* Who is told of a ticket and of a comment, and what becomes of the status: tables against a real store. */
#include "tests/unit/ingest/desk.h"

#include "ingest/conversation.h"

#define JANE "jane@example.org"

/* One call of the conversation, in a job of its own. */
struct talk {
	struct store_job job;
	struct desk *desk;
	struct ticket_id ticket;
	struct speaker speaker;
	const char *author;
	bool jobs_due;
	/* conversation_started() instead */
	const struct conversation_start *start;
	enum quota_verdict verdict;
	const char *admin_email, *notify_email; /* NULL: the tenant's */
};

static struct tenant tenant_of(const struct talk *talk)
{
	struct tenant tenant = *tenants_find(talk->desk->tenants, STR("acme"));
	if (talk->admin_email)
		tenant.admin_email = str_from(talk->admin_email);
	if (talk->notify_email)
		tenant.notify_email = str_from(talk->notify_email);
	return tenant;
}

static int say(struct conversation *conversation, const struct talk *talk, struct arena *arena)
{
	struct ticket_row ticket;
	struct people people;
	struct comment_row row = {.ticket = talk->ticket,
				  .tenant = conversation->tenant->id,
				  .author_kind = COMMENT_BY_AGENT,
				  .author_address = str_from(talk->author),
				  .visibility = talk->speaker.visibility,
				  .text = STR("words"),
				  .note = STR(""),
				  .header_message_id = STR(""),
				  .created_ms = conversation->now_ms};
	struct conversation_comment comment = {.ticket = &ticket,
					       .speaker = talk->speaker,
					       .author_address = str_from(talk->author),
					       .people = &people};
	int r = comment_add(conversation->txn, &row, &comment.comment);
	if (r == 0)
		r = ticket_get(conversation->txn, talk->ticket, &ticket);
	if (r == 0)
		r = conversation_people(conversation, &ticket, arena, &people);
	if (r < 0)
		return r;
	assert_true(str_eq(people.requester, STR(JANE)));
	return conversation_commented(conversation, &comment);
}

static int apply_talk(struct store_job *job, struct store_txn *txn)
{
	struct talk *talk = CONTAINER_OF(job, struct talk, job);
	const struct tenant tenant = tenant_of(talk);
	const struct notice_maker maker = {talk->desk->keys, STR(DOMAIN)};
	struct conversation conversation = {
		.txn = txn, .maker = &maker, .tenant = &tenant, .now_ms = clock_now_ms()};
	struct arena arena;
	arena_init(&arena, 65536);
	int r = talk->start ? conversation_started(&conversation, talk->start, &talk->verdict)
			    : say(&conversation, talk, &arena);
	arena_done(&arena);
	talk->jobs_due = conversation.jobs_due;
	return r;
}

static void run_talk(struct desk *desk, struct talk *talk)
{
	talk->job = (struct store_job){.apply = apply_talk};
	talk->desk = desk;
	assert_int_equal(store_run(desk->store, &talk->job), 0);
}

static struct desk_ticket begin(struct desk *desk)
{
	desk_post(desk, &(struct post){.to = {"acme"}, .from = JANE, .subject = "Printer", .text = "Smoke."});
	assert_int_equal(desk_join(desk, "ACME-00001", PARTICIPANT_AGENT, "al@acme.example"), 3);
	assert_int_equal(desk_join(desk, "ACME-00001", PARTICIPANT_AGENT, "bo@acme.example"), 4);
	desk_jobs(desk);
	return desk_ticket(desk, "ACME-00001");
}

static void who_is_told_of_a_comment(void **state)
{
	static const struct speaker client = {true, SPEAKER_CLIENT, COMMENT_PUBLIC, ""};
	static const struct speaker answer = {true, SPEAKER_AGENT, COMMENT_PUBLIC, ""};
	static const struct speaker note = {true, SPEAKER_AGENT, COMMENT_INTERNAL, ""};
	static const struct speaker stranger = {true, SPEAKER_STRANGER, COMMENT_INTERNAL, "stranger"};
	const struct {
		struct speaker speaker;
		const char *author, *admin_email, *notify_email;
		enum ticket_status before, after;
		const char *jobs;
	} cases[] = {
		{client, JANE, NULL, NULL, TICKET_OPEN, TICKET_WAITING_ON_AGENT,
		 "notify_comment>team@acme.example/2 notify_comment>al@acme.example/3 "
		 "notify_comment>bo@acme.example/4"},
		{client, JANE, NULL, NULL, TICKET_CLOSED, TICKET_REOPENED,
		 "notify_comment>team@acme.example/2 notify_comment>al@acme.example/3 "
		 "notify_comment>bo@acme.example/4"},
		/* nobody twice, nobody of his own words */
		{client, JANE, NULL, "AL@acme.example", TICKET_OPEN, TICKET_WAITING_ON_AGENT,
		 "notify_comment>AL@acme.example/2 notify_comment>bo@acme.example/4"},
		{client, "bo@acme.example", NULL, NULL, TICKET_OPEN, TICKET_WAITING_ON_AGENT,
		 "notify_comment>team@acme.example/2 notify_comment>al@acme.example/3"},
		{client, "Team@acme.example", NULL, NULL, TICKET_OPEN, TICKET_WAITING_ON_AGENT,
		 "notify_comment>al@acme.example/3 notify_comment>bo@acme.example/4"},
		{answer, "team@acme.example", NULL, NULL, TICKET_OPEN, TICKET_WAITING_ON_CUSTOMER,
		 "answer>" JANE "/1"},
		{answer, "", NULL, NULL, TICKET_RESOLVED, TICKET_REOPENED, "answer>" JANE "/1"},
		{note, "al@acme.example", NULL, NULL, TICKET_RESOLVED, TICKET_RESOLVED,
		 "notify_comment>team@acme.example/2"},
		{note, "team@acme.example", NULL, NULL, TICKET_OPEN, TICKET_OPEN, ""},
		{stranger, "mallory@x.org", NULL, NULL, TICKET_CLOSED, TICKET_CLOSED,
		 "notify_comment>team@acme.example/2"},
		{stranger, "", NULL, NULL, TICKET_IN_PROGRESS, TICKET_IN_PROGRESS,
		 "notify_comment>team@acme.example/2"},
		/* the team's address is the tenant's own mailbox here, or none at all */
		{stranger, "", NULL, "acme@" DOMAIN, TICKET_OPEN, TICKET_OPEN, ""},
		{stranger, "", NULL, "Acme+team@ServeloApp.com", TICKET_OPEN, TICKET_OPEN, ""},
		{stranger, "", NULL, "beta@" DOMAIN, TICKET_OPEN, TICKET_OPEN,
		 "notify_comment>beta@" DOMAIN "/2"},
		{stranger, "", "", "", TICKET_OPEN, TICKET_OPEN, ""},
		{stranger, "", NULL, "no address\r\nBcc: x@x.org", TICKET_OPEN, TICKET_OPEN, ""},
	};
	struct desk *desk = *state;
	struct desk_ticket ticket = begin(desk);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct talk talk = {.ticket = ticket.id,
				    .speaker = cases[i].speaker,
				    .author = cases[i].author,
				    .admin_email = cases[i].admin_email,
				    .notify_email = cases[i].notify_email};
		desk_set_status(desk, "ACME-00001", cases[i].before);
		run_talk(desk, &talk);
		const char *jobs = desk_jobs(desk);
		if (strcmp(jobs, cases[i].jobs) != 0)
			fail_msg("row %zu: \"%s\", wanted \"%s\"", i, jobs, cases[i].jobs);
		assert_int_equal(talk.jobs_due, jobs[0] != 0);
		assert_int_equal(desk_ticket(desk, "ACME-00001").status, cases[i].after);
	}
}

static bool keep_requester(void *ctx, const struct ticket_view *view)
{
	*(struct client_id *)ctx = view->row.requester;
	return false;
}

static void who_is_told_of_a_ticket(void **state)
{
	static const struct {
		bool quiet, may_confirm;
		const char *requester, *notify_email, *jobs;
		enum quota_verdict verdict;
	} cases[] = {
		{false, true, JANE, NULL, "notify_ticket>team@acme.example/2 confirm>" JANE "/1", QUOTA_FREE},
		{false, false, JANE, NULL, "notify_ticket>team@acme.example/2", QUOTA_FREE},
		{true, true, JANE, NULL, "", QUOTA_FREE},
		{false, true, "acme@" DOMAIN, NULL, "notify_ticket>team@acme.example/2", QUOTA_FREE},
		{false, true, JANE, "acme@" DOMAIN, "confirm>" JANE "/1", QUOTA_FREE},
		{false, true, JANE, NULL, "notify_ticket>team@acme.example/2", QUOTA_CLIENT_SPENT},
	};
	struct desk *desk = *state;
	struct client_id requester;
	const struct quota_limits limits = {
		.window_ms = 1000000, .client_max = 2, .subject_max = 2, .tenant_max = 10};
	/* one without a confirmation, so that the first case takes the first */
	desk_post(desk,
		  &(struct post){.to = {"acme"}, .from = JANE, .text = "Smoke.", .not_answerable = true});
	struct desk_ticket ticket = desk_ticket(desk, "ACME-00001");
	assert_int_equal(reader_ticket(desk->reader, STR("ACME-00001"), keep_requester, &requester), 0);
	desk_jobs(desk);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char subject[16];
		snprintf(subject, sizeof(subject), "%c", (char)('a' + (int)i));
		const struct conversation_start start = {.ticket = ticket.id,
							 .number = 1,
							 .requester = requester,
							 .requester_address = str_from(cases[i].requester),
							 .subject = str_from(subject),
							 .quiet = cases[i].quiet,
							 .may_confirm = cases[i].may_confirm,
							 .limits = &limits};
		struct talk talk = {.start = &start, .notify_email = cases[i].notify_email};
		run_talk(desk, &talk);
		const char *jobs = desk_jobs(desk);
		if (strcmp(jobs, cases[i].jobs) != 0)
			fail_msg("row %zu: \"%s\", wanted \"%s\"", i, jobs, cases[i].jobs);
		assert_int_equal(talk.verdict, cases[i].verdict);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DESK(who_is_told_of_a_comment),
		WITH_DESK(who_is_told_of_a_ticket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
