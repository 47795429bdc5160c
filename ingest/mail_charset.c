/*
 * Charsets: a table of labels, a table of charsets, and the decision what octets really are.
 *
 *	label known? -> bytes valid in it? -> done
 *	  |                |no
 *	  | no             v
 *	  +----------> valid UTF-8? -> the hint -> ISO-2022 escapes -> uchardet -> windows-1252
 *
 * Labels are compared without case and punctuation, so one row stands for all spellings. ISO-2022-JP and
 * HZ are turned into the 8-bit form of the same characters first: their escape sequences are simple, mails
 * break them (a line cut inside a character, a missing return to ASCII), and the 8-bit converters know the
 * vendors' characters. All output goes through put(), which cuts at whole characters and drops NUL.
 *
 * One thread (iconv descriptors are kept per process).
 */
#include "ingest/mail_charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <uchardet/uchardet.h>

#define REPLACEMENT    STR("\xef\xbf\xbd")
#define DETECT_MAX     (64 * 1024) /* octets shown to the detector */
#define LABEL_SIZE_MAX 40

enum charset_family {
	FAMILY_UTF8,
	FAMILY_SINGLE,    /* one octet, one character: every octet means something */
	FAMILY_MULTI,     /* ASCII and 8-bit sequences */
	FAMILY_WIDE,      /* UTF-16, UTF-32 */
	FAMILY_SEVEN_BIT, /* shifts and escapes */
	FAMILY_JIS,       /* ISO-2022-JP, converted to EUC first */
	FAMILY_HZ,        /* HZ, the same with GB 2312 */
};
struct charset {
	const char *iconv_name;
	enum charset_family family;
};
struct charset_label {
	const char *name; /* lower case letters and digits only */
	int id;
};

enum charset_id {
	CHARSET_UTF8,
	CHARSET_WINDOWS_1252,
	CHARSET_IBM866,
	CHARSET_LATIN2,
	CHARSET_LATIN3,
	CHARSET_LATIN4,
	CHARSET_CYRILLIC,
	CHARSET_ARABIC,
	CHARSET_GREEK,
	CHARSET_HEBREW,
	CHARSET_LATIN6,
	CHARSET_LATIN7,
	CHARSET_LATIN8,
	CHARSET_LATIN9,
	CHARSET_LATIN10,
	CHARSET_KOI8_R,
	CHARSET_KOI8_U,
	CHARSET_KOI8_T,
	CHARSET_MACINTOSH,
	CHARSET_MAC_CYRILLIC,
	CHARSET_MAC_CE,
	CHARSET_WINDOWS_874,
	CHARSET_WINDOWS_1250,
	CHARSET_WINDOWS_1251,
	CHARSET_WINDOWS_1253,
	CHARSET_WINDOWS_1254,
	CHARSET_WINDOWS_1255,
	CHARSET_WINDOWS_1256,
	CHARSET_WINDOWS_1257,
	CHARSET_WINDOWS_1258,
	CHARSET_IBM437,
	CHARSET_IBM737,
	CHARSET_IBM775,
	CHARSET_IBM850,
	CHARSET_IBM852,
	CHARSET_IBM855,
	CHARSET_IBM857,
	CHARSET_IBM858,
	CHARSET_IBM860,
	CHARSET_IBM861,
	CHARSET_IBM862,
	CHARSET_IBM863,
	CHARSET_IBM864,
	CHARSET_IBM865,
	CHARSET_IBM869,
	CHARSET_VISCII,
	CHARSET_TCVN,
	CHARSET_ARMSCII,
	CHARSET_GEORGIAN_PS,
	CHARSET_GEORGIAN_ACADEMY,
	CHARSET_PT154,
	CHARSET_RK1048,
	CHARSET_HP_ROMAN8,
	CHARSET_GB18030,
	CHARSET_HZ,
	CHARSET_BIG5,
	CHARSET_EUC_TW,
	CHARSET_EUC_JP,
	CHARSET_ISO_2022_JP,
	CHARSET_SHIFT_JIS,
	CHARSET_EUC_KR,
	CHARSET_JOHAB,
	CHARSET_ISO_2022_KR,
	CHARSET_ISO_2022_CN,
	CHARSET_UTF16BE,
	CHARSET_UTF16LE,
	CHARSET_UTF32BE,
	CHARSET_UTF32LE,
	CHARSET_UTF7,
	CHARSETS_N
};

