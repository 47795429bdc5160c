/*
 * Whose comment is it (SPEC section 5)? A pure decision over addresses: who holds the reply token, or that none was
 * shown; whom From names; who is on the ticket. From can only take authority away, never add it.
 *
 *	token   From                              comment
 *	agent   a client of the ticket            that client's, public
 *	agent   an agent, or of an agent's domain the agent's answer, public
 *	agent   anybody else, nobody              internal, of a stranger
 *	client  the client                        the client's, public
 *	client  an agent                          the client's, public, marked
 *	client  anybody else, nobody              internal, of a stranger
 *	none    a client of the ticket            the client's, public
 *	none    an agent (his very address)       internal, the agent's: never an answer in the team's name
 *	none    anybody else, nobody              not on this ticket: a new one, linked
 *
 * Addresses are compared without case, whole. Pure; any thread.
 */
#ifndef SERVELO_INGEST_SPEAKER_H
#define SERVELO_INGEST_SPEAKER_H

#include "storage/participant.h"
#include "storage/ticket.h"

/* Who is on a ticket. */
struct people {
	struct str requester;                 /* the client's address */
	struct str admin_email, notify_email; /* the tenant's; agents, and their domains agents' domains */
	const struct participant *others;     /* with rows; agents' domains count too */
	size_t others_n;
};

enum speaker_kind {
	SPEAKER_CLIENT,
	SPEAKER_AGENT,
	SPEAKER_STRANGER,
};

struct speaker {
	bool on_ticket; /* false: a new ticket, linked to this one */
	enum speaker_kind kind;
	enum comment_visibility visibility;
	const char *
		mark; /* for the note on the comment and the audit row: "agent-under-client-token", "stranger",
			     "agent-without-token"; "" when all is as it should be */
};

/* Holder of the token: participant as it stands there; 0: there was no token. A participant that the ticket doesn't
 * have is a stranger's token: SPEAKER_STRANGER, internal. author: the one usable address of From; empty: none. */
struct speaker speaker_of(const struct people *people, int64_t participant, struct str author);

/* Is this the address of somebody on the tenant's side, as From alone says it? */
bool people_has_agent(const struct people *people, struct str author);

#endif
