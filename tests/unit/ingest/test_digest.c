/* What makes two mails "the same mail sent again", and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ingest/digest.h"

static const char head[] = "From: a@example.org\r\nSubject: x\r\n";

static struct mail_digests digests_of(const char *header, const char *body)
{
	char mail[256];
	struct mail_digests digests;
	int n = snprintf(mail, sizeof(mail), "%s%s", header, body);
	mail_digest((struct str){mail, (size_t)n}, &digests);
	return digests;
}

static bool same(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, SHA256_SIZE) == 0;
}

static void the_body_starts_behind_the_first_empty_line(void **state UNUSED)
{
	static const struct {
		const char *a_header, *a_body, *b_header, *b_body;
		bool same_body, same_content;
	} cases[] = {
		{head, "\r\nhello\r\n", head, "\r\nhello\r\n", true, true},
		{head, "\r\nhello\r\n", "X: y\r\n", "\r\nhello\r\n", true, false},
		{head, "\r\nhello\r\n", head, "\r\nhullo\r\n", false, false},
		{"A: b\n", "\nhello\n", "C: d\r\n", "\r\nhello\n", true, false},
		{"", "\r\nhello", "A: b\r\n", "\r\nhello", true, false},
		{head, "", "X: y\r\n", "", true, false}, /* no body at all */
		{head, "\r\na\r\n\r\nb", head, "\r\nb", false, false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mail_digests a = digests_of(cases[i].a_header, cases[i].a_body);
		struct mail_digests b = digests_of(cases[i].b_header, cases[i].b_body);
		assert_int_equal(same(a.body, b.body), cases[i].same_body);
		assert_int_equal(same(a.content, b.content), cases[i].same_content);
	}
}

static void pieces_give_what_the_whole_gives(void **state UNUSED)
{
	static const char *const mails[] = {
		"A: b\r\n\r\nbody\r\n", "A: b\n\nbody",      "\r\nbody", "\nbody", "A: b\r\n",
		"\r\r\nA: b\r\n\r\nx",  "x\r\n\rx\r\n\r\ny", ""};
	for (size_t m = 0; m < ARRAY_SIZE(mails); m++) {
		struct str mail = str_from(mails[m]);
		struct mail_digests whole, pieces;
		mail_digest(mail, &whole);
		for (size_t a = 0; a <= mail.len; a++) {
			for (size_t b = a; b <= mail.len; b++) {
				struct mail_digester digester;
				mail_digest_begin(&digester);
				mail_digest_add(&digester, str_sub(mail, 0, a));
				mail_digest_add(&digester, str_sub(mail, a, b));
				mail_digest_add(&digester, str_sub(mail, b, mail.len));
				mail_digest_end(&digester, &pieces);
				assert_true(same(whole.body, pieces.body));
				assert_true(same(whole.content, pieces.content));
			}
		}
	}
}

struct key_case {
	int64_t tenant;
	const char *recipient, *author, *message_id;
};

static struct repeat_key key_of(const struct key_case *c, const struct mail_digests *digests)
{
	struct repeat_key key = {0};
	mail_repeat_key((struct tenant_id){c->tenant}, str_from(c->recipient), str_from(c->author),
			str_from(c->message_id), digests, &key);
	return key;
}

static void keys_tell_apart_what_differs_and_only_that(void **state UNUSED)
{
	static const struct key_case base = {1, "acme", "Jane@Example.org", "id@x"};
	static const struct {
		struct key_case other;
		bool same;
	} cases[] = {
		{{1, "acme", "Jane@Example.org", "id@x"}, true},
		{{1, "ACME", "jane@example.ORG", "id@x"}, true},  /* addresses are compared without case */
		{{1, "acme", "Jane@Example.org", "ID@x"}, false}, /* Message-IDs are not */
		{{2, "acme", "Jane@Example.org", "id@x"}, false},
		{{1, "acme+x", "Jane@Example.org", "id@x"}, false},
		{{1, "acme", "jane@example.orgi", "d@x"}, false}, /* no gluing */
		{{1, "acme", "joe@example.org", "id@x"}, false},
	};
	struct mail_digests digests = digests_of(head, "\r\nhello");
	struct repeat_key first = key_of(&base, &digests);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct repeat_key key = key_of(&cases[i].other, &digests);
		assert_int_equal(memcmp(&key, &first, sizeof(key)) == 0, cases[i].same);
	}
}

static void without_a_message_id_the_content_decides(void **state UNUSED)
{
	static const struct key_case one = {1, "acme", "a@x", ""}, two = {1, "acme", "b@x", ""};
	struct mail_digests digests = digests_of(head, "\r\nhello");
	struct mail_digests others = digests_of("X: y\r\n", "\r\nhello");
	struct repeat_key a = key_of(&one, &digests), b = key_of(&two, &digests), c = key_of(&one, &others);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(a.identity, c.identity, sizeof(a.identity));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_body_starts_behind_the_first_empty_line),
		cmocka_unit_test(pieces_give_what_the_whole_gives),
		cmocka_unit_test(keys_tell_apart_what_differs_and_only_that),
		cmocka_unit_test(without_a_message_id_the_content_decides),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
