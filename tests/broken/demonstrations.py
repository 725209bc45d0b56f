"""Ways to show that a defect is real: each is True of the defect and False of its intact host.

Each names an input, or a sequence of calls, on which the difference shows.
"""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from tests.broken.trial import CLOSE, State, Trial, differ, raises

Demonstration = Callable[[Trial], bool]


def values_differ(trial: Trial, x: Tensor, state: State, close: float = CLOSE) -> bool:
    subject, host = (trial.call(m, x, state) for m in (trial.subject, trial.host))
    return differ(subject, host, close)


# --- values --------------------------------------------------------------------------------------


def values(trial: Trial) -> bool:
    return values_differ(trial, trial.x(), trial.state())


def default(trial: Trial) -> bool:
    return values_differ(trial, trial.x(), None)


def eval_values(trial: Trial) -> bool:
    trial.subject.eval()
    return values(trial)


def large_input(trial: Trial) -> bool:
    return values_differ(trial, 40 * trial.x(), trial.state())


def large_cell(trial: Trial) -> bool:
    h, c = trial.state()
    return values_differ(trial, trial.x(), (h, 200 * c))


def imprecise(trial: Trial) -> bool:
    """In float32, by more than rounding explains."""
    x, (h, c) = trial.x().float(), trial.state()
    state = h.float(), c.float()
    trial.subject.float()
    trial.host.float()
    return values_differ(trial, x, state, close=2e-5)


def raises_where_host_does_not(trial: Trial) -> bool:
    x, state = trial.x(), trial.state()
    trial.call(trial.host, x, state)
    return raises(lambda: trial.call(trial.subject, x, state))


def default_raises(trial: Trial) -> bool:
    return raises(lambda: trial.call(trial.subject, trial.x(), None))


# --- gradients -----------------------------------------------------------------------------------


def gradients_of(trial: Trial, module: nn.Module, inputs: list[Tensor], order: int = 1) -> Any:
    """Gradients of a random projection of y, h, c to x, h0, c0 and every parameter; None as 0."""
    x, h, c = (t.detach().requires_grad_() for t in inputs)
    leaves = [x, h, c, *module.parameters()]
    parts = trial.call(module, x, (h, c))
    draw = torch.Generator().manual_seed(9)
    loss = sum((p * torch.randn(p.shape, generator=draw)).sum() for p in parts)
    for _ in range(order):
        assert isinstance(loss, Tensor)
        found = torch.autograd.grad(loss, leaves, create_graph=order > 1, allow_unused=True)
        grads = [torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves)]
        loss = sum((g * torch.randn(g.shape, generator=draw)).sum() for g in grads)
    return grads


def gradients(trial: Trial) -> bool:
    inputs = [trial.x(), *trial.state()]
    subject, host = (gradients_of(trial, m, inputs) for m in (trial.subject, trial.host))
    return differ(subject, host)


def eval_gradients(trial: Trial) -> bool:
    trial.subject.eval()
    return raises(lambda: gradients_of(trial, trial.subject, [trial.x(), *trial.state()]))


def second_derivative(trial: Trial) -> bool:
    """The host refuses, which is fair; who does not refuse must be right."""
    inputs = [trial.x(), *trial.state()]
    if raises(lambda: gradients_of(trial, trial.subject, inputs, order=2)):
        return False
    x, h, c = (t.requires_grad_() for t in inputs)

    def first(x: Tensor) -> Tensor:
        return trial.call(trial.subject, x, (h, c))[0]

    return raises(lambda: torch.autograd.gradgradcheck(first, (x,)))


def second_backward(trial: Trial) -> bool:
    x, state = trial.x().requires_grad_(), trial.state()
    y, *_ = trial.call(trial.subject, x, state)
    first, second = (torch.autograd.grad(y.sum(), x, retain_graph=True) for _ in range(2))
    return differ(first, second)


def two_forwards(trial: Trial) -> bool:
    """A second forward before the first backward."""
    x, state = trial.x().requires_grad_(), trial.state()

    def gradient(module: nn.Module) -> tuple[Tensor, ...]:
        y, *_ = trial.call(module, x, state)
        trial.call(module, 2 * x.detach(), state)
        return torch.autograd.grad(y.sum(), x)

    return differ(gradient(trial.subject), gradient(trial.host))


def cotangent_overwritten(trial: Trial) -> bool:
    x, state = trial.x().requires_grad_(), trial.state()
    y, h, _ = trial.call(trial.subject, x, state)
    given = torch.ones_like(y)
    torch.autograd.grad((y, h), x, (given, torch.ones_like(h)))
    return differ([given], [torch.ones_like(y)])


def input_after_backward(trial: Trial) -> bool:
    x, state = trial.x().requires_grad_(), trial.state()
    before = x.detach().clone()
    trial.call(trial.subject, x, state)[0].sum().backward()
    return differ([x.detach()], [before])


# --- calls that know of each other ---------------------------------------------------------------


def second_call(trial: Trial) -> bool:
    """The same call twice, without a state and with one; the first may leave something behind."""
    x, state = trial.x(), trial.state()
    for given in (None, state):
        first = trial.call(trial.subject, x, given)
        if differ(trial.call(trial.subject, x, given), first):
            return True
    return False


