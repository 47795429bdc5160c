/* See found_ticket.h. The numbers of client and team are the same on each ticket (storage/participant.h). */
#include "smtpd/cli/found_ticket.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "storage/participant.h"
#include "tenant/notice.h"

void found_ticket_done(struct found_ticket *found)
{
	free(found->reference);
	free(found->slug);
	free(found->requester);
	free(found->team);
}

static bool on_ticket(void *ctx, const struct ticket_view *view)
{
	struct found_ticket *found = ctx;
	found->id = view->row.id;
	found->number = view->row.number;
	found->reference = xstrndup(view->row.reference);
	found->slug = xstrndup(view->tenant_slug);
	found->requester = xstrndup(view->requester_address);
	return true;
}

static bool on_tenant(void *ctx, const struct tenant_row *row, int64_t tickets UNUSED)
{
	struct found_ticket *found = ctx;
	found->team = xstrndup(notice_team_address(row->notify_email, row->admin_email));
	if (!found->reference)
		found->reference =
			xasprintf("%.*s-%05" PRId64, STR_ARG(row->reference_prefix), found->number);
	return true;
}

int found_ticket_by_reference(struct cli *cli, const char *reference, struct found_ticket *ret)
{
	int r = reader_ticket(cli->reader, str_from(reference), on_ticket, ret);
	return r < 0 ? r : reader_tenant(cli->reader, str_from(ret->slug), on_tenant, ret);
}

int found_ticket_by_number(struct cli *cli, const char *slug, int64_t number, struct found_ticket *ret)
{
	ret->number = number;
	int r = reader_tenant(cli->reader, str_from(slug), on_tenant, ret);
	if (r < 0)
		return r;
	char *reference = ret->reference;
	r = reader_ticket(cli->reader, str_from(reference), on_ticket, ret);
	if (r == 0)
		free(reference);
	return r;
}

struct wanted {
	int64_t number;
	char *who;
};

static bool on_participant(void *ctx, const struct participant *participant)
{
	struct wanted *wanted = ctx;
	if (participant->number != wanted->number)
		return true;
	wanted->who =
		xasprintf("%s %.*s", participant->kind == PARTICIPANT_AGENT ? "the agent" : "the client",
			  STR_ARG(str_sub(participant->address, 0, 1024)));
	return false;
}

int found_ticket_who(struct cli *cli, const struct found_ticket *found, int64_t number, char **ret)
{
	struct wanted wanted = {.number = number};
	int r = 0;
	if (number == PARTICIPANT_REQUESTER)
		wanted.who = xasprintf("the client %s", found->requester);
	else if (number == PARTICIPANT_TEAM)
		wanted.who = xasprintf("the team %s", found->team);
	else
		r = reader_participants(cli->reader, found->id, on_participant, &wanted);
	*ret = wanted.who;
	return r;
}
