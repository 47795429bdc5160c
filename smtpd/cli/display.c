/*
 * Safe text and tables. Character classes are short tables of ranges: they need not be complete to be safe, for
 * what can do harm (controls, overrides, invisible characters) is listed whole, and a wrong width costs nothing
 * but a crooked column.
 */
#include "smtpd/cli/display.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"

#define COLUMNS_MAX     16
#define CELL_MAX        (64 * 1024)
#define LINE_MAX_OCTETS (10 * 1024 * 1024)

struct range {
	uint32_t first, last;
};

/* Never shown as they are: controls, line and paragraph separators, bidirectional controls, invisible operators,
 * soft hyphen, byte order marks, interlinear annotations, language tags, private use, noncharacters. */
static const struct range hidden[] = {
	{0x0000, 0x001f},   {0x007f, 0x009f},    {0x00ad, 0x00ad}, {0x034f, 0x034f},   {0x061c, 0x061c},
	{0x115f, 0x1160},   {0x17b4, 0x17b5},    {0x180e, 0x180e}, {0x200b, 0x200b},   {0x200e, 0x200f},
	{0x2028, 0x202e},   {0x2060, 0x206f},    {0x3164, 0x3164}, {0xe000, 0xf8ff},   {0xfeff, 0xfeff},
	{0xffa0, 0xffa0},   {0xfff0, 0xfffb},    {0xfffe, 0xffff}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
	{0xe0000, 0xe0fff}, {0xf0000, 0x10ffff},
};

static const struct range combining[] = {
	{0x0300, 0x036f},   {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x05bf, 0x05bf}, {0x05c1, 0x05c7},
	{0x0610, 0x061a},   {0x064b, 0x065f}, {0x0670, 0x0670}, {0x06d6, 0x06dc}, {0x06df, 0x06e4},
	{0x0900, 0x0902},   {0x093c, 0x093c}, {0x0941, 0x0948}, {0x094d, 0x094d}, {0x0e31, 0x0e31},
	{0x0e34, 0x0e3a},   {0x0e47, 0x0e4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200d, 0x200d},
	{0x20d0, 0x20ff},   {0x302a, 0x302d}, {0x3099, 0x309a}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
	{0x1f3fb, 0x1f3ff},
};

static const struct range wide[] = {
	{0x1100, 0x115f},   {0x231a, 0x231b},   {0x23e9, 0x23ec},   {0x2614, 0x2615},   {0x2648, 0x2653},
	{0x26a1, 0x26a1},   {0x2705, 0x2705},   {0x270a, 0x270b},   {0x2728, 0x2728},   {0x274c, 0x274c},
	{0x2753, 0x2755},   {0x2b50, 0x2b50},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},
	{0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
	{0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
	{0x1f900, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};

static bool in_ranges(const struct range *ranges, size_t n, uint32_t c)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (c > ranges[mid].last)
			low = mid + 1;
		else if (c < ranges[mid].first)
			high = mid;
		else
			return true;
	}
	return false;
}
#define IN(ranges, c) in_ranges((ranges), ARRAY_SIZE(ranges), (c))

