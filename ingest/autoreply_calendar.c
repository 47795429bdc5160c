/*
 * Calendar answers. A program writes them, but people write into them: "Declined: Tuesday suits me better". What a program
 * adds by itself is known by its form: a sentence about the answer that names the author in the third person ("Jane Doe
 * has declined this invitation.") and all below it, "When:" and "Where:", the event's name, a link. What is left is a
 * person's. Linear in the text. Pure.
 */
#include "ingest/autoreply_private.h"

#include "ingest/autoreply_subject.h"
#include "ingest/text_fold.h"

#define CALENDAR_LINE_MAX 512

static const struct str answers[] = {
	STR_INIT("accept"),    STR_INIT("decline"),  STR_INIT("tentative"), STR_INIT("proposed a new time"),
	STR_INIT("zugesagt"),  STR_INIT("abgesagt"), STR_INIT("abgelehnt"), STR_INIT("angenommen"),
	STR_INIT("vorbehalt"), STR_INIT("refusé"),   STR_INIT("décliné"),   STR_INIT("provisoire"),
	STR_INIT("aceptad"),   STR_INIT("aceptó"),   STR_INIT("rechaz"),    STR_INIT("aceit"),
	STR_INIT("recus"),     STR_INIT("accettat"), STR_INIT("rifiutat"),  STR_INIT("geweigerd"),
	STR_INIT("afgewezen"), STR_INIT("avböjt"),   STR_INIT("tackat"),    STR_INIT("afvist"),
	STR_INIT("afslået"),   STR_INIT("aksepter"), STR_INIT("avslått"),   STR_INIT("hyväksy"),
	STR_INIT("hylä"),      STR_INIT("akcept"),   STR_INIT("odrzuci"),   STR_INIT("přijal"),
	STR_INIT("odmítl"),    STR_INIT("принял"),   STR_INIT("отклонил"),  STR_INIT("接受"),
	STR_INIT("拒绝"),      STR_INIT("承諾"),     STR_INIT("辞退"),      STR_INIT("수락"),
	STR_INIT("거절"),
};
/* How such a sentence begins that does not name who answers. */
static const struct str impersonal[] = {
	STR_INIT("your "),  STR_INIT("this "), STR_INIT("ihre "),   STR_INIT("diese "),  STR_INIT("votre "),
	STR_INIT("cette "), STR_INIT("su "),   STR_INIT("la tua "), STR_INIT("la sua "), STR_INIT("uw "),
};
static const struct str labels[] = {
	STR_INIT("when"),    STR_INIT("where"),    STR_INIT("wann"),      STR_INIT("wo"),
	STR_INIT("quand"),   STR_INIT("où"),       STR_INIT("cuándo"),    STR_INIT("dónde"),
	STR_INIT("quando"),  STR_INIT("dove"),     STR_INIT("onde"),      STR_INIT("wanneer"),
	STR_INIT("waar"),    STR_INIT("när"),      STR_INIT("var"),       STR_INIT("når"),
	STR_INIT("hvor"),    STR_INIT("milloin"),  STR_INIT("missä"),     STR_INIT("kiedy"),
	STR_INIT("gdzie"),   STR_INIT("kdy"),      STR_INIT("kde"),       STR_INIT("когда"),
	STR_INIT("где"),     STR_INIT("时间"),     STR_INIT("地点"),      STR_INIT("日時"),
	STR_INIT("場所"),    STR_INIT("subject"),  STR_INIT("organizer"), STR_INIT("location"),
	STR_INIT("time"),    STR_INIT("invitees"), STR_INIT("betreff"),   STR_INIT("organisator"),
	STR_INIT("ort"),     STR_INIT("zeit"),     STR_INIT("calendar"),  STR_INIT("kalender"),
	STR_INIT("objet"),   STR_INIT("lieu"),     STR_INIT("asunto"),    STR_INIT("oggetto"),
	STR_INIT("assunto"), STR_INIT("who"),      STR_INIT("wer"),       STR_INIT("joining info"),
};

static bool has_any(struct str s, const struct str *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_has(s, words[i]))
			return true;
	return false;
}

/* Who answers, by the calendar (mail_summary.h): "Calendar answer: Jane Doe <jane@x.example> accepted ...". Somebody else may
 * have sent it. Folded into buf; empty: nobody is named. */
static struct str attendee(struct str summary, char *buf, size_t size)
{
	static const struct str head = STR_INIT("Calendar answer: ");
	if (!str_starts(summary, head))
		return STR("");
	summary = str_sub(summary, head.len, summary.len);
	summary = str_sub(summary, 0, str_find(summary, '\n'));
	size_t end = str_find(summary, '<');
	if (end == summary.len)
		end = str_find(summary, ' ');
	return (struct str){buf, text_fold(str_sub(summary, 0, end < size ? end : size), buf, size)};
}

static bool is_about_answer(const struct case_author *author, struct str attendee, struct str line)
{
	const struct str names[] = {author->name, author->local, attendee};
	bool begins = false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		begins = begins || (names[i].len > 2 && str_starts(line, names[i]));
	for (size_t i = 0; i < ARRAY_SIZE(impersonal); i++)
		begins = begins || str_starts(line, impersonal[i]);
	return begins && has_any(line, answers, ARRAY_SIZE(answers));
}

/* "When: Friday", "Where:" */
static bool is_labelled(struct str line)
{
	struct str label = str_trim(str_sub(line, 0, str_find(line, ':')));
	if (label.len == line.len)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		if (str_eq(label, labels[i]))
			return true;
	return false;
}

static bool is_link(struct str line)
{
	return (str_starts(line, STR("http")) || str_starts(line, STR("<http"))) &&
	       str_find(line, ' ') == line.len;
}

static bool has_word(struct str line)
{
	for (size_t at = 0; at < line.len;)
		if (char_word(utf8_next(line, &at)))
			return true;
	return false;
}

/* Behind the colon of "Jane Doe has declined this invitation with this note: ...". False: there is none. */
static bool find_note(struct str sentence, struct str *ret)
{
	size_t at = sentence.len;
	while (at > 0 && sentence.ptr[at - 1] != ':')
		at--;
	*ret = str_trim(str_sub(sentence, at, sentence.len));
	return at > 0;
}

bool autoreply_calendar_has_words(const struct case_file *file)
{
	struct str text = text_before_quote(str_sub(file->facts->own_words, 0, AUTOREPLY_TEXT_MAX));
	char name_buf[CASE_ADDRESS_MAX];
	struct str name = attendee(file->facts->summary, name_buf, sizeof(name_buf));
	bool program = false, noted = file->field_rules[FIELD_AUTO] == NULL;
	for (size_t at = 0, end; at < text.len; at = end + 1) {
		char buf[CALENDAR_LINE_MAX];
		end = at + str_find(str_sub(text, at, text.len), '\n');
		struct str raw = str_sub(text, at, end), line = {buf, 0}, note;
		line.len = text_fold(str_sub(raw, 0, sizeof(buf)), buf, sizeof(buf));
		if (str_starts(line, STR("*~*"))) /* parts what a program says from what a person wrote */
			program = false;
		if (program || !has_word(line) || is_labelled(line) || is_link(line) ||
		    str_has(file->subject, line))
			continue;
		if (!is_about_answer(&file->author, name, line)) {
			if (noted)
				return true;
			continue;
		}
		program = !find_note(line, &note);
		noted = noted || !program;
		if (!program && has_word(note) && !str_has(file->subject, note))
			return true;
	}
	return false;
}
