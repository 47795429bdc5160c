/*
 * A job of each kind with all that a mail can say, without a database: for tests of compose and for the gallery. Its
 * texts are in the language of the mail, so that what is looked at looks like what is sent.
 */
#ifndef SERVELO_TESTS_LIB_SAMPLE_MAIL_H
#define SERVELO_TESTS_LIB_SAMPLE_MAIL_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "outbound/compose.h"
#include "storage/participant.h"

struct sample {
	struct outgoing outgoing;
	struct attachment_row attachments[4];
	struct str thread[4];
	struct composer composer;
	struct key_ring *keys;
	struct templates *templates;
};

static const struct sample_text {
	const char *locale, *tenant, *subject, *client, *name, *agent, *signature, *file, *question, *answer;
} sample_texts[] = {
	{"en", "Acme Bicycles", "Front wheel arrived bent", "jane.doe@example.com", "Jane Doe",
	 "tom@acme-bicycles.example",
	 "Kind regards\nTom Baker\nAcme Bicycles, customer care\nhttps://acme-bicycles.example/help",
	 "photo of the wheel.jpg",
	 "Hello,\n\nmy order 20731 arrived this morning, but the front wheel is bent. I have attached two "
	 "photos.\n\n"
	 "Could you send me a new one? The order is here: "
	 "https://shop.acme-bicycles.example/orders/20731?from=mail&lang=en\n\n"
	 "Best,\nJane",
	 "Hello Jane,\n\nI am sorry about that. A new wheel leaves our workshop today; you will have it by "
	 "Thursday.\n\n"
	 "Please keep the bent one until then:\n  1. put it back into the box,\n  2. stick the label on it "
	 "that is attached."},
	{"de", "Fahrradwerk Süd", "Vorderrad kam verbogen an", "jana.groß@example.com", "Jana Groß",
	 "thomas@fahrradwerk.example",
	 "Mit freundlichen Grüßen\nThomas Bäcker\nFahrradwerk Süd, "
	 "Kundendienst\nhttps://fahrradwerk.example/hilfe",
	 "Foto des Vorderrads – Größe 28.jpg",
	 "Guten Tag,\n\nmeine Bestellung 20731 ist heute früh angekommen, aber das Vorderrad ist verbogen. "
	 "Zwei Fotos hängen an.\n\n"
	 "Können Sie mir ein neues schicken?\n\nViele Grüße\nJana Groß",
	 "Guten Tag Frau Groß,\n\ndas tut uns leid. Ein neues Vorderrad verlässt heute unsere Werkstatt und "
	 "ist spätestens am Donnerstag bei Ihnen.\n\n"
	 "Bitte heben Sie das verbogene bis dahin auf. Das Etikett für die Rücksendung hängt an."},
	{"fr", "Vélos du Midi", "Roue avant livrée voilée", "jeanne.dupont@example.com", "Jeanne Dupont",
	 "thomas@velosdumidi.example", "Bien cordialement,\nThomas Boulanger\nVélos du Midi, service client",
	 "photo de la roue.jpg",
	 "Bonjour,\n\nma commande 20731 est arrivée ce matin, mais la roue avant est voilée. Vous trouverez "
	 "deux photos ci-jointes.\n\n"
	 "Pourriez-vous m’en envoyer une autre ?\n\nBien à vous,\nJeanne Dupont",
	 "Bonjour Madame Dupont,\n\nnous en sommes désolés. Une nouvelle roue part aujourd’hui de notre "
	 "atelier ; vous la recevrez jeudi au plus tard."},
	{"es", "Bicicletas del Sur", "La rueda delantera llegó doblada", "juana.perez@example.com",
	 "Juana Pérez", "tomas@bicicletas.example",
	 "Un saludo cordial\nTomás Panadero\nBicicletas del Sur, atención al cliente", "foto de la rueda.jpg",
	 "Hola:\n\nmi pedido 20731 llegó esta mañana, pero la rueda delantera está doblada. Adjunto dos "
	 "fotos.\n\n"
	 "¿Podrían enviarme otra?\n\nGracias,\nJuana Pérez",
	 "Hola, Juana:\n\nlo sentimos mucho. Hoy sale una rueda nueva de nuestro taller y la tendrá el "
	 "jueves a más tardar."},
	{"zh", "南方自行车", "前轮到货时已弯曲", "li.na@example.com", "李娜", "wang@bicycle.example",
	 "此致\n王伟\n南方自行车客户服务部", "前轮照片.jpg",
	 "您好：\n\n我的订单 20731 "
	 "今天早上已送达，但前轮是弯的。附上两张照片。\n\n请问能否补发一个新的？\n\n谢谢！\n李娜",
	 "李女士，您好：\n\n非常抱歉给您带来不便。新的前轮今天从我们的车间发出，最迟周四送达。"},
};

