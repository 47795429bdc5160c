/*
 * Classification. Rules in the order in which they are believed:
 *
 *	forwarding confirmations (autoreply_confirmation.c),
 *	what the MIME structure says (RFC 3464, 5965, 8098), fields that only bounces carry,
 *	bounces in free form (autoreply_bounce.c),
 *	our own mark (X-Servelo-Loop), calendar answers with words of a person (autoreply_calendar.c), fields of
 *	automatic mail (RFC 3834), reactions, other calendar answers,
 *	subjects of vacation notices; a null reverse-path.
 *
 * What is left is normal. Whether a program may answer is asked separately, with more reasons to say no. Pure.
 */
#include "ingest/autoreply_private.h"

#include "ingest/autoreply_subject.h"
#include "ingest/text_fold.h"

static struct str fold_into(struct str s, char *buf, size_t size)
{
	return (struct str){buf, text_fold(str_sub(s, 0, size), buf, size)};
}

struct str case_first_value(const struct mail_facts *facts, struct str name)
{
	for (size_t i = 0; i < facts->fields_n; i++)
		if (str_ieq(facts->fields[i].name, name))
			return str_trim(facts->fields[i].value);
	return (struct str){NULL, 0};
}

bool case_has_field(const struct mail_facts *facts, struct str name)
{
	return case_first_value(facts, name).ptr != NULL;
}

/* ---- opening the case ---- */

static void read_author(struct case_author *author, const struct mail_facts *facts)
{
	struct str raw = case_first_value(facts, STR("From"));
	author->empty = facts->from.n == 0 && raw.ptr && (raw.len == 0 || str_has(raw, STR("<>")));
	author->local = author->domain = STR("");
	author->name = STR("");
	if (facts->from.n == 0) { /* "MAILER-DAEMON", "Mail Delivery System <>" */
		author->name = fold_into(raw, author->name_buf, sizeof(author->name_buf));
		return;
	}
	struct str address = facts->from.items[0].address;
	size_t at = address.len;
	while (at > 0 && address.ptr[at - 1] != '@')
		at--;
	struct str local = str_sub(address, 0, at ? at - 1 : address.len);
	author->local = fold_into(local, author->local_buf, sizeof(author->local_buf));
	if (at)
		author->domain = fold_into(str_sub(address, at, address.len), author->domain_buf,
					   sizeof(author->domain_buf));
	author->name = fold_into(facts->from.items[0].name, author->name_buf, sizeof(author->name_buf));
}

/* RFC 5321 4.4: the final MTA writes the reverse-path down; some write a daemon's name for the null one. */
static bool null_path(const struct mail_facts *facts)
{
	if (facts->reverse_path != REVERSE_PATH_UNKNOWN)
		return facts->reverse_path == REVERSE_PATH_NULL;
	struct str path = case_first_value(facts, STR("Return-Path"));
	return path.ptr && (str_eq(path, STR("<>")) || str_istarts(path, STR("<mailer-daemon")) ||
			    str_istarts(path, STR("mailer-daemon")));
}

static bool is_replied(struct str subject)
{
	static const struct str prefixes[] = {
		STR_INIT("re:"),   STR_INIT("fw:"), STR_INIT("fwd:"), STR_INIT("aw:"),   STR_INIT("wg:"),
		STR_INIT("sv:"),   STR_INIT("tr:"), STR_INIT("rv:"),  STR_INIT("re :"),  STR_INIT("antw:"),
		STR_INIT("回复:"), STR_INIT("vs:"), STR_INIT("odp:"), STR_INIT("res:"),  STR_INIT("enc:"),
		STR_INIT("r:"),    STR_INIT("i:"),  STR_INIT("ynt:"), STR_INIT("転送:"), STR_INIT("返信:"),
		STR_INIT("re[")};
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts(subject, prefixes[i]))
			return true;
	return false;
}

static bool field_fits(const struct field_rule *rule, struct str value)
{
	static const struct str nothing[] = {STR_INIT("no"), STR_INIT("none"), STR_INIT("false"),
					     STR_INIT("0")};
	char buf[64];
	struct str folded = fold_into(value, buf, sizeof(buf));
	if (rule->values[0]) {
		for (size_t i = 0; i < ARRAY_SIZE(rule->values) && rule->values[i]; i++)
			if (str_starts(folded, str_from(rule->values[i])))
				return true;
		return false;
	}
	/* A field without a value says nothing; but our own mark is never overlooked. */
	if (folded.len == 0)
		return rule->meaning == FIELD_OWN_LOOP;
	/* RFC 3834 5: "Auto-Submitted: no; comment" is no */
	size_t end = 0;
	while (end < folded.len && !char_in(" ;(", folded.ptr[end]))
		end++;
	for (size_t i = 0; i < ARRAY_SIZE(nothing); i++)
		if (str_eq(str_sub(folded, 0, end), nothing[i]))
			return false;
	return true;
}

