/*
 * A mail of our own out of hostile values: the first octet chooses the kind, the rest is put, in turn, into every
 * value that somebody else may choose. What comes out has exactly the fields that it should have, in 7 bits, with CR LF only, and
 * its boundaries as often as they were written.
 */
#include <stdlib.h>

#include "tests/lib/sample_mail.h"

#define SIZE_MAX_FUZZ \
	1500 /* more than a line may have; it stands in a mail many times, so more would only be slow */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_lines(struct str mail)
{
	size_t column = 0;
	for (size_t i = 0; i < mail.len; i++, column++) {
		unsigned char c = (unsigned char)mail.ptr[i];
		must(c < 0x80 && c != 0);
		must(c != '\r' || (i + 1 < mail.len && mail.ptr[i + 1] == '\n'));
		must(c != '\n' || (i > 0 && mail.ptr[i - 1] == '\r'));
		column = c == '\n' ? 0 : column;
		must(column < 998);
	}
}

static size_t count_fields(struct str mail)
{
	size_t n = 0;
	while (mail.len && !str_starts(mail, STR("\r\n"))) {
		struct str line = str_sub(mail, 0, str_find(mail, '\n') + 1);
		n += line.ptr[0] != ' ';
		must(line.ptr[0] == ' ' || str_find(line, ':') < line.len);
		mail = str_sub(mail, line.len, mail.len);
	}
	return n;
}

static size_t count_boundaries(struct str mail)
{
	const char *line = mail.ptr, *end = mail.ptr + mail.len;
	size_t n = 0;
	while ((line = memchr(line, '\n', (size_t)(end - line)))) {
		line++;
		n += end - line >= 4 && line[0] == '-' && line[1] == '-' && line[2] == '=' && line[3] == '_';
	}
	return n;
}

static void check(struct sample *sample)
{
	enum outbox_kind kind = sample->outgoing.job.kind;
	struct composed composed;
	const char *why;
	if (compose(&sample->composer, NULL, &sample->outgoing, &composed, &why) < 0)
		abort();
	struct str mail = strbuf_str(&composed.head);
	check_lines(mail);
	must(count_fields(mail) == (kind == OUTBOX_FORWARDING ? 10 : 13));
	must(count_boundaries(mail) == (kind == OUTBOX_ANSWER ? 7 : 3));
	composed_done(&composed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sample sample;
	static const char *const locales[] = {"en", "de", "fr", "es", "zh"};
	if (!sample.keys)
		sample_init(&sample, "");
	if (size == 0 || size > SIZE_MAX_FUZZ)
		return 0;
	struct outgoing *out = &sample.outgoing;
	struct str value = {(const char *)data + 1, size - 1};
	sample_job(&sample, (enum outbox_kind)(1 + data[0] % OUTBOX_FORWARDING), locales[data[0] / 16 % 5]);
	out->job.recipient = STR("somebody@example.com");
	struct str *const values[] = {&out->tenant.name,
				      &out->tenant.signature,
				      &out->tenant.logo_url,
				      &out->ticket.subject,
				      &out->ticket.addressed_to,
				      &out->requester_name,
				      &out->requester_address,
				      &out->comment.text,
				      &out->comment.note,
				      &out->comment.author_address,
				      &out->comment_author_name,
				      &out->job.mailbox,
				      &out->job.text,
				      &sample.thread[1],
				      &sample.attachments[0].filename,
				      &sample.attachments[0].media_type,
				      &sample.attachments[2].left_out};
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		*values[i] = value;
	check(&sample);
	return 0;
}
