"""Mail that is to leave, as the command line tells of it and changes it; agents who answer without mail; tokens."""
import pathlib
import socket
import socketserver
import stat
import threading
import time

import smtp_talk


def queued(server, ticket, kind, state="all"):
    """The newest job of this kind about a ticket."""
    return next(job for job in server.json("queue", "list", "--state", state, "--ticket", ticket, "--limit", "0")
                if job["kind"] == kind)


def new_ticket(server, **options):
    with server.talk() as talk:
        return talk.deliver(smtp_talk.mail(**options), ["acme@serveloapp.com"]).references[0]


def test_mail_is_held_dropped_and_tried_again(make_server):
    server = make_server().start()
    ticket = new_ticket(server)
    said = server.cli("queue", "list")
    assert "No relay is configured" in said.splitlines()[0] and "paused" not in said
    job = str(queued(server, ticket, "confirm")["id"])
    shown = server.cli("queue", "show", job)
    assert "jane.doe@example.net" in shown and ticket in shown and "Message-ID" in shown
    assert "relay" in server.json("queue", "show", job)["next"]

    server.cli("queue", "pause")
    assert server.cli("queue", "list").startswith("The outbox is paused")
    assert server.json("queue", "show", job)["waits"] == "the outbox is paused"
    server.stop()
    server.start()
    assert server.json("queue", "show", job)["waits"] == "the outbox is paused"
    server.cli("queue", "resume")
    assert "relay" in server.json("queue", "show", job)["waits"]

    server.cli("queue", "cancel", job)
    assert server.json("queue", "show", job)["state"] == "cancelled"
    for words, code, why in ((["cancel", job], 65, "was cancelled"), (["retry", job], 65, "was cancelled"),
                             (["retry", "999999"], 66, "no job"), (["show", "999999"], 66, "no job"),
                             (["retry"], 64, "--failed"), (["retry", "x"], 64, "number"), (["show", "0"], 64, "number"),
                             (["list", "--state", "gone"], 64, "state"), (["list", "--ticket", "ACME-9"], 66, "ticket"),
                             (["allow", "acme", "jane@example.net"], 66, "stopped"), (["allow", "acme", "j"], 65, "address")):
        done = server.run("queue", *words)
        assert done.returncode == code and why in done.stderr.decode(), (words, done)
    assert server.cli("queue", "retry", "--failed") == "nothing has failed\n"
    assert job not in [str(other["id"]) for other in server.json("queue", "list")]
    assert [other["id"] for other in server.json("queue", "list", "--state", "cancelled")] == [int(job)]
    assert server.json("queue", "stopped") == []
    server.stop()
    assert "No server is running" in server.cli("queue", "list")


def test_the_reason_of_a_relay_that_is_not_there_is_said(make_server):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        server = make_server(relay={"host": "127.0.0.1", "port": nobody.getsockname()[1], "tls": "none"}).start()
        ticket = new_ticket(server)
        until = time.monotonic() + 60
        while not (job := queued(server, ticket, "confirm"))["why"]:
            assert time.monotonic() < until, job
            time.sleep(0.02)
        assert "refused" in job["waits"] and job["tries"] == 0 and job["state"] in ("due", "sending"), job
        assert "No relay is configured" not in server.cli("queue", "list")
        # What went out in a mail is known with its letters folded, too.
        address = server.cli("token", "mint", ticket).strip()
        folded = server.json("token", "explain", address.lower())
        assert (folded["ticket"], folded["participant"], folded["folded"]) == (ticket, 1, True), folded
        local, domain = address.lower().split("@")
        other = local[:-1] + ("a" if local[-1] != "a" else "q")
        assert server.cli("token", "explain", f"{other}@{domain}", code=1) == "does not verify\n"
        server.stop()


class Relay(socketserver.ThreadingTCPServer):
    """Takes every mail, but for recipients in `refused`; keeps the reverse-path that each recipient had. Says nothing to
    a final dot while `answers` is not set."""
    daemon_threads = True

    class Session(socketserver.StreamRequestHandler):
        def say(self, text):
            self.wfile.write(text.encode() + b"\r\n")

        def handle(self):
            reverse_path = None
            self.say("220 relay.example ready")
            while line := self.rfile.readline():
                verb, path = line[:4].upper(), line.decode().partition(":")[2].split(">")[0].strip(" <")
                if verb == b"MAIL":
                    reverse_path = path
                if verb == b"RCPT" and path in self.server.refused:
                    self.say("550 5.1.1 no such user here")
                    continue
                if verb == b"RCPT":
                    self.server.taken[path] = reverse_path
                if verb == b"DATA":
                    self.say("354 go on")
                    while self.rfile.readline() not in (b".\r\n", b""):
                        pass
                    self.server.whole.release()
                    self.server.answers.wait()
                self.say("221 2.0.0 bye" if verb == b"QUIT" else "250 2.0.0 fine")
                if verb == b"QUIT":
                    return

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Relay.Session)
        self.taken, self.refused = {}, set()
        self.whole, self.answers = threading.Semaphore(0), threading.Event()  # mails up to their dot; it may be answered
        self.answers.set()
        threading.Thread(target=self.serve_forever, daemon=True).start()


