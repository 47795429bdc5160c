/*
 * Does a text ask its reader to do something: "Please hold my parcel", "bitte liefern Sie erst am 30."? Vacation notices
 * say "please" too, but to send their reader to somebody else, or to be patient: a sentence with such a word in it does
 * not count. Words that ask without "please" are not known here. Linear in the text. Pure.
 */
#include "ingest/autoreply_subject.h"

#include "ingest/text_fold.h"

#define SENTENCE_MAX 160 /* octets behind the word that asks */

static const struct str asking[] = {
	STR_INIT("please "),     STR_INIT("pls "),       STR_INIT("kindly "),      STR_INIT("bitte "),
	STR_INIT("por favor"),   STR_INIT("vous plaît"), STR_INIT("te plaît"),     STR_INIT("merci de "),
	STR_INIT("veuillez "),   STR_INIT("per favore"), STR_INIT("per cortesia"), STR_INIT("alstublieft"),
	STR_INIT("alsjeblieft"), STR_INIT("graag "),     STR_INIT("snälla "),      STR_INIT("vänligen "),
	STR_INIT("venligst "),   STR_INIT("vennligst "), STR_INIT("proszę "),      STR_INIT("prosím"),
	STR_INIT("kérem"),       STR_INIT("kérjük"),     STR_INIT("vă rog"),       STR_INIT("molim"),
	STR_INIT("prosim"),      STR_INIT("пожалуйста"), STR_INIT("прошу "),       STR_INIT("будь ласка"),
	STR_INIT("моля "),       STR_INIT("παρακαλ"),    STR_INIT("lütfen "),      STR_INIT("בבקשה"),
	STR_INIT("من فضلك"),     STR_INIT("请"),         STR_INIT("請"),           STR_INIT("ください"),
	STR_INIT("お願い"),      STR_INIT("부탁"),       STR_INIT("vui lòng"),     STR_INIT("mohon "),
	STR_INIT("tolong "),     STR_INIT("กรุณา"),
};

/* Where a notice sends its reader, and what it asks them to bear with. */
static const struct str referring[] = {
	STR_INIT("@"),         STR_INIT("contact"),  STR_INIT("call "),       STR_INIT("mail"),
	STR_INIT("reach"),     STR_INIT("write "),   STR_INIT("refer"),       STR_INIT("direct"),
	STR_INIT("colleague"), STR_INIT("urgent"),   STR_INIT("emergenc"),    STR_INIT("patien"),
	STR_INIT("note"),      STR_INIT("be aware"), STR_INIT("be advised"),  STR_INIT("allow "),
	STR_INIT("resend"),    STR_INIT("wend"),     STR_INIT("kontakt"),     STR_INIT("ruf"),
	STR_INIT("schreib"),   STR_INIT("richt"),    STR_INIT("kolleg"),      STR_INIT("vertret"),
	STR_INIT("dringend"),  STR_INIT("geduld"),   STR_INIT("verständnis"), STR_INIT("beacht"),
	STR_INIT("telefon"),   STR_INIT("adress"),   STR_INIT("joindre"),     STR_INIT("écri"),
	STR_INIT("appel"),     STR_INIT("patient"),  STR_INIT("collègue"),    STR_INIT("votre mess"),
	STR_INIT("noter"),     STR_INIT("comuni"),   STR_INIT("dirij"),       STR_INIT("dirig"),
	STR_INIT("escrib"),    STR_INIT("llam"),     STR_INIT("rivolg"),      STR_INIT("contatt"),
	STR_INIT("chiam"),     STR_INIT("scriv"),    STR_INIT("contat"),      STR_INIT("escrev"),
	STR_INIT("ligue"),     STR_INIT("opnemen"),  STR_INIT("opneem"),      STR_INIT("bel "),
	STR_INIT("stuur"),     STR_INIT("ring "),    STR_INIT("mejl"),        STR_INIT("henvend"),
	STR_INIT("skriv"),     STR_INIT("pisa"),     STR_INIT("dzwon"),       STR_INIT("obra"),
	STR_INIT("kapcsolat"), STR_INIT("fordul"),   STR_INIT("javi"),        STR_INIT("обра"),
	STR_INIT("связ"),      STR_INIT("звон"),     STR_INIT("пиш"),         STR_INIT("зверн"),
	STR_INIT("свърж"),     STR_INIT("επικοιν"),  STR_INIT("iletişim"),    STR_INIT("ulaş"),
	STR_INIT("פנ"),        STR_INIT("صل"),       STR_INIT("联系"),        STR_INIT("聯"),
	STR_INIT("致电"),      STR_INIT("連絡"),     STR_INIT("電話"),        STR_INIT("問い合わせ"),
	STR_INIT("了承"),      STR_INIT("待ち"),     STR_INIT("연락"),        STR_INIT("문의"),
	STR_INIT("liên hệ"),   STR_INIT("hubungi"),  STR_INIT("ติดต่อ"),
};

/* "Please do not reply": behind the word that asks, not before it. */
static const struct str forbidding[] = {
	STR_INIT("not "),    STR_INIT("n't "), STR_INIT("nicht"), STR_INIT("ne pas"),
	STR_INIT("no resp"), STR_INIT("勿"),   STR_INIT("不要"),
};

/* Of the text around `at`: up to the ends of its sentence. */
static struct str sentence_around(struct str text, size_t at)
{
	size_t from = at, to = at;
	while (from > 0 && at - from < SENTENCE_MAX && !char_in(".!?", text.ptr[from - 1]))
		from--;
	while (to < text.len && to - at < SENTENCE_MAX && !char_in(".!?", text.ptr[to]))
		to++;
	/* the dot of an address ends no sentence */
	bool inside = to + 1 < text.len && text.ptr[to + 1] != ' ';
	return str_sub(text, from, inside ? to + SENTENCE_MAX : to);
}

static bool has_any(struct str s, const struct str *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_has(s, words[i]))
			return true;
	return false;
}

static bool is_request(struct str text, size_t at)
{
	struct str sentence = sentence_around(text, at), behind = str_sub(text, at, at + SENTENCE_MAX / 4);
	return !has_any(sentence, referring, ARRAY_SIZE(referring)) &&
	       !has_any(behind, forbidding, ARRAY_SIZE(forbidding));
}

bool text_requests(struct str text)
{
	char buf[TEXT_ASKS_MAX];
	struct str own = text_before_quote(str_sub(text, 0, TEXT_ASKS_MAX));
	struct str folded = {buf, text_fold(own, buf, sizeof(buf))};
	for (size_t i = 0; i < ARRAY_SIZE(asking); i++) {
		for (size_t at = 0; at < folded.len; at += asking[i].len) {
			at += str_search(str_sub(folded, at, folded.len), asking[i]);
			if (at < folded.len && is_request(folded, at))
				return true;
		}
	}
	return false;
}
