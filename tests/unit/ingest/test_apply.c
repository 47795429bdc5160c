/* What one mail does: tickets, comments, events, and who is told. Real store, mails as plain data. */
#include "tests/unit/ingest/desk.h"

#include "tenant/loop_mark.h"

#define TOLD_TEAM    "notify_ticket>team@acme.example/2"
#define TOLD_COMMENT "notify_comment>team@acme.example/2"
#define JANE         "jane@example.org"

static void check(size_t row, const char *what, const char *got, const char *want)
{
	if (strcmp(got, want) != 0)
		fail_msg("row %zu, %s: \"%s\", wanted \"%s\"", row, what, got, want);
}

/* ACME-00001 by Jane, and nothing is left to be told of. */
static void open_ticket(struct desk *desk)
{
	const struct post post = {
		.to = {"acme"}, .from = JANE, .subject = "Printer", .id = "first@x", .text = "It smokes."};
	assert_string_equal(desk_post(desk, &post), "created ticket=ACME-00001");
	assert_string_equal(desk_jobs(desk), TOLD_TEAM " confirm>" JANE "/1");
}

/* ---- new tickets */

static void a_new_ticket_is_told_and_confirmed_unless_we_keep_quiet(void **state)
{
	struct desk *desk = *state;
	char ours_answer[LOOP_MARK_TEXT_MAX + 1], ours_forward[LOOP_MARK_TEXT_MAX + 1];
	const struct outbox_id job = {7};
	assert_int_equal(loop_mark_mint(desk->keys, LOOP_ANSWER, job, ours_answer), 0);
	assert_int_equal(loop_mark_mint(desk->keys, LOOP_FORWARD, job, ours_forward), 0);
	const struct {
		struct post post;
		const char *jobs, *verdict;
		bool automatic;
	} cases[] = {
		{{.to = {"acme"}, .from = "a1@x.org"}, TOLD_TEAM " confirm>a1@x.org/1", "normal", false},
		{{.to = {"beta"}, .from = "a2@x.org"},
		 "notify_ticket>admin@beta.example/2 confirm>a2@x.org/1",
		 "normal",
		 false},
		{{.to = {"mute"}, .from = "a3@x.org"}, "notify_ticket>admin@mute.example/2", "normal", false},
		/* its team would be itself */
		{{.to = {"circle"}, .from = "a4@x.org"}, "confirm>a4@x.org/1", "normal", false},
		{{.to = {"acme"}, .from = "a5@x.org", .class = MAIL_AUTO, .class_rule = "auto-submitted"},
		 TOLD_TEAM,
		 "auto:auto-submitted",
		 true},
		{{.to = {"acme"}, .from = "a6@x.org", .class = MAIL_BOUNCE}, TOLD_TEAM, "bounce", true},
		{{.to = {"acme"}, .from = "a7@x.org", .class = MAIL_FEEDBACK}, TOLD_TEAM, "feedback", true},
		{{.to = {"acme"}, .from = "a8@x.org", .null_path = true},
		 TOLD_TEAM,
		 "normal quiet:null-reverse-path",
		 true},
		{{.to = {"acme"}, .from = "a9@x.org", .not_answerable = true, .class_rule = "list-id"},
		 TOLD_TEAM,
		 "normal:list-id",
		 false},
		{{.to = {"acme"}, .from = "b1@ServeloApp.com"}, TOLD_TEAM, "normal quiet:own-domain", false},
		{{.to = {"acme"}, .from = "b2@x.org", .loop_mark = ours_answer},
		 "",
		 "normal quiet:own-mail",
		 true},
		{{.to = {"acme"}, .from = "b3@x.org", .loop_mark = ours_forward},
		 "",
		 "normal quiet:own-mail",
		 true},
		{{.to = {"acme"},
		  .from = "b4@x.org",
		  .loop_mark = "notice.AAAAAAAAAAAAAAAAAAAAAAAA",
		  .class = MAIL_AUTO},
		 "",
		 "auto quiet:other-notice",
		 true},
		{{.to = {"acme"}, .from = "b5@x.org", .loop_mark = "forward.AAAAAAAAAAAAAAAAAAAAAAAA"},
		 "",
		 "normal quiet:other-forward",
		 false},
		{{.to = {"acme"}, .from = "b6@x.org", .loop_mark = "answer.AAAAAAAAAAAAAAAAAAAAAAAA"},
		 TOLD_TEAM,
		 "normal quiet:other-answer",
		 false},
		{{.to = {"acme"},
		  .from = "b8@x.org",
		  .loop_mark = "answer.AAAAAAAAAAAAAAAAAAAAAAAA",
		  .class = MAIL_AUTO,
		  .class_rule = "loop-mark"},
		 TOLD_TEAM,
		 "auto:loop-mark quiet:other-answer",
		 false},
		{{.to = {"acme"}, .from = "b7@x.org", .loop_mark = "hello"},
		 TOLD_TEAM " confirm>b7@x.org/1",
		 "normal",
		 false},
		{{.to = {"acme"}, .from = "not an address"},
		 TOLD_TEAM " confirm>mta@example.org/1",
		 "normal",
		 false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct post post = cases[i].post;
		char text[16];
		snprintf(text, sizeof(text), "%zu", i);
		post.text = text;
		const char *said = desk_post(desk, &post);
		if (strncmp(said, "created ticket=", 15) != 0)
			fail_msg("row %zu: \"%s\"", i, said);
		check(i, "jobs", desk_jobs(desk), cases[i].jobs);
		check(i, "verdict", desk->verdict, cases[i].verdict);
		assert_int_equal(desk->jobs_due, cases[i].jobs[0] != 0);
		assert_int_equal(desk_ticket(desk, desk->said + 15).automatic, cases[i].automatic);
	}
	desk_balanced(desk);
}

static void confirmations_are_capped(void **state)
{
	static const struct {
		const char *from, *subject;
		bool confirmed;
		const char *verdict;
	} cases[] = {
		{"a@x.org", "Help", true, "normal"},
		{"a@x.org", "Help 2", true, "normal"},
		{"a@x.org", "help", false, "normal quiet:subject-cap"},
		{"a@x.org", "Another", true, "normal"},
		{"a@x.org", "A third", false, "normal quiet:client-cap"},
		{"b@x.org", "Help", true, "normal"},
		{"c@x.org", "Help", false, "normal quiet:tenant-cap"},
	};
	struct desk *desk = *state;
	desk->quota.client_max = 3;
	desk->quota.subject_max = 2;
	desk->quota.tenant_max = 4;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char want[128], text[16];
		snprintf(text, sizeof(text), "%zu", i);
		const struct post post = {
			.to = {"acme"}, .from = cases[i].from, .subject = cases[i].subject, .text = text};
		snprintf(want, sizeof(want), TOLD_TEAM "%s%s%s", cases[i].confirmed ? " confirm>" : "",
			 cases[i].confirmed ? cases[i].from : "", cases[i].confirmed ? "/1" : "");
		desk_post(desk, &post);
		check(i, "jobs", desk_jobs(desk), want);
		check(i, "verdict", desk->verdict, cases[i].verdict);
	}
}

