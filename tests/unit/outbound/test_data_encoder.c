/* Mail data on the wire: lines, dots, ends; the same whatever the pieces and the room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outbound/data_encoder.h"

static size_t encode(struct str in, size_t piece, size_t room, char *ret)
{
	struct data_encoder encoder;
	size_t n = 0;
	data_encoder_init(&encoder);
	for (size_t at = 0; at < in.len; at += piece) {
		struct str part = str_sub(in, at, at + piece);
		while (part.len) {
			size_t len = data_encoder_encode(&encoder, &part, ret + n, room);
			assert_true(len > 0 || part.len == 0);
			assert_true(len <= room);
			n += len;
		}
	}
	return n + data_encoder_finish(&encoder, ret + n);
}

static void test_encode(void **state)
{
	(void)state;
	static const struct {
		struct str in, want;
	} cases[] = {
		{STR_INIT(""), STR_INIT(".\r\n")},
		{STR_INIT("a\r\n"), STR_INIT("a\r\n.\r\n")},
		{STR_INIT("a"), STR_INIT("a\r\n.\r\n")},
		{STR_INIT("\r\n"), STR_INIT("\r\n.\r\n")},
		{STR_INIT("."), STR_INIT("..\r\n.\r\n")},
		{STR_INIT(".\r\n"), STR_INIT("..\r\n.\r\n")},
		{STR_INIT("..\r\n...a"), STR_INIT("...\r\n....a\r\n.\r\n")},
		{STR_INIT("a.b\r\n.c"), STR_INIT("a.b\r\n..c\r\n.\r\n")},
		{STR_INIT("a\nb"), STR_INIT("a\r\nb\r\n.\r\n")},
		{STR_INIT("a\rb"), STR_INIT("a\r\nb\r\n.\r\n")},
		{STR_INIT("a\n\rb"), STR_INIT("a\r\n\r\nb\r\n.\r\n")},
		{STR_INIT("a\r\r\nb"), STR_INIT("a\r\n\r\nb\r\n.\r\n")},
		{STR_INIT("a\r"), STR_INIT("a\r\n.\r\n")},
		{STR_INIT("a\n"), STR_INIT("a\r\n.\r\n")},
		/* what smuggling needs: no dot is alone on a line, whatever ends the lines */
		{STR_INIT("a\n.\nb"), STR_INIT("a\r\n..\r\nb\r\n.\r\n")},
		{STR_INIT("a\n.\r\nb"), STR_INIT("a\r\n..\r\nb\r\n.\r\n")},
		{STR_INIT("a\r.\rb"), STR_INIT("a\r\n..\r\nb\r\n.\r\n")},
		{STR_INIT("a\r\n.\rb"), STR_INIT("a\r\n..\r\nb\r\n.\r\n")},
		{STR_INIT("a\r\n.\r\nMAIL FROM:<b@c>\r\n"), STR_INIT("a\r\n..\r\nMAIL FROM:<b@c>\r\n.\r\n")},
		{STR_INIT("a\0.\xff\r\n\0"), STR_INIT("a\0.\xff\r\n\0\r\n.\r\n")},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t piece = 1; piece <= 64; piece++) {
			for (size_t room = 2; room <= 9; room++) {
				char out[256];
				size_t n = encode(cases[i].in, piece, room, out);
				if (!str_eq((struct str){out, n}, cases[i].want))
					fail_msg("case %zu, pieces of %zu, room %zu: \"%.*s\"", i, piece,
						 room, (int)n, out);
			}
		}
	}
}

/* Every text of six of these: no bare CR or LF, and CR LF . CR LF at the end only. */
static void test_all_short_texts(void **state)
{
	(void)state;
	static const char alphabet[] = {'\r', '\n', '.', 'a'};
	for (unsigned number = 0; number < 4096; number++) {
		char in[6], out[64] = "\r\n";
		for (size_t i = 0; i < 6; i++)
			in[i] = alphabet[number >> (2 * i) & 3];
		size_t n = 2 + encode((struct str){in, 6}, 6, 16, out + 2);
		for (size_t i = 0; i < n; i++) {
			if (out[i] == '\r')
				assert_int_equal(out[i + 1], '\n');
			if (out[i] == '\n')
				assert_int_equal(out[i - 1], '\r');
		}
		assert_ptr_equal(memmem(out, n, "\r\n.\r\n", 5), out + n - 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_all_short_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
