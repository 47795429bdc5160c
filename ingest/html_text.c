/*
 * What the elements of HTML mean for readable text. The tokenizer gives tags, this file keeps the open elements
 * (a flat stack, no tree), and the writer lays out.
 *
 * Invariants:
 *  1. An open element's effects (hidden, preformatted, quote, list, mark) are counted when it is pushed and taken
 *     back when it leaves the stack; the counts are sums over the stack.
 *  2. Beyond HTML_DEPTH_MAX elements are only counted: their text is shown, their effects are not.
 *  3. An end tag without its start tag changes nothing but the layout. A table's cell keeps end tags inside it.
 *  4. Text after </body> and </html> is text.
 *
 * Links are remembered beside the stack (they cannot be nested); their text is compared with the address when
 * they end. Pure.
 */
#include "ingest/html_text.h"

#include <errno.h>

#include "ingest/html_elements.h"
#include "ingest/html_entities.h"
#include "ingest/html_tokenizer.h"
#include "ingest/text_fold.h"
#include "ingest/text_writer.h"

#define LISTS_MAX  16
#define HREF_MAX   2048
#define BULLET_MAX 15

struct open_element {
	uint32_t name;
	unsigned flags; /* of its rule; 0 once it was closed out of order */
	uint8_t breaks;
	bool hidden, pre, bullet;
	int8_t mark; /* index, or -1 */
	size_t cell_line;
};

struct list_level {
	bool ordered;
	int number;
	unsigned indent;
};

struct reader {
	struct text_writer writer;
	struct open_element stack[HTML_DEPTH_MAX];
	size_t depth;
	size_t overflow; /* open elements that are not on the stack */
	unsigned hidden, pre;
	uint32_t joiner; /* shapes the next character, if that is in the same word; 0: none */
	struct list_level lists[LISTS_MAX];
	unsigned list_depth;
	/* the link under way */
	bool link_open;
	size_t link_from;
	struct str link_href;
	/* Word writes its bullets and numbers as text of their own */
	unsigned bullet;
	char bullet_text[BULLET_MAX];
	size_t bullet_len;
	struct text_marks *marks; /* never NULL */
	bool marks_waiting;       /* some mark has no `from` yet */
	bool unhide;              /* styles and attributes hide nothing */
};

static void read_text(struct reader *reader, const struct html_token *token);
static void read_start_tag(struct reader *reader, const struct html_token *token);
static void read_end_tag(struct reader *reader, const struct html_token *token);
static void push(struct reader *reader, const struct html_token *token, const struct html_element *element);
static void pop_to(struct reader *reader, size_t depth);
static void undo(struct reader *reader, struct open_element *open);

#define MARK_FROM_WAITING SIZE_MAX /* the marked element has no text yet */
#define MARK_TO_END       SIZE_MAX /* the mark is still open */

/* ---- marks ---- */

static int mark_open(struct reader *reader, enum text_mark_kind kind)
{
	if (reader->marks->n == TEXT_MARKS_MAX || reader->hidden)
		return -1;
	text_writer_break(&reader->writer, 1);
	reader->marks->items[reader->marks->n] = (struct text_mark){MARK_FROM_WAITING, MARK_TO_END, kind};
	reader->marks_waiting = true;
	return (int)reader->marks->n++;
}

static void marks_begin(struct reader *reader)
{
	for (size_t i = 0; i < reader->marks->n; i++) {
		struct text_mark *mark = &reader->marks->items[i];
		if (mark->from == MARK_FROM_WAITING && mark->to == MARK_TO_END)
			mark->from = reader->writer.line_start - reader->writer.base;
	}
	reader->marks_waiting = false;
}

