/*
 * Structure: entities are shown as "section type[body]" in document order; broken mails get the structure
 * that a reader would see.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/mime_split.h"

#define MIXED(b) "Content-Type: multipart/mixed; boundary=" b "\r\n\r\n"

static const struct {
	const char *in, *want;
} cases[] = {
	{"Subject: x\r\n\r\nbody", "1 text/plain[body]"},
	{"body only", "1 text/plain[body only]"},
	{"", "1 text/plain[]"},
	{"Content-Type: TEXT/HTML; charset=x\n\n<p>", "1 text/html[<p>]"},
	{"Content-Type: rubbish\n\nbody", "1 text/plain[body]"},
	{"Content-Type: text / HTML charset=x\n\nbody", "1 text/html[body]"},
	{"Content-Type: multipart/mixed boundary=b\n\n--b\n\none\n--b--",
	 "multipart/mixed 1 text/plain[one]"},
	{"Content-Type: html\n\nbody", "1 text/html[body]"},
	{MIXED("b") "pre\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: a/b\r\n\r\ntwo\r\n--b--\r\nepilogue",
	 "multipart/mixed 1 text/plain[one] 2 a/b[two]"},
	/* line ends belong to the boundary; blanks behind it are tolerated */
	{MIXED("b") "--b \t\r\n\r\none\r\n\r\n--b-- \r\n", "multipart/mixed 1 text/plain[one\r\n]"},
	{MIXED("\"a b\"") "--a b\r\n\r\none\r\n--a b--", "multipart/mixed 1 text/plain[one]"},
	/* not closed */
	{MIXED("b") "--b\r\n\r\none", "multipart/mixed 1 text/plain[one]"},
	/* cut inside of the last delimiter; or a program forgot the line end before a delimiter */
	{MIXED("b") "--b\r\n\r\none\r\n--b-\r\n", "multipart/mixed 1 text/plain[one]"},
	{MIXED("b") "--b\r\n\r\none--b-- \r\n\r\n", "multipart/mixed 1 text/plain[one]"},
	{MIXED("b") "--b\r\n\r\none--b\r\nContent-Type: a/b\r\n\r\ntwo\r\n--b--",
	 "multipart/mixed 1 text/plain[one] 2 a/b[two]"},
	{MIXED("o") "--o\r\n" MIXED("i") "--i\r\n\r\none--o\r\nContent-Type: a/b\r\n\r\ntwo--o--",
	 "multipart/mixed 1 multipart/mixed 1.1 text/plain[one] 2 a/b[two]"},
	/* but a text may speak of it */
	{MIXED("b") "--b\r\n\r\none--b\r\ntwo--b--\r\nthree--bc--\r\n--b-\r\nx\r\n--b--",
	 "multipart/mixed 1 text/plain[one--b\r\ntwo--b--\r\nthree--bc--\r\n--b-\r\nx]"},
	/* nested, the inner one not closed */
	{MIXED("o") "--o\r\n" MIXED("i") "--i\r\n\r\none\r\n--o\r\n\r\ntwo\r\n--o--",
	 "multipart/mixed 1 multipart/mixed 1.1 text/plain[one] 2 text/plain[two]"},
	/* one boundary is the beginning of the other */
	{MIXED("a") "--a\r\n" MIXED("ab") "--ab\r\n\r\none\r\n--ab--\r\n--a\r\n\r\ntwo\r\n--a--",
	 "multipart/mixed 1 multipart/mixed 1.1 text/plain[one] 2 text/plain[two]"},
	{MIXED("ab") "--ab\r\n" MIXED("a") "--a\r\n\r\none\r\n--a--\r\n--ab\r\n\r\ntwo\r\n--ab--",
	 "multipart/mixed 1 multipart/mixed 1.1 text/plain[one] 2 text/plain[two]"},
	/* lines that only look like a boundary */
	{MIXED("b") "--b\r\n\r\n--bc\r\n-- \r\n---b\r\n --b\r\n--b--",
	 "multipart/mixed 1 text/plain[--bc\r\n-- \r\n---b\r\n --b]"},
	/* junk behind a boundary is passed over when a part's field follows */
	{MIXED("b") "--b; x=1\r\nContent-Type: a/b\r\n\r\none\r\n--b junk\r\nno\r\n--b\" \r\ncontent-type: "
		    "a/b\r\n\r\ntwo\r\n--b-- junk\r\n",
	 "multipart/mixed 1 a/b[one\r\n--b junk\r\nno] 2 a/b[two]"},
	{MIXED("b") "--b\r\n\r\none\r\n--bc\r\nContent-Type: a/b\r\n\r\nx\r\n--b--",
	 "multipart/mixed 1 text/plain[one\r\n--bc\r\nContent-Type: a/b\r\n\r\nx]"},
	/* the boundary parameter is missing, or is another one */
	{"Content-Type: multipart/mixed\n\n--x\nContent-Type: a/b\n\none\n--x--\n",
	 "multipart/mixed 1 a/b[one]"},
	{MIXED("y") "--x\nContent-Type: a/b\n\none\n--x--\n", "multipart/mixed 1 a/b[one]"},
	{MIXED("o") "--o\n" MIXED("y") "--x\nContent-Type: a/b\n\none\n--x--\n--o\n\ntwo\n--o--",
	 "multipart/mixed 1 multipart/mixed 1.1 a/b[one] 2 text/plain[two]"},
	{MIXED("o") "--o\n" MIXED("y") " --x\nContent-Type: a/b\n\none\n--o--",
	 "multipart/mixed 1 multipart/mixed 1.1 a/b[one]"},
	{MIXED("y") "no parts\r\n", "1 multipart/mixed[no parts]"},
	{"Content-Type: multipart/mixed\n\nno parts\n", "1 multipart/mixed[no parts\n]"},
	/* no empty line behind a part's fields, or before them */
	{MIXED("b") "--b\r\nContent-Type: a/b\r\n--b\r\n\r\ntwo\r\n--b--",
	 "multipart/mixed 1 a/b[] 2 text/plain[two]"},
	{"Content-Type: multipart/mixed; boundary=b\r\n--b\r\n\r\none\r\n--b--",
	 "multipart/mixed 1 text/plain[one]"},
	/* defaults in a digest; a nested mail is one part */
	{"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\ny\n--b--",
	 "multipart/digest 1 message/rfc822[Subject: x\n\ny]"},
	{MIXED("b") "--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; "
		    "boundary=c\n\n--c\n\nx\n--b--",
	 "multipart/mixed 1 message/rfc822[Content-Type: multipart/mixed; boundary=c\n\n--c\n\nx]"},
	/* a boundary behind the end */
	{MIXED("b") "--b\n\none\n--b--\n--b\n\ntwo\n", "multipart/mixed 1 text/plain[one]"},
	/* old Macs */
	{"Content-Type: multipart/mixed; boundary=b\r\r--b\r\rone\r--b--\r",
	 "multipart/mixed 1 text/plain[one]"},
};

