/* The words that programs put around quotes and below texts, in many languages: one table each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/quote_subject.h"
#include "tests/unit/ingest/quote_cases.h"

/* Quotes follow with or without ">". */
static const char *const separators[] = {
	"On Mon, Nov 3, 2025 at 10:15 AM Ann Example via Support <support@shop.example> wrote:",
	("On Mon, Nov 3, 2025 at 10:15 AM Ann Example <\n"
	 "ann@shop.example> wrote:"),
	("On Mon, Nov 3, 2025 at 10:15 AM Ann Example <ann@shop.example\n"
	 "<mailto:ann@shop.example>> wrote:"),
	"On Mon, 3 Nov 2025, 10:15 Ann Example, <ann@shop.example> wrote:",
	"On Monday, November 3, 2025, Ann Example <ann@shop.example> wrote:",
	"On Monday, November 3rd, 2025 at 10:15 AM, Ann Example <ann@shop.example> wrote:",
	"On Monday, 3 November 2025 at 10:15:42 am GMT+1, Ann Example <ann@shop.example> wrote:",
	"On 3 Nov 2025, 10:15 +0100, Ann Example <ann@shop.example>, wrote:",
	"On 03/11/2025 10:15, Ann Example via Shop wrote:",
	"On 2025-11-03 10:15, Ann Example wrote:",
	"On November 3, 2025 10:15:20 AM GMT+01:00, Ann Example <ann@shop.example> wrote:",
	"On Nov 3 2025, at 10:15 am, Ann Example <ann@shop.example> wrote:",
	"On Mon, Nov 03, 2025 at 10:15 AM, Ann Example < ann@shop.example [ann@shop.example] > wrote:",
	"On Mon, Nov 3, 2025, at 10:15 AM, Ann Example wrote:",
	"---- On Mon, 03 Nov 2025 10:15:20 +0100 Ann Example <ann@shop.example> wrote ---",
	"---- Am Mo., 03 Nov. 2025 10:15:20 +0100 Ann Example <ann@shop.example> schrieb ----",
	"---- Le lun., 03 nov. 2025 10:15:20 +0100 Ann Example <ann@shop.example> a écrit ----",
	"---- El lun, 03 nov 2025 10:15:20 +0100, Ann Example <ann@shop.example> escribió ----",
	"Quoting Ann Example <ann@shop.example>:",
	"Zitat von Ann Example <ann@shop.example>:",
	"Quoting \"Ann Example\" <ann@shop.example>:",
	"Ann Example <ann@shop.example> wrote on Mon, 3 Nov 2025 10:15:20 +0100:",
	"Citando Ann Example <ann@shop.example>:",
	"Am Montag, den 03.11.2025, 10:15 +0100 schrieb Ann Example:",
	"Am Montag, 3. November 2025 um 10:15:20 MEZ hat Ann Example <ann@shop.example> Folgendes "
	"geschrieben:",
	("Am Montag, 3. November 2025, 10:15:20 MEZ hat Ann Example <ann@shop.example> Folgendes\n"
	 "geschrieben:"),
	"Am 03.11.25 um 10:15 schrieb Ann Example via Shop:",
	"Am 3. November 2025 10:15:20 MEZ schrieb Ann Example <ann@shop.example>:",
	("Gesendet: Montag, 3. November 2025 um 10:15 Uhr\n"
	 "Von: \"Ann Example\" <ann@shop.example>\n"
	 "An: bob@mail.example\n"
	 "Betreff: Ihre Anfrage"),
	("Gesendet: Montag, den 03.11.2025 um 10:15 Uhr\n"
	 "Von: \"Shop\"\n"
	 "An: bob@mail.example\n"
	 "Betreff: Ihre Anfrage"),
	("Sent: Monday, November 03, 2025 at 10:15 AM\n"
	 "From: \"Ann Example\" <ann@shop.example>\n"
	 "To: bob@mail.example\n"
	 "Subject: Your question"),
	("Envoyé: lundi 3 novembre 2025 à 10:15\n"
	 "De: \"Ann Example\" <ann@shop.example>\n"
	 "À: bob@mail.example\n"
	 "Objet: Votre demande"),
	"Le lundi 3 novembre 2025 à 10:15:20 UTC+1, Ann Example <ann@shop.example> a écrit :",
	"Le 3 novembre 2025 à 10:15, Ann Example <ann@shop.example> a écrit :",
	("Le 3 nov. 2025 à 10:15, Ann\n"
	 " Example <ann@shop.example> a\n"
	 "écrit :"),
	"Le lun. 3 nov. 2025, 10:15, Ann Example <ann@shop.example> a écrit :",
	"Le 2025-11-03 10:15, Ann Example a écrit :",
	("-------- Message d'origine --------\n"
	 "De : Ann Example <ann@shop.example>\n"
	 "Date : 03/11/2025 10:15 (GMT+01:00)\n"
	 "À : bob@mail.example\n"
	 "Objet : Votre demande"),
	"El lunes, 3 de noviembre de 2025, 10:15:20 CET, Ann Example <ann@shop.example> escribió:",
	"El lun., 3 de noviembre de 2025 10:15 a. m., Ann Example <ann@shop.example> escribió:",
	"El 3 nov 2025, a las 10:15, Ann Example <ann@shop.example> escribió:",
	"El 03/11/2025 a las 10:15, Ann Example escribió:",
	("-------- Mensaje original --------\n"
	 "De: Ann Example <ann@shop.example>\n"
	 "Fecha: 3/11/25 10:15 (GMT+01:00)\n"
	 "Para: bob@mail.example\n"
	 "Asunto: Su pregunta"),
	"Il giorno 3 nov 2025, alle ore 10:15, Ann Example <ann@shop.example> ha scritto:",
	"Il lun 3 nov 2025, 10:15 Ann Example <ann@shop.example> ha scritto:",
	"Il 03/11/2025 10:15, Ann Example ha scritto:",
	"Il lunedì 3 novembre 2025 alle ore 10:15:20 CET, Ann Example <ann@shop.example> ha scritto:",
	"Em seg, 3 de nov de 2025 10:15, Ann Example <ann@shop.example> escreveu:",
	"Em 03/11/2025 10:15, Ann Example escreveu:",
	"No dia 03/11/2025, às 10:15, Ann Example <ann@shop.example> escreveu:",
	"A segunda-feira, 3 de novembro de 2025 às 10:15:20 WET, Ann Example <ann@shop.example> escreveu:",
	"Ann Example <ann@shop.example> escreveu (segunda, 3/11/2025 à(s) 10:15):",
	"Op maandag 3 november 2025 om 10:15:20 CET schreef Ann Example <ann@shop.example>:",
	"Op 03-11-2025 om 10:15 schreef Ann Example:",
	"Op ma 3 nov 2025 10:15 schreef Ann Example <ann@shop.example>:",
	"Op 3 november 2025 10:15:20 CET schreef Ann Example <ann@shop.example>:",
	"Den mandag den 3. november 2025 kl. 10.15 skrev Ann Example <ann@shop.example>:",
	"Den 03.11.2025 kl. 10:15, skrev Ann Example:",
	"Den 2025-11-03 kl. 10:15, skrev Ann Example:",
	"3 nov. 2025 kl. 10:15 skrev Ann Example <ann@shop.example>:",
	"mån 3 nov. 2025 kl. 10:15 skrev Ann Example <ann@shop.example>:",
	"På mån, 3 nov 2025 at 10:15, Ann Example <ann@shop.example> skrev:",
	"Ann Example <ann@shop.example> kirjoitti 3.11.2025 kello 10.15:",
	"Ann Example kirjoitti 3.11.2025 klo 10.15:",
	"maanantai 3. marraskuuta 2025 klo 10.15.20 UTC+2 Ann Example <ann@shop.example> kirjoitti:",
	"W dniu pon., 3 lis 2025 o 10:15 Ann Example <ann@shop.example> napisał(a):",
	"Dnia 3 listopada 2025 10:15 Ann Example <ann@shop.example> napisał(a):",
	"Wiadomość napisana przez Ann Example <ann@shop.example> w dniu 3 lis 2025, o godz. 10:15:",
	"Dne 3. 11. 2025 v 10:15 Ann Example napsal(a):",
	"Dne 03.11.2025 10:15 napsal uživatel Ann Example:",
	("---------- Původní e-mail ----------\n"
	 "Od: Ann Example <ann@shop.example>\n"
	 "Komu: bob@mail.example\n"
	 "Datum: 3. 11. 2025 10:15:20\n"
	 "Předmět: Váš dotaz"),
	"Dňa 3. 11. 2025 o 10:15 Ann Example napísal(a):",
	"2025. 11. 03. 10:15 keltezéssel, Ann Example írta:",
	"Ann Example <ann@shop.example> ezt írta (időpont: 2025. nov. 3., Hét 10:15):",
	"Pe lun., 3 nov. 2025 la 10:15, Ann Example <ann@shop.example> a scris:",
	"Pe 03.11.2025 10:15, Ann Example a scris:",
	"Dana pon, 3. stu 2025. u 10:15 Ann Example <ann@shop.example> napisao je:",
	"V V pon., 3. nov. 2025 ob 10:15 je oseba Ann Example <ann@shop.example> napisala:",
	"V pon., 3. nov. 2025 ob 10:15 je oseba Ann Example <ann@shop.example> napisala:",
	"Понедельник, 3 ноября 2025, 10:15 +03:00 от Ann Example <ann@shop.example>:",
	"Понедельник, 3 ноября 2025, 10:15 +03:00 от Анна Иванова <ann@shop.example>:",
	"03.11.2025, 10:15, \"Ann Example\" <ann@shop.example>:",
	"В Пн, 03/11/2025 в 10:15 +0300, Ann Example пишет:",
	"03.11.2025 10:15, Ann Example via Shop пишет:",
	"3 нояб. 2025 г., в 10:15, Ann Example <ann@shop.example> написал(а):",
	"пн, 3 нояб. 2025 г., 10:15 Ann Example <ann@shop.example>:",
	"03.11.25 10:15, Ann Example пише:",
	"На 3.11.2025 г. в 10:15, Ann Example написа:",
	"Στις Δευτέρα 3 Νοεμβρίου 2025 στις 10:15:20 π.μ. EET, ο χρήστης Ann <ann@shop.example> έγραψε:",
	"Στις 3/11/2025 10:15, Ann Example έγραψε:",
	("Ann Example <ann@shop.example>, 3 Kas 2025 Pzt, 10:15 tarihinde\n"
	 "şunu yazdı:"),
	"3 Kas 2025 Pzt 10:15 tarihinde Ann Example <ann@shop.example> şunu yazdı:",
	"3.11.2025 10:15 tarihinde Ann Example yazdı:",
	"\342\200\253בתאריך יום ב׳, 3 בנוב׳ 2025 ב-10:15 מאת \342\200\252Ann Example\342\200\254\342\200\217 "
	"<\342\200\252ann@shop.example\342\200\254\342\200\217>:\342\200\254",
	"ב-3 בנוב׳ 2025, בשעה 10:15,\342\200\217 Ann Example <ann@shop.example> כתב/ה:",
	"في الاثنين، 3 نوفمبر 2025، 10:15 ص Ann Example <ann@shop.example> كتب:",
	"Vào 10:15, Th 2, 3 thg 11, 2025 Ann Example <ann@shop.example> đã viết:",
	"Pada tanggal Sen, 3 Nov 2025 10.15, Ann Example <ann@shop.example> menulis:",
	"Pada 3 Nov 2025, pada 10:15, Ann Example <ann@shop.example> menulis:",
	"เมื่อ จ. 3 พ.ย. 2025 เวลา 10:15 Ann Example <ann@shop.example> เขียนว่า:",
	("------------------ Original ------------------\n"
	 "From: \"Ann Example\"<ann@shop.example>;\n"
	 "Date: Mon, Nov 3, 2025 10:15 AM\n"
	 "To: \"bob\"<bob@mail.example>;\n"
	 "Subject: Your question"),
	("------------------ 原始邮件 ------------------\n"
	 "发件人: \"Ann\"<ann@shop.example>;\n"
	 "发送时间: 2025年11月3日(星期一) 上午10:15\n"
	 "收件人: \"bob\"<bob@mail.example>;\n"
	 "主题: 问题"),
	("------------------&nbsp;原始邮件&nbsp;------------------\n"
	 "发件人: \"Ann\" <ann@shop.example>;\n"
	 "发送时间:&nbsp;2025年11月3日(星期一) 上午10:15\n"
	 "收件人:&nbsp;\"bob\"<bob@mail.example>;\n"
	 "主题:&nbsp;问题"),
	"At 2025-11-03 10:15:20, \"Ann Example\" <ann@shop.example> wrote:",
	"在 2025-11-03 10:15:20，\"Ann Example\" <ann@shop.example> 写道：",
	("---- 回复的原邮件 ----\n"
	 "发件人 Ann Example<ann@shop.example>\n"
	 "日期 2025年11月03日 10:15\n"
	 "收件人 bob@mail.example\n"
	 "主题 问题"),
	("---- Replied Message ----\n"
	 "From Ann Example<ann@shop.example>\n"
	 "Date 11/3/2025 10:15\n"
	 "To <bob@mail.example>\n"
	 "Subject Your question"),
	"Ann <ann@shop.example>于2025年11月3日 周一10:15写道：",
	"于 2025/11/3 10:15, Ann Example 写道:",
	("-----Original Message-----\n"
	 "From: \"Ann Example\"<ann@shop.example>\n"
	 "To: <bob@mail.example>;\n"
	 "Cc:\n"
	 "Sent: 2025-11-03 (월) 10:15:20 (GMT+09:00)\n"
	 "Subject: Question"),
	("-----원본 메시지-----\n"
	 "보낸 사람: \"Ann\" <ann@shop.example>\n"
	 "받는 사람: bob@mail.example\n"
	 "보낸 날짜: 2025년 11월 3일 월요일 오전 10:15\n"
	 "제목: 질문"),
	"2025년 11월 3일 (월) 10:15, Ann <ann@shop.example>님이 작성:",
	"On 2025/11/03 10:15, Ann Example wrote:",
	"2025/11/03 10:15、Ann Example <ann@shop.example>のメール:",
	"2025年11月3日(月) 10:15 Ann Example <ann@shop.example>:",
	("-----Original Appointment-----\n"
	 "From: Ann Example\n"
	 "Sent: Monday, November 3, 2025 10:15 AM\n"
	 "To: Bob\n"
	 "Subject: Meeting\n"
	 "When: Tuesday"),
	("________________________________________\n"
	 "From: Ann Example [mailto:ann@shop.example]\n"
	 "Sent: Monday, November 3, 2025 10:15 AM\n"
	 "To: Bob\n"
	 "Subject: RE: Your question"),
	("Från: Ann Example <ann@shop.example>\n"
	 "Datum: måndag, 3 november 2025 10:15\n"
	 "Till: Bob <bob@mail.example>\n"
	 "Ämne: Din fråga"),
	("Fra: Ann Example\n"
	 "Dato: mandag den 3. november 2025 kl. 10.15\n"
	 "Til: Bob\n"
	 "Emne: Spørgsmål"),
	("Lähettäjä: Ann Example\n"
	 "Lähetetty: maanantai 3. marraskuuta 2025 10.15\n"
	 "Vastaanottaja: Bob\n"
	 "Aihe: Kysymys"),
	("Von: Ann Example\n"
	 "Datum: Montag, 3. November 2025 um 10:15\n"
	 "An: Bob\n"
	 "Betreff: AW: Frage"),
	("De: Ann Example\n"
	 "Date: lundi, 3 novembre 2025 à 10:15\n"
	 "À: Bob\n"
	 "Objet: Question"),
	("De: Ann Example\n"
	 "Enviado: segunda-feira, 3 de novembro de 2025 10:15\n"
	 "Para: Bob\n"
	 "Assunto: Pergunta"),
	("Feladó: Ann Example\n"
	 "Elküldve: 2025. november 3., hétfő 10:15\n"
	 "Címzett: Bob\n"
	 "Tárgy: Kérdés"),
	("Od: Ann Example\n"
	 "Odesláno: pondělí 3. listopadu 2025 10:15\n"
	 "Komu: Bob\n"
	 "Předmět: Dotaz"),
	("Kimden: Ann Example\n"
	 "Gönderildi: 3 Kasım 2025 Pazartesi 10:15\n"
	 "Kime: Bob\n"
	 "Konu: Soru"),
	("Από: Ann Example\n"
	 "Στάλθηκε: Δευτέρα, 3 Νοεμβρίου 2025 10:15 πμ\n"
	 "Προς: Bob\n"
	 "Θέμα: Ερώτηση"),
	("Від: Ann Example\n"
	 "Надіслано: 3 листопада 2025 р. 10:15\n"
	 "Кому: Bob\n"
	 "Тема: Питання"),
	("מאת: Ann Example\n"
	 "נשלח: יום שני 03 נובמבר 2025 10:15\n"
	 "אל: Bob\n"
	 "נושא: שאלה"),
	("من: Ann Example\n"
	 "تم الإرسال: الاثنين، 3 نوفمبر، 2025 10:15 ص\n"
	 "إلى: Bob\n"
	 "الموضوع: سؤال"),
	("寄件者: Ann Example\n"
	 "寄件日期: 2025年11月3日 上午 10:15\n"
	 "收件者: Bob\n"
	 "主旨: 問題"),
	"##- Bitte geben Sie Ihre Antwort oberhalb dieser Zeile ein. -##",
	"##- Veuillez saisir votre réponse au-dessus de cette ligne -##",
	"##- Escriba su respuesta por encima de esta línea -##",
	"##- Typ uw antwoord boven deze regel -##",
	"##- Por favor, digite sua resposta acima desta linha -##",
	"##- Inserisci la tua risposta sopra questa riga. -##",
	"##- 返信する場合は、この行より上に入力してください -##",
	"##- 请在此行上方键入您的回复 -##",
	"---- Please reply above this line ----",
	"--- Reply ABOVE THIS LINE to add a comment ---",
	"## Reply above this line ##",
	"=-=-= Please reply above this line =-=-=",
	"-----Please type your reply above this line-----",
	"##- Пожалуйста, введите ответ выше этой строки -##",
	"##- Wpisz odpowiedź powyżej tego wiersza -##",
	"##- Skriv ditt svar ovanför den här raden -##",
	"##- Skriv dit svar over denne linje -##",
	"##- Lütfen yanıtınızı bu satırın üzerine yazın -##",
	("Em seg., 3 de nov. de 2025, 10:15, Ann Example <\n"
	 "ann@shop.example> escreveu:"),
	"Ann Example <ann@shop.example> escribió el lun., 3 de nov. de 2025 a las 10:15:",
	"Ann Example <ann@shop.example> schrieb am 03.11.2025 10:15:",
	"Ann Example <ann@shop.example> hat am 03.11.2025 10:15 CET geschrieben:",
	"On 11/03/2025 10:15 AM CET Ann Example <ann@shop.example> wrote:",
	"Il 03/11/2025 10:15 CET Ann Example <ann@shop.example> ha scritto:",
	"Op 03-11-2025 10:15 CET schreef Ann Example <ann@shop.example>:",
	("From: \"Ann Example\" <ann@shop.example>\n"
	 "To: \"Bob\" <bob@mail.example>\n"
	 "Sent: Monday, November 3, 2025 10:15:20 AM\n"
	 "Subject: Your question"),
	("De: \"Ann Example\" <ann@shop.example>\n"
	 "À: \"Bob\" <bob@mail.example>\n"
	 "Envoyé: Lundi 3 Novembre 2025 10:15:20\n"
	 "Objet: Question"),
	("------ Original Message ------\n"
	 "From: \"Ann Example\" <ann@shop.example>\n"
	 "To: \"Bob\" <bob@mail.example>\n"
	 "Sent: 03/11/2025 10:15:20\n"
	 "Subject: Your question"),
	("------ Originalnachricht ------\n"
	 "Von: \"Ann Example\" <ann@shop.example>\n"
	 "An: bob@mail.example\n"
	 "Gesendet: 03.11.2025 10:15:20\n"
	 "Betreff: Frage"),
	("-------- Ursprüngliche Nachricht --------\n"
	 "Von: Ann Example <ann@shop.example>\n"
	 "Datum: 03.11.25 10:15 (GMT+01:00)\n"
	 "An: bob@mail.example\n"
	 "Betreff: Frage"),
	("-------- 원본 이메일 --------\n"
	 "발신: Ann Example <ann@shop.example>\n"
	 "날짜: 25/11/3 오전 10:15 (GMT+09:00)\n"
	 "받은 사람: bob@mail.example\n"
	 "제목: 질문"),
	("-------- Originele bericht --------\n"
	 "Van: Ann Example <ann@shop.example>\n"
	 "Datum: 03-11-2025 10:15 (GMT+01:00)\n"
	 "Aan: bob@mail.example\n"
	 "Onderwerp: Vraag"),
	("-------- Messaggio originale --------\n"
	 "Da: Ann Example <ann@shop.example>\n"
	 "Data: 03/11/25 10:15 (GMT+01:00)\n"
	 "A: bob@mail.example\n"
	 "Oggetto: Domanda"),
	("-------- Oryginalna wiadomość --------\n"
	 "Od: Ann Example <ann@shop.example>\n"
	 "Data: 03.11.2025 10:15 (GMT+01:00)\n"
	 "Do: bob@mail.example\n"
	 "Temat: Pytanie"),
	"On Monday 3 November 2025 10:15:20 CET Ann Example wrote:",
	"On Mon, 2025-11-03 at 10:15 +0100, Ann Example wrote:",
	"On Mon, Nov 03, 2025 at 10:15:20AM +0100, Ann Example wrote:",
	("Op 3 nov. 2025 om 10:15 heeft Ann Example <ann@shop.example> het volgende\n"
	 "geschreven:"),
	"Ann <ann@shop.example> 於 2025年11月3日 上午10:15 寫道：",
	"2025年11月3日 10:15，Ann <ann@shop.example> 写道：",
	"Ann <ann@shop.example> 在 2025年11月3日 上午10:15 寫道：",
	"pirmd., 2025. g. 3. nov., plkst. 10:15 — lietotājs Ann (<ann@shop.example>) rakstīja:",
	"2025-11-03, pr, 10:15 Ann Example <ann@shop.example> rašė:",
	"Kontakt Ann Example (<ann@shop.example>) kirjutas kuupäeval E, 3. november 2025 kell 10:15:",
	"El dl., 3 de nov. 2025, 10:15, Ann Example <ann@shop.example> va escriure:",
	"Þann mán., 3. nóv. 2025 kl. 10:15 skrifaði Ann Example <ann@shop.example>:",
	"در تاریخ دوشنبه ۳ نوامبر ۲۰۲۵، ۱۰:۱۵ Ann Example <ann@shop.example> نوشت:",
};