/* ---- reply addresses */

static void whose_comment_a_reply_is(void **state)
{
	const enum comment_author CLIENT = COMMENT_BY_CLIENT, AGENT = COMMENT_BY_AGENT;
	const struct {
		int64_t participant;
		const char *from, *also_from;
		enum comment_author author_kind;
		bool is_public, by_client;
		const char *speaker, *jobs;
		enum ticket_status status;
	} cases[] = {
		{1, JANE, NULL, CLIENT, true, true, "", TOLD_COMMENT " notify_comment>al@acme.example/3",
		 TICKET_WAITING_ON_AGENT},
		{1, "JANE@Example.org", NULL, CLIENT, true, true, "",
		 TOLD_COMMENT " notify_comment>al@acme.example/3", TICKET_WAITING_ON_AGENT},
		{1, "al@acme.example", NULL, CLIENT, true, true, " speaker:agent-under-client-token",
		 TOLD_COMMENT, TICKET_WAITING_ON_AGENT},
		{1, "admin@acme.example", NULL, CLIENT, true, true, " speaker:agent-under-client-token",
		 TOLD_COMMENT " notify_comment>al@acme.example/3", TICKET_WAITING_ON_AGENT},
		{1, "noreply@bank.example", NULL, CLIENT, false, false, " speaker:stranger", TOLD_COMMENT,
		 TICKET_OPEN},
		{1, NULL, NULL, CLIENT, false, false, " speaker:stranger", TOLD_COMMENT, TICKET_OPEN},
		{1, JANE, "mallory@x.org", CLIENT, false, false, " speaker:stranger", TOLD_COMMENT,
		 TICKET_OPEN},
		{2, "team@acme.example", NULL, AGENT, true, false, "", "answer>" JANE "/1",
		 TICKET_WAITING_ON_CUSTOMER},
		{2, "somebody@acme.example", NULL, AGENT, true, false, "", "answer>" JANE "/1",
		 TICKET_WAITING_ON_CUSTOMER},
		{3, "al@acme.example", NULL, AGENT, true, false, "", "answer>" JANE "/1",
		 TICKET_WAITING_ON_CUSTOMER},
		{2, JANE, NULL, CLIENT, true, true, "", TOLD_COMMENT " notify_comment>al@acme.example/3",
		 TICKET_WAITING_ON_AGENT},
		{2, "mallory@x.org", NULL, CLIENT, false, false, " speaker:stranger", TOLD_COMMENT,
		 TICKET_OPEN},
		{9, JANE, NULL, CLIENT, false, false, " speaker:stranger", TOLD_COMMENT, TICKET_OPEN},
	};
	struct desk *desk = *state;
	open_ticket(desk);
	assert_int_equal(desk_join(desk, "ACME-00001", PARTICIPANT_AGENT, "al@acme.example"), 3);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char to[80], text[32], verdict[64];
		desk_reply_to(desk, "acme", 1, cases[i].participant, to, sizeof(to));
		snprintf(text, sizeof(text), "answer number %zu", i);
		snprintf(verdict, sizeof(verdict), "normal%s", cases[i].speaker);
		const struct post post = {.to = {to},
					  .from = cases[i].from,
					  .also_from = cases[i].also_from,
					  .subject = "whatever",
					  .text = text};
		desk_set_status(desk, "ACME-00001", TICKET_OPEN);
		check(i, "said", desk_post(desk, &post), "commented ticket=ACME-00001");
		check(i, "jobs", desk_jobs(desk), cases[i].jobs);
		check(i, "verdict", desk->verdict, verdict);
		struct desk_comment comment = desk_last_comment(desk, "ACME-00001");
		check(i, "text", comment.reply, text);
		if (comment.author_kind != cases[i].author_kind ||
		    (comment.visibility == COMMENT_PUBLIC) != cases[i].is_public ||
		    comment.by_client != cases[i].by_client || comment.automatic)
			fail_msg("row %zu: author %d visibility %d", i, (int)comment.author_kind,
				 (int)comment.visibility);
		assert_int_equal(desk_ticket(desk, "ACME-00001").status, cases[i].status);
		/* a mark is told in words, with the address */
		assert_int_equal(cases[i].speaker[0] != 0, comment.note[0] != 0);
		if (cases[i].speaker[0] && cases[i].from && !cases[i].also_from)
			assert_non_null(strstr(comment.note, cases[i].from));
	}
	desk_balanced(desk);
}

static void a_public_comment_opens_again_what_was_done(void **state)
{
	static const struct {
		enum ticket_status before, by_client, by_agent;
	} cases[] = {
		{TICKET_OPEN, TICKET_WAITING_ON_AGENT, TICKET_WAITING_ON_CUSTOMER},
		{TICKET_IN_PROGRESS, TICKET_WAITING_ON_AGENT, TICKET_WAITING_ON_CUSTOMER},
		{TICKET_WAITING_ON_CUSTOMER, TICKET_WAITING_ON_AGENT, TICKET_WAITING_ON_CUSTOMER},
		{TICKET_WAITING_ON_AGENT, TICKET_WAITING_ON_AGENT, TICKET_WAITING_ON_CUSTOMER},
		{TICKET_RESOLVED, TICKET_REOPENED, TICKET_REOPENED},
		{TICKET_CLOSED, TICKET_REOPENED, TICKET_REOPENED},
		{TICKET_REOPENED, TICKET_WAITING_ON_AGENT, TICKET_WAITING_ON_CUSTOMER},
	};
	struct desk *desk = *state;
	int n = 0;
	open_ticket(desk);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct {
			int64_t participant;
			const char *from;
			enum ticket_status after;
			enum mail_class class;
		} mails[] = {
			{1, JANE, cases[i].by_client, MAIL_NORMAL},
			{2, "team@acme.example", cases[i].by_agent, MAIL_NORMAL},
			{1, "mallory@x.org", cases[i].before, MAIL_NORMAL},
			{1, JANE, cases[i].before, MAIL_AUTO},
		};
		for (size_t j = 0; j < ARRAY_SIZE(mails); j++) {
			char to[80], text[32];
			desk_reply_to(desk, "acme", 1, mails[j].participant, to, sizeof(to));
			snprintf(text, sizeof(text), "comment %d", n++);
			const struct post post = {
				.to = {to}, .from = mails[j].from, .text = text, .class = mails[j].class};
			desk_set_status(desk, "ACME-00001", cases[i].before);
			desk_post(desk, &post);
			if (desk_ticket(desk, "ACME-00001").status != mails[j].after)
				fail_msg("status %zu, mail %zu: %d", i, j,
					 (int)desk_ticket(desk, "ACME-00001").status);
		}
	}
}

