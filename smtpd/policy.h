/*
 * How much one client may ask of us: networks that are not counted, connections per client and its networks, and
 * the budgets of a session. Pure but for memory; loop thread.
 *
 * A client is an IPv4 address or an IPv6 /64, since that is what one customer of a provider gets; its network is the
 * /26 or /48 around it, its block the /21 or /32: who has many addresses has them there.
 */
#ifndef SERVELO_SMTPD_POLICY_H
#define SERVELO_SMTPD_POLICY_H

#include <sys/socket.h>

#include "smtpd/reply.h"
#include "smtpd/smtp_server.h"

/* 16 octets, an IPv4 address mapped into IPv6 (RFC 4291 2.5.5.2). */
struct policy_address {
	uint8_t octets[16];
};
/* Addresses of other families (a Unix socket) are all zero. */
struct policy_address policy_address_of(const struct sockaddr *sa);
/* "192.0.2.1" or "2001:db8::1"; buf holds at least POLICY_TEXT_SIZE. Returns buf. */
#define POLICY_TEXT_SIZE 48
char *policy_address_text(const struct policy_address *address, char *buf);

struct policy_network {
	struct policy_address address;
	unsigned bits;
};
/* "127.0.0.0/8", "2001:db8::/32", or a single address. -EINVAL. */
int policy_network_parse(struct str text, struct policy_network *ret);
bool policy_network_has(const struct policy_network *network, const struct policy_address *address);
/* What is around an address and counted: 0 the client itself, 1 its network, 2 its block. */
#define POLICY_LEVELS 3
struct policy_network policy_network_around(const struct policy_address *address, size_t level);
/* For tables of networks: all bits depend on all of the address, and on a secret, since clients choose their addresses. */
uint64_t policy_network_hash(const struct policy_network *network, const uint64_t secret[2]);

/* Connections now, per client, network and block. */
struct policy_clients;
struct policy_clients *policy_clients_new(void);
struct policy_clients *policy_clients_free(struct policy_clients *clients);
/* Counts one more, unless client, network or block have as many as limits allow; then false, and nothing is counted. */
bool policy_clients_enter(struct policy_clients *clients, const struct policy_address *address,
			  const struct limits_conf *limits);
void policy_clients_leave(struct policy_clients *clients, const struct policy_address *address);

/* What a session has used up. Each function counts one and says what is left of our patience: REPLY_NONE, or
 * the 421 that ends the session. */
struct policy_budget {
	int64_t errors, commands, unknown, transactions;
};
enum reply_id policy_count_error(struct policy_budget *budget, const struct limits_conf *limits);
enum reply_id policy_count_unknown(struct policy_budget *budget, const struct limits_conf *limits);
enum reply_id policy_count_command(struct policy_budget *budget, const struct limits_conf *limits);
enum reply_id policy_count_transaction(struct policy_budget *budget, const struct limits_conf *limits);
/* How long to wait before the next command is looked at, after an error or an unknown recipient. */
int64_t policy_delay_ms(const struct policy_budget *budget, const struct limits_conf *limits);

#endif
