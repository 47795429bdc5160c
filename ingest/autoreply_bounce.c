/*
 * Bounces in free form: evidence is added up, and at least one piece must be structural (author, null reverse-path, the
 * original attached) so that nobody's quoted error message makes a bounce of their mail. Pure.
 */
#include "ingest/autoreply_private.h"

#include "ingest/text_fold.h"

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
	       str_starts(local, STR("owner-")) || case_has_field(file->facts, STR("X-MLServer")) ||
	       case_has_field(file->facts, STR("X-Mailman-Version"));
}

bool autoreply_by_bounce(struct case_file *file, struct mail_verdict *ret)
{
	const struct mail_facts *facts = file->facts;
	unsigned author = daemon_author(file->author.local, file->author.name);
	bool original = case_has_part(facts, STR("message/rfc822")) ||
			case_has_part(facts, STR("text/rfc822-headers"));
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
