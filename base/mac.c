/*
 * Digests, keyed digests, random octets and their texts: the door to libcrypto for all that is not TLS.
 *
 * SHA-256 is fetched from the provider once, on first use, and kept: with OpenSSL 3 a fetch per digest costs
 * more than digesting a short string. HMAC is composed here of two digests (RFC 2104), which needs no other
 * fetch and no allocation. libcrypto failing at any of this means no memory or no provider: nothing that the
 * program could go on without, so it ends. Any thread.
 */
#include "base/mac.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "base/alloc.h"

#define HMAC_BLOCK 64  /* octets: SHA-256's block size */
#define SPARES_MAX 2   /* contexts that a thread keeps: a new one costs as much as digesting 300 octets */
#define POOL_SIZE  512 /* octets of randomness that a thread fetches at once ... */
#define POOLED_MAX 8   /* ... for ids and nonces: so many octets; keys are fetched for themselves */

struct spares {
	EVP_MD_CTX *ctx[SPARES_MAX];
	size_t n;
};

static EVP_MD *sha256_md;
static pthread_key_t spares_key; /* struct spares: the thread's contexts that are not in use */
static pthread_once_t sha256_once_control = PTHREAD_ONCE_INIT;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "servelo: libcrypto failed: %s\n", what);
	_Exit(EX_OSERR);
}

static void free_spares(void *arg)
{
	struct spares *spares = arg;
	while (spares->n > 0)
		EVP_MD_CTX_free(spares->ctx[--spares->n]);
	free(spares);
}

static void prepare_sha256(void)
{
	sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(sha256_md, "there is no SHA256");
	must(pthread_key_create(&spares_key, free_spares) == 0, "no key for a thread's contexts");
}

static struct spares *own_spares(void)
{
	struct spares *spares = pthread_getspecific(spares_key);
	if (spares)
		return spares;
	spares = XNEW(struct spares);
	must(pthread_setspecific(spares_key, spares) == 0, "no room for a thread's contexts");
	return spares;
}

void sha256_init(struct sha256 *sha)
{
	pthread_once(&sha256_once_control, prepare_sha256);
	struct spares *spares = own_spares();
	EVP_MD_CTX *ctx = spares->n > 0 ? spares->ctx[--spares->n] : EVP_MD_CTX_new();
	must(ctx && EVP_DigestInit_ex2(ctx, sha256_md, NULL), "SHA256 init");
	sha->ctx = ctx;
}

void sha256_update(struct sha256 *sha, struct str bytes)
{
	if (bytes.len)
		must(EVP_DigestUpdate(sha->ctx, bytes.ptr, bytes.len), "SHA256 update");
}

/* The context knows the digest and nothing else now: it may stay. */
void sha256_final(struct sha256 *sha, uint8_t ret[SHA256_SIZE])
{
	struct spares *spares = own_spares();
	must(EVP_DigestFinal_ex(sha->ctx, ret, NULL), "SHA256 final");
	if (spares->n == SPARES_MAX) {
		sha256_discard(sha);
		return;
	}
	spares->ctx[spares->n++] = sha->ctx;
	sha->ctx = NULL;
}

void sha256_discard(struct sha256 *sha)
{
	EVP_MD_CTX_free(sha->ctx);
	sha->ctx = NULL;
}

void sha256_once(struct str bytes, uint8_t ret[SHA256_SIZE])
{
	struct sha256 sha;
	sha256_init(&sha);
	sha256_update(&sha, bytes);
	sha256_final(&sha, ret);
}

/* One of the two digests of RFC 2104: H((key xor pad) || bytes). */
static void hmac_half(const uint8_t key[HMAC_BLOCK], uint8_t pad, struct str bytes, uint8_t ret[SHA256_SIZE])
{
	char block[HMAC_BLOCK];
	for (size_t i = 0; i < HMAC_BLOCK; i++)
		block[i] = (char)(key[i] ^ pad);
	struct sha256 sha;
	sha256_init(&sha);
	sha256_update(&sha, (struct str){block, sizeof(block)});
	sha256_update(&sha, bytes);
	sha256_final(&sha, ret);
	OPENSSL_cleanse(block, sizeof(block));
}

void hmac_sha256(struct str key, struct str bytes, uint8_t ret[SHA256_SIZE])
{
	uint8_t padded[HMAC_BLOCK] = {0};
	uint8_t inner[SHA256_SIZE];
	if (key.len > HMAC_BLOCK)
		sha256_once(key, padded);
	else if (key.len)
		memcpy(padded, key.ptr, key.len);
	hmac_half(padded, 0x36, bytes, inner);
	hmac_half(padded, 0x5c, (struct str){(const char *)inner, sizeof(inner)}, ret);
	OPENSSL_cleanse(padded, sizeof(padded));
	OPENSSL_cleanse(inner, sizeof(inner));
}

bool mac_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

static void random_fresh(void *buf, size_t len)
{
	uint8_t *next = buf;
	while (len > 0) {
		size_t part = len < 4096 ? len : 4096;
		must(RAND_bytes(next, (int)part) == 1, "no random octets");
		next += part;
		len -= part;
	}
}

/* What is handed out is forgotten here. */
static void random_pooled(void *buf, size_t len)
{
	static _Thread_local uint8_t pool[POOL_SIZE];
	static _Thread_local size_t left;
	if (left < len) {
		random_fresh(pool, sizeof(pool));
		left = sizeof(pool);
	}
	left -= len;
	memcpy(buf, pool + left, len);
	OPENSSL_cleanse(pool + left, len);
}

void random_bytes(void *buf, size_t len)
{
	if (len <= POOLED_MAX)
		random_pooled(buf, len);
	else
		random_fresh(buf, len);
}

size_t base64url_encode(const void *bytes, size_t len, char *ret)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const uint8_t *in = bytes;
	size_t out = 0;
	uint32_t bits = 0;
	unsigned bits_n = 0;
	for (size_t i = 0; i < len; i++) {
		bits = (bits << 8 | in[i]) & 0xffff;
		bits_n += 8;
		while (bits_n >= 6) {
			bits_n -= 6;
			ret[out++] = alphabet[bits >> bits_n & 63];
		}
	}
	if (bits_n > 0)
		ret[out++] = alphabet[bits << (6 - bits_n) & 63];
	ret[out] = '\0';
	return out;
}

static int base64url_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : -1;
}

int base64url_decode(struct str text, void *ret, size_t ret_max)
{
	uint8_t *out = ret;
	if (text.len % 4 == 1)
		return -EINVAL;
	size_t n = text.len / 4 * 3 + (text.len % 4 ? text.len % 4 - 1 : 0);
	if (n > ret_max || n > INT32_MAX)
		return -ENOBUFS;
	uint32_t bits = 0;
	unsigned bits_n = 0;
	size_t written = 0;
	for (size_t i = 0; i < text.len; i++) {
		int value = base64url_value(text.ptr[i]);
		if (value < 0)
			return -EINVAL;
		bits = (bits << 6 | (uint32_t)value) & 0x3fff;
		bits_n += 6;
		if (bits_n >= 8) {
			bits_n -= 8;
			out[written++] = (uint8_t)(bits >> bits_n);
		}
	}
	if (bits & ((1U << bits_n) - 1))
		return -EINVAL;
	return (int)written;
}

void hex_encode(const void *bytes, size_t len, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = bytes;
	for (size_t i = 0; i < len; i++) {
		ret[2 * i] = digits[in[i] >> 4];
		ret[2 * i + 1] = digits[in[i] & 15];
	}
	ret[2 * len] = '\0';
}
