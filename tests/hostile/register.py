"""The register of the corpus: where each subject misbehaves, how, and what may be said of it."""

from __future__ import annotations

from tests.hostile.record import ANY, ERROR, NOT_RIGHT, ODD, RAISED, Row, rows
from tests.hostile.register_world import WORLD

Lines = tuple[str, str, tuple[str, ...], str]


def files(place: str, *lines: Lines, hangs: bool = False) -> tuple[Row, ...]:
    """A file each, for what happens while it is imported: (file, kind, verdicts, note)."""
    return tuple(
        row
        for file, kind, expect, note in lines
        for row in rows(file, ("Anything", place, kind, expect, note), hangs=hangs)
    )


IMPORTS = (
    *files(
        "import",
        ("import_exits", "sys.exit", ERROR, "code 3"),
        ("import_leaves", "os._exit", ERROR, "code 0"),
        ("import_segfaults", "segfault", ERROR, ""),
        ("import_interrupts", "KeyboardInterrupt", ERROR, ""),
        ("import_raises_surrogates", "bad message", ERROR, "half characters, escapes"),
        ("import_kills_parent", "signal to the parent", ERROR, "SIGKILL"),
        ("import_forks_daemon", "surviving child", ODD, ""),
        ("import_closes", "closed descriptors", ODD, ""),
        ("import_replaces_itself", "odd object", NOT_RIGHT, "has whatever is asked for"),
        ("import_eats_memory", "memory", ERROR, "up to 8 GiB"),
    ),
    *files(
        "import",
        ("import_busy", "busy loop", ERROR, ""),
        ("import_sleeps", "sleep", ERROR, ""),
        ("import_reads_stdin", "read", ERROR, "input()"),
        hangs=True,
    ),
    *files(
        "class body",
        ("body_leaves", "os._exit", ERROR, "code 3"),
        ("body_raises", "BaseException", ERROR, "GeneratorExit"),
        ("body_biting_names", "odd object", RAISED, "a metaclass that bites"),
    ),
    *files("class body", ("body_sleeps", "sleep", ERROR, ""), hangs=True),
)

LOOPS = (
    *rows(
        "loops",
        ("BusyInConstructor", "constructor", "busy loop", ERROR, ""),
        ("SleepsInConstructor", "constructor", "sleep", ERROR, ""),
        ("BusyInForward", "forward", "busy loop", ERROR, ""),
        ("SleepsInForward", "forward", "sleep", ERROR, ""),
        ("BusyInBackward", "backward", "busy loop", ERROR, ""),
        ("SleepsInBackward", "backward", "sleep", ERROR, ""),
        ("SleepsOnTwentiethCall", "nth call", "sleep", ERROR, ""),
        ("SleepsInDel", "del", "sleep", ODD, ""),
        ("SleepsAtExit", "exit", "sleep", ODD, ""),
        ("BusyInRepr", "repr", "busy loop", ODD, ""),
        ("SleepsInDeepcopy", "deepcopy", "sleep", ODD, ""),
        ("BusyInGetstate", "pickling", "busy loop", ODD, "copied and pickled"),
        ("SleepsInReduce", "pickling", "sleep", ODD, ""),
        ("SleepsInStateDict", "pickling", "sleep", ODD, "state_dict"),
        ("BusyInGetattr", "attribute", "busy loop", ODD, "only for attributes that it lacks"),
        ("SleepsInParameters", "parameters", "sleep", ODD, ""),
        ("EndlessParameters", "parameters", "endless result", NOT_RIGHT, "a generator"),
        ("EndlessNamedParameters", "parameters", "endless result", NOT_RIGHT, "a generator"),
        ("SleepsInSignalHandler", "signal handler", "sleep", ODD, ""),
        ("BusyInCollection", "garbage collection", "busy loop", ODD, ""),
        ("HoldsTheLockInForward", "forward", "sleep", ERROR, "in C, holding Python's lock"),
        ("HoldsTheLockInThread", "thread", "sleep", ODD, "in C, holding Python's lock"),
        ("BacktracksInForward", "forward", "busy loop", ERROR, "in C: a regular expression"),
        ("IgnoresEverySignal", "forward", "ignored signals", ERROR, "only SIGKILL ends it"),
        ("SwallowsEverything", "forward", "ignored signals", ERROR, "catches every exception"),
        hangs=True,
    ),
)

