"""Keys and passwords: gone from the server's memory when they are out of use, never in its children's, never in a log."""
import ctypes
import os
import platform
import re
import signal
import time

import pytest

import servelo
import smtp_talk

ACME = "acme@" + servelo.DOMAIN


def memory(pid):
    """All that the process may write to, octet for octet."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            first, last, rights = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
            if rights[:2] != "rw" or line.rstrip().endswith(("[vvar]", "[vsyscall]")):
                continue
            mem.seek(int(first, 16))
            try:
                yield mem.read(int(last, 16) - int(first, 16))
            except OSError:
                pass


def holds(pid, secret):
    return sum(area.count(secret) for area in memory(pid))


def write_secret(path, text):
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def released(make_server):
    """Not a sanitizer's build: that keeps freed memory for a while, and its own shadow of it."""
    binary = servelo.release_binary()
    if binary is None or servelo.sanitized(binary):
        pytest.skip("needs a release build (SERVELO_RELEASE)")
    server = make_server()
    server.binary = binary
    return server


def reload(server):
    before = server.log().count(" reloaded ")
    server.process.send_signal(signal.SIGHUP)
    server.wait_log(r"\breloaded\b", before + 1)


def goes(server, secret):
    """What still uses it (a mail under way) ends soon; then nobody has it."""
    until = time.monotonic() + servelo.DEADLINE
    while holds(server.pid, secret):
        assert time.monotonic() < until, "it is still there"
        time.sleep(0.05)


def test_a_key_that_was_taken_out(released):
    old, new = os.urandom(32), os.urandom(32)
    files = [write_secret(released.folder / name, key.hex()) for name, key in (("old.key", old), ("new.key", new))]
    released.configure(secrets={"reply_token": [str(files[0])]}).start()
    for n in range(3):
        with released.talk(tls="starttls") as talk:
            assert talk.deliver(smtp_talk.mail(), [ACME]).code == 250
    assert holds(released.pid, old), "the test finds no key where there must be one"
    released.configure(secrets={"reply_token": [str(files[1]), str(files[0])]})
    reload(released)
    assert holds(released.pid, old) and holds(released.pid, new), "it still verifies"
    released.configure(secrets={"reply_token": [str(files[1])]})
    reload(released)
    goes(released, old)
    assert holds(released.pid, new)
    assert not holds(released.pid, old.hex().encode()) and not holds(released.pid, new.hex().encode()), "the file's text"
    for child in released.children():
        assert not holds(child, new) and not holds(child, old), "a parser child has a key"
    assert old.hex() not in released.log() and new.hex() not in released.log()
    released.stop()


def test_the_password_of_the_relay(released):
    old, new = (f"correct-horse-{os.urandom(12).hex()}" for _ in range(2))
    file = write_secret(released.folder / "relay.password", old)
    with servelo.Relay() as relay:
        released.configure(relay={"host": "127.0.0.1", "port": relay.port, "tls": "none", "user": "servelo",
                                  "password_file": str(file)}).start()
        assert released.talk().deliver(smtp_talk.mail(), [ACME]).code == 250
        assert holds(released.pid, old.encode()), "the test finds no password where there must be one"
        write_secret(file, new)
        reload(released)
        goes(released, old.encode())
        assert holds(released.pid, new.encode())
        for child in released.children():
            assert not holds(child, new.encode()) and not holds(child, old.encode()), "a parser child has the password"
        # Nobody who asks is told.
        said = released.cli("setting", "list") + released.log() + str(released.control(op="stats"))
        assert old not in said and new not in said
        released.stop()


def test_nobody_of_the_same_account_may_look(released):
    """No core dumps, whatever takes them, and no debugger: also of the children."""
    released.start()
    for pid in [released.pid, *released.children()]:
        with open(f"/proc/{pid}/limits") as limits:
            assert re.search(r"^Max core file size +0 +0 ", limits.read(), re.M)
        assert not dumpable(pid), pid
    released.stop()


def dumpable(pid):
    """May a process of the same user, without rights over others, read its memory?"""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        answer = b"?"
        try:
            drop_capabilities()
            try:
                with open(f"/proc/{pid}/mem", "rb"):
                    answer = b"y"
            except PermissionError:
                answer = b"n"
        finally:
            os.write(writer, answer)
            os._exit(0)
    os.waitpid(child, 0)
    answer = os.read(reader, 1)
    os.close(reader)
    os.close(writer)
    if answer == b"?":
        pytest.skip("may not give up its rights here")
    return answer == b"y"


def drop_capabilities():
    """The same user, without what root may do: capset(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    number = {"x86_64": 126, "aarch64": 91}[platform.machine()]
    if libc.syscall(number, header, data):
        raise OSError(ctypes.get_errno(), "capset")
