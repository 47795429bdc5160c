"""Whose mailbox is it: what RCPT says (SPEC: addresses), and what becomes of a mail to each kind."""
import pytest

import smtp_talk

CASES = [
    # recipient, reply code, enhanced code, words of the text
    ("acme@serveloapp.com", 250, "2.1.5", ""),
    ("ACME@ServeloApp.COM", 250, "2.1.5", ""),
    ("acme+billing@serveloapp.com", 250, "2.1.5", ""),
    ("acme+a+b@serveloapp.com", 250, "2.1.5", ""),
    ('"acme"@serveloapp.com', 250, "2.1.5", ""),
    ("postmaster", 250, "2.1.5", ""),
    ("Postmaster@serveloapp.com", 250, "2.1.5", ""),
    ("abuse@serveloapp.com", 250, "2.1.5", ""),
    ("support@serveloapp.com", 250, "2.1.5", ""),
    ("legal@serveloapp.com", 250, "2.1.5", ""),
    ("nobody-of-that-name@serveloapp.com", 550, "5.1.1", ""),
    ("acne@serveloapp.com", 550, "5.1.1", "acme@serveloapp.com"),
    ("globx@serveloapp.com", 550, "5.1.1", "globex@serveloapp.com"),
    ("acme", 550, "5.1.1", ""),
    ("jane@example.org", 550, "5.7.1", ""),
    ("acme@mail.serveloapp.com", 550, "5.7.1", ""),
    ("acme%serveloapp.com@example.org", 550, "5.7.1", ""),
    ("@example.org:acme@serveloapp.com", 250, "2.1.5", ""),
    ("mailer-daemon@serveloapp.com", 550, "5.1.1", ""),
]


@pytest.mark.parametrize("recipient,code,enhanced,words", CASES, ids=[case[0] for case in CASES])
def test_recipient(server, recipient, code, enhanced, words):
    with server.talk() as talk:
        assert talk.cmd("MAIL FROM:<jane@example.net>").code == 250
        reply = talk.cmd(f"RCPT TO:<{recipient}>")
        if recipient == "acme":  # RFC 5321 4.1.1.3: only postmaster may come without a domain
            assert reply.code in (501, 550, 553), reply
            return
        assert (reply.code, reply.enhanced) == (code, enhanced), reply
        assert words in reply.text, reply


@pytest.mark.parametrize("recipient", ["reply+AAAA@serveloapp.com", "bounce+AAAA@serveloapp.com"])
def test_a_reply_or_bounce_address_is_no_lie(server, recipient):
    """Until replies are handled they are not accepted; a token that cannot verify may be refused for good."""
    with server.talk() as talk:
        assert talk.cmd("MAIL FROM:<>").code == 250
        assert talk.cmd(f"RCPT TO:<{recipient}>").code in (450, 550)


def test_each_kind_of_recipient_in_one_transaction(server):
    mail = smtp_talk.mail()
    recipients = ["acme@serveloapp.com", "globex+vip@serveloapp.com", "postmaster", "support@serveloapp.com"]
    with server.talk() as talk:
        reply = talk.deliver(mail, recipients)
        assert reply.code == 250, reply
        assert len(reply.references) == 2, reply
    outcomes = {row["recipient"].lower(): row for row in server.audit(reply.mail_id)}
    assert len(outcomes) == 4, outcomes
    assert sorted(row["outcome"] for row in outcomes.values()) == ["created", "created", "forwarded", "forwarded"]
    tickets = {row["tenant"]: row["ticket"] for row in outcomes.values() if row["ticket"]}
    assert set(tickets) == {"acme", "globex"}
    assert server.json("ticket", "show", tickets["globex"])["tag"] == "vip"
    assert server.raw(reply.mail_id) == mail
    assert server.balance()["unaccounted"] == 0


def test_the_same_recipient_twice_is_one(server):
    with server.talk() as talk:
        reply = talk.deliver(smtp_talk.mail(), ["acme@serveloapp.com", "Acme@SERVELOAPP.com"])
        assert reply.code == 250, reply
        assert len(reply.references) == 1, reply
    assert len(server.audit(reply.mail_id)) == 1


def test_refused_recipients_do_not_hinder_the_others(server):
    with server.talk() as talk:
        talk.cmd("MAIL FROM:<jane@example.net>")
        codes = [talk.cmd(f"RCPT TO:<{rcpt}>").code for rcpt in
                 ("nobody-here@serveloapp.com", "acme@serveloapp.com", "jane@example.org")]
        assert codes == [550, 250, 550]
        reply = talk.data(smtp_talk.mail())
        assert reply.code == 250, reply
    outcomes = sorted(row["outcome"] for row in server.audit(reply.mail_id))
    assert outcomes == ["created", "refused", "refused"], outcomes


def test_a_null_reverse_path_makes_a_ticket_and_no_confirmation(server):
    with server.talk() as talk:
        reply = talk.deliver(smtp_talk.mail(author="MAILER-DAEMON <mailer-daemon@example.net>"),
                             ["acme@serveloapp.com"], reverse_path="")
        assert reply.code == 250, reply
    assert [row["outcome"] for row in server.audit(reply.mail_id)] == ["created"]
