/*
 * A second opinion: on well-formed mails GMime and mime_split find the same leaves, in the same order, with
 * the same media types and the same decoded sizes. Broken mails are left out: there we mean to differ.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <gmime/gmime.h>

#include "base/strbuf.h"
#include "ingest/mime_split.h"

static const char *const names[] = {
	"alternative",
	"alternative-empty-plain",
	"alternative-stub",
	"attachment-names",
	"digest",
	"encoded-words",
	"flowed",
	"html-only-windows-1251",
	"iso-2022-jp",
	"mixed-attachments",
	"mixed-texts-joined",
	"nested-mail",
	"nested-mail-only",
	"plain",
	"related-inline-image",
	"report",
	"signed",
	"winmail",
};

static void read_file(const char *name, struct strbuf *out)
{
	char path[4096], buf[4096];
	size_t n;

	snprintf(path, sizeof(path), SERVELO_SOURCE_DIR "/tests/mail/%s.eml", name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	while ((n = fread(buf, 1, sizeof(buf), file)) > 0)
		strbuf_add(out, (struct str){buf, n});
	fclose(file);
}

static void show_ours(struct str mail, struct strbuf *out)
{
	struct arena arena;
	struct mime_tree tree;

	arena_init(&arena, 10000000);
	assert_int_equal(mime_split(&arena, mail, &mail_limits_default, &tree), 0);
	for (size_t i = 0; i < tree.n; i++) {
		const struct mime_entity *entity = &tree.entities[i];
		if (entity->multipart)
			continue;
		bool nested = str_eq(entity->media_type, STR("message/rfc822"));
		strbuf_printf(out, "%.*s", STR_ARG(entity->media_type));
		if (!nested) /* GMime takes it apart, its octets are not to be had */
			strbuf_printf(out, " %llu",
				      (unsigned long long)mail_decode_size(entity->encoding, entity->body));
		strbuf_addc(out, '\n');
	}
	arena_done(&arena);
}

/* A leaf, or a multipart and what is in it; the mails here are few levels deep. */
static void show_theirs(GMimeObject *object, struct strbuf *out)
{
	if (GMIME_IS_MULTIPART(object)) {
		for (int i = 0; i < g_mime_multipart_get_count((GMimeMultipart *)object); i++)
			show_theirs(g_mime_multipart_get_part((GMimeMultipart *)object, i), out);
		return;
	}
	char *type = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(object));
	strbuf_adds(out, type);
	g_free(type);
	if (GMIME_IS_PART(object)) {
		GMimeStream *null = g_mime_stream_null_new();
		ssize_t n = g_mime_data_wrapper_write_to_stream(g_mime_part_get_content((GMimePart *)object),
								null);
		strbuf_printf(out, " %lld", (long long)n);
		g_object_unref(null);
	}
	strbuf_addc(out, '\n');
}

static void both_find_the_same_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct strbuf mail, ours, theirs;
		strbuf_init(&mail, 1000000);
		strbuf_init(&ours, 1000000);
		strbuf_init(&theirs, 1000000);
		read_file(names[i], &mail);
		show_ours(strbuf_str(&mail), &ours);
		GMimeStream *stream = g_mime_stream_mem_new_with_buffer(mail.ptr, mail.len);
		GMimeParser *parser = g_mime_parser_new_with_stream(stream);
		GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
		assert_non_null(message);
		show_theirs(g_mime_message_get_mime_part(message), &theirs);
		g_object_unref(message);
		g_object_unref(parser);
		g_object_unref(stream);
		if (!str_eq(strbuf_str(&ours), strbuf_str(&theirs)))
			fail_msg("%s\n--- ours\n%s--- theirs\n%s", names[i], ours.ptr, theirs.ptr);
		strbuf_done(&mail);
		strbuf_done(&ours);
		strbuf_done(&theirs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_find_the_same_parts),
	};
	g_mime_init();
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	g_mime_shutdown();
	return r;
}
