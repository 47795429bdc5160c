"""The rules of the house that a program can check: layers, and what may not stand in the sources."""
import subprocess

import servelo

CHECK = servelo.ROOT / "tests" / "check_layers.py"


def check(root):
    return subprocess.run(["/usr/bin/python3", CHECK, root], capture_output=True, text=True)


def tree(tmp_path, files):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_the_sources_keep_to_the_layers():
    done = check(servelo.ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_breaks_a_layer_is_found(tmp_path):
    for number, (name, line) in enumerate({
        "base/thing.c": '#include "storage/store.h"',
        "storage/thing.c": '#include "tenant/slug.h"',
        "ingest/thing.c": '#include "outbound/relay.h"',
        "outbound/thing.c": '#include "ingest/ingest.h"',
        "tenant/thing.h": '#  include "smtpd/session.h"',
        "certs/thing.c": '#include "storage/spool.h"',
        "smtpd/thing.c": "#include <sqlite3.h>",
        "smtpd/session.c": '#include "tenant/directory.h"',
        "ingest/route.c": "#include <gmime/gmime.h>",
        "storage/store.c": "#include <openssl/ssl.h>",
        "base/other.c": '#include "thing.h"',
    }.items()):
        done = check(tree(tmp_path / str(number), {name: "/* a file */\n" + line + "\n"}))
        assert done.returncode != 0 and f"{name}:2:" in done.stdout, (name, done.stdout, done.stderr)


def test_what_keeps_to_the_layers_is_not_blamed(tmp_path):
    done = check(tree(tmp_path, {
        "base/a.c": '#include <stdio.h>\n#include "base/a.h"\n',
        "ingest/a.c": '#include "storage/store.h"\n#include "tenant/slug.h"\n',
        "smtpd/session.c": '#include "certs/certs.h"\n#include "ingest/delivery.h"\n',
        "smtpd/cli/a.c": '#include "storage/reader.h"\n#include <jansson.h>\n',
    }))
    assert done.returncode == 0, done.stdout


def test_no_placeholders_in_the_sources():
    done = subprocess.run(["grep", "-rnE", r"\b(TODO|FIXME|XXX)\b", "--include=*.c", "--include=*.h", "base", "certs", "storage",
                           "tenant", "ingest", "outbound", "smtpd"], cwd=servelo.ROOT, capture_output=True, text=True)
    assert done.stdout == ""
