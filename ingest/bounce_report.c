/*
 * Recipients of bounces and feedback reports. Sources in the order in which they are believed; each adds what
 * the ones before it left open:
 *
 *	fields of message/delivery-status, a group per recipient
 *	words for people: blocks of lines that an address leads; addresses beside codes and reasons
 *	the original's To field
 *
 * Invariants: no address is told twice; a recipient holds an "@" and no blank; a status is three numbers; all
 * text is one line of valid UTF-8. Blocks do not overlap, so every line is read a constant number of times.
 * Runs in the parser child (charset converters).
 */
#include "ingest/bounce_report.h"

#include <errno.h>

#include "base/mailaddr.h"
#include "base/strbuf.h"
#include "ingest/bounce_reason.h"
#include "ingest/mail_address.h"
#include "ingest/mail_charset.h"
#include "ingest/mail_header.h"
#include "ingest/phrase_set.h"
#include "ingest/text_fold.h"

#define ADDRESS_MAX  320
#define GROUPS_MAX   256 /* of a delivery-status part */
#define BLOCK_LINES  10
#define SCRATCH_SIZE ((size_t)4 * 1024 * 1024)
#define WARNING_SIZE 4096 /* octets of the text in which a warning says that it is one */

/* How it goes with a recipient (RFC 3464 2.3.3). Of two that are told of one recipient, the lower one holds. */
enum course { COURSE_FAILED, COURSE_DELAYED, COURSE_ARRIVED };

struct reader {
	struct arena *arena;  /* the result's */
	struct arena scratch; /* of one call */
	const struct bounce_facts *facts;
	const struct mail_limits *limits;
	struct mail_report items[MAIL_REPORTS_MAX];
	struct str beside[MAIL_REPORTS_MAX]; /* words beside the address that tell nothing we know */
	enum course course[MAIL_REPORTS_MAX];
	size_t n;
	bool by_fields;                              /* a delivery-status part told of some recipient */
	struct str nameless_status, nameless_reason; /* of a group whose recipient is no address */
	bool full;                                   /* the arena is */
};

static void read_status_part(struct reader *reader);
static void read_failed_field(struct reader *reader);
static void read_words(struct reader *reader);
static void read_original(struct reader *reader);
static void conclude(struct reader *reader);

/* ---- small things ---- */

static struct str keep(struct reader *reader, struct str s)
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
static struct str keep_line(struct reader *reader, struct str s)
{
	struct strbuf line;
	strbuf_init(&line, BOUNCE_REASON_MAX);
	mail_charset_to_utf8(STR(""), STR(""), str_sub(s, 0, 2 * BOUNCE_REASON_MAX), &line);
	line.overflow = false;
	utf8_one_line(&line);
	struct str kept = keep(reader, strbuf_str(&line));
	strbuf_done(&line);
	return kept;
}

static bool is_address_octet(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && !char_in("<>()[]\",;:\\*", c);
}

static bool is_address(struct str s)
{
	size_t at = str_find(s, '@');
	if (s.len > ADDRESS_MAX || at == 0 || at + 1 >= s.len ||
	    str_find(str_sub(s, at + 1, s.len), '@') + at + 1 < s.len)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!is_address_octet(s.ptr[i]))
			return false;
	return char_word((unsigned char)s.ptr[at + 1]) && s.ptr[s.len - 1] != '.' && utf8_valid(s);
}

/* RFC 6533 3: "\x{E9}" in an address of type utf-8. In place of the view, a decoded copy. */
static struct str decode_utf8_address(struct reader *reader, struct str s)
{
	char *out = arena_alloc(&reader->scratch, s.len + 1);
	size_t len = 0;
	for (size_t i = 0; out && i < s.len;) {
		size_t end = i + 3 + str_find(str_sub(s, i + 3, s.len), '}');
		uint32_t c = 0;
		bool coded = str_starts(str_sub(s, i, s.len), STR("\\x{")) && end < s.len && end - i <= 9;
		for (size_t k = i + 3; coded && k < end; k++) {
			char digit = ascii_lower(s.ptr[k]);
			coded = ascii_digit(digit) || (digit >= 'a' && digit <= 'f');
			c = c * 16 + (uint32_t)(ascii_digit(digit) ? digit - '0' : digit - 'a' + 10);
		}
		if (coded && c >= 0x20) {
			len += utf8_put(c, out + len); /* never longer than what it was written as */
			i = end + 1;
		} else {
			out[len++] = s.ptr[i++];
		}
	}
	return out ? (struct str){out, len} : STR("");
}

