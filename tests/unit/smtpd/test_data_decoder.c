/* Mail data: where it ends, what comes out, what is counted. Compared with a tiny reference that reads one
 * octet at a time and looks back, whatever way the octets are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "smtpd/data_decoder.h"

struct outcome {
	struct strbuf data; /* what came out */
	size_t used;        /* octets up to and with the end; 0: no end */
	struct data_decoder decoder;
};

/* The reference: RFC 5321 4.5.2, word for word. */
static void reference(struct str in, struct outcome *ret)
{
	strbuf_init(&ret->data, 1 << 20);
	ret->used = 0;
	for (size_t i = 0; i < in.len; i++) {
		bool line_start = i == 0 || (i >= 2 && in.ptr[i - 2] == '\r' && in.ptr[i - 1] == '\n');
		if (line_start && in.ptr[i] == '.') {
			if (in.len - i >= 3 && in.ptr[i + 1] == '\r' && in.ptr[i + 2] == '\n') {
				ret->used = i + 3;
				return;
			}
			continue;
		}
		strbuf_addc(&ret->data, in.ptr[i]);
	}
}

static bool feed(struct outcome *outcome, struct str in)
{
	struct str slice, left = in;
	enum data_event event;
	while ((event = data_decoder_next(&outcome->decoder, &left, &slice)) == DATA_SLICE) {
		assert_true(slice.len > 0);
		strbuf_add(&outcome->data, slice);
	}
	outcome->used += in.len - left.len;
	assert_true(event == DATA_END || left.len == 0);
	return event == DATA_END;
}

static void decode(struct str in, size_t cut, struct outcome *ret)
{
	bool end = false;
	strbuf_init(&ret->data, 1 << 20);
	ret->used = 0;
	data_decoder_init(&ret->decoder, true);
	if (cut <= in.len) {
		end = feed(ret, str_sub(in, 0, cut)) || feed(ret, str_sub(in, cut, in.len));
	} else {
		for (size_t i = 0; i < in.len && !end; i++)
			end = feed(ret, str_sub(in, i, i + 1));
	}
	if (!end)
		ret->used = 0;
}

static void compare(struct str in)
{
	struct outcome want, got;
	reference(in, &want);
	for (size_t cut = 0; cut <= in.len + 1; cut++) {
		decode(in, cut, &got);
		assert_int_equal(got.used, want.used);
		if (want.used) {
			assert_true(str_eq(strbuf_str(&got.data), strbuf_str(&want.data)));
			assert_int_equal(got.decoder.size, want.data.len);
		} else { /* a dot, and a CR behind it, may be held back */
			assert_true(str_starts(strbuf_str(&want.data), strbuf_str(&got.data)));
			assert_true(want.data.len - got.data.len <= 1);
		}
		strbuf_done(&got.data);
	}
	strbuf_done(&want.data);
}

static const struct str end_cases[] = {
	STR_INIT(""),
	STR_INIT(".\r\n"),
	STR_INIT("a\r\n.\r\nQUIT\r\n"),
	STR_INIT("\r\n\r\n.\r\n"),
	STR_INIT("..\r\n...\r\n..x\r\nx.\r\n. \r\n..end\r\n.\r\n"),
	STR_INIT("a\n.\nb\r\n.\r\n"),
	STR_INIT("a\n.\r\nb\r\n.\r\n"),
	STR_INIT("a\r\n.\nb\r\n.\r\n"),
	STR_INIT("a\r\n.\rb\r\n.\r\n"),
	STR_INIT("a\r.\r\nb\r\n.\r\n"),
	STR_INIT("a\r.\rb\r\n.\r\n"),
	STR_INIT("a\r\n.\r\r\nb\r\n.\r\n"),
	STR_INIT("a\r\r\n.\r\n"),
	STR_INIT("a\n\r.\n\rb\r\n.\r\n"),
	STR_INIT("a\r\n.\0\r\nb\r\n.\r\n"),
	STR_INIT("a\r\0\n.\r\nb\r\n.\r\n"),
	STR_INIT("a\r\n.\r\0\nb\r\n.\r\n"),
	STR_INIT("a\r\n.\r.\r\n.\r\n"),
	STR_INIT("a.\r\n.b\r\n..\r\n.\r\n.\r\n"),
	STR_INIT("a\r\n .\r\n.\t\r\n.\r\n"),
};

static void ends_like_the_reference_however_it_is_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(end_cases); i++)
		compare(end_cases[i]);
}

