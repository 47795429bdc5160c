/*
 * Birth and death of a delivery. What it gathers between is written by its holders: see delivery.h.
 */
#include "ingest/delivery.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ingest/ingest_task.h"
#include "ingest/token_lookup.h"
#include "tenant/tenants.h"

struct delivery *delivery_new(void)
{
	struct delivery *delivery = XNEW(struct delivery);
	list_node_init(&delivery->link);
	arena_init(&delivery->arena, DELIVERY_ARENA_MAX);
	list_init(&delivery->envelope.recipients);
	delivery->envelope.size_declared = -1;
	delivery->id = mail_id_make();
	return delivery;
}

struct delivery *delivery_free(struct delivery *delivery)
{
	if (!delivery)
		return NULL;
	delivery->lookup = token_lookup_cancel(delivery->lookup);
	delivery->task = ingest_task_free(delivery->task);
	delivery->mail = spooled_mail_discard(delivery->mail);
	tenants_unref(delivery->tenants);
	arena_done(&delivery->arena);
	free(delivery);
	return NULL;
}
