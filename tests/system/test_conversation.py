"""The conversation: what a mail to a tenant sets off, what answers to our mails become, and who is told. The relay is a
sink of the tests' own, so each octet that leaves is looked at; with real mail servers and a real mail program:
test_real_conversation.py."""
import base64
import re
import time

import pytest
import servelo
import smtp_talk

DOMAIN = servelo.DOMAIN
TEAM = "admin@acme.example"
MX = "acme@" + DOMAIN


@pytest.fixture
def relay():
    with servelo.Relay() as relay:
        yield relay


@pytest.fixture
def server(make_server, relay):
    server = make_server(relay=relay.conf()).start()
    yield server
    server.stop()


# ---- how mail programs quote

def below_gmail(mail, words):
    return f"{words}\r\n\r\nOn Sat, Nov 21, 2026 at 12:00 PM {mail.message['From']} wrote:\r\n\r\n" + quoted(mail)


def below_outlook(mail, words):
    return (f"{words}\r\n\r\n-----Original Message-----\r\nFrom: {mail.message['From']}\r\n"
            f"Sent: Saturday, November 21, 2026 12:00 PM\r\nTo: {mail.message['To']}\r\n"
            f"Subject: {mail.message['Subject']}\r\n\r\n" + mail.text.replace("\n", "\r\n"))


def below_thunderbird_de(mail, words):
    return f"{words}\r\n\r\nAm 21.11.26 um 12:00 schrieb {mail.message['From']}:\r\n" + quoted(mail)


def above(mail, words):
    return f"On 21.11.2026, {mail.message['From']} wrote:\r\n{quoted(mail)}\r\n{words}\r\n"


def no_quote(_, words):
    return words + "\r\n"


def quoted(mail):
    return "".join(f"> {line}\r\n" for line in mail.text.splitlines())


HABITS = [below_gmail, below_outlook, below_thunderbird_de, above, no_quote]


class Person:
    """Somebody with a mailbox: writes, and answers what the relay took for him."""

    def __init__(self, server, relay, name, address):
        self.server, self.relay, self.name, self.address = server, relay, name, address
        self.written = []

    def send(self, to, subject, body, extra=""):
        mail = smtp_talk.mail(subject=subject, author=f"{self.name} <{self.address}>", body=body.encode(),
                              extra="Content-Type: text/plain; charset=utf-8\r\n" + extra)
        self.written.append(re.search(rb"Message-ID: (<.*>)", mail).group(1).decode())
        return deliver(self.server, mail, to, self.address)

    def answer(self, mail, words, habit=below_gmail):
        """To Reply-To, as every mail program does it."""
        to = re.search(r"[^<>\s]+@[^<>\s]+", mail.field("Reply-To")).group()
        references = " ".join(mail.ids("References") + [mail.field("Message-ID")])
        return self.send(to, "Re: " + re.sub(r"^(Re: )+", "", mail.message["Subject"]), habit(mail, words),
                         f"In-Reply-To: {mail.field('Message-ID')}\r\nReferences: {references}\r\n")

    def next(self, subject=""):
        return self.relay.to(self.address, subject)


def check_ours(mail, recipient):
    """What holds for every mail of ours to a participant."""
    assert mail.recipients == [recipient]
    assert mail.field("To").endswith(recipient) or f"<{recipient}>" in mail.field("To")
    assert re.fullmatch(r"bounce\+[A-Za-z0-9_-]{10,30}@" + re.escape(DOMAIN), mail.envelope_from)
    assert re.search(rf"<?{MX}>?$", mail.field("From"))
    assert re.search(r"\breply\+[A-Za-z0-9_-]{20,58}@" + re.escape(DOMAIN), mail.field("Reply-To"))
    assert re.fullmatch(r"<[A-Za-z0-9_-]+@" + re.escape(DOMAIN) + ">", mail.field("Message-ID"))
    assert mail.field("X-Auto-Response-Suppress") == "All"
    assert mail.field("Date") and mail.field("X-Servelo-Loop") and mail.field("MIME-Version") == "1.0"
    assert mail.text and mail.html
    assert all(octet < 128 for octet in mail.octets), "not 7-bit clean"
    assert max(len(line) for line in mail.octets.split(b"\r\n")) <= 998
    assert b"\n" not in mail.octets.replace(b"\r\n", b"") and b"\r" not in mail.octets.replace(b"\r\n", b"")


