/*
 * Decisions per recipient (SPEC sections 2 and 4). Pure: no I/O, no clock, no memory; any thread.
 *
 * The envelope's forward-path alone says which mailbox is meant. Who wrote the mail is taken from its header
 * section for display and for the client's record, never for authority (THREATS H6, H7).
 */
#include "ingest/route.h"

/* A client's address is kept with its tenant for good, so it is bounded: RFC 5321's local-part, "@" and
 * domain. */
#define AUTHOR_MAX (MAILADDR_LOCAL_MAX + 1 + MAILADDR_DOMAIN_MAX)

static const struct str author_unknown = STR_INIT("unknown@unknown.invalid"); /* RFC 2606 2 */

static const struct mail_mailbox *first_usable(const struct mail_mailboxes *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct str address = list->items[i].address;
		if (address.len <= AUTHOR_MAX && str_find(address, '@') < address.len)
			return &list->items[i];
	}
	return NULL;
}

/* From, else Sender, else Reply-To: the first that names a mailbox; else the reverse-path. */
static void decide_author(const struct envelope *envelope, const struct parsed_mail *mail,
			  struct decision *decision)
{
	const struct mail_mailboxes *fields[] = {&mail->from, &mail->sender, &mail->reply_to};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct mail_mailbox *mailbox = first_usable(fields[i]);
		if (!mailbox)
			continue;
		decision->author = mailbox->address;
		decision->author_name = mailbox->name;
		return;
	}
	decision->author = envelope->reverse_path_text.len ? envelope->reverse_path_text : author_unknown;
	decision->author_name = STR("");
}

void route_decide(const struct envelope *envelope, const struct ingest_recipient *recipient,
		  const struct parsed_mail *mail, struct decision *ret)
{
	struct decision decision = {
		.addressed_to = mail->addressed_to.len ? mail->addressed_to : recipient->canonical,
	};
	decide_author(envelope, mail, &decision);
	*ret = decision;
}
