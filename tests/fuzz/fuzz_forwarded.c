/*
 * Any octets as a forwarded mail (parted by "%%" lines: subject, text, attached mail): what is told is clean and bounded,
 * and an author is told by an address that could be one.
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

static void check_address(struct str s)
{
	size_t at = str_find(s, '@');
	struct str domain = str_sub(s, at + 1, s.len);
	check_line(s, 320);
	must(at > 0 && at < s.len && domain.len && str_find(domain, '@') == domain.len);
	must(str_find(domain, '.') < domain.len && str_find(s, ' ') == s.len && str_find(s, ',') == s.len);
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
	if (got.author.address.len)
		check_address(got.author.address);
	check_line(got.subject, FORWARDED_SUBJECT_MAX);
	/* whose mail it is, or nothing at all */
	must(got.author.address.len || (!got.author.name.len && !got.subject.len));
	arena_done(&arena);
	strbuf_done(&text);
	strbuf_done(&subject);
	return 0;
}
