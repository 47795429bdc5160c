/* What the files of compose share: compose.c (the story and the envelope), compose_mail.c (mails of our own),
 * compose_forward.c. Nobody else includes this. */
#ifndef SERVELO_OUTBOUND_COMPOSE_PRIVATE_H
#define SERVELO_OUTBOUND_COMPOSE_PRIVATE_H

#include "base/mailaddr.h"
#include "outbound/compose.h"
#include "tenant/loop_mark.h"

struct composing {
	const struct composer *composer;
	struct reader *reader;
	const struct outgoing *outgoing;
	struct composed *ret;
	const char *why; /* static; set with -EINVAL */
};

/* -EINVAL, and why. */
int compose_never(struct composing *composing, const char *why);
/* X-Servelo-Loop. */
int compose_loop_mark(struct composing *composing, enum loop_kind kind);
/* "Date" or "Resent-Date", of when the job was made: a mail that is repeated is the same mail. */
void compose_date(struct composing *composing, const char *name);
/* "Message-ID" or "Resent-Message-ID": the job's. */
int compose_message_id(struct composing *composing, const char *name);

int compose_own(struct composing *composing);
int compose_forward(struct composing *composing);

#endif
