#!/usr/bin/env python3
"""Our mails, read by another parser: check_mails.py PROGRAM (gallery_mails). Ends with 1 at the first that is not as it should be."""
import email
import email.policy
import pathlib
import re
import subprocess
import sys
import tempfile

FIELDS = ["message-id", "date", "from", "to", "subject", "reply-to", "in-reply-to", "references", "auto-submitted",
          "x-auto-response-suppress", "x-servelo-loop", "mime-version", "content-type"]


def check(name, octets):
    kind = name.split("-", 1)[1]
    mail = email.message_from_bytes(octets, policy=email.policy.default)
    head = octets.split(b"\r\n\r\n")[0]
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", octets), "bare line ends"
    assert all(len(line) <= 78 for line in octets.split(b"\r\n") if b" <" not in line), "long line"
    assert re.sub(rb"^To: .*$", b"", octets, flags=re.M).isascii(), "8-bit"
    wanted = [f for f in FIELDS if kind != "forwarding" or f not in ("reply-to", "in-reply-to", "references")]
    assert [key.lower() for key in mail.keys()] == wanted, mail.keys()
    assert not mail.defects and not any(part.defects for part in mail.walk())
    assert mail["from"].addresses[0].addr_spec == "acme@serveloapp.example"
    assert len(mail["to"].addresses) == 1 or not head.isascii()
    if kind != "forwarding":
        assert mail["references"].split() == ["<CAF0001@mail.example.com>", "<second.mail@example.com>"]
        assert mail["in-reply-to"] == "<second.mail@example.com>"
        assert re.fullmatch(r"reply\+[\w-]+@serveloapp\.example", mail["reply-to"].addresses[0].addr_spec)
        assert "[ACME-00042]" in mail["subject"] and b"[ACME-00042]" in head
    text, html = mail.get_body(("plain",)).get_content(), mail.get_body(("html",)).get_content()
    assert html.startswith("<!DOCTYPE html>") and f'lang="{name[:2]}"' in html
    assert "{{" not in text + html and "�" not in text + html + str(mail["subject"])
    for link in re.findall(r'(?:src|href)="([^"]*)"', html):
        assert re.match(r"https?:|mailto:", link), link
    files = {part.get_filename(): part.get_content() for part in mail.iter_attachments()}
    if kind == "answer":
        assert len(files) == 2 and files["label.txt"].split() == "Return label Order 20731".split(), files.keys()
        assert any(octets == bytes(i * 7 % 256 for i in range(100000)) for octets in files.values())
        assert "invoice.exe" in text and "film.mov" in html
    else:
        assert not files
    if kind == "confirm":
        for theirs in ("20731", "bent", "Jane", "Groß", "李"):
            assert theirs not in text + html + str(mail["subject"]), theirs


def main():
    with tempfile.TemporaryDirectory(prefix="check-mails-") as folder:
        subprocess.run([sys.argv[1], folder], check=True)
        paths = sorted(pathlib.Path(folder).glob("*.eml"))
        assert len(paths) == 35, len(paths)
        for path in paths:
            try:
                check(path.stem, path.read_bytes())
            except AssertionError as error:
                print(f"{path.stem}: {error}", file=sys.stderr)
                raise
    print(f"{len(paths)} mails are as they should be")


if __name__ == "__main__":
    main()
