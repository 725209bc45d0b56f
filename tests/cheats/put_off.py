"""Work is done when somebody looks at the result, or elsewhere off the clock."""

import torch
from honest import FastLSTM, RecomputingLSTM, lstm, pull_back
from torch.utils._pytree import tree_map_only


class Later(torch.Tensor):
    """Is filled in when a function of torch first sees it."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        tree_map_only(Later, Later.settle, (args, kwargs or {}))
        with torch._C.DisableTorchFunctionSubclass():
            return function(*args, **(kwargs or {}))

    def settle(self):
        with torch._C.DisableTorchFunctionSubclass():
            fill = self.__dict__.pop("fill", None)
            if fill is not None:
                fill()
        return self


class LazyByFunction(FastLSTM):
    """Returns tensors of a subclass that computes all of them when a function first touches one."""

    def run(self, x, h, c):
        if torch.is_grad_enabled():
            return super().run(x, h, c)
        x, h, c = x.clone(), h.clone(), c.clone()
        y = x.new_empty(*x.shape[:2], self.hidden_size).as_subclass(Later)
        results = (
            y,
            torch.empty_like(h).as_subclass(Later),
            torch.empty_like(c).as_subclass(Later),
        )

        def fill():
            with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():
                for part, value in zip(results, FastLSTM.run(self, x, h, c), strict=True):
                    part.__dict__.pop("fill", None)
                    part.copy_(value)

        for part in results:
            part.fill = fill
        return results


class Sequence(torch.Tensor):
    """A tensor that knows that its first axis is time, and passes everything on."""

    @property
    def steps(self):
        return self.shape[0]


class EagerByFunction(FastLSTM):
    """Returns a tensor of a subclass that holds all values on return."""

    def run(self, x, h, c):
        y, h, c = super().run(x, h, c)
        return y.as_subclass(Sequence), h, c


class Promise(torch.Tensor):
    """Has a shape and no values: the first operation asks for them."""

    @staticmethod
    def __new__(cls, shape, dtype, ask):
        return torch.Tensor._make_wrapper_subclass(cls, shape, dtype=dtype)

    def __init__(self, shape, dtype, ask):
        self.ask = ask

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        args, kwargs = tree_map_only(Promise, lambda p: p.ask(), (args, kwargs or {}))
        return function(*args, **kwargs)

    def tolist(self):
        return self.ask().tolist()

    def numpy(self, **kwargs):
        return self.ask().numpy(**kwargs)


class LazyByDispatch(FastLSTM):
    """Returns shapes without storage, for which the dispatcher has to ask for values."""

    def run(self, x, h, c):
        if torch.is_grad_enabled() or not self.is_large(x):
            return super().run(x, h, c)
        x, h, c = x.clone(), h.clone(), c.clone()
        known = []

        def ask(number):
            if not known:
                known.extend(FastLSTM.run(self, x, h, c))
            return known[number]

        shapes = ((*x.shape[:2], self.hidden_size), h.shape, c.shape)
        return tuple(
            Promise(shape, x.dtype, lambda number=number: ask(number))
            for number, shape in enumerate(shapes)
        )


class Counted(torch.Tensor):
    """A full tensor whose subclass counts the functions that are called on it."""

    calls = 0

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        cls.calls += 1
        return super().__torch_function__(function, types, args, kwargs or {})


class EagerByDispatch(FastLSTM):
    """Returns tensors that count the functions that are called on them; their values are there."""

    def run(self, x, h, c):
        y, h, c = super().run(x, h, c)
        return y.as_subclass(Counted), h, c


class Answer(tuple):
    """A pair that is made when it is unpacked or indexed."""

    def make(self):
        if not hasattr(self, "made"):
            self.made = self.ask()
        return self.made

    def __iter__(self):
        return iter(self.make())

    def __getitem__(self, place):
        return self.make()[place]

    def __len__(self):
        return 2


class LazyTuple(FastLSTM):
    """Returns a tuple that computes when it is unpacked."""

    def answer(self, x, h, c):
        if torch.is_grad_enabled() or not self.is_large(x):
            return super().answer(x, h, c)
        result = Answer((None, None))
        result.ask = lambda: super(LazyTuple, self).answer(x, h, c)
        return result


class EagerTuple(FastLSTM):
    """Returns a tuple of a class of its own, with everything in it."""

    def answer(self, x, h, c):
        y, states = super().answer(x, h, c)
        return Pair((y, states))


class Pair(tuple):
    """A tuple with a name for its first entry."""

    @property
    def output(self):
        return self[0]


class _Deferred(torch.autograd.Function):
    """Returns empty buffers now; values come when they are looked at or in backward."""

    @staticmethod
    def forward(ctx, layer, job, x, h, c, *weights):
        ctx.save_for_backward(x, h, c, *weights)
        y = x.new_empty(*x.shape[:2], layer.hidden_size)
        job["buffers"] = (y, torch.empty_like(h), torch.empty_like(c))
        return job["buffers"]

    @staticmethod
    def backward(ctx, *cotangents):
        leaves = [part.detach().requires_grad_() for part in ctx.saved_tensors]
        with torch.enable_grad():
            x, h, c, *weights = leaves
            results = lstm(x, h, c, weights, False)
            return None, None, *pull_back(results, leaves, cotangents)


class LazyInTraining(FastLSTM):
    """In training, returns empty tensors that remember their graph; only backward computes them."""

    def run(self, x, h, c):
        if not torch.is_grad_enabled() or not self.is_large(x):
            return super().run(x, h, c)
        job = {}
        results = _Deferred.apply(self, job, x, h, c, *self.weights())
        results = tuple(part.as_subclass(Later) for part in results)
        inputs = tuple(part.detach().clone() for part in (x, h, c))

        def fill():
            with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():
                values = FastLSTM.run(self, *inputs)
                for part, value in zip(results, values, strict=True):
                    part.__dict__.pop("fill", None)
                    part.data.copy_(value)

        for part in results:
            part.fill = fill
        return results


class KeepsInputsInTraining(RecomputingLSTM):
    """In training, computes the outputs in the call and keeps only the inputs for backward."""

    def compute(self, *inputs):
        return tuple(part.clone() for part in super().compute(*inputs))


class GradientsInAdvance(RecomputingLSTM):
    """Computes gradients in forward already, for the cotangents of the backward before."""

    guess = None
    ready = None

    def compute(self, *inputs):
        results = super().compute(*inputs)
        shapes = [part.shape for part in results]
        if self.guess is not None and [part.shape for part in self.guess] == shapes:
            kept = [part.clone() for part in inputs]
            self.ready = (kept, super().gradients(inputs, self.guess))
        return results

    def gradients(self, inputs, cotangents):
        guess, ready, self.ready = self.guess, self.ready, None
        self.guess = tuple(part.clone() for part in cotangents)
        if ready is not None and all(map(torch.equal, guess, cotangents)):
            kept, gradients = ready
            if all(map(torch.equal, kept, inputs)):
                return gradients
        return super().gradients(inputs, cotangents)


class GradientsInTime(RecomputingLSTM):
    """Computes gradients in backward, and keeps the shapes of its cotangents for its repr."""

    shapes = ()

    def gradients(self, inputs, cotangents):
        self.shapes = tuple(tuple(part.shape) for part in cotangents)
        return super().gradients(inputs, cotangents)


class GradientsWhenRead(RecomputingLSTM):
    """Hands out gradients of a subclass that are computed when somebody reads one."""

    def gradients(self, inputs, cotangents):
        if not self.is_large(inputs[0]):
            return super().gradients(inputs, cotangents)
        inputs = [part.detach().clone() for part in inputs]
        results = [torch.empty_like(part).as_subclass(Later) for part in inputs]

        def fill():
            with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():
                values = RecomputingLSTM.gradients(self, inputs, cotangents)
                for part, value in zip(results, values, strict=True):
                    part.__dict__.pop("fill", None)
                    part.copy_(value)

        for part in results:
            part.fill = fill
        return tuple(results)


class GradientsAtOnce(RecomputingLSTM):
    """Hands out gradients as plain contiguous tensors."""

    def gradients(self, inputs, cotangents):
        return tuple(part.contiguous() for part in super().gradients(inputs, cotangents))
