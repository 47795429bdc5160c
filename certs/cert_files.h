/*
 * A certificate chain and its private key from PEM files, with the checks that a start must not skip.
 *
 * The key file must be a regular file that gives no permission to group and others, and its key must not ask
 * for a passphrase: nobody is there to type it. Files are bounded (1 MiB) and read once, from one descriptor,
 * so what was checked is what was read. Main or loop thread (it blocks on the disk).
 */
#ifndef SERVELO_CERTS_CERT_FILES_H
#define SERVELO_CERTS_CERT_FILES_H

#include "base/conf.h"

struct evp_pkey_st;
struct x509_st;
struct stack_st_X509;

struct cert_files {
	struct x509_st *leaf;
	struct stack_st_X509 *intermediates;
	struct evp_pkey_st *key;
};

/* -EACCES (the key's mode), -EINVAL (bad PEM, encrypted key, key of another certificate), or -errno of the
 * file; *ret is untouched then and reterr names the file. */
int cert_files_load(struct cert_files *ret, const char *chain_file, const char *key_file,
		    struct conf_error *reterr);
void cert_files_done(struct cert_files *files);

#endif
