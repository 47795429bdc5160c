/*
 * The tables of quote.c. A line's language is not known, so all languages are tried; what is short enough to
 * stand in normal sentences counts only together with other evidence (quote.c). Sources are the programs' own
 * translations (Gmail, Outlook, Apple Mail, Thunderbird, Yahoo, Lotus Notes) as they appear in mail. Pure.
 */
#include "ingest/quote_tables.h"

#include <assert.h>
#include <pthread.h>

#include "ingest/phrase_set.h"
#include "ingest/text_fold.h"

static const char *const attribution_starts[] = {
	"on ", /* English */
	"am ",
	"auf ",
	"um ", /* German */
	"le ",
	"en date du ", /* French */
	"el ",
	"con fecha ", /* Spanish, Catalan */
	"il ",
	"in data ",
	"il giorno ",
	"alle ", /* Italian */
	"em ",
	"no dia ",
	"a ",
	"aos ", /* Portuguese, Catalan */
	"op ",
	"in een bericht van ", /* Dutch */
	"den ",
	"på ",
	"fre ",
	"mån ",
	"tis ",
	"ons ",
	"tors ",
	"lör ",
	"sön ",
	"d. ", /* Nordic */
	"ma ",
	"ti ",
	"ke ",
	"to ",
	"pe ",
	"la ",
	"su ", /* Finnish weekdays */
	"w dniu ",
	"wiadomość napisana przez ",
	"dnia ",
	"pon., ",
	"wt., ",
	"śr., ",
	"czw., ",
	"pt., ",
	"sob., ",
	"niedz., ", /* Polish */
	"dne ",
	"dňa ",
	"po ",
	"út ",
	"st ",
	"čt ",
	"pá ",
	"so ",
	"ne ",
	"ut ",
	"št ",
	"pi ", /* Czech, Slovak */
	"în data ",
	"in data de ",
	"pe data ",
	"mie., ",
	"lun., ",
	"mar., ",
	"joi, ",
	"vin., ",
	"sâm., ",
	"dum., ",
	"dana ",
	"u ",
	"ned, ",
	"pon, ",
	"uto, ",
	"sri, ",
	"čet, ",
	"pet, ",
	"sub, ",
	"v ",
	"v v ", /* South Slavic */
	"на ",
	"в ",
	"пн, ",
	"вт, ",
	"ср, ",
	"чт, ",
	"пт, ",
	"сб, ",
	"вс, ",
	"пт., ",
	"нд, ",
	"пон, ",
	"нед, ",
	"στις ",
	"την ",
	"στις", /* Greek */
	"בתאריך ",
	"ב-",
	"ב", /* Hebrew */
	"في ",
	"بتاريخ ",
	"در ",
	"در تاریخ ", /* Arabic, Persian */
	"vào ",
	"lúc ",
	"ngày ", /* Vietnamese */
	"pada ",
	"pada tanggal ",
	"pada hari ", /* Indonesian, Malay */
	"เมื่อ",
	"ในวันที่",
	"วัน", /* Thai */
	"在 ",
	"在",
	"于",
	"於 ",
	"於",
	"星期", /* Chinese */
	"noong ",
	"sa ", /* Filipino */
	"þann ",
	"kuupäeval ",
	"otrd., ",
	"trešd., ",
	"piektd., ", /* Icelandic, Baltic */
	"ar ",
	"(e)k hau idatzi du ", /* Welsh, Basque */
	"уто, ",
	"сре, ",
	"чет, ",
	"пет, ",
	"суб, ",        /* Serbian */
	"missatge de ", /* Catalan */
};

static const char *const wrote[] = {
	"wrote",
	"writes",
	"sent",
	"said", /* English */
	"schrieb",
	"schrieben",
	"geschrieben", /* German */
	"a écrit",
	"écrit",
	"a ecrit",
	"a envoyé", /* French */
	"escribió",
	"escribio",
	"escribiste",
	"va escriure",
	"ha escrit",
	"escribiu", /* Spanish, Catalan, Galician */
	"ha scritto",
	"scrive",
	"scrisse",
	"hanno scritto", /* Italian */
	"escreveu",
	"escreve", /* Portuguese */
	"schreef",
	"heeft het volgende geschreven",
	"het volgende geschreven", /* Dutch */
	"skrev",
	"skrev følgende",
	"skriver",
	"skreiv", /* Swedish, Danish, Norwegian */
	"kirjoitti",
	"kirjutas",
	"skrifaði",
	"rakstīja",
	"rašė",
	"parašė", /* Finnish, Baltic, Icelandic */
	"napisana przez",
	"napisał",
	"napisała",
	"napisał(a)",
	"napisał/a",
	"pisze", /* Polish */
	"napsal",
	"napsala",
	"napsal(a)",
	"napísal",
	"napísala",
	"napísal(a)",
	"napsal/a", /* Czech, Slovak */
	"ezt írta",
	"írta",
	"a következőt írta", /* Hungarian */
	"a scris",
	"a scris:", /* Romanian */
	"je napisao",
	"je napisala",
	"je napisao/la",
	"napisao je",
	"napisala je",
	"je napisal",
	"je napisal/a",
	"piše",
	"napisao",
	"napisal",
	"je napisao(la)",
	"napisala", /* South Slavic */
	"је написао",
	"је написала",
	"написао је",
	"написала је",
	"је написао/ла",
	"је написала/о",
	"je napisao/la",
	"napisala/o", /* Serbian, Slovenian */
	"ने लिखा",
	"লিখেছেন",
	"எழுதியது", /* Hindi, Bengali, Tamil */
	"missatge de",
	"shkroi",
	"yazıb",
	"დაწერა",
	"գրել է",
	"het geskryf",
	"aliandika", /* Catalan, Albanian, Azerbaijani, Georgian, Armenian, Afrikaans, Swahili */
	"пишет",
	"написал",
	"написала",
	"написал(а)",
	"писал",
	"писал(а)", /* Russian */
	"пише",
	"написав",
	"написала",
	"написав(-ла)",
	"написав(ла)",
	"пише:", /* Ukrainian */
	"написа",
	"напиша", /* Bulgarian, Macedonian */
	"έγραψε",
	"έγραψε/α", /* Greek */
	"şunu yazdı",
	"yazdı",
	"şunları yazdı", /* Turkish */
	"כתב",
	"כתבה",
	"כתב/ה",
	"מאת", /* Hebrew */
	"كتب",
	"كتبت",
	"نوشت",
	"نوشته", /* Arabic, Persian */
	"đã viết",
	"viết", /* Vietnamese */
	"menulis",
	"menulis:", /* Indonesian, Malay */
	"เขียนว่า",
	"เขียน", /* Thai */
	"写道",
	"寫道",
	"撰写",
	"写到",
	"來信",
	"写", /* Chinese */
	"書きました",
	"のメール",
	"のメッセージ",
	"wrote", /* Japanese */
	"작성",
	"님이 쓴 글",
	"님이 작성",
	"님의 말", /* Korean */
	"sumulat",
	"isinulat",
	"idatzi du",
	"idatzi zuen",
	"ysgrifennodd",
	"ha escrit el següent",
};

