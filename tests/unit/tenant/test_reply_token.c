/*
 * Signed texts by property: what was minted is known again, and nothing else is: no flipped bit, no
 * truncation, no extension, no other field, kind, key or spelling. Payloads that only a holder of the key can
 * sign are signed here by a second implementation, written from the header.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tenant/reply_token.h"

#define LONGEST_SLUG "a-slug-of-thirty-two-characters0"
#define DOMAIN       STR("serveloapp.com")

static const char key_a[] = "0123456789abcdef0123456789abcdeA";
static const char key_b[] = "0123456789abcdef0123456789abcdeB";
static const char key_c[] = "0123456789abcdef0123456789abcdeC";

static struct key_ring *ring_of(const char *const *keys, size_t n)
{
	struct str views[KEY_RING_MAX];
	struct key_ring *ring = NULL;
	for (size_t i = 0; i < n; i++)
		views[i] = str_from(keys[i]);
	assert_int_equal(key_ring_new(&ring, views, n), 0);
	return ring;
}

static struct key_ring *one_key(const char *key)
{
	return ring_of(&key, 1);
}

/* ---- a second implementation ---- */

static size_t sign(const char *key, const char *context, const void *payload, size_t len, size_t mac_len,
		   char *ret)
{
	char bytes[256];
	uint8_t mac[SHA256_SIZE];
	size_t n = (size_t)snprintf(bytes, sizeof(bytes), "%s", context) + 1;
	memcpy(bytes + n, payload, len);
	hmac_sha256(str_from(key), (struct str){bytes, n + len}, mac);
	memcpy(bytes, payload, len);
	memcpy(bytes + len, mac, mac_len);
	return base64url_encode(bytes, len + mac_len, ret);
}

static uint8_t head_of(const char *key)
{
	struct key_ring *ring = one_key(key);
	uint8_t head = (uint8_t)(0x40 | key_ring_id(ring, 0));
	key_ring_unref(ring);
	return head;
}

/* ---- reply tokens ---- */

static const struct reply_token samples[] = {
	{"acme", 42, 7},
	{"a", 1, 1},
	{"ab", 127, 128},
	{"abc", 128, 16383},
	{"0-9", 16384, 2097151},
	{"z------", 2097152, 5},
	{LONGEST_SLUG, TOKEN_NUMBER_MAX, TOKEN_NUMBER_MAX},
};

static void assert_refused(const struct key_ring *keys, struct str text)
{
	struct reply_token token = {.ticket = -1};
	assert_int_equal(reply_token_check(keys, text, &token), -ENOENT);
	assert_int_equal(token.ticket, -1);
}

static void test_minted_is_known_again(void **state)
{
	(void)state;
	struct key_ring *keys = one_key(key_a);
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		char text[REPLY_TOKEN_MAX + 1];
		struct reply_token token;
		assert_int_equal(reply_token_mint(keys, &samples[i], text), 0);
		assert_int_equal(reply_token_check(keys, str_from(text), &token), 0);
		assert_string_equal(token.slug, samples[i].slug);
		assert_int_equal(token.ticket, samples[i].ticket);
		assert_int_equal(token.participant, samples[i].participant);
	}
	key_ring_unref(keys);
}

/* "AcMe" and "acme" are one tenant, and get one token */
static void test_slugs_have_no_case(void **state)
{
	(void)state;
	struct key_ring *keys = one_key(key_a);
	char upper[REPLY_TOKEN_MAX + 1], lower[REPLY_TOKEN_MAX + 1];
	assert_int_equal(reply_token_mint(keys, &(struct reply_token){"AcMe", 1, 2}, upper), 0);
	assert_int_equal(reply_token_mint(keys, &(struct reply_token){"acme", 1, 2}, lower), 0);
	assert_string_equal(upper, lower);
	key_ring_unref(keys);
}

/* RFC 5321 4.5.3.1.1, for every length of slug and the largest numbers */
static void test_local_part_fits(void **state)
{
	(void)state;
	struct key_ring *keys = one_key(key_a);
	for (size_t len = 1; len <= SLUG_MAX; len++) {
		struct reply_token token = {"", TOKEN_NUMBER_MAX, TOKEN_NUMBER_MAX}, again;
		char text[REPLY_TOKEN_MAX + 1];
		memset(token.slug, 'z', len);
		assert_int_equal(reply_token_mint(keys, &token, text), 0);
		assert_true(strlen("reply+") + strlen(text) <= 64);
		assert_int_equal(reply_token_check(keys, str_from(text), &again), 0);
		assert_string_equal(again.slug, token.slug);
	}
	key_ring_unref(keys);
}

