/*
 * Splitting: a stack of open multiparts and a position. Each step reads one entity's header section and
 * then, for a multipart, its preamble up to the first boundary line, for a leaf its body up to a boundary
 * line of any open multipart. A boundary line closes what was opened inside of its multipart.
 *
 *  1. `at` only grows. A look ahead for a boundary that never comes is made for the mail itself, and for at most
 *     GUESSES_MAX multiparts inside, so no octet is read more often than that.
 *  2. The stack never holds more than depth_max boundaries, the list never more than parts_max entities.
 *  3. Bodies are views that lie inside their parent's.
 */
#include "ingest/mime_split.h"

#include <errno.h>

#include "ingest/mail_param.h"

#define DEPTH_MAX       64 /* of the stack; limits->depth_max is at most this */
#define GUESS_LINES_MAX 200
#define GUESSES_MAX     8 /* multiparts inside of the mail whose boundary is guessed */

struct open_multipart {
	size_t entity;
	struct str boundary;
};

struct splitter {
	struct arena *arena;
	const struct mail_limits *limits;
	struct mime_tree *tree;
	struct str data;
	char eol;
	size_t at;
	size_t text_end; /* behind it are only blanks and line ends */
	size_t allocated;
	struct open_multipart stack[DEPTH_MAX];
	size_t open;
	unsigned guesses;
	int error;
};

/* A boundary line that was met: of which open multipart, and is it the closing one? */
struct delimiter {
	size_t level; /* index into the stack; SIZE_MAX: end of data */
	bool closing;
	size_t from, next; /* the line; from is before the line end that belongs to it */
};

/* ---- boundary lines ---- */

static size_t line_end(const struct splitter *splitter, size_t at, size_t *ret_next)
{
	struct str rest = str_sub(splitter->data, at, splitter->data.len);
	size_t n = str_find(rest, splitter->eol);

	*ret_next = at + n + (n < rest.len);
	return at + n;
}

/*
 * What no boundary is made of stands behind a boundary: junk that some program left there, if a field that only
 * parts have follows.
 */
static bool is_junk(const struct splitter *splitter, struct str rest, size_t next)
{
	return (ascii_space(rest.ptr[0]) || rest.ptr[0] == ';' || rest.ptr[0] == '"') &&
	       str_istarts(str_sub(splitter->data, next, splitter->data.len), STR("Content-"));
}

static struct str without_trailing_blanks(struct str line)
{
	while (line.len && ascii_space(line.ptr[line.len - 1]))
		line.len--;
	return line;
}

/* Does the line (that begins with "--") delimit an open multipart? The innermost is asked first. */
static bool match_delimiter(const struct splitter *splitter, struct str line, size_t next,
			    struct delimiter *ret)
{
	line = without_trailing_blanks(str_sub(line, 2, line.len));
	for (size_t level = splitter->open; level-- > 0;) {
		struct str boundary = splitter->stack[level].boundary;
		if (!boundary.len || !str_starts(line, boundary))
			continue;
		struct str rest = str_sub(line, boundary.len, line.len);
		/* of the last line a dash may be missing: the mail was cut there */
		bool closing =
			str_starts(rest, STR("--")) || (str_eq(rest, STR("-")) && next >= splitter->text_end);
		if (!rest.len || closing || is_junk(splitter, rest, next)) {
			ret->level = level;
			ret->closing = closing;
			return true;
		}
	}
	return false;
}

/*
 * A delimiter at the end of a line of text: some programs forget the line end before it. It is taken for one where
 * nothing else explains it: a field that only parts have follows, or it closes and nothing follows.
 */
static bool match_glued(const struct splitter *splitter, size_t at, size_t end, size_t next,
			struct delimiter *ret)
{
	bool last = next >= splitter->text_end;
	bool part_follows = next < splitter->data.len && ascii_lower(splitter->data.ptr[next]) == 'c' &&
			    str_istarts(str_sub(splitter->data, next, splitter->data.len), STR("Content-"));

	if (!last && !part_follows)
		return false;
	struct str line = without_trailing_blanks(str_sub(splitter->data, at, end));
	if (last) {
		if (line.len < 2 || !str_eq(str_sub(line, line.len - 2, line.len), STR("--")))
			return false;
		line.len -= 2;
	}
	for (size_t level = splitter->open; level-- > 0;) {
		struct str boundary = splitter->stack[level].boundary;
		if (!boundary.len || line.len < boundary.len + 2)
			continue;
		struct str tail = str_sub(line, line.len - boundary.len - 2, line.len);
		if (str_starts(tail, STR("--")) && str_eq(str_sub(tail, 2, tail.len), boundary)) {
			*ret = (struct delimiter){level, last, (size_t)(tail.ptr - splitter->data.ptr), next};
			return true;
		}
	}
	return false;
}

