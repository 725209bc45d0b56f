"""Which constructor argument is the input size and which the hidden size?

Names give the order in which to try, never the answer: a recipe counts only when the module
it builds can be called and behaves. See :mod:`lstm_bench.subject.probe`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

I, H = "I", "H"  # noqa: E741
"""Placeholders in a recipe, and in ``--kwargs``, for the two sizes."""


@dataclass(frozen=True)
class Size:
    """A placeholder for a size; ``in_list``: for a list of them, ``[H]`` or ``[I, H]``."""

    name: str
    in_list: bool = False

    def value(self, sizes: Mapping[str, int]) -> Any:
        values = [sizes[letter] for letter in self.name]
        return values if self.in_list else values[0]


@dataclass(frozen=True)
class Settings:
    """A placeholder for one object that holds all settings, as attributes and as items."""

    def value(self, sizes: Mapping[str, int]) -> Any:
        return _Settings(sizes)


class _Settings:
    """Answers what it is asked for by name: a size, or the usual setting for one plain layer.

    What it cannot guess it does not have, so that ``getattr`` with a default gives the default.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes = sizes

    def __getattr__(self, name: str) -> Any:
        role = _role(name)
        known = any(re.search(pattern, name.lower()) for pattern, _ in _DEFAULTS)
        if name.startswith("__") or not (role or known):
            raise AttributeError(name)
        value = Size(role) if role else _guess(name)
        return value.value(self._sizes) if isinstance(value, Size) else value

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError:
            raise KeyError(name) from None

    def get(self, name: str, default: Any = None) -> Any:
        return getattr(self, name, default)


@dataclass(frozen=True)
class Recipe:
    """How to build a module of any size: arguments with placeholders for the sizes."""

    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)

    def build(self, factory: Any, input_size: int, hidden_size: int) -> Any:
        """Call the factory with the sizes put in. Whatever it raises passes through."""
        sizes = {I: input_size, H: hidden_size}

        def put(value: Any) -> Any:
            return value.value(sizes) if isinstance(value, (Size, Settings)) else value

        return factory(*map(put, self.arguments), **{k: put(v) for k, v in self.keywords.items()})

    def __str__(self) -> str:
        def show(value: Any) -> str:
            if isinstance(value, Size):
                return f"[{', '.join(value.name)}]" if value.in_list else value.name
            return "settings(I, H)" if isinstance(value, Settings) else repr(value)

        shown = [show(a) for a in self.arguments]
        named = sorted(self.keywords.items(), key=lambda item: not isinstance(item[1], Size))
        shown += [f"{name}={show(value)}" for name, value in named]
        return f"({', '.join(shown)})"


_INPUT = re.compile(
    r"^(input|inputs|in|inp|x|feature|features|emb|embed|embedding|vocab)"
    r"(_?(size|sz|dim|dims|features|feature|channels|units|length|len|depth|width|n|num|d))?$"
    r"|^(n|num|nb|d|dim|size)_?(in|inp|input|inputs|features|feature|x|emb|embed)(_?(size|dim|features))?$"
    r"|^(nin|nx|ninp|d_?model_?in|idim|isize|input_shape|D|n_inputs|num_input_features)$"
)
_HIDDEN = re.compile(
    r"^(hidden|hid|h|state|cell|lstm|rnn|recurrent|units?|out|output|memory)"
    r"(_?(size|sz|dim|dims|features|feature|channels|units|state|layer_size|width|nodes|n|d))?$"
    r"|^(n|num|nb|d|dim|size)_?(hid|hidden|hiddens|units?|cells?|neurons|state|h|out|output|outputs)"
    r"(_?(size|dim|units|features))?$"
    r"|^(nhid|nh|nhidden|d_?model|hsize|hdim|odim|width|H|memory_size|hidden_sizes|hidden_dims)$"
)
_SETTINGS = re.compile(r"(?i)conf|cfg|^args$|^opts?$|options|params|settings|^hps?$|flags")
_DEFAULTS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    (r"layers?$|^depth$|^l$|stack", (1,)),
    (r"direction", (1,)),
    (r"bidir", (False,)),
    (r"bias$|^use_bias", (True,)),
    (r"drop|zoneout|keep", (0.0,)),
    (r"batch_?first", (True,)),
    (r"device", ("cpu",)),
    (r"dtype", (None,)),
    (r"batch", (7,)),
    (r"(seq|steps|time|len)", (4,)),
    (r"act|nonlin", ("tanh",)),
    (r"(out|class|target|vocab|label|proj)", (Size(H),)),
)