static void test_format_is_the_header_s(void **state)
{
	(void)state;
	struct key_ring *keys = one_key(key_a);
	/* acme: (0,2,12) (4,end,end); 300 is 0xac 0x02 */
	unsigned first = 0 * 38 * 38 + 2 * 38 + 12, second = 4 * 38 * 38 + 37 * 38 + 37;
	const uint8_t payload[] = {
		head_of(key_a),         0xac,           0x02, 0x07, (uint8_t)(first >> 8), (uint8_t)first,
		(uint8_t)(second >> 8), (uint8_t)second};
	char want[128], text[REPLY_TOKEN_MAX + 1];
	sign(key_a, REPLY_TOKEN_CONTEXT, payload, sizeof(payload), 12, want);
	assert_int_equal(reply_token_mint(keys, &(struct reply_token){"acme", 300, 7}, text), 0);
	assert_string_equal(text, want);
	key_ring_unref(keys);
}

static void test_what_cannot_be_minted(void **state)
{
	(void)state;
	static const struct {
		struct reply_token token;
		int want;
	} cases[] = {
		{{"", 1, 1}, -EINVAL},
		{{"-a", 1, 1}, -EINVAL},
		{{"a_b", 1, 1}, -EINVAL},
		{{"a.b", 1, 1}, -EINVAL},
		{{"\xc3\xa4", 1, 1}, -EINVAL},
		{{"a", 0, 1}, -ERANGE},
		{{"a", 1, 0}, -ERANGE},
		{{"a", -1, 1}, -ERANGE},
		{{"a", 1, -1}, -ERANGE},
		{{"a", TOKEN_NUMBER_MAX + 1, 1}, -ERANGE},
		{{"a", 1, TOKEN_NUMBER_MAX + 1}, -ERANGE},
		{{"a", INT64_MAX, 1}, -ERANGE},
	};
	struct key_ring *keys = one_key(key_a);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[REPLY_TOKEN_MAX + 1] = "untouched";
		assert_int_equal(reply_token_mint(keys, &cases[i].token, text), cases[i].want);
		assert_string_equal(text, "untouched");
	}
	struct reply_token unended = {.ticket = 1, .participant = 1};
	char text[REPLY_TOKEN_MAX + 1];
	memset(unended.slug, 'a', sizeof(unended.slug));
	assert_int_equal(reply_token_mint(keys, &unended, text), -EINVAL);
	key_ring_unref(keys);
}

static void test_every_flipped_bit(void **state)
{
	(void)state;
	struct key_ring *keys = one_key(key_a);
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		char text[REPLY_TOKEN_MAX + 1];
		uint8_t octets[64];
		assert_int_equal(reply_token_mint(keys, &samples[i], text), 0);
		size_t len = strlen(text);
		/* of the text, and of the octets behind it */
		for (size_t bit = 0; bit < len * 8; bit++) {
			text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
			assert_refused(keys, (struct str){text, len});
			text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
		}
		int n = base64url_decode(str_from(text), octets, sizeof(octets));
		for (int bit = 0; bit < n * 8; bit++) {
			char flipped[128];
			octets[bit / 8] = (uint8_t)(octets[bit / 8] ^ (1 << bit % 8));
			base64url_encode(octets, (size_t)n, flipped);
			assert_refused(keys, str_from(flipped));
			octets[bit / 8] = (uint8_t)(octets[bit / 8] ^ (1 << bit % 8));
		}
	}
	key_ring_unref(keys);
}

static void test_truncated_and_extended(void **state)
{
	(void)state;
	struct key_ring *keys = one_key(key_a);
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		char text[256];
		assert_int_equal(reply_token_mint(keys, &samples[i], text), 0);
		size_t len = strlen(text);
		for (size_t cut = 0; cut < len; cut++) {
			assert_refused(keys, (struct str){text, cut});
			assert_refused(keys, (struct str){text + len - cut, cut});
		}
		memset(text + len, 'A', 16);
		for (size_t more = 1; more <= 16; more++)
			assert_refused(keys, (struct str){text, len + more});
		memcpy(text + len, text, len);
		assert_refused(keys, (struct str){text, 2 * len});
		text[len] = '\0';
		assert_refused(keys, (struct str){text, len + 1});
		text[len] = '=';
		assert_refused(keys, (struct str){text, len + 1});
	}
	key_ring_unref(keys);
}

