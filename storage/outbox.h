/*
 * Jobs due to leave: made in the transaction of the ticket they belong to; the Message-ID is fixed here, so
 * that a repeated job is the same mail. Claiming and settling come with the relay client. Writer thread.
 */
#ifndef SERVELO_STORAGE_OUTBOX_H
#define SERVELO_STORAGE_OUTBOX_H

#include "base/base.h"
#include "storage/ids.h"
#include "storage/store.h"

enum outbox_kind { OUTBOX_FORWARD, OUTBOX_NOTIFY_ADMIN, OUTBOX_CONFIRM };
const char *outbox_kind_name(enum outbox_kind kind);

struct outbox_row {
	struct outbox_id id;
	enum outbox_kind kind;
	struct tenant_id tenant;
	struct ticket_id ticket;
	struct comment_id comment;
	struct message_id message;
	struct str recipient;         /* where it goes */
	struct str mailbox;           /* for a forward: the mailbox of ours that it came to */
	struct str header_message_id; /* without angle brackets */
	int64_t created_ms, due_ms;
};
int outbox_add(struct store_txn *txn, const struct outbox_row *row, struct outbox_id *ret);

#endif
