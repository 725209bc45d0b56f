"""Other dtypes than float32, other devices than the CPU, other strides than the usual ones."""

import torch
from hosts import (
    ConcatLSTM,
    FusedLSTM,
    GateLinears,
    GateParameters,
    LSTMWithHead,
    StepCell,
    TimeFirstLSTM,
)

# --- dtype ---------------------------------------------------------------------------------------


class FloatInside(GateLinears):
    """x.float() makes float64 parameters meet float32 inputs."""

    def run(self, x, h, c):
        return super().run(x.float(), h.float(), c.float())


class ReturnsFloat32(TimeFirstLSTM):
    def write_output(self, outputs):
        return super().write_output(outputs).float()


class Float32InBetween(FusedLSTM):
    """Says float64 and computes in float32."""

    def combine(self, i, f, g, o, c):
        h, new_c = super().combine(i.float(), f.float(), g.float(), o.float(), c.float())
        return h.to(c.dtype), new_c.to(c.dtype)


class DefaultStateFloat32(GateParameters):
    def initial_state(self, x):
        zeros = torch.zeros(x.size(1), self.hidden_size, device=x.device, dtype=torch.float32)
        return zeros, zeros


class DefaultStateOnCPU(GateLinears):
    def initial_state(self, x):
        zeros = torch.zeros(x.size(0), self.hidden_size, dtype=x.dtype)
        return zeros, zeros


class ConstantOnCPU(GateParameters):
    """A tensor that is neither parameter nor buffer stays where it was made."""

    def __init__(self, num_inputs, num_hiddens):
        super().__init__(num_inputs, num_hiddens)
        self.ones = torch.ones(num_hiddens)

    def combine(self, i, f, g, o, c):
        return super().combine(i * self.ones, f, g, o, c)


class DefaultDtypeChanged(StepCell):
    """Double precision for the whole program, whoever else is in it."""

    def initial_state(self, x):
        torch.set_default_dtype(torch.float64)
        return super().initial_state(x)


class ComputesInBfloat16(FusedLSTM):
    """Tensor cores are fast; float32 goes in and comes out."""

    def gates(self, x, h):
        weights = torch.cat([self.weight_ih_l0, self.weight_hh_l0], dim=1)
        z = torch.cat([x, h], dim=1).bfloat16() @ weights.t().bfloat16()
        return (z.to(x.dtype) + self.bias_ih_l0 + self.bias_hh_l0).chunk(4, dim=1)


class HalfPrecisionCell(GateParameters):
    """The cell state is kept in half precision from step to step."""

    def combine(self, i, f, g, o, c):
        h, new_c = super().combine(i, f, g, o, c)
        return h, new_c.half().to(c.dtype)


class HalfPrecisionHead(LSTMWithHead):
    def write_output(self, outputs):
        y = torch.cat(outputs, dim=0)
        product = y.half() @ self.head.weight.t().half()
        return product.to(y.dtype) + self.head.bias


# --- strides -------------------------------------------------------------------------------------


def as_if_contiguous(tensor):
    """What a kernel sees that takes a pointer and sizes, and assumes the strides."""
    strides = torch.empty(tensor.shape, device="meta").stride()
    return torch.as_strided(tensor, tensor.shape, strides, tensor.storage_offset())


class InputStridesAssumed(TimeFirstLSTM):
    def run(self, x, h, c):
        return super().run(as_if_contiguous(x), h, c)


class StateStridesAssumed(ConcatLSTM):
    def run(self, x, h, c):
        return super().run(x, as_if_contiguous(h), as_if_contiguous(c))


class CellInputStridesAssumed(StepCell):
    def gates(self, x, h):
        return super().gates(as_if_contiguous(x), h)


class ViewNeedsContiguous(GateLinears):
    """x.view raises for a transposed input."""

    def run(self, x, h, c):
        B, T, I = x.shape
        projected = self.W_i(x.view(B * T, I)).view(B, T, -1)
        outputs = []
        for t in range(T):
            _, f, g, o = self.gates(x[:, t], h)
            i = projected[:, t] + self.U_i(h)
            h, c = self.combine(*self.activate(i, f, g, o), c)
            outputs.append(h)
        return outputs, h, c


class CopiesWithStrides(TimeFirstLSTM):
    """Expanded tensors have one row of memory for all rows: a copy with such strides raises."""

    def read_state(self, state):
        h, c = (
            torch.empty_strided(s.shape, s.stride(), dtype=s.dtype, device=s.device).copy_(s)
            for s in state
        )
        return h, c
