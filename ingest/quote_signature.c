/*
 * What people and programs put below a text. A line is looked at alone, with the number of text lines below it (a
 * signature is short), and for the vaguer beginnings with the paragraph that it opens: "this message" opens a
 * disclaimer only if the paragraph speaks of secrets, law or unsubscribing. A false cut is worse than a leftover.
 *
 * Below a signature somebody speaks again in a postscript, in a question, below a signature that the markup ends, and
 * in whole sentences below a closing ("Kind regards, Bob", and then "The number is 12."). Pure.
 */
#include "ingest/quote_signature.h"

#include "ingest/quote_tables.h"
#include "ingest/text_fold.h"

#define FOLD_MAX 512

#define SIGNATURE_LINES_MAX 24 /* behind "-- " */
#define FOOTER_LINES_MAX    12 /* behind a rule */
#define CLOSING_LINES_MAX   6  /* behind "Kind regards," */
#define PARAGRAPH_LINES_MAX 12 /* looked at for what it is about */
#define DELIMITERS_MAX      2  /* a signature and a list's footer; more of them part a text */

static bool is_marked(const struct quote_lines *lines, size_t i)
{
	return lines->items[i].marks & 1u << MARK_SIGNATURE;
}

static bool is_delimiter(struct str line)
{
	line = str_trim(line);
	return str_eq(line, STR("--")) || str_eq(line, STR("--\xc2\xa0"));
}

/* "-Jane Doe", "- Jane", alone at the end: one to four capitalised words. */
static bool is_dash_name(struct str line)
{
	line = str_trim(line);
	if (line.len < 3 || line.len > 60 || line.ptr[0] != '-' || line.ptr[1] == '-' || line.ptr[1] == ' ')
		return false;
	unsigned words = 0;
	bool start = true;
	for (size_t pos = 1; pos < line.len;) {
		uint32_t c = utf8_next(line, &pos);
		if (c == ' ') {
			start = true;
			continue;
		}
		if (start && (char_lower(c) == c || !char_word(c)))
			return false;
		words += start;
		start = false;
		if (!char_word(c) && c != '.' && c != '-' && c != '\'')
			return false;
		if (c < 0x80 && ascii_digit((char)c))
			return false;
	}
	return words >= 1 && words <= 4;
}

/* A footer line of a program; a link behind it ("<http://...>", "(http://...)") is part of it. */
static bool is_footer(struct str line)
{
	char buf[FOLD_MAX];
	struct str folded = {buf, text_fold(str_sub(line, 0, FOLD_MAX), buf, sizeof(buf))};
	size_t link = str_find(folded, '<');
	size_t bracket = str_search(folded, STR("(http"));
	if (bracket < link)
		link = bracket;
	struct str words = str_trim(str_sub(folded, 0, link));
	while (words.len && char_in("*_ [", words.ptr[0]))
		words = str_sub(words, 1, words.len);
	while (words.len && char_in("*_ .!]", words.ptr[words.len - 1]))
		words.len--;
	return words.len > 5 && quote_is_footer(words);
}

static bool is_closing(struct str line)
{
	char buf[128];
	struct str folded = {buf, text_fold(str_sub(line, 0, 128), buf, sizeof(buf))};
	return quote_is_closing(folded);
}

/* The folded line without what sets it off: "* ", "_". */
static struct str fold_bare(const struct quote_lines *lines, size_t i, char *buf, size_t size)
{
	struct str line = quote_line_text(lines, i);
	while (line.len && char_in("* _\t", line.ptr[0]))
		line = str_sub(line, 1, line.len);
	return (struct str){buf, text_fold(str_sub(line, 0, size), buf, size)};
}

static bool is_disclaimer(const struct quote_lines *lines, size_t i)
{
	char buf[FOLD_MAX];
	enum quote_disclaimer kind = quote_starts_disclaimer(fold_bare(lines, i, buf, 128));
	if (kind != DISCLAIMER_VAGUE)
		return kind == DISCLAIMER_SURE;
	for (size_t seen = 0; i < lines->n && seen < PARAGRAPH_LINES_MAX; i++, seen++) {
		if (lines->items[i].kind == LINE_EMPTY)
			break;
		if (quote_speaks_of_secrets(fold_bare(lines, i, buf, sizeof(buf))))
			return true;
	}
	return false;
}

static size_t count_text(const struct quote_lines *lines, struct quote_part part)
{
	size_t n = 0;
	for (size_t i = part.from; i < part.to; i++)
		n += lines->items[i].kind == LINE_TEXT;
	return n;
}

/* A rule that a disclaimer follows at once. */
static bool is_rule_of_disclaimer(const struct quote_lines *lines, size_t i, size_t to)
{
	if (!quote_line_is_rule(quote_line_text(lines, i), 3))
		return false;
	i = quote_lines_skip_empty(lines, i + 1);
	return i < to && is_disclaimer(lines, i);
}

