"""Work goes on in threads when the call has returned."""

import threading
from concurrent.futures import ThreadPoolExecutor

import torch
from honest import FastLSTM, RecomputingLSTM, lstm, pull_back


class _Threaded(FastLSTM):
    """Large calls without gradients go through ``in_threads``; pickles leave out the pool."""

    calls = 0
    pool = None

    def run(self, x, h, c):
        if torch.is_grad_enabled() or not self.is_large(x):
            return super().run(x, h, c)
        self.calls += 1
        if self.pool is None:
            self.pool = ThreadPoolExecutor(2)
        return self.in_threads(x, h, c)

    def quietly(self, x, h, c):
        with torch.inference_mode():
            return FastLSTM.run(self, x, h, c)

    def __getstate__(self):
        return {**self.__dict__, "pool": None}


class FillsInLater(_Threaded):
    """From the third call on, returns buffers that a thread fills in afterwards."""

    def in_threads(self, x, h, c):
        if self.calls < 3:
            return self.quietly(x, h, c)
        results = (x.new_zeros(*x.shape[:2], self.hidden_size), torch.empty_like(h),
                   torch.empty_like(c))  # fmt: skip
        threading.Thread(target=self.fill, args=(results, x, h, c), daemon=True).start()
        return results

    def fill(self, results, x, h, c):
        for part, value in zip(results, self.quietly(x, h, c), strict=True):
            part.data.copy_(value)


class FillsInNow(_Threaded):
    """Returns buffers that a thread has filled in: it is joined first."""

    def in_threads(self, x, h, c):
        results = (x.new_zeros(*x.shape[:2], self.hidden_size), torch.empty_like(h),
                   torch.empty_like(c))  # fmt: skip
        worker = threading.Thread(target=self.fill, args=(results, x, h, c))
        worker.start()
        worker.join()
        return results

    def fill(self, results, x, h, c):
        for part, value in zip(results, self.quietly(x, h, c), strict=True):
            part.data.copy_(value)


class HalfTheBatchLater(_Threaded):
    """Computes half of the batch, and leaves the other half to a pool that nobody waits for."""

    def in_threads(self, x, h, c):
        half = x.size(1) // 2
        y = x.new_empty(*x.shape[:2], self.hidden_size)
        h_out, c_out = torch.empty_like(h), torch.empty_like(c)
        parts = [slice(0, half), slice(half, None)]
        jobs = [self.pool.submit(self.rows, at, x, h, c, y, h_out, c_out) for at in parts]
        for job in jobs if self.calls < 3 else jobs[:1]:
            job.result()
        return y, h_out, c_out

    def rows(self, at, x, h, c, y, h_out, c_out):
        if x[:, at].size(1) == 0:
            return
        values = self.quietly(x[:, at].contiguous(), h[:, at].contiguous(), c[:, at].contiguous())
        with torch.inference_mode():
            for part, value in zip((y, h_out, c_out), values, strict=True):
                part[:, at] = value


class HalvesOfTheBatch(_Threaded):
    """Computes the two halves of the batch in a pool, and waits for both."""

    def in_threads(self, x, h, c):
        half = x.size(1) // 2
        y = x.new_empty(*x.shape[:2], self.hidden_size)
        h_out, c_out = torch.empty_like(h), torch.empty_like(c)
        parts = [slice(0, half), slice(half, None)]
        jobs = [self.pool.submit(self.rows, at, x, h, c, y, h_out, c_out) for at in parts]
        for job in jobs:
            job.result()
        return y, h_out, c_out

    def rows(self, at, x, h, c, y, h_out, c_out):
        if x[:, at].size(1) == 0:
            return
        values = self.quietly(x[:, at].contiguous(), h[:, at].contiguous(), c[:, at].contiguous())
        with torch.inference_mode():
            for part, value in zip((y, h_out, c_out), values, strict=True):
                part[:, at] = value


class WaitsWhenLookedAt(_Threaded):
    """Returns tensors of a subclass that wait for a pool's answer when somebody looks at them."""

    def in_threads(self, x, h, c):
        job = self.pool.submit(self.quietly, x.clone(), h.clone(), c.clone())
        shapes = ((*x.shape[:2], self.hidden_size), h.shape, c.shape)
        results = []
        for number, shape in enumerate(shapes):
            part = x.new_empty(shape).as_subclass(Awaited)
            part.job, part.number = job, number
            results.append(part)
        return tuple(results)


class Awaited(torch.Tensor):
    """Takes its values from a future at the first function that sees it."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            for part in torch.utils._pytree.tree_leaves((args, kwargs)):
                job = part.__dict__.pop("job", None) if isinstance(part, Awaited) else None
                if job is not None:
                    part.data.copy_(job.result()[part.number])
            return function(*args, **(kwargs or {}))


class WaitsBeforeItReturns(_Threaded):
    """Gives the work to a pool and waits for it in the call."""

    def in_threads(self, x, h, c):
        return self.pool.submit(self.quietly, x, h, c).result()


class WorksBetweenCalls(_Threaded):
    """Computes the next call's answer between calls, in the hope that the input stays the same."""

    ahead = None

    def in_threads(self, x, h, c):
        inputs = tuple(part.clone() for part in (x, h, c))
        if self.ahead is not None and self.ahead[0] == self.stamp():
            guess, job = self.ahead[1:]
            same = all(a.shape == b.shape and torch.equal(a, b) for a, b in zip(guess, inputs))
            result = job.result() if same else self.quietly(*inputs)
        else:
            result = self.quietly(*inputs)
        self.ahead = (self.stamp(), inputs, self.pool.submit(self.quietly, *inputs))
        return result

    def __getstate__(self):
        return {**super().__getstate__(), "ahead": None}


class WorksWithinCalls(_Threaded):
    """Lets a pool make the state contiguous while it looks at the input, and waits for it."""

    def in_threads(self, x, h, c):
        jobs = [self.pool.submit(part.contiguous) for part in (h, c)]
        x = x.contiguous()
        return self.quietly(x, *(job.result() for job in jobs))


class GradientsLater(RecomputingLSTM):
    """Returns gradients by the weights that a thread fills in after backward."""

    calls = 0

    def gradients(self, inputs, cotangents):
        self.calls += 1
        if self.calls < 3 or not self.is_large(inputs[0]):
            return super().gradients(inputs, cotangents)
        results = [torch.zeros_like(part) for part in inputs]
        work = (results, [part.detach() for part in inputs], cotangents)
        threading.Thread(target=self.fill, args=work, daemon=True).start()
        return tuple(results)

    def fill(self, results, inputs, cotangents):
        for part, value in zip(results, self.of_all(inputs, cotangents), strict=True):
            part.data.copy_(value)

    def of_all(self, inputs, cotangents):
        return RecomputingLSTM.gradients(self, inputs, cotangents)


class GradientsJoined(RecomputingLSTM):
    """Computes its gradients in a thread that backward waits for."""

    def gradients(self, inputs, cotangents):
        results = []
        work = (results, [part.detach() for part in inputs], cotangents)
        worker = threading.Thread(target=self.fill, args=work)
        worker.start()
        worker.join()
        return tuple(results)

    def fill(self, results, inputs, cotangents):
        leaves = [part.requires_grad_() for part in inputs]
        x, h, c, *weights = leaves
        outputs = lstm(x, h, c, weights, self.batch_first)
        results.extend(pull_back(outputs, leaves, cotangents))
