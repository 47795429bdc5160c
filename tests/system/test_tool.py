"""The command line beside a running server: changes are in force at once, reading works with and without it."""
import json
import os
import stat

import smtp_talk


def rcpt(server, address):
    with server.talk() as talk:
        talk.cmd("MAIL FROM:<jane@example.net>")
        return talk.cmd(f"RCPT TO:<{address}>")


def test_a_tenant_comes_and_goes_while_the_server_runs(make_server):
    server = make_server().start()
    assert rcpt(server, "hooli@serveloapp.com").code == 550
    server.cli("tenant", "add", "hooli", "--name", "Hooli", "--admin-email", "admin@hooli.example")
    assert rcpt(server, "hooli@serveloapp.com").code == 250
    assert "hooli" in server.cli("tenant", "list")
    assert server.json("tenant", "show", "hooli")["name"] == "Hooli"

    with server.talk() as talk:
        reply = talk.deliver(smtp_talk.mail(), ["hooli@serveloapp.com"])
    assert reply.references == ["HOOLI-00001"]

    server.cli("tenant", "suspend", "hooli")
    reply = rcpt(server, "hooli@serveloapp.com")
    assert (reply.code, reply.enhanced) == (450, "4.2.1"), reply
    server.cli("tenant", "resume", "hooli")
    assert rcpt(server, "hooli@serveloapp.com").code == 250

    server.cli("tenant", "set", "hooli", "--name", "Hooli XYZ")
    assert server.json("tenant", "show", "hooli")["name"] == "Hooli XYZ"
    server.cli("tenant", "remove", "hooli", "--yes")
    assert rcpt(server, "hooli@serveloapp.com").code == 550
    server.stop()
    server.start()
    assert rcpt(server, "hooli@serveloapp.com").code == 550
    assert server.balance()["unaccounted"] == 0
    server.stop()


def test_a_mail_under_way_keeps_the_tenant_it_began_with(make_server):
    """A transaction holds the view of the tenants of its MAIL: suspended meanwhile, it is still taken or put off,
    never lost."""
    server = make_server().start()
    with server.talk() as talk:
        talk.envelope(["acme@serveloapp.com"])
        server.cli("tenant", "suspend", "acme")
        reply = talk.data(smtp_talk.mail())
        assert reply.code in (250, 450, 451), reply
    assert server.balance()["unaccounted"] == 0
    server.stop()


def test_numbers_of_tickets_go_up_only(make_server):
    """After a restore the tickets since the backup are gone, and their numbers must not be given again."""
    server = make_server().start()
    server.cli("tenant", "set", "acme", "--next-ticket", "700")
    with server.talk() as talk:
        assert talk.deliver(smtp_talk.mail(), ["acme@serveloapp.com"]).references == ["ACME-00700"]
    assert server.run("tenant", "set", "acme", "--next-ticket", "5").returncode == 65
    assert server.json("tenant", "show", "acme")["next_ticket"] == 701
    server.stop()


def test_what_is_to_leave_can_be_seen(server):
    """Mail to postmaster waits in the outbox; nothing of it is lost, nothing of it is hidden."""
    with server.talk() as talk:
        assert talk.deliver(smtp_talk.mail(), ["postmaster@serveloapp.com"]).code == 250
    job = server.json("queue", "list")[0]
    assert (job["kind"], job["mailbox"]) == ("forward", "postmaster") and "relay" in job["waits"], job
    assert "@" in job["recipient"] and job["created"] and job["recipient"] in server.cli("queue", "list")


def test_addresses_and_languages_that_a_tenant_cannot_have(server):
    for option, value, why in (("--locale", "tlh", "de en es fr zh"), ("--admin-email", "acme@serveloapp.com", "come back"),
                               ("--notify-email", "x@SERVELOAPP.com", "come back")):
        done = server.run("tenant", "set", "acme", option, value)
        assert done.returncode == 65 and why in done.stderr.decode(), (option, done)
    server.cli("tenant", "set", "acme", "--locale", "de-AT")
    server.cli("tenant", "set", "acme", "--locale", "")


def test_the_address_of_a_ticket_is_whole(server):
    mail = b"From: jane@example.net\r\nSubject: no To field\r\n\r\nhello\r\n"
    with server.talk() as talk:
        reference = talk.deliver(mail, ["acme+billing@serveloapp.com"]).references[0]
    assert server.json("ticket", "show", reference)["addressed_to"] == "acme+billing@serveloapp.com"
    assert "acme+billing@serveloapp.com" in server.cli("ticket", "show", reference)


def test_a_parser_child_says_what_it_is(server):
    with server.talk() as talk:
        assert talk.deliver(smtp_talk.mail(), ["acme@serveloapp.com"]).code == 250
    for pid in server.children():
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            assert file.read() == b"servelo\0parser\0"


def test_words_that_mean_nothing_here(server):
    for code, words in ((66, ["ticket", "list", "--tenant", "nobody"]), (66, ["audit", "list", "--tenant", "nobody"]),
                        (64, ["help", "nope"]), (64, ["help", "ticket", "nope"]),
                        (64, ["message", "raw", "1h2f4k9qz7c0m3x8va", "--json"]), (64, ["tenant", "add", "hooli"])):
        done = server.run(*words)
        assert done.returncode == code and done.stderr and not done.stdout, (words, done)
    assert b"--admin-email" in server.run("tenant", "add", "hooli").stderr


