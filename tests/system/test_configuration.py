"""A wrong configuration ends `check` and `serve` with 78 (EX_CONFIG), and says where, what, and what was meant."""
import os
import re

import pytest

import smtp_talk

EX_CONFIG = 78

GOOD = """\
mail:
  domain: serveloapp.com
  operator_address: operator@example.org
tenants:
  declare:
    - slug: acme
      name: Acme Inc
      admin_email: admin@acme.example
smtp:
  listen: ["127.0.0.1:0"]
limits:
  message_size: 10MiB
tls:
  certificates:
    - chain: {chain}
      key: {key}
storage:
  data_dir: data
"""

WRONG = {
    # what is replaced by what: line and column of the error (None: any), words it must say
    "an unknown key": ("message_size:", "messsage_size:", (12, 3), ["messsage_size", "message_size"]),
    "an unknown section": ("limits:", "limit:", (11, 1), ["limit", "limits"]),
    "an unknown key in a list": ("admin_email:", "admin_mail:", (8, 7), ["admin_mail", "admin_email"]),
    "no number": ("10MiB", "ten", (12, 17), ["message_size"]),
    "a unit that is none": ("10MiB", "10MiBs", (12, 17), ["message_size"]),
    "a negative size": ("10MiB", "-1", (12, 17), ["message_size"]),
    "a list where a value belongs": ("10MiB", "[1, 2]", (12, 17), ["message_size"]),
    "broken YAML": ("  listen: [", "  listen: [[", (None, None), []),
    "a tab": ("  domain:", "\tdomain:", (2, None), []),
    "a key twice": ("  domain: serveloapp.com\n", "  domain: serveloapp.com\n  domain: x.example\n", (3, 3), ["domain"]),
    "a slug that is none": ("slug: acme", "slug: Ac_me", (6, 13), ["slug", "letters"]),
    "a reserved slug": ("slug: acme", "slug: postmaster", (6, 13), ["slug", "reserved"]),
    "an address that is none": ("127.0.0.1:0", "127.0.0.1", (10, 12), ["listen", "port"]),
    "no such certificate": ("{chain}", "nowhere.pem", (None, None), ["nowhere.pem"]),
    "no domain": ("  domain: serveloapp.com\n", "", (None, None), ["domain"]),
    "not text": (":", ":\x01", (None, None), []),
}


@pytest.fixture
def tool(make_server):
    """A server that is never started: its folder, binary and configuration file."""
    return make_server()


def write(tool, text):
    chain, key = tool.certificate
    tool.config.write_text(text.replace("{chain}", str(chain)).replace("{key}", str(key)))


def test_a_good_configuration_is_good(tool):
    write(tool, GOOD)
    assert tool.run("check").returncode == 0


@pytest.mark.parametrize("name", sorted(WRONG))
@pytest.mark.parametrize("verb", ["check", "serve"])
def test_a_wrong_configuration(tool, name, verb):
    old, new, (line, column), words = WRONG[name]
    assert old in GOOD
    write(tool, GOOD.replace(old, new, 1))
    done = tool.run(verb)
    said = (done.stderr + done.stdout).decode("utf-8", "replace")
    assert done.returncode == EX_CONFIG, (done.returncode, said)
    assert "config.yaml" in said
    if line:
        assert re.search(rf"config\.yaml:{line}:{column if column else '[0-9]+'}\b", said), said
    for word in words:
        assert word in said, said


def test_a_key_that_others_can_read_is_refused(tool, tmp_path):
    chain, key = tool.certificate
    bare = tmp_path / "bare.key.pem"
    bare.write_bytes(key.read_bytes())
    write(tool, GOOD.replace("{key}", str(bare)))
    for mode in (0o644, 0o640, 0o604):
        bare.chmod(mode)
        for verb in ("check", "serve"):
            done = tool.run(verb)
            assert done.returncode == EX_CONFIG, (oct(mode), verb)
            assert "bare.key.pem" in (done.stderr + done.stdout).decode()
    bare.chmod(0o600)
    assert tool.run("check").returncode == 0


@pytest.mark.parametrize("old, new, words", [
    ("data_dir: data", "data_dir: nowhere/data", ["data folder", "No such file"]),
    ("data_dir: data", "data_dir: /proc/nope", ["data folder", "keeps no files"]),
    ("storage:", "relay: {host: 192.0.519, tls: none}\nstorage:", ["outgoing mail", "this machine only"]),
])
def test_what_would_fail_at_the_start_or_later_fails_now(tool, old, new, words):
    write(tool, GOOD.replace(old, new, 1))
    said = tool.cli("check", code=EX_CONFIG)
    assert all(word in said for word in words), said
    assert not (tool.folder / "nowhere").exists()


def test_a_mistake_does_not_hide_what_is_stored(make_server):
    """A typing error in the file, and the tickets can still be read, the running server still be asked."""
    server = make_server().start()
    with server.talk() as talk:
        reference = talk.deliver(smtp_talk.mail(), ["acme@serveloapp.com"]).references[0]
    right = server.config.read_text()
    server.config.write_text(right.replace('"limits"', '"limmits"', 1) if '"limits"' in right else
                             right.replace('"mail"', '"limmits": {}, "mail"', 1))
    done = server.run("ticket", "show", reference)
    assert done.returncode == 0 and reference in done.stdout.decode(), done
    assert b"limmits" in done.stderr and b"mistake" in done.stderr, done
    assert server.run("tenant", "suspend", "acme").returncode == 0
    assert server.run("check").returncode == EX_CONFIG
    assert server.run("setting", "list").returncode == EX_CONFIG
    server.stop()
    assert server.run("audit", "balance").returncode == 0
    assert server.run("tenant", "resume", "acme").returncode == EX_CONFIG
    server.config.write_text("mail: [")
    assert server.run("ticket", "list").returncode == EX_CONFIG


def test_the_example_is_a_right_configuration(tool):
    """config.yaml.example shows every option with its default: so it must load."""
    import servelo
    text = (servelo.ROOT / "config.yaml.example").read_text()
    tool.config.write_text(text)
    done = tool.run("check")
    said = (done.stderr + done.stdout).decode()
    # Its certificates are those of a real machine and not here: that may be its only fault.
    assert done.returncode == 0 or re.search(r"\.(pem|crt|key)", said), said


def test_environment_and_settings_win_over_the_file(tool):
    write(tool, GOOD)
    os.environ["SERVELO_LIMITS_MESSAGE_SIZE"] = "2MiB"
    try:
        from subprocess import run
        done = run([tool.binary, "setting", "get", "limits.message_size", "--config", tool.config], capture_output=True)
        assert done.returncode == 0, done.stderr
        assert b"2MiB" in done.stdout or b"2097152" in done.stdout or b"2 MiB" in done.stdout, done.stdout
        os.environ["SERVELO_LIMITS_MESSSAGE_SIZE"] = "2MiB"
        done = run([tool.binary, "check", "--config", tool.config], capture_output=True)
        assert done.returncode == EX_CONFIG and b"MESSSAGE_SIZE" in done.stderr + done.stdout, done
    finally:
        os.environ.pop("SERVELO_LIMITS_MESSAGE_SIZE", None)
        os.environ.pop("SERVELO_LIMITS_MESSSAGE_SIZE", None)
