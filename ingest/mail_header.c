/*
 * Header sections: one pass over the lines. A value is a view into the data unless it was folded; then it is
 * copied into the arena without its line ends. Pure.
 */
#include "ingest/mail_header.h"

#include <errno.h>

#define FIELD_NAME_MAX 256
#define JUNK_LINES_MAX 3 /* that are looked at to see whether fields follow */

struct line {
	struct str text; /* without its end */
	size_t next;     /* where the next one starts */
};

static struct line line_at(struct str data, size_t at, char eol)
{
	struct str rest = str_sub(data, at, data.len);
	size_t n = str_find(rest, eol);
	struct line line = {str_sub(rest, 0, n), at + n + (n < rest.len)};

	if (eol == '\n' && line.text.len && line.text.ptr[line.text.len - 1] == '\r')
		line.text.len--;
	return line;
}

static bool starts_blank(struct str s)
{
	return s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t');
}

/* Length of the field name at the start of a line, 0: it is no field (RFC 5322 2.2; blanks before the colon
 * are 4.5). */
static size_t field_name(struct str line, size_t *ret_value)
{
	size_t n = 0;

	while (n < line.len && n <= FIELD_NAME_MAX && line.ptr[n] > ' ' && line.ptr[n] < 0x7f &&
	       line.ptr[n] != ':')
		n++;
	size_t colon = n;
	while (colon < line.len && (line.ptr[colon] == ' ' || line.ptr[colon] == '\t'))
		colon++;
	if (!n || n > FIELD_NAME_MAX || colon == line.len || line.ptr[colon] != ':')
		return 0;
	*ret_value = colon + 1;
	return n;
}

static bool is_field(struct str line)
{
	size_t value;
	return field_name(line, &value) > 0;
}

/* A line that is no field: true to skip it, because it is an mbox separator, or a field follows within a few
 * lines; else the body has begun. */
static bool skip_junk(struct str data, const struct line *line, size_t at, char eol)
{
	struct line next = *line;

	if (str_starts(line->text, STR(">From ")) || (at == 0 && str_starts(line->text, STR("From "))))
		return true;
	for (size_t i = 0; i < JUNK_LINES_MAX && next.next < data.len; i++) {
		next = line_at(data, next.next, eol);
		if (!str_trim(next.text).len || str_starts(next.text, STR("--")))
			return false;
		if (is_field(next.text))
			return true;
	}
	return false;
}

/* A field that a mail's header section may begin with; a text could begin with "Hello: ...". */
static bool is_mail_field(struct str line)
{
	static const struct str names[] = {
		STR_INIT("from"),         STR_INIT("to"),           STR_INIT("subject"),
		STR_INIT("date"),         STR_INIT("received"),     STR_INIT("return-path"),
		STR_INIT("message-id"),   STR_INIT("mime-version"), STR_INIT("delivered-to"),
		STR_INIT("reply-to"),     STR_INIT("sender"),       STR_INIT("dkim-signature"),
		STR_INIT("content-type"),
	};
	size_t value, n = field_name(line, &value);

	if (n > 2 && str_istarts(line, STR("X-")))
		return true;
	for (size_t i = 0; n && i < ARRAY_SIZE(names); i++)
		if (str_ieq(str_sub(line, 0, n), names[i]))
			return true;
	return false;
}

size_t mail_header_lead(struct str data, char eol)
{
	static const struct str mark = STR_INIT("\xef\xbb\xbf");
	size_t lead = str_starts(data, mark) ? mark.len : 0, at = lead;

	while (at < data.len) {
		struct line line = line_at(data, at, eol);
		if (str_trim(line.text).len)
			return is_mail_field(line.text) || str_starts(line.text, STR("From ")) ? at : lead;
		at = line.next;
	}
	return lead;
}

