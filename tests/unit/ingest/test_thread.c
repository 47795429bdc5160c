/*
 * Which tickets a mail may answer: our Message-IDs by their MAC, others to be looked up, references in the subject; in
 * that order, each once, never more than fit. Other tenants' and forged ones are nobody's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "ingest/thread.h"
#include "tenant/reply_token.h"

#define DOMAIN  STR("serveloapp.com")
#define IDS_MAX 128
#define ID_SIZE 128

static struct key_ring *keys, *other_keys;
static const struct tenant acme = {
	.slug = STR_INIT("acme"),
	.reference_prefix = STR_INIT("ACME"),
};

static int make_keys(void **state)
{
	(void)state;
	return key_ring_new(&keys, &STR("0123456789abcdef0123456789abcdeA"), 1) ||
	       key_ring_new(&other_keys, &STR("0123456789abcdef0123456789abcdeB"), 1);
}

static int drop_keys(void **state)
{
	(void)state;
	key_ring_unref(keys);
	key_ring_unref(other_keys);
	return 0;
}

/* Up to 8 of them at a time. */
static struct str own_id(const struct key_ring *ring, const char *slug, int64_t ticket, uint64_t nonce)
{
	static char texts[8][ID_SIZE];
	static size_t next;
	struct own_message_id id = {.ticket = ticket, .nonce = nonce};
	char *text = texts[next++ % 8];
	snprintf(id.slug, sizeof(id.slug), "%s", slug);
	assert_int_equal(own_message_id_mint(ring, &id, DOMAIN, text, ID_SIZE), 0);
	return str_from(text);
}

static struct thread_candidates find(const char *subject, struct str in_reply_to,
				     const struct str *references, size_t n)
{
	const struct parsed_mail mail = {
		.subject = str_from(subject),
		.in_reply_to = in_reply_to,
		.references = {references, n},
	};
	struct thread_candidates found;
	memset(&found, 0xa5, sizeof(found));
	thread_candidates(&mail, &acme, keys, DOMAIN, &found);
	return found;
}

static void assert_number(const struct thread_candidates *found, size_t i, int64_t number, const char *rule)
{
	assert_true(i < found->n);
	assert_int_equal(found->items[i].ticket_number, number);
	assert_int_equal(found->items[i].header_message_id.len, 0);
	assert_string_equal(found->items[i].rule, rule);
}

static void assert_id(const struct thread_candidates *found, size_t i, struct str id)
{
	assert_true(i < found->n);
	assert_int_equal(found->items[i].ticket_number, 0);
	assert_true(str_eq(found->items[i].header_message_id, id));
	assert_string_equal(found->items[i].rule, "message-id");
}

static void test_order(void **state)
{
	(void)state;
	const struct str references[] = {STR("first@example.com"), own_id(keys, "acme", 1, 1),
					 STR("later@example.com"), own_id(keys, "acme", 2, 2)};
	struct thread_candidates found =
		find("Re: ACME-4 [ACME-00005]", own_id(keys, "acme", 3, 3), references, 4);
	assert_int_equal(found.n, 7);
	assert_number(&found, 0, 3, "own-message-id");
	assert_number(&found, 1, 2, "own-message-id");
	assert_number(&found, 2, 1, "own-message-id");
	assert_id(&found, 3, references[2]);
	assert_id(&found, 4, references[0]);
	assert_number(&found, 5, 5, "subject");
	assert_number(&found, 6, 4, "subject");
}

static void test_each_once(void **state)
{
	(void)state;
	const struct str references[] = {own_id(keys, "acme", 7, 1), STR("a@x"), STR("A@x"), STR("a@x"),
					 own_id(keys, "acme", 7, 2)};
	struct thread_candidates found =
		find("[ACME-7] [acme-00007] ACME-7 [ACME-8]", STR("a@x"), references, 5);
	assert_int_equal(found.n, 4);
	assert_number(&found, 0, 7, "own-message-id");
	assert_id(&found, 1, STR("a@x"));
	assert_id(&found, 2, STR("A@x")); /* the left side has case */
	assert_number(&found, 3, 8, "subject");
}

