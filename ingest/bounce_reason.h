/*
 * Why a mail was not delivered, from what a server said: enhanced status codes (RFC 3463), reply codes
 * (RFC 5321 4.2), words. Pure; any thread.
 */
#ifndef SERVELO_INGEST_BOUNCE_REASON_H
#define SERVELO_INGEST_BOUNCE_REASON_H

#include "base/base.h"

/* The first "5.1.1" in s that is a status of class 4 or 5 (no part of an address or a version), or empty. */
struct str bounce_status_in(struct str s);
/* The first SMTP reply code of class 4 or 5 ("550 ", "said: 450-"), 0: none. */
unsigned bounce_code_in(struct str s);

struct bounce_reason {
	const char *text;   /* folded */
	const char *detail; /* ".1.1": subject and detail of the status that it means; NULL: only soft */
	bool hard;
};
/* The most telling phrase in s (any case), or NULL. */
const struct bounce_reason *bounce_reason_in(struct str s);

/* Do subject and detail of this status say that there is no such mailbox or domain? */
bool bounce_status_is_hard(struct str status);
/* Do they say that the mailbox is there, whatever the words are? */
bool bounce_status_is_soft(struct str status);

/* Index the table now: before a sandbox, and before time is measured. */
void bounce_reason_init(void);

#endif