def wait_state(server, ticket, kind, state):
    until = time.monotonic() + 60
    while (job := queued(server, ticket, kind))["state"] != state:
        assert time.monotonic() < until, job
        time.sleep(0.02)
    return job


def test_what_left_and_what_failed_is_told(make_server):
    with Relay() as relay:
        relay.refused.add("admin@acme.example")
        server = make_server(relay={"host": "127.0.0.1", "port": relay.server_address[1], "tls": "none"}).start()
        ticket = new_ticket(server)
        sent = wait_state(server, ticket, "confirm", "sent")
        assert sent["settled"] and sent["tries"] == 1 and "report" in sent["next"], sent
        failed = wait_state(server, ticket, "notify_ticket", "failed")
        assert "no such user here" in failed["waits"] and "retry" in failed["next"], failed
        said = server.cli("queue", "list")
        assert "no such user here" in said and "jane.doe@example.net" not in said and said.startswith("ID")
        text = server.cli("ticket", "show", ticket)
        assert "no such user here" in text and "Z, system" in text and "<>" not in text, text
        job = str(sent["id"])
        for verb in ("retry", "cancel"):
            assert b"has left already" in server.run("queue", verb, job).stderr
        # A report to the reverse-path comes back to this very job.
        reverse_path = relay.taken["jane.doe@example.net"]
        said = server.json("token", "explain", reverse_path)
        assert (said["kind"], said["job"], said["recipient"]) == ("bounce", sent["id"], "jane.doe@example.net"), said
        assert server.run("token", "explain", "reply" + reverse_path[len("bounce"):]).returncode == 1

        relay.refused.clear()
        assert server.cli("queue", "retry", str(failed["id"])).startswith(f"job {failed['id']} to admin@acme.example")
        wait_state(server, ticket, "notify_ticket", "sent")
        # What is said by hand leaves at once, without anybody's asking.
        server.cli("ticket", "comment", ticket, "On its way.")
        wait_state(server, ticket, "answer", "sent")
        server.stop()
        relay.shutdown()


def test_a_pause_takes_back_what_the_relay_has_not_heard_of(make_server):
    with Relay() as relay:
        server = make_server(relay={"host": "127.0.0.1", "port": relay.server_address[1], "tls": "none",
                                    "connections": 1}).start()
        relay.answers.clear()
        for _ in range(5):
            new_ticket(server)
        assert relay.whole.acquire(timeout=60)
        assert "nothing else begins" in server.cli("queue", "pause")
        until = time.monotonic() + 60
        while sum(job["state"] == "sending" for job in server.json("queue", "list")) > 1:
            assert time.monotonic() < until
            time.sleep(0.02)
        jobs = server.json("queue", "list")
        waiting = [str(job["id"]) for job in jobs if job["state"] == "due"]
        sending = next(str(job["id"]) for job in jobs if job["state"] == "sending")
        assert len(waiting) == len(jobs) - 1 >= 5
        done = server.run("queue", "cancel", sending)
        assert done.returncode == 75 and b"is being sent" in done.stderr, done
        server.cli("queue", "cancel", waiting[0])
        relay.answers.set()
        while server.json("queue", "show", sending)["state"] != "sent":
            assert time.monotonic() < until
            time.sleep(0.02)
        assert [str(job["id"]) for job in server.json("queue", "list")] == waiting[1:]
        server.cli("queue", "resume")
        while jobs := server.json("queue", "list"):
            assert time.monotonic() < until, jobs
            time.sleep(0.02)
        assert server.json("queue", "show", waiting[0])["state"] == "cancelled"
        assert sum(relay.whole.acquire(timeout=1) for _ in waiting[1:]) == len(waiting) - 1
        assert not relay.whole.acquire(blocking=False)
        server.stop()
        relay.shutdown()


