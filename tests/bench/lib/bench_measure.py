"""Driving a server and measuring it: rate, CPU of all its processes, memory, times of the final reply.

	m = throughput(peer, load)	# until the last mail is where it belongs
	m = latency(peer, load, rate)	# at a steady rate
"""
import json
import os
import pathlib
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time

import bench_peers
import servelo

TICK = os.sysconf("SC_CLK_TCK")
MAILS = bench_peers.WORK / "mail"
SENDER, RECIPIENT = "juergen@customer.example", "acme@" + servelo.DOMAIN


class Off(Exception):
    """What was measured is not what was asked for."""


# ---- the mails


def make_mail(size):
    """Text with an HTML alternative, base64 attachments behind it, for sizes that are not in ../shared."""
    line = "your order of the printer on the second floor has been sent to the office and arrives tomorrow morning\n"
    text = line * 12
    head = ("From: =?utf-8?Q?J=C3=BCrgen_Beispiel?= <juergen@customer.example>\nTo: <acme@serveloapp.com>\n"
            "Subject: =?utf-8?B?RHJ1Y2tlciBpbiBkZXIgQnVjaGhhbHR1bmc=?=\nDate: Sat, 21 Nov 2026 11:11:10 +0100\n"
            "Message-ID: <generated@customer.example>\nMIME-Version: 1.0\n"
            'Content-Type: multipart/mixed; boundary="=_mixed"\n\n--=_mixed\n'
            'Content-Type: multipart/alternative; boundary="=_alt"\n\n--=_alt\nContent-Type: text/plain; charset=utf-8\n\n'
            f"{text}\n--=_alt\nContent-Type: text/html; charset=utf-8\n\n<html><body><p>{text}</p></body></html>\n"
            "--=_alt--\n")
    tail = "--=_mixed--\n"
    attachment = ('--=_mixed\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename="photo.bin"\n'
                  "Content-Transfer-Encoding: base64\n\n")
    lines = (size - len(head) - len(tail) - len(attachment)) // 77
    if lines > 0:
        row = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\n"
        head += attachment + row * lines
    return head + tail


def mail(name):
    """The file of a mail: those of ../shared where they are, else generated; below tests/.work and in the tree."""
    path = MAILS / f"{name}.eml"
    if not path.exists():
        MAILS.mkdir(parents=True, exist_ok=True)
        given = servelo.shared("bench", f"{name}.eml")
        sizes = {"m4k": 4 << 10, "m64k": 64 << 10, "m1m": 1 << 20, "m20m": 20 << 20}
        if given:
            shutil.copy(given, path)
        else:
            if name in ("m4k", "m64k"):
                print(f"(../shared/bench/{name}.eml is absent: a generated mail of the same size takes its place)")
            path.write_text(make_mail(sizes[name]))
    in_tree = bench_peers.WORK / "tree" / "tmp" / path.name
    if in_tree.parent.exists() and not in_tree.exists():
        shutil.copy(path, in_tree)
    return path


# ---- what the server uses


def cpu_seconds(pid):
    """All processes below pid, those that have ended included (their parents have waited for them)."""
    ticks = 0
    for process in servelo.processes_below(pid):
        try:
            with open(f"/proc/{process}/stat") as stat:
                ticks += sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:15]))
        except OSError:
            continue
    return ticks / TICK


