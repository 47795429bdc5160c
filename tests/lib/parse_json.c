/*
 * A mail on standard input, what was understood of it as JSON on standard output: for measurements. With
 * arguments: each file is parsed N times and the time of one parse is printed ("parse_json N file...").
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/strbuf.h"
#include "ingest/mail.h"

#define ARENA_MAX ((size_t)64 * 1024 * 1024)

static json_t *string(struct str s)
{
	json_t *value = json_stringn(s.ptr ? s.ptr : "", s.len);

	if (!value) {
		fprintf(stderr, "invalid UTF-8 in the result\n");
		abort();
	}
	return value;
}

static void set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		abort();
}

static json_t *mailboxes(struct mail_mailboxes list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list.n; i++)
		json_array_append_new(array, string(list.items[i].address));
	return array;
}

static json_t *attachments(const struct parsed_mail *mail)
{
	json_t *array = json_array();

	for (size_t i = 0; i < mail->attachments_n; i++) {
		const struct mail_attachment *a = &mail->attachments[i];
		json_t *object = json_object();
		set(object, "part", string(a->part));
		set(object, "filename", string(a->filename));
		set(object, "type", string(a->media_type));
		set(object, "content_id", string(a->content_id));
		set(object, "size", json_integer((json_int_t)a->size));
		set(object, "disposition",
		    string(a->disposition_inline || a->inline_image ? STR("inline") : STR("attachment")));
		json_array_append_new(array, object);
	}
	return array;
}

static void set_reports(json_t *object, const struct parsed_mail *mail)
{
	json_t *failed = json_array(), *reports = json_array();

	for (size_t i = 0; i < mail->reports_n; i++) {
		const struct mail_report *r = &mail->reports[i];
		json_t *report = json_object();
		set(report, "recipient", string(r->recipient));
		set(report, "status", string(r->status));
		set(report, "kind", string(str_from(mail_report_kind_name(r->kind))));
		set(report, "reason", string(r->reason));
		json_array_append_new(reports, report);
		if (r->kind != MAIL_REPORT_FEEDBACK && r->recipient.len)
			json_array_append_new(failed, string(r->recipient));
	}
	set(object, "failed_recipients", failed);
	set(object, "reports", reports);
}

static struct str from_name(const struct parsed_mail *mail)
{
	if (!mail->from.n)
		return STR("");
	return mail->from.items[0].name.len ? mail->from.items[0].name : mail->from.items[0].address;
}

static json_t *to_json(const struct parsed_mail *mail, enum parse_status status)
{
	json_t *object = json_object(), *references = json_array();

	for (size_t i = 0; i < mail->references.n; i++)
		json_array_append_new(references, string(mail->references.items[i]));
	set(object, "status", string(str_from(parse_status_name(status))));
	set(object, "subject", string(mail->subject));
	set(object, "from_email", string(mail->from.n ? mail->from.items[0].address : STR("")));
	set(object, "from_name", string(from_name(mail)));
	set(object, "to", mailboxes(mail->to));
	set(object, "cc", mailboxes(mail->cc));
	set(object, "reply_to", mailboxes(mail->reply_to));
	set(object, "sender", mailboxes(mail->sender));
	set(object, "message_id", string(mail->message_id));
	set(object, "in_reply_to", string(mail->in_reply_to));
	set(object, "references", references);
	set(object, "date_ms", json_integer((json_int_t)mail->date_ms));
	set(object, "text", string(mail->text));
	set(object, "html_text", string(mail->html_text));
	set(object, "reply", string(mail->reply));
	set(object, "text_from_html", json_boolean(mail->text_from_html));
	set(object, "attachments", attachments(mail));
	set(object, "class", string(str_from(mail_class_name(mail->class))));
	set(object, "class_rule", string(mail->class_rule));
	set_reports(object, mail);
	set(object, "addressed_to", string(mail->addressed_to));
	set(object, "defects", string(mail->defects));
	return object;
}

static void read_all(FILE *file, struct strbuf *out)
{
	char buf[65536];
	size_t n;

	while ((n = fread(buf, 1, sizeof(buf), file)) > 0)
		strbuf_add(out, (struct str){buf, n});
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void measure(const char *path, int times)
{
	FILE *file = fopen(path, "rb");
	struct strbuf data;
	struct parsed_mail *mail = NULL;
	enum parse_status status = PARSE_OK;

	if (!file) {
		perror(path);
		exit(1);
	}
	strbuf_init(&data, (size_t)128 * 1024 * 1024);
	read_all(file, &data);
	fclose(file);
	double start = now_us();
	for (int i = 0; i < times; i++) {
		struct arena arena;
		arena_init(&arena, ARENA_MAX);
		status = mail_parse(&arena, strbuf_str(&data), &mail_limits_default, &mail);
		arena_done(&arena);
	}
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	printf("%10.1f us  %9zu octets  %8ld KiB  %-8s %s\n", (now_us() - start) / times, data.len,
	       usage.ru_maxrss, parse_status_name(status), path);
	strbuf_done(&data);
}

int main(int argc, char **argv)
{
	struct strbuf data;
	struct arena arena;
	struct parsed_mail *mail;

	mail_parse_init();
	for (int i = 2; i < argc; i++)
		measure(argv[i], atoi(argv[1]));
	if (argc > 1)
		return 0;
	strbuf_init(&data, (size_t)128 * 1024 * 1024);
	read_all(stdin, &data);
	arena_init(&arena, ARENA_MAX);
	enum parse_status status = mail_parse(&arena, strbuf_str(&data), &mail_limits_default, &mail);
	json_t *object = to_json(mail, status);
	if (json_dumpf(object, stdout, JSON_INDENT(1)) < 0)
		return 1;
	putchar('\n');
	json_decref(object);
	arena_done(&arena);
	strbuf_done(&data);
	return 0;
}