/* The MAC of one token does not fit another's payload, whichever field differs. */
static void test_spliced(void **state)
{
	(void)state;
	static const struct reply_token mine = {"acme", 42, 7};
	static const struct reply_token others[] = {
		{"acmf", 42, 7}, {"acme", 43, 7}, {"acme", 42, 8}, {"acm", 42, 7}, {"acme2", 42, 7},
	};
	struct key_ring *keys = one_key(key_a);
	char mine_text[REPLY_TOKEN_MAX + 1];
	uint8_t mine_octets[64];
	assert_int_equal(reply_token_mint(keys, &mine, mine_text), 0);
	int mine_n = base64url_decode(str_from(mine_text), mine_octets, sizeof(mine_octets));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		char text[128];
		uint8_t octets[64];
		assert_int_equal(reply_token_mint(keys, &others[i], text), 0);
		assert_string_not_equal(text, mine_text);
		int n = base64url_decode(str_from(text), octets, sizeof(octets));
		memcpy(octets + n - TOKEN_MAC_SIZE, mine_octets + mine_n - TOKEN_MAC_SIZE, TOKEN_MAC_SIZE);
		base64url_encode(octets, (size_t)n, text);
		assert_refused(keys, str_from(text));
	}
	key_ring_unref(keys);
}

/* A MAC of no length, or of any but its own, even by a holder of the key. */
static void test_mac_of_other_lengths(void **state)
{
	(void)state;
	struct key_ring *keys = one_key(key_a);
	const uint8_t payload[] = {head_of(key_a), 1, 1, 0x00, 0x4c}; /* "aca" */
	struct reply_token token;
	for (size_t mac_len = 0; mac_len <= SHA256_SIZE; mac_len++) {
		char text[128];
		sign(key_a, REPLY_TOKEN_CONTEXT, payload, sizeof(payload), mac_len, text);
		assert_int_equal(reply_token_check(keys, str_from(text), &token),
				 mac_len == TOKEN_MAC_SIZE ? 0 : -ENOENT);
	}
	assert_string_equal(token.slug, "aca");
	key_ring_unref(keys);
}

/* Signed well, and said in a way that minting would not: refused, so that a value has one text. */
static void test_signed_but_not_canonical(void **state)
{
	(void)state;
	uint8_t head = head_of(key_a), version_2 = (uint8_t)((head & 0x3f) | 0x80), version_0 = head & 0x3f,
		version_3 = head | 0xc0;
#define ACA 0x00, 0x4c
#define A   0x05, 0xa3 /* 0*1444 + 37*38 + 37 = 1443 */
#define AB  0x00, 0x4b /* 0, 1, end: 38 + 37 = 75 */
	const struct {
		const char *what;
		uint8_t payload[40];
		size_t len;
		int want;
	} cases[] = {
		{"good", {head, 1, 1, ACA}, 5, 0},
		{"good, one character", {head, 1, 1, A}, 5, 0},
		{"good, two characters", {head, 1, 1, AB}, 5, 0},
		{"good, four characters", {head, 1, 1, ACA, A}, 7, 0},
		{"good, largest numbers", {head, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f, ACA}, 11, 0},
		{"ticket with an octet too many", {head, 0x81, 0, 1, ACA}, 6, -ENOENT},
		{"participant with an octet too many", {head, 1, 0x81, 0, ACA}, 6, -ENOENT},
		{"ticket beyond 2^28", {head, 0x80, 0x80, 0x80, 0x80, 1, 1, ACA}, 9, -ENOENT},
		{"ticket that never ends", {head, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 7, -ENOENT},
		{"ticket that ends with the payload", {head, 0xff}, 2, -ENOENT},
		{"ticket 0", {head, 0, 1, ACA}, 5, -ENOENT},
		{"participant 0", {head, 1, 0, ACA}, 5, -ENOENT},
		{"no fields", {head}, 1, -ENOENT},
		{"no slug", {head, 1, 1}, 3, -ENOENT},
		{"half a group", {head, 1, 1, 0}, 4, -ENOENT},
		{"group beyond 38^3", {head, 1, 1, 0xd6, 0x58}, 5, -ENOENT},
		{"group of all bits", {head, 1, 1, 0xff, 0xff}, 5, -ENOENT},
		{"group of ends only", {head, 1, 1, 0xd6, 0x57}, 5, -ENOENT},
		{"group of ends behind a full one", {head, 1, 1, ACA, 0xd6, 0x57}, 7, -ENOENT},
		{"character behind an end", {head, 1, 1, 0x05, 0x7e}, 5, -ENOENT},
		{"group behind an end", {head, 1, 1, A, ACA}, 7, -ENOENT},
		{"hyphen first", {head, 1, 1, 0xcb, 0x10}, 5, -ENOENT},
		{"version 0", {version_0, 1, 1, ACA}, 5, -ENOENT},
		{"version 2", {version_2, 1, 1, ACA}, 5, -ENOENT},
		{"version 3", {version_3, 1, 1, ACA}, 5, -ENOENT},
		{"slug of 33",
		 {head, 1, 1, ACA, ACA, ACA, ACA, ACA, ACA, ACA, ACA, ACA, ACA, ACA},
		 25,
		 -ENOENT},
	};
	struct key_ring *keys = one_key(key_a);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[128];
		struct reply_token token;
		sign(key_a, REPLY_TOKEN_CONTEXT, cases[i].payload, cases[i].len, TOKEN_MAC_SIZE, text);
		int r = reply_token_check(keys, str_from(text), &token);
		if (r != cases[i].want)
			fail_msg("%s: %d, want %d", cases[i].what, r, cases[i].want);
	}
	key_ring_unref(keys);
}

