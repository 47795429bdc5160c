/*
 * JSON for programs: values from rows, one document per command, lists written element by element so that a list
 * of any length takes no memory. Results of json_* are new references.
 */
#ifndef SERVELO_SMTPD_CLI_JSON_OUT_H
#define SERVELO_SMTPD_CLI_JSON_OUT_H

#include <stdio.h>

#include "base/base.h"

struct json_t;

/* A text; what is no valid UTF-8 (it should not happen) is shown as <9F>, never dropped. ptr NULL: null. */
struct json_t *json_str(struct str text);
/* "2026-11-21T09:30:00.123Z"; 0: null. */
struct json_t *json_time(int64_t ms);
/* Writes the document with its LF and drops the reference. */
void json_out(struct json_t *value, FILE *file);

struct json_list {
	FILE *file;
	bool any;
};
void json_list_begin(struct json_list *list, FILE *file);
/* Drops the reference. */
void json_list_add(struct json_list *list, struct json_t *value);
void json_list_end(struct json_list *list);

#endif
