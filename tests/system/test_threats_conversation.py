"""What is tried against a helpdesk's conversation (THREATS A4 to A8, H1 to H8), over the wire: whose words a comment is
under whatever From says, what a stranger can make us send, and what cannot be smuggled into a mail of ours."""
import re
import time

import pytest
import servelo
import smtp_talk

DOMAIN = servelo.DOMAIN
MX = "acme@" + DOMAIN
TEAM = "admin@acme.example"
JANE = "jane@customers.example"


@pytest.fixture(scope="module")
def world(make_server):
    with servelo.Relay() as relay:
        server = make_server(relay=relay.conf()).start()
        yield World(server, relay)
        server.stop()


class World:
    def __init__(self, server, relay):
        self.server, self.relay, self.seen = server, relay, 0

    def put(self, mail, to=MX, reverse_path="mta@client.example"):
        with self.server.talk() as talk:
            reply = talk.deliver(mail, [to] if isinstance(to, str) else to, reverse_path)
        assert reply.code == 250, reply
        return reply

    def left(self):
        """The mails that have left since the last time."""
        wait_empty(self.server)
        mails, self.seen = self.relay.mails[self.seen:], len(self.relay.mails)
        return mails

    def open(self, author=f"Jane <{JANE}>", subject="Help"):
        """A new ticket of a new subject: its reference, the reply addresses of its requester and of the team."""
        self.left()
        reference = self.put(smtp_talk.mail(author=author, subject=subject)).references[0]
        token = {mail.recipients[0]: re.search(r"reply\+[^>]+", mail.field("Reply-To")).group() for mail in self.left()}
        return reference, token.get(JANE), token[TEAM]

    def last(self, reference):
        return self.server.json("ticket", "show", reference)["comments"][-1]


def wait_empty(server):
    until = time.monotonic() + servelo.DEADLINE
    while server.json("queue", "list"):
        assert time.monotonic() < until, server.cli("queue", "list")
        time.sleep(0.02)


CLIENT, AGENT, INTERNAL = ("client", False), ("agent", False), ("client", True)


def test_from_only_takes_authority_away(world):
    reference, client, team = world.open()
    cases = [
        (client, JANE, CLIENT),
        (client, "JANE@Customers.Example", CLIENT),
        (client, f"{JANE}, m@x.example", INTERNAL),
        (client, f"m@x.example, {JANE}", INTERNAL),
        (client, f"all: {JANE}, m@x.example;", INTERNAL),
        (client, f"m@x.example ({JANE})", INTERNAL),
        (client, f'"{JANE}" <m@x.example>', INTERNAL),
        (client, "=?utf-8?Q?jane=40customers.example?= <m@x.example>", INTERNAL),
        (client, f"<m@x.example> <{JANE}>", INTERNAL),
        (client, "j\u0430ne@customers.example", INTERNAL),  # a Cyrillic letter
        (client, "jane@sub.customers.example", INTERNAL),
        (client, JANE + ".", INTERNAL),
        (client, JANE + "\u200b", INTERNAL),
        (client, "bob@acme.example", INTERNAL),
        (client, TEAM, CLIENT),  # an agent's words there are the customer's side's
        (team, TEAM, AGENT),
        (team, "bob@ACME.example", AGENT),
        (team, JANE, CLIENT),
        (team, "bob@sub.acme.example", INTERNAL),
        (team, "bob@acme.example.", INTERNAL),
        (team, "bob@notacme.example", INTERNAL),
        (team, '"bob@acme.example"@evil.example', INTERNAL),
        (team, "bob@acme.example@evil.example", INTERNAL),
        (team, "m@x.example (bob@acme.example)", INTERNAL),
        (team, f"{TEAM}, m@x.example", INTERNAL),
        (team, "bob@", INTERNAL),
        (team, "", INTERNAL),
    ]
    for n, (to, author, wanted) in enumerate(cases):
        world.put(smtp_talk.mail(author=author, body=f"Words number {n}.\r\n"), to)
        comment = world.last(reference)
        assert comment["text"].strip() == f"Words number {n}."
        assert (comment["author_kind"], comment["internal"]) == wanted, (author, comment)
        for mail in world.left():
            # nobody outside the team reads what is not the team's answer
            if wanted != AGENT:
                assert mail.recipients == [TEAM], (author, mail)


@pytest.mark.parametrize("fields", [
    f"Sender: {TEAM}", f"Reply-To: {TEAM}", f"Resent-From: {TEAM}\r\nResent-Sender: {TEAM}", f"From: {TEAM}\r\nFrom: m@x.example",
    f"From: m@x.example\r\nFrom: {TEAM}"])
def test_no_other_field_is_from(world, fields):
    reference, _, team = world.open(subject="Other fields")
    mail = re.sub(rb"From: .*?\r\n", fields.encode() + b"\r\n", smtp_talk.mail(), count=1)
    world.put(mail, team)
    assert world.last(reference)["internal"]
    assert all(mail.recipients == [TEAM] for mail in world.left())


