/*
 * Blocks of header lines that stand in a text: From, Sent, To, Subject, in any language of quote_tables.h, in any order,
 * some of them on one line, with empty lines between them or values that go on. A block is one when it has enough kinds
 * of headers, and something that only a program knows. At most HEADER_LINES lines are looked at, each is read once. Pure.
 */
#include "ingest/quote_lines_private.h"

#define HEADER_LINES 16 /* of a header block, with continuations */

enum quote_header quote_header_at(struct str folded, struct str *ret_value)
{
	while (folded.len && char_in("*_|[ ", folded.ptr[0]))
		folded = str_sub(folded, 1, folded.len);
	size_t colon = str_find(str_sub(folded, 0, 48), ':');
	if (colon >= 48 || colon >= folded.len)
		return HEADER_NONE;
	struct str name = str_sub(folded, 0, colon);
	while (name.len && char_in("* _", name.ptr[name.len - 1]))
		name.len--;
	*ret_value = str_trim(str_sub(folded, colon + 1, folded.len));
	return quote_header_of(name);
}

/* "From: bob@x Date: Thu, 24 Mar": kinds of headers that stand behind the first on the same line, as bits. */
static unsigned headers_inside(struct str value)
{
	unsigned seen = 0;
	size_t word = 0;
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] == ' ')
			word = i + 1;
		if (value.ptr[i] == ':' && i > word && i - word < 24)
			seen |= 1u << quote_header_of(str_sub(value, word, i));
	}
	return seen & (1u << HEADER_DATE | 1u << HEADER_TO | 1u << HEADER_SUBJECT);
}

static unsigned count_bits(unsigned bits)
{
	unsigned n = 0;
	for (; bits; bits &= bits - 1)
		n++;
	return n;
}

/* What line i is as a header line; read once. */
void quote_read_header_line(struct quote_lines *lines, size_t i)
{
	struct quote_line *line = &lines->items[i];
	char buf[QUOTE_FOLD_MAX];
	if (line->header_read)
		return;
	struct str folded = quote_fold_line(lines, i, buf, sizeof(buf)), value = folded;
	enum quote_header header = quote_header_at(folded, &value);
	line->header_read = true;
	line->header = (uint8_t)header;
	line->more_headers = (uint8_t)(header == HEADER_FROM ? headers_inside(value) : 0);
	line->address = quote_look_for_evidence(header == HEADER_NONE ? folded : value).address;
}

/* Most lines have no colon and need no reading. */
bool quote_is_header_line(struct quote_lines *lines, size_t i, struct str folded)
{
	if (str_find(folded, ':') == folded.len)
		return false;
	quote_read_header_line(lines, i);
	return lines->items[i].header != HEADER_NONE;
}

/* "Name: Bob" right above: the block is part of a form or of a whole header section that somebody copied. */
bool quote_is_field_above(const struct quote_lines *lines, size_t i)
{
	char buf[QUOTE_FOLD_MAX];
	struct str value;
	if (i == 0 || lines->items[i - 1].kind != LINE_TEXT || lines->items[i - 1].separator)
		return false;
	struct str folded = quote_fold_line(lines, i - 1, buf, sizeof(buf));
	size_t colon = str_find(folded, ':'), blanks = 0;
	if (colon == 0 || colon > 24 || colon + 2 >= folded.len || folded.ptr[colon + 1] != ' ' ||
	    quote_header_at(folded, &value) != HEADER_NONE)
		return false;
	for (size_t k = 0; k < colon; k++)
		blanks += folded.ptr[k] == ' ';
	return blanks <= 1 && !(folded.ptr[colon - 1] >= '0' && folded.ptr[colon - 1] <= '9');
}

/* An empty line in a block: is a header that was missing the next that is not? Some gateways part them all so. */
static bool header_goes_on(struct quote_lines *lines, size_t i, unsigned seen)
{
	if (i + 1 >= lines->n || lines->items[i + 1].kind != LINE_TEXT)
		return false;
	quote_read_header_line(lines, i + 1);
	unsigned kind = 1u << lines->items[i + 1].header;
	return kind & (1u << HEADER_DATE | 1u << HEADER_TO | 1u << HEADER_SUBJECT) & ~seen;
}

/* A block of header lines at i; how many lines it takes, 0: none. ret_few: there are no more than two kinds. */
size_t quote_header_block(struct quote_lines *lines, size_t i, bool *ret_few)
{
	const unsigned main_kinds =
		1u << HEADER_FROM | 1u << HEADER_DATE | 1u << HEADER_TO | 1u << HEADER_SUBJECT;
	unsigned seen = 0;
	bool address = false;
	size_t last = i, strays = 0;
	for (size_t j = i; j < lines->n && j < i + HEADER_LINES; j++) {
		const struct quote_line *line = &lines->items[j];
		if (line->kind == LINE_EMPTY) {
			if (header_goes_on(lines, j, seen & main_kinds))
				continue;
			if (count_bits(seen & main_kinds) >= 2 || strays++ > 0)
				break;
			continue;
		}
		quote_read_header_line(lines, j);
		if (line->header == HEADER_NONE) { /* a value that goes on */
			if (strays++ > 2)
				break;
			address |= line->address;
			continue;
		}
		seen |= 1u << line->header | line->more_headers;
		address |= line->address;
		strays = 0;
		last = j;
	}
	unsigned kinds = count_bits(seen & main_kinds);
	bool from = seen & 1u << HEADER_FROM, date = seen & 1u << HEADER_DATE, to = seen & 1u << HEADER_TO;
	bool subject = seen & 1u << HEADER_SUBJECT;
	*ret_few = kinds < 3;
	if (!date && !subject) /* "From: bob@old.example, To: bob@new.example" */
		return 0;
	if ((from && kinds >= 2 && (address || subject || kinds >= 4)) || (from && date && to && subject) ||
	    (date && to && (address || subject)) || (to && subject && date))
		return last - i + 1;
	return 0;
}
