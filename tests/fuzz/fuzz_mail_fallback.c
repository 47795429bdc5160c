/*
 * The header section of any octets: never a failure, always clean lines, in the arena that was promised.
 */
#include <stdlib.h>

#include "base/mailaddr.h"
#include "ingest/mail_fallback.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(struct str s)
{
	if (s.len > 1024 || (s.len && !utf8_valid(s)))
		abort();
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mail_limits limits = {.header_max = 8192, .header_fields_max = 100};
	struct arena arena;
	struct parsed_mail *mail;
	arena_init(&arena, MAIL_FALLBACK_SIZE);
	if (mail_fallback(&arena, (struct str){(const char *)data, size}, &limits, &mail) < 0)
		abort();
	check_line(mail->subject);
	check_line(mail->message_id);
	check_line(mail->in_reply_to);
	for (size_t i = 0; i < mail->from.n; i++) {
		check_line(mail->from.items[i].name);
		check_line(mail->from.items[i].address);
		if (memchr(mail->from.items[i].address.ptr, '@', mail->from.items[i].address.len) == NULL)
			abort();
	}
	arena_done(&arena);
	return 0;
}