static void structures(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena;
		struct mime_tree tree;
		struct strbuf shown;
		arena_init(&arena, 1000000);
		strbuf_init(&shown, 10000);
		assert_int_equal(mime_split(&arena, str_from(cases[i].in), &mail_limits_default, &tree), 0);
		for (size_t k = 0; k < tree.n; k++) {
			const struct mime_entity *entity = &tree.entities[k];
			struct str section;
			assert_int_equal(mime_section(&arena, &tree, k, &section), 0);
			if (k)
				strbuf_addc(&shown, ' ');
			if (k || !entity->multipart)
				strbuf_printf(&shown, "%.*s ", STR_ARG(section));
			strbuf_add(&shown, entity->media_type);
			if (!entity->multipart)
				strbuf_printf(&shown, "[%.*s]", STR_ARG(entity->body));
		}
		if (!str_eq(strbuf_str(&shown), str_from(cases[i].want)))
			fail_msg("case %zu:\n got %s\nwant %s", i, shown.ptr, cases[i].want);
		strbuf_done(&shown);
		arena_done(&arena);
	}
}

static void fields_of_a_part(void **state)
{
	(void)state;
	struct arena arena;
	struct mime_tree tree;

	arena_init(&arena, 1000000);
	mime_split(&arena,
		   STR("Content-Type: image/png; name=x\nContent-ID: <a@b>\nContent-Disposition: Inline; "
		       "filename=y\n"
		       "Content-Transfer-Encoding: BASE64\n\nx"),
		   &mail_limits_default, &tree);
	const struct mime_entity *entity = &tree.entities[0];
	assert_true(str_eq(entity->content_id, STR("a@b")));
	assert_int_equal(entity->disposition, DISPOSITION_INLINE);
	assert_int_equal(entity->encoding, MAIL_ENCODING_BASE64);
	assert_true(entity->typed);
	mime_split(&arena, STR("Content-Disposition: something-new\nContent-ID: bare\n\nx"),
		   &mail_limits_default, &tree);
	assert_int_equal(tree.entities[0].disposition, DISPOSITION_ATTACHMENT);
	assert_true(str_eq(tree.entities[0].content_id, STR("bare")));
	arena_done(&arena);
}