def reference_of(mail):
    return re.search(r"\[(ACME-\d{5,})\]", mail.message["Subject"]).group(1)


def ticket(server, reference):
    return server.json("ticket", "show", reference)


def deliver(server, mail, to, reverse_path):
    with server.talk() as talk:
        reply = talk.deliver(mail, [to], reverse_path=reverse_path)
    assert reply.code == 250, reply
    return reply


def settled(server):
    """Until nothing is due and nothing under way."""
    until = time.monotonic() + servelo.DEADLINE
    while server.json("queue", "list"):
        assert time.monotonic() < until, server.cli("queue", "list")
        time.sleep(0.02)


def test_a_ticket_is_told_to_both_sides(server, relay):
    jane = Person(server, relay, "Jane Doe", "jane@customers.example")
    jane.send(MX, "Printer <on> fire & smoke", "It burns.\r\nSince noon.\r\n")
    confirmation, notification = jane.next(), relay.to(TEAM)
    check_ours(confirmation, jane.address)
    check_ours(notification, TEAM)
    assert confirmation.field("Reply-To") != notification.field("Reply-To")
    assert reference_of(confirmation) == reference_of(notification) == "ACME-00001"
    # The customer's words are told to the team, and never sent back to an address that anybody could have written.
    assert "It burns." in notification.text and "Since noon." in notification.text
    assert "It burns." in notification.html and jane.address in notification.text
    for body in (confirmation.text, confirmation.html, confirmation.message["Subject"]):
        assert "fire" not in body and "burns" not in body
    assert confirmation.field("Auto-Submitted") == "auto-replied"
    assert confirmation.field("In-Reply-To") == confirmation.field("References") == jane.written[0]
    settled(server)
    assert relay.rest() == []


def test_ten_rounds_on_three_tickets(server, relay):
    team = Person(server, relay, "Bob Agent", TEAM)
    people = [Person(server, relay, name, name.split()[0].lower() + "@customers.example")
              for name in ("Jane Doe", "Jürgen Müller", "王 小明")]
    for person, address in zip(people, ("jane", "juergen", "wang")):
        person.address = address + "@customers.example"
        person.send(MX, f"Question of {address}", f"First words of {address}.\r\n")
    state = {}
    for person in people:
        confirmation = person.next()
        reference = reference_of(confirmation)
        state[person] = {"reference": reference, "theirs": confirmation, "teams": team.next(reference),
                         "sent": {confirmation.field("Message-ID")},
                         "expected": [("client", person.address, f"First words of {person.address.split('@')[0]}.")]}
    assert sorted(entry["reference"] for entry in state.values()) == ["ACME-00001", "ACME-00002", "ACME-00003"]

    for turn in range(10):
        for person in people:
            entry = state[person]
            habit = HABITS[(turn + people.index(person)) % len(HABITS)]
            if turn == 5 and person is people[1]:
                server.cli("ticket", "resolve", entry["reference"])
                assert ticket(server, entry["reference"])["status"] == "resolved"
            # The agent answers; the customer gets it, with a reply address of his own.
            words = f"Press button number {turn + 2}, dear {person.address}.\r\nThen wait."
            team.answer(entry["teams"], words, habit)
            entry["expected"].append(("agent", TEAM, words.replace("\r\n", "\n")))
            mail = person.next(entry["reference"])
            check_ours(mail, person.address)
            assert f"Press button number {turn + 2}, dear {person.address}." in mail.text
            assert mail.field("Reply-To") == entry["theirs"].field("Reply-To") != entry["teams"].field("Reply-To")
            # He has all of it in his mailbox: his own first mail at the front, our newest before this one at the end.
            references = mail.ids("References")
            assert references[0] == person.written[0]
            assert mail.field("In-Reply-To") == references[-1]
            assert set(references) <= set(person.written) | entry["sent"]
            entry["sent"].add(mail.field("Message-ID"))
            status = ticket(server, entry["reference"])["status"]
            assert status == ("reopened" if turn == 5 and person is people[1] else "waiting_on_customer"), (turn, status)
            if turn == 7 and person is people[2]:
                server.cli("ticket", "resolve", entry["reference"])
            # He answers; the team is told.
            words = f"Round {turn}: that did not help {person.name}."
            person.answer(mail, words, habit)
            entry["expected"].append(("client", person.address, words))
            entry["theirs"], entry["teams"] = mail, team.next(entry["reference"])
            check_ours(entry["teams"], TEAM)
            assert words in entry["teams"].text
            status = ticket(server, entry["reference"])["status"]
            assert status == ("reopened" if turn == 7 and person is people[2] else "waiting_on_agent"), (turn, status)

    for person, entry in state.items():
        comments = ticket(server, entry["reference"])["comments"]
        got = [(c["author_kind"], c["author"], c["reply"].strip()) for c in comments]
        assert got == entry["expected"]
        assert not [c for c in comments if c["internal"] or c["automatic"]]
    settled(server)
    assert [mail for mail in relay.rest() if mail.recipients != [TEAM]] == []
    assert server.balance()["unaccounted"] == 0
    assert len(server.json("ticket", "list")) == 3


