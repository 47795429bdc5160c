/*
 * The mark in every mail that we send, by which we know our own when it comes home, and another server of our kind
 * (SPEC sections 6 to 8). The field's value is
 *
 *	KIND "." TOKEN		answer.QwEH...
 *
 * where KIND says whose words the mail holds: "answer" (a person's), "notice" (ours), "forward" (somebody else's mail,
 * sent on). TOKEN is base64url over one octet of version and key id, the outbox id as a varint, and 12 octets of
 * HMAC-SHA256 over CONTEXT NUL KIND NUL and those, as reply_token.h has them. Nobody else can make one, and what one that we
 * can't verify says only ever makes us quieter. Pure; any thread.
 */
#ifndef SERVELO_TENANT_LOOP_MARK_H
#define SERVELO_TENANT_LOOP_MARK_H

#include "storage/ids.h"
#include "tenant/key_ring.h"

#define LOOP_MARK_FIELD    "X-Servelo-Loop"
#define LOOP_MARK_CONTEXT  "servelo loop mark"
#define LOOP_MARK_TEXT_MAX 64 /* characters */

enum loop_kind { LOOP_ANSWER, LOOP_NOTICE, LOOP_FORWARD };

enum loop_origin {
	LOOP_NONE,    /* no mark, or nothing like one */
	LOOP_FOREIGN, /* the mark of another server, or of a key that we don't have any more */
	LOOP_OURS,
};

/* -ERANGE when job is 0 or negative. */
int loop_mark_mint(const struct key_ring *keys, enum loop_kind kind, struct outbox_id job,
		   char ret[LOOP_MARK_TEXT_MAX + 1]);
/* value: of the field, unfolded; any octets. *ret_kind is set unless LOOP_NONE (LOOP_NOTICE for a word we don't know). */
enum loop_origin loop_mark_check(const struct key_ring *keys, struct str value, enum loop_kind *ret_kind);

#endif
