"""Results compared as they come: every entry counts, and none too much."""

from functools import partial

import pytest
import torch

from lstm_bench.measure.exam import Asked, Exam
from lstm_bench.measure.layout import in_one_row
from lstm_bench.measure.sheet import Layout, Sheet
from lstm_bench.measure.workloads import Workload
from tests.measure.test_exam import ASKED, right

SIZES = Workload(5, 4, 3, 2)
ORDER = torch.tensor([3, 0, 4, 1, 2])


def parts_of(exam, asked):
    return tuple((n, tuple(t.shape)) for n, t in exam.answer(0, asked).items())


def layouts(parts):
    """As they are, in any order, with entries of nobody's, and with axes exchanged."""
    count = sum(torch.Size(shape).numel() for _, shape in parts)
    some = torch.randperm(count, generator=torch.Generator().manual_seed(1))
    yield Layout(parts, count)
    yield Layout(parts, count, some)
    yield Layout(parts, count + 7, some + 3)
    yield Layout(parts, count, torch.cat([exchanged(p) for p in pieces(parts, count)]))


def pieces(parts, count):
    """Where each part lies, in its shape."""
    sizes = [torch.Size(shape).numel() for _, shape in parts]
    return [p.view(s) for p, (_, s) in zip(torch.arange(count).split(sizes), parts, strict=True)]


def exchanged(places):
    """The last two axes change places."""
    if places.dim() == 1:
        return places
    return places.reshape(*places.shape[:-2], *places.shape[:-3:-1]).mT.flatten()


def test_what_lies_regularly_is_compared_where_it_lies():
    """By index only where nothing is regular."""
    exam, asked = Exam.draw(SIZES, 2, True, torch.float32), Asked(True)
    *_, by_index, _, regular = map(partial(Sheet, exam, asked), layouts(parts_of(exam, asked)))
    assert all(piece.index is None for piece in regular._pieces)
    assert any(piece.index is not None for piece in by_index._pieces)


def as_it_comes(layout, named):
    row = torch.full((layout.count,), float("nan"))
    canonical = in_one_row(named.values()).float()
    row[slice(None) if layout.places is None else layout.places] = canonical
    return row


@pytest.mark.parametrize("asked", ASKED)
def test_right_answers_are_right_in_any_order_and_layout_and_any_entry_counts(asked):
    exam = Exam.draw(SIZES, 2, True, torch.float32)
    for layout in layouts(parts_of(exam, asked)):
        sheet = Sheet(exam, asked, layout)
        for number in (1, 0, 1):
            row = as_it_comes(layout, right(exam, number, asked, ORDER))
            assert sheet.right(number, ORDER, row)
            assert not sheet.right(number, ORDER.flip(0), row)
            assert not sheet.right(1 - number, ORDER, row)
            assert sheet.right(number, ORDER, row)  # nothing of the others is left behind
        for entry in range(0, len(row), 7):
            if not row[entry].isnan():
                for wrong in (row[entry] + 0.5, torch.tensor(float("nan")), float("inf")):
                    other = row.clone()
                    other[entry] = wrong
                    assert not sheet.right(number, ORDER, other)


def test_each_part_has_a_limit_of_its_own():
    """A mistake that would drown in the largest part counts in the smallest."""
    exam, asked = Exam.draw(SIZES, 2, True, torch.float32), Asked(True)
    layout = Layout(parts_of(exam, asked), sum(t.numel() for t in exam.answer(0, asked).values()))
    sheet = Sheet(exam, asked, layout)
    for name in exam.answer(0, asked):
        for times, allowed in ((0.5, True), (2, False)):
            named = right(exam, 0, asked)
            named[name] = named[name].clone()
            named[name].view(-1)[-1] += times * exam.limit() * named[name].abs().max()
            row = as_it_comes(layout, named)
            assert sheet.right(0, torch.arange(5), row) == allowed, name


def test_a_part_that_is_zero_must_be_zero():
    exam, asked = Exam.draw(SIZES, None, False, torch.float32), Asked(False)
    for part in exam.answer(0, asked).values():
        part.zero_()
    layout = Layout(parts_of(exam, asked), sum(t.numel() for t in exam.answer(0, asked).values()))
    row = torch.zeros(layout.count)
    sheet = Sheet(exam, asked, layout)
    assert sheet.right(0, torch.arange(5), row)
    row[3] = 1e-20
    assert not sheet.right(0, torch.arange(5), row)


def test_other_parts_or_shapes_are_never_right():
    exam, asked = Exam.draw(SIZES, None, True, torch.float32), Asked(False)
    parts = dict(parts_of(exam, asked))
    for other in (parts | {"h": (4, 5)}, parts | {"z": (5, 4)}):
        count = sum(torch.Size(shape).numel() for shape in other.values())
        sheet = Sheet(exam, asked, Layout(tuple(other.items()), count))
        assert not sheet.right(0, torch.arange(5), torch.zeros(count))