/* The next boundary line at or behind splitter->at. */
static struct delimiter next_delimiter(const struct splitter *splitter)
{
	struct str data = splitter->data;
	size_t at = splitter->at;
	struct delimiter found = {.level = SIZE_MAX, .from = data.len, .next = data.len};

	if (!splitter->open)
		return found;
	while (at < data.len) {
		size_t next, end = line_end(splitter, at, &next);
		bool dashes = data.ptr[at] == '-' && at + 1 < data.len && data.ptr[at + 1] == '-';
		if (dashes && match_delimiter(splitter, str_sub(data, at, end), next, &found)) {
			found.next = next;
			found.from = at;
			break;
		}
		if (match_glued(splitter, at, end, next, &found))
			break;
		at = next;
	}
	return found;
}

/* The line end before a boundary line belongs to the boundary (RFC 2046 5.1.1). */
static size_t without_line_end(struct str data, size_t from, size_t to)
{
	if (to > from && data.ptr[to - 1] == '\n')
		to--;
	if (to > from && data.ptr[to - 1] == '\r')
		to--;
	return to;
}

/* ---- entities ---- */

static struct mime_entity *add_entity(struct splitter *splitter)
{
	struct mime_tree *tree = splitter->tree;

	if (tree->n == splitter->allocated) {
		size_t n = splitter->allocated ? splitter->allocated * 4 : 8;
		struct mime_entity *entities = arena_alloc(splitter->arena, n * sizeof(*entities));
		if (!entities)
			return NULL;
		if (tree->n)
			memcpy(entities, tree->entities, tree->n * sizeof(*entities));
		tree->entities = entities;
		splitter->allocated = n;
	}
	struct mime_entity *entity = &tree->entities[tree->n++];
	*entity = (struct mime_entity){
		.parent = -1, .content_id = STR(""), .location = STR(""), .start = STR("")};
	return entity;
}

static bool valid_media_type(struct str type)
{
	size_t slash = str_find(type, '/');
	return slash > 0 && slash + 1 < type.len &&
	       str_find(str_sub(type, slash + 1, type.len), '/') == type.len - slash - 1;
}

static void set_media_type(struct splitter *splitter, struct mime_entity *entity)
{
	bool in_digest = entity->parent >= 0 &&
			 str_eq(splitter->tree->entities[entity->parent].media_type, STR("multipart/digest"));
	struct str type =
		entity->content_type.len ? mail_header_token(splitter->arena, entity->content_type) : STR("");

	entity->typed = valid_media_type(type);
	if (entity->typed)
		entity->media_type = type;
	else if (str_eq(type, STR("html")))
		entity->media_type = STR("text/html");
	else /* RFC 2045 5.2, RFC 2046 5.1.5 */
		entity->media_type = in_digest ? STR("message/rfc822") : STR("text/plain");
}

static void set_disposition(struct splitter *splitter, struct mime_entity *entity)
{
	struct str value = entity->content_disposition;

	if (!value.len)
		return;
	struct str token = mail_header_token(splitter->arena, value);
	if (str_eq(token, STR("inline")))
		entity->disposition = DISPOSITION_INLINE;
	else if (token.len && str_find(token, '=') == token.len)
		entity->disposition = DISPOSITION_ATTACHMENT; /* RFC 2183 2.8: unknown ones too */
}

/* Fill an entity from its header section. */
static void describe(struct splitter *splitter, struct mime_entity *entity, const struct mail_header *header)
{
	struct mail_strs ids = {0};

	entity->content_type = mail_header_value(header, STR("Content-Type"));
	entity->content_disposition = mail_header_value(header, STR("Content-Disposition"));
	entity->location = mail_header_value(header, STR("Content-Location"));
	entity->description = mail_header_value(header, STR("Content-Description"));
	struct str encoding = mail_header_value(header, STR("Content-Transfer-Encoding"));
	entity->encoding = mail_encoding_of(encoding);
	splitter->tree->unknown_encoding |= encoding.len && !mail_encoding_known(encoding);
	set_media_type(splitter, entity);
	set_disposition(splitter, entity);
	struct str start;
	if (str_eq(entity->media_type, STR("multipart/related")) &&
	    mail_param_raw(splitter->arena, entity->content_type, STR("start"), &start) == 0 &&
	    mail_header_ids(splitter->arena, start, 1, &ids) == 0 && ids.n)
		entity->start = ids.items[0];
	ids.n = 0;
	struct str id = mail_header_value(header, STR("Content-ID"));
	if (id.len) {
		mail_header_ids(splitter->arena, id, 1, &ids);
		entity->content_id = ids.n ? ids.items[0] : id;
		if (!ids.n && splitter->error == 0) {
			struct str plain = mail_header_token(splitter->arena, id);
			entity->content_id = plain;
		}
	}
}