def with_file(words, name, octets):
    """A body with an attachment, and the field that it needs."""
    encoded = base64.encodebytes(octets).decode().replace("\n", "\r\n")
    body = (f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{words}\r\n--b\r\n"
            f"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
            f"Content-Disposition: attachment; filename=\"{name}\"\r\n\r\n{encoded}--b--\r\n")
    return body, "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"


def test_files_of_an_agent_go_to_the_customer(server, relay):
    octets = bytes(range(256)) * 2000
    jane = Person(server, relay, "Jane Doe", "jane@customers.example")
    body, extra = with_file("See the photo.", "photo of door.bin", octets)
    deliver(server, smtp_talk.mail(author=f"Jane <{jane.address}>", body=body, extra=extra), MX, jane.address)
    notification = relay.to(TEAM)
    assert "photo of door.bin" in notification.text and notification.attachments == []
    body, extra = with_file("Use this.", "manual.pdf", b"%PDF-1.4\n" + octets)
    to = re.search(r"reply\+\S+@[^>\s]+", notification.field("Reply-To")).group()
    deliver(server, smtp_talk.mail(author=f"Bob <{TEAM}>", body=body, extra=extra), to, TEAM)
    jane.next("ACME-00001")
    answer = jane.next("ACME-00001")
    check_ours(answer, jane.address)
    assert answer.attachments == [("manual.pdf", b"%PDF-1.4\n" + octets)]
    # What is too much is named, and the answer leaves all the same.
    server.cli("setting", "set", "outbound.attachments_max", "100KiB")
    deliver(server, smtp_talk.mail(author=f"Bob <{TEAM}>", body=body, extra=extra), to, TEAM)
    answer = jane.next("ACME-00001")
    assert answer.attachments == [] and "manual.pdf" in answer.text


def test_a_forward_is_the_original(server, relay):
    mail = smtp_talk.mail(author="Jane <jane@customers.example>", body="8-bit: \u00fc\r\n.dots\r\n..too\r\n")
    deliver(server, mail, "support@" + DOMAIN, "jane@customers.example")
    sent = relay.to("support@operator.example")
    assert sent.recipients == ["support@operator.example"]
    assert sent.octets.endswith(b"\r\n" + mail)
    ours = sent.octets[:-len(mail)].decode()
    assert re.search(r"^Received: ", ours, re.M) and re.search(r"^Resent-(From|Sender|To): ", ours, re.M)
    assert re.fullmatch(r"bounce\+\S+@" + re.escape(DOMAIN), sent.envelope_from)
    # A null reverse-path stays one.
    deliver(server, smtp_talk.mail(author="Mailer <mailer-daemon@other.example>"), "postmaster@" + DOMAIN, "")
    assert relay.to("operator@example.org").envelope_from == ""
    settled(server)
    assert relay.rest() == []