def recipes(factory: Any, given: Mapping[str, Any]) -> Iterator[Recipe]:
    """Recipes to try, the likeliest first. ``given`` are the user's own keyword arguments.

    A given value of ``"I"`` or ``"H"`` stands for a size, which settles the question.
    """
    fixed = {n: Size(v) if isinstance(v, str) and v in (I, H) else v for n, v in given.items()}
    told = {v.name for v in fixed.values() if isinstance(v, Size)}
    if told == {I, H}:
        yield Recipe((), fixed)
        return
    seen: set[str] = set()
    for recipe in _candidates(factory, fixed):
        if str(recipe) not in seen:
            seen.add(str(recipe))
            yield recipe


def _candidates(factory: Any, fixed: dict[str, Any]) -> Iterator[Recipe]:
    parameters = _parameters(factory)
    if parameters is not None:
        fixed = _one_plain_layer(parameters) | fixed
        named = [p for p in parameters if p.name not in fixed]
        roles = {p.name: _role(p.name) for p in named}
        inputs = [p.name for p in named if roles[p.name] == I]
        hidden = [p.name for p in named if roles[p.name] == H]
        required = [p for p in named if p.default is p.empty]
        if len(required) == 1 and _SETTINGS.search(required[0].name):
            yield _as_call(parameters, {**fixed, required[0].name: Settings()})
        for in_list in (False, True):
            for i, h in _pairs(inputs, hidden, [p.name for p in required]):
                others = {p.name: _guess(p.name) for p in required if p.name not in (i, h)}
                sizes = {i: Size(I), h: Size(H, in_list)}
                yield _as_call(parameters, {**fixed, **others, **sizes})
    if parameters is not None and len(required) == 1 and _is_setting(parameters[1:2]):
        yield Recipe((Size(I + H, True),), fixed)
        return  # what comes second, a number of layers, say, is no size
    yield Recipe((Size(I), Size(H)), fixed)
    yield Recipe((Size(H), Size(I)), fixed)
    yield Recipe((Size(I), Size(H), 1), fixed)
    yield Recipe((1, Size(I), Size(H)), fixed)
    yield Recipe((Size(I), Size(H), Size(H)), fixed)
    yield Recipe((Size(I), Size(H, True)), fixed)
    yield Recipe((Size(I + H, True),), fixed)


def _is_setting(parameters: list[inspect.Parameter]) -> bool:
    """Whether the first of these is named like a setting that has nothing to do with sizes."""
    names = [p.name.lower() for p in parameters if not _role(p.name)]
    return any(re.search(pattern, name) for name in names for pattern, _ in _DEFAULTS[:-1])


def _one_plain_layer(parameters: list[inspect.Parameter]) -> dict[str, Any]:
    """One layer and one direction, where the defaults would make more of it."""
    plain: dict[str, Any] = {}
    for p in parameters:
        if re.search(r"layers?$|^depth$", p.name.lower()) and isinstance(p.default, int):
            plain |= {p.name: 1} if p.default > 1 else {}
        if re.search(r"bidir", p.name.lower()) and p.default is True:
            plain[p.name] = False
    return plain


LAYERS = r"(^|_)(n|num|number_of)?_?layers?(_num|_count)?$|^depth$"
"""How an option for the number of layers is spelled."""


def option_like(factory: Any, pattern: str) -> str | None:
    """The first argument of the constructor whose name matches, or None."""
    names = [p.name for p in _parameters(factory) or []]
    return next((n for n in names if re.search(pattern, n.lower())), None)


