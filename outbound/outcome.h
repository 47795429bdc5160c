/*
 * What the relay said about a mail becomes what the outbox keeps: sent, later, or parked, and why in one line. Pure:
 * time and randomness come from outside.
 *
 *	2yz to the final dot                      SENT
 *	5yz, or this relay can't be asked          FAILED
 *	4yz, a timeout, a connection lost          DUE again by the ladder of backoff.h; FAILED when its five days are over
 *	no answer to the final dot                 the same: perhaps the relay has it, and the next try is the same mail;
 *	                                           when it was us who ended the connection (-ECANCELED), due at once
 *	before MAIL (no connection, TLS, login)    DUE as before, no try of the mail; FAILED when the five days are over and
 *	                                           the relay has been down for longer than a restart takes
 */
#ifndef SERVELO_OUTBOUND_OUTCOME_H
#define SERVELO_OUTBOUND_OUTCOME_H

#include "outbound/smtp_mail.h"
#include "storage/outbox.h"

/* Failures of the relay in a row after which it counts as down, and not as starting: two minutes and more. */
#define OUTCOME_RELAY_DOWN 6

struct outcome_env {
	const char *where;       /* "127.0.0.1:2525", for what the relay itself did not say */
	unsigned relay_failures; /* in a row, so far */
	int64_t now_ms;
	uint32_t random; /* any 32 bits */
};

/* Octets of a why, with its NUL. */
#define OUTCOME_WHY_SIZE (OUTBOX_WHY_MAX + 1)

/* The settlement's why is a view of `why`. */
void outcome_decide(const struct outbox_row *row, const struct smtp_result *result,
		    const struct outcome_env *env, char why[OUTCOME_WHY_SIZE], struct outbox_settlement *ret);
/* "450 4.2.1 mailbox busy", "relay 127.0.0.1:2525: connection refused": one line of UTF-8. */
void outcome_why(const struct smtp_result *result, const char *where, char ret[OUTCOME_WHY_SIZE]);

/* Given back untried: due when it was, for no fault of its own. why "": what was said before stands. */
void outcome_give_back(const struct outbox_row *row, int64_t now_ms, const char *why,
		       char ret_why[OUTCOME_WHY_SIZE], struct outbox_settlement *ret);
/* We could not make the mail. error -EINVAL: it can never be made; another one: again in 5 minutes, for five days. */
void outcome_not_made(const struct outbox_row *row, int error, const char *text, int64_t now_ms,
		      char why[OUTCOME_WHY_SIZE], struct outbox_settlement *ret);

#endif