static void test_ids_that_are_none_of_ours(void **state)
{
	(void)state;
	char forged[ID_SIZE], elsewhere[2 * ID_SIZE], upper[ID_SIZE];
	struct str good = own_id(keys, "acme", 9, 1);
	snprintf(forged, sizeof(forged), "%.*s", STR_ARG(good));
	forged[3] = forged[3] == 'A' ? 'B' : 'A';
	size_t at = str_find(good, '@');
	snprintf(elsewhere, sizeof(elsewhere), "%.*s@evil.example", (int)at, good.ptr);
	snprintf(upper, sizeof(upper), "%.*s@SERVELOAPP.COM", (int)at, good.ptr);
	struct str another_key = own_id(other_keys, "acme", 9, 1);
	struct thread_candidates found = find("", good, NULL, 0);
	assert_int_equal(found.n, 1);
	assert_number(&found, 0, 9, "own-message-id");
	found = find("", str_from(upper), NULL, 0);
	assert_number(&found, 0, 9, "own-message-id");
	/* what has no MAC of ours is a Message-ID like any other */
	const struct str strange[] = {str_from(forged), str_from(elsewhere), another_key};
	for (size_t i = 0; i < ARRAY_SIZE(strange); i++) {
		found = find("", strange[i], NULL, 0);
		assert_int_equal(found.n, 1);
		assert_id(&found, 0, strange[i]);
	}
	/* another tenant's, or of no ticket: no candidate, and nothing to look up */
	assert_int_equal(find("", own_id(keys, "acme2", 9, 1), NULL, 0).n, 0);
	assert_int_equal(find("", own_id(keys, "mx", 0, 1), NULL, 0).n, 0);
	assert_int_equal(find("", own_id(keys, "acme", 0, 1), NULL, 0).n, 0);
}

static void test_nothing_to_go_by(void **state)
{
	(void)state;
	struct parsed_mail mail;
	struct thread_candidates found;
	memset(&mail, 0, sizeof(mail));
	thread_candidates(&mail, &acme, keys, DOMAIN, &found);
	assert_int_equal(found.n, 0);
	thread_candidates(&mail, &acme, keys, STR(""), &found);
	assert_int_equal(found.n, 0);
	const struct tenant blank = {.slug = STR_INIT("")};
	mail.subject = STR("-1 [-1] ACME-1");
	thread_candidates(&mail, &blank, keys, DOMAIN, &found);
	assert_int_equal(found.n, 0);
	/* an id that no line can hold */
	char *huge = xmalloc(2000);
	memset(huge, 'a', 2000);
	struct str id = {huge, 2000};
	assert_int_equal(find("", id, NULL, 0).n, 0);
	id.len = 998;
	assert_int_equal(find("", id, NULL, 0).n, 1);
	free(huge);
}

static void test_bounded(void **state)
{
	(void)state;
	static char texts[IDS_MAX][ID_SIZE];
	static struct str references[IDS_MAX];
	for (size_t i = 0; i < IDS_MAX; i++) {
		snprintf(texts[i], ID_SIZE, "%zu@example.com", i);
		references[i] = str_from(texts[i]);
	}
	references[0] = own_id(keys, "acme", 77, 1);
	struct thread_candidates found = find("ACME-1 ACME-2 ACME-3 ACME-4 ACME-5 ACME-6 [ACME-7]",
					      STR("parent@x"), references, IDS_MAX);
	assert_int_equal(found.n, THREAD_CANDIDATES_MAX);
	/* the oldest of all is ours: believed first */
	assert_number(&found, 0, 77, "own-message-id");
	assert_id(&found, 1, STR("parent@x"));
	for (size_t i = 2; i < 20; i++)
		assert_id(&found, i, references[IDS_MAX + 1 - i]);
	/* and the subject still has its say */
	assert_number(&found, 20, 7, "subject");
	assert_number(&found, 21, 1, "subject");
	assert_number(&found, 23, 3, "subject");
}

