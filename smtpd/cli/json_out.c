/* See json_out.h. Two blanks of indentation: people look at it too, and jq does not mind. */
#include "smtpd/cli/json_out.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "smtpd/cli/display.h"

json_t *json_str(struct str text)
{
	if (!text.ptr)
		return json_null();
	json_t *value = json_stringn(text.ptr, text.len);
	if (value)
		return value;
	struct strbuf safe;
	strbuf_init(&safe, text.len * 10 + 64);
	display_text(&safe, text, false);
	value = json_stringn(safe.ptr ? safe.ptr : "", safe.len);
	strbuf_done(&safe);
	return value ? value : json_null();
}

json_t *json_time(int64_t ms)
{
	char iso[CLOCK_ISO_SIZE];
	return ms ? json_string(clock_format_iso(ms, iso)) : json_null();
}

void json_out(json_t *value, FILE *file)
{
	json_dumpf(value, file, JSON_INDENT(2) | JSON_ENCODE_ANY);
	fputc('\n', file);
	json_decref(value);
}

void json_list_begin(struct json_list *list, FILE *file)
{
	*list = (struct json_list){.file = file};
	fputc('[', file);
}

void json_list_add(struct json_list *list, json_t *value)
{
	fputs(list->any ? ",\n" : "\n", list->file);
	list->any = true;
	json_dumpf(value, list->file, JSON_INDENT(2));
	json_decref(value);
}

void json_list_end(struct json_list *list)
{
	fputs(list->any ? "\n]\n" : "]\n", list->file);
}
