/* What is new in mails as people and their programs write them: plain text, by program and by habit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/ingest/quote_cases.h"

static const struct quote_case mails[] = {
	{"header block pasted in a new mail, question after", "Rechnung 4711 fehlt", false,
	 "Hello,\n"
	 "\n"
	 "yesterday I got this strange mail:\n"
	 "\n"
	 "From: Billing <billing@other.example>\n"
	 "Sent: Monday, November 3, 2025 10:15 AM\n"
	 "To: Bob <bob@mail.example>\n"
	 "Subject: Your invoice\n"
	 "\n"
	 "Is this mail really from you? I did not order anything.\n"
	 "\n"
	 "Thank you\n"
	 "Bob",
	 NULL},
	{"German block pasted, body, question after", "Frage zu einer Mail", false,
	 "Guten Tag,\n"
	 "\n"
	 "ich habe diese Mail bekommen:\n"
	 "\n"
	 "Von: Rechnungsstelle\n"
	 "Gesendet: Montag, 3. November 2025 10:15\n"
	 "An: Bob\n"
	 "Betreff: Mahnung\n"
	 "\n"
	 "Bitte zahlen Sie sofort.\n"
	 "\n"
	 "Stimmt das? Ich habe schon bezahlt.",
	 NULL},
	{"full headers of a spam pasted", "Spam from your server", false,
	 "We get spam from you:\n"
	 "\n"
	 "Return-Path: <x@spam.example>\n"
	 "Received: from mail.spam.example ([192.0.2.1]) by mx.mail.example\n"
	 "From: \"Win\" <x@spam.example>\n"
	 "To: <bob@mail.example>\n"
	 "Subject: You won\n"
	 "Date: Mon, 3 Nov 2025 10:15:20 +0100\n"
	 "Message-ID: <1@spam.example>\n"
	 "\n"
	 "Please stop that machine.",
	 NULL},
	{"original message pasted in a new mail", "Complaint", false,
	 "I wrote to your shop last week:\n"
	 "\n"
	 "-----Original Message-----\n"
	 "From: Bob <bob@mail.example>\n"
	 "Sent: Monday, November 3, 2025 10:15 AM\n"
	 "To: shop@shop.example\n"
	 "Subject: Order 12\n"
	 "\n"
	 "Where is my order?\n"
	 "\n"
	 "Nobody answered. Please do.",
	 NULL},
	{"attribution pasted in a new mail", "Complaint", false,
	 "Your colleague promised it:\n"
	 "\n"
	 "On Mon, 3 Nov 2025 at 10:15, Ann Example <ann@shop.example> wrote:\n"
	 "\n"
	 "We will refund the money by Friday.\n"
	 "\n"
	 "It is Monday now and nothing has come. What happened?",
	 NULL},
	{"attribution with quoted lines in a new mail, question after", "Complaint", false,
	 "Your colleague promised it:\n"
	 "\n"
	 "On Mon, 3 Nov 2025 at 10:15, Ann Example <ann@shop.example> wrote:\n"
	 "> We will refund the money by Friday.\n"
	 "\n"
	 "It is Monday now and nothing has come. What happened?",
	 NULL},
	{"reply recognised by In-Reply-To though the subject was changed", "Order 12 arrived", true,
	 "It came today, thank you.\n"
	 "\n"
	 "From: Ann Example\n"
	 "Sent: Monday, November 3, 2025 10:15 AM\n"
	 "To: Bob\n"
	 "Subject: Order 12\n"
	 "\n"
	 "Your order is on its way.",
	 "It came today, thank you."},
	{"PS after the signature above the quote", "Re: x", false,
	 "Thank you, that works.\n"
	 "\n"
	 "-- \n"
	 "Bob Miller\n"
	 "Miller Ltd, Main Street 1\n"
	 "\n"
	 "PS: Please send the second invoice as well.\n"
	 "\n"
	 "On Mon, 3 Nov 2025 at 10:15, Ann Example <ann@shop.example> wrote:\n"
	 "> Does it work now?",
	 "Thank you, that works.\n"
	 "\n"
	 "PS: Please send the second invoice as well."},
	{"P.S. of two lines after the signature, Outlook quote", "RE: x", false,
	 "Thank you.\n"
	 "\n"
	 "--\n"
	 "Bob Miller\n"
	 "+49 30 1234567\n"
	 "\n"
	 "P.S.: One more thing: the label on the box\n"
	 "was wrong, too.\n"
	 "\n"
	 "From: Ann Example <ann@shop.example>\n"
	 "Sent: Monday, November 3, 2025 10:15 AM\n"
	 "To: Bob\n"
	 "Subject: x\n"
	 "\n"
	 "Old text.",
	 "Thank you.\n"
	 "\n"
	 "P.S.: One more thing: the label on the box\n"
	 "was wrong, too."},
	{"PS after a closing", "Re: x", false,
	 "Thank you.\n"
	 "\n"
	 "Kind regards,\n"
	 "Bob Miller\n"
	 "\n"
	 "P.S. The second parcel is missing as well.\n"
	 "\n"
	 "On Mon, 3 Nov 2025 at 10:15, Ann Example <ann@shop.example> wrote:\n"
	 "> Old.",
	 "Thank you.\n"
	 "\n"
	 "P.S. The second parcel is missing as well."},
	{"PS then phone footer", "Re: x", false,
	 "Thank you.\n"
	 "\n"
	 "-- \n"
	 "Bob\n"
	 "\n"
	 "PS: call me after five.\n"
	 "\n"
	 "Sent from my iPhone\n"
	 "\n"
	 "On 3 Nov 2025, at 10:15, Ann Example <ann@shop.example> wrote:\n"
	 "\n"
	 "> Old.",
	 "Thank you.\n"
	 "\n"
	 "PS: call me after five."},
	{"PD Spanish", "Re: x", false,
	 "Gracias.\n"
	 "\n"
	 "-- \n"
	 "Roberto Molinero\n"
	 "\n"
	 "PD: ¿Pueden enviar también la segunda factura?\n"
	 "\n"
	 "El lun, 3 nov 2025 a las 10:15, Ann (<ann@shop.example>) escribió:\n"
	 "> Vieja.",
	 "Gracias.\n"
	 "\n"
	 "PD: ¿Pueden enviar también la segunda factura?"},
	{"a name that begins with PS is no postscript", "Re: x", false,
	 "Thank you.\n"
	 "\n"
	 "-- \n"
	 "Bob Miller\n"
	 "PSI Software Ltd\n"
	 "PS Consulting, Main Street 1",
	 "Thank you."},
	{"quoted sentence without attribution, answered", "Re: x", false,
	 "> Which colour do you want?\n"
	 "\n"
	 "Blue, please.",
	 NULL},
	{"two quoted sentences without attribution, answered below", "Re: x", false,
	 "> Which colour do you want?\n"
	 "> And which size?\n"
	 "\n"
	 "Blue, and XL.\n"
	 "\n"
	 "Bob",
	 NULL},
	{"quoted sentence in a new mail", "Question", false,
	 "> Returns are free within 30 days\n"
	 "\n"
	 "That is what your site says. Is it true for shoes as well?",
	 NULL},
	{"text, quoted sentence, answer", "Re: x", false,
	 "Hi Ann,\n"
	 "\n"
	 "> Which colour do you want?\n"
	 "\n"
	 "Blue, please.\n"
	 "\n"
	 "Bob",
	 NULL},
	{"several excerpts without attribution", "Re: x", false,
	 "> Which colour?\n"
	 "\n"
	 "Blue.\n"
	 "\n"
	 "> Which size?\n"
	 "\n"
	 "XL.",
	 NULL},
	{"quoted sentence without blank line", "Re: x", false,
	 "> Which colour do you want?\n"
	 "Blue, please.",
	 NULL},
	{"whole mail quoted without attribution, answer below", "Re: x", false,
	 "> Dear Mr Miller,\n"
	 ">\n"
	 "> thank you for your order. We have a question about the delivery.\n"
	 "> The address that you gave us does not exist in our directory, so\n"
	 "> the parcel service refuses to take it. Please look at the street\n"
	 "> and the number, and tell us which is right.\n"
	 ">\n"
	 "> You find the order number below. If you write, please keep it in\n"
	 "> the subject, so that we can find it.\n"
	 ">\n"
	 "> Order number: 12345\n"
	 "> Date: 3 November 2025\n"
	 "> Article: shoes\n"
	 "> Size: 44\n"
	 ">\n"
	 "> Kind regards\n"
	 "> Ann Example\n"
	 "\n"
	 "The number is 12a, sorry.",
	 "The number is 12a, sorry."},
	{"top-posted, quote without attribution at the end", "Re: x", false,
	 "Yes, please.\n"
	 "\n"
	 "> Shall we send it again?",
	 "Yes, please."},
	{"bottom-posted with attribution", "Re: x", false,
	 "On Mon, 3 Nov 2025 at 10:15, Ann Example <ann@shop.example> wrote:\n"
	 "> Shall we send it again?\n"
	 "\n"
	 "Yes, please.\n"
	 "\n"
	 "-- \n"
	 "Bob",
	 "Yes, please."},
	{"interleaved with attribution, all kept, no signature", "Re: x", false,
	 "Ann Example wrote on 3 Nov 2025 10:15:\n"
	 "> Which colour?\n"
	 "Blue.\n"
	 "> Which size?\n"
	 "XL.\n"
	 "-- \n"
	 "Bob",
	 "Ann Example wrote on 3 Nov 2025 10:15:\n"
	 "> Which colour?\n"
	 "Blue.\n"
	 "> Which size?\n"
	 "XL."},
	{"Usenet style interleaved nested", "Re: x", false,
	 "Ann Example wrote:\n"
	 "> Bob Miller wrote:\n"
	 ">> It fails.\n"
	 "> Since when?\n"
	 "\n"
	 "Since Monday.\n"
	 "\n"
	 "> Which version?\n"
	 "\n"
	 "3.2",
	 NULL},
	{"top and bottom with Mutt attribution", "Re: x", false,
	 "* Ann Example <ann@shop.example> [2025-11-03 10:15]:\n"
	 "> Does it work?\n"
	 "\n"
	 "It does.",
	 "It does."},
	{"Gmail interleaved", "Re: x", false,
	 "Hi Ann,\n"
	 "\n"
	 "answers below.\n"
	 "\n"
	 "On Mon, Nov 3, 2025 at 10:15 AM Ann Example <ann@shop.example> wrote:\n"
	 "\n"
	 "> Which colour?\n"
	 ">\n"
	 "\n"
	 "Blue.\n"
	 "\n"
	 "\n"
	 "> Which size?\n"
	 ">\n"
	 "\n"
	 "XL.\n"
	 "\n"
	 "Bob",
	 NULL},
	{"GMX footer", "AW: x", false,
	 "Danke, das klappt.\n"
	 "--\n"
	 "Diese Nachricht wurde von meinem Android Mobiltelefon mit GMX Mail gesendet.\n"
	 "\n"
	 "Am 03.11.25, 10:15 schrieb Ann Example <ann@shop.example>:\n"
	 "\n"
	 "> Klappt es?",
	 "Danke, das klappt."},
	{"K-9", "Re: x", false,
	 "Yes, it does.\n"
	 "-- \n"
	 "Sent from my Android device with K-9 Mail. Please excuse my brevity.",
	 "Yes, it does."},
	{"K-9 German", "AW: x", false,
	 "Ja, geht.\n"
	 "\n"
	 "Am 3. November 2025 10:15:20 MEZ schrieb Ann Example <ann@shop.example>:\n"
	 ">Geht es?\n"
	 "\n"
	 "-- \n"
	 "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
	 "Ja, geht."},
	{"BlueMail", "Re: x", false,
	 "Yes.\n"
	 "\n"
	 "⁣Get BlueMail for Android ​\n"
	 "\n"
	 "On Nov 3, 2025, 10:15, at 10:15, Ann Example <ann@shop.example> wrote:\n"
	 ">Old",
	 "Yes."},
	{"Samsung", "Re: x", false,
	 "Yes, it works.\n"
	 "\n"
	 "\n"
	 "Sent from my Galaxy\n"
	 "\n"
	 "\n"
	 "-------- Original message --------\n"
	 "From: Ann Example <ann@shop.example>\n"
	 "Date: 11/3/25 10:15 (GMT+01:00)\n"
	 "To: bob@mail.example\n"
	 "Subject: x\n"
	 "\n"
	 "Old",
	 "Yes, it works."},
	{"Samsung German", "AW: x", false,
	 "Ja.\n"
	 "\n"
	 "Von meinem Galaxy gesendet\n"
	 "\n"
	 "-------- Ursprüngliche Nachricht --------\n"
	 "Von: Ann Example <ann@shop.example>\n"
	 "Datum: 03.11.25 10:15 (GMT+01:00)\n"
	 "An: bob@mail.example\n"
	 "Betreff: x\n"
	 "\n"
	 "Alt",
	 "Ja."},
	{"Spark", "Re: x", false,
	 "Yes.\n"
	 "\n"
	 "Sent via Spark\n"
	 "On 3 Nov 2025 at 10:15 +0100, Ann Example <ann@shop.example>, wrote:\n"
	 "> Old",
	 "Yes."},
	{"Superhuman", "Re: x", false,
	 "Yes.\n"
	 "\n"
	 "Sent via [Superhuman](https://sprh.mn/?vip=bob@mail.example)\n"
	 "\n"
	 "On Mon, Nov 03, 2025 at 10:15 AM, Ann Example <ann@shop.example> wrote:\n"
	 "\n"
	 "> Old",
	 "Yes."},
	{"Proton", "Re: x", false,
	 "Yes.\n"
	 "\n"
	 "Sent with [Proton Mail](https://proton.me/mail/home) secure email.\n"
	 "\n"
	 "On Monday, November 3rd, 2025 at 10:15, Ann Example <ann@shop.example> wrote:\n"
	 "\n"
	 "> Old",
	 "Yes."},
	{"Proton mobile", "Re: x", false,
	 "Yes.\n"
	 "\n"
	 "Sent from Proton Mail for iOS\n"
	 "\n"
	 "On Mon, Nov 3, 2025 at 10:15, Ann Example <[ann@shop.example](mailto:On Mon, Nov 3, 2025 at 10:15, "
	 "Ann Example <<a href=)> wrote:\n"
	 "\n"
	 "> Old",
	 "Yes."},
	{"Hey", "Re: x", false,
	 "Yes.\n"
	 "\n"
	 "On November 3, 2025, Ann Example <ann@shop.example> wrote:\n"
	 "> Old",
	 "Yes."},
	{"Yahoo mobile", "Re: x", false,
	 "Yes.\n"
	 "\n"
	 "Sent from Yahoo Mail for iPhone\n"
	 "\n"
	 "\n"
	 "On Monday, November 3, 2025, 10:15 AM, Ann Example <ann@shop.example> wrote:\n"
	 "\n"
	 "Old text.",
	 "Yes."},
	{"Yahoo mobile Spanish", "Re: x", false,
	 "Sí.\n"
	 "\n"
	 "Enviado desde Yahoo Mail para Android\n"
	 "\n"
	 "  El lun., 3 de nov. de 2025 a la(s) 10:15, Ann Example<ann@shop.example> escribió:   Texto viejo.",
	 "Sí."},
	{"Yahoo mobile with quote on the same line", "Re: x", false,
	 "Yes it works.\n"
	 "\n"
	 "Sent from Yahoo Mail on Android\n"
	 "\n"
	 "  On Mon, Nov 3, 2025 at 10:15 AM, Ann Example<ann@shop.example> wrote:   Old text goes on here.\n"
	 "More of it.",
	 "Yes it works."},
	{"Lotus Notes", "Re: x", false,
	 "Yes, it works.\n"
	 "\n"
	 "Bob Miller\n"
	 "\n"
	 "\n"
	 "\n"
	 "From:\tAnn Example <ann@shop.example>\n"
	 "To:\tbob@mail.example, \n"
	 "Date:\t03.11.2025 10:15\n"
	 "Subject:\tYour question\n"
	 "\n"
	 "\n"
	 "\n"
	 "Old text.",
	 "Yes, it works.\n"
	 "\n"
	 "Bob Miller"},
	{"Lotus Notes German", "Antwort: x", false,
	 "Ja, das geht.\n"
	 "\n"
	 "Von:\tAnn Example/Shop/DE\n"
	 "An:\tBob Miller/Kunde/DE@Kunde\n"
	 "Datum:\t03.11.2025 10:15\n"
	 "Betreff:\tFrage\n"
	 "\n"
	 "Alter Text.",
	 "Ja, das geht."},
	{"Outlook mobile", "Re: x", false,
	 "Yes.\n"
	 "\n"
	 "Get Outlook for iOS<https://aka.ms/o0ukef>\n"
	 "________________________________\n"
	 "From: Ann Example <ann@shop.example>\n"
	 "Sent: Monday, November 3, 2025 10:15:20 AM\n"
	 "To: bob@mail.example <bob@mail.example>\n"
	 "Subject: x\n"
	 "\n"
	 "Old",
	 "Yes."},
	{"Outlook mobile German, names only", "AW: x", false,
	 "Ja.\n"
	 "\n"
	 "Holen Sie sich Outlook für Android<https://aka.ms/AAb9ysg>\n"
	 "________________________________\n"
	 "Von: Ann Example\n"
	 "Gesendet: Montag, 3. November 2025 10:15:20\n"
	 "An: Bob\n"
	 "Betreff: x\n"
	 "\n"
	 "Alt",
	 "Ja."},
	{"Outlook mobile French", "RE: x", false,
	 "Oui.\n"
	 "\n"
	 "Obtenir Outlook pour iOS<https://aka.ms/o0ukef>\n"
	 "________________________________\n"
	 "De : Ann Example <ann@shop.example>\n"
	 "Envoyé : lundi 3 novembre 2025 10:15:20\n"
	 "À : Bob\n"
	 "Objet : x\n"
	 "\n"
	 "Vieux",
	 "Oui."},
	{"Outlook for Mac", "Re: x", false,
	 "Yes.\n"
	 "\n"
	 "From: Ann Example <ann@shop.example>\n"
	 "Date: Monday, 3 November 2025 at 10:15\n"
	 "To: Bob Miller <bob@mail.example>\n"
	 "Subject: x\n"
	 "Old text",
	 "Yes."},
	{"Outlook caution banner", "RE: x", false,
	 "Yes.\n"
	 "\n"
	 "From: Ann Example <ann@shop.example>\n"
	 "Sent: Monday, November 3, 2025 10:15 AM\n"
	 "To: Bob\n"
	 "Subject: x\n"
	 "\n"
	 "CAUTION: This email originated from outside of the organization.\n"
	 "\n"
	 "Old",
	 "Yes."},
	{"corporate disclaimer below the quote-free text", "Re: x", false,
	 "Yes, we accept the offer.\n"
	 "\n"
	 "Bob Miller\n"
	 "\n"
	 "This email and any attachments are confidential and intended solely for\n"
	 "the addressee. If you are not the addressee, delete it.",
	 "Yes, we accept the offer.\n"
	 "\n"
	 "Bob Miller"},
	{"CONFIDENTIAL footer in capitals", "Re: x", false,
	 "Yes, we accept the offer.\n"
	 "\n"
	 "CONFIDENTIALITY NOTICE: This e-mail message, including any attachments, is for\n"
	 "the sole use of the intended recipient(s).",
	 "Yes, we accept the offer."},
	{"disclaimer between rules", "Re: x", false,
	 "Yes, we accept the offer.\n"
	 "\n"
	 "**********************************************************************\n"
	 "This email and any files transmitted with it are confidential.\n"
	 "**********************************************************************",
	 "Yes, we accept the offer."},
	{"German Vertraulichkeit", "AW: x", false,
	 "Ja, gerne.\n"
	 "\n"
	 "Diese E-Mail enthält vertrauliche und/oder rechtlich geschützte Informationen.\n"
	 "Wenn Sie nicht der richtige Adressat sind, löschen Sie sie bitte.",
	 "Ja, gerne."},
	{"a closing with a name and a phone", "Re: x", false,
	 "It works now.\n"
	 "\n"
	 "Best regards,\n"
	 "\n"
	 "Bob Miller\n"
	 "Head of Shoes\n"
	 "Phone: +1 555 0100",
	 "It works now."},
	{"German closing", "AW: x", false,
	 "Es geht jetzt.\n"
	 "\n"
	 "Mit freundlichen Grüßen\n"
	 "Bob Müller",
	 "Es geht jetzt."},
	{"closing in the middle stays", "Re: x", false,
	 "Dear Ann,\n"
	 "\n"
	 "give Tom my\n"
	 "\n"
	 "best regards\n"
	 "\n"
	 "and tell him that the shoes fit. I wear them every day, and they are still like\n"
	 "new after all these weeks in the rain, which I did not believe at first.\n"
	 "\n"
	 "Also, may I have another pair, one in blue and one in green, for the two children?\n"
	 "\n"
	 "They are growing so fast that I need a size more.\n"
	 "\n"
	 "The address is the same.\n"
	 "\n"
	 "See you\n"
	 "Bob",
	 NULL},
	{"underscore signature", "Re: x", false,
	 "It works now.\n"
	 "\n"
	 "__\n"
	 "Bob Miller",
	 "It works now."},
	{"Avast footer", "Re: x", false,
	 "It works now.\n"
	 "\n"
	 "---\n"
	 "This email has been checked for viruses by Avast antivirus software.\n"
	 "https://www.avast.com/antivirus",
	 "It works now."},
	{"Virus-free footer", "Re: x", false,
	 "It works now.\n"
	 "\n"
	 "Virus-free.www.avast.com <https://www.avast.com/sig-email>\n"
	 "<#DAB4FAD8-2DD7-40BB-A1B8-4E2AA1F9FDF2>\n"
	 "\n"
	 "On Mon, Nov 3, 2025 at 10:15 AM Ann <ann@shop.example> wrote:\n"
	 "\n"
	 "> Old",
	 "It works now."},
	{"forward that is the message", "Fwd: broken", false,
	 "Please see below, what shall I do?\n"
	 "\n"
	 "---------- Forwarded message ---------\n"
	 "From: Supplier <s@sup.example>\n"
	 "Date: Mon, Nov 3, 2025 at 10:15 AM\n"
	 "Subject: broken\n"
	 "To: Bob <bob@mail.example>\n"
	 "\n"
	 "The machine is broken.",
	 NULL},
	{"forward by Outlook with WG", "WG: kaputt", false,
	 "Bitte prüfen.\n"
	 "\n"
	 "Von: Lieferant <s@sup.example>\n"
	 "Gesendet: Montag, 3. November 2025 10:15\n"
	 "An: Bob\n"
	 "Betreff: kaputt\n"
	 "\n"
	 "Die Maschine ist kaputt.",
	 NULL},
	{"forward by Apple Mail", "Fwd: broken", false,
	 "See this:\n"
	 "\n"
	 "Begin forwarded message:\n"
	 "\n"
	 "From: Supplier <s@sup.example>\n"
	 "Subject: broken\n"
	 "Date: 3 November 2025 at 10:15:20 CET\n"
	 "To: Bob <bob@mail.example>\n"
	 "\n"
	 "The machine is broken.",
	 NULL},
	{"Apple Mail forward French inside a reply", "Re: x", false,
	 "Voir ci-dessous.\n"
	 "\n"
	 "Début du message transféré :\n"
	 "\n"
	 "De: Fournisseur <s@sup.example>\n"
	 "Objet: panne\n"
	 "Date: 3 novembre 2025 à 10:15:20 UTC+1\n"
	 "À: Bob <bob@mail.example>\n"
	 "\n"
	 "La machine est en panne.",
	 NULL},
	{"Thunderbird forward German", "Fwd: x", false,
	 "Bitte lesen.\n"
	 "\n"
	 "-------- Weitergeleitete Nachricht --------\n"
	 "Betreff: x\n"
	 "Datum: Mon, 3 Nov 2025 10:15:20 +0100\n"
	 "Von: Ann <ann@sup.example>\n"
	 "An: bob@mail.example\n"
	 "\n"
	 "Text.",
	 NULL},
	{"Horde", "Re: x", false,
	 "It does, thanks.\n"
	 "\n"
	 "Quoting Ann Example <ann@shop.example>:\n"
	 "\n"
	 "> Does it work?\n"
	 ">",
	 "It does, thanks."},
	{"Zendesk", "Re: x", false,
	 "It does, thanks.\n"
	 "\n"
	 "On Mon, Nov 3, 2025 at 10:15 AM Shop (Support) <support@shop.example> wrote:\n"
	 "\n"
	 "> ##- Please type your reply above this line -##\n"
	 ">\n"
	 "> Your request (12) has been updated.",
	 "It does, thanks."},
	{"reply above line, answer is prose", "Re: x", false,
	 "I wrote my reply above this line of your mail, but the system did not take it.\n"
	 "What am I doing wrong?",
	 NULL},
	{"Freshdesk style", "Re: x", false,
	 "It does, thanks.\n"
	 "\n"
	 "#---Please reply above this line---#\n"
	 "\n"
	 "Hi Bob, does it work?",
	 "It does, thanks."},
	{"QQ", "回复：x", false,
	 "可以了，谢谢。\n"
	 "\n"
	 "\n"
	 "------------------ 原始邮件 ------------------\n"
	 "发件人:                                                                                            "
	 "                            \"Ann\"                                                                "
	 "                    <ann@shop.example&gt;;\n"
	 "发送时间:&nbsp;2025年11月3日(星期一) 上午10:15\n"
	 "收件人:&nbsp;\"bob\"<bob@mail.example&gt;;\n"
	 "\n"
	 "主题:&nbsp;问题\n"
	 "\n"
	 "\n"
	 "旧",
	 "可以了，谢谢。"},
	{"163", "Re: x", false,
	 "可以了，谢谢。\n"
	 "\n"
	 "\n"
	 "\n"
	 "\n"
	 "At 2025-11-03 10:15:20, \"Ann Example\" <ann@shop.example> wrote:\n"
	 "\n"
	 "旧的内容",
	 "可以了，谢谢。"},
	{"Naver", "RE: x", false,
	 "됩니다. 감사해요.\n"
	 "\n"
	 "-----Original Message-----\n"
	 "From: \"Ann\"<ann@shop.example>\n"
	 "To: <bob@mail.example>;\n"
	 "Cc:\n"
	 "Sent: 2025-11-03 (월) 10:15:20 (GMT+09:00)\n"
	 "Subject: 질문\n"
	 "\n"
	 "옛글",
	 "됩니다. 감사해요."},
	{"mail.ru with footer", "Re: x", false,
	 "Да, работает.\n"
	 "\n"
	 "--\n"
	 "Иван Иванов\n"
	 "Отправлено из Почты Mail\n"
	 "\n"
	 "\n"
	 "Понедельник, 3 ноября 2025, 10:15 +03:00 от Ann Example <ann@shop.example>:\n"
	 " \n"
	 ">Работает?",
	 "Да, работает."},
	{"mail.ru everything in >", "Re: x", false,
	 "Да, работает.\n"
	 "\n"
	 ">Понедельник, 3 ноября 2025, 10:15 +03:00 от Ann Example <ann@shop.example>:\n"
	 ">\n"
	 ">Работает?",
	 "Да, работает."},
	{"Yandex", "Re: x", false,
	 "Да, работает.\n"
	 " \n"
	 "-- \n"
	 "Отправлено из мобильного приложения Яндекс Почты\n"
	 " \n"
	 " \n"
	 "03.11.2025, 10:15, \"Ann Example\" <ann@shop.example>:\n"
	 "\n"
	 "Работает?",
	 "Да, работает."},
	{"Roundcube bottom", "Re: x", false,
	 "On 2025-11-03 10:15, Ann Example wrote:\n"
	 "> Does it work?\n"
	 "\n"
	 "It does.",
	 "It does."},
	{"Windows Mail footer", "RE: x", false,
	 "Yes.\n"
	 "\n"
	 "Sent from Mail for Windows\n"
	 "\n"
	 "From: Ann Example\n"
	 "Sent: Monday, November 3, 2025 10:15 AM\n"
	 "To: Bob\n"
	 "Subject: x\n"
	 "\n"
	 "Old",
	 "Yes."},
	{"Windows 10 German footer", "AW: x", false,
	 "Ja.\n"
	 "\n"
	 "Gesendet von Mail für Windows 10\n"
	 "\n"
	 "Von: Ann Example\n"
	 "Gesendet: Montag, 3. November 2025 10:15\n"
	 "An: Bob\n"
	 "Betreff: x\n"
	 "\n"
	 "Alt",
	 "Ja."},
	{"French iPhone", "Re: x", false,
	 "Oui.\n"
	 "\n"
	 "Envoyé de mon iPhone\n"
	 "\n"
	 "> Le 3 nov. 2025 à 10:15, Ann Example <ann@shop.example> a écrit :\n"
	 "> \n"
	 "> ﻿Vieux",
	 "Oui."},
	{"Portuguese iPhone", "Re: x", false,
	 "Sim.\n"
	 "\n"
	 "Enviado do meu iPhone\n"
	 "\n"
	 "> Em 3 de nov. de 2025, à(s) 10:15, Ann Example <ann@shop.example> escreveu:\n"
	 "> \n"
	 "> Velho",
	 "Sim."},
	{"Czech seznam", "Re: x", false,
	 "Ano, funguje.\n"
	 "\n"
	 "\n"
	 "---------- Původní e-mail ----------\n"
	 "Od: Ann Example <ann@shop.example>\n"
	 "Komu: bob@mail.example\n"
	 "Datum: 3. 11. 2025 10:15:20\n"
	 "Předmět: Dotaz\n"
	 "\n"
	 "Staré",
	 "Ano, funguje."},
	{"orange.fr", "re: x", false,
	 "Oui.\n"
	 "\n"
	 "\n"
	 "\n"
	 "\n"
	 "\n"
	 "> Message du 03/11/25 10:15\n"
	 "> De : \"Ann Example\" <ann@shop.example>\n"
	 "> A : bob@mail.example\n"
	 "> Copie à : \n"
	 "> Objet : x\n"
	 "> \n"
	 "> Vieux",
	 "Oui."},
	{"web.de", "Aw: x", false,
	 "Ja, danke.\n"
	 " \n"
	 "Gesendet: Montag, 03. November 2025 um 10:15 Uhr\n"
	 "Von: \"Ann Example\" <ann@shop.example>\n"
	 "An: bob@mail.example\n"
	 "Betreff: x\n"
	 "Alt",
	 "Ja, danke."},
	{"t-online", "AW: x", false,
	 "Ja, danke.\n"
	 "\n"
	 "-----Original-Nachricht-----\n"
	 "Betreff: x\n"
	 "Datum: 2025-11-03T10:15:20+0100\n"
	 "Von: \"Ann Example\" <ann@shop.example>\n"
	 "An: \"bob@mail.example\" <bob@mail.example>\n"
	 "\n"
	 "Alt",
	 "Ja, danke."},
	{"libero", "Re: x", false,
	 "Sì, grazie.\n"
	 "----Messaggio originale----\n"
	 "Da: ann@shop.example\n"
	 "Data: 3-nov-2025 10.15\n"
	 "A: <bob@mail.example>\n"
	 "Ogg: x\n"
	 "\n"
	 "Vecchio",
	 "Sì, grazie."},
	{"interia", "Odp: x", false,
	 "Tak, dziękuję.\n"
	 "\n"
	 "Od: \"Ann Example\" <ann@shop.example>\n"
	 "Do: bob@mail.example\n"
	 "Wysłane: 10:15 Poniedziałek 2025-11-03\n"
	 "Temat: x\n"
	 "\n"
	 "> Stare",
	 "Tak, dziękuję."},
	{"wp.pl", "Odp: x", false,
	 "Tak, dziękuję.\n"
	 "\n"
	 "Dnia 3 listopada 2025 10:15 Ann Example <ann@shop.example> napisał(a):\n"
	 "\n"
	 "Stare",
	 "Tak, dziękuję."},
	{"freemail.hu", "Re: x", false,
	 "Igen, köszönöm.\n"
	 "\n"
	 "Ann Example <ann@shop.example> írta:\n"
	 ">Régi",
	 "Igen, köszönöm."},
	{"answers below in red, Outlook", "RE: x", false,
	 "Hi Ann,\n"
	 "\n"
	 "please see my answers below in red.\n"
	 "\n"
	 "Bob\n"
	 "\n"
	 "From: Ann Example <ann@shop.example>\n"
	 "Sent: Monday, November 3, 2025 10:15 AM\n"
	 "To: Bob\n"
	 "Subject: x\n"
	 "\n"
	 "Which colour do you want?\n"
	 "Blue.\n"
	 "Which size?\n"
	 "XL.",
	 NULL},
	{"Antworten unten, German Outlook", "AW: x", false,
	 "Hallo, meine Antworten stehen unten im Text.\n"
	 "\n"
	 "Von: Ann Example\n"
	 "Gesendet: Montag, 3. November 2025 10:15\n"
	 "An: Bob\n"
	 "Betreff: x\n"
	 "\n"
	 "Welche Farbe? --> Blau",
	 NULL},
	{"shoes in red are no hint", "RE: x", false,
	 "Do you have them in red? See below for the old order.\n"
	 "\n"
	 "From: Ann Example <ann@shop.example>\n"
	 "Sent: Monday, November 3, 2025 10:15 AM\n"
	 "To: Bob\n"
	 "Subject: x\n"
	 "\n"
	 "Old.",
	 "Do you have them in red? See below for the old order."},
	{"a patch with git's version and a question", "A question", false,
	 "Patch 2:\n"
	 "\n"
	 "diff --git a/x b/x\n"
	 "--\n"
	 "2.39.0\n"
	 "\n"
	 "does this apply?",
	 NULL},
	{"a patch with git's version and a question, in a reply", "Re: A question", true,
	 "Patch 2:\n"
	 "\n"
	 "diff --git a/x b/x\n"
	 "--\n"
	 "2.39.0\n"
	 "\n"
	 "does this apply?",
	 "Patch 2:\n"
	 "\n"
	 "diff --git a/x b/x\n"
	 "\n"
	 "does this apply?"},
	/* a mail that answers none: what is below the name is said, if it is no signature to its end */
	{"order numbers below the name", "Heizung", false,
	 "Die Heizung ist kalt.\n\nViele Grüße\nEva Muster\n\nSeriennummer: 4711-B\nKundennummer: 99812",
	 NULL},
	{"a log below the name", "Crash", false,
	 "It ends when I press Save.\n\nRegards,\nBob\n\n2026-11-12 10:00:01 ERROR disk: no such table\n"
	 "2026-11-12 10:00:02 FATAL worker: exit 3",
	 NULL},
	{"a list below the name", "Commande", false,
	 "Voici ma commande.\n\nCordialement\nLuc\n\n- 3 boîtes bleues\n- 2 boîtes rouges", NULL},
	{"dashes as a rule", "Refund", false,
	 "Please pay it back to this account:\n--\nIBAN: DE02 1203 0000 0000 2020 51\nName: Bob Example",
	 NULL},
	{"prose below dashes", "Two things", false,
	 "The door does not close any more.\n-- \nThe second thing is the key, which I have lost on the way "
	 "home.\n"
	 "My neighbour has another one, but he is away until Monday.",
	 NULL},
	{"a signature below the name all the same", "Heating", false,
	 "The heating is cold.\n\nKind regards,\nEva Example\nHead of Sales\n\nExample GmbH | Main Street 1\n"
	 "Tel.: +49 30 1234567\nwww.example.com",
	 "The heating is cold."},
	{"a signature below dashes all the same", "Heating", false,
	 "The heating is cold.\n\n-- \nEva Example\nMobile: +49 170 1234567", "The heating is cold."},
	{"said again below the closing", "A question", false,
	 "I have two questions:\n"
	 "\n"
	 "1) Where is my parcel?\n"
	 "\n"
	 "Best regards\n"
	 "Bob\n"
	 "\n"
	 "The number of my order is 12345, and my address has changed to Main Street 12.",
	 NULL},
	{"said again below the closing, in a reply", "Re: A question", true,
	 "I have two questions:\n"
	 "\n"
	 "1) Where is my parcel?\n"
	 "\n"
	 "Best regards\n"
	 "Bob\n"
	 "\n"
	 "The number of my order is 12345, and my address has changed to Main Street 12.",
	 "I have two questions:\n"
	 "\n"
	 "1) Where is my parcel?\n"
	 "\n"
	 "The number of my order is 12345, and my address has changed to Main Street 12."},
	{"Outlook German with sentence above and forwarded inside", "AW: x", false,
	 "Danke!\n"
	 "\n"
	 "Von: Ann Example <ann@shop.example>\n"
	 "Gesendet: Montag, 3. November 2025 10:15\n"
	 "An: Bob <bob@mail.example>\n"
	 "Cc: Carl\n"
	 "Betreff: AW: x\n"
	 "Wichtigkeit: Hoch\n"
	 "\n"
	 "Hallo",
	 "Danke!"},
	{"Outlook Spanish names only", "RE: x", false,
	 "Gracias.\n"
	 "\n"
	 "De: Ann Example\n"
	 "Enviado: lunes, 3 de noviembre de 2025 10:15\n"
	 "Para: Bob\n"
	 "Asunto: x\n"
	 "\n"
	 "Viejo",
	 "Gracias."},
	{"Outlook Portuguese web", "RE: x", false,
	 "Obrigado.\n"
	 "________________________________\n"
	 "De: Ann Example\n"
	 "Enviado: segunda-feira, 3 de novembro de 2025 10:15\n"
	 "Para: Bob\n"
	 "Assunto: x\n"
	 "\n"
	 "Velho",
	 "Obrigado."},
	{"Outlook Swedish names only", "Sv: x", false,
	 "Tack.\n"
	 "\n"
	 "Från: Ann\n"
	 "Skickat: måndag 3 november 2025\n"
	 "Till: Bob\n"
	 "Ämne: x\n"
	 "\n"
	 "Gammal",
	 "Tack."},
	{"Outlook Danish", "Sv: x", false,
	 "Tak.\n"
	 "\n"
	 "Fra: Ann\n"
	 "Sendt: 3. november 2025 10:15\n"
	 "Til: Bob\n"
	 "Emne: x\n"
	 "\n"
	 "Gammel",
	 "Tak."},
	{"Outlook Polish", "Odp: x", false,
	 "Dzięki.\n"
	 "\n"
	 "Od: Ann\n"
	 "Wysłano: poniedziałek, 3 listopada 2025 10:15\n"
	 "Do: Bob\n"
	 "Temat: x\n"
	 "\n"
	 "Stare",
	 "Dzięki."},
	{"Outlook Romanian", "RE: x", false,
	 "Mulțumesc.\n"
	 "\n"
	 "De la: Ann\n"
	 "Trimis: luni, 3 noiembrie 2025 10:15\n"
	 "Către: Bob\n"
	 "Subiect: x\n"
	 "\n"
	 "Vechi",
	 "Mulțumesc."},
	{"Outlook Japanese", "Re: x", false,
	 "ありがとうございます。\n"
	 "\n"
	 "差出人: Ann\n"
	 "送信日時: 2025年11月3日 10:15\n"
	 "宛先: Bob\n"
	 "件名: x\n"
	 "\n"
	 "古い",
	 "ありがとうございます。"},
	{"Outlook Korean", "RE: x", false,
	 "감사합니다.\n"
	 "\n"
	 "보낸 사람: Ann\n"
	 "보낸 날짜: 2025년 11월 3일 월요일 오전 10:15\n"
	 "받는 사람: Bob\n"
	 "제목: x\n"
	 "\n"
	 "옛",
	 "감사합니다."},
	{"Outlook Thai", "RE: x", false,
	 "ขอบคุณ\n"
	 "\n"
	 "จาก: Ann\n"
	 "ส่ง: 3 พฤศจิกายน 2025 10:15\n"
	 "ถึง: Bob\n"
	 "เรื่อง: x\n"
	 "\n"
	 "เก่า",
	 "ขอบคุณ"},
	{"Outlook Vietnamese", "RE: x", false,
	 "Cảm ơn.\n"
	 "\n"
	 "Từ: Ann\n"
	 "Đã gửi: Thứ Hai, 3 tháng 11 2025\n"
	 "Đến: Bob\n"
	 "Chủ đề: x\n"
	 "\n"
	 "Cũ",
	 "Cảm ơn."},
	{"Outlook Ukrainian", "RE: x", false,
	 "Дякую.\n"
	 "\n"
	 "Від: Ann\n"
	 "Відправлено: 3 листопада 2025 р. 10:15\n"
	 "Кому: Bob\n"
	 "Тема: x\n"
	 "\n"
	 "Старе",
	 "Дякую."},
	{"Outlook Bulgarian", "RE: x", false,
	 "Благодаря.\n"
	 "\n"
	 "От: Ann\n"
	 "Изпратено: 3 ноември 2025 10:15\n"
	 "До: Bob\n"
	 "Тема: x\n"
	 "\n"
	 "Старо",
	 "Благодаря."},
	{"Outlook Croatian", "RE: x", false,
	 "Hvala.\n"
	 "\n"
	 "Šalje: Ann\n"
	 "Poslano: 3. studenoga 2025. 10:15\n"
	 "Prima: Bob\n"
	 "Predmet: x\n"
	 "\n"
	 "Staro",
	 "Hvala."},
	{"Outlook Slovenian", "RE: x", false,
	 "Hvala.\n"
	 "\n"
	 "Od: Ann\n"
	 "Poslano: 3. november 2025 10:15\n"
	 "Za: Bob\n"
	 "Zadeva: x\n"
	 "\n"
	 "Staro",
	 "Hvala."},
	{"Outlook Slovak", "RE: x", false,
	 "Vďaka.\n"
	 "\n"
	 "Od: Ann\n"
	 "Odoslané: pondelok 3. novembra 2025 10:15\n"
	 "Komu: Bob\n"
	 "Predmet: x\n"
	 "\n"
	 "Staré",
	 "Vďaka."},
	{"Outlook Estonian", "RE: x", false,
	 "Aitäh.\n"
	 "\n"
	 "Saatja: Ann\n"
	 "Saatmisaeg: esmaspäev, 3. november 2025 10:15\n"
	 "Adressaat: Bob\n"
	 "Teema: x\n"
	 "\n"
	 "Vana",
	 "Aitäh."},
	{"Outlook Lithuanian", "RE: x", false,
	 "Ačiū.\n"
	 "\n"
	 "Nuo: Ann\n"
	 "Išsiųsta: 2025 m. lapkričio 3 d. 10:15\n"
	 "Kam: Bob\n"
	 "Tema: x\n"
	 "\n"
	 "Senas",
	 "Ačiū."},
	{"Outlook Latvian", "RE: x", false,
	 "Paldies.\n"
	 "\n"
	 "No: Ann\n"
	 "Nosūtīts: 2025. gada 3. novembris 10:15\n"
	 "Kam: Bob\n"
	 "Tēma: x\n"
	 "\n"
	 "Vecs",
	 "Paldies."},
	{"Outlook Norwegian", "SV: x", false,
	 "Takk.\n"
	 "\n"
	 "Fra: Ann\n"
	 "Sendt: mandag 3. november 2025 10:15\n"
	 "Til: Bob\n"
	 "Emne: x\n"
	 "\n"
	 "Gammel",
	 "Takk."},
	{"Outlook Indonesian", "RE: x", false,
	 "Terima kasih.\n"
	 "\n"
	 "Dari: Ann\n"
	 "Dikirim: Senin, 3 November 2025 10:15\n"
	 "Kepada: Bob\n"
	 "Subjek: x\n"
	 "\n"
	 "Lama",
	 "Terima kasih."},
	{"Outlook Catalan", "RE: x", false,
	 "Gràcies.\n"
	 "\n"
	 "De: Ann\n"
	 "Enviat el: dilluns, 3 de novembre de 2025 10:15\n"
	 "Per a: Bob\n"
	 "Tema: x\n"
	 "\n"
	 "Vell",
	 "Gràcies."},
	{"Outlook simplified Chinese", "答复: x", false,
	 "谢谢。\n"
	 "\n"
	 "发件人: Ann\n"
	 "发送时间: 2025年11月3日 10:15\n"
	 "收件人: Bob\n"
	 "主题: x\n"
	 "\n"
	 "旧",
	 "谢谢。"},
	{"Outlook for Mac date first Chinese", "Re: x", false,
	 "谢谢。\n"
	 "\n"
	 "发件人： Ann <ann@shop.example>\n"
	 "日期： 星期一, 2025年11月3日 上午10:15\n"
	 "收件人： Bob <bob@mail.example>\n"
	 "主题： x\n"
	 "旧",
	 "谢谢。"},
	{"bold labels in plain text with blank lines between", "RE: x", false,
	 "Thanks.\n"
	 "\n"
	 "*From:* Ann Example\n"
	 "\n"
	 "*Sent:* Monday, November 3, 2025 10:15 AM\n"
	 "\n"
	 "*To:* Bob\n"
	 "\n"
	 "*Subject:* x\n"
	 "\n"
	 "Old",
	 "Thanks."},
	{"a name and phone as signature stays or goes, the text stays", "Re: x", false,
	 "The second one, please.\n"
	 "\n"
	 "Bob Miller\n"
	 "+1 555 0100",
	 NULL},
	{"disclaimer then quote", "Re: x", false,
	 "Yes, we accept.\n"
	 "\n"
	 "Bob\n"
	 "\n"
	 "________________________________\n"
	 "This message and any attachments are confidential and may be privileged.\n"
	 "\n"
	 "On Mon, 3 Nov 2025 at 10:15, Ann <ann@shop.example> wrote:\n"
	 "> Old",
	 "Yes, we accept.\n"
	 "\n"
	 "Bob"},
	{"German legal footer after the closing", "AW: x", false,
	 "Wir nehmen das Angebot an.\n"
	 "\n"
	 "Mit freundlichen Grüßen\n"
	 "\n"
	 "Bob Müller\n"
	 "\n"
	 "Müller GmbH, Hauptstr. 1, 10115 Berlin\n"
	 "HRB 1234, Geschäftsführer: Bob Müller",
	 "Wir nehmen das Angebot an."},
	{"Thanks then name stays", "Re: x", false,
	 "It works.\n"
	 "\n"
	 "Thanks a lot\n"
	 "Bob",
	 NULL},
	{"quote above then forwarded below is a reply with a forward", "Fwd: x", false,
	 "Hi, please look at this.\n"
	 "\n"
	 "> From: Ann <ann@shop.example>\n"
	 "> Date: 3 Nov 2025\n"
	 "> Subject: x\n"
	 ">\n"
	 "> The text.",
	 NULL},
};

static void plain_mails(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(mails); i++)
		expect_case(&mails[i], false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_mails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
