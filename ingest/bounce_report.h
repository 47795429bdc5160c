/*
 * Which recipients a bounce tells of, and why; who complained in a feedback report.
 *
 * What programs wrote for programs is believed first: message/delivery-status (RFC 3464, 6533),
 * message/feedback-report (RFC 5965), X-Failed-Recipients. Else the words for people are read: addresses that
 * lead a line or stand beside a reply code or a reason, before the copy of the original begins. What is still
 * unknown is taken from the original's To field.
 *
 * The status is the most exact one that was given; where a server gave only a reply code or words, it is made
 * of these. "Hard" means that the address or its domain does not exist: who writes there again writes in vain.
 * Everything else (full, refused, too large, too late) is soft. What the server still tries, or has delivered, relayed
 * or expanded (RFC 3464 2.3.3), has not failed: MAIL_REPORT_DELAYED.
 *
 * Facts in, reports out. Linear in the facts (of the text the first BOUNCE_TEXT_MAX octets are read), at most
 * MAIL_REPORTS_MAX reports. Pure but for the parser's charset converters.
 */
#ifndef SERVELO_INGEST_BOUNCE_REPORT_H
#define SERVELO_INGEST_BOUNCE_REPORT_H

#include "base/arena.h"
#include "ingest/mail.h"

#define BOUNCE_TEXT_MAX   ((size_t)32 * 1024)
#define BOUNCE_REASON_MAX 300

struct bounce_facts {                    /* any view may be empty */
	struct str status;               /* the message/delivery-status part, any octets */
	struct str feedback;             /* the message/feedback-report part, any octets */
	struct str failed;               /* X-Failed-Recipients */
	struct str text;                 /* readable text, valid UTF-8 */
	struct str original;             /* the mail that came back, or its header section; any octets */
	const struct mail_mailboxes *to; /* whom the report is for; may be NULL */
};

/* Append-free: *ret and *ret_n are set to a list in arena. -ENOBUFS: the arena is full, the list is what fits. */
int bounce_report_read(struct arena *arena, const struct bounce_facts *facts,
		       const struct mail_limits *limits, const struct mail_report **ret, size_t *ret_n);

/* Both for the facts of a feedback report; kind is MAIL_REPORT_FEEDBACK. */
int feedback_report_read(struct arena *arena, const struct bounce_facts *facts,
			 const struct mail_limits *limits, const struct mail_report **ret, size_t *ret_n);

/*
 * The mail that the report is about, as far as it came back: its Message-ID without angle brackets, and the
 * reverse-path it was sent under (Original-Mail-From of a feedback report, Return-Path of the mail, X-Postfix-Sender
 * beside the delivery status), local@domain. Empty when that is not told. Where the mail is no part of its own, the copy
 * of it in the text is read. -ENOBUFS: the arena is full.
 */
struct bounce_original {
	struct str message_id, reverse_path;
};
int bounce_original_read(struct arena *arena, const struct bounce_facts *facts,
			 const struct mail_limits *limits, struct bounce_original *ret);

#endif
