/*
 * See mail_summary.h. The lines are read once; what is of use is copied into small buffers of its own, and the
 * sentence is made at the end. Of several events or cards the first is told, the others are counted. Components
 * inside an event (alarms) and beside it (time zones) are passed over by counting BEGIN and END. Pure.
 */
#include "ingest/mail_summary.h"

#include <stdio.h>

#include "ingest/content_line.h"
#include "ingest/mail_charset.h"
#include "ingest/mail_decode.h"

#define FIELD_MAX   200
#define EMAILS_MAX  3
#define PHONES_MAX  3
#define PERSON_MAX  160
#define QP_LINE_MAX 1024

struct field {
	char text[FIELD_MAX];
	size_t len;
};

static struct str field_str(const struct field *field)
{
	return (struct str){field->text, field->len};
}

/* What does not fit is cut at a character. */
static void field_set(struct field *field, struct str clean)
{
	size_t n = utf8_cut(clean, sizeof(field->text)).len;

	if (n)
		memcpy(field->text, clean.ptr, n);
	field->len = n;
}

static void field_set_text(struct field *field, struct str value)
{
	struct strbuf text;

	strbuf_init(&text, CONTENT_LINE_MAX * 3);
	content_text(value, &text);
	utf8_one_line(&text);
	field_set(field, strbuf_str(&text));
	strbuf_done(&text);
}

static void add(struct strbuf *out, const char *before, const struct field *field, const char *after)
{
	if (!field->len)
		return;
	strbuf_adds(out, before);
	strbuf_add(out, field_str(field));
	strbuf_adds(out, after);
}

/* ---- calendars ---- */

struct when {
	bool given, day_only, utc;
	unsigned year, month, day, hour, minute;
	struct field zone;
};

struct calendar {
	struct str method; /* static */
	unsigned depth;    /* of components around the line */
	unsigned event;    /* depth of the event that is read; 0: none */
	size_t events;     /* begun so far */
	size_t invited;
	bool cancelled, repeated, changed; /* changed: RFC 5545 3.8.7.4, not the first version */
	struct when start, end;
	struct field title, location, organizer, attendee, status;
};

static bool number(struct str s, size_t at, size_t n, unsigned *ret)
{
	unsigned value = 0;

	for (size_t i = at; i < at + n; i++) {
		if (i >= s.len || !ascii_digit(s.ptr[i]))
			return false;
		value = value * 10 + (unsigned)(s.ptr[i] - '0');
	}
	*ret = value;
	return true;
}

/* RFC 5545 3.3.4, 3.3.5: "20261124", "20261124T100000", "20261124T100000Z". */
static void read_when(const struct content_line *line, struct when *ret)
{
	struct when when = {.given = true};
	struct str s = line->value;

	if (!number(s, 0, 4, &when.year) || !number(s, 4, 2, &when.month) || !number(s, 6, 2, &when.day) ||
	    when.month < 1 || when.month > 12 || when.day < 1 || when.day > 31)
		return;
	when.day_only = s.len < 13 || s.ptr[8] != 'T';
	if (!when.day_only && (!number(s, 9, 2, &when.hour) || !number(s, 11, 2, &when.minute) ||
			       when.hour > 23 || when.minute > 59))
		return;
	when.utc = s.ptr[s.len - 1] == 'Z';
	field_set_text(&when.zone, content_param(line, STR("TZID")));
	*ret = when;
}

/* "Jane Doe <jane@example.com>" of ";CN=Jane Doe:mailto:jane@example.com". */
static void read_person(const struct content_line *line, struct field *ret)
{
	struct field name = {.len = 0}, address = {.len = 0};
	char both[2 * PERSON_MAX];
	struct str value = line->value;

	if (str_istarts(value, STR("mailto:")))
		value = str_sub(value, 7, value.len);
	field_set_text(&name, content_param(line, STR("CN")));
	field_set_text(&address, value);
	if (!name.len || str_ieq(field_str(&name), field_str(&address))) {
		*ret = address;
		return;
	}
	int n = snprintf(both, sizeof(both), "%.*s <%.*s>", STR_ARG(str_sub(field_str(&name), 0, FIELD_MAX)),
			 STR_ARG(field_str(&address)));
	bool fits = n > 0 && (size_t)n < sizeof(both) && (size_t)n <= FIELD_MAX;
	if (fits)
		field_set(ret, (struct str){both, (size_t)n});
	else
		*ret = name;
}

