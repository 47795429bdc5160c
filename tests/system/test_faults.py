"""The machine fails while mails flow: the disk is full, reads, writes or syncs fail, the database is locked, the clock jumps,
no process, thread, descriptor or memory is to be had. What got a 250 is there, once; what did not is sent again, as real senders do; and when
the fault ends, service comes back by itself.

Faults are made by tests/lib/faults.c inside of a server that is no sanitizer's build. SERVELO_FAULT_ROUNDS says how often
each of them comes (2; 20 is what the project promises to have done).
"""
import collections
import os
import random
import resource
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

import servelo
import smtp_talk
from faulty import (CLOSE, DB_FULL, DB_READ, DB_SYNC, DB_WRITE, NO_MEMORY, NO_PROCESS, NO_THREAD, READ_ONLY, SPOOL_FULL,
                    SPOOL_READ, SPOOL_SYNC, SPOOL_WRITE, FaultyServer, build_module)

ROUNDS = int(os.environ.get("SERVELO_FAULT_ROUNDS", "2"))
SENDERS = 4
BIG = 300_000


class Sender(threading.Thread):
    """Mail after mail, small ones and big ones; what got no 250 is sent again."""

    def __init__(self, server, number):
        super().__init__(daemon=True)
        self.server, self.number, self.over = server, number, threading.Event()
        self.count, self.pending, self.acknowledged, self.replies = 0, None, {}, collections.Counter()

    def mail(self):
        self.count += 1
        message_id = f"{self.number}.{self.count}@faults.example"
        body = ("x" * 70 + "\r\n") * (BIG // 72 if self.count % 3 == 0 else 10)
        author = f"Client <c{self.number}.{self.count}@customers.example>"
        return message_id, smtp_talk.mail(message_id=message_id, subject=f"Mail {message_id}", author=author, body=body)

    def run(self):
        while not self.over.is_set() or self.pending:
            try:
                with smtp_talk.Talk(self.server.host, self.server.port, timeout=20) as talk:
                    self.converse(talk)
            except (OSError, smtp_talk.Closed, AssertionError, ValueError):
                time.sleep(0.02)

    def converse(self, talk):
        while self.pending or not self.over.is_set():
            self.pending = self.pending or self.mail()
            message_id, octets = self.pending
            reply = talk.deliver(octets, ["acme@" + servelo.DOMAIN])
            self.replies[reply.code] += 1
            if reply.code == 250:
                self.acknowledged[message_id] = (reply.mail_id, octets)
                self.pending = None
            else:
                assert 400 <= reply.code < 500, reply
                time.sleep(0.02)


def wait(condition, what):
    until = time.monotonic() + servelo.DEADLINE
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.01)


class Load:
    """Senders at work; at the end of the block each got rid of its last mail."""

    def __init__(self, server):
        self.senders = [Sender(server, number) for number in range(SENDERS)]

    def __enter__(self):
        for sender in self.senders:
            sender.start()
        return self

    def __exit__(self, kind, *_):
        for sender in self.senders:
            sender.over.set()
        if kind is None:
            for sender in self.senders:
                sender.join(servelo.DEADLINE)
                assert not sender.is_alive(), "a sender could not get rid of its mail"

    def acknowledged(self):
        return sum(len(sender.acknowledged) for sender in self.senders)

    def flows(self, more=4 * SENDERS):
        wanted = self.acknowledged() + more
        wait(lambda: self.acknowledged() >= wanted, "no mail is acknowledged")

    def replies(self):
        return sum((sender.replies for sender in self.senders), collections.Counter())


def spool_files(server):
    return {f"{path.parent.name}/{path.name}" for path in (server.data / "spool").rglob("*")
            if path.is_file() and path.name != "swept"}


