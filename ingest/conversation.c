/*
 * See conversation.h. Always true: a mail of ours goes to an address that the tenant or the ticket's row gives, never
 * to one that only stands in a header section, but for the first mail's author, who became the requester by it; it
 * never goes to the tenant's own mailbox here, where it would make tickets; and a status changes by what was said
 * publicly, by nothing else.
 */
#include "ingest/conversation.h"

#include <errno.h>

#include "storage/pace.h"

static bool is_done(enum ticket_status status)
{
	return status == TICKET_RESOLVED || status == TICKET_CLOSED;
}

/* {slug}@domain, with or without a detail. */
static bool is_own_mailbox(const struct conversation *conversation, struct str address)
{
	struct str slug = conversation->tenant->slug;
	size_t at = str_find(address, '@');
	struct str local = str_sub(address, 0, at);
	return str_ieq(str_sub(address, at + 1, address.len), conversation->maker->domain) &&
	       str_ieq(str_sub(local, 0, str_find(local, '+')), slug);
}

/* What every notice about a ticket says; an address that is none makes no mail. */
static int tell(struct conversation *conversation, struct notice *notice)
{
	if (notice->recipient.len == 0 || is_own_mailbox(conversation, notice->recipient))
		return 0;
	notice->tenant = conversation->tenant->id;
	notice->slug = conversation->tenant->slug;
	notice->now_ms = conversation->now_ms;
	int r = notice_add(conversation->txn, conversation->maker, notice, NULL);
	if (r == -EINVAL)
		return 0;
	conversation->jobs_due |= r == 0;
	return r;
}

/* ---- storms */

int conversation_storm_by(struct conversation *conversation, struct client_id requester, bool *ret)
{
	return pace_tickets(conversation->txn, requester, STORM_TICKETS,
			    conversation->now_ms - STORM_WINDOW_MS, ret);
}

int conversation_storm_on(struct conversation *conversation, struct ticket_id ticket, bool *ret)
{
	return pace_comments(conversation->txn, ticket, STORM_COMMENTS,
			     conversation->now_ms - STORM_WINDOW_MS, ret);
}

static struct str team_of(const struct conversation *conversation)
{
	return notice_team_address(conversation->tenant->notify_email, conversation->tenant->admin_email);
}

/* ---- a new ticket */

static int take_quota(struct conversation *conversation, const struct conversation_start *start,
		      enum quota_verdict *ret)
{
	struct store_txn *txn = conversation->txn;
	struct tenant_id tenant = conversation->tenant->id;
	struct quota_record of_client, of_tenant;
	int r = client_quota(txn, start->requester, of_client.bytes, &of_client.len);
	if (r == 0)
		r = tenant_quota(txn, tenant, of_tenant.bytes, &of_tenant.len);
	if (r < 0)
		return r;
	*ret = quota_take(start->limits, &of_client, &of_tenant, quota_subject_key(start->subject),
			  conversation->now_ms);
	if (*ret != QUOTA_FREE)
		return 0;
	r = client_set_quota(txn, start->requester, of_client.bytes, of_client.len);
	return r < 0 ? r : tenant_set_quota(txn, tenant, of_tenant.bytes, of_tenant.len);
}

static int confirm(struct conversation *conversation, const struct conversation_start *start)
{
	struct notice notice = {
		.kind = OUTBOX_CONFIRM,
		.ticket = start->ticket,
		.ticket_number = start->number,
		.participant = PARTICIPANT_REQUESTER,
		.recipient = start->requester_address,
	};
	return tell(conversation, &notice);
}

static bool is_wanted(const struct conversation *conversation, const struct conversation_start *start)
{
	return start->may_confirm && conversation->tenant->confirm &&
	       !is_own_mailbox(conversation, start->requester_address);
}

/* The team wrote to itself: a test, or a program that answers for it whatever we send. */
static bool is_from_team(const struct conversation *conversation, struct str requester)
{
	return str_ieq(requester, conversation->tenant->admin_email) ||
	       str_ieq(requester, conversation->tenant->notify_email);
}

