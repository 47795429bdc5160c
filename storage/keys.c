/*
 * See keys.h. Keys are stored, so what goes into them never changes. Numbers are taken little-endian, whatever
 * the machine.
 */
#include "storage/keys.h"
#include "base/mac.h"

#define LOWER_CHUNK 256

int64_t key_of_digest(const uint8_t *digest)
{
	uint64_t value = 0;
	for (size_t i = 0; i < 8; i++)
		value |= (uint64_t)digest[i] << (8 * i);
	int64_t key;
	memcpy(&key, &value, sizeof(key));
	return key;
}

int64_t key_of_address(struct str address)
{
	uint8_t digest[SHA256_SIZE];
	char lower[LOWER_CHUNK];
	struct sha256 sha;
	sha256_init(&sha);
	for (size_t at = 0; at < address.len; at += LOWER_CHUNK) {
		struct str piece = str_sub(address, at, at + LOWER_CHUNK);
		for (size_t i = 0; i < piece.len; i++)
			lower[i] = ascii_lower(piece.ptr[i]);
		sha256_update(&sha, (struct str){lower, piece.len});
	}
	sha256_final(&sha, digest);
	return key_of_digest(digest);
}

int64_t key_of_thread(struct tenant_id tenant, struct str header_message_id)
{
	uint8_t digest[SHA256_SIZE], number[8];
	for (size_t i = 0; i < sizeof(number); i++)
		number[i] = (uint8_t)((uint64_t)tenant.v >> (8 * i));
	struct sha256 sha;
	sha256_init(&sha);
	sha256_update(&sha, (struct str){(const char *)number, sizeof(number)});
	sha256_update(&sha, header_message_id);
	sha256_final(&sha, digest);
	return key_of_digest(digest);
}

int64_t key_of_folded_token(struct str folded)
{
	uint8_t digest[SHA256_SIZE];
	sha256_once(folded, digest);
	return key_of_digest(digest);
}