def test_a_lower_cased_reply_address_is_found(server, relay):
    jane = Person(server, relay, "Jane Doe", "jane@customers.example")
    jane.send(MX, "Help", "Please.\r\n")
    confirmation = jane.next()
    address = re.search(r"reply\+\S+@[^>\s]+", confirmation.field("Reply-To")).group().lower()
    jane.send(address, "Re: Help", "By a gateway that writes small.\r\n")
    comments = ticket(server, "ACME-00001")["comments"]
    assert [c["text"].strip() for c in comments] == ["Please.", "By a gateway that writes small."]


def calendar_answer(author, words):
    calendar = ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Visit\r\n"
                "DTSTART:20261120T090000Z\r\nATTENDEE;PARTSTAT=DECLINED:mailto:jane@customers.example\r\n"
                "END:VEVENT\r\nEND:VCALENDAR\r\n")
    body = (f"--b\r\nContent-Type: text/plain\r\n\r\n{words}\r\n--b\r\n"
            f"Content-Type: text/calendar; method=REPLY\r\n\r\n{calendar}--b--\r\n")
    return smtp_talk.mail(subject="Declined: Visit", author=author, body=body.encode(),
                          extra="MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n")


def test_words_in_a_calendar_answer_are_a_comment(server, relay):
    jane = Person(server, relay, "Jane Doe", "jane@customers.example")
    jane.send(MX, "Help", "Please.\r\n")
    address = re.search(r"reply\+\S+@[^>\s]+", jane.next().field("Reply-To")).group()
    relay.to(TEAM)
    author = f"Jane Doe <{jane.address}>"
    # A calendar's own is for the record: nobody is told.
    deliver(server, calendar_answer(author, "Jane Doe has declined this invitation."), address, jane.address)
    settled(server)
    assert relay.rest() == []
    deliver(server, calendar_answer(author, "Can we do it on Tuesday?"), address, jane.address)
    assert "Can we do it on Tuesday?" in relay.to(TEAM).text
    comments = ticket(server, "ACME-00001")["comments"]
    got = [(c["text"].strip(), c["author"], c["internal"]) for c in comments]
    assert got[-1] == ("Can we do it on Tuesday?", jane.address, False), got
    settled(server)
    assert relay.rest() == []


def test_reply_addresses_of_others_are_refused(server, relay):
    jane = Person(server, relay, "Jane Doe", "jane@customers.example")
    jane.send(MX, "Help", "Please.\r\n")
    address = re.search(r"reply\+(\S+)@", jane.next().field("Reply-To")).group(1)
    forged = []
    for n, octet in enumerate(address):
        other = "A" if octet not in "Aa" else "B"
        forged.append(address[:n] + other + address[n + 1:])
    forged += [address[:n] for n in range(1, len(address))] + [address + "A"]
    refused = 0
    with server.talk() as talk:
        for token in forged:
            if refused % 15 == 14: # a session that guesses is hung up on
                talk.quit()
                talk = server.talk()
            assert talk.cmd("MAIL FROM:<jane@customers.example>").code == 250
            reply = talk.cmd(f"RCPT TO:<reply+{token}@{DOMAIN}>")
            assert (reply.code, reply.enhanced) == (550, "5.1.1"), (token, reply)
            refused += 1
            talk.cmd("RSET")
        talk.close()
    assert len(server.json("ticket", "list")) == 1


