#!/usr/bin/env python3
"""The dependency table of docs/architecture.md, over the #include lines.

Three rules, each an error with file and line:
 1. A folder includes only from itself and from the folders named for it below; nothing upward, nothing sideways.
 2. A foreign library is included only by the files that are its door.
 3. The SMTP engine (the files of smtpd/ named below) knows no tickets: of the folders above `certs` it sees only
    the mail data at rest and the intake's contract.

check_layers.py [ROOT]; prints what is wrong and ends with 1, or one line that says all is well.
"""
import fnmatch
import pathlib
import re
import sys

ALLOWED = {
    "base": set(),
    "certs": {"base"},
    "storage": {"base"},
    "tenant": {"base", "storage"},
    "outbound": {"base", "storage", "tenant"},
    "ingest": {"base", "storage", "tenant"},
    "smtpd": {"base", "certs", "storage", "tenant", "outbound", "ingest"},
}

# Header (a pattern) -> files that may include it.
DOORS = {
    "yaml.h": ["base/conf*.c", "base/yaml_*.c"],
    "openssl/ssl.h": ["certs/*"],
    "openssl/*": ["certs/*", "base/mac.c"],
    "sqlite3.h": ["storage/*"],
    "gmime/*": ["ingest/mail_parse*", "ingest/mime_*", "outbound/compose.c"],
    "glib*": ["ingest/mail_parse*", "ingest/mime_*", "outbound/compose.c"],
    "uchardet*": ["ingest/mail_charset.c", "ingest/mail_charset_*.c"],
    "seccomp.h": ["ingest/parser_child*", "ingest/sandbox*"],
    "jansson.h": ["smtpd/*", "smtpd/cli/*"],
    "curl/*": ["base/curl_loop.c", "outbound/webhook.c", "ingest/imap_poll.c"],
}

ENGINE = ["smtp_server*", "session*", "commands.c", "commands.h", "cmd_*", "command_*", "data_decoder*", "reply*",
          "policy*", "bdat*", "data_*"]
ENGINE_SEES = {"storage/spool.h", "storage/ids.h", "ingest/delivery.h", "ingest/ingest.h"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def matches(name, patterns):
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def problems_of(name, line):
    """What is wrong with one line of the file `name` (relative to the root)."""
    found = INCLUDE.match(line)
    if not found:
        return
    quote, header = found.groups()
    folder = name.split("/")[0]
    if quote == "<":
        for pattern, doors in DOORS.items():
            if fnmatch.fnmatch(header, pattern):
                if not matches(name, doors):
                    yield f"<{header}> has its door elsewhere: {', '.join(doors)}"
                break
        return
    if "/" not in header:
        yield f'"{header}": write the path from the root'
        return
    target = header.split("/")[0]
    if target != folder and target not in ALLOWED[folder]:
        yield f"{folder}/ may not include from {target}/: \"{header}\""
    if folder == "smtpd" and name.count("/") == 1 and matches(name.split("/")[1], ENGINE):
        if target not in ("base", "certs", "smtpd") and header not in ENGINE_SEES:
            yield f'the SMTP engine may not know "{header}"'


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[1])
    files = wrong = 0
    for folder in ALLOWED:
        for path in sorted((root / folder).rglob("*.[ch]")):
            files += 1
            name = path.relative_to(root).as_posix()
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                for problem in problems_of(name, line):
                    wrong += 1
                    print(f"{name}:{number}: {problem}")
    if wrong or not files:
        sys.exit(f"{wrong} wrong includes in {files} files")
    print(f"{files} files, every include points downward")


main()
