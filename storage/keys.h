/*
 * Short keys for long texts: 64 bits of a SHA-256, so that an index entry is a dozen octets and nobody can
 * make many texts fall on one key. The text itself is compared afterwards wherever a wrong match would matter.
 * Pure.
 */
#ifndef SERVELO_STORAGE_KEYS_H
#define SERVELO_STORAGE_KEYS_H

#include "base/base.h"
#include "storage/ids.h"

/* Of a mail address; case ignored (ASCII). */
int64_t key_of_address(struct str address);
/* Of a Message-ID (without angle brackets) within a tenant; case matters. */
int64_t key_of_thread(struct tenant_id tenant, struct str header_message_id);
/* Of the case-folded form of a reply token. */
int64_t key_of_folded_token(struct str folded);
/* The first eight octets of something that is a digest already. */
int64_t key_of_digest(const uint8_t *digest);

#endif