def batch_size_changes(trial: Trial) -> bool:
    x = trial.x()
    trial.call(trial.subject, x, None)
    larger = torch.cat([x, x], dim=0)  # batch first
    return raises(lambda: trial.call(trial.subject, larger, None))


def output_overwritten(trial: Trial) -> bool:
    x, state = trial.x(), trial.state()
    with torch.no_grad():
        y, *_ = trial.call(trial.subject, x, state)
        before = y.clone()
        trial.call(trial.subject, 2 * x, state)
    return differ([y], [before])


def grows(trial: Trial) -> bool:
    """What the module holds grows with every call."""
    sizes = []
    for _ in range(3):
        trial.call(trial.subject, trial.x(), trial.state())
        sizes.append(len(pickle.dumps(trial.subject)))
    return sizes[0] < sizes[1] < sizes[2]


# --- tensors of the caller -----------------------------------------------------------------------


def input_modified(trial: Trial) -> bool:
    x, state = trial.x(), trial.state()
    before = x.clone()
    with torch.no_grad():
        trial.call(trial.subject, x, state)
    return differ([x], [before])


def state_modified(trial: Trial) -> bool:
    x, state = trial.x(), trial.state()
    before = [part.clone() for part in state]
    with torch.no_grad():
        trial.call(trial.subject, x, state)
    return differ(state, before)


def weights_change(trial: Trial) -> bool:
    before = [p.detach().clone() for p in trial.subject.parameters()]
    trial.call(trial.subject, trial.x(), trial.state())
    return differ([p.detach() for p in trial.subject.parameters()], before)


def weights_stale(trial: Trial) -> bool:
    """The weights are halved between two calls, which must tell."""
    x, state = trial.x(), trial.state()
    trial.call(trial.subject, x, state)
    with torch.no_grad():
        for module in (trial.subject, trial.host):
            for parameter in module.parameters():
                parameter *= 0.5
    return values_differ(trial, x, state)


def generator_moves(trial: Trial) -> bool:
    before = torch.get_rng_state()
    trial.call(trial.subject, trial.x(), None)
    moved = not torch.equal(before, torch.get_rng_state())
    torch.set_rng_state(before)
    return moved


def default_dtype_changes(trial: Trial) -> bool:
    before = torch.get_default_dtype()
    try:
        trial.call(trial.subject, trial.x(), None)
        return torch.get_default_dtype() != before
    finally:
        torch.set_default_dtype(before)


# --- strides -------------------------------------------------------------------------------------


def scattered(tensor: Tensor) -> Tensor:
    """Equal values, every second element of a larger tensor's."""
    wide = torch.zeros(*tensor.shape[:-1], 2 * tensor.shape[-1], dtype=tensor.dtype)
    wide[..., ::2] = tensor
    return wide[..., ::2]


def raises_or_differs(trial: Trial, x: Tensor, state: State) -> bool:
    expected = trial.call(trial.host, x, state)
    try:
        return differ(trial.call(trial.subject, x, state), expected)
    except RuntimeError:
        return True


def input_not_contiguous(trial: Trial) -> bool:
    """Sliced out of a wider tensor, or transposed in memory."""
    x, state = trial.x(), trial.state()
    transposed = x.transpose(0, 1).contiguous().transpose(0, 1)
    return any(raises_or_differs(trial, odd, state) for odd in (scattered(x), transposed))


def state_not_contiguous(trial: Trial) -> bool:
    h, c = trial.state()
    return raises_or_differs(trial, trial.x(), (scattered(h), scattered(c)))


def state_expanded(trial: Trial) -> bool:
    h, c = (part[..., :1, :].expand(part.shape) for part in trial.state())
    return raises_or_differs(trial, trial.x(), (h, c))


# --- sizes that do not fit -----------------------------------------------------------------------


def taken(trial: Trial, x: Tensor, state: State) -> bool:
    return not raises(lambda: trial.call(trial.subject, x, state))


def takes_state_of_one_row(trial: Trial) -> bool:
    return taken(trial, trial.x(), trial.state(rows=1))


def takes_cell_of_one_row(trial: Trial) -> bool:
    return taken(trial, trial.x(), (trial.state()[0], trial.state(rows=1)[1]))


def takes_larger_batch_of_states(trial: Trial) -> bool:
    return taken(trial, trial.x(), trial.state(rows=trial.sizes[1] + 2))


def takes_wider_state(trial: Trial) -> bool:
    return taken(trial, trial.x(), trial.state(units=trial.sizes[3] + 2))


def takes_more_features(trial: Trial) -> bool:
    return taken(trial, trial.x(features=trial.sizes[2] + 1), trial.state())


def takes_fewer_features(trial: Trial) -> bool:
    return taken(trial, trial.x(features=trial.sizes[2] - 1), trial.state())


def takes_twice_the_features(trial: Trial) -> bool:
    return taken(trial, trial.x(features=trial.sizes[2] * 2), trial.state())


# --- dtypes and devices --------------------------------------------------------------------------


