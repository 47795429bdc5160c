/*
 * The tables of autoreply.c. The languages are those that vacation programs (Outlook, Gmail, Lotus, sieve) and
 * mail servers ship. Order matters only for the name of the rule that is told: the first that fits. Pure.
 */
#include "ingest/autoreply_tables.h"

#include <assert.h>
#include <pthread.h>

#include "ingest/phrase_set.h"
#include "ingest/text_fold.h"
#include "tenant/loop_mark.h"

#define RULES_MAX 256 /* of one table */

struct word_rules_index {
	struct phrase *items;
	struct phrase_set set;
	bool anywhere; /* some rule is PLACE_INSIDE */
};

#define OOO(lang)  STR_INIT("subject:out-of-office:" lang)
#define AUTO(lang) STR_INIT("subject:automatic-reply:" lang)
#define CONF(lang) STR_INIT("subject:confirmation:" lang)
/* The rules of a table, and room for their index. */
#define DEFINE_RULES(name, table)                                                  \
	static struct phrase table##_phrases[ARRAY_SIZE(table)];                   \
	static struct word_rules_index table##_index = {.items = table##_phrases}; \
	const struct word_rules name = {table, ARRAY_SIZE(table), &table##_index}
#define NO_RULE         \
	{               \
		NULL, 0 \
	}

static const struct word_rule vacation_subject_items[] = {
	{"automatic reply", PLACE_START, AUTO("en")},
	{"automatic response", PLACE_START, AUTO("en")},
	{"automated reply", PLACE_START, AUTO("en")},
	{"automated response", PLACE_START, AUTO("en")},
	{"auto reply", PLACE_START, AUTO("en")},
	{"auto-reply", PLACE_START, AUTO("en")},
	{"autoreply", PLACE_START, AUTO("en")},
	{"auto response", PLACE_START, AUTO("en")},
	{"auto-response", PLACE_START, AUTO("en")},
	{"autoresponse", PLACE_START, AUTO("en")},
	{"autoresponder", PLACE_WORDS, AUTO("en")},
	{"auto-responder", PLACE_WORDS, AUTO("en")},
	{"autorespons", PLACE_START, AUTO("en")},
	{"this is an automated re", PLACE_START, AUTO("en")},
	{"this is an automatic re", PLACE_START, AUTO("en")},
	{"this is an auto", PLACE_START, AUTO("en")},
	{"out of office autoreply", PLACE_START, OOO("en")},
	{"out of office", PLACE_WORDS, OOO("en")},
	{"out of the office", PLACE_WORDS, OOO("en")},
	{"out-of-office", PLACE_WORDS, OOO("en")},
	{"ooo", PLACE_WORDS, OOO("en")},
	{"i will be out of office", PLACE_START, OOO("en")},
	{"i will be out of the office", PLACE_START, OOO("en")},
	{"i am out of office", PLACE_START, OOO("en")},
	{"i am out of the office", PLACE_START, OOO("en")},
	{"i'm out of office", PLACE_START, OOO("en")},
	{"i'm out of the office", PLACE_START, OOO("en")},
	{"i am currently out of office", PLACE_START, OOO("en")},
	{"i am currently out of the office", PLACE_START, OOO("en")},
	{"i'll be out of office", PLACE_START, OOO("en")},
	{"i'll be out of the office", PLACE_START, OOO("en")},
	{"currently out of office", PLACE_START, OOO("en")},
	{"currently out of the office", PLACE_START, OOO("en")},
	{"away from my mail", PLACE_START, OOO("en")},
	{"away from the office", PLACE_START, OOO("en")},
	{"on vacation", PLACE_WORDS, OOO("en")},
	{"vacation reply", PLACE_START, OOO("en")},
	{"vacation notice", PLACE_START, OOO("en")},
	{"vacation message", PLACE_WORDS, OOO("en")},
	{"on annual leave", PLACE_WORDS, OOO("en")},
	{"automatic confirmation", PLACE_START, CONF("en")},
	{"automated confirmation", PLACE_START, CONF("en")},
	{"automatic acknowledg", PLACE_START, CONF("en")},
	{"automated acknowledg", PLACE_START, CONF("en")},
	{"auto-acknowledg", PLACE_START, CONF("en")},
	{"automatic receipt", PLACE_START, CONF("en")},
	{"accusé de réception automatique", PLACE_START, CONF("fr")},
	{"confirmation automatique", PLACE_START, CONF("fr")},
	{"acuse de recibo automático", PLACE_START, CONF("es")},
	{"confirmación automática", PLACE_START, CONF("es")},
	{"conferma automatica", PLACE_START, CONF("it")},
	{"confirmação automática", PLACE_START, CONF("pt")},
	{"automatische ontvangstbevestiging", PLACE_START, CONF("nl")},
	{"automatische bevestiging", PLACE_START, CONF("nl")},
	{"automatisk bekräftelse", PLACE_START, CONF("sv")},
	{"automatisk bekræftelse", PLACE_START, CONF("da")},
	{"automatisk bekreftelse", PLACE_START, CONF("nb")},
	{"automatyczne potwierdzenie", PLACE_START, CONF("pl")},
	{"abwesenheitsnotiz", PLACE_START, OOO("de")},
	{"abwesenheitsmeldung", PLACE_START, OOO("de")},
	{"abwesenheitsnachricht", PLACE_START, OOO("de")},
	{"abwesenheitsassistent", PLACE_START, OOO("de")},
	{"automatische abwesenheit", PLACE_START, OOO("de")},
	{"abwesend", PLACE_WORDS, OOO("de")},
	{"außer haus", PLACE_WORDS, OOO("de")},
	{"ich bin nicht im büro", PLACE_START, OOO("de")},
	{"nicht im büro", PLACE_WORDS, OOO("de")},
	{"bin im urlaub", PLACE_WORDS, OOO("de")},
	{"automatische antwort", PLACE_START, AUTO("de")},
	{"automatische rückantwort", PLACE_START, AUTO("de")},
	{"automatische eingangsbestätigung", PLACE_START, CONF("de")},
	{"automatische empfangsbestätigung", PLACE_START, CONF("de")},
	{"automatische bestätigung", PLACE_START, CONF("de")},
	{"réponse automatique", PLACE_START, AUTO("fr")},
	{"reponse automatique", PLACE_START, AUTO("fr")},
	{"réponse d'absence", PLACE_START, OOO("fr")},
	{"message d'absence", PLACE_START, OOO("fr")},
	{"avis d'absence", PLACE_START, OOO("fr")},
	{"notification d'absence", PLACE_START, OOO("fr")},
	{"absence du bureau", PLACE_START, OOO("fr")},
	{"absent du bureau", PLACE_START, OOO("fr")},
	{"en dehors du bureau", PLACE_WORDS, OOO("fr")},
	{"respuesta automática", PLACE_START, AUTO("es")},
	{"respuesta automatica", PLACE_START, AUTO("es")},
	{"contestación automática", PLACE_START, AUTO("es")},
	{"fuera de la oficina", PLACE_START, OOO("es")},
	{"fuera de oficina", PLACE_START, OOO("es")},
	{"ausente de la oficina", PLACE_START, OOO("es")},
	{"resposta automàtica", PLACE_START, AUTO("ca")},
	{"fora de l'oficina", PLACE_START, OOO("ca")},
	{"risposta automatica", PLACE_START, AUTO("it")},
	{"fuori ufficio", PLACE_START, OOO("it")},
	{"fuori sede", PLACE_WORDS, OOO("it")},
	{"assente dall'ufficio", PLACE_START, OOO("it")},
	{"assenza dall'ufficio", PLACE_START, OOO("it")},
	{"resposta automática", PLACE_START, AUTO("pt")},
	{"resposta automatica", PLACE_START, AUTO("pt")},
	{"ausência temporária", PLACE_START, OOO("pt")},
	{"fora do escritório", PLACE_START, OOO("pt")},
	{"fora do escritorio", PLACE_START, OOO("pt")},
	{"ausente do escritório", PLACE_START, OOO("pt")},
	{"automatisch antwoord", PLACE_START, AUTO("nl")},
	{"automatische beantwoording", PLACE_START, AUTO("nl")},
	{"automatische reactie", PLACE_START, AUTO("nl")},
	{"afwezigheidsbericht", PLACE_START, OOO("nl")},
	{"afwezig", PLACE_WORDS, OOO("nl")},
	{"niet aanwezig", PLACE_WORDS, OOO("nl")},
	{"autosvar", PLACE_START, AUTO("sv")},
	{"automatiskt svar", PLACE_START, AUTO("sv")},
	{"frånvaro", PLACE_WORDS, OOO("sv")},
	{"frånvaromeddelande", PLACE_START, OOO("sv")},
	{"ej på kontoret", PLACE_START, OOO("sv")},
	{"automatisk svar", PLACE_START, AUTO("da")},
	{"autosvar", PLACE_START, AUTO("da")},
	{"ikke til stede", PLACE_WORDS, OOO("da")},
	{"fravær", PLACE_WORDS, OOO("da")},
	{"fraværsmelding", PLACE_START, OOO("nb")},
	{"ikke på kontoret", PLACE_START, OOO("nb")},
	{"automaattinen vastaus", PLACE_START, AUTO("fi")},
	{"automaattivastaus", PLACE_START, AUTO("fi")},
	{"poissa", PLACE_WORDS, OOO("fi")},
	{"poissaoloviesti", PLACE_START, OOO("fi")},
	{"poissaoloilmoitus", PLACE_START, OOO("fi")},
	{"sjálfvirkt svar", PLACE_START, AUTO("is")},
	{"automaatvastus", PLACE_START, AUTO("et")},
	{"automaatne vastus", PLACE_START, AUTO("et")},
	{"automātiskā atbilde", PLACE_START, AUTO("lv")},
	{"automatinis atsakymas", PLACE_START, AUTO("lt")},
	{"autoodpowiedź", PLACE_START, AUTO("pl")},
	{"odpowiedź automatyczna", PLACE_START, AUTO("pl")},
	{"automatyczna odpowiedź", PLACE_START, AUTO("pl")},
	{"poza biurem", PLACE_START, OOO("pl")},
	{"nieobecność", PLACE_WORDS, OOO("pl")},
	{"automatická odpověď", PLACE_START, AUTO("cs")},
	{"nepřítomnost v kanceláři", PLACE_START, OOO("cs")},
	{"mimo kancelář", PLACE_START, OOO("cs")},
	{"automatická odpoveď", PLACE_START, AUTO("sk")},
	{"mimo kancelárie", PLACE_START, OOO("sk")},
	{"automatikus válasz", PLACE_START, AUTO("hu")},
	{"házon kívül", PLACE_START, OOO("hu")},
	{"irodán kívül", PLACE_START, OOO("hu")},
	{"răspuns automat", PLACE_START, AUTO("ro")},
	{"raspuns automat", PLACE_START, AUTO("ro")},
	{"automatski odgovor", PLACE_START, AUTO("hr")},
	{"samodejni odgovor", PLACE_START, AUTO("sl")},
	{"odsotnost", PLACE_WORDS, OOO("sl")},
	{"izvan ureda", PLACE_START, OOO("hr")},
	{"аутоматски одговор", PLACE_START, AUTO("sr")},
	{"автоматичен отговор", PLACE_START, AUTO("bg")},
	{"автоответ", PLACE_START, AUTO("ru")},
	{"автоматический ответ", PLACE_START, AUTO("ru")},
	{"автоматическое уведомление", PLACE_START, AUTO("ru")},
	{"ответ автоматически", PLACE_START, AUTO("ru")},
	{"вне офиса", PLACE_WORDS, OOO("ru")},
	{"нет на работе", PLACE_WORDS, OOO("ru")},
	{"отсутствие на рабочем месте", PLACE_START, OOO("ru")},
	{"автоматична відповідь", PLACE_START, AUTO("uk")},
	{"автовідповідь", PLACE_START, AUTO("uk")},
	{"αυτόματη απάντηση", PLACE_START, AUTO("el")},
	{"εκτός γραφείου", PLACE_START, OOO("el")},
	{"otomatik yanıt", PLACE_START, AUTO("tr")},
	{"otomatik cevap", PLACE_START, AUTO("tr")},
	{"ofis dışında", PLACE_START, OOO("tr")},
	{"תשובה אוטומטית", PLACE_START, AUTO("he")},
	{"מענה אוטומטי", PLACE_START, AUTO("he")},
	{"מחוץ למשרד", PLACE_START, OOO("he")},
	{"رد تلقائي", PLACE_START, AUTO("ar")},
	{"خارج المكتب", PLACE_START, OOO("ar")},
	{"پاسخ خودکار", PLACE_START, AUTO("fa")},
	{"trả lời tự động", PLACE_START, AUTO("vi")},
	{"thư trả lời tự động", PLACE_START, AUTO("vi")},
	{"balasan otomatis", PLACE_START, AUTO("id")},
	{"balasan automatik", PLACE_START, AUTO("ms")},
	{"ตอบกลับอัตโนมัติ", PLACE_START, AUTO("th")},
	{"การตอบกลับอัตโนมัติ", PLACE_START, AUTO("th")},
	{"自动回复", PLACE_START, AUTO("zh")},
	{"自动答复", PLACE_START, AUTO("zh")},
	{"自動回覆", PLACE_START, AUTO("zh")},
	{"自動回复", PLACE_START, AUTO("zh")},
	{"不在办公室", PLACE_START, OOO("zh")},
	{"外出", PLACE_WORDS, OOO("zh")},
	{"自動応答", PLACE_START, AUTO("ja")},
	{"自動返信", PLACE_START, AUTO("ja")},
	{"不在通知", PLACE_START, OOO("ja")},
	{"不在連絡", PLACE_START, OOO("ja")},
	{"休暇中", PLACE_WORDS, OOO("ja")},
	{"자동 회신", PLACE_START, AUTO("ko")},
	{"자동회신", PLACE_START, AUTO("ko")},
	{"자동 응답", PLACE_START, AUTO("ko")},
	{"부재 중", PLACE_START, OOO("ko")},
	{"부재중", PLACE_START, OOO("ko")},
};
DEFINE_RULES(vacation_subjects, vacation_subject_items);

static const struct word_rule vacation_text_items[] = {
	{"i am out of the office", PLACE_INSIDE, NO_RULE},
	{"i am currently out of", PLACE_INSIDE, NO_RULE},
	{"i will be out of the office", PLACE_INSIDE, NO_RULE},
	{"i'm out of the office", PLACE_INSIDE, NO_RULE},
	{"i am on vacation", PLACE_INSIDE, NO_RULE},
	{"on annual leave", PLACE_INSIDE, NO_RULE},
	{"limited access to email", PLACE_INSIDE, NO_RULE},
	{"limited access to my email", PLACE_INSIDE, NO_RULE},
	{"this is an automated re", PLACE_INSIDE, NO_RULE},
	{"this is an automatic re", PLACE_INSIDE, NO_RULE},
	{"this is an automated message", PLACE_INSIDE, NO_RULE},
	{"ich bin derzeit nicht", PLACE_INSIDE, NO_RULE},
	{"ich bin zur zeit nicht", PLACE_INSIDE, NO_RULE},
	{"ich bin momentan nicht", PLACE_INSIDE, NO_RULE},
	{"ich bin ab dem", PLACE_INSIDE, NO_RULE},
	{"nicht im büro", PLACE_INSIDE, NO_RULE},
	{"wieder erreichbar", PLACE_INSIDE, NO_RULE},
	{"je suis absent", PLACE_INSIDE, NO_RULE},
	{"je suis actuellement absent", PLACE_INSIDE, NO_RULE},
	{"je serai absent", PLACE_INSIDE, NO_RULE},
	{"je suis en congé", PLACE_INSIDE, NO_RULE},
	{"estaré fuera de la oficina", PLACE_INSIDE, NO_RULE},
	{"me encuentro fuera de", PLACE_INSIDE, NO_RULE},
	{"estoy fuera de la oficina", PLACE_INSIDE, NO_RULE},
	{"sono fuori ufficio", PLACE_INSIDE, NO_RULE},
	{"sarò assente", PLACE_INSIDE, NO_RULE},
	{"estou fora do escritório", PLACE_INSIDE, NO_RULE},
	{"estarei ausente", PLACE_INSIDE, NO_RULE},
	{"ik ben afwezig", PLACE_INSIDE, NO_RULE},
	{"ik ben momenteel niet", PLACE_INSIDE, NO_RULE},
	{"jag är inte på kontoret", PLACE_INSIDE, NO_RULE},
	{"jeg er ikke på kontoret", PLACE_INSIDE, NO_RULE},
	{"olen poissa", PLACE_INSIDE, NO_RULE},
	{"i am away until", PLACE_INSIDE, NO_RULE},
	{"i will be away until", PLACE_INSIDE, NO_RULE},
	{"i am currently away", PLACE_INSIDE, NO_RULE},
	{"ich kehre zurück am", PLACE_INSIDE, NO_RULE},
	{"ich bin bis zum ", PLACE_INSIDE, NO_RULE},
	{"ich bin bis einschließlich ", PLACE_INSIDE, NO_RULE},
	{"jestem poza biurem", PLACE_INSIDE, NO_RULE},
	{"jestem nieobecn", PLACE_INSIDE, NO_RULE},
	{"nejsem v kanceláři", PLACE_INSIDE, NO_RULE},
	{"я в отпуске", PLACE_INSIDE, NO_RULE},
	{"нахожусь в отпуске", PLACE_INSIDE, NO_RULE},
	{"我目前不在", PLACE_INSIDE, NO_RULE},
	{"不在にしております", PLACE_INSIDE, NO_RULE},
	{"休暇をいただいて", PLACE_INSIDE, NO_RULE},
	{"부재중입니다", PLACE_INSIDE, NO_RULE},
};
DEFINE_RULES(vacation_texts, vacation_text_items);

static const struct word_rule bounce_subject_items[] = {
	{"undeliverable", PLACE_INSIDE, NO_RULE},
	{"undelivered", PLACE_INSIDE, NO_RULE},
	{"undeliver", PLACE_START, NO_RULE},
	{"returned mail", PLACE_INSIDE, NO_RULE},
	{"returned to sender", PLACE_INSIDE, NO_RULE},
	{"returning message to sender", PLACE_INSIDE, NO_RULE},
	{"mail delivery fail", PLACE_INSIDE, NO_RULE},
	{"message delivery fail", PLACE_INSIDE, NO_RULE},
	{"email delivery fail", PLACE_INSIDE, NO_RULE},
	{"mail delivery error", PLACE_INSIDE, NO_RULE},
	{"mail delivery problem", PLACE_INSIDE, NO_RULE},
	{"mail delivery subsystem", PLACE_INSIDE, NO_RULE},
	{"mail delivery system", PLACE_INSIDE, NO_RULE},
	{"delivery status", PLACE_START, NO_RULE},
	{"delivery notification", PLACE_START, NO_RULE},
	{"delivery report", PLACE_START, NO_RULE},
	{"delivery fail", PLACE_START, NO_RULE},
	{"delivery error", PLACE_START, NO_RULE},
	{"delivery problem", PLACE_START, NO_RULE},
	{"delivery has failed", PLACE_INSIDE, NO_RULE},
	{"failure notice", PLACE_START, NO_RULE},
	{"failure delivery", PLACE_START, NO_RULE},
	{"failed delivery", PLACE_START, NO_RULE},
	{"failed to deliver", PLACE_START, NO_RULE},
	{"mail failure", PLACE_START, NO_RULE},
	{"mail error", PLACE_START, NO_RULE},
	{"mail system error", PLACE_START, NO_RULE},
	{"mail could not be delivered", PLACE_INSIDE, NO_RULE},
	{"message could not be delivered", PLACE_INSIDE, NO_RULE},
	{"could not be delivered", PLACE_INSIDE, NO_RULE},
	{"could not deliver", PLACE_INSIDE, NO_RULE},
	{"unable to deliver", PLACE_INSIDE, NO_RULE},
	{"warning: message", PLACE_START, NO_RULE},
	{"warning: could not send", PLACE_START, NO_RULE},
	{"non delivery", PLACE_START, NO_RULE},
	{"non-delivery", PLACE_START, NO_RULE},
	{"nondeliverable", PLACE_START, NO_RULE},
	{"notification of delivery", PLACE_START, NO_RULE},
	{"dsn:", PLACE_START, NO_RULE},
	{"message status", PLACE_START, NO_RULE},
	{"message you sent blocked", PLACE_START, NO_RULE},
	{"user unknown", PLACE_INSIDE, NO_RULE},
	{"message delayed", PLACE_START, NO_RULE},
	{"mail transport error", PLACE_START, NO_RULE},
	{"rejected:", PLACE_START, NO_RULE},
	{"unzustellbar", PLACE_INSIDE, NO_RULE},
	{"nicht zustellbar", PLACE_INSIDE, NO_RULE},
	{"zustellung fehlgeschlagen", PLACE_INSIDE, NO_RULE},
	{"fehler bei der zustellung", PLACE_INSIDE, NO_RULE},
	{"benachrichtigung zum übermittlungsstatus", PLACE_START, NO_RULE},
	{"non remis", PLACE_START, NO_RULE},
	{"non distribué", PLACE_INSIDE, NO_RULE},
	{"non distribuable", PLACE_INSIDE, NO_RULE},
	{"échec de remise", PLACE_INSIDE, NO_RULE},
	{"échec de la remise", PLACE_INSIDE, NO_RULE},
	{"notification d'état de remise", PLACE_START, NO_RULE},
	{"no se puede entregar", PLACE_START, NO_RULE},
	{"no entregado", PLACE_START, NO_RULE},
	{"correo devuelto", PLACE_INSIDE, NO_RULE},
	{"error de entrega", PLACE_INSIDE, NO_RULE},
	{"notificación de estado de entrega", PLACE_INSIDE, NO_RULE},
	{"impossibile recapitare", PLACE_START, NO_RULE},
	{"mancato recapito", PLACE_INSIDE, NO_RULE},
	{"mancata consegna", PLACE_INSIDE, NO_RULE},
	{"não entregue", PLACE_INSIDE, NO_RULE},
	{"não é possível entregar", PLACE_START, NO_RULE},
	{"falha na entrega", PLACE_INSIDE, NO_RULE},
	{"onbestelbaar", PLACE_INSIDE, NO_RULE},
	{"niet bezorgd", PLACE_INSIDE, NO_RULE},
	{"niet bestelbaar", PLACE_INSIDE, NO_RULE},
	{"oleverbart", PLACE_START, NO_RULE},
	{"kunde inte levereras", PLACE_INSIDE, NO_RULE},
	{"kan ikke leveres", PLACE_INSIDE, NO_RULE},
	{"toimitus epäonnistui", PLACE_INSIDE, NO_RULE},
	{"perille toimittamaton", PLACE_START, NO_RULE},
	{"nie można dostarczyć", PLACE_START, NO_RULE},
	{"niedostarcz", PLACE_START, NO_RULE},
	{"nedoručiteln", PLACE_START, NO_RULE},
	{"kézbesíthetetlen", PLACE_START, NO_RULE},
	{"nelivrat", PLACE_START, NO_RULE},
	{"недоставлен", PLACE_START, NO_RULE},
	{"не доставлено", PLACE_INSIDE, NO_RULE},
	{"не удалось доставить", PLACE_INSIDE, NO_RULE},
	{"не вдалося доставити", PLACE_INSIDE, NO_RULE},
	{"teslim edilemedi", PLACE_INSIDE, NO_RULE},
	{"投递失败", PLACE_INSIDE, NO_RULE},
	{"退信", PLACE_INSIDE, NO_RULE},
	{"无法送达", PLACE_INSIDE, NO_RULE},
	{"未送达", PLACE_INSIDE, NO_RULE},
	{"無法傳遞", PLACE_INSIDE, NO_RULE},
	{"無法傳送", PLACE_INSIDE, NO_RULE},
	{"配信不能", PLACE_INSIDE, NO_RULE},
	{"配信できません", PLACE_INSIDE, NO_RULE},
	{"配信エラー", PLACE_INSIDE, NO_RULE},
	{"送信エラー", PLACE_INSIDE, NO_RULE},
	{"送信できません", PLACE_INSIDE, NO_RULE},
	{"配送できません", PLACE_INSIDE, NO_RULE},
	{"エラー通知", PLACE_INSIDE, NO_RULE},
	{"不達", PLACE_INSIDE, NO_RULE},
	{"반송", PLACE_INSIDE, NO_RULE},
	{"전송 실패", PLACE_INSIDE, NO_RULE},
	{"배달되지 않", PLACE_INSIDE, NO_RULE},
};
DEFINE_RULES(bounce_subjects, bounce_subject_items);

static const struct word_rule bounce_text_items[] = {
	{"this is the mail system at host", PLACE_INSIDE, NO_RULE},
	{"could not be delivered to", PLACE_INSIDE, NO_RULE},
	{"message that you sent could not be delivered", PLACE_INSIDE, NO_RULE},
	{"message could not be delivered", PLACE_INSIDE, NO_RULE},
	{"created automatically by mail delivery software", PLACE_INSIDE, NO_RULE},
	{"wasn't able to deliver your message", PLACE_INSIDE, NO_RULE},
	{"was not able to deliver your message", PLACE_INSIDE, NO_RULE},
	{"unable to deliver your message", PLACE_INSIDE, NO_RULE},
	{"unable to deliver message", PLACE_INSIDE, NO_RULE},
	{"unable to deliver the message", PLACE_INSIDE, NO_RULE},
	{"unable to deliver mail", PLACE_INSIDE, NO_RULE},
	{"delivery to the following recipient", PLACE_INSIDE, NO_RULE},
	{"delivery to these recipient", PLACE_INSIDE, NO_RULE},
	{"delivery has failed to these", PLACE_INSIDE, NO_RULE},
	{"following addresses had permanent", PLACE_INSIDE, NO_RULE},
	{"following address had permanent", PLACE_INSIDE, NO_RULE},
	{"following address(es) failed", PLACE_INSIDE, NO_RULE},
	{"following addresses had delivery", PLACE_INSIDE, NO_RULE},
	{"following recipients", PLACE_INSIDE, NO_RULE},
	{"following recipient(s)", PLACE_INSIDE, NO_RULE},
	{"did not reach the following recipient", PLACE_INSIDE, NO_RULE},
	{"did not reach some or all", PLACE_INSIDE, NO_RULE},
	{"was not delivered to", PLACE_INSIDE, NO_RULE},
	{"has not been delivered", PLACE_INSIDE, NO_RULE},
	{"not yet been delivered", PLACE_INSIDE, NO_RULE},
	{"could not be sent to", PLACE_INSIDE, NO_RULE},
	{"message was undeliverable", PLACE_INSIDE, NO_RULE},
	{"undeliverable to the following", PLACE_INSIDE, NO_RULE},
	{"returned to you", PLACE_INSIDE, NO_RULE},
	{"original message was received at", PLACE_INSIDE, NO_RULE},
	{"this is a permanent error", PLACE_INSIDE, NO_RULE},
	{"this is the mailer-daemon", PLACE_INSIDE, NO_RULE},
	{"delivery failure", PLACE_INSIDE, NO_RULE},
	{"failed to deliver", PLACE_INSIDE, NO_RULE},
	{"error has occurred while attempting to deliver", PLACE_INSIDE, NO_RULE},
	{"the following message to <", PLACE_INSIDE, NO_RULE},
	{"unrouteable address", PLACE_INSIDE, NO_RULE},
	{"unknown user", PLACE_INSIDE, NO_RULE},
	{"you are not a member of this mailing list", PLACE_INSIDE, NO_RULE},
	{"original mail as follows", PLACE_INSIDE, NO_RULE},
	{"post by non-member to a members-only list", PLACE_INSIDE, NO_RULE},
	{"you are not allowed to post to this mailing list", PLACE_INSIDE, NO_RULE},
	{"konnte nicht zugestellt werden", PLACE_INSIDE, NO_RULE},
	{"n'a pas pu être remis", PLACE_INSIDE, NO_RULE},
	{"n'a pas été remis", PLACE_INSIDE, NO_RULE},
	{"no se pudo entregar", PLACE_INSIDE, NO_RULE},
	{"no se ha podido entregar", PLACE_INSIDE, NO_RULE},
	{"impossibile recapitare", PLACE_INSIDE, NO_RULE},
	{"não foi possível entregar", PLACE_INSIDE, NO_RULE},
	{"kon niet worden bezorgd", PLACE_INSIDE, NO_RULE},
	{"kunde inte levereras", PLACE_INSIDE, NO_RULE},
	{"nie została dostarczona", PLACE_INSIDE, NO_RULE},
	{"не может быть доставлено", PLACE_INSIDE, NO_RULE},
	{"не было доставлено", PLACE_INSIDE, NO_RULE},
	{"无法投递", PLACE_INSIDE, NO_RULE},
	{"未能送达", PLACE_INSIDE, NO_RULE},
	{"配信できません", PLACE_INSIDE, NO_RULE},
	{"配信されません", PLACE_INSIDE, NO_RULE},
	{"送信できません", PLACE_INSIDE, NO_RULE},
	{"お届けでき", PLACE_INSIDE, NO_RULE},
	{"送信されません", PLACE_INSIDE, NO_RULE},
	{"届けることができません", PLACE_INSIDE, NO_RULE},
	{"전송되지 못", PLACE_INSIDE, NO_RULE},
};
DEFINE_RULES(bounce_texts, bounce_text_items);

static const struct word_rule bounce_weak_text_items[] = {
	{"user unknown", PLACE_INSIDE, NO_RULE},
	{"no such user", PLACE_INSIDE, NO_RULE},
	{"mailbox full", PLACE_INSIDE, NO_RULE},
	{"mailbox is full", PLACE_INSIDE, NO_RULE},
	{"over quota", PLACE_INSIDE, NO_RULE},
	{"quota exceeded", PLACE_INSIDE, NO_RULE},
	{"does not exist", PLACE_INSIDE, NO_RULE},
	{"mailbox unavailable", PLACE_INSIDE, NO_RULE},
	{"host unknown", PLACE_INSIDE, NO_RULE},
	{"recipient address rejected", PLACE_INSIDE, NO_RULE},
	{"invalid recipient", PLACE_INSIDE, NO_RULE},
	{"status: 5.", PLACE_INSIDE, NO_RULE},
	{"550 ", PLACE_INSIDE, NO_RULE},
	{"554 ", PLACE_INSIDE, NO_RULE},
	{"552 ", PLACE_INSIDE, NO_RULE},
	{"553 ", PLACE_INSIDE, NO_RULE},
	{"451 ", PLACE_INSIDE, NO_RULE},
	{"reason:", PLACE_INSIDE, NO_RULE},
	{"error:", PLACE_INSIDE, NO_RULE},
	{"invalid address", PLACE_INSIDE, NO_RULE},
	{"unknown", PLACE_INSIDE, NO_RULE},
	{"undeliver", PLACE_INSIDE, NO_RULE},
	{"not deliver", PLACE_INSIDE, NO_RULE},
	{"fail", PLACE_INSIDE, NO_RULE},
	{"エラー", PLACE_INSIDE, NO_RULE},
	{"存在しません", PLACE_INSIDE, NO_RULE},
};
DEFINE_RULES(bounce_weak_texts, bounce_weak_text_items);

static const struct word_rule feedback_subject_items[] = {
	{"complaint about message from", PLACE_START, STR_INIT("subject:complaint")},
	{"email feedback report for ip", PLACE_START, STR_INIT("subject:complaint")},
	{"abuse report", PLACE_WORDS, STR_INIT("subject:complaint")},
};
DEFINE_RULES(feedback_subjects, feedback_subject_items);

static const struct word_rule calendar_subject_items[] = {
	{"accepted:", PLACE_START, NO_RULE},      {"declined:", PLACE_START, NO_RULE},
	{"tentative:", PLACE_START, NO_RULE},     {"tentatively accepted:", PLACE_START, NO_RULE},
	{"zugesagt:", PLACE_START, NO_RULE},      {"abgelehnt:", PLACE_START, NO_RULE},
	{"mit vorbehalt:", PLACE_START, NO_RULE}, {"angenommen:", PLACE_START, NO_RULE},
	{"accepté :", PLACE_START, NO_RULE},      {"accepté:", PLACE_START, NO_RULE},
	{"refusé :", PLACE_START, NO_RULE},       {"refusé:", PLACE_START, NO_RULE},
	{"aceptado:", PLACE_START, NO_RULE},      {"aceptada:", PLACE_START, NO_RULE},
	{"rechazado:", PLACE_START, NO_RULE},     {"accettato:", PLACE_START, NO_RULE},
	{"rifiutato:", PLACE_START, NO_RULE},     {"aceito:", PLACE_START, NO_RULE},
	{"recusado:", PLACE_START, NO_RULE},      {"geaccepteerd:", PLACE_START, NO_RULE},
	{"geweigerd:", PLACE_START, NO_RULE},     {"accepterat:", PLACE_START, NO_RULE},
	{"avböjt:", PLACE_START, NO_RULE},        {"accepteret:", PLACE_START, NO_RULE},
	{"akceptert:", PLACE_START, NO_RULE},     {"hyväksytty:", PLACE_START, NO_RULE},
	{"zaakceptowano:", PLACE_START, NO_RULE}, {"odrzucono:", PLACE_START, NO_RULE},
	{"принято:", PLACE_START, NO_RULE},       {"отклонено:", PLACE_START, NO_RULE},
	{"已接受:", PLACE_START, NO_RULE},        {"承諾:", PLACE_START, NO_RULE},
	{"辞退:", PLACE_START, NO_RULE},          {"수락:", PLACE_START, NO_RULE},
};
DEFINE_RULES(calendar_subjects, calendar_subject_items);

static const struct word_rule receipt_subject_items[] = {
	{"read:", PLACE_START, NO_RULE},
	{"not read:", PLACE_START, NO_RULE},
	{"return receipt", PLACE_START, NO_RULE},
	{"read receipt", PLACE_START, NO_RULE},
	{"delivery receipt", PLACE_START, NO_RULE},
	{"gelesen:", PLACE_START, NO_RULE},
	{"nicht gelesen:", PLACE_START, NO_RULE},
	{"ungelesen:", PLACE_START, NO_RULE},
	{"lesebestätigung", PLACE_START, NO_RULE},
	{"empfangsbestätigung", PLACE_START, NO_RULE},
	{"lu:", PLACE_START, NO_RULE},
	{"lu :", PLACE_START, NO_RULE},
	{"non lu:", PLACE_START, NO_RULE},
	{"non lu :", PLACE_START, NO_RULE},
	{"accusé de réception", PLACE_START, NO_RULE},
	{"confirmation de lecture", PLACE_START, NO_RULE},
	{"leído:", PLACE_START, NO_RULE},
	{"confirmación de lectura", PLACE_START, NO_RULE},
	{"letto:", PLACE_START, NO_RULE},
	{"conferma di lettura", PLACE_START, NO_RULE},
	{"lida:", PLACE_START, NO_RULE},
	{"confirmação de leitura", PLACE_START, NO_RULE},
	{"gelezen:", PLACE_START, NO_RULE},
	{"leesbevestiging", PLACE_START, NO_RULE},
	{"läst:", PLACE_START, NO_RULE},
	{"læst:", PLACE_START, NO_RULE},
	{"lest:", PLACE_START, NO_RULE},
	{"luettu:", PLACE_START, NO_RULE},
	{"przeczytano:", PLACE_START, NO_RULE},
	{"přečteno:", PLACE_START, NO_RULE},
	{"прочитано:", PLACE_START, NO_RULE},
	{"прочтено:", PLACE_START, NO_RULE},
	{"okundu:", PLACE_START, NO_RULE},
	{"已读:", PLACE_START, NO_RULE},
	{"開封済み:", PLACE_START, NO_RULE},
	{"읽음:", PLACE_START, NO_RULE},
};
DEFINE_RULES(receipt_subjects, receipt_subject_items);

static const struct word_rule receipt_text_items[] = {
	{"was read on ", PLACE_INSIDE, NO_RULE},
	{"was displayed on ", PLACE_INSIDE, NO_RULE},
	{"was deleted without being read", PLACE_INSIDE, NO_RULE},
	{"this is a return receipt", PLACE_INSIDE, NO_RULE},
	{"this is a receipt for the m", PLACE_INSIDE, NO_RULE},
	{"received by: at:", PLACE_INSIDE, NO_RULE}, /* Lotus Notes */
	{"wurde am ", PLACE_INSIDE, NO_RULE},
	{"ungelesen gelöscht", PLACE_INSIDE, NO_RULE},
	{"empfangsbestätigung für", PLACE_INSIDE, NO_RULE},
	{"lesebestätigung für", PLACE_INSIDE, NO_RULE},
	{"a été lu le ", PLACE_INSIDE, NO_RULE},
	{"accusé de réception pour", PLACE_INSIDE, NO_RULE},
	{"se leyó el ", PLACE_INSIDE, NO_RULE},
	{"fue leído el ", PLACE_INSIDE, NO_RULE},
	{"è stato letto ", PLACE_INSIDE, NO_RULE},
	{"foi lida em ", PLACE_INSIDE, NO_RULE},
	{"is gelezen op ", PLACE_INSIDE, NO_RULE},
	{"lästes ", PLACE_INSIDE, NO_RULE},
	{"blev læst ", PLACE_INSIDE, NO_RULE},
	{"ble lest ", PLACE_INSIDE, NO_RULE},
	{"została przeczytana ", PLACE_INSIDE, NO_RULE},
	{"было прочитано ", PLACE_INSIDE, NO_RULE},
	{"была прочитана ", PLACE_INSIDE, NO_RULE},
};
DEFINE_RULES(receipt_texts, receipt_text_items);

static const struct word_rule absence_subject_items[] = {
	{"out of office", PLACE_INSIDE, NO_RULE},       {"out of the office", PLACE_INSIDE, NO_RULE},
	{"automatic reply", PLACE_INSIDE, NO_RULE},     {"außer haus", PLACE_INSIDE, NO_RULE},
	{"nicht im büro", PLACE_INSIDE, NO_RULE},       {"est absent", PLACE_INSIDE, NO_RULE},
	{"fuera de la oficina", PLACE_INSIDE, NO_RULE}, {"fuori ufficio", PLACE_INSIDE, NO_RULE},
	{"fora do escritório", PLACE_INSIDE, NO_RULE},  {"is afwezig", PLACE_INSIDE, NO_RULE},
	{"ikke på kontoret", PLACE_INSIDE, NO_RULE},    {"inte på kontoret", PLACE_INSIDE, NO_RULE},
	{"poza biurem", PLACE_INSIDE, NO_RULE},         {"нет в офисе", PLACE_INSIDE, NO_RULE},
};
DEFINE_RULES(absence_subjects, absence_subject_items);

static const struct word_rule absence_noun_items[] = {
	{"absence", PLACE_INSIDE, NO_RULE},   {"vacation", PLACE_INSIDE, NO_RULE},
	{"abwesen", PLACE_INSIDE, NO_RULE},   {"nieobecn", PLACE_INSIDE, NO_RULE},
	{"в отпуске", PLACE_INSIDE, NO_RULE}, {"不在", PLACE_INSIDE, NO_RULE},
	{"休暇", PLACE_INSIDE, NO_RULE},      {"부재", PLACE_INSIDE, NO_RULE},
};
DEFINE_RULES(absence_nouns, absence_noun_items);

/* What a vacation notice speaks of; people do as well, so that these words only bear a subject out. */
static const struct word_rule absence_word_items[] = {
	{"out of office", PLACE_INSIDE, NO_RULE},
	{"out of the office", PLACE_INSIDE, NO_RULE},
	{"i am away", PLACE_INSIDE, NO_RULE},
	{"i will be away", PLACE_INSIDE, NO_RULE},
	{"i'm away", PLACE_INSIDE, NO_RULE},
	{"currently away", PLACE_INSIDE, NO_RULE},
	{"vacation", PLACE_INSIDE, NO_RULE},
	{"on holiday", PLACE_INSIDE, NO_RULE},
	{"on leave", PLACE_INSIDE, NO_RULE},
	{"annual leave", PLACE_INSIDE, NO_RULE},
	{"parental leave", PLACE_INSIDE, NO_RULE},
	{"maternity leave", PLACE_INSIDE, NO_RULE},
	{"sick leave", PLACE_INSIDE, NO_RULE},
	{"i will be back", PLACE_INSIDE, NO_RULE},
	{"i'll be back", PLACE_INSIDE, NO_RULE},
	{"i am back", PLACE_INSIDE, NO_RULE},
	{"i will return", PLACE_INSIDE, NO_RULE},
	{"i return on", PLACE_INSIDE, NO_RULE},
	{"not available", PLACE_INSIDE, NO_RULE},
	{"unavailable", PLACE_INSIDE, NO_RULE},
	{"limited access", PLACE_INSIDE, NO_RULE},
	{"access to my e", PLACE_INSIDE, NO_RULE},
	{"closed until", PLACE_INSIDE, NO_RULE},
	{"urlaub", PLACE_INSIDE, NO_RULE},
	{"abwesend", PLACE_INSIDE, NO_RULE},
	{"abwesenheit", PLACE_INSIDE, NO_RULE},
	{"nicht im büro", PLACE_INSIDE, NO_RULE},
	{"nicht im haus", PLACE_INSIDE, NO_RULE},
	{"außer haus", PLACE_INSIDE, NO_RULE},
	{"nicht erreichbar", PLACE_INSIDE, NO_RULE},
	{"nicht da", PLACE_INSIDE, NO_RULE},
	{"wieder da", PLACE_INSIDE, NO_RULE},
	{"wieder im", PLACE_INSIDE, NO_RULE},
	{"bin weg", PLACE_INSIDE, NO_RULE},
	{"ich bin ab ", PLACE_INSIDE, NO_RULE},
	{"ich bin bis ", PLACE_INSIDE, NO_RULE},
	{"elternzeit", PLACE_INSIDE, NO_RULE},
	{"zurück am", PLACE_INSIDE, NO_RULE},
	{"absent", PLACE_INSIDE, NO_RULE},
	{"en congé", PLACE_INSIDE, NO_RULE},
	{"en vacances", PLACE_INSIDE, NO_RULE},
	{"de retour", PLACE_INSIDE, NO_RULE},
	{"vacaciones", PLACE_INSIDE, NO_RULE},
	{"ausente", PLACE_INSIDE, NO_RULE},
	{"fuera de", PLACE_INSIDE, NO_RULE},
	{"regreso", PLACE_INSIDE, NO_RULE},
	{"regresaré", PLACE_INSIDE, NO_RULE},
	{"in ferie", PLACE_INSIDE, NO_RULE},
	{"assente", PLACE_INSIDE, NO_RULE},
	{"fuori ", PLACE_INSIDE, NO_RULE},
	{"rientr", PLACE_INSIDE, NO_RULE},
	{"férias", PLACE_INSIDE, NO_RULE},
	{"fora do", PLACE_INSIDE, NO_RULE},
	{"fora da", PLACE_INSIDE, NO_RULE},
	{"vakantie", PLACE_INSIDE, NO_RULE},
	{"afwezig", PLACE_INSIDE, NO_RULE},
	{"niet aanwezig", PLACE_INSIDE, NO_RULE},
	{"terug op", PLACE_INSIDE, NO_RULE},
	{"semester", PLACE_INSIDE, NO_RULE},
	{"inte på", PLACE_INSIDE, NO_RULE},
	{"tillbaka", PLACE_INSIDE, NO_RULE},
	{"på ferie", PLACE_INSIDE, NO_RULE},
	{"fravær", PLACE_INSIDE, NO_RULE},
	{"ikke på", PLACE_INSIDE, NO_RULE},
	{"tilbage", PLACE_INSIDE, NO_RULE},
	{"tilbake", PLACE_INSIDE, NO_RULE},
	{"lomalla", PLACE_INSIDE, NO_RULE},
	{"poissa", PLACE_INSIDE, NO_RULE},
	{"palaan", PLACE_INSIDE, NO_RULE},
	{"urlop", PLACE_INSIDE, NO_RULE},
	{"nieobecn", PLACE_INSIDE, NO_RULE},
	{"poza biurem", PLACE_INSIDE, NO_RULE},
	{"dovolen", PLACE_INSIDE, NO_RULE},
	{"nepřítom", PLACE_INSIDE, NO_RULE},
	{"mimo kancel", PLACE_INSIDE, NO_RULE},
	{"szabads", PLACE_INSIDE, NO_RULE},
	{"távol", PLACE_INSIDE, NO_RULE},
	{"concediu", PLACE_INSIDE, NO_RULE},
	{"odsut", PLACE_INSIDE, NO_RULE},
	{"odmor", PLACE_INSIDE, NO_RULE},
	{"dopust", PLACE_INSIDE, NO_RULE},
	{"отпуск", PLACE_INSIDE, NO_RULE},
	{"отсутств", PLACE_INSIDE, NO_RULE},
	{"не в офисе", PLACE_INSIDE, NO_RULE},
	{"вернусь", PLACE_INSIDE, NO_RULE},
	{"відпуст", PLACE_INSIDE, NO_RULE},
	{"відсутн", PLACE_INSIDE, NO_RULE},
	{"отсъств", PLACE_INSIDE, NO_RULE},
	{"άδεια", PLACE_INSIDE, NO_RULE},
	{"εκτός", PLACE_INSIDE, NO_RULE},
	{"izinde", PLACE_INSIDE, NO_RULE},
	{"tatilde", PLACE_INSIDE, NO_RULE},
	{"ofis dışı", PLACE_INSIDE, NO_RULE},
	{"חופש", PLACE_INSIDE, NO_RULE},
	{"מחוץ ל", PLACE_INSIDE, NO_RULE},
	{"إجازة", PLACE_INSIDE, NO_RULE},
	{"خارج", PLACE_INSIDE, NO_RULE},
	{"休假", PLACE_INSIDE, NO_RULE},
	{"不在", PLACE_INSIDE, NO_RULE},
	{"放假", PLACE_INSIDE, NO_RULE},
	{"出差", PLACE_INSIDE, NO_RULE},
	{"休暇", PLACE_INSIDE, NO_RULE},
	{"休業", PLACE_INSIDE, NO_RULE},
	{"外出", PLACE_INSIDE, NO_RULE},
	{"휴가", PLACE_INSIDE, NO_RULE},
	{"부재", PLACE_INSIDE, NO_RULE},
	{"nghỉ", PLACE_INSIDE, NO_RULE},
	{"sedang cuti", PLACE_INSIDE, NO_RULE},
	{"ลาพัก", PLACE_INSIDE, NO_RULE},
	{"away until", PLACE_INSIDE, NO_RULE},
	{"away from", PLACE_INSIDE, NO_RULE},
	{"be away", PLACE_INSIDE, NO_RULE},
	{"am away", PLACE_INSIDE, NO_RULE},
	{"until ", PLACE_INSIDE, NO_RULE},
	{"returning", PLACE_INSIDE, NO_RULE},
	{"travelling", PLACE_INSIDE, NO_RULE},
	{"traveling", PLACE_INSIDE, NO_RULE},
	{"unterwegs", PLACE_INSIDE, NO_RULE},
	{"verreist", PLACE_INSIDE, NO_RULE},
	{"dienstreise", PLACE_INSIDE, NO_RULE},
	{"krankgeschrieben", PLACE_INSIDE, NO_RULE},
	{"jusqu'", PLACE_INSIDE, NO_RULE},
	{"en déplacement", PLACE_INSIDE, NO_RULE},
	{"hasta el", PLACE_INSIDE, NO_RULE},
	{"de viaje", PLACE_INSIDE, NO_RULE},
	{"de baja", PLACE_INSIDE, NO_RULE},
	{"fino al", PLACE_INSIDE, NO_RULE},
	{"in malattia", PLACE_INSIDE, NO_RULE},
	{"até ", PLACE_INSIDE, NO_RULE},
	{"tot en met", PLACE_INSIDE, NO_RULE},
	{"t/m", PLACE_INSIDE, NO_RULE},
	{"borta", PLACE_INSIDE, NO_RULE},
	{"bortrest", PLACE_INSIDE, NO_RULE},
	{"ledig", PLACE_INSIDE, NO_RULE},
	{"till den", PLACE_INSIDE, NO_RULE},
	{"borte", PLACE_INSIDE, NO_RULE},
	{"bortreist", PLACE_INSIDE, NO_RULE},
	{"rejse", PLACE_INSIDE, NO_RULE},
	{"matkoilla", PLACE_INSIDE, NO_RULE},
	{"nie ma mnie", PLACE_INSIDE, NO_RULE},
	{"nejsem", PLACE_INSIDE, NO_RULE},
	{"nem vagyok", PLACE_INSIDE, NO_RULE},
	{"nu sunt", PLACE_INSIDE, NO_RULE},
	{"nisam", PLACE_INSIDE, NO_RULE},
	{"nisem", PLACE_INSIDE, NO_RULE},
	{"меня нет", PLACE_INSIDE, NO_RULE},
	{"мене нема", PLACE_INSIDE, NO_RULE},
	{"λείπω", PLACE_INSIDE, NO_RULE},
	{"yokum", PLACE_INSIDE, NO_RULE},
	{"değilim", PLACE_INSIDE, NO_RULE},
	{"no estaré", PLACE_INSIDE, NO_RULE},
	{"no estoy", PLACE_INSIDE, NO_RULE},
	{"non sono", PLACE_INSIDE, NO_RULE},
	{"não estou", PLACE_INSIDE, NO_RULE},
	{"não estarei", PLACE_INSIDE, NO_RULE},
	{"ne suis pas", PLACE_INSIDE, NO_RULE},
};
DEFINE_RULES(absence_words, absence_word_items);

/* What a confirmation of receipt says, with the same weight. */
static const struct word_rule received_word_items[] = {
	{"thank you for", PLACE_INSIDE, NO_RULE},
	{"thanks for your", PLACE_INSIDE, NO_RULE},
	{"we have received", PLACE_INSIDE, NO_RULE},
	{"has been received", PLACE_INSIDE, NO_RULE},
	{"we received your", PLACE_INSIDE, NO_RULE},
	{"we will get back", PLACE_INSIDE, NO_RULE},
	{"will get back to you", PLACE_INSIDE, NO_RULE},
	{"get back to you", PLACE_INSIDE, NO_RULE},
	{"as soon as possible", PLACE_INSIDE, NO_RULE},
	{"in due course", PLACE_INSIDE, NO_RULE},
	{"vielen dank für", PLACE_INSIDE, NO_RULE},
	{"danke für ihre", PLACE_INSIDE, NO_RULE},
	{"haben ihre", PLACE_INSIDE, NO_RULE},
	{"ist bei uns eingegangen", PLACE_INSIDE, NO_RULE},
	{"so schnell wie möglich", PLACE_INSIDE, NO_RULE},
	{"schnellstmöglich", PLACE_INSIDE, NO_RULE},
	{"merci pour", PLACE_INSIDE, NO_RULE},
	{"merci de votre", PLACE_INSIDE, NO_RULE},
	{"bien reçu", PLACE_INSIDE, NO_RULE},
	{"dans les meilleurs délais", PLACE_INSIDE, NO_RULE},
	{"gracias por", PLACE_INSIDE, NO_RULE},
	{"hemos recibido", PLACE_INSIDE, NO_RULE},
	{"grazie per", PLACE_INSIDE, NO_RULE},
	{"abbiamo ricevuto", PLACE_INSIDE, NO_RULE},
	{"obrigado por", PLACE_INSIDE, NO_RULE},
	{"obrigada por", PLACE_INSIDE, NO_RULE},
	{"recebemos", PLACE_INSIDE, NO_RULE},
	{"bedankt voor", PLACE_INSIDE, NO_RULE},
	{"hebben uw", PLACE_INSIDE, NO_RULE},
	{"zo spoedig mogelijk", PLACE_INSIDE, NO_RULE},
	{"tack för", PLACE_INSIDE, NO_RULE},
	{"har tagit emot", PLACE_INSIDE, NO_RULE},
	{"tak for", PLACE_INSIDE, NO_RULE},
	{"takk for", PLACE_INSIDE, NO_RULE},
	{"kiitos", PLACE_INSIDE, NO_RULE},
	{"dziękuj", PLACE_INSIDE, NO_RULE},
	{"otrzymali", PLACE_INSIDE, NO_RULE},
	{"děkuj", PLACE_INSIDE, NO_RULE},
	{"ďakuj", PLACE_INSIDE, NO_RULE},
	{"köszön", PLACE_INSIDE, NO_RULE},
	{"mulțum", PLACE_INSIDE, NO_RULE},
	{"hvala", PLACE_INSIDE, NO_RULE},
	{"zahval", PLACE_INSIDE, NO_RULE},
	{"спасибо", PLACE_INSIDE, NO_RULE},
	{"благодар", PLACE_INSIDE, NO_RULE},
	{"получил", PLACE_INSIDE, NO_RULE},
	{"дякуємо", PLACE_INSIDE, NO_RULE},
	{"ευχαριστ", PLACE_INSIDE, NO_RULE},
	{"teşekkür", PLACE_INSIDE, NO_RULE},
	{"תודה", PLACE_INSIDE, NO_RULE},
	{"شكرا", PLACE_INSIDE, NO_RULE},
	{"谢谢", PLACE_INSIDE, NO_RULE},
	{"感谢", PLACE_INSIDE, NO_RULE},
	{"已收到", PLACE_INSIDE, NO_RULE},
	{"ありがとうございます", PLACE_INSIDE, NO_RULE},
	{"受け付け", PLACE_INSIDE, NO_RULE},
	{"受付", PLACE_INSIDE, NO_RULE},
	{"감사합니다", PLACE_INSIDE, NO_RULE},
	{"접수", PLACE_INSIDE, NO_RULE},
	{"cảm ơn", PLACE_INSIDE, NO_RULE},
	{"terima kasih", PLACE_INSIDE, NO_RULE},
	{"ขอบคุณ", PLACE_INSIDE, NO_RULE},
};
DEFINE_RULES(received_words, received_word_items);

static const struct word_rule machine_text_items[] = {
	{"this is an automated", PLACE_INSIDE, NO_RULE},
	{"this is an automatic", PLACE_INSIDE, NO_RULE},
	{"this is an auto-generated", PLACE_INSIDE, NO_RULE},
	{"this email was generated automatically", PLACE_INSIDE, NO_RULE},
	{"this message was generated automatically", PLACE_INSIDE, NO_RULE},
	{"this message was automatically generated", PLACE_INSIDE, NO_RULE},
	{"this email was sent automatically", PLACE_INSIDE, NO_RULE},
	{"dies ist eine automati", PLACE_INSIDE, NO_RULE},
	{"diese nachricht wurde automatisch", PLACE_INSIDE, NO_RULE},
	{"diese e-mail wurde automatisch", PLACE_INSIDE, NO_RULE},
	{"ceci est un message automatique", PLACE_INSIDE, NO_RULE},
	{"ceci est une réponse automatique", PLACE_INSIDE, NO_RULE},
	{"este es un mensaje automático", PLACE_INSIDE, NO_RULE},
	{"esta es una respuesta automática", PLACE_INSIDE, NO_RULE},
	{"questo è un messaggio automatico", PLACE_INSIDE, NO_RULE},
	{"questa è una risposta automatica", PLACE_INSIDE, NO_RULE},
	{"esta é uma mensagem automática", PLACE_INSIDE, NO_RULE},
	{"esta é uma resposta automática", PLACE_INSIDE, NO_RULE},
	{"dit is een automatisch", PLACE_INSIDE, NO_RULE},
	{"det här är ett automati", PLACE_INSIDE, NO_RULE},
	{"dette er en automati", PLACE_INSIDE, NO_RULE},
	{"to jest automatyczn", PLACE_INSIDE, NO_RULE},
	{"wiadomość wygenerowana automatycznie", PLACE_INSIDE, NO_RULE},
	{"это автоматическ", PLACE_INSIDE, NO_RULE},
	{"сообщение создано автоматически", PLACE_INSIDE, NO_RULE},
	{"自动发送", PLACE_INSIDE, NO_RULE},
	{"自動送信", PLACE_INSIDE, NO_RULE},
	{"自動返信", PLACE_INSIDE, NO_RULE},
};
DEFINE_RULES(machine_texts, machine_text_items);

static const struct word_rule no_reply_text_items[] = {
	{"do not reply", PLACE_INSIDE, NO_RULE},        {"don't reply", PLACE_INSIDE, NO_RULE},
	{"do not respond", PLACE_INSIDE, NO_RULE},      {"not monitored", PLACE_INSIDE, NO_RULE},
	{"unmonitored", PLACE_INSIDE, NO_RULE},         {"replies are not read", PLACE_INSIDE, NO_RULE},
	{"antworten sie nicht", PLACE_INSIDE, NO_RULE}, {"nicht auf diese", PLACE_INSIDE, NO_RULE},
	{"ne pas répondre", PLACE_INSIDE, NO_RULE},     {"ne répondez pas", PLACE_INSIDE, NO_RULE},
	{"no responda", PLACE_INSIDE, NO_RULE},         {"no conteste", PLACE_INSIDE, NO_RULE},
	{"non rispondere", PLACE_INSIDE, NO_RULE},      {"não responda", PLACE_INSIDE, NO_RULE},
	{"niet beantwoorden", PLACE_INSIDE, NO_RULE},   {"niet te antwoorden", PLACE_INSIDE, NO_RULE},
	{"svara inte", PLACE_INSIDE, NO_RULE},          {"ikke besvar", PLACE_INSIDE, NO_RULE},
	{"ikke svar", PLACE_INSIDE, NO_RULE},           {"nie odpowiada", PLACE_INSIDE, NO_RULE},
	{"не отвечайте", PLACE_INSIDE, NO_RULE},        {"请勿回复", PLACE_INSIDE, NO_RULE},
	{"返信しないで", PLACE_INSIDE, NO_RULE},        {"ご返信いただけません", PLACE_INSIDE, NO_RULE},
};
DEFINE_RULES(no_reply_texts, no_reply_text_items);

/* Order: what decides most comes first. */
const struct field_rule field_rules[] = {
	{STR_INIT(LOOP_MARK_FIELD), {NULL}, FIELD_OWN_LOOP, STR_INIT("loop-mark")},
	{STR_INIT("x-failed-recipients"), {NULL}, FIELD_BOUNCE, STR_INIT("x-failed-recipients")},
	{STR_INIT("x-apple-unsubscribe"), {NULL}, FIELD_FEEDBACK, STR_INIT("apple-unsubscribe")},
	{STR_INIT("content-class"),
	 {"urn:content-classes:mdn", NULL},
	 FIELD_AUTO,
	 STR_INIT("content-class:mdn")},
	{STR_INIT("auto-submitted"), {NULL}, FIELD_AUTO, STR_INIT("auto-submitted")},
	{STR_INIT("x-auto-submitted"), {NULL}, FIELD_AUTO, STR_INIT("auto-submitted")},
	{STR_INIT("x-autoreply"), {NULL}, FIELD_AUTO, STR_INIT("x-autoreply")},
	{STR_INIT("x-autorespond"), {NULL}, FIELD_AUTO, STR_INIT("x-autorespond")},
	{STR_INIT("x-autoresponder"), {NULL}, FIELD_AUTO, STR_INIT("x-autorespond")},
	{STR_INIT("x-autoresponse"), {NULL}, FIELD_AUTO, STR_INIT("x-autoresponse")},
	{STR_INIT("x-auto-response"), {NULL}, FIELD_AUTO, STR_INIT("x-autoresponse")},
	{STR_INIT("x-autoreply-from"), {NULL}, FIELD_AUTO, STR_INIT("x-auto-reply-from")},
	{STR_INIT("x-auto-reply-from"), {NULL}, FIELD_AUTO, STR_INIT("x-auto-reply-from")},
	{STR_INIT("x-auto-reply"), {NULL}, FIELD_AUTO, STR_INIT("x-autoreply")},
	{STR_INIT("x-mail-autoreply"), {NULL}, FIELD_AUTO, STR_INIT("x-mail-autoreply")},
	{STR_INIT("x-autogenerated"), {"reply", NULL}, FIELD_AUTO, STR_INIT("x-autogenerated")},
	{STR_INIT("x-amazon-auto-reply"), {NULL}, FIELD_AUTO, STR_INIT("x-amazon-auto-reply")},
	{STR_INIT("x-fc-machinegenerated"), {NULL}, FIELD_AUTO, STR_INIT("x-fc-machinegenerated")},
	{STR_INIT("x-apple-action"), {"vacation", NULL}, FIELD_AUTO, STR_INIT("x-apple-action")},
	{STR_INIT("x-vacation"), {NULL}, FIELD_AUTO, STR_INIT("x-vacation")},
	{STR_INIT("x-post-messageclass"),
	 {"9; autoresponder", NULL},
	 FIELD_AUTO,
	 STR_INIT("x-post-messageclass")},
	{STR_INIT("delivered-to"), {"autoresponder", NULL}, FIELD_AUTO, STR_INIT("delivered-to")},
	{STR_INIT("x-ms-exchange-generated-message-source"),
	 {NULL},
	 FIELD_AUTO,
	 STR_INIT("exchange-generated")},
	{STR_INIT("x-mailer"),
	 {"vacation", "autoreply", "autoresponder", NULL},
	 FIELD_AUTO,
	 STR_INIT("x-mailer")},
	{STR_INIT("precedence"),
	 {"auto_reply", "auto-reply", "autoreply", NULL},
	 FIELD_AUTO,
	 STR_INIT("precedence")},
	{STR_INIT("x-precedence"), {"auto_reply", "auto-reply", NULL}, FIELD_AUTO, STR_INIT("precedence")},
	{STR_INIT("x-cron-env"), {NULL}, FIELD_AUTO, STR_INIT("x-cron-env")},
	{STR_INIT("list-id"), {NULL}, FIELD_NO_ANSWER, STR_INIT("list-id")},
	{STR_INIT("list-post"), {NULL}, FIELD_NO_ANSWER, STR_INIT("list-post")},
	{STR_INIT("mailing-list"), {NULL}, FIELD_NO_ANSWER, STR_INIT("mailing-list")},
	{STR_INIT("x-mailing-list"), {NULL}, FIELD_NO_ANSWER, STR_INIT("mailing-list")},
	{STR_INIT("x-mailman-version"), {NULL}, FIELD_NO_ANSWER, STR_INIT("mailing-list")},
	{STR_INIT("precedence"), {"list", NULL}, FIELD_NO_ANSWER, STR_INIT("mailing-list")},
	{STR_INIT("x-precedence"), {"list", NULL}, FIELD_NO_ANSWER, STR_INIT("mailing-list")},
	{STR_INIT("list-help"), {NULL}, FIELD_NO_ANSWER, STR_INIT("list-help")},
	{STR_INIT("list-owner"), {NULL}, FIELD_NO_ANSWER, STR_INIT("list-owner")},
	{STR_INIT("list-archive"), {NULL}, FIELD_NO_ANSWER, STR_INIT("list-archive")},
	{STR_INIT("list-subscribe"), {NULL}, FIELD_NO_ANSWER, STR_INIT("list-subscribe")},
	{STR_INIT("list-unsubscribe"), {NULL}, FIELD_NO_ANSWER, STR_INIT("list-unsubscribe")},
	{STR_INIT("precedence"), {"bulk", "junk", NULL}, FIELD_NO_ANSWER, STR_INIT("precedence")},
	{STR_INIT("x-precedence"), {"bulk", "junk", NULL}, FIELD_NO_ANSWER, STR_INIT("precedence")},
	{STR_INIT("x-auto-response-suppress"),
	 {"all", "autoreply", "oof", "dr", "rn", "nrn"},
	 FIELD_NO_ANSWER,
	 STR_INIT("x-auto-response-suppress")},
	{STR_INIT("x-loop"), {NULL}, FIELD_NO_ANSWER, STR_INIT("x-loop")},
	{STR_INIT("x-noreply"), {NULL}, FIELD_NO_ANSWER, STR_INIT("x-noreply")},
};
const size_t field_rules_n = ARRAY_SIZE(field_rules);

static const char *const daemon_locals[] = {
	"mailer-daemon", "mailer_daemon", "mailerdaemon", "maildaemon", "mail-daemon",       "mdaemon",
	"mailer",        "mail-delivery", "bounce",       "bounces",    "maildeliverysystem"};
static const char *const postmaster_locals[] = {
	"postmaster",        "post_master",   "post.master",          "ndr",
	"microsoftexchange", "mail.delivery", "delivery-notification"};
static const char *const daemon_names[] = {"mail delivery",  "mailer-daemon",          "mailer daemon",
					   "mail daemon",    "mail administrator",     "mail system",
					   "mail transport", "internet mail delivery", "delivery subsystem"};
static const char *const postmaster_names[] = {
	"postmaster", "system administrator", "microsoft outlook",      "ndr ",
	"mmsc",       "systemadministrator",  "administrateur système", "administrador del sistema"};

const struct forward_provider forward_providers[] = {
	{STR_INIT("google"),
	 {STR_INIT("google.com"), STR_INIT("gmail.com"), STR_INIT("googlemail.com")},
	 STR_INIT("forwarding-noreply"),
	 {STR_INIT("mail-settings.google.com/mail/"), STR_INIT("mail.google.com/mail/"),
	  STR_INIT("isolated.mail.google.com/mail/")}},
	{STR_INIT("microsoft"),
	 {STR_INIT("microsoft.com"), STR_INIT("outlook.com"), STR_INIT("live.com"), STR_INIT("hotmail.com")},
	 STR_INIT(""),
	 {STR_INIT("outlook.live.com/"), STR_INIT("outlook.office.com/"), STR_INIT("outlook.office365.com/"),
	  STR_INIT("account.live.com/"), STR_INIT("login.live.com/")}},
	{STR_INIT("zoho"),
	 {STR_INIT("zoho.com"), STR_INIT("zoho.eu"), STR_INIT("zoho.in"), STR_INIT("zohomail.com"),
	  STR_INIT("zohoaccounts.com"), STR_INIT("zohocorp.com"), STR_INIT("zoho.com.au"),
	  STR_INIT("zoho.com.cn"), STR_INIT("zoho.jp"), STR_INIT("zohocloud.ca")},
	 STR_INIT(""),
	 {STR_INIT("mail.zoho."), STR_INIT("accounts.zoho."), STR_INIT("mailadmin.zoho."),
	  STR_INIT("zmail.zoho.")}},
	{STR_INIT("fastmail"),
	 {STR_INIT("fastmail.com"), STR_INIT("fastmail.fm"), STR_INIT("messagingengine.com"),
	  STR_INIT("fastmailteam.com")},
	 STR_INIT(""),
	 {STR_INIT("www.fastmail.com/"), STR_INIT("app.fastmail.com/"), STR_INIT("fastmail.com/"),
	  STR_INIT("www.fastmail.fm/")}},
	{STR_INIT("yahoo"),
	 {STR_INIT("yahoo.com"), STR_INIT("yahoo-inc.com"), STR_INIT("yahooinc.com"), STR_INIT("aol.com")},
	 STR_INIT(""),
	 {STR_INIT("mail.yahoo.com/"), STR_INIT("login.yahoo.com/"), STR_INIT("edit.yahoo.com/"),
	  STR_INIT("api.login.yahoo.com/"), STR_INIT("mail.aol.com/")}},
	{STR_INIT("apple"),
	 {STR_INIT("apple.com"), STR_INIT("icloud.com"), STR_INIT("me.com")},
	 STR_INIT(""),
	 {STR_INIT("www.icloud.com/"), STR_INIT("icloud.com/"), STR_INIT("appleid.apple.com/"),
	  STR_INIT("account.apple.com/")}},
	{STR_INIT("proton"),
	 {STR_INIT("proton.me"), STR_INIT("protonmail.com"), STR_INIT("protonmail.ch")},
	 STR_INIT(""),
	 {STR_INIT("account.proton.me/"), STR_INIT("mail.proton.me/"), STR_INIT("proton.me/")}},
	{STR_INIT("gmx"),
	 {STR_INIT("gmx.net"), STR_INIT("gmx.de"), STR_INIT("gmx.com"), STR_INIT("gmx.at"),
	  STR_INIT("gmx.ch"), STR_INIT("web.de"), STR_INIT("mail.com")},
	 STR_INIT(""),
	 {STR_INIT("www.gmx.net/"), STR_INIT("www.gmx.com/"), STR_INIT("web.de/"), STR_INIT("www.web.de/"),
	  STR_INIT("www.mail.com/"), STR_INIT("www.gmx.")}},
	{STR_INIT("yandex"),
	 {STR_INIT("yandex.ru"), STR_INIT("yandex.com"), STR_INIT("yandex-team.ru"), STR_INIT("ya.ru")},
	 STR_INIT(""),
	 {STR_INIT("mail.yandex."), STR_INIT("passport.yandex."), STR_INIT("id.yandex.")}},
	{STR_INIT("mail.ru"),
	 {STR_INIT("mail.ru"), STR_INIT("corp.mail.ru")},
	 STR_INIT(""),
	 {STR_INIT("e.mail.ru/"), STR_INIT("account.mail.ru/"), STR_INIT("id.mail.ru/")}},
};
const size_t forward_providers_n = ARRAY_SIZE(forward_providers);

static const struct str public_domains[] = {
	STR_INIT("gmail.com"),    STR_INIT("googlemail.com"), STR_INIT("outlook.com"),
	STR_INIT("live.com"),     STR_INIT("hotmail.com"),    STR_INIT("zoho.com"),
	STR_INIT("zoho.eu"),      STR_INIT("zoho.in"),        STR_INIT("zohomail.com"),
	STR_INIT("fastmail.com"), STR_INIT("fastmail.fm"),    STR_INIT("yahoo.com"),
	STR_INIT("aol.com"),      STR_INIT("icloud.com"),     STR_INIT("me.com"),
	STR_INIT("proton.me"),    STR_INIT("protonmail.com"), STR_INIT("protonmail.ch"),
	STR_INIT("gmx.net"),      STR_INIT("gmx.de"),         STR_INIT("gmx.com"),
	STR_INIT("gmx.at"),       STR_INIT("gmx.ch"),         STR_INIT("web.de"),
	STR_INIT("mail.com"),     STR_INIT("yandex.ru"),      STR_INIT("yandex.com"),
	STR_INIT("ya.ru"),        STR_INIT("mail.ru"),
};

/* Names of RFC 2142 and of services, which providers keep for themselves. */
static const struct str reserved_locals[] = {
	STR_INIT("noreply"),      STR_INIT("no-reply"),        STR_INIT("no_reply"),   STR_INIT("donotreply"),
	STR_INIT("do-not-reply"), STR_INIT("support"),         STR_INIT("account"),    STR_INIT("accounts"),
	STR_INIT("service"),      STR_INIT("member_services"), STR_INIT("postmaster"),
};

static bool is_one_of(struct str s, const struct str *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, items[i]))
			return true;
	return false;
}