static const struct charset charsets[CHARSETS_N] = {
	[CHARSET_UTF8] = {"UTF-8", FAMILY_UTF8},
	[CHARSET_WINDOWS_1252] = {"CP1252", FAMILY_SINGLE},
	[CHARSET_IBM866] = {"CP866", FAMILY_SINGLE},
	[CHARSET_LATIN2] = {"ISO-8859-2", FAMILY_SINGLE},
	[CHARSET_LATIN3] = {"ISO-8859-3", FAMILY_SINGLE},
	[CHARSET_LATIN4] = {"ISO-8859-4", FAMILY_SINGLE},
	[CHARSET_CYRILLIC] = {"ISO-8859-5", FAMILY_SINGLE},
	[CHARSET_ARABIC] = {"ISO-8859-6", FAMILY_SINGLE},
	[CHARSET_GREEK] = {"ISO-8859-7", FAMILY_SINGLE},
	[CHARSET_HEBREW] = {"ISO-8859-8", FAMILY_SINGLE},
	[CHARSET_LATIN6] = {"ISO-8859-10", FAMILY_SINGLE},
	[CHARSET_LATIN7] = {"ISO-8859-13", FAMILY_SINGLE},
	[CHARSET_LATIN8] = {"ISO-8859-14", FAMILY_SINGLE},
	[CHARSET_LATIN9] = {"ISO-8859-15", FAMILY_SINGLE},
	[CHARSET_LATIN10] = {"ISO-8859-16", FAMILY_SINGLE},
	[CHARSET_KOI8_R] = {"KOI8-R", FAMILY_SINGLE},
	[CHARSET_KOI8_U] = {"KOI8-U", FAMILY_SINGLE},
	[CHARSET_KOI8_T] = {"KOI8-T", FAMILY_SINGLE},
	[CHARSET_MACINTOSH] = {"MACINTOSH", FAMILY_SINGLE},
	[CHARSET_MAC_CYRILLIC] = {"MAC-CYRILLIC", FAMILY_SINGLE},
	[CHARSET_MAC_CE] = {"MAC-CENTRALEUROPE", FAMILY_SINGLE},
	[CHARSET_WINDOWS_874] = {"CP874", FAMILY_SINGLE},
	[CHARSET_WINDOWS_1250] = {"CP1250", FAMILY_SINGLE},
	[CHARSET_WINDOWS_1251] = {"CP1251", FAMILY_SINGLE},
	[CHARSET_WINDOWS_1253] = {"CP1253", FAMILY_SINGLE},
	[CHARSET_WINDOWS_1254] = {"CP1254", FAMILY_SINGLE},
	[CHARSET_WINDOWS_1255] = {"CP1255", FAMILY_SINGLE},
	[CHARSET_WINDOWS_1256] = {"CP1256", FAMILY_SINGLE},
	[CHARSET_WINDOWS_1257] = {"CP1257", FAMILY_SINGLE},
	[CHARSET_WINDOWS_1258] = {"CP1258", FAMILY_SINGLE},
	[CHARSET_IBM437] = {"CP437", FAMILY_SINGLE},
	[CHARSET_IBM737] = {"CP737", FAMILY_SINGLE},
	[CHARSET_IBM775] = {"CP775", FAMILY_SINGLE},
	[CHARSET_IBM850] = {"CP850", FAMILY_SINGLE},
	[CHARSET_IBM852] = {"CP852", FAMILY_SINGLE},
	[CHARSET_IBM855] = {"CP855", FAMILY_SINGLE},
	[CHARSET_IBM857] = {"CP857", FAMILY_SINGLE},
	[CHARSET_IBM858] = {"CP858", FAMILY_SINGLE},
	[CHARSET_IBM860] = {"CP860", FAMILY_SINGLE},
	[CHARSET_IBM861] = {"CP861", FAMILY_SINGLE},
	[CHARSET_IBM862] = {"CP862", FAMILY_SINGLE},
	[CHARSET_IBM863] = {"CP863", FAMILY_SINGLE},
	[CHARSET_IBM864] = {"CP864", FAMILY_SINGLE},
	[CHARSET_IBM865] = {"CP865", FAMILY_SINGLE},
	[CHARSET_IBM869] = {"CP869", FAMILY_SINGLE},
	[CHARSET_VISCII] = {"VISCII", FAMILY_SINGLE},
	[CHARSET_TCVN] = {"TCVN5712-1", FAMILY_SINGLE},
	[CHARSET_ARMSCII] = {"ARMSCII-8", FAMILY_SINGLE},
	[CHARSET_GEORGIAN_PS] = {"GEORGIAN-PS", FAMILY_SINGLE},
	[CHARSET_GEORGIAN_ACADEMY] = {"GEORGIAN-ACADEMY", FAMILY_SINGLE},
	[CHARSET_PT154] = {"PT154", FAMILY_SINGLE},
	[CHARSET_RK1048] = {"RK1048", FAMILY_SINGLE},
	[CHARSET_HP_ROMAN8] = {"HP-ROMAN8", FAMILY_SINGLE},
	[CHARSET_GB18030] = {"GB18030", FAMILY_MULTI},
	[CHARSET_HZ] = {"GB18030", FAMILY_HZ},
	[CHARSET_BIG5] = {"BIG5-HKSCS", FAMILY_MULTI},
	[CHARSET_EUC_TW] = {"EUC-TW", FAMILY_MULTI},
	[CHARSET_EUC_JP] = {"EUC-JP-MS", FAMILY_MULTI},
	[CHARSET_ISO_2022_JP] = {"EUC-JP-MS", FAMILY_JIS},
	[CHARSET_SHIFT_JIS] = {"CP932", FAMILY_MULTI},
	[CHARSET_EUC_KR] = {"CP949", FAMILY_MULTI},
	[CHARSET_JOHAB] = {"JOHAB", FAMILY_MULTI},
	[CHARSET_ISO_2022_KR] = {"ISO-2022-KR", FAMILY_SEVEN_BIT},
	[CHARSET_ISO_2022_CN] = {"ISO-2022-CN-EXT", FAMILY_SEVEN_BIT},
	[CHARSET_UTF16BE] = {"UTF-16BE", FAMILY_WIDE},
	[CHARSET_UTF16LE] = {"UTF-16LE", FAMILY_WIDE},
	[CHARSET_UTF32BE] = {"UTF-32BE", FAMILY_WIDE},
	[CHARSET_UTF32LE] = {"UTF-32LE", FAMILY_WIDE},
	[CHARSET_UTF7] = {"UTF-7", FAMILY_SEVEN_BIT},
};

