"""Dialogues and attacks that others wrote, played against the running server. They live in ../shared (see
docs/testing.md); where that is absent these tests are skipped."""
import re
import subprocess

import pytest

import servelo

DIALOGUES = servelo.shared("corpora", "tools", "dialogue.py")
ATTACKS = servelo.shared("attacks")
# What they ask of a server under attack: timeouts that can be waited for.
QUICK = {"command_timeout": "20s", "greeting_timeout": "20s", "data_timeout": "20s", "error_delay": "10ms"}


@pytest.fixture(scope="module")
def house(make_server):
    return make_server(limits=QUICK).start()


def play(words):
    done = subprocess.run(["/usr/bin/python3", *map(str, words)], capture_output=True, text=True, timeout=900)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(not DIALOGUES, reason="no ../shared/corpora/tools/dialogue.py")
def test_dialogues(house):
    _, output = play([DIALOGUES, house.host, house.port, "acme@serveloapp.com", "foreign.example"])
    score = re.search(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", output, re.M)
    assert score, output
    passed, failed, _ = map(int, score.groups())
    assert failed == 0 and passed > 35, output


# What the scripts would have otherwise, and the project decided: NUL in mail data passes through untouched, like any
# octet (real mail has some, and test_original.py shows that nothing is cut).
DECIDED = {"data/nul"}


def attack(house, script, way, *more):
    count = f"{house.binary} message list --message-id {{marker}} --count --config {house.config}"
    words = [ATTACKS / f"{script}.py", house.host, house.port, "--domain", servelo.DOMAIN, "--slug", "acme",
             "--count-cmd", count, "--pid", house.pid, *more]
    words += ["--starttls"] if way == "starttls" else []
    _, output = play(words)
    score = re.search(r"^---- (\d+) pass, (\d+) FAIL, .* skipped(?:: (.*))?$", output, re.M)
    assert score, output
    failed = set((score.group(3) or "").split(", ")) - {""} - DECIDED
    assert not failed and int(score.group(1)) > 50, output
    assert house.balance()["unaccounted"] == 0
    house.stop()


@pytest.mark.skipif(not ATTACKS, reason="no ../shared/attacks")
@pytest.mark.parametrize("way", ["plain", "starttls"])
@pytest.mark.parametrize("script", ["smuggling", "limits", "conformance"])
def test_attack(make_server, script, way):
    house = make_server(limits=QUICK).start()
    strict = ["--strict"] if script == "limits" else []
    # A sanitizer keeps freed memory for a while to find its users; what it needs says nothing about the server.
    much = ["--rss-max", 4 << 20] if script == "limits" and servelo.sanitized(house.binary) else []
    attack(house, script, way, *strict, *much)


@pytest.mark.skipif(not ATTACKS, reason="no ../shared/attacks")
def test_memory_stays_bounded_under_attack(make_server):
    """The same with the build that is installed, and the bound on memory that the script has."""
    house = make_server(limits=QUICK)
    house.binary = servelo.release_binary()
    if not house.binary:
        pytest.skip("no release build")
    attack(house.start(), "limits", "plain")