static const struct {
	const char *text;
	enum quote_phrase phrase;
} phrases[] = {
	{"original message", PHRASE_ORIGINAL},
	{"original mail", PHRASE_ORIGINAL},
	{"original email", PHRASE_ORIGINAL},
	{"original e-mail", PHRASE_ORIGINAL},
	{"original appointment", PHRASE_ORIGINAL},
	{"původní e-mail", PHRASE_ORIGINAL},
	{"původní email", PHRASE_ORIGINAL},
	{"pôvodný e-mail", PHRASE_ORIGINAL},
	{"originele bericht", PHRASE_ORIGINAL},
	{"원본 이메일", PHRASE_ORIGINAL},
	{"reply message", PHRASE_ORIGINAL},
	{"replied message", PHRASE_ORIGINAL},
	{"in reply to", PHRASE_ORIGINAL},
	{"previous message", PHRASE_ORIGINAL},
	{"quoted message", PHRASE_ORIGINAL},
	{"ursprüngliche nachricht", PHRASE_ORIGINAL},
	{"ursprungliche nachricht", PHRASE_ORIGINAL},
	{"originalnachricht", PHRASE_ORIGINAL},
	{"original-nachricht", PHRASE_ORIGINAL},
	{"original nachricht", PHRASE_ORIGINAL},
	{"antwort nachricht", PHRASE_ORIGINAL},
	{"ursprünglicher termin", PHRASE_ORIGINAL},
	{"message d'origine", PHRASE_ORIGINAL},
	{"message original", PHRASE_ORIGINAL},
	{"message initial", PHRASE_ORIGINAL},
	{"rendez-vous d'origine", PHRASE_ORIGINAL},
	{"mensaje original", PHRASE_ORIGINAL},
	{"cita original", PHRASE_ORIGINAL},
	{"missatge original", PHRASE_ORIGINAL},
	{"messaggio originale", PHRASE_ORIGINAL},
	{"messaggio original", PHRASE_ORIGINAL},
	{"mensagem original", PHRASE_ORIGINAL},
	{"mensaxe orixinal", PHRASE_ORIGINAL},
	{"jatorrizko mezua", PHRASE_ORIGINAL},
	{"oorspronkelijk bericht", PHRASE_ORIGINAL},
	{"origineel bericht", PHRASE_ORIGINAL},
	{"oorspronkelijke afspraak", PHRASE_ORIGINAL},
	{"ursprungligt meddelande", PHRASE_ORIGINAL},
	{"originalmeddelande", PHRASE_ORIGINAL},
	{"oprindelig meddelelse", PHRASE_ORIGINAL},
	{"oprindelig besked", PHRASE_ORIGINAL},
	{"oprindelig mail", PHRASE_ORIGINAL},
	{"original besked", PHRASE_ORIGINAL},
	{"opprinnelig e-post", PHRASE_ORIGINAL},
	{"original e-post", PHRASE_ORIGINAL},
	{"original meddelelse", PHRASE_ORIGINAL},
	{"opprinnelig melding", PHRASE_ORIGINAL},
	{"opprinneleg melding", PHRASE_ORIGINAL},
	{"alkuperäinen viesti", PHRASE_ORIGINAL},
	{"upprunaleg skilaboð", PHRASE_ORIGINAL},
	{"algne teade", PHRASE_ORIGINAL},
	{"algsõnum", PHRASE_ORIGINAL},
	{"oriģinālais ziņojums", PHRASE_ORIGINAL},
	{"sākotnējais ziņojums", PHRASE_ORIGINAL},
	{"originalus laiškas", PHRASE_ORIGINAL},
	{"pradinis laiškas", PHRASE_ORIGINAL},
	{"oryginalna wiadomość", PHRASE_ORIGINAL},
	{"wiadomość oryginalna", PHRASE_ORIGINAL},
	{"wiadomość pierwotna", PHRASE_ORIGINAL},
	{"původní zpráva", PHRASE_ORIGINAL},
	{"pôvodná správa", PHRASE_ORIGINAL},
	{"eredeti üzenet", PHRASE_ORIGINAL},
	{"mesaj original", PHRASE_ORIGINAL},
	{"mesajul original", PHRASE_ORIGINAL},
	{"mesaj initial", PHRASE_ORIGINAL},
	{"izvorna poruka", PHRASE_ORIGINAL},
	{"originalna poruka", PHRASE_ORIGINAL},
	{"izvirno sporočilo", PHRASE_ORIGINAL},
	{"оригинална порука", PHRASE_ORIGINAL},
	{"оригинално съобщение", PHRASE_ORIGINAL},
	{"първоначално съобщение", PHRASE_ORIGINAL},
	{"исходное сообщение", PHRASE_ORIGINAL},
	{"оригинальное сообщение", PHRASE_ORIGINAL},
	{"первоначальное сообщение", PHRASE_ORIGINAL},
	{"исходное письмо", PHRASE_ORIGINAL},
	{"вихідне повідомлення", PHRASE_ORIGINAL},
	{"оригінальне повідомлення", PHRASE_ORIGINAL},
	{"початкове повідомлення", PHRASE_ORIGINAL},
	{"αρχικό μήνυμα", PHRASE_ORIGINAL},
	{"orijinal mesaj", PHRASE_ORIGINAL},
	{"özgün ileti", PHRASE_ORIGINAL},
	{"orijinal ileti", PHRASE_ORIGINAL},
	{"הודעה מקורית", PHRASE_ORIGINAL},
	{"ההודעה המקורית", PHRASE_ORIGINAL},
	{"الرسالة الأصلية", PHRASE_ORIGINAL},
	{"رسالة أصلية", PHRASE_ORIGINAL},
	{"پیام اصلی", PHRASE_ORIGINAL},
	{"thư gốc", PHRASE_ORIGINAL},
	{"tin nhắn gốc", PHRASE_ORIGINAL},
	{"pesan asli", PHRASE_ORIGINAL},
	{"mesej asal", PHRASE_ORIGINAL},
	{"ข้อความต้นฉบับ", PHRASE_ORIGINAL},
	{"ข้อความเดิม", PHRASE_ORIGINAL},
	{"原始邮件", PHRASE_ORIGINAL},
	{"原邮件", PHRASE_ORIGINAL},
	{"原始郵件", PHRASE_ORIGINAL},
	{"原始信件", PHRASE_ORIGINAL},
	{"原文", PHRASE_ORIGINAL},
	{"邮件原件", PHRASE_ORIGINAL},
	{"回复的原邮件", PHRASE_ORIGINAL},
	{"元のメッセージ", PHRASE_ORIGINAL},
	{"元のメール", PHRASE_ORIGINAL},
	{"원본 메시지", PHRASE_ORIGINAL},
	{"원본 메일", PHRASE_ORIGINAL},
	{"원본메시지", PHRASE_ORIGINAL},
	{"forwarded message", PHRASE_FORWARD},
	{"begin forwarded message", PHRASE_FORWARD},
	{"forwarded by", PHRASE_FORWARD},
	{"forwarded mail", PHRASE_FORWARD},
	{"forwarded email", PHRASE_FORWARD},
	{"forward message", PHRASE_FORWARD},
	{"weitergeleitete nachricht", PHRASE_FORWARD},
	{"weitergeleitete mail", PHRASE_FORWARD},
	{"anfang der weitergeleiteten", PHRASE_FORWARD},
	{"weitergeleitet von", PHRASE_FORWARD},
	{"message transféré", PHRASE_FORWARD},
	{"message réexpédié", PHRASE_FORWARD},
	{"début du message", PHRASE_FORWARD},
	{"transféré par", PHRASE_FORWARD},
	{"mensaje reenviado", PHRASE_FORWARD},
	{"inicio del mensaje reenviado", PHRASE_FORWARD},
	{"missatge reenviat", PHRASE_FORWARD},
	{"messaggio inoltrato", PHRASE_FORWARD},
	{"inizio messaggio inoltrato", PHRASE_FORWARD},
	{"messaggio rinviato", PHRASE_FORWARD},
	{"mensagem encaminhada", PHRASE_FORWARD},
	{"mensagem reencaminhada", PHRASE_FORWARD},
	{"início da mensagem", PHRASE_FORWARD},
	{"doorgestuurd bericht", PHRASE_FORWARD},
	{"begin doorgestuurd bericht", PHRASE_FORWARD},
	{"vidarebefordrat meddelande", PHRASE_FORWARD},
	{"vidarebefordrat mejl", PHRASE_FORWARD},
	{"vidarebefordrat brev", PHRASE_FORWARD},
	{"videresendt meddelelse", PHRASE_FORWARD},
	{"videresendt besked", PHRASE_FORWARD},
	{"videresendt melding", PHRASE_FORWARD},
	{"videresendt e-post", PHRASE_FORWARD},
	{"start på videresendt", PHRASE_FORWARD},
	{"välitetty viesti", PHRASE_FORWARD},
	{"edelleenlähetetty viesti", PHRASE_FORWARD},
	{"framsend skilaboð", PHRASE_FORWARD},
	{"edastatud kiri", PHRASE_FORWARD},
	{"pārsūtītā ziņa", PHRASE_FORWARD},
	{"persiųstas laiškas", PHRASE_FORWARD},
	{"wiadomość przekazana", PHRASE_FORWARD},
	{"przekazana wiadomość", PHRASE_FORWARD},
	{"początek przekazywanej", PHRASE_FORWARD},
	{"treść przekazanej wiadomości", PHRASE_FORWARD},
	{"přeposlaná zpráva", PHRASE_FORWARD},
	{"začátek přeposílané", PHRASE_FORWARD},
	{"preposlaná správa", PHRASE_FORWARD},
	{"továbbított üzenet", PHRASE_FORWARD},
	{"továbbított levél", PHRASE_FORWARD},
	{"mesaj redirecționat", PHRASE_FORWARD},
	{"mesaj redirecţionat", PHRASE_FORWARD},
	{"proslijeđena poruka", PHRASE_FORWARD},
	{"prosleđena poruka", PHRASE_FORWARD},
	{"posredovano sporočilo", PHRASE_FORWARD},
	{"препратено съобщение", PHRASE_FORWARD},
	{"пересылаемое сообщение", PHRASE_FORWARD},
	{"пересланное сообщение", PHRASE_FORWARD},
	{"пересылаемое письмо", PHRASE_FORWARD},
	{"переадресованное сообщение", PHRASE_FORWARD},
	{"начало переадресованного", PHRASE_FORWARD},
	{"переслане повідомлення", PHRASE_FORWARD},
	{"пересланий лист", PHRASE_FORWARD},
	{"προωθημένο μήνυμα", PHRASE_FORWARD},
	{"iletilen ileti", PHRASE_FORWARD},
	{"iletilmiş mesaj", PHRASE_FORWARD},
	{"yönlendirilen ileti", PHRASE_FORWARD},
	{"yönlendirilmiş ileti", PHRASE_FORWARD},
	{"הודעה שהועברה", PHRASE_FORWARD},
	{"הודעה מועברת", PHRASE_FORWARD},
	{"رسالة مُعاد توجيهها", PHRASE_FORWARD},
	{"رسالة معاد توجيهها", PHRASE_FORWARD},
	{"پیام هدایت شده", PHRASE_FORWARD},
	{"thư đã chuyển tiếp", PHRASE_FORWARD},
	{"pesan terusan", PHRASE_FORWARD},
	{"pesan yang diteruskan", PHRASE_FORWARD},
	{"ข้อความที่ส่งต่อ", PHRASE_FORWARD},
	{"转发的邮件", PHRASE_FORWARD},
	{"转发邮件", PHRASE_FORWARD},
	{"转发的消息", PHRASE_FORWARD},
	{"轉寄郵件", PHRASE_FORWARD},
	{"轉寄的郵件", PHRASE_FORWARD},
	{"以下是轉寄", PHRASE_FORWARD},
	{"下面是被转发的邮件", PHRASE_FORWARD},
	{"転送されたメッセージ", PHRASE_FORWARD},
	{"転送メッセージ", PHRASE_FORWARD},
	{"転送メール", PHRASE_FORWARD},
	{"전달된 메시지", PHRASE_FORWARD},
	{"전달된 메일", PHRASE_FORWARD},
};

