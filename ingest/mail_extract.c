/* See mail_extract.h. The same structure as when the mail was listed, asked for one path. */
#include "ingest/mail_extract.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "ingest/mail_inner.h"
#include "ingest/mime_split.h"

#define SCRATCH_MAX ((size_t)64 * 1024 * 1024)

static int stream(enum mail_encoding encoding, struct str raw, extract_fn *fn, void *ctx)
{
	struct mail_decoder decoder;
	char *piece = xmalloc(EXTRACT_PIECE_SIZE);
	int r = 0;
	size_t n;

	mail_decoder_init(&decoder, encoding, raw);
	while (r == 0 && (n = mail_decoder_next(&decoder, piece, EXTRACT_PIECE_SIZE)) > 0)
		r = fn(ctx, (struct str){piece, n});
	free(piece);
	return r;
}

/* The entity of a section number; tree->n: none. */
static size_t find_section(struct arena *arena, const struct mime_tree *tree, struct str section)
{
	for (size_t i = 0; i < tree->n; i++) {
		struct str here;
		if (!tree->entities[i].multipart && mime_section(arena, tree, i, &here) == 0 &&
		    str_eq(here, section))
			return i;
	}
	return tree->n;
}

/* "12" -> 12; 0: it is no number. */
static size_t file_number(struct str text)
{
	size_t value = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (!ascii_digit(text.ptr[i]) || value > INNER_FILES_MAX)
			return 0;
		value = value * 10 + (size_t)(text.ptr[i] - '0');
	}
	return value;
}

static int stream_inner(struct arena *arena, const struct mime_entity *entity, size_t number, extract_fn *fn,
			void *ctx)
{
	struct mail_inner inner;
	int r = -ENOENT;

	mail_inner_read(arena, entity, &inner);
	if (number > 0 && number <= inner.n) {
		const struct inner_file *file = &inner.files[number - 1];
		r = stream(file->encoding, file->raw, fn, ctx);
	}
	mail_inner_done(&inner);
	return r;
}

int mail_extract(struct str mail_data, const struct mail_limits *limits, struct str part, extract_fn *fn,
		 void *ctx)
{
	struct arena arena;
	struct mime_tree tree;
	size_t slash = str_find(part, '/');

	arena_init(&arena, SCRATCH_MAX);
	int r = mime_split(&arena, mail_data, limits, &tree);
	if (r < 0)
		goto out;
	size_t i = find_section(&arena, &tree, str_sub(part, 0, slash));
	if (i == tree.n)
		r = -ENOENT;
	else if (slash < part.len)
		r = stream_inner(&arena, &tree.entities[i], file_number(str_sub(part, slash + 1, part.len)),
				 fn, ctx);
	else
		r = stream(tree.entities[i].encoding, tree.entities[i].body, fn, ctx);
out:
	arena_done(&arena);
	return r;
}
