/*
 * When to try again. Two ladders: one for a mail that was deferred (RFC 5321 4.5.4.1: for 5 days), one for a
 * relay that can't be reached. The steps have up to a tenth of jitter either way, so that what failed
 * together does not come back together. Pure: time and randomness come from outside.
 */
#ifndef SERVELO_OUTBOUND_BACKOFF_H
#define SERVELO_OUTBOUND_BACKOFF_H

#include "base/base.h"

#define BACKOFF_MAIL_MS (INT64_C(5) * 24 * 60 * 60 * 1000)

/* The mail was made at created_ms and has been tried `tries` times (at least once), the last time now. 0 and
 * when to try again: 1, 5, 15, 30 minutes, 1, 2, 4, then 6 hours later, and once when the 5 days end.
 * -ETIMEDOUT after that: give up. random: any 32 bits. */
int backoff_mail(int64_t created_ms, int64_t now_ms, unsigned tries, uint32_t random, int64_t *ret_due_ms);

/* How long to leave a relay alone after `failures` in a row (at least one): 1, 5, 15, 30 seconds, 1, 2, then
 * 5 minutes. */
int64_t backoff_relay_ms(unsigned failures, uint32_t random);

#endif
