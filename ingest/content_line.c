/*
 * See content_line.h. A line that begins with a blank goes on where the one before ended; the line end and that
 * one blank vanish, wherever in a character they stand. Every octet is looked at a constant number of times. Pure.
 */
#include "ingest/content_line.h"

#include "base/mailaddr.h"
#include "ingest/mail_charset.h"
#include "ingest/text_line.h"

void content_lines_init(struct content_lines *lines, struct str text)
{
	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_sub(text, 3, text.len);
	lines->rest = text;
}

static struct str unfold(struct content_lines *lines)
{
	size_t len = 0;
	struct str piece = text_line_take(&lines->rest);

	for (;;) {
		size_t n = piece.len < sizeof(lines->line) - len ? piece.len : sizeof(lines->line) - len;
		if (n)
			memcpy(lines->line + len, piece.ptr, n);
		len += n;
		if (!lines->rest.len || (lines->rest.ptr[0] != ' ' && lines->rest.ptr[0] != '\t'))
			return (struct str){lines->line, len};
		piece = text_line_take(&lines->rest);
		piece = str_sub(piece, 1, piece.len);
	}
}

/* Where the value's colon is, outside of quotes; line.len: nowhere. */
static size_t find_colon(struct str line)
{
	bool quoted = false;

	for (size_t i = 0; i < line.len; i++) {
		if (line.ptr[i] == '"')
			quoted = !quoted;
		else if (line.ptr[i] == ':' && !quoted)
			return i;
	}
	/* a quote that never ends: programs forget it */
	return str_find(line, ':');
}

bool content_lines_next(struct content_lines *lines, struct content_line *ret)
{
	while (lines->rest.len) {
		struct str line = unfold(lines);
		size_t colon = find_colon(line);
		size_t semicolon = str_find(str_sub(line, 0, colon), ';');
		struct str name = str_trim(str_sub(line, 0, semicolon));
		size_t dot = str_find(name, '.');
		if (dot < name.len)
			name = str_sub(name, dot + 1, name.len);
		if (colon == line.len || !name.len)
			continue;
		ret->name = name;
		ret->params = str_sub(line, semicolon, colon);
		ret->value = str_trim(str_sub(line, colon + 1, line.len));
		return true;
	}
	return false;
}

/* Takes ";NAME=VALUE" off the front; false when nothing is left. */
static bool take_param(struct str *params, struct str *ret_name, struct str *ret_value)
{
	bool quoted = false;
	size_t end = 1;

	if (!params->len)
		return false;
	while (end < params->len && (quoted || params->ptr[end] != ';')) {
		quoted = params->ptr[end] == '"' ? !quoted : quoted;
		end++;
	}
	struct str param = str_sub(*params, 1, end);
	*params = str_sub(*params, end, params->len);
	size_t equals = str_find(param, '=');
	*ret_name = str_trim(str_sub(param, 0, equals));
	*ret_value = str_trim(str_sub(param, equals + 1, param.len));
	if (ret_value->len >= 2 && ret_value->ptr[0] == '"' && ret_value->ptr[ret_value->len - 1] == '"')
		*ret_value = str_sub(*ret_value, 1, ret_value->len - 1);
	return true;
}

struct str content_param(const struct content_line *line, struct str name)
{
	struct str params = line->params, found, value;

	while (take_param(&params, &found, &value))
		if (str_ieq(found, name))
			return value;
	return STR("");
}

static bool list_has(struct str list, struct str word)
{
	while (list.len) {
		size_t end = str_find(list, ',');
		if (str_ieq(str_trim(str_sub(list, 0, end)), word))
			return true;
		list = str_sub(list, end + 1, list.len);
	}
	return false;
}

bool content_param_has(const struct content_line *line, struct str name, struct str word)
{
	struct str params = line->params, found, value;

	while (take_param(&params, &found, &value))
		if ((str_ieq(found, name) && list_has(value, word)) || (!value.len && str_ieq(found, word)))
			return true;
	return false;
}

void content_text(struct str value, struct strbuf *out)
{
	char clean[CONTENT_LINE_MAX];
	size_t n = 0;

	for (size_t i = 0; i < value.len && n < sizeof(clean); i++) {
		char c = value.ptr[i];
		if (c == '\\' && i + 1 < value.len) {
			c = value.ptr[++i];
			c = c == 'n' || c == 'N' ? ' ' : c;
		}
		bool control = (c >= 0 && c < ' ') || c == 0x7f;
		c = control ? ' ' : c;
		/* one blank is as good as many */
		if (c == ' ' && (n == 0 || clean[n - 1] == ' '))
			continue;
		clean[n++] = c;
	}
	struct str text = str_trim((struct str){clean, n});
	if (utf8_valid(text))
		utf8_append(out, text);
	else
		mail_charset_to_utf8(STR("utf-8"), STR(""), text, out);
}
