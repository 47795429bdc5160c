/*
 * One forward-path: the directory says whose mailbox it is, and what is kept of that is copied into the
 * delivery's arena, because a reload may free what the directory's views point into. The tenant itself lives
 * by the delivery's reference to its view of all tenants.
 */
#include "ingest/rcpt.h"

#include <errno.h>
#include <stdio.h>

#include "ingest/route.h"

#define TOKEN_MIN 16 /* octets of a reply or bounce token that could be one of ours */

/* Could the detail of reply+ and bounce+ be a token? Others are refused like any unknown mailbox. */
static bool token_shaped(struct str detail)
{
	if (detail.len < TOKEN_MIN)
		return false;
	for (size_t i = 0; i < detail.len; i++) {
		char c = detail.ptr[i];
		if (!ascii_alpha(c) && !ascii_digit(c) && c != '-' && c != '_')
			return false;
	}
	return true;
}

static enum rcpt_status token_status(const struct delivery *delivery, const struct tenant_mailbox *mailbox)
{
	if (!token_shaped(mailbox->detail))
		return RCPT_UNKNOWN;
	if (mailbox->role == MAILBOX_BOUNCE && !mailaddr_is_null(&delivery->envelope.reverse_path))
		return RCPT_UNKNOWN;
	return RCPT_NOT_YET;
}

static int canonical_of(struct arena *arena, struct str local, struct str *ret)
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
			 const struct tenant_mailbox *mailbox)
{
	struct arena *arena = &delivery->arena;
	struct str canonical;
	if (canonical_of(arena, forward_path->local, &canonical) < 0)
		return -ENOBUFS;
	if (already_there(delivery, canonical))
		return 0;
	struct ingest_recipient *recipient = arena_zalloc(arena, sizeof(*recipient));
	if (!recipient)
		return -ENOBUFS;
	recipient->canonical = canonical;
	recipient->mailbox = *mailbox;
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

static void hint_near(const struct directory *directory, const struct tenant *near, struct rcpt_answer *ret)
{
	if (near)
		snprintf(ret->hint, sizeof(ret->hint), "did you mean <%.*s@%.40s>?", STR_ARG(near->slug),
			 directory->mail->domain);
}

enum rcpt_status rcpt_check(const struct directory *directory, struct delivery *delivery,
			    const struct mailaddr *forward_path, struct rcpt_answer *ret)
{
	struct tenant_mailbox mailbox = {0};
	const struct tenant *near = NULL;
	ret->hint[0] = 0;
	switch (directory_lookup(directory, delivery->tenants, forward_path, &mailbox, &near)) {
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
	if (mailbox.role == MAILBOX_REPLY || mailbox.role == MAILBOX_BOUNCE)
		return token_status(delivery, &mailbox);
	return add_recipient(delivery, forward_path, &mailbox) < 0 ? RCPT_TOO_MANY : RCPT_ACCEPTED;
}
