"""Every mail of the collections in ../shared, by the command that the project has for it (tests/bench/corpora)."""
import json
import subprocess

import pytest

import servelo


@pytest.mark.skipif(not servelo.shared("corpora"), reason="no ../shared/corpora")
def test_every_mail_of_the_collections_is_a_ticket():
    done = subprocess.run([servelo.ROOT / "tests" / "bench" / "corpora", "--server", servelo.default_binary(), "--json"],
                          capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result["sent"] >= 1000
    assert result["replies_250"] == result["sent"]
    stored = sum(result[kind] for kind in ("tickets", "comments", "events", "confirmations"))
    assert stored + result["repeats"] == result["sent"]
    assert result["originals_equal"] == stored
    assert result["unaccounted"] == 0
    assert result["over_deadline"] == 0
    assert result["children_dead"] == 0
