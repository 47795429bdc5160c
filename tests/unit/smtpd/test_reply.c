/* Every reply of the table is one that RFC 5321 and the registry of enhanced codes know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "smtpd/reply.h"

static const int known_codes[] = {214, 220, 221, 250, 252, 354, 421, 450, 451, 452,
				  500, 501, 502, 503, 550, 552, 553, 554, 555};
/* IANA, "SMTP Enhanced Status Codes", without their class. */
static const char *const known_enhanced[] = {"0.0", "1.0", "1.1", "1.3", "1.5", "1.7", "2.1",
					     "3.0", "3.1", "3.2", "3.4", "4.2", "4.6", "5.1",
					     "5.2", "5.3", "5.4", "6.0", "6.7", "7.0", "7.1"};

static bool code_known(int code)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_codes); i++)
		if (known_codes[i] == code)
			return true;
	return false;
}

static bool enhanced_known(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_enhanced); i++)
		if (strncmp(text, known_enhanced[i], 3) == 0 && text[3] == ' ')
			return true;
	return false;
}

static void every_reply_is_well_formed(void **state)
{
	(void)state;
	for (int id = REPLY_NONE + 1; id < REPLY_COUNT; id++) {
		char line[REPLY_SIZE];
		size_t len = reply_format(line, (enum reply_id)id, STR("more"));
		int code = reply_code((enum reply_id)id);
		assert_true(code_known(code));
		assert_int_equal(atoi(line), code);
		assert_int_equal(line[3], ' ');
		assert_int_equal(len, strlen(line));
		assert_string_equal(line + len - 2, "\r\n");
		assert_non_null(strstr(line, "more\r\n"));
		if (id == REPLY_GREETING || id == REPLY_HELO || code == 354)
			continue;
		assert_int_equal(line[4], line[0]);
		assert_int_equal(line[5], '.');
		if (!enhanced_known(line + 6))
			fail_msg("%s", line);
	}
}

static void client_octets_are_escaped_and_lines_are_cut(void **state)
{
	(void)state;
	char line[REPLY_SIZE], more[2000];
	reply_format(line, REPLY_UNKNOWN_PARAM, STR("A\r\n250 ok\0\xff"));
	assert_string_equal(line, "555 5.5.4 Parameter not recognized: A\\x0D\\x0A250 ok\\x00\\xFF\r\n");
	for (size_t n = 400; n < sizeof(more); n += 7) {
		memset(more, n % 2 ? 'x' : '\x01', n);
		size_t len = reply_format(line, REPLY_OK, (struct str){more, n});
		assert_true(len <= REPLY_LINE_MAX + 2);
		assert_int_equal(len, strlen(line));
		assert_string_equal(line + len - 2, "\r\n");
	}
}

static void ehlo_lines(void **state)
{
	(void)state;
	char line[REPLY_SIZE];
	reply_format_ehlo(line, false, STR("SIZE 10"));
	assert_string_equal(line, "250-SIZE 10\r\n");
	reply_format_ehlo(line, true, STR("CHUNKING"));
	assert_string_equal(line, "250 CHUNKING\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reply_is_well_formed),
		cmocka_unit_test(client_octets_are_escaped_and_lines_are_cut),
		cmocka_unit_test(ehlo_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
