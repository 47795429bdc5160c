/*
 * PEM files, read with care. See cert_files.h for what is refused.
 *
 * How a file is opened and whose it may be is in base/private_file.c. The octets of a key are wiped as soon as
 * OpenSSL has parsed them; the key itself is OpenSSL's, which wipes it with its last reference. Main or loop thread.
 */
#include <errno.h>
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/private_file.h"
#include "certs/cert_files.h"
#include "certs/certs_private.h"

#define PEM_FILE_MAX ((size_t)1024 * 1024)
#define CHAIN_MAX    16

static int complain(struct conf_error *reterr, int err, const char *file, const char *why)
{
	snprintf(reterr->text, sizeof(reterr->text), "%s: %s", file, why);
	return err;
}

/* Called only for what is encrypted: say so, and give no passphrase. Without it OpenSSL would ask the
 * terminal. */
static int on_passphrase(char *buf, int size, int rwflag, void *ctx)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	if (ctx != NULL)
		*(bool *)ctx = true;
	return -1;
}

static int read_chain(BIO *bio, struct cert_files *files)
{
	files->leaf = PEM_read_bio_X509(bio, NULL, on_passphrase, NULL);
	files->intermediates = sk_X509_new_null();
	if (files->leaf == NULL || files->intermediates == NULL)
		return -EINVAL;
	X509 *next;
	while ((next = PEM_read_bio_X509(bio, NULL, on_passphrase, NULL)) != NULL) {
		if (sk_X509_num(files->intermediates) < CHAIN_MAX &&
		    sk_X509_push(files->intermediates, next) > 0)
			continue;
		X509_free(next);
		return -EINVAL;
	}
	/* The end of the file shows as "no start line"; anything else is a broken certificate. */
	unsigned long code = ERR_peek_last_error();
	return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE ? 0 : -EINVAL;
}

static int load_chain(struct cert_files *files, const char *path, struct conf_error *reterr)
{
	struct str pem;
	int r = private_file_read(path, FILE_PUBLIC, PEM_FILE_MAX, &pem, reterr);
	if (r < 0)
		return r;
	ERR_clear_error();
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	r = bio ? read_chain(bio, files) : -ENOMEM;
	if (r < 0)
		tls_error_text(reterr, path);
	ERR_clear_error();
	BIO_free(bio);
	private_file_free(pem);
	return r;
}

static int load_key(struct cert_files *files, const char *path, struct conf_error *reterr)
{
	struct str pem;
	int r = private_file_read(path, FILE_PRIVATE, PEM_FILE_MAX, &pem, reterr);
	if (r < 0)
		return r;
	ERR_clear_error();
	bool encrypted = false;
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	files->key = bio ? PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, &encrypted) : NULL;
	if (encrypted)
		r = complain(reterr, -EINVAL, path,
			     "the key is protected by a passphrase, which nobody can type here");
	else if (files->key == NULL) {
		tls_error_text(reterr, path);
		r = -EINVAL;
	}
	ERR_clear_error();
	BIO_free(bio);
	private_file_free(pem);
	return r;
}

int cert_files_load(struct cert_files *ret, const char *chain_file, const char *key_file,
		    struct conf_error *reterr)
{
	struct cert_files files = {NULL, NULL, NULL};
	int r = load_chain(&files, chain_file, reterr);
	if (r < 0)
		goto out;
	r = load_key(&files, key_file, reterr);
	if (r < 0)
		goto out;
	if (X509_check_private_key(files.leaf, files.key) != 1) {
		snprintf(reterr->text, sizeof(reterr->text), "%s: not the key of the certificate in %s",
			 key_file, chain_file);
		r = -EINVAL;
		goto out;
	}
	*ret = files;
	return 0;
out:
	ERR_clear_error();
	cert_files_done(&files);
	return r;
}

void cert_files_done(struct cert_files *files)
{
	X509_free(files->leaf);
	sk_X509_pop_free(files->intermediates, X509_free);
	EVP_PKEY_free(files->key);
	*files = (struct cert_files){NULL, NULL, NULL};
}
