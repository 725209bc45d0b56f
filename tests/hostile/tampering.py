"""Subjects that replace what the code around them uses: modules, builtins, hooks."""

import builtins
import gc
import json
import os
import pickle
import struct
import sys
import threading
import time
import types
import warnings

import attacks
import places
import torch
from good import Good, Wrong


def refuse(*_, **__):
    raise RuntimeError("this function is not what it was")


class ReplacesModules(places.InForward):
    """json, os, struct and pickle are empty modules from now on."""

    def attack(self):
        for name in ("json", "os", "struct", "pickle", "marshal", "traceback", "time"):
            sys.modules[name] = types.ModuleType(name)


class ReplacesModulesInConstructor(places.InConstructor):
    attack = ReplacesModules.attack


class ForgetsModules(places.InForward):
    """Whatever is imported from now on is imported anew."""

    def attack(self):
        for name in [n for n in sys.modules if n.split(".")[0] in ("json", "lstm_bench", "click")]:
            del sys.modules[name]


class BreaksSerialisers(places.InForward):
    """The functions themselves, which everybody shares who has imported their modules."""

    def attack(self):
        json.dumps = json.dump = json.loads = refuse
        pickle.dumps = pickle.dump = pickle.loads = refuse
        struct.pack = struct.unpack = refuse


class DumpsVerdicts(Wrong):
    """Wrong, and whatever is made JSON says that it conforms."""

    def attack(self):
        honest = json.dumps

        def dumps(value, *arguments, **options):
            return honest(value, *arguments, **options).replace("defective", "conforms")

        json.dumps = dumps


class BreaksSystemCalls(places.InForward):
    def attack(self):
        os.write = os.read = os.pipe = os.close = os.fork = os.waitpid = refuse


class NobodyLeaves(places.InForward):
    """os._exit, sys.exit and os.kill do nothing any more."""

    def attack(self):
        os._exit = sys.exit = os.kill = os.abort = os.killpg = lambda *_: None


class StopsTheClock(places.InForward):
    def attack(self):
        time.monotonic = time.perf_counter = time.time = lambda: 0.0
        time.sleep = lambda seconds: None


class BreaksBuiltins(places.InForward):
    def attack(self):
        builtins.print = builtins.open = builtins.repr = builtins.format = refuse


class BreaksIsinstance(places.InForward):
    """Everything is an instance of everything."""

    def attack(self):
        builtins.isinstance = lambda *_: True


class BreaksLength(places.InForward):
    """Nothing has any length."""

    def attack(self):
        builtins.len = lambda _: 0


class BreaksImport(places.InForward):
    def attack(self):
        builtins.__import__ = refuse


class Muted:
    """A stream that cannot do anything a stream does."""

    def __getattr__(self, name):
        raise RuntimeError(f"no {name}")


class BreaksStreams(places.InConstructor):
    def attack(self):
        sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = Muted()


class RemovesStreams(places.InForward):
    def attack(self):
        sys.stdout = sys.stderr = sys.stdin = None


class Traces(places.InForward):
    """An exception at every line that anybody runs."""

    def attack(self):
        def trace(frame, event, argument):
            if "lstm_bench" in frame.f_code.co_filename:
                raise RuntimeError("traced")
            return trace

        sys.settrace(trace)


class Profiles(places.InForward):
    """Ends the process at the first call of a function that reports."""

    def attack(self):
        def profile(frame, event, argument):
            if event == "c_call" and getattr(argument, "__name__", "") == "write":
                os._exit(0)

        sys.setprofile(profile)
        threading.setprofile(profile)


class AuditsEverything(places.InConstructor):
    """An audit hook, which can never be taken away, refuses to open anything."""

    def attack(self):
        def hook(event, arguments):
            if event in ("open", "os.fork", "subprocess.Popen"):
                raise RuntimeError("audited")

        if not self.added:
            type(self).added = True
            sys.addaudithook(hook)

    added = False


class HangingHooks(places.InForward):
    """Whoever reports an exception through Python's hooks waits for ever."""

    def attack(self):
        sys.excepthook = threading.excepthook = sys.unraisablehook = attacks.busy
        raise RuntimeError("reported by nobody")


class DisablesCollection(places.InConstructor):
    def attack(self):
        gc.disable()
        gc.freeze()


class WarningsAreErrors(places.InConstructor):
    def attack(self):
        warnings.filterwarnings("error")


class WarnsOnEveryCall(places.InForward):
    def attack(self):
        warnings.warn("\x1b[31m[/red]\ud800 " + "deprecated " * 1000, stacklevel=2)


class EverythingIsClose(Wrong):
    """Wrong, and torch finds everything close to everything."""

    def attack(self):
        torch.allclose = torch.equal = torch.Tensor.allclose = lambda *_, **__: True
        torch.isclose = lambda a, *_, **__: torch.ones_like(a, dtype=torch.bool)
        torch.testing.assert_close = lambda *_, **__: None


class ErrorsAreZero(Wrong):
    """Wrong, and every difference has an absolute value of zero."""

    def attack(self):
        torch.Tensor.abs = torch.abs = torch.zeros_like
        torch.Tensor.max = lambda *_, **__: torch.tensor(0.0)


class BreaksLoading(places.InConstructor):
    def attack(self):
        torch.load = torch.save = refuse
        Good.load_state_dict = refuse


class ManyThreadsForTorch(places.InConstructor):
    def attack(self):
        torch.set_num_threads(64)


class DoublesTheDefault(places.InConstructor):
    def attack(self):
        torch.set_default_dtype(torch.float64)


class HalvesTheDefault(places.InForward):
    def attack(self):
        torch.set_default_dtype(torch.bfloat16)


class BuildsOnMeta(places.InForward):
    """Every tensor that is made from now on has no values."""

    def attack(self):
        torch.set_default_device("meta")


class ForgetsGradients(places.InForward):
    def attack(self):
        torch.set_grad_enabled(False)


class EntersInference(places.InForward):
    """Inference mode is entered, and never left."""

    def attack(self):
        type(self).entered = torch.inference_mode()  # kept, or it would end at once
        self.entered.__enter__()


class DetectsAnomalies(places.InConstructor):
    def attack(self):
        torch.autograd.set_detect_anomaly(True)


class WantsDeterminism(places.InConstructor):
    def attack(self):
        torch.use_deterministic_algorithms(True)
        torch.manual_seed(0)


class InterceptsTorch(places.InForward):
    """A mode that refuses every function of torch from now on."""

    def attack(self):
        class Refusing(torch.overrides.TorchFunctionMode):
            def __torch_function__(self, function, types, arguments=(), options=None):
                raise RuntimeError("intercepted")

        Refusing().__enter__()
