/*
 * Row ids as types of their own, so that a ticket's id can't be passed for a tenant's. 0 is "none"
 * everywhere.
 *
 * The id that people see is another one: the delivery id (mail_id_make below), the same in the log, in the
 * 250 reply and in the database.
 */
#ifndef SERVELO_STORAGE_IDS_H
#define SERVELO_STORAGE_IDS_H

#include "base/base.h"

struct tenant_id {
	int64_t v;
};
struct client_id {
	int64_t v;
};
struct ticket_id {
	int64_t v;
};
struct comment_id {
	int64_t v;
};
struct message_id {
	int64_t v;
}; /* a stored original */
struct outbox_id {
	int64_t v;
};

/* Delivery ids: 9 base32 characters of milliseconds, 9 random ones: sortable by time, unguessable enough to
 * be unique. */
#define MAIL_ID_LEN 18
struct mail_id {
	char text[MAIL_ID_LEN + 1];
};
/* Any thread. */
struct mail_id mail_id_make(void);
bool mail_id_valid(struct str text);

#endif
