/*
 * A template's text becomes steps. What is always true of a part that was accepted:
 *
 *  1. Every name is known, and may stand where it stands.
 *  2. Sections are closed in order, and a section begins and ends at the same place of the HTML around it; so where a
 *     value stands can be told from the text alone.
 *  3. In HTML a value stands between tags or inside the quotes of an attribute, and only an address that was checked
 *     begins an href or src; nothing stands in a script, a style or a handler.
 *
 * A line that holds a section's tag and nothing else leaves no empty line behind.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "outbound/templates_private.h"

/* Where in HTML the reading is. */
struct html_state {
	enum { HTML_TEXT, HTML_TAG, HTML_QUOTED } in;
	char quote;
	struct str element;   /* of the tag we are in, or the last one; with its '/' */
	struct str attribute; /* whose quotes we are in */
	struct str value;     /* of it, so far; literal octets only */
	bool value_spoiled;   /* a placeholder was in it */
};

struct parse {
	const struct template_source *source;
	struct template_part part;
	size_t allocated;
	struct html_state html;
	struct {
		size_t step;
		struct html_state html;
	} open[TEMPLATE_DEPTH_MAX];
	size_t depth;
	unsigned each; /* lists that are open */
	struct conf_error *reterr;
};

static int fail(struct parse *parse, const char *at, const char *what, struct str name)
{
	unsigned line = parse->source->line;
	for (const char *p = parse->source->text.ptr; p < at; p++)
		line += *p == '\n';
	snprintf(parse->reterr->text, sizeof(parse->reterr->text), "%s:%u: %s%s%.*s%s", parse->source->file,
		 line, what, name.len ? " \"" : "", (int)(name.len < 60 ? name.len : 60),
		 name.len ? name.ptr : "", name.len ? "\"" : "");
	return -EINVAL;
}

static struct template_step *add_step(struct parse *parse, enum template_op op)
{
	if (parse->part.n == parse->allocated) {
		parse->allocated = parse->allocated ? 2 * parse->allocated : 32;
		parse->part.steps =
			xreallocarray(parse->part.steps, parse->allocated, sizeof(*parse->part.steps));
	}
	struct template_step *step = &parse->part.steps[parse->part.n++];
	*step = (struct template_step){.op = op};
	return step;
}

/* ---- where in the HTML? */

static bool name_char(char c)
{
	return ascii_alpha(c) || ascii_digit(c) || c == '-' || c == '/' || c == '!' || c == '_';
}

static void html_tag(struct html_state *html, const char *p, const char *end)
{
	if (*p == '>') {
		html->in = HTML_TEXT;
	} else if (str_starts(html->element, STR("!--"))) {
		return; /* what is quoted in a comment is not */
	} else if (*p == '"' || *p == '\'') {
		html->in = HTML_QUOTED;
		html->quote = *p;
		html->value = (struct str){p + 1, 0};
		html->value_spoiled = false;
	} else if (name_char(*p) && !name_char(p[-1])) {
		size_t n = 0;
		while (p + n < end && name_char(p[n]))
			n++;
		html->attribute = (struct str){p, n};
	}
}

static void html_walk(struct html_state *html, struct str literal)
{
	const char *end = literal.ptr + literal.len;
	for (const char *p = literal.ptr; p < end; p++) {
		if (html->in == HTML_TEXT && *p == '<') {
			size_t n = 0;
			while (p + 1 + n < end && name_char(p[1 + n]))
				n++;
			html->in = HTML_TAG;
			html->element = (struct str){p + 1, n};
			html->attribute = STR("");
			p += n;
		} else if (html->in == HTML_TAG) {
			html_tag(html, p, end);
		} else if (html->in == HTML_QUOTED) {
			if (*p == html->quote)
				html->in = HTML_TAG;
			else
				html->value.len++;
		}
	}
}

