"""Real mail servers as SMTP clients: Postfix, Exim and OpenSMTPD in a tree of their own (see mta_tree.sh).

Each runs with chroot(8) in a copy of that tree (hard links: a moment and no space), relays everything to one
address on loopback, and is handed mail through its own sendmail program, as on any machine.

	with Postfix(folder, host, port, security="starttls") as mta:
		mta.submit(mail, "jane@example.net", ["acme@serveloapp.com"])
		mta.wait_sent(1)
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import servelo

TREE = servelo.ROOT / "tests" / ".work" / "mta" / "tree"


def free_port():
    """One that nobody listens on now; Postfix wants a number."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Mta:
    name = "?"
    log_file = "?"
    sent = "?"		# a line of its log: one recipient delivered
    failed = "?"	# one that was not

    def __init__(self, folder, host, port, security):
        self.root = pathlib.Path(folder) / self.name
        self.host, self.port, self.security = host, port, security
        # Hard links need one file system; where the test's folder is on another, it is copied.
        if subprocess.run(["cp", "-al", TREE, self.root], capture_output=True).returncode != 0:
            shutil.rmtree(self.root, ignore_errors=True)
            subprocess.run(["cp", "-a", TREE, self.root], check=True)
        self.process = None

    def __enter__(self):
        self.configure()
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def write(self, path, text):
        path = self.root / path
        path.unlink(missing_ok=True)  # never through a hard link
        path.write_text(text)

    def chroot(self, *words, **options):
        return ["chroot", str(self.root), *words]

    def background(self, *words):
        with open(self.root / "output.log", "ab") as log:
            self.process = subprocess.Popen(self.chroot(*words), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)

    def start(self):
        pass

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

    def log(self):
        paths = {self.root / self.log_file, self.root / "output.log"}
        return "\n".join(path.read_text(errors="replace") for path in sorted(paths) if path.exists())

    def submit(self, mail, reverse_path, recipients):
        words = self.chroot(*self.sendmail(reverse_path), *recipients)
        done = subprocess.run(words, input=mail.replace(b"\r\n", b"\n"), capture_output=True, timeout=servelo.DEADLINE)
        if done.returncode != 0:
            raise servelo.Failed(f"{self.name}: {words}: {done.stderr.decode(errors='replace')}\n{self.log()}")

    def wait_sent(self, count):
        until = time.monotonic() + servelo.DEADLINE
        while True:
            text = self.log()
            if re.search(self.failed, text):
                raise servelo.Failed(f"{self.name} could not deliver\n{text[-4000:]}")
            if len(re.findall(self.sent, text)) >= count:
                return
            if time.monotonic() > until:
                raise servelo.Failed(f"{self.name} did not deliver\n{text[-4000:]}")
            time.sleep(0.02)


