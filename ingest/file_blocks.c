/*
 * See file_blocks.h. Each kind is searched for on its own, and its next block is remembered until the walk has passed
 * it, so that many blocks of one kind do not cost a search for the other kind each.
 *
 * Linear, because a search never comes back: a line that begins a block is no data line of any (its small letters are
 * outside of both alphabets, or follow a blank), so a uuencoded block that fails is over before the next one begins. A
 * "=ybegin" that no "=yend" follows ends the search for yEnc: nothing behind it can be a whole block either.
 */
#include "ingest/file_blocks.h"

#include "ingest/text_line.h"
#include "ingest/yenc.h"

#define UU_FULL_LINE 61 /* "M" and 45 octets */

/* ---- lines ---- */

/* The line at *at without its end; *at moves behind it. */
static struct str take_line(struct str text, size_t *at)
{
	struct str rest = str_sub(text, *at, text.len);
	struct str line = text_line_take(&rest);

	*at = text.len - rest.len;
	return line;
}

/* "644 cat.gif": the name, what stands behind a mode in octal digits. False: that is no such line. */
static bool mode_and_name(struct str rest, struct str *ret_name)
{
	size_t digits = 0;

	while (digits < rest.len && rest.ptr[digits] >= '0' && rest.ptr[digits] <= '7')
		digits++;
	if (digits < 3 || digits > 6 || digits == rest.len || rest.ptr[digits] != ' ')
		return false;
	*ret_name = str_trim(str_sub(rest, digits, rest.len));
	return ret_name->len > 0;
}

static bool begins(struct str line, enum mail_encoding *ret_encoding, struct str *ret_name)
{
	const struct str uu = STR("begin "), base64 = STR("begin-base64 ");

	*ret_encoding = str_starts(line, uu) ? MAIL_ENCODING_UU : MAIL_ENCODING_BASE64;
	if (str_starts(line, uu))
		return mode_and_name(str_sub(line, uu.len, line.len), ret_name);
	return str_starts(line, base64) && mode_and_name(str_sub(line, base64.len, line.len), ret_name);
}

/* A line of data: its length, and as many characters as that takes, or less where blanks at its end got lost; one more
 * is a checksum. */
static bool is_uu_data(struct str line)
{
	if (!line.len || line.ptr[0] <= ' ' || line.ptr[0] > '_')
		return false;
	size_t octets = (size_t)(line.ptr[0] - ' ');
	if (line.len > 1 + (octets + 2) / 3 * 4 + 1)
		return false;
	for (size_t i = 1; i < line.len; i++)
		if (line.ptr[i] < ' ' || line.ptr[i] > '`')
			return false;
	return true;
}

static bool is_base64_data(struct str line)
{
	for (size_t i = 0; i < line.len; i++)
		if (!ascii_alpha(line.ptr[i]) && !ascii_digit(line.ptr[i]) && line.ptr[i] != '+' &&
		    line.ptr[i] != '/' && line.ptr[i] != '=')
			return false;
	return line.len > 0;
}

/* No octets: what stands before "end". */
static bool is_uu_zero(struct str line)
{
	struct str rest = str_trim(line);
	return !rest.len || str_eq(rest, STR("`"));
}

/* ---- one block ---- */

/* The data of a block, from behind its first line. False: it is none; *at is where it stopped to be one. */
static bool uu_body(struct str text, size_t *at)
{
	bool any = false, zero = false, full = false; /* any: of data, or the sign of none */

	while (*at < text.len) {
		size_t next = *at;
		struct str line = take_line(text, &next);
		if (str_eq(str_trim(line), STR("end"))) {
			*at = next;
			return any;
		}
		if (zero || (!is_uu_zero(line) && !is_uu_data(line)))
			return false;
		zero = is_uu_zero(line);
		any |= !zero || str_trim(line).len;
		full |= line.len >= UU_FULL_LINE;
		*at = next;
	}
	return full;
}

static bool base64_body(struct str text, size_t *at, size_t *ret_data_end)
{
	while (*at < text.len) {
		size_t next = *at;
		struct str line = take_line(text, &next);
		*ret_data_end = *at;
		if (str_eq(str_trim(line), STR("===="))) {
			*at = next;
			return true;
		}
		if (!is_base64_data(line))
			return false;
		*at = next;
	}
	return false;
}

static void find_uu(struct str text, size_t from, struct file_block *ret)
{
	for (size_t at = text_line_find(text, from, STR("begin")); at < text.len;
	     at = text_line_find(text, at, STR("begin"))) {
		struct file_block block = {.from = at};
		struct str line = take_line(text, &at);
		if (!begins(line, &block.encoding, &block.name))
			continue;
		size_t data = at, data_end = at;
		bool uu = block.encoding == MAIL_ENCODING_UU;
		if (!(uu ? uu_body(text, &at) : base64_body(text, &at, &data_end)))
			continue;
		block.to = at;
		block.raw = uu ? str_sub(text, block.from, at) : str_sub(text, data, data_end);
		*ret = block;
		return;
	}
	*ret = (struct file_block){.from = text.len};
}

static void find_yenc(struct str text, size_t from, struct file_block *ret)
{
	struct yenc_block block;

	*ret = (struct file_block){.from = text.len};
	if (yenc_find(text, from, &block))
		*ret = (struct file_block){block.from, block.to, block.name, MAIL_ENCODING_YENC,
					   str_sub(text, block.from, block.to)};
}

/* ---- all of them ---- */

static void (*const finders[])(struct str text, size_t from, struct file_block *ret) = {find_uu, find_yenc};

void file_blocks_init(struct file_blocks *blocks, struct str text)
{
	*blocks = (struct file_blocks){.text = text};
	for (size_t i = 0; i < ARRAY_SIZE(finders); i++)
		finders[i](text, 0, &blocks->next[i]);
}

bool file_blocks_next(struct file_blocks *blocks, struct file_block *ret)
{
	const struct file_block *first = &blocks->next[0];

	for (size_t i = 0; i < ARRAY_SIZE(finders); i++) {
		struct file_block *next = &blocks->next[i];
		if (next->from < blocks->at) /* it was given out, or began inside of one that was */
			finders[i](blocks->text, blocks->at, next);
		if (next->from < first->from)
			first = next;
	}
	if (first->from == blocks->text.len)
		return false;
	*ret = *first;
	blocks->at = first->to;
	return true;
}

bool file_blocks_maybe(struct str text)
{
	return text.len && (text_line_find(text, 0, STR("begin")) < text.len ||
			    memmem(text.ptr, text.len, "=ybegin ", 8));
}

bool file_blocks_remove(struct str text, struct strbuf *out)
{
	struct file_blocks blocks;
	struct file_block block;

	file_blocks_init(&blocks, text);
	for (size_t at = 0;; at = block.to) {
		bool found = file_blocks_next(&blocks, &block);
		struct str piece = str_sub(text, at, found ? block.from : text.len);
		size_t room = out->len_max - out->len;
		strbuf_add(out, str_sub(piece, 0, room));
		if (piece.len > room)
			return false;
		if (!found)
			return true;
	}
}
