/*
 * What a comment does to its ticket, and who is told of it (SPEC sections 4 and 5). The same for a mail that came
 * (apply.c) and for an administrator's words (smtpd/admin_talk.c). Writer thread, inside the transaction in which the
 * ticket or comment is made.
 *
 * Effects: a client's public comment notifies the team (and the agent who has the ticket) and sets waiting_on_agent; an
 * agent's public comment is mailed to the client and sets waiting_on_customer; either reopens what was resolved or
 * closed. A stranger's is told to the team and changes nothing else. An event (a machine's mail) changes nothing
 * and tells nobody.
 *
 * A storm makes tickets and comments, not mail (SPEC section 8), whatever the header fields of its mails say: when programs
 * answer each other without a mark, nothing but counting ends it. So nobody is told of a mail when within the last
 * hour its author made STORM_TICKETS tickets, or mails made STORM_COMMENTS comments on its ticket. And what goes to
 * the very address that a new ticket came from is an automatic answer, the team's notice too: it has the same caps as a
 * confirmation.
 */
#ifndef SERVELO_INGEST_CONVERSATION_H
#define SERVELO_INGEST_CONVERSATION_H

#include "ingest/speaker.h"
#include "storage/ticket.h"
#include "tenant/notice.h"
#include "tenant/quota.h"
#include "tenant/tenants.h"

#define STORM_WINDOW_MS INT64_C(3600000)
#define STORM_TICKETS   200
#define STORM_COMMENTS  100

struct conversation {
	struct store_txn *txn;
	const struct notice_maker *maker;
	const struct tenant *tenant;
	int64_t now_ms;
	bool jobs_due; /* set when a job was made */
};

/* A ticket was just made, with its first comment. The team is told unless quiet says that nobody is; the customer is
 * when may_confirm says so, the tenant wants it, and the caps leave room. storm: nobody is told. *ret_verdict: what the
 * caps said. */
struct conversation_start {
	struct ticket_id ticket;
	int64_t number;
	struct comment_id comment;
	struct client_id requester;
	struct str requester_address;
	struct str subject; /* of the ticket */
	bool quiet, may_confirm, storm;
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
	bool storm; /* conversation_storm_on(): the status changes, nobody is told */
};
int conversation_commented(struct conversation *conversation, const struct conversation_comment *comment);

/* Did so much come lately that nobody is told of what comes now? Before the ticket or comment is made. */
int conversation_storm_by(struct conversation *conversation, struct client_id requester, bool *ret);
int conversation_storm_on(struct conversation *conversation, struct ticket_id ticket, bool *ret);

/* Who is on the ticket, with views into the arena and the tenant. */
int conversation_people(struct conversation *conversation, const struct ticket_row *ticket,
			struct arena *arena, struct people *ret);

#endif