/* base64 has many spellings; one of them is ours */
static void test_other_spellings(void **state)
{
	(void)state;
	struct key_ring *keys = one_key(key_a);
	struct reply_token token = {"acme", 1, 1};
	bool seen_hyphen = false, seen_underscore = false, seen_leftover = false;
	for (token.ticket = 1; token.ticket < 200; token.ticket++) {
		char text[REPLY_TOKEN_MAX + 1], other[REPLY_TOKEN_MAX + 2];
		assert_int_equal(reply_token_mint(keys, &token, text), 0);
		size_t len = strlen(text);
		for (size_t i = 0; i < len; i++) {
			if (text[i] != '-' && text[i] != '_')
				continue;
			*(text[i] == '-' ? &seen_hyphen : &seen_underscore) = true;
			memcpy(other, text, len + 1);
			other[i] = text[i] == '-' ? '+' : '/';
			assert_refused(keys, str_from(other));
		}
		if (len % 4) { /* bits left over that are not zero */
			memcpy(other, text, len + 1);
			other[len - 1]++;
			seen_leftover = true;
			assert_refused(keys, str_from(other));
		}
		for (size_t at = 0; at <= len; at += 7) {
			memcpy(other, text, at);
			other[at] = at % 2 ? ' ' : '\n';
			memcpy(other + at + 1, text + at, len - at + 1);
			assert_refused(keys, str_from(other));
		}
	}
	assert_true(seen_hyphen && seen_underscore && seen_leftover);
	key_ring_unref(keys);
}

static void test_keys_rotate(void **state)
{
	(void)state;
	struct key_ring *before = one_key(key_a);
	struct key_ring *during = ring_of((const char *const[]){key_b, key_a}, 2);
	struct key_ring *turned = ring_of((const char *const[]){key_a, key_b}, 2);
	struct key_ring *after = one_key(key_b);
	struct key_ring *other = one_key(key_c);
	const struct reply_token token = {"acme", 42, 7};
	struct reply_token got;
	char old_text[REPLY_TOKEN_MAX + 1], new_text[REPLY_TOKEN_MAX + 1];
	assert_int_equal(reply_token_mint(before, &token, old_text), 0);
	assert_int_equal(reply_token_mint(during, &token, new_text), 0);
	assert_string_not_equal(old_text, new_text);
	assert_int_equal(reply_token_check(during, str_from(old_text), &got), 0);
	assert_int_equal(reply_token_check(during, str_from(new_text), &got), 0);
	assert_int_equal(reply_token_check(turned, str_from(new_text), &got), 0);
	assert_int_equal(reply_token_check(after, str_from(new_text), &got), 0);
	assert_refused(before, str_from(new_text));
	assert_refused(after, str_from(old_text));
	assert_refused(other, str_from(old_text));
	struct own_message_id id = {"acme", 42, 1}, got_id;
	struct outbox_id job;
	char id_text[128], bounce[BOUNCE_TOKEN_MAX + 1];
	assert_int_equal(own_message_id_mint(before, &id, DOMAIN, id_text, sizeof(id_text)), 0);
	assert_int_equal(own_message_id_check(during, str_from(id_text), DOMAIN, &got_id), 0);
	assert_int_equal(own_message_id_check(after, str_from(id_text), DOMAIN, &got_id), -ENOENT);
	assert_int_equal(bounce_token_mint(before, (struct outbox_id){5}, bounce), 0);
	assert_int_equal(bounce_token_check(during, str_from(bounce), &job), 0);
	assert_int_equal(bounce_token_check(after, str_from(bounce), &job), -ENOENT);
	key_ring_unref(before);
	key_ring_unref(during);
	key_ring_unref(turned);
	key_ring_unref(after);
	key_ring_unref(other);
}

