/*
 * An outbox job becomes a mail: header section and body as RFC 5322 and MIME want them, 7-bit clean, with CR LF line
 * ends, ready for smtp_mail.h. What a mail of ours says is in templates.h, what it is about in storage/outgoing.h.
 *
 * Promises:
 *  1. No text of a mail that came, no name, no file name and no Message-ID can end a field, add one, or add a recipient:
 *     everything is checked or encoded where it is put (RFC 2047, RFC 2231), and lines stay below 998 octets.
 *  2. A forward's content is the original octet for octet; fields are only put on top (SPEC section 7).
 *  3. A confirmation repeats nothing that the customer wrote (SPEC section 4).
 *  4. The same job composed again has the same Message-ID and the same reply address.
 *  5. Memory is bounded: COMPOSED_MAX; a big original is read from its file in pieces (original_file.h).
 *
 * Runs on a worker; blocks on the disk. Pure otherwise: it sends nothing and changes nothing.
 */
#ifndef SERVELO_OUTBOUND_COMPOSE_H
#define SERVELO_OUTBOUND_COMPOSE_H

#include "base/strbuf.h"
#include "outbound/original_file.h"
#include "outbound/templates.h"
#include "storage/outgoing.h"
#include "tenant/key_ring.h"

#define COMPOSED_MAX ((size_t)33 * 1024 * 1024) /* octets of a mail that we make */

/* An attachment's octets, decoded, out of a stored original: appended to out. Called on the worker. -ENOENT (no such
 * part), -EMSGSIZE (out is full), -errno. The reading of hostile mail is the caller's business (a parser child). */
typedef int attachment_source_fn(void *ctx, const struct mail_id *mail, struct str part, struct strbuf *out);

struct composer {
	const struct key_ring *keys;
	const char *domain; /* mail.domain */
	const char *hostname;
	struct templates *templates;
	attachment_source_fn *attachment; /* may be NULL: attachments are named, not sent */
	void *attachment_ctx;
	int64_t attachments_max; /* octets of an answer's attachments together; what is more is named */
	int64_t now_ms;
};

struct composed {
	/* bounce+TOKEN@domain; empty for the null reverse-path (a forward of one) */
	struct str reverse_path;
	struct str recipient;
	struct strbuf head;              /* the mail; of a forward: the fields on top */
	struct str body;                 /* of a forward: the original, if it is small; else empty */
	struct original_file *body_file; /* ... if it is big, at any place: rewind it; else NULL */
	bool eight_bit, utf8;
	/* private */
	struct arena arena;
	struct strbuf original;
};

/* The mail of a job, read by reader_outgoing(). reader is for a forward's original. 0 with *ret to be ended by
 * composed_done(); -EINVAL when this job can never be a mail (*ret_why, static, says why); -errno when it can't be now. */
int compose(const struct composer *composer, struct reader *reader, const struct outgoing *outgoing,
	    struct composed *ret, const char **ret_why);
/* Zeroed is fine. */
void composed_done(struct composed *composed);

#endif
