"""Strangers' LSTMs become Subjects with no adapter, and the mapping is proven by value."""

import pytest
import torch

from impls.registry import implementations
from lstm_bench.conformance.agreement import agree
from lstm_bench.conformance.problem import draw
from lstm_bench.subject import open_subject
from lstm_bench.subject.errors import Ambiguous, CannotLoad, IsVariant, NotAnLSTM
from tests.spellings import SPELLINGS


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda s: s.name)
@pytest.mark.filterwarnings("ignore")
def test_every_spelling_is_understood_and_agrees_at_other_sizes(spelling):
    subject = open_subject(spelling.target, **spelling.kwargs)
    assert subject.proven
    assert subject.findings == ()
    for sizes in ({"input_size": 6, "hidden_size": 4}, {"input_size": 2, "hidden_size": 9}):
        found = agree(subject, **sizes, batch=3, steps=5, dtype=subject.dtype)
        assert found.agrees, found.message


def test_what_records_a_graph_under_no_grad_too_is_understood(tmp_path):
    """As TorchScript does that has run with gradients before."""
    file = tmp_path / "records.py"
    file.write_text(
        "import torch\nfrom torch import nn\n\n\nclass Mine(nn.LSTMCell):\n"
        "    def forward(self, x, state):\n"
        "        with torch.enable_grad():\n            return super().forward(x, state)\n"
    )
    assert open_subject(f"{file}:Mine").proven


@pytest.mark.parametrize("name", implementations())
def test_ours_come_in_by_the_same_door_with_and_without_a_head(name):
    for head in (True, False):
        subject = open_subject(name, head=head)
        assert subject.proven
        assert subject.interface.head == head
        assert subject.build(5, 7).head_size == (7 if head else None)


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        ("torch.nn:GRU", IsVariant, "one state"),
        ("torch.nn:RNNCell", IsVariant, "one state"),
        ("torch.nn:Linear", NotAnLSTM, "not a recurrent layer"),
        ("torch.nn:MultiheadAttention", NotAnLSTM, "any two sizes"),
        ("torch.nn:Identity", NotAnLSTM, "no parameters"),
    ],
)
def test_what_is_no_lstm_is_told_apart(target, error, words):
    with pytest.raises(error) as caught:
        open_subject(target)
    assert words in str(caught.value)


def test_a_constructor_that_raises_is_told_with_its_reason(tmp_path):
    file = tmp_path / "raises.py"
    file.write_text(
        "import torch\nclass L(torch.nn.Module):\n"
        "    def __init__(self, i, h):\n        raise OSError('no weights found')\n"
    )
    with pytest.raises(CannotLoad, match="no weights found"):
        open_subject(f"{file}:L")


WITHOUT_A_STATE = """
import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(d_in, d_out) for _ in range(3))

    def forward(self, x):
        return (self.q(x) @ self.k(x).transpose(1, 2)).softmax(-1) @ self.v(x)


class Convolution(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.conv = nn.Conv1d(d_in, d_out, 3, padding=2)

    def forward(self, x):
        return self.conv(x.transpose(1, 2))[:, :, :-2].transpose(1, 2).tanh()


class OutputsAlone(nn.Module):  # a right LSTM
    def __init__(self, d_in, d_out):
        super().__init__()
        self.inner = nn.LSTM(d_in, d_out, batch_first=True)

    def forward(self, x):
        return self.inner(x)[0]
"""


@pytest.mark.parametrize(("name", "words"), [("Attention", "a set"), ("Convolution", "3 steps")])
def test_seeing_other_steps_is_not_yet_a_recurrence(tmp_path, name, words):
    file = tmp_path / "others.py"
    file.write_text(WITHOUT_A_STATE)
    with pytest.raises(NotAnLSTM, match=words):
        open_subject(f"{file}:{name}")
    assert open_subject(f"{file}:OutputsAlone").proven


def test_a_model_over_token_ids_is_told_what_to_judge_in_it(tmp_path):
    file = tmp_path / "model.py"
    file.write_text(
        "from torch import nn\n"
        "class Model(nn.Module):\n"
        "    def __init__(self, vocabulary, hidden_size):\n"
        "        super().__init__()\n"
        "        self.embed = nn.Embedding(vocabulary, 8)\n"
        "        self.core = nn.LSTM(8, hidden_size, batch_first=True)\n"
        "    def forward(self, tokens, state=None):\n"
        "        return self.core(self.embed(tokens), state)\n"
    )
    with pytest.raises(NotAnLSTM, match=r"token ids .*return Model\(\.\.\.\)\.core"):
        open_subject(f"{file}:Model")


def test_nn_lstm_is_described_in_its_own_terms():
    words = open_subject("torch.nn:LSTM", batch_first=True).describe()
    assert words["layout"] == "batch first"
    assert words["state"] == "(h, c), each (1, B, H), optional"
    assert words["biases"] == "two biases"
    assert "fused as i, f, g, o in `weight_ih_l0` over x" in words["weights"]


def test_loading_says_what_the_module_computes_with():
    """Where there is no bias, the effective bias is zero whatever was asked for."""
    from lstm_bench.conformance.problem import draw

    instance = open_subject("torch.nn:LSTMCell", bias=False).build(5, 3, dtype=torch.float64)
    wanted = draw(5, 3, 2, 2, seed=0).parameters
    effective = instance.load(wanted)
    assert torch.equal(effective.W, wanted.W)
    assert torch.equal(effective.b, torch.zeros_like(wanted.b))


def test_two_biases_are_both_loaded_and_both_report_their_gradient():
    instance = open_subject("torch.nn:LSTMCell").build(5, 3, dtype=torch.float64)
    from lstm_bench.conformance.problem import pose, solve_instance

    problem = pose(instance, batch=2, steps=3, seed=1)
    first, second = instance.module.bias_ih, instance.module.bias_hh
    assert first.abs().min() > 0
    assert second.abs().min() > 0
    assert not torch.equal(first, second)
    results = solve_instance(instance, problem)
    assert "grad b_f (in bias_hh)" in results


@pytest.mark.parametrize("kwargs", [{"num_layers": 2}, {"bidirectional": True}, {"proj_size": 2}])
def test_more_than_one_plain_layer_is_not_taken_for_one(kwargs):
    with pytest.raises((Ambiguous, IsVariant, NotAnLSTM, CannotLoad)):
        open_subject("torch.nn:LSTM", **kwargs)


def test_two_biases_in_one_tensor_share_unevenly_what_they_are_given():
    subject = open_subject("tests/spellings/fused.py:FlatLSTM", batch_first=True)
    instance = subject.build(3, 4, dtype=torch.float64)
    given = draw(3, 4, 2, 2, seed=1).parameters
    assert torch.allclose(instance.load(given).b, given.b)
    first, second = instance.module.flat_weights.detach()[-32:].split(16)
    assert torch.allclose(first * 0.625, second * 0.375)
