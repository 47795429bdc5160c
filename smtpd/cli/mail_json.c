/*
 * What was understood of a mail. Keys never go away and are never null but for "date": programs depend on them.
 */
#include "smtpd/cli/mail_json.h"

#include <inttypes.h>
#include <jansson.h>

#include "ingest/mail_kind.h"
#include "smtpd/cli/display.h"
#include "smtpd/cli/json_out.h"

#define SHOWN_MAX (64 * 1024 * 1024)

static struct str not_null(struct str text)
{
	return text.ptr ? text : STR("");
}

static void set_text(json_t *object, const char *key, struct str text)
{
	json_object_set_new(object, key, json_str(not_null(text)));
}

static json_t *addresses(const struct mail_mailboxes *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(array, json_str(not_null(list->items[i].address)));
	return array;
}

static json_t *strings(const struct mail_strs *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(array, json_str(not_null(list->items[i])));
	return array;
}

static json_t *attachments(const struct parsed_mail *mail)
{
	json_t *array = json_array();
	for (size_t i = 0; i < mail->attachments_n; i++) {
		const struct mail_attachment *attachment = &mail->attachments[i];
		json_t *o = json_object();
		set_text(o, "filename", attachment->filename);
		json_object_set_new(o, "size", json_integer((json_int_t)attachment->size));
		set_text(o, "media_type", attachment->media_type);
		set_text(o, "sniffed_type", attachment->sniffed_type);
		set_text(o, "part", attachment->part);
		set_text(o, "content_id", attachment->content_id);
		json_object_set_new(o, "disposition",
				    json_string(attachment->disposition_inline ? "inline" : "attachment"));
		json_object_set_new(o, "inline", json_boolean(attachment->inline_image));
		json_array_append_new(array, o);
	}
	return array;
}

/* Who failed, and why, or who complained. */
static void set_reports(json_t *o, const struct parsed_mail *mail)
{
	json_t *failed = json_array(), *reports = json_array();
	for (size_t i = 0; i < mail->reports_n; i++) {
		const struct mail_report *report = &mail->reports[i];
		json_t *item = json_object();
		set_text(item, "recipient", report->recipient);
		set_text(item, "status", report->status);
		json_object_set_new(item, "kind", json_string(mail_report_kind_name(report->kind)));
		set_text(item, "reason", report->reason);
		json_array_append_new(reports, item);
		bool did = report->kind == MAIL_REPORT_HARD || report->kind == MAIL_REPORT_SOFT;
		if (did && report->recipient.len)
			json_array_append_new(failed, json_str(report->recipient));
	}
	json_object_set_new(o, "failed_recipients", failed);
	json_object_set_new(o, "reports", reports);
}

json_t *mail_json(const struct parsed_mail *mail, enum parse_status status)
{
	static const struct mail_mailbox nobody;
	const struct mail_mailbox *from = mail->from.n ? &mail->from.items[0] : &nobody;
	json_t *o = json_object();
	set_text(o, "subject", mail->subject);
	set_text(o, "from_email", from->address);
	/* a name to show: there is one whenever there is an author */
	set_text(o, "from_name", from->name.len ? from->name : from->address);
	json_object_set_new(o, "to", addresses(&mail->to));
	json_object_set_new(o, "cc", addresses(&mail->cc));
	json_object_set_new(o, "reply_to", addresses(&mail->reply_to));
	json_object_set_new(o, "date", json_time(mail->date_ms));
	set_text(o, "text", mail->text);
	set_text(o, "html_text", mail->html_text);
	set_text(o, "reply", mail->reply);
	set_text(o, "summary", mail->summary);
	json_object_set_new(o, "attachments", attachments(mail));
	json_object_set_new(o, "class", json_string(mail_class_name(mail->class)));
	set_text(o, "class_rule", mail->class_rule);
	set_text(o, "kind", str_from(mail_kind_name(mail)));
	json_object_set_new(o, "answerable", json_boolean(mail->answerable));
	set_reports(o, mail);
	set_text(o, "message_id", mail->message_id);
	set_text(o, "in_reply_to", mail->in_reply_to);
	json_object_set_new(o, "references", strings(&mail->references));
	set_text(o, "addressed_to", mail->addressed_to);
	set_text(o, "forward_confirmation", mail->forward_confirmation);
	set_text(o, "returned_message_id", mail->returned_message_id);
	set_text(o, "returned_reverse_path", mail->returned_reverse_path);
	set_text(o, "forwarded_email", mail->forwarded_author.address);
	set_text(o, "forwarded_name", mail->forwarded_author.name);
	set_text(o, "forwarded_subject", mail->forwarded_subject);
	set_text(o, "forwarded_text", mail->forwarded_text);
	set_text(o, "forwarding_words", mail->forwarding_words);
	set_text(o, "loop_mark", mail->loop_mark);
	json_object_set_new(o, "received", json_integer(mail->received_n));
	json_object_set_new(o, "text_cut", json_boolean(mail->text_cut));
	json_object_set_new(o, "attachments_cut", json_boolean(mail->attachments_cut));
	set_text(o, "defects", mail->defects);
	json_object_set_new(o, "status", json_string(parse_status_name(status)));
	return o;
}

