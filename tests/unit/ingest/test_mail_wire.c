/*
 * The flat form: what goes in comes out, and whatever was changed on the way is noticed or harmless.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mailaddr.h"
#include "ingest/mail_wire.h"

static const struct mail_limits limits = {
	.header_max = 65536, .text_max = 1000, .addresses_max = 4, .attachments_max = 3, .references_max = 4};

static const struct mail_mailbox mailboxes[] = {
	{STR_INIT("Jane Doe"), STR_INIT("jane@example.org")},
	{STR_INIT(""), STR_INIT("j@example.net")},
	{STR_INIT("\xe5\xbc\xa0\xe4\xb8\x89"), STR_INIT("zhang@example.cn")},
	{STR_INIT("x"), STR_INIT("x@y")},
	{STR_INIT("y"), STR_INIT("y@y")},
};
static const struct str references[] = {STR_INIT("a@b"), STR_INIT("c@d"), STR_INIT(""), STR_INIT("e"),
					STR_INIT("f")};
static const struct mail_attachment attachments[] = {
	{STR_INIT("2"), STR_INIT("Angebot f\xc3\xbcr Sie.pdf"), STR_INIT("application/pdf"),
	 STR_INIT("application/x-elf"), STR_INIT(""), 12345, false, false},
	{STR_INIT("3.1"), STR_INIT("logo.png"), STR_INIT("image/png"), STR_INIT("image/png"),
	 STR_INIT("logo@x"), 0, true, true},
	{STR_INIT(""), STR_INIT(""), STR_INIT(""), STR_INIT(""), STR_INIT(""), INT64_MAX, true, false},
	{STR_INIT("4"), STR_INIT("z"), STR_INIT("a/b"), STR_INIT(""), STR_INIT(""), 1, false, false},
};
static const char body[] = "Dear team,\r\n\r\nit is broken. \xe2\x82\xac 5\n-- \nJane";

static struct parsed_mail full_mail(void)
{
	struct str text = {body, sizeof(body) - 1};
	static const struct mail_report reports[] = {
		{STR_INIT("jane@example.org"), STR_INIT("5.1.1"), STR_INIT("550 user unknown"),
		 MAIL_REPORT_HARD},
		{STR_INIT(""), STR_INIT(""), STR_INIT("abuse"), MAIL_REPORT_FEEDBACK},
		{STR_INIT("joe@example.org"), STR_INIT("4.4.1"), STR_INIT(""), MAIL_REPORT_DELAYED},
	};
	return (struct parsed_mail){
		.subject = STR("It is broken \xe2\x82\xac"),
		.from = {mailboxes, 1},
		.sender = {mailboxes + 1, 1},
		.reply_to = {mailboxes, 3},
		.to = {mailboxes + 1, 2},
		.cc = {NULL, 0},
		.summary = STR("Contact card: Jane Doe."),
		.message_id = STR("id@example.org"),
		.in_reply_to = STR("other@example.org"),
		.references = {references, 3},
		.date_ms = -12345678901,
		.text = text,
		.html_text = text,
		.reply = str_sub(text, 0, 20),
		.has_html = true,
		.text_cut = true,
		.attachments = attachments,
		.attachments_n = 3,
		.class = MAIL_AUTO,
		.class_rule = STR("auto-submitted"),
		.answerable = true,
		.addressed_to = STR("help@customer.example"),
		.forward_confirmation = STR("google"),
		.reports = reports,
		.reports_n = 3,
		.returned_message_id = STR("ours@tickets.example"),
		.returned_reverse_path = STR("bounce+token@tickets.example"),
		.forwarded_author = {STR("J\xc3\xa4ne"), STR("jane@customer.example")},
		.forwarded_subject = STR("Broken \xe2\x82\xac"),
		.forwarded_text = STR("It is broken."),
		.forwarding_words = STR("Please look."),
		.loop_mark = STR("answer.QwEH"),
		.received_n = 7,
		.defects = STR("8bit-header"),
	};
}

static void expect_mailboxes(const struct mail_mailboxes *a, const struct mail_mailboxes *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		assert_true(str_eq(a->items[i].name, b->items[i].name));
		assert_true(str_eq(a->items[i].address, b->items[i].address));
	}
}

static void expect_same(const struct parsed_mail *a, const struct parsed_mail *b)
{
	assert_true(str_eq(a->subject, b->subject));
	expect_mailboxes(&a->from, &b->from);
	expect_mailboxes(&a->sender, &b->sender);
	expect_mailboxes(&a->reply_to, &b->reply_to);
	expect_mailboxes(&a->to, &b->to);
	expect_mailboxes(&a->cc, &b->cc);
	assert_true(str_eq(a->message_id, b->message_id));
	assert_true(str_eq(a->in_reply_to, b->in_reply_to));
	assert_int_equal(a->references.n, b->references.n);
	for (size_t i = 0; i < a->references.n; i++)
		assert_true(str_eq(a->references.items[i], b->references.items[i]));
	assert_int_equal(a->date_ms, b->date_ms);
	assert_true(str_eq(a->text, b->text));
	assert_true(str_eq(a->html_text, b->html_text));
	assert_true(str_eq(a->reply, b->reply));
	assert_true(str_eq(a->summary, b->summary));
	assert_int_equal(a->has_html, b->has_html);
	assert_int_equal(a->text_from_html, b->text_from_html);
	assert_int_equal(a->text_cut, b->text_cut);
	assert_int_equal(a->attachments_cut, b->attachments_cut);
	assert_int_equal(a->attachments_n, b->attachments_n);
	for (size_t i = 0; i < a->attachments_n; i++) {
		const struct mail_attachment *x = &a->attachments[i], *y = &b->attachments[i];
		assert_true(str_eq(x->part, y->part));
		assert_true(str_eq(x->filename, y->filename));
		assert_true(str_eq(x->media_type, y->media_type));
		assert_true(str_eq(x->sniffed_type, y->sniffed_type));
		assert_true(str_eq(x->content_id, y->content_id));
		assert_int_equal(x->size, y->size);
		assert_int_equal(x->disposition_inline, y->disposition_inline);
		assert_int_equal(x->inline_image, y->inline_image);
	}
	assert_int_equal(a->reports_n, b->reports_n);
	for (size_t i = 0; i < a->reports_n; i++) {
		assert_true(str_eq(a->reports[i].recipient, b->reports[i].recipient));
		assert_true(str_eq(a->reports[i].status, b->reports[i].status));
		assert_true(str_eq(a->reports[i].reason, b->reports[i].reason));
		assert_int_equal(a->reports[i].kind, b->reports[i].kind);
	}
	assert_int_equal(a->class, b->class);
	assert_true(str_eq(a->class_rule, b->class_rule));
	assert_int_equal(a->answerable, b->answerable);
	assert_true(str_eq(a->addressed_to, b->addressed_to));
	assert_true(str_eq(a->forward_confirmation, b->forward_confirmation));
	assert_true(str_eq(a->returned_message_id, b->returned_message_id));
	assert_true(str_eq(a->returned_reverse_path, b->returned_reverse_path));
	assert_true(str_eq(a->forwarded_author.name, b->forwarded_author.name));
	assert_true(str_eq(a->forwarded_author.address, b->forwarded_author.address));
	assert_true(str_eq(a->forwarded_subject, b->forwarded_subject));
	assert_true(str_eq(a->forwarded_text, b->forwarded_text));
	assert_true(str_eq(a->forwarding_words, b->forwarding_words));
	assert_true(str_eq(a->loop_mark, b->loop_mark));
	assert_int_equal(a->received_n, b->received_n);
	assert_true(str_eq(a->defects, b->defects));
}

/* Encode, decode from memory of exactly that size; what decode said. */
static int round_trip(const struct parsed_mail *mail, enum parse_status status, struct arena *arena,
		      struct str *ret_bytes, struct parsed_mail **ret)
{
	struct strbuf out;
	enum parse_status got;
	strbuf_init(&out, mail_wire_size_max(&limits));
	assert_int_equal(mail_wire_encode(mail, status, &out), 0);
	assert_int_equal(arena_copy(arena, strbuf_str(&out), ret_bytes), 0);
	strbuf_done(&out);
	int r = mail_wire_decode(arena, *ret_bytes, &limits, ret, &got);
	if (r == 0)
		assert_int_equal(got, status);
	return r;
}

