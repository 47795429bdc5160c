/*
 * Prefixes of replies and forwards. A reply's may stand behind a list's or a gateway's tag ("[EXT] AW: ...", "External:
 * RE: ..."), so the pieces between the first colons and brackets are looked at. Pure.
 */
#include "ingest/quote_subject.h"

#include "ingest/quote.h"
#include "ingest/text_fold.h"

#define FOLDED_MAX 128
#define PIECES_MAX 4 /* of a subject that are looked at */

static const struct str reply_prefixes[] = {
	STR_INIT("re"),        STR_INIT("aw"),       STR_INIT("sv"),        STR_INIT("antw"),
	STR_INIT("odp"),       STR_INIT("vs"),       STR_INIT("ynt"),       STR_INIT("res"),
	STR_INIT("r"),         STR_INIT("rv"),       STR_INIT("tr"),        STR_INIT("ref"),
	STR_INIT("réf"),       STR_INIT("réf."),     STR_INIT("rif"),       STR_INIT("rif."),
	STR_INIT("rép"),       STR_INIT("rép."),     STR_INIT("réponse"),   STR_INIT("antwort"),
	STR_INIT("antwoord"),  STR_INIT("svar"),     STR_INIT("vastaus"),   STR_INIT("respuesta"),
	STR_INIT("risposta"),  STR_INIT("resposta"), STR_INIT("odpowiedź"), STR_INIT("odpověď"),
	STR_INIT("odpoveď"),   STR_INIT("odgovor"),  STR_INIT("válasz"),    STR_INIT("yanıt"),
	STR_INIT("回复"),      STR_INIT("答复"),     STR_INIT("回覆"),      STR_INIT("回信"),
	STR_INIT("返信"),      STR_INIT("回答"),     STR_INIT("회신"),      STR_INIT("답장"),
	STR_INIT("отв"),       STR_INIT("на"),       STR_INIT("απ"),        STR_INIT("vá"),
	STR_INIT("odg"),       STR_INIT("bls"),      STR_INIT("atb"),       STR_INIT("תגובה"),
	STR_INIT("השב"),       STR_INIT("رد"),       STR_INIT("ответ"),     STR_INIT("відп"),
	STR_INIT("відповідь"), STR_INIT("отговор"),  STR_INIT("balas"),     STR_INIT("trả lời"),
};

/* "re", "re[2]", "re (3)", "re^2": one of the prefixes, and a count. */
static bool is_reply_prefix(struct str piece)
{
	size_t end = str_find(piece, '[');
	for (size_t i = 0; i < end && i < piece.len; i++)
		if (char_in("(^", piece.ptr[i]))
			end = i;
	if (piece.len > end + 6)
		return false;
	piece = str_trim(str_sub(piece, 0, end));
	for (size_t i = 0; i < ARRAY_SIZE(reply_prefixes); i++)
		if (str_eq(piece, reply_prefixes[i]))
			return true;
	return false;
}

/* Without a tag in brackets before it; "[" alone stays. */
static struct str skip_tag(struct str s)
{
	size_t end = s.len && s.ptr[0] == '[' ? str_find(s, ']') : s.len;
	return end < s.len ? str_trim(str_sub(s, end + 1, s.len)) : s;
}

bool quote_is_reply_subject(struct str subject)
{
	char buf[FOLDED_MAX];
	struct str rest = {buf, text_fold(str_sub(subject, 0, FOLDED_MAX), buf, sizeof(buf))};
	for (int i = 0; i < PIECES_MAX && rest.len; i++) {
		rest = skip_tag(rest);
		size_t colon = str_find(rest, ':');
		if (colon == rest.len)
			return false;
		struct str piece = str_trim(str_sub(rest, 0, colon));
		if (is_reply_prefix(piece))
			return true;
		if (str_eq(piece, STR("fwd")) || str_eq(piece, STR("fw")) || str_eq(piece, STR("wg")))
			return false; /* what is forwarded may be a reply */
		rest = str_trim(str_sub(rest, colon + 1, rest.len));
	}
	return false;
}

bool quote_is_forward_subject(struct str subject)
{
	static const struct str prefixes[] = {
		STR_INIT("fwd:"),  STR_INIT("fw:"),      STR_INIT("wg:"),      STR_INIT("tr:"),
		STR_INIT("rv:"),   STR_INIT("enc:"),     STR_INIT("i:"),       STR_INIT("vs:"),
		STR_INIT("vb:"),   STR_INIT("pd:"),      STR_INIT("fwd :"),    STR_INIT("tr :"),
		STR_INIT("vl:"),   STR_INIT("转发:"),    STR_INIT("轉寄:"),    STR_INIT("转寄:"),
		STR_INIT("転送:"), STR_INIT("전달:"),    STR_INIT("перес"),    STR_INIT("doorst:"),
		STR_INIT("[fwd:"), STR_INIT("doorgest"), STR_INIT("weiterge"), STR_INIT("ilt:"),
		STR_INIT("πρθ:"),  STR_INIT("tovább"),   STR_INIT("přepos"),   STR_INIT("inoltr")};
	char buf[128];
	struct str folded = {buf, text_fold(str_sub(subject, 0, 100), buf, sizeof(buf))};
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts(folded, prefixes[i]))
			return true;
	return false;
}