/* The first character; octets it took, 0 when it is no UTF-8. */
static size_t decode(struct str text, uint32_t *ret)
{
	unsigned char c = (unsigned char)text.ptr[0];
	size_t len = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	uint32_t value = len == 1 ? c : c & (0x7fu >> len);
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	if (len > text.len || (c >= 0x80 && c < 0xc2) || c > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++) {
		unsigned char next = (unsigned char)text.ptr[i];
		if ((next & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (next & 0x3fu);
	}
	if (value < least[len] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*ret = value;
	return len;
}

void display_text(struct strbuf *out, struct str text, bool one_line)
{
	bool blank = true; /* leading blanks are dropped too */
	for (size_t i = 0; i < text.len;) {
		uint32_t c = 0;
		size_t len = decode(str_sub(text, i, text.len), &c);
		struct str bytes = str_sub(text, i, i + (len ? len : 1));
		i += bytes.len;
		if (one_line && len && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
			if (!blank)
				strbuf_addc(out, ' ');
			blank = true;
			continue;
		}
		blank = false;
		if (!len)
			strbuf_printf(out, "<%02X>", (unsigned char)bytes.ptr[0]);
		else if (c == '\n' || c == '\t')
			strbuf_add(out, bytes);
		else if (c == '\r' && i < text.len && text.ptr[i] == '\n')
			continue;
		else if (IN(hidden, c))
			strbuf_printf(out, "<U+%04" PRIX32 ">", c);
		else
			strbuf_add(out, bytes);
	}
}

static size_t character_width(uint32_t c)
{
	return c < 0x300 ? 1 : IN(combining, c) ? 0 : IN(wide, c) ? 2 : 1;
}

size_t display_width(struct str text)
{
	size_t width = 0;
	for (size_t i = 0; i < text.len;) {
		uint32_t c = 0;
		size_t len = decode(str_sub(text, i, text.len), &c);
		width += len ? character_width(c) : 1;
		i += len ? len : 1;
	}
	return width;
}

struct str display_cut(struct str text, size_t columns)
{
	size_t width = 0, i = 0;
	while (i < text.len) {
		uint32_t c = 0;
		size_t len = decode(str_sub(text, i, text.len), &c);
		width += len ? character_width(c) : 1;
		if (width > columns)
			break;
		i += len ? len : 1;
	}
	return str_sub(text, 0, i);
}

void display_line(FILE *file, const char *key, struct str value)
{
	struct strbuf safe;
	if (value.len == 0)
		return;
	strbuf_init(&safe, LINE_MAX_OCTETS);
	display_text(&safe, str_sub(value, 0, LINE_MAX_OCTETS / 10), true);
	fprintf(file, "%-18s %s\n", key, safe.ptr ? safe.ptr : "");
	strbuf_done(&safe);
}

char *display_size(int64_t octets, char *buf)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	size_t unit = 0;
	double value = (double)octets / 1024;
	if (octets < 1024) {
		snprintf(buf, DISPLAY_SIZE_MAX, "%" PRId64 " B", octets);
		return buf;
	}
	while (value >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	snprintf(buf, DISPLAY_SIZE_MAX, "%.1f %s", value, units[unit]);
	return buf;
}

char *display_time(int64_t ms, char *buf)
{
	char iso[CLOCK_ISO_SIZE];
	if (ms == 0) {
		memcpy(buf, "-", 2);
		return buf;
	}
	clock_format_iso(ms, iso);
	/* "2026-11-21T09:30:00.123Z" -> "2026-11-21 09:30:00Z" */
	snprintf(buf, DISPLAY_TIME_MAX, "%.10s %.8sZ", iso, iso + 11);
	return buf;
}

/* ---- tables ---- */

struct table {
	const struct table_column *columns;
	size_t n;
	char **cells; /* n per row */
	size_t rows, rows_allocated;
	size_t widths[COLUMNS_MAX];
};

struct table *table_new(const struct table_column *columns, size_t n)
{
	struct table *table = XNEW(struct table);
	table->columns = columns;
	table->n = n < COLUMNS_MAX ? n : COLUMNS_MAX;
	for (size_t i = 0; i < table->n; i++)
		table->widths[i] = display_width(str_from(columns[i].title));
	return table;
}

static char *make_cell(struct str text, size_t width_max)
{
	struct strbuf safe;
	strbuf_init(&safe, CELL_MAX);
	display_text(&safe, str_sub(text, 0, CELL_MAX / 10), true);
	struct str whole = str_trim(strbuf_str(&safe));
	struct str cut = width_max ? display_cut(whole, width_max) : whole;
	char *cell = cut.len < whole.len ? xasprintf("%.*s…", STR_ARG(display_cut(whole, width_max - 1)))
					 : xstrndup(cut);
	strbuf_done(&safe);
	return cell;
}

void table_row(struct table *table, const struct str *cells)
{
	if (table->rows == table->rows_allocated) {
		table->rows_allocated = table->rows_allocated ? table->rows_allocated * 2 : 64;
		table->cells = xreallocarray(table->cells, table->rows_allocated * table->n, sizeof(char *));
	}
	for (size_t i = 0; i < table->n; i++) {
		char *cell = make_cell(cells[i], table->columns[i].width_max);
		size_t width = display_width(str_from(cell));
		if (width > table->widths[i])
			table->widths[i] = width;
		table->cells[table->rows * table->n + i] = cell;
	}
	table->rows++;
}

size_t table_rows(const struct table *table)
{
	return table->rows;
}

static void pad(FILE *file, size_t n)
{
	while (n--)
		fputc(' ', file);
}

static void print_row(const struct table *table, FILE *file, const char *const *cells)
{
	for (size_t i = 0; i < table->n; i++) {
		size_t blanks = table->widths[i] - display_width(str_from(cells[i]));
		if (table->columns[i].right)
			pad(file, blanks);
		fputs(cells[i], file);
		if (i + 1 == table->n)
			break;
		if (!table->columns[i].right)
			pad(file, blanks);
		pad(file, 2);
	}
	fputc('\n', file);
}

void table_print(const struct table *table, FILE *file)
{
	const char *titles[COLUMNS_MAX];
	for (size_t i = 0; i < table->n; i++)
		titles[i] = table->columns[i].title;
	print_row(table, file, titles);
	for (size_t r = 0; r < table->rows; r++)
		print_row(table, file, (const char *const *)&table->cells[r * table->n]);
}

struct table *table_free(struct table *table)
{
	if (!table)
		return NULL;
	for (size_t i = 0; i < table->rows * table->n; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
	return NULL;
}