/* One look at every field. */
static void read_fields(struct case_file *file)
{
	const struct mail_facts *facts = file->facts;
	for (size_t i = 0; i < facts->fields_n; i++) {
		const struct field_rule *rule = NULL;
		while ((rule = field_rule_named(facts->fields[i].name, rule))) {
			const struct field_rule **found = &file->field_rules[rule->meaning];
			if ((!*found || rule < *found) && field_fits(rule, facts->fields[i].value))
				*found = rule;
		}
	}
}

static void open_case(struct case_file *file, const struct mail_facts *facts)
{
	file->facts = facts;
	file->text_read = false;
	for (size_t i = 0; i < FIELD_MEANINGS; i++)
		file->field_rules[i] = NULL;
	read_author(&file->author, facts);
	read_fields(file);
	file->subject = fold_into(facts->subject, file->subject_buf, sizeof(file->subject_buf));
	file->null_reverse_path = null_path(facts);
	file->replied_subject = is_replied(file->subject);
}

struct str case_text(struct case_file *file)
{
	if (!file->text_read)
		file->text = fold_into(file->facts->text, file->text_buf, sizeof(file->text_buf));
	file->text_read = true;
	return file->text;
}

/* ---- structure ---- */

bool case_has_part(const struct mail_facts *facts, struct str type)
{
	for (size_t i = 0; i < facts->part_types_n; i++) {
		if (str_ieq(facts->part_types[i], type))
			return true;
		if (str_ieq(facts->part_types[i], STR("message/rfc822")))
			return false;
	}
	return str_ieq(facts->media_type, type);
}

static const struct {
	struct str report_type, part;
	enum mail_class class;
	struct str rule;
} reports[] = {
	{STR_INIT("feedback-report"), STR_INIT("message/feedback-report"), MAIL_FEEDBACK,
	 STR_INIT("report:feedback-report")},
	{STR_INIT("disposition-notification"), STR_INIT("message/disposition-notification"), MAIL_AUTO,
	 STR_INIT("report:disposition-notification")},
	{STR_INIT("delivery-status"), STR_INIT("message/delivery-status"), MAIL_BOUNCE,
	 STR_INIT("report:delivery-status")},
	{STR_INIT("delivery-status"), STR_INIT("message/global-delivery-status"), MAIL_BOUNCE,
	 STR_INIT("report:delivery-status")},
	{STR_INIT("tlsrpt"), STR_INIT("application/tlsrpt+gzip"), MAIL_AUTO, STR_INIT("report:tlsrpt")},
};

static bool by_report(struct case_file *file, struct mail_verdict *ret)
{
	const struct mail_facts *facts = file->facts;
	bool report = str_ieq(facts->media_type, STR("multipart/report"));
	for (size_t i = 0; i < ARRAY_SIZE(reports); i++) {
		if (!case_has_part(facts, reports[i].part) &&
		    !(report && str_ieq(facts->report_type, reports[i].report_type)))
			continue;
		ret->class = reports[i].class;
		ret->rule = reports[i].rule;
		return true;
	}
	return false;
}

static bool by_reaction(struct case_file *file, struct mail_verdict *ret)
{
	if (!case_has_part(file->facts, STR("text/vnd.google.email-reaction+json")))
		return false;
	ret->class = MAIL_AUTO;
	ret->rule = STR("reaction");
	return true;
}

static bool is_calendar_answer(const struct case_file *file)
{
	return file->facts->calendar_answer || (case_has_part(file->facts, STR("text/calendar")) &&
						word_rules_find(&calendar_subjects, file->subject));
}

/* A program's, with nothing of a person in it; or a person's, by way of a calendar. Asked in this order of `words`, with
 * the fields of automatic mail in between: some calendars put them into every answer. */
static bool by_calendar(struct case_file *file, bool words, struct mail_verdict *ret)
{
	if (!is_calendar_answer(file) || (words && !autoreply_calendar_has_words(file)))
		return false;
	ret->class = words ? MAIL_NORMAL : MAIL_AUTO;
	ret->rule = STR("calendar-reply");
	return true;
}

/* ---- fields ---- */

static bool by_field(struct case_file *file, enum field_meaning meaning, enum mail_class class,
		     struct mail_verdict *ret)
{
	const struct field_rule *rule = file->field_rules[meaning];
	if (!rule)
		return false;
	ret->class = class;
	ret->rule = rule->rule;
	return true;
}

/* ---- complaints, and reports of a kind of their own ---- */

bool case_domain_within(struct str domain, struct str parent)
{
	if (!parent.len || !str_ends(domain, parent))
		return false;
	return domain.len == parent.len || domain.ptr[domain.len - parent.len - 1] == '.';
}

