"""What an agent forwards by hand is the customer's, and what he writes above it is his own; as a reader sees it."""
import smtp_talk

FORWARDED = """Please take this one, he is angry.

---------- Forwarded message ---------
From: Carl Customer <carl@example.org>
Date: Mon, 3 Nov 2025 at 10:15
Subject: Broken printer
To: <admin@acme.example>


Hello,

it is broken.
"""


def ticket_of(server, text, author, subject, to="acme@serveloapp.com"):
    with server.talk() as talk:
        reply = talk.deliver(smtp_talk.mail(subject=subject, author=author, body=text), [to])
    return reply.references[0], reply.mail_id


def test_two_people_speak(server):
    admin = next(t for t in server.json("tenant", "list") if t["slug"] == "acme")["admin_email"]
    ticket, mail_id = ticket_of(server, FORWARDED, f"<{admin}>", "Fwd: Broken printer")
    shown = server.json("ticket", "show", ticket)
    first, second = shown["comments"]
    assert shown["requester"] == "carl@example.org" and shown["subject"] == "Broken printer"
    assert (first["author_kind"], first["author"], first["internal"]) == ("client", "carl@example.org", False)
    assert first["text"].split() == "Hello, it is broken.".split()
    assert (second["author_kind"], second["author"], second["internal"]) == ("agent", admin, True)
    assert second["text"] == "Please take this one, he is angry."
    # read anew it says the same
    assert b"changed" not in server.run("message", "reprocess", mail_id, "--dry-run").stdout.replace(b"unchanged", b"")
    assert [c["text"] for c in server.json("ticket", "show", ticket)["comments"]] == [first["text"], second["text"]]
    # each line of a comment has its bar, the empty one too
    lines = server.cli("ticket", "show", ticket).splitlines()
    at = lines.index("  | Hello,")
    assert lines[at:at + 3] == ["  | Hello,", "  |", "  | it is broken."]
    assert server.balance()["unaccounted"] == 0


def test_no_attachments_are_said(server):
    ticket, _ = ticket_of(server, "Nothing is attached.\n", "<jane@example.net>", "Plain")
    assert server.cli("ticket", "attachment", "list", ticket) == "no attachments\n"
    assert server.json("ticket", "attachment", "list", ticket) == []