/* Those without text go, those still open end where the text ends. */
static void marks_finish(struct reader *reader)
{
	struct text_marks *marks = reader->marks;
	size_t n = 0, end = reader->writer.out->len - reader->writer.base;
	for (size_t i = 0; i < marks->n; i++) {
		struct text_mark mark = marks->items[i];
		if (mark.from == MARK_FROM_WAITING || mark.from >= end)
			continue;
		if (mark.to > end)
			mark.to = end;
		marks->items[n++] = mark;
	}
	marks->n = n;
}

/* ---- text ---- */

static void write_word(struct reader *reader, struct str word)
{
	if (reader->bullet) {
		for (size_t i = 0; i < word.len && reader->bullet_len < BULLET_MAX; i++)
			reader->bullet_text[reader->bullet_len++] = word.ptr[i];
		return;
	}
	if (reader->joiner && reader->writer.content && reader->writer.blanks == 0) {
		char octets[4];
		text_writer_word(&reader->writer, (struct str){octets, utf8_put(reader->joiner, octets)});
	}
	reader->joiner = 0;
	text_writer_word(&reader->writer, word);
	if (reader->marks_waiting)
		marks_begin(reader);
}

static void write_char(struct reader *reader, uint32_t c)
{
	char octets[4];
	if (reader->bullet && (char_blank(c) || c < 0x20))
		return;
	if (c == '\n' || c == '\r') {
		if (reader->pre && c == '\n')
			text_writer_line_end(&reader->writer);
		else if (!reader->pre)
			text_writer_blank(&reader->writer);
		return;
	}
	if (c == ' ' || c == '\t' || c == '\f') {
		if (reader->pre)
			text_writer_hard_blank(&reader->writer, c == '\t' ? 8 : 1);
		else
			text_writer_blank(&reader->writer);
		return;
	}
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return;
	if (char_blank(c)) {
		text_writer_hard_blank(&reader->writer, c == 0x3000 ? 2 : 1);
		return;
	}
	/* Joiners and direction marks shape words; between blanks they are padding that nobody sees. */
	if (char_zero_width(c)) {
		reader->joiner = c >= 0x200c && c <= 0x200f ? c : reader->joiner;
		return;
	}
	write_word(reader, (struct str){octets, utf8_put(c, octets)});
}

#define WORD_PIECE_MAX 256

static void read_text(struct reader *reader, const struct html_token *token)
{
	struct str s = token->text;
	if (reader->hidden)
		return;
	for (size_t pos = 0; pos < s.len && !reader->writer.out->overflow;) {
		size_t from = pos;
		while (pos < s.len && pos - from < WORD_PIECE_MAX && s.ptr[pos] > ' ' && s.ptr[pos] < 0x7f &&
		       s.ptr[pos] != '&')
			pos++;
		if (pos > from) {
			write_word(reader, str_sub(s, from, pos));
			continue;
		}
		uint32_t chars[2];
		size_t used = s.ptr[pos] == '&' && token->references
				      ? html_reference(str_sub(s, pos, s.len), false, chars)
				      : 0;
		if (used == 0) {
			write_char(reader, utf8_next(s, &pos));
			continue;
		}
		pos += used;
		write_char(reader, chars[0]);
		if (chars[1])
			write_char(reader, chars[1]);
	}
}

/* The value of an attribute with its references decoded and its blanks and controls as blanks, as far as it fits. */
static struct str decode_value(struct str raw, char *buf, size_t size)
{
	size_t len = 0;
	for (size_t pos = 0; pos < raw.len && len + 8 <= size;) {
		uint32_t chars[2] = {0, 0};
		size_t used =
			raw.ptr[pos] == '&' ? html_reference(str_sub(raw, pos, raw.len), true, chars) : 0;
		if (used)
			pos += used;
		else
			chars[0] = utf8_next(raw, &pos);
		for (int i = 0; i < 2 && (i == 0 || chars[i]); i++) {
			uint32_t c =
				char_blank(chars[i]) || chars[i] < 0x20 || chars[i] == 0x7f ? ' ' : chars[i];
			len += utf8_put(c, buf + len);
		}
	}
	return str_trim((struct str){buf, len});
}