/* Amazon SES tells about our mail by SNS in JSON, not by a report. */
static bool by_ses(struct case_file *file, struct mail_verdict *ret)
{
	if (!case_domain_within(file->author.domain, STR("amazonaws.com")))
		return false;
	struct str text = case_text(file);
	if (!str_starts(text, STR("{")))
		return false;
	if (!str_has(text, STR("notificationtype")) && !str_has(text, STR("eventtype")))
		return false;
	bool complaint = str_has(text, STR("\"notificationtype\":\"complaint\"")) ||
			 str_has(text, STR("\"eventtype\":\"complaint\""));
	ret->class = complaint ? MAIL_FEEDBACK : MAIL_BOUNCE;
	ret->rule = STR("ses-notification");
	return true;
}

static bool by_feedback(struct case_file *file, struct mail_verdict *ret)
{
	if (by_field(file, FIELD_FEEDBACK, MAIL_FEEDBACK, ret))
		return true;
	const struct word_rule *rule = word_rules_find(&feedback_subjects, file->subject);
	/* The mail complained about comes along. */
	if (!rule || !case_has_part(file->facts, STR("message/rfc822")))
		return false;
	ret->class = MAIL_FEEDBACK;
	ret->rule = rule->rule;
	return true;
}

/* ---- vacation notices ---- */

/* What only programs put into a header section: they want no answer, or want none to come back. */
static bool program_marks(const struct case_file *file)
{
	struct str precedence = case_first_value(file->facts, STR("Precedence"));
	return file->null_reverse_path || case_has_field(file->facts, STR("X-Auto-Response-Suppress")) ||
	       str_istarts(precedence, STR("bulk")) || str_istarts(precedence, STR("junk"));
}

/* It answers a mail, and says which. */
static bool answers_a_mail(const struct case_file *file)
{
	return case_has_field(file->facts, STR("In-Reply-To")) ||
	       case_has_field(file->facts, STR("References"));
}

static bool speaks_of_absence(struct case_file *file)
{
	return word_rules_find(&vacation_texts, str_sub(case_text(file), 0, 1024));
}

/* No sentence: it contradicts nothing. */
static bool says_nothing(struct str folded)
{
	size_t blanks = 0;
	for (size_t i = 0; i < folded.len && i < 32; i++)
		blanks += folded.ptr[i] == ' ';
	return folded.len < 32 && blanks < 2;
}

/* There is no text, or it speaks of what the subject says. */
static bool text_bears_out(struct case_file *file)
{
	struct str text = str_sub(case_text(file), 0, 1024);
	return says_nothing(text) || word_rules_find(&absence_words, text) ||
	       word_rules_find(&received_words, text) || word_rules_find(&machine_texts, text);
}

/* A subject alone says it only in a program's words and form, when the text bears it out, and when nobody asks for
 * something; with other evidence sooner. Taking a person for a program is the worse mistake: nobody would confirm to
 * them. */
static bool by_subject(struct case_file *file, struct mail_verdict *ret)
{
	const struct word_rule *rule = NULL;
	struct str text = file->facts->text;
	enum subject_form form =
		file->replied_subject ? SUBJECT_OTHER : autoreply_subject(file->subject, &rule);
	bool automatic = false;
	if (form == SUBJECT_OF_PROGRAM)
		automatic = program_marks(file) || answers_a_mail(file) ||
			    (!subject_asks(file->subject) && !text_requests(text) &&
			     (speaks_of_absence(file) || (text_bears_out(file) && !text_asks(text))));
	else if (form == SUBJECT_SENTENCE)
		automatic = program_marks(file) || (answers_a_mail(file) && speaks_of_absence(file));
	if (!automatic)
		return false;
	ret->class = MAIL_AUTO;
	ret->rule = rule->rule;
	return true;
}

/* Words that a person writes too ("out of office" somewhere in the subject, "I am on vacation" in the text):
 * automatic only when a program's marks are there, or both without a question. Nouns that anybody uses ("absence") are
 * not even that without other evidence. */
static bool by_weak_words(struct case_file *file, struct mail_verdict *ret)
{
	bool program =
		file->null_reverse_path || case_has_field(file->facts, STR("X-Auto-Response-Suppress"));
	bool answer = answers_a_mail(file);
	bool subject = word_rules_find(&absence_subjects, file->subject) ||
		       ((program || answer) && word_rules_find(&absence_nouns, file->subject));
	if (file->replied_subject || !(program || subject))
		return false;
	if (!(program && subject) && (!speaks_of_absence(file) || text_requests(file->facts->text)))
		return false;
	if (!program && !answer && (subject_asks(file->subject) || text_asks(file->facts->text)))
		return false;
	ret->class = MAIL_AUTO;
	ret->rule = STR("text:out-of-office");
	return true;
}