/* "rfc822; <a@b>" (RFC 3464 2.3.2): the address, or empty. */
static struct str typed_address(struct reader *reader, struct str value)
{
	size_t semicolon = str_find(value, ';');
	struct str type = STR(""), address = value;
	if (semicolon < value.len) {
		type = str_trim(str_sub(value, 0, semicolon));
		address = str_trim(str_sub(value, semicolon + 1, value.len));
	}
	size_t open = str_find(address, '<');
	if (open < address.len) {
		address = str_sub(address, open + 1, address.len);
		address = str_sub(address, 0, str_find(address, '>'));
	}
	size_t blank = 0;
	while (blank < address.len && !ascii_space(address.ptr[blank]))
		blank++;
	address = str_sub(address, 0, blank);
	if (str_ieq(type, STR("utf-8")))
		address = decode_utf8_address(reader, address);
	return is_address(address) ? address : STR("");
}

static bool is_whom_it_is_for(const struct reader *reader, struct str address)
{
	const struct mail_mailboxes *to = reader->facts->to;
	for (size_t i = 0; to && i < to->n && i < 16; i++)
		if (str_ieq(to->items[i].address, address))
			return true;
	return false;
}

/* Programs that write bounces name themselves. */
static bool is_daemon(struct str address)
{
	return str_istarts(address, STR("mailer-daemon@")) || str_istarts(address, STR("postmaster@"));
}

static struct mail_report *find_report(struct reader *reader, struct str address)
{
	for (size_t i = 0; i < reader->n; i++)
		if (str_ieq(reader->items[i].recipient, address))
			return &reader->items[i];
	return NULL;
}

static struct mail_report *add_report(struct reader *reader, struct str address)
{
	struct mail_report *report = address.len ? find_report(reader, address) : NULL;
	if (report || reader->n == MAIL_REPORTS_MAX)
		return report;
	report = &reader->items[reader->n];
	*report = (struct mail_report){
		.recipient = keep(reader, address), .status = STR(""), .reason = STR("")};
	reader->course[reader->n] = COURSE_FAILED;
	if (address.len && !report->recipient.len)
		return NULL;
	reader->n++;
	return report;
}

/* Is it more than "it failed"? */
static bool is_exact(struct str status)
{
	return status.len >= 5 && !str_ends(status, STR(".0.0"));
}

/* ---- fields for programs ---- */

/* RFC 3464 2.3: the fields of one recipient. A group that speaks of another recipient without the empty line
 * before it is two. */
struct group {
	struct str final, original, action, status, diagnostic, reason;
};

static enum course course_of(struct str action)
{
	static const struct {
		struct str word;
		enum course course;
	} actions[] = {{STR_INIT("delayed"), COURSE_DELAYED},
		       {STR_INIT("delivered"), COURSE_ARRIVED},
		       {STR_INIT("relayed"), COURSE_ARRIVED},
		       {STR_INIT("expanded"), COURSE_ARRIVED}};
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (str_istarts(action, actions[i].word))
			return actions[i].course;
	return COURSE_FAILED;
}

static void add_group(struct reader *reader, const struct group *group)
{
	struct str final = typed_address(reader, group->final),
		   original = typed_address(reader, group->original);
	enum course course = course_of(group->action);
	reader->by_fields |= group->final.len || group->original.len;
	if ((!group->final.len && !group->original.len) ||
	    (course == COURSE_ARRIVED && !final.len && !original.len))
		return;
	struct str status = bounce_status_in(group->status), text = group->diagnostic;
	size_t semicolon = str_find(text, ';');
	if (semicolon < 16 && semicolon < text.len) /* "smtp; 550 ..." */
		text = str_trim(str_sub(text, semicolon + 1, text.len));
	if (!text.len)
		text = group->reason;
	struct str said = bounce_status_in(text); /* by the server that refused it */
	if (is_exact(said))
		status = said;
	if (!final.len && !original.len) {
		reader->nameless_status = keep(reader, status);
		reader->nameless_reason = keep_line(reader, text);
		return;
	}
	size_t before = reader->n;
	struct mail_report *report = add_report(reader, final.len ? final : original);
	if (!report)
		return;
	enum course *known = &reader->course[report - reader->items];
	if (reader->n > before || course < *known)
		*known = course;
	if (status.len && !is_exact(report->status))
		report->status = keep(reader, status);
	if (!report->reason.len)
		report->reason = keep_line(reader, text);
}