/* 64 ids for any number of keys: two may share one, and both work */
static void test_keys_that_share_an_id(void **state)
{
	(void)state;
	char first[] = "0123456789abcdef0123456789ab-000", second[] = "0123456789abcdef0123456789ab-000";
	uint8_t want = head_of(first);
	unsigned i = 1;
	do {
		snprintf(second + 29, 4, "%03u", i);
	} while (head_of(second) != want && i++ < 999);
	assert_true(i < 999);
	struct key_ring *one = one_key(first), *two = one_key(second);
	struct key_ring *both = ring_of((const char *const[]){second, first}, 2);
	const struct reply_token token = {"acme", 42, 7};
	struct reply_token got;
	char text[REPLY_TOKEN_MAX + 1];
	assert_int_equal(reply_token_mint(one, &token, text), 0);
	assert_int_equal(reply_token_check(both, str_from(text), &got), 0);
	assert_refused(two, str_from(text));
	assert_int_equal(reply_token_mint(two, &token, text), 0);
	assert_int_equal(reply_token_check(both, str_from(text), &got), 0);
	key_ring_unref(one);
	key_ring_unref(two);
	key_ring_unref(both);
}

static void test_fold(void **state)
{
	(void)state;
	struct key_ring *keys = one_key(key_a);
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		char text[REPLY_TOKEN_MAX + 1], lower[REPLY_TOKEN_MAX + 1], upper[REPLY_TOKEN_MAX + 1];
		char folded[REPLY_TOKEN_MAX + 1], again[REPLY_TOKEN_MAX + 1];
		assert_int_equal(reply_token_mint(keys, &samples[i], text), 0);
		for (size_t c = 0; c <= strlen(text); c++) {
			lower[c] = ascii_lower(text[c]);
			upper[c] = (char)(text[c] >= 'a' && text[c] <= 'z' ? text[c] - 32 : text[c]);
		}
		assert_int_equal(reply_token_fold(str_from(text), folded), 0);
		assert_string_equal(folded, lower);
		assert_int_equal(reply_token_fold(str_from(upper), again), 0);
		assert_string_equal(again, lower);
		assert_refused(keys, str_from(lower));
	}
	static const struct str bad[] = {
		STR_INIT(""),
		STR_INIT("abcdefghijklmnopqrstuv"),    /* shorter than any */
		STR_INIT("abcdefghijklmnopqrstuvwxy"), /* 4n + 1 characters */
		STR_INIT("abcdefghijklmnopqrstuv+"),
		STR_INIT("abcdefghijklmnopqrstuv\0"),
		STR_INIT("abcdefghijklmnopqrstu\xc3\xa4"),
		STR_INIT("abcdefghijklmnopqrstuvwxyz0123456789-_abcdefghijklmnopqrstuvwxyz"),
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char folded[REPLY_TOKEN_MAX + 1] = "untouched";
		assert_int_equal(reply_token_fold(bad[i], folded), -EINVAL);
		assert_string_equal(folded, "untouched");
	}
	key_ring_unref(keys);
}

/* A gateway that lower-cases: the folded form is known for what it was minted for, by every key of the ring, and for
 * nothing else. */