def reconcile(server, load):
    """Nothing lost, nothing doubled, each original whole; after a restart no file is left that no row names."""
    def rows(query):
        db = sqlite3.connect(f"file:{server.data / 'servelo.db'}?mode=ro", uri=True)
        try:
            return list(db.execute(query))
        finally:
            db.close()

    tickets = collections.Counter(row[0] for row in rows(
        "SELECT header_message_id FROM comment WHERE author_kind = 0 AND header_message_id LIKE '%@faults.example'"))
    acknowledged = {message_id: told for sender in load.senders for message_id, told in sender.acknowledged.items()}
    assert [m for m in acknowledged if tickets[m] == 0] == [], "acknowledged, and lost"
    assert [m for m, n in tickets.items() if n > 1] == [], "doubled"
    assert set(tickets) == set(acknowledged), "stored, but not acknowledged in the end"
    for message_id, (mail_id, octets) in random.sample(sorted(acknowledged.items()), min(12, len(acknowledged))):
        assert server.raw(mail_id) == octets, message_id
    balance = server.json("audit", "balance", "--deep")
    assert balance["unaccounted"] == 0 and balance["damaged"] == 0, balance
    server.stop()
    server.start()
    named = {f"{run}/{mail}" for run, mail in rows("SELECT run, mail_id FROM message WHERE run > 0")}
    wait(lambda: spool_files(server) == named, "files that no row names, or the other way round")
    server.stop()
    return len(acknowledged)


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return build_module(tmp_path_factory.mktemp("faults"))


@pytest.fixture
def faulty(module, certificate, tmp_path):
    binary = servelo.release_binary()
    if binary is None or servelo.sanitized(binary):
        pytest.skip("needs a release build (SERVELO_RELEASE)")
    server = FaultyServer(binary, tmp_path / "server", module, certificate)
    server.configure(storage={"memory_max": "64KiB"}).start()
    yield server
    server.abandon()


def stays_silent(server, while_=0.1):
    """After the failure was noticed no mail is accepted, whatever senders try, until the disk works."""
    for _ in range(3):
        before = server.stats()
    time.sleep(while_)
    after = server.stats()
    assert not after["store.healthy"]
    assert server.run("status", "--quick").returncode == 1, "a monitor is told that all is well"
    assert after["smtp.messages_accepted"] == before["smtp.messages_accepted"], "acknowledged on a broken disk"


DISK_FAULTS = {
    "database-full": (DB_FULL, True),
    "spool-full": (SPOOL_FULL, False),
    "everything-full": (DB_FULL | SPOOL_FULL, True),
    "database-write": (DB_WRITE, True),
    "database-sync": (DB_SYNC, True),
    "spool-write": (SPOOL_WRITE, False),
    "spool-sync": (SPOOL_SYNC, False),
    "read-only": (READ_ONLY, True),
}


@pytest.mark.parametrize("name", DISK_FAULTS)
def test_disk(faulty, name):
    which, breaks_store = DISK_FAULTS[name]
    with Load(faulty) as load:
        for round_ in range(ROUNDS):
            load.flows()
            failed = faulty.failed()
            faulty.faults(which)
            wait(lambda: faulty.failed() > failed, "the fault met nobody")
            if breaks_store:
                wait(lambda: not faulty.stats()["store.healthy"], "the store has not noticed")
                stays_silent(faulty)
            time.sleep(random.uniform(0, 0.3))
            faulty.faults(0)
        load.flows()
    if breaks_store:
        faulty.wait_log("store works again", ROUNDS)
    assert reconcile(faulty, load) >= ROUNDS * SENDERS
    assert sum(n for code, n in load.replies().items() if code != 250) > 0, "nobody was told"
    print(name, dict(load.replies()))


@pytest.mark.parametrize("which", [DB_READ, SPOOL_READ], ids=["database", "spool"])
def test_reading_fails(faulty, which):
    """What can't be read is not acknowledged as if it had been."""
    with Load(faulty) as load:
        for _ in range(ROUNDS):
            load.flows()
            failed = faulty.failed()
            faulty.faults(which)
            if which == DB_READ:  # its pages may all be in memory: a reader of its own has none
                faulty.run("ticket", "list")
                faulty.control(op="ticket.get", id="nobody")
            try:
                wait(lambda: faulty.failed() > failed, "the fault met nobody")
                time.sleep(random.uniform(0, 0.3))
            finally:
                faulty.faults(0)
            load.flows()
    reconcile(faulty, load)


