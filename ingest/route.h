/*
 * What is wanted for one recipient of one parsed mail: a pure decision over plain data. "Routing says what is
 * wanted; storage says what is so": apply.h carries it out inside the transaction.
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
};

enum route {
	ROUTE_TICKET,  /* a new ticket of mailbox.tenant, unless the mail is a repeat or belongs to one */
	ROUTE_FORWARD, /* to the operator's inbox */
};

struct decision {
	enum route route;
	bool automatic;    /* a machine wrote it: a ticket marked so, never confirmed */
	struct str author; /* address of who it is from: From, Sender, Reply-To, reverse-path; never empty */
	struct str author_name;  /* may be empty */
	struct str addressed_to; /* the address that the author wrote to */
};

/* Everything in *ret is a view into envelope, recipient or mail, or static. */
void route_decide(const struct envelope *envelope, const struct ingest_recipient *recipient,
		  const struct parsed_mail *mail, struct decision *ret);

#endif
