"""From a target to a judgement: probe, check, diagnose, conclude."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from lstm_bench.conformance.records import CheckResult, Judgement, Options, Status, Verdict
from lstm_bench.errors import UsageError, describe
from lstm_bench.subject import Instance, Subject
from lstm_bench.subject.construct import numeric_options
from lstm_bench.subject.errors import Ambiguous, IsDefective, IsVariant, NotAnLSTM, ProbeError
from lstm_bench.subject.parcel import Parcel
from lstm_bench.subject.subject import subject_from

Told = Callable[[str, CheckResult | None], None]
"""Hears what is going on: a stage's name, and each check's result as it is there."""


def judge(target: str, options: Options = Options(), told: Told = lambda *_: None) -> Judgement:
    """Judge a target by name, in this very process. Never raises for what the target does."""
    return judge_parcel(Parcel(target, target), options, told)


def judge_parcel(
    parcel: Parcel, options: Options = Options(), told: Told = lambda *_: None
) -> Judgement:
    """The same for whatever was handed over, by name or by value."""
    started = time.perf_counter()
    try:
        told("importing", None)
        factory = parcel.open(options.root)
        judgement = judge_factory(factory, parcel.name, options, told)
    except UsageError as error:
        judgement = Judgement(parcel.name, Verdict.ERROR, (str(error),))
    return replace(judgement, seconds=time.perf_counter() - started)


def judge_factory(
    factory: Any, name: str, options: Options, told: Told = lambda *_: None
) -> Judgement:
    """Judge a class or a factory at hand."""
    from lstm_bench.conformance import checks  # noqa: F401 - registers them
    from lstm_bench.conformance.checks.common import BASE_SEED
    from lstm_bench.conformance.checks.stacks import beneath, plainly
    from lstm_bench.conformance.registry import run_check, select

    BASE_SEED.set(options.seed)
    chosen = select(options.only, options.skip)
    unknown = [n for n in options.expected if n not in {c.name for c in select()}]
    if unknown:
        raise UsageError(f"no check is called '{unknown[0]}' (in the expected failures)")
    told("probing its interface", None)
    try:
        built = beneath(factory, name, options.kwargs)
        subject = subject_from(factory, name, **options.kwargs) if built is None else built.plain
    except ProbeError as error:
        found = _without_subject(name, error)
        return _direction_by_direction(found, factory, options, told) or found
    except UsageError as error:
        return Judgement(name, Verdict.ERROR, (str(error),))
    except Exception as error:
        return Judgement(name, Verdict.ERROR, (f"probing failed: {describe(error)}",))
    results = []
    for check in chosen:
        told(f"check '{check.name}'", None)
        results.append(_expected(run_check(check, subject), options.expected))
        told(check.name, results[-1])
    if built is not None:
        told("as it is built", None)
        results.append(_expected(built.judged(), options.expected))
        told("as_built", results[-1])
    told("the diagnosis", None)
    found = _conclude(name, subject, results, options)
    built_so = {"construction": plainly(subject)} if built is None else built.describe()
    found = replace(found, interface={**found.interface, **built_so})
    if built is not None or subject.proven:
        return found
    return _direction_by_direction(found, factory, options, told) or found


def _expected(result: CheckResult, expected: Mapping[str, str]) -> CheckResult:
    """An expected failure is skipped with its reason; one that passes is a failure."""
    reason = expected.get(result.name)
    if reason is None:
        return result
    if result.status in (Status.FAIL, Status.WARNING):
        message = f"expected to fail: {reason} ({result.message})"
        return replace(result, status=Status.SKIPPED, message=message)
    if result.status is Status.PASS:
        message = f"passes, though it was expected to fail: {reason}"
        return replace(result, status=Status.FAIL, message=message)
    return result


def _without_subject(name: str, error: ProbeError) -> Judgement:
    """Probing ended early: say what that makes of the target."""
    verdict = {
        IsDefective: Verdict.DEFECTIVE,
        IsVariant: Verdict.VARIANT,
        NotAnLSTM: Verdict.UNSUPPORTED,
        Ambiguous: Verdict.INCONCLUSIVE,
    }.get(type(error), Verdict.INCONCLUSIVE)
    sentences = list(error.sentences)
    known = verdict is Verdict.VARIANT
    named = _variant(error) if known or verdict is Verdict.INCONCLUSIVE else None
    if named is not None:
        # What was seen of another recurrence adds to its name; what was unclear no longer is.
        verdict, sentences = Verdict.VARIANT, [named, *(sentences if known else ())]
    elif verdict is Verdict.INCONCLUSIVE and _has_the_parameters_of_an_lstm(error):
        causes = _unmapped(error)
        if causes is None:
            right = "its values are an LSTM's; which parameter is which gate's could not be told"
            sentences = [right, *sentences]
        else:
            verdict = Verdict.DEFECTIVE
            unlike = "it has just the parameters of an LSTM, and does not use them as one does"
            sentences = causes or [*sentences, unlike]
    return Judgement(name, verdict, tuple(sentences))


def _direction_by_direction(
    whole: Judgement, factory: Any, options: Options, told: Told
) -> Judgement | None:
    """The judgement of a bidirectional module by those of its two directions; None of others."""
    from lstm_bench.subject.directions import directions

    if whole.verdict not in (Verdict.DEFECTIVE, Verdict.VARIANT, Verdict.INCONCLUSIVE):
        return None
    apart = directions(factory, options.kwargs)
    if apart is None:
        return None
    if apart.halved:
        undecided = (
            f"it runs in both directions of time, with both's weights in `{apart.halved[0]}`; "
            "with a parameter for each direction it could be judged"
        )
        return replace(whole, diagnosis=(undecided, *whole.diagnosis))
    plain = replace(options, kwargs={})
    each = {
        f"{words} direction": judge_factory(plan.build, whole.target, plain, told)
        for words, plan in (("forward", apart.forward), ("backward", apart.backward))
    }
    verdicts = {judgement.verdict for judgement in each.values()}
    said = _said_of_each({words: judgement.diagnosis for words, judgement in each.items()})
    if verdicts == {Verdict.CONFORMS} and apart.shared:  # an LSTM's own weights, that is
        what = "the same weights" if apart.all_shared else f"`{apart.shared[0]}`"
        tied = f"both directions use {what}, where each should have its own"
        verdict, sentences = Verdict.DEFECTIVE, [tied, *said]
    elif verdicts == {Verdict.CONFORMS}:
        both = "a bidirectional LSTM: taken apart, both directions conform"
        verdict, sentences = Verdict.VARIANT, [both, *said]
    elif Verdict.DEFECTIVE in verdicts:
        verdict, sentences = Verdict.DEFECTIVE, said
    elif verdicts == {Verdict.VARIANT}:
        verdict, sentences = Verdict.VARIANT, [*whole.diagnosis[:1], *said]
    else:
        undecided = "it runs in both directions of time; taken apart, neither could be judged"
        return replace(whole, diagnosis=(undecided, *whole.diagnosis))
    if apart.interleaved:
        sentences.append(
            "warning: in the output the two directions' units take turns; nn.LSTM's has all of "
            "the forward direction's first"
        )
    elif apart.backward_first:
        sentences.append("warning: the backward direction's outputs come before the forward's")
    checks = [
        replace(check, message=f"{words}: {check.message}" if check.message else "")
        for words, judgement in each.items()
        for check in judgement.checks
    ]
    interface = each["forward direction"].interface
    return replace(
        whole,
        verdict=verdict,
        diagnosis=tuple(sentences),
        interface={**interface, "directions": "both directions, judged apart"} if interface else {},
        checks=_worst_of_each(checks),
    )


def _said_of_each(diagnoses: Mapping[str, Sequence[str]]) -> list[str]:
    """What is true of both directions is said once; mistakes before warnings."""
    said: dict[str, list[str]] = {}
    for words, sentences in diagnoses.items():
        for sentence in sentences:
            said.setdefault(sentence, []).append(words)
    found = []
    for sentence, where in sorted(said.items(), key=lambda item: item[0].startswith("warning: ")):
        level, colon, text = sentence.rpartition("warning: ")
        place = "both directions" if len(where) > 1 else f"the {where[0]}"
        found.append(f"{level}{colon}in {place}: {text}")
    return found


_WORST = (
    Status.FAIL, Status.ERROR, Status.INCONCLUSIVE, Status.WARNING, Status.UNSUPPORTED,
    Status.SKIPPED, Status.PASS,
)  # fmt: skip


def _worst_of_each(checks: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """One result a check, of two directions the worse one's."""
    found: dict[str, CheckResult] = {}
    for check in checks:
        other = found.setdefault(check.name, check)
        if _WORST.index(check.status) < _WORST.index(other.status):
            found[check.name] = check
    return tuple(found.values())


