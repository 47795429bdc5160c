/*
 * A whole session: commands, mail data, whatever the input says; the stub answers at once or later. The first octet
 * chooses how it ends (two bits) and how it is cut into segments (the rest). What was said is held against a second reader
 * of the same octets (tests/lib/session_witness.h).
 */
#include "tests/lib/fuzz_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	const struct fuzz_play play = {.octets = {(const char *)data + 1, size - 1},
				       .step = data[0] / 4 * 16u,
				       .end = (enum fuzz_end)(data[0] % 4)};
	fuzz_session(&play);
	return 0;
}
