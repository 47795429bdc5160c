/*
 * Who shakes hands and brings no mail. A full TLS handshake costs us as much as a mail and its client next to nothing,
 * if it likes; so each one is a debt of the client and of the networks around it (policy.h), and the first mail that the
 * session delivers pays it back. Debts are halved every ten seconds.
 *
 * Who is over its head in debt is not refused: it waits while others have work for us (handshake_line.h). One of two
 * handshakes without mail, a probe of a monitor, a mail that was refused: all that is far from it. The limits are 32 for
 * an IPv4 address or /64, 128 for a /26 or /48, 512 for a /21 or /32.
 *
 * Memory is constant: counters, found by a keyed hash. Two networks may share one; that all of them are high takes some
 * ten thousand handshakes a second, where one that is begun and no more counts too. Loop thread, time from outside (any
 * clock in ms that only goes up).
 */
#ifndef SERVELO_SMTPD_HANDSHAKE_DEBT_H
#define SERVELO_SMTPD_HANDSHAKE_DEBT_H

#include "smtpd/policy.h"

struct handshake_debt;
struct handshake_debt *handshake_debt_new(void);
struct handshake_debt *handshake_debt_free(struct handshake_debt *debt);

/* One more handshake. */
void handshake_debt_add(struct handshake_debt *debt, const struct policy_address *address, int64_t now_ms);
/* It brought a mail. At most once for each that was added. */
void handshake_debt_pay(struct handshake_debt *debt, const struct policy_address *address, int64_t now_ms);
bool handshake_debt_high(struct handshake_debt *debt, const struct policy_address *address, int64_t now_ms);

#endif
