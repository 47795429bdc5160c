/*
 * Parameters of Content-Type and Content-Disposition: RFC 2045, RFC 2231 (continuations, charsets), and how
 * mailers really write them: encoded words inside, names with blanks and no quotes, raw 8-bit octets,
 * backslashes of Windows paths, missing quotes and semicolons. Linear; pieces of a parameter are bounded by
 * MAIL_PARAM_PIECES_MAX. Pure.
 */
#ifndef SERVELO_INGEST_MAIL_PARAM_H
#define SERVELO_INGEST_MAIL_PARAM_H

#include "base/arena.h"
#include "base/base.h"

#define MAIL_PARAM_PIECES_MAX 100
#define MAIL_PARAM_MAX        4096 /* octets of one decoded value */

/*
 * The parameter `name` of an unfolded field value, decoded to UTF-8, one line. The extended form (name*)
 * wins over the plain one. -ENOENT: there is none, or it is empty. -ENOBUFS.
 */
int mail_param(struct arena *arena, struct str value, struct str name, struct str charset_hint,
	       struct str *ret);
/* The same for parameters that are plain octets (boundary): nothing is decoded. */
int mail_param_raw(struct arena *arena, struct str value, struct str name, struct str *ret);

#endif