/* ---- links and images ---- */

static void link_begin(struct reader *reader, const struct html_token *token)
{
	reader->link_open = token->attributes[HTML_HREF].ptr && !reader->hidden;
	reader->link_from = reader->writer.out->len;
	reader->link_href = token->attributes[HTML_HREF];
}

static struct str skip_scheme(struct str url)
{
	static const struct str schemes[] = {STR_INIT("https://"), STR_INIT("http://"), STR_INIT("mailto:"),
					     STR_INIT("tel:"),     STR_INIT("sms:"),    STR_INIT("ftp://")};
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (str_istarts(url, schemes[i]))
			return str_sub(url, schemes[i].len, url.len);
	return (struct str){NULL, 0};
}

/* Letters and digits of s without blanks; for comparing "+49 (0) 30 1" with "tel:+490301". */
static bool same_digits(struct str a, struct str b)
{
	size_t i = 0, j = 0, same = 0;
	for (;; i++, j++) {
		while (i < a.len && !ascii_digit(a.ptr[i]))
			i++;
		while (j < b.len && !ascii_digit(b.ptr[j]))
			j++;
		if (i == a.len || j == b.len)
			return i == a.len && j == b.len && same >= 4;
		if (a.ptr[i] != b.ptr[j])
			return false;
		same++;
	}
}

static bool link_says_it(struct str shown, struct str url, struct str bare)
{
	if (str_istarts(url, STR("tel:")) || str_istarts(url, STR("sms:")))
		return same_digits(shown, bare);
	if (str_ends(bare, STR("/")))
		bare.len--;
	if (str_istarts(bare, STR("www.")) && !str_has(shown, STR("www.")))
		bare = str_sub(bare, 4, bare.len);
	for (size_t i = 0; i + bare.len <= shown.len && i < 32; i++)
		if (str_ieq(str_sub(shown, i, i + bare.len), bare))
			return true;
	return false;
}

static void link_end(struct reader *reader)
{
	if (!reader->link_open)
		return;
	reader->link_open = false;
	struct strbuf *out = reader->writer.out;
	if (reader->hidden || reader->bullet || out->len == reader->link_from ||
	    reader->link_href.len > HREF_MAX)
		return;
	char buf[HREF_MAX + 8];
	struct str url = decode_value(reader->link_href, buf, sizeof(buf));
	struct str bare = skip_scheme(url);
	if (str_istarts(url, STR("mailto:")))
		url = bare = str_sub(bare, 0, str_find(bare, '?'));
	if (str_istarts(url, STR("tel:")) || str_istarts(url, STR("sms:")))
		url = bare;
	struct str shown = str_trim((struct str){out->ptr + reader->link_from, out->len - reader->link_from});
	if (bare.len == 0 || shown.len == 0 || str_find(url, ' ') < url.len || str_find(url, '>') < url.len ||
	    (shown.len <= HREF_MAX + 32 && link_says_it(shown, reader->link_href, bare)))
		return;
	strbuf_adds(out, " <");
	strbuf_add(out, url);
	strbuf_adds(out, ">");
}

static bool tiny(struct str size)
{
	size = str_trim(size);
	return size.len && (size.ptr[0] == '0' || size.ptr[0] == '1') &&
	       (size.len == 1 || !(ascii_digit(size.ptr[1]) || size.ptr[1] == '.' || size.ptr[1] == '%'));
}

static void read_image(struct reader *reader, const struct html_token *token)
{
	char buf[512];
	struct str width = token->attributes[HTML_WIDTH], height = token->attributes[HTML_HEIGHT];
	if (reader->hidden || !token->attributes[HTML_ALT].len || (tiny(width) && tiny(height)) ||
	    html_hides(token))
		return;
	struct html_token alt = {.kind = HTML_TEXT, .references = false};
	alt.text = decode_value(token->attributes[HTML_ALT], buf, sizeof(buf));
	read_text(reader, &alt);
}

