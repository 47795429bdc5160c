/*
 * What a header section says, read without a MIME library: for mails that could not be parsed.
 *
 * Only the first Subject, From, Message-ID and In-Reply-To are taken, unfolded and otherwise raw (no RFC 2047
 * decoding), made valid UTF-8 on one line and cut at about a kilobyte each; Received fields are counted. Text,
 * lists and attachments are empty, the mail is not answerable. One bounded, linear pass over at most
 * limits->header_max octets; no recursion, no allocation but from the arena. Pure: the server itself may run
 * it on a mail that has just killed a parser child.
 */
#ifndef SERVELO_INGEST_MAIL_FALLBACK_H
#define SERVELO_INGEST_MAIL_FALLBACK_H

#include "base/arena.h"
#include "ingest/mail.h"

/* What an arena must have room for, so that mail_fallback() cannot fail. */
#define MAIL_FALLBACK_SIZE ((size_t)24 * 1024)

/* -ENOBUFS when the arena is full. *ret and all it refers to live in the arena, never in mail_data. */
int mail_fallback(struct arena *arena, struct str mail_data, const struct mail_limits *limits,
		  struct parsed_mail **ret);

#endif