def _has_the_parameters_of_an_lstm(error: ProbeError) -> bool:
    """4·H·(I + H) weights, none, one or two biases for four gates or one for all, and nothing else.

    An LSTM's own parameters each feed one gate of one unit; where these do not, it is none,
    unless they are a parametrisation of what it computes with.
    """
    from lstm_bench.conformance.variants.blocks import gather
    from lstm_bench.subject.tensors import learnable

    if error.evidence is None:
        return False
    I, H = error.evidence.input_size, error.evidence.hidden_size  # noqa: E741
    tensors = learnable(error.evidence.module)
    if any("parametrizations" in name or name.endswith(("_g", "_v")) for name in tensors):
        return False
    blocks = gather(tensors, I, H)
    if not blocks.extra and (len(blocks.x), len(blocks.h)) != (4, 4):
        return False  # as many numbers by chance: an output layer of such a size, say
    count = sum(t.numel() for t in tensors.values())
    return count - 4 * H * (I + H) in (0, H, 4 * H, 8 * H)


def _unmapped(error: ProbeError) -> list[str] | None:
    """What is wrong with it, where it can be told without a mapping; None where nothing is."""
    from lstm_bench.conformance.diagnosis.unmapped import diagnose_unmapped

    assert error.evidence is not None
    e = error.evidence
    return diagnose_unmapped(e.module, (e.input_size, e.hidden_size), e.call)


