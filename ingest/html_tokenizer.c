/*
 * Tokenizer states, simplified from WHATWG 13.2.5. Invariants:
 *  1. pos never goes back, and every call that returns true moves it, so the work is linear.
 *  2. What is not terminated (a comment, a tag, a quoted value) ends with the input, as in a browser; but see `lenient`.
 *  3. '<' before anything that begins no markup is text.
 * Pure.
 */
#include "ingest/html_tokenizer.h"

#include "ingest/text_fold.h"

static const struct str attribute_names[HTML_ATTRIBUTES] = {
	[HTML_CLASS] = STR_INIT("class"),
	[HTML_ID] = STR_INIT("id"),
	[HTML_STYLE] = STR_INIT("style"),
	[HTML_HREF] = STR_INIT("href"),
	[HTML_ALT] = STR_INIT("alt"),
	[HTML_TYPE] = STR_INIT("type"),
	[HTML_HIDDEN] = STR_INIT("hidden"),
	[HTML_START] = STR_INIT("start"),
	[HTML_VALUE] = STR_INIT("value"),
	[HTML_WIDTH] = STR_INIT("width"),
	[HTML_HEIGHT] = STR_INIT("height"),
	[HTML_NAME] = STR_INIT("name"),
	[HTML_DATA_MARKER] = STR_INIT("data-marker"),
};

/* Elements whose content is no markup. */
static const struct {
	struct str name;
	bool references;
} raw_elements[] = {
	{STR_INIT("script"), false}, {STR_INIT("style"), false},   {STR_INIT("xmp"), false},
	{STR_INIT("iframe"), false}, {STR_INIT("noembed"), false}, {STR_INIT("noframes"), false},
	{STR_INIT("title"), true},   {STR_INIT("textarea"), true}, {STR_INIT("plaintext"), false},
};

static bool html_space(char c)
{
	return ascii_space(c) || c == '\f';
}

static size_t find_from(struct str s, size_t from, char c)
{
	return from + str_find(str_sub(s, from, s.len), c);
}

/* Does markup begin at the '<' at pos? */
static bool markup_at(struct str in, size_t pos)
{
	if (pos + 1 >= in.len)
		return false;
	char c = in.ptr[pos + 1];
	return ascii_alpha(c) || c == '!' || c == '?' || (c == '/' && pos + 2 < in.len);
}

/* Behind "<!", "<?" or "</" + no letter: where it ends; SIZE_MAX: a comment that never does. */
static size_t skip_bogus(struct str in, size_t pos)
{
	struct str rest = str_sub(in, pos, in.len);
	if (!str_starts(rest, STR("<!--"))) {
		size_t end = find_from(in, pos, '>');
		return end < in.len ? end + 1 : in.len;
	}
	/* "<!-->" and "<!--->" are whole comments; "--!>" ends one too */
	if (str_starts(rest, STR("<!-->")))
		return pos + 5;
	if (str_starts(rest, STR("<!--->")))
		return pos + 6;
	for (size_t i = pos + 4; i < in.len;) {
		i = find_from(in, i, '>');
		if (i >= in.len)
			return SIZE_MAX;
		struct str before = str_sub(in, pos + 4, i);
		if (str_ends(before, STR("--")) || str_ends(before, STR("--!")))
			return i + 1;
		i++;
	}
	return SIZE_MAX;
}

/* A comment is searched for its end in vain once, so that the work stays linear. */
static void leave_bogus(struct html_tokenizer *tokens, size_t pos)
{
	struct str in = tokens->in;
	bool comment = str_starts(str_sub(in, pos, in.len), STR("<!--"));
	size_t end = comment && tokens->endless_comment ? SIZE_MAX : skip_bogus(in, pos);
	tokens->endless_comment |= end == SIZE_MAX;
	if (end == SIZE_MAX)
		end = tokens->lenient ? pos + STR("<!--").len : in.len;
	tokens->pos = end;
}

static void keep_attribute(struct html_token *token, struct str name, struct str value)
{
	if (name.len < 2 || name.len > 11)
		return;
	for (size_t i = 0; i < HTML_ATTRIBUTES; i++) {
		if (!token->attributes[i].ptr && str_ieq(name, attribute_names[i])) {
			token->attributes[i] = value.ptr ? value : STR("");
			return;
		}
	}
}

static struct str attribute_value(struct str in, size_t *pos)
{
	size_t i = *pos, from;
	while (i < in.len && html_space(in.ptr[i]))
		i++;
	if (i < in.len && (in.ptr[i] == '"' || in.ptr[i] == '\'')) {
		from = i + 1;
		i = find_from(in, from, in.ptr[i]);
		*pos = i < in.len ? i + 1 : i;
		return str_sub(in, from, i);
	}
	from = i;
	while (i < in.len && in.ptr[i] != '>' && !html_space(in.ptr[i]))
		i++;
	*pos = i;
	return str_sub(in, from, i);
}