/* Grow the array when needed. */
static bool add_field(struct arena *arena, struct mail_header *header, size_t *allocated,
		      struct mail_field field)
{
	if (header->n == *allocated) {
		size_t n = *allocated ? *allocated * 2 : 32;
		struct mail_field *fields = arena_alloc(arena, n * sizeof(*fields));
		if (!fields)
			return false;
		if (header->n)
			memcpy(fields, header->fields, header->n * sizeof(*fields));
		header->fields = fields;
		*allocated = n;
	}
	header->fields[header->n++] = field;
	return true;
}

/* raw without its line ends, which stand before blanks only. */
static bool unfold(struct arena *arena, struct str raw, char eol, struct str *ret)
{
	if (str_find(raw, eol) == raw.len && (eol == '\r' || str_find(raw, '\r') == raw.len)) {
		*ret = str_trim(raw);
		return true;
	}
	char *copy = arena_alloc(arena, raw.len);
	if (!copy)
		return false;
	size_t n = 0;
	for (size_t i = 0; i < raw.len; i++)
		if (raw.ptr[i] != '\n' && raw.ptr[i] != '\r')
			copy[n++] = raw.ptr[i];
	*ret = str_trim((struct str){copy, n});
	return true;
}

static bool has_eight_bit(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] & 0x80)
			return true;
	return false;
}

void mail_header_split(struct arena *arena, struct str data, char eol, const struct mail_limits *limits,
		       struct mail_header *ret)
{
	struct mail_header header = {.unfinished = true};
	size_t allocated = 0, at = 0, end = 0;

	while (at < data.len) {
		struct line line = line_at(data, at, eol);
		if (!line.text.len) {
			end = line.next;
			header.unfinished = false;
			break;
		}
		size_t value_at, name_len = field_name(line.text, &value_at);
		if (str_starts(line.text, STR("--")))
			break;
		if (!name_len) {
			/* a blank line of blanks ends the section too; a stray continuation line is skipped */
			bool blank = !str_trim(line.text).len;
			struct line next = line_at(data, line.next, eol);
			if (blank && !is_field(next.text)) {
				end = line.next;
				header.unfinished = false;
				break;
			}
			if (!blank && !skip_junk(data, &line, at, eol))
				break;
			at = line.next;
			end = header.n ? at : end;
			continue;
		}
		size_t raw_end = at + line.text.len, next_at = line.next;
		while (next_at < data.len) {
			struct line next = line_at(data, next_at, eol);
			if (!starts_blank(next.text) ||
			    (!str_trim(next.text).len && !is_field(line_at(data, next.next, eol).text) &&
			     !starts_blank(line_at(data, next.next, eol).text)))
				break;
			raw_end = next_at + next.text.len;
			next_at = next.next;
		}
		struct str raw = str_sub(data, at + value_at, raw_end);
		if (raw.len > limits->header_field_max) {
			raw.len = limits->header_field_max;
			header.cut = true;
		}
		if (header.n >= limits->header_fields_max || next_at > limits->header_max) {
			header.limited = true;
		} else {
			struct mail_field field = {.name = str_sub(line.text, 0, name_len)};
			if (!unfold(arena, raw, eol, &field.value) ||
			    !add_field(arena, &header, &allocated, field))
				header.limited = true;
			else
				header.eight_bit = header.eight_bit || has_eight_bit(field.value);
		}
		at = next_at;
		end = at;
	}
	header.size = end;
	*ret = header;
}

struct str mail_header_value(const struct mail_header *header, struct str name)
{
	for (size_t i = 0; i < header->n; i++)
		if (header->fields[i].value.len && str_ieq(header->fields[i].name, name))
			return header->fields[i].value;
	return STR("");
}

size_t mail_header_count(const struct mail_header *header, struct str name)
{
	size_t n = 0;

	for (size_t i = 0; i < header->n; i++)
		n += str_ieq(header->fields[i].name, name);
	return n;
}

/* ---- identifiers ---- */

