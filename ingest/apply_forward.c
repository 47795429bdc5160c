/*
 * Mail to the operator's mailboxes becomes an outbox job that sends the original on (SPEC section 7). Our own mail
 * coming home is not sent on again, or it would go round until its hop count stops it: it is kept, and the log says so.
 * A complaint about a mail of ours that came here is heeded, and sent on too.
 */
#include "ingest/apply_private.h"

int apply_forward(struct apply *apply, const struct ingest_recipient *recipient, struct outcome *outcome)
{
	const struct notice notice = {
		.kind = OUTBOX_FORWARD,
		.slug = STR(""),
		.message = apply->message,
		.recipient = recipient->mailbox.forward_to,
		.mailbox = recipient->mailbox.name,
		.text = STR(""),
		.now_ms = apply->now_ms,
	};
	struct outbox_row complained;
	if (apply->quiet.loop == LOOP_OURS) {
		outcome->kind = AUDIT_QUARANTINED;
		apply->task->forward_loops++;
		return 0;
	}
	int r = apply_complaint(apply, &complained);
	if (r >= 0)
		r = notice_add(apply->txn, &apply->task->maker, &notice, NULL);
	if (r < 0)
		return r;
	apply->task->jobs_due = true;
	outcome->kind = AUDIT_FORWARDED;
	return 0;
}
