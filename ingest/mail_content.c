/*
 * Body selection and reading. Leaves are visited in document order, once for the plain reading and once for
 * the HTML reading; what belongs together is found by the outermost multipart/alternative around a leaf, so
 * no recursion is needed. Decoded texts are kept for both readings, bounded by the limits. Pure.
 */
#include "ingest/mail_content.h"

#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "ingest/file_blocks.h"
#include "ingest/html_text.h"
#include "ingest/mail_charset.h"
#include "ingest/mail_inner.h"
#include "ingest/mail_param.h"
#include "ingest/mail_stub.h"
#include "ingest/mail_text_part.h"

#define BODIES_MAX       64 /* text parts that are joined; the others are attachments */
#define CONTENT_IDS_SIZE (64 * 1024)
#define TEXT_SAMPLE      8192 /* octets that show whether it is text at all */
#define HTML_META_MAX    2048 /* where <meta charset> is looked for */

struct body {
	size_t entity;
	int alternative; /* index of the outermost multipart/alternative around it, -1: none */
	bool html, not_text;
	struct strbuf text; /* UTF-8; HTML source or plain text */
};

void mail_content_init(struct mail_content *content, const struct mail_limits *limits)
{
	*content = (struct mail_content){.has_html = false};
	strbuf_init(&content->text, limits->text_max);
	strbuf_init(&content->html_text, limits->text_max);
	strbuf_init(&content->content_ids, CONTENT_IDS_SIZE);
}

void mail_content_done(struct mail_content *content)
{
	free(content->shown);
	strbuf_done(&content->text);
	strbuf_done(&content->html_text);
	strbuf_done(&content->content_ids);
}

/* ---- reading one part ---- */

/* The charset that an HTML document claims for itself. */
static struct str meta_charset(struct str html)
{
	html = str_sub(html, 0, HTML_META_MAX);
	for (size_t i = 0; i + 8 < html.len; i++) {
		if (ascii_lower(html.ptr[i]) != 'c' ||
		    !str_istarts(str_sub(html, i, html.len), STR("charset=")))
			continue;
		size_t from = i + 8;
		while (from < html.len && strchr("\"' ", html.ptr[from]) && html.ptr[from])
			from++;
		size_t to = from;
		while (to < html.len && (ascii_alpha(html.ptr[to]) || ascii_digit(html.ptr[to]) ||
					 (html.ptr[to] && strchr("-_:.", html.ptr[to]))))
			to++;
		return str_sub(html, from, to);
	}
	return STR("");
}

/*
 * RFC 3676: a line that ends with a blank goes on in the next one of the same quote depth; a blank at the
 * start of a line was stuffed; "-- " stands alone. In place, the text never grows.
 */
static void unflow(struct strbuf *text, bool delete_space)
{
	size_t to = 0, previous_depth = 0;
	bool flowing = false;

	for (size_t at = 0; at < text->len;) {
		struct str line = str_sub(strbuf_str(text), at, text->len);
		line.len = str_find(line, '\n');
		bool ended = at + line.len < text->len;
		at += line.len + ended;
		size_t depth = 0;
		while (depth < line.len && line.ptr[depth] == '>')
			depth++;
		struct str rest = str_sub(line, depth, line.len);
		if (rest.len && rest.ptr[0] == ' ')
			rest = str_sub(rest, 1, rest.len);
		bool signature = str_eq(rest, STR("-- ")) || str_eq(rest, STR("--"));
		bool joined = flowing && depth == previous_depth && !signature;
		if (flowing && !joined)
			text->ptr[to++] = '\n';
		if (!joined) {
			memset(text->ptr + to, '>', depth);
			to += depth;
			if (depth && line.len > depth && line.ptr[depth] == ' ')
				text->ptr[to++] = ' ';
		}
		bool flowed = rest.len && rest.ptr[rest.len - 1] == ' ' && !signature;
		size_t take = rest.len - (flowed && delete_space);
		memmove(text->ptr + to, rest.ptr, take);
		to += take;
		flowing = flowed;
		if (!flowed && ended)
			text->ptr[to++] = '\n';
		previous_depth = depth;
	}
	text->len = to;
}

