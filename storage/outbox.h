/*
 * Jobs due to leave: made in the transaction of what they belong to, with their Message-ID, so that a repeated job is
 * the same mail. Nothing is ever deleted here: a job ends in a state.
 *
 *	DUE -> CLAIMED -> SENT                      outbox_claim, outbox_settle
 *	          |-----> DUE                       not now; later, with a reason
 *	          |-----> FAILED                    parked; outbox_retry brings it back
 *	DUE, FAILED ----> CANCELLED                 by hand
 *	SENT -----------> BOUNCED                   a report came back
 *
 * CLAIMED says that this run of the server has it under way; the next start makes all of them DUE again, so a crash
 * repeats a job at worst. The jobs that did not leave are in an index of their own: what has left costs a claim
 * nothing. Writer thread.
 */
#ifndef SERVELO_STORAGE_OUTBOX_H
#define SERVELO_STORAGE_OUTBOX_H

#include "base/arena.h"
#include "base/base.h"
#include "storage/ids.h"
#include "storage/store.h"

/* Numbers are part of the format. */
#define OUTBOX_KINDS(X)                                                                            \
	X(OUTBOX_FORWARD, "forward")               /* the operator's mail, on to his inbox */      \
	X(OUTBOX_NOTIFY_TICKET, "notify_ticket")   /* a new ticket, to the team */                 \
	X(OUTBOX_CONFIRM, "confirm")               /* its number, to the customer */               \
	X(OUTBOX_NOTIFY_COMMENT, "notify_comment") /* a comment, to the team */                    \
	X(OUTBOX_ANSWER, "answer")                 /* an agent's comment, to the customer */       \
	X(OUTBOX_NOTIFY_FAILURE,                                                                   \
	  "notify_failure") /* a mail of ours that could not be delivered, to the team */          \
	X(OUTBOX_NOTIFY_ASSIGNED, "notify_assigned") /* a ticket, to the agent who was given it */ \
	X(OUTBOX_FORWARDING, "forwarding")           /* a provider's forwarding confirmation, to the admin */
#define OUTBOX_KIND_ID(id, name) id,
enum outbox_kind { OUTBOX_KINDS(OUTBOX_KIND_ID) };
const char *outbox_kind_name(enum outbox_kind kind);

/* Those that did not leave come first: the index of them says state < OUTBOX_CANCELLED. */
enum outbox_state {
	OUTBOX_DUE,
	OUTBOX_CLAIMED,
	OUTBOX_FAILED,
	OUTBOX_CANCELLED,
	OUTBOX_SENT,
	OUTBOX_BOUNCED
};
const char *outbox_state_name(
	enum outbox_state state); /* "due", "sending", "failed", "cancelled", "sent", "bounced" */
int outbox_state_parse(struct str text, enum outbox_state *ret); /* -EINVAL */

struct outbox_row {
	struct outbox_id id;
	enum outbox_kind kind;
	enum outbox_state state;
	struct tenant_id tenant;
	struct ticket_id ticket;
	struct comment_id comment;
	struct message_id message;    /* of a forward and of a forwarding confirmation: the original */
	int64_t participant;          /* whose reply token it carries (participant.h); 0: none */
	struct str recipient;         /* where it goes: local@domain */
	struct str mailbox;           /* for a forward: the mailbox of ours that it came to */
	struct str header_message_id; /* without angle brackets */
	struct str text;              /* what has no comment to be read from: a failure's story; else empty */
	int64_t created_ms, due_ms;
	int64_t since_ms;   /* the five days count from here: made, or brought back by outbox_retry */
	int64_t tries;      /* claims that reached the mail itself */
	int64_t settled_ms; /* 0: not tried yet */
	struct str
		why; /* the last thing that was said about it: "450 4.2.1 ...", "connection refused"; one line, UTF-8 */
};
#define OUTBOX_WHY_MAX 512 /* octets; more is cut */

