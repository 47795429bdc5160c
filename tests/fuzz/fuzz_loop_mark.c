/*
 * Loop marks. The input is taken three ways: as a field's value, which is ours only if it is what we would mint; as
 * the octets of a token that is signed well, likewise; and as a job to mint for, which must come back, and must not be
 * ours once a bit is turned over.
 */
#include <stdlib.h>

#include "base/mac.h"
#include "tenant/loop_mark.h"
#include "tenant/reply_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char key[] = "0123456789abcdef0123456789abcdef";
static const struct str words[] = {STR_INIT("answer"), STR_INIT("notice"), STR_INIT("forward")};
static struct key_ring *keys;

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* The number behind the head, as the header says it: the second opinion. */
static int64_t job_of(struct str mark)
{
	uint8_t octets[64];
	size_t dot = str_find(mark, '.');
	int n = base64url_decode(str_sub(mark, dot + 1, mark.len), octets, sizeof(octets));
	uint64_t job = 0;
	for (int i = 1, shift = 0; i < n - TOKEN_MAC_SIZE; i++, shift += 7)
		job |= (uint64_t)(octets[i] & 0x7f) << shift;
	return (int64_t)job;
}

static enum loop_origin check(struct str value)
{
	enum loop_kind kind = LOOP_ANSWER;
	enum loop_origin origin = loop_mark_check(keys, value, &kind);
	if (origin == LOOP_OURS) {
		char again[LOOP_MARK_TEXT_MAX + 1];
		struct str mark = str_trim(value);
		must(loop_mark_mint(keys, kind, (struct outbox_id){job_of(mark)}, again) == 0);
		must(str_eq(str_from(again), mark));
	}
	return origin;
}

static void check_signed(size_t kind, const uint8_t *fields, size_t len)
{
	char bytes[128], text[256];
	uint8_t mac[SHA256_SIZE];
	size_t n = 0;
	if (len > 40)
		return;
	memcpy(bytes, LOOP_MARK_CONTEXT, sizeof(LOOP_MARK_CONTEXT));
	n += sizeof(LOOP_MARK_CONTEXT);
	memcpy(bytes + n, words[kind].ptr, words[kind].len);
	n += words[kind].len;
	bytes[n++] = '\0';
	bytes[n] = (char)(0x40 | key_ring_id(keys, 0));
	memcpy(bytes + n + 1, fields, len);
	hmac_sha256(str_from(key), (struct str){bytes, n + 1 + len}, mac);
	memcpy(bytes + n + 1 + len, mac, TOKEN_MAC_SIZE);
	memcpy(text, words[kind].ptr, words[kind].len);
	text[words[kind].len] = '.';
	base64url_encode(bytes + n, 1 + len + TOKEN_MAC_SIZE, text + words[kind].len + 1);
	must(check(str_from(text)) != LOOP_NONE);
}

static void check_minted(const uint8_t *data, size_t size)
{
	uint64_t number = 0;
	char text[LOOP_MARK_TEXT_MAX + 1];
	if (size < 11)
		return;
	for (size_t i = 0; i < 8; i++)
		number = number << 8 | data[i];
	struct outbox_id job = {(int64_t)(number >> (data[8] % 64) >> 1)};
	enum loop_kind kind = (enum loop_kind)(data[9] % 3), got;
	int r = loop_mark_mint(keys, kind, job, text);
	must((r == 0) == (job.v > 0));
	if (r < 0)
		return;
	size_t len = strlen(text);
	must(loop_mark_check(keys, str_from(text), &got) == LOOP_OURS && got == kind &&
	     job_of(str_from(text)) == job.v);
	text[data[10] % len] = (char)(text[data[10] % len] ^ (1 << data[9] / 32));
	must(check((struct str){text, len}) != LOOP_OURS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!keys)
		must(key_ring_new(&keys, &(struct str){key, sizeof(key) - 1}, 1) == 0);
	check((struct str){(const char *)data, size});
	for (size_t kind = 0; kind < ARRAY_SIZE(words); kind++)
		check_signed(kind, data, size);
	check_minted(data, size);
	return 0;
}