static void read_group(struct reader *reader, const struct mail_header *header)
{
	struct group group = {.final = STR("")};
	const struct {
		struct str name;
		struct str *value;
	} fields[] = {
		{STR("Final-Recipient"), &group.final},
		{STR("Original-Recipient"), &group.original},
		{STR("X-Actual-Recipient"), &group.original},
		{STR("Action"), &group.action},
		{STR("Status"), &group.status},
		{STR("Diagnostic-Code"), &group.diagnostic},
		{STR("X-Supplementary-Info"), &group.reason},
	};
	for (size_t i = 0; i < header->n; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(fields); k++) {
			if (!str_ieq(header->fields[i].name, fields[k].name))
				continue;
			if (k == 0 && group.final.len) {
				add_group(reader, &group);
				group = (struct group){.final = STR("")};
			}
			if (!fields[k].value->len)
				*fields[k].value = header->fields[i].value;
		}
	}
	add_group(reader, &group);
}

static void read_status_part(struct reader *reader)
{
	struct str rest = str_sub(reader->facts->status, 0, 1024 * 1024);
	for (size_t i = 0; i < GROUPS_MAX && rest.len && reader->n < MAIL_REPORTS_MAX; i++) {
		struct mail_header header;
		while (rest.len && ascii_space(rest.ptr[0]))
			rest = str_sub(rest, 1, rest.len);
		mail_header_split(&reader->scratch, rest, '\n', reader->limits, &header);
		if (header.size == 0)
			break;
		read_group(reader, &header);
		rest = str_sub(rest, header.size, rest.len);
	}
}

static void read_failed_field(struct reader *reader)
{
	struct mail_mailboxes list = {0};
	mail_address_list(&reader->scratch, reader->facts->failed, STR(""), MAIL_REPORTS_MAX, &list);
	for (size_t i = 0; i < list.n; i++)
		if (is_address(list.items[i].address))
			add_report(reader, list.items[i].address);
}

/* ---- words for people ---- */

static struct str next_line(struct str text, size_t *pos)
{
	size_t end = *pos + str_find(str_sub(text, *pos, text.len), '\n');
	struct str line = str_sub(text, *pos, end);
	*pos = end + 1;
	return line;
}

/* "--- Below this line is a copy of the message.", "------- Returned Message --------", "Received: ...". */
static bool begins_original(struct str line)
{
	static const struct str words[] = {STR_INIT("below this line is a copy"),
					   STR_INIT("this is a copy of"),
					   STR_INIT("original message follows"),
					   STR_INIT("original mail as follows"),
					   STR_INIT("original message header"),
					   STR_INIT("original message headers"),
					   STR_INIT("message headers follow"),
					   STR_INIT("message header follows"),
					   STR_INIT("original message -"),
					   STR_INIT("original message:"),
					   STR_INIT("returned message"),
					   STR_INIT("unsent message below"),
					   STR_INIT("copy of message"),
					   STR_INIT("copy of the original message"),
					   STR_INIT("your original message"),
					   STR_INIT("a copy of the original message"),
					   STR_INIT("the header of the original"),
					   STR_INIT("included is a copy"),
					   STR_INIT("header of the original"),
					   STR_INIT("message as follows"),
					   STR_INIT("start of returned message"),
					   STR_INIT("received: from"),
					   STR_INIT("return-path: <")};
	char buf[160];
	struct str folded = {buf, text_fold(str_sub(line, 0, 120), buf, sizeof(buf))};
	while (folded.len && char_in("-=*_# ", folded.ptr[0]))
		folded = str_sub(folded, 1, folded.len);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_starts(folded, words[i]))
			return true;
	return false;
}

