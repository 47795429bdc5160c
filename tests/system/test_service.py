"""As a service: sockets from systemd, word of readiness, the watchdog, `servelo status` for monitors, what is installed."""
import contextlib
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import time

import pytest

import servelo
import smtp_talk

DEADLINE = 30


def start_with(server, listener=None, **environ):
    """The server as a service manager starts it: variables, and a listening socket as descriptor 3."""
    server.write_config()
    environ = {k: v for k, v in os.environ.items() if not k.startswith("SERVELO_")} | environ
    words = [server.binary, "serve", "--config", str(server.config)]
    if listener:
        script = f'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&{listener.fileno()}'
        words = ["bash", "-c", script, "bash", *words]
    with open(server.log_path, "ab") as log:
        server.log_start = log.tell()
        server.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ,
                                          cwd=server.folder, start_new_session=True,
                                          pass_fds=[listener.fileno()] if listener else [])
    server.addresses = [server.wait_log(r"listening .*?address=(\S+)").group(1)]
    server.wait_log(r"\bready\b")
    return server


@pytest.fixture
def notified(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(DEADLINE)
        yield sock


def test_a_socket_of_the_service_manager_is_served(make_server):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = start_with(make_server(smtp={"listen": ["127.0.0.1:1"]}), listener)
        assert server.port == listener.getsockname()[1]
        reply = server.talk().deliver(smtp_talk.mail(), ["acme@serveloapp.com"])
        assert reply.code == 250, reply
        # Who was started by us has not got it too, nor heard of it.
        for pid in server.children():
            environ = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
            assert b"LISTEN_FDS" not in environ
        server.stop()


def test_a_descriptor_that_does_not_listen_is_refused(make_server):
    server = make_server()
    with socket.socket() as sock:
        script = f'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&{sock.fileno()}'
        words = ["bash", "-c", script, "bash", server.binary, "serve", "--config", str(server.config)]
        done = subprocess.run(words, capture_output=True, pass_fds=[sock.fileno()], timeout=DEADLINE)
    assert done.returncode == 78, done
    assert b"service manager" in done.stderr


def test_sockets_for_another_process_are_left_alone(make_server):
    server = start_with(make_server(), LISTEN_PID="1", LISTEN_FDS="1")
    assert server.talk().deliver(smtp_talk.mail(), ["acme@serveloapp.com"]).code == 250
    server.stop()


def test_readiness_watchdog_and_the_end_are_told(make_server, notified):
    server = start_with(make_server(), NOTIFY_SOCKET=notified.getsockname(), WATCHDOG_USEC="200000")
    assert notified.recv(100) == b"READY=1"
    assert [notified.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
    server.process.send_signal(signal.SIGTERM)
    while (word := notified.recv(100)) == b"WATCHDOG=1":
        pass
    assert word == b"STOPPING=1"
    server.stop()


def test_no_watchdog_no_beat(make_server, notified):
    server = start_with(make_server(), NOTIFY_SOCKET=notified.getsockname())
    assert notified.recv(100) == b"READY=1"
    server.stop()
    assert notified.recv(100) == b"STOPPING=1"


def test_status_of_a_server_that_is_well(make_server):
    server = make_server().start()
    assert server.talk().deliver(smtp_talk.mail(), ["acme@serveloapp.com"]).code == 250
    status = server.json("status")
    assert (status["health"], status["problems"], status["unaccounted"]) == ("ok", [], 0)
    stats = status["stats"]
    assert stats["server.pid"] == server.pid
    assert stats["smtp.messages_accepted"] == 1 and stats["minute.messages_accepted"] == 1
    assert stats["ingest.children"] > 0 and stats["store.last_commit_ms"] > 0 and stats["disk.free"] > 0
    page = server.cli("status")
    for word in ("Up since", "Connections", "Last minute", "Parser children", "Last commit", "Disk left",
                 "Unaccounted"):
        assert word in page, page
    assert server.json("status", "--quick")["unaccounted"] is None
    server.stop()


def test_status_of_a_server_that_needs_a_look(make_server):
    server = make_server(limits={"connections": 1}).start()
    first = server.talk()
    assert server.talk(ehlo=False).greeting.code == 421
    status = json.loads(server.cli("status", "--json", code=1))
    assert status["health"] == "degraded" and len(status["problems"]) == 2, status
    assert "Needs a look" in server.cli("status", code=1)
    first.close()
    server.stop()


def test_status_of_a_server_whose_parsers_rest(make_server):
    server = make_server().start()
    until = time.monotonic() + DEADLINE
    while not server.control(op="stats")["result"]["ingest.breaker_open"]:
        assert time.monotonic() < until, "the breaker stays closed"
        for child in server.children():
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                pass
    status = json.loads(server.cli("status", "--json", code=1))
    assert status["health"] == "degraded" and "by the dozen" in " ".join(status["problems"]), status
    assert "RESTING" in server.cli("status", code=1)
    server.stop()


def test_status_of_a_server_that_lost_a_mail(make_server):
    """What was acknowledged and is not there is what a monitor must hear of first."""
    server = make_server().start()
    reply = server.talk().deliver(smtp_talk.mail(), ["acme@serveloapp.com"])
    assert server.cli("status", code=0)
    server.stop()
    with contextlib.closing(sqlite3.connect(server.data / "servelo.db")) as db, db:
        db.execute("DELETE FROM message")
    server.start()
    status = json.loads(server.cli("status", "--json", code=1))
    assert status["unaccounted"] == 1 and "servelo audit balance" in " ".join(status["problems"]), (status, reply)
    assert json.loads(server.cli("status", "--json", "--quick"))["health"] == "ok"
    server.stop()


def test_status_says_what_waits_to_leave(make_server):
    server = make_server().start()
    assert server.talk().deliver(smtp_talk.mail(), ["acme@serveloapp.com"]).code == 250
    status = server.json("status")
    assert status["outbox"]["due"] > 0 and status["outbox"]["oldest_due"]
    page = server.cli("status")
    assert "Outbox" in page and "Oldest due" in page, page
    server.stop()


def test_status_of_a_server_whose_database_another_program_locked(make_server):
    """Nothing of the server is broken, and yet it takes no mail: a monitor hears of it, and of the end of it."""
    server = make_server().start()
    with contextlib.closing(sqlite3.connect(server.data / "servelo.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert server.talk().deliver(smtp_talk.mail(), ["acme@serveloapp.com"]).code == 451
        status = json.loads(server.cli("status", "--json", code=1))
        assert len(status["problems"]) == 1 and "locked" in status["problems"][0], status
        page = server.cli("status", code=1)
        assert "Needs a look" in page and "fuser" in page and "None since" in page, page
        done = server.run("tenant", "add", "hooli", "--name", "Hooli", "--admin-email", "admin@hooli.example")
        assert done.returncode == 75 and b"locked by another program" in done.stderr, done
        assert "takes no writes" in server.cli("check", code=74)
        other.execute("ROLLBACK")
    server.wait_log("store works again")  # without a mail
    assert json.loads(server.cli("status", "--json"))["health"] == "ok"
    assert server.talk().deliver(smtp_talk.mail(), ["acme@serveloapp.com"]).code == 250
    server.stop()


def test_status_of_a_server_that_hangs(make_server):
    """Whoever asks has a deadline of his own; it is said with the answer."""
    server = make_server().start()
    server.process.send_signal(signal.SIGSTOP)
    try:
        status = json.loads(server.cli("status", "--json", "--timeout", "1", code=2))
        assert status["health"] == "down" and "does not answer within 1 s" in status["problems"][0], status
        assert "DOWN: a server is there" in server.cli("status", "--quick", "--timeout", "1", code=2)
        assert "within 5 s" in server.cli("status", code=2)
        # Nobody takes the connections of those who asked: the last ones are not even let in.
        waiting = []
        for _ in range(64):
            sock = socket.socket(socket.AF_UNIX)
            sock.setblocking(False)
            waiting.append(sock)
            try:
                sock.connect(str(server.data / "control.sock"))
            except BlockingIOError:
                break
        assert "DOWN: a server is there" in server.cli("status", "--timeout", "1", code=2)
        for sock in waiting:
            sock.close()
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert server.run("status", "--timeout", "0").returncode == 64
    assert server.json("status")["health"] == "ok"
    server.stop()


def test_status_asked_by_somebody_else(make_server):
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    server = make_server().start()
    server.config.chmod(0o644)
    # Let in as far as the socket, and not further.
    opened = [path for path in (server.data, *server.data.parents) if path.stat().st_uid == 0 and not path.stat().st_mode & 1]
    modes = [path.stat().st_mode for path in opened]
    for path in opened:
        path.chmod(path.stat().st_mode | 1)
    try:
        done = subprocess.run([server.binary, "status", "--config", str(server.config)], capture_output=True,
                              user="nobody", group=pwd.getpwnam("nobody").pw_gid, extra_groups=[], timeout=DEADLINE, cwd="/")
    except PermissionError:
        pytest.skip("nobody may not run the program")
    finally:
        for path, mode in zip(opened, modes):
            path.chmod(mode & 0o7777)
    assert done.returncode == 77 and b"may ask how it is" in done.stderr, done
    server.stop()


def test_started_as_root_nothing_of_root_is_left(make_server):
    if os.geteuid() != 0:
        pytest.skip("only root has something to give up")
    server = make_server(process={"user": "nobody"})
    opened = [path for path in (server.folder, *server.folder.parents) if path.stat().st_uid == 0 and not path.stat().st_mode & 1]
    modes = [path.stat().st_mode for path in opened]
    for path in opened:
        path.chmod(path.stat().st_mode | 1)
    try:
        server.start()
        tasks = [task for pid in (server.pid, *server.children()) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
        for task in tasks:
            fields = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)
            assert {fields[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}, (task, fields)
            assert "0" not in fields["Uid"].split() and fields["NoNewPrivs"] == "1"
        server.stop()
    finally:
        for path, mode in zip(opened, modes):
            path.chmod(mode & 0o7777)


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", folder], capture_output=True).returncode:
        pytest.skip("may not mount")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_full_at_the_start(make_server, small_disk, notified):
    """It ends with 74, which a service manager tries again; `check` does not blame the configuration. Where it is started
    again for each connection that waits, it is not in a hurry to end."""
    server = make_server(storage={"data_dir": str(small_disk / "data")})
    server.data = small_disk / "data"
    server.start()
    assert server.talk().deliver(smtp_talk.mail(), ["acme@serveloapp.com"]).code == 250
    server.stop()
    with open(small_disk / "fill", "wb", buffering=0) as fill, contextlib.suppress(OSError):
        while fill.write(b"x" * 4096):
            pass
    said = server.cli("check", code=74)
    assert "not enough to start" in said, said
    assert server.run("serve").returncode == 74
    environ = os.environ | {"NOTIFY_SOCKET": notified.getsockname()}
    with subprocess.Popen([server.binary, "serve", "--config", str(server.config)], env=environ, stderr=subprocess.PIPE,
                          stdout=subprocess.DEVNULL) as started:
        said = started.stderr.readline()
        while b"servelo: " not in said:
            assert said, "it ended without a word"
            said = started.stderr.readline()
        started.send_signal(signal.SIGTERM)
    assert started.returncode == 74, started
    (small_disk / "fill").unlink()
    server.start()
    assert server.talk().deliver(smtp_talk.mail(), ["acme@serveloapp.com"]).code == 250
    server.stop()


def test_status_of_a_server_that_is_down(make_server):
    server = make_server()
    assert "DOWN" in server.cli("status", code=2)
    assert json.loads(server.cli("status", "--json", code=2)) == {
        "health": "down", "problems": [], "unaccounted": None, "outbox": None, "stats": None}


def test_the_unit_takes_what_the_server_does_not_need(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    unit = tmp_path / "servelo.service"
    source = servelo.ROOT / "docs" / "systemd" / "servelo.service.in"
    unit.write_text(source.read_text().replace("@SERVELO_BINARY@", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=15", str(unit)],
                          capture_output=True, text=True, timeout=DEADLINE)
    if "unrecognized option" in done.stderr or "Unknown option" in done.stderr:
        pytest.skip("this systemd-analyze rates no files")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ignoring" not in done.stderr, done.stderr
    # A full disk is waited out, however long it takes.
    assert "\nStartLimitIntervalSec=0\n" in unit.read_text() and "\nRestartSec=5\n" in unit.read_text()


def test_what_is_installed(tmp_path):
    build = pathlib.Path(servelo.default_binary()).parent
    if not (build / "cmake_install.cmake").exists():
        pytest.skip("the binary is not in a build folder")
    subprocess.run(["cmake", "--install", str(build), "--prefix", str(tmp_path)], check=True, capture_output=True,
                   timeout=DEADLINE)
    for name in ("sbin/servelo", "lib/systemd/system/servelo.service", "lib/systemd/system/servelo.socket",
                 "lib/sysusers.d/servelo.conf", "share/man/man8/servelo.8", "share/man/man5/servelo.yaml.5",
                 "share/doc/servelo/config.yaml.example"):
        assert (tmp_path / name).is_file(), name
    assert "ExecStart=/" in (tmp_path / "lib/systemd/system/servelo.service").read_text()


@pytest.fixture
def confined(make_server):
    server = make_server().start()
    if "not-confined" in server.log():
        server.stop()
        pytest.skip("this kernel has no Landlock")
    server.wait_log(r"\bconfined\b")
    yield server
    server.stop()


def test_certificates_are_reloaded_wherever_they_are_when_confined(confined, tmp_path):
    chain, key = confined.certificate
    folder = pathlib.Path(chain).parent
    new_chain, new_key = servelo.make_certificate(tmp_path, "elsewhere")
    try:
        for source, name in ((new_chain, "renewed.pem"), (new_key, "renewed.key")):
            shutil.copy(source, folder / name)
        confined.configure(tls={"certificates": [{"chain": str(folder / "renewed.pem"), "key": str(folder / "renewed.key")}]})
        confined.process.send_signal(signal.SIGHUP)
        confined.wait_log(r"\breloaded\b")
        talk = confined.talk(tls="starttls")
        assert talk.sock.getpeercert(binary_form=True) == servelo_der(new_chain)
        # In a folder that nobody knew of at the start: reading is the account's business, not the kernel's list.
        third_chain, third_key = servelo.make_certificate(tmp_path, "third")
        confined.configure(tls={"certificates": [{"chain": str(third_chain), "key": str(third_key)}]})
        confined.process.send_signal(signal.SIGHUP)
        confined.wait_log(r"\breloaded\b", 2)
        assert confined.talk(tls="starttls").sock.getpeercert(binary_form=True) == servelo_der(third_chain)
    finally:
        confined.configure(tls={"certificates": [{"chain": str(chain), "key": str(key)}]})
        for name in ("renewed.pem", "renewed.key"):
            (folder / name).unlink(missing_ok=True)


def servelo_der(path):
    return ssl.PEM_cert_to_DER_cert(pathlib.Path(path).read_text().split("-----END CERTIFICATE-----")[0]
                                    + "-----END CERTIFICATE-----\n")


def test_parser_children_are_started_again_when_confined(confined):
    # Each once: one that was killed stays in the process table until it is waited for.
    for child in confined.children()[:2]:
        os.kill(child, signal.SIGKILL)
        reply = confined.talk().deliver(smtp_talk.mail(), ["acme@serveloapp.com"])
        assert reply.code == 250, reply
    big = smtp_talk.mail(body="0123456789 abcdefghijklmnopqrstuvwxyz\r\n" * 100000)
    assert confined.talk().deliver(big, ["acme@serveloapp.com"]).code == 250
    assert confined.json("status")["stats"]["ingest.children_died"] == 2
    assert confined.balance()["unaccounted"] == 0
    # Read anew on a worker thread, by a child of its own.
    assert confined.cli("message", "reprocess", reply.mail_id)


def test_confinement_can_be_switched_off(make_server, tmp_path):
    server = make_server(process={"confine": False}).start()
    chain, key = servelo.make_certificate(tmp_path, "elsewhere")
    server.configure(tls={"certificates": [{"chain": str(chain), "key": str(key)}]})
    server.process.send_signal(signal.SIGHUP)
    server.wait_log(r"\breloaded\b")
    assert "confined" not in server.log()
    server.stop()
