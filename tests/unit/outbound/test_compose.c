/* Mails of our own: their fields, parts and files; that nothing hostile gets out of its place; what can't be a mail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tenant/loop_mark.h"
#include "tenant/reply_token.h"
#include "tests/lib/sample_mail.h"

#define DOMAIN "serveloapp.example"

static struct sample sample;

static int setup(void **state)
{
	(void)state;
	sample_init(&sample, "");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sample_done(&sample);
	return 0;
}

/* ---- reading a mail back: deliberately simple, and deliberately not with anything of ours */

#define FIELDS_MAX 40
struct field {
	char name[64];
	char value[16384]; /* unfolded */
};
struct mail {
	struct field fields[FIELDS_MAX];
	size_t n;
	const char *body;
};
static struct mail mail;

static void read_mail(const struct strbuf *head)
{
	const char *p = head->ptr;
	size_t column = 0;
	for (size_t i = 0; i < head->len; i++, column++) {
		assert_true((unsigned char)p[i] < 0x80 && p[i] != 0);
		assert_true(p[i] != '\r' || p[i + 1] == '\n');
		assert_true(p[i] != '\n' || p[i - 1] == '\r');
		column = p[i] == '\n' ? 0 : column;
		assert_true(column < 998);
	}
	mail.n = 0;
	while (strncmp(p, "\r\n", 2) != 0) {
		const char *end = strstr(p, "\r\n");
		assert_non_null(end);
		struct field *field = &mail.fields[mail.n];
		if (*p == ' ' || *p == '\t') {
			assert_true(mail.n > 0);
			field--;
		} else {
			const char *colon = memchr(p, ':', (size_t)(end - p));
			assert_non_null(colon);
			assert_true(mail.n < FIELDS_MAX && colon - p < 64);
			memset(field, 0, sizeof(*field));
			memcpy(field->name, p, (size_t)(colon - p));
			mail.n++;
			p = colon + 1;
		}
		assert_true(strlen(field->value) + (size_t)(end - p) < sizeof(field->value));
		strncat(field->value, p, (size_t)(end - p));
		p = end + 2;
	}
	mail.body = p + 2;
}

static const char *field(const char *name)
{
	for (size_t i = 0; i < mail.n; i++) {
		if (!strcasecmp(mail.fields[i].name, name))
			return mail.fields[i].value + (mail.fields[i].value[0] == ' ');
	}
	return NULL;
}

static void want_fields(const char *const *names)
{
	size_t n = 0;
	for (; names[n]; n++) {
		if (n >= mail.n || strcmp(mail.fields[n].name, names[n]) != 0)
			fail_msg("field %zu is %s, not %s", n, n < mail.n ? mail.fields[n].name : "missing",
				 names[n]);
	}
	assert_int_equal(mail.n, n);
}

static struct composed composed;

static void make(void)
{
	const char *why = "";
	int r = compose(&sample.composer, NULL, &sample.outgoing, &composed, &why);
	if (r < 0)
		fail_msg("%d %s", r, why);
	read_mail(&composed.head);
}

static const char *const all_fields[] = {"Message-ID",     "Date",
					 "From",           "To",
					 "Subject",        "Reply-To",
					 "In-Reply-To",    "References",
					 "Auto-Submitted", "X-Auto-Response-Suppress",
					 "X-Servelo-Loop", "MIME-Version",
					 "Content-Type",   NULL};
static const char *const first_fields[] = {
	"Message-ID",     "Date",         "From",           "To",
	"Subject",        "Reply-To",     "Auto-Submitted", "X-Auto-Response-Suppress",
	"X-Servelo-Loop", "MIME-Version", "Content-Type",   NULL};

/* ---- as they should be */

