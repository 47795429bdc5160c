/*
 * When many parser children die in a short time, mails stop waiting for them: the circuit breaker of the pool.
 *
 *	CLOSED --(deaths_max deaths within window_ms)--> OPEN --(a probe was answered)--> CLOSED
 *
 * While it is open nothing is given to a child but one mail at a time, the probe, and the first of them only after a
 * rest. A probe that fails makes the rest twice as long, up to PARSER_REST_MAX_MS; so does opening again soon after
 * closing, or an attacker who sends good mails between bad ones would have it closed again at once.
 *
 * A value. Pure: time comes from the caller (clock_mono_ms). deaths_max 0: it never opens.
 */
#ifndef SERVELO_INGEST_PARSER_BREAKER_H
#define SERVELO_INGEST_PARSER_BREAKER_H

#include "base/base.h"

#define PARSER_BREAKER_DEATHS_MAX 64 /* largest deaths_max */
#define PARSER_REST_MIN_MS        1000
#define PARSER_REST_MAX_MS        30000
#define PARSER_CALM_MS            60000 /* closed for so long: the rest is short again */

struct parser_breaker {
	unsigned deaths_max;
	int64_t window_ms;
	int64_t deaths_ms[PARSER_BREAKER_DEATHS_MAX]; /* a ring of the last deaths_max */
	unsigned deaths_n, next;
	bool open, probing;
	int64_t rest_ms, rested_ms; /* how long; until when */
	int64_t closed_ms;
	int64_t opened; /* times */
};

void parser_breaker_init(struct parser_breaker *breaker, unsigned deaths_max, int64_t window_ms);
/* A child died, for whatever reason. True: by this it opened. */
bool parser_breaker_death(struct parser_breaker *breaker, int64_t now_ms);
/* Open, rested, and no probe under way. */
bool parser_breaker_may_probe(const struct parser_breaker *breaker, int64_t now_ms);
/* A probe is given to a child now. */
void parser_breaker_probe(struct parser_breaker *breaker);
/* It came back: answered by a child, whatever it said of the mail, or not. True: by this it closed. */
bool parser_breaker_probed(struct parser_breaker *breaker, bool answered, int64_t now_ms);

#endif
