/*
 * One forward-path: the directory says whose mailbox it is, the key ring what a token is worth, and what is kept of
 * that is copied into the delivery's arena, because a reload may free what the directory's views point into. The
 * tenant itself lives by the delivery's reference to its view of all tenants.
 *
 * Always true: what a token says is known only from its signature, and a text that has none is answered as any
 * mailbox that does not exist. The canonical mailbox of a token is what it says, not how it was written: two
 * tokens of two keys, or one and its case-folded form, are one recipient, and differ from any other.
 */
#include "ingest/rcpt.h"

#include <errno.h>
#include <stdio.h>

#include "ingest/route.h"

static int lower_case(struct arena *arena, struct str local, struct str *ret)
{
	char *copy = arena_alloc(arena, local.len + 1);
	if (!copy)
		return -ENOBUFS;
	for (size_t i = 0; i < local.len; i++)
		copy[i] = ascii_lower(local.ptr[i]);
	copy[local.len] = 0;
	*ret = (struct str){copy, local.len};
	return 0;
}

static int canonical_of(struct arena *arena, const struct mailaddr *forward_path,
			const struct ingest_recipient *wanted, struct str *ret)
{
	switch (wanted->mailbox.role) {
	case MAILBOX_REPLY:
		return arena_printf(arena, ret, "reply+%.*s.%lld.%lld", STR_ARG(wanted->mailbox.tenant->slug),
				    (long long)wanted->ticket_number, (long long)wanted->participant);
	case MAILBOX_BOUNCE:
		return arena_printf(arena, ret, "bounce+%lld", (long long)wanted->job.v);
	default:
		return lower_case(arena, forward_path->local, ret);
	}
}

static bool already_there(const struct delivery *delivery, struct str canonical)
{
	LIST_FOREACH(node, &delivery->envelope.recipients) {
		const struct ingest_recipient *other =
			CONTAINER_OF(node, struct ingest_recipient, recipient.link);
		if (str_eq(other->canonical, canonical))
			return true;
	}
	return false;
}

/* The same mailbox twice is one recipient. Views are copied: a reload may free what they point into. */
static int add_recipient(struct delivery *delivery, const struct mailaddr *forward_path,
			 const struct ingest_recipient *wanted)
{
	struct arena *arena = &delivery->arena;
	const struct tenant_mailbox *mailbox = &wanted->mailbox;
	struct str canonical;
	if (canonical_of(arena, forward_path, wanted, &canonical) < 0)
		return -ENOBUFS;
	if (already_there(delivery, canonical))
		return 0;
	struct ingest_recipient *recipient = arena_zalloc(arena, sizeof(*recipient));
	if (!recipient)
		return -ENOBUFS;
	*recipient = *wanted;
	recipient->canonical = canonical;
	if (arena_copy(arena, forward_path->local, &recipient->recipient.forward_path.local) < 0 ||
	    arena_copy(arena, forward_path->domain, &recipient->recipient.forward_path.domain) < 0 ||
	    arena_copy(arena, mailbox->detail, &recipient->mailbox.detail) < 0 ||
	    arena_copy(arena, mailbox->name, &recipient->mailbox.name) < 0 ||
	    arena_copy(arena, mailbox->forward_to, &recipient->mailbox.forward_to) < 0)
		return -ENOBUFS;
	list_push_back(&delivery->envelope.recipients, &recipient->recipient.link);
	delivery->envelope.recipients_n++;
	return 0;
}

static enum rcpt_status keep(struct delivery *delivery, const struct mailaddr *forward_path,
			     const struct ingest_recipient *wanted)
{
	return add_recipient(delivery, forward_path, wanted) < 0 ? RCPT_TOO_MANY : RCPT_ACCEPTED;
}

/* ---- reply+TOKEN */

enum rcpt_status rcpt_token(struct delivery *delivery, const struct mailaddr *forward_path,
			    const struct reply_token *token)
{
	const struct tenant *tenant = tenants_find(delivery->tenants, str_from(token->slug));
	if (!tenant)
		return RCPT_UNKNOWN;
	if (tenant->suspended)
		return RCPT_SUSPENDED;
	const struct ingest_recipient wanted = {
		.mailbox = {.role = MAILBOX_REPLY, .tenant = tenant, .name = STR("reply")},
		.ticket_number = token->ticket,
		.participant = token->participant,
	};
	return keep(delivery, forward_path, &wanted);
}

static bool has_capitals(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] >= 'A' && text.ptr[i] <= 'Z')
			return true;
	return false;
}

static enum rcpt_status check_reply(const struct key_ring *keys, struct delivery *delivery,
				    const struct mailaddr *forward_path, struct str text,
				    char ret_folded[REPLY_TOKEN_MAX + 1])
{
	struct reply_token token;
	if (reply_token_check(keys, text, &token) == 0)
		return rcpt_token(delivery, forward_path, &token);
	if (!has_capitals(text) && reply_token_fold(text, ret_folded) == 0)
		return RCPT_LATER;
	return RCPT_UNKNOWN;
}

/* ---- bounce+TOKEN: reports come from the null reverse-path (RFC 5321 4.5.5) */

static enum rcpt_status check_bounce(const struct key_ring *keys, struct delivery *delivery,
				     const struct mailaddr *forward_path, struct str text)
{
	struct ingest_recipient wanted = {.mailbox = {.role = MAILBOX_BOUNCE, .name = STR("bounce")}};
	if (!mailaddr_is_null(&delivery->envelope.reverse_path) ||
	    bounce_token_check(keys, text, &wanted.job) < 0)
		return RCPT_UNKNOWN;
	return keep(delivery, forward_path, &wanted);
}

static void hint_near(const struct directory *directory, const struct tenant *near, struct rcpt_answer *ret)
{
	if (near)
		snprintf(ret->hint, sizeof(ret->hint), "did you mean <%.*s@%.40s>?", STR_ARG(near->slug),
			 directory->mail->domain);
}

enum rcpt_status rcpt_check(const struct directory *directory, const struct key_ring *keys,
			    struct delivery *delivery, const struct mailaddr *forward_path,
			    struct rcpt_answer *ret, char ret_folded[REPLY_TOKEN_MAX + 1])
{
	struct ingest_recipient wanted = {.participant = 0};
	const struct tenant *near = NULL;
	ret->hint[0] = 0;
	switch (directory_lookup(directory, delivery->tenants, forward_path, &wanted.mailbox, &near)) {
	case DIRECTORY_FOREIGN:
		return RCPT_FOREIGN;
	case DIRECTORY_SUSPENDED:
		return RCPT_SUSPENDED;
	case DIRECTORY_UNKNOWN:
		hint_near(directory, near, ret);
		return RCPT_UNKNOWN;
	case DIRECTORY_FOUND:
		break;
	}
	if (wanted.mailbox.role == MAILBOX_REPLY)
		return check_reply(keys, delivery, forward_path, wanted.mailbox.detail, ret_folded);
	if (wanted.mailbox.role == MAILBOX_BOUNCE)
		return check_bounce(keys, delivery, forward_path, wanted.mailbox.detail);
	return keep(delivery, forward_path, &wanted);
}
