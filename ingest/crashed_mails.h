/*
 * Mails that killed a parser child, by the digest of their content: the same mail need not kill another one.
 *
 * A set that forgets. Its room is fixed at birth (4,096 digests, 160 KiB); a digest has four places where it may
 * stand, and a fifth one that wants them takes the oldest's. Who makes mails that collide so gets nothing but another
 * child killed by the one that was forgotten, which a mail with one octet changed does as well: against many such
 * mails there is the breaker (parser_breaker.h). Not kept over restarts, nor over a change of what parsers are allowed:
 * a new program or other limits may well read what the old ones could not.
 *
 * Pure but for malloc. One thread at a time.
 */
#ifndef SERVELO_INGEST_CRASHED_MAILS_H
#define SERVELO_INGEST_CRASHED_MAILS_H

#include "base/mac.h"

#define CRASHED_MAILS_MAX 4096

struct crashed_mails;

/* Never NULL; the caller's, until _free. */
struct crashed_mails *crashed_mails_new(void);
/* NULL is fine; returns NULL. */
struct crashed_mails *crashed_mails_free(struct crashed_mails *set);

/* What is there already is not added twice. */
void crashed_mails_add(struct crashed_mails *set, const uint8_t digest[SHA256_SIZE]);
bool crashed_mails_has(const struct crashed_mails *set, const uint8_t digest[SHA256_SIZE]);

#endif