static bool html_same(const struct html_state *a, const struct html_state *b)
{
	return a->in == b->in && (a->in == HTML_TEXT || str_eq(a->element, b->element)) &&
	       (a->in != HTML_QUOTED || (a->quote == b->quote && a->attribute.ptr == b->attribute.ptr));
}

static bool attribute_is(struct str attribute, const char *const *names)
{
	for (; *names; names++) {
		if (str_ieq(attribute, str_from(*names)))
			return true;
	}
	return false;
}

/* How is this value written here? A static text that says why it must not stand here, or NULL. */
static const char *html_place(const struct html_state *html, const struct template_name *name,
			      enum template_place *ret)
{
	static const char *const addresses[] = {"href", "src",    "background", "action",
						"cite", "poster", NULL};
	if (html->in == HTML_TAG)
		return "a value in a tag stands inside quotes, not so";
	if (html->in == HTML_TEXT) {
		if (str_ieq(html->element, STR("script")) || str_ieq(html->element, STR("style")))
			return "no value may stand in a script or style, as here";
		*ret = name->kind == NAME_HTML ? PLACE_RAW : PLACE_HTML;
		return NULL;
	}
	if (name->kind == NAME_HTML)
		return "in a tag there can't be";
	if (str_istarts(html->attribute, STR("on")) || str_ieq(html->attribute, STR("style")) ||
	    str_ieq(html->attribute, STR("srcset")) || str_ieq(html->attribute, STR("srcdoc")))
		return "no value may stand in this attribute, as here";
	*ret = PLACE_ATTRIBUTE;
	if (!attribute_is(html->attribute, addresses))
		return NULL;
	if (html->value.len == 0 && !html->value_spoiled)
		return name->kind == NAME_URL ? NULL : "an address can't begin with";
	*ret = PLACE_URL;
	return NULL;
}

/* ---- tags of ours */

static const struct template_name *find_name(const struct parse *parse, struct str name)
{
	for (size_t i = 0; i < template_names_n; i++) {
		const struct template_name *known = &template_names[i];
		if (str_eq(str_from(known->name), name) && (!known->layout_only || parse->source->layout) &&
		    (!known->item_only || parse->each))
			return known;
	}
	return NULL;
}

static int add_value(struct parse *parse, const char *at, const struct template_name *name)
{
	enum template_place place = parse->source->place;
	if (name->kind == NAME_FLAG || name->kind == NAME_LIST)
		return fail(parse, at, "can be asked for with {{#...}} only:", str_from(name->name));
	if (place == PLACE_HTML) {
		const char *why = html_place(&parse->html, name, &place);
		if (why)
			return fail(parse, at, why, str_from(name->name));
		parse->html.value_spoiled = true;
	}
	struct template_step *step = add_step(parse, STEP_VALUE);
	step->name = name;
	step->place = place;
	return 0;
}

static int open_section(struct parse *parse, const char *at, const struct template_name *name, bool unless)
{
	if (parse->depth == TEMPLATE_DEPTH_MAX)
		return fail(parse, at, "too many sections inside of one another", STR(""));
	bool each = name->kind == NAME_LIST && !unless;
	if (each && parse->each)
		return fail(parse, at, "a list inside of itself:", str_from(name->name));
	parse->open[parse->depth].step = parse->part.n;
	parse->open[parse->depth++].html = parse->html;
	parse->each += each;
	add_step(parse, each ? STEP_EACH : unless ? STEP_UNLESS : STEP_IF)->name = name;
	return 0;
}

static int close_section(struct parse *parse, const char *at, const struct template_name *name)
{
	if (parse->depth == 0)
		return fail(parse, at, "nothing was opened that this closes:", str_from(name->name));
	size_t begin = parse->open[--parse->depth].step;
	if (parse->part.steps[begin].name != name)
		return fail(parse, at, "another section must be closed before", str_from(name->name));
	if (parse->source->place == PLACE_HTML && !html_same(&parse->html, &parse->open[parse->depth].html))
		return fail(parse, at, "this section ends inside of a tag in which it did not begin:",
			    str_from(name->name));
	parse->each -= parse->part.steps[begin].op == STEP_EACH;
	add_step(parse, STEP_END)->name = name;
	parse->part.steps[begin].end = parse->part.n;
	return 0;
}

