/*
 * See tnef.h.
 *
 *	stream	   = signature:u32 key:u16 attribute*
 *	attribute  = level:u8 id:u16 type:u16 length:u32 octet*length checksum:u16
 *	properties = count:u32 (type:u16 id:u16 [name] value)*
 *	name	   = guid:16 kind:u32 (id:u32 | length:u32 octet*length, filled up to 4)	when the id is 0x8000 and above
 *	value	   = octet*4, octet*8 or octet*16, by type
 *		   | count:u32 (length:u32 octet*length, filled up to 4)*	for texts and binaries
 *		   | count:u32 value*						when the type has the bit 0x1000
 *
 *  1. struct input never goes beyond its end: a getter that would gives zero, and sets `bad`.
 *  2. A count is never a reason to allocate or to loop longer than the octets last: each turn takes one octet at least.
 *  3. Checksums are not looked at: what is broken in mail is read as far as it goes.
 *
 * Pure.
 */
#include "ingest/tnef.h"

#include <errno.h>
#include <stdio.h>

#include "base/mailaddr.h"
#include "ingest/html_text.h"
#include "ingest/mail_charset.h"
#include "ingest/rtf_text.h"

#define SIGNATURE 0x223e9f78u

enum attribute {
	ATTACH_TITLE = 0x8010,
	ATTACH_DATA = 0x800f,
	ATTACH_RENDER = 0x9002, /* begins an attachment */
	ATTACH_PROPERTIES = 0x9005,
	MESSAGE_PROPERTIES = 0x9003,
	MESSAGE_BODY = 0x800c,
	OEM_CODEPAGE = 0x9007,
};

enum property {
	PROPERTY_BODY = 0x1000,
	PROPERTY_RTF = 0x1009,
	PROPERTY_HTML = 0x1013,
	PROPERTY_INTERNET_CODEPAGE = 0x3fde,
	PROPERTY_ATTACH_DATA = 0x3701,
	PROPERTY_ATTACH_NAME = 0x3704,
	PROPERTY_ATTACH_LONG_NAME = 0x3707,
	PROPERTY_ATTACH_TYPE = 0x370e,
	PROPERTY_ATTACH_CONTENT_ID = 0x3712,
	PROPERTY_DISPLAY_NAME = 0x3001,
};

enum property_type {
	TYPE_OBJECT = 0x0d,
	TYPE_STRING8 = 0x1e,
	TYPE_UNICODE = 0x1f,
	TYPE_CLSID = 0x48,
	TYPE_BINARY = 0x102,
	TYPE_MANY = 0x1000,
};

#define OBJECT_ID_SIZE 16 /* before an object's octets: which interface it has */
#define NAME_SIZE_MAX  2048

#define CODEPAGE_LABEL_MAX 24
#define RTF_SIZE_MAX       ((size_t)8 * 1024 * 1024)

/* ---- little-endian octets ---- */

struct input {
	struct str rest;
	bool bad;
};

static struct str take(struct input *in, size_t n)
{
	if (in->bad || n > in->rest.len) {
		in->bad = true;
		return STR("");
	}
	struct str s = str_sub(in->rest, 0, n);
	in->rest = str_sub(in->rest, n, in->rest.len);
	return s;
}

static unsigned value16(struct str s)
{
	return s.len < 2 ? 0 : (unsigned)((unsigned char)s.ptr[0] | (unsigned char)s.ptr[1] << 8);
}

static uint32_t value32(struct str s)
{
	return s.len < 4 ? 0 : value16(s) | (uint32_t)value16(str_sub(s, 2, 4)) << 16;
}

static unsigned take16(struct input *in)
{
	return value16(take(in, 2));
}

static uint32_t take32(struct input *in)
{
	return value32(take(in, 4));
}

/* Octets that are filled up to a multiple of four; the filling may be missing at the end. */
static struct str take_filled(struct input *in, size_t n)
{
	struct str s = take(in, n);
	size_t filling = (4 - n % 4) % 4;
	take(in, filling < in->rest.len ? filling : in->rest.len);
	return s;
}

/* ---- MAPI properties ---- */

struct property_value {
	unsigned id, type;
	struct str octets; /* the first value, when there are several */
};

