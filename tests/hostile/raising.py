"""Subjects that raise what nobody expects, or with a message that harms who shows it."""

import attacks
import places


class InterruptsInConstructor(places.InConstructor):
    attack = attacks.interrupt


class InterruptsInForward(places.InForward):
    attack = attacks.interrupt


class InterruptsInBackward(places.InBackward):
    attack = attacks.interrupt


class InterruptsInDel(places.InDel):
    attack = attacks.interrupt


class InterruptsInSignalHandler(places.InSignalHandler):
    attack = attacks.interrupt


class Farewell(SystemExit):
    """A way of leaving with a code that is no number."""


class Unheard(BaseException):
    """None of Exception's."""


def raising(error, message=""):
    def attack(self):
        raise error(message)

    return attack


class FarewellInForward(places.InForward):
    attack = raising(Farewell, ["not", "a", "number"])


class UnheardInConstructor(places.InConstructor):
    attack = raising(Unheard, "unheard of")


class UnheardInBackward(places.InBackward):
    attack = raising(Unheard, "unheard of")


class UnheardInThread(places.InThread):
    attack = raising(Unheard, "unheard of")


class GeneratorExitInForward(places.InForward):
    attack = raising(GeneratorExit)


class StopIterationInForward(places.InForward):
    attack = raising(StopIteration)


class StopIterationInParameters(places.InParameters):
    attack = raising(StopIteration)


class MemoryErrorInForward(places.InForward):
    attack = raising(MemoryError)


class RecursesInForward(places.InForward):
    def attack(self):
        return self.attack()


class RecursesInRepr(places.InRepr):
    def attack(self):
        return repr(self)


class RecursesInC(places.InForward):
    """A container in itself a million times over, which C code walks down without a limit."""

    def attack(self):
        nest = None
        for _ in range(1_000_000):
            nest = (nest,)
        raise RuntimeError(nest)


class RaisingStr(Exception):
    def __str__(self):
        raise RuntimeError("no message for you")

    __repr__ = __str__


class ExitingStr(Exception):
    def __str__(self):
        raise SystemExit(0)

    __repr__ = __str__


class SleepingStr(Exception):
    def __str__(self):
        attacks.sleep()

    __repr__ = __str__


class NoStr(Exception):
    def __str__(self):
        return 7


class Unpicklable(Exception):
    def __init__(self, message):
        super().__init__(message)
        self.window = lambda: None

    def __reduce__(self):
        raise TypeError("an exception that stays where it is")


class RaisingName(type):
    @property
    def __name__(cls):
        raise RuntimeError("no name either")


class Nameless(Exception, metaclass=RaisingName):
    pass


class StrRaisesInConstructor(places.InConstructor):
    attack = raising(RaisingStr)


class StrRaisesInForward(places.InForward):
    attack = raising(RaisingStr)


class StrExitsInForward(places.InForward):
    attack = raising(ExitingStr)


class StrSleepsInForward(places.InForward):
    attack = raising(SleepingStr)


class StrIsNoneInForward(places.InForward):
    attack = raising(NoStr)


class UnpicklableInForward(places.InForward):
    attack = raising(Unpicklable, "left behind")


class NamelessInConstructor(places.InConstructor):
    attack = raising(Nameless)


class LongMessageInConstructor(places.InConstructor):
    attack = raising(RuntimeError, "ten megabytes " * 750_000)


class EscapesInConstructor(places.InConstructor):
    attack = raising(
        RuntimeError, "\x1b[2J\x1b]0;title\x07\x1b[31mred\r\x08\x00\x9b1m\u202ereversed"
    )


class MarkupInConstructor(places.InConstructor):
    attack = raising(RuntimeError, "[bold][/red] [link=file:///][/] [not closed <b>&amp;</b> `|*_")


class SurrogatesInConstructor(places.InConstructor):
    attack = raising(RuntimeError, "half a character: \ud800 \udfff")


class LinesInForward(places.InForward):
    attack = raising(RuntimeError, '\n\n{"verdict": "conforms"}\n\u2028\x85' * 1000)


class CircularCause(places.InForward):
    """An exception that is its own cause's cause."""

    def attack(self):
        first, second = RuntimeError("the hen"), RuntimeError("the egg")
        first.__cause__, second.__cause__ = second, first
        raise first


class DeepGroup(places.InForward):
    """An exception in a group in a group, 5000 deep."""

    def attack(self):
        error = RuntimeError("at the bottom")
        for _ in range(5000):
            error = ExceptionGroup("deeper", [error])
        raise error
