/* Any reply against any sent text (parted by a "%%" line): what is left is lines of the reply, and never nothing. */
#include <stdlib.h>

#include "ingest/quote_sent.h"
#include "ingest/text_fold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool visible(struct str s)
{
	for (size_t pos = 0; pos < s.len;) {
		uint32_t c = utf8_next(s, &pos);
		if (!char_blank(c) && !char_zero_width(c))
			return true;
	}
	return false;
}

/* Each line of out stands in text, whole or in part, and in the same order. */
static void check_lines(struct str out, struct str text)
{
	while (out.len) {
		size_t end = str_find(out, '\n');
		struct str line = str_trim(str_sub(out, 0, end));
		out = str_sub(out, end + 1, out.len);
		if (line.len == 0)
			continue;
		const char *found = text.len ? memmem(text.ptr, text.len, line.ptr, line.len) : NULL;
		if (!found)
			abort();
		text = str_sub(text, (size_t)(found - text.ptr) + line.len, text.len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = {(const char *)data, size};
	size_t parted = str_search(all, STR("\n%%\n"));
	struct str reply = str_sub(all, 0, parted), rest = str_sub(all, parted + 4, all.len);
	struct str sent[2] = {str_sub(rest, 0, rest.len / 2), rest};
	struct strbuf out;
	strbuf_init(&out, 1 << 22);
	int r = quote_sent_set_aside(reply, sent, 2, &out);
	if (r < 0 || r > 1 || out.len > reply.len || (r == 1) != visible(strbuf_str(&out)))
		abort();
	if (r == 0 && out.len)
		abort();
	check_lines(strbuf_str(&out), reply);
	strbuf_done(&out);
	return 0;
}
