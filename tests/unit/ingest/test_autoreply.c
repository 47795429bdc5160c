/* What kind of mail it is, which rule says so, and whether a program may answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/autoreply.h"
#include "ingest/autoreply_tables.h"
#include "ingest/text_fold.h"

#define FIELDS_MAX 4
#define PARTS_MAX  4

struct example {
	const char *from, *subject;
	struct mail_field fields[FIELDS_MAX];
	const char *media_type, *report_type;
	const char *parts[PARTS_MAX];
	const char *text, *summary, *own_words;
	enum reverse_path_kind reverse_path;
	enum mail_class class;
	const char *rule; /* of the class, or what forbids to answer a normal mail; NULL: answerable */
	const char *confirmation;
};

#define FIELD(name, value)                              \
	{                                               \
		{                                       \
			STR_INIT(name), STR_INIT(value) \
		}                                       \
	}

static void classify(const struct example *example, struct mail_verdict *ret)
{
	struct mail_mailbox author = {STR(""), str_from(example->from)};
	struct str parts[PARTS_MAX];
	struct mail_facts facts = {.fields = example->fields,
				   .subject = str_from(example->subject),
				   .from = {&author, example->from ? 1 : 0},
				   .media_type = str_from(example->media_type),
				   .report_type = str_from(example->report_type),
				   .part_types = parts,
				   .text = str_from(example->text),
				   .summary = str_from(example->summary),
				   .own_words = str_from(example->own_words),
				   .calendar_answer = example->summary != NULL,
				   .reverse_path = example->reverse_path};
	while (facts.fields_n < FIELDS_MAX && example->fields[facts.fields_n].name.ptr)
		facts.fields_n++;
	for (; facts.part_types_n < PARTS_MAX && example->parts[facts.part_types_n]; facts.part_types_n++)
		parts[facts.part_types_n] = str_from(example->parts[facts.part_types_n]);
	mail_classify(&facts, ret);
}

static void check(const struct example *examples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct example *example = &examples[i];
		struct mail_verdict verdict;
		classify(example, &verdict);
		struct str rule = verdict.class == MAIL_NORMAL ? verdict.answer_rule : verdict.rule;
		if (verdict.class != example->class || !str_eq(rule, str_from(example->rule)) ||
		    verdict.answerable != (example->rule == NULL) ||
		    !str_eq(verdict.forward_confirmation, str_from(example->confirmation)))
			fail_msg(
				"case %zu \"%s\": class %d rule \"%.*s\" answerable %d confirmation \"%.*s\"",
				i, example->subject ? example->subject : "", (int)verdict.class,
				STR_ARG(rule), verdict.answerable, STR_ARG(verdict.forward_confirmation));
	}
}

#define JANE .from = "jane@customer.example"