def generator_seconds():
    """CPU of the programs that were run and have ended: between two calls, the load generator."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def pss_bytes(pid, field="Pss"):
    """Also Pss_Anon: without pages of files, which the kernel takes back as it likes."""
    total = 0
    for process in servelo.processes_below(pid):
        try:
            with open(f"/proc/{process}/smaps_rollup") as rollup:
                total += sum(int(line.split()[1]) for line in rollup if line.startswith(field + ":"))
        except OSError:
            continue
    return total * 1024


class Memory(threading.Thread):
    """The most that the processes had, looked at four times a second."""

    def __init__(self, pid, interval=0.25):
        super().__init__(daemon=True)
        self.pid, self.interval, self.over = pid, interval, threading.Event()
        self.most = self.most_anon = 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()
        self.look()

    def run(self):
        while not self.over.wait(self.interval):
            self.look()

    def look(self):
        self.most = max(self.most, pss_bytes(self.pid))
        self.most_anon = max(self.most_anon, pss_bytes(self.pid, "Pss_Anon"))


# ---- load


class Load:
    """What is sent: `connections` at once, `per_connection` mails each (0: as many as there are)."""

    def __init__(self, mail="m4k", connections=50, per_connection=1, tls=False, resume=False):
        self.mail, self.connections, self.per_connection = mail, connections, per_connection
        self.tls, self.resume = tls, resume


def loadgen(peer, load, count, rate=0, numbers=0):
    words = [bench_peers.build / "tests/bench/loadgen", "-F", mail(load.mail), "-f", SENDER, "-t", RECIPIENT, "-s",
             load.connections, "-m", count, "-d", load.per_connection, "-r", rate, "-N", numbers]
    words += ["-T"] * load.tls + ["-u"] * load.resume + [f"127.0.0.1:{peer.port}"]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise Off(f"{peer.name}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def smtp_source(peer, load, count):
    """Numbered recipients, 1 to count: the mails have one Message-ID, so each needs a tenant of its own."""
    words = ["chroot", bench_peers.WORK / "tree", "/usr/sbin/smtp-source", "-s", load.connections, "-m", count, "-N", "-f",
             SENDER, "-t", RECIPIENT, "-F", f"/tmp/{mail(load.mail).name}"]
    words += ["-d"] * (load.per_connection == 0) + [f"127.0.0.1:{peer.port}"]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise Off(f"{peer.name}: {done.stderr.strip()}")


def wait_stored(peer, wanted):
    """Until so many mails are where they belong. Where nothing is kept, until the queue is empty."""
    until = time.monotonic() + 90
    while True:
        if hasattr(peer, "waiting"):
            if peer.waiting() == 0:
                return
        else:
            stored = peer.stored()
            if stored is None or stored == wanted:
                return
            if stored > wanted:
                raise Off(f"{peer.name}: {stored} stored, {wanted} sent")
        if time.monotonic() > until:
            raise Off(f"{peer.name}: {peer.stored()} stored, {wanted} sent")
        time.sleep(0.02)


class Session:
    """One started server; keeps account of what it was sent."""

    def __init__(self, peer):
        self.peer, self.sent = peer, 0

    def warm_up(self, load, count=200):
        loadgen(self.peer, load, count)
        self.sent += count
        wait_stored(self.peer, self.sent)

    def throughput(self, load, count, source, numbers=0):
        peer = self.peer
        mail(load.mail)
        with Memory(peer.pid) as memory:
            cpu, ours, started = cpu_seconds(peer.pid), generator_seconds(), time.monotonic()
            details = {}
            if source == "smtp-source":
                smtp_source(peer, load, count)
            else:
                details = loadgen(peer, load, count, numbers=numbers)
            self.sent += count
            wait_stored(peer, self.sent)
            seconds = time.monotonic() - started
            cpu = cpu_seconds(peer.pid) - cpu
            ours = generator_seconds() - ours
        return {**details, "rate": count / seconds, "cpu_us": cpu * 1e6 / count, "pss": memory.most, "anon": memory.most_anon,
                "generator_rate": details.get("rate"), "bound": count * os.cpu_count() / (cpu + ours)}

    def latency(self, load, rate, seconds=2.0):
        count = max(20, int(rate * seconds))
        result = loadgen(self.peer, load, count, rate=rate)
        self.sent += count
        wait_stored(self.peer, self.sent)
        return result

    def handshakes(self, connections, count):
        words = [bench_peers.build / "tests/bench/loadgen", "-H", "-s", connections, "-m", count,
                 f"127.0.0.1:{self.peer.port}"]
        cpu = cpu_seconds(self.peer.pid)
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise Off(f"{self.peer.name}: {done.stderr.strip()}")
        result = json.loads(done.stdout)
        result["server_us"] = (cpu_seconds(self.peer.pid) - cpu) * 1e6 / count
        return result


# ---- tables


def median(results, key):
    values = [result[key] for result in results if result.get(key) is not None]
    return statistics.median(values) if values else None


def table(heads, rows):
    rows = [[("-" if cell is None else str(cell)) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]

    def line(row):
        return "| " + " | ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                                 for i, (cell, width) in enumerate(zip(row, widths))) + " |"

    print(line(heads))
    print("| " + " | ".join("-" * width if i == 0 else "-" * (width - 1) + ":" for i, width in enumerate(widths)) + " |")
    for row in rows:
        print(line(row))
    print(flush=True)


def number(value, digits=0):
    if value is None:
        return None
    return f"{value:,.{digits}f}"


def on_end(*_):
    sys.exit(143)


# Told to end, a program still stops its servers.
signal.signal(signal.SIGTERM, on_end)


def build(folder=None):
    """servelo, loadgen and fill_store, as released. Their folder."""
    folder = pathlib.Path(folder or servelo.ROOT / "build" / "bench")
    subprocess.run(["bash", "-c", '. "$0" && install_packages "${BUILD_PACKAGES[@]}" libcmocka-dev openssl',
                    servelo.ROOT / "tests/lib/install.sh"], check=True)
    subprocess.run(["cmake", "-S", servelo.ROOT, "-B", folder, "-G", "Ninja"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", folder, "servelo", "loadgen", "fill_store", "slow_disk"], check=True,
                   stdout=subprocess.DEVNULL)
    bench_peers.build = folder
    return folder


def template(tenants, tickets=0):
    """A data folder with so many numbered tenants and tickets; kept for the next time."""
    folder = bench_peers.WORK / "data" / f"{tenants}-{tickets}"
    mark = folder.with_suffix(".done")
    program = bench_peers.build / "tests/bench/fill_store"
    if mark.exists() and mark.stat().st_mtime > program.stat().st_mtime:
        return folder  # of the schema that the server has
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run([program, folder, str(tenants), str(tickets)], check=True)
    mark.touch()
    return folder


def start(name, folder=None, **options):
    """A started peer with its Session."""
    peer = bench_peers.PEERS[name](folder or bench_peers.WORK / "run" / f"{name}-{os.getpid()}")
    for key, value in options.items():
        setattr(peer, key, value)
    peer.start()
    return Session(peer)