static void read_method(struct calendar *calendar, struct str value)
{
	static const struct str methods[] = {
		STR_INIT("REQUEST"),        STR_INIT("REPLY"), STR_INIT("CANCEL"),  STR_INIT("COUNTER"),
		STR_INIT("DECLINECOUNTER"), STR_INIT("ADD"),   STR_INIT("REFRESH"), STR_INIT("PUBLISH")};

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (str_ieq(value, methods[i]))
			calendar->method = methods[i];
}

static void read_event_line(struct calendar *calendar, const struct content_line *line)
{
	struct str name = line->name;

	if (str_ieq(name, STR("SUMMARY"))) {
		field_set_text(&calendar->title, line->value);
	} else if (str_ieq(name, STR("LOCATION"))) {
		field_set_text(&calendar->location, line->value);
	} else if (str_ieq(name, STR("DTSTART"))) {
		read_when(line, &calendar->start);
	} else if (str_ieq(name, STR("DTEND")) || str_ieq(name, STR("DUE"))) {
		read_when(line, &calendar->end);
	} else if (str_ieq(name, STR("ORGANIZER"))) {
		read_person(line, &calendar->organizer);
	} else if (str_ieq(name, STR("RRULE"))) {
		calendar->repeated = true;
	} else if (str_ieq(name, STR("SEQUENCE"))) {
		calendar->changed = line->value.len && line->value.ptr[0] > '0' && line->value.ptr[0] <= '9';
	} else if (str_ieq(name, STR("STATUS"))) {
		calendar->cancelled = str_ieq(line->value, STR("CANCELLED"));
	} else if (str_ieq(name, STR("ATTENDEE"))) {
		calendar->invited++;
		if (calendar->invited > 1)
			return;
		read_person(line, &calendar->attendee);
		field_set_text(&calendar->status, content_param(line, STR("PARTSTAT")));
	}
}

static void read_calendar_line(struct calendar *calendar, const struct content_line *line)
{
	if (str_ieq(line->name, STR("BEGIN"))) {
		calendar->depth++;
		bool event = str_ieq(line->value, STR("VEVENT")) || str_ieq(line->value, STR("VTODO"));
		if (event && !calendar->event && calendar->events++ == 0)
			calendar->event = calendar->depth;
	} else if (str_ieq(line->name, STR("END"))) {
		if (calendar->event == calendar->depth)
			calendar->event = 0;
		calendar->depth -= calendar->depth > 0;
	} else if (calendar->depth == 1 && str_ieq(line->name, STR("METHOD"))) {
		read_method(calendar, line->value);
	} else if (calendar->event && calendar->event == calendar->depth) {
		read_event_line(calendar, line);
	}
}

static bool same_day(const struct when *a, const struct when *b)
{
	return a->year == b->year && a->month == b->month && a->day == b->day;
}

static unsigned days_of_month(unsigned year, unsigned month)
{
	static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && leap);
}

/* RFC 5545 3.6.1: a day that ends an event is the first that is not part of it. */
static struct when day_before(struct when when)
{
	if (--when.day > 0)
		return when;
	if (--when.month == 0) {
		when.month = 12;
		when.year -= when.year > 0;
	}
	when.day = days_of_month(when.year, when.month);
	return when;
}

