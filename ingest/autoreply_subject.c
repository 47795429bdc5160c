/*
 * See autoreply_subject.h. The phrases are those of vacation_subjects; the words here are what may stand behind one.
 * Linear in the subject. Pure.
 */
#include "ingest/autoreply_subject.h"

#include "ingest/text_fold.h"

/* Punctuation outside ASCII: dashes and quotes, ideographic and full-width signs. */
static bool is_wide_sign(struct str s)
{
	size_t at = 0;
	uint32_t c = s.len ? utf8_next(s, &at) : 0;
	return c == 0xb7 || (c >= 0x2010 && c <= 0x206f) || (c >= 0x3000 && c <= 0x303f) ||
	       (c >= 0xff00 && c <= 0xff0f) || (c >= 0xff1a && c <= 0xff20) || (c >= 0xff3b && c <= 0xff40) ||
	       (c >= 0x1f300 && c <= 0x1faff);
}

/* The text is over, or a sign parts it from what follows. "Out-of-office-hours": a hyphen within words parts nothing. */
static bool is_parted(struct str rest)
{
	if (rest.len == 0 || is_wide_sign(rest))
		return true;
	if (rest.ptr[0] == '-')
		return rest.len == 1 || char_in(" -", rest.ptr[1]);
	return char_in(":,;.!()[]|~/*\"", rest.ptr[0]);
}

static bool starts_with_any(struct str s, const struct str *words, size_t n, size_t *ret_len)
{
	for (size_t i = 0; i < n; i++)
		if (str_starts(s, words[i])) {
			*ret_len = words[i].len;
			return true;
		}
	return false;
}

/* "until Monday", "3 May", "am 3.11." */
static bool is_time(struct str rest)
{
	static const struct str words[] = {
		STR_INIT("until "),  STR_INIT("till "), STR_INIT("from "), STR_INIT("through "),
		STR_INIT("this "),   STR_INIT("today"), STR_INIT("next "), STR_INIT("bis "),
		STR_INIT("vom "),    STR_INIT("seit "), STR_INIT("jusqu"), STR_INIT("hasta "),
		STR_INIT("fino "),   STR_INIT("até "),  STR_INIT("t/m "),  STR_INIT("t.o.m"),
		STR_INIT("t.o.m. "), STR_INIT("tot "),  STR_INIT("до "),   STR_INIT("week "),
	};
	/* words of other languages are too short to stand for a time without a number */
	static const struct str before_number[] = {
		STR_INIT("ab "),  STR_INIT("am "),  STR_INIT("du "),   STR_INIT("del "),    STR_INIT("dal "),
		STR_INIT("fra "), STR_INIT("do "),  STR_INIT("от "),   STR_INIT("с "),      STR_INIT("on "),
		STR_INIT("le "),  STR_INIT("od "),  STR_INIT("från "), STR_INIT("ab dem "), STR_INIT("kw "),
		STR_INIT("el "),  STR_INIT("van "), STR_INIT("de "),   STR_INIT("le "),
	};
	size_t len;
	if (rest.len && ascii_digit(rest.ptr[0]))
		return true;
	if (starts_with_any(rest, words, ARRAY_SIZE(words), &len))
		return true;
	return starts_with_any(rest, before_number, ARRAY_SIZE(before_number), &len) && len < rest.len &&
	       ascii_digit(rest.ptr[len]);
}

/* How a program goes on that speaks to whom it answers. */
static bool is_program_speech(struct str rest)
{
	static const struct str words[] = {
		STR_INIT("to your "),   STR_INIT("of your "),    STR_INIT("for your "), STR_INIT("re: "),
		STR_INIT("auf ihre "),  STR_INIT("ihrer "),      STR_INIT("zu ihrer "), STR_INIT("à votre "),
		STR_INIT("de votre "),  STR_INIT("a su "),       STR_INIT("a tu "),     STR_INIT("de su "),
		STR_INIT("alla sua "),  STR_INIT("della sua "),  STR_INIT("ao seu "),   STR_INIT("à sua "),
		STR_INIT("do seu "),    STR_INIT("op uw "),      STR_INIT("van uw "),   STR_INIT("på ditt "),
		STR_INIT("på din "),    STR_INIT("till dig "),   STR_INIT("til din "),  STR_INIT("na twoj"),
		STR_INIT("na państwa"), STR_INIT("на ваш"),      STR_INIT("на ваше"),   STR_INIT("na vaš"),
		STR_INIT("az ön "),     STR_INIT("mesajınıza "),
	};
	/* and then nothing, or a sign: "Out of office message" */
	static const struct str last[] = {
		STR_INIT("message"),  STR_INIT("notification"), STR_INIT("notice"), STR_INIT("reply"),
		STR_INIT("response"), STR_INIT("e-mail"),       STR_INIT("email"),  STR_INIT("メール"),
		STR_INIT("です"),     STR_INIT("邮件"),
	};
	size_t len;
	if (starts_with_any(rest, words, ARRAY_SIZE(words), &len))
		return true;
	return starts_with_any(rest, last, ARRAY_SIZE(last), &len) &&
	       is_parted(str_sub(rest, len + (len < rest.len && rest.ptr[len] == ' '), rest.len));
}

