"""A server in a machine that fails on request (faults.c, which says what each fault is)."""
import os
import struct
import subprocess

import servelo

DB_FULL, SPOOL_FULL, DB_WRITE, DB_SYNC, SPOOL_WRITE, SPOOL_SYNC, NO_PROCESS, READ_ONLY, NO_THREAD, DB_READ, SPOOL_READ, \
    CLOSE, NO_MEMORY = (1 << n for n in range(13))


def build_module(folder):
    found = folder / "faults.so"
    source = servelo.ROOT / "tests" / "lib" / "faults.c"
    subprocess.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-Wall", "-shared", "-fPIC", "-o", found, source, "-ldl"],
                   check=True)
    return found


class FaultyServer(servelo.Server):
    """A server in a machine that fails on request."""

    def __init__(self, binary, folder, module, certificate, record=False):
        super().__init__(binary, folder, certificate)
        self.module, self.control_file = module, self.folder / "faults"
        self.record_file = self.folder / "record" if record else None
        self.control_file.write_bytes(bytes(24))

    def start(self):
        before = dict(os.environ)
        os.environ.update(LD_PRELOAD=str(self.module), FAULTS=str(self.control_file))
        if self.record_file:
            os.environ.update(FAULTS_RECORD=str(self.record_file))
        try:
            return super().start()
        finally:
            os.environ.clear()
            os.environ.update(before)

    def faults(self, which):
        with open(self.control_file, "r+b") as control:
            control.write(struct.pack("=I", which))

    def clock_ahead(self, seconds):
        with open(self.control_file, "r+b") as control:
            control.seek(8)
            control.write(struct.pack("=q", seconds))

    def failed(self):
        """Calls that failed by our request."""
        return struct.unpack("=Q", self.control_file.read_bytes()[16:24])[0]

    def stats(self):
        return self.control(op="stats")["result"]

    def record(self):
        """What was written, synced and said so far: [verb, *names]."""
        return [line.split() for line in self.record_file.read_text().splitlines()]