static void test_fields(void **state)
{
	(void)state;
	static const struct {
		enum outbox_kind kind;
		const char *to, *subject, *auto_submitted;
		enum loop_kind loop;
		int64_t participant;
		bool mixed;
	} cases[] = {
		{OUTBOX_NOTIFY_TICKET, "<team@acme.example>", "[ACME-00042] Front wheel arrived bent",
		 "auto-generated", LOOP_NOTICE, PARTICIPANT_TEAM, false},
		{OUTBOX_CONFIRM, "<jane.doe@example.com>",
		 "[ACME-00042] Acme Bicycles: we have received your message", "auto-replied", LOOP_NOTICE,
		 PARTICIPANT_REQUESTER, false},
		{OUTBOX_NOTIFY_COMMENT, "<team@acme.example>", "Re: [ACME-00042] Front wheel arrived bent",
		 "auto-generated", LOOP_NOTICE, PARTICIPANT_TEAM, false},
		{OUTBOX_ANSWER, "<jane.doe@example.com>", "Re: [ACME-00042] Front wheel arrived bent",
		 "auto-generated", LOOP_ANSWER, PARTICIPANT_REQUESTER, true},
		{OUTBOX_NOTIFY_FAILURE, "<team@acme.example>", "Re: [ACME-00042] Front wheel arrived bent",
		 "auto-generated", LOOP_NOTICE, PARTICIPANT_TEAM, false},
		{OUTBOX_NOTIFY_ASSIGNED, "<team@acme.example>", "Re: [ACME-00042] Front wheel arrived bent",
		 "auto-generated", LOOP_NOTICE, PARTICIPANT_TEAM, false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reply_token token;
		struct outbox_id job;
		enum loop_kind loop;
		sample_job(&sample, cases[i].kind, "en");
		make();
		want_fields(all_fields);
		assert_string_equal(field("Message-ID"), "<QAAqAAAAAAAAAGMzQ1Fq@" DOMAIN ">");
		assert_string_equal(field("Date"), "Mon, 21 Sep 2026 14:13:20 +0000");
		assert_string_equal(field("From"), "\"Acme Bicycles\" <acme@" DOMAIN ">");
		assert_string_equal(field("To"), cases[i].to);
		assert_string_equal(field("Subject"), cases[i].subject);
		assert_string_equal(field("In-Reply-To"), "<second.mail@example.com>");
		assert_string_equal(field("References"),
				    "<CAF0001@mail.example.com> <second.mail@example.com>");
		assert_string_equal(field("Auto-Submitted"), cases[i].auto_submitted);
		assert_string_equal(field("X-Auto-Response-Suppress"), "All");
		assert_int_equal(loop_mark_check(sample.keys, str_from(field("X-Servelo-Loop")), &loop),
				 LOOP_OURS);
		assert_int_equal(loop, cases[i].loop);
		assert_string_equal(field("Content-Type"),
				    cases[i].mixed
					    ? "multipart/mixed; boundary=\"=_mixed_4711\""
					    : "multipart/alternative; boundary=\"=_alternative_4711\"");
		const char *reply = strstr(field("Reply-To"), "<reply+");
		assert_non_null(reply);
		struct str text = {reply + 7, strcspn(reply + 7, "@")};
		assert_int_equal(reply_token_check(sample.keys, text, &token), 0);
		assert_int_equal(token.ticket, 42);
		assert_int_equal(token.participant, cases[i].participant);
		assert_string_equal(token.slug, "acme");
		struct str path = composed.reverse_path;
		assert_true(str_starts(path, STR("bounce+")));
		assert_int_equal(bounce_token_check(sample.keys, str_sub(path, 7, str_find(path, '@')), &job),
				 0);
		assert_int_equal(job.v, 4711);
		assert_true(!composed.eight_bit && !composed.utf8 && composed.body.len == 0);
		composed_done(&composed);
	}
	sample_job(&sample, OUTBOX_FORWARDING, "en");
	make();
	assert_null(field("Reply-To"));
	assert_null(field("References"));
	composed_done(&composed);
}

static void test_the_same_again(void **state)
{
	(void)state;
	struct composed first;
	sample_job(&sample, OUTBOX_ANSWER, "de");
	sample.outgoing.job.recipient = STR("j@example.com");
	make();
	first = composed;
	sample.composer.now_ms += 86400000;
	make();
	assert_true(str_eq(strbuf_str(&first.head), strbuf_str(&composed.head)));
	assert_true(str_eq(first.reverse_path, composed.reverse_path));
	composed_done(&first);
	composed_done(&composed);
	composed_done(&composed);
}

static void test_smtputf8(void **state)
{
	(void)state;
	const char *why = "";
	sample_job(&sample, OUTBOX_CONFIRM, "de");
	assert_int_equal(compose(&sample.composer, NULL, &sample.outgoing, &composed, &why), 0);
	assert_true(composed.utf8 && composed.eight_bit);
	assert_non_null(strstr(composed.head.ptr, "\r\nTo: <jana.gro\xc3\x9f@example.com>\r\n"));
	composed_done(&composed);
}

/* ---- threads */

static void test_thread(void **state)
{
	(void)state;
	static struct str ids[OUTGOING_THREAD_MAX];
	static char texts[OUTGOING_THREAD_MAX][240];
	sample_job(&sample, OUTBOX_NOTIFY_TICKET, "en");
	sample.outgoing.thread_n = 0;
	make();
	want_fields(first_fields);
	composed_done(&composed);
	const struct str some[] = {STR("a b@c"), STR("first@x"), STR("x@y>\r\nBcc: <z@z"), STR("last@x"),
				   STR("")};
	sample.outgoing.thread = some;
	sample.outgoing.thread_n = ARRAY_SIZE(some);
	make();
	want_fields(all_fields);
	assert_string_equal(field("In-Reply-To"), "<last@x>");
	assert_string_equal(field("References"), "<first@x> <last@x>");
	composed_done(&composed);
	/* too many octets: the first and the newest stay */
	for (size_t i = 0; i < OUTGOING_THREAD_MAX; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%02zu%0200d@x", i, 0);
		ids[i] = str_from(texts[i]);
	}
	sample.outgoing.thread = ids;
	sample.outgoing.thread_n = OUTGOING_THREAD_MAX;
	make();
	const char *references = field("References");
	assert_true(strlen(references) < 3100);
	assert_int_equal(strncmp(references, "<00", 3), 0);
	assert_null(strstr(references, "<010"));
	assert_non_null(strstr(references, "<220"));
	assert_non_null(strstr(references, "<230"));
	composed_done(&composed);
}

/* ---- what must not get out */

static void test_confirmation_repeats_nothing(void **state)
{
	(void)state;
	sample_job(&sample, OUTBOX_CONFIRM, "en");
	sample.outgoing.ticket.subject = STR("SECRETSUBJECT");
	sample.outgoing.requester_name = STR("SECRETNAME");
	sample.outgoing.comment.text = STR("SECRETTEXT");
	sample.outgoing.comment.note = STR("SECRETNOTE");
	sample.outgoing.comment_author_name = STR("SECRETAUTHOR");
	sample.outgoing.ticket.addressed_to = STR("secret@secret");
	sample.outgoing.attachments = sample.attachments;
	sample.outgoing.attachments_n = 2;
	make();
	assert_null(strcasestr(composed.head.ptr, "secret"));
	assert_null(strstr(composed.head.ptr, "label.txt"));
	composed_done(&composed);
}

static void test_answer_tells_nothing_internal(void **state)
{
	(void)state;
	const char *why = "";
	sample_job(&sample, OUTBOX_ANSWER, "en");
	sample.outgoing.comment.note = STR("SECRETNOTE");
	sample.outgoing.comment.author_address = STR("secret@agents");
	make();
	assert_null(strcasestr(composed.head.ptr, "secret"));
	composed_done(&composed);
	sample.outgoing.comment.visibility = COMMENT_INTERNAL;
	assert_int_equal(compose(&sample.composer, NULL, &sample.outgoing, &composed, &why), -EINVAL);
	assert_string_equal(why, "an internal comment is nothing for the customer");
}

static void test_hostile_values(void **state)
{
	(void)state;
	static char long_text[5001];
	memset(long_text, 'a', sizeof(long_text) - 1);
	const struct str hostile[] = {
		STR("x\r\nBcc: victim@example.com"),
		STR("x\rBcc: victim@example.com\r\r"),
		STR("x\nBcc: victim@example.com\n\n"),
		STR("x\r\n\r\n--=_alternative_4711\r\nX: y"),
		STR("x\0\r\nBcc: y"),
		STR("x\xe2\x80\xa8"
		    "Bcc: y\xc2\x85"
		    "Bcc: z\xe2\x80\xa9"),
		STR("=?utf-8?Q?=0D=0ABcc:?= =?utf-8?B?DQpCY2M6?="),
		STR("\"<victim@example.com>, \"x\" <y@z>, (c) ;:\\"),
		STR("\xe2\x80\xae\xff\xfe\xc3(\x80"),
		STR("+AA0ACgBCAGMAYwA6-"),
		STR("--=_mixed_4711--\n--=_alternative_4711--\n.\n..\nFrom x"),
		STR("{{text}}{{#internal}}"),
		{long_text, sizeof(long_text) - 1},
		STR(""),
	};
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		for (int kind = OUTBOX_NOTIFY_TICKET; kind <= OUTBOX_FORWARDING; kind++) {
			sample_job(&sample, (enum outbox_kind)kind, "en");
			struct outgoing *out = &sample.outgoing;
			struct str *const values[] = {&out->tenant.name,
						      &out->tenant.signature,
						      &out->tenant.logo_url,
						      &out->tenant.locale,
						      &out->ticket.subject,
						      &out->ticket.addressed_to,
						      &out->ticket.reference,
						      &out->requester_name,
						      &out->requester_address,
						      &out->comment.text,
						      &out->comment.reply,
						      &out->comment.note,
						      &out->comment.author_address,
						      &out->comment_author_name,
						      &out->job.mailbox,
						      &out->job.text,
						      &sample.thread[1],
						      &sample.attachments[0].filename,
						      &sample.attachments[0].media_type,
						      &sample.attachments[2].left_out,
						      &sample.attachments[2].filename};
			for (size_t k = 0; k < ARRAY_SIZE(values); k++)
				*values[k] = hostile[i];
			make();
			static const char *const forwarding[] = {"Message-ID",
								 "Date",
								 "From",
								 "To",
								 "Subject",
								 "Auto-Submitted",
								 "X-Auto-Response-Suppress",
								 "X-Servelo-Loop",
								 "MIME-Version",
								 "Content-Type",
								 NULL};
			want_fields(kind == OUTBOX_FORWARDING ? forwarding : all_fields);
			assert_string_equal(field("To"), kind == OUTBOX_CONFIRM || kind == OUTBOX_ANSWER
								 ? "<jane.doe@example.com>"
								 : "<team@acme.example>");
			if (kind != OUTBOX_FORWARDING)
				assert_string_equal(field("References"), "<CAF0001@mail.example.com>");
			/* each boundary as often as it was meant */
			unsigned n = 0;
			for (const char *p = mail.body - 2; (p = strstr(p, "\n--=_")); p += 5)
				n++;
			assert_int_equal(n, kind == OUTBOX_ANSWER ? 7 : 3);
			/* the text may say it; no field does */
			const char *bcc = strstr(composed.head.ptr, "\nBcc");
			assert_true(!bcc || bcc >= mail.body);
			composed_done(&composed);
		}
	}
}

