/*
 * Everything that a mail of ours can say, read for one outbox job: what compose needs, and `queue show`.
 */
#ifndef SERVELO_STORAGE_OUTGOING_H
#define SERVELO_STORAGE_OUTGOING_H

#include "base/arena.h"
#include "storage/reader.h"

#define OUTGOING_THREAD_MAX 24 /* Message-IDs: the first one, and the newest of the others */

struct outgoing {
	struct outbox_row job;
	/* row.id.v 0: the job is of no tenant, ticket or comment (a forward) */
	struct tenant_row tenant;
	struct ticket_row ticket; /* with its reference */
	struct str requester_address, requester_name;
	struct comment_row comment;
	struct str comment_author_name;           /* of the client who wrote it; empty otherwise */
	struct mail_id comment_mail;              /* of the original it came from; empty text: none */
	const struct attachment_row *attachments; /* of the comment, in order */
	size_t attachments_n;
	/* The conversation as the job's recipient has it in his mailbox, oldest first: the ticket's first Message-ID, then
	 * those of the mails that this participant wrote and those of our own that were sent to him before this job. Without
	 * angle brackets; as they came, so the user checks what he prints. */
	const struct str *thread;
	size_t thread_n;
	/* job.message: the stored original */
	struct message_row original; /* id.v 0: none */
};
/* Everything in *ret lives in the arena. -ENOENT, -ENOBUFS (the arena is full), -errno. */
int reader_outgoing(struct reader *reader, struct outbox_id job, struct arena *arena, struct outgoing *ret);

#endif