def test_tenants_that_cannot_be(server):
    for words in (["postmaster"], ["reply"], ["Under_score"], ["-dash"], ["x" * 33], [""], ["support"]):
        done = server.run("tenant", "add", *words, "--name", "X", "--admin-email", "admin@x.example")
        assert done.returncode not in (0, 70), (words, done)
        assert done.stderr, words
    assert server.run("tenant", "add", "acme", "--name", "X", "--admin-email", "a@x.example").returncode != 0
    assert server.run("tenant", "show", "nobody").returncode != 0


def test_a_setting_is_in_force_at_once(server):
    with server.talk() as talk:
        before = talk.extensions["SIZE"]
    server.cli("setting", "set", "limits.message_size", "1MiB")
    with server.talk() as talk:
        assert talk.extensions["SIZE"] == str(1 << 20)
        reply = talk.cmd(f"MAIL FROM:<jane@example.net> SIZE={2 << 20}")
        assert (reply.code, reply.enhanced) == (552, "5.3.4"), reply
    assert "limits.message_size" in server.cli("setting", "list")
    server.cli("setting", "unset", "limits.message_size")
    with server.talk() as talk:
        assert talk.extensions["SIZE"] == before


def test_settings_that_cannot_be(server):
    for key, value, word in (("limits.messsage_size", "1MiB", "message_size"), ("limits.message_size", "much", "message_size"),
                             ("storage.data_dir", "/tmp", "data_dir"), ("nothing", "1", "nothing")):
        done = server.run("setting", "set", key, value)
        assert done.returncode != 0 and word in done.stderr.decode(), (key, done)
    with server.talk() as talk:
        assert talk.deliver(smtp_talk.mail(), ["acme@serveloapp.com"]).code == 250


def test_a_ticket_can_be_changed(server):
    with server.talk() as talk:
        reference = talk.deliver(smtp_talk.mail(subject="Fridge"), ["acme@serveloapp.com"]).references[0]
    assert server.json("ticket", "show", reference)["status"] == "open"
    server.cli("ticket", "set", reference, "--status", "resolved")
    assert server.json("ticket", "show", reference.lower())["status"] == "resolved"
    assert server.run("ticket", "set", reference, "--status", "nonsense").returncode != 0
    assert server.run("ticket", "show", "ACME-99999").returncode != 0


def test_reading_and_changing_without_a_server(make_server):
    server = make_server().start()
    mail = smtp_talk.mail(subject="Kept")
    with server.talk() as talk:
        reply = talk.deliver(mail, ["acme@serveloapp.com"])
    server.stop()
    assert "Kept" in server.cli("ticket", "list")
    assert server.raw(reply.mail_id) == mail
    assert server.balance()["unaccounted"] == 0
    server.cli("tenant", "add", "hooli", "--name", "Hooli", "--admin-email", "admin@hooli.example")
    server.start()
    assert rcpt(server, "hooli@serveloapp.com").code == 250
    server.stop()


def test_the_control_socket_is_ours_alone(server):
    mode = os.stat(server.data / "control.sock").st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    assert server.control(op="ping")["ok"] is True
    assert server.control(op="nonsense")["ok"] is False
    assert server.control(op="tenant.add")["ok"] is False


def test_what_a_stranger_wrote_cannot_move_the_cursor(server):
    """Escape sequences and direction marks from a mail are shown as text, in tables and in lists."""
    subject = "=?utf-8?q?=1B=5B2J=1B=5D0;owned=07 =E2=80=AEtxt.exe?="
    with server.talk() as talk:
        reference = talk.deliver(smtp_talk.mail(subject=subject, author='"\x1b[31m" <jane@example.net>'),
                                 ["acme@serveloapp.com"]).references[0]
    for words in (["ticket", "list"], ["ticket", "show", reference], ["message", "list"], ["audit", "list"]):
        said = server.run(*words).stdout
        assert b"\x1b" not in said and b"\x07" not in said and "\u202e".encode() not in said, words


def test_every_verb_has_help_and_wrong_words_a_hint(server):
    from subprocess import run
    for verb in ("", "serve", "check", "tenant", "ticket", "message", "audit", "setting", "queue", "token", "version"):
        done = run([server.binary] + ([verb] if verb else []) + ["--help"], capture_output=True)
        assert done.returncode == 0 and len(done.stdout) > 40, verb
    done = run([server.binary, "tikcet", "list"], capture_output=True)
    assert done.returncode == 64 and b"ticket" in done.stderr, done
    done = run([server.binary, "ticket", "list", "--limt", "3"], capture_output=True)
    assert done.returncode == 64 and b"limit" in done.stderr, done


def test_parse_reads_a_mail_on_standard_input(server):
    mail = smtp_talk.mail(subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?=", body="Hello there.\r\n")
    said = json.loads(server.run("message", "parse", "--json", "-", stdin=mail).stdout)
    assert said["subject"] == "Grüße" and said["from_email"] == "jane.doe@example.net"
    assert said["from_name"] == "Jane Doe" and said["to"] == ["acme@serveloapp.com"]
    assert said["text"].strip() == "Hello there." and said["class"] == "normal" and said["attachments"] == []


def test_a_stored_mail_goes_through_todays_code(server):
    with server.talk() as talk:
        reply = talk.deliver(smtp_talk.mail(subject="Again"), ["acme@serveloapp.com"])
    assert server.run("message", "reprocess", reply.mail_id).returncode == 0
    assert server.balance()["unaccounted"] == 0
