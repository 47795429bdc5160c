/* Mail data: against a reference that reads octet by octet; and whole against cut. The first octet chooses
 * the cut. */
#include <assert.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "smtpd/data_decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns the octets used, 0 when there is no end. */
static size_t reference(struct str in, struct strbuf *out)
{
	for (size_t i = 0; i < in.len; i++) {
		bool line_start = i == 0 || (i >= 2 && in.ptr[i - 2] == '\r' && in.ptr[i - 1] == '\n');
		if (!line_start || in.ptr[i] != '.')
			strbuf_addc(out, in.ptr[i]);
		else if (in.len - i >= 3 && in.ptr[i + 1] == '\r' && in.ptr[i + 2] == '\n')
			return i + 3;
	}
	return 0;
}

static size_t decode(struct data_decoder *decoder, struct str in, size_t step, struct strbuf *out)
{
	data_decoder_init(decoder, true);
	for (size_t at = 0; at < in.len; at += step) {
		struct str part = str_sub(in, at, at + step), slice;
		size_t len = part.len;
		enum data_event event;
		while ((event = data_decoder_next(decoder, &part, &slice)) == DATA_SLICE)
			strbuf_add(out, slice);
		if (event == DATA_END)
			return at + len - part.len;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct data_decoder whole, cut;
	struct strbuf want, a, b;
	if (size < 1)
		return 0;
	struct str in = {(const char *)data + 1, size - 1};
	strbuf_init(&want, size);
	strbuf_init(&a, size);
	strbuf_init(&b, size);
	size_t used = reference(in, &want);
	assert(decode(&whole, in, in.len + 1, &a) == used);
	assert(decode(&cut, in, (size_t)data[0] + 1, &b) == used);
	assert(str_eq(strbuf_str(&a), strbuf_str(&b)));
	assert(!used || str_eq(strbuf_str(&a), strbuf_str(&want)));
	assert(whole.size == a.len && whole.size == cut.size && whole.longest == cut.longest);
	assert(whole.received == cut.received && (!used || whole.bare == cut.bare));
	strbuf_done(&want);
	strbuf_done(&a);
	strbuf_done(&b);
	return 0;
}
