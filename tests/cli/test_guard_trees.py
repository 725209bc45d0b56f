"""guard's targets: which trees they come from, and that what is not compared is never "fine"."""

import json
from dataclasses import dataclass, field

import pytest

from lstm_bench.commands import guard
from lstm_bench.compare import trees
from lstm_bench.compare.arms import Availability, Side, State
from lstm_bench.errors import UsageError
from tests.cli.test_cli import lstm_bench
from tests.cli.test_decisions import LOOP, QUICK
from tests.compare.repositories import BEFORE, NOW, at, git, repository, written


@dataclass
class Compared:
    """What was compared with what, by a stand-in for comparing that returns a code."""

    code: int = 0
    sides: list[tuple[Side, Side]] = field(default_factory=list)

    def __call__(self, plan, options):
        self.sides.append((plan.baseline, plan.candidate))
        print("Report: somewhere")
        return self.code

    @property
    def targets(self):
        return [side.targets for side in self.sides[0]] if self.sides else None


@pytest.fixture
def compared(monkeypatch):
    monkeypatch.setattr(guard, "_decide", found := Compared())
    return found


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    """A repository with something kept, gone, new and broken since."""
    folder = repository(
        tmp_path / "theirs",
        {"mine.py": BEFORE, "gone.py": BEFORE, "old.py": BEFORE, "sub/deep.py": BEFORE,
         "was_broken.py": "1 / 0\n", "breaks.py": BEFORE},
        {"mine.py": NOW, "gone.py": None, "old.py": NOW.replace("Mine", "Renamed"), "new.py": NOW,
         "was_broken.py": NOW, "breaks.py": "import not_installed\n"},
    )  # fmt: skip
    monkeypatch.chdir(folder)
    return folder


def guarded(*targets, capsys, json_file=None):
    named = [part for target in targets for part in ("--target", target)]
    extra = [] if json_file is None else ["--json", json_file]
    return lstm_bench("guard", "--against", "git:HEAD", *named, *extra, capsys=capsys)


# -- where a target is looked for ----------------------------------------------------------------


def test_a_file_that_is_named_in_full_is_each_tree_s_own(theirs, capsys, compared):
    """The working tree's file on both sides would be "equal", whatever was done to it."""
    code, _, _ = guarded(theirs / "mine.py:Mine", capsys=capsys)
    assert code == 0
    assert compared.targets == [("mine.py:Mine",), ("mine.py:Mine",)]


def test_a_file_is_found_from_the_caller_s_folder_and_from_the_top(
    theirs, capsys, compared, monkeypatch
):
    monkeypatch.chdir(theirs / "sub")
    code, _, _ = guarded("deep.py:Mine", "../mine.py:Mine", "sub/deep.py:Mine", capsys=capsys)
    assert code == 0
    assert compared.targets[0] == ("sub/deep.py:Mine", "mine.py:Mine")


def test_the_repository_may_be_elsewhere(theirs, tmp_path, capsys, compared, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, _ = lstm_bench(
        "guard", "--against", "git:HEAD", "--repository", "theirs", "--target", "mine.py:Mine",
        "--target", "theirs/sub/deep.py:Mine", capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert compared.targets[0] == ("mine.py:Mine", "sub/deep.py:Mine")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("{outside}/other.py:Mine", "other.py lies outside of the repository"),
        ("../outside/other.py:Mine", "other.py lies outside of the repository"),
        ("torch.nn:LSTM", "module torch.nn comes from"),
        ("no.py:Mine", "no.py:Mine is in neither tree: no such file: no.py"),
        ("mine.py:Nobody", "mine.py:Nobody is in neither tree"),
        ("no_module:Mine", "no_module:Mine is in neither tree: cannot import no_module"),
        ("breaks.py:Mine", "the working tree: breaks.py:Mine: cannot import breaks.py"),
        ("was_broken.py:Mine", "HEAD (*): was_broken.py:Mine: cannot import was_broken.py"),
    ],
)
def test_a_target_that_cannot_be_compared_is_one_line_and_code_2(
    theirs, tmp_path, capsys, compared, target, words
):
    written(tmp_path / "outside", {"other.py": NOW})
    target = target.format(outside=tmp_path / "outside")
    code, _, err = guarded("mine.py:Mine", target, capsys=capsys)
    assert code == 2
    assert len(err.strip().splitlines()) == 1
    head = git(theirs, "rev-parse", "HEAD")[:9]
    assert words.replace("*", head) in err
    assert compared.sides == []


def test_a_target_that_ends_the_process_is_one_line_and_code_2(theirs, capsys, compared):
    for text in ("import os\nos._exit(0)\n", "import sys\nprint('loud')\nsys.exit()\n"):
        written(theirs, {"mine.py": text})
        code, out, err = guarded("mine.py:Mine", capsys=capsys)
        assert (code, out) == (2, "")
        assert err.startswith("lstm-bench: error: the working tree: mine.py:Mine: it")


