/*
 * One recipient as the intake knows it, and what a mail says for it: a pure decision over plain data. Whose mailbox it
 * is was decided at RCPT (rcpt.h); what may follow by itself is quiet.h's; apply.h carries it out inside the transaction.
 */
#ifndef SERVELO_INGEST_ROUTE_H
#define SERVELO_INGEST_ROUTE_H

#include "ingest/delivery.h"
#include "ingest/mail.h"
#include "tenant/directory.h"

/* A recipient as the intake knows it: the door's struct first, then whose mailbox it is. Lives in the
 * delivery's arena. */
struct ingest_recipient {
	struct recipient recipient;
	struct tenant_mailbox
		mailbox;      /* its views are copies in the arena; tenant lives by delivery->tenants */
	struct str canonical; /* "acme+detail", lower case: the same mailbox, however it was written */
	/* MAILBOX_REPLY: what the token says, verified at RCPT; mailbox.tenant is its tenant */
	int64_t ticket_number, participant;
	struct outbox_id job; /* MAILBOX_BOUNCE: the same */
};

struct decision {
	struct str author; /* address of who it is from: From, Sender, Reply-To, reverse-path; never empty */
	struct str author_name;  /* may be empty */
	struct str addressed_to; /* the address that the author wrote to */
};

/* Everything in *ret is a view into envelope, recipient or mail, or static. */
void route_decide(const struct envelope *envelope, const struct ingest_recipient *recipient,
		  const struct parsed_mail *mail, struct decision *ret);

#endif
