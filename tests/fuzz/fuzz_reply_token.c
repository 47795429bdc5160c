/*
 * Tokens and Message-IDs. The input is taken three ways: as a text from outside, which is accepted only if it
 * is what we would mint; as the fields of a payload that is signed well, likewise; and as values to mint,
 * which must come back, and must not once a bit is turned over.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tenant/reply_token.h"

#define DOMAIN STR("serveloapp.com")

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char key[] = "0123456789abcdef0123456789abcdef";
static struct key_ring *keys;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool check_all(struct str text)
{
	struct reply_token token;
	struct outbox_id job;
	struct own_message_id id;
	char again[256];
	int known = 0;
	if (reply_token_check(keys, text, &token) == 0) {
		must(reply_token_mint(keys, &token, again) == 0 && str_eq(str_from(again), text));
		must(reply_token_fold(text, again) == 0);
		known++;
	}
	if (bounce_token_check(keys, text, &job) == 0) {
		must(bounce_token_mint(keys, job, again) == 0 && str_eq(str_from(again), text));
		known++;
	}
	if (own_message_id_check(keys, text, DOMAIN, &id) == 0) {
		must(own_message_id_mint(keys, &id, DOMAIN, again, sizeof(again)) == 0 &&
		     str_ieq(str_from(again), text));
		known++;
	}
	char folded[REPLY_TOKEN_MAX + 1];
	if (reply_token_fold(text, folded) == 0)
		must(strlen(folded) == text.len);
	must(known <= 1);
	return known == 1;
}

static void check_signed(const char *context, const uint8_t *fields, size_t len, const char *suffix)
{
	char bytes[128], text[256];
	uint8_t mac[SHA256_SIZE];
	size_t n = strlen(context) + 1;
	if (len > 60)
		return;
	memcpy(bytes, context, n);
	bytes[n] = (char)(0x40 | key_ring_id(keys, 0));
	memcpy(bytes + n + 1, fields, len);
	hmac_sha256(str_from(key), (struct str){bytes, n + 1 + len}, mac);
	memcpy(bytes + n + 1 + len, mac, TOKEN_MAC_SIZE);
	size_t text_len = base64url_encode(bytes + n, 1 + len + TOKEN_MAC_SIZE, text);
	snprintf(text + text_len, sizeof(text) - text_len, "%s", suffix);
	check_all(str_from(text));
}

static void check_minted(const uint8_t *data, size_t size)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	struct reply_token token = {"", 1, 1}, got;
	char text[REPLY_TOKEN_MAX + 1];
	if (size < 10)
		return;
	for (size_t i = 0; i < 4; i++) {
		token.ticket = (token.ticket << 7 | data[i] >> 1) & TOKEN_NUMBER_MAX;
		token.participant = (token.participant << 7 | data[4 + i] >> 1) & TOKEN_NUMBER_MAX;
	}
	for (size_t i = 9; i < size && i - 9 < SLUG_MAX; i++)
		token.slug[i - 9] = alphabet[data[i] % (sizeof(alphabet) - 1)];
	if (token.slug[0] == '-' || token.ticket == 0 || token.participant == 0) {
		must(reply_token_mint(keys, &token, text) < 0);
		return;
	}
	must(reply_token_mint(keys, &token, text) == 0);
	must(check_all(str_from(text)) && reply_token_check(keys, str_from(text), &got) == 0);
	must(got.ticket == token.ticket && got.participant == token.participant &&
	     !strcmp(got.slug, token.slug));
	char folded[REPLY_TOKEN_MAX + 1];
	must(reply_token_fold(str_from(text), folded) == 0 &&
	     reply_token_is_folded(keys, str_from(folded), &token));
	folded[data[8] % strlen(folded)] = (char)(folded[data[8] % strlen(folded)] ^ (1 << data[9] % 8));
	must(!reply_token_is_folded(keys, str_from(folded), &token));
	size_t len = strlen(text);
	text[data[8] % len] = (char)(text[data[8] % len] ^ (1 << data[9] % 8));
	must(!check_all((struct str){text, len}));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!keys)
		must(key_ring_new(&keys, &(struct str){key, sizeof(key) - 1}, 1) == 0);
	check_all((struct str){(const char *)data, size});
	check_signed(REPLY_TOKEN_CONTEXT, data, size, "");
	check_signed(BOUNCE_TOKEN_CONTEXT, data, size, "");
	check_signed(MESSAGE_ID_CONTEXT, data, size, "@serveloapp.com");
	check_minted(data, size);
	return 0;
}
