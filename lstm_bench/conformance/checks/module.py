"""The habits of a good module: it can be saved, copied, moved, and leaves the world alone."""

from __future__ import annotations

import copy
import io
import pickle
import warnings

import torch
from torch import nn

from lstm_bench.conformance.checks.common import must_agree, posed, told_as
from lstm_bench.conformance.checks.state import _quietly
from lstm_bench.conformance.problem import solve_instance
from lstm_bench.conformance.records import Failed, Skipped, Told, Warned
from lstm_bench.conformance.registry import check
from lstm_bench.errors import describe
from lstm_bench.subject import Instance, Subject
from lstm_bench.subject.tensors import held, same, unregistered


def _module(instance: Instance) -> nn.Module:
    if not isinstance(instance.module, nn.Module):
        raise Skipped("it is no nn.Module")
    return instance.module


@check("module")
def check_state_dict(subject: Subject) -> None:
    """state_dict loads strictly into a fresh module, which then computes the same."""
    instance, problem = posed(subject, seed=50)
    module = _module(instance)
    other, _ = posed(subject, seed=51)
    before = _quietly(instance, problem.x, problem.state)
    with told_as("state_dict() and load_state_dict(strict=True)"):
        other.module.load_state_dict(module.state_dict())
    after = _quietly(other, problem.x, problem.state)
    if any(not same(after[n], before[n], dtype=problem.x.dtype) for n in before):
        if any(n in subject.parameter_map.layouts for n in unregistered(module)):
            raise Skipped("what is not registered is not in it either, which is told by itself")
        lost = [n for n in held(module) if n not in module.state_dict()]
        if lost:
            raise Told(f"state_dict loses `{lost[0]}`: nothing saves it")
        raise Failed("a module that loaded another's state_dict computes something else")


@check("module")
def check_state_dict_is_strict(subject: Subject) -> None:
    """A state_dict that lacks something, or has too much, is refused; one that loads is copied."""
    instance, problem = posed(subject, seed=58)
    module = _module(instance)
    saved = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    if not saved:
        raise Skipped("its state_dict is empty")
    first = next(iter(saved))
    for words, wrong in (
        (f"without `{first}`", {n: t for n, t in saved.items() if n != first}),
        ("with a name that it does not know", {**saved, "no_such_parameter": saved[first]}),
    ):
        if _loads(module, wrong):
            raise Told(
                f"load_state_dict(strict=True) takes a state_dict {words} without a word: a wrong "
                "checkpoint passes for a right one"
            )
    if not _loads(module, saved):
        raise Skipped("it does not load its own state_dict, which is told by itself")
    before = _quietly(instance, problem.x, problem.state)
    with torch.no_grad():
        for tensor in saved.values():
            tensor.zero_()
    after = _quietly(instance, problem.x, problem.state)
    if any(not same(after[n], before[n], dtype=problem.x.dtype) for n in before):
        raise Told(
            "load_state_dict keeps the tensors that it was given instead of copying them: two "
            "modules that load one state_dict share their weights"
        )


def _loads(module: nn.Module, saved: dict[str, torch.Tensor]) -> bool:
    try:
        module.load_state_dict(saved)
    except Exception:
        return False
    return True


@check("module")
def check_modes_return_it(subject: Subject) -> None:
    """train() and eval() return the module, as everybody's ``model = model.eval()`` needs."""
    module = _module(posed(subject)[0])
    for name, given in (("eval", module.eval()), ("train", module.train())):
        if given is not module:
            raise Told(
                f"{name}() returns {type(given).__name__} and not the module: after "
                f"`model = model.{name}()` there is none"
            )


@check("module")
def check_parameters_registered(subject: Subject) -> None:
    """Everything that is learnt is among parameters()."""
    instance, _ = posed(subject)
    missing = [n for n in unregistered(_module(instance)) if n in subject.parameter_map.layouts]
    if missing:
        raise Told(
            f"`{missing[0]}` is not a registered parameter: no optimiser sees it, nothing saves it"
        )
    if not any(True for _ in _module(instance).parameters()):
        raise Told("parameters() is empty: no optimiser sees what it learns")
    for name, tensor in _loose(_module(instance)).items():
        if _moves(subject, name):
            raise Warned(
                f"`{name}` {tuple(tensor.shape)} takes part in the results and is neither a "
                "parameter nor a buffer: nothing trains it, saves it or moves it to a device"
            )


def _loose(module: nn.Module) -> dict[str, torch.Tensor]:
    """Plain tensors that it holds beside its parameters and buffers."""
    kept = {id(t) for t in (*module.parameters(), *module.buffers())}
    return {n: t for n, t in held(module).items() if id(t) not in kept and not t.requires_grad}


def _moves(subject: Subject, name: str) -> bool:
    """Whether the results move with a tensor that a module holds."""
    results = []
    for nudge in (0.0, 0.3):
        instance, problem = posed(subject)
        tensor = held(instance.module).get(name)
        if tensor is None:
            return False  # a call made it
        with torch.no_grad():
            tensor += nudge
        results.append(_quietly(instance, problem.x, problem.state))
    return any(not same(results[1][n], results[0][n], dtype=subject.dtype) for n in results[0])


