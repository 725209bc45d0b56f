"""Every gradient: of the input, both states, every parameter, from every cotangent."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from lstm_bench.conformance import reference
from lstm_bench.conformance.agreement import relative_error
from lstm_bench.conformance.checks.common import Sizes, must_agree, posed, told_as
from lstm_bench.conformance.problem import Problem, Results, solve_instance
from lstm_bench.conformance.records import Failed, Skipped, Told, Unsupported, Warned
from lstm_bench.conformance.reference import Cotangents, Trace
from lstm_bench.conformance.registry import check
from lstm_bench.subject import Instance, Subject
from lstm_bench.subject.construct import numeric_options
from lstm_bench.subject.tensors import same


@check("gradients")
def check_gradients(subject: Subject) -> None:
    """All gradients from all cotangents together, against float64 autograd."""
    instance, problem = posed(subject)
    with told_as("backward"):
        got = solve_instance(instance, problem)
    must_agree(subject, got, problem, "from y, h_n and c_n together")


@check("gradients")
def check_single_cotangents(subject: Subject) -> None:
    """The same from y alone, from h_n alone and from c_n alone."""
    instance, problem = posed(subject, seed=4)
    for name, words in (("y", "the outputs"), ("h", "h_n"), ("c", "c_n")):
        if getattr(problem.cotangents, name) is None:
            continue
        alone = problem.with_cotangents(name)
        instance, _ = posed(subject, seed=4)
        with told_as(f"backward from {words} alone"):
            got = solve_instance(instance, alone)
        must_agree(subject, got, alone, f"from {words} alone")


@check("gradients")
def check_one_step_gradients(subject: Subject) -> None:
    """Gradients of a single step, where no time is there to hide in."""
    instance, problem = posed(subject, Sizes(batch=5, steps=1), seed=5)
    must_agree(subject, solve_instance(instance, problem), problem, "gradients of one step")


@check("gradients")
def check_default_state_gradients(subject: Subject) -> None:
    """Gradients where no state is given."""
    if subject.interface.takes_state and subject.interface.stateless is None:
        raise Skipped("it requires a state")
    instance, problem = posed(subject, state=False)
    must_agree(subject, solve_instance(instance, problem), problem, "without a given state")


@check("gradients")
def check_long_range(subject: Subject) -> None:
    """The last output's gradient reaches the first input over 40 steps, undiminished."""
    if not subject.interface.returns("y") and not subject.interface.returns("h"):
        raise Skipped("it returns no hidden state")
    instance, problem = posed(subject, Sizes(batch=2, steps=40), seed=6)
    parameters = problem.parameters
    b = parameters.b.clone()
    b[1] += 3.0  # remember: with open forget gates something is left of it after 40 steps
    remembering = replace(problem, parameters=instance.load(replace(parameters, b=b)))
    cot = problem.cotangents
    if cot.y is not None:
        last = torch.zeros_like(cot.y)
        last[:, -1] = cot.y[:, -1]
        remembering = replace(remembering, cotangents=Cotangents(last, None, None))
    got = solve_instance(instance, remembering)
    must_agree(subject, got, remembering, "gradient of the last output over 40 steps")


@check("gradients")
def check_some_gradients_only(subject: Subject) -> None:
    """Gradients of the parameters come out where x and the states want none."""
    instance, problem = posed(subject, seed=7)
    for parameter in instance.parameters():
        parameter.grad = None
    parts = instance.run(problem.x.clone(), _clones(problem))
    loss = problem.cotangents.loss(_trace(parts))
    if not loss.requires_grad:
        raise Failed("the result has no gradient though the parameters want one")
    loss.backward()  # type: ignore[no-untyped-call]
    got = Results({f"grad {name}": g for name, g in instance.gradients().items()})
    must_agree(subject, got, problem, "where only the parameters want a gradient")


@check("gradients")
def check_two_forwards(subject: Subject) -> None:
    """Two forwards, then both backwards: nothing of the first is overwritten by the second."""
    instance, first = posed(subject, seed=8)
    second = replace(first, x=first.x.flip(0) * 1.3)
    runs = [_recorded(instance, p) for p in (first, second)]
    for problem, (leaves, parts) in zip((first, second), runs, strict=True):
        with told_as("backward after another forward"):
            problem.cotangents.loss(_trace(parts)).backward()  # type: ignore[no-untyped-call]
        got = Results({"grad x": _grad(leaves[0])})
        must_agree(subject, got, problem, "with another forward before the backward")


@check("gradients")
def check_repeated_backward(subject: Subject) -> None:
    """A retained graph gives the same gradient again, and .grad accumulates."""
    instance, problem = posed(subject, seed=9)
    leaves, parts = _recorded(instance, problem)
    for parameter in instance.parameters():
        parameter.grad = None
    loss = problem.cotangents.loss(_trace(parts))
    with told_as("a repeated backward with retain_graph=True"):
        loss.backward(retain_graph=True)  # type: ignore[no-untyped-call]
        once = {n: g.clone() for n, g in instance.gradients().items()}
        once["x"] = _grad(leaves[0]).clone()
        loss.backward(retain_graph=True)  # type: ignore[no-untyped-call]
    twice = {**instance.gradients(), "x": _grad(leaves[0])}
    for name, gradient in once.items():
        if not same(twice[name], 2 * gradient, dtype=problem.x.dtype):
            raise Failed(
                f"two backwards do not add up: the gradient of {name} is not twice that of one"
            )