static void what_goes_in_comes_out(void **state)
{
	(void)state;
	struct parsed_mail mails[4] = {full_mail(), full_mail(), full_mail()};
	mails[1].html_text = STR("another text");
	mails[1].reply = str_sub(mails[1].text, 5, mails[1].text.len);
	mails[1].class = MAIL_FEEDBACK;
	mails[1].answerable = false;
	mails[1].attachments_cut = mails[1].text_from_html = true;
	mails[2].text = mails[2].reply = mails[2].html_text = STR("");
	mails[2].from.n = mails[2].references.n = mails[2].attachments_n = 0;
	memset(&mails[3], 0, sizeof(mails[3]));
	static const enum parse_status statuses[] = {PARSE_OK, PARSE_LIMIT, PARSE_FAILED, PARSE_OK};
	for (size_t i = 0; i < ARRAY_SIZE(mails); i++) {
		struct arena arena;
		struct parsed_mail *got;
		struct str bytes;
		arena_init(&arena, 65536);
		assert_int_equal(round_trip(&mails[i], statuses[i], &arena, &bytes, &got), 0);
		expect_same(&mails[i], got);
		arena_done(&arena);
	}
}

static void a_part_of_the_text_is_not_sent_twice(void **state)
{
	(void)state;
	struct parsed_mail mail = full_mail(), *got;
	static char text[900];
	memset(text, 'a', sizeof(text));
	mail.text = mail.html_text = (struct str){text, sizeof(text)};
	mail.reply = str_sub(mail.text, 100, 800);
	struct arena arena;
	struct str bytes;
	arena_init(&arena, 65536);
	assert_int_equal(round_trip(&mail, PARSE_OK, &arena, &bytes, &got), 0);
	assert_true(bytes.len < 2 * sizeof(text));
	assert_ptr_equal(got->html_text.ptr, got->text.ptr);
	assert_ptr_equal(got->reply.ptr, got->text.ptr + 100);
	arena_done(&arena);
}

