/*
 * html_to_text held against another parser (gumbo, a tree builder after the standard): the same characters in the
 * same order on every HTML file of the shared corpora, and not much that the other does not know (addresses of
 * links, alternative texts, list markers). Skips where the corpora are absent.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <gumbo.h>

#include "base/alloc.h"
#include "base/mailaddr.h"
#include "ingest/html_text.h"
#include "ingest/text_fold.h"

#define FILE_MAX ((size_t)4 * 1024 * 1024)

struct oracle {
	struct strbuf text;
	size_t extra_max; /* octets that html_to_text may add: markers, addresses, alternative texts */
};

/* Blanks and what has no width do not count, nor do the signs that quotes, lists and rules are drawn with. */
static bool counts(uint32_t c)
{
	return !char_blank(c) && !char_zero_width(c) && c >= 0x20 && !(c >= 0x7f && c < 0xa0) && c != '>' &&
	       c != '-';
}

static bool hidden_style(const GumboElement *element)
{
	const GumboAttribute *style = gumbo_get_attribute(&element->attributes, "style");
	char plain[512];
	size_t len = 0;
	if (gumbo_get_attribute(&element->attributes, "hidden"))
		return true;
	for (const char *p = style ? style->value : ""; *p && len + 1 < sizeof(plain); p++)
		if ((unsigned char)*p > ' ')
			plain[len++] = ascii_lower(*p);
	plain[len] = 0;
	return strstr(plain, "display:none") || strstr(plain, "mso-hide:all") ||
	       strstr(plain, "visibility:hidden") || strstr(plain, "font-size:0;") ||
	       strstr(plain, "font-size:0px");
}

static bool unseen(GumboTag tag)
{
	return tag == GUMBO_TAG_SCRIPT || tag == GUMBO_TAG_STYLE || tag == GUMBO_TAG_TITLE ||
	       tag == GUMBO_TAG_TEMPLATE || tag == GUMBO_TAG_IFRAME || tag == GUMBO_TAG_NOFRAMES ||
	       tag == GUMBO_TAG_NOEMBED;
}

static void note_extra(struct oracle *oracle, const GumboElement *element)
{
	const GumboAttribute *href = gumbo_get_attribute(&element->attributes, "href");
	const GumboAttribute *alt = gumbo_get_attribute(&element->attributes, "alt");
	oracle->extra_max += (href ? strlen(href->value) * 2 + 4 : 0) + (alt ? strlen(alt->value) : 0);
	if (element->tag == GUMBO_TAG_LI || element->tag == GUMBO_TAG_Q)
		oracle->extra_max += 10;
}

/* The tree without recursion: gumbo's nodes know their parent and their place. */
static void walk(struct oracle *oracle, const GumboNode *root)
{
	const GumboNode *node = root;
	while (node) {
		const GumboVector *children = NULL;
		if (node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_CDATA) {
			strbuf_adds(&oracle->text, node->v.text.text);
		} else if (node->type == GUMBO_NODE_ELEMENT) {
			note_extra(oracle, &node->v.element);
			if (!unseen(node->v.element.tag) && !hidden_style(&node->v.element))
				children = &node->v.element.children;
		} else if (node->type == GUMBO_NODE_DOCUMENT) {
			children = &node->v.document.children;
		}
		if (children && children->length) {
			node = children->data[0];
			continue;
		}
		while (node != root) {
			const GumboNode *parent = node->parent;
			const GumboVector *siblings = parent->type == GUMBO_NODE_DOCUMENT
							      ? &parent->v.document.children
							      : &parent->v.element.children;
			size_t next = node->index_within_parent + 1;
			node = parent;
			if (next < siblings->length) {
				node = siblings->data[next];
				break;
			}
		}
		if (node == root)
			break;
	}
}

static void compare(const char *path, struct str html)
{
	struct oracle oracle = {.extra_max = 64};
	struct strbuf out;
	strbuf_init(&oracle.text, FILE_MAX * 2);
	strbuf_init(&out, FILE_MAX * 2);
	GumboOutput *tree = gumbo_parse_with_options(&kGumboDefaultOptions, html.ptr, html.len);
	walk(&oracle, tree->document);
	gumbo_destroy_output(&kGumboDefaultOptions, tree);
	assert_int_equal(html_to_text(html, &out, NULL), 0);
	struct str want = strbuf_str(&oracle.text), got = strbuf_str(&out);
	size_t extra = 0, at = 0;
	for (size_t pos = 0; pos < want.len;) {
		size_t before = pos;
		uint32_t c = utf8_next(want, &pos), found = 0;
		if (!counts(c))
			continue;
		while (at < got.len && (found = utf8_next(got, &at)) != c)
			extra += counts(found);
		if (found != c)
			fail_msg("%s: missing from \"%.*s\"", path,
				 (int)(want.len - before < 60 ? want.len - before : 60), want.ptr + before);
	}
	if (extra > oracle.extra_max)
		fail_msg("%s: %zu characters too many (%zu may be)", path, extra, oracle.extra_max);
	strbuf_done(&oracle.text);
	strbuf_done(&out);
}

/* The file as valid UTF-8. */
static struct str read_file(const char *path, char *raw, char *text)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	struct str in = {raw, fread(raw, 1, FILE_MAX, file)};
	fclose(file);
	size_t len = 0;
	for (size_t pos = 0; pos < in.len;) {
		uint32_t c = utf8_next(in, &pos);
		if (c)
			len += utf8_put(c, text + len);
	}
	return (struct str){text, len};
}

static void same_words_as_gumbo(void **state UNUSED)
{
	const char *corpora = getenv("SERVELO_CORPORA");
	char *folder = corpora ? xasprintf("%s/mimekit-html/html", corpora)
			       : xstrdup(SERVELO_SOURCE_DIR "/../shared/corpora/mimekit-html/html");
	DIR *dir = opendir(folder);
	if (!dir) {
		print_message("skipped: no %s\n", folder);
		free(folder);
		skip();
	}
	char *raw = xmalloc(FILE_MAX), *text = xmalloc(FILE_MAX * 3);
	unsigned files = 0;
	for (struct dirent *entry; (entry = readdir(dir));) {
		const char *dot = strrchr(entry->d_name, '.');
		if (!dot || strncmp(dot, ".htm", 4) != 0)
			continue;
		char *path = xasprintf("%s/%s", folder, entry->d_name);
		compare(path, read_file(path, raw, text));
		free(path);
		files++;
	}
	closedir(dir);
	free(raw);
	free(text);
	free(folder);
	assert_true(files > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(same_words_as_gumbo)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
