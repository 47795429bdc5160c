/*
 * See mail_inner.h. Most parts have nothing inside, and that is found out cheaply: by the media type, and for texts by
 * a search for the first lines of blocks. A text in quoted-printable is decoded when there may be one; in base64 nobody
 * sends them.
 */
#include "ingest/mail_inner.h"

#include "ingest/file_blocks.h"
#include "ingest/mail_charset.h"

#define TNEF_SIZE_MAX ((size_t)64 * 1024 * 1024)
#define NAME_SIZE_MAX 1024

static bool is_tnef(const struct mime_entity *entity)
{
	char beginning[MAIL_DECODER_MIN];
	struct mail_decoder decoder;

	if (str_eq(entity->media_type, STR("application/ms-tnef")) ||
	    str_eq(entity->media_type, STR("application/vnd.ms-tnef")))
		return true;
	if (!str_eq(entity->media_type, STR("application/octet-stream")))
		return false;
	mail_decoder_init(&decoder, entity->encoding, str_sub(entity->body, 0, 4 * sizeof(beginning)));
	size_t n = mail_decoder_next(&decoder, beginning, sizeof(beginning));
	return str_starts((struct str){beginning, n}, STR("\x78\x9f\x3e\x22"));
}

static void read_tnef(struct arena *arena, const struct mime_entity *entity, struct mail_inner *inner)
{
	struct str octets = entity->body;

	if (entity->encoding != MAIL_ENCODING_IDENTITY) {
		inner->cut = !mail_decode(entity->encoding, entity->body, &inner->octets);
		octets = strbuf_str(&inner->octets);
	}
	if (tnef_read(arena, octets, &inner->tnef) < 0)
		return;
	inner->is_tnef = true;
	inner->cut = inner->cut || inner->tnef.n == TNEF_FILES_MAX;
	size_t n = inner->tnef.n;
	inner->files = n ? arena_zalloc(arena, n * sizeof(*inner->files)) : NULL;
	inner->cut = inner->cut || (n && !inner->files);
	for (size_t i = 0; inner->files && i < n; i++) {
		const struct tnef_file *file = &inner->tnef.files[i];
		inner->files[inner->n++] = (struct inner_file){file->name, file->media_type, file->content_id,
							       MAIL_ENCODING_IDENTITY, file->octets};
	}
}

static struct str block_name(struct arena *arena, struct str octets)
{
	struct strbuf name;
	struct str copy = STR("");

	strbuf_init(&name, 3 * NAME_SIZE_MAX);
	mail_charset_to_utf8(STR(""), STR(""), str_sub(octets, 0, NAME_SIZE_MAX), &name);
	utf8_one_line(&name);
	if (arena_copy(arena, strbuf_str(&name), &copy) < 0)
		copy = STR("");
	strbuf_done(&name);
	return copy;
}

static void read_blocks(struct arena *arena, const struct mime_entity *entity, struct mail_inner *inner)
{
	struct file_blocks blocks;
	struct file_block block;
	struct str text = entity->body;

	if (!file_blocks_maybe(text))
		return;
	if (entity->encoding != MAIL_ENCODING_IDENTITY) {
		inner->cut = !mail_decode(entity->encoding, entity->body, &inner->octets);
		text = strbuf_str(&inner->octets);
	}
	file_blocks_init(&blocks, text);
	while (file_blocks_next(&blocks, &block)) {
		if (!inner->files)
			inner->files = arena_zalloc(arena, INNER_FILES_MAX * sizeof(*inner->files));
		if (!inner->files || inner->n == INNER_FILES_MAX) {
			inner->cut = true;
			break;
		}
		inner->files[inner->n++] = (struct inner_file){block_name(arena, block.name), STR(""),
							       STR(""), block.encoding, block.raw};
	}
}

void mail_inner_read(struct arena *arena, const struct mime_entity *entity, struct mail_inner *inner)
{
	*inner = (struct mail_inner){.files = NULL};
	strbuf_init(&inner->octets, TNEF_SIZE_MAX);
	if (entity->multipart)
		return;
	if (is_tnef(entity))
		read_tnef(arena, entity, inner);
	else if (mail_inner_is_searched(entity))
		read_blocks(arena, entity, inner);
}

void mail_inner_done(struct mail_inner *inner)
{
	strbuf_done(&inner->octets);
}