/* ---- lists ---- */

static int small_number(struct str s, int otherwise)
{
	int number = 0;
	s = str_trim(s);
	for (size_t i = 0; i < s.len; i++) {
		if (!ascii_digit(s.ptr[i]) || i >= 6)
			return otherwise;
		number = number * 10 + (s.ptr[i] - '0');
	}
	return s.len ? number : otherwise;
}

static void list_begin(struct reader *reader, const struct html_token *token, bool ordered)
{
	reader->list_depth++;
	if (reader->list_depth > LISTS_MAX)
		return;
	struct list_level *list = &reader->lists[reader->list_depth - 1];
	*list = (struct list_level){ordered, small_number(token->attributes[HTML_START], 1),
				    reader->writer.indent};
}

static void list_end(struct reader *reader)
{
	if (reader->list_depth == 0)
		return;
	if (reader->list_depth <= LISTS_MAX)
		reader->writer.indent = reader->lists[reader->list_depth - 1].indent;
	reader->list_depth--;
}

static void list_item(struct reader *reader, const struct html_token *token)
{
	char marker[WRITER_MARKER_MAX] = "- ";
	size_t len = 2;
	struct list_level *list = NULL;
	if (reader->list_depth)
		list = &reader->lists[(reader->list_depth < LISTS_MAX ? reader->list_depth : LISTS_MAX) - 1];
	if (list && list->ordered) {
		list->number = small_number(token->attributes[HTML_VALUE], list->number);
		char digits[8];
		size_t n = 0;
		for (int number = list->number; n == 0 || number; number /= 10)
			digits[n++] = (char)('0' + number % 10);
		for (len = 0; n; len++)
			marker[len] = digits[--n];
		marker[len++] = '.';
		marker[len++] = ' ';
		list->number = list->number < 999999 ? list->number + 1 : list->number;
	}
	if (list)
		reader->writer.indent = list->indent + (unsigned)len;
	text_writer_marker(&reader->writer, (struct str){marker, len});
}

static void bullet_end(struct reader *reader)
{
	/* Word's bullets are letters of symbol fonts; numbers and letters with a dot or bracket are kept. */
	static const struct str symbols[] = {STR_INIT("o"), STR_INIT("v"), STR_INIT("q"), STR_INIT("n")};
	char marker[BULLET_MAX + 1];
	struct str text = {reader->bullet_text, reader->bullet_len};
	size_t pos = 0;
	bool one = text.len && (utf8_next(text, &pos), pos == text.len);
	bool symbol = one && (text.len > 1 || !(ascii_digit(text.ptr[0]) || ascii_alpha(text.ptr[0])));
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++)
		symbol = symbol || str_eq(text, symbols[i]);
	reader->bullet_len = 0;
	if (text.len == 0)
		return;
	if (symbol) {
		text_writer_marker(&reader->writer, STR("- "));
		return;
	}
	memcpy(marker, text.ptr, text.len);
	marker[text.len] = ' ';
	/* A character cut by the buffer's end goes whole. */
	struct str kept = {marker, text.len};
	while (kept.len && reader->bullet_len == 0 && text.len == BULLET_MAX &&
	       (kept.ptr[kept.len - 1] & 0x80))
		kept.len--;
	marker[kept.len] = ' ';
	text_writer_marker(&reader->writer, (struct str){marker, kept.len + 1});
}

/* ---- the stack ---- */

