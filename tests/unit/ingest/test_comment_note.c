/* What is told beside a comment: one line of how it came, and what reprocessing may not lose of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "ingest/comment_note.h"

static char buf[COMMENT_ABOUT_MAX + COMMENT_NOTE_MAX];

static void how_it_came_is_a_line_that_is_found_again(void **state UNUSED)
{
	static const enum comment_about all[] = {
		ABOUT_NO_AUTHOR,      ABOUT_SEVERAL_AUTHORS, ABOUT_STRANGER,     ABOUT_AGENT_AS_CLIENT,
		ABOUT_AGENT_UNPROVEN, ABOUT_EVENT,           ABOUT_FORWARDED_BY, ABOUT_FORWARDING_WORDS,
		ABOUT_TICKET_GONE,    ABOUT_LINKED,          ABOUT_STORM,
	};
	const struct str read = STR("1 attachment is left out; the original holds it.");
	static char again[COMMENT_ABOUT_MAX + COMMENT_NOTE_MAX];
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct str line = comment_note_about(all[i], STR("m\r\nx@y.org"), STR(""), buf);
		assert_non_null(memmem(line.ptr, line.len, "m  x@y.org", 10));
		assert_int_equal(str_find(line, '\n'), line.len);
		assert_true(str_eq(comment_note_renew(line, STR(""), again), line));
		struct str note = comment_note_about(all[i], STR("x@y.org"), read, buf);
		assert_true(note.len > read.len + 1 && note.ptr[note.len - read.len - 1] == '\n');
		assert_true(str_eq(comment_note_renew(note, read, again), note));
		/* what the mail says today takes the place of what it said */
		struct str without = comment_note_renew(note, STR(""), again);
		assert_true(str_eq(without, str_sub(note, 0, note.len - read.len - 1)));
	}
	assert_true(str_eq(comment_note_about(ABOUT_NOTHING, STR("x"), read, buf), read));
	assert_true(str_eq(comment_note_renew(STR("The text is cut."), read, buf), read));
	assert_int_equal(comment_note_renew(STR(""), STR(""), buf).len, 0);
	assert_int_equal(comment_note_about(ABOUT_NOTHING, STR("x"), STR(""), buf).len, 0);
}

static void the_longest_of_both_fit(void **state UNUSED)
{
	char who[2000], note[COMMENT_NOTE_MAX];
	char *exact = malloc(COMMENT_ABOUT_MAX + COMMENT_NOTE_MAX); /* a sanitizer sees one octet more */
	for (size_t i = 0; i + 1 < sizeof(who); i += 2)
		memcpy(who + i, "\xc3\xa9", 2);
	memset(note, 'n', sizeof(note));
	for (int about = ABOUT_STRANGER; about <= ABOUT_STORM; about++) {
		struct str all = comment_note_about((enum comment_about)about, (struct str){who, sizeof(who)},
						    (struct str){note, sizeof(note)}, exact);
		assert_true(all.len <= COMMENT_ABOUT_MAX + COMMENT_NOTE_MAX);
		assert_non_null(memmem(all.ptr, all.len, "\xc3\xa9", 2));
	}
	free(exact);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(how_it_came_is_a_line_that_is_found_again),
		cmocka_unit_test(the_longest_of_both_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