static bool param_is(struct arena *arena, const struct mime_entity *entity, struct str name, struct str value)
{
	struct str given;
	return mail_param_raw(arena, entity->content_type, name, &given) == 0 && str_ieq(given, value);
}

/* A text without any Content-Type that begins like an HTML document is one. */
static bool begins_like_html(struct str text)
{
	text = str_trim(str_sub(text, 0, 200));
	return str_istarts(text, STR("<!doctype html")) || str_istarts(text, STR("<html"));
}

/* Something else under the name of a text: a quarter of its characters are controls or unreadable. */
static bool is_no_text(struct str text)
{
	size_t characters = 0, strange = 0;

	text = str_sub(text, 0, TEXT_SAMPLE);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if ((c & 0xc0) == 0x80)
			continue;
		characters++;
		if (c >= ' ' && c < 0x7f)
			continue;
		struct str rest = str_sub(text, i, i + 3);
		bool c1 = c == 0xc2 && rest.len > 1 && (unsigned char)rest.ptr[1] < 0xa0;
		bool control = c < 0x80 && !ascii_space((char)c) && c != '\033';
		strange += control || c1 || str_eq(rest, STR("\xef\xbf\xbd"));
	}
	return strange * 4 > characters;
}

static void read_body(struct arena *arena, const struct mime_entity *entity, struct body *body,
		      size_t size_max, struct str hint, struct mail_content *content)
{
	struct strbuf octets, without_files;
	struct str charset = STR(""), raw = entity->body;

	if (entity->content_type.len)
		mail_param_raw(arena, entity->content_type, STR("charset"), &charset);
	enum mail_encoding encoding = entity->encoding;
	if (encoding == MAIL_ENCODING_BASE64 && mail_base64_is_plain(raw))
		encoding = MAIL_ENCODING_IDENTITY;
	strbuf_init(&octets, size_max);
	if (encoding != MAIL_ENCODING_IDENTITY) {
		content->cut |= !mail_decode_told(encoding, raw, &octets, &content->flaws);
		raw = strbuf_str(&octets);
	}
	strbuf_init(&without_files, size_max);
	if (mail_inner_is_searched(entity) && file_blocks_maybe(raw)) {
		content->cut |= !file_blocks_remove(raw, &without_files); /* they are attachments */
		raw = strbuf_str(&without_files);
	}
	if (raw.len > size_max) {
		raw.len = size_max;
		content->cut = true;
	}
	if (body->html && !mail_charset_known(charset)) {
		struct str meta = meta_charset(raw);
		charset = mail_charset_known(meta) ? meta : charset;
	}
	/* there they are halves of characters */
	if (!str_istarts(charset, STR("utf-16")) && !str_istarts(charset, STR("utf-32")))
		content->nul |= str_find(raw, '\0') < raw.len;
	strbuf_init(&body->text, size_max);
	unsigned flags = mail_charset_to_utf8(charset, hint, raw, &body->text);
	content->cut |= (flags & MAIL_CHARSET_CUT) != 0;
	content->bad_charset |= (flags & (MAIL_CHARSET_UNKNOWN | MAIL_CHARSET_REPLACED)) != 0;
	content->contradicted |= (flags & MAIL_CHARSET_CONTRADICTED) != 0;
	strbuf_done(&without_files);
	strbuf_done(&octets);
	body->not_text = is_no_text(strbuf_str(&body->text));
	body->html = body->html || (!entity->content_type.len && begins_like_html(strbuf_str(&body->text)));
	if (body->html || !body->text.len)
		return;
	utf8_clean_text(&body->text);
	if (param_is(arena, entity, STR("format"), STR("flowed")))
		unflow(&body->text, param_is(arena, entity, STR("delsp"), STR("yes")));
}