def test_a_forged_author_is_not_bombed(world):
    world.left()
    # one confirmation for one author that From names, whatever else is in the header section
    for author in ("v1@victim.example, m@x.example", "all: v1@victim.example, m@x.example;"):
        world.put(smtp_talk.mail(author=author))
    for field in (b"Reply-To", b"Sender"):
        world.put(re.sub(rb"From: .*?\r\n", field + b": v1@victim.example\r\n", smtp_talk.mail(), count=1))
    # many mailboxes in one transaction
    world.put(smtp_talk.mail(author="v2@victim.example"), [f"acme+{n}@{DOMAIN}" for n in range(20)])
    to = [mail.recipients[0] for mail in world.left()]
    assert to.count("v1@victim.example") == 0
    assert to.count("v2@victim.example") <= 3
    assert to.count(TEAM) <= 4 + 5


def test_the_teams_vacation_program_ends_by_itself(world):
    world.left()
    world.put(smtp_talk.mail(author="v3@customers.example", subject="Begin"))
    sent, away = world.left(), 0
    # it answers whatever comes, to From, without In-Reply-To and reference
    for mark in ("Auto-Submitted: auto-replied\r\n", ""):
        for _ in range(8):
            if not any(mail.recipients == [TEAM] for mail in sent):
                break
            away += 1
            world.put(smtp_talk.mail(author=TEAM, subject="I am not here", body=f"Away {away}.\r\n", extra=mark))
            sent = world.left()
        assert not sent, [str(mail) for mail in sent]
        world.put(smtp_talk.mail(author="v4@customers.example", subject="Begin again"))
        sent = world.left()


EVIL = "{{signature}} <img src=x onerror=alert(1)> javascript:alert(1) http://x\"onmouseover=alert(1) https://a.example/?a=b&c=<d>"


def test_values_are_text_wherever_they_stand(world):
    subject = "{{text}} {{#attachments}}x{{/attachments}} <script>alert(1)</script> =?utf-8?Q?a=0D=0ABcc:_x@y.example?="
    reference, client, team = world.open(subject=subject)
    world.put(smtp_talk.mail(author=JANE, body=EVIL + "\r\n"), client)
    world.put(smtp_talk.mail(author=TEAM, body=EVIL + "\r\n"), team)
    mails = world.left()
    assert sorted(mail.recipients[0] for mail in mails) == [TEAM, JANE]
    for mail in mails:
        assert mail.message["Bcc"] is None and mail.message["Cc"] is None
        assert "{{text}}" in mail.message["Subject"] and "{{signature}}" in mail.text
        tags = re.findall(r"<[^>]*>", mail.html)
        assert not [tag for tag in tags if re.search(r"onerror|onmouseover|javascript:|<script", tag, re.I)]
        assert "{{" in mail.html and "<img src=x" not in mail.html
    assert world.last(reference)["text"].strip() == EVIL


def test_a_text_that_grows_leaves_all_the_same(world):
    """Markup is many times what it marks up: the worst text there is still fits into a mail."""
    world.left()
    for body in (b"\t'\r\n\r\n" * 60000, b'"' * 900 + b"\r\n", ("\u200b\u00e9" * 400 + "\r\n").encode() * 400):
        world.put(smtp_talk.mail(author="v5@customers.example", subject="Big", body=body,
                                 extra="Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
                                 + "References: " + "\r\n ".join(f"<{'r' * 880}{n}@x.example>" for n in range(24)) + "\r\n"))
        team = [mail for mail in world.left() if mail.recipients == [TEAM]]
        assert len(team) == 1 and len(team[0].octets) < 8 * 1024 * 1024
        assert max(len(line) for line in team[0].octets.split(b"\r\n")) <= 998


def test_a_forward_is_the_original_octet_for_octet(world):
    world.left()
    body = (b".\r\n..two dots\r\n.dot\r\n\xff\xfe raw \xc3\r\n" + b"x" * 5000 + b"\r\nlast without its end")
    mail = smtp_talk.mail(author="m@x.example").replace(b"\r\n\r\n", b"\r\nX-Long: " + b"y" * 3000 + b"\r\n\r\n", 1) + body
    for path in ("m@x.example", ""):
        world.put(mail.replace(b"Message-ID: <", b"Message-ID: <z" + str(len(path)).encode()), f"support@{DOMAIN}", path)
        forward, = world.left()
        original = mail.replace(b"Message-ID: <", b"Message-ID: <z" + str(len(path)).encode()) + b"\r\n"
        assert forward.octets.endswith(original)
        top = forward.octets[:-len(original)]
        for field in (b"Resent-From:", b"Resent-To:", b"Resent-Date:", b"Resent-Message-ID:", b"X-Servelo-Loop: forward."):
            assert top.count(b"\r\n" + field) + top.startswith(field) == 1, field
        assert (forward.envelope_from == "") == (path == "")