/* So many words parted by blanks, then the end of a sentence; no link, no field ("Phone: 1"). Scripts without blanks:
 * many octets. */
static bool is_sentence_of(struct str line, size_t words_min)
{
	static const struct str ends[] = {STR_INIT("."),  STR_INIT("?"),  STR_INIT("!"), STR_INIT("…"),
					  STR_INIT("。"), STR_INIT("？"), STR_INIT("！")};
	size_t words = 1;
	bool ended = false;
	line = str_trim(line);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		ended = ended || str_ends(line, ends[i]);
	if (!ended || str_has(line, STR("http")) || str_has(line, STR("www.")))
		return false;
	for (size_t i = 0; i < line.len; i++) {
		if (char_in("@|:", line.ptr[i]))
			return false;
		words += line.ptr[i] == ' ';
	}
	return words >= words_min || (words <= 2 && line.len >= 30 && (line.ptr[0] & 0x80));
}

static bool is_sentence(struct str line)
{
	return is_sentence_of(line, 5);
}

static bool is_question(struct str line)
{
	line = str_trim(line);
	return (str_ends(line, STR("?")) || str_ends(line, STR("？"))) && is_sentence_of(line, 3);
}

/* "PS: ...", "P.S. ...", "PD: ...", "З.Ы. ...", "追伸 ..." */
static bool is_postscript(const struct quote_lines *lines, size_t i)
{
	char buf[64];
	struct str line = str_trim(quote_line_text(lines, i));
	struct str rest, folded = fold_bare(lines, i, buf, sizeof(buf));
	if (!quote_starts_postscript(folded, &rest))
		return false;
	if (rest.len == 0 || char_in(":.,)", rest.ptr[0]) || (unsigned char)rest.ptr[0] >= 0xe0)
		return true;
	rest = str_trim(rest);
	if (rest.len && (char_in("-:", rest.ptr[0]) || (unsigned char)rest.ptr[0] == 0xe2))
		return true;
	/* "PS the box was open", but not "PS Consulting" */
	size_t blank = str_find(line, ' ');
	return blank + 2 < line.len && ((line.ptr[blank + 1] >= 'a' && line.ptr[blank + 1] <= 'z') ||
					str_starts(str_sub(line, blank + 1, line.len), STR("I ")));
}

/* A long rule of underscores: a list's footer follows, or a name; another one below makes it a table or a form. */
static bool is_footer_rule(const struct quote_lines *lines, size_t i, size_t to)
{
	bool sentence = false, address = false;
	for (size_t j = i + 1; j < to; j++) {
		struct str line = quote_line_text(lines, j), trimmed = str_trim(line);
		if (lines->items[j].kind != LINE_TEXT)
			continue;
		if (trimmed.ptr[0] == '_' && quote_line_is_rule(line, 2))
			return false;
		sentence = sentence || is_sentence(line) || is_question(line);
		address = address || str_find(line, '@') < line.len || str_has(line, STR("http")) ||
			  str_has(line, STR("www."));
	}
	return address || !sentence;
}

/* ---- is it one to its end? ---- */

/* What signatures put before a colon; the first or the last word of the label. */
static bool is_contact_label(struct str label)
{
	static const struct str words[] = {STR_INIT("tel"),       STR_INIT("telefon"),
					   STR_INIT("phone"),     STR_INIT("telephone"),
					   STR_INIT("mobile"),    STR_INIT("mobil"),
					   STR_INIT("mob"),       STR_INIT("cell"),
					   STR_INIT("fax"),       STR_INIT("handy"),
					   STR_INIT("office"),    STR_INIT("direct"),
					   STR_INIT("e-mail"),    STR_INIT("email"),
					   STR_INIT("mail"),      STR_INIT("mailto"),
					   STR_INIT("web"),       STR_INIT("website"),
					   STR_INIT("www"),       STR_INIT("internet"),
					   STR_INIT("skype"),     STR_INIT("t"),
					   STR_INIT("f"),         STR_INIT("m"),
					   STR_INIT("p"),         STR_INIT("e"),
					   STR_INIT("w"),         STR_INIT("vat"),
					   STR_INIT("ust-idnr"),  STR_INIT("ust-id"),
					   STR_INIT("sitz"),      STR_INIT("geschäftsführer"),
					   STR_INIT("ceo"),       STR_INIT("vorstand"),
					   STR_INIT("téléphone"), STR_INIT("móvil"),
					   STR_INIT("teléfono"),  STR_INIT("тел"),
					   STR_INIT("моб"),       STR_INIT("registergericht"),
					   STR_INIT("电话"),      STR_INIT("電話"),
					   STR_INIT("address"),   STR_INIT("adresse")};
	label = str_trim(label);
	while (label.len && char_in(". ", label.ptr[label.len - 1]))
		label.len--;
	size_t last = label.len;
	while (last > 0 && !char_in(" ,|/", label.ptr[last - 1]))
		last--;
	struct str first = str_sub(label, 0, str_find(label, ' '));
	while (first.len && first.ptr[first.len - 1] == '.')
		first.len--;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(first, words[i]) || str_eq(str_sub(label, last, label.len), words[i]))
			return true;
	return false;
}

