"""Every option of every command, each said once: the command line and Python read this table.

A row's ``name`` is what Python calls it (``passes``), its ``flag`` what the command line does
(``--pass``). Whatever the value is, :meth:`Option.value` checks it, before anything is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lstm_bench.errors import UsageError
from lstm_bench.measure.workloads import PASSES, PRESETS
from lstm_bench.options.parsers import (
    MOST_SEED,
    Count,
    Device,
    JsonFile,
    Keywords,
    Names,
    Number,
    Numbers,
    One,
    OutFile,
    OutFolder,
    Reasons,
    Seconds,
    Share,
    Source,
    Switch,
    Text,
    Threads,
    Word,
    Words,
)

DTYPES = ("float32", "float64", "bfloat16")
FORMATS = ("html", "md", "csv", "json")


@dataclass(frozen=True)
class Option:
    """One option. default: as one would type it, or None. many: it may be given repeatedly."""

    name: str
    flag: str
    parse: Callable[[Any], Any]
    help: str
    metavar: str = ""
    default: str | None = None
    many: bool = False

    @property
    def switch(self) -> bool:
        return isinstance(self.parse, Switch)

    def value(self, given: Any = None, called: str = "") -> Any:
        """What the program uses. None stands for the default; of ``many``, () where there is none.

        Raises UsageError with one line, which calls the option ``called`` (default: its flag).
        """
        given = self.default if given is None else given
        try:
            if given is None:
                return False if self.switch else () if self.many else None
            return self._all(given) if self.many else self.parse(given)
        except ValueError as error:
            raise UsageError(f"{called or self.flag}: {error}") from None

    def _all(self, given: Any) -> tuple[Any, ...]:
        if isinstance(given, Mapping):  # {"name": "reason"} as --expect-fail name=reason
            given = [f"{key}={value}" for key, value in given.items()]
        several = isinstance(given, Iterable) and not isinstance(given, str)
        each = list(given) if several else [given]
        if not each:
            raise ValueError("it names nothing: leave it out, or give one or more")
        return tuple(dict.fromkeys(value for one in each for value in self.parse(one)))


def _default(option: Option, text: str, help_: str = "") -> Option:
    return replace(option, default=text, help=help_ or option.help)


# -- what several commands share -----------------------------------------------------------------

PRESET = Option(
    "presets", "--preset", Words("preset", PRESETS), "Sizes by name; see `lstm-bench list`.",
    "NAME,…", many=True,
)  # fmt: skip
LISTS = (
    Option("batch", "--batch", Numbers(), "Batch sizes.", "N,N,…", many=True),
    Option("steps", "--steps", Numbers(), "Numbers of time steps.", "N,N,…", many=True),
    Option("hidden", "--hidden", Numbers(), "Hidden sizes.", "N,N,…", many=True),
    Option("inputs", "--input", Numbers(), "Input sizes; default: hidden.", "N,N,…", many=True),
)
NO_HEAD = Option("no_head", "--no-head", Switch(), "Without the output layer.")
PASS = Option(
    "passes", "--pass", Words("pass", PASSES), f"Among {', '.join(PASSES)}; default: all.",
    "NAME,…", many=True,
)  # fmt: skip
IMPLS = Option(
    "impls", "--impl", Names(), "Which: names, module:attribute, file.py:attribute.", "NAME,…",
    many=True,
)  # fmt: skip
DEVICE = Option("device", "--device", Device(), "cpu, cuda or cuda:N.", "DEVICE", "cpu")
DTYPE = Option(
    "dtype", "--dtype", Word("dtype", DTYPES), f"{', '.join(DTYPES[:-1])} or {DTYPES[-1]}.",
    "DTYPE", "float32",
)  # fmt: skip
THREADS = Option(
    "threads", "--threads", Threads(), "Threads for the CPU; default: torch's choice.", "N"
)
SEED = Option(
    "seed", "--seed", Count(0, MOST_SEED), "Of weights, data and order, up to 2^32 - 1.", "N", "0"
)
MARGIN = Option(
    "margin", "--margin", Share(0.001, 1.0), "The smallest difference that matters.", "SHARE", "5%"
)
JSON = Option("json_file", "--json", JsonFile(), "Write JSON; - for stdout.", "FILE")
OUT = Option("out", "--out", OutFolder(), "Folder; default: reports/<time>.", "DIR")
RESUME = Option("resume", "--resume", Source(), "Go on with one that stopped.", "DIR")

SIZES = (PRESET, *LISTS, NO_HEAD)

DECISION = (
    *SIZES,
    PASS,
    DEVICE,
    DTYPE,
    _default(THREADS, "1", "Threads for the CPU."),
    Option(
        "clock", "--clock", Word("clock", ("cpu", "wall")),
        "cpu: the processor's time (default with one thread); wall: what passes.", "CLOCK",
    ),
    Option("cold_cache", "--cold-cache", Switch(), "CUDA: overwrite L2 before each call."),
    Option(
        "budget", "--budget", Seconds(),
        "All that you wait for, such as 90s or 5m; default: 120s of timing, and the checks.",
        "TIME",
    ),
    MARGIN,
    Option("alpha", "--alpha", Share(0.0001, 0.5), "False alarms, a share of runs.", "SHARE", "1%"),
    SEED,
    JSON,
    OUT,
)  # fmt: skip
"""What `compare`, `guard` and `choose` share."""

# -- command by command --------------------------------------------------------------------------

CHECK = (
    Option(
        "kwargs", "--kwargs", Keywords(), "For the constructor: 'a=1, n=I, m=H'.", "'A=1, …'",
    ),
    JSON,
    Option("strict", "--strict", Switch(), "Warnings count as failures."),
    replace(SEED, help="Of the data."),
    Option("only", "--only", One(), "Only this check or class; repeatable.", "CHECK", many=True),
    Option("skip", "--skip", One(), "Not this check or class; repeatable.", "CHECK", many=True),
    Option(
        "expected", "--expect-fail", Reasons(), "Known failures; strict.", "NAME=REASON", many=True
    ),
    Option("time_limit", "--time-limit", Seconds(1), "For each target.", "TIME", "120s"),
    Option(
        "here", "--here", Switch(), "One target in this very process, for debuggers: no protection."
    ),
    Option(
        "memory_limit", "--memory-limit", Number(0.5, 100_000), "GiB for each target.", "GIB", "4"
    ),
    Option("scripts", "--scripts", OutFolder(), "Folder for scripts that reproduce.", "DIR"),
    Option("report_to", "--report", OutFolder(), "Folder for a page.", "DIR"),
    Option("list_checks", "--list-checks", Switch(), "Name every check and what it is for."),
)  # fmt: skip

RUN = (
    Option("quick", "--quick", Switch(), "Six cells, tiny to large: the same as --preset quick."),
    PRESET,
    replace(IMPLS, help="Which to time; default: this project's."),
    *LISTS,
    NO_HEAD,
    PASS,
    DEVICE,
    DTYPE,
    replace(THREADS, help="Threads for the CPU; default: torch's, with --quick 1."),
    Option(
        "rounds", "--rounds", Count(2, 100_000),
        "Samples of each cell; default 10, with --quick 16.", "N",
    ),
    Option(
        "budget", "--budget", Seconds(),
        "For each workload and pass, after 3 rounds; default 10s, with --quick 1.5s.", "TIME",
    ),
    SEED,
    OUT,
    RESUME,
    Option("from_json", "--from-json", Source(), "Summaries from a pytest-benchmark JSON.", "FILE"),
)  # fmt: skip

COMPARE = (*DECISION, RESUME)

CHOOSE = (replace(IMPLS, help="Candidates; default: all that are registered."), *DECISION, RESUME)

GUARD = (
    Option("against", "--against", Text(), "The baseline.", "git:REF | impl:NAME | run:DIR"),
    Option(
        "targets", "--target", One(), "file.py:Class in both trees; repeatable.", "TARGET",
        many=True,
    ),
    replace(IMPLS, help="Registered ones; default: the tree's own."),
    Option("repository", "--repository", Source(), "The working tree.", "DIR", "."),
    *DECISION,
    RESUME,
)  # fmt: skip

CALIBRATE = (
    DEVICE,
    Option("budget", "--budget", Seconds(), "Time for taking blocks.", "TIME", "120s"),
    MARGIN,
    SEED,
    JSON,
    Option(
        "out", "--out", OutFile(),
        "The profile's file; default: where compare, guard and choose look for it.", "FILE",
    ),
)  # fmt: skip

_ABOVE_0 = Number(0, open_=True)

TRAIN = (
    Option("text", "--text", Source(), "Text in UTF-8; default: Python's documentation.", "FILE"),
    replace(IMPLS, help="Which learn; default: all that are available."),
    DEVICE,
    THREADS,
    Option("seconds", "--seconds", Seconds(), "Training time in all, shared.", "TIME", "110s"),
    Option("updates", "--updates", Count(), "Updates of each, instead of a time.", "N"),
    Option(
        "check_updates", "--check-updates", Count(),
        "Over how many updates the curves must coincide.", "N", "100",
    ),
    Option("hidden", "--hidden", Count(1, 65_536), "Hidden size.", "N", "256"),
    Option("batch", "--batch", Count(1, 1_000_000), "Batch size.", "N", "32"),
    Option("steps", "--steps", Count(1, 1_000_000), "Time steps of an update.", "N", "35"),
    Option("learning_rate", "--learning-rate", _ABOVE_0, "Of gradient descent.", "X", "1.0"),
    Option("momentum", "--momentum", Number(0, 0.9999), "Nesterov's.", "X", "0.9"),
    Option("clip", "--clip", _ABOVE_0, "Largest norm of the whole gradient.", "X", "0.15"),
    Option(
        "init", "--init", Word("initialisation", ("uniform", "documented")),
        "uniform: U(±1/√H); documented: the standard normal, which hardly trains.", "NAME",
        "uniform",
    ),
    SEED,
    Option(
        "prefix", "--prefix", Text(empty=True),
        "Text to continue; default: 'The function ', or the file's own.", "TEXT",
    ),
    Option(
        "sample_length", "--sample-length", Count(0, 1_000_000), "Characters to write.", "N", "300"
    ),
    Option("temperature", "--temperature", _ABOVE_0, "Of the sample.", "X", "0.7"),
    replace(OUT, help="Default: reports/train-<timestamp>."),
)  # fmt: skip

REPORT = (
    Option(
        "formats", "--format", Words("format", FORMATS), f"Among {', '.join(FORMATS)}; all.",
        "NAME,…", many=True,
    ),
    replace(OUT, help="Folder; default: RUN itself."),
    Option("open_", "--open", Switch(), "Open the page in a browser."),
)  # fmt: skip

LIST = (Option("as_json", "--json", Switch(), "The same as JSON."),)

TABLE: dict[str, tuple[Option, ...]] = {
    "check": CHECK,
    "run": RUN,
    "compare": COMPARE,
    "guard": GUARD,
    "choose": CHOOSE,
    "report": REPORT,
    "calibrate": CALIBRATE,
    "train": TRAIN,
    "list": LIST,
}
"""Command → its options, in the order in which help shows them."""