bool is_public_domain(struct str domain_folded)
{
	return is_one_of(domain_folded, public_domains, ARRAY_SIZE(public_domains));
}

bool is_reserved_local(struct str local_part_folded)
{
	return is_one_of(local_part_folded, reserved_locals, ARRAY_SIZE(reserved_locals));
}

static const struct word_rule forward_word_items[] = {
	{"forward", PLACE_INSIDE, NO_RULE},    {"weiterleit", PLACE_INSIDE, NO_RULE},
	{"transfert", PLACE_INSIDE, NO_RULE},  {"transfér", PLACE_INSIDE, NO_RULE},
	{"reenv", PLACE_INSIDE, NO_RULE},      {"reenví", PLACE_INSIDE, NO_RULE},
	{"inoltr", PLACE_INSIDE, NO_RULE},     {"encaminh", PLACE_INSIDE, NO_RULE},
	{"doorstu", PLACE_INSIDE, NO_RULE},    {"vidarebef", PLACE_INSIDE, NO_RULE},
	{"videresend", PLACE_INSIDE, NO_RULE}, {"przekaz", PLACE_INSIDE, NO_RULE},
	{"přepos", PLACE_INSIDE, NO_RULE},     {"переадрес", PLACE_INSIDE, NO_RULE},
	{"пересыл", PLACE_INSIDE, NO_RULE},    {"yönlendir", PLACE_INSIDE, NO_RULE},
	{"转发", PLACE_INSIDE, NO_RULE},       {"轉寄", PLACE_INSIDE, NO_RULE},
	{"転送", PLACE_INSIDE, NO_RULE},       {"전달", PLACE_INSIDE, NO_RULE},
	{"välit", PLACE_INSIDE, NO_RULE},
};
DEFINE_RULES(forward_words, forward_word_items);

