/*
 * Words of automatic mail in the languages of the world: subjects of vacation notices and bounces, phrases of
 * their texts, authors, header fields. Entries are folded (text_fold.h). Pure.
 */
#ifndef SERVELO_INGEST_AUTOREPLY_TABLES_H
#define SERVELO_INGEST_AUTOREPLY_TABLES_H

#include "base/base.h"

enum word_place {
	PLACE_START,  /* the text begins with it */
	PLACE_WORDS,  /* the same, and a word ends there */
	PLACE_INSIDE, /* anywhere */
};

struct word_rule {
	const char *text;
	enum word_place place;
	struct str rule; /* name for the verdict; may be empty */
};

struct word_rules_index;
struct word_rules {
	const struct word_rule *items;
	size_t n;
	struct word_rules_index *index; /* made by word_rules_find */
};

extern const struct word_rules vacation_subjects; /* rule: "subject:out-of-office:de" */
extern const struct word_rules vacation_texts;
extern const struct word_rules bounce_subjects;
extern const struct word_rules bounce_texts;      /* say that a mail was not delivered */
extern const struct word_rules bounce_weak_texts; /* reasons; a person may quote them too */
extern const struct word_rules feedback_subjects;
extern const struct word_rules calendar_subjects; /* "accepted:" and the like */
extern const struct word_rules receipt_subjects;  /* "read:", "gelesen:"; people begin so too */
extern const struct word_rules receipt_texts;     /* "was read on" */
extern const struct word_rules absence_subjects;  /* "... is out of the office", somewhere */
extern const struct word_rules absence_nouns;     /* "vacation", somewhere: anybody's word */
extern const struct word_rules absence_words;     /* of texts that bear such a subject out */
extern const struct word_rules received_words;    /* "thank you for", "we have received": likewise */
extern const struct word_rules machine_texts;     /* "this is an automated message" */
extern const struct word_rules no_reply_texts;    /* "please do not reply" */

/* The first rule whose text is in s (folded), or NULL. */
const struct word_rule *word_rules_find(const struct word_rules *rules, struct str folded);
/* How many of the rules' texts are in s, wherever; not more than max are counted. */
size_t word_rules_count(const struct word_rules *rules, struct str folded, size_t max);
/* The tables are indexed when they are first used, or now: before a sandbox, and before time is measured. */
void autoreply_tables_init(void);

/* What a header field says about the mail. */
enum field_meaning {
	FIELD_AUTO,      /* the mail is automatic */
	FIELD_NO_ANSWER, /* a program must not answer */
	FIELD_OWN_LOOP,  /* ours came home */
	FIELD_BOUNCE,    /* names recipients that failed */
	FIELD_FEEDBACK,
};
struct field_rule {
	struct str name;
	const char *values
		[6]; /* folded beginnings of the value; none: any value but "no", "none", "false", "0" and nothing */
	enum field_meaning meaning;
	struct str rule;
};
#define FIELD_MEANINGS (FIELD_FEEDBACK + 1)
extern const struct field_rule field_rules[]; /* the first that fits is told */
extern const size_t field_rules_n;
/* The first rule for fields of this name, behind `after` (NULL: of all); NULL: no more. */
const struct field_rule *field_rule_named(struct str name, const struct field_rule *after);

/* 2: only programs write under this name ("mailer-daemon"); 1: mostly programs ("postmaster"); 0: anyone. */
unsigned daemon_author(struct str local_part_folded, struct str name_folded);
bool no_reply_author(struct str local_part_folded);

struct forward_provider {
	struct str name;
	struct str author_domains[12]; /* the domain itself or a subdomain of it */
	struct str
		forwarder; /* local-part that writes nothing but confirmations, in any language; may be empty */
	struct str
		link_hosts[6]; /* what a link of the confirmation points at, "://host/" prefix is checked */
};
extern const struct forward_provider forward_providers[];
extern const size_t forward_providers_n;
extern const struct word_rules forward_words, confirm_words;
/* Does the provider give addresses in this very domain to anybody? Then only names that nobody gets are its own. */
bool is_public_domain(struct str domain_folded);
bool is_reserved_local(struct str local_part_folded);

#endif
