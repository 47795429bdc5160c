/*
 * Every warning and error that the program logs stands in the table of docs/operations.md, with what it means and what
 * to do; and the table has no event that nothing logs. The events are read out of the sources.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strbuf.h"

#define TEXT_MAX   ((size_t)4 * 1024 * 1024)
#define EVENTS_MAX 128

static const char *const folders[] = {"base", "certs", "storage", "tenant", "ingest", "outbound", "smtpd"};
/* What stands before an event's name. The last one is a function that hands it to LOG(). */
static const char *const before[] = {"LOG(LOG_LEVEL_WARN, \"", "LOG(LOG_LEVEL_ERROR, \"",
				     "store_break(store, r, \""};

struct events {
	char names[EVENTS_MAX][64];
	size_t n;
};

static char *read_text(const char *path)
{
	FILE *file = fopen(path, "r");
	if (!file)
		fail_msg("%s can't be read", path);
	char *text = calloc(1, TEXT_MAX);
	size_t n = fread(text, 1, TEXT_MAX - 1, file);
	assert_true(n > 0 && n < TEXT_MAX - 1);
	fclose(file);
	return text;
}

static bool known(const struct events *events, const char *name)
{
	for (size_t i = 0; i < events->n; i++)
		if (strcmp(events->names[i], name) == 0)
			return true;
	return false;
}

static void add(struct events *events, const char *name, size_t len)
{
	char copy[64];
	assert_true(events->n < EVENTS_MAX && len < sizeof(copy));
	snprintf(copy, sizeof(copy), "%.*s", (int)len, name);
	if (!known(events, copy))
		memcpy(events->names[events->n++], copy, sizeof(copy));
}

static void read_source(struct events *events, const char *path)
{
	char *text = read_text(path);
	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		size_t len = strlen(before[i]);
		for (const char *at = text; (at = strstr(at, before[i]));) {
			at += len;
			add(events, at, strcspn(at, "\""));
		}
	}
	free(text);
}

static void read_sources(struct events *events)
{
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		char pattern[512];
		glob_t found;
		snprintf(pattern, sizeof(pattern), SERVELO_SOURCE_DIR "/%s/*.c", folders[i]);
		assert_int_equal(glob(pattern, 0, NULL, &found), 0);
		for (size_t k = 0; k < found.gl_pathc; k++)
			read_source(events, found.gl_pathv[k]);
		globfree(&found);
	}
}

/* The names of the first column: "| `name key=…`, `other` |". */
static void read_table(struct events *events)
{
	char *text = read_text(SERVELO_SOURCE_DIR "/docs/operations.md");
	const char *row = strstr(text, "| event in the log |");
	assert_non_null(row);
	while ((row = strchr(row, '\n')) && row[1] == '|') {
		const char *end = strchr(row + 2, '|');
		for (const char *at = ++row; end && (at = strchr(at, '`')) && at < end;) {
			at++;
			const char *close = strchr(at, '`');
			size_t len = (size_t)(close - at);
			const char *key = memchr(at, '=', len);
			while (key && key > at && *key != ' ')
				key--;
			add(events, at, key ? (size_t)(key - at) : len);
			at = close + 1;
		}
	}
	free(text);
}

static void each_alarm_is_explained(void **state UNUSED)
{
	struct events logged = {.n = 0}, table = {.n = 0};
	unsigned wrong = 0;
	read_sources(&logged);
	read_table(&table);
	assert_true(logged.n > 15);
	for (size_t i = 0; i < logged.n; i++) {
		if (!known(&table, logged.names[i]))
			wrong++, print_error("not in the table: %s\n", logged.names[i]);
	}
	for (size_t i = 0; i < table.n; i++) {
		if (!known(&logged, table.names[i]))
			wrong++, print_error("nothing logs: %s\n", table.names[i]);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_alarm_is_explained)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
