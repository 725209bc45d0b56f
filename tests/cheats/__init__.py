"""LSTMs that get a speed they have not earned, and honest twins that look and work alike.

The files beside this one are written as strangers write, and without knowledge of what guards
the clock: natural torch code, honest when a single call is looked at, dishonest in the loop of a
benchmark. ``ENTRIES`` has one row a pair: a cheat must never be given a speed, its twin must never
be refused one. All have nn.LSTM's parameters and layouts. They may leave threads, children and
changed settings behind: give each a process of its own. Importing the files is harmless.
"""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
Sizes = tuple[int, int, int, int]
"""T, B, I, H."""
BENCH: Sizes = (64, 8, 128, 128)
"""Where every cheat pays, if it does at all."""

FORWARD = ("forward",)
BACKWARD = ("backward", "step")
TRAINING = ("forward_train", "step")
ALL = ("forward", "forward_train", "backward", "step")


@dataclass(frozen=True)
class Entry:
    """A cheat and its honest twin, both as targets ``path/from/the/root.py:Name``.

    cls: the class of failure, the stem of its file. passes: in which it is meant to pay, at
    ``sizes``; none where it is wrong but no faster on a CPU. threads: whether it pays with several
    cores only. shown_by: the demonstration that proves the cheat and clears the twin, see
    :mod:`tests.cheats.demonstrations`. needs: what it looks for in its surroundings, if anything.
    """

    cls: str
    cheat: str
    twin: str
    passes: tuple[str, ...]
    shown_by: str
    sizes: Sizes = BENCH
    threads: bool = False
    needs: str = ""

    @property
    def name(self) -> str:
        return self.cheat.rpartition(":")[2]

    @property
    def file(self) -> str:
        """From the root."""
        return self.cheat.partition(":")[0]

    @property
    def how(self) -> str:
        """One sentence on how it cheats: its docstring."""
        return (ast.get_docstring(_classes(ROOT / self.file)[self.name]) or "").replace("\n", " ")

    @property
    def kin(self) -> str:
        """The honest LSTM that the cheat is made of: what its work takes without the trick."""
        name, classes = self.name, _classes(ROOT / self.file)
        while name in classes:
            name = ast.unparse(classes[name].bases[0])
        return f"tests/cheats/honest.py:{name}"


@functools.cache
def _classes(path: Path) -> dict[str, ast.ClassDef]:
    return {n.name: n for n in ast.parse(path.read_text()).body if isinstance(n, ast.ClassDef)}


def _pairs(cls: str, *table: tuple[Any, ...], **shared: Any) -> tuple[Entry, ...]:
    """Rows of (cheat, twin, passes, shown_by[, more fields])."""
    file = f"tests/cheats/{cls}.py"
    return tuple(
        Entry(cls, f"{file}:{cheat}", f"{file}:{twin}", passes, shown_by, **shared, **dict(*more))
        for cheat, twin, passes, shown_by, *more in table
    )


