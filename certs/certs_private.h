/*
 * What the files of this folder share: the OpenSSL objects behind certs.h and tls_channel.h. Nobody above
 * this folder includes it.
 */
#ifndef SERVELO_CERTS_CERTS_PRIVATE_H
#define SERVELO_CERTS_CERTS_PRIVATE_H

#include "certs/certs.h"
#include "certs/tls_channel.h"

struct ssl_st;
struct ssl_ctx_st;

/* The context a new server session begins with (its SNI callback changes to the right one); NULL when there
 * is no certificate at all. Lives as long as certs. */
struct ssl_ctx_st *certs_default_context(const struct certs *certs);

/* A client session towards host, ready for its first handshake step; NULL when host cannot be verified as
 * the client demands, or when memory is out. The caller owns it. */
struct ssl_st *tls_client_session(const struct tls_client *client, const char *host);

/* "%s: reason" of OpenSSL's oldest queued error into reterr; the queue is empty afterwards. */
void tls_error_text(struct conf_error *reterr, const char *what);

#endif
