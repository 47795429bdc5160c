/*
 * One delivery being stored, for the files that do it (apply*.c): apply.c goes through the recipients, one file each
 * knows what becomes of a tenant's mailbox (apply_tenant.c), a reply address (apply_reply.c), a bounce address
 * (apply_report.c) and the operator's (apply_forward.c); they share how a ticket and a comment are made
 * (apply_ticket.c, apply_comment.c) and how it is accounted for (apply_audit.c). Writer thread; every function returns
 * 0 or a negative errno, which undoes the whole delivery.
 */
#ifndef SERVELO_INGEST_APPLY_PRIVATE_H
#define SERVELO_INGEST_APPLY_PRIVATE_H

#include "base/strbuf.h"
#include "base/utf8.h"
#include "ingest/comment_note.h"
#include "ingest/conversation.h"
#include "ingest/ingest_task.h"
#include "ingest/quiet.h"
#include "ingest/route.h"
#include "storage/audit.h"
#include "storage/message.h"

#define SUMMARY_MAX 512 /* octets of a header field in lists and in the audit */

struct apply {
	struct ingest_task *task;
	struct delivery *delivery;
	const struct parsed_mail *mail;
	struct store_txn *txn;
	int64_t now_ms;
	struct message_id message; /* 0 until the original is stored */
	struct quiet quiet;
	struct str from; /* the one usable address of From; empty: none, or several */
	struct strbuf reply;
	struct arena scratch; /* texts for one recipient's rows: the delivery's own arena would fill up */
	size_t told;          /* recipients that the reply text names */
	size_t confirmed;     /* new tickets whose author may have got a confirmation */
	/* whatever its recipients, a report complains once; its comment on the ticket, or 0 */
	bool complaint_taken;
	struct comment_id complaint;
};

/* What became of one recipient. */
struct outcome {
	enum audit_outcome kind;
	struct tenant_id tenant; /* when it is not the mailbox's */
	struct ticket_id ticket;
	struct comment_id comment;
	struct message_id message;
	char reference[TICKET_REFERENCE_SIZE];
	/* for the verdict; "" or NULL: nothing to say */
	const char *speaker, *thread, *quota;
	bool storm; /* nobody is told of it (conversation.h) */
};

/* A ticket that is there, and who is on it. */
struct known_ticket {
	struct ticket_row row; /* its texts are empty */
	struct people people;
};

/* ---- apply_comment.c */

/* -ENOENT: there is none, or it is another tenant's. */
int apply_know(struct apply *apply, const struct tenant *tenant, struct ticket_id id,
	       struct known_ticket *ret);
/* A comment by what speaker_of() said, with what follows from it; an event, when a machine wrote the mail. */
int apply_comment(struct apply *apply, const struct tenant *tenant, const struct known_ticket *known,
		  const struct decision *decision, const struct speaker *speaker, struct outcome *outcome);
int apply_event(struct apply *apply, const struct tenant *tenant, const struct known_ticket *known,
		const struct decision *decision, struct outcome *outcome);
/* What a comment of this mail says whoever wrote it; the note is in note_buf. */
#define APPLY_NOTE_MAX (COMMENT_ABOUT_MAX + COMMENT_NOTE_MAX)
struct comment_row apply_comment_row(const struct apply *apply, const struct tenant *tenant,
				     enum comment_about about, struct str who, char *note_buf);
/* With the mail's attachments. */
int apply_add_comment(struct apply *apply, const struct tenant *tenant, const struct comment_row *row,
		      struct comment_id *ret);

/* ---- apply_ticket.c */

struct ticket_wish {
	struct str author, author_name; /* the requester; the name may be empty */
	struct str subject;             /* as the mail has it */
	struct ticket_id linked;        /* 0: none */
	bool may_confirm;
	enum comment_about about;
	struct str who;
};
int apply_new_ticket(struct apply *apply, const struct ingest_recipient *recipient,
		     const struct decision *decision, const struct ticket_wish *wish,
		     struct outcome *outcome);
/* The usual one: by the mail's author, who may be confirmed to unless something speaks against it. */
struct ticket_wish apply_wish(const struct apply *apply, const struct decision *decision);

/* ---- one recipient of each kind. The original is stored, and the mail is no repeat. */

/* first: of an earlier mail with this author and Message-ID but another text; 0: there was none. */
int apply_tenant(struct apply *apply, const struct ingest_recipient *recipient,
		 const struct decision *decision, struct ticket_id first, struct outcome *outcome);
int apply_reply(struct apply *apply, const struct ingest_recipient *recipient,
		const struct decision *decision, struct outcome *outcome);
int apply_bounce(struct apply *apply, const struct ingest_recipient *recipient,
		 const struct decision *decision, struct outcome *outcome);
int apply_forward(struct apply *apply, const struct ingest_recipient *recipient, struct outcome *outcome);

/* A complaint about a mail of ours (RFC 5965): nothing goes to that address any more. 1: it was about one of ours, and
 * *ret_job says which (views in scratch); 0: it was not. */
int apply_complaint(struct apply *apply, struct outbox_row *ret_job);

/* ---- apply_audit.c */

int apply_audit(struct apply *apply, const struct ingest_recipient *recipient, const struct outcome *outcome,
		const char *reply, const char *error);

#endif
