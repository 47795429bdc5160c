/*
 * Invitations and contact cards in words, for people whose ticket has no calendar: what, when, where, who. One line
 * of text each, SUMMARY_MAX octets at most, valid UTF-8.
 *
 *	Invitation: Project review, 2026-11-24 10:00 to 11:00 (Europe/Berlin), at Room 5, from Jane Doe
 *	<jane@example.com>, 3 invited.
 *	Calendar answer: Bob Roe <bob@example.com> accepted Project review, 2026-11-24 10:00 to 11:00 UTC.
 *	Contact card: Jane Doe, Example Ltd, jane@example.com, +44 20 7946 0000.
 *
 * iCalendar after RFC 5545 and RFC 5546 (methods), vCard after RFC 6350, RFC 2426 and vCard 2.1. Times are told as
 * they stand, with the name of their zone: who reads them knows better where people are. Linear. Pure.
 */
#ifndef SERVELO_INGEST_MAIL_SUMMARY_H
#define SERVELO_INGEST_MAIL_SUMMARY_H

#include "base/strbuf.h"

#define SUMMARY_MAX 2048

/* Appends to out; false when the octets hold no event or task. *ret_answer (set when true): somebody's calendar
 * answers an invitation (METHOD:REPLY). */
bool calendar_summary(struct str octets, struct strbuf *out, bool *ret_answer);
/* Appends to out; false when the octets hold no card. */
bool contact_summary(struct str octets, struct strbuf *out);

#endif