static void a_machine_at_a_reply_address_is_an_event(void **state)
{
	struct desk *desk = *state;
	char to[80], mark[LOOP_MARK_TEXT_MAX + 1];
	open_ticket(desk);
	desk_reply_to(desk, "acme", 1, 1, to, sizeof(to));
	assert_int_equal(loop_mark_mint(desk->keys, LOOP_NOTICE, (struct outbox_id){1}, mark), 0);
	const struct post posts[] = {
		{.to = {to}, .from = JANE, .text = "away", .class = MAIL_AUTO},
		{.to = {to}, .from = JANE, .text = "null", .null_path = true},
		{.to = {to}, .from = "daemon@x.org", .text = "bounce", .class = MAIL_BOUNCE},
		{.to = {to}, .from = "acme@" DOMAIN, .text = "ours", .loop_mark = mark},
		{.to = {to}, .from = JANE, .text = "forwarded on", .loop_mark = "forward.AAAAAAAAAAAAAAAA"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(posts); i++) {
		check(i, "said", desk_post(desk, &posts[i]), "event ticket=ACME-00001");
		check(i, "jobs", desk_jobs(desk), "");
		struct desk_comment comment = desk_last_comment(desk, "ACME-00001");
		assert_true(comment.automatic && comment.visibility == COMMENT_INTERNAL);
		check(i, "text", comment.reply, posts[i].text);
		assert_int_equal(desk_ticket(desk, "ACME-00001").status, TICKET_OPEN);
	}
	desk_balanced(desk);
}

static void an_answer_to_a_ticket_that_is_gone_is_a_new_one(void **state)
{
	struct desk *desk = *state;
	char to[80];
	desk_reply_to(desk, "acme", 42, 1, to, sizeof(to));
	const struct post post = {.to = {to}, .from = JANE, .subject = "Re: old", .text = "Still?"};
	assert_string_equal(desk_post(desk, &post), "created ticket=ACME-00001");
	assert_string_equal(desk_jobs(desk), TOLD_TEAM " confirm>" JANE "/1");
	assert_non_null(strstr(desk_last_comment(desk, "ACME-00001").note, "ticket number 42"));
	desk_balanced(desk);
}

static void a_reply_that_comes_twice_is_one_comment(void **state)
{
	struct desk *desk = *state;
	char to[80], other[80];
	open_ticket(desk);
	desk_reply_to(desk, "acme", 1, 1, to, sizeof(to));
	desk_reply_to(desk, "acme", 1, 2, other, sizeof(other));
	struct post post = {.to = {to}, .from = JANE, .id = "r1@x", .text = "Once."};
	assert_string_equal(desk_post(desk, &post), "commented ticket=ACME-00001");
	assert_string_equal(desk_post(desk, &post), "duplicate ticket=ACME-00001");
	post.text = "The same id, but other words.";
	assert_string_equal(desk_post(desk, &post), "commented ticket=ACME-00001");
	post.to[0] = other; /* another mailbox */
	assert_string_equal(desk_post(desk, &post), "commented ticket=ACME-00001");
	assert_int_equal(desk_ticket(desk, "ACME-00001").comments, 4);
	desk_balanced(desk);
}

static void our_own_words_are_set_aside(void **state)
{
	static const char answer[] =
		"Please open the lid of the printer, take the paper out, and close it again until it clicks.";
	struct desk *desk = *state;
	char agent[80], client[80], reply[512];
	open_ticket(desk);
	desk_reply_to(desk, "acme", 1, 2, agent, sizeof(agent));
	desk_reply_to(desk, "acme", 1, 1, client, sizeof(client));
	desk_post(desk, &(struct post){.to = {agent}, .from = "team@acme.example", .text = answer});
	snprintf(reply, sizeof(reply), "That helped, thank you!\n\n%s\n", answer);
	desk_post(desk, &(struct post){.to = {client}, .from = JANE, .text = reply});
	assert_string_equal(desk_last_comment(desk, "ACME-00001").reply, "That helped, thank you!");
}

/* ---- mail to {slug}@ that belongs to a ticket */

static void a_mail_finds_its_ticket_when_from_is_on_it(void **state)
{
	struct desk *desk = *state;
	char own[200], of_beta[200], gone[200];
	open_ticket(desk);
	struct own_message_id id = {.slug = "acme", .ticket = 1, .nonce = 5};
	assert_int_equal(own_message_id_mint(desk->keys, &id, STR(DOMAIN), own, sizeof(own)), 0);
	id.ticket = 99;
	assert_int_equal(own_message_id_mint(desk->keys, &id, STR(DOMAIN), gone, sizeof(gone)), 0);
	id = (struct own_message_id){.slug = "beta", .ticket = 1, .nonce = 5};
	assert_int_equal(own_message_id_mint(desk->keys, &id, STR(DOMAIN), of_beta, sizeof(of_beta)), 0);
	const struct {
		struct post post;
		const char *outcome, *verdict, *jobs;
		bool linked;
	} cases[] = {
		{{.from = JANE, .answers = own},
		 "commented",
		 "normal thread:own-message-id",
		 TOLD_COMMENT,
		 false},
		{{.from = JANE, .answers = "first@x"},
		 "commented",
		 "normal thread:message-id",
		 TOLD_COMMENT,
		 false},
		{{.from = JANE, .subject = "Re: [ACME-00001] Printer"},
		 "commented",
		 "normal thread:subject",
		 TOLD_COMMENT,
		 false},
		/* known from From alone: never an answer in the team's name */
		{{.from = "admin@acme.example", .answers = own},
		 "commented",
		 "normal thread:own-message-id speaker:agent-without-token",
		 TOLD_COMMENT,
		 false},
		{{.from = "team@acme.example", .subject = "[ACME-00001]"},
		 "commented",
		 "normal thread:subject speaker:agent-without-token",
		 "",
		 false},
		{{.from = JANE, .answers = own, .class = MAIL_AUTO},
		 "event",
		 "auto thread:own-message-id",
		 "",
		 false},
		/* nobody gets into a conversation by naming it */
		{{.from = "m1@x.org", .answers = own},
		 "created",
		 "normal thread:own-message-id",
		 TOLD_TEAM " confirm>m1@x.org/1",
		 true},
		{{.from = "m2@x.org", .answers = "first@x"},
		 "created",
		 "normal thread:message-id",
		 TOLD_TEAM " confirm>m2@x.org/1",
		 true},
		{{.from = "m3@x.org", .subject = "[ACME-00001] let me in"},
		 "created",
		 "normal thread:subject",
		 TOLD_TEAM " confirm>m3@x.org/1",
		 true},
		{{.from = "somebody@acme.example", .subject = "[ACME-00001] colleague"},
		 "created",
		 "normal thread:subject",
		 TOLD_TEAM " confirm>somebody@acme.example/1",
		 true},
		{{.from = "m4@x.org", .answers = own, .class = MAIL_AUTO},
		 "created",
		 "auto thread:own-message-id",
		 TOLD_TEAM,
		 true},
		{{.from = JANE, .also_from = "m@x.org", .answers = own},
		 "created",
		 "normal thread:own-message-id quiet:no-one-author",
		 TOLD_TEAM,
		 true},
		/* what names no ticket of this tenant */
		{{.from = "j1@x.org", .answers = gone},
		 "created",
		 "normal",
		 TOLD_TEAM " confirm>j1@x.org/1",
		 false},
		{{.from = "j2@x.org", .answers = of_beta},
		 "created",
		 "normal",
		 TOLD_TEAM " confirm>j2@x.org/1",
		 false},
		{{.from = "j3@x.org", .subject = "[BETA-00001] [ACME-99999]"},
		 "created",
		 "normal",
		 TOLD_TEAM " confirm>j3@x.org/1",
		 false},
		{{.from = "j4@x.org", .answers = "nobody@knows"},
		 "created",
		 "normal",
		 TOLD_TEAM " confirm>j4@x.org/1",
		 false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct post post = cases[i].post;
		char text[32];
		snprintf(text, sizeof(text), "mail number %zu", i);
		post.to[0] = "acme";
		post.text = text;
		desk_post(desk, &post);
		if (strncmp(desk->said, cases[i].outcome, strlen(cases[i].outcome)) != 0)
			fail_msg("row %zu: \"%s\"", i, desk->said);
		check(i, "verdict", desk->verdict, cases[i].verdict);
		check(i, "jobs", desk_jobs(desk), cases[i].jobs);
		const char *reference = strchr(desk->said, '=') + 1;
		struct desk_ticket ticket = desk_ticket(desk, reference);
		assert_int_equal(ticket.linked.v != 0, cases[i].linked);
		struct desk_comment comment = desk_last_comment(desk, reference);
		if (cases[i].linked) {
			assert_int_equal(ticket.linked.v, desk_ticket(desk, "ACME-00001").id.v);
			assert_non_null(strstr(comment.note, "ACME-00001"));
		}
		if (strstr(cases[i].verdict, "agent-without-token"))
			assert_true(comment.visibility == COMMENT_INTERNAL &&
				    comment.author_kind == COMMENT_BY_AGENT);
	}
	desk_balanced(desk);
}

static void the_same_id_with_other_words_is_a_comment_of_its_author(void **state)
{
	struct desk *desk = *state;
	open_ticket(desk);
	struct post post = {.to = {"acme"}, .from = JANE, .id = "first@x", .text = "It burns."};
	assert_string_equal(desk_post(desk, &post), "commented ticket=ACME-00001");
	assert_string_equal(desk_jobs(desk), TOLD_COMMENT);
	post.from = "mallory@x.org"; /* an author of his own, so no repeat */
	assert_string_equal(desk_post(desk, &post), "created ticket=ACME-00002");
	desk_balanced(desk);
}

/* ---- what people and providers forward */

static void a_forwarding_confirmation_is_shown_to_the_admin(void **state)
{
	struct desk *desk = *state;
	char mark[LOOP_MARK_TEXT_MAX + 1];
	struct post post = {.to = {"acme"},
			    .from = "forwarding-noreply@google.com",
			    .id = "fwd@x",
			    .text = "Code 123, https://mail.google.com/mail/vf-1",
			    .forward_confirmation = "google",
			    .class = MAIL_AUTO,
			    .not_answerable = true};
	assert_string_equal(desk_post(desk, &post), "forwarded mailbox=acme");
	assert_string_equal(desk_jobs(desk), "forwarding>admin@acme.example/0");
	assert_true(desk->jobs_due);
	assert_string_equal(desk_post(desk, &post), "duplicate mailbox=acme");
	assert_string_equal(desk_jobs(desk), "");
	/* an admin without an address reads it as a ticket */
	post.to[0] = "odd";
	assert_string_equal(desk_post(desk, &post), "created ticket=ODD-00001");
	post.to[0] = "acme";
	/* the notice itself, coming home, is none: it would go round */
	assert_int_equal(loop_mark_mint(desk->keys, LOOP_NOTICE, (struct outbox_id){1}, mark), 0);
	post.loop_mark = mark;
	post.text = "again";
	assert_string_equal(desk_post(desk, &post), "created ticket=ACME-00001");
	assert_string_equal(desk_jobs(desk), "");
	desk_balanced(desk);
}

static void a_mail_that_an_agent_forwards_is_the_customers(void **state)
{
	static const struct {
		struct post post;
		const char *requester, *subject, *jobs;
		bool said_by;
	} cases[] = {
		{{.from = "admin@acme.example",
		  .subject = "Fwd: Broken",
		  .forwarded_author = "carl@example.net",
		  .forwarded_subject = "Broken since Monday"},
		 "carl@example.net",
		 "Broken since Monday",
		 TOLD_TEAM,
		 true},
		{{.from = "team@acme.example",
		  .subject = "Fwd: Broken",
		  .forwarded_author = "c2@example.net"},
		 "c2@example.net",
		 "Broken",
		 TOLD_TEAM,
		 true},
		/* a customer who forwards is the customer himself */
		{{.from = JANE, .subject = "Fwd: Offer", .forwarded_author = "c3@example.net"},
		 JANE,
		 "Offer",
		 TOLD_TEAM " confirm>" JANE "/1",
		 false},
		{{.from = "somebody@acme.example", .subject = "Fwd: x", .forwarded_author = "c4@example.net"},
		 "somebody@acme.example",
		 "x",
		 TOLD_TEAM " confirm>somebody@acme.example/1",
		 false},
		/* our own notification, a colleague's mail, no address: there is no customer in it */
		{{.from = "admin@acme.example", .subject = "Fwd: y", .forwarded_author = "acme@" DOMAIN},
		 "admin@acme.example",
		 "y",
		 TOLD_TEAM " confirm>admin@acme.example/1",
		 false},
		{{.from = "admin@acme.example", .subject = "Fwd: z", .forwarded_author = "team@acme.example"},
		 "admin@acme.example",
		 "z",
		 TOLD_TEAM " confirm>admin@acme.example/1",
		 false},
		{{.from = "admin@acme.example", .subject = "Fwd: w", .forwarded_author = "Carl"},
		 "admin@acme.example",
		 "w",
		 TOLD_TEAM " confirm>admin@acme.example/1",
		 false},
	};
	struct desk *desk = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct post post = cases[i].post;
		char text[32], reference[32];
		snprintf(text, sizeof(text), "forward %zu", i);
		snprintf(reference, sizeof(reference), "ACME-%05zu", i + 1);
		post.to[0] = "acme";
		post.text = text;
		desk_post(desk, &post);
		struct desk_ticket ticket = desk_ticket(desk, reference);
		struct desk_comment comment = desk_last_comment(desk, reference);
		check(i, "requester", ticket.requester, cases[i].requester);
		check(i, "subject", ticket.subject, cases[i].subject);
		check(i, "author", comment.author, cases[i].requester);
		check(i, "jobs", desk_jobs(desk), cases[i].jobs);
		assert_int_equal(strncmp(comment.note, "Forwarded by ", 13) == 0, cases[i].said_by);
		assert_int_equal(strstr(comment.note, cases[i].post.from) != NULL, cases[i].said_by);
	}
	desk_balanced(desk);
}

static bool on_forwarded(void *ctx, const struct comment_view *view)
{
	struct strbuf *all = ctx;
	const struct comment_row *row = &view->row;
	strbuf_printf(all, "%s %.*s%s: %.*s\n", row->author_kind == COMMENT_BY_AGENT ? "agent" : "client",
		      STR_ARG(row->author_address), row->visibility == COMMENT_INTERNAL ? ", internal" : "",
		      STR_ARG(row->text));
	/* nobody but From says that the agent wrote it */
	if (row->visibility == COMMENT_INTERNAL)
		assert_true(str_starts(row->note, STR("Written above the mail that was forwarded")));
	return true;
}

/* What an agent wrote above a mail that he forwards is never shown as the customer's. */
static void who_forwards_speaks_for_himself(void **state)
{
	static const struct {
		const char *forwarded, *words, *comments;
	} cases[] = {
		{"It is broken.", "He is angry again.",
		 "client c@example.net: It is broken.\nagent admin@acme.example, internal: He is angry "
		 "again.\n"},
		{"It is broken.", "", "client c@example.net: It is broken.\n"},
		/* where the two could not be told apart */
		{"", "", "client c@example.net: whole 2\n"},
	};
	struct desk *desk = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[32], reference[32];
		struct strbuf all;
		snprintf(text, sizeof(text), "whole %zu", i);
		snprintf(reference, sizeof(reference), "ACME-%05zu", i + 1);
		desk_post(desk, &(struct post){.to = {"acme"},
					       .from = "admin@acme.example",
					       .subject = "Fwd: Broken",
					       .text = text,
					       .forwarded_author = "c@example.net",
					       .forwarded_text = cases[i].forwarded,
					       .forwarding_words = cases[i].words});
		strbuf_init(&all, 4096);
		assert_int_equal(
			reader_comments(desk->reader, desk_ticket(desk, reference).id, on_forwarded, &all),
			0);
		strbuf_addc(&all, '\0');
		check(i, "comments", all.ptr, cases[i].comments);
		strbuf_done(&all);
	}
	/* a customer's forward stays one text */
	desk_post(desk, &(struct post){.to = {"acme"},
				       .from = JANE,
				       .subject = "Fwd: Offer",
				       .text = "all of it",
				       .forwarded_author = "c@example.net",
				       .forwarded_text = "part",
				       .forwarding_words = "words"});
	struct desk_comment comment = desk_last_comment(desk, "ACME-00004");
	assert_int_equal(comment.n, 1);
	assert_string_equal(comment.reply, "all of it");
	desk_balanced(desk);
}