static struct str cut_original(struct str text)
{
	text = str_sub(text, 0, BOUNCE_TEXT_MAX);
	for (size_t pos = 0; pos < text.len;) {
		size_t start = pos;
		if (begins_original(next_line(text, &pos)))
			return str_sub(text, 0, start);
	}
	return text;
}

/* The first address in s from *pos on; *pos moves behind it. Empty: none. Message identifiers and host names
 * of reverse-paths look the same; the caller knows where it looks. */
static struct str next_address(struct str s, size_t *pos)
{
	for (size_t at = *pos; (at += str_find(str_sub(s, at, s.len), '@')) < s.len; at++) {
		size_t from = at, to = at + 1;
		while (from > *pos && at - from < ADDRESS_MAX && is_address_octet(s.ptr[from - 1]) &&
		       s.ptr[from - 1] != '@')
			from--;
		while (to < s.len && to - at < ADDRESS_MAX && is_address_octet(s.ptr[to]) && s.ptr[to] != '@')
			to++;
		if ((from > *pos && s.ptr[from - 1] == '@') || (to < s.len && s.ptr[to] == '@'))
			continue;
		while (to > at && char_in(".'!?=", s.ptr[to - 1]))
			to--;
		while (from < at && char_in("'.=", s.ptr[from]))
			from++;
		struct str address = str_sub(s, from, to);
		if (!is_address(address))
			continue;
		*pos = to;
		return address;
	}
	*pos = s.len;
	return STR("");
}

/* The words before an address that leads a line may be bullets, or say what it is. */
static bool is_lead(struct str before)
{
	static const struct str labels[] = {
		STR_INIT("recipient"), STR_INIT("address"),  STR_INIT("mailbox"), STR_INIT("addressee"),
		STR_INIT("user"),      STR_INIT("failed"),   STR_INIT("rcpt to"), STR_INIT("delivered to"),
		STR_INIT("adressat"),  STR_INIT("destinat"), STR_INIT("メール"),  STR_INIT("宛先"),
		STR_INIT("получател")};
	static const struct str not_these[] = {STR_INIT("from"), STR_INIT("sender"), STR_INIT("reply")};
	char buf[96];
	if (before.len > 64)
		return false;
	struct str folded = {buf, text_fold(before, buf, sizeof(buf))};
	while (folded.len && char_in("-=*>< \t\"'(", folded.ptr[folded.len - 1]))
		folded.len--;
	while (folded.len && char_in("-=*>< \t\"'(", folded.ptr[0]))
		folded = str_sub(folded, 1, folded.len);
	if (folded.len == 0 || str_eq(folded, STR("•")) || str_eq(folded, STR("·")))
		return true;
	if (!str_ends(folded, STR(":")))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(not_these); i++)
		if (str_has(folded, not_these[i]))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		if (str_has(folded, labels[i]))
			return true;
	return false;
}

/* The address that leads a line, with where the rest of the line begins. */
static struct str leading_address(struct str line, size_t *ret_after)
{
	size_t pos = 0;
	struct str address = next_address(line, &pos);
	if (!address.len || !is_lead(str_sub(line, 0, (size_t)(address.ptr - line.ptr))))
		return STR("");
	*ret_after = pos;
	return address;
}

static bool may_have_failed(const struct reader *reader, struct str address)
{
	return address.len && !is_daemon(address) && !is_whom_it_is_for(reader, address);
}

/* What a report still lacks, from the words beside its address. */
static void explain(struct reader *reader, struct mail_report *report, struct str words)
{
	struct str status = bounce_status_in(words);
	if (reader->course[report - reader->items] == COURSE_ARRIVED)
		return;
	bool telling = status.len || bounce_code_in(words) || bounce_reason_in(words);
	if (!telling) {
		struct str *beside = &reader->beside[report - reader->items];
		*beside = beside->len ? *beside : words;
		return;
	}
	if (status.len && !is_exact(report->status))
		report->status = keep(reader, status);
	if (!report->reason.len)
		report->reason = keep_line(reader, words);
}

