"""Defects of randomness, validation, dtype and device, memory, module habits and numerics."""

from __future__ import annotations

from tests.broken.record import Defect, rows

CHANCE = "random, dropout, determin, differ, twice, repeat, noise, chance"
SIZE = "size, shape, batch, feature, broadcast, accept, wrong, mismatch"
PRECISION = (
    "precision, accura, rounding, error, bfloat16, half, float16, digits, float32, differ, off by"
)
WRITTEN = "modif, overwrit, in place, in-place, written, chang, mutat"
WARNING = {"verdict": "conforms"}

RANDOMNESS = rows(
    "randomness",
    "randomness",
    ("DropoutInEval", "FusedLSTM", CHANCE),
    ("DropoutOnlyInEval", "GateLinears",
     f"{CHANCE} | eval, determin, random, differ", {"shown_by": "eval_values"}),
    ("NoisyGates", "StepCell", CHANCE),
    ("WeightDropKept", "TimeFirstLSTM",
     f"weight, parameter, `u` | {WRITTEN}",
     {"shown_by": "weights_change", "source": "keitakurita/Better_LSTM_PyTorch"}),
    ("ConsumesTheGenerator", "ConcatLSTM",
     "random, generator, rng | consum, draw, use, touch, advance, state, number",
     {**WARNING, "shown_by": "generator_moves"}),
    ("SetsTheSeed", "TimeFirstLSTM",
     "random, generator, rng, seed", {"shown_by": "generator_moves"}),
)  # fmt: skip

VALIDATION = rows(
    "validation",
    "validation",
    ("StateBroadcasts", "TimeFirstLSTM",
     f"state | {SIZE}",
     {**WARNING, "shown_by": "takes_state_of_one_row",
      "source": "pytorch/pytorch#3789, #114874"}),
    ("CellStateBroadcasts", "StepCell",
     f"state, c0 | {SIZE}", {**WARNING, "shown_by": "takes_cell_of_one_row"}),
    ("StateCut", "GateLinears", f"state | {SIZE}", {"shown_by": "takes_larger_batch_of_states"}),
    ("CutsHiddenOfState", "TimeFirstLSTM",
     f"state | {SIZE}, hidden", {"shown_by": "takes_wider_state"}),
    ("FeaturesCut", "GateParameters",
     f"input, feature | {SIZE}", {"shown_by": "takes_more_features"}),
    ("FeaturesPadded", "FusedLSTM",
     f"input, feature | {SIZE}", {"shown_by": "takes_fewer_features"}),
    ("ReshapesAnything", "GateLinears",
     f"input, feature | {SIZE}", {"shown_by": "takes_twice_the_features"}),
)  # fmt: skip

DTYPE_DEVICE = rows(
    "dtype_device",
    "dtype_device",
    ("FloatInside", "GateLinears", "float64, double", {**WARNING, "shown_by": "no_float64"}),
    ("ReturnsFloat32", "TimeFirstLSTM",
     "float64, float32, double, dtype", {"shown_by": "no_float64"}),
    ("Float32InBetween", "FusedLSTM",
     "float64, float32, double, precision", {"shown_by": "no_float64"}),
    ("DefaultStateFloat32", "GateParameters",
     "default, state | float64, float32, dtype, double",
     {**WARNING, "shown_by": "no_float64_by_default", "source": "piEsposito/pytorch-lstm-by-hand"}),
    ("DefaultStateOnCPU", "GateLinears",
     "default, state | device, cpu, meta", {**WARNING, "shown_by": "stays_on_cpu"}),
    ("ConstantOnCPU", "GateParameters",
     "device, cpu, meta", {**WARNING, "shown_by": "stays_on_cpu"}),
    ("DefaultDtypeChanged", "StepCell",
     "default dtype, default_dtype, global | chang, set",
     {"verdict": "error", "shown_by": "default_dtype_changes"}),
    ("ComputesInBfloat16", "FusedLSTM", PRECISION, {"shown_by": "imprecise"}),
    ("HalfPrecisionCell", "GateParameters", PRECISION, {"shown_by": "imprecise"}),
    ("HalfPrecisionHead", "LSTMWithHead", PRECISION, {"shown_by": "imprecise"}),
    ("InputStridesAssumed", "TimeFirstLSTM",
     "contiguous, stride, transposed | input, x", {"shown_by": "input_not_contiguous"}),
    ("CellInputStridesAssumed", "StepCell",
     "contiguous, stride, transposed | input, x", {"shown_by": "input_not_contiguous"}),
    ("StateStridesAssumed", "ConcatLSTM",
     "contiguous, stride, transposed, expand | state, h0, c0",
     {"shown_by": "state_not_contiguous", "source": "quark0/darts#730"}),
    ("ViewNeedsContiguous", "GateLinears",
     "contiguous, stride, transposed, view", {"shown_by": "input_not_contiguous"}),
    ("CopiesWithStrides", "TimeFirstLSTM",
     "expand, stride, single memory location, contiguous", {"shown_by": "state_expanded"}),
)  # fmt: skip

