"""A Servelo server of one's own, for system tests and measurements.

	server = Server(binary, folder)
	server.configure(limits={"message_size": "1MiB"})	# sections of config.yaml, laid over those of base()
	server.start()						# ports are free ones, read from the log
	server.talk().deliver(mail, ["acme@serveloapp.com"])
	server.json("ticket", "list")				# the command line, as a user has it
	server.stop()						# SIGTERM; exit code 0 and a quiet sanitizer, or an error

Everything lives below `folder`. Nothing waits for a guessed time: what is waited for is a line in the log, a
reply, or the end of a process, each with a deadline after which the test fails.
"""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import smtp_talk
from relay import DROP, Relay  # noqa: F401: servelo.Relay() is a relay to send through

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOMAIN = "serveloapp.com"
DEADLINE = float(os.environ.get("SERVELO_TEST_DEADLINE", "60"))
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|: runtime error: |"
                       r"Assertion .* failed")


def shared(*path):
    """A file of ../shared (or beside $SERVELO_CORPORA), or None where it is absent."""
    corpora = os.environ.get("SERVELO_CORPORA")
    base = pathlib.Path(corpora).parent if corpora else ROOT.parent / "shared"
    found = base.joinpath(*path)
    return found if found.exists() else None


def default_binary():
    return os.path.abspath(os.environ.get("SERVELO", ROOT / "build" / "asan" / "servelo"))


def release_binary():
    """The hardened build without sanitizers, or None."""
    path = pathlib.Path(os.environ.get("SERVELO_RELEASE", ROOT / "build" / "release" / "servelo")).absolute()
    return str(path) if path.exists() else None


def sanitized(binary):
    return b"__asan_" in pathlib.Path(binary).read_bytes()


def make_certificate(folder, name, host="mx." + DOMAIN, kind="ec"):
    """A self-signed certificate: (chain file, key file)."""
    chain, key = folder / (name + ".crt.pem"), folder / (name + ".key.pem")
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else ["-newkey", "rsa:2048"]
    subprocess.run(["openssl", "req", "-x509", *new, "-nodes", "-days", "30", "-subj", "/CN=" + host, "-addext",
                    "subjectAltName=DNS:" + host, "-keyout", key, "-out", chain], check=True, capture_output=True)
    key.chmod(0o600)
    return chain, key