/* ---- for people ---- */

static void people(FILE *file, const char *key, const struct mail_mailboxes *list)
{
	struct strbuf all;
	strbuf_init(&all, SHOWN_MAX);
	for (size_t i = 0; i < list->n; i++) {
		const struct mail_mailbox *mailbox = &list->items[i];
		strbuf_adds(&all, i ? ", " : "");
		bool both = mailbox->name.len && mailbox->address.len;
		strbuf_add(&all, mailbox->name);
		strbuf_adds(&all, both ? " <" : "");
		strbuf_add(&all, mailbox->address);
		strbuf_adds(&all, both ? ">" : "");
	}
	display_line(file, key, strbuf_str(&all));
	strbuf_done(&all);
}

static void attachment_line(FILE *file, const struct mail_attachment *attachment)
{
	char size[DISPLAY_SIZE_MAX];
	struct strbuf text;
	strbuf_init(&text, SHOWN_MAX);
	strbuf_add(&text, attachment->filename);
	strbuf_printf(&text, " (%.*s, %s, part %.*s)%s", STR_ARG(not_null(attachment->media_type)),
		      display_size((int64_t)attachment->size, size), STR_ARG(not_null(attachment->part)),
		      attachment->inline_image ? " shown in the text" : "");
	display_line(file, "Attachment", strbuf_str(&text));
	strbuf_done(&text);
}

static void report_line(FILE *file, const struct mail_report *report)
{
	static const char *const labels[] = {[MAIL_REPORT_SOFT] = "Failed",
					     [MAIL_REPORT_HARD] = "Failed",
					     [MAIL_REPORT_FEEDBACK] = "Complaint",
					     [MAIL_REPORT_DELAYED] = "Not failed"};
	struct strbuf text;
	strbuf_init(&text, SHOWN_MAX);
	strbuf_add(&text, report->recipient.len ? report->recipient : STR("(nobody is named)"));
	strbuf_printf(&text, " (%s%s%.*s): %.*s", mail_report_kind_name(report->kind),
		      report->status.len ? ", " : "", STR_ARG(not_null(report->status)),
		      STR_ARG(not_null(report->reason)));
	display_line(file, labels[report->kind], strbuf_str(&text));
	strbuf_done(&text);
}

void mail_print(const struct parsed_mail *mail, enum parse_status status, FILE *file)
{
	char time[DISPLAY_TIME_MAX];
	struct strbuf text;
	bool forwarded = mail->forwarded_author.address.len > 0;
	if (status != PARSE_OK)
		display_line(file, "Unreadable", str_from(parse_status_name(status)));
	display_line(file, "Subject", mail->subject);
	people(file, "From", &mail->from);
	people(file, "Reply-To", &mail->reply_to);
	people(file, "To", &mail->to);
	people(file, "Cc", &mail->cc);
	display_line(file, "Addressed to", mail->addressed_to);
	if (mail->date_ms)
		display_line(file, "Date", str_from(display_time(mail->date_ms, time)));
	display_line(file, "Message-ID", mail->message_id);
	display_line(file, "In-Reply-To", mail->in_reply_to);
	display_line(file, "Class", str_from(mail_class_name(mail->class)));
	display_line(file, "By rule", mail->class_rule);
	if (mail->class == MAIL_NORMAL || mail->class == MAIL_AUTO)
		display_line(file, "Kind", str_from(mail_kind_name(mail)));
	display_line(file, "Answerable", mail->answerable ? STR("yes") : STR("no"));
	display_line(file, "Confirmation", mail->forward_confirmation);
	for (size_t i = 0; i < mail->reports_n; i++)
		report_line(file, &mail->reports[i]);
	display_line(file, "Returned", mail->returned_message_id);
	display_line(file, "Sent by", mail->returned_reverse_path);
	people(file, "Forwards", &(struct mail_mailboxes){&mail->forwarded_author, forwarded ? 1 : 0});
	display_line(file, "Forwarded", mail->forwarded_subject);
	display_line(file, "Loop mark", mail->loop_mark);
	display_line(file, "Defects", mail->defects);
	if (!str_eq(mail->summary, mail->text))
		display_line(file, "In words", mail->summary);
	for (size_t i = 0; i < mail->attachments_n; i++)
		attachment_line(file, &mail->attachments[i]);
	strbuf_init(&text, SHOWN_MAX);
	display_text(&text, mail->text, false);
	fprintf(file, "\n%s\n", text.ptr ? text.ptr : "");
	if (mail->text_cut)
		fprintf(file, "(cut here)\n");
	if (!str_eq(mail->reply, mail->text)) {
		strbuf_clear(&text);
		display_text(&text, mail->reply, false);
		fprintf(file, "\n---- new in it ----\n%s\n", text.ptr ? text.ptr : "");
	}
	if (mail->forwarded_text.len && !str_eq(mail->forwarded_text, mail->text)) {
		strbuf_clear(&text);
		display_text(&text, mail->forwarded_text, false);
		fprintf(file, "\n---- forwarded in it ----\n%s\n", text.ptr ? text.ptr : "");
	}
	strbuf_done(&text);
}
