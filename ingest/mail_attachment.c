/*
 * Attachment names. Cleaning is one pass over the characters, then the ends, then the length; the order
 * matters: what decoding or removing brings to the front is looked at as well. Pure.
 */
#include "ingest/mail_attachment.h"

#include <errno.h>

#include "base/strbuf.h"
#include "ingest/mail_charset.h"
#include "ingest/mail_param.h"
#include "ingest/mail_word.h"

#define EXTENSION_MAX 32 /* octets worth keeping when a name is cut */

/* Invisible characters that hide or turn what follows: soft hyphen, zero width, bidi, invisible operators,
 * byte order mark, tags. */
static bool deceptive(struct str c)
{
	static const struct {
		char from[5], to[5];
	} ranges[] = {
		{"\xc2\xad", "\xc2\xad"},         {"\xe2\x80\x8b", "\xe2\x80\x8f"},
		{"\xe2\x80\xa8", "\xe2\x80\xae"}, {"\xe2\x81\xa0", "\xe2\x81\xaf"},
		{"\xef\xbb\xbf", "\xef\xbb\xbf"}, {"\xf3\xa0\x80\x80", "\xf3\xa0\x81\xbf"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (strlen(ranges[i].from) == c.len && memcmp(c.ptr, ranges[i].from, c.len) >= 0 &&
		    memcmp(c.ptr, ranges[i].to, c.len) <= 0)
			return true;
	return false;
}

/* What stands for a path: the last component. */
static struct str last_component(struct str name)
{
	for (;;) {
		size_t cut = name.len;
		while (cut > 0 && name.ptr[cut - 1] != '/' && name.ptr[cut - 1] != '\\')
			cut--;
		struct str last = str_sub(name, cut, name.len);
		if (str_trim(last).len || !cut)
			return last;
		name.len = cut - 1; /* "dir/": the name is before the slash */
	}
}

static void add_clean(struct str name, struct strbuf *out)
{
	for (size_t i = 0; i < name.len;) {
		struct str rest = str_sub(name, i, name.len);
		size_t n = utf8_sequence(rest);
		unsigned char c = (unsigned char)rest.ptr[0];
		if (!n) {
			strbuf_add(out, STR("\xef\xbf\xbd"));
			i++;
			continue;
		}
		struct str character = str_sub(rest, 0, n);
		i += n;
		if (n == 1 && strchr("<>:\"|?*", c) && c)
			strbuf_addc(out, '_');
		else if ((n == 1 && (c < 0x20 || c == 0x7f)) ||
			 (c == 0xc2 && (unsigned char)rest.ptr[1] < 0xa0) || deceptive(character))
			continue;
		else
			strbuf_add(out, character);
	}
}

static struct str trim_ends(struct str name)
{
	while (name.len && (name.ptr[0] == '.' || ascii_space(name.ptr[0])))
		name = str_sub(name, 1, name.len);
	while (name.len && (name.ptr[name.len - 1] == '.' || ascii_space(name.ptr[name.len - 1])))
		name.len--;
	return name;
}

/* Where the last dot is; name.len: no extension worth the name. */
static size_t extension_at(struct str name)
{
	for (size_t i = name.len; i-- > 1;)
		if (name.ptr[i] == '.')
			return name.len - i <= EXTENSION_MAX ? i : name.len;
	return name.len;
}

/* "CON", "nul.txt", "com1.tar.gz": names that are devices whatever their extension. */
static bool is_device(struct str name)
{
	static const struct str devices[] = {STR_INIT("con"), STR_INIT("prn"),    STR_INIT("aux"),
					     STR_INIT("nul"), STR_INIT("conin$"), STR_INIT("conout$")};
	struct str stem = str_trim(str_sub(name, 0, str_find(name, '.')));

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		if (str_ieq(stem, devices[i]))
			return true;
	return stem.len == 4 && (str_istarts(stem, STR("com")) || str_istarts(stem, STR("lpt"))) &&
	       ascii_digit(stem.ptr[3]);
}

/* Cut the stem so that all fits, at a whole character. */
static struct str cut_to_size(struct str name, struct strbuf *out)
{
	size_t dot = extension_at(name), extension = name.len - dot;
	size_t room = ATTACHMENT_NAME_MAX - extension;

	while (room > 0 && ((unsigned char)name.ptr[room] & 0xc0) == 0x80)
		room--;
	strbuf_add(out, str_sub(name, 0, room));
	strbuf_add(out, str_sub(name, dot, name.len));
	return strbuf_str(out);
}

int mail_attachment_safe_name(struct arena *arena, struct str name, struct str *ret)
{
	struct strbuf clean, cut;

	strbuf_init(&clean, 3 * name.len + 8);
	strbuf_init(&cut, ATTACHMENT_NAME_MAX);
	add_clean(last_component(name), &clean);
	struct str result = trim_ends(strbuf_str(&clean));
	if (is_device(result)) {
		struct strbuf device;
		strbuf_init(&device, result.len + 1);
		strbuf_addc(&device, '_');
		strbuf_add(&device, result);
		strbuf_done(&clean);
		clean = device;
		result = strbuf_str(&clean);
	}
	if (result.len > ATTACHMENT_NAME_MAX)
		result = cut_to_size(result, &cut);
	int r = arena_copy(arena, result, ret);
	strbuf_done(&clean);
	strbuf_done(&cut);
	return r;
}

int mail_attachment_made_up_name(struct arena *arena, struct str media_type, size_t number, struct str *ret)
{
	static const struct {
		struct str type;
		const char *stem, *extension;
	} types[] = {
		{STR_INIT("message/rfc822"), "message", "eml"},
		{STR_INIT("message/global"), "message", "eml"},
		{STR_INIT("message/delivery-status"), "delivery-status", "txt"},
		{STR_INIT("message/disposition-notification"), "receipt", "txt"},
		{STR_INIT("message/feedback-report"), "feedback-report", "txt"},
		{STR_INIT("text/rfc822-headers"), "headers", "txt"},
		{STR_INIT("text/plain"), "text", "txt"},
		{STR_INIT("text/html"), "page", "html"},
		{STR_INIT("text/csv"), "table", "csv"},
		{STR_INIT("text/xml"), "attachment", "xml"},
		{STR_INIT("text/calendar"), "calendar", "ics"},
		{STR_INIT("text/vcard"), "contact", "vcf"},
		{STR_INIT("text/x-vcard"), "contact", "vcf"},
		{STR_INIT("image/jpeg"), "image", "jpg"},
		{STR_INIT("image/jpg"), "image", "jpg"},
		{STR_INIT("image/png"), "image", "png"},
		{STR_INIT("image/gif"), "image", "gif"},
		{STR_INIT("image/webp"), "image", "webp"},
		{STR_INIT("image/svg+xml"), "image", "svg"},
		{STR_INIT("image/tiff"), "image", "tiff"},
		{STR_INIT("image/bmp"), "image", "bmp"},
		{STR_INIT("image/heic"), "image", "heic"},
		{STR_INIT("audio/mpeg"), "audio", "mp3"},
		{STR_INIT("audio/wav"), "audio", "wav"},
		{STR_INIT("audio/x-wav"), "audio", "wav"},
		{STR_INIT("video/mp4"), "video", "mp4"},
		{STR_INIT("video/quicktime"), "video", "mov"},
		{STR_INIT("application/pdf"), "attachment", "pdf"},
		{STR_INIT("application/zip"), "attachment", "zip"},
		{STR_INIT("application/json"), "attachment", "json"},
		{STR_INIT("application/xml"), "attachment", "xml"},
		{STR_INIT("application/rtf"), "attachment", "rtf"},
		{STR_INIT("application/msword"), "attachment", "doc"},
		{STR_INIT("application/vnd.ms-excel"), "attachment", "xls"},
		{STR_INIT("application/ms-tnef"), "winmail", "dat"},
		{STR_INIT("application/vnd.ms-tnef"), "winmail", "dat"},
		{STR_INIT("application/pgp-signature"), "signature", "asc"},
		{STR_INIT("application/pkcs7-signature"), "smime", "p7s"},
		{STR_INIT("application/x-pkcs7-signature"), "smime", "p7s"},
		{STR_INIT("application/pkcs7-mime"), "smime", "p7m"},
		{STR_INIT("application/x-pkcs7-mime"), "smime", "p7m"},
		{STR_INIT("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
		 "attachment", "docx"},
		{STR_INIT("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), "attachment",
		 "xlsx"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (str_eq(media_type, types[i].type))
			return arena_printf(arena, ret, "%s-%zu.%s", types[i].stem, number,
					    types[i].extension);
	return arena_printf(arena, ret, "attachment-%zu.bin", number);
}

struct str mail_attachment_given_name(struct arena *arena, const struct mime_entity *entity,
				      struct str charset_hint)
{
	struct str name = STR("");

	if (entity->content_disposition.len &&
	    mail_param(arena, entity->content_disposition, STR("filename"), charset_hint, &name) == 0)
		return name;
	if (entity->content_disposition.len &&
	    mail_param(arena, entity->content_disposition, STR("name"), charset_hint, &name) == 0)
		return name;
	if (entity->content_type.len &&
	    mail_param(arena, entity->content_type, STR("name"), charset_hint, &name) == 0)
		return name;
	if (entity->content_type.len &&
	    mail_param(arena, entity->content_type, STR("filename"), charset_hint, &name) == 0)
		return name;
	return STR("");
}