def test_nothing_that_knows_a_secret_leaves_a_core_dump(make_server):
    server = make_server().start()
    for pid in (server.pid, *server.children()):
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines()
        assert next(line for line in limits if line.startswith("Max core")).split()[4:6] == ["0", "0"], pid
    server.stop()


def report(kind, fields, to):
    """A delivery status notification (RFC 3464) or a feedback report (RFC 5965), as others' servers send them."""
    return (f"From: MAILER-DAEMON@example.net\r\nTo: {to}\r\nSubject: report\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: multipart/report; report-type={kind.split('/')[-1]}; boundary=b\r\n\r\n"
            f"--b\r\nContent-Type: text/plain\r\n\r\nabout a mail of yours\r\n"
            f"--b\r\nContent-Type: message/{kind}\r\n\r\n{fields}\r\n--b--\r\n").encode()


def test_what_came_back_and_who_complained(make_server):
    with Relay() as relay:
        server = make_server(relay={"host": "127.0.0.1", "port": relay.server_address[1], "tls": "none"}).start()
        ticket = new_ticket(server)
        wait_state(server, ticket, "confirm", "sent")
        reverse_path = relay.taken["jane.doe@example.net"]
        dsn = report("delivery-status", "Reporting-MTA: dns; mx.example.net\r\n\r\n"
                     "Final-Recipient: rfc822; jane.doe@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n"
                     "Diagnostic-Code: smtp; 550 5.1.1 no such user", reverse_path)
        with server.talk() as talk:
            assert talk.deliver(dsn, [reverse_path], reverse_path="").code == 250
        job = wait_state(server, ticket, "confirm", "bounced")
        assert "5.1.1" in job["why"], job
        assert "bounced" in server.cli("ticket", "show", ticket)
        assert [b["id"] for b in server.json("queue", "list", "--state", "bounced")] == [job["id"]]

        complaint = report("feedback-report", "Feedback-Type: abuse\r\nUser-Agent: example/1.0\r\nVersion: 1\r\n"
                           "Original-Rcpt-To: <jane.doe@example.net>", reverse_path)
        with server.talk() as talk:
            assert talk.deliver(complaint, [reverse_path], reverse_path="").code == 250
        assert [(s["tenant"], s["address"]) for s in server.json("queue", "stopped")] == [("acme", "jane.doe@example.net")]
        server.cli("ticket", "comment", ticket, "Are you there?")
        failed = wait_state(server, ticket, "answer", "failed")
        server.cli("queue", "allow", "acme", "Jane.Doe@example.net")
        assert server.json("queue", "stopped") == []
        server.cli("queue", "retry", str(failed["id"]))
        wait_state(server, ticket, "answer", "sent")
        server.stop()
        relay.shutdown()


def test_an_agent_without_mail_answers(server):
    ticket = new_ticket(server, subject="Warm fridge")
    said = server.cli("ticket", "comment", ticket, "It is on its way.", "--as", "anna@acme.example")
    assert "jane.doe@example.net is told" in said and "waiting_on_customer" in said
    assert queued(server, ticket, "answer")["recipient"] == "jane.doe@example.net"
    assert "nobody" in server.cli("ticket", "comment", ticket, "--internal", "no idea")
    server.cli("ticket", "comment", ticket, "-", stdin="Grüße,\r\n\r\n  Anna\r\n".encode())
    server.cli("ticket", "close", ticket)
    assert server.cli("ticket", "close", ticket) == f"{ticket} is closed already\n"
    server.cli("ticket", "reopen", ticket)
    server.cli("ticket", "resolve", ticket, "--comment", "-", stdin=b"The fuse.\n")
    assert "who is told" in server.cli("ticket", "assign", ticket, "bob@acme.example")

    shown = server.json("ticket", "show", ticket)
    assert (shown["status"], shown["assignee"]) == ("resolved", "bob@acme.example")
    assert [(c["text"], c["author"], c["internal"]) for c in shown["comments"]][1:] == [
        ("It is on its way.", "anna@acme.example", False), ("no idea", "admin@acme.example", True),
        ("Grüße,\n\n  Anna", "admin@acme.example", False), ("The fuse.", "admin@acme.example", False)]
    assert [(p["number"], p["kind"], p["address"]) for p in shown["participants"]] == [
        (1, "client", "jane.doe@example.net"), (2, "team", "admin@acme.example"), (3, "agent", "bob@acme.example")]
    assert [m["kind"] for m in shown["mails"]] == ["notify_assigned", "answer", "answer", "answer", "confirm",
                                                   "notify_ticket"]
    text = server.cli("ticket", "show", ticket)
    assert "agent, internal" in text and "Mails about it" in text and "notify_assigned" in text
    assert server.balance()["unaccounted"] == 0


