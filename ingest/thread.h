/*
 * Which ticket does a mail to {slug}@ answer (SPEC section 5)? Candidates in the order in which they are believed:
 * Message-IDs in In-Reply-To and References that we issued (they carry a MAC and name the ticket; the newest first),
 * other Message-IDs there (to be looked up among those of the tenant's comments), references in the subject
 * ("[ACME-00042]", "ACME-00042"). Each counts only if From is on that ticket, which is the caller's to see
 * (speaker.h). Pure; any thread.
 */
#ifndef SERVELO_INGEST_THREAD_H
#define SERVELO_INGEST_THREAD_H

#include "ingest/mail.h"
#include "tenant/key_ring.h"
#include "tenant/tenants.h"

#define THREAD_CANDIDATES_MAX 24 /* of all three kinds together; the newest references are kept */

struct thread_candidate {
	int64_t ticket_number;        /* by our Message-ID or by the subject; 0: look the Message-ID up */
	struct str header_message_id; /* a view into the mail; empty when ticket_number says it */
	const char *rule;             /* "own-message-id", "message-id", "subject" */
};
struct thread_candidates {
	struct thread_candidate items[THREAD_CANDIDATES_MAX];
	size_t n;
};
/* tenant and domain: whose ids count. */
void thread_candidates(const struct parsed_mail *mail, const struct tenant *tenant,
		       const struct key_ring *keys, struct str domain, struct thread_candidates *ret);

#endif