def _variant(error: ProbeError) -> str | None:
    """The variant's name, where one is recognised."""
    from lstm_bench.conformance.variants import recognise_variant

    if error.evidence is None:
        return None
    e = error.evidence
    whole = _has_the_parameters_of_an_lstm(error)
    sizes = (e.input_size, e.hidden_size)
    found = recognise_variant(e.module, sizes, e.call, has_all_gates=whole)
    return None if found is None else found.sentence


def _conclude(
    name: str, subject: Subject, results: Sequence[CheckResult], options: Options
) -> Judgement:
    results = _without_consequences(results)
    failed = [r for r in results if r.status is Status.FAIL]
    counted = [*failed, *(r for r in results if r.status is Status.WARNING and options.strict)]
    verdict, diagnosis = Verdict.CONFORMS, []
    if counted:
        verdict = Verdict.DEFECTIVE
        diagnosis = _diagnosis(subject, results) or [f"{r.name}: {r.message}" for r in counted[:3]]
        by_itself = any(f.level == "fail" and f.check_class == "state" for f in subject.findings)
        # What is wrong with several layers or both directions alone is right with one.
        stacked = all(r.check_class in ("stack", "lengths") for r in counted)
        named = None if by_itself or stacked else _variant_of(subject)
        if named is not None:
            verdict, diagnosis = Verdict.VARIANT, [named]
    elif any(r.status is Status.ERROR for r in results):
        verdict = Verdict.ERROR
    elif _decisive_missing(results) or any(r.status is Status.INCONCLUSIVE for r in results):
        verdict = Verdict.INCONCLUSIVE
        diagnosis = [f"{r.name}: {r.message}" for r in results if r.status is Status.INCONCLUSIVE]
    diagnosis += [f"warning: {r.message}" for r in results if r.status is Status.WARNING]
    interface = _with_facts(subject.describe(), subject.left_alone(), results)
    return Judgement(name, verdict, tuple(diagnosis), interface, tuple(results))


