/*
 * Any charset to UTF-8. Labels are those of the WHATWG Encoding Standard and the older names of mail, written
 * any way ("UTF8", "iso8859_1", "cp-1252"); charsets are read as the superset that is meant in practice
 * (windows-1252 for ISO-8859-1 and US-ASCII, windows-949 for EUC-KR, windows-932 for Shift_JIS, GB18030 for
 * GB2312, and so on).
 *
 * Bytes win over labels: what is valid UTF-8 and has octets above 0x7f is UTF-8 whatever a single-byte label
 * says; what the label can't explain is detected (uchardet) or read as windows-1252; octets that mean nothing
 * become U+FFFD. NUL is dropped. The result is always valid UTF-8.
 *
 * iconv descriptors are cached in the process: one thread (the parser's).
 */
#ifndef SERVELO_INGEST_MAIL_CHARSET_H
#define SERVELO_INGEST_MAIL_CHARSET_H

#include "base/strbuf.h"
#include "base/utf8.h"

enum mail_charset_flags {
	MAIL_CHARSET_UNKNOWN = 1,      /* the label names no charset we know */
	MAIL_CHARSET_CONTRADICTED = 2, /* the bytes were not in the charset of the label */
	MAIL_CHARSET_REPLACED = 4,     /* some octets became U+FFFD */
	MAIL_CHARSET_CUT = 8,          /* out was full; it ends with a whole character */
};

/* Opens the converters of all charsets; needed before a sandbox closes the file system, harmless to repeat.
 */
void mail_charset_init(void);

/*
 * Append bytes to out as UTF-8. label: the declared charset, may be empty; hint: what to believe when there
 * is no label and the bytes are not UTF-8 (the charset declared for another part of the mail), may be empty.
 * Returns mail_charset_flags.
 */
unsigned mail_charset_to_utf8(struct str label, struct str hint, struct str bytes, struct strbuf *out);

/* The charset that the octets of a whole mail seem to be in: a hint for pieces of it that are too short to tell.
 * Empty: ASCII, UTF-8, or nobody knows. */
struct str mail_charset_guess(struct str bytes);

/* Is it a charset name we know? */
bool mail_charset_known(struct str label);

/* Append as much of s (valid UTF-8) as fits, whole characters; false when it was cut. */
bool utf8_append(struct strbuf *out, struct str s);
/* Make valid UTF-8 one line in place: controls and line separators become blanks, NUL goes; trimmed. */
void utf8_one_line(struct strbuf *buf);
/* Text of a body in place: CRLF and CR become LF, other controls but TAB are dropped. */
void utf8_clean_text(struct strbuf *buf);

#endif
