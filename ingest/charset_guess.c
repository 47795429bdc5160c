/*
 * See charset_guess.h. Each rule stands for a kind of text that the detector takes for another one, seen in short
 * subjects and names; what it says of long texts is hardly ever touched. Linear, pure.
 */
#include "ingest/charset_guess.h"

#include "ingest/charset_labels.h"

#define FEW_OCTETS 4 /* above 0x7f: too few to tell the charsets with Latin letters from each other */

/* No text has C1 controls: who sees ISO 8859 in a text with octets from 0x80 to 0x9f means what Windows makes of it. */
static int without_c1(int id, struct str bytes)
{
	static const unsigned char windows[CHARSETS_N] = {
		[CHARSET_LATIN2] = CHARSET_WINDOWS_1250, [CHARSET_LATIN3] = CHARSET_WINDOWS_1252,
		[CHARSET_LATIN4] = CHARSET_WINDOWS_1257, [CHARSET_CYRILLIC] = CHARSET_WINDOWS_1251,
		[CHARSET_ARABIC] = CHARSET_WINDOWS_1256, [CHARSET_GREEK] = CHARSET_WINDOWS_1253,
		[CHARSET_HEBREW] = CHARSET_WINDOWS_1255, [CHARSET_LATIN6] = CHARSET_WINDOWS_1252,
		[CHARSET_LATIN7] = CHARSET_WINDOWS_1257, [CHARSET_LATIN8] = CHARSET_WINDOWS_1252,
		[CHARSET_LATIN9] = CHARSET_WINDOWS_1252, [CHARSET_LATIN10] = CHARSET_WINDOWS_1250,
	};

	for (size_t i = 0; windows[id] && i < bytes.len; i++)
		if (((unsigned char)bytes.ptr[i] & 0xe0) == 0x80)
			return windows[id];
	return id;
}

/* The small letters of the two are the same; the capitals are from 0xc0 in windows-1251, from 0x80 on a Macintosh. */
static int right_cyrillic(int id, struct str bytes)
{
	size_t windows = 0, mac = 0;

	for (size_t i = 0; id == CHARSET_MAC_CYRILLIC && i < bytes.len; i++) {
		unsigned char c = (unsigned char)bytes.ptr[i];
		windows += c >= 0xc0 && c < 0xdf;
		mac += c >= 0x80 && c < 0xa0;
	}
	return windows > mac ? CHARSET_WINDOWS_1251 : id;
}

/* What an octet above 0x7f is in a text of Western Europe that is in windows-1252. */
enum western {
	WESTERN_RARE, /* signs, and letters of Icelandic, that are frequent letters elsewhere */
	WESTERN_LETTER,
	WESTERN_ENDING, /* letters that only end a word */
	WESTERN_MARK,
	WESTERN_OPENING, /* of an exclamation or a question in Spanish */
};

static enum western western_of(unsigned char c)
{
	static const char rare[] = "\xd0\xd7\xdd\xde\xf0\xf7\xfd\xfe";
	static const char letters[] = "\x8a\x8c\x8e\x9a\x9c\x9e\x9f";
	static const char marks[] = "\x80\x82\x84\x85\x8b\x91\x92\x93\x94\x95\x96\x97\x99\x9b"
				    "\xa0\xa3\xa7\xa9\xab\xae\xb0\xb4\xb7\xbb";

	if (strchr(rare, c))
		return WESTERN_RARE;
	if (c == 0xec || c == 0xf9)
		return WESTERN_ENDING;
	if (strchr(letters, c) || c >= 0xc0)
		return WESTERN_LETTER;
	if (c == 0xa1 || c == 0xbf)
		return WESTERN_OPENING;
	return strchr(marks, c) ? WESTERN_MARK : WESTERN_RARE;
}

/*
 * Is a guess of another charset with Latin letters worth less than windows-1252? On two or three octets the detector
 * takes Spanish for Latvian and an apostrophe for a Macintosh; where all of them are letters or the usual marks in
 * windows-1252, that is what was meant.
 */
static bool is_weak_guess(int id, struct str bytes)
{
	static const unsigned char latin[CHARSETS_N] = {
		[CHARSET_LATIN2] = 1,       [CHARSET_LATIN3] = 1,       [CHARSET_LATIN4] = 1,
		[CHARSET_LATIN6] = 1,       [CHARSET_LATIN7] = 1,       [CHARSET_LATIN8] = 1,
		[CHARSET_LATIN10] = 1,      [CHARSET_MACINTOSH] = 1,    [CHARSET_MAC_CE] = 1,
		[CHARSET_WINDOWS_1250] = 1, [CHARSET_WINDOWS_1254] = 1, [CHARSET_WINDOWS_1257] = 1,
		[CHARSET_WINDOWS_1258] = 1, [CHARSET_IBM850] = 1,       [CHARSET_IBM852] = 1,
	};
	size_t high = 0;
	enum western previous = WESTERN_MARK;

	if (!latin[id])
		return false;
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char c = (unsigned char)bytes.ptr[i];
		enum western is = ascii_alpha((char)c) ? WESTERN_LETTER : WESTERN_MARK;
		if (c >= 0x80) {
			is = western_of(c);
			high++;
		}
		if (high == FEW_OCTETS || is == WESTERN_RARE ||
		    (is == WESTERN_OPENING && previous == WESTERN_LETTER) ||
		    (is == WESTERN_LETTER && previous == WESTERN_ENDING))
			return false;
		previous = is;
	}
	return true;
}

int charset_guess_settled(int id, struct str bytes)
{
	id = right_cyrillic(without_c1(id, bytes), bytes);
	return is_weak_guess(id, bytes) ? CHARSET_WINDOWS_1252 : id;
}

bool charset_is_not_western(struct str bytes)
{
	size_t high = 0, in_runs = 0, runs = 0, run = 0;

	for (size_t i = 0; i <= bytes.len; i++) {
		unsigned char c = i < bytes.len ? (unsigned char)bytes.ptr[i] : 0;
		if (c >= 0x80 && c != 0xa0 && (!i || bytes.ptr[i - 1] != bytes.ptr[i])) {
			high++;
			run++;
			continue;
		}
		runs += run >= 4;
		in_runs += run >= 4 ? run : 0;
		run = 0;
	}
	return runs >= 2 && in_runs * 2 > high;
}