static void normal_mail(void **state UNUSED)
{
	static const struct example examples[] = {
		{.class = MAIL_NORMAL},
		{JANE, .subject = "My order"},
		{JANE, .subject = "hello", .fields = FIELD("Auto-Submitted", "no")},
		{JANE, .subject = "hello", .fields = FIELD("auto-submitted", "No; (a comment)")},
		/* a field without a value says nothing */
		{JANE, .subject = "hello", .fields = FIELD("Auto-Submitted", ""), .text = "a question"},
		{JANE, .subject = "hello", .fields = FIELD("X-Failed-Recipients", " "), .text = "hi"},
		{JANE, .subject = "hello", .fields = FIELD("List-Id", "")},
		/* words of absence from people who want something, or speak of somebody else */
		{JANE, .subject = "Abwesenheit nächste Woche",
		 .text = "Hallo, ich bin nächste Woche nicht im Büro. Bitte liefern Sie erst am 30.11."},
		{JANE, .subject = "Absence du livreur",
		 .text = "Bonjour, votre livreur était absent. Je suis absent du bureau demain, passez "
			 "lundi."},
		{JANE, .subject = "Vacation",
		 .text = "I am on vacation until Monday. Please hold my parcel."},
		{JANE, .subject = "Vacation request", .text = "I am on vacation from Monday."},
		{JANE, .subject = "Out of office next week",
		 .text = "I will be out of the office next week, please deliver after the 30th."},
		{JANE, .subject = "Nicht im Büro",
		 .text = "Ich bin bis Freitag nicht im Büro, bitte Paket\nbeim "
			 "Nachbarn abgeben."},
		{JANE, .subject = "Fuori ufficio",
		 .text = "Sono fuori ufficio, per favore consegnate lunedì."},
		{JANE, .subject = "Automatic response: system down",
		 .text = "Our automatic response system by you is down."},
		{JANE, .subject = "Automatic reply: wrong text",
		 .text = "It shows the text of last year to all."},
		/* people write about automatic mail */
		{JANE, .subject = "Re: Automatic reply: hello", .text = "you are back?"},
		{JANE, .subject = "Out of office reply does not work", .text = "please help"},
		{JANE, .subject = "Fwd: Undelivered Mail Returned to Sender",
		 .text = "I got this:\nThis is the mail system at host mx. 550 5.1.1 user unknown"},
		{JANE, .subject = "Undeliverable: my mail", .text = "what does 550 user unknown mean?"},
		{JANE, .subject = "error", .text = "error: 550 no such user, reason: unknown"},
		{JANE, .subject = "Hello", .media_type = "multipart/mixed",
		 .parts = {"text/plain", "message/rfc822", "message/delivery-status"},
		 .text = "see the attached bounce"},
		{.from = "postmaster@customer.example",
		 .subject = "Our mail",
		 .text = "error: unknown sender?",
		 .rule = "no-reply-author"},
		{JANE, .subject = "Accepted: your offer", .text = "we take it"},
		{JANE, .subject = "Confirmation of my order", .text = "please send it"},
		{JANE, .subject = "I forward you my order",
		 .text = "please confirm https://mail.google.com/mail/u/0"},
		{.from = "sales@google.com", .subject = "please forward", .text = "confirm 1234567"},
		/* forwarded by a rule of the tenant's own mailbox */
		{JANE, .subject = "hello",
		 .fields = FIELD("X-MS-Exchange-Inbox-Rules-Loop", "support@shop.example")},
		/* normal, but not to be answered by a program */
		{JANE, .fields = FIELD("Precedence", "bulk"), .rule = "precedence"},
		{JANE, .fields = FIELD("List-Id", "<users.lists.example>"), .rule = "list-id"},
		{JANE, .fields = FIELD("List-Unsubscribe", "<mailto:u@x.example>"),
		 .rule = "list-unsubscribe"},
		{JANE, .fields = FIELD("X-Auto-Response-Suppress", "All"),
		 .rule = "x-auto-response-suppress"},
		{JANE, .fields = FIELD("X-Loop", "x"), .rule = "x-loop"},
		{.from = "no-reply@shop.example", .subject = "New order", .rule = "no-reply-author"},
	};
	check(examples, ARRAY_SIZE(examples));
}

