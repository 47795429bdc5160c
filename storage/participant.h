/*
 * Who takes part in a ticket. Numbers count within the ticket and stand in reply tokens, so they never change their
 * meaning. Two are there without a row, because each ticket has them: the requester and the team (the tenant's
 * notify_email, else admin_email, as it is today). Rows are made for agents who are given the ticket. Nobody becomes
 * a participant by what a mail's header section says (SPEC section 5). Writer thread.
 */
#ifndef SERVELO_STORAGE_PARTICIPANT_H
#define SERVELO_STORAGE_PARTICIPANT_H

#include "base/arena.h"
#include "storage/ids.h"
#include "storage/store.h"

#define PARTICIPANT_REQUESTER INT64_C(1)
#define PARTICIPANT_TEAM      INT64_C(2)
#define PARTICIPANT_FIRST_ROW INT64_C(3)

enum participant_kind { PARTICIPANT_CLIENT, PARTICIPANT_AGENT };

struct participant {
	int64_t number;
	enum participant_kind kind;
	struct str address;
};
/* The one with this address (compared without case), made when there is none. */
int participant_add(struct store_txn *txn, struct ticket_id ticket, enum participant_kind kind,
		    struct str address, int64_t now_ms, int64_t *ret_number);
/* Those with rows, in order of number; in the arena. */
int participants_get(struct store_txn *txn, struct ticket_id ticket, struct arena *arena,
		     struct participant **ret, size_t *ret_n);

/* The same for the command line: as a reader sees them, in order of number; false ends it. */
struct reader;
typedef bool participant_fn(void *ctx, const struct participant *participant);
int reader_participants(struct reader *reader, struct ticket_id ticket, participant_fn *fn, void *ctx);

#endif