/* Take back what an element did. */
static void undo(struct reader *reader, struct open_element *open)
{
	if (open->bullet && --reader->bullet == 0)
		bullet_end(reader);
	if (open->flags & HTML_CELL && !reader->hidden)
		text_writer_cell_end(&reader->writer, open->cell_line);
	if (open->breaks && !reader->hidden)
		text_writer_break(&reader->writer, open->breaks);
	if (open->flags & HTML_LIST)
		list_end(reader);
	if (open->flags & HTML_QUOTE && reader->writer.quote)
		reader->writer.quote--;
	if (open->mark >= 0) {
		struct text_mark *mark = &reader->marks->items[open->mark];
		mark->to = reader->writer.out->len - reader->writer.base;
		text_writer_break(&reader->writer, 1);
	}
	reader->hidden -= open->hidden;
	reader->pre -= open->pre;
	*open = (struct open_element){.mark = -1};
}

static void pop_to(struct reader *reader, size_t depth)
{
	while (reader->depth > depth)
		undo(reader, &reader->stack[--reader->depth]);
}

/* The innermost open element of that name, not looking out of what `barrier` flags; depth of it + 1, 0: none. */
static size_t find_open(const struct reader *reader, uint32_t name, unsigned barrier)
{
	for (size_t i = reader->depth; i > 0; i--) {
		if (reader->stack[i - 1].name == name)
			return i;
		if (reader->stack[i - 1].flags & barrier)
			break;
	}
	return 0;
}

static void close_open(struct reader *reader, uint32_t name, unsigned barrier)
{
	size_t at = find_open(reader, name, barrier);
	if (at)
		pop_to(reader, at - 1);
}

static void push(struct reader *reader, const struct html_token *token, const struct html_element *element)
{
	struct open_element open = {.name = element->hash, .flags = element->flags, .mark = -1};
	open.hidden = element->flags & HTML_UNSEEN || (!reader->unhide && html_hides(token));
	open.pre = element->flags & HTML_PRE || html_preformats(token);
	open.bullet = html_is_bullet(token);
	open.breaks = html_breaks(token, element);
	enum html_mark_reach reach;
	enum text_mark_kind kind;
	bool marked = html_marks(token, element, &kind, &reach);
	if (reader->depth == HTML_DEPTH_MAX) {
		reader->overflow++;
		if (!reader->hidden && open.breaks)
			text_writer_break(&reader->writer, open.breaks);
		return;
	}
	if (open.breaks && !reader->hidden && !open.hidden)
		text_writer_break(&reader->writer, open.breaks);
	reader->hidden += open.hidden;
	reader->pre += open.pre;
	reader->bullet += open.bullet;
	if (element->flags & HTML_QUOTE)
		reader->writer.quote++;
	if (element->flags & HTML_LIST)
		list_begin(reader, token, element->flags & HTML_ORDERED);
	if (element->flags & HTML_CELL && !reader->hidden)
		open.cell_line = text_writer_cell(&reader->writer);
	if (marked) {
		int mark = mark_open(reader, kind);
		open.mark = (int8_t)(reach == MARK_REACH_ELEMENT ? mark : -1);
	}
	reader->stack[reader->depth++] = open;
}

static void read_void(struct reader *reader, const struct html_token *token,
		      const struct html_element *element)
{
	enum html_mark_reach reach;
	enum text_mark_kind kind;
	if (reader->hidden)
		return;
	if (html_marks(token, element, &kind, &reach))
		mark_open(reader, kind);
	if (element->flags & HTML_IMAGE)
		read_image(reader, token);
	if (element->flags & HTML_LINE_END)
		text_writer_line_end(&reader->writer);
	if (element->flags & HTML_RULE && !html_hides(token)) {
		text_writer_break(&reader->writer, 1);
		write_word(reader, STR("----------"));
		text_writer_break(&reader->writer, 1);
	}
}

