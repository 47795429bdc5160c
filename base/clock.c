/*
 * Time: two clocks, two ways to write a date.
 *
 * Dates are computed here and not by gmtime_r(3) and strftime(3), whose names follow the locale: a trace
 * field and a log line are the same on every machine. The calendar is Howard Hinnant's "civil from days"
 * reckoning: years begin in March, so that the leap day is the last of its year. Any thread.
 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

struct date {
	long long year;
	unsigned month, day, weekday, hour, minute, second, ms; /* month 1..12, weekday 0 is Sunday */
};

static int64_t (*replaced_now)(void);
static int64_t (*replaced_mono)(void);

static int64_t clock_us(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
	return replaced_now ? replaced_now() : clock_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_ms(void)
{
	return replaced_mono ? replaced_mono() : clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
	return replaced_mono ? replaced_mono() * 1000 : clock_us(CLOCK_MONOTONIC);
}

void clock_replace(int64_t (*now_ms)(void), int64_t (*mono_ms)(void))
{
	replaced_now = now_ms;
	replaced_mono = mono_ms;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static struct date date_of(int64_t now_ms)
{
	int64_t days = floor_div(now_ms, 86400000);
	int64_t rest = now_ms - days * 86400000;
	int64_t shifted = days + 719468; /* days since 0000-03-01 */
	int64_t era = floor_div(shifted, 146097);
	int64_t day_of_era = shifted - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month_from_march = (5 * day_of_year + 2) / 153;
	int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
	int64_t weekday = (days + 4) % 7; /* 1970-01-01 was a Thursday */
	return (struct date){
		.year = year_of_era + era * 400 + (month <= 2),
		.month = (unsigned)month,
		.day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
		.weekday = (unsigned)(weekday < 0 ? weekday + 7 : weekday),
		.hour = (unsigned)(rest / 3600000),
		.minute = (unsigned)(rest / 60000 % 60),
		.second = (unsigned)(rest / 1000 % 60),
		.ms = (unsigned)(rest % 1000),
	};
}

/* Years 0000 to 9999: what the formats below have room for. */
static int64_t clamp_to_calendar(int64_t now_ms)
{
	const int64_t first = -62167219200000, last = 253402300799999;
	if (now_ms < first)
		return first;
	return now_ms > last ? last : now_ms;
}

char *clock_format_iso(int64_t now_ms, char *buf)
{
	struct date d = date_of(clamp_to_calendar(now_ms));
	snprintf(buf, CLOCK_ISO_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)d.year % 10000,
		 d.month % 100, d.day % 100, d.hour % 100, d.minute % 100, d.second % 100, d.ms % 1000);
	return buf;
}

char *clock_format_rfc5322(int64_t now_ms, char *buf)
{
	static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct date d = date_of(clamp_to_calendar(now_ms));
	snprintf(buf, CLOCK_RFC5322_SIZE, "%s, %02u %s %04u %02u:%02u:%02u +0000", weekdays[d.weekday % 7],
		 d.day % 100, months[(d.month - 1) % 12], (unsigned)d.year % 10000, d.hour % 100,
		 d.minute % 100, d.second % 100);
	return buf;
}
