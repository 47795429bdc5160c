/* What files are by their first octets; texts and names that only look like one stay unknown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/media_sniff.h"

#define ZIP_NAME(length) "PK\3\4\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" length "\0\0\0"
#define DOCX             "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
#define EXE              "application/vnd.microsoft.portable-executable"

static const struct {
	struct str octets;
	const char *type;
} cases[] = {
	{STR_INIT(""), ""},
	{STR_INIT("Hello, this is a text."), ""},
	{STR_INIT("%PDF-1.7\n"), "application/pdf"},
	{STR_INIT("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "image/png"},
	{STR_INIT("\xff\xd8\xff\xe0\0\x10JFIF"), "image/jpeg"},
	{STR_INIT("GIF89a\1\0\1\0"), "image/gif"},
	{STR_INIT("GIF88a"), ""},
	{STR_INIT("RIFF\0\0\0\0WEBPVP8 "), "image/webp"},
	{STR_INIT("RIFF\0\0\0\0WAVEfmt "), "audio/wav"},
	{STR_INIT("\0\0\0\x18"
		  "ftypheic"),
	 "image/heic"},
	{STR_INIT("\0\0\0\x18"
		  "ftypisom"),
	 "video/mp4"},
	{STR_INIT("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "application/x-ole-storage"},
	{STR_INIT("{\\rtf1\\ansi"), "application/rtf"},
	{STR_INIT("7z\xbc\xaf\x27\x1c"), "application/x-7z-compressed"},
	{STR_INIT("Rar!\x1a\7\1\0"), "application/vnd.rar"},
	{STR_INIT("\x1f\x8b\x08\0"), "application/gzip"},
	{STR_INIT("ID3\4"), "audio/mpeg"},
	{STR_INIT("\x7f"
		  "ELF\2\1\1"),
	 "application/x-elf"},
	{STR_INIT("\xcf\xfa\xed\xfe\7\0\0\1"), "application/x-mach-binary"},
	{STR_INIT("\xca\xfe\xba\xbe\0\0\0\2"), "application/x-mach-binary"},
	{STR_INIT("\xca\xfe\xba\xbe\0\0\0\x34"), "application/java-vm"},
	{STR_INIT("#!/bin/sh\n"), "text/x-shellscript"},
	{STR_INIT("#! /usr/bin/env python3\n"), "text/x-shellscript"},
	{STR_INIT("#!important"), ""},
	{STR_INIT("MZ is how my name begins, and this is a letter that is long enough for a header"), ""},
	{STR_INIT("MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff\0\0\xb8\0\0\0\0\0\0\0\x40\0\0\0"), EXE},
	{STR_INIT("MZ"), ""},
	{STR_INIT("BM, we should meet"), ""},
	{STR_INIT("PK\5\6\0\0\0\0"), "application/zip"},
	{STR_INIT(ZIP_NAME("\5") "a.txthello"), "application/zip"},
	{STR_INIT(ZIP_NAME("\x13") "[Content_Types].xml<x/>" ZIP_NAME("\x11") "word/document.xml"), DOCX},
	{STR_INIT(ZIP_NAME("\x0b") "xl/book.xml"),
	 "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	{STR_INIT(ZIP_NAME("\x08") "mimetypeapplication/vnd.oasis.opendocument.text"),
	 "application/vnd.oasis.opendocument.text"},
	{STR_INIT(ZIP_NAME("\x14") "META-INF/MANIFEST.MF"), "application/java-archive"},
	{STR_INIT("PK\3\4"), "application/zip"},
	{STR_INIT("<!DOCTYPE html><html>"), "text/html"},
	{STR_INIT("\xef\xbb\xbf\r\n<HTML lang=en>"), "text/html"},
	{STR_INIT("<?xml version=\"1.0\"?><svg/>"), "image/svg+xml"},
	{STR_INIT("<?xml version=\"1.0\"?><order/>"), "application/xml"},
	{STR_INIT("<?xml"), "application/xml"},
	{STR_INIT("BEGIN:VCALENDAR\r\n"), "text/calendar"},
	{STR_INIT("\x78\x9f\x3e\x22"), "application/ms-tnef"},
};

static void types(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str type = media_sniff(cases[i].octets);
		char text[128] = {0};
		memcpy(text, type.ptr, type.len);
		assert_string_equal(text, cases[i].type);
	}
}

/* Every front of every case: no octet beyond it is read (a sanitizer watches), nothing is made up of nothing. */
static void fronts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t n = 0; n <= cases[i].octets.len; n++) {
			char copy[256];
			memset(copy, 0, sizeof(copy));
			memcpy(copy, cases[i].octets.ptr, n);
			struct str type = media_sniff((struct str){copy, n});
			assert_true(n > 1 || type.len == 0);
		}
}

static void programs(void **state)
{
	(void)state;
	assert_true(str_eq(media_sniff_runs_as(STR(EXE)), STR("exe")));
	assert_true(str_eq(media_sniff_runs_as(STR("application/x-elf")), STR("exe")));
	assert_int_equal(media_sniff_runs_as(STR("text/x-shellscript")).len, 0);
	assert_int_equal(media_sniff_runs_as(STR("image/png")).len, 0);
	assert_int_equal(media_sniff_runs_as(STR("")).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types),
		cmocka_unit_test(fronts),
		cmocka_unit_test(programs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
