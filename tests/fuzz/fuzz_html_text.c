/* HTML of any octets made valid UTF-8: the text is valid, ordered, bounded; the marks lie in it. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/mailaddr.h"
#include "ingest/html_text.h"
#include "ingest/text_fold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};
	char *html = xmalloc(size * 3 + 1);
	size_t len = 0;
	for (size_t pos = 0; pos < size;)
		len += utf8_put(utf8_next(in, &pos), html + len);
	struct strbuf out;
	struct text_marks marks;
	strbuf_init(&out, size % 3 == 0 ? 64 : 1 << 22);
	int r = html_to_text((struct str){html, len}, &out, &marks);
	if ((r < 0) != out.overflow || !utf8_valid(strbuf_str(&out)))
		abort();
	/* one character becomes at most a line with marks and indent */
	if (out.len > len * 64 + 64)
		abort();
	for (size_t i = 0; i < marks.n; i++)
		if (marks.items[i].from >= marks.items[i].to || marks.items[i].to > out.len ||
		    (i > 0 && marks.items[i].from < marks.items[i - 1].from))
			abort();
	strbuf_done(&out);
	free(html);
	return 0;
}