/* ---- files of an answer */

static int failing_source(void *ctx, const struct mail_id *id, struct str part, struct strbuf *out)
{
	(void)id, (void)part;
	strbuf_add(out, STR("half of it"));
	return *(int *)ctx;
}

static void test_files(void **state)
{
	(void)state;
	static const struct {
		int64_t max;
		int fails; /* 0: the sample's */
		int want;
		unsigned files;
		const char *text; /* in the mail, encoded */
	} cases[] = {
		{18 * 1024 * 1024, 0, 0, 2, "invoice.exe"},
		{100026, 0, 0, 1, "photo of the wheel.jpg (98 KiB) =E2=80=93 too large for one mail"},
		{26, 0, 0, 0, "label.txt (27 B) =E2=80=93 too large for one mail"},
		{0, 0, 0, 0, "label.txt (27 B) =E2=80=93 too large for one mail"},
		{1000000, -ENOENT, 0, 0, "label.txt (27 B) =E2=80=93 the file could not be read"},
		{1000000, -EMSGSIZE, 0, 0, "label.txt (27 B) =E2=80=93 too large for one mail"},
		{1000000, -EIO, -EIO, 0, NULL},
	};
	struct composer kept = sample.composer;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *why = "";
		int fails = cases[i].fails;
		sample_job(&sample, OUTBOX_ANSWER, "en");
		sample.composer.attachments_max = cases[i].max;
		sample.composer.attachment = fails ? failing_source : sample_attachment;
		sample.composer.attachment_ctx = &fails;
		assert_int_equal(compose(&sample.composer, NULL, &sample.outgoing, &composed, &why),
				 cases[i].want);
		if (cases[i].want < 0)
			continue;
		unsigned n = 0;
		for (const char *p = composed.head.ptr; (p = strstr(p, "Content-Disposition: attachment"));
		     p++)
			n++;
		assert_int_equal(n, cases[i].files);
		if (!strstr(composed.head.ptr, cases[i].text)) {
			/* it may be folded by quoted-printable */
			char *flat = strdup(composed.head.ptr), *to = flat;
			for (char *p = flat; *p; p++) {
				if (!strncmp(p, "=\r\n", 3))
					p += 2;
				else
					*to++ = *p;
			}
			*to = '\0';
			assert_non_null(strstr(flat, cases[i].text));
			free(flat);
		}
		composed_done(&composed);
	}
	sample.composer = kept;
	sample.composer.attachment = NULL;
	sample_job(&sample, OUTBOX_ANSWER, "en");
	make();
	assert_null(strstr(composed.head.ptr, "Content-Disposition"));
	composed_done(&composed);
	sample.composer = kept;
}