int conversation_started(struct conversation *conversation, const struct conversation_start *start,
			 enum quota_verdict *ret_verdict)
{
	struct notice notice = {
		.kind = OUTBOX_NOTIFY_TICKET,
		.ticket = start->ticket,
		.ticket_number = start->number,
		.comment = start->comment,
		.participant = PARTICIPANT_TEAM,
		.recipient = team_of(conversation),
	};
	bool confirmed = is_wanted(conversation, start);
	bool from_team = is_from_team(conversation, start->requester_address);
	int r = 0;
	*ret_verdict = start->storm && !start->quiet ? QUOTA_STORM : QUOTA_FREE;
	if (start->quiet || start->storm || (from_team && !start->may_confirm))
		return 0;
	if (confirmed || from_team)
		r = take_quota(conversation, start, ret_verdict);
	if (r == 0 && (*ret_verdict == QUOTA_FREE || !from_team))
		r = tell(conversation, &notice);
	return r == 0 && confirmed && *ret_verdict == QUOTA_FREE ? confirm(conversation, start) : r;
}

/* ---- a comment */

static struct notice comment_notice(const struct conversation_comment *comment, enum outbox_kind kind,
				    int64_t participant, struct str recipient)
{
	return (struct notice){
		.kind = kind,
		.ticket = comment->ticket->id,
		.ticket_number = comment->ticket->number,
		.comment = comment->comment,
		.participant = participant,
		.recipient = recipient,
	};
}

/* Nobody is told of his own words. */
static int tell_team(struct conversation *conversation, const struct conversation_comment *comment)
{
	struct notice notice =
		comment_notice(comment, OUTBOX_NOTIFY_COMMENT, PARTICIPANT_TEAM, team_of(conversation));
	return str_ieq(notice.recipient, comment->author_address) ? 0 : tell(conversation, &notice);
}

static int tell_agents(struct conversation *conversation, const struct conversation_comment *comment)
{
	const struct people *people = comment->people;
	int r = 0;
	for (size_t i = 0; r == 0 && i < people->others_n; i++) {
		const struct participant *other = &people->others[i];
		struct notice notice =
			comment_notice(comment, OUTBOX_NOTIFY_COMMENT, other->number, other->address);
		if (other->kind == PARTICIPANT_AGENT && !str_ieq(other->address, comment->author_address) &&
		    !str_ieq(other->address, team_of(conversation)))
			r = tell(conversation, &notice);
	}
	return r;
}

static int change_status(struct conversation *conversation, const struct ticket_row *ticket,
			 enum ticket_status waiting)
{
	enum ticket_status next = is_done(ticket->status) ? TICKET_REOPENED : waiting;
	const struct ticket_change change = {.status = (int)next};
	return ticket_update(conversation->txn, ticket->id, &change, conversation->now_ms);
}

static bool is_public(const struct speaker *speaker)
{
	return speaker->visibility != COMMENT_INTERNAL && speaker->kind != SPEAKER_STRANGER;
}

static int tell_of_comment(struct conversation *conversation, const struct conversation_comment *comment)
{
	if (comment->storm)
		return 0;
	if (is_public(&comment->speaker) && comment->speaker.kind == SPEAKER_AGENT) {
		struct notice answer = comment_notice(comment, OUTBOX_ANSWER, PARTICIPANT_REQUESTER,
						      comment->people->requester);
		return tell(conversation, &answer);
	}
	int r = tell_team(conversation, comment);
	return r == 0 && is_public(&comment->speaker) ? tell_agents(conversation, comment) : r;
}

int conversation_commented(struct conversation *conversation, const struct conversation_comment *comment)
{
	bool by_agent = comment->speaker.kind == SPEAKER_AGENT;
	int r = tell_of_comment(conversation, comment);
	if (r < 0 || !is_public(&comment->speaker))
		return r;
	return change_status(conversation, comment->ticket,
			     by_agent ? TICKET_WAITING_ON_CUSTOMER : TICKET_WAITING_ON_AGENT);
}

/* ---- who is on it */

int conversation_people(struct conversation *conversation, const struct ticket_row *ticket,
			struct arena *arena, struct people *ret)
{
	struct people people = {
		.admin_email = conversation->tenant->admin_email,
		.notify_email = conversation->tenant->notify_email,
	};
	struct participant *others = NULL;
	struct str address, name;
	int r = client_get(conversation->txn, ticket->requester, &address, &name);
	if (r == 0)
		r = arena_copy(arena, address, &people.requester);
	if (r == 0)
		r = participants_get(conversation->txn, ticket->id, arena, &others, &people.others_n);
	if (r < 0)
		return r;
	people.others = others;
	*ret = people;
	return 0;
}
