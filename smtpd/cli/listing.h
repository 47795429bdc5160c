/*
 * What all list verbs share: rows as a table for people or as one JSON array for programs, and pages.
 *
 *	struct listing listing = {.cli = cli};
 *	r = listing_page(&listing, &filter.limit, &filter.before_id);	verbs with --limit and --before
 *	r = listing_begin(&listing, columns, n);			opens the database
 *	r = reader_...(cli->reader, &filter, on_row, &listing);
 *	return listing_end(&listing, r, "reading tickets");
 *
 * and on_row() calls listing_json() when cli->json, else listing_row().
 */
#ifndef SERVELO_SMTPD_CLI_LISTING_H
#define SERVELO_SMTPD_CLI_LISTING_H

#include "smtpd/cli/cli.h"
#include "smtpd/cli/display.h"
#include "smtpd/cli/json_out.h"

struct listing {
	struct cli *cli;
	struct table *table;
	struct json_list json;
	int64_t limit;   /* of a page; 0: everything */
	int64_t n, last; /* rows so far; what --before continues from */
	bool count;      /* only n is wanted */
};

/* Options for the verb's table: {"limit", ...}, {"before", ...}. */
#define LISTING_PAGE_OPTIONS(what)                                                             \
	{"limit", "N", "at most so many (default: 50; 0: all)"},                               \
	{                                                                                      \
		"before", "ID", "continue: those before this " what " (the last line says it)" \
	}

/* 0, or an exit code after saying what is wrong with the options. *ret_limit is INT64_MAX for "all". */
int listing_page(struct listing *listing, int64_t *ret_limit, int64_t *ret_before);
/* 0, or an exit code: opens configuration and database. */
int listing_begin(struct listing *listing, const struct table_column *columns, size_t n);
/* The same; and when --tenant names one that there is not, says so. */
int listing_begin_of_tenant(struct listing *listing, const struct table_column *columns, size_t n);
/* A row is coming: counts it. False when nobody wants to see it. */
bool listing_wants(struct listing *listing, int64_t id);
void listing_json(struct listing *listing, struct json_t *value);
void listing_row(struct listing *listing, const struct str *cells);
/* Prints, frees; r is what the reader said, what names it in a complaint. An exit code. */
int listing_end(struct listing *listing, int r, const char *what);

#endif