# -- what is on one side only --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("new.py:Mine", "new.py:Mine is not in HEAD (*): no such file: new.py"),
        ("gone.py:Mine", "gone.py:Mine is not in the working tree: no such file: gone.py"),
        ("old.py:Mine", "old.py:Mine is not in the working tree: old.py:Mine: there is no "),
        ("old.py:Renamed", "old.py:Renamed is not in HEAD (*): old.py:Renamed: there is no "),
        ("gone:Mine", "gone:Mine is not in the working tree: cannot import gone: "),
    ],
)
@pytest.mark.parametrize("others", [(), ("mine.py:Mine",)], ids=["alone", "beside another"])
def test_what_was_named_and_is_on_one_side_only_is_code_3_and_the_last_line(
    theirs, capsys, compared, target, sentence, others
):
    code, out, _ = guarded(target, *others, capsys=capsys)
    head = git(theirs, "rev-parse", "HEAD")[:9]
    assert code == 3
    assert out.splitlines()[-1].startswith("Not compared: " + sentence.replace("*", head))
    assert compared.targets == ([others, others] if others else None)


@pytest.mark.parametrize(("decided", "code"), [(0, 3), (1, 1), (3, 3), (4, 4), (130, 130)])
def test_an_alarm_or_a_failure_goes_before_what_is_missing(theirs, capsys, compared, decided, code):
    compared.code = decided
    assert guarded("mine.py:Mine", "new.py:Mine", capsys=capsys)[0] == code


def test_json_is_written_where_nothing_is_compared(theirs, tmp_path, capsys, compared):
    code, out, err = guarded("new.py:Mine", capsys=capsys, json_file="-")
    document = json.loads(out)
    assert code == 3
    assert document["cells"] == []
    assert document["missing"][0].startswith("new.py:Mine is not in HEAD")
    assert err.splitlines()[-1].startswith("Not compared: ")


def test_what_was_not_named_and_is_new_or_gone_is_said_and_fine(
    theirs, capsys, compared, monkeypatch
):
    registered = {"a": ("mine.py:Mine", "new.py:Mine"), "b": ("mine.py:Mine", "gone.py:Mine")}
    names = dict(zip(registered, registered.values(), strict=True))
    monkeypatch.setattr(guard, "_registered", lambda tree: names[tree.name])
    code, out, _ = guarded(capsys=capsys)
    assert code == 0
    assert "new.py:Mine is not in HEAD" in out.splitlines()[-1]
    assert "gone.py:Mine is not in the working tree" in out.splitlines()[-1]
    assert compared.targets == [("mine.py:Mine",), ("mine.py:Mine",)]


def test_what_this_machine_cannot_run_stops_guard_only_if_it_was_named(monkeypatch):
    away = Availability(State.UNAVAILABLE, "no GPU")
    monkeypatch.setattr(guard, "_state", lambda *_: away)
    sides = Side("before", ("fast",)), Side("now", ("fast",))
    assert guard._in_both(*sides, named=False) == ((), ["fast is not in now: no GPU"])
    with pytest.raises(UsageError, match="no GPU"):
        guard._in_both(*sides, named=True)


def test_a_reference_must_be_there_too(theirs, capsys, compared):
    code, _, err = lstm_bench(
        "guard", "--against", "impl:torch_nn", "--target", "no.py:Mine", capsys=capsys
    )
    assert code == 2
    assert "no.py:Mine: no such file" in err
    assert compared.sides == []


# -- whole runs ----------------------------------------------------------------------------------


def test_a_slowdown_is_seen_through_every_way_to_the_working_tree(tmp_path, capsys, monkeypatch):
    """A file in full, of a package with relative imports, with the working tree on the path."""
    from lstm_bench.compare import session
    from lstm_bench.conformance.records import Judgement, Verdict

    monkeypatch.setattr(
        session, "judge_each",
        lambda targets, *_, **__: (Judgement(t, Verdict.CONFORMS) for t in targets),
    )  # fmt: skip
    slow = "outputs.append(h)\n            sorted(range(20000))"
    files = {"python/impls/__init__.py": "", "python/impls/layers.py": LOOP}
    folder = repository(
        tmp_path / "r", files | {"python/impls/mine.py": "from .layers import Mine\n"},
        {"python/impls/layers.py": LOOP.replace("outputs.append(h)", slow)},
    )  # fmt: skip
    monkeypatch.syspath_prepend(str(folder / "python"))
    monkeypatch.chdir(tmp_path)
    code, text, _ = lstm_bench(
        "guard", "--against", "git:HEAD", "--repository", "r", *QUICK, "--budget", "60s",
        "--target", f"{folder}/python/impls/mine.py:Mine", "--out", tmp_path / "g", capsys=capsys,
    )  # fmt: skip
    assert code == 1, text
    assert "REGRESSION: 1 of 1 cells" in text


def test_keys_tell_sides_trees_and_targets_apart():
    sides = [
        Side("before", ("a", "b"), "/t/a"), Side("now", ("a", "b"), "/t/a"),
        Side("before", ("a", "b"), "/t/b"), Side("before", ("a", "b")),
    ]  # fmt: skip
    keys = [side.key(number) for side in sides for number in (0, 1)]
    assert len(set(keys)) == len(keys)
    assert at("/", sides[0].key, 0) == keys[0]


def test_trees_are_gone_when_guard_ends(theirs, tmp_path, capsys, compared, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    for target in ("mine.py:Mine", "no.py:Mine", "new.py:Mine"):
        guarded(target, capsys=capsys)
        assert list((tmp_path / "temporary").iterdir()) == []
    assert trees.top(theirs) == theirs
