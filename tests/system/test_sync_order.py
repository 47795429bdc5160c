"""A 250 is said only after what it promises is on the disk: seen from inside, as the order of writes, syncs and replies.

tests/lib/faults.c, preloaded into a release build, keeps the record. Each mail carries a mark of its own, so that the record
tells whose octets went where. For each "said": the mark was written to the database's log, and a sync of the log began
after that and ended well before; if the mail is in a file, so it is for that file and for its folder, and both ended before
the log's sync began, since a row must never be there before its file.
"""
import itertools
import re
import threading
import time

import pytest

import servelo
import smtp_talk
from faulty import DB_SYNC, SPOOL_SYNC, FaultyServer, build_module

LOG = "servelo.db-wal"
_numbers = itertools.count(1)


class Wrong(AssertionError):
    pass


def written(record, mark, file, after, before):
    """Where the mark was first written to the file between these places; None if nowhere. (Later, pages with it in them are
    written again, by others' transactions.)"""
    return next((at for at in range(after + 1, before)
                 if record[at][:2] == ["write", file] and mark in record[at][2:]), None)


def sync_between(record, file, first, last):
    """A sync of the file that begins after `first` and has ended well before `last`: (begin, end). None: there is none."""
    begin = None
    for at in range(first + 1, last):
        if record[at][:2] == ["sync", file]:
            begin = at
        elif record[at][:2] == ["synced", file] and begin is not None:
            return begin, at
        elif record[at][:2] == ["unsynced", file]:
            begin = None
    return None


def last_of(record, what, before):
    return next((at for at in range(before - 1, -1, -1) if record[at] == what or record[at][:2] == what), None)


def check(record, mail_id, mark, in_file):
    """Raises Wrong unless what stands above is true for this mail."""
    said = next((at for at, line in enumerate(record) if line == ["said", mail_id]), None)
    if said is None:
        raise Wrong(f"{mail_id}: nobody was told, or the record has a gap")
    # A mail in a file has its id, not its text, in the row.
    row = written(record, mark, LOG, -1, said)
    if row is None:
        raise Wrong(f"{mail_id}: its row was not written before the 250")
    synced = sync_between(record, LOG, row, said)
    if synced is None:
        raise Wrong(f"{mail_id}: the log was not synced between row and 250")
    if not in_file:
        return
    made = next((at for at, line in enumerate(record) if line[0] == "make" and line[2].endswith("/" + mail_id)), None)
    if made is None:
        raise Wrong(f"{mail_id}: no file was made")
    folder, file = record[made][1].rstrip("/"), record[made][2]
    end_of_file = last_of(record, ["write", file], said)
    for what, since in ((file, end_of_file), (folder, made)):
        durable = sync_between(record, what, since, row)
        if durable is None:
            raise Wrong(f"{mail_id}: {what} was not synced before the row was written")


