/*
 * Judging one forward-path (SPEC section 2) and keeping it as a recipient of the delivery. Loop thread, no
 * I/O.
 */
#ifndef SERVELO_INGEST_RCPT_H
#define SERVELO_INGEST_RCPT_H

#include "ingest/ingest.h"
#include "tenant/reply_token.h"

/* As ingest_check_rcpt (ingest.h). On RCPT_ACCEPTED the recipient is in the envelope, once, however often and
 * however written it came. RCPT_LATER: the detail may be a reply token that a gateway lower-cased; ret_folded is what to
 * look up (token_lookup.h), and rcpt_token() says the rest. */
enum rcpt_status rcpt_check(const struct directory *directory, const struct key_ring *keys,
			    struct delivery *delivery, const struct mailaddr *forward_path,
			    struct rcpt_answer *ret, char ret_folded[REPLY_TOKEN_MAX + 1]);
/* The same for a forward-path that is reply+TOKEN, when it is known what the token says. */
enum rcpt_status rcpt_token(struct delivery *delivery, const struct mailaddr *forward_path,
			    const struct reply_token *token);

#endif