EXITS = (
    *rows(
        "exits",
        ("ExitsInConstructor", "constructor", "sys.exit", ERROR, "code 0"),
        ("ExitsInForward", "forward", "sys.exit", ERROR, "code 3"),
        ("ExitsInBackward", "backward", "sys.exit", RAISED, "code 0"),
        ("ExitsInGetstate", "pickling", "sys.exit", ODD, "code 0"),
        ("ExitsInParameters", "parameters", "sys.exit", ERROR, "code 3"),
        ("ExitsInGetattr", "attribute", "sys.exit", ODD, "code 0"),
        ("ExitsInSignalHandler", "signal handler", "sys.exit", ODD, "code 0, after 50 ms"),
        ("LeavesInConstructor", "constructor", "os._exit", ERROR, "code 3"),
        ("LeavesInForward", "forward", "os._exit", ERROR, "code 0"),
        ("LeavesInBackward", "backward", "os._exit", ERROR, "code 0"),
        ("LeavesOnTwentiethCall", "nth call", "os._exit", ERROR, "code 0"),
        ("LeavesInDel", "del", "os._exit", ODD, "code 0"),
        ("LeavesAtExit", "exit", "os._exit", ODD, "code 3"),
        ("LeavesInRepr", "repr", "os._exit", ODD, "code 0"),
        ("LeavesInDeepcopy", "deepcopy", "os._exit", ODD, "code 0"),
        ("LeavesInThread", "thread", "os._exit", ERROR, "code 0, after 50 ms"),
        ("LeavesInCollection", "garbage collection", "os._exit", ODD, "code 3"),
        ("AbortsInForward", "forward", "abort", ERROR, ""),
        ("AbortsInBackward", "backward", "abort", ERROR, ""),
        ("SegfaultsInConstructor", "constructor", "segfault", ERROR, ""),
        ("SegfaultsInForward", "forward", "segfault", ERROR, ""),
        ("SegfaultsInThread", "thread", "segfault", ERROR, ""),
        ("SegfaultsInStateDict", "pickling", "segfault", ODD, ""),
        ("BecomesTrue", "forward", "exec", ERROR, "a program that succeeds at once"),
        ("BecomesTalker", "forward", "exec", ERROR, "a program that writes to all descriptors"),
        ("KillsItself", "forward", "signal to itself", ERROR, "SIGKILL"),
        ("TerminatesItself", "constructor", "signal to itself", ERROR, "SIGTERM"),
    ),
    *rows(
        "exits",
        ("BecomesSleep", "forward", "exec", ERROR, "a program that sleeps"),
        ("StopsItself", "forward", "signal to itself", ERROR, "SIGSTOP"),
        ("StopsInBackward", "backward", "signal to itself", ERROR, "SIGSTOP"),
        hangs=True,
    ),
)

RAISING = (
    *rows(
        "raising",
        ("InterruptsInConstructor", "constructor", "KeyboardInterrupt", ERROR, ""),
        ("InterruptsInForward", "forward", "KeyboardInterrupt", ERROR, ""),
        ("InterruptsInBackward", "backward", "KeyboardInterrupt", RAISED, ""),
        ("InterruptsInDel", "del", "KeyboardInterrupt", ODD, "Python reports it and goes on"),
        ("InterruptsInSignalHandler", "signal handler", "KeyboardInterrupt", ODD, ""),
        ("FarewellInForward", "forward", "SystemExit's heir", ERROR, "a list for a code"),
        ("UnheardInConstructor", "constructor", "BaseException", ERROR, ""),
        ("UnheardInBackward", "backward", "BaseException", RAISED, ""),
        ("UnheardInThread", "thread", "BaseException", ODD, ""),
        ("GeneratorExitInForward", "forward", "BaseException", ERROR, "GeneratorExit"),
        ("StopIterationInForward", "forward", "StopIteration", RAISED, ""),
        ("StopIterationInParameters", "parameters", "StopIteration", NOT_RIGHT, ""),
        ("MemoryErrorInForward", "forward", "MemoryError", RAISED, ""),
        ("RecursesInForward", "forward", "RecursionError", RAISED, ""),
        ("RecursesInRepr", "repr", "RecursionError", ODD, ""),
        ("RecursesInC", "forward", "RecursionError", RAISED, "a million tuples deep; may crash"),
        ("StrRaisesInConstructor", "constructor", "bad message", RAISED, "__str__ raises"),
        ("StrRaisesInForward", "forward", "bad message", RAISED, "__str__ raises"),
        ("StrExitsInForward", "forward", "bad message", RAISED, "__str__ exits"),
        ("StrIsNoneInForward", "forward", "bad message", RAISED, "__str__ gives a number"),
        ("UnpicklableInForward", "forward", "bad message", RAISED, "cannot be pickled"),
        ("NamelessInConstructor", "constructor", "bad message", RAISED, "the name raises"),
        ("LongMessageInConstructor", "constructor", "bad message", RAISED, "10 MB"),
        ("EscapesInConstructor", "constructor", "bad message", RAISED, "orders to a terminal"),
        ("MarkupInConstructor", "constructor", "bad message", RAISED, "rich's and HTML's"),
        ("SurrogatesInConstructor", "constructor", "bad message", RAISED, "half characters"),
        ("LinesInForward", "forward", "bad message", RAISED, "a verdict on a line of its own"),
        ("CircularCause", "forward", "bad message", RAISED, "its own cause's cause"),
        ("DeepGroup", "forward", "bad message", RAISED, "a group 5000 deep"),
    ),
    *rows(
        "raising",
        ("StrSleepsInForward", "forward", "bad message", ERROR, "__str__ sleeps"),
        hangs=True,
    ),
)

