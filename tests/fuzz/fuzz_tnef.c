/* winmail.dat of any octets: files are views into the stream, names and text are valid UTF-8. */
#include <assert.h>
#include <stdlib.h>

#include "base/mailaddr.h"
#include "ingest/rtf_text.h"
#include "ingest/tnef.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct tnef *tnef, struct str octets)
{
	struct strbuf text;

	assert(tnef->n <= TNEF_FILES_MAX);
	for (size_t i = 0; i < tnef->n; i++) {
		const struct tnef_file *file = &tnef->files[i];
		assert(!file->octets.len || (file->octets.ptr >= octets.ptr &&
					     file->octets.ptr + file->octets.len <= octets.ptr + octets.len));
		assert(utf8_valid(file->name) && utf8_valid(file->media_type) &&
		       utf8_valid(file->content_id));
	}
	strbuf_init(&text, 256 * 1024);
	(void)tnef_text(tnef, &text);
	assert(utf8_valid(strbuf_str(&text)));
	strbuf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1); /* so that a sanitizer sees its end */
	struct arena arena;
	struct tnef tnef;
	struct strbuf text;

	if (size)
		memcpy(copy, data, size);
	struct str octets = {copy, size};
	arena_init(&arena, 1024 * 1024);
	strbuf_init(&text, 256 * 1024);
	if (tnef_read(&arena, octets, &tnef) == 0)
		check(&tnef, octets);
	else if (rtf_to_text(octets, &text) == 0)
		assert(utf8_valid(strbuf_str(&text)));
	strbuf_done(&text);
	arena_done(&arena);
	free(copy);
	return 0;
}
