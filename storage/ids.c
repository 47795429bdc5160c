/*
 * Delivery ids (ids.h): 45 bits of milliseconds since 1970 (enough until the year 3084), then 45 random bits,
 * five bits a character. The alphabet is in ASCII order, so ids sort as their times do, and leaves out i, l, o
 * and u, which people misread. Any thread.
 */
#include "storage/ids.h"
#include "base/clock.h"
#include "base/mac.h"

#define HALF (MAIL_ID_LEN / 2)

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

static void put_base32(char *at, uint64_t value)
{
	for (size_t i = HALF; i-- > 0; value >>= 5)
		at[i] = alphabet[value & 31];
}

struct mail_id mail_id_make(void)
{
	struct mail_id id;
	uint64_t noise;
	random_bytes(&noise, sizeof(noise));
	put_base32(id.text, (uint64_t)clock_now_ms());
	put_base32(id.text + HALF, noise);
	id.text[MAIL_ID_LEN] = '\0';
	return id;
}

bool mail_id_valid(struct str text)
{
	if (text.len != MAIL_ID_LEN)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == '\0' || !strchr(alphabet, text.ptr[i]))
			return false;
	return true;
}
