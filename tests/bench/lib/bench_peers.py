"""The servers that tests/bench/run compares, each in its best configuration, each in a folder of its own.

	peer = PEERS["postfix-maildir"](folder)
	peer.start()			# loopback, a free port; accepts when this returns
	peer.port, peer.pid		# pid: whose descendants do the work
	peer.stored()			# mails that are where they belong; None where nothing is kept
	peer.stop()

prepare() installs all of them below tests/.work/bench and names those that can't be had. Nothing of the machine is
changed: Debian's packages are unpacked (see tests/lib/mta_tree.sh), npm installs into a folder, Postfix and the
tools that come with it run with chroot(8).
"""
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))

import servelo  # noqa: E402

ROOT = servelo.ROOT
WORK = ROOT / "tests" / ".work" / "bench"
SCRIPTS = ROOT / "tests" / "bench" / "peers"
TREE = ROOT / "tests" / ".work" / "mta" / "tree"
PYTHON_PATH = WORK / "python" / "usr" / "lib" / "python3" / "dist-packages"
NODE = WORK / "node"
TABLE = ("CREATE TABLE ticket (id INTEGER PRIMARY KEY, recipient TEXT, author TEXT, subject TEXT, message_id TEXT, "
         "text TEXT, original BLOB)")

build = None  # the folder of servelo, loadgen and fill_store; set by the program


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


# ---- installing


def prepare_tree():
    """Postfix, smtp-source and smtp-sink; and Debian's python3 beside them, for the script behind pipe(8)."""
    subprocess.run([ROOT / "tests" / "lib" / "mta_tree.sh", TREE.parent], check=True)
    ours = WORK / "tree"
    if (WORK / "tree.done").exists():
        return
    shutil.rmtree(ours, ignore_errors=True)
    subprocess.run(["cp", "-a", TREE, ours], check=True)
    libraries = subprocess.run("ldd /usr/bin/python3 /usr/lib/python3*/lib-dynload/_sqlite3*.so", shell=True, check=True,
                               capture_output=True, text=True).stdout
    for line in libraries.splitlines():
        path = line.split("=>")[-1].split("(")[0].strip()
        if path.startswith("/") and os.path.exists(path) and not (ours / path.lstrip("/")).exists():
            subprocess.run(["cp", "-L", "--parents", path, ours], check=True)
    python = os.path.realpath("/usr/bin/python3")
    library = pathlib.Path("/usr/lib") / pathlib.Path(python).name
    shutil.copy(python, ours / "usr/bin/python3")
    shutil.copytree(library, ours / str(library).lstrip("/"), dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("test", "config-*", "ensurepip", "idlelib"))
    (WORK / "tree.done").touch()


def prepare_aiosmtpd():
    if PYTHON_PATH.exists():
        return
    debs = WORK / "python" / "debs"
    debs.mkdir(parents=True, exist_ok=True)
    subprocess.run("apt-cache show python3-aiosmtpd >/dev/null 2>&1 || apt-get -qq update; "
                   "apt-get -qq -o APT::Sandbox::User=root download python3-aiosmtpd python3-attr python3-public",
                   shell=True, check=True, cwd=debs, capture_output=True)
    for deb in debs.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", deb, WORK / "python"], check=True)


def prepare_node():
    NODE.mkdir(parents=True, exist_ok=True)
    wanted = (SCRIPTS / "package.json").read_text()
    mark = NODE / "done"
    if not mark.exists() or mark.read_text() != wanted:
        (NODE / "package.json").write_text(wanted)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--omit=optional"], check=True, cwd=NODE,
                       capture_output=True)
        subprocess.run(["node", "-e", "new (require('better-sqlite3'))(':memory:'); require('mailparser')"], check=True,
                       cwd=NODE, capture_output=True)
        mark.write_text(wanted)


def prepare():
    """{group: why it can't be had}"""
    WORK.mkdir(parents=True, exist_ok=True)
    missing = {}
    for group, install in (("tree", prepare_tree), ("aiosmtpd", prepare_aiosmtpd), ("node", prepare_node)):
        try:
            install()
        except (OSError, subprocess.SubprocessError, shutil.Error) as error:
            said = getattr(error, "stderr", b"") or b""
            text = said.decode(errors="replace").strip() if isinstance(said, bytes) else said.strip()
            missing[group] = f"{error} {text[-300:]}".strip()
    return missing


# ---- the servers


class Peer:
    needs = None		# what of prepare() it can't do without
    durable = True
    process = None

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    @property
    def pid(self):
        return self.process.pid

    def launch(self, *words, **environment):
        with open(self.folder / "output.log", "ab") as log:
            self.process = subprocess.Popen(list(map(str, words)), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder, env={**os.environ, **environment}, start_new_session=True)
        self.wait_accepts()

    def wait_accepts(self):
        until = time.monotonic() + 30
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as sock:
                    if sock.recv(3) == b"220":
                        return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > until:
                output = (self.folder / "output.log").read_text(errors="replace")
                self.stop()
                raise RuntimeError(f"{self.name} does not serve: {output[-1500:]}")
            time.sleep(0.05)

    def stop(self):
        if self.process is None:
            return
        family = servelo.processes_below(self.process.pid)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def stored(self):
        return None