static bool is_counted(unsigned type)
{
	return type == TYPE_STRING8 || type == TYPE_UNICODE || type == TYPE_BINARY || type == TYPE_OBJECT;
}

static size_t fixed_size(unsigned type)
{
	switch (type) {
	case 0x02: /* 16 bits, truth, 32 bits, float, error: four octets each */
	case 0x03:
	case 0x04:
	case 0x0a:
	case 0x0b:
		return 4;
	case 0x05: /* double, currency, times, 64 bits */
	case 0x06:
	case 0x07:
	case 0x14:
	case 0x40:
		return 8;
	case TYPE_CLSID:
		return 16;
	default:
		return 0;
	}
}

static void skip_name(struct input *in)
{
	take(in, 16);
	if (take32(in) == 0)
		take(in, 4);
	else
		take_filled(in, take32(in));
}

static struct str take_value(struct input *in, unsigned type)
{
	unsigned basic = type & ~(unsigned)TYPE_MANY;
	bool counted = is_counted(basic);
	size_t size = fixed_size(basic);
	struct str first = STR("");

	if (!counted && !size)
		in->bad = true; /* of an unknown type, and so of an unknown size */
	uint32_t n = counted || (type & TYPE_MANY) ? take32(in) : 1;
	for (uint32_t i = 0; i < n && !in->bad; i++) {
		struct str octets = counted ? take_filled(in, take32(in)) : take(in, size);
		if (i == 0)
			first = octets;
	}
	return first;
}

/* False at the end, or where the octets make no sense any more. */
static bool next_property(struct input *in, struct property_value *ret)
{
	ret->type = take16(in);
	ret->id = take16(in);
	if (!in->bad && ret->id >= 0x8000)
		skip_name(in);
	if (!in->bad)
		ret->octets = take_value(in, ret->type);
	return !in->bad;
}

/* ---- texts ---- */

/* The charset label of a Windows code page; empty: to be found out. */
static struct str codepage_label(unsigned codepage, char buf[CODEPAGE_LABEL_MAX])
{
	static const struct {
		unsigned codepage;
		struct str label;
	} labels[] = {
		{65001, STR_INIT("utf-8")},       {1200, STR_INIT("utf-16le")},
		{20127, STR_INIT("us-ascii")},    {20866, STR_INIT("koi8-r")},
		{21866, STR_INIT("koi8-u")},      {50220, STR_INIT("iso-2022-jp")},
		{50221, STR_INIT("iso-2022-jp")}, {50222, STR_INIT("iso-2022-jp")},
		{51932, STR_INIT("euc-jp")},      {51949, STR_INIT("euc-kr")},
		{932, STR_INIT("shift_jis")},     {936, STR_INIT("gbk")},
		{949, STR_INIT("euc-kr")},        {950, STR_INIT("big5")},
		{54936, STR_INIT("gb18030")},     {874, STR_INIT("windows-874")},
	};
	int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		if (labels[i].codepage == codepage)
			return labels[i].label;
	if (codepage >= 1250 && codepage <= 1258)
		n = snprintf(buf, CODEPAGE_LABEL_MAX, "windows-%u", codepage);
	else if (codepage >= 28591 && codepage <= 28605)
		n = snprintf(buf, CODEPAGE_LABEL_MAX, "iso-8859-%u", codepage - 28590);
	return (struct str){buf, n > 0 ? (size_t)n : 0};
}

/* Without the NULs that end them. */
static struct str trim_nul(struct str s, unsigned type)
{
	size_t unit = type == TYPE_UNICODE ? 2 : 1;

	if (unit == 2)
		s.len -= s.len % 2;
	while (s.len >= unit && s.ptr[s.len - 1] == 0 && s.ptr[s.len - unit] == 0)
		s.len -= unit;
	return s;
}

static void add_text(const struct tnef *tnef, struct str octets, unsigned type, struct strbuf *out)
{
	char buf[CODEPAGE_LABEL_MAX];
	struct str label = type == TYPE_UNICODE ? STR("utf-16le") : codepage_label(tnef->codepage, buf);

	mail_charset_to_utf8(label, STR(""), trim_nul(octets, type), out);
}

static void keep_line(struct arena *arena, const struct tnef *tnef, struct str octets, unsigned type,
		      struct str *ret)
{
	struct strbuf text;
	struct str copy;

