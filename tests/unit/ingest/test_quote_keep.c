/* Mails that only look as if they held a quote, a signature or a footer: nothing may be cut, in a reply or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/ingest/quote_cases.h"

static const char *const mails[] = {
	"On Monday, John wrote:\n"
	"that we can return the shoes. Is that so?",
	"Hello,\n"
	"\n"
	"On Monday, John wrote: \"you get your money back on 3 November\". Where is it?\n"
	"\n"
	"Bob",
	"In her mail of 3 November Ann wrote:\n"
	"\n"
	"\"We will refund 120.50 EUR.\"\n"
	"\n"
	"That has not happened.",
	"Your colleague ann@shop.example wrote:\n"
	"\n"
	"we pay it back\n"
	"\n"
	"but nothing came.",
	"The log says:\n"
	"\n"
	"From: 192.0.2.1:2525\n"
	"To: 192.0.2.9:25\n"
	"Nov 3 10:15:20 mx postfix/smtpd[12]: connect\n"
	"Nov 3 10:15:21 mx postfix/smtpd[12]: from=<a@x.example>, to=<b@y.example>\n"
	"\n"
	"What is wrong?",
	"I would like to travel\n"
	"\n"
	"Von: Berlin\n"
	"Nach: Hamburg\n"
	"Datum: 3.11.2025\n"
	"Uhrzeit: 10:15\n"
	"\n"
	"Haben Sie noch Plätze?",
	"Bitte liefern Sie\n"
	"\n"
	"Von: Berlin\n"
	"An: Hamburg\n"
	"Datum: 3.11.2025\n"
	"\n"
	"Danke",
	"Reiseanfrage\n"
	"\n"
	"De: Paris\n"
	"À: Lyon\n"
	"Date: 3/11/2025\n"
	"\n"
	"Merci de confirmer.",
	"Date: 3 November 2025\n"
	"To: all customers of the shop\n"
	"Subject of my complaint: the shoes\n"
	"\n"
	"I am angry.",
	"When I type\n"
	"\n"
	"> ls -l\n"
	"total 0\n"
	"> cat file\n"
	"cat: file: No such file\n"
	"\n"
	"what do I do?",
	"The shell says\n"
	"\n"
	"$ ls > out.txt\n"
	">> error: disk full\n"
	"\n"
	"Please help.",
	"Steps:\n"
	"\n"
	"1. I open the page\n"
	"-----\n"
	"2. I log in\n"
	"-----\n"
	"3. It fails",
	"Chapter one\n"
	"\n"
	"---\n"
	"\n"
	"It does not print.\n"
	"\n"
	"---\n"
	"\n"
	"Chapter two prints.",
	"This is the query:\n"
	"\n"
	"SELECT a FROM b -- the table\n"
	"WHERE x > 1;\n"
	"-- this is slow\n"
	"SELECT 1;\n"
	"\n"
	"Can you speed it up?",
	"Apply this patch:\n"
	"\n"
	"--- a/main.c\n"
	"+++ b/main.c\n"
	"@@ -1,3 +1,3 @@\n"
	"-int x;\n"
	"+int y;\n"
	" int z;\n"
	"\n"
	"It mends the crash.",
	"My regards\n"
	"go to the people in the shop who packed it so well.\n"
	"\n"
	"The shoes fit, but the laces are too short. Can I have longer ones?",
	"Regards to Tom!\n"
	"\n"
	"Kind regards are not enough: I want a refund for both pairs of shoes.",
	"Hola,\n"
	"\n"
	"Este email es para preguntar por mi pedido 4711.\n"
	"\n"
	"Gracias\n"
	"Bob",
	"Bonjour,\n"
	"\n"
	"Ce message contient ma question : où est ma commande ?\n"
	"\n"
	"Ce courriel est le troisième que je vous écris.",
	"Hallo,\n"
	"\n"
	"Diese E-Mail ist meine dritte Anfrage. Wo bleibt die Ware?\n"
	"\n"
	"Diese E-Mail und die beiden davor haben Sie nicht beantwortet.",
	"Buongiorno,\n"
	"\n"
	"questo messaggio è per sapere dove si trova il mio pacco.\n"
	"\n"
	"Grazie",
	"Hallo,\n"
	"\n"
	"dit bericht gaat over mijn bestelling. Waar blijft die?",
	"Здравствуйте,\n"
	"\n"
	"это сообщение по поводу заказа 4711. Где он?",
	"Hi,\n"
	"\n"
	"if you have received this parcel, please tell me.\n"
	"\n"
	"If you have received this mail twice, forget the second.",
	"Hi,\n"
	"\n"
	"This message may contain a stupid question, but how do I log in?\n"
	"\n"
	"Thanks",
	"Fields of the form:\n"
	"\n"
	"Name: Bob\n"
	"From: Monday\n"
	"To: Friday\n"
	"Subject: holiday\n"
	"\n"
	"Please enter it.",
	"Name: Bob Miller\n"
	"Email: bob@mail.example\n"
	"Phone: 555 0100\n"
	"Subject: broken shoes\n"
	"Message: they broke on the first day",
	"sent from my old address, please use the new one from now on:\n"
	"Main Street 12",
	"Sent from the hospital where I lie since Monday. Please call my wife.",
	"I have sent via DHL the shoes\n"
	"\n"
	"and I wait for my money.",
	"Gesendet mit DHL am Montag, Sendungsnummer 00340434161094042557.",
	"Enviado desde Madrid el lunes, todavía no ha llegado nada.",
	"The parcel was\n"
	"\n"
	"Sent from Hamburg\n"
	"\n"
	"on Monday and has not come.",
	"A table:\n"
	"\n"
	"________________\n"
	"| a | b |\n"
	"________________\n"
	"| 1 | 2 |\n"
	"________________\n"
	"\n"
	"Which is right?",
	"__init__ is not found:\n"
	"\n"
	"__main__.py:12: from x import y\n"
	"On 2025-11-03 10:15:20 ERROR wrote: 12 bytes\n"
	"\n"
	"What is it?",
	"Options:\n"
	"\n"
	"-Red\n"
	"-Blue\n"
	"\n"
	"Which have you got?",
	"Am 3. November um 10:15 Uhr war ich im Laden. Ihre Kollegin schrieb mir einen Zettel:\n"
	"\"Kommen Sie morgen wieder\". Und nun?",
	"Le 3 novembre 2025 à 10:15 votre collègue m'a écrit :\n"
	"\"nous remboursons\". Où est l'argent ?",
	"At 10:15 on 3 November 2025 the server wrote this into the log:\n"
	"\n"
	"disk full\n"
	"\n"
	"What shall I do?",
	"1. Original message: \"Hello\"\n"
	"2. Forwarded message: \"Hello 2\"\n"
	"\n"
	"Which of the texts do you use in the template?",
	"The button says \"Original Message\". What does it do?\n"
	"\n"
	"Original message:\n"
	"it shows nothing.\n"
	"\n"
	"Forwarded message: it shows nothing, too.",
	"To: the manager of the shop\n"
	"\n"
	"Dear Sir or Madam,\n"
	"\n"
	"my shoes are broken.",
	"Dear all,\n"
	"\n"
	"From: now on I use this address.\n"
	"\n"
	"Date: today\n"
	"\n"
	"Bob",
	"----- START -----\n"
	"key = value\n"
	"----- END -----\n"
	"\n"
	"That is my file. Is it right?",
	"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
	"\n"
	"mQENBF\n"
	"-----END PGP PUBLIC KEY BLOCK-----\n"
	"\n"
	"This is my key.",
	"The mail that I sent has these lines:\n"
	"\n"
	"MAIL FROM:<a@x.example>\n"
	"RCPT TO:<b@y.example>\n"
	"DATA\n"
	"Subject: test\n"
	".\n"
	"\n"
	"The server says 550.",
	"Quoting the manual: \"press the red button\".\n"
	"\n"
	"I did, and it exploded.",
	"Reply above this line is what your mails say. Why?\n"
	"\n"
	"I always reply below.",
	"Dear Ann,\n"
	"\n"
	"Best wishes for the new year!\n"
	"\n"
	"We want to order 12 pairs of shoes, size 44, to be sent to the old address.",
	"PS: this is the whole text.",
	"The options are:\n"
	"> small\n"
	"> medium\n"
	"> large\n"
	"and I want \"large\".",
	"<p> tags like <b> and\n"
	"> signs are shown wrong in my text.\n"
	"See?",
	"My shopping list\n"
	"\n"
	"--\n"
	"milk\n"
	"--\n"
	"bread\n"
	"--\n"
	"and a lot of other things that I need before the party on Saturday, so please hurry up\n"
	"with the delivery; otherwise I have to go myself.",
	"**Important**\n"
	"\n"
	"***\n"
	"\n"
	"Buy the red one.\n"
	"\n"
	"***\n"
	"\n"
	"Not the blue one.",
	"Thanks,\n"
	"\n"
	"I got the mail from you. On 11/3/2025 at 10:15 AM, the invoice number 12345 was wrong:\n"
	"it says 12346.",
	"Bitte ändern Sie meine Daten:\n"
	"\n"
	"Von: bob@old.example\n"
	"An: bob@new.example\n"
	"\n"
	"Vielen Dank!",
	"Please change my address\n"
	"\n"
	"From: bob@old.example\n"
	"To: bob@new.example\n"
	"\n"
	"and tell me when it is done.",
	"I paid for the shoes.\n"
	"\n"
	"Sent from my old address, please use the new one.\n"
	"\n"
	"Main Street 12\n"
	"Berlin",
	"Hello Ann,\n"
	"\n"
	"I asked for a refund and then your system wrote:\n"
	"\n"
	"\"Your request could not be sent.\"\n"
	"\n"
	"What is that?",
	"Hi,\n"
	"\n"
	"Note: the parcel is open.\n"
	"From: what I see, the shoes were worn\n"
	"Date: yesterday\n"
	"\n"
	"Please help.",
	"My data:\n"
	"\n"
	"Date: 3.11.2025\n"
	"To: Bob Miller, Main Street 1\n"
	"Subject to change: nothing\n"
	"\n"
	"Is it right?",
	"De: a pessoa que comprou\n"
	"Para: a loja\n"
	"\n"
	"Quero o meu dinheiro de volta.",
	"Da: Milano\n"
	"A: Roma\n"
	"Data: 3/11/2025\n"
	"\n"
	"Avete ancora posti?",
	"Od: Warszawa\n"
	"Do: Kraków\n"
	"Data: 3.11.2025\n"
	"\n"
	"Czy są jeszcze miejsca?",
	"Van: Amsterdam\n"
	"Aan: Utrecht\n"
	"Datum: 3-11-2025\n"
	"\n"
	"Is er nog plaats?",
	"от: Москва\n"
	"Кому: Анна\n"
	"Дата: 3.11.2025\n"
	"\n"
	"Есть ли места?",
	"Sehr geehrte Damen und Herren,\n"
	"\n"
	"am 3. November 2025 um 10:15 Uhr schrieb mir Frau Beispiel (ann@shop.example), dass\n"
	"die Ware unterwegs ist. Sie ist noch nicht da.",
	"Bonjour,\n"
	"\n"
	"le 3 novembre 2025 à 10:15, votre collègue Ann (ann@shop.example) a écrit que\n"
	"le colis est parti. Je n'ai rien reçu.",
	"Hi,\n"
	"\n"
	"On Monday, 3 November 2025 at 10:15, Ann (ann@shop.example) wrote me that the parcel had been\n"
	"sent. Nothing has come.",
	"You wrote:\n"
	"\n"
	"the size is 44.\n"
	"\n"
	"It is 43!",
	"You wrote on 3 November 2025 at 10:15: \"the size is 44\". It is 43!",
	"Error:\n"
	"\n"
	"> 2025-11-03 10:15:20 [error] ann@shop.example: not found\n"
	"> 2025-11-03 10:15:21 [error] again\n"
	"\n"
	"This is what I see.",
	"Code:\n"
	"\n"
	"```\n"
	">>> import x\n"
	">>> x.run()\n"
	"Traceback\n"
	"```\n"
	"\n"
	"What is wrong?",
	"C:\\> dir\n"
	"C:\\> cd x\n"
	"\n"
	"It says that the path is not found.",
	"-- I want to say this first: thank you.\n"
	"\n"
	"-- And this second: it works.",
	"---- IMPORTANT ----\n"
	"\n"
	"Please stop the order.\n"
	"\n"
	"---- END ----",
	"==========\n"
	"Order 12\n"
	"==========\n"
	"\n"
	"Order 13\n"
	"==========\n"
	"\n"
	"Which one is paid?",
	"Subject: my order\n"
	"\n"
	"From the beginning: I ordered on Monday. To make it short: nothing came. Date of payment: Tuesday.\n"
	"\n"
	"What now?",
	"Legal question: does the notice on your page hold?\n"
	"\n"
	"Confidentiality is important for us, so please sign the paper that I attach and send it back.",
	"Unsubscribe me from your list, please.\n"
	"\n"
	"To unsubscribe I clicked the link, but it shows an error.",
	"Hinweis: die Tür ist offen.\n"
	"\n"
	"Hinweis: der Schlüssel liegt unter der Matte, bitte nicht verlieren.",
	"CONFIDENTIAL: my password is swordfish.\n"
	"\n"
	"Important notice: we move on Friday. Please send everything to the new address from then on.",
	"Original message from your shop: \"ok\".\n"
	"\n"
	"What does it mean?",
	"Hi,\n"
	"\n"
	"On Monday, 3 November 2025 at 10:15, Ann (ann@shop.example) wrote:\n"
	"\n"
	"\"The parcel is on its way.\"\n"
	"\n"
	"Nothing has come. Where is it?",
};

static void nothing_is_cut(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(mails); i++) {
		expect_case(&(struct quote_case){"in a reply", "Re: x", false, mails[i], NULL}, false);
		expect_case(&(struct quote_case){"in a new mail", "A question", false, mails[i], NULL},
			    false);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
