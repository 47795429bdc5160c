"""Real senders deliver, in clear and over STARTTLS; and what arrived is what they were given.

Mail servers and submission programs put fields of their own on top and may re-encode nothing: so the body must
come out of `servelo message raw` octet for octet, whatever the way (DATA or BDAT, 7-bit or 8-bit).
"""
import json
import shutil
import smtplib
import subprocess

import pytest

import mta
import servelo
import smtp_talk

NODE_MODULES = servelo.ROOT / "tests" / ".work" / "node" / "node_modules"
SECURITY = ["plain", "starttls"]

# Dots at the start of lines, 8-bit octets, a long line, an empty last line.
BODY = ("Grüße aus Köln,\r\n.\r\n..two dots\r\n. one and a blank\r\nπάντα ῥεῖ 日本語\r\n" + "x" * 900
        + "\r\n\r\n-- \r\nJürgen\r\n").encode()
REVERSE_PATH = "jane.doe@example.net"
REVERSE_PATH_UTF8 = "jürgen@example.net"
RECIPIENT = "acme+senders@serveloapp.com"


@pytest.fixture(scope="module")
def house(make_server):
    return make_server().start()


def example(author=REVERSE_PATH):
    return smtp_talk.mail(subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?=", author=f"Jane <{author}>", body=BODY,
                          extra="MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                                "Content-Transfer-Encoding: 8bit\r\n")


def message_id(mail):
    return mail.split(b"Message-ID: <", 1)[1].split(b">", 1)[0].decode()


def run(words, mail=b"", **options):
    done = subprocess.run([str(word) for word in words], input=mail, capture_output=True, timeout=servelo.DEADLINE,
                          **options)
    assert done.returncode == 0, (words, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
    return done.stdout.decode(errors="replace")


# ---- submission programs: each delivers one mail

def with_swaks(house, security, folder, mail, reverse_path):
    (folder / "mail.eml").write_bytes(mail.removesuffix(b"\r\n"))  # it ends the last line by itself
    words = ["swaks", "--server", house.host, "--port", house.port, "--ehlo", "client.example.net",
             "--from", reverse_path, "--to", RECIPIENT, "--data", "@" + str(folder / "mail.eml"), "--no-strip-from"]
    run(words + (["--tls"] if security == "starttls" else []))


def with_msmtp(house, security, folder, mail, reverse_path):
    config = folder / "msmtprc"
    tls = "tls on\ntls_starttls on\ntls_certcheck off\n" if security == "starttls" else "tls off\n"
    config.write_text(f"account default\nhost {house.host}\nport {house.port}\ndomain client.example.net\n{tls}")
    config.chmod(0o600)
    run(["msmtp", "-C", config, "-f", reverse_path, "--", RECIPIENT], mail)


def with_curl(house, security, folder, mail, reverse_path):
    (folder / "mail.eml").write_bytes(mail)
    words = ["curl", "--silent", "--show-error", f"smtp://{house.host}:{house.port}/client.example.net",
             "--mail-from", reverse_path, "--mail-rcpt", RECIPIENT, "--upload-file", folder / "mail.eml"]
    run(words + (["--ssl-reqd", "--insecure"] if security == "starttls" else []))


def with_smtplib(house, security, _folder, mail, reverse_path):
    with smtplib.SMTP(house.host, house.port, local_hostname="client.example.net", timeout=servelo.DEADLINE) as client:
        if security == "starttls":
            client.starttls(context=smtp_talk.tls_context())
        client.ehlo_or_helo_if_needed()
        options = ["BODY=8BITMIME"] + ([] if reverse_path.isascii() else ["SMTPUTF8"])
        client.command_encoding = "utf-8"
        client.sendmail(reverse_path, [RECIPIENT], mail, mail_options=options)


NODE_SCRIPT = """
const transport = require('nodemailer').createTransport({
	host: process.argv[2], port: Number(process.argv[3]), name: 'client.example.net',
	ignoreTLS: process.argv[4] === 'plain', requireTLS: process.argv[4] === 'starttls',
	tls: { rejectUnauthorized: false },
});
const chunks = [];
process.stdin.on('data', (chunk) => chunks.push(chunk));
process.stdin.on('end', () => {
	transport.sendMail({
		envelope: { from: process.argv[5], to: [process.argv[6]], use8BitMime: true },
		raw: Buffer.concat(chunks),
	}).then((info) => { console.log(info.response); }, (error) => { console.error(error); process.exit(1); });
});
"""


def with_nodemailer(house, security, folder, mail, reverse_path):
    if not shutil.which("node") or not (NODE_MODULES / "nodemailer").exists():
        pytest.skip("nodemailer is not there: tests/run gets it where npm is")
    script = folder / "send.js"
    script.write_text(NODE_SCRIPT)
    import os
    run(["node", script, house.host, house.port, security, reverse_path, RECIPIENT], mail,
        env=dict(os.environ, NODE_PATH=str(NODE_MODULES)))


PROGRAMS = {"swaks": with_swaks, "msmtp": with_msmtp, "curl": with_curl, "smtplib": with_smtplib,
            "nodemailer": with_nodemailer}
MTAS = {"postfix": mta.Postfix, "exim": mta.Exim, "opensmtpd": mta.OpenSmtpd}


# ---- what must be true of every delivery

def check_arrived(house, mail, security, utf8=False):
    """One original with that Message-ID, its body untouched, its ticket with the text, and the protocol it came by."""
    wanted = message_id(mail)
    rows = house.messages(wanted)
    assert len(rows) == 1, rows
    row = rows[0]
    sent = house.raw(row["id"])
    assert sent.split(b"\r\n\r\n", 1)[1] == BODY
    protocol = row["protocol"]
    assert protocol.startswith("UTF8SMTP" if utf8 else "ESMTP"), protocol
    assert protocol.endswith("S") == (security == "starttls"), protocol
    assert bool(row["tls"]) == (security == "starttls")
    audit = house.audit(row["id"])
    assert [line["outcome"] for line in audit] == ["created"], audit
    ticket = house.json("ticket", "show", audit[0]["ticket"])
    assert "Grüße aus Köln" in json.dumps(ticket, ensure_ascii=False)
    assert ticket["subject"] == "Grüße"


@pytest.mark.parametrize("security", SECURITY)
@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_submission_program(house, tmp_path, program, security):
    if program != "smtplib" and program != "nodemailer" and not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    mail = example()
    PROGRAMS[program](house, security, tmp_path, mail, REVERSE_PATH)
    check_arrived(house, mail, security)


@pytest.mark.parametrize("program", ["curl", "smtplib", "nodemailer"])
def test_submission_program_with_utf8_address(house, tmp_path, program):
    mail = example(REVERSE_PATH_UTF8)
    PROGRAMS[program](house, "starttls", tmp_path, mail, REVERSE_PATH_UTF8)
    check_arrived(house, mail, "starttls", utf8=True)


@pytest.mark.parametrize("security", SECURITY)
@pytest.mark.parametrize("name", sorted(MTAS))
def test_mail_server(house, mta_folder, name, security):
    mail = example()
    with MTAS[name](mta_folder, house.host, house.port, security) as sender:
        sender.submit(mail, REVERSE_PATH, [RECIPIENT])
        sender.wait_sent(1)
        if name == "exim":
            # Its log says K when the mail went by BDAT (RFC 3030).
            assert " K C=" in sender.log() or " K " in sender.log(), sender.log()
    check_arrived(house, mail, security)


@pytest.mark.parametrize("name", ["postfix", "exim"])
def test_mail_server_with_utf8_address(house, mta_folder, name):
    mail = example(REVERSE_PATH_UTF8)
    with MTAS[name](mta_folder, house.host, house.port, "starttls") as sender:
        submit = sender.submit_smtputf8 if name == "exim" else sender.submit
        submit(mail, REVERSE_PATH_UTF8, [RECIPIENT])
        sender.wait_sent(1)
    check_arrived(house, mail, "starttls", utf8=True)


@pytest.mark.parametrize("name", sorted(MTAS))
def test_mail_server_with_many_mails(house, mta_folder, name):
    """A queue runner opens several connections and sends several mails over each."""
    mails = [example() for _ in range(12)]
    with MTAS[name](mta_folder, house.host, house.port, "starttls") as sender:
        for mail in mails:
            sender.submit(mail, REVERSE_PATH, [RECIPIENT])
        sender.wait_sent(len(mails))
    for mail in mails:
        check_arrived(house, mail, "starttls")