	strbuf_init(&text, 3 * NAME_SIZE_MAX);
	add_text(tnef, str_sub(octets, 0, NAME_SIZE_MAX), type, &text);
	utf8_one_line(&text);
	if (text.len && arena_copy(arena, strbuf_str(&text), &copy) == 0)
		*ret = copy;
	strbuf_done(&text);
}

/* A claimed media type; nothing else is one. */
static struct str media_type_of(struct str line)
{
	size_t slash = str_find(line, '/');

	for (size_t i = 0; i < line.len; i++)
		if (line.ptr[i] <= ' ' || line.ptr[i] >= 0x7f || line.ptr[i] == ';')
			return STR("");
	return slash > 0 && slash + 1 < line.len && line.len < 128 ? line : STR("");
}

static void keep_media_type(struct arena *arena, const struct tnef *tnef, const struct property_value *value,
			    struct str *ret)
{
	struct str line = STR("");

	keep_line(arena, tnef, value->octets, value->type, &line);
	line = media_type_of(line);
	char *copy = line.len ? arena_alloc(arena, line.len) : NULL;
	if (!copy)
		return;
	for (size_t i = 0; i < line.len; i++)
		copy[i] = ascii_lower(line.ptr[i]);
	*ret = (struct str){copy, line.len};
}

/* ---- attributes ---- */

static bool is_text(unsigned type)
{
	return type == TYPE_STRING8 || type == TYPE_UNICODE;
}

static void read_message_properties(struct str octets, struct tnef *tnef)
{
	struct input in = {.rest = octets};
	struct property_value value;

	take32(&in);
	while (next_property(&in, &value)) {
		if (value.id == PROPERTY_INTERNET_CODEPAGE && value.type == 0x03 && !tnef->codepage)
			tnef->codepage = value32(value.octets);
		else if (value.id == PROPERTY_BODY && value.type == TYPE_UNICODE)
			tnef->body_wide = value.octets;
		else if (value.id == PROPERTY_BODY && value.type == TYPE_STRING8)
			tnef->body = value.octets;
		else if (value.id == PROPERTY_HTML &&
			 (value.type == TYPE_BINARY || value.type == TYPE_STRING8))
			tnef->html = value.octets;
		else if (value.id == PROPERTY_RTF && value.type == TYPE_BINARY)
			tnef->rtf = value.octets;
	}
}

/* A file by reference is an object; a mail inside is a TNEF stream behind the name of its interface. */
static void read_data(const struct property_value *value, struct tnef_file *file)
{
	struct str octets = value->octets;

	if (value->type == TYPE_BINARY) {
		if (octets.len > file->octets.len)
			file->octets = octets;
	} else if (value->type == TYPE_OBJECT && octets.len > OBJECT_ID_SIZE) {
		file->octets = str_sub(octets, OBJECT_ID_SIZE, octets.len);
		if (value32(file->octets) == SIGNATURE)
			file->media_type = STR("application/ms-tnef");
	}
}

static void read_file_properties(struct arena *arena, const struct tnef *tnef, struct str octets,
				 struct tnef_file *file)
{
	struct input in = {.rest = octets};
	struct property_value value;
	bool long_name = false;

	take32(&in);
	while (next_property(&in, &value)) {
		if (value.id == PROPERTY_ATTACH_LONG_NAME && is_text(value.type)) {
			keep_line(arena, tnef, value.octets, value.type, &file->name);
			long_name = file->name.len > 0;
		} else if ((value.id == PROPERTY_ATTACH_NAME || value.id == PROPERTY_DISPLAY_NAME) &&
			   is_text(value.type) && !long_name && !file->name.len) {
			keep_line(arena, tnef, value.octets, value.type, &file->name);
		} else if (value.id == PROPERTY_ATTACH_TYPE && is_text(value.type) && !file->media_type.len) {
			keep_media_type(arena, tnef, &value, &file->media_type);
		} else if (value.id == PROPERTY_ATTACH_CONTENT_ID && is_text(value.type)) {
			keep_line(arena, tnef, value.octets, value.type, &file->content_id);
		} else if (value.id == PROPERTY_ATTACH_DATA) {
			read_data(&value, file);
		}
	}
}

