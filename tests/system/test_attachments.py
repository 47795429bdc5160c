"""Attachments from the mail to the file: listed, judged by the tenant's limits, saved byte for byte."""
import base64
import binascii
import os
import quopri
import stat
import subprocess

import pytest

import tnef_build

ALL = bytes(range(256))
BIG = os.urandom(3 * 1024 * 1024) + b"the end"
PROGRAM = b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff\0\0\xb8\0\0\0\0\0\0\0\x40\0\0\0" + b"\0" * 36 + b"PE\0\0"
INVITATION = b"""BEGIN:VCALENDAR\r
METHOD:REQUEST\r
BEGIN:VEVENT\r
SUMMARY:Quarterly review\r
DTSTART:20261124T090000Z\r
END:VEVENT\r
END:VCALENDAR\r
"""


def crlf(octets):
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def uuencode(octets, name):
    lines = [binascii.b2a_uu(octets[i:i + 45]) for i in range(0, len(octets), 45)]
    return b"begin 644 " + name + b"\n" + b"".join(lines) + b"`\nend\n"


def yenc(octets, name):
    out, line = b"", b""
    for octet in octets:
        octet = (octet + 42) & 255
        line += b"=" + bytes([(octet + 64) & 255]) if octet in (0, 10, 13, 61, 46) else bytes([octet])
        if len(line) >= 128:
            out, line = out + line + b"\r\n", b""
    return b"=ybegin line=128 size=%d name=%s\r\n" % (len(octets), name) + out + line + b"\r\n=yend size=%d\r\n" % len(octets)


def mail(*parts):
    """parts: (header fields, body). A mail with a text and these."""
    out = (b"From: Jane <jane.doe@example.net>\r\nSubject: files\r\nMessage-ID: <%s@client.example.net>\r\nMIME-Version: 1.0\r\n"
           b"Content-Type: multipart/mixed; boundary=bound\r\n\r\n--bound\r\n\r\nSee the files.\r\n"
           % os.urandom(8).hex().encode())
    for fields, body in parts:
        out += b"--bound\r\n" + crlf(fields) + b"\r\n" + body + b"\r\n"
    return out + b"--bound--\r\n"


def part(name, encoding, body, media_type="application/octet-stream"):
    return (f"Content-Type: {media_type}; name=\"{name}\"\nContent-Disposition: attachment; filename=\"{name}\"\n"
            f"Content-Transfer-Encoding: {encoding}\n").encode(), body


def deliver(server, content):
    with server.talk() as talk:
        talk.envelope(["acme@serveloapp.com"], params=" BODY=8BITMIME")
        reply = talk.bdat(content)
    assert reply.code == 250, reply
    return reply.references[0], reply.mail_id


