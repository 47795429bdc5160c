/*
 * How a row of the outbox is read, by the writer (outbox.c) and by readers (reader_outbox.c, outgoing.c).
 */
#ifndef SERVELO_STORAGE_OUTBOX_PRIVATE_H
#define SERVELO_STORAGE_OUTBOX_PRIVATE_H

#include "storage/outbox.h"
#include "storage/stmt.h"

/* From "outbox o". */
#define OUTBOX_COLUMNS                                                                                       \
	"o.id, o.kind, o.state, o.tenant, o.ticket, o.comment, o.message, o.participant, o.created_ms,"      \
	" o.due_ms, o.since_ms, o.tries, o.settled_ms, o.recipient, o.mailbox, o.header_message_id, o.text," \
	" o.why"
#define OUTBOX_COLUMNS_N 18
void outbox_row_read(struct stmt *s, struct outbox_row *ret);

/* 1 while it is paused; no row before it ever was. */
extern const char outbox_sql_paused[];
/* What is due: the writer's one query whose plan matters, here so that a test can ask for it. */
extern const char outbox_sql_due[];
extern const char outbox_sql_next_due[];
extern const char outbox_sql_clock_back[];

/* stopped.c: 1 and the reason (valid until the next call with the same txn), 0 when mail may go there. */
int stopped_find(struct store_txn *txn, struct tenant_id tenant, struct str address, struct str *ret_why);

/* The text becomes the arena's; a view without a pointer stays one. -ENOBUFS. */
static inline int text_keep(struct str *text, struct arena *arena)
{
	return text->ptr ? arena_copy(arena, *text, text) : 0;
}

#endif
