/*
 * The account of everything that came: one row per recipient of each transaction, ending in one state.
 * Written in the transaction of what it tells about, so it cannot be ahead of it nor behind. Writer thread.
 */
#ifndef SERVELO_STORAGE_AUDIT_H
#define SERVELO_STORAGE_AUDIT_H

#include "base/base.h"
#include "storage/ids.h"
#include "storage/store.h"

enum audit_outcome {
	AUDIT_CREATED,
	AUDIT_COMMENTED,
	AUDIT_FORWARDED,
	AUDIT_EVENT,
	AUDIT_DUPLICATE,
	AUDIT_BOUNCE_REPORT,
	AUDIT_QUARANTINED,
	AUDIT_REFUSED,
	AUDIT_FAILED,
};
const char *audit_outcome_name(enum audit_outcome outcome);
int audit_outcome_parse(struct str text, enum audit_outcome *ret);

struct audit_row {
	int64_t id;
	struct mail_id mail_id;  /* the transaction; the same for all its recipients */
	int64_t received_ms;     /* MAIL */
	int64_t committed_ms;    /* set by storage */
	struct tenant_id tenant; /* 0: none */
	struct str reverse_path, recipient;
	struct str client_ip, helo, tls, protocol;
	int64_t size;
	struct str header_from, header_subject, header_message_id;
	struct str verdict; /* class and rule: "auto:auto-submitted" */
	enum audit_outcome outcome;
	struct str
		reply; /* what was said of this recipient: "created ticket=ACME-00001", "550 5.1.1 ..."; empty: see error */
	struct ticket_id ticket;
	struct comment_id comment;
	struct message_id message;
	struct str error;
	int64_t parse_us;
};
int audit_add(struct store_txn *txn, const struct audit_row *row);

#endif