ENTRIES: tuple[Entry, ...] = (
    *_pairs(
        "memory_by_value",
        ("RemembersBytes", "RemembersPackedWeights", FORWARD, "remembers"),
        ("RemembersASlice", "RemembersTheBias", FORWARD, "remembers"),
        ("RemembersASum", "LooksForZeroState", FORWARD, "remembers"),
        ("RemembersRounded", "ReusesItsWorkspace", FORWARD, "remembers"),
        ("RemembersInTraining", "RecomputesInTraining", (*FORWARD, *TRAINING), "remembers"),
        ("RemembersGradients", "CountsGradients", BACKWARD, "remembers_gradients"),
        ("RemembersTheLast", "RemembersTheLastWeights", FORWARD, "remembers"),
    ),
    *_pairs(
        "memory_by_address",
        ("ByPointer", "PlansByPointer", FORWARD, "remembers"),
        ("ByPointerAndVersion", "ProductsByVersion", FORWARD, "remembers"),
        ("CapturedByShape", "WorkspaceByShape", FORWARD, "remembers"),
        ("ProjectionByPointer", "ProjectionInPlace", FORWARD, "remembers"),
        ("GradientsByPointer", "GradientsInPlace", BACKWARD, "remembers_gradients"),
    ),
    *_pairs(
        "memory_by_identity",
        ("SameObject", "SameZeros", FORWARD, "remembers"),
        ("ById", "WeightById", FORWARD, "remembers"),
        ("NoteOnInput", "NoteOnResult", FORWARD, "remembers"),
        ("WeakInputs", "WeakResults", FORWARD, "remembers"),
        ("SameObjectInTraining", "SameLayerInTraining", TRAINING, "remembers_in_training"),
    ),
    *_pairs(
        "patched_clocks",
        ("SlowsPerfCounter", "TimesItsConstruction", ALL, "touches_clocks"),
        ("SlowsProcessTime", "TimesItsFirstCall", ALL, "touches_clocks"),
        ("SlowsEveryName", "LooksForModules", ALL, "touches_clocks"),
        ("SlowsByCollector", "CountsByCollector", ALL, "touches_clocks"),
        ("SwapsClockCode", "SwapsOwnCode", ALL, "touches_clocks"),
        ("ReplacesTimeModule", "NamesItsClock", ALL, "touches_clocks"),
        ("StopsClockMeanwhile", "AddsUpItsCalls", ("forward", *TRAINING), "touches_clocks"),
        ("ShrinksStatistics", "UsesStatistics", ALL, "touches_clocks"),
        ("ShrinksMinima", "WrapsOwnMinimum", ALL, "touches_clocks"),
        ("SlowsWhileTuning", "Tunes", ALL, "touches_clocks"),
    ),
    *_pairs(
        "patched_torch",
        ("AlwaysClose", "ComparesItself", ALL, "touches_torch"),
        ("SmallNorms", "NormsItself", ALL, "touches_torch"),
        ("RandomRepeats", "DrawsItsWeights", FORWARD, "touches_torch"),
        ("CopyForgets", "CopiesItsInput", FORWARD, "touches_torch"),
        ("PoisonFades", "PoisonsItself", FORWARD, "touches_torch"),
        ("GradRemembers", "GradOfItsOwn", BACKWARD, "touches_torch"),
        ("SigmoidEverywhere", "SigmoidOfItsOwn", ALL, "touches_torch"),
        ("SlowsTheBaseline", "WrapsItself", ALL, "touches_torch"),
        ("SynchronizeForgets", "Synchronizes", (), "touches_torch", {"needs": "CUDA"}),
    ),
    *_pairs(
        "put_off",
        ("LazyByFunction", "EagerByFunction", FORWARD, "puts_off"),
        ("LazyByDispatch", "EagerByDispatch", FORWARD, "puts_off"),
        ("LazyTuple", "EagerTuple", FORWARD, "puts_off"),
        ("LazyInTraining", "KeepsInputsInTraining", ("forward_train",), "puts_off_in_training"),
        ("GradientsInAdvance", "GradientsInTime", ("backward",), "puts_off_gradients"),
        ("GradientsWhenRead", "GradientsAtOnce", BACKWARD, "puts_off_gradients"),
    ),
    *_pairs(
        "other_threads",
        ("FillsInLater", "FillsInNow", FORWARD, "goes_on"),
        ("HalfTheBatchLater", "HalvesOfTheBatch", FORWARD, "goes_on"),
        ("WaitsWhenLookedAt", "WaitsBeforeItReturns", FORWARD, "goes_on"),
        ("WorksBetweenCalls", "WorksWithinCalls", FORWARD, "goes_on"),
        ("GradientsLater", "GradientsJoined", BACKWARD, "goes_on_after_backward"),
        threads=True,
    ),
    *_pairs(
        "other_processes",
        ("ForkedServer", "ForksToAsk", FORWARD, "computes_elsewhere"),
        ("Grandchild", "AsksItsSession", FORWARD, "computes_elsewhere"),
        ("ForksInEachCall", "SharesItsMemory", FORWARD, "computes_elsewhere"),
        ("InterpreterAsServer", "InterpreterForItsVersion", FORWARD, "computes_elsewhere"),
    ),
    *_pairs(
        "fewer_steps",
        ("FirstSteps", "ChunksOfSteps", ALL, "wrong_values"),
        ("LastSteps", "LastStepsApart", ALL, "wrong_values"),
        ("ChunksSideBySide", "ChunksProjectedTogether", ALL, "wrong_values"),
        ("EveryOtherStep", "TwoStepsAtOnce", ALL, "wrong_values"),
        ("TruncatedBackward", "CheckpointedChunks", (), "wrong_gradients"),
        ("NoGradientForEarlySteps", "GradientForAllSteps", BACKWARD, "wrong_gradients"),
        ("FewerRows", "RowsInHalves", ALL, "wrong_values"),
    ),
    *_pairs(
        "lower_precision",
        ("BFloatInside", "DoubleInside", ALL, "wrong_values"),
        ("HalfWeights", "TransposedWeights", ALL, "wrong_values"),
        ("Int8Projection", "FlatProjection", FORWARD, "wrong_values"),
        ("RationalTanh", "TanhBySigmoid", ALL, "wrong_values"),
        ("AutocastUngraded", "AutocastOff", FORWARD, "wrong_values"),
        ("LowRank", "BlocksOfColumns", FORWARD, "wrong_values"),
        ("GradientsInBFloat", "GradientsWatched", BACKWARD, "wrong_gradients"),
    ),
    *_pairs(
        "stale_buffers",
        ("EverySecondCall", "FillsOneBuffer", FORWARD, "wrong_values"),
        ("BuffersInTurn", "RingOfWorkspaces", FORWARD, "wrong_values"),
        ("OldGradients", "BuffersForGradients", BACKWARD, "wrong_gradients"),
        ("OldProjection", "FreshProjection", FORWARD, "wrong_values"),
        ("OldRows", "AllRows", FORWARD, "wrong_values"),
    ),
    *_pairs(
        "right_for_a_while",
        ("FirstTwenty", "WarmsUp", ALL, "wrong_values"),
        ("EverySecondIsRight", "TakesTurns", ALL, "wrong_values"),
        ("RightWhenSmall", "LoopsWhenSmall", ALL, "wrong_values"),
        ("HurriesInBursts", "LoopsAfterPauses", ALL, "wrong_values"),
        ("AfterNewWeights", "PacksAfterSix", ALL, "wrong_values"),
        ("WhileShapesAreNew", "CountsShapes", ALL, "wrong_values"),
        ("NowAndThen", "TidiesNowAndThen", ALL, "wrong_values"),
    ),
    *_pairs(
        "unrecorded",
        ("StubGraph", "AddsAStub", ("forward_train",), "wrong_gradients"),
        ("LastQuarterRecorded", "QuartersRecorded", ("forward_train",), "wrong_gradients"),
        ("OldGraph", "AddsNothing", ("forward_train",), "wrong_gradients"),
    ),
    *_pairs(
        "who_is_calling",
        ("LooksUpTheStack", "NamesItsCaller", ALL, "wrong_values",
         {"needs": "a caller named for timing, and none for checking"}),
        ("InspectsTheCaller", "InspectsItself", ALL, "wrong_values",
         {"needs": "a caller with a local variable like `rounds` or `elapsed`"}),
        ("ReadsArguments", "VerboseByArguments", ALL, "wrong_values",
         {"needs": "no `check` or `test` in sys.argv"}),
        ("ReadsEnvironment", "ChosenByEnvironment", ALL, "wrong_values",
         {"needs": "neither PYTEST_CURRENT_TEST nor CI in the environment"}),
        ("OnTheMainThread", "ByThread", ALL, "wrong_values"),
        ("OnOneThread", "LoopsOnOneThread", ALL, "wrong_values",
         {"needs": "torch limited to one thread"}),
        ("InInferenceMode", "InPlaceInInferenceMode", FORWARD, "wrong_values",
         {"needs": "inference mode"}),
        ("ResultsThrownAway", "ResultsCounted", ALL, "wrong_values",
         {"needs": "eight results in a row that nobody keeps"}),
        ("WithoutCollector", "MindsTheCollector", ALL, "wrong_values",
         {"needs": "the garbage collector off"}),
        ("WhereGradientsAreUnasked", "NoProductForInputs", ("forward_train", *BACKWARD),
         "wrong_values_in_training", {"needs": "an x that requires no gradient"}),
    ),
    *_pairs(
        "faster_than_the_machine",
        ("ZerosForNoise", "ConstantForZeros", ALL, "wrong_values"),
        ("Extrapolates", "KeepsMeans", FORWARD, "wrong_values"),
        ("UninitialisedMemory", "InitialisedMemory", FORWARD, "wrong_values"),
        ("OneStepExpanded", "OneRowExpanded", ALL, "wrong_values"),
        ("FixedPoint", "StepByStep", ALL, "wrong_values"),
        ("SkipsTheGraph", "DetachesCopies", BACKWARD, "wrong_gradients"),
    ),
    *_pairs(
        "neighbours",
        ("LeavesThreadsSpinning", "LeavesThreadWaiting", ALL, "leaves_threads_busy",
         {"threads": True}),
        ("TakesOneCore", "CountsCores", ALL, "touches_settings", {"threads": True}),
        ("TakesMoreThreads", "TakesOneThread", ALL, "touches_settings", {"threads": True}),
        ("FlushesDenormals", "KeepsDenormals", ALL, "touches_settings"),
        ("BecomesABatchJob", "ReadsItsPolicy", ALL, "touches_settings"),
        ("StopsTheCollector", "PausesTheCollector", ALL, "touches_settings"),
        ("ChangesTheDefault", "BorrowsTheDefault", ALL, "touches_settings"),
        ("TurnsOffOneDnn", "LeavesOutOneDnn", ALL, "touches_settings"),
        ("LowersPrecision", "InsistsOnPrecision", ALL, "touches_settings"),
        ("HoldsTheInterpreter", "BorrowsTheInterpreter", ALL, "touches_settings"),
        ("WritesEnvironment", "ReadsOmpEnvironment", ALL, "touches_settings"),
        ("TunesTheAllocator", "ReadsTheAllocator", ALL, "touches_allocator"),
        ("SetsGradients", "SetsGradientsInside", TRAINING, "touches_settings"),
    ),
    *_pairs(
        "another_self",
        ("HonestCopies", "SmallPickles", ALL, "wrong_values"),
        ("InEvalMode", "FreezesInEvalMode", FORWARD, "wrong_values", {"needs": "eval mode"}),
        ("HonestWhenHooked", "CountsHooks", ALL, "wrong_values"),
        ("WithRandomWeights", "RemembersItsBirth", ALL, "wrong_values_as_born",
         {"needs": "weights that nobody has loaded"}),
        ("WithDefaultState", "CountsDefaultStates", ALL, "wrong_values",
         {"needs": "a call without a state"}),
    ),
)  # fmt: skip

ON_CUDA: tuple[Entry, ...] = _pairs(
    "other_streams",
    ("OnASideStream", "JoinsItsSideStream", FORWARD, "bench.cheats"),
    ("HalfOnASideStream", "HalvesOnTwoStreams", FORWARD, "bench.cheats"),
    ("ReplaysOldInputs", "ReplaysNewInputs", FORWARD, "bench.cheats"),
    ("GradientsOnASideStream", "GradientsJoinTheirStream", BACKWARD, "bench.cheats"),
    sizes=(64, 64, 256, 512),
)
"""Those that are honest wherever there is no CUDA device: nothing here can demonstrate them."""