/* Anywhere in a line, which is dashed or stands alone. */
static const char *const above_phrases[] = {
	"above this line",
	"above the line",
	"above this dotted line",
	"above the dotted line",
	"reply above",
	"oberhalb dieser zeile",
	"oberhalb dieser linie",
	"über dieser zeile",
	"über dieser linie",
	"oberhalb dieser",
	"au-dessus de cette ligne",
	"encima de esta línea",
	"arriba de esta línea",
	"sobre esta línea",
	"sopra questa riga",
	"sopra questa linea",
	"acima desta linha",
	"antwoord boven deze",
	"boven deze regel",
	"boven deze lijn",
	"ovanför den här raden",
	"ovanför denna rad",
	"ovanför den här linjen",
	"over denne linje",
	"over denne linjen",
	"ovenfor denne linje",
	"tämän rivin yläpuolel",
	"viivan yläpuolel",
	"powyżej tego wiersza",
	"powyżej tej linii",
	"nad tą linią",
	"nad tento řádek",
	"nad tímto řádkem",
	"nad tento riadok",
	"e sor fölé",
	"a vonal fölé",
	"deasupra acestei linii",
	"deasupra acestui rând",
	"iznad ove linije",
	"iznad ovog retka",
	"nad to vrstico",
	"выше этой строки",
	"выше этой линии",
	"над этой чертой",
	"над этой строкой",
	"вище цього рядка",
	"над цим рядком",
	"над този ред",
	"πάνω από αυτή τη γραμμή",
	"πάνω από αυτήν τη γραμμή",
	"bu satırın üst",
	"bu satırın üzerin",
	"bu çizginin üzerin",
	"מעל שורה זו",
	"מעל לשורה זו",
	"فوق هذا السطر",
	"بالای این خط",
	"phía trên dòng này",
	"di atas baris ini",
	"di atas garis ini",
	"เหนือบรรทัดนี้",
	"此行上方",
	"此行之上",
	"此线上方",
	"此行以上",
	"這行上方",
	"此行上面",
	"この行より上",
	"この線より上",
	"この行の上",
	"이 줄 위",
	"이 줄 위에",
	"이 선 위",
};