class WithTable(Peer):
    """Rows in a table of SQLite."""

    journal = "WAL"

    def make_table(self, path):
        self.database = path
        db = sqlite3.connect(path)
        db.execute(f"PRAGMA journal_mode={self.journal}")
        db.execute(TABLE)
        db.commit()
        db.close()

    def stored(self):
        db = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)
        try:
            return db.execute("SELECT count(*) FROM ticket").fetchone()[0]
        finally:
            db.close()


class Servelo(WithTable):
    name, label = "servelo", "Servelo"
    program = None  # another one than that of the build
    template = None  # a data folder to begin with: tenants, perhaps tickets
    data_dir = None  # one to be used where it is; it grows
    options = {}
    preload = {}

    def start(self):
        self.server = servelo.Server(self.program or build / "servelo", self.folder, self.certificate())
        if self.template:
            subprocess.run(["cp", "-a", "--reflink=auto", self.template, self.folder / "data"], check=True)
        self.server.configure(tenants={"declare": []},
                              limits={"connections": 60000, "transactions": 1000000, "commands": 100000})
        if self.data_dir:
            self.server.configure(storage={"data_dir": str(self.data_dir)})
        self.server.configure(**self.options)
        if self.preload:
            self.launch_preloaded()
        else:
            self.server.start()
        self.process = self.server.process
        self.port = self.server.port
        self.database = pathlib.Path(self.data_dir or self.folder / "data") / "servelo.db"
        self.before = 0
        self.before = self.stored()

    def launch_preloaded(self):
        # Server.start() hands on the environment but for SERVELO_*.
        os.environ.update(self.preload)
        try:
            self.server.start()
        finally:
            for name in self.preload:
                del os.environ[name]

    @staticmethod
    def certificate():
        folder = WORK / "certificate"
        if not folder.exists():
            folder.mkdir(parents=True)
            servelo.make_certificate(folder, "server")
        return folder / "server.crt.pem", folder / "server.key.pem"

    def stored(self):
        return super().stored() - self.before

    def stop(self):
        if self.process is not None:
            self.process = None
            self.server.stop()
            shutil.rmtree(self.folder, ignore_errors=True)


class SmtpSink(Peer):
    name, label, needs = "smtp-sink", "smtp-sink, stores nothing", "tree"
    durable = False

    def start(self):
        self.port = free_port()
        self.launch("chroot", WORK / "tree", "/usr/sbin/smtp-sink", "-u", "nobody", f"127.0.0.1:{self.port}", "4096")


class Postfix(Peer):
    needs = "tree"
    main = ""
    service = ""

    def start(self):
        self.root = self.folder / "root"
        subprocess.run(["cp", "-al", WORK / "tree", self.root], check=True)
        self.port = free_port()
        spool = self.root / "var/spool/postfix"
        self.write("etc/postfix/main.cf", f"""compatibility_level = 3.6
myhostname = mx.serveloapp.com
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
queue_directory = /var/spool/postfix
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
virtual_mailbox_domains = serveloapp.com
virtual_mailbox_maps = static:acme/
virtual_mailbox_base = /var/mail
virtual_uid_maps = static:8
virtual_gid_maps = static:8
virtual_minimum_uid = 1
# tuned: no look-ups, no limits, no pauses, processes that stay
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_relay_restrictions =
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
default_process_limit = 250
max_use = 100000
qmgr_message_active_limit = 100000
qmgr_message_recipient_limit = 100000
initial_destination_concurrency = 50
default_destination_concurrency_limit = 50
default_destination_recipient_limit = 1
message_size_limit = 67108864
virtual_mailbox_limit = 0
mailbox_size_limit = 0
{self.main}
""")
        services = [f"127.0.0.1:{self.port} inet n - n - 250 smtpd", "pickup unix n - n 60 1 pickup",
                    "cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr", "rewrite unix - - n - - trivial-rewrite",
                    "bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce",
                    "flush unix n - n 1000? 0 flush", "proxymap unix - - n - - proxymap", "anvil unix - - n - 1 anvil",
                    "showq unix n - n - - showq", "error unix - - n - - error", "retry unix - - n - - error",
                    "discard unix - - n - - discard", "virtual unix - n n - - virtual", self.service]
        self.write("etc/postfix/master.cf", "\n".join(services) + "\n")
        self.prepare_root()
        self.queues = [spool / name for name in ("incoming", "active", "deferred")]
        subprocess.run(["chroot", self.root, "/usr/lib/postfix/sbin/post-install", "create-missing"], capture_output=True)
        subprocess.run(["chroot", self.root, "/bin/sh", "/usr/lib/postfix/sbin/postfix-script", "check"],
                       capture_output=True)
        self.launch("chroot", self.root, "/usr/sbin/postfix", "start-fg")

    def write(self, path, text):
        path = self.root / path
        path.unlink(missing_ok=True)  # never through a hard link
        path.write_text(text)

    def prepare_root(self):
        pass

    def queued(self):
        """Mails in the queue; a moment between two folders shows a mail in both, never in none."""
        return sum(1 for queue in self.queues if queue.exists() for entry in os.scandir(queue))