/* Below a reply address: who could not be told is not said to be unknown here. */
static void a_mail_without_an_author_is_said_to_be_one(void **state)
{
	struct desk *desk = *state;
	char client[80];
	desk_post(desk, &(struct post){.to = {"acme"}, .from = JANE, .text = "Help."});
	desk_reply_to(desk, "acme", 1, PARTICIPANT_REQUESTER, client, sizeof(client));
	desk_post(desk, &(struct post){.to = {client}, .text = "It is me."});
	struct desk_comment comment = desk_last_comment(desk, "ACME-00001");
	assert_int_equal(comment.visibility, COMMENT_INTERNAL);
	assert_non_null(strstr(comment.note, "Names no author"));
	assert_null(strstr(comment.note, "nobody here has"));
	desk_post(desk, &(struct post){.to = {client}, .from = "m@x.org", .text = "It is me!"});
	assert_non_null(strstr(desk_last_comment(desk, "ACME-00001").note, "nobody here has"));
	desk_balanced(desk);
}

/* ---- reports */

static void bounce_to(const struct desk *desk, struct outbox_id job, char *ret, size_t size)
{
	char text[BOUNCE_TOKEN_MAX + 1];
	assert_int_equal(bounce_token_mint(desk->keys, job, text), 0);
	snprintf(ret, size, "bounce+%s", text);
}