static const struct {
	enum quote_header header;
	const char *names[64];
} headers[] = {
	{HEADER_FROM,
	 {"from",      "von",        "de",          "da",        "van",         "från",        "fra",
	  "lähettäjä", "od",         "feladó",      "from name", "de la",       "expéditeur",  "remitente",
	  "mittente",  "remetente",  "afzender",    "avsändare", "afsender",    "avsender",    "absender",
	  "nadawca",   "odesílatel", "odosielateľ", "від",       "от",          "отправитель", "від кого",
	  "от кого",   "кой",        "από",         "kimden",    "gönderen",    "מאת",         "من",
	  "از",        "từ",         "dari",        "จาก",       "发件人",      "寄件者",      "寄件人",
	  "差出人",    "送信者",     "보낸 사람",   "보낸사람",  "발신자",      "발신",        "发自",
	  "saatja",    "no",         "nuo",         "frá",       "pošiljatelj", "šalje",       "expeditor",
	  "reply-to",  "nga",        "nguoi gui",   "người gửi", "sender",      "from:",       "od:"}},
	{HEADER_DATE,
	 {"sent",
	  "date",
	  "gesendet",
	  "datum",
	  "envoyé",
	  "envoyé le",
	  "enviado",
	  "enviado el",
	  "enviado em",
	  "fecha",
	  "inviato",
	  "data",
	  "verzonden",
	  "skickat",
	  "sendt",
	  "dato",
	  "lähetetty",
	  "päiväys",
	  "wysłano",
	  "wysłane",
	  "odesláno",
	  "odoslané",
	  "elküldve",
	  "dátum",
	  "trimis",
	  "poslano",
	  "poslato",
	  "отправлено",
	  "дата",
	  "отправлен",
	  "надіслано",
	  "изпратено",
	  "στάλθηκε",
	  "ημερομηνία",
	  "gönderildi",
	  "tarih",
	  "gönderme tarihi",
	  "נשלח",
	  "תאריך",
	  "أرسلت",
	  "تاریخ",
	  "التاريخ",
	  "تم الإرسال",
	  "đã gửi",
	  "ngày",
	  "dikirim",
	  "tanggal",
	  "ส่งเมื่อ",
	  "发送时间",
	  "日期",
	  "发送日期",
	  "寄件日期",
	  "傳送日期",
	  "日時",
	  "送信日時",
	  "보낸 날짜",
	  "날짜",
	  "saadetud",
	  "nosūtīts",
	  "išsiųsta",
	  "enviada",
	  "date sent",
	  "envoyée",
	  "fecha de envío"}},
	{HEADER_TO,
	 {"to",
	  "an",
	  "à",
	  "a",
	  "para",
	  "aan",
	  "till",
	  "til",
	  "vastaanottaja",
	  "do",
	  "komu",
	  "címzett",
	  "către",
	  "catre",
	  "za",
	  "prima",
	  "кому",
	  "до",
	  "до кого",
	  "προς",
	  "kime",
	  "alıcı",
	  "אל",
	  "إلى",
	  "به",
	  "đến",
	  "tới",
	  "kepada",
	  "ถึง",
	  "收件人",
	  "收件者",
	  "宛先",
	  "받는 사람",
	  "받는사람",
	  "받은 사람",
	  "수신자",
	  "destinataire",
	  "destinatario",
	  "destinatário",
	  "ontvanger",
	  "empfänger",
	  "adresat",
	  "příjemce",
	  "mottagare",
	  "modtager",
	  "mottaker",
	  "per",
	  "kam",
	  "kam:",
	  "kellele",
	  "kas",
	  "i",
	  "pour",
	  "naar",
	  "prejemnik",
	  "primatelj",
	  "per conto di"}},
	{HEADER_CC, {"cc",    "kopie", "copie à", "copie",   "cópia", "kopia", "kopi", "másolat", "копия",
		     "копія", "κοιν",  "bilgi",   "עותק",    "نسخة",  "抄送",  "副本", "참조",    "kopio",
		     "dw",    "bcc",   "cc:",     "в копии", "copia", "kópia", "sao"}},
	{HEADER_SUBJECT,
	 {"subject",  "betreff", "objet",    "asunto",  "oggetto", "assunto", "onderwerp",  "ämne",
	  "emne",     "aihe",    "temat",    "předmět", "predmet", "tárgy",   "subiect",    "zadeva",
	  "naslov",   "тема",    "относно",  "предмет", "θέμα",    "konu",    "נושא",       "الموضوع",
	  "موضوع",    "chủ đề",  "tiêu đề",  "subjek",  "perihal", "เรื่อง",    "หัวเรื่อง",     "主题",
	  "主旨",     "主題",    "件名",     "제목",    "teema",   "temats",  "tēma",       "tema",
	  "assumpte", "gaia",    "efni",     "pwnc",    "paksa",   "sujet",   "onderwerp:", "re",
	  "asunto:",  "subjekt", "predmet:", "onderw.", "ogg"}},
	{HEADER_OTHER,
	 {"reply to", "attachments", "importance", "message du", "date d'envoi", "anlagen", "priority", "cc",
	  "organization", "list-id", "message-id", "x-mailer", "anhänge", "wichtigkeit", "bijlagen",
	  "categories", "allegati"}},
};