/* The words that belong to an address: the rest of its line and the lines below, up to the next address that
 * leads a line, or the empty line behind the first words. */
static struct str block_words(struct str text, size_t from)
{
	size_t pos = from;
	struct str rest = next_line(text, &pos);
	while (rest.len && char_in(">): \t,.", rest.ptr[0]))
		rest = str_sub(rest, 1, rest.len);
	bool words = str_trim(rest).len > 0;
	size_t end = from + rest.len, ignored;
	for (size_t i = 0; i < BLOCK_LINES && pos < text.len; i++) {
		struct str line = next_line(text, &pos);
		bool empty = str_trim(line).len == 0;
		if ((empty && words) || leading_address(line, &ignored).len)
			break;
		words = words || !empty;
		end = pos < text.len ? pos - 1 : text.len;
	}
	struct str block = str_sub(text, from, end);
	while (block.len && char_in(">): \t\n,", block.ptr[0]))
		block = str_sub(block, 1, block.len);
	return str_trim(block);
}

static void read_leading_addresses(struct reader *reader, struct str text, bool add)
{
	for (size_t pos = 0; pos < text.len;) {
		size_t start = pos, after = 0;
		struct str line = next_line(text, &pos);
		struct str address = leading_address(line, &after);
		if (!may_have_failed(reader, address))
			continue;
		struct mail_report *report = add ? add_report(reader, address) : find_report(reader, address);
		if (report)
			explain(reader, report, block_words(text, start + after));
	}
}

/* Addresses in lines that tell a reason. */
static void read_beside_reasons(struct reader *reader, struct str text)
{
	for (size_t pos = 0; pos < text.len;) {
		struct str line = next_line(text, &pos);
		if (str_find(line, '@') == line.len ||
		    !(bounce_status_in(line).len || bounce_code_in(line) || bounce_reason_in(line)))
			continue;
		size_t at = 0;
		struct str address;
		while ((address = next_address(line, &at)).len && !may_have_failed(reader, address))
			;
		struct mail_report *report = address.len ? add_report(reader, address) : NULL;
		if (report)
			explain(reader, report, line);
	}
}

/* The first address at all; one of a daemon when there is no other. */
static void read_any_address(struct reader *reader, struct str text)
{
	size_t pos = 0;
	struct str address, daemon = STR("");
	while ((address = next_address(text, &pos)).len) {
		if (may_have_failed(reader, address)) {
			add_report(reader, address);
			return;
		}
		if (!daemon.len && !is_whom_it_is_for(reader, address))
			daemon = address;
	}
	if (daemon.len)
		add_report(reader, daemon);
}

/* The line that tells most, with the lines that go on from it. */
static struct str telling_words(struct str text)
{
	struct str best = STR("");
	int best_rank = 0;
	for (size_t pos = 0; pos < text.len;) {
		size_t start = pos;
		struct str line = next_line(text, &pos);
		int rank = bounce_status_in(line).len ? 3
			   : bounce_code_in(line)     ? 2
			   : bounce_reason_in(line)   ? 1
						      : 0;
		if (rank <= best_rank)
			continue;
		size_t end = start + line.len, next = pos;
		for (int i = 0; i < 3 && next < text.len; i++) {
			struct str more = next_line(text, &next);
			if (!str_trim(more).len)
				break;
			end = (size_t)(more.ptr - text.ptr) + more.len;
		}
		best = str_trim(str_sub(text, start, end));
		best_rank = rank;
	}
	return best;
}

static void read_words(struct reader *reader)
{
	struct str text = cut_original(reader->facts->text);
	bool known = reader->n > 0;
	read_leading_addresses(reader, text, !known);
	if (reader->n == 0)
		read_beside_reasons(reader, text);
	if (reader->n == 0)
		read_any_address(reader, text);
}

static void read_original(struct reader *reader)
{
	struct mail_header header;
	struct mail_mailboxes list = {0};
	struct str octets = reader->facts->original;
	while (octets.len && ascii_space(octets.ptr[0]))
		octets = str_sub(octets, 1, octets.len);
	if (!octets.len)
		return;
	mail_header_split(&reader->scratch, octets, '\n', reader->limits, &header);
	mail_address_list(&reader->scratch, mail_header_value(&header, STR("To")), STR(""), 1, &list);
	if (list.n && is_address(list.items[0].address))
		add_report(reader, list.items[0].address);
}

