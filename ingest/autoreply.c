/*
 * Classification. Rules in the order in which they are believed:
 *
 *	forwarding confirmations,
 *	what the MIME structure says (RFC 3464, 5965, 8098), fields that only bounces carry,
 *	bounces in free form: evidence is added up, and at least one piece must be structural (author, null
 *	reverse-path, the original attached) so that nobody's quoted error message makes a bounce of their mail,
 *	our own mark (X-Servelo-Loop), fields of automatic mail (RFC 3834), calendar answers and reactions,
 *	subjects of vacation notices; a null reverse-path.
 *
 * What is left is normal. Whether a program may answer is asked separately, with more reasons to say no. Pure.
 */
#include "ingest/autoreply.h"

#include "ingest/autoreply_tables.h"
#include "ingest/text_fold.h"

#define SUBJECT_MAX 512
#define ADDRESS_MAX 256

struct author {
	struct str local, domain, name; /* folded */
	char local_buf[ADDRESS_MAX], domain_buf[ADDRESS_MAX], name_buf[ADDRESS_MAX];
	bool empty; /* "From: <>", or a daemon's name without an address */
};

struct case_file {
	const struct mail_facts *facts;
	struct author author;
	struct str subject, text; /* folded; the text only when somebody asks for it: case_text() */
	bool text_read;
	char subject_buf[SUBJECT_MAX], text_buf[AUTOREPLY_TEXT_MAX];
	bool null_reverse_path;
	bool replied_subject; /* "Re: ...", "Fwd: ...": a person's, about a notice */
	const struct field_rule *field_rules[FIELD_MEANINGS]; /* the first that fits; NULL: none */
};

static struct str fold_into(struct str s, char *buf, size_t size)
{
	return (struct str){buf, text_fold(str_sub(s, 0, size), buf, size)};
}

static struct str first_value(const struct mail_facts *facts, struct str name)
{
	for (size_t i = 0; i < facts->fields_n; i++)
		if (str_ieq(facts->fields[i].name, name))
			return str_trim(facts->fields[i].value);
	return (struct str){NULL, 0};
}

static bool has_field(const struct mail_facts *facts, struct str name)
{
	return first_value(facts, name).ptr != NULL;
}

/* ---- opening the case ---- */

static void read_author(struct author *author, const struct mail_facts *facts)
{
	struct str raw = first_value(facts, STR("From"));
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
	struct str path = first_value(facts, STR("Return-Path"));
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

/* Most mails are told by their header section; their text is never folded. */
static struct str case_text(struct case_file *file)
{
	if (!file->text_read)
		file->text = fold_into(file->facts->text, file->text_buf, sizeof(file->text_buf));
	file->text_read = true;
	return file->text;
}

/* ---- structure ---- */

/* Among the parts before the first attached mail: what belongs to an attached mail says nothing about this one. */
static bool has_part(const struct mail_facts *facts, struct str type)
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
		if (!has_part(facts, reports[i].part) &&
		    !(report && str_ieq(facts->report_type, reports[i].report_type)))
			continue;
		ret->class = reports[i].class;
		ret->rule = reports[i].rule;
		return true;
	}
	return false;
}