/* Whole lines; "*" stands for one to five words. */
static const char *const footers[] = {
	"sent from my *",
	"sent via *",
	"sent with *",
	"sent using *",
	"sent by *mail",
	"sent from * for *",
	"sent from mail for windows",
	"sent from outlook*",
	"sent from yahoo mail*",
	"sent from gmail*",
	"sent from mobile*",
	"sent from samsung*",
	"sent from typeapp",
	"sent from bluemail*",
	"sent from proton*",
	"sent from spark",
	"sent from front",
	"sent from newton*",
	"sent from airmail*",
	"sent from postbox",
	"sent from nine",
	"sent from aqua mail*",
	"sent from a mobile*",
	"sent from the *",
	"sent from myphone",
	"sent from iphone",
	"sent from ipad",
	"sent from android",
	"sent from blackberry",
	"sent from *ios",
	"sent from tutanota",
	"sent from zoho*",
	"sent from fastmail*",
	"sent from edison*",
	"sent from acompli",
	"sent on the go*",
	"sent on the run",
	"sent while mobile",
	"typed on my *",
	"sent in haste from *",
	"get outlook for *",
	"get bluemail for *",
	"get boxer",
	"get typeapp*",
	"sendt fra *",
	"sent secured by *",
	"gesendet von *",
	"gesendet mit *",
	"von meinem * gesendet",
	"von meinem * aus gesendet",
	"diese nachricht wurde von meinem * gesendet",
	"outlook für * beziehen",
	"holen sie sich outlook für *",
	"laden sie outlook für *",
	"envoyé de mon *",
	"envoyé depuis mon *",
	"envoyé à partir de *",
	"envoyé depuis *",
	"envoyé via *",
	"envoyé avec *",
	"télécharger outlook pour *",
	"obtenir outlook pour *",
	"enviado desde mi *",
	"enviado desde *",
	"enviado con *",
	"enviat des *",
	"obtener outlook para *",
	"enviado do meu *",
	"enviado do *",
	"enviado a partir *",
	"enviado via *",
	"enviada do *",
	"obter o outlook para *",
	"inviato da *",
	"inviato dal mio *",
	"inviato con *",
	"ottieni outlook per *",
	"scarica outlook per *",
	"verzonden vanaf *",
	"verstuurd vanaf *",
	"verzonden met *",
	"verstuurd met *",
	"verzonden via *",
	"outlook voor * downloaden",
	"skickat från *",
	"skickat med *",
	"skaffa outlook för *",
	"hämta outlook för *",
	"sendt via *",
	"sendt med *",
	"hent outlook til *",
	"skaff deg outlook for *",
	"hent outlook for *",
	"lähetetty *",
	"hanki outlook *",
	"wysłane z *",
	"wysłano z *",
	"wysłano za pomocą *",
	"pobierz outlook dla *",
	"uzyskaj outlook dla *",
	"odesláno z *",
	"odesláno ze *",
	"odoslané z *",
	"odoslané zo *",
	"stáhnout outlook pro *",
	"elküldve *",
	"küldve *",
	"elküldve az iphone-omról",
	"trimis de pe *",
	"trimis din *",
	"poslano iz *",
	"poslano s *",
	"poslano sa *",
	"poslato sa *",
	"отправлено с *",
	"отправлено из *",
	"отправлено через *",
	"надіслано з *",
	"надіслано із *",
	"изпратено от *",
	"στάλθηκε από *",
	"αποστολή από *",
	"iphone'umdan gönderildi",
	"ipad'imden gönderildi",
	"נשלח מה*",
	"נשלח מ*",
	"أرسلت من *",
	"أُرسلت من *",
	"مرسل من *",
	"ارسال شده از *",
	"được gửi từ *",
	"gửi từ *",
	"dikirim dari *",
	"dihantar dari *",
	"ส่งจาก *",
	"ส่งจาก*",
	"发自我的*",
	"發自我的*",
	"从我的*发送",
	"從我的*傳送",
	"来自我的*",
	"发送自*",
	"發送自*",
	"从*发送",
	"傳送自*",
	"iphoneから送信",
	"ipadから送信",
	"私の*から送信",
	"iphoneから送信されました",
	"나의 iphone에서 보냄",
	"내 iphone에서 보냄",
	"나의 ipad에서 보냄",
	"saadetud minu *",
	"nosūtīts no *",
	"išsiųsta iš *",
	"sent fra min *",
	"ipadala mula sa *",
	"sent from my * excuse *",
	"sent from my *, samsung *",
	"sent from my * sorry for *",
	"sent from spike*",
	"sent from mailspring*",
	"sent from canary*",
	"sent from hey",
	"sent from hey *",
	"sent from aol*",
	"sent from the all new *",
	"sent from xfinity*",
	"sent from polymail*",
	"sent from a phone*",
	"sent from a tablet*",
	"sent from workspace one*",
	"sent from missive*",
	"sent from superhuman*",
	"sent from shortwave*",
	"sent from mymail*",
	"sent from mail.ru*",
	"sent from my phone",
	"sent from iphone*",
	"sent with tutanota; *",
	"sent with tutanota*",
	"secured with tut*",
	"sent frá *",
	"download outlook for *",
	"download outlook voor *",
	"download outlook til *",
	"mit freundlichen grüßen von meinem * gesendet",
	"outlook für * herunterladen",
	"outlook für * holen",
	"provenance : courrier pour windows*",
	"provenance: courrier pour windows*",
	"obter outlook para *",
	"obtenga outlook para *",
	"descargar outlook para *",
	"baixar o outlook para *",
	"transferir o outlook para *",
	"verzonden vanuit *",
	"skickas från *",
	"få outlook til *",
	"få outlook for *",
	"skaff outlook for *",
	"hanki outlookin *",
	"pobierz program outlook *",
	"pobierz aplikację outlook *",
	"získat outlook pro *",
	"získať outlook pre *",
	"küldés az *",
	"obțineți outlook pentru *",
	"obţineţi outlook pentru *",
	"preuzmite outlook za *",
	"prenesi outlook za *",
	"послато са *",
	"скачать outlook для *",
	"получить outlook для *",
	"завантажити outlook для *",
	"отримати outlook для *",
	"изтегляне на outlook за *",
	"λήψη του outlook για *",
	"android için outlook*",
	"ios için outlook*",
	"השג את outlook *",
	"קבל את outlook *",
	"تم الإرسال من *",
	"الحصول على outlook *",
	"دریافت outlook *",
	"đã gửi từ *",
	"tải outlook *",
	"dapatkan outlook *",
	"รับ outlook *",
	"发自outlook*",
	"获取 outlook *",
	"获取适用于 *",
	"下载 outlook *",
	"取得 android 版 outlook*",
	"取得 ios 版 outlook*",
	"取得 outlook *",
	"来自 windows *",
	"從 windows *",
	"android 版 outlook *",
	"ios 版 outlook *",
	"android用 outlook *",
	"android용 outlook *",
	"ios용 outlook *",
	"nire * bidalia",
	"anfonwyd o*",
	"dërguar nga *",
	"poslano z *",
	"gesendet aus *",
	"inviato dall'*",
	"inviato da mail *",
	"enviado por *mail*",
	"envoyé par *mail*",
	"envoyé de l'*",
	"verstuurd vanuit *",
	"sendt frå *",
	"skickat via *",
	"odesláno pomocí *",
	"отправлено в *почт*",
	"отправлено при помощи *",
	"отправлено с помощью *",
	"outlook for android *",
	"outlook for ios *",
	"sent by my blackberry*",
	"sent by my iphone",
	"sent by my phone",
	"发自 outlook*",
	"发自 我的*",
	"wysłane przez *mail*",
	"надіслано через outlook*",
};

/* The same, where what stands before the star is too short to find them by. */
static const struct str footer_ends[] = {
	STR_INIT("a * küldve"),
	STR_INIT("* cihazımdan gönderildi"),
	STR_INIT("* telefonumdan gönderildi"),
	STR_INIT("* gönderildi"),
	STR_INIT("*から送信"),
	STR_INIT("*에서 보냄"),
	STR_INIT("*에서 발송"),
	STR_INIT("*outlook を入手"),
	STR_INIT("*outlook を入手する"),
	STR_INIT("*outlook 다운로드"),
	STR_INIT("*outlook'u edinin"),
	STR_INIT("* outlook uygulamasını edinin"),
};

