"""Summaries on data whose answer is known."""

import io
import json
import math

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy.stats import binom

from lstm_bench.errors import UsageError
from lstm_bench.measure.workloads import Workload
from lstm_bench.report.frame import cells_from_pytest_benchmark, samples_frame
from lstm_bench.report.kinds.run import answer, document_of_cells
from lstm_bench.report.markdown import markdown
from lstm_bench.report.summary import COLUMNS, median_interval, summarise
from lstm_bench.report.tables import cells_of, number, reasons, terminal_tables
from lstm_bench.report.write import write

WORKLOAD = Workload(2, 3, 5, 7)


def cell(subject, seconds, *, error="", pass_name="forward"):
    return {
        "subject": subject,
        "workload": WORKLOAD.name,
        **vars(WORKLOAD),
        "pass": pass_name,
        "device": "cpu",
        "dtype": "float32",
        "flops": 2_000_000,
        "agrees": not error,
        "error": error,
        "samples": [
            {"seconds": s, "inner": 1, "round": k, "place": 0} for k, s in enumerate(seconds)
        ],
        "peak_bytes": 3 * 2**20,
    }


DRIFT = [1.0, 1.2, 1.5, 2.0, 2.6]
CELLS = [
    cell("slow", [0.003 * d for d in DRIFT]),
    cell("torch_nn", [0.001 * d for d in DRIFT]),
    cell("wrong", [], error="y at [0]: got 1, expected 2"),
]


def test_one_row_a_cell_with_the_documented_columns():
    summary = summarise(CELLS)
    assert list(summary.columns) == COLUMNS
    assert list(summary["subject"]) == ["slow", "torch_nn", "wrong"]


def test_the_ratio_is_taken_within_rounds_so_drift_does_not_show():
    slow = summarise(CELLS).iloc[0]
    assert slow["median_ms"] == pytest.approx(4.5)
    assert slow["ratio"] == pytest.approx(3.0)
    assert slow["ratio_low"] == pytest.approx(3.0)
    assert slow["spread"] > 0.2


def test_arithmetic_per_second_and_memory():
    baseline = summarise(CELLS).iloc[1]
    assert baseline["gflops"] == pytest.approx(2e6 / 1.5e-3 / 1e9)
    assert baseline["peak_mib"] == 3


def test_a_wrong_one_has_a_reason_and_no_speed():
    wrong = summarise(CELLS).iloc[2]
    assert wrong["status"] == "incorrect: y at [0]: got 1, expected 2"
    assert math.isnan(wrong["median_ms"])


@pytest.mark.parametrize("n", [5, 6, 10, 30])
def test_the_interval_of_a_median_covers_it_as_often_as_it_says(n):
    """By order statistics: P(low ≤ median ≤ high) ≥ 95 %, where n allows it."""
    low, high = median_interval(np.arange(1.0, n + 1))
    k = int(low)
    assert high == n + 1 - k
    coverage = 1 - 2 * binom.cdf(k - 1, n, 0.5)
    assert coverage >= 0.95 or k == 1
    assert 1 - 2 * binom.cdf(k, n, 0.5) < 0.95  # and no wider than it must be


def test_numbers_have_significant_digits_and_no_exponent():
    assert number(0.00001234, 3) == "0.000012"
    assert number(1234.5678, 4) == "1235"
    assert number(1.5, 3) == "1.50"
    assert number(float("nan"), 3) == "–"
    assert number(None, 3) == "–"
    assert number(0, 3) == "0"


def test_tables_fit_eighty_columns_and_say_everything():
    cells = [dict(c, subject=c["subject"] + "_implementation"[:10]) for c in CELLS[:2]] + CELLS[1:]
    console = Console(width=80, record=True, file=io.StringIO())
    for table in terminal_tables(summarise(cells)):
        console.print(table)
    text = console.export_text()
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "forward" in text
    assert "incorrect" in text
    assert "3.00 [3.00, 3.00]" in text


def test_markdown_has_a_row_a_cell():
    lines = markdown(document_of_cells(CELLS, {})).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 2 + len(CELLS)
    assert "3.00 [3.00, 3.00]" in rows[2]
    assert "- wrong on" in "\n".join(lines)


def test_markdown_of_many_cells_stays_short():
    many = document_of_cells([c | {"workload": f"W{n}"} for n in range(60) for c in CELLS], {})
    text = markdown(many)
    assert "… and 20 more rows." in text
    assert len(text) < 65536  # what a comment on GitHub may hold


def test_the_answer_names_who_is_fastest_and_who_is_wrong():
    text = answer(summarise(CELLS))
    assert text == (
        "For batch 2, hidden 7, 3 steps, forward, on this machine: torch_nn has the lowest median, "
        "3.00× the speed of slow. Without a speed, because incorrect: wrong. "
        "At 95 % each, 1 of 1 ratios to torch_nn are decided."
    )
    assert "Nothing was timed" in answer(summarise(CELLS[2:]))


