"""The stored original is what was sent, octet for octet, behind one Received field of ours (RFC 5321 4.4)."""
import os
import re

import pytest

import smtp_talk

HEAD = (b"From: Jane <jane.doe@example.net>\r\nSubject: octets\r\n"
        b"Message-ID: <%s@client.example.net>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n")
KIB = 1024


def octets(n):
    """n octets in lines of 76, of the kind a base64 attachment has."""
    line = os.urandom(28).hex().encode() + b"0123456789abcdefgh\r\n"
    return (line * (n // len(line) + 1))[:max(n - 2, 0)] + b"\r\n"


BODIES = {
    "empty": b"",
    "dots": b".\r\n..\r\n...\r\n.x\r\n\r\n.\r\n",
    "eight-bit": bytes(b for b in range(128, 256)) + b"\r\n",
    "bare-newlines": b"one\ntwo\rthree\n\r\n\n.\nfour\r.\r\r\n",
    "no-end-of-line": b"the last line has no end",
    "long-line": b"x" * (300 * KIB) + b"\r\n",
    "line-of-a-mebibyte": b"y" * (1024 * KIB - 2) + b"\r\n",
    "below-the-threshold": octets(100 * KIB),
    "at-the-threshold": octets(128 * KIB),
    "above-the-threshold": octets(200 * KIB),
    "big": octets(5 * 1024 * KIB),
    "zeros": b"before\0after\r\n\0\r\n.\0\r\n\0.\r\n",
    "controls": b"\x01\x02\x1b[31m\x7f\r\n",
}


@pytest.mark.parametrize("way", ["DATA", "BDAT", "BDAT in pieces of 1,000", "STARTTLS, DATA", "STARTTLS, BDAT"])
@pytest.mark.parametrize("name", sorted(BODIES))
def test_original_is_kept(server, name, way):
    mail = HEAD % os.urandom(8).hex().encode() + BODIES[name]
    with server.talk(tls="starttls" if way.startswith("STARTTLS") else None) as talk:
        talk.envelope(["acme@serveloapp.com"], params=" BODY=8BITMIME")
        if "BDAT" in way:
            reply = talk.bdat(mail, chunk=1000 if "pieces" in way and len(mail) < 500 * KIB else 256 * KIB)
        else:
            reply = talk.data(mail)
            mail = mail if mail.endswith(b"\r\n") else mail + b"\r\n"
    assert reply.code == 250, reply
    assert server.raw(reply.mail_id) == mail
    whole = server.run("message", "raw", reply.mail_id).stdout
    assert whole.endswith(mail)
    trace = whole[:len(whole) - len(mail)]
    assert re.fullmatch(rb"Received: (?:[^\r\n]|\r\n[ \t])*\r\n", trace), trace


@pytest.mark.parametrize("tls", [None, "starttls"])
def test_received_field_tells_who_and_how(server, tls):
    with server.talk(tls=tls) as talk:
        reply = talk.deliver(smtp_talk.mail(), ["acme@serveloapp.com"])
    trace = server.run("message", "raw", reply.mail_id).stdout.split(b"\r\nFrom:")[0].decode()
    unfolded = re.sub(r"\r\n[ \t]+", " ", trace)
    assert "from client.example.net" in unfolded
    assert "127.0.0.1" in unfolded
    assert "by mx.serveloapp.com" in unfolded
    assert ("with ESMTPS" if tls else "with ESMTP ") in unfolded
    assert reply.mail_id in unfolded
    assert re.search(r"; \w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", unfolded), unfolded
    assert all(len(line) <= 998 for line in trace.split("\r\n"))


def test_a_mail_loop_is_stopped(server):
    """RFC 5321 6.3: more than 50 Received fields."""
    with server.talk() as talk:
        fields = "Received: from a by b; Sat, 21 Nov 2026 12:00:00 +0000\r\n"
        reply = talk.deliver(smtp_talk.mail(extra=fields * 51), ["acme@serveloapp.com"])
        assert (reply.code, reply.enhanced) == (554, "5.4.6"), reply
        reply = talk.deliver(smtp_talk.mail(extra=fields * 20), ["acme@serveloapp.com"])
        assert reply.code == 250, reply
