/*
 * What servers wrote for people, in words of their own: recipients are addresses that lead a line or stand beside a reply
 * code or a reason, before the copy of the original begins; what is said of one stands in its block of lines.
 *
 * Always true: whom the report is for has not failed; a daemon has only where there is nobody else. Blocks do not overlap,
 * so every line is read a constant number of times. Runs in the parser child.
 */
#include "ingest/bounce_private.h"

#include "ingest/address_in_words.h"
#include "ingest/bounce_reason.h"
#include "ingest/text_fold.h"

#define BLOCK_LINES  10
#define WARNING_SIZE 4096 /* octets of the text in which a warning says that it is one */

struct str bounce_next_line(struct str text, size_t *pos)
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

struct str bounce_cut_original(struct str text)
{
	text = str_sub(text, 0, BOUNCE_TEXT_MAX);
	for (size_t pos = 0; pos < text.len;) {
		size_t start = pos;
		if (begins_original(bounce_next_line(text, &pos)))
			return str_sub(text, 0, start);
	}
	return text;
}

/* The first address in s from *pos on; *pos moves behind it. Message identifiers and host names of reverse-paths look the
 * same; the caller knows where it looks. */
static struct str next_address(struct str s, size_t *pos)
{
	return address_in_words(s, pos, bounce_is_address);
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

/* ---- recipients ---- */

static bool is_whom_it_is_for(const struct bounce_reader *reader, struct str address)
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

static bool may_have_failed(const struct bounce_reader *reader, struct str address)
{
	return address.len && !is_daemon(address) && !is_whom_it_is_for(reader, address);
}

/* What a report still lacks, from the words beside its address. */
static void explain(struct bounce_reader *reader, struct mail_report *report, struct str words)
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
	if (status.len && !bounce_is_exact(report->status))
		report->status = bounce_keep(reader, status);
	if (!report->reason.len)
		report->reason = bounce_keep_line(reader, words);
}

/* The words that belong to an address: the rest of its line and the lines below, up to the next address that
 * leads a line, or the empty line behind the first words. */
static struct str block_words(struct str text, size_t from)
{
	size_t pos = from;
	struct str rest = bounce_next_line(text, &pos);
	while (rest.len && char_in(">): \t,.", rest.ptr[0]))
		rest = str_sub(rest, 1, rest.len);
	bool words = str_trim(rest).len > 0;
	size_t end = from + rest.len, ignored;
	for (size_t i = 0; i < BLOCK_LINES && pos < text.len; i++) {
		struct str line = bounce_next_line(text, &pos);
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

static void read_leading_addresses(struct bounce_reader *reader, struct str text, bool add)
{
	for (size_t pos = 0; pos < text.len;) {
		size_t start = pos, after = 0;
		struct str line = bounce_next_line(text, &pos);
		struct str address = leading_address(line, &after);
		if (!may_have_failed(reader, address))
			continue;
		struct mail_report *report = add ? bounce_add(reader, address) : bounce_find(reader, address);
		if (report)
			explain(reader, report, block_words(text, start + after));
	}
}

/* Addresses in lines that tell a reason. */
static void read_beside_reasons(struct bounce_reader *reader, struct str text)
{
	for (size_t pos = 0; pos < text.len;) {
		struct str line = bounce_next_line(text, &pos);
		if (str_find(line, '@') == line.len ||
		    !(bounce_status_in(line).len || bounce_code_in(line) || bounce_reason_in(line)))
			continue;
		size_t at = 0;
		struct str address;
		while ((address = next_address(line, &at)).len && !may_have_failed(reader, address))
			;
		struct mail_report *report = address.len ? bounce_add(reader, address) : NULL;
		if (report)
			explain(reader, report, line);
	}
}

/* The first address at all; one of a daemon when there is no other. */
static void read_any_address(struct bounce_reader *reader, struct str text)
{
	size_t pos = 0;
	struct str address, daemon = STR("");
	while ((address = next_address(text, &pos)).len) {
		if (may_have_failed(reader, address)) {
			bounce_add(reader, address);
			return;
		}
		if (!daemon.len && !is_whom_it_is_for(reader, address))
			daemon = address;
	}
	if (daemon.len)
		bounce_add(reader, daemon);
}

void bounce_read_words(struct bounce_reader *reader)
{
	struct str text = bounce_cut_original(reader->facts->text);
	bool known = reader->n > 0;
	read_leading_addresses(reader, text, !known);
	if (reader->n == 0)
		read_beside_reasons(reader, text);
	if (reader->n == 0)
		read_any_address(reader, text);
}

/* ---- what is said of all of them ---- */

/* The line that tells most, with the lines that go on from it. */
struct str bounce_telling_words(struct str text)
{
	struct str best = STR("");
	int best_rank = 0;
	for (size_t pos = 0; pos < text.len;) {
		size_t start = pos;
		struct str line = bounce_next_line(text, &pos);
		int rank = bounce_status_in(line).len ? 3
			   : bounce_code_in(line)     ? 2
			   : bounce_reason_in(line)   ? 1
						      : 0;
		if (rank <= best_rank)
			continue;
		size_t end = start + line.len, next = pos;
		for (int i = 0; i < 3 && next < text.len; i++) {
			struct str more = bounce_next_line(text, &next);
			if (!str_trim(more).len)
				break;
			end = (size_t)(more.ptr - text.ptr) + more.len;
		}
		best = str_trim(str_sub(text, start, end));
		best_rank = rank;
	}
	return best;
}

/* The first lines that say anything at all. */
struct str bounce_first_paragraph(struct str text)
{
	size_t from = 0, pos = 0;
	while (pos < text.len) {
		struct str line = str_trim(bounce_next_line(text, &pos));
		if (line.len == 0 && str_trim(str_sub(text, from, pos)).len >= 40)
			break;
		if (line.len == 0)
			from = pos;
	}
	return str_trim(str_sub(text, from, pos));
}

/* Where no program's fields tell it, the words do: "this is a warning message only". */
bool bounce_is_warning(struct str text)
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
