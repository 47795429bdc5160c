/*
 * What a mail hangs on: names made safe, sizes, inline or not.
 *
 * A name is for people and for programs that save files: valid UTF-8, no path, no controls, nothing that
 * turns text around, no leading dot, no trailing dot or blank, no device name of Windows, 255 octets at most
 * with the extension kept. A harmless name stays as it is. Pure.
 */
#ifndef SERVELO_INGEST_MAIL_ATTACHMENT_H
#define SERVELO_INGEST_MAIL_ATTACHMENT_H

#include "base/arena.h"
#include "ingest/mail.h"
#include "ingest/mime_split.h"

#define ATTACHMENT_NAME_MAX 255

/* A safe form of a decoded name; empty when nothing of it can stay. -ENOBUFS. */
int mail_attachment_safe_name(struct arena *arena, struct str name, struct str *ret);
/* "attachment-2.pdf": for a part without a name. -ENOBUFS. */
int mail_attachment_made_up_name(struct arena *arena, struct str media_type, size_t number, struct str *ret);
/* The name that a part gives itself, decoded but not yet safe; empty: none. */
struct str mail_attachment_given_name(struct arena *arena, const struct mime_entity *entity,
				      struct str charset_hint);

#endif
