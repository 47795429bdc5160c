/*
 * What a comment does to its ticket, and who is told of it (SPEC sections 4 and 5). The same for a mail that came
 * (apply.c) and for an administrator's words (smtpd/admin_talk.c). Writer thread, inside the transaction in which the
 * ticket or comment is made.
 *
 * Effects: a client's public comment notifies the team (and the agent who has the ticket) and sets waiting_on_agent; an
 * agent's public comment is mailed to the client and sets waiting_on_customer; either reopens what was resolved or
 * closed. A stranger's is told to the team and changes nothing else. An event (a machine's mail) changes nothing
 * and tells nobody.
 */
#ifndef SERVELO_INGEST_CONVERSATION_H
#define SERVELO_INGEST_CONVERSATION_H

#include "ingest/speaker.h"
#include "storage/ticket.h"
#include "tenant/notice.h"
#include "tenant/quota.h"
#include "tenant/tenants.h"

struct conversation {
	struct store_txn *txn;
	const struct notice_maker *maker;
	const struct tenant *tenant;
	int64_t now_ms;
	bool jobs_due; /* set when a job was made */
};

/* A ticket was just made, with its first comment. The team is told unless quiet says that nobody is; the customer is
 * when may_confirm says so, the tenant wants it, and the caps leave room. *ret_verdict: what the caps said. */
struct conversation_start {
	struct ticket_id ticket;
	int64_t number;
	struct comment_id comment;
	struct client_id requester;
	struct str requester_address;
	struct str subject; /* of the ticket */
	bool quiet, may_confirm;
	const struct quota_limits *limits;
};
int conversation_started(struct conversation *conversation, const struct conversation_start *start,
			 enum quota_verdict *ret_verdict);

/* A comment was just made. ticket: as it was before. agent: the address of the agent who wrote it (not told of his own
 * words); empty otherwise. */
struct conversation_comment {
	const struct ticket_row *ticket;
	struct comment_id comment;
	struct speaker speaker;
	struct str author_address;
	const struct people *people;
};
int conversation_commented(struct conversation *conversation, const struct conversation_comment *comment);

/* Who is on the ticket, with views into the arena and the tenant. */
int conversation_people(struct conversation *conversation, const struct ticket_row *ticket,
			struct arena *arena, struct people *ret);

#endif
