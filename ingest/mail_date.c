/*
 * Dates: the value is cut into words, numbers and signs, and each is taken for what it can only be: a month
 * name, a time (has a colon), a zone (a sign and four digits, or a name), a year (four digits), a day. So
 * the order hardly matters. Pure.
 */
#include "ingest/mail_date.h"

struct date {
	int year, month, day;     /* 0: not yet; month 1..12 */
	int hour, minute, second; /* hour -1: not yet */
	int offset;               /* minutes east of Greenwich */
	bool zoned, pm, am;
	bool early_month; /* the month stands before the day: it may be a weekday ("mar., 3 nov.") */
	bool slashes;     /* "11/03/2026": who writes AM and PM writes the month first */
};

/* English, and what programs write that ask their system for names: German, French, Spanish, Italian, Portuguese, Dutch,
 * Scandinavian. */
static int month_of(struct str word)
{
	static const struct {
		struct str start;
		int month;
	} names[] = {
		{STR_INIT("jan"), 1},
		{STR_INIT("feb"), 2},
		{STR_INIT("mar"), 3},
		{STR_INIT("apr"), 4},
		{STR_INIT("may"), 5},
		{STR_INIT("jun"), 6},
		{STR_INIT("jul"), 7},
		{STR_INIT("aug"), 8},
		{STR_INIT("sep"), 9},
		{STR_INIT("oct"), 10},
		{STR_INIT("nov"), 11},
		{STR_INIT("dec"), 12},
		{STR_INIT("ene"), 1},
		{STR_INIT("gen"), 1},
		{STR_INIT("fév"), 2},
		{STR_INIT("f\xe9v"), 2},
		{STR_INIT("fev"), 2},
		{STR_INIT("mär"), 3},
		{STR_INIT("m\xe4r"), 3},
		{STR_INIT("mrz"), 3},
		{STR_INIT("mrt"), 3},
		{STR_INIT("abr"), 4},
		{STR_INIT("avr"), 4},
		{STR_INIT("mai"), 5},
		{STR_INIT("mag"), 5},
		{STR_INIT("maj"), 5},
		{STR_INIT("mei"), 5},
		{STR_INIT("giu"), 6},
		{STR_INIT("juin"), 6},
		{STR_INIT("juil"), 7},
		{STR_INIT("lug"), 7},
		{STR_INIT("ago"), 8},
		{STR_INIT("aoû"), 8},
		{STR_INIT("ao\xfb"), 8},
		{STR_INIT("set"), 9},
		{STR_INIT("okt"), 10},
		{STR_INIT("ott"), 10},
		{STR_INIT("out"), 10},
		{STR_INIT("dez"), 12},
		{STR_INIT("dic"), 12},
		{STR_INIT("déc"), 12},
		{STR_INIT("d\xe9"
			  "c"),
		 12},
		{STR_INIT("des"), 12},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_istarts(word, names[i].start))
			return names[i].month;
	return 0;
}

/* Of any alphabet, in any charset. */
static bool is_letter(char c)
{
	return ascii_alpha(c) || ((unsigned char)c & 0x80);
}