/* Only the leaf that the end of the mail ended. */
static void a_cut_part_is_marked(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		size_t cut; /* index of the entity; 0: none */
	} mails[] = {
		{"body", 0},
		{MIXED("b") "--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--", 0},
		{MIXED("b") "--b\r\n\r\none\r\n--b\r\n\r\ntwo", 2},
		{MIXED("o") "--o\r\n" MIXED("i") "--i\r\n\r\none\r\n--o\r\n\r\ntwo", 3},
		{MIXED("o") "--o\r\n" MIXED("i") "--i\r\n\r\none\r\n--i--\r\n", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(mails); i++) {
		struct arena arena;
		struct mime_tree tree;
		arena_init(&arena, 1000000);
		assert_int_equal(mime_split(&arena, str_from(mails[i].in), &mail_limits_default, &tree), 0);
		for (size_t k = 0; k < tree.n; k++)
			assert_int_equal(tree.entities[k].cut_short, k && k == mails[i].cut);
		arena_done(&arena);
	}
}

/* Each level says another boundary than it has: read again a few times, not for ever. */
static void guesses_are_limited(void **state)
{
	(void)state;
	struct arena arena;
	struct mime_tree tree;
	struct strbuf mail;

	strbuf_init(&mail, 100000);
	strbuf_adds(&mail, MIXED("top"));
	for (int i = 0; i < 100; i++)
		strbuf_printf(&mail,
			      "--top\r\n" MIXED("wrong%d") "--right%d\r\nContent-Type: a/b\r\n\r\nx\r\n", i,
			      i);
	arena_init(&arena, 1000000);
	assert_int_equal(mime_split(&arena, strbuf_str(&mail), &mail_limits_default, &tree), 0);
	size_t found = 0;
	for (size_t i = 0; i < tree.n; i++)
		found += str_eq(tree.entities[i].media_type, STR("a/b"));
	assert_int_equal(found, 8);
	assert_int_equal(tree.n, 1 + 100 + 8);
	assert_true(tree.missing_boundary);
	strbuf_done(&mail);
	arena_done(&arena);
}

static void limits_hold(void **state)
{
	(void)state;
	struct mail_limits limits = mail_limits_default;
	struct arena arena;
	struct mime_tree tree;
	struct strbuf mail;

	limits.parts_max = 10;
	limits.depth_max = 5;
	strbuf_init(&mail, 100000);
	strbuf_adds(&mail, MIXED("b"));
	for (int i = 0; i < 100; i++)
		strbuf_adds(&mail, "--b\r\n\r\nx\r\n");
	arena_init(&arena, 1000000);
	assert_int_equal(mime_split(&arena, strbuf_str(&mail), &limits, &tree), 0);
	assert_int_equal(tree.n, 10);
	assert_true(tree.parts_limited);
	strbuf_clear(&mail);
	for (int i = 0; i < 100; i++)
		strbuf_printf(&mail, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
	limits.parts_max = 1000;
	assert_int_equal(mime_split(&arena, strbuf_str(&mail), &limits, &tree), 0);
	assert_int_equal(tree.n, 6);
	assert_int_equal(tree.entities[5].depth, 5);
	assert_true(tree.depth_limited);
	strbuf_done(&mail);
	arena_done(&arena);
	arena_init(&arena, 100); /* no room for one entity */
	assert_true(mime_split(&arena, STR("a: b\n\nc"), &limits, &tree) < 0);
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structures),           cmocka_unit_test(fields_of_a_part),
		cmocka_unit_test(a_cut_part_is_marked), cmocka_unit_test(guesses_are_limited),
		cmocka_unit_test(limits_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
