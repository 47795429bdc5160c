/* Replies to EHLO, and the lines of AUTH: facts of RFC 1870, 4954, 4616, and of the providers that want
 * XOAUTH2. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "outbound/smtp_auth.h"
#include "outbound/smtp_caps.h"

static void test_caps(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		struct smtp_caps want;
	} cases[] = {
		{"", {0}},
		{"relay.example", {0}},
		{"PIPELINING", {0}}, /* the first line is a name */
		{"r\nPIPELINING\n8BITMIME\nSMTPUTF8\nSTARTTLS",
		 {.pipelining = true, .eight_bit = true, .utf8 = true, .starttls = true}},
		{"r\npipelining\nStartTls", {.pipelining = true, .starttls = true}},
		{"r\nPIPELINING2\nXPIPELINING\nSTARTTLSX", {0}},
		{"r\nSIZE", {.size = true}},
		{"r\nSIZE 0", {.size = true}},
		{"r\nSIZE 10240000", {.size = true, .size_max = 10240000}},
		{"r\nSIZE  35 x", {.size = true, .size_max = 35}},
		{"r\nSIZE -5", {.size = true}},
		{"r\nSIZE 5x", {.size = true}},
		{"r\nSIZE 99999999999999999999999999", {.size = true}},
		{"r\nAUTH PLAIN LOGIN", {.auth = AUTH_PLAIN | AUTH_LOGIN}},
		{"r\nAUTH=LOGIN PLAIN", {.auth = AUTH_PLAIN | AUTH_LOGIN}},
		{"r\nauth xoauth2 CRAM-MD5 GSSAPI", {.auth = AUTH_XOAUTH2}},
		{"r\nAUTH", {0}},
		{"r\nAUTH LOGINX XPLAIN", {0}},
		{"r\n\n \n\nPIPELINING \n", {.pipelining = true}},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct smtp_caps caps = smtp_caps_parse(str_from(cases[i].text));
		const struct smtp_caps *want = &cases[i].want;
		if (caps.starttls != want->starttls || caps.pipelining != want->pipelining ||
		    caps.eight_bit != want->eight_bit || caps.utf8 != want->utf8 || caps.size != want->size ||
		    caps.size_max != want->size_max || caps.auth != want->auth)
			fail_msg("case %zu: %s", i, cases[i].text);
	}
}

static void test_choose(void **state)
{
	(void)state;
	static const struct {
		unsigned offered, wanted, want;
	} cases[] = {
		{AUTH_PLAIN | AUTH_LOGIN | AUTH_XOAUTH2, AUTH_PLAIN | AUTH_LOGIN, AUTH_PLAIN},
		{AUTH_LOGIN | AUTH_XOAUTH2, AUTH_PLAIN | AUTH_LOGIN, AUTH_LOGIN},
		{AUTH_PLAIN | AUTH_XOAUTH2, AUTH_XOAUTH2, AUTH_XOAUTH2},
		{AUTH_PLAIN, AUTH_XOAUTH2, 0},
		{0, AUTH_PLAIN, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(smtp_auth_choose(cases[i].offered, cases[i].wanted), cases[i].want);
}

static void assert_line(struct strbuf *line, const char *want)
{
	assert_true(str_eq(strbuf_str(line), str_from(want)));
	strbuf_clear(line);
}

static void test_auth_lines(void **state)
{
	(void)state;
	static const struct {
		enum smtp_auth_mechanism mechanism;
		const char *user, *password;
		const char *lines[4]; /* the first, then one for each 334; then no more */
	} cases[] = {
		{AUTH_PLAIN, "tim", "tanstaaftanstaaf", {"AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n"}},
		{AUTH_PLAIN, "a", "\xfb\xff", {"AUTH PLAIN AGEA+/8=\r\n"}},
		{AUTH_LOGIN, "joe", "secret", {"AUTH LOGIN\r\n", "am9l\r\n", "c2VjcmV0\r\n"}},
		{AUTH_LOGIN, "joe", "", {"AUTH LOGIN\r\n", "am9l\r\n", "\r\n"}},
		{AUTH_XOAUTH2,
		 "someuser@example.com",
		 "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
		 {"AUTH XOAUTH2 "
		  "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSF"
		  "JoZG1semRHRXVZMjl0Q2cBAQ==\r\n",
		  "\r\n"}},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct smtp_auth auth;
		struct strbuf line;
		strbuf_init(&line, AUTH_LINE_MAX);
		assert_int_equal(
			smtp_auth_begin(&auth, cases[i].mechanism, cases[i].user, cases[i].password, &line),
			0);
		assert_line(&line, cases[i].lines[0]);
		for (size_t n = 1; n < 4 && cases[i].lines[n]; n++) {
			assert_int_equal(smtp_auth_next(&auth, &line), 0);
			assert_line(&line, cases[i].lines[n]);
		}
		assert_int_equal(smtp_auth_next(&auth, &line), -EPROTO);
		assert_int_equal(smtp_auth_next(&auth, &line), -EPROTO);
		strbuf_done(&line);
	}
}

/* RFC 4954 section 4: what is too long for a command line comes after a 334 */
static void test_long_secrets(void **state)
{
	(void)state;
	char *token = xmalloc(AUTH_SECRET_MAX + 2);
	struct smtp_auth auth;
	struct strbuf line;
	strbuf_init(&line, AUTH_LINE_MAX);
	memset(token, 't', AUTH_SECRET_MAX + 1);
	token[AUTH_SECRET_MAX + 1] = '\0';
	assert_int_equal(smtp_auth_begin(&auth, AUTH_PLAIN, "u", token, &line), -EMSGSIZE);
	assert_int_equal(smtp_auth_begin(&auth, AUTH_PLAIN, token, "p", &line), -EMSGSIZE);
	token[AUTH_SECRET_MAX] = '\0';
	strbuf_clear(&line);
	assert_int_equal(smtp_auth_begin(&auth, AUTH_XOAUTH2, token, token, &line), 0);
	assert_line(&line, "AUTH XOAUTH2\r\n");
	assert_int_equal(smtp_auth_next(&auth, &line), 0);
	assert_false(line.overflow);
	assert_true(line.len > 2 * AUTH_SECRET_MAX * 4 / 3);
	strbuf_clear(&line);
	assert_int_equal(smtp_auth_next(&auth, &line), 0);
	assert_line(&line, "\r\n");
	assert_int_equal(smtp_auth_next(&auth, &line), -EPROTO);
	token[369] = '\0';
	assert_int_equal(smtp_auth_begin(&auth, AUTH_PLAIN, "u", token, &line), 0);
	assert_true(line.len <= 512 && line.len > 490);
	strbuf_clear(&line);
	token[369] = 't';
	token[370] = '\0';
	assert_int_equal(smtp_auth_begin(&auth, AUTH_PLAIN, "u", token, &line), 0);
	assert_line(&line, "AUTH PLAIN\r\n");
	strbuf_done(&line);
	free(token);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_choose),
		cmocka_unit_test(test_auth_lines),
		cmocka_unit_test(test_long_secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
