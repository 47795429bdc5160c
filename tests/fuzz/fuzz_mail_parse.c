/*
 * The whole way from octets to a parsed mail: every string is valid UTF-8 without NUL, lists keep their
 * limits, a text has a new part.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/mailaddr.h"
#include "ingest/mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct str s)
{
	assert(s.ptr);
	assert(utf8_valid(s));
	assert(!memchr(s.ptr, 0, s.len));
}

static void check_mailboxes(struct mail_mailboxes list, size_t max)
{
	assert(list.n <= max);
	for (size_t i = 0; i < list.n; i++) {
		check(list.items[i].name);
		check(list.items[i].address);
		assert(list.items[i].address.len + list.items[i].name.len);
	}
}

static void check_mail(const struct parsed_mail *mail, const struct mail_limits *limits)
{
	const struct str strs[] = {mail->subject,     mail->message_id,
				   mail->in_reply_to, mail->text,
				   mail->html_text,   mail->reply,
				   mail->class_rule,  mail->addressed_to,
				   mail->defects,     mail->forward_confirmation};

	for (size_t i = 0; i < ARRAY_SIZE(strs); i++)
		check(strs[i]);
	check(mail->returned_message_id);
	check(mail->returned_reverse_path);
	check(mail->forwarded_author.name);
	check(mail->forwarded_author.address);
	check(mail->forwarded_subject);
	check(mail->loop_mark);
	check_mailboxes(mail->from, limits->addresses_max);
	check_mailboxes(mail->sender, limits->addresses_max);
	check_mailboxes(mail->reply_to, limits->addresses_max);
	check_mailboxes(mail->to, limits->addresses_max);
	check_mailboxes(mail->cc, limits->addresses_max);
	assert(mail->references.n <= limits->references_max);
	for (size_t i = 0; i < mail->references.n; i++)
		check(mail->references.items[i]);
	assert(mail->attachments_n <= limits->attachments_max);
	for (size_t i = 0; i < mail->attachments_n; i++) {
		check(mail->attachments[i].filename);
		check(mail->attachments[i].media_type);
		check(mail->attachments[i].content_id);
		check(mail->attachments[i].part);
		assert(mail->attachments[i].filename.len);
	}
	assert(mail->reports_n <= MAIL_REPORTS_MAX);
	for (size_t i = 0; i < mail->reports_n; i++) {
		check(mail->reports[i].recipient);
		check(mail->reports[i].status);
		check(mail->reports[i].reason);
	}
	assert(mail->text.len <= limits->text_max && mail->html_text.len <= limits->text_max);
	assert((mail->text.len > 0) == (mail->reply.len > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mail_limits limits = mail_limits_default;
	struct parsed_mail *mail = NULL;
	struct arena arena;

	limits.parts_max = 40;
	limits.depth_max = 6;
	limits.text_max = 3000;
	limits.addresses_max = 20;
	limits.attachments_max = 10;
	limits.references_max = 5;
	mail_parse_init();
	arena_init(&arena, (size_t)8 * 1024 * 1024);
	(void)mail_parse(&arena, (struct str){(const char *)data, size}, &limits, &mail);
	assert(mail);
	check_mail(mail, &limits);
	arena_done(&arena);
	return 0;
}