static const char sample_key[] = "0123456789abcdef0123456789abcdef";

/* The octets of an attachment: part "2" is a text, "3" are 100,000 octets, others are not there. */
static inline int sample_attachment(void *ctx, const struct mail_id *mail, struct str part,
				    struct strbuf *out)
{
	(void)ctx, (void)mail;
	if (str_eq(part, STR("2")))
		return strbuf_add(out, STR("Return label\r\nOrder 20731\r\n")) < 0 ? -EMSGSIZE : 0;
	if (!str_eq(part, STR("3")))
		return -ENOENT;
	for (int i = 0; i < 100000; i++) {
		if (strbuf_addc(out, (char)(i * 7 % 256)) < 0)
			return -EMSGSIZE;
	}
	return 0;
}

/* folder: of the operator's templates, or "". Ends the program when it can't. */
static inline void sample_init(struct sample *sample, const char *folder)
{
	struct conf_error error;
	memset(sample, 0, sizeof(*sample));
	if (templates_open(&sample->templates, folder, &error) < 0) {
		fprintf(stderr, "%s\n", error.text);
		exit(1);
	}
	if (key_ring_new(&sample->keys, &(struct str){sample_key, sizeof(sample_key) - 1}, 1) < 0)
		abort();
	sample->composer = (struct composer){
		.keys = sample->keys,
		.domain = "serveloapp.example",
		.hostname = "mx.serveloapp.example",
		.templates = sample->templates,
		.attachment = sample_attachment,
		.attachments_max = 18 * 1024 * 1024,
		.now_ms = INT64_C(1790000000000),
	};
}

static inline void sample_done(struct sample *sample)
{
	sample->templates = templates_unref(sample->templates);
	sample->keys = key_ring_unref(sample->keys);
}

static inline bool sample_to_customer(enum outbox_kind kind)
{
	return kind == OUTBOX_CONFIRM || kind == OUTBOX_ANSWER;
}

static inline void sample_attachments(struct sample *sample, const struct sample_text *text,
				      enum outbox_kind kind)
{
	struct attachment_row *rows = sample->attachments;
	rows[0] = (struct attachment_row){1,  STR("2"), STR("label.txt"), STR("text/plain"), STR(""), STR(""),
					  27, false,    STR("")};
	rows[1] = (struct attachment_row){
		2,     STR("3"), str_from(text->file), STR("image/jpeg"), STR(""), STR(""), 100000,
		false, STR("")};
	rows[2] = (struct attachment_row){
		3,          STR("4"), STR("invoice.exe"), STR("application/octet-stream"), STR(""), STR(""),
		248 * 1024, false,    STR("blocked type")};
	rows[3] = (struct attachment_row){4,
					  STR("5"),
					  STR("film.mov"),
					  STR("video/quicktime"),
					  STR(""),
					  STR(""),
					  INT64_C(31) * 1024 * 1024,
					  false,
					  STR("too big")};
	sample->outgoing.attachments = rows;
	sample->outgoing.attachments_n = kind == OUTBOX_NOTIFY_TICKET || kind == OUTBOX_ANSWER ? 4 : 0;
}

