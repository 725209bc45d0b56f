"""Variants, which are no defects, and hostile subjects, which are no LSTMs."""

from __future__ import annotations

from tests.broken.record import Defect, rows

NO_LSTM = ("error", "variant", "defective")

VARIANTS: tuple[Defect, ...] = rows(
    "variants",
    "",
    ("PeepholeLSTM", "", "peephole, cell"),
    ("CoupledLSTM", "", "coupled, forget, 3 gates, three gates"),
    ("NoForgetGateLSTM", "", "forget, 1997, 3 gates, three gates"),
    ("LayerNormLSTM", "", "norm"),
    ("ProjectedLSTM", "", "project"),
    ("WideProjectedLSTM", "", "project"),
    ("StatelessProjectedLSTM", "", "project"),
    ("ClippedLSTM", "", "clip, clamp, bound"),
    ("ResidualLSTM", "", "residual, skip, shortcut, input"),
    ("ZoneoutLSTM", "", "zoneout, old state, previous, leaky"),
    ("MultiplicativeLSTM", "", "multiplicative, product, w_m, u_m, extra, intermediate"),
    ("DiagonalLSTM", "", "diagonal, element, vector, independent, recurrent"),
    ("ExponentialLSTM", "", "exponential, exp, normali, slstm"),
    ("BidirectionalLSTM", "", "bidirectional, direction, both"),
    ("TwoLayerLSTM", "", "layers, stacked, two"),
    ("GRU", "", "gru, one state, single state, no cell"),
    ("VanillaRNN", "", "rnn, one state, single state, no cell, elman"),
    ("MinimalGatedUnit", "", "minimal, mgu, one state, single state, no cell, gru"),
    ("SRU", "", "sru, recurrent, hidden, h"),
    ("QRNN", "", "qrnn, convolution, one state, single state, no cell"),
    verdict="variant",
    also=("unsupported",),
    shown_by="",
)  # fmt: skip

HOSTILE: tuple[Defect, ...] = (
    *rows(
        "hostile",
        "",
        ("HangsInConstructor", "", "time, hang, limit, seconds"),
        ("HangsInForward", "", "time, hang, limit, seconds"),
        ("HangsInBackward", "", "time, hang, limit, seconds"),
        ("IgnoresTermination", "", "time, hang, limit, seconds"),
        ("ExitsInConstructor", "", "exit"),
        ("ExitsInForward", "", "exit, died, ended, vanish, lost"),
        ("AbortsInForward", "", "abort, signal, crash, died, sigabrt"),
        ("SegfaultsInForward", "", "segmentation, segfault, signal, crash, died, sigsegv"),
        ("InterruptsInForward", "", "interrupt, keyboardinterrupt"),
        ("EatsMemory", "", "memory", {"also": ("defective", "unsupported")}),
        ("RaisesInConstructor", "", "licence", {"also": ("unsupported",)}),
        ("RaisesInForward", "", "exercise, notimplemented", {"also": ("unsupported",)}),
        ("OddConstructor", "", "construct, argument, checkpoint_path", {"also": ("unsupported",)}),
        ("not_a_module", "", "module, str, callable", {"also": ("unsupported",)}),
        verdict="error",
        shown_by="",
    ),
    *rows(
        "hangs_at_import",
        "",
        ("Anything", "", "time, hang, limit"),
        verdict="error",
        shown_by="",
    ),
    *rows("exits_at_import", "", ("Anything", "", "exit"), verdict="error", shown_by=""),
    *rows(
        "raises_at_import",
        "",
        ("NeedsAPackage", "", "a_package_that_nobody_has"),
        verdict="error",
        shown_by="",
    ),
    *rows("syntax_error", "", ("Unfinished", "", "syntax"), verdict="error", shown_by=""),
    *rows(
        "hostile",
        "",
        ("Attention", "", "lstm, recurren, state", {"also": NO_LSTM}),
        ("Linear", "",
         "lstm, recurren, state, time", {"also": NO_LSTM}),
        ("Zeros", "",
         "no effect, constant, zero", {"verdict": "defective", "also": ("error", "unsupported")}),
        ("Chatterbox", "", "", {"verdict": "conforms"}),
        ("ChangesTheWorld", "", "", {"verdict": "conforms"}),
        verdict="unsupported",
        shown_by="",
    ),
)  # fmt: skip