def _with_facts(
    interface: Mapping[str, str], left_alone: Sequence[str], results: Iterable[CheckResult]
) -> dict[str, str]:
    """With what checks have found out about arguments; what is left of the others is not judged."""
    facts = {name: fact for r in results for name, fact in r.facts.items()}
    left = [f"`{n}`" for n in left_alone if n not in facts]
    told = [f"`{name}`: {fact}" for name, fact in facts.items()]
    return {
        **interface,
        **({"told": "; ".join(told)} if told else {}),
        **({"not_judged": ", ".join(left)} if left else {}),
    }


def _without_consequences(results: Sequence[CheckResult]) -> list[CheckResult]:
    """Without those that only say that what fails in float64 and once fails elsewhere too."""
    consequences = {"double_backward", "bfloat16"}
    if not any(r.status is Status.FAIL and r.name not in consequences for r in results):
        return list(results)
    return [r for r in results if r.name not in consequences or r.status is Status.PASS]


def _decisive_missing(results: Iterable[CheckResult]) -> bool:
    """Nothing passed at all: there is no ground to say that it conforms."""
    return not any(r.status is Status.PASS for r in results)


def _diagnosis(subject: Subject, results: Sequence[CheckResult]) -> list[str]:
    from lstm_bench.conformance.diagnosis import diagnose

    first = [f.sentence for f in subject.findings if f.level == "fail" and f.check_class == "state"]
    return list(dict.fromkeys([*first, *diagnose(subject, results)]))


def _recurs(instance: Instance, name: str) -> bool:
    """Whether a tensor has a part in the recurrence: h or c moves with it, not y alone."""
    from lstm_bench.subject.tensors import learnable

    tensor = learnable(instance.module)[name]
    x = torch.linspace(-1, 1, 3 * 2 * 5).reshape(3, 2, 5).to(tensor.dtype)
    state = None
    if instance.interface.takes_state:
        h, c = torch.linspace(-1, 1, 2 * 3 * 3).reshape(2, 3, 3).to(tensor.dtype)
        state = (h, c)
    with torch.no_grad():
        before = {n: t.clone() for n, t in instance.run(x, state).items()}
        tensor += 0.3
        after = instance.run(x, state)
        tensor -= 0.3
    parts = [n for n in before if n != "y"] or ["y"]
    return any(not torch.equal(before[n], after[n]) for n in parts)


def _variant_of(subject: Subject) -> str | None:
    """A mapped subject whose values are another recurrence's; where they were proven, one
    that leaves the equations at large values only.
    """
    from lstm_bench.conformance.variants import recognise_variant

    instance = subject.build(5, 3, dtype=subject.dtype)

    def otherwise(name: str, value: Any) -> tuple[Any, Callable[..., dict[str, Any]]]:
        other = subject.having(**{name: value}).build(5, 3, dtype=subject.dtype)
        return other.module, other.run

    options = {
        name: partial(otherwise, name, value)
        for name, value in numeric_options(subject.factory, subject.recipe).items()
    }
    found = recognise_variant(
        instance.module, (5, 3), instance.run,
        has_all_gates=True, proven=subject.proven, options=options,
    )  # fmt: skip
    if found is None and not subject.proven:
        more = [n for n in subject.parameter_map.beyond(instance.module) if _recurs(instance, n)]
        if more:
            names = ", ".join(f"`{name}`" for name in more[:4])
            return f"another recurrence by design: {names} are weights that no plain LSTM has"
    return None if found is None else found.sentence
