/*
 * See reply_token.h, which has the format.
 *
 * One way in and one way out for the three kinds: token_seal() puts head, MAC and base64url around FIELDS,
 * which a `fields` writes; token_open() takes them off. What token_open() hands out was signed by us, bit for
 * bit, under this context. Its FIELDS are still read with every bound checked, and every number and slug in
 * its shortest form: so a key that leaked, or an older program of ours, cannot make two texts of one meaning
 * either.
 *
 * The keys tried are those whose id the head names. All of them are tried, and when there is none the current
 * key is, for nothing: the time taken says nothing about the keys. Pure; any thread.
 */
#include "tenant/reply_token.h"

#include <errno.h>

#include "base/mailaddr.h"

#define TOKEN_VERSION   1
#define KEY_ID_MASK     0x3f
#define CONTEXT_MAX     32
#define SLUG_OCTETS_MAX 22
#define SLUG_BASE       38
#define SLUG_END        37

/* Octets being written; too small is our bug, since every field was checked before. */
struct fields {
	uint8_t octets[TOKEN_OCTETS_MAX];
	size_t len;
};

static void put_number(struct fields *fields, int64_t number);
static void put_slug(struct fields *fields, const char *slug);
static bool take_number(struct str *in, unsigned bits_max, int64_t *ret);
static bool take_slug(struct str in, char ret[SLUG_MAX + 1]);
static size_t token_seal(const struct key_ring *keys, const char *context, struct fields *fields, char *ret);
static int token_open(const struct key_ring *keys, const char *context, struct str text, struct fields *ret);

/* ---- fields ---- */

static void put_number(struct fields *fields, int64_t number)
{
	uint64_t rest = (uint64_t)number;
	for (; rest >= 0x80; rest >>= 7)
		fields->octets[fields->len++] = (uint8_t)(rest | 0x80);
	fields->octets[fields->len++] = (uint8_t)rest;
}

static bool take_number(struct str *in, unsigned bits_max, int64_t *ret)
{
	uint64_t number = 0;
	for (unsigned shift = 0; shift < bits_max; shift += 7) {
		if (in->len == 0)
			return false;
		uint8_t octet = (uint8_t)in->ptr[0];
		*in = str_sub(*in, 1, in->len);
		number |= (uint64_t)(octet & 0x7f) << shift;
		if (octet & 0x80)
			continue;
		*ret = (int64_t)number;
		/* a last octet of nothing was not needed */
		return octet != 0 || shift == 0;
	}
	return false;
}

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

static void put_slug(struct fields *fields, const char *slug)
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

/* ---- sealing and opening ---- */

static void token_mac(struct str key, const char *context, const uint8_t *payload, size_t len,
		      uint8_t ret[SHA256_SIZE])
{
	char bytes[CONTEXT_MAX + TOKEN_OCTETS_MAX];
	size_t context_len =
		strlen(context) + 1; /* the NUL, so that no context is the beginning of another */
	memcpy(bytes, context, context_len);
	memcpy(bytes + context_len, payload, len);
	hmac_sha256(key, (struct str){bytes, context_len + len}, ret);
}

static void fields_init(struct fields *fields, const struct key_ring *keys)
{
	fields->octets[0] = (uint8_t)(TOKEN_VERSION << 6 | key_ring_id(keys, 0));
	fields->len = 1;
}

static size_t token_seal(const struct key_ring *keys, const char *context, struct fields *fields, char *ret)
{
	uint8_t mac[SHA256_SIZE];
	token_mac(key_ring_key(keys, 0), context, fields->octets, fields->len, mac);
	memcpy(fields->octets + fields->len, mac, TOKEN_MAC_SIZE);
	return base64url_encode(fields->octets, fields->len + TOKEN_MAC_SIZE, ret);
}

static bool mac_fits(const struct key_ring *keys, const char *context, const uint8_t *octets,
		     size_t payload_len)
{
	uint8_t mac[SHA256_SIZE];
	unsigned fits = 0, tried = 0;
	for (size_t i = 0; i < key_ring_size(keys); i++) {
		if (key_ring_id(keys, i) != (octets[0] & KEY_ID_MASK))
			continue;
		token_mac(key_ring_key(keys, i), context, octets, payload_len, mac);
		fits |= mac_equal(mac, octets + payload_len, TOKEN_MAC_SIZE);
		tried++;
	}
	if (tried == 0)
		token_mac(key_ring_key(keys, 0), context, octets, payload_len, mac);
	return fits;
}