static const struct word_rule confirm_word_items[] = {
	{"confirm", PLACE_INSIDE, NO_RULE},  {"verif", PLACE_INSIDE, NO_RULE},
	{"bestätig", PLACE_INSIDE, NO_RULE}, {"vérif", PLACE_INSIDE, NO_RULE},
	{"conferm", PLACE_INSIDE, NO_RULE},  {"bevestig", PLACE_INSIDE, NO_RULE},
	{"bekräft", PLACE_INSIDE, NO_RULE},  {"bekræft", PLACE_INSIDE, NO_RULE},
	{"bekreft", PLACE_INSIDE, NO_RULE},  {"potwierd", PLACE_INSIDE, NO_RULE},
	{"potvr", PLACE_INSIDE, NO_RULE},    {"подтверд", PLACE_INSIDE, NO_RULE},
	{"підтвер", PLACE_INSIDE, NO_RULE},  {"onay", PLACE_INSIDE, NO_RULE},
	{"确认", PLACE_INSIDE, NO_RULE},     {"確認", PLACE_INSIDE, NO_RULE},
	{"확인", PLACE_INSIDE, NO_RULE},     {"vahvist", PLACE_INSIDE, NO_RULE},
};
DEFINE_RULES(confirm_words, confirm_word_items);

static const char *const no_reply_locals[] = {
	"noreply",           "no-reply",        "no_reply",       "no.reply",     "donotreply",
	"do-not-reply",      "do_not_reply",    "do.not.reply",   "dontreply",    "nepasrepondre",
	"ne-pas-repondre",   "nicht-antworten", "nichtantworten", "keineantwort", "noresponder",
	"no-responder",      "nonrispondere",   "non-rispondere", "naoresponda",  "nao-responda",
	"niet-beantwoorden", "noresponse",      "no-response",    "unmonitored"};

