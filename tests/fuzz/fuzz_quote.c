/* The new part of any text: only lines of that text, and never nothing when there was something. The first octet
 * chooses between plain text and text with marks, and between an answer and a new mail. */
#include <stdlib.h>

#include "ingest/quote.h"
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
	if (size < 4)
		return 0;
	struct text_marks marks = {.n = data[0] % 3};
	for (size_t i = 0; i < marks.n; i++)
		marks.items[i] = (struct text_mark){(size_t)data[i + 1] % size, size,
						    (enum text_mark_kind)(data[i + 2] % (MARK_INDENT + 1))};
	struct str text = {(const char *)data + 1, size - 1};
	struct quote_facts facts = {.text = text,
				    .subject = data[0] & 16 ? STR("Re: x") : str_sub(text, 0, 16),
				    .answers_mail = data[0] & 8,
				    .marks = data[0] & 4 ? &marks : NULL};
	struct quote_verdict verdict;
	struct strbuf out;
	strbuf_init(&out, 1 << 22);
	if (quote_new_part(&facts, &out, &verdict) < 0 || out.len > text.len)
		abort();
	if (visible(text) && !visible(strbuf_str(&out)))
		abort();
	if (verdict.signature.len && (verdict.signature.ptr < text.ptr ||
				      verdict.signature.ptr + verdict.signature.len > text.ptr + text.len))
		abort();
	check_lines(strbuf_str(&out), text);
	strbuf_done(&out);
	return 0;
}
