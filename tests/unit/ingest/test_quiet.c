/* When we keep quiet, as a table; and that it is in order of belief. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/quiet.h"

#define FOREIGN "AAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void what_may_follow_from_a_mail(void **state UNUSED)
{
	const struct str key = STR("0123456789abcdef0123456789abcdef");
	struct key_ring *keys;
	char answer[LOOP_MARK_TEXT_MAX + 1], forward[LOOP_MARK_TEXT_MAX + 1];
	assert_int_equal(key_ring_new(&keys, &key, 1), 0);
	assert_int_equal(loop_mark_mint(keys, LOOP_ANSWER, (struct outbox_id){1}, answer), 0);
	assert_int_equal(loop_mark_mint(keys, LOOP_FORWARD, (struct outbox_id){1}, forward), 0);
	const struct {
		const char *mark, *author;
		enum mail_class class;
		const char *rule;
		bool null_path, not_answerable;
		const char *why;
		bool automatic, nobody;
	} cases[] = {
		{"", "a@x.org", MAIL_NORMAL, "", false, false, "", false, false},
		{"", "a@mail.serveloapp.com", MAIL_NORMAL, "", false, false, "", false, false},
		{"", "a@SERVELOAPP.com", MAIL_NORMAL, "", false, false, "own-domain", false, false},
		{"", "a@x.org", MAIL_AUTO, "", false, true, "automatic", true, false},
		{"", "a@x.org", MAIL_BOUNCE, "", true, true, "automatic", true, false},
		{"", "a@x.org", MAIL_FEEDBACK, "", false, false, "automatic", true, false},
		{"", "a@x.org", MAIL_NORMAL, "", true, false, "null-reverse-path", true, false},
		{"", "a@x.org", MAIL_NORMAL, "", false, true, "not-answerable", false, false},
		{answer, "a@x.org", MAIL_NORMAL, "", false, false, "own-mail", true, true},
		{forward, "a@x.org", MAIL_AUTO, "", true, true, "own-mail", true, true},
		{"notice." FOREIGN, "a@x.org", MAIL_AUTO, "", false, true, "other-notice", true, true},
		{"notice." FOREIGN, "a@x.org", MAIL_NORMAL, "", false, false, "other-notice", true, true},
		{"forward." FOREIGN, "a@x.org", MAIL_NORMAL, "", false, false, "other-forward", false, true},
		{"forward." FOREIGN, "a@x.org", MAIL_AUTO, "", false, false, "other-forward", true, true},
		{"answer." FOREIGN, "a@x.org", MAIL_NORMAL, "", false, false, "other-answer", false, false},
		{"answer." FOREIGN, "a@x.org", MAIL_AUTO, "loop-mark", false, true, "other-answer", false,
		 false},
		{"answer." FOREIGN, "a@x.org", MAIL_AUTO, "loop-mark", true, true, "automatic", true, false},
		{"answer." FOREIGN, "a@x.org", MAIL_AUTO, "report:disposition", false, true, "automatic",
		 true, false},
		{"answer." FOREIGN, "a@x.org", MAIL_BOUNCE, "loop-mark", false, true, "automatic", true,
		 false},
	};
	const struct notice_maker maker = {keys, STR("serveloapp.com")};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct envelope envelope = {.size_declared = -1};
		if (!cases[i].null_path)
			envelope.reverse_path = (struct mailaddr){STR("a"), STR("x.org")};
		const struct parsed_mail mail = {.class = cases[i].class,
						 .class_rule = str_from(cases[i].rule),
						 .answerable = !cases[i].not_answerable,
						 .loop_mark = str_from(cases[i].mark)};
		struct quiet quiet;
		quiet_decide(&envelope, &mail, str_from(cases[i].author), &maker, &quiet);
		if (strcmp(quiet.why, cases[i].why) != 0 || quiet.automatic != cases[i].automatic ||
		    quiet.nobody != cases[i].nobody || quiet.may_confirm != (cases[i].why[0] == 0))
			fail_msg("row %zu: \"%s\"", i, quiet.why);
	}
	key_ring_unref(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_may_follow_from_a_mail)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