def no_float64(trial: Trial) -> bool:
    x, state = trial.x(), trial.state()
    expected = trial.call(trial.host, x, state)
    try:
        got = trial.call(trial.subject, x, state)
    except RuntimeError:
        return True
    return any(part.dtype != torch.float64 for part in got) or differ(got, expected)


def no_float64_by_default(trial: Trial) -> bool:
    return raises(lambda: trial.call(trial.subject, trial.x(), None))


def stays_on_cpu(trial: Trial) -> bool:
    """The meta device stands for any other one."""
    module = trial.subject.to("meta")
    return raises(lambda: trial.call(module, trial.x().to("meta"), None))


# --- copies and checkpoints ----------------------------------------------------------------------


def fewer_parameters(trial: Trial) -> bool:
    """Something that the host saves is not saved."""
    saved, whole = (
        sum(t.numel() for t in m.state_dict().values()) for m in (trial.subject, trial.host)
    )
    return saved < whole


def no_pickle(trial: Trial) -> bool:
    return raises(lambda: pickle.dumps(trial.subject))


def no_deepcopy(trial: Trial) -> bool:
    """After a call; the copy must be a copy."""
    x, state = trial.x(), trial.state()
    expected = trial.call(trial.subject, x, state)
    try:
        twin = copy.deepcopy(trial.subject).double()
    except RuntimeError:
        return True
    return differ(trial.call(twin, x, state), expected)


def loads_half_a_checkpoint(trial: Trial) -> bool:
    saved = dict(trial.subject.state_dict())
    saved.popitem()
    return not raises(lambda: trial.subject.load_state_dict(saved))


def keeps_the_checkpoint(trial: Trial) -> bool:
    saved = {name: tensor.clone() for name, tensor in trial.subject.state_dict().items()}
    trial.subject.load_state_dict(saved)
    own = {tensor.data_ptr() for tensor in trial.subject.parameters()}
    return any(tensor.data_ptr() in own for tensor in saved.values())


def eval_gives_nothing(trial: Trial) -> bool:
    return trial.subject.eval() is not trial.subject


def parameters_replaced(trial: Trial) -> bool:
    before = dict(trial.subject.named_parameters())
    trial.call(trial.subject, trial.x(), trial.state())
    after = dict(trial.subject.named_parameters())
    return any(after[name] is not tensor for name, tensor in before.items())


def copy_uses_the_original(trial: Trial) -> bool:
    x, state = trial.x(), trial.state()
    expected, twin = trial.call(trial.subject, x, state), copy.deepcopy(trial.subject)
    with torch.no_grad():
        for tensor in twin.parameters():
            tensor.zero_()
    return not differ(trial.call(twin, x, state), expected)


def loading_changes(trial: Trial) -> bool:
    """Saving and loading must change nothing."""
    x, state = trial.x(), trial.state()
    expected = trial.call(trial.subject, x, state)
    file = io.BytesIO()
    torch.save(trial.subject.state_dict(), file)
    file.seek(0)
    trial.subject.load_state_dict(torch.load(file))
    return differ(trial.call(trial.subject, x, state), expected)


# --- far out -------------------------------------------------------------------------------------


def overflows(trial: Trial) -> bool:
    parts = trial.call(trial.subject, 1e4 * trial.x(), trial.state())
    return not all(part.isfinite().all() for part in parts)


def gradient_overflows(trial: Trial) -> bool:
    inputs = [1e4 * trial.x(), *trial.state()]
    return not all(g.isfinite().all() for g in gradients_of(trial, trial.subject, inputs))


def nan_vanishes(trial: Trial) -> bool:
    x = trial.x()
    x[0, 0] = torch.nan
    return not any(part.isnan().any() for part in trial.call(trial.subject, x, trial.state()))


def nan_in_one_row(trial: Trial) -> bool:
    x = trial.x()
    x[:, 0] = torch.nan  # time first
    _, h, _ = trial.call(trial.subject, x, trial.state())
    return bool(h[1:].isnan().any())


DEMONSTRATIONS: dict[str, Demonstration] = {
    show.__name__: show
    for show in (
        values, default, eval_values, large_input, large_cell, imprecise,
        raises_where_host_does_not, default_raises,
        gradients, eval_gradients, second_derivative, second_backward, two_forwards,
        cotangent_overwritten, input_after_backward,
        second_call, batch_size_changes, output_overwritten, grows,
        input_modified, state_modified, weights_change, weights_stale,
        generator_moves, default_dtype_changes,
        input_not_contiguous, state_not_contiguous, state_expanded,
        takes_state_of_one_row, takes_cell_of_one_row, takes_larger_batch_of_states,
        takes_wider_state, takes_more_features, takes_fewer_features, takes_twice_the_features,
        no_float64, no_float64_by_default, stays_on_cpu,
        fewer_parameters, no_pickle, no_deepcopy, loading_changes, loads_half_a_checkpoint,
        keeps_the_checkpoint, eval_gives_nothing, parameters_replaced, copy_uses_the_original,
        overflows, gradient_overflows, nan_vanishes, nan_in_one_row,
    )
}  # fmt: skip