/* tag: what stands between the braces. */
static int add_tag(struct parse *parse, struct str tag)
{
	char sign = tag.len && strchr("#^/", tag.ptr[0]) ? tag.ptr[0] : 0;
	struct str word = str_trim(str_sub(tag, sign ? 1 : 0, tag.len));
	const struct template_name *name = find_name(parse, word);
	if (!name)
		return fail(parse, tag.ptr, "unknown name", word.len ? word : STR("{{}}"));
	if (sign == '/')
		return close_section(parse, tag.ptr, name);
	if (sign)
		return open_section(parse, tag.ptr, name, sign == '^');
	return add_value(parse, tag.ptr, name);
}

static void add_literal(struct parse *parse, struct str literal)
{
	if (literal.len == 0)
		return;
	if (parse->source->place == PLACE_HTML)
		html_walk(&parse->html, literal);
	add_step(parse, STEP_LITERAL)->literal = literal;
}

/* Does a section's tag stand alone in its line? Then *literal loses the blanks before it, and the result is how many
 * octets after it go with it. */
static size_t alone_in_line(struct str text, size_t tag_begin, size_t tag_end, struct str *literal)
{
	size_t before = literal->len, after = tag_end;
	char sign = tag_begin + 2 < text.len ? text.ptr[tag_begin + 2] : 0;
	if (sign == 0 || !strchr("#^/", sign))
		return 0;
	while (before > 0 && (literal->ptr[before - 1] == ' ' || literal->ptr[before - 1] == '\t'))
		before--;
	bool begins = before > 0 ? literal->ptr[before - 1] == '\n'
				 : literal->ptr == text.ptr || literal->ptr[-1] == '\n';
	while (after < text.len && (text.ptr[after] == ' ' || text.ptr[after] == '\t'))
		after++;
	if (!begins || (after < text.len && text.ptr[after] != '\n'))
		return 0;
	literal->len = before;
	return after < text.len ? after + 1 - tag_end : after - tag_end;
}

/* The next "{{", or the end. */
static size_t find_braces(struct str text, size_t from, char brace)
{
	for (size_t i = from; i + 1 < text.len; i++) {
		if (text.ptr[i] == brace && text.ptr[i + 1] == brace)
			return i;
	}
	return text.len;
}

static int parse_all(struct parse *parse)
{
	struct str text = parse->source->text;
	for (size_t at = 0; at < text.len;) {
		size_t begin = find_braces(text, at, '{');
		struct str literal = str_sub(text, at, begin);
		if (begin == text.len) {
			add_literal(parse, literal);
			break;
		}
		size_t close = find_braces(text, begin + 2, '}');
		struct str tag = str_sub(text, begin + 2, close);
		if (close == text.len || str_find(tag, '\n') < tag.len)
			return fail(parse, text.ptr + begin, "\"{{\" without \"}}\"", STR(""));
		size_t swallow = alone_in_line(text, begin, close + 2, &literal);
		add_literal(parse, literal);
		int r = add_tag(parse, tag);
		if (r < 0)
			return r;
		at = close + 2 + swallow;
	}
	if (parse->depth)
		return fail(parse, text.ptr + text.len, "not closed:",
			    str_from(parse->part.steps[parse->open[parse->depth - 1].step].name->name));
	return 0;
}

int template_parse(const struct template_source *source, struct template_part *ret, struct conf_error *reterr)
{
	struct parse parse = {.source = source, .reterr = reterr};
	int r = parse_all(&parse);
	if (r < 0) {
		template_part_done(&parse.part);
		return r;
	}
	*ret = parse.part;
	return 0;
}

void template_part_done(struct template_part *part)
{
	free(part->steps);
	*part = (struct template_part){0};
}
