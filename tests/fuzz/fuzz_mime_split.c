/*
 * MIME structure from any octets: bodies lie inside the data and inside their parents', limits hold, section
 * numbers can be printed.
 */
#include <assert.h>
#include <stdlib.h>

#include "ingest/mime_split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mail_limits limits = mail_limits_default;
	struct arena arena;
	struct mime_tree tree;
	struct str in = {(const char *)data, size};

	limits.parts_max = 50;
	limits.depth_max = 8;
	limits.header_fields_max = 60;
	arena_init(&arena, (size_t)16 * 1024 * 1024);
	if (mime_split(&arena, in, &limits, &tree) == 0) {
		assert(tree.n >= 1 && tree.n <= limits.parts_max);
		for (size_t i = 0; i < tree.n; i++) {
			const struct mime_entity *entity = &tree.entities[i];
			struct str section;
			assert(entity->depth <= limits.depth_max);
			assert(entity->parent < (int)i);
			assert(!entity->body.len || (entity->body.ptr >= in.ptr &&
						     entity->body.ptr + entity->body.len <= in.ptr + in.len));
			if (entity->parent >= 0 && entity->body.len) {
				const struct mime_entity *parent = &tree.entities[entity->parent];
				assert(entity->body.ptr >= parent->body.ptr);
				assert(entity->body.ptr + entity->body.len <=
				       parent->body.ptr + parent->body.len);
			}
			assert(mime_section(&arena, &tree, i, &section) == 0 && section.len);
		}
	}
	arena_done(&arena);
	return 0;
}