static const char *const disclaimers[] = {
	"this email is confidential",
	"this e-mail is confidential",
	"this email contains confidential",
	"this e-mail contains confidential",
	"this message contains confid",
	"the information transmitted",
	"confidentiality notice",
	"confidentiality note",
	"disclaimer:",
	"disclaimer -",
	"legal notice",
	"if you are not the intended recipient",
	"please consider the environment",
	"please think before you print",
	"save a tree",
	"vertraulichkeitshinweis",
	"bitte denken sie an die umwelt",
	"haftungsausschluss",
	"ce message est confidentiel",
	"avis de confidentialité",
	"pensez à l'environnement",
	"avant d'imprimer",
	"aviso legal",
	"aviso de confidencialidad",
	"antes de imprimir",
	"advertencia legal",
	"aviso de confidencialidade",
	"informativa privacy",
	"avviso di riservatezza",
	"you received this message because",
	"to unsubscribe from this",
	"unsubscribe:",
	"to view this discussion on the web",
	"this email has been checked for viruses",
	"this e-mail has been checked for viruses",
	"diese e-mail wurde von avast",
	"diese e-mail wurde auf viren",
	"l'absence de virus dans ce courrier",
	"cet e-mail a été vérifié",
	"este correo electrónico ha sido comprobado",
	"el software de antivirus avast",
	"este e-mail foi verificado",
	"questa e-mail è stata controllata",
	"deze e-mail is gecontroleerd op virussen",
	"virus-free.www",
	"virus-free. www",
	"virus-free. <",
	"virus-free.<",
	"virenfrei.www",
	"virenfrei. www",
	"garanti sans virus",
	"sans virus.www",
	"libre de virus.www",
	"livre de vírus.www",
	"virusvrij.www",
	"mail priva di virus",
	"think green",
	"think before you print",
	"please do not print this",
	"denken sie an die umwelt",
	"schützen sie die umwelt",
	"bitte prüfen sie, ob diese mail",
};

/* People begin a paragraph with these too: "This message is about my order." */
static const char *const vague_disclaimers[] = {
	"this email and any",
	"this e-mail and any",
	"this email (including",
	"this e-mail (including",
	"this message and any",
	"this message (including",
	"this email message is",
	"this e-mail message is",
	"this e-mail message and",
	"this communication is",
	"this communication and any",
	"this email may contain",
	"this e-mail may contain",
	"this message may contain",
	"this transmission may",
	"this transmission is",
	"the information in this e",
	"the information contained in this",
	"the contents of this e",
	"the content of this e",
	"this message is intended",
	"this email is intended",
	"this e-mail is intended",
	"confidentiality:",
	"confidential:",
	"important notice:",
	"if you have received this",
	"important: the contents of this",
	"diese e-mail enthält",
	"diese email enthält",
	"diese nachricht enthält",
	"diese e-mail und",
	"der inhalt dieser e",
	"diese e-mail ist",
	"die information in dieser",
	"die in dieser e",
	"ce message et toutes",
	"ce message et ses",
	"ce courriel",
	"ce message contient",
	"ce mail et",
	"les informations contenues dans",
	"este mensaje",
	"este correo electrónico",
	"la información contenida en",
	"este e-mail",
	"este email",
	"esta mensagem",
	"as informações contidas",
	"questo messaggio",
	"le informazioni contenute in",
	"dit bericht",
	"deze e-mail",
	"de informatie in deze",
	"de informatie verzonden",
	"detta meddelande",
	"detta e-post",
	"denne e-mail",
	"denne e-post",
	"denne meddelelse",
	"tämä viesti",
	"niniejsza wiadomość",
	"ta wiadomość",
	"treść tej wiadomości",
	"tento e-mail",
	"tato zpráva",
	"obsah této zprávy",
	"ez az e-mail",
	"jelen üzenet",
	"acest mesaj",
	"acest e-mail",
	"ova poruka",
	"to sporočilo",
	"это сообщение",
	"данное сообщение",
	"это электронное",
	"настоящее сообщение",
	"це повідомлення",
	"това съобщение",
	"το παρόν",
	"αυτό το μήνυμα",
	"bu e-posta",
	"bu mesaj",
	"bu elektronik",
	"הודעה זו",
	"هذه الرسالة",
	"本邮件",
	"本電子郵件",
	"此邮件",
	"この電子メール",
	"このメール",
	"本メール",
	"이 메일은",
	"본 메일은",
	"이 이메일",
	"to unsubscribe, ",
	"you are receiving this",
	"reply to this email directly",
	"sie erhalten diese nachricht, weil",
	"vous recevez ce message",
	"this electronic mail",
	"this electronic message",
	"this mail and any",
	"this mail is",
	"this e-mail may",
	"this mail may",
	"the information in this",
	"any views or opinions",
	"any unauthorised",
	"any unauthorized",
	"please note that this e",
	"privileged and confidential",
	"privileged/confidential",
	"private and confidential",
	"strictly confidential",
	"confidential communication",
	"notice:",
	"notice of confidentiality",
	"hinweis:",
	"wichtiger hinweis",
	"l'information contenue",
	"ce mail est",
	"cet email",
	"cet e-mail",
	"la presente e-mail",
	"il presente messaggio",
	"ai sensi del",
	"o conteúdo deste",
	"conteúdo desta",
	"de inhoud van dit",
	"innehållet i",
	"wiadomość ta",
	"informacje zawarte w",
	"содержание данного",
	"bu ileti",
};

/* What a disclaimer speaks of; beginnings of words, anywhere in its paragraph. */
static const char *const secrets[] = {
	"confiden",     "vertraul",    "confid",     "conféd",        "riservat",      "vertrouwelijk",
	"fortroli",     "konfiden",    "důvěrn",     "dôvern",        "bizalmas",      "luottamuksel",
	"poufn",        "εμπιστευτ",   "конфиденц",  "конфіденц",     "поверител",     "gizli",
	"סודי",         "חסוי",        "سري",        "محرمة",         "机密",          "機密",
	"保密",         "기밀",        "비밀",       "秘密",          "secreto",       "privileged",
	"intended",     "unauthori",   "unbefugt",   "adressat",      "empfänger",     "destinat",
	"bestimmt",     "addressee",   "recipient",  "geadresseerde", "ontvanger",     "mottagar",
	"modtager",     "adresat",     "příjemc",    "príjemc",       "címzett",       "предназнач",
	"адресат",      "αποδέκτ",     "παραλήπτ",   "alıcı",         "נמען",          "المرسل",
	"收件人",       "受信者",      "宛先",       "수신인",        "수신자",        "prohibi",
	"verboten",     "untersagt",   "interdit",   "proibi",        "prohib",        "vietat",
	"verboden",     "förbjud",     "forbudt",    "zabronion",     "zakáz",         "tilos",
	"запрещ",       "geschützt",   "proteg",     "protected",     "protég",        "legally",
	"rechtlich",    "légal",       "jurídic",    "juridi",        "liable",        "liability",
	"haftung",      "responsab",   "responsib",  "aansprakelijk", "darse de baja", "github.com",
	"mailing list", "unsubscribe", "abmelden",   "désabonn",      "désinscri",     "cancelar",
	"disiscri",     "afmelden",    "uitschrijv", "mailingliste",  "newsletter",    "medio ambiente",
	"virus",        "malware",     "avast",      "environment",   "umwelt",        "environnement",
	"milieu",       "löschen",     "détrui",     "supprim",       "eliminar",      "elimine",
	"eliminare",    "cancell",     "verwijder",  "radera",        "slet",          "usunąć",
	"smaz",         "törölj",      "удал",       "видал",         "删除",          "刪除",
	"削除",         "삭제",
};

