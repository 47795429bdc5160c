/* See quiet.h: a table in order of belief. Nothing here grants anything; each row only makes us quieter. */
#include "ingest/quiet.h"

static bool is_of_domain(struct str address, struct str domain)
{
	size_t at = str_find(address, '@');
	return at < address.len && str_ieq(str_sub(address, at + 1, address.len), domain);
}

/* Another server of our kind sent on what its agent wrote: a person's words, though every mail of that server says of
 * itself that a program sent it. Nothing but its mark makes it a machine's, and no program ever answers an answer. */
static bool is_answer(const struct envelope *envelope, const struct parsed_mail *mail)
{
	return !mailaddr_is_null(&envelope->reverse_path) &&
	       (mail->class == MAIL_NORMAL ||
		(mail->class == MAIL_AUTO && str_eq(mail->class_rule, STR("loop-mark"))));
}

void quiet_decide(const struct envelope *envelope, const struct parsed_mail *mail, struct str author,
		  const struct notice_maker *maker, struct quiet *ret)
{
	enum loop_kind kind = LOOP_ANSWER;
	enum loop_origin loop =
		mail->loop_mark.len ? loop_mark_check(maker->keys, mail->loop_mark, &kind) : LOOP_NONE;
	bool foreign = loop == LOOP_FOREIGN;
	const struct {
		bool holds, automatic, nobody;
		const char *why;
	} rules[] = {
		{loop == LOOP_OURS, true, true, "own-mail"},
		{foreign && kind == LOOP_NOTICE, true, true, "other-notice"},
		{foreign && kind == LOOP_FORWARD, mail->class != MAIL_NORMAL, true, "other-forward"},
		{foreign && is_answer(envelope, mail), false, false, "other-answer"},
		{mail->class != MAIL_NORMAL, true, false, "automatic"},
		/* RFC 3834 2: a machine's mail, whatever its header says */
		{mailaddr_is_null(&envelope->reverse_path), true, false, "null-reverse-path"},
		{!mail->answerable, false, false, "not-answerable"},
		{is_of_domain(author, maker->domain), false, false, "own-domain"},
	};
	*ret = (struct quiet){.loop = loop, .may_confirm = true, .why = ""};
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!rules[i].holds)
			continue;
		*ret = (struct quiet){
			.automatic = rules[i].automatic,
			.nobody = rules[i].nobody,
			.loop = loop,
			.why = rules[i].why,
		};
		return;
	}
}
