"""The plug is pulled while mails flow: what got a 250 is there afterwards, and what did not can be sent again."""
import os
import random
import signal
import threading

import pytest

import servelo
import smtp_talk


class Ledger:
    """What each sender knows: mails it sent, and the 250s it read."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent = {}
        self.acknowledged = {}
        self.enough = threading.Event()

    def send_until_the_end(self, server, wanted, tls, size):
        body = ("x" * 70 + "\r\n") * (size // 72 + 1)
        try:
            with server.talk(tls=tls, timeout=20) as talk:
                while True:
                    mail = smtp_talk.mail(body=body)
                    message_id = mail.split(b"Message-ID: <", 1)[1].split(b">", 1)[0].decode()
                    with self.lock:
                        self.sent[message_id] = mail
                    reply = talk.deliver(mail, ["acme@serveloapp.com"])
                    if reply.code != 250:
                        continue
                    with self.lock:
                        self.acknowledged[message_id] = reply
                        if len(self.acknowledged) >= wanted:
                            self.enough.set()
        except (OSError, smtp_talk.Closed, AssertionError, ValueError):
            pass  # the plug


def flow(server, ledger, wanted, then):
    """Eight senders, small mails and big, until `wanted` were acknowledged; then `then()` while they go on."""
    threads = [threading.Thread(target=ledger.send_until_the_end,
                                args=(server, wanted, "starttls" if n % 4 == 0 else None, 300_000 if n % 3 == 0 else 500))
               for n in range(8)]
    for thread in threads:
        thread.start()
    assert ledger.enough.wait(servelo.DEADLINE)
    then()
    for thread in threads:
        thread.join(servelo.DEADLINE)


def check_ledger(server, ledger):
    balance = server.balance()
    assert balance["unaccounted"] == 0, balance
    for message_id, reply in ledger.acknowledged.items():
        rows = server.audit(reply.mail_id)
        assert [row["outcome"] for row in rows] == ["created"], (message_id, rows)
        assert rows[0]["ticket"] == reply.references[0]
        assert server.raw(reply.mail_id) == ledger.sent[message_id]


@pytest.mark.parametrize("round_", range(3))
def test_kill_while_mails_flow(make_server, round_):
    server = make_server().start()
    ledger = Ledger()
    flow(server, ledger, random.randint(30, 120), server.kill)
    server.start()
    check_ledger(server, ledger)

    # What was under way when the plug was pulled is sent again by its sender: each mail ends as one ticket.
    unsure = [mail for message_id, mail in ledger.sent.items() if message_id not in ledger.acknowledged]
    with server.talk() as talk:
        for mail in unsure:
            reply = talk.deliver(mail, ["acme@serveloapp.com"])
            assert reply.code == 250, reply
    tickets = server.json("ticket", "list", "--limit", "0")
    assert len(tickets) == len(ledger.sent)
    assert server.balance()["unaccounted"] == 0
    server.stop()


def test_spool_files_of_a_killed_server_are_swept(make_server):
    """A mail that was half received left a file; no row refers to it, so the next start removes it."""
    server = make_server(storage={"memory_max": "64KiB"}).start()
    with server.talk() as talk:
        talk.envelope(["acme@serveloapp.com"])
        assert talk.cmd("DATA").code == 354
        talk.send(b"Subject: half\r\n\r\n" + b"x" * 70 + (b"\r\n" + b"x" * 70) * 8000)
        files = lambda: [path for path in server.data.rglob("*") if path.is_file() and "spool" in path.parts]
        wait(lambda: files())
        server.kill()
    assert files()
    server.start()
    wait(lambda: not files())
    server.stop()


def wait(condition):
    import time
    until = time.monotonic() + servelo.DEADLINE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_parser_children_killed_while_mails_flow(make_server):
    """A child that dies costs nobody their mail: every mail gets 250 and its ticket."""
    server = make_server().start()
    stop = threading.Event()
    killed = []

    def killer():
        while not stop.is_set():
            for child in server.children():
                try:
                    os.kill(child, signal.SIGKILL)
                    killed.append(child)
                except ProcessLookupError:
                    pass
            stop.wait(random.uniform(0.05, 0.3))

    replies, errors = [], []

    def sender():
        try:
            with server.talk() as talk:
                for _ in range(40):
                    replies.append(talk.deliver(smtp_talk.mail(), ["acme@serveloapp.com"]))
        except Exception as error:  # shown below, in the test's own thread
            errors.append(repr(error))

    murderer = threading.Thread(target=killer)
    senders = [threading.Thread(target=sender) for _ in range(4)]
    murderer.start()
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join(servelo.DEADLINE * 2)
    stop.set()
    murderer.join()
    assert not errors, errors
    assert killed
    assert len(replies) == 160 and all(reply.code == 250 for reply in replies), [r for r in replies if r.code != 250]
    assert len({reply.references[0] for reply in replies}) == 160
    assert server.balance()["unaccounted"] == 0
    # And when the killing ends, mails are parsed as ever.
    with server.talk() as talk:
        wait(lambda: is_parsed(server, talk))
    server.stop()


def stats(server):
    return server.control(op="stats")["result"]


def is_parsed(server, talk):
    """Was one more mail parsed? Either way it is a ticket."""
    parsed = stats(server)["ingest.parsed"]
    reply = talk.deliver(smtp_talk.mail(subject="all is well"), ["acme@serveloapp.com"])
    assert reply.code == 250, reply
    assert server.json("ticket", "show", reply.references[0])["subject"] == "all is well"
    return stats(server)["ingest.parsed"] > parsed


def test_children_that_die_by_the_dozen_are_not_waited_for(make_server):
    """The breaker opens: mails are tickets at once; it closes by itself when a child is well again."""
    server = make_server().start()
    with server.talk() as talk:
        assert is_parsed(server, talk)

        def kill_children():
            for child in server.children():
                try:
                    os.kill(child, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return stats(server)["ingest.breaker_open"]

        def is_untried():
            """On a slow machine the rest may be over by now, and the mail the probe: then it is tried again."""
            wait(kill_children)
            return not is_parsed(server, talk) and stats(server)["ingest.untried"] >= 1

        wait(is_untried)
        wait(lambda: is_parsed(server, talk))
    assert not stats(server)["ingest.breaker_open"]
    server.wait_log("parsers-rest")
    server.wait_log("parsers-work-again")
    assert server.balance()["unaccounted"] == 0
    server.stop()


def test_a_mail_that_hung_its_parser_gets_no_second_one(make_server):
    server = make_server(ingest={"parsers": 1, "parse_deadline": "3s"}).start()
    mail = smtp_talk.mail(subject="Once is enough", body="Hello.\r\n" * 10)
    with server.talk() as talk:
        assert is_parsed(server, talk)
        child, = server.children()
        os.kill(child, signal.SIGSTOP)
        replies = [talk.deliver(mail, ["acme@serveloapp.com"])]
        died = stats(server)["ingest.children_died"]
        assert died == 1 and stats(server)["ingest.over_deadline"] == 1
        # The same to another tenant is no repeat, and no child sees it.
        replies.append(talk.deliver(mail, ["globex@serveloapp.com"]))
        assert stats(server)["ingest.remembered"] == 1
        assert stats(server)["ingest.children_died"] == died
        wait(lambda: is_parsed(server, talk))
    for reply in replies:
        assert reply.code == 250, reply
        assert server.json("ticket", "show", reply.references[0])["subject"] == "Once is enough"
        assert server.raw(reply.mail_id) == mail
    server.stop()