/* A mark of a sentence or the end of the line follows. */
static const char *const postscripts[] = {
	"ps",        "p.s",        "p. s",         "pps",           "p.p.s",        "p.-s",    "pd",
	"p.d",       "p. d",       "nb",           "n.b",           "ui",           "u.i",     "nachtrag",
	"nachsatz",  "postscript", "postscriptum", "post scriptum", "postskriptum", "posdata", "postdata",
	"post data", "з.ы",        "зы",           "п.с",           "пс",           "p. p. s", "постскриптум",
	"υγ",        "υ.γ",        "נ.ב",          "ps2",           "追伸",         "追记",    "又及",
	"附言",      "추신",
};

/* Horde, IMP and old webmails */
static const char *const quoting[] = {
	"quoting ", "zitat von ", "citando a ",   "citando ",   "citat från ",
	"citat ",   "citerar ",   "citeren ",     "cytowanie ", "mensagem citada por ",
	"cituji ",  "quotando ",  "citation de ", "quota ",
};

/* What people write before their name, alone on a line. Short greetings ("Thanks", "Cheers") are not here: they
 * belong to the answer. */
static const char *const closings[] = {
	"regards",
	"kind regards",
	"best regards",
	"warm regards",
	"kindest regards",
	"with kind regards",
	"with best regards",
	"many regards",
	"regards from",
	"yours sincerely",
	"yours faithfully",
	"yours truly",
	"best wishes",
	"with best wishes",
	"mit freundlichen grüßen",
	"mit freundlichen grüssen",
	"mit freundlichem gruß",
	"mit freundlichem gruss",
	"freundliche grüße",
	"freundliche grüsse",
	"viele grüße",
	"beste grüße",
	"liebe grüße",
	"herzliche grüße",
	"cordialement",
	"bien cordialement",
	"très cordialement",
	"bien à vous",
	"sincères salutations",
	"meilleures salutations",
	"salutations distinguées",
	"saludos",
	"saludos cordiales",
	"un saludo",
	"un cordial saludo",
	"atentamente",
	"atenciosamente",
	"cumprimentos",
	"com os melhores cumprimentos",
	"cordiali saluti",
	"distinti saluti",
	"cordialmente",
	"met vriendelijke groet",
	"met vriendelijke groeten",
	"vriendelijke groet",
	"vriendelijke groeten",
	"hoogachtend",
	"med vänliga hälsningar",
	"vänliga hälsningar",
	"med vänlig hälsning",
	"med venlig hilsen",
	"venlig hilsen",
	"med vennlig hilsen",
	"vennlig hilsen",
	"ystävällisin terveisin",
	"z poważaniem",
	"pozdrawiam",
	"s pozdravem",
	"s pozdravom",
	"üdvözlettel",
	"tisztelettel",
	"cu stimă",
	"s poštovanjem",
	"lep pozdrav",
	"lijep pozdrav",
	"с уважением",
	"з повагою",
	"с уважение",
	"με εκτίμηση",
	"saygılarımla",
	"iyi çalışmalar",
	"בברכה",
	"مع التحية",
	"تحياتي",
	"trân trọng",
	"hormat saya",
	"此致",
	"祝好",
	"よろしくお願いします",
	"よろしくお願いいたします",
	"敬具",
	"감사합니다",
};

/* "My answers are below, in red": two words of a line, one of each table. */
static const char *const answer_words[] = {
	"answer",    "comment",   "reply",    "replies",     "replied",   "response",  "antwort",
	"kommentar", "anmerkung", "réponse",  "commentaire", "remarque",  "respuesta", "comentario",
	"rispost",   "commento",  "commenti", "antwoord",    "opmerking", "resposta",  "comentário",
	"svar",      "vastau",    "odpow",    "odpov",       "válasz",    "răspuns",   "odgovor",
	"отговор",   "απαντήσ",   "απάντησ",  "ответ",       "коммент",   "відпов",    "yanıt",
	"cevap",     "תשוב",      "ردود",     "إجاب",        "trả lời",   "jawab",     "回答",
	"回复",      "答复",      "批注",     "返信",        "回覆",      "답변",
};
static const char *const answer_places[] = {
	"below",       "inline",       "in-line",      "in red",      "in blue",       "in green",
	"in bold",     "in your mail", "in your e",    "within your", "unten",         "in rot",
	"in blau",     "in grün",      "fett",         "im text",     "in ihrer mail", "in ihrer e",
	"ci-dessous",  "en rouge",     "en bleu",      "en vert",     "en gras",       "dans le texte",
	"dans votre",  "abajo",        "en rojo",      "en azul",     "en el texto",   "en negrita",
	"sotto",       "di seguito",   "in rosso",     "in blu",      "nel testo",     "hieronder",
	"in het rood", "in rood",      "in het blauw", "in blauw",    "abaixo",        "em vermelho",
	"em azul",     "no texto",     "nedan",        "i rött",      "i blått",       "nedenfor",
	"med rødt",    "i rødt",       "punaisella",   "poniżej",     "na czerwono",   "w treści",
	"níže",        "červeně",      "nižšie",       "pirossal",    "mai jos",       "cu roșu",
	"ispod",       "crveno",       "ниже",         "красным",     "нижче",         "червоним",
	"по-долу",     "παρακάτω",     "κόκκινο",      "aşağıda",     "kırmızı",       "למטה",
	"באדום",       "أدناه",        "الأحمر",       "bên dưới",    "màu đỏ",        "di bawah",
	"下面",        "下方",         "红色",         "紅色",        "赤字",          "以下",
	"아래",        "빨간",
};

/* ---- the tables' indices, made when first asked for ---- */

#define HEADER_NAMES_MAX 512

static enum quote_header header_kinds[HEADER_NAMES_MAX];

static struct {
	struct phrase_set attribution_starts, wrote, quoting, phrases, above, headers, footers, closings;
	struct phrase_set disclaimers, vague_disclaimers, secrets, postscripts, answer_words, answer_places;
} sets;

static void index_words(struct phrase_set *set, struct phrase *items, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		items[i].text = str_from(words[i]);
	phrase_set_index(set, items, n);
}
#define INDEX_WORDS(set, words)                                          \
	do {                                                             \
		static struct phrase items[ARRAY_SIZE(words)];           \
		index_words(&sets.set, items, words, ARRAY_SIZE(words)); \
	} while (0)

