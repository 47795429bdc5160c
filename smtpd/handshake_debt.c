/*
 * Counters of handshakes without mail, by client, network and block.
 *
 * Always true: a counter is at least what each network that falls on it owes, after halving; never less than 0, never
 * more than OWED_MAX. The hash is keyed with random octets, since clients choose their addresses.
 *
 * Loop thread.
 */
#include "smtpd/handshake_debt.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/mac.h"

#define COUNTERS  8192 /* of each level; a power of two */
#define HALVES_MS 10000
#define OWED_MAX  UINT16_MAX

static const uint16_t owed_high[POLICY_LEVELS] = {32, 128, 512};

struct handshake_debt {
	uint64_t secret[2];
	int64_t halved_ms;
	uint16_t owed[POLICY_LEVELS][COUNTERS];
};

struct handshake_debt *handshake_debt_new(void)
{
	struct handshake_debt *debt = XNEW(struct handshake_debt);
	random_bytes(debt->secret, sizeof(debt->secret));
	return debt;
}

struct handshake_debt *handshake_debt_free(struct handshake_debt *debt)
{
	free(debt);
	return NULL;
}

static void halve(struct handshake_debt *debt)
{
	for (size_t level = 0; level < POLICY_LEVELS; level++)
		for (size_t i = 0; i < COUNTERS; i++)
			debt->owed[level][i] /= 2;
}

/* Sixteen halvings forgive everything. */
static void forgive(struct handshake_debt *debt, int64_t now_ms)
{
	for (unsigned i = 0; i < 16 && now_ms - debt->halved_ms >= HALVES_MS; i++) {
		halve(debt);
		debt->halved_ms += HALVES_MS;
	}
	if (now_ms - debt->halved_ms >= HALVES_MS)
		debt->halved_ms = now_ms;
}

static uint16_t *owed_by(struct handshake_debt *debt, const struct policy_address *address, size_t level)
{
	struct policy_network network = policy_network_around(address, level);
	uint64_t h = policy_network_hash(&network, debt->secret);
	return &debt->owed[level][h & (COUNTERS - 1)];
}

void handshake_debt_add(struct handshake_debt *debt, const struct policy_address *address, int64_t now_ms)
{
	forgive(debt, now_ms);
	for (size_t level = 0; level < POLICY_LEVELS; level++) {
		uint16_t *owed = owed_by(debt, address, level);
		*owed = (uint16_t)(*owed + (*owed < OWED_MAX));
	}
}

void handshake_debt_pay(struct handshake_debt *debt, const struct policy_address *address, int64_t now_ms)
{
	forgive(debt, now_ms);
	for (size_t level = 0; level < POLICY_LEVELS; level++) {
		uint16_t *owed = owed_by(debt, address, level);
		*owed = (uint16_t)(*owed - (*owed > 0));
	}
}

bool handshake_debt_high(struct handshake_debt *debt, const struct policy_address *address, int64_t now_ms)
{
	bool high = false;
	forgive(debt, now_ms);
	for (size_t level = 0; level < POLICY_LEVELS; level++)
		high |= *owed_by(debt, address, level) > owed_high[level];
	return high;
}
