/*
 * Replies of a relay: whole and octet by octet must give the same, within the limits, fit for the log.
 */
#include <stdlib.h>

#include "base/mac.h"
#include "base/mailaddr.h"
#include "outbound/reply_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_reply(const struct relay_reply *reply)
{
	must(reply->code >= 200 && reply->code <= 599);
	must(reply->klass == 0 || reply->klass == reply->code / 100);
	must(reply->subject >= 0 && reply->subject <= 999 && reply->detail >= 0 && reply->detail <= 999);
	must(reply->text.len <= RELAY_REPLY_TEXT_MAX && utf8_valid(reply->text));
	for (size_t i = 0; i < reply->text.len; i++)
		must((uint8_t)reply->text.ptr[i] >= 0x20 || reply->text.ptr[i] == '\n');
}

static void read_all(const uint8_t *data, size_t size, size_t step, uint8_t ret[SHA256_SIZE])
{
	static struct reply_reader reader;
	struct relay_reply reply;
	struct sha256 sha;
	enum reader_status status = READER_MORE;
	sha256_init(&sha);
	reply_reader_init(&reader);
	for (size_t at = 0; at < size; at += step) {
		struct str in = {(const char *)data + at, size - at < step ? size - at : step};
		while ((status = reply_reader_next(&reader, &in, &reply)) == READER_REPLY) {
			check_reply(&reply);
			sha256_update(&sha, (struct str){(const char *)&reply.code, sizeof(reply.code)});
			sha256_update(&sha, reply.text);
		}
		must(in.len == 0);
	}
	sha256_update(&sha, (struct str){(const char *)&status, sizeof(status)});
	sha256_final(&sha, ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t whole[SHA256_SIZE], pieces[SHA256_SIZE];
	if (size == 0)
		return 0;
	read_all(data, size, size, whole);
	read_all(data, size, 1, pieces);
	must(mac_equal(whole, pieces, SHA256_SIZE));
	return 0;
}