/* ---- what the HTML shows ---- */

static int hex_digit(char c)
{
	if (ascii_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 2392: a Content-ID in a URL is percent-encoded. */
static void add_percent_decoded(struct str url, struct strbuf *out)
{
	for (size_t i = 0; i < url.len; i++) {
		int high = -1, low = -1;
		if (url.ptr[i] == '%' && i + 2 < url.len) {
			high = hex_digit(url.ptr[i + 1]);
			low = hex_digit(url.ptr[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			strbuf_addc(out, (char)(high << 4 | low));
			i += 2;
		} else {
			strbuf_addc(out, url.ptr[i]);
		}
	}
}

static void collect_content_ids(struct str html, struct strbuf *out)
{
	for (size_t i = 0; i + 4 < html.len; i++) {
		const char *colon = memchr(html.ptr + i, ':', html.len - i);
		if (!colon)
			break;
		i = (size_t)(colon - html.ptr);
		if (i < 3 || !str_istarts(str_sub(html, i - 3, html.len), STR("cid:")))
			continue;
		size_t to = i + 1;
		while (to < html.len && to - i < 256 && html.ptr[to] && !strchr("\"' >)\r\n\t", html.ptr[to]))
			to++;
		add_percent_decoded(str_sub(html, i + 1, to), out);
		strbuf_addc(out, '\n');
	}
}

static int compare_ids(const void *a, const void *b)
{
	const struct str *x = a, *y = b;
	int order = strncasecmp(x->ptr, y->ptr, x->len < y->len ? x->len : y->len);
	return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* Sort what was collected: there may be as many pictures as references. */
static void index_content_ids(struct mail_content *content)
{
	struct str rest = strbuf_str(&content->content_ids);
	size_t n = 0;

	for (size_t i = 0; i < rest.len; i++)
		n += rest.ptr[i] == '\n';
	free(content->shown);
	content->shown = xcalloc(n + 1, sizeof(*content->shown));
	for (content->shown_n = 0; rest.len && content->shown_n < n;) {
		size_t end = str_find(rest, '\n');
		content->shown[content->shown_n++] = str_sub(rest, 0, end);
		rest = str_sub(rest, end + 1, rest.len);
	}
	qsort(content->shown, content->shown_n, sizeof(*content->shown), compare_ids);
}

bool mail_content_shows(const struct mail_content *content, struct str content_id)
{
	return content_id.len && content->shown_n &&
	       bsearch(&content_id, content->shown, content->shown_n, sizeof(*content->shown), compare_ids);
}

/* ---- joining ---- */

static bool is_blank(struct str s)
{
	static const char *const blanks[] = {" ",  "\t",       "\n",           "\r",
					     "\f", "\xc2\xa0", "\xe2\x80\x8b", "\xef\xbb\xbf"};

	while (s.len) {
		size_t i = 0;
		while (i < ARRAY_SIZE(blanks) && !str_starts(s, str_from(blanks[i])))
			i++;
		if (i == ARRAY_SIZE(blanks))
			return false;
		s = str_sub(s, strlen(blanks[i]), s.len);
	}
	return true;
}

/* Start a new paragraph between joined parts. */
static void separate(struct strbuf *out)
{
	if (!out->len)
		return;
	if (out->ptr[out->len - 1] != '\n')
		strbuf_addc(out, '\n');
}

static void add_body(const struct body *body, struct strbuf *out, struct text_marks *marks,
		     struct mail_content *content)
{
	separate(out);
	bool first = out->len == 0;
	if (!body->html) {
		content->cut |= !utf8_append(out, strbuf_str(&body->text));
	} else if (html_to_text(strbuf_str(&body->text), out, first ? marks : NULL) < 0) {
		content->cut = true;
	}
}

/* Of a group of alternatives: is the plain reading worth taking? Good without any HTML. */
static enum plain_worth group_worth(const struct body *bodies, size_t n, int alternative)
{
	enum plain_worth worth = PLAIN_NOTHING;
	bool html = false;

	for (size_t i = 0; i < n; i++) {
		if (bodies[i].alternative != alternative)
			continue;
		struct str text = strbuf_str(&bodies[i].text);
		html |= bodies[i].html && !is_blank(text);
		enum plain_worth own =
			bodies[i].html || is_blank(text) ? PLAIN_NOTHING : mail_stub_worth(text);
		worth = own > worth ? own : worth;
	}
	return html ? worth : PLAIN_GOOD;
}

static bool has_html(const struct body *bodies, size_t n, int alternative)
{
	for (size_t i = 0; i < n; i++)
		if (bodies[i].alternative == alternative && bodies[i].html)
			return true;
	return false;
}

static void join(const struct body *bodies, size_t n, struct mail_content *content)
{
	/* each body costs a look at the others of its group: BODIES_MAX squared at most */
	for (size_t i = 0; i < n; i++) {
		const struct body *body = &bodies[i];
		bool plain = true, html = true;
		if (body->alternative >= 0) {
			enum plain_worth worth = group_worth(bodies, n, body->alternative);
			plain = worth == PLAIN_DOUBTFUL || body->html != (worth == PLAIN_GOOD);
			html = body->html == has_html(bodies, n, body->alternative);
		}
		if (plain) {
			content->text_from_html |= body->html && !content->text.len;
			add_body(body, &content->text, &content->marks, content);
		}
		if (html && content->has_html)
			add_body(body, &content->html_text, NULL, content);
	}
	/* HTML that shows nothing (images only): the plain part may still say something */
	if (is_blank(strbuf_str(&content->text))) {
		strbuf_clear(&content->text);
		content->text_from_html = false;
		content->marks.n = 0;
		for (size_t i = 0; i < n; i++)
			if (!bodies[i].html)
				add_body(&bodies[i], &content->text, NULL, content);
	}
}

/* The charset that some other part declares. */
static struct str other_charset(struct arena *arena, const struct mime_tree *tree)
{
	struct str charset;

	for (size_t i = 0; i < tree->n && i < BODIES_MAX; i++)
		if (tree->entities[i].content_type.len &&
		    mail_param_raw(arena, tree->entities[i].content_type, STR("charset"), &charset) == 0 &&
		    mail_charset_known(charset))
			return charset;
	return STR("");
}

void mail_content_read(struct arena *arena, const struct mime_tree *tree, const struct mail_limits *limits,
		       struct mail_content *content)
{
	struct body bodies[BODIES_MAX];
	struct str hint = other_charset(arena, tree);
	size_t n = 0, html_left = 4 * limits->text_max, text_left = limits->text_max;

	for (size_t i = 0; i < tree->n; i++) {
		if (!mail_text_part_is_body(arena, tree, i))
			continue;
		if (n == BODIES_MAX) {
			content->cut = true;
			break;
		}
		struct body *body = &bodies[n++];
		*body = (struct body){
			.entity = i,
			.alternative = mail_text_part_alternative(tree, i),
			.html = mail_text_part_is_html(&tree->entities[i]),
		};
		size_t *left = body->html ? &html_left : &text_left;
		read_body(arena, &tree->entities[i], body, *left, hint, content);
		if (body->not_text) {
			tree->entities[i].not_text = true; /* an attachment, then */
			strbuf_done(&body->text);
			n--;
			continue;
		}
		*left -= body->text.len < *left ? body->text.len : *left;
		content->has_html |= body->html;
		if (body->html)
			collect_content_ids(strbuf_str(&body->text), &content->content_ids);
	}
	if (!n && !tree->entities[0].multipart && mime_is(&tree->entities[0], STR("multipart/"))) {
		bodies[n] = (struct body){.alternative = -1};
		read_body(arena, &tree->entities[0], &bodies[n++], text_left, hint, content);
	}
	index_content_ids(content);
	join(bodies, n, content);
	for (size_t i = 0; i < n; i++)
		strbuf_done(&bodies[i].text);
}
