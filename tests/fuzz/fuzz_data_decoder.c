/*
 * Mail data, and the same octets as chunks of BDAT: against references that read octet by octet, for what comes out and for
 * what is counted; and whole against cut. The first octet chooses the cut.
 */
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

/* What must be counted in mail data that is whole. */
struct counts {
	uint64_t longest;
	unsigned received;
	bool bare;
};

static struct counts count_slowly(struct str data)
{
	struct counts counts = {0, 0, false};
	bool in_header = true;
	for (size_t from = 0; from < data.len;) {
		struct str line = str_sub(data, from, from + str_find(str_sub(data, from, data.len), '\n'));
		bool ended = from + line.len < data.len;
		from += line.len + 1;
		bool crlf = ended && line.len && line.ptr[line.len - 1] == '\r';
		counts.received += in_header && str_istarts(line, STR("received:"));
		/* a CR at the end may be half of its CRLF */
		if (line.len && line.ptr[line.len - 1] == '\r')
			line.len--;
		else if (ended)
			counts.bare = true;
		counts.longest = line.len > counts.longest ? line.len : counts.longest;
		counts.bare |= str_find(line, '\r') < line.len || str_find(line, '\0') < line.len;
		in_header &= !(ended && line.len == 0);
		if (!ended && !crlf && data.ptr[data.len - 1] == '\r')
			counts.bare = true;
	}
	return counts;
}

static void check_counts(const struct data_decoder *decoder, struct str data)
{
	const struct counts want = count_slowly(data);
	assert(decoder->size == data.len && decoder->longest == want.longest);
	assert(decoder->received == want.received && decoder->bare == want.bare);
}

/* BDAT: nothing is taken off, only counted. */
static void check_chunks(struct str in, size_t step)
{
	struct data_decoder decoder;
	data_decoder_init(&decoder, true);
	for (size_t at = 0; at < in.len; at += step)
		data_decoder_chunk(&decoder, str_sub(in, at, at + step));
	data_decoder_finish(&decoder);
	check_counts(&decoder, in);
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
	if (used)
		check_counts(&whole, strbuf_str(&want));
	check_chunks(in, in.len + 1);
	check_chunks(in, (size_t)data[0] + 1);
	strbuf_done(&want);
	strbuf_done(&a);
	strbuf_done(&b);
	return 0;
}
