#!/usr/bin/env python3
"""The dependency table of docs/architecture.md, checked over every #include line.

    check_layers.py [ROOT]        exit code 1 and one line per violation
    check_layers.py --self-test   plants violations in a temporary tree and expects each to be found

Three rules. Folders: arrows go down only. Doors: a foreign library is included where it has its door, nowhere
else. Engine: the files of smtpd/ that speak SMTP know no tickets: of lower folders they see only what is listed.
A file includes headers by their full path from the root, so that this check can see them.
"""
import re
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

# folder -> folders that it may include from, besides itself
FOLDERS = {
    "base": [],
    "certs": ["base"],
    "storage": ["base"],
    "tenant": ["base", "storage"],
    "outbound": ["base", "certs", "storage", "tenant"],
    "ingest": ["base", "storage", "tenant"],
    "smtpd": ["base", "certs", "storage", "tenant", "outbound", "ingest"],
}

# header -> files that may include it; the first pattern that fits a header decides
DOORS = [
    ("yaml.h", ["base/conf_yaml.c"]),
    ("openssl/evp.h", ["base/mac.c", "certs/*"]),
    ("openssl/hmac.h", ["base/mac.c", "certs/*"]),
    ("openssl/rand.h", ["base/mac.c", "certs/*"]),
    ("openssl/crypto.h", ["base/mac.c", "certs/*"]),
    ("openssl/sha.h", ["base/mac.c", "certs/*"]),
    ("openssl/*", ["certs/*"]),
    ("sqlite3.h", ["storage/*"]),
    # the tests' second opinion, nothing of the product
    ("gmime/*", []),
    ("glib*.h", []),
    ("seccomp.h", ["ingest/parser_sandbox.c", "ingest/parser_child.c"]),
    ("linux/seccomp.h", ["ingest/parser_sandbox.c", "ingest/parser_child.c"]),
    ("jansson.h", ["smtpd/*"]),
    ("uchardet/*", ["ingest/mail_charset.c"]),
    ("uchardet.h", ["ingest/mail_charset.c"]),
    ("iconv.h", ["ingest/mail_charset.c"]),
]

# the program's files in smtpd/; all others are the engine
PROGRAM = ["smtpd/main.c", "smtpd/serve*", "smtpd/control*", "smtpd/server_conf*", "smtpd/admin_*",
           "smtpd/privileges*", "smtpd/service_manager*", "smtpd/preflight*", "smtpd/file_access*", "smtpd/reprocess*",
           "smtpd/lone_parser*", "smtpd/secrets*", "smtpd/attachment_source*", "smtpd/cli/*"]
ENGINE_MAY = ["base/*", "certs/*", "storage/spool.h", "storage/ids.h", "ingest/delivery.h", "ingest/ingest.h",
              "smtpd/*"]