def saved(server, folder, ticket, number):
    path = folder / f"{ticket}-{number}"
    server.cli("ticket", "attachment", "save", ticket, number, "-o", path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    octets = path.read_bytes()
    assert server.run("ticket", "attachment", "save", ticket, str(number), "-o", "-").stdout == octets
    return octets


WAYS = {
    "base64": (part("a.bin", "base64", base64.encodebytes(ALL).replace(b"\n", b"\r\n")), ALL),
    "base64-big": (part("a.bin", "base64", base64.encodebytes(BIG).replace(b"\n", b"\r\n")), BIG),
    "quoted-printable": (part("a.bin", "quoted-printable", b"".join(b"=%02X" % o + (b"" if i % 20 else b"=\r\n")
                                                                     for i, o in enumerate(ALL))), ALL),
    "uuencode": (part("a.bin", "x-uuencode", crlf(uuencode(ALL, b"a.bin"))), ALL),
    "8bit": (part("a.bin", "8bit", bytes(range(128, 256)) + b"\r\n\xff"), bytes(range(128, 256)) + b"\r\n\xff"),
    "binary": (part("a.bin", "binary", ALL), ALL),
    "yenc": ((b"Content-Type: text/plain\n", b"before\r\n" + yenc(ALL, b"a.bin") + b"behind"), ALL),
}


@pytest.mark.parametrize("way", sorted(WAYS))
def test_saved_byte_for_byte(server, tmp_path, way):
    content, octets = WAYS[way]
    ticket, mail_id = deliver(server, mail(content))
    listed = server.json("ticket", "attachment", "list", ticket)
    assert [(a["number"], a["filename"], a["size"]) for a in listed] == [(1, "a.bin", len(octets))]
    assert saved(server, tmp_path, ticket, 1) == octets
    assert server.run("message", "attachment", mail_id, listed[0]["part"], "-o", "-").stdout == octets


def test_winmail_and_nested_mails(server, tmp_path):
    winmail = tnef_build.build("hidden text", [("A~1.PDF", "Übersicht.pdf", None, b"%PDF-1.4\n"), ("b", None, None, ALL)])
    inner = b"From: bob@example.com\r\nSubject: Printer broken\r\n\r\nIt smokes.\r\n"
    ticket, _ = deliver(server, mail(
        part("winmail.dat", "base64", base64.encodebytes(winmail), "application/ms-tnef"),
        (b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n", base64.encodebytes(inner)),
        (b"Content-Type: message/rfc822\n", inner)))
    listed = server.json("ticket", "attachment", "list", ticket)
    assert [(a["part"], a["filename"], a["media_type"]) for a in listed] == [
        ("2/1", "Übersicht.pdf", "application/pdf"), ("2/2", "b", "application/octet-stream"),
        ("3", "Printer broken.eml", "message/rfc822"), ("4", "Printer broken.eml", "message/rfc822")]
    assert saved(server, tmp_path, ticket, 1) == b"%PDF-1.4\n"
    assert saved(server, tmp_path, ticket, 2) == ALL
    assert saved(server, tmp_path, ticket, 3) == inner
    assert saved(server, tmp_path, ticket, 4) == inner.rstrip(b"\r\n") + b"\r\n"


def test_programs_are_left_out_whatever_they_are_called(server, tmp_path):
    octets = base64.encodebytes(PROGRAM)
    ticket, mail_id = deliver(server, mail(part("holiday.jpg", "base64", octets, "image/jpeg"),
                                           part("setup.exe", "base64", octets), part("ok.txt", "7bit", b"fine")))
    listed = server.json("ticket", "attachment", "list", ticket)
    assert [(a["filename"], a["left_out"]) for a in listed] == [
        ("holiday.jpg", "blocked type"), ("setup.exe", "blocked type"), ("ok.txt", "")]
    assert listed[0]["sniffed_type"] == "application/vnd.microsoft.portable-executable"
    comment = server.json("ticket", "show", ticket)["comments"][0]
    assert "2 attachments are left out" in comment["note"]
    refused = server.run("ticket", "attachment", "save", ticket, "1", "-o", str(tmp_path / "x"))
    assert refused.returncode == 77 and b"blocked type" in refused.stderr
    assert not (tmp_path / "x").exists()
    assert server.run("message", "attachment", mail_id, "2", "-o", "-").stdout == PROGRAM


def test_limits_of_a_tenant(server):
    server.cli("tenant", "set", "acme", "--attachments-max", "2", "--attachment-size-max", "1KiB")
    try:
        ticket, _ = deliver(server, mail(part("big", "7bit", b"x" * 2000), part("1.txt", "7bit", b"1"),
                                         part("2.txt", "7bit", b"2"), part("3.txt", "7bit", b"3")))
    finally:
        server.cli("tenant", "set", "acme", "--attachments-max", "20", "--attachment-size-max", "25MiB")
    listed = server.json("ticket", "attachment", "list", ticket)
    assert [a["left_out"] for a in listed] == ["too big", "", "", "too many"]
    assert "2 attachments are left out" in server.json("ticket", "show", ticket)["comments"][0]["note"]


def test_invitations_are_told_in_the_note(server):
    ticket, _ = deliver(server, mail((b"Content-Type: text/calendar; method=REQUEST\n", INVITATION)))
    comment = server.json("ticket", "show", ticket)["comments"][0]
    assert comment["text"] == "See the files."
    assert comment["note"] == "Invitation: Quarterly review, 2026-11-24 09:00 UTC."


def test_nothing_is_overwritten(server, tmp_path):
    ticket, mail_id = deliver(server, mail(part("a.txt", "7bit", b"new")))
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    refused = server.run("ticket", "attachment", "save", ticket, "1", "-o", str(path))
    assert refused.returncode == 73 and b"--force" in refused.stderr
    assert path.read_bytes() == b"old"
    server.cli("ticket", "attachment", "save", ticket, 1, "--output", path, "--force")
    assert path.read_bytes() == b"new" and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["a.txt"]
    for words in (["ticket", "attachment", "save", ticket, "2"], ["message", "attachment", mail_id, "7"],
                  ["message", "attachment", mail_id, "2/1"]):
        missing = server.run(*words, "-o", str(tmp_path / "none"))
        assert missing.returncode == 66, missing
    assert os.listdir(tmp_path) == ["a.txt"]


def test_no_binary_on_a_terminal(server):
    ticket, _ = deliver(server, mail(part("a.bin", "base64", base64.encodebytes(ALL))))
    master, slave = os.openpty()
    try:
        refused = subprocess.run([server.binary, "ticket", "attachment", "save", ticket, "1", "-o", "-", "--config",
                                  str(server.config)], stdout=slave, stderr=subprocess.PIPE, timeout=60)
    finally:
        os.close(slave)
        os.close(master)
    assert refused.returncode == 64 and b"no text" in refused.stderr