static void test_is_folded(void **state)
{
	(void)state;
	struct key_ring *before = one_key(key_a);
	struct key_ring *during = ring_of((const char *const[]){key_b, key_a}, 2);
	struct key_ring *after = one_key(key_b);
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		char text[REPLY_TOKEN_MAX + 1], folded[REPLY_TOKEN_MAX + 2];
		assert_int_equal(reply_token_mint(before, &samples[i], text), 0);
		assert_int_equal(reply_token_fold(str_from(text), folded), 0);
		assert_true(reply_token_is_folded(before, str_from(folded), &samples[i]));
		assert_true(reply_token_is_folded(during, str_from(folded), &samples[i]));
		assert_false(reply_token_is_folded(after, str_from(folded), &samples[i]));
		for (size_t other = 0; other < ARRAY_SIZE(samples); other++) {
			if (other != i)
				assert_false(
					reply_token_is_folded(during, str_from(folded), &samples[other]));
		}
		size_t len = strlen(folded);
		for (size_t cut = 0; cut < len; cut++) {
			assert_false(reply_token_is_folded(during, (struct str){folded, cut}, &samples[i]));
			assert_false(reply_token_is_folded(
				during, (struct str){folded + cut + 1, len - cut - 1}, &samples[i]));
		}
		for (size_t bit = 0; bit < len * 8; bit++) {
			folded[bit / 8] = (char)(folded[bit / 8] ^ (1 << bit % 8));
			assert_false(reply_token_is_folded(during, (struct str){folded, len}, &samples[i]));
			folded[bit / 8] = (char)(folded[bit / 8] ^ (1 << bit % 8));
		}
		folded[len] = 'a';
		assert_false(reply_token_is_folded(during, (struct str){folded, len + 1}, &samples[i]));
	}
	key_ring_unref(before);
	key_ring_unref(during);
	key_ring_unref(after);
}

/* Another ticket, participant or tenant, one by one; and what can't be a token at all. */
static void test_is_folded_for_one_only(void **state)
{
	(void)state;
	static const struct reply_token mine = {"acme", 42, 7};
	static const struct reply_token others[] = {
		{"acmf", 42, 7},
		{"acme", 43, 7},
		{"acme", 42, 8},
		{"acm", 42, 7},
		{"acme2", 42, 7},
		{"", 42, 7},
		{"-acme", 42, 7},
		{"acme", 0, 7},
		{"acme", 42, 0},
		{"acme", -42, 7},
		{"acme", 42 + TOKEN_NUMBER_MAX, 7},
	};
	struct key_ring *keys = one_key(key_a);
	char text[REPLY_TOKEN_MAX + 1], folded[REPLY_TOKEN_MAX + 1];
	assert_int_equal(reply_token_mint(keys, &mine, text), 0);
	assert_int_equal(reply_token_fold(str_from(text), folded), 0);
	assert_true(reply_token_is_folded(keys, str_from(folded), &mine));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_false(reply_token_is_folded(keys, str_from(folded), &others[i]));
		assert_false(reply_token_is_folded(keys, STR(""), &others[i]));
	}
	key_ring_unref(keys);
}

/* ---- the other kinds ---- */

static void test_bounce_tokens(void **state)
{
	(void)state;
	static const int64_t ids[] = {1, 127, 128, 4711, TOKEN_NUMBER_MAX + 1, INT64_MAX};
	struct key_ring *keys = one_key(key_a);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		char text[BOUNCE_TOKEN_MAX + 1];
		uint8_t octets[64];
		struct outbox_id got = {0};
		assert_int_equal(bounce_token_mint(keys, (struct outbox_id){ids[i]}, text), 0);
		assert_true(strlen("bounce+") + strlen(text) <= 64);
		assert_int_equal(bounce_token_check(keys, str_from(text), &got), 0);
		assert_int_equal(got.v, ids[i]);
		int n = base64url_decode(str_from(text), octets, sizeof(octets));
		for (int bit = 0; bit < n * 8; bit++) {
			char flipped[128];
			octets[bit / 8] = (uint8_t)(octets[bit / 8] ^ (1 << bit % 8));
			base64url_encode(octets, (size_t)n, flipped);
			assert_int_equal(bounce_token_check(keys, str_from(flipped), &got), -ENOENT);
			octets[bit / 8] = (uint8_t)(octets[bit / 8] ^ (1 << bit % 8));
		}
		for (size_t cut = 0; cut < strlen(text); cut++)
			assert_int_equal(bounce_token_check(keys, (struct str){text, cut}, &got), -ENOENT);
	}
	char text[BOUNCE_TOKEN_MAX + 1];
	assert_int_equal(bounce_token_mint(keys, (struct outbox_id){0}, text), -ERANGE);
	assert_int_equal(bounce_token_mint(keys, (struct outbox_id){-1}, text), -ERANGE);
	key_ring_unref(keys);
}

