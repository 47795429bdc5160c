/*
 * base64's part of mail_decode.c, which includes it, and nobody else. What it promises stands in mail_decode.h. Pure.
 */
#ifndef SERVELO_INGEST_MAIL_BASE64_H
#define SERVELO_INGEST_MAIL_BASE64_H

#include "ingest/mail_decode.h"

/* Skip words that stand before the data (a flaw then). decoder->raw is all there is. */
void mail_base64_begin(struct mail_decoder *decoder);
/* Up to cap octets (cap >= MAIL_DECODER_MIN); 0: the end. */
size_t mail_base64_next(struct mail_decoder *decoder, char *buf, size_t cap);

#endif