/* From behind the tag's name to behind its '>'. False: the input ended inside the tag. */
static bool read_attributes(struct html_tokenizer *tokens, struct html_token *token)
{
	struct str in = tokens->in;
	size_t i = tokens->pos;
	for (;;) {
		while (i < in.len && (html_space(in.ptr[i]) || in.ptr[i] == '/'))
			i++;
		if (i >= in.len || in.ptr[i] == '>')
			break;
		size_t from = i++; /* a '=' at the start belongs to the name */
		while (i < in.len && !html_space(in.ptr[i]) && !char_in("/>=", in.ptr[i]))
			i++;
		struct str name = str_sub(in, from, i);
		while (i < in.len && html_space(in.ptr[i]))
			i++;
		struct str value = {NULL, 0};
		if (i < in.len && in.ptr[i] == '=') {
			i++;
			value = attribute_value(in, &i);
		}
		if (token->kind == HTML_START_TAG)
			keep_attribute(token, name, value);
	}
	tokens->pos = i < in.len ? i + 1 : i;
	return i < in.len;
}

static bool read_tag(struct html_tokenizer *tokens, struct html_token *token)
{
	struct str in = tokens->in;
	size_t i = tokens->pos + 1;
	*token = (struct html_token){.kind = HTML_START_TAG};
	if (in.ptr[i] == '/') {
		token->kind = HTML_END_TAG;
		i++;
	}
	size_t from = i;
	while (i < in.len && !html_space(in.ptr[i]) && in.ptr[i] != '/' && in.ptr[i] != '>')
		i++;
	token->name = str_sub(in, from, i);
	tokens->pos = i;
	if (!read_attributes(tokens, token))
		return false;
	for (size_t n = 0; token->kind == HTML_START_TAG && n < ARRAY_SIZE(raw_elements); n++) {
		if (str_ieq(token->name, raw_elements[n].name)) {
			tokens->raw_name = raw_elements[n].name;
			tokens->raw_references = raw_elements[n].references;
		}
	}
	return true;
}

/* Where the end tag of a raw element stands; in.len: there is none. Nothing ends <plaintext>. */
static size_t find_raw_end(struct str in, size_t from, struct str name)
{
	for (size_t i = from; i < in.len; i++) {
		i = find_from(in, i, '<');
		struct str rest = str_sub(in, i, in.len);
		if (rest.len < name.len + 3 || rest.ptr[1] != '/' ||
		    !str_istarts(str_sub(rest, 2, rest.len), name) || str_eq(name, STR("plaintext")))
			continue;
		char next = rest.ptr[2 + name.len];
		if (html_space(next) || next == '/' || next == '>')
			return i;
	}
	return in.len;
}

static struct str read_raw(struct html_tokenizer *tokens)
{
	size_t from = tokens->pos;
	tokens->pos = find_raw_end(tokens->in, from, tokens->raw_name);
	tokens->raw_name = (struct str){NULL, 0};
	return str_sub(tokens->in, from, tokens->pos);
}

/* Each name is searched for in vain once, so that the work stays linear. */
static void leave_endless(struct html_tokenizer *tokens, struct html_token *token)
{
	unsigned n = 0;
	while (!str_eq(tokens->raw_name, raw_elements[n].name))
		n++;
	if (!(tokens->endless & 1u << n) &&
	    find_raw_end(tokens->in, tokens->pos, tokens->raw_name) < tokens->in.len)
		return;
	tokens->endless |= 1u << n;
	if (str_eq(tokens->raw_name, STR("style")) || str_eq(tokens->raw_name, STR("script")))
		tokens->pos = find_from(tokens->in, tokens->pos, '<');
	tokens->raw_name = (struct str){NULL, 0};
	*token = (struct html_token){.kind = HTML_TEXT, .text = STR_INIT("")};
}

bool html_tokenizer_next(struct html_tokenizer *tokens, struct html_token *ret)
{
	struct str in = tokens->in;
	if (tokens->raw_name.len) {
		*ret = (struct html_token){.kind = HTML_TEXT, .references = tokens->raw_references};
		ret->text = read_raw(tokens);
		return true;
	}
	while (tokens->pos < in.len) {
		size_t from = tokens->pos, i = from;
		while ((i = find_from(in, i, '<')) < in.len && !markup_at(in, i))
			i++;
		if (i > from) {
			tokens->pos = i;
			*ret = (struct html_token){
				.kind = HTML_TEXT, .text = str_sub(in, from, i), .references = true};
			return true;
		}
		char c = in.ptr[i + 1] == '/' ? in.ptr[i + 2] : in.ptr[i + 1];
		if (ascii_alpha(c)) {
			bool whole = read_tag(tokens, ret);
			if (tokens->lenient && tokens->raw_name.len)
				leave_endless(tokens, ret);
			return whole;
		}
		leave_bogus(tokens, i);
	}
	return false;
}
