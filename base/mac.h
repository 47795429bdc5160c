/*
 * Digests, keyed digests, constant-time compare, random octets, base64url: the door to libcrypto for
 * everything that is not TLS. Pure but for random_bytes(). Any thread.
 */
#ifndef SERVELO_BASE_MAC_H
#define SERVELO_BASE_MAC_H

#include "base/base.h"

#define SHA256_SIZE 32

/* Incremental SHA-256. Every init is ended by final or discard. */
struct sha256 {
	void *ctx;
};
void sha256_init(struct sha256 *sha);
void sha256_update(struct sha256 *sha, struct str bytes);
void sha256_final(struct sha256 *sha, uint8_t ret[SHA256_SIZE]);
void sha256_discard(struct sha256 *sha);
void sha256_once(struct str bytes, uint8_t ret[SHA256_SIZE]);

void hmac_sha256(struct str key, struct str bytes, uint8_t ret[SHA256_SIZE]);

/* True when equal; the time taken depends on len only. */
bool mac_equal(const void *a, const void *b, size_t len);

/* Cryptographically strong; ends the process when the system has none to give. */
void random_bytes(void *buf, size_t len);

/* RFC 4648 section 5, no padding. ret holds at least BASE64URL_LEN(len) + 1, NUL-terminated; returns its
 * length. */
#define BASE64URL_LEN(len) (((len)*4 + 2) / 3)
size_t base64url_encode(const void *bytes, size_t len, char *ret);
/* Octets written, or -EINVAL for a character outside the alphabet, an impossible length, or bits left over
 * that are not zero (so that each value has exactly one text); -ENOBUFS when ret_max is too small. */
int base64url_decode(struct str text, void *ret, size_t ret_max);
/* Lower-case hexadecimal; ret holds 2 * len + 1. */
void hex_encode(const void *bytes, size_t len, char *ret);

#endif
