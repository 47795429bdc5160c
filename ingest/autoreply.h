/*
 * What kind of mail is it, and may a program answer it (SPEC section 8)?
 *
 * Facts in, verdict out: header fields, subject, author, structure and the first readable text. Rules are
 * tables that are tried in order, the most certain first (RFC 3464 reports, RFC 5965 feedback, RFC 8098
 * receipts, RFC 3834 fields, habits of vacation programs, subjects and phrases in many languages), and each
 * has a name. A rule of the weak kind (a subject that people write too) fires only together with other
 * evidence.
 *
 * `class` and `answerable` are two questions: a mail through a mailing list is normal mail that must not be
 * answered by a program; an unknown field is no reason to call a customer's mail automatic. Linear in the
 * size of the facts (of the text the first AUTOREPLY_TEXT_MAX octets are read). Pure; any thread.
 */
#ifndef SERVELO_INGEST_AUTOREPLY_H
#define SERVELO_INGEST_AUTOREPLY_H

#include "base/base.h"
#include "ingest/mail.h"

#define AUTOREPLY_TEXT_MAX 16384

struct mail_field {
	struct str name;  /* as written, without the colon and blanks before it */
	struct str value; /* unfolded, trimmed, not decoded; any octets */
};

enum reverse_path_kind { REVERSE_PATH_UNKNOWN, REVERSE_PATH_NULL, REVERSE_PATH_GIVEN };

struct mail_facts {
	const struct mail_field *fields; /* of the top header section, in order */
	size_t fields_n;
	struct str subject;           /* decoded */
	struct mail_mailboxes from;   /* decoded */
	struct str media_type;        /* of the top entity, lower case; empty: none given */
	struct str report_type;       /* its report-type parameter */
	const struct str *part_types; /* media types of all parts below the top, in order, lower case */
	size_t part_types_n;
	bool calendar_answer; /* a calendar in it is somebody's answer to an invitation (METHOD:REPLY) */
	struct str text;      /* readable text of the mail (its beginning is enough) */
	struct str summary;   /* a calendar in words (mail_summary.h) */
	struct str own_words; /* its new part; empty when the text was made of a calendar or a card */
	/* The envelope's, where it is known. A Return-Path field is looked at when it is not. */
	enum reverse_path_kind reverse_path;
};

struct mail_verdict { /* all views are of static text */
	enum mail_class class;
	struct str
		rule; /* of class: "report:delivery-status", "auto-submitted", ...; of normal mail empty, or
				 * "calendar-reply": a calendar's answer that a person wrote words into */
	bool answerable;                 /* nothing forbids an automatic answer */
	struct str answer_rule;          /* what forbids it, when not answerable; may differ from rule */
	struct str forward_confirmation; /* "google", "microsoft", "zoho", "fastmail", "yahoo"; empty: no */
};

/* Never fails: with empty facts the mail is normal and answerable. */
void mail_classify(const struct mail_facts *facts, struct mail_verdict *ret);

#endif