static bool goes_on_as_program(struct str rest)
{
	if (is_parted(rest) || is_program_speech(rest))
		return true;
	if (rest.ptr[0] != ' ')
		return false;
	rest = str_sub(rest, 1, rest.len);
	return is_parted(rest) || is_time(rest) || is_program_speech(rest);
}

/* "[Auto-Reply] ...", "【自動返信】..." */
static struct str without_bracket(struct str s)
{
	static const struct str brackets[] = {STR_INIT("["),  STR_INIT("("),  STR_INIT("*"), STR_INIT("\""),
					      STR_INIT("【"), STR_INIT("［"), STR_INIT("<")};
	size_t len;
	while (starts_with_any(s, brackets, ARRAY_SIZE(brackets), &len))
		s = str_sub(s, len, s.len);
	return s;
}

enum subject_form autoreply_subject(struct str folded, const struct word_rule **ret_rule)
{
	struct str subject = without_bracket(folded);
	const struct word_rule *rule = word_rules_find(&vacation_subjects, subject);
	*ret_rule = rule;
	if (!rule)
		return SUBJECT_OTHER;
	struct str rest = str_sub(subject, strlen(rule->text), subject.len);
	while (rest.len && ascii_alpha(rest.ptr[0])) /* "automated re|sponse" */
		rest = str_sub(rest, 1, rest.len);
	return goes_on_as_program(rest) ? SUBJECT_OF_PROGRAM : SUBJECT_SENTENCE;
}

bool subject_asks(struct str folded)
{
	static const struct str words[] = {
		STR_INIT("?"),
		STR_INIT("؟"),
		STR_INIT("please help"),
		STR_INIT("how to "),
		STR_INIT("how do "),
		STR_INIT("how can "),
		STR_INIT("not work"),
		STR_INIT("n't work"),
		STR_INIT("cannot "),
		STR_INIT("can't "),
		STR_INIT("bitte um"),
		STR_INIT("hilfe"),
		STR_INIT("funktioniert nicht"),
		STR_INIT("geht nicht"),
		STR_INIT("lässt sich nicht"),
		STR_INIT("ne fonctionne"),
		STR_INIT("ne marche"),
		STR_INIT("no funciona"),
		STR_INIT("non funziona"),
		STR_INIT("não funciona"),
		STR_INIT("werkt niet"),
		STR_INIT("fungerar inte"),
		STR_INIT("virker ikke"),
		STR_INIT("ei toimi"),
		STR_INIT("nie działa"),
		STR_INIT("nefunguje"),
		STR_INIT("не работает"),
		STR_INIT("не працює"),
		STR_INIT("çalışmıyor"),
		STR_INIT("できません"),
		STR_INIT("できない"),
		STR_INIT("届きません"),
		STR_INIT("ください"),
		STR_INIT("不能"),
		STR_INIT("无法"),
		STR_INIT("如何"),
	};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_has(folded, words[i]))
			return true;
	return false;
}

/* Has the line a "?" at the end of a word that is no link? */
static bool line_asks(struct str line)
{
	size_t word = 0;
	for (size_t i = 0; i < line.len; i++) {
		struct str rest = str_sub(line, i, line.len);
		if (ascii_space(line.ptr[i]))
			word = i + 1;
		if (str_starts(rest, STR("？")) || str_starts(rest, STR("؟")))
			return true;
		bool ends = line.ptr[i] == '?' && (i + 1 == line.len || !(ascii_alpha(line.ptr[i + 1]) ||
									  ascii_digit(line.ptr[i + 1])));
		/* the word is looked through once: behind a link no other "?" of it is asked about */
		if (ends && !str_has(str_sub(line, word, i), STR("://")))
			return true;
		if (ends)
			word = i + 1;
	}
	return false;
}

struct str text_before_quote(struct str text)
{
	for (size_t at = 0; at < text.len;) {
		size_t end = at + str_find(str_sub(text, at, text.len), '\n');
		struct str line = str_trim(str_sub(text, at, end));
		if (str_starts(line, STR(">")) || str_starts(line, STR("-----")) ||
		    str_starts(line, STR("_____")))
			return str_sub(text, 0, at);
		at = end + 1;
	}
	return text;
}

bool text_asks(struct str text)
{
	text = text_before_quote(str_sub(text, 0, TEXT_ASKS_MAX));
	while (text.len) {
		size_t end = str_find(text, '\n');
		if (line_asks(str_sub(text, 0, end)))
			return true;
		text = str_sub(text, end + 1, text.len);
	}
	return false;
}
