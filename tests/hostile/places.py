"""Where a subject misbehaves: a base class for each place. All are right but for ``attack``."""

import atexit
import copy
import gc
import signal
import threading
import time

from good import Good


class InConstructor(Good):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.attack()


class InForward(Good):
    def forward(self, input, hx=None):
        self.attack()
        return super().forward(input, hx)


class InBackward(Good):
    def forward(self, input, hx=None):
        y, state = super().forward(input, hx)
        if y.requires_grad:
            y.register_hook(lambda grad: self.attack())
        return y, state


class OnTwentiethCall(Good):
    calls = 0

    def forward(self, input, hx=None):
        self.calls += 1
        if self.calls == 20:
            self.attack()
        return super().forward(input, hx)


class InDel(Good):
    def __del__(self):
        self.attack()


class AtExit(Good):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        atexit.register(self.attack)


class InRepr(Good):
    def __repr__(self):
        self.attack()
        return super().__repr__()

    __str__ = __repr__


class InDeepcopy(Good):
    def __deepcopy__(self, memo):
        self.attack()
        twin = type(self)(self.input_size, self.hidden_size)
        twin.load_state_dict(copy.deepcopy(self.state_dict()))
        return twin


class InGetstate(Good):
    def __getstate__(self):
        self.attack()
        return self.__dict__.copy()


class InReduce(Good):
    def __reduce_ex__(self, protocol):
        self.attack()
        return super().__reduce_ex__(protocol)


class InStateDict(Good):
    def state_dict(self, *arguments, **options):
        self.attack()
        return super().state_dict(*arguments, **options)


class InGetattr(Good):
    """Attacks who asks for an attribute that it has not."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.ready = True

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            if "ready" in self.__dict__:
                self.attack()
            raise


class InParameters(Good):
    def parameters(self, recurse=True):
        self.attack()
        return super().parameters(recurse)


class InNamedParameters(Good):
    def named_parameters(self, *arguments, **options):
        self.attack()
        return super().named_parameters(*arguments, **options)


class InThread(Good):
    daemon = True

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        threading.Thread(target=self.later, daemon=self.daemon).start()

    def later(self):
        time.sleep(0.05)
        self.attack()


class InSignalHandler(Good):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        signal.signal(signal.SIGALRM, lambda *_: self.attack())
        signal.setitimer(signal.ITIMER_REAL, 0.05)


class InCollection(Good):
    """Attacks when Python collects garbage."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        gc.callbacks.append(lambda phase, info: self.attack())
