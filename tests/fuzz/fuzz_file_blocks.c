/* Files in any text: blocks lie in the text, in order, do not overlap, and what is left is all that is not in them. */
#include <assert.h>
#include <stdlib.h>

#include "ingest/file_blocks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1); /* so that a sanitizer sees its end */
	struct file_blocks blocks;
	struct file_block block;
	struct strbuf left, octets;
	size_t at = 0, inside = 0;

	if (size)
		memcpy(copy, data, size);
	struct str text = {copy, size};
	strbuf_init(&left, size + 1);
	file_blocks_init(&blocks, text);
	while (file_blocks_next(&blocks, &block)) {
		assert(block.from >= at && block.from < block.to && block.to <= size);
		assert(block.raw.ptr >= copy + block.from &&
		       block.raw.ptr + block.raw.len <= copy + block.to);
		strbuf_init(&octets, size + 1);
		assert(mail_decode(block.encoding, block.raw, &octets));
		strbuf_done(&octets);
		inside += block.to - block.from;
		at = block.to;
	}
	assert(!inside || file_blocks_maybe(text));
	assert(file_blocks_remove(text, &left) && left.len == size - inside);
	strbuf_done(&left);
	free(copy);
	return 0;
}
