/*
 * Any octets as a forwarded mail (parted by "%%" lines: subject, text, attached mail): what is told is clean and bounded.
 */
#include <stdlib.h>

#include "base/mailaddr.h"
#include "base/strbuf.h"
#include "ingest/forwarded.h"
#include "ingest/mail_charset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static struct str next_part(struct str *rest)
{
	const char *end = memmem(rest->ptr, rest->len, "\n%%\n", 4);
	size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
	struct str part = str_sub(*rest, 0, len);
	*rest = str_sub(*rest, len + 4, rest->len);
	return part;
}

static void check_line(struct str s, size_t size_max)
{
	must(s.ptr && s.len <= size_max && utf8_valid(s));
	for (size_t i = 0; i < s.len; i++)
		must((unsigned char)s.ptr[i] >= ' ' || s.ptr[i] == '\t');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	struct strbuf subject, text;
	struct arena arena;
	struct forwarded got;
	strbuf_init(&subject, size * 3 + 16);
	strbuf_init(&text, size * 3 + 16);
	mail_charset_to_utf8(STR("utf-8"), STR(""), next_part(&rest), &subject);
	mail_charset_to_utf8(STR("utf-8"), STR(""), next_part(&rest), &text);
	utf8_clean_text(&text);
	struct forwarded_facts facts = {.subject = strbuf_str(&subject),
					.text = strbuf_str(&text),
					.block = size & 2,
					.attached = rest,
					.attached_is_all = size & 1};
	arena_init(&arena, 1 << 16);
	must(forwarded_read(&arena, &facts, &mail_limits_default, &got) == 0);
	check_line(got.author.name, FORWARDED_NAME_MAX);
	check_line(got.author.address, 1000);
	check_line(got.subject, FORWARDED_SUBJECT_MAX);
	must(!got.author.address.len || str_find(got.author.address, '@') < got.author.address.len);
	arena_done(&arena);
	strbuf_done(&text);
	strbuf_done(&subject);
	return 0;
}
