"""The same mail again is recognised: one ticket, and 250 (the sender missed the first one)."""
import os

import smtp_talk


def test_a_repeated_mail_makes_no_second_ticket(server):
    mail = smtp_talk.mail()
    with server.talk() as talk:
        first = talk.deliver(mail, ["acme@serveloapp.com"])
        again = talk.deliver(mail, ["acme@serveloapp.com"])
    with server.talk(tls="starttls") as talk:
        by_another_way = talk.deliver(mail, ["ACME@serveloapp.com"], bdat=True)
    assert [r.code for r in (first, again, by_another_way)] == [250, 250, 250]
    reference = first.references[0]
    for reply in (again, by_another_way):
        assert [row["outcome"] for row in server.audit(reply.mail_id)] == ["duplicate"]
        assert reply.references in ([], [reference]), reply
    assert len(server.json("ticket", "show", reference)["comments"]) == 1
    assert server.balance()["unaccounted"] == 0


def test_another_tenant_gets_its_own(server):
    mail = smtp_talk.mail()
    with server.talk() as talk:
        first = talk.deliver(mail, ["acme@serveloapp.com"])
        second = talk.deliver(mail, ["globex@serveloapp.com"])
    assert first.references != second.references
    assert [row["outcome"] for row in server.audit(second.mail_id)] == ["created"]


def test_a_mail_without_message_id_is_known_by_its_content(server):
    mail = b"From: jane@example.net\r\nSubject: no id\r\n\r\n" + os.urandom(8).hex().encode() + b"\r\n"
    with server.talk() as talk:
        first = talk.deliver(mail, ["acme@serveloapp.com"])
        again = talk.deliver(mail, ["acme@serveloapp.com"])
        other = talk.deliver(mail + b"more\r\n", ["acme@serveloapp.com"])
    outcomes = [server.audit(reply.mail_id)[0]["outcome"] for reply in (first, again, other)]
    assert outcomes == ["created", "duplicate", "created"]


def test_the_same_message_id_with_another_body_is_a_comment(server):
    """Nobody can get a mail swallowed by sending one with its Message-ID first."""
    message_id = os.urandom(8).hex() + "@client.example.net"
    with server.talk() as talk:
        first = talk.deliver(smtp_talk.mail(message_id=message_id, body="One.\r\n"), ["acme@serveloapp.com"])
        other = talk.deliver(smtp_talk.mail(message_id=message_id, body="Two.\r\n"), ["acme@serveloapp.com"])
    assert other.code == 250, other
    assert [row["outcome"] for row in server.audit(other.mail_id)] == ["commented"]
    assert len(server.json("ticket", "show", first.references[0])["comments"]) == 2
