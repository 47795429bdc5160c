/* See backoff.h: two tables and a jitter. Pure. */
#include "outbound/backoff.h"

#include <errno.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static const int64_t mail_waits_ms[] = {1 * MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE,
					1 * HOUR,   2 * HOUR,   4 * HOUR,    6 * HOUR};
static const int64_t relay_waits_ms[] = {1 * SECOND, 5 * SECOND, 15 * SECOND, 30 * SECOND,
					 1 * MINUTE, 2 * MINUTE, 5 * MINUTE};

static int64_t step(const int64_t *waits_ms, size_t n, unsigned tries, uint32_t random)
{
	size_t at = tries > 0 ? tries - 1 : 0;
	int64_t wait_ms = waits_ms[at < n ? at : n - 1];
	/* 0.9 to 1.1 of it */
	return wait_ms - wait_ms / 10 + (int64_t)((uint64_t)(wait_ms / 5) * random >> 32);
}

int backoff_mail(int64_t created_ms, int64_t now_ms, unsigned tries, uint32_t random, int64_t *ret_due_ms)
{
	int64_t end_ms = created_ms + BACKOFF_MAIL_MS;
	int64_t due_ms = now_ms + step(mail_waits_ms, ARRAY_SIZE(mail_waits_ms), tries, random);
	if (now_ms >= end_ms)
		return -ETIMEDOUT;
	*ret_due_ms = due_ms < end_ms ? due_ms : end_ms;
	return 0;
}

int64_t backoff_relay_ms(unsigned failures, uint32_t random)
{
	return step(relay_waits_ms, ARRAY_SIZE(relay_waits_ms), failures, random);
}