static void automatic_mail(void **state UNUSED)
{
	static const struct example examples[] = {
		{JANE, .fields = FIELD("Auto-Submitted", "auto-replied (vacation)"), .class = MAIL_AUTO,
		 .rule = "auto-submitted"},
		{JANE, .fields = FIELD("Auto-submitted", "auto-generated; owner=x"), .class = MAIL_AUTO,
		 .rule = "auto-submitted"},
		{JANE, .fields = FIELD("X-Autoreply", "yes"), .class = MAIL_AUTO, .rule = "x-autoreply"},
		{JANE, .fields = FIELD("Precedence", "auto_reply"), .class = MAIL_AUTO, .rule = "precedence"},
		{JANE, .fields = FIELD("X-Apple-Action", "VACATION"), .class = MAIL_AUTO,
		 .rule = "x-apple-action"},
		{JANE, .fields = FIELD("X-Servelo-Loop", "answer.AbC"), .class = MAIL_AUTO,
		 .rule = "loop-mark"},
		{JANE, .fields = FIELD("x-servelo-loop", "notice.AbC"), .subject = "Re: hello",
		 .class = MAIL_AUTO, .rule = "loop-mark"},
		{JANE, .fields = FIELD("X-Servelo-Loop", "notice.AbC"), .media_type = "multipart/report",
		 .report_type = "disposition-notification", .class = MAIL_AUTO,
		 .rule = "report:disposition-notification"},
		{JANE, .subject = "Gelesen: hello", .media_type = "multipart/report",
		 .parts = {"text/plain", "message/disposition-notification"}, .class = MAIL_AUTO,
		 .rule = "report:disposition-notification"},
		{JANE, .subject = "Reacted to your message", .media_type = "multipart/alternative",
		 .parts = {"text/plain", "text/vnd.google.email-reaction+json", "text/html"},
		 .class = MAIL_AUTO, .rule = "reaction"},
		{JANE, .subject = "Automatic reply: hello", .class = MAIL_AUTO,
		 .rule = "subject:automatic-reply:en"},
		{JANE, .subject = "Abwesenheitsnotiz: Hallo", .class = MAIL_AUTO,
		 .rule = "subject:out-of-office:de"},
		{JANE, .subject = "Réponse automatique\xc2\xa0: x", .class = MAIL_AUTO,
		 .rule = "subject:automatic-reply:fr"},
		{JANE, .subject = "Automatische Eingangsbestätigung: Hallo", .class = MAIL_AUTO,
		 .rule = "subject:confirmation:de"},
		{JANE, .subject = "Automatic confirmation of your request", .class = MAIL_AUTO,
		 .rule = "subject:confirmation:en"},
		{JANE, .subject = "Out of office until Monday", .class = MAIL_AUTO,
		 .rule = "subject:out-of-office:en"},
		/* a notice asks its reader to turn to others, and to be patient */
		{JANE, .subject = "Out of office until Monday",
		 .text = "I am out of the office. For urgent matters please ring Bob on 555 123.",
		 .class = MAIL_AUTO, .rule = "subject:out-of-office:en"},
		{JANE, .subject = "Abwesenheitsnotiz: Hallo",
		 .text = "Ich bin im Urlaub. In dringenden Fällen wenden Sie sich bitte an "
			 "info@firma.example.",
		 .class = MAIL_AUTO, .rule = "subject:out-of-office:de"},
		{JANE, .subject = "Automatic reply: Help",
		 .text = "Thank you for your message. Please do not reply to this mail.", .class = MAIL_AUTO,
		 .rule = "subject:automatic-reply:en"},
		{JANE, .subject = "Autosvar: Hjälp", .text = "Jag är borta till måndag.", .class = MAIL_AUTO,
		 .rule = "subject:automatic-reply:sv"},
		{JANE, .subject = "Gelesen: Hilfe",
		 .fields = FIELD("Content-Class", "urn:content-classes:mdn"), .class = MAIL_AUTO,
		 .rule = "content-class:mdn"},
		{JANE, .subject = "Gelesen: Hilfe", .text = "Ihre Nachricht wurde am 16.11.2026 gelesen.",
		 .class = MAIL_AUTO, .rule = "text:read-receipt"},
		{JANE, .subject = "自动回复：你好", .class = MAIL_AUTO, .rule = "subject:automatic-reply:zh"},
		{JANE, .subject = "АВТООТВЕТ", .class = MAIL_AUTO, .rule = "subject:automatic-reply:ru"},
		{JANE, .subject = "hello", .text = "I am out of the office until May.",
		 .reverse_path = REVERSE_PATH_NULL, .class = MAIL_AUTO, .rule = "text:out-of-office"},
		{JANE, .subject = "hello", .reverse_path = REVERSE_PATH_NULL, .class = MAIL_AUTO,
		 .rule = "null-reverse-path"},
		/* the field alone may be from anywhere: no answer, but no verdict */
		{JANE, .subject = "hello", .fields = FIELD("Return-Path", "<>"), .rule = "null-reverse-path"},
		{JANE, .subject = "Read: hello", .media_type = "multipart/report",
		 .report_type = "disposition-notification", .class = MAIL_AUTO,
		 .rule = "report:disposition-notification"},
		{JANE, .subject = "Accepted: meeting", .media_type = "multipart/alternative",
		 .parts = {"text/plain", "text/calendar"}, .class = MAIL_AUTO, .rule = "calendar-reply"},
		{JANE, .subject = "Re: x", .media_type = "multipart/alternative",
		 .parts = {"text/plain", "text/vnd.google.email-reaction+json"}, .class = MAIL_AUTO,
		 .rule = "reaction"},
	};
	check(examples, ARRAY_SIZE(examples));
}

/*
 * A subject without any field. Of programs, in the words and forms in which they are written, and of persons, who write
 * about such mails.
 */
