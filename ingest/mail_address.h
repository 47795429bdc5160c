/*
 * Addresses of header fields (RFC 5322 3.4, RFC 6854, RFC 6532), in every shape they come in: groups (members
 * are taken, nesting is only flattened), comments, quoted strings, route addresses, missing or doubled angle
 * brackets, names with commas and no quotes, encoded words around everything, raw 8-bit names. One linear
 * scan, no recursion. What holds no "@" is no mailbox and is left out; but a field that names nobody else gives
 * one mailbox with the name, and as address what stood in angle brackets ("Moderator <moderator>"), or nothing
 * ("From: Whomever"). Pure.
 */
#ifndef SERVELO_INGEST_MAIL_ADDRESS_H
#define SERVELO_INGEST_MAIL_ADDRESS_H

#include "base/arena.h"
#include "ingest/mail.h"

/* Append the mailboxes of one field value to ret, up to max in all. items grows in the arena. -ENOBUFS. */
int mail_address_list(struct arena *arena, struct str value, struct str charset_hint, size_t max,
		      struct mail_mailboxes *ret);

#endif
