"""A relay to send through, for tests: takes mail on loopback, keeps it, and says what it is told to say.

	with Relay() as relay:
		server.configure(relay=relay.conf()).start()
		relay.wait(2)				# until two mails are there; relay.mails has them in order
		mail = relay.to("jane@customers.example")	# the next one to her; each is given out once
		mail.message["Reply-To"], mail.text, mail.html, mail.envelope_from, mail.recipients, mail.octets
		relay.say("RCPT", "450 4.2.1 later", times=3)	# the next three answers to RCPT

Where something can be said: "connect", "EHLO", "MAIL", "RCPT", "DATA", "." (the end of mail data), "QUIT". What can be
said: a reply; None to say nothing ever again (hangs); DROP to close the connection there. Only loopback, a free port.
"""
import email
import email.policy
import functools
import os
import socket
import threading
import time

DEADLINE = float(os.environ.get("SERVELO_TEST_DEADLINE", "60"))
DROP = object()


class Mail:
    """One mail that came: its envelope and what is in it."""

    def __init__(self, envelope_from, recipients, octets):
        self.envelope_from, self.recipients, self.octets = envelope_from, recipients, octets
        self.given = False

    @functools.cached_property
    def message(self):
        return email.message_from_bytes(self.octets, policy=email.policy.default)

    def body(self, kind):
        part = self.message.get_body((kind,))
        return part.get_content() if part else None

    @property
    def text(self):
        return self.body("plain")

    @property
    def html(self):
        return self.body("html")

    @property
    def attachments(self):
        return [(part.get_filename(), part.get_content()) for part in self.message.iter_attachments()]

    def field(self, name):
        """The field as one line; None when it is not there, and an error when it is there twice."""
        values = self.message.get_all(name, [])
        assert len(values) <= 1, f"{name}: {values}"
        return str(values[0]) if values else None

    def ids(self, name):
        return (self.field(name) or "").split()

    def __repr__(self):
        return f"<{self.envelope_from} -> {self.recipients}: {self.message['Subject']}>"


class Gone(Exception):
    pass


class Session:
    def __init__(self, relay, sock):
        self.relay, self.sock, self.file = relay, sock, sock.makefile("rb")

    def say(self, place, usual):
        reply = self.relay.reply_at(place, usual)
        if reply is DROP:
            raise Gone
        if reply is None:
            self.relay.closing.wait()
            raise Gone
        self.sock.sendall(reply.encode() + b"\r\n")
        return reply[:1] in ("2", "3")

    def line(self):
        line = self.file.readline(65536)
        if not line.endswith(b"\r\n"):
            raise Gone
        return line[:-2].decode("utf-8", "surrogateescape")

    def data(self):
        lines = []
        while True:
            line = self.file.readline()
            if not line.endswith(b"\r\n"):
                raise Gone
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)

    def run(self):
        envelope_from, recipients = None, []
        self.say("connect", "220 relay.example ESMTP")
        while True:
            line = self.line()
            verb = line.split(" ", 1)[0].upper()
            address = line[line.find("<") + 1:line.rfind(">")]
            if verb == "EHLO":
                self.say("EHLO", "250-relay.example\r\n" + "".join(f"250-{word}\r\n" for word in self.relay.extensions)
                         + "250 ENHANCEDSTATUSCODES")
            elif verb == "MAIL":
                recipients = []
                envelope_from = address if self.say("MAIL", "250 2.1.0 ok") else None
            elif verb == "RCPT":
                if self.say("RCPT", "250 2.1.5 ok"):
                    recipients.append(address)
            elif verb == "DATA":
                if not recipients:
                    self.sock.sendall(b"554 5.5.1 no valid recipients\r\n")
                elif self.say("DATA", "354 go on"):
                    octets = self.data()
                    self.relay.came(Mail(envelope_from, recipients, octets), self)
                    recipients = []
            elif verb in ("RSET", "NOOP"):
                self.sock.sendall(b"250 2.0.0 ok\r\n")
            elif verb == "QUIT":
                self.say("QUIT", "221 2.0.0 bye")
                return
            else:
                self.sock.sendall(b"500 5.5.1 what?\r\n")


class Relay:
    def __init__(self, extensions=("PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8"), port=0):
        self.extensions = extensions
        self.mails, self.script, self.connections = [], [], 0
        self.changed = threading.Condition()
        self.closing = threading.Event()
        self.sockets = set()
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def conf(self, **more):
        """The section "relay" of a server that sends through this one."""
        return {"host": "127.0.0.1", "port": self.port, "tls": "none", **more}

    # ---- the other side

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
                # several short replies in a row would wait for each other's acknowledgement
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                return
            with self.changed:
                self.connections += 1
                self.sockets.add(sock)
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        try:
            Session(self, sock).run()
        except (Gone, OSError):
            pass
        finally:
            with self.changed:
                self.sockets.discard(sock)
            sock.close()

    def reply_at(self, place, usual):
        with self.changed:
            for entry in self.script:
                if entry[0] == place and entry[2] > 0:
                    entry[2] -= 1
                    return entry[1]
        return usual

    def came(self, mail, session):
        """What is scripted for the end decides whether it was taken; a mail is there before its 250 is."""
        reply = self.reply_at(".", f"250 2.0.0 queued as {len(self.mails) + 1}")
        if reply is not DROP and reply is not None and reply.startswith("2"):
            with self.changed:
                self.mails.append(mail)
                self.changed.notify_all()
        if reply is DROP:
            raise Gone
        if reply is None:
            self.closing.wait()
            raise Gone
        session.sock.sendall(reply.encode() + b"\r\n")

    # ---- for tests

    def say(self, place, reply, times=1):
        with self.changed:
            self.script.append([place, reply, times])

    def wait_for(self, found, what):
        """What found() gives once it gives something."""
        until = time.monotonic() + DEADLINE
        with self.changed:
            while True:
                result = found()
                if result:
                    return result
                left = until - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"no {what}; there are {self.mails}")
                self.changed.wait(left)

    def wait(self, n):
        """The first n mails, when they are there."""
        return self.wait_for(lambda: self.mails[:n] if len(self.mails) >= n else None, f"{n} mails")

    def to(self, address, subject=""):
        """The next mail to this address whose subject holds this, in the order in which they came; each once."""
        def find():
            for mail in self.mails:
                if not mail.given and address in mail.recipients and subject in mail.message["Subject"]:
                    mail.given = True
                    return mail
            return None
        return self.wait_for(find, f"further mail to {address} about {subject!r}")

    def rest(self):
        """Those that to() has not given out."""
        with self.changed:
            return [mail for mail in self.mails if not mail.given]

    def close(self):
        self.closing.set()
        # shutdown() wakes the thread that waits in accept(); close() alone would not
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.changed:
            sockets = list(self.sockets)
        for sock in sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