MEMORY = rows(
    "memory",
    "memory",
    ("TransposesInPlace", "FusedLSTM",
     f"input, x, leaf | {WRITTEN}, leaf, shape, transpos",
     {"shown_by": "input_modified", "source": "pytorch/pytorch#1721"}),
    ("InputAsBuffer", "TimeFirstLSTM",
     f"input, x | {WRITTEN}", {"shown_by": "input_modified", "sizes": (5, 3, 6, 6)}),
    ("CellStateModified", "StepCell",
     f"state, c0, cell | {WRITTEN}", {"shown_by": "state_modified"}),
    ("GivenStateMovedOn", "GateLinears",
     f"state, h0, c0 | {WRITTEN}", {"shown_by": "state_modified"}),
    ("OutputBufferReused", "ConcatLSTM",
     "output, result, y | overwrit, next call, buffer, reuse, second, later, alias, share",
     {"shown_by": "output_overwritten"}),
    ("WeightsClipped", "GateParameters",
     f"weight, parameter | {WRITTEN}", {"shown_by": "weights_change"}),
    ("WeightsNormalised", "TimeFirstLSTM",
     f"weight, parameter, `u` | {WRITTEN}", {"shown_by": "weights_change"}),
    ("HistoryGrows", "GateLinears",
     "memory, grow, leak, kept, keep, hold, alive, retain", {"shown_by": "grows"}),
    ("CacheGrows", "StepCell",
     "memory, grow, leak, kept, keep, hold, alive, retain", {"shown_by": "grows"}),
)  # fmt: skip

MODULE = rows(
    "module_habits",
    "module",
    ("PlainTensorBias", "TimeFirstLSTM",
     "register, parameter, state_dict, bias, optimi", {"shown_by": "fewer_parameters"}),
    ("LinearsInAList", "GateLinears",
     "register, parameter, state_dict, list, optimi, recurrent",
     {"shown_by": "fewer_parameters", "also": ("unsupported", "inconclusive")}),
    ("BiasNotInCheckpoint", "ConcatLSTM",
     "state_dict, checkpoint, persist, register, bias, buffer",
     {"shown_by": "fewer_parameters"}),
    ("LambdaActivation", "ConcatLSTM", "pickle", {**WARNING, "shown_by": "no_pickle"}),
    ("KeepsTheGraph", "FusedLSTM", "copy, copied, copied", {**WARNING, "shown_by": "no_deepcopy"}),
    ("CopyWithOtherWeights", "GateParameters",
     "copy, copied", {"shown_by": "no_deepcopy"}),
    ("EvalShortcut", "GateParameters", "eval, train", {"shown_by": "eval_values"}),
    ("TrainsWithOpenGate", "TimeFirstLSTM", "eval, train, output gate"),
    ("StaleFusedWeights", "GateLinears",
     "weight, parameter, w_, gradient | stale, cache, change, update, no effect, first, old, "
     "later, none, zero, missing", {"shown_by": "weights_stale"}),
    ("FusedAtConstruction", "StepCell",
     "weight, parameter, x2h, h2h | no effect, ignore, unused, copy, stale"),
    ("ForgetBiasOnLoading", "ConcatLSTM",
     "load, state_dict, checkpoint, round trip",
     {"shown_by": "loading_changes", "also": ("conforms",)}),
    ("NoGradientInEval", "FusedLSTM",
     "eval | gradient, grad, backward", {"shown_by": "eval_gradients"}),
)  # fmt: skip

NUMERICS = rows(
    "numerics",
    "numerics",
    ("SigmoidOverflows", "TimeFirstLSTM",
     "overflow, nan, finite, saturat, large", {"shown_by": "overflows"}),
    ("TanhOverflows", "GateLinears",
     "overflow, nan, finite, saturat, large", {"shown_by": "overflows"}),
    ("SigmoidGradientOverflows", "StepCell",
     "overflow, nan, finite, saturat, large", {"shown_by": "gradient_overflows"}),
    ("CellClipped", "FusedLSTM",
     "clip, clamp, bound, limit, cap, saturat, cell, beyond",
     {"shown_by": "large_cell", "also": ("variant",)}),
    ("CellClippedFarOut", "GateParameters",
     "clip, clamp, bound, limit, cap, saturat, cell, beyond",
     {"shown_by": "large_cell", "also": ("variant", "conforms")}),
    ("PreActivationsClipped", "ConcatLSTM",
     "clip, clamp, bound, limit, cap, saturat, large, activation", {"shown_by": "large_input"}),
    ("NaNCleaned", "TimeFirstLSTM", "nan", {"shown_by": "nan_vanishes"}),
    ("NaNInputCleaned", "LSTMWithHead", "nan", {"shown_by": "nan_vanishes"}),
    ("EpsilonInSigmoid", "GateLinears", f"gate, sigmoid, {PRECISION}"),
    ("ApproximateTanh", "GateParameters", f"tanh, activation, {PRECISION}"),
    ("SmallValuesFlushed", "FusedLSTM", "small, flush, zero, threshold, cell, c, curve"),
    ("GatesRounded", "StepCell", f"round, quanti, gate, {PRECISION}"),
    ("HiddenClipped", "HandBackwardLSTM",
     "clip, clamp, bound, limit, cap, saturat, output, large, beyond", {"also": ("variant",)}),
)  # fmt: skip

DEFECTS: tuple[Defect, ...] = (
    *RANDOMNESS,
    *VALIDATION,
    *DTYPE_DEVICE,
    *MEMORY,
    *MODULE,
    *NUMERICS,
)