def test_keys_are_rotated_by_a_reload(server, relay, tmp_path):
    """A new current key; mail that the old one signed is still answered, until the old one is taken away."""
    jane = Person(server, relay, "Jane Doe", "jane@customers.example")
    jane.send(MX, "Help", "Please.\r\n")
    first, old = jane.next(), server.data / "reply-token.key"
    assert old.stat().st_mode & 0o777 == 0o600
    new = tmp_path / "new.key"
    new.write_text("5d" * 7 + "11" * 25 + "\n")
    new.chmod(0o600)

    def reload(event, keys):
        mark = len(server.log())
        server.configure(secrets={"reply_token": [str(key) for key in keys]})
        server.process.send_signal(1)
        until = time.monotonic() + servelo.DEADLINE
        while not re.search(event, server.log()[mark:]):
            assert time.monotonic() < until, server.log_tail()
            time.sleep(0.01)

    reload(r"\breloaded\b", [new, old])
    jane.answer(first, "To the old address.")
    relay.to(TEAM)
    second = relay.to(TEAM)
    Person(server, relay, "Bob", TEAM).answer(second, "From the team.")
    answer = jane.next()
    assert answer.field("Reply-To") != first.field("Reply-To"), "the new key signs"
    new.chmod(0o644)
    reload(r"\breload-refused\b.*new\.key", [new])
    new.chmod(0o600)
    jane.answer(first, "The old one is still in force.")
    reload(r"\breloaded\b", [new])
    with pytest.raises(AssertionError, match="550"):
        jane.answer(first, "Too late.")
    jane.answer(answer, "To the new address.")
    assert [c["reply"].strip() for c in ticket(server, "ACME-00001")["comments"]] == [
        "Please.", "To the old address.", "From the team.", "The old one is still in force.", "To the new address."]


def test_mail_waits_without_a_relay_and_leaves_with_one(make_server, relay):
    server = make_server().start()
    Person(server, relay, "Jane Doe", "jane@customers.example").send(MX, "Help", "Please.\r\n")
    jobs = server.json("queue", "list")
    assert sorted(job["kind"] for job in jobs) == ["confirm", "notify_ticket"]
    assert "none (relay.host is empty)" in server.cli("status", "--quick")
    server.configure(relay=relay.conf())
    server.process.send_signal(1)
    relay.wait(2)
    settled(server)
    stats = server.json("status", "--quick")["stats"]
    assert stats["outbound.sent"] == 2
    server.stop()


def test_what_a_dead_relay_does(make_server):
    """All wait, status says why, and when it lives again everything leaves, each mail once."""
    dead = servelo.Relay()
    dead.close()
    server = make_server(relay=dead.conf()).start()
    jane = Person(server, None, "Jane Doe", "jane@customers.example")
    for n in range(3):
        jane.send(MX, f"Help {n}", "Please.\r\n")
    server.wait_log("relay-failed")
    done = server.run("status", "--quick")
    assert done.returncode == 1 and b"not usable since" in done.stdout, done.stdout
    jobs = server.json("queue", "list")
    assert len(jobs) == 6 and not [job for job in jobs if job["state"] == "failed"]
    with servelo.Relay(port=dead.port) as alive:
        server.process.send_signal(1)
        mails = alive.wait(6)
        settled(server)
        assert len(mails) == len({mail.field("Message-ID") for mail in mails}) == len(alive.mails)
        assert server.run("status", "--quick").returncode == 0
        server.stop()


def test_a_mail_on_its_way_does_not_hold_the_end(make_server, relay):
    """SIGTERM while the relay hangs: given back, and sent by the next run with the same Message-ID."""
    relay.say("MAIL", None, times=100)
    server = make_server(relay=relay.conf(), process={"drain_timeout": "1s"}).start()
    Person(server, relay, "Jane Doe", "jane@customers.example").send(MX, "Help", "Please.\r\n")
    ids = {"<" + job["message_id"] + ">" for job in server.json("queue", "list")}
    server.stop()
    with servelo.Relay() as other:
        server.configure(relay=other.conf())
        server.start()
        assert {mail.field("Message-ID") for mail in other.wait(2)} == ids
        settled(server)
        server.stop()
