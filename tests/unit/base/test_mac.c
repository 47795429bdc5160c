/* Published test vectors, and the one-text-per-value rule of base64url. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mac.h"

static void assert_hex(const uint8_t digest[SHA256_SIZE], const char *want)
{
	char hex[2 * SHA256_SIZE + 1];
	hex_encode(digest, SHA256_SIZE, hex);
	assert_string_equal(hex, want);
}

/* FIPS 180-2, appendix B */
static void test_sha256(void **state)
{
	(void)state;
	uint8_t digest[SHA256_SIZE];
	sha256_once(STR("abc"), digest);
	assert_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_once(STR(""), digest);
	assert_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	struct sha256 sha;
	sha256_init(&sha);
	sha256_update(&sha, STR("a"));
	sha256_update(&sha, STR(""));
	sha256_update(&sha, STR("bc"));
	sha256_final(&sha, digest);
	assert_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_init(&sha);
	sha256_discard(&sha);
}

/* RFC 4231, cases 1, 2, 6 */
static void test_hmac(void **state)
{
	(void)state;
	static char key_aa[131];
	memset(key_aa, 0xaa, sizeof(key_aa));
	const struct {
		struct str key, bytes;
		const char *want;
	} cases[] = {
		{STR("\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"),
		 STR("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{STR("Jefe"), STR("what do ya want for nothing?"),
		 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{{key_aa, sizeof(key_aa)},
		 STR("Test Using Larger Than Block-Size Key - Hash Key First"),
		 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t digest[SHA256_SIZE];
		hmac_sha256(cases[i].key, cases[i].bytes, digest);
		assert_hex(digest, cases[i].want);
	}
}

static void test_base64url(void **state)
{
	(void)state;
	static const struct {
		struct str bytes;
		const char *text;
	} cases[] = {
		{STR_INIT(""), ""},
		{STR_INIT("f"), "Zg"},
		{STR_INIT("fo"), "Zm8"},
		{STR_INIT("foo"), "Zm9v"},
		{STR_INIT("foob"), "Zm9vYg"},
		{STR_INIT("fooba"), "Zm9vYmE"},
		{STR_INIT("\xff\xfe"), "__4"},
		{STR_INIT("\xfb\xff"), "-_8"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[16], bytes[16];
		size_t n = base64url_encode(cases[i].bytes.ptr, cases[i].bytes.len, text);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(n, BASE64URL_LEN(cases[i].bytes.len));
		assert_int_equal(base64url_decode(str_from(text), bytes, sizeof(bytes)), cases[i].bytes.len);
		assert_memory_equal(bytes, cases[i].bytes.ptr, cases[i].bytes.len);
	}
	static const struct str bad[] = {STR_INIT("A"),       STR_INIT("Zh"),   STR_INIT("Zm9"),
					 STR_INIT("Zg=="),    STR_INIT("Zm+v"), STR_INIT("Zm/v"),
					 STR_INIT("Zm9v\0v"), STR_INIT("Zg\n ")};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char bytes[16];
		assert_int_equal(base64url_decode(bad[i], bytes, sizeof(bytes)), -EINVAL);
	}
	char two[2];
	assert_int_equal(base64url_decode(STR("Zm9v"), two, sizeof(two)), -ENOBUFS);
}

static void test_compare_and_random(void **state)
{
	(void)state;
	assert_true(mac_equal("abc", "abd", 2));
	assert_false(mac_equal("abc", "abd", 3));
	uint8_t a[32] = {0}, b[32] = {0};
	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* More than a thread fetches at once, in all sizes that come from its pool. */
static void test_small_random_numbers_differ(void **state)
{
	(void)state;
	enum { N = 1000 };
	static uint64_t all[N];
	for (size_t i = 0; i < N; i++) {
		uint8_t part[8] = {0};
		random_bytes(part, i % 8);
		for (size_t k = i % 8; k < sizeof(part); k++)
			assert_int_equal(part[k], 0);
		random_bytes(&all[i], sizeof(all[i]));
	}
	qsort(all, N, sizeof(all[0]), by_value);
	for (size_t i = 1; i < N; i++)
		assert_true(all[i] != all[i - 1]);
}

/* More at once than a thread keeps contexts, ended in both ways, in another thread too. */
static void *digest_many(void *arg)
{
	enum { N = 5 };
	struct sha256 sha[N];
	uint8_t digest[SHA256_SIZE], abc[SHA256_SIZE];
	(void)arg;
	sha256_once(STR("abc"), abc);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < N; i++) {
			sha256_init(&sha[i]);
			sha256_update(&sha[i], i % 2 ? STR("ab") : STR("a"));
		}
		for (size_t i = 0; i < N; i++) {
			if (i == (size_t)round) {
				sha256_discard(&sha[i]);
				continue;
			}
			sha256_update(&sha[i], i % 2 ? STR("c") : STR("bc"));
			sha256_final(&sha[i], digest);
			assert_memory_equal(digest, abc, sizeof(abc));
		}
	}
	return NULL;
}

static void test_contexts_are_used_again(void **state)
{
	(void)state;
	pthread_t thread;
	digest_many(NULL);
	assert_int_equal(pthread_create(&thread, NULL, digest_many, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_base64url),
		cmocka_unit_test(test_compare_and_random),
		cmocka_unit_test(test_small_random_numbers_differ),
		cmocka_unit_test(test_contexts_are_used_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
