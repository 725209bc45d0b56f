"""One cheat of each class through the clock, beside its honest twin; bench.cheats tries all."""

import pytest

from bench.cheats import gained, summary, tried
from tests.cheats import ENTRIES, ON_CUDA, honest

FIRST = {}
for _entry in ENTRIES:
    if _entry.passes and not _entry.needs and not _entry.threads:
        FIRST.setdefault(_entry.cls, _entry)


@pytest.mark.parametrize("entry", FIRST.values(), ids=lambda entry: entry.cls)
def test_a_cheat_gets_no_speed_and_its_twin_does(entry):
    row = tried(entry, entry.passes[0], rounds=25)
    assert row["cheat_status"] != "ok"
    assert row["twin_status"] == "ok"


def test_the_table_counts_who_was_given_a_speed_and_who_was_refused():
    row = {"class": "a_b", "cheat": "X", "twin": "Y", "pass": "forward", "how": "So."}
    fine = row | {"cheat_status": "unearned: a clock was", "twin_status": "ok", "ratio": None}
    bad = row | {"cheat": "Z", "cheat_status": "ok", "twin_status": "failed: it"}
    bad |= {"ratio": [0.5, 1.1]}
    idle = row | {"cheat": "W", "cheat_status": "ok", "twin_status": "ok", "ratio": [0.95, 1.1]}
    text = summary([fine, bad, idle])
    assert "3 cheats in 3 passes: 1 were given a speed" in text
    assert "1 have one and gained nothing" in text
    assert "twins 1 were refused" in text
    assert "| a b | 3 | 3 | clock against kernel 1 | 1 | 1 | 1 |" in text
    assert "- Z, forward: ok, 0.50 to 1.10 times the honest time (So.)" in text


@pytest.mark.cuda
@pytest.mark.parametrize("entry", ON_CUDA, ids=lambda entry: entry.name)
def test_work_in_another_stream_gets_no_speed(entry):
    row = tried(entry, entry.passes[0], rounds=25, device="cuda")
    assert not gained(row), row
    assert row["twin_status"] == "ok"


def test_every_cheat_is_made_of_an_honest_lstm():
    assert {entry.kin.partition(":")[2] for entry in (*ENTRIES, *ON_CUDA)} <= set(dir(honest))
