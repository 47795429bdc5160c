/*
 * Digests of mail data. Every part of a key is hashed with its length before it, so that no two different
 * keys give the same octets; addresses and recipients are compared without case, as the rest of the house
 * does.
 */
#include "ingest/digest.h"

void mail_digest_begin(struct mail_digester *digester)
{
	*digester = (struct mail_digester){.in_body = false};
	sha256_init(&digester->content);
	sha256_init(&digester->body);
}

/* The body begins behind the first empty line (a bare LF counts as a line end here). Returns what of piece is behind it. */
static struct str skip_header(struct mail_digester *digester, struct str piece)
{
	while (piece.len && !digester->in_body) {
		size_t end = str_find(piece, '\n');
		if (end > 0 && digester->line_octets == 0)
			digester->line_is_cr = piece.ptr[0] == '\r';
		if (end > 0)
			digester->line_octets = end > 1 || digester->line_octets ? 2 : 1;
		if (end == piece.len)
			return str_sub(piece, piece.len, piece.len);
		digester->in_body =
			digester->line_octets == 0 || (digester->line_octets == 1 && digester->line_is_cr);
		digester->line_octets = 0;
		piece = str_sub(piece, end + 1, piece.len);
	}
	return piece;
}

void mail_digest_add(struct mail_digester *digester, struct str piece)
{
	sha256_update(&digester->content, piece);
	sha256_update(&digester->body, skip_header(digester, piece));
}

void mail_digest_end(struct mail_digester *digester, struct mail_digests *ret)
{
	sha256_final(&digester->content, ret->content);
	sha256_final(&digester->body, ret->body);
}

void mail_digest(struct str sent, struct mail_digests *ret)
{
	struct mail_digester digester;
	mail_digest_begin(&digester);
	mail_digest_add(&digester, sent);
	mail_digest_end(&digester, ret);
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
