/* The breaker as a table of what happens when, and what it says then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/parser_breaker.h"

enum event { END, DEATH, MAY, PROBE, GOOD, BAD };

struct step {
	enum event event;
	int64_t at_ms;
	bool want; /* of DEATH: it opens; MAY: a probe may go; GOOD, BAD: it closes */
};

static const struct {
	const char *name;
	unsigned deaths_max;
	struct step steps[16];
} cases[] = {
	{"three in a window", 3, {{DEATH, 0, 0}, {DEATH, 500, 0}, {MAY, 500, 0}, {DEATH, 1000, 1}}},
	{"three, too far apart", 3, {{DEATH, 0, 0}, {DEATH, 500, 0}, {DEATH, 1001, 0}, {DEATH, 1400, 1}}},
	{"never", 0, {{DEATH, 0, 0}, {DEATH, 0, 0}, {DEATH, 0, 0}, {MAY, 99999, 0}}},
	{"one is enough", 1, {{DEATH, 0, 1}, {DEATH, 0, 0}}},
	{"rest, one probe at a time, twice the rest when it fails, closed when it works",
	 2,
	 {{DEATH, 0, 0},
	  {DEATH, 0, 1},
	  {MAY, 999, 0},
	  {MAY, 1000, 1},
	  {PROBE, 1000, 0},
	  {MAY, 1000, 0},
	  {DEATH, 1100, 0},
	  {BAD, 1100, 0},
	  {MAY, 3099, 0},
	  {MAY, 3100, 1},
	  {PROBE, 3100, 0},
	  {GOOD, 3200, 1},
	  {MAY, 99999, 0}}},
	{"deaths of before it closed do not count",
	 2,
	 {{DEATH, 0, 0},
	  {DEATH, 0, 1},
	  {PROBE, 1000, 0},
	  {GOOD, 1000, 1},
	  {DEATH, 1001, 0},
	  {DEATH, 1002, 1},
	  /* soon after it closed: twice the rest */
	  {MAY, 3001, 0},
	  {MAY, 3002, 1},
	  {PROBE, 3002, 0},
	  {GOOD, 3002, 1},
	  /* long after: the first one again */
	  {DEATH, 70000, 0},
	  {DEATH, 70000, 1},
	  {MAY, 70999, 0},
	  {MAY, 71000, 1}}},
};

static bool take_step(struct parser_breaker *breaker, const struct step *step)
{
	switch (step->event) {
	case DEATH:
		return parser_breaker_death(breaker, step->at_ms);
	case MAY:
		return parser_breaker_may_probe(breaker, step->at_ms);
	case GOOD:
	case BAD:
		return parser_breaker_probed(breaker, step->event == GOOD, step->at_ms);
	case PROBE:
		parser_breaker_probe(breaker);
		break;
	case END:
		break;
	}
	return false;
}

static void the_table_holds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct parser_breaker breaker;
		parser_breaker_init(&breaker, cases[i].deaths_max, 1000);
		for (size_t k = 0; k < ARRAY_SIZE(cases[i].steps) && cases[i].steps[k].event != END; k++)
			if (take_step(&breaker, &cases[i].steps[k]) != cases[i].steps[k].want)
				fail_msg("%s: step %zu", cases[i].name, k);
	}
}

static void the_rest_has_an_end(void **state)
{
	(void)state;
	struct parser_breaker breaker;
	int64_t now_ms = 0;
	parser_breaker_init(&breaker, 1, 1000);
	assert_true(parser_breaker_death(&breaker, now_ms));
	for (int i = 0; i < 100; i++) {
		now_ms += PARSER_REST_MAX_MS;
		assert_true(parser_breaker_may_probe(&breaker, now_ms));
		parser_breaker_probe(&breaker);
		assert_false(parser_breaker_probed(&breaker, false, now_ms));
	}
	assert_false(parser_breaker_may_probe(&breaker, now_ms + PARSER_REST_MAX_MS - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_holds),
		cmocka_unit_test(the_rest_has_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
