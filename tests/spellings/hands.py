"""One line a spelling: its weights, how it takes a state, what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from tests.spellings.weights_by_hand import (
    Find,
    flat,
    fused,
    headed,
    interleaved,
    joined,
    per_gate,
    per_gate_joined,
    stacked,
    stacked_joined,
    started,
    triples,
    with_bias_in_w,
)

Build = Callable[..., nn.Module]


@dataclass(frozen=True)
class Hand:
    """What a reader of the source knows of one spelling.

    give: how it takes a state, "" for not at all. rows: the order of flattened rows, "TB" or
    "BT". x_last: the state stands before x. only_float32: there is no float64 at all.
    """

    weights: Find
    give: str
    take: str
    build: Build = lambda factory, I, H, **kw: factory(I, H, **kw)
    rows: str = ""
    x_last: bool = False
    only_float32: bool = False


def hidden_first(factory: Build, I: int, H: int, **kw: Any) -> nn.Module:
    return factory(H, I, **kw)


L0 = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
CELL = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")

QUANTIZABLE = ("igates.weight", "hgates.weight", "igates.bias", "hgates.bias")


def inside(attribute: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{attribute}.{name}" for name in names)


TABLE: dict[str, Hand] = {
    # tutorials
    "CustomLSTM": Hand(fused("ifgo", "W", "U", "bias", columns=True), "(h,c)", "y,(h,c)"),
    "NaiveLSTM": Hand(per_gate("ifco", "U_{}", "V_{}", "b_{}", columns=True), "(h,c)", "y,(h,c)"),
    "LSTMScratch": Hand(
        per_gate("ifco", "W_x{}", "W_h{}", "b_{}", columns=True), "(h,c)", "[y],(h,c)"
    ),
    "scratch_model": Hand(
        headed(
            triples("ifog"),
            "params.12",
            "params.13",
            columns=True,
        ),
        "(h,c)",
        "y,(h,c)",
        rows="TB",
    ),
    "CharLSTM": Hand(
        headed(per_gate("ifao", "W_{}", "U_{}", "b_{}", columns=True), "W_h", "b_h", columns=True),
        "(h,c)",
        "y,(h,c)",
        rows="TB",
    ),
    "BatchedLSTM": Hand(joined("ifog", "WLSTM", parts="1xh", columns=True), "c0=,h0=", "y,c,h"),
    "CourseraLSTM": Hand(per_gate_joined("ifco", "W{}", "b{}", "hx"), "", "y"),
    "LSTMModel": Hand(
        headed(
            fused("ifgo", "x2h.weight", "h2h.weight", "x2h.bias", "h2h.bias"),
            "fc.weight",
            "fc.bias",
        ),
        "",
        "y",
        build=lambda factory, I, H: factory(I, H, 1, 9),
    ),
    # cells
    "LSTMCell": Hand(fused("ifgo", *CELL), "(h,c)", "h,(h,c)"),
    "TutorialCell": Hand(
        fused("ifgo", "xh.weight", "hh.weight", "xh.bias", "hh.bias"), "(h,c)", "(h,c)"
    ),
    "CatCell": Hand(joined("ifog", "gates.weight", "gates.bias"), "h,c", "(h,c)"),
    "CarryCell": Hand(
        per_gate("ifgo", "i.{}.weight", "h.{}.weight", "h.{}.bias"),
        "(c,h)",
        "(c,h),h",
        build=hidden_first,
        x_last=True,
    ),
    "NamedStateCell": Hand(
        joined("igfo", "linear.weight", "linear.bias", plus=1), "LSTMState", "h,(h,c)"
    ),
    "BasicLSTMCell": Hand(
        joined("igfo", "kernel", "bias", columns=True, plus=1), "ch", "h,ch", build=hidden_first
    ),
    "StackedStateCell": Hand(fused("fiog", "Wx.weight", "Wh.weight", "Wx.bias"), "2BH", "2BH"),
    "DictStateCell": Hand(joined("fiog", "core.weight", "core.bias", parts="hx"), "dict", "dict"),
    "StatelessLSTM": Hand(
        fused("gifo", "upward.weight", "lateral.weight", "upward.bias", cut=interleaved),
        "c,h",
        "(c,h)",
        x_last=True,
    ),
    "RNNBaseCell": Hand(fused("ifgo", *CELL), "(h,c)", "(h,c)"),
    "NoBiasCell": Hand(fused("ifog", "weight_xh", "weight_hh", columns=True), "(h,c)", "(h,c)"),
    # per_gate
    "LinearPairs": Hand(
        per_gate("ifgo", "W_i{}.weight", "W_h{}.weight", "W_i{}.bias", "W_h{}.bias"),
        "(1h,1c)",
        "y,(1h,1c)",
    ),
    "ConcatGates": Hand(
        per_gate_joined(
            ("input_gate", "forget_gate", "candidate", "output_gate"), "{}.weight", "{}.bias", "hx"
        ),
        "hidden=,cell=",
        "y,h,c",
    ),
    "ParamDictLSTM": Hand(
        per_gate(("input", "forget", "cell", "output"), "w.{}_x", "w.{}_h", "w.{}_b", plus=1),
        "(h,c)",
        "y,(h,c)",
    ),
    "ParamListLSTM": Hand(
        per_gate("1023", "input_weights.{}", "recurrent_weights.{}", "biases.{}", columns=True),
        "",
        "y,(h,c)",
    ),
    "LSTMLayer": Hand(
        per_gate(
            ("ingate", "forgetgate", "cell", "outgate"), "{}.W_in", "{}.W_hid", "{}.b", columns=True
        ),
        "hid_init=,cell_init=",
        "y,h,c",
    ),
    "GateTableLSTM": Hand(
        per_gate_joined("ifgo", "gates.{}.weight", "gates.{}.bias", "xh"), "h0=,c0=", "dict"
    ),
    # fused
    "PlainLSTM": Hand(fused("ifgo", *L0), "(1h,1c)", "y,(1h,1c)"),
    "KerasLSTM": Hand(
        fused("ifgo", "kernel", "recurrent_kernel", "bias", columns=True),
        "[h,c]",
        "y,h,c",
        build=hidden_first,
    ),
    "TheanoLSTM": Hand(
        fused("ifog", "lstm_W", "lstm_U", "lstm_b", columns=True), "None,h,c", "hs,cs by time"
    ),
    "MLXStyleLSTM": Hand(fused("ifgo", "Wx", "Wh", "bias"), "h,c", "hs,cs by batch"),
    "GateStackLSTM": Hand(
        stacked("figo", "weight_x", "weight_h", "bias", columns=True), "(h,c)", "y,(h,c)"
    ),
    "FlatLSTM": Hand(flat, "21BH", "y,21BH"),
    "AugmentedLSTM": Hand(joined("ofig", "theta", parts="xh1"), "(h,c)", "y,(h,c)"),
    "HasteLSTM": Hand(
        fused("igfo", "kernel", "recurrent_kernel", "bias", columns=True), "(1h,1c)", "y,(1h,1c)"
    ),
    "build_lstm": Hand(joined("figo", "in_proj.weight", "in_proj.bias"), "hc", "y,hc"),
    # states
    "OutputOnly": Hand(fused("ifog", "i2h.weight", "h2h.weight", "i2h.bias"), "", "y"),
    "ListOut": Hand(joined("fiog", "lin.weight", "lin.bias", parts="hx"), "", "[y]"),
    "BiasBesideInputs": Hand(with_bias_in_w("gifo", "inner", "outer"), "", "y"),
    "ListOfPairs": Hand(
        joined("ifgo", "layers.0.gates.weight", "layers.0.gates.bias"), "[(h,c)]", "y,[(h,c)]"
    ),
    "MultiLayer": Hand(
        joined("ifog", "cell_list.0.weight", "cell_list.0.bias"),
        "[(h,c)]",
        "y,[(h,c)]",
        build=lambda factory, I, H, **kw: factory(I, H, **{"num_layers": 1, **kw}),
    ),
    "SizesList": Hand(
        fused("ifgo", "x2g.weight", "h2g.weight", "x2g.bias", "h2g.bias"),
        "State",
        "y,(h,c)",
        build=lambda factory, I, H: factory(I, [H]),
    ),
    "CellFirst": Hand(fused("gifo", "W", "R", "b", columns=True), "(1c,1h)", "y,(1c,1h)"),
    "LearnedStart": Hand(
        started(fused("ifgo", "proj.weight", "rec.weight", "proj.bias")), "(h,c)", "y,(h,c)"
    ),
    "Stateful": Hand(joined("ifgo", "W.weight", "W.bias"), "(h,c)", "y,(h,c)"),
    "KeepsLastState": Hand(
        fused("ifgo", "fc_x.weight", "fc_h.weight", "fc_x.bias", "fc_h.bias"), "", "y"
    ),
    "TwoPositional": Hand(
        headed(
            fused("oifg", "kernel.weight", "recurrent.weight", "recurrent.bias"),
            "out.weight",
            "out.bias",
        ),
        "h,c",
        "y,h,c",
        rows="BT",
    ),
    # scripted
    "ScriptedStepLSTM": Hand(fused("ifgo", "w_ih", "w_hh", "b"), "(h,c)", "y,(h,c)"),
    "JitLSTMCell": Hand(fused("ifgo", *CELL), "(h,c)", "h,(h,c)"),
    "script_lstm": Hand(fused("ifgo", *inside("cell", CELL)), "(h,c)", "y,(h,c)"),
    "scripted_lstm": Hand(joined("figo", "fc.weight", "fc.bias"), "(h,c)", "y,(h,c)"),
    # handwritten_backward
    "FusedLSTM": Hand(
        fused("ifgo", "ih.weight", "hh.weight", "ih.bias", "hh.bias"), "(h,c)", "y,(h,c)"
    ),
    "LLTMStyleCell": Hand(joined("iogf", "weights", "bias", parts="hx"), "(h,c)", "(h,c)"),
    "BPTTLSTM": Hand(fused("fiog", "W", "R", "b", columns=True), "h0=,c0=", "y,h,c"),
    # wrappers
    "Encoder": Hand(fused("ifgo", *inside("lstm", L0)), "(1h,1c)", "y,(1h,1c)"),
    "Tagger": Hand(
        headed(fused("ifgo", *inside("rnn", L0)), "head.weight", "head.bias"), "", "y,(1h,1c)"
    ),
    "ExtractOutput": Hand(fused("ifgo", *inside("lstm", L0)), "", "y"),
    "CellLoop": Hand(fused("ifgo", *inside("lstm_cell", CELL)), "hx=,cx=", "y,(h,c)"),
    "AnyCellLayer": Hand(fused("ifgo", *inside("cell", CELL)), "(h,c)", "y,(h,c)"),
    "WithLengths": Hand(fused("ifgo", *inside("lstm", L0)), "None,(1h,1c)", "y,(1h,1c)"),
    "RowsDecoder": Hand(
        headed(fused("ifgo", *inside("rnn", L0)), "decoder.weight", "decoder.bias"),
        "(1h,1c)",
        "y,(1h,1c)",
        rows="TB",
    ),
    "StackedStates": Hand(fused("ifgo", *L0), "21BH", "y,21BH"),
    "NoBias": Hand(
        fused("ifgo", *inside("core", L0[:2])),
        "(1h,1c)",
        "y,(1h,1c)",
        build=lambda factory, I, H: factory(input_dim=I, output_dim=H, device="cpu"),
    ),
    "quantizable_lstm": Hand(
        fused("ifgo", *inside("layers.0.layer_fw.cell", QUANTIZABLE)),
        "(1h,1c)",
        "y,(1h,1c)",
    ),
    # techniques
    "TanhBySigmoid": Hand(
        fused("ifgo", "x2h.weight", "h2h.weight", "x2h.bias", "h2h.bias"), "(h,c)", "y,(h,c)"
    ),
    "SigmoidByTanh": Hand(
        fused("ofig", "inp.weight", "rec.weight", "inp.bias"), "(B1h,B1c)", "y,(B1h,B1c)"
    ),
    "InPlaceLSTM": Hand(fused("ifog", "w.weight", "u.weight", "w.bias"), "(h,c)", "y,(h,c)"),
    "VmapLSTM": Hand(stacked("gifo", "params.Wx", "params.Wh", "params.b"), "(h,c)", "y,(h,c)"),
    "InterleavedLSTM": Hand(
        fused("ifgo", "weight_x", "weight_r", "bias_g", cut=interleaved), "(1h,1c)", "y,(1h,1c)"
    ),
    "HomemadeSigmoidLSTM": Hand(
        stacked_joined,
        "",
        "y,(h,c)",
        build=lambda factory, I, H: factory(I, H, 5),
    ),
    "LambdaLSTM": Hand(
        fused("gifo", "Wih.weight", "Whh.weight", "Whh.bias"), "(h,c)", "y,(h,c)", only_float32=True
    ),
    "ListedParameters": Hand(fused("ifog", "p.0", "p.1", "p.2"), "(h,c)", "y,(h,c)"),
}
