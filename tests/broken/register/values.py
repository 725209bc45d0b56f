"""Defects of equations, biases and weights."""

from __future__ import annotations

from tests.broken.record import Defect, rows

CANDIDATE = "candidate, cell gate, modulation, c_tilde, c~"
ACTIVATION = "activation, nonlinearity"
NEVER_RUNS = ("error", "unsupported")
LIKE_NN_LSTM = "nn.lstm, torch's, pytorch's, checkpoint, name"

EQUATIONS = rows(
    "equations",
    "equations",
    ("TanhInputGate", "GateLinears", f"input gate | tanh, {ACTIVATION}"),
    ("TanhForgetGate", "FusedLSTM", f"forget | tanh, {ACTIVATION}"),
    ("TanhOutputGate", "StepCell", f"output gate | tanh, {ACTIVATION}"),
    ("SigmoidCandidate", "GateParameters", f"{CANDIDATE} | sigmoid, {ACTIVATION}"),
    ("ReluCandidate", "ConcatLSTM", f"{CANDIDATE} | relu, {ACTIVATION}"),
    ("LinearCandidate", "TimeFirstLSTM", f"{CANDIDATE} | linear, identity, tanh, {ACTIVATION}"),
    ("TanhTwice", "LSTMWithHead", f"{CANDIDATE} | tanh, {ACTIVATION}"),
    ("HardSigmoidGates", "TimeFirstLSTM", f"gate | hard, piecewise, sigmoid, {ACTIVATION}"),
    ("HardSigmoidOutputGate", "ConcatLSTM", f"output gate | hard, sigmoid, {ACTIVATION}"),
    ("SteepSigmoid", "GateLinears", f"gate | sigmoid, twice, slope, steep, {ACTIVATION}"),
    ("SoftmaxGates", "GateParameters",
     f"gate | softmax, sigmoid, sum to, {ACTIVATION}", {"also": ("variant",)}),
    ("CellTanhMissing", "FusedLSTM", "tanh | cell, hidden, output"),
    ("SigmoidOfCell", "GateLinears", f"sigmoid, tanh, {ACTIVATION} | cell, hidden, output"),
    ("ReluOfCell", "StepCell", f"relu, tanh, {ACTIVATION} | cell, hidden, output"),
    ("TanhKept", "FusedLSTM", "tanh, squash | cell"),
    ("TanhOfOldCell", "TimeFirstLSTM", "old, previous, before, stale | cell, c"),
    ("SumInsteadOfProduct", "GateParameters",
     f"input gate, {CANDIDATE} | sum, add, plus, +", {"source": "TuragaLab/torchrecurrent#22"}),
    ("InputGateTwice", "TimeFirstLSTM", "forget | no effect, ignore, unused, input gate, twice"),
    ("InputGateMissing", "ConcatLSTM", "input gate | no effect, ignore, unused, missing, without"),
    ("OutputGateMissing", "GateLinears",
     "output gate | no effect, ignore, unused, missing, without"),
    ("ForgetGateMissing", "StepCell",
     "forget | no effect, ignore, unused, missing, without", {"also": ("variant",)}),
    ("ForgetsTheNew", "GateParameters", "forget | new, i * g, input gate, write, candidate, cell"),
    ("InvertedForget", "FusedLSTM", "forget | 1 -, invert, complement, sign, negat, opposite"),
    ("CoupledForget", "GateLinears",
     "forget | no effect, ignore, unused, coupled, 1 -", {"also": ("variant",)}),
    ("OutputGateInsideTanh", "LSTMWithHead", "output gate | tanh, inside, order"),
    ("SwappedInputForget", "GateLinears",
     "input gate | forget | swap, mixed, exchanged, acts as, order"),
    ("OutputGateAsCandidate", "GateParameters",
     f"output gate | {CANDIDATE} | swap, mixed, exchanged, acts as, order"),
    ("OutputGateWithoutHidden", "GateParameters",
     "output gate, _o | h, hidden, recurrent | ignore, no effect, unused, without, only"),
    ("ForgetGateWithoutInput", "GateLinears",
     "forget, _f | x, input | ignore, no effect, unused, without, only"),
    ("CandidateWithoutHidden", "TimeFirstLSTM",
     f"{CANDIDATE} | h, hidden, recurrent | ignore, no effect, unused, without, only"),
    ("OutputGateSeesNewState", "GateLinears", "output gate | new, updated, tanh(c), cell"),
    ("GatesReadTheCell", "ConcatLSTM", "hidden, h, cell | gate, ignore, instead, no effect"),
    ("TiedGates", "GateParameters",
     "w_f, w_i, forget, input gate | same, shared, tied, two gates, no effect, both, unused"),
    ("RecurrentMatrixCopied", "GateLinears",
     f"u_o, u_g, output gate, {CANDIDATE} | same, shared, tied, two gates, no effect, both, "
     "unused"),
    ("ProductInsteadOfSum", "StepCell",
     "product, multipl, sum, add, pre-activation, gate", {"also": ("variant",)}),
)  # fmt: skip

