/*
 * What a subject says about its mail: does it answer one, or forward one, in the languages that have a prefix for it?
 * The subject is decoded, its prefixes not stripped; it may be empty. Pure; any thread. (quote_is_forward_subject is in
 * quote.h: it is asked elsewhere too.)
 */
#ifndef SERVELO_INGEST_QUOTE_SUBJECT_H
#define SERVELO_INGEST_QUOTE_SUBJECT_H

#include "base/base.h"

/* "Re: ...", "AW: ...", "[users] Re[2]: ...", "External: RE: ...", "回复：..." */
bool quote_is_reply_subject(struct str subject);

#endif