/* the confirmation to Jane is the newest job then */
static struct outbox_id a_job(struct desk *desk)
{
	open_ticket(desk);
	return desk_newest_job(desk).id;
}

static void a_bounce_marks_its_job_and_tells_the_team_once(void **state)
{
	static const struct mail_report hard = {STR_INIT(JANE), STR_INIT("5.1.1"), STR_INIT("no such user"),
						MAIL_REPORT_HARD};
	static const struct mail_report soft = {STR_INIT(JANE), STR_INIT("5.2.2"), STR_INIT("full"),
						MAIL_REPORT_SOFT};
	static const struct mail_report delayed = {STR_INIT(JANE), STR_INIT("4.4.1"), STR_INIT("later"),
						   MAIL_REPORT_DELAYED};
	static const struct {
		const struct mail_report *report;
		const char *jobs;
		enum outbox_state state;
	} steps[] = {
		{&delayed, "", OUTBOX_DUE},
		{&soft, "notify_failure>team@acme.example/2", OUTBOX_BOUNCED},
		{&hard, "", OUTBOX_BOUNCED},
		{&soft, "", OUTBOX_BOUNCED},
	};
	struct desk *desk = *state;
	char to[64];
	bounce_to(desk, a_job(desk), to, sizeof(to));
	struct outbox_row job = desk_newest_job(desk);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		char text[32];
		snprintf(text, sizeof(text), "report %zu", i);
		const struct post post = {.to = {to},
					  .from = "MAILER-DAEMON@relay.example",
					  .text = text,
					  .class = MAIL_BOUNCE,
					  .null_path = true,
					  .reports = steps[i].report,
					  .reports_n = 1};
		check(i, "said", desk_post(desk, &post), "bounce_report ticket=ACME-00001");
		check(i, "jobs", desk_jobs(desk), steps[i].jobs);
		assert_int_equal(desk->jobs_due, steps[i].jobs[0] != 0);
		assert_int_equal(desk_ticket(desk, "ACME-00001").status, TICKET_OPEN);
	}
	struct desk_comment comment = desk_last_comment(desk, "ACME-00001");
	assert_int_equal(comment.author_kind, COMMENT_BY_SYSTEM);
	assert_int_equal(comment.visibility, COMMENT_INTERNAL);
	assert_non_null(strstr(comment.reply, "full"));
	assert_int_equal(desk_ticket(desk, "ACME-00001").comments, 2);
	assert_int_equal(job.ticket.v, desk_ticket(desk, "ACME-00001").id.v);
	desk_balanced(desk);
}