class Postfix(Mta):
    name = "postfix"
    log_file = "var/log/postfix.log"
    sent = r"status=sent "
    failed = r"status=(deferred|bounced) |fatal: "

    def configure(self):
        self.write("etc/postfix/main.cf", f"""compatibility_level = 3.6
myhostname = client.example.net
mydestination =
relayhost = [{self.host}]:{self.port}
inet_interfaces = loopback-only
inet_protocols = all
smtputf8_enable = yes
smtp_tls_security_level = {'encrypt' if self.security == 'starttls' else 'none'}
smtp_tls_loglevel = 1
smtp_host_lookup = native
maillog_file = /var/log/postfix.log
alias_maps =
alias_database =
queue_directory = /var/spool/postfix
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
""")
        services = [
            ("pickup", "unix n - n 1 1 pickup"), ("cleanup", "unix n - n - 0 cleanup"),
            ("qmgr", "unix n - n 2 1 qmgr"), ("tlsmgr", "unix - - n 1000? 1 tlsmgr"),
            ("rewrite", "unix - - n - - trivial-rewrite"), ("bounce", "unix - - n - 0 bounce"),
            ("defer", "unix - - n - 0 bounce"), ("trace", "unix - - n - 0 bounce"),
            ("verify", "unix - - n - 1 verify"), ("flush", "unix n - n 1000? 0 flush"),
            ("proxymap", "unix - - n - - proxymap"), ("smtp", "unix - - n - - smtp"),
            ("relay", "unix - - n - - smtp"), ("showq", "unix n - n - - showq"), ("error", "unix - - n - - error"),
            ("retry", "unix - - n - - error"), ("discard", "unix - - n - - discard"),
            ("scache", "unix - - n - 1 scache"), ("postlog", "unix-dgram n - n - 1 postlogd"),
        ]
        self.write("etc/postfix/master.cf", "".join(f"{name} {rest}\n" for name, rest in services))

    def start(self):
        self.background("/usr/sbin/postfix", "start-fg")
        until = time.monotonic() + servelo.DEADLINE
        while "daemon started" not in self.log():
            if time.monotonic() > until or self.process.poll() is not None:
                raise servelo.Failed("postfix did not start\n" + self.log())
            time.sleep(0.02)

    def sendmail(self, reverse_path):
        return ["/usr/sbin/sendmail", "-i", "-f", reverse_path]


class RelayPostfix(Postfix):
    """Postfix the other way round: the relay that our mail leaves through, which keeps the mailboxes of some domains
    as Maildirs, and brings mail for our own domain back to us.

	with RelayPostfix(folder, {"serveloapp.com": server.port}, certificate, ["jane@customers.example"]) as relay:
		relay.relay_port, relay.maildir("jane@customers.example")
		relay.sendmail_words("jane@customers.example")
		relay.route("othersupport.example", other.port)
    """
    name = "relay"

    def __init__(self, folder, routes, certificate, mailboxes):
        super().__init__(folder, "127.0.0.1", 1, "starttls")
        self.certificate, self.mailboxes, self.routes = certificate, mailboxes, dict(routes)
        self.relay_port = free_port()

    def configure(self):
        super().configure()
        chain, key = self.certificate
        for source, name in ((chain, "relay.crt"), (key, "relay.key")):
            self.write("etc/postfix/" + name, pathlib.Path(source).read_text())
        domains = " ".join(sorted({address.split("@")[1] for address in self.mailboxes}))
        boxes = ", ".join("{%s=%s/}" % (address, address.split("@")[0] + "." + address.split("@")[1])
                          for address in self.mailboxes)
        for address in self.mailboxes:
            for part in ("cur", "new", "tmp"):
                (self.maildir(address) / part).mkdir(parents=True)
                os.chown(self.maildir(address) / part, 902, 902)
            os.chown(self.maildir(address), 902, 902)
        main = (self.root / "etc/postfix/main.cf").read_text().replace("relayhost = ", "# relayhost = ")
        # An unknown user is found out after the 250, so that there is a report to send.
        self.write("etc/postfix/main.cf", main + f"""
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_reject_unlisted_recipient = no
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = /etc/postfix/relay.crt
smtpd_tls_key_file = /etc/postfix/relay.key
smtpd_client_connection_rate_limit = 0
smtpd_peername_lookup = no
virtual_mailbox_domains = {domains}
virtual_mailbox_base = /var/vhosts
virtual_mailbox_maps = inline:{{{boxes}}}
virtual_uid_maps = static:902
virtual_gid_maps = static:902
virtual_minimum_uid = 100
transport_maps = texthash:/etc/postfix/transport
""")
        self.write_routes()
        master = (self.root / "etc/postfix/master.cf").read_text()
        self.write("etc/postfix/master.cf", master + f"""127.0.0.1:{self.relay_port} inet n - n - - smtpd
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
""")

    def write_routes(self):
        self.write("etc/postfix/transport", "".join(f"{domain} smtp:[127.0.0.1]:{port}\n"
                                                    for domain, port in self.routes.items()))

    def route(self, domain, port):
        self.routes[domain] = port
        self.write_routes()
        subprocess.run(self.chroot("/usr/sbin/postfix", "reload"), check=True, capture_output=True)

    def maildir(self, address):
        return self.root / "var/vhosts" / (address.split("@")[0] + "." + address.split("@")[1])

    def sendmail_words(self, address):
        return self.chroot(*self.sendmail(address))


