/*
 * See reply_token.h, which has the format; token_private.h puts head, MAC and base64url around FIELDS and takes them
 * off. Here are the fields of the three kinds. Always true: what was signed by us is still read with every bound
 * checked, and every number and slug in its shortest form. Pure; any thread.
 */
#include "tenant/reply_token.h"

#include <errno.h>

#include "base/mailaddr.h"
#include "tenant/token_private.h"

#define SLUG_OCTETS_MAX 22
#define SLUG_BASE       38
#define SLUG_END        37

/* ---- fields ---- */

static int slug_value(char c)
{
	c = ascii_lower(c);
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	if (ascii_digit(c))
		return c - '0' + 26;
	return c == '-' ? 36 : -1;
}

static bool slug_fits(const char *slug)
{
	size_t len = strnlen(slug, SLUG_MAX + 1);
	for (size_t i = 0; i < len; i++) {
		if (slug_value(slug[i]) < 0)
			return false;
	}
	return len >= 1 && len <= SLUG_MAX && slug[0] != '-';
}

static void put_slug(struct token_fields *fields, const char *slug)
{
	size_t len = strlen(slug);
	for (size_t at = 0; at < len; at += 3) {
		int three = 0;
		for (size_t i = at; i < at + 3; i++)
			three = three * SLUG_BASE + (i < len ? slug_value(slug[i]) : SLUG_END);
		fields->octets[fields->len++] = (uint8_t)(three >> 8);
		fields->octets[fields->len++] = (uint8_t)(three & 0xff);
	}
}

/* All that is left. */
static bool take_slug(struct str in, char ret[SLUG_MAX + 1])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	char slug[SLUG_OCTETS_MAX / 2 * 3 + 1] = "";
	size_t len = 0;
	bool ended = false;
	if (in.len == 0 || in.len % 2 || in.len > SLUG_OCTETS_MAX)
		return false;
	for (size_t at = 0; at < in.len; at += 2) {
		unsigned three = (unsigned)(uint8_t)in.ptr[at] << 8 | (uint8_t)in.ptr[at + 1];
		if (three >= SLUG_BASE * SLUG_BASE * SLUG_BASE || ended)
			return false;
		const unsigned values[] = {three / (SLUG_BASE * SLUG_BASE), three / SLUG_BASE % SLUG_BASE,
					   three % SLUG_BASE};
		for (size_t i = 0; i < 3; i++) {
			/* nothing but "end" follows "end", and three of them were not needed */
			if (values[i] == SLUG_END ? i == 0 : ended)
				return false;
			if (values[i] == SLUG_END)
				ended = true;
			else
				slug[len++] = alphabet[values[i]];
		}
	}
	if (!slug_fits(slug))
		return false;
	memcpy(ret, slug, len + 1);
	return true;
}

static struct str fields_str(const struct token_fields *fields)
{
	return (struct str){(const char *)fields->octets, fields->len};
}

static bool number_fits(int64_t number, int64_t min)
{
	return number >= min && number <= TOKEN_NUMBER_MAX;
}

/* ---- reply tokens ---- */

static int mint_with(const struct key_ring *keys, size_t i, const struct reply_token *token,
		     char ret[REPLY_TOKEN_MAX + 1])
{
	struct token_fields fields;
	if (!slug_fits(token->slug))
		return -EINVAL;
	if (!number_fits(token->ticket, 1) || !number_fits(token->participant, 1))
		return -ERANGE;
	token_begin(&fields, keys, i);
	token_put_number(&fields, token->ticket);
	token_put_number(&fields, token->participant);
	put_slug(&fields, token->slug);
	token_seal(keys, i, STR(REPLY_TOKEN_CONTEXT), &fields, ret);
	return 0;
}

int reply_token_mint(const struct key_ring *keys, const struct reply_token *token,
		     char ret[REPLY_TOKEN_MAX + 1])
{
	return mint_with(keys, 0, token, ret);
}

int reply_token_check(const struct key_ring *keys, struct str text, struct reply_token *ret)
{
	struct token_fields fields;
	struct reply_token token;
	if (text.len > REPLY_TOKEN_MAX || token_open(keys, STR(REPLY_TOKEN_CONTEXT), text, &fields) < 0)
		return -ENOENT;
	struct str in = fields_str(&fields);
	if (!token_take_number(&in, 28, &token.ticket) || !token_take_number(&in, 28, &token.participant) ||
	    !take_slug(in, token.slug) || token.ticket == 0 || token.participant == 0)
		return -ENOENT;
	*ret = token;
	return 0;
}

