/* Sniffing any octets: a static type or nothing, and no octet beyond the end is looked at. */
#include <assert.h>
#include <stdlib.h>

#include "ingest/media_sniff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1); /* so that a sanitizer sees its end */

	if (size)
		memcpy(copy, data, size);
	struct str type = media_sniff((struct str){copy, size});
	free(copy);
	assert(!type.len || str_find(type, '/') < type.len);
	assert(media_sniff_runs_as(type).len < 8);
	return 0;
}