static void index_phrases(void)
{
	static struct phrase items[ARRAY_SIZE(phrases)];
	for (size_t i = 0; i < ARRAY_SIZE(phrases); i++)
		items[i].text = str_from(phrases[i].text);
	phrase_set_index(&sets.phrases, items, ARRAY_SIZE(phrases));
}

static void index_headers(void)
{
	static struct phrase items[HEADER_NAMES_MAX];
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(headers[i].names) && headers[i].names[j]; j++) {
			assert(n < HEADER_NAMES_MAX);
			header_kinds[n] = headers[i].header;
			items[n++].text = str_from(headers[i].names[j]);
		}
	}
	phrase_set_index(&sets.headers, items, n);
}

static void index_all(void)
{
	INDEX_WORDS(attribution_starts, attribution_starts);
	INDEX_WORDS(wrote, wrote);
	INDEX_WORDS(above, above_phrases);
	INDEX_WORDS(footers, footers);
	INDEX_WORDS(disclaimers, disclaimers);
	INDEX_WORDS(vague_disclaimers, vague_disclaimers);
	INDEX_WORDS(secrets, secrets);
	INDEX_WORDS(postscripts, postscripts);
	INDEX_WORDS(quoting, quoting);
	INDEX_WORDS(answer_words, answer_words);
	INDEX_WORDS(answer_places, answer_places);
	INDEX_WORDS(closings, closings);
	index_phrases();
	index_headers();
}

static void make_sets(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, index_all);
}

void quote_tables_init(void)
{
	make_sets();
}

bool quote_starts_attribution(struct str folded)
{
	make_sets();
	return phrase_set_starts(&sets.attribution_starts, folded);
}

/* Only the first place of a word counts. Words are parted by blanks in alphabets; other scripts run on. ends: the word
 * must end what is said, or a colon follow it. */
static bool find_wrote(struct str folded, bool ends)
{
	bool seen[ARRAY_SIZE(wrote)] = {false};
	make_sets();
	const struct phrase_set *set = &sets.wrote;
	for (size_t at = 0; (at = phrase_set_skip(set, folded, at)) < folded.len; at++) {
		for (size_t i = phrase_set_at(set, folded, at); i; i = set->items[i - 1].next) {
			struct str word = set->items[i - 1].text;
			if (seen[i - 1] || !str_starts(str_sub(folded, at, folded.len), word))
				continue;
			char before = at ? folded.ptr[at - 1] : ' ';
			struct str rest = str_sub(folded, at + word.len, folded.len);
			char after = rest.len ? rest.ptr[0] : ' ';
			rest = str_trim(rest);
			if (ends && rest.len && !char_in(":*-", rest.ptr[0]))
				continue;
			seen[i - 1] = true;
			bool alphabet = (unsigned char)word.ptr[0] < 0xe0;
			if (!alphabet || (char_in(" >)\",'*", before) && char_in(" :-,*", after)))
				return true;
		}
	}
	return false;
}

bool quote_has_wrote(struct str folded)
{
	return find_wrote(folded, false);
}

bool quote_ends_in_wrote(struct str folded)
{
	return find_wrote(folded, true);
}

enum quote_phrase quote_phrase_of(struct str folded)
{
	make_sets();
	size_t i = phrase_set_starts(&sets.phrases, folded);
	if (i)
		return phrases[i - 1].phrase;
	return phrase_set_inside(&sets.above, folded) ? PHRASE_REPLY_ABOVE : PHRASE_NONE;
}

enum quote_header quote_header_of(struct str folded)
{
	make_sets();
	size_t i = phrase_set_equals(&sets.headers, folded);
	return i ? header_kinds[i - 1] : HEADER_NONE;
}

/* One to five words, without the punctuation of a sentence. */
static bool few_words(struct str s)
{
	unsigned words = 1;
	s = str_trim(s);
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == ' ')
			words++;
		if (char_in(",;?!:", s.ptr[i]))
			return false;
	}
	return s.len > 0 && s.len <= 80 && words <= 5;
}

#define FOOTER_MAX 100 /* octets of one with two stars */

/* "sent from * for *": with a second star only the words between the stars are looked for. */
static bool footer_fits(struct str pattern, struct str folded)
{
	size_t star = str_find(pattern, '*');
	struct str head = str_sub(pattern, 0, star), tail = str_sub(pattern, star + 1, pattern.len);
	if (star == pattern.len)
		return str_eq(folded, pattern);
	size_t second = str_find(tail, '*');
	if (second < tail.len) { /* only the words between the stars must be there */
		if (!str_has(str_sub(folded, head.len, folded.len), str_sub(tail, 0, second)))
			return false;
		return folded.len <= FOOTER_MAX;
	}
	if (folded.len > head.len + tail.len && str_starts(folded, head) && str_ends(folded, tail) &&
	    few_words(str_sub(folded, head.len, folded.len - tail.len)))
		return true;
	return tail.len == 0 && head.len && head.ptr[head.len - 1] != ' ' && str_eq(folded, head);
}

bool quote_is_footer(struct str folded)
{
	make_sets();
	const struct phrase_set *set = &sets.footers;
	for (size_t i = phrase_set_at(set, folded, 0); i; i = set->items[i - 1].next)
		if (footer_fits(set->items[i - 1].text, folded))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(footer_ends); i++)
		if (footer_fits(footer_ends[i], folded))
			return true;
	return false;
}

bool quote_is_closing(struct str folded)
{
	make_sets();
	while (folded.len && char_in(",.! -", folded.ptr[folded.len - 1]))
		folded.len--;
	return phrase_set_equals(&sets.closings, folded);
}

enum quote_disclaimer quote_starts_disclaimer(struct str folded)
{
	make_sets();
	if (phrase_set_starts(&sets.disclaimers, folded))
		return DISCLAIMER_SURE;
	return phrase_set_starts(&sets.vague_disclaimers, folded) ? DISCLAIMER_VAGUE : DISCLAIMER_NONE;
}

bool quote_speaks_of_secrets(struct str folded)
{
	make_sets();
	return phrase_set_inside(&sets.secrets, folded);
}

/* The longest that fits: "p.p.s" before "p". */
bool quote_starts_postscript(struct str folded, struct str *ret_rest)
{
	make_sets();
	size_t longest = 0;
	const struct phrase_set *set = &sets.postscripts;
	for (size_t i = phrase_set_at(set, folded, 0); i; i = set->items[i - 1].next)
		if (str_starts(folded, set->items[i - 1].text) && set->items[i - 1].text.len > longest)
			longest = set->items[i - 1].text.len;
	*ret_rest = str_sub(folded, longest, folded.len);
	return longest > 0;
}

bool quote_starts_quoting(struct str folded)
{
	make_sets();
	return phrase_set_starts(&sets.quoting, folded);
}

bool quote_says_answers_below(struct str folded)
{
	make_sets();
	return phrase_set_inside(&sets.answer_words, folded) &&
	       phrase_set_inside(&sets.answer_places, folded);
}
