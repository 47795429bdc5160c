/*
 * Files inside of one part: those of a winmail.dat, and uuencoded and yEnc blocks of a text. Their part paths are the part's own
 * section number, a slash, and their number from 1: "2/1". The parser that lists them and the one that hands them out
 * (mail_extract.h) both ask here, so that the numbers agree.
 *
 *	struct mail_inner inner;
 *	mail_inner_read(&arena, entity, &inner);
 *	... inner.files[i] ...
 *	mail_inner_done(&inner);
 *
 * Pure.
 */
#ifndef SERVELO_INGEST_MAIL_INNER_H
#define SERVELO_INGEST_MAIL_INNER_H

#include "ingest/mime_split.h"
#include "ingest/tnef.h"

#define INNER_FILES_MAX 100

struct inner_file {
	struct str name;       /* UTF-8, not yet safe; may be empty */
	struct str media_type; /* lower case; may be empty */
	struct str content_id;
	enum mail_encoding encoding;
	struct str raw;
};

struct mail_inner {
	struct inner_file *files;
	size_t n;
	bool cut;             /* there are more than can be listed */
	bool is_tnef;         /* the part is a winmail.dat that could be read ... */
	struct tnef tnef;     /* ... and this is in it */
	struct strbuf octets; /* the part, decoded, when it had to be */
};

/* arena holds the lists; raw octets are views of the mail or of inner->octets. */
void mail_inner_read(struct arena *arena, const struct mime_entity *entity, struct mail_inner *inner);
void mail_inner_done(struct mail_inner *inner);

/* Is it a text that is searched for files? */
static inline bool mail_inner_is_searched(const struct mime_entity *entity)
{
	return mime_is(entity, STR("text/plain")) &&
	       (entity->encoding == MAIL_ENCODING_IDENTITY || entity->encoding == MAIL_ENCODING_QP);
}

#endif