static void test_bounce_tokens_signed_but_not_canonical(void **state)
{
	(void)state;
	uint8_t head = head_of(key_a);
	const struct {
		uint8_t payload[16];
		size_t len;
		int want;
	} cases[] = {
		{{head, 5}, 2, 0},
		{{head, 0}, 2, -ENOENT},
		{{head}, 1, -ENOENT},
		{{head, 0x85, 0}, 3, -ENOENT},
		{{head, 5, 5}, 3, -ENOENT},
		{{head, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 10, 0},
		{{head, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, 11, -ENOENT},
	};
	struct key_ring *keys = one_key(key_a);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[128];
		struct outbox_id got;
		sign(key_a, BOUNCE_TOKEN_CONTEXT, cases[i].payload, cases[i].len, TOKEN_MAC_SIZE, text);
		assert_int_equal(bounce_token_check(keys, str_from(text), &got), cases[i].want);
	}
	key_ring_unref(keys);
}

static void test_message_ids(void **state)
{
	(void)state;
	static const struct own_message_id ids[] = {
		{"acme", 42, 0x0123456789abcdef},
		{"a", 0, 0},
		{LONGEST_SLUG, TOKEN_NUMBER_MAX, UINT64_MAX},
	};
	struct key_ring *keys = one_key(key_a);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		char text[128];
		struct own_message_id got;
		assert_int_equal(own_message_id_mint(keys, &ids[i], DOMAIN, text, sizeof(text)), 0);
		assert_int_equal(own_message_id_check(keys, str_from(text), DOMAIN, &got), 0);
		assert_string_equal(got.slug, ids[i].slug);
		assert_int_equal(got.ticket, ids[i].ticket);
		assert_true(got.nonce == ids[i].nonce);
		assert_int_equal(own_message_id_check(keys, str_from(text), STR("SERVELOAPP.com"), &got), 0);
		assert_int_equal(own_message_id_check(keys, str_from(text), STR("evil.example"), &got),
				 -ENOENT);
		assert_int_equal(own_message_id_check(keys, str_from(text), STR(""), &got), -ENOENT);
		size_t left = str_find(str_from(text), '@');
		for (size_t bit = 0; bit < left * 8; bit++) {
			text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
			assert_int_equal(own_message_id_check(keys, str_from(text), DOMAIN, &got), -ENOENT);
			text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
		}
		assert_int_equal(own_message_id_check(keys, (struct str){text, left}, DOMAIN, &got), -ENOENT);
		assert_int_equal(own_message_id_check(keys, (struct str){text, left}, STR(""), &got),
				 -ENOENT);
		text[left] = '\0';
		assert_int_equal(
			own_message_id_check(keys, (struct str){text, strlen(text) + 15}, DOMAIN, &got),
			-ENOENT);
		text[left] = '@';
		/* somebody else's domain, which ends with ours */
		char longer[160];
		snprintf(longer, sizeof(longer), "%.*s@evil.serveloapp.com", (int)left, text);
		assert_int_equal(own_message_id_check(keys, str_from(longer), DOMAIN, &got), -ENOENT);
		snprintf(longer, sizeof(longer), "%.*s@evil@serveloapp.com", (int)left, text);
		assert_int_equal(own_message_id_check(keys, str_from(longer), DOMAIN, &got), -ENOENT);
	}
	key_ring_unref(keys);
}

