/*
 * Signed texts of ours: reply tokens (`reply+TOKEN`), bounce tokens (`bounce+TOKEN`), Message-IDs. Who holds
 * one got it from us; nobody can make one, or make one out of another.
 *
 *	struct reply_token token = {.slug = "acme", .ticket = 42, .participant = 7};
 *	char text[REPLY_TOKEN_MAX + 1];
 *	reply_token_mint(keys, &token, text);               reply+QwEH...@domain
 *	reply_token_check(keys, str_from(text), &token);    0, or -ENOENT
 *
 * All three are base64url (RFC 4648 section 5) without padding, over PAYLOAD and MAC:
 *
 *	PAYLOAD = HEAD FIELDS; HEAD: one octet, version (1) in the upper two bits, key id in the others
 *	MAC     = the first 12 octets of HMAC-SHA256(key, CONTEXT NUL PAYLOAD)
 *
 *	reply    FIELDS = ticket number, participant, SLUG
 *	bounce   FIELDS = outbox id
 *	left side of a Message-ID: FIELDS = ticket number (0: none), nonce (8 octets, big-endian), SLUG
 *
 * Numbers are varints: seven bits an octet, least significant first, the upper bit says that more follow; no
 * more octets than needed. SLUG: three characters in two octets, most significant first, as c1*38*38 + c2*38
 * + c3 with a-z = 0..25, 0-9 = 26..35, '-' = 36 and "end" = 37, which fills the last three. Each kind has its
 * CONTEXT, so a token of one kind is none of another.
 *
 * For slugs of 1 to 32 characters and numbers below 2^28 `reply+TOKEN` has at most 64 octets, which is a
 * local-part's limit (RFC 5321 4.5.3.1.1): 6 + 4/3 * (1 + 4 + 4 + 22 + 12).
 *
 * Checking says yes or -ENOENT, and nothing else: whether the text, the key or the MAC was wrong is nobody's
 * business. The MAC is looked at before anything that it covers, in constant time, and what is accepted is
 * what minting would print: no value has two texts. Pure; any thread.
 */
#ifndef SERVELO_TENANT_REPLY_TOKEN_H
#define SERVELO_TENANT_REPLY_TOKEN_H

#include "base/base.h"
#include "base/mac.h"
#include "storage/ids.h"
#include "tenant/key_ring.h"
#include "tenant/slug.h"

#define REPLY_TOKEN_CONTEXT  "servelo reply token"
#define BOUNCE_TOKEN_CONTEXT "servelo bounce token"
#define MESSAGE_ID_CONTEXT   "servelo message-id"

#define TOKEN_MAC_SIZE   12                       /* octets */
#define TOKEN_NUMBER_MAX ((INT64_C(1) << 28) - 1) /* ticket numbers and participants */
#define TOKEN_OCTETS_MAX 47 /* payload and MAC: a Message-ID's, the longest of the three */
#define REPLY_TOKEN_MAX  58 /* characters, without "reply+" */
#define BOUNCE_TOKEN_MAX 30 /* characters, without "bounce+" */
#define MESSAGE_LEFT_MAX BASE64URL_LEN(TOKEN_OCTETS_MAX)

/* ---- reply tokens: a comment on exactly one ticket of exactly one tenant, by one participant ---- */

struct reply_token {
	char slug[SLUG_MAX + 1]; /* lower case when it comes from check */
	int64_t ticket;          /* the tenant's number: 1..TOKEN_NUMBER_MAX */
	int64_t participant;     /* 1..TOKEN_NUMBER_MAX */
};

/* Signed with the current key. ret is NUL-terminated. -EINVAL (no slug), -ERANGE (a number). */
int reply_token_mint(const struct key_ring *keys, const struct reply_token *token,
		     char ret[REPLY_TOKEN_MAX + 1]);
/* text is what follows "reply+". */
int reply_token_check(const struct key_ring *keys, struct str text, struct reply_token *ret);

/* The case-folded form, for gateways that lower-case local-parts: store fold(minted) beside what it means,
 * look fold(received) up. A form that is found was minted by us, so the look-up replaces the MAC. -EINVAL
 * when no token of ours could have this form (length, alphabet): then nothing needs to be looked up. */
int reply_token_fold(struct str text, char ret[REPLY_TOKEN_MAX + 1]);

/* Is folded (reply_token_fold of what came) the form of what one of our keys would mint for this? Constant time for each
 * key. */
bool reply_token_is_folded(const struct key_ring *keys, struct str folded, const struct reply_token *token);

/* ---- bounce tokens: delivery reports come back to the very job ---- */

/* -ERANGE when job is 0 or negative. */
int bounce_token_mint(const struct key_ring *keys, struct outbox_id job, char ret[BOUNCE_TOKEN_MAX + 1]);
/* text is what follows "bounce+". */
int bounce_token_check(const struct key_ring *keys, struct str text, struct outbox_id *ret);

/* ---- Message-IDs: In-Reply-To and References that name one of ours ---- */

struct own_message_id {
	char slug[SLUG_MAX + 1];
	int64_t ticket; /* 0: of none */
	uint64_t nonce; /* makes it unique: random, or the job's id */
};

/* "LEFT@domain", without angle brackets. -EINVAL (no slug, or no domain name: mailaddr_domain_valid), -ERANGE,
 * -ENOBUFS when ret_max is too small for it and its NUL. */
int own_message_id_mint(const struct key_ring *keys, const struct own_message_id *id, struct str domain,
			char *ret, size_t ret_max);
/* text without angle brackets, as it stood in the field. Counts only with our domain behind it (any case). */
int own_message_id_check(const struct key_ring *keys, struct str text, struct str domain,
			 struct own_message_id *ret);

#endif