/* ---- the tables' indices, made when first asked for ---- */

#define FIELD_HEADS 64

static struct {
	struct phrase_set daemon_names, postmaster_names, no_reply_locals;
	uint8_t field_heads[FIELD_HEADS]; /* 1 + index of the first rule for such a name; 0: none */
	uint8_t field_next[ARRAY_SIZE(field_rules)];
} sets;

static size_t field_hash(struct str name)
{
	if (name.len == 0)
		return 0;
	size_t middle = (unsigned char)ascii_lower(name.ptr[name.len / 2]);
	size_t last = (unsigned char)ascii_lower(name.ptr[name.len - 1]);
	return (name.len * 5 + middle * 7 + last) % FIELD_HEADS;
}

static void index_words(struct phrase_set *set, struct phrase *items, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		items[i].text = str_from(words[i]);
	phrase_set_index(set, items, n);
}

static void index_rules(const struct word_rules *rules)
{
	struct word_rules_index *index = rules->index;
	assert(rules->n <= RULES_MAX);
	for (size_t i = 0; i < rules->n; i++) {
		index->items[i].text = str_from(rules->items[i].text);
		index->anywhere |= rules->items[i].place == PLACE_INSIDE;
	}
	phrase_set_index(&index->set, index->items, rules->n);
}

