/*
 * See thread.h. Three passes, in the order of belief: the mail's ids that are ours, its other ids, the references in its
 * subject (those in brackets first: that is how we write them). Each goes through add(), which knows what is there
 * already and when it is full. Ids leave room for the subject, so that nobody's long References push it out.
 *
 * Everything is linear in the mail, and the lists in it are bounded by mail_limits. Pure; any thread.
 */
#include "ingest/thread.h"

#include "ingest/text_fold.h"
#include "tenant/reply_token.h"

#define SUBJECT_CANDIDATES_MAX 4
#define ID_CANDIDATES_MAX      (THREAD_CANDIDATES_MAX - SUBJECT_CANDIDATES_MAX)
#define ID_OCTETS_MAX          998 /* RFC 5322 2.1.1: more is on no line */
#define NUMBER_DIGITS_MAX      18

struct finder {
	const struct parsed_mail *mail;
	const struct tenant *tenant;
	const struct key_ring *keys;
	struct str domain;
	struct thread_candidates *found;
};

static void add(struct finder *finder, const struct thread_candidate *candidate, size_t n_max)
{
	struct thread_candidates *found = finder->found;
	if (found->n >= n_max)
		return;
	for (size_t i = 0; i < found->n; i++) {
		if (found->items[i].ticket_number == candidate->ticket_number &&
		    str_eq(found->items[i].header_message_id, candidate->header_message_id))
			return;
	}
	found->items[found->n++] = *candidate;
}

/* ---- Message-IDs ---- */

/* A valid MAC: *ret_number is the tenant's ticket; 0: another tenant's, or of no ticket. */
static bool is_own_id(const struct finder *finder, struct str id, int64_t *ret_number)
{
	struct own_message_id own;
	if (own_message_id_check(finder->keys, id, finder->domain, &own) < 0)
		return false;
	*ret_number = str_ieq(str_from(own.slug), finder->tenant->slug) ? own.ticket : 0;
	return true;
}

static void look_at_id(struct finder *finder, struct str id, bool want_own)
{
	int64_t number = 0;
	if (id.len == 0 || id.len > ID_OCTETS_MAX)
		return;
	bool own = is_own_id(finder, id, &number);
	if (own && want_own && number > 0) {
		add(finder, &(struct thread_candidate){number, STR(""), "own-message-id"}, ID_CANDIDATES_MAX);
	} else if (!own && !want_own) {
		add(finder, &(struct thread_candidate){0, id, "message-id"}, ID_CANDIDATES_MAX);
	}
}

/* What it answers, then its ancestors from the nearest on. */
static void look_at_ids(struct finder *finder, bool want_own)
{
	const struct mail_strs *references = &finder->mail->references;
	look_at_id(finder, finder->mail->in_reply_to, want_own);
	for (size_t i = references->n; i > 0; i--)
		look_at_id(finder, references->items[i - 1], want_own);
}

/* ---- references in the subject ---- */

/* A letter or digit of a script that puts blanks between words. Chinese, Japanese and Thai do not: what stands beside a
 * reference there is a word of its own. */
static bool continues_word(uint32_t c)
{
	return c < 0x80 ? ascii_alpha((char)c) || ascii_digit((char)c) || c == '_' || c == '-'
			: c < 0x0e00 && c >= 0xc0 && char_word(c);
}

static bool word_before(struct str subject, size_t at)
{
	if (at == 0)
		return false;
	size_t start = at - 1;
	while (start > 0 && at - start < 4 && ((uint8_t)subject.ptr[start] & 0xc0) == 0x80)
		start--;
	return continues_word(utf8_next(subject, &start));
}

/* "ACME-42-7" and "ACME-42.7" are something else; "ACME-42." and "ACME-42 - hello" are not. */
static bool word_after(struct str subject, size_t at)
{
	if (at == subject.len)
		return false;
	char c = subject.ptr[at];
	if (c == '.' || c == '-')
		return at + 1 < subject.len &&
		       (ascii_digit(subject.ptr[at + 1]) || (c == '-' && ascii_alpha(subject.ptr[at + 1])));
	return continues_word(utf8_next(subject, &at));
}

/* The digits at *at, which moves behind them; 0 when that is no number of a ticket. */
static int64_t take_number(struct str subject, size_t *at)
{
	int64_t number = 0;
	size_t digits = 0;
	for (; *at < subject.len && ascii_digit(subject.ptr[*at]); ++*at, digits++) {
		if (digits < NUMBER_DIGITS_MAX)
			number = number * 10 + (subject.ptr[*at] - '0');
	}
	return digits <= NUMBER_DIGITS_MAX ? number : 0;
}

/* The number of the reference at `at`, or 0. */
static int64_t reference_at(struct str subject, size_t at, struct str prefix, bool in_brackets)
{
	size_t end = at + prefix.len + 1;
	if (!str_istarts(str_sub(subject, at, subject.len), prefix) || end > subject.len ||
	    subject.ptr[end - 1] != '-' || word_before(subject, at))
		return 0;
	int64_t number = take_number(subject, &end);
	bool opened = at > 0 && subject.ptr[at - 1] == '[';
	bool closed = end < subject.len && subject.ptr[end] == ']';
	return (opened && closed) == in_brackets && !word_after(subject, end) ? number : 0;
}

static void look_at_subject(struct finder *finder, bool in_brackets)
{
	struct str subject = finder->mail->subject, prefix = finder->tenant->reference_prefix;
	for (size_t at = 0; prefix.len && at < subject.len; at++) {
		int64_t number = reference_at(subject, at, prefix, in_brackets);
		if (number > 0)
			add(finder, &(struct thread_candidate){number, STR(""), "subject"},
			    THREAD_CANDIDATES_MAX);
	}
}

void thread_candidates(const struct parsed_mail *mail, const struct tenant *tenant,
		       const struct key_ring *keys, struct str domain, struct thread_candidates *ret)
{
	struct finder finder = {mail, tenant, keys, domain, ret};
	ret->n = 0;
	look_at_ids(&finder, true);
	look_at_ids(&finder, false);
	look_at_subject(&finder, true);
	look_at_subject(&finder, false);
}
