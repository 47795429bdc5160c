/*
 * What identifies mail data: digests of the content as it was sent (without our own trace field) and of its
 * body alone, by which a repeated mail is recognised and damage to a stored original is found. Pure; any
 * thread.
 */
#ifndef SERVELO_INGEST_DIGEST_H
#define SERVELO_INGEST_DIGEST_H

#include "base/mac.h"
#include "ingest/mail.h"
#include "storage/message.h"

struct mail_digests {
	uint8_t content[SHA256_SIZE]; /* everything that was sent */
	uint8_t body[SHA256_SIZE];    /* behind the first empty line */
};
/* sent: the mail data behind our trace field. */
void mail_digest(struct str sent, struct mail_digests *ret);

/* The same in pieces, for mail data that is not in memory: begin, add in order, end. Every begin is ended. */
struct mail_digester {
	struct sha256 content, body;
	bool in_body;
	unsigned line_octets; /* of the header line so far: 0, 1, or 2 for more */
	bool line_is_cr;      /* its first octet is CR */
};
void mail_digest_begin(struct mail_digester *digester);
void mail_digest_add(struct mail_digester *digester, struct str piece);
void mail_digest_end(struct mail_digester *digester, struct mail_digests *ret);

/* The key of SPEC section 3 ("the same mail sent again"): author and Message-ID when there is one, else the
 * content. */
void mail_repeat_key(struct tenant_id tenant, struct str canonical_recipient, struct str author,
		     struct str message_id, const struct mail_digests *digests, struct repeat_key *ret);

#endif
