/*
 * Recipients of bounces and feedback reports. Sources in the order in which they are believed; each adds what
 * the ones before it left open:
 *
 *	fields of message/delivery-status, a group per recipient	bounce_fields.c
 *	words for people: blocks of lines that an address leads;	bounce_words.c
 *	addresses beside codes and reasons
 *	the original's To field						bounce_original.c
 *
 * Then each recipient is judged: which status, which reason, hard or soft. bounce_private.h says what is always true of
 * the list. Runs in the parser child (charset converters).
 */
#include "ingest/bounce_private.h"

#include <errno.h>

#include "base/strbuf.h"
#include "ingest/bounce_reason.h"
#include "ingest/mail_charset.h"
#include "ingest/text_fold.h"

/* ---- the list ---- */

struct str bounce_keep(struct bounce_reader *reader, struct str s)
{
	struct str copy;
	if (s.len == 0)
		return STR("");
	if (arena_copy(reader->arena, s, &copy) < 0) {
		reader->full = true;
		return STR("");
	}
	return copy;
}

/* One line of UTF-8, not longer than a reason may be. */
struct str bounce_keep_line(struct bounce_reader *reader, struct str s)
{
	struct strbuf line;
	strbuf_init(&line, BOUNCE_REASON_MAX);
	mail_charset_to_utf8(STR(""), STR(""), str_sub(s, 0, 2 * BOUNCE_REASON_MAX), &line);
	line.overflow = false;
	utf8_one_line(&line);
	struct str kept = bounce_keep(reader, strbuf_str(&line));
	strbuf_done(&line);
	return kept;
}

struct mail_report *bounce_find(struct bounce_reader *reader, struct str address)
{
	for (size_t i = 0; i < reader->n; i++)
		if (str_ieq(reader->items[i].recipient, address))
			return &reader->items[i];
	return NULL;
}

struct mail_report *bounce_add(struct bounce_reader *reader, struct str address)
{
	struct mail_report *report = address.len ? bounce_find(reader, address) : NULL;
	if (report || reader->n == MAIL_REPORTS_MAX)
		return report;
	report = &reader->items[reader->n];
	*report = (struct mail_report){
		.recipient = bounce_keep(reader, address), .status = STR(""), .reason = STR("")};
	reader->course[reader->n] = COURSE_FAILED;
	if (address.len && !report->recipient.len)
		return NULL;
	reader->n++;
	return report;
}

/* Is it more than "it failed"? */
bool bounce_is_exact(struct str status)
{
	return status.len >= 5 && !str_ends(status, STR(".0.0"));
}

/* ---- the verdict ---- */

static struct str make_status(struct bounce_reader *reader, char class, const char *detail)
{
	struct str status;
	if (arena_printf(reader->arena, &status, "%c%s", class, detail) == 0)
		return status;
	reader->full = true;
	return STR("");
}

/* The status of RFC 3463 that a bare reply code means (RFC 5321 4.2.2). */
static const char *code_detail(unsigned code)
{
	static const struct {
		unsigned code;
		const char *detail;
	} details[] = {{552, ".2.2"}, {452, ".2.2"}, {553, ".1.3"}, {521, ".3.2"}, {556, ".1.10"}};
	for (size_t i = 0; i < ARRAY_SIZE(details); i++)
		if (details[i].code == code)
			return details[i].detail;
	return ".0.0";
}

/* What was given is believed: codes are older and coarser than words, but they are the server's verdict. */
static void judge_status(struct bounce_reader *reader, struct mail_report *report, struct str words)
{
	struct str said = bounce_status_in(words);
	unsigned code = bounce_code_in(words);
	const struct bounce_reason *reason = bounce_reason_in(words);
	const char *detail = reason && reason->detail ? reason->detail : code_detail(code);
	bool late = !code && reason && reason->detail && str_starts(str_from(reason->detail), STR(".4"));
	bool delayed = reader->course[report - reader->items] == COURSE_DELAYED;
	char class = (code && code < 500) || late || delayed ? '4' : '5';
	if (said.len && !bounce_is_exact(report->status))
		report->status = bounce_is_exact(said) || !report->status.len ? bounce_keep(reader, said)
									      : report->status;
	if (!report->status.len)
		report->status = make_status(reader, class, detail);
}

