/*
 * Mail to reply+TOKEN: a comment on the ticket that the token names, whoever its From is; whose words it is, speaker.h
 * says. A machine's mail there, and our own, is an event, a complaint about a mail of ours included. An answer to a
 * ticket that was removed is a new one of the same tenant, which says so.
 */
#include "ingest/apply_private.h"

#include <errno.h>
#include <stdio.h>

static int answer_gone(struct apply *apply, const struct ingest_recipient *recipient,
		       const struct decision *decision, struct outcome *outcome)
{
	struct ticket_wish wish = apply_wish(apply, decision);
	char number[24];
	snprintf(number, sizeof(number), "%lld", (long long)recipient->ticket_number);
	wish.about = ABOUT_TICKET_GONE;
	wish.who = str_from(number);
	return apply_new_ticket(apply, recipient, decision, &wish, outcome);
}

int apply_reply(struct apply *apply, const struct ingest_recipient *recipient,
		const struct decision *decision, struct outcome *outcome)
{
	const struct tenant *tenant = recipient->mailbox.tenant;
	struct known_ticket known;
	struct outbox_row complained;
	struct ticket_id id = {0};
	int r = apply_complaint(apply, &complained);
	if (r >= 0)
		r = ticket_find(apply->txn, tenant->id, recipient->ticket_number, &id);
	if (r == 0)
		r = apply_know(apply, tenant, id, &known);
	if (r == -ENOENT)
		return answer_gone(apply, recipient, decision, outcome);
	if (r < 0)
		return r;
	struct speaker speaker = speaker_of(&known.people, recipient->participant, apply->from);
	return apply_comment(apply, tenant, &known, decision, &speaker, outcome);
}