static void subjects(void **state UNUSED)
{
	static const char *const of_programs[] = {
		"Automatic reply: My order 4711",
		"Automatic reply: Re: Invoice",
		"Out of Office AutoReply: hello",
		"Out of office",
		"Out of Office: back on Monday",
		"Out of office until 3 May",
		"I am out of the office from 3 to 9 May",
		"OOO: traveling",
		"[Auto-Reply] Your message",
		"Auto-Reply: Thank you for your mail",
		"Automatic reply to your message",
		"Abwesenheitsnotiz",
		"Abwesenheitsnotiz: Angebot 12",
		"Automatische Antwort: Ihre Bestellung",
		"Automatische Antwort auf Ihre Nachricht",
		"Abwesend bis Montag",
		"Réponse automatique\xc2\xa0: Facture 12",
		"Absence du bureau",
		"Message d'absence (Jean Dupont)",
		"Respuesta automática: Pedido",
		"Fuera de la oficina hasta el lunes",
		"Risposta automatica: ordine",
		"Fuori ufficio dal 3.11.",
		"Resposta automática: pedido",
		"Automatisch antwoord: bestelling",
		"Autosvar: Beställning",
		"Automatyczna odpowiedź: zamówienie",
		"Автоматический ответ: заказ",
		"自动回复：你好",
		"【自動返信】お問い合わせありがとうございます",
		"자동 회신: 주문",
	};
	static const struct example of_persons[] = {
		{.subject = "Automatic reply: how do I turn it off?"},
		{.subject = "Out of office: how do I set it up"},
		{.subject = "Automatic replies are sent twice"},
		{.subject = "Automatic reply does not work"},
		{.subject = "Auto-reply is sent to the wrong customer"},
		{.subject = "Auto-reply", .text = "Hello,\nwhere do I set the text of the auto-reply?\n"},
		{.subject = "Out of office hours support needed"},
		{.subject = "Out of office message can't be saved"},
		{.subject = "Out of office message: cannot be saved"},
		{.subject = "I am out of toner"},
		{.subject = "I'm out of disk space"},
		{.subject = "OOO Romashka: our contract"},
		{.subject = "On vacation rentals and invoices"},
		{.subject = "Abwesenheitsnotiz lässt sich nicht einrichten"},
		{.subject = "Abwesenheitsnotiz lässt sich nicht einrichten",
		 .text = "Ich bin ab dem 3.11. im Urlaub. Wie richte ich die Notiz ein?"},
		{.subject = "Abwesenheitsnotiz: geht nicht"},
		{.subject = "Abwesenheitsnotiz", .text = "Guten Tag, wie schalte ich sie ab?"},
		{.subject = "Automatische Antwort kommt bei Kunden nicht an"},
		{.subject = "Automatische Bestätigungen abschalten"},
		{.subject = "Nicht im Büro erreichbar, bitte anrufen"},
		{.subject = "Réponse automatique : comment la désactiver ?"},
		{.subject = "Réponse automatique envoyée deux fois"},
		{.subject = "Respuesta automática no funciona"},
		{.subject = "Fuera de la oficina no puedo entrar en mi cuenta"},
		{.subject = "Risposta automatica inviata al cliente sbagliato"},
		{.subject = "Resposta automática está desligada"},
		{.subject = "Automatisch antwoord uitzetten"},
		{.subject = "Autosvar kommer fram två gånger"},
		{.subject = "Автоматический ответ приходит дважды"},
		{.subject = "自动回复不能关闭"},
		{.subject = "自動返信が届きません"},
		{.subject = "Ooops: order missing"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(of_programs); i++) {
		const struct example example = {JANE, .subject = of_programs[i]};
		struct mail_verdict verdict;
		classify(&example, &verdict);
		if (verdict.class != MAIL_AUTO || !str_starts(verdict.rule, STR("subject:")))
			fail_msg("\"%s\": class %d rule \"%.*s\"", of_programs[i], (int)verdict.class,
				 STR_ARG(verdict.rule));
	}
	for (size_t i = 0; i < ARRAY_SIZE(of_persons); i++) {
		struct example example = of_persons[i];
		example.from = "jane@customer.example";
		check(&example, 1);
	}
}

/* The same subjects with other evidence. */
static void subjects_with_evidence(void **state UNUSED)
{
	static const struct example examples[] = {
		/* the question is the customer's, in the mail that is answered */
		{JANE, .subject = "Automatic reply: where is my order?",
		 .fields = FIELD("In-Reply-To", "<a@shop.example>"), .class = MAIL_AUTO,
		 .rule = "subject:automatic-reply:en"},
		{JANE, .subject = "Automatic reply: where is my order?",
		 .fields = FIELD("Precedence", "bulk"), .class = MAIL_AUTO,
		 .rule = "subject:automatic-reply:en"},
		{JANE, .subject = "Automatic reply: hello",
		 .text = "I am out of the office. Urgent? Call Bob.", .class = MAIL_AUTO,
		 .rule = "subject:automatic-reply:en"},
		/* other programs' names for it, somewhere in the subject */
		{JANE, .subject = "Jane Doe ist außer Haus", .text = "Ich kehre zurück am 09.11.2026.",
		 .class = MAIL_AUTO, .rule = "text:out-of-office"},
		{JANE, .subject = "Your ticket (Out of office)", .text = "I am away until Monday.",
		 .class = MAIL_AUTO, .rule = "text:out-of-office"},
		/* receipts and reactions without fields of their own */
		{JANE, .subject = "Return Receipt",
		 .text = "Your  Your ticket\ndocument:\nwas    Jane Doe/Acme\nreceived\nby:\nat:    "
			 "03.11.2026 10:00:00",
		 .class = MAIL_AUTO, .rule = "text:read-receipt"},
		{JANE, .subject = "Gelesen: Ihr Ticket", .text = "Ihre Nachricht wurde am 3.11.2026 gelesen.",
		 .class = MAIL_AUTO, .rule = "text:read-receipt"},
		{JANE, .subject = "Lesebestätigung: Ihr Ticket",
		 .text = "Dies ist eine Empfangsbestätigung für eine Nachricht.", .class = MAIL_AUTO,
		 .rule = "text:read-receipt"},
		{JANE, .subject = "Abwesenheit Herr Meier",
		 .text = "Wer vertritt ihn, bitte melden. Ich bin bis 18 Uhr erreichbar."},
		{JANE, .subject = "Gelesen: das Handbuch",
		 .text = "Ich habe alles gelesen. Die Pumpe geht trotzdem nicht an."},
		{JANE, .subject = "Read: the manual, and still stuck",
		 .text = "It was read on Monday. And now?"},
		{JANE, .subject = "Read: the manual", .text = "It is wrong on page 3."},
		{JANE, .subject = "Lesebestätigung lässt sich nicht einschalten",
		 .text = "Die Lesebestätigung für Mails fehlt."},
		{JANE, .subject = "Jane Doe reacted to your message",
		 .text = "Jane Doe reacted to your message:", .class = MAIL_AUTO, .rule = "reaction"},
		/* a program that says of itself what it is */
		{JANE, .subject = "We received your request",
		 .text = "This is an automated response. Please do not reply.", .class = MAIL_AUTO,
		 .rule = "text:automated"},
		{JANE, .subject = "Ihre Anfrage",
		 .text = "Dies ist eine automatisch erstellte Nachricht, bitte "
			 "antworten Sie nicht darauf.",
		 .class = MAIL_AUTO, .rule = "text:automated"},
		{JANE, .subject = "Fwd: Your order",
		 .text = "This is an automated message. Please do not reply."},
		{JANE, .subject = "Strange mail",
		 .text = "It says: this is an automated message, do not reply. Is that you?"},
		{JANE, .subject = "Strange mail",
		 .text = "This came from you, it looks like phishing:\n\n> Your account is locked.\n> This "
			 "is an "
			 "automated message, please do not reply.\n"},
		{JANE, .subject = "Your mail", .text = "This is an automated test of ours, it failed."},
		/* the quote's question is not the program's */
		{JANE, .subject = "Abwesenheitsnotiz: Hallo", .text = "Bin weg.\n> Wo ist mein Paket?\n",
		 .class = MAIL_AUTO, .rule = "subject:out-of-office:de"},
		{JANE, .subject = "Abwesenheitsnotiz: Hallo", .text = "Bin weg: https://x.example/?a=b",
		 .class = MAIL_AUTO, .rule = "subject:out-of-office:de"},
		{JANE, .subject = "Abwesenheitsnotiz Jane Doe", .text = "Ich bin derzeit nicht im Haus.",
		 .fields = FIELD("References", "<a@shop.example>"), .class = MAIL_AUTO,
		 .rule = "subject:out-of-office:de"},
		{JANE, .subject = "Out of office hours", .text = "closed", .reverse_path = REVERSE_PATH_NULL,
		 .class = MAIL_AUTO, .rule = "subject:out-of-office:en"},
		{JANE, .subject = "Jane is out of office", .text = "I am out of the office until May.",
		 .class = MAIL_AUTO, .rule = "text:out-of-office"},
		{JANE, .subject = "Is my out of office on?",
		 .text = "I am on vacation from Monday. Can you see whether it is on?"},
		/* an answer to a mail, about a thing of that name */
		{JANE, .subject = "Abwesenheitsnotiz lässt sich nicht einrichten",
		 .fields = FIELD("References", "<a@shop.example>"), .text = "Seit gestern."},
	};
	check(examples, ARRAY_SIZE(examples));
}

static void bounces_and_feedback(void **state UNUSED)
{
	static const struct example examples[] = {
		/* a report is a report, whatever else it carries */
		{.from = "mailer-daemon@mx.example",
		 .fields = FIELD("X-Servelo-Loop", "notice.AbC"),
		 .media_type = "multipart/report",
		 .report_type = "delivery-status",
		 .class = MAIL_BOUNCE,
		 .rule = "report:delivery-status"},
		{.from = "mailer-daemon@mx.example",
		 .media_type = "multipart/report",
		 .report_type = "delivery-status",
		 .class = MAIL_BOUNCE,
		 .rule = "report:delivery-status"},
		{.from = "x@mx.example",
		 .media_type = "multipart/mixed",
		 .parts = {"text/plain", "message/delivery-status", "message/rfc822"},
		 .class = MAIL_BOUNCE,
		 .rule = "report:delivery-status"},
		/* a report that says of itself that it is automatic is a report */
		{.from = "mailer-daemon@mx.example",
		 .fields = FIELD("Auto-Submitted", "auto-replied"),
		 .subject = "Mail delivery failed",
		 .class = MAIL_BOUNCE,
		 .rule = "bounce:daemon"},
		{.from = "Mailer-Daemon@mx.example",
		 .subject = "Warning: message x delayed 24 hours",
		 .class = MAIL_BOUNCE,
		 .rule = "bounce:daemon"},
		{.from = "postmaster@mx.example",
		 .subject = "Undeliverable: hello",
		 .class = MAIL_BOUNCE,
		 .rule = "bounce:subject"},
		{.from = "postmaster@mx.example",
		 .subject = "E",
		 .reverse_path = REVERSE_PATH_NULL,
		 .text = "Your message did not reach some or all of the intended recipients.",
		 .class = MAIL_BOUNCE,
		 .rule = "bounce:text"},
		{.subject = "failure notice",
		 .fields = FIELD("From", "<>"),
		 .reverse_path = REVERSE_PATH_NULL,
		 .class = MAIL_BOUNCE,
		 .rule = "bounce:subject"},
		{.from = "x@mx.example",
		 .fields = FIELD("X-Failed-Recipients", "a@b.example"),
		 .class = MAIL_BOUNCE,
		 .rule = "x-failed-recipients"},
		{.from = "users-admin@lists.example",
		 .subject = "Your post",
		 .text = "You are not a member of this mailing list.",
		 .class = MAIL_BOUNCE,
		 .rule = "bounce:text"},
		{.from = "no-reply@sns.amazonaws.com",
		 .subject = "AWS Notification Message",
		 .text = "{\"notificationType\":\"Bounce\"}",
		 .class = MAIL_BOUNCE,
		 .rule = "ses-notification"},
		{.from = "no-reply@sns.amazonaws.com",
		 .subject = "AWS Notification Message",
		 .text = "{\"notificationType\":\"Complaint\"}",
		 .class = MAIL_FEEDBACK,
		 .rule = "ses-notification"},
		{.from = "fbl@isp.example",
		 .media_type = "multipart/report",
		 .report_type = "feedback-report",
		 .class = MAIL_FEEDBACK,
		 .rule = "report:feedback-report"},
		{.from = "staff@isp.example",
		 .subject = "complaint about message from 192.0.2.1",
		 .media_type = "multipart/mixed",
		 .parts = {"message/rfc822"},
		 .class = MAIL_FEEDBACK,
		 .rule = "subject:complaint"},
	};
	check(examples, ARRAY_SIZE(examples));
}

static void forwarding_confirmations(void **state UNUSED)
{
	static const struct example examples[] = {
		{.from = "forwarding-noreply@google.com",
		 .subject = "(#123456789) Gmail Forwarding Confirmation - Receive Mail from "
			    "support@shop.example",
		 .text = "please click the link below to confirm the "
			 "request:\nhttps://mail-settings.google.com/mail/vf-x",
		 .class = MAIL_AUTO,
		 .rule = "forward-confirmation",
		 .confirmation = "google"},
		{.from = "forwarding-noreply@google.com",
		 .subject = "(#987654321) Bestätigung der Gmail-Weiterleitung",
		 .text = "Bestätigungscode: 987654321",
		 .class = MAIL_AUTO,
		 .rule = "forward-confirmation",
		 .confirmation = "google"},
		{.from = "noreply@zoho.eu",
		 .subject = "Confirm your email forwarding",
		 .text = "https://mail.zoho.eu/confirm?x",
		 .class = MAIL_AUTO,
		 .rule = "forward-confirmation",
		 .confirmation = "zoho"},
		{.from = "no-reply@cc.yahoo-inc.com",
		 .subject = "Please verify your forwarding address",
		 .text = "Verify: https://login.yahoo.com/x",
		 .class = MAIL_AUTO,
		 .rule = "forward-confirmation",
		 .confirmation = "yahoo"},
		{.from = "forwarding-noreply@google.com",
		 .subject = "(#123456789) Gmail Forwarding Confirmation - Receive Mail from "
			    "jane@customer.example",
		 .text = "jane@customer.example has requested to automatically forward mail to your email "
			 "address acme@tickets.example.\nConfirmation code: 123456789\n\nTo allow "
			 "jane@customer.example to automatically forward mail to your address, please click "
			 "the link below to confirm the "
			 "request:\n\nhttps://mail-settings.google.com/mail/vf-%5BANGjdJ8x%5D-abc\n",
		 .class = MAIL_AUTO,
		 .rule = "forward-confirmation",
		 .confirmation = "google"},
		{.from = "forwarding-noreply@google.com",
		 .subject = "Gmail-Weiterleitungsbestätigung – E-Mails von jane@customer.example erhalten",
		 .text = "jane@customer.example hat angefordert, E-Mails automatisch an Ihre Adresse "
			 "weiterzuleiten. Bestätigungscode: "
			 "123456789\nhttps://mail-settings.google.com/mail/vf-%5BANGjdJ8x%5D-abc\n",
		 .class = MAIL_AUTO,
		 .rule = "forward-confirmation",
		 .confirmation = "google"},
		{.from = "forwarding-noreply@google.com",
		 .subject = "Confirmation de transfert Gmail - Recevoir des e-mails de jane@customer.example",
		 .text = "jane@customer.example souhaite transférer automatiquement ses e-mails à votre "
			 "adresse. Code de confirmation : "
			 "123456789\nhttps://mail-settings.google.com/mail/vf-%5BANGjdJ8x%5D-abc\n",
		 .class = MAIL_AUTO,
		 .rule = "forward-confirmation",
		 .confirmation = "google"},
		{.from = "forwarding-noreply@google.com",
		 .subject = "Confirmación de reenvío de Gmail: recibir correo de jane@customer.example",
		 .text = "jane@customer.example ha solicitado reenviar automáticamente correo a tu "
			 "dirección. Código de confirmación: "
			 "123456789\nhttps://mail-settings.google.com/mail/vf-%5BANGjdJ8x%5D-abc\n",
		 .class = MAIL_AUTO,
		 .rule = "forward-confirmation",
		 .confirmation = "google"},
		{.from = "forwarding-noreply@google.com",
		 .subject = "（#123456789）Gmail 转发确认 - 接收来自 jane@customer.example 的邮件",
		 .text = "jane@customer.example "
			 "请求将邮件自动转发到您的电子邮件地址。确认码：123456789\nhttps://"
			 "mail-settings.google.com/mail/vf-%5BANGjdJ8x%5D-abc\n",
		 .class = MAIL_AUTO,
		 .rule = "forward-confirmation",
		 .confirmation = "google"},
		{.from = "forwarding-noreply@google.com",
		 .subject = "Gmail-edelleenlähetyksen vahvistus",
		 .text = "jane@customer.example on "
			 "pyytänyt\nhttps://mail-settings.google.com/mail/vf-%5BANGjdJ8x%5D-abc\n",
		 .class = MAIL_AUTO,
		 .rule = "forward-confirmation",
		 .confirmation = "google"},
		{.from = "account-security-noreply@accountprotection.microsoft.com",
		 .subject = "Verify your forwarding address",
		 .text = "Mail of jane@outlook.com is to be forwarded to acme@tickets.example. To verify "
			 "this "
			 "address: https://account.live.com/proofs/Verify?x",
		 .class = MAIL_AUTO,
		 .rule = "forward-confirmation",
		 .confirmation = "microsoft"},
		{.from = "no-reply@outlook.com",
		 .subject = "Confirm mail forwarding",
		 .text = "https://outlook.live.com/mail/0/confirm?x",
		 .class = MAIL_AUTO,
		 .rule = "forward-confirmation",
		 .confirmation = "microsoft"},
		{.from = "noreply@zohomail.com",
		 .subject = "Confirmation for Email Forwarding",
		 .text = "jane@customer.example has configured forwarding to acme@tickets.example. "
			 "Verification "
			 "code: 1234567. https://mail.zoho.com/zm/x",
		 .class = MAIL_AUTO,
		 .rule = "forward-confirmation",
		 .confirmation = "zoho"},
		{.from = "support@fastmail.com",
		 .subject = "Confirm forwarding of mail to acme@tickets.example",
		 .text = "To verify that you want this, go to https://www.fastmail.com/action/verify/?x",
		 .class = MAIL_AUTO,
		 .rule = "forward-confirmation",
		 .confirmation = "fastmail"},
		/* customers of the providers who quote one, or look like one */
		{.from = "acme.support@gmail.com",
		 .subject = "Gmail Forwarding Confirmation",
		 .text = "What is this? please confirm https://mail-settings.google.com/mail/vf-x"},
		{.from = "myforwarder@yahoo.com",
		 .subject = "verify forwarding",
		 .text = "https://login.yahoo.com/x"},
		{.from = "no-reply.acme@outlook.com",
		 .subject = "Confirm mail forwarding",
		 .text = "https://outlook.live.com/mail/0/confirm?x",
		 .rule = "no-reply-author"},
		{.from = "forwarding-noreply@gmail.com",
		 .subject = "(#123456789) Gmail Forwarding Confirmation",
		 .text = "https://mail-settings.google.com/mail/vf-x",
		 .rule = "no-reply-author"},
		{JANE, .subject = "Fwd: (#123456789) Gmail Forwarding Confirmation",
		 .text = "From: forwarding-noreply@google.com\nConfirmation code: 123456789\n"
			 "https://mail-settings.google.com/mail/vf-x"},
		{JANE, .subject = "(#123456789) Gmail Forwarding Confirmation",
		 .text = "is this from you?\n> confirm https://mail-settings.google.com/mail/vf-x"},
		/* the right words from somebody else, or the right author with other words */
		{.from = "forwarding-noreply@google.com.evil.example",
		 .subject = "(#123456789) Gmail Forwarding Confirmation",
		 .text = "confirm https://mail-settings.google.com/mail/vf-x",
		 .rule = "no-reply-author"},
		{.from = "forwarding-noreply@evilgoogle.com",
		 .subject = "(#123456789) Gmail Forwarding Confirmation",
		 .text = "confirm https://mail-settings.google.com/mail/vf-x",
		 .rule = "no-reply-author"},
		{.from = "no-reply@accounts.google.com",
		 .subject = "Security alert",
		 .text = "A new sign-in. https://accounts.google.com/x",
		 .rule = "no-reply-author"},
	};
	check(examples, ARRAY_SIZE(examples));
}

#define ANSWER(words)                                                               \
	JANE, .subject = "Declined: Review", .own_words = (words), .text = (words), \
	      .summary =                                                            \
		      "Calendar answer: Bob Roe <bob@customer.example> declined Review, 2026-11-24 10:00."
#define OF_PROGRAM .class = MAIL_AUTO, .rule = "calendar-reply"
#define SUBMITTED  .fields = FIELD("Auto-Submitted", "auto-generated")

/* A person's words in a calendar's answer are a mail like any other; what the calendar adds by itself is none. */
static void calendar_answers(void **state UNUSED)
{
	static const struct example examples[] = {
		{ANSWER("Sorry, can we do it on Tuesday instead?\nThe key is at my neighbour's.")},
		{ANSWER("Accepted, but I come late.")},
		{ANSWER("ok")},
		{ANSWER("When: Friday 10:00\nWhere: Room 5\n\n*~*~*~*~*~*~*~*~*~*\n\nI am ill.\n")},
		{ANSWER("Bob Roe has declined this invitation with this note:\n\n\"I am ill\"\n\nReview\n")},
		{ANSWER("Bob Roe has declined this invitation with this note: \"I am ill\"")},
		{ANSWER("Bob Roe hat diese Einladung mit dieser Notiz abgelehnt: Bin krank")},
		{ANSWER("Bob Roe has declined this invitation with this note:\nI am ill"), SUBMITTED,
		 .rule = "auto-submitted"},
		{JANE, .subject = "Declined: Review", .parts = {"text/plain", "text/calendar"},
		 .own_words = "Tuesday suits me better."},
		{ANSWER(""), OF_PROGRAM},
		{ANSWER(" \n\n "), OF_PROGRAM},
		{ANSWER("Bob Roe has declined this invitation.\n\nReview\nTuesday 10am to 11am\nRoom 5\n\n"
			"Invitation from a calendar: https://calendar.example/\n"),
		 OF_PROGRAM},
		{ANSWER("Bob Roe hat die Einladung abgelehnt"), OF_PROGRAM},
		{ANSWER("jane has declined: Review"), OF_PROGRAM},
		{ANSWER("Your request was declined."), OF_PROGRAM},
		{ANSWER("Review\nWhen: Friday\nWhere: Room 5\n-- --\nhttps://calendar.example/x\n"),
		 OF_PROGRAM},
		{ANSWER("-----Original Appointment-----\nFrom: Acme\nPlease come.\n"), OF_PROGRAM},
		{ANSWER("The room cannot be booked that long."), SUBMITTED, .class = MAIL_AUTO,
		 .rule = "auto-submitted"},
		{ANSWER("I am ill."), .fields = FIELD("X-Servelo-Loop", "answer.AbC"), .class = MAIL_AUTO,
		 .rule = "loop-mark"},
	};
	check(examples, ARRAY_SIZE(examples));
}

/* A table entry that is not folded could never match. */
static void tables_are_folded(void **state UNUSED)
{
	const struct word_rules *const tables[] = {&vacation_subjects, &vacation_texts,    &bounce_subjects,
						   &bounce_texts,      &bounce_weak_texts, &feedback_subjects,
						   &calendar_subjects, &forward_words,     &confirm_words,
						   &absence_nouns,     &absence_words,     &received_words};
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		for (size_t i = 0; i < tables[t]->n; i++) {
			struct str text = str_trim(str_from(tables[t]->items[i].text));
			char buf[128];
			if (!str_eq(text, (struct str){buf, text_fold(text, buf, sizeof(buf))}))
				fail_msg("not folded: \"%s\"", tables[t]->items[i].text);
		}
	}
}

static void hostile_facts(void **state UNUSED)
{
	static char long_text[200000];
	memset(long_text, '<', sizeof(long_text));
	static struct mail_field fields[2000];
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		fields[i] = (struct mail_field){STR("X-A"), {long_text, 1000}};
	struct mail_mailbox author = {{long_text, 5000}, {long_text, 5000}};
	struct mail_facts facts = {.fields = fields,
				   .fields_n = ARRAY_SIZE(fields),
				   .from = {&author, 1},
				   .subject = {long_text, sizeof(long_text)},
				   .text = {long_text, sizeof(long_text)}};
	struct mail_verdict verdict;
	mail_classify(&facts, &verdict);
	assert_int_equal(verdict.class, MAIL_NORMAL);
	assert_true(verdict.answerable);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(normal_mail),
		cmocka_unit_test(automatic_mail),
		cmocka_unit_test(subjects),
		cmocka_unit_test(subjects_with_evidence),
		cmocka_unit_test(bounces_and_feedback),
		cmocka_unit_test(forwarding_confirmations),
		cmocka_unit_test(calendar_answers),
		cmocka_unit_test(tables_are_folded),
		cmocka_unit_test(hostile_facts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
