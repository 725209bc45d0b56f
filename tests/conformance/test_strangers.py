"""Designs that are met in public and are not nn.LSTM's: what is said of each, and of a twin.

Where one check is what matters, it is run beside the equations alone.
"""

import pytest

from lstm_bench.conformance.judge import judge
from lstm_bench.conformance.records import Options, Status
from lstm_bench.subject import open_subject

FILE = "tests/conformance/strangers.py"


def judged(name, *checks):
    only = ("one_step", "sequence", *checks) if checks else ()
    return judge(f"{FILE}:{name}", Options(only=only))


@pytest.mark.parametrize("name", ["LastLogits", "Directions"])
def test_right_and_nothing_to_say(name):
    judgement = judged(name)
    assert judgement.verdict == "conforms", judgement.diagnosis
    assert not judgement.diagnosis


@pytest.mark.parametrize("name", ["LastHidden", "Attributes", "Items", "OwnLayers"])
def test_mapped_without_a_word_from_anybody(name):
    assert open_subject(f"{FILE}:{name}").proven


@pytest.mark.parametrize(
    ("name", "check", "words"),
    [
        ("OnlyH0", "probing", "takes one state"),
        ("OneForBoth", "probing", "takes one state"),
        ("DropsByOption", "gradients_in_training_mode", "`rate=0.0` switches it off"),
        ("LooseBias", "parameters_registered", "neither a parameter nor a buffer"),
        ("Mixed", "probing", "its input batch first and gives its output time first"),
        ("LastLayerFirstThroughout", "layers", "lists the layers last first"),
    ],
)
def test_right_with_a_warning(name, check, words):
    judgement = judged(name, check)
    assert judgement.verdict == "conforms", judgement.diagnosis
    assert any(words in sentence for sentence in judgement.diagnosis)


@pytest.mark.parametrize(
    ("name", "check", "words"),
    [
        ("WrongLastLogits", "sequence", ""),
        ("MixedDespiteOption", "batch_first_honoured", "its output is not batch first"),
        ("IgnoresC0", "given_state", "c0 is ignored"),
        ("Fours", "sequence", "an LSTM takes any two sizes"),
        ("HandedOutAgain", "results_kept", "handed out again"),
        ("NaiveTanh", "useful_range", "overflows"),
        ("DropoutStaysOn", "deep_determinism", "as its own defaults make it"),
        ("DropsAlways", "gradients_in_training_mode", "no option of its constructor"),
        ("PlainList", "parameters_registered", "not a registered parameter"),
        ("SeedsItself", "generators_untouched", "a call sets the seed"),
        ("FrozenRecurrence", "parameters_trainable", "`U` wants no gradient"),
        ("SharedLayers", "layers", "`h2h.1.weight` has no effect"),
        ("Padded", "different_lengths", "the returned states are those of the last step"),
        ("LastLayerFirst", "layers", "the reverse of the order in which they are returned"),
    ],
)
def test_the_wrong_ones(name, check, words):
    judgement = judged(name, check)
    assert judgement.verdict == "defective"
    assert any(words in sentence for sentence in judgement.diagnosis)


def test_who_never_runs_is_told_by_what_it_raises():
    judgement = judged("NeverRuns")
    assert judgement.verdict == "unsupported"
    assert "every call of it fails" in judgement.diagnosis[0]
    assert "RuntimeError" in judgement.diagnosis[0]


def test_layers_that_use_their_own_weights_are_right():
    status = {c.name: c.status for c in judged("OwnLayers", "layers").checks}
    assert status["layers"] is Status.PASS


def test_lengths_that_are_heeded_are_right():
    judgement = judged("PaddedWell", "different_lengths")
    assert {c.name: c.status for c in judgement.checks}["different_lengths"] is Status.PASS
    assert "`lengths`: lengths" in judgement.interface["told"]
    assert "not_judged" not in judgement.interface


def test_the_last_output_alone_is_judged_at_every_step():
    judgement = judged("LastLogits", "gradients")
    assert "last step" in judgement.interface["layout"]
    assert {result.status for result in judgement.checks} == {Status.PASS}


@pytest.mark.parametrize(
    ("name", "verdict", "words"),
    [
        ("BothWays", "variant", "taken apart, both directions conform"),
        ("TurnsTaken", "variant", "units take turns"),
        ("BehindOneLayer", "variant", "behind another layer"),
        ("OneTensorForBoth", "inconclusive", "with both's weights in `W`"),
        (
            "NotTurnedBack",
            "defective",
            "in the backward direction: the outputs are taken in reverse",
        ),
        ("OneCellForBoth", "defective", "both directions use the same weights"),
    ],
)
def test_both_directions_are_judged_apart(name, verdict, words):
    judgement = judged(name, "default_state")
    assert judgement.verdict == verdict
    assert any(words in sentence for sentence in judgement.diagnosis), judgement.diagnosis


def test_one_size_for_inputs_and_states_is_told():
    judgement = judged("OneSize")
    assert judgement.verdict == "unsupported"
    assert "takes one size, `d_model`" in judgement.diagnosis[0]
