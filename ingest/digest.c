/*
 * Digests of mail data. Every part of a key is hashed with its length before it, so that no two different
 * keys give the same octets; addresses and recipients are compared without case, as the rest of the house
 * does.
 */
#include "ingest/digest.h"

/* Offset behind the first empty line (CRLF CRLF; a bare LF counts as a line end here), or the length. */
static size_t body_offset(struct str sent)
{
	size_t at = 0;
	while (at < sent.len) {
		struct str rest = str_sub(sent, at, sent.len);
		size_t end = str_find(rest, '\n');
		if (end == rest.len)
			return sent.len;
		at += end + 1;
		if (end == 0 || (end == 1 && rest.ptr[0] == '\r'))
			return at;
	}
	return sent.len;
}

void mail_digest(struct str sent, struct mail_digests *ret)
{
	sha256_once(sent, ret->content);
	sha256_once(str_sub(sent, body_offset(sent), sent.len), ret->body);
}

static void add_part(struct sha256 *sha, struct str part, bool fold)
{
	uint64_t len = part.len;
	sha256_update(sha, (struct str){(const char *)&len, sizeof(len)});
	if (!fold) {
		sha256_update(sha, part);
		return;
	}
	char lower[64];
	for (size_t at = 0; at < part.len;) {
		size_t n = 0;
		while (n < sizeof(lower) && at < part.len)
			lower[n++] = ascii_lower(part.ptr[at++]);
		sha256_update(sha, (struct str){lower, n});
	}
}

static void short_digest(struct str fold_first, struct str exact_second, uint8_t ret[16])
{
	uint8_t full[SHA256_SIZE];
	struct sha256 sha;
	sha256_init(&sha);
	add_part(&sha, fold_first, true);
	add_part(&sha, exact_second, false);
	sha256_final(&sha, full);
	memcpy(ret, full, 16);
}

void mail_repeat_key(struct tenant_id tenant, struct str canonical_recipient, struct str author,
		     struct str message_id, const struct mail_digests *digests, struct repeat_key *ret)
{
	struct str content = {(const char *)digests->content, SHA256_SIZE};
	ret->tenant = tenant;
	short_digest(canonical_recipient, STR(""), ret->recipient);
	if (message_id.len)
		short_digest(author, message_id, ret->identity);
	else
		short_digest(STR(""), content, ret->identity);
	memcpy(ret->body, digests->body, sizeof(ret->body));
}
