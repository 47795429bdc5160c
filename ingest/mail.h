/*
 * Parsed mail as plain data: what one message says, with no library's type in it. All text is valid UTF-8
 * without NUL (hostile octets became U+FFFD), all lists are bounded by the limits. Views live as long as the
 * block they came in (the arena of mail_parse, or the buffer of mail_wire_decode). Pure data; moves with its
 * owner.
 */
#ifndef SERVELO_INGEST_MAIL_H
#define SERVELO_INGEST_MAIL_H

#include "base/arena.h"
#include "base/base.h"

struct mail_limits {
	size_t header_max;        /* octets of the top header section */
	size_t header_fields_max; /* fields */
	size_t header_field_max;  /* octets of one field that is still looked at */
	size_t parts_max;
	size_t depth_max;
	size_t text_max; /* octets of readable text; html source looked at is 4 times that */
	size_t addresses_max, attachments_max, references_max;
};
extern const struct mail_limits mail_limits_default;

struct mail_mailbox {
	struct str name; /* decoded display name, one line; may be empty */
	struct str
		address; /* local@domain as written (domain lower-cased). When a field gives no address at all its
			       one mailbox is a name: then this holds no "@" (<moderator>), or is empty */
};
struct mail_mailboxes {
	const struct mail_mailbox *items;
	size_t n;
};
struct mail_strs {
	const struct str *items;
	size_t n;
};

enum mail_class { MAIL_NORMAL, MAIL_AUTO, MAIL_BOUNCE, MAIL_FEEDBACK };
const char *mail_class_name(enum mail_class class); /* "normal", "auto", "bounce", "feedback" */

struct mail_attachment {
	struct str part;     /* "2.1": section number in the original; "2.1/1": a file in that part */
	struct str filename; /* decoded and made safe (no path, controls, bidi tricks); made up when absent */
	struct str media_type;   /* claimed, lower case "image/png" */
	struct str sniffed_type; /* by its first octets (media_sniff.h); empty: unknown */
	struct str content_id;   /* without angle brackets */
	uint64_t size;           /* decoded octets */
	bool disposition_inline;
	bool inline_image; /* shown in the HTML by its Content-ID */
};

/* One recipient that a bounce or a feedback report tells of (bounce_report.h). */
enum mail_report_kind {
	MAIL_REPORT_SOFT,     /* may work another time or with another mail */
	MAIL_REPORT_HARD,     /* there is no such mailbox or domain */
	MAIL_REPORT_FEEDBACK, /* somebody complained */
	MAIL_REPORT_DELAYED, /* not yet given up (RFC 3464 2.3.3: delayed), or delivered, relayed, expanded */
};
const char *mail_report_kind_name(enum mail_report_kind kind); /* "soft", "hard", "feedback", "delayed" */
#define MAIL_REPORTS_MAX 64
struct mail_report {
	struct str recipient; /* local@domain; empty when the report hides it */
	struct str status;    /* RFC 3463, "5.1.1"; empty: unknown */
	struct str reason;    /* one line; "abuse" and the like for feedback; may be empty */
	enum mail_report_kind kind;
};

struct parsed_mail {
	/* RFC 5322 */
	struct str subject; /* decoded, one line; prefixes NOT stripped; empty when absent */
	struct mail_mailboxes from, sender, reply_to, to, cc;
	struct str message_id, in_reply_to; /* without angle brackets; first one */
	struct mail_strs references;
	int64_t date_ms; /* 0: none or unreadable */
	/* content */
	struct str text; /* readable text: the plain part, or the HTML part made readable */
	struct str
		html_text; /* readable text when HTML is preferred; same view as text when there is no HTML */
	struct str reply;  /* the new part of text; never empty when text is not */
	/* invitations and contact cards in words, a line each, and that the mail is signed or encrypted; also the text, when there is no other */
	struct str summary;
	bool has_html, text_from_html;
	bool text_cut; /* text_max was reached */
	const struct mail_attachment *attachments;
	size_t attachments_n;
	bool attachments_cut; /* there were more than attachments_max */
	/* what kind of mail it is (RFC 3834 and habits) */
	enum mail_class class;
	struct str
		class_rule; /* "auto-submitted", "subject:out-of-office:de", ...; of normal mail: why it must
				  not be answered ("list-id"), empty when it may; "calendar-reply": a person wrote words into a
				  calendar's answer */
	bool answerable; /* header fields allow an automatic answer (SPEC section 8); the envelope decides too
			  */
	struct str addressed_to; /* X-Forwarded-To, Delivered-To, Resent-To, To: the address the customer
				    wrote to */
	struct str forward_confirmation;   /* provider, when this is a forwarding confirmation; empty: no */
	const struct mail_report *reports; /* of a bounce or feedback report */
	size_t reports_n;                  /* up to MAIL_REPORTS_MAX */
	/* Of the mail that a bounce, a feedback report or a read receipt is about, as far as it came back with it: its Message-ID without
	 * angle brackets, and its envelope's reverse-path (Return-Path, Original-Mail-From), local@domain */
	struct str returned_message_id, returned_reverse_path;
	/* What people forward by hand ("Fwd:", a forwarded block, a message/rfc822 part and little else): who wrote the
	 * innermost-but-one, that is the first forwarded mail, and its subject; address empty: it is none */
	struct mail_mailbox forwarded_author;
	struct str forwarded_subject;
	/* What that author wrote, and what stands above it, which who forwarded it wrote (may be empty). Both are empty when
	 * the two could not be told apart */
	struct str forwarded_text, forwarding_words;
	struct str loop_mark; /* the first X-Servelo-Loop field, unfolded; empty: none (tenant/loop_mark.h) */
	unsigned received_n;  /* Received fields */
	/* what was wrong */
	struct str defects; /* "missing-boundary 8bit-header ...": words; empty: none */
};

/* Why a mail could not be parsed (it becomes a ticket with the original attached). */
enum parse_status {
	PARSE_OK,
	PARSE_LIMIT,    /* the pre-scan found more than the limits allow */
	PARSE_FAILED,   /* the library gave up */
	PARSE_CRASHED,  /* the child died of it, twice */
	PARSE_DEADLINE, /* it took too long */
};
const char *parse_status_name(enum parse_status status);

/* The subject of a ticket: prefixes of many languages, our own reference ("[ACME-00042]") and list tags'
 * blanks removed, one line, 255 characters at most, "(No Subject)" when nothing is left. Pure. -ENOBUFS. */
int mail_ticket_subject(struct arena *arena, struct str subject, struct str own_prefix, struct str *ret);
/* "jane.doe" -> "Jane Doe": the display name made of a local-part when From has none (SPEC section 4). */
int mail_name_from_local(struct arena *arena, struct str local_part, struct str *ret);

/*
 * Parse. mail_data is the whole original without our own trace field. Pure but for malloc; runs in the parser
 * child (and in `servelo message parse`, tests, fuzzers). Everything in ret lives in arena. Never fails for
 * what the mail says, except by the returned status: then *ret holds what the header section gave (subject,
 * from, ids) as far as that can be read without the MIME library, never NULL.
 */
enum parse_status mail_parse(struct arena *arena, struct str mail_data, const struct mail_limits *limits,
			     struct parsed_mail **ret);
/* Once per process, on its main thread, before the first mail_parse. Opens charset converters (a sandbox may
 * close the file system afterwards). */
void mail_parse_init(void);

#endif
