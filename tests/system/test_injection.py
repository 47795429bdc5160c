"""What strangers write into header fields, names and file names never shows up as a field or a recipient of a mail that
leaves (THREATS A8, F6): whatever they try, each mail has the fields that ours have, once, and one recipient."""
import base64
import re
from email.utils import parseaddr

import pytest
import relay as relays
import servelo
import smtp_talk

OURS = {"return-path", "received", "date", "from", "to", "subject", "message-id", "reply-to", "in-reply-to", "references",
        "auto-submitted", "x-auto-response-suppress", "x-servelo-loop", "mime-version", "content-type",
        "content-transfer-encoding", "content-language", "thread-topic", "precedence"}
EVIL = ["\r\nBcc: eve@evil.example", "\nBcc: eve@evil.example", "\rBcc: eve@evil.example", "\r\n\r\n<script>evil()</script>",
        "\0Bcc: eve@evil.example", "\u2028Bcc: eve@evil.example", "\u0085Bcc: eve@evil.example", "\v\fBcc: eve@evil.example",
        "\r\n.\r\nMAIL FROM:<eve@evil.example>\r\nRCPT TO:<eve@evil.example>\r\nDATA\r\n", "\u202eexe.gpj", "x" * 5000,
        "é" * 3000, "\"\r\nBcc: eve@evil.example\r\nX: \"", "a\\\"\r\n X-Evil: 1", "=?utf-8?Q?=0D=0ABcc:_eve@evil.example?="]


def word(text):
    """As an encoded word, which decodes to these very characters."""
    return "=?utf-8?B?" + base64.b64encode(text.encode()).decode() + "?="


def raw_folds(text):
    """Without a line end of its own: what a field can hold literally."""
    return text.replace("\r", " ").replace("\n", " ").replace("\0", " ")


@pytest.fixture(scope="module")
def world(make_server):
    with relays.Relay() as relay:
        server = make_server(relay=relay.conf(), tenants={"declare": [
            {"slug": "acme", "name": "Acme \"Inc\" <b>", "admin_email": "bob@agents.example"}]},
            ingest={"confirm_per_subject": 12})
        server.start()
        yield server, relay
        server.stop()


def check(mail):
    octets = mail.octets
    assert b"\0" not in octets and not re.search(rb"[^\r]\n|\r[^\n]", octets), "a line end of its own"
    assert max(octets) < 128, "not 7-bit clean"
    assert max(len(line) for line in octets.split(b"\r\n")) <= 998
    fields = [name.lower() for name in mail.message.keys()]
    assert set(fields) <= OURS, set(fields) - OURS
    assert len(fields) == len(set(fields)), fields
    assert len(mail.recipients) == 1 and mail.message["To"].count("@") == 1
    assert mail.recipients[0] in str(mail.message["To"])
    header = octets.split(b"\r\n\r\n", 1)[0].lower()
    assert not re.search(rb"(?m)^(bcc|x-evil|x):", header)
    for part in mail.message.walk():
        assert set(name.lower() for name in part.keys()) <= OURS | {"content-disposition", "content-id"}
        assert not part.defects, part.defects
        name = part.get_filename()
        if name:
            assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069/\\]", name), repr(name)
    assert "<script" not in (mail.html or "").lower()
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", mail.text + (mail.html or ""))


@pytest.mark.parametrize("n", range(len(EVIL)))
def test_a_stranger_cannot_write_our_header(world, n):
    server, relay = world
    evil = EVIL[n]
    customer = f"jane{n}@customers.example"
    lines = [f"From: {word('Jane ' + evil)} <{customer}>", f"Subject: {word('Zebra ' + evil)}",
             f"To: {word(evil)} <acme@serveloapp.com>", f"Reply-To: {word(evil)} <eve@evil.example>",
             f"Cc: eve@evil.example", f"Sender: {word(evil)} <eve@evil.example>",
             f"Message-ID: <{raw_folds(evil)}.{n}@evil.example>",
             f"In-Reply-To: <{raw_folds(evil)}@evil.example>", f"References: <a{raw_folds(evil)}b@evil.example> <{n}@ok.example>",
             f"X-Forwarded-To: {raw_folds(evil)[:900]}@evil.example", "MIME-Version: 1.0",
             "Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: text/plain; charset=utf-8",
             "Content-Transfer-Encoding: base64", "",
             base64.encodebytes(("Please help. " + evil + " <script>evil()</script>").encode()).decode().replace("\n", "\r\n"),
             "--b", f"Content-Type: application/pdf; name*=utf-8''{''.join('%%%02X' % b for b in evil.encode()[:300])}",
             f"Content-Disposition: attachment; filename=\"{word(evil[:40] + '.pdf')}\"",
             "Content-Transfer-Encoding: base64", "", "JVBERi0xLjQK", "--b--", ""]
    # Lines may be as long as they like (SPEC 3), and 8-bit as they are.
    reply = server.talk().deliver("\r\n".join(lines).encode(), ["acme@serveloapp.com"], reverse_path=customer)
    assert reply.code == 250, reply
    notice = relay.to("bob@agents.example")
    confirmation = relay.to(customer)
    check(notice)
    check(confirmation)
    assert "Zebra" not in confirmation.octets.decode() and "Jane" not in confirmation.octets.decode()
    assert "Please help." in notice.text

    # The agent's own mail is no safer: his words and files go to the customer.
    back = parseaddr(notice.field("Reply-To"))[1]
    answer = [f"From: {word('Bob ' + evil)} <bob@agents.example>", f"To: {back}",
              f"Subject: {word('Re: ' + evil)}", f"Message-ID: <{raw_folds(evil)}.answer{n}@agents.example>"] + lines[9:]
    reply = server.talk().deliver("\r\n".join(answer).encode(), [back], reverse_path="bob@agents.example")
    assert reply.code == 250, reply
    mail = relay.to(customer)
    check(mail)
    assert [content for _, content in mail.attachments] == [b"%PDF-1.4\n"]
    assert "Please help." in mail.text
    assert not [mail for mail in relay.mails if "eve@evil.example" in mail.recipients]


def test_an_author_that_is_no_address_gets_no_mail(world):
    server, relay = world
    before = len(relay.mails)
    for n, author in enumerate(["Jane", "<jane@customers.example\0>", "jane@customers.example,eve@evil.example", "<@a,@b:x@y.example>",
                                "\"a\rb\"@customers.example", "jane@[999.1.1.1]", "(c)"]):
        mail = smtp_talk.mail(author=author, subject=f"Odd author {n}")
        assert server.talk().deliver(mail, ["acme@serveloapp.com"], reverse_path="odd@customers.example").code == 250
    for n in range(7):
        check(relay.to("bob@agents.example", f"Odd author {n}"))
    assert not server.json("queue", "list", "--state", "failed")
    for mail in relay.mails[before:]:
        assert len(mail.recipients) == 1 and "eve@evil.example" not in mail.recipients
        check(mail)
