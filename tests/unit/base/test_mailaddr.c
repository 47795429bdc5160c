/* Paths of MAIL and RCPT, mailboxes of the configuration: what is one, what is not, and how it prints. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mailaddr.h"

#define X10 "xxxxxxxxxx"
#define X60 X10 X10 X10 X10 X10 X10
#define L63 X60 "abc"
#define ALL (MAILADDR_ALLOW_NULL | MAILADDR_ALLOW_POSTMASTER | MAILADDR_ALLOW_UTF8)

/* 63 + 1 + 63 + 1 + 62 octets: with a local-part of 63 and "<", "@", ">" the longest path. */
#define DOMAIN_190 L63 "." L63 "." X60 "ab"

struct path_case {
	struct str in;
	unsigned flags;
	int want; /* octets used (0: all), or an error */
	const char *local, *domain, *printed;
};

static const struct path_case path_cases[] = {
	{STR_INIT("<>"), MAILADDR_ALLOW_NULL, 0, "", "", ""},
	{STR_INIT("<>"), 0, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@example.org>"), 0, 0, "a", "example.org", "a@example.org"},
	{STR_INIT("<a@example.org> SIZE=1"), 0, 15, "a", "example.org", "a@example.org"},
	{STR_INIT("<Jane.Doe@EXAMPLE.Org>"), 0, 0, "Jane.Doe", "example.org", "Jane.Doe@example.org"},
	{STR_INIT("<!#$%&'*+-/=?^_`{|}~@x>"), 0, 0, "!#$%&'*+-/=?^_`{|}~", "x", "!#$%&'*+-/=?^_`{|}~@x"},
	{STR_INIT("<\"acme\"@x>"), 0, 0, "acme", "x", "acme@x"},
	{STR_INIT("<\"a b\"@x>"), 0, 0, "a b", "x", "\"a b\"@x"},
	{STR_INIT("<\"a@b\"@x>"), 0, 0, "a@b", "x", "\"a@b\"@x"},
	{STR_INIT("<\"a\\\"b\\\\\"@x>"), 0, 0, "a\"b\\", "x", "\"a\\\"b\\\\\"@x"},
	{STR_INIT("<\"a\\b\"@x>"), 0, 0, "ab", "x", "ab@x"},
	{STR_INIT("<\"a>b\"@x>"), 0, 0, "a>b", "x", "\"a>b\"@x"},
	{STR_INIT("<\"\"@x>"), 0, 0, "", "x", "\"\"@x"},
	{STR_INIT("<\".a\"@x>"), 0, 0, ".a", "x", "\".a\"@x"},
	{STR_INIT("<\"a..b.\"@x>"), 0, 0, "a..b.", "x", "\"a..b.\"@x"},
	{STR_INIT("<a@[192.0.2.1]>"), 0, 0, "a", "[192.0.2.1]", "a@[192.0.2.1]"},
	{STR_INIT("<a@[IPv6:2001:DB8::1]>"), 0, 0, "a", "[ipv6:2001:db8::1]", "a@[ipv6:2001:db8::1]"},
	{STR_INIT("<@x.example,@[192.0.2.1]:a@y>"), 0, 0, "a", "y", "a@y"},
	{STR_INIT("<a@xn--exmple-cua.org>"), 0, 0, "a", "xn--exmple-cua.org", "a@xn--exmple-cua.org"},
	{STR_INIT("<123@4567.example>"), 0, 0, "123", "4567.example", "123@4567.example"},
	{STR_INIT("<PostMaster>"), MAILADDR_ALLOW_POSTMASTER, 0, "PostMaster", "", "PostMaster"},
	{STR_INIT("<postmaster>"), 0, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<postmaster@x>"), ALL, 0, "postmaster", "x", "postmaster@x"},
	{STR_INIT("<root>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<j\xc3\xbcrgen@ex\xc3\xa4mple.org>"), ALL, 0, "j\xc3\xbcrgen", "ex\xc3\xa4mple.org",
	 "j\xc3\xbcrgen@ex\xc3\xa4mple.org"},
	{STR_INIT("<\"\xc3\xbc \"@x>"), ALL, 0, "\xc3\xbc ", "x", "\"\xc3\xbc \"@x"},
	{STR_INIT("<j\xc3\xbcrgen@x>"), 0, -EILSEQ, NULL, NULL, NULL},
	{STR_INIT("<a@\xc3\xa4.x>"), 0, -EILSEQ, NULL, NULL, NULL},
	{STR_INIT("<a\xc3@x>"), ALL, -EILSEQ, NULL, NULL, NULL},
	{STR_INIT("<a\xc0\xaf@x>"), ALL, -EILSEQ, NULL, NULL, NULL},
	{STR_INIT("<a\xed\xa0\x80@x>"), ALL, -EILSEQ, NULL, NULL, NULL},
	{STR_INIT("<a\xf5\x80\x80\x80@x>"), ALL, -EILSEQ, NULL, NULL, NULL},
	{STR_INIT("<a\xc2\x85@x>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<\"\\\xc3\xbc\"@x>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT(""), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("a@x"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT(" <a@x>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("< a@x>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@x"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@x >"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<@example.org>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@b@x>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a b@x>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<\"a@x>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<\"a\\"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<\"a\"b@x>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a..b@x>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<.a@x>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a.@x>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a\0b@x>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<\"a\0b\"@x>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@x\0>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a\x1b[31m@x>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a\x7f@x>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<\"a\rb\"@x>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@x.>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@-x.example>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@x-.example>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@x_y>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@[999.1.1.1]>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@[192.0.2.1\0]>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@[IPv6:192.0.2.1]>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@[2001:db8::1]>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@[x-tag:text]>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@[192.0.2.1]"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@[192.0.2.1>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<@x:>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<@x,:a@y>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<@x;a@y>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<" X60 "abcd@x>"), ALL, 0, X60 "abcd", "x", X60 "abcd@x"},
	{STR_INIT("<" X60 "abcde@x>"), ALL, -EMSGSIZE, NULL, NULL, NULL},
	/* a reverse-path may be longer (VERP, SRS), up to the path's limit */
	{STR_INIT("<" X60 "abcde@x>"), ALL | MAILADDR_LIBERAL, 0, X60 "abcde", "x", X60 "abcde@x"},
	{STR_INIT("<" X60 X60 X60 X60 "abcdefghijkl@x>"), ALL | MAILADDR_LIBERAL, 0,
	 X60 X60 X60 X60 "abcdefghijkl", "x", X60 X60 X60 X60 "abcdefghijkl@x"},
	{STR_INIT("<" X60 X60 X60 X60 "abcdefghijklm@x>"), ALL | MAILADDR_LIBERAL, -EMSGSIZE, NULL, NULL,
	 NULL},
	{STR_INIT("<\"" X60 "abc\"@x>"), ALL, -EMSGSIZE, NULL, NULL, NULL},
	{STR_INIT("<a..b.@x_y.example>"), ALL | MAILADDR_LIBERAL, 0, "a..b.", "x_y.example",
	 "\"a..b.\"@x_y.example"},
	{STR_INIT("<a..b@x>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@x_y>"), ALL, -EINVAL, NULL, NULL, NULL},
	{STR_INIT("<a@" L63 ">"), ALL, 0, "a", L63, "a@" L63},
	{STR_INIT("<a@" L63 "x>"), ALL, -EMSGSIZE, NULL, NULL, NULL},
	{STR_INIT("<" L63 "@" DOMAIN_190 ">"), ALL, 0, L63, DOMAIN_190, L63 "@" DOMAIN_190},
	{STR_INIT("<" L63 "d@" DOMAIN_190 ">"), ALL, -EMSGSIZE, NULL, NULL, NULL},
	{STR_INIT("<@" DOMAIN_190 ":" L63 "@" DOMAIN_190 ">"), ALL, 0, L63, DOMAIN_190, L63 "@" DOMAIN_190},
};

static void test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(path_cases); i++) {
		const struct path_case *c = &path_cases[i];
		struct mailaddr addr = {STR("unset"), STR("unset")};
		struct strbuf out;
		struct arena arena;
		size_t used = 9999;
		arena_init(&arena, 4096);
		strbuf_init(&out, 1024);
		int r = mailaddr_parse_path(&arena, c->in, c->flags, &addr, &used);
		if (r != (c->want < 0 ? c->want : 0))
			fail_msg("%.*s: %d instead of %d", STR_ARG(c->in), r, c->want);
		if (c->want < 0) {
			assert_int_equal(used, 9999);
			assert_true(str_eq(addr.local, STR("unset")));
		} else {
			assert_int_equal(used, c->want ? (size_t)c->want : c->in.len);
			assert_string_equal(addr.local.ptr, c->local);
			assert_string_equal(addr.domain.ptr, c->domain);
			assert_int_equal(mailaddr_print(&addr, &out), 0);
			assert_true(str_eq(strbuf_str(&out), str_from(c->printed)));
		}
		strbuf_done(&out);
		arena_done(&arena);
	}
}

static void test_every_byte_of_a_path_is_looked_at_within_bounds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(path_cases); i++) {
		for (size_t len = 0; len <= path_cases[i].in.len; len++) {
			char *exact = malloc(len ? len : 1);
			struct arena arena;
			struct mailaddr addr;
			size_t used = 0;
			memcpy(exact, path_cases[i].in.ptr, len);
			arena_init(&arena, 4096);
			if (mailaddr_parse_path(&arena, (struct str){exact, len}, ALL, &addr, &used) == 0)
				assert_in_range(used, 1, len);
			arena_done(&arena);
			free(exact);
		}
	}
}

static void test_a_full_arena_is_told(void **state)
{
	(void)state;
	struct arena arena;
	struct mailaddr addr;
	size_t used;
	arena_init(&arena, 16);
	assert_int_equal(mailaddr_parse_path(&arena, STR("<jane@example.org>"), 0, &addr, &used), -ENOBUFS);
	arena_done(&arena);
}

static void test_mailboxes_take_all_of_the_text(void **state)
{
	(void)state;
	static const struct {
		struct str in;
		int want;
	} cases[] = {
		{STR_INIT("ops@example.org"), 0},
		{STR_INIT("ops@example.org "), -EINVAL},
		{STR_INIT(" ops@example.org"), -EINVAL},
		{STR_INIT("<ops@example.org>"), -EINVAL},
		{STR_INIT("ops"), -EINVAL},
		{STR_INIT(""), -EINVAL},
		{STR_INIT("a@b,c@d"), -EINVAL},
		{STR_INIT("a@b\r\n"), -EINVAL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena;
		struct mailaddr addr;
		arena_init(&arena, 4096);
		assert_int_equal(mailaddr_parse_mailbox(&arena, cases[i].in, 0, &addr), cases[i].want);
		arena_done(&arena);
	}
}

/*
 * Addresses of a public collection, one JSON object a line, with what RFC 5321 says of them: "accept" true or
 * false. Where it is null the form belongs to RFC 5322 only, and we may do either, without harm. Skipped when
 * the collection is not there.
 */
static FILE *open_collection(void)
{
	const char *dir = getenv("SERVELO_CORPORA");
	char path[4096];
	snprintf(path, sizeof(path), "%s/isemail/expected.jsonl",
		 dir ? dir : SERVELO_SOURCE_DIR "/../shared/corpora");
	return fopen(path, "r");
}

/* The JSON string that starts behind the quote at in, into ret: at most 3 octets for each 6 of "\uXXXX". */
static size_t json_string(const char *in, char *ret)
{
	size_t n = 0;
	for (; *in && *in != '"'; in++) {
		if (*in != '\\') {
			ret[n++] = *in;
		} else if (*++in == 'u') {
			unsigned code = 0;
			sscanf(in + 1, "%4x", &code);
			in += 4;
			if (code < 0x80) {
				ret[n++] = (char)code;
			} else if (code < 0x800) {
				ret[n++] = (char)(0xc0 | code >> 6);
				ret[n++] = (char)(0x80 | (code & 0x3f));
			} else {
				ret[n++] = (char)(0xe0 | code >> 12);
				ret[n++] = (char)(0x80 | (code >> 6 & 0x3f));
				ret[n++] = (char)(0x80 | (code & 0x3f));
			}
		} else {
			static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
			const char *letter = strchr(from, *in);
			ret[n++] = letter ? to[letter - from] : *in;
		}
	}
	return n;
}

static void test_collection(void **state)
{
	(void)state;
	FILE *file = open_collection();
	char line[8192], address[8192];
	int judged = 0, wrong = 0;
	if (!file) {
		print_message("the collection of addresses is not here; set SERVELO_CORPORA\n");
		skip();
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		const char *text = strstr(line, "\"address\": \"");
		bool yes = strstr(line, "\"accept\": true"), no = strstr(line, "\"accept\": false");
		if (!text || !(yes || no))
			continue;
		struct str in = {address, json_string(text + strlen("\"address\": \""), address)};
		struct arena arena;
		struct mailaddr addr;
		arena_init(&arena, 4096);
		if ((mailaddr_parse_mailbox(&arena, in, MAILADDR_ALLOW_UTF8, &addr) == 0) != yes) {
			print_message("wrong: %s", line);
			wrong++;
		}
		judged++;
		arena_done(&arena);
	}
	fclose(file);
	assert_true(judged > 100);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_every_byte_of_a_path_is_looked_at_within_bounds),
		cmocka_unit_test(test_a_full_arena_is_told),
		cmocka_unit_test(test_mailboxes_take_all_of_the_text),
		cmocka_unit_test(test_collection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