static struct tnef_file *begin_file(struct arena *arena, struct tnef *tnef)
{
	if (!tnef->files)
		tnef->files = arena_alloc(arena, TNEF_FILES_MAX * sizeof(*tnef->files));
	if (!tnef->files || tnef->n == TNEF_FILES_MAX) {
		tnef->cut = true;
		return NULL;
	}
	struct tnef_file *file = &tnef->files[tnef->n++];
	*file = (struct tnef_file){STR_INIT(""), STR_INIT(""), STR_INIT(""), STR_INIT("")};
	return file;
}

static void read_attribute(struct arena *arena, unsigned id, struct str octets, struct tnef *tnef,
			   struct tnef_file **file)
{
	switch (id) {
	case OEM_CODEPAGE:
		if (octets.len >= 4)
			tnef->codepage = value32(octets);
		break;
	case MESSAGE_BODY:
		tnef->body = octets;
		break;
	case MESSAGE_PROPERTIES:
		read_message_properties(octets, tnef);
		break;
	case ATTACH_RENDER:
		*file = begin_file(arena, tnef);
		break;
	case ATTACH_TITLE:
		if (*file)
			keep_line(arena, tnef, octets, TYPE_STRING8, &(*file)->name);
		break;
	case ATTACH_DATA:
		if (*file)
			(*file)->octets = octets;
		break;
	case ATTACH_PROPERTIES:
		if (*file)
			read_file_properties(arena, tnef, octets, *file);
		break;
	default:
		break;
	}
}

int tnef_read(struct arena *arena, struct str octets, struct tnef *ret)
{
	struct input in = {.rest = octets};
	struct tnef tnef = {
		.body = STR_INIT(""), .body_wide = STR_INIT(""), .html = STR_INIT(""), .rtf = STR_INIT("")};
	struct tnef_file *file = NULL;

	if (take32(&in) != SIGNATURE)
		return -EBADMSG;
	take16(&in);
	while (!in.bad && in.rest.len) {
		unsigned level = (unsigned char)(take(&in, 1).ptr[0]);
		unsigned id = take16(&in);
		take16(&in);
		uint32_t length = take32(&in);
		/* the end of the stream may cut the last one; what there is of it is taken */
		bool whole = length <= in.rest.len;
		struct str value = take(&in, whole ? length : in.rest.len);
		take16(&in);
		if (in.bad || !whole || (level != 1 && level != 2))
			tnef.cut = true;
		if (level != 1 && level != 2)
			break;
		if (value.len)
			read_attribute(arena, id, value, &tnef, &file);
	}
	*ret = tnef;
	return 0;
}

/* ---- the text ---- */

static bool add_html(const struct tnef *tnef, struct strbuf *out)
{
	char buf[CODEPAGE_LABEL_MAX];
	struct strbuf utf8;
	size_t before = out->len;

	strbuf_init(&utf8, out->len_max);
	mail_charset_to_utf8(codepage_label(tnef->codepage, buf), STR(""), trim_nul(tnef->html, TYPE_STRING8),
			     &utf8);
	html_to_text(strbuf_str(&utf8), out, NULL);
	strbuf_done(&utf8);
	return out->len > before;
}

static bool add_rtf(const struct tnef *tnef, struct strbuf *out)
{
	struct strbuf rtf;
	size_t before = out->len;

	strbuf_init(&rtf, RTF_SIZE_MAX);
	if (rtf_unpack(tnef->rtf, &rtf) == 0)
		rtf_to_text(strbuf_str(&rtf), out);
	strbuf_done(&rtf);
	return out->len > before;
}

bool tnef_text(const struct tnef *tnef, struct strbuf *out)
{
	size_t before = out->len;

	if (tnef->body_wide.len)
		add_text(tnef, tnef->body_wide, TYPE_UNICODE, out);
	else if (tnef->body.len)
		add_text(tnef, tnef->body, TYPE_STRING8, out);
	if (str_trim(str_sub(strbuf_str(out), before, out->len)).len) {
		utf8_clean_text(out);
		return true;
	}
	out->len = before;
	if (tnef->html.len && add_html(tnef, out))
		return true;
	return tnef->rtf.len && add_rtf(tnef, out);
}