static const struct charset_label labels[] = {
	{"1251", CHARSET_WINDOWS_1251},
	{"1252", CHARSET_WINDOWS_1252},
	{"437", CHARSET_IBM437},
	{"65001", CHARSET_UTF8},
	{"737", CHARSET_IBM737},
	{"850", CHARSET_IBM850},
	{"852", CHARSET_IBM852},
	{"855", CHARSET_IBM855},
	{"857", CHARSET_IBM857},
	{"866", CHARSET_IBM866},
	{"88591", CHARSET_WINDOWS_1252},
	{"88592", CHARSET_LATIN2},
	{"88595", CHARSET_CYRILLIC},
	{"ansi", CHARSET_WINDOWS_1252},
	{"ansi1251", CHARSET_WINDOWS_1251},
	{"ansix341968", CHARSET_WINDOWS_1252},
	{"ansix341986", CHARSET_WINDOWS_1252},
	{"arabic", CHARSET_ARABIC},
	{"armscii8", CHARSET_ARMSCII},
	{"ascii", CHARSET_WINDOWS_1252},
	{"asmo708", CHARSET_ARABIC},
	{"big5", CHARSET_BIG5},
	{"big5eten", CHARSET_BIG5},
	{"big5hkscs", CHARSET_BIG5},
	{"bigfive", CHARSET_BIG5},
	{"ccsid00858", CHARSET_IBM858},
	{"chinese", CHARSET_GB18030},
	{"cnbig5", CHARSET_BIG5},
	{"cngb", CHARSET_GB18030},
	{"cp00858", CHARSET_IBM858},
	{"cp1250", CHARSET_WINDOWS_1250},
	{"cp1251", CHARSET_WINDOWS_1251},
	{"cp1252", CHARSET_WINDOWS_1252},
	{"cp1253", CHARSET_WINDOWS_1253},
	{"cp1254", CHARSET_WINDOWS_1254},
	{"cp1255", CHARSET_WINDOWS_1255},
	{"cp1256", CHARSET_WINDOWS_1256},
	{"cp1257", CHARSET_WINDOWS_1257},
	{"cp1258", CHARSET_WINDOWS_1258},
	{"cp1361", CHARSET_JOHAB},
	{"cp154", CHARSET_PT154},
	{"cp367", CHARSET_WINDOWS_1252},
	{"cp437", CHARSET_IBM437},
	{"cp50220", CHARSET_ISO_2022_JP},
	{"cp50221", CHARSET_ISO_2022_JP},
	{"cp50222", CHARSET_ISO_2022_JP},
	{"cp51932", CHARSET_EUC_JP},
	{"cp65001", CHARSET_UTF8},
	{"cp737", CHARSET_IBM737},
	{"cp775", CHARSET_IBM775},
	{"cp819", CHARSET_WINDOWS_1252},
	{"cp850", CHARSET_IBM850},
	{"cp852", CHARSET_IBM852},
	{"cp855", CHARSET_IBM855},
	{"cp857", CHARSET_IBM857},
	{"cp858", CHARSET_IBM858},
	{"cp860", CHARSET_IBM860},
	{"cp861", CHARSET_IBM861},
	{"cp862", CHARSET_IBM862},
	{"cp863", CHARSET_IBM863},
	{"cp864", CHARSET_IBM864},
	{"cp865", CHARSET_IBM865},
	{"cp866", CHARSET_IBM866},
	{"cp869", CHARSET_IBM869},
	{"cp874", CHARSET_WINDOWS_874},
	{"cp932", CHARSET_SHIFT_JIS},
	{"cp936", CHARSET_GB18030},
	{"cp949", CHARSET_EUC_KR},
	{"cp950", CHARSET_BIG5},
	{"csascii", CHARSET_WINDOWS_1252},
	{"csbig5", CHARSET_BIG5},
	{"cseuckr", CHARSET_EUC_KR},
	{"cseucpkdfmtjapanese", CHARSET_EUC_JP},
	{"cseuctw", CHARSET_EUC_TW},
	{"csgb18030", CHARSET_GB18030},
	{"csgb2312", CHARSET_GB18030},
	{"csgbk", CHARSET_GB18030},
	{"cshproman8", CHARSET_HP_ROMAN8},
	{"csibm855", CHARSET_IBM855},
	{"csibm857", CHARSET_IBM857},
	{"csibm866", CHARSET_IBM866},
	{"csiso2022cn", CHARSET_ISO_2022_CN},
	{"csiso2022jp", CHARSET_ISO_2022_JP},
	{"csiso2022jp2", CHARSET_ISO_2022_JP},
	{"csiso2022kr", CHARSET_ISO_2022_KR},
	{"csiso58gb231280", CHARSET_GB18030},
	{"csiso88596e", CHARSET_ARABIC},
	{"csiso88596i", CHARSET_ARABIC},
	{"csiso88598e", CHARSET_HEBREW},
	{"csiso88598i", CHARSET_HEBREW},
	{"csisolatin1", CHARSET_WINDOWS_1252},
	{"csisolatin2", CHARSET_LATIN2},
	{"csisolatin3", CHARSET_LATIN3},
	{"csisolatin4", CHARSET_LATIN4},
	{"csisolatin5", CHARSET_WINDOWS_1254},
	{"csisolatin6", CHARSET_LATIN6},
	{"csisolatin9", CHARSET_LATIN9},
	{"csisolatinarabic", CHARSET_ARABIC},
	{"csisolatincyrillic", CHARSET_CYRILLIC},
	{"csisolatingreek", CHARSET_GREEK},
	{"csisolatinhebrew", CHARSET_HEBREW},
	{"cskoi8r", CHARSET_KOI8_R},
	{"csksc56011987", CHARSET_EUC_KR},
	{"csmacintosh", CHARSET_MACINTOSH},
	{"cspc775baltic", CHARSET_IBM775},
	{"cspc850multilingual", CHARSET_IBM850},
	{"cspc8codepage437", CHARSET_IBM437},
	{"cspcp852", CHARSET_IBM852},
	{"csptcp154", CHARSET_PT154},
	{"csshiftjis", CHARSET_SHIFT_JIS},
	{"csunicode", CHARSET_UTF16LE},
	{"csunicode11utf7", CHARSET_UTF7},
	{"csutf16", CHARSET_UTF16LE},
	{"csutf16be", CHARSET_UTF16BE},
	{"csutf16le", CHARSET_UTF16LE},
	{"csutf7", CHARSET_UTF7},
	{"csutf8", CHARSET_UTF8},
	{"csviscii", CHARSET_VISCII},
	{"cswindows31j", CHARSET_SHIFT_JIS},
	{"cyrillic", CHARSET_CYRILLIC},
	{"dos437", CHARSET_IBM437},
	{"dos850", CHARSET_IBM850},
	{"dos862", CHARSET_IBM862},
	{"dos866", CHARSET_IBM866},
	{"dos874", CHARSET_WINDOWS_874},
	{"ecma114", CHARSET_ARABIC},
	{"ecma118", CHARSET_GREEK},
	{"elot928", CHARSET_GREEK},
	{"euccn", CHARSET_GB18030},
	{"eucjp", CHARSET_EUC_JP},
	{"eucjpms", CHARSET_EUC_JP},
	{"eucjpwin", CHARSET_EUC_JP},
	{"euckr", CHARSET_EUC_KR},
	{"euctw", CHARSET_EUC_TW},
	{"gb18030", CHARSET_GB18030},
	{"gb2312", CHARSET_GB18030},
	{"gb231280", CHARSET_GB18030},
	{"gbk", CHARSET_GB18030},
	{"georgianacademy", CHARSET_GEORGIAN_ACADEMY},
	{"georgianps", CHARSET_GEORGIAN_PS},
	{"greek", CHARSET_GREEK},
	{"greek8", CHARSET_GREEK},
	{"hebrew", CHARSET_HEBREW},
	{"hproman8", CHARSET_HP_ROMAN8},
	{"hz", CHARSET_HZ},
	{"hzgb2312", CHARSET_HZ},
	{"ibm00858", CHARSET_IBM858},
	{"ibm367", CHARSET_WINDOWS_1252},
	{"ibm437", CHARSET_IBM437},
	{"ibm737", CHARSET_IBM737},
	{"ibm775", CHARSET_IBM775},
	{"ibm819", CHARSET_WINDOWS_1252},
	{"ibm850", CHARSET_IBM850},
	{"ibm852", CHARSET_IBM852},
	{"ibm855", CHARSET_IBM855},
	{"ibm857", CHARSET_IBM857},
	{"ibm858", CHARSET_IBM858},
	{"ibm860", CHARSET_IBM860},
	{"ibm861", CHARSET_IBM861},
	{"ibm862", CHARSET_IBM862},
	{"ibm863", CHARSET_IBM863},
	{"ibm864", CHARSET_IBM864},
	{"ibm865", CHARSET_IBM865},
	{"ibm866", CHARSET_IBM866},
	{"ibm869", CHARSET_IBM869},
	{"iso10646ucs2", CHARSET_UTF16LE},
	{"iso10646ucs4", CHARSET_UTF32BE},
	{"iso10646utf8", CHARSET_UTF8},
	{"iso2022cn", CHARSET_ISO_2022_CN},
	{"iso2022cnext", CHARSET_ISO_2022_CN},
	{"iso2022jp", CHARSET_ISO_2022_JP},
	{"iso2022jp1", CHARSET_ISO_2022_JP},
	{"iso2022jp2", CHARSET_ISO_2022_JP},
	{"iso2022jp2004", CHARSET_ISO_2022_JP},
	{"iso2022jp3", CHARSET_ISO_2022_JP},
	{"iso2022jpms", CHARSET_ISO_2022_JP},
	{"iso2022kr", CHARSET_ISO_2022_KR},
	{"iso646us", CHARSET_WINDOWS_1252},
	{"iso88591", CHARSET_WINDOWS_1252},
	{"iso885910", CHARSET_LATIN6},
	{"iso885911", CHARSET_WINDOWS_874},
	{"iso885911987", CHARSET_WINDOWS_1252},
	{"iso885913", CHARSET_LATIN7},
	{"iso885914", CHARSET_LATIN8},
	{"iso885915", CHARSET_LATIN9},
	{"iso885916", CHARSET_LATIN10},
	{"iso88592", CHARSET_LATIN2},
	{"iso885921987", CHARSET_LATIN2},
	{"iso88593", CHARSET_LATIN3},
	{"iso885931988", CHARSET_LATIN3},
	{"iso88594", CHARSET_LATIN4},
	{"iso885941988", CHARSET_LATIN4},
	{"iso88595", CHARSET_CYRILLIC},
	{"iso885951988", CHARSET_CYRILLIC},
	{"iso88596", CHARSET_ARABIC},
	{"iso885961987", CHARSET_ARABIC},
	{"iso88596e", CHARSET_ARABIC},
	{"iso88596i", CHARSET_ARABIC},
	{"iso88597", CHARSET_GREEK},
	{"iso885971987", CHARSET_GREEK},
	{"iso88598", CHARSET_HEBREW},
	{"iso885981988", CHARSET_HEBREW},
	{"iso88598e", CHARSET_HEBREW},
	{"iso88598i", CHARSET_HEBREW},
	{"iso88599", CHARSET_WINDOWS_1254},
	{"iso885991989", CHARSET_WINDOWS_1254},
	{"isoceltic", CHARSET_LATIN8},
	{"isoir100", CHARSET_WINDOWS_1252},
	{"isoir101", CHARSET_LATIN2},
	{"isoir109", CHARSET_LATIN3},
	{"isoir110", CHARSET_LATIN4},
	{"isoir126", CHARSET_GREEK},
	{"isoir127", CHARSET_ARABIC},
	{"isoir138", CHARSET_HEBREW},
	{"isoir144", CHARSET_CYRILLIC},
	{"isoir148", CHARSET_WINDOWS_1254},
	{"isoir149", CHARSET_EUC_KR},
	{"isoir157", CHARSET_LATIN6},
	{"isoir166", CHARSET_WINDOWS_874},
	{"isoir199", CHARSET_LATIN8},
	{"isoir203", CHARSET_LATIN9},
	{"isoir226", CHARSET_LATIN10},
	{"isoir58", CHARSET_GB18030},
	{"isoir6", CHARSET_WINDOWS_1252},
	{"isolatin1", CHARSET_WINDOWS_1252},
	{"jis", CHARSET_ISO_2022_JP},
	{"jis7", CHARSET_ISO_2022_JP},
	{"johab", CHARSET_JOHAB},
	{"koi", CHARSET_KOI8_R},
	{"koi8", CHARSET_KOI8_R},
	{"koi8r", CHARSET_KOI8_R},
	{"koi8ru", CHARSET_KOI8_U},
	{"koi8t", CHARSET_KOI8_T},
	{"koi8u", CHARSET_KOI8_U},
	{"korean", CHARSET_EUC_KR},
	{"ksc5601", CHARSET_EUC_KR},
	{"ksc56011987", CHARSET_EUC_KR},
	{"ksc56011989", CHARSET_EUC_KR},
	{"ksc56011992", CHARSET_JOHAB},
	{"ksx1001", CHARSET_EUC_KR},
	{"kz1048", CHARSET_RK1048},
	{"l1", CHARSET_WINDOWS_1252},
	{"l10", CHARSET_LATIN10},
	{"l2", CHARSET_LATIN2},
	{"l3", CHARSET_LATIN3},
	{"l4", CHARSET_LATIN4},
	{"l5", CHARSET_WINDOWS_1254},
	{"l6", CHARSET_LATIN6},
	{"l7", CHARSET_LATIN7},
	{"l8", CHARSET_LATIN8},
	{"l9", CHARSET_LATIN9},
	{"latin0", CHARSET_LATIN9},
	{"latin1", CHARSET_WINDOWS_1252},
	{"latin10", CHARSET_LATIN10},
	{"latin2", CHARSET_LATIN2},
	{"latin3", CHARSET_LATIN3},
	{"latin4", CHARSET_LATIN4},
	{"latin5", CHARSET_WINDOWS_1254},
	{"latin6", CHARSET_LATIN6},
	{"latin7", CHARSET_LATIN7},
	{"latin8", CHARSET_LATIN8},
	{"latin9", CHARSET_LATIN9},
	{"logical", CHARSET_HEBREW},
	{"mac", CHARSET_MACINTOSH},
	{"maccentraleurope", CHARSET_MAC_CE},
	{"maccyrillic", CHARSET_MAC_CYRILLIC},
	{"macintosh", CHARSET_MACINTOSH},
	{"macroman", CHARSET_MACINTOSH},
	{"ms1361", CHARSET_JOHAB},
	{"ms932", CHARSET_SHIFT_JIS},
	{"ms936", CHARSET_GB18030},
	{"ms949", CHARSET_EUC_KR},
	{"msansi", CHARSET_WINDOWS_1252},
	{"msarab", CHARSET_WINDOWS_1256},
	{"mscyrl", CHARSET_WINDOWS_1251},
	{"msee", CHARSET_WINDOWS_1250},
	{"msgreek", CHARSET_WINDOWS_1253},
	{"mshebr", CHARSET_WINDOWS_1255},
	{"mskanji", CHARSET_SHIFT_JIS},
	{"msturk", CHARSET_WINDOWS_1254},
	{"pcmultilingual850euro", CHARSET_IBM858},
	{"pt154", CHARSET_PT154},
	{"ptcp154", CHARSET_PT154},
	{"r8", CHARSET_HP_ROMAN8},
	{"rk1048", CHARSET_RK1048},
	{"roman8", CHARSET_HP_ROMAN8},
	{"shiftjis", CHARSET_SHIFT_JIS},
	{"shiftjis2004", CHARSET_SHIFT_JIS},
	{"sjis", CHARSET_SHIFT_JIS},
	{"strk10482002", CHARSET_RK1048},
	{"suneugreek", CHARSET_GREEK},
	{"tcvn", CHARSET_TCVN},
	{"tcvn5712", CHARSET_TCVN},
	{"tcvn57121", CHARSET_TCVN},
	{"tis620", CHARSET_WINDOWS_874},
	{"tis6202533", CHARSET_WINDOWS_874},
	{"turkish", CHARSET_WINDOWS_1254},
	{"ucs2", CHARSET_UTF16LE},
	{"ucs2be", CHARSET_UTF16BE},
	{"ucs2le", CHARSET_UTF16LE},
	{"ucs4", CHARSET_UTF32BE},
	{"ucs4be", CHARSET_UTF32BE},
	{"ucs4le", CHARSET_UTF32LE},
	{"uhc", CHARSET_EUC_KR},
	{"unicode", CHARSET_UTF16LE},
	{"unicode11utf7", CHARSET_UTF7},
	{"unicode11utf8", CHARSET_UTF8},
	{"unicode20utf8", CHARSET_UTF8},
	{"unicodefeff", CHARSET_UTF16LE},
	{"unicodefffe", CHARSET_UTF16BE},
	{"us", CHARSET_WINDOWS_1252},
	{"usascii", CHARSET_WINDOWS_1252},
	{"utf16", CHARSET_UTF16LE},
	{"utf16be", CHARSET_UTF16BE},
	{"utf16le", CHARSET_UTF16LE},
	{"utf32", CHARSET_UTF32BE},
	{"utf32be", CHARSET_UTF32BE},
	{"utf32le", CHARSET_UTF32LE},
	{"utf7", CHARSET_UTF7},
	{"utf7imap", CHARSET_UTF7},
	{"utf8", CHARSET_UTF8},
	{"utf8mac", CHARSET_UTF8},
	{"utf8mb4", CHARSET_UTF8},
	{"viscii", CHARSET_VISCII},
	{"visual", CHARSET_HEBREW},
	{"win1251", CHARSET_WINDOWS_1251},
	{"winbaltrim", CHARSET_WINDOWS_1257},
	{"windows1250", CHARSET_WINDOWS_1250},
	{"windows1251", CHARSET_WINDOWS_1251},
	{"windows1252", CHARSET_WINDOWS_1252},
	{"windows1253", CHARSET_WINDOWS_1253},
	{"windows1254", CHARSET_WINDOWS_1254},
	{"windows1255", CHARSET_WINDOWS_1255},
	{"windows1256", CHARSET_WINDOWS_1256},
	{"windows1257", CHARSET_WINDOWS_1257},
	{"windows1258", CHARSET_WINDOWS_1258},
	{"windows31j", CHARSET_SHIFT_JIS},
	{"windows874", CHARSET_WINDOWS_874},
	{"windows932", CHARSET_SHIFT_JIS},
	{"windows936", CHARSET_GB18030},
	{"windows949", CHARSET_EUC_KR},
	{"windows950", CHARSET_BIG5},
	{"winlatin1", CHARSET_WINDOWS_1252},
	{"xansi", CHARSET_WINDOWS_1252},
	{"xcp1250", CHARSET_WINDOWS_1250},
	{"xcp1251", CHARSET_WINDOWS_1251},
	{"xcp1252", CHARSET_WINDOWS_1252},
	{"xcp1253", CHARSET_WINDOWS_1253},
	{"xcp1254", CHARSET_WINDOWS_1254},
	{"xcp1255", CHARSET_WINDOWS_1255},
	{"xcp1256", CHARSET_WINDOWS_1256},
	{"xcp1257", CHARSET_WINDOWS_1257},
	{"xcp1258", CHARSET_WINDOWS_1258},
	{"xeuc", CHARSET_EUC_JP},
	{"xeuccn", CHARSET_GB18030},
	{"xeucjp", CHARSET_EUC_JP},
	{"xeuctw", CHARSET_EUC_TW},
	{"xgbk", CHARSET_GB18030},
	{"xiso2022jp", CHARSET_ISO_2022_JP},
	{"xmacce", CHARSET_MAC_CE},
	{"xmaccentraleurroman", CHARSET_MAC_CE},
	{"xmaccyrillic", CHARSET_MAC_CYRILLIC},
	{"xmacroman", CHARSET_MACINTOSH},
	{"xmacukrainian", CHARSET_MAC_CYRILLIC},
	{"xmscp932", CHARSET_SHIFT_JIS},
	{"xroman8", CHARSET_WINDOWS_1252},
	{"xsjis", CHARSET_SHIFT_JIS},
	{"xunicode20utf7", CHARSET_UTF7},
	{"xunicode20utf8", CHARSET_UTF8},
	{"xuserdefined", CHARSET_WINDOWS_1252},
	{"xviettcvn5712", CHARSET_TCVN},
	{"xwestern", CHARSET_WINDOWS_1252},
	{"xwindows949", CHARSET_EUC_KR},
	{"xxbig5", CHARSET_BIG5},
};

