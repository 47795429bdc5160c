/* The Received field: grammar of RFC 5321 4.4, folded, and nothing of the client's that could break out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "smtpd/trace.h"

static const struct mailaddr acme = {STR_INIT("acme"), STR_INIT("serveloapp.com")};

static const struct {
	struct trace_facts facts;
	const char *want;
} cases[] = {
	{{STR_INIT("mx.example.org"), STR_INIT("192.0.2.1"), STR_INIT("mx.serveloapp.com"),
	  STR_INIT("ESMTPS"), STR_INIT("TLSv1.3 TLS_AES_256_GCM_SHA384"), STR_INIT("0akx2m9q1b7c3d5e8f"),
	  &acme, 1795253400000},
	 "Received: from mx.example.org ([192.0.2.1])\r\n"
	 "\tby mx.serveloapp.com with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
	 "\tid 0akx2m9q1b7c3d5e8f for <acme@serveloapp.com>;\r\n"
	 "\tSat, 21 Nov 2026 09:30:00 +0000\r\n"},
	{{STR_INIT("[IPv6:2001:db8::1]"), STR_INIT("2001:db8::1"), STR_INIT("mx"), STR_INIT("SMTP"),
	  STR_INIT(""), STR_INIT("id1"), NULL, 1795253400000},
	 "Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])\r\n"
	 "\tby mx with SMTP\r\n\tid id1;\r\n\tSat, 21 Nov 2026 09:30:00 +0000\r\n"},
	{{STR_INIT("a) (b\r\nX: \xff<script>"), STR_INIT("192.0.2.1"), STR_INIT("mx"), STR_INIT("SMTP"),
	  STR_INIT(""), STR_INIT("id1"), NULL, 1795253400000},
	 "Received: from a???b??X???"
	 "?script? ([192.0.2.1])\r\n"
	 "\tby mx with SMTP\r\n\tid id1;\r\n\tSat, 21 Nov 2026 09:30:00 +0000\r\n"},
	{{STR_INIT(""), STR_INIT("192.0.2.1"), STR_INIT("mx"), STR_INIT("SMTP"), STR_INIT(""),
	  STR_INIT("id1"), NULL, 1795253400000},
	 "Received: from unknown ([192.0.2.1])\r\n"
	 "\tby mx with SMTP\r\n\tid id1;\r\n\tSat, 21 Nov 2026 09:30:00 +0000\r\n"},
};

static void the_field_says_what_it_must(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct strbuf out;
		strbuf_init(&out, TRACE_MAX);
		assert_int_equal(trace_format(&cases[i].facts, &out), 0);
		assert_string_equal(out.ptr, cases[i].want);
		strbuf_done(&out);
	}
}

/* Whatever the lengths, it fits in TRACE_MAX, and a line is long only when one word is. */
static void long_words_are_folded(void **state)
{
	(void)state;
	char helo[600], local[MAILADDR_LOCAL_MAX], domain[MAILADDR_DOMAIN_MAX];
	memset(local, '"', sizeof(local));
	memset(domain, 'd', sizeof(domain));
	for (size_t n = 1; n < sizeof(helo); n++) {
		struct mailaddr rcpt = {{local, sizeof(local)}, {domain, n < 255 ? n : 255}};
		struct strbuf out;
		memset(helo, 'h', n);
		struct trace_facts facts = cases[0].facts;
		facts.helo = (struct str){helo, n};
		facts.hostname = (struct str){domain, n < 255 ? n : 255};
		facts.only_rcpt = &rcpt;
		strbuf_init(&out, TRACE_MAX);
		assert_int_equal(trace_format(&facts, &out), 0);
		struct str rest = strbuf_str(&out);
		while (rest.len) {
			size_t at = str_find(rest, '\n');
			struct str line = str_sub(rest, 0, at);
			struct str words = line.ptr[0] == '\t' ? str_sub(line, 1, line.len) : line;
			assert_true(line.len < 998);
			assert_true(line.len < 78 || n > 40 || str_find(words, ' ') == words.len);
			rest = str_sub(rest, at + 1, rest.len);
		}
		strbuf_done(&out);
	}
}

static void protocol_words(void **state)
{
	(void)state;
	static const struct {
		bool ehlo, tls, utf8;
		const char *want;
	} words[] = {
		{false, false, false, "SMTP"},   {true, false, false, "ESMTP"},
		{true, true, false, "ESMTPS"},   {true, false, true, "UTF8SMTP"},
		{true, true, true, "UTF8SMTPS"}, {false, true, false, "SMTP"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		assert_true(str_eq(trace_protocol(words[i].ehlo, words[i].tls, words[i].utf8),
				   str_from(words[i].want)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_field_says_what_it_must),
		cmocka_unit_test(long_words_are_folded),
		cmocka_unit_test(protocol_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