static void test_message_ids_that_cannot_be_minted(void **state)
{
	(void)state;
	static const struct own_message_id good = {"acme", 42, 1};
	struct key_ring *keys = one_key(key_a);
	char text[128], small[50];
	assert_int_equal(
		own_message_id_mint(keys, &(struct own_message_id){"", 1, 1}, DOMAIN, text, sizeof(text)),
		-EINVAL);
	assert_int_equal(
		own_message_id_mint(keys, &(struct own_message_id){"a", -1, 1}, DOMAIN, text, sizeof(text)),
		-ERANGE);
	assert_int_equal(own_message_id_mint(keys, &good, STR("a>\r\nX: y"), text, sizeof(text)), -EINVAL);
	assert_int_equal(own_message_id_mint(keys, &good, STR(""), text, sizeof(text)), -EINVAL);
	assert_int_equal(own_message_id_mint(keys, &good, DOMAIN, small, sizeof(small)), -ENOBUFS);
	assert_int_equal(own_message_id_mint(keys, &good, DOMAIN, text, sizeof(text)), 0);
	size_t len = strlen(text);
	assert_int_equal(own_message_id_mint(keys, &good, DOMAIN, text, len), -ENOBUFS);
	assert_int_equal(own_message_id_mint(keys, &good, DOMAIN, text, len + 1), 0);
	key_ring_unref(keys);
}

/* What is good as one kind is nothing as another, also where the fields could be read as the other's. */
static void test_kinds_are_apart(void **state)
{
	(void)state;
	static const char *const contexts[] = {REPLY_TOKEN_CONTEXT, BOUNCE_TOKEN_CONTEXT, MESSAGE_ID_CONTEXT};
	struct key_ring *keys = one_key(key_a);
	uint8_t head = head_of(key_a);
	const struct {
		uint8_t payload[20];
		size_t len;
	} payloads[] = {
		{{head, 1, 1, ACA}, 5},
		{{head, 5}, 2},
		{{head, 1, 1, ACA, ACA, ACA, ACA, ACA}, 13}, /* a reply's and a Message-ID's fields at once */
		{{head, 1, 1, 2, 3, 4, 5, 6, 7, 8, ACA}, 12},
	};
	for (size_t c = 0; c < ARRAY_SIZE(contexts); c++) {
		unsigned good = 0;
		for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
			char text[128], id[160];
			struct reply_token token;
			struct outbox_id job;
			struct own_message_id message;
			sign(key_a, contexts[c], payloads[i].payload, payloads[i].len, TOKEN_MAC_SIZE, text);
			snprintf(id, sizeof(id), "%s@serveloapp.com", text);
			const int r[] = {reply_token_check(keys, str_from(text), &token),
					 bounce_token_check(keys, str_from(text), &job),
					 own_message_id_check(keys, str_from(id), DOMAIN, &message)};
			for (size_t kind = 0; kind < ARRAY_SIZE(r); kind++) {
				if (kind != c)
					assert_int_equal(r[kind], -ENOENT);
				else
					good += r[kind] == 0;
			}
		}
		assert_true(good > 0);
	}
	key_ring_unref(keys);
}

/* The longest of everything still fits the sizes that the header promises. */
static void test_sizes(void **state)
{
	(void)state;
	assert_int_equal(REPLY_TOKEN_MAX, BASE64URL_LEN(1 + 4 + 4 + 22 + TOKEN_MAC_SIZE));
	assert_int_equal(BOUNCE_TOKEN_MAX, BASE64URL_LEN(1 + 9 + TOKEN_MAC_SIZE));
	assert_int_equal(TOKEN_OCTETS_MAX, 1 + 4 + 8 + 22 + TOKEN_MAC_SIZE);
	assert_int_equal(strlen("reply+") + REPLY_TOKEN_MAX, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_minted_is_known_again),
		cmocka_unit_test(test_slugs_have_no_case),
		cmocka_unit_test(test_local_part_fits),
		cmocka_unit_test(test_format_is_the_header_s),
		cmocka_unit_test(test_what_cannot_be_minted),
		cmocka_unit_test(test_every_flipped_bit),
		cmocka_unit_test(test_truncated_and_extended),
		cmocka_unit_test(test_spliced),
		cmocka_unit_test(test_mac_of_other_lengths),
		cmocka_unit_test(test_signed_but_not_canonical),
		cmocka_unit_test(test_other_spellings),
		cmocka_unit_test(test_keys_rotate),
		cmocka_unit_test(test_keys_that_share_an_id),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_is_folded),
		cmocka_unit_test(test_is_folded_for_one_only),
		cmocka_unit_test(test_bounce_tokens),
		cmocka_unit_test(test_bounce_tokens_signed_but_not_canonical),
		cmocka_unit_test(test_message_ids),
		cmocka_unit_test(test_message_ids_that_cannot_be_minted),
		cmocka_unit_test(test_kinds_are_apart),
		cmocka_unit_test(test_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
