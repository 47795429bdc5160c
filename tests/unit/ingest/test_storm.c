/* What makes no mail: storms, programs that answer each other without a mark, recipients by the dozen, forged authors,
 * complaints by those who are not who they complain for. Against a real store. */
#include "tests/unit/ingest/desk.h"

#include "ingest/conversation.h"

#define JANE "jane@example.org"

static const char *post_numbered(struct desk *desk, struct post *post, int n)
{
	char text[32], subject[32];
	snprintf(text, sizeof(text), "words %d", n);
	snprintf(subject, sizeof(subject), "%c%c", 'a' + n % 26, 'a' + n / 26);
	post->text = text;
	post->subject = subject;
	desk_post(desk, post);
	return desk_jobs(desk);
}

static void a_storm_on_a_ticket_makes_comments_not_mail(void **state)
{
	struct desk *desk = *state;
	char client[80], team[80];
	desk_post(desk, &(struct post){.to = {"acme"}, .from = JANE, .text = "Smoke."});
	desk_jobs(desk);
	desk_reply_to(desk, "acme", 1, PARTICIPANT_REQUESTER, client, sizeof(client));
	desk_reply_to(desk, "acme", 1, PARTICIPANT_TEAM, team, sizeof(team));
	/* two vacation programs that know no manners */
	struct post jane = {.to = {client}, .from = JANE}, bob = {.to = {team}, .from = "bob@acme.example"};
	for (int n = 1; n < STORM_COMMENTS; n++) {
		const char *jobs = post_numbered(desk, n % 2 ? &jane : &bob, n);
		assert_string_equal(jobs, n % 2 ? "notify_comment>team@acme.example/2" : "answer>" JANE "/1");
	}
	desk_set_status(desk, "ACME-00001", TICKET_CLOSED);
	assert_string_equal(post_numbered(desk, &jane, STORM_COMMENTS), "");
	assert_string_equal(desk->verdict, "normal quiet:storm");
	assert_false(desk->jobs_due);
	assert_int_equal(desk_ticket(desk, "ACME-00001").status, TICKET_REOPENED);
	struct desk_comment comment = desk_last_comment(desk, "ACME-00001");
	assert_int_equal(comment.visibility, COMMENT_PUBLIC);
	assert_non_null(strstr(comment.note, "Nobody was told"));
	assert_string_equal(post_numbered(desk, &bob, STORM_COMMENTS + 1), "");
	/* and strangers' */
	struct post mallory = {.to = {client}, .from = "mallory@x.org"};
	assert_string_equal(post_numbered(desk, &mallory, STORM_COMMENTS + 2), "");
	assert_non_null(strstr(desk_last_comment(desk, "ACME-00001").note, "Not on this ticket"));
	/* other tickets go on */
	desk_post(desk, &(struct post){.to = {"acme"}, .from = "joe@example.org", .text = "Fire."});
	assert_true(desk->jobs_due);
	desk_balanced(desk);
}

static void a_storm_of_one_author_makes_tickets_not_mail(void **state)
{
	struct desk *desk = *state;
	struct post post = {.to = {"acme"}, .from = "list@members.example"};
	for (int n = 0; n < STORM_TICKETS; n++)
		assert_non_null(strstr(post_numbered(desk, &post, n), "notify_ticket>team@acme.example/2"));
	assert_string_equal(post_numbered(desk, &post, STORM_TICKETS), "");
	assert_string_equal(desk->verdict, "normal quiet:storm");
	assert_string_equal(desk->said, "created ticket=ACME-00201");
	assert_non_null(strstr(desk_last_comment(desk, "ACME-00201").note, "Nobody was told"));
	/* another tenant's, and another author's */
	post.to[0] = "beta";
	assert_non_null(strstr(post_numbered(desk, &post, 1), "notify_ticket>admin@beta.example/2"));
	post = (struct post){.to = {"acme"}, .from = JANE};
	assert_non_null(strstr(post_numbered(desk, &post, 300), "notify_ticket>team@acme.example/2"));
	desk_balanced(desk);
}

/* Without this, a notice of a ticket makes a ticket, which makes a notice. */
static void the_team_is_not_told_of_its_own_programs(void **state)
{
	static const char *const addresses[] = {"team@acme.example", "Admin@acme.example"};
	struct desk *desk = *state;
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct post away = {.to = {"acme"},
				    .from = addresses[i],
				    .subject = "Out of office",
				    .class = MAIL_AUTO,
				    .class_rule = "auto-submitted"};
		char text[16];
		snprintf(text, sizeof(text), "away %zu", i);
		away.text = text;
		desk_post(desk, &away);
		assert_string_equal(desk_jobs(desk), "");
		/* without a mark: as often as a confirmation */
		away.class = MAIL_NORMAL;
		away.class_rule = "";
		for (int n = 0; n < 5; n++) {
			snprintf(text, sizeof(text), "hello %zu %d", i, n);
			desk_post(desk, &away);
			const char *jobs = desk_jobs(desk);
			assert_int_equal(strstr(jobs, "notify_ticket>team@acme.example/2") != NULL, n < 3);
			assert_int_equal(strstr(jobs, "confirm>") != NULL, n < 3);
		}
		assert_string_equal(desk->verdict, "normal quiet:subject-cap");
	}
	/* a monitor of the same domain is somebody else */
	desk_post(desk, &(struct post){.to = {"acme"},
				       .from = "monitor@acme.example",
				       .text = "disk full",
				       .class = MAIL_AUTO,
				       .class_rule = "auto-submitted"});
	assert_string_equal(desk_jobs(desk), "notify_ticket>team@acme.example/2");
	desk_balanced(desk);
}

