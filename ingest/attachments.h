/*
 * Which attachments a ticket offers: the tenant's limits applied to what a mail holds. What is left out stays
 * in the stored original, is recorded with the reason, and is told in the comment's note. Pure.
 */
#ifndef SERVELO_INGEST_ATTACHMENTS_H
#define SERVELO_INGEST_ATTACHMENTS_H

#include "ingest/mail.h"
#include "storage/ticket.h"
#include "tenant/tenants.h"

struct attachment_policy {
	int64_t count_max;
	int64_t size_max;
	struct str blocked_extensions; /* "exe,js,..."; "none" or empty blocks none */
};
static inline struct attachment_policy attachment_policy_of(const struct tenant *tenant)
{
	return (struct attachment_policy){tenant->attachments_max, tenant->attachment_size_max,
					  tenant->blocked_extensions};
}

/* Why the attachment is left out ("blocked type", ...), or empty. offered: how many were offered before it.
 */
struct str attachment_left_out(const struct attachment_policy *policy,
			       const struct mail_attachment *attachment, int64_t offered);
/* The record of one attachment; position counts from 1. Views stay those of attachment. */
void attachment_record(const struct attachment_policy *policy, const struct mail_attachment *attachment,
		       int64_t position, int64_t *offered, struct attachment_row *ret);
/* The record that stands for the whole original, when it could not be parsed. */
void attachment_record_original(int64_t size, struct attachment_row *ret);

#endif
