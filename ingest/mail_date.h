/*
 * Dates of header fields: RFC 5322 with obsolete zones, and the usual other forms (asctime, ISO 8601, day and
 * month swapped, two-digit years, zone names, "GMT+0200"). Pure.
 */
#ifndef SERVELO_INGEST_MAIL_DATE_H
#define SERVELO_INGEST_MAIL_DATE_H

#include "base/base.h"

/* Milliseconds since 1970; 0 when it can't be read. Years outside 1970..9999 can't. */
int64_t mail_date_parse(struct str value);

#endif