struct settling {
	struct store_job job;
	struct outbox_id id;
	bool claim;
};

static int apply_settling(struct store_job *job, struct store_txn *txn)
{
	struct settling *settling = CONTAINER_OF(job, struct settling, job);
	const struct outbox_settlement sent = {
		.state = OUTBOX_SENT, .tried = true, .why = STR("250 ok"), .now_ms = clock_now_ms()};
	struct outbox_claim *claims;
	int64_t next_due_ms;
	struct arena arena;
	size_t n = 0;
	if (!settling->claim)
		return outbox_settle(txn, settling->id, &sent);
	arena_init(&arena, 65536);
	int r = outbox_claim(txn, clock_now_ms(), 10, &arena, &claims, &n, &next_due_ms);
	arena_done(&arena);
	assert_int_equal(n, 2);
	return r;
}

/* It overtook the relay's own answer: the sender comes again. */
static void a_bounce_of_a_mail_that_is_under_way_comes_again(void **state)
{
	static const struct mail_report hard = {STR_INIT(JANE), STR_INIT("5.1.1"), STR_INIT("no such user"),
						MAIL_REPORT_HARD};
	struct desk *desk = *state;
	char to[64];
	struct settling settling = {.job = {.apply = apply_settling}, .id = a_job(desk), .claim = true};
	bounce_to(desk, settling.id, to, sizeof(to));
	const struct post post = {.to = {to},
				  .text = "report",
				  .class = MAIL_BOUNCE,
				  .null_path = true,
				  .reports = &hard,
				  .reports_n = 1};
	assert_int_equal(store_run(desk->store, &settling.job), 0);
	desk_post(desk, &post);
	assert_int_equal(desk->status, -EBUSY);
	desk_balanced(desk);
	settling.claim = false;
	assert_int_equal(store_run(desk->store, &settling.job), 0);
	assert_string_equal(desk_post(desk, &post), "bounce_report ticket=ACME-00001");
	assert_string_equal(desk_jobs(desk), "notify_failure>team@acme.example/2");
	desk_balanced(desk);
}