static bool by_part(struct case_file *file, struct mail_verdict *ret)
{
	if (has_part(file->facts, STR("text/vnd.google.email-reaction+json"))) {
		ret->rule = STR("reaction");
	} else if (file->facts->calendar_answer) {
		ret->rule = STR("calendar-reply");
	} else if (has_part(file->facts, STR("text/calendar")) &&
		   word_rules_find(&calendar_subjects, file->subject)) {
		ret->rule = STR("calendar-reply");
	} else {
		return false;
	}
	ret->class = MAIL_AUTO;
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

/* ---- forwarding confirmations ---- */

static bool domain_within(struct str domain, struct str parent)
{
	if (!parent.len || !str_ends(domain, parent))
		return false;
	return domain.len == parent.len || domain.ptr[domain.len - parent.len - 1] == '.';
}

static bool has_link_to(struct str text, struct str host)
{
	for (size_t at = 0; host.len;) {
		struct str rest = str_sub(text, at, text.len);
		size_t found = str_search(rest, STR("://"));
		if (found == rest.len)
			return false;
		at += found + 3;
		if (str_starts(str_sub(text, at, text.len), host))
			return true;
	}
	return false;
}

static bool has_code(struct str s)
{
	size_t digits = 0;
	for (size_t i = 0; i < s.len; i++) {
		digits = ascii_digit(s.ptr[i]) ? digits + 1 : 0;
		if (digits >= 6)
			return true;
	}
	return false;
}

static bool speaks_of(struct case_file *file, const struct word_rules *words)
{
	struct str about = file->subject.len ? file->subject : str_sub(case_text(file), 0, 200);
	return word_rules_find(words, about) || word_rules_find(words, case_text(file));
}

/* A role account of the provider's. */
static bool wrote_it(const struct forward_provider *provider, const struct author *author)
{
	bool role = no_reply_author(author->local) || str_has(author->local, STR("forward")) ||
		    str_has(author->local, STR("support")) || str_has(author->local, STR("account")) ||
		    str_has(author->local, STR("service"));
	if (is_public_domain(author->domain))
		role = is_reserved_local(author->local);
	for (size_t i = 0; role && i < ARRAY_SIZE(provider->author_domains); i++)
		if (domain_within(author->domain, provider->author_domains[i]))
			return true;
	return false;
}

static bool links_to(const struct forward_provider *provider, struct str text)
{
	for (size_t i = 0; i < ARRAY_SIZE(provider->link_hosts); i++)
		if (has_link_to(text, provider->link_hosts[i]))
			return true;
	return false;
}

/* Author's domain, a role account, words for forwarding and confirming, and a link to the provider or a code. */
static bool by_confirmation(struct case_file *file, struct mail_verdict *ret)
{
	const struct forward_provider *provider = NULL;
	for (size_t i = 0; i < forward_providers_n && !provider; i++)
		if (wrote_it(&forward_providers[i], &file->author))
			provider = &forward_providers[i];
	if (!provider || file->replied_subject)
		return false;
	bool forwarder = provider->forwarder.len && str_eq(file->author.local, provider->forwarder);
	if (!forwarder && (!speaks_of(file, &forward_words) || !speaks_of(file, &confirm_words)))
		return false;
	bool code = has_code(file->subject) && (forwarder || word_rules_find(&forward_words, file->subject));
	if (!code && !links_to(provider, case_text(file)))
		return false;
	ret->class = MAIL_AUTO;
	ret->rule = STR("forward-confirmation");
	ret->forward_confirmation = provider->name;
	return true;
}

/* ---- bounces in free form ---- */

/* 2: says that a mail was not delivered, or gives three reasons; 1: gives a reason. */
static unsigned bounce_words(struct str text)
{
	if (word_rules_find(&bounce_texts, text))
		return 2;
	size_t weak = word_rules_count(&bounce_weak_texts, text, 3);
	return weak >= 3 ? 2 : weak > 0;
}

/* Programs that run mailing lists send what they refuse back under such names. */
static bool list_manager(struct case_file *file)
{
	struct str local = file->author.local;
	return str_ends(local, STR("-admin")) || str_ends(local, STR("-owner")) ||
	       str_ends(local, STR("-request")) || str_ends(local, STR("-bounces")) ||
	       str_starts(local, STR("owner-")) || has_field(file->facts, STR("X-MLServer")) ||
	       has_field(file->facts, STR("X-Mailman-Version"));
}

static bool by_bounce(struct case_file *file, struct mail_verdict *ret)
{
	const struct mail_facts *facts = file->facts;
	unsigned author = daemon_author(file->author.local, file->author.name);
	bool original = has_part(facts, STR("message/rfc822")) || has_part(facts, STR("text/rfc822-headers"));
	if (author == 0 &&
	    (file->author.empty || list_manager(file) || (original && no_reply_author(file->author.local))))
		author = 1;
	unsigned structural = author + (file->null_reverse_path ? 1 : 0);
	if (structural == 0)
		return false;
	unsigned subject = !file->replied_subject && word_rules_find(&bounce_subjects, file->subject) ? 2 : 0;
	unsigned text = bounce_words(case_text(file));
	if (structural + original + subject + text < 3 || subject + text + original == 0)
		return false;
	/* A vacation notice has a null reverse-path too, and may speak of errors. */
	if (author == 0 && subject == 0 && !original && word_rules_find(&vacation_subjects, file->subject))
		return false;
	/* A person called postmaster writes "error:" and "unknown" too. */
	if (author < 2 && subject == 0 && text < 2 && !(file->null_reverse_path && original))
		return false;
	ret->class = MAIL_BOUNCE;
	ret->rule = author == 2 ? STR("bounce:daemon") : subject ? STR("bounce:subject") : STR("bounce:text");
	return true;
}

/* Amazon SES tells about our mail by SNS in JSON, not by a report. */
static bool by_ses(struct case_file *file, struct mail_verdict *ret)
{
	if (!domain_within(file->author.domain, STR("amazonaws.com")))
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
	if (!rule || !has_part(file->facts, STR("message/rfc822")))
		return false;
	ret->class = MAIL_FEEDBACK;
	ret->rule = rule->rule;
	return true;
}

/* ---- vacation notices ---- */

static bool by_subject(struct case_file *file, struct mail_verdict *ret)
{
	if (file->replied_subject)
		return false;
	const struct word_rule *rule = word_rules_find(&vacation_subjects, file->subject);
	if (!rule)
		return false;
	ret->class = MAIL_AUTO;
	ret->rule = rule->rule;
	return true;
}

/* Words that a person writes too ("out of office" somewhere in the subject, "I am on vacation" in the text):
 * automatic only when a program's marks are there. */
static bool by_weak_words(struct case_file *file, struct mail_verdict *ret)
{
	const struct mail_facts *facts = file->facts;
	bool program = file->null_reverse_path || has_field(facts, STR("X-Auto-Response-Suppress"));
	bool subject = str_has(file->subject, STR("out of office")) ||
		       str_has(file->subject, STR("out of the office")) ||
		       str_has(file->subject, STR("abwesen")) ||
		       str_has(file->subject, STR("automatic reply")) ||
		       str_has(file->subject, STR("absence")) || str_has(file->subject, STR("vacation"));
	if (file->replied_subject || !(program || subject))
		return false;
	if (!(program && subject) && !word_rules_find(&vacation_texts, str_sub(case_text(file), 0, 1024)))
		return false;
	ret->class = MAIL_AUTO;
	ret->rule = STR("text:out-of-office");
	return true;
}

/* ---- the verdict ---- */

static bool find_class(struct case_file *file, struct mail_verdict *ret)
{
	if (by_confirmation(file, ret) || by_report(file, ret) || by_feedback(file, ret) ||
	    by_field(file, FIELD_BOUNCE, MAIL_BOUNCE, ret) || by_ses(file, ret) || by_bounce(file, ret) ||
	    by_field(file, FIELD_OWN_LOOP, MAIL_AUTO, ret) || by_field(file, FIELD_AUTO, MAIL_AUTO, ret) ||
	    by_part(file, ret) || by_subject(file, ret) || by_weak_words(file, ret))
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
	const struct field_rule *rule = file->field_rules[FIELD_NO_ANSWER];
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