static bool zone_of(struct str word, int *ret_minutes)
{
	static const struct {
		struct str name;
		int minutes;
	} zones[] = {
		{STR_INIT("UT"), 0},     {STR_INIT("UTC"), 0},    {STR_INIT("GMT"), 0},
		{STR_INIT("Z"), 0},      {STR_INIT("EST"), -300}, {STR_INIT("EDT"), -240},
		{STR_INIT("CST"), -360}, {STR_INIT("CDT"), -300}, {STR_INIT("MST"), -420},
		{STR_INIT("MDT"), -360}, {STR_INIT("PST"), -480}, {STR_INIT("PDT"), -420},
		{STR_INIT("WET"), 0},    {STR_INIT("WEST"), 60},  {STR_INIT("BST"), 60},
		{STR_INIT("MET"), 60},   {STR_INIT("CET"), 60},   {STR_INIT("MEZ"), 60},
		{STR_INIT("MEST"), 120}, {STR_INIT("MESZ"), 120}, {STR_INIT("CEST"), 120},
		{STR_INIT("EET"), 120},  {STR_INIT("EEST"), 180}, {STR_INIT("MSK"), 180},
		{STR_INIT("MSD"), 240},  {STR_INIT("IST"), 330},  {STR_INIT("SGT"), 480},
		{STR_INIT("HKT"), 480},  {STR_INIT("JST"), 540},  {STR_INIT("KST"), 540},
		{STR_INIT("AEST"), 600}, {STR_INIT("AEDT"), 660}, {STR_INIT("NZST"), 720},
		{STR_INIT("NZDT"), 780},
	};

	for (size_t i = 0; i < ARRAY_SIZE(zones); i++)
		if (str_ieq(word, zones[i].name)) {
			*ret_minutes = zones[i].minutes;
			return true;
		}
	return false;
}

/* At most nine digits; how many were read. */
static size_t number_at(struct str s, size_t at, int *ret)
{
	size_t n = 0;
	int value = 0;

	while (at + n < s.len && n < 9 && ascii_digit(s.ptr[at + n]))
		value = value * 10 + (s.ptr[at + n++] - '0');
	*ret = value;
	return n;
}

