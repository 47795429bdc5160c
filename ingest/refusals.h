/*
 * Refused recipients are accounted for: one audit row "refused" each, with the reply the client was given.
 * Loop thread.
 */
#ifndef SERVELO_INGEST_REFUSALS_H
#define SERVELO_INGEST_REFUSALS_H

#include "ingest/delivery.h"
#include "storage/store.h"

struct refusals {
	struct store *store;
	size_t queued;   /* rows under way; the owner waits for 0 before it goes */
	int64_t dropped; /* refusals that came faster than they could be written */
};
void refusals_init(struct refusals *refusals, struct store *store);
/* Copies what it needs. recipient: the forward-path as the client gave it. */
void refusals_add(struct refusals *refusals, const struct delivery *delivery, struct str recipient,
		  struct str reply);

#endif