@check("module")
def check_parameters_trainable(subject: Subject) -> None:
    """What feeds the gates wants a gradient, as far as anything does."""
    instance, _ = posed(subject)
    tensors, layouts = held(instance.module), subject.parameter_map.layouts
    wanting = [n for n in layouts if tensors[n].requires_grad]
    if not wanting:
        raise Warned("none of its weights wants a gradient (requires_grad is off): nothing learns")
    fed = {(kind, g) for n in wanting for kind in layouts[n].kinds for g in layouts[n].gate_order}
    for name, layout in layouts.items():
        alone = {(kind, g) for kind in layout.kinds for g in layout.gate_order} - fed
        if alone:
            raise Told(
                f"`{name}` wants no gradient (requires_grad is off), though others do: it is "
                "frozen, and stays as it was made"
            )


@check("module")
def check_deepcopy(subject: Subject) -> None:
    """A deep copy, taken after a call, computes the same and is independent."""
    # In float32, in which a copy that is built anew runs too.
    instance, problem = posed(subject, seed=52, dtype=torch.float32)
    before = _quietly(instance, problem.x, problem.state)
    instance.run(problem.x, problem.state)  # with gradients: what it keeps then is copied too
    try:
        twin = copy.deepcopy(_module(instance))
    except Exception as error:
        raise Warned(f"it cannot be deep-copied: {describe(error)}") from error
    copied = Instance(
        twin, instance.interface, instance.parameter_map, instance.input_size,
        instance.hidden_size, instance.head_size,
    )  # fmt: skip
    try:
        after = _quietly(copied, problem.x, problem.state)
    except Exception as error:
        raise Warned(f"a deep copy does not run: {describe(error)}") from error
    if any(not same(after[n], before[n], dtype=problem.x.dtype) for n in before):
        raise Told("a deep copy computes something else")
    copied.load(problem.parameters.map(lambda t: t * 0.5))
    other, own = (_quietly(one, problem.x, problem.state) for one in (copied, instance))
    if any(not same(own[n], before[n], dtype=problem.x.dtype) for n in before):
        raise Told("a deep copy shares its weights with the original")
    if all(same(other[n], before[n], dtype=problem.x.dtype) for n in before):
        raise Told("a deep copy computes with the original's weights, whatever its own are")


@check("module")
def check_pickle(subject: Subject) -> None:
    """It can be pickled, and what comes back computes the same."""
    instance, problem = posed(subject, seed=53)
    module = _module(instance)
    before = _quietly(instance, problem.x, problem.state)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if isinstance(module, torch.jit.ScriptModule):
                buffer = io.BytesIO()
                torch.jit.save(module, buffer)
                buffer.seek(0)
                twin = torch.jit.load(buffer)  # type: ignore[no-untyped-call]
            else:
                twin = pickle.loads(pickle.dumps(module))
    except Exception as error:
        raise Warned(f"it cannot be pickled: {describe(error)}") from error
    copied = Instance(
        twin, instance.interface, instance.parameter_map, instance.input_size,
        instance.hidden_size, instance.head_size,
    )  # fmt: skip
    after = _quietly(copied, problem.x, problem.state)
    if any(not same(after[n], before[n], dtype=problem.x.dtype) for n in before):
        raise Told("a pickled copy computes something else")


@check("module")
def check_eval_after_change(subject: Subject) -> None:
    """New weights count at once, after calls in train() and in eval() mode."""
    instance, first = posed(subject, seed=54)
    module = _module(instance)
    with torch.no_grad():
        for training in (True, False):
            module.train(training)
            instance.run(first.x.clone(), first.state)
    module.eval()
    problem = type(first)(
        instance.load(first.parameters.map(lambda t: t * 0.5)),
        first.x,
        first.state,
        first.cotangents,
    )

    got = solve_instance(instance, problem, gradients=False)
    must_agree(subject, got, problem, "after the weights changed", gradients=False)


@check("module")
def check_settings_kept(subject: Subject) -> None:
    """Building and calling it changes no global setting."""
    before = _settings()
    instance, problem = posed(subject, seed=55)
    _quietly(instance, problem.x, problem.state)
    changed = [name for name, value in _settings().items() if before[name] != value]
    if changed:
        raise Failed(f"it changes a global setting: {changed[0]}")


def _settings() -> dict[str, object]:
    return {
        "the default dtype": torch.get_default_dtype(),
        "the number of threads": torch.get_num_threads(),
        "grad mode": torch.is_grad_enabled(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "the matmul precision": torch.get_float32_matmul_precision(),
    }


@check("module", opt_in=True)
def check_compile(subject: Subject) -> None:
    """torch.compile gives the same values. Slow, so only when asked for."""
    instance, problem = posed(subject, seed=56)
    before = _quietly(instance, problem.x, problem.state)
    instance.module = torch.compile(instance.module)
    with told_as("under torch.compile"):
        after = _quietly(instance, problem.x, problem.state)
    if any(not torch.allclose(after[n], before[n], rtol=1e-6, atol=1e-8) for n in before):
        raise Failed("under torch.compile it computes something else")


@check("module", opt_in=True)
def check_export(subject: Subject) -> None:
    """torch.export gives a program with the same values. Slow, so only when asked for."""
    instance, problem = posed(subject, seed=57)
    with torch.no_grad():
        own = instance.bind(problem.x, problem.state)()
    before = instance.trace(own, *problem.x.shape[:2])
    arguments, keywords = instance.native(problem.x, problem.state)
    with told_as("under torch.export"), torch.no_grad():
        program = torch.export.export(_module(instance), arguments, keywords)
        result = program.module()(*arguments, **keywords)
    after = instance.trace(result, *problem.x.shape[:2])
    if any(not torch.allclose(after[n], before[n], rtol=1e-6, atol=1e-8) for n in before):
        raise Failed("the exported program computes something else")