class Exim(Mta):
    name = "exim"
    log_file = "var/spool/exim4/log-main"
    sent = r" => \S+.* C=\"250"
    failed = r" (==|\*\*) |panic|LOG: MAIN PANIC"

    def configure(self):
        tls = "hosts_require_tls = *" if self.security == "starttls" else "hosts_avoid_tls = *"
        self.write("etc/exim4/exim4.conf", f"""primary_hostname = client.example.net
spool_directory = /var/spool/exim4
log_file_path = /var/spool/exim4/log-%s
trusted_users = root
tls_advertise_hosts =
smtputf8_advertise_hosts = *
accept_8bitmime = true
acl_smtp_rcpt = accept
acl_smtp_data = accept
keep_environment =
add_environment = <; PATH=/bin:/usr/bin
begin acl
begin routers
all:
  driver = manualroute
  route_list = * {self.host}::{self.port}
  self = send
  transport = out
begin transports
out:
  driver = smtp
  hosts_try_chunking = *
  {tls}
  tls_verify_hosts =
  tls_try_verify_hosts =
  dkim_domain =
begin retry
* * F,1h,1m
""")
        os.chown(self.root / "var/spool/exim4", 901, 901)

    def sendmail(self, reverse_path):
        return ["/usr/sbin/exim4", "-i", "-odf", "-oee", "-f", reverse_path]

    def submit_smtputf8(self, mail, reverse_path, recipients):
        """Exim takes the SMTPUTF8 of a mail from its own SMTP door: here on standard input (-bs)."""
        import smtp_talk
        script = b"EHLO client.example.net\r\nMAIL FROM:<%s> SMTPUTF8 BODY=8BITMIME\r\n" % reverse_path.encode()
        script += b"".join(b"RCPT TO:<%s>\r\n" % recipient.encode() for recipient in recipients)
        script += b"DATA\r\n" + smtp_talk.stuff(mail) + b"QUIT\r\n"
        words = self.chroot("/usr/sbin/exim4", "-bs", "-odf")
        done = subprocess.run(words, input=script, capture_output=True, timeout=servelo.DEADLINE)
        if b"250 OK id=" not in done.stdout:
            raise servelo.Failed(f"exim: {done.stdout.decode()}{done.stderr.decode()}\n{self.log()}")


class OpenSmtpd(Mta):
    name = "opensmtpd"
    log_file = "output.log"
    sent = r"mta delivery .*result=\"Ok\""
    failed = r"mta delivery .*result=\"(TempFail|PermFail|Expired)|mta error|fatal"

    def configure(self):
        scheme, tls = ("smtp+tls", "tls no-verify") if self.security == "starttls" else ("smtp+notls", "")
        self.write("etc/smtpd.conf", f"""action "out" relay host "{scheme}://{self.host}:{self.port}" {tls} helo "client.example.net"
match from any for any action "out"
listen on socket
""")

    def start(self):
        self.background("/usr/sbin/smtpd", "-dv")
        until = time.monotonic() + servelo.DEADLINE
        # Before that its sendmail would put the mail into a folder that nobody looks at again.
        while "offline scanning done" not in self.log():
            if time.monotonic() > until or self.process.poll() is not None:
                raise servelo.Failed("opensmtpd did not start\n" + self.log())
            time.sleep(0.02)

    def sendmail(self, reverse_path):
        return ["/usr/lib/opensmtpd/sendmail", "-i", "-f", reverse_path]
