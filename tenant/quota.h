/*
 * How many confirmations are too many (SPEC section 8): a storm makes tickets, not mail.
 *
 * A client may get `client_max` confirmations in any window of `window_ms`, `subject_max` of them for one subject (as
 * its key, see quota_subject_key), and a tenant sends `tenant_max` in a window. What was sent is kept in two small
 * records that storage keeps for us (storage/ticket.h: client_quota, tenant_quota): the times of the newest
 * confirmations, so the window slides and a restart forgets nothing. The format has a version octet; one that we don't
 * know counts as empty. A clock that was set back counts what lies in the future as just now (what lies more than a window
 * ahead is forgotten, or a clock that was wrong once would silence us until then). Pure; any thread.
 */
#ifndef SERVELO_TENANT_QUOTA_H
#define SERVELO_TENANT_QUOTA_H

#include "base/base.h"
#include "storage/ticket.h"

#define QUOTA_CLIENT_MAX 12 /* entries of a client's record; client_max may not be more */

struct quota_limits {
	int64_t window_ms;
	int64_t client_max, subject_max, tenant_max; /* 0: none at all */
};

struct quota_record {
	uint8_t bytes[QUOTA_RECORD_MAX];
	size_t len;
};

/* QUOTA_STORM is never quota_take()'s: too much came at once, and nobody is told (ingest/conversation.h). */
enum quota_verdict { QUOTA_FREE, QUOTA_CLIENT_SPENT, QUOTA_SUBJECT_SPENT, QUOTA_TENANT_SPENT, QUOTA_STORM };
const char *quota_verdict_name(
	enum quota_verdict verdict); /* "client-cap", "subject-cap", "tenant-cap", "storm"; "" when free */

/* Of a ticket's subject, which has its prefixes off already: case, blanks and digits do not matter. */
uint32_t quota_subject_key(struct str subject);
/* Is one more confirmation free? Then it is entered into both records; else they are not touched. */
enum quota_verdict quota_take(const struct quota_limits *limits, struct quota_record *client,
			      struct quota_record *tenant, uint32_t subject_key, int64_t now_ms);

#endif
