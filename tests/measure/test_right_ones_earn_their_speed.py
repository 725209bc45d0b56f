"""Every correct spelling, in every pass, through all defences of the clock: none is refused."""

import pytest

from lstm_bench.measure.examiner import Examiner, Exams, Terms, spinning
from lstm_bench.measure.workloads import PASSES, Workload
from lstm_bench.subject.parcel import Parcel
from tests.spellings import SPELLINGS

SIZES = Workload(5, 7, 6, 4, head=False)
EXAMS = Exams(gradients=True)


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda s: s.target.rpartition(":")[2])
def test_none_is_refused(spelling):
    parcel = Parcel.of(spelling.target, spelling.target, dict(spelling.kwargs))
    with Examiner(parcel, Terms()) as one:
        one.open(None)
        one.sit(SIZES, EXAMS)
        for pass_name in PASSES:
            one.begin(pass_name)
            for _ in range(4):
                one.take(3)
            one.finish()
            one.leave(*spinning([one]))