static void read_start_tag(struct reader *reader, const struct html_token *token)
{
	struct html_element element;
	html_element_find(token->name, &element);
	if (element.flags & HTML_IGNORED)
		return;
	if (element.flags == 0 && str_find(token->name, '@') < token->name.len && !reader->hidden) {
		/* An address in angle brackets that somebody forgot to escape. */
		write_word(reader, STR("<"));
		read_text(reader, &(struct html_token){.text = token->name});
		write_word(reader, STR(">"));
		return;
	}
	if (element.flags & HTML_CLOSES_P)
		close_open(reader, html_name_hash(STR("p")), HTML_SCOPE | HTML_QUOTE | HTML_LIST);
	if (element.closes[0])
		close_open(reader, html_name_hash(str_from(element.closes[0])), element.closes_barrier);
	if (element.closes[1])
		close_open(reader, html_name_hash(str_from(element.closes[1])), element.closes_barrier);
	if (element.flags & HTML_VOID) {
		read_void(reader, token, &element);
		return;
	}
	if (element.flags & HTML_LINK) {
		link_end(reader);
		close_open(reader, element.hash, HTML_SCOPE | HTML_BLOCK);
	}
	push(reader, token, &element);
	if (element.flags & HTML_LINK)
		link_begin(reader, token);
	if (element.flags & HTML_ITEM && !reader->hidden)
		list_item(reader, token);
	if (element.flags & HTML_QUOTATION_MARKS && !reader->hidden)
		write_word(reader, STR("\""));
}

static void read_end_tag(struct reader *reader, const struct html_token *token)
{
	struct html_element element;
	html_element_find(token->name, &element);
	if (element.flags & (HTML_IGNORED | HTML_VOID)) {
		if (element.flags & HTML_LINE_END && !reader->hidden)
			text_writer_line_end(&reader->writer);
		return;
	}
	if (element.flags & HTML_LINK)
		link_end(reader);
	if (reader->overflow) {
		reader->overflow--;
		if (element.breaks && !reader->hidden)
			text_writer_break(&reader->writer, element.breaks);
		return;
	}
	/* An inline element's end tag takes only that element away, wherever blocks began in between (WHATWG's
	 * adoption agency, without moving anything); a block's closes what is open inside it. */
	bool inlined = !(element.flags & HTML_BLOCK);
	size_t at = find_open(reader, element.hash, element.end_barrier);
	if (at == 0) {
		if (element.breaks && !reader->hidden)
			text_writer_break(&reader->writer, element.breaks);
		return;
	}
	if (element.flags & HTML_QUOTATION_MARKS && !reader->hidden)
		write_word(reader, STR("\""));
	if (!inlined || at == reader->depth)
		pop_to(reader, at - 1);
	else
		undo(reader, &reader->stack[at - 1]);
	while (reader->depth && reader->stack[reader->depth - 1].name == 0)
		reader->depth--;
}

static int read_html(struct str html, bool everything, struct strbuf *out, struct text_marks *marks)
{
	struct reader reader;
	memset(&reader, 0, offsetof(struct reader, stack));
	memset((char *)&reader + offsetof(struct reader, depth), 0,
	       sizeof(reader) - offsetof(struct reader, depth));
	reader.marks = marks;
	reader.marks->n = 0;
	reader.unhide = everything;
	text_writer_init(&reader.writer, out);
	struct html_tokenizer tokens = {.in = html, .lenient = everything};
	struct html_token token;
	while (!out->overflow && html_tokenizer_next(&tokens, &token)) {
		if (token.kind == HTML_TEXT)
			read_text(&reader, &token);
		else if (token.kind == HTML_START_TAG)
			read_start_tag(&reader, &token);
		else
			read_end_tag(&reader, &token);
	}
	if (!out->overflow)
		link_end(&reader);
	marks_finish(&reader);
	return out->overflow ? -ENOBUFS : 0;
}

int html_to_text(struct str html, struct strbuf *out, struct text_marks *ret_marks)
{
	struct text_marks none, *marks = ret_marks ? ret_marks : &none;
	bool first = out->len == 0;
	int r = read_html(html, false, out, marks);
	/* A program's mistake hid everything: what was written is not for nobody. */
	if (r == 0 && first && out->len == 0)
		r = read_html(html, true, out, marks);
	return r;
}