/* ret: the octets without head and MAC. */
static int token_open(const struct key_ring *keys, const char *context, struct str text, struct fields *ret)
{
	uint8_t octets[TOKEN_OCTETS_MAX];
	int n = base64url_decode(text, octets, sizeof(octets));
	if (n < 1 + TOKEN_MAC_SIZE || octets[0] >> 6 != TOKEN_VERSION)
		return -ENOENT;
	size_t payload_len = (size_t)n - TOKEN_MAC_SIZE;
	if (!mac_fits(keys, context, octets, payload_len))
		return -ENOENT;
	ret->len = payload_len - 1;
	memcpy(ret->octets, octets + 1, ret->len);
	return 0;
}

static struct str fields_str(const struct fields *fields)
{
	return (struct str){(const char *)fields->octets, fields->len};
}

static bool number_fits(int64_t number, int64_t min)
{
	return number >= min && number <= TOKEN_NUMBER_MAX;
}

/* ---- reply tokens ---- */

int reply_token_mint(const struct key_ring *keys, const struct reply_token *token,
		     char ret[REPLY_TOKEN_MAX + 1])
{
	struct fields fields;
	if (!slug_fits(token->slug))
		return -EINVAL;
	if (!number_fits(token->ticket, 1) || !number_fits(token->participant, 1))
		return -ERANGE;
	fields_init(&fields, keys);
	put_number(&fields, token->ticket);
	put_number(&fields, token->participant);
	put_slug(&fields, token->slug);
	token_seal(keys, REPLY_TOKEN_CONTEXT, &fields, ret);
	return 0;
}

int reply_token_check(const struct key_ring *keys, struct str text, struct reply_token *ret)
{
	struct fields fields;
	struct reply_token token;
	if (text.len > REPLY_TOKEN_MAX || token_open(keys, REPLY_TOKEN_CONTEXT, text, &fields) < 0)
		return -ENOENT;
	struct str in = fields_str(&fields);
	if (!take_number(&in, 28, &token.ticket) || !take_number(&in, 28, &token.participant) ||
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

/* ---- bounce tokens ---- */

int bounce_token_mint(const struct key_ring *keys, struct outbox_id job, char ret[BOUNCE_TOKEN_MAX + 1])
{
	struct fields fields;
	if (job.v <= 0)
		return -ERANGE;
	fields_init(&fields, keys);
	put_number(&fields, job.v);
	token_seal(keys, BOUNCE_TOKEN_CONTEXT, &fields, ret);
	return 0;
}

int bounce_token_check(const struct key_ring *keys, struct str text, struct outbox_id *ret)
{
	struct fields fields;
	int64_t id;
	if (text.len > BOUNCE_TOKEN_MAX || token_open(keys, BOUNCE_TOKEN_CONTEXT, text, &fields) < 0)
		return -ENOENT;
	struct str in = fields_str(&fields);
	if (!take_number(&in, 63, &id) || in.len || id == 0)
		return -ENOENT;
	ret->v = id;
	return 0;
}

/* ---- Message-IDs ---- */

int own_message_id_mint(const struct key_ring *keys, const struct own_message_id *id, struct str domain,
			char *ret, size_t ret_max)
{
	struct fields fields;
	char left[MESSAGE_LEFT_MAX + 1];
	if (!slug_fits(id->slug) || domain.len > MAILADDR_DOMAIN_MAX || !mailaddr_domain_valid(domain, 0))
		return -EINVAL;
	if (!number_fits(id->ticket, 0))
		return -ERANGE;
	fields_init(&fields, keys);
	put_number(&fields, id->ticket);
	for (int shift = 56; shift >= 0; shift -= 8)
		fields.octets[fields.len++] = (uint8_t)(id->nonce >> shift);
	put_slug(&fields, id->slug);
	size_t len = token_seal(keys, MESSAGE_ID_CONTEXT, &fields, left);
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
	struct fields fields;
	struct own_message_id id;
	size_t at = str_find(text, '@');
	if (at > MESSAGE_LEFT_MAX || !str_ieq(str_sub(text, at + 1, text.len), domain) || domain.len == 0 ||
	    token_open(keys, MESSAGE_ID_CONTEXT, str_sub(text, 0, at), &fields) < 0)
		return -ENOENT;
	struct str in = fields_str(&fields);
	if (!take_number(&in, 28, &id.ticket) || !take_nonce(&in, &id.nonce) || !take_slug(in, id.slug))
		return -ENOENT;
	*ret = id;
	return 0;
}