/* ---- the verdict ---- */

static struct str make_status(struct reader *reader, char class, const char *detail)
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

/* The first lines that say anything at all. */
static struct str first_paragraph(struct str text)
{
	size_t from = 0, pos = 0;
	while (pos < text.len) {
		struct str line = str_trim(next_line(text, &pos));
		if (line.len == 0 && str_trim(str_sub(text, from, pos)).len >= 40)
			break;
		if (line.len == 0)
			from = pos;
	}
	return str_trim(str_sub(text, from, pos));
}

/* What was given is believed: codes are older and coarser than words, but they are the server's verdict. */
static void judge_status(struct reader *reader, struct mail_report *report, struct str words)
{
	struct str said = bounce_status_in(words);
	unsigned code = bounce_code_in(words);
	const struct bounce_reason *reason = bounce_reason_in(words);
	const char *detail = reason && reason->detail ? reason->detail : code_detail(code);
	bool late = !code && reason && reason->detail && str_starts(str_from(reason->detail), STR(".4"));
	bool delayed = reader->course[report - reader->items] == COURSE_DELAYED;
	char class = (code && code < 500) || late || delayed ? '4' : '5';
	if (said.len && !is_exact(report->status))
		report->status = is_exact(said) || !report->status.len ? keep(reader, said) : report->status;
	if (!report->status.len)
		report->status = make_status(reader, class, detail);
}

/* What arrived needs no reason. */
static void judge_arrived(struct reader *reader, struct mail_report *report)
{
	report->kind = MAIL_REPORT_DELAYED;
	if (!report->status.len)
		report->status = make_status(reader, '2', ".0.0");
}

static void judge(struct reader *reader, struct mail_report *report, struct str text, struct str telling)
{
	enum course course = reader->course[report - reader->items];
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
		report->reason = keep_line(reader, words.len ? words : first_paragraph(text));
	const struct bounce_reason *reason = bounce_reason_in(words);
	bool hard = reason ? reason->hard : bounce_status_is_hard(report->status);
	bool soft = bounce_status_is_soft(report->status);
	report->kind = course == COURSE_DELAYED ? MAIL_REPORT_DELAYED
		       : hard && !soft          ? MAIL_REPORT_HARD
						: MAIL_REPORT_SOFT;
}

/* Where no program's fields tell it, the words do: "this is a warning message only". */
static bool is_warning(struct str text)
{
	static const struct str words[] = {
		STR_INIT("this is a warning message only"),
		STR_INIT("this is a warning only"),
		STR_INIT("you do not need to resend your message"),
		STR_INIT("do not need to resend this message"),
		STR_INIT("no action is required on your part"),
		STR_INIT("delivery attempts will continue"),
		STR_INIT("has not yet been delivered"),
		STR_INIT("wurde noch nicht zugestellt"),
	};
	char buf[WARNING_SIZE];
	struct str folded = {buf, text_fold(str_sub(text, 0, sizeof(buf)), buf, sizeof(buf))};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_has(folded, words[i]))
			return true;
	return false;
}

static void conclude(struct reader *reader)
{
	struct str text = cut_original(reader->facts->text), telling = telling_words(text);
	bool warning = !reader->by_fields && is_warning(text);
	for (size_t i = 0; warning && i < reader->n; i++)
		reader->course[i] = COURSE_DELAYED;
	for (size_t i = 0; i < reader->n; i++)
		judge(reader, &reader->items[i], text, telling);
}

static int finish(struct reader *reader, const struct mail_report **ret, size_t *ret_n)
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
	struct reader reader = {.arena = arena, .facts = facts, .limits = limits};
	arena_init(&reader.scratch, SCRATCH_SIZE);
	read_status_part(&reader);
	if (reader.n == 0)
		read_failed_field(&reader);
	read_words(&reader);
	if (reader.n == 0)
		read_original(&reader);
	if (reader.n == 0) /* it failed, but for whom is not told */
		add_report(&reader, STR(""));
	conclude(&reader);
	return finish(&reader, ret, ret_n);
}

