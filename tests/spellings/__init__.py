"""Correct LSTMs in the spellings of the public: what a checker must never call defective.

The files beside this one are written as strangers write them: no import from this project, no
adapter, no common base. This manifest says what each one is; :mod:`tests.spellings.hands` knows,
for the test alone, how to call each and where its weights are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Layout = Literal["time_first", "batch_first", "cell"]


@dataclass(frozen=True)
class Spelling:
    """One correct LSTM.

    target: ``path/from/the/root.py:Name``. kwargs: what a user would have to say besides the
    sizes. notes: what is particular. sloppy: right, but not a good module: no float64 or none
    by default state, a default state on the CPU, not picklable or copyable, random numbers
    consumed, unregistered parameters. (Hardly any of them checks its sizes; that alone
    does not make one sloppy.) order: of its gates, i f g o in some order, or "per gate".
    zero_default: False where the default state is learned; None where there is no default.
    """

    target: str
    layout: Layout
    order: str
    notes: str
    sloppy: bool = False
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    zero_default: bool | None = True

    @property
    def name(self) -> str:
        """The part after the colon, with the arguments where there are any."""
        shown = ",".join(f"{k}={v}" for k, v in self.kwargs.items())
        return self.target.partition(":")[2] + (f"({shown})" if shown else "")


def _of(file: str, *rows: tuple[Any, ...]) -> tuple[Spelling, ...]:
    """Rows of (name, layout, order, notes[, more fields]) of one file."""
    layouts = {"T": "time_first", "B": "batch_first", "cell": "cell"}
    return tuple(
        Spelling(
            f"tests/spellings/{file}.py:{name}",
            layouts[layout],  # type: ignore[arg-type]
            order,
            notes,
            **(more[0] if more else {}),
        )
        for name, layout, order, notes, *more in rows
    )


SLOPPY = {"sloppy": True}
BATCH_FIRST = {"batch_first": True}
REQUIRED = {"zero_default": None}

TUTORIALS = _of(
    "tutorials",
    ("CustomLSTM", "B", "ifgo", "fused (I, 4H); default state always float32", SLOPPY),
    ("NaiveLSTM", "B", "per gate", "(I, H) parameters, gate by gate"),
    ("LSTMScratch", "T", "per gate", "returns a list of steps; float32 default", SLOPPY),
    ("scratch_model", "T", "per gate", "factory; functions; rows (T*B) of a head", REQUIRED),
    ("CharLSTM", "B", "per gate", "time-major rows of a head of 13; biases (1, H)"),
    ("BatchedLSTM", "T", "ifog", "bias in the first row; c0 before h0; returns out, c, h"),
    ("CourseraLSTM", "B", "per gate", "column vectors inside; output only; biases (H, 1)"),
    ("LSTMModel", "B", "ifgo", "layer_dim and output_dim required; output only", SLOPPY),
)
CELLS = _of(
    "cells",
    ("LSTMCell", "cell", "ifgo", "required pair; returns h, (h, c); two biases", REQUIRED),
    ("TutorialCell", "cell", "ifgo", "optional pair; returns (h, c)"),
    ("TutorialCell", "cell", "ifgo", "the same without biases", {"kwargs": {"bias": False}}),
    ("CatCell", "cell", "ifog", "forward(x, h, c); Linear over [x, h]", REQUIRED),
    ("CarryCell", "cell", "per gate", "hidden first; (c, h) before x, returns it first", REQUIRED),
    ("NamedStateCell", "cell", "igfo", "NamedTuple state; constant 1 on the forget gate"),
    ("BasicLSTMCell", "cell", "igfo", "state (B, 2H) = [c, h]; forget bias 1 inside", REQUIRED),
    ("StackedStateCell", "cell", "fiog", "state (2, B, H), and nothing else, in and out"),
    ("DictStateCell", "cell", "fiog", "a dict in and out; Linear over [h, x]"),
    ("StatelessLSTM", "cell", "gifo", "forward(c, h, x) returns c, h; interleaved gates", REQUIRED),
    ("RNNBaseCell", "cell", "ifgo", "a subclass of nn.RNNCellBase", REQUIRED),
    ("NoBiasCell", "cell", "ifog", "no bias; (I, 4H); addmm and addcmul", REQUIRED),
)
PER_GATE = _of(
    "per_gate",
    ("LinearPairs", "B", "per gate", "two Linears a gate; two biases; states (1, B, H)"),
    ("ConcatGates", "T", "per gate", "Linear over [h, x]; hidden=, cell=; returns out, h, c"),
    ("ParamDictLSTM", "T", "per gate", "ParameterDict; constant 1 on the forget gate"),
    ("ParamListLSTM", "B", "per gate", "ParameterLists; takes no state but returns it"),
    ("LSTMLayer", "B", "per gate", "gate objects; a mask, then keyword-only states"),
    ("GateTableLSTM", "T", "per gate", "ModuleDict in another order; returns a dict"),
)
FUSED = _of(
    "fused",
    ("PlainLSTM", "T", "ifgo", "nn.LSTM's names and meaning; checks its sizes"),
    ("PlainLSTM", "B", "ifgo", "batch first when told", {"kwargs": BATCH_FIRST}),
    ("PlainLSTM", "T", "ifgo", "no biases when told", {"kwargs": {"bias": False}}),
    ("KerasLSTM", "B", "ifgo", "units first; list [h, c] in; returns out, h, c"),
    ("TheanoLSTM", "T", "ifog", "mask before the states; all hiddens and all cells out"),
    ("MLXStyleLSTM", "B", "ifgo", "hidden=, cell=; all hiddens and all cells out"),
    ("GateStackLSTM", "T", "figo", "(4, I, H); einsum and baddbmm", REQUIRED),
    (
        "FlatLSTM",
        "B",
        "ifgo",
        "one parameter vector; batch_first required",
        {"kwargs": BATCH_FIRST},
    ),
    ("FlatLSTM", "T", "ifgo", "state (2, 1, B, H) in and out", {"kwargs": {"batch_first": False}}),
    ("AugmentedLSTM", "T", "ofig", "weights and bias in one matrix over (x, h, 1)"),
    ("HasteLSTM", "T", "igfo", "(I, 4H) kernels; states (1, B, H); lengths=None"),
    ("HasteLSTM", "B", "igfo", "batch first when told", {"kwargs": BATCH_FIRST}),
    ("build_lstm", "B", "figo", "factory over a config; state (B, 2H) = [h, c]"),
)
STATES = _of(
    "states",
    ("OutputOnly", "B", "ifog", "no state in, no state out"),
    ("ListOut", "T", "fiog", "a list of steps and nothing else"),
    ("BiasBesideInputs", "T", "gifo", "no state; (x, 1) W, the bias in its last column, and h U"),
    ("ListOfPairs", "T", "ifgo", "a list of pairs, one a layer"),
    ("MultiLayer", "T", "ifog", "num_layers required; lists of [h, c]; batch_first=False"),
    ("MultiLayer", "B", "ifog", "batch first", {"kwargs": {"num_layers": 1, "batch_first": True}}),
    ("SizesList", "B", "ifgo", "hidden_sizes is a list; NamedTuple, read by name"),
    ("CellFirst", "T", "gifo", "(c, h) in and out, (1, B, H)", REQUIRED),
    ("LearnedStart", "B", "ifgo", "the default state is learned", {"zero_default": False}),
    ("Stateful", "T", "ifgo", "could remember between calls, but does not unless told"),
    ("KeepsLastState", "B", "ifgo", "state left on self: no deepcopy after a call", SLOPPY),
    ("TwoPositional", "B", "oifg", "f(x, h, c); rows (B*T) of a head; out, h, c", REQUIRED),
)
SCRIPTED = _of(
    "scripted",
    ("ScriptedStepLSTM", "B", "ifgo", "a scripted function in a Python module"),
    ("JitLSTMCell", "cell", "ifgo", "ScriptModule: cannot be pickled", {**SLOPPY, **REQUIRED}),
    ("script_lstm", "T", "ifgo", "ScriptModule of a cell class", {**SLOPPY, **REQUIRED}),
    ("scripted_lstm", "T", "figo", "torch.jit.script of a module; Optional state", SLOPPY),
)
HANDWRITTEN = _of(
    "handwritten_backward",
    ("FusedLSTM", "B", "ifgo", "Function for the pointwise part; once differentiable"),
    ("LLTMStyleCell", "cell", "iogf", "Function for a step; [h, x]; bias (1, 4H)", REQUIRED),
    ("BPTTLSTM", "T", "fiog", "Function over the sequence; h0=, c0=; out, h, c"),
)
WRAPPERS = _of(
    "wrappers",
    ("Encoder", "B", "ifgo", "nn.LSTM inside"),
    ("Tagger", "T", "ifgo", "nn.LSTM and a head of 6; takes no state but returns it"),
    ("ExtractOutput", "B", "ifgo", "output only"),
    ("ExtractOutput", "B", "ifgo", "output only, no biases", {"kwargs": {"bias": False}}),
    ("CellLoop", "B", "ifgo", "nn.LSTMCell inside; keyword-only hx=, cx="),
    ("AnyCellLayer", "T", "ifgo", "cell_class=nn.LSTMCell"),
    ("WithLengths", "B", "ifgo", "lengths before the state"),
    ("RowsDecoder", "T", "ifgo", "head H -> H, rows (T*B); required pair (1, B, H)", REQUIRED),
    ("StackedStates", "T", "ifgo", "subclass of nn.LSTM; state (2, 1, B, H)"),
    ("NoBias", "T", "ifgo", "keyword-only constructor that wants a device; no biases"),
    ("quantizable_lstm", "T", "ifgo", "torch.ao; float32 default state", SLOPPY),
)
TECHNIQUES = _of(
    "techniques",
    ("TanhBySigmoid", "T", "ifgo", "tanh as 2 sigmoid(2z) - 1; a buffer"),
    ("SigmoidByTanh", "B", "ofig", "sigmoid by tanh; states (B, 1, H)"),
    ("InPlaceLSTM", "T", "ifog", "in-place where autograd allows it"),
    ("VmapLSTM", "B", "gifo", "torch.func.vmap over the batch; (4, H, I)"),
    ("InterleavedLSTM", "T", "ifgo", "gates interleaved per unit"),
    ("InterleavedLSTM", "B", "ifgo", "batch first when told", {"kwargs": BATCH_FIRST}),
    ("HomemadeSigmoidLSTM", "T", "figo", "own sigmoid; constant 1 on f; zeros on the CPU", SLOPPY),
    ("LambdaLSTM", "B", "gifo", "not picklable; float32 only", SLOPPY),
    ("ListedParameters", "B", "ifog", "an nn.ParameterList", REQUIRED),
)

SPELLINGS: tuple[Spelling, ...] = (
    *TUTORIALS,
    *CELLS,
    *PER_GATE,
    *FUSED,
    *STATES,
    *SCRIPTED,
    *HANDWRITTEN,
    *WRAPPERS,
    *TECHNIQUES,
)