/* The next identifier of *rest: what is in angle brackets, else, with loose, a word with an "@". */
static bool next_id(struct str *rest, bool loose, struct str *ret)
{
	while (rest->len) {
		size_t at = 0;
		if (!loose) {
			at = str_find(*rest, '<');
			struct str inner = str_sub(*rest, at + 1, rest->len);
			size_t n = 0;
			while (n < inner.len && inner.ptr[n] != '>' && inner.ptr[n] != '<')
				n++;
			*ret = str_trim(str_sub(inner, 0, n));
			bool closed = n < inner.len && inner.ptr[n] == '>';
			*rest = str_sub(inner, n + closed, inner.len);
		} else {
			while (at < rest->len && (ascii_space(rest->ptr[at]) || rest->ptr[at] == ','))
				at++;
			size_t n = at;
			while (n < rest->len && !ascii_space(rest->ptr[n]) && rest->ptr[n] != ',')
				n++;
			*ret = str_sub(*rest, at, n);
			while (ret->len && strchr("<>\"'", ret->ptr[0]) && ret->ptr[0])
				*ret = str_sub(*ret, 1, ret->len);
			while (ret->len && strchr("<>\"'", ret->ptr[ret->len - 1]) && ret->ptr[ret->len - 1])
				ret->len--;
			*rest = str_sub(*rest, n, rest->len);
			if (str_find(*ret, '@') == ret->len)
				ret->len = 0;
		}
		if (ret->len)
			return true;
	}
	return false;
}

/* Printable ASCII and UTF-8 only, without blanks. */
static int copy_id(struct arena *arena, struct str id, struct str *ret)
{
	char *copy = arena_alloc(arena, id.len + 1);
	size_t n = 0;

	if (!copy)
		return -ENOBUFS;
	for (size_t i = 0; i < id.len; i++)
		if (id.ptr[i] > ' ' && id.ptr[i] < 0x7f)
			copy[n++] = id.ptr[i];
		else if ((unsigned char)id.ptr[i] & 0x80)
			copy[n++] = '?';
	copy[n] = '\0';
	*ret = (struct str){copy, n};
	return 0;
}

int mail_header_ids(struct arena *arena, struct str value, size_t max, struct mail_strs *ret)
{
	struct str rest = value, id;
	size_t n = 0;

	while (next_id(&rest, false, &id))
		n++;
	bool loose = n == 0;
	rest = value;
	while (loose && next_id(&rest, true, &id))
		n++;
	if (!n || !max)
		return 0;
	size_t kept = n < max ? n : max, skipped = n - kept;
	struct str *items = arena_alloc(arena, kept * sizeof(*items));
	if (!items)
		return -ENOBUFS;
	size_t at = 0;
	rest = value;
	for (size_t i = 0; i < n && next_id(&rest, loose, &id); i++) {
		if (i > 0 && i <= skipped)
			continue;
		if (copy_id(arena, id, &items[at]) < 0)
			break;
		at += items[at].len > 0;
	}
	*ret = (struct mail_strs){items, at};
	return 0;
}

struct str mail_header_token(struct arena *arena, struct str value)
{
	char *copy = arena_alloc(arena, value.len < 128 ? value.len + 1 : 128);
	size_t n = 0, comments = 0;
	bool blank = false;

	if (!copy)
		return STR("");
	for (size_t i = 0; i < value.len && n < 127; i++) {
		char c = value.ptr[i];
		if (c == '(') {
			comments++;
		} else if (c == ')' && comments) {
			comments--;
		} else if (!comments && ascii_space(c)) {
			blank = true;
		} else if (!comments && (c == ';' || c == ',')) {
			break;
		} else if (!comments && c != '"' && c > ' ' && c < 0x7f) {
			if (blank && n && c != '/' && copy[n - 1] != '/')
				break; /* a semicolon is missing */
			copy[n++] = ascii_lower(c);
			blank = false;
		}
	}
	return (struct str){copy, n};
}
