/*
 * See token_private.h, and reply_token.h for the format.
 *
 * One way in and one way out: token_seal() puts MAC and base64url around head and FIELDS, token_open() takes them off.
 * What token_open() hands out was signed by us, bit for bit, under this context. Its FIELDS are still read with every
 * bound checked, and every number in its shortest form: so a key that leaked, or an older program of ours, cannot make
 * two texts of one meaning either.
 *
 * The keys tried are those whose id the head names. All of them are tried, and when there is none the current key is,
 * for nothing: the time taken says nothing about the keys. Pure; any thread.
 */
#include "tenant/token_private.h"

#include <assert.h>
#include <errno.h>

#define TOKEN_VERSION 1
#define KEY_ID_MASK   0x3f
#define CONTEXT_MAX   32

void token_begin(struct token_fields *fields, const struct key_ring *keys, size_t i)
{
	fields->octets[0] = (uint8_t)(TOKEN_VERSION << 6 | key_ring_id(keys, i));
	fields->len = 1;
}

void token_put_number(struct token_fields *fields, int64_t number)
{
	uint64_t rest = (uint64_t)number;
	for (; rest >= 0x80; rest >>= 7)
		fields->octets[fields->len++] = (uint8_t)(rest | 0x80);
	fields->octets[fields->len++] = (uint8_t)rest;
}

bool token_take_number(struct str *in, unsigned bits_max, int64_t *ret)
{
	uint64_t number = 0;
	for (unsigned shift = 0; shift < bits_max; shift += 7) {
		if (in->len == 0)
			return false;
		uint8_t octet = (uint8_t)in->ptr[0];
		*in = str_sub(*in, 1, in->len);
		number |= (uint64_t)(octet & 0x7f) << shift;
		if (octet & 0x80)
			continue;
		*ret = (int64_t)number;
		/* a last octet of nothing was not needed */
		return octet != 0 || shift == 0;
	}
	return false;
}

static void token_mac(struct str key, struct str context, const uint8_t *payload, size_t len,
		      uint8_t ret[SHA256_SIZE])
{
	char bytes[CONTEXT_MAX + 1 + TOKEN_OCTETS_MAX];
	assert(context.len <= CONTEXT_MAX && len <= TOKEN_OCTETS_MAX);
	memcpy(bytes, context.ptr, context.len);
	bytes[context.len] = '\0'; /* so that no context is the beginning of another */
	memcpy(bytes + context.len + 1, payload, len);
	hmac_sha256(key, (struct str){bytes, context.len + 1 + len}, ret);
}

size_t token_seal(const struct key_ring *keys, size_t i, struct str context, struct token_fields *fields,
		  char *ret)
{
	uint8_t mac[SHA256_SIZE];
	assert(fields->len + TOKEN_MAC_SIZE <= TOKEN_OCTETS_MAX);
	token_mac(key_ring_key(keys, i), context, fields->octets, fields->len, mac);
	memcpy(fields->octets + fields->len, mac, TOKEN_MAC_SIZE);
	return base64url_encode(fields->octets, fields->len + TOKEN_MAC_SIZE, ret);
}

static bool mac_fits(const struct key_ring *keys, struct str context, const uint8_t *octets,
		     size_t payload_len)
{
	uint8_t mac[SHA256_SIZE];
	unsigned fits = 0, tried = 0;
	for (size_t i = 0; i < key_ring_size(keys); i++) {
		if (key_ring_id(keys, i) != (octets[0] & KEY_ID_MASK))
			continue;
		token_mac(key_ring_key(keys, i), context, octets, payload_len, mac);
		fits |= mac_equal(mac, octets + payload_len, TOKEN_MAC_SIZE);
		tried++;
	}
	if (tried == 0)
		token_mac(key_ring_key(keys, 0), context, octets, payload_len, mac);
	return fits;
}

int token_open(const struct key_ring *keys, struct str context, struct str text, struct token_fields *ret)
{
	uint8_t octets[TOKEN_OCTETS_MAX];
	int n = base64url_decode(text, octets, sizeof(octets));
	if (n < 1 + TOKEN_MAC_SIZE || octets[0] >> 6 != TOKEN_VERSION)
		return -ENOENT;
	size_t payload_len = (size_t)n - TOKEN_MAC_SIZE;
	if (!mac_fits(keys, context, octets, payload_len))
		return -ENOENT;
	ret->len = payload_len - 1;
	memcpy(ret->octets, octets + 1, ret->len);
	return 0;
}
