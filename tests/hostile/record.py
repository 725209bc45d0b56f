"""One row a hostile subject. No torch here, and none of the subjects is imported."""

from __future__ import annotations

from dataclasses import dataclass

FOLDER = "tests/hostile"
COMMANDS = ("check", "run", "compare", "guard", "choose")
SHORT, LONG = 5.0, 60.0  # seconds; the short one for what would never end by itself

ERROR = ("error",)
# An exception where an LSTM must give a result may be called that, or a defect.
RAISED = ("error", "defective", "unsupported")
# It computes an LSTM; whether its company is told, or was not noticed, is the harness's choice.
ODD = ("conforms", "error")
# Right at times: any answer but that it is right.
NOT_RIGHT = ("error", "defective", "variant", "inconclusive", "unsupported")
# The answer does not matter, that there is one does.
ANY = ("conforms", *NOT_RIGHT)


@dataclass(frozen=True)
class Row:
    """A hostile subject, and what an honest harness may answer.

    target: ``file.py:Class``, relative to the repository.
    where, kind: the place at which it misbehaves, and how.
    expect: the verdicts of ``check`` that are acceptable.
    commands: those that it can be given to.
    time_limit: seconds to give to it: few where it would never end by itself.
    """

    target: str
    where: str
    kind: str
    expect: tuple[str, ...]
    commands: tuple[str, ...] = COMMANDS
    time_limit: float = LONG
    note: str = ""

    @property
    def name(self) -> str:
        """The file's stem and the class, which tell subjects apart."""
        path, _, attribute = self.target.rpartition(":")
        return f"{path.rpartition('/')[2].removesuffix('.py')}:{attribute}"

    @property
    def hangs(self) -> bool:
        return self.time_limit == SHORT


def rows(
    file: str, *lines: tuple[str, str, str, tuple[str, ...], str], hangs: bool = False
) -> tuple[Row, ...]:
    """Rows for the classes of one file: (class, where, kind, expect, note)."""
    limit = SHORT if hangs else LONG
    return tuple(
        Row(f"{FOLDER}/{file}.py:{name}", where, kind, expect, COMMANDS, limit, note)
        for name, where, kind, expect, note in lines
    )