/* ---- guessing a boundary ---- */

/* A line "--something" before `to` that is followed by a field that only parts have: something. */
static struct str guess_boundary(const struct splitter *splitter, size_t from, size_t to)
{
	size_t at = from;

	for (size_t i = 0; i < GUESS_LINES_MAX && at < to; i++) {
		size_t next, after;
		size_t end = line_end(splitter, at, &next);
		struct str line = str_trim(str_sub(splitter->data, at, end));
		struct str following = str_sub(splitter->data, next, line_end(splitter, next, &after));
		if (line.len > 2 && line.len < 256 && str_starts(line, STR("--")) &&
		    str_istarts(following, STR("Content-")))
			return str_sub(line, 2, line.len);
		at = next;
	}
	return STR("");
}

/* Does a line with the boundary come at all? */
static bool boundary_comes(const struct splitter *splitter, struct str boundary, size_t from)
{
	struct splitter probe = {.data = splitter->data,
				 .eol = splitter->eol,
				 .at = from,
				 .text_end = splitter->text_end,
				 .open = 1};

	probe.stack[0].boundary = boundary;
	return next_delimiter(&probe).level == 0;
}

/* The boundary of a multipart whose body starts at splitter->at; empty: it can't be opened. */
static struct str boundary_of(struct splitter *splitter, const struct mime_entity *entity)
{
	struct str boundary = STR("");

	if (mail_param_raw(splitter->arena, entity->content_type, STR("boundary"), &boundary) == 0) {
		while (boundary.len && ascii_space(boundary.ptr[boundary.len - 1]))
			boundary.len--;
		if (entity->depth > 0 || (boundary.len && boundary_comes(splitter, boundary, splitter->at)))
			return boundary;
	}
	if (entity->depth > 1)
		return STR("");
	struct str guess = guess_boundary(splitter, splitter->at, splitter->data.len);
	splitter->tree->missing_boundary = true;
	return guess.len ? guess : boundary;
}

/*
 * A multipart inside would end at `to` without having had a part: is its boundary another one than it says? Then it is
 * read again from its beginning, by that one.
 */
static bool guess_again(struct splitter *splitter, size_t to)
{
	struct open_multipart *top = &splitter->stack[splitter->open - 1];
	const struct mime_entity *entity = &splitter->tree->entities[top->entity];

	if (entity->children || entity->depth == 0 || splitter->guesses == GUESSES_MAX)
		return false;
	splitter->guesses++;
	struct str guess = guess_boundary(splitter, (size_t)(entity->body.ptr - splitter->data.ptr), to);
	if (!guess.len || str_eq(guess, top->boundary))
		return false;
	splitter->tree->missing_boundary = true;
	top->boundary = guess;
	return true;
}

/* ---- the walk ---- */

/* Close the multiparts above level; their bodies end at `end`. */
static void close_down_to(struct splitter *splitter, size_t level, size_t end)
{
	while (splitter->open > level) {
		struct mime_entity *entity =
			&splitter->tree->entities[splitter->stack[--splitter->open].entity];
		size_t from = (size_t)(entity->body.ptr - splitter->data.ptr);
		entity->body.len = without_line_end(splitter->data, from, end < from ? from : end) - from;
	}
}

/*
 * Read one entity at splitter->at; false when there is no room for more. A leaf's body is set, a multipart is
 * opened.
 */