/* Days since 1970 of a date of the Gregorian calendar (Howard Hinnant's formula). */
static int64_t days_from(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = y / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

/* "10:20", "10:20:30", "10:20:30.123"; also with dots. Returns octets, 0: no time. */
static size_t take_time(struct str s, size_t at, struct date *date)
{
	int parts[3] = {0};
	size_t i = at, k = 0;

	while (k < 3) {
		size_t n = number_at(s, i, &parts[k]);
		if (n == 0 || n > 2)
			break;
		k++;
		i += n;
		if (k == 3 || i >= s.len || (s.ptr[i] != ':' && s.ptr[i] != '.'))
			break;
		if (i + 1 >= s.len || !ascii_digit(s.ptr[i + 1]))
			break;
		i++;
	}
	if (k < 2)
		return 0;
	if (i < s.len && (s.ptr[i] == '.' || s.ptr[i] == ',') && i + 1 < s.len && ascii_digit(s.ptr[i + 1])) {
		i++;
		while (i < s.len && ascii_digit(s.ptr[i]))
			i++;
	}
	date->hour = parts[0];
	date->minute = parts[1];
	date->second = parts[2];
	return i - at;
}

/* "+0100", "-5:30", "+1" behind the time. */
static size_t take_offset(struct str s, size_t at, struct date *date)
{
	int value, minutes = 0;
	size_t n = number_at(s, at + 1, &value);

	if (!n || n > 4)
		return 0;
	size_t used = 1 + n;
	if (n <= 2) {
		minutes = value * 60;
		int rest;
		if (at + used < s.len && s.ptr[at + used] == ':' && number_at(s, at + used + 1, &rest) == 2) {
			minutes += rest;
			used += 3;
		}
	} else {
		minutes = value / 100 * 60 + value % 100;
	}
	if (minutes < 24 * 60) /* nonsense counts as no zone */
		date->offset = s.ptr[at] == '-' ? -minutes : minutes;
	date->zoned = true;
	return used;
}

static void take_word(struct str word, struct date *date)
{
	int minutes;

	int month = month_of(word);
	if (month && (!date->month || (date->early_month && date->day && date->hour < 0))) {
		date->month = month;
		date->early_month = !date->day;
		return;
	}
	if (date->hour >= 0 && (str_ieq(word, STR("pm")) || str_ieq(word, STR("am"))))
		date->pm = ascii_lower(word.ptr[0]) == 'p', date->am = !date->pm;
	else if (!date->zoned && date->hour >= 0 && zone_of(word, &minutes)) {
		date->offset = minutes;
		date->zoned = minutes != 0 || word.len == 1; /* "GMT+0200": the offset still counts */
	}
}

static void take_number(int value, size_t digits, struct date *date)
{
	if (digits >= 4 && !date->year)
		date->year = value;
	else if (!date->day && value >= 1 && value <= 31)
		date->day = value;
	else if (!date->month && date->year && value >= 1 && value <= 12)
		date->month = value;
	else if (!date->year && digits >= 2)
		/* RFC 5322 4.3: two and three digits */
		date->year = digits == 3 ? value + 1900 : value < 50 ? value + 2000 : value + 1900;
}

/* "2026-11-02", "02/11/2026" (day first; the month when it can't be the day). */
static size_t take_numeric_date(struct str s, size_t at, struct date *date)
{
	int a, b, c;
	size_t n = number_at(s, at, &a);
	char sign = at + n < s.len ? s.ptr[at + n] : '\0';

	if (!n || (sign != '-' && sign != '/' && sign != '.'))
		return 0;
	size_t m = number_at(s, at + n + 1, &b);
	if (!m || m > 2 || at + n + 1 + m >= s.len || s.ptr[at + n + 1 + m] != sign)
		return 0;
	size_t k = number_at(s, at + n + m + 2, &c);
	if (!k || date->day)
		return 0;
	if (n == 4) {
		date->year = a;
		date->month = b;
		date->day = c;
	} else {
		date->year = k <= 2 ? c + (c < 50 ? 2000 : 1900) : c;
		date->day = b > 12 ? b : a;
		date->month = b > 12 ? a : b;
		date->slashes = sign == '/' && b <= 12 && a <= 12;
	}
	return n + m + k + 2;
}

/* What "=?utf-8?Q?Tue,_3_Nov...?=" encodes, for nothing but blanks needs it. */
static struct str without_encoding(struct str value)
{
	size_t at = 0;
	if (!str_starts(value, STR("=?")))
		return value;
	for (size_t i = 0; i < 3 && at < value.len; i++)
		at += str_find(str_sub(value, at, value.len), '?') + 1;
	return str_sub(value, at, value.len);
}

int64_t mail_date_parse(struct str value)
{
	struct date date = {.hour = -1};
	size_t comments = 0;

	value = without_encoding(str_sub(value, 0, 256));
	for (size_t i = 0; i < value.len;) {
		char c = value.ptr[i];
		size_t used = 1;
		if (c == '(') {
			comments++;
		} else if (c == ')') {
			comments -= comments > 0;
		} else if (comments) {
			;
		} else if (is_letter(c)) {
			while (i + used < value.len && is_letter(value.ptr[i + used]))
				used++;
			take_word(str_sub(value, i, i + used), &date);
		} else if ((c == '+' || c == '-') && date.hour >= 0 && !date.zoned) {
			size_t n = take_offset(value, i, &date);
			used = n ? n : 1;
		} else if (ascii_digit(c)) {
			int number;
			size_t n = take_numeric_date(value, i, &date);
			if (!n && date.hour < 0 && (date.day || date.month))
				n = take_time(value, i, &date);
			if (!n) {
				n = number_at(value, i, &number);
				take_number(number, n, &date);
			}
			used = n;
		}
		i += used;
	}
	if (date.slashes && (date.am || date.pm)) {
		int day = date.month;
		date.month = date.day;
		date.day = day;
	}
	if (date.year < 1970 || date.year > 9999 || date.month < 1 || date.month > 12 || date.day < 1 ||
	    date.day > 31)
		return 0;
	if (date.hour < 0)
		date.hour = 0;
	if (date.pm && date.hour < 12)
		date.hour += 12;
	if (date.am && date.hour == 12)
		date.hour = 0;
	if (date.hour > 24 || date.minute > 59 || date.second > 60)
		return 0;
	int64_t seconds = days_from(date.year, date.month, date.day) * 86400 + date.hour * 3600 +
			  date.minute * 60 + date.second - (int64_t)date.offset * 60;
	return seconds > 0 ? seconds * 1000 : 0;
}