static void add_when(struct strbuf *out, const struct calendar *calendar)
{
	const struct when *start = &calendar->start;
	struct when end = calendar->end;

	if (!start->given)
		return;
	strbuf_printf(out, ", %04u-%02u-%02u", start->year, start->month, start->day);
	if (start->day_only) {
		if (end.given && end.day_only && !same_day(start, &end))
			end = day_before(end);
		if (end.given && !same_day(start, &end))
			strbuf_printf(out, " to %04u-%02u-%02u", end.year, end.month, end.day);
		strbuf_adds(out, " (all day)");
	} else {
		strbuf_printf(out, " %02u:%02u", start->hour, start->minute);
		if (end.given && !end.day_only) {
			strbuf_adds(out, " to ");
			if (!same_day(start, &end))
				strbuf_printf(out, "%04u-%02u-%02u ", end.year, end.month, end.day);
			strbuf_printf(out, "%02u:%02u", end.hour, end.minute);
		}
		strbuf_adds(out, start->utc ? " UTC" : "");
		if (!start->utc)
			add(out, " (", &start->zone, ")");
	}
	strbuf_adds(out, calendar->repeated ? ", repeated" : "");
}

static const char *answer_word(struct str status)
{
	static const struct {
		struct str status;
		const char *word;
	} words[] = {
		{STR_INIT("ACCEPTED"), "accepted"},     {STR_INIT("DECLINED"), "declined"},
		{STR_INIT("TENTATIVE"), "may come to"}, {STR_INIT("DELEGATED"), "delegated"},
		{STR_INIT("COMPLETED"), "completed"},   {STR_INIT("IN-PROCESS"), "works on"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_ieq(status, words[i].status))
			return words[i].word;
	return "answers to";
}

static const char *heading(const struct calendar *calendar)
{
	static const struct {
		struct str method;
		const char *words, *changed; /* changed NULL: the same */
	} headings[] = {
		{STR_INIT("CANCEL"), "Cancelled: ", NULL},
		{STR_INIT("COUNTER"), "Another time is proposed: ", NULL},
		{STR_INIT("REQUEST"), "Invitation: ", "Invitation, changed: "},
		{STR_INIT("ADD"), "Invitation: ", NULL},
		{STR_INIT("DECLINECOUNTER"), "The proposed time was declined: ", NULL},
		{STR_INIT("REFRESH"), "The newest version is asked for: ", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(headings) && !calendar->cancelled; i++)
		if (str_eq(calendar->method, headings[i].method))
			return calendar->changed && headings[i].changed ? headings[i].changed
									: headings[i].words;
	return calendar->cancelled ? "Cancelled: " : "Calendar event: ";
}

static void add_calendar(struct strbuf *out, struct calendar *calendar, bool answer)
{
	if (!calendar->title.len)
		field_set(&calendar->title, STR("(no title)"));
	if (answer) {
		if (!calendar->attendee.len)
			field_set(&calendar->attendee, STR("somebody"));
		add(out, "Calendar answer: ", &calendar->attendee, " ");
		strbuf_adds(out, answer_word(field_str(&calendar->status)));
		add(out, " ", &calendar->title, "");
		add_when(out, calendar);
	} else {
		add(out, heading(calendar), &calendar->title, "");
		add_when(out, calendar);
		add(out, ", at ", &calendar->location, "");
		add(out, ", from ", &calendar->organizer, "");
		if (calendar->invited)
			strbuf_printf(out, ", %zu invited", calendar->invited);
	}
	if (calendar->events > 1)
		strbuf_printf(out, "; and %zu more", calendar->events - 1);
	strbuf_addc(out, '.');
}

bool calendar_summary(struct str octets, struct strbuf *out, bool *ret_answer)
{
	struct calendar calendar = {.method = STR("")};
	struct content_lines lines;
	struct content_line line;

	content_lines_init(&lines, octets);
	while (content_lines_next(&lines, &line))
		read_calendar_line(&calendar, &line);
	if (!calendar.events)
		return false;
	bool answer = str_eq(calendar.method, STR("REPLY"));
	add_calendar(out, &calendar, answer);
	*ret_answer = answer;
	return true;
}

/* ---- contact cards ---- */

struct card {
	size_t cards;
	bool inside;
	struct field name, made_name, organization, title;
	struct field emails[EMAILS_MAX], phones[PHONES_MAX];
	size_t emails_n, phones_n;
};

/* vCard 2.1 writes other octets than ASCII as quoted-printable. A value goes on in the next line behind a "=" at the
 * end, but the beginning is enough. */
static void card_field(struct field *field, const struct content_line *line, struct str value)
{
	struct strbuf octets, text;

	if (!content_param_has(line, STR("ENCODING"), STR("QUOTED-PRINTABLE"))) {
		field_set_text(field, value);
		return;
	}
	strbuf_init(&octets, QP_LINE_MAX);
	strbuf_init(&text, 3 * QP_LINE_MAX);
	mail_decode(MAIL_ENCODING_QP, value, &octets);
	mail_charset_to_utf8(content_param(line, STR("CHARSET")), STR(""), strbuf_str(&octets), &text);
	utf8_one_line(&text);
	field_set(field, strbuf_str(&text));
	strbuf_done(&octets);
	strbuf_done(&text);
}

/* The next piece of "Doe;Jane;;Dr.", still escaped. */
static struct str take_component(struct str *value)
{
	size_t n = 0;

	while (n < value->len && value->ptr[n] != ';')
		n += value->ptr[n] == '\\' && n + 1 < value->len ? 2 : 1;
	struct str piece = str_sub(*value, 0, n);
	*value = str_sub(*value, n + 1, value->len);
	return piece;
}

/* "Doe;Jane" -> "Jane Doe", for cards without FN. */
static void read_name(struct card *card, const struct content_line *line)
{
	struct str value = line->value;
	struct field family, given;
	char both[FIELD_MAX + FIELD_MAX + 2];

	card_field(&family, line, take_component(&value));
	card_field(&given, line, take_component(&value));
	int n = snprintf(both, sizeof(both), "%.*s%s%.*s", STR_ARG(field_str(&given)),
			 given.len && family.len ? " " : "", STR_ARG(field_str(&family)));
	field_set(&card->made_name, (struct str){both, n > 0 ? (size_t)n : 0});
}

static void read_card_line(struct card *card, const struct content_line *line)
{
	struct str name = line->name, value = line->value;

	if (str_ieq(name, STR("BEGIN")) && str_ieq(value, STR("VCARD"))) {
		card->inside = card->cards++ == 0;
	} else if (str_ieq(name, STR("END")) && str_ieq(value, STR("VCARD"))) {
		card->inside = false;
	} else if (!card->inside) {
		return;
	} else if (str_ieq(name, STR("FN"))) {
		card_field(&card->name, line, value);
	} else if (str_ieq(name, STR("N"))) {
		read_name(card, line);
	} else if (str_ieq(name, STR("ORG"))) {
		card_field(&card->organization, line, take_component(&value));
	} else if (str_ieq(name, STR("TITLE"))) {
		card_field(&card->title, line, value);
	} else if (str_ieq(name, STR("EMAIL")) && card->emails_n < EMAILS_MAX) {
		card_field(&card->emails[card->emails_n++], line, value);
	} else if (str_ieq(name, STR("TEL")) && card->phones_n < PHONES_MAX) {
		if (str_istarts(value, STR("tel:")))
			value = str_sub(value, 4, value.len);
		card_field(&card->phones[card->phones_n++], line, value);
	}
}

bool contact_summary(struct str octets, struct strbuf *out)
{
	struct card card = {.cards = 0};
	struct content_lines lines;
	struct content_line line;

	content_lines_init(&lines, octets);
	while (content_lines_next(&lines, &line))
		read_card_line(&card, &line);
	if (!card.cards)
		return false;
	if (!card.name.len)
		card.name = card.made_name;
	if (!card.name.len)
		field_set(&card.name, STR("(no name)"));
	add(out, "Contact card: ", &card.name, "");
	add(out, ", ", &card.title, "");
	add(out, ", ", &card.organization, "");
	for (size_t i = 0; i < card.emails_n; i++)
		add(out, ", ", &card.emails[i], "");
	for (size_t i = 0; i < card.phones_n; i++)
		add(out, ", ", &card.phones[i], "");
	if (card.cards > 1)
		strbuf_printf(out, "; and %zu more", card.cards - 1);
	strbuf_addc(out, '.');
	return true;
}