static void index_fields(void)
{
	for (size_t i = ARRAY_SIZE(field_rules); i > 0; i--) { /* from the end, so that the chains go up */
		uint8_t *head = &sets.field_heads[field_hash(field_rules[i - 1].name)];
		sets.field_next[i - 1] = *head;
		*head = (uint8_t)i;
	}
}

static void index_all(void)
{
	static const struct word_rules *const all[] = {
		&vacation_subjects, &vacation_texts,    &bounce_subjects, &bounce_texts,   &bounce_weak_texts,
		&feedback_subjects, &calendar_subjects, &forward_words,   &confirm_words,  &receipt_subjects,
		&receipt_texts,     &absence_subjects,  &machine_texts,   &no_reply_texts, &absence_nouns,
		&absence_words,     &received_words};
	static struct phrase daemons[ARRAY_SIZE(daemon_names)], postmasters[ARRAY_SIZE(postmaster_names)],
		no_replies[ARRAY_SIZE(no_reply_locals)];
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		index_rules(all[i]);
	index_words(&sets.daemon_names, daemons, daemon_names, ARRAY_SIZE(daemon_names));
	index_words(&sets.postmaster_names, postmasters, postmaster_names, ARRAY_SIZE(postmaster_names));
	index_words(&sets.no_reply_locals, no_replies, no_reply_locals, ARRAY_SIZE(no_reply_locals));
	index_fields();
}

