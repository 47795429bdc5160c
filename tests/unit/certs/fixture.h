/*
 * Certificates for tests: a small CA, leaves of either kind with any names and any lifetime, written to a
 * folder of their own. And two channels joined in one process, by pipes that cut the bytes as they like.
 */
#ifndef SERVELO_TESTS_UNIT_CERTS_FIXTURE_H
#define SERVELO_TESTS_UNIT_CERTS_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/alloc.h"
#include "base/base.h"
#include "certs/certs.h"
#include "certs/tls_channel.h"

#define MUST(condition)                                                                 \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

enum key_type { KEY_ECDSA, KEY_RSA };

struct leaf_spec {
	const char *name; /* of the files: NAME.pem, NAME.key */
	enum key_type type;
	const char *alt_names; /* "DNS:a.example,IP:127.0.0.1" */
	long from_s, to_s;     /* relative to now */
};

struct test_ca {
	EVP_PKEY *key;
	X509 *cert;
};

static inline EVP_PKEY *make_key(enum key_type type)
{
	EVP_PKEY *key = type == KEY_ECDSA ? EVP_EC_gen("P-256") : EVP_RSA_gen((unsigned)2048);
	MUST(key != NULL);
	return key;
}

static inline void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	MUST(extension != NULL && X509_add_ext(cert, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static inline X509 *make_cert(EVP_PKEY *key, const char *common_name, const struct test_ca *ca,
			      const struct leaf_spec *spec)
{
	static long serial;
	X509 *cert = X509_new();
	MUST(cert != NULL);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), spec ? spec->from_s : -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), spec ? spec->to_s : 86400);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)common_name, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(ca ? ca->cert : cert));
	X509_set_pubkey(cert, key);
	add_extension(cert, ca ? ca->cert : cert, NID_basic_constraints,
		      ca ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (spec)
		add_extension(cert, ca ? ca->cert : cert, NID_subject_alt_name, spec->alt_names);
	MUST(X509_sign(cert, ca ? ca->key : key, EVP_sha256()) > 0);
	return cert;
}

static inline void ca_init(struct test_ca *ca, const char *name)
{
	ca->key = make_key(KEY_ECDSA);
	ca->cert = make_cert(ca->key, name, NULL, NULL);
}

static inline void ca_done(struct test_ca *ca)
{
	EVP_PKEY_free(ca->key);
	X509_free(ca->cert);
}

/* dir/name.suffix, to be freed. */
static inline char *file_in(const char *dir, const char *name, const char *suffix)
{
	return xasprintf("%s/%s.%s", dir, name, suffix);
}

static inline void write_cert(const char *path, X509 *cert)
{
	FILE *file = fopen(path, "w");
	MUST(file != NULL && PEM_write_X509(file, cert) == 1);
	fclose(file);
}

static inline void write_key(const char *path, EVP_PKEY *key, const char *passphrase)
{
	FILE *file = fopen(path, "w");
	MUST(file != NULL);
	MUST(PEM_write_PrivateKey(file, key, passphrase ? EVP_aes_128_cbc() : NULL,
				  (const unsigned char *)passphrase, passphrase ? (int)strlen(passphrase) : 0,
				  NULL, NULL) == 1);
	fclose(file);
	MUST(chmod(path, 0600) == 0);
}

static inline void write_leaf(const char *dir, const struct test_ca *ca, const struct leaf_spec *spec)
{
	EVP_PKEY *key = make_key(spec->type);
	X509 *cert = make_cert(key, spec->name, ca, spec);
	char *cert_path = file_in(dir, spec->name, "pem"), *key_path = file_in(dir, spec->name, "key");
	write_cert(cert_path, cert);
	write_key(key_path, key, NULL);
	free(cert_path);
	free(key_path);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static inline char *make_dir(void)
{
	char *dir = xstrdup("/tmp/servelo-certs-XXXXXX");
	MUST(mkdtemp(dir) != NULL);
	return dir;
}

static inline void remove_dir(char *dir)
{
	char *command = xasprintf("rm -rf '%s'", dir);
	MUST(system(command) == 0);
	free(command);
	free(dir);
}

/* Up to eight certificates given as "host:name" of leaves in dir. */
struct conf_fixture {
	struct cert_conf items[8];
	struct certs_conf conf;
};

static inline void conf_init(struct conf_fixture *fixture)
{
	memset(fixture, 0, sizeof(*fixture));
	fixture->conf.starttls = true;
	fixture->conf.ciphers = "";
	fixture->conf.certificates.items = fixture->items;
}

static inline void conf_add(struct conf_fixture *fixture, const char *dir, const char *host, const char *name)
{
	size_t n = fixture->conf.certificates.n++;
	MUST(n < ARRAY_SIZE(fixture->items));
	fixture->items[n] = (struct cert_conf){host, file_in(dir, name, "pem"), file_in(dir, name, "key")};
}

static inline void conf_done(struct conf_fixture *fixture)
{
	for (size_t i = 0; i < fixture->conf.certificates.n; i++) {
		free((char *)(uintptr_t)fixture->items[i].chain);
		free((char *)(uintptr_t)fixture->items[i].key);
	}
}

/* Bytes on their way from one end to the other. */
struct pipe_bytes {
	char *ptr;
	size_t len;
};

static inline void pipe_take_output(struct pipe_bytes *pipe, struct tls_channel *tls)
{
	struct str out;
	while (tls_channel_output(tls, &out)) {
		pipe->ptr = xrealloc(pipe->ptr, pipe->len + out.len);
		memcpy(pipe->ptr + pipe->len, out.ptr, out.len);
		pipe->len += out.len;
	}
}

/* Feed len octets of the pipe (as an allocation of exactly that size, so that a sanitizer sees who looks too
 * far or too late), and drop them. */
static inline enum tls_event pipe_feed(struct pipe_bytes *pipe, struct tls_channel *tls, size_t len)
{
	char *copy = xmalloc(len ? len : 1);
	memcpy(copy, pipe->ptr, len);
	memmove(pipe->ptr, pipe->ptr + len, pipe->len - len);
	pipe->len -= len;
	enum tls_event event = tls_channel_feed(tls, (struct str){copy, len});
	free(copy);
	return event;
}

#endif
