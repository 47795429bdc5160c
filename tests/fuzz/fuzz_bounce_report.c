/*
 * Any octets as the parts of a report (parted by "%%" lines: status or feedback, X-Failed-Recipients, text,
 * original): the list is bounded, and what it holds is clean.
 */
#include <stdlib.h>

#include "base/mailaddr.h"
#include "base/strbuf.h"
#include "ingest/bounce_report.h"
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

static void check_line(struct str s)
{
	must(s.ptr && utf8_valid(s));
	for (size_t i = 0; i < s.len; i++)
		must((unsigned char)s.ptr[i] >= ' ' || s.ptr[i] == '\t');
}

static void check(const struct mail_report *reports, size_t n)
{
	must(n >= 1 && n <= MAIL_REPORTS_MAX);
	for (size_t i = 0; i < n; i++) {
		check_line(reports[i].recipient);
		check_line(reports[i].status);
		check_line(reports[i].reason);
		must(!reports[i].recipient.len ||
		     str_find(reports[i].recipient, '@') < reports[i].recipient.len);
		must(reports[i].reason.len <= BOUNCE_REASON_MAX && reports[i].status.len <= 9);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	struct arena arena;
	struct strbuf text;
	const struct mail_report *reports;
	size_t n;
	struct str first = next_part(&rest), failed = next_part(&rest), words = next_part(&rest);
	strbuf_init(&text, size * 3 + 16);
	mail_charset_to_utf8(STR("utf-8"), STR(""), words, &text);
	struct bounce_facts facts = {.status = first,
				     .feedback = first,
				     .failed = failed,
				     .text = strbuf_str(&text),
				     .original = rest};
	arena_init(&arena, 1 << 20);
	must(bounce_report_read(&arena, &facts, &mail_limits_default, &reports, &n) == 0);
	check(reports, n);
	must(feedback_report_read(&arena, &facts, &mail_limits_default, &reports, &n) == 0);
	check(reports, n);
	struct bounce_original original;
	must(bounce_original_read(&arena, &facts, &mail_limits_default, &original) == 0);
	check_line(original.message_id);
	check_line(original.reverse_path);
	must(!original.reverse_path.len || str_find(original.reverse_path, '@') < original.reverse_path.len);
	arena_done(&arena);
	strbuf_done(&text);
	return 0;
}