def test_a_forward_that_can_not_be_read(faulty):
    """A bad sector below a big original: that one mail waits, others leave, the server lives; it is sent when it can be
    read again, octet for octet."""
    with servelo.Relay() as relay:
        faulty.configure(relay={"host": "localhost", "port": relay.port, "tls": "none"})
        faulty.process.send_signal(signal.SIGHUP)
        faulty.wait_log(r"\breloaded\b")
        pid = faulty.pid
        big = smtp_talk.mail(author="Jane <jane@customers.example>", body=("x" * 70 + "\r\n") * (BIG // 72))
        faulty.cli("queue", "pause")
        with faulty.talk() as talk:
            assert talk.deliver(big, ["support@" + servelo.DOMAIN]).code == 250
        faulty.faults(SPOOL_READ)
        faulty.cli("queue", "resume")
        faulty.wait_log("mail-not-made")
        waiting, = faulty.json("queue", "list")
        assert waiting["kind"] == "forward" and "could not be made" in waiting["why"], waiting
        with faulty.talk() as talk:
            assert talk.deliver(smtp_talk.mail(), ["support@" + servelo.DOMAIN]).code == 250
        relay.to("support@operator.example")
        assert len(relay.mails) == 1 and faulty.pid == pid and faulty.process.poll() is None
        faulty.faults(0)
        faulty.cli("queue", "retry", str(waiting["id"]))
        assert relay.to("support@operator.example").octets.endswith(b"\r\n" + big)


def test_closing_fails(faulty):
    """A file is closed after it was synced: what close says then changes nothing."""
    with Load(faulty) as load:
        for _ in range(ROUNDS):
            failed = faulty.failed()
            faulty.faults(CLOSE)
            load.flows()
            wait(lambda: faulty.failed() > failed, "the fault met nobody")
            faulty.faults(0)
    assert set(load.replies()) == {250}, load.replies()
    reconcile(faulty, load)


def test_killed_while_the_disk_fails(faulty):
    """The operator pulls the plug of a server whose disk does not sync; the next start finds the database whole."""
    with Load(faulty) as load:
        for round_ in range(ROUNDS):
            load.flows()
            failed = faulty.failed()
            faulty.faults(DB_SYNC if round_ % 2 == 0 else DB_FULL)
            wait(lambda: faulty.failed() > failed, "the fault met nobody")
            faulty.kill()
            faulty.faults(0)
            faulty.start()
        load.flows()
    reconcile(faulty, load)


def test_database_locked_by_another(faulty):
    with Load(faulty) as load:
        for round_ in range(ROUNDS):
            load.flows()
            other = sqlite3.connect(faulty.data / "servelo.db", timeout=servelo.DEADLINE, isolation_level=None)
            other.execute("BEGIN EXCLUSIVE")
            refused = load.replies()[451]
            wait(lambda: load.replies()[451] > refused, "nobody was told")
            other.execute("ROLLBACK")
            other.close()
        load.flows()
    faulty.wait_log("locked by another process")
    reconcile(faulty, load)


def test_clock_jumps(faulty):
    """Hours and years, ahead and back: mails flow, and connections are not thrown out."""
    with Load(faulty) as load, faulty.talk() as talk:
        for ahead in (3600, -3600, 86400 * 400, -86400 * 400, 0) * max(1, ROUNDS // 5):
            faulty.clock_ahead(ahead)
            load.flows()
            assert talk.cmd("NOOP").code == 250
        faulty.clock_ahead(0)
        load.flows()
    assert set(load.replies()) == {250}, load.replies()
    reconcile(faulty, load)


def test_out_of_descriptors(faulty):
    """Connections that are there go on; new ones come when there are descriptors again."""
    open_now = lambda: len(os.listdir(f"/proc/{faulty.pid}/fd"))
    with Load(faulty) as load:
        for round_ in range(ROUNDS):
            load.flows()
            hard = resource.prlimit(faulty.pid, resource.RLIMIT_NOFILE)[1]
            before = resource.prlimit(faulty.pid, resource.RLIMIT_NOFILE, (open_now() - 1, hard))
            talks = []
            try:
                time.sleep(random.uniform(0.1, 0.4))
                for _ in range(3):
                    talks.append(smtp_talk.socket.create_connection((faulty.host, faulty.port), 5))
            finally:
                resource.prlimit(faulty.pid, resource.RLIMIT_NOFILE, before)
            load.flows()
            for sock in talks:
                sock.close()
        with faulty.talk() as talk:
            assert talk.deliver(smtp_talk.mail(), ["acme@" + servelo.DOMAIN]).code == 250
    reconcile(faulty, load)


def test_no_process_for_a_parser(faulty):
    """fork fails and the children are dead: mails are tickets with their original, and parsed when children are back.
    The breaker rests longer each time, up to half a minute: more rounds would test patience."""
    with Load(faulty) as load:
        for round_ in range(min(ROUNDS, 5)):
            load.flows()
            faulty.faults(NO_PROCESS)
            failed = faulty.failed()
            for child in faulty.children():
                os.kill(child, signal.SIGKILL)
            wait(lambda: faulty.failed() > failed, "no child was to be born")
            unparsable = faulty.stats()["ingest.unparsable"]
            load.flows()
            wait(lambda: faulty.stats()["ingest.unparsable"] > unparsable, "mails wait for children that can't come")
            faulty.faults(0)
            parsed = faulty.stats()["ingest.parsed"]
            wait(lambda: faulty.stats()["ingest.parsed"] > parsed + SENDERS, "parsers do not come back")
            wait(lambda: not faulty.stats()["ingest.breaker_open"], "the breaker stays open")
    assert set(load.replies()) == {250}, load.replies()
    reconcile(faulty, load)


def test_no_thread_at_the_start(faulty):
    """Nothing is promised: it says so and ends, and does not abort."""
    faulty.stop()
    faulty.faults(NO_THREAD)
    with pytest.raises(servelo.Failed):
        faulty.start()
    code = faulty.process.wait(servelo.DEADLINE)
    faulty.process = None
    assert code == 75, (code, faulty.log())
    assert "thread can't be started" in faulty.log(), faulty.log()
    faulty.faults(0)
    faulty.start().stop()


def test_no_thread_while_it_runs(faulty):
    """All that are needed were started at the start: also those that look up the relay's name, and after a reload."""
    with servelo.Relay() as relay, Load(faulty) as load:
        for _ in range(ROUNDS):
            load.flows()
            faulty.faults(NO_THREAD)
            faulty.configure(relay={"host": "localhost", "port": relay.port, "tls": "none"})
            faulty.process.send_signal(signal.SIGHUP)
            faulty.wait_log(r"\breloaded\b")
            load.flows()
            wait(lambda: relay.mails, "no mail leaves")
            faulty.faults(0)
    assert set(load.replies()) == {250}, load.replies()
    reconcile(faulty, load)


def restarted_if_ended(server):
    """What a service manager does. The exit code, or None if it still runs."""
    if server.process.poll() is None:
        return None
    code, server.process = server.process.returncode, None
    server.faults(0)
    server.start()
    return code


def test_no_memory(faulty):
    """One allocation of some thousands fails. Where that is nobody's small change the process ends, and starts again:
    what it had promised is there."""
    ends = []
    with Load(faulty) as load:
        for _ in range(max(ROUNDS, 4)):
            load.flows()
            failed = faulty.failed()
            faulty.faults(NO_MEMORY)
            wait(lambda: faulty.failed() > failed + 2 or faulty.process.poll() is not None, "the fault met nobody")
            time.sleep(random.uniform(0, 0.3))
            faulty.faults(0)
            time.sleep(0.05)
            ends.append(restarted_if_ended(faulty))
            load.flows()
    assert set(ends) <= {None, 71}, ends
    reconcile(faulty, load)
    print(ends, dict(load.replies()))


def test_memory_limit_reached(faulty):
    """No more address space than it has just now: big mails find no room. Either senders are told to come again, or the
    process ends as above."""
    ends = []
    with Load(faulty) as load:
        for _ in range(max(ROUNDS, 4)):
            load.flows()
            with open(f"/proc/{faulty.pid}/statm") as statm:
                size = int(statm.read().split()[0]) * resource.getpagesize()
            hard = resource.prlimit(faulty.pid, resource.RLIMIT_AS)[1]
            resource.prlimit(faulty.pid, resource.RLIMIT_AS, (size + random.choice([0, 64, 512]) * 1024, hard))
            time.sleep(random.uniform(0.1, 0.5))
            if faulty.process.poll() is None:
                resource.prlimit(faulty.pid, resource.RLIMIT_AS, (hard, hard))
            time.sleep(0.05)
            ends.append(restarted_if_ended(faulty))
            load.flows()
    assert set(ends) <= {None, 71}, ends
    reconcile(faulty, load)
    print(ends, dict(load.replies()))


def test_start_on_a_read_only_file_system(faulty, tmp_path):
    """Nothing is promised: it says so and ends."""
    faulty.stop()
    mounted = subprocess.run(["mount", "--bind", "-o", "ro", faulty.data, faulty.data], capture_output=True)
    if mounted.returncode or subprocess.run(["mount", "-o", "remount,ro,bind", faulty.data], capture_output=True).returncode:
        if mounted.returncode == 0:
            subprocess.run(["umount", faulty.data], check=True)
        pytest.skip("may not mount")
    try:
        done = faulty.run("serve")
    finally:
        subprocess.run(["umount", faulty.data], check=True)
    assert done.returncode in (73, 74), done
    assert b"ead-only" in done.stderr, done.stderr
