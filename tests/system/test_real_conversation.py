"""Whole conversations with real programs: mutt writes and answers, Postfix is the relay, keeps the mailboxes, brings the
answers to us, and reports what it can't deliver. Everything over STARTTLS with a verified certificate."""
import pathlib
import re
import time
from email.utils import parseaddr

import mta
import mua
import pytest
import servelo
import smtp_talk

TEAM = "bob@agents.example"
CUSTOMERS = {"jane": "Jane Doe", "kim": "Kim Lee", "lee": "Lee Wong"}
BOXES = [name + "@customers.example" for name in CUSTOMERS]
OTHER_DOMAIN = "othersupport.example"


class Relayed:
    """A server, a Postfix that it relays through, and the mail programs of everybody."""

    def __init__(self, make_server, folder, mailboxes, **relay):
        self.folder = pathlib.Path(folder)
        self.server = make_server(tenants={"declare": [
            {"slug": "acme", "name": "Acme Inc", "admin_email": TEAM},
        ]}).start()
        self.certificate = servelo.make_certificate(self.folder, "relay", "localhost")
        self.postfix = mta.RelayPostfix(folder, {servelo.DOMAIN: self.server.port}, self.certificate, mailboxes)
        self.postfix.__enter__()
        self.use(self.server)

    def use(self, server):
        server.configure(relay={"host": "localhost", "port": self.postfix.relay_port, "tls": "starttls",
                                "ca_file": str(self.certificate[0])})
        server.process.send_signal(1)
        server.wait_log(r"\breloaded\b")

    def program(self, name, who):
        address = re.search("<(.*)>", who).group(1)
        return mua.Mutt(self.folder / name, who, self.postfix.maildir(address), self.postfix.sendmail_words(address))

    def close(self):
        self.postfix.__exit__()


@pytest.fixture
def relayed(make_server, mta_folder):
    setup = Relayed(make_server, mta_folder, BOXES + [TEAM])
    yield setup
    setup.close()


def wait(what, why):
    until = time.monotonic() + servelo.DEADLINE
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < until, why()
        time.sleep(0.05)


def quiet(server):
    """Until nothing is waiting to leave any more."""
    wait(lambda: not server.json("queue", "list"), lambda: server.cli("queue", "list"))


def ids(mail, field):
    return re.findall(r"<([^<>]+)>", mail[field] or "")


def subject_of(reference):
    return lambda mail: reference in (mail["Subject"] or "")


def test_ten_rounds_on_three_tickets(relayed):
    server = relayed.server
    bob = relayed.program("bob", f"Bob Miller <{TEAM}>")
    people, tickets = {}, {}
    for name, full in CUSTOMERS.items():
        people[name] = relayed.program(name, f"{full} <{name}@customers.example>")
        people[name].write("acme@" + servelo.DOMAIN, f"Question of {name}", f"How does it work? I am {name}.\n")
        confirmation = people[name].wait(1)
        tickets[name] = re.search(r"ACME-\d+", confirmation["Subject"]).group(0)
        assert f"Question of {name}" not in confirmation.as_string(), "a confirmation repeats none of the customer's words"
        assert confirmation["Auto-Submitted"] == "auto-replied"
        bob.wait(1, subject_of(tickets[name]))
    assert len(set(tickets.values())) == 3
    expected = {name: [("client", f"{name}@customers.example", f"How does it work? I am {name}.")] for name in people}

    for turn in range(10):
        for name, person in people.items():
            reference = tickets[name]
            below = turn % 3 == 2
            answer = f"Agent's words {turn} for {name}: press the {turn + 2}th button."
            bob.reply(reference, answer + "\n", below=below)
            mail = person.wait(turn + 2, subject_of(reference) if turn else lambda mail: True)
            person.wait(1, lambda mail: answer in mail.get_body(("plain",)).get_content())
            expected[name].append(("agent", TEAM, answer))
            if turn == 4 and name == "kim":
                server.cli("ticket", "resolve", reference)
                assert server.json("ticket", "show", reference)["status"] == "resolved"
            words = f"Customer {name} in round {turn}: that did not help."
            person.reply(reference, words + "\n", below=below)
            bob.wait(1, lambda mail: words in mail.get_body(("plain",)).get_content())
            expected[name].append(("client", f"{name}@customers.example", words))
            status = server.json("ticket", "show", reference)["status"]
            assert status == ("reopened" if turn == 4 and name == "kim" else "waiting_on_agent")
            # The threading fields of what the customer got: all of it is in his own mailbox or written by him.
            mail = person.wait(1, lambda mail: answer in mail.get_body(("plain",)).get_content())
            references = ids(mail, "References")
            assert ids(mail, "In-Reply-To") == references[-1:]
            first = server.json("ticket", "show", reference)["comments"][0]["message_id"]
            assert references[0] == first
            assert len(mail["References"]) < 4096
            assert re.fullmatch(r"reply\+[A-Za-z0-9_-]{20,58}@" + re.escape(servelo.DOMAIN), parseaddr(mail["Reply-To"])[1])
            assert mail["Reply-To"] != bob.mails()[-1]["Reply-To"]

    for name, reference in tickets.items():
        comments = server.json("ticket", "show", reference)["comments"]
        got = [(c["author_kind"], c["author"], c["reply"].strip()) for c in comments if not c["automatic"]]
        assert got == expected[name]
        assert not [c for c in comments if c["automatic"] or c["internal"]]
    assert server.balance()["unaccounted"] == 0
    quiet(server)
    # One confirmation and ten answers each; three notifications of tickets and thirty of comments.
    for person in people.values():
        assert len(person.mails()) == 11
    assert len(bob.mails()) == 33