static void test_subjects(void **state)
{
	(void)state;
	static const struct {
		const char *subject;
		int64_t first, second; /* 0: none */
	} cases[] = {
		{"[ACME-00042] It does not work", 42, 0},
		{"Re: [acme-00042] It does not work", 42, 0},
		{"AW: WG: [Acme-42]", 42, 0},
		{"[list] [ACME-00042]", 42, 0},
		{"ACME-42", 42, 0},
		{"about acme-42, please", 42, 0},
		{"(ACME-42)", 42, 0},
		{"ACME-42: hello", 42, 0},
		{"ACME-42. Hello", 42, 0},
		{"ACME-42.", 42, 0},
		{"ACME-42 - hello", 42, 0},
		{"ACME-42-", 42, 0},
		{"#ACME-42?", 42, 0},
		{"[ACME-42", 42, 0},
		{"ACME-42]", 42, 0},
		{"[ ACME-42 ]", 42, 0},
		{"[ACME-123456789012345678]", 123456789012345678, 0},
		{"[ACME-0000000000042]", 42, 0},
		{"ACME-1 and [ACME-2]", 2, 1},
		{"ACME-ACME-3", 0, 0},
		{"ACME-ACME- ACME-4", 4, 0},
		/* scripts without blanks between words */
		{"\xe5\x9b\x9e\xe5\xa4\x8d\xef\xbc\x9a"
		 "ACME-00042",
		 42, 0},
		{"\xe5\x85\xb3\xe4\xba\x8e"
		 "ACME-42\xe7\x9a\x84\xe9\x97\xae\xe9\xa2\x98",
		 42, 0},
		{"\xe2\x80\x9e"
		 "ACME-42\xe2\x80\x9c",
		 42, 0},
		{"\xc2\xab"
		 "ACME-42\xc2\xbb",
		 42, 0},
		/* within longer words and numbers */
		{"XACME-42", 0, 0},
		{"X-ACME-42", 0, 0},
		{"1ACME-42", 0, 0},
		{"_ACME-42", 0, 0},
		{"\xc3\xa9"
		 "ACME-42",
		 0, 0},
		{"\xd0\xaf"
		 "ACME-42",
		 0, 0},
		{"ACME-42a", 0, 0},
		{"ACME-42_", 0, 0},
		{"ACME-42\xc3\xa9", 0, 0},
		{"ACME-42-7", 0, 0},
		{"ACME-42-b", 0, 0},
		{"ACME-42.7", 0, 0},
		{"[ACME-42-7]", 0, 0},
		{"[XACME-42]", 0, 0},
		/* none */
		{"", 0, 0},
		{"ACME", 0, 0},
		{"ACME-", 0, 0},
		{"[ACME-]", 0, 0},
		{"ACME -42", 0, 0},
		{"ACME- 42", 0, 0},
		{"ACME--42", 0, 0},
		{"ACME-0", 0, 0},
		{"ACME-00000", 0, 0},
		{"ACME-1234567890123456789", 0, 0},
		{"ACME-9999999999999999999999999999", 0, 0},
		{"ACMF-42", 0, 0},
		{"ACM-42", 0, 0},
		{"\xff\xfe"
		 "ACME-42\xff",
		 42, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct thread_candidates found = find(cases[i].subject, STR(""), NULL, 0);
		size_t want = (cases[i].first != 0) + (size_t)(cases[i].second != 0);
		if (found.n != want || (want > 0 && found.items[0].ticket_number != cases[i].first) ||
		    (want > 1 && found.items[1].ticket_number != cases[i].second))
			fail_msg("%s: %zu, first %lld", cases[i].subject, found.n,
				 found.n ? (long long)found.items[0].ticket_number : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_each_once),
		cmocka_unit_test(test_ids_that_are_none_of_ours),
		cmocka_unit_test(test_nothing_to_go_by),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_subjects),
	};
	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
