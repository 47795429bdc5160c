/*
 * See mail_stub.h. Sentences are counted: those that speak of HTML and of programs, and the others. Words of both kinds
 * must be in a sentence, so that who writes about HTML in general is not taken for a stub. Pure.
 */
#include "ingest/mail_stub.h"

#include <string.h>

#define STUB_SIZE_MAX 600 /* octets of a "can't show HTML" text */

static bool contains_word(struct str s, struct str word)
{
	for (size_t i = 0; i + word.len <= s.len; i++)
		if (str_istarts(str_sub(s, i, s.len), word))
			return true;
	return false;
}

/* Does a sentence speak of HTML and of programs that show it? */
static bool speaks_of_html(struct str sentence)
{
	static const struct str subjects[] = {STR_INIT("html"), STR_INIT("multi-part message"),
					      STR_INIT("multipart message"), STR_INIT("mime format")};
	static const struct str programs[] = {
		STR_INIT("client"),     STR_INIT("viewer"),     STR_INIT("program"),
		STR_INIT("reader"),     STR_INIT("support"),    STR_INIT("browser"),
		STR_INIT("capable"),    STR_INIT("compatible"), STR_INIT("display"),
		STR_INIT("enable"),     STR_INIT("affich"),     STR_INIT("anzeig"),
		STR_INIT("darstell"),   STR_INIT("lecteur"),    STR_INIT("visualizar"),
		STR_INIT("visualizz"),  STR_INIT("weergeven"),  STR_INIT("mime format"),
		STR_INIT("messagerie"), STR_INIT("soport"),     STR_INIT("suport"),
		STR_INIT("stöder"),     STR_INIT("støtte"),     STR_INIT("understøtte"),
		STR_INIT("ei tue"),     STR_INIT("podpor"),     STR_INIT("podrža"),
		STR_INIT("podpira"),    STR_INIT("obsług"),     STR_INIT("desteklem"),
		STR_INIT("támogat"),    STR_INIT("palaiko"),    STR_INIT("atbalst"),
		STR_INIT("toeta"),      STR_INIT("поддерж"),    STR_INIT("підтрим"),
		STR_INIT("υποστηρίζ"),  STR_INIT("תומכ"),       STR_INIT("יכול"),
		STR_INIT("يدعم"),       STR_INIT("hỗ trợ"),     STR_INIT("รองรับ"),
		STR_INIT("mendukung"),  STR_INIT("対応"),       STR_INIT("表示"),
		STR_INIT("支持"),       STR_INIT("支援"),       STR_INIT("显示"),
		STR_INIT("顯示"),       STR_INIT("지원"),       STR_INIT("표시"),
	};
	bool subject = false, program = false;

	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		subject |= contains_word(sentence, subjects[i]);
	for (size_t i = 0; subject && i < ARRAY_SIZE(programs); i++)
		program |= contains_word(sentence, programs[i]);
	return program;
}

static bool points_to_browser(struct str sentence)
{
	return contains_word(sentence, STR("browser")) || contains_word(sentence, STR("navegador")) ||
	       contains_word(sentence, STR("navigateur")) || contains_word(sentence, STR("браузер")) ||
	       contains_word(sentence, STR("ブラウザ")) || contains_word(sentence, STR("浏览器"));
}

enum plain_worth mail_stub_worth(struct str text)
{
	size_t sentences = 0, about_html = 0;

	if (text.len > STUB_SIZE_MAX)
		return PLAIN_GOOD;
	while (text.len) {
		size_t n = 0;
		while (n < text.len &&
		       !(strchr(".!?", text.ptr[n]) && (n + 1 == text.len || ascii_space(text.ptr[n + 1]))))
			n++;
		struct str sentence = str_trim(str_sub(text, 0, n));
		bool about = speaks_of_html(sentence);
		/* "View it in your browser: ..." is part of saying so, and says nothing by itself */
		sentences += sentence.len > 0 && (about || !points_to_browser(sentence));
		about_html += about;
		text = str_sub(text, n + 1, text.len);
	}
	if (about_html * 2 > sentences)
		return PLAIN_NOTHING;
	return about_html * 3 >= sentences && about_html ? PLAIN_DOUBTFUL : PLAIN_GOOD;
}
