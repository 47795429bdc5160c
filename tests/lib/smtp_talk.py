"""The client's side of RFC 5321, by hand: for tests that want to say exactly which octets go over the wire."""
import re
import socket
import ssl

TIMEOUT = 60


class Reply:
    def __init__(self, lines):
        self.lines = lines
        self.code = int(lines[-1][:3]) if lines and lines[-1][:3].isdigit() else 0
        self.texts = [line[4:] for line in lines]
        self.text = self.texts[-1] if lines else ""
        enhanced = re.match(r"\d\.\d{1,3}\.\d{1,3}(?= |$)", self.text)
        self.enhanced = enhanced.group() if enhanced else None

    @property
    def mail_id(self):
        """The id of the transaction, which the reply to the end of mail data names."""
        found = re.search(r"\bid=([0-9A-Za-z._-]+)", self.text)
        return found.group(1) if found else None

    @property
    def references(self):
        return re.findall(r"ticket=([A-Z0-9]+-\d+)", self.text)

    def __str__(self):
        return f"{self.code} {self.text}"

    __repr__ = __str__


class Closed(Exception):
    """The server closed the connection where a reply was due."""


def stuff(mail):
    """Mail data as it goes over the wire after DATA, with its end. A mail that does not end in CRLF gets one: DATA
    knows no other way (RFC 5321 4.1.1.4)."""
    if not mail.endswith(b"\r\n"):
        mail += b"\r\n"
    return re.sub(rb"(\A|\r\n)\.", rb"\1..", mail) + b".\r\n"


def tls_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Talk:
    """One connection, greeted. tls: "starttls" says EHLO, STARTTLS and EHLO again."""

    def __init__(self, host, port, tls=None, ehlo=True, source=None, server_name=None, context=None, timeout=TIMEOUT):
        self.sock = socket.create_connection((host, port), timeout, source_address=(source, 0) if source else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb")
        self.extensions = {}
        self.greeting = self.reply()
        if ehlo or tls:
            self.ehlo()
        if tls:
            self.starttls(server_name, context)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.sock.close()

    def send(self, octets):
        self.sock.sendall(octets)

    def reply(self):
        lines = []
        while True:
            line = self.file.readline(65536)
            if not line.endswith(b"\n"):
                raise Closed(f"after {lines}")
            lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
            if lines[-1][3:4] != "-":
                return Reply(lines)

    def cmd(self, line):
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def ehlo(self, name="client.example.net"):
        reply = self.cmd("EHLO " + name)
        if reply.code == 250:
            words = [text.split(" ", 1) for text in reply.texts[1:]]
            self.extensions = {word[0].upper(): word[1] if len(word) > 1 else "" for word in words}
        return reply

    def starttls(self, server_name=None, context=None):
        reply = self.cmd("STARTTLS")
        if reply.code != 220:
            raise AssertionError(f"STARTTLS: {reply}")
        self.file.close()
        self.sock = (context or tls_context()).wrap_socket(self.sock, server_hostname=server_name)
        self.file = self.sock.makefile("rb")
        return self.ehlo()

    def envelope(self, recipients, reverse_path="jane.doe@example.net", params=""):
        """MAIL and RCPT; every recipient must be accepted."""
        for line in [f"MAIL FROM:<{reverse_path}>{params}"] + [f"RCPT TO:<{recipient}>" for recipient in recipients]:
            reply = self.cmd(line)
            if reply.code != 250:
                raise AssertionError(f"{line}: {reply}")

    def data(self, mail):
        reply = self.cmd("DATA")
        if reply.code != 354:
            raise AssertionError(f"DATA: {reply}")
        self.send(stuff(mail))
        return self.reply()

    def bdat(self, mail, chunk=65536):
        """In chunks, each acknowledged (RFC 3030)."""
        sent = 0
        while True:
            piece = mail[sent:sent + chunk]
            sent += len(piece)
            last = sent >= len(mail)
            self.send(b"BDAT %d%s\r\n" % (len(piece), b" LAST" if last else b"") + piece)
            reply = self.reply()
            if last or reply.code != 250:
                return reply

    def deliver(self, mail, recipients, reverse_path="jane.doe@example.net", params="", bdat=False):
        """One mail transaction; the reply to the end of mail data."""
        self.envelope(recipients, reverse_path, params)
        return self.bdat(mail) if bdat else self.data(mail)

    def quit(self):
        reply = self.cmd("QUIT")
        self.close()
        return reply


_count = 0


def mail(subject="A question", author="Jane Doe <jane.doe@example.net>", body="Hello.\r\n", message_id=None, extra=""):
    """A small mail, in octets; each call makes another Message-ID."""
    global _count
    _count += 1
    import os
    message_id = message_id or f"{os.getpid()}.{_count}.{os.urandom(6).hex()}@client.example.net"
    if isinstance(body, str):
        body = body.encode()
    head = (f"From: {author}\r\nTo: <acme@serveloapp.com>\r\nSubject: {subject}\r\nMessage-ID: <{message_id}>\r\n"
            f"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n{extra}\r\n")
    return head.encode() + body
