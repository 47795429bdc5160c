/* See mail_kind.h. A rule that is about one kind only decides; what header fields say is looked up in the words. */
#include "ingest/mail_kind.h"

#include "ingest/autoreply_tables.h"
#include "ingest/text_fold.h"

#define KIND_SUBJECT_MAX 512
#define KIND_TEXT_MAX    1024

struct rule_kind {
	struct str rule; /* beginning of class_rule */
	const char *kind;
};

static const char *find(struct str rule, const struct rule_kind *kinds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_starts(rule, kinds[i].rule))
			return kinds[i].kind;
	return NULL;
}

static const char *of_normal(struct str rule)
{
	static const struct rule_kind kinds[] = {
		{STR_INIT("calendar-reply"), "calendar"},
		{STR_INIT("list-unsubscribe"), "bulk"},
		{STR_INIT("list-"), "list"},
		{STR_INIT("mailing-list"), "list"},
		{STR_INIT("precedence"), "bulk"},
	};
	const char *kind = find(rule, kinds, ARRAY_SIZE(kinds));
	return kind ? kind : "";
}

static const char *by_words(const struct parsed_mail *mail)
{
	static const struct rule_kind subjects[] = {
		{STR_INIT("subject:out-of-office"), "vacation"},
		{STR_INIT("subject:confirmation"), "confirmation"},
	};
	char subject_buf[KIND_SUBJECT_MAX], text_buf[KIND_TEXT_MAX];
	struct str subject = str_sub(mail->subject, 0, sizeof(subject_buf));
	struct str text = str_sub(mail->text, 0, sizeof(text_buf));
	subject = (struct str){subject_buf, text_fold(subject, subject_buf, sizeof(subject_buf))};
	text = (struct str){text_buf, text_fold(text, text_buf, sizeof(text_buf))};
	const struct word_rule *rule = word_rules_find(&vacation_subjects, subject);
	const char *kind = rule ? find(rule->rule, subjects, ARRAY_SIZE(subjects)) : NULL;
	bool answers = rule || mail->in_reply_to.len || mail->references.n || str_starts(subject, STR("re:"));
	if (kind)
		return kind;
	if ((!rule && word_rules_find(&absence_subjects, subject)) || word_rules_find(&vacation_texts, text))
		return "vacation";
	if (answers && word_rules_find(&absence_words, text))
		return "vacation";
	if (word_rules_find(&received_words, text))
		return "confirmation";
	return answers ? "reply" : "notification";
}

static const char *of_automatic(const struct parsed_mail *mail)
{
	static const struct rule_kind kinds[] = {
		{STR_INIT("forward-confirmation"), "forwarding"},
		{STR_INIT("report:disposition-notification"), "receipt"},
		{STR_INIT("report:"), "report"},
		{STR_INIT("content-class:mdn"), "receipt"},
		{STR_INIT("text:read-receipt"), "receipt"},
		{STR_INIT("calendar-reply"), "calendar"},
		{STR_INIT("reaction"), "reaction"},
		{STR_INIT("subject:out-of-office"), "vacation"},
		{STR_INIT("text:out-of-office"), "vacation"},
		{STR_INIT("x-vacation"), "vacation"},
		{STR_INIT("x-apple-action"), "vacation"},
		{STR_INIT("subject:confirmation"), "confirmation"},
		{STR_INIT("x-cron-env"), "notification"},
		{STR_INIT("loop-mark"), "notification"},
	};
	const char *kind = find(mail->class_rule, kinds, ARRAY_SIZE(kinds));
	return kind ? kind : by_words(mail);
}

const char *mail_kind_name(const struct parsed_mail *mail)
{
	if (mail->class == MAIL_NORMAL)
		return of_normal(mail->class_rule);
	return mail->class == MAIL_AUTO ? of_automatic(mail) : mail_class_name(mail->class);
}