/* Only with ">": they could be somebody's own words, or part of the quote. */
static const char *const weak_separators[] = {
	"Ann Example <ann@shop.example> writes:",
	"\"Ann Example\" <ann@shop.example> schrieb:",
	("> Message du 03/11/25 10:15\n"
	 "> De : \"Ann Example\" <ann@shop.example>\n"
	 "> A : bob@mail.example\n"
	 "> Copie à :\n"
	 "> Objet : Votre demande\n"
	 ">"),
	("> Понедельник, 3 ноября 2025, 10:15 +03:00 от Анна Иванова <ann@shop.example>:\n"
	 ">"),
	"* Ann Example <ann@shop.example> [2025-11-03 10:15]:",
	"Ann Example, 3 Nov 2025, 10:15:",
};

static const char *const footers[] = {
	"Sent from my iPhone",
	"Sent from my iPad",
	"Sent from my Verizon, Samsung Galaxy smartphone",
	"Sent from my T-Mobile 5G Device",
	"Sent from my mobile device",
	"Sent from my Samsung Galaxy smartphone.",
	"Sent from my Pixel 8",
	"Sent from my Huawei phone",
	"Sent from my Windows Phone",
	"Sent from my BlackBerry 10 smartphone.",
	"Sent from my phone, please excuse typos",
	"Sent from my phone. Please excuse any typos.",
	"Sent from my iPhone. Please excuse brevity and typos.",
	"Sent from my iPhone, please excuse any typos or brevity",
	"Sent from Outlook for iOS",
	"Sent from Outlook for Android",
	"Sent from Mail for Windows 10",
	"Sent from Gmail Mobile",
	"Sent from Yahoo Mail on Android",
	"Sent from Yahoo Mail. Get the app",
	"Sent from Proton Mail Android",
	"Sent from Proton Mail for iOS",
	"Sent with Proton Mail secure email.",
	"Sent from ProtonMail mobile",
	"Sent from Superhuman iOS",
	"Sent via Superhuman",
	"Sent via Superhuman iOS",
	"Sent with Spark",
	"Sent from Spike",
	"Sent from Mailspring",
	"Sent from Canary",
	"Sent from Zoho Mail on Android",
	"Sent using Zoho Mail",
	"Sent using FastMail",
	"Sent from HEY",
	"Sent with Tutanota; secure & ad-free mailbox",
	"Secured with Tuta Mail",
	"Sent from Nine",
	"Sent from AOL on Android",
	"Sent from the all new AOL app for Android",
	"Sent from AOL Mobile Mail",
	"Sent from Xfinity Connect App",
	"Sent from Polymail",
	"Sent from Mail.ru app for Android",
	"Sent from myMail for iOS",
	"Sent from a phone",
	"Sent from Workspace ONE Boxer",
	"Get Outlook for Android",
	"Get Outlook for Mac",
	"Download Outlook for iOS",
	"Sent by my Blackberry",
	"Sent with Airmail",
	"Sent with Mailsuite",
	"Sent with Shortwave",
	"Sent from Front",
	"Sent from Missive",
	"Sent from my Galaxy",
	"Sent from Samsung Mobile",
	"Sent from Samsung tablet.",
	"Von meinem iPad gesendet",
	"Von meinem iPhone gesendet",
	"Von meinem Samsung Galaxy Smartphone gesendet.",
	"Von meinem Samsung Gerät gesendet.",
	"Von meinem Huawei-Mobiltelefon gesendet",
	"Gesendet von meinem Handy",
	"Gesendet von Outlook für iOS",
	"Gesendet mit der Telekom Mail App",
	"Gesendet mit der GMX Mail App",
	"Gesendet mit der WEB.DE Mail App",
	"Gesendet von der Telekom Mail App",
	"Gesendet von Yahoo Mail auf Android",
	"Diese Nachricht wurde von meinem Android Mobiltelefon mit WEB.DE Mail gesendet.",
	"Diese Nachricht wurde von meinem Android Gerät mit K-9 Mail gesendet.",
	"Mit freundlichen Grüßen von meinem iPhone gesendet",
	"Holen Sie sich Outlook für Android",
	"Outlook für Android herunterladen",
	"Envoyé de mon iPad",
	"Envoyé depuis mon téléphone",
	"Envoyé depuis mon appareil Galaxy",
	"Envoyé à partir de mon smartphone Samsung Galaxy.",
	"Envoyé depuis l’application Mail Orange",
	"Envoyé depuis Yahoo Mail pour Android",
	"Envoyé depuis Outlook pour Android",
	"Envoyé de mon mobile",
	"Envoyé à partir de Outlook pour iOS",
	"Télécharger Outlook pour Android",
	"Provenance : Courrier pour Windows",
	"Enviado desde mi iPad",
	"Enviado desde mi Samsung Mobile de Claro",
	"Enviado desde Outlook para Android",
	"Enviado desde mi HUAWEI",
	"Enviado desde Correo para Windows",
	"Enviado desde mi dispositivo Samsung",
	"Obtener Outlook para Android",
	"Enviado do meu iPad",
	"Enviado do meu Galaxy",
	"Enviado do Outlook para Android",
	"Enviado via iCloud",
	"Obter o Outlook para Android",
	"Obter Outlook para iOS",
	"Enviado do Correio para Windows",
	"Enviada do meu iPhone",
	"Inviato dal mio Galaxy",
	"Inviato da Outlook per iOS",
	"Inviato da smartphone Samsung Galaxy.",
	"Inviato da Libero Mail per Android",
	"Inviato da Posta per Windows",
	"Scarica Outlook per Android",
	"Verzonden vanaf mijn iPad",
	"Verzonden vanuit Outlook voor iOS",
	"Verzonden vanaf Samsung-apparaat",
	"Verzonden via mijn Galaxy",
	"Verstuurd vanaf mijn iPhone",
	"Outlook voor Android downloaden",
	"Download Outlook voor Android",
	"Verzonden met mijn telefoon",
	"Skickat från min iPad",
	"Skickat från Outlook för Android",
	"Skickat från min Galaxy",
	"Skickas från min telefon",
	"Hämta Outlook för Android",
	"Sendt fra min iPad",
	"Sendt fra min Galaxy",
	"Sendt fra Outlook til Android",
	"Sendt fra Mail til Windows",
	"Få Outlook til Android",
	"Få Outlook for Android",
	"Skaff Outlook for Android",
	"Lähetetty iPhonesta",
	"Lähetetty Samsung-laitteestani",
	"Lähetetty Outlookista",
	"Hanki Outlook for Android",
	"Wysłane z iPada",
	"Wysłano z iPhone’a",
	"Wysłano z telefonu Samsung Galaxy",
	"Wysłane z mojego telefonu",
	"Pobierz program Outlook dla systemu Android",
	"Odesláno z iPhonu",
	"Odesláno z mého telefonu",
	"Odoslané z iPhonu",
	"Odesláno z aplikace Outlook pro Android",
	"Získat Outlook pro Android",
	"Küldés az iPhone-omról",
	"Elküldve az iPhone készülékemről",
	"Trimis de pe iPhone-ul meu",
	"Trimis din Outlook pentru Android",
	"Obțineți Outlook pentru Android",
	"Poslano iz mog iPhonea",
	"Послато са iPhone-а",
	"Poslato sa mog telefona",
	"Отправлено с iPad",
	"Отправлено с моего iPhone",
	"Отправлено с устройства Samsung",
	"Отправлено из мобильной Почты Mail.ru",
	"Отправлено из мобильной Яндекс.Почты",
	"Отправлено из Почты Mail.ru для Android",
	"Скачать Outlook для Android",
	"Отправлено с помощью Outlook для Android",
	"Надіслано з iPhone",
	"Надіслано з мого телефону",
	"Изпратено от моя iPhone",
	"Изпратено от Yahoo Пощата под Android",
	"Στάλθηκε από το iPhone μου",
	"Λήψη του Outlook για Android",
	"iPad'imden gönderildi",
	"Samsung cihazımdan gönderildi",
	"Android için Outlook'u edinin",
	"Outlook for Android uygulamasını edinin",
	"נשלח מה-iPhone שלי",
	"נשלח מהטלפון שלי",
	"השג את Outlook עבור Android",
	"أُرسلت من الـ iPhone",
	"تم الإرسال من هاتفي",
	"الحصول على Outlook لـ Android",
	"ارسال شده از iPhone من",
	"Đã gửi từ iPhone của tôi",
	"Được gửi từ iPhone của tôi",
	"Tải Outlook cho Android",
	"Dikirim dari iPhone saya",
	"Dapatkan Outlook untuk Android",
	"ส่งจาก iPhone ของฉัน",
	"รับ Outlook สำหรับ Android",
	"从我的 iPhone 发送",
	"从我的iPhone发送",
	"发自我的iPad",
	"发自我的小米手机",
	"发自我的华为手机",
	"发自 Outlook for Android",
	"获取 Outlook for Android",
	"获取适用于 Android 的 Outlook",
	"發自我的 iPhone",
	"從我的 iPhone 傳送",
	"取得 Android 版 Outlook",
	"来自 Windows 版邮件",
	"iPhoneから送信",
	"私のiPhoneから送信",
	"Android 版 Outlook を入手",
	"Outlook for Android を入手する",
	"나의 iPhone에서 보냄",
	"내 iPad에서 보냄",
	"내 Galaxy에서 보냄",
	"Android용 Outlook 다운로드",
	"네이버 메일 앱에서 보냄",
	"Saadetud minu iPhone'ist",
	"Nosūtīts no mana iPhone",
	"Išsiųsta iš mano iPhone",
	"Sent frá iPhone",
	"Enviat des del meu iPhone",
	"Nire iPhonetik bidalia",
	"Anfonwyd o'm iPhone",
};

