/*
 * Header sections over raw octets: fields, message identifiers, small values. Encoded words are in
 * mail_word.h, parameters in mail_param.h, addresses in mail_address.h, dates in mail_date.h.
 *
 *	struct mail_header header;
 *	mail_header_split(&arena, data, '\n', limits, &header);
 *	struct str subject = mail_header_value(&header, STR("Subject"));
 *	struct str body = str_sub(data, header.size, data.len);
 *
 * Everything is linear in its input, whatever the octets are. Pure.
 */
#ifndef SERVELO_INGEST_MAIL_HEADER_H
#define SERVELO_INGEST_MAIL_HEADER_H

#include "base/arena.h"
#include "ingest/autoreply.h"
#include "ingest/mail.h"

struct mail_header {
	struct mail_field *fields; /* values unfolded and trimmed; views into data or the arena */
	size_t n;
	size_t size;     /* octets of the section with the empty line that ends it */
	bool limited;    /* a limit was passed: the fields are the first of them */
	bool cut;        /* a value was too long and is cut */
	bool unfinished; /* no empty line ends it: the body, or a boundary line, follows at once */
	bool eight_bit;  /* octets above 0x7f in it */
};

/*
 * Split the header section at the start of data. It ends with the empty line, before a line that begins with
 * "--" (a boundary: the empty line is missing), before what can't be a field and is followed by no field, or
 * with the data. An mbox "From " line at the start is skipped. eol ends lines: '\n' (a CR before it goes), or
 * '\r' in data that holds no LF at all. When the arena is full the fields so far are kept (limited). Data
 * without any field: n is 0 and size 0.
 */
void mail_header_split(struct arena *arena, struct str data, char eol, const struct mail_limits *limits,
		       struct mail_header *ret);

/*
 * Octets before the header section of a whole mail: a byte order mark, and empty lines before a field that mails have.
 * Nothing else is passed over: without such a field the mail has no header section, and begins with its text.
 */
size_t mail_header_lead(struct str data, char eol);

/* Value of the first field of that name that is not blank; empty when there is none. */
struct str mail_header_value(const struct mail_header *header, struct str name);
size_t mail_header_count(const struct mail_header *header, struct str name);

/*
 * Message identifiers of a Message-ID, In-Reply-To or References value, without angle brackets: what stands
 * in them; where there are none, words that hold an "@". Blanks inside brackets (broken folding) are removed.
 * At most max of them; the last ones are kept when there are more (the nearest ancestors), after the first.
 */
int mail_header_ids(struct arena *arena, struct str value, size_t max, struct mail_strs *ret);

/* "text/html" of "Text/HTML; charset=x": the value up to ";" or what stands for it
 * ("text/html charset=x"), comments and the blanks around "/" removed, lower case. */
struct str mail_header_token(struct arena *arena, struct str value);

#endif