def processes_below(pid):
    """pid and its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    parent = int(stat.read().rsplit(")", 1)[1].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry))
    found = [pid]
    for process in found:
        found += children.get(process, [])
    return found


def alive(pid):
    """Is the process there and not a zombie?"""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Failed(AssertionError):
    pass


class Server:
    def __init__(self, binary, folder, certificate=None):
        self.binary = str(binary)
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / "config.yaml"
        self.data = self.folder / "data"
        self.log_path = self.folder / "server.log"
        self.process = None
        self.addresses = []
        self.certificate = certificate or make_certificate(self.folder, "server")
        self.sections = self.base()

    # ---- configuration

    def base(self):
        chain, key = self.certificate
        return {
            "mail": {"domain": DOMAIN, "hostname": "mx." + DOMAIN, "operator_address": "operator@example.org"},
            "forwards": {"support": "support@operator.example", "legal": "legal@operator.example"},
            "tenants": {"declare": [
                {"slug": "acme", "name": "Acme Inc", "admin_email": "admin@acme.example"},
                {"slug": "globex", "name": "Globex", "admin_email": "admin@globex.example"},
            ]},
            "smtp": {"listen": ["127.0.0.1:0"]},
            "limits": {"exempt": ["127.0.0.0/8"]},
            "tls": {"certificates": [{"chain": str(chain), "key": str(key)}]},
            "storage": {"data_dir": str(self.data)},
            "log": {"level": "info"},
        }

    def configure(self, **sections):
        """Options laid over those in force; a value of None takes a section away. Written at once."""
        for name, options in sections.items():
            if options is None:
                self.sections.pop(name, None)
            else:
                self.sections.setdefault(name, {}).update(options)
        self.write_config()
        return self

    def write_config(self):
        # JSON is YAML 1.2, and what libyaml reads of it is the same.
        self.config.write_text(json.dumps(self.sections, indent=2, ensure_ascii=False) + "\n")

    # ---- life

    def start(self):
        if not self.config.exists():
            self.write_config()
        log = open(self.log_path, "ab")
        self.log_start = log.tell()
        environ = {k: v for k, v in os.environ.items() if not k.startswith("SERVELO_")}
        self.process = subprocess.Popen([self.binary, "serve", "--config", str(self.config)], stdin=subprocess.DEVNULL,
                                        stdout=log, stderr=log, cwd=self.folder, env=environ, start_new_session=True)
        log.close()
        wanted = len(self.sections["smtp"]["listen"])
        self.addresses = [self.wait_log(r"listening .*?address=(\S+)", n + 1).group(1) for n in range(wanted)]
        self.wait_log(r"\bready\b")
        return self

    @property
    def pid(self):
        return self.process.pid

    @property
    def host(self):
        return self.addresses[0].rsplit(":", 1)[0].strip("[]")

    @property
    def port(self):
        return int(self.addresses[0].rsplit(":", 1)[1])

    def children(self):
        return processes_below(self.pid)[1:]

    def stop(self, code=0):
        """SIGTERM, then what must hold at every end: the exit code, no child left, no sanitizer report."""
        if self.process is None:
            return
        family = processes_below(self.pid)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.wait_end(code)
        until = time.monotonic() + DEADLINE
        while any(alive(pid) for pid in family[1:]):
            if time.monotonic() > until:
                raise Failed(f"children outlive the server: {[p for p in family[1:] if alive(p)]}")
            time.sleep(0.01)

    def wait_end(self, code=0):
        process, self.process = self.process, None
        try:
            got = process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failed("the server did not end\n" + self.log_tail()) from None
        self.check_quiet()
        if got != code:
            raise Failed(f"the server ended with {got}, not {code}\n" + self.log_tail())

    def kill(self):
        """As a power cut would: no last word."""
        family = processes_below(self.pid)
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.process = None
        self.check_quiet()

    def abandon(self):
        """For the end of a test that failed already."""
        if self.process is not None:
            for pid in processes_below(self.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()
            self.process = None

    # ---- log

    def log(self):
        """What this run has logged."""
        with open(self.log_path, "rb") as log:
            log.seek(self.log_start)
            return log.read().decode("utf-8", "replace")

    def log_tail(self, lines=40):
        return "".join(self.log().splitlines(keepends=True)[-lines:])

    def wait_log(self, pattern, count=1):
        """The count-th match in the log of this run."""
        found = re.compile(pattern, re.M)
        until = time.monotonic() + DEADLINE
        while True:
            matches = list(found.finditer(self.log()))
            if len(matches) >= count:
                return matches[count - 1]
            if self.process is not None and self.process.poll() is not None:
                raise Failed(f"the server ended with {self.process.returncode}\n" + self.log_tail())
            if time.monotonic() > until:
                raise Failed(f"no {pattern!r} in the log\n" + self.log_tail())
            time.sleep(0.01)

    def check_quiet(self):
        report = SANITIZER.search(self.log())
        if report:
            start = max(0, report.start() - 200)
            raise Failed("a sanitizer speaks:\n" + self.log()[start:start + 6000])

    # ---- talking to it

    def talk(self, **options):
        return smtp_talk.Talk(self.host, self.port, **options)

    def run(self, *args, stdin=b""):
        """The command line. A CompletedProcess with bytes."""
        words = [self.binary, *map(str, args), "--config", str(self.config)]
        environ = {k: v for k, v in os.environ.items() if not k.startswith("SERVELO_")}
        done = subprocess.run(words, input=stdin, capture_output=True, timeout=DEADLINE, env=environ)
        if SANITIZER.search(done.stderr.decode("utf-8", "replace")):
            raise Failed(f"{' '.join(words)}: a sanitizer speaks:\n" + done.stderr.decode("utf-8", "replace")[:6000])
        return done

    def cli(self, *args, stdin=b"", code=0):
        """Its standard output as text; any other exit code than this is an error."""
        done = self.run(*args, stdin=stdin)
        if done.returncode != code:
            raise Failed(f"servelo {' '.join(map(str, args))}: exit {done.returncode}, not {code}\n"
                         + done.stderr.decode("utf-8", "replace") + done.stdout.decode("utf-8", "replace"))
        return done.stdout.decode("utf-8")

    def json(self, *args, stdin=b""):
        return json.loads(self.cli(*args, "--json", stdin=stdin))

    def control(self, **request):
        """One question to the control socket."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(DEADLINE)
            sock.connect(str(self.data / "control.sock"))
            sock.sendall(json.dumps(request).encode() + b"\n")
            answer = sock.makefile("rb").readline()
        return json.loads(answer)

    def raw(self, mail_id):
        """The original behind our Received field: what the client sent."""
        done = self.run("message", "raw", mail_id, "--sent")
        return done.stdout if done.returncode == 0 else None

    def messages(self, message_id):
        """Stored originals whose Message-ID holds this."""
        return self.json("message", "list", "--message-id", message_id)

    def audit(self, mail_id):
        """What became of each recipient of one transaction."""
        return self.json("audit", "show", mail_id)

    def audit_rows(self):
        return self.json("audit", "list", "--limit", "0")

    def balance(self):
        return self.json("audit", "balance")
