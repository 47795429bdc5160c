/* Addresses to listen on: which are taken, and that they print as they were written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smtpd/listen_address.h"

static void good_ones_print_as_they_were_written(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned port;
	} cases[] = {
		{"127.0.0.1:25", 25},   {"0.0.0.0:0", 0},         {"[::]:25", 25},
		{"[::1]:65535", 65535}, {"[2001:db8::1]:25", 25},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sockaddr_storage address;
		socklen_t len;
		char buf[LISTEN_ADDRESS_SIZE];
		assert_null(listen_address_parse(str_from(cases[i].text), &address, &len));
		assert_int_equal(listen_address_port(&address), cases[i].port);
		assert_string_equal(listen_address_text(&address, buf), cases[i].text);
	}
}

static void bad_ones_are_named_and_set_nothing(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"25",
		":25",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:65536",
		"1.2.3:25",
		"localhost:25",
		"::1:25",
		"[::1]",
		"[::1]:",
		"[127.0.0.1]:25",
		"[::1:25",
		"[]:25",
		"1.2.3.4:+1",
		"1.2.3.4:000025",
		"1.2.3.4: 25",
		"[::1%lo]:25",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:25",
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct sockaddr_storage address = {.ss_family = 77};
		socklen_t len = 78;
		assert_non_null(listen_address_parse(str_from(texts[i]), &address, &len));
		assert_int_equal(address.ss_family, 77);
		assert_int_equal(len, 78);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones_print_as_they_were_written),
		cmocka_unit_test(bad_ones_are_named_and_set_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
