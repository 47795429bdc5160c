"""What strangers do to port 25, one kind a test: each ends with an answer that a public MX would give, costs nobody else
anything, and leaves no mail that nobody meant to send.

A client here is a socket and octets, since what is tried are octets that no decent library sends. At the end of each test a
decent sender gets its 250, the account is even, and the server holds no more connections than before.
"""
import contextlib
import os
import random
import select
import socket
import ssl
import struct
import threading
import time

import pytest

import servelo
import smtp_talk

ACME = "acme@" + servelo.DOMAIN
def each(names, values):
    """A test for each of them, called by its number: octets make no good names."""
    return pytest.mark.parametrize(names, values, ids=map(str, range(len(values))))


LIMITS = {"command_timeout": "2s", "greeting_timeout": "2s", "data_timeout": "2s", "error_delay": "1ms", "write_timeout": "2s",
          "stress_timeout": "2s", "message_size": "1MiB"}


@pytest.fixture(scope="module")
def house(make_server):
    return make_server(limits=LIMITS, tls={"handshake_timeout": "2s"}).start()


@pytest.fixture(autouse=True)
def nobody_is_harmed(house):
    yield
    if house.process is None:
        return
    assert house.process.poll() is None, house.log_tail()
    reply = house.talk().deliver(smtp_talk.mail(subject="A decent one"), [ACME])
    assert reply.code == 250, reply
    until = time.monotonic() + servelo.DEADLINE
    while house.control(op="stats")["result"]["smtp.connections"] > 1 and time.monotonic() < until:
        time.sleep(0.02)
    assert house.control(op="stats")["result"]["smtp.connections"] <= 1, "connections that never end"
    assert house.balance()["unaccounted"] == 0


def accepted(house):
    return house.control(op="stats")["result"]["smtp.messages_accepted"]


@contextlib.contextmanager
def nothing_is_stored(house):
    before = accepted(house)
    yield
    assert accepted(house) == before, "a mail that nobody sent"


class Raw:
    """A socket; what was said and not yet read is in `heard`."""

    def __init__(self, house, greet=True):
        self.sock = socket.create_connection((house.host, house.port), servelo.DEADLINE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.heard = b""
        if greet:
            assert self.line().startswith(b"220 ")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, octets):
        """True unless the server has gone."""
        try:
            self.sock.sendall(octets)
            return True
        except (ConnectionError, ssl.SSLError):
            return False

    def more(self):
        try:
            octets = self.sock.recv(65536)
        except (ConnectionError, ssl.SSLError):
            octets = b""
        self.heard += octets
        return bool(octets)

    def line(self):
        """The next line; b"" when the server has closed."""
        while b"\n" not in self.heard:
            if not self.more():
                return b""
        line, self.heard = self.heard.split(b"\n", 1)
        return line + b"\n"

    def code(self):
        """Of the next reply; 0: closed."""
        while True:
            line = self.line()
            if line[3:4] != b"-":
                return int(line[:3] or 0)

    def say(self, *lines):
        """Lines at once; the codes of their replies, up to where it ends."""
        self.send(b"".join((line.encode() if isinstance(line, str) else line) + b"\r\n" for line in lines))
        return [self.code() for _ in lines]

    def rest(self):
        """Everything up to the end of the connection."""
        while self.more():
            pass
        rest, self.heard = self.heard, b""
        return rest

    def codes_of_rest(self):
        return [int(line[:3]) for line in self.rest().split(b"\r\n") if line[:3].isdigit() and line[3:4] == b" "]

    def goes_on_until_it_is_over(self, octets, every=0):
        """What a client does that does not listen."""
        until = time.monotonic() + servelo.DEADLINE
        while self.send(octets):
            assert time.monotonic() < until, "it goes on for ever"
            if every and select.select([self.sock], [], [], every)[0] and not self.more():
                break

    def envelope(self):
        assert self.say("EHLO client.example", "MAIL FROM:<jane@client.example>", f"RCPT TO:<{ACME}>") == [250] * 3


# ---- framing