def test_an_unknown_user_is_reported_and_nobody_answers(relayed):
    server = relayed.server
    bob = relayed.program("bob", f"Bob Miller <{TEAM}>")
    reply = server.talk().deliver(smtp_talk.mail(author="Gone <gone@customers.example>"), ["acme@" + servelo.DOMAIN],
                                  reverse_path="gone@customers.example")
    assert reply.code == 250
    failure = bob.wait(2)
    text = failure.get_body(("plain",)).get_content()
    assert "gone@customers.example" in text
    quiet(server)
    jobs = server.json("queue", "list", "--state", "all")
    assert sorted((job["kind"], job["state"]) for job in jobs) == [
        ("confirm", "bounced"), ("notify_failure", "sent"), ("notify_ticket", "sent")]
    ticket = server.json("ticket", "show", "ACME-00001")
    system = [c for c in ticket["comments"] if c["author_kind"] == "system"]
    assert len(system) == 1 and system[0]["internal"] and "gone@customers.example" in system[0]["text"]
    assert ticket["status"] == "open"
    outcomes = sorted(row["outcome"] for row in server.audit_rows())
    assert outcomes == ["bounce_report", "created"]
    assert len(bob.mails()) == 2
    assert server.balance()["unaccounted"] == 0


def test_two_servers_that_answer_each_other_fall_silent(relayed, make_server):
    a = relayed.server
    b = make_server(mail={"domain": OTHER_DOMAIN}, tenants={"declare": [
        {"slug": "globex", "name": "Globex", "admin_email": BOXES[1]}]}).start()
    relayed.postfix.route(OTHER_DOMAIN, b.port)
    relayed.use(b)
    globex = "globex@" + OTHER_DOMAIN
    reply = a.talk().deliver(smtp_talk.mail(author=f"Globex <{globex}>"), ["acme@" + servelo.DOMAIN],
                             reverse_path=globex)
    assert reply.code == 250
    bob = relayed.program("bob", f"Bob Miller <{TEAM}>")
    kim = relayed.program("kim", f"Kim Lee <{BOXES[1]}>")
    bob.wait(1)
    wait(lambda: b.json("ticket", "list"), lambda: b.log_tail())
    # Another mail goes the whole way round behind them: what they would have said to each other has been said by then.
    for n in range(2):
        quiet(a)
        quiet(b)
        a.talk().deliver(smtp_talk.mail(author=f"Jane <{BOXES[0]}>", message_id=f"<probe{n}@customers.example>"),
                         ["acme@" + servelo.DOMAIN], reverse_path=BOXES[0])
        relayed.program("jane", f"Jane <{BOXES[0]}>").wait(n + 1)
    quiet(a)
    quiet(b)
    theirs = b.json("ticket", "list")
    assert len(theirs) == 1 and theirs[0]["automatic"]
    assert len(a.json("ticket", "list")) == 3
    assert [job["kind"] for job in b.json("queue", "list", "--state", "all") if job["kind"] != "notify_ticket"] == []
    kinds = sorted(job["kind"] for job in a.json("queue", "list", "--state", "all"))
    assert kinds == ["confirm"] * 3 + ["notify_ticket"] * 3
    assert len(kim.mails()) <= 1


def test_a_vacation_program_is_not_answered(relayed):
    server = relayed.server
    person = relayed.program("jane", "Jane Doe <jane@customers.example>")
    person.write("acme@" + servelo.DOMAIN, "Help", "Please.\n")
    confirmation = person.wait(1)
    reference = re.search(r"ACME-\d+", confirmation["Subject"]).group(0)
    back = confirmation["Return-Path"].strip("<>")
    assert back.startswith("bounce+")
    # As RFC 3834 has it: to the reverse-path, from nobody.
    abiding = smtp_talk.mail(author="Jane Doe <jane@customers.example>", subject="Out of office",
                             extra="Auto-Submitted: auto-replied\r\nIn-Reply-To: " + confirmation["Message-ID"] + "\r\n")
    assert server.talk().deliver(abiding, [back], reverse_path="").code == 250
    # And as bad programs do: to Reply-To, and to From, without any sign but the subject's.
    for to in (parseaddr(confirmation["Reply-To"])[1], "acme@" + servelo.DOMAIN):
        rude = smtp_talk.mail(author="Jane Doe <jane@customers.example>", subject="Automatic reply: your mail",
                              body="I am out of the office until Monday.\r\n",
                              extra="X-Autoreply: yes\r\nIn-Reply-To: " + confirmation["Message-ID"] + "\r\n")
        assert server.talk().deliver(rude, [to], reverse_path="jane@customers.example").code == 250
    quiet(server)
    ticket = server.json("ticket", "show", reference)
    assert ticket["status"] == "open"
    assert [c["automatic"] for c in ticket["comments"]] == [False, True, True, True]
    assert len(server.json("ticket", "list")) == 1
    assert len(person.mails()) == 1
    assert sorted(row["outcome"] for row in server.audit_rows()) == ["created", "event", "event", "event"]
