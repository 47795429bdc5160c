/*
 * See parser_breaker.h. Always true: while it is open, and only then, rested_ms means something; probing implies open;
 * deaths count while it is closed only.
 */
#include "ingest/parser_breaker.h"

#include <assert.h>

void parser_breaker_init(struct parser_breaker *breaker, unsigned deaths_max, int64_t window_ms)
{
	assert(deaths_max <= PARSER_BREAKER_DEATHS_MAX);
	*breaker = (struct parser_breaker){
		.deaths_max = deaths_max, .window_ms = window_ms, .rest_ms = PARSER_REST_MIN_MS};
}

static void rest_longer(struct parser_breaker *breaker)
{
	breaker->rest_ms =
		breaker->rest_ms * 2 < PARSER_REST_MAX_MS ? breaker->rest_ms * 2 : PARSER_REST_MAX_MS;
}

bool parser_breaker_death(struct parser_breaker *breaker, int64_t now_ms)
{
	if (breaker->deaths_max == 0 || breaker->open)
		return false;
	breaker->deaths_ms[breaker->next] = now_ms;
	breaker->next = (breaker->next + 1) % breaker->deaths_max;
	breaker->deaths_n += breaker->deaths_n < breaker->deaths_max;
	/* next is the oldest when the ring is full */
	if (breaker->deaths_n < breaker->deaths_max ||
	    now_ms - breaker->deaths_ms[breaker->next] > breaker->window_ms)
		return false;
	if (breaker->opened > 0 && now_ms - breaker->closed_ms < PARSER_CALM_MS)
		rest_longer(breaker);
	else
		breaker->rest_ms = PARSER_REST_MIN_MS;
	breaker->open = true;
	breaker->opened++;
	breaker->rested_ms = now_ms + breaker->rest_ms;
	return true;
}

bool parser_breaker_may_probe(const struct parser_breaker *breaker, int64_t now_ms)
{
	return breaker->open && !breaker->probing && now_ms >= breaker->rested_ms;
}

void parser_breaker_probe(struct parser_breaker *breaker)
{
	assert(breaker->open && !breaker->probing);
	breaker->probing = true;
}

bool parser_breaker_probed(struct parser_breaker *breaker, bool answered, int64_t now_ms)
{
	assert(breaker->probing);
	breaker->probing = false;
	if (!answered) {
		rest_longer(breaker);
		breaker->rested_ms = now_ms + breaker->rest_ms;
		return false;
	}
	breaker->open = false;
	breaker->closed_ms = now_ms;
	breaker->deaths_n = breaker->next = 0;
	return true;
}