# What is near an end of mail data, and is none. \r\n.\r\n alone is.
NO_ENDS = [a + b"." + b for a in (b"\n", b"\r", b"\r\r", b"\n\n", b"\n\r", b"\r\n", b"\r\n\r") for b in
           (b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\r\n", b"\0\r\n", b" \r\n", b"\x85")
           if not (a.endswith(b"\r\n") and b == b"\r\n")] + [b"\r\n.\0\r\n", b"\r\n\0.\r\n", b"\xe2\x80\xa8.\xe2\x80\xa8",
                                                           b"\x0b.\x0b", b"\x0c.\r\n", b"\r\0\n.\r\n", b"\r\n..\r\n"]
SMUGGLED = b"MAIL FROM:<boss@victim.example>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: smuggled\r\n\r\nx" % ACME.encode()


@pytest.mark.parametrize("way", ["DATA", "BDAT", "BDAT in pieces"])
def test_smuggling_with_every_newline_there_is(house, way):
    """One transaction each, whatever stands in the middle."""
    for no_end in NO_ENDS:
        before = accepted(house)
        octets = b"Subject: cover\r\n\r\nHello" + no_end + SMUGGLED + b"\r\n"
        with Raw(house) as raw:
            raw.envelope()
            if way == "DATA":
                assert raw.say("DATA") == [354]
                raw.send(octets + b".\r\n")
            elif way == "BDAT":
                raw.send(b"BDAT %d LAST\r\n" % len(octets) + octets)
            else:
                cut = octets.index(SMUGGLED)
                assert [raw.send(b"BDAT %d\r\n" % cut + octets[:cut]), raw.code()] == [True, 250]
                raw.send(b"BDAT %d LAST\r\n" % (len(octets) - cut) + octets[cut:])
            assert raw.code() == 250, no_end
            raw.send(b"QUIT\r\n")
            assert raw.codes_of_rest() == [221], no_end
        assert accepted(house) == before + 1, no_end


def test_smuggling_behind_a_refused_mail(house):
    """Too big a mail is read to its real end, and what looks like an end in it is none."""
    with nothing_is_stored(house), Raw(house) as raw:
        raw.envelope()
        assert raw.say("DATA") == [354]
        raw.send(b"Subject: big\r\n\r\n" + (b"x" * 70 + b"\r\n") * 16000 + b"\n.\n" + SMUGGLED + b"\r.\r\n" + SMUGGLED)
        raw.send(b"\r\n.\r\nQUIT\r\n")
        assert raw.codes_of_rest() == [552, 221]


@each("size", ["-1", "+5", "0x10", "1e3", "18446744073709551616", "18446744073709551615",
                                  "9223372036854775808", "9223372036854775807", "99999999999999999999999999", "", " ", "5 LASTLY",
                                  "5 LAST LAST", "5LAST", "\u00b2", "1\0"])
def test_sizes_of_chunks_that_are_none(house, size):
    """Nobody knows where such a chunk ends: nothing behind it runs, and no mail comes of it."""
    with nothing_is_stored(house), Raw(house) as raw:
        raw.envelope()
        raw.send(b"BDAT " + size.encode() + b"\r\nSubject: x\r\n\r\nRSET\r\n" + SMUGGLED + b"\r\n.\r\n")
        codes = raw.codes_of_rest()
        assert codes and 400 <= codes[0] < 600, codes
        assert 354 not in codes and not any(200 <= code < 300 for code in codes), codes


def test_chunks_and_data_do_not_mix(house):
    with nothing_is_stored(house), Raw(house) as raw:
        raw.envelope()
        assert [raw.send(b"BDAT 14\r\nSubject: one\r\n"), raw.code()] == [True, 250]
        assert raw.say("DATA") == [503]
        assert raw.say(f"RCPT TO:<{ACME}>", "MAIL FROM:<>") == [503, 503]
        assert raw.say("RSET", "BDAT 0 LAST") == [250, 503]
    # An empty last chunk ends a mail; with nothing before it, it is an empty mail.
    before = accepted(house)
    with Raw(house) as raw:
        raw.envelope()
        assert [raw.send(b"BDAT 16\r\nSubject: two\r\n\r\n"), raw.code()] == [True, 250]
        assert raw.say("BDAT 0 LAST") == [250]
        assert raw.say("BDAT 0 LAST") == [503]
        raw.envelope()
        assert raw.say("DATA") == [354]
        raw.send(b"BDAT 5 LAST\r\nhello\r\n.\r\n")  # text, here
        assert raw.code() == 250
    assert accepted(house) == before + 2


def test_the_body_of_a_refused_chunk_never_runs(house):
    with nothing_is_stored(house), Raw(house) as raw:
        assert raw.say("EHLO client.example") == [250]
        raw.send(b"BDAT %d LAST\r\n" % len(SMUGGLED + b"\r\n.\r\n") + SMUGGLED + b"\r\n.\r\nNOOP\r\n")
        assert [raw.code(), raw.code()] == [503, 250]


# ---- commands

def test_talking_before_the_greeting(house):
    """Everything at once, without having heard a word: it is served in order, or refused; never out of step."""
    before = accepted(house)
    with Raw(house, greet=False) as raw:
        raw.send(b"EHLO client.example\r\nMAIL FROM:<a@client.example>\r\nRCPT TO:<%s>\r\nDATA\r\n"
                 b"Subject: x\r\n\r\nx\r\n.\r\nQUIT\r\n" % ACME.encode())
        codes = raw.codes_of_rest()
    assert codes in ([220, 250, 250, 250, 354, 250, 221], [220, 554], [554]), codes
    assert accepted(house) - before == (codes[-2:] == [250, 221])


@each("line", [
    b"NOOP " + b"x" * 3000, b"NOOP " + b"x" * 60000, b"MAIL FROM:<" + b"a" * 3000 + b"@client.example>",
    b"EHLO " + b"x" * 2100, b"x" * 2040 + b"\rQUIT", b"HELP " + b"\t" * 5000])
def test_lines_longer_than_any_command(house, line):
    """One answer for the whole line; its tail is no command."""
    with nothing_is_stored(house), Raw(house) as raw:
        raw.send(line + b"\r\nNOOP\r\nQUIT\r\n")
        codes = raw.codes_of_rest()
        assert codes in ([500, 250, 221], [421]), codes


def test_a_line_that_never_ends(house):
    with Raw(house) as raw:
        raw.goes_on_until_it_is_over(b"y" * 65536)


@each("line", [
    b"RCPT TO:<%s\0@evil.example>" % ACME.encode(), b"RCPT TO:<acme\0@serveloapp.com>", b"RCPT TO:<acme@serveloapp.com\0>",
    b"RCPT TO:<acme@serveloapp.com>\0", b"RC\0PT TO:<acme@serveloapp.com>", b"\0RCPT TO:<acme@serveloapp.com>",
    b"RCPT TO:<ac\x08me@serveloapp.com>", b"RCPT TO:<acme@serveloapp.com>\x0b", b"RCPT TO:<acme\x7f@serveloapp.com>",
    b"RCPT TO:<acme@serveloapp.com\xe3\x80\x82>", b"RCPT TO:<acm\xc3\xa9@serveloapp.com>", b"RCPT TO:<\xc0\xafacme@serveloapp.com>",
    b"RCPT TO:<acme@[127.0.0.1]>", b"RCPT TO:<@a,@b:" + b"c" * 300 + b"@d>", b"RCPT TO:<" + b"a" * 65 + b"@serveloapp.com>",
    b"RCPT TO:<acme@" + b"a." * 200 + b"com>", b"RCPT TO:<acme%evil.example@serveloapp.com>", b"RCPT TO:<evil.example!acme>",
    b"RCPT TO:<\"acme@evil.example\"@serveloapp.com>", b"RCPT TO:<acme@serveloapp.com@evil.example>", b"RCPT TO:<>",
    b"RCPT TO:<acme@evil.example>", b"RCPT TO:acme@serveloapp.com>", b"RCPT TO:<<acme@serveloapp.com>>",
    b"RCPT TO:<acme@serveloapp.com> SIZE=1", b"RCPT TO:<acme@serveloapp.com> NOTIFY=NEVER"])
def test_recipients_that_are_none(house, line):
    with nothing_is_stored(house), Raw(house) as raw:
        assert raw.say("EHLO client.example", "MAIL FROM:<jane@client.example>") == [250, 250]
        code, = raw.say(line)
        assert 500 <= code < 600, (code, line)
        assert raw.say("DATA")[0] in (503, 554)
        assert raw.say("NOOP", "QUIT") == [250, 221]


@each("line, wanted", [
    ("MAIL FROM:<jane@client.example> SIZE=18446744073709551617", (501, 552)), ("MAIL FROM:<jane@client.example> SIZE=-1", (501,)),
    ("MAIL FROM:<jane@client.example> BODY=9BITMIME", (501, 555)), ("MAIL FROM:<jane@client.example> AUTH=<>", (555,)),
    ("MAIL FROM:<jane@client.example> SMTPUTF8=1", (501, 555)), ("MAIL FROM:<j\xe4ne@client.example>", (553, 501)),
    ("MAIL FROM:<jane@client.example> RET=FULL ENVID=x", (555,)), ("MAIL FROM:jane@client.example>", (501,)),
    ("MAIL FROM:<jane@client.example>X", (501, 555)), ("MAIL FROM: <jane@client.example>>", (501, 555)),
    ("AUTH PLAIN AGphbmUAc2VjcmV0", (502, 503, 504, 535)), ("AUTH LOGIN", (502, 503, 504)), ("AUTH CRAM-MD5", (502, 503, 504)),
    ("XCLIENT ADDR=127.0.0.1 NAME=localhost", (500, 502, 550)), ("XFORWARD ADDR=127.0.0.1", (500, 502, 550)),
    ("PROXY TCP4 127.0.0.1 127.0.0.1 1 25", (500, 502)), ("ETRN serveloapp.com", (500, 502, 458, 459)), ("TURN", (500, 502)),
    ("EXPN acme", (500, 502, 550)), ("DEBUG", (500, 502)), ("WIZ", (500, 502)), ("HELO", (501,)), ("EHLO \x01\x02", (500, 501)),
    ("STARTTLS now", (501,)), ("\u202eTIUQ", (500,)), ("BURL imap://x@y/ LAST", (500, 502))])
def test_commands_that_grant_nothing(house, line, wanted):
    with nothing_is_stored(house), Raw(house) as raw:
        assert raw.say("EHLO client.example") == [250]
        code, = raw.say(line)
        assert code in wanted, (code, line)
        assert raw.say("NOOP", "QUIT") == [250, 221]


def test_login_is_not_there_to_be_guessed(house):
    with Raw(house) as raw:
        codes = []
        for _ in range(100):
            codes += raw.say("AUTH PLAIN AGphbmUAc2VjcmV0")
            if codes[-1] in (0, 421):
                break
        assert set(codes) <= {502, 421, 0} and len(codes) <= 30, codes


@each("verb, most", [("NOOP", 1001), ("RSET", 1001), ("HELP", 1001), ("VRFY acme", 1001), ("EHLO a", 1001),
                                        ("EXPN acme", 21), ("FOO", 21), ("", 21), ("MAIL FROM:<", 21),
                                        ("RCPT TO:<acme@serveloapp.com>", 21)])
def test_floods_of_one_command_end(house, verb, most):
    """In one breath: each is answered once, up to the limit; then 421, and nothing more."""
    with Raw(house) as raw:
        writer = threading.Thread(target=raw.send, args=((verb.encode() + b"\r\n") * 20000,), daemon=True)
        writer.start()
        codes = raw.codes_of_rest()
        writer.join(servelo.DEADLINE)
    assert codes[-1] == 421 and codes.count(421) == 1 and len(codes) <= most, (len(codes), codes[-3:])


def test_a_flood_of_recipients(house):
    """As many as the limit are taken, the rest is asked for later; then who goes on is sent away."""
    with nothing_is_stored(house), Raw(house) as raw:
        assert raw.say("EHLO client.example", "MAIL FROM:<jane@client.example>") == [250, 250]
        writer = threading.Thread(target=raw.send, args=(b"".join(b"RCPT TO:<acme+%d@serveloapp.com>\r\n" % n
                                                                 for n in range(20000)),), daemon=True)
        writer.start()
        codes = raw.codes_of_rest()
        writer.join(servelo.DEADLINE)
    assert codes.count(250) == 100 and set(codes) <= {250, 452, 421} and len(codes) < 3000, (len(codes), codes[-3:])


def test_browsers_and_their_forms(house):
    for request in (b"GET / HTTP/1.1\r\nHost: mx\r\n\r\n", b"POST / HTTP/1.1\r\nHost: mx\r\nContent-Length: 99\r\n\r\n"
                    b"EHLO a\r\n" + SMUGGLED + b"\r\n.\r\n", b"CONNECT mx:25 HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                    b"OPTIONS sip:mx SIP/2.0\r\n\r\n", b"SSH-2.0-OpenSSH_9\r\n", b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0\r\n"):
        with nothing_is_stored(house), Raw(house) as raw:
            raw.send(request)
            codes = raw.codes_of_rest()
            assert codes and all(400 <= code < 600 for code in codes), (request, codes)


@each("head", [b"PROXY UNKNOWN\r\n", b"PROXY TCP6 ::1 ::1 1 2\r\n",
                                  b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\0\x19\0\x19",
                                  b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"])
def test_what_a_balancer_would_say_moves_no_address(house, head):
    with Raw(house) as raw:
        raw.send(head + b"\r\nEHLO client.example\r\nQUIT\r\n")
        codes = raw.codes_of_rest()
        assert codes[0] == 500 and codes[-1] in (221, 421), codes


# ---- TLS

def context(minimum=None, maximum=None, **options):
    made = smtp_talk.tls_context()
    made.set_ciphers("ALL:@SECLEVEL=0")
    if minimum:
        made.minimum_version = minimum
    if maximum:
        made.maximum_version = maximum
    return made


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", ["SSLv3", "TLSv1", "TLSv1_1"])
def test_old_tls_is_refused(house, version):
    with Raw(house) as raw:
        assert raw.say("EHLO client.example", "STARTTLS")[1] == 220
        with pytest.raises((ssl.SSLError, ConnectionError, OSError)):
            context(ssl.TLSVersion.MINIMUM_SUPPORTED, getattr(ssl.TLSVersion, version)).wrap_socket(raw.sock)


@each("behind", [b"NOOP\r\n", b"EHLO evil.example\r\n" + SMUGGLED, b"\r\n", b"\x16", b"\x16\x03\x01\xff\xff" + b"x" * 9000])
def test_nothing_said_before_the_handshake_is_heard_after_it(house, behind):
    with nothing_is_stored(house), Raw(house) as raw:
        raw.send(b"EHLO client.example\r\nSTARTTLS\r\n" + behind)
        assert [raw.code(), raw.code()] == [250, 220]
        assert not raw.heard
        raw.sock.settimeout(10)
        try:
            raw.sock = smtp_talk.tls_context().wrap_socket(raw.sock)
        except (ssl.SSLError, OSError):
            return  # it is no handshake: the end
        assert raw.say("NOOP", "MAIL FROM:<a@client.example>", "QUIT") == [250, 503, 221]
        assert raw.rest() == b""


def test_tls_without_being_asked(house):
    """Straight to port 25, as to 465: the answer is no handshake, and comes to an end."""
    with Raw(house) as raw:
        with pytest.raises((ssl.SSLError, OSError)):
            smtp_talk.tls_context().wrap_socket(raw.sock)


@each("name", ["x" * 250, "mx.serveloapp.com", "a" * 63 + ".example", "localhost", "xn--nxasmq6b"])
def test_names_that_are_asked_for(house, name):
    with Raw(house) as raw:
        assert raw.say("EHLO client.example", "STARTTLS")[1] == 220
        try:
            raw.sock = smtp_talk.tls_context().wrap_socket(raw.sock, server_hostname=name)
        except (ssl.SSLError, ValueError, UnicodeError):
            return
        assert raw.say("EHLO client.example", "QUIT") == [250, 221]


def test_rubbish_for_a_handshake(house):
    rubbish = random.Random(5)
    for head in (b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", b"\x17\x03\x03\x40\0", b"\x80\x2e\x01\0\x02",
                 b"\x16\x03\x01\x40\x01", b"\x15\x03\x01\0\x02\x02\x28", b"\x14\x03\x03\0\x01\x01"):
        with Raw(house) as raw:
            assert raw.say("EHLO client.example", "STARTTLS")[1] == 220
            raw.send(head + rubbish.randbytes(600))
            assert b"250" not in raw.rest()


def test_tls_that_ends_in_the_middle_of_mail_data(house):
    """Nothing of it is kept, and nothing that follows in clear is heard."""
    with nothing_is_stored(house):
        talk = house.talk(tls="starttls")
        talk.envelope([ACME])
        assert talk.cmd("DATA").code == 354
        talk.send(b"Subject: half\r\n\r\nhalf")
        talk.sock.setblocking(True)
        try:
            plain = talk.sock.unwrap()
        except (ssl.SSLError, OSError):
            return
        with contextlib.suppress(OSError):
            plain.sendall(b"\r\n.\r\nQUIT\r\n")
            assert plain.recv(100) == b""
        plain.close()


def test_handshakes_without_mail_wait_for_those_with(house):
    """Who shakes hands over and over and brings nothing is put behind those who bring mail; both are served."""
    stats = lambda key: house.control(op="stats")["result"][key]
    later = stats("smtp.handshakes_later")
    for _ in range(60):
        with house.talk(tls="starttls", source="127.0.7.1") as talk:
            assert talk.cmd("NOOP").code == 250
    assert stats("smtp.handshakes_later") > later
    later = stats("smtp.handshakes_later")
    for _ in range(60):
        with house.talk(tls="starttls", source="127.0.99.1") as talk:
            assert talk.deliver(smtp_talk.mail(), [ACME]).code == 250
    assert stats("smtp.handshakes_later") == later, "who delivers waits with the flood"
    stop = threading.Event()

    def busy():
        with house.talk() as talk:
            while not stop.is_set():
                assert talk.deliver(smtp_talk.mail(), [ACME]).code == 250

    threads = [threading.Thread(target=busy) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):  # in debt, and mail is under way: later, and not never
        with house.talk(tls="starttls", source="127.0.7.1") as talk:
            assert talk.cmd("NOOP").code == 250
    stop.set()
    for thread in threads:
        thread.join(servelo.DEADLINE)
    assert stats("smtp.handshakes_later") > later


# ---- connections

def prepare(house, state):
    """A connection in some state; what it would say next."""
    raw = Raw(house, greet=state != "greeting")
    if state in ("greeting", "greeted"):
        return raw, b"EHLO cli"
    assert raw.say("EHLO client.example") == [250]
    if state == "ehlo":
        return raw, b"MAIL FR"
    if state == "tls asked":
        assert raw.say("STARTTLS") == [220]
        return raw, b"\x16\x03\x01"
    assert raw.say("MAIL FROM:<jane@client.example>") == [250]
    if state == "mail":
        return raw, b"RCPT TO"
    assert raw.say(f"RCPT TO:<{ACME}>") == [250]
    if state == "data":
        assert raw.say("DATA") == [354]
        return raw, b"Subject: half a mail\r\n\r\nx\r\n.\r"
    if state == "end of data":
        assert raw.say("DATA") == [354]
        raw.send(b"Subject: whole\r\n\r\nx\r\n.\r\n")
        return raw, b""
    if state == "chunk":
        return raw, b"BDAT 1000 LAST\r\nSubject: half a chunk\r\n"
    return raw, b""


STATES = ["greeting", "greeted", "ehlo", "tls asked", "mail", "rcpt", "data", "chunk", "end of data"]


@pytest.mark.parametrize("how", ["reset", "half-closed", "gone", "silent", "drip"])
def test_ends_in_every_state(house, how):
    """Reset, closed on one side, gone, silent or dripping: each is over in time, and no half mail is kept. (Drops of mail data
    have their own test below.)"""
    before = accepted(house)
    connections = [prepare(house, state) for state in STATES if how != "drip" or state not in ("data", "chunk", "end of data")]
    for raw, octets in connections:
        raw.send(octets)
        if how == "reset":
            raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif how == "half-closed":
            raw.sock.shutdown(socket.SHUT_WR)
    threads = [threading.Thread(target=raw.goes_on_until_it_is_over, args=(b"x", 0.3)) for raw, _ in connections]
    if how == "drip":
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(servelo.DEADLINE)
            assert not thread.is_alive(), "drops keep a connection"
    for raw, _ in connections:
        if how in ("half-closed", "silent"):
            raw.rest()
        raw.sock.close()
    assert accepted(house) - before <= 1  # that of the end of data


def test_connections_come_and_go(house):
    """A thousand of them, without a word."""
    for _ in range(1000):
        sock = socket.create_connection((house.host, house.port), servelo.DEADLINE)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()


def test_replies_that_nobody_reads(house):
    """The server stops listening to who does not listen, and hangs up."""
    with Raw(house) as raw:
        raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.goes_on_until_it_is_over(b"EHLO a\r\n" * 100)


def test_mail_data_drop_by_drop(make_server):
    """A rate below the least one ends a mail that would come for hours; one above does not."""
    server = make_server(limits={**LIMITS, "data_timeout": "1s", "data_total_timeout": "2s"}).start()
    with nothing_is_stored(server), Raw(server) as raw:
        raw.envelope()
        assert raw.say("DATA") == [354]
        raw.goes_on_until_it_is_over(b"x\r\n", 0.2)
        assert raw.code() == 421
    server.stop()


def gets_in(server, **options):
    """Somebody has gone: his place is free in a moment."""
    until = time.monotonic() + servelo.DEADLINE
    while (talk := server.talk(ehlo=False, **options)).greeting.code != 220:
        assert time.monotonic() < until, talk.greeting
        talk.close()
    return talk


def test_from_one_address_and_from_many(make_server):
    """Each of the limits on its own: address, /26, /21. Others are served meanwhile, and those when one has gone."""
    for limit, inside, outside in (("connections_per_client", ["127.9.0.1"] * 4, "127.9.0.2"),
                                   ("connections_per_network", [f"127.9.0.{n}" for n in (1, 20, 40, 63)], "127.9.0.64"),
                                   ("connections_per_block", [f"127.9.{n}.1" for n in (0, 2, 5, 7)], "127.9.8.1")):
        server = make_server(limits={**LIMITS, "exempt": [], limit: 3}).start()
        talks = [server.talk(source=address, ehlo=False) for address in inside]
        assert [talk.greeting.code for talk in talks] == [220, 220, 220, 421], limit
        assert talks[3].greeting.enhanced == "4.7.0"
        with server.talk(source=outside) as other:
            assert other.deliver(smtp_talk.mail(), [ACME]).code == 250
        talks[0].quit()
        gets_in(server, source=inside[3]).close()
        server.stop()


def test_from_networks_of_ipv6(make_server):
    """An address counts as its /64 (tests/unit/smtpd/test_policy.c has /48 and /32, and IPv4 addresses that come mapped)."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
    server = make_server(smtp={"listen": ["[::1]:0"]}, limits={**LIMITS, "exempt": [], "connections_per_client": 2}).start()
    talks = [smtp_talk.Talk("::1", server.port, ehlo=False) for _ in range(3)]
    assert [talk.greeting.code for talk in talks] == [220, 220, 421]
    for talk in talks:
        talk.close()
    server.stop()


def test_less_time_when_slots_run_out(make_server):
    """Idle ones are let go sooner when nearly all connections are taken; then others get in."""
    server = make_server(limits={**LIMITS, "command_timeout": "5m", "greeting_timeout": "5m", "connections": 10,
                                 "stress_percent": 50, "stress_timeout": "2s"}).start()
    idle = [server.talk() for _ in range(5)]
    assert all(talk.cmd("NOOP").code == 250 for talk in idle)
    idle += [server.talk(ehlo=False) for _ in range(5)]
    ended = [talk.reply() for talk in idle[:5]]
    assert [reply.code for reply in ended] == [421] * 5
    with gets_in(server) as talk:
        assert talk.ehlo().code == 250
        assert talk.deliver(smtp_talk.mail(), [ACME]).code == 250
    for talk in idle:
        talk.close()
    server.stop()