def test_the_reason_is_told_once_whatever_the_number_of_cells():
    wrong = [cell("path/to/a.py:Wrong", [], error="y is off", pass_name=p) for p in ("a", "b")]
    assert reasons(summarise(wrong)) == [f"a.py:Wrong on {WORKLOAD.name}, a: incorrect: y is off"]


def test_extreme_numbers_still_fit_the_table():
    cells = [cell("documented_loop", [0.00123456] * 5), cell("torch_nn", [0.1234567] * 5)]
    console = Console(width=80, record=True, file=io.StringIO())
    for table in terminal_tables(summarise(cells)):
        console.print(table)
    text = console.export_text()
    assert "documented_loop " in text
    assert "…" not in text


def test_one_that_failed_is_not_called_incorrect():
    failed = cell("late", []) | {"error": "RuntimeError: out of memory"}
    summary = summarise([*CELLS, failed])
    assert summary.iloc[3]["status"] == "failed: RuntimeError: out of memory"
    assert "because incorrect: wrong. Without a speed, because failed: late." in answer(summary)


def test_no_ratio_between_things_that_do_not_do_the_same_work():
    """One with an output layer, one without: each has its time, and the reader is told."""
    without = cell("bare", [0.0001] * 5) | {"head": False}
    summary = summarise([without, CELLS[1]])
    assert math.isnan(summary.iloc[0]["ratio"])
    assert summary.iloc[0]["median_ms"] > 0
    said = answer(summary)
    assert "No ratio for bare" in said
    assert "bare has the lowest median in 2" not in said


def test_the_answer_says_when_the_baseline_is_missing_or_the_run_incomplete():
    assert "No ratios: torch_nn was not timed" in answer(summarise(CELLS[:1]))
    assert answer(summarise(CELLS), expected=3).endswith("are decided.")
    assert answer(summarise(CELLS), expected=8).endswith("3 of 8 measurements are done.")


def test_all_summaries_are_written_and_can_be_read_back(tmp_path):
    write(document_of_cells(CELLS, {"machine": {"cpu": "x"}}), tmp_path)
    assert len(pd.read_csv(tmp_path / "summary.csv")) == 3
    document = json.loads((tmp_path / "summary.json").read_text())
    assert document["cells"][0]["ratio"] == pytest.approx(3.0)
    assert document["cells"][2]["median_ms"] is None
    assert "torch_nn has the lowest median" in (tmp_path / "summary.md").read_text()
    assert (tmp_path / "report.html").read_text().lstrip().startswith("<!doctype html>")


def test_samples_are_one_row_each():
    frame = samples_frame(CELLS)
    assert len(frame) == 10
    assert {"subject", "round", "seconds", "inner"} <= set(frame.columns)


def test_without_the_baseline_there_is_no_ratio_and_the_rest_stands():
    row = summarise(CELLS[:1]).to_dict("records")[0]
    assert cells_of(row)[3] == "–"
    assert row["median_ms"] > 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        ("not json", "not a pytest-benchmark JSON"),
        ("[]", "not a pytest-benchmark JSON"),
        ('{"benchmarks": []}', "holds no benchmarks"),
        ('{"benchmarks": [{"name": "n", "extra_info": {}}]}', "stats is missing"),
    ],
)
def test_a_json_that_is_none_of_ours_is_told_so(tmp_path, content, message):
    file = tmp_path / "x.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError, match=message):
        cells_from_pytest_benchmark(file)


# -- the answer over all cells -------------------------------------------------------------------


def timed(workload, **seconds):
    """A cell of each implementation; None for one that is incorrect."""
    return [
        cell(name, [value] * 5 if value else [], error="" if value else "y is off")
        | {"workload": workload}
        for name, value in seconds.items()
    ]


@pytest.mark.parametrize(
    ("groups", "cells", "said"),
    [
        (
            [{"torch_nn": 1.0, "b": 2.0}] * 3 + [{"torch_nn": 2.0, "b": 1.0}],
            None,
            "torch_nn has the lowest median in 3 of 4 cells, b in 1.",
        ),
        (
            [{"torch_nn": 1.0, "b": 2.0}] * 2 + [{"torch_nn": 1.0, "b": None}] + [{"b": None}],
            8,
            "torch_nn has the lowest median in 2 of 8 cells; the others: only torch_nn was timed "
            "in 1, 5 without a time.",
        ),
        ([{"torch_nn": 1.0}] * 2, 2, "Of 2 cells, only torch_nn was timed in 2."),
        ([{"torch_nn": None}] * 2, 2, "Nothing was timed."),
        ([{"torch_nn": 1.0, "b": 2.0}], 4, "torch_nn has the lowest median in 1 of 4 cells; the "
         "others: 3 without a time."),
    ],
)  # fmt: skip
def test_the_lowest_medians_are_counted_over_all_cells(groups, cells, said):
    rows = [row for n, group in enumerate(groups) for row in timed(f"W{n}", **group)]
    assert answer(summarise(rows), cells=cells).startswith(said)