static void make_indices(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, index_all);
}

void autoreply_tables_init(void)
{
	make_indices();
}

/* ---- questions ---- */

const struct field_rule *field_rule_named(struct str name, const struct field_rule *after)
{
	make_indices();
	size_t i = after ? sets.field_next[after - field_rules] : sets.field_heads[field_hash(name)];
	while (i && !str_ieq(name, field_rules[i - 1].name))
		i = sets.field_next[i - 1];
	return i ? &field_rules[i - 1] : NULL;
}

static bool equals_any(struct str s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, str_from(words[i])))
			return true;
	return false;
}

unsigned daemon_author(struct str local, struct str name)
{
	make_indices();
	if (equals_any(local, daemon_locals, ARRAY_SIZE(daemon_locals)) ||
	    phrase_set_inside(&sets.daemon_names, name))
		return 2;
	if (equals_any(local, postmaster_locals, ARRAY_SIZE(postmaster_locals)) ||
	    str_starts(local, STR("microsoftexchange")) || str_starts(local, STR("postmaster")) ||
	    phrase_set_inside(&sets.postmaster_names, name))
		return 1;
	return 0;
}

bool no_reply_author(struct str local)
{
	make_indices();
	return phrase_set_inside(&sets.no_reply_locals, local) || daemon_author(local, STR("")) == 2;
}