/* The shortest: head, two numbers of one octet, a slug of three characters, MAC. */
#define REPLY_TOKEN_MIN BASE64URL_LEN(1 + 1 + 1 + 2 + TOKEN_MAC_SIZE)

int reply_token_fold(struct str text, char ret[REPLY_TOKEN_MAX + 1])
{
	if (text.len < REPLY_TOKEN_MIN || text.len > REPLY_TOKEN_MAX || text.len % 4 == 1)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (!ascii_alpha(c) && !ascii_digit(c) && c != '-' && c != '_')
			return -EINVAL;
	}
	for (size_t i = 0; i < text.len; i++)
		ret[i] = ascii_lower(text.ptr[i]);
	ret[text.len] = '\0';
	return 0;
}

bool reply_token_is_folded(const struct key_ring *keys, struct str folded, const struct reply_token *token)
{
	char text[REPLY_TOKEN_MAX + 1], form[REPLY_TOKEN_MAX + 1];
	unsigned equal = 0;
	for (size_t i = 0; i < key_ring_size(keys); i++) {
		if (mint_with(keys, i, token, text) < 0 || reply_token_fold(str_from(text), form) < 0)
			return false;
		/* the length is that of what the token says: no secret */
		size_t len = strlen(form);
		equal |= folded.len == len && mac_equal(form, folded.ptr, len);
	}
	return equal;
}

/* ---- bounce tokens ---- */

int bounce_token_mint(const struct key_ring *keys, struct outbox_id job, char ret[BOUNCE_TOKEN_MAX + 1])
{
	struct token_fields fields;
	if (job.v <= 0)
		return -ERANGE;
	token_begin(&fields, keys, 0);
	token_put_number(&fields, job.v);
	token_seal(keys, 0, STR(BOUNCE_TOKEN_CONTEXT), &fields, ret);
	return 0;
}

int bounce_token_check(const struct key_ring *keys, struct str text, struct outbox_id *ret)
{
	struct token_fields fields;
	int64_t id;
	if (text.len > BOUNCE_TOKEN_MAX || token_open(keys, STR(BOUNCE_TOKEN_CONTEXT), text, &fields) < 0)
		return -ENOENT;
	struct str in = fields_str(&fields);
	if (!token_take_number(&in, 63, &id) || in.len || id == 0)
		return -ENOENT;
	ret->v = id;
	return 0;
}

/* ---- Message-IDs ---- */

int own_message_id_mint(const struct key_ring *keys, const struct own_message_id *id, struct str domain,
			char *ret, size_t ret_max)
{
	struct token_fields fields;
	char left[MESSAGE_LEFT_MAX + 1];
	if (!slug_fits(id->slug) || domain.len > MAILADDR_DOMAIN_MAX || !mailaddr_domain_valid(domain, 0))
		return -EINVAL;
	if (!number_fits(id->ticket, 0))
		return -ERANGE;
	token_begin(&fields, keys, 0);
	token_put_number(&fields, id->ticket);
	for (int shift = 56; shift >= 0; shift -= 8)
		fields.octets[fields.len++] = (uint8_t)(id->nonce >> shift);
	put_slug(&fields, id->slug);
	size_t len = token_seal(keys, 0, STR(MESSAGE_ID_CONTEXT), &fields, left);
	if (len + 1 + domain.len + 1 > ret_max)
		return -ENOBUFS;
	memcpy(ret, left, len);
	ret[len] = '@';
	memcpy(ret + len + 1, domain.ptr, domain.len);
	ret[len + 1 + domain.len] = '\0';
	return 0;
}

static bool take_nonce(struct str *in, uint64_t *ret)
{
	if (in->len < 8)
		return false;
	*ret = 0;
	for (size_t i = 0; i < 8; i++)
		*ret = *ret << 8 | (uint8_t)in->ptr[i];
	*in = str_sub(*in, 8, in->len);
	return true;
}

int own_message_id_check(const struct key_ring *keys, struct str text, struct str domain,
			 struct own_message_id *ret)
{
	struct token_fields fields;
	struct own_message_id id;
	size_t at = str_find(text, '@');
	if (at > MESSAGE_LEFT_MAX || !str_ieq(str_sub(text, at + 1, text.len), domain) || domain.len == 0 ||
	    token_open(keys, STR(MESSAGE_ID_CONTEXT), str_sub(text, 0, at), &fields) < 0)
		return -ENOENT;
	struct str in = fields_str(&fields);
	if (!token_take_number(&in, 28, &id.ticket) || !take_nonce(&in, &id.nonce) || !take_slug(in, id.slug))
		return -ENOENT;
	*ret = id;
	return 0;
}