BIASES = rows(
    "biases",
    "parameters",
    ("OneBiasForAllGates", "GateParameters",
     "bias, b_ | same, shared, one, no effect, all gates, unused",
     {"source": "ddbourgin/numpy-ml#42"}),
    ("BiasTwice", "TimeFirstLSTM",
     "bias | twice, 2 times, double, two",
     {"source": "lisa-lab/DeepLearningTutorials#81, kelvinxu/arctic-captions#7"}),
    ("BiasOfOneGateTwice", "GateLinears", "bias | twice, 2 times, double, two | output gate, _o"),
    ("BiasIgnored", "ConcatLSTM", "bias | ignore, no effect, unused"),
    ("SecondBiasIgnored", "FusedLSTM", "bias_hh | ignore, no effect, unused"),
    ("ForgetBiasMissing", "GateParameters", "b_f, bias | ignore, no effect, unused, missing"),
    ("BiasOnFirstStepOnly", "TimeFirstLSTM",
     "bias | first step, step 1, step 2, later, only, from step, second step"),
    ("HiddenForgetBias", "FusedLSTM", "forget | bias, constant, 1"),
    ("CandidateBiasOutside", "StepCell",
     f"bias, {CANDIDATE} | tanh, outside, behind, after, {ACTIVATION}, saturat, beyond"),
    ("HeadBiasIgnored", "LSTMWithHead", "head.bias, head, bias | ignore, no effect, unused"),
)  # fmt: skip

WEIGHTS = rows(
    "weights",
    "parameters",
    ("OtherOrderThanNamed", "FusedLSTM", f"order | {LIKE_NN_LSTM}"),
    ("OtherOrderThanNamedCell", "", f"order | {LIKE_NN_LSTM}", {"shown_by": "nn_lstm_cell"}),
    ("InterleavedUnlikeNamed", "FusedLSTM", f"interleav, order, layout | {LIKE_NN_LSTM}"),
    ("ViewInsteadOfTranspose", "FusedLSTM",
     "layout, transpos, view, reshape, order, scrambl, nn.lstm"),
    ("RecurrentTransposed", "FusedLSTM",
     "transpos, layout, order, nn.lstm", {"source": "lstms.pth"}),
    ("RightOnlyWhenSquare", "GateParameters",
     "square, equal, differ, shape, size, i = h, i == h",
     {"shown_by": "raises_where_host_does_not", "source": "lstms.pth", "also": NEVER_RUNS}),
    ("ShapeAsValues", "",
     "shape, size, raise, error",
     {"shown_by": "raises_alone", "source": "lstm_from_scratch", "also": NEVER_RUNS}),
    ("InputSizeForBoth", "StepCell",
     "square, equal, differ, shape, size, i = h, i == h",
     {"shown_by": "raises_where_host_does_not", "also": NEVER_RUNS}),
)  # fmt: skip

DEFECTS: tuple[Defect, ...] = (*EQUATIONS, *BIASES, *WEIGHTS)