static iconv_t converters[CHARSETS_N];
static bool opened[CHARSETS_N];

/* ---- UTF-8 ---- */

size_t utf8_sequence(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	size_t n;

	if (!s.len)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (s.len < n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/* Octets before the first one above 0x7f. */
static size_t ascii_run(struct str s)
{
	size_t i = 0;

	for (; i + 8 <= s.len; i += 8) {
		uint64_t word;
		memcpy(&word, s.ptr + i, 8);
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	while (i < s.len && !((unsigned char)s.ptr[i] & 0x80))
		i++;
	return i;
}

/* Length of the ill-formed stretch at the start of s: a cut sequence goes with its continuation octets. */
static size_t utf8_error(struct str s)
{
	bool leads = (unsigned char)s.ptr[0] >= 0xc2;
	size_t n = 1;

	while (leads && n < s.len && ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
		n++;
	return n;
}

struct utf8_census {
	size_t sequences; /* valid ones of two octets and more */
	size_t errors;    /* ill-formed stretches */
};

static struct utf8_census utf8_census(struct str s)
{
	struct utf8_census census = {0};
	size_t i = 0;

	while (i < s.len) {
		i += ascii_run(str_sub(s, i, s.len));
		if (i == s.len)
			break;
		size_t n = utf8_sequence(str_sub(s, i, s.len));
		if (n)
			census.sequences++;
		else
			census.errors++;
		i += n ? n : utf8_error(str_sub(s, i, s.len));
	}
	return census;
}

bool utf8_append(struct strbuf *out, struct str s)
{
	size_t room = out->len_max - out->len;

	if (s.len <= room)
		return strbuf_add(out, s) == 0;
	while (room && ((unsigned char)s.ptr[room] & 0xc0) == 0x80)
		room--;
	strbuf_add(out, str_sub(s, 0, room));
	return false;
}

/* Append valid UTF-8 without its NULs. */
static bool put(struct strbuf *out, struct str s)
{
	while (s.len) {
		size_t n = str_find(s, '\0');
		if (n && !utf8_append(out, str_sub(s, 0, n)))
			return false;
		s = str_sub(s, n < s.len ? n + 1 : n, s.len);
	}
	return true;
}

/* As UTF-8, with U+FFFD for what isn't: one for each ill-formed stretch that begins a sequence. */
static unsigned put_utf8(struct str s, struct strbuf *out)
{
	unsigned flags = 0;
	size_t from = 0, i = 0;

	while (i < s.len) {
		i += ascii_run(str_sub(s, i, s.len));
		if (i == s.len)
			break;
		size_t n = utf8_sequence(str_sub(s, i, s.len));
		if (n) {
			i += n;
			continue;
		}
		if (!put(out, str_sub(s, from, i)) || !put(out, REPLACEMENT))
			return flags | MAIL_CHARSET_CUT;
		flags |= MAIL_CHARSET_REPLACED;
		i += utf8_error(str_sub(s, i, s.len));
		from = i;
	}
	if (!put(out, str_sub(s, from, s.len)))
		flags |= MAIL_CHARSET_CUT;
	return flags;
}

static uint32_t utf8_codepoint(const unsigned char *p, size_t n)
{
	switch (n) {
	case 2:
		return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
	case 3:
		return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	case 4:
		return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
		       (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
	default:
		return p[0];
	}
}

void utf8_one_line(struct strbuf *buf)
{
	size_t to = 0;

	for (size_t i = 0; i < buf->len;) {
		size_t n = utf8_sequence((struct str){buf->ptr + i, buf->len - i});
		if (!n)
			n = 1;
		uint32_t c = utf8_codepoint((const unsigned char *)buf->ptr + i, n);
		if (c == '\t' || c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029) {
			buf->ptr[to++] = ' ';
		} else if (c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0) && c != 0xfeff) {
			memmove(buf->ptr + to, buf->ptr + i, n);
			to += n;
		}
		i += n;
	}
	size_t from = 0;
	while (from < to && buf->ptr[from] == ' ')
		from++;
	while (to > from && buf->ptr[to - 1] == ' ')
		to--;
	if (from)
		memmove(buf->ptr, buf->ptr + from, to - from);
	buf->len = to - from;
	if (buf->ptr)
		buf->ptr[buf->len] = '\0';
}

void utf8_clean_text(struct strbuf *buf)
{
	unsigned char *p = (unsigned char *)buf->ptr;
	size_t to = 0;

	for (size_t i = 0; i < buf->len; i++) {
		if (p[i] >= 0x20 && p[i] != 0x7f) {
			/* C1 controls: c2 80 .. c2 9f; NEL is a line end */
			if (p[i] == 0xc2 && i + 1 < buf->len && p[i + 1] < 0xa0) {
				if (p[i + 1] == 0x85)
					p[to++] = '\n';
				i++;
				continue;
			}
			p[to++] = p[i];
		} else if (p[i] == '\n' || p[i] == '\t') {
			p[to++] = p[i];
		} else if (p[i] == '\r') {
			/* CRLF, CRCRLF and a bare CR are one line end */
			while (i + 1 < buf->len && p[i + 1] == '\r')
				i++;
			if (i + 1 == buf->len || p[i + 1] != '\n')
				p[to++] = '\n';
		}
	}
	buf->len = to;
	if (buf->ptr)
		buf->ptr[to] = '\0';
}

/* ---- labels and converters ---- */

/* The id of a label, -1 when unknown or empty. */
static int charset_find(struct str label)
{
	char name[LABEL_SIZE_MAX];
	size_t n = 0;

	/* RFC 2231 5: a language may follow */
	label = str_sub(label, 0, str_find(label, '*'));
	for (size_t i = 0; i < label.len; i++) {
		char c = ascii_lower(label.ptr[i]);
		if (!ascii_alpha(c) && !ascii_digit(c))
			continue;
		if (n + 1 == sizeof(name))
			return -1;
		name[n++] = c;
	}
	name[n] = '\0';
	size_t from = 0, to = ARRAY_SIZE(labels);
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = strcmp(name, labels[middle].name);
		if (order == 0)
			return labels[middle].id;
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return -1;
}

bool mail_charset_known(struct str label)
{
	return charset_find(label) >= 0;
}

static iconv_t converter(int id)
{
	if (!opened[id]) {
		converters[id] = iconv_open("UTF-8", charsets[id].iconv_name);
		opened[id] = true;
	}
	return converters[id];
}

void mail_charset_init(void)
{
	char in[] = "a", out[8];

	for (int id = 0; id < CHARSETS_N; id++) {
		iconv_t cd = converter(id);
		if (cd == (iconv_t)-1)
			continue;
		char *from = in, *to = out;
		size_t in_left = 1, out_left = sizeof(out);
		(void)iconv(cd, &from, &in_left, &to, &out_left);
	}
}

/* ---- conversion ---- */

struct tally {
	size_t errors; /* octets replaced */
	bool cut;
};

/* What iconv wrote; glibc's GB18030 and UTF-16 know characters that UTF-8 doesn't. */
static void put_converted(struct str s, struct strbuf *out, struct tally *tally)
{
	if (!out) {
		tally->errors += utf8_census(s).errors;
		return;
	}
	unsigned flags = put_utf8(s, out);
	tally->errors += (flags & MAIL_CHARSET_REPLACED) != 0;
	tally->cut = tally->cut || (flags & MAIL_CHARSET_CUT);
}

/* Convert with iconv; ill-formed octets become U+FFFD one by one. out NULL: only count, and stop after
 * errors_max. */
static struct tally convert(int id, struct str bytes, struct strbuf *out, size_t errors_max)
{
	struct tally tally = {0};
	char buf[4096];
	iconv_t cd = converter(id);

	if (cd == (iconv_t)-1) {
		tally.errors = bytes.len;
		return tally;
	}
	(void)iconv(cd, NULL, NULL, NULL, NULL);
	char *from = (char *)(uintptr_t)bytes.ptr;
	size_t left = bytes.len;
	while (left && !tally.cut && tally.errors <= errors_max) {
		char *to = buf;
		size_t room = sizeof(buf);
		size_t r = iconv(cd, &from, &left, &to, &room);
		int error = r == (size_t)-1 ? errno : 0;
		put_converted((struct str){buf, (size_t)(to - buf)}, out, &tally);
		if (error == EILSEQ || error == EINVAL) {
			tally.errors++;
			if (out && !put(out, REPLACEMENT))
				tally.cut = true;
			size_t skip = error == EINVAL ? left : 1;
			from += skip;
			left -= skip;
		}
	}
	if (!left) {
		char *to = buf;
		size_t room = sizeof(buf);
		(void)iconv(cd, NULL, NULL, &to, &room);
		put_converted((struct str){buf, (size_t)(to - buf)}, out, &tally);
	}
	return tally;
}

/*
 * ISO-2022-JP to EUC-JP: escape sequences choose the set, two-octet characters get their high bits set, half
 * width katakana and JIS X 0212 their prefixes. A line end returns to ASCII.
 */
static void jis_to_euc(struct str in, struct strbuf *out)
{
	static const struct {
		struct str escape;
		int set;
	} escapes[] = {
		{STR_INIT("\033$B"), 2},  {STR_INIT("\033$@"), 2},  {STR_INIT("\033$(D"), 3},
		{STR_INIT("\033$(B"), 2}, {STR_INIT("\033$(@"), 2}, {STR_INIT("\033(I"), 1},
		{STR_INIT("\033$(O"), 2}, {STR_INIT("\033(B"), 0},  {STR_INIT("\033(J"), 0},
		{STR_INIT("\033(H"), 0},
	};
	int set = 0;

	for (size_t i = 0; i < in.len;) {
		if (in.ptr[i] == '\033') {
			size_t k = 0;
			while (k < ARRAY_SIZE(escapes) &&
			       !str_starts(str_sub(in, i, in.len), escapes[k].escape))
				k++;
			set = k < ARRAY_SIZE(escapes) ? escapes[k].set : set;
			i += k < ARRAY_SIZE(escapes) ? escapes[k].escape.len : 1;
			continue;
		}
		unsigned char c = (unsigned char)in.ptr[i];
		if (c == '\016' || c == '\017') { /* SO, SI: katakana in the 7-bit form */
			set = c == '\016' ? 1 : 0;
			i++;
			continue;
		}
		if (c == '\n' || c == '\r')
			set = 0;
		if (set == 0 || c < 0x21 || c > 0x7e) {
			strbuf_addc(out, in.ptr[i++]);
		} else if (set == 1) {
			strbuf_addc(out, '\x8e');
			strbuf_addc(out, (char)(in.ptr[i++] | '\x80'));
		} else {
			unsigned char d = i + 1 < in.len ? (unsigned char)in.ptr[i + 1] : 0;
			if (d < 0x21 || d > 0x7e) {
				strbuf_addc(out, (char)(in.ptr[i++] | '\x80'));
				continue;
			}
			if (set == 3)
				strbuf_addc(out, '\x8f');
			strbuf_addc(out, (char)(c | 0x80));
			strbuf_addc(out, (char)(d | 0x80));
			i += 2;
		}
	}
}

/* HZ (RFC 1843) to GB 2312 in 8 bits. */
static void hz_to_gb(struct str in, struct strbuf *out)
{
	bool gb = false;

	for (size_t i = 0; i < in.len;) {
		struct str rest = str_sub(in, i, in.len);
		if (str_starts(rest, STR("~{")) || str_starts(rest, STR("~}"))) {
			gb = rest.ptr[1] == '{';
			i += 2;
		} else if (str_starts(rest, STR("~~"))) {
			strbuf_addc(out, '~');
			i += 2;
		} else if (str_starts(rest, STR("~\n"))) {
			i += 2;
		} else {
			if (rest.ptr[0] == '\n')
				gb = false;
			bool shift = gb && rest.ptr[0] > 0x20 && rest.ptr[0] < 0x7f;
			strbuf_addc(out, (char)(rest.ptr[0] | (shift ? '\x80' : 0)));
			i++;
		}
	}
}

static struct tally put_as(int id, struct str bytes, struct strbuf *out, size_t errors_max)
{
	enum charset_family family = charsets[id].family;

	if (family != FAMILY_JIS && family != FAMILY_HZ)
		return convert(id, bytes, out, errors_max);
	struct strbuf eight_bit;
	strbuf_init(&eight_bit, bytes.len * 2 + 16);
	if (family == FAMILY_JIS)
		jis_to_euc(bytes, &eight_bit);
	else
		hz_to_gb(bytes, &eight_bit);
	struct tally tally = convert(id, strbuf_str(&eight_bit), out, errors_max);
	strbuf_done(&eight_bit);
	return tally;
}

/* UTF-16 and UTF-32 say their order with a byte order mark; without one, the order in which line ends and
 * blanks make sense. */
static int wide_order(int id, struct str *bytes)
{
	bool four = id == CHARSET_UTF32BE || id == CHARSET_UTF32LE;

	if (four)
		return id;
	if (str_starts(*bytes, STR("\xff\xfe"))) {
		*bytes = str_sub(*bytes, 2, bytes->len);
		return CHARSET_UTF16LE;
	}
	if (str_starts(*bytes, STR("\xfe\xff"))) {
		*bytes = str_sub(*bytes, 2, bytes->len);
		return CHARSET_UTF16BE;
	}
	size_t even = 0, odd = 0;
	for (size_t i = 0; i < bytes->len && i < 512; i++)
		if (!bytes->ptr[i])
			(*(i % 2 ? &odd : &even))++;
	if (even > odd * 2)
		return CHARSET_UTF16BE;
	if (odd > even * 2)
		return CHARSET_UTF16LE;
	return id;
}

/* What the detector says, -1 when it says nothing that we know. */
static int detect(struct str bytes)
{
	uchardet_t detector = uchardet_new();

	if (!detector)
		return -1;
	int id = -1;
	if (bytes.len > DETECT_MAX)
		bytes.len = DETECT_MAX;
	if (uchardet_handle_data(detector, bytes.ptr, bytes.len) == 0) {
		uchardet_data_end(detector);
		id = charset_find(str_from(uchardet_get_charset(detector)));
	}
	uchardet_delete(detector);
	return id;
}

static bool has_jis_escape(struct str s)
{
	while (s.len) {
		size_t at = str_find(s, '\033');
		struct str rest = str_sub(s, at, at + 3);
		if (str_eq(rest, STR("\033$B")) || str_eq(rest, STR("\033$@")) || str_eq(rest, STR("\033(I")))
			return true;
		s = str_sub(s, at + 1, s.len);
	}
	return false;
}

/* Nobody said what it is, or what was said is wrong. */
static unsigned put_detected(struct str hint, struct str bytes, struct strbuf *out)
{
	int id = charset_find(hint);

	if (id >= 0 && charsets[id].family != FAMILY_SINGLE && charsets[id].family != FAMILY_MULTI)
		id = -1;
	if (id < 0 || put_as(id, bytes, NULL, 0).errors)
		id = detect(bytes);
	/* ASCII is read as windows-1252; a guess that can't read its own bytes is none */
	if (id < 0 || charsets[id].family == FAMILY_WIDE ||
	    (id != CHARSET_WINDOWS_1252 && put_as(id, bytes, NULL, 0).errors))
		id = CHARSET_WINDOWS_1252;
	struct tally tally = put_as(id, bytes, out, SIZE_MAX);
	return (tally.errors ? MAIL_CHARSET_REPLACED : 0u) | (tally.cut ? MAIL_CHARSET_CUT : 0u);
}

/*
 * Labelled as UTF-8, and some octets are not: damaged, or something else? Texts in single-byte charsets hold next to no
 * sequence by accident; those of East Asia do, so they are asked about when the errors outweigh.
 */
static bool is_damaged_utf8(struct str bytes, const struct utf8_census *census)
{
	if (census->sequences > census->errors)
		return true;
	if (census->sequences * 2 < census->errors || !census->sequences)
		return false;
	int id = detect(bytes);
	return id < 0 || charsets[id].family != FAMILY_MULTI || put_as(id, bytes, NULL, 0).errors;
}

static unsigned put_labelled(int id, struct str hint, struct str bytes, struct strbuf *out,
			     const struct utf8_census *census)
{
	enum charset_family family = charsets[id].family;

	if (family == FAMILY_WIDE)
		id = wide_order(id, &bytes);
	/* A text in a single-byte charset is next to never valid UTF-8 by accident. */
	if (family == FAMILY_SINGLE && census->sequences && !census->errors)
		return MAIL_CHARSET_CONTRADICTED | put_utf8(bytes, out);
	size_t eight_bit = census->sequences + census->errors;
	bool wrong = false;
	if (family == FAMILY_MULTI || family == FAMILY_JIS || family == FAMILY_SEVEN_BIT) {
		size_t errors_max = eight_bit / 8;
		size_t errors = put_as(id, bytes, NULL, errors_max).errors;
		wrong = errors > errors_max || (errors && census->sequences && !census->errors);
	} else if (family == FAMILY_SINGLE && eight_bit) {
		size_t errors_max = eight_bit / 4;
		wrong = put_as(id, bytes, NULL, errors_max).errors > errors_max;
	} else if (family == FAMILY_WIDE) {
		wrong = bytes.len && !memchr(bytes.ptr, 0, bytes.len < 4096 ? bytes.len : 4096) && !eight_bit;
	}
	if (wrong) {
		if (!census->errors)
			return MAIL_CHARSET_CONTRADICTED | put_utf8(bytes, out);
		return MAIL_CHARSET_CONTRADICTED | put_detected(hint, bytes, out);
	}
	struct tally tally = put_as(id, bytes, out, SIZE_MAX);
	return (tally.errors ? MAIL_CHARSET_REPLACED : 0u) | (tally.cut ? MAIL_CHARSET_CUT : 0u);
}

unsigned mail_charset_to_utf8(struct str label, struct str hint, struct str bytes, struct strbuf *out)
{
	int id = charset_find(label);
	unsigned flags = id < 0 && str_trim(label).len ? MAIL_CHARSET_UNKNOWN : 0;
	bool stateful = id >= 0 && charsets[id].family >= FAMILY_WIDE;

	if (!stateful && str_starts(bytes, STR("\xef\xbb\xbf")))
		bytes = str_sub(bytes, 3, bytes.len);
	if (!stateful && ascii_run(bytes) == bytes.len) {
		/* the usual case; an unlabelled ISO-2022-JP text is ASCII to the eye */
		if (has_jis_escape(bytes))
			return flags |
			       (put_as(CHARSET_ISO_2022_JP, bytes, out, SIZE_MAX).cut ? MAIL_CHARSET_CUT
										      : 0u);
		return flags | (put(out, bytes) ? 0u : MAIL_CHARSET_CUT);
	}
	struct utf8_census census = utf8_census(bytes);
	if (id > CHARSET_UTF8)
		return flags | put_labelled(id, hint, bytes, out, &census);
	if (!census.errors || (id == CHARSET_UTF8 && is_damaged_utf8(bytes, &census)))
		return flags | put_utf8(bytes, out);
	if (id < 0 && (str_starts(bytes, STR("\xff\xfe")) || str_starts(bytes, STR("\xfe\xff"))) &&
	    memchr(bytes.ptr, 0, bytes.len))
		return flags | put_labelled(CHARSET_UTF16LE, hint, bytes, out, &census);
	if (id == CHARSET_UTF8)
		flags |= MAIL_CHARSET_CONTRADICTED;
	return flags | put_detected(hint, bytes, out);
}