static bool word_fits(const struct word_rule *rule, struct str text, struct str folded, size_t at)
{
	struct str rest = str_sub(folded, at, folded.len);
	if ((at > 0 && rule->place != PLACE_INSIDE) || !str_starts(rest, text))
		return false;
	return rule->place != PLACE_WORDS || rest.len == text.len || !ascii_alpha(rest.ptr[text.len]);
}

const struct word_rule *word_rules_find(const struct word_rules *rules, struct str folded)
{
	make_indices();
	const struct phrase_set *set = &rules->index->set;
	size_t end = rules->index->anywhere || folded.len == 0 ? folded.len : 1, first = 0;
	for (size_t at = 0; (at = phrase_set_skip(set, folded, at)) < end; at++)
		for (size_t i = phrase_set_at(set, folded, at); i && (!first || i < first);
		     i = set->items[i - 1].next)
			if (word_fits(&rules->items[i - 1], set->items[i - 1].text, folded, at))
				first = i;
	return first ? &rules->items[first - 1] : NULL;
}

size_t word_rules_count(const struct word_rules *rules, struct str folded, size_t max)
{
	bool seen[RULES_MAX] = {false};
	size_t n = 0;
	make_indices();
	const struct phrase_set *set = &rules->index->set;
	for (size_t at = 0; n < max && (at = phrase_set_skip(set, folded, at)) < folded.len; at++)
		for (size_t i = phrase_set_at(set, folded, at); i && n < max; i = set->items[i - 1].next)
			if (!seen[i - 1] &&
			    str_starts(str_sub(folded, at, folded.len), set->items[i - 1].text)) {
				seen[i - 1] = true;
				n++;
			}
	return n;
}