/* What arrived needs no reason. */
static void judge_arrived(struct bounce_reader *reader, struct mail_report *report)
{
	report->kind = MAIL_REPORT_DELAYED;
	if (!report->status.len)
		report->status = make_status(reader, '2', ".0.0");
}

static void judge(struct bounce_reader *reader, struct mail_report *report, struct str text,
		  struct str telling)
{
	enum bounce_course course = reader->course[report - reader->items];
	if (course == COURSE_ARRIVED) {
		judge_arrived(reader, report);
		return;
	}
	if (!report->reason.len)
		report->reason = reader->nameless_reason;
	if (!report->status.len)
		report->status = reader->nameless_status;
	struct str beside = reader->beside[report - reader->items];
	struct str words = report->reason.len ? report->reason : telling.len ? telling : beside;
	judge_status(reader, report, words);
	if (!report->reason.len)
		report->reason = bounce_keep_line(reader, words.len ? words : bounce_first_paragraph(text));
	const struct bounce_reason *reason = bounce_reason_in(words);
	bool hard = reason ? reason->hard : bounce_status_is_hard(report->status);
	bool soft = bounce_status_is_soft(report->status);
	report->kind = course == COURSE_DELAYED ? MAIL_REPORT_DELAYED
		       : hard && !soft          ? MAIL_REPORT_HARD
						: MAIL_REPORT_SOFT;
}

static void conclude(struct bounce_reader *reader)
{
	struct str text = bounce_cut_original(reader->facts->text), telling = bounce_telling_words(text);
	bool warning = !reader->by_fields && bounce_is_warning(text);
	for (size_t i = 0; warning && i < reader->n; i++)
		reader->course[i] = COURSE_DELAYED;
	for (size_t i = 0; i < reader->n; i++)
		judge(reader, &reader->items[i], text, telling);
}

static int finish(struct bounce_reader *reader, const struct mail_report **ret, size_t *ret_n)
{
	struct mail_report *items = reader->n ? arena_alloc(reader->arena, reader->n * sizeof(*items)) : NULL;
	arena_done(&reader->scratch);
	if (items)
		memcpy(items, reader->items, reader->n * sizeof(*items));
	*ret = items;
	*ret_n = items ? reader->n : 0;
	return reader->full || (reader->n && !items) ? -ENOBUFS : 0;
}

int bounce_report_read(struct arena *arena, const struct bounce_facts *facts,
		       const struct mail_limits *limits, const struct mail_report **ret, size_t *ret_n)
{
	struct bounce_reader reader = {.arena = arena, .facts = facts, .limits = limits};
	arena_init(&reader.scratch, BOUNCE_SCRATCH_SIZE);
	bounce_read_status(&reader);
	if (reader.n == 0)
		bounce_read_failed_field(&reader);
	bounce_read_words(&reader);
	if (reader.n == 0)
		bounce_read_original(&reader);
	if (reader.n == 0) /* it failed, but for whom is not told */
		bounce_add(&reader, STR(""));
	conclude(&reader);
	return finish(&reader, ret, ret_n);
}

int feedback_report_read(struct arena *arena, const struct bounce_facts *facts,
			 const struct mail_limits *limits, const struct mail_report **ret, size_t *ret_n)
{
	struct bounce_reader reader = {.arena = arena, .facts = facts, .limits = limits};
	struct mail_header header;
	arena_init(&reader.scratch, BOUNCE_SCRATCH_SIZE);
	bounce_split_fields(&reader, facts->feedback, &header);
	for (size_t i = 0; i < header.n; i++)
		if (str_ieq(header.fields[i].name, STR("Original-Rcpt-To")) ||
		    str_ieq(header.fields[i].name, STR("Removal-Recipient")))
			if (bounce_typed_address(&reader, header.fields[i].value).len)
				bounce_add(&reader, bounce_typed_address(&reader, header.fields[i].value));
	if (reader.n == 0)
		bounce_read_original(&reader);
	if (reader.n == 0)
		bounce_add(&reader, STR(""));
	struct str type = bounce_keep_line(&reader, mail_header_value(&header, STR("Feedback-Type")));
	for (size_t i = 0; i < reader.n; i++) {
		reader.items[i].kind = MAIL_REPORT_FEEDBACK;
		reader.items[i].reason = type.len ? type : STR("abuse");
	}
	return finish(&reader, ret, ret_n);
}
