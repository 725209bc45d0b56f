"""compare and guard from the command line: the answers, the exit codes, every mistake."""

import json
import subprocess

import pytest

from tests.cli.test_cli import lstm_bench

QUICK = ("--batch", "2", "--steps", "2", "--hidden", "4", "--pass", "forward")

LOOP = """
import torch
from torch import nn


class Mine(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state=None):
        h, c = state if state is not None else x.new_zeros(2, x.shape[0], self.cell.hidden_size)
        outputs = []
        for x_t in x.unbind(1):
            h, c = self.cell(x_t, (h, c))
            outputs.append(h)
        return torch.stack(outputs, 1), (h, c)
"""


@pytest.fixture
def taken_as_right(monkeypatch):
    """Neither side is judged by all checks first, which takes seconds a subject."""
    from lstm_bench.compare import session
    from lstm_bench.conformance.records import Judgement, Verdict

    def judge_each(targets, *_, **__):
        return (Judgement(target, Verdict.CONFORMS) for target in targets)

    monkeypatch.setattr(session, "judge_each", judge_each)


def git(folder, *arguments):
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True
    )


@pytest.fixture
def repository(tmp_path, monkeypatch):
    folder = tmp_path / "theirs"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "mine.py").write_text(LOOP)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    monkeypatch.chdir(folder)
    return folder


def test_compare_ends_with_a_verdict_for_every_cell(tmp_path, capsys, taken_as_right):
    out, file = tmp_path / "c", tmp_path / "c.json"
    code, text, _ = lstm_bench(
        "compare", "documented_loop", "batched_gates", *QUICK, "--out", out, "--json", file,
        capsys=capsys,
    )  # fmt: skip
    assert code in (0, 3)
    assert "batched_gates B2-T2-I4-H4 forward" in text
    (cell,) = json.loads(file.read_text())["cells"]
    assert cell["verdict"] in ("slower", "faster", "equal", "not slower", "undecided")
    assert cell["blocks"] == len((out / "blocks.jsonl").read_text().splitlines())
    resumed, _, _ = lstm_bench("compare", "--resume", out, capsys=capsys)
    assert resumed in (0, 3)


def test_what_it_will_take_is_told_first_and_a_budget_that_is_too_short_ends_undecided(
    tmp_path, capsys, taken_as_right
):
    file = tmp_path / "c.json"
    code, text, err = lstm_bench(
        "compare", "torch_nn", "batched_gates", *QUICK, "--budget", "1s", "--out", tmp_path / "c",
        "--json", file, capsys=capsys,
    )  # fmt: skip
    assert code == 3
    first, warning, *_ = err.splitlines()
    assert first.startswith("lstm-bench: about ")
    assert first.endswith(" s of checking, then no time for timing")
    assert warning.startswith("lstm-bench: warning: a budget of 1 s is too short")
    assert "1 undecided" in text
    (cell,) = json.loads(file.read_text())["cells"]
    assert (cell["verdict"], cell["blocks"], cell["ratio"]) == ("undecided", 0, None)


def test_no_ratio_with_a_wrong_one(tmp_path, capsys):
    (tmp_path / "wrong.py").write_text(LOOP.replace("outputs.append(h)", "outputs.append(2 * h)"))
    code, text, _ = lstm_bench(
        "compare", "torch.nn:LSTM", f"{tmp_path}/wrong.py:Mine", *QUICK, "--out", tmp_path / "c",
        capsys=capsys,
    )  # fmt: skip
    assert code == 4
    assert "no speed verdict: candidate" in text
    assert "is defective" in text


def test_guard_in_somebody_s_repository(repository, tmp_path, capsys, taken_as_right):
    slow = LOOP.replace("outputs.append(h)", "outputs.append(h)\n            sorted(range(20000))")
    (repository / "mine.py").write_text(slow)
    code, text, _ = lstm_bench(
        "guard", "--against", "git:HEAD", "--target", "mine.py:Mine", *QUICK,
        "--out", tmp_path / "g", capsys=capsys,
    )  # fmt: skip
    assert code == 1
    assert "REGRESSION: 1 of 1 cells are slower" in text


def test_guard_stops_at_what_is_incorrect(repository, tmp_path, capsys):
    wrong = LOOP.replace("outputs.append(h)", "outputs.append(2 * h)")
    (repository / "mine.py").write_text(wrong)
    code, text, _ = lstm_bench(
        "guard", "--against", "git:HEAD", "--target", "mine.py:Mine", *QUICK,
        "--out", tmp_path / "g", capsys=capsys,
    )  # fmt: skip
    assert code == 4
    assert "the working tree: mine.py:Mine is defective" in text


def test_a_stored_run_is_advice(tmp_path, capsys, monkeypatch):
    from lstm_bench.conformance.records import Judgement, Verdict
    from lstm_bench.measure import run

    monkeypatch.setattr(
        run, "judge_each", lambda targets, **_: (Judgement(t, Verdict.CONFORMS) for t in targets)
    )
    sizes = (*QUICK, "--impl", "torch_nn", "--rounds", "3")
    lstm_bench("run", *sizes, "--out", tmp_path / "then", capsys=capsys)
    code, text, _ = lstm_bench(
        "guard", "--against", f"run:{tmp_path / 'then'}", "--out", tmp_path / "now", capsys=capsys
    )
    assert code in (0, 3)
    assert "Advice only" in text
    again = ("--out", tmp_path / "again", "--json", "-")
    code, text, err = lstm_bench(
        "guard", "--against", f"run:{tmp_path / 'then'}", *again, capsys=capsys
    )
    assert json.loads(text)["advice"]
    assert "Advice only" in err
    header = json.loads((tmp_path / "then" / "run.json").read_text())
    (tmp_path / "then" / "run.json").write_text(json.dumps(header | {"fingerprint": "other"}))
    code, _, err = lstm_bench(
        "guard", "--against", f"run:{tmp_path / 'then'}", "--out", tmp_path / "x", capsys=capsys
    )
    assert code == 2
    assert "another machine" in err