/* All strings of up to 8 octets over the alphabet that matters. */
static void ends_like_the_reference_for_every_short_string(void **state)
{
	(void)state;
	static const char alphabet[] = {'\r', '\n', '.', 'x'};
	for (size_t len = 1; len <= 8; len++) {
		for (unsigned long n = 0; n < 1ul << (2 * len); n++) {
			char text[8];
			struct outcome want, got;
			for (size_t i = 0; i < len; i++)
				text[i] = alphabet[n >> (2 * i) & 3];
			struct str in = {text, len};
			reference(in, &want);
			for (size_t cut = len / 2; cut <= len + 1; cut += len + 1 - len / 2) {
				decode(in, cut, &got);
				assert_int_equal(got.used, want.used);
				if (want.used)
					assert_true(str_eq(strbuf_str(&got.data), strbuf_str(&want.data)));
				strbuf_done(&got.data);
			}
			strbuf_done(&want.data);
		}
	}
}

static const struct {
	struct str in; /* without the end */
	unsigned received;
	uint64_t longest;
	bool bare;
} count_cases[] = {
	{STR_INIT(""), 0, 0, false},
	{STR_INIT("Received: a\r\nReceived: b\r\n\r\nReceived: c\r\n"), 2, 11, false},
	{STR_INIT("received: a\nRECEIVED: b\n\nReceived: c\r\n"), 2, 11, true},
	{STR_INIT("X: y\r\n Received: folded\r\nReceived-SPF: pass\r\nReceived : x\r\n"), 0, 18, false},
	{STR_INIT("Received:\r\nReceived:\r\n"), 2, 9, false},
	{STR_INIT("X: 12345\r\n"), 0, 8, false},
	{STR_INIT("a\rb\r\n"), 0, 3, true},
	{STR_INIT("a\nb\r\n"), 0, 1, true},
	{STR_INIT("a\0b\r\n"), 0, 3, true},
	{STR_INIT("a\r\r\n"), 0, 2, true},
	{STR_INIT("\r\n\r\n"), 0, 0, false},
	{STR_INIT("..Received: x\r\n"), 0, 12, false},
};

static void counts_do_not_depend_on_cuts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(count_cases); i++) {
		struct strbuf in;
		strbuf_init(&in, 4096);
		strbuf_add(&in, count_cases[i].in);
		strbuf_adds(&in, ".\r\n");
		for (size_t cut = 0; cut <= in.len + 1; cut++) {
			struct outcome got;
			decode(strbuf_str(&in), cut, &got);
			assert_int_equal(got.used, in.len);
			assert_int_equal(got.decoder.received, count_cases[i].received);
			assert_int_equal(got.decoder.longest, count_cases[i].longest);
			assert_int_equal(got.decoder.bare, count_cases[i].bare);
			strbuf_done(&got.data);
		}
		strbuf_done(&in);
	}
}

/* The same octets in chunks of every size count the same as by DATA. */
static void chunks_are_counted_as_data(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(count_cases) - 1; i++) { /* the last one has a dot to take off */
		struct str in = count_cases[i].in;
		for (size_t step = 1; step <= in.len + 1; step++) {
			struct data_decoder decoder;
			data_decoder_init(&decoder, true);
			for (size_t at = 0; at < in.len; at += step)
				data_decoder_chunk(&decoder, str_sub(in, at, at + step));
			data_decoder_finish(&decoder);
			assert_int_equal(decoder.size, in.len);
			assert_int_equal(decoder.received, count_cases[i].received);
			assert_int_equal(decoder.longest, count_cases[i].longest);
			assert_int_equal(decoder.bare, count_cases[i].bare);
		}
	}
}

static void a_chunk_that_ends_with_cr_holds_a_bare_cr(void **state)
{
	(void)state;
	struct data_decoder decoder;
	data_decoder_init(&decoder, true);
	data_decoder_chunk(&decoder, STR("a\r"));
	assert_false(decoder.bare);
	data_decoder_finish(&decoder);
	assert_true(decoder.bare);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_like_the_reference_however_it_is_cut),
		cmocka_unit_test(ends_like_the_reference_for_every_short_string),
		cmocka_unit_test(counts_do_not_depend_on_cuts),
		cmocka_unit_test(chunks_are_counted_as_data),
		cmocka_unit_test(a_chunk_that_ends_with_cr_holds_a_bare_cr),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