static void a_mail_of_several_authors_is_confirmed_to_none(void **state)
{
	static const struct {
		const char *from, *also_from, *jobs, *verdict;
	} cases[] = {
		{"a@x.org", "b@y.org", "notify_ticket>team@acme.example/2", "normal quiet:no-one-author"},
		{"mta@example.org", "b@y.org", "notify_ticket>team@acme.example/2",
		 "normal quiet:no-one-author"},
		{"a@x.org", NULL, "notify_ticket>team@acme.example/2 confirm>a@x.org/1", "normal"},
		{NULL, NULL, "notify_ticket>team@acme.example/2 confirm>mta@example.org/1", "normal"},
	};
	struct desk *desk = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[16];
		snprintf(text, sizeof(text), "%zu", i);
		desk_post(desk, &(struct post){.to = {"acme"},
					       .from = cases[i].from,
					       .also_from = cases[i].also_from,
					       .text = text});
		assert_string_equal(desk_jobs(desk), cases[i].jobs);
		assert_string_equal(desk->verdict, cases[i].verdict);
	}
	/* nor does the first of them look like the one who wrote to a ticket */
	char client[80];
	desk_reply_to(desk, "acme", 3, PARTICIPANT_REQUESTER, client, sizeof(client));
	desk_post(desk, &(struct post){.to = {client},
				       .from = "admin@acme.example",
				       .also_from = "m@x.org",
				       .text = "trust me"});
	assert_non_null(strstr(desk_last_comment(desk, "ACME-00003").note, "several addresses"));
	desk_balanced(desk);
}

static size_t count_of(const char *text, const char *what)
{
	size_t n = 0;
	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static void recipients_by_the_dozen_are_no_amplifier(void **state)
{
	struct desk *desk = *state;
	const struct post post = {
		.to = {"acme+1", "acme+2", "acme+3", "acme+4", "acme+5", "acme+6", "acme+7", "beta"},
		.from = "victim@x.org",
		.subject = "One",
		.text = "bomb"};
	desk->quota.subject_max = 10;
	desk_post(desk, &post);
	const char *jobs = desk_jobs(desk);
	assert_int_equal(count_of(jobs, "notify_ticket>team@acme.example"), 5);
	assert_int_equal(count_of(jobs, "notify_ticket>admin@beta.example"), 1);
	assert_int_equal(count_of(jobs, "confirm>victim@x.org"), 3);
	assert_int_equal(desk_ticket(desk, "ACME-00007").comments, 1);
	desk_balanced(desk);
}

static bool on_stopped(void *ctx, struct str slug UNUSED, struct str address UNUSED, struct str why UNUSED,
		       int64_t since_ms UNUSED)
{
	++*(int *)ctx;
	return true;
}

static bool on_job(void *ctx, const struct outbox_view *view)
{
	if (view->row.kind == OUTBOX_NOTIFY_TICKET)
		*(struct outbox_id *)ctx = view->row.id;
	return true;
}

/* Somebody was shown a notice, with its header section. */
static void a_complaint_does_not_silence_the_team(void **state)
{
	static const struct mail_report abuse = {STR_INIT("team@acme.example"), STR_INIT(""),
						 STR_INIT("abuse"), MAIL_REPORT_FEEDBACK};
	struct desk *desk = *state;
	const struct outbox_filter all = {.state = -2, .limit = 64};
	struct outbox_id notice = {0};
	char token[BOUNCE_TOKEN_MAX + 1], path[128];
	int stopped = 0;
	desk_post(desk, &(struct post){.to = {"acme"}, .from = JANE, .text = "Smoke."});
	assert_int_equal(reader_outbox(desk->reader, &all, on_job, &notice), 0);
	assert_int_equal(bounce_token_mint(desk->keys, notice, token), 0);
	snprintf(path, sizeof(path), "bounce+%s@%s", token, DOMAIN);
	desk_post(desk, &(struct post){.to = {"acme"},
				       .from = "fbl@provider.example",
				       .text = "complaint",
				       .class = MAIL_FEEDBACK,
				       .returned_reverse_path = path,
				       .reports = &abuse,
				       .reports_n = 1});
	assert_string_equal(desk->said, "event ticket=ACME-00001");
	assert_int_equal(reader_stopped(desk->reader, on_stopped, &stopped), 0);
	assert_int_equal(stopped, 0);
	assert_non_null(
		strstr(desk_last_comment(desk, "ACME-00001").reply, "still goes to team@acme.example"));
	desk_balanced(desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DESK(a_storm_on_a_ticket_makes_comments_not_mail),
		WITH_DESK(a_storm_of_one_author_makes_tickets_not_mail),
		WITH_DESK(the_team_is_not_told_of_its_own_programs),
		WITH_DESK(a_mail_of_several_authors_is_confirmed_to_none),
		WITH_DESK(recipients_by_the_dozen_are_no_amplifier),
		WITH_DESK(a_complaint_does_not_silence_the_team),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