static void other_mail_to_a_bounce_address_is_an_event(void **state)
{
	struct desk *desk = *state;
	char to[64], unknown[64];
	bounce_to(desk, a_job(desk), to, sizeof(to));
	bounce_to(desk, (struct outbox_id){4711}, unknown, sizeof(unknown));
	const struct {
		struct post post;
		const char *said;
	} cases[] = {
		{{.to = {to}, .class = MAIL_AUTO, .text = "I am away"}, "event ticket=ACME-00001"},
		{{.to = {to}, .class = MAIL_BOUNCE, .text = "no words that we know"},
		 "event ticket=ACME-00001"},
		{{.to = {to}, .class = MAIL_NORMAL, .text = "hello"}, "event ticket=ACME-00001"},
		{{.to = {unknown}, .class = MAIL_BOUNCE, .text = "whose?"}, "bounce_report mailbox=bounce"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct post post = cases[i].post;
		post.null_path = true;
		post.from = JANE;
		check(i, "said", desk_post(desk, &post), cases[i].said);
		check(i, "jobs", desk_jobs(desk), "");
		assert_int_equal(desk_ticket(desk, "ACME-00001").status, TICKET_OPEN);
	}
	desk_balanced(desk);
}

static void a_bounce_that_came_to_the_tenant_is_an_event_on_its_ticket(void **state)
{
	struct desk *desk = *state;
	char own[200], forged[200];
	open_ticket(desk);
	const struct own_message_id id = {.slug = "acme", .ticket = 1, .nonce = 5};
	assert_int_equal(own_message_id_mint(desk->keys, &id, STR(DOMAIN), own, sizeof(own)), 0);
	snprintf(forged, sizeof(forged), "%s", own);
	forged[10] = forged[10] == 'A' ? 'B' : 'A';
	struct post post = {.to = {"acme"},
			    .from = "MAILER-DAEMON@mx.example",
			    .null_path = true,
			    .class = MAIL_BOUNCE,
			    .returned_message_id = own,
			    .text = "unknown user"};
	assert_string_equal(desk_post(desk, &post), "event ticket=ACME-00001");
	assert_string_equal(desk_jobs(desk), "");
	post.to[0] = "beta"; /* another tenant's ticket is none of beta's */
	assert_string_equal(desk_post(desk, &post), "created ticket=BETA-00001");
	post.to[0] = "acme";
	post.returned_message_id = forged;
	post.text = "forged";
	assert_string_equal(desk_post(desk, &post), "created ticket=ACME-00002");
	desk_balanced(desk);
}

static void our_own_mail_coming_home_is_an_event_on_its_ticket(void **state)
{
	struct desk *desk = *state;
	char own[200], mark[LOOP_MARK_TEXT_MAX + 1];
	open_ticket(desk);
	const struct own_message_id id = {.slug = "acme", .ticket = 1, .nonce = 5};
	assert_int_equal(own_message_id_mint(desk->keys, &id, STR(DOMAIN), own, sizeof(own)), 0);
	assert_int_equal(loop_mark_mint(desk->keys, LOOP_ANSWER, (struct outbox_id){1}, mark), 0);
	struct post post = {.to = {"acme"},
			    .from = "acme@" DOMAIN,
			    .id = own,
			    .text = "What we said",
			    .class = MAIL_AUTO,
			    .class_rule = "loop-mark",
			    .loop_mark = mark};
	assert_string_equal(desk_post(desk, &post), "event ticket=ACME-00001");
	assert_string_equal(desk->verdict, "auto:loop-mark quiet:own-mail");
	assert_string_equal(desk_jobs(desk), "");
	/* the id alone, without a mark of ours, is anybody's to write */
	post.loop_mark = NULL;
	post.from = "mallory@x.org";
	post.text = "What they say";
	assert_string_equal(desk_post(desk, &post), "created ticket=ACME-00002");
	desk_balanced(desk);
}

static bool on_stopped(void *ctx, struct str slug, struct str address, struct str why, int64_t since_ms)
{
	char *text = ctx;
	assert_true(since_ms > 0);
	snprintf(text + strlen(text), 256 - strlen(text), "%.*s %.*s %.*s;", STR_ARG(slug), STR_ARG(address),
		 STR_ARG(why));
	return true;
}

static void a_complaint_stops_mail_to_its_address(void **state)
{
	static const struct mail_report abuse = {STR_INIT(JANE), STR_INIT(""), STR_INIT("abuse"),
						 MAIL_REPORT_FEEDBACK};
	struct desk *desk = *state;
	char local[64], path[128], stopped[256] = "";
	bounce_to(desk, a_job(desk), local, sizeof(local));
	snprintf(path, sizeof(path), "%s@%s", local, DOMAIN);
	struct post post = {.to = {"abuse", "acme", "beta"},
			    .from = "fbl@provider.example",
			    .text = "complaint",
			    .class = MAIL_FEEDBACK,
			    .returned_reverse_path = path,
			    .reports = &abuse,
			    .reports_n = 1};
	assert_string_equal(desk_post(desk, &post),
			    "forwarded mailbox=abuse, event ticket=ACME-00001, bounce_report mailbox=beta");
	assert_string_equal(desk_jobs(desk), "forward>operator@example.org/0");
	assert_int_equal(reader_stopped(desk->reader, on_stopped, stopped), 0);
	assert_string_equal(stopped, "acme " JANE " complaint: abuse;");
	assert_int_equal(desk_ticket(desk, "ACME-00001").comments, 2); /* said once */
	struct desk_comment comment = desk_last_comment(desk, "ACME-00001");
	assert_int_equal(comment.author_kind, COMMENT_BY_SYSTEM);
	assert_int_equal(comment.visibility, COMMENT_INTERNAL);
	assert_non_null(strstr(comment.reply, JANE));
	/* one that is not about a mail of ours is a machine's mail like any other */
	path[10] = path[10] == 'A' ? 'B' : 'A';
	post.text = "forged";
	assert_string_equal(desk_post(desk, &post), "forwarded mailbox=abuse, created ticket=ACME-00002, "
						    "created ticket=BETA-00001");
	desk_balanced(desk);
}

static void an_answer_without_words_is_not_sent(void **state)
{
	struct desk *desk = *state;
	char agent[80];
	open_ticket(desk);
	desk_reply_to(desk, "acme", 1, PARTICIPANT_TEAM, agent, sizeof(agent));
	desk_post(desk, &(struct post){.to = {agent}, .from = "team@acme.example", .text = " \n"});
	assert_null(strstr(desk_jobs(desk), "answer>"));
	struct desk_comment comment = desk_last_comment(desk, "ACME-00001");
	assert_int_equal(comment.visibility, COMMENT_INTERNAL);
	assert_non_null(strstr(comment.note, "Not sent to the customer"));
	desk_balanced(desk);
}

static void a_complaint_may_name_the_mail_by_its_message_id(void **state)
{
	static const struct mail_report abuse = {STR_INIT(JANE), STR_INIT(""), STR_INIT("abuse"),
						 MAIL_REPORT_FEEDBACK};
	struct desk *desk = *state;
	char id[200], stopped[256] = "";
	a_job(desk);
	desk_newest_message_id(desk, id, sizeof(id));
	struct post post = {.to = {"acme"},
			    .from = "fbl@provider.example",
			    .text = "complaint",
			    .class = MAIL_FEEDBACK,
			    .returned_message_id = id,
			    .reports = &abuse,
			    .reports_n = 1};
	assert_string_equal(desk_post(desk, &post), "event ticket=ACME-00001");
	assert_int_equal(reader_stopped(desk->reader, on_stopped, stopped), 0);
	assert_string_equal(stopped, "acme " JANE " complaint: abuse;");
	id[3] = id[3] == 'A' ? 'B' : 'A'; /* a Message-ID that we did not make */
	post.text = "forged";
	assert_string_equal(desk_post(desk, &post), "created ticket=ACME-00002");
	desk_balanced(desk);
}

/* ---- the operator's mailboxes, and several recipients */

static void our_own_mail_is_not_forwarded_again(void **state)
{
	struct desk *desk = *state;
	char mark[LOOP_MARK_TEXT_MAX + 1];
	struct post post = {.to = {"support"}, .from = JANE, .text = "hello"};
	assert_string_equal(desk_post(desk, &post), "forwarded mailbox=support");
	assert_string_equal(desk_jobs(desk), "forward>inbox@example.org/0");
	assert_int_equal(loop_mark_mint(desk->keys, LOOP_FORWARD, (struct outbox_id){1}, mark), 0);
	post.loop_mark = mark;
	post.text = "round and round";
	assert_string_equal(desk_post(desk, &post), "quarantined mailbox=support");
	assert_string_equal(desk_jobs(desk), "");
	assert_int_equal(desk->forward_loops, 1);
	mark[strlen(mark) - 1] = '_'; /* another server's may go on: its own hop count stops it */
	post.text = "from elsewhere";
	assert_string_equal(desk_post(desk, &post), "forwarded mailbox=support");
	desk_balanced(desk);
}

static void recipients_of_several_kinds_are_each_treated_by_their_own_rule(void **state)
{
	struct desk *desk = *state;
	char to[80];
	open_ticket(desk);
	desk_reply_to(desk, "acme", 1, 1, to, sizeof(to));
	const struct post post = {
		.to = {to, "beta", "support"}, .from = JANE, .id = "all@x", .text = "All of you."};
	assert_string_equal(
		desk_post(desk, &post),
		"commented ticket=ACME-00001, created ticket=BETA-00001, forwarded mailbox=support");
	assert_string_equal(desk_jobs(desk),
			    TOLD_COMMENT " notify_ticket>admin@beta.example/2 confirm>" JANE "/1 "
					 "forward>inbox@example.org/0");
	desk_balanced(desk);
}

/* The writer may run a delivery twice: nothing is left of the first time. */
static void what_was_rolled_back_is_done_anew(void **state)
{
	struct desk *desk = *state;
	char mark[LOOP_MARK_TEXT_MAX + 1];
	struct post post = {.to = {"acme", "beta", "support"}, .from = JANE, .id = "x@x", .text = "Again."};
	desk->fail_after = true;
	desk_post(desk, &post);
	assert_int_equal(desk->status, -EIO);
	assert_string_equal(desk_jobs(desk), "");
	desk->fail_after = false;
	assert_string_equal(
		desk_post(desk, &post),
		"created ticket=ACME-00001, created ticket=BETA-00001, forwarded mailbox=support");
	assert_int_equal(loop_mark_mint(desk->keys, LOOP_FORWARD, (struct outbox_id){1}, mark), 0);
	post.loop_mark = mark;
	post.text = "home";
	desk->fail_after = true;
	desk_post(desk, &post);
	desk->fail_after = false;
	desk_post(desk, &post);
	assert_int_equal(desk->forward_loops, 1);
	desk_balanced(desk);
}

/* ---- RCPT */

static int suspend_beta(struct store_job *job UNUSED, struct store_txn *txn)
{
	struct tenant_row row;
	int r = tenant_rows_find(txn, STR("beta"), &row);
	return r < 0 ? r : tenant_rows_set_status(txn, row.id, TENANT_SUSPENDED);
}

/* A reply address of the older key. */
static void old_reply_to(const struct desk *desk, char *ret, size_t size)
{
	const struct str old = key_ring_key(desk->keys, 1);
	const struct reply_token token = {.slug = "acme", .ticket = 1, .participant = 1};
	char text[REPLY_TOKEN_MAX + 1];
	struct key_ring *keys;
	assert_int_equal(key_ring_new(&keys, &old, 1), 0);
	assert_int_equal(reply_token_mint(keys, &token, text), 0);
	snprintf(ret, size, "Reply+%s", text);
	key_ring_unref(keys);
}

static void one_recipient_however_it_is_written(void **state)
{
	struct desk *desk = *state;
	char to[80], old[80], other[80];
	struct store_job suspend = {.apply = suspend_beta};
	struct delivery *delivery = delivery_new();
	desk_reply_to(desk, "acme", 1, 1, to, sizeof(to));
	desk_reply_to(desk, "acme", 1, 2, other, sizeof(other));
	old_reply_to(desk, old, sizeof(old));
	delivery->tenants = tenants_ref(desk->tenants);
	const struct {
		const char *local;
		size_t n;
	} steps[] = {{to, 1}, {old, 1}, {to, 1}, {other, 2}, {"acme+A", 3}, {"ACME+a", 3}};
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		assert_int_equal(desk_rcpt(desk, delivery, steps[i].local), RCPT_ACCEPTED);
		assert_int_equal(delivery->envelope.recipients_n, steps[i].n);
	}
	assert_int_equal(store_run(desk->store, &suspend), 0);
	desk_reply_to(desk, "beta", 1, 1, to, sizeof(to));
	assert_int_equal(desk_rcpt(desk, delivery, to), RCPT_ACCEPTED); /* the view that it began with */
	tenants_unref(desk->tenants);
	assert_int_equal(tenants_build(&desk->tenants, desk->reader, &desk->tenant_defaults), 0);
	delivery_free(delivery);
	delivery = delivery_new();
	delivery->tenants = tenants_ref(desk->tenants);
	assert_int_equal(desk_rcpt(desk, delivery, to), RCPT_SUSPENDED);
	assert_int_equal(delivery->envelope.recipients_n, 0);
	delivery_free(delivery);
}

