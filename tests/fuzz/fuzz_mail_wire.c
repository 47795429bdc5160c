/*
 * A child that was taken over may answer anything: whatever decodes must be clean, and must encode and decode
 * again to the same octets (the first two octets choose the limits).
 */
#include <stdlib.h>

#include "base/utf8.h"
#include "ingest/mail_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void check_line(struct str s)
{
	must(s.len == 0 || (utf8_valid(s) && memchr(s.ptr, 0, s.len) == NULL &&
			    memchr(s.ptr, '\n', s.len) == NULL && memchr(s.ptr, '\r', s.len) == NULL));
}

static void check(const struct parsed_mail *mail, const struct mail_limits *limits)
{
	must(mail->text.len <= limits->text_max && mail->reply.len <= limits->text_max);
	must(mail->from.n <= limits->addresses_max && mail->references.n <= limits->references_max);
	must(mail->attachments_n <= limits->attachments_max);
	must(utf8_valid(mail->text) && utf8_valid(mail->reply) && utf8_valid(mail->html_text));
	must(mail->forwarded_text.len <= limits->text_max && utf8_valid(mail->forwarded_text));
	must(mail->forwarding_words.len <= limits->text_max && utf8_valid(mail->forwarding_words));
	check_line(mail->subject);
	check_line(mail->message_id);
	check_line(mail->addressed_to);
	check_line(mail->returned_message_id);
	check_line(mail->returned_reverse_path);
	check_line(mail->forwarded_author.name);
	check_line(mail->forwarded_author.address);
	check_line(mail->forwarded_subject);
	check_line(mail->loop_mark);
	for (size_t i = 0; i < mail->from.n; i++) {
		check_line(mail->from.items[i].name);
		check_line(mail->from.items[i].address);
		must(mail->from.items[i].name.len + mail->from.items[i].address.len > 0);
	}
	for (size_t i = 0; i < mail->attachments_n; i++)
		check_line(mail->attachments[i].filename);
	must(mail->reports_n <= MAIL_REPORTS_MAX);
	for (size_t i = 0; i < mail->reports_n; i++) {
		check_line(mail->reports[i].recipient);
		check_line(mail->reports[i].status);
		check_line(mail->reports[i].reason);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct mail_limits limits = {.header_max = 4096,
				     .text_max = (size_t)data[0] * 16,
				     .addresses_max = data[1] % 16,
				     .attachments_max = data[1] / 16,
				     .references_max = data[1] % 16};
	struct str bytes = {(const char *)data + 2, size - 2};
	struct arena arena;
	struct parsed_mail *mail, *again;
	enum parse_status status, status_again;
	arena_init(&arena, 65536);
	if (mail_wire_decode(&arena, bytes, &limits, &mail, &status) == 0) {
		check(mail, &limits);
		struct strbuf first, second;
		strbuf_init(&first, size * 4 + 4096);
		strbuf_init(&second, size * 4 + 4096);
		must(mail_wire_encode(mail, status, &first) == 0);
		must(mail_wire_decode(&arena, strbuf_str(&first), &limits, &again, &status_again) == 0);
		must(status == status_again);
		must(mail_wire_encode(again, status_again, &second) == 0);
		must(str_eq(strbuf_str(&first), strbuf_str(&second)));
		strbuf_done(&first);
		strbuf_done(&second);
	}
	arena_done(&arena);
	return 0;
}