static bool read_entity(struct splitter *splitter)
{
	struct mime_tree *tree = splitter->tree;
	struct mail_header header;

	if (tree->n >= splitter->limits->parts_max) {
		tree->parts_limited = true;
		return false;
	}
	struct mime_entity *entity = add_entity(splitter);
	if (!entity) {
		tree->parts_limited = true;
		return false;
	}
	size_t index = tree->n - 1;
	if (splitter->open) {
		size_t parent = splitter->stack[splitter->open - 1].entity;
		entity->parent = (int)parent;
		entity->depth = tree->entities[parent].depth + 1;
		entity->number = ++tree->entities[parent].children;
	}
	mail_header_split(splitter->arena, str_sub(splitter->data, splitter->at, splitter->data.len),
			  splitter->eol, splitter->limits, &header);
	tree->header_limited = tree->header_limited || header.limited;
	if (index == 0)
		tree->header = header;
	splitter->at += header.size;
	describe(splitter, entity, &header);
	entity->body = str_sub(splitter->data, splitter->at, splitter->data.len);

	bool multipart = mime_is(entity, STR("multipart/")) ||
			 (entity->typed && str_istarts(entity->content_type, STR("multipart/")));
	if (!multipart)
		return true;
	size_t depth_max = splitter->limits->depth_max < DEPTH_MAX ? splitter->limits->depth_max : DEPTH_MAX;
	if (splitter->open >= depth_max) {
		tree->depth_limited = true;
		return true;
	}
	struct str boundary = boundary_of(splitter, entity);
	if (boundary.len) {
		splitter->stack[splitter->open++] = (struct open_multipart){index, boundary};
		entity->multipart = true;
	}
	return true;
}

static void walk(struct splitter *splitter)
{
	struct mime_tree *tree = splitter->tree;
	bool room = read_entity(splitter);

	while (room && splitter->open) {
		size_t index = tree->n - 1;
		bool leaf = !tree->entities[index].multipart;
		struct delimiter delimiter = next_delimiter(splitter);
		if (!leaf && delimiter.level != splitter->open - 1 && guess_again(splitter, delimiter.from))
			continue;
		size_t from = (size_t)(tree->entities[index].body.ptr - splitter->data.ptr);
		if (leaf && tree->entities[index].body.len)
			tree->entities[index].body.len =
				without_line_end(splitter->data, from, delimiter.from) - from;
		if (delimiter.level == SIZE_MAX) {
			tree->unclosed = true;
			tree->entities[index].cut_short = leaf;
			close_down_to(splitter, 0, splitter->data.len);
			break;
		}
		tree->unclosed = tree->unclosed || delimiter.level + 1 < splitter->open;
		close_down_to(splitter, delimiter.level + 1, delimiter.from);
		splitter->at = delimiter.next;
		if (!delimiter.closing) {
			room = read_entity(splitter);
			continue;
		}
		close_down_to(splitter, delimiter.level, delimiter.from);
		/* the epilogue: on to a boundary of the multipart around it */
		while (splitter->open) {
			delimiter = next_delimiter(splitter);
			if (delimiter.level == SIZE_MAX) {
				close_down_to(splitter, 0, splitter->data.len);
				break;
			}
			close_down_to(splitter, delimiter.level + 1, delimiter.from);
			splitter->at = delimiter.next;
			if (!delimiter.closing) {
				room = read_entity(splitter);
				break;
			}
			close_down_to(splitter, delimiter.level, delimiter.from);
		}
	}
	close_down_to(splitter, 0, splitter->data.len);
	/* what has no parts was no multipart */
	for (size_t i = 0; i < tree->n; i++)
		tree->entities[i].multipart = tree->entities[i].children > 0;
}

int mime_split(struct arena *arena, struct str data, const struct mail_limits *limits, struct mime_tree *ret)
{
	struct mime_tree tree = {0};
	struct splitter splitter = {
		.arena = arena,
		.limits = limits,
		.tree = &tree,
		.data = data.len ? data : STR(""),
		.eol = '\n',
		.text_end = without_trailing_blanks(data).len,
	};

	/* mail of old Macs: no LF at all */
	if (str_find(data, '\n') == data.len && str_find(data, '\r') < data.len)
		splitter.eol = '\r';
	splitter.at = mail_header_lead(splitter.data, splitter.eol);
	walk(&splitter);
	if (!tree.n)
		return -ENOBUFS;
	*ret = tree;
	return 0;
}

int mime_section(struct arena *arena, const struct mime_tree *tree, size_t index, struct str *ret)
{
	unsigned numbers[DEPTH_MAX];
	size_t n = 0;
	char text[DEPTH_MAX * 11];
	size_t len = 0;

	for (int i = (int)index; i >= 0 && tree->entities[i].parent >= 0 && n < DEPTH_MAX;
	     i = tree->entities[i].parent)
		numbers[n++] = tree->entities[i].number;
	if (!n)
		numbers[n++] = 1;
	while (n-- > 0) {
		char digits[10];
		size_t k = 0;
		for (unsigned value = numbers[n]; k == 0 || value; value /= 10)
			digits[k++] = (char)('0' + value % 10);
		while (k-- > 0)
			text[len++] = digits[k];
		text[len++] = '.';
	}
	return arena_copy(arena, (struct str){text, len - 1}, ret);
}
