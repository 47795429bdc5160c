/*
 * Magic numbers. The table is tried from the top, so what is more exact stands before what is less. Formats that
 * need more than an octet string at a place have a function each: ZIP (by the names of its first entries), MZ (an
 * offset leads to the real header), Mach-O for several processors against Java classes, ISO media by their brand.
 *
 * Texts are told only where their beginning is unmistakable (HTML, XML kinds, RTF, iCalendar, scripts): a sniffed
 * type is shown beside the claimed one, and a wrong guess would make people distrust good files. Pure.
 */
#include "ingest/media_sniff.h"

struct magic {
	size_t offset;
	struct str octets;
	struct str type;
};

#define TYPE_EXE   STR_INIT("application/vnd.microsoft.portable-executable")
#define TYPE_ELF   STR_INIT("application/x-elf")
#define TYPE_MACHO STR_INIT("application/x-mach-binary")

static const struct magic magics[] = {
	{0, STR_INIT("%PDF-"), STR_INIT("application/pdf")},
	{0, STR_INIT("\x89PNG\r\n\x1a\n"), STR_INIT("image/png")},
	{0, STR_INIT("\xff\xd8\xff"), STR_INIT("image/jpeg")},
	{0, STR_INIT("GIF87a"), STR_INIT("image/gif")},
	{0, STR_INIT("GIF89a"), STR_INIT("image/gif")},
	{8, STR_INIT("WEBPVP8"), STR_INIT("image/webp")},
	{8, STR_INIT("WAVEfmt "), STR_INIT("audio/wav")},
	{8, STR_INIT("AVI LIST"), STR_INIT("video/x-msvideo")},
	{0, STR_INIT("II*\0"), STR_INIT("image/tiff")},
	{0, STR_INIT("MM\0*"), STR_INIT("image/tiff")},
	{0, STR_INIT("\0\0\1\0"), STR_INIT("image/vnd.microsoft.icon")},
	{0, STR_INIT("8BPS\0\1"), STR_INIT("image/vnd.adobe.photoshop")},
	{0,
	 STR_INIT("\x7f"
		  "ELF"),
	 TYPE_ELF},
	{0, STR_INIT("\xfe\xed\xfa\xce"), TYPE_MACHO},
	{0, STR_INIT("\xfe\xed\xfa\xcf"), TYPE_MACHO},
	{0, STR_INIT("\xce\xfa\xed\xfe"), TYPE_MACHO},
	{0, STR_INIT("\xcf\xfa\xed\xfe"), TYPE_MACHO},
	{0, STR_INIT("L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0F"), STR_INIT("application/x-ms-shortcut")},
	{0, STR_INIT("ITSF\3\0\0\0"), STR_INIT("application/vnd.ms-htmlhelp")},
	{0, STR_INIT("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), STR_INIT("application/x-ole-storage")},
	{0, STR_INIT("{\\rtf"), STR_INIT("application/rtf")},
	{0, STR_INIT("7z\xbc\xaf\x27\x1c"), STR_INIT("application/x-7z-compressed")},
	{0, STR_INIT("Rar!\x1a\7"), STR_INIT("application/vnd.rar")},
	{0, STR_INIT("\x1f\x8b\x08"), STR_INIT("application/gzip")},
	{0, STR_INIT("BZh"), STR_INIT("application/x-bzip2")},
	{0,
	 STR_INIT("\xfd"
		  "7zXZ\0"),
	 STR_INIT("application/x-xz")},
	{0, STR_INIT("\x28\xb5\x2f\xfd"), STR_INIT("application/zstd")},
	{0, STR_INIT("MSCF\0\0\0\0"), STR_INIT("application/vnd.ms-cab-compressed")},
	{257, STR_INIT("ustar"), STR_INIT("application/x-tar")},
	{0, STR_INIT("\x78\x9f\x3e\x22"), STR_INIT("application/ms-tnef")},
	{0, STR_INIT("ID3"), STR_INIT("audio/mpeg")},
	{0, STR_INIT("\xff\xfb"), STR_INIT("audio/mpeg")},
	{0, STR_INIT("\xff\xf3"), STR_INIT("audio/mpeg")},
	{0, STR_INIT("OggS\0"), STR_INIT("application/ogg")},
	{0, STR_INIT("fLaC\0"), STR_INIT("audio/flac")},
	{0, STR_INIT("#!AMR"), STR_INIT("audio/amr")},
	{0, STR_INIT("\x1a\x45\xdf\xa3"), STR_INIT("video/x-matroska")},
	{0, STR_INIT("SQLite format 3\0"), STR_INIT("application/vnd.sqlite3")},
	{0, STR_INIT("-----BEGIN PGP MESSAGE-----"), STR_INIT("application/pgp-encrypted")},
	{0, STR_INIT("-----BEGIN PGP SIGNATURE-----"), STR_INIT("application/pgp-signature")},
	{0, STR_INIT("-----BEGIN PGP PUBLIC KEY"), STR_INIT("application/pgp-keys")},
	{0, STR_INIT("%!PS"), STR_INIT("application/postscript")},
};

static bool magic_fits(const struct magic *magic, struct str s)
{
	return s.len >= magic->offset + magic->octets.len &&
	       memcmp(s.ptr + magic->offset, magic->octets.ptr, magic->octets.len) == 0;
}

static unsigned octet(struct str s, size_t at)
{
	return at < s.len ? (unsigned char)s.ptr[at] : 0;
}

static size_t little16(struct str s, size_t at)
{
	return octet(s, at) | octet(s, at + 1) << 8;
}

static size_t little32(struct str s, size_t at)
{
	return little16(s, at) | little16(s, at + 2) << 16;
}

/* ---- executables ---- */

/* "MZ" are letters too: a header of that shape, and where it leads within sight, the next one's signature. */
static struct str sniff_mz(struct str s)
{
	static const struct str next[] = {STR_INIT("PE\0\0"), STR_INIT("NE"), STR_INIT("LE"), STR_INIT("LX")};

	if (!str_starts(s, STR("MZ")) && !str_starts(s, STR("ZM")))
		return STR("");
	size_t at = little32(s, 0x3c);
	for (size_t i = 0; at >= 0x40 && at < s.len && i < ARRAY_SIZE(next); i++)
		if (str_starts(str_sub(s, at, s.len), next[i]))
			return (struct str)TYPE_EXE;
	/* one for DOS, or one whose new header is out of sight: the fields of the old one must make sense */
	bool sound = s.len >= 0x1c && little16(s, 2) < 512 && little16(s, 8) >= 2 && little16(s, 8) < 0x1000;
	bool binary = memchr(s.ptr, 0, s.len < 64 ? s.len : 64) != NULL;
	return sound && binary ? (struct str)TYPE_EXE : STR("");
}

/* The same number begins Java classes (a version follows, 45 and up) and Mach-O for several processors (their
 * count). */
static struct str sniff_cafebabe(struct str s)
{
	if (!str_starts(s, STR("\xca\xfe\xba\xbe")) || s.len < 8)
		return STR("");
	size_t n = octet(s, 4) << 24 | octet(s, 5) << 16 | octet(s, 6) << 8 | octet(s, 7);
	return n < 40 ? (struct str)TYPE_MACHO : STR("application/java-vm");
}

static struct str sniff_script(struct str s)
{
	size_t i = 2;

	if (!str_starts(s, STR("#!")))
		return STR("");
	while (i < s.len && (s.ptr[i] == ' ' || s.ptr[i] == '\t'))
		i++;
	return octet(s, i) == '/' ? STR("text/x-shellscript") : STR("");
}

/* ---- ZIP ---- */

struct entry_kind {
	struct str prefix; /* of an entry's name */
	struct str type;
};

static const struct entry_kind entry_kinds[] = {
	{STR_INIT("word/"),
	 STR_INIT("application/vnd.openxmlformats-officedocument.wordprocessingml.document")},
	{STR_INIT("xl/"), STR_INIT("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")},
	{STR_INIT("ppt/"),
	 STR_INIT("application/vnd.openxmlformats-officedocument.presentationml.presentation")},
	{STR_INIT("visio/"), STR_INIT("application/vnd.ms-visio.drawing.main+xml")},
	{STR_INIT("AndroidManifest.xml"), STR_INIT("application/vnd.android.package-archive")},
	{STR_INIT("META-INF/MANIFEST.MF"), STR_INIT("application/java-archive")},
};

/* OpenDocument and EPUB: the first entry is called "mimetype", is stored, and holds the type. */
static const struct str mimetype_entries[] = {
	STR_INIT("application/vnd.oasis.opendocument.text-template"),
	STR_INIT("application/vnd.oasis.opendocument.text"),
	STR_INIT("application/vnd.oasis.opendocument.spreadsheet"),
	STR_INIT("application/vnd.oasis.opendocument.presentation"),
	STR_INIT("application/vnd.oasis.opendocument.graphics"),
	STR_INIT("application/epub+zip"),
};

#define ZIP_HEADER 30 /* octets of a local file header before the name */

static struct str zip_name(struct str s, size_t at)
{
	return str_sub(s, at + ZIP_HEADER, at + ZIP_HEADER + little16(s, at + 26));
}

static struct str zip_entry_type(struct str s, size_t at, bool first)
{
	struct str name = zip_name(s, at);
	struct str rest = str_sub(s, at + ZIP_HEADER + name.len + little16(s, at + 28), s.len);

	for (size_t i = 0; i < ARRAY_SIZE(entry_kinds); i++)
		if (str_starts(name, entry_kinds[i].prefix))
			return entry_kinds[i].type;
	for (size_t i = 0; first && str_eq(name, STR("mimetype")) && i < ARRAY_SIZE(mimetype_entries); i++)
		if (str_starts(rest, mimetype_entries[i]))
			return mimetype_entries[i];
	return STR("");
}

/* Local headers one after the other, found by their signature: sizes may be told behind the data only. */
static struct str sniff_zip(struct str s)
{
	const struct str signature = STR("PK\3\4");

	if (str_starts(s, STR("PK\5\6")))
		return STR("application/zip");
	if (!str_starts(s, signature))
		return STR("");
	for (size_t at = 0; at + ZIP_HEADER < s.len;) {
		struct str type = zip_entry_type(s, at, at == 0);
		if (type.len)
			return type;
		const char *next = memmem(s.ptr + at + 4, s.len - at - 4, signature.ptr, signature.len);
		if (!next)
			break;
		at = (size_t)(next - s.ptr);
	}
	return STR("application/zip");
}

/* ---- ISO media, texts ---- */

static struct str sniff_iso_media(struct str s)
{
	static const struct {
		struct str brand, type;
	} brands[] = {
		{STR_INIT("heic"), STR_INIT("image/heic")},      {STR_INIT("heix"), STR_INIT("image/heic")},
		{STR_INIT("mif1"), STR_INIT("image/heif")},      {STR_INIT("avif"), STR_INIT("image/avif")},
		{STR_INIT("qt  "), STR_INIT("video/quicktime")}, {STR_INIT("M4A "), STR_INIT("audio/mp4")},
		{STR_INIT("3gp"), STR_INIT("video/3gpp")},
	};

	if (!str_starts(str_sub(s, 4, s.len), STR("ftyp")))
		return STR("");
	for (size_t i = 0; i < ARRAY_SIZE(brands); i++)
		if (str_starts(str_sub(s, 8, s.len), brands[i].brand))
			return brands[i].type;
	return STR("video/mp4");
}

/* A size in the header that fits what follows; "BM" alone begins too many texts. */
static struct str sniff_bmp(struct str s)
{
	size_t header = little32(s, 14);
	bool known = header == 12 || header == 40 || header == 108 || header == 124;
	return str_starts(s, STR("BM")) && s.len >= 18 && little32(s, 6) == 0 && known ? STR("image/bmp")
										       : STR("");
}

static struct str sniff_text(struct str s)
{
	static const struct {
		struct str begins, type;
	} kinds[] = {
		{STR_INIT("<!doctype html"), STR_INIT("text/html")},
		{STR_INIT("<html"), STR_INIT("text/html")},
		{STR_INIT("<svg"), STR_INIT("image/svg+xml")},
		{STR_INIT("<!doctype svg"), STR_INIT("image/svg+xml")},
		{STR_INIT("begin:vcalendar"), STR_INIT("text/calendar")},
		{STR_INIT("begin:vcard"), STR_INIT("text/vcard")},
	};

	if (str_starts(s, STR("\xef\xbb\xbf")))
		s = str_sub(s, 3, s.len);
	s = str_trim(s);
	bool xml = str_istarts(s, STR("<?xml"));
	if (xml) {
		size_t end = str_find(s, '>');
		s = str_trim(str_sub(s, end + 1, s.len));
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_istarts(s, kinds[i].begins))
			return kinds[i].type;
	return xml ? STR("application/xml") : STR("");
}

struct str media_sniff(struct str beginning)
{
	static struct str (*const sniffers[])(struct str) = {
		sniff_mz, sniff_cafebabe, sniff_zip, sniff_iso_media, sniff_bmp, sniff_text, sniff_script,
	};
	struct str s = str_sub(beginning, 0, MEDIA_SNIFF_SIZE);

	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (magic_fits(&magics[i], s))
			return magics[i].type;
	for (size_t i = 0; s.len && i < ARRAY_SIZE(sniffers); i++) {
		struct str type = sniffers[i](s);
		if (type.len)
			return type;
	}
	return STR("");
}

struct str media_sniff_runs_as(struct str sniffed_type)
{
	static const struct {
		struct str type, extension;
	} programs[] = {
		{TYPE_EXE, STR_INIT("exe")},
		{TYPE_ELF, STR_INIT("exe")},
		{TYPE_MACHO, STR_INIT("exe")},
		{STR_INIT("application/java-archive"), STR_INIT("jar")},
		{STR_INIT("application/java-vm"), STR_INIT("jar")},
		{STR_INIT("application/x-ms-shortcut"), STR_INIT("lnk")},
		{STR_INIT("application/vnd.ms-htmlhelp"), STR_INIT("chm")},
		{STR_INIT("application/vnd.android.package-archive"), STR_INIT("apk")},
	};

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (str_eq(sniffed_type, programs[i].type))
			return programs[i].extension;
	return STR("");
}