static void tokens_are_judged_at_rcpt(void **state)
{
	struct desk *desk = *state;
	char good[80], folded[80], flipped[80], short_one[80], gone[80], bounce[64];
	desk_reply_to(desk, "acme", 1, 1, good, sizeof(good));
	desk_reply_to(desk, "nobody", 1, 1, gone, sizeof(gone));
	bounce_to(desk, (struct outbox_id){1}, bounce, sizeof(bounce));
	snprintf(folded, sizeof(folded), "%s", good);
	for (char *c = folded; *c; c++)
		*c = ascii_lower(*c);
	snprintf(flipped, sizeof(flipped), "%s", good);
	flipped[12] = flipped[12] == 'A' ? 'B' : 'A';
	snprintf(short_one, sizeof(short_one), "%s", good);
	short_one[strlen(short_one) - 1] = 0;
	const struct {
		const char *local;
		bool null_path;
		enum rcpt_status status;
	} cases[] = {
		{good, false, RCPT_ACCEPTED},     {good, true, RCPT_ACCEPTED},
		{flipped, false, RCPT_UNKNOWN},   {short_one, false, RCPT_UNKNOWN},
		{gone, false, RCPT_UNKNOWN},      {folded, false, RCPT_LATER},
		{bounce, true, RCPT_ACCEPTED},    {bounce, false, RCPT_UNKNOWN},
		{"reply+", false, RCPT_UNKNOWN},  {"reply+x", false, RCPT_UNKNOWN},
		{"bounce+x", true, RCPT_UNKNOWN}, {"reply", false, RCPT_UNKNOWN},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct delivery *delivery = delivery_new();
		delivery->tenants = tenants_ref(desk->tenants);
		if (!cases[i].null_path)
			delivery->envelope.reverse_path = (struct mailaddr){STR("a"), STR("x.org")};
		enum rcpt_status status = desk_rcpt(desk, delivery, cases[i].local);
		if (status != cases[i].status)
			fail_msg("%s: %d", cases[i].local, (int)status);
		assert_int_equal(delivery->envelope.recipients_n, status == RCPT_ACCEPTED);
		desk_rcpt(desk, delivery, cases[i].local); /* the same one */
		assert_int_equal(delivery->envelope.recipients_n, status == RCPT_ACCEPTED);
		delivery_free(delivery);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DESK(a_new_ticket_is_told_and_confirmed_unless_we_keep_quiet),
		WITH_DESK(confirmations_are_capped),
		WITH_DESK(whose_comment_a_reply_is),
		WITH_DESK(a_public_comment_opens_again_what_was_done),
		WITH_DESK(a_machine_at_a_reply_address_is_an_event),
		WITH_DESK(an_answer_to_a_ticket_that_is_gone_is_a_new_one),
		WITH_DESK(a_reply_that_comes_twice_is_one_comment),
		WITH_DESK(our_own_words_are_set_aside),
		WITH_DESK(a_mail_finds_its_ticket_when_from_is_on_it),
		WITH_DESK(the_same_id_with_other_words_is_a_comment_of_its_author),
		WITH_DESK(a_forwarding_confirmation_is_shown_to_the_admin),
		WITH_DESK(a_mail_that_an_agent_forwards_is_the_customers),
		WITH_DESK(a_bounce_marks_its_job_and_tells_the_team_once),
		WITH_DESK(other_mail_to_a_bounce_address_is_an_event),
		WITH_DESK(a_bounce_that_came_to_the_tenant_is_an_event_on_its_ticket),
		WITH_DESK(our_own_mail_coming_home_is_an_event_on_its_ticket),
		WITH_DESK(a_complaint_stops_mail_to_its_address),
		WITH_DESK(a_complaint_may_name_the_mail_by_its_message_id),
		WITH_DESK(an_answer_without_words_is_not_sent),
		WITH_DESK(who_forwards_speaks_for_himself),
		WITH_DESK(a_mail_without_an_author_is_said_to_be_one),
		WITH_DESK(our_own_mail_is_not_forwarded_again),
		WITH_DESK(recipients_of_several_kinds_are_each_treated_by_their_own_rule),
		WITH_DESK(tokens_are_judged_at_rcpt),
		WITH_DESK(a_bounce_of_a_mail_that_is_under_way_comes_again),
		WITH_DESK(what_was_rolled_back_is_done_anew),
		WITH_DESK(one_recipient_however_it_is_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