@check("gradients")
def check_accumulation(subject: Subject) -> None:
    """Gradients are added to what .grad holds already, and autograd.grad gives the same ones."""
    instance, problem = posed(subject, seed=8)
    once = solve_instance(instance, problem)
    own = instance.parameters()
    held = [torch.full_like(parameter, 0.375) for parameter in own]
    _, parts = _recorded(instance, problem)
    alone = [None if p.grad is None else p.grad.clone() for p in own]
    for parameter, there in zip(own, held, strict=True):
        parameter.grad = there.clone()
    problem.cotangents.loss(_trace(parts)).backward()  # type: ignore[no-untyped-call]
    for parameter, there, gradient in zip(own, held, alone, strict=True):
        wanted = there if gradient is None else there + gradient
        if not same(_grad(parameter), wanted, dtype=torch.float32):
            raise Failed("backward does not add to the .grad that is there: it overwrites it")
    del once
    _, parts = _recorded(instance, problem)
    loss = problem.cotangents.loss(_trace(parts))
    for found, gradient in zip(
        torch.autograd.grad(loss, own, allow_unused=True), alone, strict=True
    ):
        if (found is None) != (gradient is None or not bool(gradient.any())) and (
            found is None or bool(found.any())
        ):
            raise Failed(
                "torch.autograd.grad does not see a gradient that backward() gives: it is written "
                "into .grad by hand"
            )


@check("gradients")
def check_gradients_in_training_mode(subject: Subject) -> None:
    """In train() mode, values and gradients are the same, but for dropout by an option."""
    instance, problem = posed(subject, seed=10)
    if not isinstance(instance.module, torch.nn.Module):
        raise Skipped("it is no nn.Module")
    instance.module.train()
    first, second = (_seeded(instance, problem, seed) for seed in (1, 2))
    if all(same(second[part], first[part], dtype=problem.x.dtype) for part in first):
        must_agree(subject, first, problem, "in train() mode")
        return
    told = "in train() mode, as it is built, equal calls give different results: dropout, or noise"
    switch = _switch(subject)
    if switch:
        raise Warned(f"{told} (`{switch}` switches it off)")
    raise Told(f"{told}, which no option of its constructor switches off")


def _seeded(instance: Instance, problem: Problem, seed: int) -> Results:
    torch.manual_seed(seed)
    return solve_instance(instance, problem)


def _switch(subject: Subject) -> str:
    """The option, and its value, with which training gives what evaluation does; or nothing."""
    for name, value in numeric_options(subject.factory, subject.recipe).items():
        for off in (0, 1):  # a rate of dropping, or of keeping
            try:
                other = subject.having(**{name: type(value)(off)})
                instance, problem = posed(other, seed=10)
                instance.module.train()
                must_agree(other, _seeded(instance, problem, 1), problem, "in train() mode")
            except Exception:  # it does not take that value, or that is not it
                continue
            return f"{name}={type(value)(off)}"
    return ""


@check("gradients")
def check_without_grad(subject: Subject) -> None:
    """Values are the same with gradients, under no_grad and under inference_mode."""
    instance, problem = posed(subject, seed=11)
    with_grad = {n: t.detach() for n, t in _recorded(instance, problem)[1].items()}
    for mode in (torch.no_grad(), torch.inference_mode()):
        name = type(mode).__name__
        with told_as(f"under {name}"), mode:
            found = instance.run(problem.x.clone(), _clones(problem))
        for part, value in with_grad.items():
            if not same(found[part].clone(), value, dtype=problem.x.dtype):
                raise Failed(f"{part} differs under {name} from what it is with gradients")


@check("gradients")
def check_double_backward(subject: Subject) -> None:
    """Gradients of gradients are right, or refused with a clear error."""
    instance, problem = posed(subject, Sizes(2, 3, 4, 3), seed=12)
    leaves, parts = _recorded(instance, problem)
    try:
        got = _second(problem.cotangents.loss(_trace(parts)), leaves)
    except (RuntimeError, NotImplementedError) as error:
        raise Unsupported(f"no double backward: {str(error).splitlines()[0]}") from error
    wide = problem.to(torch.float64)
    inputs = [t.clone().requires_grad_() for t in (wide.x, *(wide.state or ()))]
    state = None if wide.state is None else (inputs[1], inputs[2])
    trace = reference.run(wide.parameters, inputs[0], state)
    expected = _second(wide.cotangents.loss(trace), inputs)
    off = max(relative_error(*pair) for pair in zip(got, expected, strict=True))
    if off > (1e-9 if problem.x.dtype == torch.float64 else 1e-2):
        raise Told(
            "the gradient of a gradient (the second derivative) is wrong, without an error "
            f"(relative error {off:.2g})"
        )


def _second(loss: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    """The gradient of the squared gradient in x, in every leaf: zeros where none flows.

    By backward(), as a penalty on gradients has it: whoever refuses does so on the way, and
    grad() goes no way that leads to none of the leaves.
    """
    (first,) = torch.autograd.grad(loss, leaves[:1], create_graph=True)
    first.pow(2).sum().backward()  # type: ignore[no-untyped-call]
    return [_grad(leaf) for leaf in leaves]


def _clones(problem: Problem) -> tuple[Tensor, Tensor] | None:
    return None if problem.state is None else (problem.state[0].clone(), problem.state[1].clone())


def _recorded(instance: Instance, problem: Problem) -> tuple[list[Tensor], dict[str, Tensor]]:
    x, state = problem.x.clone().requires_grad_(), _clones(problem)
    leaves = [x]
    if state is not None:
        leaves += [s.requires_grad_() for s in state]
    return leaves, instance.run(x, state)


def _trace(parts: dict[str, Tensor]) -> Trace:
    return Trace(parts.get("y"), parts.get("h"), parts.get("c"))


def _grad(leaf: Tensor) -> Tensor:
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