/* id, state, since_ms, tries, settled_ms, why of the row are ignored. */
int outbox_add(struct store_txn *txn, const struct outbox_row *row, struct outbox_id *ret);
/* Views are valid until the next call with the same txn. -ENOENT. */
int outbox_get(struct store_txn *txn, struct outbox_id id, struct outbox_row *ret);

/* Its views become copies in the arena, to outlive the next call. -ENOBUFS: some may be. */
int outbox_row_keep(struct outbox_row *row, struct arena *arena);
/* The ticket's job with this Message-ID. As outbox_get. */
int outbox_find(struct store_txn *txn, struct ticket_id ticket, struct str header_message_id,
		struct outbox_row *ret);

/* A claimed job, and what making its reply address needs. */
struct outbox_claim {
	struct outbox_row row;
	struct str slug;       /* of its tenant; empty: none */
	int64_t ticket_number; /* 0: none */
};
/* No job waits longer than this for its next try (outbound/backoff.h). One that is due later than that was made by a
 * clock that was wrong, and is due now. */
#define OUTBOX_WAIT_MAX_MS (INT64_C(7) * 60 * 60 * 1000)

/* The jobs that are due at now_ms, the longest due first, max at most: CLAIMED from now on. Everything in *ret is in
 * the arena (which is not cleared). *ret_next_due_ms: when the next of the others will be due; INT64_MAX: none is
 * waiting. None while the outbox is paused: then *ret_next_due_ms is INT64_MAX too. When the arena is full, those that fit
 * are claimed; -ENOBUFS: not even one does, and none was. Nothing is kept from an earlier call, so it may stand in a
 * repeatable job that clears the arena first. */
int outbox_claim(struct store_txn *txn, int64_t now_ms, size_t max, struct arena *arena,
		 struct outbox_claim **ret, size_t *ret_n, int64_t *ret_next_due_ms);
/* CLAIMED -> DUE, all of them; at start. *ret_n counts. */
int outbox_release(struct store_txn *txn, size_t *ret_n);

struct outbox_settlement {
	enum outbox_state state; /* SENT, FAILED or DUE */
	int64_t due_ms;          /* for DUE */
	bool tried;              /* counts as a try */
	struct str why;
	int64_t now_ms;
};
/* Of a job that is CLAIMED; another one is left as it is (it was cancelled meanwhile): 0 then too. */
int outbox_settle(struct store_txn *txn, struct outbox_id id, const struct outbox_settlement *settlement);
/* 1: marked now; 0: it was marked before; -ENOENT. Any state but CLAIMED: that is -EBUSY (its fate is about to be
 * known; whoever brings the report says "later"). */
int outbox_mark_bounced(struct store_txn *txn, struct outbox_id id, struct str why, int64_t now_ms);
/* DUE and FAILED jobs: due now, as if never tried (the five days begin anew). -ENOENT, -EBUSY (it is under way),
 * -EALREADY (it has left or was cancelled). */
int outbox_retry(struct store_txn *txn, struct outbox_id id, int64_t now_ms);
/* Every FAILED one. *ret_n counts. */
int outbox_retry_failed(struct store_txn *txn, int64_t now_ms, size_t *ret_n);
int outbox_cancel(struct store_txn *txn, struct outbox_id id, struct str why,
		  int64_t now_ms); /* errors as retry */
/* Kept over restarts. */
int outbox_set_paused(struct store_txn *txn, bool paused);

/*
 * Addresses that get no more mail of a tenant, because somebody there complained (RFC 5965). Checked by outbox_claim():
 * jobs to them become FAILED with the reason.
 */
int stopped_add(struct store_txn *txn, struct tenant_id tenant, struct str address, struct str why,
		int64_t now_ms);
/* 0, or -ENOENT when it was not stopped. */
int stopped_remove(struct store_txn *txn, struct tenant_id tenant, struct str address);

#endif
