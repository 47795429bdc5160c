/*
 * Time, in one place, so that tests can replace it.
 *
 * clock_now_ms() is wall time (milliseconds since 1970 UTC) for what is stored and shown; clock_mono_ms()
 * never goes back and is for deadlines and durations; clock_mono_us() is the same with microseconds, for
 * measurements. Any thread.
 */
#ifndef SERVELO_BASE_CLOCK_H
#define SERVELO_BASE_CLOCK_H

#include "base/base.h"

int64_t clock_now_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);

/* Tests: both clocks return what the function says; NULL brings the real ones back. Not while other threads
 * run. */
void clock_replace(int64_t (*now_ms)(void), int64_t (*mono_ms)(void));

/* "2026-11-21T09:30:00.123Z"; buf holds at least CLOCK_ISO_SIZE. Returns buf. */
#define CLOCK_ISO_SIZE 32
char *clock_format_iso(int64_t now_ms, char *buf);
/* RFC 5322 date-time in UTC, "Sat, 21 Nov 2026 09:30:00 +0000"; buf holds at least CLOCK_RFC5322_SIZE.
 * Returns buf. */
#define CLOCK_RFC5322_SIZE 40
char *clock_format_rfc5322(int64_t now_ms, char *buf);

#endif
