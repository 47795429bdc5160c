/*
 * Stored originals: the mail data of one delivery, kept byte for byte (behind the trace field that we put on
 * top), once, however many recipients it had. In the row up to storage.memory_max, in the spool's file above.
 * Also: the memory of what was already taken, by which a repeated mail is recognised. Writer thread.
 */
#ifndef SERVELO_STORAGE_MESSAGE_H
#define SERVELO_STORAGE_MESSAGE_H

#include "base/base.h"
#include "base/mac.h"
#include "storage/ids.h"
#include "storage/spool.h"
#include "storage/store.h"

struct message_row {
	struct message_id id;
	struct mail_id mail_id;
	int64_t received_ms;
	struct str reverse_path; /* without angle brackets; empty: null */
	struct str client_ip;
	struct str helo;
	struct str tls;              /* "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty: plain */
	struct str protocol;         /* SMTP, ESMTP, ESMTPS, UTF8SMTP, ... (RFC 3848, RFC 6531) */
	int64_t size;                /* of the whole stored original */
	int64_t trace_size;          /* of our own Received field at its start */
	uint8_t digest[SHA256_SIZE]; /* of what was sent (the original behind trace_size) */
	struct str header_from, header_subject, header_message_id; /* summary for lists; decoded, cut */
	struct str file; /* reading only: "<run>/<mail id>", empty when in the row */
};
/* The original comes from mail; its file, if it has one, is referred to from now on. */
int message_add(struct store_txn *txn, const struct message_row *row, struct spooled_mail *mail,
		struct message_id *ret);

/* The stored original of an earlier delivery. -ENOENT. */
int message_find(struct store_txn *txn, const struct mail_id *mail_id, struct message_id *ret);

/*
 * Repeats. The key is (tenant, recipient, author + Message-ID); what differs is the body's digest. Without a
 * Message-ID `identity` is the digest of the content.
 */
struct repeat_key {
	struct tenant_id tenant; /* 0 for the operator's mailboxes */
	uint8_t recipient[16];   /* truncated SHA-256 of the canonical mailbox */
	uint8_t identity[16];    /* truncated SHA-256 of author and Message-ID, or of the content */
	uint8_t body[16];        /* truncated SHA-256 of the body */
};
struct repeat {
	bool same_body;
	struct ticket_id ticket; /* of the first one; 0 for operator mailboxes */
	struct mail_id mail_id;  /* of the first one */
};
/* 0, or -ENOENT when it was never seen. A row with the same body wins over others. */
int repeat_find(struct store_txn *txn, const struct repeat_key *key, struct repeat *ret);
int repeat_add(struct store_txn *txn, const struct repeat_key *key, struct ticket_id ticket,
	       const struct mail_id *mail_id, int64_t now_ms);
/* Forget what is older than before_ms, at most max rows. Number forgotten or -errno. */
int repeat_prune(struct store_txn *txn, int64_t before_ms, int max);

#endif