/* Does the text show another one? What stands there is not its own. */
static bool text_quotes(struct str text)
{
	for (text = str_sub(text, 0, AUTOREPLY_TEXT_MAX); text.len;) {
		size_t end = str_find(text, '\n');
		if (str_starts(str_trim(str_sub(text, 0, end)), STR(">")))
			return true;
		text = str_sub(text, end + 1, text.len);
	}
	return false;
}

/* "Gelesen: Hilfe": behind the colon stand the words of the mail that was read. */
static bool receipt_asks(const struct word_rule *receipt, struct str subject)
{
	struct str phrase = str_from(receipt->text);
	return !str_ends(phrase, STR(":")) && subject_asks(subject);
}

/* Receipts of programs that do not know RFC 8098, and reactions of those that have no field for them: their subject and
 * their text say so both. */
static bool by_small_answer(struct case_file *file, struct mail_verdict *ret)
{
	static const struct str reacted = STR_INIT(" reacted to your message");
	if (file->replied_subject || text_asks(file->facts->text))
		return false;
	struct str text = str_sub(case_text(file), 0, 1024);
	const struct word_rule *receipt = word_rules_find(&receipt_subjects, file->subject);
	if (receipt && !receipt_asks(receipt, file->subject) && word_rules_find(&receipt_texts, text))
		ret->rule = STR("text:read-receipt");
	else if (str_has(file->subject, reacted) && str_has(text, reacted) && !subject_asks(file->subject))
		ret->rule = STR("reaction");
	else
		return false;
	ret->class = MAIL_AUTO;
	return true;
}

/* It says that a program wrote it, and that nobody reads an answer; and it says so itself. */
static bool by_machine_text(struct case_file *file, struct mail_verdict *ret)
{
	struct str text = case_text(file);
	struct str end = str_sub(text, text.len > 1024 ? text.len - 1024 : 0, text.len);
	text = str_sub(text, 0, 1024);
	if (file->replied_subject || answers_a_mail(file) || subject_asks(file->subject) ||
	    text_asks(file->facts->text) || text_quotes(file->facts->text))
		return false;
	if (!word_rules_find(&machine_texts, text) && !word_rules_find(&machine_texts, end))
		return false;
	if (!word_rules_find(&no_reply_texts, text) && !word_rules_find(&no_reply_texts, end))
		return false;
	ret->class = MAIL_AUTO;
	ret->rule = STR("text:automated");
	return true;
}

/* ---- the verdict ---- */

static bool find_class(struct case_file *file, struct mail_verdict *ret)
{
	if (autoreply_by_confirmation(file, ret) || by_report(file, ret) || by_feedback(file, ret) ||
	    by_field(file, FIELD_BOUNCE, MAIL_BOUNCE, ret) || by_ses(file, ret) ||
	    autoreply_by_bounce(file, ret) || by_field(file, FIELD_OWN_LOOP, MAIL_AUTO, ret) ||
	    by_calendar(file, true, ret) || by_field(file, FIELD_AUTO, MAIL_AUTO, ret) ||
	    by_reaction(file, ret) || by_calendar(file, false, ret) || by_subject(file, ret) ||
	    by_weak_words(file, ret) || by_small_answer(file, ret) || by_machine_text(file, ret))
		return true;
	/* Only our own envelope is sure: a Return-Path field may have come with the mail from anywhere. */
	if (file->facts->reverse_path != REVERSE_PATH_NULL)
		return false;
	ret->class = MAIL_AUTO;
	ret->rule = STR("null-reverse-path");
	return true;
}

static struct str forbids_answer(struct case_file *file, const struct mail_verdict *verdict)
{
	if (verdict->class != MAIL_NORMAL)
		return verdict->rule;
	const struct field_rule *rule = file->field_rules[FIELD_AUTO];
	if (!rule)
		rule = file->field_rules[FIELD_NO_ANSWER];
	if (rule)
		return rule->rule;
	if (file->null_reverse_path)
		return STR("null-reverse-path");
	if (no_reply_author(file->author.local) || daemon_author(file->author.local, file->author.name))
		return STR("no-reply-author");
	if (file->author.empty)
		return STR("no-author");
	return (struct str){NULL, 0};
}

void mail_classify(const struct mail_facts *facts, struct mail_verdict *ret)
{
	struct case_file file;
	struct mail_verdict verdict = {.class = MAIL_NORMAL, .rule = STR_INIT("")};
	open_case(&file, facts);
	find_class(&file, &verdict);
	verdict.answer_rule = forbids_answer(&file, &verdict);
	verdict.answerable = verdict.answer_rule.len == 0;
	*ret = verdict;
}