/* ---- limits, and what can't be a mail */

static void test_long_text(void **state)
{
	(void)state;
	static char text[400 * 1024];
	memset(text, 'x', sizeof(text));
	sample_job(&sample, OUTBOX_NOTIFY_TICKET, "en");
	sample.outgoing.comment.text = (struct str){text, sizeof(text)};
	make();
	assert_in_range(composed.head.len, 500 * 1024, 600 * 1024);
	assert_non_null(strstr(composed.head.ptr, "[The text is too long for this mail."));
	composed_done(&composed);
	/* the worst that there is: everything is escaped */
	static const char link[] = "http://a\" ";
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 ? '"' : link[i % (sizeof(link) - 1)];
	make();
	assert_true(composed.head.len < 8 * 1024 * 1024);
	composed_done(&composed);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = link[i % (sizeof(link) - 1)];
	make();
	composed_done(&composed);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)0xff;
	make();
	composed_done(&composed);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "a\n\n "[i % 4];
	make();
	composed_done(&composed);
}

static void test_reply_is_preferred(void **state)
{
	(void)state;
	sample_job(&sample, OUTBOX_NOTIFY_COMMENT, "en");
	sample.outgoing.comment.text = STR("OLDTEXT");
	sample.outgoing.comment.reply = STR("NEWPART");
	make();
	assert_null(strstr(composed.head.ptr, "OLDTEXT"));
	assert_non_null(strstr(composed.head.ptr, "NEWPART"));
	composed_done(&composed);
}