static void what_no_parser_says_is_refused(void **state)
{
	(void)state;
	static char long_text[1001];
	memset(long_text, 'a', sizeof(long_text));
	struct parsed_mail mails[32];
	size_t n = 0;
	enum parse_status status = PARSE_OK;
	struct mail_mailbox bad_address[] = {{STR("x"), STR("two\nlines@example.com")}};
	struct mail_mailbox empty_address[] = {{STR(""), STR("")}};
	struct mail_mailbox line_in_name[] = {{STR("x\nBcc: y@z"), STR("a@b")}};
	struct mail_attachment path = attachments[0], up = attachments[0], blank = attachments[0],
			       kind = attachments[0];
	struct mail_report bad_kind = {STR("a@b"), STR(""), STR(""), (enum mail_report_kind)4};
	path.filename = STR("../../etc/passwd");
	up.filename = STR("..");
	blank.part = STR("1 2");
	kind.media_type = STR("text/\r\nplain");
	for (size_t i = 0; i < ARRAY_SIZE(mails); i++)
		mails[i] = full_mail();
	mails[n++].subject = STR("two\r\nlines");
	mails[n++].subject = STR("a\0b");
	mails[n++].subject = STR("a\x1b[2J");
	mails[n++].subject = STR("\xff");
	mails[n++].subject = STR("0123456789\xc3");
	mails[n++].message_id = STR("a\nb");
	mails[n++].text = STR("\xed\xa0\x80");
	mails[n++].text = STR("0123456789abcde\0fghij");
	mails[n++].text = (struct str){long_text, sizeof(long_text)};
	mails[n++].html_text = (struct str){long_text, sizeof(long_text)};
	mails[n++].reply = STR("\x80");
	mails[n++].from = (struct mail_mailboxes){bad_address, 1};
	mails[n++].from = (struct mail_mailboxes){empty_address, 1};
	mails[n++].from = (struct mail_mailboxes){line_in_name, 1};
	mails[n++].cc = (struct mail_mailboxes){mailboxes, 5};
	mails[n++].references = (struct mail_strs){references, 5};
	mails[n++].attachments_n = 4;
	mails[n++].attachments = &path;
	mails[n - 1].attachments_n = 1;
	mails[n++].attachments = &up;
	mails[n - 1].attachments_n = 1;
	mails[n++].attachments = &blank;
	mails[n - 1].attachments_n = 1;
	mails[n++].attachments = &kind;
	mails[n - 1].attachments_n = 1;
	mails[n++].class = (enum mail_class)77;
	mails[n++].returned_message_id = STR("a\nb@c");
	mails[n++].returned_reverse_path = STR("nobody");
	mails[n++].forwarded_author.address = STR("nobody");
	mails[n++].forwarded_author.name = STR("x\nBcc: y@z");
	mails[n++].forwarded_subject = STR("two\r\nlines");
	mails[n++].loop_mark = STR("answer.\x1b[2J");
	mails[n++].reports = &bad_kind;
	mails[n - 1].reports_n = 1;
	assert_true(n <= ARRAY_SIZE(mails));
	for (size_t i = 0; i <= n; i++) {
		struct arena arena;
		struct parsed_mail *got = NULL;
		struct str bytes;
		arena_init(&arena, 65536);
		/* Only the server says that a child crashed. */
		if (i == n)
			mails[i] = full_mail(), status = PARSE_CRASHED;
		assert_int_equal(round_trip(&mails[i], status, &arena, &bytes, &got), -EBADMSG);
		assert_null(got);
		arena_done(&arena);
	}
}