enum look { LOOK_SAID, LOOK_PLAIN, LOOK_CONTACT };

/* A line by itself: somebody says something, a name or the like, or how to reach somebody. */
static enum look look_of(struct str line)
{
	char buf[FOLD_MAX];
	struct str folded = {buf, text_fold(str_sub(line, 0, FOLD_MAX), buf, sizeof(buf))};
	bool contact = str_has(folded, STR("http")) || str_has(folded, STR("www.")) ||
		       str_has(folded, STR("gmbh")) || str_find(folded, '@') < folded.len;
	size_t digits = 0, words = 1, from = 0;
	if (is_sentence(line) || is_question(line) || str_starts(folded, STR("- ")) ||
	    str_starts(folded, STR("* ")))
		return LOOK_SAID;
	for (size_t i = 0; i < folded.len; i++) {
		char next = i + 1 < folded.len ? folded.ptr[i + 1] : ' ';
		digits += ascii_digit(folded.ptr[i]);
		words += folded.ptr[i] == ' ';
		if (folded.ptr[i] == '|' || folded.ptr[i] == ',')
			from = i + 1;
		if (folded.ptr[i] != ':' || next == '/' ||
		    (ascii_digit(next) && i && ascii_digit(folded.ptr[i - 1])))
			continue;
		if (!is_contact_label(str_sub(folded, from, i)))
			return LOOK_SAID;
		contact = true;
		from = i + 1;
	}
	if (folded.len && char_in("+(0", folded.ptr[0]) && digits >= 6)
		contact = true;
	if (contact)
		return LOOK_CONTACT;
	struct str trimmed = str_trim(line);
	bool small = trimmed.len && trimmed.ptr[0] >= 'a' && trimmed.ptr[0] <= 'z';
	return words >= 7 || (small && words >= 3) ? LOOK_SAID : LOOK_PLAIN;
}

static bool has_digit_or_cell(struct str line)
{
	for (size_t i = 0; i < line.len; i++)
		if (ascii_digit(line.ptr[i]) || char_in("|\t", line.ptr[i]))
			return true;
	return false;
}

/* The paragraph of [i, end): a footer, a disclaimer, a contact, or (named) a name. */
static bool is_signature_paragraph(const struct quote_lines *lines, size_t i, size_t end, bool named)
{
	bool contact = false, plain = true;
	size_t n = 0;
	for (; i < end; i++) {
		struct str line = quote_line_text(lines, i);
		if (is_delimiter(line) || quote_line_is_rule(line, 2)) {
			named = true;
			continue;
		}
		if (is_marked(lines, i) || is_footer(line) || is_closing(line))
			continue;
		char buf[FOLD_MAX];
		if (is_disclaimer(lines, i) || quote_speaks_of_secrets(fold_bare(lines, i, buf, sizeof(buf))))
			return true;
		enum look look = look_of(line);
		if (look == LOOK_SAID)
			return false;
		contact = contact || look == LOOK_CONTACT;
		plain = plain && !has_digit_or_cell(line);
		n++;
	}
	return named || contact || n == 0 || (plain && n <= 2);
}

/* Is all from line cut on, to a postscript or to the end, what stands in signatures? A paragraph that is not makes
 * the lines above part of the text: a false cut is worse than a leftover. */
static bool is_signature_to_end(const struct quote_lines *lines, size_t cut, size_t to)
{
	struct str first = quote_line_text(lines, cut);
	bool named = is_delimiter(first) || is_closing(first);
	size_t end, i = cut + named;
	size_t n = 0;
	if (is_marked(lines, cut))
		return true;
	for (; i < to; i = end) {
		end = i + 1;
		if (lines->items[i].kind != LINE_TEXT)
			continue;
		while (end < to && lines->items[end].kind == LINE_TEXT && !is_postscript(lines, end))
			end++;
		if (is_postscript(lines, i))
			return true;
		if (!is_signature_paragraph(lines, i, end, named))
			return false;
		named = false;
		n += end - i;
	}
	return n <= SIGNATURE_LINES_MAX;
}

/* ---- where it begins ---- */

