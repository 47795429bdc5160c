/*
 * When we keep quiet (SPEC section 8, RFC 3834): what may follow from a mail by itself. The first that holds:
 *
 *	our own mark                       a machine's mail; nobody is told
 *	another server's mark, of a notice the same: else two of us would tell each other for ever
 *	... of a forward                   nobody is told
 *	another server's answer            somebody's mail; the team is told, the customer gets nothing
 *	no normal mail, null reverse-path  a machine's mail; the same
 *	header fields that forbid it, our own domain as the author
 *	                                   somebody's mail; the same
 *	anything else                      the customer may get a confirmation
 *
 * "Told" is about a new ticket. On a known one, a machine's mail and what nobody is told of are events. Pure; any thread.
 */
#ifndef SERVELO_INGEST_QUIET_H
#define SERVELO_INGEST_QUIET_H

#include "ingest/delivery.h"
#include "ingest/mail.h"
#include "tenant/loop_mark.h"
#include "tenant/notice.h"

struct quiet {
	bool automatic;   /* a machine wrote it */
	bool nobody;      /* not even the team is told */
	bool may_confirm; /* neither of them, and nothing else speaks against it */
	enum loop_origin loop;
	const char *why; /* for the audit row: "own-mail", "null-reverse-path", ...; "" when may_confirm */
};

/* author: the address that a confirmation would go to. */
void quiet_decide(const struct envelope *envelope, const struct parsed_mail *mail, struct str author,
		  const struct notice_maker *maker, struct quiet *ret);

#endif
