/*
 * A whole session inside of TLS: as fuzz_smtp_session.c, behind STARTTLS and a real handshake. What is said in clear behind
 * STARTTLS is fuzz_smtp_session's, what is no TLS at all is fuzz_tls_channel's.
 */
#include "tests/lib/fuzz_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	const struct fuzz_play play = {.octets = {(const char *)data + 1, size - 1},
				       .step = data[0] / 4 * 16u,
				       .end = (enum fuzz_end)(data[0] % 4),
				       .tls = true};
	fuzz_session(&play);
	return 0;
}
