/* What is new in HTML mails, by the markup of the programs that quote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/ingest/quote_cases.h"

static const struct quote_case mails[] = {
	{"OWA divRplyFwdMsg, names only", "Re: x", false,
	 "<html><body><div>Yes, it works.</div><div><br></div><hr style=\"display:inline-block;width:98%\" "
	 "tabindex=\"-1\"><div id=\"divRplyFwdMsg\" dir=\"ltr\"><font face=\"Calibri\"><b>From:</b> Ann "
	 "Example<br><b>Sent:</b> Monday, November 3, 2025 10:15 AM<br><b>To:</b> Bob<br><b>Subject:</b> "
	 "x</font><div>&nbsp;</div></div><div><p>Old text.</p></div></body></html>",
	 "Yes, it works."},
	{"OWA German", "AW: x", false,
	 "<div>Ja, es geht.</div><div id=\"appendonsend\"></div><hr tabindex=\"-1\" "
	 "style=\"display:inline-block; width:98%\"><div id=\"divRplyFwdMsg\" dir=\"ltr\"><b>Von:</b> "
	 "Ann<br><b>Gesendet:</b> Montag<br><b>An:</b> Bob<br><b>Betreff:</b> x</div><div>Alt.</div>",
	 "Ja, es geht."},
	{"OWA French, x_ ids only", "RE: x", false,
	 "<div>Oui.</div><hr><div id=\"x_divRplyFwdMsg\" dir=\"ltr\"><b>De :</b> Ann<br><b>Envoyé :</b> "
	 "lundi<br><b>À :</b> Bob<br><b>Objet :</b> x</div><div>Vieux.</div>",
	 "Oui."},
	{"new Outlook mail-editor-reference-message-container", "Re: x", false,
	 "<div class=\"elementToProof\">Yes.</div><div id=\"mail-editor-reference-message-container\"><div "
	 "class=\"ms-outlook-mobile-reference-message skipProofing\"><hr "
	 "style=\"display:inline-block;width:98%\"></div><div id=\"divRplyFwdMsg\"><b>From:</b> "
	 "Ann<br><b>Date:</b> Monday<br><b>To:</b> Bob<br><b>Subject:</b> x</div>Old.</div>",
	 "Yes."},
	{"Outlook for Mac", "Re: x", false,
	 "<div class=\"WordSection1\"><p class=\"MsoNormal\">Yes.<o:p></o:p></p><p "
	 "class=\"MsoNormal\"><o:p>&nbsp;</o:p></p><div "
	 "id=\"mail-editor-reference-message-container\"><div><div><div style=\"border:none;border-top:solid "
	 "#B5C4DF 1.0pt;padding:3.0pt 0cm 0cm 0cm\"><p class=\"MsoNormal\" "
	 "style=\"margin-bottom:12.0pt\"><b><span style=\"font-size:12.0pt;color:black\">From: "
	 "</span></b><span>Ann Example<br><b>Date: </b>Monday<br><b>To: </b>Bob<br><b>Subject: "
	 "</b>x</span></p></div><p class=\"MsoNormal\">Old</p></div></div></div></div>",
	 "Yes."},
	{"Outlook Word, English", "RE: x", false,
	 "<div class=\"WordSection1\"><p class=\"MsoNormal\">Yes.</p><div><div "
	 "style=\"border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in\"><p "
	 "class=\"MsoNormal\"><b>From:</b> Ann Example <br><b>Sent:</b> Monday<br><b>To:</b> "
	 "Bob<br><b>Subject:</b> x</p></div></div><p class=\"MsoNormal\">Old</p></div>",
	 "Yes."},
	{"Outlook Word, border longhand by a gateway", "RE: x", false,
	 "<p class=\"MsoNormal\">Yes.</p><div style=\"border-style:solid none none; border-top-width:1pt; "
	 "border-top-color:rgb(225,225,225); padding:3pt 0cm 0cm\"><p class=\"MsoNormal\"><b>Von:</b> Ann "
	 "<br><b>Gesendet:</b> Montag<br><b>An:</b> Bob<br><b>Betreff:</b> x</p></div><p "
	 "class=\"MsoNormal\">Alt</p>",
	 "Yes."},
	{"Outlook Word, border as \"solid windowtext\" of an old one", "RE: x", false,
	 "<p class=\"MsoNormal\">Yes.</p><div style='border:none;border-top:solid windowtext "
	 "1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=\"MsoNormal\"><b>Van:</b> Ann<br><b>Verzonden:</b> "
	 "maandag<br><b>Aan:</b> Bob<br><b>Onderwerp:</b> x</p></div><p>Oud</p>",
	 "Yes."},
	{"Outlook Android", "Re: x", false,
	 "<div dir=\"auto\">Yes.</div><div dir=\"auto\" id=\"ms-outlook-mobile-signature\"><div>Get <a "
	 "href=\"https://aka.ms/AAb9ysg\">Outlook for Android</a></div></div><hr "
	 "style=\"display:inline-block;width:98%\"><div id=\"divRplyFwdMsg\"><b>From:</b> "
	 "Ann<br><b>Sent:</b> Monday<br><b>To:</b> Bob<br><b>Subject:</b> x</div>Old",
	 "Yes."},
	{"Outlook iOS, class of reference message", "Re: x", false,
	 "<div>Yes.</div><div class=\"ms-outlook-mobile-reference-message skipProofing\" style=\"padding:3pt "
	 "0in 0in;border-width:1pt medium medium;border-style:solid none "
	 "none;border-color:rgb(181,196,223)\"><b>From: </b>Ann<br><b>Date: </b>Monday<br><b>To: "
	 "</b>Bob<br><b>Subject: </b>x</div><div>Old</div>",
	 "Yes."},
	{"Outlook by text only, names, dashes", "AW: x", false,
	 "<p>Ja.</p><hr><p><b>Von:</b> Ann<br><b>Gesendet:</b> Montag<br><b>An:</b> Bob<br><b>Betreff:</b> "
	 "x</p><p>Alt</p>",
	 "Ja."},
	{"Outlook block in a table", "RE: x", false,
	 "<p>Yes.</p><table><tr><td><b>From:</b></td><td>Ann</td></tr><tr><td><b>Sent:</b></td><td>Monday</"
	 "td></tr><tr><td><b>To:</b></td><td>Bob</td></tr><tr><td><b>Subject:</b></td><td>x</td></tr></"
	 "table><p>Old</p>",
	 "Yes."},
	{"Outlook Italian names only", "R: x", false,
	 "<p>Sì.</p><hr tabindex=-1><div id=divRplyFwdMsg><b>Da:</b> Ann<br><b>Inviato:</b> "
	 "lunedì<br><b>A:</b> Bob<br><b>Oggetto:</b> x</div><div>Vecchio</div>",
	 "Sì."},
	{"Outlook forward in OWA", "Fw: x", false,
	 "<div>See this.</div><div id=\"appendonsend\"></div><hr><div id=\"divRplyFwdMsg\"><b>From:</b> "
	 "Ann<br><b>Sent:</b> Monday<br><b>To:</b> Bob<br><b>Subject:</b> x</div><div>What is "
	 "forwarded.</div>",
	 NULL},
	{"Outlook interleaved below divRplyFwdMsg is not known: all is quote", "RE: x", false,
	 "<p>See my answer in the text.</p><hr><div id=divRplyFwdMsg><b>From:</b> Ann<br><b>Sent:</b> "
	 "Monday<br><b>To:</b> Bob<br><b>Subject:</b> x</div><p>Which colour?</p>",
	 "See my answer in the text."},
	{"Outlook block pasted in a new mail", "Is this from you?", false,
	 "<p>I got this:</p><div style=\"border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in "
	 "0in\"><p class=MsoNormal><b>From:</b> Ann &lt;a@x.example&gt;<br><b>Sent:</b> Monday<br><b>To:</b> "
	 "Bob<br><b>Subject:</b> x</p></div><p class=MsoNormal>Pay now.</p><p class=MsoNormal>Is that from "
	 "you?</p>",
	 NULL},
	{"Gmail quote pasted in a new mail", "Is this from you?", false,
	 "<p>I got this:</p><div class=\"gmail_quote\"><div class=\"gmail_attr\">On Mon, 3 Nov 2025 at "
	 "10:15, Ann &lt;a@x.example&gt; wrote:</div><blockquote class=\"gmail_quote\">Pay "
	 "now.</blockquote></div><p>Is that from you?</p>",
	 NULL},
	{"Gmail German", "Re: x", false,
	 "<div dir=\"ltr\">Ja.</div><br><div class=\"gmail_quote gmail_quote_container\"><div dir=\"ltr\" "
	 "class=\"gmail_attr\">Am Mo., 3. Nov. 2025 um 10:15&nbsp;Uhr schrieb Ann &lt;<a "
	 "href=\"mailto:ann@shop.example\">ann@shop.example</a>&gt;:<br></div><blockquote "
	 "class=\"gmail_quote\" style=\"margin:0 0 0 .8ex\"><div>Alt</div></blockquote></div>",
	 "Ja."},
	{"Gmail interleaved HTML", "Re: x", false,
	 "<div dir=\"ltr\"><div class=\"gmail_quote\"><div class=\"gmail_attr\">On Mon, Nov 3, 2025 at 10:15 "
	 "AM Ann &lt;ann@shop.example&gt; wrote:<br></div><blockquote class=\"gmail_quote\"><div>Which "
	 "colour?</div></blockquote><div>Blue.</div><blockquote class=\"gmail_quote\"><div>Which "
	 "size?</div></blockquote><div>XL.</div></div></div>",
	 NULL},
	{"Gmail bottom posting HTML", "Re: x", false,
	 "<div dir=\"ltr\"><div class=\"gmail_quote\"><div class=\"gmail_attr\">On Mon, Nov 3, 2025 at 10:15 "
	 "AM Ann &lt;ann@shop.example&gt; wrote:<br></div><blockquote class=\"gmail_quote\"><div>Which "
	 "colour?</div></blockquote></div><div>Blue.</div></div>",
	 "Blue."},
	{"Gmail signature, then PS, then quote", "Re: x", false,
	 "<div dir=\"ltr\"><div>Yes.</div><div class=\"gmail_signature\">-- <br>Bob<br>Miller "
	 "Ltd</div><div><br></div><div>The second parcel came, too.</div></div><br><div "
	 "class=\"gmail_quote\"><div class=\"gmail_attr\">On Mon, Nov 3, 2025 at 10:15 AM Ann "
	 "&lt;ann@shop.example&gt; wrote:</div><blockquote class=\"gmail_quote\">Old</blockquote></div>",
	 "Yes.\n"
	 "\n"
	 "The second parcel came, too."},
	{"blockquote answered without attribution", "Re: x", false,
	 "<blockquote>Which colour?</blockquote><p>Blue.</p>", NULL},
	{"cite answered without attribution", "Re: x", false,
	 "<blockquote type=\"cite\">Which colour?</blockquote><p>Blue.</p>", NULL},
	{"Thunderbird interleaved", "Re: x", false,
	 "<p>Hi,</p><div class=\"moz-cite-prefix\">On 03.11.2025 10:15, Ann wrote:<br></div><blockquote "
	 "type=\"cite\" cite=\"mid:x\"><p>Which colour?</p></blockquote><p>Blue.</p><blockquote "
	 "type=\"cite\" cite=\"mid:x\"><p>Which size?</p></blockquote><p>XL.</p>",
	 NULL},
	{"Thunderbird bottom", "Re: x", false,
	 "<div class=\"moz-cite-prefix\">Am 03.11.25 um 10:15 schrieb Ann:<br></div><blockquote "
	 "type=\"cite\" cite=\"mid:x\"><p>Klappt es?</p></blockquote><p>Ja.</p><pre class=\"moz-signature\" "
	 "cols=\"72\">-- \n"
	 "Bob</pre>",
	 "Ja."},
	{"Thunderbird forward", "Fwd: x", false,
	 "<p>See.</p><div class=\"moz-forward-container\">-------- Forwarded Message --------<table "
	 "class=\"moz-email-headers-table\"><tr><th>Subject: </th><td>x</td></tr><tr><th>Date: "
	 "</th><td>Mon</td></tr><tr><th>From: </th><td>Ann</td></tr></table><p>Body</p></div>",
	 NULL},
	{"Apple Mail", "Re: x", false,
	 "<div>Yes.<br><div><br><blockquote type=\"cite\"><div>On 3 Nov 2025, at 10:15, Ann "
	 "&lt;ann@shop.example&gt; wrote:</div><br "
	 "class=\"Apple-interchange-newline\"><div>Old</div></blockquote></div><br></div>",
	 "Yes."},
	{"iPhone with signature", "Re: x", false,
	 "<div dir=\"ltr\">Yes.<br><br><div dir=\"ltr\">Sent from my iPhone</div><div "
	 "dir=\"ltr\"><br><blockquote type=\"cite\">On 3 Nov 2025, at 10:15, Ann &lt;ann@shop.example&gt; "
	 "wrote:<br><br></blockquote></div><blockquote type=\"cite\"><div "
	 "dir=\"ltr\">﻿Old</div></blockquote></div>",
	 "Yes."},
	{"Yahoo", "Re: x", false,
	 "<div class=\"yahoo-style-wrap\"><div>Yes.</div></div><div id=\"ydp1_yahoo_quoted_1\" "
	 "class=\"ydp1yahoo_quoted\"><div>On Monday, 3 November 2025 at 10:15:20 GMT+1, Ann "
	 "&lt;ann@shop.example&gt; wrote:</div><div>Old</div></div>",
	 "Yes."},
	{"Proton", "Re: x", false,
	 "<div>Yes.</div><div class=\"protonmail_signature_block\"><div "
	 "class=\"protonmail_signature_block-proton\">Sent with <a href=\"https://proton.me/\">Proton "
	 "Mail</a> secure email.</div></div><div class=\"protonmail_quote\">On Monday, November 3rd, 2025 at "
	 "10:15, Ann &lt;ann@shop.example&gt; wrote:<br><blockquote class=\"protonmail_quote\" "
	 "type=\"cite\">Old</blockquote></div>",
	 "Yes."},
	{"Zoho", "Re: x", false,
	 "<div>Yes.</div><div class=\"zmail_extra_hr\" style=\"border-top:1px solid #ccc\"></div><div "
	 "class=\"zmail_extra\" data-zbluepencil-ignore=\"true\"><div id=\"Zm-_Id_-Sgn1\">---- On Mon, 03 "
	 "Nov 2025 10:15:20 +0100 <b>Ann &lt;ann@shop.example&gt;</b> wrote ---</div><blockquote "
	 "id=\"blockquote_zmail\">Old</blockquote></div>",
	 "Yes."},
	{"GMX", "Aw: x", false,
	 "<div>Ja.</div><div>&nbsp;<div name=\"quote\" style=\"margin:10px 5px 5px 10px; padding: 10px 0 "
	 "10px 10px; border-left:2px solid "
	 "#C3D9E5;\"><div><b>Gesendet:</b>&nbsp;Montag<br><b>Von:</b>&nbsp;Ann<br><b>An:</"
	 "b>&nbsp;Bob<br><b>Betreff:</b>&nbsp;x</div><div name=\"quoted-content\">Alt</div></div></div>",
	 "Ja."},
	{"Zendesk line in HTML", "Re: x", false,
	 "<div dir=\"ltr\">Thanks.</div><div class=\"gmail_quote\"><div class=\"gmail_attr\">On Mon, Nov 3, "
	 "2025 at 10:15 AM Shop &lt;s@shop.example&gt; wrote:</div><blockquote class=\"gmail_quote\"><div "
	 "style=\"color:#b5b5b5\">##- Please type your reply above this line "
	 "-##</div><p>Hi</p></blockquote></div>",
	 "Thanks."},
	{"QQ", "回复：x", false,
	 "<div>可以了</div><div><includetail><div>&nbsp;</div><div style=\"font:Verdana normal "
	 "14px;color:#000;\"><div style=\"FONT-SIZE: 12px;FONT-FAMILY: Arial Narrow;padding:2px 0 2px "
	 "0;\">------------------&nbsp;原始邮件&nbsp;------------------</div><div style=\"FONT-SIZE: "
	 "12px;background:#efefef;padding:8px;\"><div id=\"menu_sender\"><b>发件人: "
	 "</b>&nbsp;\"Ann\";&lt;ann@shop.example&gt;;</div><div><b>发送时间:</b>&nbsp;2025年11月3日</"
	 "div><div><b>收件人:</b>&nbsp;\"Bob\";</div><div><b>主题:</b>&nbsp;x</div></div><div>旧</div></"
	 "div></includetail></div>",
	 "可以了"},
	{"163", "回复:x", false,
	 "<div>可以了</div><div style=\"position:relative;zoom:1\"></div><div "
	 "id=\"divNeteaseMailCard\"></div><br><pre>At 2025-11-03 10:15:20, \"Ann\" &lt;ann@shop.example&gt; "
	 "wrote:</pre><blockquote id=\"isReplyContent\" style=\"PADDING-LEFT: "
	 "1ex\"><div>旧</div></blockquote>",
	 "可以了"},
	{"Lotus Notes", "Antwort: x", false,
	 "<font size=2>Ja, das geht.</font><br><br><br><table width=100%><tr><td><font size=1 "
	 "color=#5f5f5f>Von: </font><td><font size=1>Ann/Shop</font><tr><td><font size=1>An: "
	 "</font><td>Bob<tr><td>Datum: <td>03.11.2025 10:15<tr><td>Betreff: <td>x</table><hr noshade><br>Alt",
	 "Ja, das geht."},
	{"Yandex", "Re: x", false,
	 "<div>Да.</div><div>03.11.2025, 10:15, \"Ann\" "
	 "&lt;ann@shop.example&gt;:</div><blockquote><div>Старое</div></blockquote>",
	 "Да."},
	{"mail.ru", "Re: x", false,
	 "<p>Да.</p><blockquote style=\"border-left:1px solid #0857A6;margin:10px;padding:0 0 0 "
	 "10px\">Понедельник, 3 ноября 2025, 10:15 +03:00 от Ann &lt;ann@shop.example&gt;:<br>&nbsp;<div "
	 "id=\"\"><div class=\"js-helper js-readmsg-msg\">Старое</div></div></blockquote>",
	 "Да."},
	{"Roundcube", "Re: x", false,
	 "<p>Yes.</p><p id=\"reply-intro\">On 2025-11-03 10:15, Ann wrote:</p><blockquote type=\"cite\" "
	 "style=\"padding:0 0.4em;border-left:#1010ff 2px solid;margin:0\"><div>Old</div></blockquote>",
	 "Yes."},
	{"Zimbra", "Re: x", false,
	 "<div>Oui.</div><hr id=\"zwchr\" data-marker=\"__DIVIDER__\"><div "
	 "data-marker=\"__HEADERS__\"><b>De: </b>Ann<br><b>À: </b>Bob<br><b>Envoyé: </b>Lundi<br><b>Objet: "
	 "</b>x</div><div data-marker=\"__QUOTED_TEXT__\">Vieux</div>",
	 "Oui."},
	{"Fastmail", "Re: x", false,
	 "<div>Yes.</div><div>On Mon, 3 Nov 2025, at 10:15 AM, Ann wrote:<br></div><blockquote type=\"cite\" "
	 "id=\"qt\"><div>Old</div></blockquote>",
	 "Yes."},
	{"Hey", "Re: x", false,
	 "<div class=\"trix-content\">Yes.</div><br><br>On November 3, 2025, Ann &lt;ann@shop.example&gt; "
	 "wrote:<br><blockquote><div>Old</div></blockquote>",
	 "Yes."},
	{"Samsung", "Re: x", false,
	 "<div dir=\"auto\">Yes.</div><div id=\"composer_signature\"><div "
	 "style=\"font-size:85%;color:#575757\">Sent from my Galaxy</div></div><div><br></div><div "
	 "style=\"font-size:100%;color:#000000\"><!-- originalMessage --><div>-------- Original message "
	 "--------</div><div>From: Ann &lt;ann@shop.example&gt; </div><div>Date: 11/3/25  10:15  (GMT+01:00) "
	 "</div><div>To: bob@mail.example </div><div>Subject: x </div><div><br></div></div>Old",
	 "Yes."},
	{"Intercom", "Re: x", false,
	 "<div>Yes.</div><div class=\"gmail_quote\"><div>On Mon, Nov 3, 2025 at 10:15 AM Ann from Shop "
	 "&lt;a@shop.example&gt; "
	 "wrote:<br></div><blockquote><table><tr><td>Old</td></tr></table></blockquote></div>",
	 "Yes."},
	{"Front", "Re: x", false,
	 "<div>Yes.</div><br><blockquote type=\"cite\" class=\"front-blockquote\">On November 3, 2025 at "
	 "10:15 AM GMT+1 <a href=\"mailto:a@shop.example\">a@shop.example</a> wrote:<br><br>Old</blockquote>",
	 "Yes."},
	{"an indented list of things in a new mail", "Order", false,
	 "<p>Please send:</p><blockquote>12 shoes</blockquote><p>to my address.</p>",
	 "Please send:\n"
	 "\n"
	 "12 shoes\n"
	 "\n"
	 "to my address."},
	{"an indented thing in a reply, followed by text", "Re: x", false,
	 "<p>Please send:</p><blockquote>12 shoes</blockquote><p>to my address.</p><div "
	 "class=\"gmail_quote\"><div class=\"gmail_attr\">On Mon, Nov 3, 2025 at 10:15 AM Ann "
	 "&lt;ann@shop.example&gt; wrote:</div><blockquote class=\"gmail_quote\">Old</blockquote></div>",
	 "Please send:\n"
	 "\n"
	 "12 shoes\n"
	 "\n"
	 "to my address."},
	{"a rule between paragraphs is no quote", "Re: x", false, "<p>First.</p><hr><p>Second.</p>", NULL},
	{"a form with From and To in a table", "Booking", false,
	 "<p>New "
	 "booking</p><table><tr><td>From:</td><td>Berlin</td></tr><tr><td>To:</td><td>Paris</td></"
	 "tr><tr><td>Date:</td><td>3 May</td></tr><tr><td>Subject:</td><td>Travel</td></tr></table><p>Please "
	 "confirm.</p>",
	 NULL},
	{"attribution split by elements", "Re: x", false,
	 "<div>Yes.</div><div><br></div><div>On Mon, Nov 3, 2025 at 10:15 AM</div><div>Ann Example &lt;<a "
	 "href=\"mailto:ann@shop.example\">ann@shop.example</a>&gt;</div><div>wrote:</div><blockquote "
	 "style=\"margin-left:8px\">Old</blockquote>",
	 "Yes."},
};

static void html_mails(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(mails); i++)
		expect_case(&mails[i], true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(html_mails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
