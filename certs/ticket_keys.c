/*
 * Session ticket keys: two at most, the current one and the one before.
 *
 * keys[0] is current, keys[1] the older; a key with born_ms == 0 does not exist. Rotation happens when a
 * ticket is made or opened, by the monotonic clock, so an idle process keeps no timer for it. A mutex guards
 * them: contexts of several loops may share them.
 */
#include <pthread.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/mac.h"
#include "certs/ticket_keys.h"

#define KEY_NAME_SIZE 16

struct ticket_key {
	int64_t born_ms;
	unsigned char name[KEY_NAME_SIZE];
	unsigned char cipher[32]; /* AES-256-CBC */
	unsigned char mac[32];    /* HMAC-SHA256 */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ticket_key keys[2];

static void key_make(struct ticket_key *key, int64_t now_ms)
{
	random_bytes(key->name, sizeof(key->name));
	random_bytes(key->cipher, sizeof(key->cipher));
	random_bytes(key->mac, sizeof(key->mac));
	key->born_ms = now_ms;
}

static bool key_older_than(const struct ticket_key *key, int64_t now_ms, int64_t age_ms)
{
	return key->born_ms != 0 && now_ms - key->born_ms >= age_ms;
}

static void keys_rotate(int64_t now_ms)
{
	if (key_older_than(&keys[0], now_ms, TICKET_KEY_LIFETIME_MS)) {
		keys[1] = keys[0];
		OPENSSL_cleanse(&keys[0], sizeof(keys[0]));
	}
	if (key_older_than(&keys[1], now_ms, 2 * (int64_t)TICKET_KEY_LIFETIME_MS))
		OPENSSL_cleanse(&keys[1], sizeof(keys[1]));
	if (keys[0].born_ms == 0)
		key_make(&keys[0], now_ms);
}

static int key_index(const unsigned char *name)
{
	for (int i = 0; i < 2; i++)
		if (keys[i].born_ms != 0 && mac_equal(keys[i].name, name, KEY_NAME_SIZE))
			return i;
	return -1;
}

static bool key_apply(struct ticket_key *key, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
		      int sealing)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	return EVP_MAC_CTX_set_params(mac, params) == 1 &&
	       EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, sealing) == 1;
}

/* OpenSSL's contract: -1 is an error, 0 no such key (a full handshake follows), 1 fine, 2 fine but the client
 * should get a newer ticket. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		     EVP_MAC_CTX *mac, int sealing)
{
	(void)ssl;
	int result = -1;
	/* 0 stands for "no key", so time begins at 1. */
	int64_t now_ms = clock_mono_ms() + 1;
	pthread_mutex_lock(&lock);
	keys_rotate(now_ms);
	if (sealing) {
		random_bytes(iv, EVP_MAX_IV_LENGTH);
		memcpy(name, keys[0].name, KEY_NAME_SIZE);
		if (key_apply(&keys[0], iv, cipher, mac, 1))
			result = 1;
	} else {
		int i = key_index(name);
		if (i < 0)
			result = 0;
		else if (key_apply(&keys[i], iv, cipher, mac, 0))
			result = 1 + i;
	}
	pthread_mutex_unlock(&lock);
	return result;
}

void ticket_keys_use(struct ssl_ctx_st *context)
{
	SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
	SSL_CTX_set_timeout(context, TICKET_KEY_LIFETIME_MS / 1000);
}