static void expect_thanks(const char *format, const char *words)
{
	char text[2048];
	size_t at = 0;
	const char *mark = strstr(format, "%s");
	at = (size_t)snprintf(text, sizeof(text), "%.*s", (int)(mark - format), format);
	at += (size_t)snprintf(text + at, sizeof(text) - at, "%s", words);
	snprintf(text + at, sizeof(text) - at, "%s", mark + 2);
	expect_case(&(struct quote_case){words, "Re: x", false, text, "Thank you, it works."}, false);
}

static void words_above_a_quote(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(separators); i++) {
		expect_thanks("Thank you, it works.\n\n%s\n\nOld text.\nMore of it.\n", separators[i]);
		expect_thanks("Thank you, it works.\n%s\n> Old text.\n>\n> More.\n", separators[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(weak_separators); i++)
		expect_thanks("Thank you, it works.\n%s\n> Old text.\n>\n> More.\n", weak_separators[i]);
}

static void footers_of_programs(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(footers); i++) {
		expect_thanks("Thank you, it works.\n\n%s\n\nOn Mon, 3 Nov 2025 at 10:15, Ann "
			      "<ann@shop.example> wrote:\n> Old\n",
			      footers[i]);
		expect_thanks("Thank you, it works.\n\n%s\n", footers[i]);
	}
}

static void subjects_of_replies(void **state UNUSED)
{
	static const char *const replies[] = {
		"Re: x",    "RE : x",     "AW: x",         "Re[2]: x",    "RE(3): x",
		"SV: x",    "回复：x",    "[users] Re: x", "[EXT] AW: x", "External: RE: x",
		"Réf. : x", "Antwort: x", "Odp: x",        "R: x",        "Ответ: x",
	};
	static const char *const others[] = {
		"",          "x",         "Report: x", "Question re: x",       "Fwd: Re: x",
		"WG: AW: x", "[users] x", "[",         "A: b: c: d: e: Re: x",
	};
	for (size_t i = 0; i < ARRAY_SIZE(replies); i++)
		if (!quote_is_reply_subject(str_from(replies[i])))
			fail_msg("%s", replies[i]);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (quote_is_reply_subject(str_from(others[i])))
			fail_msg("%s", others[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_above_a_quote),
		cmocka_unit_test(footers_of_programs),
		cmocka_unit_test(subjects_of_replies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
