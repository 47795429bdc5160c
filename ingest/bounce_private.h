/*
 * One report being read, for the files that do it (bounce_*.c): bounce_report.c keeps the list of recipients and judges,
 * bounce_fields.c reads what programs wrote for programs, bounce_words.c what they wrote for people, bounce_original.c the
 * mail that came back.
 *
 * No address is told twice; a recipient holds one "@" and no blank; a status is three numbers; all text is one line of
 * valid UTF-8. Views live as long as the facts, or as the reader's scratch where it is said; what goes into a report is
 * copied into the result's arena by bounce_keep(). When that is full, `full` is set, and the copy is empty.
 */
#ifndef SERVELO_INGEST_BOUNCE_PRIVATE_H
#define SERVELO_INGEST_BOUNCE_PRIVATE_H

#include "ingest/bounce_report.h"
#include "ingest/mail_header.h"

#define BOUNCE_SCRATCH_SIZE ((size_t)4 * 1024 * 1024)

/* How it goes with a recipient (RFC 3464 2.3.3). Of two that are told of one recipient, the lower one holds. */
enum bounce_course { COURSE_FAILED, COURSE_DELAYED, COURSE_ARRIVED };

struct bounce_reader {
	struct arena *arena;  /* the result's */
	struct arena scratch; /* of one call */
	const struct bounce_facts *facts;
	const struct mail_limits *limits;
	struct mail_report items[MAIL_REPORTS_MAX];
	struct str beside[MAIL_REPORTS_MAX]; /* words beside the address that tell nothing we know */
	enum bounce_course course[MAIL_REPORTS_MAX];
	size_t n;
	bool by_fields;                              /* a delivery-status part told of some recipient */
	struct str nameless_status, nameless_reason; /* of a group whose recipient is no address */
	bool full;                                   /* the arena is */
};

/* ---- bounce_report.c: the list */

/* The report of this address, or NULL. */
struct mail_report *bounce_find(struct bounce_reader *reader, struct str address);
/* The same, or a new one, which has failed until more is known; address may be empty. NULL: the list or the arena is
 * full. */
struct mail_report *bounce_add(struct bounce_reader *reader, struct str address);
struct str bounce_keep(struct bounce_reader *reader, struct str s);
/* Any octets: one line of UTF-8, not longer than a reason may be. */
struct str bounce_keep_line(struct bounce_reader *reader, struct str s);
/* Is this status more than "it failed"? */
bool bounce_is_exact(struct str status);

/* ---- bounce_fields.c: for programs */

bool bounce_is_address(struct str s);
/* "rfc822; <a@b>" (RFC 3464 2.3.2): the address, perhaps in scratch; empty: it is none. */
struct str bounce_typed_address(struct bounce_reader *reader, struct str value);
/* The first group of fields in these octets, in scratch; empty lines before it are skipped. Perhaps none. */
void bounce_split_fields(struct bounce_reader *reader, struct str octets, struct mail_header *ret);
void bounce_read_status(struct bounce_reader *reader);
void bounce_read_failed_field(struct bounce_reader *reader);

/* ---- bounce_words.c: for people */

struct str bounce_next_line(struct str text, size_t *pos);
/* What comes before the copy of the original, of BOUNCE_TEXT_MAX octets. The functions below are given this. */
struct str bounce_cut_original(struct str text);
/* Recipients, where none is known yet; and what the words beside an address say of it. */
void bounce_read_words(struct bounce_reader *reader);
/* The line that tells most, with the lines that go on from it; empty: none tells anything we know. */
struct str bounce_telling_words(struct str text);
/* The first lines that say anything at all. */
struct str bounce_first_paragraph(struct str text);
/* "This is a warning message only": nothing has failed yet. */
bool bounce_is_warning(struct str text);

/* ---- bounce_original.c: the mail that came back */

/* Whom it was for. */
void bounce_read_original(struct bounce_reader *reader);

#endif
