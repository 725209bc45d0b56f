"""Subjects whose parameters, results and names are objects that bite who touches them."""

import itertools

import attacks
import places
import torch
from good import Good
from torch import nn


class WithOddParameter(Good):
    """Has one parameter more, which it never uses."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.register_parameter("extra", nn.Parameter(self.odd()))


class HugeMetaParameter(WithOddParameter):
    """A million million entries, and no memory."""

    def odd(self):
        return torch.empty(10**12, device="meta")


class HugeExpandedParameter(WithOddParameter):
    """A thousand million entries that share one number: whoever copies it needs 4 GB."""

    def odd(self):
        return torch.zeros(1).expand(10**9)


class SparseParameter(WithOddParameter):
    """A thousand million entries, of which one is stored."""

    def odd(self):
        return torch.sparse_coo_tensor([[0]], [1.0], (10**9,))


class ComplexParameter(WithOddParameter):
    def odd(self):
        return torch.zeros(3, dtype=torch.complex64)


class EmptyParameter(WithOddParameter):
    def odd(self):
        return torch.zeros(0, 5)


class BitingTensor(torch.Tensor):
    """Raises in every function of torch that it is given to."""

    @classmethod
    def __torch_function__(cls, function, types, arguments=(), options=None):
        raise RuntimeError("bitten")


class SleepingTensor(torch.Tensor):
    """Sleeps in every function of torch that it is given to."""

    @classmethod
    def __torch_function__(cls, function, types, arguments=(), options=None):
        attacks.sleep()


class NamedByEscapes(Good):
    """Two buffers, and a name, that a terminal, a page and a table would take for orders."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.register_parameter("\x1b[2J\n[/bold]|<b>", nn.Parameter(torch.zeros(2)))
        self.register_buffer("\ud800\x00", torch.zeros(2))

    def extra_repr(self):
        return "\x1b]0;mine\x07[bold][/red]\r\n</script>" * 1000


NamedByEscapes.__qualname__ = "\x1b[31m[/red]\n<script>\ud800"
NamedByEscapes.__doc__ = "[/red]\x1b[2J" * 1_000_000


class Returns(Good):
    """Gives back ``result`` in the place of what an LSTM returns."""

    def forward(self, input, hx=None):
        y, (h, c) = super().forward(input, hx)
        return self.result(y, h, c)


class ReturnsCircle(Returns):
    """A list that holds itself."""

    def result(self, y, h, c):
        circle = [y, h, c]
        circle.append(circle)
        return circle


class ReturnsDepth(Returns):
    """A hundred thousand lists, each in the next."""

    def result(self, y, h, c):
        nest = y
        for _ in range(100_000):
            nest = [nest]
        return nest


class ReturnsStream(Returns):
    """A generator that never ends."""

    def result(self, y, h, c):
        return itertools.chain([y, (h, c)], itertools.repeat(y))


class ReturnsBitingTensor(Returns):
    def result(self, y, h, c):
        return y.as_subclass(BitingTensor), (h, c)


class ReturnsSleepingTensor(Returns):
    def result(self, y, h, c):
        return y.as_subclass(SleepingTensor), (h, c)


class Biting:
    """Raises whatever is asked of it."""

    def bite(self, *_):
        raise RuntimeError("bitten")

    __iter__ = __len__ = __eq__ = __bool__ = __float__ = __getitem__ = __hash__ = bite
    __repr__ = __str__ = __index__ = __contains__ = __getattr__ = bite


class Endless(list):
    """A list that is endless to walk through."""

    def __iter__(self):
        return itertools.repeat(torch.zeros(1))

    def __len__(self):
        return 3


class Hanging(tuple):
    """A pair that never answers when asked whether it is another, or true, or how long."""

    __len__ = __eq__ = __bool__ = __iter__ = __hash__ = attacks.sleep


class EndlessDict(dict):
    def items(self):
        return ((f"state_{n}", torch.zeros(1)) for n in itertools.count())

    __iter__ = keys = values = items


class ReturnsBiting(Returns):
    def result(self, y, h, c):
        return y, Biting()


class ReturnsEndless(Returns):
    def result(self, y, h, c):
        return Endless([y, h, c])


class ReturnsHanging(Returns):
    def result(self, y, h, c):
        return Hanging((y, (h, c)))


class ReturnsEndlessDict(Returns):
    def result(self, y, h, c):
        return EndlessDict(output=y, hidden=h, cell=c)


class LyingAboutItsClass(Returns):
    """What it returns says that it is a tensor, and is none."""

    def result(self, y, h, c):
        class Liar:
            __class__ = torch.Tensor
            shape = y.shape

        return Liar(), (h, c)


class ReturnsMillions(Returns):
    """Ten million tensors, which are one."""

    def result(self, y, h, c):
        return y, [h] * 10_000_000


class AnswersEverything(Good):
    """Has every attribute that anybody asks for, and each is itself."""

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("__") or "_modules" not in self.__dict__:
                raise
            return self


class BitingAttributes(Good):
    """Raises, and no AttributeError, where it lacks an attribute."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.ready = True

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            if "ready" in self.__dict__:
                raise OSError(f"{name} is on another disc") from None
            raise


class NoModuleAtAll:
    """Says that it is a module, and has nothing of one."""

    __class__ = nn.LSTM

    def __init__(self, input_size, hidden_size):
        self.sizes = input_size, hidden_size


class NeverEqual(Good):
    """Raises when it is compared, hashed, measured or asked for its truth."""

    def attack(self, *_):
        raise RuntimeError("do not compare me")

    __eq__ = __bool__ = __len__ = attack
    __hash__ = nn.Module.__hash__


class SleepyMeta(type):
    """A class that hangs when asked what it is, and whose calls build something else."""

    def __instancecheck__(cls, instance):
        attacks.sleep()

    def __repr__(cls):
        attacks.sleep()


class AsksItsMetaclass(Good, metaclass=SleepyMeta):
    pass


class BitingSignature(Good):
    """Whoever looks for its arguments is refused."""

    @property
    def __signature__(self):
        raise RuntimeError("not even the signature")


class Default:
    def __repr__(self):
        raise RuntimeError("a default without a face")


class BitingDefault(Good):
    """An argument whose default cannot be shown."""

    def __init__(self, input_size, hidden_size, option=Default()):  # noqa: B008
        super().__init__(input_size, hidden_size)


class LosesItsParameters(places.OnTwentiethCall):
    """Deletes its weights in the middle of the work."""

    def attack(self):
        del self.weight_hh_l0


class ChangesItsClass(places.OnTwentiethCall):
    """Becomes another kind of module in the middle of the work."""

    def attack(self):
        self.__class__ = type("Other", (Good,), {"forward": attacks.os_exit_0})


class EmptiesItsInput(Good):
    """Resizes its input in place, so that whoever looks at it again sees nothing."""

    def forward(self, input, hx=None):
        result = super().forward(input, hx)
        if not input.requires_grad:
            input.resize_(0)
        return result