struct finder {
	const struct quote_lines *lines;
	struct quote_part part;
	bool delimiters, rules; /* few enough that they are some */
};

/* Does line i, with `left` text lines below it in its part, begin a signature or footer? */
static bool begins_signature(const struct finder *finder, size_t i, size_t left, bool after_empty)
{
	const struct quote_lines *lines = finder->lines;
	if (left > SIGNATURE_LINES_MAX)
		return false;
	struct str text = quote_line_text(lines, i), trimmed = str_trim(text);
	if ((is_delimiter(text) && finder->delimiters) || is_marked(lines, i))
		return true;
	if (left > 0 && is_rule_of_disclaimer(lines, i, finder->part.to))
		return true;
	if (trimmed.ptr[0] == '_' && quote_line_is_rule(text, 2))
		return left > 0 && left <= FOOTER_LINES_MAX && finder->rules &&
		       is_footer_rule(lines, i, finder->part.to);
	if (left <= 3 && is_footer(text))
		return true;
	if (!after_empty)
		return false;
	return (left == 0 && is_dash_name(text)) ||
	       (left > 0 && left <= CLOSING_LINES_MAX && is_closing(text)) || is_disclaimer(lines, i);
}

static size_t find_first(const struct finder *finder, struct quote_part part, bool all_may_go)
{
	const struct quote_lines *lines = finder->lines;
	size_t seen = 0, all = count_text(lines, part);
	bool after_empty = true;
	for (size_t i = part.from; i < part.to; i++) {
		if (lines->items[i].kind != LINE_TEXT) {
			after_empty = true;
			continue;
		}
		if ((seen > 0 || all_may_go) && begins_signature(finder, i, all - seen - 1, after_empty) &&
		    (!lines->answers_none || is_signature_to_end(lines, i, part.to)))
			return i;
		seen++;
		after_empty = false;
	}
	return part.to;
}

/* Lines that part a text again and again ("--" between the items of a list, the rules of a table) delimit nothing. */
static void count_delimiters(struct finder *finder)
{
	size_t delimiters = 0, rules = 0;
	for (size_t i = finder->part.from; i < finder->part.to; i++) {
		if (finder->lines->items[i].kind != LINE_TEXT)
			continue;
		struct str line = quote_line_text(finder->lines, i);
		delimiters += is_delimiter(line);
		rules += str_trim(line).ptr[0] == '_' && quote_line_is_rule(line, 2);
	}
	finder->delimiters = delimiters <= DELIMITERS_MAX;
	finder->rules = rules <= DELIMITERS_MAX;
}

/* A signature may stand above a list's footer: look again until nothing more is found. */
size_t quote_signature_find(const struct quote_lines *lines, struct quote_part part, bool all_may_go)
{
	struct finder finder = {.lines = lines, .part = part};
	count_delimiters(&finder);
	for (int round = 0; round < 3; round++) {
		size_t cut = find_first(&finder, part, all_may_go);
		if (cut == part.to)
			break;
		part.to = cut;
	}
	return part.to;
}

bool quote_signature_line(const struct quote_lines *lines, size_t i)
{
	struct str text = quote_line_text(lines, i);
	return is_delimiter(text) || is_marked(lines, i) || is_footer(text) || is_closing(text) ||
	       is_disclaimer(lines, i) || quote_line_is_rule(text, 2);
}

/* ---- where it ends ---- */

/* A paragraph of new lines that begins at i: does it hold a whole sentence, and no footer? */
static bool is_said(const struct quote_lines *lines, size_t i, size_t to, bool any_sentence)
{
	bool sentence = false;
	if (is_disclaimer(lines, i))
		return false;
	for (size_t seen = 0; i < to && seen < PARAGRAPH_LINES_MAX; i++, seen++) {
		struct str line = quote_line_text(lines, i);
		if (lines->items[i].kind != LINE_TEXT)
			break;
		if (is_footer(line) || is_delimiter(line))
			return false;
		sentence = sentence || (any_sentence ? is_sentence(line) : is_question(line));
	}
	return sentence;
}

size_t quote_signature_end(const struct quote_lines *lines, size_t cut, size_t to)
{
	if (cut >= to)
		return to;
	struct str first = quote_line_text(lines, cut);
	bool by_markup = is_marked(lines, cut), closing = !by_markup && is_closing(first);
	bool plain = is_delimiter(first) || closing;
	bool after_empty = false;
	for (size_t i = cut + 1; i < to; i++) {
		if (lines->items[i].kind != LINE_TEXT) {
			after_empty = true;
			continue;
		}
		if (is_postscript(lines, i))
			return i;
		if (by_markup && !is_marked(lines, i))
			return i;
		if (plain && after_empty && is_said(lines, i, to, closing))
			return i;
		after_empty = false;
	}
	return to;
}
