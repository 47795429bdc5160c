/* What is said about a job that waits must be the truth, whatever comes together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>

#include "smtpd/cli/outbox_text.h"

#define NOW INT64_C(1795000000000)

static const struct {
	struct outbox_row row;
	struct outbox_place place;
	const char *waits, *next, *when; /* next, when: a part of it */
} cases[] = {
	{{.state = OUTBOX_DUE, .due_ms = NOW - 1}, {0}, "to be sent now", "as soon as", "now"},
	{{.state = OUTBOX_DUE, .due_ms = NOW - 1},
	 {.paused = true},
	 "the outbox is paused",
	 "queue resume",
	 "now"},
	{{.state = OUTBOX_DUE, .due_ms = NOW - 1},
	 {.no_relay = true},
	 "no relay is configured",
	 "relay.host",
	 "now"},
	{{.state = OUTBOX_DUE, .due_ms = NOW - 1},
	 {.no_server = true},
	 "no server is running",
	 "when a server runs",
	 "now"},
	{{.state = OUTBOX_DUE, .due_ms = NOW - 1},
	 {.resting_ms = 1500},
	 "the relay can't be used",
	 "again in 2 s",
	 "now"},
	/* what was said counts more than the clock, and is not hidden by what holds up all */
	{{.state = OUTBOX_DUE, .due_ms = NOW + 60000, .tries = 2, .why = STR_INIT("450 4.2.1 busy")},
	 {0},
	 "450 4.2.1 busy",
	 "it is tried again at 2026-",
	 "2026-"},
	{{.state = OUTBOX_DUE, .due_ms = NOW + 60000, .why = STR_INIT("450 4.2.1 busy")},
	 {.paused = true, .no_relay = true},
	 "the outbox is paused; before: 450 4.2.1 busy",
	 "queue resume",
	 "2026-"},
	{{.state = OUTBOX_DUE, .due_ms = NOW + 60000},
	 {0},
	 "it is not due yet",
	 "it is tried at 2026-",
	 "2026-"},
	/* a relay that rests has nothing to do with a mail that was put off by itself */
	{{.state = OUTBOX_DUE, .due_ms = NOW + 60000, .tries = 1, .why = STR_INIT("451 later")},
	 {.resting_ms = 5000},
	 "451 later",
	 "it is tried again at",
	 "2026-"},
	{{.state = OUTBOX_CLAIMED}, {0}, "it is being sent", "what the relay answers", "-"},
	{{.state = OUTBOX_CLAIMED},
	 {.no_server = true},
	 "it was being sent when the server ended",
	 "next start",
	 "-"},
	/* what is over does not wait for anything */
	{{.id = {17}, .state = OUTBOX_FAILED, .settled_ms = NOW, .why = STR_INIT("550 5.1.1 unknown")},
	 {.paused = true, .no_relay = true, .no_server = true},
	 "550 5.1.1 unknown",
	 "queue retry 17",
	 "2026-"},
	{{.state = OUTBOX_CANCELLED, .settled_ms = NOW},
	 {.paused = true},
	 "it was cancelled",
	 "nothing",
	 "2026-"},
	{{.state = OUTBOX_SENT, .settled_ms = NOW, .why = STR_INIT("250 2.0.0 queued")},
	 {.no_relay = true},
	 "250 2.0.0 queued",
	 "unless a report says",
	 "2026-"},
	{{.state = OUTBOX_BOUNCED, .settled_ms = NOW, .why = STR_INIT("5.1.1")},
	 {0},
	 "5.1.1",
	 "nothing",
	 "2026-"},
};

static void each_job_says_what_it_waits_for(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct outbox_place place = cases[i].place;
		struct strbuf waits, next;
		char when[64];
		place.now_ms = NOW;
		strbuf_init(&waits, 4096);
		strbuf_init(&next, 4096);
		outbox_waits(&cases[i].row, &place, &waits);
		outbox_next(&cases[i].row, &place, &next);
		assert_string_equal(waits.ptr, cases[i].waits);
		if (!strstr(next.ptr, cases[i].next))
			fail_msg("case %zu: next is \"%s\"", i, next.ptr);
		const char *said = outbox_when(&cases[i].row, &place, when);
		if (!strstr(said, cases[i].when))
			fail_msg("case %zu: when is \"%s\"", i, said);
		strbuf_done(&waits);
		strbuf_done(&next);
	}
}

static void programs_hear_the_same(void **state UNUSED)
{
	const struct outbox_place place = {.paused = true, .now_ms = NOW};
	const struct outbox_view view = {
		.row = {.id = {17}, .kind = OUTBOX_ANSWER, .due_ms = NOW, .recipient = STR("c@example.org")},
		.ticket_reference = STR("ACME-00042"),
	};
	json_t *o = outbox_json(&view, &place);
	assert_int_equal(json_integer_value(json_object_get(o, "id")), 17);
	assert_string_equal(json_string_value(json_object_get(o, "kind")), "answer");
	assert_string_equal(json_string_value(json_object_get(o, "waits")), "the outbox is paused");
	assert_string_equal(json_string_value(json_object_get(o, "ticket")), "ACME-00042");
	/* what is not there is null, not an empty text */
	assert_true(json_is_null(json_object_get(o, "tenant")));
	assert_true(json_is_null(json_object_get(o, "why")));
	assert_true(json_is_null(json_object_get(o, "participant")));
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_job_says_what_it_waits_for),
		cmocka_unit_test(programs_hear_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