# headers that belong to one module; nobody else includes them: header -> files
PRIVATE = {
    "base/conf_private.h": ["base/conf*.c"],
    "outbound/outbound_private.h": ["outbound/outbound*.c"],
    "outbound/compose_private.h": ["outbound/compose*.c"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def fits(name, patterns):
    return any(fnmatch(name, pattern) for pattern in patterns)


def includes(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1) == '"', found.group(2)


def check_folder(name, header):
    folder, target = name.split("/")[0], header.split("/")[0]
    if "/" not in header:
        return f'"{header}" must be included by its full path from the root'
    if target not in FOLDERS:
        return f'"{header}" is in no folder of the project'
    if target != folder and target not in FOLDERS[folder]:
        return f'{folder} may not include from {target} ("{header}")'
    return None


def check_door(name, header):
    for pattern, files in DOORS:
        if fnmatch(header, pattern):
            return None if fits(name, files) else f"<{header}> has its door in {' '.join(files) or 'tests/ only'}"
    return None


def check_engine(name, header):
    if not name.startswith("smtpd/") or fits(name, PROGRAM):
        return None
    if fits(header, PROGRAM):
        return f'the SMTP engine may not include the program\'s "{header}"'
    return None if fits(header, ENGINE_MAY) else f'the SMTP engine may not include "{header}"'


def check_private(name, header):
    files = PRIVATE.get(header)
    return f'"{header}" is private to {" ".join(files)}' if files and not fits(name, files) else None


def check_tree(root):
    """Violations as (file:line, what), and how many files were looked at."""
    problems, files = [], 0
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.[ch]")):
            name = path.relative_to(root).as_posix()
            files += 1
            for number, quoted, header in includes(path):
                checks = [check_folder, check_engine, check_private] if quoted else [check_door]
                for check in checks:
                    problem = check(name, header)
                    if problem:
                        problems.append((f"{name}:{number}", problem))
                        break
    return problems, files


# file, line planted in it, is it a violation?
PLANTED = [
    ("base/list.c", '#include "base/base.h"', False),
    ("base/conf_yaml.c", "#include <yaml.h>", False),
    ("base/conf.c", '#include "base/conf_private.h"', False),
    ("base/log.c", '#include "storage/store.h"', True),
    ("base/log.c", "# include <yaml.h>", True),
    ("base/log.c", "#include <openssl/evp.h>", True),
    ("base/mac.c", "#include <openssl/evp.h>", False),
    ("base/mac.c", "#include <openssl/ssl.h>", True),
    ("certs/certs.c", "#include <openssl/ssl.h>", False),
    ("certs/certs.c", '#include "tenant/tenants.h"', True),
    ("certs/certs.c", '#include "base/conf_private.h"', True),
    ("storage/store.c", "#include <sqlite3.h>", False),
    ("storage/store.c", '#include "tenant/tenants.h"', True),
    ("tenant/tenants.c", "\t#include\t<sqlite3.h>", True),
    ("tenant/tenants.c", '#include "storage/reader.h"', False),
    ("ingest/mail_parse.c", "#include <gmime/gmime.h>", True),
    ("ingest/mime_split.c", "#include <glib.h>", True),
    ("ingest/route.c", '#include "outbound/outbound.h"', True),
    ("ingest/route.c", '#include "smtpd/reply.h"', True),
    ("ingest/mail_charset.c", "#include <iconv.h>", False),
    ("ingest/mail_word.c", "#include <iconv.h>", True),
    ("ingest/parser_sandbox.c", "#include <seccomp.h>", False),
    ("ingest/parser.c", "#include <seccomp.h>", True),
    ("ingest/parser.c", "#include <jansson.h>", True),
    ("outbound/outbound.c", '#include "ingest/mail.h"', True),
    ("outbound/smtp_client.c", '#include "certs/tls_channel.h"', False),
    ("outbound/smtp_client.c", '#include "smtpd/reply.h"', True),
    ("smtpd/session.c", '#include "storage/spool.h"', False),
    ("smtpd/session.c", '#include "storage/ticket.h"', True),
    ("smtpd/session.c", '#include "smtpd/server_conf.h"', True),
    ("smtpd/session.c", '#include "reply.h"', True),
    ("smtpd/serve.c", '#include "storage/ticket.h"', False),
    ("smtpd/cli/ticket.c", "#include <jansson.h>", False),
    ("smtpd/cli/ticket.c", '#include "nowhere/x.h"', True),
]


def self_test():
    failures = 0
    for name, line, wrong in PLANTED:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.parent.mkdir(parents=True)
            path.write_text("/* a file */\n" + line + "\n", encoding="utf-8")
            problems, files = check_tree(Path(folder))
            if files != 1 or bool(problems) != wrong:
                print(f"self-test: {name}: {line.strip()}: {'not found' if wrong else problems}")
                failures += 1
    print(f"{len(PLANTED)} planted lines, {failures} judged wrongly")
    return failures


def main():
    if sys.argv[1:] == ["--self-test"]:
        return 1 if self_test() else 0
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    problems, files = check_tree(root)
    for place, problem in problems:
        print(f"{place}: {problem}")
    print(f"{files} files, {len(problems)} violations")
    return 1 if problems or files == 0 else 0


sys.exit(main())
