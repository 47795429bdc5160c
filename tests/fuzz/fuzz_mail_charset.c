/*
 * A line with a label, a line with a hint, and octets: the result is valid UTF-8 without NUL and never larger
 * than its limit; so are transfer decodings never longer than what they came from.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/mailaddr.h"
#include "ingest/mail_charset.h"
#include "ingest/mail_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str take_line(struct str *rest)
{
	size_t n = str_find(*rest, '\n');
	struct str line = str_sub(*rest, 0, n);

	*rest = str_sub(*rest, n + 1, rest->len);
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	struct str label = take_line(&rest), hint = take_line(&rest);
	struct strbuf out;

	strbuf_init(&out, 1000);
	(void)mail_charset_to_utf8(label, hint, rest, &out);
	assert(out.len <= 1000 && utf8_valid(strbuf_str(&out)));
	assert(!out.len || !memchr(out.ptr, 0, out.len));
	utf8_clean_text(&out);
	assert(utf8_valid(strbuf_str(&out)));
	utf8_one_line(&out);
	assert(utf8_valid(strbuf_str(&out)));
	strbuf_done(&out);
	struct str guess = mail_charset_guess(rest);
	assert(!guess.len || mail_charset_known(guess));

	for (int encoding = MAIL_ENCODING_IDENTITY; encoding <= MAIL_ENCODING_UU; encoding++) {
		strbuf_init(&out, size + 1);
		assert(mail_decode((enum mail_encoding)encoding, rest, &out));
		assert(out.len <= rest.len &&
		       out.len == mail_decode_size((enum mail_encoding)encoding, rest));
		strbuf_done(&out);
	}
	return 0;
}
