/*
 * Addresses of the envelope: RFC 5321 4.1.2 (Path, Mailbox), RFC 6531 3.3 (UTF-8), RFC 5321 4.1.3 (literals).
 * Header addresses (RFC 5322) have another grammar: see ingest/mail_header.h.
 *
 * The local-part is kept as written, case included, but unquoted: `"acme"@x` and `acme@x` are the same
 * mailbox and give the same struct (RFC 5321 4.1.2 says they are equivalent). The domain is lower-cased
 * (ASCII); a trailing dot is an error; a literal keeps its brackets. Printing quotes again where needed.
 * Pure; any thread.
 */
#ifndef SERVELO_BASE_MAILADDR_H
#define SERVELO_BASE_MAILADDR_H

#include "base/arena.h"
#include "base/base.h"
#include "base/strbuf.h"
#include "base/utf8.h"

#define MAILADDR_LOCAL_MAX      64  /* octets, RFC 5321 4.5.3.1.1 */
#define MAILADDR_LONG_LOCAL_MAX 254 /* with MAILADDR_LIBERAL; the path's limit holds too */
#define MAILADDR_DOMAIN_MAX     255 /* octets, RFC 5321 4.5.3.1.2 */
#define MAILADDR_PATH_MAX \
	256 /* octets with the angle brackets, RFC 5321 4.5.3.1.3; a source route is not counted */

struct mailaddr {
	struct str local;  /* unquoted; empty for the null path */
	struct str domain; /* lower case; empty for the null path and for <postmaster> */
};

enum mailaddr_flags {
	MAILADDR_ALLOW_NULL = 1,       /* "<>" (reverse-path) */
	MAILADDR_ALLOW_POSTMASTER = 2, /* "<postmaster>" without a domain (RFC 5321 4.1.1.3), any case */
	MAILADDR_ALLOW_UTF8 = 4,       /* SMTPUTF8 was negotiated; must be valid UTF-8 then */
	/* What reverse-paths of real senders hold beyond the grammar: a local-part over 64 octets (VERP and SRS put
	 * another address into it), dots in a row or at its ends (old mobile carriers), underscores in a domain. To be
	 * liberal here loses no mail and gives nobody anything. Mailboxes of ours are never like that. */
	MAILADDR_LIBERAL = 8,
};

/*
 * Parse a Path "<...>" at the start of `in`. A source route (@a,@b:) is read and dropped (RFC 5321 appendix
 * C). On success the strings are copies in arena and *ret_used says how many octets of `in` the path took.
 * Errors: -EINVAL (not an address), -EMSGSIZE (a part is too long), -EILSEQ (octets above 0x7f where not
 * allowed, or not UTF-8), -ENOBUFS (arena full). NUL and other controls are always -EINVAL.
 */
int mailaddr_parse_path(struct arena *arena, struct str in, unsigned flags, struct mailaddr *ret,
			size_t *ret_used);

/* A bare Mailbox "local@domain" that takes all of `in`; for configuration and command lines. Same errors. */
int mailaddr_parse_mailbox(struct arena *arena, struct str in, unsigned flags, struct mailaddr *ret);

static inline bool mailaddr_is_null(const struct mailaddr *addr)
{
	return addr->local.len == 0 && addr->domain.len == 0;
}

/* local@domain, the local-part quoted when it has to be; nothing for the null path; no angle brackets. */
int mailaddr_print(const struct mailaddr *addr, struct strbuf *out);

/* True for a domain name of letters, digits, hyphens and dots (RFC 5321 Domain), or U-labels with
 * MAILADDR_ALLOW_UTF8. */
bool mailaddr_domain_valid(struct str domain, unsigned flags);
/* "[192.0.2.1]", "[IPv6:2001:db8::1]" with a valid address inside. */
bool mailaddr_literal_valid(struct str literal);

#endif
