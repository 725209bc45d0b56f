"""Documents and pages of every kind, from folders whose answer is known."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from lstm_bench.cli import COMMANDS
from lstm_bench.errors import UsageError
from lstm_bench.measure.workloads import PASSES, Workload, grid
from lstm_bench.report.document import word_class
from lstm_bench.report.figures.decisions import outliers
from lstm_bench.report.figures.run import slope
from lstm_bench.report.figures.svg import unique_ids
from lstm_bench.report.kinds.run import document_of_cells, roof_frame
from lstm_bench.report.page import page
from lstm_bench.report.several import change_point, several_document
from lstm_bench.report.summary import summarise
from lstm_bench.report.write import FORMATS, document_of, write
from tests.cli.test_cli import lstm_bench
from tests.report.folders import (
    choice_folder,
    comparison_folder,
    every_kind,
    matrix_folder,
    run_cells,
    run_folder,
)

KINDS = ("run", "comparison", "choice", "check", "matrix", "proof")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Kind → (its folder, the page)."""
    folder = tmp_path_factory.mktemp("kinds")
    return {kind: (path, page(document_of(path))) for kind, path in every_kind(folder).items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_one_file_that_refers_to_nothing_outside(pages, kind):
    text = pages[kind][1]
    addresses = re.findall(r"""(?:src|href)=["']([^"']+)""", text)
    assert addresses
    assert all(a.startswith(("#", "data:")) for a in addresses)
    assert "@import" not in text
    assert "url(http" not in text
    assert len(text) < 2_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_what_strangers_wrote_is_text_and_no_markup(pages, kind):
    text = pages[kind][1]
    assert not re.search(r"<(fast|off|three|not)>", text)


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_has_a_title_a_description_and_names_of_its_own(pages, kind):
    text = pages[kind][1]
    figures = re.findall(r"<svg.*?</svg>", text, flags=re.S)
    for figure in figures:
        assert re.search(r"<title>[^<]+</title><desc>[^<]+</desc>", figure)
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert bool(figures) == (kind in ("run", "comparison", "choice", "proof"))


def test_the_answer_of_each_kind(pages):
    said = {kind: document_of(path).answer for kind, (path, _) in pages.items()}
    assert said["run"].startswith("torch_nn has the lowest median in 24 of 24 cells.")
    assert "because incorrect: documented_loop" in said["run"]
    assert said["comparison"].startswith(
        "The working tree against main: Of 4 cells, 3 are decided: 1 slower, 1 faster, 1 equal "
        "within 5%; sure at 99%. The others: 1 undecided. The most: 0.80 times the time"
    )
    assert said["choice"].endswith("sure at 99%.")
    assert said["check"] == (
        "Conforms: documented_loop, batched_gates, torch_nn. Defective: wrong.py:Wrong."
    )
    assert said["proof"].startswith(
        "Identical code: 0 alarms in 100 replayed runs (at 95 % fewer than 3.0%); one cell of 24 "
        "slower by 5 %: caught in 100%"
    )
    assert said["proof"].endswith("caught in 1 of 1 runs, a comment raised an alarm in 0 of 1.")
    assert said["matrix"].startswith("Of 10 planted defects, 90% got the right verdict and 90%")


def test_the_run_has_every_section(pages):
    titles = [section.title for section in document_of(pages["run"][0]).sections]
    assert titles == [
        "Every cell",
        "Speed-up over torch_nn",
        "How sure the ratios are",
        "How time grows with size",
        "Forward, training forward, backward, step",
        "Memory",
        "Cold start",
        "Share of the machine's limit",
        "Are they right?",
    ]


def test_titles_say_what_the_figures_show(pages):
    document = document_of(pages["run"][0])
    titles = [f.title for section in document.sections for f in section.figures]
    assert "Nothing is faster than torch_nn: at best 0.50× its speed" in titles[0]
    assert "0 of 47 are faster, 47 slower, 0 undecided" in titles[1]
    assert any("grows least with the batch size" in title for title in titles)


def test_the_first_table_of_a_grid_says_who_leads_where():
    sizes = grid((1, 8), (4,), (32,))
    cells = run_cells(sizes, subjects=("torch_nn", "documented_loop"))
    document = document_of_cells(cells, {})
    assert document.verdicts.head == ("workload", *PASSES)
    assert {row[1:] for row in document.verdicts.rows} == {("torch_nn",) * len(PASSES)}
    for cell in cells:  # the same samples for both, but for one round either way
        if cell["subject"] == "torch_nn" and cell["pass"] == "forward":
            torch_nn = cell["samples"]
        elif cell["pass"] == "forward":
            wobbles = (0.98, 1.03) * (len(torch_nn) // 2)
            cell["samples"] = [
                s | {"seconds": s["seconds"] * by} for s, by in zip(torch_nn, wobbles, strict=True)
            ]
    rows = document_of_cells(cells, {}).verdicts.rows
    assert {frozenset(row[1].split(" or ")) for row in rows} == {
        frozenset({"torch_nn", "documented_loop"})
    }
    assert document_of_cells(cells[:8], {}).verdicts.head[1] == "pass", "one workload: every cell"


def test_every_verdict_is_a_word(pages):
    every = document_of(pages["run"][0]).sections[0]
    assert every.title == "Every cell"
    rows = every.tables[0].rows
    assert {row[3] for row in rows} == {"baseline", "slower", "incorrect"}
    assert word_class("slower") == "bad"
    assert word_class("undecided (too noisy)") == "open"
    assert word_class("warning: a long sentence") == ""


def test_a_slope_is_the_exponent():
    x = np.array([1.0, 2.0, 8.0])
    assert slope(x, 3 * x**1.5) == pytest.approx(1.5)


def test_the_roof_is_the_lower_of_two(tmp_path):
    summary = summarise(run_cells(_one_workload(), passes=("forward",)))
    high = roof_frame(summary, {"gflops": 50.0, "gbytes": 1e9}).iloc[0]
    low = roof_frame(summary, {"gflops": 1e9, "gbytes": 10.0}).iloc[0]
    assert high["roof"] == 50.0
    assert low["roof"] == pytest.approx(10.0 * low["intensity"])
    assert high["share"] == pytest.approx(high["gflops"] / 50.0)
    flops = 2 * 4 * 2 * 4 * 7 * (5 + 7)
    moved = 4 * (2 * 4 * (5 + 7) + 4 * 7 * (5 + 7 + 1) + 2 * 2 * 7)
    assert low["intensity"] == pytest.approx(flops / moved)


def _one_workload():

    return [Workload(2, 4, 5, 7, head=False)]


def test_outliers_are_those_far_off():
    assert outliers([0.0, 0.01, -0.01, 0.005, 0.3, -0.005]) == [4]
    assert outliers([0.0, 0.5]) == []


def test_a_comparison_that_goes_on_is_told_so(tmp_path):
    document = document_of(comparison_folder(tmp_path, decided=False))
    assert document.answer == "Not decided yet: 12 blocks so far."
    assert {row[1] for row in document.verdicts.rows} == {"undecided"}
    assert page(document)


def test_a_run_that_goes_on_is_told_so(tmp_path):
    folder = run_folder(tmp_path)
    lines = (folder / "cells.jsonl").read_text().splitlines()
    (folder / "cells.jsonl").write_text("\n".join(lines[:30]) + '\n{"half a li')
    assert document_of(folder).answer.endswith("So far 30 of 72 measurements are done.")
    (folder / "cells.jsonl").write_text("")
    assert document_of(folder).answer.startswith("Nothing was timed.")
    assert page(document_of(folder))


def test_an_old_run_without_peaks_says_unmeasured(tmp_path):
    folder = run_folder(tmp_path)
    (folder / "peaks.json").unlink()
    (folder / "checks.json").unlink()
    assert "Unmeasured: this run holds no peaks" in page(document_of(folder))


def test_two_hundred_cells_make_a_page_of_less_than_two_megabytes(tmp_path):
    from lstm_bench.measure.workloads import grid

    folder = run_folder(tmp_path, grid((1, 2, 4, 8, 16), (4, 8, 16), (32, 64)))
    assert len((folder / "cells.jsonl").read_text().splitlines()) == 360
    assert len(page(document_of(folder))) < 2_000_000


def test_names_inside_of_a_figure_are_its_own():
    svg = '<g id="a"><use href="#a"/><path clip-path="url(#b)"/></g><clipPath id="b"/>'
    assert unique_ids(svg, "f1-") == (
        '<g id="f1-a"><use href="#f1-a"/><path clip-path="url(#f1-b)"/></g><clipPath id="f1-b"/>'
    )


# -- several runs --------------------------------------------------------------------------------


def test_runs_of_one_machine_stand_side_by_side_with_their_steps(tmp_path):
    factors = (1.0, 1.02, 0.98, 1.5, 1.52, 1.48)
    runs = [
        run_folder(tmp_path / f"r{n}", _one_workload(), factor=factor)
        for n, factor in enumerate(factors)
    ]
    document = several_document(runs)
    assert "6 runs of one machine" in document.answer
    assert "Since r3, 12 of 12 times have changed, 1.5" in document.answer
    assert document.answer.endswith("that points to the machine, not to the code.")
    assert len(document.data["changes"]) == 12
    assert [s.title for s in document.sections] == [
        "Ratios to torch_nn, run by run",
        "Times, run by run",
    ]
    assert page(document)


def test_one_implementation_that_changed_is_named(tmp_path):
    runs = [run_folder(tmp_path / f"r{n}", _one_workload()) for n in range(6)]
    for run in runs[3:]:
        cells = [json.loads(line) for line in (run / "cells.jsonl").read_text().splitlines()]
        for cell in cells:
            if cell["subject"] == "batched_gates" and cell["pass"] == "forward":
                for sample in cell["samples"]:
                    sample["seconds"] *= 1.3
        (run / "cells.jsonl").write_text("".join(json.dumps(c) + "\n" for c in cells))
    found = {(c["cell"], c["of"], c["since"]) for c in several_document(runs).data["changes"]}
    cell = f"batched_gates {_one_workload()[0].name} forward"
    assert found == {(cell, "median_ms", "r3"), (cell, "ratio", "r3")}
    assert f"changed: {cell}: 1.30 times since r3." in several_document(runs).answer
    two = several_document([runs[0], runs[5]])
    assert "Of 8 ratios to torch_nn, 1 lie apart." in two.answer
    assert two.sections[0].title == "Before and after"
    assert [row[:3] for row in two.sections[0].tables[0].rows if row[-1] == "apart"] == [
        tuple(cell.split())
    ]
    assert page(two)


def test_times_of_different_machines_are_not_compared(tmp_path):
    runs = [
        run_folder(tmp_path / "here", _one_workload()),
        run_folder(tmp_path / "there", _one_workload(), fingerprint="other", factor=3.0),
    ]
    document = several_document(runs)
    assert "not comparable and are not compared" in document.answer
    assert [s.title for s in document.sections] == [
        "Before and after",
        "Ratios to torch_nn, run by run",
    ]
    assert not any("ms" in heading for heading in document.sections[0].tables[0].head)


def test_a_step_is_marked_where_there_is_one():
    noise = np.array([1.0, 1.03, 0.97, 1.02, 0.99])
    assert change_point(np.concatenate([noise, 1.6 * noise])) == 5
    assert change_point(np.concatenate([noise, noise])) is None
    assert change_point(np.concatenate([noise, 1.05 * noise])) is None
    assert change_point(np.array([1.0, 2.0])) is None


# -- the command ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_writes_all_formats(tmp_path, capsys, kind):
    source = every_kind(tmp_path)[kind]
    code, text, _ = lstm_bench("report", source, "--out", tmp_path / "out", capsys=capsys)
    assert code == 0
    assert {p.name for p in (tmp_path / "out").iterdir()} == set(FORMATS.values())
    json.loads((tmp_path / "out" / "summary.json").read_text())
    assert len(pd.read_csv(tmp_path / "out" / "summary.csv")) > 0
    assert "report.html" in text


def test_one_format_alone(tmp_path, capsys):
    code, _, _ = lstm_bench(
        "report", choice_folder(tmp_path / "c"), "--format", "md", "--out", tmp_path / "o",
        capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert [p.name for p in (tmp_path / "o").iterdir()] == ["summary.md"]


def _broken(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("make", "arguments", "words"),
    [
        (lambda p: p / "nowhere", (), "no such folder or file"),
        (lambda p: p, (), "holds none of run.json"),
        (lambda p: _broken(p, "{"), (), "run.json is damaged: no JSON"),
        (lambda p: _broken(p, '{"format": "other"}'), (), "of no form that this version knows"),
        (
            lambda p: _broken(p, '{"format": "lstm-bench run 1", "plan": 3}'),
            (),
            "machine is missing",
        ),
        (lambda p: matrix_folder(p), ("--format", "pdf"), "no format 'pdf'"),
        (lambda p: matrix_folder(p), ("--format", "md", "--open"), "--open needs"),
    ],
)
def test_every_mistake_is_one_line_and_code_2(tmp_path, capsys, make, arguments, words):
    code, _, err = lstm_bench(
        "report", make(tmp_path), "--out", tmp_path / "out", *arguments, capsys=capsys
    )
    assert code == 2
    assert len(err.strip().splitlines()) == 1
    assert words in err


def test_several_need_a_folder_and_must_be_runs(tmp_path, capsys):
    a, b = run_folder(tmp_path / "a", _one_workload()), choice_folder(tmp_path / "b")
    code, _, err = lstm_bench("report", a, a, capsys=capsys)
    assert (code, "--out DIR" in err) == (2, True)
    code, _, err = lstm_bench("report", a, b, "--out", tmp_path / "o", capsys=capsys)
    assert (code, "only runs go side by side" in err) == (2, True)
    code, _, _ = lstm_bench("report", a, a, "--out", tmp_path / "o", capsys=capsys)
    assert code == 0


def test_the_command_is_in_the_table():
    assert "report" in COMMANDS


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        write(document_of(choice_folder(tmp_path / "c")), tmp_path / "file" / "x")