static void cut_views_may_not_cut_characters(void **state)
{
	(void)state;
	struct parsed_mail mail = full_mail(), *got;
	mail.text = STR("a\xe2\x82\xac");
	static const struct {
		size_t from, to;
		int r;
	} cases[] = {{0, 1, 0}, {1, 4, 0}, {0, 4, 0}, {0, 2, -EBADMSG}, {2, 4, -EBADMSG}, {1, 3, -EBADMSG}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena;
		struct str bytes;
		arena_init(&arena, 65536);
		mail.html_text = mail.text;
		mail.reply = str_sub(mail.text, cases[i].from, cases[i].to);
		assert_int_equal(round_trip(&mail, PARSE_OK, &arena, &bytes, &got), cases[i].r);
		arena_done(&arena);
	}
}

static void every_cut_and_every_extra_octet_is_noticed(void **state)
{
	(void)state;
	struct parsed_mail mail = full_mail(), *got;
	struct arena arena;
	struct str bytes;
	arena_init(&arena, 65536);
	assert_int_equal(round_trip(&mail, PARSE_OK, &arena, &bytes, &got), 0);
	for (size_t len = 0; len < bytes.len; len++) {
		struct arena lists;
		enum parse_status status;
		/* Memory of exactly that size, so that a sanitizer sees a read behind it. */
		char *copy = malloc(len ? len : 1);
		memcpy(copy, bytes.ptr, len);
		arena_init(&lists, 65536);
		assert_int_equal(mail_wire_decode(&lists, (struct str){copy, len}, &limits, &got, &status),
				 -EBADMSG);
		arena_done(&lists);
		free(copy);
	}
	struct arena lists;
	enum parse_status status;
	arena_init(&lists, 65536);
	/* arena_copy adds a NUL, so there is one octet more to show. */
	assert_int_equal(
		mail_wire_decode(&lists, (struct str){bytes.ptr, bytes.len + 1}, &limits, &got, &status),
		-EBADMSG);
	/* A small arena is a limit like the others. */
	arena_done(&lists);
	arena_init(&lists, 600);
	assert_int_equal(mail_wire_decode(&lists, bytes, &limits, &got, &status), -EBADMSG);
	arena_done(&lists);
	arena_done(&arena);
}

static bool clean_str(struct str s)
{
	return s.len == 0 || (utf8_valid(s) && memchr(s.ptr, 0, s.len) == NULL);
}

/* Any octet turned into any of a few others: refused, or still a mail with clean strings. */
static void changed_octets_do_no_harm(void **state)
{
	(void)state;
	static const unsigned char others[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0x0a};
	struct parsed_mail mail = full_mail(), *got;
	struct arena arena;
	struct str bytes;
	arena_init(&arena, 65536);
	assert_int_equal(round_trip(&mail, PARSE_OK, &arena, &bytes, &got), 0);
	char *copy = malloc(bytes.len);
	for (size_t i = 0; i < bytes.len; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(others); j++) {
			struct arena lists;
			enum parse_status status;
			memcpy(copy, bytes.ptr, bytes.len);
			copy[i] = (char)others[j];
			arena_init(&lists, 65536);
			if (mail_wire_decode(&lists, (struct str){copy, bytes.len}, &limits, &got, &status) ==
			    0) {
				assert_true(clean_str(got->subject) && clean_str(got->text) &&
					    clean_str(got->reply) && clean_str(got->html_text));
				assert_true(str_find(got->subject, '\n') == got->subject.len);
				assert_true(got->class <= MAIL_FEEDBACK);
			}
			arena_done(&lists);
		}
	}
	free(copy);
	arena_done(&arena);
}

static void encoding_says_when_it_does_not_fit(void **state)
{
	(void)state;
	struct parsed_mail mail = full_mail();
	struct strbuf out;
	strbuf_init(&out, 200);
	assert_int_equal(mail_wire_encode(&mail, PARSE_OK, &out), -ENOBUFS);
	strbuf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out),
		cmocka_unit_test(a_part_of_the_text_is_not_sent_twice),
		cmocka_unit_test(what_no_parser_says_is_refused),
		cmocka_unit_test(cut_views_may_not_cut_characters),
		cmocka_unit_test(every_cut_and_every_extra_octet_is_noticed),
		cmocka_unit_test(changed_octets_do_no_harm),
		cmocka_unit_test(encoding_says_when_it_does_not_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
