/*
 * Judging one forward-path (SPEC section 2) and keeping it as a recipient of the delivery. Loop thread, no
 * I/O.
 */
#ifndef SERVELO_INGEST_RCPT_H
#define SERVELO_INGEST_RCPT_H

#include "ingest/ingest.h"

/* As ingest_check_rcpt (ingest.h). On RCPT_ACCEPTED the recipient is in the envelope, once, however often and
 * however written it came. */
enum rcpt_status rcpt_check(const struct directory *directory, struct delivery *delivery,
			    const struct mailaddr *forward_path, struct rcpt_answer *ret);

#endif
