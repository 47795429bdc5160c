/*
 * Which ticket a mail answers. The input's lines are a prefix, a subject, In-Reply-To, and References. Whatever they
 * are: the candidates are few, different, views into the mail, and each has its rule; a number that counts by a MAC
 * was put there by us (line "!" followed by digits stands for an id of ours); and references are found by a slower
 * reader too.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ingest/thread.h"
#include "tenant/reply_token.h"

#define DOMAIN  STR("serveloapp.com")
#define IDS_MAX 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct key_ring *keys;
static char own_ids[IDS_MAX][128];

static void must(bool ok)
{
	if (!ok)
		abort();
}

static struct str next_line(struct str *in)
{
	size_t end = str_find(*in, '\n');
	struct str line = str_sub(*in, 0, end);
	*in = str_sub(*in, end + 1, in->len);
	return line;
}

/* "!7" and "!7 other": an id of ours, of this tenant or of another. */
static struct str id_of(struct str line, size_t i)
{
	struct own_message_id id = {.slug = "acme", .nonce = i};
	if (line.len < 2 || line.ptr[0] != '!')
		return line;
	for (size_t at = 1; at < line.len && at < 9 && ascii_digit(line.ptr[at]); at++)
		id.ticket = id.ticket * 10 + (line.ptr[at] - '0');
	if (line.ptr[line.len - 1] == 'r')
		memcpy(id.slug, "other", sizeof("other"));
	must(own_message_id_mint(keys, &id, DOMAIN, own_ids[i], sizeof(own_ids[i])) == 0);
	return str_from(own_ids[i]);
}

static bool is_from_mail(const struct parsed_mail *mail, struct str id)
{
	bool found = mail->in_reply_to.ptr == id.ptr && mail->in_reply_to.len == id.len;
	for (size_t i = 0; i < mail->references.n; i++)
		found |= mail->references.items[i].ptr == id.ptr && mail->references.items[i].len == id.len;
	return found;
}

static bool was_issued(const struct parsed_mail *mail, int64_t number)
{
	struct own_message_id id;
	bool found = own_message_id_check(keys, mail->in_reply_to, DOMAIN, &id) == 0 && id.ticket == number &&
		     strcmp(id.slug, "acme") == 0;
	for (size_t i = 0; i < mail->references.n; i++)
		found |= own_message_id_check(keys, mail->references.items[i], DOMAIN, &id) == 0 &&
			 id.ticket == number && strcmp(id.slug, "acme") == 0;
	return found;
}

/* "PREFIX-" in any case, zeros, and the number stand somewhere in the subject. */
static bool stands_in(struct str subject, struct str prefix, int64_t number)
{
	char digits[32];
	snprintf(digits, sizeof(digits), "%lld", (long long)number);
	for (size_t at = 0; at < subject.len; at++) {
		struct str rest = str_sub(subject, at, subject.len);
		if (!str_istarts(rest, prefix) || !str_starts(str_sub(rest, prefix.len, rest.len), STR("-")))
			continue;
		rest = str_sub(rest, prefix.len + 1, rest.len);
		while (str_starts(rest, STR("0")))
			rest = str_sub(rest, 1, rest.len);
		if (str_starts(rest, str_from(digits)))
			return true;
	}
	return false;
}

static void check_candidate(const struct parsed_mail *mail, const struct tenant *tenant,
			    const struct thread_candidate *candidate)
{
	if (candidate->ticket_number == 0) {
		must(strcmp(candidate->rule, "message-id") == 0 && candidate->header_message_id.len > 0);
		must(is_from_mail(mail, candidate->header_message_id));
		return;
	}
	must(candidate->ticket_number > 0 && candidate->header_message_id.len == 0);
	if (strcmp(candidate->rule, "own-message-id") == 0)
		must(was_issued(mail, candidate->ticket_number));
	else
		must(strcmp(candidate->rule, "subject") == 0 && tenant->reference_prefix.len > 0 &&
		     stands_in(mail->subject, tenant->reference_prefix, candidate->ticket_number));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size}, references[IDS_MAX - 1];
	struct thread_candidates found;
	if (!keys)
		must(key_ring_new(&keys, &STR("0123456789abcdef0123456789abcdef"), 1) == 0);
	const struct tenant tenant = {.slug = STR("acme"), .reference_prefix = next_line(&in)};
	struct parsed_mail mail = {.subject = next_line(&in)};
	mail.in_reply_to = id_of(next_line(&in), 0);
	size_t n = 0;
	while (in.len && n < ARRAY_SIZE(references)) {
		references[n] = id_of(next_line(&in), n + 1);
		n++;
	}
	mail.references = (struct mail_strs){references, n};
	thread_candidates(&mail, &tenant, keys, DOMAIN, &found);
	must(found.n <= THREAD_CANDIDATES_MAX);
	for (size_t i = 0; i < found.n; i++) {
		check_candidate(&mail, &tenant, &found.items[i]);
		for (size_t other = 0; other < i; other++)
			must(found.items[i].ticket_number != found.items[other].ticket_number ||
			     !str_eq(found.items[i].header_message_id, found.items[other].header_message_id));
	}
	return 0;
}
