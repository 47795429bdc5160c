/* Ticket subjects and names made of local-parts, as tables. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mailaddr.h"
#include "ingest/mail.h"

static void subjects(void **state UNUSED)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"My order", "My order"},
		{"", "(No Subject)"},
		{" \t\r\n ", "(No Subject)"},
		{"\xbd\xbd\xbd x", "??? x"}, /* broken octets do not grow */
		{"Re:", "(No Subject)"},
		{"Re: Fwd: ", "(No Subject)"},
		{"Re: My order", "My order"},
		{"RE : My order", "My order"},
		{"re:My order", "My order"},
		{"Re: Re: RE: Re: My order", "My order"},
		{"Re[2]: My order", "My order"},
		{"Re (3): My order", "My order"},
		{"Re^4: My order", "My order"},
		{"RE(3)：My order", "My order"},
		{"Re2: My order", "My order"},
		{"Aw: Wg: Antw: Bestellung", "Bestellung"},
		{"SV: VS: Ärende", "Ärende"},
		{"TR : Commande", "Commande"},
		{"RÉP: RÉF: Commande", "Commande"},
		{"RV: Pedido", "Pedido"},
		{"RES: ENC: Pedido", "Pedido"},
		{"R: I: Ordine", "Ordine"},
		{"ODP: PD: Zamówienie", "Zamówienie"},
		{"Továbbítás: x", "x"},
		{"НА: Отв: Заказ", "Заказ"},
		{"ΑΠ: ΠΡΘ: x", "x"},
		{"İLT: YNT: x", "x"},
		{"答复: 回复：转发: 订单", "订单"},
		{"返信: 転送: 注文", "注文"},
		{"회신: 전달: 주문", "주문"},
		{"תגובה: x", "x"},
		{"رد: x", "x"},
		{"[Fwd: My order]", "My order"},
		{"Re: [Fwd: Re: My order]", "My order"},
		{"[ACME-00042] My order", "My order"},
		{"Re: [ACME-00042] Re: My order", "My order"},
		{"Re: My order [acme-00042]", "My order"},
		{"My [ACME-00042] order", "My order"},
		{"[ACME-00042]", "(No Subject)"},
		{"[OTHER-00042] x", "[OTHER-00042] x"},
		{"[ACME-] x", "[ACME-] x"},
		{"[ACME-42", "[ACME-42"},
		{"[users] hello", "[users] hello"},
		{"[users]hello", "[users] hello"},
		{"Re: [users] hello", "[users] hello"},
		{"Re: [users] Re: [users] hello", "[users] hello"},
		{"[users] Fwd: hello", "[users] hello"},
		{"[users]", "[users]"},
		/* words, not prefixes */
		{"Question: how?", "Question: how?"},
		{"R2: or D2?", "R2: or D2?"},
		{"Regarding: x", "Regarding: x"},
		{"Re your mail", "Re your mail"},
		{": x", ": x"},
		{"12:30 call", "12:30 call"},
		/* one line, nothing hidden */
		{"a\r\nBcc: x", "a Bcc: x"},
		{"a\x01\x7f"
		 "b\xe2\x80\xa8"
		 "c",
		 "a b c"},
		{"a\xe2\x80\xae"
		 "b\xe2\x80\x8b"
		 "c",
		 "abc"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena;
		struct str got;
		arena_init(&arena, 4096);
		assert_int_equal(mail_ticket_subject(&arena, str_from(cases[i].in), STR("ACME"), &got), 0);
		if (!str_eq(got, str_from(cases[i].want)))
			fail_msg("\"%s\": \"%.*s\", wanted \"%s\"", cases[i].in, STR_ARG(got), cases[i].want);
		arena_done(&arena);
	}
}

static void long_subjects(void **state UNUSED)
{
	static char text[60000];
	struct arena arena;
	struct str got;
	arena_init(&arena, 4 * sizeof(text));
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	assert_int_equal(mail_ticket_subject(&arena, (struct str){text, sizeof(text) - 2}, STR(""), &got), 0);
	assert_int_equal(got.len, 2 * 255);
	assert_true(utf8_valid(got));
	for (size_t i = 0; i + 4 <= sizeof(text); i += 4)
		memcpy(text + i, "Re: ", 4);
	assert_int_equal(mail_ticket_subject(&arena, (struct str){text, sizeof(text)}, STR("A"), &got), 0);
	assert_true(str_eq(got, STR("(No Subject)")));
	memset(text, '[', sizeof(text));
	assert_int_equal(mail_ticket_subject(&arena, (struct str){text, sizeof(text)}, STR("A"), &got), 0);
	assert_int_equal(got.len, 255);
	arena_done(&arena);
	arena_init(&arena, 8);
	assert_int_equal(mail_ticket_subject(&arena, STR("much longer than that"), STR(""), &got), -ENOBUFS);
	arena_done(&arena);
}

static void names(void **state UNUSED)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"jane.doe", "Jane Doe"},
		{"jane", "Jane"},
		{"jane_m-doe+shop", "Jane M Doe Shop"},
		{"JANE.doe", "JANE Doe"},
		{"..jane..", "Jane"},
		{"o'neil", "O'neil"},
		{"...", "..."},
		{"", "?"},
		{"j4ne.2", "J4ne 2"},
		{"jürgen.müller", "Jürgen Müller"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena;
		struct str got;
		arena_init(&arena, 4096);
		assert_int_equal(mail_name_from_local(&arena, str_from(cases[i].in), &got), 0);
		if (!str_eq(got, str_from(cases[i].want)))
			fail_msg("\"%s\": \"%.*s\", wanted \"%s\"", cases[i].in, STR_ARG(got), cases[i].want);
		arena_done(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subjects),
		cmocka_unit_test(long_subjects),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