def test_what_an_agent_cannot_say(server):
    ticket = new_ticket(server)
    limit = 1 << 20
    server.cli("ticket", "comment", ticket, "-", stdin=b'"' * limit)
    for words, stdin, code, why in (
            (["comment", ticket, "-"], b"x" * (limit + 1), 65, "at most"), (["comment", ticket, "-"], b"", 65, "empty"),
            (["comment", ticket, "-"], b"\xff\xfe", 65, "UTF-8"), (["comment", ticket, "-"], b"a\0b", 65, "UTF-8"),
            (["comment", ticket, "-"], b"a\x1b[2J", 65, "control"), (["comment", ticket], b"", 64, "usage"),
            (["comment", "ACME-77777", "x"], b"", 66, "no ticket"), (["comment", "ACME", "x"], b"", 65, "reference"),
            (["comment", ticket, "x", "--as", "anna"], b"", 65, "address"),
            (["comment", ticket, "x", "--as", "jane.doe@example.net"], b"", 65, "customer"),
            (["assign", ticket, "acme@serveloapp.com"], b"", 65, "come back"),
            (["assign", ticket], b"", 64, "--nobody"), (["assign", ticket, "a@b.example", "--nobody"], b"", 64, "--nobody"),
            (["reopen", ticket], b"", 65, "reopened")):
        done = server.run("ticket", *words, stdin=stdin)
        assert done.returncode == code and why in done.stderr.decode(), (words, done)
    shown = server.json("ticket", "show", ticket)
    assert len(shown["comments"]) == 2 and shown["assignee"] == ""


def test_an_agent_answers_while_no_server_runs(make_server):
    server = make_server().start()
    ticket = new_ticket(server)
    server.stop()
    (server.data / "reply-token.key").unlink()
    assert server.run("token", "mint", ticket).returncode == 66
    done = server.run("ticket", "comment", ticket, "Later.")
    assert done.returncode == 0 and b"no server is running" in done.stderr, done
    key = server.data / "reply-token.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    message_id = queued(server, ticket, "answer")["message_id"]
    assert server.json("token", "explain", message_id)["ticket"] == ticket
    server.start()
    assert server.json("ticket", "show", ticket)["status"] == "waiting_on_customer"
    server.stop()


def test_tokens_are_made_and_explained(server):
    ticket = new_ticket(server)
    server.cli("ticket", "assign", ticket, "anna@acme.example")
    who = {"client": (1, "jane.doe@example.net"), "team": (2, "admin@acme.example"), "3": (3, "anna@acme.example")}
    for name, (number, address) in who.items():
        minted = server.cli("token", "mint", ticket, "--participant", name).strip()
        assert minted.startswith("reply+") and minted.endswith("@serveloapp.com")
        token = minted[len("reply+"):].split("@")[0]
        for text in (minted, f" <{minted}> ", minted.replace("reply+", "Reply+"), token, "reply+" + token):
            said = server.json("token", "explain", text)
            assert (said["kind"], said["tenant"], said["ticket"], said["participant"]) == ("reply", "acme", ticket, number)
            assert address in said["who"]
        last = token[:-1] + ("A" if token[-1] != "A" else "Q")
        for text in (f"reply+{last}@serveloapp.com", token[:-4], minted.replace("serveloapp.com", "example.com"),
                     f"bounce+{token}@serveloapp.com", f"<{token}@serveloapp.com>", "", "reply+", "@", "<>"):
            assert server.run("token", "explain", text).stdout == b"does not verify\n", text
            assert server.run("token", "explain", text).returncode == 1
    message_id = queued(server, ticket, "confirm")["message_id"]
    for text in (message_id, f"<{message_id}>"):
        said = server.json("token", "explain", text)
        assert (said["kind"], said["ticket"]) == ("message-id", ticket)
    assert server.run("token", "mint", ticket, "--participant", "9").returncode == 66
    assert server.run("token", "mint", "ACME-77777").returncode == 66
    assert server.run("token", "mint", ticket, "--participant", "who").returncode == 64
    key = server.data / "reply-token.key"
    key.chmod(0o640)
    done = server.run("token", "explain", message_id)
    key.chmod(0o600)
    assert done.returncode == 77 and b"reply-token.key" in done.stderr, done