/* Sets sample->outgoing up as a job of this kind in this language. */
static inline void sample_job(struct sample *sample, enum outbox_kind kind, const char *locale)
{
	const struct sample_text *text = &sample_texts[0];
	struct outgoing *out = &sample->outgoing;
	for (size_t i = 0; i < ARRAY_SIZE(sample_texts); i++) {
		if (!strcmp(sample_texts[i].locale, locale))
			text = &sample_texts[i];
	}
	memset(out, 0, sizeof(*out));
	struct str client = str_from(text->client), agent = str_from(text->agent);
	out->job = (struct outbox_row){
		.id = {4711},
		.kind = kind,
		.state = OUTBOX_CLAIMED,
		.tenant = {1},
		.ticket = {kind == OUTBOX_FORWARDING ? 0 : 7},
		.comment = {9},
		.participant = kind == OUTBOX_FORWARDING  ? 0
			       : sample_to_customer(kind) ? PARTICIPANT_REQUESTER
							  : PARTICIPANT_TEAM,
		.recipient = sample_to_customer(kind) ? client : STR("team@acme.example"),
		.mailbox = kind == OUTBOX_FORWARDING ? STR("Google") : STR(""),
		.header_message_id = STR("QAAqAAAAAAAAAGMzQ1Fq@serveloapp.example"),
		.text = kind == OUTBOX_NOTIFY_FAILURE ? STR("550 5.1.1 <jane.doe@example.com>: Recipient "
							    "address rejected: User unknown")
			: kind == OUTBOX_FORWARDING
				? STR("team@acme.example has requested to automatically forward mail to "
				      "you.\n\nConfirmation code: 492817365\n\nTo allow this, please click "
				      "the link "
				      "below:\n\nhttps://mail-settings.google.com/mail/vf-%5BANGjdJ8%5D-Q1")
				: STR(""),
		.created_ms = INT64_C(1790000000000),
		.due_ms = INT64_C(1790000000000),
	};
	out->tenant = (struct tenant_row){.id = {1},
					  .slug = STR("acme"),
					  .name = str_from(text->tenant),
					  .reference_prefix = STR("ACME"),
					  .admin_email = STR("team@acme.example"),
					  .notify_email = STR(""),
					  .locale = str_from(locale),
					  .signature = str_from(text->signature),
					  .logo_url = STR("")};
	out->ticket =
		(struct ticket_row){.id = {kind == OUTBOX_FORWARDING ? 0 : 7},
				    .tenant = {1},
				    .number = 42,
				    .reference = kind == OUTBOX_FORWARDING ? STR("") : STR("ACME-00042"),
				    .subject = str_from(text->subject),
				    .status = TICKET_WAITING_ON_AGENT,
				    .addressed_to = STR("support@acme.example")};
	out->requester_address = client;
	out->requester_name = str_from(text->name);
	bool by_agent = kind == OUTBOX_ANSWER, by_stranger = kind == OUTBOX_NOTIFY_COMMENT;
	out->comment = (struct comment_row){
		.id = {9},
		.ticket = {7},
		.tenant = {1},
		.author_kind = by_agent ? COMMENT_BY_AGENT : COMMENT_BY_CLIENT,
		.author = {by_agent || by_stranger ? 0 : 3},
		.author_address = by_agent      ? agent
				  : by_stranger ? STR("noreply@verify.example")
						: client,
		.visibility = by_stranger ? COMMENT_INTERNAL : COMMENT_PUBLIC,
		.text = str_from(by_agent ? text->answer : text->question),
		.note = kind == OUTBOX_NOTIFY_TICKET
				? STR("2 attachments are left out; the original holds them.")
				: STR("")};
	out->comment_author_name = by_agent || by_stranger ? STR("") : str_from(text->name);
	out->comment_mail = (struct mail_id){"0123456789abcdefgh"};
	sample->thread[0] = STR("CAF0001@mail.example.com");
	sample->thread[1] = STR("second.mail@example.com");
	out->thread = sample->thread;
	out->thread_n = 2;
	sample_attachments(sample, text, kind);
}

#endif
