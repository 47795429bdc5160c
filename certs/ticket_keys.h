/*
 * The keys of session tickets (RFC 5077, RFC 8446 4.6.1): in memory only, shared by all contexts of the
 * process, so that a ticket survives a reload of the certificates and serves any host name's context.
 *
 * A key seals new tickets for TICKET_KEY_LIFETIME_MS and opens old ones for as long again; then it is gone,
 * and with it whatever was recorded under it. Any thread.
 */
#ifndef SERVELO_CERTS_TICKET_KEYS_H
#define SERVELO_CERTS_TICKET_KEYS_H

#define TICKET_KEY_LIFETIME_MS (6 * 60 * 60 * 1000)

struct ssl_ctx_st;

void ticket_keys_use(struct ssl_ctx_st *context);

#endif
