/*
 * A value for where it stands (templates.h): the only way out of a value, so what it does not let through does not leave.
 * Values of a line are one line here, whatever they were. Pure.
 */
#include "outbound/clean_text.h"
#include "outbound/templates_private.h"

#define LINK_MAX  1024 /* octets of an address that becomes a link */
#define LINKS_MAX 200  /* in one value: so that text grows by a bounded amount */

static void escape_html(struct strbuf *out, struct str s)
{
	while (s.len) {
		size_t n = 0;
		while (n < s.len && !(s.ptr[n] && strchr("&<>\"'", s.ptr[n])))
			n++;
		strbuf_add(out, str_sub(s, 0, n));
		if (n < s.len)
			strbuf_printf(out, "&#%d;", s.ptr[n]);
		s = str_sub(s, n + 1, s.len);
	}
}

static void escape_url(struct strbuf *out, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (ascii_alpha(c) || ascii_digit(c) || (c && strchr("-._~@", c)))
			strbuf_addc(out, c);
		else
			strbuf_printf(out, "%%%02X", (unsigned char)c);
	}
}

/* ---- text with lines, between tags */

/* How long is the web or mail address that s begins with? 0: none. */
static size_t link_len(struct str s)
{
	static const struct str schemes[] = {STR_INIT("https://"), STR_INIT("http://"), STR_INIT("mailto:")};
	size_t scheme = 0, n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(schemes) && scheme == 0; i++)
		scheme = str_istarts(s, schemes[i]) ? schemes[i].len : 0;
	if (scheme == 0)
		return 0;
	while (n < s.len && n <= LINK_MAX && s.ptr[n] > 0x20 && s.ptr[n] < 0x7f &&
	       !strchr("<>\"'`\\{}|^", s.ptr[n]))
		n++;
	/* what ends the sentence does not belong to it; nor does a bracket that was opened before it */
	bool bracket = str_find(str_sub(s, 0, n), '(') < n;
	while (n > 0 && (strchr(".,;:!?*_]", s.ptr[n - 1]) || (s.ptr[n - 1] == ')' && !bracket)))
		n--;
	return n > scheme && n <= LINK_MAX ? n : 0;
}

static void add_link(struct strbuf *out, struct str url)
{
	strbuf_adds(out, "<a href=\"");
	escape_html(out, url);
	strbuf_adds(out, "\" rel=\"noopener noreferrer nofollow\" style=\"color:#1a5fb4;\">");
	escape_html(out, url);
	strbuf_adds(out, "</a>");
}

/* Blanks at the beginning of a line, and several of them, would be lost. */
static void add_blanks(struct strbuf *out, size_t n, bool line_begins)
{
	while (n > 0) {
		bool plain = n == 1 && !line_begins;
		strbuf_adds(out, plain ? " " : "&nbsp;");
		line_begins = false;
		n--;
	}
}

static bool word_before(struct str line, size_t at)
{
	return at > 0 && (ascii_alpha(line.ptr[at - 1]) || ascii_digit(line.ptr[at - 1]));
}

static void add_html_line(struct strbuf *out, struct str line, unsigned *links)
{
	size_t done = 0;
	for (size_t i = 0; i < line.len;) {
		size_t link = 0, blanks = 0;
		char c = ascii_lower(line.ptr[i]);
		if ((c == 'h' || c == 'm') && *links < LINKS_MAX && !word_before(line, i))
			link = link_len(str_sub(line, i, line.len));
		while (i + blanks < line.len && (line.ptr[i + blanks] == ' ' || line.ptr[i + blanks] == '\t'))
			blanks++;
		if (link == 0 && (blanks == 0 || (blanks == 1 && i > 0 && line.ptr[i] == ' '))) {
			i++;
			continue;
		}
		escape_html(out, str_sub(line, done, i));
		if (link) {
			add_link(out, str_sub(line, i, i + link));
			++*links;
		} else {
			add_blanks(out, line.ptr[i] == '\t' ? blanks + 3 : blanks, i == 0);
		}
		i += link + blanks;
		done = i;
	}
	escape_html(out, str_sub(line, done, line.len));
}

/* Paragraphs of lines. */
static void escape_lines(struct strbuf *out, struct str s)
{
	unsigned links = 0;
	bool paragraph = false, empty = false;
	while (s.len) {
		size_t end = str_find(s, '\n');
		struct str line = str_sub(s, 0, end);
		bool last = end >= s.len;
		s = str_sub(s, end + 1, s.len);
		if (str_trim(line).len == 0) {
			empty = true;
			continue;
		}
		if (paragraph)
			strbuf_adds(out, empty ? "</p>\n" : "<br>\n");
		if (!paragraph || empty)
			strbuf_adds(out, "<p style=\"margin:0 0 14px 0;\">");
		paragraph = true;
		empty = false;
		add_html_line(out, line, &links);
		if (last)
			break;
	}
	if (paragraph)
		strbuf_adds(out, "</p>");
}

void template_escape(struct strbuf *out, struct str value, enum template_place place,
		     enum template_name_kind kind)
{
	struct strbuf clean;
	if (place == PLACE_RAW) {
		strbuf_add(out, value);
		return;
	}
	bool lines = kind == NAME_LINES && (place == PLACE_TEXT || place == PLACE_HTML);
	strbuf_init(&clean, 3 * value.len + 1);
	if (lines)
		clean_text(value, 3 * value.len, &clean);
	else
		clean_line(value, 3 * value.len, &clean);
	struct str s = strbuf_str(&clean);
	if (place == PLACE_LINE || place == PLACE_TEXT)
		strbuf_add(out, s);
	else if (place == PLACE_URL)
		escape_url(out, s);
	else if (place == PLACE_HTML && lines)
		escape_lines(out, s);
	else
		escape_html(out, s);
	strbuf_done(&clean);
}