def new_mail(size):
    mark = f"mark-{next(_numbers):06}"
    return mark, smtp_talk.mail(subject=f"Mail {mark}", message_id=f"{mark}@order.example",
                                author=f"Client <{mark}@customers.example>", body=("x" * 70 + "\r\n") * (size // 72 + 1))


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return build_module(tmp_path_factory.mktemp("faults"))


@pytest.fixture
def recorded(module, certificate, tmp_path):
    binary = servelo.release_binary()
    if binary is None or servelo.sanitized(binary):
        pytest.skip("needs a release build (SERVELO_RELEASE)")
    server = FaultyServer(binary, tmp_path / "server", module, certificate, record=True)
    server.configure(storage={"memory_max": "64KiB"}).start()
    yield server
    server.abandon()


def deliver(server, n, told, failures=None, over=None):
    """n mails, every third a big one; told gets (id, mark, in a file) of each that was accepted."""
    try:
        with server.talk() as talk:
            for i in range(n):
                if over and over.is_set():
                    return
                mark, octets = new_mail(300_000 if i % 3 == 2 else 500)
                reply = talk.deliver(octets, ["acme@" + servelo.DOMAIN], bdat=i % 2 == 1)
                if reply.code == 250:
                    told.append((reply.mail_id, mark, i % 3 == 2))
                elif failures is None:
                    raise AssertionError(reply)
                else:
                    failures.append(reply.code)
    except Exception as error:  # a thread's: shown by whoever counts
        told.append(error)


def check_all(server, told):
    assert [error for error in told if isinstance(error, Exception)] == []
    record = server.record()
    for mail_id, mark, in_file in told:
        check(record, mail_id, mark, in_file)


def test_one_after_the_other(recorded):
    """Nothing else is written meanwhile: so the last write to the log before a 250 is of its own transaction, too."""
    told = []
    deliver(recorded, 30, told)
    check_all(recorded, told)
    record = recorded.record()
    for mail_id, _, _ in told:
        said = record.index(["said", mail_id])
        last = last_of(record, ["write", LOG], said)
        assert sync_between(record, LOG, last, said), f"{mail_id}: the end of its transaction was not synced"
    assert len(told) == 30
    recorded.stop()


def test_many_at_once(recorded):
    """Transactions hold the mails of many senders, and syncs of many files cross."""
    told = []
    threads = [threading.Thread(target=deliver, args=(recorded, 24, told)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(servelo.DEADLINE)
    assert len(told) == 8 * 24
    check_all(recorded, told)
    recorded.stop()


@pytest.mark.parametrize("fault", [DB_SYNC, SPOOL_SYNC], ids=["database", "spool"])
def test_after_a_failed_sync(recorded, fault):
    """Between a failed sync of the log and the next 250 there is a sync that went well, of rows that were written anew."""
    told, failures, over = [], [], threading.Event()
    threads = [threading.Thread(target=deliver, args=(recorded, 10 ** 6, told, failures, over)) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            refused, failed, enough = len(failures), recorded.failed(), len(told) + 8
            recorded.faults(fault)
            until = time.monotonic() + servelo.DEADLINE
            while (recorded.failed() == failed or len(failures) == refused) and time.monotonic() < until:
                time.sleep(0.005)
            recorded.faults(0)
            while len(told) < enough and time.monotonic() < until:
                time.sleep(0.005)
            assert time.monotonic() < until, "mails do not flow again"
    finally:
        over.set()
        for thread in threads:
            thread.join(servelo.DEADLINE)
    assert failures and set(failures) <= {451, 452}, set(failures)
    check_all(recorded, told)
    record = recorded.record()
    bad = [at for at, line in enumerate(record) if line[0] == "unsynced"]
    assert bad, "no sync has failed"
    proven = 0
    for at in bad:
        proven += record[at][1] == LOG and check_after_failure(record, at, {mail_id: mark for mail_id, mark, _ in told})
    assert proven or fault != DB_SYNC
    recorded.stop()


def check_after_failure(record, at, marks):
    """The first 250 behind a failed sync, but for those whose own sync was over by then. False: there is none."""
    for following in range(at, len(record)):
        if record[following][0] != "said":
            continue
        mark = marks[record[following][1]]
        row = written(record, mark, LOG, -1, following)
        if row < at and sync_between(record, LOG, row, at):
            continue
        again = written(record, mark, LOG, at, following)
        assert again, f"{record[following]}: acknowledged after a failed sync, for octets that may be lost"
        assert sync_between(record, LOG, at, again), "no proof before: the probe was not synced"
        assert sync_between(record, LOG, again, following), "its own octets were not synced"
        return True
    return False


GOOD = """make spool/1 spool/1/a
write spool/1/a mark-1
sync spool/1/a
synced spool/1/a
sync spool/1
synced spool/1
write servelo.db-wal mark-1
sync servelo.db-wal
synced servelo.db-wal
said a"""


@pytest.mark.parametrize("pattern, instead", [
    (r"^sync.* servelo.db-wal\n", ""),                                             # no sync of the log
    (r"(sync servelo.db-wal\n)synced", r"\1unsynced"),                             # it failed
    (r"^(write servelo.*\n)(sync servelo.*\n)", r"\2\1"),                          # it began before the row was written
    (r"(synced servelo.*\n)(said a)", r"\2\n\1"),                                  # it ended after the reply
    (r"^sync.* spool/1/a\n", ""),                                                  # no sync of the file
    (r"^sync.* spool/1\n", ""),                                                    # none of its folder
    (r"(sync spool/1/a\n)(synced spool/1/a\n)", r"\1\2write spool/1/a mark-1\n"),  # the file goes on after its sync
    (r"((?:sync.* spool/1\n)+)(write servelo.*\n)", r"\2\1"),                      # the row comes first
])
def test_the_check_finds_what_is_wrong(pattern, instead):
    record = [line.split() for line in GOOD.splitlines()]
    check(record, "a", "mark-1", True)
    text, n = re.subn(pattern, instead, GOOD, flags=re.M)
    assert n and text != GOOD
    with pytest.raises(Wrong):
        check([line.split() for line in text.splitlines()], "a", "mark-1", True)
