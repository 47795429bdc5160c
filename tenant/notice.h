/*
 * A mail of ours becomes an outbox job: who is told, and under which Message-ID (tenant/reply_token.h, made here so that
 * every repetition has the same). Also what follows when one cannot be delivered: it is the same whether the relay
 * refused it or a report came back. Writer thread, inside the transaction of what the mail is about.
 */
#ifndef SERVELO_TENANT_NOTICE_H
#define SERVELO_TENANT_NOTICE_H

#include "storage/outbox.h"
#include "storage/tenant_rows.h"
#include "tenant/key_ring.h"

/* Whose name our mail is in. Both outlive the call. */
struct notice_maker {
	const struct key_ring *keys;
	struct str domain; /* mail.domain */
};

struct notice {
	enum outbox_kind kind;
	struct tenant_id tenant; /* 0 for a forward, whose Message-ID is made of "mx" in the slug's place */
	struct str slug;
	struct ticket_id ticket; /* 0: of none */
	int64_t ticket_number;
	struct comment_id comment;
	struct message_id message;
	int64_t participant;  /* storage/participant.h */
	struct str recipient; /* local@domain; one that is no address (mailaddr_parse) makes no job */
	struct str mailbox, text;
	int64_t now_ms;
};
/* 0, -EINVAL (the recipient is no address: nothing was made), -ERANGE (no Message-ID can be made of slug, number or
 * domain), -errno. ret may be NULL. */
int notice_add(struct store_txn *txn, const struct notice_maker *maker, const struct notice *notice,
	       struct outbox_id *ret);

/* Where the team of a tenant reads: notify_email, else admin_email. */
struct str notice_team_address(struct str notify_email, struct str admin_email);

/*
 * A job could not be delivered, for good. What it was about shows it: an internal system comment on the ticket; the
 * team is told by a job of its own, once, unless it was mail to the team (its agents) itself or there is no ticket. The
 * job's own state is the caller's (outbox_settle, outbox_mark_bounced). why: one line, "550 5.1.1 no such user".
 * ret_told (may be NULL): a job was made.
 */
int notice_failed(struct store_txn *txn, const struct notice_maker *maker, const struct outbox_row *job,
		  struct str why, int64_t now_ms, bool *ret_told);

#endif