def numeric_options(factory: Any, recipe: Recipe) -> dict[str, float]:
    """Another value, half of it, for each number that a constructor is given or has a default for.

    Sizes are not among them.
    """
    parameters = (_parameters(factory) or [])[len(recipe.arguments) :]
    values = {**{p.name: p.default for p in parameters}, **recipe.keywords}
    numbers = {
        name: value
        for name, value in values.items()
        if isinstance(value, float | int) and not isinstance(value, bool) and value > 0
    }
    return {n: v / 2 if isinstance(v, float) else v // 2 for n, v in numbers.items()}


def flattened(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What may make a stack of arguments, as it is for one layer in one direction."""
    whole = {n: v for n, v in kwargs.items() if isinstance(v, int) and v is not False}
    one = {n: False if v is True else int("proj" not in n.lower()) for n, v in whole.items()}
    return {n: one[n] for n, v in whole.items() if v is True or v > 1}


USUAL = {
    "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False,
    "proj_size": 0,
}  # fmt: skip
"""What a constructor may pass on without naming it: torch's own name nothing at all."""


def settings_of(factory: Any, recipe: Recipe) -> dict[str, Any]:
    """What a recipe leaves or gives to the constructor beside the sizes, by name."""
    parameters = _parameters(factory) or []
    given = dict(zip((p.name for p in parameters), recipe.arguments, strict=False))
    values = {p.name: p.default for p in parameters if p.default is not p.empty}
    if _passes_on(factory):
        values = USUAL | values
    values |= {**given, **recipe.keywords}
    return {n: v for n, v in values.items() if not isinstance(v, (Size, Settings))}


def names_it(factory: Any, name: str) -> bool:
    """Whether it has an argument of this name, beyond keywords that it passes on."""
    return any(p.name == name for p in _parameters(factory) or [])


def _passes_on(factory: Any) -> bool:
    """Whether it takes keywords that it does not name."""
    try:
        found = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(p.kind is p.VAR_KEYWORD for p in found)


def single_size(factory: Any, given: Mapping[str, Any]) -> str | None:
    """The one argument that a constructor requires, where a size will do for it; else None."""
    required = [
        p.name
        for p in _parameters(factory) or []
        if p.default is p.empty and p.name not in given and not _SETTINGS.search(p.name)
    ]
    if len(required) != 1:
        return None
    try:
        factory(**given, **{required[0]: 8})
    except Exception:  # it wants something else
        return None
    return required[0]


def without_overrides(factory: Any, recipe: Recipe) -> Recipe:
    """The recipe with the constructor's own defaults where one plain layer was asked for."""
    plain = _one_plain_layer(_parameters(factory) or [])
    kept = {n: v for n, v in recipe.keywords.items() if n not in plain or v != plain[n]}
    return Recipe(recipe.arguments, kept)


def _pairs(inputs: list[str], hidden: list[str], required: list[str]) -> Iterator[tuple[str, str]]:
    """(input name, hidden name), pairs told by name first, then by position in either order."""
    for i in inputs:
        for h in hidden:
            yield i, h
    unnamed = [n for n in required if n not in inputs and n not in hidden]
    for i in inputs:
        yield from ((i, n) for n in unnamed)
    for h in hidden:
        yield from ((n, h) for n in unnamed)
    for a in required[:4]:
        yield from ((a, b) for b in required[:4] if a != b)


def _parameters(factory: Any) -> list[inspect.Parameter] | None:
    try:
        found = list(inspect.signature(factory).parameters.values())
    except (TypeError, ValueError):
        return None
    named = [p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return named or None


def _role(name: str) -> str | None:
    if _INPUT.match(name) or _INPUT.match(name.lower()):
        return I
    if _HIDDEN.match(name) or _HIDDEN.match(name.lower()):
        return H
    return None


def _guess(name: str) -> Any:
    for pattern, (value,) in _DEFAULTS:
        if re.search(pattern, name.lower()):
            return value
    return 1


def _as_call(parameters: list[inspect.Parameter], values: Mapping[str, Any]) -> Recipe:
    """Positional-only parameters by position, all others by name."""
    arguments = [values[p.name] for p in parameters if p.kind is p.POSITIONAL_ONLY]
    positional = {p.name for p in parameters if p.kind is p.POSITIONAL_ONLY}
    return Recipe(tuple(arguments), {k: v for k, v in values.items() if k not in positional})
