"""What a machine can tell: judged on blocks whose noise is known, and kept for the others."""

import json
from dataclasses import replace

import numpy as np
import pytest

from lstm_bench.commands.calibrate import answer
from lstm_bench.compare import calibration
from lstm_bench.compare.calibration import (
    CELLS,
    EFFECTS,
    LEAST_BLOCKS,
    Profile,
    Way,
    assess,
    calibrate,
)
from lstm_bench.compare.simulate import SimulatedMachine

WAY = Way(1, "cpu", True, 0.002)


def blocks(spread, n=40, seed=0):
    random = np.random.default_rng(seed)
    return [dict(enumerate(random.normal(0, spread, len(CELLS)))) for _ in range(n)]


def test_a_quiet_machine_tells_small_effects_and_a_noisy_one_none():
    tells = [assess(WAY, blocks(spread), [1.0] * 40).tells for spread in (0.004, 0.03, 0.8)]
    assert tells[0] <= 0.03
    assert tells[0] < tells[1] < max(EFFECTS)
    assert tells[2] is None


def test_blocks_that_take_long_tell_less():
    quick, slow = (assess(WAY, blocks(0.02), [s] * 40).tells for s in (0.5, 8.0))
    assert slow is None or quick < slow


def test_the_noise_is_that_of_the_blocks():
    found = assess(WAY, blocks(0.02, 200), [1.0] * 200)
    assert found.spread == pytest.approx(0.02, rel=0.1)
    assert found.tail == pytest.approx(0.0392, rel=0.15)
    assert found.block_seconds == pytest.approx(3.0)


@pytest.fixture
def simulated(monkeypatch):
    """The machine's noise depends on the way: with the wall clock it is ten times larger."""

    class Arena(SimulatedMachine):
        def __init__(self, sides, cells, conditions):
            noise = 0.005 if conditions.clock == "cpu" else 0.05
            super().__init__(
                dict.fromkeys(range(len(cells)), 0.0), spread=noise, seed=conditions.seed
            )
            self.known = {}

        def find(self):
            pass

    monkeypatch.setattr(calibration, "Arena", Arena)


def test_the_best_way_comes_first_and_is_kept_for_this_machine(simulated, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert calibration.load() is None
    profile = calibrate("cpu", 60.0)
    assert profile.best.clock == "cpu"
    assert profile.tells(0.05)
    assert {way.name for way in profile.ways} == {w.name for w in calibration.ways("cpu", 2)[:5]}
    assert len(profile.noise) == len(CELLS)
    calibration.save(profile, calibration.path_of())
    assert calibration.load() == profile


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "lstm-bench machine 1"}'])
def test_a_profile_that_cannot_be_read_is_none(monkeypatch, tmp_path, text):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = calibration.path_of()
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert calibration.load() is None


def profile(**best):
    way = Way(1, "wall", True, 0.01, blocks=20, spread=0.1, tail=0.3, block_seconds=5.0, **best)
    return Profile((way,), {}, calibration.key(), "2031-05-01T00:00:00+00:00")


def test_conditions_are_those_that_were_found_best_and_out_of_reach_is_told(
    monkeypatch, tmp_path, capsys
):
    from lstm_bench.commands.decisions import conditions

    options = {
        "dtype": "float32", "device": "cpu", "threads": 1, "clock": None, "margin": 0.05,
        "cold_cache": False, "seed": 0,
    }  # fmt: skip
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert conditions(options).clock == "cpu"
    assert capsys.readouterr().err == ""
    calibration.save(profile(tells=0.2), calibration.path_of())
    found = conditions(options)
    assert (found.clock, found.batch_seconds) == ("wall", 0.01)
    assert "could tell no less than 20.0%" in capsys.readouterr().err
    assert conditions(options | {"clock": "cpu"}).clock == "cpu"
    assert conditions(options | {"threads": 2}).batch_seconds != 0.01


def test_an_unfit_machine_is_called_so():
    assert answer(profile(tells=None), 0.05).startswith("UNFIT: in no setting")
    assert answer(profile(tells=0.2), 0.05).startswith("UNFIT for differences of 5.0%")
    assert answer(profile(tells=0.05), 0.05).startswith("With 1 thread, pinned, wall clock")
    assert answer(profile(tells=0.05), 0.05).endswith("(replayed from 20 blocks).")


@pytest.mark.parametrize("n", range(LEAST_BLOCKS))
def test_too_few_blocks_promise_nothing(n):
    found = assess(WAY, blocks(0.004, n or 1), [1.0])
    assert (found.tells, found.known) == (None, False)
    said = answer(replace(profile(), ways=(found,)), 0.05)
    assert said.startswith("Nothing can be promised: the best-known setting has ")
    assert "slowdown" not in said
    assert not replace(profile(), ways=(found,)).tells(0.5)
    assert replace(profile(), ways=(found,)).way_for(1) is None


def test_blocks_that_are_enough_promise_something_and_say_on_what():
    found = assess(WAY, blocks(0.004, LEAST_BLOCKS), [1.0] * LEAST_BLOCKS)
    assert found.known
    assert f"(replayed from {LEAST_BLOCKS} blocks)" in answer(replace(profile(), ways=(found,)), 1)


def test_what_is_unknown_is_never_the_best(simulated, monkeypatch):
    """A way that is too slow gets two blocks, which happen to look well."""
    monkeypatch.setattr(calibration, "HOPELESS_SECONDS", 0.0)
    profile = calibrate("cpu", 60.0)
    assert not any(way.known for way in profile.ways)
    assert answer(profile, 0.05).startswith("Nothing can be promised")


def test_the_command_writes_the_profile_and_its_exit_code_is_the_answer(
    simulated, monkeypatch, tmp_path, capsys
):
    from tests.cli.test_cli import lstm_bench

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    code, text, _ = lstm_bench("calibrate", "--budget", "20s", "--json", "-", capsys=capsys)
    assert code == 0
    found = json.loads(text)
    assert found["format"] == calibration.FORMAT
    assert calibration.load().best.name == found["ways"][0]["name"]
    code, _, _ = lstm_bench("calibrate", "--budget", "20s", "--margin", "0.2%", capsys=capsys)
    assert code == 3