def test_choose_ranks_and_says_what_was_left_out(tmp_path, capsys):
    (tmp_path / "wrong.py").write_text(LOOP.replace("outputs.append(h)", "outputs.append(2 * h)"))
    (tmp_path / "slow.py").write_text(
        LOOP.replace("outputs.append(h)", "outputs.append(h)\n            sorted(range(50000))")
    )
    slow, wrong = f"{tmp_path}/slow.py:Mine", f"{tmp_path}/wrong.py:Mine"
    out, file = tmp_path / "c", tmp_path / "c.json"
    code, text, err = lstm_bench(
        "choose", "--impl", f"torch.nn:LSTM,{slow},{wrong}", *QUICK,
        "--out", out, "--json", file, capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert "left out" in err
    document = json.loads(file.read_text())
    (cell,) = document["cells"]
    assert cell["verdict"] == "decided"
    assert cell["best"] == ["torch.nn:LSTM"]
    assert [p["rank"] for p in cell["ranking"]] == [1, 2]
    assert cell["ranking"][1]["ratio"] > 2
    assert all(place["milliseconds"] > 0 for place in cell["ranking"])
    (left_out,) = document["left_out"]
    assert left_out["target"] == wrong
    assert left_out["reason"].startswith("defective")
    assert {start["target"] for start in document["cold_start"]} == {"torch.nn:LSTM", slow}
    assert document["answer"].startswith("For batch 2, hidden 4, 2 steps, forward, on this machine")
    assert document["answer"] in " ".join(text.split("\n"))
    resumed, again, _ = lstm_bench("choose", "--resume", out, capsys=capsys)
    assert resumed == 0
    assert document["answer"] in again


def test_choose_of_two_one_of_which_is_wrong(tmp_path, capsys):
    (tmp_path / "wrong.py").write_text(LOOP.replace("outputs.append(h)", "outputs.append(2 * h)"))
    code, text, _ = lstm_bench(
        "choose", "--impl", f"torch.nn:LSTM,{tmp_path}/wrong.py:Mine", *QUICK,
        "--out", tmp_path / "c", capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert "torch.nn:LSTM is the only candidate that is left" in " ".join(text.split())


def test_choose_among_none_that_is_right(tmp_path, capsys):
    (tmp_path / "wrong.py").write_text(LOOP.replace("outputs.append(h)", "outputs.append(2 * h)"))
    code, text, _ = lstm_bench(
        "choose", "--impl", f"{tmp_path}/wrong.py:Mine", *QUICK, "--out", tmp_path / "c",
        capsys=capsys,
    )  # fmt: skip
    assert code == 4
    assert "left out" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["guard", "--against", "git:HEAD", "--resume", "x"], "exclude one another"),
        (["choose", "--impl", "torch_n"], "did you mean 'torch_nn'"),
        (["choose", "--preset", "tiny"], "no preset 'tiny'"),
        (["choose", "--resume", "nowhere"], "holds no choice"),
        (["choose", "--cold-cache"], "--cold-cache is for CUDA"),
        (["compare"], "name two subjects"),
        (["compare", "torch_nn", "torch_n"], "did you mean 'torch_nn'"),
        (["compare", "torch_nn", "batched_gates", "--margin", "0"], "is not between"),
        (["compare", "torch_nn", "batched_gates", "--budget", "soon"], "not a time such as"),
        (["compare", "torch_nn", "batched_gates", "--pass", "sideways"], "no pass 'sideways'"),
        (["compare", "torch_nn", "batched_gates", "--device", "cuda:9"], "is not there"),
        (["compare", "--resume", "nowhere"], "holds no comparison"),
        (["guard"], "--against needs"),
        (["guard", "--against", "git:nowhere"], "git knows no commit 'nowhere'"),
        (["guard", "--against", "run:nowhere"], "holds no run"),
        (["guard", "--against", "impl:torch_n", "--impl", "torch_nn"], "did you mean"),
        (["guard", "--against", "git:HEAD"], "name yours with --target"),
        (["guard", "--against", "git:HEAD", "--target", "no.py:X"], "no such file"),
    ],
)
def test_every_mistake_is_one_line_and_code_2(repository, capsys, arguments, words):
    code, _, err = lstm_bench(*arguments, capsys=capsys)
    assert code == 2
    assert err.startswith("lstm-bench: error: ")
    assert len(err.strip().splitlines()) == 1
    assert words in err


def test_what_is_resumed_has_the_budget_that_was_asked_for():
    from types import SimpleNamespace

    from lstm_bench.commands.decisions import budget_of
    from lstm_bench.compare.budget import TIMING_SECONDS

    def plan(budget):
        return SimpleNamespace(settings=SimpleNamespace(budget=budget))

    assert budget_of({"budget": None}, plan(30.0)) == 30.0
    assert budget_of({"budget": 60.0}, plan(30.0)) == 60.0
    assert budget_of({"budget": None}, plan(TIMING_SECONDS)) is None
