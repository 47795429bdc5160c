/*
 * What reply_token.c and loop_mark.c share: the signed octets that both are made of, as reply_token.h has the format.
 *
 *	token_begin(&fields, keys, 0);             head of key 0
 *	token_put_number(&fields, 42);
 *	token_seal(keys, 0, context, &fields, text);
 *
 * and back: token_open() hands out FIELDS only if their MAC fits. Pure; any thread.
 */
#ifndef SERVELO_TENANT_TOKEN_PRIVATE_H
#define SERVELO_TENANT_TOKEN_PRIVATE_H

#include "tenant/reply_token.h"

/* Octets being written; too small is our bug, since every field was checked before. */
struct token_fields {
	uint8_t octets[TOKEN_OCTETS_MAX];
	size_t len;
};

/* Writes HEAD, which names key i of the ring. */
void token_begin(struct token_fields *fields, const struct key_ring *keys, size_t i);
/* number is not negative. */
void token_put_number(struct token_fields *fields, int64_t number);
/* A number of at most bits_max bits (a multiple of seven), in its shortest form, off the front of in. */
bool token_take_number(struct str *in, unsigned bits_max, int64_t *ret);

/* context: at most 32 octets, a NUL is added. ret holds BASE64URL_LEN of it all and a NUL; returns its length. */
size_t token_seal(const struct key_ring *keys, size_t i, struct str context, struct token_fields *fields,
		  char *ret);
/* -ENOENT, whatever was wrong. ret: the octets without head and MAC. */
int token_open(const struct key_ring *keys, struct str context, struct str text, struct token_fields *ret);

#endif