int feedback_report_read(struct arena *arena, const struct bounce_facts *facts,
			 const struct mail_limits *limits, const struct mail_report **ret, size_t *ret_n)
{
	struct reader reader = {.arena = arena, .facts = facts, .limits = limits};
	struct mail_header header = {.n = 0};
	struct str feedback = facts->feedback;
	arena_init(&reader.scratch, SCRATCH_SIZE);
	while (feedback.len && ascii_space(feedback.ptr[0]))
		feedback = str_sub(feedback, 1, feedback.len);
	if (feedback.len)
		mail_header_split(&reader.scratch, feedback, '\n', limits, &header);
	for (size_t i = 0; i < header.n; i++)
		if (str_ieq(header.fields[i].name, STR("Original-Rcpt-To")) ||
		    str_ieq(header.fields[i].name, STR("Removal-Recipient")))
			if (typed_address(&reader, header.fields[i].value).len)
				add_report(&reader, typed_address(&reader, header.fields[i].value));
	if (reader.n == 0)
		read_original(&reader);
	if (reader.n == 0)
		add_report(&reader, STR(""));
	struct str type = keep_line(&reader, mail_header_value(&header, STR("Feedback-Type")));
	for (size_t i = 0; i < reader.n; i++) {
		reader.items[i].kind = MAIL_REPORT_FEEDBACK;
		reader.items[i].reason = type.len ? type : STR("abuse");
	}
	return finish(&reader, ret, ret_n);
}

/* ---- the mail that came back ---- */

static struct str skip_blank(struct str s)
{
	while (s.len && ascii_space(s.ptr[0]))
		s = str_sub(s, 1, s.len);
	return s;
}

/* The copy in the text, where there is one: behind the line that announces it, or from its first field on. */
static struct str original_in_text(struct str text)
{
	size_t from = cut_original(text).len;
	text = str_sub(text, from, BOUNCE_TEXT_MAX);
	size_t pos = 0;
	struct str line = next_line(text, &pos);
	bool field = str_istarts(str_trim(line), STR("received:")) ||
		     str_istarts(str_trim(line), STR("return-path:"));
	return field ? text : str_sub(text, pos, text.len);
}

static void split_fields(struct reader *reader, struct str octets, struct mail_header *ret)
{
	*ret = (struct mail_header){.n = 0};
	octets = skip_blank(octets);
	if (octets.len)
		mail_header_split(&reader->scratch, octets, '\n', reader->limits, ret);
}

/* The first of these fields that holds an address. */
static struct str address_in(struct reader *reader, const struct mail_header *header, struct str name)
{
	struct str value = mail_header_value(header, name);
	return value.len ? typed_address(reader, value) : STR("");
}

int bounce_original_read(struct arena *arena, const struct bounce_facts *facts,
			 const struct mail_limits *limits, struct bounce_original *ret)
{
	struct reader reader = {.arena = arena, .facts = facts, .limits = limits};
	struct mail_header feedback, status, original;
	struct mail_strs ids = {0};
	arena_init(&reader.scratch, SCRATCH_SIZE);
	split_fields(&reader, facts->feedback, &feedback);
	split_fields(&reader, facts->status, &status);
	split_fields(&reader, facts->original.len ? facts->original : original_in_text(facts->text),
		     &original);
	const struct str paths[] = {
		address_in(&reader, &feedback, STR("Original-Mail-From")),
		address_in(&reader, &original, STR("Return-Path")),
		address_in(&reader, &status, STR("X-Postfix-Sender")),
	};
	struct str path = STR("");
	for (size_t i = 0; i < ARRAY_SIZE(paths) && !path.len; i++)
		path = paths[i];
	mail_header_ids(&reader.scratch, mail_header_value(&original, STR("Message-ID")), 1, &ids);
	ret->reverse_path = keep(&reader, path);
	ret->message_id = ids.n ? keep_line(&reader, ids.items[0]) : STR("");
	arena_done(&reader.scratch);
	return reader.full ? -ENOBUFS : 0;
}
