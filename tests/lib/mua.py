"""A real mail program: mutt, driven over a terminal, reading a Maildir and sending through a sendmail program.

	jane = Mutt(folder, "Jane Doe <jane@customers.example>", maildir, sendmail=["chroot", ..., "-f", "jane@..."])
	jane.write("acme@serveloapp.com", "Printer", "It is on fire.\\n")
	jane.reply("ACME-00001", "Still is.\\n")		# to the newest mail whose subject has these words
	jane.mails()						# parsed by Python's email library

What it writes is what people's mail programs write: "On ..., X wrote:", "> " before each line, In-Reply-To and
References of its own making. `below=True` puts the answer under the quote.
"""
import email
import email.policy
import os
import pathlib
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time

import servelo


class Mutt:
    def __init__(self, folder, who, maildir, sendmail):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.who, self.maildir = who, pathlib.Path(maildir)
        self.address = re.search(r"<(.*)>", who).group(1)
        self.words = self.folder / "words"
        self.editor = self.folder / "editor.py"
        self.editor.write_text(EDITOR)
        self.rc = self.folder / "muttrc"
        self.rc.write_text(f"""set realname="{who.split(' <')[0]}"
set from="{self.address}" use_from=yes use_envelope_from=no
set sendmail="{shlex.join(sendmail)}"
set editor="{sys.executable} {self.editor} {self.words} %s"
set mbox_type=Maildir spoolfile="{self.maildir}" folder="{self.maildir}" record="" copy=no move=no
set header_cache="" message_cachedir="" signature="" tmpdir="{self.folder}"
set edit_headers=no autoedit=yes fast_reply=yes include=yes abort_unmodified=no postpone=no abort_nosubject=no
set reply_self=yes honor_followup_to=no reply_to=yes ignore_list_reply_to=no
set quit=yes beep=no mark_old=no wait_key=no send_charset="us-ascii:utf-8" charset=utf-8 sleep_time=0 pager_stop=yes
set sort=date sendmail_wait=0 confirmappend=no delete=no fcc_clear=no crypt_use_gpgme=no background_edit=no
alternative_order text/plain text/html
""")

    def environ(self):
        return {"HOME": str(self.folder), "TERM": "xterm", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}

    def run(self, *args):
        """Until it ends by itself; what it showed is in the error."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe("mutt", ["mutt", "-n", "-F", str(self.rc), *args], self.environ())
        shown, until = b"", time.monotonic() + servelo.DEADLINE
        try:
            while time.monotonic() < until:
                if select.select([terminal], [], [], 0.2)[0]:
                    try:
                        piece = os.read(terminal, 65536)
                    except OSError:
                        piece = b""
                    if not piece:
                        _, status = os.waitpid(pid, 0)
                        pid = None
                        if status != 0:
                            raise servelo.Failed(f"mutt {args}: {status}\n{shown.decode(errors='replace')}")
                        return
                    shown += piece
            raise servelo.Failed(f"mutt {args} did not end\n{shown.decode(errors='replace')[-4000:]}")
        finally:
            os.close(terminal)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)

    def write(self, to, subject, text):
        subprocess.run(["mutt", "-n", "-F", str(self.rc), "-s", subject, "--", to], input=text.encode(), check=True,
                       timeout=servelo.DEADLINE, env=self.environ())

    def reply(self, subject, text, below=False):
        self.words.write_text(("below\n" if below else "above\n") + text)
        self.run("-f", str(self.maildir), "-e", f'push "<limit>~s {subject}<enter><last-entry><reply>y<exit>"')

    def mails(self):
        found = []
        for part in ("new", "cur"):
            for path in (self.maildir / part).glob("*") if (self.maildir / part).exists() else []:
                found.append((path.stat().st_mtime_ns, path))
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for _, path in sorted(found)]

    def wait(self, count, what=lambda mail: True):
        """Until so many such mails are there; the newest of them."""
        until = time.monotonic() + servelo.DEADLINE
        while True:
            found = [mail for mail in self.mails() if what(mail)]
            if len(found) >= count:
                return found[-1]
            if time.monotonic() > until:
                raise servelo.Failed(f"{self.address} has {len(found)} such mails, not {count}: "
                                     f"{[str(mail['Subject']) for mail in self.mails()]}")
            time.sleep(0.05)


# mutt asks about a draft that is younger than it thinks, and waits.
EDITOR = '''import os, sys, time
words, draft = sys.argv[1:3]
where, text = open(words, encoding="utf-8").read().split("\\n", 1)
quoted = open(draft, encoding="utf-8").read()
with open(draft, "w", encoding="utf-8") as out:
    out.write(text + "\\n" + quoted if where == "above" else quoted + "\\n" + text)
os.utime(draft, (time.time() - 60, time.time() - 60))
'''