class PostfixDiscard(Postfix):
    name, label = "postfix-discard", "Postfix tuned, queued, then discarded"
    main = "virtual_transport = discard:"

    def waiting(self):
        return self.queued()


class PostfixMaildir(Postfix):
    name, label = "postfix-maildir", "Postfix to Maildir"
    main = "virtual_transport = virtual:"

    def prepare_root(self):
        mail = self.root / "var/mail"
        shutil.rmtree(mail, ignore_errors=True)
        mail.mkdir()
        os.chown(mail, 8, 8)
        self.new = mail / "acme" / "new"

    def stored(self):
        return len(os.listdir(self.new)) if self.new.exists() else 0


class PostfixPipe(Postfix, WithTable):
    name, label = "postfix-pipe", "Postfix, pipe(8) to a script with SQLite"
    journal = "DELETE"  # a process per mail would make and remove the log each time, and fail where two do it at once
    main = "virtual_transport = tickets:\ntickets_destination_concurrency_limit = 4"
    service = ("tickets unix - n n - 4 pipe flags=Rq user=mail argv=/usr/bin/python3 -I -S "
               "/usr/share/bench/pipe_sqlite.py ${recipient}")

    def prepare_root(self):
        scripts, data = self.root / "usr/share/bench", self.root / "data"
        scripts.mkdir(parents=True, exist_ok=True)
        shutil.copy(SCRIPTS / "pipe_sqlite.py", scripts)
        data.mkdir()
        self.make_table(data / "tickets.db")
        for path in [data, *data.iterdir()]:
            os.chown(path, 8, 8)


class Aiosmtpd(WithTable):
    name, label, needs = "aiosmtpd", "aiosmtpd + email + SQLite", "aiosmtpd"

    def start(self):
        self.port = free_port()
        self.make_table(self.folder / "tickets.db")
        self.launch("/usr/bin/python3", SCRIPTS / "aiosmtpd_sqlite.py", self.port, self.database,
                    PYTHONPATH=str(PYTHON_PATH))


class SmtpServer(WithTable):
    name, label, needs = "smtp-server", "smtp-server + mailparser + SQLite", "node"
    words = []

    def start(self):
        self.port = free_port()
        self.make_table(self.folder / "tickets.db")
        self.launch("node", SCRIPTS / "smtp_server_sqlite.js", self.port, self.database, *self.words,
                    NODE_PATH=str(NODE / "node_modules"))


class SmtpServerWithoutWait(SmtpServer):
    """The same without the 100 ms before its greeting: what its work allows."""

    name, label = "smtp-server-without-wait", "smtp-server + mailparser + SQLite, without its wait"
    words = ["without-wait"]


class Haraka(Peer):
    name, label, needs = "haraka", "Haraka, two workers, nothing stored", "node"
    durable = False
    plugins = "rcpt_to.in_host_list\nqueue/discard\n"
    nodes = 2
    environment = {"YES_REALLY_DO_DISCARD": "1"}

    def start(self):
        self.port = free_port()
        config = self.folder / "config"
        for name in (config, self.folder / "queue", self.folder / "plugins"):
            name.mkdir()
        (config / "smtp.ini").write_text(f"listen=127.0.0.1:{self.port}\nnodes={self.nodes}\nspool_after=-1\n"
                                         f"spool_dir={self.folder}\n")
        (config / "plugins").write_text(self.plugins)
        (config / "host_list").write_text(servelo.DOMAIN + "\n")
        (config / "loglevel").write_text("ERROR\n")
        (config / "databytes").write_text("67108864\n")
        (config / "me").write_text("mx.serveloapp.com\n")
        (config / "internalcmd_key").write_text("none\n")
        (self.folder / "package.json").write_text('{"name": "bench"}\n')
        for name in ("connection.ini",):  # it does not start without
            shutil.copy(NODE / "node_modules" / "Haraka" / "config" / name, config)
        self.prepare_plugins()
        self.launch("node", NODE / "node_modules" / "Haraka" / "bin" / "haraka", "-c", self.folder,
                    NODE_PATH=str(NODE / "node_modules"), NODE_ENV="production", **self.environment)

    def prepare_plugins(self):
        pass


class HarakaSqlite(Haraka, WithTable):
    name, label = "haraka-sqlite", "Haraka + mailparser + SQLite"
    durable = True
    plugins = "rcpt_to.in_host_list\nhelpdesk\n"

    @property
    def environment(self):
        return {"BENCH_DATABASE": str(self.database)}

    def prepare_plugins(self):
        self.make_table(self.folder / "tickets.db")
        shutil.copy(SCRIPTS / "haraka_sqlite.js", self.folder / "plugins" / "helpdesk.js")


PEERS = {peer.name: peer for peer in (Servelo, SmtpSink, PostfixDiscard, PostfixMaildir, Haraka, HarakaSqlite, Aiosmtpd,
                                      SmtpServer, SmtpServerWithoutWait, PostfixPipe)}
