"""The rules of the house that a program can check and no other test does (layers: tests/check_layers.py)."""
import re
import subprocess

import servelo


def test_no_placeholders_in_the_sources():
    done = subprocess.run(["grep", "-rnE", r"\b(TODO|FIXME|XXX)\b", "--include=*.c", "--include=*.h", "base", "certs", "storage",
                           "tenant", "ingest", "outbound", "smtpd"], cwd=servelo.ROOT, capture_output=True, text=True)
    assert done.stdout == ""


def test_documentation_names_files_that_exist():
    missing = []
    for page in [*servelo.ROOT.glob("docs/*.md"), *servelo.ROOT.glob("*.md")]:
        text = page.read_text()
        names = re.findall(r"`((?:base|certs|storage|tenant|ingest|smtpd|tests|docs|unit|system)/[\w./-]+\.(?:c|h|py|sh|md))`", text)
        names += [link.split("#")[0] for link in re.findall(r"\]\(([\w./-]+)\)", text)]
        for name in names:
            path = "tests/" + name if name.startswith(("unit/", "system/")) else name
            if not (servelo.ROOT / path).exists() and not (page.parent / path).exists():
                missing.append(f"{page.name}: {name}")
    assert not missing, missing
