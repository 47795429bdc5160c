/*
 * Clients, tickets, comments, attachment records: inserts and look-ups of the writer.
 *
 * Numbers are counted per tenant. Every query carries the tenant. Text is valid UTF-8 (the caller's promise;
 * checked by assert in debug builds). Writer thread.
 */
#ifndef SERVELO_STORAGE_TICKET_H
#define SERVELO_STORAGE_TICKET_H

#include "base/arena.h"
#include "base/base.h"
#include "storage/ids.h"
#include "storage/store.h"

/*
 * The one table of states: number (as rows have it), name. A new one goes to the end, and into `status IN (...)` of the
 * statements that find a ticket by its number (ticket.c, reader.c): the index is (tenant, status, number), and SQLite
 * seeks once per status that is named there.
 */
#define TICKET_STATUSES(X)                                   \
	X(TICKET_OPEN, "open")                               \
	X(TICKET_IN_PROGRESS, "in_progress")                 \
	X(TICKET_WAITING_ON_CUSTOMER, "waiting_on_customer") \
	X(TICKET_WAITING_ON_AGENT, "waiting_on_agent")       \
	X(TICKET_RESOLVED, "resolved")                       \
	X(TICKET_CLOSED, "closed")                           \
	X(TICKET_REOPENED, "reopened")
#define TICKET_STATUS_ID(id, name)   id,
#define TICKET_STATUS_WORD(id, name) " " name
enum ticket_status { TICKET_STATUSES(TICKET_STATUS_ID) };
/* For help texts: " open in_progress ..." */
#define TICKET_STATUS_WORDS TICKET_STATUSES(TICKET_STATUS_WORD)
const char *ticket_status_name(enum ticket_status status);         /* "waiting_on_customer" */
int ticket_status_parse(struct str text, enum ticket_status *ret); /* -EINVAL */
/* The name that a slip of the finger is nearest to, or NULL. */
const char *ticket_status_near(struct str text);

/* address: local@domain, domain in lower case; compared without case. The name is set on creation only. */
int client_upsert(struct store_txn *txn, struct tenant_id tenant, struct str address, struct str display_name,
		  int64_t now_ms, struct client_id *ret);

/* Views are valid until the next call with the same txn. -ENOENT. */
int client_get(struct store_txn *txn, struct client_id id, struct str *ret_address,
	       struct str *ret_display_name);

/*
 * Small records of tenant/quota.h, opaque here: which confirmations a client got lately, and how many a tenant sent.
 * None yet: length 0.
 */
#define QUOTA_RECORD_MAX 160 /* octets */
int client_quota(struct store_txn *txn, struct client_id client, uint8_t ret[QUOTA_RECORD_MAX],
		 size_t *ret_len);
int client_set_quota(struct store_txn *txn, struct client_id client, const uint8_t *record, size_t len);
int tenant_quota(struct store_txn *txn, struct tenant_id tenant, uint8_t ret[QUOTA_RECORD_MAX],
		 size_t *ret_len);
int tenant_set_quota(struct store_txn *txn, struct tenant_id tenant, const uint8_t *record, size_t len);

struct ticket_row {
	struct ticket_id id;
	struct tenant_id tenant;
	int64_t number;
	struct str reference; /* reading only: "ACME-00042" */
	struct str subject;   /* one line, at most 255 characters */
	enum ticket_status status;
	struct client_id requester;
	struct str tag;          /* the detail of {slug}+detail */
	struct str addressed_to; /* the address the customer wrote to */
	bool automatic;          /* made by a machine's mail: no confirmation */
	struct ticket_id linked; /* another ticket that this one was split from, or 0 */
	struct str assignee;
	int64_t created_ms, updated_ms;
};
/* Takes the tenant's next number. *ret_reference must hold TICKET_REFERENCE_SIZE. */
#define TICKET_REFERENCE_SIZE 32
int ticket_add(struct store_txn *txn, const struct ticket_row *row, struct ticket_id *ret,
	       int64_t *ret_number, char *ret_reference);
/* -ENOENT. */
int ticket_find(struct store_txn *txn, struct tenant_id tenant, int64_t number, struct ticket_id *ret);
int ticket_reference(struct store_txn *txn, struct ticket_id id, char *ret_reference);
/* The row as it is in this transaction; its views are valid until the next call with the same txn. -ENOENT.
 */
int ticket_get(struct store_txn *txn, struct ticket_id id, struct ticket_row *ret);
/* Fields whose view's ptr is NULL stay; status < 0 stays. -ENOENT. */
struct ticket_change {
	int status;
	struct str subject, tag, assignee;
};
int ticket_update(struct store_txn *txn, struct ticket_id id, const struct ticket_change *change,
		  int64_t now_ms);

enum comment_author { COMMENT_BY_CLIENT, COMMENT_BY_AGENT, COMMENT_BY_SYSTEM };
enum comment_visibility { COMMENT_PUBLIC, COMMENT_INTERNAL };

struct comment_row {
	struct comment_id id;
	struct ticket_id ticket;
	struct tenant_id tenant;
	struct message_id message; /* the original it came from, or 0 */
	enum comment_author author_kind;
	struct client_id author;   /* when by a client */
	struct str author_address; /* as the mail said */
	enum comment_visibility visibility;
	struct str text;  /* full readable text */
	struct str reply; /* the new part of it; ptr NULL when it is all of text */
	struct str note;  /* ours: "could not be parsed; the original is attached", what was left out */
	struct str header_message_id;
	bool automatic;
	int64_t created_ms;
};
int comment_add(struct store_txn *txn, const struct comment_row *row, struct comment_id *ret);
/* The ticket of the comment that came as the mail with this Message-ID (without angle brackets). -ENOENT. */
int comment_find_thread(struct store_txn *txn, struct tenant_id tenant, struct str header_message_id,
			struct ticket_id *ret);
/* Public texts among the ticket's newest 200 comments, newest first, max at most, cut to text_max octets each: what its
 * participants were sent. In the arena: when it is full, the newest that have room; -ENOBUFS when not even the list has.
 */
int comment_texts(struct store_txn *txn, struct ticket_id ticket, size_t max, size_t text_max,
		  struct arena *arena, struct str **ret, size_t *ret_n);
/* The newest public comment of a client on the ticket: what somebody who is given it has to read. -ENOENT. */
int comment_newest_of_client(struct store_txn *txn, struct ticket_id ticket, struct comment_id *ret);

struct attachment_row {
	int64_t position; /* 1.. in the mail's order */
	struct str part;  /* "2.1": path of the MIME part in the original (IMAP's section numbers); "" for the
			     original itself */
	struct str filename;     /* safe to show and to save under */
	struct str media_type;   /* as the mail claims */
	struct str sniffed_type; /* by the first octets; empty: they tell nothing */
	struct str content_id;
	int64_t size; /* decoded octets */
	bool inline_image;
	struct str left_out; /* why it is not offered: "blocked type", "too big", ...; empty: it is */
};
int attachment_add(struct store_txn *txn, struct comment_id comment, const struct attachment_row *row);
/* Reprocessing (reprocess.c): replaces what was read out of the original (reply: ptr NULL when it is all of
 * text) and drops the comment's attachment records; the caller adds today's with attachment_add(). Who wrote,
 * when and to whom stays. -ENOENT. */
int comment_reparse(struct store_txn *txn, struct comment_id id, struct str text, struct str reply,
		    struct str note);

#endif