ODD_OBJECTS = (
    *rows(
        "odd",
        ("HugeMetaParameter", "parameters", "huge parameter", ANY, "10**12 entries on meta"),
        ("HugeExpandedParameter", "parameters", "huge parameter", ANY, "10**9 entries, 4 bytes"),
        ("SparseParameter", "parameters", "huge parameter", ANY, "10**9 entries, sparse"),
        ("ComplexParameter", "parameters", "odd object", ANY, ""),
        ("EmptyParameter", "parameters", "odd object", ANY, ""),
        ("NamedByEscapes", "parameters", "odd name", ANY, "escapes, markup, half characters"),
        ("ReturnsCircle", "returned object", "endless result", NOT_RIGHT, "a list in itself"),
        ("ReturnsDepth", "returned object", "endless result", NOT_RIGHT, "100000 lists deep"),
        ("ReturnsBitingTensor", "returned object", "odd object", ANY, "a tensor that raises"),
        ("ReturnsBiting", "returned object", "odd object", ANY, "raises at every question"),
        ("LyingAboutItsClass", "returned object", "odd object", NOT_RIGHT, "says it is a tensor"),
        ("ReturnsMillions", "returned object", "endless result", NOT_RIGHT, "10**7 tensors"),
        ("AnswersEverything", "attribute", "odd object", ANY, "every attribute is itself"),
        ("BitingAttributes", "attribute", "odd object", ANY, "OSError for AttributeError"),
        ("NoModuleAtAll", "constructor", "odd object", NOT_RIGHT, "says it is nn.LSTM"),
        ("NeverEqual", "attribute", "odd object", ODD, "raises when compared"),
        ("BitingSignature", "constructor", "odd object", ODD, "__signature__ raises"),
        ("BitingDefault", "constructor", "odd object", ODD, "a default whose repr raises"),
        ("LosesItsParameters", "nth call", "changes itself", ANY, "deletes a weight"),
        ("ChangesItsClass", "nth call", "changes itself", NOT_RIGHT, "another class, which leaves"),
        ("EmptiesItsInput", "forward", "changes itself", NOT_RIGHT, "x.resize_(0)"),
    ),
    *rows(
        "odd",
        ("ReturnsStream", "returned object", "endless result", NOT_RIGHT, "an endless iterator"),
        ("ReturnsSleepingTensor", "returned object", "sleep", NOT_RIGHT, "a tensor that hangs"),
        ("ReturnsEndless", "returned object", "endless result", NOT_RIGHT, "an endless list"),
        ("ReturnsHanging", "returned object", "sleep", NOT_RIGHT, "a pair that hangs"),
        ("ReturnsEndlessDict", "returned object", "endless result", NOT_RIGHT, "an endless dict"),
        ("AsksItsMetaclass", "class body", "sleep", ODD, "its class hangs when asked"),
        hangs=True,
    ),
)

ROWS: tuple[Row, ...] = (*IMPORTS, *LOOPS, *EXITS, *RAISING, *ODD_OBJECTS, *WORLD)
