"""As a service: sockets from systemd, word of readiness, the watchdog, `servelo status` for monitors, what is installed."""
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess

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