static void test_never_a_mail(void **state)
{
	(void)state;
	const struct {
		const char *want;
		enum outbox_kind kind;
		struct str recipient, message_id;
		bool no_tenant, no_ticket, no_job;
	} cases[] = {
		{"the recipient is no address", OUTBOX_CONFIRM, STR("nobody"), STR("a@b"), false, false,
		 false},
		{"the recipient is no address", OUTBOX_CONFIRM, STR("a@b\r\nBcc: c"), STR("a@b"), false,
		 false, false},
		{"the recipient is no address", OUTBOX_CONFIRM, STR("a@b, c@d"), STR("a@b"), false, false,
		 false},
		{"the recipient is no address", OUTBOX_CONFIRM, STR(""), STR("a@b"), false, false, false},
		{"the job's Message-ID is none", OUTBOX_CONFIRM, STR("a@b.example"), STR("a@b>\r\nX: y"),
		 false, false, false},
		{"its tenant is not there", OUTBOX_CONFIRM, STR("a@b.example"), STR("a@b"), true, false,
		 false},
		{"its ticket is not there", OUTBOX_CONFIRM, STR("a@b.example"), STR("a@b"), false, true,
		 false},
		{"the job has no id", OUTBOX_CONFIRM, STR("a@b.example"), STR("a@b"), false, false, true},
		{"the original is not there", OUTBOX_FORWARD, STR("a@b.example"), STR("a@b"), false, false,
		 false},
		{"there is no such kind of mail", (enum outbox_kind)99, STR("a@b.example"), STR("a@b"), false,
		 false, false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *why = "";
		sample_job(&sample, OUTBOX_CONFIRM, "en");
		struct outgoing *out = &sample.outgoing;
		out->job.kind = cases[i].kind;
		out->job.recipient = cases[i].recipient;
		out->job.header_message_id = cases[i].message_id;
		out->tenant.id.v = !cases[i].no_tenant;
		out->ticket.id.v = !cases[i].no_ticket;
		out->job.id.v = cases[i].no_job ? 0 : 7;
		if (cases[i].kind == OUTBOX_FORWARD)
			out->original.reverse_path = STR("a@b");
		int r = compose(&sample.composer, NULL, out, &composed, &why);
		assert_int_equal(r, -EINVAL);
		assert_string_equal(why, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_the_same_again),
		cmocka_unit_test(test_smtputf8),
		cmocka_unit_test(test_thread),
		cmocka_unit_test(test_confirmation_repeats_nothing),
		cmocka_unit_test(test_answer_tells_nothing_internal),
		cmocka_unit_test(test_hostile_values),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_long_text),
		cmocka_unit_test(test_reply_is_preferred),
		cmocka_unit_test(test_never_a_mail),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
